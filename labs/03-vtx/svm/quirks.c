// SPDX-License-Identifier: MIT
/*
 * What emulators do otherwise than the manual, and what the engine does about it. Nothing of the kind stands
 * anywhere else.
 *
 * Bochs 2.7:
 *
 * - VMRUN does not load CR2 (APM vol. 2, 15.5.1). The CPU's own is set before. This is also how Bochs is
 *   found, at the first entry.
 * - #DB that exits is not in DR6 and DR7 yet (APM vol. 2, 15.12.2). It is not intercepted.
 * - A single step that is due when the guest exits becomes #DB in the monitor, behind VMRUN and under GIF = 0
 *   (APM vol. 2, 15.17). It is dropped: vcpu_skip() raises the
 *   guest's.
 * - When the delivery of INT n exits, EXITINTINFO has some earlier event (APM vol. 2, 15.7.2). So INT n is
 *   intercepted, and the guest executes it in an entry of its own, whose EXITINTINFO is not believed.
 * - An interrupt of the machine does not end the run of a guest that was entered with IF off: VMRUN masks
 * what is pending by the guest's IF, and looks at the monitor's (APM vol. 2, 15.21.1) only when the guest
 * changes it. An NMI of the guest that has to wait for one instruction waits for a single step instead. A
 * guest that keeps IF off would keep the CPU, but not against an NMI of the machine: a watchdog sends one
 * when the slice is long over. The guest's own NMIs are injected as interrupts by vector 2, which is the same
 * to the guest and leaves the machine's unmasked, so that a guest in its handler of NMIs is reached too.
 * - A triple fault ends the run although SHUTDOWN is intercepted. #DF exits, and so does what its delivery
 *   raises, for vmm/event.c to combine.
 *
 * QEMU's TCG 7.2. A machine that lets WRMSR load an address which is not canonical into LSTAR (APM vol.
 * 3, "WRMSR": #GP(0)) is taken for it.
 *
 * - VMEXIT_INVALID is 32 bits of ones; APM vol. 2, appendix C: -1, in a field of 64 bits.
 * - WRMSR takes any value for a base address, and LGDT and LIDT any base (APM vol. 3, "LGDT": #GP(0)). They
 *   exit and are checked here and in vmm/msr.c: with such a base the guest could only crash.
 * - A far transfer loads a code segment with both L and D, which is #GP(selector) by APM vol. 3, "JMP (Far)";
 *   so does SYSENTER in long mode, which AMD's CPUs do not have there. VMRUN then refuses. D is taken away.
 *   Where the monitor is itself a guest, it is refused too when the monitor beneath it has had an exit of its
 *   own and goes on with the guest. Then it is entered again.
 * - VMRUN does not load INTERRUPT_SHADOW (APM vol. 2, 15.21.5), and an interrupt of the machine does not wait
 *   for the end of a shadow. The guest executes the instruction in the shadow as a single step.
 * - A write of CR8 while a virtual interrupt is pending ends QEMU with an assertion. It exits then.
 * - An exception that the delivery of an injected one raises does not combine with it to a double fault (APM
 *   vol. 2, 8.2.9 "#DF"). It exits, and vmm/event.c combines the two.
 *
 * Both: a VMRUN that is refused leaves the monitor's state where the guest's was (APM vol. 2, 15.6 "#VMEXIT":
 * what is saved is the guest's). The checker gets the guest's again.
 *
 * nRIP and decode assists, which TCG does not have either, are no quirks: CPUID says so.
 */
#include "lib/print.h"
#include "machine/machine.h"
#include "svm.h"
#include "vmm/emulate.h"
#include "vmm/memory.h"
#include "vmm/sched.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define NOT_CANONICAL  0x0000800000000000ULL
#define TABLE_BYTES_64 10
#define TABLE_BYTES_32 6
#define BASE_24BIT     0x00ffffffULL

#define OPCODE_POPF    0x9d
#define OPCODE_IRET    0xcf
#define PREFIX_OSIZE   0x66
#define PREFIX_REX_W   0x48

