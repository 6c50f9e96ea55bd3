// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry: EPT, and the controls that stand on it or came after it.
 *
 * Source: SDM vol. 3C, 26.2.1.1 "VM-Execution Control Fields", 24.6.11 "Extended-Page-Table Pointer (EPTP)";
 * vol. 3D, A.10 "VPID and EPT Capabilities", A.11 "VM Functions".
 */
#include "rule.h"

static const struct check_section execution = {"26.2.1.1 \"VM-Execution Control Fields\"", CHECK_CONTROLS};

#define SECONDARY(name)                                                                                      \
	{                                                                                                    \
		VMCS_SECONDARY_CONTROLS, SECONDARY_##name                                                    \
	}

/* EPTP: table 24-9 */
#define EPTP_TYPE             0x7
#define EPTP_LENGTH_SHIFT     3
#define EPTP_LENGTH           0x7
#define EPTP_ACCESSED_DIRTY   BIT(6)
#define EPTP_SHADOW_STACK     BIT(7)
#define EPTP_RESERVED         0xf00

/* IA32_VMX_EPT_VPID_CAP */
#define CAP_LENGTH_4          BIT(6)
#define CAP_LENGTH_5          BIT(7)
#define CAP_UC                BIT(8)
#define CAP_WB                BIT(14)
#define CAP_ACCESSED_DIRTY    BIT(21)
#define CAP_SHADOW_STACK      BIT(23)

/* VM-function controls: table 24-10 */
#define VMFUNC_EPTP_SWITCHING BIT(0)

enum { MEMORY_UC = 0, MEMORY_WB = 6 };

static bool memory_type(const struct check *c)
{
	switch (check_value(c) & EPTP_TYPE) {
	case MEMORY_UC:
		return c->cpu->ept_vpid_cap & CAP_UC;
	case MEMORY_WB:
		return c->cpu->ept_vpid_cap & CAP_WB;
	default:
		return false;
	}
}

static bool walk_length(const struct check *c)
{
	switch ((check_value(c) >> EPTP_LENGTH_SHIFT & EPTP_LENGTH) + 1) {
	case 4:
		return c->cpu->ept_vpid_cap & CAP_LENGTH_4;
	case 5:
		return c->cpu->ept_vpid_cap & CAP_LENGTH_5;
	default:
		return false;
	}
}

static bool accessed_dirty(const struct check *c)
{
	return c->cpu->ept_vpid_cap & CAP_ACCESSED_DIRTY || !(check_value(c) & EPTP_ACCESSED_DIRTY);
}

static bool eptp_reserved(const struct check *c)
{
	u64 reserved = EPTP_RESERVED | (c->cpu->ept_vpid_cap & CAP_SHADOW_STACK ? 0 : EPTP_SHADOW_STACK);

	return !(check_value(c) & reserved) && check_within_width(c, check_value(c));
}

static bool functions_allowed(const struct check *c)
{
	return !(check_value(c) & ~c->cpu->vmfunc);
}

static bool switches_eptp(const struct check *c)
{
	return check_read(c, VMCS_VM_FUNCTION_CONTROLS) & VMFUNC_EPTP_SWITCHING;
}

#define PAGE_RULE "the address has bits 11:0 clear and no bits beyond the physical-address width"
#define PAGE_MISTAKE                                                                                         \
	"the hypervisor's own pointer where the physical address belongs, or an allocation that is not "     \
	"page-aligned"

