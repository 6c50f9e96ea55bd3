// SPDX-License-Identifier: MIT
/*
 * Sensitive instructions that are done in the cache, against the guest's state in the state page. Each
 * answers in a few instructions what costs a thousand through the monitor.
 *
 * What makes them short: reads are loads from the state page; the flags are never changed where LEA, NOT and
 * JRCXZ can do; and nothing asks whether an event waits for IF or for CR8. What could let it in is written
 * through the watched view, which the monitor takes away as long as somebody waits.
 *
 * What makes them right is the order, rule 1 of bt.h: what reads or writes the guest's memory for the first
 * time comes before anything is changed. All that has any further condition leaves by a call-out, with
 * nothing changed.
 *
 * The flavour is BT_FAST: CPL 0, IOPL 0, NT clear. So the real RFLAGS differ from the guest's in IF alone,
 * which is always set in them.
 *
 * Source: SDM vol. 2A, "CLI", "IRET/IRETD/IRETQ"; vol. 2B, "MOV - Move to/from Control Registers",
 * "POPF/POPFD/POPFQ", "PUSHF/PUSHFD/PUSHFQ", "STI", "SMSW", "STR", "SLDT"; vol. 3A, 10.8.6.1 "Interrupt Task
 * Priority in IA-32e Mode". SAHF and LAHF are not in the very first CPUs with 64-bit mode.
 *
 * Left out, so called out: operand sizes other than 64 bits, MOV to CR0 to CR4, debug registers (which trap),
 * loads of segment registers, stores of selectors to memory.
 */
#include "emit.h"

#define RAX   BT_SPILL_MASK(BT_SPILL_RAX)
#define RCX   BT_SPILL_MASK(BT_SPILL_RCX)
#define RDX   BT_SPILL_MASK(BT_SPILL_RDX)
#define FLAGS BT_FLAGS_SAVED

/* ---- the interrupt flag ---- */

/* IF is bit 1 of the second byte: mov $.., vif+1 */
static void emit_set_vif(struct emit *e, bool on)
{
	EMIT(e, 0xc6, EMIT_MODRM(0, MODRM_RIP));
	emit_window(e, (on ? EMIT_WATCHED(vif) : EMIT_STATE(vif)) + 1, 1);
	EMIT(e, on ? RFLAGS_IF >> 8 : 0);
}

/* The translator sees to it that the next instruction stands in the same block: its point has the shadow. */
static bool inline_cli_sti(struct emit *e)
{
	/* SOLUTION E1.8 { stub: (void)emit_set_vif; return bt_slow(e->c, sentence); */
	emit_set_vif(e, e->i.op == OP_STI);
	return true;
	/* } SOLUTION E1.8 */
}

/*
 * The image that PUSHF makes in ring 3 has IF set. What belongs there is that image - RFLAGS_IF + vif, which
 * LEA computes. (TF would be in the image if the monitor began a single step here. It does not: what is to
 * be stepped over and is not harmless, it emulates; and inside a translation PUSHFQ lies behind.)
 */
static bool inline_pushf(struct emit *e)
{
	/* SOLUTION E1.8 { stub: return bt_slow(e->c, sentence); */
	if (e->i.op_size != sizeof(u64))
		return false;
	EMIT(e, 0x9c); /* pushfq */
	emit_point(e, EMIT_COMMITTED, 0);
	emit_spill(e, BT_SPILL_RCX);
	emit_spill(e, BT_SPILL_RDX);
	EMIT(e, 0x48, 0x8b, 0x0c, 0x24); /* mov (%rsp), %rcx */
	emit_load(e, GPR_RDX, EMIT_STATE(vif));
	EMIT(e, 0x48, 0x8d, 0x8c, 0x11); /* lea -RFLAGS_IF(%rcx, %rdx), %rcx */
	emit_u32(e, -(u32)RFLAGS_IF);
	EMIT(e, 0x48, 0x89, 0x0c, 0x24); /* mov %rcx, (%rsp) */
	emit_unspill(e, BT_SPILL_RCX);
	emit_unspill(e, BT_SPILL_RDX);
	return true;
	/* } SOLUTION E1.8 */
}

