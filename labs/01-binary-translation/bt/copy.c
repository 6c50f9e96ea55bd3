// SPDX-License-Identifier: MIT
/*
 * Instructions that stay what they are. Nearly all of the guest's code is of this kind: the translation is
 * the same bytes at another address.
 *
 * Only an operand that counts from RIP has to change, since RIP is another one here. Its address T is a
 * constant, so
 *
 *   - LEA becomes a load of a constant;
 *   - if T is in the lowest or the highest 2 GiB, where kernels are, ModRM's RIP-relative form becomes that
 * of a SIB byte without base and index: one byte longer, no instruction more;
 *   - otherwise a register that the instruction does not use is saved, T is loaded into it, and the operand
 *     becomes (%register).
 *
 * Source: SDM vol. 2A, 2.1.5 "Addressing-Mode Encoding of ModR/M and SIB Bytes", 2.2.1.6 "RIP-Relative
 * Addressing", 2.3.5 "The VEX Prefix", 2.7 "Intel AVX-512 Encoding". The legacy prefixes, a segment among
 * them, stay in front of the instruction whatever its operand becomes.
 */
#include "emit.h"
#include "lib/string.h"
#include "x86/effects.h"

#define OPCODE_MOV_LOAD 0x8b
#define VECTOR_XB       0x60 /* X and B in the first payload byte of VEX, EVEX and XOP, inverted */

/* The address of a RIP-relative operand; with prefix 67 it has 32 bits. */
static u64 target(const struct emit *e)
{
	u64 gva = e->next_rip + (u64)e->i.disp;

	return e->i.asize ? (u32)gva : gva;
}

/* Can a displacement of 32 bits alone say it? */
static bool is_absolute(const struct emit *e)
{
	return e->i.asize || emit_fits(target(e));
}

/* ---- a register for the address ---- */

/*
 * A register that the instruction does not use. One of RAX, RCX and RDX is free, but for instructions that
 * use two or three of them besides what they name (MULX, CMPXCHG16B, PCMPESTRI); those leave RSI alone. What
 * the decoder's tables do not know either traps or uses the register that ModRM names and no other.
 */
static enum bt_spill free_register(const struct insn *i)
{
	struct insn_effects effects;
	enum bt_spill s;
	u32 used;

	insn_effects(&effects, i);
	used = effects.known ? effects.gpr_read | effects.gpr_changed : 1U << i->reg;
	for (s = BT_SPILL_RAX; s < BT_SPILL_RSI; s++)
		if (!(used >> bt_spill_gpr[s] & 1))
			break;
	return s;
}

/* ---- RIP-relative operands ---- */

/*
 * The two bits by which REX, VEX, EVEX and XOP extend the index and the base mean nothing in a RIP-relative
 * operand, and so they may be anything. In what it becomes they do.
 */
static void clear_extensions(const struct insn *i, u8 *bytes)
{
	if (i->vex == INSN_EVEX || i->vex == INSN_VEX3 || i->vex == INSN_XOP)
		bytes[i->opcode_offset + 1] |= VECTOR_XB;
	else if (i->rex && !i->vex)
		bytes[i->opcode_offset - 1] &= (u8) ~(INSN_REX_X | INSN_REX_B);
}

/* The instruction up to ModRM, which names `operand`: MODRM_SIB, or a register with the address. */
static void emit_head(struct emit *e, u8 operand)
{
	unsigned modrm = e->i.disp_offset - 1U;
	u8 head[INSN_MAX_LENGTH];

	memcpy(head, e->bytes, modrm);
	clear_extensions(&e->i, head);
	emit_bytes(e, head, modrm);
	EMIT(e, (u8)((e->i.modrm & MODRM_REG) | operand));
}

/* What follows the displacement. */
static void emit_tail(struct emit *e)
{
	unsigned tail = e->i.disp_offset + e->i.disp_size;

	emit_bytes(e, e->bytes + tail, e->i.length - tail);
}

