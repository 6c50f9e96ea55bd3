// SPDX-License-Identifier: MIT
// LIBS: -lZydis
/*
 * The decoder against another one, Zydis (https://zydis.re), which the project uses here and nowhere else:
 * whether the bytes are an instruction, how long it is, and where its displacement and immediate stand; and
 * of each instruction that the monitor asks for by name, whether both give it the same one.
 *
 * Compared are every opcode with every ModRM byte and mandatory prefix in three modes, random bytes from a
 * fixed seed, and the code of two large programs of this machine: the C library and the C compiler. Where the
 * two may differ stands in a table, with the reason.
 */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#include "lib/tests/unit.h"
#include "x86/decode.h"

#define MODES        3
#define RANDOM_COUNT 300000
#define RANDOM_SEED  0x243f6a8885a308d3 /* digits of pi */
#define CODE_BYTES   MIB(4)             /* of each program */
#define CODE_LEAST   100000             /* instructions: fewer mean that the test did not find the code */
#define REPORTS_MAX  20                 /* disagreements printed */

/* ---- where the two may differ ---- */

#define ANY_MODRM    0x00, 0xff

static const struct exception {
	u8 vex;              /* INSN_VEX2 .. */
	u8 map, first, last; /* opcodes */
	u8 modrm_first, modrm_last;
	const char *why;
} exceptions[] = {
	{0, 0, 0x90, 0x90, ANY_MODRM,
	 "F3 before XCHG R8, RAX: to Zydis PAUSE, to us and to QEMU still an XCHG; no manual says"},
	{0, 1, 0x1a, 0x1b, ANY_MODRM,
	 "MPX: to a CPU without it these are NOPs in all forms, and so they are to us"},
	{0, 1, 0xa6, 0xa7, ANY_MODRM, "PadLock: instructions of VIA's, left out"},
	{0, 1, 0x01, 0x01, 0xc6, 0xc6, "WRMSRNS: younger than Zydis 4.0"},
	{INSN_VEX2, 1, 0x84, 0x85, ANY_MODRM, "JKZD, JKNZD: branches that only Knights Corner had"},
	{INSN_VEX3, 1, 0x84, 0x85, ANY_MODRM, "the same"},
};

static bool may_differ(const struct insn *i, enum decode_result ours, enum decode_result theirs, u8 modrm)
{
	/* decode.h: of vector encodings, what the CPU refuses may be accepted; or be refused for another
	 * reason. */
	if (i->vex && (theirs == DECODE_INVALID || (theirs != DECODE_OK && ours != DECODE_OK)))
		return true;
	/* Too long, and nothing that exists: which of the two is noticed first says nothing. */
	if (ours == DECODE_TOO_LONG && theirs == DECODE_INVALID)
		return true;
	for (unsigned n = 0; n < ARRAY_SIZE(exceptions); n++) {
		const struct exception *e = &exceptions[n];

		if (i->vex == e->vex && i->map == e->map && i->opcode >= e->first && i->opcode <= e->last &&
		    modrm >= e->modrm_first && modrm <= e->modrm_last)
			return true;
	}
	return false;
}

