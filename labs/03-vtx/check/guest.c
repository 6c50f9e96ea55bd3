// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry: the guest's control registers, MSRs, descriptor tables, RIP and RFLAGS. Segments are
 * in segments.c.
 *
 * Source: SDM vol. 3C, 26.3.1.1 "Checks on Guest Control Registers, Debug Registers, and MSRs", 26.3.1.3
 * "Checks on Guest Descriptor-Table Registers", 26.3.1.4 "Checks on Guest RIP, RFLAGS, and SSP".
 */
#include "rule.h"

static const struct check_section registers = {
	"26.3.1.1 \"Checks on Guest Control Registers, Debug Registers, and MSRs\"", CHECK_GUEST};
static const struct check_section tables = {"26.3.1.3 \"Checks on Guest Descriptor-Table Registers\"",
					    CHECK_GUEST};
static const struct check_section rip_rflags = {"26.3.1.4 \"Checks on Guest RIP, RFLAGS, and SSP\"",
						CHECK_GUEST};

#define ENTRY(name)                                                                                          \
	{                                                                                                    \
		VMCS_ENTRY_CONTROLS, ENTRY_##name                                                            \
	}

/* ---- control registers ---- */

/* "Unrestricted guest" sets PE and PG free; an entry does not change NW and CD. */
static bool cr0_fixed(const struct check *c)
{
	u64 free = check_secondary(c, SECONDARY_UNRESTRICTED_GUEST) ? CR0_PE | CR0_PG : 0;

	return check_fixed(check_value(c), c->cpu->cr0_fixed0 & ~free,
			   c->cpu->cr0_fixed1 | free | CR0_NW | CR0_CD);
}

static bool paging_protected(const struct check *c)
{
	return !(check_value(c) & CR0_PG) || check_value(c) & CR0_PE;
}

static bool cr4_fixed(const struct check *c)
{
	return check_fixed(check_value(c), c->cpu->cr4_fixed0, c->cpu->cr4_fixed1);
}

static bool cet_needs_wp(const struct check *c)
{
	return !(check_value(c) & CHECK_CR4_CET) || check_read(c, VMCS_GUEST_CR0) & CR0_WP;
}

static bool paging(const struct check *c)
{
	return check_value(c) & CR0_PG;
}

static bool pae(const struct check *c)
{
	return check_value(c) & CR4_PAE;
}

static bool no_pcide(const struct check *c)
{
	return !(check_value(c) & CR4_PCIDE);
}

/* ---- MSRs ---- */

/* IA32_DEBUGCTL: the bits that some processor has (SDM vol. 4, table 2-2). One processor has fewer. */
#define DEBUGCTL_KNOWN 0xffc7

static bool debugctl_reserved(const struct check *c)
{
	return !(check_value(c) & ~(u64)DEBUGCTL_KNOWN);
}

static bool lma_as_guest(const struct check *c)
{
	return !(check_value(c) & EFER_LMA) == !check_ia32e_guest(c);
}

static bool guest_pages(const struct check *c)
{
	return check_read(c, VMCS_GUEST_CR0) & CR0_PG;
}

static bool lme_as_lma(const struct check *c)
{
	return !(check_value(c) & EFER_LME) == !(check_value(c) & EFER_LMA);
}

/* IA32_BNDCFGS: SDM vol. 1, 17.3.3 "Bound Configuration and Status Registers" */
#define BNDCFGS_RESERVED 0xffc
#define BNDCFGS_BASE     (~0xfffULL)

static bool bndcfgs_reserved(const struct check *c)
{
	return !(check_value(c) & BNDCFGS_RESERVED);
}

static bool bndcfgs_base(const struct check *c)
{
	return check_canonical(c, check_value(c) & BNDCFGS_BASE);
}

/* ---- descriptor tables, RIP, RFLAGS ---- */

static bool limit_16bit(const struct check *c)
{
	return check_value(c) <= 0xffff;
}

static bool code_64bit(const struct check *c)
{
	return check_ia32e_guest(c) && check_access_rights(c, SEG_CS) & SEG_ATTR_L;
}

static bool code_not_64bit(const struct check *c)
{
	return !code_64bit(c);
}

