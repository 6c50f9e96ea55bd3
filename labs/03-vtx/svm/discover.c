// SPDX-License-Identifier: MIT
/*
 * Is there SVM, may it be used, what can it do; then it is turned on.
 *
 * Source: APM vol. 2, 15.4 "Enabling SVM", 15.30.1 "VM_CR MSR", 15.30.4 "VM_HSAVE_PA MSR"; APM vol. 3, E.4.9
 * "Function 8000_000Ah - SVM Features". Left out: the key by which SVM that is locked can be unlocked
 * (SVM_KEY).
 */
#include "lib/print.h"
#include "machine/machine.h"
#include "svm.h"
#include "x86/asm.h"
#include "x86/paging.h"

#define LEAF_EXTENDED_MAX   0x80000000
#define LEAF_FEATURES       1
#define LEAF_FEATURES7      7
#define LEAF_EXTENDED       0x80000001
#define LEAF_ADDRESS_SIZES  0x80000008
#define LEAF_SVM            0x8000000a

#define EXTENDED_ECX_SVM    BIT(2)
#define EXTENDED_EDX_RDTSCP BIT(27)

#define MSR_VM_CR           0xc0010114
#define VM_CR_SVMDIS        BIT(4)
#define MSR_VM_HSAVE_PA     0xc0010117

#define ASIDS_NEEDED        2 /* the host's and one guest's */

/* Why it cannot be used. */
#define NO_SVM                                                                                               \
	"this CPU has no AMD-V (SVM, bit 2 of ECX in CPUID 8000_0001h); on QEMU take -cpu max, on Bochs "    \
	"model=ryzen, on Intel's CPUs the engine vmx"
#define SVM_TURNED_OFF "the firmware has turned SVM off (VM_CR.SVMDIS): turn it on in the firmware's setup"
#define SVM_LOCKED                                                                                           \
	"the firmware has turned SVM off and locked it with a key (VM_CR.SVMDIS): turn it on in the "        \
	"firmware's setup"
#define NO_ASID "this CPU has no ASID for a guest (EBX of CPUID 8000_000Ah)"

/* Bits of EFER that any CPU with SVM and no more has to take: others are checked by nobody but the CPU. */
#define EFER_KNOWN                                                                                           \
	(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | BIT(13) /* LMSLE */ | BIT(14) /* FFXSR */ | \
	 BIT(15) /* TCE */ | BIT(17) /* MCOMMIT */ | BIT(18) /* INTWB */ | BIT(20) /* UAIE */ |              \
	 BIT(21) /* AIBRSE */)
#define CR4_KNOWN                                                                                            \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |            \
	 CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_LA57 | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE |        \
	 CR4_SMEP | CR4_SMAP | CR4_PKE | BIT(23) /* CET */)

struct svm_machine svm_machine;

static const struct {
	u32 bit;
	const char *name;
} feature_names[] = {
	{SVM_FEATURE_NP, "nested paging"},
	{SVM_FEATURE_LBRV, "LBR virtualization"},
	{SVM_FEATURE_SVML, "SVM lock"},
	{SVM_FEATURE_NRIPS, "nRIP save"},
	{SVM_FEATURE_TSC_RATE_MSR, "TSC rate MSR"},
	{SVM_FEATURE_VMCB_CLEAN, "VMCB clean bits"},
	{SVM_FEATURE_FLUSH_BY_ASID, "flush by ASID"},
	{SVM_FEATURE_DECODE, "decode assists"},
	{SVM_FEATURE_PAUSE_FILTER, "PAUSE filter"},
	{SVM_FEATURE_VGIF, "virtual GIF"},
};

static void print_features(void)
{
	kprintf("[hv] svm: %u ASIDs", svm_machine.asids);
	for (unsigned i = 0; i < ARRAY_SIZE(feature_names); i++)
		if (svm_has(feature_names[i].bit))
			kprintf(", %s", feature_names[i].name);
	kprintf("\n");
}

/*
 * APM vol. 2, 15.4, the algorithm of the section. Is there SVM (NO_SVM), and has the firmware left it on
 * (SVM_TURNED_OFF, and where there is a lock SVM_LOCKED)? Then `m` gets the features, the number of ASIDs, of
 * which ASIDS_NEEDED have to be there (NO_ASID), and the clean bits: VMCB_CLEAN_ALL where the CPU knows them.
 */
const char *svm_examine(const struct svm_cpu *cpu, struct svm_machine *m)
{
	/* SOLUTION E3.1 { stub: (void)cpu; (void)m; return sentence; */
	if (cpu->extended_max < LEAF_SVM || !(cpu->extended_ecx & EXTENDED_ECX_SVM))
		return NO_SVM;
	if (cpu->vm_cr & VM_CR_SVMDIS)
		return cpu->svm_edx & SVM_FEATURE_SVML ? SVM_LOCKED : SVM_TURNED_OFF;
	m->features = cpu->svm_edx;
	m->asids = cpu->svm_ebx;
	m->clean = cpu->svm_edx & SVM_FEATURE_VMCB_CLEAN ? VMCB_CLEAN_ALL : 0;
	return m->asids < ASIDS_NEEDED ? NO_ASID : NULL;
	/* } SOLUTION E3.1 */
}

/* EFER.SVME, then VM_HSAVE_PA: a page of its own, whose physical address it takes. */
const char *svm_turn_on(void)
{
	/* SOLUTION E3.2 { stub: return sentence; */
	void *host_save = pages_alloc(1, PAGE_SIZE);

	if (!host_save)
		return "no memory for the page of VM_HSAVE_PA";
	if (!wrmsr_safe(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME) || !(rdmsr(MSR_EFER) & EFER_SVME))
		return "EFER.SVME cannot be set although CPUID shows SVM";
	if (!wrmsr_safe(MSR_VM_HSAVE_PA, hva_to_hpa(host_save)))
		return "VM_HSAVE_PA cannot be written although SVM is on";
	return NULL;
	/* } SOLUTION E3.2 */
}

/* A CPU without VM_CR has nothing by which the firmware could turn SVM off. */
static struct svm_cpu ask_cpu(void)
{
	struct cpuid_regs svm = cpuid(LEAF_SVM, 0);
	struct svm_cpu cpu = {
		.extended_max = cpuid(LEAF_EXTENDED_MAX, 0).eax,
		.extended_ecx = cpuid(LEAF_EXTENDED, 0).ecx,
		.svm_ebx = svm.ebx,
		.svm_edx = svm.edx,
	};

	if (!rdmsr_safe(MSR_VM_CR, &cpu.vm_cr))
		cpu.vm_cr = 0;
	return cpu;
}

const char *svm_machine_init(void)
{
	struct svm_cpu cpu = ask_cpu();
	const char *why;

	svm_machine = (struct svm_machine){
		.phys_mask = BIT(cpuid(LEAF_ADDRESS_SIZES, 0).eax & 0xff) - 1,
		.cr4 = CR4_KNOWN,
		.cr4_host = read_cr4() & CR4_MCE,
		.efer = EFER_KNOWN,
		.tsc_aux = cpuid(LEAF_EXTENDED, 0).edx & EXTENDED_EDX_RDTSCP,
		.long_mode = true,
	};
	why = svm_examine(&cpu, &svm_machine);
	if (!why)
		why = svm_turn_on();
	if (!why)
		why = svm_maps_init();
	if (why)
		return why;
	svm_quirks_find();
	print_features();
	return NULL;
}
