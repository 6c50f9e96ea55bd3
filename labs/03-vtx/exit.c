// SPDX-License-Identifier: MIT
/*
 * Why the guest has stopped: the exit reason and what goes with it, as struct vmexit. What only this engine
 * meets is answered here.
 *
 * Source: SDM vol. 3C, chapter 25 "VMX Non-Root Operation", 27.2 "Recording VM-Exit Information and Updating
 * VM-Entry Control Fields"; vol. 3D, appendix C "VMX Basic Exit Reasons".
 */
#include "check/check.h"
#include "controls.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "reasons.h"
#include "vmm/trace.h"
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

/* ---- what goes with a reason ---- */

static void nothing_more(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	(void)exit;
}

/* An instruction whose end comes behind it. */
static inline void instruction(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	exit->insn_len = (u8)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
}

/* A fault of IRET comes after it has unblocked NMIs; they are blocked again until it succeeds. Not when the
 * exit was in the middle of a delivery, or for #DF: 31.7.1.2 "Resuming Guest Software after Handling an
 * Exception". Called when the CPU says that NMIs were unblocked. */
static void block_nmi_again(struct vcpu *v, const struct event *e)
{
	/* SOLUTION E3.8 { stub: (void)e; return; */
	if (v->events.pending.kind || e->vector == VEC_DF)
		return;
	vcpu_need(v, VCPU_SHADOW);
	v->nmi_blocked = true;
	vcpu_changed(v, VCPU_SHADOW);
	/* } SOLUTION E3.8 */
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
	if (info & INFO_NMI_UNBLOCKED)
		block_nmi_again(v, &e);
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
	/* SOLUTION E3.8 { stub: return; */
	vcpu_need(v, VCPU_SHADOW);
	v->interrupt_shadow = false;
	vcpu_changed(v, VCPU_SHADOW);
	/* } SOLUTION E3.8 */
}

static void task_switch(struct vcpu *v, struct vmexit *exit)
{
	(void)exit;
	vmx_vectoring(v);
}

/* Table 27-3: what is done with which control register, from or to which general one; LMSW brings its
 * operand. The length belongs to every instruction. */
static void cr_access(struct vcpu *v, struct vmexit *exit)
{
	/* SOLUTION E3.5 { stub: exit->reason = VMEXIT_NONE; return; */
	u64 q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	instruction(v, exit);
	exit->cr.number = q & QUAL_CR_NUMBER;
	exit->cr.op = q >> QUAL_CR_TYPE_SHIFT & QUAL_CR_TYPE; /* in the order of enum vmexit_cr_op */
	exit->cr.gpr = q >> QUAL_GPR_SHIFT & QUAL_GPR;
	exit->cr.source = (u16)(q >> QUAL_LMSW_SHIFT);
	/* } SOLUTION E3.5 */
}
_Static_assert(CR_WRITE == 0 && CR_READ == 1 && CR_CLTS == 2 && CR_LMSW == 3, "table 27-3");

static void mov_dr(struct vcpu *v, struct vmexit *exit)
{
	u64 q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	instruction(v, exit);
	exit->dr.number = q & QUAL_DR_NUMBER;
	exit->dr.write = !(q & QUAL_DR_READ);
	exit->dr.gpr = q >> QUAL_GPR_SHIFT & QUAL_GPR;
}

/* Table 27-5. Segment (in the order of SEG_*) and address size of INS and OUTS are in EXIT_INSTRUCTION_INFO,
 * table 27-8, where the processor has that (vmx_features.io_information); where not, a length of 0 has common
 * code decode the instruction. */
static void io_instruction(struct vcpu *v, struct vmexit *exit)
{
	/* SOLUTION E3.5 { stub: exit->reason = VMEXIT_NONE; return; */
	u64 q = vmcs_read(VMCS_EXIT_QUALIFICATION);
	u64 info;

	instruction(v, exit);
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
	exit->io.segment = info >> INS_SEGMENT_SHIFT & INS_SEGMENT;
	/* } SOLUTION E3.5 */
}

