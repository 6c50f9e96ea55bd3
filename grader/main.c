// SPDX-License-Identifier: MIT
/*
 * The autograder: builds a lab, runs its hypervisor and its unit tests, shows a table and writes
 * results.json. See grader/README.md.
 *
 * Exit status: 0 when all went as it should; 1 when --strict, --native or --bench found otherwise; 2 for a
 * mistake in the call or in a rubric; 128 + N when signal N ended it.
 */
#include "grader/bench.h"
#include "grader/doctor.h"
#include "grader/grader.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define EXIT_MISTAKE 2
#define EXIT_SIGNAL  128

enum option_letter {
	OPT_LAB = 'l',
	OPT_TRACK = 'T',
	OPT_PART = 'P',
	OPT_PLATFORM = 'p',
	OPT_SEED = 's',
	OPT_BUILD = 'b',
	OPT_ROOT = 'r',
	OPT_TEST = 't',
	OPT_EXERCISE = 'e',
	OPT_OUTPUT = 'o',
	OPT_STRICT = 'S',
	OPT_REPRODUCIBLE = 'R',
	OPT_NO_BUILD = 'n',
	OPT_NATIVE = 'N',
	OPT_DOCTOR = 'd',
	OPT_BENCH = 'B',
	OPT_HELP = 'h'
};

static const struct option options[] = {
	{"lab", required_argument, NULL, OPT_LAB},
	{"track", required_argument, NULL, OPT_TRACK},
	{"part", required_argument, NULL, OPT_PART},
	{"platform", required_argument, NULL, OPT_PLATFORM},
	{"seed", required_argument, NULL, OPT_SEED},
	{"build", required_argument, NULL, OPT_BUILD},
	{"root", required_argument, NULL, OPT_ROOT},
	{"test", required_argument, NULL, OPT_TEST},
	{"exercise", required_argument, NULL, OPT_EXERCISE},
	{"output", required_argument, NULL, OPT_OUTPUT},
	{"strict", no_argument, NULL, OPT_STRICT},
	{"reproducible", no_argument, NULL, OPT_REPRODUCIBLE},
	{"no-build", no_argument, NULL, OPT_NO_BUILD},
	{"native", no_argument, NULL, OPT_NATIVE},
	{"doctor", no_argument, NULL, OPT_DOCTOR},
	{"bench", no_argument, NULL, OPT_BENCH},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static const char usage[] =
	"usage: grade [options]\n"
	"  --lab NN          grade this lab; without it that of --exercise or of the workspace, or every "
	"lab that has a rubric\n"
	"  --track NAME      only this track of the lab; without it that of the workspace, or each\n"
	"  --part A          only this part of the lab\n"
	"  --platform NAME   auto (the official one, or what is here), tcg, bochs, bochs:MODEL, kvm,\n"
	"                    nested:amd, nested:intel (KVM in an emulated machine)\n"
	"  --test PATTERN    only these tests, such as cpu/popf or 'mem/*'\n"
	"  --exercise N      only the tests of this exercise, such as 1.2\n"
	"  --seed N          repeat a run; without it a random seed\n"
	"  --root DIR        top of the tree (default: here)\n"
	"  --build DIR       build directory (default: build/ below the top)\n"
	"  --output FILE     where the results go (default: results.json or bench.json in the build "
	"directory)\n"
	"  --reproducible    leave times out of the results\n"
	"  --no-build        take what is built already\n"
	"  --strict          exit with 1 unless everything is as the rubric foretells\n"
	"  --native          check the guest kernel on the bare machines, without a hypervisor\n"
	"  --bench           only measure: what an operation costs, to bench.json and bench.dat\n"
	"  --doctor          say what this computer can run, and what to do about problems\n";

static void mistake(const char *sentence)
{
	fprintf(stderr, "grade: %s\n", sentence);
	exit(EXIT_MISTAKE);
}

static u64 parse_seed(const char *text)
{
	char *end;
	u64 seed;

	errno = 0;
	seed = strtoull(text, &end, 0);
	if (!*text || *end || errno || *text == '-')
		mistake(xprintf("--seed %s is not a 64-bit number", text));
	return seed;
}

static void parse(struct grader *g, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (o) {
		case OPT_LAB:
			g->lab = optarg;
			break;
		case OPT_TRACK:
			g->track = optarg;
			break;
		case OPT_PART:
			g->part = optarg;
			break;
		case OPT_PLATFORM:
			g->platform = strcmp(optarg, "auto") ? optarg : NULL;
			break;
		case OPT_SEED:
			g->seed = parse_seed(optarg);
			g->seed_given = true;
			break;
		case OPT_BUILD:
			g->build = optarg;
			break;
		case OPT_ROOT:
			g->root = optarg;
			break;
		case OPT_TEST:
			g->test = optarg;
			break;
		case OPT_EXERCISE:
			g->number = optarg;
			break;
		case OPT_OUTPUT:
			g->results = optarg;
			break;
		case OPT_STRICT:
			g->strict = true;
			break;
		case OPT_REPRODUCIBLE:
			g->reproducible = true;
			break;
		case OPT_NO_BUILD:
			g->no_build = true;
			break;
		case OPT_NATIVE:
			g->native = true;
			break;
		case OPT_BENCH:
			g->bench = true;
			break;
		case OPT_DOCTOR:
			g->doctor = true;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			fputs(usage, stderr);
			exit(EXIT_MISTAKE);
		}
	}
	if (optind < argc)
		mistake(xprintf("`%s` is not understood; see --help", argv[optind]));
}

