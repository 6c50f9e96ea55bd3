// SPDX-License-Identifier: MIT
/*
 * What instructions do to general registers and flags: a row for each operation of enum insn_op, and the
 * rules for what depends on the encoding - which operand is which, a condition, a count, a REP.
 *
 * Source: the pages of the instructions in SDM vol. 2A to 2D; vol. 1, appendix A "EFLAGS Cross-Reference".
 *
 * A flag that a manual calls undefined counts as changed and not as set. Left out, and with that unknown in
 * the sense of the header: what transfers control by a descriptor, what belongs to the monitor, and the few
 * instructions without an operation of their own (OP_OTHER).
 */
#include "x86/effects.h"
#include "x86/decode_tables.h"

/* What happens to the operands; E is ModRM.rm or the register in the opcode, G is ModRM.reg, V is VEX.vvvv.
 * Without ModRM both E and G are the accumulator, which has the number 0. */
#define ER    0x01
#define EW    0x02
#define GR    0x04
#define GW    0x08
#define VR    0x10
#define VW    0x20
#define GI    0x40 /* there is no G with an immediate: there ModRM.reg belongs to the opcode */
#define DIR   0x80 /* bit 1 of the opcode swaps E and G */
#define EM    (ER | EW)
#define GM    (GR | GW)

#define RAX   BIT(GPR_RAX)
#define RCX   BIT(GPR_RCX)
#define RDX   BIT(GPR_RDX)
#define RBX   BIT(GPR_RBX)
#define RSP   BIT(GPR_RSP)
#define RBP   BIT(GPR_RBP)
#define RSI   BIT(GPR_RSI)
#define RDI   BIT(GPR_RDI)
#define EIGHT 0xff /* RAX to RDI */
#define ALL   0xffff

#define CF    RFLAGS_CF
#define PF    RFLAGS_PF
#define AF    RFLAGS_AF
#define ZF    RFLAGS_ZF
#define SF    RFLAGS_SF
#define DF    RFLAGS_DF
#define OF    RFLAGS_OF
#define SIX   (CF | PF | AF | ZF | SF | OF) /* the status flags */

struct effect {
	u8 class;
	u8 known;
	u8 operands;
	u16 in, out;            /* registers that no operand names */
	u16 read, set, changed; /* flags; `changed` without those of `set` */
};

/* clang-format off */

#define ROW(operands, in, out, read, set, changed) { INSN_PLAIN, 1, operands, in, out, read, set, changed }
#define OF_CLASS(class, ...) { class, 1, __VA_ARGS__ }
#define UNKNOWN(class) { class }
#define BRANCH(...) OF_CLASS(INSN_BRANCH, __VA_ARGS__)
#define SENS(...) OF_CLASS(INSN_SENSITIVE, __VA_ARGS__)
#define PRIV(...) OF_CLASS(INSN_PRIVILEGED, __VA_ARGS__)
#define ALU(operands, read, set, changed) ROW((operands) | GR | GI | DIR, 0, 0, read, set, changed)
#define SHIFT(read, changed) ROW(EM, 0, 0, read, 0, changed) /* what is set: shift_effects() */

