// SPDX-License-Identifier: MIT
/*
 * Writes results.json. Its fields are stable: other programs read them, and a field changes its meaning only
 * with a new `schema`. Under --reproducible the times are left out, and two runs with the same seed give the
 * same file to the last byte.
 */
#include "grader/result.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESULTS_SCHEMA 1
#define REAL_DIGITS    12
#define TIME_STEPS     1000 /* seconds are given in thousandths */

static json_t *points(unsigned p)
{
	return p % POINT ? json_real((double)p / POINT) : json_integer(p / POINT);
}

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		abort(); /* out of memory, or text that was not made safe */
}

static json_t *test_json(const struct test *t)
{
	json_t *o = json_object();
	const char *message = t->message;

	if (t->expected && t->actual)
		message = xprintf("%s%sexpected %s, got %s%s%s", message ? message : "", message ? ": " : "",
				  t->expected, t->actual, t->at ? " at " : "", t->at ? t->at : "");
	else if (t->at)
		message = xprintf("%s at %s", message ? message : "failed", t->at);
	set(o, "name", text(t->name));
	set(o, "state", text(state_names[t->state]));
	set(o, "points", points(t->points));
	set(o, "max", points(t->max));
	set(o, "message", text(message));
	return o;
}

static json_t *kvm_json(const struct kvm_counts *c)
{
	json_t *o = json_object();

	set(o, "exits", json_integer((json_int_t)c->exits));
	set(o, "io_exits", json_integer((json_int_t)c->io_exits));
	set(o, "emulated", json_integer((json_int_t)c->emulated));
	set(o, "nested_run", json_integer((json_int_t)c->nested));
	return o;
}

static json_t *run_json(const struct run *r, bool reproducible)
{
	json_t *o = json_object(), *tests = json_array();

	set(o, "name", text(r->name));
	if (r->part)
		set(o, "part", text(r->part));
	set(o, "platform", text(r->platform));
	if (r->model)
		set(o, "model", text(r->model));
	set(o, "cpu", text(r->cpu));
	set(o, "mem", text(r->mem));
	set(o, "state", text(state_names[r->state]));
	set(o, "message", text(r->message));
	if (!reproducible)
		set(o, "seconds", json_real((double)(u64)(r->seconds * TIME_STEPS) / TIME_STEPS));
	if (r->instructions)
		set(o, "instructions", json_integer((json_int_t)r->instructions));
	if (r->kvm.exits)
		set(o, "kvm", kvm_json(&r->kvm));
	for (size_t i = 0; i < r->tests.n; i++)
		json_array_append_new(tests, test_json(&r->tests.at[i]));
	set(o, "tests", tests);
	return o;
}

static json_t *exercises_json(const struct lab_result *lab)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lab->rubric->exercises.n; i++) {
		const struct rubric_exercise *e = &lab->rubric->exercises.at[i];
		struct exercise_score s = score_exercise(lab, e);
		json_t *o;

		if (!lab->whole && !s.tests)
			continue;
		o = json_object();
		set(o, "id", text(e->id));
		set(o, "score", points(s.score));
		set(o, "max", points(s.max));
		set(o, "state", text(exercise_states[s.state]));
		json_array_append_new(list, o);
	}
	return list;
}

static void add_figure(json_t *list, const struct bench_result *b, const char *unit, double value)
{
	json_t *o = json_object();

	set(o, "name", text(b->bench.name));
	set(o, "cpu", text(b->cpu));
	set(o, "mem", text(b->mem));
	set(o, "platform", text(b->platform));
	set(o, "unit", text(unit));
	set(o, "value", json_real(value));
	json_array_append_new(list, o);
}

/* One entry for each figure of each bench: per operation, not over all iterations. */
static json_t *benches_json(const struct lab_result *lab)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lab->benches.n; i++) {
		const struct bench_result *b = &lab->benches.at[i];
		const struct platform *p = platform_named(b->platform);

		for (unsigned k = 0; k < BENCH_COLUMNS; k++)
			add_figure(list, b, k == BENCH_TICKS && p ? p->unit : bench_columns[k],
				   (double)b->bench.total[k] / (double)b->bench.iterations);
		if (cost_model(b) != NO_COST_MODEL)
			add_figure(list, b, "modelled_cycles", cost_model(b));
	}
	return list;
}

/* The score on the student's own layers, and what fails there. */
static json_t *own_json(const struct lab_result *own)
{
	json_t *o = json_object(), *tests = json_array();

	for (size_t r = 0; r < own->runs.n; r++)
		for (size_t i = 0; i < own->runs.at[r]->tests.n; i++) {
			const struct test *t = &own->runs.at[r]->tests.at[i];

			if (!state_is_success(t->state) && t->state != STATE_NOT_APPLICABLE)
				json_array_append_new(tests, test_json(t));
		}
	set(o, "score", points(lab_score(own)));
	set(o, "max", points(lab_max(own)));
	set(o, "state", text(state_names[own->state]));
	set(o, "message", text(own->message));
	set(o, "tests", tests);
	return o;
}

static json_t *lab_json(const struct lab_result *lab, bool reproducible)
{
	json_t *o = json_object(), *runs = json_array(), *others = lab->others.n ? json_array() : NULL;

	for (size_t i = 0; i < lab->others.n; i++)
		json_array_append_new(others, lab_json(lab->others.at[i], reproducible));
	set(o, "id", text(lab->rubric->id));
	set(o, "name", text(lab->rubric->name));
	set(o, "score", points(lab_score(lab)));
	set(o, "max", points(lab_max(lab)));
	set(o, "state", text(state_names[lab->state]));
	set(o, "message", text(lab->message));
	set(o, "track", text(lab->rubric->track));
	set(o, "base", text(lab->base));
	set(o, "official", text(lab->rubric->official));
	set(o, "counts", json_boolean(!lab_informational(lab)));
	if (lab->own)
		set(o, "own", own_json(lab->own));
	if (lab->others.n)
		set(o, "others", others);
	set(o, "exercises", exercises_json(lab));
	for (size_t i = 0; i < lab->runs.n; i++)
		json_array_append_new(runs, run_json(lab->runs.at[i], reproducible));
	set(o, "runs", runs);
	set(o, "bench", benches_json(lab));
	return o;
}

bool results_write(const char *path, u64 seed, const struct lab_result *const labs[], size_t count,
		   bool reproducible)
{
	const size_t flags = JSON_INDENT(1) | JSON_REAL_PRECISION(REAL_DIGITS);
	json_t *top = json_object(), *list = json_array();
	char *data;
	bool ok;

	set(top, "schema", json_integer(RESULTS_SCHEMA));
	set(top, "seed", text(xprintf("0x%016" PRIx64, seed)));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, lab_json(labs[i], reproducible));
	set(top, "labs", list);
	data = json_dumps(top, flags);
	json_decref(top);
	if (!data) {
		errno = ENOMEM;
		return false;
	}
	data = xprintf("%s\n", data);
	/* Whole or not at all: a reader never sees half a file. */
	ok = file_write(xprintf("%s.new", path), data, strlen(data)) &&
	     !rename(xprintf("%s.new", path), path);
	free(data);
	return ok;
}
