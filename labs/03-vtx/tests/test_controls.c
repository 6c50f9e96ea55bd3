// SPDX-License-Identifier: MIT
/* The choice of control bits. The rule is quoted from SDM vol. 3C, 31.5.1 "Algorithms for Determining VMX
 * Capabilities". */
#include <string.h>

#include "../controls.h"
#include "lib/tests/unit.h"

/* The format of a capability MSR: low half, what must be 1; high half, what may be 1. */
static u64 msr(u32 must, u32 may)
{
	return must | (u64)may << 32;
}

static const struct control_group group = {
	.name = "test control",
	.needed = 0x1,
	.wanted = 0x2,
	.known = 0x0f,
	.names = {"needed", "wanted", "off", "also off"},
};

static u32 chosen(u64 standard, u64 true_)
{
	const char *why;
	u32 value = 0;

	why = control_choose(&group, (struct control_capability){standard, true_}, &value);
	CU_ASSERT_PTR_NULL_FATAL(why);
	return value;
}

static void free_bits(void)
{
	u64 all = msr(0, 0xff);

	CU_ASSERT_EQUAL(chosen(all, all), 0x3);
}

static void needed_and_missing(void)
{
	u64 without = msr(0, 0xfe);
	const char *why;
	u32 value;

	why = control_choose(&group, (struct control_capability){without, without}, &value);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "\"needed\""));
}

static void wanted_and_missing(void)
{
	u64 without = msr(0, 0xfd);

	CU_ASSERT_EQUAL(chosen(without, without), 0x1);
}

/* "If the relevant VMX capability MSR reports that a control has a single setting, use that setting." */
static void fixed_to_one(void)
{
	u64 fixed = msr(0x44, 0xff);

	CU_ASSERT_EQUAL(chosen(fixed, fixed), 0x47);
}

static void fixed_to_zero(void)
{
	u64 fixed = msr(0x10, 0x1f);

	CU_ASSERT_EQUAL(chosen(fixed, msr(0, 0x0f)), 0x3); /* even a default1 bit */
}

/* "If (1) the relevant VMX capability MSR reports that a control can be set to 0 or 1; and (2) the control's
 * meaning is known to the VMM; then set the control based on functionality desired." */
static void default1_known(void)
{
	CU_ASSERT_EQUAL(chosen(msr(0x4, 0xff), msr(0, 0xff)), 0x3);
	CU_ASSERT_EQUAL(chosen(msr(0x4, 0xff), msr(0x4, 0xff)), 0x7);
}

/* "... (2) the control's meaning is not known to the VMM; then set the control to its default setting", which
 * the MSR without TRUE reports. */
static void default1_unknown(void)
{
	CU_ASSERT_EQUAL(chosen(msr(0x20, 0xff), msr(0, 0xff)), 0x23);
	CU_ASSERT_EQUAL(chosen(msr(0, 0xff), msr(0, 0xff)), 0x3);
}

/* The tables: every bit that the engine asks for has a name to be missed by. */
static void every_bit_named(void)
{
	for (unsigned i = 0; i < CONTROLS_GROUPS; i++) {
		const struct control_group *g = &control_groups[i];

		CU_ASSERT_EQUAL((g->needed | g->wanted) & ~g->known, 0);
		CU_ASSERT_EQUAL(g->needed & g->wanted, 0);
		for (unsigned bit = 0; bit < 32; bit++)
			CU_ASSERT_EQUAL(g->names[bit] != NULL, g->known >> bit & 1);
	}
}

UNIT_MAIN("controls", {"free bits", free_bits}, {"needed and missing", needed_and_missing},
	  {"wanted and missing", wanted_and_missing}, {"fixed to 1", fixed_to_one},
	  {"fixed to 0", fixed_to_zero}, {"default1, known", default1_known},
	  {"default1, not known", default1_unknown}, {"every bit has a name", every_bit_named})
