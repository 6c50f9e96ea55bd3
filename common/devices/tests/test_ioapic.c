// SPDX-License-Identifier: MIT
// The IO-APIC against the 82093AA data sheet, seen through the local APICs that it sends to.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/ioapic.h"
#include "devices/lapic.h"
#include "devices/pic.h"

#define REGSEL    IOAPIC_GPA
#define WIN       (IOAPIC_GPA + 0x10)

#define LAPIC_EOI (LAPIC_GPA + 0xb0)
#define LAPIC_LDR (LAPIC_GPA + 0xd0)
#define LAPIC_SVR (LAPIC_GPA + 0xf0)

#define LOWEST    0x100
#define NMI       0x400
#define EXTINT    0x700
#define LOGICAL   0x800
#define REMOTE    0x4000
#define LEVEL     0x8000
#define MASKED    0x10000

static u32 get(struct vm *vm, u8 reg)
{
	vm_mmio_write(vm, REGSEL, 4, reg);
	return vm_mmio_read(vm, WIN, 4);
}

static void put(struct vm *vm, u8 reg, u32 value)
{
	vm_mmio_write(vm, REGSEL, 4, reg);
	vm_mmio_write(vm, WIN, 4, value);
}

static void set_entry(struct vm *vm, unsigned pin, u32 low, u8 dest)
{
	put(vm, 0x11 + 2 * pin, (u32)dest << 24);
	put(vm, 0x10 + 2 * pin, low);
}

static void eoi(struct vcpu *v)
{
	vcpu_mmio_write(v, LAPIC_EOI, 4, 0);
}

/* Two vcpus whose local APICs are on. */
static struct vm *start(void)
{
	struct vm *vm = fake_vm(2);

	for (unsigned i = 0; i < 2; i++)
		vcpu_mmio_write(vm->vcpus[i], LAPIC_SVR, 4, 0x1ff);
	return vm;
}

static void test_registers(void)
{
	struct vm *vm = start();

	CU_ASSERT_EQUAL(get(vm, 1), 0x00170011); /* 24 entries */
	put(vm, 1, 0);
	CU_ASSERT_EQUAL(get(vm, 1), 0x00170011);
	put(vm, 0, 0xffffffff);
	CU_ASSERT_EQUAL(get(vm, 0), 0x0f000000);
	CU_ASSERT_EQUAL(vm_mmio_read(vm, REGSEL, 4), 0);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		CU_ASSERT_EQUAL(get(vm, 0x10 + 2 * pin), MASKED);
		put(vm, 0x10 + 2 * pin, 0xffffffff);
		put(vm, 0x11 + 2 * pin, 0xffffffff);
		CU_ASSERT_EQUAL(get(vm, 0x10 + 2 * pin), 0x1afff); /* status and remote IRR are read-only */
		CU_ASSERT_EQUAL(get(vm, 0x11 + 2 * pin), 0xff000000);
	}
	/* Beyond the table */
	put(vm, 0x40, 0);
	put(vm, 0xff, 0);
	CU_ASSERT_EQUAL(get(vm, 0x40), 0xffffffff);
	CU_ASSERT_EQUAL(get(vm, 0x0f), 0xffffffff);
	CU_ASSERT_EQUAL(vm_mmio_read(vm, IOAPIC_GPA + 0x20, 4), 0xffffffff);
	/* A part of a register is not written. */
	put(vm, 0x10, 0x30);
	vm_mmio_write(vm, WIN, 1, 0x55);
	CU_ASSERT_EQUAL(get(vm, 0x10), 0x30);
}

static void test_edge(void)
{
	struct vm *vm = start();
	struct vcpu *v = vm->vcpus[0];

	vm_irq_set(vm, 5, true); /* masked: lost */
	set_entry(vm, 5, 0x50, 0);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	vm_irq_set(vm, 5, false);
	vm_irq_set(vm, 5, true);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x50);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x50);
	eoi(v);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	vm_irq_set(vm, 5, true); /* no edge */
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
}

