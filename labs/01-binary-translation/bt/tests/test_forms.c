// SPDX-License-Identifier: MIT
/*
 * What the translator makes of each kind of instruction, and where blocks end: rules one by one, each from
 * both sides.
 */
#include <string.h>

#include "blocks.h"
#include "lib/tests/unit.h"
#include "x86/effects.h"

/* ---- call-outs ---- */

enum fate { CALLED_OUT, INLINED, ENDS /* and called out */, HARMLESS };

static const struct {
	const char *hex;
	u8 op, fate;
} forms[] = {
	{"fa", OP_CLI, INLINED},
	{"9c", OP_PUSHF, INLINED},
	{"669c", OP_PUSHF, CALLED_OUT},
	{"9d", OP_POPF, INLINED},
	{"669d", OP_POPF, CALLED_OUT},
	{"48cf", OP_IRET, INLINED},
	{"cf", OP_IRET, ENDS},
	{"0f20c0", OP_MOV_FROM_CR, INLINED},
	{"440f20c0", OP_MOV_FROM_CR, INLINED},
	{"440f22c0", OP_MOV_TO_CR, INLINED}, /* CR8 */
	{"0f22d8", OP_MOV_TO_CR, CALLED_OUT},
	{"0f21f8", OP_MOV_FROM_DR, CALLED_OUT},
	{"0f23f8", OP_MOV_TO_DR, CALLED_OUT},
	{"8cc8", OP_MOV_FROM_SEG, INLINED},
	{"8c0b", OP_MOV_FROM_SEG, CALLED_OUT},
	{"8ed8", OP_MOV_TO_SEG, CALLED_OUT},
	{"0fa0", OP_PUSH_SEG, INLINED},
	{"660fa8", OP_PUSH_SEG, CALLED_OUT},
	{"0fa1", OP_POP_SEG, CALLED_OUT},
	{"0fb20b", OP_LOAD_FAR_POINTER, CALLED_OUT},
	{"0f00c0", OP_SLDT, INLINED},
	{"0f0003", OP_SLDT, CALLED_OUT},
	{"0f00c8", OP_STR, INLINED},
	{"0f000b", OP_STR, CALLED_OUT},
	{"0f01e0", OP_SMSW, INLINED},
	{"0f0123", OP_SMSW, CALLED_OUT},
	{"0f00d0", OP_LLDT, CALLED_OUT},
	{"0f00d8", OP_LTR, CALLED_OUT},
	{"0f00e0", OP_VERR, CALLED_OUT},
	{"0f00e8", OP_VERW, CALLED_OUT},
	{"0f0103", OP_SGDT, CALLED_OUT},
	{"0f010b", OP_SIDT, CALLED_OUT},
	{"0f0113", OP_LGDT, CALLED_OUT},
	{"0f011b", OP_LIDT, CALLED_OUT},
	{"0f01f0", OP_LMSW, CALLED_OUT},
	{"0f013b", OP_INVLPG, CALLED_OUT},
	{"0f01f8", OP_SWAPGS, CALLED_OUT},
	{"0f01d1", OP_XSETBV, CALLED_OUT},
	{"0f01c1", OP_VMCALL, CALLED_OUT},
	{"0f01d9", OP_VMMCALL, CALLED_OUT},
	{"0f01d8", OP_SVM_OTHER, CALLED_OUT},
	{"0f01c3", OP_VMX_OTHER, CALLED_OUT},
	{"0f01c8", OP_MONITOR, CALLED_OUT},
	{"0f01c9", OP_MWAIT, CALLED_OUT},
	{"0f01f9", OP_RDTSCP, CALLED_OUT},
	{"f30fc7f8", OP_RDPID, CALLED_OUT},
	{"0f02c1", OP_LAR, CALLED_OUT},
	{"0f03c1", OP_LSL, CALLED_OUT},
	{"0f06", OP_CLTS, CALLED_OUT},
	{"0f08", OP_INVD, CALLED_OUT},
	{"0f09", OP_WBINVD, CALLED_OUT},
	{"0f30", OP_WRMSR, CALLED_OUT},
	{"0f32", OP_RDMSR, CALLED_OUT},
	{"0f33", OP_RDPMC, CALLED_OUT},
	{"0fa2", OP_CPUID, CALLED_OUT},
	{"f4", OP_HLT, CALLED_OUT},
	{"ec", OP_IN, CALLED_OUT},
	{"ee", OP_OUT, CALLED_OUT},
	{"f36c", OP_INS, CALLED_OUT},
	{"f36e", OP_OUTS, CALLED_OUT},
	{"0f05", OP_SYSCALL, ENDS},
	{"480f07", OP_SYSRET, ENDS},
	{"0f34", OP_SYSENTER, ENDS},
	{"480f35", OP_SYSEXIT, ENDS},
	{"0f0b", OP_UD, ENDS},
	{"cc", OP_INT3, ENDS},
	{"cd80", OP_INT, ENDS},
	{"f1", OP_INT1, ENDS},
	{"ff2b", OP_JMP_FAR, ENDS},
	{"ff1b", OP_CALL_FAR, ENDS},
	{"cb", OP_RET_FAR, ENDS},
	{"ca0800", OP_RET_FAR, ENDS},
	{"90", 0, HARMLESS},
	{"f390", 0, HARMLESS},
	{"f30f1efa", 0, HARMLESS}, /* ENDBR64 */
	{"0f31", 0, HARMLESS},     /* RDTSC */
	{"0f01d0", 0, HARMLESS},   /* XGETBV */
	{"c7c000000000", 0, HARMLESS},
	{"c6f800", 0, HARMLESS}, /* XABORT */
	{"50", 0, HARMLESS},
	{"0faef0", 0, HARMLESS},   /* MFENCE */
	{"f30faec0", 0, HARMLESS}, /* RDFSBASE */
	{"c3", 0, HARMLESS},
	{"ffe0", 0, HARMLESS},
	{"e800000000", 0, HARMLESS},
	{"7500", 0, HARMLESS},
	{"e200", 0, HARMLESS},
};

