/* SPDX-License-Identifier: MIT */
/*
 * The controls of a VMCS: what exits, what an entry loads, what an exit saves. Five groups of 32 bits, and
 * which of them a processor has.
 *
 * Source: SDM vol. 3C, 24.6 "VM-Execution Control Fields", 24.7 "VM-Exit Control Fields", 24.8 "VM-Entry
 * Control Fields", 31.5.1 "Algorithms for Determining VMX Capabilities"; vol. 3D, appendix A "VMX Capability
 * Reporting Facility".
 */
#ifndef VTX_CONTROLS_H
#define VTX_CONTROLS_H

#include "lib/types.h"

/* ---- the bits, by group in the manual's order: F(name, bit, the manual's name) ---- */

/* Table 24-5 "Definitions of Pin-Based VM-Execution Controls" */
#define PIN_CONTROL_LIST(F)                                                                                  \
	F(PIN_EXTERNAL_INTERRUPT_EXITING, 0, "external-interrupt exiting")                                   \
	F(PIN_NMI_EXITING, 3, "NMI exiting")                                                                 \
	F(PIN_VIRTUAL_NMIS, 5, "virtual NMIs")                                                               \
	F(PIN_PREEMPTION_TIMER, 6, "activate VMX-preemption timer")                                          \
	F(PIN_POSTED_INTERRUPTS, 7, "process posted interrupts")

/* Table 24-6 "Definitions of Primary Processor-Based VM-Execution Controls" */
#define PRIMARY_CONTROL_LIST(F)                                                                              \
	F(PRIMARY_INTERRUPT_WINDOW, 2, "interrupt-window exiting")                                           \
	F(PRIMARY_TSC_OFFSETTING, 3, "use TSC offsetting")                                                   \
	F(PRIMARY_HLT_EXITING, 7, "HLT exiting")                                                             \
	F(PRIMARY_INVLPG_EXITING, 9, "INVLPG exiting")                                                       \
	F(PRIMARY_MWAIT_EXITING, 10, "MWAIT exiting")                                                        \
	F(PRIMARY_RDPMC_EXITING, 11, "RDPMC exiting")                                                        \
	F(PRIMARY_RDTSC_EXITING, 12, "RDTSC exiting")                                                        \
	F(PRIMARY_CR3_LOAD_EXITING, 15, "CR3-load exiting")                                                  \
	F(PRIMARY_CR3_STORE_EXITING, 16, "CR3-store exiting")                                                \
	F(PRIMARY_ACTIVATE_TERTIARY, 17, "activate tertiary controls")                                       \
	F(PRIMARY_CR8_LOAD_EXITING, 19, "CR8-load exiting")                                                  \
	F(PRIMARY_CR8_STORE_EXITING, 20, "CR8-store exiting")                                                \
	F(PRIMARY_TPR_SHADOW, 21, "use TPR shadow")                                                          \
	F(PRIMARY_NMI_WINDOW, 22, "NMI-window exiting")                                                      \
	F(PRIMARY_MOV_DR_EXITING, 23, "MOV-DR exiting")                                                      \
	F(PRIMARY_UNCONDITIONAL_IO, 24, "unconditional I/O exiting")                                         \
	F(PRIMARY_IO_BITMAPS, 25, "use I/O bitmaps")                                                         \
	F(PRIMARY_MONITOR_TRAP_FLAG, 27, "monitor trap flag")                                                \
	F(PRIMARY_MSR_BITMAPS, 28, "use MSR bitmaps")                                                        \
	F(PRIMARY_MONITOR_EXITING, 29, "MONITOR exiting")                                                    \
	F(PRIMARY_PAUSE_EXITING, 30, "PAUSE exiting")                                                        \
	F(PRIMARY_ACTIVATE_SECONDARY, 31, "activate secondary controls")

