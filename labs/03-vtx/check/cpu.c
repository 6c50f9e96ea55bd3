// SPDX-License-Identifier: MIT
/*
 * The VM-entry checker on this processor: its abilities, and the VMCS that is current.
 *
 * Source: SDM vol. 3D, appendix A "VMX Capability Reporting Facility"; vol. 2A, CPUID; vol. 4, table 2-2.
 */
#include "lib/print.h"
#include "machine/machine.h"
#include "rule.h"
#include "x86/asm.h"

#define MSR_RTIT_CTL           0x570
#define MSR_VMX_BASIC          0x480
#define MSR_VMX_MISC           0x485
#define MSR_VMX_EPT_VPID_CAP   0x48c
#define MSR_VMX_VMFUNC         0x491

#define RTIT_CTL_TRACE_EN      BIT(0)

/* CPUID */
#define LEAF_MAX               0
#define LEAF_FEATURES          7
#define FEATURES_EBX_SGX       BIT(2)
#define FEATURES_EBX_RTM       BIT(11)
#define FEATURES_EBX_PT        BIT(25)
#define LEAF_PERFMON           0xa
#define PERFMON_EAX_COUNTERS   8 /* bits 15:8 */
#define PERFMON_EDX_FIXED      0x1f
#define PERF_GLOBAL_CTRL_FIXED 32
#define LEAF_EXTENDED          0x80000001
#define EXTENDED_EDX_NX        BIT(20)
#define LEAF_ADDRESSES         0x80000008

static void read_features(struct check_cpu *cpu)
{
	u32 max = cpuid(LEAF_MAX, 0).eax, features = max >= LEAF_FEATURES ? cpuid(LEAF_FEATURES, 0).ebx : 0;
	u32 addresses = cpuid(LEAF_ADDRESSES, 0).eax;

	cpu->phys_bits = addresses & 0xff;
	cpu->linear_bits = addresses >> 8 & 0xff;
	cpu->sgx = features & FEATURES_EBX_SGX;
	cpu->rtm = features & FEATURES_EBX_RTM;
	cpu->tracing = features & FEATURES_EBX_PT && rdmsr(MSR_RTIT_CTL) & RTIT_CTL_TRACE_EN;
	cpu->efer = EFER_SCE | EFER_LME | EFER_LMA;
	if (cpuid(LEAF_EXTENDED, 0).edx & EXTENDED_EDX_NX)
		cpu->efer |= EFER_NXE;
	cpu->long_mode = rdmsr(MSR_EFER) & EFER_LMA;
	if (max >= LEAF_PERFMON) {
		u32 counters = cpuid(LEAF_PERFMON, 0).eax >> PERFMON_EAX_COUNTERS & 0xff;
		u64 fixed = BIT(cpuid(LEAF_PERFMON, 0).edx & PERFMON_EDX_FIXED) - 1;

		cpu->perf_global_ctrl = (BIT(counters) - 1) | fixed << PERF_GLOBAL_CTRL_FIXED;
	}
}

void check_cpu_read(struct check_cpu *cpu, hpa_t vmcs)
{
	const struct control_capability *c = vmx_features.capability;
	u64 secondary = c[CONTROLS_SECONDARY].true_ >> 32;

	*cpu = (struct check_cpu){
		.basic = rdmsr(MSR_VMX_BASIC),
		.misc = rdmsr(MSR_VMX_MISC),
		.pin = c[CONTROLS_PIN].true_,
		.primary = c[CONTROLS_PRIMARY].true_,
		.secondary = c[CONTROLS_SECONDARY].true_,
		.exit = c[CONTROLS_EXIT].true_,
		.entry = c[CONTROLS_ENTRY].true_,
		.cr0_fixed0 = vmx_features.cr0_fixed0,
		.cr0_fixed1 = vmx_features.cr0_fixed1,
		.cr4_fixed0 = vmx_features.cr4_fixed0,
		.cr4_fixed1 = vmx_features.cr4_fixed1,
		.vmcs = vmcs,
	};
	if (secondary & (SECONDARY_EPT | SECONDARY_VPID))
		cpu->ept_vpid_cap = rdmsr(MSR_VMX_EPT_VPID_CAP);
	if (secondary & SECONDARY_VM_FUNCTIONS)
		cpu->vmfunc = rdmsr(MSR_VMX_VMFUNC);
	read_features(cpu);
}

/* ---- the current VMCS ---- */

/* A field that the processor does not have is 0: the control that it belongs to is reported. */
static u64 read_field(void *context, u32 field)
{
	u64 value;
	bool failed;

	(void)context;
	asm volatile("vmread %2, %0" : "=r"(value), "=@ccbe"(failed) : "r"((u64)field) : "memory");
	return failed ? 0 : value;
}

static bool read_memory(void *context, hpa_t hpa, u64 *value)
{
	(void)context;
	return read_safe(value, hpa_to_hva(hpa), sizeof(*value));
}

struct check_vmcs check_current(const struct check_cpu *cpu)
{
	return (struct check_vmcs){read_field, read_memory, NULL, cpu};
}

void check_explain(hpa_t vmcs, enum check_class said)
{
	struct check_cpu cpu;
	struct check_vmcs current;
	enum check_class found;

	check_cpu_read(&cpu, vmcs);
	current = check_current(&cpu);
	kprintf("[hv] the VM entry has failed, and the processor blames: %s. What breaks the manual's "
		"rules:\n",
		check_class_name(said));
	found = check_report(&current);
	if (found != CHECK_NOTHING && found != said)
		kprintf("[hv] that is not what the processor blames: look there, too\n");
}
