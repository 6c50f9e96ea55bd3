// SPDX-License-Identifier: MIT
/* Both sides of the rules on segments: segments.c. */
#include "cases_private.h"

/* A change of one segment register, for each that the rule speaks of. */
#define BREAK(id, mode, change)                                                                              \
	{                                                                                                    \
		id, mode, .breaks = { change }                                                               \
	}
#define ATTR_ON(reg, bits)   ON(GUEST_##reg##_ACCESS_RIGHTS, bits)
#define ATTR_OFF(reg, bits)  OFF(GUEST_##reg##_ACCESS_RIGHTS, bits)
#define ATTR(reg, value)     SET(GUEST_##reg##_ACCESS_RIGHTS, value)
#define SELECTOR(reg, value) SET(GUEST_##reg##_SELECTOR, value)
#define LIMIT(reg, value)    SET(GUEST_##reg##_LIMIT, value)
#define USABLE_LDTR          ATTR(LDTR, AR_LDT)

/* What does not count for an unusable register: the same change with and without "unusable". */
#define UNLESS_UNUSABLE(id, reg, value)                                                                      \
	{                                                                                                    \
		id, CHECK_COMPATIBLE, .keeps = {ATTR(reg, (value) | SEG_ATTR_UNUSABLE)}, .breaks = {         \
			ATTR(reg, value)                                                                     \
		}                                                                                            \
	}

