// SPDX-License-Identifier: MIT
/*
 * What of a lab is wanted: --part, --bench, --test, --exercise. For a student who repeats one test a hundred
 * times an answer has to be here in seconds. So only the runs and guests are taken that hold a test which is
 * wanted, with command lines for those tests alone.
 *
 * The points of a group are spread over all its tests, so a run knows them all until it is scored;
 * select_drop() takes away what is not wanted afterwards.
 */
#include "grader/grader.h"

#include <string.h>

#define GUEST_CMDLINE 400 /* the guest keeps 511 characters */
#define UNIT_TESTS    "unit/"

bool lab_is_bench(const struct rubric_run *spec)
{
	static const char name[] = "bench";
	size_t n = strlen(name);

	return !strncmp(spec->name, name, n) && (!spec->name[n] || spec->name[n] == '-');
}

/* ---- names ---- */

bool select_some(const struct grader *g)
{
	return !g->bench && (g->test || g->exercise);
}

static size_t pattern_count(const struct grader *g)
{
	return g->exercise ? g->exercise->tests.n : 1;
}

static const char *pattern(const struct grader *g, size_t i)
{
	return g->exercise ? g->exercise->tests.at[i] : g->test;
}

/* Without the guest's name: "a:mem/wp" is "mem/wp", and "halt:ended" stays as it is. */
static const char *plain(const char *name)
{
	const char *slash = strchr(name, '/'), *colon = strchr(name, ':');

	return colon && slash && colon < slash ? colon + 1 : name;
}

/* Both may be patterns. --test also takes a name without its guest. */
static bool overlaps(const struct grader *g, const char *wanted, const char *name)
{
	if (pattern_matches(wanted, name) || pattern_matches(name, wanted))
		return true;
	return !g->exercise && (pattern_matches(wanted, plain(name)) || pattern_matches(plain(name), wanted));
}

bool select_test(const struct grader *g, const char *name)
{
	if (g->exercise && !g->bench && !strpbrk(name, "*?["))
		return rubric_exercise_of(g->rubric, g->exercise->part, name) == g->exercise;
	for (size_t i = 0; select_some(g) && i < pattern_count(g); i++)
		if (overlaps(g, pattern(g, i), name))
			return true;
	return !select_some(g);
}

/* ---- runs ---- */

static bool part_wanted(const struct grader *g, const char *part)
{
	const char *wanted = g->exercise && g->exercise->part ? g->exercise->part : g->part;

	return !wanted || (part && !strcmp(wanted, part));
}

static void add_once(string_list *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->at[i], s))
			return;
	strings_add(list, s);
}

static const char *only(const string_list *list)
{
	const char *command = NULL;

	for (size_t i = 0; i < list->n; i++)
		command = xprintf("%s%s%s", command ? command : "only=", command ? "," : "", list->at[i]);
	return command;
}

/* "mem/" of "mem/wp*"; NULL: the pattern may mean any group. */
static const char *group_of(const char *wanted)
{
	size_t n = strcspn(wanted, "*?[");

	while (n && wanted[n - 1] != '/')
		n--;
	return n ? xprintf("%.*s", (int)n, wanted) : NULL;
}

/* What a pattern leaves of a group: the narrower one of both; NULL: they have nothing in common. */
static const char *common_part(const struct grader *g, const char *wanted, const char *name)
{
	if (pattern_matches(wanted, name) || (!g->exercise && pattern_matches(wanted, plain(name))))
		return name;
	return overlaps(g, wanted, name) ? wanted : NULL;
}

/* The command line of a guest: its own where all that it has is wanted, otherwise the names that are, or
 * their groups where that is too long. */
static const char *guest_command(const struct grader *g, const struct rubric_run *spec,
				 const struct rubric_guest *guest)
{
	string_list names = {0}, groups = {0};
	size_t whole = 0;

	for (size_t k = 0; k < guest->groups.n; k++) {
		const char *name = rubric_test_name(spec, guest, guest->groups.at[k].tests);

		for (size_t i = 0; i < pattern_count(g); i++) {
			const char *part = common_part(g, pattern(g, i), name), *group;

			if (!part)
				continue;
			group = group_of(plain(part));
			if (!group)
				return guest->command;
			add_once(&groups, group);
			add_once(&names, strpbrk(part, "*?[") ? group : plain(part));
			if (part == name) {
				whole++;
				break;
			}
		}
	}
	if (whole == guest->groups.n)
		return guest->command;
	return strlen(only(&names)) > GUEST_CMDLINE ? only(&groups) : only(&names);
}

