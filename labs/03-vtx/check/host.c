// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry: the host state, which the next exit will load. It is checked at each entry, so that an
 * exit cannot fail.
 *
 * Source: SDM vol. 3C, 26.2.2 "Checks on Host Control Registers, MSRs, and SSP", 26.2.3 "Checks on Host
 * Segment and Descriptor-Table Registers", 26.2.4 "Checks Related to Address-Space Size", 23.8 "Restrictions
 * on VMX Operation".
 */
#include "rule.h"

static const struct check_section registers = {"26.2.2 \"Checks on Host Control Registers, MSRs, and SSP\"",
					       CHECK_HOST};
static const struct check_section segments = {
	"26.2.3 \"Checks on Host Segment and Descriptor-Table Registers\"", CHECK_HOST};
static const struct check_section address_space = {"26.2.4 \"Checks Related to Address-Space Size\"",
						   CHECK_HOST};

#define EXIT(name)                                                                                           \
	{                                                                                                    \
		VMCS_EXIT_CONTROLS, EXIT_##name                                                              \
	}

/* The host's selectors are ES, CS, SS, DS, FS, GS, TR: there is no LDTR, and TR stands in its place. */
#define HOST_TR       6
#define ALL_SELECTORS (BIT(HOST_TR + 1) - 1)

/* ---- control registers and MSRs ---- */

static bool cr0_fixed(const struct check *c)
{
	/* An exit does not change NW and CD, so they are not checked. */
	return check_fixed(check_value(c), c->cpu->cr0_fixed0, c->cpu->cr0_fixed1 | CR0_NW | CR0_CD);
}

static bool cr4_fixed(const struct check *c)
{
	return check_fixed(check_value(c), c->cpu->cr4_fixed0, c->cpu->cr4_fixed1);
}

static bool cet_needs_wp(const struct check *c)
{
	return !(check_value(c) & CHECK_CR4_CET) || check_read(c, VMCS_HOST_CR0) & CR0_WP;
}

static bool efer_as_host(const struct check *c)
{
	bool host64 = check_control(c, VMCS_EXIT_CONTROLS) & EXIT_HOST_64BIT;
	u64 efer = check_value(c);

	return !(efer & EFER_LMA) == !host64 && !(efer & EFER_LME) == !host64;
}

/* ---- selectors ---- */

static bool selector_plain(const struct check *c)
{
	return !(check_value(c) & (SEL_RPL | SEL_TI));
}

static bool selector_not_null(const struct check *c)
{
	return check_value(c);
}

/* ---- the size of the host's address space ---- */

static bool outside_long_mode(const struct check *c)
{
	return !c->cpu->long_mode;
}

static bool in_long_mode(const struct check *c)
{
	return c->cpu->long_mode;
}

static bool no_64bit(const struct check *c)
{
	return !check_ia32e_guest(c) && !(check_value(c) & EXIT_HOST_64BIT);
}

static bool host_64bit(const struct check *c)
{
	return check_value(c) & EXIT_HOST_64BIT;
}

static bool guest_32bit(const struct check *c)
{
	return !check_ia32e_guest(c);
}

static bool no_pcide(const struct check *c)
{
	return !(check_value(c) & CR4_PCIDE);
}

static bool pae(const struct check *c)
{
	return check_value(c) & CR4_PAE;
}

/* ---- the rules ---- */

#define CANONICAL_RULE "the address is canonical"

