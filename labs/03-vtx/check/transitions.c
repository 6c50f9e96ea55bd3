// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry: the VM-exit and VM-entry control fields, with the event that the entry injects.
 *
 * Source: SDM vol. 3C, 26.2.1.2 "VM-Exit Control Fields", 26.2.1.3 "VM-Entry Control Fields", 24.8.3
 * "VM-Entry Controls for Event Injection"; vol. 3D, A.1 "Basic VMX Information", A.4 "VM-Exit Controls", A.5
 * "VM-Entry Controls", A.6 "Miscellaneous Data".
 */
#include "rule.h"
#include "x86/exception.h"

static const struct check_section exit_controls = {"26.2.1.2 \"VM-Exit Control Fields\"", CHECK_CONTROLS};
static const struct check_section entry_controls = {"26.2.1.3 \"VM-Entry Control Fields\"", CHECK_CONTROLS};

/* ---- controls ---- */

static bool exit_allowed(const struct check *c)
{
	return check_allowed(check_value(c), c->cpu->exit);
}

static bool entry_allowed(const struct check *c)
{
	return check_allowed(check_value(c), c->cpu->entry);
}

/* ---- MSR areas: the rule's fields are the address and the count of entries ---- */

#define MSR_ENTRY_BYTES 16

static bool area_used(const struct check *c)
{
	return check_read(c, c->rule->fields[1]);
}

static bool area_address(const struct check *c)
{
	u64 hpa = check_value(c);

	if (c->cpu->basic & CHECK_BASIC_32BIT && hpa >> 32)
		return false;
	return !(hpa % MSR_ENTRY_BYTES) && check_within_width(c, hpa);
}

static bool area_end(const struct check *c)
{
	u64 last = check_value(c) + check_read(c, c->rule->fields[1]) * MSR_ENTRY_BYTES - 1;

	if (!check_within_width(c, check_value(c)))
		return true; /* the rule before this one */
	if (c->cpu->basic & CHECK_BASIC_32BIT && last >> 32)
		return false;
	return check_within_width(c, last);
}

/* ---- the event that is injected ---- */

static bool type_exists(const struct check *c)
{
	switch (check_event_type(c)) {
	case CHECK_EVENT_RESERVED:
		return false;
	case CHECK_EVENT_OTHER:
		return c->cpu->primary >> 32 & PRIMARY_MONITOR_TRAP_FLAG;
	default:
		return true;
	}
}

static bool is_nmi(const struct check *c)
{
	return check_injects_type(c, CHECK_EVENT_NMI);
}

static bool nmi_vector(const struct check *c)
{
	return check_event_vector(c) == VEC_NMI;
}

static bool is_exception(const struct check *c)
{
	return check_injects_type(c, CHECK_EVENT_EXCEPTION);
}

static bool exception_vector(const struct check *c)
{
	return check_event_vector(c) < 32;
}

static bool is_other(const struct check *c)
{
	return check_injects_type(c, CHECK_EVENT_OTHER);
}

static bool other_vector(const struct check *c)
{
	return !check_event_vector(c);
}

static bool has_error_code(const struct check *c)
{
	return check_injects(c) && check_read(c, VMCS_ENTRY_INTERRUPTION_INFO) & CHECK_INFO_ERROR_CODE;
}

#define VECTORS_WITH_ERROR                                                                                   \
	(BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_AC))

static bool vector_has_error(const struct check *c)
{
	return check_event_vector(c) < 32 && VECTORS_WITH_ERROR >> check_event_vector(c) & 1;
}

/* In real mode no exception has an error code. */
static bool protected_mode(const struct check *c)
{
	return check_read(c, VMCS_GUEST_CR0) & CR0_PE;
}

static bool error_code_given(const struct check *c)
{
	return c->cpu->basic & CHECK_BASIC_ANY_ERROR || !is_exception(c) || !vector_has_error(c) ||
	       !protected_mode(c) || has_error_code(c);
}

static bool error_code_allowed(const struct check *c)
{
	return is_exception(c) && protected_mode(c) &&
	       (c->cpu->basic & CHECK_BASIC_ANY_ERROR || vector_has_error(c));
}

static bool info_reserved(const struct check *c)
{
	return !(check_value(c) & CHECK_INFO_RESERVED);
}