static const struct effect effects[OP_COUNT] = {
	/*                     operands       in              out             read     set         changed */
	[OP_MOV]         = ALU(EW,                                            0,       0,          0),
	[OP_MOVZX]       = ROW(GW | ER,       0,              0,              0,       0,          0),
	[OP_MOVSX]       = ROW(GW | ER,       0,              0,              0,       0,          0),
	[OP_MOVSXD]      = ROW(GW | ER,       0,              0,              0,       0,          0),
	[OP_XCHG]        = ROW(EM | GM,       0,              0,              0,       0,          0),
	[OP_MOVS]        = ROW(0,             RSI | RDI,      RSI | RDI,      DF,      0,          0),
	[OP_STOS]        = ROW(0,             RAX | RDI,      RDI,            DF,      0,          0),
	[OP_LODS]        = ROW(0,             RSI,            RAX | RSI,      DF,      0,          0),
	[OP_CMPS]        = ROW(0,             RSI | RDI,      RSI | RDI,      DF,      SIX,        0),
	[OP_SCAS]        = ROW(0,             RAX | RDI,      RDI,            DF,      SIX,        0),
	[OP_LEA]         = ROW(GW,            0,              0,              0,       0,          0),
	[OP_PUSH]        = ROW(ER,            RSP,            RSP,            0,       0,          0),
	[OP_POP]         = ROW(EW,            RSP,            RSP,            0,       0,          0),
	[OP_PUSHA]       = ROW(0,             EIGHT,          RSP,            0,       0,          0),
	[OP_POPA]        = ROW(0,             RSP,            EIGHT,          0,       0,          0),
	[OP_ENTER]       = ROW(0,             RSP | RBP,      RSP | RBP,      0,       0,          0),
	[OP_LEAVE]       = ROW(0,             RSP | RBP,      RSP | RBP,      0,       0,          0),
	[OP_XLAT]        = ROW(0,             RAX | RBX,      RAX,            0,       0,          0),
	[OP_BSWAP]       = ROW(EM,            0,              0,              0,       0,          0),
	[OP_MOVBE]       = ROW(GM,            0,              0,              0,       0,          0),
	[OP_MOVNTI]      = ROW(GR,            0,              0,              0,       0,          0),
	[OP_CMOVCC]      = ROW(GM | ER,       0,              0,              0,       0,          0),
	[OP_SETCC]       = ROW(EW,            0,              0,              0,       0,          0),
	[OP_CBW]         = ROW(0,             RAX,            RAX,            0,       0,          0),
	[OP_CWD]         = ROW(0,             RAX,            RDX,            0,       0,          0),

	[OP_ADD]         = ALU(EM,                                            0,       SIX,        0),
	[OP_OR]          = ALU(EM,                                            0,       SIX & ~AF,  AF),
	[OP_ADC]         = ALU(EM,                                            CF,      SIX,        0),
	[OP_SBB]         = ALU(EM,                                            CF,      SIX,        0),
	[OP_AND]         = ALU(EM,                                            0,       SIX & ~AF,  AF),
	[OP_SUB]         = ALU(EM,                                            0,       SIX,        0),
	[OP_XOR]         = ALU(EM,                                            0,       SIX & ~AF,  AF),
	[OP_CMP]         = ROW(ER | GR | GI,  0,              0,              0,       SIX,        0),
	[OP_TEST]        = ROW(ER | GR | GI,  0,              0,              0,       SIX & ~AF,  AF),
	[OP_NOT]         = ROW(EM,            0,              0,              0,       0,          0),
	[OP_NEG]         = ROW(EM,            0,              0,              0,       SIX,        0),
	[OP_INC]         = ROW(EM,            0,              0,              0,       SIX & ~CF,  0),
	[OP_DEC]         = ROW(EM,            0,              0,              0,       SIX & ~CF,  0),
	[OP_BT]          = ROW(ER | GR | GI,  0,              0,              0,       CF,         SIX & ~ZF),
	[OP_BTS]         = ROW(EM | GR | GI,  0,              0,              0,       CF,         SIX & ~ZF),
	[OP_BTR]         = ROW(EM | GR | GI,  0,              0,              0,       CF,         SIX & ~ZF),
	[OP_BTC]         = ROW(EM | GR | GI,  0,              0,              0,       CF,         SIX & ~ZF),
	[OP_XADD]        = ROW(EM | GM,       0,              0,              0,       SIX,        0),
	[OP_CMPXCHG]     = ROW(EM | GR,       RAX,            RAX,            0,       SIX,        0),
	[OP_CMPXCHG8B]   = ROW(0,    RAX | RCX | RDX | RBX,   RAX | RDX,      0,       ZF,         0),

	[OP_ROL]         = SHIFT(                                             0,                   CF | OF),
	[OP_ROR]         = SHIFT(                                             0,                   CF | OF),
	[OP_RCL]         = SHIFT(                                             CF,                  CF | OF),
	[OP_RCR]         = SHIFT(                                             CF,                  CF | OF),
	[OP_SHL]         = SHIFT(                                             0,                   SIX),
	[OP_SHR]         = SHIFT(                                             0,                   SIX),
	[OP_SAL]         = SHIFT(                                             0,                   SIX),
	[OP_SAR]         = SHIFT(                                             0,                   SIX),
	[OP_SHLD]        = ROW(EM | GR,       0,              0,              0,       0,          SIX),
	[OP_SHRD]        = ROW(EM | GR,       0,              0,              0,       0,          SIX),
	[OP_MUL]         = ROW(ER,            RAX,            RAX | RDX,      0,       CF | OF,    SIX),
	[OP_IMUL]        = ROW(ER,            RAX,            RAX | RDX,      0,       CF | OF,    SIX),
	[OP_DIV]         = ROW(ER,            RAX | RDX,      RAX | RDX,      0,       0,          SIX),
	[OP_IDIV]        = ROW(ER,            RAX | RDX,      RAX | RDX,      0,       0,          SIX),
	[OP_IMUL2]       = ROW(GM | ER,       0,              0,              0,       CF | OF,    SIX),
	[OP_IMUL3]       = ROW(GW | ER,       0,              0,              0,       CF | OF,    SIX),
	[OP_BSF]         = ROW(GM | ER,       0,              0,              0,       ZF,         SIX), /* of 0: G stays */
	[OP_BSR]         = ROW(GM | ER,       0,              0,              0,       ZF,         SIX),
	[OP_TZCNT]       = ROW(GM | ER,       0,              0,              0,       ZF,         SIX), /* a BSF to older CPUs */
	[OP_LZCNT]       = ROW(GM | ER,       0,              0,              0,       ZF,         SIX),
	[OP_POPCNT]      = ROW(GW | ER,       0,              0,              0,       SIX,        0),
	[OP_CRC32]       = ROW(GM | ER,       0,              0,              0,       0,          0),
	[OP_ADCX]        = ROW(GM | ER,       0,              0,              CF,      CF,         0),
	[OP_ADOX]        = ROW(GM | ER,       0,              0,              OF,      OF,         0),
	[OP_BCD]         = ROW(0,             RAX,            RAX,            CF | AF, 0,          SIX),
	[OP_SALC]        = ROW(0,             0,              RAX,            CF,      0,          0),
	[OP_ARPL]        = ROW(EM | GR,       0,              0,              0,       ZF,         0),
	[OP_BOUND]       = ROW(GR,            0,              0,              0,       0,          0),
	[OP_CMC]         = ROW(0,             0,              0,              CF,      CF,         0),
	[OP_CLC]         = ROW(0,             0,              0,              0,       CF,         0),
	[OP_STC]         = ROW(0,             0,              0,              0,       CF,         0),
	[OP_CLD]         = ROW(0,             0,              0,              0,       DF,         0),
	[OP_STD]         = ROW(0,             0,              0,              0,       DF,         0),
	[OP_SAHF]        = ROW(0,             RAX,            0,              0,       SIX & ~OF,  0),
	[OP_LAHF]        = ROW(0,             RAX,            RAX,            SIX & ~OF, 0,        0),

	[OP_ANDN]        = ROW(GW | VR | ER,  0,              0,              0,  SF | ZF | OF | CF, SIX),
	[OP_BLS]         = ROW(VW | ER,       0,              0,              0,  SF | ZF | OF | CF, SIX),
	[OP_BEXTR]       = ROW(GW | VR | ER,  0,              0,              0,  ZF | OF | CF,    SIX),
	[OP_BZHI]        = ROW(GW | VR | ER,  0,              0,              0,  SF | ZF | OF | CF, SIX),
	[OP_PDEP]        = ROW(GW | VR | ER,  0,              0,              0,       0,          0),
	[OP_MULX]        = ROW(GW | VW | ER,  RDX,            0,              0,       0,          0),
	[OP_RORX]        = ROW(GW | ER,       0,              0,              0,       0,          0),
	[OP_SHIFTX]      = ROW(GW | VR | ER,  0,              0,              0,       0,          0),

	[OP_NOP]         = ROW(0,             0,              0,              0,       0,          0),
	[OP_PAUSE]       = ROW(0,             0,              0,              0,       0,          0),
	[OP_FENCE]       = ROW(0,             0,              0,              0,       0,          0),
	[OP_CACHE_LINE]  = ROW(0,             0,              0,              0,       0,          0),
	[OP_FPU_STATE]   = ROW(0,             0,              0,              0,       0,          0),
	[OP_XSAVE]       = ROW(0,             RAX | RDX,      0,              0,       0,          0),
	[OP_X87]         = ROW(0,             0,              0,              0,       0,          0), /* x87_effects() */
	[OP_SIMD]        = ROW(0,             0,              0,              0,       0,          0),
	[OP_SIMD_TO_REG] = ROW(GW,            0,              0,              0,       0,          0),
	[OP_SIMD_TO_RM]  = ROW(EW,            0,              0,              0,       0,          0),
	[OP_SIMD_FROM_RM] = ROW(ER,           0,              0,              0,       0,          0),
	[OP_SIMD_COMPARE] = ROW(0,            0,              0,              0,       SIX,        0),
	[OP_SIMD_STRING] = ROW(0,             RAX | RDX,      RCX,            0,       SIX,        0),
	[OP_SIMD_MASKMOV] = ROW(0,            RDI,            0,              0,       0,          0),
	[OP_RDRAND]      = ROW(EW,            0,              0,              0,       SIX,        0),

	[OP_CLI]         = PRIV(0,            0,              0,              0,       0,          0),
	[OP_STI]         = PRIV(0,            0,              0,              0,       0,          0),
	[OP_PUSHF]       = SENS(0,            RSP,            RSP,            SIX | DF, 0,         0),
	[OP_POPF]        = SENS(0,            RSP,            RSP,            0,       SIX | DF,   0),
	[OP_HLT]         = PRIV(0,            0,              0,              0,       0,          0),
	[OP_CPUID]       = SENS(0,            RAX | RCX, RAX | RCX | RDX | RBX, 0,     0,          0),
	[OP_RDTSC]       = SENS(0,            0,              RAX | RDX,      0,       0,          0),
	[OP_RDTSCP]      = SENS(0,            0,        RAX | RCX | RDX,      0,       0,          0),
	[OP_RDPMC]       = SENS(0,            RCX,            RAX | RDX,      0,       0,          0),
	[OP_RDMSR]       = PRIV(0,            RCX,            RAX | RDX,      0,       0,          0),
	[OP_WRMSR]       = PRIV(0,            RAX | RCX | RDX, 0,             0,       0,          0),
	[OP_IN]          = PRIV(0,            RDX,            RAX,            0,       0,          0),
	[OP_OUT]         = PRIV(0,            RAX | RDX,      0,              0,       0,          0),
	[OP_INS]         = PRIV(0,            RDX | RDI,      RDI,            DF,      0,          0),
	[OP_OUTS]        = PRIV(0,            RDX | RSI,      RSI,            DF,      0,          0),
	[OP_MOV_FROM_CR] = PRIV(EW,           0,              0,              0,       0,          SIX),
	[OP_MOV_TO_CR]   = PRIV(ER,           0,              0,              0,       0,          SIX),
	[OP_MOV_FROM_DR] = PRIV(EW,           0,              0,              0,       0,          SIX),
	[OP_MOV_TO_DR]   = PRIV(ER,           0,              0,              0,       0,          SIX),
	[OP_CLTS]        = PRIV(0,            0,              0,              0,       0,          0),
	[OP_LMSW]        = PRIV(ER,           0,              0,              0,       0,          0),
	[OP_SMSW]        = SENS(EW,           0,              0,              0,       0,          0),
	[OP_LGDT]        = PRIV(0,            0,              0,              0,       0,          0),
	[OP_LIDT]        = PRIV(0,            0,              0,              0,       0,          0),
	[OP_SGDT]        = SENS(0,            0,              0,              0,       0,          0),
	[OP_SIDT]        = SENS(0,            0,              0,              0,       0,          0),
	[OP_LLDT]        = PRIV(ER,           0,              0,              0,       0,          0),
	[OP_SLDT]        = SENS(EW,           0,              0,              0,       0,          0),
	[OP_LTR]         = PRIV(ER,           0,              0,              0,       0,          0),
	[OP_STR]         = SENS(EW,           0,              0,              0,       0,          0),
	[OP_LAR]         = SENS(GM | ER,      0,              0,              0,       ZF,         0),
	[OP_LSL]         = SENS(GM | ER,      0,              0,              0,       ZF,         0),
	[OP_VERR]        = SENS(ER,           0,              0,              0,       ZF,         0),
	[OP_VERW]        = SENS(ER,           0,              0,              0,       ZF,         0),
	[OP_MOV_FROM_SEG] = SENS(EW,          0,              0,              0,       0,          0),
	[OP_MOV_TO_SEG]  = SENS(ER,           0,              0,              0,       0,          0),
	[OP_PUSH_SEG]    = SENS(0,            RSP,            RSP,            0,       0,          0),
	[OP_POP_SEG]     = SENS(0,            RSP,            RSP,            0,       0,          0),
	[OP_LOAD_FAR_POINTER] = SENS(GW,      0,              0,              0,       0,          0),
	[OP_INVLPG]      = PRIV(0,            0,              0,              0,       0,          0),
	[OP_INVD]        = PRIV(0,            0,              0,              0,       0,          0),
	[OP_WBINVD]      = PRIV(0,            0,              0,              0,       0,          0),
	[OP_SWAPGS]      = PRIV(0,            0,              0,              0,       0,          0),
	[OP_XGETBV]      = SENS(0,            RCX,            RAX | RDX,      0,       0,          0),
	[OP_XSETBV]      = PRIV(0,            RAX | RCX | RDX, 0,             0,       0,          0),
	[OP_MONITOR]     = PRIV(0,            RAX | RCX | RDX, 0,             0,       0,          0),
	[OP_MWAIT]       = PRIV(0,            RAX | RCX,      0,              0,       0,          0),
	[OP_CLAC]        = PRIV(0,            0,              0,              0,       0,          0),
	[OP_STAC]        = PRIV(0,            0,              0,              0,       0,          0),
	[OP_INVPCID]     = PRIV(GR,           0,              0,              0,       0,          0),
	[OP_RDFSGSBASE]  = SENS(EW,           0,              0,              0,       0,          0),
	[OP_WRFSGSBASE]  = SENS(ER,           0,              0,              0,       0,          0),
	[OP_RDPID]       = SENS(EW,           0,              0,              0,       0,          0),
	[OP_RDPRU]       = UNKNOWN(INSN_SENSITIVE),
	[OP_RSM]         = UNKNOWN(INSN_PRIVILEGED),
	[OP_VMCALL]      = UNKNOWN(INSN_PRIVILEGED),
	[OP_VMMCALL]     = UNKNOWN(INSN_PRIVILEGED),
	[OP_VMX_OTHER]   = UNKNOWN(INSN_PRIVILEGED),
	[OP_SVM_OTHER]   = UNKNOWN(INSN_PRIVILEGED),
	[OP_SYSTEM]      = UNKNOWN(INSN_PRIVILEGED),

	[OP_SYSCALL]     = UNKNOWN(INSN_TRANSFER),
	[OP_SYSRET]      = UNKNOWN(INSN_PRIVILEGED),
	[OP_SYSENTER]    = UNKNOWN(INSN_TRANSFER),
	[OP_SYSEXIT]     = UNKNOWN(INSN_PRIVILEGED),
	[OP_UD]          = UNKNOWN(INSN_TRANSFER),
	[OP_INT3]        = UNKNOWN(INSN_TRANSFER),
	[OP_INT]         = UNKNOWN(INSN_TRANSFER),
	[OP_INTO]        = UNKNOWN(INSN_TRANSFER),
	[OP_INT1]        = UNKNOWN(INSN_TRANSFER),
	[OP_IRET]        = UNKNOWN(INSN_TRANSFER),
	[OP_JMP_FAR]     = UNKNOWN(INSN_TRANSFER),
	[OP_CALL_FAR]    = UNKNOWN(INSN_TRANSFER),
	[OP_RET_FAR]     = UNKNOWN(INSN_TRANSFER),

	[OP_JMP]         = BRANCH(0,          0,              0,              0,       0,          0),
	[OP_JMP_INDIRECT] = BRANCH(ER,        0,              0,              0,       0,          0),
	[OP_JCC]         = BRANCH(0,          0,              0,              0,       0,          0),
	[OP_LOOP]        = BRANCH(0,          RCX,            RCX,            ZF,      0,          0),
	[OP_CALL]        = BRANCH(0,          RSP,            RSP,            0,       0,          0),
	[OP_CALL_INDIRECT] = BRANCH(ER,       RSP,            RSP,            0,       0,          0),
	[OP_RET]         = BRANCH(0,          RSP,            RSP,            0,       0,          0),
	[OP_XBEGIN]      = UNKNOWN(INSN_BRANCH),
};