/* Exceptions that can be reflected: RIP is where their handler has to find it, unlike that of #BP and #OF. */
#define REFLECTED      (~(u32)(BIT(VEC_BP) | BIT(VEC_OF)))

#define PROBE_CR2      0x5a5a5a5a5a5a5a5aULL
#define HITS           (DR6_B0 | DR6_B0 << 1 | DR6_B0 << 2 | DR6_B0 << 3)

/* From the begin of a slice on. Where the slice's own end comes through, this does not come; if ever, it is
 * one exit more. */
#define WATCH_MS       (SCHED_SLICE_MS + 1)

static bool svm_on_tcg, svm_on_bochs;
static bool known;   /* which machine it is */
static bool watched; /* there is a watchdog, and somebody for it to watch */

/* LSTAR is not in use: the monitor has no system calls. */
static bool wrmsr_takes_any_base(void)
{
	u64 before = rdmsr(MSR_LSTAR);

	if (!wrmsr_safe(MSR_LSTAR, NOT_CANONICAL))
		return false;
	wrmsr(MSR_LSTAR, before);
	return true;
}

void svm_quirks_find(void)
{
	static const u32 bases[] = {MSR_FS_BASE, MSR_GS_BASE,      MSR_KERNEL_GS_BASE, MSR_LSTAR,
				    MSR_CSTAR,   MSR_SYSENTER_ESP, MSR_SYSENTER_EIP};

	svm_on_tcg = known = wrmsr_takes_any_base();
	if (!svm_on_tcg)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(bases); i++)
		svm_msr_intercept_write(bases[i]);
}

u32 svm_tcg_intercepts(void)
{
	return svm_on_tcg ? VMCB_INTERCEPT_IDTR_WRITE | VMCB_INTERCEPT_GDTR_WRITE : 0;
}

/* ---- one instruction alone ---- */

/* For this entry alone. */
static void intercept_more(struct svm *s, u32 exceptions)
{
	s->special = true;
	s->exceptions = s->vmcb->control.intercept_exceptions;
	s->vmcb->control.intercept_exceptions |= exceptions;
	svm_dirty(s, VMCB_CLEAN_I);
}

bool svm_quirks_step(const struct vcpu *v)
{
	bool wanted = svm_on_tcg || (svm_on_bochs && v->events.nmi_pending);

	return wanted && v->interrupt_shadow && !(svm_of(v)->vmcb->control.eventinj & VMCB_EVENT_V);
}

/* Does the instruction at RIP load TF? What cannot be read faults by itself. */
static bool loads_tf(struct vcpu *v)
{
	u8 bytes[2] = {0};
	struct event ignored;

	vcpu_need(v, VCPU_CS_SS);
	if (!gva_read(v, v->seg[SEG_CS].base + v->rip, bytes, sizeof(bytes), ACCESS_FETCH, &ignored))
		return false;
	if (bytes[0] == PREFIX_OSIZE || bytes[0] == PREFIX_REX_W)
		bytes[0] = bytes[1];
	return bytes[0] == OPCODE_POPF || bytes[0] == OPCODE_IRET;
}

/* What the instruction raises exits too, and goes on without our TF. */
static void begin_step(struct vcpu *v, struct svm *s)
{
	s->step = (struct svm_step){
		.on = true,
		.rip = v->rip,
		.dr6 = s->vmcb->save.dr6,
		.loads_tf = loads_tf(v),
		.guest_tf = v->rflags & RFLAGS_TF,
	};
	v->rflags |= RFLAGS_TF;
	s->vmcb->control.intercept_misc1 &= ~(u32)VMCB_INTERCEPT_VINTR;
	s->vmcb->control.v_intr &= ~(u32)VMCB_V_IRQ;
	svm_dirty(s, VMCB_CLEAN_TPR);
}

