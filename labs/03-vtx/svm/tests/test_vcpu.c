// SPDX-License-Identifier: MIT
/* SVM is turned on, and the controls of a new VMCB: APM vol. 2, 15.4 "Enabling SVM", 15.30.4 "VM_HSAVE_PA
 * MSR", appendix B "Layout of VMCB". */
#include <string.h>

#include "../check.h"
#include "fake_svm.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define MSR_VM_HSAVE_PA 0xc0010117
#define EFER_BEFORE     (EFER_LME | EFER_LMA | EFER_NXE)

static void turn_on(void)
{
	fake_cpu_start();
	fake_msr_set(MSR_EFER, EFER_BEFORE);
	CU_ASSERT_PTR_NULL(svm_turn_on());
	CU_ASSERT_EQUAL(fake_msr(MSR_EFER), EFER_BEFORE | EFER_SVME);
	CU_ASSERT_NOT_EQUAL(fake_msr(MSR_VM_HSAVE_PA), 0);
	CU_ASSERT_EQUAL(fake_msr(MSR_VM_HSAVE_PA) % PAGE_SIZE, 0);
}

/* A CPU may refuse the bit, or take the write and not keep it. */
static void turn_on_refused(void)
{
	static const struct {
		u32 refused, ignored;
		const char *because;
	} cases[] = {{MSR_EFER, 0, "EFER"}, {0, MSR_EFER, "EFER"}, {MSR_VM_HSAVE_PA, 0, "VM_HSAVE_PA"}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why;

		fake_cpu_start();
		fake_msr_refused = cases[i].refused;
		fake_msr_ignored = cases[i].ignored;
		why = svm_turn_on();
		CU_ASSERT_PTR_NOT_NULL_FATAL(why);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].because));
	}
}

static const struct vmcb_control *made(struct vcpu *v)
{
	svm_iopm = 0x200000;
	svm_msrpm = 0x204000;
	svm_vmcb_init(v);
	return &svm_of(v)->vmcb->control;
}

/* Without these the guest would have the machine to itself. */
static void intercepts(void)
{
	const struct vmcb_control *c = made(fake_vcpu(0));

	CU_ASSERT(c->intercept_misc2 & VMCB_INTERCEPT_VMRUN);
	CU_ASSERT(c->intercept_misc1 & VMCB_INTERCEPT_INTR && c->intercept_misc1 & VMCB_INTERCEPT_IOIO);
	CU_ASSERT(c->intercept_misc1 & VMCB_INTERCEPT_MSR && c->intercept_misc1 & VMCB_INTERCEPT_HLT);
	CU_ASSERT(c->intercept_misc1 & VMCB_INTERCEPT_SHUTDOWN);
	CU_ASSERT(c->intercept_misc2 & VMCB_INTERCEPT_VMMCALL && c->intercept_misc3 & VMCB_INTERCEPT_INVPCID);
	CU_ASSERT_EQUAL(c->intercept_exceptions, BIT(VEC_PF) | BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC));
	CU_ASSERT_FALSE(c->intercept_misc1 & (VMCB_INTERCEPT_VINTR | VMCB_INTERCEPT_IRET));
}

static void maps(void)
{
	const struct vmcb_control *c = made(fake_vcpu(0));

	CU_ASSERT_EQUAL(c->iopm_base_pa, svm_iopm);
	CU_ASSERT_EQUAL(c->msrpm_base_pa, svm_msrpm);
}

/* 15.21.1: with V_INTR_MASKING the guest's IF masks virtual interrupts alone. 15.16: what the TLB holds under
 * an ASID stays until it is flushed. */
static void masking_and_tlb(void)
{
	const struct vmcb_control *c = made(fake_vcpu(0));

	CU_ASSERT_EQUAL(c->v_intr, VMCB_V_INTR_MASKING);
	CU_ASSERT_EQUAL(c->tlb_control, VMCB_TLB_FLUSH_ALL);
	CU_ASSERT_EQUAL(c->np_enable, 0);
}

/* "ASID is equal to zero" is refused; and two guests at once have one each. */
static void an_asid_each(void)
{
	u32 first = made(fake_vcpu(0))->guest_asid, second = made(fake_vcpu(0))->guest_asid;

	CU_ASSERT(first != 0 && second != 0);
	CU_ASSERT_NOT_EQUAL(first, second);
	CU_ASSERT(first < svm_machine.asids && second < svm_machine.asids);
}

/* Of the checker's rules a new VMCB breaks none that is about the controls. */
static void rules(void)
{
	const struct svm_rule *broken[64];
	struct vcpu *v = fake_vcpu(0);
	unsigned n;

	made(v);
	svm_machine.phys_mask = BIT(40) - 1;
	n = svm_check(svm_of(v)->vmcb, &svm_machine, broken, ARRAY_SIZE(broken));
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(broken[i]->offset >= sizeof(struct vmcb_control));
}

UNIT_MAIN("vcpu", {"turned on", turn_on}, {"cannot be turned on", turn_on_refused},
	  {"intercepts", intercepts}, {"maps", maps}, {"masking and TLB", masking_and_tlb},
	  {"an ASID each", an_asid_each}, {"the checker's rules", rules})
