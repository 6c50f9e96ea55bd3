// SPDX-License-Identifier: MIT
/*
 * From what a hypervisor's run left behind to a state for each test.
 *
 * A pass counts when its line was authentic (protocol.c), its digest is that of the bare machine, and the run
 * came to a proper end: the guest's end record and a clean shutdown. An improper end is charged to what was
 * not done: to a test, where the guest was started again behind it (restart.c), or to those of several guests
 * whose consoles are not complete. What was complete before stands. An end that nobody can be charged with
 * takes everything, because what else went wrong is not known. A test that its engine cannot pass in theory
 * is listed in the rubric, and then its failure is the success.
 */
#include "grader/grader.h"

#include <inttypes.h>
#include <string.h>

struct judgement {
	const struct grader *g;
	const struct rubric *rubric;
	const struct rubric_run *spec;
	const struct aftermath *after;
	struct oracle *oracle;
	struct run *run;
	/* The guest in hand. */
	unsigned number;
	struct oracle_guest *guest; /* NULL: one that has to be ended */
	enum state end;             /* STATE_PASS when guest and machine came to a proper end */
};

enum state machine_state(enum machine_end end)
{
	switch (end) {
	case MACHINE_CLEAN:
		return STATE_PASS;
	case MACHINE_STATUS:
	case MACHINE_CRASH:
	case MACHINE_FLOOD:
		return STATE_CRASH;
	case MACHINE_TIMEOUT:
	case MACHINE_HALTED:
		return STATE_TIMEOUT;
	case MACHINE_TROUBLE:
	case MACHINE_INTERRUPTED:
		return STATE_INFRA_ERROR;
	}
	return STATE_INFRA_ERROR;
}

/* A test that did not pass: as foretold, or not. */
static void add_hint(const struct judgement *j, const char *name, struct test *t)
{
	t->hint = rubric_hint(j->rubric, name);
	if (!t->hint)
		t->hint = t->group->hint;
}

static enum state failed(const struct judgement *j, const char *name, struct test *t)
{
	const struct rubric_expected *e = rubric_expects_failure(j->rubric, j->spec->cpu, name);

	if (e) {
		t->message = e->reason;
		return STATE_EXPECTED_FAIL;
	}
	add_hint(j, name, t);
	return STATE_FAIL;
}

static enum state judge_pass(const struct judgement *j, const char *name, const struct record *r,
			     struct test *t)
{
	const struct rubric_expected *e = rubric_expects_failure(j->rubric, j->spec->cpu, name);
	u64 digest;

	switch (oracle_digest(j->oracle, j->guest, name, &digest)) {
	case VERDICT_KNOWN:
		break;
	case VERDICT_FAILS:
		t->message = "this test fails on the bare machine too";
		return STATE_INFRA_ERROR;
	case VERDICT_MISSING:
		t->message = j->g->exercise
				     ? "only Bochs knows what is right here: grade the whole lab"
				     : "only Bochs knows what is right here, and Bochs is not available";
		return STATE_UNAVAILABLE;
	}
	if (digest != r->digest) {
		t->expected = xprintf("digest %016" PRIx64, digest);
		t->actual = xprintf("digest %016" PRIx64, r->digest);
		t->message = "the guest says pass, but saw other values than on the bare machine";
		return failed(j, name, t);
	}
	if (e) {
		t->message = xprintf("listed as an expected failure: %s", e->reason);
		return STATE_UNEXPECTED_PASS;
	}
	return STATE_PASS;
}

/* Is the test listed for the platform, or for the emulator that executes its instructions? */
static bool platform_is_wrong(const struct judgement *j, const char *name, struct test *t)
{
	const struct platform *p = j->after->platform;
	const struct platform_exception *x = exceptions_find(j->oracle->exceptions, p->name, p->model, name);

	if (!x) {
		p = platform_beneath(p);
		x = exceptions_find(j->oracle->exceptions, p->name, p->model, name);
	}
	if (x)
		t->message = xprintf("%s itself gets this wrong: %s", platform_full_name(p), x->reason);
	return x;
}

static enum state judge_fail(const struct judgement *j, const char *name, const struct record *r,
			     struct test *t)
{
	enum state s;
	u64 digest;

	t->expected = r->expected;
	t->actual = r->actual;
	t->at = r->at;
	t->message = r->what;
	s = failed(j, name, t);
	if (s == STATE_EXPECTED_FAIL)
		return s;
	if (platform_is_wrong(j, name, t))
		return STATE_UNAVAILABLE;
	if (oracle_digest(j->oracle, j->guest, name, &digest) == VERDICT_FAILS) {
		t->message = "this test fails on the bare machine too";
		return STATE_INFRA_ERROR;
	}
	return s;
}

