/* SPDX-License-Identifier: MIT */
/* End-to-end tests of the grader: little labs in a tree of their own, graded by the real program. */
#ifndef GRADER_TESTS_E2E_H
#define GRADER_TESTS_E2E_H

#include "grader/util.h"

struct e2e {
	const char *grade; /* the program */
	const char *tree;  /* top of the labs' tree */
	const char *build;
	unsigned passed, failed;
};

/* One call of the grader. */
struct call {
	const char *lab; /* NULL: the grader is to find out */
	const char *options[8];
	const char *path;  /* PATH for it; NULL: ours */
	double kill_after; /* seconds; 0: not at all */
	int signal;
	/* out */
	int status; /* exit status; 128 + N for a signal */
	double seconds;
	char *output;
	char *results; /* the JSON; NULL: there is none */
};

void call(const struct e2e *e, struct call *c);
/* Counts and prints a case; `problem` is a sentence, NULL: passed. */
void verdict(struct e2e *e, const char *name, const char *problem, const struct call *c);
/* course.c: a call, and what it must say; a text that begins with '!' must not be there. */
struct trial {
	const char *name;
	struct call call;
	int status;
	const char *output[8];  /* of the table */
	const char *results[8]; /* of the JSON; the first one NULL: not looked at */
};
void trial_run(struct e2e *e, struct trial *x);
/* Writes a file of the tree; NULL: removes it. */
void tree_set(const struct e2e *e, const char *file, const char *text);
void test_course(struct e2e *e);
/* tracks.c */
void test_tracks(struct e2e *e);
/* restarts.c */
void test_restarts(struct e2e *e);

/* trees.c: writes labs/NN-name/rubric.yaml. `more` is YAML at the top level. */
void lab_write(const struct e2e *e, const char *lab, const char *image, const char *more);
/* The same with another guard on the time of a run. */
#define LAB_GUARD 6
void guarded_lab_write(const struct e2e *e, const char *lab, const char *image, unsigned seconds,
		       const char *more);
/* The same with runs of its own: `runs` is YAML that begins with that field. */
void runs_lab_write(const struct e2e *e, const char *lab, const char *image, const char *runs);
/* A lab with unit tests alone. */
void unit_lab_write(const struct e2e *e, const char *lab, const char *programs);
void file_must_write(const char *path, const char *text);

#endif
