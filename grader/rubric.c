// SPDX-License-Identifier: MIT
/*
 * Reads labs/NN-name/rubric.yaml. The form of the file stands in grader/README.md; it is checked completely
 * here, because a rubric with a mistake in it gives wrong points without a word: unknown and missing fields,
 * wrong kinds, and a sum of points that is not the maximum. The exercises are in rubric_exercise.c, tracks in
 * rubric_track.c.
 */
#include "grader/rubric_read.h"

#include "grader/platform.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_INSTRUCTIONS 2000000000ULL
#define DEFAULT_SECONDS      30
#define DEFAULT_RESTARTS     12
#define DEFAULT_UNIT_SECONDS 60
#define DEFAULT_MEMORY       "256"
#define MAX_POINTS           1000UL
#define DIGITS               "0123456789"

/* "2", or "0.5": no more digits than POINT has. */
static unsigned read_points(struct yaml_at at)
{
	const char *text = yaml_text(at, "0"), *rest = text + strspn(text, DIGITS);
	unsigned long whole = strtoul(text, NULL, 10);
	unsigned part = 0, unit = POINT;
	bool right = rest > text;

	if (*rest == '.' && right) {
		right = strchr(DIGITS, *++rest) && *rest;
		while (*rest && strchr(DIGITS, *rest) && unit > 1)
			part += (unsigned)(*rest++ - '0') * (unit /= 10);
	}
	if (!right || *rest)
		yaml_complain(at, xprintf("`%s` is not a number of points, such as 2 or 0.5", text));
	else if (whole > MAX_POINTS)
		yaml_complain(at, "too many points");
	return (unsigned)MIN(whole, MAX_POINTS) * POINT + part;
}

static void read_group(struct yaml_at at, struct rubric_group *g)
{
	static const char *const known[] = {"tests", "points", "hint", NULL};

	yaml_only(at, known);
	g->tests = yaml_text(yaml_need(at, "tests"), "");
	g->points = read_points(yaml_need(at, "points"));
	g->hint = yaml_text(yaml_get(at, "hint"), NULL);
}

/* Our hypervisors split a module's string at spaces and at "--". */
static void check_word(struct yaml_at at, const char *text)
{
	if (!*text || strpbrk(text, " ,\"'") || !strcmp(text, "--"))
		yaml_complain(at, "must be one word without commas or quotes");
}

/* A guest that has to come to a bad end. */
static void read_ending(struct yaml_at at, struct rubric_guest *g)
{
	static const char *const known[] = {"report", "points", "hint", NULL};
	struct rubric_group *group = vector_add(&g->groups);

	yaml_only(at, known);
	g->ends = yaml_text(yaml_need(at, "report"), "");
	group->tests = xprintf("%s:ended", g->name);
	group->points = read_points(yaml_need(at, "points"));
	group->hint = yaml_text(yaml_get(at, "hint"), NULL);
}

static struct guest_image read_image(struct yaml_at at, const struct guest_image *kernel)
{
	struct yaml_at elf = yaml_get(at, "image"), native = yaml_get(at, "image_native");

	if (!elf.node != !native.node)
		yaml_complain(at, "image and image_native go together");
	return (struct guest_image){yaml_text(elf, kernel->elf), yaml_text(native, kernel->native)};
}

static void read_guest(struct yaml_at at, const struct guest_image *kernel, struct rubric_guest *g)
{
	static const char *const known[] = {"name",    "image", "image_native", "ram", "budget",
					    "command", "ends",  "groups",       NULL};
	struct yaml_at groups, name = yaml_need(at, "name"), command = yaml_get(at, "command");
	struct yaml_at ends = yaml_get(at, "ends");

	yaml_only(at, known);
	g->name = yaml_text(name, "guest");
	check_word(name, g->name);
	g->image = read_image(at, kernel);
	g->ram = yaml_text(yaml_get(at, "ram"), NULL);
	g->command = yaml_text(command, "");
	if (strchr(g->command, '"'))
		yaml_complain(command, "must not hold quotes");
	g->budget = yaml_text(yaml_get(at, "budget"), NULL);
	if (ends.node) {
		read_ending(ends, g);
		return;
	}
	groups = yaml_need(at, "groups");
	for (size_t i = 0, n = yaml_count(groups); i < n; i++)
		read_group(yaml_item(groups, i), vector_add(&g->groups));
}

void rubric_check_platform(struct yaml_at at, const char *name)
{
	if (!platform_is_name(name))
		yaml_complain(at, xprintf("`%s` is none of tcg, bochs, bochs:MODEL, kvm", name));
}

