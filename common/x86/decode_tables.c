// SPDX-License-Identifier: MIT
/*
 * The opcode maps.
 *
 * Source: SDM vol. 2D, appendix A "Opcode Map" and the pages of the instructions in volumes 2A to 2D;
 * APM vol. 3, appendix A "Opcode and Operand Encodings" for SVM, SSE4a and 3DNow!.
 *
 * A row is eight opcodes of the maps of one byte and 0F, sixteen of 0F38 and 0F3A. Names follow the
 * SDM's key: M has ModRM, I? is an immediate, J? a distance, b w z v a size. An opcode with mandatory
 * prefixes says with E() which of them it knows, Em() with memory only, Er() with registers only; SSE ones
 * list them (N none, S 66, R F3, D F2) behind p, m or r.
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
#define BP  ATTR_BY_PREFIX
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
#define E(p)   (M | FORMS(p, p))
#define Em(p)  (M | FORMS(p, 0))
#define Er(p)  (M | FORMS(0, p))

#define pN    (E(NP) | OP_SIMD)
#define pS    (E(PS) | OP_SIMD)
#define pR    (E(PR) | OP_SIMD)
#define pNS   (E(NP | PS) | OP_SIMD)
#define pNR   (E(NP | PR) | OP_SIMD)
#define pSD   (E(PS | PD) | OP_SIMD)
#define pNSR  (E(NP | PS | PR) | OP_SIMD)
#define pSRD  (E(PS | PR | PD) | OP_SIMD)
#define pNSRD (E(ANY) | OP_SIMD)
#define mS    (Em(PS) | OP_SIMD)
#define mD    (Em(PD) | OP_SIMD)
#define mNS   (Em(NP | PS) | OP_SIMD)
#define rS    (Er(PS) | OP_SIMD)
#define rNS   (Er(NP | PS) | OP_SIMD)

#define ANY_MODRM 0, 0 /* of opcode_by_prefix */

/* The six forms of an ALU operation: r/m with r, r with r/m, accumulator with immediate. */
#define ALU(op, lock) Mb | lock | op, M | lock | op, Mb | op, M | op, B | Ib | op, Iz | op
#define PUSHSEG (N64 | OP_PUSH_SEG)
#define POPSEG  (N64 | OP_POP_SEG)
#define PUSHR   (Or | D64 | OP_PUSH)
#define POPR    (Or | D64 | OP_POP)
#define INCR    (Or | OP_INC)
#define DECR    (Or | OP_DEC)
#define JCC8    (Jb | CC | OP_JCC)
#define XCHGR   (Or | OP_XCHG)
#define MOVB    (Or | B | Ib | OP_MOV)
#define MOVV    (Or | Iv | OP_MOV)
#define X87     (M | OP_X87)
#define LOOP8   (Jb | OP_LOOP)

