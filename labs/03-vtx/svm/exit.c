// SPDX-License-Identifier: MIT
/*
 * EXITCODE, EXITINFO1 and EXITINFO2 to struct vmexit, and the names of the exits.
 *
 * Most exits are one instruction that says all by being there. What the CPU does not tell without decode
 * assists (which register a MOV to CR0 reads, which address INVLPG names) the decoder finds out.
 *
 * Source: APM vol. 2, 15.8 "Decode Assists", 15.9 "Instruction Intercepts", 15.10.2 "IN and OUT Behavior",
 * 15.12 "Exception Intercepts", appendix C "SVM Intercept Exit Codes"; "15.7.1 State Saved on Exit" has nRIP.
 */
#include "check.h"
#include "lib/panic.h"
#include "svm.h"
#include "vmm/emulate.h"
#include "vmm/memory.h"
#include "x86/exception.h"

/* MOV CR: APM vol. 3, "MOV CRn", 1.2.7 "REX Prefix" */
#define MOV_CR_LENGTH      3
#define MOV_CR_LENGTH_REX  4
#define OPCODE_ESCAPE      0x0f
#define OPCODE_MOV_FROM_CR 0x20
#define OPCODE_MOV_TO_CR   0x22
#define MODRM_RM           0x07
#define MODRM_RM_BITS      3
#define REX                0x40
#define REX_MASK           0xf0

/* nRIP is of instruction intercepts alone. 0: the CPU does not save it. */
static inline u8 insn_length(const struct vcpu *v)
{
	return svm_has(SVM_FEATURE_NRIPS) ? (u8)(svm_of(v)->vmcb->control.nrip - v->rip) : 0;
}

/* An instruction that says all by being there. */
static void exit_plain(struct vcpu *v, struct vmexit *exit)
{
	exit->insn_len = insn_length(v);
}

static void exit_vmmcall(struct vcpu *v, struct vmexit *exit)
{
	exit->insn_len = insn_length(v);
	exit->hypercall.cpl = svm_of(v)->vmcb->save.cpl;
}

/* ---- what needs more ---- */

static COLD void exit_io_string(struct vcpu *v, u64 info, struct vmexit *exit)
{
	struct insn i;

	if (svm_has(SVM_FEATURE_DECODE)) {
		exit->io.addr_size = 2 * (info >> VMCB_IOIO_ADDR_SHIFT & VMCB_IOIO_ADDR_MASK);
		exit->io.segment = info >> VMCB_IOIO_SEG_SHIFT & VMCB_IOIO_SEG_MASK;
	} else if (emulate_decode(v, &i)) { /* the segment is missing, and on TCG the size too */
		exit->io.addr_size = i.addr_size;
		exit->io.segment = exit->io.write ? i.segment : SEG_ES;
	} else {
		exit->reason = VMEXIT_NONE;
	}
}

/* EXITINFO2 has the next RIP on every CPU. */
static void exit_io(struct vcpu *v, struct vmexit *exit)
{
	/* SOLUTION E3.5 { stub: (void)exit_io_string; exit->reason = VMEXIT_NONE; return; */
	const struct vmcb_control *c = &svm_of(v)->vmcb->control;
	u64 info = c->exitinfo1;

	exit->insn_len = (u8)(c->exitinfo2 - v->rip);
	exit->io.port = (u16)(info >> VMCB_IOIO_PORT_SHIFT);
	exit->io.size = info >> VMCB_IOIO_SIZE_SHIFT & VMCB_IOIO_SIZE_MASK;
	exit->io.write = !(info & VMCB_IOIO_IN);
	exit->io.string = info & VMCB_IOIO_STR;
	exit->io.rep = info & VMCB_IOIO_REP;
	if (exit->io.string)
		exit_io_string(v, info, exit);
	/* } SOLUTION E3.5 */
}

static void exit_msr(struct vcpu *v, struct vmexit *exit)
{
	/* SOLUTION E3.5 { stub: exit->reason = VMEXIT_NONE; return; */
	exit->insn_len = insn_length(v);
	exit->msr.index = (u32)v->gpr[GPR_RCX];
	exit->msr.write = svm_of(v)->vmcb->control.exitinfo1 & 1;
	/* } SOLUTION E3.5 */
}

