// SPDX-License-Identifier: MIT
/*
 * Grades one lab: builds it, asks the bare machine what is right, runs the hypervisor as the rubric says,
 * runs the unit tests.
 *
 * A test that a platform itself gets wrong can still be earned: where no platform but the official one was
 * asked for and another one of the run's list is here (for TCG that is Bochs), such tests are run again
 * there, and that verdict counts. With --exercise they are left alone, because that has to be fast.
 */
#include "grader/grader.h"

#include <stdio.h>
#include <string.h>

#define NO_TESTS "only=none/" /* a guest that has nothing to do still boots and ends */

/* NULL: the run is not made on what was asked for. */
static const struct platform *choose(const struct grader *g, const struct rubric_run *spec)
{
	const char *name;

	if (!g->platform)
		return platform_with(platform_choose(&spec->platforms), spec->hardware);
	name = platform_among(&spec->platforms, g->platform);
	/* KVM is KVM, also in an emulated machine. */
	if (!name && platform_has_model(g->platform, "nested") && platform_among(&spec->platforms, "kvm"))
		name = g->platform;
	return name ? platform_with(platform_named(name), spec->hardware) : NULL;
}

/* A run of the rubric without a machine: all its tests in one state. */
static void not_run(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
		    enum state state, const char *message)
{
	const struct platform *p = choose(g, spec);
	struct run *run = xcalloc(1, sizeof(*run));

	*vector_add(&lab->runs) = run;
	run->name = spec->name;
	run->part = spec->part;
	run->what = xprintf("%s: %s with %s", spec->name, spec->cpu, spec->mem);
	run->platform = p ? p->name : platform_named(g->platform)->name;
	run->model = p ? p->model : NULL;
	run->cpu = spec->cpu;
	run->mem = spec->mem;
	run_without_tests(run, spec, lab->oracle, state, message);
	score_run(run);
}

static void all_without(const struct grader *g, struct lab_result *lab, enum state state, const char *message)
{
	struct rubric_run spec;

	for (size_t i = 0; i < lab->rubric->runs.n; i++)
		if (select_run(g, &lab->rubric->runs.at[i], &spec))
			not_run(g, lab, &spec, state, message);
}

/* ---- what the first platform could not tell ---- */

static struct test *test_named(struct run *run, const char *name)
{
	for (size_t i = 0; i < run->tests.n; i++)
		if (!strcmp(run->tests.at[i].name, name))
			return &run->tests.at[i];
	return NULL;
}

/* The guest's command line for its tests that are still open; *any is set when there are some. */
static const char *open_tests(const struct run *run, const struct rubric_run *spec, const char *guest,
			      bool *any)
{
	const char *prefix = spec->several ? xprintf("%s:", guest) : "", *command = NULL;

	for (size_t i = 0; i < run->tests.n; i++) {
		const struct test *t = &run->tests.at[i];

		if (t->state != STATE_UNAVAILABLE || strncmp(t->name, prefix, strlen(prefix)))
			continue;
		command = xprintf("%s%s%s", command ? command : "only=", command ? "," : "",
				  t->name + strlen(prefix));
		*any = true;
	}
	return command ? command : NO_TESTS;
}

/* The first one of the run's list that is another one, and here; NULL: there is none. */
static const struct platform *another_platform(const struct rubric_run *spec, const struct platform *p)
{
	for (size_t i = 0; i < spec->platforms.n; i++) {
		const struct platform *other = platform_named(spec->platforms.at[i]);

		if (other->id != p->id && !other->why)
			return other;
	}
	return NULL;
}

/* Runs the tests of `run` that its platform gets wrong on another one, and takes those verdicts. */
static void ask_another(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
			const struct platform *p, struct oracle *o)
{
	const struct platform *other = another_platform(spec, p);
	struct run *run = lab->runs.at[lab->runs.n - 1], *again;
	struct rubric_guest *guests = xcalloc(spec->guests.n, sizeof(*guests));
	struct rubric_run second = *spec;
	struct grader all = *g;
	bool any = false;

	for (size_t i = 0; i < spec->guests.n; i++) {
		guests[i] = spec->guests.at[i];
		guests[i].command = open_tests(run, spec, guests[i].name, &any);
	}
	if (!any || !other || lab->elsewhere || g->exercise)
		return;
	second.guests.at = guests;
	second.name = xprintf("%s-%s", spec->name, other->name);
	all.test = NULL; /* the command lines say which */
	hypervisor_run(&all, lab, &second, other, o);
	again = lab->runs.at[--lab->runs.n];
	for (size_t i = 0; i < again->tests.n; i++) {
		const struct test *new = &again->tests.at[i];
		struct test *t = test_named(run, new->name);
		const struct rubric_group *group = t ? t->group : NULL;

		if (!t || t->state != STATE_UNAVAILABLE)
			continue;
		/* The copies of the guests share their groups with the rubric. */
		*t = *new;
		t->group = group;
	}
	score_run(run);
}

