// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "monitor.h"
#include "vmm/vcpu.h"
#include "x86/effects.h"

#define PUSHFQ        0x9c
#define MAX_COMMITTED 40 /* native instructions of a translation behind its first change */
#define ARITHMETIC    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF)

u32 monitor_random;
char monitor_error[256];

static bool PRINTF(1, 2) fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!monitor_error[0])
		vsnprintf(monitor_error, sizeof(monitor_error), fmt, ap);
	va_end(ap);
	return false;
}

static u32 next_random(u32 below)
{
	monitor_random = monitor_random * 1664525 + 1013904223;
	return (monitor_random >> 8) % below;
}

/* In a student's workspace the translator has such a sentence for what is not written. */
const char *exercise_sentence(const char *exercise, const char *file, const char *function)
{
	static char sentence[160];

	snprintf(sentence, sizeof(sentence), "exercise %s is yours to write (%s: %s)", exercise, file,
		 function);
	return sentence;
}

/* ---- blocks ---- */

static struct bt_block *translate(struct bt_source *s)
{
	u64 end = ALIGN_DOWN(s->rip, GUEST_CODE_SIZE) + GUEST_CODE_SIZE;

	s->bytes = (const u8 *)s->rip;
	s->size = s->size ? s->size : (u32)MIN(end - s->rip, BT_BLOCK_BYTES);
	s->more = true;
	return bt_translate(&runner_cache, s);
}

struct bt_block *monitor_block(u64 rip)
{
	struct bt_source s = {.rip = rip};

	for (u32 n = 0; n < runner_cache.blocks; n++)
		if (runner_cache.block[n].rip == rip)
			return &runner_cache.block[n];
	if (monitor_random && next_random(2))
		s.size = INSN_MAX_LENGTH + next_random(100);
	if (monitor_random && next_random(2))
		s.stop[s.stops++] = rip + next_random(60);
	return translate(&s);
}

struct bt_block *monitor_block_of_one(u64 rip)
{
	struct bt_source s = {.rip = rip};
	struct guest g = {.cpu.rip = rip};
	struct insn i;

	reference_decode(&g, &i);
	s.stop[s.stops++] = rip + i.length;
	return translate(&s);
}

const struct bt_point *monitor_point(u32 at, const struct bt_block **block)
{
	const struct bt_point *found = NULL;

	for (u32 n = 0; n < runner_cache.blocks; n++) {
		const struct bt_block *b = &runner_cache.block[n];

		if (at < b->checked || at >= b->end)
			continue;
		*block = b;
		for (u32 k = b->first_point; k < b->first_point + b->points; k++)
			if (runner_cache.point[k].at <= at)
				found = &runner_cache.point[k];
	}
	return found;
}

struct bt_exit *monitor_exit(u32 at)
{
	u32 n;

	memcpy(&n, runner_cache.code + at + BT_EXIT_BYTES - sizeof(n), sizeof(n));
	return n < runner_cache.exits && runner_cache.exit[n].at == at ? &runner_cache.exit[n] : NULL;
}

/* ---- back to the guest's state ---- */

static void restore(struct guest *g, unsigned spilled)
{
	const struct bt_state *s = runner_cache.state;
	u64 rax = g->cpu.gpr[GPR_RAX];

	if (spilled & BT_FLAGS_SAVED)
		g->cpu.rflags = (g->cpu.rflags & ~(u64)(ARITHMETIC | RFLAGS_OF)) | (rax >> 8 & ARITHMETIC) |
				(rax & 1 ? RFLAGS_OF : 0);
	for (unsigned n = 0; n < BT_SPILLS; n++)
		if (spilled & BT_SPILL_MASK(n))
			g->cpu.gpr[bt_spill_gpr[n]] = s->spill[n];
	g->vif = s->vif;
	g->cr8 = s->cr8;
}

static void recover_exit(struct guest *g, const struct bt_exit *e)
{
	g->cpu.rip = e ? e->rip : g->cpu.gpr[GPR_RCX];
	restore(g, e ? e->spilled : BT_SPILL_MASK(BT_SPILL_RCX) | BT_SPILL_MASK(BT_SPILL_RDX));
}

