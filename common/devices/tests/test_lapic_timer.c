// SPDX-License-Identifier: MIT
// The timer of the local APIC against SDM vol. 3A, 10.5.4.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/lapic.h"

#define EOI         0x0b0
#define SVR         0x0f0
#define LVT         0x320
#define INITIAL     0x380
#define CURRENT     0x390
#define DIVIDE      0x3e0

#define VECTOR      0x40
#define PERIODIC    0x20000
#define DEADLINE    0x40000
#define MASKED      0x10000

#define DIVIDE_BY_1 0xb

static u32 get(struct vcpu *v, unsigned reg)
{
	return vcpu_mmio_read(v, LAPIC_GPA + reg, 4);
}

static void put(struct vcpu *v, unsigned reg, u32 value)
{
	vcpu_mmio_write(v, LAPIC_GPA + reg, 4, value);
}

static struct vcpu *start(u32 lvt)
{
	struct vcpu *v = fake_vm(1)->vcpus[0];

	put(v, DIVIDE, DIVIDE_BY_1);
	put(v, LVT, lvt);
	return v;
}

static unsigned take(struct vcpu *v)
{
	unsigned count = 0;

	for (; lapic_pending(v) >= 0; count++) {
		CU_ASSERT_EQUAL(lapic_ack(v), VECTOR);
		put(v, EOI, 0);
	}
	return count;
}

static void test_one_shot(void)
{
	struct vcpu *v = start(VECTOR);

	put(v, INITIAL, 1000);
	CU_ASSERT_EQUAL(get(v, CURRENT), 1000);
	fake_run(v->vm, 400);
	CU_ASSERT_EQUAL(get(v, CURRENT), 600);
	CU_ASSERT_EQUAL(get(v, INITIAL), 1000);
	fake_run(v->vm, 599);
	CU_ASSERT_EQUAL(take(v), 0);
	CU_ASSERT_EQUAL(get(v, CURRENT), 1);
	fake_run(v->vm, 1);
	CU_ASSERT_EQUAL(take(v), 1);
	CU_ASSERT_EQUAL(get(v, CURRENT), 0);
	fake_run(v->vm, FAKE_HZ);
	CU_ASSERT_EQUAL(take(v), 0);
	CU_ASSERT_EQUAL(v->vm->next_deadline, VM_TIMER_OFF);
	put(v, INITIAL, 1000);
	put(v, INITIAL, 0); /* stops it */
	fake_run(v->vm, FAKE_HZ);
	CU_ASSERT_EQUAL(take(v), 0);
}

static void test_periodic(void)
{
	struct vcpu *v = start(VECTOR | PERIODIC);
	unsigned count = 0;

	put(v, INITIAL, FAKE_MS);
	for (unsigned i = 0; i < 100; i++) {
		fake_run(v->vm, FAKE_MS / 2);
		count += take(v);
	}
	CU_ASSERT_EQUAL(count, 50);
	fake_run(v->vm, 100);
	CU_ASSERT_EQUAL(get(v, CURRENT), FAKE_MS - 100);
	/* Late: one interrupt for all periods, then on the same grid. */
	fake_sleep(v->vm, 10 * FAKE_MS);
	CU_ASSERT_EQUAL(take(v), 1);
	CU_ASSERT_EQUAL(get(v, CURRENT), FAKE_MS - 100);
	fake_run(v->vm, FAKE_MS - 101);
	CU_ASSERT_EQUAL(take(v), 0);
	fake_run(v->vm, 1);
	CU_ASSERT_EQUAL(take(v), 1);
}

static void test_rate_limit(void)
{
	struct vcpu *v = start(VECTOR | PERIODIC);

	put(v, INITIAL, 1);
	CU_ASSERT(fake_run(v->vm, FAKE_HZ / 100) <= VM_TIMER_MAX_HZ / 100 + 1);
	CU_ASSERT_EQUAL(get(v, CURRENT), 1);
}

static void test_divide(void)
{
	static const struct {
		u32 value, divisor;
	} divide[] = {{0x0, 2}, {0x1, 4}, {0x2, 8}, {0x3, 16}, {0x8, 32}, {0x9, 64}, {0xa, 128}, {0xb, 1}};
	struct vcpu *v = start(VECTOR);

	for (unsigned i = 0; i < ARRAY_SIZE(divide); i++) {
		put(v, DIVIDE, divide[i].value | 0xfffffff4);
		CU_ASSERT_EQUAL(get(v, DIVIDE), divide[i].value);
		put(v, INITIAL, 100);
		fake_run(v->vm, 100 * divide[i].divisor - 1);
		CU_ASSERT_EQUAL(get(v, CURRENT), 1);
		CU_ASSERT_EQUAL(take(v), 0);
		fake_run(v->vm, 1);
		CU_ASSERT_EQUAL(take(v), 1);
	}
	/* Changed on the way: the count stays, the rate changes. */
	put(v, INITIAL, 1000);
	fake_run(v->vm, 500);
	put(v, DIVIDE, 0x0);
	CU_ASSERT_EQUAL(get(v, CURRENT), 500);
	fake_run(v->vm, 999);
	CU_ASSERT_EQUAL(take(v), 0);
	fake_run(v->vm, 1);
	CU_ASSERT_EQUAL(take(v), 1);
}

