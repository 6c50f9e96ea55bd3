// SPDX-License-Identifier: MIT
/*
 * CPUID as a guest sees it: the machine's, less what the monitor does not virtualize, plus the hypervisor
 * leaves. Source: SDM vol. 2A, CPUID; the leaves from 0x40000000 are the convention that all hypervisors
 * follow.
 */
#include "abi/start_info.h"
#include "devices/lapic.h"
#include "lib/string.h"
#include "vmm/fpu.h"
#include "vmm/intercept.h"
#include "vmm/vm.h"
#include "x86/asm.h"

#define LEAF_FEATURES            0x1
#define LEAF_MONITOR             0x5
#define LEAF_THERMAL             0x6
#define LEAF_FEATURES7           0x7
#define LEAF_PERFMON             0xa
#define LEAF_TOPOLOGY            0xb
#define LEAF_XSAVE               0xd
#define LEAF_LAST                0xd /* leaves above describe what a guest does not get: tracing, SGX, resource control */
#define LEAF_HYPERVISOR          0x40000000
#define LEAF_HYPERVISOR_FEATURES 0x40000001
#define LEAF_HYPERVISOR_MASK     0xffffff00
#define LEAF_EXT_FEATURES        0x80000001
#define LEAF_ADDRESS_SIZES       0x80000008
#define LEAF_SVM                 0x8000000a
#define LEAF_SME                 0x8000001f

#define F1_ECX_MONITOR           BIT(3)
#define F1_ECX_VMX               BIT(5)
#define F1_ECX_SMX               BIT(6)
#define F1_ECX_EIST              BIT(7)
#define F1_ECX_TM2               BIT(8)
#define F1_ECX_PDCM              BIT(15)
#define F1_ECX_PCID              BIT(17)
#define F1_ECX_X2APIC            BIT(21)
#define F1_ECX_XSAVE             BIT(26)
#define F1_ECX_OSXSAVE           BIT(27)
#define F1_ECX_HYPERVISOR        BIT(31)
#define F1_EDX_MCE               BIT(7)
#define F1_EDX_APIC              BIT(9)
#define F1_EDX_MTRR              BIT(12)
#define F1_EDX_MCA               BIT(14)
#define F1_EDX_DS                BIT(21)
#define F1_EDX_ACPI              BIT(22)
#define F1_EDX_TM                BIT(29)
#define F1_EBX_APIC_ID_SHIFT     24
#define F1_EBX_COUNT_SHIFT       16
#define F1_EBX_COUNT_MASK        (0xffU << F1_EBX_COUNT_SHIFT)

#define F7_EBX_FSGSBASE          BIT(0)
#define F7_EBX_TSC_ADJUST        BIT(1)
#define F7_EBX_SGX               BIT(2)
#define F7_EBX_HLE               BIT(4)
#define F7_EBX_SMEP              BIT(7)
#define F7_EBX_INVPCID           BIT(10)
#define F7_EBX_RTM               BIT(11)
#define F7_EBX_AVX512                                                                                        \
	(BIT(16) | BIT(17) | BIT(21) | 0xdc000000ULL) /* needs XCR0 bits that are not offered                \
						       */
#define F7_EBX_SMAP BIT(20)
#define F7_EBX_PT   BIT(25)
#define F7_ECX_KEPT                                                                                          \
	(BIT(8) | BIT(9) | BIT(10) | BIT(22)) /* GFNI, VAES, VPCLMULQDQ, RDPID: no state of their own */

#define X1_ECX_SVM     BIT(2)
#define X1_ECX_IBS     BIT(10)
#define X1_ECX_SKINIT  BIT(12)
#define X1_EDX_PAGE1GB BIT(26)
#define X1_ECX_LWP     BIT(15)
#define X8_EBX_KEPT    (BIT(0) | BIT(2)) /* CLZERO, RstrFpErrPtrs; the others need MSRs, or are intercepted */

/* The features of leaf 1 that go with a bit of CR4 are gone when the engine hides the bit. */
static void leaf_features(struct vcpu *v, struct cpuid_regs *r)
{
	r->ecx &= ~(u32)(F1_ECX_MONITOR | F1_ECX_VMX | F1_ECX_SMX | F1_ECX_EIST | F1_ECX_TM2 | F1_ECX_PDCM |
			 F1_ECX_X2APIC | F1_ECX_OSXSAVE | F1_ECX_PCID);
	if (!fpu_xcr0)
		r->ecx &= ~(u32)F1_ECX_XSAVE;
	vcpu_need(v, VCPU_CRS);
	if (v->cr4 & CR4_OSXSAVE)
		r->ecx |= F1_ECX_OSXSAVE;
	r->ecx |= F1_ECX_HYPERVISOR;
	r->edx &= ~(u32)(F1_EDX_MCE | F1_EDX_MTRR | F1_EDX_MCA | F1_EDX_DS | F1_EDX_ACPI | F1_EDX_TM |
			 F1_EDX_APIC);
	if (lapic_base(v->lapic) & APIC_BASE_ENABLE)
		r->edx |= F1_EDX_APIC;
	r->ebx = (r->ebx & 0xffff) | v->vm->vcpu_count << F1_EBX_COUNT_SHIFT | v->id << F1_EBX_APIC_ID_SHIFT;
}

