// SPDX-License-Identifier: MIT
/*
 * End-to-end tests of the grader: e2e GRADE DIRECTORY BUILD ROOT. Each case writes a little lab, has it
 * graded by the real program with the real emulators, and looks at results.json, exit status, time, and at
 * what is left behind. The images are in hypervisors.c.
 */
#include "e2e.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED       "0x1234"
#define GUARD      60.0 /* seconds for one call of the grader */
#define ALL_POINTS 100

/* ---- calling the grader ---- */

static pid_t start(const struct e2e *e, const struct call *c, const char *results, const char *output)
{
	string_list argv = {0};
	pid_t pid;

	strings_add(&argv, e->grade);
	strings_add(&argv, "--root");
	strings_add(&argv, e->tree);
	strings_add(&argv, "--build");
	strings_add(&argv, e->build);
	if (c->lab) {
		strings_add(&argv, "--lab");
		strings_add(&argv, c->lab);
	}
	strings_add(&argv, "--seed");
	strings_add(&argv, SEED);
	strings_add(&argv, "--output");
	strings_add(&argv, results);
	for (unsigned i = 0; i < ARRAY_SIZE(c->options) && c->options[i]; i++)
		strings_add(&argv, c->options[i]);
	pid = fork();
	if (pid)
		return pid;
	dup2(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	if (c->path)
		setenv("PATH", c->path, 1);
	execv(e->grade, strings_argv(&argv));
	_exit(EXIT_FAILURE);
}

void call(const struct e2e *e, struct call *c)
{
	const char *results = xprintf("%s/results.json", e->tree),
		   *output = xprintf("%s/output.txt", e->tree);
	double began = clock_seconds();
	pid_t pid;
	int status;

	unlink(results);
	pid = start(e, c, results, output);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		double now = clock_seconds() - began;

		if (c->signal && now > c->kill_after) {
			kill(pid, c->signal);
			c->kill_after = GUARD;
		}
		if (now > GUARD)
			kill(pid, SIGKILL);
		poll(NULL, 0, 20);
	}
	c->seconds = clock_seconds() - began;
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	c->output = file_read(output, NULL);
	c->results = file_read(results, NULL);
}

/* ---- looking at what came ---- */

void verdict(struct e2e *e, const char *name, const char *problem, const struct call *c)
{
	if (!problem) {
		e->passed++;
		printf("  ok      %s (%.1f s)\n", name, c->seconds);
		return;
	}
	e->failed++;
	printf("  FAILED  %s: %s\n", name, problem);
	if (c->output)
		printf("%s\n", c->output);
}

