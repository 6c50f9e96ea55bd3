/* SPDX-License-Identifier: MIT */
/* What one call of the grader is to do, and the steps it takes. */
#ifndef GRADER_GRADER_H
#define GRADER_GRADER_H

#include "grader/course.h"
#include "grader/emulator.h"
#include "grader/protocol.h"
#include "grader/restart.h"
#include "grader/result.h"
#include "grader/rubric.h"

struct grader {
	const char *root;     /* top of the tree */
	const char *build;    /* build directory */
	const char *images;   /* where the hypervisor was built: the same, or below it for another base */
	const char *lab;      /* "01"; NULL: every lab that has a rubric */
	const char *track;    /* as asked for; NULL: the workspace's, or each */
	const char *part;     /* "A"; NULL: all */
	const char *platform; /* as asked for; NULL: the rubric's choice */
	const char *test;     /* a pattern; NULL: all */
	const char *number;   /* "E1.2": only the tests of this exercise; NULL: all */
	const struct rubric_exercise *exercise; /* the same, once the rubric has been read: */
	const struct rubric *rubric;            /* its rubric; NULL: no exercise was asked for */
	const char *results;                    /* file for the JSON */
	struct course course;
	struct workspace workspace;
	u64 seed;
	bool seed_given, strict, reproducible, no_build, native, doctor, bench;
};

/* ---- image.c: keys and images of a run ---- */

/* Copies a guest image with key and seed in it. NULL, or what is wrong. */
const char *image_patch(const char *from, const char *to, const u8 key[KEY_BYTES], u64 seed);
/* Copies a file. NULL, or what is wrong. */
const char *image_copy(const char *from, const char *to);

/* ---- build.c ---- */

/* Makes everything that the rubric names; for the student's own base only the lab's image, in g->images.
 * False: *message and the last lines of make's output in *tail. */
bool build_lab(const struct grader *g, const struct rubric *r, const char **message, string_list *tail);

/* ---- oracle.c: the guest on the bare machine ---- */

struct native {
	const struct platform *platform;
	struct console console;
	struct machine machine;
	const char *error; /* NULL, or why its results are of no use: a sentence */
	char *text;        /* the whole output, when `keep` was asked for */
	size_t text_used, text_room;
	bool keep;
};
/* Runs a guest without a hypervisor, with the key of guest number `guest`; on platform nested: without one of
 * ours, under KVM. */
void native_run(const struct grader *g, const struct guest_image *image, const struct platform_exceptions *e,
		const struct platform *p, unsigned guest, const char *command, struct native *n);

/* Its first part: n->machine is ready to run. NULL, or what is wrong. */
const char *native_prepare(const struct grader *g, const struct guest_image *image,
			   const struct platform_exceptions *e, const struct platform *p, unsigned guest,
			   const char *command, struct native *n);

/* The key of a run's guest number 0, 1, ...: other guests have other keys and other values. */
void guest_key(const struct grader *g, unsigned guest, u8 key[KEY_BYTES]);

struct oracle {
	const struct grader *g;
	const struct rubric *rubric;
	const struct platform_exceptions *exceptions;
	VECTOR(struct oracle_guest *) guests;
};
/* A guest on the bare machine. The key, and with it every digest, is that of the guest's number. */
struct oracle_guest {
	struct guest_image image;
	unsigned number;
	struct native *tcg, *bochs; /* NULL: not run yet. `bochs` only for what TCG gets wrong. */
};
enum verdict {
	VERDICT_KNOWN,   /* *digest is what the test gives on the bare machine */
	VERDICT_FAILS,   /* it fails there */
	VERDICT_MISSING, /* only another platform could tell, and it is not here */
};
/* The entry of a guest: image, and its number in the run. */
struct oracle_guest *oracle_guest(struct oracle *o, const struct guest_image *image, unsigned number);
/* Makes the oracle ready for a guest. NULL, or why it cannot be. */
const char *oracle_ask(const struct oracle *o, struct oracle_guest *guest);
/* The names of all tests, in their order; those that must not run natively on TCG stand last. */
void oracle_tests(const struct oracle *o, const struct oracle_guest *guest, string_list *names);
enum verdict oracle_digest(const struct oracle *o, struct oracle_guest *guest, const char *test, u64 *digest);

/* ---- select.c: --part, --bench, --test, --exercise ---- */

/* The runs that --bench takes: those called `bench`, or `bench-` and more. */
bool lab_is_bench(const struct rubric_run *spec);
/* Are only some tests wanted, by their names? */
bool select_some(const struct grader *g);
bool select_test(const struct grader *g, const char *name);
/* The run with the guests and command lines that are wanted. False: nothing of it is. */
bool select_run(const struct grader *g, const struct rubric_run *spec, struct rubric_run *out);
bool select_unit(const struct grader *g, const struct rubric_program *spec);
/* The command line, on the bare machine, of the guest that has this number in a run; NULL: all tests. */
const char *select_native(const struct grader *g, const struct rubric *r, const struct guest_image *image,
			  unsigned number);
