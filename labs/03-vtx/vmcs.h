/* SPDX-License-Identifier: MIT */
/*
 * The virtual-machine control structure: every field with its encoding and its name, and access to the
 * fields of the current VMCS.
 *
 * Source: SDM vol. 3C, chapter 24 "Virtual Machine Control Structures"; vol. 3D, appendix B "Field Encoding
 * in VMCS"; vol. 3C, 30.2 "Conventions" (of the VMX instructions' results).
 */
#ifndef VTX_VMCS_H
#define VTX_VMCS_H

#include "lib/types.h"

/* ---- the fields, in the order of their encodings: F(name, encoding) ---- */

#define VMCS_FIELDS_CONTROL16(F)                                                                             \
	F(VPID, 0x0000)                                                                                      \
	F(POSTED_INTERRUPT_VECTOR, 0x0002)                                                                   \
	F(EPTP_INDEX, 0x0004)

#define VMCS_FIELDS_GUEST16(F)                                                                               \
	F(GUEST_ES_SELECTOR, 0x0800)                                                                         \
	F(GUEST_CS_SELECTOR, 0x0802)                                                                         \
	F(GUEST_SS_SELECTOR, 0x0804)                                                                         \
	F(GUEST_DS_SELECTOR, 0x0806)                                                                         \
	F(GUEST_FS_SELECTOR, 0x0808)                                                                         \
	F(GUEST_GS_SELECTOR, 0x080a)                                                                         \
	F(GUEST_LDTR_SELECTOR, 0x080c)                                                                       \
	F(GUEST_TR_SELECTOR, 0x080e)                                                                         \
	F(GUEST_INTERRUPT_STATUS, 0x0810)                                                                    \
	F(PML_INDEX, 0x0812)

#define VMCS_FIELDS_HOST16(F)                                                                                \
	F(HOST_ES_SELECTOR, 0x0c00)                                                                          \
	F(HOST_CS_SELECTOR, 0x0c02)                                                                          \
	F(HOST_SS_SELECTOR, 0x0c04)                                                                          \
	F(HOST_DS_SELECTOR, 0x0c06)                                                                          \
	F(HOST_FS_SELECTOR, 0x0c08)                                                                          \
	F(HOST_GS_SELECTOR, 0x0c0a)                                                                          \
	F(HOST_TR_SELECTOR, 0x0c0c)

#define VMCS_FIELDS_CONTROL64(F)                                                                             \
	F(IO_BITMAP_A, 0x2000)                                                                               \
	F(IO_BITMAP_B, 0x2002)                                                                               \
	F(MSR_BITMAP, 0x2004)                                                                                \
	F(EXIT_MSR_STORE_ADDRESS, 0x2006)                                                                    \
	F(EXIT_MSR_LOAD_ADDRESS, 0x2008)                                                                     \
	F(ENTRY_MSR_LOAD_ADDRESS, 0x200a)                                                                    \
	F(EXECUTIVE_VMCS_POINTER, 0x200c)                                                                    \
	F(PML_ADDRESS, 0x200e)                                                                               \
	F(TSC_OFFSET, 0x2010)                                                                                \
	F(VIRTUAL_APIC_ADDRESS, 0x2012)                                                                      \
	F(APIC_ACCESS_ADDRESS, 0x2014)                                                                       \
	F(POSTED_INTERRUPT_DESCRIPTOR, 0x2016)                                                               \
	F(VM_FUNCTION_CONTROLS, 0x2018)                                                                      \
	F(EPT_POINTER, 0x201a)                                                                               \
	F(EOI_EXIT_BITMAP_0, 0x201c)                                                                         \
	F(EOI_EXIT_BITMAP_1, 0x201e)                                                                         \
	F(EOI_EXIT_BITMAP_2, 0x2020)                                                                         \
	F(EOI_EXIT_BITMAP_3, 0x2022)                                                                         \
	F(EPTP_LIST_ADDRESS, 0x2024)                                                                         \
	F(VMREAD_BITMAP_ADDRESS, 0x2026)                                                                     \
	F(VMWRITE_BITMAP_ADDRESS, 0x2028)                                                                    \
	F(VE_INFORMATION_ADDRESS, 0x202a)                                                                    \
	F(XSS_EXITING_BITMAP, 0x202c)                                                                        \
	F(ENCLS_EXITING_BITMAP, 0x202e)                                                                      \
	F(SPP_TABLE_POINTER, 0x2030)                                                                         \
	F(TSC_MULTIPLIER, 0x2032)

