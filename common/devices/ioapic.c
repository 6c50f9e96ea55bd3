// SPDX-License-Identifier: MIT
/*
 * The 82093AA IO-APIC: turns levels of its 24 inputs into messages to local APICs, as the redirection table
 * says.
 *
 * Source: Intel 82093AA I/O Advanced Programmable Interrupt Controller data sheet (order number
 * 290566-001), 3.2 "IOAPIC Registers"; SDM vol. 3A, 10.8.5 "Signaling Interrupt Servicing Completion" for the
 * EOI broadcast.
 *
 * An edge that arrives at a masked input is lost; a level is seen as long as it lasts. A level-triggered
 * entry sends one message (remote IRR) and the next after the EOI of a local APIC. Delivery modes that have
 * no EOI (NMI, INIT, ExtINT) act on edges alone, as the data sheet demands of software anyhow. Left out:
 * input polarity (ioapic.h), the APIC bus and its arbitration.
 */
#include "devices/ioapic.h"

#include "devices/lapic.h"
#include "machine/machine.h"
#include "vmm/vm.h"

/* Memory-mapped registers */
#define IOAPIC_REGSEL             0x00
#define IOAPIC_WIN                0x10

/* Indirect registers */
#define IOAPIC_REG_ID             0x00
#define IOAPIC_REG_VERSION        0x01
#define IOAPIC_REG_ARB            0x02
#define IOAPIC_REG_REDTBL         0x10
#define IOAPIC_REG_ID_SHIFT       24
#define IOAPIC_REG_ID_MASK        0x0f000000
#define IOAPIC_VERSION            0x11
#define IOAPIC_VERSION_PINS_SHIFT 16 /* the highest entry */

/* A redirection entry; vector and delivery mode as in apic_message */
#define IOAPIC_RTE_MODE_SHIFT     8
#define IOAPIC_RTE_MODE           0x700
#define IOAPIC_RTE_LOGICAL        0x800
#define IOAPIC_RTE_STATUS         0x1000 /* delivery status: messages arrive at once, so never set */
#define IOAPIC_RTE_REMOTE_IRR     0x4000
#define IOAPIC_RTE_LEVEL          0x8000
#define IOAPIC_RTE_MASKED         0x10000
#define IOAPIC_RTE_LOW            0x1afff /* writable in the low half */
#define IOAPIC_RTE_DEST_SHIFT     56

struct ioapic {
	struct vm *vm;
	u32 select;
	u32 id;
	u32 lines; /* levels of the inputs */
	u64 entry[IOAPIC_PINS];
};

static bool entry_is_level(u64 entry)
{
	unsigned mode = (entry & IOAPIC_RTE_MODE) >> IOAPIC_RTE_MODE_SHIFT;

	return (entry & IOAPIC_RTE_LEVEL) && (mode == APIC_MODE_FIXED || mode == APIC_MODE_LOWEST);
}

static bool ioapic_send(struct ioapic *io, u64 entry)
{
	struct apic_message m = {
		.dest = entry >> IOAPIC_RTE_DEST_SHIFT,
		.logical = entry & IOAPIC_RTE_LOGICAL,
		.mode = (entry & IOAPIC_RTE_MODE) >> IOAPIC_RTE_MODE_SHIFT,
		.vector = entry,
		.level = entry_is_level(entry),
	};

	return lapic_send(io->vm, &m);
}

/* A level that nobody has been told of. */
static void ioapic_check_level(struct ioapic *io, unsigned pin)
{
	u64 entry = io->entry[pin];

	if ((io->lines & BIT(pin)) && entry_is_level(entry) &&
	    !(entry & (IOAPIC_RTE_MASKED | IOAPIC_RTE_REMOTE_IRR)) && ioapic_send(io, entry))
		io->entry[pin] |= IOAPIC_RTE_REMOTE_IRR;
}