/* The call-out of the instruction at the beginning of the block, or NULL. */
static struct bt_exit *callout_at_once(const struct bt_block *b)
{
	struct bt_exit *e = monitor_exit(b->code);

	return e && e->kind == BT_EXIT_CALLOUT ? e : NULL;
}

static void check_form(unsigned n, enum bt_flavour flavour)
{
	enum fate fate = forms[n].fate;
	struct bt_block *b;
	struct bt_exit *e;
	char hex[40];

	blocks_begin(flavour);
	snprintf(hex, sizeof(hex), "%s 90", forms[n].hex);
	b = blocks_translate(LOW_RIP, hex);
	e = callout_at_once(b);
	if (fate == HARMLESS || (fate == INLINED && flavour == BT_FAST)) {
		CU_ASSERT_PTR_NULL(e);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->insn.op, forms[n].op);
	CU_ASSERT_EQUAL(e->rip, LOW_RIP);
	CU_ASSERT_EQUAL(e->spilled, 0);
	CU_ASSERT_TRUE(blocks_point(e->at)->boundary);
	if (fate == ENDS || forms[n].op == OP_IRET) {
		CU_ASSERT_EQUAL(e->resume, 0);
		CU_ASSERT_EQUAL(b->guest_insns, 1);
	} else {
		CU_ASSERT_EQUAL(e->resume, e->at + BT_EXIT_BYTES);
		CU_ASSERT_EQUAL(b->guest_insns, 2);
		CU_ASSERT_TRUE(blocks_point(e->resume)->boundary);
	}
}

static void test_callouts(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(forms); n++) {
		struct insn i;

		blocks_begin(BT_FAST);
		CU_ASSERT_EQUAL(insn_decode(&i, (const u8 *)LOW_RIP, blocks_put_hex(forms[n].hex), DECODE_64),
				DECODE_OK);
		CU_ASSERT_EQUAL(bt_is_harmless(&i), forms[n].fate == HARMLESS);
		check_form(n, BT_FAST);
		check_form(n, BT_CAREFUL);
	}
}

