// SPDX-License-Identifier: MIT
/*
 * The `svm` engine: AMD's hardware runs the guest in its own rings, and comes back (#VMEXIT) where the VMCB
 * asks for it. Here: what a vcpu is made of, who owns the CPU, and one entry and exit.
 *
 * Source: APM vol. 2, 15.5 "VMRUN Instruction", 15.6 "#VMEXIT", 15.9 "Instruction Intercepts", 15.12
 * "Exception Intercepts", 15.15.3 "VMCB Clean Field", 15.16 "TLB Control", 15.17 "Global Interrupt Flag,
 * STGI and CLGI Instructions".
 *
 * Left out: nested paging (lab 04), AVIC, encrypted guests, virtualized GIF, LBR virtualization.
 */
#include "labs/03-vtx/svm/lab.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "machine/machine.h"
#include "svm.h"
#include "vmm/trace.h"
#include "vmm/vm.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

/*
 * What a guest always exits on. #PF is the memory engine's. #DB and #AC are reflected: a guest whose handler
 * raises them again would keep the CPU for ever, without an instruction's end at which an interrupt could
 * come. #MC is the machine's. INT1 is intercepted because of an interrupted delivery of its #DB: EXITINTINFO
 * would not tell it from one that comes behind an instruction.
 */
#define INTERCEPT_EXCEPTIONS (BIT(VEC_PF) | BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC))
#define INTERCEPT_MISC1                                                                                      \
	(VMCB_INTERCEPT_INTR | VMCB_INTERCEPT_NMI | VMCB_INTERCEPT_RDPMC | VMCB_INTERCEPT_CPUID |            \
	 VMCB_INTERCEPT_INVD | VMCB_INTERCEPT_HLT | VMCB_INTERCEPT_INVLPG | VMCB_INTERCEPT_INVLPGA |         \
	 VMCB_INTERCEPT_IOIO | VMCB_INTERCEPT_MSR | VMCB_INTERCEPT_TASK_SWITCH | VMCB_INTERCEPT_SHUTDOWN)
#define INTERCEPT_MISC2                                                                                      \
	(VMCB_INTERCEPT_VMRUN | VMCB_INTERCEPT_VMMCALL | VMCB_INTERCEPT_VMLOAD | VMCB_INTERCEPT_VMSAVE |     \
	 VMCB_INTERCEPT_STGI | VMCB_INTERCEPT_CLGI | VMCB_INTERCEPT_SKINIT | VMCB_INTERCEPT_ICEBP |          \
	 VMCB_INTERCEPT_WBINVD | VMCB_INTERCEPT_MONITOR | VMCB_INTERCEPT_MWAIT | VMCB_INTERCEPT_XSETBV |     \
	 VMCB_INTERCEPT_RDPRU)
#define INTERCEPT_MISC3 (VMCB_INTERCEPT_INVLPGB | VMCB_INTERCEPT_INVPCID | VMCB_INTERCEPT_TLBSYNC)

#define PDPT_PAGES      1
#define BELOW_4G        0xffffffffULL

static hpa_t host_hidden; /* a VMCB that holds the monitor's own part of what VMLOAD loads */
static unsigned vcpus_made;
static struct desc_ptr idt_of_machine, idt_in_guest;

/* ---- instructions ---- */

static void vmload(hpa_t vmcb)
{
	asm volatile("vmload %%rax" : : "a"(vmcb) : "memory");
}

static void vmsave(hpa_t vmcb)
{
	asm volatile("vmsave %%rax" : : "a"(vmcb) : "memory");
}

static void clgi(void)
{
	asm volatile("clgi" : : : "memory");
}

static void stgi(void)
{
	asm volatile("stgi" : : : "memory");
}

static void invlpga(gva_t gva, u32 asid)
{
	asm volatile("invlpga %%rax, %%ecx" : : "a"(gva), "c"(asid) : "memory");
}

/* ---- the machine and a vcpu ---- */

