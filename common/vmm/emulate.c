// SPDX-License-Identifier: MIT
/*
 * Instructions that the monitor runs in the guest's place because their memory operand is a device register.
 * The CPU says only which address was touched; what was to be done with it is in the instruction.
 *
 * An instruction either completes or has no effect but its fault: operands are opened (emulate_access.c)
 * before anything changes. Arithmetic is done by the CPU (alu.c), repeated string instructions are in
 * emulate_string.c. Source: SDM vol. 2.
 *
 * Left out: x87, SSE and AVX accesses to devices, and instructions that no driver uses on them (stack,
 * segment and table loads, shifts, multiplication). They end the guest with a report.
 */
#include "lib/print.h"
#include "vmm/alu.h"
#include "vmm/emulate.h"
#include "vmm/emulate_access.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* ---- fetch ---- */

static enum decode_mode code_mode(struct vcpu *v)
{
	if (vcpu_is_64bit(v))
		return DECODE_64;
	return v->seg[SEG_CS].attr & SEG_ATTR_DB ? DECODE_32 : DECODE_16;
}

static bool fetch(struct vcpu *v, gva_t gva, u8 *bytes, unsigned count)
{
	unsigned access = vcpu_cpl(v) == 3 ? ACCESS_USER : 0;
	struct event fault;

	/* What the CPU has just fetched may be executed, so that it can be read is enough. */
	if (v->cpu->read_linear && v->cpu->read_linear(v, gva, bytes, count, access))
		return true;
	if (gva_read(v, gva, bytes, count, access | ACCESS_FETCH, &fault))
		return true;
	event_raise(v, &fault);
	return false;
}

/* The page behind the one that RIP is in is touched only when the instruction reaches into it. */
static bool fetch_decode(struct vcpu *v, struct insn *i, u8 bytes[INSN_MAX_LENGTH])
{
	enum decode_mode mode = code_mode(v);
	gva_t gva = segment_gva(v, SEG_CS, v->rip);
	unsigned have = MIN(PAGE_SIZE - gva % PAGE_SIZE, INSN_MAX_LENGTH);
	enum decode_result result;

	if (!fetch(v, gva, bytes, have))
		return false;
	result = insn_decode(i, bytes, have, mode);
	if (result == DECODE_TRUNCATED) {
		if (!fetch(v, segment_gva(v, SEG_CS, v->rip + have), bytes + have, INSN_MAX_LENGTH - have))
			return false;
		result = insn_decode(i, bytes, INSN_MAX_LENGTH, mode);
	}
	if (result == DECODE_TOO_LONG)
		event_exception_error(v, VEC_GP, 0);
	else if (result != DECODE_OK)
		event_exception(v, VEC_UD);
	return result == DECODE_OK;
}

bool emulate_fetch(struct vcpu *v, u8 *bytes, unsigned count)
{
	return fetch(v, v->rip, bytes, count);
}

bool emulate_decode(struct vcpu *v, struct insn *i)
{
	u8 bytes[INSN_MAX_LENGTH];

	return fetch_decode(v, i, bytes);
}

/* ---- addresses ---- */

static u64 operand_offset(const struct vcpu *v, const struct insn *i)
{
	u64 offset = (u64)i->disp;

	if (i->base != INSN_NO_REG)
		offset += v->gpr[i->base];
	if (i->index != INSN_NO_REG)
		offset += v->gpr[i->index] * i->scale;
	if (i->rip_relative)
		offset += v->rip + i->length;
	return alu_truncate(offset, i->addr_size);
}

gva_t emulate_operand_gva(struct vcpu *v, const struct insn *i)
{
	return segment_gva(v, i->segment, operand_offset(v, i));
}

/* ---- one instruction ---- */

/* What an emulated instruction works on. */
struct step {
	struct vcpu *v;
	const struct insn *i;
	struct place mem;
	u64 rflags; /* becomes the vcpu's when the instruction ends */
};

static bool open_operand(struct step *s, unsigned size, unsigned access)
{
	return place_open(s->v, &s->mem, s->i->segment, operand_offset(s->v, s->i), size, access);
}