const struct check_rule check_rules_host[] = {
	{
		.id = "host/cr0-fixed",
		.section = &registers,
		.fields = {VMCS_HOST_CR0},
		.holds = cr0_fixed,
		.rule = "bits that are 1 in IA32_VMX_CR0_FIXED0 (PE, NE, PG) are 1, those that are 0 in "
			"IA32_VMX_CR0_FIXED1 are 0",
		.mistake = "a constant instead of the hypervisor's own CR0, and NE forgotten in it",
	},
	{
		.id = "host/cr4-fixed",
		.section = &registers,
		.fields = {VMCS_HOST_CR4},
		.holds = cr4_fixed,
		.rule = "bits that are 1 in IA32_VMX_CR4_FIXED0 (VMXE) are 1, those that are 0 in "
			"IA32_VMX_CR4_FIXED1 are 0",
		.mistake = "CR4 was read before VMXE was set for VMXON",
	},
	{
		.id = "host/cet-needs-wp",
		.section = &registers,
		.fields = {VMCS_HOST_CR4, VMCS_HOST_CR0},
		.holds = cet_needs_wp,
		.rule = "CR4.CET needs CR0.WP",
		.mistake = "CR0 and CR4 put together from two places",
	},
	{
		.id = "host/cr3",
		.section = &registers,
		.fields = {VMCS_HOST_CR3},
		.holds = check_page_table_address,
		.rule = "no bits beyond the physical-address width are set",
		.mistake = "the hypervisor's own pointer to its page tables, or bit 63 as for MOV to CR3 "
			   "with PCIDs",
	},
	{
		.id = "host/sysenter-esp",
		.section = &registers,
		.fields = {VMCS_HOST_SYSENTER_ESP},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "the field was never written: VMCLEAR does not make it 0",
	},
	{
		.id = "host/sysenter-eip",
		.section = &registers,
		.fields = {VMCS_HOST_SYSENTER_EIP},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "the field was never written: VMCLEAR does not make it 0",
	},
	{
		.id = "host/perf-global-ctrl",
		.section = &registers,
		.on = EXIT(LOAD_PERF_GLOBAL_CTRL),
		.fields = {VMCS_HOST_PERF_GLOBAL_CTRL},
		.holds = check_perf_global_ctrl,
		.rule = "reserved bits of IA32_PERF_GLOBAL_CTRL are 0",
		.mistake = "a counter that this processor does not have (CPUID leaf 0AH)",
	},
	{
		.id = "host/pat",
		.section = &registers,
		.on = EXIT(LOAD_PAT),
		.fields = {VMCS_HOST_PAT},
		.holds = check_pat,
		.rule = "each of the 8 bytes is a memory type: 0, 1, 4, 5, 6 or 7",
		.mistake = "\"load IA32_PAT\" turned on, and the field not filled from the MSR",
	},
	{
		.id = "host/efer-reserved",
		.section = &registers,
		.on = EXIT(LOAD_EFER),
		.fields = {VMCS_HOST_EFER},
		.holds = check_efer_reserved,
		.rule = "reserved bits of IA32_EFER are 0",
		.mistake = "\"load IA32_EFER\" turned on, and the field not filled from the MSR",
	},
	{
		.id = "host/efer-long-mode",
		.section = &registers,
		.on = EXIT(LOAD_EFER),
		.fields = {VMCS_HOST_EFER, VMCS_EXIT_CONTROLS},
		.holds = efer_as_host,
		.rule = "LMA and LME both equal \"host address-space size\"",
		.mistake = "LME alone set: LMA, which the processor sets itself elsewhere, belongs here too",
	},
	{
		.id = "host/selector-rpl-ti",
		.section = &segments,
		.fields = {VMCS_HOST_ES_SELECTOR},
		.segments = ALL_SELECTORS,
		.holds = selector_plain,
		.rule = "the RPL (bits 1:0) and the TI flag (bit 2) of the selector are 0",
		.mistake = "a selector read in a process of an operating system, where DS and ES are user "
			   "segments",
	},
	{
		.id = "host/cs-null",
		.section = &segments,
		.fields = {VMCS_HOST_CS_SELECTOR},
		.holds = selector_not_null,
		.rule = "the selector is not 0000H",
		.mistake = "the field was never written",
	},
	{
		.id = "host/tr-null",
		.section = &segments,
		.fields = {VMCS_HOST_TR_SELECTOR},
		.holds = selector_not_null,
		.rule = "the selector is not 0000H",
		.mistake = "a hypervisor without a TSS: VMX needs one, loaded by LTR",
	},
	{
		.id = "host/ss-null",
		.section = &segments,
		.off = EXIT(HOST_64BIT),
		.fields = {VMCS_HOST_SS_SELECTOR},
		.holds = selector_not_null,
		.rule = "the selector is not 0000H, unless the host is in 64-bit mode",
		.mistake = "the field was never written",
	},
	{
		.id = "host/fs-base",
		.section = &segments,
		.fields = {VMCS_HOST_FS_BASE},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "the field was never written: VMCLEAR does not make it 0",
	},
	{
		.id = "host/gs-base",
		.section = &segments,
		.fields = {VMCS_HOST_GS_BASE},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "the field was never written: VMCLEAR does not make it 0",
	},
	{
		.id = "host/gdtr-base",
		.section = &segments,
		.fields = {VMCS_HOST_GDTR_BASE},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "the 10 bytes of SGDT read as a number: the base begins at byte 2",
	},
	{
		.id = "host/idtr-base",
		.section = &segments,
		.fields = {VMCS_HOST_IDTR_BASE},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "the 10 bytes of SIDT read as a number: the base begins at byte 2",
	},
	{
		.id = "host/tr-base",
		.section = &segments,
		.fields = {VMCS_HOST_TR_BASE},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "the base put together from the descriptor without its bits 63:32, or with a sign "
			   "too many",
	},
	{
		.id = "host/outside-long-mode",
		.section = &address_space,
		.when = outside_long_mode,
		.fields = {VMCS_EXIT_CONTROLS, VMCS_ENTRY_CONTROLS},
		.holds = no_64bit,
		.rule = "outside IA-32e mode \"IA-32e mode guest\" and \"host address-space size\" are 0",
		.mistake =
			"a 32-bit hypervisor that means to start a 64-bit guest: it has to be 64-bit itself",
	},
	{
		.id = "host/in-long-mode",
		.section = &address_space,
		.when = in_long_mode,
		.fields = {VMCS_EXIT_CONTROLS},
		.holds = host_64bit,
		.rule = "in IA-32e mode \"host address-space size\" is 1",
		.mistake = "\"host address-space size\" forgotten: a 64-bit hypervisor always sets it",
	},
	{
		.id = "host/32-bit-guest",
		.section = &address_space,
		.off = EXIT(HOST_64BIT),
		.fields = {VMCS_ENTRY_CONTROLS, VMCS_EXIT_CONTROLS},
		.holds = guest_32bit,
		.rule = "without \"host address-space size\", \"IA-32e mode guest\" is 0",
		.mistake = "\"host address-space size\" forgotten",
	},
	{
		.id = "host/32-bit-pcide",
		.section = &address_space,
		.off = EXIT(HOST_64BIT),
		.fields = {VMCS_HOST_CR4, VMCS_EXIT_CONTROLS},
		.holds = no_pcide,
		.rule = "without \"host address-space size\", CR4.PCIDE is 0",
		.mistake = "\"host address-space size\" forgotten",
	},
	{
		.id = "host/32-bit-rip",
		.section = &address_space,
		.off = EXIT(HOST_64BIT),
		.fields = {VMCS_HOST_RIP, VMCS_EXIT_CONTROLS},
		.holds = check_high_half_zero,
		.rule = "without \"host address-space size\", bits 63:32 of RIP are 0",
		.mistake = "\"host address-space size\" forgotten",
	},
	{
		.id = "host/64-bit-pae",
		.section = &address_space,
		.on = EXIT(HOST_64BIT),
		.fields = {VMCS_HOST_CR4, VMCS_EXIT_CONTROLS},
		.holds = pae,
		.rule = "with \"host address-space size\", CR4.PAE is 1",
		.mistake = "a constant instead of the hypervisor's own CR4",
	},
	{
		.id = "host/64-bit-rip",
		.section = &address_space,
		.on = EXIT(HOST_64BIT),
		.fields = {VMCS_HOST_RIP, VMCS_EXIT_CONTROLS},
		.holds = check_canonical_field,
		.rule = "with \"host address-space size\", RIP is canonical",
		.mistake = "the field was never written",
	},
	{0},
};
