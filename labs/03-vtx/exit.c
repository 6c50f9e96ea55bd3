// SPDX-License-Identifier: MIT
/*
 * Why the guest has stopped: the exit reason and what goes with it, as struct vmexit. What only this engine
 * meets is answered here.
 *
 * Source: SDM vol. 3C, chapter 25 "VMX Non-Root Operation", 27.2 "Recording VM-Exit Information and Updating
 * VM-Entry Control Fields"; vol. 3D, appendix C "VMX Basic Exit Reasons".
 */
#include "controls.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "reasons.h"
#include "vmx.h"
#include "x86/asm.h"
#include "x86/exception.h"

/* EXIT_INTERRUPTION_INFO: table 24-15; type and validity are as in inject.c */
#define INFO_NMI_UNBLOCKED BIT(12) /* by the IRET that has just faulted */

/* EXIT_QUALIFICATION by reason: tables 27-1, 27-3 to 27-5 */
#define QUAL_DR6           (0xf | DR6_BD | DR6_BS)

#define QUAL_CR_NUMBER     0xf
#define QUAL_CR_TYPE_SHIFT 4
#define QUAL_CR_TYPE       0x3
#define QUAL_GPR_SHIFT     8 /* also of MOV DR */
#define QUAL_GPR           0xf
#define QUAL_LMSW_SHIFT    16

#define QUAL_DR_NUMBER     0x7
#define QUAL_DR_READ       BIT(4)

#define QUAL_IO_SIZE       0x7 /* less one */
#define QUAL_IO_IN         BIT(3)
#define QUAL_IO_STRING     BIT(4)
#define QUAL_IO_REP        BIT(5)
#define QUAL_IO_PORT_SHIFT 16

/* EXIT_INSTRUCTION_INFO of INS and OUTS: table 27-8 */
#define INS_ADDRESS_SHIFT  7
#define INS_ADDRESS        0x7 /* 0: 2 bytes, 1: 4, 2: 8 */
#define INS_SEGMENT_SHIFT  15
#define INS_SEGMENT        0x7

/* ---- reasons that carry something ---- */

/* A fault of IRET comes after it has unblocked NMIs; they are blocked again until it succeeds. Not when the
 * exit was in the middle of a delivery, or for #DF: 31.7.1.2 "Resuming Guest Software after Handling an
 * Exception". */
static void block_nmi_again(struct vcpu *v, const struct event *e, u32 info)
{
	if (!(info & INFO_NMI_UNBLOCKED) || v->events.pending.kind || e->vector == VEC_DF)
		return;
	vcpu_need(v, VCPU_SHADOW);
	v->nmi_blocked = true;
	vcpu_changed(v, VCPU_SHADOW);
}

static void reflect(struct vmexit *exit, const struct event *e)
{
	exit->reason = VMEXIT_EXCEPTION;
	exit->exception.vector = e->vector;
	exit->exception.has_error = e->has_error;
	exit->exception.error = e->has_error ? (u32)vmcs_read(VMCS_EXIT_INTERRUPTION_ERROR_CODE) : 0;
	exit->exception.dr6 = e->vector == VEC_DB ? vmcs_read(VMCS_EXIT_QUALIFICATION) & QUAL_DR6 : 0;
}

static void exception(struct vcpu *v, struct vmexit *exit)
{
	u32 info = (u32)vmcs_read(VMCS_EXIT_INTERRUPTION_INFO);
	struct event e = vmx_event_decode(info);

	if (e.kind == EVENT_NMI) { /* the machine's own; nobody here uses it */
		vmx_unblock_nmi();
		exit->reason = VMEXIT_INTERRUPT;
		return;
	}
	vmx_vectoring(v);
	block_nmi_again(v, &e, info);
	if (e.kind == EVENT_SOFTWARE) { /* INT1 is among what the bit of #DB intercepts */
		e.insn_len = (u8)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
		event_raise(v, &e);
		return;
	}
	switch (e.vector) {
	case VEC_PF:
		exit->reason = VMEXIT_PAGE_FAULT;
		exit->fault.gva = vmcs_read(VMCS_EXIT_QUALIFICATION);
		exit->fault.error = (u32)vmcs_read(VMCS_EXIT_INTERRUPTION_ERROR_CODE);
		break;
	case VEC_MC:
		panic("#MC while a guest ran");
	default:
		reflect(exit, &e);
		break;
	}
}

