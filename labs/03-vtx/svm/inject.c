// SPDX-License-Identifier: MIT
/*
 * Events: injection, windows, the delivery that an exit interrupted, CR8 and the blocking of NMIs.
 *
 * An event is written to EVENTINJ and delivered by the CPU at the entry, through the guest's IDT. Where an
 * exit interrupts that (a page of the IDT or the stack is missing in the memory engine's tables), EXITINTINFO
 * has the event. INT n, INT3 and INTO are not delivered again: RIP is still at them, and the guest executes
 * them again.
 *
 * The window for an interrupt is the VINTR intercept: a virtual interrupt is made pending that would be taken
 * as soon as the guest can, and the exit comes in its place. There is none for NMIs, and no record in the
 * VMCB of their being blocked. So the guest exits at the IRET that ends the blocking, and executes it under
 * an interrupt shadow; an interrupt of the machine, which the monitor sends to itself, ends the run behind
 * it.
 *
 * Source: APM vol. 2, 15.7.2 "Intercepts During IDT Interrupt Delivery", 15.20 "Event Injection", 15.21
 * "Interrupt and Local APIC Support" (15.21.1 "Physical INTR Masking", 15.21.2 "Virtualizing APIC.TPR",
 * 15.21.4 "Injecting Virtual (INTR) Interrupts", 15.21.5 "Interrupt Shadows"), 15.21.9 "NMI Support".
 * Left out: virtual NMIs (V_NMI), which need a newer CPU.
 */
#include "devices/lapic.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "svm.h"
#include "vmm/control.h"
#include "vmm/vm.h"
#include "x86/exception.h"

#define CR8_WRITE      VMCB_INTERCEPT_WRITE(8)
#define PRIO_HIGHEST   (0xfU << VMCB_V_INTR_PRIO_SHIFT)
#define WINDOW_REQUEST (VMCB_V_IRQ | VMCB_V_IGN_TPR | PRIO_HIGHEST)

/* SDM vol. 3A, 6.5 "Exception Classifications"; #DB is a fault or a trap, and its RF is right already. */
static bool is_fault(const struct event *e)
{
	return e->kind == EVENT_EXCEPTION && e->vector != VEC_DB && e->vector != VEC_BP &&
	       e->vector != VEC_OF && e->vector != VEC_DF;
}

/* An exception or NMI, and what comes with it but the frame. */
static u64 other_event(struct vcpu *v, const struct event *e)
{
	/* SOLUTION E3.6 { stub: (void)is_fault; (void)e; return 0; */
	u64 type = e->kind == EVENT_NMI ? VMCB_EVENT_TYPE_NMI : VMCB_EVENT_TYPE_EXCEPTION;
	u64 word = e->vector | type | VMCB_EVENT_V;

	if (e->kind == EVENT_NMI)
		v->nmi_blocked = true;
	if (e->has_error)
		word |= VMCB_EVENT_EV | (u64)e->error << VMCB_EVENT_ERROR_SHIFT;
	if (is_fault(e))
		v->rflags |= RFLAGS_RF;
	if (e->kind == EVENT_NMI || e->vector == VEC_DF) /* NMIs are blocked now; #DF has its quirks */
		svm_of(v)->attention = true;
	return word;
	/* } SOLUTION E3.6 */
}

/* At the next entry, which then has something to be undone behind it (svm.special). What is injected ends the
 * guest's interrupt shadow. */
static inline enum inject_result inject_word(struct vcpu *v, u64 word)
{
	/* SOLUTION E3.6 { stub: (void)word; return INJECT_DONE; */
	struct svm *s = svm_of(v);

	s->vmcb->control.eventinj = word;
	s->special = true;
	if (v->interrupt_shadow) {
		v->interrupt_shadow = false;
		vcpu_changed(v, VCPU_SHADOW);
	}
	return INJECT_DONE;
	/* } SOLUTION E3.6 */
}

