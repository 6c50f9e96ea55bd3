// SPDX-License-Identifier: MIT
/*
 * Code into the cache: bytes, the few instructions that translations are made of, and what belongs to a
 * block beside its code: points (which guest instruction an address belongs to) and exits (where a block
 * calls the monitor).
 *
 * A block, in the order of addresses:
 *
 *   checked entry     for indirect jumps, falls through
 *   code
 *   exits             what the code jumps to when it has to leave: UD2 and a number each
 *   literals          64-bit numbers that no immediate holds, for PUSH
 *
 * So nothing that runs often stands between two instructions that run often.
 *
 * Source: SDM vol. 2A, 2.1 "Instruction Format for Protected Mode, Real-Address Mode, and Virtual-8086
 * Mode", 2.2.1 "REX Prefixes"; vol. 2, the page of each instruction.
 */
#include "emit.h"
#include "lib/string.h"

/* ---- bytes ---- */

void emit_bytes(struct emit *e, const u8 *bytes, unsigned count)
{
	if (e->at + count > e->c->size) {
		e->full = true;
		return;
	}
	memcpy(e->c->code + e->at, bytes, count);
	e->at += count;
}

void emit_u32(struct emit *e, u32 value)
{
	emit_bytes(e, (const u8 *)&value, sizeof(value));
}

void emit_u64(struct emit *e, u64 value)
{
	emit_bytes(e, (const u8 *)&value, sizeof(value));
}

/* ---- instructions ---- */

void emit_window(struct emit *e, u32 offset, unsigned behind)
{
	emit_u32(e, offset - (e->at + (u32)sizeof(u32) + behind));
}

void emit_store(struct emit *e, unsigned reg, u32 field)
{
	EMIT(e, EMIT_REX_WRB(reg, 0), 0x89, EMIT_MODRM(reg, MODRM_RIP));
	emit_window(e, field, 0);
}

void emit_load(struct emit *e, unsigned reg, u32 field)
{
	EMIT(e, EMIT_REX_WRB(reg, 0), 0x8b, EMIT_MODRM(reg, MODRM_RIP));
	emit_window(e, field, 0);
}

const u8 bt_spill_gpr[BT_SPILLS] = {
	[BT_SPILL_RAX] = GPR_RAX,
	[BT_SPILL_RCX] = GPR_RCX,
	[BT_SPILL_RDX] = GPR_RDX,
	[BT_SPILL_RSI] = GPR_RSI,
};

void emit_spill(struct emit *e, enum bt_spill s)
{
	emit_store(e, bt_spill_gpr[s], EMIT_STATE(spill) + s * (u32)sizeof(u64));
}

void emit_unspill(struct emit *e, enum bt_spill s)
{
	emit_load(e, bt_spill_gpr[s], EMIT_STATE(spill) + s * (u32)sizeof(u64));
}

/* The shortest of mov imm32 (zero-extended), mov imm32 (sign-extended) and mov imm64. */
void emit_load_imm(struct emit *e, unsigned reg, u64 value)
{
	if (value == (u32)value) {
		if (reg >= 8)
			EMIT(e, EMIT_REX | INSN_REX_B);
		EMIT(e, (u8)(0xb8 | (reg & 7)));
		emit_u32(e, (u32)value);
	} else if (emit_fits(value)) {
		EMIT(e, EMIT_REX_WRB(0, reg), 0xc7, EMIT_REGS(0, reg));
		emit_u32(e, (u32)value);
	} else {
		EMIT(e, EMIT_REX_WRB(0, reg), (u8)(0xb8 | (reg & 7)));
		emit_u64(e, value);
	}
}

static void add_fixup(struct emit *e, bool literal, u64 value)
{
	if (e->fixups < EMIT_FIXUPS)
		e->fixup[e->fixups++] = (struct emit_fixup){.at = e->at, .literal = literal, .value = value};
	else
		e->full = true;
	emit_u32(e, 0);
}

void emit_push_imm(struct emit *e, u64 value)
{
	if (emit_fits(value)) {
		EMIT(e, 0x68);
		emit_u32(e, (u32)value);
	} else {
		EMIT(e, 0xff, EMIT_MODRM(6, MODRM_RIP));
		add_fixup(e, true, value);
	}
}

u32 emit_jump8(struct emit *e, u8 opcode)
{
	EMIT(e, opcode, 0);
	return e->at;
}

void emit_land8(struct emit *e, u32 jump)
{
	if (!e->full)
		e->c->code[jump - 1] = (u8)(e->at - jump);
}

/* ---- points ---- */

static void add_point(struct emit *e, const struct bt_point *p)
{
	struct bt_cache *c = e->c;

	if (c->points == c->max_points) {
		e->full = true;
		return;
	}
	c->point[c->points++] = *p;
	e->b->points++;
}

void emit_point(struct emit *e, enum emit_point kind, unsigned spilled)
{
	add_point(e, &(struct bt_point){.at = e->at,
					.guest = (u16)(e->rip - e->b->rip),
					.spilled = (u8)spilled,
					.boundary = kind == EMIT_BOUNDARY,
					.committed = kind == EMIT_COMMITTED,
					.shadow = kind == EMIT_BOUNDARY && e->shadow});
}

/* ---- exits ---- */

/* Its UD2 has no place yet: emit_end() gives it one, unless it gets one before. */
static struct bt_exit *add_exit(struct emit *e, enum bt_exit_kind kind, u64 rip)
{
	struct bt_cache *c = e->c;
	struct bt_exit *exit = &e->nowhere;

