/* SPDX-License-Identifier: MIT */
/*
 * The neutral exit: what any CPU engine reports when the guest stops running. Common code (vmm/intercept.c)
 * answers the reasons of the first group for every engine; the engine answers its own before `run` returns.
 * docs/architecture.md has the table of every exit of all five engines against this structure.
 */
#ifndef VMM_VMEXIT_H
#define VMM_VMEXIT_H

#include "lib/types.h"

enum vmexit_reason {
	VMEXIT_NONE,      /* the engine has dealt with it; go on */
	VMEXIT_INTERRUPT, /* an interrupt or NMI of the machine arrived and has been served */
	VMEXIT_WINDOW,    /* the guest can take an interrupt or NMI now, as requested */
	VMEXIT_CPUID,
	VMEXIT_HLT,
	VMEXIT_PAUSE,
	VMEXIT_RDTSC, /* also RDTSCP: tsc.aux */
	VMEXIT_RDPMC,
	VMEXIT_CACHE, /* INVD, WBINVD */
	VMEXIT_MSR,
	VMEXIT_IO,
	VMEXIT_CR,
	VMEXIT_DR,
	VMEXIT_INVLPG,
	VMEXIT_XSETBV,
	VMEXIT_HYPERCALL,
	VMEXIT_EXCEPTION,    /* an exception that the engine intercepts and does not explain: it goes to the
				guest */
	VMEXIT_PAGE_FAULT,   /* for the memory engine: gva */
	VMEXIT_NESTED_FAULT, /* for the memory engine: gpa (EPT violation, nested page fault) */
	VMEXIT_UNDEFINED,    /* an instruction that this virtual CPU does not have: #UD */
	VMEXIT_TASK_SWITCH,
	VMEXIT_SHUTDOWN,     /* triple fault */
	VMEXIT_INIT,         /* INIT or SIPI for this vcpu */
	VMEXIT_ENTRY_FAILED, /* the hardware refused the state: the hypervisor's or the guest's fault, this
				guest ends */
	VMEXIT_REASONS
};

const char *vmexit_name(enum vmexit_reason reason);

enum vmexit_cr_op { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW };

struct vmexit {
	enum vmexit_reason reason;
	u8 insn_len; /* bytes of the instruction that exited; 0 when the engine cannot know: vmm/emulate.h
			finds it */
	union {
		struct {
			u32 index;
			bool write;
		} msr;
		struct {
			u16 port;
			u8 size;     /* bytes: 1, 2, 4 */
			bool write;  /* OUT */
			bool string; /* INS, OUTS: the operand is in memory */
			bool rep;
			u8 addr_size; /* bytes: 2, 4, 8; string only */
			u8 segment;   /* SEG_*; string only */
		} io;
		struct {
			u8 number;  /* 0, 2, 3, 4, 8 */
			u8 op;      /* enum vmexit_cr_op */
			u8 gpr;     /* GPR_*; CR_WRITE and CR_READ */
			u16 source; /* CR_LMSW: the operand */
		} cr;
		struct {
			u8 number;
			bool write;
			u8 gpr;
		} dr;
		struct {
			bool aux; /* RDTSCP */
		} tsc;
		struct {
			gva_t gva;
		} invlpg;
		struct {
			u8 cpl;
		} hypercall;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 dr6; /* #DB: bits to set in DR6 */
		} exception;
		struct {
			gva_t gva; /* page fault: CR2; nested fault: valid when gva_valid */
			gpa_t gpa; /* nested fault */
			u32 error; /* PF_* bits of the access, in the format of #PF's error code */
			bool gva_valid;
		} fault;
		struct {
			u64 code; /* the hardware's own: VM-instruction error, exit reason, EXITCODE */
			u64 info;
			const char *text;
		} failed;
	};
};

#endif
