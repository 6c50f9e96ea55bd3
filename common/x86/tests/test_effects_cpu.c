// SPDX-License-Identifier: MIT
/*
 * What instructions do to registers and flags, by the CPU itself. Instructions without memory are made up
 *from a fixed seed and run in this process, again and again with one input changed. Then
 *
 *	a register or flag that is said to stay has stayed,
 *	an input that is said not to be read has changed nothing but itself,
 *	and a flag that is said to be set does not depend on what it was.
 *
 * What this CPU does not have ends in SIGILL and counts for nothing.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/tests/unit.h"
#include "x86/effects.h"

#define SEED      0x243f6a8885a308d3 /* digits of pi */
#define TRIES     400000
#define LEAST     20000 /* instructions: fewer mean that the test made up none */
#define CODE_SIZE 64
#define RSP_BIT   BIT(GPR_RSP)

struct state {
	u64 gpr[GPR_COUNT]; /* RSP is the process's own */
	u64 flags;
};
struct state effects_in, effects_out;
u8 *effects_code;
u64 effects_stack;
u8 effects_fpu[512] __attribute__((aligned(16))); /* x87 and SSE registers, the same in each run */
void effects_run(void);
extern const u8 effects_back[];

/* Loads effects_in, jumps to effects_code, which jumps to effects_back, and stores effects_out. Flags are
 * loaded first and stored last but one: MOV leaves them alone. */
// clang-format off
#define EACH(form)                                                                                           \
	form("rax", "0") form("rcx", "8") form("rdx", "16") form("rbx", "24") form("rbp", "40")              \
	form("rsi", "48") form("rdi", "56") form("r8", "64") form("r9", "72") form("r10", "80")              \
	form("r11", "88") form("r12", "96") form("r13", "104") form("r14", "112") form("r15", "120")
#define LOAD(reg, at)  "mov effects_in+" at "(%rip), %" reg "\n\t"
#define STORE(reg, at) "mov %" reg ", effects_out+" at "(%rip)\n\t"

asm(".pushsection .text\n"
    "effects_run:\n\t"
    "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
    "mov %rsp, effects_stack(%rip)\n\t"
    "fxrstor64 effects_fpu(%rip)\n\t"
    "pushq effects_in+128(%rip)\n\tpopfq\n\t"
    EACH(LOAD)
    "jmp *effects_code(%rip)\n"
    "effects_back:\n\t"
    EACH(STORE)
    "mov effects_stack(%rip), %rsp\n\t"
    "pushfq\n\tpopq effects_out+128(%rip)\n\t"
    "cld\n\temms\n\t"
    "pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\t"
    "ret\n"
    ".popsection");
// clang-format on

/* ---- running one instruction ---- */

static sigjmp_buf refused;

static void on_signal(int number)
{
	siglongjmp(refused, number);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
}

#define JMP_INDIRECT_RIP 0x25ff /* jmp *0(%rip), the target behind it */

static void place(const u8 *bytes, unsigned length)
{
	u16 jump = JMP_INDIRECT_RIP;
	u32 distance = 0;
	u64 target = (u64)effects_back;

	memcpy(effects_code, bytes, length);
	memcpy(effects_code + length, &jump, sizeof(jump));
	memcpy(effects_code + length + sizeof(jump), &distance, sizeof(distance));
	memcpy(effects_code + length + sizeof(jump) + sizeof(distance), &target, sizeof(target));
}

/* False: the CPU refuses. */
static bool run(const struct state *in, struct state *out)
{
	effects_in = *in;
	if (sigsetjmp(refused, 1))
		return false;
	effects_run();
	*out = effects_out;
	out->flags &= INSN_FLAGS;
	return true;
}

/* ---- what must hold ---- */

