// SPDX-License-Identifier: MIT
/*
 * The rules for a VMCB that VMRUN shall accept.
 *
 * Source: APM vol. 2, 15.5.1 "Basic Operation", "Canonicalization and Consistency Checks"; 15.16 "TLB
 * Control"; 15.20 "Event Injection"; 15.21.10 "NMI Virtualization"; 15.25.4 "Nested Paging and
 * VMRUN/#VMEXIT"; 15.29 "Advanced Virtual Interrupt Controller"; 15.33 "Nested Virtualization".
 */
#include "check.h"
#include "x86/exception.h"
#include "x86/regs.h"

#define IOPM_BYTES    (3 * 4096)
#define MSRPM_BYTES   (2 * 4096)
#define HIGH_HALF     0xffffffff00000000ULL
#define EXCEPTIONS    32
#define EVENT_TYPE(e) ((e)&VMCB_EVENT_TYPE)
#define VALID_EVENT_TYPES                                                                                    \
	(BIT(0) | BIT(2) | BIT(3) | BIT(4)) /* INTR, NMI, exception, software interrupt; by TYPE */
#define EVENT_TYPE_SHIFT       8
#define EVENT_RESERVED         0x7ffff000ULL /* bits 30:12 */
#define CR4_CET                BIT(23)
#define V_NMI_ENABLE           BIT(26)
#define AVIC_ENABLE            BIT(31)
#define LBR_ENABLE             BIT(0)
#define VIRTUAL_VMLOAD         BIT(1)
#define FEATURE_AVIC           BIT(13)
#define FEATURE_VIRTUAL_VMLOAD BIT(15)
#define FEATURE_VNMI           BIT(25)
#define PAT_ENTRIES            8
#define SHADOW_DEFINED         3ULL /* INTERRUPT_SHADOW, GUEST_INTERRUPT_MASK */

/* ---- 15.5.1 ---- */

static bool efer_svme(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return b->save.efer & EFER_SVME;
}

static bool efer_mbz(const struct vmcb *b, const struct svm_machine *m)
{
	return !(b->save.efer & ~m->efer);
}

static bool efer_long_mode(const struct vmcb *b, const struct svm_machine *m)
{
	return m->long_mode || !(b->save.efer & (EFER_LMA | EFER_LME));
}

static bool long_paging(const struct vmcb *b)
{
	return b->save.efer & EFER_LME && b->save.cr0 & CR0_PG;
}

static bool long_mode_pae(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !long_paging(b) || b->save.cr4 & CR4_PAE;
}

static bool long_mode_pe(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !long_paging(b) || b->save.cr0 & CR0_PE;
}

static bool cs_l_and_d(const struct vmcb *b, const struct svm_machine *m)
{
	const u16 both = VMCB_SEG_L | VMCB_SEG_DB;

	(void)m;
	return !long_paging(b) || !(b->save.cr4 & CR4_PAE) || (b->save.cs.attr & both) != both;
}

static bool cr0_nw(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return b->save.cr0 & CR0_CD || !(b->save.cr0 & CR0_NW);
}

static bool cr0_high(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->save.cr0 & HIGH_HALF);
}

/* Outside long mode CR3 has 32 bits, and what stands above them is not looked at. */
static bool cr3_mbz(const struct vmcb *b, const struct svm_machine *m)
{
	return !long_paging(b) || !(b->save.cr3 & ~m->phys_mask);
}

static bool cr4_mbz(const struct vmcb *b, const struct svm_machine *m)
{
	return !(b->save.cr4 & ~m->cr4);
}

static bool cr4_cet_wp(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->save.cr4 & CR4_CET) || b->save.cr0 & CR0_WP;
}

static bool dr6_high(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->save.dr6 & HIGH_HALF);
}

static bool dr7_high(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->save.dr7 & HIGH_HALF);
}

static bool vmrun_intercepted(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return b->control.intercept_misc2 & VMCB_INTERCEPT_VMRUN;
}

