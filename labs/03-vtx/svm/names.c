// SPDX-License-Identifier: MIT
/* The names of the exits, as in APM vol. 2, appendix C "SVM Intercept Exit Codes", without "VMEXIT_". */
#include "svm.h"

/* One of each register or vector, from the exit code that is given for number 0 on. */
#define NAMES_16(base, prefix, suffix)                                                                       \
	[(base) + 0] = prefix "0" suffix, [(base) + 1] = prefix "1" suffix,                                  \
		  [(base) + 2] = prefix "2" suffix, [(base) + 3] = prefix "3" suffix,                        \
		  [(base) + 4] = prefix "4" suffix, [(base) + 5] = prefix "5" suffix,                        \
		  [(base) + 6] = prefix "6" suffix, [(base) + 7] = prefix "7" suffix,                        \
		  [(base) + 8] = prefix "8" suffix, [(base) + 9] = prefix "9" suffix,                        \
		  [(base) + 10] = prefix "10" suffix, [(base) + 11] = prefix "11" suffix,                    \
		  [(base) + 12] = prefix "12" suffix, [(base) + 13] = prefix "13" suffix,                    \
		  [(base) + 14] = prefix "14" suffix, [(base) + 15] = prefix "15" suffix

// clang-format off
static const char *const svm_exit_names[SVM_EXIT_COUNT] = {
	NAMES_16(SVM_EXIT_CR0_READ, "CR", "_READ"),
	NAMES_16(SVM_EXIT_CR0_WRITE, "CR", "_WRITE"),
	NAMES_16(SVM_EXIT_DR0_READ, "DR", "_READ"),
	NAMES_16(SVM_EXIT_DR0_WRITE, "DR", "_WRITE"),
	[SVM_EXIT_EXCP0 + 0] = "EXCP_DE", [SVM_EXIT_EXCP0 + 1] = "EXCP_DB",
	[SVM_EXIT_EXCP0 + 2] = "EXCP_NMI", [SVM_EXIT_EXCP0 + 3] = "EXCP_BP",
	[SVM_EXIT_EXCP0 + 4] = "EXCP_OF", [SVM_EXIT_EXCP0 + 5] = "EXCP_BR",
	[SVM_EXIT_EXCP0 + 6] = "EXCP_UD", [SVM_EXIT_EXCP0 + 7] = "EXCP_NM",
	[SVM_EXIT_EXCP0 + 8] = "EXCP_DF", [SVM_EXIT_EXCP0 + 9] = "EXCP_9",
	[SVM_EXIT_EXCP0 + 10] = "EXCP_TS", [SVM_EXIT_EXCP0 + 11] = "EXCP_NP",
	[SVM_EXIT_EXCP0 + 12] = "EXCP_SS", [SVM_EXIT_EXCP0 + 13] = "EXCP_GP",
	[SVM_EXIT_EXCP0 + 14] = "EXCP_PF", [SVM_EXIT_EXCP0 + 15] = "EXCP_15",
	[SVM_EXIT_EXCP0 + 16] = "EXCP_MF", [SVM_EXIT_EXCP0 + 17] = "EXCP_AC",
	[SVM_EXIT_EXCP0 + 18] = "EXCP_MC", [SVM_EXIT_EXCP0 + 19] = "EXCP_XF",
	[SVM_EXIT_EXCP0 + 20] = "EXCP_20", [SVM_EXIT_EXCP0 + 21] = "EXCP_CP",
	[SVM_EXIT_EXCP0 + 22] = "EXCP_22", [SVM_EXIT_EXCP0 + 23] = "EXCP_23",
	[SVM_EXIT_EXCP0 + 24] = "EXCP_24", [SVM_EXIT_EXCP0 + 25] = "EXCP_25",
	[SVM_EXIT_EXCP0 + 26] = "EXCP_26", [SVM_EXIT_EXCP0 + 27] = "EXCP_27",
	[SVM_EXIT_EXCP0 + 28] = "EXCP_HV", [SVM_EXIT_EXCP0 + 29] = "EXCP_VC",
	[SVM_EXIT_EXCP0 + 30] = "EXCP_SX", [SVM_EXIT_EXCP0 + 31] = "EXCP_31",
	[SVM_EXIT_INTR] = "INTR",
	[SVM_EXIT_NMI] = "NMI",
	[SVM_EXIT_SMI] = "SMI",
	[SVM_EXIT_INIT] = "INIT",
	[SVM_EXIT_VINTR] = "VINTR",
	[SVM_EXIT_CR0_SEL_WRITE] = "CR0_SEL_WRITE",
	[SVM_EXIT_IDTR_READ] = "IDTR_READ",
	[SVM_EXIT_GDTR_READ] = "GDTR_READ",
	[SVM_EXIT_LDTR_READ] = "LDTR_READ",
	[SVM_EXIT_TR_READ] = "TR_READ",
	[SVM_EXIT_IDTR_WRITE] = "IDTR_WRITE",
	[SVM_EXIT_GDTR_WRITE] = "GDTR_WRITE",
	[SVM_EXIT_LDTR_WRITE] = "LDTR_WRITE",
	[SVM_EXIT_TR_WRITE] = "TR_WRITE",
	[SVM_EXIT_RDTSC] = "RDTSC",
	[SVM_EXIT_RDPMC] = "RDPMC",
	[SVM_EXIT_PUSHF] = "PUSHF",
	[SVM_EXIT_POPF] = "POPF",
	[SVM_EXIT_CPUID] = "CPUID",
	[SVM_EXIT_RSM] = "RSM",
	[SVM_EXIT_IRET] = "IRET",
	[SVM_EXIT_SWINT] = "SWINT",
	[SVM_EXIT_INVD] = "INVD",
	[SVM_EXIT_PAUSE] = "PAUSE",
	[SVM_EXIT_HLT] = "HLT",
	[SVM_EXIT_INVLPG] = "INVLPG",
	[SVM_EXIT_INVLPGA] = "INVLPGA",
	[SVM_EXIT_IOIO] = "IOIO",
	[SVM_EXIT_MSR] = "MSR",
	[SVM_EXIT_TASK_SWITCH] = "TASK_SWITCH",
	[SVM_EXIT_FERR_FREEZE] = "FERR_FREEZE",
	[SVM_EXIT_SHUTDOWN] = "SHUTDOWN",
	[SVM_EXIT_VMRUN] = "VMRUN",
	[SVM_EXIT_VMMCALL] = "VMMCALL",
	[SVM_EXIT_VMLOAD] = "VMLOAD",
	[SVM_EXIT_VMSAVE] = "VMSAVE",
	[SVM_EXIT_STGI] = "STGI",
	[SVM_EXIT_CLGI] = "CLGI",
	[SVM_EXIT_SKINIT] = "SKINIT",
	[SVM_EXIT_RDTSCP] = "RDTSCP",
	[SVM_EXIT_ICEBP] = "ICEBP",
	[SVM_EXIT_WBINVD] = "WBINVD",
	[SVM_EXIT_MONITOR] = "MONITOR",
	[SVM_EXIT_MWAIT] = "MWAIT",
	[SVM_EXIT_MWAIT_CONDITIONAL] = "MWAIT_CONDITIONAL",
	[SVM_EXIT_XSETBV] = "XSETBV",
	[SVM_EXIT_RDPRU] = "RDPRU",
	[SVM_EXIT_EFER_WRITE_TRAP] = "EFER_WRITE_TRAP",
	NAMES_16(SVM_EXIT_CR0_WRITE_TRAP, "CR", "_WRITE_TRAP"),
	[SVM_EXIT_INVLPGB] = "INVLPGB",
	[SVM_EXIT_INVLPGB_ILLEGAL] = "INVLPGB_ILLEGAL",
	[SVM_EXIT_INVPCID] = "INVPCID",
	[SVM_EXIT_MCOMMIT] = "MCOMMIT",
	[SVM_EXIT_TLBSYNC] = "TLBSYNC",
};
// clang-format on

const char *svm_exit_name(u64 code)
{
	switch (code) {
	case SVM_EXIT_NPF:
		return "NPF";
	case SVM_EXIT_AVIC_INCOMPLETE_IPI:
		return "AVIC_INCOMPLETE_IPI";
	case SVM_EXIT_AVIC_NOACCEL:
		return "AVIC_NOACCEL";
	case SVM_EXIT_VMGEXIT:
		return "VMGEXIT";
	case SVM_EXIT_INVALID:
		return "INVALID";
	default:
		return code < SVM_EXIT_COUNT ? svm_exit_names[code] : "unknown";
	}
}
