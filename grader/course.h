/* SPDX-License-Identifier: MIT */
/* What a course may set, and where a workspace comes from. The forms of both files stand in grader/README.md.
 */
#ifndef GRADER_COURSE_H
#define GRADER_COURSE_H

#include "grader/util.h"

/* course.yaml, at the top of the tree. */
struct course_official {
	const char *lab, *platform;
	const char *track; /* NULL: for all of the lab */
};
struct course {
	VECTOR(struct course_official) official;
	bool hints, unblock; /* may students ask for them? */
};

/* workspace.yaml, at the top of a student's workspace alone. */
struct workspace {
	const char *lab;   /* NULL: this is the tree itself */
	const char *track; /* of the lab; NULL: none is chosen */
	const char *base;  /* "given", "source" or "own"; in the tree "source" */
	const char *tree, *commit;
};
#define BASE_OWN "own"

/* A file that is not there leaves what is usual. False, with a sentence "FILE:LINE: FIELD: what is wrong" in
 * *error. */
bool course_read(const char *path, struct course *c, const char **error);
bool workspace_read(const char *path, struct workspace *w, const char **error);

/* The platform that the course has made official for a lab, or for a track of it; NULL: it leaves that to the
 * rubric. */
const char *course_official(const struct course *c, const char *lab, const char *track);

#endif
