// SPDX-License-Identifier: MIT
/* All groups of tests and benches, in the order in which they run. */
#include "guest/test.h"
#include "guest/groups.h"

// clang-format off
const struct test *const all_tests[] = {
	cpu_tests,
	cpu_register_tests,
	cpu_state_tests,
	cpu_x87_tests,
	cpu_tsc_tests,
	exc_tests,
	exc_flow_tests,
	irq_tests,
	irq_code_tests,
	irq_again_tests,
	mem_tests,
	mem_rights_tests,
	mem_bits_tests,
	mem_code_tests,
	user_tests,
	user_rights_tests,
	user_again_tests,
	user_again_state_tests,
	user_again_event_tests,
	sec_tests,
	sec_entry_tests,
	sec_far_tests,
	NULL,
};

const struct bench *const all_benches[] = {
	benches,
	NULL,
};
// clang-format on
