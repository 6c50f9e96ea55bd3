/* SPDX-License-Identifier: MIT */
/*
 * The opcode maps as data: 32 bits of attributes an opcode. An entry says what follows the opcode, how large
 * the operands are and which forms exist. The entry of a group is OR-ed with the one of its opcode, so that
 * each attribute is written once. Private to the decoder.
 */
#ifndef X86_DECODE_TABLES_H
#define X86_DECODE_TABLES_H

#include "x86/decode.h"

/* Bits 0..7: enum insn_op; with ATTR_GROUP the number of the group. */
#define ATTR_OP     0x000000ff

/* Bits 8..11: the immediate, named as in SDM vol. 2D, A.2 "Key to Abbreviations" */
#define ATTR_IMM    0x00000f00
#define IMM_NONE    0x00000000
#define IMM_IB      0x00000100 /* 8 bits, sign-extended */
#define IMM_IW      0x00000200 /* 16 bits, zero-extended */
#define IMM_IZ      0x00000300 /* 16 or 32 bits by the operand size */
#define IMM_IV      0x00000400 /* 16, 32 or 64 bits by the operand size */
#define IMM_IBZ     0x00000500 /* 8 bits for an operand of a byte, otherwise as Iz */
#define IMM_IWB     0x00000600 /* 16 bits and 8 bits: ENTER */
#define IMM_IBB     0x00000700 /* 8 bits and 8 bits: EXTRQ, INSERTQ */
#define IMM_ID      0x00000800 /* 32 bits: XOP map 10 */
#define IMM_JB      0x00000900 /* distance of 8 bits */
#define IMM_JZ      0x00000a00 /* distance of 16 or 32 bits; in 64-bit mode always 32 */
#define IMM_AP      0x00000b00 /* far pointer */
#define IMM_OB      0x00000c00 /* memory offset of the address size: MOV A0..A3 */

/* Bits 12..14: the operand size */
#define ATTR_SIZE   0x00007000
#define SIZE_V      0x00000000 /* 2, 4 or 8 by mode, prefix 66 and REX.W */
#define SIZE_B      0x00001000 /* 1 */
#define SIZE_W      0x00002000 /* 2 */
#define SIZE_Z      0x00003000 /* 2 or 4: REX.W counts for nothing */
#define SIZE_D64    0x00004000 /* as V; in 64-bit mode 8 or 2 */
#define SIZE_F64    0x00005000 /* as V; in 64-bit mode 8 */
#define SIZE_NAT    0x00006000 /* 8 in 64-bit mode, otherwise 4 */
#define SIZE_VW     0x00007000 /* a register: as V; memory: 2 */

#define ATTR_MODRM  0x00008000
#define ATTR_GROUP  0x00010000 /* ModRM.reg and the form select an entry of opcode_groups[] */
#define ATTR_NO64   0x00020000 /* refused in 64-bit mode */
#define ATTR_ONLY64 0x00040000 /* refused outside 64-bit mode */
#define ATTR_LOCK   0x00080000 /* LOCK is allowed with a memory operand */
#define ATTR_OPREG  0x00100000 /* the low three bits of the opcode are a register */
#define ATTR_COND   0x00200000 /* the low four bits of the opcode are a condition */
#define ATTR_REGS   0x00400000 /* ModRM names registers whatever its mod says: MOV CR, MOV DR */

#define ATTR_BY_PREFIX                                                                                       \
	0x00800000 /* a mandatory prefix may make another operation of it: opcode_by_prefix[] */

/* Bits 24..31: forms that do not exist, by operand (memory, register) and mandatory prefix (none, 66, F3,
 * F2). */
#define ATTR_REFUSE_MEM 24
#define ATTR_REFUSE_REG 28
#define PREFIX_NONE     0
#define PREFIX_66       1
#define PREFIX_F3       2
#define PREFIX_F2       3
#define PREFIX_COUNT    4
#define ATTR_INVALID    0xff000000

/* Values of insn.map */
#define MAP_ONE_BYTE    0
#define MAP_0F          1
#define MAP_0F38        2
#define MAP_0F3A        3
#define MAP_3DNOW       4
#define MAP_EVEX_5      5 /* half-precision floats */
#define MAP_EVEX_6      6
#define MAP_XOP_8       8
#define MAP_XOP_9       9
#define MAP_XOP_10      10

#define OPCODE_COUNT    256
extern const u32 opcode_map_1[OPCODE_COUNT]; /* one byte */
extern const u32 opcode_map_0f[OPCODE_COUNT];
extern const u32 opcode_map_0f38[OPCODE_COUNT];
extern const u32 opcode_map_0f3a[OPCODE_COUNT];

/* The last opcode byte of 3DNow! instructions, which stands where an immediate would: those that exist, a bit
 * each. */
extern const u32 opcode_3dnow[OPCODE_COUNT / 32];

/* Groups, in the order and by the names of SDM vol. 2D, table A-6 "Opcode Extensions for One- and Two-byte
 * Opcodes by Group Number" */
enum opcode_group {
	GROUP_1,
	GROUP_1A,
	GROUP_2,
	GROUP_3,
	GROUP_4,
	GROUP_5,
	GROUP_6,
	GROUP_7,
	GROUP_8,
	GROUP_9,
	GROUP_11,
	GROUP_12,
	GROUP_13,
	GROUP_14,
	GROUP_15,
	GROUP_17,
	GROUP_KEYLOCKER,
	GROUP_COUNT
};

struct opcode_group_row {
	u32 mem[8]; /* by ModRM.reg */
	u32 reg[8];
};
extern const struct opcode_group_row opcode_groups[GROUP_COUNT];

/* 0F 01 with a register form: the whole ModRM byte selects, C0..FF. */
extern const u32 opcode_0f01_reg[64];

/* Operations that share an opcode, and differ by the mandatory prefix: who has another one than the map says.
 * Of the opcodes with ATTR_BY_PREFIX; a row without an opcode ends the list. */
struct opcode_by_prefix {
	u8 map, opcode, prefix, modrm, modrm_mask, op;
};
extern const struct opcode_by_prefix opcode_by_prefix[];

/* x87, D8..DF: the forms that exist; a bit for ModRM.reg with memory, a bit for ModRM - C0 with registers. */
extern const u8 opcode_x87_mem[8];
extern const u64 opcode_x87_reg[8];

#endif
