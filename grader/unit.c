// SPDX-License-Identifier: MIT
/*
 * Runs CUnit programs: each in a process and a directory of its own, with a limit on time, memory and file
 * size, judged by its complete result file (unit_xml.c). A crash in one suite costs that suite alone.
 */
#include "grader/grader.h"

#include <glob.h>
#include <libgen.h>
#include <string.h>
#include <sys/wait.h>

#define UNIT_PREFIX "result"
#define UNIT_MEMORY GIB(4)
#define UNIT_FILE   MIB(64)

static bool take_output(void *context, const void *data, size_t size)
{
	return serial_feed(context, data, size);
}

static void take_tick(void *context, double seconds)
{
	(void)context;
	progress_tick(seconds);
}

/* How the process ended, when that alone decides. */
static enum state process_state(const struct process *p, const char **message)
{
	*message = NULL;
	switch (p->end) {
	case PROCESS_EXITED:
		if (!WIFSIGNALED(p->status))
			return STATE_PASS;
		*message = xprintf("ended by signal %d (%s)", WTERMSIG(p->status),
				   strsignal(WTERMSIG(p->status)));
		return STATE_CRASH;
	case PROCESS_TIMEOUT:
	case PROCESS_IDLE:
		*message = xprintf("still ran after %.0f seconds", p->wall);
		return STATE_TIMEOUT;
	case PROCESS_STOPPED:
		*message = "writes without end";
		return STATE_CRASH;
	case PROCESS_NOT_STARTED:
		*message = p->message;
		return STATE_INFRA_ERROR;
	case PROCESS_INTERRUPTED:
		break;
	}
	*message = "interrupted";
	return STATE_INFRA_ERROR;
}

/* One entry for the whole program, in place of what its file may have said. */
static void replace_tests(struct run *run, const struct rubric_group *group, const char *name)
{
	struct test *t;

	run->tests.n = 0;
	t = vector_add(&run->tests);
	t->name = xprintf("unit/%s", name);
	t->group = group;
	t->state = run->state;
	t->message = run->message;
}

static void run_program(const char *program, const struct rubric_group *group, struct run *run)
{
	const char *name = basename(xstrdup(program)), *directory = scratch_sub(name), *error;
	struct serial output;
	string_list argv = {0};
	struct process p = {
		.directory = directory,
		.output_fd = 1,
		.wall = (double)group->program->seconds,
		.memory = UNIT_MEMORY,
		.file = UNIT_FILE,
		.output = take_output,
		.tick = take_tick,
		.context = &output,
	};

	serial_init(&output, NULL, NULL);
	strings_add(&argv, program);
	strings_add(&argv, UNIT_PREFIX);
	p.argv = strings_argv(&argv);
	process_run(&p);
	serial_finish(&output);
	run->seconds = p.seconds;
	run->state = process_state(&p, &run->message);
	if (run->state == STATE_PASS) {
		error = unit_read(xprintf("%s/" UNIT_PREFIX "-Results.xml", directory), run, group);
		if (error) {
			run->state = STATE_CRASH;
			run->message = xprintf("%s (status %d)", error, WEXITSTATUS(p.status));
		}
	}
	if (run->state != STATE_PASS) {
		serial_tail(&output, &run->tail);
		replace_tests(run, group, name);
	}
}

/* All programs of an entry are one run: they share its points. */
static void merge(struct run *into, const struct run *run)
{
	for (size_t i = 0; i < run->tests.n; i++)
		*vector_add(&into->tests) = run->tests.at[i];
	into->seconds += run->seconds;
	if (run->state == STATE_PASS || into->state != STATE_PASS)
		return;
	into->state = run->state;
	into->message = run->message;
	into->tail = run->tail;
}

void unit_grade(const struct grader *g, struct lab_result *lab, const struct rubric_program *spec)
{
	struct run *run = xcalloc(1, sizeof(*run));
	glob_t found = {0};

	*vector_add(&lab->runs) = run;
	run->name = run->what = spec->program;
	run->part = spec->part;
	run->platform = "host";
	run->state = STATE_PASS;
	progress_begin(xprintf("unit tests %s", spec->program));
	glob(xprintf("%s/%s", g->build, spec->program), 0, NULL, &found); /* sorted */
	for (size_t i = 0; i < found.gl_pathc && !process_interrupted(); i++) {
		struct run one = {0};

		if (strchr(basename(xstrdup(found.gl_pathv[i])), '.'))
			continue; /* not a program: its .d or .o file */
		run_program(xstrdup(found.gl_pathv[i]), &spec->group, &one);
		merge(run, &one);
	}
	globfree(&found);
	if (!run->tests.n) {
		run->state = STATE_INFRA_ERROR;
		run->message = "there is no such unit test program";
		replace_tests(run, &spec->group, spec->program);
	}
	progress_end();
	score_run(run);
}
