// SPDX-License-Identifier: MIT
/*
 * The course around a lab: its exercises, what comes next, one exercise alone, one that was unblocked, the
 * official platform, and a workspace with layers of the student's own.
 */
#include "e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAB "20"

static const char exercises[] = "submit: ['*.c']\n"
				"exercises:\n"
				"  - id: E20.1\n"
				"    name: The first\n"
				"    hours: 2\n"
				"    where: ['rubric.yaml: one(), two()']\n"
				"    read: 'docs/x.md, \"One\"'\n"
				"    expect: both pass\n"
				"    hints: [a, b, c]\n"
				"    tests: [cpu/*]\n"
				"  - id: E20.2\n"
				"    name: The second\n"
				"    hours: 1\n"
				"    where: ['rubric.yaml: three()']\n"
				"    read: 'docs/x.md, \"Two\"'\n"
				"    expect: all pass\n"
				"    hints: [a, b, c]\n"
				"    tests: [mem/*]\n";

/* The first of the texts that is not there; one that begins with '!' must not be there. */
static const char *missing(const char *in, const char *const texts[])
{
	for (; in && *texts; texts++) {
		bool unwanted = **texts == '!';

		if (!strstr(in, *texts + unwanted) != unwanted)
			return xprintf(unwanted ? "has \"%s\"" : "has no \"%s\"", *texts + unwanted);
	}
	return in ? NULL : "nothing came";
}

void trial_run(struct e2e *e, struct trial *x)
{
	const char *problem;

	call(e, &x->call);
	problem = missing(x->call.output, x->output);
	if (!problem && x->results[0])
		problem = missing(x->call.results, x->results);
	if (!problem && x->call.status != x->status)
		problem = xprintf("status %d, not %d", x->call.status, x->status);
	verdict(e, x->name, problem, &x->call);
}

void tree_set(const struct e2e *e, const char *file, const char *text)
{
	const char *path = xprintf("%s/%s", e->tree, file);

	if (text)
		file_must_write(path, text);
	else
		unlink(path);
}

static void test_exercises(struct e2e *e)
{
	static struct trial all = {
		"all exercises are done",
		{.lab = LAB, .options = {"--no-build"}},
		0,
		{"E20.1  The first ", " 60.00    60  done", "All exercises are done.",
		 "!Next:", "Total 100.00 of 100 points\n"},
		{"\"counts\": true", "\"official\": \"tcg\"", "\"base\": \"source\"", "!\"own\""}};
	static struct trial none = {"the next exercise",
				    {.lab = LAB, .options = {"--no-build"}},
				    0,
				    {"Next: E20.1 The first - rubric.yaml: one(), two()   (about 2 hours)",
				     "expected now: both pass", "read: docs/x.md, \"One\"",
				     "stuck: make hint EX=20.1", "!All exercises", "!Next: E20.2"},
				    {"\"state\": \"open\"", "!\"state\": \"done\""}};
	static struct trial hintless = {"a course without hints",
					{.lab = LAB, .options = {"--no-build"}},
					0,
					{"Next: E20.1", "!make hint"},
					{NULL}};

	lab_write(e, LAB, "hv1", exercises);
	trial_run(e, &all);
	lab_write(e, LAB, "hv13", exercises);
	trial_run(e, &none);
	tree_set(e, "course.yaml", "hints: false\n");
	trial_run(e, &hintless);
	tree_set(e, "course.yaml", NULL);
}

static void test_one_exercise(struct e2e *e)
{
	static struct trial cases[] = {
		{"one exercise, its lab by its number",
		 {.options = {"--no-build", "--exercise", "20.1"}},
		 0,
		 {"E20.1  The first ", "!E20.2", "!mem/",
		  "Total 60.00 of 60 points (a part of the lab: informational)"},
		 {"\"name\": \"cpu/two\"", "!mem/three", "!E20.2", "\"counts\": false"}},
		{"half of a group has half of its points",
		 {.lab = LAB, .options = {"--no-build", "--test", "cpu/two"}},
		 0,
		 {"Total 30.00 of 30 points", "!exercise"},
		 {"\"name\": \"cpu/two\"", "!cpu/one"}},
		{"an exercise that is not there",
		 {.options = {"--no-build", "--exercise", "E20.9"}},
		 2,
		 {"lab 20 has no exercise E20.9. There are: E20.1, E20.2"},
		 {NULL}},
		{"no number of an exercise",
		 {.options = {"--no-build", "--exercise", "20"}},
		 2,
		 {"--exercise 20: an exercise is called by its number, such as 1.2"},
		 {NULL}},
		{"an exercise and a test",
		 {.lab = LAB, .options = {"--exercise", "20.1", "--test", "cpu/one"}},
		 2,
		 {"together"},
		 {NULL}},
	};

	lab_write(e, LAB, "hv1", exercises);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		trial_run(e, &cases[i]);
}

