// SPDX-License-Identifier: MIT
/*
 * The table on the terminal: a line a group, then what is not as it should be with all that helps to mend it,
 * the benches, the points. A test whose run did not end properly is told once, with its run, and not a
 * hundred times.
 */
#include "grader/grader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_SHOWN  12 /* tests that are shown in full */
#define NAME_WIDTH 40

/* A word of the command line, quoted where the shell would not take it as it is. It passes through make, for
 * which two dollars are one. */
static const char *shell_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%";
	const char *quoted = "'";

	if (*word && !word[strspn(word, plain)])
		return word;
	for (; *word; word++)
		quoted = *word == '\''  ? xprintf("%s'\\''", quoted)
			 : *word == '$' ? xprintf("%s$$", quoted)
					: xprintf("%s%c", quoted, *word);
	return xprintf("%s'", quoted);
}

static const char *track_option(const struct rubric *r)
{
	return r->track ? xprintf(" TRACK=%s", r->track) : "";
}

const char *command_again(const struct grader *g, const struct lab_result *lab, const char *test)
{
	const char *what = test          ? xprintf(" TEST=%s", shell_word(test))
			   : g->exercise ? xprintf(" EX=%s", g->exercise->id + 1)
					 : "";
	const char *platform = g->platform ? xprintf(" PLATFORM=%s", shell_word(g->platform)) : "";

	return xprintf("make grade LAB=%s%s%s%s SEED=0x%016" PRIx64, lab->rubric->id,
		       track_option(lab->rubric), what, platform, lab->seed);
}

const char *report_max(unsigned max)
{
	return max % POINT ? xprintf("%.2f", (double)max / POINT) : xprintf("%u", max / POINT);
}

/* ---- the table of groups ---- */

struct count {
	unsigned states[STATE_COUNT], n;
	unsigned points, max;
};

static struct count count_group(const struct run *run, const struct rubric_group *group)
{
	struct count c = {0};

	for (size_t i = 0; i < run->tests.n; i++) {
		const struct test *t = &run->tests.at[i];

		if (t->group != group)
			continue;
		c.states[t->state]++;
		c.n++;
		c.points += t->points;
		c.max += t->max;
	}
	return c;
}

/* "31 pass, 4 expected_fail, 1 fail" */
static const char *count_words(const struct count *c)
{
	const char *words = "";

	for (unsigned s = 0; s < STATE_COUNT; s++)
		if (c->states[s])
			words = xprintf("%s%s%u %s", words, *words ? ", " : "", c->states[s], state_names[s]);
	return words;
}

static const char *group_name(const struct run *run, const struct rubric_group *group)
{
	return group->program ? group->program->program : xprintf("%s  %s", run->name, group->tests);
}

static const char *group_colour(const struct count *c)
{
	unsigned good =
		c->states[STATE_PASS] + c->states[STATE_EXPECTED_FAIL] + c->states[STATE_NOT_APPLICABLE];

	if (good == c->n)
		return colour(COLOUR_GREEN);
	return colour(good + c->states[STATE_UNAVAILABLE] == c->n ? COLOUR_YELLOW : COLOUR_RED);
}

static void print_group(const struct run *run, const struct rubric_group *group)
{
	struct count c = count_group(run, group);

	printf("%s%-*s%s %-6s %7.2f %4s  %s%s%s\n", colour(COLOUR_BOLD), NAME_WIDTH, group_name(run, group),
	       colour(COLOUR_NONE), run->platform ? run->platform : "", (double)c.points / POINT,
	       report_max(c.max), group_colour(&c), count_words(&c), colour(COLOUR_NONE));
}

static void print_groups(const struct lab_result *lab)
{
	printf("%s%-*s %-6s %7s %4s  %s%s\n", colour(COLOUR_DIM), NAME_WIDTH, "run, tests", "on", "points",
	       "of", "result", colour(COLOUR_NONE));
	for (size_t r = 0; r < lab->runs.n; r++) {
		const struct run *run = lab->runs.at[r];

		for (size_t i = 0; i < run->tests.n; i++) {
			bool first = true;

			for (size_t k = 0; k < i && first; k++)
				first = run->tests.at[k].group != run->tests.at[i].group;
			if (first)
				print_group(run, run->tests.at[i].group);
		}
	}
}

