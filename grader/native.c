// SPDX-License-Identifier: MIT
/*
 * grade --native: is the guest kernel itself right, and every other guest that a rubric names? Each runs on
 * the bare machine of each emulator, and three things must hold: every test passes, but for the listed faults
 * of that emulator, and those fail; a test gives the same digest everywhere; and the same seed gives the same
 * output to the last byte. Only then is it an oracle for hypervisors.
 */
#include "grader/grader.h"

#include <stdio.h>
#include <string.h>

#define PLATFORMS  4
#define NAME_WIDTH 34
#define CELL_WIDTH 15

static const char *const names[PLATFORMS] = {"tcg", "bochs:" BOCHS_INTEL, "bochs:" BOCHS_OLDER,
					     "bochs:" BOCHS_AMD};
static const char *const titles[PLATFORMS] = {"tcg", "bochs skylake", "bochs haswell", "bochs ryzen"};

/* One image on all platforms. */
struct check {
	const struct guest_image *image;
	const struct platform_exceptions *exceptions;
	struct native *runs[PLATFORMS]; /* NULL: not available here */
	unsigned problems;
};

static void problem(struct check *c, const char *sentence)
{
	c->problems++;
	printf("%s%s%s\n", colour(COLOUR_RED), sentence, colour(COLOUR_NONE));
}

static void run_platform(const struct grader *g, struct check *c, unsigned i)
{
	const struct platform *p = platform_named(names[i]);
	struct native *first, *second;

	if (p->why) {
		printf("%s: %s\n", names[i], p->why);
		return;
	}
	first = xcalloc(1, sizeof(*first));
	second = xcalloc(1, sizeof(*second));
	first->keep = second->keep = true;
	progress_begin(xprintf("%s on %s", c->image->native, names[i]));
	native_run(g, c->image, c->exceptions, p, 0, "bench=1", first);
	progress_end();
	c->runs[i] = first;
	if (first->error) {
		string_list tail = {0};

		problem(c, xprintf("%s: %s", names[i], first->error));
		serial_tail(&first->machine.serial, &tail);
		for (size_t k = 0; k < tail.n; k++)
			printf("    | %s\n", tail.at[k]);
		return;
	}
	progress_begin(xprintf("%s on %s, once more", c->image->native, names[i]));
	native_run(g, c->image, c->exceptions, p, 0, "bench=1", second);
	progress_end();
	if (first->text_used != second->text_used || memcmp(first->text, second->text, first->text_used))
		problem(c, xprintf("%s: two runs with the same seed differ", names[i]));
}

/* The digest of a test on the first platform where it passed. */
static const struct record *reference(const struct check *c, const char *test)
{
	for (unsigned i = 0; i < PLATFORMS; i++) {
		const struct record *r = c->runs[i] ? console_find(&c->runs[i]->console, test) : NULL;

		if (r && r->state == RECORD_PASS)
			return r;
	}
	return NULL;
}

/* What stands in the table; a problem is told as well. */
static const char *cell(struct check *c, unsigned i, const char *test, const struct record *right)
{
	const struct native *n = c->runs[i];
	const struct record *r = n ? console_find(&n->console, test) : NULL;
	const struct platform_exception *x;

	if (!n)
		return "unavailable";
	x = exceptions_find(c->exceptions, n->platform->name, n->platform->model, test);
	if (!r && x && x->skip)
		return "exception";
	if (!r) /* the machine has no such thing; the plan left it out */
		return n->error ? "-" : "not_applicable";
	if (r->state == RECORD_PASS && x && !x->optional) {
		problem(c, xprintf("%s passes on %s, but is listed as an exception there", test, names[i]));
		return "unlisted pass";
	}
	if (r->state == RECORD_PASS && r->digest != right->digest) {
		problem(c, xprintf("%s saw other values on %s than elsewhere", test, names[i]));
		return "other digest";
	}
	if (r->state == RECORD_PASS)
		return "pass";
	if (x)
		return "exception";
	if (r->state == RECORD_OPEN)
		return "stopped here"; /* told with the run */
	problem(c, xprintf("%s fails on %s: expected %s, got %s at %s (%s)", test, names[i], r->expected,
			   r->actual, r->at, r->what));
	return "fail";
}