/* True: the exit was the end of the step and nothing else. Otherwise it is the guest's, without our TF. */
static bool end_step(struct vcpu *v, struct svm *s)
{
	struct svm_step *step = &s->step;
	struct vmcb *b = s->vmcb;
	bool done = b->control.exitcode == SVM_EXIT_EXCP0 + VEC_DB;
	u64 dr6 = svm_on_bochs ? b->control.exitinfo2 : b->save.dr6;

	step->on = false;
	if (!step->guest_tf && !(done && step->loads_tf))
		v->rflags &= ~(u64)RFLAGS_TF;
	if (v->rip == step->rip && !done) {
		v->interrupt_shadow = true;
		vcpu_changed(v, VCPU_SHADOW);
	}
	if (!done)
		return false;
	b->save.dr6 = step->dr6 | (dr6 & HITS) | (step->guest_tf ? dr6 & DR6_BS : 0);
	svm_dirty(s, VMCB_CLEAN_DRX);
	return b->save.dr6 == step->dr6;
}

/* ---- TCG ---- */

/* True: there was one. */
static bool repair_cs(struct svm *s)
{
	struct vmcb_segment *cs = &s->vmcb->save.cs;

	if ((cs->attr & (VMCB_SEG_L | VMCB_SEG_DB)) != (VMCB_SEG_L | VMCB_SEG_DB))
		return false;
	cs->attr &= (u16)~VMCB_SEG_DB;
	svm_dirty(s, VMCB_CLEAN_SEG);
	return true;
}

static void tcg_enter(struct vcpu *v, struct svm *s)
{
	repair_cs(s);
	if (s->vmcb->control.v_intr & VMCB_V_IRQ) {
		s->vmcb->control.intercept_cr |= VMCB_INTERCEPT_WRITE(8);
		svm_dirty(s, VMCB_CLEAN_I);
	}
	if (svm_quirks_step(v) || s->vmcb->control.eventinj & VMCB_EVENT_V)
		intercept_more(s, REFLECTED);
}

/* No entry of ours is refused so: tcg_enter() has looked at the segment. */
bool svm_tcg_refused(struct svm *s)
{
	return svm_on_tcg && repair_cs(s);
}

/* ---- LGDT and LIDT ---- */

void svm_tcg_load_table(struct vcpu *v)
{
	bool is_64bit = vcpu_is_64bit(v);
	struct desc_ptr p = {0};
	struct event f;
	struct insn i;

	if (!emulate_decode(v, &i))
		return;
	if (!gva_read(v, emulate_operand_gva(v, &i), &p, is_64bit ? TABLE_BYTES_64 : TABLE_BYTES_32,
		      ACCESS_READ, &f)) {
		event_raise(v, &f);
		return;
	}
	if (!is_64bit && i.op_size == 2)
		p.base &= BASE_24BIT;
	if (!gva_is_canonical(p.base)) {
		event_exception_error(v, VEC_GP, 0);
		return;
	}
	vcpu_need(v, VCPU_TABLES);
	if (i.op == OP_LGDT)
		v->gdtr = p;
	else
		v->idtr = p;
	vcpu_changed(v, VCPU_TABLES);
	vcpu_skip(v, i.length);
}

/* ---- Bochs ---- */

static bool is_event(u64 word, u64 type, u8 vector)
{
	return (word & (VMCB_EVENT_V | VMCB_EVENT_TYPE | VMCB_EVENT_VECTOR)) ==
	       (VMCB_EVENT_V | type | vector);
}

void svm_quirks_own(void)
{
	if (watched)
		watchdog_arm(clock_hz() / 1000 * WATCH_MS);
}

void svm_quirks_disown(void)
{
	if (watched)
		watchdog_disarm();
}

/* At the first exit of all: a guest does not need its CR2 before it. */
static void find_bochs(struct vcpu *v, const struct svm *s)
{
	known = true;
	svm_on_bochs = s->vmcb->save.cr2 == PROBE_CR2;
	vcpu_changed(v, VCPU_CRS);
	if (!svm_on_bochs)
		return;
	watched = watchdog_init();
	if (!watched)
		kprintf("[hv] svm: this Bochs has no IO-APIC: a guest that keeps interrupts off keeps the "
			"CPU\n");
	svm_quirks_own();
}