/* Where is_absolute(): no base, no index, and the address as displacement. One byte longer, nothing more. */
static void copy_absolute(struct emit *e)
{
	/* SOLUTION E1.5 { stub: (void)emit_head; (void)emit_tail; emit_missing(e, sentence); */
	emit_head(e, MODRM_SIB);
	EMIT(e, SIB_ABSOLUTE);
	emit_u32(e, (u32)target(e));
	emit_tail(e);
	/* } SOLUTION E1.5 */
}

/*
 * Where it is not: a free register is saved, gets the address, and is the operand. The register is the
 * guest's again before the next instruction. A fault of the instruction itself finds it saved, and the
 * instruction undone; from behind it there is no way back.
 */
static void copy_by_register(struct emit *e)
{
	/* SOLUTION E1.5 { stub: (void)free_register; (void)copy_absolute; emit_missing(e, sentence); */
	enum bt_spill s = free_register(&e->i);

	emit_spill(e, s);
	emit_load_imm(e, bt_spill_gpr[s], target(e));
	emit_point(e, EMIT_CAN_GO_BACK, BT_SPILL_MASK(s));
	emit_head(e, bt_spill_gpr[s]);
	emit_tail(e);
	emit_point(e, EMIT_COMMITTED, BT_SPILL_MASK(s));
	emit_unspill(e, s);
	/* } SOLUTION E1.5 */
}

/* The address itself, as a constant in the register of LEA, in its size: 16 bits leave the rest as it was. */
static void copy_lea(struct emit *e)
{
	/* SOLUTION E1.5 { stub: (void)copy_by_register; emit_missing(e, sentence); */
	u64 value = target(e);
	u8 reg = e->i.reg;

	if (e->i.op_size == 2) {
		EMIT(e, PREFIX_OSIZE, (u8)(EMIT_REX | reg >> 3), (u8)(0xb8 | (reg & 7)), (u8)value,
		     (u8)(value >> 8));
		return;
	}
	emit_load_imm(e, reg, e->i.op_size == 4 ? (u32)value : value);
	/* } SOLUTION E1.5 */
}

/* The same bytes, or one of the three ways above; what is longest already cannot become longer by one. */
void copy_insn(struct emit *e)
{
	/* SOLUTION E1.5 { stub: (void)copy_lea; emit_missing(e, sentence); */
	const struct insn *i = &e->i;

	if (!i->rip_relative)
		emit_bytes(e, e->bytes, i->length);
	else if (i->op == OP_LEA)
		copy_lea(e);
	else if (is_absolute(e) && i->length < INSN_MAX_LENGTH)
		copy_absolute(e);
	else
		copy_by_register(e);
	/* } SOLUTION E1.5 */
}

/* ---- the operand of an indirect jump ---- */

/* mov OPERAND, %rcx up to its opcode */
static void emit_load_head(struct emit *e, u8 rex)
{
	const struct insn *i = &e->i;

	if (i->seg_override)
		EMIT(e, (u8)(PREFIX_FS + (i->segment - SEG_FS)));
	if (i->asize)
		EMIT(e, PREFIX_ASIZE);
	EMIT(e, rex, OPCODE_MOV_LOAD);
}

void copy_operand_to_rcx(struct emit *e)
{
	const struct insn *i = &e->i;
	unsigned modrm = i->opcode_offset + 1U;

	if (!i->rip_relative) {
		emit_load_head(e, EMIT_REX_W | (i->rex & (INSN_REX_X | INSN_REX_B)));
		EMIT(e, (u8)((i->modrm & ~MODRM_REG) | EMIT_MODRM(GPR_RCX, 0)));
		emit_bytes(e, e->bytes + modrm + 1, i->length - (modrm + 1));
	} else if (is_absolute(e)) {
		emit_load_head(e, EMIT_REX_W);
		EMIT(e, EMIT_MODRM(GPR_RCX, MODRM_SIB), SIB_ABSOLUTE);
		emit_u32(e, (u32)target(e));
	} else {
		emit_load_imm(e, GPR_RCX, target(e));
		emit_point(e, EMIT_CAN_GO_BACK, BT_SPILL_MASK(BT_SPILL_RCX));
		emit_load_head(e, EMIT_REX_W);
		EMIT(e, EMIT_MODRM(GPR_RCX, GPR_RCX));
	}
}
