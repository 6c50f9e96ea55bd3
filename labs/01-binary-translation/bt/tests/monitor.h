/* SPDX-License-Identifier: MIT */
/*
 * A monitor as small as can be: it translates what is asked for, chains, fills the table, and asks the
 * reference for what is called out. On the way it checks what the translator promises.
 */
#ifndef MONITOR_H
#define MONITOR_H

#include "reference.h"

/* Where the sources of the next blocks end, and whether the table is filled: by this sequence of numbers. 0:
 * blocks as long as they can be, and a full table. */
extern u32 monitor_random;
/* What went wrong first, as text; empty: nothing. */
extern char monitor_error[256];

/* The block for rip, translated now if there is none. */
struct bt_block *monitor_block(u64 rip);
/* A block of the one instruction at rip. */
struct bt_block *monitor_block_of_one(u64 rip);

const struct bt_point *monitor_point(u32 at, const struct bt_block **block);
struct bt_exit *monitor_exit(u32 at);
/* The guest at an address of the cache, where registers are as in *g. False: it is not in a state there. */
bool monitor_recover(struct guest *g, u32 at);

/* From *g to the end of the program, at full speed. `exits`: how often the monitor was called. */
bool monitor_run(struct guest *g, unsigned *exits);
/* The program of a trace, twice, at full speed; it must end as the trace does. */
bool monitor_run_trace(const struct trace *t);
/* Along a trace, native instruction by native instruction; each address must tell the truth. */
bool monitor_follow(const struct trace *t);
/* One instruction of a trace while a page has fewer rights. It must fault as the guest's own does, or not. */
bool monitor_fault(const struct trace *t, unsigned k, enum area a, unsigned page, int rights);

#endif