/* The guest or the run ended in this test. */
static void judge_charged(const struct judgement *j, const char *name, enum state state, const char *message,
			  struct test *t)
{
	t->state = state;
	t->message = message;
	t->charged = true;
	add_hint(j, name, t);
}

/* It never began. */
static void judge_missing(const struct judgement *j, const char *name, struct test *t)
{
	const struct chain *c = &j->after->chain;

	if (c->stopped) {
		t->state = c->charges.at[c->charges.n - 1].state;
		t->message = xprintf("not tried: %s", c->stopped);
		t->not_tried = true;
		return;
	}
	if (j->end == STATE_PASS &&
	    platform_is_wrong(j, name, t)) { /* the guest does not see the feature there */
		t->state = STATE_UNAVAILABLE;
		return;
	}
	t->state = j->end == STATE_PASS ? STATE_FAIL : j->end;
	t->message =
		j->end == STATE_PASS ? "the guest did not report this test" : "the run did not get so far";
}

static void judge_test(const struct judgement *j, const char *name, struct test *t)
{
	const struct record *r = console_find(&j->after->consoles[j->number], name);
	const struct charge *charge = restart_charge(&j->after->chain, name);
	const char *ended = j->after->ended[j->number];

	if (charge) {
		judge_charged(j, name, charge->state, charge->message, t);
	} else if (!r) {
		judge_missing(j, name, t);
	} else if (r->state == RECORD_OPEN && j->end != STATE_PASS) {
		judge_charged(j, name, j->end,
			      ended ? xprintf("the guest ended in this test: %s", ended)
				    : "the run ended in this test",
			      t);
	} else if (r->state == RECORD_OPEN) {
		t->state = STATE_FAIL;
		t->message = "no result came";
	} else {
		t->state = r->state == RECORD_PASS ? judge_pass(j, name, r, t) : judge_fail(j, name, r, t);
		if (j->end != STATE_PASS && t->state != STATE_FAIL) {
			t->state = j->end;
			t->message = "has a result, but the run did not end properly";
		}
	}
}

/* A pattern that takes no test would lose its points without a word. */
static void check_groups(const struct judgement *j, const struct rubric_guest *guest)
{
	for (size_t k = 0; k < guest->groups.n && !select_some(j->g); k++) {
		const struct rubric_group *group = &guest->groups.at[k];
		struct test *t;
		size_t i = 0;

		while (i < j->run->tests.n && j->run->tests.at[i].group != group)
			i++;
		if (i < j->run->tests.n)
			continue;
		t = vector_add(&j->run->tests);
		t->name = group->tests;
		t->group = group;
		t->state = STATE_INFRA_ERROR;
		t->message = "no test of the guest has such a name";
	}
}

/* An entry for a test of a guest in the first group that takes it; NULL: none does. */
static struct test *add_test(struct run *run, const struct rubric_run *spec, const struct rubric_guest *guest,
			     const char *name, enum state state)
{
	for (size_t k = 0; k < guest->groups.n; k++) {
		struct test *t;

		if (!pattern_matches(guest->groups.at[k].tests, name))
			continue;
		t = vector_add(&run->tests);
		t->name = rubric_test_name(spec, guest, name);
		t->group = &guest->groups.at[k];
		t->state = state;
		return t;
	}
	return NULL;
}

static void judge_guest(const struct judgement *j, const struct rubric_guest *guest)
{
	string_list names = {0};

	oracle_tests(j->oracle, j->guest, &names);
	for (size_t i = 0; i < names.n; i++) {
		struct test *t = add_test(j->run, j->spec, guest, names.at[i], STATE_SKIPPED);

		if (t && select_test(j->g, t->name)) /* otherwise not run, and to be dropped */
			judge_test(j, names.at[i], t);
	}
	check_groups(j, guest);
}

/* A guest that had to come to a bad end: what did the hypervisor say of it? */
static void judge_ending(const struct judgement *j, const struct rubric_guest *guest, const char *ended)
{
	struct test *t = vector_add(&j->run->tests);

	t->group = &guest->groups.at[0];
	t->name = t->group->tests;
	if (ended && strstr(ended, guest->ends)) {
		t->state = STATE_PASS;
		return;
	}
	t->state = j->run->state == STATE_PASS ? STATE_FAIL : j->run->state;
	t->hint = t->group->hint;
	t->expected = xprintf("a report with \"%s\"", guest->ends);
	t->actual = ended ? ended : "no report";
	t->message = "the hypervisor has to end this guest and say why";
}

