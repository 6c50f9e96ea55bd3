// SPDX-License-Identifier: MIT
// LIBS: -lyaml
/* Rubrics and lists of exceptions: what is right is read, and what is wrong is named with file, line and
 * field. */
#include "lib/tests/unit.h"

#include "grader/platform.h"
#include "grader/rubric.h"

#include <string.h>
#include <unistd.h>

#define HEAD                                                                                                 \
	"id: \"01\"\n"                                                                                       \
	"name: A lab\n"                                                                                      \
	"max: 10\n"                                                                                          \
	"official: bochs\n"                                                                                  \
	"image: a/hv.bin\n"                                                                                  \
	"guest: a/guest.elf\n"                                                                               \
	"guest_native: a/guest.bin\n"                                                                        \
	"build: [{directory: labs/x, targets: [image, unit]}]\n"
#define RUN                                                                                                  \
	"runs:\n"                                                                                            \
	"  - name: one\n"                                                                                    \
	"    cpu: trap\n"                                                                                    \
	"    mem: vtlb\n"                                                                                    \
	"    platforms: [tcg, bochs]\n"                                                                      \
	"    guests:\n"                                                                                      \
	"      - name: a\n"                                                                                  \
	"        ram: 32M\n"                                                                                 \
	"        command: only=cpu/,mem/\n"                                                                  \
	"        groups: [{tests: cpu/*, points: 6, hint: look}, {tests: '*', points: 1}]\n"
/* The file of its place is the rubric itself. */
#define EXERCISE                                                                                             \
	"exercises:\n"                                                                                       \
	"  - id: E1.1\n"                                                                                     \
	"    name: first\n"                                                                                  \
	"    hours: 2\n"                                                                                     \
	"    where: ['test_rubric.yaml: f(), g()']\n"                                                        \
	"    read: 'docs/a.md, \"B\"'\n"                                                                     \
	"    expect: it works\n"                                                                             \
	"    hints: [idea, place, answer]\n"                                                                 \
	"    tests: [cpu/*, mem/*]\n"
#define SUBMIT "submit: [a.c, '*.h']\n"
#define UNITS  "units: [{programs: unit/x/test_*, points: 3}]\n"

static const char *error;

static struct rubric *read_track(const char *text, const char *track)
{
	static char path[] = "test_rubric.yaml";
	struct rubric *r;

	CU_ASSERT_TRUE(file_write(path, text, strlen(text)));
	error = NULL;
	r = rubric_read(path, track, &error);
	unlink(path);
	CU_ASSERT_EQUAL(!r, error != NULL);
	return r;
}

static struct rubric *read_text(const char *text)
{
	return read_track(text, NULL);
}