bool monitor_recover(struct guest *g, u32 at)
{
	const struct bt_block *b;
	const struct bt_point *p = monitor_point(at, &b);

	if (!p || p->committed)
		return false;
	g->cpu.rip = b->rip + p->guest;
	restore(g, p->spilled);
	return true;
}

/* ---- at full speed ---- */

static void enter_table(const struct bt_block *b)
{
	if (!monitor_random || next_random(2))
		runner_cache.table[b->rip % BT_TABLE_COUNT] = runner_cache.window + b->checked;
}

/* Where to go on after an exit. 0: the program has ended, or something is wrong. */
static u32 serve(struct guest *g, struct bt_exit *e)
{
	struct bt_block *b;

	if (runner_cache.missing)
		return fail("%s", runner_cache.missing);
	if (!e || e->kind == BT_EXIT_CHAIN) {
		b = monitor_block(g->cpu.rip);
		if (!b)
			return 0;
		if (e)
			bt_patch(&runner_cache, e, b);
		else
			enter_table(b);
		return b->code;
	}
	if (e->kind == BT_EXIT_STORED)
		return e->resume;
	if (e->kind != BT_EXIT_CALLOUT || reference_step(g).signal)
		return 0;
	reference_fill(g);
	if (e->resume && g->cpu.rip == e->rip + e->insn.length)
		return e->resume;
	b = monitor_block(g->cpu.rip);
	return b ? b->code : 0;
}

bool monitor_run(struct guest *g, unsigned *exits)
{
	struct bt_block *first = monitor_block(g->cpu.rip);
	u32 at = first ? first->code : 0;
	struct stop stop;

	reference_fill(g);
	for (*exits = 0; at; ++*exits) {
		struct bt_exit *e;

		g->cpu.rip = runner_cache.window + at;
		stop = runner_run(&g->cpu);
		at = (u32)(g->cpu.rip - runner_cache.window);
		e = monitor_exit(at);
		if (stop.signal != SIGILL || (!e && at != BT_MISS_STUB))
			return fail("signal %d at %x of the cache, address %llx", stop.signal, at,
				    (unsigned long long)stop.gva);
		recover_exit(g, e);
		at = serve(g, e);
		if (!at)
			return (e && e->insn.op == OP_UD) || fail("an exit that nobody can serve");
	}
	return fail("no block");
}

static bool ends_the_same(const struct trace *t, const struct guest *end)
{
	const struct state *last = &t->state[t->count - 1];
	char difference[80];

	if (!reference_same(&last->guest, end, difference, sizeof(difference)))
		return fail("%s", difference);
	return runner_same_memory(t->place, last->memory) || fail("another memory");
}

bool monitor_run_trace(const struct trace *t)
{
	unsigned exits;

	for (unsigned n = 0; n < 2; n++) { /* the second time all is chained */
		struct guest g = t->state[0].guest;

		runner_load_memory(t->place, t->state[0].memory);
		if (!monitor_run(&g, &exits) || !ends_the_same(t, &g))
			return false;
	}
	return true;
}

/* ---- step by step along a trace ---- */

struct follower {
	const struct trace *t;
	unsigned k;     /* the guest's instruction that the CPU is in */
	bool fresh;     /* it has not begun */
	unsigned steps; /* since the first change */
	struct guest g; /* as the CPU has it: RIP is in the cache */
};

static u32 offset(const struct follower *f)
{
	return (u32)(f->g.cpu.rip - runner_cache.window);
}

static bool is_state(const struct follower *f, unsigned k, const struct guest *seen, const char *where)
{
	const struct state *s = &f->t->state[k];
	char difference[80];

	if (k >= f->t->count)
		return fail("%s %x: beyond the end of the program", where, offset(f));
	if (!reference_same(&s->guest, seen, difference, sizeof(difference)))
		return fail("%s %x: not the state before instruction %u at %llx: %s", where, offset(f), k,
			    (unsigned long long)s->guest.cpu.rip, difference);
	return runner_same_memory(f->t->place, s->memory) ||
	       fail("%s %x: not the memory before instruction %u", where, offset(f), k);
}