/* SMSW is a read of CR0 as well: the low 16 bits of it, to a register of any size or to memory. */
static void store_msw(struct vcpu *v, const struct insn *i)
{
	u64 cr0 = v->cr0;
	struct event f;

	if (i->memory) {
		if (!gva_write(v, emulate_operand_gva(v, i), &cr0, sizeof(u16),
			       vcpu_cpl(v) == 3 ? ACCESS_WRITE | ACCESS_USER : ACCESS_WRITE, &f)) {
			event_raise(v, &f);
			return;
		}
	} else if (i->op_size == 2) {
		v->gpr[i->rm] = (v->gpr[i->rm] & ~0xffffULL) | (u16)cr0;
	} else {
		v->gpr[i->rm] = i->op_size == 4 ? (u32)cr0 : cr0;
	}
	vcpu_skip(v, i->length);
}

static bool read_msw(struct vcpu *v, const struct insn *i, u16 *value)
{
	struct event f;

	*value = i->memory ? 0 : (u16)v->gpr[i->rm];
	if (!i->memory || gva_read(v, emulate_operand_gva(v, i), value, sizeof(*value), ACCESS_READ, &f))
		return true;
	event_raise(v, &f);
	return false;
}

/*
 * MOV CR is 0F 20 /r or 0F 22 /r, alone or behind a REX prefix. That is all there is to look at in nearly
 * every exit of a control register, and the length (nRIP) tells the two forms apart; the rest is the
 * decoder's.
 */
static bool is_mov_cr(const u8 *bytes, unsigned length, struct vmexit *exit)
{
	u8 rex = length > MOV_CR_LENGTH ? bytes[0] : REX;
	const u8 *opcode = bytes + length - MOV_CR_LENGTH;

	if ((rex & REX_MASK) != REX || opcode[0] != OPCODE_ESCAPE ||
	    (opcode[1] != OPCODE_MOV_FROM_CR && opcode[1] != OPCODE_MOV_TO_CR))
		return false;
	exit->reason = VMEXIT_CR;
	exit->insn_len = (u8)length;
	exit->cr.op = opcode[1] == OPCODE_MOV_TO_CR ? CR_WRITE : CR_READ;
	exit->cr.gpr = (opcode[2] & MODRM_RM) | (rex & INSN_REX_B) << MODRM_RM_BITS;
	return true;
}

static COLD void decode_cr(struct vcpu *v, struct vmexit *exit)
{
	unsigned length = insn_length(v);
	u8 bytes[MOV_CR_LENGTH_REX];
	struct insn i;

	exit->reason = VMEXIT_NONE;
	if (length == MOV_CR_LENGTH || length == MOV_CR_LENGTH_REX) {
		if (!emulate_fetch(v, bytes, length) || is_mov_cr(bytes, length, exit))
			return;
	}
	if (!emulate_decode(v, &i))
		return;
	exit->insn_len = i.length;
	exit->cr.gpr = i.rm;
	switch (i.op) {
	case OP_SMSW:
		store_msw(v, &i);
		return;
	case OP_LMSW:
		if (!read_msw(v, &i, &exit->cr.source))
			return;
		exit->cr.op = CR_LMSW;
		break;
	case OP_CLTS:
		exit->cr.op = CR_CLTS;
		break;
	case OP_MOV_TO_CR:
		exit->cr.op = CR_WRITE;
		break;
	case OP_MOV_FROM_CR:
		exit->cr.op = CR_READ;
		break;
	default:
		vcpu_end(v, "an exit of a control register at an instruction that is %s", insn_op_name(i.op));
		return;
	}
	exit->reason = VMEXIT_CR;
}

