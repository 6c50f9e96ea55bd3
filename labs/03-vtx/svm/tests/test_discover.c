// SPDX-License-Identifier: MIT
/* Is there SVM, may it be used, and on with it: APM vol. 2, 15.4 "Enabling SVM", 15.30.1 "VM_CR MSR", 15.30.4
 * "VM_HSAVE_PA MSR". */
#include <string.h>

#include "fake_svm.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"
#include "x86/paging.h"

#define LEAF_SVM        0x8000000a
#define ECX_SVM         (1 << 2)
#define SVMDIS          (1 << 4)
#define MSR_VM_HSAVE_PA 0xc0010117
#define ASIDS           16

static struct svm_machine m;

static const struct svm_cpu good = {
	.extended_max = LEAF_SVM,
	.extended_ecx = ECX_SVM,
	.svm_ebx = ASIDS,
	.svm_edx = SVM_FEATURE_NP | SVM_FEATURE_NRIPS | SVM_FEATURE_VMCB_CLEAN,
};

static const char *examine(struct svm_cpu cpu)
{
	memset(&m, 0, sizeof(m));
	return svm_examine(&cpu, &m);
}

static void usable(void)
{
	CU_ASSERT_PTR_NULL_FATAL(examine(good));
	CU_ASSERT_EQUAL(m.features, good.svm_edx);
	CU_ASSERT_EQUAL(m.asids, ASIDS);
}

static void refused(struct svm_cpu cpu, const char *because)
{
	const char *why = examine(cpu);

	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, because));
}

/* "If (CPUID Fn8000_0001_ECX[SVM] == 0) return SVM_NOT_AVAIL"; and a leaf that is not there says nothing. */
static void no_svm(void)
{
	struct svm_cpu cpu = good;

	cpu.extended_ecx = ~(u32)ECX_SVM;
	refused(cpu, "no AMD-V");
	cpu = good;
	cpu.extended_max = LEAF_SVM - 1;
	refused(cpu, "no AMD-V");
	cpu = good;
	cpu.extended_max = LEAF_SVM + 0x15;
	CU_ASSERT_PTR_NULL(examine(cpu));
}

/* "If (VM_CR.SVMDIS == 0) return SVM_ALLOWED; If (CPUID Fn8000_000A_EDX[SVML] == 0) return
 * SVM_DISABLED_AT_BIOS_NOT_UNLOCKABLE ... else return SVM_DISABLED_WITH_KEY" */
static void turned_off(void)
{
	struct svm_cpu cpu = good;

	cpu.vm_cr = (u64)~SVMDIS;
	CU_ASSERT_PTR_NULL(examine(cpu));
	cpu.vm_cr = SVMDIS;
	refused(cpu, "the firmware");
	CU_ASSERT_PTR_NULL(strstr(examine(cpu), "key"));
	cpu.svm_edx |= SVM_FEATURE_SVML;
	refused(cpu, "with a key");
}

/* ASID 0 is the host's, so a guest needs a second one. */
static void asids(void)
{
	struct svm_cpu cpu = good;

	cpu.svm_ebx = 1;
	refused(cpu, "no ASID");
	cpu.svm_ebx = 2;
	CU_ASSERT_PTR_NULL(examine(cpu));
}

/* 15.15.3: a CPU that does not know the clean bits loads everything, and they are 0. */
static void clean_bits(void)
{
	struct svm_cpu cpu = good;

	examine(cpu);
	CU_ASSERT_EQUAL(m.clean, VMCB_CLEAN_ALL);
	cpu.svm_edx &= ~(u32)SVM_FEATURE_VMCB_CLEAN;
	examine(cpu);
	CU_ASSERT_EQUAL(m.clean, 0);
}

UNIT_MAIN("discover", {"a CPU that has it", usable}, {"a CPU that has it not", no_svm},
	  {"turned off by the firmware", turned_off}, {"ASIDs", asids}, {"clean bits", clean_bits})