static void read_run(struct yaml_at at, const struct guest_image *kernel, struct rubric_run *r)
{
	static const char *const known[] = {"name",     "needs",     "part",   "track",    "cpu",
					    "mem",      "platforms", "append", "hardware", "instructions",
					    "restarts", "seconds",   "memory", "guests",   NULL};
	struct yaml_at hardware = yaml_get(at, "hardware"), guests, list = yaml_need(at, "platforms"),
		       restarts = yaml_get(at, "restarts");

	yaml_only(at, known);
	r->name = yaml_text(yaml_need(at, "name"), "");
	check_word(yaml_get(at, "name"), r->name);
	r->part = yaml_text(yaml_get(at, "part"), NULL);
	r->needs = yaml_text(yaml_get(at, "needs"), NULL);
	r->cpu = yaml_text(yaml_need(at, "cpu"), "");
	r->mem = yaml_text(yaml_need(at, "mem"), "");
	r->append = yaml_text(yaml_get(at, "append"), NULL);
	r->hardware = yaml_text(hardware, NULL);
	if (r->hardware && strcmp(r->hardware, "vmx") && strcmp(r->hardware, "svm"))
		yaml_complain(hardware, xprintf("`%s` is neither vmx nor svm", r->hardware));
	r->instructions = yaml_number(yaml_get(at, "instructions"), DEFAULT_INSTRUCTIONS);
	r->seconds = yaml_number(yaml_get(at, "seconds"), DEFAULT_SECONDS);
	r->restarts = yaml_number(restarts, DEFAULT_RESTARTS);
	r->memory = yaml_text(yaml_get(at, "memory"), DEFAULT_MEMORY);
	yaml_strings(list, &r->platforms);
	for (size_t i = 0; i < r->platforms.n; i++)
		rubric_check_platform(list, r->platforms.at[i]);
	guests = yaml_need(at, "guests");
	for (size_t i = 0, n = yaml_count(guests); i < n; i++)
		read_guest(yaml_item(guests, i), kernel, vector_add(&r->guests));
	if (guests.node && !r->guests.n)
		yaml_complain(guests, "a run needs a guest");
	r->several = r->guests.n > 1;
	if (restarts.node && r->guests.n > 1)
		yaml_complain(restarts, "only a run with one guest starts it again");
}

static void read_unit(struct yaml_at at, struct rubric_program *u)
{
	static const char *const known[] = {"programs", "part", "track", "points", "hint", "seconds", NULL};

	yaml_only(at, known);
	u->program = yaml_text(yaml_need(at, "programs"), "");
	u->part = yaml_text(yaml_get(at, "part"), NULL);
	u->seconds = yaml_number(yaml_get(at, "seconds"), DEFAULT_UNIT_SECONDS);
	u->group.tests = "*";
	u->group.points = read_points(yaml_need(at, "points"));
	u->group.hint = yaml_text(yaml_get(at, "hint"), NULL);
	u->group.program = u;
}

static void read_build(struct yaml_at at, struct rubric_build *b)
{
	static const char *const known[] = {"directory", "targets", NULL};

	yaml_only(at, known);
	b->directory = yaml_text(yaml_need(at, "directory"), ".");
	yaml_strings(yaml_get(at, "targets"), &b->targets);
}

/* expected_failures: a mapping of engines to lists of tests. */
static void read_expected(struct yaml_at map, struct rubric *r)
{
	static const char *const known[] = {"test", "reason", NULL};

	for (size_t i = 0, n = yaml_pairs(map); i < n; i++) {
		struct yaml_at list;
		const char *cpu = yaml_pair(map, i, &list);

		for (size_t j = 0, m = yaml_count(list); j < m; j++) {
			struct yaml_at item = yaml_item(list, j), reason = yaml_need(item, "reason");
			struct rubric_expected *e = vector_add(&r->expected);

			yaml_only(item, known);
			e->cpu = cpu;
			e->test = yaml_text(yaml_need(item, "test"), "");
			e->reason = yaml_text(reason, "");
			if (!*e->reason)
				yaml_complain(reason, "an expected failure needs its reason");
		}
	}
}

/* The last run can only need one that stands before it. */
static void check_needs(struct yaml_at at, const struct rubric *r)
{
	const char *needs = r->runs.at[r->runs.n - 1].needs;
	size_t k = 0;

	while (needs && k < r->runs.n - 1 && strcmp(r->runs.at[k].name, needs))
		k++;
	if (needs && k == r->runs.n - 1)
		yaml_complain(yaml_get(at, "needs"), xprintf("no earlier run is called `%s`", needs));
}

static void read_runs(struct yaml_at runs, struct rubric *r)
{
	for (size_t i = 0, n = yaml_count(runs); i < n; i++) {
		struct yaml_at at = yaml_item(runs, i);

		if (!rubric_of_track(at, r))
			continue;
		read_run(at, &r->guest, vector_add(&r->runs));
		check_needs(at, r);
	}
}