void ioapic_set_pin(struct vm *vm, unsigned pin, bool level)
{
	struct ioapic *io = vm->ioapic;
	u32 old = io->lines;

	io->lines = level ? old | BIT(pin) : old & ~BIT(pin);
	if (io->lines == old || !level)
		return;
	if (entry_is_level(io->entry[pin]))
		ioapic_check_level(io, pin);
	else if (!(io->entry[pin] & IOAPIC_RTE_MASKED))
		ioapic_send(io, io->entry[pin]);
}

void ioapic_eoi(struct vm *vm, u8 vector)
{
	struct ioapic *io = vm->ioapic;

	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		u64 entry = io->entry[pin];

		if ((u8)entry != vector || !(entry & IOAPIC_RTE_REMOTE_IRR))
			continue;
		io->entry[pin] = entry & ~(u64)IOAPIC_RTE_REMOTE_IRR;
		ioapic_check_level(io, pin);
	}
}

/* ---- registers ---- */

static u32 ioapic_read_reg(const struct ioapic *io)
{
	unsigned half = io->select - IOAPIC_REG_REDTBL;

	switch (io->select) {
	case IOAPIC_REG_ID:
	case IOAPIC_REG_ARB:
		return io->id;
	case IOAPIC_REG_VERSION:
		return IOAPIC_VERSION | (IOAPIC_PINS - 1) << IOAPIC_VERSION_PINS_SHIFT;
	}
	if (half < 2 * IOAPIC_PINS)
		return io->entry[half / 2] >> (half % 2 ? 32 : 0);
	return ~0U;
}

static void ioapic_write_entry(struct ioapic *io, unsigned pin, bool high, u32 value)
{
	u64 entry = io->entry[pin];

	if (high)
		entry = (u32)entry | (u64)(value >> 24) << IOAPIC_RTE_DEST_SHIFT;
	else
		entry = (entry & ~(u64)IOAPIC_RTE_LOW) | (value & IOAPIC_RTE_LOW);
	/* Remote IRR has no meaning for edges: an entry that becomes one forgets it, and older systems end an
	 * interrupt that way. */
	if (!entry_is_level(entry))
		entry &= ~(u64)IOAPIC_RTE_REMOTE_IRR;
	io->entry[pin] = entry;
	ioapic_check_level(io, pin);
}

static void ioapic_write_reg(struct ioapic *io, u32 value)
{
	unsigned half = io->select - IOAPIC_REG_REDTBL;

	if (io->select == IOAPIC_REG_ID)
		io->id = value & IOAPIC_REG_ID_MASK;
	else if (half < 2 * IOAPIC_PINS)
		ioapic_write_entry(io, half / 2, half % 2, value);
}

/* The registers take whole 32-bit accesses; a part of one reads what it should and writes nothing. */
static u64 ioapic_read(void *device, u64 offset, unsigned size)
{
	const struct ioapic *io = device;
	unsigned shift = 8 * (offset & 3);

	(void)size;
	switch (offset & ~3ULL) {
	case IOAPIC_REGSEL:
		return io->select >> shift;
	case IOAPIC_WIN:
		return ioapic_read_reg(io) >> shift;
	}
	return ~0ULL;
}

static void ioapic_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct ioapic *io = device;

	if (offset == IOAPIC_REGSEL)
		io->select = value & 0xff; /* eight bits are there */
	else if (offset == IOAPIC_WIN && size >= sizeof(u32))
		ioapic_write_reg(io, value);
}

static const struct io_ops ioapic_ops = {"ioapic", 0, ioapic_read, ioapic_write};

bool ioapic_create(struct vm *vm)
{
	struct ioapic *io = machine_alloc(sizeof(*io));

	if (io == NULL)
		return false;
	io->vm = vm;
	io->id = IOAPIC_ID << IOAPIC_REG_ID_SHIFT;
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		io->entry[pin] = IOAPIC_RTE_MASKED;
	vm->ioapic = io;
	vm_mmio_add(vm, IOAPIC_GPA, IOAPIC_SIZE, &ioapic_ops, io);
	return true;
}
