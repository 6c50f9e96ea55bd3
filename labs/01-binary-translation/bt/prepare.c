// SPDX-License-Identifier: MIT
/*
 * Into the guest where something is unusual: user mode, a single step, a breakpoint, an event that waits for
 * the end of an instruction, code that is not translated yet, another flavour than that of the cache.
 */
#include "engine.h"
#include "devices/lapic.h"
#include "level.h"
#include "silent.h"
#include "vmm/emulate.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* Translations of one flavour are wrong under the other. What asks for care is rare. */
static void set_flavour(struct vcpu *v, struct bt_cache *c)
{
	bool careful = vcpu_cpl(v) || v->rflags & (RFLAGS_IOPL | RFLAGS_NT) || bt_has_breakpoints(v);
	enum bt_flavour flavour = careful ? BT_CAREFUL : BT_FAST;

	if (flavour == c->flavour)
		return;
	c->flavour = flavour;
	bt_flush(c);
}

/*
 * One instruction: for TF of the guest's, because an event waits for its end, or because it writes to its own
 * page: there the block of it must be gone before it is written, and the trace be off.
 */
static enum bt_next single_step(struct vcpu *v, struct vmexit *exit)
{
	struct bt *bt = bt_of(v);
	bool alone = bt->code_written;
	struct bt_block *b;
	struct insn i;
	bool done;

	bt->code_written = false;
	if (!emulate_decode(v, &i))
		return BT_LEAVE;
	if (!bt_is_harmless(&i)) {
		bt_emulate(v, &i, exit);
		return BT_LEAVE;
	}
	b = alone ? bt_fetch_one(v, &i) : bt_fetch(v);
	if (!b)
		return BT_LEAVE;
	bt->ring3.step = true;
	bt_enter_at(v, b->code, false);
	done = v->frame_vector == VEC_DB && bt_to_boundary(v);
	if (alone)
		bt_kill_block(&bt->cache, b);
	if (!done && v->state != VCPU_ENDED)
		bt_left(v, exit);
	return done ? BT_GO_ON : BT_LEAVE;
}

/* After a step that the guest asked for (TF) or the monitor. */
static void stepped(struct vcpu *v, struct vmexit *exit, bool window)
{
	struct ring3 *r = ring3_of(v);

	v->interrupt_shadow = false;
	v->rflags &= ~(u64)RFLAGS_RF;
	if (v->rflags & RFLAGS_TF) {
		event_debug(v, DR6_BS | r->late_dr6);
		r->late_dr6 = 0;
	} else if (window) {
		exit->reason = VMEXIT_WINDOW;
	}
}

/* An instruction breakpoint of the guest's at RIP. RF lets one instruction pass. */
static inline bool breakpoint(struct vcpu *v)
{
	u64 dr6;

	if (bt_of(v)->cache.flavour == BT_CAREFUL && !(v->rflags & RFLAGS_RF) &&
	    bt_is_breakpoint(v, v->rip, &dr6)) {
		event_debug(v, dr6);
		return true;
	}
	bt_of(v)->passed_rip = v->rflags & RFLAGS_RF ? v->rip : BT_NOWHERE;
	v->rflags &= ~(u64)RFLAGS_RF;
	return false;
}

void bt_left_user(struct vcpu *v, struct vmexit *exit)
{
	struct bt *b = bt_of(v);

	b->translated = false;
	b->resume_rip = BT_NOWHERE;
	b->syscalled = v->frame_vector == TRAP_VEC_SYSCALL;
	trap_left_guest(v, exit);
}

/* User code, or kernel code that is not translated. By SYSCALL it may have come into the cache. */
static COLD void run_directly(struct vcpu *v, struct vmexit *exit, u64 sysret)
{
	struct bt *b = bt_of(v);
	bool user = b->ring3.user, waits = b->ring3.window || lapic_requested(v);

	if (!trap_prepare(v, exit))
		return;
	b->window.state->cr8 = v->cr8; /* user code may have the registers of the local APIC */
	if (waits) { /* the kernel may open the window, and is watched from bt_enter_at() on */
		ring3_disturb(&b->ring3);
	} else if (sysret) {
		ring3_load_state(v);
		bt_level_keep_down(v, sysret);
	}
	ring3_run(v);
	if (user)
		bt_store_state(v);
	b->translated = user && !b->ring3.user;
	if (b->translated)
		bt_left(v, exit);
	else
		bt_left_user(v, exit);
}

bool bt_prepare(struct vcpu *v, struct vmexit *exit, bool waits, u32 *at)
{
	struct bt *b = bt_of(v);
	bool syscalled = b->syscalled;
	u64 sysret = b->sysret;
	bool window = waits && (v->rflags & RFLAGS_IF || v->interrupt_shadow);
	const struct bt_block *block;

	b->syscalled = false;
	b->sysret = 0;
	if (b->ring3.user || !vcpu_is_64bit(v)) {
		run_directly(v, exit, sysret);
		return false;
	}
	b->translated = true;
	b->passed_rip = BT_NOWHERE;
	b->ring3.window = false;
	if (ring3_late_debug(v))
		return false;
	if (!gva_is_canonical(v->rip)) {
		event_exception_error(v, VEC_GP, 0);
		return false;
	}
	set_flavour(v, &b->cache);
	if (v->rflags & RFLAGS_TF || window || b->code_written) {
		if (!breakpoint(v) && single_step(v, exit) == BT_GO_ON)
			stepped(v, exit, window);
		return false;
	}
	*at = b->resume_at;
	if (bt_can_resume(v, b))
		return true;
	if (breakpoint(v))
		return false;
	block = bt_fetch(v);
	if (block)
		*at = block->code;
	b->syscalled = syscalled && v->rip == v->lstar;
	if (block && b->cache.counts)
		b->cache.counts->runs[block - b->cache.block]++;
	return block;
}