static bool guest_wanted(const struct grader *g, const struct rubric_run *spec,
			 const struct rubric_guest *guest)
{
	for (size_t k = 0; k < guest->groups.n; k++)
		if (select_test(g, rubric_test_name(spec, guest, guest->groups.at[k].tests)))
			return true;
	return false;
}

/* Guests that run tests stay beside each other, since that is what their run is for; one that has none to run
 * does as the first. */
static void take_guests(const struct grader *g, const struct rubric_run *spec, struct rubric_run *out)
{
	const char *command = NULL;

	for (size_t i = 0; i < spec->guests.n && !command; i++)
		if (!spec->guests.at[i].ends && guest_wanted(g, spec, &spec->guests.at[i]))
			command = guest_command(g, spec, &spec->guests.at[i]);
	out->guests.at = NULL;
	out->guests.n = out->guests.room = 0;
	for (size_t i = 0; i < spec->guests.n; i++) {
		const struct rubric_guest *guest = &spec->guests.at[i];
		bool wanted = guest_wanted(g, spec, guest);

		if (!wanted && (guest->ends || !command))
			continue;
		*vector_add(&out->guests) = *guest;
		if (!guest->ends)
			out->guests.at[out->guests.n - 1].command =
				wanted ? guest_command(g, spec, guest) : command;
	}
}

bool select_run(const struct grader *g, const struct rubric_run *spec, struct rubric_run *out)
{
	if (!part_wanted(g, spec->part) || (g->bench && !lab_is_bench(spec)))
		return false;
	*out = *spec;
	if (!select_some(g))
		return true;
	take_guests(g, spec, out);
	return out->guests.n;
}

bool select_unit(const struct grader *g, const struct rubric_program *spec)
{
	if (g->bench || !part_wanted(g, spec->part))
		return false;
	for (size_t i = 0; select_some(g) && i < pattern_count(g); i++)
		if (!strncmp(pattern(g, i), UNIT_TESTS, strlen(UNIT_TESTS)))
			return true;
	return !select_some(g);
}

/* Adds what the bare machine has to run for a guest: whole groups, since their tests share the points. False:
 * that may be anything. */
static bool add_native(const struct grader *g, const struct rubric_run *spec,
		       const struct rubric_guest *guest, string_list *groups)
{
	for (size_t k = 0; k < guest->groups.n; k++) {
		const char *tests = guest->groups.at[k].tests;
		const char *group = strpbrk(tests, "*?[") ? group_of(tests) : tests;

		if (!select_test(g, rubric_test_name(spec, guest, tests)))
			continue;
		if (!group)
			return false;
		add_once(groups, group);
	}
	return true;
}

const char *select_native(const struct grader *g, const struct rubric *r, const struct guest_image *image,
			  unsigned number)
{
	string_list groups = {0};
	struct rubric_run spec;

	for (size_t i = 0; i < r->runs.n; i++) {
		const struct rubric_guest *guest;

		if (!select_run(g, &r->runs.at[i], &spec) || number >= spec.guests.n)
			continue;
		guest = &spec.guests.at[number];
		if (!guest->ends && guest_image_same(&guest->image, image) &&
		    !add_native(g, &spec, guest, &groups))
			return NULL;
	}
	if (!groups.n)
		return "only=none/";
	return strlen(only(&groups)) > GUEST_CMDLINE ? NULL : only(&groups);
}

/* ---- afterwards ---- */

/* A unit test either passes or fails; everything else is about a whole program. */
static bool is_whole_program(const struct run *run, const struct test *t)
{
	return !run->cpu && t->state != STATE_PASS && t->state != STATE_FAIL;
}

void select_drop(const struct grader *g, struct run *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->tests.n; i++)
		if (select_test(g, run->tests.at[i].name) || is_whole_program(run, &run->tests.at[i]))
			run->tests.at[n++] = run->tests.at[i];
	run->tests.n = n;
}
