/* SPDX-License-Identifier: MIT */
/*
 * The CPU under the engine, in a process of the host: privileged instructions fault there, and the handler of
 * the signal does what they do, as far as it can be seen, and goes on behind them. It is lab 01 in small: the
 * code under test is unchanged and finds a machine.
 */
#ifndef SVM_TESTS_FAKE_CPU_H
#define SVM_TESTS_FAKE_CPU_H

#include "lib/types.h"

enum fake_op {
	FAKE_CLGI,
	FAKE_STGI,
	FAKE_CLI,
	FAKE_STI,
	FAKE_LIDT,   /* operand: the base */
	FAKE_VMLOAD, /* RAX */
	FAKE_VMSAVE, /* RAX */
	FAKE_INVLPGA,
};

/* What was executed, in its order; more than this many is a failed test. */
#define FAKE_CALLS 16
extern struct fake_call {
	enum fake_op op;
	u64 operand;
} fake_calls[FAKE_CALLS];
extern unsigned fake_call_count;

extern u64 fake_cr[16], fake_dr[8];

/* From now on; nothing is recorded, registers and MSRs are 0. */
void fake_cpu_start(void);

/* MSRs, by RDMSR and WRMSR; and by the functions that say whether it worked. */
u64 fake_msr(u32 msr);
void fake_msr_set(u32 msr, u64 value);
/* The one that WRMSR refuses, or takes without keeping it; 0: none. */
extern u32 fake_msr_refused, fake_msr_ignored;

/* The interrupt that comes at STGI; -1: none. */
extern int fake_vector;

#endif
