/* SPDX-License-Identifier: MIT */
/* What the files with the rules share: the state of one check, and the questions that many rules ask. */
#ifndef VTX_CHECK_RULE_H
#define VTX_CHECK_RULE_H

#include "check.h"
#include "labs/03-vtx/controls.h"
#include "x86/desc.h"
#include "x86/regs.h"

/* One rule on its way through one VMCS. */
struct check {
	const struct check_vmcs *vmcs;
	const struct check_cpu *cpu;
	const struct check_rule *rule;
	unsigned segment; /* SEG_*, for a rule with `segments` */
};

/* The files' rules, each list with a row of zeros behind it. */
extern const struct check_rule check_rules_execution[], check_rules_ept[], check_rules_exit[],
	check_rules_entry[], check_rules_host[], check_rules_guest[], check_rules_segments[],
	check_rules_rip[], check_rules_state[], check_rules_memory[], check_rules_msrs[];

/* ---- fields ---- */

static inline u64 check_read(const struct check *c, u32 field)
{
	return c->vmcs->read(c->vmcs->context, field);
}

/* A control field. The secondary controls are all 0 where the primary ones do not activate them. */
static inline u32 check_control(const struct check *c, u32 field)
{
	if (field == VMCS_SECONDARY_CONTROLS &&
	    !(check_read(c, VMCS_PRIMARY_CONTROLS) & PRIMARY_ACTIVATE_SECONDARY))
		return 0;
	return (u32)check_read(c, field);
}

static inline bool check_pin(const struct check *c, u32 bits)
{
	return check_control(c, VMCS_PIN_BASED_CONTROLS) & bits;
}

static inline bool check_primary(const struct check *c, u32 bits)
{
	return check_control(c, VMCS_PRIMARY_CONTROLS) & bits;
}

static inline bool check_secondary(const struct check *c, u32 bits)
{
	return check_control(c, VMCS_SECONDARY_CONTROLS) & bits;
}

static inline bool check_ia32e_guest(const struct check *c)
{
	return check_control(c, VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST;
}

/* Field `i` of the rule, of the register that is asked about. */
u32 check_field(const struct check_rule *rule, unsigned i, unsigned segment);

/* The field that the rule judges. */
static inline u64 check_value(const struct check *c)
{
	return check_read(c, check_field(c->rule, 0, c->segment));
}

/* ---- the guest that will run: 26.3.1.2 ---- */

static inline u32 check_access_rights(const struct check *c, unsigned segment)
{
	return (u32)check_read(c, vmcs_segment(VMCS_GUEST_ES_ACCESS_RIGHTS, segment));
}

static inline unsigned check_selector(const struct check *c, unsigned segment)
{
	return (unsigned)check_read(c, vmcs_segment(VMCS_GUEST_ES_SELECTOR, segment));
}

static inline bool check_virtual_8086(const struct check *c)
{
	return check_read(c, VMCS_GUEST_RFLAGS) & RFLAGS_VM;
}

/* ---- values ---- */

static inline bool check_canonical(const struct check *c, u64 address)
{
	unsigned high = 64 - c->cpu->linear_bits;

	return (u64)((s64)(address << high) >> high) == address;
}

/* A physical address in a field: no bits beyond the width. */
static inline bool check_within_width(const struct check *c, u64 hpa)
{
	return !(hpa >> c->cpu->phys_bits);
}

/* By a capability MSR of controls: the low half must be 1, the high half may be 1. */
static inline bool check_allowed(u64 value, u64 capability)
{
	u32 must = (u32)capability, may = capability >> 32;

	return (value & must) == must && !(value & ~(u64)may);
}

/* By IA32_VMX_CRn_FIXED0 and FIXED1: 23.8 "Restrictions on VMX Operation". */
static inline bool check_fixed(u64 value, u64 fixed0, u64 fixed1)
{
	return (value & fixed0) == fixed0 && !(value & ~fixed1);
}

#define CHECK_CR4_CET BIT(23)

/* ---- `holds` of many rules (check.c) ---- */

bool check_page_address(const struct check *c);       /* aligned to 4 KiB and within the width */
bool check_page_table_address(const struct check *c); /* within the width (CR3) */
bool check_canonical_field(const struct check *c);
bool check_high_half_zero(const struct check *c); /* bits 63:32 */
bool check_pat(const struct check *c);            /* eight memory types */
bool check_efer_reserved(const struct check *c);
bool check_perf_global_ctrl(const struct check *c);
bool check_never(const struct check *c); /* for a rule that `on`, `off` and `when` say all of */

/* ---- event injection: 24.8.3 "VM-Entry Controls for Event Injection", table 24-17 ---- */

#define CHECK_INFO_VECTOR     0x000000ff
#define CHECK_INFO_TYPE_SHIFT 8
#define CHECK_INFO_TYPE       0x7
#define CHECK_INFO_ERROR_CODE BIT(11)
#define CHECK_INFO_RESERVED   0x7ffff000
#define CHECK_INFO_VALID      BIT(31)

enum check_event {
	CHECK_EVENT_EXTERNAL = 0,
	CHECK_EVENT_RESERVED = 1,
	CHECK_EVENT_NMI = 2,
	CHECK_EVENT_EXCEPTION = 3,
	CHECK_EVENT_SOFTWARE_INTERRUPT = 4,
	CHECK_EVENT_PRIVILEGED_EXCEPTION = 5,
	CHECK_EVENT_SOFTWARE_EXCEPTION = 6,
	CHECK_EVENT_OTHER = 7,
};

static inline bool check_injects(const struct check *c)
{
	return check_read(c, VMCS_ENTRY_INTERRUPTION_INFO) & CHECK_INFO_VALID;
}

static inline enum check_event check_event_type(const struct check *c)
{
	return check_read(c, VMCS_ENTRY_INTERRUPTION_INFO) >> CHECK_INFO_TYPE_SHIFT & CHECK_INFO_TYPE;
}

static inline bool check_injects_type(const struct check *c, enum check_event type)
{
	return check_injects(c) && check_event_type(c) == type;
}

static inline unsigned check_event_vector(const struct check *c)
{
	return check_read(c, VMCS_ENTRY_INTERRUPTION_INFO) & CHECK_INFO_VECTOR;
}

/* ---- IA32_VMX_BASIC and IA32_VMX_MISC: vol. 3D, A.1 and A.6 ---- */

#define CHECK_BASIC_REVISION     0x7fffffff
#define CHECK_BASIC_32BIT        BIT(48) /* addresses in a VMCS have 32 bits */
#define CHECK_BASIC_ANY_ERROR    BIT(56) /* an error code with any vector */
#define CHECK_MISC_HLT           BIT(6)
#define CHECK_MISC_SHUTDOWN      BIT(7)
#define CHECK_MISC_WAIT_FOR_SIPI BIT(8)
#define CHECK_MISC_CR3_SHIFT     16
#define CHECK_MISC_CR3           0x1ff
#define CHECK_MISC_LENGTH_0      BIT(30) /* software events with an instruction length of 0 */

#endif
