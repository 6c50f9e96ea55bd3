// SPDX-License-Identifier: MIT
/*
 * Answers the exits that every engine shares. One function a reason; the table at the end is the whole of it.
 */
#include "devices/lapic.h"
#include "devices/uart.h"
#include "lib/print.h"
#include "machine/machine.h"
#include "vmm/control.h"
#include "vmm/emulate.h"
#include "vmm/intercept.h"
#include "vmm/vm.h"
#include "x86/asm.h"
#include "x86/exception.h"

#define HYPERCALL_NOP     0
#define HYPERCALL_UNKNOWN (~0ULL)

/* Where the engine does not know the length of the instruction, the decoder does. */
static COLD void finish_unknown(struct vcpu *v)
{
	struct insn i;

	if (emulate_decode(v, &i))
		vcpu_skip(v, i.length);
}

/* The end of the instruction that exited. */
static inline void finish(struct vcpu *v, const struct vmexit *exit)
{
	if (exit->insn_len)
		vcpu_skip(v, exit->insn_len);
	else
		finish_unknown(v);
}

static void finish_or_gp(struct vcpu *v, const struct vmexit *exit, bool allowed)
{
	if (allowed)
		finish(v, exit);
	else
		event_exception_error(v, VEC_GP, 0);
}

static void nothing(struct vcpu *v, const struct vmexit *exit)
{
	(void)v;
	(void)exit;
}

/* PAUSE, INVD, WBINVD */
static void on_nothing_to_do(struct vcpu *v, const struct vmexit *exit)
{
	finish(v, exit);
}

static COLD void on_cpuid_variable(struct vcpu *v, const struct vmexit *exit)
{
	struct cpuid_regs r;

	guest_cpuid(v, (u32)v->gpr[GPR_RAX], (u32)v->gpr[GPR_RCX], &r);
	v->gpr[GPR_RAX] = r.eax;
	v->gpr[GPR_RBX] = r.ebx;
	v->gpr[GPR_RCX] = r.ecx;
	v->gpr[GPR_RDX] = r.edx;
	finish(v, exit);
}

static void on_cpuid(struct vcpu *v, const struct vmexit *exit)
{
	u32 leaf = (u32)v->gpr[GPR_RAX];
	const struct cpuid_regs *r = &cpuid_fixed.leaf[leaf];

	if (leaf >= CPUID_FIXED_LEAVES || !(cpuid_fixed.known >> leaf & 1)) {
		on_cpuid_variable(v, exit);
		return;
	}
	v->gpr[GPR_RAX] = r->eax;
	v->gpr[GPR_RBX] = r->ebx;
	v->gpr[GPR_RCX] = r->ecx;
	v->gpr[GPR_RDX] = r->edx;
	finish(v, exit);
}

/* After HLT: NULL, or why nothing can wake it. Another vcpu could send an interrupt or NMI; a guest with one
 * vcpu has its timers and the keyboard of its console. */
static const char *sleeps_for_ever(struct vcpu *v)
{
	if (v->vm->vcpu_count > 1 || event_waiting(v))
		return NULL;
	if (!(v->rflags & RFLAGS_IF))
		return "HLT with interrupts off: nothing can wake it";
	if (v->vm->next_deadline == VM_TIMER_OFF && !uart_wants_input(v->vm))
		return "HLT with no timer running and no input expected: nothing can wake it";
	return NULL;
}

static void on_hlt(struct vcpu *v, const struct vmexit *exit)
{
	const char *why;

	finish(v, exit);
	why = sleeps_for_ever(v);
	if (why)
		vcpu_end(v, "%s", why);
	else
		v->state = VCPU_HALTED;
	vcpu_attend(v);
}

static void set_edx_eax(struct vcpu *v, u64 value)
{
	v->gpr[GPR_RAX] = (u32)value;
	v->gpr[GPR_RDX] = value >> 32;
}

static u64 get_edx_eax(const struct vcpu *v)
{
	return (u32)v->gpr[GPR_RAX] | v->gpr[GPR_RDX] << 32;
}

static void on_rdtsc(struct vcpu *v, const struct vmexit *exit)
{
	set_edx_eax(v, clock_ticks() + v->tsc_offset);
	if (exit->tsc.aux) {
		vcpu_need(v, VCPU_MSRS);
		v->gpr[GPR_RCX] = (u32)v->tsc_aux;
	}
	finish(v, exit);
}

/* No performance counters are offered: there is no counter with any number. */
static void on_rdpmc(struct vcpu *v, const struct vmexit *exit)
{
	finish_or_gp(v, exit, false);
}

static void on_msr(struct vcpu *v, const struct vmexit *exit)
{
	u64 value = get_edx_eax(v);
	bool allowed;

	if (exit->msr.write) {
		allowed = msr_write(v, exit->msr.index, value);
	} else {
		allowed = msr_read(v, exit->msr.index, &value);
		if (allowed)
			set_edx_eax(v, value);
	}
	finish_or_gp(v, exit, allowed);
}

static bool cr_write(struct vcpu *v, unsigned number, u64 value)
{
	switch (number) {
	case 0:
		return cr0_write(v, value);
	case 2:
		vcpu_need(v, VCPU_CRS);
		v->cr2 = value;
		vcpu_changed(v, VCPU_CR2);
		return true;
	case 3:
		return cr3_write(v, value);
	case 4:
		return cr4_write(v, value);
	default:
		return cr8_write(v, value);
	}
}

static u64 cr_read(struct vcpu *v, unsigned number)
{
	vcpu_need(v, VCPU_CRS);
	switch (number) {
	case 0:
		return v->cr0;
	case 2:
		return v->cr2;
	case 3:
		return v->cr3;
	case 4:
		return v->cr4;
	default:
		return lapic_cr8(v->lapic);
	}
}

