// SPDX-License-Identifier: MIT
/*
 * Every rule of the VM-entry checker from both sides, by the cases in cases_*.c. A VMCS that keeps the rule
 * breaks none at all; one that breaks it breaks exactly that rule, and those that its case names.
 */
#include "fake_vmcs.h"
#include "labs/03-vtx/controls.h"
#include "lib/print.h"
#include "lib/tests/unit.h"

#include <string.h>

#define MOST 64

/* ---- what the checker finds ---- */

static const char *found[MOST];
static unsigned found_count;

static void note(void *context, const struct check_vmcs *vmcs, const struct check_rule *rule,
		 unsigned segment)
{
	(void)context;
	(void)vmcs;
	(void)segment;
	if (found_count < MOST)
		found[found_count++] = rule->id;
}

static enum check_class look(void)
{
	found_count = 0;
	return check_entry(&fake_vmcs, note, NULL);
}

static bool was_found(const char *id)
{
	for (unsigned i = 0; i < found_count; i++)
		if (!strcmp(found[i], id))
			return true;
	return false;
}

static bool is_named(const struct check_case *k, const char *id)
{
	if (!strcmp(k->rule, id))
		return true;
	for (unsigned i = 0; i < CHECK_ALSO && k->also[i]; i++)
		if (!strcmp(k->also[i], id))
			return true;
	return false;
}

static const struct check_rule *rule_of(const char *id)
{
	const struct check_rule *r;

	for (unsigned i = 0; (r = check_rule(i)); i++)
		if (!strcmp(r->id, id))
			return r;
	return NULL;
}

/* CUnit tells the line only: say which case it was. */
static void complain(bool good, unsigned index, const char *what)
{
	if (!good) {
		printf("\n  case %u, %s: %s; broken:", index, check_case(index)->rule, what);
		for (unsigned i = 0; i < found_count; i++)
			printf(" %s", found[i]);
	}
	CU_ASSERT_TRUE(good);
}

static void set_up(const struct check_case *k, bool breaks)
{
	fake_reset();
	fake_cpu.long_mode = k->mode != CHECK_HOST32;
	check_cases_apply(&fake_target, k, breaks);
}

/* ---- the cases ---- */

static void base_enters(void)
{
	fake_reset();
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);
	CU_ASSERT_EQUAL(found_count, 0);
}

static void kept(void)
{
	const struct check_case *k;

	for (unsigned i = 0; (k = check_case(i)); i++) {
		set_up(k, false);
		complain(look() == CHECK_NOTHING && !found_count, i, "it should enter");
	}
}

static void broken(void)
{
	const struct check_case *k;

	for (unsigned i = 0; (k = check_case(i)); i++) {
		bool all = true, only = true;

		set_up(k, true);
		look();
		for (unsigned n = 0; n < CHECK_ALSO && k->also[n]; n++)
			all &= was_found(k->also[n]);
		for (unsigned n = 0; n < found_count; n++)
			only &= is_named(k, found[n]);
		complain(was_found(k->rule) && all, i, "a rule is not found broken");
		complain(only, i, "another rule is found broken");
	}
}

/* What no case can show, since a case changes the VMCS and not the processor. */
static const char *const elsewhere[] = {"controls/pt-tracing"};

static void every_rule_has_a_case(void)
{
	const struct check_rule *r;
	const struct check_case *k;

	for (unsigned i = 0; (r = check_rule(i)); i++) {
		bool has = false;

		for (unsigned n = 0; (k = check_case(n)); n++)
			has |= !strcmp(k->rule, r->id);
		for (unsigned n = 0; n < ARRAY_SIZE(elsewhere); n++)
			has |= !strcmp(elsewhere[n], r->id);
		if (!has)
			printf("\n  no case for %s", r->id);
		CU_ASSERT_TRUE(has);
	}
	for (unsigned n = 0; (k = check_case(n)); n++)
		CU_ASSERT_PTR_NOT_NULL(rule_of(k->rule));
}

static void every_rule_is_whole(void)
{
	const struct check_rule *r, *other;

	for (unsigned i = 0; (r = check_rule(i)); i++) {
		CU_ASSERT_TRUE(r->section && r->section->class > CHECK_NOTHING && r->holds && r->rule &&
			       r->mistake);
		for (unsigned n = 0; n < CHECK_FIELDS && (!n || r->fields[n]); n++)
			CU_ASSERT_PTR_NOT_NULL(vmcs_field_name(r->fields[n]));
		for (unsigned n = 0; n < i && (other = check_rule(n)); n++)
			CU_ASSERT_STRING_NOT_EQUAL(r->id, other->id);
	}
}

/* ---- what depends on the processor ---- */

/* "If the logical processor is operating with Intel PT enabled (if IA32_RTIT_CTL.TraceEn = 1) at the time of
 * VM entry, the 'load IA32_RTIT_CTL' VM-entry control must be 0." */
static void tracing(void)
{
	fake_reset();
	fake_write(VMCS_ENTRY_CONTROLS, fake_vmcs.read(NULL, VMCS_ENTRY_CONTROLS) | ENTRY_LOAD_RTIT_CTL);
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);
	fake_cpu.tracing = true;
	CU_ASSERT_EQUAL(look(), CHECK_CONTROLS);
	CU_ASSERT_TRUE(found_count == 1 && was_found("controls/pt-tracing"));
}