static const char *absolute(const char *path)
{
	char *full = realpath(path, NULL);

	if (!full)
		mistake(xprintf("%s: %s", path, strerror(errno)));
	return full;
}

/* "1.2" or "E1.2" to "E1.2". */
static const char *exercise_number(const char *text)
{
	const char *number = text + (*text == 'E'), *dot = strchr(number, '.');
	size_t digits = strspn(number, "0123456789");

	if (!digits || number + digits != dot || !dot[1] || dot[1 + strspn(dot + 1, "0123456789")])
		mistake(xprintf("--exercise %s: an exercise is called by its number, such as 1.2", text));
	return xprintf("E%s", number);
}

/* What the course and the workspace say, and which lab follows from it. */
static void settle_lab(struct grader *g)
{
	const char *error;

	if (!course_read(xprintf("%s/course.yaml", g->root), &g->course, &error) ||
	    !workspace_read(xprintf("%s/workspace.yaml", g->root), &g->workspace, &error))
		mistake(error);
	if (g->test && g->number)
		mistake("--test and --exercise (TEST and EX) together: one of them is enough");
	if (g->number)
		g->number = exercise_number(g->number);
	if (!g->lab && g->number)
		g->lab = xprintf("%02d", atoi(g->number + 1));
	if (!g->lab && !g->doctor)
		g->lab = g->workspace.lab;
}

static void settle(struct grader *g)
{
	g->root = absolute(g->root ? g->root : ".");
	if (!g->build)
		g->build = xprintf("%s/build", g->root);
	if (!directory_make(g->build))
		mistake(xprintf("%s: %s", g->build, strerror(errno)));
	g->images = g->build = absolute(g->build);
	if (!g->results)
		g->results = xprintf("%s/%s.json", g->build, g->bench ? "bench" : "results");
	settle_lab(g);
	if (g->platform && !platform_named(g->platform))
		mistake(xprintf("--platform %s is none of auto, tcg, bochs, bochs:MODEL, kvm, nested:amd, "
				"nested:intel",
				g->platform));
	if (!g->seed_given && getrandom(&g->seed, sizeof(g->seed), 0) != sizeof(g->seed))
		mistake("no random numbers");
}

static void find_labs(const struct grader *g, lab_list *labs)
{
	const char *error = labs_read(g, labs);

	if (error)
		mistake(error);
}

static size_t tests_of(const struct lab_result *lab)
{
	size_t n = 0;

	for (size_t i = 0; i < lab->runs.n; i++)
		n += lab->runs.at[i]->tests.n;
	return n;
}

static void examine(const struct grader *g)
{
	VECTOR(const struct rubric *) tracks = {0};
	lab_list labs = {0};

	find_labs(g, &labs);
	for (size_t i = 0; i < labs.n; i++)
		for (size_t k = 0; k < labs.at[i].tracks.n; k++)
			*vector_add(&tracks) = labs.at[i].tracks.at[k];
	doctor_report(g->root, tracks.at, tracks.n);
}

/* What one lab's tracks come to. */
struct tally {
	const struct lab_result *best; /* NULL: interrupted */
	size_t tests;
	bool ok;
};

static void grade_track(struct grader *g, const struct lab *lab, size_t k, struct lab_result *results)
{
	g->rubric = lab->tracks.at[k];
	g->exercise = g->number ? rubric_exercise(g->rubric, g->number) : NULL;
	lab_grade(g, g->rubric, &lab->exceptions, k ? &results[k - 1] : NULL, &results[k]);
}

static struct tally grade_tracks(struct grader *g, const struct lab *lab)
{
	struct lab_result *results = xcalloc(lab->tracks.n, sizeof(*results)), *best = results;
	struct tally t = {.ok = true};