/* clang-format on */

enum insn_class insn_class(const struct insn *i)
{
	return effects[i->op].class;
}

/* ---- operands ---- */

/* Without a REX prefix the byte registers 4 to 7 are AH CH DH BH. */
static u16 register_bit(const struct insn *i, u8 number, u8 size)
{
	if (size == 1 && !i->rex && number >= GPR_RSP)
		number -= GPR_RSP;
	return BIT(number);
}

static unsigned operands_of(const struct insn *i)
{
	unsigned operands = effects[i->op].operands;
	bool to_register = i->has_modrm ? i->opcode & 2 : i->memory && !(i->opcode & 2) /* MOV A0, A1 */;

	if (i->op == OP_PUSH && i->has_imm)
		return 0;
	if (!i->has_imm && (operands & DIR) && to_register)
		operands = (operands & EM) * (GR / ER) | (operands & GM) / (GR / ER);
	else if (i->has_imm && (operands & GI))
		operands &= ~GM;
	return i->memory ? operands & ~EM : operands;
}

static void add_operands(struct insn_effects *e, const struct insn *i)
{
	unsigned operands = operands_of(i);
	u16 rm = register_bit(i, i->rm, i->src_size ? i->src_size : i->op_size);
	u16 reg = register_bit(i, i->reg, i->op_size);

	if (operands & ER)
		e->gpr_read |= rm;
	if (operands & EW)
		e->gpr_changed |= rm;
	if (operands & GR)
		e->gpr_read |= reg;
	if (operands & GW)
		e->gpr_changed |= reg;
	if (operands & VR)
		e->gpr_read |= BIT(i->vvvv);
	if (operands & VW)
		e->gpr_changed |= BIT(i->vvvv);
	if (i->memory && i->base != INSN_NO_REG)
		e->gpr_read |= BIT(i->base);
	if (i->memory && i->index != INSN_NO_REG && !i->vsib)
		e->gpr_read |= BIT(i->index);
}

