// SPDX-License-Identifier: MIT
/*
 * The opcode maps.
 *
 * Source: SDM vol. 2D, appendix A "Opcode Map" and the pages of the instructions in volumes 2A to 2D;
 * APM vol. 3, appendix A "Opcode and Operand Encodings" for SVM, SSE4a and 3DNow!.
 *
 * A row is eight opcodes of the maps of one byte and 0F, sixteen of 0F38 and 0F3A. Names follow the
 * SDM's key: M has ModRM, I? is an immediate, J? a distance, b w z v a size. An SSE opcode lists the
 * mandatory prefixes that it knows (N none, S 66, R F3, D F2) behind p (with memory or registers),
 * m (memory only) or r (registers only).
 *
 * Left out: which VEX, EVEX and XOP encodings exist (decode.c knows their lengths), and what VIA added.
 */
#include "x86/decode_tables.h"

/* clang-format off */

#define X   ATTR_INVALID
#define o   0 /* a valid opcode of which there is nothing to say */
#define M   ATTR_MODRM
#define B   SIZE_B
#define W   SIZE_W
#define Z   SIZE_Z
#define D64 SIZE_D64
#define F64 SIZE_F64
#define NAT SIZE_NAT
#define VW  SIZE_VW
#define Mb  (M | B)
#define Mw  (M | W)
#define Ib  IMM_IB
#define Iw  IMM_IW
#define Iz  IMM_IZ
#define Iv  IMM_IV
#define Ibz IMM_IBZ
#define Iwb IMM_IWB
#define Ibb IMM_IBB
#define Jb  (IMM_JB | F64)
#define Jz  (IMM_JZ | F64)
#define Ap  IMM_AP
#define Ob  (IMM_OB | B)
#define Ov  IMM_OB
#define Or  ATTR_OPREG
#define N64 ATTR_NO64
#define O64 ATTR_ONLY64
#define Lk  ATTR_LOCK
#define CC  ATTR_COND
#define G(number) (ATTR_GROUP | GROUP_##number)

/* Which mandatory prefixes a form knows */
#define NP (1u << PREFIX_NONE)
#define PS (1u << PREFIX_66)
#define PR (1u << PREFIX_F3)
#define PD (1u << PREFIX_F2)
#define FORMS(in_mem, in_reg)                                                                                \
	((u32)(~(in_mem) & ANY) << ATTR_REFUSE_MEM | (u32)(~(in_reg) & ANY) << ATTR_REFUSE_REG)
#define ANY    0xf
#define Mo     FORMS(ANY, 0) /* with memory only */
#define SSE(p) (M | FORMS(p, p))
#define SSEm(p) (M | FORMS(p, 0))
#define SSEr(p) (M | FORMS(0, p))

#define pN    SSE(NP)
#define pS    SSE(PS)
#define pR    SSE(PR)
#define pNS   SSE(NP | PS)
#define pNR   SSE(NP | PR)
#define pSD   SSE(PS | PD)
#define pNSR  SSE(NP | PS | PR)
#define pSRD  SSE(PS | PR | PD)
#define pNSRD SSE(NP | PS | PR | PD)
#define mN    SSEm(NP)
#define mS    SSEm(PS)
#define mR    SSEm(PR)
#define mD    SSEm(PD)
#define mNS   SSEm(NP | PS)
#define mNR   SSEm(NP | PR)
#define mNSR  SSEm(NP | PS | PR)
#define rN    SSEr(NP)
#define rS    SSEr(PS)
#define rR    SSEr(PR)
#define rD    SSEr(PD)
#define rNS   SSEr(NP | PS)
#define rNR   SSEr(NP | PR)
#define rNSR  SSEr(NP | PS | PR)
#define rNRD  SSEr(NP | PR | PD)
#define rNSRD SSEr(NP | PS | PR | PD)

/* The six forms of an ALU operation: r/m with r, r with r/m, accumulator with immediate. */
#define ALU(op, lock) Mb | lock | op, M | lock | op, Mb | op, M | op, B | Ib | op, Iz | op
#define PUSHSEG (N64 | OP_PUSH_SEG)
#define POPSEG  (N64 | OP_POP_SEG)
#define INCR    (Or | OP_INC)
#define DECR    (Or | OP_DEC)
#define STACKR  (Or | D64)
#define JCC8    (Jb | CC | OP_JCC)
#define XCHGR   (Or | OP_XCHG)
#define MOVB    (Or | B | Ib | OP_MOV)
#define MOVV    (Or | Iv | OP_MOV)
#define LOOP8   (Jb | OP_LOOP)

