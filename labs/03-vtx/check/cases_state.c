// SPDX-License-Identifier: MIT
/* Both sides of the rules on what is in no register, and in memory: state.c, memory.c. */
#include "cases_private.h"
#include "x86/exception.h"

#define BLOCKING(bits)   SET(GUEST_INTERRUPTIBILITY_STATE, bits)
#define ACTIVITY(state)  SET(GUEST_ACTIVITY_STATE, state)
#define PENDING(bits)    SET(GUEST_PENDING_DEBUG_EXCEPTIONS, bits)
#define INJECT(event)    SET(ENTRY_INTERRUPTION_INFO, event)
#define FLAGS(bits)      ON(GUEST_RFLAGS, bits)
#define INJECT_INTERRUPT INJECT(EVENT(EXTERNAL, 0x80)), FLAGS(RFLAGS_IF)
#define INJECT_NMI       INJECT(EVENT(NMI, VEC_NMI))
#define INJECT_UD        INJECT(EVENT(EXCEPTION, VEC_UD))
#define INJECT_MC        INJECT(EVENT(EXCEPTION, VEC_MC))

#define FOR_EVER         "nothing but a start-up IPI ends this state"
#define SLEEPS           "nothing that this test can count on ends this state"

const struct check_case check_cases_state[] = {
	{"guest/activity", .breaks = {ACTIVITY(4)}},
	{"guest/activity", .keeps = {ACTIVITY(HLT)}, .breaks = {ACTIVITY(0x100)}},
	{"guest/hlt-ring", CHECK_COMPATIBLE, .both = {ACTIVITY(HLT)},
	 .breaks = {SET(GUEST_CS_ACCESS_RIGHTS, AR_CODE32 | AR_DPL_3),
		    SET(GUEST_CS_SELECTOR, SEL_CODE | RING_3),
		    SET(GUEST_SS_ACCESS_RIGHTS, AR_DATA | AR_DPL_3),
		    SET(GUEST_SS_SELECTOR, SEL_DATA | RING_3)}},
	{"guest/activity-blocking", .both = {FLAGS(RFLAGS_IF), BLOCKING(BY_STI)}, .keeps = {ACTIVITY(0)},
	 .breaks = {ACTIVITY(HLT)}},
	{"guest/event-in-hlt", .both = {ACTIVITY(HLT)}, .keeps = {INJECT_NMI}, .breaks = {INJECT_UD}},
	{"guest/event-in-hlt", .both = {ACTIVITY(HLT)}, .keeps = {INJECT_MC},
	 .breaks = {INJECT(EVENT(SOFTWARE, VEC_MC)), SET(ENTRY_INSTRUCTION_LENGTH, 2)}},
	{"guest/event-in-shutdown", .both = {ACTIVITY(SHUTDOWN)}, .keeps = {INJECT_NMI},
	 .breaks = {INJECT_INTERRUPT}},
	{"guest/event-in-shutdown", .both = {ACTIVITY(SHUTDOWN)}, .keeps = {INJECT_MC},
	 .breaks = {INJECT(EVENT(SOFTWARE, VEC_MC)), SET(ENTRY_INSTRUCTION_LENGTH, 2)}},
	{"guest/event-in-wait-for-sipi", .both = {ACTIVITY(WAIT_FOR_SIPI)}, .breaks = {INJECT_NMI},
	 .not_keeps = FOR_EVER},
	{"guest/interruptibility-reserved", .breaks = {BLOCKING(BIT(5))}},
	{"guest/sti-and-mov-ss", .both = {FLAGS(RFLAGS_IF)}, .keeps = {BLOCKING(BY_MOV_SS)},
	 .breaks = {BLOCKING(BY_STI | BY_MOV_SS)}},
	{"guest/sti-if", .both = {BLOCKING(BY_STI)}, .keeps = {FLAGS(RFLAGS_IF)},
	 .breaks = {OFF(GUEST_RFLAGS, RFLAGS_IF)}},
	{"guest/interrupt-blocked", .both = {INJECT_INTERRUPT}, .keeps = {BLOCKING(BY_NMI)},
	 .breaks = {BLOCKING(BY_STI)}},
	{"guest/interrupt-blocked", .both = {INJECT_INTERRUPT}, .breaks = {BLOCKING(BY_MOV_SS)}},
	{"guest/nmi-mov-ss", .both = {INJECT_NMI}, .breaks = {BLOCKING(BY_MOV_SS)}},
	{"guest/smi-blocked", .breaks = {BLOCKING(BY_SMI)}},
	{"guest/nmi-sti", .both = {INJECT_NMI, FLAGS(RFLAGS_IF)}, .breaks = {BLOCKING(BY_STI)}},
	{"guest/nmi-blocked", .both = {INJECT_NMI, BLOCKING(BY_NMI)}, .keeps = {NO_PIN(VIRTUAL_NMIS)},
	 .breaks = {PIN(VIRTUAL_NMIS)}},
	{"guest/enclave", .breaks = {BLOCKING(ENCLAVE | BY_MOV_SS)}},
	{"guest/pending-debug-reserved", .keeps = {PENDING(PENDING_ENABLED | 1)},
	 .breaks = {PENDING(BIT(13))}},
	{"guest/pending-debug-reserved", .breaks = {PENDING(BIT(4))}},
	{"guest/pending-debug-reserved", .breaks = {PENDING(BIT(63))}},
	{"guest/single-step-missing", .both = {FLAGS(RFLAGS_TF | RFLAGS_IF), BLOCKING(BY_STI)},
	 .keeps = {PENDING(PENDING_BS)}, .breaks = {PENDING(0)}},
	{"guest/single-step-missing", .both = {FLAGS(RFLAGS_TF), ACTIVITY(HLT)},
	 .keeps = {PENDING(PENDING_BS)}, .breaks = {PENDING(0)}},
	{"guest/single-step-unwanted", .both = {BLOCKING(BY_MOV_SS)}, .keeps = {PENDING(0)},
	 .breaks = {PENDING(PENDING_BS)}},
	{"guest/single-step-unwanted", .both = {BLOCKING(BY_MOV_SS), FLAGS(RFLAGS_TF), PENDING(PENDING_BS)},
	 .keeps = {SET(GUEST_DEBUGCTL, 0)}, .breaks = {SET(GUEST_DEBUGCTL, DEBUGCTL_BTF)}},
	{"guest/pending-rtm", .breaks = {PENDING(PENDING_RTM | PENDING_ENABLED), BLOCKING(BY_MOV_SS)}},
	{"guest/pending-rtm", .breaks = {PENDING(PENDING_RTM)}},
	{0},
};

