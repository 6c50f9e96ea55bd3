// SPDX-License-Identifier: MIT
#include "guest/groups.h"
const struct test cpu_tests[] = {
	{},
};
