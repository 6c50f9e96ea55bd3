// SPDX-License-Identifier: MIT
/*
 * Out of the cache: what a report shows of a guest that ends there, and the image of x87 state that a copy
 * has stored. The CPU is never in the cache here; RIP and registers are put where it would have left them.
 */
#include "blocks.h"
#include "labs/01-binary-translation/bt/engine.h"
#include "labs/01-binary-translation/tests/ring3_fixture.h"

#define RCX_SAVED 0x1234567812345678ULL
#define RAX_SAVED 0x8765432187654321ULL
#define OTHER     0x5a5a5a5a5a5a5a5aULL

static struct bt bt;

/* The CPU is at that offset of the cache, with registers that are not the guest's. */
static void stop_at(u32 at)
{
	new_guest();
	bt.cache = runner_cache;
	bt.window.state = runner_cache.state;
	bt.window.state->spill[BT_SPILL_RAX] = RAX_SAVED;
	bt.window.state->spill[BT_SPILL_RCX] = RCX_SAVED;
	vcpu.cpu_private = &bt;
	vcpu.gpr[GPR_RAX] = vcpu.gpr[GPR_RCX] = OTHER;
	vcpu.rip = runner_cache.window + at;
	ended = 0;
}

/* ---- the report ---- */

static const struct bt_point *find_point(const struct bt_block *b, bool committed, unsigned spilled)
{
	for (u32 n = b->first_point; n < b->first_point + b->points; n++)
		if (runner_cache.point[n].committed == committed && runner_cache.point[n].spilled == spilled)
			return &runner_cache.point[n];
	return NULL;
}

/* In an instruction, whether or not it could be taken back; RAX or RCX is saved. */
static void test_end_in_translation(void)
{
	const struct bt_point *p;
	struct bt_block *b;

	blocks_begin(BT_FAST);
	b = blocks_translate(FAR_RIP, "90 48030d00100000 f4"); /* NOP; ADD far(%rip), %rcx; HLT */
	for (unsigned committed = 0; committed < 2; committed++) {
		p = find_point(b, committed, BT_SPILL_MASK(BT_SPILL_RAX));
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		stop_at(p->at);
		bt_end(&vcpu, "");
		CU_ASSERT_EQUAL(ended, 1);
		CU_ASSERT_EQUAL(vcpu.rip, FAR_RIP + 1);
		CU_ASSERT_EQUAL(vcpu.gpr[GPR_RAX], RAX_SAVED);
		CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], OTHER);
	}
}

static void test_end_at_exit(void)
{
	struct bt_block *b;

	blocks_begin(BT_FAST);
	b = blocks_translate(KERNEL_RIP, "90 f4 90");
	stop_at(blocks_exit(b, 0)->at);
	bt_end(&vcpu, "");
	CU_ASSERT_EQUAL(vcpu.rip, KERNEL_RIP + 1);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], OTHER);
	stop_at(BT_MISS_STUB);
	bt_end(&vcpu, "");
	CU_ASSERT_EQUAL(vcpu.rip, OTHER); /* RCX, which the guest wanted to go to */
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], RCX_SAVED);
	CU_ASSERT_EQUAL(ended, 1);
}

/* Where the guest has jumped to by itself. */
static void test_end_elsewhere(void)
{
	blocks_begin(BT_FAST);
	stop_at(BT_TABLE_OFFSET);
	bt_left_cache(&vcpu);
	CU_ASSERT_EQUAL(ended, 1);
	CU_ASSERT_EQUAL(vcpu.rip, runner_cache.window + BT_TABLE_OFFSET);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], OTHER);
}

/* ---- x87 state ---- */

/* FLDZ, then the instruction that stores; its memory operand is at OPERAND_GPA. */
static struct bt_exit *store(const char *hex)
{
	struct bt_block *b;

	blocks_begin(BT_FAST);
	b = blocks_translate(KERNEL_RIP, hex);
	for (unsigned n = 0; n < b->exits; n++) {
		struct bt_exit *e = blocks_exit(b, n);

		if (e->kind != BT_EXIT_STORED)
			continue;
		e->insn.disp = OPERAND_GPA;
		stop_at(e->at);
		vcpu.rip = e->rip;
		return e;
	}
	return NULL;
}

