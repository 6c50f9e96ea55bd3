// SPDX-License-Identifier: MIT
/*
 * Is a process still doing anything? A machine that halts with interrupts off never comes back, and under
 * QEMU it uses no processor time at all: seeing that ends a hung run after seconds instead of at the
 * wall-time guard. A process that only waits for its turn on a busy computer is in state R and does not count
 * as idle.
 *
 * Source: proc(5), /proc/PID/task/TID/stat: field 3 is the state, 14 and 15 the user and system time in clock
 * ticks.
 */
#include "grader/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_TICKS 2 /* a sleeping emulator's main loop wakes now and then */

/* Adds the times of one thread; true when it is asleep. */
static bool thread_asleep(const char *file, u64 *used)
{
	char *text = file_read(file, NULL);
	u64 user, system;
	char state, *p;
	bool asleep = true;

	p = text ? strrchr(text, ')') : NULL; /* the name before it may hold anything */
	if (p && sscanf(p + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &state,
			&user, &system) == 3) {
		*used += user + system;
		asleep = state != 'R' && state != 'D';
	}
	free(text);
	return asleep;
}

static bool all_asleep(int pid, u64 *used)
{
	char directory[64], file[sizeof(directory) + 300];
	bool asleep = true;
	struct dirent *e;
	DIR *d;

	snprintf(directory, sizeof(directory), "/proc/%d/task", pid);
	d = opendir(directory);
	if (!d)
		return false;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s/stat", directory, e->d_name);
		if (!thread_asleep(file, used))
			asleep = false;
	}
	closedir(d);
	return asleep;
}

double idle_seconds(struct idle *i, int pid)
{
	double now = clock_seconds();
	u64 used = 0;
	bool asleep = all_asleep(pid, &used);

	if (!asleep || used > i->used + IDLE_TICKS || !(i->since > 0)) {
		i->since = now;
		i->used = used;
	}
	return now - i->since;
}
