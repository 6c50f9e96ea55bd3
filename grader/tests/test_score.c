// SPDX-License-Identifier: MIT
// LIBS: -lyaml
/* Points: how a group's points divide, which states earn them, what --strict accepts. score.c */
#include "lib/tests/unit.h"

#include "grader/result.h"
#include "lib/types.h"

#include <string.h>

static void add(struct run *run, const struct rubric_group *group, const char *name, enum state state)
{
	*vector_add(&run->tests) = (struct test){.name = name, .state = state, .group = group};
}

static void add_exercise(struct rubric *rubric, const char *tests)
{
	struct rubric_exercise *e = vector_add(&rubric->exercises);

	e->id = "E1.1";
	strings_add(&e->tests, tests);
}

static void division(void)
{
	struct rubric_group group = {.tests = "*", .points = 10 * POINT};
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
	struct rubric_group group = {.tests = "*", .points = 10 * POINT};

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
	struct rubric_group a = {.points = 6 * POINT}, b = {.points = 4 * POINT};
	struct rubric rubric = {.max = 10 * POINT};
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
	rubric.max = 20 * POINT; /* a run that is missing takes nothing from the maximum */
	CU_ASSERT_EQUAL(lab_max(&lab), 20 * POINT);
	lab.whole = false;
	CU_ASSERT_EQUAL(lab_max(&lab), 10 * POINT);
}

/* What each state of a test makes of an exercise that has another one, which passed. */
static void exercises(void)
{
	static const bool open[STATE_COUNT] = {
		[STATE_FAIL] = true,        [STATE_UNEXPECTED_PASS] = true, [STATE_TIMEOUT] = true,
		[STATE_CRASH] = true,       [STATE_BUILD_ERROR] = true,     [STATE_SKIPPED] = true,
		[STATE_INFRA_ERROR] = true,
	};
	struct rubric_group a = {.points = 6 * POINT};
	struct rubric rubric = {.max = 6 * POINT};

	add_exercise(&rubric, "a/*");
	add_exercise(&rubric, "z/*");
	for (unsigned state = 0; state < STATE_COUNT; state++) {
		struct lab_result lab = {.rubric = &rubric};
		struct exercise_score s;
		struct run run = {0};

		add(&run, &a, "a/1", STATE_PASS);
		add(&run, &a, "a/2", (enum state)state);
		add(&run, &a, "b/1", STATE_FAIL);
		score_run(&run);
		*vector_add(&lab.runs) = &run;
		s = score_exercise(&lab, &rubric.exercises.at[0]);
		CU_ASSERT_EQUAL(s.tests, 2);
		CU_ASSERT_EQUAL(s.state, open[state] ? EXERCISE_OPEN : EXERCISE_DONE);
		if (state == STATE_TIMEOUT) {
			CU_ASSERT_EQUAL(s.score, 2 * POINT);
			CU_ASSERT_EQUAL(s.max, 4 * POINT);
		}
		s = score_exercise(&lab, &rubric.exercises.at[1]);
		CU_ASSERT_EQUAL(s.max, 0);
		CU_ASSERT_EQUAL(s.state, EXERCISE_OPEN);
	}
}

/* Nobody has done what nobody could judge. */
static void exercise_unknown(void)
{
	struct rubric_group a = {.points = 6 * POINT};
	struct rubric rubric = {.max = 6 * POINT};
	struct lab_result lab = {.rubric = &rubric};
	struct run run = {0};

	add_exercise(&rubric, "a/*");
	add(&run, &a, "a/1", STATE_UNAVAILABLE);
	score_run(&run);
	*vector_add(&lab.runs) = &run;
	CU_ASSERT_EQUAL(score_exercise(&lab, &rubric.exercises.at[0]).state, EXERCISE_OPEN);
}

/* What the official platform gets wrong takes no share, whether it was tried or not; a crash in it stays. */
static void left_out(void)
{
	struct platform_exceptions e = {0};
	struct platform_exception *x = vector_add(&e.list);
	const struct platform bochs = {.id = PLATFORM_BOCHS, .name = "bochs", .model = BOCHS_INTEL};
	static const enum state states[] = {STATE_UNAVAILABLE, STATE_PASS, STATE_SKIPPED, STATE_FAIL};

	*x = (struct platform_exception){.test = "a/1", .reason = "for the test"};
	strings_add(&x->platforms, "bochs");
	for (unsigned i = 0; i <= ARRAY_SIZE(states); i++) {
		struct rubric_group group = {.points = 6 * POINT};
		struct run run = {0};
		bool charged = i == ARRAY_SIZE(states);

		add(&run, &group, "x:a/1", charged ? STATE_CRASH : states[i]);
		add(&run, &group, "x:a/2", STATE_PASS);
		add(&run, &group, "x:a/3", STATE_FAIL);
		run.tests.at[0].charged = charged;
		score_run(&run);
		score_left_out(&run, &bochs, &e);
		CU_ASSERT_EQUAL(run.tests.at[0].state, charged ? STATE_CRASH : STATE_NOT_APPLICABLE);
		CU_ASSERT_EQUAL(run.tests.at[0].points, 0);
		CU_ASSERT_EQUAL(run.tests.at[0].max, charged ? 2 * POINT : 0);
		CU_ASSERT_EQUAL(run.tests.at[1].points, charged ? 2 * POINT : 3 * POINT);
		CU_ASSERT_EQUAL(run.tests.at[2].max, charged ? 2 * POINT : 3 * POINT);
	}
}

