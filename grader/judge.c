// SPDX-License-Identifier: MIT
/*
 * From what a hypervisor's run left behind to a state for each test.
 *
 * A pass counts when its line was authentic (protocol.c), its digest is that of the bare machine, and the run
 * came to a proper end: the guest's end record and a clean shutdown. Without the end nothing counts, because
 * what else went wrong is not known. A test that its engine cannot pass in theory is listed in the rubric,
 * and then its failure is the success.
 */
#include "grader/grader.h"

#include <inttypes.h>
#include <string.h>

struct judgement {
	const struct grader *g;
	const struct rubric *rubric;
	const struct rubric_run *spec;
	const struct platform *platform;
	struct oracle *oracle;
	unsigned guest; /* its number */
	struct run *run;
};

static enum state machine_state(enum machine_end end)
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
static enum state failed(const struct judgement *j, const char *name, struct test *t)
{
	const struct rubric_expected *e = rubric_expects_failure(j->rubric, j->spec->cpu, name);

	if (e) {
		t->message = e->reason;
		return STATE_EXPECTED_FAIL;
	}
	t->hint = rubric_hint(j->rubric, name);
	if (!t->hint)
		t->hint = t->group->hint;
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

static enum state judge_fail(const struct judgement *j, const char *name, const struct record *r,
			     struct test *t)
{
	const struct platform_exception *x;
	enum state s;
	u64 digest;

	t->expected = r->expected;
	t->actual = r->actual;
	t->at = r->at;
	t->message = r->what;
	s = failed(j, name, t);
	if (s == STATE_EXPECTED_FAIL)
		return s;
	x = exceptions_find(j->oracle->exceptions, j->platform->name, j->platform->model, name);
	if (x) {
		t->message =
			xprintf("%s itself gets this wrong: %s", platform_full_name(j->platform), x->reason);
		return STATE_UNAVAILABLE;
	}
	if (oracle_digest(j->oracle, j->guest, name, &digest) == VERDICT_FAILS) {
		t->message = "this test fails on the bare machine too";
		return STATE_INFRA_ERROR;
	}
	return s;
}

/* `end` is STATE_PASS when guest and machine came to a proper end. */
static void judge_test(const struct judgement *j, const struct console *c, enum state end, const char *name,
		       struct test *t)
{
	const struct record *r = console_find(c, name);

	if (!r) {
		t->state = end == STATE_PASS ? STATE_FAIL : end;
		t->message = end == STATE_PASS ? "the guest did not report this test"
					       : "the run did not get so far";
	} else if (r->state == RECORD_OPEN) {
		t->state = end == STATE_PASS ? STATE_FAIL : end;
		t->message = end == STATE_PASS ? "no result came" : "the run ended in this test";
	} else {
		t->state = r->state == RECORD_PASS ? judge_pass(j, name, r, t) : judge_fail(j, name, r, t);
		if (end != STATE_PASS && t->state != STATE_FAIL) {
			t->state = end;
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
		t->message = "no test of the guest kernel has such a name";
	}
}

static void judge_guest(const struct judgement *j, const struct rubric_guest *guest, const struct console *c,
			enum state end)
{
	string_list names = {0};

	oracle_tests(j->oracle, j->guest, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.at[i];
		const struct rubric_group *group = NULL;
		struct test *t;

		for (size_t k = 0; k < guest->groups.n && !group; k++)
			if (pattern_matches(guest->groups.at[k].tests, name))
				group = &guest->groups.at[k];
		if (!group)
			continue;
		t = vector_add(&j->run->tests);
		t->name = rubric_test_name(j->spec, guest, name);
		t->group = group;
		t->state = STATE_SKIPPED; /* not run, and to be dropped */
		if (select_test(j->g, t->name))
			judge_test(j, c, end, name, t);
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

/* Guests that had to be ended leave the hypervisor with a status; whether it is the right one shows in their
 * reports. */
static bool ends_some(const struct rubric_run *spec)
{
	for (size_t i = 0; i < spec->guests.n; i++)
		if (spec->guests.at[i].ends)
			return true;
	return false;
}

void judge_run(const struct grader *g, const struct lab_result *lab, const struct rubric_run *spec,
	       const struct machine *m, const struct console consoles[], const char *const ended[],
	       struct oracle *o, struct run *run)
{
	struct judgement j = {g, lab->rubric, spec, m->platform, o, 0, run};

	run->state = machine_state(m->end);
	run->message = m->message;
	if (m->end == MACHINE_STATUS && ends_some(spec)) {
		run->state = STATE_PASS;
		run->message = NULL;
	}
	for (size_t i = 0; i < spec->guests.n; i++) {
		const char *incomplete = console_incomplete(&consoles[i]);
		enum state end = run->state;

		if (spec->guests.at[i].ends) {
			judge_ending(&j, &spec->guests.at[i], ended[i]);
			continue;
		}
		run->lived |= consoles[i].accepted > 0;
		if (incomplete && end == STATE_PASS)
			end = STATE_CRASH;
		j.guest = (unsigned)i;
		judge_guest(&j, &spec->guests.at[i], &consoles[i], end);
		if (!incomplete)
			incomplete = consoles[i].complaint;
		if (!incomplete)
			continue;
		if (spec->guests.n > 1)
			incomplete = xprintf("guest %s: %s", spec->guests.at[i].name, incomplete);
		run->message = run->message ? xprintf("%s; %s", run->message, incomplete) : incomplete;
		if (run->state == STATE_PASS)
			run->state = end == STATE_PASS ? STATE_FAIL : end;
	}
}

void run_without_tests(struct run *run, const struct rubric_run *spec, enum state state, const char *message)
{
	run->state = state;
	run->message = message;
	for (size_t i = 0; i < spec->guests.n; i++) {
		const struct rubric_guest *guest = &spec->guests.at[i];

		for (size_t k = 0; k < guest->groups.n; k++) {
			struct test *t = vector_add(&run->tests);

			t->group = &guest->groups.at[k];
			t->name = rubric_test_name(spec, guest, t->group->tests);
			t->state = state;
			t->message = message;
		}
	}
}
