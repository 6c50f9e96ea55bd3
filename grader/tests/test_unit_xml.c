// SPDX-License-Identifier: MIT
// LIBS: -lxml2
/* CUnit's native result file: what is complete, and what is not. unit_xml.c */
#include "lib/tests/unit.h"

#include "grader/grader.h"

#include <string.h>
#include <unistd.h>

#define HEAD                                                                                                 \
	"<?xml version=\"1.0\" ?>\n<!DOCTYPE CUNIT_TEST_RUN_REPORT SYSTEM "                                  \
	"\"CUnit-Run.dtd\">\n<CUNIT_TEST_RUN_REPORT><CUNIT_HEADER/>"
#define LIST "<CUNIT_RESULT_LISTING><CUNIT_RUN_SUITE><CUNIT_RUN_SUITE_SUCCESS><SUITE_NAME> s </SUITE_NAME>"
#define GOOD                                                                                                 \
	"<CUNIT_RUN_TEST_RECORD><CUNIT_RUN_TEST_SUCCESS><TEST_NAME> a &lt; b "                               \
	"</TEST_NAME></CUNIT_RUN_TEST_SUCCESS></CUNIT_RUN_TEST_RECORD>"
#define BAD                                                                                                  \
	"<CUNIT_RUN_TEST_RECORD><CUNIT_RUN_TEST_FAILURE><TEST_NAME> bad </TEST_NAME><FILE_NAME> x.c "        \
	"</FILE_NAME>"                                                                                       \
	"<LINE_NUMBER> 7 </LINE_NUMBER><CONDITION> 1 == 2 "                                                  \
	"</CONDITION></CUNIT_RUN_TEST_FAILURE></CUNIT_RUN_TEST_RECORD>"
#define LISTED "</CUNIT_RUN_SUITE_SUCCESS></CUNIT_RUN_SUITE></CUNIT_RESULT_LISTING>"
#define SUMMARY(run)                                                                                         \
	"<CUNIT_RUN_SUMMARY><CUNIT_RUN_SUMMARY_RECORD><TYPE> Suites </TYPE><RUN> 1 "                         \
	"</RUN></CUNIT_RUN_SUMMARY_RECORD>"                                                                  \
	"<CUNIT_RUN_SUMMARY_RECORD><TYPE> Test Cases </TYPE><RUN> " run                                      \
	" </RUN></CUNIT_RUN_SUMMARY_RECORD></CUNIT_RUN_SUMMARY>"
#define TAIL "</CUNIT_TEST_RUN_REPORT>"

static struct rubric_group group = {.tests = "*", .points = 1, .hint = "look"};

static const char *read_text(const char *text, struct run *run)
{
	static const char path[] = "test_unit_xml.xml";
	const char *error;

	memset(run, 0, sizeof(*run));
	CU_ASSERT_TRUE(file_write(path, text, strlen(text)));
	error = unit_read(path, run, &group);
	unlink(path);
	return error;
}

static void complete(void)
{
	struct run run;

	/* Two failed assertions of one case are one case. */
	CU_ASSERT_PTR_NULL(read_text(HEAD LIST GOOD BAD BAD LISTED SUMMARY("2") TAIL, &run));
	CU_ASSERT_EQUAL_FATAL(run.tests.n, 2);
	CU_ASSERT_STRING_EQUAL(run.tests.at[0].name, "unit/s/a < b");
	CU_ASSERT_EQUAL(run.tests.at[0].state, STATE_PASS);
	CU_ASSERT_EQUAL(run.tests.at[1].state, STATE_FAIL);
	CU_ASSERT_STRING_EQUAL(run.tests.at[1].at, "x.c:7");
	CU_ASSERT_STRING_EQUAL(run.tests.at[1].message, "1 == 2");
	CU_ASSERT_STRING_EQUAL(run.tests.at[1].hint, "look");
}

static void incomplete(void)
{
	static const char *const texts[] = {
		"",
		"no XML at all",
		HEAD LIST GOOD,
		HEAD LIST GOOD LISTED SUMMARY("1"),
		HEAD LIST GOOD LISTED TAIL,
		HEAD LIST GOOD LISTED SUMMARY("2") TAIL,
		HEAD LIST GOOD GOOD LISTED SUMMARY("1") TAIL,
		HEAD LIST LISTED SUMMARY("0") TAIL,
		HEAD SUMMARY("0") TAIL,
		"<OTHER/>",
		HEAD
		"<CUNIT_RESULT_LISTING><CUNIT_RUN_SUITE><CUNIT_RUN_SUITE_FAILURE><SUITE_NAME> s </SUITE_NAME>"
		"</CUNIT_RUN_SUITE_FAILURE></CUNIT_RUN_SUITE></CUNIT_RESULT_LISTING>" SUMMARY("0") TAIL,
	};
	struct run run;

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		CU_ASSERT_PTR_NOT_NULL(read_text(texts[i], &run));
	CU_ASSERT_STRING_EQUAL(unit_read("no-such-file.xml", &run, &group), "no result file");
}

UNIT_MAIN("grader_unit_xml", {"complete files", complete}, {"incomplete files", incomplete})