const u32 opcode_map_1[OPCODE_COUNT] = {
/* 00 */ ALU(OP_ADD, Lk), PUSHSEG, POPSEG,
/* 08 */ ALU(OP_OR, Lk), PUSHSEG, X /* 0F: two bytes */,
/* 10 */ ALU(OP_ADC, Lk), PUSHSEG, POPSEG,
/* 18 */ ALU(OP_SBB, Lk), PUSHSEG, POPSEG,
/* 20 */ ALU(OP_AND, Lk), X /* ES: */, N64 /* DAA */,
/* 28 */ ALU(OP_SUB, Lk), X /* CS: */, N64 /* DAS */,
/* 30 */ ALU(OP_XOR, Lk), X /* SS: */, N64 /* AAA */,
/* 38 */ ALU(OP_CMP, 0), X /* DS: */, N64 /* AAS */,
/* 40 */ INCR,   INCR,   INCR,   INCR,   INCR,   INCR,   INCR,   INCR, /* in 64-bit mode REX */
/* 48 */ DECR,   DECR,   DECR,   DECR,   DECR,   DECR,   DECR,   DECR,
/* 50 */ STACKR, STACKR, STACKR, STACKR, STACKR, STACKR, STACKR, STACKR,
/* 58 */ STACKR, STACKR, STACKR, STACKR, STACKR, STACKR, STACKR, STACKR,
/* 60 */ N64 /* PUSHA */, N64 /* POPA */, M | N64 | Mo /* BOUND, or EVEX */, M | OP_MOVSXD /* or ARPL */,
         X /* FS: */, X /* GS: */, X, X,
/* 68 */ D64 | Iz, M | Iz /* IMUL */, D64 | Ib, M | Ib /* IMUL */,
         B | OP_INS, Z | OP_INS, B | OP_OUTS, Z | OP_OUTS,
/* 70 */ JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,
/* 78 */ JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,
/* 80 */ Mb | Ib | G(1), M | Iz | G(1), Mb | Ib | N64 | G(1), M | Ib | G(1),
         Mb | OP_TEST, M | OP_TEST, Mb | Lk | OP_XCHG, M | Lk | OP_XCHG,
/* 88 */ Mb | OP_MOV, M | OP_MOV, Mb | OP_MOV, M | OP_MOV,
         M | VW | OP_MOV_FROM_SEG, M | Mo /* LEA */, Mw | OP_MOV_TO_SEG, M | D64 | G(1A),
/* 90 */ XCHGR /* NOP, PAUSE */, XCHGR, XCHGR, XCHGR, XCHGR, XCHGR, XCHGR, XCHGR,
/* 98 */ o, o, N64 | Ap | OP_CALL_FAR, o /* FWAIT */,
         D64 | OP_PUSHF, D64 | OP_POPF, o /* SAHF */, o /* LAHF */,
/* A0 */ Ob | OP_MOV, Ov | OP_MOV, Ob | OP_MOV, Ov | OP_MOV, B | OP_MOVS, OP_MOVS, B | OP_CMPS, OP_CMPS,
/* A8 */ B | Ib | OP_TEST, Iz | OP_TEST, B | OP_STOS, OP_STOS, B | OP_LODS, OP_LODS, B | OP_SCAS, OP_SCAS,
/* B0 */ MOVB,   MOVB,   MOVB,   MOVB,   MOVB,   MOVB,   MOVB,   MOVB,
/* B8 */ MOVV,   MOVV,   MOVV,   MOVV,   MOVV,   MOVV,   MOVV,   MOVV,
/* C0 */ Mb | Ib | G(2), M | Ib | G(2), F64 | Iw | OP_RET, F64 | OP_RET,
         M | N64 | Mo | OP_LOAD_FAR_POINTER, M | N64 | Mo | OP_LOAD_FAR_POINTER, Mb | G(11), M | G(11),
/* C8 */ D64 | Iwb /* ENTER */, D64 /* LEAVE */, Iw | OP_RET_FAR, OP_RET_FAR,
         OP_INT3, Ib | OP_INT, N64 | OP_INTO, OP_IRET,
/* D0 */ Mb | G(2), M | G(2), Mb | G(2), M | G(2),
         N64 | B | Ib /* AAM */, N64 | B | Ib /* AAD */, N64 | B /* SALC */, B /* XLAT */,
/* D8 */ M,      M,      M,      M,      M,      M,      M,      M, /* x87: opcode_x87_mem, opcode_x87_reg */
/* E0 */ LOOP8, LOOP8, LOOP8, LOOP8, B | Ib | OP_IN, Z | Ib | OP_IN, B | Ib | OP_OUT, Z | Ib | OP_OUT,
/* E8 */ Jz | OP_CALL, Jz | OP_JMP, N64 | Ap | OP_JMP_FAR, Jb | OP_JMP,
         B | OP_IN, Z | OP_IN, B | OP_OUT, Z | OP_OUT,
/* F0 */ X /* LOCK */, OP_INT1, X /* REPNE */, X /* REP */, OP_HLT, o /* CMC */, Mb | G(3), M | G(3),
/* F8 */ o /* CLC */, o /* STC */, OP_CLI, OP_STI, o /* CLD */, o /* STD */, Mb | G(4), M | G(5),
};

