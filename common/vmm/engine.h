/* SPDX-License-Identifier: MIT */
/*
 * The two plugs of a vcpu: who runs its instructions (CPU engine), and who turns gva into hpa (memory
 * engine).
 *
 * A CPU engine says which kind of root it needs; a memory engine says which kinds it can give and which exits
 * it wants. engine_check() refuses a pair that does not fit.
 */
#ifndef VMM_ENGINE_H
#define VMM_ENGINE_H

#include "lib/types.h"
#include "vmm/event.h"
#include "vmm/vmexit.h"

struct vcpu;
struct vm;
struct start_info;

/* Kinds of roots: what the hardware walks while the guest runs */
#define ROOT_PAIR                                                                                            \
	0x1 /* two page tables, one for the guest's kernel (every page user) and one for its user mode (U    \
	       pages only) */
#define ROOT_FAITHFUL 0x2 /* one page table with the guest's own U and W */
#define ROOT_NESTED   0x4 /* a second-level table, gpa to hpa; the guest owns CR3 */

enum root_role { ROLE_KERNEL, ROLE_USER, ROLE_SINGLE /* faithful or nested */ };

/* What a memory engine wants to hear of */
#define MEM_WANTS_PF     0x1 /* every #PF of the guest */
#define MEM_WANTS_CR3    0x2 /* MOV to CR3 */
#define MEM_WANTS_INVLPG 0x4
#define MEM_WANTS_NESTED 0x8 /* nested faults */

/* Result of event injection */
enum inject_result {
	INJECT_DONE,    /* delivered, or certain to be at the next entry */
	INJECT_FAULTED, /* the delivery itself raised an exception: `nested` says which */
};

struct cpu_engine {
	const char *name;
	const char *summary; /* half a sentence, for the boot message */
	unsigned root_kind;  /* one of ROOT_* */
	bool starts_unpaged; /* can enter the 32-bit Multiboot entry; otherwise the 64-bit one */
	u64 start_features;  /* START_FEATURE_* that this engine gives */
	bool offsets_tsc; /* applies vcpu->tsc_offset by itself; otherwise the guest starts with the machine's
			     TSC */
	u64 cr4_hidden;   /* CR4 features that a guest under this engine may not have (CPUID and MOV to CR4
			     agree) */

	/* Once, on the machine. NULL, or why the engine cannot work here (a sentence). */
	const char *(*machine_init)(void);
	/* Allocates cpu_private. 0, or -1 when out of memory. */
	int (*vcpu_init)(struct vcpu *v) MUST_USE;
	/* This vcpu now owns the CPU, or does no longer: load and save what the entry path does not (FPU
	 * state is common). */
	void (*load)(struct vcpu *v);
	void (*unload)(struct vcpu *v);
	/* Makes groups of state valid in the vcpu. */
	void (*fetch)(struct vcpu *v, u32 groups);
	/* Delivers an event that can be delivered now. */
	enum inject_result (*inject)(struct vcpu *v, const struct event *e, struct event *nested);
	/* Come back with VMEXIT_WINDOW as soon as an interrupt (or NMI) can be taken. Holds until the next
	 * exit. */
	void (*request_window)(struct vcpu *v);
	/*
	 * Copies between the guest's linear addresses and a buffer, as an access with these rights does
	 * (ACCESS_* in memory.h, never ACCESS_FETCH), without a walk of the guest's tables: all of it or
	 * nothing. False: it cannot tell, walk. NULL: always walk.
	 */
	bool (*read_linear)(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access);
	bool (*write_linear)(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access);
	/*
	 * Drops what the TLB holds for the guest, of one address or of all, before the guest runs again:
	 * vmm/tlb.h. NULL: what drops the monitor's own translations does it (the guest has no tag).
	 */
	void (*tlb_flush_page)(struct vcpu *v, gva_t gva);
	void (*tlb_flush_all)(struct vcpu *v);
	/*
	 * Entry HV_PML4_SLOT of a root: engines that run the guest in ring 3 own this slot of its address
	 * space, and may show ring 3 more of it in one root than in the other. NULL: that of machine_root().
	 * Is asked for when a memory engine makes a root, after vcpu_init.
	 */
	u64 (*monitor_slot)(struct vcpu *v, enum root_role role);
	/*
	 * Runs the guest until it exits. Interrupts of the machine are off before and after. Sets the reason
	 * of the exit and, in the union, what belongs to this reason; insn_len where the reason is an
	 * instruction. What was there is of an earlier exit.
	 */
	void (*run)(struct vcpu *v, struct vmexit *exit);
	/* Prints what the engine has counted for itself, at the end of a run that was traced. NULL: nothing.
	 */
	void (*report)(struct vcpu *v);
};

enum mem_result {
	MEM_RETRY,       /* the mapping was repaired: run the instruction again */
	MEM_GUEST_FAULT, /* the guest's own fault: *error is the error code for it */
	MEM_MMIO,        /* no memory there: emulate the instruction, *gpa says where it goes */
	MEM_OUT,         /* no resources, or a guest that cannot go on: *why says it */
};

struct mem_fault {
	gva_t gva;
	gpa_t gpa;       /* nested faults: in; MEM_MMIO: out */
	u32 error;       /* PF_*: in, and out for MEM_GUEST_FAULT */
	const char *why; /* MEM_OUT: out */
};

struct mem_engine {
	const char *name;
	const char *summary;
	unsigned roots; /* ROOT_* that it can give */
	unsigned wants; /* MEM_WANTS_* */
	u64 cr4_hidden; /* CR4 features whose effect on a walk it leaves out */

	const char *(*machine_init)(void);
	int (*vcpu_init)(struct vcpu *v) MUST_USE;
	/* The table to load for a role. Never fails. When it becomes another, VCPU_CRS of the vcpu has
	 * changed. */
	hpa_t (*root)(struct vcpu *v, enum root_role role);
	enum mem_result (*fault)(struct vcpu *v, struct mem_fault *f);
	/* CR3 was written (by MOV: `flush` unless bit 63 with PCIDs asked otherwise), or a bit of CR0, CR4 or
	 * EFER that paging depends on. */
	void (*cr3_written)(struct vcpu *v);
	void (*mode_changed)(struct vcpu *v);
	void (*invlpg)(struct vcpu *v, gva_t gva);
	/* Starts tracing writes to the guest frame of `gpa`: vm_trace_set() in vmm/memory.h calls it for
	 * every vcpu of a VM. */
	void (*write_protect)(struct vcpu *v, gpa_t gpa);
};

/* NULL, or a sentence that says why the pair is refused. (engine.c; docs/architecture.md has the table) */
const char *engine_check(const struct cpu_engine *cpu, const struct mem_engine *mem);

/* The memory engine that is given. (vtlb.c) */
extern const struct mem_engine vtlb_engine;

#endif
