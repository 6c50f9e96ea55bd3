// SPDX-License-Identifier: MIT
/*
 * Two 8259A interrupt controllers and the PC's edge/level control registers.
 *
 * Source: Intel 8259A data sheet (order number 231468-003), "Programming the 8259A"; Intel 82371SB (PIIX3)
 * data sheet, 2.5.2 "Interrupt Controller Registers" for ELCR, which replaces ICW1.LTIM.
 *
 * An input in edge mode has to stay high until it is acknowledged: IRR is the latched edge while the line is
 * high. Falling lines take their request back, and an acknowledge that finds none gives the lowest input's
 * vector and sets no ISR bit (the spurious IRQ 7 and 15).
 *
 * Left out: the 8080's CALL sequence (ICW4.uPM = 0 behaves like 8086 mode), buffered mode, and other cascades
 * than the PC's (ICW3 is taken and has no effect).
 */
#include "devices/pic.h"

#include "devices/ioapic.h"
#include "devices/lapic.h"
#include "machine/machine.h"
#include "vmm/vm.h"

#define PIC_INPUTS            8
#define PIC_CASCADE           2 /* the master's input with the slave */
#define PIC_SPURIOUS          7
#define PIC_LOWEST            7 /* the input of lowest priority after initialization */

/* A write to the command port (A0 = 0) */
#define PIC_ICW1              0x10
#define PIC_ICW1_IC4          0x01 /* ICW4 follows */
#define PIC_ICW1_SNGL         0x02 /* no ICW3 */
#define PIC_OCW3              0x08 /* otherwise OCW2 */

#define PIC_ICW2_BASE         0xf8
#define PIC_ICW4_UPM          0x01
#define PIC_ICW4_AEOI         0x02
#define PIC_ICW4_SFNM         0x10

#define PIC_OCW2_LEVEL        0x07
#define PIC_OCW2_COMMAND      0xe0
#define PIC_OCW2_AEOI_CLEAR   0x00 /* rotate in automatic EOI mode: off */
#define PIC_OCW2_EOI          0x20
#define PIC_OCW2_NOP          0x40
#define PIC_OCW2_SPECIFIC     0x60
#define PIC_OCW2_AEOI_SET     0x80
#define PIC_OCW2_ROTATE_EOI   0xa0
#define PIC_OCW2_SET_PRIORITY 0xc0
#define PIC_OCW2_ROTATE_SPEC  0xe0

#define PIC_OCW3_RIS          0x01 /* which register to read, with RR */
#define PIC_OCW3_RR           0x02
#define PIC_OCW3_POLL         0x04
#define PIC_OCW3_SMM          0x20 /* special mask mode, with ESMM */
#define PIC_OCW3_ESMM         0x40

#define PIC_POLL_INTERRUPT    0x80

/* Inputs that can be level-triggered: all but timer, keyboard, cascade, RTC and FPU error */
#define PIC_ELCR_MASTER       0xf8
#define PIC_ELCR_SLAVE        0xde

#define FIRMWARE_BASE_MASTER  0x08
#define FIRMWARE_BASE_SLAVE   0x70

enum pic_expect { PIC_READY, PIC_WANTS_ICW2, PIC_WANTS_ICW3, PIC_WANTS_ICW4 };

struct pic_chip {
	u8 irr, isr, imr;
	u8 lines; /* levels of the inputs */
	u8 elcr;
	u8 elcr_mask;
	u8 base;
	u8 lowest; /* the input of lowest priority */
	enum pic_expect expect;
	bool single, wants_icw4;
	bool auto_eoi, rotate_on_auto_eoi, special_nested, special_mask;
	bool read_isr, poll;
	struct pic *pic;
};

struct pic {
	struct vm *vm;
	struct pic_chip master, slave;
	bool output;
};

/* ---- one chip ---- */

/* The set bit of highest priority, or -1. */
static int chip_highest(const struct pic_chip *c, u8 bits)
{
	for (unsigned i = 1; bits != 0 && i <= PIC_INPUTS; i++) {
		unsigned input = (c->lowest + i) % PIC_INPUTS;

		if (bits & BIT(input))
			return input;
	}
	return -1;
}

static unsigned chip_rank(const struct pic_chip *c, unsigned input)
{
	return (input - c->lowest - 1) % PIC_INPUTS;
}

/* The input that the chip requests service for, or -1: the highest in IRR that no input in service outranks.
 */