/* "Acknowledge interrupt on exit": the vector is here, and the interrupt is in service. */
static void external_interrupt(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	(void)exit;
	machine_interrupt((u8)vmcs_read(VMCS_EXIT_INTERRUPTION_INFO));
}

/* The CPU has found that an NMI can be taken; it may do so in the shadow of STI (25.2 "Other Causes of VM
 * Exits"). */
static void nmi_window(struct vcpu *v, struct vmexit *exit)
{
	(void)exit;
	vcpu_need(v, VCPU_SHADOW);
	v->interrupt_shadow = false;
	vcpu_changed(v, VCPU_SHADOW);
}

static void task_switch(struct vcpu *v, struct vmexit *exit)
{
	(void)exit;
	vmx_vectoring(v);
}

static void cr_access(struct vcpu *v, struct vmexit *exit)
{
	u64 q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	(void)v;
	exit->cr.number = q & QUAL_CR_NUMBER;
	exit->cr.op = q >> QUAL_CR_TYPE_SHIFT & QUAL_CR_TYPE; /* in the order of enum vmexit_cr_op */
	exit->cr.gpr = q >> QUAL_GPR_SHIFT & QUAL_GPR;
	exit->cr.source = (u16)(q >> QUAL_LMSW_SHIFT);
}
_Static_assert(CR_WRITE == 0 && CR_READ == 1 && CR_CLTS == 2 && CR_LMSW == 3, "table 27-3");

static void mov_dr(struct vcpu *v, struct vmexit *exit)
{
	u64 q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	(void)v;
	exit->dr.number = q & QUAL_DR_NUMBER;
	exit->dr.write = !(q & QUAL_DR_READ);
	exit->dr.gpr = q >> QUAL_GPR_SHIFT & QUAL_GPR;
}

static void io_instruction(struct vcpu *v, struct vmexit *exit)
{
	u64 q = vmcs_read(VMCS_EXIT_QUALIFICATION);
	u64 info;

	(void)v;
	exit->io.port = (u16)(q >> QUAL_IO_PORT_SHIFT);
	exit->io.size = (q & QUAL_IO_SIZE) + 1;
	exit->io.write = !(q & QUAL_IO_IN);
	exit->io.string = q & QUAL_IO_STRING;
	exit->io.rep = q & QUAL_IO_REP;
	if (!exit->io.string)
		return;
	if (!vmx_features.io_information) {
		exit->insn_len = 0; /* have it decoded */
		return;
	}
	info = vmcs_read(VMCS_EXIT_INSTRUCTION_INFO);
	exit->io.addr_size = (u8)(2U << (info >> INS_ADDRESS_SHIFT & INS_ADDRESS));
	exit->io.segment = info >> INS_SEGMENT_SHIFT & INS_SEGMENT; /* in the order of SEG_* */
}

static void rdmsr_exit(struct vcpu *v, struct vmexit *exit)
{
	exit->msr.index = (u32)v->gpr[GPR_RCX];
	exit->msr.write = false;
}

static void wrmsr_exit(struct vcpu *v, struct vmexit *exit)
{
	exit->msr.index = (u32)v->gpr[GPR_RCX];
	exit->msr.write = true;
}

static void rdtscp(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	exit->tsc.aux = true;
}

static void invlpg_exit(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	exit->invlpg.gva = vmcs_read(VMCS_EXIT_QUALIFICATION);
}

/* ---- the table ---- */

struct decode {
	u8 reason;   /* enum vmexit_reason; VMEXIT_NONE without `more`: nothing here asks for this exit */
	bool length; /* an instruction whose end comes behind it */
	void (*more)(struct vcpu *v, struct vmexit *exit);
};