static void with_case(const char *rule, unsigned nth, bool breaks)
{
	const struct check_case *k;

	for (unsigned i = 0; (k = check_case(i)); i++)
		if (!strcmp(k->rule, rule) && !nth--) {
			set_up(k, breaks);
			return;
		}
	CU_FAIL("no such case");
}

/* What is broken on one processor is right on another that has more. */
static void with_more(void)
{
	with_case("controls/eptp-accessed-dirty", 0, true);
	fake_cpu.ept_vpid_cap |= BIT(21);
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);

	with_case("entry/error-code-missing", 0, true);
	fake_cpu.basic |= BIT(56); /* an error code or none with any vector */
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);

	with_case("entry/instruction-length", 1, true);
	fake_cpu.misc |= BIT(30); /* a length of 0 */
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);

	with_case("controls/cr3-target-count", 0, true);
	fake_cpu.misc |= 0x1ff << 16;
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);

	with_case("guest/rip-upper", 0, true);
	fake_cpu.linear_bits = 63;
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);
}

/* And the other way round. */
static void with_less(void)
{
	with_case("controls/cr3-target-count", 0, false);
	fake_cpu.misc = 3 << 16;
	look();
	CU_ASSERT_TRUE(was_found("controls/cr3-target-count"));

	with_case("guest/activity", 1, false);
	fake_cpu.misc &= ~BIT(6); /* no HLT */
	look();
	CU_ASSERT_TRUE(was_found("guest/activity"));

	with_case("entry/other-vector", 0, false);
	fake_cpu.primary &= ~((u64)PRIMARY_MONITOR_TRAP_FLAG << 32);
	look();
	CU_ASSERT_TRUE(was_found("entry/event-type"));

	with_case("guest/ldtr-type", 0, false);
	fake_cpu.basic |= BIT(48); /* addresses of 32 bits */
	fake_write(VMCS_IO_BITMAP_A, BIT(32));
	look();
	CU_ASSERT_TRUE(was_found("controls/io-bitmap-a"));
}

/* SGX: enclave interruption may be 1. RTM: bit 16 of the pending debug exceptions may. */
static void sgx_and_rtm(void)
{
	fake_reset();
	fake_write(VMCS_GUEST_INTERRUPTIBILITY_STATE, BIT(4));
	CU_ASSERT_EQUAL(look(), CHECK_GUEST);
	fake_cpu.sgx = true;
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);
	fake_write(VMCS_GUEST_INTERRUPTIBILITY_STATE, 0);

	fake_write(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, BIT(16) | BIT(12));
	CU_ASSERT_EQUAL(look(), CHECK_GUEST);
	fake_cpu.rtm = true;
	CU_ASSERT_EQUAL(look(), CHECK_NOTHING);
}

/* ---- the order, and the report ---- */

static void controls_before_host_before_guest(void)
{
	fake_reset();
	fake_write(VMCS_GUEST_RFLAGS, 0);
	CU_ASSERT_EQUAL(look(), CHECK_GUEST);
	fake_write(VMCS_HOST_CS_SELECTOR, 0);
	CU_ASSERT_EQUAL(look(), CHECK_HOST);
	fake_write(VMCS_CR3_TARGET_COUNT, 1000);
	CU_ASSERT_EQUAL(look(), CHECK_CONTROLS);
	CU_ASSERT_EQUAL(found_count, 3);
}

static char text[4096];
static size_t text_length;

void console_putc(char c)
{
	if (text_length + 1 < sizeof(text))
		text[text_length++] = c;
}

static const char *report(void)
{
	memset(text, 0, sizeof(text));
	text_length = 0;
	check_report(&fake_vmcs);
	return text;
}

static void report_of_one(void)
{
	fake_reset();
	fake_write(VMCS_GUEST_FS_ACCESS_RIGHTS, 0xc092);
	CU_ASSERT_STRING_EQUAL(
		report(),
		"[hv] broken: guest/data-accessed\n"
		"[hv]   GUEST_FS_ACCESS_RIGHTS = 0xc092\n"
		"[hv]   rule: DS, ES, FS, GS, if usable: bit 0 of the type (accessed) is 1\n"
		"[hv]   SDM vol. 3C, 26.3.1.2 \"Checks on Guest Segment Registers\"\n"
		"[hv]   usually: access rights 0 for a register that is not used: unusable is 10000H\n");
}

static void report_tells_the_condition(void)
{
	fake_reset();
	fake_write(VMCS_IO_BITMAP_B, 0x1234);
	CU_ASSERT_PTR_NOT_NULL(strstr(report(), "[hv]   IO_BITMAP_B = 0x1234\n[hv]   PRIMARY_CONTROLS = 0x"));
}

static void report_of_nothing(void)
{
	fake_reset();
	CU_ASSERT_PTR_NOT_NULL(strstr(report(), "finds nothing wrong"));
}

UNIT_MAIN("VM-entry checker", {"a good VMCS enters", base_enters}, {"rules kept", kept},
	  {"rules broken", broken}, {"every rule has a case", every_rule_has_a_case},
	  {"every rule is whole", every_rule_is_whole}, {"tracing", tracing},
	  {"a processor with more", with_more}, {"a processor with less", with_less},
	  {"SGX and RTM", sgx_and_rtm}, {"controls, host, guest", controls_before_host_before_guest},
	  {"report of one rule", report_of_one}, {"report with the condition", report_tells_the_condition},
	  {"report of nothing", report_of_nothing})
