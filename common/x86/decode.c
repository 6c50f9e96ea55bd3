// SPDX-License-Identifier: MIT
/*
 * The instruction decoder: prefixes, opcode, ModRM and SIB, displacement, immediate, in the order in which
 * they stand in memory. What an opcode needs comes from the maps in decode_tables.c; this file knows the
 * rules that hold for all.
 *
 * Source: SDM vol. 2A, 2.1 "Instruction Format for Protected Mode, Real-Address Mode, and Virtual-8086
 * Mode", 2.2 "IA-32e Mode", 2.3 "Intel Advanced Vector Extensions", 2.7 "Intel AVX-512 Encoding"; APM vol.
 * 3, 1.2.1 "Summary of Legacy Prefixes".
 *
 * Left out: which XOP encodings exist (any opcode of their maps is accepted, its length is right), and the
 * 16-bit branches with prefix 66 that AMD has in 64-bit mode.
 */
#include "lib/string.h"
#include "x86/decode_private.h"
#include "x86/decode_tables.h"
#include "x86/decode_vector.h"
#include "x86/regs.h"

#define REX_MASK      0xf0
#define ESCAPE_0F     0x0f
#define ESCAPE_0F38   0x38
#define ESCAPE_0F3A   0x3a
#define ESCAPE_VEX3   0xc4
#define ESCAPE_VEX2   0xc5
#define ESCAPE_EVEX   0x62
#define ESCAPE_XOP    0x8f
#define X87_FIRST     0xd8
#define X87_MASK      0xf8
#define MODRM_REGS    0xc0 /* mod = 3 */
#define MOVSXD        0x63
#define XCHG_RAX      0x90
#define GROUP7_OPCODE 0x01 /* 0F 01 */
#define OPCODE_EXTRQ  0x78 /* 66 0F 78 /0, and INSERTQ F2 0F 78 */

/* ---- bytes ---- */

bool decode_fail(struct decoder *d, enum decode_result result)
{
	d->result = result;
	return false;
}

COLD void decode_short(struct decoder *d, unsigned ahead)
{
	decode_fail(d, d->i->length + ahead >= INSN_MAX_LENGTH ? DECODE_TOO_LONG : DECODE_TRUNCATED);
}

/* ---- prefixes ---- */

static void segment_override(struct decoder *d, u8 segment)
{
	/* In 64-bit mode ES, CS, SS and DS are null prefixes. */
	if (d->mode == DECODE_64 && segment != SEG_FS && segment != SEG_GS)
		return;
	d->i->segment = segment;
	d->i->seg_override = true;
}

/* Notes a legacy prefix; false when the byte is none. */
static bool legacy_prefix(struct decoder *d, u8 byte)
{
	struct insn *i = d->i;

	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		segment_override(d, SEG_ES + (byte >> 3 & 3));
		return true;
	case 0x64:
	case 0x65:
		segment_override(d, SEG_FS + (byte & 1));
		return true;
	case 0x66:
		i->osize = true;
		return true;
	case 0x67:
		i->asize = true;
		return true;
	case 0xf0:
		i->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		i->repne = byte == 0xf2;
		i->rep = byte == 0xf3;
		return true;
	}
	return false;
}

/* Leaves the first opcode byte to be read. */
static bool decode_prefixes(struct decoder *d)
{
	u8 byte;

	for (;;) {
		if (!decode_peek(d, 0, &byte))
			return false;
		if (d->mode == DECODE_64 && (byte & REX_MASK) == REX_FIRST)
			d->i->rex = byte;
		else if (legacy_prefix(d, byte))
			d->i->rex = 0; /* a REX counts only directly before the opcode */
		else
			return true;
		d->i->length++;
	}
}

/* ---- VEX, EVEX, XOP ---- */

/*
 * What the first byte after C4, C5, 62 or 8F means: outside 64-bit mode C4, C5 and 62 are LES, LDS and BOUND
 * unless this byte has the form that they refuse (mod = 3). 8F is POP when what would be the XOP map is
 * below 8.
 */
