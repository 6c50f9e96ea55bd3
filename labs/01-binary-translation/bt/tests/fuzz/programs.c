// SPDX-License-Identifier: MIT
// LENGTH: 300
// WITH: labs/01-binary-translation/bt/tests/programs.c labs/01-binary-translation/bt/tests/monitor.c
// WITH: labs/01-binary-translation/bt/tests/reference.c labs/01-binary-translation/bt/tests/runner.c
/*
 * Fuzzes the translator by programs that are run. The first bytes of an input say what is done with a program
 * (struct header), the others choose its instructions: program_make_chosen(). The program runs itself, one
 * instruction after the other, and then its translation runs, in one of the ways of test_translate.c: at full
 * speed, with a look at each address of the cache, or one instruction that faults. Each must do what the
 * program did.
 *
 * Left out: what the generator does not make. Any bytes at all are for fuzz/translator.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "labs/01-binary-translation/bt/tests/monitor.h"
#include "labs/01-binary-translation/bt/tests/programs.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct header {
	u8 way;    /* WAY_* */
	u8 seed;   /* of the functions, memory and first registers */
	u8 blocks; /* where blocks end: monitor_random */
	u8 fault;  /* number of the instruction that faults */
};

#define WAY_HIGH      0x01
#define WAY_PLAIN     0x02
#define WAY_CAREFUL   0x04
#define WAY_POINTS    0x08
#define WAY_FAULT     0x10 /* behind it: which page, and how */
#define WAY_STACK     0x20
#define WAY_PAGE      0x40
#define WAY_READ_ONLY 0x80
#define WAY_WATCHED   0x20 /* with WAY_POINTS */

static struct trace trace;

static bool run(const struct header *h)
{
	bool ok;

	if (h->way & WAY_POINTS) {
		runner_watch(h->way & WAY_WATCHED);
		ok = monitor_follow(&trace);
		runner_watch(false);
		return ok;
	}
	if (!(h->way & WAY_FAULT))
		return monitor_run_trace(&trace);
	return trace.count == 1 ||
	       monitor_fault(&trace, h->fault % (trace.count - 1),
			     h->way & WAY_STACK ? AREA_STACK : AREA_DATA, h->way & WAY_PAGE ? 1 : 0,
			     h->way & WAY_READ_ONLY ? PROT_READ : PROT_NONE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct guest first;
	struct header h;
	bool ok;

	if (size <= sizeof(h))
		return 0;
	/* Not before: the fuzzer has its signal handlers now. */
	runner_init();
	memcpy(&h, data, sizeof(h));
	trace.place = h.way & WAY_HIGH ? PLACE_HIGH : PLACE_LOW;
	monitor_random = h.blocks;
	snprintf(monitor_error, sizeof(monitor_error), "%s", "");
	runner_flush(h.way & WAY_CAREFUL ? BT_CAREFUL : BT_FAST);
	program_make_chosen(trace.place, h.way & WAY_PLAIN ? PROGRAM_PLAIN : PROGRAM_SENSITIVE, h.seed,
			    data + sizeof(h), size - sizeof(h), &first);
	ok = reference_trace(&trace, &first);
	if (!ok)
		snprintf(monitor_error, sizeof(monitor_error), "a program without an end");
	if (!ok || !run(&h)) {
		printf("%s\n", monitor_error);
		fflush(stdout);
		abort();
	}
	return 0;
}
