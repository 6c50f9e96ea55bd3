// SPDX-License-Identifier: MIT
/* Both sides of the rules on the guest's registers: guest.c. */
#include "cases_private.h"

#define CANONICAL_CASE(id, field)                                                                            \
	{                                                                                                    \
		id, .keeps = {SET(field, 0)}, .breaks = { SET(field, NOT_CANONICAL) }                        \
	}

#define CR4_CET BIT(23)

const struct check_case check_cases_registers[] = {
	{"guest/cr0-fixed", .breaks = {OFF(GUEST_CR0, CR0_NE)}},
	{"guest/cr0-fixed", .breaks = {ON(GUEST_CR0, BIT(32))}},
	/* NW and CD are never checked, PG is not for an unrestricted guest. */
	{"guest/cr0-fixed", .keeps = {ON(GUEST_CR0, CR0_NW)},
	 .breaks = {OFF(GUEST_CR0, CR0_NE), ON(GUEST_CR0, CR0_NW)}},
	{"guest/cr0-fixed", CHECK_PAE, .breaks = {OFF(GUEST_CR0, CR0_PG)}},
	{"guest/cr0-fixed", CHECK_UNRESTRICTED, .breaks = {NO_SECONDARY(UNRESTRICTED_GUEST)}},
	{"guest/cr0-paging", CHECK_REAL, .breaks = {ON(GUEST_CR0, CR0_PG)}, .not_breaks = NULL},
	{"guest/cr4-fixed", .breaks = {OFF(GUEST_CR4, CR4_VMXE)}},
	{"guest/cr4-fixed", .breaks = {ON(GUEST_CR4, BIT(31))}},
	{"guest/cet-needs-wp", .both = {ON(GUEST_CR4, CR4_CET)}, .keeps = {ON(GUEST_CR0, CR0_WP)},
	 .breaks = {OFF(GUEST_CR0, CR0_WP)}},
	{"guest/debugctl", .both = {ENTRY(LOAD_DEBUG)}, .breaks = {SET(GUEST_DEBUGCTL, BIT(3))}},
	{"guest/ia32e-paging", CHECK_UNRESTRICTED,
	 .both = {SET(GUEST_EFER, EFER_LME | EFER_LMA), ENTRY(IA32E_GUEST)}, .keeps = {ON(GUEST_CR0, CR0_PG)},
	 .breaks = {OFF(GUEST_CR0, CR0_PG)}},
	{"guest/ia32e-pae", .breaks = {OFF(GUEST_CR4, CR4_PAE)}},
	{"guest/pcide", CHECK_PAE, .breaks = {ON(GUEST_CR4, CR4_PCIDE)}},
	{"guest/cr3", .breaks = {ON(GUEST_CR3, BIT(63))}},
	{"guest/cr3", .breaks = {ON(GUEST_CR3, TOO_WIDE)}},
	{"guest/dr7", .both = {ENTRY(LOAD_DEBUG)}, .breaks = {ON(GUEST_DR7, HIGH_BIT)}},
	CANONICAL_CASE("guest/sysenter-esp", GUEST_SYSENTER_ESP),
	CANONICAL_CASE("guest/sysenter-eip", GUEST_SYSENTER_EIP),
	{"guest/perf-global-ctrl", .both = {ENTRY(LOAD_PERF_GLOBAL_CTRL)},
	 .breaks = {SET(GUEST_PERF_GLOBAL_CTRL, BIT(63))}},
	{"guest/pat", .both = {ENTRY(LOAD_PAT)}, .breaks = {SET(GUEST_PAT, PAT_RESET | 8)}},
	{"guest/pat", .both = {ENTRY(LOAD_PAT)}, .breaks = {ON(GUEST_PAT, BIT(59))}},
	{"guest/efer-reserved", .both = {ENTRY(LOAD_EFER)}, .breaks = {ON(GUEST_EFER, EFER_SVME)}},
	{"guest/efer-lma", .both = {ENTRY(LOAD_EFER)}, .breaks = {OFF(GUEST_EFER, EFER_LMA | EFER_LME)}},
	{"guest/efer-lma", CHECK_PAE, .both = {ENTRY(LOAD_EFER)},
	 .breaks = {ON(GUEST_EFER, EFER_LMA | EFER_LME)}},
	{"guest/efer-lme", .both = {ENTRY(LOAD_EFER)}, .breaks = {OFF(GUEST_EFER, EFER_LME)}},
	{"guest/efer-lme", CHECK_UNRESTRICTED, .both = {ENTRY(LOAD_EFER), ON(GUEST_EFER, EFER_LME)},
	 .breaks = {ON(GUEST_CR0, CR0_PG)}},
	{"guest/bndcfgs-reserved", .both = {ENTRY(LOAD_BNDCFGS)}, .breaks = {SET(GUEST_BNDCFGS, BIT(2))}},
	{"guest/bndcfgs-base", .both = {ENTRY(LOAD_BNDCFGS)}, .breaks = {SET(GUEST_BNDCFGS, NOT_CANONICAL)}},
	{0},
};

const struct check_case check_cases_rip[] = {
	CANONICAL_CASE("guest/gdtr-base", GUEST_GDTR_BASE),
	CANONICAL_CASE("guest/idtr-base", GUEST_IDTR_BASE),
	{"guest/gdtr-limit", .keeps = {SET(GUEST_GDTR_LIMIT, 0xffff)},
	 .breaks = {SET(GUEST_GDTR_LIMIT, 0x10000)}},
	{"guest/idtr-limit", .keeps = {SET(GUEST_IDTR_LIMIT, 0)}, .breaks = {SET(GUEST_IDTR_LIMIT, 0x10000)}},
	{"guest/rip-high", CHECK_COMPATIBLE, .breaks = {SET(GUEST_RIP, HIGH_BIT)}},
	{"guest/rip-high", CHECK_PAE, .breaks = {SET(GUEST_RIP, HIGH_BIT)}},
	{"guest/rip-upper", .breaks = {SET(GUEST_RIP, BIT(62))}},
	{"guest/rflags-reserved", .breaks = {ON(GUEST_RFLAGS, BIT(3))}},
	{"guest/rflags-reserved", .breaks = {ON(GUEST_RFLAGS, BIT(22))}},
	{"guest/rflags-bit-1", .breaks = {OFF(GUEST_RFLAGS, RFLAGS_RESERVED1)}},
	{"guest/rflags-vm-ia32e", CHECK_V86,
	 .breaks = {ENTRY(IA32E_GUEST), SET(GUEST_EFER, EFER_LME | EFER_LMA)}},
	{"guest/rflags-vm-real", CHECK_V86,
	 .both = {SECONDARY(EPT), SECONDARY(UNRESTRICTED_GUEST), PAGE(EPT_POINTER, ZEROS, EPTP_WB_4_LEVELS)},
	 .breaks = {OFF(GUEST_CR0, CR0_PG | CR0_PE)}},
	{"guest/rflags-if", .both = {SET(ENTRY_INTERRUPTION_INFO, EVENT(EXTERNAL, 0x80))},
	 .keeps = {ON(GUEST_RFLAGS, RFLAGS_IF)}, .breaks = {OFF(GUEST_RFLAGS, RFLAGS_IF)}},
	{0},
};
