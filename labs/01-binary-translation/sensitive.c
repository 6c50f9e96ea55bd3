// SPDX-License-Identifier: MIT
/*
 * The instructions that fault in ring 3, emulated, and what becomes of the fault that announced one.
 *
 * In virtual ring 0 the guest may execute every privileged instruction. Those that any engine meets become a
 * neutral exit and are answered in common/vmm; those that only an engine in ring 3 meets (the interrupt flag,
 * descriptor tables, segment registers, transfers between levels) are emulated here. In virtual ring 3 the
 * fault is nearly always the guest's own; the exceptions are what the bare machine would let it do: I/O by
 * IOPL and bitmap, INT through a gate, SYSCALL, SYSENTER.
 */
#include "ring3.h"
#include "vmm/control.h"
#include "vmm/emulate.h"
#include "vmm/emulate_access.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define TSS_IOPB 102

static void exit_as(struct vmexit *exit, enum vmexit_reason reason, const struct insn *i)
{
	exit->reason = reason;
	exit->insn_len = i->length;
}

/*
 * Exercise E1.1. CLI and STI. SDM vol. 2A, "CLI"; vol. 2B, "STI".
 *
 * The flag is the vcpu's own, v->rflags: the CPU's stays on. vcpu_skip() ends the instruction; it ends the
 * interrupt shadow too. STI that finds IF clear begins one: no interrupt comes before the end of the next
 * instruction.
 */
static void set_interrupt_flag(struct vcpu *v, const struct insn *i)
{
	/* SOLUTION E1.1 { stub: (void)i; */
	bool was_on = v->rflags & RFLAGS_IF;

	if (i->op == OP_CLI) {
		v->rflags &= ~(u64)RFLAGS_IF;
		vcpu_skip(v, i->length);
		return;
	}
	v->rflags |= RFLAGS_IF;
	vcpu_skip(v, i->length);
	v->interrupt_shadow = !was_on;
	/* } SOLUTION E1.1 */
}

static void load_descriptor_table(struct vcpu *v, const struct insn *i)
{
	struct desc_ptr p = {0};

	if (!operand_load(v, i, &p, sizeof(p.limit) + i->op_size))
		return;
	if (!gva_is_canonical(p.base)) {
		event_exception_error(v, VEC_GP, 0);
		return;
	}
	if (i->op == OP_LGDT) {
		v->gdtr = p;
		ring3_of(v)->tables_stale = true;
		ring3_disturb(ring3_of(v));
	} else {
		v->idtr = p;
	}
	vcpu_skip(v, i->length);
}

static void load_system_segment(struct vcpu *v, const struct insn *i)
{
	u16 selector;
	struct event f;

	if (!operand_read16(v, i, &selector))
		return;
	if (i->op == OP_LLDT ? ldtr_load(v, selector, &f) : tr_load(v, selector, &f))
		vcpu_skip(v, i->length);
	else
		event_raise(v, &f);
}

static void swap_gs(struct vcpu *v, const struct insn *i)
{
	u64 base;

	vcpu_need(v, VCPU_SEGS);
	base = v->seg[SEG_GS].base;
	v->seg[SEG_GS].base = v->kernel_gs_base;
	v->kernel_gs_base = base;
	wrmsr(MSR_GS_BASE, v->seg[SEG_GS].base);
	vcpu_skip(v, i->length);
}

/* LSS, LFS, LGS (0F B2, B4, B5), LES, LDS (C4, C5). */
static unsigned far_pointer_segment(const struct insn *i)
{
	switch (i->opcode) {
	case 0xb2:
		return SEG_SS;
	case 0xb4:
		return SEG_FS;
	case 0xb5:
		return SEG_GS;
	case 0xc4:
		return SEG_ES;
	default:
		return SEG_DS;
	}
}

