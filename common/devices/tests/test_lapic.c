// SPDX-License-Identifier: MIT
// The local APIC against SDM vol. 3A, chapter 10.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/lapic.h"
#include "devices/pic.h"

#define ID         0x020
#define VERSION    0x030
#define TPR        0x080
#define PPR        0x0a0
#define EOI        0x0b0
#define LDR        0x0d0
#define DFR        0x0e0
#define SVR        0x0f0
#define ISR        0x100
#define TMR        0x180
#define IRR        0x200
#define ESR        0x280
#define ICR_LOW    0x300
#define ICR_HIGH   0x310
#define LVT_TIMER  0x320
#define LINT0      0x350
#define LINT1      0x360
#define LVT_ERROR  0x370

#define MASKED     0x10000
#define ENABLED    0x100

#define ICR_NMI    0x400
#define ICR_INIT   0x500
#define ICR_SIPI   0x600
#define ICR_ASSERT 0x4000
#define ICR_LEVEL  0x8000
#define TO_SELF    0x40000
#define TO_ALL     0x80000
#define TO_OTHERS  0xc0000

static u32 get(struct vcpu *v, unsigned reg)
{
	return vcpu_mmio_read(v, LAPIC_GPA + reg, 4);
}

static void put(struct vcpu *v, unsigned reg, u32 value)
{
	vcpu_mmio_write(v, LAPIC_GPA + reg, 4, value);
}

static struct vcpu *start(void)
{
	return fake_vm(1)->vcpus[0];
}

static void self(struct vcpu *v, u8 vector)
{
	put(v, ICR_LOW, TO_SELF | ICR_ASSERT | vector);
}

static void test_firmware_state(void)
{
	struct vm *vm = fake_vm(2);
	struct vcpu *v = vm->vcpus[0];

	CU_ASSERT_EQUAL(lapic_base(v->lapic), 0xfee00900);
	CU_ASSERT_EQUAL(lapic_base(vm->vcpus[1]->lapic), 0xfee00800);
	CU_ASSERT_EQUAL(get(v, SVR), 0x1ff);
	CU_ASSERT_EQUAL(get(v, LINT0), 0x8700);
	CU_ASSERT_EQUAL(get(v, LINT1), 0x8400);
	CU_ASSERT_EQUAL(get(v, LVT_TIMER), MASKED);
	CU_ASSERT_EQUAL(get(v, ID), 0);
	CU_ASSERT_EQUAL(get(v, VERSION), 0x00050014);
	CU_ASSERT_EQUAL(get(v, DFR), 0xffffffff);
	v = vm->vcpus[1];
	CU_ASSERT_EQUAL(get(v, ID), 0x01000000);
	CU_ASSERT_EQUAL(get(v, SVR), 0xff);
	CU_ASSERT_EQUAL(get(v, LINT0), MASKED);
	CU_ASSERT_EQUAL(vm_mmio_read(vm, LAPIC_GPA + ID, 4), 0); /* an access of nobody is the first vcpu's */
}

static void test_priorities(void)
{
	struct vcpu *v = start();

	self(v, 0x51);
	self(v, 0x31);
	CU_ASSERT_EQUAL(get(v, IRR + 0x10), 1 << 17);
	CU_ASSERT_EQUAL(get(v, IRR + 0x20), 1 << 17);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x51);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x51);
	CU_ASSERT_EQUAL(get(v, ISR + 0x20), 1 << 17);
	CU_ASSERT_EQUAL(get(v, IRR + 0x20), 0);
	CU_ASSERT_EQUAL(get(v, PPR), 0x50);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	self(v, 0x5f); /* the same class does not interrupt */
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	self(v, 0x60);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x60);
	put(v, EOI, 0);
	CU_ASSERT_EQUAL(get(v, PPR), 0x50);
	put(v, EOI, 0);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x5f);
	put(v, EOI, 0);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x31);
	put(v, EOI, 0);
	put(v, EOI, 0); /* of nothing */
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	CU_ASSERT_EQUAL(get(v, PPR), 0);
}

