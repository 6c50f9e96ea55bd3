// SPDX-License-Identifier: MIT
/*
 * What QEMU's TCG does otherwise than the manual, and what the engine does about it. Nothing of the kind
 * stands anywhere else. Each quirk is found by its effect and not by the name of the machine.
 *
 * - VMEXIT_INVALID is written as 32 bits of ones and 32 of zeros; APM vol. 2, appendix C: -1, in a field of
 *   64 bits.
 * - WRMSR takes any value for a base address, LGDT and LIDT any base; APM vol. 3, "WRMSR", "LGDT": #GP(0)
 *   when the address is not canonical. Where WRMSR does, they exit and are checked here and in vmm/msr.c:
 *   with a base that is not canonical the guest could only crash.
 *
 * nRIP and decode assists, which TCG does not have either, are no quirks: CPUID says so.
 */
#include "machine/machine.h"
#include "svm.h"
#include "vmm/emulate.h"
#include "vmm/memory.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define NOT_CANONICAL  0x0000800000000000ULL
#define INVALID_32BIT  0xffffffffULL
#define TABLE_BYTES_64 10
#define TABLE_BYTES_32 6
#define BASE_24BIT     0x00ffffffULL

struct svm_quirks svm_quirks;

/* LSTAR is not in use: the monitor has no system calls. */
static bool wrmsr_takes_any_base(void)
{
	u64 before = rdmsr(MSR_LSTAR);

	if (!wrmsr_safe(MSR_LSTAR, NOT_CANONICAL))
		return false;
	wrmsr(MSR_LSTAR, before);
	return true;
}

void svm_quirks_find(void)
{
	static const u32 bases[] = {MSR_FS_BASE, MSR_GS_BASE,      MSR_KERNEL_GS_BASE, MSR_LSTAR,
				    MSR_CSTAR,   MSR_SYSENTER_ESP, MSR_SYSENTER_EIP};

	svm_quirks.bases_unchecked = wrmsr_takes_any_base();
	if (!svm_quirks.bases_unchecked)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(bases); i++)
		svm_msr_intercept_write(bases[i], true);
	svm_msr_intercept_write(MSR_FMASK, true);
}

u64 svm_quirk_exitcode(u64 exitcode)
{
	return exitcode == INVALID_32BIT ? SVM_EXIT_INVALID : exitcode;
}

u32 svm_quirk_intercepts(void)
{
	return svm_quirks.bases_unchecked ? VMCB_INTERCEPT_IDTR_WRITE | VMCB_INTERCEPT_GDTR_WRITE : 0;
}

void svm_quirk_load_table(struct vcpu *v)
{
	bool is_64bit = vcpu_is_64bit(v);
	struct desc_ptr p = {0};
	struct event f;
	struct insn i;

	if (!emulate_decode(v, &i))
		return;
	if (!gva_read(v, emulate_operand_gva(v, &i), &p, is_64bit ? TABLE_BYTES_64 : TABLE_BYTES_32,
		      ACCESS_READ, &f)) {
		event_raise(v, &f);
		return;
	}
	if (!is_64bit && i.op_size == 2)
		p.base &= BASE_24BIT;
	if (!gva_is_canonical(p.base)) {
		event_exception_error(v, VEC_GP, 0);
		return;
	}
	vcpu_need(v, VCPU_TABLES);
	if (i.op == OP_LGDT)
		v->gdtr = p;
	else
		v->idtr = p;
	vcpu_changed(v, VCPU_TABLES);
	vcpu_skip(v, i.length);
}
