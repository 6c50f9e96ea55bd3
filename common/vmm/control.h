/* SPDX-License-Identifier: MIT */
/*
 * The control registers, debug registers and MSRs of a vcpu by the rules of the manual. Each function says
 * false where the CPU would raise #GP(0); nothing has changed then. Memory engines hear of what concerns
 * paging.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include "vmm/vcpu.h"

bool msr_read(struct vcpu *v, u32 index, u64 *value) MUST_USE;
bool msr_write(struct vcpu *v, u32 index, u64 value) MUST_USE;
u64 *msr_place(struct vcpu *v, u32 index);

bool cr0_write(struct vcpu *v, u64 value) MUST_USE;
bool cr3_write(struct vcpu *v, u64 value) MUST_USE;
bool cr4_write(struct vcpu *v, u64 value) MUST_USE;
bool cr8_write(struct vcpu *v, u64 value) MUST_USE;
bool xcr0_write(struct vcpu *v, u64 value) MUST_USE;

/* CR4 bits that this vcpu may set. */
u64 cr4_allowed(struct vcpu *v);

/* MOV to and from DR0..DR7. Raises #UD, #GP or #DB itself; false: it did. */
bool dr_read(struct vcpu *v, unsigned number, u64 *value) MUST_USE;
bool dr_write(struct vcpu *v, unsigned number, u64 value) MUST_USE;

#endif
