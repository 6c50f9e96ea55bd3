// SPDX-License-Identifier: MIT
/*
 * The parser of the console's machine lines: see common/abi/run_key.h for what they say and who computes the
 * code.
 *
 * The other side may be a broken hypervisor that loses or repeats output, or a program that prints what it
 * thinks the grader wants. So the order of the checks is: the line is whole, its code is right, its sequence
 * number is new; only then is it read. A code that is right proves that the guest's own code ran under this
 * run's key; what was lost before it is counted and costs the tests that it told of.
 *
 * What is left out: whether a digest is right. Only the oracle knows (oracle.c).
 */
#include "grader/protocol.h"

#include "lib/siphash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CODE_DIGITS 16
#define DECIMAL     10
#define HEXADECIMAL 16

const char *const bench_columns[BENCH_COLUMNS] = {
	[BENCH_TICKS] = "ticks", [BENCH_EXITS] = "exits",     [BENCH_FAULTS] = "faults",
	[BENCH_ROOTS] = "roots", [BENCH_FLUSHES] = "flushes", [BENCH_REFS] = "refs",
};

void console_init(struct console *c, const char *name, const u8 key[KEY_BYTES])
{
	memset(c, 0, sizeof(*c));
	c->name = name;
	memcpy(c->key, key, KEY_BYTES);
}

void console_restart(struct console *c)
{
	c->left = console_left(c);
	c->earlier = c->records.n;
	c->next_seq = 0;
	c->planned = c->ended = false;
	c->open = NULL;
	c->benches.n = 0;
	c->accepted = c->rejected = 0;
}

u64 console_left(const struct console *c)
{
	u64 begun = c->records.n - c->earlier;

	return c->planned && c->plan_tests > begun ? c->plan_tests - begun : 0;
}

const struct record *console_last(const struct console *c)
{
	return c->records.n > c->earlier ? &c->records.at[c->records.n - 1] : NULL;
}

static void complain(struct console *c, const char *sentence)
{
	if (!c->complaint)
		c->complaint = sentence;
}

static void reject(struct console *c, const char *why, const char *text)
{
	c->rejected++;
	complain(c, xprintf("%s: %s", why, text));
}

/* ---- reading a line ---- */

static bool parse_u64(const char *s, int base, u64 *value)
{
	char *end;

	if (*s == '-' || *s == '+' || *s == ' ' || !*s)
		return false;
	*value = strtoull(s, &end, base);
	return !*end;
}

/* The value of `name=` in "a=1 b=2 what=the rest of the line"; "what" takes all that follows. NULL: it is not
 * there. */
static char *field(const char *fields, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = fields; *p;) {
		size_t word = strcspn(p, " ");

		if (!strncmp(p, name, n) && p[n] == '=')
			return !strcmp(name, "what") ? xstrdup(p + n + 1) : xstrndup(p + n + 1, word - n - 1);
		p += word;
		p += strspn(p, " ");
	}
	return NULL;
}

static bool field_u64(const char *fields, const char *name, u64 *value)
{
	const char *text = field(fields, name);

	return text && parse_u64(text, DECIMAL, value);
}

/* Splits the first word off: returns it, and moves *rest past it and one space. */
static char *word(const char **rest)
{
	size_t n = strcspn(*rest, " ");
	char *w = xstrndup(*rest, n);

	*rest += n + ((*rest)[n] == ' ');
	return w;
}

/* The line without its code, when the code is right; otherwise NULL. */
static char *authentic(const struct console *c, const char *text)
{
	const char *mark = NULL;
	u64 code;

	for (const char *p = text; (p = strstr(p, " #")); p++)
		mark = p;
	if (!mark || strlen(mark + 2) != CODE_DIGITS || !parse_u64(mark + 2, HEXADECIMAL, &code))
		return NULL;
	if (code != siphash24(c->key, text, (size_t)(mark - text)))
		return NULL;
	return xstrndup(text, (size_t)(mark - text));
}

/* ---- what each kind of line does; false: it does not fit here ---- */

static bool take_plan(struct console *c, const char *rest)
{
	u64 tests, benches;

	if (c->planned || !field_u64(rest, "tests", &tests) || !field_u64(rest, "benches", &benches))
		return false;
	/* Started again: what is left. A lost line may have been a begin. */
	if (c->earlier && (c->lost ? tests > c->left : tests != c->left))
		return false;
	c->planned = true;
	c->plan_tests = tests;
	c->plan_benches = benches;
	return true;
}

