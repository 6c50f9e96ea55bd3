/* SPDX-License-Identifier: MIT */
/*
 * What the guest's code does, by the manual: plain instructions run themselves, one by one, at their own
 * address; sensitive ones are done by a model of a few lines each. The sequence of states is what a
 * translation is held against.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "runner.h"

/* All that the guest can see, but for memory. */
struct guest {
	struct cpu cpu;
	u64 vif, cr8;
};

struct state {
	struct guest guest;
	u8 memory[GUEST_MEMORY];
};

#define TRACE_MAX 4000

struct trace {
	enum place place;
	unsigned count; /* states: one before each instruction, and the last */
	struct state state[TRACE_MAX];
};

/* The rest of the state page, the same in every test; written by reference_fill(). */
extern const struct bt_state reference_state;
void reference_fill(const struct guest *g);

/* The instruction at g's RIP. */
void reference_decode(const struct guest *g, struct insn *i);
/* Executes the instruction at RIP. What stops it: signal is 0 if nothing does, SIGILL at the program's end.
 */
struct stop reference_step(struct guest *g);
/* From the first state on, up to UD2. False: it does not end, or faults. */
bool reference_trace(struct trace *t, const struct guest *first);
/* Same registers, flags and virtual state? Otherwise the first difference as text. */
bool reference_same(const struct guest *expected, const struct guest *actual, char *difference, size_t size);

#endif
