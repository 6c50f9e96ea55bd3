// SPDX-License-Identifier: MIT
/*
 * Reads the result file of a CUnit program in CUnit's native format (Automated interface,
 * PREFIX-Results.xml). An exit code says nothing: a program that calls exit(0) in its first test has one too.
 * What counts is a file that is complete: the document ends, the summary is there, and the cases in the list
 * are as many as the summary says have run.
 *
 * Form of the file: CUnit-Run.dtd of CUnit 2.1-3. A case that failed has one record for each of its failed
 * assertions.
 */
#include "grader/grader.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <stdlib.h>
#include <string.h>

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, name);
}

static const xmlNode *child(const xmlNode *n, const char *name)
{
	for (n = n ? n->children : NULL; n; n = n->next)
		if (is(n, name))
			return n;
	return NULL;
}

/* The text of a child element, without the blanks that CUnit puts around it. */
static const char *text(const xmlNode *n, const char *name)
{
	const xmlNode *c = child(n, name);
	xmlChar *content = c ? xmlNodeGetContent(c) : NULL;
	const char *s = content ? (const char *)content : "";
	size_t size;
	char *copy;

	s += strspn(s, " \t\n");
	size = strlen(s);
	while (size && strchr(" \t\n", s[size - 1]))
		size--;
	copy = xstrndup(s, size);
	xmlFree(content);
	return copy;
}

static void add_case(struct run *run, const struct rubric_group *group, const char *suite,
		     const xmlNode *record)
{
	const xmlNode *failure = child(record, "CUNIT_RUN_TEST_FAILURE"),
		      *success = child(record, "CUNIT_RUN_TEST_SUCCESS");
	const char *name = xprintf("unit/%s/%s", suite, text(failure ? failure : success, "TEST_NAME"));
	struct test *t = run->tests.n ? &run->tests.at[run->tests.n - 1] : NULL;

	if (t && !strcmp(t->name, name) &&
	    t->state == STATE_FAIL) /* one more failed assertion of the same case */
		return;
	t = vector_add(&run->tests);
	t->name = name;
	t->group = group;
	t->state = failure ? STATE_FAIL : STATE_PASS;
	if (failure) {
		t->at = xprintf("%s:%s", text(failure, "FILE_NAME"), text(failure, "LINE_NUMBER"));
		t->message = text(failure, "CONDITION");
		t->hint = group->hint;
	}
}

static const char *add_suite(struct run *run, const struct rubric_group *group, const xmlNode *suite)
{
	const xmlNode *ok = child(suite, "CUNIT_RUN_SUITE_SUCCESS");
	const char *name;

	if (!ok)
		return xprintf("the suite %s could not be set up",
			       text(child(suite, "CUNIT_RUN_SUITE_FAILURE"), "SUITE_NAME"));
	name = text(ok, "SUITE_NAME");
	for (const xmlNode *n = ok->children; n; n = n->next)
		if (is(n, "CUNIT_RUN_TEST_RECORD"))
			add_case(run, group, name, n);
	return NULL;
}

/* The number of cases that the summary says have run; -1: there is none. */
static long cases_run(const xmlNode *root)
{
	const xmlNode *summary = child(root, "CUNIT_RUN_SUMMARY");

	for (const xmlNode *n = summary ? summary->children : NULL; n; n = n->next)
		if (is(n, "CUNIT_RUN_SUMMARY_RECORD") && !strcmp(text(n, "TYPE"), "Test Cases"))
			return strtol(text(n, "RUN"), NULL, 10);
	return -1;
}

static const char *read_tree(const xmlNode *root, struct run *run, const struct rubric_group *group)
{
	const xmlNode *list = child(root, "CUNIT_RESULT_LISTING");
	const char *error = NULL;

	if (!root || !is(root, "CUNIT_TEST_RUN_REPORT") || !list)
		return "the result file is not one of CUnit";
	for (const xmlNode *n = list->children; n && !error; n = n->next)
		if (is(n, "CUNIT_RUN_SUITE"))
			error = add_suite(run, group, n);
	if (error)
		return error;
	if (cases_run(root) != (long)run->tests.n)
		return "the result file does not hold all cases";
	return run->tests.n ? NULL : "the program has no test";
}

const char *unit_read(const char *path, struct run *run, const struct rubric_group *group)
{
	size_t size;
	char *data = file_read(path, &size);
	const char *error;
	xmlDoc *doc;

	if (!data)
		return "no result file";
	doc = xmlReadMemory(data, (int)size, path, NULL,
			    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!doc)
		return "the result file ends in the middle";
	error = read_tree(xmlDocGetRootElement(doc), run, group);
	xmlFreeDoc(doc);
	return error;
}
