// SPDX-License-Identifier: MIT
/*
 * The translator: a block of the guest's instructions to a block of the cache.
 *
 * Each instruction is one of four kinds. Most are copied (copy.c). Jumps, calls and returns are replaced by
 * what does the same among translations (jump.c). The sensitive ones, which ring 3 would do wrongly or not at
 * all, are done in the cache (inline.c) or left to the monitor: a call-out. Privileged instructions that
 * nobody knows here are copied as well: they fault, precisely.
 *
 * A block ends at the first instruction that never goes on behind itself. A conditional jump does not end it:
 * the way on is translated along, and only what is jumped to is a block of its own.
 *
 * Nothing here knows a machine or a vcpu. What it does depends on the bytes, RIP and the flavour alone.
 *
 * Left out: near branches with prefix 66 (as Intel's CPUs have them: the prefix is ignored).
 */
#include "emit.h"
#include "x86/effects.h"
#include "lib/string.h"

/* ---- kinds of instructions ---- */

#define OPCODE_GROUP_15 0xae /* behind 0F */
#define MODRM_REG_6     0x30

/* Does the guest go on elsewhere when the monitor has emulated it? */
static bool transfers_control(const struct insn *i)
{
	return insn_class(i) == INSN_TRANSFER || i->op == OP_SYSRET || i->op == OP_SYSEXIT;
}

/* TPAUSE, UMONITOR, UMWAIT; the decoder has no name for them. */
static bool is_user_wait(const struct insn *i)
{
	return i->op == OP_OTHER && i->opcode == OPCODE_GROUP_15 && !i->vex && i->map == 1 && !i->memory &&
	       (i->modrm & MODRM_REG) == MODRM_REG_6;
}

/*
 * Of the instructions that read the TSC and its like, RDTSC is harmless: it traps when the monitor wants it
 * to (CR4.TSD). RDTSCP and RDPID read an MSR that is the machine's, and RDPMC always traps.
 *
 * What the guest's CPUID hides is no instruction (#UD), whatever this CPU has and makes of it in ring 3: a
 * #GP, or an answer that is the machine's own (RDPRU, TPAUSE, ENCLU). Those alone are copied that a bit of
 * CR4 or XCR0 turns off (RDFSBASE, RDPKRU, RDSSP), and those that say nothing of the machine (SERIALIZE,
 * XTEST, PTWRITE).
 */
bool bt_is_harmless(const struct insn *i)
{
	switch ((enum insn_op)i->op) {
	case OP_CLI:
	case OP_STI:
	case OP_PUSHF:
	case OP_POPF:
	case OP_HLT:
	case OP_CPUID:
	case OP_RDTSCP:
	case OP_RDPID:
	case OP_RDPRU:
	case OP_RDPMC:
	case OP_RDMSR:
	case OP_WRMSR:
	case OP_IN:
	case OP_OUT:
	case OP_INS:
	case OP_OUTS:
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
	case OP_CLTS:
	case OP_LMSW:
	case OP_SMSW:
	case OP_LGDT:
	case OP_LIDT:
	case OP_SGDT:
	case OP_SIDT:
	case OP_LLDT:
	case OP_SLDT:
	case OP_LTR:
	case OP_STR:
	case OP_LAR:
	case OP_LSL:
	case OP_VERR:
	case OP_VERW:
	case OP_MOV_FROM_SEG:
	case OP_MOV_TO_SEG:
	case OP_PUSH_SEG:
	case OP_POP_SEG:
	case OP_LOAD_FAR_POINTER:
	case OP_INVLPG:
	case OP_INVPCID:
	case OP_INVD:
	case OP_WBINVD:
	case OP_SWAPGS:
	case OP_XSETBV:
	case OP_MONITOR:
	case OP_MWAIT:
	case OP_VMCALL:
	case OP_VMMCALL:
	case OP_VMX_OTHER:
	case OP_SVM_OTHER:
	case OP_SYSTEM:
	case OP_XBEGIN: /* names a place to go on in case of an abort */
		return false;
	default:
		return !transfers_control(i) && !is_user_wait(i);
	}
}

/* ---- the limits of a block ---- */

static u32 source_size(const struct bt_source *s)
{
	return MIN(s->size, BT_BLOCK_BYTES);
}