/*
 * What the decoder's tables call sensitive, or a transfer of control, is not copied. Those that read a
 * counter, XCR0 or a base are: they trap when they must. What is privileged traps anyway.
 */
static bool is_class_right(const struct insn *i)
{
	enum insn_class class = insn_class(i);

	switch (i->op) {
	case OP_RDTSC:
	case OP_XGETBV:
	case OP_RDFSGSBASE:
	case OP_WRFSGSBASE:
		return bt_is_harmless(i);
	case OP_OTHER: /* TPAUSE, UMONITOR, UMWAIT have no name of their own */
		return bt_is_harmless(i) || (i->opcode == 0xae && !i->memory);
	case OP_XBEGIN:
		return !bt_is_harmless(i);
	}
	return class == INSN_PRIVILEGED || bt_is_harmless(i) == (class == INSN_PLAIN || class == INSN_BRANCH);
}

static void test_classes(void)
{
	static const u8 prefixes[] = {0x3e, 0x66, 0xf2, 0xf3},
			escapes[][2] = {{0}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}};
	unsigned wrong = 0, seen = 0;

	for (u32 n = 0; n < 4 * 4 * 65536; n++) {
		const u8 *escape = escapes[n >> 16 & 3];
		u8 bytes[INSN_MAX_LENGTH] = {prefixes[n >> 18]};
		unsigned length = 1;
		struct insn i;

		for (unsigned k = 0; k < 2 && escape[k]; k++)
			bytes[length++] = escape[k];
		bytes[length] = (u8)(n >> 8);
		bytes[length + 1] = (u8)n;
		if (insn_decode(&i, bytes, sizeof(bytes), DECODE_64) != DECODE_OK)
			continue;
		seen++;
		wrong += !is_class_right(&i);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(seen > 100000);
}

/*
 * Instructions of features that the guest's CPUID does not show, or that its CR4 has off. Copied are those
 * that fault as they should, by a control bit that is off in the real CPU too, and those with nothing to say.
 */
// clang-format off
static const struct {
	const char *hex, *name;
	bool copied;
} hidden[] = {
	{"0f01fd", "RDPRU", false},
	{"660faef1", "TPAUSE", false},
	{"f30faef1", "UMONITOR", false},
	{"f20faef1", "UMWAIT", false},
	{"0f01c8", "MONITOR", false},
	{"0f01c9", "MWAIT", false},
	{"0f01df", "INVLPGA", false},
	{"0f01d4", "VMFUNC", false},
	{"0f78c8", "VMREAD", false},
	{"660f38800b", "INVEPT", false},
	{"660f38820b", "INVPCID", false},
	{"0f37", "GETSEC", false},
	{"0f01cf", "ENCLS", false},
	{"0f01d7", "ENCLU", false},
	{"0f01c0", "ENCLV", false},
	{"0f01c5", "PCONFIG", false},
	{"0f01c6", "WRMSRNS", false},
	{"480fc72b", "XSAVES64", false},
	{"480fc71b", "XRSTORS64", false},
	{"f30f01ee", "CLUI", false},
	{"f30f01ef", "STUI", false},
	{"f30f01ec", "UIRET", false},
	{"f30f01ed", "TESTUI", false},
	{"f30fc7f0", "SENDUIPI", false},
	{"f30f3af0c000", "HRESET", false},
	{"f30faee8", "INCSSPD", false},
	{"f30f01e8", "SETSSBSY", false},
	{"c7f800000000", "XBEGIN", false},
	{"f30fc7f8", "RDPID", false},
	{"0f01f9", "RDTSCP", false},
	{"0f01ee", "RDPKRU", true}, /* CR4.PKE */
	{"0f01ef", "WRPKRU", true},
	{"f3480faec0", "RDFSBASE", true}, /* CR4.FSGSBASE */
	{"f3480faed8", "WRGSBASE", true},
	{"f3480f1ec8", "RDSSPQ", true}, /* CR4.CET: no operation */
	{"0f01ca", "CLAC", true}, /* #UD above level 0 */
	{"0f01cb", "STAC", true},
	{"f30f01fa", "MCOMMIT", true}, /* EFER.MCOMMIT */
	{"0f01d0", "XGETBV", true}, /* the guest's own XCR0 is in the CPU */
	{"0f01fa", "MONITORX", true}, /* shown by CPUID */
	{"0f01fb", "MWAITX", true},
	{"0f01fc", "CLZERO", true},
	{"0f01e8", "SERIALIZE", true}, /* nothing to be seen */
	{"0f01d6", "XTEST", true},
	{"f30faee0", "PTWRITE", true},
	{"480fc723", "XSAVEC64", true},
};
// clang-format on

