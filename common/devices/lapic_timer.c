// SPDX-License-Identifier: MIT
/*
 * The timer of a local APIC: one-shot, periodic, TSC-deadline. Its clock is the TSC, so that counts are
 * exact.
 *
 * Source: SDM vol. 3A, 10.5.4 "APIC Timer", 10.5.4.1 "TSC-Deadline Mode".
 *
 * All that is kept is the moment at which the count reaches zero; the count itself is worked out when
 * somebody reads it. A masked timer runs on and interrupts nobody, so it needs no timer of the VM. Periods
 * that went by while the vcpu did not run give one interrupt (vmm/io.h, VM_TIMER_MAX_HZ).
 */
#include "devices/lapic_private.h"
#include "vmm/vm.h"

#define DIVIDE_LOW    0x3
#define DIVIDE_HIGH   0x8
#define DIVIDE_MASK   (DIVIDE_LOW | DIVIDE_HIGH)
#define DIVIDE_SHIFTS 8 /* divisors 1, 2, .. 128 */

/* No deadline is later, so that sums of times do not overflow: a century and more at any clock rate. */
#define DEADLINE_MAX  BIT(63)

/* Figure 10-10: bits 3, 1, 0 as a number n divide by 2^(n + 1), and 7 by 1. */
static unsigned timer_shift(const struct lapic *a)
{
	unsigned n = (a->divide & DIVIDE_HIGH) >> 1 | (a->divide & DIVIDE_LOW);

	return (n + 1) % DIVIDE_SHIFTS;
}

static u32 timer_mode(const struct lapic *a)
{
	return a->lvt[LAPIC_LVT_TIMER] & LAPIC_LVT_TIMER_MODE;
}

static void timer_stop(struct lapic *a)
{
	a->next = VM_TIMER_OFF;
	a->tsc_deadline = 0;
}

static void next_period(struct lapic *a, u64 now)
{
	u64 period = (u64)a->initial_count << timer_shift(a);

	a->next += ((now - a->next) / period + 1) * period;
}

void lapic_timer_settle(struct lapic *a)
{
	u64 now = vm_now(a->vcpu->vm);

	if (a->next == VM_TIMER_OFF || now < a->next)
		return;
	if (timer_mode(a) == LAPIC_LVT_TIMER_PERIODIC && a->initial_count != 0)
		next_period(a, now);
	else
		timer_stop(a);
	a->last_interrupt = now;
	lapic_local(a, LAPIC_LVT_TIMER);
}

void lapic_timer_arm(struct lapic *a)
{
	struct vm *vm = a->vcpu->vm;
	u64 deadline = a->next;

	if (a->lvt[LAPIC_LVT_TIMER] & LAPIC_LVT_MASKED)
		deadline = VM_TIMER_OFF;
	else if (timer_mode(a) == LAPIC_LVT_TIMER_PERIODIC && a->last_interrupt != 0)
		deadline = MAX(deadline, a->last_interrupt + vm_tick_hz(vm) / VM_TIMER_MAX_HZ);
	vm_timer_set(vm, &a->timer, deadline);
}

static void timer_fire(struct vm_timer *t)
{
	struct lapic *a = container_of(t, struct lapic, timer);

	lapic_timer_settle(a);
	if (a->next != VM_TIMER_OFF) /* periodic, or fired too early */
		lapic_timer_arm(a);
}

u32 lapic_timer_count(struct lapic *a)
{
	unsigned shift = timer_shift(a);

	lapic_timer_settle(a);
	lapic_timer_arm(a);
	if (a->next == VM_TIMER_OFF || timer_mode(a) == LAPIC_LVT_TIMER_DEADLINE)
		return 0;
	return (a->next - vm_now(a->vcpu->vm) + BIT(shift) - 1) >> shift;
}

void lapic_timer_set_count(struct lapic *a, u32 count)
{
	if (timer_mode(a) == LAPIC_LVT_TIMER_DEADLINE)
		return;
	lapic_timer_settle(a);
	a->initial_count = count;
	a->next = count == 0 ? VM_TIMER_OFF : vm_now(a->vcpu->vm) + ((u64)count << timer_shift(a));
	lapic_timer_arm(a);
}

/* The count goes on from where it is, at the new rate. */
void lapic_timer_set_divide(struct lapic *a, u32 value)
{
	u32 count = lapic_timer_count(a);

	a->divide = value & DIVIDE_MASK;
	if (a->next != VM_TIMER_OFF && timer_mode(a) != LAPIC_LVT_TIMER_DEADLINE)
		a->next = vm_now(a->vcpu->vm) + ((u64)count << timer_shift(a));
	lapic_timer_arm(a);
}

/* 10.5.4.1: a change into or out of TSC-deadline mode disarms the timer. */
void lapic_timer_set_lvt(struct lapic *a, u32 lvt)
{
	u32 old = timer_mode(a);

	lapic_timer_settle(a);
	a->lvt[LAPIC_LVT_TIMER] = lvt;
	if ((old ^ lvt) & LAPIC_LVT_TIMER_DEADLINE) {
		timer_stop(a);
		a->initial_count = 0;
	}
	lapic_timer_arm(a);
}

u64 lapic_tsc_deadline(struct lapic *a)
{
	lapic_timer_settle(a);
	lapic_timer_arm(a);
	return a->tsc_deadline;
}

void lapic_set_tsc_deadline(struct lapic *a, u64 deadline)
{
	struct vm *vm = a->vcpu->vm;
	u64 now = vm_now(vm);
	u64 guest_tsc = now + vm->tsc_start + a->vcpu->tsc_offset;

	if (timer_mode(a) != LAPIC_LVT_TIMER_DEADLINE)
		return;
	lapic_timer_settle(a);
	a->tsc_deadline = deadline;
	if (deadline == 0)
		a->next = VM_TIMER_OFF;
	else if (deadline <= guest_tsc)
		a->next = now;
	else
		a->next = MIN(deadline - guest_tsc, DEADLINE_MAX - now) + now;
	lapic_timer_settle(a);
	lapic_timer_arm(a);
}

u64 lapic_timer_hz(struct vm *vm)
{
	return vm_tick_hz(vm);
}

void lapic_timer_reset(struct lapic *a)
{
	a->initial_count = 0;
	a->divide = 0;
	timer_stop(a);
	lapic_timer_arm(a);
}

void lapic_timer_create(struct lapic *a)
{
	vm_timer_add(a->vcpu->vm, &a->timer, timer_fire);
}