static void unblocked(void)
{
	struct rubric_group a = {.points = 6 * POINT};
	struct rubric rubric = {.max = 6 * POINT};
	struct lab_result lab = {.rubric = &rubric, .whole = true};
	struct rubric_exercise *e;
	struct exercise_score s;
	struct run run = {0};

	add_exercise(&rubric, "a/1");
	e = &rubric.exercises.at[0];
	add(&run, &a, "a/1", STATE_PASS);
	add(&run, &a, "x:a/1", STATE_PASS);
	score_run(&run);
	*vector_add(&lab.runs) = &run;
	score_unblocked(&lab);
	CU_ASSERT_EQUAL(lab_score(&lab), 6 * POINT);
	e->unblocked = true;
	score_unblocked(&lab);
	CU_ASSERT_EQUAL(lab_score(&lab), 3 * POINT);
	CU_ASSERT_EQUAL(lab_max(&lab), 6 * POINT);
	CU_ASSERT_STRING_EQUAL(run.tests.at[0].message,
			       "unblocked: the reference stands in for exercise E1.1");
	CU_ASSERT_PTR_NULL(run.tests.at[1].message);
	s = score_exercise(&lab, e);
	CU_ASSERT_EQUAL(s.state, EXERCISE_UNBLOCKED);
	CU_ASSERT_EQUAL(s.score, 0);
	CU_ASSERT_EQUAL(s.max, 3 * POINT);
}

/* Which grading counts: the whole lab, on its official platform, with a verdict on every test. */
static void informational(void)
{
	struct rubric_group a = {.points = 6 * POINT};
	struct rubric rubric = {.official = "tcg"};
	struct lab_result lab = {.rubric = &rubric, .whole = true};
	struct rubric_run *spec = vector_add(&rubric.runs);
	struct run run = {.name = "one", .cpu = "trap", .platform = "tcg"};

	spec->name = "one";
	strings_add(&spec->platforms, "tcg");
	add(&run, &a, "a/1", STATE_FAIL);
	*vector_add(&lab.runs) = &run;
	CU_ASSERT_PTR_NULL(lab_informational(&lab));
	run.platform = "bochs";
	CU_ASSERT_STRING_EQUAL(lab_informational(&lab), "informational: the lab's official platform is tcg");
	rubric.official_by_course = true;
	CU_ASSERT_STRING_EQUAL(lab_informational(&lab),
			       "informational: this course's official platform is tcg");
	spec->platforms.at[0] = "bochs"; /* a run that cannot be made there is made where it can be */
	CU_ASSERT_PTR_NULL(lab_informational(&lab));
	spec->platforms.at[0] = "bochs:ryzen"; /* and on its model */
	CU_ASSERT_PTR_NOT_NULL(lab_informational(&lab));
	run.model = "ryzen";
	CU_ASSERT_PTR_NULL(lab_informational(&lab));
	lab.elsewhere = "bochs:ryzen";
	CU_ASSERT_PTR_NOT_NULL(lab_informational(&lab));
	lab.elsewhere = NULL;
	run.tests.at[0].state = STATE_UNAVAILABLE;
	CU_ASSERT_STRING_EQUAL(lab_informational(&lab), "informational: 1 test could not be judged here");
	run.tests.at[0].state = STATE_PASS;
	lab.whole = false;
	CU_ASSERT_STRING_EQUAL(lab_informational(&lab), "a part of the lab: informational");
}

/* The lab's score is the better track's; one that does not count is never the better one. */
static void better(void)
{
	struct rubric_group a = {.points = 6 * POINT};
	struct rubric rubric = {.official = "tcg"};
	struct run runs[2] = {{.name = "x"}, {.name = "x"}};
	struct lab_result labs[2];

	for (unsigned i = 0; i < 2; i++) {
		labs[i] = (struct lab_result){.rubric = &rubric, .whole = true};
		add(&runs[i], &a, "a/1", STATE_PASS);
		score_run(&runs[i]);
		*vector_add(&labs[i].runs) = &runs[i];
	}
	CU_ASSERT_PTR_EQUAL(lab_better(&labs[0], &labs[1]), &labs[0]);
	runs[0].tests.at[0].points = 0;
	CU_ASSERT_PTR_EQUAL(lab_better(&labs[0], &labs[1]), &labs[1]);
	CU_ASSERT_PTR_EQUAL(lab_better(&labs[1], &labs[0]), &labs[1]);
	labs[1].elsewhere = "bochs";
	CU_ASSERT_PTR_EQUAL(lab_better(&labs[0], &labs[1]), &labs[0]);
}

static void strict(void)
{
	static const bool content[STATE_COUNT] = {
		[STATE_PASS] = true,
		[STATE_EXPECTED_FAIL] = true,
		[STATE_NOT_APPLICABLE] = true,
		[STATE_UNAVAILABLE] = true,
	};
	struct rubric_group a = {.points = 6 * POINT};

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
	  {"exercises", exercises}, {"an exercise nobody could judge", exercise_unknown},
	  {"left out", left_out}, {"an unblocked exercise", unblocked}, {"what counts", informational},
	  {"the better track", better}, {"--strict", strict})