static void test_tpr(void)
{
	struct vcpu *v = start();

	self(v, 0x45);
	lapic_set_cr8(v->lapic, 4);
	CU_ASSERT_EQUAL(get(v, TPR), 0x40);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	lapic_set_cr8(v->lapic, 3);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x45);
	put(v, TPR, 0x4f);
	CU_ASSERT_EQUAL(lapic_cr8(v->lapic), 4);
	CU_ASSERT_EQUAL(v->cr8, 4);
	CU_ASSERT_EQUAL(get(v, PPR), 0x4f); /* sub-class too, where TPR decides */
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	put(v, TPR, 0);
	lapic_ack(v);
	put(v, TPR, 0x25);
	CU_ASSERT_EQUAL(get(v, PPR), 0x40); /* the vector in service decides */
	put(v, PPR, 0xff);                  /* read-only */
	CU_ASSERT_EQUAL(get(v, PPR), 0x40);
}

static void test_software_disable(void)
{
	struct vcpu *v = start();

	self(v, 0x45);
	put(v, SVR, 0xff);
	CU_ASSERT_EQUAL(lapic_pending(v), -1); /* held */
	CU_ASSERT_EQUAL(get(v, LINT0), 0x18700);
	put(v, LINT0, 0x700); /* cannot be unmasked */
	CU_ASSERT_EQUAL(get(v, LINT0), 0x10700);
	self(v, 0x66); /* not accepted */
	put(v, SVR, ENABLED | 0xff);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x45);
	CU_ASSERT_EQUAL(get(v, IRR + 0x30), 0);
	put(v, LINT0, 0x700);
	CU_ASSERT_EQUAL(get(v, LINT0), 0x700);
}

static void test_virtual_wire(void)
{
	struct vcpu *v = start();
	struct vm *vm = v->vm;

	out8p(vm, PIC_MASTER_PORT + 1, 0xf7);
	vm_irq_set(vm, 3, true);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x0b);
	lapic_set_cr8(v->lapic, 15);
	CU_ASSERT_EQUAL(lapic_pending(v), 0x0b); /* ExtINT knows no priority */
	lapic_set_cr8(v->lapic, 0);
	put(v, LINT0, 0x10700);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	put(v, LINT0, 0x700);
	self(v, 0x20); /* the APIC's own go first */
	CU_ASSERT_EQUAL(lapic_ack(v), 0x20);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x0b);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	out8p(vm, PIC_MASTER_PORT, 0x20);
	/* Software-disabled the LVT is masked; hardware-disabled the pin is INTR. */
	put(v, SVR, 0xff);
	vm_irq_set(vm, 3, false);
	vm_irq_set(vm, 3, true);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	CU_ASSERT_TRUE(lapic_set_base(v->lapic, 0xfee00100));
	CU_ASSERT_EQUAL(lapic_pending(v), 0x0b);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x0b);
}

static void test_lint_modes(void)
{
	struct vcpu *v = start();
	struct vm *vm = v->vm;

	lapic_lint1(v->lapic);
	CU_ASSERT_EQUAL(fake_nmis[0], 1);
	put(v, LINT1, MASKED | 0x400);
	lapic_lint1(v->lapic);
	CU_ASSERT_EQUAL(fake_nmis[0], 1);
	put(v, LINT1, 0x44); /* fixed */
	lapic_lint1(v->lapic);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x44);
	put(v, EOI, 0);
	put(v, LINT0, 0x400); /* the PICs as NMI: each rising edge */
	out8p(vm, PIC_MASTER_PORT + 1, 0xf7);
	vm_irq_set(vm, 3, true);
	CU_ASSERT_EQUAL(fake_nmis[0], 2);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
}

static void test_base(void)
{
	struct vcpu *v = start();

	CU_ASSERT_FALSE(lapic_set_base(v->lapic, 0xfee00d00)); /* x2APIC */
	CU_ASSERT_FALSE(lapic_set_base(v->lapic, 0xfef00900)); /* another place */
	CU_ASSERT_FALSE(lapic_set_base(v->lapic, 0xfee00901)); /* reserved */
	CU_ASSERT_FALSE(lapic_set_base(v->lapic, BIT(63) | 0xfee00900));
	CU_ASSERT_TRUE(lapic_set_base(v->lapic, 0xfee00900));
	CU_ASSERT_EQUAL(get(v, SVR), 0x1ff); /* nothing happened */
	CU_ASSERT_TRUE(lapic_set_base(v->lapic, 0xfee00000));
	CU_ASSERT_EQUAL(lapic_base(v->lapic), 0xfee00100);
	CU_ASSERT_EQUAL(get(v, SVR), 0xffffffff); /* nothing answers */
	put(v, SVR, 0x1ff);
	CU_ASSERT_TRUE(lapic_set_base(v->lapic, 0xfee00900));
	CU_ASSERT_EQUAL(get(v, SVR), 0xff); /* as after reset */
}

