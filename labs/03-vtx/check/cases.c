// SPDX-License-Identifier: MIT
/*
 * A guest that enters, the variants of it that some rules need, and how a case is applied. The cases
 * themselves are in cases_controls.c, cases_host.c and cases_guest.c.
 *
 * The guest has one instruction and no IDT, all exceptions exit, and the VMX-preemption timer ends its turn:
 * whatever it is changed into, an entry that succeeds comes back at once.
 */
#include "cases_private.h"
#include "lib/string.h"
#include "x86/paging.h"

static const struct check_case *const lists[] = {
	check_cases_controls, check_cases_ept,       check_cases_transitions,
	check_cases_host,     check_cases_registers, check_cases_segments,
	check_cases_rip,      check_cases_state,     check_cases_memory,
};

const struct check_case *check_case(unsigned index)
{
	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++)
		for (const struct check_case *k = lists[i]; k->rule; k++)
			if (!index--)
				return k;
	return NULL;
}

/* ---- the pages ---- */

void check_cases_pages(void *const pages[CHECK_PAGES], u32 revision)
{
	u64 *msrs = pages[CHECK_PAGE_MSRS];

	for (unsigned i = CHECK_PAGE_ZEROS; i < CHECK_PAGES; i++)
		memset(pages[i], i == CHECK_PAGE_ONES ? 0xff : 0, PAGE_SIZE);
	*(u32 *)pages[CHECK_PAGE_VMCS] = revision;
	*(u32 *)pages[CHECK_PAGE_SHADOW] = revision | SHADOW_INDICATOR;
	/* Index and reserved bits; the value behind it is 0. */
	msrs[MSRS_GOOD / sizeof(u64)] = MSR_KERNEL_GS_BASE;
	msrs[MSRS_RESERVED / sizeof(u64)] = MSR_KERNEL_GS_BASE | BIT(32);
	msrs[MSRS_FS_BASE / sizeof(u64)] = MSR_FS_BASE;
	msrs[MSRS_X2APIC / sizeof(u64)] = MSR_X2APIC_TPR;
}

/* ---- the guest ---- */

#define TIMER_TICKS 2

static const struct check_change guest64[] = {
	SET(EXCEPTION_BITMAP, 0xffffffff),
	SET(VMX_PREEMPTION_TIMER_VALUE, TIMER_TICKS),
	ON(ENTRY_CONTROLS, ENTRY_IA32E_GUEST),
	SET(GUEST_CS_SELECTOR, SEL_CODE),
	SET(GUEST_SS_SELECTOR, SEL_DATA),
	SET(GUEST_DS_SELECTOR, SEL_DATA),
	SET(GUEST_ES_SELECTOR, SEL_DATA),
	SET(GUEST_FS_SELECTOR, SEL_DATA),
	SET(GUEST_GS_SELECTOR, SEL_DATA),
	SET(GUEST_LDTR_SELECTOR, 0),
	SET(GUEST_TR_SELECTOR, SEL_TSS),
	SET(GUEST_CS_ACCESS_RIGHTS, AR_CODE64),
	SET(GUEST_SS_ACCESS_RIGHTS, AR_DATA),
	SET(GUEST_DS_ACCESS_RIGHTS, AR_DATA),
	SET(GUEST_ES_ACCESS_RIGHTS, AR_DATA),
	SET(GUEST_FS_ACCESS_RIGHTS, AR_DATA),
	SET(GUEST_GS_ACCESS_RIGHTS, AR_DATA),
	SET(GUEST_LDTR_ACCESS_RIGHTS, SEG_ATTR_UNUSABLE),
	SET(GUEST_TR_ACCESS_RIGHTS, AR_TSS),
	SET(GUEST_CS_LIMIT, LIMIT_4G),
	SET(GUEST_SS_LIMIT, LIMIT_4G),
	SET(GUEST_DS_LIMIT, LIMIT_4G),
	SET(GUEST_ES_LIMIT, LIMIT_4G),
	SET(GUEST_FS_LIMIT, LIMIT_4G),
	SET(GUEST_GS_LIMIT, LIMIT_4G),
	SET(GUEST_LDTR_LIMIT, 0),
	SET(GUEST_TR_LIMIT, LIMIT_TSS),
	SET(GUEST_CS_BASE, 0),
	SET(GUEST_SS_BASE, 0),
	SET(GUEST_DS_BASE, 0),
	SET(GUEST_ES_BASE, 0),
	SET(GUEST_FS_BASE, 0),
	SET(GUEST_GS_BASE, 0),
	SET(GUEST_LDTR_BASE, 0),
	SET(GUEST_TR_BASE, 0),
	SET(GUEST_GDTR_BASE, 0),
	SET(GUEST_GDTR_LIMIT, 0),
	SET(GUEST_IDTR_BASE, 0),
	SET(GUEST_IDTR_LIMIT, 0),
	SET(GUEST_SYSENTER_CS, 0),
	SET(GUEST_SYSENTER_ESP, 0),
	SET(GUEST_SYSENTER_EIP, 0),
	SET(GUEST_EFER, EFER_LME | EFER_LMA),
	SET(GUEST_PAT, PAT_RESET),
	SET(HOST_PAT, PAT_RESET),
	SET(GUEST_DEBUGCTL, 0),
	SET(GUEST_DR7, DR7_RESERVED),
	SET(GUEST_RSP, 0),
	SET(GUEST_RFLAGS, RFLAGS_RESERVED1),
	SET(GUEST_INTERRUPTIBILITY_STATE, 0),
	SET(GUEST_ACTIVITY_STATE, 0),
	SET(GUEST_PENDING_DEBUG_EXCEPTIONS, 0),
	SET(VMCS_LINK_POINTER, ~0ULL),
	SET(GUEST_PDPTE0, 0),
	SET(GUEST_PDPTE1, 0),
	SET(GUEST_PDPTE2, 0),
	SET(GUEST_PDPTE3, 0),
	SET(GUEST_BNDCFGS, 0),
	SET(GUEST_PERF_GLOBAL_CTRL, 0),
	SET(HOST_PERF_GLOBAL_CTRL, 0),
};

