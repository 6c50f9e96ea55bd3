// SPDX-License-Identifier: MIT
/*
 * VEX, EVEX and XOP: a prefix of two to four bytes that holds what REX, the mandatory prefix and the escapes
 * hold in other instructions, and more. Reads it, and looks for the form in the maps of decode_vex_tables.c
 * and decode_evex_tables.c.
 *
 * Source: SDM vol. 2A, 2.3 "Intel Advanced Vector Extensions (Intel AVX)", 2.7 "Intel AVX-512 Encoding"; APM
 * vol. 3, 1.7 "VEX and XOP Prefix Encoding".
 *
 * Left out: which XOP encodings exist; any opcode of their maps is accepted. Bits that would make ModRM.rm a
 * mask above K7, or ModRM.reg a general register above R15 (B, X, EVEX.R'), are ignored.
 */
#include "x86/decode_vector.h"
#include "x86/regs.h"

#define MODRM_REGS    0xc0

/* The payload: bytes 1 to 3 of the prefix. R X B and vvvv stand inverted. */
#define P0_RXB        0xe0
#define P0_R          0x80
#define P0_EVEX_R     0x10 /* R' */
#define P0_MAP        0x1f
#define P0_EVEX_MAP   0x07
#define P0_EVEX_ZERO  0x08 /* must be 0 */
#define P1_W          0x80
#define P1_VVVV       0x78
#define P1_VVVV_SHIFT 3
#define P1_VEX_L      0x04
#define P1_EVEX_ONE   0x04 /* must be 1 */
#define P1_PP         0x03
#define P2_Z          0x80
#define P2_LL         0x60
#define P2_LL_SHIFT   5
#define P2_B          0x10
#define P2_V          0x08 /* V' */
#define P2_AAA        0x07

#define LENGTH_512    2

struct payload {
	u8 p0, p1, p2;
	u8 modrm;
};

static u8 vector_rex(struct decoder *d, const struct payload *p)
{
	u8 rex = (u8)~p->p0 >> 5 & (INSN_REX_R | INSN_REX_X | INSN_REX_B);

	if (d->mode != DECODE_64)
		return 0; /* eight registers; W keeps its meaning as a part of the opcode only */
	if (p->p1 & P1_W)
		rex |= INSN_REX_W;
	return REX_FIRST | rex;
}

/* Outside 64-bit mode there are eight registers. */
static u8 vector_vvvv(const struct decoder *d, const struct payload *p)
{
	return ~p->p1 >> P1_VVVV_SHIFT & (d->mode == DECODE_64 ? 0xf : 0x7);
}

/* ---- the form ---- */

static bool lengths_match(const struct decoder *d, const struct vector_form *f, const struct payload *p)
{
	unsigned lengths = f->attr / FORM_L0 & 7;
	unsigned length = d->i->vex == INSN_EVEX ? (p->p2 & P2_LL) >> P2_LL_SHIFT : !!(p->p1 & P1_VEX_L);

	/* With rounding L'L is the mode, and the length 512 bits or scalar. */
	if (d->i->vex == INSN_EVEX && (p->p2 & P2_B) && p->modrm >= MODRM_REGS)
		return true;
	return length <= LENGTH_512 && (!lengths || lengths >> length & 1);
}

/* SDM vol. 2A, 2.7.11 "#UD Equations for EVEX" */
static bool evex_bits_match(const struct decoder *d, const struct vector_form *f, const struct payload *p)
{
	u32 b = p->modrm >= MODRM_REGS ? FORM_ROUNDING : FORM_BROADCAST;

	/* There is no general register above R15. */
	if (f->op == OP_SIMD_TO_REG && d->mode == DECODE_64 && !(p->p0 & P0_EVEX_R))
		return false;
	/* V' is the fifth bit of vvvv or of a vector index. */
	if (!(p->p2 & P2_V) && (d->mode != DECODE_64 || !(f->attr & (FORM_VVVV | FORM_VSIB))))
		return false;
	if ((p->p2 & P2_B) && !(f->attr & b))
		return false;
	if (p->p2 & P2_AAA)
		return f->attr & FORM_MASK && (!(p->p2 & P2_Z) || f->attr & FORM_ZEROING);
	return !(p->p2 & P2_Z) && !(f->attr & FORM_MASK_NEEDED);
}

/* Of masks and tiles there are eight. */
static bool masks_exist(const struct decoder *d, const struct payload *p)
{
	if (d->i->rex & INSN_REX_R)
		return false;
	return d->i->vex == INSN_EVEX ? d->mode != DECODE_64 || p->p0 & P0_EVEX_R : vector_vvvv(d, p) < 8;
}

static bool form_matches(const struct decoder *d, const struct vector_form *f, const struct payload *p)
{
	u32 attr = f->attr;
	u8 reg = p->modrm >> 3 & 7, rm = p->modrm & 7;

	if (!(f->prefixes >> (p->p1 & P1_PP) & 1) || !(attr & (p->modrm >= MODRM_REGS ? FORM_REG : FORM_MEM)))
		return false;
	if ((attr & (FORM_W0 | FORM_W1)) && !(attr & (p->p1 & P1_W ? FORM_W1 : FORM_W0)))
		return false;
	if (f->regs && !(f->regs >> reg & 1))
		return false;
	if (((attr & FORM_RM0) && rm) || ((attr & (FORM_SIB | FORM_VSIB)) && rm != GPR_RSP))
		return false;
	if (!(attr & FORM_VVVV) && vector_vvvv(d, p))
		return false;
	if ((attr & FORM_MASK_REG) && !masks_exist(d, p))
		return false;
	if ((attr & FORM_TILES) == FORM_TILES && d->i->rex & INSN_REX_B)
		return false;
	if ((attr & FORM_ONLY64) && d->mode != DECODE_64)
		return false;
	return lengths_match(d, f, p) && (d->i->vex != INSN_EVEX || evex_bits_match(d, f, p));
}