/* Table 24-7 "Definitions of Secondary Processor-Based VM-Execution Controls" */
#define SECONDARY_CONTROL_LIST(F)                                                                            \
	F(SECONDARY_APIC_ACCESSES, 0, "virtualize APIC accesses")                                            \
	F(SECONDARY_EPT, 1, "enable EPT")                                                                    \
	F(SECONDARY_DESCRIPTOR_TABLE, 2, "descriptor-table exiting")                                         \
	F(SECONDARY_RDTSCP, 3, "enable RDTSCP")                                                              \
	F(SECONDARY_X2APIC_MODE, 4, "virtualize x2APIC mode")                                                \
	F(SECONDARY_VPID, 5, "enable VPID")                                                                  \
	F(SECONDARY_WBINVD_EXITING, 6, "WBINVD exiting")                                                     \
	F(SECONDARY_UNRESTRICTED_GUEST, 7, "unrestricted guest")                                             \
	F(SECONDARY_APIC_REGISTERS, 8, "APIC-register virtualization")                                       \
	F(SECONDARY_INTERRUPT_DELIVERY, 9, "virtual-interrupt delivery")                                     \
	F(SECONDARY_PAUSE_LOOP, 10, "PAUSE-loop exiting")                                                    \
	F(SECONDARY_RDRAND_EXITING, 11, "RDRAND exiting")                                                    \
	F(SECONDARY_INVPCID, 12, "enable INVPCID")                                                           \
	F(SECONDARY_VM_FUNCTIONS, 13, "enable VM functions")                                                 \
	F(SECONDARY_VMCS_SHADOWING, 14, "VMCS shadowing")                                                    \
	F(SECONDARY_ENCLS_EXITING, 15, "enable ENCLS exiting")                                               \
	F(SECONDARY_RDSEED_EXITING, 16, "RDSEED exiting")                                                    \
	F(SECONDARY_PML, 17, "enable PML")                                                                   \
	F(SECONDARY_EPT_VIOLATION_VE, 18, "EPT-violation #VE")                                               \
	F(SECONDARY_CONCEAL_PT, 19, "conceal VMX from PT")                                                   \
	F(SECONDARY_XSAVES, 20, "enable XSAVES/XRSTORS")                                                     \
	F(SECONDARY_EPT_MODE_BASED_X, 22, "mode-based execute control for EPT")                              \
	F(SECONDARY_EPT_SUB_PAGE, 23, "sub-page write permissions for EPT")                                  \
	F(SECONDARY_PT_GPA, 24, "Intel PT uses guest physical addresses")                                    \
	F(SECONDARY_TSC_SCALING, 25, "use TSC scaling")                                                      \
	F(SECONDARY_USER_WAIT, 26, "enable user wait and pause")                                             \
	F(SECONDARY_ENCLV_EXITING, 28, "enable ENCLV exiting")

/* Table 24-13 "Definitions of Primary VM-Exit Controls" */
#define EXIT_CONTROL_LIST(F)                                                                                 \
	F(EXIT_SAVE_DEBUG, 2, "save debug controls")                                                         \
	F(EXIT_HOST_64BIT, 9, "host address-space size")                                                     \
	F(EXIT_LOAD_PERF_GLOBAL_CTRL, 12, "load IA32_PERF_GLOBAL_CTRL")                                      \
	F(EXIT_ACKNOWLEDGE_INTERRUPT, 15, "acknowledge interrupt on exit")                                   \
	F(EXIT_SAVE_PAT, 18, "save IA32_PAT")                                                                \
	F(EXIT_LOAD_PAT, 19, "load IA32_PAT")                                                                \
	F(EXIT_SAVE_EFER, 20, "save IA32_EFER")                                                              \
	F(EXIT_LOAD_EFER, 21, "load IA32_EFER")                                                              \
	F(EXIT_SAVE_PREEMPTION_TIMER, 22, "save VMX-preemption timer value")                                 \
	F(EXIT_CLEAR_BNDCFGS, 23, "clear IA32_BNDCFGS")                                                      \
	F(EXIT_CONCEAL_PT, 24, "conceal VMX from PT")                                                        \
	F(EXIT_CLEAR_RTIT_CTL, 25, "clear IA32_RTIT_CTL")                                                    \
	F(EXIT_LOAD_CET, 28, "load CET state")                                                               \
	F(EXIT_LOAD_PKRS, 29, "load PKRS")

