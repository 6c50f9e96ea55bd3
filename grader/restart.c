// SPDX-License-Identifier: MIT
/*
 * A crash in one test costs that test: the guest is started again behind it.
 *
 * An improper end is charged to the test that was open. When none was, it is charged to the last one that had
 * a result, which left the machine broken behind it. An end that no test can be charged with says that the
 * hypervisor itself does not work: no test had begun in that boot, or all tests had a result and the guest
 * comes to no proper end without any test either. Then nothing counts.
 *
 * Each boot is a new machine with new images and takes at least one more test away, so a chain is finite. It
 * is bounded further, because a hypervisor that fails everywhere is soon known to.
 *
 * The guest's command line says where it goes on: from=TEST begins with that test, skip=TEST leaves it out.
 * So nobody but the guest has to know the order of its tests.
 */
#include "grader/restart.h"

#include <string.h>

#define SKIP_OPTION "skip="

static bool passed_in_this_boot(const struct console *c)
{
	for (size_t i = c->earlier; i < c->records.n; i++)
		if (c->records.at[i].state == RECORD_PASS && &c->records.at[i] != console_last(c))
			return true;
	return false;
}

static void add_charge(struct chain *c, const struct record *r, enum state state, const char *reason)
{
	struct charge *charge = vector_add(&c->charges);

	charge->test = r->name;
	charge->state = state;
	charge->behind = r->state != RECORD_OPEN;
	charge->message = xprintf("the guest ended %s: %s",
				  charge->behind ? "right behind this test" : "in this test", reason);
}

/* The end is no test's doing, not even that of the one which was charged because it had been the last. */
static bool give_up(struct chain *c)
{
	if (c->charges.n && c->charges.at[c->charges.n - 1].behind)
		c->charges.n--;
	c->broken = true;
	c->stopped = NULL;
	return false;
}

static const char *bound(const struct chain *c)
{
	if (c->in_a_row >= (c->passed ? RESTART_IN_A_ROW : RESTART_AT_FIRST))
		return xprintf("%u tests in a row ended the guest", c->in_a_row);
	if (!c->restarts)
		return "in this run the guest is not started again";
	if (c->boots > c->restarts)
		return xprintf("the guest was started again %llu time%s", (unsigned long long)c->restarts,
			       c->restarts == 1 ? "" : "s");
	if (c->used >= c->seconds)
		return xprintf("the %.0f seconds of the run were over", c->seconds);
	return NULL;
}

bool restart_wanted(struct chain *c, const struct console *console, enum state state, const char *reason,
		    double seconds)
{
	const struct record *last = console_last(console);

	c->boots++;
	c->used += seconds;
	if (!last || state == STATE_INFRA_ERROR) {
		c->twice = !last && c->charges.n && c->charges.at[c->charges.n - 1].behind;
		return give_up(c);
	}
	if (passed_in_this_boot(console)) {
		c->passed = true;
		c->in_a_row = 0;
	}
	c->in_a_row++;
	add_charge(c, last, state, reason);
	/* Nothing is left behind the last test. But when that one had a result, a boot without any test has
	 * to show that the end was its doing. */
	if (!console_left(console) && last->state == RECORD_OPEN)
		return false;
	c->stopped = bound(c);
	if (c->stopped && !console_left(console))
		return give_up(c);
	return !c->stopped;
}

const char *restart_command(const struct chain *c, const char *command)
{
	const char *test = c->charges.at[c->charges.n - 1].test, *skipped = "";

	/* Of two options with one name the guest takes the first. */
	for (const char *word = command; *word; word += strcspn(word, " ")) {
		word += strspn(word, " ");
		if (!strncmp(word, SKIP_OPTION, strlen(SKIP_OPTION)))
			skipped = xprintf(",%.*s", (int)(strcspn(word, " ") - strlen(SKIP_OPTION)),
					  word + strlen(SKIP_OPTION));
	}
	return xprintf("from=%s " SKIP_OPTION "%s%s%s%s", test, test, skipped, *command ? " " : "", command);
}

const struct charge *restart_charge(const struct chain *c, const char *test)
{
	for (size_t i = 0; i < c->charges.n; i++)
		if (!strcmp(c->charges.at[i].test, test))
			return &c->charges.at[i];
	return NULL;
}

const char *restart_words(const struct chain *c)
{
	const char *n = xprintf("%zu %s ended the guest", c->charges.n, c->charges.n == 1 ? "test" : "tests");

	if (c->stopped)
		return xprintf("%s; the rest was not tried: %s", n, c->stopped);
	return xprintf("%s; it went on behind %s", n, c->charges.n == 1 ? "it" : "each");
}
