/* SPDX-License-Identifier: MIT */
/*
 * The machine lines of one guest's console (abi/run_key.h), checked: a line counts only with the right code
 * under the guest's key and a sequence number above all that came before.
 */
#ifndef GRADER_PROTOCOL_H
#define GRADER_PROTOCOL_H

#include "grader/util.h"

#define KEY_BYTES 16

enum record_state {
	RECORD_OPEN, /* begun, no result yet */
	RECORD_PASS, /* the guest says so; its digest is still to be compared */
	RECORD_FAIL,
};

struct record {
	const char *name; /* group/what */
	enum record_state state;
	u64 digest;                                /* RECORD_PASS */
	const char *expected, *actual, *at, *what; /* RECORD_FAIL */
};

enum bench_column {
	BENCH_TICKS,
	BENCH_EXITS,
	BENCH_FAULTS,
	BENCH_ROOTS,
	BENCH_FLUSHES,
	BENCH_REFS,
	BENCH_COLUMNS
};
/* As the `unit` of results.json; "ticks" there becomes what the platform counts. */
extern const char *const bench_columns[BENCH_COLUMNS];

struct bench {
	const char *name;
	u64 iterations;
	u64 total[BENCH_COLUMNS];
};

struct console {
	const char *name; /* of the guest */
	u8 key[KEY_BYTES];

	u64 next_seq;
	bool planned, ended;
	u64 plan_tests, plan_benches;
	u64 end_pass, end_fail;
	const char *open; /* the test or bench that has begun and has no result */

	VECTOR(struct record) records;
	VECTOR(struct bench) benches;

	/* Where a guest was started again (console_restart()): records of earlier boots, and the tests that
	 * were left when this one began. */
	size_t earlier;
	u64 left;

	u64 accepted;          /* lines of this boot that counted */
	u64 rejected;          /* lines that began with '@' and did not */
	u64 lost;              /* sequence numbers that never came */
	const char *complaint; /* the first thing that was wrong, as a sentence; NULL: nothing */
};

void console_init(struct console *c, const char *name, const u8 key[KEY_BYTES]);
/* The guest is started again for the tests that have not begun. Its lines count from 0 again, its plan has to
 * fit, and a test that has begun in an earlier boot does not begin once more. */
void console_restart(struct console *c);
/* How many planned tests have not begun. */
u64 console_left(const struct console *c);
/* The last test that began in this boot; NULL: none has. */
const struct record *console_last(const struct console *c);
/* Any line of the console; lines that do not begin with '@' are for people and change nothing. */
void console_line(struct console *c, const char *text, bool damaged);
const struct record *console_find(const struct console *c, const char *name);
/* NULL, or a sentence: why this console is not the complete output of a guest that ran to its end. */
const char *console_incomplete(const struct console *c);

#endif