/* Not quite canonical: the highest bit that is translated may differ from those above it. */
static bool rip_upper_alike(const struct check *c)
{
	u64 upper = (u64)((s64)check_value(c) >> c->cpu->linear_bits);

	return upper == 0 || upper == ~0ULL;
}

#define RFLAGS_RESERVED0 0xffffffffffc08028

static bool rflags_reserved(const struct check *c)
{
	return !(check_value(c) & RFLAGS_RESERVED0);
}

static bool rflags_bit1(const struct check *c)
{
	return check_value(c) & RFLAGS_RESERVED1;
}

static bool not_virtual_8086(const struct check *c)
{
	return !(check_value(c) & RFLAGS_VM);
}

static bool real_mode(const struct check *c)
{
	return !(check_read(c, VMCS_GUEST_CR0) & CR0_PE);
}

static bool interrupt_injected(const struct check *c)
{
	return check_injects_type(c, CHECK_EVENT_EXTERNAL);
}

static bool interrupts_on(const struct check *c)
{
	return check_value(c) & RFLAGS_IF;
}

/* ---- the rules ---- */

#define CANONICAL_RULE "the address is canonical"

const struct check_rule check_rules_guest[] = {
	{
		.id = "guest/cr0-fixed",
		.section = &registers,
		.fields = {VMCS_GUEST_CR0, VMCS_SECONDARY_CONTROLS},
		.holds = cr0_fixed,
		.rule = "bits that are 1 in IA32_VMX_CR0_FIXED0 (NE; PE and PG but for an unrestricted "
			"guest) are 1, those "
			"that are 0 in IA32_VMX_CR0_FIXED1 are 0",
		.mistake = "the CR0 that the guest believes in: that one belongs in the read shadow",
	},
	{
		.id = "guest/cr0-paging",
		.section = &registers,
		.fields = {VMCS_GUEST_CR0},
		.holds = paging_protected,
		.rule = "CR0.PG needs CR0.PE",
		.mistake = "PE cleared for a real-mode guest, and PG kept",
	},
	{
		.id = "guest/cr4-fixed",
		.section = &registers,
		.fields = {VMCS_GUEST_CR4},
		.holds = cr4_fixed,
		.rule = "bits that are 1 in IA32_VMX_CR4_FIXED0 (VMXE) are 1, those that are 0 in "
			"IA32_VMX_CR4_FIXED1 are 0",
		.mistake = "VMXE cleared with the guest's value of CR4: hide it by mask and read shadow",
	},
	{
		.id = "guest/cet-needs-wp",
		.section = &registers,
		.fields = {VMCS_GUEST_CR4, VMCS_GUEST_CR0},
		.holds = cet_needs_wp,
		.rule = "CR4.CET needs CR0.WP",
		.mistake = "CR0 and CR4 put together from two places",
	},
	{
		.id = "guest/debugctl",
		.section = &registers,
		.on = ENTRY(LOAD_DEBUG),
		.fields = {VMCS_GUEST_DEBUGCTL},
		.holds = debugctl_reserved,
		.rule = "reserved bits of IA32_DEBUGCTL are 0 (judged here: those that no processor has)",
		.mistake = "the field was never written: VMCLEAR does not make it 0",
	},
	{
		.id = "guest/ia32e-paging",
		.section = &registers,
		.on = ENTRY(IA32E_GUEST),
		.fields = {VMCS_GUEST_CR0, VMCS_ENTRY_CONTROLS},
		.holds = paging,
		.rule = "with \"IA-32e mode guest\", CR0.PG is 1",
		.mistake = "the control set when the guest sets EFER.LME: it belongs to LMA, which comes "
			   "with paging",
	},
	{
		.id = "guest/ia32e-pae",
		.section = &registers,
		.on = ENTRY(IA32E_GUEST),
		.fields = {VMCS_GUEST_CR4, VMCS_ENTRY_CONTROLS},
		.holds = pae,
		.rule = "with \"IA-32e mode guest\", CR4.PAE is 1",
		.mistake = "the CR4 that the guest had before long mode",
	},
	{
		.id = "guest/pcide",
		.section = &registers,
		.off = ENTRY(IA32E_GUEST),
		.fields = {VMCS_GUEST_CR4, VMCS_ENTRY_CONTROLS},
		.holds = no_pcide,
		.rule = "without \"IA-32e mode guest\", CR4.PCIDE is 0",
		.mistake = "the control is not kept up with EFER.LMA",
	},
	{
		.id = "guest/cr3",
		.section = &registers,
		.fields = {VMCS_GUEST_CR3},
		.holds = check_page_table_address,
		.rule = "no bits beyond the physical-address width are set",
		.mistake = "bit 63 of a MOV to CR3 with PCIDs stored with the value, or a pointer of the "
			   "hypervisor's",
	},
	{
		.id = "guest/dr7",
		.section = &registers,
		.on = ENTRY(LOAD_DEBUG),
		.fields = {VMCS_GUEST_DR7},
		.holds = check_high_half_zero,
		.rule = "bits 63:32 of DR7 are 0",
		.mistake = "the field was never written, or a value with a sign extended into it",
	},
	{
		.id = "guest/sysenter-esp",
		.section = &registers,
		.fields = {VMCS_GUEST_SYSENTER_ESP},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake =
			"WRMSR of the guest taken over without its #GP for an address that is not canonical",
	},
	{
		.id = "guest/sysenter-eip",
		.section = &registers,
		.fields = {VMCS_GUEST_SYSENTER_EIP},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake =
			"WRMSR of the guest taken over without its #GP for an address that is not canonical",
	},
	{
		.id = "guest/perf-global-ctrl",
		.section = &registers,
		.on = ENTRY(LOAD_PERF_GLOBAL_CTRL),
		.fields = {VMCS_GUEST_PERF_GLOBAL_CTRL},
		.holds = check_perf_global_ctrl,
		.rule = "reserved bits of IA32_PERF_GLOBAL_CTRL are 0",
		.mistake = "a counter that this processor does not have (CPUID leaf 0AH)",
	},
	{
		.id = "guest/pat",
		.section = &registers,
		.on = ENTRY(LOAD_PAT),
		.fields = {VMCS_GUEST_PAT},
		.holds = check_pat,
		.rule = "each of the 8 bytes is a memory type: 0, 1, 4, 5, 6 or 7",
		.mistake = "\"load IA32_PAT\" turned on, and the field not set to its value after reset, "
			   "0007040600070406H",
	},
	{
		.id = "guest/efer-reserved",
		.section = &registers,
		.on = ENTRY(LOAD_EFER),
		.fields = {VMCS_GUEST_EFER},
		.holds = check_efer_reserved,
		.rule = "reserved bits of IA32_EFER are 0",
		.mistake = "WRMSR of the guest taken over without its #GP, for instance of AMD's SVME",
	},
	{
		.id = "guest/efer-lma",
		.section = &registers,
		.on = ENTRY(LOAD_EFER),
		.fields = {VMCS_GUEST_EFER, VMCS_ENTRY_CONTROLS},
		.holds = lma_as_guest,
		.rule = "LMA equals \"IA-32e mode guest\"",
		.mistake = "two places that keep the same fact: the control is not changed when LMA changes",
	},
	{
		.id = "guest/efer-lme",
		.section = &registers,
		.on = ENTRY(LOAD_EFER),
		.when = guest_pages,
		.fields = {VMCS_GUEST_EFER, VMCS_GUEST_CR0},
		.holds = lme_as_lma,
		.rule = "while CR0.PG is 1, LME equals LMA",
		.mistake = "LMA set when the guest turned paging on, but LME taken from another copy (or the "
			   "reverse)",
	},
	{
		.id = "guest/bndcfgs-reserved",
		.section = &registers,
		.on = ENTRY(LOAD_BNDCFGS),
		.fields = {VMCS_GUEST_BNDCFGS},
		.holds = bndcfgs_reserved,
		.rule = "reserved bits of IA32_BNDCFGS (11:2) are 0",
		.mistake = "the field was never written",
	},
	{
		.id = "guest/bndcfgs-base",
		.section = &registers,
		.on = ENTRY(LOAD_BNDCFGS),
		.fields = {VMCS_GUEST_BNDCFGS},
		.holds = bndcfgs_base,
		.rule = "the linear address in bits 63:12 of IA32_BNDCFGS is canonical",
		.mistake = "the field was never written",
	},
	{0},
};

