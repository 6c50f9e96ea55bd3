// SPDX-License-Identifier: MIT
/*
 * Grades one lab: builds it, asks the bare machine what is right, runs the hypervisor as the rubric says,
 * runs the unit tests.
 *
 * A test that TCG itself gets wrong can still be earned: where the platform is the rubric's choice and Bochs
 * is here, such tests are run again on Bochs, and the better platform's verdict counts.
 */
#include "grader/grader.h"

#include <string.h>

static bool part_wanted(const struct grader *g, const char *part)
{
	return !g->part || (part && !strcmp(g->part, part));
}

/* Does --test leave anything of this run? A name matches a group when the group's pattern takes it, or the
 * other way round. */
static bool run_wanted(const struct grader *g, const struct rubric_run *spec)
{
	if (!part_wanted(g, spec->part))
		return false;
	if (!g->test)
		return true;
	for (size_t i = 0; i < spec->guests.n; i++)
		for (size_t k = 0; k < spec->guests.at[i].groups.n; k++) {
			const char *pattern = spec->guests.at[i].groups.at[k].tests;

			if (pattern_matches(pattern, g->test) || pattern_matches(g->test, pattern))
				return true;
		}
	return false;
}

static bool unit_wanted(const struct grader *g, const struct rubric_program *spec)
{
	return part_wanted(g, spec->part) && (!g->test || !strncmp(g->test, "unit/", strlen("unit/")));
}

static const struct platform *choose(const struct grader *g, const struct rubric_run *spec)
{
	return g->platform ? platform_named(g->platform) : platform_choose(&spec->platforms);
}

/* The rubric's runs without a machine: all in one state. */
static void all_without(const struct grader *g, struct lab_result *lab, enum state state, const char *message)
{
	for (size_t i = 0; i < lab->rubric->runs.n; i++) {
		const struct rubric_run *spec = &lab->rubric->runs.at[i];
		const struct platform *p = choose(g, spec);
		struct run *run;

		if (!run_wanted(g, spec))
			continue;
		run = xcalloc(1, sizeof(*run));
		*vector_add(&lab->runs) = run;
		run->name = spec->name;
		run->what = xprintf("%s: %s with %s", spec->name, spec->cpu, spec->mem);
		run->platform = p ? p->name : NULL;
		run->cpu = spec->cpu;
		run->mem = spec->mem;
		run_without_tests(g, run, spec, state, message);
		score_run(run);
	}
}

/* ---- what the first platform could not tell
 * ----------------------------------------------------------------------------------------- */

static struct test *test_named(struct run *run, const char *name)
{
	for (size_t i = 0; i < run->tests.n; i++)
		if (!strcmp(run->tests.at[i].name, name))
			return &run->tests.at[i];
	return NULL;
}

/* Runs the tests of `run` that its platform gets wrong on Bochs, and takes those verdicts. */
static void ask_bochs(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
		      struct oracle *o)
{
	const struct platform *bochs = platform_get(PLATFORM_BOCHS);
	struct run *run = lab->runs.at[lab->runs.n - 1], *again;
	struct rubric_run second = *spec;
	struct rubric_guest guest = spec->guests.at[0];
	const char *names = NULL;

	for (size_t i = 0; i < run->tests.n; i++)
		if (run->tests.at[i].state == STATE_UNAVAILABLE)
			names = xprintf("%s%s%s", names ? names : "only=", names ? "," : "",
					run->tests.at[i].name);
	if (!names || bochs->why || spec->guests.n != 1 || g->platform || run->state != STATE_PASS)
		return;
	guest.command = names;
	second.guests.at = &guest;
	second.name = xprintf("%s-bochs", spec->name);
	hypervisor_run(g, lab, &second, bochs, o);
	again = lab->runs.at[--lab->runs.n];
	for (size_t i = 0; i < again->tests.n; i++) {
		struct test *t = test_named(run, again->tests.at[i].name);

		if (!t || t->state != STATE_UNAVAILABLE)
			continue;
		t->state = again->tests.at[i].state;
		t->message = again->tests.at[i].message;
		t->expected = again->tests.at[i].expected;
		t->actual = again->tests.at[i].actual;
		t->at = again->tests.at[i].at;
		t->hint = again->tests.at[i].hint;
	}
	score_run(run);
}

/* Benches are compared with the bare machine of the same platform. TCG's came with the oracle; Bochs is asked
 * when it is needed. */
static void native_benches(const struct grader *g, struct lab_result *lab, const struct platform *p,
			   struct oracle *o)
{
	struct native *native;
	bool wanted = false;

