// SPDX-License-Identifier: MIT
/*
 * The decoder's rules one by one, each from both sides. A row is bytes, a mode and what comes of them,
 *written as a line of text:
 *
 *	LENGTH NAME/OPERAND SIZE [r=ModRM.reg] [m=ModRM.rm] [SEGMENT:[BASE+INDEX*SCALE+DISPLACEMENT]/ADDRESS
 *SIZE] [i=IMMEDIATE] ...
 *
 * or the reason for which the bytes are refused. Everything else: make check-decoder.
 */
#include <stdarg.h>
#include <string.h>

#include "lib/tests/unit.h"
#include "x86/decode.h"
#include "x86/decode_tables.h"
#include "x86/decode_vector.h"
#include "x86/regs.h"

#define TEXT_SIZE 160

/* ---- an instruction as text ---- */

static void append(char *text, const char *fmt, ...) PRINTF(2, 3);
static void append(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + used, TEXT_SIZE - used, fmt, ap);
	va_end(ap);
}

static void append_memory(char *text, const struct insn *i)
{
	static const char *const segments[] = {"es", "cs", "ss", "ds", "fs", "gs"};

	append(text, " %s:[", segments[i->segment]);
	if (i->rip_relative)
		append(text, "rip");
	if (i->base != INSN_NO_REG)
		append(text, "%u", i->base);
	if (i->index != INSN_NO_REG)
		append(text, "+%u*%u", i->index, i->scale);
	if (i->has_disp)
		append(text, "%s0x%llx", i->disp < 0 ? "-" : "+",
		       (unsigned long long)(i->disp < 0 ? -i->disp : i->disp));
	append(text, "]/%u", i->addr_size);
}

static void format(char *text, const struct insn *i)
{
	snprintf(text, TEXT_SIZE, "%u %s/%u", i->length, insn_op_name(i->op), i->op_size);
	if (i->has_modrm || i->op == OP_PUSH_SEG || i->op == OP_POP_SEG)
		append(text, " r=%u", i->reg);
	if (i->memory)
		append_memory(text, i);
	else if (i->has_modrm || i->rm)
		append(text, " m=%u", i->rm);
	if (i->has_imm)
		append(text, " i=%lld", (long long)i->imm);
	if (i->imm2)
		append(text, ",0x%x", i->imm2);
	if (i->cond)
		append(text, " cc=%u", i->cond);
	if (i->src_size)
		append(text, " src=%u", i->src_size);
	append(text, "%s%s%s", i->lock ? " lock" : "", i->rep ? " rep" : "", i->repne ? " repne" : "");
}

/* ---- the rows ---- */

struct row {
	u8 mode;           /* enum decode_mode */
	const char *bytes; /* in hexadecimal */
	const char *expected;
};

#define M16 DECODE_16
#define M32 DECODE_32
#define M64 DECODE_64
#define INV "invalid"
#define CUT "truncated"
#define BIG "too long"

static unsigned parse(const char *hex, u8 *bytes)
{
	unsigned count = 0, byte;
	int used;

	while (sscanf(hex, "%2x%n", &byte, &used) == 1) {
		bytes[count++] = (u8)byte;
		hex += used;
	}
	return count;
}

static void check(const struct row *rows, size_t count)
{
	static const char *const refusals[] = {
		[DECODE_TRUNCATED] = CUT,
		[DECODE_INVALID] = INV,
		[DECODE_TOO_LONG] = BIG,
	};

	for (size_t n = 0; n < count; n++) {
		char text[TEXT_SIZE];
		u8 bytes[32];
		unsigned size = parse(rows[n].bytes, bytes);
		struct insn i;
		enum decode_result result = insn_decode(&i, bytes, size, rows[n].mode);

		if (result == DECODE_OK)
			format(text, &i);
		else
			snprintf(text, sizeof(text), "%s", refusals[result]);
		if (strcmp(text, rows[n].expected))
			printf("\n    %u bits, %s: expected \"%s\", got \"%s\"", 16u << rows[n].mode,
			       rows[n].bytes, rows[n].expected, text);
		CU_ASSERT_STRING_EQUAL(text, rows[n].expected);
	}
}

#define CHECK(rows) check(rows, ARRAY_SIZE(rows))

// clang-format off