/* What MOV, POP and the far-pointer loads of DS, ES, SS, FS, GS read. */
static bool read_selector(struct vcpu *v, const struct insn *i, u16 *selector, u64 *offset)
{
	u64 popped;

	switch (i->op) {
	case OP_MOV_TO_SEG:
		return operand_read16(v, i, selector);
	case OP_POP_SEG:
		if (!stack_read(v, 0, &popped, 1, i->op_size))
			return false;
		*selector = (u16)popped;
		return true;
	default:
		return operand_read_far(v, i, selector, offset);
	}
}

static void load_segment_register(struct vcpu *v, const struct insn *i)
{
	unsigned seg = i->op == OP_LOAD_FAR_POINTER ? far_pointer_segment(i) : i->reg;
	u64 offset;
	u16 selector;
	struct event f;

	if (!read_selector(v, i, &selector, &offset))
		return;
	if (!segment_load(v, seg, selector, &f)) {
		event_raise(v, &f);
		return;
	}
	if (i->op == OP_POP_SEG)
		stack_release(v, i->op_size);
	if (i->op == OP_LOAD_FAR_POINTER)
		register_write(v, i->reg, i->op_size, i->rex, offset);
	if (seg != SEG_SS || i->op == OP_LOAD_FAR_POINTER) {
		vcpu_skip(v, i->length);
		return;
	}
	vcpu_advance(v, i->length);
	v->interrupt_shadow = true;
}

/* INT3, INT n, and INTO, which does nothing without OF. */
static void software_interrupt(struct vcpu *v, const struct insn *i)
{
	u8 vector = i->op == OP_INT3 ? VEC_BP : i->op == OP_INTO ? VEC_OF : (u8)i->imm;

	if (i->op == OP_INTO && !(v->rflags & RFLAGS_OF))
		vcpu_skip(v, i->length);
	else
		event_raise(v,
			    &(struct event){.kind = EVENT_SOFTWARE, .vector = vector, .insn_len = i->length});
}

/* A transfer ends with the single-step trap if TF was set when it began. */
static void transfer(struct vcpu *v, const struct insn *i)
{
	bool tf = v->rflags & RFLAGS_TF;

	if (i->op == OP_IRET)
		transfer_iret(v, i);
	else
		transfer_far(v, i);
	if (tf && !v->events.pending.kind)
		event_debug(v, DR6_BS);
}

/*
 * Exercise E1.1. IN, OUT, INS and OUTS become VMEXIT_IO (vmm/vmexit.h); common code does the transfer and
 * ends the instruction. SDM vol. 2A, "IN", "INS"; vol. 2B, "OUT", "OUTS".
 *
 * The port is an immediate byte or DX. Only string instructions repeat, by either prefix. INS stores to ES,
 * whatever prefix stands before it; OUTS loads from the segment that the decoder found.
 */
void exit_io(struct vmexit *exit, struct vcpu *v, const struct insn *i)
{
	/* SOLUTION E1.1 { stub: (void)exit; (void)i; */
	bool string = i->op == OP_INS || i->op == OP_OUTS, in = i->op == OP_IN || i->op == OP_INS;

	exit_as(exit, VMEXIT_IO, i);
	exit->io.write = !in;
	exit->io.string = string;
	exit->io.rep = string && (i->rep || i->repne);
	exit->io.port = i->has_imm ? (u8)i->imm : (u16)v->gpr[GPR_RDX];
	exit->io.size = i->op_size;
	exit->io.addr_size = i->addr_size;
	exit->io.segment = i->op == OP_INS ? SEG_ES : i->segment;
	/* } SOLUTION E1.1 */
}

/*
 * Exercise E1.1. MOV to and from a control register, CLTS and LMSW become VMEXIT_CR (vmm/vmexit.h); common
 * code checks the value and ends the instruction. SDM vol. 2B, "MOV - Move to/from Control Registers"; vol.
 * 2A, "CLTS", "LMSW".
 *
 * The decoder leaves the control register in i->reg, the general register in i->rm. CLTS and LMSW are about
 * CR0. The operand of LMSW may be memory: it is read here, and when that faults there is no exit.
 */