static const char *text_of(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

struct expectation {
	const char *run;   /* state of the run */
	const char *tests; /* state of every test */
	double score;
	const char *message; /* part of the output; NULL: not looked at */
	double seconds;      /* at most */
};

static const char *check_run(json_t *run, const struct expectation *x)
{
	json_t *tests = json_object_get(run, "tests"), *test;
	size_t i;

	if (strcmp(text_of(run, "state"), x->run))
		return xprintf("the run is %s, not %s", text_of(run, "state"), x->run);
	if (!json_array_size(tests))
		return "no tests";
	json_array_foreach(tests, i, test)
	{
		if (strcmp(text_of(test, "state"), x->tests))
			return xprintf("%s is %s, not %s", text_of(test, "name"), text_of(test, "state"),
				       x->tests);
	}
	return NULL;
}

/* Control characters must reach neither terminal nor file. */
static const char *check_clean(const struct call *c)
{
	for (const char *p = c->output; *p; p++)
		if ((*p < ' ' && *p != '\n') || *p == 127)
			return "a control character reached the output";
	return NULL;
}

static const char *check(const struct call *c, const struct expectation *x)
{
	json_error_t error;
	json_t *top, *lab;
	const char *problem;

	if (!c->results)
		return "no results";
	top = json_loads(c->results, 0, &error);
	lab = json_array_get(json_object_get(top, "labs"), 0);
	if (!lab)
		return xprintf("the results are no results: %s", error.text);
	problem = check_run(json_array_get(json_object_get(lab, "runs"), 0), x);
	if (problem)
		return problem;
	if (json_number_value(json_object_get(lab, "score")) != x->score)
		return xprintf("%.3f points, not %.3f", json_number_value(json_object_get(lab, "score")),
			       x->score);
	if (json_number_value(json_object_get(lab, "max")) != ALL_POINTS)
		return "max is not 100";
	if (x->message && !strstr(c->output, x->message))
		return xprintf("does not say \"%s\"", x->message);
	if (c->seconds > x->seconds)
		return xprintf("took %.1f s", c->seconds);
	return check_clean(c);
}

/* A directory that still has a process in it, or files. */
static const char *check_left(const struct e2e *e, bool killed)
{
	const char *scratch = xprintf("%s/grader/scratch", e->build);
	DIR *d = opendir("/proc");
	struct dirent *entry;
	char cwd[4096];

	while ((entry = readdir(d))) {
		ssize_t n = readlink(xprintf("/proc/%s/cwd", entry->d_name), cwd, sizeof(cwd) - 1);

		if (n <= 0)
			continue;
		cwd[n] = 0;
		if (!strncmp(cwd, scratch, strlen(scratch))) {
			closedir(d);
			return xprintf("process %s is left", entry->d_name);
		}
	}
	closedir(d);
	d = opendir(scratch);
	while (!killed && d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			return xprintf("%s/%s is left", scratch, entry->d_name);
	if (d)
		closedir(d);
	return NULL;
}

/* ---- hypervisors ---- */

#define QUICK   20 /* seconds, on a busy computer */
#define PATIENT 40 /* a guard for what ends by itself, but not at once */

static const struct {
	const char *name, *image, *platform;
	struct expectation x;
	unsigned guard; /* 0: LAB_GUARD */
} fakes[] = {
	{"honest", "hv1", "tcg", {"pass", "pass", 100, "1 pass", QUICK}},
	{"a liar with another key", "hv2", "tcg", {"crash", "crash", 0, "without the right code", QUICK}},
	{"a guesser with the right key",
	 "hv3",
	 "tcg",
	 {"pass", "fail", 0, "other values than on the bare machine", QUICK}},
	{"hangs after the last test", "hv4", "tcg", {"timeout", "timeout", 0, "still ran after", QUICK}},
	{"halts after the last test",
	 "hv5",
	 "tcg",
	 {"timeout", "timeout", 0, "nothing could wake it", QUICK}},
	{"floods the serial line",
	 "hv6",
	 "tcg",
	 {"crash", "crash", 0, "MiB over the serial line", PATIENT},
	 PATIENT},
	{"triple fault", "hv7", "tcg", {"crash", "crash", 0, "triple fault", QUICK}},
	{"reboots", "hv8", "tcg", {"crash", "crash", 0, "was reset", QUICK}},
	{"NULs and escape codes", "hv9", "tcg", {"pass", "pass", 100, NULL, QUICK}},
	{"end record without shutdown", "hv10", "tcg", {"timeout", "timeout", 0, "still ran after", QUICK}},
	{"ends with a status", "hv11", "tcg", {"crash", "crash", 0, "status 3", QUICK}},
	{"prints everything twice", "hv12", "tcg", {"fail", "pass", 100, "came twice", QUICK}},
	{"ends without a word", "hv13", "tcg", {"crash", "crash", 0, "no line of the guest", QUICK}},
	{"no Multiboot header", "no-header", "tcg", {"crash", "crash", 0, "does not start", QUICK}},
	{"honest, on Bochs", "hv1", "bochs", {"pass", "pass", 100, "1 pass", QUICK}},
	{"hangs, on Bochs", "hv4", "bochs", {"timeout", "timeout", 0, "budget", PATIENT}, PATIENT},
	{"halts, on Bochs", "hv5", "bochs", {"timeout", "timeout", 0, NULL, 2 * QUICK}},
	{"floods, on Bochs", "hv6", "bochs", {"timeout", "timeout", 0, NULL, 2 * QUICK}},
	{"triple fault, on Bochs", "hv7", "bochs", {"crash", "crash", 0, "3rd", QUICK}},
	{"ends without a word, on Bochs",
	 "hv13",
	 "bochs",
	 {"crash", "crash", 0, "no line of the guest", QUICK}},
};

static void test_fakes(struct e2e *e)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fakes); i++) {
		struct call c = {.lab = "10", .options = {"--no-build", "--platform", fakes[i].platform}};
		const char *problem;

		if (!strcmp(fakes[i].platform, "bochs") && !program_find("bochs")) {
			printf("  skipped %s: bochs is not installed\n", fakes[i].name);
			continue;
		}
		guarded_lab_write(e, "10", fakes[i].image, fakes[i].guard ? fakes[i].guard : LAB_GUARD, NULL);
		call(e, &c);
		problem = check(&c, &fakes[i].x);
		verdict(e, fakes[i].name, problem ? problem : check_left(e, false), &c);
	}
}

/* ---- what the rubric says ---- */