/* The machine's IDT without IST stacks, which are found through the task register, the guest's; and with
 * entries for the interrupts of svm_take_interrupt(). */
static bool make_idt(void)
{
	struct gate64 *gates = pages_alloc(1, PAGE_SIZE);

	if (!gates)
		return false;
	asm volatile("sidt %0" : "=m"(idt_of_machine));
	memcpy(gates, (const void *)idt_of_machine.base, idt_of_machine.limit + 1U);
	for (unsigned i = 0; i < VEC_EXCEPTIONS; i++)
		gates[i].ist = 0;
	for (unsigned i = VEC_EXCEPTIONS; i < SVM_IDT_GATES; i++)
		gates[i] = gate_make((u64)svm_vectors + (i - VEC_EXCEPTIONS) * SVM_VECTOR_BYTES, HV_SEL_CODE,
				     SYS_TYPE_INTR_GATE, 0, 0);
	idt_in_guest = (struct desc_ptr){.limit = idt_of_machine.limit, .base = (u64)gates};
	return true;
}

static const char *svm_init(void)
{
	const char *why = svm_machine_init();
	void *page;

	if (why)
		return why;
	page = pages_alloc(1, PAGE_SIZE);
	if (!page || !make_idt())
		return "no memory for the monitor's own VMCB and IDT";
	host_hidden = hva_to_hpa(page);
	return NULL;
}

/* More vcpus than ASIDs share them; then each vcpu starts with an empty TLB (svm_load()). */
static bool asids_are_shared(void)
{
	return vcpus_made > svm_machine.asids - 1;
}

static u32 next_asid(void)
{
	return 1 + vcpus_made++ % (svm_machine.asids - 1);
}

/*
 * The controls that hold for the vcpu's whole life: what exits (INTERCEPT_*, and what svm_tcg_intercepts()
 * adds to the first word), both maps, an ASID, virtual interrupt masking. Nothing of another guest may be
 * found in the TLB under this ASID: the first entry empties it.
 */
void svm_vmcb_init(struct vcpu *v)
{
	/* SOLUTION E3.2 { stub: (void)next_asid; return; */
	struct vmcb *b = svm_of(v)->vmcb;

	b->control.intercept_exceptions = (u32)INTERCEPT_EXCEPTIONS;
	b->control.intercept_misc1 = (u32)INTERCEPT_MISC1 | svm_tcg_intercepts();
	b->control.intercept_misc2 = (u32)INTERCEPT_MISC2;
	b->control.intercept_misc3 = (u32)INTERCEPT_MISC3;
	b->control.iopm_base_pa = svm_iopm;
	b->control.msrpm_base_pa = svm_msrpm;
	b->control.guest_asid = next_asid();
	b->control.tlb_control = VMCB_TLB_FLUSH_ALL;
	b->control.v_intr = VMCB_V_INTR_MASKING;
	/* } SOLUTION E3.2 */
}

static int svm_vcpu_init(struct vcpu *v)
{
	struct svm *s = machine_alloc(sizeof(*s));

	if (!s)
		return -1;
	s->vmcb = pages_alloc(1, PAGE_SIZE);
	s->pdpt = pages_alloc(PDPT_PAGES, PAGE_SIZE);
	/* CR3 of PAE paging has 32 bits. The lowest memory is given out first. */
	if (!s->vmcb || !s->pdpt || hva_to_hpa(s->pdpt) > BELOW_4G)
		return -1;
	s->vmcb_hpa = hva_to_hpa(s->vmcb);
	s->hidden_kept = true;
	v->cpu_private = s;
	svm_vmcb_init(v);
	return 0;
}

/* ---- who owns the CPU ---- */

void svm_guest_in(struct svm *s)
{
	vmload(s->vmcb_hpa);
}

void svm_guest_out(struct svm *s)
{
	if (s->hidden_kept)
		return;
	vmsave(s->vmcb_hpa);
	s->hidden_kept = true;
}

