// SPDX-License-Identifier: MIT
/* Both sides of the rules on controls: controls.c, ept.c, transitions.c. */
#include "cases_private.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* The virtual-APIC page, which most of APIC virtualization needs. */
#define APIC_PAGE PRIMARY(TPR_SHADOW), PAGE(VIRTUAL_APIC_ADDRESS, ZEROS, 0), SET(TPR_THRESHOLD, 0)
#define POSTED                                                                                               \
	PIN(POSTED_INTERRUPTS), SET(POSTED_INTERRUPT_VECTOR, 0xf2),                                          \
		PAGE(POSTED_INTERRUPT_DESCRIPTOR, ZEROS, 0)
#define POSTED_DELIVERY SECONDARY(INTERRUPT_DELIVERY)

/* A rule for the address of a page: aligned; not aligned; too wide. */
#define PAGE_CASES(id, when, field)                                                                          \
	{id, .both = {when}, .keeps = {PAGE(field, ZEROS, 0)}, .breaks = {PAGE(field, ZEROS, ODD)}},         \
	{                                                                                                    \
		id, .both = {when}, .keeps = {PAGE(field, ZEROS, 0)}, .breaks = { SET(field, TOO_WIDE) }     \
	}

const struct check_case check_cases_controls[] = {
	{"controls/pin-reserved", .breaks = {OFF(PIN_BASED_CONTROLS, BIT(1))}},
	{"controls/pin-reserved", .breaks = {ON(PIN_BASED_CONTROLS, BIT(31))}},
	{"controls/primary-reserved", .breaks = {OFF(PRIMARY_CONTROLS, BIT(1))}},
	{"controls/primary-reserved", .breaks = {ON(PRIMARY_CONTROLS, BIT(0))}},
	{"controls/secondary-reserved", .both = {PRIMARY(ACTIVATE_SECONDARY)},
	 .breaks = {ON(SECONDARY_CONTROLS, BIT(31))}},
	/* ... and not without "activate secondary controls" */
	{"controls/secondary-reserved",
	 .keeps = {NO_PRIMARY(ACTIVATE_SECONDARY), ON(SECONDARY_CONTROLS, BIT(31))},
	 .breaks = {PRIMARY(ACTIVATE_SECONDARY), ON(SECONDARY_CONTROLS, BIT(31))}},
	{"controls/cr3-target-count", .keeps = {SET(CR3_TARGET_COUNT, 4)},
	 .breaks = {SET(CR3_TARGET_COUNT, 257)}},
	PAGE_CASES("controls/io-bitmap-a", PRIMARY(IO_BITMAPS), IO_BITMAP_A),
	{"controls/io-bitmap-a", .both = {PAGE(IO_BITMAP_A, ZEROS, ODD)}, .keeps = {NO_PRIMARY(IO_BITMAPS)},
	 .breaks = {PRIMARY(IO_BITMAPS)}},
	PAGE_CASES("controls/io-bitmap-b", PRIMARY(IO_BITMAPS), IO_BITMAP_B),
	PAGE_CASES("controls/msr-bitmap", PRIMARY(MSR_BITMAPS), MSR_BITMAP),
	{"controls/virtual-apic-page", .both = {APIC_PAGE},
	 .breaks = {PAGE(VIRTUAL_APIC_ADDRESS, ZEROS, ODD)}},
	{"controls/virtual-apic-page", .both = {APIC_PAGE}, .breaks = {SET(VIRTUAL_APIC_ADDRESS, TOO_WIDE)}},
	/* A threshold above the TPR is no fault with "virtualize APIC accesses": the bits by themselves. */
	{"controls/tpr-threshold-reserved",
	 .both = {PRIMARY(TPR_SHADOW), PAGE(VIRTUAL_APIC_ADDRESS, ONES, 0), SECONDARY(APIC_ACCESSES),
		  PAGE(APIC_ACCESS_ADDRESS, ZEROS, 0)},
	 .keeps = {SET(TPR_THRESHOLD, 0xf)}, .breaks = {SET(TPR_THRESHOLD, 0x10)}},
	{"controls/tpr-threshold-vtpr", .both = {APIC_PAGE},
	 .keeps = {PAGE(VIRTUAL_APIC_ADDRESS, ONES, 0), SET(TPR_THRESHOLD, 1)},
	 .breaks = {SET(TPR_THRESHOLD, 1)}},
	{"controls/virtual-nmis", .both = {PIN(VIRTUAL_NMIS)}, .keeps = {PIN(NMI_EXITING)},
	 .breaks = {NO_PIN(NMI_EXITING)}},
	{"controls/nmi-window", .both = {PRIMARY(NMI_WINDOW)}, .keeps = {PIN(VIRTUAL_NMIS)},
	 .breaks = {NO_PIN(VIRTUAL_NMIS)}},
	PAGE_CASES("controls/apic-access-page", SECONDARY(APIC_ACCESSES), APIC_ACCESS_ADDRESS),
	{"controls/x2apic-mode", .both = {SECONDARY(X2APIC_MODE)}, .keeps = {APIC_PAGE},
	 .breaks = {NO_PRIMARY(TPR_SHADOW)}},
	{"controls/apic-registers", .both = {SECONDARY(APIC_REGISTERS)}, .keeps = {APIC_PAGE},
	 .breaks = {NO_PRIMARY(TPR_SHADOW)}},
	{"controls/interrupt-delivery", .both = {SECONDARY(INTERRUPT_DELIVERY)}, .keeps = {APIC_PAGE},
	 .breaks = {NO_PRIMARY(TPR_SHADOW)}},
	{"controls/x2apic-or-accesses",
	 .both = {APIC_PAGE, SECONDARY(X2APIC_MODE), PAGE(APIC_ACCESS_ADDRESS, ZEROS, 0)},
	 .breaks = {SECONDARY(APIC_ACCESSES)}},
	{"controls/delivery-needs-exiting", .both = {APIC_PAGE, SECONDARY(INTERRUPT_DELIVERY)},
	 .breaks = {NO_PIN(EXTERNAL_INTERRUPT_EXITING)}},
	{"controls/posted-needs-delivery", .both = {APIC_PAGE}, .keeps = {POSTED, POSTED_DELIVERY},
	 .breaks = {POSTED}},
	{"controls/posted-needs-acknowledge", .both = {APIC_PAGE, POSTED_DELIVERY}, .keeps = {POSTED},
	 .breaks = {POSTED, OFF(EXIT_CONTROLS, EXIT_ACKNOWLEDGE_INTERRUPT)}},
	{"controls/posted-vector", .both = {APIC_PAGE, POSTED_DELIVERY}, .keeps = {POSTED},
	 .breaks = {POSTED, SET(POSTED_INTERRUPT_VECTOR, 0x100)}},
	{"controls/posted-descriptor", .both = {APIC_PAGE, POSTED_DELIVERY}, .keeps = {POSTED},
	 .breaks = {POSTED, PAGE(POSTED_INTERRUPT_DESCRIPTOR, ZEROS, ODD)}},
	{"controls/vpid", .both = {SECONDARY(VPID)}, .keeps = {SET(VPID, 1)}, .breaks = {SET(VPID, 0)}},
	{"controls/pt-guest-physical", .mode = CHECK_EPT, .both = {SECONDARY(PT_GPA), ENTRY(LOAD_RTIT_CTL)},
	 .keeps = {EXIT(CLEAR_RTIT_CTL)}, .breaks = {OFF(EXIT_CONTROLS, EXIT_CLEAR_RTIT_CTL)}},
	{0},
};

