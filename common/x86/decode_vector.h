/* SPDX-License-Identifier: MIT */
/* The maps of VEX and EVEX as data: which forms of an opcode exist. Private to the decoder. */
#ifndef X86_DECODE_VECTOR_H
#define X86_DECODE_VECTOR_H

#include "x86/decode_private.h"
#include "x86/decode_tables.h"

/* Bits of vector_form.attr */
#define FORM_MEM         0x0001 /* with memory */
#define FORM_REG         0x0002 /* with registers */
#define FORM_VVVV        0x0004 /* vvvv names an operand; otherwise it must be 1111b */
#define FORM_L0          0x0008 /* 128 bits or scalar; no bit: every length */
#define FORM_L1          0x0010 /* 256 bits */
#define FORM_L2          0x0020 /* 512 bits */
#define FORM_W0          0x0040 /* no bit: both */
#define FORM_W1          0x0080
#define FORM_BROADCAST   0x0100  /* EVEX.b is allowed with memory */
#define FORM_ROUNDING    0x0200  /* EVEX.b is allowed with registers, and L'L then a rounding mode */
#define FORM_MASK        0x0400  /* EVEX.aaa may name a mask */
#define FORM_MASK_NEEDED 0x0800  /* it must */
#define FORM_ZEROING     0x1000  /* EVEX.z is allowed with a mask */
#define FORM_VSIB        0x2000  /* memory by SIB, with a vector as its index */
#define FORM_SIB         0x4000  /* memory by SIB */
#define FORM_RM0         0x8000  /* ModRM.rm is 0 */
#define FORM_DISTINCT    0x10000 /* registers must differ: decode_vector.c */
#define FORM_MASK_REG    0x20000 /* ModRM.reg names a mask, with VEX vvvv too: there are eight */
#define FORM_ONLY64      0x40000 /* in 64-bit mode alone */
#define FORM_TILES       (FORM_MASK_REG | 0x80000) /* registers are tiles: ModRM.rm too is below 8 */

/* A form of a range of opcodes. Rows with the same range follow each other, ranges do not overlap and ascend.
 */
struct vector_form {
	u8 first, last; /* opcodes */
	u8 op;          /* enum insn_op */
	u8 prefixes;    /* BIT(PREFIX_*): the values of pp */
	u32 attr;
	u8 regs; /* a bit for each value of ModRM.reg that exists; 0: all */
};

struct vector_map {
	const struct vector_form *forms;
	unsigned count;
};

#define VECTOR_MAPS 7 /* by insn.map */
extern const struct vector_map vex_maps[VECTOR_MAPS], evex_maps[VECTOR_MAPS];

/* Reads what stands between C4, C5, 62 or 8F and ModRM, and finds the form; `kind` is INSN_VEX2 .. */
bool decode_vector(struct decoder *d, u8 kind);

#endif
