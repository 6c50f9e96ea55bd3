/* SPDX-License-Identifier: MIT */
/* A lab as the grader knows it: labs/NN-name/rubric.yaml. The form of the file is described in
 * grader/README.md. */
#ifndef GRADER_RUBRIC_H
#define GRADER_RUBRIC_H

#include "grader/util.h"

/* Points are counted in thousandths: a rubric may give half a point, and a group's points divide among its
 * tests without a remainder. */
#define POINT 1000

struct rubric_group {
	const char *tests;                    /* a pattern for names of tests */
	unsigned points;                      /* in 1/POINT */
	const char *hint;                     /* NULL: none */
	const struct rubric_program *program; /* unit tests: where the group comes from */
};

/* What boots under the hypervisor (ELF) and what boots by itself (flat), below the build directory: the same
 * program with the same tests. */
struct guest_image {
	const char *elf, *native;
};

struct rubric_guest {
	const char *name;
	struct guest_image image; /* the lab's guest kernel, where the rubric names no other */
	const char *ram;          /* as in "64M"; NULL: what the hypervisor takes */
	const char *budget;       /* ticks, as in "50M"; NULL: no limit */
	const char *command;      /* the guest kernel's command line */
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
	const char *hardware;  /* "vmx" or "svm": what the CPU engine uses of the CPU; NULL: neither */
	const char *append;    /* more for the hypervisor's command line; NULL: nothing */
	u64 instructions;      /* budget where the platform counts */
	u64 seconds;           /* guard */
	u64 restarts;          /* of the guest, behind a test that ended it, where it is the only one */
	const char *memory;    /* of the machine: megabytes */
	VECTOR(struct rubric_guest) guests;
	bool several; /* there is more than one guest: a test's name has the guest's before it */
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

/* Concept, place, nearly the answer. */
#define HINT_STEPS 3

struct rubric_exercise {
	const char *id, *name;
	const char *part; /* the half of the lab whose tests are meant; NULL: all */
	unsigned hours;
	string_list where;  /* "transfer.c: load_flags(), transfer_iret()" */
	const char *read;   /* "docs/chapter-1.md, \"IRET\"" */
	const char *expect; /* what is seen when it is solved */
	const char *hints[HINT_STEPS];
	string_list tests; /* patterns, of guest tests and of unit tests */
	bool unblocked;    /* not of the rubric: the lab's sources say so (unblocked.c) */
};

struct rubric_build {
	const char *directory; /* from the top of the tree */
	string_list targets;
};

struct rubric {
	const char *path;
	const char *directory; /* labs/NN-name */
	const char *id, *name;
	unsigned max;            /* points of the lab, in 1/POINT */
	string_list tracks;      /* all of the lab; empty: it has none */
	const char *track;       /* the one that this was read for; NULL: the lab has none */
	const char *official;    /* the platform whose result counts; always the first of a run's */
	bool official_by_course; /* course.yaml says so */
	string_list submit; /* patterns of the files that are handed in, as seen from the lab's directory */
	const char *image, *symbols; /* the hypervisor: flat and ELF, below the build directory */
	struct guest_image guest;    /* the guest kernel */
	const char *exceptions; /* platform exceptions of the guest, from the top of the tree; NULL: none */
	VECTOR(struct rubric_build) builds;
	VECTOR(struct rubric_run) runs;
	VECTOR(struct rubric_program) units;
	VECTOR(struct rubric_expected) expected;
	VECTOR(struct rubric_hint) hints;
	VECTOR(struct rubric_exercise) exercises;
	string_list ids; /* of all exercises, those of other tracks too */
};

bool guest_image_same(const struct guest_image *a, const struct guest_image *b);
/* As one track of the lab has it; NULL: the first, or a lab without tracks. What belongs to no other track is
 * checked with it. NULL, with a sentence "FILE:LINE: FIELD: what is wrong" in *error. */
struct rubric *rubric_read(const char *path, const char *track, const char **error);
bool rubric_has_track(const struct rubric *r, const char *track);
/* "vmx, svm", or "none". */
const char *rubric_track_names(const struct rubric *r);
/* NULL: the test is to pass. */
const struct rubric_expected *rubric_expects_failure(const struct rubric *r, const char *cpu,
						     const char *test);
const char *rubric_hint(const struct rubric *r, const char *test);
/* Makes this platform the official one, and so the first choice of every run that allows it. */
void rubric_set_official(struct rubric *r, const char *platform);
/* What a test of this guest is called in results: "cpu/popf", or "a:cpu/popf" where a run has several guests.
 */
const char *rubric_test_name(const struct rubric_run *run, const struct rubric_guest *guest,
			     const char *test);

/* ---- rubric_exercise.c ---- */

/* NULL: there is none. */
const struct rubric_exercise *rubric_exercise(const struct rubric *r, const char *id);
/* The exercise that a test of a part of the lab belongs to, by its full name: the one that names it in full,
 * otherwise the last whose pattern takes it. NULL: none. */
const struct rubric_exercise *rubric_exercise_of(const struct rubric *r, const char *part, const char *test);

/* ---- unblocked.c ---- */

/* Looks for the markers of exercises that were unblocked in the lab's sources. False, with a sentence
 * "FILE:LINE: what is wrong" in *error. */
bool unblocked_read(struct rubric *r, const char **error);

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
