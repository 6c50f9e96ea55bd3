/* SPDX-License-Identifier: MIT */
/*
 * The instruction decoder: bytes to a structure. One table-driven decoder serves trap-and-emulate, MMIO
 * emulation, CPUs that do not report the length of what exited, and the binary translator. Source: SDM vol.
 * 2A, chapter 2 "Instruction Format"; vol. 2D, appendix A "Opcode Map".
 */
#ifndef X86_DECODE_H
#define X86_DECODE_H

#include "lib/types.h"

enum decode_mode { DECODE_16, DECODE_32, DECODE_64 };

#define INSN_MAX_LENGTH 15

/* What the instruction does, where somebody needs to know. Everything else is OP_OTHER: decoded for its
 * length and operands only. */
// clang-format off
enum insn_op {
	OP_OTHER,
	/* moves */
	OP_MOV, OP_MOVZX, OP_MOVSX, OP_MOVSXD, OP_XCHG, OP_MOVS, OP_STOS, OP_LODS, OP_CMPS, OP_SCAS,
	OP_LEA, OP_PUSH, OP_POP, OP_PUSHA, OP_POPA, OP_ENTER, OP_LEAVE, OP_XLAT, OP_BSWAP, OP_MOVBE, OP_MOVNTI,
	OP_CMOVCC, OP_SETCC, OP_CBW /* CBW CWDE CDQE */, OP_CWD /* CWD CDQ CQO */,
	/* arithmetic in the order of the /r field of opcodes 80..83 */
	OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP,
	OP_TEST, OP_NOT, OP_NEG, OP_INC, OP_DEC, OP_BT, OP_BTS, OP_BTR, OP_BTC, OP_XADD, OP_CMPXCHG,
	OP_CMPXCHG8B /* and CMPXCHG16B */,
	/* in the order of the /r field of opcodes C0, C1, D0..D3 */
	OP_ROL, OP_ROR, OP_RCL, OP_RCR, OP_SHL, OP_SHR, OP_SAL /* is SHL */, OP_SAR,
	OP_SHLD, OP_SHRD, OP_MUL, OP_IMUL, OP_DIV, OP_IDIV, OP_IMUL2, OP_IMUL3 /* of two operands, of three */,
	OP_BSF, OP_BSR, OP_TZCNT, OP_LZCNT, OP_POPCNT, OP_CRC32, OP_ADCX, OP_ADOX,
	OP_BCD /* DAA DAS AAA AAS AAM AAD */, OP_SALC, OP_ARPL, OP_BOUND,
	OP_CMC, OP_CLC, OP_STC, OP_CLD, OP_STD, OP_SAHF, OP_LAHF,
	/* encoded with VEX, on general registers */
	OP_ANDN, OP_BLS /* BLSR BLSMSK BLSI */, OP_BEXTR, OP_BZHI, OP_PDEP /* PEXT */, OP_MULX, OP_RORX,
	OP_SHIFTX /* SARX SHLX SHRX */,
	/* no register but those of an address */
	OP_NOP /* and prefetches */, OP_FENCE, OP_CACHE_LINE /* CLFLUSH CLFLUSHOPT CLWB */,
	OP_FPU_STATE /* FXSAVE FXRSTOR LDMXCSR STMXCSR */, OP_XSAVE /* XSAVE XSAVEC XSAVEOPT XRSTOR */,
	/* x87, MMX, SSE, AVX, AVX-512; those that have to do with general registers or flags by themselves */
	OP_X87, OP_SIMD,
	OP_SIMD_TO_REG, OP_SIMD_TO_RM, OP_SIMD_FROM_RM /* the ModRM field that is a general register */,
	OP_SIMD_COMPARE /* sets the flags */, OP_SIMD_STRING /* PCMPESTRI .. */, OP_SIMD_MASKMOV,
	OP_RDRAND, /* RDSEED */
	/* sensitive and privileged */
	OP_CLI, OP_STI, OP_PUSHF, OP_POPF, OP_HLT, OP_CPUID, OP_RDTSC, OP_RDTSCP, OP_RDPMC, OP_RDMSR, OP_WRMSR,
	OP_IN, OP_OUT, OP_INS, OP_OUTS,
	OP_MOV_FROM_CR, OP_MOV_TO_CR, OP_MOV_FROM_DR, OP_MOV_TO_DR, OP_CLTS, OP_LMSW, OP_SMSW,
	OP_LGDT, OP_LIDT, OP_SGDT, OP_SIDT, OP_LLDT, OP_SLDT, OP_LTR, OP_STR, OP_LAR, OP_LSL, OP_VERR, OP_VERW,
	OP_MOV_FROM_SEG, OP_MOV_TO_SEG, OP_PUSH_SEG, OP_POP_SEG, OP_LOAD_FAR_POINTER /* LSS LFS LGS, LES LDS */,
	OP_INVLPG, OP_INVD, OP_WBINVD, OP_SWAPGS, OP_XGETBV, OP_XSETBV, OP_MONITOR, OP_MWAIT, OP_PAUSE,
	OP_CLAC, OP_STAC, OP_INVPCID, OP_RDFSGSBASE, OP_WRFSGSBASE, OP_RDPID, OP_RDPRU, OP_RSM,
	OP_SYSCALL, OP_SYSRET, OP_SYSENTER, OP_SYSEXIT, OP_UD,
	OP_INT3, OP_INT, OP_INTO, OP_INT1, OP_IRET,
	OP_VMCALL, OP_VMMCALL, OP_VMX_OTHER, OP_SVM_OTHER,
	OP_SYSTEM, /* of extensions: XSAVES, SGX, TDX, SEV-SNP, CET, user interrupts, Key Locker, ... */
	/* control transfers */
	OP_JMP, OP_JMP_INDIRECT, OP_JMP_FAR, OP_JCC, OP_LOOP /* LOOPNE LOOPE LOOP JRCXZ */,
	OP_CALL, OP_CALL_INDIRECT, OP_CALL_FAR, OP_RET, OP_RET_FAR, OP_XBEGIN,
	OP_COUNT
};
// clang-format on