/* Bits 10:8 of an event's word: what an NMI is injected as, and what an interrupted delivery of it is. */
static u64 nmi_as_interrupt(u64 word)
{
	return is_event(word, VMCB_EVENT_TYPE_NMI, VEC_NMI) ? (word & ~VMCB_EVENT_TYPE) | VMCB_EVENT_TYPE_INTR
							    : word;
}

static u64 interrupt_as_nmi(u64 word)
{
	return is_event(word, VMCB_EVENT_TYPE_INTR, VEC_NMI) ? (word & ~VMCB_EVENT_TYPE) | VMCB_EVENT_TYPE_NMI
							     : word;
}

/* What INT n raises itself exits too, since EXITINTINFO says nothing. */
static void bochs_enter(struct vcpu *v, struct svm *s)
{
	struct vmcb_control *c = &s->vmcb->control;

	c->eventinj = nmi_as_interrupt(c->eventinj);
	s->int_alone = s->int_next && !(c->eventinj & VMCB_EVENT_V);
	s->int_next = false;
	if (svm_quirks_step(v))
		intercept_more(s, REFLECTED);
	else if (s->int_alone || is_event(c->eventinj, VMCB_EVENT_TYPE_EXCEPTION, VEC_DF))
		intercept_more(s, REFLECTED & ~(u32)BIT(VEC_DB));
	c->intercept_misc1 |= (u32)VMCB_INTERCEPT_INTN;
	if (s->int_alone)
		c->intercept_misc1 &= ~(u32)VMCB_INTERCEPT_INTN;
}

void svm_quirks_int(struct svm *s)
{
	s->int_next = s->attention = true;
}

bool svm_quirks_debug(struct trap_frame *f)
{
	return svm_on_bochs && f->rip == (u64)svm_behind_vmrun;
}

u64 svm_quirks_interrupted(const struct svm *s)
{
	u64 info = s->vmcb->control.exitintinfo;

	if (s->int_alone)
		return 0;
	return svm_on_bochs ? interrupt_as_nmi(info) : info;
}

/* ---- all ---- */

void svm_quirks_load(struct vcpu *v, struct svm *s)
{
	struct vmcb_control *c = &s->vmcb->control;

	write_cr2(known ? v->cr2 : PROBE_CR2);
	if (!svm_on_bochs)
		return;
	c->intercept_exceptions = (c->intercept_exceptions & ~(u32)BIT(VEC_DB)) | (u32)BIT(VEC_DF);
	c->intercept_misc1 |= (u32)VMCB_INTERCEPT_INTN;
}

void svm_quirks_enter(struct vcpu *v, struct svm *s)
{
	if (!known)
		s->special = true;
	if (svm_on_tcg) {
		tcg_enter(v, s);
		s->attention = true;
	}
	if (svm_on_bochs)
		bochs_enter(v, s);
	if (svm_quirks_step(v))
		begin_step(v, s);
}

/* No guest runs on the monitor's own root. What VMRUN was given is made once more, by the same code. */
void svm_quirks_refused(struct vcpu *v)
{
	if ((svm_of(v)->vmcb->save.cr3 & PTE_ADDR) != machine_root())
		return;
	v->valid = v->changed = VCPU_ALL;
	svm_load_changed(v);
}

bool svm_quirks_exit(struct vcpu *v, struct svm *s)
{
	bool alone = false;

	if (!known) {
		find_bochs(v, s);
		s->attention = true;
		return false;
	}
	if (!s->exceptions)
		return false;
	s->vmcb->control.intercept_exceptions = s->exceptions;
	s->exceptions = 0;
	s->attention = true;
	svm_dirty(s, VMCB_CLEAN_I);
	if (s->step.on)
		alone = end_step(v, s);
	if (alone)
		svm_events_exit(v);
	return alone;
}