/* SDM vol. 2A, 2.1.1 "Instruction Prefixes", 2.2.1 "REX Prefixes" */
static void test_prefixes(void)
{
	static const struct row rows[] = {
		{ M64, "90",             "1 nop/4" },
		{ M64, "f3 90",          "2 pause/4 rep" },
		{ M64, "41 90",          "2 xchg/4 m=8" },
		{ M64, "48 90",          "2 nop/8" },
		{ M64, "66 89 c8",       "3 mov/2 r=1 m=0" },
		{ M16, "66 89 c8",       "3 mov/4 r=1 m=0" },
		{ M16, "89 c8",          "2 mov/2 r=1 m=0" },
		{ M64, "48 89 c8",       "3 mov/8 r=1 m=0" },
		{ M64, "66 48 89 c8",    "4 mov/8 r=1 m=0" },   /* W is stronger than 66 */
		{ M64, "48 66 89 c8",    "4 mov/2 r=1 m=0" },   /* a REX not directly before the opcode is nothing */
		{ M64, "44 89 c8",       "3 mov/4 r=9 m=0" },
		{ M64, "41 89 c8",       "3 mov/4 r=1 m=8" },
		{ M64, "40 48 89 c8",    "4 mov/8 r=1 m=0" },   /* of two the last one */
		{ M32, "48",             "1 dec/4" },           /* no REX there */
		{ M32, "47",             "1 inc/4 m=7" },
		{ M64, "f2 f3 a4",       "3 movs/1 rep" },      /* of F2 and F3 the last one */
		{ M64, "f3 f2 a4",       "3 movs/1 repne" },
		{ M64, "64 8b 00",       "3 mov/4 r=0 fs:[0]/8" },
		{ M64, "65 8b 00",       "3 mov/4 r=0 gs:[0]/8" },
		{ M64, "2e 8b 00",       "3 mov/4 r=0 ds:[0]/8" }, /* a null prefix in 64-bit mode */
		{ M64, "64 3e 8b 00",    "4 mov/4 r=0 fs:[0]/8" },
		{ M32, "2e 8b 00",       "3 mov/4 r=0 cs:[0]/4" },
		{ M32, "26 8b 45 08",    "4 mov/4 r=0 es:[5+0x8]/4" },
		{ M32, "36 8b 00",       "3 mov/4 r=0 ss:[0]/4" },
		{ M64, "66",             CUT },
		{ M64, "48",             CUT },
		{ M64, "",               CUT },
	};

	CHECK(rows);
}

/* SDM vol. 2A, LOCK: only these instructions, and only with memory as their destination */
static void test_lock(void)
{
	static const struct row rows[] = {
		{ M64, "f0 01 08",       "3 add/4 r=1 ds:[0]/8 lock" },
		{ M64, "f0 01 c8",       INV },
		{ M64, "f0 03 08",       INV },
		{ M64, "f0 39 08",       INV },
		{ M64, "f0 83 08 01",    "4 or/4 r=1 ds:[0]/8 i=1 lock" },
		{ M64, "f0 83 38 01",    INV },
		{ M64, "f0 f7 10",       "3 not/4 r=2 ds:[0]/8 lock" },
		{ M64, "f0 f7 20",       INV },
		{ M64, "f0 ff 00",       "3 inc/4 r=0 ds:[0]/8 lock" },
		{ M64, "f0 ff 30",       INV },
		{ M64, "f0 87 08",       "3 xchg/4 r=1 ds:[0]/8 lock" },
		{ M64, "f0 0f b1 0f",    "4 cmpxchg/4 r=1 ds:[7]/8 lock" },
		{ M64, "f0 0f c1 0f",    "4 xadd/4 r=1 ds:[7]/8 lock" },
		{ M64, "f0 0f ba 2f 03", "5 bts/4 r=5 ds:[7]/8 i=3 lock" },
		{ M64, "f0 0f ba 27 03", INV },
		{ M64, "f0 0f c7 0f",    "4 cmpxchg8b/4 r=1 ds:[7]/8 lock" },
		{ M64, "f0 89 08",       INV },
		{ M64, "f0 f4",          INV },
		{ M64, "f0 0f a2",       INV },
	};

	CHECK(rows);
}