	if (c->exits == c->max_exits) {
		e->full = true;
	} else {
		exit = &c->exit[c->exits++];
		e->b->exits++;
	}
	*exit = (struct bt_exit){.rip = rip, .block = (u32)(e->b - c->block), .kind = (u8)kind, .insn = e->i};
	return exit;
}

static u32 number_of(const struct emit *e, const struct bt_exit *exit)
{
	return exit == &e->nowhere ? 0 : (u32)(exit - e->c->exit);
}

static void emit_exit(struct emit *e, struct bt_exit *exit)
{
	exit->at = e->at;
	EMIT(e, OPCODE_UD2);
	emit_u32(e, number_of(e, exit));
}

void emit_callout(struct emit *e)
{
	struct bt_exit *exit = add_exit(e, BT_EXIT_CALLOUT, e->rip);

	emit_exit(e, exit);
	if (!e->ends)
		exit->resume = e->at;
}

void emit_stored(struct emit *e)
{
	struct bt_exit *exit = add_exit(e, BT_EXIT_STORED, e->next_rip);

	emit_point(e, EMIT_COMMITTED, 0);
	emit_exit(e, exit);
	exit->resume = e->at;
}

void emit_invalid(struct emit *e, enum decode_result result)
{
	struct bt_exit *exit = add_exit(e, BT_EXIT_INVALID, e->rip);

	exit->result = (u8)result;
	emit_exit(e, exit);
}

void emit_missing(struct emit *e, const char *sentence)
{
	bt_missing(e->c, sentence);
	emit_invalid(e, DECODE_INVALID);
	e->ends = true;
}

void emit_chain(struct emit *e, u64 rip)
{
	struct bt_exit *exit = add_exit(e, BT_EXIT_CHAIN, rip);

	EMIT(e, OPCODE_JMP);
	exit->jump = e->at;
	emit_u32(e, 0);
}

void emit_chain_if(struct emit *e, unsigned cond, u64 rip)
{
	struct bt_exit *exit = add_exit(e, BT_EXIT_CHAIN, rip);

	EMIT(e, 0x0f, (u8)(OPCODE_JCC | cond));
	exit->jump = e->at;
	emit_u32(e, 0);
}

struct bt_exit *emit_way_out(struct emit *e, unsigned spilled)
{
	struct bt_exit *exit = add_exit(e, BT_EXIT_CALLOUT, e->rip);

	exit->spilled = (u8)spilled;
	return exit;
}

void emit_out(struct emit *e, const struct bt_exit *exit)
{
	EMIT(e, OPCODE_JMP);
	add_fixup(e, false, number_of(e, exit));
}

void emit_out_if(struct emit *e, unsigned cond, const struct bt_exit *exit)
{
	EMIT(e, 0x0f, (u8)(OPCODE_JCC | cond));
	add_fixup(e, false, number_of(e, exit));
}

/* ---- the end of a block ---- */

static void write_rel32(struct bt_cache *c, u32 at, u32 to)
{
	u32 distance = to - (at + (u32)sizeof(distance));

	memcpy(c->code + at, &distance, sizeof(distance));
}

void bt_patch(struct bt_cache *c, struct bt_exit *e, const struct bt_block *to)
{
	write_rel32(c, e->jump, to ? to->code : e->at);
}

/* An exit behind the code. That of a chain stands between two instructions; its record says of what RIP. */
static void emit_late_exit(struct emit *e, struct bt_exit *exit)
{
	bool chain = exit->kind == BT_EXIT_CHAIN;
	u64 rip = chain ? e->b->rip + e->b->guest_bytes : exit->rip;

	add_point(e, &(struct bt_point){.at = e->at,
					.guest = (u16)(rip - e->b->rip),
					.spilled = exit->spilled,
					.boundary = chain});
	emit_exit(e, exit);
	if (chain && !e->full)
		bt_patch(e->c, exit, NULL);
}

static void emit_late_exits(struct emit *e)
{
	for (u32 n = 0; n < e->b->exits; n++)
		if (!e->c->exit[e->b->first_exit + n].at)
			emit_late_exit(e, &e->c->exit[e->b->first_exit + n]);
}

static void resolve_fixups(struct emit *e)
{
	while (e->at % sizeof(u64) && !e->full)
		EMIT(e, 0);
	for (unsigned n = 0; n < e->fixups && !e->full; n++) {
		const struct emit_fixup *f = &e->fixup[n];

		write_rel32(e->c, f->at, f->literal ? e->at : e->c->exit[f->value].at);
		if (f->literal)
			emit_u64(e, f->value);
	}
}

void emit_begin(struct emit *e, struct bt_cache *c, const struct bt_source *source)
{
	e->c = c;
	e->b = &c->block[c->blocks];
	e->source = source;
	e->at = c->used;
	e->full = false;
	e->rip = source->rip;
	e->shadow = false;
	e->ends = false;
	e->fixups = 0;
	*e->b = (struct bt_block){.rip = source->rip, .first_point = c->points, .first_exit = c->exits};
}

bool emit_end(struct emit *e)
{
	struct bt_cache *c = e->c;
	struct bt_block *b = e->b;

	emit_late_exits(e);
	resolve_fixups(e);
	if (e->full) {
		c->points = b->first_point;
		c->exits = b->first_exit;
		return false;
	}
	b->end = e->at;
	c->blocks++;
	c->used = b->end;
	c->translated_insns += b->guest_insns;
	c->translated_bytes += b->guest_bytes;
	c->code_bytes += b->end - b->checked;
	return true;
}