const u32 opcode_map_1[OPCODE_COUNT] = {
/* 00 */ ALU(OP_ADD, Lk), PUSHSEG, POPSEG,
/* 08 */ ALU(OP_OR, Lk), PUSHSEG, X /* 0F: two bytes */,
/* 10 */ ALU(OP_ADC, Lk), PUSHSEG, POPSEG,
/* 18 */ ALU(OP_SBB, Lk), PUSHSEG, POPSEG,
/* 20 */ ALU(OP_AND, Lk), X /* ES: */, N64 | OP_BCD /* DAA */,
/* 28 */ ALU(OP_SUB, Lk), X /* CS: */, N64 | OP_BCD /* DAS */,
/* 30 */ ALU(OP_XOR, Lk), X /* SS: */, N64 | OP_BCD /* AAA */,
/* 38 */ ALU(OP_CMP, 0), X /* DS: */, N64 | OP_BCD /* AAS */,
/* 40 */ INCR,   INCR,   INCR,   INCR,   INCR,   INCR,   INCR,   INCR, /* in 64-bit mode REX */
/* 48 */ DECR,   DECR,   DECR,   DECR,   DECR,   DECR,   DECR,   DECR,
/* 50 */ PUSHR,  PUSHR,  PUSHR,  PUSHR,  PUSHR,  PUSHR,  PUSHR,  PUSHR,
/* 58 */ POPR,   POPR,   POPR,   POPR,   POPR,   POPR,   POPR,   POPR,
/* 60 */ N64 | OP_PUSHA, N64 | OP_POPA, M | N64 | Mo | OP_BOUND /* or EVEX */, M | OP_MOVSXD /* or ARPL */,
         X /* FS: */, X /* GS: */, X, X,
/* 68 */ D64 | Iz | OP_PUSH, M | Iz | OP_IMUL3, D64 | Ib | OP_PUSH, M | Ib | OP_IMUL3,
         B | OP_INS, Z | OP_INS, B | OP_OUTS, Z | OP_OUTS,
/* 70 */ JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,
/* 78 */ JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,   JCC8,
/* 80 */ Mb | Ib | G(1), M | Iz | G(1), Mb | Ib | N64 | G(1), M | Ib | G(1),
         Mb | OP_TEST, M | OP_TEST, Mb | Lk | OP_XCHG, M | Lk | OP_XCHG,
/* 88 */ Mb | OP_MOV, M | OP_MOV, Mb | OP_MOV, M | OP_MOV,
         M | VW | OP_MOV_FROM_SEG, M | Mo | OP_LEA, Mw | OP_MOV_TO_SEG, M | D64 | G(1A),
/* 90 */ XCHGR /* NOP, PAUSE */, XCHGR, XCHGR, XCHGR, XCHGR, XCHGR, XCHGR, XCHGR,
/* 98 */ OP_CBW, OP_CWD, N64 | Ap | OP_CALL_FAR, OP_X87 /* FWAIT */,
         D64 | OP_PUSHF, D64 | OP_POPF, OP_SAHF, OP_LAHF,
/* A0 */ Ob | OP_MOV, Ov | OP_MOV, Ob | OP_MOV, Ov | OP_MOV, B | OP_MOVS, OP_MOVS, B | OP_CMPS, OP_CMPS,
/* A8 */ B | Ib | OP_TEST, Iz | OP_TEST, B | OP_STOS, OP_STOS, B | OP_LODS, OP_LODS, B | OP_SCAS, OP_SCAS,
/* B0 */ MOVB,   MOVB,   MOVB,   MOVB,   MOVB,   MOVB,   MOVB,   MOVB,
/* B8 */ MOVV,   MOVV,   MOVV,   MOVV,   MOVV,   MOVV,   MOVV,   MOVV,
/* C0 */ Mb | Ib | G(2), M | Ib | G(2), F64 | Iw | OP_RET, F64 | OP_RET,
         M | N64 | Mo | OP_LOAD_FAR_POINTER, M | N64 | Mo | OP_LOAD_FAR_POINTER, Mb | G(11), M | G(11),
/* C8 */ D64 | Iwb | OP_ENTER, D64 | OP_LEAVE, Iw | OP_RET_FAR, OP_RET_FAR,
         OP_INT3, Ib | OP_INT, N64 | OP_INTO, OP_IRET,
/* D0 */ Mb | G(2), M | G(2), Mb | G(2), M | G(2),
         N64 | B | Ib | OP_BCD /* AAM */, N64 | B | Ib | OP_BCD /* AAD */, N64 | B | OP_SALC, B | OP_XLAT,
/* D8 */ X87,    X87,    X87,    X87,    X87,    X87,    X87,    X87, /* : opcode_x87_mem, opcode_x87_reg */
/* E0 */ LOOP8, LOOP8, LOOP8, LOOP8, B | Ib | OP_IN, Z | Ib | OP_IN, B | Ib | OP_OUT, Z | Ib | OP_OUT,
/* E8 */ Jz | OP_CALL, Jz | OP_JMP, N64 | Ap | OP_JMP_FAR, Jb | OP_JMP,
         B | OP_IN, Z | OP_IN, B | OP_OUT, Z | OP_OUT,
/* F0 */ X /* LOCK */, OP_INT1, X /* REPNE */, X /* REP */, OP_HLT, OP_CMC, Mb | G(3), M | G(3),
/* F8 */ OP_CLC, OP_STC, OP_CLI, OP_STI, OP_CLD, OP_STD, Mb | G(4), M | G(5),
};

