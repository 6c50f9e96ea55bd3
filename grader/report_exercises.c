// SPDX-License-Identifier: MIT
/*
 * Where a student stands: a table of the exercises, and what comes next, with all that helps to begin. After
 * one exercise alone (--exercise) the same for that one.
 */
#include "grader/grader.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH 47 /* as far as the points in the table of the groups */

static void print_row(const struct rubric_exercise *e, const struct exercise_score *s)
{
	static const enum colour colours[EXERCISE_STATES] = {
		[EXERCISE_OPEN] = COLOUR_RED,
		[EXERCISE_DONE] = COLOUR_GREEN,
		[EXERCISE_UNBLOCKED] = COLOUR_YELLOW,
	};

	printf("%s%-*s%s %7.2f %5s  %s%s%s\n", colour(COLOUR_BOLD), NAME_WIDTH,
	       xprintf("%s  %s", e->id, e->name), colour(COLOUR_NONE), (double)s->score / POINT,
	       report_max(s->max), colour(colours[s->state]), exercise_states[s->state], colour(COLOUR_NONE));
}

/* What the hypervisor said first of an exercise that it needed. */
static const char *first_missing(const struct lab_result *lab)
{
	for (size_t i = 0; i < lab->runs.n; i++)
		if (lab->runs.at[i]->missing)
			return lab->runs.at[i]->missing;
	return NULL;
}

/* Of another exercise only where one alone was asked for: otherwise that is further on, and not next. */
static void print_said(const struct grader *g, const struct lab_result *lab, const struct rubric_exercise *e)
{
	const char *begin = xprintf("exercise %s ", e->id), *missing = first_missing(lab);

	if (missing && !strncmp(missing, begin, strlen(begin)))
		printf("  the hypervisor says: %s\n", missing);
	else if (missing && g->exercise)
		printf("  needed before: %s\n", missing);
}

/* A workspace knows its track. */
static const char *track_option(const struct grader *g, const struct rubric *r)
{
	const char *known = g->workspace.track;

	return r->track && (!known || strcmp(known, r->track)) ? xprintf(" TRACK=%s", r->track) : "";
}

static void print_next(const struct grader *g, const struct lab_result *lab, const struct rubric_exercise *e)
{
	const char *places = "";

	for (size_t i = 0; i < e->where.n; i++)
		places = xprintf("%s%s%s", places, i ? "; " : "", e->where.at[i]);
	printf("\n%sNext: %s %s%s - %s   (about %u hour%s)\n", colour(COLOUR_BOLD), e->id, e->name,
	       colour(COLOUR_NONE), places, e->hours, e->hours == 1 ? "" : "s");
	print_said(g, lab, e);
	printf("  expected now: %s\n", e->expect);
	printf("  read: %s\n", e->read);
	if (g->course.hints)
		printf("  stuck: make hint EX=%s%s\n", e->id + 1, track_option(g, lab->rubric));
}

/* How many tests of an exercise nobody could judge. */
static unsigned count_left(const struct lab_result *lab, const struct rubric_exercise *e)
{
	unsigned n = 0;

	for (size_t r = 0; r < lab->runs.n; r++)
		for (size_t i = 0; i < lab->runs.at[r]->tests.n; i++)
			n += lab->runs.at[r]->tests.at[i].state == STATE_UNAVAILABLE &&
			     rubric_exercise_of(lab->rubric, lab->runs.at[r]->part,
						lab->runs.at[r]->tests.at[i].name) == e;
	return n;
}

void report_exercises(const struct grader *g, const struct lab_result *lab)
{
	const struct rubric_exercise *next = NULL;
	unsigned unblocked = 0, left;

	if (!lab->rubric->exercises.n || (!lab->whole && !g->exercise) || lab->state != STATE_PASS)
		return;
	printf("\n%s%-*s %7s %5s  %s%s\n", colour(COLOUR_DIM), NAME_WIDTH, "exercise", "points", "of",
	       "state", colour(COLOUR_NONE));
	for (size_t i = 0; i < lab->rubric->exercises.n; i++) {
		const struct rubric_exercise *e = &lab->rubric->exercises.at[i];
		struct exercise_score s = score_exercise(lab, e);

		if (g->exercise && g->exercise != e)
			continue;
		print_row(e, &s);
		unblocked += s.state == EXERCISE_UNBLOCKED;
		if (!next && s.state == EXERCISE_OPEN)
			next = e;
	}
	left = g->exercise ? count_left(lab, g->exercise) : 0;
	if (left)
		printf("%u test%s left out, since only Bochs can judge them: make grade LAB=%s%s\n", left,
		       left == 1 ? " was" : "s were", lab->rubric->id, track_option(g, lab->rubric));
	if (next)
		print_next(g, lab, next);
	else if (!g->exercise)
		printf("%s\n", unblocked ? "No exercise is open." : "All exercises are done.");
}
