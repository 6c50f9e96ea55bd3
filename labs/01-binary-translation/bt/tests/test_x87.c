// SPDX-License-Identifier: MIT
/* The address of the last x87 instruction: who stores it and where, and what it becomes in an image. */
#include <string.h>

#include "blocks.h"
#include "lib/tests/unit.h"

/* ---- who stores it ---- */

static const struct {
	const char *hex;
	struct bt_x87_image image; /* rip_bytes 0: it stores none */
} forms[] = {
	{"d933", {12, 4, 16}},   /* FNSTENV (%rbx) */
	{"48d933", {12, 4, 16}}, /* REX.W changes nothing */
	{"66d933", {6, 2, 8}},   /* 16 bits */
	{"dd33", {12, 4, 16}},   /* FNSAVE */
	{"66dd33", {6, 2, 8}},
	{"0fae03", {8, 4, 12}},  /* FXSAVE */
	{"480fae03", {8, 8, 0}}, /* FXSAVE64 */
	{"0fae23", {8, 4, 12}},  /* XSAVE */
	{"480fae23", {8, 8, 0}},
	{"480fae33", {8, 8, 0}}, /* XSAVEOPT64 */
	{"480fc723", {8, 8, 0}}, /* XSAVEC64 */
	{"d923", {0}},           /* FLDENV */
	{"d93b", {0}},           /* FNSTCW */
	{"dd23", {0}},           /* FRSTOR */
	{"dd3b", {0}},           /* FNSTSW */
	{"db33", {0}},           /* no instruction, or not this one */
	{"d9f6", {0}},           /* FDECSTP: registers */
	{"0fae0b", {0}},         /* FXRSTOR */
	{"0fae1b", {0}},         /* STMXCSR */
	{"c5f8ae1b", {0}},       /* VSTMXCSR */
	{"480fae2b", {0}},       /* XRSTOR64 */
	{"660fae33", {0}},       /* CLWB */
	{"0faee8", {0}},         /* LFENCE */
	{"0fc70b", {0}},         /* CMPXCHG8B */
	{"90", {0}},
};

static void test_forms(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(forms); n++) {
		const struct bt_x87_image *right = &forms[n].image;
		struct bt_x87_image image;
		struct insn i;

		blocks_begin(BT_FAST);
		if (insn_decode(&i, (const u8 *)LOW_RIP, blocks_put_hex(forms[n].hex), DECODE_64) !=
		    DECODE_OK) {
			CU_ASSERT_EQUAL(right->rip_bytes, 0);
			continue;
		}
		CU_ASSERT_EQUAL(bt_x87_image(&i, &image), right->rip_bytes > 0);
		if (right->rip_bytes)
			CU_ASSERT_EQUAL(memcmp(&image, right, sizeof(image)), 0);
		CU_ASSERT_TRUE(i.op == OP_X87 || bt_is_harmless(&i));
	}
}

/* ---- the call behind the copy ---- */

static struct bt_exit *stored_of(const struct bt_block *b)
{
	for (unsigned n = 0; n < b->exits; n++)
		if (blocks_exit(b, n)->kind == BT_EXIT_STORED)
			return blocks_exit(b, n);
	return NULL;
}

static void check_call(u64 rip, const char *hex, u32 length, enum bt_flavour flavour)
{
	const struct bt_point *p;
	struct bt_block *b;
	struct bt_exit *e;

	blocks_begin(flavour);
	b = blocks_translate(rip, hex);
	e = stored_of(b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->rip, rip + length);
	CU_ASSERT_EQUAL(e->insn.length, length);
	CU_ASSERT_EQUAL(e->resume, e->at + BT_EXIT_BYTES);
	CU_ASSERT_TRUE(blocks_point(e->resume)->boundary);
	p = blocks_point(e->at);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	/* It has happened: no way back, and all registers are the guest's. */
	CU_ASSERT_TRUE(p->committed && !p->boundary && !p->spilled);
	CU_ASSERT_EQUAL(b->guest_insns, 2);
}

static void test_call(void)
{
	check_call(LOW_RIP, "d933 90", 2, BT_FAST);
	check_call(LOW_RIP, "d933 90", 2, BT_CAREFUL);
	check_call(KERNEL_RIP, "480fae03 90", 4, BT_FAST);
	check_call(KERNEL_RIP, "d93500100000 90", 6, BT_FAST);     /* the operand counts from RIP */
	check_call(FAR_RIP, "480fae0500100000 90", 8, BT_CAREFUL); /* and needs a register */
}