/* Names: what Zydis calls the operations of enum insn_op. An operation may have several. */
static const struct {
	ZydisMnemonic zydis;
	u8 op;
} names[] = {
/* clang-format off */
#define NAME(name) { ZYDIS_MNEMONIC_##name, OP_##name }
#define ALSO(name, op) { ZYDIS_MNEMONIC_##name, op }
	NAME(MOVZX), NAME(MOVSX), NAME(MOVSXD), NAME(XCHG),
	ALSO(MOVSB, OP_MOVS), ALSO(MOVSW, OP_MOVS), ALSO(MOVSQ, OP_MOVS), ALSO(STOSB, OP_STOS), ALSO(STOSW, OP_STOS),
	ALSO(STOSD, OP_STOS), ALSO(STOSQ, OP_STOS), ALSO(LODSB, OP_LODS), ALSO(LODSW, OP_LODS), ALSO(LODSD, OP_LODS),
	ALSO(LODSQ, OP_LODS), ALSO(CMPSB, OP_CMPS), ALSO(CMPSW, OP_CMPS), ALSO(CMPSQ, OP_CMPS),
	ALSO(SCASB, OP_SCAS), ALSO(SCASW, OP_SCAS), ALSO(SCASD, OP_SCAS), ALSO(SCASQ, OP_SCAS),
	NAME(ADD), NAME(OR), NAME(ADC), NAME(SBB), NAME(AND), NAME(SUB), NAME(XOR), NAME(CMP), NAME(TEST), NAME(NOT),
	NAME(NEG), NAME(INC), NAME(DEC), NAME(BT), NAME(BTS), NAME(BTR), NAME(BTC), NAME(XADD), NAME(CMPXCHG),
	NAME(CLI), NAME(STI), ALSO(PUSHF, OP_PUSHF), ALSO(PUSHFD, OP_PUSHF), ALSO(PUSHFQ, OP_PUSHF), NAME(POPF),
	ALSO(POPFD, OP_POPF), ALSO(POPFQ, OP_POPF), NAME(HLT), NAME(CPUID), NAME(RDTSC), NAME(RDTSCP), NAME(RDPMC),
	NAME(RDMSR), NAME(WRMSR), NAME(IN), NAME(OUT), ALSO(INSB, OP_INS), ALSO(INSW, OP_INS), ALSO(INSD, OP_INS),
	ALSO(OUTSB, OP_OUTS), ALSO(OUTSW, OP_OUTS), ALSO(OUTSD, OP_OUTS), NAME(CLTS), NAME(LMSW), NAME(SMSW),
	NAME(LGDT), NAME(LIDT), NAME(SGDT), NAME(SIDT), NAME(LLDT), NAME(SLDT), NAME(LTR), NAME(STR), NAME(LAR),
	NAME(LSL), NAME(VERR), NAME(VERW), ALSO(LSS, OP_LOAD_FAR_POINTER), ALSO(LFS, OP_LOAD_FAR_POINTER),
	ALSO(LGS, OP_LOAD_FAR_POINTER), ALSO(LES, OP_LOAD_FAR_POINTER), ALSO(LDS, OP_LOAD_FAR_POINTER),
	NAME(INVLPG), NAME(INVD), NAME(WBINVD), NAME(SWAPGS), NAME(XGETBV), NAME(XSETBV), NAME(MONITOR), NAME(MWAIT),
	NAME(PAUSE), NAME(SYSCALL), NAME(SYSRET), NAME(SYSENTER), NAME(SYSEXIT), ALSO(UD0, OP_UD), ALSO(UD1, OP_UD),
	ALSO(UD2, OP_UD), NAME(INT3), NAME(INT), NAME(INTO), NAME(INT1), ALSO(IRET, OP_IRET), ALSO(IRETD, OP_IRET),
	ALSO(IRETQ, OP_IRET), NAME(VMCALL), NAME(VMMCALL), ALSO(VMLAUNCH, OP_VMX_OTHER), ALSO(VMRESUME, OP_VMX_OTHER),
	ALSO(VMXON, OP_VMX_OTHER), ALSO(VMXOFF, OP_VMX_OTHER), ALSO(VMPTRLD, OP_VMX_OTHER), ALSO(VMPTRST, OP_VMX_OTHER),
	ALSO(VMCLEAR, OP_VMX_OTHER), ALSO(VMREAD, OP_VMX_OTHER), ALSO(VMWRITE, OP_VMX_OTHER), ALSO(VMFUNC, OP_VMX_OTHER),
	ALSO(INVEPT, OP_VMX_OTHER), ALSO(INVVPID, OP_VMX_OTHER), ALSO(VMRUN, OP_SVM_OTHER), ALSO(VMLOAD, OP_SVM_OTHER),
	ALSO(VMSAVE, OP_SVM_OTHER), ALSO(STGI, OP_SVM_OTHER), ALSO(CLGI, OP_SVM_OTHER), ALSO(SKINIT, OP_SVM_OTHER),
	ALSO(INVLPGA, OP_SVM_OTHER), ALSO(LOOP, OP_LOOP), ALSO(LOOPE, OP_LOOP), ALSO(LOOPNE, OP_LOOP), ALSO(JCXZ, OP_LOOP),
	ALSO(JECXZ, OP_LOOP), ALSO(JRCXZ, OP_LOOP),
	NAME(LEA), NAME(ENTER), NAME(LEAVE), NAME(XLAT), NAME(BSWAP), NAME(MOVBE), NAME(MOVNTI),
	ALSO(PUSHA, OP_PUSHA), ALSO(PUSHAD, OP_PUSHA), ALSO(POPA, OP_POPA), ALSO(POPAD, OP_POPA),
	ALSO(CBW, OP_CBW), ALSO(CWDE, OP_CBW), ALSO(CDQE, OP_CBW), ALSO(CWD, OP_CWD), ALSO(CDQ, OP_CWD), ALSO(CQO, OP_CWD),
	ALSO(CMPXCHG8B, OP_CMPXCHG8B), ALSO(CMPXCHG16B, OP_CMPXCHG8B),
	NAME(ROL), NAME(ROR), NAME(RCL), NAME(RCR), NAME(SHL), NAME(SHR), NAME(SAR), NAME(SHLD), NAME(SHRD),
	NAME(MUL), NAME(DIV), NAME(IDIV), NAME(BSF), NAME(BSR), NAME(TZCNT), NAME(LZCNT), NAME(POPCNT), NAME(CRC32),
	NAME(ADCX), NAME(ADOX), ALSO(DAA, OP_BCD), ALSO(DAS, OP_BCD), ALSO(AAA, OP_BCD), ALSO(AAS, OP_BCD),
	ALSO(AAM, OP_BCD), ALSO(AAD, OP_BCD), NAME(SALC), NAME(ARPL), NAME(BOUND), NAME(CMC), NAME(CLC), NAME(STC),
	NAME(CLD), NAME(STD), NAME(SAHF), NAME(LAHF), NAME(CLAC), NAME(STAC), NAME(INVPCID), NAME(RDPID), NAME(RDPRU),
	NAME(RSM), ALSO(RDFSBASE, OP_RDFSGSBASE), ALSO(RDGSBASE, OP_RDFSGSBASE), ALSO(WRFSBASE, OP_WRFSGSBASE),
	ALSO(WRGSBASE, OP_WRFSGSBASE), NAME(RDRAND), ALSO(RDSEED, OP_RDRAND), NAME(XBEGIN),
	ALSO(LFENCE, OP_FENCE), ALSO(MFENCE, OP_FENCE), ALSO(SFENCE, OP_FENCE), ALSO(CLFLUSH, OP_CACHE_LINE),
	ALSO(CLFLUSHOPT, OP_CACHE_LINE), ALSO(CLWB, OP_CACHE_LINE),
	ALSO(FXSAVE, OP_FPU_STATE), ALSO(FXSAVE64, OP_FPU_STATE), ALSO(FXRSTOR, OP_FPU_STATE),
	ALSO(FXRSTOR64, OP_FPU_STATE), ALSO(LDMXCSR, OP_FPU_STATE), ALSO(STMXCSR, OP_FPU_STATE),
	ALSO(XSAVE, OP_XSAVE), ALSO(XSAVE64, OP_XSAVE), ALSO(XSAVEC, OP_XSAVE), ALSO(XSAVEC64, OP_XSAVE),
	ALSO(XSAVEOPT, OP_XSAVE), ALSO(XSAVEOPT64, OP_XSAVE), ALSO(XRSTOR, OP_XSAVE), ALSO(XRSTOR64, OP_XSAVE),
	ALSO(CMOVB, OP_CMOVCC), ALSO(CMOVBE, OP_CMOVCC), ALSO(CMOVL, OP_CMOVCC), ALSO(CMOVLE, OP_CMOVCC),
	ALSO(CMOVNB, OP_CMOVCC), ALSO(CMOVNBE, OP_CMOVCC), ALSO(CMOVNL, OP_CMOVCC), ALSO(CMOVNLE, OP_CMOVCC),
	ALSO(CMOVNO, OP_CMOVCC), ALSO(CMOVNP, OP_CMOVCC), ALSO(CMOVNS, OP_CMOVCC), ALSO(CMOVNZ, OP_CMOVCC),
	ALSO(CMOVO, OP_CMOVCC), ALSO(CMOVP, OP_CMOVCC), ALSO(CMOVS, OP_CMOVCC), ALSO(CMOVZ, OP_CMOVCC),
	ALSO(SETB, OP_SETCC), ALSO(SETBE, OP_SETCC), ALSO(SETL, OP_SETCC), ALSO(SETLE, OP_SETCC),
	ALSO(SETNB, OP_SETCC), ALSO(SETNBE, OP_SETCC), ALSO(SETNL, OP_SETCC), ALSO(SETNLE, OP_SETCC),
	ALSO(SETNO, OP_SETCC), ALSO(SETNP, OP_SETCC), ALSO(SETNS, OP_SETCC), ALSO(SETNZ, OP_SETCC),
	ALSO(SETO, OP_SETCC), ALSO(SETP, OP_SETCC), ALSO(SETS, OP_SETCC), ALSO(SETZ, OP_SETCC),
	ALSO(JB, OP_JCC), ALSO(JBE, OP_JCC), ALSO(JL, OP_JCC), ALSO(JLE, OP_JCC), ALSO(JNB, OP_JCC), ALSO(JNBE, OP_JCC),
	ALSO(JNL, OP_JCC), ALSO(JNLE, OP_JCC), ALSO(JNO, OP_JCC), ALSO(JNP, OP_JCC), ALSO(JNS, OP_JCC), ALSO(JNZ, OP_JCC),
	ALSO(JO, OP_JCC), ALSO(JP, OP_JCC), ALSO(JS, OP_JCC), ALSO(JZ, OP_JCC),
	/* clang-format on */
};