static void test_masked(void)
{
	struct vcpu *v = start(VECTOR | MASKED);

	put(v, INITIAL, 1000);
	CU_ASSERT_EQUAL(v->vm->next_deadline, VM_TIMER_OFF);
	fake_run(v->vm, 900);
	CU_ASSERT_EQUAL(get(v, CURRENT), 100); /* counts all the same */
	put(v, LVT, VECTOR);
	fake_run(v->vm, 100);
	CU_ASSERT_EQUAL(take(v), 1);
	put(v, LVT, VECTOR | MASKED);
	put(v, INITIAL, 1000);
	fake_run(v->vm, 2000);
	put(v, LVT, VECTOR); /* it ran out while masked: lost */
	fake_run(v->vm, FAKE_HZ);
	CU_ASSERT_EQUAL(take(v), 0);
	/* Ran out unmasked, and the guest changes the LVT before the timer of the VM came: not lost. */
	put(v, INITIAL, 1000);
	fake_ticks += 1500;
	put(v, LVT, VECTOR | MASKED);
	CU_ASSERT_EQUAL(take(v), 1);
}

static void test_deadline(void)
{
	struct vcpu *v = start(VECTOR);
	u64 tsc = vm_now(v->vm); /* the guest's began with the VM */

	lapic_set_tsc_deadline(v->lapic, tsc + 1000); /* not this mode: ignored */
	CU_ASSERT_EQUAL(lapic_tsc_deadline(v->lapic), 0);
	put(v, LVT, VECTOR | DEADLINE);
	lapic_set_tsc_deadline(v->lapic, tsc + 1000);
	CU_ASSERT_EQUAL(lapic_tsc_deadline(v->lapic), tsc + 1000);
	put(v, INITIAL, 10); /* ignored in this mode */
	CU_ASSERT_EQUAL(get(v, CURRENT), 0);
	fake_run(v->vm, 999);
	CU_ASSERT_EQUAL(take(v), 0);
	fake_run(v->vm, 1);
	CU_ASSERT_EQUAL(take(v), 1);
	CU_ASSERT_EQUAL(lapic_tsc_deadline(v->lapic), 0);
	lapic_set_tsc_deadline(v->lapic, 1); /* in the past: at once */
	CU_ASSERT_EQUAL(take(v), 1);
	lapic_set_tsc_deadline(v->lapic, tsc + 5000);
	lapic_set_tsc_deadline(v->lapic, 0); /* disarms */
	fake_run(v->vm, 10000);
	CU_ASSERT_EQUAL(take(v), 0);
	lapic_set_tsc_deadline(v->lapic, ~0ULL);
	CU_ASSERT(v->vm->next_deadline < VM_TIMER_OFF);
	CU_ASSERT(v->vm->next_deadline + v->vm->tsc_start > v->vm->next_deadline); /* no overflow */
	put(v, LVT, VECTOR); /* leaving the mode disarms */
	CU_ASSERT_EQUAL(v->vm->next_deadline, VM_TIMER_OFF);
	/* A guest that wrote its TSC */
	put(v, LVT, VECTOR | DEADLINE);
	v->tsc_offset += 1000000;
	lapic_set_tsc_deadline(v->lapic, vm_now(v->vm) + 1000000 + 50);
	fake_run(v->vm, 49);
	CU_ASSERT_EQUAL(take(v), 0);
	fake_run(v->vm, 1);
	CU_ASSERT_EQUAL(take(v), 1);
}

static void test_mode_change(void)
{
	struct vcpu *v = start(VECTOR);

	put(v, INITIAL, 1000);
	fake_run(v->vm, 500);
	put(v, LVT, VECTOR | PERIODIC); /* goes on, and comes back */
	fake_run(v->vm, 500);
	CU_ASSERT_EQUAL(take(v), 1);
	CU_ASSERT_EQUAL(get(v, CURRENT), 1000);
	put(v, SVR, 0xff); /* software-disabled: masked */
	CU_ASSERT_EQUAL(v->vm->next_deadline, VM_TIMER_OFF);
	CU_ASSERT_EQUAL(lapic_timer_hz(v->vm), FAKE_HZ);
}

UNIT_MAIN("lapic timer", {"one-shot", test_one_shot}, {"periodic", test_periodic},
	  {"rate limit", test_rate_limit}, {"divide", test_divide}, {"masked", test_masked},
	  {"TSC-deadline", test_deadline}, {"mode change", test_mode_change})