/* SDM vol. 2A, tables 2-1 to 2-3, 2.2.1.6 "RIP-Relative Addressing", 2.2.1.2 "More on REX Prefix Fields" */
static void test_addresses(void)
{
	static const struct row rows[] = {
		{ M64, "8b 03",                   "2 mov/4 r=0 ds:[3]/8" },
		{ M64, "8b 43 f0",                "3 mov/4 r=0 ds:[3-0x10]/8" },
		{ M64, "8b 83 00 00 00 80",       "6 mov/4 r=0 ds:[3-0x80000000]/8" },
		{ M64, "8b 05 10 00 00 00",       "6 mov/4 r=0 ds:[rip+0x10]/8" },
		{ M64, "67 8b 05 10 00 00 00",    "7 mov/4 r=0 ds:[rip+0x10]/4" },
		{ M32, "8b 05 10 00 00 00",       "6 mov/4 r=0 ds:[+0x10]/4" },
		{ M64, "8b 04 25 10 00 00 00",    "7 mov/4 r=0 ds:[+0x10]/8" },
		{ M64, "8b 45 00",                "3 mov/4 r=0 ss:[5+0x0]/8" },
		{ M64, "41 8b 45 00",             "4 mov/4 r=0 ds:[13+0x0]/8" },
		{ M64, "41 8b 05 01 00 00 00",    "7 mov/4 r=0 ds:[rip+0x1]/8" }, /* B does not count */
		{ M64, "8b 04 24",                "3 mov/4 r=0 ss:[4]/8" },
		{ M64, "41 8b 04 24",             "4 mov/4 r=0 ds:[12]/8" },
		{ M64, "8b 04 8b",                "3 mov/4 r=0 ds:[3+1*4]/8" },
		{ M64, "8b 04 e3",                "3 mov/4 r=0 ds:[3]/8" },          /* no index */
		{ M64, "42 8b 04 e3",             "4 mov/4 r=0 ds:[3+12*8]/8" },     /* but R12 is one */
		{ M64, "8b 04 4d 04 00 00 00",    "7 mov/4 r=0 ds:[+1*2+0x4]/8" },
		{ M64, "8b 44 4d 04",             "4 mov/4 r=0 ss:[5+1*2+0x4]/8" },
		{ M64, "67 8b 03",                "3 mov/4 r=0 ds:[3]/4" },
		{ M16, "8b 00",                   "2 mov/2 r=0 ds:[3+6*1]/2" },
		{ M16, "8b 02",                   "2 mov/2 r=0 ss:[5+6*1]/2" },
		{ M16, "8b 07",                   "2 mov/2 r=0 ds:[3]/2" },
		{ M16, "8b 06 34 12",             "4 mov/2 r=0 ds:[+0x1234]/2" },
		{ M16, "8b 46 fe",                "3 mov/2 r=0 ss:[5-0x2]/2" },
		{ M16, "8b 80 34 12",             "4 mov/2 r=0 ds:[3+6*1+0x1234]/2" },
		{ M32, "67 8b 00",                "3 mov/4 r=0 ds:[3+6*1]/2" },
		{ M16, "67 8b 00",                "3 mov/2 r=0 ds:[0]/4" },
		{ M64, "a1 88 77 66 55 44 33 22 11", "9 mov/4 ds:[+0x1122334455667788]/8" },
		{ M64, "67 a2 78 56 34 92",       "6 mov/1 ds:[+0x92345678]/4" },
		{ M32, "a3 f0 00 e0 fe",          "5 mov/4 ds:[+0xfee000f0]/4" },
		{ M16, "a0 00 80",                "3 mov/1 ds:[+0x8000]/2" },
		{ M64, "8b",                      CUT },
		{ M64, "8b 04",                   CUT },
		{ M64, "8b 05 10 00 00",          CUT },
		{ M64, "a1 88 77 66 55 44 33 22", CUT },
	};

	CHECK(rows);
}

/* SDM vol. 2D, A.2; the 64-bit forms: 2.2.1.5 "Immediates", 2.2.1.3 "Displacement" */
static void test_immediates(void)
{
	static const struct row rows[] = {
		{ M64, "b8 78 56 34 12",          "5 mov/4 i=305419896" },
		{ M64, "66 b8 34 12",             "4 mov/2 i=4660" },
		{ M64, "48 b8 ff ff ff ff ff ff ff 7f", "10 mov/8 i=9223372036854775807" },
		{ M64, "48 c7 c0 ff ff ff ff",    "7 mov/8 r=0 m=0 i=-1" },
		{ M64, "41 b0 80",                "3 mov/1 m=8 i=-128" },
		{ M64, "f6 00 01",                "3 test/1 r=0 ds:[0]/8 i=1" },
		{ M64, "f6 08 01",                "3 test/1 r=1 ds:[0]/8 i=1" },
		{ M64, "f6 10",                   "2 not/1 r=2 ds:[0]/8" },
		{ M64, "f7 00 01 00 00 00",       "6 test/4 r=0 ds:[0]/8 i=1" },
		{ M64, "66 f7 00 01 00",          "5 test/2 r=0 ds:[0]/8 i=1" },
		{ M64, "48 f7 00 01 00 00 80",    "7 test/8 r=0 ds:[0]/8 i=-2147483647" },
		{ M64, "f7 20",                   "2 mul/4 r=4 ds:[0]/8" },
		{ M64, "c7 05 04 00 00 00 01 00 00 00", "10 mov/4 r=0 ds:[rip+0x4]/8 i=1" },
		{ M64, "c8 10 00 01",             "4 enter/8 i=16,0x1" },
		{ M64, "c8 ff ff 1f",             "4 enter/8 i=65535,0x1f" },
		{ M64, "c2 f8 ff",                "3 ret/8 i=65528" },
		{ M64, "68 00 00 00 80",          "5 push/8 i=-2147483648" },
		{ M64, "6a 80",                   "2 push/8 i=-128" },
		{ M64, "cd 80",                   "2 int/4 i=-128" },
		{ M64, "c7 f8 00 00 00 00",       "6 xbegin/4 r=7 m=0 i=0" },  /* XBEGIN */
		{ M64, "c7 f9 00 00 00 00",       INV },
		{ M64, "48 b8 ff ff ff ff ff ff ff", CUT },
		{ M64, "c8 10 00",                CUT },
	};

	CHECK(rows);
}

