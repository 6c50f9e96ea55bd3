// SPDX-License-Identifier: MIT
// LIBS: -lyaml
/* What --test and --exercise leave of a lab: guests, command lines, tests. select.c */
#include "lib/tests/unit.h"

#include "grader/grader.h"

#include <string.h>

static struct rubric rubric;
static const struct guest_image kernel = {.elf = "guest.elf", .native = "guest.bin"};

static struct grader want_exercise(const char *patterns)
{
	struct rubric_exercise *e;

	rubric = (struct rubric){.id = "01"};
	e = vector_add(&rubric.exercises);
	e->id = "E1.1";
	strings_add_words(&e->tests, patterns);
	return (struct grader){.exercise = e, .rubric = &rubric};
}

static void add_guest(struct rubric_run *run, const char *name, const char *command, const char *tests)
{
	struct rubric_guest *guest = vector_add(&run->guests);

	guest->name = name;
	guest->image = kernel;
	guest->command = command;
	vector_add(&guest->groups)->tests = tests;
	run->several = run->guests.n > 1;
}

static void add_ending(struct rubric_run *run, const char *name)
{
	add_guest(run, name, xprintf("crash=%s", name), xprintf("%s:ended", name));
	run->guests.at[run->guests.n - 1].ends = "report";
}

/* The command line of the only guest. */
static void gives(struct grader g, const char *command)
{
	struct rubric_run run = {.name = "mem"}, out;

	add_guest(&run, "guest", "only=mem/ bench=1", "mem/*");
	if (!command) {
		CU_ASSERT_FALSE(select_run(&g, &run, &out));
		return;
	}
	CU_ASSERT_TRUE_FATAL(select_run(&g, &run, &out));
	CU_ASSERT_EQUAL(out.guests.n, 1);
	CU_ASSERT_STRING_EQUAL(out.guests.at[0].command, command);
}

static void commands(void)
{
	gives((struct grader){0}, "only=mem/ bench=1");
	gives((struct grader){.test = "mem/wp"}, "only=mem/wp");
	gives((struct grader){.test = "mem/wp*"}, "only=mem/");
	gives((struct grader){.test = "mem/*"}, "only=mem/ bench=1");
	gives((struct grader){.test = "*"}, "only=mem/ bench=1");
	gives((struct grader){.test = "cpu/hlt"}, NULL);
	gives((struct grader){.test = "unit/mem/x"}, NULL);
	gives(want_exercise("mem/a mem/b cpu/c"), "only=mem/a,mem/b");
	gives(want_exercise("mem/a mem/b*"), "only=mem/a,mem/");
	gives(want_exercise("mem/a mem/*"), "only=mem/ bench=1");
	gives(want_exercise("cpu/* unit/*"), NULL);
	gives(want_exercise("a:mem/*"), NULL);
}

/* A list that the guest would cut becomes its groups. */
static void long_list(void)
{
	const char *patterns = "";

	for (unsigned i = 0; i < 50; i++)
		patterns = xprintf("%smem/test_%u ", patterns, i);
	gives(want_exercise(patterns), "only=mem/");
}

static void guests(void)
{
	struct rubric_run two = {.name = "two"}, bad = {.name = "bad"}, out;
	struct grader g = want_exercise("b:user/* one:ended three:ended");

	add_guest(&two, "a", "only=mem/", "mem/*");
	add_guest(&two, "b", "only=user/", "user/*");
	CU_ASSERT_TRUE_FATAL(select_run(&g, &two, &out));
	CU_ASSERT_EQUAL_FATAL(out.guests.n, 2); /* beside each other */
	CU_ASSERT_STRING_EQUAL(out.guests.at[0].command, "only=user/");
	CU_ASSERT_STRING_EQUAL(out.guests.at[1].command, "only=user/");
	add_guest(&bad, "good", "only=sec/", "sec/*");
	add_ending(&bad, "one");
	add_ending(&bad, "two");
	add_ending(&bad, "three");
	CU_ASSERT_TRUE_FATAL(select_run(&g, &bad, &out));
	CU_ASSERT_EQUAL_FATAL(out.guests.n, 2);
	CU_ASSERT_STRING_EQUAL(out.guests.at[0].name, "one");
	CU_ASSERT_STRING_EQUAL(out.guests.at[1].command, "crash=three");
	g = want_exercise("good:sec/x");
	CU_ASSERT_TRUE_FATAL(select_run(&g, &bad, &out));
	CU_ASSERT_EQUAL_FATAL(out.guests.n, 1);
	CU_ASSERT_STRING_EQUAL(out.guests.at[0].command, "only=sec/x");
	/* It still has its name before its tests. */
	CU_ASSERT_STRING_EQUAL(rubric_test_name(&out, &out.guests.at[0], "sec/x"), "good:sec/x");
	g = (struct grader){.test = "sec/x"};
	CU_ASSERT_TRUE_FATAL(select_run(&g, &bad, &out));
	CU_ASSERT_EQUAL(out.guests.n, 1);
}

