// SPDX-License-Identifier: MIT
/*
 * The lab on the student's own earlier layers. What counts was graded on the given ones, so that an old
 * mistake is not paid for twice; this says what the student's own chain is worth.
 *
 * Only the hypervisor is another one. The bare machine's answers are the same, and the results of the lab's
 * unit tests are taken over.
 */
#include "grader/grader.h"

#include <stdio.h>
#include <string.h>

#define MAX_SHOWN 12

void own_grade(const struct grader *g, struct lab_result *official)
{
	struct lab_result *lab = xcalloc(1, sizeof(*lab));
	struct grader own = *g;

	own.images = xprintf("%s/%s", g->build, BASE_OWN);
	official->own = lab;
	lab_begin(&own, official->rubric, lab);
	lab->oracle = official->oracle;
	if (lab_build(&own, lab))
		lab_runs(&own, lab);
	for (size_t i = 0; i < official->runs.n; i++)
		if (!official->runs.at[i]->cpu)
			*vector_add(&lab->runs) = official->runs.at[i];
	score_unblocked(lab);
}

/* ---- for people ---- */

static const struct test *test_of(const struct lab_result *lab, const char *run, const char *name)
{
	for (size_t r = 0; r < lab->runs.n; r++) {
		const struct run *at = lab->runs.at[r];

		for (size_t i = 0; i < at->tests.n && !strcmp(at->name, run); i++)
			if (!strcmp(at->tests.at[i].name, name))
				return &at->tests.at[i];
	}
	return NULL;
}

static void print_difference(const struct run *run, const struct test *given, const struct test *own)
{
	printf("  %s  %s: %s, on the given layers %s\n", run->name, own->name, state_names[own->state],
	       given ? state_names[given->state] : "not there");
	if (!state_is_success(own->state) && own->message)
		printf("    %s\n", own->message);
}

void report_own(const struct lab_result *lab)
{
	const struct lab_result *own = lab->own;
	unsigned shown = 0;

	if (!own)
		return;
	printf("\n%sOn your own layers: %.2f of %s points%s\n", colour(COLOUR_BOLD),
	       (double)lab_score(own) / POINT, report_max(lab_max(own)), colour(COLOUR_NONE));
	if (own->state != STATE_PASS) {
		printf("  %s: %s\n", state_names[own->state], own->message);
		for (size_t i = 0; i < own->tail.n; i++)
			printf("      | %s\n", own->tail.at[i]);
		return;
	}
	for (size_t r = 0; r < own->runs.n; r++) {
		const struct run *run = own->runs.at[r];

		for (size_t i = 0; i < run->tests.n; i++) {
			const struct test *given = test_of(lab, run->name, run->tests.at[i].name);

			if (given && given->state == run->tests.at[i].state)
				continue;
			if (shown++ < MAX_SHOWN)
				print_difference(run, given, &run->tests.at[i]);
		}
	}
	if (shown > MAX_SHOWN)
		printf("  ... and %u more\n", shown - MAX_SHOWN);
}