static bool is_bench(const char *name)
{
	return !strncmp(name, "bench/", strlen("bench/"));
}

static bool take_begin(struct console *c, const char *rest)
{
	char *name = word(&rest);

	if (!c->planned || !strchr(name, '/') || console_find(c, name))
		return false;
	if (c->open)
		complain(c, xprintf("%s began before %s had a result", name, c->open));
	c->open = name;
	if (!is_bench(name))
		vector_add(&c->records)->name = name;
	return true;
}

/* The record of the test that is open, and it alone. */
static struct record *close_record(struct console *c, const char *name)
{
	if (!c->open || strcmp(c->open, name) || !c->records.n || is_bench(name))
		return NULL;
	c->open = NULL;
	return &c->records.at[c->records.n - 1];
}

static bool take_pass(struct console *c, const char *rest)
{
	char *name = word(&rest);
	struct record *r;
	u64 digest;

	if (strlen(rest) != CODE_DIGITS || !parse_u64(rest, HEXADECIMAL, &digest))
		return false;
	r = close_record(c, name);
	if (!r)
		return false;
	r->state = RECORD_PASS;
	r->digest = digest;
	return true;
}

static bool take_fail(struct console *c, const char *rest)
{
	char *name = word(&rest);
	struct record *r = close_record(c, name);

	if (!r)
		return false;
	r->state = RECORD_FAIL;
	r->expected = field(rest, "expected");
	r->actual = field(rest, "actual");
	r->at = field(rest, "at");
	r->what = field(rest, "what");
	return true;
}

static bool take_bench(struct console *c, const char *rest)
{
	char *name = word(&rest);
	struct bench b = {.name = name};

	if (!c->open || strcmp(c->open, name) || !field_u64(rest, "n", &b.iterations) || !b.iterations)
		return false;
	for (unsigned i = 0; i < BENCH_COLUMNS; i++)
		if (!field_u64(rest, bench_columns[i], &b.total[i]))
			return false;
	c->open = NULL;
	*vector_add(&c->benches) = b;
	return true;
}

static bool take_end(struct console *c, const char *rest)
{
	if (!c->planned)
		return false;
	c->ended = field_u64(rest, "pass", &c->end_pass) && field_u64(rest, "fail", &c->end_fail);
	return c->ended;
}

static const struct {
	const char *name;
	bool (*take)(struct console *c, const char *rest);
} kinds[] = {
	{"plan", take_plan}, {"begin", take_begin}, {"pass", take_pass},
	{"fail", take_fail}, {"bench", take_bench}, {"end", take_end},
};

void console_line(struct console *c, const char *text, bool damaged)
{
	const char *rest, *kind;
	char *line;
	u64 seq;

	if (text[0] != '@')
		return;
	if (damaged) {
		reject(c, "a machine line came with stray or missing bytes", text);
		return;
	}
	line = authentic(c, text);
	if (!line) {
		reject(c, "a machine line without the right code", text);
		return;
	}
	rest = line + 1;
	if (!parse_u64(word(&rest), DECIMAL, &seq) || seq < c->next_seq || c->ended) {
		reject(c, c->ended ? "a machine line after the end record" : "a machine line came twice",
		       text);
		return;
	}
	if (seq > c->next_seq) {
		complain(c, xprintf("%" PRIu64 " machine lines are missing before: %s", seq - c->next_seq,
				    text));
		c->lost += seq - c->next_seq;
	}
	c->next_seq = seq + 1;
	kind = word(&rest);
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, kind))
			continue;
		if (kinds[i].take(c, rest)) {
			c->accepted++;
			return;
		}
		break;
	}
	reject(c, "a machine line that does not fit here", text);
}

const struct record *console_find(const struct console *c, const char *name)
{
	for (size_t i = 0; i < c->records.n; i++)
		if (!strcmp(c->records.at[i].name, name))
			return &c->records.at[i];
	return NULL;
}

const char *console_incomplete(const struct console *c)
{
	if (!c->accepted)
		return c->rejected ? c->complaint : "no line of the guest came";
	if (!c->ended && c->open)
		return xprintf("no result of %s, and no end record", c->open);
	if (!c->ended)
		return "the guest's end record did not come";
	if (!c->lost && c->plan_tests != c->end_pass + c->end_fail)
		return xprintf("%" PRIu64 " tests were planned, the end record counts %" PRIu64,
			       c->plan_tests, c->end_pass + c->end_fail);
	return NULL;
}