static void exit_cr(struct vcpu *v, struct vmexit *exit)
{
	/* SOLUTION E3.5 { stub: (void)decode_cr; exit->reason = VMEXIT_NONE; return; */
	const struct vmcb_control *c = &svm_of(v)->vmcb->control;
	u64 info = c->exitinfo1, code = c->exitcode;
	bool write = code >= SVM_EXIT_CR0_WRITE;

	exit->cr.number = (u8)(code - (write ? SVM_EXIT_CR0_WRITE : SVM_EXIT_CR0_READ));
	if (!svm_has(SVM_FEATURE_DECODE) || !svm_has(SVM_FEATURE_NRIPS) || !(info & VMCB_MOV_CR_VALID)) {
		decode_cr(v, exit);
		return;
	}
	exit->reason = VMEXIT_CR;
	exit->insn_len = insn_length(v);
	exit->cr.op = write ? CR_WRITE : CR_READ;
	exit->cr.gpr = info & VMCB_MOV_CR_GPR;
	/* } SOLUTION E3.5 */
}

static void exit_invlpg(struct vcpu *v, struct vmexit *exit)
{
	struct insn i;

	exit->insn_len = insn_length(v);
	if (svm_has(SVM_FEATURE_DECODE)) {
		exit->invlpg.gva = svm_of(v)->vmcb->control.exitinfo1;
		return;
	}
	if (!emulate_decode(v, &i)) {
		exit->reason = VMEXIT_NONE;
		return;
	}
	exit->insn_len = i.length;
	exit->invlpg.gva = emulate_operand_gva(v, &i);
}

/* DR6 in the VMCB is as the handler of a #DB has to find it. */
static void exit_exception(struct vcpu *v, struct vmexit *exit)
{
	const struct vmcb_control *c = &svm_of(v)->vmcb->control;
	u8 vector = (u8)(c->exitcode - SVM_EXIT_EXCP0);

	if (vector == VEC_MC)
		panic("machine check while a guest ran");
	if (vector == VEC_PF) {
		exit->reason = VMEXIT_PAGE_FAULT;
		exit->fault.gva = c->exitinfo2;
		exit->fault.error = (u32)c->exitinfo1;
		return;
	}
	exit->exception.vector = vector;
	exit->exception.has_error = exception_has_error(vector);
	exit->exception.error = (u32)c->exitinfo1;
	exit->exception.dr6 = 0;
}

/* INT1: #DB behind the instruction. */
static void exit_icebp(struct vcpu *v, struct vmexit *exit)
{
	/* SOLUTION E3.8 { stub: exit->reason = VMEXIT_NONE; return; */
	unsigned length = insn_length(v);
	struct insn i;

	exit->reason = VMEXIT_NONE;
	if (!length) {
		if (!emulate_decode(v, &i))
			return;
		length = i.length;
	}
	vcpu_advance(v, length);
	event_debug(v, v->rflags & RFLAGS_TF ? DR6_BS : 0);
	/* } SOLUTION E3.8 */
}

static void exit_failed(struct vcpu *v, struct vmexit *exit)
{
	exit->reason = VMEXIT_ENTRY_FAILED;
	exit->failed.code = SVM_EXIT_INVALID;
	exit->failed.info = svm_of(v)->vmcb->control.exitinfo1;
	exit->failed.text = "VMRUN finds the VMCB not consistent";
	svm_quirks_refused(v);
	svm_check_report(svm_of(v)->vmcb, &svm_machine);
}

static void exit_unknown(struct vcpu *v, u64 code, struct vmexit *exit)
{
	const struct vmcb_control *c = &svm_of(v)->vmcb->control;

	exit->reason = VMEXIT_NONE;
	vcpu_end(v, "an exit that nobody asked for: %s (0x%lx), EXITINFO1 0x%lx, EXITINFO2 0x%lx",
		 svm_exit_name(code), code, c->exitinfo1, c->exitinfo2);
}

static void exit_window(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	(void)exit;
}

static void exit_iret(struct vcpu *v, struct vmexit *exit)
{
	(void)exit;
	svm_iret(v);
}

static void exit_swint(struct vcpu *v, struct vmexit *exit)
{
	(void)exit;
	svm_quirks_int(svm_of(v));
}

static void exit_load_table(struct vcpu *v, struct vmexit *exit)
{
	(void)exit;
	svm_tcg_load_table(v);
}