static int chip_request(const struct pic_chip *c)
{
	u8 blocking = c->isr;
	int input = chip_highest(c, c->irr & ~c->imr);
	int served;

	if (input < 0 || c->expect != PIC_READY)
		return -1;
	if (c->special_mask)
		blocking &= ~c->imr;
	served = chip_highest(c, blocking);
	/* Special fully nested: a slave in service is not locked out, lower inputs are. */
	if (served == input && c->special_nested && c == &c->pic->master && input == PIC_CASCADE)
		return input;
	if (served >= 0 && chip_rank(c, served) <= chip_rank(c, input))
		return -1;
	return input;
}

static void chip_set_line(struct pic_chip *c, unsigned input, bool level)
{
	u8 bit = BIT(input);

	if (!level)
		c->irr &= ~bit;
	else if ((c->elcr & bit) || !(c->lines & bit))
		c->irr |= bit;
	c->lines = level ? c->lines | bit : c->lines & ~bit;
}

static void chip_acknowledge(struct pic_chip *c, unsigned input)
{
	u8 bit = BIT(input);

	if (!(c->elcr & bit))
		c->irr &= ~bit;
	if (!c->auto_eoi)
		c->isr |= bit;
	else if (c->rotate_on_auto_eoi)
		c->lowest = input;
}

static void chip_icw1(struct pic_chip *c, u8 value)
{
	c->irr = c->lines & c->elcr; /* the edge detectors are reset: an input has to rise again */
	c->isr = 0;
	c->imr = 0;
	c->lowest = PIC_LOWEST;
	c->special_mask = false;
	c->read_isr = false;
	c->poll = false;
	c->auto_eoi = false;
	c->rotate_on_auto_eoi = false;
	c->special_nested = false;
	c->single = value & PIC_ICW1_SNGL;
	c->wants_icw4 = value & PIC_ICW1_IC4;
	c->expect = PIC_WANTS_ICW2;
}

static void chip_ocw2(struct pic_chip *c, u8 value)
{
	unsigned level = value & PIC_OCW2_LEVEL;
	/* In special mask mode a masked bit of ISR is not cleared by a non-specific EOI. */
	int served = chip_highest(c, c->special_mask ? c->isr & ~c->imr : c->isr);

	switch (value & PIC_OCW2_COMMAND) {
	case PIC_OCW2_AEOI_CLEAR:
		c->rotate_on_auto_eoi = false;
		break;
	case PIC_OCW2_AEOI_SET:
		c->rotate_on_auto_eoi = true;
		break;
	case PIC_OCW2_EOI:
	case PIC_OCW2_ROTATE_EOI:
		if (served < 0)
			break;
		c->isr &= ~BIT(served);
		if ((value & PIC_OCW2_COMMAND) == PIC_OCW2_ROTATE_EOI)
			c->lowest = served;
		break;
	case PIC_OCW2_ROTATE_SPEC:
		c->lowest = level;
		c->isr &= ~BIT(level);
		break;
	case PIC_OCW2_SPECIFIC:
		c->isr &= ~BIT(level);
		break;
	case PIC_OCW2_SET_PRIORITY:
		c->lowest = level;
		break;
	case PIC_OCW2_NOP:
		break;
	}
}

static void chip_ocw3(struct pic_chip *c, u8 value)
{
	if (value & PIC_OCW3_ESMM)
		c->special_mask = value & PIC_OCW3_SMM;
	if (value & PIC_OCW3_POLL)
		c->poll = true;
	else if (value & PIC_OCW3_RR)
		c->read_isr = value & PIC_OCW3_RIS;
}

/* A write to the data port: the next initialization word, or OCW1. */
static void chip_write_data(struct pic_chip *c, u8 value)
{
	switch (c->expect) {
	case PIC_READY:
		c->imr = value;
		break;
	case PIC_WANTS_ICW2:
		c->base = value & PIC_ICW2_BASE;
		c->expect = !c->single ? PIC_WANTS_ICW3 : c->wants_icw4 ? PIC_WANTS_ICW4 : PIC_READY;
		break;
	case PIC_WANTS_ICW3:
		c->expect = c->wants_icw4 ? PIC_WANTS_ICW4 : PIC_READY;
		break;
	case PIC_WANTS_ICW4:
		c->auto_eoi = value & PIC_ICW4_AEOI;
		c->special_nested = value & PIC_ICW4_SFNM;
		c->expect = PIC_READY;
		break;
	}
}

/* ---- the pair ---- */

static void pic_set_output(struct pic *p, bool level)
{
	if (level != p->output) {
		p->output = level;
		ioapic_set_pin(p->vm, IOAPIC_PIN_EXTINT, level);
	} else if (!level) {
		return;
	}
	/* Also when the output stays high: the vector that waits may be another one. */
	lapic_pic_changed(p->vm);
}