/* ---- what depends on more than the operation ---- */

/* SDM vol. 1, table B-1 "EFLAGS Condition Codes"; the lowest bit of a condition negates it. */
static u16 condition_flags(u8 cond)
{
	static const u16 flags[] = {OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF};

	return flags[cond >> 1];
}

#define SHIFT_BY_CL_FIRST 0xd2 /* D2, D3 */
#define SHLD_BY_CL        0xa5
#define SHRD_BY_CL        0xad
#define COUNT_MASK        0x1f
#define COUNT_MASK_64     0x3f

/* A count of 0 leaves the flags alone: SDM vol. 2B, SAL/SAR/SHL/SHR, and RCL/RCR/ROL/ROR "Flags Affected". */
static void shift_effects(struct insn_effects *e, const struct insn *i)
{
	bool wide = i->op == OP_SHLD || i->op == OP_SHRD;
	bool by_cl = wide ? i->opcode == SHLD_BY_CL || i->opcode == SHRD_BY_CL
			  : (i->opcode & ~1) == SHIFT_BY_CL_FIRST;
	unsigned count = i->has_imm ? i->imm & (i->op_size == 8 ? COUNT_MASK_64 : COUNT_MASK) : 1;

	if (by_cl) {
		e->gpr_read |= RCX;
		return;
	}
	if (!count || count > 8U * i->op_size || i->op == OP_RCL || i->op == OP_RCR)
		return;
	e->flags_set = e->flags_changed & ((CF | PF | ZF | SF) | (count == 1 ? OF : 0));
}