/* ---- its variants ---- */

static const struct check_change compatible[] = {
	SET(GUEST_CS_ACCESS_RIGHTS, AR_CODE32),
	SET(GUEST_RIP, 0),
	{0},
};

#define LEAVE_LONG_MODE                                                                                      \
	OFF(ENTRY_CONTROLS, ENTRY_IA32E_GUEST), SET(GUEST_EFER, 0), SET(GUEST_CS_ACCESS_RIGHTS, AR_CODE32),  \
		SET(GUEST_RIP, 0), OFF(GUEST_CR4, CR4_PCIDE)

static const struct check_change pae[] = {
	LEAVE_LONG_MODE,
	PAGE(GUEST_CR3, ZEROS, 0),
	{0},
};

#define V86_SEGMENT(name)                                                                                    \
	SET(GUEST_##name##_SELECTOR, 0), SET(GUEST_##name##_LIMIT, LIMIT_16BIT),                             \
		SET(GUEST_##name##_ACCESS_RIGHTS, AR_V86)

static const struct check_change v86[] = {
	LEAVE_LONG_MODE,
	PAGE(GUEST_CR3, ZEROS, 0),
	ON(GUEST_RFLAGS, RFLAGS_VM),
	V86_SEGMENT(ES),
	V86_SEGMENT(CS),
	V86_SEGMENT(SS),
	V86_SEGMENT(DS),
	V86_SEGMENT(FS),
	V86_SEGMENT(GS),
	{0},
};

#define USE_EPT                                                                                              \
	ON(PRIMARY_CONTROLS, PRIMARY_ACTIVATE_SECONDARY), ON(SECONDARY_CONTROLS, SECONDARY_EPT),             \
		PAGE(EPT_POINTER, ZEROS, EPTP_WB_4_LEVELS)

static const struct check_change ept[] = {USE_EPT, {0}};
static const struct check_change ept_pae[] = {USE_EPT, LEAVE_LONG_MODE, {0}};

static const struct check_change unrestricted[] = {
	USE_EPT,
	LEAVE_LONG_MODE,
	ON(SECONDARY_CONTROLS, SECONDARY_UNRESTRICTED_GUEST),
	OFF(GUEST_CR0, CR0_PG),
	{0},
};

static const struct check_change real[] = {
	USE_EPT,
	LEAVE_LONG_MODE,
	ON(SECONDARY_CONTROLS, SECONDARY_UNRESTRICTED_GUEST),
	OFF(GUEST_CR0, CR0_PG | CR0_PE),
	SET(GUEST_CS_ACCESS_RIGHTS, AR_CODE16),
	SET(GUEST_CS_LIMIT, LIMIT_16BIT),
	{0},
};

static const struct check_change host32[] = {
	LEAVE_LONG_MODE,
	PAGE(GUEST_CR3, ZEROS, 0),
	OFF(EXIT_CONTROLS, EXIT_HOST_64BIT),
	OFF(HOST_EFER, EFER_LME | EFER_LMA),
	OFF(HOST_CR4, CR4_PCIDE),
	SET(HOST_RIP, 0),
	{0},
};

static const struct check_change *const modes[CHECK_MODES] = {
	[CHECK_COMPATIBLE] = compatible,
	[CHECK_PAE] = pae,
	[CHECK_V86] = v86,
	[CHECK_EPT] = ept,
	[CHECK_EPT_PAE] = ept_pae,
	[CHECK_REAL] = real,
	[CHECK_UNRESTRICTED] = unrestricted,
	[CHECK_HOST32] = host32,
};

/* ---- applying ---- */

static void apply_one(const struct check_target *t, const struct check_change *c)
{
	u64 old = ~c->clear ? t->read(t->context, c->field) : 0;
	u64 page = c->page ? t->pages[c->page] : 0;

	t->write(t->context, c->field, (old & ~c->clear) | (c->set + page));
}

/* A change that does nothing ends a list. */
static void apply(const struct check_target *t, const struct check_change *list, unsigned most)
{
	for (unsigned i = 0; i < most && (list[i].clear || list[i].set); i++)
		apply_one(t, &list[i]);
}

void check_cases_guest(const struct check_target *t, u64 rip)
{
	apply(t, guest64, ARRAY_SIZE(guest64));
	t->write(t->context, VMCS_GUEST_CR0, t->read(t->context, VMCS_HOST_CR0));
	t->write(t->context, VMCS_GUEST_CR3, t->read(t->context, VMCS_HOST_CR3));
	t->write(t->context, VMCS_GUEST_CR4, t->read(t->context, VMCS_HOST_CR4));
	t->write(t->context, VMCS_GUEST_RIP, rip);
}

void check_cases_apply(const struct check_target *t, const struct check_case *k, bool breaks)
{
	if (modes[k->mode])
		apply(t, modes[k->mode], ~0U);
	apply(t, k->both, CHECK_CHANGES);
	apply(t, breaks ? k->breaks : k->keeps, CHECK_CHANGES);
}