static u8 vector_kind(struct decoder *d, u8 opcode, u8 following)
{
	if (opcode == ESCAPE_XOP)
		return (following & 0x1f) >= MAP_XOP_8 ? INSN_XOP : 0;
	if (d->mode != DECODE_64 && (following & MODRM_REGS) != MODRM_REGS)
		return 0;
	switch (opcode) {
	case ESCAPE_VEX2:
		return INSN_VEX2;
	case ESCAPE_VEX3:
		return INSN_VEX3;
	case ESCAPE_EVEX:
		return INSN_EVEX;
	}
	return 0;
}

/* ---- opcode ---- */

static const u32 *decode_escapes(struct decoder *d)
{
	struct insn *i = d->i;

	if (!decode_next(d, &i->opcode))
		return NULL;
	if (i->opcode != ESCAPE_0F)
		return opcode_map_1;
	if (!decode_next(d, &i->opcode))
		return NULL;
	if (i->opcode != ESCAPE_0F38 && i->opcode != ESCAPE_0F3A) {
		i->map = MAP_0F;
		return opcode_map_0f;
	}
	i->map = i->opcode == ESCAPE_0F38 ? MAP_0F38 : MAP_0F3A;
	if (!decode_next(d, &i->opcode))
		return NULL;
	return i->map == MAP_0F38 ? opcode_map_0f38 : opcode_map_0f3a;
}

/* XABORT (C6 F8) and XBEGIN (C7 F8): the one pair of opcodes that the whole ModRM byte adds to a group. */
#define MODRM_XABORT 0xf8

static u32 group_attr(const struct decoder *d, u8 modrm)
{
	const struct opcode_group_row *row = &opcode_groups[d->attr & ATTR_OP];
	u32 attr = d->attr & ~(ATTR_OP | ATTR_GROUP);
	bool registers = (modrm & MODRM_REGS) == MODRM_REGS;

	if (d->i->map == MAP_0F && d->i->opcode == GROUP7_OPCODE && registers)
		return attr | opcode_0f01_reg[modrm & ~MODRM_REGS];
	if (row == &opcode_groups[GROUP_11] && modrm == MODRM_XABORT)
		return attr | (d->i->opcode & 1 ? IMM_IZ | OP_XBEGIN : IMM_IB);
	return attr | (registers ? row->reg : row->mem)[modrm >> 3 & 7];
}

static bool x87_exists(u8 opcode, u8 modrm)
{
	unsigned row = opcode & ~X87_MASK;

	if ((modrm & MODRM_REGS) == MODRM_REGS)
		return opcode_x87_reg[row] >> (modrm & ~MODRM_REGS) & 1;
	return opcode_x87_mem[row] >> (modrm >> 3 & 7) & 1;
}

static unsigned mandatory_prefix(const struct insn *i)
{
	return i->rep ? PREFIX_F3 : i->repne ? PREFIX_F2 : i->osize ? PREFIX_66 : PREFIX_NONE;
}

/*
 * Forms that exist in 64-bit mode alone, although the map must not say so: without the prefix, or with
 * another one, the same opcode is something else.
 */
static const struct {
	u8 opcode, prefix, modrm, modrm_mask; /* all in map 0F */
} only_64bit[] = {
	{0x01, PREFIX_66, 0xcf, 0xff}, /* SEAMCALL */
	{0x01, PREFIX_F3, 0xee, 0xff}, /* CLUI */
	{0x01, PREFIX_F3, 0xef, 0xff}, /* STUI */
	{0x01, PREFIX_F3, 0xfe, 0xff}, /* RMPADJUST */
	{0x01, PREFIX_F2, 0xfe, 0xff}, /* RMPUPDATE */
	{0x01, PREFIX_F3, 0xff, 0xff}, /* PSMASH */
	{0xc7, PREFIX_F3, 0xf0, 0xf8}, /* SENDUIPI */
};

/* F3 0F 3A F0 has one form, with one ModRM byte. */
#define OPCODE_HRESET 0xf0
#define MODRM_HRESET  0xc0