/* The number is in ECX. */
static inline void msr_access(struct vcpu *v, struct vmexit *exit, bool write)
{
	/* SOLUTION E3.5 { stub: (void)write; exit->reason = VMEXIT_NONE; return; */
	instruction(v, exit);
	exit->msr.index = (u32)v->gpr[GPR_RCX];
	exit->msr.write = write;
	/* } SOLUTION E3.5 */
}

static void rdmsr_exit(struct vcpu *v, struct vmexit *exit)
{
	msr_access(v, exit, false);
}

static void wrmsr_exit(struct vcpu *v, struct vmexit *exit)
{
	msr_access(v, exit, true);
}

static void rdtsc_exit(struct vcpu *v, struct vmexit *exit)
{
	instruction(v, exit);
	exit->tsc.aux = false;
}

static void rdtscp_exit(struct vcpu *v, struct vmexit *exit)
{
	instruction(v, exit);
	exit->tsc.aux = true;
}

/* DPL of SS is the CPL: 24.4.1 "Guest Register State" */
static void vmcall(struct vcpu *v, struct vmexit *exit)
{
	instruction(v, exit);
	exit->hypercall.cpl = (u8)seg_dpl((u32)vmcs_read(VMCS_GUEST_SS_ACCESS_RIGHTS));
}

static void invlpg_exit(struct vcpu *v, struct vmexit *exit)
{
	instruction(v, exit);
	exit->invlpg.gva = vmcs_read(VMCS_EXIT_QUALIFICATION);
}

/* ---- the table ---- */

/* Entries that are not here are exits that nothing in host.c or features.c asks for. */
struct decode {
	void (*decode)(struct vcpu *v, struct vmexit *exit);
	u8 reason; /* enum vmexit_reason */
};

static const struct decode decoders[REASON_COUNT] = {
	[REASON_EXCEPTION_OR_NMI] = {exception, VMEXIT_NONE},
	[REASON_EXTERNAL_INTERRUPT] = {external_interrupt, VMEXIT_INTERRUPT},
	[REASON_TRIPLE_FAULT] = {nothing_more, VMEXIT_SHUTDOWN},
	[REASON_INIT] = {nothing_more, VMEXIT_INIT},
	[REASON_SIPI] = {nothing_more, VMEXIT_INIT},
	[REASON_INTERRUPT_WINDOW] = {nothing_more, VMEXIT_WINDOW},
	[REASON_NMI_WINDOW] = {nmi_window, VMEXIT_WINDOW},
	[REASON_TASK_SWITCH] = {task_switch, VMEXIT_TASK_SWITCH},
	[REASON_CPUID] = {instruction, VMEXIT_CPUID},
	[REASON_GETSEC] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_HLT] = {instruction, VMEXIT_HLT},
	[REASON_INVD] = {instruction, VMEXIT_CACHE},
	[REASON_INVLPG] = {invlpg_exit, VMEXIT_INVLPG},
	[REASON_RDPMC] = {instruction, VMEXIT_RDPMC},
	[REASON_RDTSC] = {rdtsc_exit, VMEXIT_RDTSC},
	[REASON_RSM] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_VMCALL] = {vmcall, VMEXIT_HYPERCALL},
	[REASON_VMCLEAR... REASON_VMXON] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_CR_ACCESS] = {cr_access, VMEXIT_CR},
	[REASON_MOV_DR] = {mov_dr, VMEXIT_DR},
	[REASON_IO_INSTRUCTION] = {io_instruction, VMEXIT_IO},
	[REASON_RDMSR] = {rdmsr_exit, VMEXIT_MSR},
	[REASON_WRMSR] = {wrmsr_exit, VMEXIT_MSR},
	[REASON_MWAIT] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_MONITOR] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_PAUSE] = {instruction, VMEXIT_PAUSE},
	[REASON_INVEPT] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_RDTSCP] = {rdtscp_exit, VMEXIT_RDTSC},
	[REASON_PREEMPTION_TIMER] = {nothing_more, VMEXIT_INTERRUPT},
	[REASON_INVVPID] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_WBINVD] = {instruction, VMEXIT_CACHE},
	[REASON_XSETBV] = {instruction, VMEXIT_XSETBV},
	[REASON_INVPCID... REASON_ENCLS] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_XSAVES... REASON_PCONFIG] = {nothing_more, VMEXIT_UNDEFINED},
	[REASON_UMWAIT... REASON_LOADIWKEY] = {nothing_more, VMEXIT_UNDEFINED},
};