static enum decode_result decode(const struct bt_source *s, u64 rip, struct insn *i)
{
	u64 offset = rip - s->rip;

	return insn_decode(i, s->bytes + offset, source_size(s) - offset, DECODE_64);
}

static bool is_stop(const struct bt_source *s, u64 rip)
{
	for (unsigned n = 0; n < s->stops; n++)
		if (s->stop[n] == rip)
			return true;
	return false;
}

/* Is there room for instruction number n of the block, at rip? */
static bool has_room(const struct bt_source *s, u64 rip, unsigned n)
{
	return n < BT_BLOCK_INSNS && rip - s->rip < source_size(s) && !is_stop(s, rip);
}

/*
 * Is STI here, done in the cache, and nothing will follow? The shadow belongs to the point behind it. It must
 * not end up in a block that others come to as well. What follows must not be an STI of that kind either.
 */
static bool is_last_sti(const struct emit *e)
{
	const struct bt_source *s = e->source;
	struct insn i = e->i;
	u64 rip = e->rip;

	if (e->c->flavour != BT_FAST)
		return false;
	for (unsigned n = e->b->guest_insns + 1U; i.op == OP_STI; n++) {
		enum decode_result result;

		rip += i.length;
		if (!has_room(s, rip, n))
			return true;
		result = decode(s, rip, &i);
		if (result != DECODE_OK)
			return s->more && result == DECODE_TRUNCATED;
	}
	return false;
}

/* ---- from instruction to instruction ---- */

static void call_out(struct emit *e)
{
	e->ends = transfers_control(&e->i);
	emit_callout(e);
}

static void copy(struct emit *e)
{
	struct bt_x87_image image;

	copy_insn(e);
	if (!e->ends && bt_x87_image(&e->i, &image))
		emit_stored(e);
}

static void translate_insn(struct emit *e)
{
	e->shadow = false;
	if (jump_translate(e))
		return;
	if (bt_is_harmless(&e->i))
		copy(e);
	else if (e->c->flavour == BT_CAREFUL || is_last_sti(e) || !inline_insn(e))
		call_out(e);
	else
		e->shadow = e->i.op == OP_STI;
}

/* What makes it invalid may be any of the bytes that an instruction can have: the block depends on them. */
static u32 translate_invalid(struct emit *e, enum decode_result result)
{
	u32 left = source_size(e->source) - (u32)(e->rip - e->source->rip);

	emit_invalid(e, result);
	e->ends = true;
	return MIN(left, INSN_MAX_LENGTH);
}

/* Decodes what is at rip. False: it is not for this block, which goes on there by a chain. */
static bool decode_next(struct emit *e, enum decode_result *result)
{
	const struct bt_source *s = e->source;
	bool first = e->b->guest_insns == 0;

	if (!first && !has_room(s, e->rip, e->b->guest_insns))
		return false;
	*result = decode(s, e->rip, &e->i);
	e->bytes = s->bytes + (e->rip - s->rip);
	e->next_rip = e->rip + e->i.length;
	if (first)
		return true;
	return !(*result == DECODE_TRUNCATED && s->more) && !(*result == DECODE_OK && is_last_sti(e));
}

static void translate_next(struct emit *e)
{
	enum decode_result result;
	u32 length;

	emit_point(e, EMIT_BOUNDARY, 0);
	if (!decode_next(e, &result)) {
		emit_chain(e, e->rip);
		e->ends = true;
		return;
	}
	length = e->i.length;
	if (result == DECODE_OK)
		translate_insn(e);
	else
		length = translate_invalid(e, result);
	e->b->guest_bytes += (u16)length;
	e->b->guest_insns++;
	e->rip = e->next_rip;
}

struct bt_block *bt_translate(struct bt_cache *c, const struct bt_source *source)
{
	struct emit e;

	if (c->blocks == c->max_blocks)
		return NULL;
	emit_begin(&e, c, source);
	jump_emit_checked_entry(&e);
	while (!e.ends && !e.full)
		translate_next(&e);
	return emit_end(&e) ? e.b : NULL;
}

void bt_translate_stubs(struct bt_cache *c)
{
	static const u8 miss[] = {OPCODE_UD2, 0, 0, 0, 0, 0, 0};

	memcpy(c->code + BT_MISS_STUB, miss, sizeof(miss));
	c->used = BT_MISS_STUB + sizeof(miss);
}