/* SDM vol. 1, 3.6.1 "Operand Size and Address Size in 64-Bit Mode": stack and near branches have 64 bits */
static void test_branches(void)
{
	static const struct row rows[] = {
		{ M64, "74 fe",                   "2 jcc/8 i=-2 cc=4" },
		{ M64, "0f 85 00 01 00 00",       "6 jcc/8 i=256 cc=5" },
		{ M64, "66 0f 85 00 01 00 00",    "7 jcc/8 i=256 cc=5" },
		{ M32, "66 0f 85 00 01",          "5 jcc/2 i=256 cc=5" },
		{ M16, "0f 85 00 01",             "4 jcc/2 i=256 cc=5" },
		{ M64, "e8 fb ff ff ff",          "5 call/8 i=-5" },
		{ M32, "e8 fb ff ff ff",          "5 call/4 i=-5" },
		{ M16, "e9 fd ff",                "3 jmp/2 i=-3" },
		{ M64, "eb 00",                   "2 jmp/8 i=0" },
		{ M64, "e3 10",                   "2 loop/8 i=16" },
		{ M64, "ff d0",                   "2 call indirect/8 r=2 m=0" },
		{ M64, "ff 25 00 00 00 00",       "6 jmp indirect/8 r=4 ds:[rip+0x0]/8" },
		{ M32, "ff e0",                   "2 jmp indirect/4 r=4 m=0" },
		{ M64, "ff 28",                   "2 jmp far/4 r=5 ds:[0]/8" },
		{ M64, "48 ff 18",                "3 call far/8 r=3 ds:[0]/8" },
		{ M64, "ff e8",                   INV },
		{ M64, "ff 38",                   INV },
		{ M32, "ea 78 56 34 12 08 00",    "7 jmp far/4 i=305419896,0x8" },
		{ M32, "66 9a 00 80 08 00",       "6 call far/2 i=32768,0x8" },
		{ M64, "ea 78 56 34 12 08 00",    INV },
		{ M64, "9a 78 56 34 12 08 00",    INV },
		{ M64, "c3",                      "1 ret/8" },
		{ M64, "cb",                      "1 ret far/4" },
		{ M64, "48 cb",                   "2 ret far/8" },
		{ M64, "48 cf",                   "2 iret/8" },
		{ M32, "cf",                      "1 iret/4" },
		{ M64, "9c",                      "1 pushf/8" },
		{ M64, "66 9d",                   "2 popf/2" },
		{ M32, "9d",                      "1 popf/4" },
		{ M64, "0f 94 c0",                "3 setcc/1 r=0 m=0 cc=4" },
		{ M64, "e8 fb ff ff",             CUT },
	};

	CHECK(rows);
}

/* SDM vol. 2D, A.3, superscript i64: what 64-bit mode does not have, and what only it has */
static void test_modes(void)
{
	static const struct row rows[] = {
		{ M64, "06", INV }, { M32, "06", "1 push segment register/4 r=0" },
		{ M64, "27", INV }, { M32, "27", "1 BCD/4" },
		{ M64, "60", INV }, { M32, "60", "1 pusha/4" },
		{ M64, "82 c0 01", INV }, { M32, "82 c0 01", "3 add/1 r=0 m=0 i=1" },
		{ M64, "ce", INV }, { M32, "ce", "1 into/4" },
		{ M64, "d4 0a", INV }, { M32, "d4 0a", "2 BCD/1 i=10" },
		{ M64, "0f 01 f8", "3 swapgs/4 r=7 m=0" }, { M32, "0f 01 f8", INV },
		{ M64, "63 c8", "2 movsxd/4 r=1 m=0 src=4" }, { M32, "63 c8", "2 arpl/2 r=1 m=0" }, /* ARPL */
		{ M64, "48 63 c8", "3 movsxd/8 r=1 m=0 src=4" }, { M64, "66 63 c8", "3 movsxd/2 r=1 m=0 src=2" },
		{ M32, "c4 00", "2 load far pointer/4 r=0 ds:[0]/4" },
		{ M32, "c5 fc 77", "3 SIMD/4" },
		{ M32, "62 00", "2 bound/4 r=0 ds:[0]/4" }, /* BOUND */
		{ M64, "c4 00", CUT },
		{ M64, "f3 0f ae c0", "4 rdfsgsbase/4 r=0 m=0 rep" }, { M32, "f3 0f ae c0", INV }, /* RDFSBASE */
	};
	/* PUSH and POP of segment registers; R of a segment register does not count */
	static const struct row segments[] = {
		{ M32, "0e", "1 push segment register/4 r=1" },
		{ M32, "17", "1 pop segment register/4 r=2" },
		{ M64, "0f a0", "2 push segment register/8 r=4" },
		{ M64, "0f a9", "2 pop segment register/8 r=5" },
		{ M64, "8e d8", "2 mov to segment register/2 r=3 m=0" },
		{ M64, "44 8e d8", "3 mov to segment register/2 r=3 m=0" },
		{ M64, "8e c8", INV }, /* CS */
		{ M64, "8e f0", INV },
		{ M64, "8c c8", "2 mov from segment register/4 r=1 m=0" },
		{ M64, "48 8c c8", "3 mov from segment register/8 r=1 m=0" },
		{ M64, "48 8c 08", "3 mov from segment register/2 r=1 ds:[0]/8" },
		{ M64, "8c f0", INV },
		{ M64, "0f b2 08", "3 load far pointer/4 r=1 ds:[0]/8" },
		{ M64, "0f b2 c8", INV },
	};

	CHECK(rows);
	CHECK(segments);
}