#define REASON_NAME(name, number, text) [number] = text,
static const char *const vmx_reason_names[REASON_COUNT] = {EXIT_REASONS(REASON_NAME)};
#undef REASON_NAME

const char *vmx_reason_name(u32 reason)
{
	u32 basic = reason & REASON_BASIC;

	return basic < REASON_COUNT && vmx_reason_names[basic] ? vmx_reason_names[basic]
							       : "unknown exit reason";
}

/* Says what is wrong with the VMCS, where the processor says only whose fault it is. */
static void explain(struct vcpu *v, enum check_class said)
{
	vmx_snapshot(v, SNAPSHOT_ENTRY_FAILED);
	if (said != CHECK_NOTHING)
		check_explain(vmx_of(v)->vmcs, said);
}

/* The entry got as far as the guest's state, and no further: 26.8 "VM-Entry Failures During or After Loading
 * Guest State". Or it is an exit that nobody has asked for. */
static COLD void unexpected(struct vcpu *v, struct vmexit *exit, u64 reason)
{
	u64 qualification = vmcs_read(VMCS_EXIT_QUALIFICATION);

	if (reason & REASON_ENTRY_FAILURE) {
		exit->reason = VMEXIT_ENTRY_FAILED;
		exit->failed.code = reason;
		exit->failed.info = qualification;
		exit->failed.text = vmx_reason_name((u32)reason);
		explain(v, check_class_of_reason((u32)reason));
		return;
	}
	exit->reason = VMEXIT_NONE;
	vcpu_end(v, "VM exit by %s (0x%lx), which nothing here asks for; qualification 0x%lx",
		 vmx_reason_name((u32)reason), reason, qualification);
}

static inline void decode(struct vcpu *v, struct vmexit *exit, u64 reason)
{
	const struct decode *d = &decoders[reason];

	if (reason >= REASON_COUNT || !d->decode) {
		unexpected(v, exit, reason);
		return;
	}
	exit->reason = d->reason;
	d->decode(v, exit);
}

static COLD void trace_and_decode(struct vcpu *v, struct vmexit *exit, u64 reason)
{
	trace_left(v, vmx_reason_name((u32)reason));
	decode(v, exit, reason);
}

void vmx_exited(struct vcpu *v, struct vmexit *exit)
{
	struct vmx *x = vmx_of(v);
	u64 reason = vmcs_read(VMCS_EXIT_REASON);

	v->rip = vmcs_read(VMCS_GUEST_RIP);
	v->gpr[GPR_RSP] = x->in.rsp = vmcs_read(VMCS_GUEST_RSP);
	v->rflags = x->in.rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	vmx_shadow_read(v, x, vmcs_read(VMCS_GUEST_INTERRUPTIBILITY_STATE));
	v->valid = VCPU_SHADOW;
	if (trace_is_on())
		trace_and_decode(v, exit, reason);
	else
		decode(v, exit, reason);
}

void vmx_refused(struct vcpu *v, struct vmexit *exit, enum vmx_result result)
{
	exit->reason = VMEXIT_ENTRY_FAILED;
	exit->failed.code = result == VMX_FAIL_VALID ? vmcs_read(VMCS_VM_INSTRUCTION_ERROR) : 0;
	exit->failed.info = 0;
	exit->failed.text = vmx_result_name(result);
	explain(v, check_class_of_error(exit->failed.code));
}
