// SPDX-License-Identifier: MIT
/*
 * Control transfers between segments and privilege levels, emulated by the operation sections of SDM vol. 2:
 * "IRET", "JMP", "CALL", "RET", "SYSCALL", "SYSRET", "SYSENTER", "SYSEXIT".
 *
 * Left out: levels 1 and 2. A guest that goes there is ended with a sentence: its pages could not be told
 * from the kernel's.
 */
#include "ring3.h"
#include "vmm/emulate.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* RFLAGS bits that IRET and SYSRET may set at CPL 0; VM stays 0 in IA-32e mode. */
#define RFLAGS_LOADABLE                                                                                      \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_IF | RFLAGS_DF |     \
	 RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_VIF | RFLAGS_VIP | RFLAGS_ID)
#define CODE_SEGMENT       (SEG_ATTR_S | SEG_TYPE_CODE)
#define STAR_SYSCALL_SHIFT 32
#define STAR_SYSRET_SHIFT  48
#define SYSENTER_SS        8
#define SYSEXIT_CS32       16
#define SYSEXIT_SS32       24
#define SYSEXIT_CS64       32
#define SYSEXIT_SS64       40

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

/* Stack accesses fault with #SS where others fault with #GP. */
static bool raise_stack(struct vcpu *v, struct event *f)
{
	if (f->vector == VEC_GP)
		f->vector = VEC_SS;
	return raise(v, f);
}

static unsigned user_access(struct vcpu *v)
{
	return vcpu_cpl(v) == 3 ? ACCESS_USER : 0;
}

static gva_t stack_gva(struct vcpu *v, u64 rsp)
{
	return vcpu_is_64bit(v) ? rsp : (u32)(rsp + v->seg[SEG_SS].base);
}

