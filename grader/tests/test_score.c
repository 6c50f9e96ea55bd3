// SPDX-License-Identifier: MIT
/* Points: how a group's points divide, which states earn them, what --strict accepts. score.c */
#include "lib/tests/unit.h"

#include "grader/result.h"

#include <string.h>

static void add(struct run *run, const struct rubric_group *group, const char *name, enum state state)
{
	*vector_add(&run->tests) = (struct test){.name = name, .state = state, .group = group};
}

static void division(void)
{
	struct rubric_group group = {.tests = "*", .points = 10};
	struct run run = {0};
	unsigned max = 0;

	for (unsigned i = 0; i < 7; i++)
		add(&run, &group, "x/y", i == 3 ? STATE_FAIL : STATE_PASS);
	score_run(&run);
	for (unsigned i = 0; i < 7; i++) {
		CU_ASSERT_TRUE(run.tests.at[i].max == 1428 || run.tests.at[i].max == 1429);
		CU_ASSERT_EQUAL(run.tests.at[i].points, i == 3 ? 0 : run.tests.at[i].max);
		max += run.tests.at[i].max;
	}
	CU_ASSERT_EQUAL(max, 10 * POINT);
}

static void states(void)
{
	struct rubric_group group = {.tests = "*", .points = 10};

	for (unsigned s = 0; s < STATE_COUNT; s++) {
		struct run run = {0};
		bool good = s == STATE_PASS || s == STATE_EXPECTED_FAIL;

		add(&run, &group, "x/y", (enum state)s);
		score_run(&run);
		CU_ASSERT_EQUAL(run.tests.at[0].points, good ? 10 * POINT : 0);
		CU_ASSERT_EQUAL(run.tests.at[0].max, s == STATE_NOT_APPLICABLE ? 0 : 10 * POINT);
		CU_ASSERT_EQUAL(state_is_success((enum state)s), good);
		CU_ASSERT_PTR_NOT_NULL(state_names[s]);
	}
}

static void groups(void)
{
	struct rubric_group a = {.points = 6}, b = {.points = 4};
	struct rubric rubric = {.max = 10};
	struct lab_result lab = {.rubric = &rubric, .whole = true};
	struct run run = {0};

	add(&run, &a, "a/1", STATE_PASS);
	add(&run, &b, "b/1", STATE_FAIL);
	add(&run, &a, "a/2", STATE_EXPECTED_FAIL);
	add(&run, &b, "b/2", STATE_PASS);
	score_run(&run);
	*vector_add(&lab.runs) = &run;
	CU_ASSERT_EQUAL(lab_score(&lab), 8 * POINT);
	CU_ASSERT_EQUAL(lab_max(&lab), 10 * POINT);
	rubric.max = 20; /* a run that is missing takes nothing from the maximum */
	CU_ASSERT_EQUAL(lab_max(&lab), 20 * POINT);
	lab.whole = false;
	CU_ASSERT_EQUAL(lab_max(&lab), 10 * POINT);
}

static void exercises(void)
{
	struct rubric_group a = {.points = 6};
	struct rubric_exercise e = {.id = "E1.1"}, none = {.id = "E1.2"};
	struct lab_result lab = {0};
	struct exercise_score s;
	struct run run = {0};

	strings_add(&e.tests, "a/*");
	strings_add(&none.tests, "z/*");
	add(&run, &a, "a/1", STATE_PASS);
	add(&run, &a, "a/2", STATE_TIMEOUT);
	add(&run, &a, "b/1", STATE_PASS);
	score_run(&run);
	*vector_add(&lab.runs) = &run;
	s = score_exercise(&lab, &e);
	CU_ASSERT_EQUAL(s.score, 2 * POINT);
	CU_ASSERT_EQUAL(s.max, 4 * POINT);
	CU_ASSERT_EQUAL(s.state, STATE_TIMEOUT);
	s = score_exercise(&lab, &none);
	CU_ASSERT_EQUAL(s.max, 0);
	CU_ASSERT_EQUAL(s.state, STATE_SKIPPED);
}

static void strict(void)
{
	static const bool content[STATE_COUNT] = {
		[STATE_PASS] = true,
		[STATE_EXPECTED_FAIL] = true,
		[STATE_NOT_APPLICABLE] = true,
		[STATE_UNAVAILABLE] = true,
	};
	struct rubric_group a = {.points = 6};

	for (unsigned s = 0; s < STATE_COUNT; s++) {
		struct lab_result lab = {0};
		struct run run = {0};

		add(&run, &a, "a/1", (enum state)s);
		*vector_add(&lab.runs) = &run;
		CU_ASSERT_EQUAL(lab_as_foretold(&lab), content[s]);
		run.state = STATE_CRASH;
		CU_ASSERT_FALSE(lab_as_foretold(&lab));
		run.state = STATE_PASS;
		lab.state = STATE_BUILD_ERROR;
		CU_ASSERT_FALSE(lab_as_foretold(&lab));
	}
}

UNIT_MAIN("grader_score", {"a group's points divide", division}, {"states", states}, {"groups", groups},
	  {"exercises", exercises}, {"--strict", strict})
