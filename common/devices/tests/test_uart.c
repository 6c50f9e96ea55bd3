// SPDX-License-Identifier: MIT
// The UART against the PC16550D data sheet.
#include "fake.h"
#include "lib/tests/unit.h"

#include <string.h>

#include "devices/pic.h"
#include "devices/uart.h"

enum { DATA = UART_PORT, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

#define OUT2     0x08
#define LOOP     0x10
#define NO_CAUSE 0x01

/* IRQ 4 as the PIC sees it: in IRR, since firmware leaves it masked. */
static bool irq(struct vm *vm)
{
	return in8p(vm, PIC_MASTER_PORT) & BIT(UART_IRQ);
}

static void test_transmit(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_EQUAL(in8p(vm, LSR), 0x60); /* THRE, TEMT */
	out8p(vm, DATA, 'H');
	CU_ASSERT_EQUAL(in8p(vm, LSR), 0x60);
	out8p(vm, DATA, 'i');
	CU_ASSERT_EQUAL(fake_console_used, 2);
	CU_ASSERT_EQUAL(memcmp(fake_console, "Hi", 2), 0);
	/* A wide OUT: the second byte goes to the next register. */
	vm_pio_write(vm, DATA, 2, 0x0021);
	CU_ASSERT_EQUAL(fake_console_used, 3);
	CU_ASSERT_EQUAL(in8p(vm, IER), 0);
}

static void test_divisor(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, LCR, 0x83);
	out8p(vm, DATA, 0x0c);
	out8p(vm, IER, 0x01);
	CU_ASSERT_EQUAL(in8p(vm, DATA), 0x0c);
	CU_ASSERT_EQUAL(in8p(vm, IER), 0x01);
	out8p(vm, LCR, 0x03);
	CU_ASSERT_EQUAL(in8p(vm, LCR), 0x03);
	CU_ASSERT_EQUAL(in8p(vm, IER), 0); /* the other register */
	CU_ASSERT_EQUAL(fake_console_used, 0);
	out8p(vm, SCR, 0x5a);
	CU_ASSERT_EQUAL(in8p(vm, SCR), 0x5a);
}

static void test_receive(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_TRUE(uart_receive(vm, 'a'));
	CU_ASSERT_FALSE(uart_receive(vm, 'b')); /* no FIFO: one byte */
	CU_ASSERT_EQUAL(in8p(vm, LSR), 0x61);
	CU_ASSERT_EQUAL(in8p(vm, DATA), 'a');
	CU_ASSERT_EQUAL(in8p(vm, LSR), 0x60);
	CU_ASSERT_EQUAL(in8p(vm, DATA), 0);
	CU_ASSERT_FALSE(irq(vm)); /* not enabled */
	CU_ASSERT_FALSE(uart_wants_input(vm));
	out8p(vm, IER, 0x01);
	out8p(vm, MCR, OUT2);
	CU_ASSERT_TRUE(uart_wants_input(vm));
	uart_receive(vm, 'c');
	CU_ASSERT_TRUE(irq(vm));
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0x04);
	CU_ASSERT_EQUAL(in8p(vm, DATA), 'c');
	CU_ASSERT_FALSE(irq(vm));
	CU_ASSERT_EQUAL(in8p(vm, IIR), NO_CAUSE);
}

static void test_out2_gates(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, IER, 0x01);
	uart_receive(vm, 'x');
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0x04); /* the chip has a cause ... */
	CU_ASSERT_FALSE(irq(vm));             /* ... and the PC's gate is closed */
	out8p(vm, MCR, OUT2);
	CU_ASSERT_TRUE(irq(vm));
	out8p(vm, MCR, 0);
	CU_ASSERT_FALSE(irq(vm));
}