/* What the monitor emulates */
static void test_sensitive(void)
{
	static const struct row rows[] = {
		{ M64, "fa", "1 cli/4" }, { M64, "fb", "1 sti/4" }, { M64, "f4", "1 hlt/4" },
		{ M64, "0f a2", "2 cpuid/4" }, { M64, "0f 31", "2 rdtsc/4" }, { M64, "0f 33", "2 rdpmc/4" },
		{ M64, "0f 01 f9", "3 rdtscp/4 r=7 m=1" },
		{ M64, "0f 32", "2 rdmsr/4" }, { M64, "0f 30", "2 wrmsr/4" },
		{ M64, "e4 60", "2 in/1 i=96" }, { M64, "48 ed", "2 in/4" }, { M64, "66 ef", "2 out/2" },
		{ M64, "e7 f8", "2 out/4 i=-8" },
		{ M64, "f3 6c", "2 ins/1 rep" }, { M64, "64 67 f3 66 6f", "5 outs/2 rep" },
		{ M64, "0f 20 c0", "3 mov from CR/8 r=0 m=0" }, { M64, "44 0f 20 c1", "4 mov from CR/8 r=8 m=1" },
		{ M64, "0f 22 19", "3 mov to CR/8 r=3 m=1" }, /* mod does not count */
		{ M64, "0f 22 c8", INV }, { M32, "0f 22 e0", "3 mov to CR/4 r=4 m=0" },
		{ M64, "41 0f 23 ff", "4 mov to DR/8 r=7 m=15" }, { M64, "44 0f 23 c0", INV },
		{ M64, "0f 06", "2 clts/4" }, { M64, "0f 01 f0", "3 lmsw/2 r=6 m=0" },
		{ M64, "0f 01 e0", "3 smsw/4 r=4 m=0" }, { M64, "48 0f 01 20", "4 smsw/2 r=4 ds:[0]/8" },
		{ M64, "0f 01 10", "3 lgdt/8 r=2 ds:[0]/8" }, { M64, "0f 01 18", "3 lidt/8 r=3 ds:[0]/8" },
		{ M64, "0f 01 00", "3 sgdt/8 r=0 ds:[0]/8" }, { M32, "0f 01 08", "3 sidt/4 r=1 ds:[0]/4" },
		{ M64, "0f 01 3b", "3 invlpg/1 r=7 ds:[3]/8" },
		{ M64, "0f 00 d0", "3 lldt/2 r=2 m=0" }, { M64, "0f 00 c0", "3 sldt/4 r=0 m=0" },
		{ M64, "0f 00 d8", "3 ltr/2 r=3 m=0" }, { M64, "48 0f 00 c8", "4 str/8 r=1 m=0" },
		{ M64, "0f 00 e0", "3 verr/2 r=4 m=0" }, { M64, "0f 00 e8", "3 verw/2 r=5 m=0" }, { M64, "0f 00 f8", INV },
		{ M64, "0f 02 c1", "3 lar/4 r=0 m=1" }, { M64, "0f 03 c1", "3 lsl/4 r=0 m=1" },
		{ M64, "0f 08", "2 invd/4" }, { M64, "0f 09", "2 wbinvd/4" },
		{ M64, "0f 01 d0", "3 xgetbv/4 r=2 m=0" }, { M64, "0f 01 d1", "3 xsetbv/4 r=2 m=1" },
		{ M64, "0f 01 c8", "3 monitor/4 r=1 m=0" }, { M64, "0f 01 c9", "3 mwait/4 r=1 m=1" },
		{ M64, "0f 05", "2 syscall/4" }, { M64, "48 0f 07", "3 sysret/8" },
		{ M64, "0f 34", "2 sysenter/4" }, { M64, "0f 35", "2 sysexit/4" },
		{ M64, "0f 0b", "2 ud/4" }, { M64, "0f b9 c0", "3 ud/4 r=0 m=0" }, { M64, "0f ff c0", "3 ud/4 r=0 m=0" },
		{ M64, "cc", "1 int3/4" }, { M64, "f1", "1 int1/4" },
		{ M64, "0f 01 c1", "3 vmcall/4 r=0 m=1" }, { M64, "0f 01 d9", "3 vmmcall/4 r=3 m=1" },
		{ M64, "0f 01 c2", "3 VMX/4 r=0 m=2" }, { M64, "0f 01 d8", "3 SVM/4 r=3 m=0" },
		{ M64, "0f 78 c8", "3 VMX/8 r=1 m=0" }, { M64, "f3 0f c7 30", "4 VMX/4 r=6 ds:[0]/8 rep" },
		{ M64, "66 0f 38 80 08", "5 VMX/8 r=1 ds:[0]/8" }, { M64, "0f 38 80 08", INV },
		{ M64, "0f 01 d7", "3 system/4 r=2 m=7" }, { M64, "0f 01 c7", INV },
	};

	CHECK(rows);
}