#define VMCS_FIELDS_READ64(F) F(GUEST_PHYSICAL_ADDRESS, 0x2400)

#define VMCS_FIELDS_GUEST64(F)                                                                               \
	F(VMCS_LINK_POINTER, 0x2800)                                                                         \
	F(GUEST_DEBUGCTL, 0x2802)                                                                            \
	F(GUEST_PAT, 0x2804)                                                                                 \
	F(GUEST_EFER, 0x2806)                                                                                \
	F(GUEST_PERF_GLOBAL_CTRL, 0x2808)                                                                    \
	F(GUEST_PDPTE0, 0x280a)                                                                              \
	F(GUEST_PDPTE1, 0x280c)                                                                              \
	F(GUEST_PDPTE2, 0x280e)                                                                              \
	F(GUEST_PDPTE3, 0x2810)                                                                              \
	F(GUEST_BNDCFGS, 0x2812)                                                                             \
	F(GUEST_RTIT_CTL, 0x2814)

#define VMCS_FIELDS_HOST64(F)                                                                                \
	F(HOST_PAT, 0x2c00)                                                                                  \
	F(HOST_EFER, 0x2c02)                                                                                 \
	F(HOST_PERF_GLOBAL_CTRL, 0x2c04)

#define VMCS_FIELDS_CONTROL32(F)                                                                             \
	F(PIN_BASED_CONTROLS, 0x4000)                                                                        \
	F(PRIMARY_CONTROLS, 0x4002)                                                                          \
	F(EXCEPTION_BITMAP, 0x4004)                                                                          \
	F(PAGE_FAULT_ERROR_MASK, 0x4006)                                                                     \
	F(PAGE_FAULT_ERROR_MATCH, 0x4008)                                                                    \
	F(CR3_TARGET_COUNT, 0x400a)                                                                          \
	F(EXIT_CONTROLS, 0x400c)                                                                             \
	F(EXIT_MSR_STORE_COUNT, 0x400e)                                                                      \
	F(EXIT_MSR_LOAD_COUNT, 0x4010)                                                                       \
	F(ENTRY_CONTROLS, 0x4012)                                                                            \
	F(ENTRY_MSR_LOAD_COUNT, 0x4014)                                                                      \
	F(ENTRY_INTERRUPTION_INFO, 0x4016)                                                                   \
	F(ENTRY_EXCEPTION_ERROR_CODE, 0x4018)                                                                \
	F(ENTRY_INSTRUCTION_LENGTH, 0x401a)                                                                  \
	F(TPR_THRESHOLD, 0x401c)                                                                             \
	F(SECONDARY_CONTROLS, 0x401e)                                                                        \
	F(PLE_GAP, 0x4020)                                                                                   \
	F(PLE_WINDOW, 0x4022)

#define VMCS_FIELDS_READ32(F)                                                                                \
	F(VM_INSTRUCTION_ERROR, 0x4400)                                                                      \
	F(EXIT_REASON, 0x4402)                                                                               \
	F(EXIT_INTERRUPTION_INFO, 0x4404)                                                                    \
	F(EXIT_INTERRUPTION_ERROR_CODE, 0x4406)                                                              \
	F(IDT_VECTORING_INFO, 0x4408)                                                                        \
	F(IDT_VECTORING_ERROR_CODE, 0x440a)                                                                  \
	F(EXIT_INSTRUCTION_LENGTH, 0x440c)                                                                   \
	F(EXIT_INSTRUCTION_INFO, 0x440e)

