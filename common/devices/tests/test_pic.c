// SPDX-License-Identifier: MIT
// The PICs against the 8259A data sheet.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/pic.h"

#define M_CMD  PIC_MASTER_PORT
#define M_DATA (PIC_MASTER_PORT + 1)
#define S_CMD  PIC_SLAVE_PORT
#define S_DATA (PIC_SLAVE_PORT + 1)

#define BASE_M 0x30
#define BASE_S 0x38
#define EOI    0x20

static void init(struct vm *vm, u8 icw4)
{
	out8p(vm, M_CMD, 0x11);
	out8p(vm, M_DATA, BASE_M);
	out8p(vm, M_DATA, 0x04);
	out8p(vm, M_DATA, icw4);
	out8p(vm, S_CMD, 0x11);
	out8p(vm, S_DATA, BASE_S);
	out8p(vm, S_DATA, 0x02);
	out8p(vm, S_DATA, icw4);
}

static struct vm *start(u8 icw4)
{
	struct vm *vm = fake_vm(1);

	init(vm, icw4);
	return vm;
}

static void pulse(struct vm *vm, unsigned line)
{
	pic_set_line(vm, line, false);
	pic_set_line(vm, line, true);
}

static u8 read_irr(struct vm *vm, u16 port)
{
	out8p(vm, port, 0x0a);
	return in8p(vm, port);
}

static u8 read_isr(struct vm *vm, u16 port)
{
	out8p(vm, port, 0x0b);
	return in8p(vm, port);
}

static void test_firmware_state(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_EQUAL(in8p(vm, M_DATA), 0xfb); /* all masked but the cascade */
	CU_ASSERT_EQUAL(in8p(vm, S_DATA), 0xff);
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0);
	CU_ASSERT_FALSE(pic_pending(vm));
	pulse(vm, 3);
	CU_ASSERT_FALSE(pic_pending(vm));
	out8p(vm, M_DATA, 0xf7);
	CU_ASSERT_TRUE(pic_pending(vm));
	CU_ASSERT_EQUAL(pic_ack(vm), 0x0b);
}

static void test_init_sequence(void)
{
	struct vm *vm = start(0x01);

	CU_ASSERT_EQUAL(in8p(vm, M_DATA), 0); /* ICW1 clears the mask */
	out8p(vm, M_DATA, 0xa5);
	CU_ASSERT_EQUAL(in8p(vm, M_DATA), 0xa5); /* ready: the data port is the mask */
	/* SNGL and no ICW4: one word. */
	out8p(vm, M_CMD, 0x12);
	pulse(vm, 0);
	CU_ASSERT_FALSE(pic_pending(vm)); /* not while it is being initialized */
	out8p(vm, M_DATA, 0x47);          /* the low three bits of the base are not there */
	CU_ASSERT_TRUE(pic_pending(vm));
	CU_ASSERT_EQUAL(pic_ack(vm), 0x40);
	/* ICW1 resets the edge detectors and the registers. */
	pulse(vm, 1);
	init(vm, 0x01);
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0);
	CU_ASSERT_FALSE(pic_pending(vm));
}

static void test_nesting(void)
{
	struct vm *vm = start(0x01);

	pulse(vm, 5);
	pulse(vm, 3);
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0x28);
	CU_ASSERT_EQUAL(pic_peek(vm), BASE_M + 3);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 3);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x08);
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0x20);
	CU_ASSERT_FALSE(pic_pending(vm)); /* 5 is lower */
	pulse(vm, 3);
	CU_ASSERT_FALSE(pic_pending(vm)); /* and so is another 3 */
	pulse(vm, 1);
	CU_ASSERT_TRUE(pic_pending(vm));
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 1);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x0a);
	out8p(vm, M_CMD, EOI); /* the highest in service: 1 */
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x08);
	CU_ASSERT_FALSE(pic_pending(vm));
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 3);
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 5);
}

static void test_specific_eoi(void)
{
	struct vm *vm = start(0x01);

	pulse(vm, 5);
	pic_ack(vm);
	pulse(vm, 1);
	pic_ack(vm);
	out8p(vm, M_CMD, 0x65);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x02);
	out8p(vm, M_CMD, 0x64); /* not in service: nothing */
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x02);
	out8p(vm, M_CMD, 0x40); /* no operation */
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x02);
}

static void test_edge(void)
{
	struct vm *vm = start(0x01);

	pic_set_line(vm, 4, true);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 4);
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_FALSE(pic_pending(vm)); /* still high: no new edge */
	pic_set_line(vm, 4, true);
	CU_ASSERT_FALSE(pic_pending(vm));
	pulse(vm, 4);
	CU_ASSERT_TRUE(pic_pending(vm));
	/* Gone before the acknowledge: the default IR7, without an ISR bit. */
	pic_set_line(vm, 4, false);
	CU_ASSERT_FALSE(pic_pending(vm));
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 7);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0);
}

static void test_level(void)
{
	struct vm *vm = start(0x01);

	out8p(vm, PIC_ELCR_PORT, 0xff);
	out8p(vm, PIC_ELCR_PORT + 1, 0xff);
	CU_ASSERT_EQUAL(in8p(vm, PIC_ELCR_PORT), 0xf8); /* timer, keyboard and cascade are edges */
	CU_ASSERT_EQUAL(in8p(vm, PIC_ELCR_PORT + 1), 0xde);
	pic_set_line(vm, 5, true);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 5);
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0x20); /* as long as the line is high */
	CU_ASSERT_FALSE(pic_pending(vm));
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_TRUE(pic_pending(vm));
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 5);
	pic_set_line(vm, 5, false);
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_FALSE(pic_pending(vm));
}

