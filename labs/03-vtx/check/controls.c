// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry: the VM-execution control fields, but those of EPT and what stands on it (ept.c).
 *
 * Source: SDM vol. 3C, 26.2.1.1 "VM-Execution Control Fields"; vol. 3D, A.3 "VM-Execution Controls".
 */
#include "rule.h"

static const struct check_section execution = {"26.2.1.1 \"VM-Execution Control Fields\"", CHECK_CONTROLS};

#define PIN(name)                                                                                            \
	{                                                                                                    \
		VMCS_PIN_BASED_CONTROLS, PIN_##name                                                          \
	}
#define PRIMARY(name)                                                                                        \
	{                                                                                                    \
		VMCS_PRIMARY_CONTROLS, PRIMARY_##name                                                        \
	}
#define SECONDARY(name)                                                                                      \
	{                                                                                                    \
		VMCS_SECONDARY_CONTROLS, SECONDARY_##name                                                    \
	}

/* ---- reserved bits ---- */

static bool pin_allowed(const struct check *c)
{
	return check_allowed(check_value(c), c->cpu->pin);
}

static bool primary_allowed(const struct check *c)
{
	return check_allowed(check_value(c), c->cpu->primary);
}

static bool secondary_allowed(const struct check *c)
{
	return check_allowed(check_value(c), c->cpu->secondary);
}

static bool cr3_targets(const struct check *c)
{
	return check_value(c) <= (c->cpu->misc >> CHECK_MISC_CR3_SHIFT & CHECK_MISC_CR3);
}

/* ---- the TPR shadow ---- */

#define TPR_THRESHOLD    0xf
#define VTPR_WORD        0x80 /* the virtual-APIC page holds the TPR here */
#define VTPR_CLASS_SHIFT 4

static bool threshold_reserved(const struct check *c)
{
	return !(check_value(c) & ~(u64)TPR_THRESHOLD);
}

static bool threshold_checked(const struct check *c)
{
	return !check_secondary(c, SECONDARY_APIC_ACCESSES | SECONDARY_INTERRUPT_DELIVERY);
}

static bool threshold_vtpr(const struct check *c)
{
	u64 page = check_read(c, VMCS_VIRTUAL_APIC_ADDRESS), tpr;

	if (!c->vmcs->memory(c->vmcs->context, page + VTPR_WORD, &tpr))
		return true;
	return (check_value(c) & TPR_THRESHOLD) <= (tpr >> VTPR_CLASS_SHIFT & TPR_THRESHOLD);
}

/* ---- posted interrupts, VPID, Intel PT ---- */

#define DESCRIPTOR_OFFSET 0x3f

static bool vector_8bit(const struct check *c)
{
	return check_value(c) <= 0xff;
}

static bool descriptor_address(const struct check *c)
{
	return !(check_value(c) & DESCRIPTOR_OFFSET) && check_within_width(c, check_value(c));
}

static bool vpid_not_0(const struct check *c)
{
	return check_value(c);
}

static bool tracing(const struct check *c)
{
	return c->cpu->tracing;
}

static bool pt_controls(const struct check *c)
{
	return check_secondary(c, SECONDARY_EPT) &&
	       check_control(c, VMCS_ENTRY_CONTROLS) & ENTRY_LOAD_RTIT_CTL &&
	       check_control(c, VMCS_EXIT_CONTROLS) & EXIT_CLEAR_RTIT_CTL;
}

/* ---- the rules ---- */

#define PAGE_RULE "the address has bits 11:0 clear and no bits beyond the physical-address width"
#define PAGE_MISTAKE                                                                                         \
	"the hypervisor's own pointer where the physical address belongs, or an allocation that is not "     \
	"page-aligned"

