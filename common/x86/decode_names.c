// SPDX-License-Identifier: MIT
/* The printable names of enum insn_op, for reports. */
#include "x86/decode.h"

/* clang-format off */
static const char *const op_names[OP_COUNT] = {
	[OP_OTHER] = "other",
	[OP_MOV] = "mov", [OP_MOVZX] = "movzx", [OP_MOVSX] = "movsx", [OP_MOVSXD] = "movsxd", [OP_XCHG] = "xchg",
	[OP_MOVS] = "movs", [OP_STOS] = "stos", [OP_LODS] = "lods", [OP_CMPS] = "cmps", [OP_SCAS] = "scas",
	[OP_LEA] = "lea", [OP_PUSH] = "push", [OP_POP] = "pop", [OP_PUSHA] = "pusha", [OP_POPA] = "popa",
	[OP_ENTER] = "enter", [OP_LEAVE] = "leave", [OP_XLAT] = "xlat", [OP_BSWAP] = "bswap", [OP_MOVBE] = "movbe",
	[OP_MOVNTI] = "movnti", [OP_CMOVCC] = "cmovcc", [OP_SETCC] = "setcc", [OP_CBW] = "cbw", [OP_CWD] = "cwd",
	[OP_ADD] = "add", [OP_OR] = "or", [OP_ADC] = "adc", [OP_SBB] = "sbb", [OP_AND] = "and", [OP_SUB] = "sub",
	[OP_XOR] = "xor", [OP_CMP] = "cmp",
	[OP_TEST] = "test", [OP_NOT] = "not", [OP_NEG] = "neg", [OP_INC] = "inc", [OP_DEC] = "dec", [OP_BT] = "bt",
	[OP_BTS] = "bts", [OP_BTR] = "btr", [OP_BTC] = "btc", [OP_XADD] = "xadd", [OP_CMPXCHG] = "cmpxchg",
	[OP_CMPXCHG8B] = "cmpxchg8b",
	[OP_ROL] = "rol", [OP_ROR] = "ror", [OP_RCL] = "rcl", [OP_RCR] = "rcr", [OP_SHL] = "shl", [OP_SHR] = "shr",
	[OP_SAL] = "sal", [OP_SAR] = "sar", [OP_SHLD] = "shld", [OP_SHRD] = "shrd", [OP_MUL] = "mul",
	[OP_IMUL] = "imul", [OP_DIV] = "div", [OP_IDIV] = "idiv", [OP_IMUL2] = "imul of two", [OP_IMUL3] = "imul of three",
	[OP_BSF] = "bsf", [OP_BSR] = "bsr", [OP_TZCNT] = "tzcnt", [OP_LZCNT] = "lzcnt", [OP_POPCNT] = "popcnt",
	[OP_CRC32] = "crc32", [OP_ADCX] = "adcx", [OP_ADOX] = "adox",
	[OP_BCD] = "BCD", [OP_SALC] = "salc", [OP_ARPL] = "arpl", [OP_BOUND] = "bound",
	[OP_CMC] = "cmc", [OP_CLC] = "clc", [OP_STC] = "stc", [OP_CLD] = "cld", [OP_STD] = "std", [OP_SAHF] = "sahf",
	[OP_LAHF] = "lahf",
	[OP_ANDN] = "andn", [OP_BLS] = "bls", [OP_BEXTR] = "bextr", [OP_BZHI] = "bzhi", [OP_PDEP] = "pdep",
	[OP_MULX] = "mulx", [OP_RORX] = "rorx", [OP_SHIFTX] = "shiftx",
	[OP_NOP] = "nop", [OP_FENCE] = "fence", [OP_CACHE_LINE] = "cache line", [OP_FPU_STATE] = "FPU state",
	[OP_XSAVE] = "xsave", [OP_X87] = "x87", [OP_SIMD] = "SIMD", [OP_SIMD_TO_REG] = "SIMD to reg",
	[OP_SIMD_TO_RM] = "SIMD to r/m", [OP_SIMD_FROM_RM] = "SIMD from r/m", [OP_SIMD_COMPARE] = "SIMD compare",
	[OP_SIMD_STRING] = "SIMD string", [OP_SIMD_MASKMOV] = "SIMD maskmov", [OP_RDRAND] = "rdrand",
	[OP_CLI] = "cli", [OP_STI] = "sti", [OP_PUSHF] = "pushf", [OP_POPF] = "popf", [OP_HLT] = "hlt",
	[OP_CPUID] = "cpuid", [OP_RDTSC] = "rdtsc", [OP_RDTSCP] = "rdtscp", [OP_RDPMC] = "rdpmc", [OP_RDMSR] = "rdmsr",
	[OP_WRMSR] = "wrmsr", [OP_IN] = "in", [OP_OUT] = "out", [OP_INS] = "ins", [OP_OUTS] = "outs",
	[OP_MOV_FROM_CR] = "mov from CR", [OP_MOV_TO_CR] = "mov to CR", [OP_MOV_FROM_DR] = "mov from DR",
	[OP_MOV_TO_DR] = "mov to DR", [OP_CLTS] = "clts", [OP_LMSW] = "lmsw", [OP_SMSW] = "smsw",
	[OP_LGDT] = "lgdt", [OP_LIDT] = "lidt", [OP_SGDT] = "sgdt", [OP_SIDT] = "sidt", [OP_LLDT] = "lldt",
	[OP_SLDT] = "sldt", [OP_LTR] = "ltr", [OP_STR] = "str", [OP_LAR] = "lar", [OP_LSL] = "lsl", [OP_VERR] = "verr",
	[OP_VERW] = "verw",
	[OP_MOV_FROM_SEG] = "mov from segment register", [OP_MOV_TO_SEG] = "mov to segment register",
	[OP_PUSH_SEG] = "push segment register", [OP_POP_SEG] = "pop segment register",
	[OP_LOAD_FAR_POINTER] = "load far pointer",
	[OP_INVLPG] = "invlpg", [OP_INVD] = "invd", [OP_WBINVD] = "wbinvd", [OP_SWAPGS] = "swapgs",
	[OP_XGETBV] = "xgetbv", [OP_XSETBV] = "xsetbv", [OP_MONITOR] = "monitor", [OP_MWAIT] = "mwait",
	[OP_PAUSE] = "pause",
	[OP_CLAC] = "clac", [OP_STAC] = "stac", [OP_INVPCID] = "invpcid", [OP_RDFSGSBASE] = "rdfsgsbase",
	[OP_WRFSGSBASE] = "wrfsgsbase", [OP_RDPID] = "rdpid", [OP_RDPRU] = "rdpru", [OP_RSM] = "rsm",
	[OP_SYSCALL] = "syscall", [OP_SYSRET] = "sysret", [OP_SYSENTER] = "sysenter", [OP_SYSEXIT] = "sysexit",
	[OP_UD] = "ud",
	[OP_INT3] = "int3", [OP_INT] = "int", [OP_INTO] = "into", [OP_INT1] = "int1", [OP_IRET] = "iret",
	[OP_VMCALL] = "vmcall", [OP_VMMCALL] = "vmmcall", [OP_VMX_OTHER] = "VMX", [OP_SVM_OTHER] = "SVM",
	[OP_SYSTEM] = "system",
	[OP_JMP] = "jmp", [OP_JMP_INDIRECT] = "jmp indirect", [OP_JMP_FAR] = "jmp far", [OP_JCC] = "jcc",
	[OP_LOOP] = "loop", [OP_CALL] = "call", [OP_CALL_INDIRECT] = "call indirect", [OP_CALL_FAR] = "call far",
	[OP_RET] = "ret", [OP_RET_FAR] = "ret far", [OP_XBEGIN] = "xbegin",
};
/* clang-format on */

const char *insn_op_name(enum insn_op op)
{
	return (unsigned)op < OP_COUNT && op_names[op] ? op_names[op] : "?";
}
