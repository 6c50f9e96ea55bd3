// SPDX-License-Identifier: MIT
/*
 * A lab with two tracks: each is graded, and the better one's score is the lab's. The hypervisor is honest;
 * the engine called `worse` has tests that must fail and do not, so a track that names it has fewer points.
 */
#include "e2e.h"

#include <stdio.h>

#define LAB "21"

static const char exercises[] = "submit: ['*.c', 'b/*.c']\n"
				"exercises:\n"
				"  - id: E21.1\n"
				"    name: The first\n"
				"    hours: 2\n"
				"    where: {a: ['x.c: one()'], b: ['b/x.c: two()']}\n"
				"    read: 'docs/x.md, \"One\"'\n"
				"    expect: {a: a passes, b: b passes}\n"
				"    hints: [a, b, c]\n"
				"    tests: [mem/*]\n"
				"  - id: E21.2\n"
				"    name: The second\n"
				"    track: b\n"
				"    hours: 1\n"
				"    where: ['b/x.c: three()']\n"
				"    read: 'docs/x.md, \"Two\"'\n"
				"    expect: all pass\n"
				"    hints: [a, b, c]\n"
				"    tests: [cpu/*]\n"
				"expected_failures: {worse: [{test: mem/*, reason: for the test}]}\n";

static const char *run_text(const char *track, const char *cpu, const char *platforms)
{
	return xprintf("  - name: main\n"
		       "    track: %s\n"
		       "    cpu: %s\n"
		       "    mem: none\n"
		       "    platforms: %s\n"
		       "    guests:\n"
		       "      - name: guest\n"
		       "        groups: [{tests: cpu/*, points: 60}, {tests: mem/*, points: 40}]\n",
		       track, cpu, platforms);
}

/* Track a is made on tcg and on Bochs, track b on one model of Bochs and on tcg. */
static void tracks_write(const struct e2e *e, const char *a, const char *b)
{
	tree_set(e, "labs/" LAB "-test/x.c", "");
	tree_set(e, "labs/" LAB "-test/b/x.c", "");
	runs_lab_write(e, LAB, "hv1",
		       xprintf("tracks: {a: {}, b: {}}\nruns:\n%s%s%s", run_text("a", a, "[tcg]"),
			       run_text("b", b, "['bochs:ryzen', tcg]"), exercises));
}

static void test_both(struct e2e *e)
{
	static struct trial first = {
		"both tracks are graded, and the first one is better",
		{.lab = LAB, .options = {"--no-build", "--strict"}},
		1,
		{"A lab of the tests, track a   seed", "A lab of the tests, track b   seed",
		 "Total 100.00 of 100", "Total 60.00 of 100",
		 "\nLab 21: 100.00 of 100 points, those of track a; track b has 60.00\n",
		 "again: make grade LAB=21 TRACK=b TEST=mem/three", "stuck: make hint EX=21.1 TRACK=b"},
		{"   \"track\": \"a\",\n   \"base\"", "   \"others\": [",
		 "     \"track\": \"b\",\n     \"base\"", "\"score\": 100,", "\"score\": 60,"}};
	static struct trial second = {
		"the second one is better",
		{.lab = LAB, .options = {"--no-build"}},
		0,
		{"\nLab 21: 100.00 of 100 points, those of track b; track a has 60.00\n"},
		{"   \"track\": \"b\",\n   \"base\"", "     \"track\": \"a\",\n     \"base\""}};
	static struct trial good = {"--strict is content with two good tracks",
				    {.lab = LAB, .options = {"--no-build", "--strict"}},
				    0,
				    {"100.00 of 100 points, those of track a; track b has 100.00"},
				    {"\"others\": ["}};

	tracks_write(e, "fake", "worse");
	trial_run(e, &first);
	tracks_write(e, "worse", "fake");
	trial_run(e, &second);
	tracks_write(e, "fake", "fake");
	trial_run(e, &good);
}