/* Has this guest done what it had to do? */
static bool is_done(const struct judgement *j, size_t i)
{
	const char *ended = j->after->ended[i];

	if (j->spec->guests.at[i].ends)
		return ended != NULL;
	return !ended && !console_incomplete(&j->after->consoles[i]);
}

/* The machine's end, as the run has to answer for it. A hypervisor that ends a guest leaves with a status;
 * whether it was right to do so shows in its report. */
static enum state end_of_machine(const struct judgement *j)
{
	const struct aftermath *a = j->after;

	for (size_t i = 0; i < a->count && a->end == MACHINE_STATUS; i++)
		if (a->ended[i] || j->spec->guests.at[i].ends)
			return STATE_PASS;
	return machine_state(a->end);
}

/* How the end of the machine, with that state, counts for a guest. */
static enum state end_of_guest(const struct judgement *j, size_t i, enum state machine)
{
	if (j->after->chain.charges.n && !j->after->chain.broken)
		return STATE_PASS; /* charged to tests */
	if (!is_done(j, i))
		return machine == STATE_PASS ? STATE_CRASH : machine;
	if (machine == STATE_INFRA_ERROR)
		return machine;
	for (size_t k = 0; k < j->after->count; k++)
		if (!is_done(j, k))
			return STATE_PASS; /* charged to that guest */
	return machine;
}

/* What is to be said of a guest; NULL: nothing. */
static const char *words_on_guest(const struct judgement *j, size_t i)
{
	const struct aftermath *a = j->after;
	const char *words = console_incomplete(&a->consoles[i]);
	bool one = j->spec->guests.n == 1;

	if (a->chain.charges.n && !a->chain.broken)
		return a->consoles[i].complaint;
	if (a->ended[i])
		return one ? xprintf("the guest ended: %s", a->ended[i])
			   : xprintf("guest %s ended: %s", j->spec->guests.at[i].name, a->ended[i]);
	if (!words)
		words = a->consoles[i].complaint;
	return !words || one ? words : xprintf("guest %s: %s", j->spec->guests.at[i].name, words);
}

static void judge_machine(const struct judgement *j)
{
	const struct chain *c = &j->after->chain;

	j->run->state = end_of_machine(j);
	j->run->message = j->run->state == STATE_PASS ? NULL : j->after->message;
	if (!c->charges.n || c->broken)
		return;
	j->run->state = c->charges.at[0].state;
	j->run->message = restart_words(c);
}

void judge_run(const struct grader *g, const struct lab_result *lab, const struct rubric_run *spec,
	       const struct aftermath *a, struct oracle *o, struct run *run)
{
	struct judgement j = {
		.g = g, .rubric = lab->rubric, .spec = spec, .after = a, .oracle = o, .run = run};
	enum state machine = end_of_machine(&j);

	judge_machine(&j);
	for (size_t i = 0; i < spec->guests.n; i++) {
		const struct rubric_guest *guest = &spec->guests.at[i];
		const char *words;

		if (guest->ends) {
			judge_ending(&j, guest, a->ended[i]);
			continue;
		}
		run->lived |= a->consoles[i].accepted > 0 || a->consoles[i].records.n;
		j.number = (unsigned)i;
		j.guest = oracle_guest(o, &guest->image, j.number);
		j.end = end_of_guest(&j, i, machine);
		judge_guest(&j, guest);
		words = words_on_guest(&j, i);
		if (!words)
			continue;
		run->message = run->message ? xprintf("%s; %s", run->message, words) : words;
		if (run->state == STATE_PASS)
			run->state = j.end == STATE_PASS ? STATE_FAIL : j.end;
	}
}

/* The tests of guest number i by their names where the bare machine was asked for them, otherwise an entry
 * for each group. */
static void guest_without_tests(struct run *run, const struct rubric_run *spec, unsigned i, struct oracle *o)
{
	const struct rubric_guest *guest = &spec->guests.at[i];
	const struct oracle_guest *known = o && !guest->ends ? oracle_guest(o, &guest->image, i) : NULL;
	string_list names = {0};

	if (known && known->tcg && !known->tcg->error)
		oracle_tests(o, known, &names);
	for (size_t k = 0; !names.n && k < guest->groups.n; k++)
		strings_add(&names, guest->groups.at[k].tests);
	for (size_t k = 0; k < names.n; k++) {
		struct test *t = add_test(run, spec, guest, names.at[k], run->state);

		if (t)
			t->message = run->message;
	}
}

void run_without_tests(struct run *run, const struct rubric_run *spec, struct oracle *o, enum state state,
		       const char *message)
{
	run->state = state;
	run->message = message;
	for (unsigned i = 0; i < spec->guests.n; i++)
		guest_without_tests(run, spec, i, o);
}
