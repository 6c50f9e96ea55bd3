/* SPDX-License-Identifier: MIT */
/*
 * What a hypervisor of this course tells its guest at start. CPUID cannot be relied on for that: it does not
 * trap in ring 3.
 *
 * A guest image has up to two entries:
 *
 *   Multiboot (32-bit protected mode, paging off)   EAX = 0x2badb002, EBX = gpa of the Multiboot information.
 * On the bare machine this is all. Under a hypervisor of ours the first Multiboot module has the string
 * "start-info" and is the start-information page. 64-bit (named by an ELF note: owner START_NOTE_OWNER, type
 * START_NOTE_ENTRY64, an 8-byte address)   Long mode with paging on, for engines that can start nothing else:
 * the first 4 GiB mapped to themselves, readable, writable and executable for the kernel only; CS, SS, DS, ES
 * flat in a GDT of the loader (0x08 code, 0x10 data); interrupts off; no IDT, no stack. RAX =
 * START_INFO_MAGIC, RDI = gpa of the start-information page.
 *
 * The page lies in guest memory that the memory map reports as reserved. All addresses in it are gpa.
 */
#ifndef ABI_START_INFO_H
#define ABI_START_INFO_H

#define START_NOTE_OWNER   "HVLAB"
#define START_NOTE_ENTRY64 1
#define START_INFO_MAGIC   0x5449564c /* "LVIT" */
#define START_INFO_VERSION 1
#define START_RESERVED                                                                                       \
	0x10000 /* so many bytes at the top of RAM hold this page and all else that the loader made for the  \
		   start */

/* EBX, ECX, EDX of CPUID leaf 0x40000000 under a hypervisor of ours; EAX of leaf 0x40000001 is
 * start_info.features. */
#define START_CPUID_SIGNATURE   "HypervisorLb"

/* start_info.features: what the guest may use although CPUID may say otherwise */
#define START_FEATURE_HYPERCALL 0x01 /* VMCALL, VMMCALL or what the pv engine offers */
#define START_FEATURE_CPUID     0x02 /* CPUID in kernel mode is virtualized */
#define START_FEATURE_GBPAGES   0x04 /* 1 GiB pages */
#define START_FEATURE_XSAVE     0x08 /* CR4.OSXSAVE and XSETBV */

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* What a guest's operation cost the hypervisor. Live: counts up while the guest runs; the guest reads
 * differences. */
struct start_counters {
	u64 exits;         /* exits from the guest to the hypervisor, of any reason */
	u64 hidden_faults; /* page faults that the guest never sees (shadow filled, trace hit, nested fault)
			    */
	u64 root_switches; /* loads of CR3 by the hypervisor for this guest */
	u64 tlb_flushes; /* whole address spaces dropped: shadow tables emptied, or a hardware flush asked for
			  */
	u64 walk_refs;   /* page-table entries of the guest that the hypervisor read */
};

struct start_info {
	u32 magic;
	u32 version;
	u64 features;   /* START_FEATURE_* */
	u64 ram_bytes;  /* guest memory is gpa 0 .. ram_bytes */
	gpa_t cmdline;  /* a string with a terminating zero */
	gpa_t counters; /* struct start_counters */
	u64 tsc_hz;     /* ticks of the guest's TSC a second */
	u64 apic_hz;    /* ticks of its local APIC timer a second, with divide value 1 */
	char cpu_engine[16];
	char mem_engine[16];
};
#endif

#endif