static u64 random_next(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* Are all registers but those of `except` the same, and all flags but those? */
static bool same(const struct state *a, const struct state *b, u16 except, u16 except_flags)
{
	for (unsigned n = 0; n < GPR_COUNT; n++)
		if (a->gpr[n] != b->gpr[n] && !(except >> n & 1) && n != GPR_RSP)
			return false;
	return !((a->flags ^ b->flags) & INSN_FLAGS & ~except_flags);
}

/* NULL: all is as said; "": the CPU refuses; otherwise what is wrong. */
static const char *check_effects(const struct insn_effects *e, u64 *seed)
{
	struct state in, out, changed, other;

	for (unsigned n = 0; n < GPR_COUNT; n++)
		in.gpr[n] = random_next(seed);
	/* A count of 0 and a result of 0 are worth a try. */
	if (random_next(seed) % 4 == 0)
		in.gpr[GPR_RCX] = 0;
	in.flags = random_next(seed) & INSN_FLAGS;
	if (!run(&in, &out))
		return "";
	if (!same(&in, &out, e->gpr_changed, e->flags_changed))
		return "something changed";
	for (unsigned n = 0; n < GPR_COUNT; n++) {
		if ((e->gpr_read | RSP_BIT) >> n & 1)
			continue;
		changed = in;
		changed.gpr[n] = random_next(seed);
		if (!run(&changed, &other) || !same(&out, &other, BIT(n), 0))
			return "a register was read";
	}
	for (u16 flag = 1; flag <= RFLAGS_OF; flag <<= 1) {
		if (!(flag & INSN_FLAGS) || flag & e->flags_read)
			continue;
		changed = in;
		changed.flags ^= flag;
		if (!run(&changed, &other) || !same(&out, &other, 0, e->flags_set & flag ? 0 : flag))
			return flag & e->flags_set ? "a flag was not set" : "a flag was read";
	}
	return NULL;
}

/* ---- instructions ---- */

/* Prefixes, map and opcode at random; ModRM with registers, but for some. */
static void make_up(u8 bytes[INSN_MAX_LENGTH], u64 *seed)
{
	static const struct {
		u8 size, bytes[3];
	} leads[] = {
		{0, {0}},          {0, {0}},          {1, {0x0f}},       {1, {0x0f}},       {2, {0x0f, 0x38}},
		{2, {0x0f, 0x3a}}, {2, {0xc4, 0xe2}}, {2, {0xc4, 0x62}}, {2, {0xc4, 0xe3}}, {1, {0xc5}},
	};
	u64 choice = random_next(seed);
	unsigned lead = choice % ARRAY_SIZE(leads), at = 0;

	for (unsigned n = 0; n < INSN_MAX_LENGTH; n++)
		bytes[n] = (u8)random_next(seed);
	if (leads[lead].bytes[0] < 0xc4) {
		static const u8 prefixes[] = {0x66, 0xf2, 0xf3};

		if (choice >> 8 & 1)
			bytes[at++] = prefixes[(choice >> 16) % ARRAY_SIZE(prefixes)];
		if (choice >> 9 & 1)
			bytes[at++] = 0x40 | (choice >> 24 & 0xf);
	}
	memcpy(bytes + at, leads[lead].bytes, leads[lead].size);
	at += leads[lead].size + (leads[lead].bytes[0] >= 0xc4); /* the last byte of the VEX prefix */
	if (choice >> 10 & 7)
		bytes[at + 1] |= 0xc0;
}

/* Can it run here? Not what uses memory, the stack, or gives something new each time. */
static bool runs(const struct insn *i, const struct insn_effects *e)
{
	if (e->class != INSN_PLAIN || !e->known || (e->gpr_read | e->gpr_changed) & RSP_BIT)
		return false;
	if (i->memory && i->op != OP_LEA && i->op != OP_NOP)
		return false;
	switch (i->op) {
	case OP_MOVS ... OP_SCAS:
	case OP_XLAT:
	case OP_SIMD_MASKMOV:
	case OP_RDRAND:
	case OP_X87:
		return false;
	}
	/* The upper halves of YMM are not the same in each run. */
	return !i->vex || i->op < OP_SIMD || i->op > OP_SIMD_STRING;
}

/* Operations that every CPU of 64 bits has, of which one must have run. */
static void check_coverage(const unsigned *count)
{
	static const u8 ops[] = {
		OP_MOV,          OP_MOVZX,        OP_MOVSX, OP_MOVSXD, OP_XCHG, OP_LEA,  OP_BSWAP,
		OP_CMOVCC,       OP_SETCC,        OP_CBW,   OP_CWD,    OP_ADD,  OP_OR,   OP_ADC,
		OP_SBB,          OP_AND,          OP_SUB,   OP_XOR,    OP_CMP,  OP_TEST, OP_NOT,
		OP_NEG,          OP_INC,          OP_DEC,   OP_BT,     OP_BTS,  OP_BTR,  OP_BTC,
		OP_XADD,         OP_CMPXCHG,      OP_ROL,   OP_ROR,    OP_RCL,  OP_RCR,  OP_SHL,
		OP_SHR,          OP_SAL,          OP_SAR,   OP_SHLD,   OP_SHRD, OP_MUL,  OP_IMUL,
		OP_IMUL2,        OP_IMUL3,        OP_BSF,   OP_BSR,    OP_CMC,  OP_CLC,  OP_STC,
		OP_CLD,          OP_STD,          OP_SAHF,  OP_LAHF,   OP_NOP,  OP_SIMD, OP_SIMD_TO_REG,
		OP_SIMD_FROM_RM, OP_SIMD_COMPARE,
	};

	for (unsigned n = 0; n < ARRAY_SIZE(ops); n++) {
		if (!count[ops[n]])
			printf("\n    no %s has run", insn_op_name(ops[n]));
		CU_ASSERT(count[ops[n]] > 0);
	}
}

static void report(const char *wrong, const struct insn *i, const u8 *bytes)
{
	printf("\n    %s, %s:", wrong, insn_op_name(i->op));
	for (unsigned n = 0; n < i->length; n++)
		printf(" %02x", bytes[n]);
	CU_FAIL("effects differ from the CPU's");
}

static void test_effects(void)
{
	static unsigned count[OP_COUNT];
	unsigned ran = 0;
	u64 seed = SEED;

	effects_code =
		mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_FATAL(effects_code != MAP_FAILED);
	asm volatile("fxsave64 %0" : "=m"(effects_fpu));
	catch_signals();
	for (unsigned n = 0; n < TRIES; n++) {
		u8 bytes[INSN_MAX_LENGTH];
		struct insn_effects e;
		const char *wrong;
		struct insn i;

		make_up(bytes, &seed);
		if (insn_decode(&i, bytes, sizeof(bytes), DECODE_64) != DECODE_OK)
			continue;
		insn_effects(&e, &i);
		if (!runs(&i, &e))
			continue;
		place(bytes, i.length);
		wrong = check_effects(&e, &seed);
		if (wrong && *wrong)
			report(wrong, &i, bytes);
		count[i.op] += !wrong;
		ran += !wrong;
	}
	printf(" (%u instructions) ", ran);
	CU_ASSERT(ran >= LEAST);
	check_coverage(count);
	munmap(effects_code, CODE_SIZE);
}

UNIT_MAIN("effects on the CPU", {"registers and flags", test_effects})