static void right(void)
{
	struct rubric *r = read_text(HEAD RUN UNITS
				     "expected_failures: {trap: [{test: cpu/popf*, reason: does not trap}]}\n"
				     "hints: {cpu/x: think}\n" SUBMIT EXERCISE);
	const struct rubric_exercise *e;
	const struct rubric_run *run;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_STRING_EQUAL(r->id, "01");
	CU_ASSERT_EQUAL(r->max, 10 * POINT);
	CU_ASSERT_EQUAL(r->builds.at[0].targets.n, 2);
	run = &r->runs.at[0];
	CU_ASSERT_STRING_EQUAL(run->cpu, "trap");
	CU_ASSERT_EQUAL(run->platforms.n, 2);
	CU_ASSERT_EQUAL(run->restarts, 12);
	CU_ASSERT_STRING_EQUAL(run->guests.at[0].command, "only=cpu/,mem/");
	CU_ASSERT_EQUAL(run->guests.at[0].groups.n, 2);
	CU_ASSERT_EQUAL(run->guests.at[0].groups.at[0].points, 6 * POINT);
	CU_ASSERT_STRING_EQUAL(run->guests.at[0].groups.at[0].hint, "look");
	CU_ASSERT_PTR_NOT_NULL(rubric_expects_failure(r, "trap", "cpu/popf_if"));
	CU_ASSERT_PTR_NULL(rubric_expects_failure(r, "bt", "cpu/popf_if"));
	CU_ASSERT_PTR_NULL(rubric_expects_failure(r, "trap", "cpu/push"));
	CU_ASSERT_STRING_EQUAL(rubric_hint(r, "cpu/x"), "think");
	CU_ASSERT_EQUAL(r->units.at[0].group.points, 3 * POINT);
	CU_ASSERT_EQUAL(r->submit.n, 2);
	e = rubric_exercise(r, "E1.1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_PTR_NULL(rubric_exercise(r, "E1.2"));
	CU_ASSERT_EQUAL(e->hours, 2);
	CU_ASSERT_STRING_EQUAL(e->where.at[0], "test_rubric.yaml: f(), g()");
	CU_ASSERT_STRING_EQUAL(e->read, "docs/a.md, \"B\"");
	CU_ASSERT_STRING_EQUAL(e->expect, "it works");
	CU_ASSERT_STRING_EQUAL(e->hints[2], "answer");
}

static void fractions(void)
{
	struct rubric *r = read_text(HEAD RUN "units: [{programs: unit/x/test_*, points: 2.75}, "
					      "{programs: unit/y/test_*, points: 0.25}]\n");

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(r->units.at[0].group.points, 2 * POINT + POINT * 3 / 4);
	CU_ASSERT_EQUAL(r->units.at[1].group.points, POINT / 4);
}

/* The official platform is the first choice of a run that allows it, and of no other. */
static void official(void)
{
	struct rubric *r = read_text(HEAD RUN UNITS);
	const string_list *platforms;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	platforms = &r->runs.at[0].platforms;
	CU_ASSERT_STRING_EQUAL(r->official, "bochs");
	CU_ASSERT_STRING_EQUAL(platforms->at[0], "bochs");
	CU_ASSERT_STRING_EQUAL(platforms->at[1], "tcg");
	CU_ASSERT_EQUAL(platforms->n, 2);
	rubric_set_official(r, "kvm");
	CU_ASSERT_STRING_EQUAL(r->official, "kvm");
	CU_ASSERT_STRING_EQUAL(platforms->at[0], "bochs");
}

static void images(void)
{
	static const char more[] = "  - name: two\n"
				   "    cpu: trap\n"
				   "    mem: vtlb\n"
				   "    platforms: [tcg]\n"
				   "    guests:\n"
				   "      - {name: b, image: b.elf, image_native: b.bin, groups: []}\n"
				   "      - {name: c, groups: []}\n";
	struct rubric *r = read_text(xprintf("%s%s%s", HEAD RUN, more, UNITS));
	const struct rubric_run *run;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_STRING_EQUAL(r->guest.elf, "a/guest.elf");
	CU_ASSERT_STRING_EQUAL(r->guest.native, "a/guest.bin");
	run = &r->runs.at[1];
	CU_ASSERT_STRING_EQUAL(run->guests.at[0].image.elf, "b.elf");
	CU_ASSERT_STRING_EQUAL(run->guests.at[0].image.native, "b.bin");
	CU_ASSERT_FALSE(guest_image_same(&run->guests.at[0].image, &r->guest));
	CU_ASSERT_TRUE(guest_image_same(&run->guests.at[1].image, &r->guest));
}

/* A platform with nesting has what one vendor's CPUs have. */
static void hardware(void)
{
	const struct platform *amd = platform_named("nested:amd"), *intel = platform_named("nested:intel"),
			      *p;
	struct platform copy = *amd;

	CU_ASSERT_PTR_NULL(platform_named("nested:via"));
	CU_ASSERT_PTR_EQUAL(platform_beneath(amd), platform_get(PLATFORM_TCG));
	CU_ASSERT_PTR_EQUAL(platform_beneath(intel), platform_get(PLATFORM_BOCHS));
	copy.why = NULL; /* wherever this runs */
	CU_ASSERT_PTR_EQUAL(platform_with(&copy, NULL), &copy);
	CU_ASSERT_PTR_EQUAL(platform_with(&copy, "svm"), &copy);
	p = platform_with(&copy, "vmx");
	CU_ASSERT_PTR_NOT_EQUAL(p, &copy);
	CU_ASSERT_STRING_EQUAL(p->why, "KVM on nested:amd has svm, and this run needs vmx");
	p = platform_named("bochs:ryzen");
	CU_ASSERT_PTR_EQUAL(platform_with(p, "vmx"), p);
}

static void wrong(void)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{HEAD RUN, "test_rubric.yaml:3: file.max: the groups have 7 points together"},
		{HEAD UNITS, "needs a field `runs`"},
		{HEAD RUN UNITS "colour: red\n", "test_rubric.yaml:20: file.colour: there is no such field"},
		{HEAD RUN UNITS UNITS, "is given twice"},
		{HEAD "runs: 3\n" UNITS,
		 "test_rubric.yaml:9: file.runs: must be a list, and is a single value"},
		{HEAD "runs: [{name: x}]\n" UNITS, "needs a field `platforms`"},
		{HEAD RUN UNITS "expected_failures: {trap: [{test: x}]}\n", "needs a field `reason`"},
		{HEAD RUN UNITS "expected_failures: {trap: [{test: x, reason: ''}]}\n", "needs its reason"},
		{"- a list\n", "must be a mapping of fields"},
		{"", "must be a mapping of fields"},
		{"a: [1\nb: 2\n", "test_rubric.yaml:"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		CU_ASSERT_PTR_NULL(read_text(cases[i].text));
		CU_ASSERT_PTR_NOT_NULL(error);
		if (error && !strstr(error, cases[i].message)) {
			printf("case %u: %s\n", i, error);
			CU_FAIL("another message");
		}
	}
	rubric_read("no-such-file.yaml", NULL, &error);
	CU_ASSERT_STRING_EQUAL(error, "no-such-file.yaml: No such file or directory");
}