/*
 * The CPU becomes the guest's. GIF is 0 from the first instruction on: nothing interrupts the monitor. IF is
 * on, so that VMRUN finds it on: with V_INTR_MASKING it is the monitor's IF that lets the machine's
 * interrupts end the guest's run (APM vol. 2, 15.21.1 "Physical INTR Masking"). Then the IDT without IST
 * stacks, and in place of the monitor's hidden state the guest's.
 */
static void take_cpu(struct vcpu *v)
{
	/* SOLUTION E3.3 { stub: (void)clgi; return; */
	struct svm *s = svm_of(v);

	clgi();
	sti();
	lidt(&idt_in_guest);
	vmsave(host_hidden);
	svm_guest_in(s);
	s->in_cpu = true;
	/* } SOLUTION E3.3 */
}

/* The reverse, in the reverse order: with GIF = 1 again IF is off, as the monitor has it. */
static void give_cpu_back(struct vcpu *v)
{
	/* SOLUTION E3.3 { stub: (void)stgi; return; */
	struct svm *s = svm_of(v);

	svm_guest_out(s);
	vmload(host_hidden);
	s->in_cpu = false;
	lidt(&idt_of_machine);
	cli();
	stgi();
	/* } SOLUTION E3.3 */
}

static void svm_load(struct vcpu *v)
{
	struct svm *s = svm_of(v);

	trap_debug_in_ring0 = svm_quirks_debug;
	take_cpu(v);
	svm_quirks_own();
	s->attention = s->special = true;
	s->vmcb->control.clean = 0;
	if (asids_are_shared())
		s->vmcb->control.tlb_control = VMCB_TLB_FLUSH_ALL;
	v->changed |= VCPU_CRS | VCPU_MSRS | VCPU_DRS;
}

static void svm_unload(struct vcpu *v)
{
	vcpu_need(v, VCPU_DRS | VCPU_MSRS);
	give_cpu_back(v);
	trap_debug_in_ring0 = NULL;
	svm_quirks_disown();
}

/*
 * An exit by INTR or NMI: what ended the guest's run is still pending. It is let in for the time of one
 * instruction; svm_vectors in svm_entry.S come back with its number in EDI. Where nothing comes any more, it
 * is as good as a spurious one: HV_VEC_SPURIOUS.
 */
void svm_take_interrupt(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	(void)exit;
	/* SOLUTION E3.3 { stub: return; */
	unsigned vector = HV_VEC_SPURIOUS;

	asm volatile("stgi\n"
		     "nop\n"
		     "clgi"
		     : "+D"(vector)
		     :
		     : "memory");
	machine_interrupt(vector);
	/* } SOLUTION E3.3 */
}

/* ---- the TLB: the guest's tag is its ASID ---- */

static void svm_tlb_flush_all(struct vcpu *v)
{
	struct svm *s = svm_of(v);

	s->vmcb->control.tlb_control =
		svm_has(SVM_FEATURE_FLUSH_BY_ASID) ? VMCB_TLB_FLUSH_ASID : VMCB_TLB_FLUSH_ALL;
	s->special = true;
}

static void svm_tlb_flush_page(struct vcpu *v, gva_t gva)
{
	invlpga(gva, svm_of(v)->vmcb->control.guest_asid);
}

/* ---- one run ---- */

/* What every entry loads. */
static inline void enter(struct vcpu *v, const struct svm *s, struct vmexit *exit)
{
	struct vmcb_save *b = &s->vmcb->save;

	b->rax = v->gpr[GPR_RAX];
	b->rsp = v->gpr[GPR_RSP];
	b->rip = v->rip;
	b->rflags = v->rflags;
	svm_enter(v, exit, s->vmcb_hpa);
}

/* With what most entries have no need of. */
static COLD void prepare_and_enter(struct vcpu *v, struct svm *s, struct vmexit *exit)
{
	if (v->changed)
		svm_load_changed(v);
	if (s->unpaged)
		svm_load_pdpt(v);
	if (s->attention || v->cr8) {
		svm_events_enter(v);
		svm_quirks_enter(v, s);
	}
	enter(v, s, exit);
}

