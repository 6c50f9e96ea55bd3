// SPDX-License-Identifier: MIT
/*
 * Jumps, calls and returns.
 *
 * Where a direct jump leads is known now. It becomes a jump to an exit, and the monitor patches it to the
 * block of its destination once there is one (bt_patch()): a chain. A conditional jump does not end its
 * block.
 *
 * Where an indirect jump leads is known only when it runs, and it is a guest address. It goes through a
 * table, by the low 16 bits of the destination, to the checked entry of a block, which sees whether it is
 * that block's address. Neither touches the flags, which are the guest's: MOV, LEA and JRCXZ are all that is
 * used.
 *
 * A return address on the guest's stack is the guest's, so CALL is a PUSH of a constant and a jump.
 *
 * Source: SDM vol. 2A, "CALL", "JMP", "LEA", "Jcc"; vol. 2B, "LOOP/LOOPcc", "RET". With prefix 66 near
 * branches are as on Intel's CPUs, which ignore it in 64-bit mode.
 *
 * Left out: the #GP of a destination that is not canonical. The monitor sees it at the destination, not at
 * the jump.
 */
#include "emit.h"

#define SPILLED_RCX_RDX (BT_SPILL_MASK(BT_SPILL_RCX) | BT_SPILL_MASK(BT_SPILL_RDX))

/* ---- direct ---- */

static u64 destination(const struct emit *e)
{
	return e->next_rip + (u64)e->i.imm;
}

/* A chain, and the block goes on nowhere. */
static void translate_jmp(struct emit *e)
{
	/* SOLUTION E1.6 { stub: (void)destination; emit_missing(e, sentence); */
	emit_chain(e, destination(e));
	e->ends = true;
	/* } SOLUTION E1.6 */
}

/* A chain on one condition; the block goes on. */
static void translate_jcc(struct emit *e)
{
	/* SOLUTION E1.6 { stub: emit_missing(e, sentence); */
	emit_chain_if(e, e->i.cond, destination(e));
	/* } SOLUTION E1.6 */
}

/* The guest's return address, then as a jump. From behind the push there is no way back. */
static void translate_call(struct emit *e)
{
	/* SOLUTION E1.6 { stub: emit_missing(e, sentence); */
	emit_push_imm(e, e->next_rip);
	emit_point(e, EMIT_COMMITTED, 0);
	emit_chain(e, destination(e));
	e->ends = true;
	/* } SOLUTION E1.6 */
}

/*
 * LOOP, LOOPE, LOOPNE and JRCXZ have no form with 32 bits: around a jump that has. The address size says
 * whether RCX or ECX counts. RCX has been counted down after the first.
 */
static void translate_loop(struct emit *e)
{
	/* SOLUTION E1.6 { stub: emit_missing(e, sentence); */
	u32 taken, not_taken;

	if (e->i.asize)
		EMIT(e, PREFIX_ASIZE);
	taken = emit_jump8(e, e->i.opcode);
	emit_point(e, EMIT_COMMITTED, 0);
	not_taken = emit_jump8(e, OPCODE_JMP8);
	emit_land8(e, taken);
	emit_chain(e, destination(e));
	emit_land8(e, not_taken);
	/* } SOLUTION E1.6 */
}

/* ---- indirect ---- */

/*
 * The table is aligned to its size, so its address divided by the 8 bytes of an entry has 16 bits of zeros:
 * with the low 16 bits of the destination there, scaled by 8, it is the address of the entry.
 */
_Static_assert(BT_TABLE_OFFSET % (BT_TABLE_COUNT * sizeof(u64)) == 0, "alignment of the table");

void jump_emit_lookup(struct emit *e)
{
	/* SOLUTION E1.7 { stub: emit_missing(e, sentence); */
	emit_point(e, EMIT_COMMITTED, SPILLED_RCX_RDX);
	emit_load_imm(e, GPR_RDX, (e->c->window + BT_TABLE_OFFSET) / sizeof(u64));
	EMIT(e, 0x66, 0x89, EMIT_REGS(GPR_RCX, GPR_RDX)); /* mov %cx, %dx */
	EMIT(e, 0xff, EMIT_MODRM(4, MODRM_SIB), 0xd5);    /* jmp *(, %rdx, 8) */
	emit_u32(e, 0);
	e->ends = true;
	/* } SOLUTION E1.7 */
}

