// SPDX-License-Identifier: MIT
#include <string.h>

#include "monitor.h"
#include "structure.h"
#include "x86/effects.h"

static const char *problem;

static bool fail(const char *what)
{
	problem = what;
	return false;
}

/* ---- the code ---- */

/*
 * Of the sensitive instructions only PUSHFQ and POPFQ are in translations, and those that trap when they
 * must; RET and its like would go to a guest address. Who says what is sensitive is the decoder, not the
 * translator.
 */
static bool is_allowed(const struct insn *i)
{
	switch (i->op) {
	case OP_PUSHF:
	case OP_POPF:
	case OP_UD:
	case OP_RDTSC:
	case OP_XGETBV:
	case OP_RDFSGSBASE:
	case OP_WRFSGSBASE:
		return true;
	case OP_CALL:
	case OP_CALL_INDIRECT:
	case OP_RET:
		return fail("a call or return");
	case OP_JMP_INDIRECT: /* by the table: jmp *(, %rdx, 8) */
		return (i->memory && i->base == INSN_NO_REG && i->index == GPR_RDX && i->disp == 0) ||
		       fail("a jump to where the guest wants");
	}
	return (insn_class(i) != INSN_SENSITIVE && insn_class(i) != INSN_TRANSFER && i->op != OP_XBEGIN) ||
	       fail("a sensitive instruction");
}

static bool is_inside(const struct bt_block *b, u32 at)
{
	return at >= b->checked && at < b->end;
}

/* A direct jump leads to this block, or to the miss stub. Other RIP-relative operands lead to the state page
 * or to the literals. */
static bool leads_home(const struct bt_block *b, u32 at, const struct insn *i)
{
	u32 to = at + i->length + (u32)(i->rip_relative ? i->disp : i->imm);

	if (i->op == OP_JMP || i->op == OP_JCC || i->op == OP_LOOP)
		return is_inside(b, to) || to == BT_MISS_STUB || fail("a jump out of the block");
	if (!i->rip_relative)
		return true;
	if (to >= BT_STATE_OFFSET && to - BT_STATE_OFFSET < sizeof(struct bt_state))
		return true;
	if (to >= BT_WATCHED_OFFSET && to - BT_WATCHED_OFFSET < sizeof(struct bt_state))
		return true;
	return is_inside(b, to) || fail("an operand outside of the window");
}

/* Code ends with an exit or with the jump by the table, whatever comes last; literals of 8 bytes may follow.
 */
static bool is_last(const struct bt_block *b, u32 behind, const struct bt_exit *e, const struct insn *i)
{
	for (u32 n = b->first_exit; n < b->first_exit + b->exits; n++)
		if (runner_cache.exit[n].at >= behind)
			return false;
	return e ? e->resume != behind : i->op == OP_JMP_INDIRECT;
}

/* Notes where instructions start. */
static bool check_code(const struct bt_block *b, u8 *starts)
{
	const struct bt_exit *e;
	u32 at = b->checked;
	struct insn i;

	do {
		starts[at - b->checked] = 1;
		e = monitor_exit(at);
		if (insn_decode(&i, runner_cache.code + at, b->end - at, DECODE_64) != DECODE_OK)
			return fail("no code");
		if (!e && (!is_allowed(&i) || !leads_home(b, at, &i)))
			return false;
		at += e ? BT_EXIT_BYTES : i.length;
	} while (!is_last(b, at, e, &i));
	at = (u32)ALIGN_UP(at, sizeof(u64));
	return (at <= b->end && (b->end - at) % sizeof(u64) == 0) || fail("something behind the end");
}

/* ---- points and exits ---- */

static bool check_points(const struct bt_block *b, const u8 *starts)
{
	const struct bt_point *p = &runner_cache.point[b->first_point];

	if (p[0].at != b->checked || b->first_point + b->points != runner_cache.points)
		return fail("the first point");
	for (u32 n = 0; n < b->points; n++) {
		if (!is_inside(b, p[n].at) || !starts[p[n].at - b->checked])
			return fail("a point inside an instruction");
		if (n && p[n].at <= p[n - 1].at)
			return fail("points out of order");
		if (p[n].guest > b->guest_bytes || (p[n].boundary && (p[n].committed || p[n].spilled)))
			return fail("a point that contradicts itself");
		if (p[n].shadow && p[n].guest == b->guest_bytes)
			return fail("an interrupt shadow that the block leaves");
	}
	return true;
}

static bool check_exits(const struct bt_block *b, const u8 *starts)
{
	for (u32 n = b->first_exit; n < b->first_exit + b->exits; n++) {
		const struct bt_exit *e = &runner_cache.exit[n];
		const struct bt_block *of;

		if (!is_inside(b, e->at) || !starts[e->at - b->checked] || monitor_exit(e->at) != e)
			return fail("an exit that is none");
		if (&runner_cache.block[e->block] != b || !monitor_point(e->at, &of) || of != b)
			return fail("an exit of another block");
		if (e->kind == BT_EXIT_CHAIN ? !is_inside(b, e->jump) : e->rip - b->rip > b->guest_bytes)
			return fail("an exit somewhere else");
		if (e->resume && !starts[e->resume - b->checked])
			return fail("an exit that goes on inside an instruction");
	}
	return b->first_exit + b->exits == runner_cache.exits || fail("exits of nobody");
}

static bool check_block(const struct bt_block *b, const struct bt_source *s)
{
	static u8 starts[BT_CODE_BYTES];

	if (b->guest_insns < 1 || b->guest_insns > BT_BLOCK_INSNS ||
	    b->guest_bytes > MIN(s->size, BT_BLOCK_BYTES))
		return fail("the size of the block");
	if (b->rip != s->rip || b->checked >= b->code || b->code >= b->end || b->end != runner_cache.used)
		return fail("the place of the block");
	memset(starts, 0, b->end - b->checked + sizeof(u64));
	return check_code(b, starts) && check_points(b, starts) && check_exits(b, starts);
}

const char *structure_problem(const struct bt_block *b, const struct bt_source *s)
{
	problem = NULL;
	if (!b)
		return "no block";
	return check_block(b, s) ? NULL : problem;
}