/* A platform of a run may be a model of Bochs, which `--platform bochs` then means too. */
static void models(void)
{
	CU_ASSERT_TRUE(platform_is_name("tcg"));
	CU_ASSERT_TRUE(platform_is_name("bochs"));
	CU_ASSERT_TRUE(platform_is_name("bochs:ryzen"));
	CU_ASSERT_FALSE(platform_is_name("bochs:"));
	CU_ASSERT_FALSE(platform_is_name("kvm:ryzen"));
	CU_ASSERT_TRUE(platform_has_model("bochs:ryzen", "bochs"));
	CU_ASSERT_FALSE(platform_has_model("bochs", "bochs"));
	CU_ASSERT_FALSE(platform_has_model("bochs:ryzen", "tcg"));
	CU_ASSERT_TRUE(platform_same("bochs", "bochs:" BOCHS_INTEL));
	CU_ASSERT_FALSE(platform_same("bochs", "bochs:" BOCHS_AMD));
	CU_ASSERT_FALSE(platform_same("bochs", "tcg"));
}

static void among(void)
{
	string_list names = {0};

	strings_add(&names, "kvm");
	strings_add(&names, "bochs:ryzen");
	strings_add(&names, "bochs:zambezi");
	CU_ASSERT_STRING_EQUAL(platform_among(&names, "kvm"), "kvm");
	CU_ASSERT_STRING_EQUAL(platform_among(&names, "bochs"), "bochs:ryzen");
	CU_ASSERT_STRING_EQUAL(platform_among(&names, "bochs:zambezi"), "bochs:zambezi");
	CU_ASSERT_PTR_NULL(platform_among(&names, "bochs:corei7_skylake_x"));
	CU_ASSERT_PTR_NULL(platform_among(&names, "tcg"));
	strings_add(&names, "bochs");
	CU_ASSERT_STRING_EQUAL(platform_among(&names, "bochs"), "bochs");
	CU_ASSERT_STRING_EQUAL(platform_among(&names, "bochs:corei7_skylake_x"), "bochs:corei7_skylake_x");
}

/* The official platform may be a model, or mean one. */
static void official_model(void)
{
	struct rubric *r = read_text(HEAD RUN UNITS);
	string_list *platforms;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	platforms = &r->runs.at[0].platforms;
	rubric_set_official(r, "bochs:ryzen");
	CU_ASSERT_STRING_EQUAL(platforms->at[0], "bochs:ryzen");
	CU_ASSERT_STRING_EQUAL(platforms->at[1], "bochs");
	CU_ASSERT_EQUAL(platforms->n, 3);
	platforms->n = 2;
	platforms->at[0] = "tcg";
	platforms->at[1] = "bochs:ryzen";
	rubric_set_official(r, "bochs");
	CU_ASSERT_STRING_EQUAL(r->official, "bochs");
	CU_ASSERT_STRING_EQUAL(platforms->at[0], "bochs:ryzen");
	CU_ASSERT_EQUAL(platforms->n, 2);
}