static u64 fldz(void)
{
	return runner_cache.window + runner_cache.block[0].code;
}

static u8 *operand(unsigned offset)
{
	return (u8 *)ram_u64(OPERAND_GPA) + offset;
}

static void test_mend(void)
{
	struct bt_exit *e = store("d9ee 480fae03 90"); /* FXSAVE64 (%rbx) */

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	memcpy(operand(8), &(u64){fldz()}, 8);
	memcpy(operand(16), &(u64){fldz()}, 8); /* the data pointer stays as it is */
	bt_mend_x87(&vcpu, e);
	CU_ASSERT_EQUAL(*(u64 *)operand(8), KERNEL_RIP);
	CU_ASSERT_EQUAL(*(u64 *)operand(16), fldz());
	CU_ASSERT_EQUAL(vcpu.rip, KERNEL_RIP + 6);
	memcpy(operand(8), &(u64){FAR_RIP}, 8);
	bt_mend_x87(&vcpu, e);
	CU_ASSERT_EQUAL(*(u64 *)operand(8), FAR_RIP);
	CU_ASSERT_EQUAL(raised_count, 0);
}

/* The selector is that of the guest, unless the CPU stores none; that of other code stays. */
static void test_mend_selector(void)
{
	static const struct {
		u16 stored, mended;
	} cases[] = {{0x33, SEL_KCODE}, {0, 0}};
	struct bt_exit *e = store("d9ee d933 90"); /* FNSTENV (%rbx) */

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		memcpy(operand(12), &(u32){(u32)fldz()}, 4);
		memcpy(operand(16), &cases[n].stored, 2);
		memcpy(operand(18), &(u16){0x7ff}, 2);
		bt_mend_x87(&vcpu, e);
		CU_ASSERT_EQUAL(*(u32 *)operand(12), (u32)KERNEL_RIP);
		CU_ASSERT_EQUAL(*(u16 *)operand(16), cases[n].mended);
		CU_ASSERT_EQUAL(*(u16 *)operand(18), 0x7ff);
	}
	memcpy(operand(12), &(u32){0xfffffff0}, 4);
	memcpy(operand(16), &cases[0].stored, 2);
	bt_mend_x87(&vcpu, e);
	CU_ASSERT_EQUAL(*(u32 *)operand(12), 0xfffffff0);
	CU_ASSERT_EQUAL(*(u16 *)operand(16), cases[0].stored);
}

/* XSAVE without bit 0 in the mask leaves that part of the memory alone, and so does the monitor. */
static void test_mend_mask(void)
{
	struct bt_exit *e = store("d9ee 480fae23 90"); /* XSAVE64 (%rbx) */

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	memcpy(operand(8), &(u64){fldz()}, 8);
	vcpu.gpr[GPR_RAX] = XCR0_SSE;
	bt_mend_x87(&vcpu, e);
	CU_ASSERT_EQUAL(*(u64 *)operand(8), fldz());
	vcpu.gpr[GPR_RAX] = XCR0_SSE | XCR0_X87;
	bt_mend_x87(&vcpu, e);
	CU_ASSERT_EQUAL(*(u64 *)operand(8), KERNEL_RIP);
}

/* Memory that is gone: no fault. */
static void test_mend_nowhere(void)
{
	struct bt_exit *e = store("d9ee 480fae03 90");

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	e->insn.disp = (s64)NOT_CANONICAL;
	bt_mend_x87(&vcpu, e);
	CU_ASSERT_EQUAL(raised_count, 0);
	CU_ASSERT_EQUAL(vcpu.rip, e->rip);
}

UNIT_MAIN("precise", {"the end in a translation", test_end_in_translation},
	  {"the end at an exit", test_end_at_exit}, {"the end elsewhere", test_end_elsewhere},
	  {"the stored address", test_mend}, {"the stored selector", test_mend_selector},
	  {"the mask of XSAVE", test_mend_mask}, {"memory that is gone", test_mend_nowhere})
