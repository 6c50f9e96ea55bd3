/* SPDX-License-Identifier: MIT */
/*
 * One block in the making: its bytes, its points, its exits. What the files of the translator share.
 *
 *   translate.c   from instruction to instruction; what each is turned into
 *   copy.c        instructions that stay what they are
 *   jump.c        jumps, calls, returns
 *   inline.c      sensitive instructions that are done in the cache
 *   emit.c        below them: code and tables
 *
 * Nothing here fails at once. When there is no room any more `full` is set, and the block is dropped at its
 * end.
 */
#ifndef BT_EMIT_H
#define BT_EMIT_H

#include "bt.h"
#include "vmm/vcpu.h" /* exercise_sentence(), in a workspace */
#include "x86/regs.h"

/* A rel32 that can be filled in only when the block's end is there: of a way out, or of a literal. */
struct emit_fixup {
	u32 at;
	bool literal;
	u64 value; /* the literal, or the number of the exit */
};

/* An instruction has one, only the last of a block a few more. */
#define EMIT_FIXUPS (BT_BLOCK_INSNS + 16)

struct emit {
	struct bt_cache *c;
	struct bt_block *b;
	const struct bt_source *source;
	u32 at;    /* offset in the cache of the next byte */
	bool full; /* there was no room for something */
	/* the guest's instruction that is being translated */
	struct insn i;
	const u8 *bytes;
	u64 rip, next_rip;
	bool shadow; /* it stands behind STI */
	bool ends;   /* the block goes on nowhere behind it */

	struct bt_exit nowhere; /* in place of an exit that there was no room for */
	struct emit_fixup fixup[EMIT_FIXUPS];
	unsigned fixups;
};

/* ---- bytes ---- */

#define EMIT(e, ...) emit_bytes(e, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))
void emit_bytes(struct emit *e, const u8 *bytes, unsigned count);
void emit_u32(struct emit *e, u32 value);
void emit_u64(struct emit *e, u64 value);

/* Does it fit into 32 bits that are sign-extended? */
static inline bool emit_fits(u64 value)
{
	return (u64)(s64)(s32)value == value;
}

/* ---- parts of instructions. SDM vol. 2A, 2.1.5 "Addressing-Mode Encoding of ModR/M and SIB Bytes" ---- */

#define EMIT_REX                 0x40
#define EMIT_REX_W               0x48
#define MODRM_MOD                0xc0
#define MODRM_REG                0x38
#define MODRM_RM                 0x07
#define MODRM_RIP                0x05 /* mod = 0: RIP-relative */
#define MODRM_SIB                0x04 /* mod = 0: a SIB byte follows */
#define SIB_ABSOLUTE             0x25 /* mod = 0: no base, no index, disp32 */
/* ModRM with a register of 0..7 and such an operand; two registers */
#define EMIT_MODRM(reg, operand) ((u8)(((reg)&7) << 3 | (operand)))
#define EMIT_REGS(reg, rm)       ((u8)(MODRM_MOD | ((reg)&7) << 3 | ((rm)&7)))
/* REX with W, for these two registers */
#define EMIT_REX_WRB(reg, rm)    ((u8)(EMIT_REX_W | ((reg) >> 3) << 2 | (rm) >> 3))

/* The disp32 of a RIP-relative operand at that offset of the window; `behind`: bytes of the instruction that
 * follow it. */
void emit_window(struct emit *e, u32 offset, unsigned behind);
/* mov %reg, FIELD and mov FIELD, %reg: 64 bits of the state page. */
void emit_store(struct emit *e, unsigned reg, u32 field);
void emit_load(struct emit *e, unsigned reg, u32 field);
void emit_spill(struct emit *e, enum bt_spill s);
void emit_unspill(struct emit *e, enum bt_spill s);
/* mov $value, %reg */
void emit_load_imm(struct emit *e, unsigned reg, u64 value);
/* push $value */
void emit_push_imm(struct emit *e, u64 value);
/* A jump forward of one byte, to the next emit_land8(). */
u32 emit_jump8(struct emit *e, u8 opcode);
void emit_land8(struct emit *e, u32 jump);

#define EMIT_STATE(field)   (BT_STATE_OFFSET + (u32)offsetof(struct bt_state, field))
#define EMIT_WATCHED(field) (BT_WATCHED_OFFSET + (u32)offsetof(struct bt_state, field))

#define PREFIX_FS           0x64 /* GS follows */
#define PREFIX_OSIZE        0x66
#define PREFIX_ASIZE        0x67
#define OPCODE_UD2          0x0f, 0x0b
#define OPCODE_JMP8         0xeb
#define OPCODE_JMP          0xe9
#define OPCODE_JCC          0x80 /* behind 0F; rel32 */
#define OPCODE_JRCXZ        0xe3
#define COND_NE             0x5
#define COND_A              0x7

/* ---- points: what is true from here on ---- */

enum emit_point {
	EMIT_BOUNDARY,    /* before the instruction */
	EMIT_CAN_GO_BACK, /* inside it, nothing has happened yet */
	EMIT_COMMITTED,   /* inside it, part of it has happened */
};
void emit_point(struct emit *e, enum emit_point kind, unsigned spilled);

/* ---- exits ---- */

/* UD2 and number, here. */
void emit_callout(struct emit *e);
void emit_invalid(struct emit *e, enum decode_result result);
/* The same, behind a copy that has stored x87 state. */
void emit_stored(struct emit *e);
/* In a workspace, in place of a solution: the block ends here, and so does the guest. */
void emit_missing(struct emit *e, const char *sentence);
/* A jump to the guest's `rip`, by a chain or by an exit at the end of the block: JMP, or Jcc of a condition.
 */
void emit_chain(struct emit *e, u64 rip);
void emit_chain_if(struct emit *e, unsigned cond, u64 rip);
/* A way out of an inlined sequence, to an exit at the end of the block; and a jump to it. */
struct bt_exit *emit_way_out(struct emit *e, unsigned spilled);
void emit_out(struct emit *e, const struct bt_exit *exit);
void emit_out_if(struct emit *e, unsigned cond, const struct bt_exit *exit);

/* Begins a block at the end of the cache; ends it with what was promised above. False: no room. */
void emit_begin(struct emit *e, struct bt_cache *c, const struct bt_source *source);
bool emit_end(struct emit *e);

/* ---- the other files ---- */

/* copy.c: an instruction as it is, but for a RIP-relative operand; its operand into RCX, which is saved. */
void copy_insn(struct emit *e);
void copy_operand_to_rcx(struct emit *e);
/* jump.c. False: it is no jump. */
void jump_emit_checked_entry(struct emit *e);
bool jump_translate(struct emit *e);
/* RCX holds the destination; RCX and RDX are saved. */
void jump_emit_lookup(struct emit *e);
/* inline.c. False: nothing was emitted, the monitor has to emulate it. */
bool inline_insn(struct emit *e);

#endif
