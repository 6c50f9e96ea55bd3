// SPDX-License-Identifier: MIT
/*
 * Which exercises were unblocked: `make unblock` puts the reference between two comments in the lab's
 * sources,
 *
 *	UNBLOCKED E1.2 {
 *	} UNBLOCKED E1.2
 *
 * and the first of them is the record. There is no other one that could disagree with what is compiled. The
 * sources are the files of the lab's directory and of those in it, but for tests. Where a lab has tracks, an
 *exercise is unblocked in the track whose files, by `where` of the exercise, have the marker.
 */
#include "grader/rubric.h"

#include <glob.h>
#include <string.h>

#define MARKER "/* UNBLOCKED E"

/* Is this one of the exercise's files? Without tracks every file is. */
static bool is_place(const struct rubric *r, const struct rubric_exercise *e, const char *path)
{
	const char *file = path + strlen(r->directory) + 1;
	size_t n = strlen(file);

	for (size_t i = 0; i < e->where.n; i++)
		if (!strncmp(e->where.at[i], file, n) && e->where.at[i][n] == ':')
			return true;
	return !r->track;
}

/* Begins at the number of an exercise. False: there is none of it in the rubric. */
static bool mark(struct rubric *r, const char *path, const char *id)
{
	size_t n = strcspn(id, " \n");

	for (size_t i = 0; i < r->exercises.n; i++) {
		struct rubric_exercise *e = &r->exercises.at[i];

		if (strlen(e->id) == n && !strncmp(e->id, id, n) && is_place(r, e, path))
			e->unblocked = true;
	}
	for (size_t i = 0; i < r->ids.n; i++)
		if (strlen(r->ids.at[i]) == n && !strncmp(r->ids.at[i], id, n))
			return true;
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
		if (marker && !mark(r, path, marker + strlen(MARKER) - 1)) {
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
	glob(xprintf("%s/*/*.[chS]", r->directory), GLOB_APPEND, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && ok; i++)
		if (strncmp(found.gl_pathv[i] + strlen(r->directory), "/tests/", strlen("/tests/")))
			ok = read_source(r, found.gl_pathv[i], error);
	globfree(&found);
	return ok;
}
