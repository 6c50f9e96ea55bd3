// SPDX-License-Identifier: MIT
/*
 * Exits from the cache: call-outs, ends of blocks, misses, exceptions, interrupts. What they have in common
 * is the way back to a precise state (precise.c). Then the guest goes on in another block, or the instruction
 * is emulated, or the exit becomes one like any other engine's.
 */
#include "engine.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "silent.h"
#include "vmm/emulate.h"
#include "vmm/trace.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* The block that the guest wants to go on to. NULL: it cannot, or nobody may go there without the monitor. */
static struct bt_block *destination(struct vcpu *v)
{
	u64 dr6;

	/* A chain may stand at the very place where the guest went on: not there again. */
	bt_of(v)->resume_rip = BT_NOWHERE;
	if (!gva_is_canonical(v->rip) || bt_is_breakpoint(v, v->rip, &dr6))
		return NULL; /* seen before the next entry */
	return bt_fetch(v);
}

/* The destination of an indirect jump was not in the table. */
static enum bt_next missed(struct vcpu *v)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct bt_block *to;

	bt_recover_exit(v, NULL);
	to = destination(v);
	if (to)
		bt_enter_table(c, to);
	if (to && c->counts)
		c->counts->lookups[to - c->block]++;
	return to ? BT_GO_ON : BT_LEAVE;
}

static enum bt_next end_of_block(struct vcpu *v, struct bt_exit *e)
{
	struct bt_cache *c = &bt_of(v)->cache;
	u32 generation = c->generation;
	struct bt_block *to;

	bt_recover_exit(v, e);
	v->interrupt_shadow = v->rip == bt_of(v)->shadow_rip; /* its instruction is in the next block */
	to = destination(v);
	if (to && generation == c->generation && !e->chained)
		bt_chain(c, e, to);
	return to ? BT_GO_ON : BT_LEAVE;
}

static enum bt_next stored(struct vcpu *v, const struct bt_exit *e)
{
	bt_recover_exit(v, e);
	bt_resume(bt_of(v), e->rip, e->resume);
	bt_mend_x87(v, e);
	return BT_GO_ON;
}

static void invalid(struct vcpu *v, const struct bt_exit *e)
{
	bt_recover_exit(v, e);
	if (e->result == DECODE_TOO_LONG)
		event_exception_error(v, VEC_GP, 0);
	else
		event_exception(v, VEC_UD);
}

/* UD2, but no call-out. */
static COLD enum bt_next undefined(struct vcpu *v, struct vmexit *exit)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct bt_exit *e;
	u32 at;

	if (!bt_offset_of(v, &at)) {
		bt_left_cache(v);
		return BT_LEAVE;
	}
	e = bt_find_exit(c, at);
	if (e || at == BT_MISS_STUB)
		v->rflags &= ~(u64)RFLAGS_RF;
	if (at == BT_MISS_STUB)
		return missed(v);
	if (e && e->kind == BT_EXIT_CHAIN)
		return end_of_block(v, e);
	if (e && e->kind == BT_EXIT_STORED)
		return stored(v, e);
	if (e)
		invalid(v, e);
	else if (bt_recover(v)) /* an instruction that this CPU does not have */
		ring3_reflect(v, exit);
	return BT_LEAVE;
}

/* Something opened the window for a waiting event: the instruction is emulated, and the event comes when it
 * can.
 */
static void opened_window(struct vcpu *v, struct vmexit *exit)
{
	struct insn i;

	if (bt_recover(v) && emulate_decode(v, &i))
		bt_emulate(v, &i, exit);
}

static void page_fault(struct vcpu *v, struct vmexit *exit)
{
	gva_t gva = read_cr2();

	if (gva - BT_WINDOW - BT_WATCHED_OFFSET < PAGE_SIZE && v->frame_error & PF_WRITE) {
		opened_window(v, exit);
		return;
	}
	if (!bt_recover(v))
		return;
	exit->reason = VMEXIT_PAGE_FAULT;
	exit->fault.gva = gva;
	exit->fault.error = (u32)v->frame_error;
}

static bool is_interrupt(const struct vcpu *v)
{
	return v->frame_vector == VEC_NMI ||
	       (v->frame_vector >= VEC_EXCEPTIONS && v->frame_vector < TRAP_VEC_SYSCALL);
}

static void serve_interrupt(const struct vcpu *v)
{
	if (v->frame_vector != VEC_NMI) /* the machine's own; nobody here uses it */
		machine_interrupt((unsigned)v->frame_vector);
}