static bool odd_form_exists(const struct decoder *d, u8 modrm)
{
	const struct insn *i = d->i;

	if (i->map == MAP_0F3A && i->opcode == OPCODE_HRESET)
		return modrm == MODRM_HRESET;
	if (i->map != MAP_0F || d->mode == DECODE_64)
		return true;
	for (unsigned n = 0; n < ARRAY_SIZE(only_64bit); n++)
		if (i->opcode == only_64bit[n].opcode && mandatory_prefix(i) == only_64bit[n].prefix &&
		    (modrm & only_64bit[n].modrm_mask) == only_64bit[n].modrm)
			return false;
	return true;
}

/* Is there such a form of the opcode, in this mode? */
static bool form_exists(const struct decoder *d, u8 modrm)
{
	const struct insn *i = d->i;
	bool registers = !(d->attr & ATTR_MODRM) || (modrm & MODRM_REGS) == MODRM_REGS;

	if (i->vex)
		return true; /* decode_vector() has looked */
	if (i->map == MAP_ONE_BYTE && (i->opcode & X87_MASK) == X87_FIRST)
		return x87_exists(i->opcode, modrm);
	if (!(d->attr & (ATTR_NO64 | ATTR_ONLY64 | ATTR_INVALID)) && i->map == MAP_ONE_BYTE)
		return true; /* nearly always */
	if (d->attr & (d->mode == DECODE_64 ? ATTR_NO64 : ATTR_ONLY64))
		return false;
	return odd_form_exists(d, modrm) &&
	       !(d->attr >> ((registers ? ATTR_REFUSE_REG : ATTR_REFUSE_MEM) + mandatory_prefix(i)) & 1);
}

/* The opcode, with its escapes or its vector prefix, and its attributes, for which the ModRM byte may have to
 * be looked at. */
static bool decode_opcode(struct decoder *d)
{
	struct insn *i = d->i;
	const u32 *map;
	u8 modrm = 0;

	map = decode_escapes(d);
	if (!map)
		return false;
	d->attr = map[i->opcode];
	if (i->map == MAP_ONE_BYTE && (i->opcode == ESCAPE_VEX2 || i->opcode == ESCAPE_VEX3 ||
				       i->opcode == ESCAPE_EVEX || i->opcode == ESCAPE_XOP)) {
		if (!decode_peek(d, 0, &modrm))
			return false;
		u8 kind = vector_kind(d, i->opcode, modrm);
		if (kind && !decode_vector(d, kind))
			return false;
	}
	if (d->attr == ATTR_INVALID)
		return decode_fail(d, DECODE_INVALID);
	if ((d->attr & ATTR_MODRM) && !decode_peek(d, 0, &modrm))
		return false;
	if (d->attr & ATTR_GROUP)
		d->attr = group_attr(d, modrm);
	return form_exists(d, modrm) || decode_fail(d, DECODE_INVALID);
}

/* ---- what the maps cannot say ---- */

/* There is CR0, CR2, CR3, CR4, CR8, and DR0..DR7 (DR4 and DR5 are names of DR6 and DR7 while CR4.DE is off).
 */
#define CONTROL_REGISTERS (BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(8))
#define DEBUG_REGISTERS   0xff

static bool registers_exist(const struct insn *i)
{
	switch (i->op) {
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
		return CONTROL_REGISTERS >> i->reg & 1;
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
		return DEBUG_REGISTERS >> i->reg & 1;
	case OP_MOV_FROM_SEG:
		return (i->reg & 7) <= SEG_GS;
	case OP_MOV_TO_SEG:
		return (i->reg & 7) <= SEG_GS && (i->reg & 7) != SEG_CS;
	}
	return true;
}

static void op_by_prefix(struct decoder *d)
{
	struct insn *i = d->i;
	unsigned prefix = mandatory_prefix(i);
	u8 modrm = 0;

	decode_peek(d, 0, &modrm);
	for (const struct opcode_by_prefix *p = opcode_by_prefix; p->opcode; p++)
		if (p->opcode == i->opcode && p->map == i->map && p->prefix == prefix &&
		    (modrm & p->modrm_mask) == p->modrm) {
			i->op = p->op;
			return;
		}
}