/*
 * The CPU has executed the present instruction by itself. While somebody waits that must not be one that lets
 * him in.
 */
static bool advance(struct follower *f)
{
	const struct guest *before = &f->t->state[f->k].guest, *after = &f->t->state[f->k + 1].guest;

	if (f->fresh)
		return true;
	f->k++;
	if (f->k < f->t->count && runner_is_watched &&
	    (after->vif > before->vif || after->cr8 != before->cr8))
		return fail("instruction %u opens the window unseen", f->k - 1);
	return true;
}

static bool go_to(struct follower *f, u32 at)
{
	f->g.cpu.rip = runner_cache.window + at;
	f->fresh = true;
	f->steps = 0;
	return at != 0;
}

/* What the trace says of the present instruction, instead of executing it. */
static bool take_next(struct follower *f, u32 resume)
{
	const struct state *s = &f->t->state[++f->k];

	f->g = s->guest;
	runner_load_memory(f->t->place, s->memory);
	reference_fill(&f->g);
	return go_to(f, resume ? resume : monitor_block(s->guest.cpu.rip)->code);
}

/* A miss. The block's checked entry is as good a way to go on as its code. */
static bool follow_miss(struct follower *f)
{
	struct guest seen = f->g;
	struct bt_block *b;

	recover_exit(&seen, NULL);
	if (!advance(f) || !is_state(f, f->k, &seen, "miss"))
		return false;
	b = monitor_block(seen.cpu.rip);
	enter_table(b);
	if (next_random(2)) {
		f->g = seen;
		return go_to(f, b->code);
	}
	return go_to(f, b->checked);
}

/* The point of an exit says the same as its record, but for RIP where that is not in the block. */
static bool follow_exit(struct follower *f, struct bt_exit *e, bool *end)
{
	const struct bt_block *b;
	const struct bt_point *p = monitor_point(e->at, &b);
	struct guest seen = f->g;

	if (p->at != e->at || p->committed || p->spilled != e->spilled)
		return fail("exit %x: its point differs", e->at);
	recover_exit(&seen, e);
	if ((p->boundary && !advance(f)) || !is_state(f, f->k, &seen, "exit"))
		return false;
	if (e->kind == BT_EXIT_CHAIN) {
		bt_patch(&runner_cache, e, monitor_block(e->rip));
		f->g = seen;
		return go_to(f, monitor_block(e->rip)->code);
	}
	if (e->kind != BT_EXIT_CALLOUT || b->rip + p->guest != e->rip)
		return fail("exit of kind %u at %x", e->kind, e->at);
	*end = f->k == f->t->count - 1;
	return *end || take_next(f, e->resume);
}

/* Before the next native instruction: is what the point says true? */
static bool follow_point(struct follower *f)
{
	const struct bt_block *b;
	const struct bt_point *p = monitor_point(offset(f), &b);
	struct guest seen = f->g;

	if (!p)
		return fail("no point for %x", offset(f));
	if (p->committed)
		return ++f->steps <= MAX_COMMITTED || fail("no end at %x", offset(f));
	if (p->boundary && p->at == offset(f)) {
		if (!advance(f))
			return false;
		f->steps = 0;
	}
	if (f->steps)
		return fail("%x: the way back is open again", offset(f));
	/* The jump at the limit of a block is no instruction of the guest's. */
	f->fresh = p->guest == b->guest_bytes;
	return monitor_recover(&seen, offset(f)) && is_state(f, f->k, &seen, "point");
}

/* The store that opens the window to events was refused. */
static bool follow_watched(struct follower *f)
{
	const struct guest *after = &f->t->state[f->k + 1].guest;
	struct guest seen = f->g;
	struct insn i;

	reference_decode(&f->t->state[f->k].guest, &i);
	if (!monitor_recover(&seen, offset(f)) || !is_state(f, f->k, &seen, "watched"))
		return fail("watched store at %x in a state that cannot be taken back", offset(f));
	if (i.op != OP_MOV_TO_CR && !after->vif)
		return fail("%x: a store to the watched view that opens nothing", offset(f));
	return take_next(f, 0);
}

