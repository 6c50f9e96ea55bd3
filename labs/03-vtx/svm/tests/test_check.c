// SPDX-License-Identifier: MIT
/*
 * The VM-entry checker: each rule from both sides. A VMCB that breaks a rule breaks it and no other; the one
 * that is as close to that as the rule lets it be breaks none. Both are made by one small change of a VMCB
 * that is right. APM vol. 2, 15.5.1 "Canonicalization and Consistency Checks", 15.20 "Event Injection".
 */
#include <string.h>

#include "labs/03-vtx/svm/check.h"
#include "lib/print.h"
#include "lib/tests/unit.h"
#include "x86/exception.h"
#include "x86/regs.h"

#define PHYS_BITS   40
#define HIGHEST     (BIT(PHYS_BITS) - 1)
#define IOPM_BYTES  (3 * 4096)
#define MSRPM_BYTES (2 * 4096)
#define ASIDS       16
#define ALL_FEATURES                                                                                         \
	(SVM_FEATURE_NP | SVM_FEATURE_LBRV | SVM_FEATURE_VGIF | SVM_FEATURE_FLUSH_BY_ASID | BIT(13) |        \
	 BIT(15) | BIT(25))
#define CR4_CET      BIT(23)
#define V_NMI_ENABLE BIT(26)
#define AVIC_ENABLE  BIT(31)
#define PAT_AT_RESET 0x0007040600070406

static struct vmcb b;
static struct svm_machine m;
static char console[4096];
static size_t printed;

void console_putc(char c)
{
	if (printed + 1 < sizeof(console))
		console[printed++] = c;
}

static void make_good(void)
{
	memset(&b, 0, sizeof(b));
	b.control.intercept_misc2 = VMCB_INTERCEPT_VMRUN;
	b.control.guest_asid = 1;
	b.control.iopm_base_pa = 0x200000;
	b.control.msrpm_base_pa = 0x204000;
	b.save.efer = EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE;
	b.save.cr0 = CR0_PE | CR0_PG | CR0_WP;
	b.save.cr3 = 0x100000;
	b.save.cr4 = CR4_PAE;
	b.save.cs.attr = VMCB_SEG_P | VMCB_SEG_L;
	b.save.dr6 = DR6_RESERVED;
	b.save.dr7 = DR7_RESERVED;
	b.save.g_pat = PAT_AT_RESET;
	m = (struct svm_machine){
		.features = ALL_FEATURES,
		.asids = ASIDS,
		.phys_mask = HIGHEST,
		.cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_CET,
		.efer = EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE,
		.long_mode = true,
	};
}

/* A change of the good VMCB or machine. */
#define CHANGE(name, ...)                                                                                    \
	static void name(void)                                                                               \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

static void inject(u64 type, unsigned vector, u64 more)
{
	b.control.eventinj = VMCB_EVENT_V | type | vector | more;
}

static void nested(void)
{
	b.control.np_enable = VMCB_NP_ENABLE;
}

