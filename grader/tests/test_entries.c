// SPDX-License-Identifier: MIT
// LIBS: -lyaml -lxml2
/* "A run whose rubric says `hardware: svm` or `hardware: vmx` fails when that count stays 0"
 * (docs/nested.md): hypervisor.c */
#include "lib/tests/unit.h"

#include "grader/hypervisor.c"

/* A run as judge_run() leaves it, with KVM's count of entries. */
static struct run *judged(enum state state, u64 entries)
{
	static const enum state states[] = {STATE_PASS, STATE_EXPECTED_FAIL, STATE_CRASH, STATE_UNAVAILABLE};
	struct run *run = xcalloc(1, sizeof(*run));

	run->state = state;
	run->kvm.nested = entries;
	for (unsigned i = 0; i < ARRAY_SIZE(states); i++)
		vector_add(&run->tests)->state = states[i];
	return run;
}

static unsigned successes(const struct run *run)
{
	unsigned n = 0;

	for (size_t i = 0; i < run->tests.n; i++)
		n += state_is_success(run->tests.at[i].state);
	return n;
}

static void none(void)
{
	const struct rubric_run spec = {.hardware = "svm"};
	struct run *run = judged(STATE_PASS, 0);

	check_entries(run, &spec, platform_named("nested:amd"));
	CU_ASSERT_EQUAL(run->state, STATE_FAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(run->message, "did not use svm"));
	CU_ASSERT_EQUAL(successes(run), 0);
	CU_ASSERT_EQUAL(run->tests.at[0].state, STATE_FAIL);
	CU_ASSERT_EQUAL(run->tests.at[3].state, STATE_UNAVAILABLE);
}

/* What was done before a bad end stands elsewhere. */
static void none_and_a_crash(void)
{
	const struct rubric_run spec = {.hardware = "vmx"};
	struct run *run = judged(STATE_CRASH, 0);

	run->message = "its own";
	check_entries(run, &spec, platform_named("nested:intel"));
	CU_ASSERT_EQUAL(run->state, STATE_CRASH);
	CU_ASSERT_STRING_EQUAL(run->message, "its own");
	CU_ASSERT_EQUAL(successes(run), 0);
}

static void some(void)
{
	const struct rubric_run spec = {.hardware = "svm"};
	struct run *run = judged(STATE_PASS, 1);

	check_entries(run, &spec, platform_named("nested:amd"));
	CU_ASSERT_EQUAL(run->state, STATE_PASS);
	CU_ASSERT_EQUAL(successes(run), 2);
}

/* An engine that needs no hardware has none, and nobody else counts. */
static void not_asked(void)
{
	const struct rubric_run software = {0}, hardware = {.hardware = "svm"};
	struct run *run = judged(STATE_PASS, 0);

	check_entries(run, &software, platform_named("nested:amd"));
	check_entries(run, &hardware, platform_named("tcg"));
	CU_ASSERT_EQUAL(run->state, STATE_PASS);
	CU_ASSERT_EQUAL(successes(run), 2);
}

UNIT_MAIN("grader_entries", {"no entry", none}, {"no entry and a crash", none_and_a_crash}, {"entries", some},
	  {"not asked for", not_asked})