/* A rubric with a run for one group and a run with two guests beside each other. */
static struct rubric two_runs(void)
{
	struct rubric r = {.id = "01"};
	struct rubric_run *run = vector_add(&r.runs);

	run->name = "cpu";
	add_guest(run, "guest", "only=cpu/", "cpu/*");
	run = vector_add(&r.runs);
	run->name = "two";
	add_guest(run, "a", "only=mem/", "mem/*");
	add_guest(run, "b", "only=user/", "user/*");
	return r;
}

static void native_is(struct grader g, unsigned number, const char *command)
{
	struct rubric r = two_runs();
	const char *got = select_native(&g, &r, &kernel, number);

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, command);
}

/* Each guest is asked for the groups that are wanted of its number, and whole groups at that. */
static void native(void)
{
	struct guest_image other = {.elf = "steps.elf", .native = "steps.bin"};
	struct rubric r = two_runs();
	struct grader g = {0};

	native_is(g, 0, "only=cpu/,mem/");
	native_is(g, 1, "only=user/");
	native_is(g, 2, "only=none/");
	CU_ASSERT_STRING_EQUAL(select_native(&g, &r, &other, 0), "only=none/");
	g.test = "mem/wp";
	native_is(g, 0, "only=mem/");
	native_is(g, 1, "only=none/");
	g.test = "*";
	native_is(g, 0, "only=cpu/,mem/");
	native_is(want_exercise("cpu/a cpu/b b:user/* halt:ended unit/x/y"), 0, "only=cpu/");
	native_is(want_exercise("cpu/a cpu/b b:user/* halt:ended unit/x/y"), 1, "only=user/");
	/* Of a group of one test that one is enough; of one that may be anything everything is asked. */
	r.runs.at[0].guests.at[0].groups.at[0].tests = "cpu/a";
	CU_ASSERT_STRING_EQUAL(select_native(&(struct grader){0}, &r, &kernel, 0), "only=cpu/a,mem/");
	r.runs.at[0].guests.at[0].groups.at[0].tests = "*a";
	CU_ASSERT_PTR_NULL(select_native(&(struct grader){0}, &r, &kernel, 0));
}

static void names(void)
{
	struct grader g = {.test = "mem/wp"};
	struct rubric_program program = {.program = "unit/x/test_*"};

	CU_ASSERT_TRUE(select_test(&g, "mem/wp"));
	CU_ASSERT_TRUE(select_test(&g, "a:mem/wp"));
	CU_ASSERT_FALSE(select_test(&g, "mem/wp_clear"));
	CU_ASSERT_FALSE(select_unit(&g, &program));
	g.test = "b:mem/wp";
	CU_ASSERT_FALSE(select_test(&g, "a:mem/wp"));
	g.bench = true; /* measures everything that it measures */
	CU_ASSERT_TRUE(select_test(&g, "a:mem/wp"));
	g = want_exercise("mem/wp unit/x/*");
	CU_ASSERT_FALSE(select_test(&g, "a:mem/wp"));
	CU_ASSERT_TRUE(select_unit(&g, &program));
}

/* A unit test that is not wanted goes; what is about a whole program stays. */
static void drop(void)
{
	static const enum state states[] = {STATE_PASS, STATE_FAIL, STATE_CRASH};
	struct grader g = want_exercise("unit/x/a");
	struct run run = {0};

	for (unsigned i = 0; i < ARRAY_SIZE(states); i++)
		*vector_add(&run.tests) = (struct test){.name = "unit/x/b", .state = states[i]};
	*vector_add(&run.tests) = (struct test){.name = "unit/x/a"};
	select_drop(&g, &run);
	CU_ASSERT_EQUAL_FATAL(run.tests.n, 2);
	CU_ASSERT_EQUAL(run.tests.at[0].state, STATE_CRASH);
	CU_ASSERT_STRING_EQUAL(run.tests.at[1].name, "unit/x/a");
}

UNIT_MAIN("grader_select", {"command lines", commands}, {"a long list", long_list}, {"guests", guests},
	  {"the bare machine", native}, {"names", names}, {"what is dropped", drop})
