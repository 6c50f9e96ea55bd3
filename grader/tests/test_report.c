// SPDX-License-Identifier: MIT
// LIBS: -lyaml -lxml2
/* The command that repeats a test, as it can be pasted into a shell. report.c */
#include "lib/tests/unit.h"

#include "grader/grader.h"

#define SEED_TEXT " SEED=0x0000000000000001"

static const struct rubric rubric = {.id = "01"};
static const struct lab_result lab = {.rubric = &rubric, .seed = 1};

static void again(const char *test, const char *command)
{
	struct grader g = {0};

	CU_ASSERT_STRING_EQUAL(command_again(&g, &lab, test), xprintf("%s" SEED_TEXT, command));
}

static void plain_names(void)
{
	again(NULL, "make grade LAB=01");
	again("mem/nx", "make grade LAB=01 TEST=mem/nx");
	again("a:mem/nx", "make grade LAB=01 TEST=a:mem/nx");
	again("unit/transfer/IST", "make grade LAB=01 TEST=unit/transfer/IST");
}

/* Whatever a shell treats specially stands between quotes, and so does a quote. */
static void quoted_names(void)
{
	static const char special[] = " *?[]()<>|&;#~!{}\"\\`=^\t";

	again("unit/transfer/frame on the same level",
	      "make grade LAB=01 TEST='unit/transfer/frame on the same level'");
	for (const char *c = special; *c; c++)
		again(xprintf("unit/x%cy", *c), xprintf("make grade LAB=01 TEST='unit/x%cy'", *c));
	again("unit/it's", "make grade LAB=01 TEST='unit/it'\\''s'");
	again("unit/a$b", "make grade LAB=01 TEST='unit/a$$b'");
	again("unit/\xc3\xa9", "make grade LAB=01 TEST='unit/\xc3\xa9'");
}

/* With an exercise its own command does, but for one test of it. */
static void exercises(void)
{
	struct rubric_exercise e = {.id = "E1.2"};
	struct grader g = {.exercise = &e, .platform = "bochs"};

	CU_ASSERT_STRING_EQUAL(command_again(&g, &lab, NULL),
			       "make grade LAB=01 EX=1.2 PLATFORM=bochs" SEED_TEXT);
	CU_ASSERT_STRING_EQUAL(command_again(&g, &lab, "irq/pit_ticks"),
			       "make grade LAB=01 TEST=irq/pit_ticks PLATFORM=bochs" SEED_TEXT);
}

UNIT_MAIN("grader_report", {"plain names", plain_names}, {"quoted names", quoted_names},
	  {"exercises", exercises})