/* The guest kernel's benches without a hypervisor of ours on `p`, as an engine of the platform `as`. */
static void keep_native(const struct grader *g, struct lab_result *lab, const struct platform *p,
			const struct platform *as, const char *cpu, const char *mem)
{
	struct native *native = xcalloc(1, sizeof(*native));

	native_run(g, &lab->rubric->guest, lab->oracle->exceptions, p, 0, ONLY_BENCHES, native);
	if (native->error)
		printf("the benches on %s are not measured: %s\n", platform_full_name(p), native->error);
	else
		keep_benches(lab, as, &native->console, cpu, mem);
}

/* Benches are compared with the bare machine of the same platform. TCG's came with the oracle; Bochs is asked
 * when it is needed. Of platform nested it is the emulated one, and KVM's own guest stands beside. */
static void native_benches(const struct grader *g, struct lab_result *lab, const struct platform *p)
{
	bool wanted = false;

	for (size_t i = 0; i < lab->benches.n; i++) {
		const struct bench_result *b = &lab->benches.at[i];

		if (strcmp(b->platform, p->name))
			continue;
		if (!strcmp(b->cpu, NATIVE_ENGINE))
			return;
		wanted = true;
	}
	if (!wanted)
		return;
	if (p->id == PLATFORM_BOCHS || (p->id == PLATFORM_NESTED && g->bench))
		keep_native(g, lab, platform_beneath(p), p, NATIVE_ENGINE, NATIVE_ENGINE);
	if (p->id == PLATFORM_NESTED && g->bench)
		keep_native(g, lab, p, p, KVM_ENGINE, strcmp(p->model, NESTED_INTEL) ? "npt" : "ept");
}

/* The sentence that says why a run makes no sense after what was seen; NULL: it does. */
static const char *prerequisite(const struct lab_result *lab, const struct rubric_run *spec)
{
	for (size_t i = 0; spec->needs && i < lab->runs.n; i++)
		if (!strcmp(lab->runs.at[i]->name, spec->needs) && !lab->runs.at[i]->lived)
			return xprintf("no guest came to life in the run %s", spec->needs);
	return NULL;
}

/* Why it cannot run here, and where the points can be had. */
static const char *unavailable(const struct grader *g, const struct rubric_run *spec,
			       const struct platform *p)
{
	const char *places = "";

	for (size_t i = 0; i < spec->platforms.n; i++)
		if (!p || !platform_same(spec->platforms.at[i], platform_full_name(p)))
			places = xprintf("%s%s%s", places, *places ? ", " : "", spec->platforms.at[i]);
	return xprintf("%s; the points can be had on: %s",
		       p ? p->why : xprintf("this run is not made on %s", g->platform), places);
}

/* Of what another platform gets wrong Bochs is asked; of what Bochs gets wrong, where it is the official one,
 * nobody can be. */
static void leave_out(const struct lab_result *lab, const struct rubric_run *spec, const struct platform *p,
		      const struct oracle *o)
{
	const struct platform *official = platform_named(spec->platforms.at[0]);

	if (p && p->id == PLATFORM_BOCHS && official && official->id == PLATFORM_BOCHS && !lab->elsewhere)
		score_left_out(lab->runs.at[lab->runs.n - 1], p, o->exceptions);
}

static void one_run(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
		    struct oracle *o)
{
	const struct platform *p = choose(g, spec);
	const char *skip = prerequisite(lab, spec);

	if (!p || p->why) {
		not_run(g, lab, spec, STATE_UNAVAILABLE, unavailable(g, spec, p));
	} else if (skip) {
		not_run(g, lab, spec, STATE_SKIPPED, skip);
	} else {
		hypervisor_run(g, lab, spec, p, o);
		native_benches(g, lab, p);
		ask_another(g, lab, spec, p, o);
	}
	leave_out(lab, spec, p, o);
	if (lab->runs.n)
		select_drop(g, lab->runs.at[lab->runs.n - 1]);
}

/* ---- the whole ---- */

/* Has a run that is wanted a guest with the lab's own guest kernel, whose tests the bare machine is asked
 * about? */
static bool kernel_wanted(const struct grader *g, const struct rubric *r)
{
	struct rubric_run spec;

	for (size_t i = 0; i < r->runs.n; i++)
		for (size_t k = 0; select_run(g, &r->runs.at[i], &spec) && k < spec.guests.n; k++) {
			const struct rubric_guest *guest = &spec.guests.at[k];

			if (!guest->ends && guest_image_same(&guest->image, &r->guest))
				return true;
		}
	return false;
}

static unsigned count_steps(const struct grader *g, const struct rubric *r)
{
	unsigned n = 1 + kernel_wanted(g, r); /* build, the guest kernel on the bare machine */
	struct rubric_run spec;

	for (size_t i = 0; i < r->runs.n; i++)
		n += select_run(g, &r->runs.at[i], &spec);
	for (size_t i = 0; i < r->units.n; i++)
		n += select_unit(g, &r->units.at[i]);
	return n;
}