static void test_hidden(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(hidden); n++) {
		enum decode_result result;
		struct insn i;

		blocks_begin(BT_FAST);
		result = insn_decode(&i, (const u8 *)LOW_RIP, blocks_put_hex(hidden[n].hex), DECODE_64);
		if (result != DECODE_OK || bt_is_harmless(&i) != hidden[n].copied)
			fprintf(stderr, "%s\n", hidden[n].name);
		CU_ASSERT_EQUAL(result, DECODE_OK);
		CU_ASSERT_EQUAL(bt_is_harmless(&i), hidden[n].copied);
	}
}

/* The address that XBEGIN names would be one of the cache. */
static void test_xbegin(void)
{
	struct insn i;

	blocks_begin(BT_FAST);
	insn_decode(&i, (const u8 *)LOW_RIP, blocks_put_hex("c7f800000000"), DECODE_64);
	CU_ASSERT_FALSE(bt_is_harmless(&i));
	CU_ASSERT_PTR_NOT_NULL(callout_at_once(blocks_translate(LOW_RIP, "c7f800000000 90")));
}

/* ---- where blocks end ---- */

static void check_chain_last(const struct bt_block *b, unsigned insns, unsigned bytes)
{
	struct bt_exit *e = blocks_exit(b, b->exits - 1U);

	CU_ASSERT_EQUAL(b->guest_insns, insns);
	CU_ASSERT_EQUAL(b->guest_bytes, bytes);
	CU_ASSERT_EQUAL(e->kind, BT_EXIT_CHAIN);
	CU_ASSERT_EQUAL(e->rip, b->rip + bytes);
}

static void test_limits(void)
{
	blocks_begin(BT_FAST);
	blocks_put_hex("90");
	memset((void *)LOW_RIP, 0x90, BT_BLOCK_BYTES);
	blocks_source.size = BT_BLOCK_BYTES;
	check_chain_last(bt_translate(&runner_cache, &blocks_source), BT_BLOCK_INSNS, BT_BLOCK_INSNS);
	blocks_source.size = 5;
	check_chain_last(bt_translate(&runner_cache, &blocks_source), 5, 5);
	blocks_source.stops = 2;
	blocks_source.stop[0] = LOW_RIP + 7;
	blocks_source.stop[1] = LOW_RIP + 3;
	check_chain_last(bt_translate(&runner_cache, &blocks_source), 3, 3);
	blocks_source.stop[1] = LOW_RIP; /* the first is translated all the same */
	check_chain_last(bt_translate(&runner_cache, &blocks_source), 5, 5);
	for (unsigned n = 0; n < BT_BLOCK_BYTES; n += 10) /* mov $imm64, %rax; the last goes beyond */
		memcpy((u8 *)LOW_RIP + n, (const u8[]){0x48, 0xb8}, 2);
	blocks_source.size = 2 * BT_BLOCK_BYTES;
	blocks_source.stops = 0;
	blocks_source.more = true;
	check_chain_last(bt_translate(&runner_cache, &blocks_source), 51, 510);
}