static void leaf_features7(struct vcpu *v, u32 subleaf, struct cpuid_regs *r)
{
	u64 hidden = v->cpu->cr4_hidden | v->mem->cr4_hidden;

	if (subleaf) {
		*r = (struct cpuid_regs){0};
		return;
	}
	r->eax = 0;
	r->ebx &= ~(u32)(F7_EBX_TSC_ADJUST | F7_EBX_SGX | F7_EBX_HLE | F7_EBX_RTM | F7_EBX_INVPCID |
			 F7_EBX_AVX512 | F7_EBX_PT);
	if (hidden & CR4_FSGSBASE)
		r->ebx &= ~(u32)F7_EBX_FSGSBASE;
	if (hidden & CR4_SMEP)
		r->ebx &= ~(u32)F7_EBX_SMEP;
	if (hidden & CR4_SMAP)
		r->ebx &= ~(u32)F7_EBX_SMAP;
	r->ecx &= (u32)F7_ECX_KEPT;
	r->edx = 0;
}

static void leaf_xsave(struct vcpu *v, u32 subleaf, struct cpuid_regs *r)
{
	if (!fpu_xcr0 || (subleaf > 1 && (subleaf > 31 || !(fpu_xcr0 & BIT(subleaf))))) {
		*r = (struct cpuid_regs){0};
		return;
	}
	if (subleaf == 0) {
		/* EBX, the size for what XCR0 enables now: legacy area and header, or up to the end of the
		 * AVX part. */
		struct cpuid_regs avx = cpuid(LEAF_XSAVE, 2);
		bool has_avx = v->xcr0 & XCR0_AVX;

		r->eax = (u32)fpu_xcr0;
		r->edx = 0;
		r->ebx = has_avx ? avx.ebx + avx.eax : 512 + 64;
		r->ecx = fpu_xcr0 & XCR0_AVX ? avx.ebx + avx.eax : 512 + 64;
	}
	if (subleaf == 1) {
		r->eax &= 1; /* XSAVEOPT; not XSAVEC, XSAVES */
		r->ebx = r->ecx = r->edx = 0;
	}
}

u64 guest_features(const struct cpu_engine *cpu)
{
	u64 features = cpu->start_features;

	if (fpu_xcr0)
		features |= START_FEATURE_XSAVE;
	if (cpuid(LEAF_EXT_FEATURES, 0).edx & X1_EDX_PAGE1GB)
		features |= START_FEATURE_GBPAGES;
	return features;
}

static void leaf_hypervisor(struct vcpu *v, u32 leaf, struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){0};
	if (leaf == LEAF_HYPERVISOR) {
		r->eax = LEAF_HYPERVISOR_FEATURES;
		memcpy(&r->ebx, START_CPUID_SIGNATURE, 4);
		memcpy(&r->ecx, &START_CPUID_SIGNATURE[4], 4);
		memcpy(&r->edx, &START_CPUID_SIGNATURE[8], 4);
	}
	if (leaf == LEAF_HYPERVISOR_FEATURES)
		r->eax = (u32)guest_features(v->cpu);
}

/* Neither a subleaf nor the state of a vcpu nor its engines have a part in the answers to these leaves. */
#define FIXED_LEAVES                                                                                         \
	(BIT(0x0) | BIT(0x2) | BIT(0x3) | BIT(LEAF_MONITOR) | BIT(LEAF_THERMAL) | BIT(0x8) | BIT(0x9) |      \
	 BIT(LEAF_PERFMON) | BIT(LEAF_TOPOLOGY) | BIT(0xc))
struct cpuid_fixed cpuid_fixed;

static void remember(u32 leaf, const struct cpuid_regs *r)
{
	if (leaf >= CPUID_FIXED_LEAVES || !(FIXED_LEAVES >> leaf & 1))
		return;
	cpuid_fixed.leaf[leaf] = *r;
	cpuid_fixed.known |= 1U << leaf;
}

void guest_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	if ((leaf & LEAF_HYPERVISOR_MASK) == LEAF_HYPERVISOR) {
		leaf_hypervisor(v, leaf, r);
		return;
	}
	*r = cpuid(leaf, subleaf);
	switch (leaf) {
	case 0:
		r->eax = MIN(r->eax, (u32)LEAF_LAST);
		break;
	case LEAF_FEATURES:
		leaf_features(v, r);
		break;
	case LEAF_FEATURES7:
		leaf_features7(v, subleaf, r);
		break;
	case LEAF_MONITOR:
	case LEAF_THERMAL:
	case LEAF_PERFMON:
	case LEAF_TOPOLOGY:
	case LEAF_SVM:
	case LEAF_SME:
		*r = (struct cpuid_regs){0};
		break;
	case LEAF_XSAVE:
		leaf_xsave(v, subleaf, r);
		break;
	case LEAF_ADDRESS_SIZES:
		r->ebx &= (u32)X8_EBX_KEPT;
		break;
	case LEAF_EXT_FEATURES:
		r->ecx &= ~(u32)(X1_ECX_SVM | X1_ECX_IBS | X1_ECX_SKINIT | X1_ECX_LWP);
		break;
	}
	remember(leaf, r);
}