/* `count` values of `size` bytes from the stack; RSP stays. */
static bool read_stack(struct vcpu *v, u64 *values, unsigned count, unsigned size)
{
	for (unsigned i = 0; i < count; i++) {
		struct event f;

		values[i] = 0;
		if (!gva_read(v, stack_gva(v, v->gpr[GPR_RSP] + i * size), &values[i], size,
			      ACCESS_READ | user_access(v), &f))
			return raise_stack(v, &f);
	}
	return true;
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
	if (t->cpl == 1 || t->cpl == 2) {
		vcpu_end(v,
			 "it enters privilege level %u, which engines that run the guest in ring 3 leave out",
			 t->cpl);
		return false;
	}
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

/* After a return to an outer level, segments that it may not use become null. */
static void drop_inner_segments(struct vcpu *v)
{
	static const u8 segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

	vcpu_need(v, VCPU_SEGS);
	for (unsigned i = 0; i < ARRAY_SIZE(segs); i++) {
		struct segment *s = &v->seg[segs[i]];
		u32 conforming = SEG_TYPE_CODE | SEG_TYPE_CONFORMING;

		if (s->attr & SEG_ATTR_UNUSABLE || (s->attr & conforming) == conforming ||
		    seg_dpl(s->attr) == 3)
			continue;
		*s = (struct segment){.attr = SEG_ATTR_UNUSABLE, .base = segs[i] >= SEG_FS ? s->base : 0};
		vcpu_changed(v, VCPU_SEGS);
	}
}

static void enter_level(struct vcpu *v, const struct target *t)
{
	unsigned old = vcpu_cpl(v);

	v->rip = t->rip;
	v->seg[SEG_CS] = t->cs;
	if (t->cpl != old && t->cpl == 3)
		drop_inner_segments(v);
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

static void load_flags(struct vcpu *v, u64 value, unsigned size)
{
	u64 may = RFLAGS_LOADABLE;

	if (vcpu_cpl(v) != 0)
		may &= ~(u64)(RFLAGS_IOPL | RFLAGS_VIF | RFLAGS_VIP);
	if (vcpu_cpl(v) > (v->rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT)
		may &= ~(u64)RFLAGS_IF;
	if (size == 2)
		may &= 0xffff;
	v->rflags = (v->rflags & ~may) | (value & may) | RFLAGS_RESERVED1;
}

void transfer_iret(struct vcpu *v, const struct insn *i)
{
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
	if (!read_stack(v, w, 3, size) || !read_return_cs(v, (u16)w[CS], &t, &d))
		return;
	t.rip = w[RIP];
	if (was_64bit || t.cpl != cpl) {
		if (!read_stack(v, w, WORDS, size))
			return;
	}
	if (!accept_target(v, &t, &d))
		return;
	if (was_64bit || t.cpl != cpl) {
		if (!load_return_stack(v, &t, (u16)w[SS], w[RSP], &ss))
			return;
	} else {
		v->gpr[GPR_RSP] = (u32)(v->gpr[GPR_RSP] + 3 * size);
	}
	load_flags(v, w[FLAGS], size);
	v->interrupt_shadow = false;
	v->nmi_blocked = false;
	enter_level(v, &t);
	v->seg[SEG_SS] = ss;
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

static bool read_far_operand(struct vcpu *v, const struct insn *i, u16 *selector, u64 *offset)
{
	struct event f;
	gva_t gva;

	*offset = (u64)i->imm;
	*selector = i->imm2;
	if (!i->memory)
		return true;
	gva = emulate_operand_gva(v, i);
	*offset = 0;
	if (!gva_read(v, gva, offset, i->op_size, ACCESS_READ | user_access(v), &f) ||
	    !gva_read(v, gva + i->op_size, selector, 2, ACCESS_READ | user_access(v), &f))
		return raise(v, &f);
	return true;
}

static bool push_return(struct vcpu *v, unsigned size, u64 rip)
{
	u64 words[2] = {rip, v->seg[SEG_CS].selector}, rsp = v->gpr[GPR_RSP] - 2 * size;
	u8 image[16];
	struct event f;

	for (unsigned i = 0; i < 2; i++)
		for (unsigned b = 0; b < size; b++)
			image[i * size + b] = (u8)(words[i] >> (b * 8));
	if (!gva_write(v, stack_gva(v, rsp), image, 2 * size, ACCESS_WRITE | user_access(v), &f))
		return raise_stack(v, &f);
	v->gpr[GPR_RSP] = vcpu_is_64bit(v) ? rsp : (u32)rsp;
	return true;
}

static void far_return(struct vcpu *v, const struct insn *i)
{
	enum { RIP, CS };
	unsigned size = i->op_size, cpl = vcpu_cpl(v);
	u64 w[2], outer[2], released = i->has_imm ? (u16)i->imm : 0;
	struct target t;
	struct descriptor d;
	struct segment ss = v->seg[SEG_SS];

	if (!read_stack(v, w, 2, size) || !read_return_cs(v, (u16)w[CS], &t, &d))
		return;
	t.rip = w[RIP];
	if (t.cpl == cpl) {
		if (!accept_target(v, &t, &d))
			return;
		v->gpr[GPR_RSP] += 2 * size + released;
	} else {
		u64 rsp = v->gpr[GPR_RSP];
		bool read;

		v->gpr[GPR_RSP] += 2 * size + released;
		read = read_stack(v, outer, 2, size);
		v->gpr[GPR_RSP] = rsp;
		if (!read || !accept_target(v, &t, &d) ||
		    !load_return_stack(v, &t, (u16)outer[1], outer[0] + released, &ss))
			return;
	}
	v->rflags &= ~(u64)RFLAGS_RF;
	enter_level(v, &t);
	v->seg[SEG_SS] = ss;
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
	if (!read_far_operand(v, i, &selector, &t.rip) || !read_branch_cs(v, selector, &t, &d) ||
	    !accept_target(v, &t, &d))
		return;
	if (i->op == OP_CALL_FAR && !push_return(v, i->op_size, v->rip + i->length))
		return;
	v->rflags &= ~(u64)RFLAGS_RF;
	enter_level(v, &t);
}

static bool machine_is_amd(void)
{
	static int amd = -1;

	if (amd < 0)
		amd = cpuid(0, 0).ecx == 0x444d4163; /* "cAMD" */
	return amd;
}

void transfer_syscall(struct vcpu *v, const struct insn *i)
{
	u16 selector = (u16)(v->star >> STAR_SYSCALL_SHIFT) & ~SEL_RPL;
	bool is_64bit = vcpu_is_64bit(v);

	/* In compatibility mode only AMD has it (APM vol. 3, "SYSCALL"). */
	if (!(v->efer & EFER_SCE) || (!is_64bit && !machine_is_amd())) {
		event_exception(v, VEC_UD);
		return;
	}
	v->gpr[GPR_RCX] = v->rip + i->length;
	v->gpr[GPR_R11] = v->rflags & ~(u64)RFLAGS_RF;
	v->rip = is_64bit ? v->lstar : v->cstar;
	v->rflags = (v->rflags & ~(v->fmask | RFLAGS_RF)) | RFLAGS_RESERVED1;
	v->seg[SEG_CS] = segment_flat(selector, true, true, 0);
	v->seg[SEG_SS] = segment_flat(selector + 8, false, false, 0);
	ring3_set_user(v, false);
}

void transfer_sysret(struct vcpu *v, const struct insn *i)
{
	u16 selector = (u16)(v->star >> STAR_SYSRET_SHIFT);
	bool to_64bit = i->op_size == 8;

	if (!(v->efer & EFER_SCE)) {
		event_exception(v, VEC_UD);
		return;
	}
	if (to_64bit && !machine_is_amd() && !gva_is_canonical(v->gpr[GPR_RCX])) {
		raise_gp(v, 0); /* Intel: before anything changes; AMD: at the destination */
		return;
	}
	v->rip = to_64bit ? v->gpr[GPR_RCX] : (u32)v->gpr[GPR_RCX];
	v->rflags = (v->gpr[GPR_R11] & (RFLAGS_LOADABLE & ~(u64)RFLAGS_RF)) | RFLAGS_RESERVED1;
	drop_inner_segments(v);
	v->seg[SEG_CS] = segment_flat((u16)(selector + (to_64bit ? 16 : 0)) | 3, true, to_64bit, 3);
	v->seg[SEG_SS] = segment_flat((u16)(selector + 8) | 3, false, false, 3);
	v->interrupt_shadow = false;
	ring3_set_user(v, true);
}

void transfer_sysenter(struct vcpu *v)
{
	u16 selector = (u16)v->sysenter_cs & ~SEL_RPL;

	if (!selector) {
		raise_gp(v, 0);
		return;
	}
	v->rip = v->sysenter_eip;
	v->gpr[GPR_RSP] = v->sysenter_esp;
	v->rflags &= ~(u64)(RFLAGS_IF | RFLAGS_VM | RFLAGS_RF);
	v->seg[SEG_CS] = segment_flat(selector, true, true, 0);
	v->seg[SEG_SS] = segment_flat(selector + SYSENTER_SS, false, false, 0);
	ring3_set_user(v, false);
}

void transfer_sysexit(struct vcpu *v, const struct insn *i)
{
	u16 selector = (u16)v->sysenter_cs & ~SEL_RPL;
	bool to_64bit = i->op_size == 8;

	if (!selector ||
	    (to_64bit && (!gva_is_canonical(v->gpr[GPR_RCX]) || !gva_is_canonical(v->gpr[GPR_RDX])))) {
		raise_gp(v, 0);
		return;
	}
	v->rip = to_64bit ? v->gpr[GPR_RDX] : (u32)v->gpr[GPR_RDX];
	v->gpr[GPR_RSP] = to_64bit ? v->gpr[GPR_RCX] : (u32)v->gpr[GPR_RCX];
	drop_inner_segments(v);
	v->seg[SEG_CS] = segment_flat((u16)(selector + (to_64bit ? SYSEXIT_CS64 : SYSEXIT_CS32)) | 3, true,
				      to_64bit, 3);
	v->seg[SEG_SS] =
		segment_flat((u16)(selector + (to_64bit ? SYSEXIT_SS64 : SYSEXIT_SS32)) | 3, false, false, 3);
	ring3_set_user(v, true);
}