const struct check_case check_cases_ept[] = {
	{"controls/eptp-memory-type", CHECK_EPT, .breaks = {ON(EPT_POINTER, 1)}},
	{"controls/eptp-walk-length", CHECK_EPT, .breaks = {OFF(EPT_POINTER, 0x18)}},
	{"controls/eptp-accessed-dirty", CHECK_EPT, .breaks = {ON(EPT_POINTER, BIT(6))}},
	{"controls/eptp-reserved", CHECK_EPT, .breaks = {ON(EPT_POINTER, BIT(11))}},
	{"controls/eptp-reserved", CHECK_EPT, .breaks = {ON(EPT_POINTER, TOO_WIDE)}},
	{"controls/pml-needs-ept", CHECK_EPT, .both = {SECONDARY(PML), PAGE(PML_ADDRESS, ZEROS, 0)},
	 .breaks = {NO_SECONDARY(EPT)}},
	{"controls/pml-address", CHECK_EPT, .both = {SECONDARY(PML)}, .keeps = {PAGE(PML_ADDRESS, ZEROS, 0)},
	 .breaks = {PAGE(PML_ADDRESS, ZEROS, ODD)}},
	{"controls/unrestricted-needs-ept", CHECK_EPT, .both = {SECONDARY(UNRESTRICTED_GUEST)},
	 .breaks = {NO_SECONDARY(EPT)}},
	{"controls/mode-based-needs-ept", CHECK_EPT, .both = {SECONDARY(EPT_MODE_BASED_X)},
	 .breaks = {NO_SECONDARY(EPT)}},
	{"controls/spp-needs-ept", CHECK_EPT,
	 .both = {SECONDARY(EPT_SUB_PAGE), PAGE(SPP_TABLE_POINTER, ZEROS, 0)}, .breaks = {NO_SECONDARY(EPT)}},
	{"controls/spp-address", CHECK_EPT, .both = {SECONDARY(EPT_SUB_PAGE)},
	 .keeps = {PAGE(SPP_TABLE_POINTER, ZEROS, 0)}, .breaks = {PAGE(SPP_TABLE_POINTER, ZEROS, ODD)}},
	{"controls/vm-functions-reserved", .both = {SECONDARY(VM_FUNCTIONS)},
	 .keeps = {SET(VM_FUNCTION_CONTROLS, 0)}, .breaks = {SET(VM_FUNCTION_CONTROLS, BIT(63))}},
	{"controls/eptp-switching-needs-ept", CHECK_EPT,
	 .both = {SECONDARY(VM_FUNCTIONS), SET(VM_FUNCTION_CONTROLS, 1), PAGE(EPTP_LIST_ADDRESS, ZEROS, 0)},
	 .breaks = {NO_SECONDARY(EPT)}},
	{"controls/eptp-list", CHECK_EPT, .both = {SECONDARY(VM_FUNCTIONS), SET(VM_FUNCTION_CONTROLS, 1)},
	 .keeps = {PAGE(EPTP_LIST_ADDRESS, ZEROS, 0)}, .breaks = {PAGE(EPTP_LIST_ADDRESS, ZEROS, ODD)}},
	{"controls/vmread-bitmap",
	 .both = {SECONDARY(VMCS_SHADOWING), PAGE(VMWRITE_BITMAP_ADDRESS, ZEROS, 0)},
	 .keeps = {PAGE(VMREAD_BITMAP_ADDRESS, ZEROS, 0)},
	 .breaks = {PAGE(VMREAD_BITMAP_ADDRESS, ZEROS, ODD)}},
	{"controls/vmwrite-bitmap",
	 .both = {SECONDARY(VMCS_SHADOWING), PAGE(VMREAD_BITMAP_ADDRESS, ZEROS, 0)},
	 .keeps = {PAGE(VMWRITE_BITMAP_ADDRESS, ZEROS, 0)},
	 .breaks = {PAGE(VMWRITE_BITMAP_ADDRESS, ZEROS, ODD)}},
	PAGE_CASES("controls/ve-information", SECONDARY(EPT_VIOLATION_VE), VE_INFORMATION_ADDRESS),
	{0},
};