/* One field of a text that is right otherwise. */
static void replaced(const char *what, const char *with, const char *message)
{
	static const char text[] = HEAD RUN UNITS SUBMIT EXERCISE;
	const char *at = strstr(text, what);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_PTR_NULL(read_text(xprintf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what))));
	if (!error || !strstr(error, message)) {
		printf("%s: %s\n", with, error ? error : "no error");
		CU_FAIL("another message");
	}
}

static void fields(void)
{
	replaced("    cpu: trap\n", "    cpu: trap\n    needs: two\n",
		 "runs[0].needs: no earlier run is called `two`");
	replaced("points: 6", "points: six", "groups[0].points: `six` is not a number");
	replaced("points: 6", "points: 6.", "`6.` is not a number of points, such as 2 or 0.5");
	replaced("points: 6", "points: .5", "`.5` is not a number of points");
	replaced("points: 6", "points: 5.9999", "`5.9999` is not a number of points");
	replaced("points: 6", "points: 5.5", "file.max: the groups have 9.5 points together");
	replaced("points: 6", "points: 1001", "too many points");
	replaced("points: 6", "points: -6", "`-6` is not a number");
	replaced("points: 6", "points: 60000", "too many points");
	replaced("tcg, bochs", "tcg, vax", "`vax` is none of tcg, bochs, bochs:MODEL, kvm");
	replaced("tcg, bochs", "'tcg:ryzen'", "`tcg:ryzen` is none of tcg, bochs, bochs:MODEL, kvm");
	replaced("name: a\n", "name: a b\n", "must be one word");
	replaced("name: a\n", "name: '--'\n", "must be one word");
	replaced("tests: cpu/*", "test: cpu/*", "groups[0].test: there is no such field");
	replaced("id: \"01\"", "id: [1]",
		 "test_rubric.yaml:1: file.id: must be a single value, and is a list");
	replaced("name: a\n", "name: a\n        image: x.elf\n",
		 "guests[0]: image and image_native go together");
	replaced("    guests:\n", "    hardware: vt-x\n    guests:\n",
		 "runs[0].hardware: `vt-x` is neither vmx nor svm");
	replaced("    guests:\n", "    restarts: many\n    guests:\n", "restarts: `many` is not a number");
	replaced("    guests:\n", "    restarts: 3\n    guests:\n      - {name: b, groups: []}\n",
		 "runs[0].restarts: only a run with one guest starts it again");
	replaced("command: only=cpu/,mem/", "command: 'a\"b'", "command: must not hold quotes");
}

static void exercise_fields(void)
{
	replaced("official: bochs", "official: vax", "test_rubric.yaml:4: file.official: `vax` is none of");
	replaced("official: bochs\n", "", "needs a field `official`");
	replaced(SUBMIT, "", "needs a field `submit`");
	replaced("'*.h'", "../x.c", "file.submit: `../x.c` does not stay in the lab's directory");
	replaced("submit: [a.c, '*.h']", "submit: a.c", "must be a list, and is a single value");
	replaced("submit: [a.c, '*.h']", "submit: []", "file.submit: must not be empty");
	replaced("id: E1.1", "id: 1.1",
		 "test_rubric.yaml:22: file.exercises[0].id: `1.1` is not of the form");
	replaced("id: E1.1", "id: E1.1b", "is not of the form E1.2");
	replaced("id: E1.1", "id: E2.1", "`E2.1` is no exercise of lab 01");
	replaced("hours: 2", "hours: 0", "test_rubric.yaml:24: file.exercises[0].hours: must be between");
	replaced("    hours: 2\n", "", "needs a field `hours`");
	replaced("    where: ['test_rubric.yaml: f(), g()']\n", "", "needs a field `where`");
	replaced("['test_rubric.yaml: f(), g()']", "'test_rubric.yaml: f(), g()'", "must be a list");
	replaced("test_rubric.yaml: f(), g()", "none.c: f()", "there is no file none.c in .");
	replaced("test_rubric.yaml: f(), g()", "f()", "`f()` is not of the form \"FILE: FUNCTIONS\"");
	replaced("'docs/a.md, \"B\"'", "docs/a.md", "`docs/a.md` is not of the form: FILE, \"SECTION\"");
	replaced("expect: it works", "expect: ''", "file.exercises[0].expect: must not be empty");
	replaced("[idea, place, answer]", "[idea, place]", "hints: must be three");
	replaced("[idea, place, answer]", "[idea, '', answer]", "hints[1]: must not be empty");
	replaced("[cpu/*, mem/*]", "[]", "tests: must not be empty");
	replaced("[cpu/*, mem/*]", "[cpu/*, cpu/*]", "tests[1]: `cpu/*` is listed by E1.1 already");
	replaced("name: first", "nome: first", "file.exercises[0].nome: there is no such field");
}