static void test_level(void)
{
	struct vm *vm = start();
	struct vcpu *v = vm->vcpus[0];

	vm_irq_set(vm, 11, true);
	set_entry(vm, 11, 0x61 | LEVEL, 0); /* seen as soon as it is unmasked */
	CU_ASSERT_EQUAL(get(vm, 0x10 + 22) & REMOTE, REMOTE);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x61);
	vm_irq_set(vm, 11, true);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	eoi(v); /* still there: again */
	CU_ASSERT_EQUAL(lapic_pending(v), 0x61);
	lapic_ack(v);
	vm_irq_set(vm, 11, false);
	eoi(v);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	CU_ASSERT_EQUAL(get(vm, 0x10 + 22) & REMOTE, 0);
	/* An edge entry forgets remote IRR. */
	vm_irq_set(vm, 11, true);
	CU_ASSERT_EQUAL(get(vm, 0x10 + 22) & REMOTE, REMOTE);
	put(vm, 0x10 + 22, 0x61 | MASKED);
	CU_ASSERT_EQUAL(get(vm, 0x10 + 22) & REMOTE, 0);
}

static void test_eoi_by_vector(void)
{
	struct vm *vm = start();
	struct vcpu *v = vm->vcpus[0];

	set_entry(vm, 10, 0x60 | LEVEL, 0);
	set_entry(vm, 11, 0x70 | LEVEL, 0);
	vm_irq_set(vm, 10, true);
	vm_irq_set(vm, 11, true);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x70);
	vm_irq_set(vm, 10, false);
	vm_irq_set(vm, 11, false);
	eoi(v); /* of 0x70 alone */
	CU_ASSERT_EQUAL(get(vm, 0x10 + 20) & REMOTE, REMOTE);
	CU_ASSERT_EQUAL(get(vm, 0x10 + 22) & REMOTE, 0);
}

static void test_destinations(void)
{
	struct vm *vm = start();

	set_entry(vm, 5, 0x50, 1);
	vm_irq_set(vm, 5, true);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), -1);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[1]), 0x50);
	set_entry(vm, 6, 0x51, 0xff); /* all */
	vm_irq_set(vm, 6, true);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), 0x51);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[1]), 0x51);
	vcpu_mmio_write(vm->vcpus[0], LAPIC_LDR, 4, 0x01000000);
	vcpu_mmio_write(vm->vcpus[1], LAPIC_LDR, 4, 0x02000000);
	set_entry(vm, 7, 0x62 | LOGICAL, 0x02);
	vm_irq_set(vm, 7, true);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), 0x51);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[1]), 0x62);
	/* Lowest priority: vcpu 1 is busy with 0x62. */
	lapic_ack(vm->vcpus[1]);
	set_entry(vm, 9, 0x73 | LOWEST | LOGICAL, 0x03);
	vm_irq_set(vm, 9, true);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), 0x73);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[1]), -1);
	/* Nobody there: a level waits until somebody is. */
	set_entry(vm, 11, 0x80 | LEVEL, 7);
	vm_irq_set(vm, 11, true);
	CU_ASSERT_EQUAL(get(vm, 0x10 + 22) & REMOTE, 0);
	set_entry(vm, 11, 0x80 | LEVEL, 0);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), 0x80);
}

static void test_nmi(void)
{
	struct vm *vm = start();

	set_entry(vm, 5, NMI | LEVEL, 0); /* NMI is an edge, whatever is programmed */
	vm_irq_set(vm, 5, true);
	CU_ASSERT_EQUAL(fake_nmis[0], 1);
	CU_ASSERT_EQUAL(fake_nmis[1], 0);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), -1);
}

static void test_pit_pin(void)
{
	struct vm *vm = start();

	set_entry(vm, 2, 0x40, 0);
	vm_irq_set(vm, 0, false);
	vm_irq_set(vm, 0, true);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), 0x40);
}

/* MultiProcessor Specification 1.4, 3.6.2.3 "Virtual Wire Mode": via the IO-APIC */
static void test_extint(void)
{
	struct vm *vm = start();
	struct vcpu *v = vm->vcpus[1];

	vcpu_mmio_write(vm->vcpus[0], LAPIC_GPA + 0x350, 4, MASKED); /* not through LINT0 */
	set_entry(vm, 0, EXTINT, 1);
	out8p(vm, PIC_MASTER_PORT + 1, 0xe7); /* lines 3 and 4 */
	vm_irq_set(vm, 3, true);
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), -1);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x0b);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x0b);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	vm_irq_set(vm, 4, true);
	out8p(vm, PIC_MASTER_PORT, 0x20);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x0c);
	vm_irq_set(vm, 4, false); /* gone before it was taken */
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
}

UNIT_MAIN("ioapic", {"registers", test_registers}, {"edge", test_edge}, {"level", test_level},
	  {"EOI by vector", test_eoi_by_vector}, {"destinations", test_destinations}, {"NMI", test_nmi},
	  {"pin of the PIT", test_pit_pin}, {"ExtINT", test_extint})