/* The low 12 bits of a map's address are not used. */
static bool map_fits(u64 base, u64 bytes, u64 phys_mask)
{
	return (base & ~0xfffULL) <= phys_mask + 1 - bytes;
}

static bool iopm_fits(const struct vmcb *b, const struct svm_machine *m)
{
	return map_fits(b->control.iopm_base_pa, IOPM_BYTES, m->phys_mask);
}

static bool msrpm_fits(const struct vmcb *b, const struct svm_machine *m)
{
	return map_fits(b->control.msrpm_base_pa, MSRPM_BYTES, m->phys_mask);
}

static bool asid_not_0(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return b->control.guest_asid;
}

static bool asid_exists(const struct vmcb *b, const struct svm_machine *m)
{
	return b->control.guest_asid < m->asids;
}

/* ---- 15.20 ---- */

static bool event_type_known(const struct vmcb *b, const struct svm_machine *m)
{
	u64 e = b->control.eventinj;

	(void)m;
	return !(e & VMCB_EVENT_V) || VALID_EVENT_TYPES >> (EVENT_TYPE(e) >> EVENT_TYPE_SHIFT) & 1;
}

static bool is_exception(u64 e)
{
	return e & VMCB_EVENT_V && EVENT_TYPE(e) == VMCB_EVENT_TYPE_EXCEPTION;
}

static bool event_not_nmi_as_exception(const struct vmcb *b, const struct svm_machine *m)
{
	u64 e = b->control.eventinj;

	(void)m;
	return !is_exception(e) || (e & VMCB_EVENT_VECTOR) != VEC_NMI;
}

static bool event_is_an_exception(const struct vmcb *b, const struct svm_machine *m)
{
	u64 e = b->control.eventinj;

	(void)m;
	return !is_exception(e) || (e & VMCB_EVENT_VECTOR) < EXCEPTIONS;
}

static bool event_error_code(const struct vmcb *b, const struct svm_machine *m)
{
	u64 e = b->control.eventinj;
	unsigned vector = e & VMCB_EVENT_VECTOR;

	(void)m;
	if (!(e & VMCB_EVENT_V) || (is_exception(e) && vector >= EXCEPTIONS))
		return true;
	return !(e & VMCB_EVENT_EV) == !(is_exception(e) && exception_has_error(vector));
}

static bool event_reserved(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->control.eventinj & VMCB_EVENT_V) || !(b->control.eventinj & EVENT_RESERVED);
}

/* ---- 15.16 ---- */

static bool tlb_control_known(const struct vmcb *b, const struct svm_machine *m)
{
	const u8 known = (u8)(BIT(VMCB_TLB_NOTHING) | BIT(VMCB_TLB_FLUSH_ALL) | BIT(VMCB_TLB_FLUSH_ASID) |
			      BIT(VMCB_TLB_FLUSH_NONGLOBAL));

	(void)m;
	return b->control.tlb_control < 8 && known >> b->control.tlb_control & 1;
}

static bool tlb_control_by_asid(const struct vmcb *b, const struct svm_machine *m)
{
	u8 t = b->control.tlb_control;

	return m->features & SVM_FEATURE_FLUSH_BY_ASID ||
	       (t != VMCB_TLB_FLUSH_ASID && t != VMCB_TLB_FLUSH_NONGLOBAL);
}

/* ---- nested paging, 15.25 ---- */

static bool nested(const struct vmcb *b)
{
	return b->control.np_enable & VMCB_NP_ENABLE;
}

static bool np_exists(const struct vmcb *b, const struct svm_machine *m)
{
	return m->features & SVM_FEATURE_NP || !nested(b);
}

static bool ncr3_mbz(const struct vmcb *b, const struct svm_machine *m)
{
	return !nested(b) || !(b->control.n_cr3 & ~m->phys_mask);
}

