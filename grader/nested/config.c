// SPDX-License-Identifier: MIT
/* The description of a machine that the grader wrote (grader/nested.c): lines of a word and its value. */
#include "grader/nested/vm.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_MEMORY_MAX 2048 /* MiB; loader.c reaches as far */

/* Cuts the first word off: what follows, behind one blank; an empty string when nothing does. */
static char *cut(char *text)
{
	char *end = text + strcspn(text, " ");

	if (*end)
		*end++ = 0;
	return end;
}

static bool read_number(const char *text, u64 max, u64 *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *value && *value <= max;
}

static const char *read_line(struct vm_config *c, const char *word, char *value)
{
	u64 megabytes;

	if (!strcmp(word, "memory")) {
		if (!read_number(value, CONFIG_MEMORY_MAX, &megabytes))
			return "memory: a number of megabytes up to 2048 is wanted";
		c->memory = MIB(megabytes);
	} else if (!strcmp(word, "ticks")) {
		if (!read_number(value, ~0ULL, &c->ticks))
			return "ticks: a number is wanted";
	} else if (!strcmp(word, "kernel")) {
		c->kernel = value;
	} else if (!strcmp(word, "cmdline")) {
		c->cmdline = value;
	} else if (!strcmp(word, "module")) {
		if (c->module_count == ARRAY_SIZE(c->modules))
			return "module: too many of them";
		c->modules[c->module_count].string = cut(value);
		c->modules[c->module_count++].file = value;
	} else {
		return "there is a line with an unknown word";
	}
	return NULL;
}

const char *vm_config_read(struct vm_config *c, char *text)
{
	char *next;

	*c = (struct vm_config){.cmdline = ""};
	for (; *text; text = next) {
		const char *error;
		char *value;

		next = text + strcspn(text, "\n");
		if (*next)
			*next++ = 0;
		value = cut(text);
		error = read_line(c, text, value);
		if (error)
			return error;
	}
	return c->memory && c->ticks && c->kernel ? NULL : "memory, ticks or kernel is missing";
}