const struct check_rule check_rules_ept[] = {
	{
		.id = "controls/eptp-memory-type",
		.section = &execution,
		.on = SECONDARY(EPT),
		.fields = {VMCS_EPT_POINTER},
		.holds = memory_type,
		.rule = "bits 2:0 of EPTP are a memory type that IA32_VMX_EPT_VPID_CAP offers: 0 (UC) or 6 "
			"(WB)",
		.mistake = "the bare address of the tables (that is type UC, which need not exist), or flags "
			   "of a CR3",
	},
	{
		.id = "controls/eptp-walk-length",
		.section = &execution,
		.on = SECONDARY(EPT),
		.fields = {VMCS_EPT_POINTER},
		.holds = walk_length,
		.rule = "bits 5:3 of EPTP are the number of levels less one: 3, or 4 where the processor "
			"offers 5 levels",
		.mistake = "the number of levels itself, or nothing at all",
	},
	{
		.id = "controls/eptp-accessed-dirty",
		.section = &execution,
		.on = SECONDARY(EPT),
		.fields = {VMCS_EPT_POINTER},
		.holds = accessed_dirty,
		.rule = "bit 6 of EPTP is 0 where the processor has no accessed and dirty flags for EPT",
		.mistake = "bit 21 of IA32_VMX_EPT_VPID_CAP was not asked",
	},
	{
		.id = "controls/eptp-reserved",
		.section = &execution,
		.on = SECONDARY(EPT),
		.fields = {VMCS_EPT_POINTER},
		.holds = eptp_reserved,
		.rule = "bits 11:7 of EPTP, and those beyond the physical-address width, are 0",
		.mistake = "the hypervisor's own pointer to the tables, or tables that are not page-aligned",
	},
	{
		.id = "controls/pml-needs-ept",
		.section = &execution,
		.on = SECONDARY(PML),
		.off = SECONDARY(EPT),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"enable PML\" needs \"enable EPT\"",
		.mistake = "dirty logging switched on for a guest with shadow page tables",
	},
	{
		.id = "controls/pml-address",
		.section = &execution,
		.on = SECONDARY(PML),
		.fields = {VMCS_PML_ADDRESS},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{
		.id = "controls/unrestricted-needs-ept",
		.section = &execution,
		.on = SECONDARY(UNRESTRICTED_GUEST),
		.off = SECONDARY(EPT),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"unrestricted guest\" needs \"enable EPT\"",
		.mistake = "a guest without paging has no other tables: EPT comes first",
	},
	{
		.id = "controls/mode-based-needs-ept",
		.section = &execution,
		.on = SECONDARY(EPT_MODE_BASED_X),
		.off = SECONDARY(EPT),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"mode-based execute control for EPT\" needs \"enable EPT\"",
		.mistake = "everything that the processor has turned on at once",
	},
	{
		.id = "controls/spp-needs-ept",
		.section = &execution,
		.on = SECONDARY(EPT_SUB_PAGE),
		.off = SECONDARY(EPT),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"sub-page write permissions for EPT\" needs \"enable EPT\"",
		.mistake = "everything that the processor has turned on at once",
	},
	{
		.id = "controls/spp-address",
		.section = &execution,
		.on = SECONDARY(EPT_SUB_PAGE),
		.fields = {VMCS_SPP_TABLE_POINTER},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{
		.id = "controls/vm-functions-reserved",
		.section = &execution,
		.on = SECONDARY(VM_FUNCTIONS),
		.fields = {VMCS_VM_FUNCTION_CONTROLS},
		.holds = functions_allowed,
		.rule = "only bits that IA32_VMX_VMFUNC allows are 1",
		.mistake = "the field was never written",
	},
	{
		.id = "controls/eptp-switching-needs-ept",
		.section = &execution,
		.on = SECONDARY(VM_FUNCTIONS),
		.off = SECONDARY(EPT),
		.when = switches_eptp,
		.fields = {VMCS_VM_FUNCTION_CONTROLS, VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"EPTP switching\" needs \"enable EPT\"",
		.mistake = "the function switches EPTPs: without EPT there is none to switch",
	},
	{
		.id = "controls/eptp-list",
		.section = &execution,
		.on = SECONDARY(VM_FUNCTIONS),
		.when = switches_eptp,
		.fields = {VMCS_EPTP_LIST_ADDRESS, VMCS_VM_FUNCTION_CONTROLS},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{
		.id = "controls/vmread-bitmap",
		.section = &execution,
		.on = SECONDARY(VMCS_SHADOWING),
		.fields = {VMCS_VMREAD_BITMAP_ADDRESS},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{
		.id = "controls/vmwrite-bitmap",
		.section = &execution,
		.on = SECONDARY(VMCS_SHADOWING),
		.fields = {VMCS_VMWRITE_BITMAP_ADDRESS},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = "there are two bitmaps, one for VMREAD and one for VMWRITE, and the second was "
			   "forgotten",
	},
	{
		.id = "controls/ve-information",
		.section = &execution,
		.on = SECONDARY(EPT_VIOLATION_VE),
		.fields = {VMCS_VE_INFORMATION_ADDRESS},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{0},
};
