// SPDX-License-Identifier: MIT
/* Events to interruption information and back. The rules are quoted from SDM vol. 3C, 24.8.3 "VM-Entry
 * Controls for Event Injection", 26.3.1.5 "Checks on Guest Non-Register State". */
#include "fake_vmx.h"
#include "lib/tests/unit.h"
#include "x86/exception.h"

#define VALID     0x80000000
#define HAS_ERROR 0x00000800
#define TYPE(t)   ((t) << 8)

static const struct {
	struct event e;
	u32 info;
} codes[] = {
	{{.kind = EVENT_INTERRUPT, .vector = 0x31}, VALID | TYPE(0) | 0x31},
	{{.kind = EVENT_NMI, .vector = VEC_NMI}, VALID | TYPE(2) | VEC_NMI},
	{{.kind = EVENT_EXCEPTION, .vector = VEC_UD}, VALID | TYPE(3) | VEC_UD},
	{{.kind = EVENT_EXCEPTION, .vector = VEC_GP, .has_error = true, .error = 0x18},
	 VALID | HAS_ERROR | TYPE(3) | VEC_GP},
	{{.kind = EVENT_SOFTWARE, .vector = 0x80, .insn_len = 2}, VALID | TYPE(4) | 0x80},
	{{.kind = EVENT_SOFTWARE, .vector = VEC_DB, .insn_len = 1}, VALID | TYPE(5) | VEC_DB},
	{{.kind = EVENT_SOFTWARE, .vector = VEC_BP, .insn_len = 1}, VALID | TYPE(6) | VEC_BP},
	{{.kind = EVENT_SOFTWARE, .vector = VEC_BP, .insn_len = 2}, VALID | TYPE(4) | VEC_BP}, /* CD 03 */
	{{.kind = EVENT_NONE}, 0},
};

static void encode(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
		CU_ASSERT_EQUAL(vmx_event_encode(&codes[i].e), codes[i].info);
}

static void decode(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		struct event e = vmx_event_decode(codes[i].info);

		CU_ASSERT_EQUAL(e.kind, codes[i].e.kind);
		CU_ASSERT_EQUAL(e.vector, codes[i].e.vector);
		CU_ASSERT_EQUAL(e.has_error, codes[i].e.has_error);
	}
	/* Without the valid bit the rest says nothing. */
	CU_ASSERT_EQUAL(vmx_event_decode(TYPE(3) | HAS_ERROR | VEC_GP).kind, EVENT_NONE);
}

static void inject(struct vcpu *v, struct event e)
{
	struct event nested;

	CU_ASSERT_EQUAL(vmx_inject(v, &e, &nested), INJECT_DONE);
}

static void fields(void)
{
	struct vcpu *v = fake_vcpu();

	inject(v, codes[3].e);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_ENTRY_INTERRUPTION_INFO), codes[3].info);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_ENTRY_EXCEPTION_ERROR_CODE), 0x18);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_ENTRY_INSTRUCTION_LENGTH), 0);
	v = fake_vcpu();
	inject(v, codes[4].e);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_ENTRY_INSTRUCTION_LENGTH), 2);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_ENTRY_EXCEPTION_ERROR_CODE), 0);
}

/* SDM vol. 3B, 17.3.1.1: RF is 1 in what a fault pushes, but for an instruction breakpoint. */
static void resume_flag(void)
{
	static const struct {
		struct event e;
		bool rf;
	} cases[] = {
		{{.kind = EVENT_EXCEPTION, .vector = VEC_PF, .has_error = true}, true},
		{{.kind = EVENT_EXCEPTION, .vector = VEC_UD}, true},
		{{.kind = EVENT_EXCEPTION, .vector = VEC_DB}, false},
		{{.kind = EVENT_EXCEPTION, .vector = VEC_DF, .has_error = true}, false},
		{{.kind = EVENT_INTERRUPT, .vector = 0x31}, false},
		{{.kind = EVENT_SOFTWARE, .vector = 0x80, .insn_len = 2}, false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcpu *v = fake_vcpu();

		inject(v, cases[i].e);
		CU_ASSERT_EQUAL(!!(v->rflags & RFLAGS_RF), cases[i].rf);
	}
}

/* With virtual NMIs, blocking by NMI must be 0 where the event is an NMI. */
static void nmi_again(void)
{
	struct vcpu *v = fake_vcpu();

	v->nmi_blocked = true;
	inject(v, codes[1].e);
	CU_ASSERT_FALSE(v->nmi_blocked);
	CU_ASSERT(v->changed & VCPU_SHADOW);
	v = fake_vcpu();
	v->nmi_blocked = true;
	inject(v, codes[2].e);
	CU_ASSERT(v->nmi_blocked);
}

/* Under TF an entry in a shadow wants a single step pending; a delivery ends both. */
static void shadow_under_tf(void)
{
	struct vcpu *v = fake_vcpu();

	v->rflags |= RFLAGS_TF;
	v->interrupt_shadow = true;
	inject(v, codes[2].e);
	CU_ASSERT_FALSE(v->interrupt_shadow);
	CU_ASSERT(v->changed & VCPU_SHADOW);
}

static void vectoring(struct vcpu *v, u32 info)
{
	vmcs_write(VMCS_IDT_VECTORING_INFO, info);
	vmx_vectoring(v);
}

static void interrupted(void)
{
	struct vcpu *v = fake_vcpu();

	vectoring(v, 0);
	CU_ASSERT_EQUAL(fake_interrupted.kind, EVENT_NONE);
	vmcs_write(VMCS_IDT_VECTORING_ERROR_CODE, 0x18);
	vectoring(v, codes[3].info);
	CU_ASSERT_EQUAL(fake_interrupted.kind, EVENT_EXCEPTION);
	CU_ASSERT_EQUAL(fake_interrupted.error, 0x18);
	vmcs_write(VMCS_EXIT_INSTRUCTION_LENGTH, 2);
	vectoring(v, codes[4].info);
	CU_ASSERT_EQUAL(fake_interrupted.kind, EVENT_SOFTWARE);
	CU_ASSERT_EQUAL(fake_interrupted.insn_len, 2);
	/* A page fault that is delivered again finds the CR2 that it has set. */
	v->cr2 = 0x1234;
	vectoring(v, VALID | HAS_ERROR | TYPE(3) | VEC_PF);
	CU_ASSERT_EQUAL(fake_interrupted.payload, 0x1234);
}

UNIT_MAIN("events", {"event to information", encode}, {"information to event", decode}, {"fields", fields},
	  {"the resume flag", resume_flag}, {"an NMI again", nmi_again}, {"shadow under TF", shadow_under_tf},
	  {"an interrupted delivery", interrupted})
