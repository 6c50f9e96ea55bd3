/* SPDX-License-Identifier: MIT */
/* Short names for the columns of the tables of VEX and EVEX, which have hundreds of rows. For these two files
 * alone. */
#ifndef X86_DECODE_VECTOR_SHORT_H
#define X86_DECODE_VECTOR_SHORT_H

#include "x86/decode_vector.h"

/* clang-format off */

#define SIMD    OP_SIMD
#define TO_REG  OP_SIMD_TO_REG
#define TO_RM   OP_SIMD_TO_RM
#define FROM_RM OP_SIMD_FROM_RM
#define COMPARE OP_SIMD_COMPARE

#define N       BIT(PREFIX_NONE)
#define S       BIT(PREFIX_66)
#define R       BIT(PREFIX_F3)
#define D       BIT(PREFIX_F2)
#define ANY     (N | S | R | D)

#define MEM     FORM_MEM
#define REG     FORM_REG
#define E       (MEM | REG)
#define V       FORM_VVVV
#define L0      FORM_L0
#define L1      FORM_L1
#define W0      FORM_W0
#define W1      FORM_W1
#define VSIB    FORM_VSIB
#define DIST    FORM_DISTINCT
#define K       FORM_MASK_REG

/* clang-format on */

#endif