static void test_unblocked(struct e2e *e)
{
	static struct trial x = {
		"an exercise that was unblocked",
		{.lab = LAB, .options = {"--no-build"}},
		0,
		{"0.00    40  unblocked", "No exercise is open.", "Total 60.00 of 100 points\n"},
		{"\"state\": \"unblocked\"", "unblocked: the reference stands in for exercise E20.2",
		 "\"score\": 60"}};

	lab_write(e, LAB, "hv1", exercises);
	tree_set(e, "labs/" LAB "-test/x.c", "\t/* UNBLOCKED E20.2 { */\n\t;\n\t/* } UNBLOCKED E20.2 */\n");
	trial_run(e, &x);
	tree_set(e, "labs/" LAB "-test/x.c", NULL);
}

static void test_official(struct e2e *e)
{
	static struct trial lab = {"another platform than the official one",
				   {.lab = LAB, .options = {"--no-build", "--platform", "bochs"}},
				   0,
				   {"of 100 points (informational: the lab's official platform is tcg)"},
				   {"\"counts\": false", "\"official\": \"tcg\"", "\"max\": 100"}};
	static struct trial course = {
		"the course's official platform",
		{.lab = LAB, .options = {"--no-build", "--platform", "tcg"}},
		0,
		{"Total 100.00 of 100 points (informational: this course's official platform is bochs)"},
		{"\"counts\": false", "\"official\": \"bochs\""}};
	static struct trial wrong = {"a course.yaml with a mistake",
				     {.lab = LAB, .options = {"--no-build"}},
				     2,
				     {"course.yaml:1: file.platform: there is no such field"},
				     {NULL}};

	lab_write(e, LAB, "hv1", exercises);
	trial_run(e, &lab);
	tree_set(e, "course.yaml", "official: {\"" LAB "\": bochs}\n");
	trial_run(e, &course);
	tree_set(e, "course.yaml", "platform: tcg\n");
	trial_run(e, &wrong);
	tree_set(e, "course.yaml", NULL);
}

/* The lab's hypervisor is honest on the given layers; `own` is what make does for the student's own. */
static void own_write(struct e2e *e, const char *own)
{
	lab_write(e, LAB, "hv1", exercises);
	tree_set(e, "labs/" LAB "-test/Makefile",
		 xprintf("ifeq ($(BASE),own)\nall:\n\t%s\nelse\nall:\n\t@true\nendif\n", own));
	tree_set(e, "workspace.yaml", "lab: \"" LAB "\"\nbase: own\ntree: /tree\ncommit: none\n");
}

/* Without a lab's name: a workspace knows it. */
static void test_own(struct e2e *e)
{
	static struct trial worse = {
		"a base of the student's own that is worse",
		{.options = {NULL}},
		0,
		{"On your own layers: 0.00 of 100 points", "main  cpu/one: fail, on the given layers pass",
		 "Total 100.00 of 100 points\n", "Lab 20", "!Lab 10"},
		{"\"base\": \"own\"", "\"own\": {\n    \"score\": 0,\n    \"max\": 100,", "\"score\": 100,"}};
	static struct trial same = {"a base of the student's own that is as good",
				    {.options = {NULL}},
				    0,
				    {"On your own layers: 100.00 of 100 points\n\nTotal 100.00"},
				    {"\"own\": {\n    \"score\": 100,"}};
	static struct trial broken = {"a base of the student's own that does not build",
				      {.options = {NULL}},
				      0,
				      {"On your own layers: 0.00 of 100 points",
				       "build_error: make -C labs/20-test failed",
				       "Total 100.00 of 100 points\n"},
				      {"\"state\": \"build_error\"", "\"score\": 100,"}};
	static struct trial part = {"a part of the lab is graded on the given base alone",
				    {.options = {"--exercise", "20.1"}},
				    0,
				    {"Total 60.00 of 60 points", "!own layers"},
				    {"!\"own\": {"}};
	static const char copy[] = "@mkdir -p $(BUILD)/grader/e2e && cp $(BUILD)/../grader/e2e/hv%u.bin "
				   "$(BUILD)/grader/e2e/hv1.bin";

	setenv("BASE", "own", 1); /* what counts does not listen to it */
	own_write(e, xprintf(copy, 3));
	trial_run(e, &worse);
	trial_run(e, &part);
	own_write(e, xprintf(copy, 1));
	trial_run(e, &same);
	own_write(e, "@false");
	trial_run(e, &broken);
	unsetenv("BASE");
	tree_set(e, "workspace.yaml", NULL);
	tree_set(e, "labs/" LAB "-test/Makefile", NULL);
	directory_remove(xprintf("%s/own/grader/e2e", e->build));
}

void test_course(struct e2e *e)
{
	test_exercises(e);
	test_one_exercise(e);
	test_unblocked(e);
	test_official(e);
	test_own(e);
}
