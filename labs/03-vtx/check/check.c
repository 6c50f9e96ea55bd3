// SPDX-License-Identifier: MIT
/*
 * The VM-entry checker: goes through the rules, and reports the broken ones. The rules themselves are in
 * controls.c, ept.c, transitions.c, host.c, guest.c, segments.c,
 * state.c and memory.c, in the manual's order.
 *
 * The processor stops at the first rule that is broken; this goes through all of them, because two mistakes
 * in one VMCS are common. It checks controls and host state before guest state as the processor does, and a
 * broken control may let it find more in the guest's state than there would be without: the first in the
 * report is the one to begin with.
 */
#include "rule.h"
#include "labs/03-vtx/reasons.h"
#include "lib/print.h"

static const struct check_rule *const lists[] = {
	check_rules_execution, check_rules_ept,    check_rules_exit,     check_rules_entry,
	check_rules_host,      check_rules_guest,  check_rules_segments, check_rules_rip,
	check_rules_state,     check_rules_memory, check_rules_msrs,
};

const struct check_rule *check_rule(unsigned index)
{
	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++)
		for (const struct check_rule *r = lists[i]; r->id; r++)
			if (!index--)
				return r;
	return NULL;
}

const char *check_class_name(enum check_class class)
{
	static const char *const names[CHECK_CLASSES] = {
		[CHECK_NOTHING] = "enters", [CHECK_CONTROLS] = "controls", [CHECK_HOST] = "host",
		[CHECK_GUEST] = "guest",    [CHECK_MSRS] = "msrs",
	};

	return class < CHECK_CLASSES ? names[class] : "?";
}

/* SDM vol. 3C, 30.4 "VM Instruction Error Numbers" */
#define ERROR_CONTROLS 7
#define ERROR_HOST     8

enum check_class check_class_of_error(u64 error)
{
	switch (error) {
	case ERROR_CONTROLS:
		return CHECK_CONTROLS;
	case ERROR_HOST:
		return CHECK_HOST;
	default:
		return CHECK_NOTHING;
	}
}

enum check_class check_class_of_reason(u32 reason)
{
	switch (reason) {
	case REASON_ENTRY_FAILURE | REASON_ENTRY_INVALID_GUEST_STATE:
		return CHECK_GUEST;
	case REASON_ENTRY_FAILURE | REASON_ENTRY_MSR_LOADING:
		return CHECK_MSRS;
	default:
		return CHECK_NOTHING;
	}
}

/* ---- fields ---- */

static bool is_of_es(u32 field)
{
	switch (field) {
	case VMCS_GUEST_ES_SELECTOR:
	case VMCS_GUEST_ES_BASE:
	case VMCS_GUEST_ES_LIMIT:
	case VMCS_GUEST_ES_ACCESS_RIGHTS:
	case VMCS_HOST_ES_SELECTOR:
		return true;
	default:
		return false;
	}
}

u32 check_field(const struct check_rule *rule, unsigned i, unsigned segment)
{
	u32 field = rule->fields[i];

	return rule->segments && is_of_es(field) ? vmcs_segment(field, segment) : field;
}

/* ---- what many rules demand ---- */

#define PAGE_OFFSET 0xfff

bool check_page_address(const struct check *c)
{
	u64 hpa = check_value(c);

	if (c->cpu->basic & CHECK_BASIC_32BIT && hpa >> 32)
		return false;
	return !(hpa & PAGE_OFFSET) && check_within_width(c, hpa);
}

bool check_page_table_address(const struct check *c)
{
	return check_within_width(c, check_value(c));
}

bool check_canonical_field(const struct check *c)
{
	return check_canonical(c, check_value(c));
}

bool check_high_half_zero(const struct check *c)
{
	return !(check_value(c) >> 32);
}

/* The values of 11.12.2 "IA32_PAT MSR" (vol. 3A): UC, WC, WT, WP, WB, UC-. */
#define PAT_TYPES (BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6) | BIT(7))

bool check_pat(const struct check *c)
{
	for (u64 left = check_value(c), i = 0; i < sizeof(left); i++, left >>= 8)
		if ((left & 0xff) >= 32 || !(PAT_TYPES >> (left & 0xff) & 1))
			return false;
	return true;
}

bool check_efer_reserved(const struct check *c)
{
	return !(check_value(c) & ~c->cpu->efer);
}

bool check_perf_global_ctrl(const struct check *c)
{
	return !(check_value(c) & ~c->cpu->perf_global_ctrl);
}

bool check_never(const struct check *c)
{
	(void)c;
	return false;
}

/* ---- the checker ---- */

static bool counts(const struct check *c)
{
	const struct check_rule *r = c->rule;

	if (r->on.bits && (check_control(c, r->on.field) & r->on.bits) != r->on.bits)
		return false;
	if (r->off.bits && check_control(c, r->off.field) & r->off.bits)
		return false;
	return !r->when || r->when(c);
}

static bool broken(const struct check_vmcs *vmcs, const struct check_rule *r, unsigned segment)
{
	struct check c = {vmcs, vmcs->cpu, r, segment};

	return counts(&c) && !r->holds(&c);
}

enum check_class check_entry(const struct check_vmcs *vmcs, check_found found, void *context)
{
	enum check_class class = CHECK_NOTHING;
	const struct check_rule *r;

	for (unsigned i = 0; (r = check_rule(i)); i++) {
		u32 segments = r->segments ? r->segments : 1;

		for (unsigned s = 0; segments >> s; s++) {
			if (!(segments >> s & 1) || !broken(vmcs, r, s))
				continue;
			if (!class)
				class = r->section->class;
			if (found)
				found(context, vmcs, r, s);
		}
	}
	return class;
}

/* ---- the report ---- */

static void print_field(const struct check_vmcs *vmcs, u32 field)
{
	const char *name = vmcs_field_name(field);

	kprintf("[hv]   %s = 0x%lx\n", name ? name : "?", vmcs->read(vmcs->context, field));
}

static bool is_among(const struct check_rule *r, u32 field)
{
	for (unsigned i = 0; i < CHECK_FIELDS; i++)
		if (r->fields[i] == field)
			return true;
	return false;
}

static void print_broken(void *context, const struct check_vmcs *vmcs, const struct check_rule *r,
			 unsigned segment)
{
	(void)context;
	kprintf("[hv] broken: %s\n", r->id);
	for (unsigned i = 0; i < CHECK_FIELDS; i++)
		if (!i || r->fields[i])
			print_field(vmcs, check_field(r, i, segment));
	if (r->on.bits && !is_among(r, r->on.field))
		print_field(vmcs, r->on.field);
	if (r->off.bits && r->off.field != r->on.field && !is_among(r, r->off.field))
		print_field(vmcs, r->off.field);
	kprintf("[hv]   rule: %s\n[hv]   SDM vol. 3C, %s\n[hv]   usually: %s\n", r->rule, r->section->text,
		r->mistake);
}

enum check_class check_report(const struct check_vmcs *vmcs)
{
	enum check_class class = check_entry(vmcs, print_broken, NULL);

	if (class == CHECK_NOTHING)
		kprintf("[hv] the VM-entry checker finds nothing wrong with this VMCS: what the processor "
			"objects to is none of its rules (check.h says what it leaves out)\n");
	return class;
}
