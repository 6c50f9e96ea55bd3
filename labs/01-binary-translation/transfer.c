// SPDX-License-Identifier: MIT
/*
 * Control transfers between segments and privilege levels, emulated by the operation sections of SDM vol. 2:
 * "IRET", "JMP", "CALL", "RET"; call gates by vol. 3A, 5.8.3 "Call Gates" and 5.8.3.1 "IA-32e Mode Call
 * Gates".
 */
#include "lib/string.h"
#include "ring3.h"
#include "x86/decode.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define CODE_SEGMENT (SEG_ATTR_S | SEG_TYPE_CODE)

/* A far pointer's destination after all checks. */
struct target {
	struct segment cs;
	u64 rip;
	unsigned cpl;
};

static bool raise(struct vcpu *v, const struct event *f)
{
	event_raise(v, f);
	return false;
}

static bool raise_gp(struct vcpu *v, u32 error)
{
	event_exception_error(v, VEC_GP, error);
	return false;
}

/* Is RIP within the new code segment? */
static bool target_in_segment(const struct target *t)
{
	if (t->cs.attr & SEG_ATTR_L)
		return gva_is_canonical(t->rip);
	return t->rip <= t->cs.limit;
}

static bool check_code_type(struct vcpu *v, const struct segment *cs)
{
	u32 error = cs->selector & ~SEL_RPL;

	if ((cs->attr & CODE_SEGMENT) != CODE_SEGMENT || (cs->attr & SEG_ATTR_L && cs->attr & SEG_ATTR_DB))
		return raise_gp(v, error);
	if (!(cs->attr & SEG_ATTR_P)) {
		event_exception_error(v, VEC_NP, error);
		return false;
	}
	return true;
}

static bool accept_target(struct vcpu *v, struct target *t, struct descriptor *d)
{
	struct event f;

	if (!target_in_segment(t))
		return raise_gp(v, 0);
	return descriptor_set_accessed(v, d, &f) || raise(v, &f);
}

/* CS of a return: to the level in the selector's RPL, which must not be an inner one. */
static bool read_return_cs(struct vcpu *v, u16 selector, struct target *t, struct descriptor *d)
{
	unsigned rpl = selector & SEL_RPL, dpl;
	u32 error = selector & ~SEL_RPL;
	struct event f;

	if (!(selector & ~SEL_RPL))
		return raise_gp(v, 0);
	if (!descriptor_read(v, selector, 0, d, &f))
		return raise(v, &f);
	t->cs = desc_unpack(selector, d->low, 0);
	t->cpl = rpl;
	dpl = seg_dpl(t->cs.attr);
	if (rpl < vcpu_cpl(v) || (t->cs.attr & CODE_SEGMENT) != CODE_SEGMENT)
		return raise_gp(v, error);
	if (t->cs.attr & SEG_TYPE_CONFORMING ? dpl > rpl : dpl != rpl)
		return raise_gp(v, error);
	return check_code_type(v, &t->cs);
}

static void enter_level(struct vcpu *v, const struct target *t)
{
	unsigned old = vcpu_cpl(v);

	v->rip = t->rip;
	v->seg[SEG_CS] = t->cs;
	if (t->cpl > old)
		segments_drop_inner(v, t->cpl);
	ring3_set_user(v, t->cpl == 3);
}

/* SS:RSP of a return: popped always by IRET in 64-bit mode, otherwise for an outer level. */
static bool load_return_stack(struct vcpu *v, const struct target *t, u16 selector, u64 rsp,
			      struct segment *ss)
{
	struct event f;

	if (!(selector & ~SEL_RPL) && t->cpl != 3 && t->cs.attr & SEG_ATTR_L &&
	    (selector & SEL_RPL) == t->cpl)
		*ss = (struct segment){.selector = selector,
				       .attr = SEG_ATTR_UNUSABLE | t->cpl << SEG_ATTR_DPL_SHIFT};
	else if (!(selector & ~SEL_RPL))
		return raise_gp(v, 0);
	else if (!stack_segment_check(v, selector, t->cpl, ss, &f))
		return raise(v, &f);
	v->gpr[GPR_RSP] = t->cs.attr & SEG_ATTR_L ? rsp : (u32)rsp;
	return true;
}

/*
 * Exercise E1.2. RFLAGS from `value`, of `size` bytes, as IRET loads them: of RING3_RFLAGS_LOADABLE all at
 * level 0; IOPL, VIF and VIP at no other level; IF where CPL <= IOPL. The other bits stay. Levels are those
 * before the return.
 */
