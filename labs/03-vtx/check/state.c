// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry: what of the guest is in no register (activity, blocked events, pending debug
 * exceptions).
 *
 * Source: SDM vol. 3C, 26.3.1.5 "Checks on Guest Non-Register State", 24.4.2 "Guest Non-Register State".
 */
#include "rule.h"
#include "x86/exception.h"

static const struct check_section non_register = {"26.3.1.5 \"Checks on Guest Non-Register State\"",
						  CHECK_GUEST};

/* ---- activity state: 24.4.2 "Guest Non-Register State" ---- */

enum { ACTIVITY_ACTIVE, ACTIVITY_HLT, ACTIVITY_SHUTDOWN, ACTIVITY_WAIT_FOR_SIPI };

static u64 activity(const struct check *c)
{
	return check_read(c, VMCS_GUEST_ACTIVITY_STATE);
}

static bool activity_exists(const struct check *c)
{
	switch (check_value(c)) {
	case ACTIVITY_ACTIVE:
		return true;
	case ACTIVITY_HLT:
		return c->cpu->misc & CHECK_MISC_HLT;
	case ACTIVITY_SHUTDOWN:
		return c->cpu->misc & CHECK_MISC_SHUTDOWN;
	case ACTIVITY_WAIT_FOR_SIPI:
		return c->cpu->misc & CHECK_MISC_WAIT_FOR_SIPI;
	default:
		return false;
	}
}

static bool halted(const struct check *c)
{
	return activity(c) == ACTIVITY_HLT;
}

static bool ring_0(const struct check *c)
{
	return !seg_dpl(check_access_rights(c, SEG_SS));
}

static bool injects_halted(const struct check *c)
{
	return check_injects(c) && halted(c);
}

static bool wakes_from_hlt(const struct check *c)
{
	unsigned vector = check_event_vector(c);

	switch (check_event_type(c)) {
	case CHECK_EVENT_EXTERNAL:
	case CHECK_EVENT_NMI:
		return true;
	case CHECK_EVENT_EXCEPTION:
		return vector == VEC_DB || vector == VEC_MC;
	case CHECK_EVENT_OTHER:
		return !vector;
	default:
		return false;
	}
}

static bool injects_shut_down(const struct check *c)
{
	return check_injects(c) && activity(c) == ACTIVITY_SHUTDOWN;
}

static bool wakes_from_shutdown(const struct check *c)
{
	return check_event_type(c) == CHECK_EVENT_NMI ||
	       (check_event_type(c) == CHECK_EVENT_EXCEPTION && check_event_vector(c) == VEC_MC);
}

static bool injects_waiting(const struct check *c)
{
	return check_injects(c) && activity(c) == ACTIVITY_WAIT_FOR_SIPI;
}

/* ---- interruptibility state: table 24-3 ---- */

#define BLOCKING_STI     BIT(0)
#define BLOCKING_MOV_SS  BIT(1)
#define BLOCKING_SMI     BIT(2)
#define BLOCKING_NMI     BIT(3)
#define BLOCKING_ENCLAVE BIT(4) /* the exit was from inside an enclave */
#define BLOCKING_ALL     0x1f

static bool blocked(const struct check *c, u64 how)
{
	return check_read(c, VMCS_GUEST_INTERRUPTIBILITY_STATE) & how;
}

static bool in_shadow(const struct check *c)
{
	return blocked(c, BLOCKING_STI | BLOCKING_MOV_SS);
}

static bool activity_active(const struct check *c)
{
	return check_value(c) == ACTIVITY_ACTIVE;
}

static bool interruptibility_reserved(const struct check *c)
{
	return !(check_value(c) & ~(u64)BLOCKING_ALL);
}

static bool not_both_shadows(const struct check *c)
{
	return !blocked(c, BLOCKING_STI) || !blocked(c, BLOCKING_MOV_SS);
}

static bool interrupts_off(const struct check *c)
{
	return !(check_read(c, VMCS_GUEST_RFLAGS) & RFLAGS_IF);
}

static bool no_sti(const struct check *c)
{
	return !(check_value(c) & BLOCKING_STI);
}

static bool injects_interrupt(const struct check *c)
{
	return check_injects_type(c, CHECK_EVENT_EXTERNAL);
}

static bool no_shadow(const struct check *c)
{
	return !(check_value(c) & (BLOCKING_STI | BLOCKING_MOV_SS));
}

static bool injects_nmi(const struct check *c)
{
	return check_injects_type(c, CHECK_EVENT_NMI);
}

static bool no_mov_ss(const struct check *c)
{
	return !(check_value(c) & BLOCKING_MOV_SS);
}

static bool no_smi(const struct check *c)
{
	return !(check_value(c) & BLOCKING_SMI);
}

