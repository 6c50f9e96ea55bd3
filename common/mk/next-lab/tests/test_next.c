// SPDX-License-Identifier: MIT
/* Are functions of lab 01 here, as a unit test on the host needs them? */
#include "vmm/tests/guest_fixture.h"

bool tss_read_stack(struct vcpu *v, u32 offset, u32 ext, u64 *rsp, struct event *f);

u64 clock_ticks(void)
{
	return 0;
}

bool read_safe(void *dst, const void *src, u64 size)
{
	(void)dst;
	(void)src;
	(void)size;
	return false;
}

static void test_no_stack_in_an_empty_tss(void)
{
	struct vcpu v = {0};
	struct event f;
	u64 rsp;

	CU_ASSERT_FALSE(tss_read_stack(&v, TSS_RSP0, 0, &rsp, &f));
	CU_ASSERT_EQUAL(f.vector, VEC_TS);
}

UNIT_MAIN("next", {"a function of the layer below", test_no_stack_in_an_empty_tss})
