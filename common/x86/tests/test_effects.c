// SPDX-License-Identifier: MIT
/*
 * What instructions do to registers and flags, a rule a row: bytes in 64-bit mode, and
 *
 *	CLASS [REGISTERS READ] > [REGISTERS CHANGED]; [FLAGS READ] > [FLAGS CHANGED] ! [FLAGS SET]
 *
 * with registers by number and flags by the first letter of their names. Many more instructions, but only for
 *the safe side: test_decode_oracle.c.
 */
#include <string.h>

#include "lib/tests/unit.h"
#include "x86/effects.h"

#define TEXT_SIZE 160

static char *add_registers(char *text, u16 set)
{
	if (set == 0xffff)
		return stpcpy(text, "all");
	for (unsigned n = 0; n < GPR_COUNT; n++)
		if (set >> n & 1)
			text += sprintf(text, "%x", n);
	return text;
}

static char *add_flags(char *text, u16 set)
{
	static const struct {
		u16 flag;
		char letter;
	} letters[] = {
		{RFLAGS_OF, 'o'}, {RFLAGS_DF, 'd'}, {RFLAGS_SF, 's'}, {RFLAGS_ZF, 'z'},
		{RFLAGS_AF, 'a'}, {RFLAGS_PF, 'p'}, {RFLAGS_CF, 'c'},
	};

	for (unsigned n = 0; n < ARRAY_SIZE(letters); n++)
		if (set & letters[n].flag)
			*text++ = letters[n].letter;
	return text;
}

static void format(char *text, const struct insn_effects *e)
{
	static const char *const classes[] = {"plain", "branch", "transfer", "sensitive", "privileged"};

	text += sprintf(text, "%s%s ", classes[e->class], e->known ? "" : "?");
	text = add_registers(text, e->gpr_read);
	text = add_registers(stpcpy(text, ">"), e->gpr_changed);
	text = add_flags(stpcpy(text, "; "), e->flags_read);
	text = add_flags(stpcpy(text, ">"), e->flags_changed);
	text = add_flags(stpcpy(text, "!"), e->flags_set);
	*text = '\0';
}

struct row {
	const char *bytes, *expected;
};

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
	for (size_t n = 0; n < count; n++) {
		u8 bytes[INSN_MAX_LENGTH];
		unsigned size = parse(rows[n].bytes, bytes);
		struct insn_effects e;
		char text[TEXT_SIZE];
		struct insn i;

		CU_ASSERT_EQUAL_FATAL(insn_decode(&i, bytes, size, DECODE_64), DECODE_OK);
		insn_effects(&e, &i);
		format(text, &e);
		if (strcmp(text, rows[n].expected))
			printf("\n    %s: expected \"%s\", got \"%s\"", rows[n].bytes, rows[n].expected,
			       text);
		CU_ASSERT_STRING_EQUAL(text, rows[n].expected);
		CU_ASSERT_EQUAL(e.class, insn_class(&i));
		/* The promises of the header */
		CU_ASSERT_EQUAL(e.flags_set & ~e.flags_changed, 0);
		CU_ASSERT_EQUAL((e.flags_read | e.flags_changed) & ~INSN_FLAGS, 0);
	}
}

#define CHECK(rows) check(rows, ARRAY_SIZE(rows))

// clang-format off

