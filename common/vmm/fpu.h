/* SPDX-License-Identifier: MIT */
/*
 * x87, SSE and AVX state. The monitor is compiled without them, so the registers hold the guest's state all
 * the time and are saved only when another vcpu gets the CPU. Source: SDM vol. 1, chapter 13 "Managing State
 * Using the XSAVE Feature Set".
 */
#ifndef VMM_FPU_H
#define VMM_FPU_H

#include "vmm/vcpu.h"

/* Once, on the machine. After it fpu_xcr0 holds the XCR0 bits that a guest may set; 0 without XSAVE. */
void fpu_init(void);
extern u64 fpu_xcr0;

int fpu_vcpu_init(struct vcpu *v) MUST_USE;
/* Leave CR0.TS clear and XCR0 with all of fpu_xcr0; the engine's load sets the guest's afterwards. */
void fpu_save(struct vcpu *v);
void fpu_restore(struct vcpu *v);

#endif