#define HINT  (M | OP_NOP) /* prefetches and reserved NOPs */
#define CMOV  (M | CC | OP_CMOVCC)
#define JCCZ  (Jz | CC | OP_JCC)
#define SETCC (Mb | CC | OP_SETCC)
#define BSWAP (Or | OP_BSWAP)
#define FARP  (M | Mo | OP_LOAD_FAR_POINTER)
#define MOVCR (M | ATTR_REGS | NAT)

const u32 opcode_map_0f[OPCODE_COUNT] = {
/* 00 */ M | G(6), M | G(7), M | OP_LAR, M | OP_LSL, X, OP_SYSCALL, OP_CLTS, OP_SYSRET,
/* 08 */ OP_INVD, OP_WBINVD, X, OP_UD, X, HINT /* PREFETCHW */, OP_SIMD /* FEMMS */, M | OP_SIMD /* 3DNow! */,
/* 10 */ pNSRD, pNSRD, FORMS(ANY, NP | PR | PD) | M | OP_SIMD, mNS, pNS, pNS, FORMS(NP | PS | PR, NP | PR) | M | OP_SIMD, mNS,
/* 18 */ HINT,  HINT,  HINT,  HINT,  HINT,  HINT,  BP | HINT /* RDSSP */, HINT,
/* 20 */ MOVCR | OP_MOV_FROM_CR, MOVCR | OP_MOV_FROM_DR, MOVCR | OP_MOV_TO_CR, MOVCR | OP_MOV_TO_DR,
         X, X, X, X,
/* 28 */ pNS, pNS, E(ANY) | OP_SIMD_FROM_RM, Em(ANY) | OP_SIMD,
         E(ANY) | OP_SIMD_TO_REG, E(ANY) | OP_SIMD_TO_REG, E(NP | PS) | OP_SIMD_COMPARE, E(NP | PS) | OP_SIMD_COMPARE,
/* 30 */ OP_WRMSR, OP_RDTSC, OP_RDMSR, OP_RDPMC, OP_SYSENTER, OP_SYSEXIT, X, FORMS(0, NP) | OP_SYSTEM /* GETSEC */,
/* 38 */ X /* 0F38 */, X, X /* 0F3A */, X, X, X, X, X,
/* 40 */ CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,
/* 48 */ CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,  CMOV,
/* 50 */ Er(NP | PS) | OP_SIMD_TO_REG /* MOVMSKPS */,
         pNSRD, pNR,   pNR,   pNS,   pNS,   pNS,   pNS,
/* 58 */ pNSRD, pNSRD, pNSRD, pNSR,  pNSRD, pNSRD, pNSRD, pNSRD,
/* 60 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,
/* 68 */ pNS,   pNS,   pNS,   pNS,   pS,    pS,    E(NP | PS) | OP_SIMD_FROM_RM /* MOVD */, pNSR,
/* 70 */ pNSRD | Ib, M | Ib | G(12), M | Ib | G(13), M | Ib | G(14),
         pNS, pNS, pNS, FORMS(NP, NP) | OP_SIMD /* EMMS */,
/* 78 */ BP | M | G(17), BP | FORMS(NP, NP | PS | PD) | M | NAT | OP_VMX_OTHER /* VMWRITE, EXTRQ, INSERTQ */, X, X,
         pSD, pSD, E(NP | PS | PR) | OP_SIMD_TO_RM /* MOVD */, pNSR,
/* 80 */ JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,
/* 88 */ JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,  JCCZ,
/* 90 */ SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC,
/* 98 */ SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC, SETCC,
/* A0 */ D64 | OP_PUSH_SEG, D64 | OP_POP_SEG, OP_CPUID, M | OP_BT, M | Ib | OP_SHLD, M | OP_SHLD, X, X,
/* A8 */ D64 | OP_PUSH_SEG, D64 | OP_POP_SEG, OP_RSM, M | Lk | OP_BTS,
         M | Ib | OP_SHRD, M | OP_SHRD, BP | M | G(15), M | OP_IMUL2,
/* B0 */ Mb | Lk | OP_CMPXCHG, M | Lk | OP_CMPXCHG, FARP, M | Lk | OP_BTR,
         FARP, FARP, M | OP_MOVZX, M | OP_MOVZX,
/* B8 */ E(PR) | OP_POPCNT, M | OP_UD, M | Ib | G(8), M | Lk | OP_BTC,
         BP | M | OP_BSF, BP | M | OP_BSR, M | OP_MOVSX, M | OP_MOVSX,
/* C0 */ Mb | Lk | OP_XADD, M | Lk | OP_XADD, pNSRD | Ib, Em(NP) | OP_MOVNTI,
         E(NP | PS) | Ib | OP_SIMD_FROM_RM /* PINSRW */, Er(NP | PS) | Ib | OP_SIMD_TO_REG /* PEXTRW */,
         pNS | Ib, BP | M | G(9),
/* C8 */ BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP,
/* D0 */ pSD, pNS, pNS, pNS, pNS, pNS, FORMS(PS, PS | PR | PD) | M | OP_SIMD, Er(NP | PS) | OP_SIMD_TO_REG /* PMOVMSKB */,
/* D8 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,
/* E0 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pSRD,  mNS,
/* E8 */ pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   pNS,
/* F0 */ mD,    pNS,   pNS,   pNS,   pNS,   pNS,   pNS,   Er(NP | PS) | OP_SIMD_MASKMOV,
/* F8 */ pNS, pNS, pNS, pNS, pNS, pNS, pNS, M | OP_UD,
};