/* Opcodes that a prefix or the mode turns into something else, before their immediates are read. */
static void adjust_attr(struct decoder *d)
{
	struct insn *i = d->i;

	if (d->attr & ATTR_BY_PREFIX) {
		op_by_prefix(d);
		/* EXTRQ and INSERTQ share 0F 78 with VMREAD. */
		if (i->opcode == OPCODE_EXTRQ && i->map == MAP_0F && i->op == OP_SIMD)
			d->attr |= IMM_IBB;
	}
	if (i->map != MAP_ONE_BYTE)
		return;
	if (i->opcode == XCHG_RAX && !(i->rex & INSN_REX_B))
		i->op = i->rep ? OP_PAUSE : OP_NOP;
	if (i->opcode == MOVSXD && d->mode != DECODE_64) { /* ARPL */
		i->op = OP_ARPL;
		d->attr |= SIZE_W;
	}
}

/* Fields of which only some instructions have a use. */
static void fill_details(struct decoder *d)
{
	struct insn *i = d->i;

	if (d->attr & ATTR_COND)
		i->cond = i->opcode & 0xf;
	if (d->attr & ATTR_OPREG)
		i->rm = (i->opcode & 7) | (i->rex & INSN_REX_B ? 8 : 0);
	switch (i->op) {
	case OP_MOVZX:
	case OP_MOVSX:
		i->src_size = i->opcode & 1 ? 2 : 1;
		break;
	case OP_MOVSXD:
		i->src_size = i->op_size == 2 ? 2 : 4;
		break;
	case OP_CRC32:
		i->src_size = i->opcode & 1 ? i->op_size : 1;
		break;
	case OP_MOV_FROM_SEG: /* a segment register has no REX.R */
	case OP_MOV_TO_SEG:
		i->reg &= 7;
		break;
	case OP_PUSH_SEG: /* 06 0E 16 1E, 0F A0, 0F A8 */
	case OP_POP_SEG:
		i->reg = i->opcode >> 3 & 7;
		if (i->map == MAP_0F)
			i->reg = i->opcode & 8 ? SEG_GS : SEG_FS;
		break;
	}
}

/* 0F 0F: the last byte of the opcode stands behind the operands. APM vol. 3, 1.1 "Instruction Encoding
 * Overview". */
static bool decode_3dnow(struct decoder *d)
{
	struct insn *i = d->i;

	if (!decode_next(d, &i->opcode))
		return false;
	i->map = MAP_3DNOW;
	return (opcode_3dnow[i->opcode / 32] >> (i->opcode % 32) & 1) || decode_fail(d, DECODE_INVALID);
}

static bool decode_operands(struct decoder *d)
{
	struct insn *i = d->i;

	i->op = d->attr & ATTR_OP;
	adjust_attr(d);
	if (!decode_modrm(d))
		return false;
	decode_operand_size(d);
	if (!decode_immediate(d))
		return false;
	if (i->lock && !((d->attr & ATTR_LOCK) && i->memory))
		return decode_fail(d, DECODE_INVALID);
	if (!registers_exist(i))
		return decode_fail(d, DECODE_INVALID);
	if (i->map == MAP_0F && i->opcode == ESCAPE_0F && !i->vex && !decode_3dnow(d))
		return false;
	fill_details(d);
	return true;
}

enum decode_result insn_decode(struct insn *i, const u8 *bytes, size_t available, enum decode_mode mode)
{
	struct decoder d = {
		.i = i,
		.bytes = bytes,
		.limit = MIN(available, INSN_MAX_LENGTH),
		.mode = mode,
		.result = DECODE_OK,
	};

	memset(i, 0, sizeof(*i));
	i->base = INSN_NO_REG;
	i->index = INSN_NO_REG;
	i->scale = 1;
	i->segment = SEG_DS;
	if (!decode_prefixes(&d))
		return d.result;
	i->opcode_offset = i->length;
	if (!decode_opcode(&d) || !decode_operands(&d))
		return d.result;
	return DECODE_OK;
}