/* ---- the table ---- */

/* Entries that are not here are exits that nobody asks for. */
static const struct {
	void (*decode)(struct vcpu *v, struct vmexit *exit);
	u8 reason; /* enum vmexit_reason */
} exits[SVM_EXIT_COUNT] = {
	[SVM_EXIT_CR0_READ... SVM_EXIT_DR0_READ - 1] = {exit_cr, VMEXIT_NONE},
	[SVM_EXIT_EXCP0... SVM_EXIT_INTR - 1] = {exit_exception, VMEXIT_EXCEPTION},
	[SVM_EXIT_INTR] = {svm_take_interrupt, VMEXIT_INTERRUPT},
	[SVM_EXIT_NMI] = {svm_take_interrupt, VMEXIT_INTERRUPT},
	[SVM_EXIT_VINTR] = {exit_window, VMEXIT_WINDOW},
	[SVM_EXIT_IDTR_WRITE] = {exit_load_table, VMEXIT_NONE},
	[SVM_EXIT_GDTR_WRITE] = {exit_load_table, VMEXIT_NONE},
	[SVM_EXIT_RDPMC] = {exit_plain, VMEXIT_RDPMC},
	[SVM_EXIT_CPUID] = {exit_plain, VMEXIT_CPUID},
	[SVM_EXIT_RSM] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_IRET] = {exit_iret, VMEXIT_NONE},
	[SVM_EXIT_SWINT] = {exit_swint, VMEXIT_NONE},
	[SVM_EXIT_INVD] = {exit_plain, VMEXIT_CACHE},
	[SVM_EXIT_PAUSE] = {exit_plain, VMEXIT_PAUSE},
	[SVM_EXIT_HLT] = {exit_plain, VMEXIT_HLT},
	[SVM_EXIT_INVLPG] = {exit_invlpg, VMEXIT_INVLPG},
	[SVM_EXIT_INVLPGA] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_IOIO] = {exit_io, VMEXIT_IO},
	[SVM_EXIT_MSR] = {exit_msr, VMEXIT_MSR},
	[SVM_EXIT_TASK_SWITCH] = {exit_plain, VMEXIT_TASK_SWITCH},
	[SVM_EXIT_SHUTDOWN] = {exit_plain, VMEXIT_SHUTDOWN},
	[SVM_EXIT_VMRUN] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_VMMCALL] = {exit_vmmcall, VMEXIT_HYPERCALL},
	[SVM_EXIT_VMLOAD] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_VMSAVE] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_STGI] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_CLGI] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_SKINIT] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_ICEBP] = {exit_icebp, VMEXIT_NONE},
	[SVM_EXIT_WBINVD] = {exit_plain, VMEXIT_CACHE},
	[SVM_EXIT_MONITOR] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_MWAIT] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_MWAIT_CONDITIONAL] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_XSETBV] = {exit_plain, VMEXIT_XSETBV},
	[SVM_EXIT_RDPRU] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_INVLPGB] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_INVLPGB_ILLEGAL] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_INVPCID] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_MCOMMIT] = {exit_plain, VMEXIT_UNDEFINED},
	[SVM_EXIT_TLBSYNC] = {exit_plain, VMEXIT_UNDEFINED},
};

/* The VMCB was refused, or it is an exit that nobody has asked for. */
static COLD void unexpected(struct vcpu *v, u64 code, struct vmexit *exit)
{
	bool refused = code == SVM_EXIT_INVALID || code == SVM_TCG_EXIT_INVALID;

	if (refused && svm_tcg_refused(svm_of(v)))
		exit->reason = VMEXIT_NONE;
	else if (refused)
		exit_failed(v, exit);
	else
		exit_unknown(v, code, exit);
}

void svm_exit(struct vcpu *v, struct vmexit *exit, const struct vmcb_control *c)
{
	u64 code = c->exitcode;

	if (code >= SVM_EXIT_COUNT || !exits[code].decode) {
		unexpected(v, code, exit);
		return;
	}
	exit->reason = exits[code].reason;
	exits[code].decode(v, exit);
}