static const char *exercise_text(const char *id, const char *tests)
{
	return xprintf("  - {id: %s, name: b, hours: 1, where: ['test_rubric.yaml: h()'], "
		       "read: 'a, \"bc\"', expect: c, hints: [d, e, f], tests: [%s]}\n",
		       id, tests);
}

/* No test earns its points twice. */
static void two_exercises(void)
{
	CU_ASSERT_PTR_NOT_NULL(
		read_text(xprintf("%s%s", HEAD RUN UNITS SUBMIT EXERCISE, exercise_text("E1.2", "exc/*"))));
	CU_ASSERT_PTR_NULL(
		read_text(xprintf("%s%s", HEAD RUN UNITS SUBMIT EXERCISE, exercise_text("E1.2", "mem/*"))));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "exercises[1].tests[0]: `mem/*` is listed by E1.1 already"));
	CU_ASSERT_PTR_NULL(
		read_text(xprintf("%s%s", HEAD RUN UNITS SUBMIT EXERCISE, exercise_text("E1.1", "exc/*"))));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "there is an exercise E1.1 already"));
}

/* A full name before a pattern, and of patterns the last. */
static void owners(void)
{
	struct rubric *r = read_text(xprintf("%s%s%s", HEAD RUN UNITS SUBMIT EXERCISE,
					     exercise_text("E1.2", "'mem/w*', exc/ud, 'exc/*'"),
					     exercise_text("E1.3", "mem/wp, 'exc/?d', 'exc/u*'")));

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, NULL, "mem/nx")->id, "E1.1");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, NULL, "mem/wx")->id, "E1.2");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, NULL, "mem/wp")->id, "E1.3");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, NULL, "exc/ud")->id, "E1.2");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, NULL, "exc/id")->id, "E1.3");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, NULL, "exc/of")->id, "E1.2");
	CU_ASSERT_PTR_NULL(rubric_exercise_of(r, NULL, "irq/x"));
}

/* A lab in two halves: the same tests in other runs. */
static void parts(void)
{
	const char *first = xprintf("%s%s%s%s", HEAD RUN UNITS, SUBMIT, EXERCISE, "    part: A\n");
	struct rubric *r = read_text(
		xprintf("%s%s", first,
			"  - {id: E1.2, part: B, name: b, hours: 1, where: ['test_rubric.yaml: h()'], "
			"read: 'a, \"bc\"', expect: c, hints: [d, e, f], tests: [cpu/*]}\n"));

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, "A", "cpu/x")->id, "E1.1");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(r, "B", "cpu/x")->id, "E1.2");
	CU_ASSERT_PTR_NULL(rubric_exercise_of(r, NULL, "cpu/x"));
	CU_ASSERT_PTR_NULL(rubric_exercise_of(r, "B", "mem/x"));
}

/* A run and programs for both tracks, which have 7 points, and what belongs to one of them. */
#define TRACKS "tracks: {vmx: {}, svm: {official: tcg}}\n"
#define TRACK_RUNS                                                                                           \
	"  - {name: two, track: vmx, cpu: vmx, mem: vtlb, platforms: [bochs], guests: [{name: a, groups: "   \
	"[{tests: b/*, points: 3}]}]}\n"                                                                     \
	"  - {name: two, track: svm, cpu: svm, mem: vtlb, platforms: ['bochs:ryzen', tcg], guests: [{name: " \
	"a, groups: [{tests: b/*, points: 2}]}]}\n"                                                          \
	"  - {name: three, needs: two, cpu: trap, mem: vtlb, platforms: [tcg], guests: [{name: a, groups: "  \
	"[]}]}\n"