CHANGE(efer1_bad, b.save.efer &= ~(u64)EFER_SVME;)
CHANGE(efer1_good, b.save.efer = EFER_SVME; b.save.cr0 = CR0_PE;)
CHANGE(efer2_bad, b.save.efer |= BIT(1);)
CHANGE(efer2_good, b.save.efer |= EFER_SCE;)
CHANGE(efer3_bad, m.long_mode = false;)
CHANGE(efer3_good, m.long_mode = false; b.save.efer &= ~(u64)(EFER_LME | EFER_LMA);)
CHANGE(efer4_bad, b.save.cr4 &= ~(u64)CR4_PAE;)
CHANGE(efer4_good, b.save.cr4 &= ~(u64)CR4_PAE; b.save.cr0 &= ~(u64)CR0_PG;)
CHANGE(efer5_bad, b.save.cr0 &= ~(u64)CR0_PE;)
CHANGE(efer5_good, b.save.cr0 &= ~(u64)CR0_PE; b.save.efer &= ~(u64)(EFER_LME | EFER_LMA);)
CHANGE(efer6_bad, b.save.cs.attr |= VMCB_SEG_DB;)
CHANGE(efer6_good, b.save.cs.attr ^= VMCB_SEG_L | VMCB_SEG_DB;)
CHANGE(cr0_1_bad, b.save.cr0 |= CR0_NW;)
CHANGE(cr0_1_good, b.save.cr0 |= CR0_NW | CR0_CD;)
CHANGE(cr0_2_bad, b.save.cr0 |= BIT(32);)
CHANGE(cr0_2_good, b.save.cr0 |= CR0_TS | CR0_AM;)
CHANGE(cr3_1_bad, b.save.cr3 |= BIT(PHYS_BITS);)
CHANGE(cr3_1_good, b.save.cr3 |= BIT(PHYS_BITS - 1);)
CHANGE(cr4_1_bad, b.save.cr4 |= CR4_VMXE;)
CHANGE(cr4_1_good, b.save.cr4 |= CR4_PGE | CR4_OSFXSR;)
CHANGE(cr4_2_bad, b.save.cr4 |= CR4_CET; b.save.cr0 &= ~(u64)CR0_WP;)
CHANGE(cr4_2_good, b.save.cr4 |= CR4_CET;)
CHANGE(dr6_bad, b.save.dr6 |= BIT(32);)
CHANGE(dr6_good, b.save.dr6 |= BIT(31) | DR6_BS;)
CHANGE(dr7_bad, b.save.dr7 |= BIT(63);)
CHANGE(dr7_good, b.save.dr7 |= BIT(31) | 1;)
CHANGE(intercept_bad, b.control.intercept_misc2 = (u32)~VMCB_INTERCEPT_VMRUN;)
CHANGE(intercept_good, b.control.intercept_misc2 = ~0U;)
CHANGE(iopm_bad, b.control.iopm_base_pa = HIGHEST + 1 - IOPM_BYTES + 4096;)
CHANGE(iopm_good, b.control.iopm_base_pa = HIGHEST + 1 - IOPM_BYTES + 4095;)
CHANGE(msrpm_bad, b.control.msrpm_base_pa = HIGHEST + 1 - MSRPM_BYTES + 4096;)
CHANGE(msrpm_good, b.control.msrpm_base_pa = HIGHEST + 1 - MSRPM_BYTES + 4095;)
CHANGE(asid1_bad, b.control.guest_asid = 0;)
CHANGE(asid1_good, b.control.guest_asid = 1;)
CHANGE(asid2_bad, b.control.guest_asid = ASIDS;)
CHANGE(asid2_good, b.control.guest_asid = ASIDS - 1;)
CHANGE(event1_bad, inject(0x100, 0x20, 0);)
CHANGE(event1_bad2, inject(0x500, 0x20, 0);)
CHANGE(event1_good, b.control.eventinj = 0x720;)
CHANGE(event1_good2, inject(VMCB_EVENT_TYPE_SOFTWARE, 0x80, 0);)
CHANGE(event2_bad, inject(VMCB_EVENT_TYPE_EXCEPTION, VEC_NMI, 0);)
CHANGE(event2_good, inject(VMCB_EVENT_TYPE_NMI, VEC_NMI, 0);)
CHANGE(event3_bad, inject(VMCB_EVENT_TYPE_EXCEPTION, 32, 0);)
CHANGE(event3_good, inject(VMCB_EVENT_TYPE_EXCEPTION, VEC_DE, 0);)
CHANGE(event3_good2, inject(VMCB_EVENT_TYPE_INTR, 32, 0);)
CHANGE(event4_bad, inject(VMCB_EVENT_TYPE_EXCEPTION, VEC_GP, 0);)
CHANGE(event4_bad2, inject(VMCB_EVENT_TYPE_EXCEPTION, VEC_UD, VMCB_EVENT_EV);)
CHANGE(event4_good, inject(VMCB_EVENT_TYPE_EXCEPTION, VEC_GP, VMCB_EVENT_EV);)
CHANGE(event5_bad, inject(VMCB_EVENT_TYPE_INTR, 0x20, BIT(12));)
CHANGE(event5_good, inject(VMCB_EVENT_TYPE_EXCEPTION, VEC_PF, VMCB_EVENT_EV | BIT(33));)
CHANGE(tlb1_bad, b.control.tlb_control = 2;)
CHANGE(tlb1_bad2, b.control.tlb_control = 9;)
CHANGE(tlb1_good, b.control.tlb_control = VMCB_TLB_FLUSH_NONGLOBAL;)
CHANGE(tlb2_bad, b.control.tlb_control = VMCB_TLB_FLUSH_ASID; m.features = 0;)
CHANGE(tlb2_good, b.control.tlb_control = VMCB_TLB_FLUSH_ALL; m.features = 0;)
CHANGE(np1_bad, nested(); m.features &= ~(u32)SVM_FEATURE_NP;)
CHANGE(np1_good, nested();)
CHANGE(np2_bad, nested(); b.control.n_cr3 = BIT(PHYS_BITS);)
CHANGE(np2_good, b.control.n_cr3 = BIT(PHYS_BITS);)
CHANGE(np3_bad, nested(); b.save.g_pat = (PAT_AT_RESET & ~0xffULL) | 2;)
CHANGE(np3_bad2, nested(); b.save.g_pat = 8ULL << 56;)
CHANGE(np3_good, b.save.g_pat = 2;)
CHANGE(vnmi1_bad, b.control.v_intr = (u32)V_NMI_ENABLE; b.control.intercept_misc1 = VMCB_INTERCEPT_NMI;
       m.features &= ~(u32)BIT(25);)
