// SPDX-License-Identifier: MIT
/* Are functions of lab 01 here, as a unit test on the host needs them? */
#include "vmm/tests/guest_fixture.h"

#define SELECTOR 0x1b

struct segment segment_flat(u16 selector, bool code, bool is_64bit, unsigned dpl);

u64 clock_ticks(void)
{
	return 0;
}

static void test_segment_flat(void)
{
	CU_ASSERT_EQUAL(segment_flat(SELECTOR, true, true, 3).selector, SELECTOR);
}

UNIT_MAIN("next", {"a function of the layer below", test_segment_flat})
