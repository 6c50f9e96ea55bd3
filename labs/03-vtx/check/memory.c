// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry that look into memory: the region of the VMCS link pointer, the PDPTEs of PAE paging,
 * the list of MSRs to load. What cannot be read is not judged.
 *
 * Source: SDM vol. 3C, 26.3.1.5 "Checks on Guest Non-Register State", 26.3.1.6 "Checks on Guest
 * Page-Directory-Pointer-Table Entries", 26.4 "Loading MSRs"; vol. 3A, 4.4.1 "PDPTE Registers".
 *
 * Left out: of the MSRs to load, those that the processor refuses for their value as WRMSR would.
 */
#include "rule.h"

static const struct check_section non_register = {"26.3.1.5 \"Checks on Guest Non-Register State\"",
						  CHECK_GUEST};
static const struct check_section pdptes = {
	"26.3.1.6 \"Checks on Guest Page-Directory-Pointer-Table Entries\"", CHECK_GUEST};
static const struct check_section msrs = {"26.4 \"Loading MSRs\"", CHECK_MSRS};

/* ---- the VMCS link pointer ---- */

#define NO_LINK    (~0ULL)
#define SHADOW_BIT BIT(31)
#define PAGE_BITS  0xfff

static bool linked(const struct check *c)
{
	return check_read(c, VMCS_VMCS_LINK_POINTER) != NO_LINK;
}

/* The first word of the region; false when the pointer is no address (a rule of its own). */
static bool link_word(const struct check *c, u64 *word)
{
	u64 hpa = check_value(c);

	return !(hpa & PAGE_BITS) && check_within_width(c, hpa) &&
	       c->vmcs->memory(c->vmcs->context, hpa, word);
}

static bool link_revision(const struct check *c)
{
	u64 word;

	return !link_word(c, &word) ||
	       (word & CHECK_BASIC_REVISION) == (c->cpu->basic & CHECK_BASIC_REVISION);
}

static bool link_shadow(const struct check *c)
{
	u64 word;

	return !link_word(c, &word) || !(word & SHADOW_BIT) == !check_secondary(c, SECONDARY_VMCS_SHADOWING);
}

static bool link_not_current(const struct check *c)
{
	return check_value(c) != c->cpu->vmcs;
}

/* ---- PDPTEs ---- */

#define PAE_PDPTES     4
#define PDPTE_PRESENT  BIT(0)
#define PDPTE_RESERVED 0x1e6 /* bits 8:5 and 2:1 */
#define CR3_PAE_TABLE  0xffffffe0

static bool uses_pae(const struct check *c)
{
	return check_read(c, VMCS_GUEST_CR0) & CR0_PG && check_read(c, VMCS_GUEST_CR4) & CR4_PAE &&
	       !check_ia32e_guest(c);
}

static bool pdpte_valid(const struct check *c, u64 pdpte)
{
	return !(pdpte & PDPTE_PRESENT) || (!(pdpte & PDPTE_RESERVED) && check_within_width(c, pdpte));
}

static bool pdpte_fields(const struct check *c)
{
	for (unsigned i = 0; i < PAE_PDPTES; i++)
		if (!pdpte_valid(c, check_read(c, c->rule->fields[i])))
			return false;
	return true;
}

static bool pdpte_memory(const struct check *c)
{
	u64 table = check_value(c) & CR3_PAE_TABLE, pdpte;

	for (unsigned i = 0; i < PAE_PDPTES; i++)
		if (c->vmcs->memory(c->vmcs->context, table + i * sizeof(pdpte), &pdpte) &&
		    !pdpte_valid(c, pdpte))
			return false;
	return true;
}

/* ---- MSRs: table 24-15 "Format of an MSR Entry" ---- */

#define MSR_ENTRY_BYTES 16
#define MSR_ENTRIES_MAX 512 /* what the manual recommends as the most: A.6 */
#define MSR_X2APIC_MASK 0xffffff00
#define MSR_X2APIC      0x00000800

/* True when `good` is true of the first words (index and reserved bits) of all entries. */
static bool each_msr(const struct check *c, bool (*good)(u64 word))
{
	u64 count = MIN(check_read(c, VMCS_ENTRY_MSR_LOAD_COUNT), (u64)MSR_ENTRIES_MAX), word;

	for (u64 i = 0; i < count; i++)
		if (c->vmcs->memory(c->vmcs->context, check_value(c) + i * MSR_ENTRY_BYTES, &word) &&
		    !good(word))
			return false;
	return true;
}

static bool list_usable(const struct check *c)
{
	u64 hpa = check_read(c, VMCS_ENTRY_MSR_LOAD_ADDRESS);

	return check_read(c, VMCS_ENTRY_MSR_LOAD_COUNT) && !(hpa % MSR_ENTRY_BYTES) &&
	       check_within_width(c, hpa);
}

static bool word_reserved(u64 word)
{
	return !(word >> 32);
}