static void read_lists(struct yaml_at top, struct rubric *r)
{
	struct yaml_at builds = yaml_need(top, "build"), runs = yaml_need(top, "runs"),
		       units = yaml_get(top, "units"), hints = yaml_get(top, "hints");

	for (size_t i = 0, n = yaml_count(builds); i < n; i++)
		read_build(yaml_item(builds, i), vector_add(&r->builds));
	read_runs(runs, r);
	for (size_t i = 0, n = yaml_count(units); i < n; i++)
		if (rubric_of_track(yaml_item(units, i), r))
			read_unit(yaml_item(units, i), vector_add(&r->units));
	rubric_read_exercises(top, r);
	for (size_t i = 0, n = yaml_pairs(hints); i < n; i++) {
		struct rubric_hint *h = vector_add(&r->hints);
		struct yaml_at text;

		h->test = yaml_pair(hints, i, &text);
		h->text = yaml_text(text, "");
	}
	read_expected(yaml_get(top, "expected_failures"), r);
}

static void check_sum(struct yaml_at max, const struct rubric *r)
{
	unsigned sum = 0;

	for (size_t i = 0; i < r->runs.n; i++)
		for (size_t g = 0; g < r->runs.at[i].guests.n; g++)
			for (size_t k = 0; k < r->runs.at[i].guests.at[g].groups.n; k++)
				sum += r->runs.at[i].guests.at[g].groups.at[k].points;
	for (size_t i = 0; i < r->units.n; i++)
		sum += r->units.at[i].group.points;
	if (sum != r->max)
		yaml_complain(max,
			      xprintf("the groups%s%s have %g points together", r->track ? " of track " : "",
				      r->track ? r->track : "", (double)sum / POINT));
}

/* The track's, or else the lab's. */
static void read_official(struct yaml_at top, struct rubric *r)
{
	struct yaml_at at = r->official ? yaml_get(top, "official") : yaml_need(top, "official");
	const char *lab = yaml_text(at, "tcg");

	if (at.node)
		rubric_check_platform(at, lab);
	rubric_set_official(r, r->official ? r->official : lab);
}

struct rubric *rubric_read(const char *path, const char *track, const char **error)
{
	static const char *const known[] = {
		"id",         "name",      "max",     "tracks", "official",
		"submit",     "image",     "symbols", "guest",  "guest_native",
		"exceptions", "build",     "runs",    "units",  "expected_failures",
		"hints",      "exercises", NULL};
	struct rubric *r = xcalloc(1, sizeof(*r));
	struct yaml_file file;
	struct yaml_at top = yaml_open(&file, path), max = yaml_need(top, "max");

	yaml_only(top, known);
	r->path = path;
	r->directory = dirname(xstrdup(path));
	r->id = yaml_text(yaml_need(top, "id"), "");
	r->name = yaml_text(yaml_need(top, "name"), "");
	r->max = read_points(max);
	rubric_read_tracks(top, track, r);
	r->image = yaml_text(yaml_need(top, "image"), "");
	r->symbols = yaml_text(yaml_get(top, "symbols"), NULL);
	r->guest.elf = yaml_text(yaml_need(top, "guest"), "");
	r->guest.native = yaml_text(yaml_need(top, "guest_native"), "");
	r->exceptions = yaml_text(yaml_get(top, "exceptions"), NULL);
	read_lists(top, r);
	read_official(top, r);
	check_sum(max, r);
	yaml_close(&file);
	*error = file.error;
	return file.error ? NULL : r;
}

const struct rubric_expected *rubric_expects_failure(const struct rubric *r, const char *cpu,
						     const char *test)
{
	for (size_t i = 0; i < r->expected.n; i++)
		if (!strcmp(r->expected.at[i].cpu, cpu) && pattern_matches(r->expected.at[i].test, test))
			return &r->expected.at[i];
	return NULL;
}

bool guest_image_same(const struct guest_image *a, const struct guest_image *b)
{
	return !strcmp(a->elf, b->elf) && !strcmp(a->native, b->native);
}

const char *rubric_hint(const struct rubric *r, const char *test)
{
	for (size_t i = 0; i < r->hints.n; i++)
		if (pattern_matches(r->hints.at[i].test, test))
			return r->hints.at[i].text;
	return NULL;
}

void rubric_set_official(struct rubric *r, const char *platform)
{
	r->official = platform;
	for (size_t i = 0; i < r->runs.n; i++) {
		string_list *list = &r->runs.at[i].platforms;
		const char *name = platform_among(list, platform);
		size_t k = 0;

		while (name && k < list->n && list->at[k] != name)
			k++;
		if (!name)
			continue;
		if (k == list->n) /* a model of one that stands there */
			strings_add(list, name);
		memmove(&list->at[1], &list->at[0], k * sizeof(list->at[0]));
		list->at[0] = name;
	}
}

const char *rubric_test_name(const struct rubric_run *run, const struct rubric_guest *guest, const char *test)
{
	return run->several && !guest->ends ? xprintf("%s:%s", guest->name, test) : test;
}