	for (size_t i = 0; i < lab->benches.n; i++) {
		const struct bench_result *b = &lab->benches.at[i];

		if (strcmp(b->platform, p->name))
			continue;
		if (!strcmp(b->cpu, NATIVE_ENGINE))
			return;
		wanted = true;
	}
	if (!wanted || p->id != PLATFORM_BOCHS)
		return;
	native = xcalloc(1, sizeof(*native));
	native_run(g, lab->rubric, o->exceptions, p, 0, "only=bench/", native);
	if (!native->error)
		keep_benches(lab, p, &native->console, NATIVE_ENGINE, NATIVE_ENGINE);
}

static void one_run(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
		    struct oracle *o)
{
	const struct platform *p = choose(g, spec);
	struct run *run;

	if (p && !p->why) {
		hypervisor_run(g, lab, spec, p, o);
		native_benches(g, lab, p, o);
		ask_bochs(g, lab, spec, o);
		return;
	}
	run = xcalloc(1, sizeof(*run));
	*vector_add(&lab->runs) = run;
	run->name = spec->name;
	run->what = xprintf("%s: %s with %s", spec->name, spec->cpu, spec->mem);
	run->platform = p ? p->name : g->platform;
	run->cpu = spec->cpu;
	run->mem = spec->mem;
	run_without_tests(g, run, spec, STATE_UNAVAILABLE, p ? p->why : "the rubric names no platform");
	score_run(run);
}

/* ---- the whole
 * ---------------------------------------------------------------------------------------------------------------------------
 */

static unsigned count_steps(const struct grader *g, const struct rubric *r)
{
	unsigned n = 2; /* build, oracle */

	for (size_t i = 0; i < r->runs.n; i++)
		n += run_wanted(g, &r->runs.at[i]);
	for (size_t i = 0; i < r->units.n; i++)
		n += unit_wanted(g, &r->units.at[i]);
	return n;
}

static void grade_runs(const struct grader *g, struct lab_result *lab, const struct platform_exceptions *e)
{
	struct oracle *o = xcalloc(1, sizeof(*o));
	struct native *native;
	const char *error;
	bool wanted = false;

	for (size_t i = 0; i < lab->rubric->runs.n; i++)
		wanted |= run_wanted(g, &lab->rubric->runs.at[i]);
	if (!wanted)
		return;
	progress_begin("the guest on the bare machine");
	*o = (struct oracle){.g = g, .rubric = lab->rubric, .exceptions = e};
	error = oracle_ask(o, 0);
	native = o->tcg[0];
	progress_end();
	if (error) {
		lab->state = STATE_INFRA_ERROR;
		lab->message = error;
		if (native)
			serial_tail(&native->machine.serial, &lab->tail);
		all_without(g, lab, STATE_INFRA_ERROR, error);
		return;
	}
	keep_benches(lab, native->platform, &native->console, NATIVE_ENGINE, NATIVE_ENGINE);
	for (size_t i = 0; i < lab->rubric->runs.n && !process_interrupted(); i++)
		if (run_wanted(g, &lab->rubric->runs.at[i]))
			one_run(g, lab, &lab->rubric->runs.at[i], o);
}

static void grade_units(const struct grader *g, struct lab_result *lab)
{
	for (size_t i = 0; i < lab->rubric->units.n && !process_interrupted(); i++)
		if (unit_wanted(g, &lab->rubric->units.at[i]))
			unit_grade(g, lab, &lab->rubric->units.at[i]);
}

static void units_without(const struct grader *g, struct lab_result *lab, const char *message)
{
	for (size_t i = 0; i < lab->rubric->units.n; i++) {
		const struct rubric_program *spec = &lab->rubric->units.at[i];
		struct run *run;
		struct test *t;

		if (!unit_wanted(g, spec))
			continue;
		run = xcalloc(1, sizeof(*run));
		*vector_add(&lab->runs) = run;
		run->name = run->what = spec->program;
		run->platform = "host";
		run->state = STATE_BUILD_ERROR;
		run->message = message;
		t = vector_add(&run->tests);
		t->name = spec->program;
		t->group = &spec->group;
		t->state = STATE_BUILD_ERROR;
		t->message = message;
		score_run(run);
	}
}

void lab_grade(const struct grader *g, const struct rubric *r, const struct platform_exceptions *e,
	       struct lab_result *result)
{
	memset(result, 0, sizeof(*result));
	result->rubric = r;
	result->seed = g->seed;
	result->whole = !g->test && !g->part;
	progress_total(count_steps(g, r));
	progress_begin("build");
	if (!g->no_build && !build_lab(g, r, &result->message, &result->tail)) {
		progress_end();
		result->state = STATE_BUILD_ERROR;
		all_without(g, result, STATE_BUILD_ERROR, result->message);
		units_without(g, result, result->message);
		return;
	}
	progress_end();
	result->tail.n = 0;
	grade_runs(g, result, e);
	grade_units(g, result);
}