#define HINT  M /* prefetches and reserved NOPs */
#define CMOV  (M | CC)
#define JCCZ  (Jz | CC | OP_JCC)
#define SETCC (Mb | CC)
#define BSWAP Or
#define FARP  (M | Mo | OP_LOAD_FAR_POINTER)
#define MOVCR (M | ATTR_REGS | NAT)

const u32 opcode_map_0f[OPCODE_COUNT] = {
/* 00 */ M | G(6), M | G(7), M | OP_LAR, M | OP_LSL, X, OP_SYSCALL, OP_CLTS, OP_SYSRET,
/* 08 */ OP_INVD, OP_WBINVD, X, OP_UD, X, HINT /* PREFETCHW */, o /* FEMMS */, M /* 3DNow! */,
/* 10 */ pNSRD, pNSRD, FORMS(ANY, NP | PR | PD) | M, mNS, pNS, pNS, FORMS(NP | PS | PR, NP | PR) | M, mNS,
/* 18 */ HINT,  HINT,  HINT,  HINT,  HINT,  HINT,  HINT,  HINT,
/* 20 */ MOVCR | OP_MOV_FROM_CR, MOVCR | OP_MOV_FROM_DR, MOVCR | OP_MOV_TO_CR, MOVCR | OP_MOV_TO_DR,
         X, X, X, X,
/* 28 */ pNS, pNS, pNSRD, SSEm(ANY), pNSRD, pNSRD, pNS, pNS,
/* 30 */ OP_WRMSR, OP_RDTSC, OP_RDMSR, OP_RDPMC, OP_SYSENTER, OP_SYSEXIT, X, FORMS(0, NP) /* GETSEC */,
/* 38 */ X /* 0F38 */, X, X /* 0F3A */, X, X, X, X, X,
/* 40 */ CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,
/* 48 */ CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,
/* 50 */ rNS,   pNSRD, pNR,   pNR,   pNS,   pNS,   pNS,   pNS,
/* 58 */ pNSRD, pNSRD, pNSRD, pNSR,  pNSRD, pNSRD, pNSRD, pNSRD,
/* 60 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,
/* 68 */ pNS,   pNS,   pNS,   pNS,   pS,    pS,    pNS,   pNSR,
/* 70 */ pNSRD | Ib, M | Ib | G(12), M | Ib | G(13), M | Ib | G(14),
         pNS, pNS, pNS, FORMS(NP, NP) /* EMMS */,
/* 78 */ M | G(17), FORMS(NP, NP | PS | PD) | M | NAT | OP_VMX_OTHER /* VMWRITE, EXTRQ, INSERTQ */, X, X,
         pSD, pSD, pNSR, pNSR,
/* 80 */ JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,
/* 88 */ JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,
/* 90 */ SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC,
/* 98 */ SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC,
/* A0 */ D64 | OP_PUSH_SEG, D64 | OP_POP_SEG, OP_CPUID, M | OP_BT, M | Ib /* SHLD */, M /* SHLD */, X, X,
/* A8 */ D64 | OP_PUSH_SEG, D64 | OP_POP_SEG, o /* RSM */, M | Lk | OP_BTS,
         M | Ib /* SHRD */, M /* SHRD */, M | G(15), M /* IMUL */,
/* B0 */ Mb | Lk | OP_CMPXCHG, M | Lk | OP_CMPXCHG, FARP, M | Lk | OP_BTR,
         FARP, FARP, M | OP_MOVZX, M | OP_MOVZX,
/* B8 */ pR /* POPCNT */, M | OP_UD, M | Ib | G(8), M | Lk | OP_BTC,
         M /* BSF */, M /* BSR */, M | OP_MOVSX, M | OP_MOVSX,
/* C0 */ Mb | Lk | OP_XADD, M | Lk | OP_XADD, pNSRD | Ib, mN /* MOVNTI */,
         pNS | Ib, rNS | Ib, pNS | Ib, M | G(9),
/* C8 */ BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP,
/* D0 */ pSD, pNS, pNS, pNS, pNS, pNS, FORMS(PS, PS | PR | PD) | M, rNS,
/* D8 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,
/* E0 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pSRD,  mNS,
/* E8 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,
/* F0 */ mD,    pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   rNS,
/* F8 */ pNS, pNS, pNS, pNS, pNS, pNS, pNS, M | OP_UD,
};