static void test_cascade(void)
{
	struct vm *vm = start(0x01);

	pulse(vm, 12);
	pulse(vm, 9);
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0x04);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_S + 1);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x04);
	CU_ASSERT_EQUAL(read_isr(vm, S_CMD), 0x02);
	CU_ASSERT_FALSE(pic_pending(vm));
	pulse(vm, 8); /* higher in the slave, but the master's input 2 is in service */
	CU_ASSERT_FALSE(pic_pending(vm));
	out8p(vm, S_CMD, EOI);
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_S + 0);
	out8p(vm, S_CMD, EOI);
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_S + 4);
	out8p(vm, S_CMD, EOI);
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_FALSE(pic_pending(vm));
}

static void test_special_nested(void)
{
	struct vm *vm = start(0x11);

	pulse(vm, 12);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_S + 4);
	pulse(vm, 9); /* the master lets its own slave through */
	CU_ASSERT_TRUE(pic_pending(vm));
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_S + 1);
	pulse(vm, 13);
	CU_ASSERT_FALSE(pic_pending(vm));
	pulse(vm, 5); /* below the slave's input */
	CU_ASSERT_FALSE(pic_pending(vm));
}

static void test_auto_eoi(void)
{
	struct vm *vm = start(0x03);

	pulse(vm, 5);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 5);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0);
	pulse(vm, 6);
	CU_ASSERT_TRUE(pic_pending(vm));
	pic_ack(vm);
	out8p(vm, M_CMD, 0x80); /* rotate in automatic EOI mode */
	pulse(vm, 0);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 0); /* now the lowest */
	pulse(vm, 0);
	pulse(vm, 7);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 7);
	out8p(vm, M_CMD, 0x00); /* off: 7 stays the lowest */
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 0);
	pulse(vm, 0);
	pulse(vm, 1);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 0);
}

static void test_rotation(void)
{
	struct vm *vm = start(0x01);

	out8p(vm, M_CMD, 0xc4); /* 4 is the lowest, 5 the highest */
	pulse(vm, 3);
	pulse(vm, 6);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 6);
	out8p(vm, M_CMD, 0xa0); /* rotate on non-specific EOI: 6 lowest */
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0);
	pulse(vm, 6);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 3);
	out8p(vm, M_CMD, 0xe3); /* rotate on specific EOI: 3 lowest */
	pulse(vm, 3);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 6);
}

static void test_special_mask(void)
{
	struct vm *vm = start(0x01);

	pulse(vm, 2 + 1);
	pic_ack(vm);
	pulse(vm, 6);
	CU_ASSERT_FALSE(pic_pending(vm));
	out8p(vm, M_DATA, 0x08); /* mask the one in service */
	CU_ASSERT_FALSE(pic_pending(vm));
	out8p(vm, M_CMD, 0x68); /* special mask mode */
	CU_ASSERT_TRUE(pic_pending(vm));
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 6);
	out8p(vm, M_CMD, EOI); /* does not clear a masked ISR bit */
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x08);
	out8p(vm, M_CMD, EOI);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x08);
	out8p(vm, M_CMD, 0x63);
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0);
	out8p(vm, M_CMD, 0x48); /* mode off */
	pulse(vm, 4);
	pic_ack(vm);
	pulse(vm, 5);
	CU_ASSERT_FALSE(pic_pending(vm));
}

static void test_poll(void)
{
	struct vm *vm = start(0x01);

	out8p(vm, M_CMD, 0x0c);
	CU_ASSERT_EQUAL(in8p(vm, M_CMD), 0); /* nothing there */
	pulse(vm, 6);
	out8p(vm, M_CMD, 0x0c);
	CU_ASSERT_EQUAL(in8p(vm, M_CMD), 0x86);
	CU_ASSERT_FALSE(pic_pending(vm)); /* the read was the acknowledge */
	CU_ASSERT_EQUAL(read_isr(vm, M_CMD), 0x40);
	out8p(vm, M_CMD, EOI);
	pulse(vm, 10);
	out8p(vm, M_CMD, 0x0c);
	CU_ASSERT_EQUAL(in8p(vm, M_CMD), 0x82);
	out8p(vm, S_CMD, 0x0c);
	CU_ASSERT_EQUAL(in8p(vm, S_CMD), 0x82);
	CU_ASSERT_EQUAL(read_isr(vm, S_CMD), 0x04);
}

static void test_masked_then_unmasked(void)
{
	struct vm *vm = start(0x01);

	out8p(vm, M_DATA, 0xff);
	pulse(vm, 1);
	CU_ASSERT_FALSE(pic_pending(vm));
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0x02); /* remembered */
	out8p(vm, M_DATA, 0xfd);
	CU_ASSERT_EQUAL(pic_ack(vm), BASE_M + 1);
	out8p(vm, S_DATA, 0xff);
	pulse(vm, 15);
	CU_ASSERT_EQUAL(read_irr(vm, M_CMD), 0); /* a masked input of the slave does not reach the master */
	CU_ASSERT_EQUAL(read_irr(vm, S_CMD), 0x80);
}

UNIT_MAIN("pic", {"firmware state", test_firmware_state}, {"initialization", test_init_sequence},
	  {"nesting", test_nesting}, {"specific EOI", test_specific_eoi}, {"edge", test_edge},
	  {"level", test_level}, {"cascade", test_cascade}, {"special fully nested", test_special_nested},
	  {"automatic EOI", test_auto_eoi}, {"rotation", test_rotation}, {"special mask", test_special_mask},
	  {"poll", test_poll}, {"masked, then unmasked", test_masked_then_unmasked})