#define VMXm (Em(PS) | NAT | OP_VMX_OTHER)
#define AES  (BP | FORMS(PS | PR, PS) | M | OP_SIMD) /* with F3 Key Locker */

const u32 opcode_map_0f38[OPCODE_COUNT] = {
/* 00 */ pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, pNS, X,   X,   X,   X,
/* 10 */ pS,  X,   X,   X,   pS,  pS,  X,   E(PS) | OP_SIMD_COMPARE /* PTEST */,
         X,   X,   X,   X,   pNS, pNS, pNS, X,
/* 20 */ pS,  pS,  pS,  pS,  pS,  pS,  X,   X,   pS,  pS,  mS,  pS,  X,   X,   X,   X,
/* 30 */ pS,  pS,  pS,  pS,  pS,  pS,  X,   pS,  pS,  pS,  pS,  pS,  pS,  pS,  pS,  pS,
/* 40 */ pS,  pS,  X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 50 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 60 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 70 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 80 */ VMXm, VMXm, Em(PS) | OP_INVPCID, X, X, X, X, X, X, X, X, X, X, X, X, X,
/* 90 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* A0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* B0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* C0 */ X,   X,   X,   X,   X,   X,   X,   X,   pN,  pN,  pN,  pN,  pN,  pN,  X,   pS,
/* D0 */ X, X, X, X, X, X, X, X,
         M | G(KEYLOCKER), X, X, pS,
         BP | E(PS | PR) | OP_SIMD, AES, AES, AES,
/* E0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* F0 */ BP | FORMS(NP | PS | PD, PD) | M | OP_MOVBE, BP | FORMS(NP | PS | PD, PD) | M | OP_MOVBE, X, X,
         X, Em(PS) | OP_SYSTEM /* WRUSS */, BP | FORMS(NP | PS | PR, PS | PR) | M | OP_ADCX, X,
         BP | Em(PS | PR | PD) /* MOVDIR64B */, Em(NP) /* MOVDIRI */, Er(PR) | OP_SYSTEM, Er(PR) | OP_SYSTEM, X, X, X, X,
};

#define SIb (pS | Ib)
#define EXT (E(PS) | Ib | OP_SIMD_TO_RM)   /* PEXTRB .. EXTRACTPS */
#define INS (E(PS) | Ib | OP_SIMD_FROM_RM) /* PINSRB, PINSRD */
#define STR (E(PS) | Ib | OP_SIMD_STRING)  /* PCMPESTRM .. */

