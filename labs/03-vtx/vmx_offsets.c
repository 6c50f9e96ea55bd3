// SPDX-License-Identifier: MIT
/* Constants for entry.S, generated (common/mk/compile.mk). */
#include "lib/offsets.h"
#include "vmx.h"

void vmx_offsets(void);

void vmx_offsets(void)
{
	OFFSET(VCPU_GPR, offsetof(struct vcpu, gpr));
	OFFSET(VCPU_GPR_END, offsetof(struct vcpu, gpr[GPR_COUNT]));
	OFFSET(RESULT_FAIL_INVALID, VMX_FAIL_INVALID);
	OFFSET(RESULT_FAIL_VALID, VMX_FAIL_VALID);
}
