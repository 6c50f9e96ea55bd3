// SPDX-License-Identifier: MIT
// LIBS: -lyaml
/* course.yaml, workspace.yaml, and the record of unblocked exercises in a lab's sources. course.c,
 * unblocked.c */
#include "lib/tests/unit.h"

#include "grader/course.h"
#include "grader/rubric.h"

#include <string.h>
#include <unistd.h>

#define FILE_NAME "test_course.yaml"

static const char *error;

static void write_file(const char *path, const char *text)
{
	CU_ASSERT_TRUE(file_write(path, text, strlen(text)));
}

static bool course_text(const char *text, struct course *c)
{
	bool ok;

	write_file(FILE_NAME, text);
	error = NULL;
	ok = course_read(FILE_NAME, c, &error);
	unlink(FILE_NAME);
	CU_ASSERT_EQUAL(ok, !error);
	return ok;
}

static void course(void)
{
	struct course c;

	CU_ASSERT_TRUE(course_read("no-such-file.yaml", &c, &error));
	CU_ASSERT_TRUE(c.hints);
	CU_ASSERT_TRUE(c.unblock);
	CU_ASSERT_PTR_NULL(course_official(&c, "01", NULL));
	CU_ASSERT_TRUE(course_text("official: {\"01\": tcg, \"03\": kvm}\nhints: false\n", &c));
	CU_ASSERT_FALSE(c.hints);
	CU_ASSERT_TRUE(c.unblock);
	CU_ASSERT_STRING_EQUAL(course_official(&c, "03", NULL), "kvm");
	CU_ASSERT_STRING_EQUAL(course_official(&c, "03", "vmx"), "kvm");
	CU_ASSERT_PTR_NULL(course_official(&c, "02", NULL));
	CU_ASSERT_TRUE(course_text("official: {\"03\": {svm: tcg, vmx: bochs}}\n", &c));
	CU_ASSERT_STRING_EQUAL(course_official(&c, "03", "vmx"), "bochs");
	CU_ASSERT_PTR_NULL(course_official(&c, "03", "x"));
	CU_ASSERT_PTR_NULL(course_official(&c, "03", NULL));
	CU_ASSERT_TRUE(course_text("# hints: false\n", &c));
	CU_ASSERT_TRUE(c.hints);
	CU_ASSERT_TRUE(course_text("unblock: false\n", &c));
	CU_ASSERT_FALSE(c.unblock);
}

static void course_wrong(void)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"hints: true\nhint: true\n", FILE_NAME ":2: file.hint: there is no such field"},
		{"hints: yes\n", FILE_NAME ":1: file.hints: `yes` is neither true nor false"},
		{"official: tcg\n", FILE_NAME ":1: file.official: must be a mapping"},
		{"official:\n  \"01\": vax\n", FILE_NAME ":2: file.official.01: `vax` is none of"},
		{"official: {\"03\": {svm: vax}}\n", FILE_NAME ":1: file.official.03.svm: `vax` is none of"},
		{"official: {\"03\": [tcg]}\n", "must be a single value, and is a list"},
		{"official: {1: tcg}\n", "a lab is called by its two digits"},
	};
	struct course c;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		CU_ASSERT_FALSE(course_text(cases[i].text, &c));
		CU_ASSERT_PTR_NOT_NULL_FATAL(error);
		CU_ASSERT_PTR_NOT_NULL(strstr(error, cases[i].message));
	}
}

static bool workspace_text(const char *text, struct workspace *w)
{
	bool ok;

	write_file(FILE_NAME, text);
	error = NULL;
	ok = workspace_read(FILE_NAME, w, &error);
	unlink(FILE_NAME);
	return ok;
}

static void workspace(void)
{
	struct workspace w;

	CU_ASSERT_TRUE(workspace_read("no-such-file.yaml", &w, &error));
	CU_ASSERT_PTR_NULL(w.lab);
	CU_ASSERT_STRING_EQUAL(w.base, "source");
	CU_ASSERT_TRUE(workspace_text("lab: \"03\"\nbase: own\ntree: /a b\ncommit: none\n", &w));
	CU_ASSERT_STRING_EQUAL(w.lab, "03");
	CU_ASSERT_STRING_EQUAL(w.base, "own");
	CU_ASSERT_PTR_NULL(w.track);
	CU_ASSERT_TRUE(workspace_text("lab: \"03\"\ntrack: svm\nbase: own\ntree: /a\ncommit: none\n", &w));
	CU_ASSERT_STRING_EQUAL(w.track, "svm");
	CU_ASSERT_FALSE(workspace_text("lab: \"03\"\nbase: mine\ntree: /a\ncommit: none\n", &w));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(error, FILE_NAME ":2: file.base: `mine` is none of given, source, own"));
	CU_ASSERT_FALSE(workspace_text("lab: \"03\"\nbase: own\ntree: /a\n", &w));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "needs a field `commit`"));
	CU_ASSERT_FALSE(workspace_text("lab: \"03\"\nbase: own\ntree: /a\ncommit: none\nday: 1\n", &w));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, FILE_NAME ":5: file.day: there is no such field"));
}

static void unblocked(void)
{
	static const char source[] = "test_unblocked/x.c";
	static const char *const ids[] = {"E1.1", "E1.2", "E1.20"};
	struct rubric r = {.id = "01", .directory = "test_unblocked"};

	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
		vector_add(&r.exercises)->id = ids[i];
		strings_add(&r.ids, ids[i]);
	}
	CU_ASSERT_TRUE(directory_make("test_unblocked"));
	write_file(source, "\t/* EXERCISE E1.1 { */\n\t/* UNBLOCKED E1.2 { */\n\t/* } UNBLOCKED E1.2 */\n");
	CU_ASSERT_TRUE(unblocked_read(&r, &error));
	CU_ASSERT_FALSE(r.exercises.at[0].unblocked);
	CU_ASSERT_TRUE(r.exercises.at[1].unblocked);
	CU_ASSERT_FALSE(r.exercises.at[2].unblocked);
	write_file(source, "\n\t/* UNBLOCKED E1.3 { */\n");
	CU_ASSERT_FALSE(unblocked_read(&r, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "test_unblocked/x.c:2: `E1.3` is no exercise of lab 01"));
	directory_remove("test_unblocked");
}

/* In a lab with tracks the files of an exercise say which track a marker belongs to. */
static void unblocked_track(void)
{
	static const char *const sources[] = {"test_unblocked/a.c", "test_unblocked/svm/a.c"};
	struct rubric r = {.id = "01", .directory = "test_unblocked", .track = "svm"};
	struct rubric_exercise *e = vector_add(&r.exercises);

	e->id = "E1.1";
	strings_add(&r.ids, "E1.1");
	strings_add(&r.ids, "E1.2"); /* of the other track */
	strings_add(&e->where, "svm/a.c: f()");
	CU_ASSERT_TRUE(directory_make("test_unblocked/svm"));
	for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
		write_file(sources[i], "/* UNBLOCKED E1.1 { */\n/* UNBLOCKED E1.2 { */\n");
		CU_ASSERT_TRUE(unblocked_read(&r, &error));
		CU_ASSERT_EQUAL(r.exercises.at[0].unblocked, i == 1);
	}
	directory_remove("test_unblocked");
}

UNIT_MAIN("grader_course", {"course.yaml", course}, {"a wrong course.yaml", course_wrong},
	  {"workspace.yaml", workspace}, {"unblocked exercises", unblocked},
	  {"unblocked in a track", unblocked_track})
