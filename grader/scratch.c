// SPDX-License-Identifier: MIT
/*
 * One directory for all that a run of the grader writes and nobody needs afterwards: images with the run's
 * key in them, disk images and their lock files, logs. It is named by the grader's process id, so a directory
 * whose process is dead (a grader that was killed) is recognised and removed by the next run.
 */
#include "grader/process.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *scratch;

static void remove_stale(const char *parent)
{
	DIR *d = opendir(parent);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (pid > 0 && !*end && kill((pid_t)pid, 0) && errno == ESRCH)
			directory_remove(xprintf("%s/%s", parent, e->d_name));
	}
	closedir(d);
}

const char *scratch_make(const char *build)
{
	const char *parent = xprintf("%s/grader/scratch", build);

	if (!directory_make(parent))
		return NULL;
	remove_stale(parent);
	scratch = xprintf("%s/%ld", parent, (long)getpid());
	directory_remove(scratch); /* of an earlier process with this number */
	return mkdir(scratch, 0700) ? NULL : scratch;
}

const char *scratch_sub(const char *name)
{
	char *path = xprintf("%s/%s", scratch, name);

	directory_remove(path);
	directory_make(path);
	return path;
}

void scratch_remove(void)
{
	if (scratch)
		directory_remove(scratch);
	scratch = NULL;
}