static const struct decode decoders[REASON_COUNT] = {
	[REASON_EXCEPTION_OR_NMI] = {VMEXIT_NONE, false, exception},
	[REASON_EXTERNAL_INTERRUPT] = {VMEXIT_INTERRUPT, false, external_interrupt},
	[REASON_TRIPLE_FAULT] = {VMEXIT_SHUTDOWN},
	[REASON_INIT] = {VMEXIT_INIT},
	[REASON_SIPI] = {VMEXIT_INIT},
	[REASON_INTERRUPT_WINDOW] = {VMEXIT_WINDOW},
	[REASON_NMI_WINDOW] = {VMEXIT_WINDOW, false, nmi_window},
	[REASON_TASK_SWITCH] = {VMEXIT_TASK_SWITCH, false, task_switch},
	[REASON_CPUID] = {VMEXIT_CPUID, true},
	[REASON_GETSEC] = {VMEXIT_UNDEFINED},
	[REASON_HLT] = {VMEXIT_HLT, true},
	[REASON_INVD] = {VMEXIT_CACHE, true},
	[REASON_INVLPG] = {VMEXIT_INVLPG, true, invlpg_exit},
	[REASON_RDPMC] = {VMEXIT_RDPMC, true},
	[REASON_RDTSC] = {VMEXIT_RDTSC, true},
	[REASON_RSM] = {VMEXIT_UNDEFINED},
	[REASON_VMCALL] = {VMEXIT_HYPERCALL, true},
	[REASON_VMCLEAR... REASON_VMXON] = {VMEXIT_UNDEFINED},
	[REASON_CR_ACCESS] = {VMEXIT_CR, true, cr_access},
	[REASON_MOV_DR] = {VMEXIT_DR, true, mov_dr},
	[REASON_IO_INSTRUCTION] = {VMEXIT_IO, true, io_instruction},
	[REASON_RDMSR] = {VMEXIT_MSR, true, rdmsr_exit},
	[REASON_WRMSR] = {VMEXIT_MSR, true, wrmsr_exit},
	[REASON_MWAIT] = {VMEXIT_UNDEFINED},
	[REASON_MONITOR] = {VMEXIT_UNDEFINED},
	[REASON_PAUSE] = {VMEXIT_PAUSE, true},
	[REASON_INVEPT] = {VMEXIT_UNDEFINED},
	[REASON_RDTSCP] = {VMEXIT_RDTSC, true, rdtscp},
	[REASON_PREEMPTION_TIMER] = {VMEXIT_INTERRUPT},
	[REASON_INVVPID] = {VMEXIT_UNDEFINED},
	[REASON_WBINVD] = {VMEXIT_CACHE, true},
	[REASON_XSETBV] = {VMEXIT_XSETBV, true},
	[REASON_INVPCID... REASON_ENCLS] = {VMEXIT_UNDEFINED},
	[REASON_XSAVES... REASON_PCONFIG] = {VMEXIT_UNDEFINED},
	[REASON_UMWAIT... REASON_LOADIWKEY] = {VMEXIT_UNDEFINED},
};

const char *vmx_reason_name(u32 reason)
{
#define REASON_NAME(name, number, text) [number] = text,
	static const char *const names[REASON_COUNT] = {EXIT_REASONS(REASON_NAME)};
#undef REASON_NAME
	u32 basic = reason & REASON_BASIC;

	return basic < REASON_COUNT && names[basic] ? names[basic] : "unknown exit reason";
}

void vmx_exit_decode(struct vcpu *v, struct vmexit *exit)
{
	u32 basic = vmx_of(v)->reason & REASON_BASIC;
	const struct decode *d = &decoders[basic < REASON_COUNT ? basic : REASON_NOTIFY];

	exit->reason = d->reason;
	if (d->length)
		exit->insn_len = (u8)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
	if (d->more)
		d->more(v, exit);
	else if (d->reason == VMEXIT_NONE)
		vcpu_end(v, "VM exit by %s (%u), which nothing here asks for; qualification 0x%lx",
			 vmx_reason_name(basic), basic, vmcs_read(VMCS_EXIT_QUALIFICATION));
}

void vmx_entry_failed(struct vcpu *v, struct vmexit *exit, enum vmx_result result)
{
	u32 reason = vmx_of(v)->reason;

	exit->reason = VMEXIT_ENTRY_FAILED;
	exit->failed.code = result == VMX_SUCCEED ? reason : 0;
	exit->failed.info = result == VMX_SUCCEED ? vmcs_read(VMCS_EXIT_QUALIFICATION) : 0;
	exit->failed.text = result == VMX_SUCCEED ? vmx_reason_name(reason) : vmx_result_name(result);
	if (result == VMX_FAIL_VALID)
		exit->failed.code = vmcs_read(VMCS_VM_INSTRUCTION_ERROR);
	(void)v;
}