/* ---- what went wrong ---- */

static void print_tail(const string_list *tail)
{
	for (size_t i = 0; i < tail->n; i++)
		printf("      %s| %s%s\n", colour(COLOUR_DIM), tail->at[i], colour(COLOUR_NONE));
}

static void print_state(enum state s, const char *what)
{
	bool bad = s != STATE_UNAVAILABLE && s != STATE_SKIPPED;

	printf("\n%s%s%s %s\n", colour(bad ? COLOUR_RED : COLOUR_YELLOW), state_names[s], colour(COLOUR_NONE),
	       what);
}

static void print_test(const struct grader *g, const struct lab_result *lab, const struct run *run,
		       const struct test *t)
{
	print_state(t->state, xprintf("%s  (%s)", t->name, run->what));
	if (t->expected && t->actual)
		printf("    expected %s, got %s\n", t->expected, t->actual);
	if (t->message)
		printf("    %s\n", t->message);
	if (t->at)
		printf("    at %s\n", t->at);
	if (t->hint)
		printf("    hint: %s\n", t->hint);
	printf("    again: %s\n", command_again(g, lab, t->name));
}

/* The test in which a run ended is the one to look at. */
static bool worth_showing(const struct run *run, const struct test *t)
{
	if (state_is_success(t->state) || t->state == STATE_NOT_APPLICABLE || t->not_tried)
		return false;
	return t->charged || t->state != run->state || t->state == STATE_PASS || t->state == STATE_FAIL;
}

static void print_run(const struct grader *g, const struct lab_result *lab, const struct run *run,
		      unsigned *shown)
{
	if (run->state != STATE_PASS || run->message) {
		print_state(run->state, run->what);
		printf("    %s\n", run->message ? run->message : "the run is not complete");
		print_tail(&run->tail);
		if (run->log)
			printf("    whole output: %s\n", run->log);
		printf("    again: %s\n", command_again(g, lab, run->cpu || g->exercise ? NULL : "unit/*"));
	}
	for (size_t i = 0; i < run->tests.n; i++)
		if (worth_showing(run, &run->tests.at[i]) && (*shown)++ < MAX_SHOWN)
			print_test(g, lab, run, &run->tests.at[i]);
}

/* ---- benches ---- */

/* The same bench on the bare machine of the same platform. */
static const struct bench_result *native_bench(const struct lab_result *lab, const struct bench_result *b)
{
	for (size_t i = 0; i < lab->benches.n; i++) {
		const struct bench_result *n = &lab->benches.at[i];

		if (!strcmp(n->cpu, NATIVE_ENGINE) && !strcmp(n->platform, b->platform) &&
		    !strcmp(n->bench.name, b->bench.name))
			return n;
	}
	return NULL;
}

static void print_bench(const struct lab_result *lab, const struct bench_result *b)
{
	const struct bench_result *native = native_bench(lab, b);
	double n = (double)b->bench.iterations, ticks = (double)b->bench.total[BENCH_TICKS] / n;

	printf("%-22s %-6s %-7s %-7s %12.1f", b->bench.name, b->platform, b->cpu, b->mem, ticks);
	if (native && native->bench.total[BENCH_TICKS])
		printf(" %8.1f",
		       ticks / ((double)native->bench.total[BENCH_TICKS] / (double)native->bench.iterations));
	else
		printf(" %8s", "-");
	for (unsigned k = BENCH_EXITS; k < BENCH_COLUMNS; k++)
		printf(" %7.2f", (double)b->bench.total[k] / n);
	if (cost_model(b) != NO_COST_MODEL)
		printf(" %9.0f\n", cost_model(b));
	else
		printf(" %9s\n", "-");
}

/* Is this the first of its name? */
static bool first_of_name(const struct lab_result *lab, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(lab->benches.at[k].bench.name, lab->benches.at[i].bench.name))
			return false;
	return true;
}

