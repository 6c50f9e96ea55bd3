// SPDX-License-Identifier: MIT
/*
 * The sensitive instructions that do not trap in ring 3, emulated against the virtual CPU state: those with
 * which `trap` is wrong. Robin and Irvine list them; here are also the few whose fault `trap` leaves to the
 * CPU. What faults in ring 3 is in sensitive.c, for both engines.
 *
 * Sources: SDM vol. 2A and 2B, the page of each instruction; vol. 3A, 5.10 "Pointer Validation" for LAR, LSL,
 * VERR and VERW; Robin and Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual
 * Machine Monitor" (USENIX Security 2000).
 *
 * Left out: the descriptor types of protected mode outside IA-32e mode.
 */
#include "labs/01-binary-translation/bt/silent.h"
#include "labs/01-binary-translation/ring3.h"
#include "vmm/emulate_access.h"
#include "vmm/intercept.h"
#include "x86/exception.h"

#define LEAF_FEATURES7    0x7
#define F7_ECX_RDPID      BIT(22)
#define LEAF_EXT_FEATURES 0x80000001
#define X1_EDX_RDTSCP     BIT(27)

static u64 iopl_of(const struct vcpu *v)
{
	return (v->rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT;
}

/* ---- PUSHF and POPF ---- */

static void push_flags(struct vcpu *v, const struct insn *i)
{
	u64 image = v->rflags & ~(u64)(RFLAGS_VM | RFLAGS_RF);

	if (stack_push(v, &image, 1, i->op_size))
		vcpu_skip(v, i->length);
}

/*
 * Loads all but RF, VM, VIF and VIP, with 2 bytes the lower half alone; IOPL at level 0, IF where CPL <=
 * IOPL; what it may not load stays. A single step ends here when TF was set before.
 */
static void pop_flags(struct vcpu *v, const struct insn *i)
{
	u64 may = RING3_RFLAGS_LOADABLE & ~(u64)(RFLAGS_RF | RFLAGS_VIF | RFLAGS_VIP), value;
	bool stepped = v->rflags & RFLAGS_TF;

	if (!stack_read(v, 0, &value, 1, i->op_size))
		return;
	if (vcpu_cpl(v))
		may &= ~(u64)RFLAGS_IOPL;
	if (vcpu_cpl(v) > iopl_of(v))
		may &= ~(u64)RFLAGS_IF;
	if (i->op_size == 2)
		may &= 0xffff;
	stack_release(v, i->op_size);
	v->rflags = (v->rflags & ~may) | (value & may);
	vcpu_advance(v, i->length);
	if (stepped)
		event_debug(v, DR6_BS);
}

/* ---- what the system registers hold ---- */

static void store_table_register(struct vcpu *v, const struct insn *i, const struct desc_ptr *p)
{
	if (operand_store(v, i, p, sizeof(p->limit) + i->op_size))
		vcpu_skip(v, i->length);
}

/* 16 bits in memory; a register takes as much of the value as it has room for. */
static void store_word(struct vcpu *v, const struct insn *i, u64 value)
{
	u16 word = (u16)value;

	if (!i->memory)
		register_write(v, i->rm, i->op_size, i->rex, value);
	else if (!operand_store(v, i, &word, sizeof(word)))
		return;
	vcpu_skip(v, i->length);
}

static u16 selector_of(struct vcpu *v, unsigned seg)
{
	vcpu_need(v, seg == SEG_CS || seg == SEG_SS ? VCPU_CS_SS : VCPU_SEGS);
	return v->seg[seg].selector;
}

static void push_segment(struct vcpu *v, const struct insn *i)
{
	u64 selector = selector_of(v, i->reg);

	if (stack_push(v, &selector, 1, i->op_size))
		vcpu_skip(v, i->length);
}

/* ---- LAR, LSL, VERR, VERW ---- */

/* System descriptors that LAR and LSL accept, a bit for each type: SDM vol. 2A, "LAR", table 3-53; "LSL",
 * table 3-55. */
#define LSL_SYSTEM_TYPES (BIT(SYS_TYPE_LDT) | BIT(SYS_TYPE_TSS_AVAIL) | BIT(SYS_TYPE_TSS_BUSY))
#define LAR_SYSTEM_TYPES (LSL_SYSTEM_TYPES | BIT(SYS_TYPE_CALL_GATE))

#define CODE             (SEG_ATTR_S | SEG_TYPE_CODE)
#define CONFORMING_CODE  (CODE | SEG_TYPE_CONFORMING)

enum found { FOUND, NOT_FOUND, FAULTED };

/* The segment that the operand names, if the guest may see it: a null selector, one beyond the table and one
 * of an inner level are no fault. */
static enum found find_segment(struct vcpu *v, const struct insn *i, struct segment *s)
{
	struct descriptor d;
	struct event f;
	u16 selector;

	if (!operand_read16(v, i, &selector))
		return FAULTED;
	if (!(selector & ~SEL_RPL))
		return NOT_FOUND;
	if (!descriptor_read(v, selector, 0, &d, &f)) {
		if (f.vector == VEC_GP && f.error) /* it names the selector */
			return NOT_FOUND;
		event_raise(v, &f);
		return FAULTED;
	}
	*s = desc_unpack(selector, d.low, d.high);
	if ((s->attr & CONFORMING_CODE) == CONFORMING_CODE)
		return FOUND;
	return MAX(vcpu_cpl(v), selector & SEL_RPL) > seg_dpl(s->attr) ? NOT_FOUND : FOUND;
}

static bool accepts(const struct insn *i, const struct segment *s)
{
	bool code = (s->attr & CODE) == CODE;

	switch (i->op) {
	case OP_LAR:
		return s->attr & SEG_ATTR_S || LAR_SYSTEM_TYPES >> (s->attr & SEG_ATTR_TYPE) & 1;
	case OP_LSL:
		return s->attr & SEG_ATTR_S || LSL_SYSTEM_TYPES >> (s->attr & SEG_ATTR_TYPE) & 1;
	case OP_VERR:
		return s->attr & SEG_ATTR_S && (!code || s->attr & SEG_TYPE_READABLE);
	default:
		return s->attr & SEG_ATTR_S && !code && s->attr & SEG_TYPE_WRITABLE;
	}
}

/* ZF says whether it worked; LAR gives bytes 5 and 6 of the descriptor without the limit, LSL the limit in
 * bytes. */
static void look_up(struct vcpu *v, const struct insn *i)
{
	struct segment s;
	enum found found = find_segment(v, i, &s);

	if (found == FAULTED)
		return;
	v->rflags &= ~(u64)RFLAGS_ZF;
	if (found == FOUND && accepts(i, &s)) {
		v->rflags |= RFLAGS_ZF;
		if (i->op == OP_LAR)
			register_write(v, i->reg, i->op_size, i->rex, (u64)s.attr << 8);
		if (i->op == OP_LSL)
			register_write(v, i->reg, i->op_size, i->rex, s.limit);
	}
	vcpu_skip(v, i->length);
}

/* ---- the rest ---- */

static void read_xcr(struct vcpu *v, const struct insn *i)
{
	vcpu_need(v, VCPU_CRS);
	if ((u32)v->gpr[GPR_RCX]) { /* no other one is offered */
		event_exception_error(v, VEC_GP, 0);
		return;
	}
	v->gpr[GPR_RAX] = (u32)v->xcr0;
	v->gpr[GPR_RDX] = v->xcr0 >> 32;
	vcpu_skip(v, i->length);
}

static void read_processor_id(struct vcpu *v, const struct insn *i)
{
	vcpu_need(v, VCPU_MSRS);
	v->gpr[i->rm] = (u32)v->tsc_aux;
	vcpu_skip(v, i->length);
}

/* INT1: a trap, RIP behind it, whatever the DPL of the gate; no bit of DR6 tells of it. */
static void debug_trap(struct vcpu *v, const struct insn *i)
{
	vcpu_advance(v, i->length);
	event_exception(v, VEC_DB);
}

/* Does this CPU have it, and the guest turned it on? */
static bool exists(struct vcpu *v, const struct insn *i)
{
	struct cpuid_regs r;

	switch (i->op) {
	case OP_SYSCALL:
	case OP_SYSRET:
		return syscall_exists(v);
	case OP_SYSENTER:
	case OP_SYSEXIT:
		return sysenter_exists();
	case OP_XGETBV:
	case OP_XSETBV:
		vcpu_need(v, VCPU_CRS);
		return v->cr4 & CR4_OSXSAVE;
	case OP_RDTSCP:
		guest_cpuid(v, LEAF_EXT_FEATURES, 0, &r);
		return r.edx & X1_EDX_RDTSCP;
	case OP_RDPID:
		guest_cpuid(v, LEAF_FEATURES7, 0, &r);
		return r.ecx & F7_ECX_RDPID;
	default:
		return true;
	}
}

/* False: none of those that never fault in ring 3. */
static bool silent(struct vcpu *v, const struct insn *i, struct vmexit *exit)
{
	switch (i->op) {
	case OP_PUSHF:
		push_flags(v, i);
		return true;
	case OP_POPF:
		pop_flags(v, i);
		return true;
	case OP_SGDT:
		store_table_register(v, i, &v->gdtr);
		return true;
	case OP_SIDT:
		store_table_register(v, i, &v->idtr);
		return true;
	case OP_SLDT:
		store_word(v, i, selector_of(v, SEG_LDTR));
		return true;
	case OP_STR:
		store_word(v, i, selector_of(v, SEG_TR));
		return true;
	case OP_SMSW:
		store_word(v, i, v->cr0);
		return true;
	case OP_MOV_FROM_SEG:
		store_word(v, i, selector_of(v, i->reg));
		return true;
	case OP_PUSH_SEG:
		push_segment(v, i);
		return true;
	case OP_LAR:
	case OP_LSL:
	case OP_VERR:
	case OP_VERW:
		look_up(v, i);
		return true;
	case OP_CPUID:
		exit->reason = VMEXIT_CPUID;
		exit->insn_len = i->length;
		return true;
	case OP_XGETBV:
		read_xcr(v, i);
		return true;
	case OP_RDPID:
		read_processor_id(v, i);
		return true;
	case OP_INT1:
		debug_trap(v, i);
		return true;
	case OP_SYSCALL:
		v->rip += i->length;
		transfer_syscall(v, vcpu_is_64bit(v));
		return true;
	default:
		return false;
	}
}

/* Of those that sensitive_execute() refuses above level 0: #GP(0). The others are no instructions here. */
static bool is_privileged(const struct insn *i)
{
	switch (i->op) {
	case OP_CLI:
	case OP_STI:
	case OP_IN:
	case OP_OUT:
	case OP_INS:
	case OP_OUTS:
	case OP_HLT:
	case OP_RDTSC:
	case OP_RDTSCP:
	case OP_RDPMC:
	case OP_RDMSR:
	case OP_WRMSR:
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
	case OP_CLTS:
	case OP_LMSW:
	case OP_LGDT:
	case OP_LIDT:
	case OP_LLDT:
	case OP_LTR:
	case OP_INVLPG:
	case OP_INVD:
	case OP_WBINVD:
	case OP_SWAPGS:
	case OP_XSETBV:
	case OP_SYSRET:
	case OP_SYSEXIT:
		return true;
	default:
		return false;
	}
}

static COLD void emulate_rare(struct vcpu *v, const struct insn *i, struct vmexit *exit)
{
	if (!exists(v, i))
		event_exception(v, VEC_UD);
	else if (silent(v, i, exit) || sensitive_execute(v, i, exit))
		return;
	else if (is_privileged(i))
		event_exception_error(v, VEC_GP, 0);
	else
		event_exception(v, VEC_UD);
}

void bt_emulate(struct vcpu *v, const struct insn *i, struct vmexit *exit)
{
	exit->reason = VMEXIT_NONE;
	if (i->op == OP_XSETBV || vcpu_cpl(v) || !privileged_common(v, i, exit))
		emulate_rare(v, i, exit);
}