#define TRACK_UNITS "units: [{programs: unit/svm/test_*, track: svm, points: 1}]\n"
#define TRACK_EXERCISES                                                                                      \
	"exercises:\n"                                                                                       \
	"  - id: E1.1\n"                                                                                     \
	"    name: first\n"                                                                                  \
	"    hours: {vmx: 2, svm: 3}\n"                                                                      \
	"    where: {vmx: ['test_rubric.yaml: f()'], svm: ['test_rubric.yaml: g()']}\n"                      \
	"    read: {vmx: 'a.md, \"BC\"', svm: 'd.md, \"EF\"'}\n"                                             \
	"    expect: it works\n"                                                                             \
	"    hints: {vmx: [a, b, c], svm: [d, e, f]}\n"                                                      \
	"    tests: {vmx: [x/*], svm: [y/*]}\n"                                                              \
	"  - {id: E1.2, track: svm, name: b, hours: 1, where: ['test_rubric.yaml: h()'], read: 'a, "         \
	"\"bc\"', expect: c, hints: [d, e, f], tests: [x/*]}\n"
#define TRACKED HEAD TRACKS RUN TRACK_RUNS TRACK_UNITS SUBMIT TRACK_EXERCISES

static void tracks(void)
{
	struct rubric *vmx = read_track(TRACKED, "vmx"), *svm = read_track(TRACKED, "svm"),
		      *first = read_text(TRACKED);

	CU_ASSERT_PTR_NOT_NULL_FATAL(vmx);
	CU_ASSERT_PTR_NOT_NULL_FATAL(svm);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_STRING_EQUAL(first->track, "vmx");
	CU_ASSERT_STRING_EQUAL(svm->track, "svm");
	CU_ASSERT_STRING_EQUAL(rubric_track_names(svm), "vmx, svm");
	CU_ASSERT_STRING_EQUAL(vmx->official, "bochs");
	CU_ASSERT_STRING_EQUAL(svm->official, "tcg");
	CU_ASSERT_EQUAL_FATAL(vmx->runs.n, 3);
	CU_ASSERT_STRING_EQUAL(vmx->runs.at[0].platforms.at[0], "bochs");
	CU_ASSERT_STRING_EQUAL(vmx->runs.at[1].cpu, "vmx");
	CU_ASSERT_EQUAL_FATAL(svm->runs.n, 3);
	CU_ASSERT_STRING_EQUAL(svm->runs.at[0].platforms.at[0], "tcg");
	CU_ASSERT_STRING_EQUAL(svm->runs.at[1].cpu, "svm");
	CU_ASSERT_STRING_EQUAL(svm->runs.at[1].platforms.at[0], "tcg");
	CU_ASSERT_EQUAL(vmx->units.n, 0);
	CU_ASSERT_EQUAL(svm->units.n, 1);
	CU_ASSERT_EQUAL_FATAL(vmx->exercises.n, 1);
	CU_ASSERT_EQUAL_FATAL(svm->exercises.n, 2);
	CU_ASSERT_EQUAL(vmx->ids.n, 2);
	CU_ASSERT_EQUAL(svm->exercises.at[0].hours, 3);
	CU_ASSERT_STRING_EQUAL(vmx->exercises.at[0].where.at[0], "test_rubric.yaml: f()");
	CU_ASSERT_STRING_EQUAL(svm->exercises.at[0].where.at[0], "test_rubric.yaml: g()");
	CU_ASSERT_STRING_EQUAL(svm->exercises.at[0].read, "d.md, \"EF\"");
	CU_ASSERT_STRING_EQUAL(svm->exercises.at[0].expect, "it works");
	CU_ASSERT_STRING_EQUAL(svm->exercises.at[0].hints[2], "f");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(vmx, NULL, "x/a")->id, "E1.1");
	CU_ASSERT_STRING_EQUAL(rubric_exercise_of(svm, NULL, "x/a")->id, "E1.2");
}

