/* SPDX-License-Identifier: MIT */
/*
 * Events of a vcpu, all owned here: exceptions and how they combine to double and triple faults, NMI,
 * interrupts, and a delivery that an exit interrupted. Engines only inject, open a window, and report the
 * event that was interrupted.
 *
 * Source: SDM vol. 3A, 6.9 "Priority Among Simultaneous Exceptions and Interrupts", table 6-5 "Conditions for
 * Generating a Double Fault".
 */
#ifndef VMM_EVENT_H
#define VMM_EVENT_H

#include "lib/types.h"

struct vcpu;

enum event_kind { EVENT_NONE, EVENT_INTERRUPT, EVENT_NMI, EVENT_EXCEPTION, EVENT_SOFTWARE };

struct event {
	u8 kind; /* enum event_kind */
	u8 vector;
	bool has_error;
	u8 insn_len; /* EVENT_SOFTWARE (INT n, INT3, INTO): bytes of the instruction; RIP is still at it */
	u32 error;
	u64 payload; /* #PF: CR2; #DB: bits to set in DR6 */
};

struct event_state {
	struct event pending; /* an exception or software interrupt, or a delivery to take up again */
	struct event
		held; /* an acknowledged interrupt whose delivery faulted: after the fault, when IF allows */
	bool nmi_pending;
	bool triple_fault;
};

/* Raises an exception at the current RIP; combines with one whose delivery it interrupts (`pending`). */
void event_exception(struct vcpu *v, u8 vector);
void event_exception_error(struct vcpu *v, u8 vector, u32 error);
void event_page_fault(struct vcpu *v, gva_t gva, u32 error);
void event_debug(struct vcpu *v, u64 dr6_bits);
void event_raise(struct vcpu *v, const struct event *e);
void event_nmi(struct vcpu *v);

/*
 * An exit interrupted the delivery of `e` (IDT-vectoring information, EXITINTINFO). It is delivered again at
 * the next entry, unless a new exception combines with it.
 */
void event_interrupted(struct vcpu *v, const struct event *e);

/*
 * The same for an engine that has an exception of the guest's in hand and could run it on: delivers it at
 * once, where nobody has called vcpu_attend() and so nothing else waits. True: the guest is at its handler,
 * to be run. False: the engine leaves with VMEXIT_NONE. Either the exception, or what its delivery raised, is
 * pending as after event_raise(), or the delivery made somebody call vcpu_attend().
 */
bool event_deliver_exception(struct vcpu *v, const struct event *e) MUST_USE;

/* Is there anything that could be delivered now or once the guest opens a window? */
bool event_waiting(struct vcpu *v);

/*
 * Before each entry: delivers the most urgent event that can be delivered, and asks the engine for a window
 * when one has to wait. False when the guest has shut down (triple fault).
 */
bool event_deliver(struct vcpu *v) MUST_USE;

#endif
