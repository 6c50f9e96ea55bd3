// SPDX-License-Identifier: MIT
/*
 * Which exercises were unblocked: `make unblock` puts the reference between two comments in the lab's
 * sources,
 *
 *	UNBLOCKED E1.2 {
 *	} UNBLOCKED E1.2
 *
 * and the first of them is the record. There is no other one that could disagree with what is compiled.
 */
#include "grader/rubric.h"

#include <glob.h>
#include <string.h>

#define MARKER "/* UNBLOCKED E"

/* Begins at the number of an exercise. False: there is none of it in the rubric. */
static bool mark(struct rubric *r, const char *id)
{
	size_t n = strcspn(id, " \n");

	for (size_t i = 0; i < r->exercises.n; i++) {
		struct rubric_exercise *e = &r->exercises.at[i];

		if (strlen(e->id) != n || strncmp(e->id, id, n))
			continue;
		e->unblocked = true;
		return true;
	}
	return false;
}

static bool read_source(struct rubric *r, const char *path, const char **error)
{
	char *text = file_read(path, NULL);
	unsigned line = 1;

	for (char *s = text; s && *s; line++) {
		char *next = strchr(s, '\n'), *marker;

		if (next)
			*next++ = 0;
		marker = strstr(s, MARKER);
		if (marker && !mark(r, marker + strlen(MARKER) - 1)) {
			*error = xprintf("%s:%u: `%s` is no exercise of lab %s", path, line,
					 xprintf("%.*s", (int)strcspn(marker + strlen(MARKER) - 1, " "),
						 marker + strlen(MARKER) - 1),
					 r->id);
			return false;
		}
		s = next ? next : "";
	}
	return true;
}

bool unblocked_read(struct rubric *r, const char **error)
{
	glob_t found = {0};
	bool ok = true;

	glob(xprintf("%s/*.[chS]", r->directory), 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && ok; i++)
		ok = read_source(r, found.gl_pathv[i], error);
	globfree(&found);
	return ok;
}
