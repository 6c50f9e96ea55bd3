// SPDX-License-Identifier: MIT
/* Events in, and back when their delivery was interrupted; windows; NMIs. APM vol. 2, 15.7.2 "Intercepts
 * During IDT Interrupt Delivery", 15.20 "Event Injection", 15.21 "Interrupt and Local APIC Support". */
#include "fake_svm.h"
#include "lib/tests/unit.h"
#include "vmm/control.h"
#include "vmm/engine.h"
#include "x86/exception.h"

#define VALID         0x80000000ULL
#define HAS_ERROR     0x00000800ULL
#define TYPE(t)       ((u64)(t) << 8)
#define ERROR(e)      ((u64)(e) << 32)
#define WRITES_OF_CR8 (1U << 24)

static struct vcpu *v;
static struct vmcb_control *c;
static u64 cr8_written;

bool cr8_write(struct vcpu *of, u64 value)
{
	of->cr8 = cr8_written = value;
	return true;
}

static void guest(void)
{
	v = fake_vcpu(0);
	c = &svm_of(v)->vmcb->control;
	c->v_intr = VMCB_V_INTR_MASKING;
	cr8_written = ~0ULL;
}

static u64 injected(struct event e)
{
	struct event nested;

	guest();
	CU_ASSERT_EQUAL(svm_inject(v, &e, &nested), INJECT_DONE);
	CU_ASSERT(!c->eventinj || svm_of(v)->special);
	return c->eventinj;
}

/* ---- in ---- */

static const struct {
	struct event e;
	u64 info;
} codes[] = {
	{{.kind = EVENT_INTERRUPT, .vector = 0x31}, VALID | TYPE(0) | 0x31},
	{{.kind = EVENT_NMI, .vector = VEC_NMI}, VALID | TYPE(2) | VEC_NMI},
	{{.kind = EVENT_EXCEPTION, .vector = VEC_UD}, VALID | TYPE(3) | VEC_UD},
	{{.kind = EVENT_EXCEPTION, .vector = VEC_GP, .has_error = true, .error = 0x18},
	 VALID | HAS_ERROR | TYPE(3) | VEC_GP | ERROR(0x18)},
};

static void fields(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
		CU_ASSERT_EQUAL(injected(codes[i].e), codes[i].info);
}

/* RIP is still at INT n: the guest executes it. */
static void software(void)
{
	CU_ASSERT_EQUAL(injected((struct event){.kind = EVENT_SOFTWARE, .vector = 0x80, .insn_len = 2}), 0);
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
		{{.kind = EVENT_NMI, .vector = VEC_NMI}, false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		injected(cases[i].e);
		CU_ASSERT_EQUAL(!!(v->rflags & RFLAGS_RF), cases[i].rf);
	}
}

/* No field says that NMIs are blocked: the vcpu does. */
static void nmi_blocks(void)
{
	injected(codes[1].e);
	CU_ASSERT(v->nmi_blocked && svm_of(v)->attention);
	injected(codes[2].e);
	CU_ASSERT_FALSE(v->nmi_blocked);
}

/* A delivery ends the interrupt shadow. */
static void shadow_ends(void)
{
	struct event nested;

	guest();
	v->interrupt_shadow = true;
	CU_ASSERT_EQUAL(svm_inject(v, &codes[2].e, &nested), INJECT_DONE);
	CU_ASSERT_FALSE(v->interrupt_shadow);
	CU_ASSERT(v->changed & VCPU_SHADOW);
}

/* ---- back ---- */

static const struct event *interrupted_by(u64 info)
{
	guest();
	v->cr2 = 0x1234;
	c->exitintinfo = info;
	svm_events_exit(v);
	return &fake_interrupted;
}

static void interrupted(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		const struct event *e = interrupted_by(codes[i].info);

		CU_ASSERT_EQUAL(e->kind, codes[i].e.kind);
		CU_ASSERT_EQUAL(e->vector, codes[i].e.vector);
		CU_ASSERT_EQUAL(e->has_error, codes[i].e.has_error);
		CU_ASSERT_EQUAL(e->error, codes[i].e.error);
	}
	CU_ASSERT_EQUAL(interrupted_by(VALID | TYPE(3) | HAS_ERROR | VEC_PF | ERROR(2))->payload, 0x1234);
	/* Without the valid bit the rest says nothing. */
	CU_ASSERT_EQUAL(interrupted_by(TYPE(3) | HAS_ERROR | VEC_GP)->kind, EVENT_NONE);
}

/* INT n, INT3 and INTO are executed again. */
static void software_again(void)
{
	CU_ASSERT_EQUAL(interrupted_by(VALID | TYPE(4) | 0x80)->kind, EVENT_NONE);
	CU_ASSERT_EQUAL(interrupted_by(VALID | TYPE(3) | VEC_BP)->kind, EVENT_NONE);
	CU_ASSERT_EQUAL(interrupted_by(VALID | TYPE(3) | VEC_OF)->kind, EVENT_NONE);
}

