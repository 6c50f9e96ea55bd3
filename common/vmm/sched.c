// SPDX-License-Identifier: MIT
/*
 * Round robin over all vcpus. The machine's timer ends a slice, and comes earlier when a timer of an emulated
 * device is due. The same loop serves every engine: timers, event delivery, run, intercept.
 */
#include "devices/lapic.h"
#include "devices/uart.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "machine/machine.h"
#include "vmm/fpu.h"
#include "vmm/intercept.h"
#include "vmm/sched.h"
#include "vmm/trace.h"

#define SCHED_MAX 16

static struct vcpu *vcpus[SCHED_MAX];
static unsigned vcpu_count;

void sched_add(struct vcpu *v)
{
	ASSERT(vcpu_count < SCHED_MAX);
	vcpus[vcpu_count++] = v;
}

/* The TSC of the machine at a time of the VM. */
static u64 deadline_of(const struct vm *vm, u64 time)
{
	return time == VM_TIMER_OFF ? CLOCK_NEVER : time + vm->tsc_start;
}

/* The earliest deadline of all VMs but those that have ended. */
static u64 first_deadline(void)
{
	u64 first = CLOCK_NEVER;

	for (unsigned i = 0; i < vcpu_count; i++)
		if (!vcpus[i]->vm->ended)
			first = MIN(first, deadline_of(vcpus[i]->vm, vcpus[i]->vm->next_deadline));
	return first;
}

/* Runs what is due, and gives the earliest deadline that is left. */
static u64 run_due_timers(void)
{
	u64 first = CLOCK_NEVER;

	for (unsigned i = 0; i < vcpu_count; i++) {
		struct vm *vm = vcpus[i]->vm;

		if (vcpus[i]->id != 0 || vm->ended)
			continue;
		first = MIN(first, deadline_of(vm, vm_timers_run(vm)));
	}
	return first;
}

/* What a person types goes to the first guest that is alive. */
static void poll_console(void)
{
	static int typed = -1; /* not taken yet: the guest's receiver was full */

	if (typed < 0)
		typed = console_getc();
	for (unsigned i = 0; typed >= 0 && i < vcpu_count; i++) {
		if (vcpus[i]->vm->ended)
			continue;
		if (uart_receive(vcpus[i]->vm, (u8)typed))
			typed = -1;
		return;
	}
}

static bool can_run(struct vcpu *v)
{
	if (v->state == VCPU_HALTED && event_waiting(v))
		v->state = VCPU_RUNNABLE;
	return v->state == VCPU_RUNNABLE;
}

static struct vcpu *pick(unsigned *next)
{
	for (unsigned i = 0; i < vcpu_count; i++) {
		struct vcpu *v = vcpus[(*next + i) % vcpu_count];

		if (can_run(v)) {
			*next = (*next + i + 1) % vcpu_count;
			return v;
		}
	}
	return NULL;
}

/* Before an entry, where vcpu_attend() was called: INIT, events, the trace. False: it cannot be entered. */
static bool attend(struct vcpu *v)
{
	static const struct vmexit init = {.reason = VMEXIT_INIT};

	v->attention = trace_is_on();
	if (v->lapic->init_pending && lapic_take_init(v->lapic)) {
		intercept(v, &init);
		return false;
	}
	if (!event_deliver(v)) {
		v->exits[VMEXIT_SHUTDOWN]++;
		vcpu_end(v, "triple fault (an exception while a double fault was being delivered)");
		return false;
	}
	if (trace_is_on())
		trace_enter(v);
	return true;
}

/* From the entry of the guest to the answer of its exit. */
static inline void step(struct vcpu *v, struct vmexit *exit)
{
	enum vmexit_reason reason;

	v->cpu->run(v, exit);
	reason = exit->reason;
	v->exits[reason]++;
	v->vm->counters->exits++;
	intercept_handlers[reason](v, exit);
}

/*
 * What every exit costs stands in this loop, so it asks only two questions: is it time for something, and
 * has anybody called vcpu_attend()?
 */
static void run_slice(struct vcpu *v)
{
	u64 start = clock_ticks(), end = start + clock_hz() / 1000 * SCHED_SLICE_MS, now = start,
	    next = start;
	u64 seen = v->vm->next_deadline;
	struct vmexit exit = {.reason = VMEXIT_NONE};

	v->cpu->load(v);
	v->attention = true;
	for (;;) {
		if (v->attention || now >= next) {
			if (trace_is_on()) /* which keeps `attention` set */
				trace_exit(v, exit.reason);
			if (now >= end) /* before a deadline is armed that has passed */
				break;
			if (now >= next || v->vm->next_deadline != seen) {
				next = run_due_timers();
				next = MIN(end, next);
				seen = v->vm->next_deadline;
				clock_arm(next);
			}
			if (v->state != VCPU_RUNNABLE)
				break;
			if (v->attention && !attend(v))
				continue;
		}
		step(v, &exit);
		now = clock_ticks();
	}
	run_due_timers();
	v->cpu->unload(v);
	v->ran_ticks += now - start;
	if (v->vm->tick_budget && v->ran_ticks > v->vm->tick_budget)
		vcpu_end(v, "it ran for %lu ticks, more than its budget of %lu (an endless loop?)",
			 v->ran_ticks, v->vm->tick_budget);
}

/* All guests wait. False when none is left. */
static bool idle(void)
{
	u64 deadline = first_deadline();
	bool alive = false;

	for (unsigned i = 0; i < vcpu_count; i++)
		alive |= vcpus[i]->state == VCPU_HALTED;
	if (!alive)
		return false;
	clock_arm(MIN(deadline,
		      clock_ticks() + clock_hz() / 1000 * SCHED_SLICE_MS)); /* also to look at the keyboard */
	machine_wait();
	run_due_timers();
	return true;
}

void sched_run(void)
{
	struct vcpu *owner = NULL; /* whose FPU state is in the registers */
	unsigned next = 0;

	for (;;) {
		struct vcpu *v = pick(&next);

		poll_console();
		if (!v) {
			if (!idle())
				return;
			continue;
		}
		if (v != owner) {
			if (owner)
				fpu_save(owner);
			fpu_restore(v);
			owner = v;
		}
		run_slice(v);
	}
}
