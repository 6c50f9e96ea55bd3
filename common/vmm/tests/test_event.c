// SPDX-License-Identifier: MIT
/*
 * Events of a vcpu: how exceptions combine, what is delivered first, what waits.
 * SDM vol. 3A, 6.15 "Interrupt 8 - Double Fault Exception (#DF)", table 6-5; 6.8 and 6.9.
 */
#include "devices/lapic.h"
#include "lib/tests/unit.h"
#include "vmm/vm.h"
#include "x86/exception.h"

#define MAX_INJECTED 8

static struct event injected[MAX_INJECTED];
static unsigned injected_count;
static struct event fault_next; /* the delivery after this one raises it */
static bool attend_next;        /* the delivery calls vcpu_attend() */
static bool window;
static struct lapic lapic;

static enum inject_result fake_inject(struct vcpu *v, const struct event *e, struct event *nested)
{
	injected[injected_count++ % MAX_INJECTED] = *e;
	if (attend_next)
		vcpu_attend(v);
	if (!fault_next.kind)
		return INJECT_DONE;
	*nested = fault_next;
	fault_next.kind = EVENT_NONE;
	return INJECT_FAULTED;
}

static void fake_window(struct vcpu *v)
{
	(void)v;
	window = true;
}

u8 lapic_ack(struct vcpu *v)
{
	u8 vector = (u8)v->lapic->pending;

	v->lapic->pending = -1;
	return vector;
}

static const struct cpu_engine engine = {
	.name = "test", .inject = fake_inject, .request_window = fake_window};

static struct vcpu new_vcpu(void)
{
	lapic.pending = -1;
	injected_count = 0;
	window = attend_next = false;
	fault_next.kind = EVENT_NONE;
	return (struct vcpu){.cpu = &engine, .lapic = &lapic, .valid = VCPU_ALL};
}

/* Every pair of table 6-5: what is delivered when `second` is raised while `first` is. -1: triple fault. */
static void test_combinations(void)
{
	static const struct {
		u8 first, second;
		int delivered;
	} cases[] = {
		{VEC_DB, VEC_GP, VEC_GP}, {VEC_BP, VEC_PF, VEC_PF}, {VEC_UD, VEC_DE, VEC_DE},
		{VEC_GP, VEC_DB, VEC_DB}, {VEC_DE, VEC_GP, VEC_DF}, {VEC_TS, VEC_NP, VEC_DF},
		{VEC_SS, VEC_SS, VEC_DF}, {VEC_GP, VEC_PF, VEC_PF}, {VEC_PF, VEC_PF, VEC_DF},
		{VEC_PF, VEC_GP, VEC_DF}, {VEC_PF, VEC_DB, VEC_DB}, {VEC_DF, VEC_GP, -1},
		{VEC_DF, VEC_PF, -1},     {VEC_DF, VEC_DB, VEC_DB},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcpu v = new_vcpu();

		v.events.pending = (struct event){.kind = EVENT_EXCEPTION, .vector = cases[i].first};
		event_exception(&v, cases[i].second);
		CU_ASSERT_EQUAL(event_deliver(&v), cases[i].delivered >= 0);
		if (cases[i].delivered < 0)
			continue;
		CU_ASSERT_EQUAL(injected_count, 1);
		CU_ASSERT_EQUAL(injected[0].vector, cases[i].delivered);
	}
}

static void test_double_fault_has_error_zero(void)
{
	struct vcpu v = new_vcpu();

	event_exception_error(&v, VEC_NP, 0x18);
	event_exception_error(&v, VEC_GP, 0x20);
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected[0].vector, VEC_DF);
	CU_ASSERT(injected[0].has_error);
	CU_ASSERT_EQUAL(injected[0].error, 0);
}

/* A delivery that faults is followed by what it raised; then by a triple fault if that faults too. */
static void test_faults_on_delivery(void)
{
	struct vcpu v = new_vcpu();

	fault_next = (struct event){.kind = EVENT_EXCEPTION, .vector = VEC_NP};
	event_exception_error(&v, VEC_GP, 0);
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 2);
	CU_ASSERT_EQUAL(injected[1].vector, VEC_DF);

	v = new_vcpu();
	v.events.pending = (struct event){.kind = EVENT_EXCEPTION, .vector = VEC_DF};
	fault_next = (struct event){.kind = EVENT_EXCEPTION, .vector = VEC_GP};
	CU_ASSERT_FALSE(event_deliver(&v));
}

/* An interrupt was acknowledged: the fault of its delivery comes first, the interrupt does not get lost. */
static void test_interrupt_is_held(void)
{
	struct vcpu v = new_vcpu();

	v.rflags = RFLAGS_IF;
	lapic.pending = 0x40;
	fault_next = (struct event){.kind = EVENT_EXCEPTION, .vector = VEC_PF};
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 2);
	CU_ASSERT_EQUAL(injected[1].vector, VEC_PF);
	CU_ASSERT(window);
	v.rflags = 0; /* the handler runs with interrupts off */
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 2);
	v.rflags = RFLAGS_IF;
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 3);
	CU_ASSERT_EQUAL(injected[2].vector, 0x40);
	CU_ASSERT_EQUAL(injected[2].kind, EVENT_INTERRUPT);
}

/* An exception, then NMI, then an interrupt; one each entry. */
static void test_priorities(void)
{
	struct vcpu v = new_vcpu();

	v.rflags = RFLAGS_IF;
	lapic.pending = 0x40;
	event_nmi(&v);
	event_exception(&v, VEC_UD);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 3);
	CU_ASSERT_EQUAL(injected[0].vector, VEC_UD);
	CU_ASSERT_EQUAL(injected[1].kind, EVENT_NMI);
	CU_ASSERT_EQUAL(injected[2].vector, 0x40);
}