static bool word_no_base(u64 word)
{
	return (u32)word != MSR_FS_BASE && (u32)word != MSR_GS_BASE;
}

static bool word_no_x2apic(u64 word)
{
	return ((u32)word & MSR_X2APIC_MASK) != MSR_X2APIC;
}

static bool msr_reserved(const struct check *c)
{
	return each_msr(c, word_reserved);
}

static bool msr_no_base(const struct check *c)
{
	return each_msr(c, word_no_base);
}

static bool msr_no_x2apic(const struct check *c)
{
	return each_msr(c, word_no_x2apic);
}

/* ---- the rules ---- */

const struct check_rule check_rules_memory[] = {
	{
		.id = "guest/link-address",
		.section = &non_register,
		.when = linked,
		.fields = {VMCS_VMCS_LINK_POINTER},
		.holds = check_page_address,
		.rule = "the VMCS link pointer is FFFFFFFFFFFFFFFFH, or has bits 11:0 and those beyond the "
			"width clear",
		.mistake = "only the low 32 bits written: without VMCS shadowing all 64 are 1",
	},
	{
		.id = "guest/link-revision",
		.section = &non_register,
		.when = linked,
		.fields = {VMCS_VMCS_LINK_POINTER},
		.holds = link_revision,
		.rule = "the region of the VMCS link pointer begins with this processor's VMCS revision "
			"(bits 30:0)",
		.mistake = "the link pointer left 0: no link is FFFFFFFFFFFFFFFFH",
	},
	{
		.id = "guest/link-shadow",
		.section = &non_register,
		.when = linked,
		.fields = {VMCS_VMCS_LINK_POINTER, VMCS_SECONDARY_CONTROLS},
		.holds = link_shadow,
		.rule = "bit 31 of the first word of the region (shadow-VMCS indicator) equals \"VMCS "
			"shadowing\"",
		.mistake = "an ordinary VMCS linked as a shadow: the bit is written before VMCLEAR",
	},
	{
		.id = "guest/link-current",
		.section = &non_register,
		.when = linked,
		.fields = {VMCS_VMCS_LINK_POINTER},
		.holds = link_not_current,
		.rule = "the VMCS link pointer is not the current VMCS",
		.mistake = "the address of the VMCS itself, where no link (FFFFFFFFFFFFFFFFH) was meant",
	},
	{
		.id = "guest/pdpte-memory",
		.section = &pdptes,
		.off = {VMCS_SECONDARY_CONTROLS, SECONDARY_EPT},
		.when = uses_pae,
		.fields = {VMCS_GUEST_CR3},
		.holds = pdpte_memory,
		.rule = "PAE paging without EPT: of the four entries that CR3 names, those that are present "
			"have bits 8:5, 2:1 "
			"and those beyond the width clear",
		.mistake = "rights (bits 1 and 2) set as in any other table: a PDPTE of PAE paging has none",
	},
	{
		.id = "guest/pdpte-fields",
		.section = &pdptes,
		.on = {VMCS_SECONDARY_CONTROLS, SECONDARY_EPT},
		.when = uses_pae,
		.fields = {VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE1, VMCS_GUEST_PDPTE2, VMCS_GUEST_PDPTE3},
		.holds = pdpte_fields,
		.rule = "PAE paging with EPT: of the four PDPTE fields, those that are present have bits "
			"8:5, 2:1 and those "
			"beyond the width clear",
		.mistake = "MOV to CR3 of the guest emulated without loading the four fields from its memory",
	},
	{0},
};

const struct check_rule check_rules_msrs[] = {
	{
		.id = "msrs/reserved",
		.section = &msrs,
		.when = list_usable,
		.fields = {VMCS_ENTRY_MSR_LOAD_ADDRESS, VMCS_ENTRY_MSR_LOAD_COUNT},
		.holds = msr_reserved,
		.rule = "bits 63:32 of each entry of the list are 0",
		.mistake = "entries of 12 bytes: index, 4 reserved bytes, then the 8 of the value",
	},
	{
		.id = "msrs/segment-base",
		.section = &msrs,
		.when = list_usable,
		.fields = {VMCS_ENTRY_MSR_LOAD_ADDRESS, VMCS_ENTRY_MSR_LOAD_COUNT},
		.holds = msr_no_base,
		.rule = "the list has neither FS_BASE nor GS_BASE (C0000100H, C0000101H)",
		.mistake = "these two have fields of their own, GUEST_FS_BASE and GUEST_GS_BASE",
	},
	{
		.id = "msrs/x2apic",
		.section = &msrs,
		.when = list_usable,
		.fields = {VMCS_ENTRY_MSR_LOAD_ADDRESS, VMCS_ENTRY_MSR_LOAD_COUNT},
		.holds = msr_no_x2apic,
		.rule = "the list has no MSR of the x2APIC (800H to 8FFH)",
		.mistake = "the machine's own local APIC is not the guest's to load",
	},
	{0},
};
