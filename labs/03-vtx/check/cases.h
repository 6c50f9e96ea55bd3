/* SPDX-License-Identifier: MIT */
/*
 * The rules of a VM entry from both sides, as data: what to change in a VMCS that enters so that it still
 * enters, and so that it breaks one rule. The unit tests apply these to an array and ask the checker; the
 * hypervisor, started with vmx-check=1, applies them to a VMCS and asks the processor too (try.c).
 */
#ifndef VTX_CHECK_CASES_H
#define VTX_CHECK_CASES_H

#include "check.h"

/* ---- changes of fields ---- */

/* Pages that fields point to; their contents: check_cases_pages(). */
enum check_page {
	CHECK_PAGE_NONE,
	CHECK_PAGE_ZEROS,
	CHECK_PAGE_ONES,
	CHECK_PAGE_MSRS,   /* entries for the list of MSRs to load */
	CHECK_PAGE_VMCS,   /* begins with the VMCS revision */
	CHECK_PAGE_SHADOW, /* and with the shadow-VMCS indicator */
	CHECK_PAGES,
	CHECK_PAGE_CURRENT = CHECK_PAGES, /* the VMCS that is tried */
	CHECK_PAGE_TOP,                   /* the last page within the physical-address width; no memory */
	CHECK_PLACES,
};

/* The field's new value is (old & ~clear) | (set + the address of the page). */
struct check_change {
	u16 field;
	u8 page; /* enum check_page */
	u64 clear, set;
};

/* What kind of guest, or host, the case needs. */
enum check_mode {
	CHECK_64BIT,        /* as it is */
	CHECK_COMPATIBLE,   /* compatibility mode: "IA-32e mode guest", CS.L = 0 */
	CHECK_PAE,          /* protected mode with PAE paging */
	CHECK_V86,          /* virtual-8086 mode */
	CHECK_EPT,          /* 64-bit with EPT; its tables are empty */
	CHECK_EPT_PAE,      /* PAE paging with EPT */
	CHECK_REAL,         /* real mode: an unrestricted guest */
	CHECK_UNRESTRICTED, /* protected mode without paging, unrestricted */
	CHECK_HOST32,       /* a 32-bit host and guest: not possible here, for the unit tests alone */
	CHECK_MODES,
};

#define CHECK_CHANGES 5
#define CHECK_ALSO    3

struct check_case {
	const char *rule;
	enum check_mode mode;
	struct check_change both[CHECK_CHANGES];   /* on both sides */
	struct check_change keeps[CHECK_CHANGES];  /* the rule holds */
	struct check_change breaks[CHECK_CHANGES]; /* the rule is broken, ... */
	const char *also[CHECK_ALSO];              /* ... and these others with it */
	const char *not_keeps, *not_breaks;        /* why a side is not tried on a processor */
};

/* In the order of the rules; NULL behind the last one. */
const struct check_case *check_case(unsigned index);

/* ---- applying them ---- */

struct check_target {
	u64 (*read)(void *context, u32 field);
	void (*write)(void *context, u32 field, u64 value);
	void *context;
	hpa_t pages[CHECK_PLACES]; /* by enum check_page */
};

/* Fills the pages, given as pointers by enum check_page. */
void check_cases_pages(void *const pages[CHECK_PAGES], u32 revision);
/* Guest state that enters, in 64-bit mode, with the host's control registers. Its controls and host state are
 * there already. */
void check_cases_guest(const struct check_target *t, u64 rip);
/* One side of a case, on a VMCS with that guest state. */
void check_cases_apply(const struct check_target *t, const struct check_case *k, bool breaks);

#endif