static u64 reg_read(const struct step *s)
{
	return register_read(s->v, s->i->reg, s->i->op_size, s->i->rex);
}

static void reg_write(const struct step *s, u64 value)
{
	register_write(s->v, s->i->reg, s->i->op_size, s->i->rex, value);
}

/* The second operand where the first is memory: an immediate, or the register. */
static u64 source(const struct step *s)
{
	return s->i->has_imm ? alu_truncate((u64)s->i->imm, s->i->op_size) : reg_read(s);
}

/* MOV A0..A3, 88..8B, C6, C7 */
#define MOV_MOFFS_FIRST 0xa0
#define MOV_MOFFS_LAST  0xa3
#define MOFFS_STORE     0x02 /* bit of the opcode */
#define REG_IS_TARGET   0x02 /* bit of the opcode: the register is the first operand */

static bool step_mov(struct step *s)
{
	const struct insn *i = s->i;
	bool moffs = i->opcode >= MOV_MOFFS_FIRST && i->opcode <= MOV_MOFFS_LAST;
	bool load = moffs ? !(i->opcode & MOFFS_STORE) : !i->has_imm && (i->opcode & REG_IS_TARGET);

	if (!open_operand(s, i->op_size, load ? ACCESS_READ : ACCESS_WRITE))
		return false;
	if (load)
		reg_write(s, place_read(s->v, &s->mem)); /* of MOV A0 too: i->reg is 0, the accumulator */
	else
		place_write(s->v, &s->mem, source(s));
	return true;
}

/* MOVZX, MOVSX, MOVSXD */
static bool step_mov_extend(struct step *s)
{
	u64 value;

	if (!open_operand(s, s->i->src_size, ACCESS_READ))
		return false;
	value = place_read(s->v, &s->mem);
	reg_write(s, s->i->op == OP_MOVZX ? value : alu_sign_extend(value, s->i->src_size));
	return true;
}

/* ADD .. CMP in all forms that have a memory operand */
static bool step_binary(struct step *s)
{
	const struct insn *i = s->i;
	bool to_register = !i->has_imm && (i->opcode & REG_IS_TARGET);
	bool store = !to_register && i->op != OP_CMP;
	u64 memory, result;

	if (!open_operand(s, i->op_size, store ? ACCESS_WRITE : ACCESS_READ))
		return false;
	memory = place_read(s->v, &s->mem);
	if (to_register)
		result = alu_binary(i->op - OP_ADD, reg_read(s), memory, i->op_size, &s->rflags);
	else
		result = alu_binary(i->op - OP_ADD, memory, source(s), i->op_size, &s->rflags);
	if (store)
		place_write(s->v, &s->mem, result);
	else if (i->op != OP_CMP)
		reg_write(s, result);
	return true;
}

static bool step_test(struct step *s)
{
	if (!open_operand(s, s->i->op_size, ACCESS_READ))
		return false;
	alu_binary(ALU_AND, place_read(s->v, &s->mem), source(s), s->i->op_size, &s->rflags);
	return true;
}

/* NOT, NEG, INC, DEC */
static bool step_unary(struct step *s)
{
	unsigned size = s->i->op_size;
	u64 value;

	if (!open_operand(s, size, ACCESS_WRITE))
		return false;
	value = place_read(s->v, &s->mem);
	switch (s->i->op) {
	case OP_NOT:
		value = ~value;
		break;
	case OP_NEG:
		value = alu_neg(value, size, &s->rflags);
		break;
	case OP_INC:
		value = alu_inc(value, size, &s->rflags);
		break;
	default:
		value = alu_dec(value, size, &s->rflags);
		break;
	}
	place_write(s->v, &s->mem, value);
	return true;
}

/* BT, BTS, BTR, BTC. With the bit number in a register, the operand is the word of the bit string that has
 * the bit. */
