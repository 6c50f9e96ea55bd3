// SPDX-License-Identifier: MIT
/* All groups of tests and benches, in the order in which they run. */
#include "guest/test.h"
#include "guest/groups.h"

const struct test *const all_tests[] = {
	cpu_tests,
	NULL,
};

const struct bench *const all_benches[] = {
	NULL,
};
