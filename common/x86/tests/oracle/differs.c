// SPDX-License-Identifier: MIT
/*
 * The list of what other decoders do differently, differs.txt: a line is a rule, with words for where it
 * holds and behind a colon the reason. The words are explained at the top of that file.
 */
#include "x86/tests/oracle/oracle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 64
#define LINE_MAX  512
#define ANY       (-1)

struct rule {
	enum differs_what what;
	int vex, map, op; /* or ANY */
	unsigned opcode_first, opcode_last, modrm_first, modrm_last;
	unsigned modes; /* BIT(enum decode_mode) */
	u64 used;
	char text[LINE_MAX];
};
static struct rule rules[RULES_MAX];
static unsigned rule_count;

static const char *const whats[DIFFERS_COUNT] = {"validity",   "length",         "fields",
						 "capstone",   "registers-read", "registers-changed",
						 "flags-read", "flags-changed",  "flags-set"};
static const char *const vexes[] = {
	[0] = "legacy", [INSN_VEX2] = "vex2", [INSN_VEX3] = "vex3", [INSN_EVEX] = "evex", [INSN_XOP] = "xop"};

static void NORETURN bad(const char *path, unsigned line, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", path, line, what);
	exit(1);
}

static int word_index(const char *word, const char *const *words, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		if (words[n] && !strcmp(word, words[n]))
			return (int)n;
	return -1;
}

/* "*", "1f" or "10-1f"; false for anything else. */
static bool parse_range(const char *word, unsigned *first, unsigned *last)
{
	int used = 0;

	*first = 0;
	*last = 0xff;
	if (!strcmp(word, "*"))
		return true;
	if (sscanf(word, "%2x-%2x%n", first, last, &used) == 2 && !word[used])
		return true;
	used = 0;
	if (sscanf(word, "%2x%n", first, &used) != 1 || word[used])
		return false;
	*last = *first;
	return true;
}

/* An operation by its printable name, with - for a blank. */
static int op_index(const char *word)
{
	for (int op = 0; op < OP_COUNT; op++) {
		const char *name = insn_op_name((enum insn_op)op);
		size_t n = 0;

		while (name[n] && (word[n] == name[n] || (word[n] == '-' && name[n] == ' ')))
			n++;
		if (!name[n] && !word[n])
			return op;
	}
	return -1;
}

static const char *parse_rule(struct rule *r, const char *line)
{
	char what[24], vex[16], map[16], opcodes[24], modrm[16], modes[16];
	int used = 0, index;

	if (sscanf(line, "%23s %15s %15s %23s %15s %15s : %n", what, vex, map, opcodes, modrm, modes,
		   &used) != 6 ||
	    !used || !line[used])
		return "expected WHAT ENCODING MAP OPCODES MODRM MODES : REASON";
	r->op = ANY;
	if (opcodes[0] == '=') {
		r->op = op_index(opcodes + 1);
		if (r->op < 0)
			return "behind = stands none of the names of enum insn_op";
		strcpy(opcodes, "*");
	}
	index = word_index(what, whats, DIFFERS_COUNT);
	if (index < 0)
		return "the first word is none of those that the top of the file lists";
	r->what = (enum differs_what)index;
	r->vex = strcmp(vex, "*") ? word_index(vex, vexes, ARRAY_SIZE(vexes)) : ANY;
	if (r->vex < 0 && strcmp(vex, "*"))
		return "the encoding is none of legacy, vex2, vex3, evex, xop, *";
	r->map = strcmp(map, "*") ? atoi(map) : ANY;
	if (!parse_range(opcodes, &r->opcode_first, &r->opcode_last) ||
	    !parse_range(modrm, &r->modrm_first, &r->modrm_last))
		return "opcodes and ModRM are *, a byte, or a range of bytes";
	r->modes = (strstr(modes, "16") ? BIT(DECODE_16) : 0) | (strstr(modes, "32") ? BIT(DECODE_32) : 0) |
		   (strstr(modes, "64") ? BIT(DECODE_64) : 0);
	if (!r->modes)
		return "the modes are a list of 16, 32 and 64";
	snprintf(r->text, sizeof(r->text), "%s", line);
	return NULL;
}

void differs_load(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[LINE_MAX];

	if (!f)
		bad(path, 0, strerror(errno));
	for (unsigned number = 1; fgets(line, sizeof(line), f); number++) {
		const char *error;

		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if (rule_count == RULES_MAX)
			bad(path, number, "too many lines: raise RULES_MAX");
		error = parse_rule(&rules[rule_count++], line);
		if (error)
			bad(path, number, error);
	}
	fclose(f);
}

bool differs_listed(enum differs_what what, const struct insn *i, enum decode_mode mode, u8 modrm)
{
	for (unsigned n = 0; n < rule_count; n++) {
		struct rule *r = &rules[n];

		if (r->what == what && (r->vex == ANY || r->vex == i->vex) &&
		    (r->map == ANY || r->map == i->map) && (r->op == ANY || r->op == i->op) &&
		    i->opcode >= r->opcode_first && i->opcode <= r->opcode_last && modrm >= r->modrm_first &&
		    modrm <= r->modrm_last && (r->modes >> mode & 1)) {
			r->used++;
			return true;
		}
	}
	return false;
}

void differs_report(void)
{
	for (unsigned n = 0; n < rule_count; n++)
		printf("  %9lu  %s\n", (unsigned long)rules[n].used, rules[n].text);
}