/*
 * POPF looks at the second byte of the image: TF IF DF OF, IOPL in two bits, NT. Four values of it are common
 * and done here, in the order of how often they come; JRCXZ finds them, so that the flags are what they were
 * if it has to be the slow way. (POPF at CPL 0 leaves VM, VIF and VIP alone and clears RF, in ring 3 too.)
 * The first load reads all of the image, so that POPFQ at the end cannot fault.
 */
static bool inline_popf(struct emit *e)
{
	/* SOLUTION E1.8 { stub: return bt_slow(e->c, sentence); */
	static const u8 image[] = {0, RFLAGS_IF >> 8, RFLAGS_OF >> 8, (RFLAGS_IF | RFLAGS_OF) >> 8};
	u32 found[ARRAY_SIZE(image)], done = 0;
	u8 subtracted = 0;

	if (e->i.op_size != sizeof(u64))
		return false;
	emit_spill(e, BT_SPILL_RCX);
	EMIT(e, 0x48, 0x8b, 0x0c, 0x24); /* mov (%rsp), %rcx */
	emit_point(e, EMIT_CAN_GO_BACK, RCX);
	EMIT(e, 0x0f, 0xb6, 0xcd); /* movzbl %ch, %ecx */
	for (unsigned n = 0; n < ARRAY_SIZE(image); n++) {
		if (image[n] != subtracted)
			EMIT(e, 0x8d, 0x49, (u8)(subtracted - image[n])); /* lea ..(%rcx), %ecx */
		found[n] = emit_jump8(e, OPCODE_JRCXZ);
		subtracted = image[n];
	}
	emit_out(e, emit_way_out(e, RCX));
	for (unsigned on = 0; on < 2; on++) {
		emit_land8(e, found[on]);
		emit_land8(e, found[on + 2]);
		emit_point(e, EMIT_CAN_GO_BACK, RCX);
		emit_set_vif(e, on);
		emit_point(e, EMIT_COMMITTED, RCX);
		emit_unspill(e, BT_SPILL_RCX);
		EMIT(e, 0x9d); /* popfq */
		if (!on)
			done = emit_jump8(e, OPCODE_JMP8);
	}
	emit_land8(e, done);
	return true;
	/* } SOLUTION E1.8 */
}

/* ---- IRETQ ---- */

/* The frame, from RSP on */
#define FRAME_RIP       0x00
#define FRAME_CS        0x08
#define FRAME_RFLAGS    0x10
#define FRAME_RSP       0x18
#define FRAME_SS        0x20

/* What more than a load of RFLAGS would come of. RF may be set: only instruction breakpoints look at it. */
#define IRET_SLOW_FLAGS (RFLAGS_TF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP)

/* LAHF and SETO AL, and back */
static void emit_save_flags(struct emit *e, unsigned spilled)
{
	EMIT(e, 0x9f); /* lahf */
	emit_point(e, EMIT_CAN_GO_BACK, spilled | RAX);
	EMIT(e, 0x0f, 0x90, 0xc0); /* seto %al */
	emit_point(e, EMIT_CAN_GO_BACK, spilled | RAX | FLAGS);
}

static void emit_restore_flags(struct emit *e)
{
	EMIT(e, 0x04, 0x7f); /* add $127, %al: overflows if it was 1 */
	EMIT(e, 0x9e);       /* sahf */
}

static void emit_load_frame(struct emit *e, unsigned reg, u8 offset)
{
	EMIT(e, EMIT_REX_W, 0x8b, EMIT_MODRM(reg, 0x44), 0x24, offset); /* mov OFFSET(%rsp), %reg */
}

