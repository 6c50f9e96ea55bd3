// SPDX-License-Identifier: MIT
/* Both sides of the rules on host state: host.c. */
#include "cases_private.h"

#define CANONICAL_CASE(id, field)                                                                            \
	{                                                                                                    \
		id, .keeps = {SET(field, 0)}, .breaks = { SET(field, NOT_CANONICAL) }                        \
	}
/* The next exit loads these: only the engine's own value may stay. */
#define OWN_CASE(id, field)                                                                                  \
	{                                                                                                    \
		id, .breaks = { SET(field, NOT_CANONICAL) }                                                  \
	}
#define SELECTOR_CASE(name)                                                                                  \
	{"host/selector-rpl-ti", .breaks = {ON(HOST_##name##_SELECTOR, RING_3)}},                            \
	{                                                                                                    \
		"host/selector-rpl-ti", .breaks = { ON(HOST_##name##_SELECTOR, SEL_TI) }                     \
	}

#define CR4_CET BIT(23)

const struct check_case check_cases_host[] = {
	{"host/cr0-fixed", .breaks = {OFF(HOST_CR0, CR0_NE)}},
	{"host/cr0-fixed", .breaks = {ON(HOST_CR0, BIT(32))}},
	{"host/cr4-fixed", .breaks = {OFF(HOST_CR4, CR4_VMXE)}},
	{"host/cr4-fixed", .breaks = {ON(HOST_CR4, BIT(31))}},
	{"host/cet-needs-wp", .both = {ON(HOST_CR4, CR4_CET)}, .keeps = {ON(HOST_CR0, CR0_WP)},
	 .breaks = {OFF(HOST_CR0, CR0_WP)}},
	{"host/cr3", .breaks = {ON(HOST_CR3, BIT(63))}},
	{"host/cr3", .breaks = {ON(HOST_CR3, TOO_WIDE)}},
	CANONICAL_CASE("host/sysenter-esp", HOST_SYSENTER_ESP),
	CANONICAL_CASE("host/sysenter-eip", HOST_SYSENTER_EIP),
	{"host/perf-global-ctrl", .both = {EXIT(LOAD_PERF_GLOBAL_CTRL)},
	 .breaks = {SET(HOST_PERF_GLOBAL_CTRL, BIT(63))}},
	{"host/pat", .both = {EXIT(LOAD_PAT)}, .breaks = {SET(HOST_PAT, PAT_RESET | 8)}},
	{"host/pat", .both = {EXIT(LOAD_PAT)}, .breaks = {ON(HOST_PAT, BIT(63))}},
	{"host/pat", .both = {SET(HOST_PAT, 2)}, .keeps = {OFF(EXIT_CONTROLS, EXIT_LOAD_PAT)},
	 .breaks = {EXIT(LOAD_PAT)}},
	{"host/efer-reserved", .both = {EXIT(LOAD_EFER)}, .breaks = {ON(HOST_EFER, EFER_SVME)}},
	{"host/efer-long-mode", .both = {EXIT(LOAD_EFER)}, .breaks = {OFF(HOST_EFER, EFER_LMA)}},
	{"host/efer-long-mode", .both = {EXIT(LOAD_EFER)}, .breaks = {OFF(HOST_EFER, EFER_LME)}},
	SELECTOR_CASE(ES),
	SELECTOR_CASE(CS),
	SELECTOR_CASE(SS),
	SELECTOR_CASE(DS),
	SELECTOR_CASE(FS),
	SELECTOR_CASE(GS),
	SELECTOR_CASE(TR),
	{"host/cs-null", .breaks = {SET(HOST_CS_SELECTOR, 0)}},
	{"host/tr-null", .breaks = {SET(HOST_TR_SELECTOR, 0)}},
	{"host/ss-null", CHECK_HOST32, .breaks = {SET(HOST_SS_SELECTOR, 0)}},
	CANONICAL_CASE("host/fs-base", HOST_FS_BASE),
	CANONICAL_CASE("host/gs-base", HOST_GS_BASE),
	OWN_CASE("host/gdtr-base", HOST_GDTR_BASE),
	OWN_CASE("host/idtr-base", HOST_IDTR_BASE),
	OWN_CASE("host/tr-base", HOST_TR_BASE),
	{"host/outside-long-mode", CHECK_HOST32, .breaks = {EXIT(HOST_64BIT)},
	 .also = {"host/efer-long-mode"}},
	{"host/in-long-mode", CHECK_PAE, .breaks = {OFF(EXIT_CONTROLS, EXIT_HOST_64BIT)},
	 .also = {"host/efer-long-mode", "host/32-bit-rip"}},
	{"host/32-bit-guest", .breaks = {OFF(EXIT_CONTROLS, EXIT_HOST_64BIT)},
	 .also = {"host/in-long-mode", "host/efer-long-mode", "host/32-bit-rip"},
	 .not_breaks = "host/in-long-mode is broken before it"},
	{"host/32-bit-pcide", CHECK_HOST32, .breaks = {ON(HOST_CR4, CR4_PCIDE)}},
	{"host/32-bit-rip", CHECK_HOST32, .breaks = {SET(HOST_RIP, HIGH_BIT)}},
	{"host/64-bit-pae", .breaks = {OFF(HOST_CR4, CR4_PAE)}},
	OWN_CASE("host/64-bit-rip", HOST_RIP),
	{0},
};