/* One native instruction. TF is not the guest's: an image that PUSHFQ makes must not have it. */
static bool follow_step(struct follower *f)
{
	bool pushf = runner_cache.code[offset(f)] == PUSHFQ;
	struct stop stop;

	f->g.cpu.rflags |= RFLAGS_TF;
	stop = runner_run(&f->g.cpu);
	if (stop.signal == SIGTRAP) {
		if (pushf)
			*(u64 *)f->g.cpu.gpr[GPR_RSP] &= ~(u64)RFLAGS_TF;
		return true;
	}
	if (stop.signal == SIGSEGV && stop.gva - runner_cache.window - BT_WATCHED_OFFSET < GUEST_PAGE)
		return follow_watched(f);
	return fail("signal %d at %x, address %llx", stop.signal, offset(f), (unsigned long long)stop.gva);
}

bool monitor_follow(const struct trace *t)
{
	struct follower f = {.t = t, .g = t->state[0].guest};
	bool ok, end = false;

	runner_load_memory(t->place, t->state[0].memory);
	reference_fill(&f.g);
	ok = go_to(&f, monitor_block(f.g.cpu.rip)->code);
	while (ok && !end) {
		struct bt_exit *e = monitor_exit(offset(&f));

		if (offset(&f) == BT_MISS_STUB)
			ok = follow_miss(&f);
		else if (e)
			ok = follow_exit(&f, e, &end);
		else
			ok = follow_point(&f) && follow_step(&f);
	}
	return ok;
}

/* ---- faults ---- */

/* A repeated string instruction is many steps; LOOP to itself is not. */
static void step_natively(struct guest *g, struct stop *stop)
{
	u64 rip = g->cpu.rip;
	struct insn i;

	reference_decode(g, &i);
	do
		*stop = reference_step(g);
	while (!stop->signal && g->cpu.rip == rip && insn_class(&i) != INSN_BRANCH);
}

/* The same of the translation of this one instruction, up to its fault or to where it leaves the block. */
static bool fault_translated(struct guest *g, struct stop *stop)
{
	struct bt_block *b = monitor_block_of_one(g->cpu.rip);
	struct bt_exit *e;
	u32 at;

	reference_fill(g);
	g->cpu.rip = runner_cache.window + b->code;
	*stop = runner_run(&g->cpu);
	at = (u32)(g->cpu.rip - runner_cache.window);
	if (stop->signal == SIGSEGV)
		return monitor_recover(g, at) || fail("fault at %x in a state that cannot be taken back", at);
	e = monitor_exit(at);
	if (stop->signal != SIGILL || (!e && at != BT_MISS_STUB))
		return fail("signal %d at %x", stop->signal, at);
	recover_exit(g, e);
	*stop = e && e->kind == BT_EXIT_CALLOUT ? reference_step(g) : (struct stop){0};
	return true;
}

bool monitor_fault(const struct trace *t, unsigned k, enum area a, unsigned page, int rights)
{
	struct guest own = t->state[k].guest, translated = own;
	struct stop own_stop, stop;
	u8 memory[GUEST_MEMORY];
	char difference[80];
	bool ok;

	runner_load_memory(t->place, t->state[k].memory);
	runner_protect(t->place, a, page, rights);
	step_natively(&own, &own_stop);
	runner_protect(t->place, a, page, PROT_READ | PROT_WRITE);
	runner_save_memory(t->place, memory);

	runner_load_memory(t->place, t->state[k].memory);
	runner_protect(t->place, a, page, rights);
	ok = fault_translated(&translated, &stop);
	runner_protect(t->place, a, page, PROT_READ | PROT_WRITE);
	if (!ok)
		return false;
	if (stop.signal != own_stop.signal || stop.gva != own_stop.gva || stop.write != own_stop.write)
		return fail("instruction %u: signal %d for %llx, natively %d for %llx", k, stop.signal,
			    (unsigned long long)stop.gva, own_stop.signal, (unsigned long long)own_stop.gva);
	if (!reference_same(&own, &translated, difference, sizeof(difference)))
		return fail("instruction %u, signal %d: %s", k, stop.signal, difference);
	return runner_same_memory(t->place, memory) ||
	       fail("instruction %u, signal %d: memory", k, stop.signal);
}