/* The way out, unless the selector in the frame is the present one. */
static void emit_check_selector(struct emit *e, u8 offset, unsigned segment, const struct bt_exit *slow)
{
	emit_load_frame(e, GPR_RCX, offset);
	EMIT(e, 0x48, 0x3b, EMIT_MODRM(GPR_RCX, MODRM_RIP)); /* cmp sel[segment], %rcx */
	emit_window(e, EMIT_STATE(sel) + segment * (u32)sizeof(u64), 0);
	emit_out_if(e, COND_NE, slow);
}

/* Reads all of the frame, in the order in which IRETQ pops it. RDX: the image of RFLAGS. */
static void emit_check_frame(struct emit *e, const struct bt_exit *slow)
{
	emit_load_frame(e, GPR_RDX, FRAME_RIP);
	EMIT(e, 0x48, 0xc1, 0xfa, 0x2f); /* sar $47, %rdx: 0 or -1 if it is canonical */
	EMIT(e, 0xff, 0xc2);             /* inc %edx */
	EMIT(e, 0x83, 0xfa, 0x01);       /* cmp $1, %edx */
	emit_out_if(e, COND_A, slow);
	emit_check_selector(e, FRAME_CS, SEG_CS, slow);
	emit_load_frame(e, GPR_RDX, FRAME_RFLAGS);
	EMIT(e, 0xf7, EMIT_REGS(0, GPR_RDX)); /* test $.., %edx */
	emit_u32(e, IRET_SLOW_FLAGS);
	emit_out_if(e, COND_NE, slow);
	EMIT(e, 0x48, 0x3b, EMIT_MODRM(GPR_RDX, 0x44), 0x24, FRAME_RSP); /* cmp RSP(%rsp), %rdx: reads it */
	emit_check_selector(e, FRAME_SS, SEG_SS, slow);
	EMIT(e, 0x83, EMIT_MODRM(7, MODRM_RIP)); /* cmpl $0, iret_slow */
	emit_window(e, EMIT_STATE(iret_slow), 1);
	EMIT(e, 0);
	emit_out_if(e, COND_NE, slow);
}

/*
 * IF from the image in RDX, without a branch: the image's bit is 0x200, and 8 times that is the distance of
 * the watched view from the other.
 */
_Static_assert(BT_WATCHED_OFFSET - BT_STATE_OFFSET == 8 * RFLAGS_IF, "the index of the store to vif");

static void emit_vif_from_image(struct emit *e)
{
	EMIT(e, 0x81, EMIT_REGS(4, GPR_RDX)); /* and $RFLAGS_IF, %edx */
	emit_u32(e, RFLAGS_IF);
	EMIT(e, 0x48, 0x8d, EMIT_MODRM(GPR_RCX, MODRM_RIP)); /* lea vif, %rcx */
	emit_window(e, EMIT_STATE(vif), 0);
	EMIT(e, 0x48, 0x89, EMIT_MODRM(GPR_RDX, MODRM_SIB), 0xd1); /* mov %rdx, (%rcx, %rdx, 8) */
}

/* To the code that was interrupted at the same level: same CS, same SS. */
static bool inline_iret(struct emit *e)
{
	const struct bt_exit *slow;

	if (e->i.op_size != sizeof(u64))
		return false;
	slow = emit_way_out(e, RAX | RCX | RDX | FLAGS);
	emit_spill(e, BT_SPILL_RAX);
	emit_spill(e, BT_SPILL_RCX);
	emit_spill(e, BT_SPILL_RDX);
	emit_save_flags(e, RCX | RDX);
	emit_check_frame(e, slow);
	emit_vif_from_image(e);
	emit_point(e, EMIT_COMMITTED, RAX | RCX | RDX | FLAGS);
	emit_unspill(e, BT_SPILL_RAX);
	emit_load_frame(e, GPR_RCX, FRAME_RIP);
	EMIT(e, 0x48, 0x8d, 0x64, 0x24, FRAME_RFLAGS); /* lea RFLAGS(%rsp), %rsp */
	EMIT(e, 0x9d);                                 /* popfq */
	EMIT(e, 0x5c);                                 /* pop %rsp */
	jump_emit_lookup(e);
	return true;
}

