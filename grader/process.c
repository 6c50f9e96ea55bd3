// SPDX-License-Identifier: MIT
/*
 * Runs one child: see process.h. Emulators hang, flood and ignore SIGTERM (Bochs with its `term` display
 * does), so there is one way to end one: SIGKILL to its whole process group. PR_SET_PDEATHSIG ends it when
 * the grader itself is killed.
 *
 * Left out: a child that leaves its session on purpose. Emulators do not, and the unit tests are the
 * student's own program.
 */
#include "grader/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MS       100
#define DRAIN_SECONDS 1.0 /* for the rest of the output, after the end */
#define LOOK_SECONDS  1.0
#define CHUNK         KIB(64)

static volatile sig_atomic_t interrupted;

static void note_signal(int signal)
{
	interrupted = signal;
}

void process_catch_signals(void)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = note_signal}; /* no SA_RESTART: poll() is to return */

	for (unsigned i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int process_interrupted(void)
{
	return interrupted;
}

/* ---- in the child ---- */

static void limit(int resource, u64 value)
{
	struct rlimit r = {.rlim_cur = value, .rlim_max = value};

	setrlimit(resource, &r);
}

static void redirect(const char *file, int flags, int to)
{
	int fd = open(file ? file : "/dev/null", flags, 0644);

	if (fd < 0)
		return;
	dup2(fd, to);
	if (fd != to)
		close(fd);
}

static void child(const struct process *p, pid_t parent, int out, int error)
{
	static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

	for (unsigned i = 0; i < ARRAY_SIZE(defaults); i++)
		signal(defaults[i], SIG_DFL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before prctl() */
		_exit(EXIT_FAILURE);
	limit(RLIMIT_CORE, 0);
	if (p->memory)
		limit(RLIMIT_AS, p->memory);
	if (p->file)
		limit(RLIMIT_FSIZE, p->file);
	if (p->directory && chdir(p->directory))
		goto fail;
	redirect(NULL, O_RDONLY, STDIN_FILENO);
	if (p->output_fd != STDOUT_FILENO)
		redirect(p->stdout_file, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
	if (dup2(out, p->output_fd) < 0)
		goto fail;
	if (p->stderr_file)
		redirect(p->stderr_file, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
	else
		dup2(out, STDERR_FILENO);
	execvp(p->argv[0], p->argv);
fail:
	(void)!write(error, &errno, sizeof(errno));
	_exit(EXIT_FAILURE);
}

/* ---- in the grader ---- */

/* Starts the child; *out is where its output is read. -1: it did not start. */
static pid_t start(struct process *p, int *out)
{
	pid_t self = getpid(), pid;
	int data[2], error[2], why;

	if (pipe2(data, O_CLOEXEC) || pipe2(error, O_CLOEXEC)) {
		p->message = xprintf("pipe: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0)
		child(p, self, data[1], error[1]);
	close(data[1]);
	close(error[1]);
	if (pid < 0) {
		p->message = xprintf("fork: %s", strerror(errno));
	} else if (read(error[0], &why, sizeof(why)) == sizeof(why)) {
		p->message = xprintf("%s: %s", p->argv[0], strerror(why));
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(error[0]);
	if (pid < 0) {
		close(data[0]);
		return -1;
	}
	fcntl(data[0], F_SETFL, O_NONBLOCK);
	*out = data[0];
	return pid;
}

/* Reads what is there. False: the output function had enough. *eof: nothing more can come. */
static bool pump(struct process *p, int fd, bool *eof)
{
	char buffer[CHUNK];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n > 0)
		return p->output(p->context, buffer, (size_t)n);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		*eof = true;
	return true;
}

/* Has it come to an end that only a look into it shows? */
static bool hung(struct process *p, pid_t pid, double now, double heard, double *looked)
{
	if (!p->look || now - heard < LOOK_SECONDS || now - *looked < LOOK_SECONDS)
		return false;
	*looked = now;
	return p->look(p->context, pid, now - heard, false);
}

/* Until it ends or a guard says so. */
static void guard(struct process *p, pid_t pid, int fd, double began)
{
	double heard = began, looked = began, now;
	bool eof = false;

	for (;;) {
		struct pollfd f = {.fd = eof ? -1 : fd, .events = POLLIN};

		poll(&f, 1, eof ? POLL_MS / 10 : POLL_MS);
		now = clock_seconds();
		if (f.revents)
			heard = now;
		if (f.revents && !pump(p, fd, &eof)) {
			p->end = PROCESS_STOPPED;
			return;
		}
		if (waitpid(pid, &p->status, WNOHANG) == pid) {
			p->end = PROCESS_EXITED;
			return;
		}
		if (p->tick)
			p->tick(p->context, now - began);
		p->end = interrupted                         ? PROCESS_INTERRUPTED
			 : now - began > p->wall             ? PROCESS_TIMEOUT
			 : hung(p, pid, now, heard, &looked) ? PROCESS_IDLE
							     : PROCESS_EXITED;
		if (p->end == PROCESS_TIMEOUT && p->look)
			p->look(p->context, pid, now - heard, true);
		if (p->end != PROCESS_EXITED)
			return;
	}
}

/* What was written before the end is still in the pipe. */
static void drain(struct process *p, int fd)
{
	double until = clock_seconds() + DRAIN_SECONDS;
	bool eof = false;

	while (!eof && clock_seconds() < until) {
		struct pollfd f = {.fd = fd, .events = POLLIN};

		poll(&f, 1, POLL_MS);
		if (f.revents && !pump(p, fd, &eof)) {
			p->end = PROCESS_STOPPED;
			return;
		}
	}
}

void process_run(struct process *p)
{
	double began = clock_seconds();
	pid_t pid;
	int fd;

	p->message = NULL;
	p->status = 0;
	p->end = PROCESS_NOT_STARTED;
	pid = start(p, &fd);
	if (pid < 0)
		return;
	guard(p, pid, fd, began);
	kill(-pid, SIGKILL); /* the group, what the child left of it too */
	if (p->end == PROCESS_EXITED) {
		drain(p, fd);
	} else {
		while (waitpid(pid, &p->status, 0) < 0 && errno == EINTR)
			;
		if (p->end != PROCESS_STOPPED)
			drain(p, fd);
	}
	close(fd);
	p->seconds = clock_seconds() - began;
}