/* One place of a text that is right otherwise, as a track has it. */
static void track_replaced(const char *track, const char *what, const char *with, const char *message)
{
	static const char text[] = TRACKED;
	const char *at = strstr(text, what);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_PTR_NULL(
		read_track(xprintf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what)), track));
	if (!error || !strstr(error, message)) {
		printf("%s: %s\n", with, error ? error : "no error");
		CU_FAIL("another message");
	}
}

static void wrong_tracks(void)
{
	track_replaced("x", "hours", "hours", "there is no track `x`. There are: vmx, svm");
	track_replaced(NULL, TRACKS, "", "runs[1].track: `vmx` is no track of this lab. There are: none");
	track_replaced(NULL, TRACKS, "tracks: {}\n", "file.tracks: must not be empty");
	track_replaced(NULL, "{vmx: {}", "{VT-x: {}", "file.tracks.VT-x: a track is called by one word");
	track_replaced(NULL, "svm: {official: tcg}", "vmx: {}", "file.tracks.vmx: is given twice");
	track_replaced("svm", "official: tcg", "official: vax", "tracks.svm.official: `vax` is none of");
	track_replaced(NULL, "official: tcg", "colour: red", "tracks.svm.colour: there is no such field");
	track_replaced("svm", "points: 2", "points: 3", "the groups of track svm have 11 points together");
	track_replaced("vmx", "points: 3", "points: 4", "the groups of track vmx have 11 points together");
	track_replaced("svm", "name: two, track: svm", "name: four, track: svm",
		       "runs[3].needs: no earlier run is called `two`");
	track_replaced(NULL, "track: svm, points", "track: sev, points",
		       "units[0].track: `sev` is no track of this lab");
	track_replaced(NULL, "E1.2, track: svm", "E1.1, track: svm", "there is an exercise E1.1 already");
	track_replaced("svm", ", svm: ['test_rubric.yaml: g()']", "", "where: needs a field `svm`");
	track_replaced("vmx", "svm: [y/*]", "sev: [y/*]", "tests.sev: there is no such field");
}

static void exceptions(void)
{
	static const char path[] = "test_exceptions.yaml";
	static const char text[] =
		"exceptions:\n"
		"  - {test: exc/ac, platforms: [tcg], reason: none is raised}\n"
		"  - {test: cpu/x, platforms: ['bochs:ryzen'], optional: true, reason: other}\n"
		"  - {test: cpu/y, platforms: [bochs], reason: other}\n";
	struct platform_exceptions e = {0};

	CU_ASSERT_TRUE(file_write(path, text, sizeof(text) - 1));
	CU_ASSERT_TRUE_FATAL(exceptions_read(path, &e, &error));
	CU_ASSERT_EQUAL(e.list.n, 3);
	CU_ASSERT_PTR_NOT_NULL(exceptions_find(&e, "tcg", NULL, "exc/ac"));
	CU_ASSERT_PTR_NULL(exceptions_find(&e, "bochs", "ryzen", "exc/ac"));
	CU_ASSERT_PTR_NOT_NULL(exceptions_find(&e, "bochs", "ryzen", "cpu/x"));
	CU_ASSERT_TRUE(exceptions_find(&e, "bochs", "ryzen", "cpu/x")->optional);
	CU_ASSERT_PTR_NULL(exceptions_find(&e, "bochs", "corei7_skylake_x", "cpu/x"));
	CU_ASSERT_PTR_NOT_NULL(exceptions_find(&e, "bochs", "corei7_skylake_x", "cpu/y"));
	CU_ASSERT_TRUE(file_write(path, "exceptions: [{test: a}]\n", 24));
	CU_ASSERT_FALSE(exceptions_read(path, &e, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "test_exceptions.yaml:1: file.exceptions[0]: needs a field"));
	unlink(path);
}

UNIT_MAIN("grader_rubric", {"a right one", right}, {"fractions of a point", fractions},
	  {"images of guests", images}, {"hardware of a run", hardware}, {"wrong ones", wrong},
	  {"wrong fields", fields}, {"the official platform", official},
	  {"an exercise's fields", exercise_fields}, {"two exercises", two_exercises},
	  {"whose is a test", owners}, {"parts of a lab", parts}, {"models", models},
	  {"a platform in a list", among}, {"the official model", official_model}, {"tracks", tracks},
	  {"wrong tracks", wrong_tracks}, {"platform exceptions", exceptions})