/* Which operand is which */
static void test_operands(void)
{
	static const struct row rows[] = {
		{ "89 c8",             "plain 1>0; >!" },       /* mov eax, ecx */
		{ "8b c8",             "plain 0>1; >!" },       /* mov ecx, eax */
		{ "89 08",             "plain 01>; >!" },       /* mov [rax], ecx */
		{ "8b 0c 98",          "plain 03>1; >!" },      /* mov ecx, [rax + rbx * 4] */
		{ "b9 00 00 00 00",    "plain >1; >!" },        /* mov ecx, 0 */
		{ "41 b9 00 00 00 00", "plain >9; >!" },
		{ "c7 c1 00 00 00 00", "plain >1; >!" },
		{ "c6 03 00",          "plain 3>; >!" },
		{ "a1 00 00 00 00 00 00 00 00", "plain >0; >!" },
		{ "a2 00 00 00 00 00 00 00 00", "plain 0>; >!" },
		{ "88 e1",             "plain 0>1; >!" },       /* mov cl, ah: without REX 4 is AH */
		{ "40 88 e1",          "plain 4>1; >!" },       /* with it SPL */
		{ "b5 00",             "plain >1; >!" },        /* mov ch, 0 */
		{ "0f b6 c4",          "plain 0>0; >!" },       /* movzx eax, ah */
		{ "0f b7 c4",          "plain 4>0; >!" },       /* movzx eax, sp */
		{ "8b 05 00 00 00 00", "plain >0; >!" },        /* RIP is no general register */
		{ "4d 8d 44 24 08",    "plain c>8; >!" },       /* lea r8, [r12 + 8] */
		{ "87 c8",             "plain 01>01; >!" },
		{ "91",                "plain 01>01; >!" },     /* xchg eax, ecx */
		{ "90",                "plain >; >!" },
		{ "f3 0f 1e fa",       "plain >; >!" },         /* ENDBR64 */
		{ "50",                "plain 04>4; >!" },
		{ "59",                "plain 4>14; >!" },
		{ "6a 00",             "plain 4>4; >!" },
		{ "ff 34 24",          "plain 4>4; >!" },
		{ "c9",                "plain 45>45; >!" },
		{ "0f 44 c1",          "plain 01>0; z>!" },     /* cmovz eax, ecx */
		{ "0f 97 c0",          "plain >0; zc>!" },      /* seta al */
		{ "0f 6e c1",          "plain 1>; >!" },        /* movd mm0, ecx */
		{ "66 0f 7e c1",       "plain >1; >!" },        /* movd ecx, xmm0 */
		{ "0f 28 04 39",       "plain 17>; >!" },       /* movaps xmm0, [rcx + rdi] */
		{ "a4",                "plain 67>67; d>!" },
		{ "f3 a4",             "plain 167>167; d>!" },
		{ "0f c7 0f",          "plain 01237>02; >z!z" },
	};

	CHECK(rows);
}