static void test_what_blocks_an_interrupt(void)
{
	static const struct {
		u64 rflags;
		bool shadow;
		unsigned delivered;
	} cases[] = {{RFLAGS_IF, false, 1}, {0, false, 0}, {RFLAGS_IF, true, 0}, {0, true, 0}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcpu v = new_vcpu();

		v.rflags = cases[i].rflags;
		v.interrupt_shadow = cases[i].shadow;
		lapic.pending = 0x31;
		CU_ASSERT(event_deliver(&v));
		CU_ASSERT_EQUAL(injected_count, cases[i].delivered);
		CU_ASSERT_EQUAL(window, !cases[i].delivered);
		CU_ASSERT_EQUAL(lapic.pending < 0, cases[i].delivered == 1);
	}
}

static void test_nmi_blocking(void)
{
	struct vcpu v = new_vcpu();

	event_nmi(&v);
	v.nmi_blocked = true;
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 0);
	CU_ASSERT(window);
	v.nmi_blocked = false;
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 1);
	CU_ASSERT_EQUAL(injected[0].vector, VEC_NMI);
}

/* CR2 and DR6 are set by the delivery, not before. */
static void test_payload(void)
{
	struct vcpu v = new_vcpu();

	event_page_fault(&v, 0x1234, PF_WRITE);
	CU_ASSERT_EQUAL(v.cr2, 0);
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(v.cr2, 0x1234);
	CU_ASSERT(v.changed & VCPU_CR2);
	/* "The processor clears the GD flag upon entering to the debug exception handler": vol. 3B, 17.2.4 */
	v.dr7 = DR7_RESERVED | DR7_GD;
	event_debug(&v, DR6_BS);
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(v.dr6, DR6_BS);
	CU_ASSERT_EQUAL(v.dr7, DR7_RESERVED);
}

static const struct event page_fault = {
	.kind = EVENT_EXCEPTION, .vector = VEC_PF, .has_error = true, .error = PF_WRITE, .payload = 0x1234};

/* An engine delivers by itself what is the guest's alone. */
static void test_delivery_at_once(void)
{
	struct vcpu v = new_vcpu();

	CU_ASSERT(event_deliver_exception(&v, &page_fault));
	CU_ASSERT_EQUAL(injected_count, 1);
	CU_ASSERT_EQUAL(injected[0].vector, VEC_PF);
	CU_ASSERT_EQUAL(injected[0].error, PF_WRITE);
	CU_ASSERT_EQUAL(v.cr2, 0x1234);
	CU_ASSERT(v.changed & VCPU_CR2);
	CU_ASSERT_FALSE(v.attention);
	CU_ASSERT_FALSE(event_waiting(&v));
}

/* Where something waits it goes the common way, behind what comes first. */
static void test_delivery_that_has_to_wait(void)
{
	struct vcpu v = new_vcpu();

	event_nmi(&v);
	CU_ASSERT_FALSE(event_deliver_exception(&v, &page_fault));
	CU_ASSERT_EQUAL(injected_count, 0);
	CU_ASSERT_EQUAL(v.cr2, 0);
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 1);
	CU_ASSERT_EQUAL(injected[0].vector, VEC_PF);
	CU_ASSERT(v.events.nmi_pending);

	v = new_vcpu(); /* during a delivery that was interrupted: the two combine */
	event_exception_error(&v, VEC_GP, 0);
	CU_ASSERT_FALSE(
		event_deliver_exception(&v, &(struct event){.kind = EVENT_EXCEPTION, .vector = VEC_DE}));
	CU_ASSERT_EQUAL(v.events.pending.vector, VEC_DF);
}

static void test_delivery_at_once_that_faults(void)
{
	struct vcpu v = new_vcpu();

	fault_next = (struct event){.kind = EVENT_EXCEPTION, .vector = VEC_GP};
	CU_ASSERT_FALSE(event_deliver_exception(&v, &page_fault));
	CU_ASSERT_EQUAL(v.cr2, 0x1234);
	CU_ASSERT_EQUAL(v.events.pending.vector, VEC_DF);
	CU_ASSERT(v.attention);
	CU_ASSERT(event_deliver(&v));
	CU_ASSERT_EQUAL(injected_count, 2);
	CU_ASSERT_EQUAL(injected[1].vector, VEC_DF);

	v = new_vcpu(); /* the delivery itself asks for the scheduler */
	attend_next = true;
	CU_ASSERT_FALSE(event_deliver_exception(&v, &page_fault));
	CU_ASSERT_EQUAL(injected_count, 1);
	CU_ASSERT_FALSE(event_waiting(&v));
}

static void test_waiting(void)
{
	struct vcpu v = new_vcpu();

	CU_ASSERT_FALSE(event_waiting(&v));
	lapic.pending = 0x31;
	CU_ASSERT_FALSE(event_waiting(&v)); /* IF is 0: HLT goes on sleeping */
	v.rflags = RFLAGS_IF;
	CU_ASSERT(event_waiting(&v));
	v = new_vcpu();
	event_nmi(&v);
	CU_ASSERT(event_waiting(&v));
}

UNIT_MAIN("event", {"combinations", test_combinations},
	  {"double fault has error code 0", test_double_fault_has_error_zero},
	  {"faults on delivery", test_faults_on_delivery}, {"an interrupt is held", test_interrupt_is_held},
	  {"priorities", test_priorities}, {"what blocks an interrupt", test_what_blocks_an_interrupt},
	  {"NMI blocking", test_nmi_blocking}, {"payload", test_payload},
	  {"delivery at once", test_delivery_at_once},
	  {"delivery that has to wait", test_delivery_that_has_to_wait},
	  {"delivery at once that faults", test_delivery_at_once_that_faults}, {"waiting", test_waiting})
