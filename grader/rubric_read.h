/* SPDX-License-Identifier: MIT */
/* Between the files that read a rubric. */
#ifndef GRADER_RUBRIC_READ_H
#define GRADER_RUBRIC_READ_H

#include "grader/rubric.h"
#include "grader/yaml.h"

/* rubric_exercise.c: the fields `exercises` and `submit`. */
void rubric_read_exercises(struct yaml_at top, struct rubric *r);

/* Complains about a name that is no platform. */
void rubric_check_platform(struct yaml_at at, const char *name);

#endif
