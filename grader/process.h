/* SPDX-License-Identifier: MIT */
/*
 * A child process under guard: a session of its own, an end when the grader ends (however that happens),
 * limits on time, memory, output, and nothing of it left when process_run() returns. One at a time.
 */
#ifndef GRADER_PROCESS_H
#define GRADER_PROCESS_H

#include "grader/util.h"

enum process_end {
	PROCESS_EXITED,      /* by itself: `status` is that of waitpid() */
	PROCESS_NOT_STARTED, /* `message` says why */
	PROCESS_STOPPED,     /* the output function had enough */
	PROCESS_TIMEOUT,     /* the wall-time guard */
	PROCESS_IDLE,        /* `look` said so */
	PROCESS_INTERRUPTED, /* the grader got SIGINT, SIGTERM or SIGHUP */
};

struct process {
	/* in */
	char **argv;
	const char *directory;   /* to run in; NULL: where the grader is */
	int output_fd;           /* the child's descriptor whose bytes go to `output` */
	const char *stdout_file; /* when output_fd is not 1; NULL: nowhere */
	const char *stderr_file; /* NULL: to where `output` goes */
	double wall;             /* seconds at most */
	/* Called when there was no output for a second, and with `last` before a guard ends it: true, nothing
	 * more will come of it. */
	bool (*look)(void *context, int pid, double silent, bool last);
	u64 memory, file; /* bytes of address space and of one written file; 0: no limit */
	bool (*output)(void *context, const void *data, size_t size); /* false: end it */
	void (*tick)(void *context, double seconds); /* now and then, for a progress line; may be NULL */
	void *context;

	/* out */
	enum process_end end;
	int status;
	double seconds;
	const char *message;
};

void process_run(struct process *p);

/* Catches the signals that end the grader, so that it can clean up. */
void process_catch_signals(void);
/* The signal that came; 0: none. */
int process_interrupted(void);

/* Makes an empty directory of this run below `build`, removes those that dead graders left; NULL with errno.
 */
const char *scratch_make(const char *build);
/* An empty directory in it. */
const char *scratch_sub(const char *name);
void scratch_remove(void);

/* idle.c: remembers how much processor time a process and its threads used. */
struct idle {
	u64 used;     /* clock ticks */
	double since; /* when `used` was last seen to grow, or a thread to run; 0: not looked at yet */
};
/* For how many seconds, as far as seen, it has used no processor time, with all its threads asleep. */
double idle_seconds(struct idle *i, int pid);

#endif