CHANGE(vnmi1_good, b.control.v_intr = (u32)V_NMI_ENABLE; b.control.intercept_misc1 = VMCB_INTERCEPT_NMI;)
CHANGE(vnmi2_bad, b.control.v_intr = (u32)V_NMI_ENABLE;)
CHANGE(vnmi2_good, b.control.v_intr = (u32)VMCB_V_INTR_MASKING;)
CHANGE(vgif_bad, b.control.v_intr = (u32)VMCB_V_GIF_ENABLE; m.features &= ~(u32)SVM_FEATURE_VGIF;)
CHANGE(vgif_good, b.control.v_intr = (u32)VMCB_V_GIF_ENABLE;)
CHANGE(avic_bad, b.control.v_intr = (u32)AVIC_ENABLE; m.features &= ~(u32)BIT(13);)
CHANGE(avic_good, b.control.v_intr = (u32)AVIC_ENABLE;)
CHANGE(lbr_bad, b.control.lbr_virtualization = 1; m.features &= ~(u32)SVM_FEATURE_LBRV;)
CHANGE(lbr_good, b.control.lbr_virtualization = 1;)
CHANGE(vls1_bad, nested(); b.control.lbr_virtualization = 2; m.features &= ~(u32)BIT(15);)
CHANGE(vls1_good, nested(); b.control.lbr_virtualization = 2;)
CHANGE(vls2_bad, b.control.lbr_virtualization = 2;)
CHANGE(vls2_good, nested(); b.control.lbr_virtualization = 3;)
CHANGE(shadow_bad, b.control.interrupt_shadow = 4;)
CHANGE(shadow_good, b.control.interrupt_shadow = VMCB_INTERRUPT_SHADOW;)

/* Where a rule has more than one bad or good neighbour it stands here more than once. */
static const struct {
	const char *id;
	void (*bad)(void);
	void (*good)(void);
} sides[] = {
	{"EFER-1", efer1_bad, efer1_good},     {"EFER-2", efer2_bad, efer2_good},
	{"EFER-3", efer3_bad, efer3_good},     {"EFER-4", efer4_bad, efer4_good},
	{"EFER-5", efer5_bad, efer5_good},     {"EFER-6", efer6_bad, efer6_good},
	{"CR0-1", cr0_1_bad, cr0_1_good},      {"CR0-2", cr0_2_bad, cr0_2_good},
	{"CR3-1", cr3_1_bad, cr3_1_good},      {"CR4-1", cr4_1_bad, cr4_1_good},
	{"CR4-2", cr4_2_bad, cr4_2_good},      {"DR6-1", dr6_bad, dr6_good},
	{"DR7-1", dr7_bad, dr7_good},          {"INTERCEPT-1", intercept_bad, intercept_good},
	{"IOPM-1", iopm_bad, iopm_good},       {"MSRPM-1", msrpm_bad, msrpm_good},
	{"ASID-1", asid1_bad, asid1_good},     {"ASID-2", asid2_bad, asid2_good},
	{"EVENT-1", event1_bad, event1_good},  {"EVENT-1", event1_bad2, event1_good2},
	{"EVENT-2", event2_bad, event2_good},  {"EVENT-3", event3_bad, event3_good},
	{"EVENT-3", event3_bad, event3_good2}, {"EVENT-4", event4_bad, event4_good},
	{"EVENT-4", event4_bad2, event4_good}, {"EVENT-5", event5_bad, event5_good},
	{"TLB-1", tlb1_bad, tlb1_good},        {"TLB-1", tlb1_bad2, tlb1_good},
	{"TLB-2", tlb2_bad, tlb2_good},        {"NP-1", np1_bad, np1_good},
	{"NP-2", np2_bad, np2_good},           {"NP-3", np3_bad, np3_good},
	{"NP-3", np3_bad2, np3_good},          {"VNMI-1", vnmi1_bad, vnmi1_good},
	{"VNMI-2", vnmi2_bad, vnmi2_good},     {"VGIF-1", vgif_bad, vgif_good},
	{"AVIC-1", avic_bad, avic_good},       {"LBR-1", lbr_bad, lbr_good},
	{"VLS-1", vls1_bad, vls1_good},        {"VLS-2", vls2_bad, vls2_good},
	{"SHADOW-1", shadow_bad, shadow_good},
};

