/* SPDX-License-Identifier: MIT */
/*
 * Control registers, RFLAGS, EFER and the model-specific registers, spelled as in the manuals. Usable from
 * assembly. Source: SDM vol. 3A, 2.3 "System Flags and Fields in the EFLAGS Register", 2.5 "Control
 * Registers"; SDM vol. 4.
 */
#ifndef X86_REGS_H
#define X86_REGS_H

/* Numbers of the general registers as instructions encode them; also the order of vcpu->gpr[]. */
#define GPR_RAX             0
#define GPR_RCX             1
#define GPR_RDX             2
#define GPR_RBX             3
#define GPR_RSP             4
#define GPR_RBP             5
#define GPR_RSI             6
#define GPR_RDI             7
#define GPR_R11             11
#define GPR_COUNT           16

/* Numbers of the segment registers as instructions encode them; LDTR and TR follow. */
#define SEG_ES              0
#define SEG_CS              1
#define SEG_SS              2
#define SEG_DS              3
#define SEG_FS              4
#define SEG_GS              5
#define SEG_LDTR            6
#define SEG_TR              7
#define SEG_COUNT           8

#define RFLAGS_CF           0x00000001
#define RFLAGS_RESERVED1    0x00000002 /* always 1 */
#define RFLAGS_PF           0x00000004
#define RFLAGS_AF           0x00000010
#define RFLAGS_ZF           0x00000040
#define RFLAGS_SF           0x00000080
#define RFLAGS_TF           0x00000100
#define RFLAGS_IF           0x00000200
#define RFLAGS_DF           0x00000400
#define RFLAGS_OF           0x00000800
#define RFLAGS_IOPL         0x00003000
#define RFLAGS_NT           0x00004000
#define RFLAGS_RF           0x00010000
#define RFLAGS_VM           0x00020000
#define RFLAGS_AC           0x00040000
#define RFLAGS_VIF          0x00080000
#define RFLAGS_VIP          0x00100000
#define RFLAGS_ID           0x00200000
#define RFLAGS_IOPL_SHIFT   12
#define RFLAGS_ARITHMETIC   (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define CR0_PE              0x00000001
#define CR0_MP              0x00000002
#define CR0_EM              0x00000004
#define CR0_TS              0x00000008
#define CR0_ET              0x00000010
#define CR0_NE              0x00000020
#define CR0_WP              0x00010000
#define CR0_AM              0x00040000
#define CR0_NW              0x20000000
#define CR0_CD              0x40000000
#define CR0_PG              0x80000000

#define CR4_VME             0x00000001
#define CR4_PVI             0x00000002
#define CR4_TSD             0x00000004
#define CR4_DE              0x00000008
#define CR4_PSE             0x00000010
#define CR4_PAE             0x00000020
#define CR4_MCE             0x00000040
#define CR4_PGE             0x00000080
#define CR4_PCE             0x00000100
#define CR4_OSFXSR          0x00000200
#define CR4_OSXMMEXCPT      0x00000400
#define CR4_UMIP            0x00000800
#define CR4_LA57            0x00001000
#define CR4_VMXE            0x00002000
#define CR4_SMXE            0x00004000
#define CR4_FSGSBASE        0x00010000
#define CR4_PCIDE           0x00020000
#define CR4_OSXSAVE         0x00040000
#define CR4_SMEP            0x00100000
#define CR4_SMAP            0x00200000
#define CR4_PKE             0x00400000

#define XCR0_X87            0x1
#define XCR0_SSE            0x2
#define XCR0_AVX            0x4

#define EFER_SCE            0x0001
#define EFER_LME            0x0100
#define EFER_LMA            0x0400
#define EFER_NXE            0x0800
#define EFER_SVME           0x1000

#define DR6_B0              0x00000001
#define DR6_BD              0x00002000
#define DR6_BS              0x00004000
#define DR6_BT              0x00008000
#define DR6_RESERVED        0xffff0ff0 /* read as 1 */
#define DR7_RESERVED        0x00000400 /* read as 1 */
#define DR7_GD              0x00002000
#define DR7_ENABLED         0x000000ff /* any of L0 G0 .. L3 G3 */

#define MSR_TSC             0x00000010
#define MSR_APIC_BASE       0x0000001b
#define MSR_FEATURE_CONTROL 0x0000003a
#define MSR_TSC_ADJUST      0x0000003b
#define MSR_BIOS_SIGN_ID    0x0000008b
#define MSR_MTRRCAP         0x000000fe
#define MSR_SYSENTER_CS     0x00000174
#define MSR_SYSENTER_ESP    0x00000175
#define MSR_SYSENTER_EIP    0x00000176
#define MSR_MCG_CAP         0x00000179
#define MSR_MCG_STATUS      0x0000017a
#define MSR_MISC_ENABLE     0x000001a0
#define MSR_PAT             0x00000277
#define MSR_MTRR_DEF_TYPE   0x000002ff
#define MSR_TSC_DEADLINE    0x000006e0
#define MSR_EFER            0xc0000080
#define MSR_STAR            0xc0000081
#define MSR_LSTAR           0xc0000082
#define MSR_CSTAR           0xc0000083
#define MSR_FMASK           0xc0000084
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
#define MSR_TSC_AUX         0xc0000103

#define APIC_BASE_BSP       0x100
#define APIC_BASE_EXTD      0x400
#define APIC_BASE_ENABLE    0x800
#define APIC_BASE_DEFAULT   0xfee00000

#endif