/* ---- windows ---- */

/* A virtual interrupt is pending, whatever the guest's CR8, and for one entry only. */
static void windows(void)
{
	guest();
	svm_events_enter(v);
	CU_ASSERT_EQUAL(c->v_intr, VMCB_V_INTR_MASKING);
	svm_request_window(v);
	svm_events_enter(v);
	CU_ASSERT(c->v_intr & VMCB_V_IRQ && c->v_intr & VMCB_V_INTR_MASKING);
	CU_ASSERT(c->v_intr & VMCB_V_IGN_TPR || (c->v_intr & VMCB_V_INTR_PRIO) == VMCB_V_INTR_PRIO);
	CU_ASSERT(c->intercept_misc1 & VMCB_INTERCEPT_VINTR);
	CU_ASSERT(svm_of(v)->special);
	svm_events_enter(v);
	CU_ASSERT_EQUAL(c->v_intr, VMCB_V_INTR_MASKING);
	CU_ASSERT_FALSE(c->intercept_misc1 & VMCB_INTERCEPT_VINTR);
}

/* What has changed is not clean: 15.15.3. */
static void window_not_clean(void)
{
	guest();
	c->clean = VMCB_CLEAN_ALL;
	svm_request_window(v);
	svm_events_enter(v);
	CU_ASSERT_FALSE(c->clean & (VMCB_CLEAN_TPR | VMCB_CLEAN_I));
}

/* The guest's CR8 is V_TPR. Lowering it exits where it holds a vector back, and only there. */
static void tpr_in(void)
{
	guest();
	v->cr8 = 5;
	svm_events_enter(v);
	CU_ASSERT_EQUAL(c->v_intr & VMCB_V_TPR, 5);
	CU_ASSERT_FALSE(c->intercept_cr & WRITES_OF_CR8);
	fake_lapic.highest_irr = 0x31;
	svm_events_enter(v);
	CU_ASSERT(c->intercept_cr & WRITES_OF_CR8);
	v->cr8 = 0;
	svm_events_enter(v);
	CU_ASSERT_EQUAL(c->v_intr & VMCB_V_TPR, 0);
	CU_ASSERT_FALSE(c->intercept_cr & WRITES_OF_CR8);
}

static void tpr_out(void)
{
	guest();
	c->v_intr |= 7;
	svm_events_exit(v);
	CU_ASSERT_EQUAL(cr8_written, 7);
	CU_ASSERT(svm_of(v)->attention);
	guest();
	v->cr8 = 3;
	c->v_intr |= 3;
	svm_events_exit(v);
	CU_ASSERT_EQUAL(cr8_written, ~0ULL);
}

/* ---- NMIs ---- */

static bool iret_exits(void)
{
	svm_events_enter(v);
	return c->intercept_misc1 & VMCB_INTERCEPT_IRET;
}

/* Blocked from the delivery to the end of IRET, which is executed under an interrupt shadow. */
static void nmi_until_iret(void)
{
	guest();
	CU_ASSERT_FALSE(iret_exits());
	v->nmi_blocked = true;
	CU_ASSERT(iret_exits());
	svm_iret(v);
	CU_ASSERT(v->interrupt_shadow && v->changed & VCPU_SHADOW);
	CU_ASSERT(v->nmi_blocked);
	CU_ASSERT_FALSE(iret_exits());
	svm_events_exit(v); /* IRET has faulted: it is still there, and so is the shadow */
	CU_ASSERT(v->nmi_blocked);
	v->interrupt_shadow = false;
	svm_events_exit(v);
	CU_ASSERT_FALSE(v->nmi_blocked);
	CU_ASSERT_FALSE(iret_exits());
}

/* Who waits for an NMI has the machine interrupt the guest, as soon as it makes sense. */
static void nmi_window(void)
{
	guest();
	svm_request_window(v);
	CU_ASSERT_EQUAL(fake_interrupts_self, 0);
	v->events.nmi_pending = true;
	svm_request_window(v);
	CU_ASSERT_EQUAL(fake_interrupts_self, 1);
	v->nmi_blocked = true;
	svm_request_window(v);
	CU_ASSERT_EQUAL(fake_interrupts_self, 1);
	svm_iret(v);
	svm_request_window(v);
	CU_ASSERT_EQUAL(fake_interrupts_self, 2);
}

UNIT_MAIN("events", {"fields", fields}, {"INT n", software}, {"the resume flag", resume_flag},
	  {"an NMI blocks", nmi_blocks}, {"a delivery ends the shadow", shadow_ends},
	  {"an interrupted delivery", interrupted}, {"an interrupted INT n", software_again},
	  {"windows", windows}, {"a window is not clean", window_not_clean}, {"CR8 in", tpr_in},
	  {"CR8 out", tpr_out}, {"NMIs until IRET", nmi_until_iret}, {"an NMI waits", nmi_window})