static void load_flags(struct vcpu *v, u64 value, unsigned size)
{
	/* SOLUTION E1.2 { stub: (void)value; (void)size; */
	u64 may = RING3_RFLAGS_LOADABLE;

	if (vcpu_cpl(v) != 0)
		may &= ~(u64)(RFLAGS_IOPL | RFLAGS_VIF | RFLAGS_VIP);
	if (vcpu_cpl(v) > (v->rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT)
		may &= ~(u64)RFLAGS_IF;
	if (size == 2)
		may &= 0xffff;
	v->rflags = (v->rflags & ~may) | (value & may) | RFLAGS_RESERVED1;
	/* } SOLUTION E1.2 */
}

/*
 * Exercise E1.2. IRET, by the operation section of SDM vol. 2A, "IRET/IRETD/IRETQ"; i->op_size is the size of
 * a word on the stack. With NT set it is #GP(0) in IA-32e mode. From 64-bit mode five words are popped, from
 * compatibility mode three unless the level changes. A return that faults changes nothing: read and check all
 * before you load. It ends the interrupt shadow and the blocking of NMIs.
 *
 * stack_read() is in operands.c; above stand read_return_cs(), accept_target(), load_return_stack() and
 * enter_level().
 */
void transfer_iret(struct vcpu *v, const struct insn *i)
{
	/* SOLUTION E1.2 { stub: (void)i; (void)load_flags; */
	enum { RIP, CS, FLAGS, RSP, SS, WORDS };
	bool was_64bit = vcpu_is_64bit(v);
	unsigned size = i->op_size, cpl = vcpu_cpl(v);
	u64 w[WORDS];
	struct target t;
	struct descriptor d;
	struct segment ss = v->seg[SEG_SS];

	if (v->rflags & RFLAGS_NT) {
		raise_gp(v, 0);
		return;
	}
	if (!stack_read(v, 0, w, 3, size) || !read_return_cs(v, (u16)w[CS], &t, &d))
		return;
	t.rip = w[RIP];
	if (was_64bit || t.cpl != cpl) {
		if (!stack_read(v, 0, w, WORDS, size))
			return;
	}
	if (!accept_target(v, &t, &d))
		return;
	if (was_64bit || t.cpl != cpl) {
		if (!load_return_stack(v, &t, (u16)w[SS], w[RSP], &ss))
			return;
	} else {
		stack_release(v, 3 * size);
	}
	load_flags(v, w[FLAGS], size);
	v->interrupt_shadow = false;
	v->nmi_blocked = false;
	enter_level(v, &t);
	v->seg[SEG_SS] = ss;
	/* } SOLUTION E1.2 */
}

/* JMP and CALL to a code segment: the level stays. */
static bool read_branch_cs(struct vcpu *v, u16 selector, struct target *t, struct descriptor *d)
{
	unsigned cpl = vcpu_cpl(v), dpl;
	u32 error = selector & ~SEL_RPL;
	struct event f;

	if (!(selector & ~SEL_RPL))
		return raise_gp(v, 0);
	if (!descriptor_read(v, selector, 0, d, &f))
		return raise(v, &f);
	t->cs = desc_unpack((selector & ~SEL_RPL) | (u16)cpl, d->low, 0);
	t->cpl = cpl;
	dpl = seg_dpl(t->cs.attr);
	if ((t->cs.attr & CODE_SEGMENT) != CODE_SEGMENT)
		return raise_gp(v, error);
	if (t->cs.attr & SEG_TYPE_CONFORMING ? dpl > cpl : dpl != cpl || (selector & SEL_RPL) > cpl)
		return raise_gp(v, error);
	return check_code_type(v, &t->cs);
}

/* The far pointer is in the instruction, or in memory. */
static bool read_far_operand(struct vcpu *v, const struct insn *i, u16 *selector, u64 *offset)
{
	if (i->memory)
		return operand_read_far(v, i, selector, offset);
	*offset = (u64)i->imm;
	*selector = i->imm2;
	return true;
}

static bool push_return(struct vcpu *v, unsigned size, u64 rip)
{
	u64 words[2] = {rip, v->seg[SEG_CS].selector};

	return stack_push(v, words, 2, size);
}

static void far_return(struct vcpu *v, const struct insn *i)
{
	enum { RIP, CS };
	unsigned size = i->op_size, cpl = vcpu_cpl(v);
	u64 w[2], outer[2], released = i->has_imm ? (u16)i->imm : 0;
	struct target t;
	struct descriptor d;
	struct segment ss = v->seg[SEG_SS];

	if (!stack_read(v, 0, w, 2, size) || !read_return_cs(v, (u16)w[CS], &t, &d))
		return;
	t.rip = w[RIP];
	if (t.cpl == cpl) {
		if (!accept_target(v, &t, &d))
			return;
		stack_release(v, 2 * size + released);
	} else if (!stack_read(v, 2 * size + released, outer, 2, size) || !accept_target(v, &t, &d) ||
		   !load_return_stack(v, &t, (u16)outer[1], outer[0] + released, &ss)) {
		return;
	}
	v->rflags &= ~(u64)RFLAGS_RF;
	enter_level(v, &t);
	v->seg[SEG_SS] = ss;
}

/* ---- call gates ---- */

static bool names_gate(struct vcpu *v, u16 selector, struct descriptor *d)
{
	struct event ignored;

	return selector & ~SEL_RPL && descriptor_read(v, selector, 0, d, &ignored) &&
	       (desc_unpack(0, d->low, 0).attr & (SEG_ATTR_S | SEG_ATTR_TYPE)) == SYS_TYPE_CALL_GATE;
}

/* The gate's code segment: at this level, or for CALL an inner one. */
static bool read_gate_cs(struct vcpu *v, const struct gate64 *g, bool call, struct target *t,
			 struct descriptor *d)
{
	unsigned cpl = vcpu_cpl(v), dpl;
	u32 error = g->selector & ~SEL_RPL;
	struct event f;

	if (!(g->selector & ~SEL_RPL))
		return raise_gp(v, 0);
	if (!descriptor_read(v, g->selector, 0, d, &f))
		return raise(v, &f);
	t->cs = desc_unpack(0, d->low, 0);
	dpl = seg_dpl(t->cs.attr);
	t->cpl = call && !(t->cs.attr & SEG_TYPE_CONFORMING) ? dpl : cpl;
	t->cs.selector = (u16)error | (u16)t->cpl;
	if ((t->cs.attr & CODE_SEGMENT) != CODE_SEGMENT || dpl > cpl || !(t->cs.attr & SEG_ATTR_L))
		return raise_gp(v, error);
	if (!call && !(t->cs.attr & SEG_TYPE_CONFORMING) && dpl != cpl)
		return raise_gp(v, error);
	return check_code_type(v, &t->cs);
}

/* Return address and, to an inner level, the old stack: on the stack that the TSS names for it. Always 8
 * bytes each. */
static bool push_gate_frame(struct vcpu *v, const struct insn *i, const struct target *t)
{
	bool inner = t->cpl != vcpu_cpl(v);
	u64 words[4] = {v->rip + i->length, v->seg[SEG_CS].selector, v->gpr[GPR_RSP],
			v->seg[SEG_SS].selector};
	u64 rsp = v->gpr[GPR_RSP], bytes = (inner ? 4 : 2) * sizeof(u64);
	unsigned access = t->cpl == 3 ? ACCESS_WRITE | ACCESS_USER : ACCESS_WRITE;
	struct event f;

	if (inner && !tss_read_stack(v, TSS_RSP0 + t->cpl * 8, 0, &rsp, &f))
		return raise(v, &f);
	if (!gva_write(v, rsp - bytes, words, bytes, access, &f)) {
		if (f.vector == VEC_GP)
			f.vector = VEC_SS;
		return raise(v, &f);
	}
	v->gpr[GPR_RSP] = rsp - bytes;
	if (inner)
		v->seg[SEG_SS] = (struct segment){.selector = (u16)t->cpl,
						  .attr = SEG_ATTR_UNUSABLE | t->cpl << SEG_ATTR_DPL_SHIFT};
	return true;
}

static void through_gate(struct vcpu *v, const struct insn *i, u16 selector, const struct descriptor *gate)
{
	u32 attr = desc_unpack(0, gate->low, 0).attr, error = selector & ~SEL_RPL;
	bool call = i->op == OP_CALL_FAR;
	struct descriptor d;
	struct gate64 g;
	struct target t;

	if (seg_dpl(attr) < vcpu_cpl(v) || seg_dpl(attr) < (selector & SEL_RPL)) {
		raise_gp(v, error);
		return;
	}
	if (!(attr & SEG_ATTR_P)) {
		event_exception_error(v, VEC_NP, error);
		return;
	}
	memcpy(&g, &gate->low, 8);
	memcpy((u8 *)&g + 8, &gate->high, 8);
	t.rip = gate_offset(&g);
	if (!read_gate_cs(v, &g, call, &t, &d) || !accept_target(v, &t, &d))
		return;
	if (call && !push_gate_frame(v, i, &t))
		return;
	v->rflags &= ~(u64)RFLAGS_RF;
	enter_level(v, &t);
}

void transfer_far(struct vcpu *v, const struct insn *i)
{
	struct target t;
	struct descriptor d;
	u16 selector;

	if (i->op == OP_RET_FAR) {
		far_return(v, i);
		return;
	}
	if (!read_far_operand(v, i, &selector, &t.rip))
		return;
	if (names_gate(v, selector, &d)) {
		through_gate(v, i, selector, &d);
		return;
	}
	if (!read_branch_cs(v, selector, &t, &d) || !accept_target(v, &t, &d))
		return;
	if (i->op == OP_CALL_FAR && !push_return(v, i->op_size, v->rip + i->length))
		return;
	v->rflags &= ~(u64)RFLAGS_RF;
	enter_level(v, &t);
}