static void exit_cr(struct vmexit *exit, struct vcpu *v, const struct insn *i)
{
	/* SOLUTION E1.1 { stub: (void)exit; (void)i; */
	u16 source = 0;

	if (i->op == OP_LMSW && !operand_read16(v, i, &source))
		return;
	exit_as(exit, VMEXIT_CR, i);
	exit->cr.number = i->reg;
	exit->cr.gpr = i->rm;
	exit->cr.source = source;
	switch (i->op) {
	case OP_MOV_TO_CR:
		exit->cr.op = CR_WRITE;
		break;
	case OP_MOV_FROM_CR:
		exit->cr.op = CR_READ;
		break;
	case OP_CLTS:
		exit->cr.number = 0;
		exit->cr.op = CR_CLTS;
		break;
	default:
		exit->cr.number = 0;
		exit->cr.op = CR_LMSW;
	}
	/* } SOLUTION E1.1 */
}

/*
 * Privileged instructions that every engine meets. False: not one of them.
 *
 * Exercise E1.1, to begin with: HLT becomes VMEXIT_HLT (exit_as()). Common code ends the instruction and
 * waits for what wakes the vcpu.
 */
bool privileged_common(struct vcpu *v, const struct insn *i, struct vmexit *exit)
{
	switch (i->op) {
	case OP_HLT:
		/* SOLUTION E1.1 { stub: return true; */
		exit_as(exit, VMEXIT_HLT, i);
		return true;
		/* } SOLUTION E1.1 */
	case OP_IN:
	case OP_OUT:
	case OP_INS:
	case OP_OUTS:
		exit_io(exit, v, i);
		return true;
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
	case OP_CLTS:
	case OP_LMSW:
		exit_cr(exit, v, i);
		return true;
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
		exit_as(exit, VMEXIT_DR, i);
		exit->dr.number = i->reg;
		exit->dr.write = i->op == OP_MOV_TO_DR;
		exit->dr.gpr = i->rm;
		return true;
	case OP_INVLPG:
		exit_as(exit, VMEXIT_INVLPG, i);
		exit->invlpg.gva = emulate_operand_gva(v, i);
		return true;
	case OP_INVD:
	case OP_WBINVD:
		exit_as(exit, VMEXIT_CACHE, i);
		return true;
	case OP_RDMSR:
	case OP_WRMSR:
		exit_as(exit, VMEXIT_MSR, i);
		exit->msr.index = (u32)v->gpr[GPR_RCX];
		exit->msr.write = i->op == OP_WRMSR;
		return true;
	case OP_RDPMC:
		exit_as(exit, VMEXIT_RDPMC, i);
		return true;
	case OP_XSETBV:
		exit_as(exit, VMEXIT_XSETBV, i);
		return true;
	default:
		return false;
	}
}

/* Privileged instructions that only an engine in ring 3 meets. False: not one of them. */
static bool privileged_ring3(struct vcpu *v, const struct insn *i)
{
	switch (i->op) {
	case OP_CLI:
	case OP_STI:
		set_interrupt_flag(v, i);
		return true;
	case OP_LGDT:
	case OP_LIDT:
		load_descriptor_table(v, i);
		return true;
	case OP_LLDT:
	case OP_LTR:
		load_system_segment(v, i);
		return true;
	case OP_SWAPGS:
		swap_gs(v, i);
		return true;
	case OP_SYSRET:
		transfer_sysret(v, i);
		return true;
	case OP_SYSEXIT:
		transfer_sysexit(v, i);
		return true;
	default:
		return false;
	}
}

/* What each level may do, and what faults because the GDT of virtual ring 0 is empty. False: not one of them.
 */
