// SPDX-License-Identifier: MIT
/*
 * Points. A group's points are spread over its tests in thousandths of a point, the remainder one by one over
 * the first tests, so that the tests of a group add up to exactly the group's points.
 */
#include "grader/result.h"

#include <string.h>

const char *const state_names[STATE_COUNT] = {
	[STATE_PASS] = "pass",
	[STATE_FAIL] = "fail",
	[STATE_EXPECTED_FAIL] = "expected_fail",
	[STATE_UNEXPECTED_PASS] = "unexpected_pass",
	[STATE_TIMEOUT] = "timeout",
	[STATE_CRASH] = "crash",
	[STATE_BUILD_ERROR] = "build_error",
	[STATE_SKIPPED] = "skipped",
	[STATE_NOT_APPLICABLE] = "not_applicable",
	[STATE_UNAVAILABLE] = "unavailable",
	[STATE_INFRA_ERROR] = "infra_error",
};

bool state_is_success(enum state s)
{
	return s == STATE_PASS || s == STATE_EXPECTED_FAIL;
}

/* A test that does not apply to the engine takes no share. */
static bool takes_share(const struct test *t, const struct rubric_group *group)
{
	return t->group == group && t->state != STATE_NOT_APPLICABLE;
}

static void score_group(struct run *run, const struct rubric_group *group)
{
	unsigned total = group->points, n = 0, k = 0;

	for (size_t i = 0; i < run->tests.n; i++)
		n += takes_share(&run->tests.at[i], group);
	for (size_t i = 0; i < run->tests.n; i++) {
		struct test *t = &run->tests.at[i];

		if (!takes_share(t, group))
			continue;
		t->max = total / n + (k < total % n);
		t->points = state_is_success(t->state) ? t->max : 0;
		k++;
	}
}

void score_run(struct run *run)
{
	const struct rubric_group *last = NULL;

	for (size_t i = 0; i < run->tests.n; i++) {
		bool first = true;

		if (run->tests.at[i].group == last)
			continue;
		last = run->tests.at[i].group;
		for (size_t k = 0; k < i && first; k++)
			first = run->tests.at[k].group != last;
		if (first)
			score_group(run, last);
	}
}

void score_left_out(struct run *run, const struct platform *p, const struct platform_exceptions *e)
{
	for (size_t i = 0; i < run->tests.n; i++) {
		struct test *t = &run->tests.at[i];
		const char *guest = strchr(t->name, ':');
		const struct platform_exception *x =
			exceptions_find(e, p->name, p->model, guest ? guest + 1 : t->name);

		if (!x || t->charged)
			continue;
		t->state = STATE_NOT_APPLICABLE;
		t->message = xprintf("%s, the official platform, gets this wrong itself: %s",
				     platform_full_name(p), x->reason);
		t->expected = t->actual = t->at = t->hint = NULL;
		t->points = t->max = 0;
	}
	score_run(run);
}

unsigned lab_score(const struct lab_result *lab)
{
	unsigned sum = 0;

	for (size_t r = 0; r < lab->runs.n; r++)
		for (size_t i = 0; i < lab->runs.at[r]->tests.n; i++)
			sum += lab->runs.at[r]->tests.at[i].points;
	return sum;
}

unsigned lab_max(const struct lab_result *lab)
{
	unsigned sum = 0;

	if (lab->whole)
		return lab->rubric->max;
	for (size_t r = 0; r < lab->runs.n; r++)
		for (size_t i = 0; i < lab->runs.at[r]->tests.n; i++)
			sum += lab->runs.at[r]->tests.at[i].max;
	return sum;
}

const char *const exercise_states[EXERCISE_STATES] = {
	[EXERCISE_OPEN] = "open",
	[EXERCISE_DONE] = "done",
	[EXERCISE_UNBLOCKED] = "unblocked",
};

struct exercise_score score_exercise(const struct lab_result *lab, const struct rubric_exercise *e)
{
	struct exercise_score s = {.state = EXERCISE_OPEN};
	unsigned good = 0, bad = 0;

