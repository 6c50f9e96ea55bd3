// SPDX-License-Identifier: MIT
/*
 * What one bad end costs: a guest that is started again behind a test that ended it, several guests of one
 * run of which one comes to a bad end, and guests with images of their own. Of each case the states of all
 * tests count, in their order.
 */
#include "e2e.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LAB    "20"
#define BANNER "[hv] a hypervisor that is none\n" /* the first line of each boot */

#define MAIN                                                                                                 \
	"runs:\n"                                                                                            \
	"  - name: main\n"                                                                                   \
	"    cpu: fake\n"                                                                                    \
	"    mem: none\n"                                                                                    \
	"    platforms: [tcg]\n"                                                                             \
	"    seconds: 6\n"
#define GUEST                                                                                                \
	"    guests: [{name: guest, groups: [{tests: cpu/*, points: 60}, {tests: mem/*, points: 40}]}]\n"
#define TWO                                                                                                  \
	"    guests:\n"                                                                                      \
	"      - {name: a, groups: [{tests: '*', points: 60}]}\n"                                            \
	"      - {name: b, groups: [{tests: '*', points: 40}]}\n"
#define STEPS                                                                                                \
	"    guests:\n"                                                                                      \
	"      - name: guest\n"                                                                              \
	"        image: grader/e2e/steps.bin\n"                                                              \
	"        image_native: grader/e2e/steps.bin\n"                                                       \
	"        groups: [{tests: step/*, points: 100}]\n"

static const struct restart_case {
	const char *name, *image, *runs;
	const char *run, *tests; /* states */
	double score;
	unsigned boots;
	const char *said, *unsaid; /* in the output; NULL: not looked at */
} cases[] = {
	{"the guest is ended in the second of three tests", "hv14", MAIN GUEST, "crash", "pass crash pass",
	 70, 2, "the guest ended in this test: for the test", "crash mem/three"},
	{"a triple fault in each test", "hv15", MAIN GUEST, "crash", "crash crash crash", 0, 3,
	 "3 tests ended the guest", "not tried"},
	{"a triple fault in each test, one restart", "hv15", MAIN "    restarts: 1\n" GUEST, "crash",
	 "crash crash crash", 0, 2, "the rest was not tried: the guest was started again 1 time",
	 "crash mem/three"},
	{"no restart at all", "hv14", MAIN "    restarts: 0\n" GUEST, "crash", "pass crash crash", 30, 1,
	 "the guest is not started again", "crash mem/three"},
	{"dies between two tests", "hv16", MAIN GUEST, "crash", "crash pass pass", 70, 2,
	 "right behind this test: the machine was reset", NULL},
	{"never lives", "hv8", MAIN GUEST, "crash", "crash crash crash", 0, 1, "was reset",
	 "ended the guest"},
	{"dies behind the plan", "hv17", MAIN GUEST, "crash", "crash crash crash", 0, 1, "was reset", NULL},
	{"dies behind the last test, with all others or none", "hv7", MAIN GUEST, "crash",
	 "crash crash crash", 0, 2, "came to a triple fault", "ended the guest"},
	{"shows the first boot's lines again", "hv18", MAIN GUEST, "crash", "crash crash crash", 0, 2,
	 "does not fit here: @0 plan tests=3", NULL},
	{"a run of benches is not started again", "hv14",
	 "runs:\n  - name: bench\n    cpu: fake\n    mem: none\n    platforms: [tcg]\n" GUEST, "crash",
	 "crash crash crash", 0, 1, NULL, NULL},
	{"one of two guests is ended", "hv19", MAIN TWO, "crash", "pass pass pass crash crash crash", 60, 1,
	 "guest b ended: for the test", "guest a"},
	{"a triple fault under one of two guests", "hv20", MAIN TWO, "crash",
	 "pass pass pass crash crash crash", 60, 1, "crash b:cpu/two", NULL},
	{"a guest with an image of its own", "hv1", MAIN STEPS, "pass", "pass pass pass", 100, 1, "3 pass",
	 "the guest on the bare machine"},
};

static unsigned count_boots(const struct e2e *e, const char *run)
{
	const char *log = file_read(xprintf("%s/grader/logs/" LAB "/%s-tcg.log", e->build, run), NULL);
	unsigned n = 0;

	for (const char *p = log; p && (p = strstr(p, BANNER)); p++)
		n++;
	return n;
}

static const char *text_of(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static const char *check(const struct e2e *e, const struct call *c, const struct restart_case *x)
{
	json_error_t error;
	json_t *top = json_loads(c->results ? c->results : "", 0, &error), *lab, *run, *test;
	const char *states = "";
	size_t i;

	lab = json_array_get(json_object_get(top, "labs"), 0);
	run = json_array_get(json_object_get(lab, "runs"), 0);
	if (!run)
		return "no results";
	json_array_foreach(json_object_get(run, "tests"), i, test)
	{
		states = xprintf("%s%s%s", states, *states ? " " : "", text_of(test, "state"));
	}
	if (strcmp(states, x->tests))
		return xprintf("the tests are %s, not %s", states, x->tests);
	if (strcmp(text_of(run, "state"), x->run))
		return xprintf("the run is %s, not %s", text_of(run, "state"), x->run);
	if (json_number_value(json_object_get(lab, "score")) != x->score)
		return xprintf("%.3f points, not %.3f", json_number_value(json_object_get(lab, "score")),
			       x->score);
	if (count_boots(e, text_of(run, "name")) != x->boots)
		return xprintf("%u boots, not %u", count_boots(e, text_of(run, "name")), x->boots);
	if (x->said && !strstr(c->output, x->said))
		return xprintf("does not say \"%s\"", x->said);
	if (x->unsaid && strstr(c->output, x->unsaid))
		return xprintf("says \"%s\"", x->unsaid);
	if (c->status != (strcmp(x->run, "pass") != 0))
		return xprintf("--strict exits with %d", c->status);
	return NULL;
}

void test_restarts(struct e2e *e)
{
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = {.lab = LAB, .options = {"--no-build", "--strict"}};

		runs_lab_write(e, LAB, cases[i].image, cases[i].runs);
		call(e, &c);
		verdict(e, cases[i].name, check(e, &c, &cases[i]), &c);
	}
}