static void print_table(struct check *c)
{
	const struct native *most = NULL;

	for (unsigned i = 0; i < PLATFORMS; i++)
		if (c->runs[i] && (!most || c->runs[i]->console.records.n > most->console.records.n))
			most = c->runs[i];
	if (!most)
		return;
	printf("\n%s%-*s", colour(COLOUR_DIM), NAME_WIDTH, "test");
	for (unsigned i = 0; i < PLATFORMS; i++)
		printf(" %-*s", CELL_WIDTH, titles[i]);
	printf("%s\n", colour(COLOUR_NONE));
	for (size_t t = 0; t < most->console.records.n; t++) {
		const char *test = most->console.records.at[t].name;
		const struct record *right = reference(c, test);
		const char *cells[PLATFORMS];

		for (unsigned i = 0; i < PLATFORMS; i++)
			cells[i] = cell(c, i, test, right);
		printf("%-*s", NAME_WIDTH, test);
		for (unsigned i = 0; i < PLATFORMS; i++)
			printf(" %s%-*s%s", !strcmp(cells[i], "pass") ? "" : colour(COLOUR_YELLOW),
			       CELL_WIDTH, cells[i], !strcmp(cells[i], "pass") ? "" : colour(COLOUR_NONE));
		putchar('\n');
	}
	printf("\n%zu tests, %zu benches\n", most->console.records.n, most->console.benches.n);
}

static bool knows(const struct check *c, const char *test)
{
	for (unsigned k = 0; k < PLATFORMS; k++)
		if (c->runs[k] && console_find(&c->runs[k]->console, test))
			return true;
	return false;
}

/* An exception for a test that no image has is a mistake in the list. */
static void check_list(struct check *checks, size_t count)
{
	const struct platform_exceptions *list = checks[0].exceptions;

	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < PLATFORMS; k++)
			if (checks[i].runs[k] && checks[i].runs[k]->error)
				return; /* told already */
	for (size_t t = 0; t < list->list.n; t++) {
		const char *test = list->list.at[t].test;
		size_t i = 0;

		while (i < count && !knows(&checks[i], test))
			i++;
		if (i == count)
			problem(&checks[0],
				xprintf("the list of exceptions names %s, which is no test", test));
	}
}

static bool build(const struct grader *g, const struct rubric *r)
{
	string_list tail = {0};
	const char *message;
	bool ok;

	progress_begin("build");
	ok = build_lab(g, r, &message, &tail);
	progress_end();
	if (ok)
		return true;
	printf("%s\n", message);
	for (size_t i = 0; i < tail.n; i++)
		printf("    | %s\n", tail.at[i]);
	return false;
}

/* Every image of a lab once, the guest kernel first. Their number. */
static size_t find_images(const struct lab *lab, struct check **checks)
{
	VECTOR(struct check) found = {0};

	*vector_add(&found) =
		(struct check){.image = &lab->tracks.at[0]->guest, .exceptions = &lab->exceptions};
	for (size_t t = 0; t < lab->tracks.n; t++)
		for (size_t i = 0; i < lab->tracks.at[t]->runs.n; i++) {
			const struct rubric_run *run = &lab->tracks.at[t]->runs.at[i];

			for (size_t k = 0; k < run->guests.n; k++) {
				const struct guest_image *image = &run->guests.at[k].image;
				size_t n = 0;

				while (n < found.n && !guest_image_same(found.at[n].image, image))
					n++;
				if (n == found.n)
					*vector_add(&found) = (struct check){.image = image,
									     .exceptions = &lab->exceptions};
			}
		}
	*checks = found.at;
	return found.n;
}

bool native_check(const struct grader *g, const struct lab *lab)
{
	struct check *checks;
	size_t count = find_images(lab, &checks);
	unsigned problems = 0;

	progress_total(1 + 2 * PLATFORMS * (unsigned)count);
	if (!g->no_build && !build(g, lab->tracks.at[0]))
		return false;
	for (size_t i = 0; i < count; i++) {
		for (unsigned k = 0; k < PLATFORMS && !process_interrupted(); k++)
			run_platform(g, &checks[i], k);
		if (process_interrupted())
			return false;
		if (count > 1)
			printf("\n%s", checks[i].image->native);
		print_table(&checks[i]);
	}
	check_list(checks, count);
	for (size_t i = 0; i < count; i++)
		problems += checks[i].problems;
	if (problems)
		printf("%s%u problems%s\n", colour(COLOUR_RED), problems, colour(COLOUR_NONE));
	else
		printf("%s%s right on every machine that is here%s\n", colour(COLOUR_GREEN),
		       count > 1 ? "all guests are" : "the guest kernel is", colour(COLOUR_NONE));
	return !problems;
}