static void test_one(struct e2e *e)
{
	static struct trial cases[] = {
		{"one track",
		 {.lab = LAB, .options = {"--no-build", "--track", "b"}},
		 0,
		 {"track b   seed", "E21.2  The second", "Total 60.00 of 100", "expected now: b passes",
		  "!track a"},
		 {"\"track\": \"b\"", "!\"others\"", "!\"track\": \"a\""}},
		{"an exercise of both tracks",
		 {.lab = LAB, .options = {"--no-build", "--exercise", "21.1"}},
		 0,
		 {"Total 40.00 of 40 points", "Total 0.00 of 40 points",
		  "40.00 of 40 points, those of track a"},
		 {"\"others\": ["}},
		{"an exercise of one track",
		 {.options = {"--no-build", "--exercise", "21.2"}},
		 0,
		 {"Total 60.00 of 60 points", "track b", "!track a"},
		 {"!\"others\""}},
		{"an exercise of the other track",
		 {.lab = LAB, .options = {"--no-build", "--exercise", "21.2", "--track", "a"}},
		 2,
		 {"lab 21 has no exercise E21.2 in track a. There are: E21.1, E21.2"},
		 {NULL}},
		{"a track that is not there",
		 {.lab = LAB, .options = {"--no-build", "--track", "c"}},
		 2,
		 {"lab 21 has no track c. There are: a, b"},
		 {NULL}},
		{"a platform that a track is not made on",
		 {.lab = LAB, .options = {"--no-build", "--platform", "bochs:ryzen"}},
		 0,
		 {"this run is not made on bochs:ryzen; the points can be had on: tcg", "track b"},
		 {"\"state\": \"unavailable\"", "\"model\": \"ryzen\""}},
	};

	tracks_write(e, "fake", "worse");
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		trial_run(e, &cases[i]);
}

#define WORKSPACE(track) "lab: \"" LAB "\"\ntrack: " track "\nbase: given\ntree: /tree\ncommit: none\n"

static void test_workspace(struct e2e *e)
{
	static struct trial own = {"a workspace has its track",
				   {.options = {"--no-build"}},
				   0,
				   {"track b   seed", "stuck: make hint EX=21.1\n", "!track a"},
				   {"\"track\": \"b\"", "!\"others\""}};
	static struct trial other = {"another one is asked for there",
				     {.options = {"--no-build", "--track", "a"}},
				     0,
				     {"track a   seed", "!track b"},
				     {"\"track\": \"a\""}};
	static struct trial wrong = {"a workspace of a track that is not there",
				     {.options = {"--no-build"}},
				     2,
				     {"workspace.yaml: lab 21 has no track c. There are: a, b"},
				     {NULL}};

	tracks_write(e, "fake", "worse");
	tree_set(e, "workspace.yaml", WORKSPACE("b"));
	trial_run(e, &own);
	trial_run(e, &other);
	tree_set(e, "workspace.yaml", WORKSPACE("c"));
	trial_run(e, &wrong);
	tree_set(e, "workspace.yaml", NULL);
}

static void test_official(struct e2e *e)
{
	static struct trial right = {
		"the official platform of each track",
		{.lab = LAB, .options = {"--no-build"}},
		0,
		{"of 100 points, those of track a"},
		{"\"official\": \"tcg\"", "\"official\": \"bochs\"", "\"model\": \"ryzen\""}};
	static struct trial wrong = {"the official platform of a track that is not there",
				     {.lab = LAB, .options = {"--no-build"}},
				     2,
				     {"course.yaml: official: lab 21 has no track c. There are: a, b"},
				     {NULL}};

	tracks_write(e, "fake", "fake");
	tree_set(e, "course.yaml", "official: {\"" LAB "\": {b: bochs}}\n");
	trial_run(e, &right);
	tree_set(e, "course.yaml", "official: {\"" LAB "\": {c: bochs}}\n");
	trial_run(e, &wrong);
	tree_set(e, "course.yaml", NULL);
}

static void test_unblocked(struct e2e *e)
{
	static struct trial x = {"an exercise that was unblocked in one track",
				 {.lab = LAB, .options = {"--no-build"}},
				 0,
				 {"0.00    40  unblocked",
				  "Lab 21: 100.00 of 100 points, those of track a; track b has 60.00"},
				 {"\"state\": \"unblocked\"", "\"state\": \"done\""}};

	tracks_write(e, "fake", "fake");
	tree_set(e, "labs/" LAB "-test/b/x.c", "\t/* UNBLOCKED E21.1 { */\n\t;\n\t/* } UNBLOCKED E21.1 */\n");
	trial_run(e, &x);
}

void test_tracks(struct e2e *e)
{
	test_both(e);
	test_one(e);
	test_workspace(e);
	if (program_find("bochs"))
		test_official(e);
	test_unblocked(e);
}