bool bt_to_boundary(struct vcpu *v)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct ring3 *r = ring3_of(v);
	const struct bt_block *block;
	u32 at;

	while (is_interrupt(v) || v->frame_vector == VEC_DB) {
		const struct bt_point *p;
		const struct bt_exit *e;

		if (is_interrupt(v))
			serve_interrupt(v);
		else
			r->late_dr6 |= ring3_take_dr6() & ~(u64)DR6_BS;
		if (!bt_offset_of(v, &at))
			return bt_recover(v);
		e = bt_find_exit(c, at);
		p = bt_find_point(c, at, &block);
		if (at == BT_MISS_STUB || e) {
			bt_recover_exit(v, e);
			v->interrupt_shadow = bt_in_shadow(v, p, at);
			if (e && e->kind == BT_EXIT_STORED)
				bt_mend_x87(v, e);
			return true;
		}
		if (!p || (p->boundary && p->at == at))
			return bt_recover(v);
		r->step = true;
		bt_enter_at(v, at, false);
	}
	return false;
}

/* What made the guest stop, for the trace. */
static const char *exit_name(const struct vcpu *v)
{
	if (v->frame_vector == VEC_UD)
		return "call-out";
	return v->frame_vector < VEC_EXCEPTIONS ? exception_name((unsigned)v->frame_vector) : "interrupt";
}

/*
 * #GP. Of what is copied one instruction may be the monitor's all the same: RDTSC, where the guest has a
 * clock of its own and so CR4.TSD is set.
 */
static void protection_fault(struct vcpu *v, struct vmexit *exit)
{
	struct insn i;

	ring3_reflect(v, exit);
	if (v->frame_error || !emulate_decode(v, &i) || i.op != OP_RDTSC)
		return;
	bt_emulate(v, &i, exit);
}

static enum bt_next left_by_exception(struct vcpu *v, struct vmexit *exit)
{
	switch (v->frame_vector) {
	case VEC_UD:
		return undefined(v, exit);
	case VEC_PF:
		page_fault(v, exit);
		return BT_LEAVE;
	case VEC_DF:
	case VEC_MC:
		panic("%s while a guest ran", exception_name((unsigned)v->frame_vector));
	case TRAP_VEC_SYSCALL:
	case TRAP_VEC_SYSCALL32:
		bt_left_cache(v);
		return BT_LEAVE;
	default:
		if (!bt_recover(v))
			return BT_LEAVE;
		if (v->frame_vector == VEC_GP)
			protection_fault(v, exit);
		else
			ring3_reflect(v, exit);
		return BT_LEAVE;
	}
}

static COLD enum bt_next left_otherwise(struct vcpu *v, struct vmexit *exit)
{
	bool interrupt = is_interrupt(v);

	if (!interrupt && v->frame_vector != VEC_DB)
		return left_by_exception(v, exit);
	if (bt_to_boundary(v)) {
		/* RF was for this instruction, which has not begun */
		if (bt_of(v)->cache.flavour == BT_CAREFUL && v->rip == bt_of(v)->passed_rip)
			v->rflags |= RFLAGS_RF;
		exit->reason = interrupt ? VMEXIT_INTERRUPT : VMEXIT_NONE;
		return BT_LEAVE;
	}
	/* What came on the way, unless it ended the guest. */
	return v->state == VCPU_ENDED ? BT_LEAVE : left_by_exception(v, exit);
}

static COLD void note_exit(const struct vcpu *v, const struct bt_cache *c)
{
	const struct bt_exit *e = v->frame_vector == VEC_UD ? bt_find_exit(c, v->rip - c->window) : NULL;
	const struct bt_block *block;
	const struct bt_point *p;
	u32 at;

	trace_left(v, exit_name(v));
	p = bt_offset_of(v, &at) ? bt_find_point(c, at, &block) : NULL;
	if (e)
		trace_place(e->rip);
	else if (p)
		trace_place(block->rip + p->guest);
	if (e && c->counts)
		c->counts->taken[e - c->exit]++;
}

static inline void call_out(struct vcpu *v, struct bt *b, const struct bt_exit *e, struct vmexit *exit)
{
	bt_recover_exit(v, e);
	v->rflags &= ~(u64)RFLAGS_RF; /* of a #UD that the guest has not raised */
	bt_resume(b, e->resume ? e->rip + e->insn.length : BT_NOWHERE, e->resume);
	bt_emulate(v, &e->insn, exit);
	if (b->ring3.user && e->insn.op == OP_SYSRET)
		b->sysret = b->cache.window + e->at;
}

/* Nearly always it is a call-out. */
enum bt_next bt_left(struct vcpu *v, struct vmexit *exit)
{
	struct bt *b = bt_of(v);
	const struct bt_exit *e = NULL;

	if (trace_is_on())
		note_exit(v, &b->cache);
	if (v->frame_vector == VEC_UD)
		e = bt_find_exit(&b->cache, v->rip - b->cache.window);
	if (!e || e->kind != BT_EXIT_CALLOUT)
		return left_otherwise(v, exit);
	call_out(v, b, e, exit);
	return BT_LEAVE;
}