#define VMCS_FIELDS_GUEST32(F)                                                                               \
	F(GUEST_ES_LIMIT, 0x4800)                                                                            \
	F(GUEST_CS_LIMIT, 0x4802)                                                                            \
	F(GUEST_SS_LIMIT, 0x4804)                                                                            \
	F(GUEST_DS_LIMIT, 0x4806)                                                                            \
	F(GUEST_FS_LIMIT, 0x4808)                                                                            \
	F(GUEST_GS_LIMIT, 0x480a)                                                                            \
	F(GUEST_LDTR_LIMIT, 0x480c)                                                                          \
	F(GUEST_TR_LIMIT, 0x480e)                                                                            \
	F(GUEST_GDTR_LIMIT, 0x4810)                                                                          \
	F(GUEST_IDTR_LIMIT, 0x4812)                                                                          \
	F(GUEST_ES_ACCESS_RIGHTS, 0x4814)                                                                    \
	F(GUEST_CS_ACCESS_RIGHTS, 0x4816)                                                                    \
	F(GUEST_SS_ACCESS_RIGHTS, 0x4818)                                                                    \
	F(GUEST_DS_ACCESS_RIGHTS, 0x481a)                                                                    \
	F(GUEST_FS_ACCESS_RIGHTS, 0x481c)                                                                    \
	F(GUEST_GS_ACCESS_RIGHTS, 0x481e)                                                                    \
	F(GUEST_LDTR_ACCESS_RIGHTS, 0x4820)                                                                  \
	F(GUEST_TR_ACCESS_RIGHTS, 0x4822)                                                                    \
	F(GUEST_INTERRUPTIBILITY_STATE, 0x4824)                                                              \
	F(GUEST_ACTIVITY_STATE, 0x4826)                                                                      \
	F(GUEST_SMBASE, 0x4828)                                                                              \
	F(GUEST_SYSENTER_CS, 0x482a)                                                                         \
	F(VMX_PREEMPTION_TIMER_VALUE, 0x482e)

#define VMCS_FIELDS_HOST32(F) F(HOST_SYSENTER_CS, 0x4c00)

#define VMCS_FIELDS_CONTROL(F)                                                                               \
	F(CR0_GUEST_HOST_MASK, 0x6000)                                                                       \
	F(CR4_GUEST_HOST_MASK, 0x6002)                                                                       \
	F(CR0_READ_SHADOW, 0x6004)                                                                           \
	F(CR4_READ_SHADOW, 0x6006)                                                                           \
	F(CR3_TARGET_VALUE_0, 0x6008)                                                                        \
	F(CR3_TARGET_VALUE_1, 0x600a)                                                                        \
	F(CR3_TARGET_VALUE_2, 0x600c)                                                                        \
	F(CR3_TARGET_VALUE_3, 0x600e)

#define VMCS_FIELDS_READ(F)                                                                                  \
	F(EXIT_QUALIFICATION, 0x6400)                                                                        \
	F(IO_RCX, 0x6402)                                                                                    \
	F(IO_RSI, 0x6404)                                                                                    \
	F(IO_RDI, 0x6406)                                                                                    \
	F(IO_RIP, 0x6408)                                                                                    \
	F(GUEST_LINEAR_ADDRESS, 0x640a)

#define VMCS_FIELDS_GUEST(F)                                                                                 \
	F(GUEST_CR0, 0x6800)                                                                                 \
	F(GUEST_CR3, 0x6802)                                                                                 \
	F(GUEST_CR4, 0x6804)                                                                                 \
	F(GUEST_ES_BASE, 0x6806)                                                                             \
	F(GUEST_CS_BASE, 0x6808)                                                                             \
	F(GUEST_SS_BASE, 0x680a)                                                                             \
	F(GUEST_DS_BASE, 0x680c)                                                                             \
	F(GUEST_FS_BASE, 0x680e)                                                                             \
	F(GUEST_GS_BASE, 0x6810)                                                                             \
	F(GUEST_LDTR_BASE, 0x6812)                                                                           \
	F(GUEST_TR_BASE, 0x6814)                                                                             \
	F(GUEST_GDTR_BASE, 0x6816)                                                                           \
	F(GUEST_IDTR_BASE, 0x6818)                                                                           \
	F(GUEST_DR7, 0x681a)                                                                                 \
	F(GUEST_RSP, 0x681c)                                                                                 \
	F(GUEST_RIP, 0x681e)                                                                                 \
	F(GUEST_RFLAGS, 0x6820)                                                                              \
	F(GUEST_PENDING_DEBUG_EXCEPTIONS, 0x6822)                                                            \
	F(GUEST_SYSENTER_ESP, 0x6824)                                                                        \
	F(GUEST_SYSENTER_EIP, 0x6826)