#define VMXm (mS | NAT | OP_VMX_OTHER)

const u32 opcode_map_0f38[OPCODE_COUNT] = {
/* 00 */ pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, X,   X,   X,   X,
/* 10 */ pS,  X,   X,   X,   pS,  pS,  X,   pS,  X,   X,   X,   X,   pNS, pNS, pNS, X,
/* 20 */ pS,  pS,  pS,  pS,  pS,  pS,  X,   X,   pS,  pS,  mS,  pS,  X,   X,   X,   X,
/* 30 */ pS,  pS,  pS,  pS,  pS,  pS,  X,   pS,  pS,  pS,  pS,  pS,  pS,  pS,  pS,  pS,
/* 40 */ pS,  pS,  X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 50 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 60 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 70 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 80 */ VMXm, VMXm, mS /* INVPCID */, X, X, X, X, X, X, X, X, X, X, X, X, X,
/* 90 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* A0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* B0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* C0 */ X,   X,   X,   X,   X,   X,   X,   X,   pN,  pN,  pN,  pN,  pN,  pN,  X,   pS,
/* D0 */ X, X, X, X, X, X, X, X,
         M | G(KEYLOCKER), X, X, pS,
         FORMS(PS | PR, PS | PR) | M, FORMS(PS | PR, PS) | M,
         FORMS(PS | PR, PS) | M, FORMS(PS | PR, PS) | M,
/* E0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* F0 */ FORMS(NP | PS | PD, PD) | M, FORMS(NP | PS | PD, PD) | M, X, X,
         X, mS, FORMS(NP | PS | PR, PS | PR) | M, X,
         FORMS(PS | PR | PD, 0) | M, mN, rR, rR, X, X, X, X,
};

#define SIb (pS | Ib)

const u32 opcode_map_0f3a[OPCODE_COUNT] = {
/* 00 */ X, X, X, X, X, X, X, X, SIb, SIb, SIb, SIb, SIb, SIb, SIb, pNS | Ib,
/* 10 */ X,   X,   X,   X,   SIb, SIb, SIb, SIb, X,   X,   X,   X,   X,   X,   X,   X,
/* 20 */ SIb, SIb, SIb, X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 30 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 40 */ SIb, SIb, SIb, X,   SIb, X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 50 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 60 */ SIb, SIb, SIb, SIb, X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 70 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 80 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 90 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* A0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* B0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* C0 */ X, X, X, X, X, X, X, X, X, X, X, X, pN | Ib, X, SIb, SIb,
/* D0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   SIb,
/* E0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* F0 */ rR | Ib /* HRESET */, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};

