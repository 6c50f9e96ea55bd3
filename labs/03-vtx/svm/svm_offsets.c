// SPDX-License-Identifier: MIT
/* Offsets for svm_entry.S, generated (common/mk/compile.mk). */
#include "lib/offsets.h"
#include "vmm/vcpu.h"

void svm_offsets(void);

void svm_offsets(void)
{
	OFFSET(VCPU_GPR, offsetof(struct vcpu, gpr));
}