/* What is not whole at the end of the bytes is the next block's, unless it is the first. */
static void test_truncated(void)
{
	struct bt_block *b;

	blocks_begin(BT_FAST);
	blocks_source.more = true;
	check_chain_last(blocks_translate(LOW_RIP, "90 48b80000"), 1, 1);
	b = blocks_translate(LOW_RIP, "48b80000");
	CU_ASSERT_EQUAL(blocks_exit(b, 0)->kind, BT_EXIT_INVALID);
	CU_ASSERT_EQUAL(blocks_exit(b, 0)->result, DECODE_TRUNCATED);
	CU_ASSERT_EQUAL(blocks_exit(b, 0)->at, b->code);
	blocks_source.more = false;
	b = blocks_translate(LOW_RIP, "90 48b80000");
	CU_ASSERT_EQUAL(blocks_exit(b, 0)->kind, BT_EXIT_INVALID);
	CU_ASSERT_EQUAL(blocks_exit(b, 0)->rip, LOW_RIP + 1);
}

static void check_invalid(const char *hex, unsigned offset, enum decode_result result)
{
	struct bt_block *b;
	struct bt_exit *e;
	struct guest g = blocks_guest();

	blocks_begin(BT_FAST);
	b = blocks_translate(LOW_RIP, hex);
	e = blocks_exit(b, b->exits - 1U);
	CU_ASSERT_EQUAL(e->kind, BT_EXIT_INVALID);
	CU_ASSERT_EQUAL(e->result, result);
	CU_ASSERT_EQUAL(e->rip, LOW_RIP + offset);
	CU_ASSERT_TRUE(blocks_point(e->at)->boundary);
	CU_ASSERT_EQUAL(blocks_run(b, &g), e->at);
	/* The block depends on all bytes that may make it invalid. */
	CU_ASSERT_EQUAL(b->guest_bytes, MIN(blocks_source.size, offset + INSN_MAX_LENGTH));
}

static void test_invalid(void)
{
	check_invalid("06", 0, DECODE_INVALID);
	check_invalid("90 90 06 0f0b", 2, DECODE_INVALID);
	check_invalid("f0 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90", 0, DECODE_INVALID);
	check_invalid("66666666666666666666666666666690", 0, DECODE_TOO_LONG);
}

/* What is reported as the cost of translation. */
static void test_counts(void)
{
	struct bt_cache before;
	struct bt_block *b;

	blocks_begin(BT_FAST);
	before = runner_cache;
	b = blocks_translate(LOW_RIP, "90 4889c3 c3");
	bt_add_block(&runner_cache, b);
	CU_ASSERT_EQUAL(runner_cache.translated_insns, before.translated_insns + 3);
	CU_ASSERT_EQUAL(runner_cache.translated_bytes, before.translated_bytes + 5);
	CU_ASSERT_EQUAL(runner_cache.code_bytes, before.code_bytes + b->end - b->checked);
}

/* A block that finds no room leaves nothing behind, whatever it was that ran out. */
static void test_no_room(void)
{
	struct bt_cache full;
	struct bt_block *b;
	u32 bytes;

	blocks_begin(BT_FAST);
	b = blocks_translate(FAR_RIP, "9d e800000000");
	bytes = runner_cache.used;
	for (unsigned what = 0; what < 4; what++) {
		for (u32 less = 0; less < 2; less++) {
			runner_flush(BT_FAST);
			full = runner_cache;
			full.max_blocks = what == 0 ? 1 - less : full.max_blocks;
			full.max_points = what == 1 ? b->points - less : full.max_points;
			full.max_exits = what == 2 ? b->exits - less : full.max_exits;
			full.size = what == 3 ? bytes - less : full.size;
			CU_ASSERT_EQUAL(bt_translate(&full, &blocks_source) == NULL, less);
			CU_ASSERT_EQUAL(full.blocks, 1 - less);
			CU_ASSERT_EQUAL(full.points == 0, less);
			CU_ASSERT_EQUAL(full.exits == 0, less);
			CU_ASSERT_EQUAL(full.used == runner_cache.used, less);
			CU_ASSERT_EQUAL(full.translated_insns == runner_cache.translated_insns, less);
		}
	}
}

