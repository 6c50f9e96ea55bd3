// SPDX-License-Identifier: MIT
/* Who owns the CPU: APM vol. 2, 15.5.2 "VMSAVE and VMLOAD Instructions", 15.17 "Global Interrupt Flag, STGI
 * and CLGI Instructions", 15.21.1 "Physical INTR Masking". */
#include "fake_svm.h"
#include "labs/03-vtx/svm/lab.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"

/* Where in the order an instruction was first executed; FAKE_CALLS: nowhere. */
static unsigned place(enum fake_op op)
{
	for (unsigned i = 0; i < fake_call_count && i < FAKE_CALLS; i++)
		if (fake_calls[i].op == op)
			return i;
	return FAKE_CALLS;
}

static u64 operand(enum fake_op op)
{
	return place(op) < FAKE_CALLS ? fake_calls[place(op)].operand : 0;
}

static struct vcpu *loaded(void)
{
	struct vcpu *v = fake_vcpu(0);

	svm_engine.load(v);
	return v;
}

/* With GIF = 0 everything waits; without it an interrupt between STI and VMRUN would be the monitor's. */
static void interrupts_off(void)
{
	loaded();
	CU_ASSERT_EQUAL(place(FAKE_CLGI), 0);
	CU_ASSERT_EQUAL(place(FAKE_STGI), FAKE_CALLS);
	CU_ASSERT(place(FAKE_STI) < FAKE_CALLS);
	CU_ASSERT_EQUAL(place(FAKE_CLI), FAKE_CALLS);
}

/* What VMLOAD overwrites is the monitor's until VMSAVE has it. */
static void hidden_state_in(void)
{
	struct vcpu *v = loaded();

	CU_ASSERT(place(FAKE_VMSAVE) < place(FAKE_VMLOAD));
	CU_ASSERT_EQUAL(operand(FAKE_VMLOAD), svm_of(v)->vmcb_hpa);
	CU_ASSERT_NOT_EQUAL(operand(FAKE_VMSAVE), svm_of(v)->vmcb_hpa);
	CU_ASSERT_EQUAL(fake_call_count, 5);
	CU_ASSERT(svm_of(v)->in_cpu);
}

/* The stacks of the IST are found through the task register, which is the guest's from VMLOAD on. */
static void idt_in(void)
{
	loaded();
	CU_ASSERT(place(FAKE_LIDT) < place(FAKE_VMLOAD));
}

static struct vcpu *unloaded(void)
{
	struct vcpu *v = loaded();

	svm_of(v)->hidden_kept = false; /* it ran */
	fake_call_count = 0;
	svm_engine.unload(v);
	return v;
}

static void hidden_state_out(void)
{
	struct vcpu *v = unloaded();

	CU_ASSERT(place(FAKE_VMSAVE) < place(FAKE_VMLOAD));
	CU_ASSERT_EQUAL(operand(FAKE_VMSAVE), svm_of(v)->vmcb_hpa);
	CU_ASSERT_NOT_EQUAL(operand(FAKE_VMLOAD), svm_of(v)->vmcb_hpa);
	CU_ASSERT_FALSE(svm_of(v)->in_cpu);
}

/* The monitor has IF off: when GIF lets interrupts in again, that has to hold already. */
static void interrupts_on(void)
{
	unloaded();
	CU_ASSERT(place(FAKE_VMLOAD) < place(FAKE_LIDT));
	CU_ASSERT(place(FAKE_LIDT) < place(FAKE_STGI));
	CU_ASSERT(place(FAKE_CLI) < place(FAKE_STGI));
	CU_ASSERT_EQUAL(place(FAKE_STGI), fake_call_count - 1);
}

/* GIF is 1 for one instruction. Where nothing comes it is as good as a spurious one. */
static void take_interrupt(void)
{
	struct vcpu *v = fake_vcpu(0);
	struct vmexit exit;

	svm_take_interrupt(v, &exit);
	CU_ASSERT_EQUAL_FATAL(fake_call_count, 2);
	CU_ASSERT(fake_calls[0].op == FAKE_STGI && fake_calls[1].op == FAKE_CLGI);
	CU_ASSERT_EQUAL(fake_interrupt, HV_VEC_SPURIOUS);
	fake_vector = 0x31;
	svm_take_interrupt(v, &exit);
	CU_ASSERT_EQUAL(fake_interrupt, 0x31);
	fake_vector = 0xff;
	svm_take_interrupt(v, &exit);
	CU_ASSERT_EQUAL(fake_interrupt, 0xff);
}

UNIT_MAIN("host", {"interrupts wait", interrupts_off}, {"hidden state in", hidden_state_in},
	  {"the IDT", idt_in}, {"hidden state out", hidden_state_out}, {"interrupts come", interrupts_on},
	  {"an interrupt of the machine", take_interrupt})