static void pic_update(struct pic *p)
{
	chip_set_line(&p->master, PIC_CASCADE, chip_request(&p->slave) >= 0);
	pic_set_output(p, chip_request(&p->master) >= 0);
}

void pic_set_line(struct vm *vm, unsigned line, bool level)
{
	struct pic *p = vm->pic;

	chip_set_line(line < PIC_INPUTS ? &p->master : &p->slave, line % PIC_INPUTS, level);
	pic_update(p);
}

bool pic_pending(struct vm *vm)
{
	return vm->pic->output;
}

u8 pic_peek(struct vm *vm)
{
	const struct pic *p = vm->pic;
	int input = chip_request(&p->master);

	if (input < 0)
		return p->master.base | PIC_SPURIOUS;
	if (input != PIC_CASCADE)
		return p->master.base | input;
	input = chip_request(&p->slave);
	return p->slave.base | (input < 0 ? PIC_SPURIOUS : input);
}

/* The chip's INT falls with the acknowledge and rises again if there is more: its edge is what the master, or
 * the IO-APIC, sees. */
u8 pic_ack(struct vm *vm)
{
	struct pic *p = vm->pic;
	u8 vector = pic_peek(vm);
	int input = chip_request(&p->master);

	if (input >= 0)
		chip_acknowledge(&p->master, input);
	if (input == PIC_CASCADE) {
		int slave_input = chip_request(&p->slave);

		if (slave_input >= 0)
			chip_acknowledge(&p->slave, slave_input);
		chip_set_line(&p->master, PIC_CASCADE, false);
	}
	pic_set_output(p, false);
	pic_update(p);
	return vector;
}

/* Poll command: a read is the acknowledge of this one chip. */
static u8 chip_poll(struct pic_chip *c)
{
	struct pic *p = c->pic;
	int input = chip_request(c);

	c->poll = false;
	if (input < 0)
		return 0;
	chip_acknowledge(c, input);
	if (c == &p->slave)
		chip_set_line(&p->master, PIC_CASCADE, false);
	else
		pic_set_output(p, false);
	pic_update(p);
	return PIC_POLL_INTERRUPT | input;
}

static u64 pic_read(void *device, u64 offset, unsigned size)
{
	struct pic_chip *c = device;

	(void)size;
	if (c->poll)
		return chip_poll(c);
	if (offset == 1)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

static void pic_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct pic_chip *c = device;

	(void)size;
	if (offset == 1)
		chip_write_data(c, value);
	else if (value & PIC_ICW1)
		chip_icw1(c, value);
	else if (value & PIC_OCW3)
		chip_ocw3(c, value);
	else
		chip_ocw2(c, value);
	pic_update(c->pic);
}

static u64 elcr_read(void *device, u64 offset, unsigned size)
{
	struct pic *p = device;

	(void)size;
	return offset == 0 ? p->master.elcr : p->slave.elcr;
}

static void elcr_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct pic *p = device;
	struct pic_chip *c = offset == 0 ? &p->master : &p->slave;

	(void)size;
	c->elcr = value & c->elcr_mask;
	c->irr |= c->lines & c->elcr;
	pic_update(p);
}

static const struct io_ops pic_ops = {"pic", 1, pic_read, pic_write};
static const struct io_ops elcr_ops = {"elcr", 1, elcr_read, elcr_write};

static void chip_init_firmware(struct pic_chip *c, u8 base, u8 imr)
{
	chip_icw1(c, PIC_ICW1 | PIC_ICW1_IC4);
	c->base = base;
	c->imr = imr;
	c->expect = PIC_READY;
}

void pic_init_firmware(struct vm *vm)
{
	struct pic *p = vm->pic;

	chip_init_firmware(&p->master, FIRMWARE_BASE_MASTER, (u8)~BIT(PIC_CASCADE));
	chip_init_firmware(&p->slave, FIRMWARE_BASE_SLAVE, 0xff);
	pic_update(p);
}

bool pic_create(struct vm *vm)
{
	struct pic *p = machine_alloc(sizeof(*p));

	if (p == NULL)
		return false;
	p->vm = vm;
	p->master.pic = p;
	p->slave.pic = p;
	p->master.elcr_mask = PIC_ELCR_MASTER;
	p->slave.elcr_mask = PIC_ELCR_SLAVE;
	vm->pic = p;
	vm_pio_add(vm, PIC_MASTER_PORT, PIC_PORTS, &pic_ops, &p->master);
	vm_pio_add(vm, PIC_SLAVE_PORT, PIC_PORTS, &pic_ops, &p->slave);
	vm_pio_add(vm, PIC_ELCR_PORT, PIC_PORTS, &elcr_ops, p);
	pic_init_firmware(vm);
	return true;
}
