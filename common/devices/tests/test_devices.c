// SPDX-License-Identifier: MIT
// All devices together: memory that runs out, and a guest that writes anything anywhere.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/devices.h"
#include "devices/ioapic.h"
#include "devices/lapic.h"
#include "devices/pic.h"
#include "devices/uart.h"

#define ROUNDS 200000

static void test_out_of_memory(void)
{
	int needed = 0;

	for (int allocs = 0; allocs < 100; allocs++) {
		struct vm *vm = fake_bare_vm();

		fake_allocs = allocs;
		if (devices_create(vm))
			break;
		needed++;
	}
	CU_ASSERT(needed >= 7 && needed < 100); /* one for each device at least */
	fake_bare_vm();
	{
		static struct vcpu v;

		v = (struct vcpu){.vm = fake_bare_vm()};
		fake_allocs = 0;
		CU_ASSERT_FALSE(lapic_create(&v));
	}
}

static void test_quiet(void)
{
	struct vm *vm = fake_vm(1);

	/* At start nothing runs and nothing is pending, so a guest that halts is seen to wait for nothing. */
	CU_ASSERT_EQUAL(vm->next_deadline, VM_TIMER_OFF);
	CU_ASSERT_FALSE(pic_pending(vm));
	CU_ASSERT_EQUAL(lapic_pending(vm->vcpus[0]), -1);
	CU_ASSERT_FALSE(uart_wants_input(vm));
	CU_ASSERT_EQUAL(in8p(vm, 0x80), 0xff);
	out8p(vm, 0x80, 1);
}

static u64 random_state;

static u64 random_next(void)
{
	random_state ^= random_state << 13; /* Marsaglia, "Xorshift RNGs" (2003) */
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Values at the edges come as often as others. */
static u64 random_value(void)
{
	static const u64 edges[] = {0,      1,       0x7f,       0x80,       0xff,
				    0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
	u64 r = random_next();

	return r & 1 ? r >> 8 : edges[(r >> 8) % ARRAY_SIZE(edges)];
}

/* What a kernel that works would do, so that the noise does not leave everything disabled for good. */
static void revive(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *v = vm->vcpus[i];

		CU_ASSERT_TRUE(lapic_set_base(v->lapic, 0xfee00900));
		lapic_set_cr8(v->lapic, 0);
		vcpu_mmio_write(v, LAPIC_GPA + 0xf0, 4, 0x1ff);
		for (unsigned served = 0; served < 256; served++)
			vcpu_mmio_write(v, LAPIC_GPA + 0xb0, 4, 0);
	}
}

static void hostile_access(struct vm *vm)
{
	static const u16 ports[] = {0x20, 0xa0, 0x40,  0x60,  0x61,  0x64, 0x70,
				    0x92, 0xf4, 0x3f8, 0x4d0, 0xcf8, 0xcfc};
	struct vcpu *v = vm->vcpus[random_next() % vm->vcpu_count];
	unsigned size = 1 << random_next() % 3;
	u16 port = ports[random_next() % ARRAY_SIZE(ports)];
	gpa_t gpa = random_next() & 1 ? LAPIC_GPA : IOAPIC_GPA;

	port += random_next() % 8;
	gpa += random_next() % 0x1010;
	if (random_next() % 4 != 0)
		gpa &= ~0xc0fULL; /* a register, most likely */
	switch (random_next() % 8) {
	case 0:
		vm_pio_read(vm, port, size);
		break;
	case 1:
	case 2:
		vm_pio_write(vm, port, size, random_value());
		break;
	case 3:
		vcpu_mmio_read(v, gpa, 2 * size);
		break;
	case 4:
	case 5:
		vcpu_mmio_write(v, gpa, 2 * size, random_value());
		break;
	case 6:
		lapic_set_tsc_deadline(v->lapic, random_value());
		break;
	case 7:
		if (!lapic_set_base(v->lapic, random_next() & 1 ? 0xfee00800 : random_value()))
			lapic_set_cr8(v->lapic, random_value());
		break;
	}
}

/* What the cached answer must be, from the registers alone. */
static void check(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct lapic *a = vm->vcpus[i]->lapic;
		int cached = a->pending, irr = -1, isr = -1;

		for (int bit = 0; bit < 256; bit++) {
			if (a->irr.words[bit / 32] >> bit % 32 & 1)
				irr = bit;
			if (a->isr.words[bit / 32] >> bit % 32 & 1)
				isr = bit;
		}
		if (irr != a->highest_irr || isr != a->highest_isr || cached > 255 || cached < -1 ||
		    a->pic_line != pic_pending(vm) || vm->vcpus[i]->cr8 != lapic_cr8(a)) {
			CU_FAIL("the cache of a local APIC is wrong");
			return;
		}
	}
}

static void test_hostile(void)
{
	struct vm *vm = fake_vm(3);
	u64 taken = 0;

	random_state = 0x9e3779b97f4a7c15;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct vcpu *v = vm->vcpus[random_next() % 3];

		hostile_access(vm);
		if (random_next() % 4 == 0) {
			unsigned shift = 20 + random_next() % 44;

			fake_ticks += random_next() >> shift;
		}
		if (i % 64 == 0)
			revive(vm);
		if (i % 8 == 0) { /* as a device with MSI would */
			struct apic_message m = {.dest = 0xff, .vector = random_next(), .level = i % 16 == 0};

			lapic_send(vm, &m);
		}
		if (fake_ticks > BIT(62))
			fake_ticks = vm->tsc_start; /* the clock goes backwards: not even that may hurt */
		vm_timers_run(vm);
		if (random_next() % 2 == 0 && lapic_pending(v) >= 0) {
			int pending = lapic_pending(v);

			CU_ASSERT_EQUAL(lapic_ack(v), pending);
			taken++;
		}
		if (random_next() % 16 == 0)
			uart_receive(vm, i);
		if (i % 16 == 0)
			check(vm);
	}
	CU_ASSERT(taken > 5000); /* it did reach something */
}

UNIT_MAIN("devices", {"out of memory", test_out_of_memory}, {"quiet at start", test_quiet},
	  {"a hostile guest", test_hostile})