/* The last thing of each path is a call, so that the compiler makes jumps of them and the usual one needs no
 * stack. */
static void svm_run(struct vcpu *v, struct vmexit *exit)
{
	struct svm *s = svm_of(v);

	if (v->changed | s->attention | v->cr8)
		prepare_and_enter(v, s, exit);
	else
		enter(v, s, exit);
}

/* What was only for the last entry. */
static void tidy(struct svm *s)
{
	s->special = trace_is_on(); /* every exit is then */
	s->vmcb->control.tlb_control = VMCB_TLB_NOTHING;
	s->vmcb->control.eventinj = 0;
	s->vmcb->control.clean = svm_machine.clean;
}

/* Did the guest change CR8, or did the exit interrupt a delivery? */
static inline bool events_left(const struct vcpu *v, const struct vmcb_control *c)
{
	return (c->v_intr & VMCB_V_TPR) != v->cr8 || c->exitintinfo & VMCB_EVENT_V;
}

static COLD void exited_specially(struct vcpu *v, struct vmexit *exit)
{
	struct svm *s = svm_of(v);
	const struct vmcb_control *c = &s->vmcb->control;

	if (trace_is_on())
		trace_left(v, svm_exit_name(c->exitcode));
	if (s->special) {
		tidy(s);
		if (svm_quirks_exit(v, s)) {
			exit->reason = VMEXIT_WINDOW;
			return;
		}
	}
	if (s->unblocking || events_left(v, c))
		svm_events_exit(v);
	svm_exit(v, exit, c);
}

/* The parts of the VMCB that every exit leaves new. */
void svm_exited(struct vcpu *v, struct vmexit *exit)
{
	struct svm *s = svm_of(v);
	const struct vmcb_control *c = &s->vmcb->control;
	const struct vmcb_save *b = &s->vmcb->save;

	v->gpr[GPR_RAX] = b->rax;
	v->gpr[GPR_RSP] = b->rsp;
	v->rip = b->rip;
	v->rflags = b->rflags;
	v->interrupt_shadow = c->interrupt_shadow & VMCB_INTERRUPT_SHADOW;
	v->valid = VCPU_CRS | VCPU_SHADOW;
	s->hidden_kept = false;
	if (s->special || events_left(v, c))
		exited_specially(v, exit);
	else
		svm_exit(v, exit, c);
}

/* Instruction bytes that the CPU kept with the #PF (decode assists), and nothing else. */
static bool svm_read_linear(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access)
{
	const struct vmcb_control *c = &svm_of(v)->vmcb->control;

	(void)access; /* the guest has just fetched them */
	if (c->exitcode != SVM_EXIT_EXCP0 + VEC_PF || !svm_has(SVM_FEATURE_DECODE) ||
	    c->fetched_count < size || gva != svm_of(v)->vmcb->save.cs.base + v->rip)
		return false;
	for (u64 i = 0; i < size; i++)
		((u8 *)dst)[i] = c->fetched[i];
	return true;
}

const struct cpu_engine svm_engine = {
	.name = "svm",
	.summary = "AMD-V: the hardware runs the guest in its own rings",
	.root_kind = ROOT_FAITHFUL,
	.starts_unpaged = true,
	.start_features = START_FEATURE_HYPERCALL | START_FEATURE_CPUID,
	.offsets_tsc = true,
	.machine_init = svm_init,
	.vcpu_init = svm_vcpu_init,
	.load = svm_load,
	.unload = svm_unload,
	.fetch = svm_fetch,
	.inject = svm_inject,
	.request_window = svm_request_window,
	.read_linear = svm_read_linear,
	.tlb_flush_page = svm_tlb_flush_page,
	.tlb_flush_all = svm_tlb_flush_all,
	.run = svm_run,
};