/* UC 0, WC 1, WT 4, WP 5, WB 6, UC- 7: APM vol. 2, 7.8.1 "PAT Register" */
static bool g_pat_types(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	for (unsigned i = 0; nested(b) && i < PAT_ENTRIES; i++) {
		u8 type = (u8)(b->save.g_pat >> (8 * i));

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* ---- what newer CPUs have, 15.21.10, 15.29, 15.32, 15.33 ---- */

static bool vnmi_exists(const struct vmcb *b, const struct svm_machine *m)
{
	return m->features & FEATURE_VNMI || !(b->control.v_intr & V_NMI_ENABLE);
}

static bool vnmi_intercepted(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->control.v_intr & V_NMI_ENABLE) || b->control.intercept_misc1 & VMCB_INTERCEPT_NMI;
}

static bool vgif_exists(const struct vmcb *b, const struct svm_machine *m)
{
	return m->features & SVM_FEATURE_VGIF || !(b->control.v_intr & VMCB_V_GIF_ENABLE);
}

static bool avic_exists(const struct vmcb *b, const struct svm_machine *m)
{
	return m->features & FEATURE_AVIC || !(b->control.v_intr & AVIC_ENABLE);
}

static bool lbr_exists(const struct vmcb *b, const struct svm_machine *m)
{
	return m->features & SVM_FEATURE_LBRV || !(b->control.lbr_virtualization & LBR_ENABLE);
}

static bool virtual_vmload_exists(const struct vmcb *b, const struct svm_machine *m)
{
	return m->features & FEATURE_VIRTUAL_VMLOAD || !(b->control.lbr_virtualization & VIRTUAL_VMLOAD);
}

static bool virtual_vmload_nested(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->control.lbr_virtualization & VIRTUAL_VMLOAD) || nested(b);
}

static bool shadow_reserved(const struct vmcb *b, const struct svm_machine *m)
{
	(void)m;
	return !(b->control.interrupt_shadow & ~SHADOW_DEFINED);
}

/* ---- the table ---- */

#define FIELD(name, member) name, offsetof(struct vmcb, member), sizeof(((struct vmcb *)0)->member)
#define REFUSED             true
#define RESERVED            false
#define CONSISTENCY         "15.5.1 \"Canonicalization and Consistency Checks\""

