// SPDX-License-Identifier: MIT
/* CUnit programs that end as student's programs do: SUITE_good, SUITE_crash, SUITE_early (exits with 0 in the
 * middle), SUITE_loop. */
#include "lib/tests/unit.h"

static void passes(void)
{
	CU_ASSERT_EQUAL(1 + 1, 2);
}

static void second(void)
{
#if defined(SUITE_crash)
	abort();
#elif defined(SUITE_early)
	exit(0);
#elif defined(SUITE_loop)
	for (volatile int i = 0;; i++)
		;
#else
	CU_ASSERT_EQUAL(1 + 1, 3);
	CU_ASSERT_EQUAL(2 + 2, 5);
#endif
}

UNIT_MAIN("suite", {"passes", passes}, {"second", second}, {"third", passes})
