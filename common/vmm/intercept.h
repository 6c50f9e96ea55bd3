/* SPDX-License-Identifier: MIT */
/* The exits that every engine shares, and what they do: CPUID, MSR, port I/O, control and debug registers,
 * HLT, faults. */
#ifndef VMM_INTERCEPT_H
#define VMM_INTERCEPT_H

#include "vmm/vcpu.h"
#include "x86/asm.h"

extern void (*const intercept_handlers[])(struct vcpu *, const struct vmexit *);
static inline void intercept(struct vcpu *v, const struct vmexit *exit)
{
	intercept_handlers[exit->reason](v, exit);
}

/* CPUID as the guest sees it, for this vcpu's engine. */
void guest_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, struct cpuid_regs *out);

/* Answers that never change, each worked out when it is first asked for: under another hypervisor a CPUID of
 * ours is an exit too. */
#define CPUID_FIXED_LEAVES 16
struct cpuid_fixed {
	u32 known; /* a bit a leaf */
	struct cpuid_regs leaf[CPUID_FIXED_LEAVES];
};
extern struct cpuid_fixed cpuid_fixed;

/* START_FEATURE_*: what a guest under this engine may use on this machine. */
struct cpu_engine;
u64 guest_features(const struct cpu_engine *cpu);

#endif
