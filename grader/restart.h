/* SPDX-License-Identifier: MIT */
/* A guest that came to a bad end is started again behind the test in which it did: which test that is charged
 * to, and when it has been enough. */
#ifndef GRADER_RESTART_H
#define GRADER_RESTART_H

#include "grader/protocol.h"
#include "grader/result.h"

/* Charged tests without a pass between them, after which nothing more is tried; and where nothing ever
 * passed. */
#define RESTART_IN_A_ROW 12
#define RESTART_AT_FIRST 4

/* A test in which, or right behind which, the guest came to its end. */
struct charge {
	const char *test;
	enum state state;
	const char *message;
	bool behind; /* it had a result already */
};

struct chain {
	/* in */
	u64 restarts;   /* at most */
	double seconds; /* no new boot when the earlier ones took so long */

	/* out */
	VECTOR(struct charge) charges;
	u64 boots; /* that came to a bad end */
	double used;
	unsigned in_a_row;
	bool passed;         /* some test, in any boot */
	const char *stopped; /* tests were left, and the guest was not started again: why; NULL: none were */
	bool broken;         /* an end that no test can be charged with: nothing counts */
	bool twice;          /* broken, because of an end that came again without a test */
};

/* After a boot with a bad end. True: the guest has to be started again, with restart_command(). */
bool restart_wanted(struct chain *c, const struct console *console, enum state state, const char *reason,
		    double seconds);
/* The guest's command line that leaves out the tests up to the one that was charged last. */
const char *restart_command(const struct chain *c, const char *command);
/* NULL: this test was not charged. */
const struct charge *restart_charge(const struct chain *c, const char *test);
/* What a report says of the whole. */
const char *restart_words(const struct chain *c);

#endif
