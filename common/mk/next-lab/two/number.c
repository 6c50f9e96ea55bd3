// SPDX-License-Identifier: MIT
/* Something that a unit test can call without a machine. */
#include "labs/90-next/two/two.h"

unsigned two_number(void)
{
	return 2;
}