const struct check_rule check_rules_execution[] = {
	{
		.id = "controls/pin-reserved",
		.section = &execution,
		.fields = {VMCS_PIN_BASED_CONTROLS},
		.holds = pin_allowed,
		.rule = "bits that IA32_VMX_(TRUE_)PINBASED_CTLS says must be 1 are 1, others that it does "
			"not allow are 0",
		.mistake = "the wanted bits written as they are, without the reserved bits that must be 1",
	},
	{
		.id = "controls/primary-reserved",
		.section = &execution,
		.fields = {VMCS_PRIMARY_CONTROLS},
		.holds = primary_allowed,
		.rule = "bits that IA32_VMX_(TRUE_)PROCBASED_CTLS says must be 1 are 1, others that it does "
			"not allow are 0",
		.mistake = "CR3-load and CR3-store exiting cleared by the MSR without TRUE, or reserved bits "
			   "left out",
	},
	{
		.id = "controls/secondary-reserved",
		.section = &execution,
		.on = PRIMARY(ACTIVATE_SECONDARY),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = secondary_allowed,
		.rule = "only bits that IA32_VMX_PROCBASED_CTLS2 allows are 1",
		.mistake = "a feature that this processor does not have (or a hypervisor below does not pass "
			   "on)",
	},
	{
		.id = "controls/cr3-target-count",
		.section = &execution,
		.fields = {VMCS_CR3_TARGET_COUNT},
		.holds = cr3_targets,
		.rule = "the count is at most what IA32_VMX_MISC says in bits 24:16 (4 everywhere so far)",
		.mistake = "the field was never written, and VMCLEAR does not make it 0",
	},
	{
		.id = "controls/io-bitmap-a",
		.section = &execution,
		.on = PRIMARY(IO_BITMAPS),
		.fields = {VMCS_IO_BITMAP_A},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{
		.id = "controls/io-bitmap-b",
		.section = &execution,
		.on = PRIMARY(IO_BITMAPS),
		.fields = {VMCS_IO_BITMAP_B},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = "bitmap B is a page of its own, for the ports from 0x8000 on, and was forgotten",
	},
	{
		.id = "controls/msr-bitmap",
		.section = &execution,
		.on = PRIMARY(MSR_BITMAPS),
		.fields = {VMCS_MSR_BITMAP},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{
		.id = "controls/virtual-apic-page",
		.section = &execution,
		.on = PRIMARY(TPR_SHADOW),
		.fields = {VMCS_VIRTUAL_APIC_ADDRESS},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake = PAGE_MISTAKE,
	},
	{
		.id = "controls/tpr-threshold-reserved",
		.section = &execution,
		.on = PRIMARY(TPR_SHADOW),
		.off = SECONDARY(INTERRUPT_DELIVERY),
		.fields = {VMCS_TPR_THRESHOLD},
		.holds = threshold_reserved,
		.rule = "bits 31:4 of the TPR threshold are 0",
		.mistake = "a priority as the TPR has it, in bits 7:4, where the class alone belongs",
	},
	{
		.id = "controls/tpr-threshold-vtpr",
		.section = &execution,
		.on = PRIMARY(TPR_SHADOW),
		.when = threshold_checked,
		.fields = {VMCS_TPR_THRESHOLD, VMCS_VIRTUAL_APIC_ADDRESS},
		.holds = threshold_vtpr,
		.rule = "the TPR threshold is not above bits 7:4 of the TPR in the virtual-APIC page",
		.mistake = "a threshold from the waiting interrupt: it has to be lowered to the guest's TPR",
	},
	{
		.id = "controls/virtual-nmis",
		.section = &execution,
		.on = PIN(VIRTUAL_NMIS),
		.off = PIN(NMI_EXITING),
		.fields = {VMCS_PIN_BASED_CONTROLS},
		.holds = check_never,
		.rule = "\"virtual NMIs\" needs \"NMI exiting\"",
		.mistake = "NMI exiting forgotten: who virtualizes NMIs has to take the machine's own",
	},
	{
		.id = "controls/nmi-window",
		.section = &execution,
		.on = PRIMARY(NMI_WINDOW),
		.off = PIN(VIRTUAL_NMIS),
		.fields = {VMCS_PRIMARY_CONTROLS},
		.holds = check_never,
		.rule = "\"NMI-window exiting\" needs \"virtual NMIs\"",
		.mistake = "an NMI window asked for on a processor, or in a set-up, without virtual NMIs",
	},
	{
		.id = "controls/apic-access-page",
		.section = &execution,
		.on = SECONDARY(APIC_ACCESSES),
		.fields = {VMCS_APIC_ACCESS_ADDRESS},
		.holds = check_page_address,
		.rule = PAGE_RULE,
		.mistake =
			"the guest-physical address of its APIC: what belongs here is the page that backs it",
	},
	{
		.id = "controls/x2apic-mode",
		.section = &execution,
		.on = SECONDARY(X2APIC_MODE),
		.off = PRIMARY(TPR_SHADOW),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"virtualize x2APIC mode\" needs \"use TPR shadow\"",
		.mistake =
			"APIC virtualization turned on bit by bit; all of it stands on the virtual-APIC page",
	},
	{
		.id = "controls/apic-registers",
		.section = &execution,
		.on = SECONDARY(APIC_REGISTERS),
		.off = PRIMARY(TPR_SHADOW),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"APIC-register virtualization\" needs \"use TPR shadow\"",
		.mistake =
			"APIC virtualization turned on bit by bit; all of it stands on the virtual-APIC page",
	},
	{
		.id = "controls/interrupt-delivery",
		.section = &execution,
		.on = SECONDARY(INTERRUPT_DELIVERY),
		.off = PRIMARY(TPR_SHADOW),
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"virtual-interrupt delivery\" needs \"use TPR shadow\"",
		.mistake =
			"APIC virtualization turned on bit by bit; all of it stands on the virtual-APIC page",
	},
	{
		.id = "controls/x2apic-or-accesses",
		.section = &execution,
		.on = {VMCS_SECONDARY_CONTROLS, SECONDARY_X2APIC_MODE | SECONDARY_APIC_ACCESSES},
		.fields = {VMCS_SECONDARY_CONTROLS},
		.holds = check_never,
		.rule = "\"virtualize x2APIC mode\" and \"virtualize APIC accesses\" are not both 1",
		.mistake = "the guest has switched to x2APIC mode, and the control of the old mode stayed on",
	},
	{
		.id = "controls/delivery-needs-exiting",
		.section = &execution,
		.on = SECONDARY(INTERRUPT_DELIVERY),
		.off = PIN(EXTERNAL_INTERRUPT_EXITING),
		.fields = {VMCS_PIN_BASED_CONTROLS},
		.holds = check_never,
		.rule = "\"virtual-interrupt delivery\" needs \"external-interrupt exiting\"",
		.mistake = "the machine's interrupts given to the guest directly: then there are no virtual "
			   "ones",
	},
	{
		.id = "controls/posted-needs-delivery",
		.section = &execution,
		.on = PIN(POSTED_INTERRUPTS),
		.off = SECONDARY(INTERRUPT_DELIVERY),
		.fields = {VMCS_PIN_BASED_CONTROLS},
		.holds = check_never,
		.rule = "\"process posted interrupts\" needs \"virtual-interrupt delivery\"",
		.mistake = "posted interrupts are the last step of APIC virtualization, not one by itself",
	},
	{
		.id = "controls/posted-needs-acknowledge",
		.section = &execution,
		.on = PIN(POSTED_INTERRUPTS),
		.off = {VMCS_EXIT_CONTROLS, EXIT_ACKNOWLEDGE_INTERRUPT},
		.fields = {VMCS_EXIT_CONTROLS},
		.holds = check_never,
		.rule = "\"process posted interrupts\" needs \"acknowledge interrupt on exit\"",
		.mistake = "the exit controls belong to another file and were not looked at",
	},
	{
		.id = "controls/posted-vector",
		.section = &execution,
		.on = PIN(POSTED_INTERRUPTS),
		.fields = {VMCS_POSTED_INTERRUPT_VECTOR},
		.holds = vector_8bit,
		.rule = "the posted-interrupt notification vector is at most 255",
		.mistake = "the field was never written",
	},
	{
		.id = "controls/posted-descriptor",
		.section = &execution,
		.on = PIN(POSTED_INTERRUPTS),
		.fields = {VMCS_POSTED_INTERRUPT_DESCRIPTOR},
		.holds = descriptor_address,
		.rule = "the descriptor's address has bits 5:0 clear and no bits beyond the physical-address "
			"width",
		.mistake = "a structure of 64 bytes has to be aligned to 64, which an allocator does not do "
			   "by itself",
	},
	{
		.id = "controls/vpid",
		.section = &execution,
		.on = SECONDARY(VPID),
		.fields = {VMCS_VPID},
		.holds = vpid_not_0,
		.rule = "the VPID is not 0000H, which is the hypervisor's own",
		.mistake = "virtual CPUs numbered from 0, and the number taken as the VPID",
	},
	{
		.id = "controls/pt-tracing",
		.section = &execution,
		.on = {VMCS_ENTRY_CONTROLS, ENTRY_LOAD_RTIT_CTL},
		.when = tracing,
		.fields = {VMCS_ENTRY_CONTROLS},
		.holds = check_never,
		.rule = "\"load IA32_RTIT_CTL\" is 0 while the processor traces (IA32_RTIT_CTL.TraceEn)",
		.mistake = "the host's tracing has to be stopped before an entry that starts the guest's",
	},
	{
		.id = "controls/pt-guest-physical",
		.section = &execution,
		.on = SECONDARY(PT_GPA),
		.fields = {VMCS_SECONDARY_CONTROLS, VMCS_ENTRY_CONTROLS, VMCS_EXIT_CONTROLS},
		.holds = pt_controls,
		.rule = "\"Intel PT uses guest physical addresses\" needs \"enable EPT\", \"load "
			"IA32_RTIT_CTL\" and "
			"\"clear IA32_RTIT_CTL\"",
		.mistake = "one of the three was forgotten",
	},
	{0},
};