static bool error_code_high(const struct check *c)
{
	return !(check_value(c) >> 16);
}

static bool is_software(const struct check *c)
{
	return check_injects_type(c, CHECK_EVENT_SOFTWARE_INTERRUPT) ||
	       check_injects_type(c, CHECK_EVENT_PRIVILEGED_EXCEPTION) ||
	       check_injects_type(c, CHECK_EVENT_SOFTWARE_EXCEPTION);
}

#define MAX_INSTRUCTION 15

static bool instruction_length(const struct check *c)
{
	u64 length = check_value(c);

	return length <= MAX_INSTRUCTION && (length || c->cpu->misc & CHECK_MISC_LENGTH_0);
}

/* ---- the rules ---- */

#define AREA_RULE                                                                                            \
	"the address has bits 3:0 clear and no bits beyond the physical-address width (the count is not 0)"
#define AREA_MISTAKE "the hypervisor's own pointer where the physical address belongs"
#define END_RULE     "the area's last byte, address + count * 16 - 1, is within the physical-address width"
#define END_MISTAKE  "a count in bytes, or one that was never written"

const struct check_rule check_rules_exit[] = {
	{
		.id = "exit/reserved",
		.section = &exit_controls,
		.fields = {VMCS_EXIT_CONTROLS},
		.holds = exit_allowed,
		.rule = "bits that IA32_VMX_(TRUE_)EXIT_CTLS says must be 1 are 1, others that it does not "
			"allow are 0",
		.mistake = "the wanted bits written as they are, without the reserved bits that must be 1",
	},
	{
		.id = "exit/save-preemption-timer",
		.section = &exit_controls,
		.on = {VMCS_EXIT_CONTROLS, EXIT_SAVE_PREEMPTION_TIMER},
		.off = {VMCS_PIN_BASED_CONTROLS, PIN_PREEMPTION_TIMER},
		.fields = {VMCS_EXIT_CONTROLS},
		.holds = check_never,
		.rule = "\"save VMX-preemption timer value\" needs \"activate VMX-preemption timer\"",
		.mistake = "the timer was turned off again in the pin-based controls alone",
	},
	{
		.id = "exit/msr-store-address",
		.section = &exit_controls,
		.when = area_used,
		.fields = {VMCS_EXIT_MSR_STORE_ADDRESS, VMCS_EXIT_MSR_STORE_COUNT},
		.holds = area_address,
		.rule = AREA_RULE,
		.mistake = AREA_MISTAKE,
	},
	{
		.id = "exit/msr-store-end",
		.section = &exit_controls,
		.when = area_used,
		.fields = {VMCS_EXIT_MSR_STORE_ADDRESS, VMCS_EXIT_MSR_STORE_COUNT},
		.holds = area_end,
		.rule = END_RULE,
		.mistake = END_MISTAKE,
	},
	{
		.id = "exit/msr-load-address",
		.section = &exit_controls,
		.when = area_used,
		.fields = {VMCS_EXIT_MSR_LOAD_ADDRESS, VMCS_EXIT_MSR_LOAD_COUNT},
		.holds = area_address,
		.rule = AREA_RULE,
		.mistake = AREA_MISTAKE,
	},
	{
		.id = "exit/msr-load-end",
		.section = &exit_controls,
		.when = area_used,
		.fields = {VMCS_EXIT_MSR_LOAD_ADDRESS, VMCS_EXIT_MSR_LOAD_COUNT},
		.holds = area_end,
		.rule = END_RULE,
		.mistake = END_MISTAKE,
	},
	{0},
};

