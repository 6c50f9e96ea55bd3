// SPDX-License-Identifier: MIT
/* The machine lines of the console and what makes them count: protocol.c. The rules are those of
 * common/abi/run_key.h. */
#include "lib/tests/unit.h"

#include "grader/protocol.h"

#include "lib/siphash.h"

#include <inttypes.h>
#include <string.h>

static const u8 key[KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const u8 other[KEY_BYTES] = {16, 2, 3};

static const char *coded(const u8 with[KEY_BYTES], const char *text)
{
	return xprintf("%s #%016" PRIx64, text, siphash24(with, text, strlen(text)));
}

static struct console fresh(void)
{
	struct console c;

	console_init(&c, "guest", key);
	return c;
}

static void feed(struct console *c, const char *text)
{
	console_line(c, coded(key, text), false);
}

static void whole(void)
{
	struct console c = fresh();
	const struct record *r;

	console_line(&c, "a line for people", false);
	feed(&c, "@0 plan tests=2 benches=1");
	feed(&c, "@1 begin cpu/a");
	feed(&c, "@2 pass cpu/a 00000000000000ff");
	feed(&c, "@3 begin cpu/b");
	feed(&c, "@4 fail cpu/b expected=0x1 actual=0x2 at=x.c:3 what=a b # c");
	feed(&c, "@5 begin bench/in");
	feed(&c, "@6 bench bench/in n=10 ticks=100 exits=20 faults=3 roots=4 flushes=5 refs=6");
	CU_ASSERT_STRING_EQUAL(console_incomplete(&c), "the guest's end record did not come");
	feed(&c, "@7 end pass=1 fail=1");
	CU_ASSERT_PTR_NULL(console_incomplete(&c));
	CU_ASSERT_PTR_NULL(c.complaint);
	CU_ASSERT_EQUAL(c.accepted, 8);
	CU_ASSERT_EQUAL(c.records.n, 2);
	r = console_find(&c, "cpu/a");
	CU_ASSERT_EQUAL(r->state, RECORD_PASS);
	CU_ASSERT_EQUAL(r->digest, 0xff);
	r = console_find(&c, "cpu/b");
	CU_ASSERT_EQUAL(r->state, RECORD_FAIL);
	CU_ASSERT_STRING_EQUAL(r->expected, "0x1");
	CU_ASSERT_STRING_EQUAL(r->actual, "0x2");
	CU_ASSERT_STRING_EQUAL(r->at, "x.c:3");
	CU_ASSERT_STRING_EQUAL(r->what, "a b # c");
	CU_ASSERT_EQUAL(c.benches.n, 1);
	CU_ASSERT_EQUAL(c.benches.at[0].total[BENCH_TICKS], 100);
	CU_ASSERT_EQUAL(c.benches.at[0].total[BENCH_REFS], 6);
	CU_ASSERT_PTR_NULL(console_find(&c, "cpu/c"));
}

/* A console whose one test is begun; the next sequence number is 2. */
static struct console begun(void)
{
	struct console c = fresh();

	feed(&c, "@0 plan tests=1 benches=0");
	feed(&c, "@1 begin cpu/a");
	return c;
}

static bool passed(const struct console *c)
{
	const struct record *r = console_find(c, "cpu/a");

	return r && r->state == RECORD_PASS;
}

static void codes(void)
{
	static const char text[] = "@2 pass cpu/a 0000000000000001";
	struct console c = begun();

	console_line(&c, text, false);
	console_line(&c, coded(other, text), false);
	console_line(&c, "@2 pass cpu/a 0000000000000001 #0000000000000000", false);
	console_line(&c, xprintf("%s ", coded(key, text)), false);
	console_line(&c, coded(key, text) + 1, false);
	CU_ASSERT_FALSE(passed(&c));
	CU_ASSERT_EQUAL(c.rejected, 4);
	/* One byte of the text changed under a code that was right. */
	c = begun();
	console_line(&c, xprintf("@2 pass cpu/a 0000000000000002%s", coded(key, text) + sizeof(text) - 1),
		     false);
	CU_ASSERT_FALSE(passed(&c));
	/* Stray bytes were taken out of it. */
	console_line(&c, coded(key, text), true);
	CU_ASSERT_FALSE(passed(&c));
	console_line(&c, coded(key, text), false);
	CU_ASSERT_TRUE(passed(&c));
}

static void order(void)
{
	struct console c = fresh();

	/* Nothing before the plan. */
	feed(&c, "@0 begin cpu/a");
	CU_ASSERT_PTR_NULL(console_find(&c, "cpu/a"));
	/* A pass without its begin. */
	c = fresh();
	feed(&c, "@0 plan tests=1 benches=0");
	feed(&c, "@1 pass cpu/a 0000000000000001");
	CU_ASSERT_FALSE(passed(&c));
	/* A pass of another test. */
	c = begun();
	feed(&c, "@2 pass cpu/b 0000000000000001");
	CU_ASSERT_FALSE(passed(&c));
	CU_ASSERT_PTR_NULL(console_find(&c, "cpu/b"));
	/* A line that came before. */
	c = begun();
	feed(&c, "@1 pass cpu/a 0000000000000001");
	CU_ASSERT_FALSE(passed(&c));
	/* A result cannot be changed. */
	c = begun();
	feed(&c, "@2 fail cpu/a expected=1 actual=2 at=x:1 what=y");
	feed(&c, "@3 pass cpu/a 0000000000000001");
	CU_ASSERT_FALSE(passed(&c));
	/* Nor a test run again. */
	feed(&c, "@4 begin cpu/a");
	feed(&c, "@5 pass cpu/a 0000000000000001");
	CU_ASSERT_FALSE(passed(&c));
	/* Nothing after the end. */
	c = begun();
	feed(&c, "@2 end pass=0 fail=0");
	feed(&c, "@3 pass cpu/a 0000000000000001");
	CU_ASSERT_FALSE(passed(&c));
	CU_ASSERT_PTR_NOT_NULL(c.complaint);
}

static void lost(void)
{
	struct console c = begun();

	feed(&c, "@5 begin cpu/b");
	feed(&c, "@6 pass cpu/b 0000000000000001");
	feed(&c, "@7 end pass=2 fail=0");
	CU_ASSERT_EQUAL(c.lost, 3);
	CU_ASSERT_PTR_NOT_NULL(c.complaint);
	CU_ASSERT_FALSE(passed(&c));
	CU_ASSERT_EQUAL(console_find(&c, "cpu/a")->state, RECORD_OPEN);
	CU_ASSERT_EQUAL(console_find(&c, "cpu/b")->state, RECORD_PASS);
	CU_ASSERT_PTR_NULL(console_incomplete(&c));
}

static void malformed(void)
{
	static const char *const lines[] = {
		"@",
		"@2",
		"@2 pass",
		"@2 pass cpu/a",
		"@2 pass cpu/a 1",
		"@2 pass cpu/a 000000000000000x",
		"@-2 pass cpu/a 0000000000000001",
		"@ 2 pass cpu/a 0000000000000001",
		"@2  pass cpu/a 0000000000000001",
		"@2 PASS cpu/a 0000000000000001",
		"@2 pass cpu/a 0000000000000001 more",
		"@2 plan tests=1 benches=0",
		"@2 end",
		"@2 end pass=1",
		"@2 bench cpu/a n=0 ticks=1",
		"@99999999999999999999999 pass cpu/b 0000000000000001",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		struct console c = begun();

		feed(&c, lines[i]);
		CU_ASSERT_FALSE(passed(&c));
		CU_ASSERT_FALSE(c.ended);
		CU_ASSERT_EQUAL(c.benches.n, 0);
		CU_ASSERT_EQUAL(c.rejected, 1);
	}
}

static void counts(void)
{
	struct console c = begun();

	CU_ASSERT_STRING_EQUAL(console_incomplete(&c), "no result of cpu/a, and no end record");
	feed(&c, "@2 pass cpu/a 0000000000000001");
	feed(&c, "@3 end pass=7 fail=0");
	CU_ASSERT_PTR_NOT_NULL(console_incomplete(&c));
	c = fresh();
	CU_ASSERT_STRING_EQUAL(console_incomplete(&c), "no line of the guest came");
}

/* A guest that is started again: its lines count from 0, its plan must fit, no test begins twice. */
static void restarted(void)
{
	struct console c = fresh();

	feed(&c, "@0 plan tests=3 benches=0");
	feed(&c, "@1 begin cpu/a");
	feed(&c, "@2 pass cpu/a 0000000000000001");
	feed(&c, "@3 begin cpu/b");
	CU_ASSERT_EQUAL(console_left(&c), 1);
	CU_ASSERT_STRING_EQUAL(console_last(&c)->name, "cpu/b");
	console_restart(&c);
	CU_ASSERT_PTR_NULL(console_last(&c));
	CU_ASSERT_EQUAL(console_left(&c), 0);
	/* What the first boot said is worth nothing in the second. */
	feed(&c, "@0 plan tests=3 benches=0");
	feed(&c, "@1 begin cpu/a");
	feed(&c, "@2 pass cpu/a 0000000000000001");
	CU_ASSERT_EQUAL(c.accepted, 0);
	CU_ASSERT_EQUAL(c.records.n, 2);
	feed(&c, "@3 plan tests=1 benches=0");
	feed(&c, "@4 begin cpu/b");
	CU_ASSERT_EQUAL(console_find(&c, "cpu/b")->state, RECORD_OPEN);
	CU_ASSERT_EQUAL(c.accepted, 1);
	feed(&c, "@5 begin cpu/c");
	feed(&c, "@6 pass cpu/c 0000000000000002");
	CU_ASSERT_STRING_EQUAL(console_incomplete(&c), "the guest's end record did not come");
	feed(&c, "@7 end pass=1 fail=0");
	CU_ASSERT_PTR_NULL(console_incomplete(&c));
	CU_ASSERT_EQUAL(console_left(&c), 0);
	CU_ASSERT_EQUAL(c.records.n, 3);
	CU_ASSERT_PTR_NOT_NULL(c.complaint);
}

/* A line that was lost may have been a begin: fewer tests may be left than it seems, but never more. */
static void restarted_after_loss(void)
{
	struct console c = fresh();

	feed(&c, "@0 plan tests=4 benches=0");
	feed(&c, "@3 begin cpu/b");
	CU_ASSERT_EQUAL(console_left(&c), 3);
	console_restart(&c);
	feed(&c, "@0 plan tests=4 benches=0");
	CU_ASSERT_FALSE(c.planned);
	feed(&c, "@1 plan tests=2 benches=0");
	CU_ASSERT_TRUE(c.planned);
}

UNIT_MAIN("grader_protocol", {"a whole run", whole}, {"codes", codes}, {"order", order}, {"lost lines", lost},
	  {"started again", restarted}, {"started again after a loss", restarted_after_loss},
	  {"malformed lines", malformed}, {"what is incomplete", counts})