static bool no_nmi(const struct check *c)
{
	return !(check_value(c) & BLOCKING_NMI);
}

static bool enclave(const struct check *c)
{
	return blocked(c, BLOCKING_ENCLAVE);
}

static bool enclave_possible(const struct check *c)
{
	return c->cpu->sgx && no_mov_ss(c);
}

/* ---- pending debug exceptions: table 24-4 ---- */

#define PENDING_BS       BIT(14)
#define PENDING_RTM      BIT(16)
#define PENDING_ENABLED  BIT(12) /* an enabled breakpoint was met */
#define PENDING_RESERVED 0xfffffffffffeaff0
#define DEBUGCTL_BTF     BIT(1)

static bool pending_reserved(const struct check *c)
{
	return !(check_value(c) & PENDING_RESERVED);
}

/* Where a single step would be pending if there were one. */
static bool steps_late(const struct check *c)
{
	return in_shadow(c) || halted(c);
}

static bool single_steps(const struct check *c)
{
	return check_read(c, VMCS_GUEST_RFLAGS) & RFLAGS_TF &&
	       !(check_read(c, VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF);
}

static bool bs_pending(const struct check *c)
{
	return !single_steps(c) || check_value(c) & PENDING_BS;
}

static bool no_bs_pending(const struct check *c)
{
	return single_steps(c) || !(check_value(c) & PENDING_BS);
}

static bool rtm_pending(const struct check *c)
{
	return check_read(c, VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS) & PENDING_RTM;
}

static bool rtm_alone(const struct check *c)
{
	return c->cpu->rtm && check_value(c) == (PENDING_RTM | PENDING_ENABLED) &&
	       !blocked(c, BLOCKING_MOV_SS);
}

/* ---- the rules ---- */

const struct check_rule check_rules_state[] = {
	{
		.id = "guest/activity",
		.section = &non_register,
		.fields = {VMCS_GUEST_ACTIVITY_STATE},
		.holds = activity_exists,
		.rule = "the activity state is 0 to 3, and one that IA32_VMX_MISC offers in bits 8:6",
		.mistake = "the field was never written: VMCLEAR does not make it 0",
	},
	{
		.id = "guest/hlt-ring",
		.section = &non_register,
		.when = halted,
		.fields = {VMCS_GUEST_ACTIVITY_STATE, VMCS_GUEST_SS_ACCESS_RIGHTS},
		.holds = ring_0,
		.rule = "the activity state is not HLT when the DPL of SS is not 0",
		.mistake = "a halted guest left in HLT when its interrupt was taken in ring 3",
	},
	{
		.id = "guest/activity-blocking",
		.section = &non_register,
		.when = in_shadow,
		.fields = {VMCS_GUEST_ACTIVITY_STATE, VMCS_GUEST_INTERRUPTIBILITY_STATE},
		.holds = activity_active,
		.rule = "with blocking by STI or MOV SS, the activity state is active (0)",
		.mistake = "\"STI; HLT\" emulated: HLT is the instruction that ends the blocking by STI",
	},
	{
		.id = "guest/event-in-hlt",
		.section = &non_register,
		.when = injects_halted,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO, VMCS_GUEST_ACTIVITY_STATE},
		.holds = wakes_from_hlt,
		.rule = "into HLT only an interrupt, an NMI, #DB, #MC or a pending MTF VM exit is injected",
		.mistake = "an exception injected while the activity state still says HLT",
	},
	{
		.id = "guest/event-in-shutdown",
		.section = &non_register,
		.when = injects_shut_down,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO, VMCS_GUEST_ACTIVITY_STATE},
		.holds = wakes_from_shutdown,
		.rule = "into shutdown only an NMI or #MC is injected",
		.mistake = "an interrupt for a guest that has met a triple fault",
	},
	{
		.id = "guest/event-in-wait-for-sipi",
		.section = &non_register,
		.when = injects_waiting,
		.fields = {VMCS_ENTRY_INTERRUPTION_INFO, VMCS_GUEST_ACTIVITY_STATE},
		.holds = check_never,
		.rule = "into wait-for-SIPI no event is injected",
		.mistake = "an interrupt for a second processor that the guest has not started yet",
	},
	{
		.id = "guest/interruptibility-reserved",
		.section = &non_register,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE},
		.holds = interruptibility_reserved,
		.rule = "bits 31:5 of the interruptibility state are 0",
		.mistake = "the field was never written: VMCLEAR does not make it 0",
	},
	{
		.id = "guest/sti-and-mov-ss",
		.section = &non_register,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE},
		.holds = not_both_shadows,
		.rule = "blocking by STI and blocking by MOV SS are not both 1",
		.mistake = "one flag of the hypervisor's for both, written to both bits",
	},
	{
		.id = "guest/sti-if",
		.section = &non_register,
		.when = interrupts_off,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE, VMCS_GUEST_RFLAGS},
		.holds = no_sti,
		.rule = "with RFLAGS.IF = 0 there is no blocking by STI",
		.mistake = "the blocking kept after IF was cleared, for instance by an event delivered in "
			   "software",
	},
	{
		.id = "guest/interrupt-blocked",
		.section = &non_register,
		.when = injects_interrupt,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE, VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = no_shadow,
		.rule = "when an external interrupt is injected, there is no blocking by STI or MOV SS",
		.mistake =
			"IF alone asked before the injection; an interrupt window opens after the blocking",
	},
	{
		.id = "guest/nmi-mov-ss",
		.section = &non_register,
		.when = injects_nmi,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE, VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = no_mov_ss,
		.rule = "when an NMI is injected, there is no blocking by MOV SS",
		.mistake = "NMIs taken for never blocked: MOV SS blocks them for an instruction",
	},
	{
		.id = "guest/smi-blocked",
		.section = &non_register,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE},
		.holds = no_smi,
		.rule = "outside SMM there is no blocking by SMI",
		.mistake = "bits of the field counted wrongly: NMI is bit 3, SMI bit 2",
	},
	{
		.id = "guest/nmi-sti",
		.section = &non_register,
		.when = injects_nmi,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE, VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = no_sti,
		.rule = "when an NMI is injected, there is no blocking by STI (a processor may require it; "
			"others do not)",
		.mistake = "worked on one processor: clear the blocking, the delivery ends it anyway",
	},
	{
		.id = "guest/nmi-blocked",
		.section = &non_register,
		.on = {VMCS_PIN_BASED_CONTROLS, PIN_VIRTUAL_NMIS},
		.when = injects_nmi,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE, VMCS_ENTRY_INTERRUPTION_INFO},
		.holds = no_nmi,
		.rule = "with \"virtual NMIs\", when an NMI is injected there is no blocking by NMI",
		.mistake = "an NMI whose delivery was interrupted injected again: its blocking has to be "
			   "taken back",
	},
	{
		.id = "guest/enclave",
		.section = &non_register,
		.when = enclave,
		.fields = {VMCS_GUEST_INTERRUPTIBILITY_STATE},
		.holds = enclave_possible,
		.rule = "enclave interruption (bit 4) needs SGX, and no blocking by MOV SS",
		.mistake = "the state of a guest moved here from a machine with SGX",
	},
	{
		.id = "guest/pending-debug-reserved",
		.section = &non_register,
		.fields = {VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS},
		.holds = pending_reserved,
		.rule = "bits 11:4, 13, 15 and 63:17 of the pending debug exceptions are 0",
		.mistake = "DR6 written here: its reserved bits read as 1, and here they are 0",
	},
	{
		.id = "guest/single-step-missing",
		.section = &non_register,
		.when = steps_late,
		.fields = {VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, VMCS_GUEST_RFLAGS, VMCS_GUEST_DEBUGCTL,
			   VMCS_GUEST_INTERRUPTIBILITY_STATE, VMCS_GUEST_ACTIVITY_STATE},
		.holds = bs_pending,
		.rule = "with blocking by STI or MOV SS, or in HLT: BS (bit 14) is 1 when RFLAGS.TF is 1 and "
			"IA32_DEBUGCTL.BTF is 0",
		.mistake = "an instruction skipped in the blocking of another while the guest single-steps",
	},
	{
		.id = "guest/single-step-unwanted",
		.section = &non_register,
		.when = steps_late,
		.fields = {VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, VMCS_GUEST_RFLAGS, VMCS_GUEST_DEBUGCTL,
			   VMCS_GUEST_INTERRUPTIBILITY_STATE, VMCS_GUEST_ACTIVITY_STATE},
		.holds = no_bs_pending,
		.rule = "with blocking by STI or MOV SS, or in HLT: BS (bit 14) is 0 when RFLAGS.TF is 0 or "
			"IA32_DEBUGCTL.BTF is 1",
		.mistake = "BS set for every single step, and kept after the guest cleared TF",
	},
	{
		.id = "guest/pending-rtm",
		.section = &non_register,
		.when = rtm_pending,
		.fields = {VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, VMCS_GUEST_INTERRUPTIBILITY_STATE},
		.holds = rtm_alone,
		.rule = "RTM (bit 16) needs RTM in the processor, bit 12 and no other bit beside it, and no "
			"blocking by "
			"MOV SS",
		.mistake = "DR6 written here: its bit 16 reads as 1 outside transactions, and here it is 0",
	},
	{0},
};
