// SPDX-License-Identifier: MIT
/*
 * String instructions: MOVS STOS LODS CMPS SCAS where an operand is a device register, and INS OUTS; and
 * plain IN and OUT beside them.
 *
 * A repeated instruction runs a bounded portion an exit. Between iterations RCX, RSI and RDI are exact and
 * RIP is still at the instruction, so that a fault, an interrupt or the end of the portion needs nothing
 * special: the guest runs the instruction again and goes on where it was. Source: SDM vol. 2B,
 * "REP/REPE/REPZ/REPNE/REPNZ"; vol. 1, 7.3.9 "String Operations".
 *
 * The caller has checked that the guest may use the port.
 */
#include "vmm/alu.h"
#include "vmm/emulate.h"
#include "vmm/emulate_access.h"

#define ITERATIONS_MAX 256 /* of one exit */

/* A string instruction, wherever it was learnt from. */
struct string_op {
	struct vcpu *v;
	u8 op;   /* enum insn_op */
	u8 size; /* of an element */
	u8 addr_size;
	u8 segment; /* of the source; the destination is in ES */
	u8 length;
	bool repeat;
	bool until_equal; /* REPNE, for CMPS and SCAS */
	u16 port;
};

static u64 pointer(const struct string_op *s, unsigned gpr)
{
	return register_read(s->v, gpr, s->addr_size, true);
}

static void advance(const struct string_op *s, unsigned gpr)
{
	u64 step = s->v->rflags & RFLAGS_DF ? -(u64)s->size : s->size;

	register_write(s->v, gpr, s->addr_size, true, pointer(s, gpr) + step);
}

static bool open_source(const struct string_op *s, struct place *p)
{
	return place_open(s->v, p, s->segment, pointer(s, GPR_RSI), s->size, ACCESS_READ);
}

static bool open_target(const struct string_op *s, struct place *p, unsigned access)
{
	return place_open(s->v, p, SEG_ES, pointer(s, GPR_RDI), s->size, access);
}

/* One iteration; false when a fault was raised, and then nothing has happened. */
static bool iterate(const struct string_op *s)
{
	struct vcpu *v = s->v;
	bool uses_source = s->op != OP_STOS && s->op != OP_SCAS && s->op != OP_INS;
	bool uses_target = s->op != OP_LODS && s->op != OP_OUTS;
	bool stores = s->op == OP_MOVS || s->op == OP_STOS || s->op == OP_INS;
	u64 accumulator = register_read(v, GPR_RAX, s->size, true);
	struct place source, target;

	if (uses_source && !open_source(s, &source))
		return false;
	if (uses_target && !open_target(s, &target, stores ? ACCESS_WRITE : ACCESS_READ))
		return false;
	switch (s->op) {
	case OP_MOVS:
		place_write(v, &target, place_read(v, &source));
		break;
	case OP_STOS:
		place_write(v, &target, accumulator);
		break;
	case OP_LODS:
		register_write(v, GPR_RAX, s->size, true, place_read(v, &source));
		break;
	case OP_CMPS:
		accumulator = place_read(v, &source);
		alu_binary(ALU_SUB, accumulator, place_read(v, &target), s->size, &v->rflags);
		break;
	case OP_SCAS:
		alu_binary(ALU_SUB, accumulator, place_read(v, &target), s->size, &v->rflags);
		break;
	case OP_INS:
		place_write(v, &target, vm_pio_read(v->vm, s->port, s->size));
		break;
	case OP_OUTS:
		vm_pio_write(v->vm, s->port, s->size, (u32)place_read(v, &source));
		break;
	}
	if (uses_source)
		advance(s, GPR_RSI);
	if (uses_target)
		advance(s, GPR_RDI);
	return true;
}

/* Did a comparison end the repetition? */
static bool decided(const struct string_op *s)
{
	bool equal = s->v->rflags & RFLAGS_ZF;

	return (s->op == OP_CMPS || s->op == OP_SCAS) && equal == s->until_equal;
}

static void repeat(const struct string_op *s)
{
	struct vcpu *v = s->v;
	unsigned portion = v->rflags & RFLAGS_TF ? 1 : ITERATIONS_MAX;

	while (pointer(s, GPR_RCX) != 0) {
		if (portion-- == 0) {
			/* Single step stops after each iteration, and RIP stays: SDM vol. 3B, 17.3.1.4. */
			if (v->rflags & RFLAGS_TF)
				event_debug(v, DR6_BS);
			return;
		}
		if (!iterate(s) || v->state == VCPU_ENDED)
			return;
		register_write(v, GPR_RCX, s->addr_size, true, pointer(s, GPR_RCX) - 1);
		if (decided(s))
			break;
	}
	vcpu_skip(v, s->length);
}

static void run(const struct string_op *s)
{
	if (s->repeat)
		repeat(s);
	else if (iterate(s))
		vcpu_skip(s->v, s->length);
}

void emulate_string(struct vcpu *v, const struct insn *i)
{
	struct string_op s = {
		.v = v,
		.op = i->op,
		.size = i->op_size,
		.addr_size = i->addr_size,
		.segment = i->segment,
		.length = i->length,
		.repeat = i->rep || i->repne,
		.until_equal = i->repne,
	};

	run(&s);
}

/* ---- port I/O ---- */

/* Engines whose CPU does not report an instruction's length know neither its segment: both are in the
 * instruction. */
static void io_string(struct vcpu *v, const struct vmexit *exit, const struct insn *i)
{
	struct string_op s = {
		.v = v,
		.op = exit->io.write ? OP_OUTS : OP_INS,
		.size = exit->io.size,
		.addr_size = exit->insn_len ? exit->io.addr_size : i->addr_size,
		.segment = exit->insn_len ? exit->io.segment : i->segment,
		.length = exit->insn_len ? exit->insn_len : i->length,
		.repeat = exit->io.rep,
		.port = exit->io.port,
	};

	run(&s);
}

/* A string, or the engine does not know the length. */
static COLD void emulate_io_unusual(struct vcpu *v, const struct vmexit *exit)
{
	struct insn i = {.length = exit->insn_len};
	struct vmexit known = *exit;

	if (!exit->insn_len && !emulate_decode(v, &i))
		return;
	known.insn_len = i.length;
	if (exit->io.string)
		io_string(v, exit, &i);
	else
		emulate_io(v, &known);
}

void emulate_io(struct vcpu *v, const struct vmexit *exit)
{
	if (exit->io.string || !exit->insn_len) {
		emulate_io_unusual(v, exit);
		return;
	}
	emulate_port(v, exit);
	vcpu_skip(v, exit->insn_len);
}