const struct check_rule check_rules_rip[] = {
	{
		.id = "guest/gdtr-base",
		.section = &tables,
		.fields = {VMCS_GUEST_GDTR_BASE},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "an LGDT of the guest emulated without its #GP",
	},
	{
		.id = "guest/idtr-base",
		.section = &tables,
		.fields = {VMCS_GUEST_IDTR_BASE},
		.holds = check_canonical_field,
		.rule = CANONICAL_RULE,
		.mistake = "an LIDT of the guest emulated without its #GP",
	},
	{
		.id = "guest/gdtr-limit",
		.section = &tables,
		.fields = {VMCS_GUEST_GDTR_LIMIT},
		.holds = limit_16bit,
		.rule = "bits 31:16 of the limit are 0",
		.mistake = "a limit of 0xffffffff as for a segment: the field has 32 bits, the register 16",
	},
	{
		.id = "guest/idtr-limit",
		.section = &tables,
		.fields = {VMCS_GUEST_IDTR_LIMIT},
		.holds = limit_16bit,
		.rule = "bits 31:16 of the limit are 0",
		.mistake = "a limit of 0xffffffff as for a segment: the field has 32 bits, the register 16",
	},
	{
		.id = "guest/rip-high",
		.section = &rip_rflags,
		.when = code_not_64bit,
		.fields = {VMCS_GUEST_RIP, VMCS_ENTRY_CONTROLS, VMCS_GUEST_CS_ACCESS_RIGHTS},
		.holds = check_high_half_zero,
		.rule = "bits 63:32 of RIP are 0 unless the guest runs 64-bit code (\"IA-32e mode guest\" "
			"and CS.L)",
		.mistake = "L forgotten in the access rights of CS, or RIP advanced past 4 GiB by a skipped "
			   "instruction",
	},
	{
		.id = "guest/rip-upper",
		.section = &rip_rflags,
		.when = code_64bit,
		.fields = {VMCS_GUEST_RIP},
		.holds = rip_upper_alike,
		.rule = "the bits of RIP above the linear-address width are all alike",
		.mistake = "a far transfer emulated without its #GP for a target that is not canonical",
	},
	{
		.id = "guest/rflags-reserved",
		.section = &rip_rflags,
		.fields = {VMCS_GUEST_RFLAGS},
		.holds = rflags_reserved,
		.rule = "bits 63:22, 15, 5 and 3 of RFLAGS are 0",
		.mistake = "an image of the flags taken from the guest's stack without masking it",
	},
	{
		.id = "guest/rflags-bit-1",
		.section = &rip_rflags,
		.fields = {VMCS_GUEST_RFLAGS},
		.holds = rflags_bit1,
		.rule = "bit 1 of RFLAGS is 1",
		.mistake = "RFLAGS begun as 0: all flags clear is 2",
	},
	{
		.id = "guest/rflags-vm-ia32e",
		.section = &rip_rflags,
		.on = ENTRY(IA32E_GUEST),
		.fields = {VMCS_GUEST_RFLAGS, VMCS_ENTRY_CONTROLS},
		.holds = not_virtual_8086,
		.rule = "with \"IA-32e mode guest\", RFLAGS.VM is 0",
		.mistake = "IRET emulated without clearing VM: IA-32e mode has no virtual-8086 mode",
	},
	{
		.id = "guest/rflags-vm-real",
		.section = &rip_rflags,
		.when = real_mode,
		.fields = {VMCS_GUEST_RFLAGS, VMCS_GUEST_CR0},
		.holds = not_virtual_8086,
		.rule = "with CR0.PE = 0, RFLAGS.VM is 0",
		.mistake = "the two ways to run 16-bit code mixed up: real mode as such, or in virtual-8086 "
			   "mode",
	},
	{
		.id = "guest/rflags-if",
		.section = &rip_rflags,
		.when = interrupt_injected,
		.fields = {VMCS_GUEST_RFLAGS, VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = interrupts_on,
		.rule = "when an external interrupt is injected, RFLAGS.IF is 1",
		.mistake =
			"an interrupt injected as soon as it came, without waiting for an interrupt window",
	},
	{0},
};
