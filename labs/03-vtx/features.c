// SPDX-License-Identifier: MIT
/*
 * What this processor's VMX can do, and the values of the control fields that follow from it.
 *
 * A control that the processor does not have must be 0, one that it insists on must be 1; anything else is a
 * failed VM entry. The capability MSRs tell. Older processors insisted on some controls (the "default1
 * class") that newer ones leave free and report in a second set of MSRs, the TRUE ones.
 *
 * Source: SDM vol. 3C, 23.6 "Discovering Support for VMX", 23.7 "Enabling and Entering VMX Operation", 31.5.1
 * "Algorithms for Determining VMX Capabilities"; vol. 3D, appendix A "VMX Capability Reporting Facility".
 */
#include "controls.h"
#include "lib/print.h"
#include "vmm/vcpu.h" /* exercise_sentence(), in a workspace */
#include "x86/asm.h"
#include "x86/regs.h"

#define CPUID_FEATURES                1
#define CPUID_ECX_VMX                 BIT(5)

/* IA32_FEATURE_CONTROL: SDM vol. 4, table 2-2 */
#define FEATURE_CONTROL_LOCK          BIT(0)
#define FEATURE_CONTROL_VMX_OUTSIDE   BIT(2) /* VMXON outside SMX operation */

#define MSR_VMX_BASIC                 0x480
#define MSR_VMX_PINBASED_CTLS         0x481
#define MSR_VMX_PROCBASED_CTLS        0x482
#define MSR_VMX_EXIT_CTLS             0x483
#define MSR_VMX_ENTRY_CTLS            0x484
#define MSR_VMX_MISC                  0x485
#define MSR_VMX_CR0_FIXED0            0x486
#define MSR_VMX_CR0_FIXED1            0x487
#define MSR_VMX_CR4_FIXED0            0x488
#define MSR_VMX_CR4_FIXED1            0x489
#define MSR_VMX_PROCBASED_CTLS2       0x48b
#define MSR_VMX_TRUE_PINBASED_CTLS    0x48d
#define MSR_VMX_TRUE_PROCBASED_CTLS   0x48e
#define MSR_VMX_TRUE_EXIT_CTLS        0x48f
#define MSR_VMX_TRUE_ENTRY_CTLS       0x490

/* IA32_VMX_BASIC: SDM vol. 3D, A.1 "Basic VMX Information" */
#define VMX_BASIC_REVISION            0x7fffffff
#define VMX_BASIC_IO_INFORMATION      BIT(54)
#define VMX_BASIC_TRUE_CONTROLS       BIT(55)

/* IA32_VMX_MISC: SDM vol. 3D, A.6 "Miscellaneous Data" */
#define VMX_MISC_TIMER_SHIFT          0x1f
#define TIMER_SHIFT_BOCHS             0

/* ---- the groups ---- */

#define CONTROL_BIT(name, bit, text)  | 1U << (bit)
#define CONTROL_NAME(name, bit, text) [bit] = text,
#define CONTROL_TABLE(LIST)           .known = 0 LIST(CONTROL_BIT), .names = {LIST(CONTROL_NAME)}

/*
 * What is not listed is off. So RDTSC is not intercepted (the offset suffices), nor MOV DR (the guest has the
 * debug registers to itself), nor PAUSE; and without EPT every load of CR3 and INVLPG is ours to see.
 * External interrupts end the guest's turn: that is how the machine's timer drives the scheduler. The TPR is
 * reached by CR8 exits: one copy of it, in the virtual local APIC, and not a second one in a virtual-APIC
 * page.
 *
 * The VMX-preemption timer is there for an emulator: Bochs 2.7 holds an external interrupt back while the
 * guest's IF is 0, where 25.2 "Other Causes of VM Exits" says that IF has no part in it. A guest that loops
 * with interrupts off would have the CPU for ever. Elsewhere it is left alone (drop_timer()): under another
 * hypervisor each entry would arm a timer in software, and each exit cancel it.
 */
