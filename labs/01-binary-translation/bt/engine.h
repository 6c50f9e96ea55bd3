/* SPDX-License-Identifier: MIT */
/* What the engine keeps for a vcpu beside struct ring3. */
#ifndef BT_ENGINE_H
#define BT_ENGINE_H

#include "bt.h"
#include "labs/01-binary-translation/ring3.h"
#include "window.h"

#define BT_NOWHERE      0x8000000000000000 /* as a RIP: not canonical */

#define BT_KNOWN_POINTS 256

struct bt {
	struct ring3 ring3; /* first: ring3_of() */
	struct bt_window window;
	struct bt_cache cache;
	struct trace_client trace;
	struct bt_counts counts; /* cache.counts, if that is not NULL */
	/*
	 * Where the guest's kernel goes on without a search: at resume_at, if RIP is resume_rip and nothing
	 * has become void since.
	 */
	u64 resume_rip;
	u32 resume_at, resume_generation;
	u64 passed_rip;    /* RF has let the instruction there pass its breakpoint; BT_NOWHERE */
	bool translated;   /* the last run was in the cache */
	bool code_written; /* what was just written is code, perhaps that of the instruction that writes */
	bool told_slow;    /* in a workspace: the console has cache.slow */
	bool syscalled;    /* C has emulated SYSCALL, and the block at LSTAR is entered next */
	u64 sysret;        /* C has emulated SYSRET: the address in the cache of its call-out; or 0 */
	u64 shadow_rip;    /* the instruction there is in an interrupt shadow; BT_NOWHERE */
	/* What bt_recover() makes of an offset in the cache. Until it is flushed, what stands there stays. */
	struct bt_known_point {
		u64 rip;
		u32 at, flushes; /* the offset; how often the cache had been flushed */
		u32 resume_at;   /* the boundary before it */
		u8 spilled;
		bool precise, shadow; /* there is a way back; to an instruction in an interrupt shadow */
		bool usual;           /* there is, and nothing to be done but to go it */
	} known[BT_KNOWN_POINTS];
};

static inline struct bt *bt_of(struct vcpu *v)
{
	return v->cpu_private;
}

/* ---- fetch.c ---- */

/* The translation of the guest's code at RIP, made now if there is none; mapped. NULL: the fetch raised a
 * fault, or the guest has ended. */
struct bt_block *bt_fetch(struct vcpu *v);
/*
 * The same for the one instruction at RIP, which is `i`. Its page is not traced: a traced one could not be
 * written by its own code. So the block has to be killed after it has run.
 */
struct bt_block *bt_fetch_one(struct vcpu *v, const struct insn *i);
/* What translation has cost, a line on the console. */
void bt_report(struct vcpu *v);
bool bt_has_breakpoints(const struct vcpu *v);
/* Is there an instruction breakpoint of the guest's? */
bool bt_is_breakpoint(const struct vcpu *v, u64 rip, u64 *dr6);

/* The guest may go on at `rip` (BT_NOWHERE: nowhere), which is `at` in the cache until something becomes
 * void.
 */
static inline void bt_resume(struct bt *b, u64 rip, u32 at)
{
	b->resume_rip = rip;
	b->resume_at = at;
	b->resume_generation = b->cache.generation;
}

/* ---- precise.c ---- */

/* Where in the cache the CPU was. False: nowhere. */
static inline bool bt_offset_of(const struct vcpu *v, u32 *at)
{
	const struct bt_cache *c = &((const struct bt *)v->cpu_private)->cache;
	u64 offset = v->rip - c->window;

	*at = (u32)offset;
	return offset < c->used;
}

/* Registers that the translation has saved are the guest's again. */
COLD void bt_restore(struct vcpu *v, unsigned spilled);
/* Behind the copy of an instruction that has stored x87 state: the guest's own address gets into the image.
 */
COLD void bt_mend_x87(struct vcpu *v, const struct bt_exit *e);
/* Ends the guest, from wherever it left the cache. */
COLD void bt_end(struct vcpu *v, const char *why);
/* The guest's kernel is where no translation leads: it ends. */
void bt_left_cache(struct vcpu *v);
/* The guest has come to a point: does STI or MOV SS before it hold interrupts off? */
bool bt_in_shadow(struct vcpu *v, const struct bt_point *p, u32 at);
/*
 * The guest before the instruction that the CPU is in. False: that is not possible, and the guest has ended.
 * The registers in the vcpu must be those of the exit.
 */
bool bt_recover(struct vcpu *v);

/* The guest at the UD2 of an exit, or of the miss stub, which have a state of their own. */
static inline void bt_recover_exit(struct vcpu *v, const struct bt_exit *e)
{
	unsigned spilled = e ? e->spilled : BT_SPILL_MASK(BT_SPILL_RCX) | BT_SPILL_MASK(BT_SPILL_RDX);

	v->rip = e ? e->rip : v->gpr[GPR_RCX];
	if (spilled)
		bt_restore(v, spilled);
}

/* ---- exits.c ---- */

enum bt_next {
	BT_LEAVE, /* the exit is answered, or for the caller of run */
	BT_GO_ON, /* the guest goes on, and nobody has anything else to do for it */
};
/* Answers an exit from the cache. */
enum bt_next bt_left(struct vcpu *v, struct vmexit *exit);
/*
 * The CPU was stopped anywhere: by an interrupt, a watchpoint, a single step. It goes on step by step to the
 * next boundary. False: an exit of another kind came on the way, which is the one to deal with now; or the
 * guest has ended. What watchpoints report on the way is kept.
 */
bool bt_to_boundary(struct vcpu *v);

/* ---- prepare.c ---- */

/* Does the guest go on where it left the cache? */
static inline bool bt_can_resume(const struct vcpu *v, const struct bt *b)
{
	return v->rip == b->resume_rip && b->resume_generation == b->cache.generation;
}

/*
 * Finds where in the cache the guest's kernel goes on, `at`, in all that makes it unusual. False: there is
 * something to be done first, or it has been done. `waits`: an event waits for its window.
 */
COLD bool bt_prepare(struct vcpu *v, struct vmexit *exit, bool waits, u32 *at);
/* The guest's user code came to an exit. */
COLD void bt_left_user(struct vcpu *v, struct vmexit *exit);

/* ---- engine.c ---- */

/* From an offset of the cache until the CPU comes back, in the cache or in the guest's user code. `watch`:
 * what opens the window for an event comes to the monitor. */
void bt_enter_at(struct vcpu *v, u32 at, bool watch);
/* After a run in which the level may have changed (level.h): what translated code may have changed. */
COLD void bt_store_state(struct vcpu *v);

#endif
