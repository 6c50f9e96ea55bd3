// SPDX-License-Identifier: MIT
// The buses: who answers, how accesses are split, interrupt lines, timers.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/pic.h"

/* A device that keeps a log of the accesses that reach it, and answers with the offset in each byte. */
struct log {
	unsigned count;
	struct {
		u64 offset, value;
		unsigned size;
	} entry[16];
};

static void log_add(struct log *l, u64 offset, unsigned size, u64 value)
{
	if (l->count < ARRAY_SIZE(l->entry)) {
		l->entry[l->count].offset = offset;
		l->entry[l->count].size = size;
		l->entry[l->count].value = value;
	}
	l->count++;
}

static u64 log_read(void *device, u64 offset, unsigned size)
{
	u64 value = 0;

	log_add(device, offset, size, 0);
	for (unsigned i = 0; i < 8; i++) /* more than was asked for: the bus cuts it */
		value |= (offset + i) << (8 * i);
	return value;
}

static void log_write(void *device, u64 offset, unsigned size, u64 value)
{
	log_add(device, offset, size, value);
}

static const struct io_ops any_ops = {"any", 0, log_read, log_write};
static const struct io_ops byte_ops = {"byte", 1, log_read, log_write};

static void test_unknown(void)
{
	struct vm *vm = fake_bare_vm();

	CU_ASSERT_EQUAL(vm_pio_read(vm, 0x80, 1), 0xff);
	CU_ASSERT_EQUAL(vm_pio_read(vm, 0x80, 2), 0xffff);
	CU_ASSERT_EQUAL(vm_pio_read(vm, 0xffff, 4), 0xffffffff);
	vm_pio_write(vm, 0xffff, 4, 0); /* lost */
	CU_ASSERT_EQUAL(vm_mmio_read(vm, 0xd0000000, 8), ~0ULL);
	CU_ASSERT_EQUAL(vm_mmio_read(vm, ~0ULL, 4), 0xffffffff);
	vm_mmio_write(vm, ~0ULL, 8, 0);
	CU_ASSERT_FALSE(vm_is_mmio(vm, 0xd0000000));
}

static void test_ports(void)
{
	struct vm *vm = fake_bare_vm();
	struct log any = {0}, byte = {0};

	vm_pio_add(vm, 0x100, 4, &any_ops, &any);
	vm_pio_add(vm, 0x104, 2, &byte_ops, &byte);
	CU_ASSERT_EQUAL(vm_pio_read(vm, 0x100, 4), 0x03020100);
	CU_ASSERT_EQUAL(vm_pio_read(vm, 0x102, 1), 0x02);
	CU_ASSERT_EQUAL(any.count, 2); /* each in one piece */
	vm_pio_write(vm, 0x101, 2, 0xffff1234);
	CU_ASSERT_EQUAL(any.entry[2].offset, 1);
	CU_ASSERT_EQUAL(any.entry[2].size, 2);
	CU_ASSERT_EQUAL(any.entry[2].value, 0x1234);
	/* Too wide for the device: bytes, the low one first. */
	vm_pio_write(vm, 0x104, 2, 0xbbaa);
	CU_ASSERT_EQUAL(byte.count, 2);
	CU_ASSERT_EQUAL(byte.entry[0].value, 0xaa);
	CU_ASSERT_EQUAL(byte.entry[1].offset, 1);
	CU_ASSERT_EQUAL(byte.entry[1].value, 0xbb);
}

static void test_ports_across(void)
{
	struct vm *vm = fake_bare_vm();
	struct log a = {0}, b = {0};

	vm_pio_add(vm, 0x100, 2, &any_ops, &a);
	vm_pio_add(vm, 0x102, 1, &any_ops, &b);
	/* Begins in one device, goes on in the next and ends in nothing. */
	CU_ASSERT_EQUAL(vm_pio_read(vm, 0x101, 4), 0xffff0001);
	CU_ASSERT_EQUAL(a.count, 1);
	CU_ASSERT_EQUAL(b.count, 1);
	/* Begins in nothing. */
	CU_ASSERT_EQUAL(vm_pio_read(vm, 0xff, 2), 0x00ff);
	vm_pio_write(vm, 0xff, 2, 0x5544);
	CU_ASSERT_EQUAL(a.entry[a.count - 1].value, 0x55);
	vm_pio_add(vm, 0xffff, 1, &any_ops, &a);
	CU_ASSERT_EQUAL(vm_pio_read(vm, 0xffff, 2), 0xff00); /* no way around the end */
}