void report_benches(const struct lab_result *lab)
{
	const struct platform *p;
	bool engines = false;

	for (size_t i = 0; i < lab->benches.n; i++)
		engines |= strcmp(lab->benches.at[i].cpu, NATIVE_ENGINE) != 0;
	if (!engines)
		return;
	p = platform_named(lab->benches.at[lab->benches.n - 1].platform);
	printf("\n%s%-22s %-6s %-7s %-7s %12s %8s %7s %7s %7s %7s %7s %9s%s\n", colour(COLOUR_DIM),
	       "one operation", "on", "cpu", "mem", p ? p->unit : "ticks", "native=1", "exits", "hidden",
	       "roots", "flushes", "walk", "model", colour(COLOUR_NONE));
	for (size_t i = 0; i < lab->benches.n; i++) {
		if (!first_of_name(lab, i))
			continue;
		for (size_t k = i; k < lab->benches.n; k++)
			if (!strcmp(lab->benches.at[k].bench.name, lab->benches.at[i].bench.name))
				print_bench(lab, &lab->benches.at[k]);
	}
	printf("model: cycles on hardware, by published weights and not by measurement (grader/cost.c)\n");
}

/* ---- KVM around the hypervisor ---- */

static void print_kvm(const struct grader *g, const struct lab_result *lab)
{
	bool any = false;

	for (size_t r = 0; r < lab->runs.n; r++) {
		const struct run *run = lab->runs.at[r];

		if (!run->kvm.exits)
			continue;
		if (!any)
			printf("\n%s%-29s %13s %9s %9s %9s %11s%s\n", colour(COLOUR_DIM),
			       xprintf("KVM's counters, %s", g->platform), "instructions", "exits", "for I/O",
			       "emulated", "nested_run", colour(COLOUR_NONE));
		any = true;
		printf("%-29s %13" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %11" PRIu64 "\n",
		       run->name, run->kvm.ticks, run->kvm.exits, run->kvm.io_exits, run->kvm.emulated,
		       run->kvm.nested);
	}
}

/* ---- the whole ---- */

void report_lab(const struct grader *g, const struct lab_result *lab)
{
	unsigned shown = 0, score = lab_score(lab), max = lab_max(lab);
	const char *why = lab_informational(lab);

	printf("\n%sLab %s: %s%s%s%s   seed 0x%016" PRIx64 "\n\n", colour(COLOUR_BOLD), lab->rubric->id,
	       lab->rubric->name, lab->rubric->track ? ", track " : "",
	       lab->rubric->track ? lab->rubric->track : "", colour(COLOUR_NONE), lab->seed);
	print_groups(lab);
	if (lab->state != STATE_PASS) {
		print_state(lab->state, lab->message ? lab->message : "");
		print_tail(&lab->tail);
	} else {
		for (size_t r = 0; r < lab->runs.n; r++)
			print_run(g, lab, lab->runs.at[r], &shown);
	}
	if (shown > MAX_SHOWN)
		printf("\n... and %u more; all of them are in %s\n", shown - MAX_SHOWN, g->results);
	report_benches(lab);
	print_kvm(g, lab);
	report_exercises(g, lab);
	report_own(lab);
	printf("\n%sTotal %.2f of %s points%s%s\n", colour(COLOUR_BOLD), (double)score / POINT,
	       report_max(max), why ? xprintf(" (%s)", why) : "", colour(COLOUR_NONE));
}

void report_tracks(const struct lab_result *best)
{
	const char *others = "";

	for (size_t i = 0; i < best->others.n; i++)
		others = xprintf("%s; track %s has %.2f", others, best->others.at[i]->rubric->track,
				 (double)lab_score(best->others.at[i]) / POINT);
	if (best->others.n)
		printf("\n%sLab %s: %.2f of %s points, those of track %s%s%s\n", colour(COLOUR_BOLD),
		       best->rubric->id, (double)lab_score(best) / POINT, report_max(lab_max(best)),
		       best->rubric->track, colour(COLOUR_NONE), others);
}
