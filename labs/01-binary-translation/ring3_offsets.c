// SPDX-License-Identifier: MIT
/* Offsets for ring3_entry.S, generated (common/mk/compile.mk). */
#include "lib/offsets.h"
#include "vmm/vcpu.h"

void ring3_offsets(void);

void ring3_offsets(void)
{
	OFFSET(VCPU_GPR, offsetof(struct vcpu, gpr));
}