static void test_mmio(void)
{
	struct vm *vm = fake_bare_vm();
	struct log any = {0}, byte = {0};

	vm_mmio_add(vm, 0xd0000000, 0x10, &any_ops, &any);
	vm_mmio_add(vm, 0xd0000010, 0x10, &byte_ops, &byte);
	CU_ASSERT_TRUE(vm_is_mmio(vm, 0xd000001f));
	CU_ASSERT_FALSE(vm_is_mmio(vm, 0xd0000020));
	CU_ASSERT_FALSE(vm_is_mmio(vm, 0xcfffffff));
	CU_ASSERT_EQUAL(vm_mmio_read(vm, 0xd0000000, 8), 0x0706050403020100);
	CU_ASSERT_EQUAL(any.count, 1);
	/* Four bytes here, four there one by one. */
	CU_ASSERT_EQUAL(vm_mmio_read(vm, 0xd000000c, 8), 0x030201000f0e0d0c);
	CU_ASSERT_EQUAL(byte.count, 4);
	vm_mmio_write(vm, 0xd000001e, 4, 0x44332211);
	CU_ASSERT_EQUAL(byte.count, 6);
	CU_ASSERT_EQUAL(byte.entry[5].value, 0x22);
}

static void test_overlap(void)
{
	struct vm *vm = fake_bare_vm();
	struct log l = {0};

	vm_pio_add(vm, 0x100, 4, &any_ops, &l);
	CU_ASSERT_TRUE(FAKE_PANICS(vm_pio_add(vm, 0x103, 1, &any_ops, &l)));
	CU_ASSERT_TRUE(FAKE_PANICS(vm_pio_add(vm, 0xffff, 2, &any_ops, &l)));
	CU_ASSERT_FALSE(FAKE_PANICS(vm_pio_add(vm, 0x104, 1, &any_ops, &l)));
	vm_mmio_add(vm, 0x1000, 0x1000, &any_ops, &l);
	CU_ASSERT_TRUE(FAKE_PANICS(vm_mmio_add(vm, 0x1fff, 1, &any_ops, &l)));
	CU_ASSERT_TRUE(FAKE_PANICS(vm_mmio_add(vm, 0x800, 0x801, &any_ops, &l)));
	CU_ASSERT_FALSE(FAKE_PANICS(vm_mmio_add(vm, 0x2000, 1, &any_ops, &l)));
	CU_ASSERT_TRUE(FAKE_PANICS(for (unsigned i = 0; i < VM_MMIO_RANGES; i++)
					   vm_mmio_add(vm, 0x10000 + i, 1, &any_ops, &l)));
}

static void test_irq_line(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_TRUE(FAKE_PANICS(vm_irq_set(vm, 16, true)));
	CU_ASSERT_TRUE(FAKE_PANICS(vm_irq_set(vm, 2, true)));
	vm_irq_set(vm, 5, true);
	CU_ASSERT_EQUAL(in8p(vm, PIC_MASTER_PORT) & 0x20, 0x20); /* IRR */
	vm_irq_set(vm, 13, true);
	CU_ASSERT_EQUAL(in8p(vm, PIC_SLAVE_PORT) & 0x20, 0x20);
}

static unsigned fired[3];
static struct vm *timer_vm;
static struct vm_timer timers[3];

static void fire(struct vm_timer *t)
{
	fired[t - timers]++;
}

static void fire_again(struct vm_timer *t)
{
	fire(t);
	vm_timer_set(timer_vm, t, 0); /* in the past */
}

