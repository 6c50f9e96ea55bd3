// SPDX-License-Identifier: MIT
/*
 * The command line: words with blanks between.
 *
 *   only=LIST    run what LIST names: tests and benches, by full name or by group ("cpu/"), with commas
 * between skip=LIST    leave those out from=NAME    leave out all tests before that one bench=1      run the
 * benches too
 *
 * A word without '=' is taken for the image's name, which some loaders put first.
 */
#include "guest/harness.h"
#include "lib/print.h"
#include "lib/string.h"

#define CMDLINE_MAX 512

static char text[CMDLINE_MAX];
static bool from_reached;

static const char *const known[] = {"only", "skip", "from", "bench", "crash"};

static bool is_known(const char *word, size_t length)
{
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i]) == length && !strncmp(known[i], word, length))
			return true;
	return false;
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != ' ')
		n++;
	return n;
}

void options_parse(const char *cmdline)
{
	ksnprintf(text, sizeof(text), "%s", cmdline ? cmdline : "");
	for (const char *s = text; *s; s += word_length(s)) {
		const char *equals;

		while (*s == ' ')
			s++;
		equals = strchr(s, '=');
		if (equals && equals < s + word_length(s) && !is_known(s, (size_t)(equals - s)))
			kprintf("unknown option, ignored: %.*s\n", (int)word_length(s), s);
	}
}

const char *option_find(const char *name)
{
	size_t length = strlen(name);

	for (const char *s = text; *s; s += word_length(s)) {
		while (*s == ' ')
			s++;
		if (!strncmp(s, name, length) && s[length] == '=')
			return s + length + 1;
	}
	return NULL;
}

/* An item of a list is a full name, or a group with or without its slash. */
static bool item_matches(const char *item, size_t length, const char *name)
{
	if (strncmp(item, name, length))
		return false;
	return !name[length] || name[length] == '/' || (length && item[length - 1] == '/');
}

static bool list_matches(const char *list, const char *name)
{
	while (*list && *list != ' ') {
		size_t n = 0;

		while (list[n] && list[n] != ' ' && list[n] != ',')
			n++;
		if (n && item_matches(list, n, name))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

static bool selected(const char *name, bool by_default)
{
	const char *only = option_find("only"), *skip = option_find("skip");

	if (skip && list_matches(skip, name))
		return false;
	return only ? list_matches(only, name) : by_default;
}

/* Asked about the tests in their order, so that from= works. */
bool option_selects_test(const char *name)
{
	const char *from = option_find("from");

	if (from && !from_reached) {
		if (!list_matches(from, name))
			return false;
		from_reached = true;
	}
	return selected(name, true);
}

bool option_selects_bench(const char *name)
{
	const char *bench = option_find("bench");

	return selected(name, bench && *bench == '1');
}