static void test_expected(struct e2e *e)
{
	static const char list[] = "expected_failures: {fake: [{test: '*', reason: for the test}]}\n";
	struct call c = {.lab = "11", .options = {"--no-build", "--strict"}};
	const char *problem;

	lab_write(e, "11", "hv3", list);
	call(e, &c);
	problem = check(&c, &(struct expectation){"pass", "expected_fail", 100, "3", QUICK});
	verdict(e, "expected failures count",
		problem    ? problem
		: c.status ? "--strict is not content"
			   : NULL,
		&c);

	lab_write(e, "11", "hv1", list);
	call(e, &c);
	problem = check(&c, &(struct expectation){"pass", "unexpected_pass", 0, "for the test", QUICK});
	verdict(e, "unexpected passes do not",
		problem         ? problem
		: c.status != 1 ? "--strict is content"
				: NULL,
		&c);

	lab_write(e, "11", "hv3", NULL);
	call(e, &c);
	problem = check(&c, &(struct expectation){"pass", "fail", 0, NULL, QUICK});
	verdict(e, "an unlisted failure",
		problem         ? problem
		: c.status != 1 ? "--strict is content"
				: NULL,
		&c);
}

static void test_prerequisite(struct e2e *e)
{
	/* The list of runs stands last in the little labs, and this goes on with it. */
	struct call c = {.lab = "19", .options = {"--no-build"}};
	char *text;

	lab_write(e, "19", "hv13",
		  "  - name: second\n"
		  "    needs: main\n"
		  "    cpu: fake\n"
		  "    mem: none\n"
		  "    platforms: [tcg]\n"
		  "    guests: [{name: guest, groups: [{tests: '*', points: 0}]}]\n");
	call(e, &c);
	text = c.results ? strstr(c.results, "\"second\"") : NULL;
	verdict(e, "a run whose prerequisite failed",
		!text                                     ? "no such run"
		: !strstr(text, "\"state\": \"skipped\"") ? "it is not skipped"
		: !strstr(text, "\"name\": \"cpu/two\"")  ? "its tests have no names"
		: !strstr(c.output, "came to life")       ? "the reason is not shown"
							  : NULL,
		&c);
}

static void test_unavailable(struct e2e *e)
{
	const char *path = xprintf("%s/path", e->tree), *qemu = program_find("qemu-system-x86_64");
	struct call c = {.lab = "12", .options = {"--no-build", "--platform", "bochs"}, .path = path};

	lab_write(e, "12", "hv1", NULL);
	directory_make(path);
	unlink(xprintf("%s/qemu-system-x86_64", path));
	if (symlink(qemu, xprintf("%s/qemu-system-x86_64", path)))
		perror(path);
	call(e, &c);
	verdict(e, "no Bochs here",
		check(&c, &(struct expectation){"unavailable", "unavailable", 0, "bochs is not installed",
						QUICK}),
		&c);
	c.path = e->tree;
	call(e, &c);
	verdict(e, "no emulator at all",
		check(&c, &(struct expectation){"infra_error", "infra_error", 0, "is not installed", QUICK}),
		&c);
}

static void test_build_error(struct e2e *e)
{
	struct call c = {.lab = "13"};

	lab_write(e, "13", "hv1", NULL);
	file_must_write(xprintf("%s/labs/13-test/Makefile", e->tree),
			"all:\n\t@echo 'trap.c:3:1: error: this is the reason'; exit 1\n");
	call(e, &c);
	verdict(e, "build error",
		check(&c,
		      &(struct expectation){"build_error", "build_error", 0, "this is the reason", QUICK}),
		&c);
}

static void test_rubric_error(struct e2e *e)
{
	struct call c = {.lab = "14"};

	lab_write(e, "14", "hv1", "expektations: 3\n");
	call(e, &c);
	verdict(e, "a rubric with a mistake",
		c.status != 2                         ? "exit status is not 2"
		: !strstr(c.output, "rubric.yaml:21") ? "the line is not named"
		: !strstr(c.output, "expektations")   ? "the field is not named"
						      : NULL,
		&c);
}

/* ---- unit tests ---- */

static void test_units(struct e2e *e)
{
	static const struct {
		const char *suite;
		struct expectation x;
	} suites[] = {
		{"crash", {"crash", "crash", 0, "signal 6", QUICK}},
		{"early", {"crash", "crash", 0, "result file", QUICK}},
		{"loop", {"timeout", "timeout", 0, "still ran", QUICK}},
	};
	struct call c = {.lab = "15", .options = {"--no-build"}};

	for (unsigned i = 0; i < ARRAY_SIZE(suites); i++) {
		unit_lab_write(e, "15", xprintf("grader/e2e/suites/suite_%s", suites[i].suite));
		call(e, &c);
		verdict(e, xprintf("a suite: %s", suites[i].suite), check(&c, &suites[i].x), &c);
	}
	unit_lab_write(e, "15", "grader/e2e/suites/suite_good");
	call(e, &c);
	verdict(e, "a suite: two of three",
		!c.results                     ? "no results"
		: !strstr(c.results, "66.667") ? "not two thirds of the points"
		: !strstr(c.output, "1 + 1")   ? "the condition is not shown"
					       : NULL,
		&c);
}

