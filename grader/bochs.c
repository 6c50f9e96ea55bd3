// SPDX-License-Identifier: MIT
/*
 * Bochs: disk image, configuration, instruction budget, log. Debian's build stops at its debugger's prompt,
 * so a command file starts the machine, and `sb` in it ends the run after exactly so many instructions. The
 * machine ends itself by writing "Shutdown" to port 0x8900, which Bochs reports as a panic: the verdict is in
 * the log, not in the exit status. Bochs writes the serial line to a file, here a descriptor that it
 * inherits.
 *
 * Source: Bochs User Manual, 4.3 "bochsrc", 8.13 "Using Bochs internal debugger".
 */
#include "grader/emulator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define BOCHS_MEGS     "256" /* whatever a rubric says */
#define BOCHS_SERIAL   "/dev/fd/%d"
#define MKDISK_SECONDS 20
#define CONSOLE_TYPE   "TERM=xterm" /* without it the `term` display does not start */

static char *replace(const char *text, const char *what, const char *with)
{
	const char *at;
	char *out = xstrdup("");

	while ((at = strstr(text, what))) {
		out = xprintf("%s%.*s%s", out, (int)(at - text), text, with);
		text = at + strlen(what);
	}
	return xprintf("%s%s", out, text);
}

struct words {
	char *text;
};

static bool take_words(void *context, const void *data, size_t size)
{
	struct words *w = context;

	w->text = xprintf("%s%.*s", w->text, (int)size, (const char *)data);
	return strlen(w->text) < KIB(4);
}

/* The disk image that our boot sector loads kernel, command line and modules from. */
static const char *make_disk(const struct machine *m)
{
	struct words words = {xstrdup("")};
	string_list argv = {0};
	struct process p = {
		.directory = m->directory,
		.output_fd = 1,
		.wall = MKDISK_SECONDS,
		.output = take_words,
		.context = &words,
	};

	strings_add(&argv, m->mkdisk);
	strings_add(&argv, BOCHS_IMAGE);
	strings_add(&argv, m->kernel);
	strings_add(&argv, m->cmdline);
	for (unsigned i = 0; i < m->module_count; i++) {
		strings_add(&argv, m->modules[i].file);
		strings_add(&argv, m->modules[i].string);
	}
	p.argv = strings_argv(&argv);
	process_run(&p);
	if (p.end == PROCESS_EXITED && WIFEXITED(p.status) && !WEXITSTATUS(p.status))
		return NULL;
	return xprintf("no disk image: %s", p.message ? p.message : words.text);
}

const char *bochs_prepare(const struct machine *m, string_list *argv)
{
	const char *error = make_disk(m);
	char *config, *budget;

	if (error)
		return error;
	config = file_read(m->bochsrc, NULL);
	if (!config)
		return xprintf("%s cannot be read", m->bochsrc);
	config = replace(config, "@IMAGE@", BOCHS_IMAGE);
	config = replace(config, "@LOG@", BOCHS_LOG);
	config = replace(config, "@SERIAL@", xprintf(BOCHS_SERIAL, BOCHS_SERIAL_FD));
	config = replace(config, "@CPU@", m->platform->model);
	config = replace(config, "@IPS@", xprintf("%u000000", m->linux_kernel ? BOCHS_LINUX_MHZ : BOCHS_MHZ));
	config = replace(config, "@MEGS@", m->linux_kernel ? m->memory : BOCHS_MEGS);
	config = replace(config, "@PRINTER@",
			 m->linux_kernel ? xprintf("enabled=1, file=" BOCHS_SERIAL, BOCHS_SERIAL_FD)
					 : "enabled=0");
	config = replace(config, "@UNKNOWN_MSRS@", m->linux_kernel ? "1" : "0");
	budget = xprintf("sb %" PRIu64 "\nc\nr\nquit\n", m->instructions);
	if (!file_write(xprintf("%s/%s", m->directory, BOCHS_CONFIG), config, strlen(config)) ||
	    !file_write(xprintf("%s/%s", m->directory, BOCHS_BUDGET), budget, strlen(budget)))
		return xprintf("cannot write to %s", m->directory);
	strings_add(argv, "env");
	strings_add(argv, CONSOLE_TYPE);
	strings_add(argv, "bochs");
	strings_add(argv, "-q");
	strings_add(argv, "-f");
	strings_add(argv, BOCHS_CONFIG);
	strings_add(argv, "-rc");
	strings_add(argv, BOCHS_BUDGET);
	return NULL;
}

bool bochs_halted(const struct machine *m)
{
	char *log;

	/* Bochs says it of guests as well: a guest of KVM that halts so is KVM's to end, and Linux goes on.
	 */
	if (m->linux_kernel)
		return false;
	log = file_read(xprintf("%s/%s", m->directory, BOCHS_LOG), NULL);
	return log && strstr(log, "HLT instruction with IF=0");
}

/* The register dump behind the budget: "rip: 00000000_00100026". */
static u64 last_rip(const struct machine *m)
{
	size_t size;
	char *text = file_read(xprintf("%s/%s", m->directory, BOCHS_SCREEN), &size);
	const char *at = NULL, *underscore;

	for (const char *p = text; p && (p = memmem(p, (size_t)(text + size - p), "rip: ", strlen("rip: ")));
	     p += 1)
		at = p + strlen("rip: ");
	underscore = at ? strchr(at, '_') : NULL;
	if (!underscore)
		return 0;
	return strtoull(at, NULL, 16) << 32 | strtoull(underscore + 1, NULL, 16);
}

/* A line begins with the count of instructions, a letter for its kind ('p' for a panic), and where it comes
 * from in brackets. */
bool bochs_read_log(struct machine *m, const char **message)
{
	char *log = file_read(xprintf("%s/%s", m->directory, BOCHS_LOG), NULL);
	bool shutdown = false;

	m->rip = last_rip(m);

	*message = NULL;
	for (char *line = log, *next; line && *line; line = next) {
		size_t digits = strspn(line, "0123456789");

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		if (!digits || line[digits + 1] != '[')
			continue;
		m->instructions_used = strtoull(line, NULL, 10);
		if (line[digits] != 'p')
			continue;
		if (strstr(line, "shutdown requested"))
			shutdown = true;
		else if (!*message)
			*message = xprintf("Bochs stopped: %s", line + digits + 1);
	}
	return shutdown;
}
