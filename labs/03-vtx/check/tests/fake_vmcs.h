/* SPDX-License-Identifier: MIT */
/* A VMCS in an array, as the engine sets one up, on a processor that has everything; and a little memory. */
#ifndef CHECK_TESTS_FAKE_VMCS_H
#define CHECK_TESTS_FAKE_VMCS_H

#include "../cases.h"

extern struct check_cpu fake_cpu;
extern const struct check_vmcs fake_vmcs;
extern const struct check_target fake_target;

/* The processor, the VMCS and the memory as they were. */
void fake_reset(void);
void fake_write(u32 field, u64 value);

#endif
