// SPDX-License-Identifier: MIT
/* A guest that is started again: which test its end is charged to, and when it has been enough. restart.c */
#include "lib/tests/unit.h"

#include "grader/restart.h"

#include <string.h>

#define PLENTY 1000

/* A boot in which the tests of `results` began, a letter each: 'p' passed, 'f' failed, 'o' has no result. The
 * tests of a run are called t/1, t/2, ... over all boots. */
static void boot(struct console *c, u64 planned, const char *results)
{
	if (c->planned)
		console_restart(c);
	c->planned = true;
	c->plan_tests = planned;
	for (; *results; results++) {
		struct record *r = vector_add(&c->records);

		r->name = xprintf("t/%zu", c->records.n);
		r->state = *results == 'p' ? RECORD_PASS : *results == 'f' ? RECORD_FAIL : RECORD_OPEN;
	}
}

static struct chain fresh(u64 restarts)
{
	return (struct chain){.restarts = restarts, .seconds = PLENTY};
}

static bool crash(struct chain *chain, const struct console *c)
{
	return restart_wanted(chain, c, STATE_CRASH, "the reason", 1);
}

static void in_a_test(void)
{
	struct chain chain = fresh(PLENTY);
	struct console c = {0};

	boot(&c, 4, "po");
	CU_ASSERT_TRUE(crash(&chain, &c));
	CU_ASSERT_EQUAL(chain.charges.n, 1);
	CU_ASSERT_PTR_NULL(restart_charge(&chain, "t/1"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(restart_charge(&chain, "t/2"));
	CU_ASSERT_EQUAL(restart_charge(&chain, "t/2")->state, STATE_CRASH);
	CU_ASSERT_STRING_EQUAL(restart_charge(&chain, "t/2")->message,
			       "the guest ended in this test: the reason");
	CU_ASSERT_STRING_EQUAL(restart_words(&chain), "1 test ended the guest; it went on behind it");
	/* The last test of all: nothing is left to be tried. */
	boot(&c, 2, "po");
	CU_ASSERT_FALSE(restart_wanted(&chain, &c, STATE_TIMEOUT, "the reason", 1));
	CU_ASSERT_EQUAL(restart_charge(&chain, "t/4")->state, STATE_TIMEOUT);
	CU_ASSERT_PTR_NULL(chain.stopped);
	CU_ASSERT_FALSE(chain.broken);
	CU_ASSERT_STRING_EQUAL(restart_words(&chain), "2 tests ended the guest; it went on behind each");
}

static void between_tests(void)
{
	struct chain chain = fresh(PLENTY);
	struct console c = {0};

	boot(&c, 3, "pf");
	CU_ASSERT_TRUE(crash(&chain, &c));
	CU_ASSERT_STRING_EQUAL(restart_charge(&chain, "t/2")->message,
			       "the guest ended right behind this test: the reason");
	/* Behind the last one: a boot without any test has to tell whose doing it was. */
	boot(&c, 1, "p");
	CU_ASSERT_TRUE(crash(&chain, &c));
	CU_ASSERT_EQUAL(chain.charges.n, 2);
	boot(&c, 0, "");
	CU_ASSERT_FALSE(crash(&chain, &c));
	CU_ASSERT_TRUE(chain.broken);
	CU_ASSERT_TRUE(chain.twice);
	CU_ASSERT_PTR_NULL(restart_charge(&chain, "t/3"));
	CU_ASSERT_PTR_NOT_NULL(restart_charge(&chain, "t/2"));
	/* The same where no further boot is allowed. */
	chain = fresh(0);
	c = (struct console){0};
	boot(&c, 1, "p");
	CU_ASSERT_FALSE(crash(&chain, &c));
	CU_ASSERT_TRUE(chain.broken);
	CU_ASSERT_FALSE(chain.twice);
	CU_ASSERT_PTR_NULL(chain.stopped);
	CU_ASSERT_EQUAL(chain.charges.n, 0);
}

static void no_life(void)
{
	struct chain chain = fresh(PLENTY);
	struct console c = {0};

	CU_ASSERT_FALSE(crash(&chain, &c)); /* no plan */
	CU_ASSERT_TRUE(chain.broken);
	chain = fresh(PLENTY);
	boot(&c, 3, ""); /* a plan, and no test */
	CU_ASSERT_FALSE(crash(&chain, &c));
	CU_ASSERT_TRUE(chain.broken);
	chain = fresh(PLENTY);
	c = (struct console){0};
	boot(&c, 3, "po"); /* the grader's own trouble is no test's */
	CU_ASSERT_FALSE(restart_wanted(&chain, &c, STATE_INFRA_ERROR, "the disk is full", 1));
	CU_ASSERT_TRUE(chain.broken);
	CU_ASSERT_EQUAL(chain.charges.n, 0);
}

static void bounds(void)
{
	struct chain chain = fresh(2);
	struct console c = {0};

	boot(&c, 9, "po");
	CU_ASSERT_TRUE(crash(&chain, &c));
	boot(&c, 7, "po");
	CU_ASSERT_TRUE(crash(&chain, &c));
	boot(&c, 5, "po");
	CU_ASSERT_FALSE(crash(&chain, &c));
	CU_ASSERT_STRING_EQUAL(chain.stopped, "the guest was started again 2 times");
	CU_ASSERT_EQUAL(chain.charges.n, 3);
	CU_ASSERT_FALSE(chain.broken);
	CU_ASSERT_STRING_EQUAL(
		restart_words(&chain),
		"3 tests ended the guest; the rest was not tried: the guest was started again 2 times");
	chain = fresh(0);
	c = (struct console){0};
	boot(&c, 9, "po");
	CU_ASSERT_FALSE(crash(&chain, &c));
	CU_ASSERT_STRING_EQUAL(chain.stopped, "in this run the guest is not started again");
	chain = fresh(PLENTY);
	c = (struct console){0};
	boot(&c, 9, "po");
	CU_ASSERT_FALSE(restart_wanted(&chain, &c, STATE_TIMEOUT, "the reason", PLENTY));
	CU_ASSERT_STRING_EQUAL(chain.stopped, "the 1000 seconds of the run were over");
	CU_ASSERT_EQUAL(restart_charge(&chain, "t/2")->state, STATE_TIMEOUT);
}

/* Twelve tests in a row, no pass among them, are enough; a failed one is none. Where nothing ever passed,
 * four. */
static void in_a_row(void)
{
	struct chain chain = fresh(PLENTY);
	struct console c = {0};

	boot(&c, 20, "o");
	CU_ASSERT_TRUE(crash(&chain, &c));
	boot(&c, 19, "o");
	CU_ASSERT_TRUE(crash(&chain, &c));
	boot(&c, 18, "o");
	CU_ASSERT_TRUE(crash(&chain, &c));
	boot(&c, 17, "po"); /* begins to count anew */
	CU_ASSERT_TRUE(crash(&chain, &c));
	boot(&c, 15, "fo");
	CU_ASSERT_TRUE(crash(&chain, &c));
	boot(&c, 13, "p"); /* a pass that the end is charged to is none */
	CU_ASSERT_TRUE(crash(&chain, &c));
	for (unsigned left = 12; left > 4; left--) {
		boot(&c, left, "o");
		CU_ASSERT_TRUE(crash(&chain, &c));
	}
	boot(&c, 4, "o");
	CU_ASSERT_FALSE(crash(&chain, &c));
	CU_ASSERT_STRING_EQUAL(chain.stopped, "12 tests in a row ended the guest");

	chain = fresh(PLENTY);
	c = (struct console){0};
	for (unsigned left = 20; left > 17; left--) {
		boot(&c, left, "o");
		CU_ASSERT_TRUE(crash(&chain, &c));
	}
	boot(&c, 17, "o");
	CU_ASSERT_FALSE(crash(&chain, &c));
	CU_ASSERT_STRING_EQUAL(chain.stopped, "4 tests in a row ended the guest");
}

static void command(void)
{
	struct chain chain = fresh(PLENTY);
	struct console c = {0};

	boot(&c, 3, "o");
	CU_ASSERT_TRUE(crash(&chain, &c));
	CU_ASSERT_STRING_EQUAL(restart_command(&chain, ""), "from=t/1 skip=t/1");
	CU_ASSERT_STRING_EQUAL(restart_command(&chain, "only=t/,bench/ bench=1"),
			       "from=t/1 skip=t/1 only=t/,bench/ bench=1");
	CU_ASSERT_STRING_EQUAL(restart_command(&chain, "only=t/  skip=t/7,u/ x"),
			       "from=t/1 skip=t/1,t/7,u/ only=t/  skip=t/7,u/ x");
	boot(&c, 2, "o");
	CU_ASSERT_TRUE(crash(&chain, &c));
	CU_ASSERT_STRING_EQUAL(restart_command(&chain, ""), "from=t/2 skip=t/2");
}

UNIT_MAIN("grader_restart", {"in a test", in_a_test}, {"between tests", between_tests}, {"no life", no_life},
	  {"bounds", bounds}, {"in a row", in_a_row}, {"command line", command})