static void test_errors(void)
{
	struct vcpu *v = start();

	put(v, LVT_ERROR, 0x70);
	CU_ASSERT_EQUAL(get(v, 0x040), 0); /* no such register */
	CU_ASSERT_EQUAL(get(v, ESR), 0);   /* latched by a write alone */
	put(v, ESR, 0);
	CU_ASSERT_EQUAL(get(v, ESR), 0x80);
	CU_ASSERT_EQUAL(lapic_ack(v), 0x70);
	put(v, EOI, 0);
	put(v, ESR, 0);
	CU_ASSERT_EQUAL(get(v, ESR), 0);
	self(v, 0x0f);
	self(v, 0x0e); /* no second interrupt before ESR is written */
	CU_ASSERT_EQUAL(lapic_ack(v), 0x70);
	put(v, EOI, 0);
	CU_ASSERT_EQUAL(lapic_pending(v), -1);
	put(v, ESR, 0);
	CU_ASSERT_EQUAL(get(v, ESR), 0x20);
	put(v, LVT_ERROR, 0x05); /* an illegal vector for errors is one more error, and no loop */
	put(v, 0x3f0, 1);
	put(v, ESR, 0);
	CU_ASSERT_EQUAL(get(v, ESR), 0xc0);
	put(v, VERSION, 0); /* read-only, but there */
	put(v, ESR, 0);
	CU_ASSERT_EQUAL(get(v, ESR), 0);
}

static void test_access_width(void)
{
	struct vcpu *v = start();

	CU_ASSERT_EQUAL(vcpu_mmio_read(v, LAPIC_GPA + SVR, 1), 0xff);
	CU_ASSERT_EQUAL(vcpu_mmio_read(v, LAPIC_GPA + SVR + 1, 1), 0x01);
	CU_ASSERT_EQUAL(vcpu_mmio_read(v, LAPIC_GPA + SVR + 4, 4), 0);
	vcpu_mmio_write(v, LAPIC_GPA + SVR, 1, 0);
	vcpu_mmio_write(v, LAPIC_GPA + SVR + 4, 4, 0);
	CU_ASSERT_EQUAL(get(v, SVR), 0x1ff);
	put(v, LVT_TIMER, 0xffffffff);
	CU_ASSERT_EQUAL(get(v, LVT_TIMER), 0x700ff); /* writable bits */
	put(v, LVT_ERROR, 0xffffffff);
	CU_ASSERT_EQUAL(get(v, LVT_ERROR), 0x100ff);
	put(v, LINT0, 0xffffffff);
	CU_ASSERT_EQUAL(get(v, LINT0), 0x1a7ff);
}

static void test_ipi(void)
{
	struct vm *vm = fake_vm(3);
	struct vcpu **v = vm->vcpus;

	for (unsigned i = 0; i < 3; i++) {
		put(v[i], SVR, 0x1ff);
		put(v[i], LDR, 0x01000000 << i);
	}
	put(v[0], ICR_HIGH, 2 << 24);
	put(v[0], ICR_LOW, ICR_ASSERT | 0x40);
	CU_ASSERT_EQUAL(lapic_pending(v[1]), -1);
	CU_ASSERT_EQUAL(lapic_pending(v[2]), 0x40);
	CU_ASSERT_EQUAL(get(v[0], ICR_LOW), ICR_ASSERT | 0x40); /* idle again */
	put(v[0], ICR_HIGH, 3 << 24);
	put(v[0], ICR_LOW, ICR_ASSERT | 0x800 | 0x41); /* logical, flat */
	CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x41);
	CU_ASSERT_EQUAL(lapic_pending(v[1]), 0x41);
	CU_ASSERT_EQUAL(lapic_pending(v[2]), 0x40);
	put(v[1], ICR_LOW, TO_OTHERS | ICR_ASSERT | 0x52);
	CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x52);
	CU_ASSERT_EQUAL(lapic_pending(v[1]), 0x41);
	CU_ASSERT_EQUAL(lapic_pending(v[2]), 0x52);
	put(v[1], ICR_LOW, TO_ALL | ICR_ASSERT | 0x63);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(lapic_pending(v[i]), 0x63);
	put(v[1], ICR_LOW, TO_OTHERS | ICR_ASSERT | ICR_NMI);
	CU_ASSERT_EQUAL(fake_nmis[0] + 10 * fake_nmis[1] + 100 * fake_nmis[2], 101);
	put(v[1], ICR_LOW, TO_SELF | ICR_ASSERT | ICR_NMI); /* invalid, table 10-3 */
	CU_ASSERT_EQUAL(fake_nmis[1], 0);
	put(v[1], ICR_HIGH, 1 << 24);
	put(v[1], ICR_LOW, ICR_ASSERT | ICR_NMI); /* to oneself by ID */
	CU_ASSERT_EQUAL(fake_nmis[1], 1);
}

