// SPDX-License-Identifier: MIT
/*
 * Which labs are wanted, and which of their tracks: by --lab, --track and --exercise, by the workspace, or
 * all of them. Also what a course sets for a lab, and which exercises were unblocked, goes into the rubrics
 * here.
 */
#include "grader/grader.h"

#include <glob.h>
#include <string.h>

/* Does anything that names a track name one that the lab has? NULL, or a sentence. */
static const char *check_names(const struct grader *g, const struct rubric *r)
{
	const char *track = g->workspace.track;

	if (track && g->workspace.lab && !strcmp(g->workspace.lab, r->id) && !rubric_has_track(r, track))
		return xprintf("workspace.yaml: lab %s has no track %s. There are: %s", r->id, track,
			       rubric_track_names(r));
	for (size_t i = 0; i < g->course.official.n; i++) {
		const struct course_official *o = &g->course.official.at[i];

		if (!strcmp(o->lab, r->id) && o->track && !rubric_has_track(r, o->track))
			return xprintf("course.yaml: official: lab %s has no track %s. There are: %s", r->id,
				       o->track, rubric_track_names(r));
	}
	return NULL;
}

/* NULL, with a sentence. */
static struct rubric *read_track(const struct grader *g, const char *path, const char *track,
				 const char **error)
{
	struct rubric *r = rubric_read(path, track, error);
	const char *official;

	if (!r || !unblocked_read(r, error))
		return NULL;
	official = course_official(&g->course, r->id, r->track);
	if (official) {
		rubric_set_official(r, official);
		r->official_by_course = true;
	}
	return r;
}

/* The track that a lab is wanted in; NULL: each. */
static const char *track_wanted(const struct grader *g, const struct rubric *r)
{
	if (g->track)
		return g->track;
	return g->workspace.lab && !strcmp(g->workspace.lab, r->id) ? g->workspace.track : NULL;
}

/* Every track is read, so that a mistake is found whatever is wanted. */
static const char *read_lab(const struct grader *g, const char *path, lab_list *labs)
{
	struct lab lab = {0};
	const char *error, *ids = "", *track;
	struct rubric *first = read_track(g, path, NULL, &error), *r = first;

	if (!first || (first->exceptions && !exceptions_read(xprintf("%s/%s", g->root, first->exceptions),
							     &lab.exceptions, &error)))
		return error;
	error = check_names(g, first);
	track = track_wanted(g, first);
	for (size_t i = 0; !error && (!i || i < first->tracks.n); i++) {
		if (i)
			r = read_track(g, path, first->tracks.at[i], &error);
		if (!r)
			return error;
		if ((!track || (r->track && !strcmp(track, r->track))) &&
		    (!g->number || rubric_exercise(r, g->number)))
			*vector_add(&lab.tracks) = r;
	}
	if (error)
		return error;
	for (size_t i = 0; i < first->ids.n; i++)
		ids = xprintf("%s%s%s", ids, i ? ", " : "", first->ids.at[i]);
	if (lab.tracks.n)
		*vector_add(labs) = lab;
	else if (g->lab && track && !rubric_has_track(first, track))
		return xprintf("lab %s has no track %s. There are: %s", first->id, track,
			       rubric_track_names(first));
	else if (g->number)
		return xprintf("lab %s has no exercise %s%s%s. There are: %s", first->id, g->number,
			       track ? " in track " : "", track ? track : "", *ids ? ids : "none");
	return NULL;
}

const char *labs_read(const struct grader *g, lab_list *labs)
{
	const char *error = NULL;
	glob_t found = {0};

	glob(xprintf("%s/labs/%s-*/rubric.yaml", g->root, g->lab ? g->lab : "[0-9][0-9]"), 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && !error; i++)
		error = read_lab(g, xstrdup(found.gl_pathv[i]), labs);
	globfree(&found);
	if (!error && !labs->n)
		error = g->lab     ? xprintf("there is no lab %s with a rubric", g->lab)
			: g->track ? xprintf("no lab has a track %s", g->track)
				   : "no lab has a rubric";
	return error;
}
