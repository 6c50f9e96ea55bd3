/* SPDX-License-Identifier: MIT */
/*
 * The basic exit reasons: F(name, number, the manual's words). Source: SDM vol. 3D, appendix C "VMX Basic
 * Exit Reasons".
 */
#ifndef VTX_REASONS_H
#define VTX_REASONS_H

#define EXIT_REASONS(F)                                                                                      \
	F(EXCEPTION_OR_NMI, 0, "exception or NMI")                                                           \
	F(EXTERNAL_INTERRUPT, 1, "external interrupt")                                                       \
	F(TRIPLE_FAULT, 2, "triple fault")                                                                   \
	F(INIT, 3, "INIT signal")                                                                            \
	F(SIPI, 4, "start-up IPI")                                                                           \
	F(IO_SMI, 5, "I/O SMI")                                                                              \
	F(OTHER_SMI, 6, "other SMI")                                                                         \
	F(INTERRUPT_WINDOW, 7, "interrupt window")                                                           \
	F(NMI_WINDOW, 8, "NMI window")                                                                       \
	F(TASK_SWITCH, 9, "task switch")                                                                     \
	F(CPUID, 10, "CPUID")                                                                                \
	F(GETSEC, 11, "GETSEC")                                                                              \
	F(HLT, 12, "HLT")                                                                                    \
	F(INVD, 13, "INVD")                                                                                  \
	F(INVLPG, 14, "INVLPG")                                                                              \
	F(RDPMC, 15, "RDPMC")                                                                                \
	F(RDTSC, 16, "RDTSC")                                                                                \
	F(RSM, 17, "RSM")                                                                                    \
	F(VMCALL, 18, "VMCALL")                                                                              \
	F(VMCLEAR, 19, "VMCLEAR")                                                                            \
	F(VMLAUNCH, 20, "VMLAUNCH")                                                                          \
	F(VMPTRLD, 21, "VMPTRLD")                                                                            \
	F(VMPTRST, 22, "VMPTRST")                                                                            \
	F(VMREAD, 23, "VMREAD")                                                                              \
	F(VMRESUME, 24, "VMRESUME")                                                                          \
	F(VMWRITE, 25, "VMWRITE")                                                                            \
	F(VMXOFF, 26, "VMXOFF")                                                                              \
	F(VMXON, 27, "VMXON")                                                                                \
	F(CR_ACCESS, 28, "control-register access")                                                          \
	F(MOV_DR, 29, "MOV DR")                                                                              \
	F(IO_INSTRUCTION, 30, "I/O instruction")                                                             \
	F(RDMSR, 31, "RDMSR")                                                                                \
	F(WRMSR, 32, "WRMSR")                                                                                \
	F(ENTRY_INVALID_GUEST_STATE, 33, "VM-entry failure due to invalid guest state")                      \
	F(ENTRY_MSR_LOADING, 34, "VM-entry failure due to MSR loading")                                      \
	F(MWAIT, 36, "MWAIT")                                                                                \
	F(MONITOR_TRAP_FLAG, 37, "monitor trap flag")                                                        \
	F(MONITOR, 39, "MONITOR")                                                                            \
	F(PAUSE, 40, "PAUSE")                                                                                \
	F(ENTRY_MACHINE_CHECK, 41, "VM-entry failure due to machine-check event")                            \
	F(TPR_BELOW_THRESHOLD, 43, "TPR below threshold")                                                    \
	F(APIC_ACCESS, 44, "APIC access")                                                                    \
	F(VIRTUALIZED_EOI, 45, "virtualized EOI")                                                            \
	F(GDTR_IDTR_ACCESS, 46, "access to GDTR or IDTR")                                                    \
	F(LDTR_TR_ACCESS, 47, "access to LDTR or TR")                                                        \
	F(EPT_VIOLATION, 48, "EPT violation")                                                                \
	F(EPT_MISCONFIGURATION, 49, "EPT misconfiguration")                                                  \
	F(INVEPT, 50, "INVEPT")                                                                              \
	F(RDTSCP, 51, "RDTSCP")                                                                              \
	F(PREEMPTION_TIMER, 52, "VMX-preemption timer expired")                                              \
	F(INVVPID, 53, "INVVPID")                                                                            \
	F(WBINVD, 54, "WBINVD or WBNOINVD")                                                                  \
	F(XSETBV, 55, "XSETBV")                                                                              \
	F(APIC_WRITE, 56, "APIC write")                                                                      \
	F(RDRAND, 57, "RDRAND")                                                                              \
	F(INVPCID, 58, "INVPCID")                                                                            \
	F(VMFUNC, 59, "VMFUNC")                                                                              \
	F(ENCLS, 60, "ENCLS")                                                                                \
	F(RDSEED, 61, "RDSEED")                                                                              \
	F(PML_FULL, 62, "page-modification log full")                                                        \
	F(XSAVES, 63, "XSAVES")                                                                              \
	F(XRSTORS, 64, "XRSTORS")                                                                            \
	F(PCONFIG, 65, "PCONFIG")                                                                            \
	F(SPP_EVENT, 66, "SPP-related event")                                                                \
	F(UMWAIT, 67, "UMWAIT")                                                                              \
	F(TPAUSE, 68, "TPAUSE")                                                                              \
	F(LOADIWKEY, 69, "LOADIWKEY")                                                                        \
	F(ENQCMD_PASID, 72, "ENQCMD PASID translation failure")                                              \
	F(ENQCMDS_PASID, 73, "ENQCMDS PASID translation failure")                                            \
	F(BUS_LOCK, 74, "bus lock")                                                                          \
	F(NOTIFY, 75, "notify")

#define REASON_ENUM(name, number, text) REASON_##name = number,
enum exit_reason { EXIT_REASONS(REASON_ENUM) REASON_COUNT };
#undef REASON_ENUM

/* Beside the basic reason in EXIT_REASON: SDM vol. 3C, table 24-12 */
#define REASON_BASIC         0x0000ffff
#define REASON_ENTRY_FAILURE 0x80000000

#endif