static void test_right(void)
{
	const struct svm_rule *broken[4];

	make_good();
	CU_ASSERT_EQUAL(svm_check(&b, &m, broken, 4), 0);
}

static void one_side(const char *id, void (*change)(void), bool bad)
{
	const struct svm_rule *broken[4] = {NULL};
	unsigned count;

	make_good();
	change();
	count = svm_check(&b, &m, broken, 4);
	if (count == (bad ? 1U : 0U) && (!bad || !strcmp(broken[0]->id, id)))
		return;
	printf("%s, %s side: %u rules broken, first %s\n", id, bad ? "bad" : "good", count,
	       count ? broken[0]->id : "-");
	CU_FAIL("not just this rule");
}

static void test_bad_side(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(sides); i++)
		one_side(sides[i].id, sides[i].bad, true);
}

static void test_good_side(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(sides); i++)
		one_side(sides[i].id, sides[i].good, false);
}

static void test_every_rule_is_here(void)
{
	CU_ASSERT_TRUE(svm_rule_count >= 25);
	for (unsigned r = 0; r < svm_rule_count; r++) {
		bool found = false;

		for (unsigned i = 0; i < ARRAY_SIZE(sides) && !found; i++)
			found = !strcmp(sides[i].id, svm_rules[r].id);
		if (!found)
			printf("%s has no test\n", svm_rules[r].id);
		CU_ASSERT_TRUE(found);
		for (unsigned q = 0; q < r; q++)
			CU_ASSERT_STRING_NOT_EQUAL(svm_rules[q].id, svm_rules[r].id);
	}
}

/* The report shows the field of the rule. */
static void test_value(void)
{
	make_good();
	b.save.cs.attr = 0xabc;
	b.control.guest_asid = 0x12345678;
	b.control.tlb_control = 7;
	for (unsigned r = 0; r < svm_rule_count; r++) {
		if (!strcmp(svm_rules[r].id, "EFER-6"))
			CU_ASSERT_EQUAL(svm_rule_value(&svm_rules[r], &b), 0xabc);
		if (!strcmp(svm_rules[r].id, "ASID-1"))
			CU_ASSERT_EQUAL(svm_rule_value(&svm_rules[r], &b), 0x12345678);
		if (!strcmp(svm_rules[r].id, "TLB-1"))
			CU_ASSERT_EQUAL(svm_rule_value(&svm_rules[r], &b), 7);
	}
}

/* "Field, value, rule, section, mistake" */
static void test_report(void)
{
	make_good();
	efer1_bad();
	printed = 0;
	svm_check_report(&b, &m);
	console[printed] = 0;
	CU_ASSERT_PTR_NOT_NULL(strstr(console, "VMCB 4d0h EFER = 0xd00 breaks EFER-1: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(console, "APM vol. 2, 15.5.1 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(console, "usual mistake: the guest's EFER was written"));
	CU_ASSERT_PTR_NULL(strstr(console, "reserved"));
	make_good();
	tlb1_bad();
	printed = 0;
	svm_check_report(&b, &m);
	console[printed] = 0;
	CU_ASSERT_PTR_NOT_NULL(strstr(console, "(reserved: the CPU need not refuse it)"));
}

/* An empty page is what a forgotten VMCB looks like: several rules, and no more than there is room for. */
static void test_empty(void)
{
	const struct svm_rule *broken[2] = {NULL, NULL};

	make_good();
	memset(&b, 0, sizeof(b));
	CU_ASSERT_EQUAL(svm_check(&b, &m, broken, 2), 3);
	CU_ASSERT_STRING_EQUAL(broken[0]->id, "EFER-1");
	CU_ASSERT_STRING_EQUAL(broken[1]->id, "INTERCEPT-1");
}

UNIT_MAIN("svm_check", {"a VMCB that is right", test_right}, {"what breaks each rule", test_bad_side},
	  {"what just keeps it", test_good_side}, {"every rule has its test", test_every_rule_is_here},
	  {"the value in the report", test_value}, {"the report", test_report}, {"an empty VMCB", test_empty})