/* SDM vol. 1, table A-1 "EFLAGS Cross-Reference" */
static void test_flags(void)
{
	static const struct row rows[] = {
		{ "01 c8",       "plain 01>0; >oszapc!oszapc" },
		{ "05 00 00 00 00", "plain 0>0; >oszapc!oszapc" },
		{ "11 c8",       "plain 01>0; c>oszapc!oszapc" },
		{ "31 c8",       "plain 01>0; >oszapc!oszpc" },    /* AF is undefined */
		{ "83 f9 00",    "plain 1>; >oszapc!oszapc" },     /* cmp ecx, 0: ModRM.reg is 7, no register */
		{ "83 c1 00",    "plain 1>1; >oszapc!oszapc" },
		{ "3b c8",       "plain 01>; >oszapc!oszapc" },
		{ "a8 01",       "plain 0>; >oszapc!oszpc" },
		{ "ff c1",       "plain 1>1; >oszap!oszap" },
		{ "f7 d1",       "plain 1>1; >!" },
		{ "f7 d9",       "plain 1>1; >oszapc!oszapc" },
		{ "f7 e1",       "plain 01>02; >oszapc!oc" },
		{ "c1 e1 00",    "plain 1>1; >oszapc!" },           /* shl ecx, 0 */
		{ "c1 e1 20",    "plain 1>1; >oszapc!" },           /* 32 is 0 */
		{ "48 c1 e1 20", "plain 1>1; >oszapc!szpc" },
		{ "c1 e1 01",    "plain 1>1; >oszapc!oszpc" },
		{ "d1 e1",       "plain 1>1; >oszapc!oszpc" },
		{ "d3 e2",       "plain 12>2; >oszapc!" },          /* by CL, which may be 0 */
		{ "c0 e1 09",    "plain 1>1; >oszapc!" },           /* more than there are bits: CF is undefined */
		{ "d1 c1",       "plain 1>1; >oc!oc" },
		{ "d1 d1",       "plain 1>1; c>oc!" },
		{ "0f a4 c8 04", "plain 01>0; >oszapc!szpc" },
		{ "0f a5 c8",    "plain 01>0; >oszapc!" },
		{ "0f a3 c8",    "plain 01>; >osapc!c" },
		{ "0f ba e1 03", "plain 1>; >osapc!c" },
		{ "0f bc c1",    "plain 01>0; >oszapc!z" },
		{ "f5",          "plain >; c>c!c" },
		{ "fc",          "plain >; >d!d" },
		{ "9e",          "plain 0>; >szapc!szapc" },
		{ "9f",          "plain 0>0; szapc>!" },
		{ "a6",          "plain 67>67; d>oszapc!oszapc" },
		{ "f3 a6",       "plain 167>167; d>oszapc!" },      /* RCX may be 0 */
		{ "da c9",       "plain >; z>!" },                  /* fcmove */
		{ "db f1",       "plain >; >oszapc!zpc" },          /* fcomi */
		{ "df e0",       "plain >0; >!" },
		{ "0f 2e c1",    "plain >; >oszapc!oszapc" },
		{ "66 0f 38 f6 c1", "plain 01>0; c>c!c" },
		{ "f3 0f 38 f6 c1", "plain 01>0; o>o!o" },
	};

	CHECK(rows);
}

static void test_classes(void)
{
	static const struct row rows[] = {
		{ "eb 00",       "branch >; >!" },
		{ "74 00",       "branch >; z>!" },
		{ "0f 8f 00 00 00 00", "branch >; osz>!" },
		{ "ff e1",       "branch 1>; >!" },
		{ "ff 54 24 08", "branch 4>4; >!" },
		{ "c3",          "branch 4>4; >!" },
		{ "e2 00",       "branch 1>1; >!" },
		{ "e1 00",       "branch 1>1; z>!" },
		{ "e3 00",       "branch 1>; >!" },
		{ "9c",          "sensitive 4>4; odszapc>!" },
		{ "9d",          "sensitive 4>4; >odszapc!odszapc" },
		{ "0f a2",       "sensitive 01>0123; >!" },
		{ "8c c8",       "sensitive >0; >!" },
		{ "0f 01 01",    "sensitive 1>; >!" },
		{ "f3 48 0f ae c1", "sensitive >1; >!" },
		{ "fa",          "privileged >; >!" },
		{ "0f 20 d8",    "privileged >0; >oszapc!" },
		{ "0f 22 d9",    "privileged 1>; >oszapc!" },
		{ "ec",          "privileged 2>0; >!" },
		{ "f3 6e",       "privileged 126>16; d>!" },
		{ "0f 01 f8",    "privileged >; >!" },
		{ "48 0f 07",    "privileged? all>all; odszapc>odszapc!" },
		{ "0f 05",       "transfer? all>all; odszapc>odszapc!" },
		{ "cc",          "transfer? all>all; odszapc>odszapc!" },
		{ "48 cf",       "transfer? all>all; odszapc>odszapc!" },
		{ "0f 0b",       "transfer? all>all; odszapc>odszapc!" },
		{ "c7 f8 00 00 00 00", "branch? all>all; odszapc>odszapc!" },
		{ "0f 01 fc",    "plain? all>all; odszapc>odszapc!" }, /* CLZERO: of no operation with a name */
	};

	CHECK(rows);
}

// clang-format on

UNIT_MAIN("effects", {"operands", test_operands}, {"flags", test_flags}, {"classes", test_classes})
