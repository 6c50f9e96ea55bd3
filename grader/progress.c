// SPDX-License-Identifier: MIT
/*
 * What is going on while the grader works: on a terminal one line that is rewritten, elsewhere a plain line
 * for each step that takes long. Also the decision on colours: only on a terminal, and not where NO_COLOR is
 * set (https://no-color.org).
 */
#include "grader/grader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_STEP 2.0 /* seconds */
#define ERASE     "\r\033[K"

static unsigned steps, step;
static const char *current;
static bool said;
static int shown; /* whole seconds on the line */

static bool on_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

void progress_total(unsigned total)
{
	steps = total;
	step = 0;
}

static void show(double seconds)
{
	char time[32] = "";

	shown = (int)seconds;
	if (shown)
		snprintf(time, sizeof(time), " %d s", shown);
	fprintf(stderr, ERASE "[%u/%u] %s ...%s", step, steps, current, time);
	fflush(stderr);
}

void progress_begin(const char *what)
{
	step++;
	if (steps < step) /* one that nobody foresaw */
		steps = step;
	current = what;
	said = false;
	if (on_terminal())
		show(0);
}

void progress_tick(double seconds)
{
	if (!current)
		return;
	if (on_terminal()) {
		if ((int)seconds != shown)
			show(seconds);
	} else if (!said && seconds >= LONG_STEP) {
		fprintf(stderr, "[%u/%u] %s ...\n", step, steps, current);
		said = true;
	}
}

void progress_end(void)
{
	if (current && on_terminal())
		fputs(ERASE, stderr);
	current = NULL;
}

const char *colour(enum colour c)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "\033[0m",    [COLOUR_RED] = "\033[31m", [COLOUR_GREEN] = "\033[32m",
		[COLOUR_YELLOW] = "\033[33m", [COLOUR_BOLD] = "\033[1m", [COLOUR_DIM] = "\033[2m",
	};
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || (no && *no) || !term || !strcmp(term, "dumb"))
		return "";
	return codes[c];
}