enum decode_result {
	DECODE_OK,
	DECODE_TRUNCATED, /* more bytes are needed */
	DECODE_INVALID,   /* no instruction: #UD */
	DECODE_TOO_LONG,  /* more than INSN_MAX_LENGTH bytes: #GP(0) */
};

struct insn {
	u8 length;
	u8 op;      /* enum insn_op */
	u8 map;     /* 0: one byte, 1: 0F, 2: 0F38, 3: 0F3A, 4: 3DNow!; VEX, EVEX and XOP: their own number */
	u8 opcode;  /* the last opcode byte */
	u8 op_size; /* operand size in bytes: 1, 2, 4, 8 */
	u8 addr_size; /* 2, 4, 8 */
	u8 segment;   /* SEG_*: of the memory operand (a string instruction's source), overrides and defaults
			 applied */
	u8 rex;       /* the REX byte, 0 when there is none; bits W R X B are also set from VEX */
	u8 vex;       /* 0: none, otherwise INSN_VEX2 .. */
	bool lock, rep, repne, osize, asize,
		seg_override; /* F0, F3 or F2 (the last one), 66, 67, any segment */
	bool has_modrm, has_sib, has_disp, has_imm;
	bool memory;       /* ModRM names memory, not a register; also MOV A0..A3: disp alone, no ModRM */
	bool vsib;         /* the index is a vector register */
	bool rip_relative; /* disp counts from the next instruction */
	u8 modrm, sib;
	u8 reg;   /* ModRM.reg with REX.R; of PUSH and POP of a segment register, its number */
	u8 rm;    /* ModRM.rm with REX.B, when it is a register; also a register in an opcode's low bits */
	u8 base;  /* GPR_*, or INSN_NO_REG */
	u8 index; /* GPR_*, or INSN_NO_REG */
	u8 scale; /* 1, 2, 4, 8 */
	u8 vvvv;  /* the second source register that VEX, EVEX and XOP name */
	u8 cond;  /* low four bits of the opcode of JCC, SETCC, CMOVCC */
	u8 opcode_offset; /* of the first byte of the opcode, its escapes and a VEX prefix included: 66 F3 48
			     0F 38 F0 gives 3 */
	u8 disp_offset, disp_size; /* where in the instruction, bytes; for RIP-relative rewriting. Then ModRM
				      is the byte before: no SIB is RIP-relative */
	u8 imm_offset, imm_size;
	s64 disp;
	s64 imm;     /* sign-extended (RET, ENTER: not); a branch's distance from the next instruction; a far
			branch's offset */
	u16 imm2;    /* far branch: the selector; ENTER: the nesting level */
	u8 src_size; /* MOVZX, MOVSX, MOVSXD, CRC32: size of the source */
};
#define INSN_NO_REG 0xff

/* Values of `vex` */
#define INSN_VEX2   2
#define INSN_VEX3   3
#define INSN_EVEX   4 /* disp is as encoded: not scaled by the size of the operand */
#define INSN_XOP    5 /* map is 8, 9 or 10; any opcode is accepted */

#define INSN_REX_B  0x1
#define INSN_REX_X  0x2
#define INSN_REX_R  0x4
#define INSN_REX_W  0x8

/* Decodes one instruction from at most `available` bytes. */
enum decode_result insn_decode(struct insn *i, const u8 *bytes, size_t available, enum decode_mode mode);

const char *insn_op_name(enum insn_op op);

#endif