/* Operations that Zydis files below a mnemonic of more than one of ours (MOV, JMP, CALL, RET, PUSH, POP,
 * IMUL), and those of ours that stand for many mnemonics. */
static bool shares_a_mnemonic(u8 op)
{
	switch (op) {
	case OP_OTHER:
	case OP_MOV:
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
	case OP_MOV_FROM_SEG:
	case OP_MOV_TO_SEG:
	case OP_PUSH:
	case OP_POP:
	case OP_PUSH_SEG:
	case OP_POP_SEG:
	case OP_IMUL:
	case OP_IMUL2:
	case OP_IMUL3:
	case OP_SAL:
	case OP_NOP:
	case OP_X87 ... OP_SIMD_MASKMOV:
	case OP_SYSTEM:
	case OP_JMP:
	case OP_JMP_INDIRECT:
	case OP_JMP_FAR:
	case OP_CALL:
	case OP_CALL_INDIRECT:
	case OP_CALL_FAR:
	case OP_RET:
	case OP_RET_FAR:
		return true;
	}
	return false;
}

/* MOVSD and CMPSD are string and SSE instructions: only the ones without a ModRM byte count. */
static u8 op_of_mnemonic(const ZydisDecodedInstruction *z)
{
	bool string = !(z->attributes & ZYDIS_ATTRIB_HAS_MODRM);

	if (z->mnemonic == ZYDIS_MNEMONIC_MOVSD && string)
		return OP_MOVS;
	if (z->mnemonic == ZYDIS_MNEMONIC_CMPSD && string)
		return OP_CMPS;
	for (unsigned n = 0; n < ARRAY_SIZE(names); n++)
		if (names[n].zydis == z->mnemonic)
			return names[n].op;
	return OP_OTHER;
}