static bool step_bit(struct step *s)
{
	const struct insn *i = s->i;
	unsigned bits = 8 * i->op_size;
	u64 offset = operand_offset(s->v, i);
	s64 number = i->has_imm ? (i->imm & (bits - 1)) : (s64)alu_sign_extend(reg_read(s), i->op_size);
	u64 value, mask = BIT((u64)number & (bits - 1));

	/* Rounds down also below 0. */
	offset = alu_truncate(offset + (u64)((number & -(s64)bits) / 8), i->addr_size);
	if (!place_open(s->v, &s->mem, i->segment, offset, i->op_size,
			i->op == OP_BT ? ACCESS_READ : ACCESS_WRITE))
		return false;
	value = place_read(s->v, &s->mem);
	s->rflags = (s->rflags & ~(u64)RFLAGS_CF) | (value & mask ? RFLAGS_CF : 0);
	if (i->op == OP_BTS)
		place_write(s->v, &s->mem, value | mask);
	else if (i->op == OP_BTR)
		place_write(s->v, &s->mem, value & ~mask);
	else if (i->op == OP_BTC)
		place_write(s->v, &s->mem, value ^ mask);
	return true;
}

/* XCHG and XADD: the register gets what was in memory. */
static bool step_exchange(struct step *s)
{
	u64 old, new = reg_read(s);

	if (!open_operand(s, s->i->op_size, ACCESS_WRITE))
		return false;
	old = place_read(s->v, &s->mem);
	if (s->i->op == OP_XADD)
		new = alu_binary(ALU_ADD, old, new, s->i->op_size, &s->rflags);
	place_write(s->v, &s->mem, new);
	reg_write(s, old);
	return true;
}

/* The destination is written in either case: SDM vol. 2A, "CMPXCHG", Description. */
static bool step_cmpxchg(struct step *s)
{
	unsigned size = s->i->op_size;
	u64 old;

	if (!open_operand(s, size, ACCESS_WRITE))
		return false;
	old = place_read(s->v, &s->mem);
	alu_binary(ALU_SUB, register_read(s->v, GPR_RAX, size, true), old, size, &s->rflags);
	place_write(s->v, &s->mem, s->rflags & RFLAGS_ZF ? reg_read(s) : old);
	if (!(s->rflags & RFLAGS_ZF))
		register_write(s->v, GPR_RAX, size, true, old);
	return true;
}

static bool (*const steps[OP_COUNT])(struct step *) = {
	[OP_MOV] = step_mov,
	[OP_MOVZX] = step_mov_extend,
	[OP_MOVSX] = step_mov_extend,
	[OP_MOVSXD] = step_mov_extend,
	[OP_ADD... OP_CMP] = step_binary,
	[OP_TEST] = step_test,
	[OP_NOT] = step_unary,
	[OP_NEG] = step_unary,
	[OP_INC] = step_unary,
	[OP_DEC] = step_unary,
	[OP_BT] = step_bit,
	[OP_BTS] = step_bit,
	[OP_BTR] = step_bit,
	[OP_BTC] = step_bit,
	[OP_XCHG] = step_exchange,
	[OP_XADD] = step_exchange,
	[OP_CMPXCHG] = step_cmpxchg,
};

static bool is_string(const struct insn *i)
{
	return i->op >= OP_MOVS && i->op <= OP_SCAS;
}

static void end_unknown(struct vcpu *v, const struct insn *i, const u8 *bytes, gva_t gva, gpa_t gpa)
{
	char text[3 * INSN_MAX_LENGTH + 1];

	for (unsigned n = 0; n < i->length; n++)
		ksnprintf(text + 3 * n, sizeof(text) - 3 * n, " %02x", bytes[n]);
	vcpu_end(v,
		 "it reached the device register at gpa 0x%lx (gva 0x%lx) with an instruction that is not "
		 "emulated:%s (%s)",
		 gpa, gva, text, insn_op_name(i->op));
}

void emulate_mmio(struct vcpu *v, gva_t gva, gpa_t gpa)
{
	u8 bytes[INSN_MAX_LENGTH];
	struct insn i;
	struct step s = {.v = v, .i = &i, .rflags = v->rflags};

	if (!fetch_decode(v, &i, bytes))
		return;
	if (is_string(&i)) {
		emulate_string(v, &i);
		return;
	}
	if (!i.memory || !steps[i.op]) {
		end_unknown(v, &i, bytes, gva, gpa);
		return;
	}
	if (!steps[i.op](&s))
		return;
	v->rflags = s.rflags;
	vcpu_skip(v, i.length);
}
