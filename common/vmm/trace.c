// SPDX-License-Identifier: MIT
/*
 * A ring of the last exits: who ran, where it stopped and why, and three times: when the monitor let go of
 * the CPU, when it had it back, when it was ready for the next step. On an emulator that counts, a tick of
 * the TSC is an instruction.
 *
 * Left out: what the exit carried. A trace is for the shape of a run; the debugger shows one exit.
 */
#include "vmm/trace.h"

#include "lib/print.h"
#include "machine/machine.h"
#include "vmm/loader.h"
#include "vmm/vm.h"

struct trace_entry {
	const struct vcpu *vcpu;
	const char *what; /* the engine's word; NULL: it gave none */
	gva_t rip;        /* where the guest stopped */
	u64 entered, left, done;
	enum vmexit_reason reason;
};

static struct trace_entry *entries;
static u64 room, total; /* total: exits seen; the next goes to total % room */
static struct trace_entry current;
bool trace_on;

void trace_init(u64 count)
{
	entries = count ? machine_alloc(count * sizeof(*entries)) : NULL;
	room = entries ? count : 0;
	trace_on = room != 0;
	total = 0;
	if (count && !entries)
		kprintf("[hv] trace=%lu: no memory for so many exits\n", count);
}

void trace_enter(const struct vcpu *v)
{
	if (!room)
		return;
	current = (struct trace_entry){.vcpu = v, .entered = clock_ticks()};
}

void trace_left(const struct vcpu *v, const char *what)
{
	if (!room)
		return;
	current.left = clock_ticks();
	current.rip = v->rip;
	current.what = what;
}

void trace_place(gva_t rip)
{
	current.rip = rip;
}

void trace_exit(const struct vcpu *v, enum vmexit_reason reason)
{
	if (!room || !current.vcpu)
		return;
	current.done = clock_ticks();
	current.reason = reason;
	if (!current.left) { /* the guest did not run, or its engine keeps no trace */
		current.left = current.done;
		current.rip = v->rip;
	}
	entries[total++ % room] = current;
	current.vcpu = NULL;
}

void trace_print(void)
{
	u64 count = MIN(total, room);

	if (!room)
		return;
	kprintf("[hv] trace: the last %lu of %lu exits: guest|reason|what|entered|left|done|rip|"
		"function\n",
		count, total);
	for (u64 i = total - count; i < total; i++) {
		const struct trace_entry *t = &entries[i % room];
		u64 offset;
		const char *name = guest_symbol(t->vcpu->vm, t->rip, &offset);

		kprintf("[hv] trace|%s|%s|%s|%lu|%lu|%lu|%016lx|%s\n", t->vcpu->vm->name,
			vmexit_name(t->reason), t->what ? t->what : "-", t->entered, t->left, t->done, t->rip,
			name ? name : "-");
	}
}