const u32 opcode_map_0f3a[OPCODE_COUNT] = {
/* 00 */ X, X, X, X, X, X, X, X, SIb, SIb, SIb, SIb, SIb, SIb, SIb, pNS | Ib,
/* 10 */ X,   X,   X,   X,   EXT, EXT, EXT, EXT, X,   X,   X,   X,   X,   X,   X,   X,
/* 20 */ INS, SIb, INS, X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 30 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 40 */ SIb, SIb, SIb, X,   SIb, X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 50 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 60 */ STR, STR, STR, STR, X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 70 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 80 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* 90 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* A0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* B0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* C0 */ X, X, X, X, X, X, X, X, X, X, X, X, pN | Ib, X, SIb, SIb,
/* D0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   SIb,
/* E0 */ X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,   X,
/* F0 */ Er(PR) | Ib | OP_SYSTEM /* HRESET */, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
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
#define KL     (Em(PR) | OP_SYSTEM)
#define NONE   ROW(X, X, X, X, X, X, X, X)

const struct opcode_group_row opcode_groups[GROUP_COUNT] = {
	[GROUP_1] = BOTH(Lk | OP_ADD, Lk | OP_OR, Lk | OP_ADC,
		Lk | OP_SBB, Lk | OP_AND, Lk | OP_SUB, Lk | OP_XOR, OP_CMP),
	[GROUP_1A] = BOTH(OP_POP, X, X, X, X, X, X, X),
	[GROUP_2] = BOTH(OP_ROL, OP_ROR, OP_RCL, OP_RCR, OP_SHL, OP_SHR, OP_SAL, OP_SAR),
	[GROUP_3] = BOTH(Ibz | OP_TEST, Ibz | OP_TEST, Lk | OP_NOT,
		Lk | OP_NEG, OP_MUL, OP_IMUL, OP_DIV, OP_IDIV),
	[GROUP_4] = BOTH(Lk | OP_INC, Lk | OP_DEC, X, X, X, X, X, X),
	[GROUP_5] = {
		MEM(Lk | OP_INC, Lk | OP_DEC, F64 | OP_CALL_INDIRECT,
			OP_CALL_FAR, F64 | OP_JMP_INDIRECT, OP_JMP_FAR, D64 | OP_PUSH, X),
		REG(OP_INC, OP_DEC, F64 | OP_CALL_INDIRECT, X, F64 | OP_JMP_INDIRECT, X, D64 | OP_PUSH, X),
	},
	[GROUP_6] = BOTH(VW | OP_SLDT, VW | OP_STR, W | OP_LLDT, W | OP_LTR, W | OP_VERR, W | OP_VERW, X, X),
	[GROUP_7] = {
		MEM(NAT | OP_SGDT, NAT | OP_SIDT, NAT | OP_LGDT, NAT | OP_LIDT,
			VW | OP_SMSW, Em(PR) | OP_SYSTEM /* RSTORSSP */, W | OP_LMSW, B | OP_INVLPG),
		.reg = NONE, /* opcode_0f01_reg */
	},
	[GROUP_8] = BOTH(X, X, X, X, OP_BT, Lk | OP_BTS, Lk | OP_BTR, Lk | OP_BTC),
	[GROUP_9] = {
		MEM(X, Lk | OP_CMPXCHG8B, X, Em(NP) | OP_SYSTEM /* XRSTORS */, Em(NP) | OP_XSAVE /* XSAVEC */,
			Em(NP) | OP_SYSTEM /* XSAVES */, Em(NP | PS | PR) | OP_VMX_OTHER /* VMPTRLD VMCLEAR VMXON */,
			Em(NP) | OP_VMX_OTHER /* VMPTRST */),
		REG(X, X, X, X, X, X, Er(NP | PS | PR) | OP_RDRAND, Er(NP | PS | PR) | OP_RDRAND /* RDSEED, RDPID */),
	},
	[GROUP_11] = BOTH(Ibz | OP_MOV, X, X, X, X, X, X, X), /* /7: XABORT and XBEGIN, see decode.c */
	[GROUP_12] = { .mem = NONE, REG(X, X, rNS, X, rNS, X, rNS, X) },
	[GROUP_13] = { .mem = NONE, REG(X, X, rNS, X, rNS, X, rNS, X) },
	[GROUP_14] = { .mem = NONE, REG(X, X, rNS, rS, X, X, rNS, rS) },
	[GROUP_15] = {
		MEM(Em(NP) | OP_FPU_STATE, Em(NP) | OP_FPU_STATE, Em(NP) | OP_FPU_STATE, Em(NP) | OP_FPU_STATE,
			Em(NP | PR) | OP_XSAVE /* PTWRITE */, Em(NP) | OP_XSAVE /* XRSTOR */,
			Em(NP | PS | PR) | OP_XSAVE /* XSAVEOPT CLWB CLRSSBSY */, Em(NP | PS) | OP_CACHE_LINE),
		REG(O64 | Er(PR) | OP_RDFSGSBASE, O64 | Er(PR) | OP_RDFSGSBASE, O64 | Er(PR) | OP_WRFSGSBASE,
			O64 | Er(PR) | OP_WRFSGSBASE, Er(PR) /* PTWRITE */, Er(NP | PR) | OP_FENCE /* INCSSP */,
			Er(ANY) | OP_FENCE /* MFENCE TPAUSE UMONITOR UMWAIT */, Er(NP) | OP_FENCE),
	},
	[GROUP_17] = { /* 0F 78: VMREAD; with 66 and F2 EXTRQ /0 and INSERTQ */
		MEM(VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD),
		REG(EXTRQ, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD, VMREAD),
	},
	[GROUP_KEYLOCKER] = { MEM(KL, KL, KL, KL, X, X, X, X), .reg = NONE },
};

#define VMX  (Er(NP) | OP_VMX_OTHER)
#define SVM  OP_SVM_OTHER
#define SMSW (VW | OP_SMSW)
#define LMSW (W | OP_LMSW)
#define SYS(p) (Er(p) | OP_SYSTEM)

const u32 opcode_0f01_reg[64] = {
/* C0 */ SYS(NP) /* ENCLV */, Er(NP) | OP_VMCALL, VMX, VMX, VMX, SYS(NP) /* PCONFIG */, SYS(NP) /* WRMSRNS */, X,
/* C8 */ Er(NP) | OP_MONITOR, Er(NP) | OP_MWAIT, Er(NP) | OP_CLAC, Er(NP) | OP_STAC,
         SYS(PS) /* TDCALL */, O64 | SYS(PS) /* SEAMRET */,
         O64 | SYS(PS) /* SEAMOPS */, SYS(NP | PS) /* ENCLS, SEAMCALL */,
/* D0 */ Er(NP) | OP_XGETBV, Er(NP) | OP_XSETBV, X, X,
         VMX /* VMFUNC */, Er(NP) /* XEND */, Er(NP) /* XTEST */, SYS(NP) /* ENCLU */,
/* D8 */ SVM, OP_VMMCALL, SVM, SVM, SVM, SVM, SVM, SVM,
/* E0 */ SMSW, SMSW, SMSW, SMSW, SMSW, SMSW, SMSW, SMSW,
/* E8 */ BP | Er(NP | PR | PD) /* SERIALIZE, SETSSBSY, XSUSLDTRK */, Er(PD) /* XRESLDTRK */,
         SYS(PR) /* SAVEPREVSSP */, X,
         O64 | SYS(PR) /* UIRET */, O64 | SYS(PR) /* TESTUI */,
         BP | Er(NP | PR) /* RDPKRU, CLUI */, BP | Er(NP | PR) /* WRPKRU, STUI */,
/* F0 */ LMSW, LMSW, LMSW, LMSW, LMSW, LMSW, LMSW, LMSW,
/* F8 */ O64 | OP_SWAPGS, OP_RDTSCP, Er(NP | PR) /* MONITORX, MCOMMIT */, Er(NP) /* MWAITX */,
         o /* CLZERO */, OP_RDPRU,
         SYS(NP | PR | PD) /* INVLPGB, RMPADJUST, RMPUPDATE */,
         SYS(NP | PR | PD) /* TLBSYNC, PSMASH, PVALIDATE */,
};

/* In the order of the maps. */
const struct opcode_by_prefix opcode_by_prefix[] = {
	{ MAP_0F,   0x01, PREFIX_F3, 0xe8, 0xff, OP_SYSTEM },  /* SETSSBSY */
	{ MAP_0F,   0x01, PREFIX_F3, 0xee, 0xff, OP_SYSTEM },  /* CLUI */
	{ MAP_0F,   0x01, PREFIX_F3, 0xef, 0xff, OP_SYSTEM },  /* STUI */
	{ MAP_0F,   0x1e, PREFIX_F3, 0xc8, 0xf8, OP_OTHER },   /* RDSSP */
	{ MAP_0F,   0x78, PREFIX_66, ANY_MODRM,  OP_SIMD },    /* EXTRQ; not VMREAD */
	{ MAP_0F,   0x78, PREFIX_F2, ANY_MODRM,  OP_SIMD },    /* INSERTQ */
	{ MAP_0F,   0x79, PREFIX_66, ANY_MODRM,  OP_SIMD },    /* EXTRQ; not VMWRITE */
	{ MAP_0F,   0x79, PREFIX_F2, ANY_MODRM,  OP_SIMD },    /* INSERTQ */
	{ MAP_0F,   0xae, PREFIX_F3, 0x20, 0x38, OP_OTHER },   /* PTWRITE; not XSAVE */
	{ MAP_0F,   0xae, PREFIX_F3, 0xe8, 0xf8, OP_SYSTEM },  /* INCSSP; not LFENCE */
	{ MAP_0F,   0xae, PREFIX_66, 0xf0, 0xf8, OP_OTHER },   /* TPAUSE; not MFENCE */
	{ MAP_0F,   0xae, PREFIX_F3, 0xf0, 0xf8, OP_OTHER },   /* UMONITOR */
	{ MAP_0F,   0xae, PREFIX_F2, 0xf0, 0xf8, OP_OTHER },   /* UMWAIT */
	{ MAP_0F,   0xae, PREFIX_66, 0x30, 0x38, OP_CACHE_LINE }, /* CLWB; not XSAVEOPT */
	{ MAP_0F,   0xae, PREFIX_F3, 0x30, 0x38, OP_SYSTEM },  /* CLRSSBSY */
	{ MAP_0F,   0xbc, PREFIX_F3, ANY_MODRM,  OP_TZCNT },
	{ MAP_0F,   0xbd, PREFIX_F3, ANY_MODRM,  OP_LZCNT },
	{ MAP_0F,   0xc7, PREFIX_F3, 0xf0, 0xf8, OP_SYSTEM },  /* SENDUIPI; not RDRAND */
	{ MAP_0F,   0xc7, PREFIX_F3, 0xf8, 0xf8, OP_RDPID },   /* not RDSEED */
	{ MAP_0F38, 0xdc, PREFIX_F3, ANY_MODRM,  OP_SYSTEM },  /* Key Locker; not AES */
	{ MAP_0F38, 0xdd, PREFIX_F3, ANY_MODRM,  OP_SYSTEM },
	{ MAP_0F38, 0xde, PREFIX_F3, ANY_MODRM,  OP_SYSTEM },
	{ MAP_0F38, 0xdf, PREFIX_F3, ANY_MODRM,  OP_SYSTEM },
	{ MAP_0F38, 0xf0, PREFIX_F2, ANY_MODRM,  OP_CRC32 },   /* not MOVBE */
	{ MAP_0F38, 0xf1, PREFIX_F2, ANY_MODRM,  OP_CRC32 },
	{ MAP_0F38, 0xf6, PREFIX_NONE, ANY_MODRM, OP_SYSTEM }, /* WRSS; not ADCX */
	{ MAP_0F38, 0xf6, PREFIX_F3, ANY_MODRM,  OP_ADOX },
	{ MAP_0F38, 0xf8, PREFIX_F3, ANY_MODRM,  OP_SYSTEM },  /* ENQCMDS; not MOVDIR64B */
	{ 0 },
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
