/* SPDX-License-Identifier: MIT */
/* Between the files that read a rubric. */
#ifndef GRADER_RUBRIC_READ_H
#define GRADER_RUBRIC_READ_H

#include "grader/rubric.h"
#include "grader/yaml.h"

/* rubric_exercise.c: the fields `exercises` and `submit`. */
void rubric_read_exercises(struct yaml_at top, struct rubric *r);

/* rubric_track.c: the field `tracks`, and of it the track that is read; NULL: the first. */
void rubric_read_tracks(struct yaml_at top, const char *track, struct rubric *r);
/* Does a run, a program or an exercise belong to the track that is read? */
bool rubric_of_track(struct yaml_at at, const struct rubric *r);
/* A field that is needed, and may be a mapping by tracks. */
struct yaml_at rubric_need(struct yaml_at map, const char *key, const struct rubric *r);

/* Complains about a name that is no platform. */
void rubric_check_platform(struct yaml_at at, const char *name);

#endif