/* False: the guest kernel itself is not right, and nothing can be graded with it. */
static bool kernel_runs(const struct grader *g, struct lab_result *lab)
{
	struct oracle_guest *kernel = oracle_guest(lab->oracle, &lab->rubric->guest, 0);
	const char *error;

	progress_begin("the guest on the bare machine");
	error = oracle_ask(lab->oracle, kernel);
	progress_end();
	if (!error) {
		keep_benches(lab, kernel->tcg->platform, &kernel->tcg->console, NATIVE_ENGINE, NATIVE_ENGINE);
		return true;
	}
	lab->state = STATE_INFRA_ERROR;
	lab->message = error;
	if (kernel->tcg)
		serial_tail(&kernel->tcg->machine.serial, &lab->tail);
	all_without(g, lab, STATE_INFRA_ERROR, error);
	return false;
}

/* Platform nested: the whole lab in one boot of Linux. */
static void runs_ahead(const struct grader *g, struct lab_result *lab)
{
	const struct platform *p = g->platform ? platform_named(g->platform) : NULL;
	VECTOR(struct rubric_run) specs = {0};
	struct rubric_run spec;

	if (!p || p->id != PLATFORM_NESTED || p->why)
		return;
	for (size_t i = 0; i < lab->rubric->runs.n; i++)
		if (select_run(g, &lab->rubric->runs.at[i], &spec) && !choose(g, &spec)->why)
			*vector_add(&specs) = spec;
	if (!specs.n)
		return;
	hypervisor_ahead(lab->oracle, specs.at, specs.n, p);
}

void lab_runs(const struct grader *g, struct lab_result *lab)
{
	struct rubric_run spec;

	runs_ahead(g, lab);

	for (size_t i = 0; i < lab->rubric->runs.n && !process_interrupted(); i++)
		if (select_run(g, &lab->rubric->runs.at[i], &spec))
			one_run(g, lab, &spec, lab->oracle);
}

static void grade_units(const struct grader *g, struct lab_result *lab)
{
	for (size_t i = 0; i < lab->rubric->units.n && !process_interrupted(); i++) {
		if (!select_unit(g, &lab->rubric->units.at[i]))
			continue;
		unit_grade(g, lab, &lab->rubric->units.at[i]);
		select_drop(g, lab->runs.at[lab->runs.n - 1]);
	}
}

static void units_without(const struct grader *g, struct lab_result *lab, const char *message)
{
	for (size_t i = 0; i < lab->rubric->units.n; i++) {
		const struct rubric_program *spec = &lab->rubric->units.at[i];
		struct run *run;
		struct test *t;

		if (!select_unit(g, spec))
			continue;
		run = xcalloc(1, sizeof(*run));
		*vector_add(&lab->runs) = run;
		run->name = run->what = spec->program;
		run->part = spec->part;
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

/* Does asking for the platform leave every run where it should be made? */
static bool is_official(const struct rubric *r, const char *platform)
{
	for (size_t i = 0; i < r->runs.n; i++) {
		const string_list *list = &r->runs.at[i].platforms;
		const char *name = platform_among(list, platform);

		if (!name || !platform_same(name, list->at[0]))
			return false;
	}
	return r->runs.n || !strcmp(platform, r->official);
}

void lab_begin(const struct grader *g, const struct rubric *r, struct lab_result *result)
{
	memset(result, 0, sizeof(*result));
	result->rubric = r;
	result->seed = g->seed;
	result->whole = !g->test && !g->part && !g->exercise;
	result->elsewhere = g->platform && !is_official(r, g->platform) ? g->platform : NULL;
	result->base = g->workspace.base;
}

bool lab_build(const struct grader *g, struct lab_result *lab)
{
	bool ok;

	progress_begin(g->images == g->build ? "build" : "build on your own layers");
	ok = g->no_build || build_lab(g, lab->rubric, &lab->message, &lab->tail);
	progress_end();
	if (ok) {
		lab->tail.n = 0;
		return true;
	}
	lab->state = STATE_BUILD_ERROR;
	all_without(g, lab, STATE_BUILD_ERROR, lab->message);
	return false;
}

const char *lab_logs(const struct grader *g, const struct rubric *r)
{
	return xprintf("%s/grader/logs/%s%s%s", g->images, r->id, r->track ? "-" : "",
		       r->track ? r->track : "");
}

/* All tracks are built together. The bare machine is asked anew for each: their runs want other tests of it.
 */
void lab_grade(const struct grader *g, const struct rubric *r, const struct platform_exceptions *e,
	       const struct lab_result *before, struct lab_result *result)
{
	struct grader built = *g;

	lab_begin(g, r, result);
	progress_total(count_steps(g, r));
	built.no_build |= before && before->state == STATE_PASS;
	if (!lab_build(&built, result)) {
		units_without(g, result, result->message);
		return;
	}
	result->oracle = xcalloc(1, sizeof(*result->oracle));
	*result->oracle = (struct oracle){.g = g, .rubric = r, .exceptions = e};
	if (!kernel_wanted(g, r) || kernel_runs(g, result))
		lab_runs(g, result);
	grade_units(g, result);
	score_unblocked(result);
	if (result->whole && !g->bench && !strcmp(result->base, BASE_OWN) && result->state == STATE_PASS)
		own_grade(g, result);
}