static bool segment_instruction(struct vcpu *v, const struct insn *i)
{
	switch (i->op) {
	case OP_MOV_TO_SEG:
	case OP_POP_SEG:
	case OP_LOAD_FAR_POINTER:
		load_segment_register(v, i);
		return true;
	case OP_IRET:
	case OP_RET_FAR:
		transfer(v, i);
		return true;
	default:
		return false;
	}
}

/* Instructions that go to another level, or try to, from every one; and what may be privileged or not. */
static bool unprivileged(struct vcpu *v, const struct insn *i, struct vmexit *exit)
{
	switch (i->op) {
	case OP_INT3:
	case OP_INT:
	case OP_INTO:
		software_interrupt(v, i);
		return true;
	case OP_JMP_FAR: /* through a gate; in the copies of the tables none is present */
	case OP_CALL_FAR:
		transfer(v, i);
		return true;
	case OP_SYSENTER:
		transfer_sysenter(v);
		return true;
	case OP_RDTSC:
	case OP_RDTSCP:
		if (v->cr4 & CR4_TSD && vcpu_cpl(v))
			return false;
		exit_as(exit, VMEXIT_RDTSC, i);
		exit->tsc.aux = i->op == OP_RDTSCP;
		return true;
	default:
		return false;
	}
}

static bool is_io(const struct insn *i)
{
	return i->op == OP_IN || i->op == OP_OUT || i->op == OP_INS || i->op == OP_OUTS;
}

/* The I/O permission bitmap of the guest's TSS. SDM vol. 1, 19.5.2 "I/O Permission Bit Map". */
static bool bitmap_allows(struct vcpu *v, u16 port, unsigned size)
{
	const struct segment *tr = &v->seg[SEG_TR];
	u16 base, bits;
	struct event f;

	if (TSS_IOPB + 1 > tr->limit || !gva_read(v, tr->base + TSS_IOPB, &base, 2, ACCESS_READ, &f))
		return false;
	if ((u32)base + port / 8 + 1 > tr->limit ||
	    !gva_read(v, tr->base + base + port / 8, &bits, 2, ACCESS_READ, &f))
		return false;
	return !(bits >> port % 8 & ((1U << size) - 1));
}

/* What IOPL and the bitmap allow outside level 0. False: the fault is the guest's own. */
static bool allowed_by_iopl(struct vcpu *v, const struct insn *i, struct vmexit *exit)
{
	bool iopl = (v->rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT >= vcpu_cpl(v);
	struct vmexit io = {.reason = VMEXIT_NONE};

	if (iopl && (i->op == OP_CLI || i->op == OP_STI)) {
		set_interrupt_flag(v, i);
		return true;
	}
	if (!is_io(i))
		return false;
	exit_io(&io, v, i);
	if (!iopl && !bitmap_allows(v, io.io.port, io.io.size))
		return false;
	*exit = io;
	return true;
}

/* User code that loads a segment while its table's copy is stale, or of the guest's table that had been
 * somewhere else: try again. */
static bool tables_were_stale(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	if (!r->user || !(r->tables_stale || r->tables_check))
		return false;
	r->tables_check = true;
	ring3_sync_tables(v);
	return true;
}

bool sensitive_execute(struct vcpu *v, const struct insn *i, struct vmexit *exit)
{
	unsigned cpl = vcpu_cpl(v);

	if (!cpl && (privileged_common(v, i, exit) || privileged_ring3(v, i)))
		return true;
	if (unprivileged(v, i, exit) || (!ring3_of(v)->user && segment_instruction(v, i)))
		return true;
	return cpl && allowed_by_iopl(v, i, exit);
}

void sensitive_emulate(struct vcpu *v, struct vmexit *exit)
{
	struct insn i;

	exit->reason = VMEXIT_NONE;
	if (v->frame_error && tables_were_stale(v))
		return;
	if (emulate_decode(v, &i) && !sensitive_execute(v, &i, exit))
		ring3_reflect(v, exit);
}
