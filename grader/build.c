// SPDX-License-Identifier: MIT
/*
 * Builds what a rubric names, by make. What the compiler says is kept: of a failure the last lines are shown,
 * the whole is in the log.
 */
#include "grader/grader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUILD_SECONDS 600
#define MAX_JOBS      8
#define UNIT_TARGET   "unit" /* common/mk/lab.mk: the lab's host tests */

struct build {
	struct serial output;
	FILE *log;
};

static void log_line(void *context, const char *text, bool damaged)
{
	struct build *b = context;

	(void)damaged;
	if (b->log)
		fprintf(b->log, "%s\n", text);
}

static bool take_output(void *context, const void *data, size_t size)
{
	struct build *b = context;

	return serial_feed(&b->output, data, size);
}

static void take_tick(void *context, double seconds)
{
	(void)context;
	progress_tick(seconds);
}

static bool own_base(const struct grader *g)
{
	return strcmp(g->images, g->build);
}

static void make_arguments(const struct grader *g, const struct rubric_build *b, string_list *argv)
{
	long jobs = sysconf(_SC_NPROCESSORS_ONLN);

	strings_add(argv, "make");
	strings_add(argv, "--no-print-directory");
	strings_add(argv, xprintf("-j%ld", jobs < 1 ? 1 : jobs > MAX_JOBS ? MAX_JOBS : jobs));
	strings_add(argv, "-C");
	strings_add(argv, b->directory);
	strings_add(argv, xprintf("BUILD=%s", g->images));
	if (own_base(g))
		strings_add(argv, "BASE=" BASE_OWN);
	for (size_t i = 0; i < b->targets.n; i++)
		if (!own_base(g) || strcmp(b->targets.at[i], UNIT_TARGET))
			strings_add(argv, b->targets.at[i]);
}

static const char *failure(const struct process *p, const struct rubric_build *b)
{
	switch (p->end) {
	case PROCESS_EXITED:
		if (WIFEXITED(p->status) && !WEXITSTATUS(p->status))
			return NULL;
		return xprintf("make -C %s failed", b->directory);
	case PROCESS_NOT_STARTED:
		return p->message;
	case PROCESS_STOPPED:
		return xprintf("make -C %s has too much to say", b->directory);
	case PROCESS_TIMEOUT:
	case PROCESS_IDLE:
		return xprintf("make -C %s did not end within %d seconds", b->directory, BUILD_SECONDS);
	case PROCESS_INTERRUPTED:
		break;
	}
	return "interrupted";
}

/* The guest kernel by itself needs nothing of a lab; on another base only the lab differs. */
static bool build_wanted(const struct grader *g, const struct rubric_build *b)
{
	bool lab = !strncmp(b->directory, "labs/", strlen("labs/"));

	return own_base(g) ? lab : !lab || !g->native;
}

bool build_lab(const struct grader *g, const struct rubric *r, const char **message, string_list *tail)
{
	const char *directory = lab_logs(g, r);
	struct build build = {.log = NULL};

	/* The jobs of an outer make are not ours to use, and its options were meant for it. */
	unsetenv("MAKEFLAGS");
	unsetenv("MFLAGS");
	unsetenv("MAKELEVEL");
	unsetenv("BASE"); /* what counts stands on the given base, whatever was asked for */
	directory_make(directory);
	build.log = fopen(xprintf("%s/build.log", directory), "we");
	serial_init(&build.output, log_line, &build);
	*message = NULL;
	for (size_t i = 0; i < r->builds.n && !*message; i++) {
		string_list argv = {0};
		struct process p = {
			.directory = g->root,
			.output_fd = 1,
			.wall = BUILD_SECONDS,
			.output = take_output,
			.tick = take_tick,
			.context = &build,
		};

		if (!build_wanted(g, &r->builds.at[i]))
			continue;
		make_arguments(g, &r->builds.at[i], &argv);
		p.argv = strings_argv(&argv);
		process_run(&p);
		*message = failure(&p, &r->builds.at[i]);
	}
	serial_finish(&build.output);
	serial_tail(&build.output, tail);
	if (build.log)
		fclose(build.log);
	return !*message;
}
