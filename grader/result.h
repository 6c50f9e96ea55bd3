/* SPDX-License-Identifier: MIT */
/* What a graded lab is made of: runs, tests, benches. Filled by lab.c and unit.c, counted by score.c, shown
 * by report.c and results.c. */
#ifndef GRADER_RESULT_H
#define GRADER_RESULT_H

#include "grader/emulator.h"
#include "grader/platform.h"
#include "grader/protocol.h"
#include "grader/rubric.h"
#include "grader/util.h"

enum state {
	STATE_PASS,
	STATE_FAIL,
	STATE_EXPECTED_FAIL,   /* listed for this engine: counts as success */
	STATE_UNEXPECTED_PASS, /* listed, and passed */
	STATE_TIMEOUT,
	STATE_CRASH,
	STATE_BUILD_ERROR,
	STATE_SKIPPED,        /* a prerequisite failed */
	STATE_NOT_APPLICABLE, /* this engine has no such thing */
	STATE_UNAVAILABLE,    /* this machine cannot run it */
	STATE_INFRA_ERROR,    /* the grader's own trouble */
	STATE_COUNT,
};
extern const char *const state_names[STATE_COUNT];

struct test {
	const char *name;
	enum state state;
	unsigned points, max; /* in 1/POINT */
	const char *message;
	const struct rubric_group *group;
	const char *expected, *actual, *at, *hint; /* NULL: not known */
	bool charged;   /* the run, or its guest, came to its end in this test: worth a look */
	bool not_tried; /* the guest was not started again for it: told with the run */
};

struct run {
	const char *name;
	const char *part;      /* of the lab; NULL: it has none */
	const char *what;      /* for people: "trap on tcg" */
	const char *log;       /* file with all that came over the serial line; NULL: none */
	const char *platform;  /* "tcg", "bochs", "kvm", "nested", "host" */
	const char *model;     /* Bochs: its CPU model; otherwise NULL */
	const char *cpu, *mem; /* engines; NULL: unit tests */
	enum state state;
	double seconds;
	u64 instructions;      /* 0: not counted */
	struct kvm_counts kvm; /* platform nested: of all boots */
	const char *message;
	const char *missing; /* the first exercise that the hypervisor asked for, in its words; NULL: none */
	bool lived;          /* a guest came to life: its console had an authentic line */
	string_list tail;    /* the last lines of the serial line, or of what the program wrote */
	VECTOR(struct test) tests;
};

struct bench_result {
	struct bench bench;
	const char *cpu, *mem, *platform;
	const char *model; /* as in struct run */
};

struct oracle;

struct lab_result {
	const struct rubric *rubric;
	u64 seed;
	bool whole;            /* nothing was left out by an option */
	const char *elsewhere; /* a platform was asked for that is not the official one; NULL: none */
	const char *base;      /* "given", "source" or "own" */
	struct oracle *oracle;
	struct lab_result *own;                   /* the same on the student's own layers; NULL: not graded */
	VECTOR(const struct lab_result *) others; /* of the better track: the lab's other tracks */
	enum state state;                         /* STATE_PASS, STATE_BUILD_ERROR, STATE_INFRA_ERROR */
	const char *message;
	string_list tail;
	VECTOR(struct run *) runs;
	VECTOR(struct bench_result) benches;
};

/* score.c */

/* Spreads the points of each group over its tests, and gives each test its points by its state. */
void score_run(struct run *run);
/* For a run made on its official platform, where that is one that nobody else is asked about: what the
 * platform itself gets wrong shows nothing of the hypervisor. Such tests are STATE_NOT_APPLICABLE, whatever
 * came of them, but for one that the run or its guest ended in. The points are spread again. */
void score_left_out(struct run *run, const struct platform *p, const struct platform_exceptions *e);
/* Success as the rubric sees it. */
bool state_is_success(enum state s);
unsigned lab_score(const struct lab_result *lab);
unsigned lab_max(const struct lab_result *lab);

enum exercise_state {
	EXERCISE_OPEN,
	EXERCISE_DONE,      /* every test that can be judged here is a success, and there is one */
	EXERCISE_UNBLOCKED, /* the reference stands in for it */
	EXERCISE_STATES,
};
extern const char *const exercise_states[EXERCISE_STATES];

struct exercise_score {
	unsigned score, max; /* in 1/POINT */
	unsigned tests;      /* how many of it there are in this grading */
	enum exercise_state state;
};
struct exercise_score score_exercise(const struct lab_result *lab, const struct rubric_exercise *e);
/* Takes the points from the tests of exercises that are unblocked. */
void score_unblocked(struct lab_result *lab);
/* Why this grading does not count: words for "(informational: ...)"; NULL: it does. */
const char *lab_informational(const struct lab_result *lab);
/* Of two tracks of a lab the one whose score is the lab's: one that counts, then the one with more points,
 * then the first. */
const struct lab_result *lab_better(const struct lab_result *a, const struct lab_result *b);
/* For --strict: is everything as the rubric foretells? */
bool lab_as_foretold(const struct lab_result *lab);

/* results.c: false with errno */
bool results_write(const char *path, u64 seed, const struct lab_result *const labs[], size_t count,
		   bool reproducible);

/* ---- cost.c ---- */
/* Modelled cycles of one operation on hardware; NO_COST_MODEL for engines whose exits have no weight, and
 * natively. */
#define NO_COST_MODEL (-1.0)
double cost_model(const struct bench_result *b);

#endif