#define VMCS_FIELDS_HOST(F)                                                                                  \
	F(HOST_CR0, 0x6c00)                                                                                  \
	F(HOST_CR3, 0x6c02)                                                                                  \
	F(HOST_CR4, 0x6c04)                                                                                  \
	F(HOST_FS_BASE, 0x6c06)                                                                              \
	F(HOST_GS_BASE, 0x6c08)                                                                              \
	F(HOST_TR_BASE, 0x6c0a)                                                                              \
	F(HOST_GDTR_BASE, 0x6c0c)                                                                            \
	F(HOST_IDTR_BASE, 0x6c0e)                                                                            \
	F(HOST_SYSENTER_ESP, 0x6c10)                                                                         \
	F(HOST_SYSENTER_EIP, 0x6c12)                                                                         \
	F(HOST_RSP, 0x6c14)                                                                                  \
	F(HOST_RIP, 0x6c16)

/* clang-format off */
#define VMCS_FIELDS(F)                                                                                       \
	VMCS_FIELDS_CONTROL16(F) VMCS_FIELDS_GUEST16(F) VMCS_FIELDS_HOST16(F)                                \
	VMCS_FIELDS_CONTROL64(F) VMCS_FIELDS_READ64(F) VMCS_FIELDS_GUEST64(F) VMCS_FIELDS_HOST64(F)          \
	VMCS_FIELDS_CONTROL32(F) VMCS_FIELDS_READ32(F) VMCS_FIELDS_GUEST32(F) VMCS_FIELDS_HOST32(F)          \
	VMCS_FIELDS_CONTROL(F) VMCS_FIELDS_READ(F) VMCS_FIELDS_GUEST(F) VMCS_FIELDS_HOST(F)
/* clang-format on */

#define VMCS_ENUM(name, encoding) VMCS_##name = encoding,
enum vmcs_field { VMCS_FIELDS(VMCS_ENUM) };
#undef VMCS_ENUM

/* The name of a field; NULL when there is none with this encoding. */
const char *vmcs_field_name(u32 field);
/* All of them, in numeric order, for dumps. */
struct vmcs_field_info {
	u16 field; /* enum vmcs_field */
	const char *name;
};
extern const struct vmcs_field_info vmcs_fields[];
extern const unsigned vmcs_field_count;

/* The fields of a segment register: SEG_ES .. SEG_TR count in the order of the encodings. */
#define VMCS_SEGMENT_STEP 2
static inline u32 vmcs_segment(enum vmcs_field of_es, unsigned seg)
{
	return of_es + seg * VMCS_SEGMENT_STEP;
}

/* What VM_INSTRUCTION_ERROR says: SDM vol. 3C, 30.4 "VM Instruction Error Numbers". */
const char *vmx_error_name(u64 number);

/* ---- the instructions ---- */

/* SDM vol. 3C, 30.2: VMsucceed, VMfailInvalid (there is no current VMCS), VMfailValid (VM_INSTRUCTION_ERROR
 * has the number). */
enum vmx_result { VMX_SUCCEED, VMX_FAIL_INVALID, VMX_FAIL_VALID };
const char *vmx_result_name(enum vmx_result result);

enum vmx_result vmxon(hpa_t region) MUST_USE;
enum vmx_result vmclear(hpa_t vmcs) MUST_USE;
enum vmx_result vmptrld(hpa_t vmcs) MUST_USE;

/*
 * VMREAD and VMWRITE of a field of the current VMCS. That one fails (CF or ZF) is a mistake of ours: panic
 * with the field's name. The branch belongs to the assembly, so that a function that only reads fields calls
 * nobody and needs no frame; vmcs_failed in entry.S finds the field in RDX.
 *
 * The unit tests on the host bring their own.
 */
#if __STDC_HOSTED__
u64 vmcs_read(u32 field);
void vmcs_write(u32 field, u64 value);
#else
static inline u64 vmcs_read(u32 field)
{
	u64 value;

	asm volatile("vmread %1, %0\n\tjbe vmcs_failed" : "=r"(value) : "d"((u64)field) : "cc");
	return value;
}

static inline void vmcs_write(u32 field, u64 value)
{
	asm volatile("vmwrite %0, %1\n\tjbe vmcs_failed" : : "r"(value), "d"((u64)field) : "cc");
}
#endif

#endif