const struct check_case check_cases_memory[] = {
	{"guest/link-address", .breaks = {PAGE(VMCS_LINK_POINTER, VMCS, ODD)}},
	{"guest/link-address", .breaks = {SET(VMCS_LINK_POINTER, 0xffffffff)}},
	{"guest/link-revision", .keeps = {PAGE(VMCS_LINK_POINTER, VMCS, 0)},
	 .breaks = {PAGE(VMCS_LINK_POINTER, ZEROS, 0)}},
	{"guest/link-shadow", .keeps = {PAGE(VMCS_LINK_POINTER, VMCS, 0)},
	 .breaks = {PAGE(VMCS_LINK_POINTER, SHADOW, 0)}},
	{"guest/link-shadow",
	 .both = {SECONDARY(VMCS_SHADOWING), PAGE(VMREAD_BITMAP_ADDRESS, ZEROS, 0),
		  PAGE(VMWRITE_BITMAP_ADDRESS, ZEROS, 0)},
	 .keeps = {PAGE(VMCS_LINK_POINTER, SHADOW, 0)}, .breaks = {PAGE(VMCS_LINK_POINTER, VMCS, 0)}},
	{"guest/link-current", .breaks = {PAGE(VMCS_LINK_POINTER, CURRENT, 0)}},
	{"guest/pdpte-memory", CHECK_PAE, .breaks = {PAGE(GUEST_CR3, ONES, 0)}},
	/* a guest in IA-32e mode has no PDPTEs */
	{"guest/pdpte-memory", .keeps = {PAGE(GUEST_CR3, ONES, 0)},
	 .breaks = {PAGE(GUEST_CR3, ONES, 0), OFF(ENTRY_CONTROLS, ENTRY_IA32E_GUEST), SET(GUEST_EFER, 0),
		    SET(GUEST_RIP, 0)}},
	{"guest/pdpte-fields", CHECK_EPT_PAE, .keeps = {SET(GUEST_PDPTE3, 0x1001)},
	 .breaks = {SET(GUEST_PDPTE3, 0x1003)}},
	{"guest/pdpte-fields", CHECK_EPT_PAE, .keeps = {SET(GUEST_PDPTE0, 0x1002)},
	 .breaks = {SET(GUEST_PDPTE0, TOO_WIDE | 1)}},
	{"msrs/reserved", .both = {SET(ENTRY_MSR_LOAD_COUNT, 1)},
	 .keeps = {PAGE(ENTRY_MSR_LOAD_ADDRESS, MSRS, MSRS_GOOD)},
	 .breaks = {PAGE(ENTRY_MSR_LOAD_ADDRESS, MSRS, MSRS_RESERVED)}},
	/* the second entry is read, too */
	{"msrs/reserved", .both = {PAGE(ENTRY_MSR_LOAD_ADDRESS, MSRS, MSRS_GOOD)},
	 .keeps = {SET(ENTRY_MSR_LOAD_COUNT, 1)}, .breaks = {SET(ENTRY_MSR_LOAD_COUNT, 2)}},
	{"msrs/segment-base", .both = {SET(ENTRY_MSR_LOAD_COUNT, 1)},
	 .keeps = {PAGE(ENTRY_MSR_LOAD_ADDRESS, MSRS, MSRS_GOOD)},
	 .breaks = {PAGE(ENTRY_MSR_LOAD_ADDRESS, MSRS, MSRS_FS_BASE)}},
	{"msrs/x2apic", .both = {SET(ENTRY_MSR_LOAD_COUNT, 1)},
	 .keeps = {PAGE(ENTRY_MSR_LOAD_ADDRESS, MSRS, MSRS_GOOD)},
	 .breaks = {PAGE(ENTRY_MSR_LOAD_ADDRESS, MSRS, MSRS_X2APIC)}},
	{0},
};