/* On the CPU: the copy stores, then comes the call, then what is behind it. */
static void test_run(void)
{
	struct guest g = blocks_guest();
	u64 rbx = g.cpu.gpr[GPR_RBX];
	struct bt_block *b;
	struct bt_exit *e;

	blocks_begin(BT_FAST);
	b = blocks_translate(LOW_RIP, "dbe3 d933 48ffc3 0f0b"); /* FNINIT, FNSTENV (%rbx), INC %rbx, UD2 */
	e = stored_of(b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	memset((void *)rbx, 0, 28);
	CU_ASSERT_EQUAL(blocks_run(b, &g), e->at);
	CU_ASSERT_EQUAL(*(const u16 *)rbx, 0x037f);
	CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RBX], rbx);
	g.cpu.rip = runner_cache.window + e->resume;
	runner_run(&g.cpu);
	CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RBX], rbx + 1);
}

/* ---- what it becomes ---- */

static bool becomes(u64 stored, unsigned bytes, u64 expected)
{
	u64 mask = bytes == 8 ? ~0ULL : BIT(8 * bytes) - 1, value = stored & mask;
	bool ours = bt_x87_rip(&runner_cache, &value, bytes);

	return ours && value == (expected & mask);
}

static bool stays(u64 stored, unsigned bytes)
{
	u64 mask = bytes == 8 ? ~0ULL : BIT(8 * bytes) - 1, value = stored & mask;

	return !bt_x87_rip(&runner_cache, &value, bytes) && value == (stored & mask);
}

/* FLDZ; NOP; FADD far(%rip), whose operand is by a register; FNSTENV (%rbx) */
#define PROGRAM  "d9ee 90 d80500100000 d933"
#define FADD_AT  3
#define STORE_AT 9

/* Where in the window the x87 instruction of that offset begins. */
static u64 place_of(const struct bt_block *b, u16 guest)
{
	for (u32 n = b->first_point; n < b->first_point + b->points; n++) {
		const struct bt_point *p = &runner_cache.point[n];
		struct insn i;

		insn_decode(&i, runner_cache.code + p->at, INSN_MAX_LENGTH, DECODE_64);
		if (p->guest == guest && i.op == OP_X87)
			return runner_cache.window + p->at;
	}
	return 0;
}

static void test_rip(void)
{
	static const unsigned sizes[] = {8, 4, 2};
	struct bt_block *b;

	blocks_begin(BT_FAST);
	b = blocks_translate(FAR_RIP, PROGRAM);
	for (unsigned n = 0; n < ARRAY_SIZE(sizes); n++) {
		CU_ASSERT_TRUE(becomes(place_of(b, 0), sizes[n], FAR_RIP));
		CU_ASSERT_TRUE(becomes(place_of(b, FADD_AT), sizes[n], FAR_RIP + FADD_AT));
		CU_ASSERT_TRUE(becomes(place_of(b, STORE_AT), sizes[n], FAR_RIP + STORE_AT));
		CU_ASSERT_TRUE(stays(runner_cache.window + runner_cache.size, sizes[n]));
		CU_ASSERT_TRUE(stays(FAR_RIP, sizes[n]));
		CU_ASSERT_TRUE(stays(runner_cache.window - 2, sizes[n]));
	}
}

/* In the cache, but no x87 instruction begins there: 0, except that 2 bytes say too little. */
static void test_nothing_there(void)
{
	const struct bt_block *b;
	u64 inside;

	blocks_begin(BT_FAST);
	b = blocks_translate(FAR_RIP, PROGRAM);
	inside = place_of(b, 0) + 1;
	CU_ASSERT_TRUE(becomes(inside, 8, 0));
	CU_ASSERT_TRUE(becomes(inside, 4, 0));
	CU_ASSERT_TRUE(stays(inside, 2));
	CU_ASSERT_TRUE(becomes(runner_cache.window + BT_MISS_STUB, 8, 0));
	CU_ASSERT_TRUE(becomes(runner_cache.window + runner_cache.size - 1, 8, 0));
	inside = place_of(b, 0);
	runner_flush(BT_FAST);
	CU_ASSERT_TRUE(becomes(inside, 8, 0));
	CU_ASSERT_TRUE(becomes(inside, 4, 0));
	CU_ASSERT_TRUE(stays(inside, 2));
}

/* The low 16 bits alone: in any 64 KiB of the cache. */
static void test_beyond_64k(void)
{
	struct bt_block *b;

	blocks_begin(BT_FAST);
	do
		b = blocks_translate(KERNEL_RIP, PROGRAM);
	while (b && b->code < 0x10000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_TRUE(becomes(place_of(b, STORE_AT), 2, KERNEL_RIP + STORE_AT));
}

UNIT_MAIN("x87", {"who stores the address", test_forms}, {"the call behind the copy", test_call},
	  {"on the CPU", test_run}, {"the guest's address", test_rip}, {"nothing there", test_nothing_there},
	  {"beyond 64 KiB", test_beyond_64k})
