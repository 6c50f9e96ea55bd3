/* SPDX-License-Identifier: MIT */
/* What the files with the cases share. */
#ifndef VTX_CHECK_CASES_PRIVATE_H
#define VTX_CHECK_CASES_PRIVATE_H

#include "cases.h"
#include "labs/03-vtx/controls.h"
#include "x86/desc.h"
#include "x86/regs.h"

/* The lists, each with a row of zeros behind it. */
extern const struct check_case check_cases_controls[], check_cases_ept[], check_cases_transitions[],
	check_cases_host[], check_cases_registers[], check_cases_segments[], check_cases_rip[],
	check_cases_state[], check_cases_memory[];

/* ---- changes ---- */

#define SET(name, value)                                                                                     \
	{                                                                                                    \
		VMCS_##name, CHECK_PAGE_NONE, ~0ULL, (value)                                                 \
	}
#define ON(name, bits)                                                                                       \
	{                                                                                                    \
		VMCS_##name, CHECK_PAGE_NONE, 0, (bits)                                                      \
	}
#define OFF(name, bits)                                                                                      \
	{                                                                                                    \
		VMCS_##name, CHECK_PAGE_NONE, (bits), 0                                                      \
	}
#define PAGE(name, which, offset)                                                                            \
	{                                                                                                    \
		VMCS_##name, CHECK_PAGE_##which, ~0ULL, (offset)                                             \
	}
#define PIN(name)           ON(PIN_BASED_CONTROLS, PIN_##name)
#define NO_PIN(name)        OFF(PIN_BASED_CONTROLS, PIN_##name)
#define PRIMARY(name)       ON(PRIMARY_CONTROLS, PRIMARY_##name)
#define NO_PRIMARY(name)    OFF(PRIMARY_CONTROLS, PRIMARY_##name)
#define SECONDARY(name)     ON(SECONDARY_CONTROLS, SECONDARY_##name)
#define NO_SECONDARY(name)  OFF(SECONDARY_CONTROLS, SECONDARY_##name)
#define EXIT(name)          ON(EXIT_CONTROLS, EXIT_##name)
#define ENTRY(name)         ON(ENTRY_CONTROLS, ENTRY_##name)

/* ---- values ---- */

#define NOT_CANONICAL       0x8000000000000000 /* for 48 bits and for 57 */
#define ODD                 0x8     /* in an address: neither a page nor an MSR entry begins there */
#define TOO_WIDE            BIT(52) /* beyond any physical-address width */
#define HIGH_BIT            BIT(32)

#define SEL_CODE            0x08
#define SEL_DATA            0x10
#define SEL_TSS             0x18
#define RING_3              3
#define AR_DPL_3            SEG_ATTR_DPL
#define AR_CODE64           0xa09b
#define AR_CODE32           0xc09b
#define AR_CODE16           0x009b
#define AR_DATA             0xc093
#define AR_DATA16           0x0093
#define AR_LDT              0x0082
#define AR_TSS              0x008b
#define AR_V86              0x00f3
#define LIMIT_4G            0xffffffff
#define LIMIT_16BIT         0xffff
#define LIMIT_TSS           103

#define PAT_RESET           0x0007040600070406
#define EPTP_WB_4_LEVELS    0x1e
#define SHADOW_INDICATOR    BIT(31)

/* Offsets in CHECK_PAGE_MSRS */
#define MSRS_GOOD           0
#define MSRS_RESERVED       16
#define MSRS_FS_BASE        32
#define MSRS_X2APIC         48
#define MSR_X2APIC_TPR      0x808

/* Interruption information: valid, type, vector; EVENT_ERROR for the error code. */
#define EVENT(type, vector) (0x80000000ULL | (type) << 8 | (vector))
#define EVENT_ERROR         0x800ULL
#define EXTERNAL            0ULL
#define NMI                 2ULL
#define EXCEPTION           3ULL
#define SOFTWARE            4ULL
#define SOFT_EXCEPTION      6ULL
#define OTHER               7ULL

/* GUEST_INTERRUPTIBILITY_STATE, GUEST_ACTIVITY_STATE */
#define BY_STI              BIT(0)
#define BY_MOV_SS           BIT(1)
#define BY_SMI              BIT(2)
#define BY_NMI              BIT(3)
#define ENCLAVE             BIT(4)
#define HLT                 1
#define SHUTDOWN            2
#define WAIT_FOR_SIPI       3

/* GUEST_PENDING_DEBUG_EXCEPTIONS, GUEST_DEBUGCTL */
#define PENDING_BS          BIT(14)
#define PENDING_RTM         BIT(16)
#define PENDING_ENABLED     BIT(12)
#define DEBUGCTL_BTF        BIT(1)

#endif