/* lea ADDEND(%rcx), %rcx; RDX is free */
static void emit_add_to_rcx(struct emit *e, u64 addend)
{
	if (emit_fits(addend)) {
		EMIT(e, 0x48, 0x8d, 0x89);
		emit_u32(e, (u32)addend);
	} else {
		emit_load_imm(e, GPR_RDX, addend);
		EMIT(e, 0x48, 0x8d, 0x0c, 0x11); /* lea (%rcx, %rdx), %rcx */
	}
}

void jump_emit_checked_entry(struct emit *e)
{
	e->b->checked = e->at;
	emit_point(e, EMIT_COMMITTED, SPILLED_RCX_RDX);
	/* SOLUTION E1.7 { stub: (void)sentence; (void)emit_add_to_rcx; EMIT(e, OPCODE_UD2); */
	u32 right;

	emit_add_to_rcx(e, -e->b->rip);
	right = emit_jump8(e, OPCODE_JRCXZ);
	emit_add_to_rcx(e, e->b->rip);
	EMIT(e, OPCODE_JMP);
	emit_u32(e, BT_MISS_STUB - (e->at + (u32)sizeof(u32)));
	emit_land8(e, right);
	emit_unspill(e, BT_SPILL_RCX);
	emit_unspill(e, BT_SPILL_RDX);
	/* } SOLUTION E1.7 */
	e->b->code = e->at;
}

/* The saves come first: until RCX changes nothing has happened, whatever faults. */
static void emit_save(struct emit *e)
{
	emit_spill(e, BT_SPILL_RCX);
	emit_spill(e, BT_SPILL_RDX);
}

static void translate_ret(struct emit *e)
{
	/* SOLUTION E1.7 { stub: (void)emit_save; emit_missing(e, sentence); */
	emit_save(e);
	EMIT(e, 0x59); /* pop %rcx */
	if (e->i.has_imm) {
		emit_point(e, EMIT_COMMITTED, SPILLED_RCX_RDX);
		EMIT(e, 0x48, 0x8d, 0xa4, 0x24); /* lea COUNT(%rsp), %rsp */
		emit_u32(e, (u16)e->i.imm);
	}
	jump_emit_lookup(e);
	/* } SOLUTION E1.7 */
}

static void translate_jmp_indirect(struct emit *e)
{
	/* SOLUTION E1.7 { stub: emit_missing(e, sentence); */
	emit_save(e);
	copy_operand_to_rcx(e);
	jump_emit_lookup(e);
	/* } SOLUTION E1.7 */
}

/* The operand is read before the push, which may be of a page that is not there. */
static void translate_call_indirect(struct emit *e)
{
	/* SOLUTION E1.7 { stub: emit_missing(e, sentence); */
	emit_save(e);
	copy_operand_to_rcx(e);
	emit_point(e, EMIT_CAN_GO_BACK, BT_SPILL_MASK(BT_SPILL_RCX));
	emit_push_imm(e, e->next_rip);
	jump_emit_lookup(e);
	/* } SOLUTION E1.7 */
}

bool jump_translate(struct emit *e)
{
	switch (e->i.op) {
	case OP_JMP:
		translate_jmp(e);
		return true;
	case OP_JCC:
		translate_jcc(e);
		return true;
	case OP_LOOP:
		translate_loop(e);
		return true;
	case OP_CALL:
		translate_call(e);
		return true;
	case OP_RET:
		translate_ret(e);
		return true;
	case OP_JMP_INDIRECT:
		translate_jmp_indirect(e);
		return true;
	case OP_CALL_INDIRECT:
		translate_call_indirect(e);
		return true;
	}
	return false;
}
