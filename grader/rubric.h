/* SPDX-License-Identifier: MIT */
/* A lab as the grader knows it: labs/NN-name/rubric.yaml. The form of the file is described in
 * grader/README.md. */
#ifndef GRADER_RUBRIC_H
#define GRADER_RUBRIC_H

#include "grader/util.h"

struct rubric_group {
	const char *tests; /* a pattern for names of tests */
	unsigned points;
	const char *hint;                     /* NULL: none */
	const struct rubric_program *program; /* unit tests: where the group comes from */
};

struct rubric_guest {
	const char *name;
	const char *ram;     /* as in "64M"; NULL: what the hypervisor takes */
	const char *budget;  /* ticks, as in "50M"; NULL: no limit */
	const char *command; /* the guest kernel's command line */
	/* NULL, or the hypervisor has to end this guest, with a report that holds this text. Its one group is
	 * that "test". */
	const char *ends;
	VECTOR(struct rubric_group) groups;
};

struct rubric_run {
	const char *name;
	const char *part;  /* NULL: the lab has no parts */
	const char *needs; /* an earlier run in which a guest must have come to life; NULL: none */
	const char *cpu, *mem;
	string_list platforms; /* in order of preference */
	const char *append;    /* more for the hypervisor's command line; NULL: nothing */
	u64 instructions;      /* budget where the platform counts */
	u64 seconds;           /* guard */
	const char *memory;    /* of the machine: megabytes */
	VECTOR(struct rubric_guest) guests;
};

struct rubric_program {
	const char *program; /* a pattern for files below the build directory */
	const char *part;
	u64 seconds; /* for each program */
	struct rubric_group group;
};

struct rubric_expected {
	const char *cpu;  /* engine */
	const char *test; /* a pattern */
	const char *reason;
};

struct rubric_hint {
	const char *test; /* a pattern */
	const char *text;
};

struct rubric_exercise {
	const char *id, *name;
	string_list tests; /* patterns, of guest tests and of unit tests */
};

struct rubric_build {
	const char *directory; /* from the top of the tree */
	string_list targets;
};

struct rubric {
	const char *path;
	const char *directory; /* labs/NN-name */
	const char *id, *name;
	unsigned max;                     /* points of the lab */
	const char *track;                /* NULL: the lab has one only */
	const char *image, *symbols;      /* the hypervisor: flat and ELF, below the build directory */
	const char *guest, *guest_native; /* the guest kernel: ELF and flat */
	const char *exceptions; /* platform exceptions of the guest, from the top of the tree; NULL: none */
	VECTOR(struct rubric_build) builds;
	VECTOR(struct rubric_run) runs;
	VECTOR(struct rubric_program) units;
	VECTOR(struct rubric_expected) expected;
	VECTOR(struct rubric_hint) hints;
	VECTOR(struct rubric_exercise) exercises;
};

/* NULL, with a sentence "FILE:LINE: FIELD: what is wrong" in *error. */
struct rubric *rubric_read(const char *path, const char **error);
/* NULL: the test is to pass. */
const struct rubric_expected *rubric_expects_failure(const struct rubric *r, const char *cpu,
						     const char *test);
const char *rubric_hint(const struct rubric *r, const char *test);

/* ---- platform exceptions (exceptions.c): tests that fail natively because an emulator is wrong ---- */

struct platform_exception {
	const char *test;      /* a name */
	string_list platforms; /* "tcg", "bochs" or "bochs:MODEL" */
	bool optional;         /* it may also pass */
	bool skip;             /* it brings the emulator down: not run there natively */
	const char *reason;
};
struct platform_exceptions {
	VECTOR(struct platform_exception) list;
};

/* False, with a sentence in *error. */
bool exceptions_read(const char *path, struct platform_exceptions *out, const char **error);
/* The guest's option that leaves out what must not run there, with a blank before it; "": nothing. */
const char *exceptions_skip(const struct platform_exceptions *e, const char *platform, const char *model);
const struct platform_exception *exceptions_find(const struct platform_exceptions *e, const char *platform,
						 const char *model, const char *test);

#endif