static void on_cr(struct vcpu *v, const struct vmexit *exit)
{
	unsigned number = exit->cr.number;
	u64 cr0;

	if (number == 1 || (number > 4 && number != 8)) {
		event_exception(v, VEC_UD);
		return;
	}
	switch ((enum vmexit_cr_op)exit->cr.op) {
	case CR_READ:
		v->gpr[exit->cr.gpr] = cr_read(v, number);
		finish(v, exit);
		break;
	case CR_WRITE:
		finish_or_gp(v, exit, cr_write(v, number, v->gpr[exit->cr.gpr]));
		break;
	case CR_CLTS:
		finish_or_gp(v, exit, cr0_write(v, cr_read(v, 0) & ~(u64)CR0_TS));
		break;
	case CR_LMSW: /* PE MP EM TS; it cannot clear PE */
		cr0 = cr_read(v, 0);
		cr0 = (cr0 & ~(u64)(CR0_MP | CR0_EM | CR0_TS)) |
		      (exit->cr.source & (CR0_PE | CR0_MP | CR0_EM | CR0_TS));
		finish_or_gp(v, exit, cr0_write(v, cr0));
		break;
	}
}

static void on_dr(struct vcpu *v, const struct vmexit *exit)
{
	if (exit->dr.write ? dr_write(v, exit->dr.number, v->gpr[exit->dr.gpr])
			   : dr_read(v, exit->dr.number, &v->gpr[exit->dr.gpr]))
		finish(v, exit);
}

static void on_invlpg(struct vcpu *v, const struct vmexit *exit)
{
	v->mem->invlpg(v, exit->invlpg.gva);
	finish(v, exit);
}

static void on_xsetbv(struct vcpu *v, const struct vmexit *exit)
{
	finish_or_gp(v, exit, (u32)v->gpr[GPR_RCX] == 0 && xcr0_write(v, get_edx_eax(v)));
}

static void on_hypercall(struct vcpu *v, const struct vmexit *exit)
{
	if (!(v->cpu->start_features & START_FEATURE_HYPERCALL) || exit->hypercall.cpl) {
		event_exception(v, VEC_UD);
		return;
	}
	v->gpr[GPR_RAX] = v->gpr[GPR_RAX] == HYPERCALL_NOP ? 0 : HYPERCALL_UNKNOWN;
	finish(v, exit);
}

static void on_exception(struct vcpu *v, const struct vmexit *exit)
{
	event_raise(v,
		    &(struct event){.kind = EVENT_EXCEPTION,
				    .vector = exit->exception.vector,
				    .has_error = exit->exception.has_error,
				    .error = exit->exception.error,
				    .payload = exit->exception.vector == VEC_DB ? exit->exception.dr6 : 0});
}

static void on_fault(struct vcpu *v, const struct vmexit *exit)
{
	struct mem_fault f = {.gva = exit->fault.gva, .gpa = exit->fault.gpa, .error = exit->fault.error};

	switch (v->mem->fault(v, &f)) {
	case MEM_RETRY:
		break;
	case MEM_GUEST_FAULT:
		event_page_fault(v, f.gva, f.error);
		break;
	case MEM_MMIO:
		emulate_mmio(v, f.gva, f.gpa);
		break;
	case MEM_OUT:
		vcpu_end(v, "%s", f.why);
		break;
	}
}

static void on_undefined(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	event_exception(v, VEC_UD);
}

/* Task switches do not exist in IA-32e mode: SDM vol. 3A, 7.7 "Task Management in 64-bit Mode". */
static void on_task_switch(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	vcpu_end(v, "a task switch, which this hypervisor leaves out");
}

static void on_shutdown(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	vcpu_end(v, "triple fault");
}

static void on_init(struct vcpu *v, const struct vmexit *exit)
{
	(void)exit;
	vcpu_end(v, "INIT: the guest resets itself");
}

static void on_entry_failed(struct vcpu *v, const struct vmexit *exit)
{
	vcpu_end(v, "the CPU refuses to enter it: %s (code 0x%lx, 0x%lx)",
		 exit->failed.text ? exit->failed.text : "no reason", exit->failed.code, exit->failed.info);
}

void (*const intercept_handlers[])(struct vcpu *, const struct vmexit *) = {
	[VMEXIT_NONE] = nothing,
	[VMEXIT_INTERRUPT] = nothing,
	[VMEXIT_WINDOW] = nothing,
	[VMEXIT_CPUID] = on_cpuid,
	[VMEXIT_HLT] = on_hlt,
	[VMEXIT_PAUSE] = on_nothing_to_do,
	[VMEXIT_RDTSC] = on_rdtsc,
	[VMEXIT_RDPMC] = on_rdpmc,
	[VMEXIT_CACHE] = on_nothing_to_do,
	[VMEXIT_MSR] = on_msr,
	[VMEXIT_IO] = emulate_io,
	[VMEXIT_CR] = on_cr,
	[VMEXIT_DR] = on_dr,
	[VMEXIT_INVLPG] = on_invlpg,
	[VMEXIT_XSETBV] = on_xsetbv,
	[VMEXIT_HYPERCALL] = on_hypercall,
	[VMEXIT_EXCEPTION] = on_exception,
	[VMEXIT_PAGE_FAULT] = on_fault,
	[VMEXIT_NESTED_FAULT] = on_fault,
	[VMEXIT_UNDEFINED] = on_undefined,
	[VMEXIT_TASK_SWITCH] = on_task_switch,
	[VMEXIT_SHUTDOWN] = on_shutdown,
	[VMEXIT_INIT] = on_init,
	[VMEXIT_ENTRY_FAILED] = on_entry_failed,
};
_Static_assert(ARRAY_SIZE(intercept_handlers) == VMEXIT_REASONS, "every reason is answered");