/* What reaches device registers */
static void test_moves(void)
{
	static const struct row rows[] = {
		{ M64, "0f b6 03", "3 movzx/4 r=0 ds:[3]/8 src=1" }, { M64, "48 0f bf 03", "4 movsx/8 r=0 ds:[3]/8 src=2" },
		{ M64, "a4", "1 movs/1" }, { M64, "48 ab", "2 stos/8" }, { M64, "66 ad", "2 lods/2" },
		{ M64, "f2 ae", "2 scas/1 repne" }, { M64, "f3 a7", "2 cmps/4 rep" },
		{ M64, "0f a3 0b", "3 bt/4 r=1 ds:[3]/8" }, { M64, "48 0f ba 3b 3f", "5 btc/8 r=7 ds:[3]/8 i=63" },
		{ M64, "0f ba 1b 01", INV }, { M64, "86 23", "2 xchg/1 r=4 ds:[3]/8" },
		{ M64, "34 ff", "2 xor/1 i=-1" }, { M64, "48 81 2b 00 00 00 80", "7 sub/8 r=5 ds:[3]/8 i=-2147483648" },
		{ M64, "fe 0b", "2 dec/1 r=1 ds:[3]/8" }, { M64, "fe 13", INV },
		{ M64, "8d 03", "2 lea/4 r=0 ds:[3]/8" }, { M64, "8d c3", INV },
		{ M64, "0f c3 08", "3 movnti/4 r=1 ds:[0]/8" }, { M64, "0f c3 c8", INV }, /* MOVNTI */
		{ M64, "8f 00", "2 pop/8 r=0 ds:[0]/8" }, { M64, "8f 20", INV },
	};

	CHECK(rows);
}

/* Lengths only: x87, MMX and SSE with their mandatory prefixes, 3DNow!, VEX, EVEX, XOP */
static void test_vectors(void)
{
	static const struct row rows[] = {
		{ M64, "0f 6f c1", "3 SIMD/4 r=0 m=1" }, { M64, "f3 0f 6f c1", "4 SIMD/4 r=0 m=1 rep" }, { M64, "f2 0f 6f c1", INV },
		{ M64, "0f c6 c1 1b", "4 SIMD/4 r=0 m=1 i=27" }, { M64, "66 0f 73 f8 04", "5 SIMD/2 r=7 m=0 i=4" },
		{ M64, "0f 73 f8 04", INV }, { M64, "0f 71 10 04", INV },
		{ M64, "66 0f 3a 0f c1 08", "6 SIMD/2 r=0 m=1 i=8" }, { M64, "66 0f 38 00 c1", "5 SIMD/2 r=0 m=1" },
		{ M64, "0f 3a 60 c1 08", INV }, { M64, "0f 38 60 c1", INV },
		{ M64, "f2 0f 38 f1 c1", "5 crc32/4 r=0 m=1 src=4 repne" }, { M64, "0f 38 f0 c1", INV },
		{ M64, "d9 d0", "2 x87/4 r=2 m=0" }, { M64, "d9 d1", INV }, { M64, "d9 08", INV }, { M64, "df e0", "2 x87/4 r=4 m=0" },
		{ M64, "0f 0f c1 9e", "4 SIMD/4 r=0 m=1" }, { M64, "0f 0f c1 9f", INV }, { M64, "0f 0f c1", CUT },
		{ M64, "0f ae e8", "3 fence/4 r=5 m=0" }, { M64, "0f ae c8", INV },
		{ M64, "c5 f8 77", "3 SIMD/4" }, { M64, "c5 f9 70 c1 1b", "5 SIMD/4 r=0 m=1 i=27" },
		{ M64, "c4 e2 79 00 c1", "5 SIMD/4 r=0 m=1" }, { M64, "c4 43 f9 16 d1 01", "6 SIMD to r/m/8 r=10 m=9 i=1" },
		{ M64, "c4 a1 78 10 04 25 10 00 00 00", "10 SIMD/4 r=0 ds:[+12*1+0x10]/8" },
		{ M64, "c4 e0 79 00 c1", INV }, { M64, "66 c5 f8 77", INV }, { M64, "48 c5 f8 77", INV }, { M64, "f0 c5 f8 77", INV },
		{ M64, "62 f1 7c 48 10 40 01", "7 SIMD/4 r=0 ds:[0+0x1]/8" }, { M64, "62 f3 7d 48 25 c1 ff", "7 SIMD/4 r=0 m=1 i=-1" },
		{ M64, "62 f1 78 48 10 00", INV }, { M64, "62 f0 7c 48 10 00", INV },
		{ M64, "8f e8 78 c0 c1 01", "6 other/4 r=0 m=1 i=1" }, { M64, "8f ea 78 10 c1 01 00 00 00", "9 other/4 r=0 m=1 i=1" },
		{ M64, "c5 f8", CUT }, { M64, "62 f1 7c 48 10", CUT },
	};

	CHECK(rows);
}