#define V86_CASES(reg)                                                                                       \
	{"guest/v86-base", CHECK_V86, .keeps = {SELECTOR(reg, 0x1234), SET(GUEST_##reg##_BASE, 0x12340)},    \
	 .breaks = {SELECTOR(reg, 0x1234)}},                                                                 \
		BREAK("guest/v86-limit", CHECK_V86, LIMIT(reg, LIMIT_4G)),                                   \
		BREAK("guest/v86-access-rights", CHECK_V86, ATTR(reg, AR_DATA16))

/* Ring 3, so that RPL and DPL of SS and CS are not 0; then a part of it is taken back. */
#define CODE_RING_3     SELECTOR(CS, SEL_CODE | RING_3), ATTR(CS, AR_CODE32 | AR_DPL_3)
#define STACK_RING_3    SELECTOR(SS, SEL_DATA | RING_3), ATTR(SS, AR_DATA | AR_DPL_3)

#define TYPE_CONFORMING (AR_CODE32 | SEG_TYPE_CONFORMING)
#define TYPE_RW_TSS16   0x83
#define TYPE_AVAILABLE  0x89

const struct check_case check_cases_segments[] = {
	BREAK("guest/tr-ti", CHECK_64BIT, ON(GUEST_TR_SELECTOR, SEL_TI)),
	{"guest/ldtr-ti", .both = {ON(GUEST_LDTR_SELECTOR, SEL_TI)}, .keeps = {ATTR(LDTR, SEG_ATTR_UNUSABLE)},
	 .breaks = {USABLE_LDTR}},
	{"guest/ss-rpl", CHECK_COMPATIBLE, .both = {CODE_RING_3}, .keeps = {STACK_RING_3},
	 .breaks = {ATTR(SS, AR_DATA | AR_DPL_3)}, .also = {"guest/ss-dpl-rpl"}},
	{"guest/ss-rpl", CHECK_COMPATIBLE, .both = {ATTR(CS, TYPE_CONFORMING)},
	 .breaks = {SELECTOR(CS, SEL_CODE | RING_3)}},
	V86_CASES(ES),
	V86_CASES(CS),
	V86_CASES(SS),
	V86_CASES(DS),
	V86_CASES(FS),
	V86_CASES(GS),
	BREAK("guest/base-canonical", CHECK_64BIT, SET(GUEST_FS_BASE, NOT_CANONICAL)),
	BREAK("guest/base-canonical", CHECK_64BIT, SET(GUEST_GS_BASE, NOT_CANONICAL)),
	BREAK("guest/base-canonical", CHECK_64BIT, SET(GUEST_TR_BASE, NOT_CANONICAL)),
	/* of FS and GS also when they are unusable */
	{"guest/base-canonical", .both = {ATTR(GS, SEG_ATTR_UNUSABLE)},
	 .breaks = {SET(GUEST_GS_BASE, NOT_CANONICAL)}},
	{"guest/ldtr-base", .both = {SET(GUEST_LDTR_BASE, NOT_CANONICAL)},
	 .keeps = {ATTR(LDTR, SEG_ATTR_UNUSABLE)}, .breaks = {USABLE_LDTR}},
	BREAK("guest/base-high", CHECK_64BIT, SET(GUEST_CS_BASE, HIGH_BIT)),
	BREAK("guest/base-high", CHECK_COMPATIBLE, SET(GUEST_SS_BASE, HIGH_BIT)),
	BREAK("guest/base-high", CHECK_64BIT, SET(GUEST_SS_BASE, HIGH_BIT)),
	{"guest/base-high", .both = {SET(GUEST_DS_BASE, HIGH_BIT)}, .keeps = {ATTR(DS, SEG_ATTR_UNUSABLE)},
	 .breaks = {ATTR(DS, AR_DATA)}},
	BREAK("guest/base-high", CHECK_64BIT, SET(GUEST_ES_BASE, HIGH_BIT)),
	BREAK("guest/cs-type", CHECK_64BIT, ATTR_OFF(CS, SEG_TYPE_ACCESSED)),
	/* type 3: for an unrestricted guest alone */
	{"guest/cs-type", CHECK_COMPATIBLE,
	 .both = {SECONDARY(EPT), PAGE(EPT_POINTER, ZEROS, EPTP_WB_4_LEVELS), ATTR(CS, AR_DATA)},
	 .keeps = {SECONDARY(UNRESTRICTED_GUEST)}, .breaks = {NO_SECONDARY(UNRESTRICTED_GUEST)}},
	UNLESS_UNUSABLE("guest/ss-type", SS, AR_DATA & ~SEG_TYPE_ACCESSED),
	BREAK("guest/ss-type", CHECK_64BIT, ATTR_OFF(SS, SEG_TYPE_ACCESSED)),
	/* a null selector does not make it unusable */
	{"guest/ss-type", .both = {SELECTOR(SS, 0)}, .breaks = {ATTR_OFF(SS, SEG_TYPE_ACCESSED)}},
	UNLESS_UNUSABLE("guest/data-accessed", DS, AR_DATA & ~SEG_TYPE_ACCESSED),
	UNLESS_UNUSABLE("guest/data-accessed", ES, AR_DATA & ~SEG_TYPE_ACCESSED),
	UNLESS_UNUSABLE("guest/data-accessed", FS, AR_DATA & ~SEG_TYPE_ACCESSED),
	UNLESS_UNUSABLE("guest/data-accessed", GS, AR_DATA & ~SEG_TYPE_ACCESSED),
	{"guest/code-readable", CHECK_COMPATIBLE, .keeps = {ATTR(DS, AR_CODE32)},
	 .breaks = {ATTR(DS, AR_CODE32 & ~SEG_TYPE_READABLE)}},
	UNLESS_UNUSABLE("guest/s-set", SS, AR_DATA & ~SEG_ATTR_S),
	UNLESS_UNUSABLE("guest/s-set", DS, AR_DATA & ~SEG_ATTR_S),
	BREAK("guest/s-set", CHECK_64BIT, ATTR_OFF(CS, SEG_ATTR_S)),
	BREAK("guest/s-set", CHECK_64BIT, ATTR_OFF(SS, SEG_ATTR_S)),
	{"guest/cs-dpl-data", CHECK_UNRESTRICTED, .keeps = {ATTR(CS, AR_DATA)},
	 .breaks = {ATTR(CS, AR_DATA | AR_DPL_3)}},
	{"guest/cs-dpl-code", CHECK_COMPATIBLE, .both = {STACK_RING_3, SELECTOR(CS, SEL_CODE | RING_3)},
	 .keeps = {ATTR(CS, AR_CODE32 | AR_DPL_3)}, .breaks = {ATTR(CS, AR_CODE32)}},
	{"guest/cs-dpl-code", CHECK_UNRESTRICTED, .breaks = {ATTR(CS, AR_CODE32 | AR_DPL_3)}},
	{"guest/cs-dpl-conforming", CHECK_COMPATIBLE, .keeps = {ATTR(CS, TYPE_CONFORMING)},
	 .breaks = {ATTR(CS, TYPE_CONFORMING | AR_DPL_3)}},
	{"guest/ss-dpl-rpl", CHECK_COMPATIBLE, .both = {ATTR(CS, TYPE_CONFORMING)},
	 .breaks = {ATTR(SS, AR_DATA | AR_DPL_3)}},
	{"guest/ss-dpl-rpl", CHECK_COMPATIBLE, .both = {ATTR(CS, TYPE_CONFORMING)},
	 .keeps = {ATTR(SS, SEG_ATTR_UNUSABLE)}, .breaks = {ATTR(SS, SEG_ATTR_UNUSABLE | AR_DPL_3)}},
	{"guest/ss-dpl-0", CHECK_UNRESTRICTED, .both = {ATTR(CS, AR_DATA)},
	 .breaks = {ATTR(SS, AR_DATA | AR_DPL_3)}},
	{"guest/ss-dpl-0", CHECK_REAL, .both = {ATTR(CS, AR_CODE16 | SEG_TYPE_CONFORMING)},
	 .breaks = {ATTR(SS, AR_DATA | AR_DPL_3)}},
	{"guest/data-dpl", CHECK_COMPATIBLE, .both = {SELECTOR(DS, SEL_DATA | RING_3)},
	 .keeps = {ATTR(DS, AR_DATA | AR_DPL_3)}, .breaks = {ATTR(DS, AR_DATA)}},
	/* type 11 is judged, 15 (conforming) is not */
	{"guest/data-dpl", CHECK_COMPATIBLE, .both = {SELECTOR(DS, SEL_DATA | RING_3)},
	 .keeps = {ATTR(DS, TYPE_CONFORMING)}, .breaks = {ATTR(DS, AR_CODE32)}},
	BREAK("guest/present", CHECK_64BIT, ATTR_OFF(CS, SEG_ATTR_P)),
	BREAK("guest/present", CHECK_64BIT, ATTR_OFF(SS, SEG_ATTR_P)),
	UNLESS_UNUSABLE("guest/present", SS, AR_DATA & ~SEG_ATTR_P),
	UNLESS_UNUSABLE("guest/present", DS, AR_DATA & ~SEG_ATTR_P),
	UNLESS_UNUSABLE("guest/present", ES, AR_DATA & ~SEG_ATTR_P),
	UNLESS_UNUSABLE("guest/present", FS, AR_DATA & ~SEG_ATTR_P),
	UNLESS_UNUSABLE("guest/present", GS, AR_DATA & ~SEG_ATTR_P),
	UNLESS_UNUSABLE("guest/present", LDTR, AR_LDT & ~SEG_ATTR_P),
	BREAK("guest/present", CHECK_64BIT, ATTR_OFF(TR, SEG_ATTR_P)),
	BREAK("guest/access-rights-reserved", CHECK_64BIT, ATTR_ON(CS, BIT(8))),
	BREAK("guest/access-rights-reserved", CHECK_64BIT, ATTR_ON(CS, BIT(17))),
	BREAK("guest/access-rights-reserved", CHECK_64BIT, ATTR_ON(TR, BIT(11))),
	UNLESS_UNUSABLE("guest/access-rights-reserved", SS, AR_DATA | BIT(8)),
	UNLESS_UNUSABLE("guest/access-rights-reserved", DS, AR_DATA | BIT(31)),
	UNLESS_UNUSABLE("guest/access-rights-reserved", LDTR, AR_LDT | BIT(8)),
	BREAK("guest/cs-db", CHECK_64BIT, ATTR_ON(CS, SEG_ATTR_DB)),
	/* outside IA-32e mode L means nothing */
	{"guest/cs-db", CHECK_PAE, .keeps = {ATTR_ON(CS, SEG_ATTR_L | SEG_ATTR_DB)},
	 .breaks = {ENTRY(IA32E_GUEST), SET(GUEST_EFER, EFER_LME | EFER_LMA),
		    ATTR_ON(CS, SEG_ATTR_L | SEG_ATTR_DB)}},
	BREAK("guest/granularity-bytes", CHECK_64BIT, LIMIT(CS, 0xfffffffe)),
	BREAK("guest/granularity-bytes", CHECK_COMPATIBLE, LIMIT(SS, 0xfffffffe)),
	{"guest/granularity-bytes", .both = {LIMIT(DS, 0x1000)}, .keeps = {ATTR_OFF(DS, SEG_ATTR_G)},
	 .breaks = {ATTR_ON(DS, SEG_ATTR_G)}},
	BREAK("guest/granularity-bytes", CHECK_64BIT, ATTR_ON(TR, SEG_ATTR_G)),
	BREAK("guest/granularity-pages", CHECK_64BIT, ATTR_OFF(CS, SEG_ATTR_G)),
	BREAK("guest/granularity-pages", CHECK_64BIT, LIMIT(TR, LIMIT_4G)),
	{"guest/granularity-pages", .both = {USABLE_LDTR}, .keeps = {LIMIT(LDTR, 0xfffff)},
	 .breaks = {LIMIT(LDTR, LIMIT_4G)}},
	BREAK("guest/tr-type", CHECK_64BIT, ATTR(TR, TYPE_AVAILABLE)),
	BREAK("guest/tr-type", CHECK_64BIT, ATTR(TR, TYPE_RW_TSS16)),
	{"guest/tr-type", CHECK_PAE, .keeps = {ATTR(TR, TYPE_RW_TSS16)},
	 .breaks = {ATTR(TR, TYPE_AVAILABLE)}},
	BREAK("guest/tr-usable", CHECK_64BIT, ATTR_ON(TR, SEG_ATTR_UNUSABLE)),
	{"guest/ldtr-type", .keeps = {USABLE_LDTR}, .breaks = {ATTR(LDTR, AR_TSS)}},
	BREAK("guest/s-clear", CHECK_64BIT, ATTR_ON(TR, SEG_ATTR_S)),
	{"guest/s-clear", .keeps = {USABLE_LDTR}, .breaks = {ATTR(LDTR, AR_LDT | SEG_ATTR_S)}},
	{0},
};