#define X87_FCMOV        0xda /* and FCMOVN, DB: C0..DF */
#define X87_FCOMI        0xdb /* and FCOMIP, DF: E8..F7 */
#define X87_FCOMIP       0xdf
#define X87_FCMOV_END    0xe0
#define X87_FCOMI_FIRST  0xe8
#define X87_FCOMI_END    0xf8
#define X87_FNSTSW_AX    0xe0
#define MODRM_REGS_FIRST 0xc0

static void x87_effects(struct insn_effects *e, const struct insn *i)
{
	static const u16 fcmov[] = {CF, ZF, CF | ZF, PF};

	if (i->modrm < MODRM_REGS_FIRST)
		return;
	if ((i->opcode == X87_FCMOV || i->opcode == X87_FCOMI) && i->modrm < X87_FCMOV_END)
		e->flags_read = fcmov[i->modrm >> 3 & 3];
	if ((i->opcode == X87_FCOMI || i->opcode == X87_FCOMIP) && i->modrm >= X87_FCOMI_FIRST &&
	    i->modrm < X87_FCOMI_END) {
		e->flags_set = ZF | PF | CF;
		e->flags_changed = SIX;
	}
	if (i->opcode == X87_FCOMIP && i->modrm == X87_FNSTSW_AX)
		e->gpr_changed = RAX;
}

