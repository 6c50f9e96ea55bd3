// SPDX-License-Identifier: MIT
/*
 * The second half of the decoder: what follows the opcode. Sizes, ModRM and SIB, displacement, immediates.
 *
 * Source: SDM vol. 2A, 2.1.3 "ModR/M and SIB Bytes" to 2.1.5 "Addressing-Mode Encoding of ModR/M and SIB
 * Bytes", 2.2.1 "REX Prefixes".
 */
#include "x86/decode_private.h"
#include "x86/decode_tables.h"
#include "x86/regs.h"

/* A little-endian number of 0..8 bytes, sign-extended. */
static bool next_number(struct decoder *d, unsigned size, s64 *number)
{
	const u8 *bytes = d->bytes + d->i->length;
	unsigned unused = 64 - 8 * size;
	u64 value = 0;

	if (d->i->length + size > d->limit) {
		decode_short(d, size - 1);
		return false;
	}
	for (unsigned n = size; n--;)
		value = value << 8 | bytes[n];
	d->i->length += size;
	*number = size ? (s64)(value << unused) >> unused : 0;
	return true;
}

/* ---- sizes ---- */

static u8 address_size(const struct decoder *d)
{
	switch (d->mode) {
	case DECODE_64:
		return d->i->asize ? 4 : 8;
	case DECODE_32:
		return d->i->asize ? 2 : 4;
	default:
		return d->i->asize ? 4 : 2;
	}
}

/* 2, 4 or 8 by the mode, 66 and REX.W: SDM vol. 1, table 3-4 "Effective Operand- and Address-Size Attributes
 * in 64-Bit Mode" */
static u8 variable_size(const struct decoder *d)
{
	if (d->i->rex & INSN_REX_W)
		return 8;
	return d->i->osize == (d->mode == DECODE_16) ? 4 : 2;
}

static u8 operand_size(const struct decoder *d)
{
	u8 size = variable_size(d);
	bool long_mode = d->mode == DECODE_64;

	switch (d->attr & ATTR_SIZE) {
	case SIZE_B:
		return 1;
	case SIZE_W:
		return 2;
	case SIZE_Z:
		return size == 8 ? 4 : size;
	case SIZE_D64:
		return long_mode && size == 4 ? 8 : size;
	case SIZE_F64:
		return long_mode ? 8 : size;
	case SIZE_NAT:
		return long_mode ? 8 : 4;
	case SIZE_VW:
		return d->i->memory ? 2 : size;
	default:
		return size;
	}
}

void decode_operand_size(struct decoder *d)
{
	d->i->op_size = operand_size(d);
}

/* ---- ModRM, SIB, displacement ---- */

static void use_base(struct insn *i, u8 base)
{
	i->base = base;
	if ((base == GPR_RSP || base == GPR_RBP) && !i->seg_override)
		i->segment = SEG_SS;
}

/* SDM vol. 2A, table 2-1 "16-Bit Addressing Forms with the ModR/M Byte" */
static unsigned address_16(struct decoder *d, unsigned mod, unsigned rm)
{
	static const u8 base[] = {GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP, GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX};
	static const u8 index[] = {GPR_RSI, GPR_RDI, GPR_RSI, GPR_RDI};

	if (mod == 0 && rm == 6)
		return 2;
	use_base(d->i, base[rm]);
	if (rm < ARRAY_SIZE(index))
		d->i->index = index[rm];
	return mod; /* 0, 1 or 2 bytes of displacement */
}

/* SDM vol. 2A, table 2-3 "32-Bit Addressing Forms with the SIB Byte". False when the byte is missing. */
static bool decode_sib(struct decoder *d, unsigned mod, bool *no_base)
{
	struct insn *i = d->i;
	u8 index, base;

	if (!decode_next(d, &i->sib))
		return false;
	i->has_sib = true;
	i->scale = (u8)(1 << (i->sib >> 6));
	index = (i->sib >> 3 & 7) | (i->rex & INSN_REX_X ? 8 : 0);
	base = i->sib & 7;
	if (index != GPR_RSP || i->vsib)
		i->index = index;
	*no_base = base == GPR_RBP && mod == 0;
	if (!*no_base)
		use_base(i, base | (i->rex & INSN_REX_B ? 8 : 0));
	return true;
}

