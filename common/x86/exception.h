/* SPDX-License-Identifier: MIT */
/*
 * Exception vectors, which of them push an error code, and the layout of the error codes.
 * Source: SDM vol. 3A, 6.3.1 "External Interrupts", 6.13 "Error Code", 6.15 "Exception and Interrupt
 * Reference".
 */
#ifndef X86_EXCEPTION_H
#define X86_EXCEPTION_H

#define VEC_DE             0
#define VEC_DB             1
#define VEC_NMI            2
#define VEC_BP             3
#define VEC_OF             4
#define VEC_BR             5
#define VEC_UD             6
#define VEC_NM             7
#define VEC_DF             8
#define VEC_TS             10
#define VEC_NP             11
#define VEC_SS             12
#define VEC_GP             13
#define VEC_PF             14
#define VEC_MF             16
#define VEC_AC             17
#define VEC_MC             18
#define VEC_XM             19
#define VEC_VE             20
#define VEC_CP             21
#define VEC_EXCEPTIONS     32 /* the first vector that is not reserved for exceptions */

/* One bit a vector: an error code is pushed for #DF #TS #NP #SS #GP #PF #AC #CP. */
#define VEC_HAS_ERROR_MASK 0x00227d00

#define PF_PRESENT         0x01 /* 0: not present, 1: a protection violation */
#define PF_WRITE           0x02
#define PF_USER            0x04
#define PF_RSVD            0x08
#define PF_FETCH           0x10

/* Error code of a fault that names a selector, or an IDT entry. */
#define SEL_ERROR_EXT      0x1
#define SEL_ERROR_IDT      0x2
#define SEL_ERROR_TI       0x4

#ifndef __ASSEMBLER__
/* "#GP", "#PF", "NMI", or "INT" for a vector that is no exception. (exception.c) */
const char *exception_name(unsigned vector);

static inline int exception_has_error(unsigned vector)
{
	return vector < VEC_EXCEPTIONS && (VEC_HAS_ERROR_MASK >> vector & 1);
}
#endif

#endif