/* Of a run that is scored, takes the tests away that are not wanted. */
void select_drop(const struct grader *g, struct run *run);

/* ---- lab.c, judge.c, unit.c ---- */

/* `before`: another track of the same lab, graded in the same call, so that it is built; NULL: none. */
void lab_grade(const struct grader *g, const struct rubric *r, const struct platform_exceptions *e,
	       const struct lab_result *before, struct lab_result *result);
/* The directory for what its build and its runs say. */
const char *lab_logs(const struct grader *g, const struct rubric *r);
/* Its parts, for another base: an empty result; make, with all runs in STATE_BUILD_ERROR when it is false;
 * and the runs, once the oracle is there. */
void lab_begin(const struct grader *g, const struct rubric *r, struct lab_result *result);
bool lab_build(const struct grader *g, struct lab_result *lab);
void lab_runs(const struct grader *g, struct lab_result *lab);
/* One run of a hypervisor, with its guests' consoles. */
void hypervisor_run(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
		    const struct platform *p, struct oracle *o);
/* Platform nested: makes all these runs at once; hypervisor_run() then takes what came of them. With --bench
 * the guest kernel's benches under KVM alone are among them, for native_run(). */
void hypervisor_ahead(const struct oracle *o, const struct rubric_run *specs, size_t n,
		      const struct platform *p);
#define ONLY_BENCHES  "only=bench/" /* the guest kernel's command line for them */
/* The engine of benches on the bare machine; and on platform nested, as guests of KVM without a hypervisor of
 * ours. */
#define NATIVE_ENGINE "native"
#define KVM_ENGINE    "kvm"
void keep_benches(struct lab_result *lab, const struct platform *p, const struct console *c, const char *cpu,
		  const char *mem);
/* Every test in one state, for a run without a machine. NULL for the oracle: there is none. */
void run_without_tests(struct run *run, const struct rubric_run *spec, struct oracle *o, enum state state,
		       const char *message);
/* What a run's machine left behind. Where its guest was started again, the console holds the records of all
 * boots; the rest is of the last one. */
struct aftermath {
	const struct platform *platform;
	struct console consoles[MACHINE_MODULES];
	const char *ended[MACHINE_MODULES]; /* why the hypervisor ended that guest; NULL: it did not */
	size_t count;
	enum machine_end end;
	const char *message; /* about the machine's end; NULL: clean */
	struct chain chain;
};
enum state machine_state(enum machine_end end);
void judge_run(const struct grader *g, const struct lab_result *lab, const struct rubric_run *spec,
	       const struct aftermath *a, struct oracle *o, struct run *run);
void unit_grade(const struct grader *g, struct lab_result *lab, const struct rubric_program *spec);
/* own.c: the same runs with the lab on the student's own earlier layers, into official->own. */
void own_grade(const struct grader *g, struct lab_result *official);
/* where.c: a sentence about the place where a machine was stopped. The files that have the symbols of
 * hypervisor (below g->images) and guest (below g->build); NULL: there is none, or it is not known which. */
const char *where_was(const struct grader *g, const char *hypervisor, const char *guest, u64 rip);
/* unit_xml.c: reads CUnit's native result file. NULL, or why it is no complete result. */
const char *unit_read(const char *path, struct run *run, const struct rubric_group *group);
/* The options that repeat what is shown: "make grade LAB=01 TEST=cpu/cpuid SEED=0x1". */
const char *command_again(const struct grader *g, const struct lab_result *lab, const char *test);

/* ---- labs.c: the rubrics that are wanted ---- */

/* A lab: its rubric as each track that is wanted has it; one, where it has no tracks. */
struct lab {
	VECTOR(struct rubric *) tracks;
	struct platform_exceptions exceptions;
};
typedef VECTOR(struct lab) lab_list;
/* In their order. NULL, or a sentence about the call or about a file. */
const char *labs_read(const struct grader *g, lab_list *labs);

/* ---- native.c: grade --native ---- */

/* True: the guest kernel passes natively wherever it should. */
bool native_check(const struct grader *g, const struct lab *lab);

/* ---- report.c, report_exercises.c, progress.c ---- */

void report_lab(const struct grader *g, const struct lab_result *lab);
/* Which track's score is the lab's, where more than one was graded. */
void report_tracks(const struct lab_result *best);
/* Points as a maximum is shown: "14", or "2.08". */
const char *report_max(unsigned max);
/* The table of the benches alone; nothing when there is none but of the bare machine. */
void report_benches(const struct lab_result *lab);

/* Where a student stands: the exercises, the next one, and the own layers beside the given ones. */
void report_exercises(const struct grader *g, const struct lab_result *lab);
void report_own(const struct lab_result *lab);

void progress_total(unsigned steps);
void progress_begin(const char *what);
void progress_tick(double seconds);
void progress_end(void);

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BOLD, COLOUR_DIM };
/* An escape sequence, or an empty string where colours are not wanted. */
const char *colour(enum colour c);

#endif