/* SDM vol. 2A, table 2-2 "32-Bit Addressing Forms with the ModR/M Byte"; RIP-relative: 2.2.1.6 */
static bool address_32(struct decoder *d, unsigned mod, unsigned rm, unsigned *disp_size)
{
	struct insn *i = d->i;
	bool no_base = false;

	if (rm == GPR_RSP) {
		if (!decode_sib(d, mod, &no_base))
			return false;
	} else if (rm == GPR_RBP && mod == 0) {
		no_base = true;
		i->rip_relative = d->mode == DECODE_64;
	} else {
		use_base(i, rm | (i->rex & INSN_REX_B ? 8 : 0));
	}
	*disp_size = no_base || mod == 2 ? 4 : mod;
	return true;
}

static bool decode_displacement(struct decoder *d, unsigned size)
{
	struct insn *i = d->i;

	if (!size)
		return true;
	i->has_disp = true;
	i->disp_offset = i->length;
	i->disp_size = (u8)size;
	return next_number(d, size, &i->disp);
}

bool decode_modrm(struct decoder *d)
{
	struct insn *i = d->i;
	unsigned mod, rm, disp_size;

	i->addr_size = address_size(d);
	if (!(d->attr & ATTR_MODRM))
		return true;
	if (!decode_next(d, &i->modrm))
		return false;
	mod = i->modrm >> 6;
	rm = i->modrm & 7;
	i->has_modrm = true;
	i->reg = (i->modrm >> 3 & 7) | (i->rex & INSN_REX_R ? 8 : 0);
	i->memory = mod != 3 && !(d->attr & ATTR_REGS);
	if (!i->memory) {
		i->rm = (u8)rm | (i->rex & INSN_REX_B ? 8 : 0);
		return true;
	}
	if (i->addr_size == 2)
		disp_size = address_16(d, mod, rm);
	else if (!address_32(d, mod, rm, &disp_size))
		return false;
	return decode_displacement(d, disp_size);
}

/* ---- immediates ---- */

static bool next_immediate(struct decoder *d, unsigned size)
{
	struct insn *i = d->i;

	i->has_imm = true;
	i->imm_offset = i->length;
	i->imm_size = (u8)size;
	return next_number(d, size, &i->imm);
}

/* A second immediate behind the first. */
static bool next_immediate2(struct decoder *d, unsigned size)
{
	s64 value;

	if (!next_number(d, size, &value))
		return false;
	d->i->imm2 = (u16)(size == 1 ? (u8)value : value);
	d->i->imm_size += size;
	return true;
}

bool decode_immediate(struct decoder *d)
{
	struct insn *i = d->i;
	u8 full, z;

	if (!(d->attr & ATTR_IMM))
		return true;
	full = variable_size(d);
	z = full == 8 ? 4 : full;
	switch (d->attr & ATTR_IMM) {
	case IMM_IB:
	case IMM_JB:
		return next_immediate(d, 1);
	case IMM_IW:
	case IMM_IWB:
		if (!next_immediate(d, 2))
			return false;
		i->imm &= 0xffff;
		return (d->attr & ATTR_IMM) == IMM_IW || next_immediate2(d, 1);
	case IMM_IZ:
		return next_immediate(d, z);
	case IMM_IV:
		return next_immediate(d, full);
	case IMM_IBZ:
		return next_immediate(d, i->op_size == 1 ? 1 : z);
	case IMM_IBB:
		return next_immediate(d, 1) && next_immediate2(d, 1);
	case IMM_ID:
		return next_immediate(d, 4);
	case IMM_JZ:
		return next_immediate(d, d->mode == DECODE_64 ? 4 : z);
	case IMM_AP:
		if (!next_immediate(d, z))
			return false;
		i->imm &= z == 2 ? 0xffff : 0xffffffff;
		return next_immediate2(d, 2);
	case IMM_OB:
		i->memory = true;
		if (!decode_displacement(d, i->addr_size))
			return false;
		i->disp &= i->addr_size == 2 ? 0xffff : i->addr_size == 4 ? 0xffffffff : ~0LL;
		return true;
	}
	return true;
}