/* The last row that begins at the opcode or before it, and from there backwards those of the same range. */
static const struct vector_form *find_form(const struct decoder *d, const struct payload *p)
{
	const struct vector_map *map = &(d->i->vex == INSN_EVEX ? evex_maps : vex_maps)[d->i->map];
	unsigned low = 0, high = map->count;
	u8 opcode = d->i->opcode;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (map->forms[middle].first <= opcode)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low && opcode <= map->forms[low - 1].last; low--)
		if (form_matches(d, &map->forms[low - 1], p))
			return &map->forms[low - 1];
	return NULL;
}

/* SDM, the pages of VGATHERDPS, TDPBF16PS, VFMULCPH: #UD if the destination is one of the sources, and with
 * VEX also if these are the same. */
static bool registers_distinct(struct decoder *d, const struct payload *p, u8 sib)
{
	const struct insn *i = d->i;
	bool evex = i->vex == INSN_EVEX;
	/* The fifth bits; outside 64-bit mode there are none. */
	u8 reg_high = evex && d->mode == DECODE_64 && !(p->p0 & P0_EVEX_R) ? 16 : 0;
	u8 v_high = evex && !(p->p2 & P2_V) ? 16 : 0;
	u8 reg = (p->modrm >> 3 & 7) | (i->rex & INSN_REX_R ? 8 : 0) | reg_high;
	u8 vvvv = i->vvvv | v_high;
	u8 other;

	if (p->modrm >= MODRM_REGS)
		other = (p->modrm & 7) | (i->rex & INSN_REX_B ? 8 : 0) |
			(evex && i->rex & INSN_REX_X ? 16 : 0);
	else if (i->vsib)
		other = (sib >> 3 & 7) | (i->rex & INSN_REX_X ? 8 : 0) | v_high;
	else
		return reg != vvvv;
	if (evex && i->vsib)
		return reg != other;
	return reg != vvvv && reg != other && (evex || vvvv != other);
}

static bool decode_form(struct decoder *d, struct payload *p)
{
	const struct vector_form *f;
	struct insn *i = d->i;
	u8 sib = 0;

	p->modrm = MODRM_REGS;
	if ((d->attr & ATTR_MODRM) && !decode_peek(d, 0, &p->modrm))
		return false;
	f = find_form(d, p);
	if (!f)
		return decode_fail(d, DECODE_INVALID);
	d->attr |= f->op;
	i->vsib = f->attr & FORM_VSIB;
	if (i->vsib && d->mode != DECODE_64 && i->asize == (d->mode == DECODE_32))
		return decode_fail(d, DECODE_INVALID); /* 16-bit addresses have no SIB */
	if (i->vsib && !decode_peek(d, 1, &sib))
		return false;
	if ((f->attr & FORM_DISTINCT) && !registers_distinct(d, p, sib))
		return decode_fail(d, DECODE_INVALID);
	return true;
}

/* ---- the prefix ---- */

static bool vector_map_exists(u8 kind, u8 map)
{
	if (kind == INSN_XOP)
		return map >= MAP_XOP_8 && map <= MAP_XOP_10;
	return (map >= MAP_0F && map <= MAP_0F3A) ||
	       (kind == INSN_EVEX && (map == MAP_EVEX_5 || map == MAP_EVEX_6));
}

#define VZEROUPPER 0x77

/* Which opcodes have an immediate, and that all but VZEROUPPER have ModRM. */
static u32 vector_attr(const struct insn *i)
{
	u8 opcode = i->opcode;

	if (i->map == MAP_0F3A || i->map == MAP_XOP_8)
		return ATTR_MODRM | IMM_IB;
	if (i->map == MAP_XOP_10)
		return ATTR_MODRM | IMM_ID;
	if (i->map == MAP_0F && opcode == VZEROUPPER)
		return 0;
	if (i->map == MAP_0F &&
	    ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6)))
		return ATTR_MODRM | IMM_IB;
	return ATTR_MODRM;
}

bool decode_vector(struct decoder *d, u8 kind)
{
	struct insn *i = d->i;
	struct payload p = {.p2 = P2_V};

	if (i->lock || i->rep || i->repne || i->osize || i->rex)
		return decode_fail(d, DECODE_INVALID);
	i->vex = kind;
	if (!decode_next(d, &p.p0))
		return false;
	if (kind == INSN_VEX2) {
		p.p1 = p.p0 & ~P1_W;
		p.p0 = (p.p0 & P0_R) | (P0_RXB & ~P0_R) | MAP_0F;
	} else if (!decode_next(d, &p.p1) || (kind == INSN_EVEX && !decode_next(d, &p.p2))) {
		return false;
	}
	i->map = p.p0 & (kind == INSN_EVEX ? P0_EVEX_MAP : P0_MAP);
	i->rex = vector_rex(d, &p);
	i->vvvv = vector_vvvv(d, &p);
	if (!vector_map_exists(kind, i->map) ||
	    (kind == INSN_EVEX && ((p.p0 & P0_EVEX_ZERO) || !(p.p1 & P1_EVEX_ONE))))
		return decode_fail(d, DECODE_INVALID);
	if (!decode_next(d, &i->opcode))
		return false;
	d->attr = vector_attr(i);
	return kind == INSN_XOP || decode_form(d, &p);
}
