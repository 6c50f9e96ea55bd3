/* SPDX-License-Identifier: MIT */
/* The arrays of the test_*.c and bench_*.c files. Each ends with an entry without a name. */
#ifndef GUEST_GROUPS_H
#define GUEST_GROUPS_H

#include "guest/test.h"

extern const struct test cpu_tests[], cpu_register_tests[], cpu_state_tests[], cpu_x87_tests[],
	cpu_tsc_tests[];
extern const struct test exc_tests[], exc_flow_tests[];
extern const struct test irq_tests[], irq_code_tests[];
extern const struct test mem_tests[], mem_rights_tests[], mem_bits_tests[], mem_code_tests[];
extern const struct test user_tests[], user_rights_tests[], user_again_tests[], user_again_state_tests[],
	user_again_event_tests[], irq_again_tests[];
extern const struct test sec_tests[], sec_entry_tests[], sec_far_tests[];
extern const struct bench benches[];

#endif