/* Table 24-16 "Definitions of VM-Entry Controls" */
#define ENTRY_CONTROL_LIST(F)                                                                                \
	F(ENTRY_LOAD_DEBUG, 2, "load debug controls")                                                        \
	F(ENTRY_IA32E_GUEST, 9, "IA-32e mode guest")                                                         \
	F(ENTRY_TO_SMM, 10, "entry to SMM")                                                                  \
	F(ENTRY_DEACTIVATE_DUAL_MONITOR, 11, "deactivate dual-monitor treatment")                            \
	F(ENTRY_LOAD_PERF_GLOBAL_CTRL, 13, "load IA32_PERF_GLOBAL_CTRL")                                     \
	F(ENTRY_LOAD_PAT, 14, "load IA32_PAT")                                                               \
	F(ENTRY_LOAD_EFER, 15, "load IA32_EFER")                                                             \
	F(ENTRY_LOAD_BNDCFGS, 16, "load IA32_BNDCFGS")                                                       \
	F(ENTRY_CONCEAL_PT, 17, "conceal VMX from PT")                                                       \
	F(ENTRY_LOAD_RTIT_CTL, 18, "load IA32_RTIT_CTL")                                                     \
	F(ENTRY_LOAD_CET, 20, "load CET state")                                                              \
	F(ENTRY_LOAD_PKRS, 22, "load PKRS")

#define CONTROL_ENUM(name, bit, text) name = 1U << (bit),
enum pin_control { PIN_CONTROL_LIST(CONTROL_ENUM) };
enum primary_control { PRIMARY_CONTROL_LIST(CONTROL_ENUM) };
enum secondary_control { SECONDARY_CONTROL_LIST(CONTROL_ENUM) };
enum exit_control { EXIT_CONTROL_LIST(CONTROL_ENUM) };
enum entry_control { ENTRY_CONTROL_LIST(CONTROL_ENUM) };
#undef CONTROL_ENUM

/* ---- choosing them ---- */

enum control_group_id {
	CONTROLS_PIN,
	CONTROLS_PRIMARY,
	CONTROLS_SECONDARY,
	CONTROLS_EXIT,
	CONTROLS_ENTRY,
	CONTROLS_GROUPS
};

/* What the capability MSRs of a group say. Low half: bits that must be 1; high half: bits that may be 1. The
 * "true" one tells which bits of the default1 class may be 0 after all; without it, it equals the other. */
struct control_capability {
	u64 standard, true_;
};

struct control_group {
	const char *name;
	u32 msr, true_msr;
	u32 needed;            /* this hypervisor cannot do without these */
	u32 wanted;            /* set where the processor has them */
	u32 known;             /* bits that the tables above explain */
	const char *names[32]; /* by bit */
};
extern const struct control_group control_groups[CONTROLS_GROUPS];

/*
 * The value of a group's field by the algorithm of 31.5.1: what the processor fixes is as it fixes it; of the
 * rest what is needed or wanted is 1, other known bits are 0, and bits of unknown meaning have their default.
 * NULL; or a sentence that names the lowest of the needed bits that this processor does not have.
 */
const char *control_choose(const struct control_group *g, struct control_capability c, u32 *value) MUST_USE;

/* ---- what this processor has (features.c) ---- */

struct vmx_features {
	u32 revision;                  /* of its VMCS format */
	u32 controls[CONTROLS_GROUPS]; /* as chosen for a guest that neither waits for a window nor is in long
					  mode */
	struct control_capability capability[CONTROLS_GROUPS];
	u64 cr0_fixed0, cr0_fixed1; /* must be 1; may be 1 */
	u64 cr4_fixed0, cr4_fixed1;
	unsigned timer_shift; /* the VMX-preemption timer counts every 2^timer_shift ticks of the TSC */
	bool io_information;  /* exits by INS and OUTS say segment and address size */
};
extern struct vmx_features vmx_features;

/* Reads all this. NULL, or why this processor cannot do it: a sentence. */
const char *features_discover(void);
/* CR0 and CR4 as VMX operation wants them, CR4.VMXE among them: 23.8 "Restrictions on VMX Operation". */
void features_fix_control_registers(void);

#endif