/* ---- control registers, selectors ---- */

/* mov FIELD, %rm in the size of the operand; 32 bits extend to 64. */
static void emit_load_operand(struct emit *e, unsigned reg, u32 field, unsigned size)
{
	if (size == 2)
		EMIT(e, PREFIX_OSIZE);
	EMIT(e, (u8)(EMIT_REX | reg >> 3 << 2 | (size == 8 ? INSN_REX_W : 0)), 0x8b,
	     EMIT_MODRM(reg, MODRM_RIP));
	emit_window(e, field, 0);
}

static u32 control_register(unsigned number)
{
	switch (number) {
	case 0:
		return EMIT_STATE(cr0);
	case 2:
		return EMIT_STATE(cr2);
	case 3:
		return EMIT_STATE(cr3);
	case 4:
		return EMIT_STATE(cr4);
	default:
		return EMIT_STATE(cr8);
	}
}

/* Of MOV from CR, MOV from a segment register, SMSW, SLDT, STR: where the value is. */
static u32 source_field(const struct insn *i)
{
	switch (i->op) {
	case OP_MOV_FROM_CR:
		return control_register(i->reg);
	case OP_SMSW:
		return EMIT_STATE(cr0);
	case OP_SLDT:
		return EMIT_STATE(sel[SEG_LDTR]);
	case OP_STR:
		return EMIT_STATE(sel[SEG_TR]);
	default:
		return EMIT_STATE(sel) + i->reg * (u32)sizeof(u64);
	}
}

static bool inline_load(struct emit *e)
{
	const struct insn *i = &e->i;

	if (i->memory)
		return false;
	emit_load_operand(e, i->rm, source_field(i), i->op == OP_MOV_FROM_CR ? 8 : i->op_size);
	return true;
}

static bool inline_push_segment(struct emit *e)
{
	if (e->i.op_size != sizeof(u64))
		return false;
	EMIT(e, 0xff, EMIT_MODRM(6, MODRM_RIP)); /* push sel[..] */
	emit_window(e, source_field(&e->i), 0);
	return true;
}

/* Any other value than 0 to 15 is a #GP, and the monitor's. */
static bool inline_mov_to_cr8(struct emit *e)
{
	const struct bt_exit *slow;

	if (e->i.reg != 8)
		return false;
	slow = emit_way_out(e, RAX | RCX | FLAGS);
	emit_spill(e, BT_SPILL_RAX);
	emit_spill(e, BT_SPILL_RCX);
	EMIT(e, EMIT_REX_WRB(e->i.rm, 0), 0x89, EMIT_REGS(e->i.rm, GPR_RCX)); /* mov %rm, %rcx */
	emit_point(e, EMIT_CAN_GO_BACK, RCX);
	emit_save_flags(e, RCX);
	EMIT(e, 0x48, 0x83, 0xf9, 0x0f); /* cmp $15, %rcx */
	emit_out_if(e, COND_A, slow);
	emit_store(e, GPR_RCX, EMIT_WATCHED(cr8));
	emit_point(e, EMIT_COMMITTED, RAX | RCX | FLAGS);
	emit_restore_flags(e);
	emit_unspill(e, BT_SPILL_RCX);
	emit_unspill(e, BT_SPILL_RAX);
	return true;
}

bool inline_insn(struct emit *e)
{
	switch (e->i.op) {
	case OP_CLI:
	case OP_STI:
		return inline_cli_sti(e);
	case OP_PUSHF:
		return inline_pushf(e);
	case OP_POPF:
		return inline_popf(e);
	case OP_IRET:
		return inline_iret(e);
	case OP_MOV_FROM_CR:
	case OP_MOV_FROM_SEG:
	case OP_SMSW:
	case OP_SLDT:
	case OP_STR:
		return inline_load(e);
	case OP_PUSH_SEG:
		return inline_push_segment(e);
	case OP_MOV_TO_CR:
		return inline_mov_to_cr8(e);
	}
	return false;
}
