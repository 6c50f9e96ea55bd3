// SPDX-License-Identifier: MIT
/*
 * The part of a rubric that is about people: the exercises of a lab with what is told of each, and the files
 * that are handed in. As strict as the rest (rubric.c): what is missing here is missed by a student who is
 * stuck, long after the rubric was written.
 */
#include "grader/rubric_read.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HOURS 100

static const char *need_words(struct yaml_at map, const char *key, const struct rubric *r)
{
	struct yaml_at at = rubric_need(map, key, r);
	const char *text = yaml_text(at, "");

	if (at.node && !*text)
		yaml_complain(at, "must not be empty");
	return text;
}

/* A list even where it has one element: others read it too (common/mk). */
static void read_list(struct yaml_at at, string_list *out)
{
	for (size_t i = 0, n = yaml_count(at); i < n; i++)
		strings_add(out, yaml_text(yaml_item(at, i), ""));
	if (at.node && !out->n)
		yaml_complain(at, "must not be empty");
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* E1.2: lab and exercise. */
static void check_id(struct yaml_at at, const char *id, const struct rubric *r)
{
	size_t lab = *id == 'E' ? digits(id + 1) : 0;
	size_t number = lab && id[1 + lab] == '.' ? digits(id + 2 + lab) : 0;

	if (!number || id[2 + lab + number])
		yaml_complain(at, xprintf("`%s` is not of the form E1.2", id));
	else if (atoi(id + 1) != atoi(r->id))
		yaml_complain(at, xprintf("`%s` is no exercise of lab %s", id, r->id));
	for (size_t i = 0; i < r->ids.n; i++)
		if (!strcmp(r->ids.at[i], id))
			yaml_complain(at, xprintf("there is an exercise %s already", id));
}

/* "transfer.c: load_flags(), transfer_iret()", the file as seen from the lab */
static void check_place(struct yaml_at at, const char *place, const struct rubric *r)
{
	const char *colon = strstr(place, ": ");

	if (!colon || colon == place || !colon[2])
		yaml_complain(at, xprintf("`%s` is not of the form \"FILE: FUNCTIONS\"", place));
	else if (!file_exists(xprintf("%s/%.*s", r->directory, (int)(colon - place), place)))
		yaml_complain(at, xprintf("there is no file %.*s in %s", (int)(colon - place), place,
					  r->directory));
}

/* docs/chapter-1.md, "IRET" */
static void check_section(struct yaml_at at, const char *text)
{
	const char *comma = strstr(text, ", \"");

	if (*text && (!comma || comma == text || strlen(comma) < 5 || text[strlen(text) - 1] != '"'))
		yaml_complain(at, xprintf("`%s` is not of the form: FILE, \"SECTION\"", text));
}

static void read_hints(struct yaml_at at, struct rubric_exercise *e)
{
	size_t n = yaml_count(at);

	if (at.node && n != HINT_STEPS)
		yaml_complain(at, "must be three: the concept, the place, and nearly the answer");
	for (size_t i = 0; i < n && i < HINT_STEPS; i++) {
		struct yaml_at item = yaml_item(at, i);

		e->hints[i] = yaml_text(item, "");
		if (!*e->hints[i])
			yaml_complain(item, "must not be empty");
	}
}

/* The same words twice are a mistake. Where patterns overlap otherwise, rubric_exercise_of() decides. */
static void check_tests(struct yaml_at at, const struct rubric *r)
{
	const struct rubric_exercise *last = &r->exercises.at[r->exercises.n - 1];

	for (size_t i = 0; i < r->exercises.n; i++) {
		const struct rubric_exercise *e = &r->exercises.at[i];

		if (e->part && last->part && strcmp(e->part, last->part))
			continue; /* of other runs */
		for (size_t j = 0; j < last->tests.n; j++)
			for (size_t k = 0; k < (e == last ? j : e->tests.n); k++)
				if (!strcmp(e->tests.at[k], last->tests.at[j]))
					yaml_complain(yaml_item(at, j),
						      xprintf("`%s` is listed by %s already", e->tests.at[k],
							      e->id));
	}
}

static void read_exercise(struct yaml_at at, const char *id, struct rubric *r)
{
	static const char *const known[] = {"id",   "track",  "part",  "name",  "hours", "where",
					    "read", "expect", "hints", "tests", NULL};
	struct yaml_at hours = rubric_need(at, "hours", r), where = rubric_need(at, "where", r),
		       tests = rubric_need(at, "tests", r);
	struct rubric_exercise *e = vector_add(&r->exercises);
	u64 n = yaml_number(hours, 1);

	yaml_only(at, known);
	e->id = id;
	e->name = need_words(at, "name", r);
	e->part = yaml_text(yaml_get(at, "part"), NULL);
	if (!n || n > MAX_HOURS)
		yaml_complain(hours, xprintf("must be between 1 and %d", MAX_HOURS));
	e->hours = (unsigned)n;
	read_list(where, &e->where);
	for (size_t i = 0; i < e->where.n; i++)
		check_place(where, e->where.at[i], r);
	e->read = need_words(at, "read", r);
	check_section(rubric_need(at, "read", r), e->read);
	e->expect = need_words(at, "expect", r);
	read_hints(rubric_need(at, "hints", r), e);
	read_list(tests, &e->tests);
	check_tests(tests, r);
}

void rubric_read_exercises(struct yaml_at top, struct rubric *r)
{
	struct yaml_at exercises = yaml_get(top, "exercises"), submit = yaml_get(top, "submit");

	for (size_t i = 0, n = yaml_count(exercises); i < n; i++) {
		struct yaml_at at = yaml_item(exercises, i);
		const char *id = need_words(at, "id", r);

		check_id(yaml_get(at, "id"), id, r);
		strings_add(&r->ids, id);
		if (rubric_of_track(at, r))
			read_exercise(at, id, r);
	}
	if (r->ids.n)
		yaml_need(top, "submit");
	read_list(submit, &r->submit);
	for (size_t i = 0; i < r->submit.n; i++) {
		const char *pattern = r->submit.at[i];

		if (!*pattern || *pattern == '/' || strstr(pattern, ".."))
			yaml_complain(submit, xprintf("`%s` does not stay in the lab's directory", pattern));
	}
}

const struct rubric_exercise *rubric_exercise(const struct rubric *r, const char *id)
{
	for (size_t i = 0; i < r->exercises.n; i++)
		if (!strcmp(r->exercises.at[i].id, id))
			return &r->exercises.at[i];
	return NULL;
}

static bool has_part(const struct rubric_exercise *e, const char *part)
{
	return !e->part || (part && !strcmp(e->part, part));
}

const struct rubric_exercise *rubric_exercise_of(const struct rubric *r, const char *part, const char *test)
{
	const struct rubric_exercise *found = NULL;

	for (size_t i = 0; i < r->exercises.n; i++)
		for (size_t k = 0; has_part(&r->exercises.at[i], part) && k < r->exercises.at[i].tests.n;
		     k++) {
			const char *pattern = r->exercises.at[i].tests.at[k];

			if (!strcmp(pattern, test))
				return &r->exercises.at[i];
			if (pattern_matches(pattern, test))
				found = &r->exercises.at[i];
		}
	return found;
}
