// SPDX-License-Identifier: MIT
/* Are functions of the lab's second directory here, as a unit test on the host needs them? */
#include "labs/90-next/two/two.h"
#include "lib/tests/unit.h"

static void test_number(void)
{
	CU_ASSERT_EQUAL(two_number(), 2);
}

UNIT_MAIN("two", {"a function of a directory in the lab", test_number})