/* However many bytes there are: it finds no room, and finds that out. */
static void test_every_size(void)
{
	u32 bytes;

	blocks_begin(BT_FAST);
	blocks_translate(FAR_RIP, "9d 4803051000 0000 f4");
	bytes = runner_cache.used;
	for (u32 size = bytes; size > sizeof(u64); size--) {
		struct bt_cache small;

		runner_flush(BT_FAST);
		small = runner_cache;
		small.size = size;
		CU_ASSERT_EQUAL(bt_translate(&small, &blocks_source) != NULL, size == bytes);
	}
}

/* ---- STI ---- */

/* "External, maskable interrupts are inhibited on the instruction boundary following an STI." */
static void test_shadow(void)
{
	struct bt_block *b;
	unsigned shadows = 0;

	blocks_begin(BT_FAST);
	b = blocks_translate(LOW_RIP, "90 fb 90 90 fa 90");
	for (unsigned n = 0; n < b->points; n++) {
		const struct bt_point *p = &runner_cache.point[b->first_point + n];

		CU_ASSERT_EQUAL(p->shadow, p->boundary && p->guest == 2);
		shadows += p->shadow;
	}
	CU_ASSERT_EQUAL(shadows, 1);
	b = blocks_translate(LOW_RIP, "fb f4");
	CU_ASSERT_TRUE(blocks_point(blocks_exit(b, 0)->at)->shadow);
}

/* The instruction behind STI is in the same block; where that cannot be, the monitor emulates STI. */
static void test_sti_at_the_end(void)
{
	blocks_begin(BT_FAST);
	check_chain_last(blocks_translate(LOW_RIP, "90 fb"), 1, 1);
	CU_ASSERT_PTR_NOT_NULL(callout_at_once(blocks_translate(LOW_RIP, "fb")));
	CU_ASSERT_PTR_NULL(callout_at_once(blocks_translate(LOW_RIP, "fb 90")));
	blocks_source.stop[blocks_source.stops++] = LOW_RIP + 1;
	CU_ASSERT_PTR_NOT_NULL(callout_at_once(blocks_translate(LOW_RIP, "fb 90")));
	blocks_source.stops = 0;
	blocks_source.more = true;
	CU_ASSERT_PTR_NOT_NULL(callout_at_once(blocks_translate(LOW_RIP, "fb 48b800")));
	blocks_put_hex("90");
	memset((void *)LOW_RIP, 0x90, BT_BLOCK_INSNS);
	((u8 *)LOW_RIP)[BT_BLOCK_INSNS - 1] = 0xfb;
	blocks_source.size = 2 * BT_BLOCK_INSNS;
	check_chain_last(bt_translate(&runner_cache, &blocks_source), BT_BLOCK_INSNS - 1, BT_BLOCK_INSNS - 1);
	blocks_begin(BT_CAREFUL);
	CU_ASSERT_EQUAL(blocks_translate(LOW_RIP, "90 fb")->guest_insns, 2);
}

/* Of several in a row the last one goes, and then the one before it has nothing behind it either. */
static void test_sti_in_a_row(void)
{
	blocks_begin(BT_FAST);
	check_chain_last(blocks_translate(LOW_RIP, "90 fb fb fb"), 1, 1);
	CU_ASSERT_PTR_NOT_NULL(callout_at_once(blocks_translate(LOW_RIP, "fb fb fb")));
	CU_ASSERT_PTR_NULL(callout_at_once(blocks_translate(LOW_RIP, "fb fb 90")));
	blocks_source.more = true;
	CU_ASSERT_PTR_NOT_NULL(callout_at_once(blocks_translate(LOW_RIP, "fb fb 48b800")));
}

UNIT_MAIN("forms", {"call-outs", test_callouts}, {"classes", test_classes}, {"hidden features", test_hidden},
	  {"XBEGIN", test_xbegin}, {"limits of a block", test_limits}, {"truncated", test_truncated},
	  {"invalid", test_invalid}, {"no room", test_no_room}, {"every size of the cache", test_every_size},
	  {"counts", test_counts}, {"shadow of STI", test_shadow}, {"STI at the end", test_sti_at_the_end},
	  {"STI in a row", test_sti_in_a_row})