const struct check_rule check_rules_entry[] = {
	{
		.id = "entry/reserved",
		.section = &entry_controls,
		.fields = {VMCS_ENTRY_CONTROLS},
		.holds = entry_allowed,
		.rule = "bits that IA32_VMX_(TRUE_)ENTRY_CTLS says must be 1 are 1, others that it does not "
			"allow are 0",
		.mistake = "the wanted bits written as they are, without the reserved bits that must be 1",
	},
	{
		.id = "entry/event-type",
		.section = &entry_controls,
		.when = check_injects,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = type_exists,
		.rule = "bits 10:8 (the type) are not 1, and 7 (other event) only where there is a monitor "
			"trap flag",
		.mistake = "type and vector mixed up, or VM-exit information copied where another type was "
			   "meant",
	},
	{
		.id = "entry/nmi-vector",
		.section = &entry_controls,
		.when = is_nmi,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = nmi_vector,
		.rule = "an event of type NMI (2) has vector 2",
		.mistake = "the vector left 0, because \"an NMI has no vector\"",
	},
	{
		.id = "entry/exception-vector",
		.section = &entry_controls,
		.when = is_exception,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = exception_vector,
		.rule = "an event of type hardware exception (3) has a vector of at most 31",
		.mistake = "an external interrupt (type 0) injected with the type of an exception",
	},
	{
		.id = "entry/other-vector",
		.section = &entry_controls,
		.when = is_other,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = other_vector,
		.rule = "an event of type other (7) has vector 0, which is a pending MTF VM exit",
		.mistake = "type 7 used for something else",
	},
	{
		.id = "entry/error-code-missing",
		.section = &entry_controls,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO, VMCS_GUEST_CR0},
		.holds = error_code_given,
		.rule = "a hardware exception that has an error code (8, 10 to 14, 17) is injected with one "
			"(bit 11), unless "
			"the guest is in real mode",
		.mistake = "#DF, #PF or #GP injected by its vector alone",
	},
	{
		.id = "entry/error-code-unwanted",
		.section = &entry_controls,
		.when = has_error_code,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO, VMCS_GUEST_CR0},
		.holds = error_code_allowed,
		.rule = "bit 11 (deliver error code) is set for hardware exceptions alone, in protected mode "
			"alone, and for "
			"vectors 8, 10 to 14 and 17 alone",
		.mistake =
			"bit 11 kept from the event before, or an INT n injected as if it were the exception",
	},
	{
		.id = "entry/event-reserved",
		.section = &entry_controls,
		.when = check_injects,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = info_reserved,
		.rule = "bits 30:12 of the interruption information are 0",
		.mistake = "VM-exit interruption information copied with its bit 12 (NMI unblocking due to "
			   "IRET)",
	},
	{
		.id = "entry/error-code-high",
		.section = &entry_controls,
		.when = has_error_code,
		.fields = {VMCS_ENTRY_EXCEPTION_ERROR_CODE, VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = error_code_high,
		.rule = "bits 31:16 of the error code are 0",
		.mistake = "the field was never written, or has the guest's RAX in it",
	},
	{
		.id = "entry/instruction-length",
		.section = &entry_controls,
		.when = is_software,
		.fields = {VMCS_ENTRY_INSTRUCTION_LENGTH, VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = instruction_length,
		.rule = "for INT n, INT1, INT3 and INTO the instruction's length is 1 to 15 (0 only with "
			"IA32_VMX_MISC[30])",
		.mistake = "a software event re-injected without the length that the exit reported",
	},
	{
		.id = "entry/msr-load-address",
		.section = &entry_controls,
		.when = area_used,
		.fields = {VMCS_ENTRY_MSR_LOAD_ADDRESS, VMCS_ENTRY_MSR_LOAD_COUNT},
		.holds = area_address,
		.rule = AREA_RULE,
		.mistake = AREA_MISTAKE,
	},
	{
		.id = "entry/msr-load-end",
		.section = &entry_controls,
		.when = area_used,
		.fields = {VMCS_ENTRY_MSR_LOAD_ADDRESS, VMCS_ENTRY_MSR_LOAD_COUNT},
		.holds = area_end,
		.rule = END_RULE,
		.mistake = END_MISTAKE,
	},
	{
		.id = "entry/to-smm",
		.section = &entry_controls,
		.on = {VMCS_ENTRY_CONTROLS, ENTRY_TO_SMM},
		.fields = {VMCS_ENTRY_CONTROLS},
		.holds = check_never,
		.rule = "\"entry to SMM\" is 0 outside SMM",
		.mistake = "everything that the capability MSR allows turned on at once",
	},
	{
		.id = "entry/dual-monitor",
		.section = &entry_controls,
		.on = {VMCS_ENTRY_CONTROLS, ENTRY_DEACTIVATE_DUAL_MONITOR},
		.fields = {VMCS_ENTRY_CONTROLS},
		.holds = check_never,
		.rule = "\"deactivate dual-monitor treatment\" is 0 outside SMM",
		.mistake = "everything that the capability MSR allows turned on at once",
	},
	{0},
};