static void test_timers(void)
{
	struct vm *vm = timer_vm = fake_bare_vm();

	for (unsigned i = 0; i < 3; i++) {
		fired[i] = 0;
		vm_timer_add(vm, &timers[i], fire);
	}
	CU_ASSERT_EQUAL(vm->next_deadline, VM_TIMER_OFF);
	CU_ASSERT_EQUAL(vm_timers_run(vm), VM_TIMER_OFF);
	vm_timer_set(vm, &timers[0], 300);
	vm_timer_set(vm, &timers[1], 100);
	vm_timer_set(vm, &timers[2], 200);
	CU_ASSERT_EQUAL(vm->next_deadline, 100);
	vm_timer_cancel(vm, &timers[1]);
	CU_ASSERT_EQUAL(vm->next_deadline, 200);
	vm_timer_set(vm, &timers[2], 400); /* later than before */
	CU_ASSERT_EQUAL(vm->next_deadline, 300);
	fake_ticks += 299;
	CU_ASSERT_EQUAL(vm_now(vm), 299);
	CU_ASSERT_EQUAL(vm_timers_run(vm), 300);
	CU_ASSERT_EQUAL(fired[0], 0);
	fake_ticks++;
	CU_ASSERT_EQUAL(vm_timers_run(vm), 400);
	CU_ASSERT_EQUAL(fired[0], 1);
	CU_ASSERT_EQUAL(fired[1], 0);
	fake_ticks += 1000;
	CU_ASSERT_EQUAL(vm_timers_run(vm), VM_TIMER_OFF);
	CU_ASSERT_EQUAL(fired[2], 1);
}

static void test_muldiv(void)
{
	CU_ASSERT_EQUAL(muldiv64(7, 10, 4), 17);
	CU_ASSERT_EQUAL(muldiv64_up(7, 10, 4), 18);
	CU_ASSERT_EQUAL(muldiv64_up(8, 10, 4), 20); /* nothing to round */
	CU_ASSERT_EQUAL(muldiv64(~0ULL, 1193182, 3000000000),
			(u64)((unsigned __int128)~0ULL * 1193182 / 3000000000));
}

static void test_timer_in_the_past(void)
{
	struct vm *vm = timer_vm = fake_bare_vm();

	fired[0] = 0;
	vm_timer_add(vm, &timers[0], fire_again);
	vm_timer_set(vm, &timers[0], 0);
	CU_ASSERT_EQUAL(vm_timers_run(vm), 0); /* comes back, once a call */
	CU_ASSERT_EQUAL(fired[0], 1);
	vm_timers_run(vm);
	CU_ASSERT_EQUAL(fired[0], 2);
}

static void fire_and_move(struct vm_timer *t)
{
	fire(t);
	if (fired[t - timers] > 1)
		return;
	vm_timer_cancel(timer_vm, &timers[1]); /* which is due too */
	vm_timer_set(timer_vm, &timers[0], 500);
	vm_timer_set(timer_vm, &timers[2], 400);
}

/* A timer that moves those of other devices, in front of it in the list and behind it: none is forgotten. */
static void test_timer_moves_others(void)
{
	struct vm *vm;

	for (unsigned mover = 0; mover < 3; mover++) {
		timer_vm = vm = fake_bare_vm();
		for (unsigned i = 0; i < 3; i++) {
			fired[i] = 0;
			vm_timer_add(vm, &timers[i], i == mover ? fire_and_move : fire);
			vm_timer_set(vm, &timers[i], 100);
		}
		fake_ticks += 100;
		CU_ASSERT(vm_timers_run(vm) <= 400);
		CU_ASSERT_EQUAL(fired[mover], 1);
		CU_ASSERT_EQUAL(vm_timers_run(vm), 400);
		CU_ASSERT_EQUAL(timers[1].deadline, VM_TIMER_OFF);
		fake_ticks += 300;
		CU_ASSERT_EQUAL(vm_timers_run(vm), 500);
	}
}

UNIT_MAIN("io", {"nobody answers", test_unknown}, {"ports", test_ports},
	  {"ports across ranges", test_ports_across}, {"mmio", test_mmio}, {"overlap", test_overlap},
	  {"interrupt lines", test_irq_line}, {"timers", test_timers}, {"muldiv", test_muldiv},
	  {"timer in the past", test_timer_in_the_past}, {"timer moves others", test_timer_moves_others})