const struct control_group control_groups[CONTROLS_GROUPS] = {
	[CONTROLS_PIN] =
		{
			.name = "pin-based VM-execution control",
			.msr = MSR_VMX_PINBASED_CTLS,
			.true_msr = MSR_VMX_TRUE_PINBASED_CTLS,
			.needed = PIN_EXTERNAL_INTERRUPT_EXITING | PIN_NMI_EXITING | PIN_VIRTUAL_NMIS,
			.wanted = PIN_PREEMPTION_TIMER,
			CONTROL_TABLE(PIN_CONTROL_LIST),
		},
	[CONTROLS_PRIMARY] =
		{
			.name = "primary processor-based VM-execution control",
			.msr = MSR_VMX_PROCBASED_CTLS,
			.true_msr = MSR_VMX_TRUE_PROCBASED_CTLS,
			.needed = PRIMARY_TSC_OFFSETTING | PRIMARY_HLT_EXITING | PRIMARY_INVLPG_EXITING |
				  PRIMARY_MWAIT_EXITING | PRIMARY_RDPMC_EXITING | PRIMARY_CR3_LOAD_EXITING |
				  PRIMARY_CR3_STORE_EXITING | PRIMARY_CR8_LOAD_EXITING |
				  PRIMARY_CR8_STORE_EXITING | PRIMARY_IO_BITMAPS | PRIMARY_MSR_BITMAPS |
				  PRIMARY_MONITOR_EXITING,
			.wanted = PRIMARY_ACTIVATE_SECONDARY,
			CONTROL_TABLE(PRIMARY_CONTROL_LIST),
		},
	[CONTROLS_SECONDARY] =
		{
			.name = "secondary processor-based VM-execution control",
			.msr = MSR_VMX_PROCBASED_CTLS2,
			.true_msr = MSR_VMX_PROCBASED_CTLS2,
			.wanted = SECONDARY_RDTSCP | SECONDARY_WBINVD_EXITING,
			CONTROL_TABLE(SECONDARY_CONTROL_LIST),
		},
	[CONTROLS_EXIT] =
		{
			.name = "VM-exit control",
			.msr = MSR_VMX_EXIT_CTLS,
			.true_msr = MSR_VMX_TRUE_EXIT_CTLS,
			.needed = EXIT_SAVE_DEBUG | EXIT_HOST_64BIT | EXIT_ACKNOWLEDGE_INTERRUPT |
				  EXIT_LOAD_EFER,
			CONTROL_TABLE(EXIT_CONTROL_LIST),
		},
	[CONTROLS_ENTRY] =
		{
			.name = "VM-entry control",
			.msr = MSR_VMX_ENTRY_CTLS,
			.true_msr = MSR_VMX_TRUE_ENTRY_CTLS,
			.needed = ENTRY_LOAD_DEBUG | ENTRY_LOAD_EFER,
			CONTROL_TABLE(ENTRY_CONTROL_LIST),
		},
};

/* Bits that the engine turns on and off while a guest runs: they have to exist, and begin as 0. */
static const u32 switched[CONTROLS_GROUPS] = {
	[CONTROLS_PRIMARY] = PRIMARY_INTERRUPT_WINDOW | PRIMARY_NMI_WINDOW,
	[CONTROLS_ENTRY] = ENTRY_IA32E_GUEST,
};

#define SENTENCE_BYTES 160

/* NULL when nothing is missing of a group; otherwise a sentence that names the lowest bit. */
static const char *missing_controls(const struct control_group *g, u32 missing)
{
	static char sentence[SENTENCE_BYTES];
	unsigned bit;

	if (!missing)
		return NULL;
	bit = (unsigned)__builtin_ctz(missing);
	ksnprintf(sentence, sizeof(sentence), "this CPU's VT-x lacks the %s \"%s\" (MSR 0x%x, bit %u)",
		  g->name, g->names[bit], g->msr, bit);
	return sentence;
}

