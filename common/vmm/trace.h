/* SPDX-License-Identifier: MIT */
/*
 * The last exits of a run, for the pictures of `make trace`: off unless the hypervisor's command line says
 * `trace=N`. Nothing is printed while guests run, so that the trace does not disturb what it shows.
 */
#ifndef VMM_TRACE_H
#define VMM_TRACE_H

#include "lib/types.h"
#include "vmm/vmexit.h"

struct vcpu;

/* Is a trace kept? An engine asks before it works out what to say. */
extern bool trace_on; /* trace_init() sets it */
static inline bool trace_is_on(void)
{
	return trace_on;
}

/* The last `count` exits are to be kept. 0: none. */
void trace_init(u64 count);

/* Around one step of a vcpu: before its engine runs it, and when the exit has been answered. Without the
 * first the second does nothing. */
void trace_enter(const struct vcpu *v);
void trace_exit(const struct vcpu *v, enum vmexit_reason reason);
/*
 * By an engine, as soon as it has the CPU back: until here the time was the guest's. `what` says why in the
 * engine's own words ("#GP", an exit reason of the hardware); it must stay valid. An engine that does not
 * call this has all time of its `run` counted as the guest's.
 */
void trace_left(const struct vcpu *v, const char *what);
/* Where the guest stopped, from an engine whose guest is elsewhere than the CPU; behind trace_left(). */
void trace_place(gva_t rip);

/* Prints what was kept, oldest first, a line each. */
void trace_print(void);

#endif
