// SPDX-License-Identifier: MIT
/*
 * An address of a stopped machine as function, file and line, by addr2line of binutils: the hypervisor lives
 * in the upper half's first slot, our guests in the highest 2 GiB (docs/architecture.md). Left out:
 * user code of the guest, and the translation cache.
 */
#include "grader/grader.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#define HV_FIRST     0xffff800000000000ULL
#define HV_LAST      0xffff807fffffffffULL
#define GUEST_FIRST  0xffffffff80000000ULL
#define TOOL_SECONDS 5
#define TOOL_BYTES   KIB(4)

struct words {
	char text[TOOL_BYTES];
	size_t used;
};

static bool take_words(void *context, const void *data, size_t size)
{
	struct words *w = context;

	if (size >= sizeof(w->text) - w->used)
		return false;
	memcpy(w->text + w->used, data, size);
	w->used += size;
	return true;
}

/* "vtlb_fill (common/vmm/vtlb.c:120)"; NULL: unknown. */
static const char *symbolize(const char *build, const char *file, u64 rip)
{
	struct words words = {.used = 0};
	string_list argv = {0};
	struct process p = {.output_fd = 1, .wall = TOOL_SECONDS, .output = take_words, .context = &words};
	char *line;

	strings_add(&argv, "addr2line");
	strings_add(&argv, "-fe");
	strings_add(&argv, xprintf("%s/%s", build, file));
	strings_add(&argv, xprintf("0x%" PRIx64, rip));
	p.argv = strings_argv(&argv);
	process_run(&p);
	line = memchr(words.text, '\n', words.used);
	if (p.end != PROCESS_EXITED || !WIFEXITED(p.status) || WEXITSTATUS(p.status) || !line ||
	    words.text[0] == '?')
		return NULL;
	*line++ = 0;
	line[strcspn(line, "\n")] = 0;
	while (*line == '/') /* the compiler was told to call the top of the tree / */
		line++;
	return xprintf("%s (%s)", words.text, line);
}

const char *where_was(const struct grader *g, const char *hypervisor, const char *guest, u64 rip)
{
	const char *symbol = NULL;

	if (rip >= HV_FIRST && rip <= HV_LAST && hypervisor)
		symbol = symbolize(g->images, hypervisor, rip);
	else if (rip >= GUEST_FIRST && guest)
		symbol = symbolize(g->build, guest, rip);
	return xprintf("the processor was at 0x%" PRIx64 "%s%s", rip, symbol ? " in " : "",
		       symbol ? symbol : "");
}
