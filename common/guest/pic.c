// SPDX-License-Identifier: MIT
/*
 * The two 8259 interrupt controllers and channel 0 of the 8254 timer.
 * Source: Intel 8259A data sheet, "Initialization Command Words", "Operation Command Words"; Intel 82C54 data
 * sheet, "Programming".
 */
#include "guest/harness.h"

#define PIC1            0x20
#define PIC2            0xa0
#define PIC_DATA        1
#define PIC_ICW1        0x11 /* edge triggered, cascaded, ICW4 follows */
#define PIC_ICW4        0x01 /* 8086 mode, EOI by software */
#define PIC_CASCADE_IRQ 2
#define PIC_OCW2_EOI    0x20 /* non-specific */
#define PIC_OCW3_IRR    0x0a
#define PIC_OCW3_ISR    0x0b
#define PIC_LINES       8

#define PIT_CHANNEL0    0x40
#define PIT_COMMAND     0x43
#define PIT_LOW_HIGH    0x30 /* channel 0, low byte and then high byte */
#define PIT_LATCH       0x00 /* channel 0 */
#define PIT_MODE_SHIFT  1

static u16 mask = 0xffff;

static void write_mask(void)
{
	out8(PIC1 + PIC_DATA, (u8)mask);
	out8(PIC2 + PIC_DATA, (u8)(mask >> 8));
}

void pic_unmask(unsigned irq)
{
	mask &= (u16)~BIT(irq);
	if (irq >= PIC_LINES)
		mask &= (u16)~BIT(PIC_CASCADE_IRQ);
	write_mask();
}

void pic_mask(unsigned irq)
{
	mask |= (u16)BIT(irq);
	write_mask();
}

void pic_eoi(unsigned irq)
{
	if (irq >= PIC_LINES)
		out8(PIC2, PIC_OCW2_EOI);
	out8(PIC1, PIC_OCW2_EOI);
}

static u16 read_both(u8 ocw3)
{
	u8 low;

	out8(PIC1, ocw3);
	out8(PIC2, ocw3);
	low = in8(PIC1);
	return (u16)(low | in8(PIC2) << 8);
}

u16 pic_request_register(void)
{
	return read_both(PIC_OCW3_IRR);
}

u16 pic_service_register(void)
{
	return read_both(PIC_OCW3_ISR);
}

/* A request that went away before it was acknowledged comes as line 7, without a bit in the ISR. 8259A, "Edge
 * and level triggered modes". */
bool pic_is_spurious(u64 vector)
{
	bool master = vector == VEC_PIC + PIC_LINES - 1, slave = vector == VEC_PIC + 2 * PIC_LINES - 1;

	if ((!master && !slave) || pic_service_register() & BIT(vector - VEC_PIC))
		return false;
	if (slave)
		out8(PIC1, PIC_OCW2_EOI); /* the cascade line is in service all the same */
	return true;
}

void pit_start(unsigned mode, u16 count)
{
	out8(PIT_COMMAND, (u8)(PIT_LOW_HIGH | mode << PIT_MODE_SHIFT));
	out8(PIT_CHANNEL0, (u8)count);
	out8(PIT_CHANNEL0, (u8)(count >> 8));
}

u16 pit_read(void)
{
	u8 low;

	out8(PIT_COMMAND, PIT_LATCH);
	low = in8(PIT_CHANNEL0);
	return (u16)(low | in8(PIT_CHANNEL0) << 8);
}

/* Mode 0 without a count: the output is low and stays so. Initialising the PICs forgets requests and what is
 * in service. */
void pic_restore(void)
{
	out8(PIT_COMMAND, PIT_LOW_HIGH);
	mask = 0xffff;
	out8(PIC1, PIC_ICW1);
	out8(PIC1 + PIC_DATA, VEC_PIC);
	out8(PIC1 + PIC_DATA, BIT(PIC_CASCADE_IRQ));
	out8(PIC1 + PIC_DATA, PIC_ICW4);
	out8(PIC2, PIC_ICW1);
	out8(PIC2 + PIC_DATA, VEC_PIC + PIC_LINES);
	out8(PIC2 + PIC_DATA, PIC_CASCADE_IRQ);
	out8(PIC2 + PIC_DATA, PIC_ICW4);
	write_mask();
}