/*
 * The algorithm is that of controls.h. The low half of a capability says which bits must be 1, the high half
 * which may be; a bit that must be is one that may be. Of bits that may be either the "true" one decides, and
 * the standard one has the defaults. missing_controls() makes the sentence.
 */
const char *control_choose(const struct control_group *g, struct control_capability c, u32 *value)
{
	/* SOLUTION E3.1 { stub: (void)g; (void)c; *value = 0; return sentence; */
	u32 must = (u32)c.true_, may = c.true_ >> 32;
	u32 defaults = (u32)c.standard; /* of what is not fixed: the default1 class */
	u32 chosen = g->needed | g->wanted;

	*value = ((chosen | (defaults & ~g->known)) & may) | must;
	return missing_controls(g, g->needed & ~may);
	/* } SOLUTION E3.1 */
}

/* ---- discovery ---- */

struct vmx_features vmx_features;

static const char *choose_controls(bool has_true)
{
	for (unsigned i = 0; i < CONTROLS_GROUPS; i++) {
		const struct control_group *g = &control_groups[i];
		struct control_capability *c = &vmx_features.capability[i];
		const char *why;

		/* Without secondary controls their MSR does not exist. */
		if (i == CONTROLS_SECONDARY &&
		    !(vmx_features.controls[CONTROLS_PRIMARY] & PRIMARY_ACTIVATE_SECONDARY))
			continue;
		c->standard = rdmsr(g->msr);
		c->true_ = has_true ? rdmsr(g->true_msr) : c->standard;
		why = control_choose(g, *c, &vmx_features.controls[i]);
		if (!why)
			why = missing_controls(g, switched[i] & ~(u32)(c->true_ >> 32));
		if (why)
			return why;
	}
	return NULL;
}

/* The firmware decides once, by IA32_FEATURE_CONTROL, whether VMX may be used, and locks it. */
static const char *enable_vmx(void)
{
	u64 control;

	if (!(cpuid(CPUID_FEATURES, 0).ecx & CPUID_ECX_VMX))
		return "this CPU has no VT-x (CPUID leaf 1, ECX bit 5): an Intel CPU is needed, or Bochs";
	control = rdmsr(MSR_FEATURE_CONTROL);
	if (!(control & FEATURE_CONTROL_LOCK)) {
		control |= FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE;
		wrmsr(MSR_FEATURE_CONTROL, control);
	}
	if (!(control & FEATURE_CONTROL_VMX_OUTSIDE))
		return "the firmware has turned VT-x off and locked it (IA32_FEATURE_CONTROL, bit 2): turn "
		       "it on in the firmware's set-up";
	return NULL;
}

/* Bochs counts the timer at the TSC's own rate; KVM says 2^5 ticks to its guests. */
static void drop_timer(void)
{
	u32 must = (u32)vmx_features.capability[CONTROLS_PIN].true_;

	if (vmx_features.timer_shift != TIMER_SHIFT_BOCHS)
		vmx_features.controls[CONTROLS_PIN] &= ~(u32)PIN_PREEMPTION_TIMER | must;
}

const char *features_discover(void)
{
	const char *why = enable_vmx();
	u64 basic;

	if (why)
		return why;
	basic = rdmsr(MSR_VMX_BASIC);
	vmx_features.revision = basic & VMX_BASIC_REVISION;
	vmx_features.io_information = basic & VMX_BASIC_IO_INFORMATION;
	vmx_features.timer_shift = rdmsr(MSR_VMX_MISC) & VMX_MISC_TIMER_SHIFT;
	vmx_features.cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
	vmx_features.cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
	vmx_features.cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
	vmx_features.cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
	why = choose_controls(basic & VMX_BASIC_TRUE_CONTROLS);
	drop_timer();
	return why;
}

void features_fix_control_registers(void)
{
	write_cr0((read_cr0() | vmx_features.cr0_fixed0) & vmx_features.cr0_fixed1);
	write_cr4((read_cr4() | vmx_features.cr4_fixed0) & vmx_features.cr4_fixed1);
}