static COLD enum inject_result inject_other(struct vcpu *v, const struct event *e)
{
	if (e->kind == EVENT_SOFTWARE)
		return INJECT_DONE; /* the guest's instruction does it */
	return inject_word(v, other_event(v, e));
}

enum inject_result svm_inject(struct vcpu *v, const struct event *e, struct event *nested)
{
	/* SOLUTION E3.6 { stub: (void)nested; (void)inject_other; (void)e; return INJECT_DONE; */
	(void)nested;
	if (e->kind != EVENT_INTERRUPT)
		return inject_other(v, e);
	return inject_word(v, e->vector | VMCB_EVENT_TYPE_INTR | VMCB_EVENT_V);
	/* } SOLUTION E3.6 */
}

/* ---- windows ---- */

/*
 * An interrupt of the machine waits for the end of the guest's interrupt shadow and of an injected delivery,
 * and comes before the next instruction: what an NMI of the guest has to wait for. So the monitor sends
 * itself one. Not while NMIs are blocked, unless the guest is about to execute the IRET that ends it
 * (svm.unblocking); and not where svm_quirks_step() has it exit behind the next instruction anyway.
 */
static void nmi_window(struct vcpu *v)
{
	/* SOLUTION E3.8 { stub: return; */
	if ((!v->nmi_blocked || svm_of(v)->unblocking) && !svm_quirks_step(v))
		machine_interrupt_self();
	/* } SOLUTION E3.8 */
}

void svm_request_window(struct vcpu *v)
{
	if (v->events.nmi_pending)
		nmi_window(v);
	svm_of(v)->window = svm_of(v)->attention = true;
}

static void set_bits(struct svm *s, u32 *word, u32 bits, bool on)
{
	u32 value = on ? *word | bits : *word & ~bits;

	if (value == *word)
		return;
	*word = value;
	svm_dirty(s, VMCB_CLEAN_I);
}

/*
 * The field at 060h: V_INTR_MASKING always, V_TPR is the guest's CR8, and when somebody has asked for a
 * window (svm.window), WINDOW_REQUEST, with the VINTR intercept. V_TPR lets the guest read and write CR8
 * without an exit. Only where CR8 holds a vector back, as far as the monitor knows (lapic.highest_irr is not
 * negative), lowering it may matter: then it exits.
 */
static void load_windows(struct vcpu *v)
{
	/* SOLUTION E3.7 { stub: (void)set_bits; return; */
	struct svm *s = svm_of(v);
	struct vmcb_control *c = &s->vmcb->control;
	u32 v_intr =
		(u32)(VMCB_V_INTR_MASKING | (v->cr8 & VMCB_V_TPR_CR8) | (s->window ? WINDOW_REQUEST : 0));

	if (c->v_intr != v_intr) {
		c->v_intr = v_intr;
		svm_dirty(s, VMCB_CLEAN_TPR);
	}
	set_bits(s, &c->intercept_misc1, VMCB_INTERCEPT_VINTR, s->window);
	set_bits(s, &c->intercept_cr, CR8_WRITE, v->cr8 && v->lapic->highest_irr >= 0);
	/* } SOLUTION E3.7 */
}

/* Is there something of it, or was there at the last entry? */
static bool windows_used(const struct vcpu *v)
{
	const struct svm *s = svm_of(v);
	const struct vmcb_control *c = &s->vmcb->control;

	return s->window || v->cr8 || c->v_intr != VMCB_V_INTR_MASKING || c->intercept_cr & CR8_WRITE;
}

/* While NMIs are blocked the guest exits at IRET, unless that is the one which it is about to execute. */
static void load_nmi_blocking(struct vcpu *v)
{
	/* SOLUTION E3.8 { stub: return; */
	struct svm *s = svm_of(v);

	set_bits(s, &s->vmcb->control.intercept_misc1, VMCB_INTERCEPT_IRET, v->nmi_blocked && !s->unblocking);
	/* } SOLUTION E3.8 */
}

