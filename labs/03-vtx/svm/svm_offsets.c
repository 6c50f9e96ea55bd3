// SPDX-License-Identifier: MIT
/* Offsets for svm_entry.S, generated (common/mk/compile.mk). */
#include "lib/offsets.h"
#include "svm.h"

void svm_offsets(void);

void svm_offsets(void)
{
	OFFSET(VCPU_GPR, offsetof(struct vcpu, gpr));
	OFFSET(SVM_IDT_GATES, SVM_IDT_GATES);
	OFFSET(SVM_VECTOR_BYTES, SVM_VECTOR_BYTES);
}