static void test_transmit_interrupt(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, MCR, OUT2);
	out8p(vm, IER, 0x02); /* the transmitter is empty already */
	CU_ASSERT_TRUE(irq(vm));
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0x02); /* the read takes it back */
	CU_ASSERT_FALSE(irq(vm));
	CU_ASSERT_EQUAL(in8p(vm, IIR), NO_CAUSE);
	out8p(vm, IER, 0x02); /* was enabled: no new edge */
	CU_ASSERT_FALSE(irq(vm));
	out8p(vm, DATA, 'x');
	CU_ASSERT_TRUE(irq(vm));
	out8p(vm, IER, 0);
	CU_ASSERT_FALSE(irq(vm));
}

static void test_priorities(void)
{
	struct vm *vm = fake_vm(1);

	/* An overrun can only be made in loopback. */
	out8p(vm, MCR, LOOP);
	out8p(vm, DATA, 1);
	out8p(vm, DATA, 2);
	out8p(vm, MCR, LOOP | 0x02); /* RTS: CTS changes */
	out8p(vm, IER, 0x0f);
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0x06); /* line status */
	CU_ASSERT_EQUAL(in8p(vm, LSR), 0x63); /* the read clears OE */
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0x04); /* received data */
	CU_ASSERT_EQUAL(in8p(vm, DATA), 1);   /* the byte that came too late is gone */
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0x02); /* transmitter */
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0x00); /* modem status */
	in8p(vm, MSR);
	CU_ASSERT_EQUAL(in8p(vm, IIR), NO_CAUSE);
}

static void test_fifo(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, FCR, 0x81); /* enabled, trigger at 8 */
	out8p(vm, IER, 0x01);
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0xc1);
	for (unsigned i = 0; i < 7; i++)
		CU_ASSERT_TRUE(uart_receive(vm, i));
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0xcc); /* below the trigger: time-out */
	uart_receive(vm, 7);
	CU_ASSERT_EQUAL(in8p(vm, IIR), 0xc4);
	for (unsigned i = 8; i < 16; i++)
		CU_ASSERT_TRUE(uart_receive(vm, i));
	CU_ASSERT_FALSE(uart_receive(vm, 16));
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(in8p(vm, DATA), i);
	CU_ASSERT_TRUE(uart_receive(vm, 16)); /* around the end of the ring */
	for (unsigned i = 3; i <= 16; i++)
		CU_ASSERT_EQUAL(in8p(vm, DATA), i);
	uart_receive(vm, 1);
	out8p(vm, FCR, 0x83); /* reset the receiver */
	CU_ASSERT_EQUAL(in8p(vm, LSR), 0x60);
	uart_receive(vm, 1);
	out8p(vm, FCR, 0); /* off: the FIFO is emptied too */
	CU_ASSERT_EQUAL(in8p(vm, LSR), 0x60);
	CU_ASSERT_EQUAL(in8p(vm, IIR), NO_CAUSE);
}

static void test_loopback(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_EQUAL(in8p(vm, MSR), 0xb0); /* DCD, DSR, CTS: somebody is there */
	out8p(vm, MCR, LOOP | 0x0f);
	CU_ASSERT_EQUAL(in8p(vm, MSR), 0xf0); /* RI came: its leading edge is no TERI */
	out8p(vm, DATA, 0x77);
	CU_ASSERT_EQUAL(fake_console_used, 0);
	CU_ASSERT_EQUAL(in8p(vm, DATA), 0x77);
	CU_ASSERT_FALSE(uart_receive(vm, 1));
	out8p(vm, MCR, LOOP | 0x0a);          /* DTR and OUT1 fall */
	CU_ASSERT_EQUAL(in8p(vm, MSR), 0x96); /* DCD, CTS; TERI, DDSR */
	CU_ASSERT_EQUAL(in8p(vm, MSR), 0x90);
	out8p(vm, MCR, 0xff);
	CU_ASSERT_EQUAL(in8p(vm, MCR), 0x1f);
}

UNIT_MAIN("uart", {"transmit", test_transmit}, {"divisor and scratch", test_divisor},
	  {"receive", test_receive}, {"OUT2 gates the interrupt", test_out2_gates},
	  {"transmit interrupt", test_transmit_interrupt}, {"priorities", test_priorities},
	  {"fifo", test_fifo}, {"loopback", test_loopback})