	for (size_t r = 0; r < lab->runs.n; r++)
		for (size_t i = 0; i < lab->runs.at[r]->tests.n; i++) {
			const struct test *t = &lab->runs.at[r]->tests.at[i];

			if (rubric_exercise_of(lab->rubric, lab->runs.at[r]->part, t->name) != e)
				continue;
			s.score += t->points;
			s.max += t->max;
			s.tests++;
			if (state_is_success(t->state))
				good++;
			else if (t->state != STATE_NOT_APPLICABLE && t->state != STATE_UNAVAILABLE)
				bad++;
		}
	if (e->unblocked)
		s.state = EXERCISE_UNBLOCKED;
	else if (good && !bad)
		s.state = EXERCISE_DONE;
	return s;
}

void score_unblocked(struct lab_result *lab)
{
	for (size_t k = 0; k < lab->rubric->exercises.n; k++) {
		const struct rubric_exercise *e = &lab->rubric->exercises.at[k];

		for (size_t r = 0; r < lab->runs.n && e->unblocked; r++)
			for (size_t i = 0; i < lab->runs.at[r]->tests.n; i++) {
				struct test *t = &lab->runs.at[r]->tests.at[i];

				if (rubric_exercise_of(lab->rubric, lab->runs.at[r]->part, t->name) != e)
					continue;
				t->points = 0;
				t->message =
					xprintf("unblocked: the reference stands in for exercise %s", e->id);
			}
	}
}

/* Was a run of the rubric made elsewhere than it should have been? */
static bool made_elsewhere(const struct lab_result *lab, const struct run *run)
{
	const char *official = lab->rubric->official, *where = run->platform;

	if (!run->cpu)
		return false; /* unit tests */
	for (size_t i = 0; i < lab->rubric->runs.n; i++)
		if (!strcmp(lab->rubric->runs.at[i].name, run->name) && lab->rubric->runs.at[i].platforms.n)
			official = lab->rubric->runs.at[i].platforms.at[0];
	if (where && run->model)
		where = xprintf("%s:%s", where, run->model);
	return !where || !platform_same(where, official);
}

const char *lab_informational(const struct lab_result *lab)
{
	bool elsewhere = lab->elsewhere;
	unsigned unknown = 0;

	if (!lab->whole)
		return "a part of the lab: informational";
	for (size_t r = 0; r < lab->runs.n; r++) {
		const struct run *run = lab->runs.at[r];

		elsewhere |= made_elsewhere(lab, run);
		for (size_t i = 0; i < run->tests.n; i++)
			unknown += run->tests.at[i].state == STATE_UNAVAILABLE ||
				   run->tests.at[i].state == STATE_INFRA_ERROR;
	}
	if (elsewhere)
		return xprintf("informational: %s official platform is %s",
			       lab->rubric->official_by_course ? "this course's" : "the lab's",
			       lab->rubric->official);
	return unknown ? xprintf("informational: %u test%s could not be judged here", unknown,
				 unknown == 1 ? "" : "s")
		       : NULL;
}

const struct lab_result *lab_better(const struct lab_result *a, const struct lab_result *b)
{
	bool counts = !lab_informational(a);

	if (counts != !lab_informational(b))
		return counts ? a : b;
	return lab_score(b) > lab_score(a) ? b : a;
}

bool lab_as_foretold(const struct lab_result *lab)
{
	if (lab->state != STATE_PASS)
		return false;
	for (size_t r = 0; r < lab->runs.n; r++) {
		const struct run *run = lab->runs.at[r];

		if (run->state != STATE_PASS && run->state != STATE_UNAVAILABLE)
			return false;
		for (size_t i = 0; i < run->tests.n; i++) {
			enum state s = run->tests.at[i].state;

			if (!state_is_success(s) && s != STATE_NOT_APPLICABLE && s != STATE_UNAVAILABLE)
				return false;
		}
	}
	return true;
}