/* ---- one comparison ---- */

static ZydisDecoder zydis[MODES];
static unsigned long compared, both_accept, differences, allowed;

static void decoders_init(void)
{
	static const struct {
		ZydisMachineMode mode;
		ZydisStackWidth width;
	} kinds[MODES] = {
		[DECODE_16] = {ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
		[DECODE_32] = {ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
		[DECODE_64] = {ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64},
	};

	for (unsigned m = 0; m < MODES; m++)
		CU_ASSERT_TRUE_FATAL(
			ZYAN_SUCCESS(ZydisDecoderInit(&zydis[m], kinds[m].mode, kinds[m].width)));
	compared = both_accept = differences = allowed = 0;
}

static enum decode_result result_of(ZyanStatus status)
{
	if (ZYAN_SUCCESS(status))
		return DECODE_OK;
	if (status == ZYDIS_STATUS_NO_MORE_DATA)
		return DECODE_TRUNCATED;
	return status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ? DECODE_TOO_LONG : DECODE_INVALID;
}

static void report(const char *what, const u8 *bytes, size_t size, unsigned mode)
{
	if (differences++ >= REPORTS_MAX)
		return;
	printf("\n    %s, mode %u:", what, 16u << mode);
	for (size_t n = 0; n < MIN(size, INSN_MAX_LENGTH); n++)
		printf(" %02x", bytes[n]);
}

/* What differs in an instruction that both accept; NULL: nothing. */
static const char *difference(const struct insn *i, const ZydisDecodedInstruction *z)
{
	u8 op = op_of_mnemonic(z);

	if (i->length != z->length)
		return "length";
	if (i->vex)
		return NULL;
	if (!shares_a_mnemonic(i->op) && i->op != op)
		return "operation";
	if (i->op == OP_OTHER && op != OP_OTHER)
		return "operation without a name";
	if (i->memory && 8 * i->addr_size != z->address_width)
		return "address size";
	if (8 * i->disp_size != z->raw.disp.size || i->disp_offset != z->raw.disp.offset)
		return "place of the displacement";
	if (i->disp_size && i->has_modrm && i->disp != z->raw.disp.value)
		return "displacement";
	if (i->imm_offset != z->raw.imm[0].offset ||
	    8 * i->imm_size != z->raw.imm[0].size + z->raw.imm[1].size)
		return "place of the immediate";
	if (i->has_modrm && i->memory && i->rip_relative != !!(z->attributes & ZYDIS_ATTRIB_IS_RELATIVE))
		return "RIP-relative";
	return NULL;
}

/* Returns the length by Zydis, 0 when it refuses. */
static unsigned compare(const u8 *bytes, size_t size, unsigned mode)
{
	ZydisDecodedInstruction z;
	struct insn i;
	enum decode_result ours = insn_decode(&i, bytes, size, mode);
	enum decode_result theirs =
		result_of(ZydisDecoderDecodeInstruction(&zydis[mode], NULL, bytes, size, &z));
	const char *what = "validity";

	compared++;
	if (ours == theirs)
		what = ours == DECODE_OK ? difference(&i, &z) : NULL;
	both_accept += ours == DECODE_OK && theirs == DECODE_OK;
	if (what) {
		/* A refused instruction has no ModRM yet; it would be what follows the opcode. */
		u8 modrm = i.has_modrm ? i.modrm : i.length < size ? bytes[i.length] : 0;

		if (may_differ(&i, ours, theirs, modrm))
			allowed++;
		else
			report(what, bytes, size, mode);
	}
	return theirs == DECODE_OK ? z.length : 0;
}

static void summary(unsigned long least)
{
	printf(" (%lu compared, %lu accepted by both, %lu listed differences) ", compared, both_accept,
	       allowed);
	CU_ASSERT_EQUAL(differences, 0);
	CU_ASSERT(both_accept >= least);
}

/* ---- what is compared ---- */

struct lead {
	u8 size, bytes[4];
};

/* Every opcode and ModRM byte behind the bytes of `a` and `b`. */
static void compare_opcodes(const struct lead *a, const struct lead *b, unsigned mode)
{
	u8 bytes[INSN_MAX_LENGTH];
	unsigned used = a->size + b->size;

	for (unsigned n = 0; n < sizeof(bytes); n++)
		bytes[n] = (u8)(0x11 * n);
	memcpy(bytes, a->bytes, a->size);
	memcpy(bytes + a->size, b->bytes, b->size);
	for (unsigned n = 0; n < 0x10000; n++) {
		bytes[used] = (u8)(n >> 8);
		bytes[used + 1] = (u8)n;
		compare(bytes, sizeof(bytes), mode);
	}
}

static void test_every_form(void)
{
	static const struct lead prefixes[] = {
		// clang-format off
		{0, {0}}, {1, {0x66}}, {1, {0xf3}}, {1, {0xf2}}, {2, {0x66, 0xf3}}, {2, {0xf3, 0x66}},
		{2, {0xf3, 0xf2}}, {2, {0xf2, 0xf3}}, {1, {0xf0}}, {1, {0x67}}, {1, {0x48}}, {1, {0x45}},
		{2, {0x66, 0x4f}}, {2, {0x4f, 0x66}}, {2, {0x48, 0xf3}},
		// clang-format on
	};
	static const struct lead maps[] = {{0, {0}}, {1, {0x0f}}, {2, {0x0f, 0x38}}, {2, {0x0f, 0x3a}}};

	decoders_init();
	for (unsigned mode = 0; mode < MODES; mode++)
		for (unsigned p = 0; p < ARRAY_SIZE(prefixes); p++)
			for (unsigned m = 0; m < ARRAY_SIZE(maps); m++)
				compare_opcodes(&prefixes[p], &maps[m], mode);
	summary(1000000);
}

static void test_vector_forms(void)
{
	static const struct lead none;
	static const struct lead leads[] = {
		// clang-format off
		{2, {0xc5, 0xf8}}, {2, {0xc5, 0xf9}}, {2, {0xc5, 0xfa}}, {2, {0xc5, 0xff}}, {2, {0xc5, 0xe9}},
		{3, {0xc4, 0xe1, 0xf9}}, {3, {0xc4, 0xe2, 0x79}}, {3, {0xc4, 0xe2, 0xf8}}, {3, {0xc4, 0xe2, 0x7d}},
		{3, {0xc4, 0xe3, 0x79}}, {3, {0xc4, 0xe3, 0xf9}}, {3, {0xc4, 0xe3, 0x7d}}, {3, {0xc4, 0xc2, 0x69}},
		{4, {0x62, 0xf1, 0x7c, 0x48}}, {4, {0x62, 0xf1, 0xfd, 0x48}}, {4, {0x62, 0xf2, 0x7d, 0x48}},
		{4, {0x62, 0xf2, 0xfe, 0x28}}, {4, {0x62, 0xf3, 0x7d, 0x48}}, {4, {0x62, 0xf5, 0x7c, 0x48}},
		{4, {0x62, 0xf6, 0x7d, 0x48}}, {3, {0x8f, 0xe8, 0x78}}, {3, {0x8f, 0xe9, 0x78}}, {3, {0x8f, 0xea, 0x78}},
		// clang-format on
	};

	decoders_init();
	for (unsigned mode = 0; mode < MODES; mode++)
		for (unsigned n = 0; n < ARRAY_SIZE(leads); n++)
			compare_opcodes(&none, &leads[n], mode);
	summary(500000);
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" */
static u64 random_next(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static void test_random_bytes(void)
{
	u64 state = RANDOM_SEED;

	decoders_init();
	for (unsigned n = 0; n < RANDOM_COUNT; n++) {
		u64 words[3];
		u64 choice = random_next(&state);

		for (unsigned w = 0; w < ARRAY_SIZE(words); w++)
			words[w] = random_next(&state);
		/* A third of them may be cut off anywhere. */
		compare((const u8 *)words, choice >> 8 & 1 ? sizeof(words) : choice % sizeof(words),
			n % MODES);
	}
	summary(RANDOM_COUNT / 4);
}

/* Prefixes of all kinds before a random tail: their order, repetition, and the limit of 15 bytes. */
static void test_random_prefixes(void)
{
	static const u8 prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
				      0xf0, 0xf2, 0xf3, 0x40, 0x48, 0x4f, 0x0f, 0x0f};
	u64 state = ~RANDOM_SEED;

	decoders_init();
	for (unsigned n = 0; n < RANDOM_COUNT; n++) {
		u64 words[3] = {random_next(&state), random_next(&state), random_next(&state)};
		u64 choice = random_next(&state);
		u8 *bytes = (u8 *)words;

		for (unsigned count = choice % 16; count; count--)
			bytes[count - 1] = prefixes[bytes[count - 1] % sizeof(prefixes)];
		compare(bytes, sizeof(words), n % MODES);
	}
	summary(RANDOM_COUNT / 10);
}

/* ---- programs ---- */

static void compare_code(const u8 *code, size_t size)
{
	for (size_t at = 0; at < size;) {
		unsigned length = compare(code + at, size - at, DECODE_64);

		at += length ? length : 1;
	}
}

/* The .text of an ELF64 file in memory. */
static void compare_elf(const u8 *file, size_t size)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)file;
	const Elf64_Shdr *shdr;
	const char *strings;

	CU_ASSERT_FATAL(size > sizeof(*ehdr) && !memcmp(ehdr->e_ident, ELFMAG, SELFMAG));
	CU_ASSERT_FATAL(ehdr->e_shoff + ehdr->e_shnum * sizeof(*shdr) <= size &&
			ehdr->e_shstrndx < ehdr->e_shnum);
	shdr = (const Elf64_Shdr *)(file + ehdr->e_shoff);
	strings = (const char *)file + shdr[ehdr->e_shstrndx].sh_offset;
	for (unsigned n = 0; n < ehdr->e_shnum; n++)
		if (!strcmp(strings + shdr[n].sh_name, ".text"))
			compare_code(file + shdr[n].sh_offset, MIN(shdr[n].sh_size, CODE_BYTES));
}

static void compare_program(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *file;

	if (fd < 0)
		printf("\n    cannot open %s", path);
	CU_ASSERT_FATAL(fd >= 0 && fstat(fd, &st) == 0);
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	CU_ASSERT_FATAL(file != MAP_FAILED);
	compare_elf(file, (size_t)st.st_size);
	munmap(file, (size_t)st.st_size);
}

static int find_libc(struct dl_phdr_info *info, size_t size, void *path)
{
	(void)size;
	if (!strstr(info->dlpi_name, "/libc.so"))
		return 0;
	snprintf(path, PATH_MAX, "%s", info->dlpi_name);
	return 1;
}

static void test_c_library(void)
{
	char path[PATH_MAX] = "";

	decoders_init();
	dl_iterate_phdr(find_libc, path);
	compare_program(path);
	summary(CODE_LEAST);
}

static void test_c_compiler(void)
{
	FILE *pipe = popen("gcc -print-prog-name=cc1", "r");
	char path[PATH_MAX] = "";

	decoders_init();
	CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
	CU_ASSERT_PTR_NOT_NULL(fgets(path, sizeof(path), pipe));
	pclose(pipe);
	path[strcspn(path, "\n")] = '\0';
	compare_program(path);
	summary(CODE_LEAST);
}

UNIT_MAIN("decode oracle", {"every opcode and ModRM", test_every_form}, {"VEX, EVEX, XOP", test_vector_forms},
	  {"random bytes", test_random_bytes}, {"random prefixes", test_random_prefixes},
	  {"the C library", test_c_library}, {"the C compiler", test_c_compiler})
