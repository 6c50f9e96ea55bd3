// SPDX-License-Identifier: MIT
/*
 * A virtual CPU of KVM as a Multiboot loader leaves it: 32-bit protected mode, flat segments, paging off. Its
 * features are all that KVM offers, nesting among them. It does not show that it is virtual (no hypervisor
 * bit, no leaves of KVM's own), as the emulators under `make grade` do not either: the guest kernel compares
 * what it sees with the bare machine.
 *
 * Source: Linux, Documentation/virt/kvm/api.rst; SDM vol. 3C, 23.7 "Enabling and Entering VMX Operation".
 */
#include "grader/nested/vm.h"

#include "x86/regs.h"

#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define CPUID_ENTRIES        256
#define CPUID_FEATURES       1
#define CPUID_ECX_VMX        BIT(5)
#define CPUID_ECX_DEADLINE   BIT(24)
#define CPUID_ECX_HYPERVISOR BIT(31)
#define CPUID_HYPERVISOR     0x40000000
#define CPUID_HYPERVISOR_END 0x4fffffff

/* IA32_FEATURE_CONTROL as firmware sets it. */
#define FEATURE_LOCKED       BIT(0)
#define FEATURE_VMX          BIT(2) /* outside SMX */

#define SELECTOR_CODE        0x08
#define SELECTOR_DATA        0x10
#define TYPE_CODE            0xb /* execute, read, accessed */
#define TYPE_DATA            0x3 /* read, write, accessed */
#define FLAT_LIMIT           0xffffffff

static bool is_hypervisor_leaf(u32 leaf)
{
	return leaf >= CPUID_HYPERVISOR && leaf <= CPUID_HYPERVISOR_END;
}

/* Says in *vmx whether the CPU has VMX. */
static const char *init_cpuid(int kvm, int vcpu, bool *vmx)
{
	struct kvm_cpuid2 *t = calloc(1, sizeof(*t) + CPUID_ENTRIES * sizeof(t->entries[0]));
	u32 kept = 0;

	if (!t)
		return "out of memory";
	t->nent = CPUID_ENTRIES;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, t))
		return "KVM does not say which features it has";
	for (u32 i = 0; i < t->nent; i++) {
		struct kvm_cpuid_entry2 e = t->entries[i];

		if (is_hypervisor_leaf(e.function))
			continue;
		if (e.function == CPUID_FEATURES) {
			e.ecx &= ~(u32)CPUID_ECX_HYPERVISOR;
			/* KVM has it with its own local APIC, and leaves it to its user to say so. */
			if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
				e.ecx |= CPUID_ECX_DEADLINE;
			*vmx = e.ecx & CPUID_ECX_VMX;
		}
		t->entries[kept++] = e;
	}
	t->nent = kept;
	return ioctl(vcpu, KVM_SET_CPUID2, t) ? "KVM refuses the features that it offered" : NULL;
}

static const char *init_feature_control(int vcpu)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + sizeof(msrs->entries[0]));

	if (!msrs)
		return "out of memory";
	msrs->nmsrs = 1;
	msrs->entries[0].index = MSR_FEATURE_CONTROL;
	msrs->entries[0].data = FEATURE_LOCKED | FEATURE_VMX;
	return ioctl(vcpu, KVM_SET_MSRS, msrs) == 1 ? NULL : "KVM refuses IA32_FEATURE_CONTROL";
}

static const char *init_registers(int vcpu, const struct vm_entry *entry)
{
	const struct kvm_segment code = {.limit = FLAT_LIMIT,
					 .selector = SELECTOR_CODE,
					 .type = TYPE_CODE,
					 .present = 1,
					 .db = 1,
					 .s = 1,
					 .g = 1};
	struct kvm_segment data = code;
	struct kvm_regs regs = {
		.rip = entry->rip, .rax = entry->rax, .rbx = entry->rbx, .rflags = RFLAGS_RESERVED1};
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return "KVM does not give the registers";
	data.selector = SELECTOR_DATA;
	data.type = TYPE_DATA;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 = CR0_PE | CR0_ET;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs))
		return "KVM refuses the registers";
	return NULL;
}

const char *vcpu_init(int kvm, int vcpu, const struct vm_entry *entry)
{
	bool vmx = false;
	const char *error = init_cpuid(kvm, vcpu, &vmx);

	if (!error && vmx)
		error = init_feature_control(vcpu);
	return error ? error : init_registers(vcpu, entry);
}