const struct svm_rule svm_rules[] = {
	{"EFER-1", FIELD("EFER", save.efer), REFUSED, CONSISTENCY, "EFER.SVME is 1 in the guest's EFER too",
	 "the guest's EFER was written to the VMCB as the guest sees it", efer_svme},
	{"EFER-2", FIELD("EFER", save.efer), REFUSED, CONSISTENCY, "no MBZ bit of EFER is set",
	 "a WRMSR of the guest's went to the VMCB unchecked", efer_mbz},
	{"EFER-3", FIELD("EFER", save.efer), REFUSED, CONSISTENCY,
	 "EFER.LMA and EFER.LME are 0 where the CPU has no long mode",
	 "the guest sees a CPUID that shows long mode, and the CPU has none", efer_long_mode},
	{"EFER-4", FIELD("CR4", save.cr4), REFUSED, CONSISTENCY, "with EFER.LME and CR0.PG, CR4.PAE is 1",
	 "CR0.PG is forced for an unpaged guest, and CR4.PAE is not", long_mode_pae},
	{"EFER-5", FIELD("CR0", save.cr0), REFUSED, CONSISTENCY, "with EFER.LME and CR0.PG, CR0.PE is 1",
	 "CR0 holds what changed and not the whole register", long_mode_pe},
	{"EFER-6", FIELD("CS attributes", save.cs.attr), REFUSED, CONSISTENCY,
	 "with EFER.LME, CR0.PG and CR4.PAE, CS.L and CS.D are not both 1",
	 "the attributes of the VMCB have no gap between bits 7 and 8, unlike those of a descriptor",
	 cs_l_and_d},
	{"CR0-1", FIELD("CR0", save.cr0), REFUSED, CONSISTENCY, "CR0.NW is 0 when CR0.CD is 0",
	 "CR0.CD was cleared to keep the caches on, and CR0.NW was left", cr0_nw},
	{"CR0-2", FIELD("CR0", save.cr0), REFUSED, CONSISTENCY, "CR0[63:32] are 0",
	 "a MOV to CR0 of the guest's was not checked", cr0_high},
	{"CR3-1", FIELD("CR3", save.cr3), REFUSED, CONSISTENCY, "no MBZ bit of CR3 is set",
	 "a virtual address in place of the physical one of the root table", cr3_mbz},
	{"CR4-1", FIELD("CR4", save.cr4), REFUSED, CONSISTENCY, "no MBZ bit of CR4 is set",
	 "a bit of CR4 that this CPU does not have (Intel's VMXE?) was let through", cr4_mbz},
	{"CR4-2", FIELD("CR4", save.cr4), REFUSED, CONSISTENCY, "CR0.WP is 1 when CR4.CET is 1",
	 "CR0 and CR4 were checked one by one, and not together", cr4_cet_wp},
	{"DR6-1", FIELD("DR6", save.dr6), REFUSED, CONSISTENCY, "DR6[63:32] are 0",
	 "the value was sign-extended: 0xffff0ff0 is negative as an int", dr6_high},
	{"DR7-1", FIELD("DR7", save.dr7), REFUSED, CONSISTENCY, "DR7[63:32] are 0",
	 "a MOV to DR7 of the guest's was not checked", dr7_high},
	{"INTERCEPT-1", FIELD("intercept vector 010h", control.intercept_misc2), REFUSED, CONSISTENCY,
	 "the VMRUN intercept is set", "the VMCB is empty, or its address is another one's",
	 vmrun_intercepted},
	{"IOPM-1", FIELD("IOPM_BASE_PA", control.iopm_base_pa), REFUSED, CONSISTENCY,
	 "the 12 KiB of the I/O permission map end below the highest physical address",
	 "a virtual address in place of the physical one", iopm_fits},
	{"MSRPM-1", FIELD("MSRPM_BASE_PA", control.msrpm_base_pa), REFUSED, CONSISTENCY,
	 "the 8 KiB of the MSR permission map end below the highest physical address",
	 "a virtual address in place of the physical one", msrpm_fits},
	{"ASID-1", FIELD("guest ASID", control.guest_asid), REFUSED, CONSISTENCY, "the ASID is not 0",
	 "nobody gave the vcpu an ASID; 0 is the host's", asid_not_0},
	{"ASID-2", FIELD("guest ASID", control.guest_asid), RESERVED,
	 "15.5.1 \"Basic Operation\"; EBX of CPUID 8000_000Ah",
	 "the ASID is below the number of ASIDs that the CPU has",
	 "each vcpu takes a new ASID, and there are only so many", asid_exists},
	{"EVENT-1", FIELD("EVENTINJ", control.eventinj), REFUSED, "15.20 \"Event Injection\"",
	 "TYPE is 0 (INTR), 2 (NMI), 3 (exception) or 4 (software interrupt)",
	 "a type of VT-x's, which has others in that place", event_type_known},
	{"EVENT-2", FIELD("EVENTINJ", control.eventinj), REFUSED, "15.20 \"Event Injection\"",
	 "an exception (TYPE 3) does not have vector 2", "an NMI is injected as an exception; its TYPE is 2",
	 event_not_nmi_as_exception},
	{"EVENT-3", FIELD("EVENTINJ", control.eventinj), REFUSED, "15.20 \"Event Injection\"",
	 "an exception (TYPE 3) has a vector below 32", "an interrupt is injected as an exception",
	 event_is_an_exception},
	{"EVENT-4", FIELD("EVENTINJ", control.eventinj), RESERVED,
	 "15.20 \"Event Injection\"; 8.2 \"Vectors\"",
	 "EV is set for just the exceptions that push an error code",
	 "EV was forgotten: the handler then finds the frame eight bytes off", event_error_code},
	{"EVENT-5", FIELD("EVENTINJ", control.eventinj), RESERVED, "15.20 \"Event Injection\"",
	 "bits 30:12 are 0", "EXITINTINFO was changed and written back with other bits than it had",
	 event_reserved},
	{"TLB-1", FIELD("TLB_CONTROL", control.tlb_control), RESERVED, "15.16 \"TLB Control\"",
	 "TLB_CONTROL is 0, 1, 3 or 7", "a number of bits was taken for a set of bits", tlb_control_known},
	{"TLB-2", FIELD("TLB_CONTROL", control.tlb_control), RESERVED, "15.16.2 \"TLB Flush\"",
	 "TLB_CONTROL is 3 or 7 only where CPUID shows FlushByAsid",
	 "the feature was not looked for; KVM, as the host, did not always offer it", tlb_control_by_asid},
	{"NP-1", FIELD("NP_ENABLE", control.np_enable), REFUSED, "15.25.3 \"Enabling Nested Paging\"",
	 "nested paging is on only where CPUID shows it", "the feature was not looked for", np_exists},
	{"NP-2", FIELD("N_CR3", control.n_cr3), REFUSED, "15.25.4 \"Nested Paging and VMRUN/#VMEXIT\"",
	 "with nested paging, no MBZ bit of nCR3 is set", "a virtual address in place of the physical one",
	 ncr3_mbz},
	{"NP-3", FIELD("G_PAT", save.g_pat), REFUSED, "15.25.4 \"Nested Paging and VMRUN/#VMEXIT\"",
	 "with nested paging, each byte of G_PAT is a memory type: 0, 1, 4, 5, 6 or 7",
	 "a WRMSR of PAT was not checked", g_pat_types},
	{"VNMI-1", FIELD("virtual interrupt control 060h", control.v_intr), RESERVED,
	 "15.21.10 \"NMI Virtualization\"", "V_NMI_ENABLE is set only where CPUID shows VNMI",
	 "the feature was not looked for", vnmi_exists},
	{"VNMI-2", FIELD("virtual interrupt control 060h", control.v_intr), REFUSED,
	 "15.21.10 \"NMI Virtualization\"", "with V_NMI_ENABLE, the NMI intercept is set",
	 "the intercept was dropped because the guest's NMIs are virtual; the machine's are not",
	 vnmi_intercepted},
	{"VGIF-1", FIELD("virtual interrupt control 060h", control.v_intr), RESERVED,
	 "15.33.2 \"Virtual GIF (VGIF)\"", "virtual GIF is on only where CPUID shows VGIF",
	 "the feature was not looked for", vgif_exists},
	{"AVIC-1", FIELD("virtual interrupt control 060h", control.v_intr), RESERVED,
	 "15.29 \"Advanced Virtual Interrupt Controller\"", "AVIC is on only where CPUID shows it",
	 "the feature was not looked for", avic_exists},
	{"LBR-1", FIELD("LBR_VIRTUALIZATION_ENABLE", control.lbr_virtualization), RESERVED,
	 "15.23 \"Last Branch Record Virtualization\"",
	 "LBR virtualization is on only where CPUID shows LbrVirt", "the feature was not looked for",
	 lbr_exists},
	{"VLS-1", FIELD("LBR_VIRTUALIZATION_ENABLE", control.lbr_virtualization), RESERVED,
	 "15.33.1 \"VMSAVE and VMLOAD Virtualization\"",
	 "virtualized VMLOAD and VMSAVE are on only where CPUID shows them", "the feature was not looked for",
	 virtual_vmload_exists},
	{"VLS-2", FIELD("LBR_VIRTUALIZATION_ENABLE", control.lbr_virtualization), RESERVED,
	 "15.33.1 \"VMSAVE and VMLOAD Virtualization\"",
	 "virtualized VMLOAD and VMSAVE go with nested paging",
	 "the guest's VMCB would be taken for one at a physical address of the host's",
	 virtual_vmload_nested},
	{"SHADOW-1", FIELD("interrupt shadow 068h", control.interrupt_shadow), RESERVED,
	 "appendix B, table B-1", "bits 63:2 are 0", "a whole register was written where one bit was meant",
	 shadow_reserved},
};

const unsigned svm_rule_count = ARRAY_SIZE(svm_rules);