/* A list of MSRs: of one entry; misplaced; and one that goes on behind the end of physical addresses. */
#define ONE_MSR(list)      PAGE(list##_ADDRESS, MSRS, MSRS_GOOD), SET(list##_COUNT, 1)
#define ODD_MSR(list)      PAGE(list##_ADDRESS, MSRS, ODD), SET(list##_COUNT, 1)
#define MSRS_TOO_FAR(list) PAGE(list##_ADDRESS, TOP, 0), SET(list##_COUNT, PAGE_SIZE / MSR_ENTRY_BYTES + 1)
#define MSR_ENTRY_BYTES    16

#define INJECT(event)      SET(ENTRY_INTERRUPTION_INFO, event)

const struct check_case check_cases_transitions[] = {
	{"exit/reserved", .breaks = {OFF(EXIT_CONTROLS, BIT(0))}},
	{"exit/reserved", .breaks = {ON(EXIT_CONTROLS, BIT(30))}},
	{"exit/save-preemption-timer", .both = {EXIT(SAVE_PREEMPTION_TIMER)},
	 .keeps = {PIN(PREEMPTION_TIMER)}, .breaks = {NO_PIN(PREEMPTION_TIMER)}},
	{"exit/msr-store-address", .keeps = {ONE_MSR(EXIT_MSR_STORE)}, .breaks = {ODD_MSR(EXIT_MSR_STORE)}},
	{"exit/msr-store-address", .both = {SET(EXIT_MSR_STORE_ADDRESS, TOO_WIDE)},
	 .keeps = {SET(EXIT_MSR_STORE_COUNT, 0)}, .breaks = {SET(EXIT_MSR_STORE_COUNT, 1)}},
	{"exit/msr-store-end", .keeps = {ONE_MSR(EXIT_MSR_STORE)}, .breaks = {MSRS_TOO_FAR(EXIT_MSR_STORE)}},
	{"exit/msr-load-address", .keeps = {ONE_MSR(EXIT_MSR_LOAD)}, .breaks = {ODD_MSR(EXIT_MSR_LOAD)}},
	{"exit/msr-load-end", .keeps = {ONE_MSR(EXIT_MSR_LOAD)}, .breaks = {MSRS_TOO_FAR(EXIT_MSR_LOAD)}},
	{"entry/reserved", .breaks = {OFF(ENTRY_CONTROLS, BIT(0))}},
	{"entry/reserved", .breaks = {ON(ENTRY_CONTROLS, BIT(31))}},
	{"entry/event-type", .keeps = {INJECT(EVENT(OTHER, 0))}, .breaks = {INJECT(EVENT(1ULL, 0))}},
	{"entry/nmi-vector", .keeps = {INJECT(EVENT(NMI, VEC_NMI))}, .breaks = {INJECT(EVENT(NMI, 0))}},
	{"entry/exception-vector", .keeps = {INJECT(EVENT(EXCEPTION, 31))},
	 .breaks = {INJECT(EVENT(EXCEPTION, 32))}},
	{"entry/other-vector", .keeps = {INJECT(EVENT(OTHER, 0))}, .breaks = {INJECT(EVENT(OTHER, 1))}},
	{"entry/error-code-missing", .both = {SET(ENTRY_EXCEPTION_ERROR_CODE, 0)},
	 .keeps = {INJECT(EVENT(EXCEPTION, VEC_GP) | EVENT_ERROR)},
	 .breaks = {INJECT(EVENT(EXCEPTION, VEC_GP))}},
	/* no error code in real mode */
	{"entry/error-code-unwanted", CHECK_REAL, .both = {SET(ENTRY_EXCEPTION_ERROR_CODE, 0)},
	 .keeps = {INJECT(EVENT(EXCEPTION, VEC_GP))},
	 .breaks = {INJECT(EVENT(EXCEPTION, VEC_GP) | EVENT_ERROR)}},
	{"entry/error-code-unwanted", .both = {SET(ENTRY_EXCEPTION_ERROR_CODE, 0)},
	 .keeps = {INJECT(EVENT(EXCEPTION, VEC_UD))},
	 .breaks = {INJECT(EVENT(EXCEPTION, VEC_UD) | EVENT_ERROR)}},
	{"entry/error-code-unwanted",
	 .both = {SET(ENTRY_EXCEPTION_ERROR_CODE, 0), SET(ENTRY_INSTRUCTION_LENGTH, 2)},
	 .keeps = {INJECT(EVENT(SOFTWARE, VEC_GP))},
	 .breaks = {INJECT(EVENT(SOFTWARE, VEC_GP) | EVENT_ERROR)}},
	{"entry/event-reserved", .keeps = {INJECT(EVENT(EXCEPTION, VEC_UD))},
	 .breaks = {INJECT(EVENT(EXCEPTION, VEC_UD) | BIT(12))}},
	{"entry/error-code-high", .both = {INJECT(EVENT(EXCEPTION, VEC_PF) | EVENT_ERROR)},
	 .keeps = {SET(ENTRY_EXCEPTION_ERROR_CODE, 0xffff)},
	 .breaks = {SET(ENTRY_EXCEPTION_ERROR_CODE, 0x10000)}},
	{"entry/instruction-length", .both = {INJECT(EVENT(SOFTWARE, 0x80))},
	 .keeps = {SET(ENTRY_INSTRUCTION_LENGTH, 15)}, .breaks = {SET(ENTRY_INSTRUCTION_LENGTH, 16)}},
	{"entry/instruction-length", .both = {INJECT(EVENT(SOFT_EXCEPTION, VEC_BP))},
	 .keeps = {SET(ENTRY_INSTRUCTION_LENGTH, 1)}, .breaks = {SET(ENTRY_INSTRUCTION_LENGTH, 0)}},
	{"entry/msr-load-address", .keeps = {ONE_MSR(ENTRY_MSR_LOAD)}, .breaks = {ODD_MSR(ENTRY_MSR_LOAD)}},
	{"entry/msr-load-address", .both = {SET(ENTRY_MSR_LOAD_ADDRESS, TOO_WIDE)},
	 .keeps = {SET(ENTRY_MSR_LOAD_COUNT, 0)}, .breaks = {SET(ENTRY_MSR_LOAD_COUNT, 1)}},
	{"entry/msr-load-end", .keeps = {ONE_MSR(ENTRY_MSR_LOAD)}, .breaks = {MSRS_TOO_FAR(ENTRY_MSR_LOAD)}},
	{"entry/to-smm", .breaks = {ENTRY(TO_SMM)}},
	{"entry/dual-monitor", .breaks = {ENTRY(DEACTIVATE_DUAL_MONITOR)}},
	{0},
};