const u32 opcode_3dnow[OPCODE_COUNT / 32] = {
	0x30003000, /* 0C PI2FW 0D PI2FD, 1C PF2IW 1D PF2ID */
	0x00000000, 0x00000000, 0x00000000,
	0x44d14400, /* 8A PFNACC 8E PFPNACC, 90 PFCMPGE 94 PFMIN 96 PFRCP 97 PFRSQRT 9A PFSUB 9E PFADD */
	0x88d144d1, /* A0 PFCMPGT A4 PFMAX A6 PFRCPIT1 A7 PFRSQIT1 AA PFSUBR AE PFACC,
	               B0 PFCMPEQ B4 PFMUL B6 PFRCPIT2 B7 PMULHRW BB PSWAPD BF PAVGUSB */
	0x00000000, 0x00000000,
};

#define ROW(a, b, c, d, e, f, g, h) { a, b, c, d, e, f, g, h }
#define BOTH(...) { .mem = ROW(__VA_ARGS__), .reg = ROW(__VA_ARGS__) }
#define MEM(...) .mem = ROW(__VA_ARGS__)
#define REG(...) .reg = ROW(__VA_ARGS__)
#define VMREAD (NAT | FORMS(NP, NP | PD) | OP_VMX_OTHER)
#define EXTRQ  (NAT | FORMS(NP, NP | PS | PD) | OP_VMX_OTHER)
#define NONE   ROW(X, X, X, X, X, X, X, X)

const struct opcode_group_row opcode_groups[GROUP_COUNT] = {
	[GROUP_1] = BOTH(Lk | OP_ADD, Lk | OP_OR, Lk | OP_ADC,
		Lk | OP_SBB, Lk | OP_AND, Lk | OP_SUB, Lk | OP_XOR, OP_CMP),
	[GROUP_1A] = BOTH(o /* POP */, X, X, X, X, X, X, X),
	[GROUP_2] = BOTH(o, o, o, o, o, o, o, o), /* ROL ROR RCL RCR SHL SHR SAL SAR */
	[GROUP_3] = BOTH(Ibz | OP_TEST, Ibz | OP_TEST, Lk | OP_NOT,
		Lk | OP_NEG, o /* MUL */, o /* IMUL */, o /* DIV */, o /* IDIV */),
	[GROUP_4] = BOTH(Lk | OP_INC, Lk | OP_DEC, X, X, X, X, X, X),
	[GROUP_5] = {
		MEM(Lk | OP_INC, Lk | OP_DEC, F64 | OP_CALL_INDIRECT,
			OP_CALL_FAR, F64 | OP_JMP_INDIRECT, OP_JMP_FAR, D64 /* PUSH */, X),
		REG(OP_INC, OP_DEC, F64 | OP_CALL_INDIRECT, X, F64 | OP_JMP_INDIRECT, X, D64 /* PUSH */, X),
	},
	[GROUP_6] = BOTH(VW | OP_SLDT, VW | OP_STR, W | OP_LLDT, W | OP_LTR, W | OP_VERR, W | OP_VERW, X, X),
	[GROUP_7] = {
		MEM(NAT | OP_SGDT, NAT | OP_SIDT, NAT | OP_LGDT, NAT | OP_LIDT,
			VW | OP_SMSW, mR /* RSTORSSP */, W | OP_LMSW, B | OP_INVLPG),
		.reg = NONE, /* opcode_0f01_reg */
	},
	[GROUP_8] = BOTH(X, X, X, X, OP_BT, Lk | OP_BTS, Lk | OP_BTR, Lk | OP_BTC),
	[GROUP_9] = {
		MEM(X, Lk /* CMPXCHG8B */, X, mN /* XRSTORS */, mN /* XSAVEC */, mN /* XSAVES */,
			mNSR | OP_VMX_OTHER /* VMPTRLD VMCLEAR VMXON */, mN | OP_VMX_OTHER /* VMPTRST */),
		REG(X, X, X, X, X, X, rNSR /* RDRAND, SENDUIPI */, rNSR /* RDSEED, RDPID */),
	},
	[GROUP_11] = BOTH(Ibz | OP_MOV, X, X, X, X, X, X, X), /* /7: XABORT and XBEGIN, see decode.c */
	[GROUP_12] = { .mem = NONE, REG(X, X, rNS, X, rNS, X, rNS, X) },
	[GROUP_13] = { .mem = NONE, REG(X, X, rNS, X, rNS, X, rNS, X) },
	[GROUP_14] = { .mem = NONE, REG(X, X, rNS, rS, X, X, rNS, rS) },
	[GROUP_15] = {
		MEM(mN /* FXSAVE */, mN /* FXRSTOR */, mN /* LDMXCSR */, mN /* STMXCSR */,
			mNR /* XSAVE, PTWRITE */, mN /* XRSTOR */,
			mNSR /* XSAVEOPT CLWB CLRSSBSY */, mNS /* CLFLUSH CLFLUSHOPT */),
		REG(O64 | rR /* RDFSBASE */, O64 | rR /* RDGSBASE */, O64 | rR /* WRFSBASE */,
			O64 | rR /* WRGSBASE */, rR /* PTWRITE */, rNR /* LFENCE, INCSSP */,
			rNSRD /* MFENCE TPAUSE UMONITOR UMWAIT */, rN /* SFENCE */),
	},
	[GROUP_17] = { /* 0F 78: VMREAD; with 66 and F2 EXTRQ /0 and INSERTQ */
		MEM(VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD),
		REG(EXTRQ, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD),
	},
	[GROUP_KEYLOCKER] = { MEM(mR, mR, mR, mR, X, X, X, X), .reg = NONE },
};