void svm_events_enter(struct vcpu *v)
{
	struct svm *s = svm_of(v);

	if (windows_used(v))
		load_windows(v);
	if (v->nmi_blocked || s->vmcb->control.intercept_misc1 & VMCB_INTERCEPT_IRET)
		load_nmi_blocking(v);
	s->attention = s->window || v->nmi_blocked || s->unblocking || s->unpaged || v->cr8;
	s->window = false;
	s->special |= s->unblocking;
}

/* The IRET that ends the blocking has not been executed yet. It will be, under an interrupt shadow, whose end
 * is that of the blocking. */
void svm_iret(struct vcpu *v)
{
	/* SOLUTION E3.8 { stub: return; */
	svm_of(v)->unblocking = svm_of(v)->attention = true;
	v->interrupt_shadow = true;
	vcpu_changed(v, VCPU_SHADOW);
	/* } SOLUTION E3.8 */
}

/* ---- after the exit ---- */

/* EXITINTINFO and EVENTINJ have one format. INT3 and INTO have the type of an exception. */
static struct event decode_event(u64 info)
{
	struct event e = {
		.vector = info & VMCB_EVENT_VECTOR,
		.has_error = info & VMCB_EVENT_EV,
		.error = info & VMCB_EVENT_EV ? (u32)(info >> VMCB_EVENT_ERROR_SHIFT) : 0,
	};

	if (!(info & VMCB_EVENT_V))
		return (struct event){.kind = EVENT_NONE};
	switch (info & VMCB_EVENT_TYPE) {
	case VMCB_EVENT_TYPE_INTR:
		e.kind = EVENT_INTERRUPT;
		break;
	case VMCB_EVENT_TYPE_NMI:
		e.kind = EVENT_NMI;
		break;
	case VMCB_EVENT_TYPE_EXCEPTION:
		e.kind = e.vector == VEC_BP || e.vector == VEC_OF ? EVENT_SOFTWARE : EVENT_EXCEPTION;
		break;
	default:
		e.kind = EVENT_SOFTWARE;
		break;
	}
	return e;
}

/* What an exit interrupted, to event.c. Not INT n, INT3 and INTO: RIP is at them, and the guest executes them
 * again. A page fault has left its address in CR2. */
static void take_interrupted(struct vcpu *v, u64 info)
{
	/* SOLUTION E3.6 { stub: (void)decode_event; (void)info; return; */
	struct event e = decode_event(info);

	if (e.kind == EVENT_NONE || e.kind == EVENT_SOFTWARE)
		return;
	if (e.kind == EVENT_EXCEPTION && e.vector == VEC_PF)
		e.payload = v->cr2;
	event_interrupted(v, &e);
	/* } SOLUTION E3.6 */
}

/* The guest has written CR8: its local APIC has to know. Every entry is one with `attention` as long as CR8
 * is not 0. */
static void take_tpr(struct vcpu *v)
{
	/* SOLUTION E3.7 { stub: return; */
	ASSERT(cr8_write(v, svm_of(v)->vmcb->control.v_intr & VMCB_V_TPR_CR8));
	svm_of(v)->attention = true;
	/* } SOLUTION E3.7 */
}

/* After an exit with svm.unblocking set: without the interrupt shadow the IRET has been executed. */
static void end_unblocking(struct vcpu *v)
{
	/* SOLUTION E3.8 { stub: return; */
	if (!v->interrupt_shadow)
		svm_of(v)->unblocking = v->nmi_blocked = false;
	/* } SOLUTION E3.8 */
}

void svm_events_exit(struct vcpu *v)
{
	struct svm *s = svm_of(v);
	const struct vmcb_control *c = &s->vmcb->control;

	if (s->unblocking)
		end_unblocking(v);
	if ((c->v_intr & VMCB_V_TPR) != v->cr8)
		take_tpr(v);
	if (c->exitintinfo & VMCB_EVENT_V)
		take_interrupted(v, svm_quirks_interrupted(s));
}