	for (size_t k = 0; k < lab->tracks.n; k++) {
		grade_track(g, lab, k, results);
		if (process_interrupted())
			return t;
		report_lab(g, &results[k]);
		t.tests += tests_of(&results[k]);
		t.ok &= lab_as_foretold(&results[k]);
		if (lab_better(best, &results[k]) != best)
			best = &results[k];
	}
	for (size_t k = 0; k < lab->tracks.n; k++)
		if (&results[k] != best)
			*vector_add(&best->others) = &results[k];
	report_tracks(best);
	t.best = best;
	return t;
}

/* False: --strict or --native is not content. */
static bool work(struct grader *g)
{
	const struct lab_result **results;
	lab_list labs = {0};
	size_t tests = 0;
	bool ok = true;

	find_labs(g, &labs);
	if (g->native)
		return native_check(g, &labs.at[0]);
	results = xcalloc(labs.n, sizeof(struct lab_result *));
	for (size_t i = 0; i < labs.n; i++) {
		struct tally t = grade_tracks(g, &labs.at[i]);

		if (!t.best)
			return false;
		results[i] = t.best;
		tests += t.tests;
		ok &= t.ok;
	}
	if (g->test && !tests)
		mistake(xprintf("no test is called %s: results.json of a whole run has the names", g->test));
	if (!results_write(g->results, g->seed, results, labs.n, g->reproducible))
		mistake(xprintf("%s: %s", g->results, strerror(errno)));
	return ok;
}

/* The platform of all measured runs: the one that was asked for, or the choice of the first such run. */
static const struct platform *bench_platform(const struct grader *g, const lab_list *labs)
{
	if (g->platform)
		return platform_named(g->platform);
	for (size_t i = 0; i < labs->n; i++)
		for (size_t k = 0; k < labs->at[i].tracks.n; k++) {
			const struct rubric *r = labs->at[i].tracks.at[k];

			for (size_t j = 0; j < r->runs.n; j++)
				if (lab_is_bench(&r->runs.at[j]))
					return platform_choose(&r->runs.at[j].platforms);
		}
	return NULL;
}

/* Not every run can be made on every platform, and then its engine is missing in the table. */
static void tell_missing(const struct lab_result *lab)
{
	for (size_t i = 0; i < lab->runs.n; i++)
		if (lab->runs.at[i]->state == STATE_UNAVAILABLE)
			printf("%s is not measured: %s\n", lab->runs.at[i]->what, lab->runs.at[i]->message);
}

/* Where the data of the plot goes: beside the JSON. */
static const char *plot_path(const char *json)
{
	const char *end = strrchr(json, '.');

	return xprintf("%.*s.dat", end && !strchr(end, '/') ? (int)(end - json) : (int)strlen(json), json);
}

/* False: something went wrong with it. */
static bool measure_track(const struct grader *g, const struct lab *lab, size_t k, struct bench_table *table)
{
	struct lab_result *result = xcalloc(1, sizeof(*result));

	lab_grade(g, lab->tracks.at[k], &lab->exceptions, NULL, result);
	bench_add(table, result);
	tell_missing(result);
	if (lab_as_foretold(result))
		return true;
	report_lab(g, result);
	return false;
}

static bool measure(struct grader *g)
{
	struct bench_table table = {0};
	lab_list labs = {0};
	bool ok = true;

	find_labs(g, &labs);
	table.platform = bench_platform(g, &labs);
	if (!table.platform)
		mistake("no lab has a run called bench");
	if (table.platform->why)
		mistake(xprintf("nothing can be measured here: %s", table.platform->why));
	if (!g->platform)
		g->platform = table.platform->name;
	for (size_t i = 0; i < labs.n; i++)
		for (size_t k = 0; k < labs.at[i].tracks.n && !process_interrupted(); k++)
			ok &= measure_track(g, &labs.at[i], k, &table);
	if (process_interrupted())
		return false;
	bench_print(&table);
	if (!bench_write(&table, g->results) || !bench_write_plot(&table, plot_path(g->results)))
		mistake(xprintf("%s: %s", g->results, strerror(errno)));
	return ok;
}

int main(int argc, char **argv)
{
	struct grader g = {0};
	bool ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(&g, argc, argv);
	settle(&g);
	process_catch_signals();
	if (g.doctor) {
		examine(&g);
		return EXIT_SUCCESS;
	}
	if (!scratch_make(g.build))
		mistake(xprintf("%s: no directory to work in: %s", g.build, strerror(errno)));
	atexit(scratch_remove);
	ok = g.bench ? measure(&g) : work(&g);
	progress_end();
	if (process_interrupted()) {
		fputs("grade: interrupted\n", stderr);
		return EXIT_SIGNAL + process_interrupted();
	}
	if (!ok && (g.strict || g.native || g.bench))
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