/* SDM vol. 2A, 2.3.5, 2.3.7, 2.7.11: which VEX and EVEX encodings exist */
static void test_vector_forms(void)
{
	static const struct row rows[] = {
		/* vvvv is 1111b where it names nothing */
		{ M64, "c5 f9 6f c1", "4 SIMD/4 r=0 m=1" }, { M64, "c5 f1 6f c1", INV },
		{ M64, "c5 f1 fe c1", "4 SIMD/4 r=0 m=1" },
		/* pp */
		{ M64, "c5 fb 5a c1", "4 SIMD/4 r=0 m=1" }, { M64, "c5 fb 6f c1", INV },
		/* W */
		{ M64, "c4 e2 79 18 c1", "5 SIMD/4 r=0 m=1" }, { M64, "c4 e2 f9 18 c1", INV },
		/* L */
		{ M64, "c5 f9 6e c1", "4 SIMD from r/m/4 r=0 m=1" }, { M64, "c5 fd 6e c1", INV },
		/* memory or registers alone */
		{ M64, "c5 f8 12 c1", "4 SIMD/4 r=0 m=1" }, { M64, "c5 f8 13 c1", INV }, { M64, "c5 f8 13 01", "4 SIMD/4 r=0 ds:[1]/8" },
		{ M64, "c5 f9 50 c1", "4 SIMD to reg/4 r=0 m=1" }, { M64, "c5 f9 50 01", INV },
		/* ModRM.reg as a part of the opcode */
		{ M64, "c4 e2 78 f3 c8", "5 bls/4 r=1 m=0" }, { M64, "c4 e2 78 f3 c0", INV },
		{ M64, "c5 f9 71 d1 04", "5 SIMD/4 r=2 m=1 i=4" }, { M64, "c5 f9 71 c1 04", INV },
		/* a vector as the index: SIB, and three different registers */
		{ M64, "c4 e2 69 90 04 08", "6 SIMD/4 r=0 ds:[0+1*1]/8" }, { M64, "c4 e2 69 90 00", INV },
		{ M64, "c4 e2 69 90 04 20", "6 SIMD/4 r=0 ds:[0+4*1]/8" },
		{ M64, "c4 e2 71 90 04 08", INV }, { M64, "c4 e2 69 90 0c 08", INV }, { M64, "c4 e2 69 90 14 08", INV },
		{ M32, "67 c4 e2 69 90 04", INV },
		/* eight mask registers */
		{ M64, "c5 f8 44 c1", "4 SIMD/4 r=0 m=1" }, { M64, "c5 78 44 c1", INV },
		{ M64, "c5 f4 41 c2", "4 SIMD/4 r=0 m=2" }, { M64, "c5 b4 41 c2", INV },
		/* EVEX: broadcast and rounding, masks, zeroing */
		{ M64, "62 f1 74 58 58 01", "6 SIMD/4 r=0 ds:[1]/8" }, { M64, "62 f1 75 58 fc 01", INV },
		{ M64, "62 f1 74 78 58 c1", "6 SIMD/4 r=0 m=1" }, { M64, "62 f1 74 68 58 c1", INV },
		{ M64, "62 f1 74 c9 58 c1", "6 SIMD/4 r=0 m=1" }, { M64, "62 f1 74 c8 58 c1", INV },
		{ M64, "62 f1 7c 49 11 01", "6 SIMD/4 r=0 ds:[1]/8" }, { M64, "62 f1 7c c9 11 01", INV },
		{ M64, "62 f2 7d 49 92 04 08", "7 SIMD/4 r=0 ds:[0+1*1]/8" }, { M64, "62 f2 7d 48 92 04 08", INV },
		{ M64, "62 f1 7c 40 10 c1", INV }, /* V with no operand in vvvv */
		{ M64, "62 f1 75 48 76 c1", "6 SIMD/4 r=0 m=1" }, { M64, "62 71 75 48 76 c1", INV },
		/* the destination is none of the sources; outside 64-bit mode R' does not count */
		{ M64, "62 f6 56 48 56 c6", "6 SIMD/4 r=0 m=6" }, { M64, "62 f6 56 48 56 ee", INV }, { M64, "62 e6 56 48 56 ee", "6 SIMD/4 r=5 m=6" },
		{ M16, "62 e6 56 48 56 ee", INV },
		/* tiles: in 64-bit mode */
		{ M64, "c4 e2 78 49 c0", "5 SIMD/4 r=0 m=0" }, { M64, "c4 e2 78 49 c1", INV }, { M32, "c4 e2 78 49 c0", INV },
		{ M64, "c4 e2 6b 5e c1", "5 SIMD/4 r=0 m=1" }, { M64, "c4 e2 73 5e c1", INV },
		/* on general registers */
		{ M64, "c4 e2 f3 f6 c2", "5 mulx/8 r=0 m=2" }, { M64, "c4 e2 f7 f6 c2", INV },
		{ M64, "c4 e3 7b f0 c1 07", "6 rorx/4 r=0 m=1 i=7" },
	};

	CHECK(rows);
}

