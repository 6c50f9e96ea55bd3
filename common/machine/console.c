// SPDX-License-Identifier: MIT
/*
 * The console: the 16550 UART of COM1 at 115200 8N1, polled. Nothing is buffered, so a message is out before
 * the next statement runs, also in a machine that is about to die.
 *
 * Source: National Semiconductor, "PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs", 8
 * "Registers". Left out: interrupts, flow control, a machine without COM1 (bytes are dropped after a bounded
 * wait).
 */
#include "lib/print.h"
#include "machine/internal.h"
#include "x86/asm.h"

#define COM1              0x3f8

#define UART_RBR          0 /* receiver buffer, read */
#define UART_THR          0 /* transmitter holding, write */
#define UART_DLL          0 /* divisor latch, low byte, while LCR.DLAB is set */
#define UART_IER          1 /* interrupt enable */
#define UART_DLM          1 /* divisor latch, high byte, while LCR.DLAB is set */
#define UART_FCR          2 /* FIFO control, write */
#define UART_FCR_ENABLE   0x01
#define UART_FCR_CLEAR_RX 0x02
#define UART_FCR_CLEAR_TX 0x04
#define UART_LCR          3 /* line control */
#define UART_LCR_8N1      0x03
#define UART_LCR_DLAB     0x80
#define UART_MCR          4 /* modem control */
#define UART_MCR_DTR      0x01
#define UART_MCR_RTS      0x02
#define UART_LSR          5    /* line status */
#define UART_LSR_DR       0x01 /* a byte was received */
#define UART_LSR_THRE     0x20 /* the holding register (FIFO) is empty */
#define UART_LSR_TEMT     0x40 /* the shift register too */

#define UART_CLOCK_HZ     1843200
#define UART_OVERSAMPLE   16
#define CONSOLE_BAUD      115200
#define UART_DIVISOR      (UART_CLOCK_HZ / UART_OVERSAMPLE / CONSOLE_BAUD)

/* Reads of LSR before a byte is given up: a byte takes 87 microseconds, a read of a port at least half of
 * one. */
#define UART_POLLS_MAX    1000000

static bool console_ready;
static bool at_line_start = true;

static void wait_for(u8 lsr_bit)
{
	for (unsigned polls = 0; polls < UART_POLLS_MAX; polls++) {
		if (in8(COM1 + UART_LSR) & lsr_bit)
			return;
	}
	console_ready = false; /* no UART, or a dead one: do not wait again for each byte */
}

void console_init(void)
{
	out8(COM1 + UART_IER, 0);
	out8(COM1 + UART_LCR, UART_LCR_DLAB);
	out8(COM1 + UART_DLL, UART_DIVISOR & 0xff);
	out8(COM1 + UART_DLM, UART_DIVISOR >> 8);
	out8(COM1 + UART_LCR, UART_LCR_8N1);
	out8(COM1 + UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_RX | UART_FCR_CLEAR_TX);
	out8(COM1 + UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	console_ready = true;
}

static void send(u8 byte)
{
	wait_for(UART_LSR_THRE);
	out8(COM1 + UART_THR, byte);
}

void console_putc(char c)
{
	if (!console_ready)
		return;
	if (c == '\n')
		send('\r');
	send((u8)c);
	at_line_start = c == '\n';
}

void console_fresh_line(void)
{
	if (!at_line_start)
		console_putc('\n');
}

int console_getc(void)
{
	if (!console_ready || !(in8(COM1 + UART_LSR) & UART_LSR_DR))
		return -1;
	return in8(COM1 + UART_RBR);
}

void console_flush(void)
{
	if (console_ready)
		wait_for(UART_LSR_TEMT);
}