#define LOOP_JRCXZ 0xe3
#define LOOP_PLAIN 0xe2

static void loop_effects(struct insn_effects *e, const struct insn *i)
{
	if (i->opcode >= LOOP_PLAIN)
		e->flags_read = 0;
	if (i->opcode == LOOP_JRCXZ)
		e->gpr_changed = 0;
}

/* REP: RCX counts, and with 0 nothing happens. */
static void string_effects(struct insn_effects *e, const struct insn *i)
{
	if (!i->rep && !i->repne)
		return;
	e->gpr_read |= RCX;
	e->gpr_changed |= RCX;
	e->flags_set = 0;
}

static void add_details(struct insn_effects *e, const struct insn *i)
{
	switch (i->op) {
	case OP_JCC:
	case OP_CMOVCC:
	case OP_SETCC:
		e->flags_read = condition_flags(i->cond);
		return;
	case OP_ROL ... OP_SHRD:
		shift_effects(e, i);
		return;
	case OP_MOVS ... OP_SCAS:
	case OP_INS:
	case OP_OUTS:
		string_effects(e, i);
		return;
	case OP_X87:
		x87_effects(e, i);
		return;
	case OP_LOOP:
		loop_effects(e, i);
		return;
	}
}

void insn_effects(struct insn_effects *e, const struct insn *i)
{
	const struct effect *row = &effects[i->op];

	if (!row->known) {
		*e = (struct insn_effects){ALL, ALL, INSN_FLAGS, INSN_FLAGS, 0, row->class, false};
		return;
	}
	*e = (struct insn_effects){row->in,  row->out,   row->read, row->set | row->changed,
				   row->set, row->class, true};
	add_operands(e, i);
	add_details(e, i);
}