/* SDM vol. 2A, 2.3.11; vol. 3A, 6.15, #GP: 15 bytes are the limit, whatever else is wrong */
static void test_lengths(void)
{
	static const struct row rows[] = {
		{ M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "15 nop/2" },
		{ M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", BIG },
		{ M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66", CUT },
		{ M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66", BIG },
		{ M64, "2e 2e 2e 2e 2e c7 05 00 00 00 00 01 00 00 00", "15 mov/4 r=0 ds:[rip+0x0]/8 i=1" },
		{ M64, "2e 2e 2e 2e 2e 2e c7 05 00 00 00 00 01 00 00 00", BIG },
		{ M64, "0f", CUT }, { M64, "0f 38", CUT }, { M64, "0f 04", INV },
	};

	CHECK(rows);
}

// clang-format on

/* Where displacement and immediate stand, for who rewrites an instruction: cmp dword [rip + 0x11223344],
 * 0x55667788 */
static void test_places(void)
{
	static const u8 bytes[] = {0x81, 0x3d, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55};
	struct insn i;

	CU_ASSERT_EQUAL_FATAL(insn_decode(&i, bytes, sizeof(bytes), DECODE_64), DECODE_OK);
	CU_ASSERT_EQUAL(i.disp_offset, 2);
	CU_ASSERT_EQUAL(i.disp_size, 4);
	CU_ASSERT_EQUAL(i.imm_offset, 6);
	CU_ASSERT_EQUAL(i.imm_size, 4);
}

/* decode_vector.h: rows with the same range follow each other, ranges do not overlap and ascend. */
static void check_order(const struct vector_map *map)
{
	CU_ASSERT(map->count > 0);
	for (unsigned n = 0; n < map->count; n++) {
		const struct vector_form *f = &map->forms[n];

		CU_ASSERT(f->first <= f->last);
		CU_ASSERT(f->prefixes != 0);
		CU_ASSERT((f->attr & (FORM_MEM | FORM_REG)) != 0);
		if (n && (f[-1].first != f->first || f[-1].last != f->last))
			CU_ASSERT(f[-1].last < f->first);
	}
}

static void test_tables(void)
{
	for (unsigned map = MAP_0F; map < VECTOR_MAPS; map++) {
		if (map == MAP_3DNOW)
			continue;
		check_order(&evex_maps[map]);
		if (map <= MAP_0F3A)
			check_order(&vex_maps[map]);
	}
	for (const struct opcode_by_prefix *p = opcode_by_prefix; p->opcode; p++) {
		u32 attr = (p->map == MAP_0F ? opcode_map_0f : opcode_map_0f38)[p->opcode];

		/* Of 0F 01 the whole ModRM byte selects. */
		if (p->map == MAP_0F && p->opcode == 0x01)
			attr = opcode_0f01_reg[p->modrm & 0x3f];
		CU_ASSERT(attr & ATTR_BY_PREFIX);
	}
}

static void test_names(void)
{
	for (unsigned op = 0; op < OP_COUNT; op++)
		CU_ASSERT_STRING_NOT_EQUAL(insn_op_name(op), "?");
	CU_ASSERT_STRING_EQUAL(insn_op_name(OP_COUNT), "?");
}

UNIT_MAIN("decode", {"prefixes", test_prefixes}, {"LOCK", test_lock}, {"addresses", test_addresses},
	  {"immediates", test_immediates}, {"branches", test_branches}, {"modes", test_modes},
	  {"sensitive instructions", test_sensitive}, {"moves", test_moves}, {"vectors", test_vectors},
	  {"vector forms", test_vector_forms}, {"lengths", test_lengths}, {"places", test_places},
	  {"tables", test_tables}, {"names", test_names})