/* ---- the grader itself ---- */

static void test_interrupted(struct e2e *e)
{
	static const struct {
		const char *name, *platform;
		int signal;
		double after;
	} cases[] = {
		{"interrupted by SIGINT", "tcg", SIGINT, 2},
		{"interrupted by SIGTERM, on Bochs", "bochs", SIGTERM, 1},
		{"killed", "tcg", SIGKILL, 2},
		{"killed, on Bochs", "bochs", SIGKILL, 1},
	};

	lab_write(e, "16", "hv4", NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = {
			.lab = "16",
			.options = {"--no-build", "--platform", cases[i].platform},
			.kill_after = cases[i].after,
			.signal = cases[i].signal,
		};
		const char *problem;

		if (!strcmp(cases[i].platform, "bochs") && !program_find("bochs"))
			continue;
		call(e, &c);
		poll(NULL, 0, 200); /* the kernel needs a moment to end the children of a killed process */
		problem = c.status != 128 + c.signal ? xprintf("status %d", c.status)
						     : check_left(e, c.signal == SIGKILL);
		verdict(e, cases[i].name, problem, &c);
	}
}

static void test_reproducible(struct e2e *e)
{
	struct call first = {.lab = "17", .options = {"--no-build", "--reproducible"}}, second = first;

	lab_write(e, "17", "hv1", NULL);
	call(e, &first);
	call(e, &second);
	verdict(e, "same seed, same results",
		!first.results || !second.results || strcmp(first.results, second.results) ? "they differ"
											   : NULL,
		&second);
	/* What the killed graders left must be gone by now. */
	verdict(e, "nothing is left", check_left(e, false), &second);
}

static void test_native(struct e2e *e)
{
	struct call c = {.lab = "18", .options = {"--native"}};

	lab_write(e, "18", "hv1", NULL);
	call(e, &c);
	verdict(e, "the guest on the bare machines",
		c.status                      ? "exit status is not 0"
		: strstr(c.output, "3 tests") ? NULL
					      : "not all tests",
		&c);
	lab_write(e, "18", "hv1",
		  "  - name: steps\n"
		  "    cpu: fake\n"
		  "    mem: none\n"
		  "    platforms: [tcg]\n"
		  "    guests:\n"
		  "      - name: guest\n"
		  "        image: grader/e2e/steps.bin\n"
		  "        image_native: grader/e2e/steps.bin\n"
		  "        groups: [{tests: step/*, points: 0}]\n");
	call(e, &c);
	verdict(e, "all guests of a rubric on the bare machines",
		c.status                          ? "exit status is not 0"
		: !strstr(c.output, "mem/three")  ? "the guest kernel is not told of"
		: !strstr(c.output, "step/three") ? "the other one is not told of"
						  : NULL,
		&c);
	lab_write(e, "18", "hv1", "exceptions: exceptions.yaml\n");
	file_must_write(xprintf("%s/exceptions.yaml", e->tree),
			"exceptions: [{test: cpu/one, platforms: [tcg], reason: for the test}]\n");
	call(e, &c);
	verdict(e, "an exception that passes",
		c.status != 1                                ? "exit status is not 1"
		: strstr(c.output, "listed as an exception") ? NULL
							     : "is not told",
		&c);
}

int main(int argc, char **argv)
{
	struct e2e e;

	if (argc != 5) {
		fputs("usage: e2e GRADE DIRECTORY BUILD ROOT\n", stderr);
		return EXIT_FAILURE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	unsetenv("MAKEFLAGS");
	e = (struct e2e){.grade = argv[1], .tree = xprintf("%s/tree", argv[2]), .build = argv[3]};
	directory_remove(e.tree);
	directory_make(e.tree);
	if (symlink(xprintf("%s/common", argv[4]), xprintf("%s/common", e.tree)))
		perror(e.tree);
	test_fakes(&e);
	test_expected(&e);
	test_restarts(&e);
	test_prerequisite(&e);
	test_unavailable(&e);
	test_build_error(&e);
	test_rubric_error(&e);
	test_units(&e);
	test_interrupted(&e);
	test_reproducible(&e);
	test_native(&e);
	test_course(&e);
	test_tracks(&e);
	printf("%u passed, %u failed\n", e.passed, e.failed);
	return e.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
