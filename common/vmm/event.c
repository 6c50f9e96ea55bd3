// SPDX-License-Identifier: MIT
/*
 * What is pending for a vcpu, and what is delivered next.
 *
 * An exception that is raised while another event is being delivered combines with it: to a double fault, to
 * a triple fault, or the two are handled one after the other. Source: SDM vol. 3A, 6.15 "Exception and
 * Interrupt Reference", "Interrupt 8 - Double Fault Exception (#DF)", tables 6-4 and 6-5; 6.9 "Priority Among
 * Simultaneous Exceptions and Interrupts".
 */
#include "devices/lapic.h"
#include "vmm/event.h"
#include "vmm/vm.h"
#include "x86/exception.h"

enum exception_class { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT, CLASS_DOUBLE_FAULT };

static enum exception_class classify(const struct event *e)
{
	if (e->kind != EVENT_EXCEPTION)
		return CLASS_BENIGN;
	switch (e->vector) {
	case VEC_DE:
	case VEC_TS:
	case VEC_NP:
	case VEC_SS:
	case VEC_GP:
	case VEC_CP:
		return CLASS_CONTRIBUTORY;
	case VEC_PF:
	case VEC_VE:
		return CLASS_PAGE_FAULT;
	case VEC_DF:
		return CLASS_DOUBLE_FAULT;
	default:
		return CLASS_BENIGN;
	}
}

static bool makes_double_fault(enum exception_class first, enum exception_class second)
{
	if (first == CLASS_CONTRIBUTORY)
		return second == CLASS_CONTRIBUTORY;
	return first == CLASS_PAGE_FAULT && (second == CLASS_CONTRIBUTORY || second == CLASS_PAGE_FAULT);
}

/* An event is being delivered already. */
static COLD void combine(struct event_state *s, const struct event *e)
{
	enum exception_class first = classify(&s->pending), second = classify(e);

	if (first == CLASS_DOUBLE_FAULT && second != CLASS_BENIGN) {
		s->triple_fault = true;
		return;
	}
	if (makes_double_fault(first, second)) {
		s->pending = (struct event){.kind = EVENT_EXCEPTION, .vector = VEC_DF, .has_error = true};
		return;
	}
	/* One after the other: the fault first. An interrupt has been acknowledged and must not get lost; the
	 * rest happens again. */
	if (s->pending.kind == EVENT_INTERRUPT)
		s->held = s->pending;
	if (s->pending.kind == EVENT_NMI)
		s->nmi_pending = true;
	s->pending = *e;
}

void event_raise(struct vcpu *v, const struct event *e)
{
	struct event_state *s = &v->events;

	vcpu_attend(v);
	if (s->pending.kind)
		combine(s, e);
	else
		s->pending = *e;
}

void event_exception(struct vcpu *v, u8 vector)
{
	event_raise(v, &(struct event){.kind = EVENT_EXCEPTION, .vector = vector});
}

void event_exception_error(struct vcpu *v, u8 vector, u32 error)
{
	event_raise(v, &(struct event){
			       .kind = EVENT_EXCEPTION, .vector = vector, .has_error = true, .error = error});
}

void event_page_fault(struct vcpu *v, gva_t gva, u32 error)
{
	event_raise(v, &(struct event){.kind = EVENT_EXCEPTION,
				       .vector = VEC_PF,
				       .has_error = true,
				       .error = error,
				       .payload = gva});
}

void event_debug(struct vcpu *v, u64 dr6_bits)
{
	event_raise(v, &(struct event){.kind = EVENT_EXCEPTION, .vector = VEC_DB, .payload = dr6_bits});
}

void event_nmi(struct vcpu *v)
{
	v->events.nmi_pending = true;
	vcpu_attend(v);
}

void event_interrupted(struct vcpu *v, const struct event *e)
{
	v->events.pending = *e;
	vcpu_attend(v);
}

static bool interrupt_waiting(struct vcpu *v)
{
	return v->events.held.kind || lapic_pending(v) >= 0;
}

bool event_waiting(struct vcpu *v)
{
	struct event_state *s = &v->events;

	if (s->triple_fault || s->pending.kind || s->nmi_pending)
		return true;
	return v->rflags & RFLAGS_IF && interrupt_waiting(v);
}

/* The next event that may be delivered now, taken from where it waited; false when none may. */
static bool take_event(struct vcpu *v, struct event *e)
{
	struct event_state *s = &v->events;

	if (s->pending.kind) {
		*e = s->pending;
		s->pending.kind = EVENT_NONE;
		return true;
	}
	if (s->nmi_pending) {
		vcpu_need(v, VCPU_SHADOW);
		if (!v->nmi_blocked && !v->interrupt_shadow) {
			s->nmi_pending = false;
			*e = (struct event){.kind = EVENT_NMI, .vector = VEC_NMI};
			return true;
		}
	}
	if (!(v->rflags & RFLAGS_IF) || !interrupt_waiting(v))
		return false;
	vcpu_need(v, VCPU_SHADOW);
	if (v->interrupt_shadow)
		return false;
	if (s->held.kind) {
		*e = s->held;
		s->held.kind = EVENT_NONE;
	} else {
		*e = (struct event){.kind = EVENT_INTERRUPT, .vector = lapic_ack(v)};
	}
	return true;
}

/* Some exceptions leave more than a frame: SDM vol. 3A, 6.15 on #PF and #DB; vol. 3B, 17.2.4 on DR7.GD. */
static NOINLINE void deliver_debug(struct vcpu *v, u64 dr6_bits)
{
	vcpu_need(v, VCPU_DRS);
	v->dr6 |= dr6_bits;
	v->dr7 &= ~(u64)DR7_GD;
	vcpu_changed(v, VCPU_DRS);
}

static INLINE_ALWAYS void deliver_payload(struct vcpu *v, const struct event *e)
{
	if (e->kind != EVENT_EXCEPTION)
		return;
	if (e->vector == VEC_PF) {
		vcpu_need(v, VCPU_CRS);
		v->cr2 = e->payload;
		vcpu_changed(v, VCPU_CR2);
	}
	if (e->vector == VEC_DB)
		deliver_debug(v, e->payload);
}

bool event_deliver_exception(struct vcpu *v, const struct event *e)
{
	struct event nested;

	if (v->attention) {
		event_raise(v, e);
		return false;
	}
	deliver_payload(v, e);
	if (v->cpu->inject(v, e, &nested) == INJECT_DONE)
		return !v->attention;
	v->events.pending = *e; /* the first of the two */
	event_raise(v, &nested);
	return false;
}

bool event_deliver(struct vcpu *v)
{
	struct event_state *s = &v->events;

	for (;;) {
		struct event e, nested;

		if (s->triple_fault)
			return false;
		if (!take_event(v, &e))
			break;
		deliver_payload(v, &e);
		if (v->cpu->inject(v, &e, &nested) == INJECT_DONE)
			break;
		s->pending = e; /* the first of the two */
		event_raise(v, &nested);
	}
	if (s->pending.kind || s->nmi_pending || interrupt_waiting(v)) {
		v->cpu->request_window(v);
		vcpu_attend(v);
	}
	return true;
}