static void test_cluster(void)
{
	struct vm *vm = fake_vm(3);
	struct vcpu **v = vm->vcpus;
	static const u8 logical[] = {0x11, 0x12, 0x21};

	for (unsigned i = 0; i < 3; i++) {
		put(v[i], SVR, 0x1ff);
		put(v[i], DFR, 0);
		CU_ASSERT_EQUAL(get(v[i], DFR), 0x0fffffff);
		put(v[i], LDR, (u32)logical[i] << 24);
	}
	put(v[2], ICR_HIGH, 0x13u << 24);
	put(v[2], ICR_LOW, ICR_ASSERT | 0x800 | 0x44);
	CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x44);
	CU_ASSERT_EQUAL(lapic_pending(v[1]), 0x44);
	CU_ASSERT_EQUAL(lapic_pending(v[2]), -1);
	put(v[2], ICR_HIGH, 0x12u << 24); /* the cluster's number is no member */
	put(v[2], ICR_LOW, ICR_ASSERT | 0x800 | 0x55);
	CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x44);
	CU_ASSERT_EQUAL(lapic_pending(v[1]), 0x55);
}

static void test_startup(void)
{
	struct vm *vm = fake_vm(2);
	struct lapic *a = vm->vcpus[1]->lapic;
	struct vcpu *v = vm->vcpus[0];

	put(v, ICR_HIGH, 1 << 24);
	put(v, ICR_LOW, ICR_INIT | ICR_LEVEL | ICR_ASSERT);
	CU_ASSERT_TRUE(lapic_take_init(a));
	CU_ASSERT_FALSE(lapic_take_init(a));
	put(v, ICR_LOW, ICR_INIT | ICR_LEVEL); /* de-assert */
	CU_ASSERT_FALSE(lapic_take_init(a));
	CU_ASSERT_EQUAL(lapic_take_sipi(a), -1);
	put(v, ICR_LOW, ICR_SIPI | ICR_ASSERT | 0x9a);
	put(v, ICR_LOW, ICR_SIPI | ICR_ASSERT | 0x9b); /* the second is ignored */
	CU_ASSERT_EQUAL(lapic_take_sipi(a), 0x9a);
	CU_ASSERT_EQUAL(lapic_take_sipi(a), -1);
	put(v, ICR_HIGH, 0);
	put(v, ICR_LOW, ICR_SIPI | ICR_ASSERT | 0x9a); /* a running processor ignores it */
	CU_ASSERT_EQUAL(lapic_take_sipi(v->lapic), -1);
}

static void test_spurious(void)
{
	struct vcpu *v = start();

	put(v, SVR, ENABLED | 0xe7);
	CU_ASSERT_EQUAL(lapic_ack(v), 0xe7);
	CU_ASSERT_EQUAL(get(v, ISR + 0x70), 0);
}

UNIT_MAIN("lapic", {"firmware state", test_firmware_state}, {"priorities", test_priorities},
	  {"TPR", test_tpr}, {"software disable", test_software_disable}, {"virtual wire", test_virtual_wire},
	  {"modes of LINT", test_lint_modes}, {"IA32_APIC_BASE", test_base}, {"errors", test_errors},
	  {"access width", test_access_width}, {"IPI", test_ipi}, {"cluster model", test_cluster},
	  {"start-up", test_startup}, {"spurious", test_spurious})