#define VMX  (rN | OP_VMX_OTHER)
#define SVM  OP_SVM_OTHER
#define SMSW (VW | OP_SMSW)
#define LMSW (W | OP_LMSW)

const u32 opcode_0f01_reg[64] = {
/* C0 */ rN /* ENCLV */, rN | OP_VMCALL, VMX, VMX, VMX, rN /* PCONFIG */, rN /* WRMSRNS */, X,
/* C8 */ rN | OP_MONITOR, rN | OP_MWAIT, rN /* CLAC */, rN /* STAC */,
         rS /* TDCALL */, O64 | rS /* SEAMRET */,
         O64 | rS /* SEAMOPS */, rNS /* ENCLS, SEAMCALL */,
/* D0 */ rN | OP_XGETBV, rN | OP_XSETBV, X, X,
         VMX /* VMFUNC */, rN /* XEND */, rN /* XTEST */, rN /* ENCLU */,
/* D8 */ SVM, OP_VMMCALL, SVM, SVM, SVM, SVM, SVM, SVM,
/* E0 */ SMSW, SMSW, SMSW, SMSW, SMSW, SMSW, SMSW, SMSW,
/* E8 */ rNRD /* SERIALIZE, SETSSBSY, XSUSLDTRK */, rD /* XRESLDTRK */,
         rR /* SAVEPREVSSP */, X,
         O64 | rR /* UIRET */, O64 | rR /* TESTUI */,
         rNR /* RDPKRU, CLUI */, rNR /* WRPKRU, STUI */,
/* F0 */ LMSW, LMSW, LMSW, LMSW, LMSW, LMSW, LMSW, LMSW,
/* F8 */ O64 | OP_SWAPGS, OP_RDTSCP, rNR /* MONITORX, MCOMMIT */, rN /* MWAITX */,
         o /* CLZERO */, o /* RDPRU */,
         rNRD /* INVLPGB, RMPADJUST, RMPUPDATE */,
         rNRD /* TLBSYNC, PSMASH, PVALIDATE */,
};

const u8 opcode_x87_mem[8] = {
	0xff, /* D8 */
	0xfd, /* D9: no /1 */
	0xff, /* DA */
	0xaf, /* DB: no /4, /6 */
	0xff, /* DC */
	0xdf, /* DD: no /5 */
	0xff, /* DE */
	0xff, /* DF */
};

/* A byte is a row of eight forms; the last byte stands for C0..C7. */
const u64 opcode_x87_reg[8] = {
	0xffffffffffffffff, /* D8 */
	0xffff7f33ff01ffff, /* D9: of D0..D7 FNOP alone; E0 FCHS, FABS, FTST, FXAM; E8 constants */
	0x00000200ffffffff, /* DA: FCMOVcc, FUCOMPP */
	0x00ffff1fffffffff, /* DB: FCMOVNcc; E0 FNENI, FNDISI, FNCLEX, FNINIT, FNSETPM; FUCOMI, FCOMI */
	0xffffffffffffffff, /* DC */
	0x0000ffffffffffff, /* DD */
	0xffffffff02ffffff, /* DE: of D8..DF FCOMPP alone */
	0x00ffff01ffffffff, /* DF: of E0..E7 FNSTSW AX alone; FUCOMIP, FCOMIP */
};
