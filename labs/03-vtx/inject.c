// SPDX-License-Identifier: MIT
/*
 * Events into the guest by way of the VM entry, and back out of it when an exit came in the middle of a
 * delivery.
 *
 * Source: SDM vol. 3C, 24.8.3 "VM-Entry Controls for Event Injection", 24.9.3 "Information for VM Exits That
 * Occur During Event Delivery", 26.6 "Event Injection", 31.7.1.2 "Resuming Guest Software after Handling an
 * Exception".
 */
#include "vmx.h"
#include "x86/exception.h"

/* Interruption information: tables 24-15, 24-17 and 24-18 have one layout. */
#define INFO_TYPE_SHIFT 8
#define INFO_ERROR_CODE BIT(11)
#define INFO_VALID      BIT(31)

enum info_type {
	TYPE_EXTERNAL_INTERRUPT = 0,
	TYPE_NMI = 2,
	TYPE_HARDWARE_EXCEPTION = 3,
	TYPE_SOFTWARE_INTERRUPT = 4,
	TYPE_PRIVILEGED_SOFTWARE_EXCEPTION = 5, /* INT1 */
	TYPE_SOFTWARE_EXCEPTION = 6,            /* INT3, INTO */
};

static const u8 types[] = {
	[EVENT_NONE] = 0,
	[EVENT_INTERRUPT] = TYPE_EXTERNAL_INTERRUPT,
	[EVENT_NMI] = TYPE_NMI,
	[EVENT_EXCEPTION] = TYPE_HARDWARE_EXCEPTION,
	[EVENT_SOFTWARE] = TYPE_SOFTWARE_INTERRUPT,
};

static inline u32 info_of(const struct event *e, unsigned type)
{
	return e->vector | type << INFO_TYPE_SHIFT | (e->has_error ? (u32)INFO_ERROR_CODE : 0) |
	       (u32)INFO_VALID;
}

/* INT n has two bytes at least; INT3, INTO and INT1 have one. */
static inline u32 encode(const struct event *e)
{
	if (e->kind == EVENT_NONE)
		return 0;
	if (e->kind != EVENT_SOFTWARE || e->insn_len != 1)
		return info_of(e, types[e->kind]);
	return info_of(e, e->vector == VEC_DB ? TYPE_PRIVILEGED_SOFTWARE_EXCEPTION : TYPE_SOFTWARE_EXCEPTION);
}

u32 vmx_event_encode(const struct event *e)
{
	return encode(e);
}

struct event vmx_event_decode(u32 info)
{
	struct event e = {.vector = (u8)info, .has_error = info & INFO_ERROR_CODE};

	if (!(info & INFO_VALID))
		return (struct event){.kind = EVENT_NONE};
	switch (info >> INFO_TYPE_SHIFT & 7) {
	case TYPE_EXTERNAL_INTERRUPT:
		e.kind = EVENT_INTERRUPT;
		break;
	case TYPE_NMI:
		e.kind = EVENT_NMI;
		break;
	case TYPE_HARDWARE_EXCEPTION:
		e.kind = EVENT_EXCEPTION;
		break;
	default:
		e.kind = EVENT_SOFTWARE;
		break;
	}
	return e;
}

/* Exceptions of the class "fault": SDM vol. 3A, 6.5. Of #DB, that is told by the CPU alone. */
static bool is_fault(const struct event *e)
{
	return e->kind == EVENT_EXCEPTION && e->vector != VEC_DB && e->vector != VEC_BP &&
	       e->vector != VEC_OF && e->vector != VEC_DF;
}

/* Fields that do not go with the event are not written. RF in the frame is ours to set, and under TF or for
 * an NMI the interruptibility state has to fit. */
static COLD void inject_any(struct vcpu *v, const struct event *e)
{
	/* SOLUTION E3.6 { stub: (void)encode; (void)is_fault; (void)e; */
	vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, encode(e));
	if (e->has_error)
		vmcs_write(VMCS_ENTRY_EXCEPTION_ERROR_CODE, e->error);
	if (e->kind == EVENT_SOFTWARE)
		vmcs_write(VMCS_ENTRY_INSTRUCTION_LENGTH, e->insn_len);
	if (is_fault(e))
		v->rflags |= RFLAGS_RF; /* for the frame: SDM vol. 3B, 17.3.1.1 */
	if (v->rflags & RFLAGS_TF || e->kind == EVENT_NMI) {
		/* A delivery ends the shadow, and blocks NMIs itself when it is one: 26.3.1.5 */
		vcpu_need(v, VCPU_SHADOW);
		v->interrupt_shadow = false;
		v->nmi_blocked &= e->kind != EVENT_NMI;
		vcpu_changed(v, VCPU_SHADOW);
	}
	/* } SOLUTION E3.6 */
}

/*
 * The CPU delivers the event as the first thing of the entry, with all its checks; what it runs into comes
 * back as an exit with IDT-vectoring information. Of an interrupt nothing but the vector has to be said.
 */
enum inject_result vmx_inject(struct vcpu *v, const struct event *e, struct event *nested)
{
	(void)nested;
	/* SOLUTION E3.6 { stub: (void)inject_any; (void)e; return INJECT_DONE; */
	if (e->kind == EVENT_INTERRUPT && !(v->rflags & RFLAGS_TF))
		vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, info_of(e, TYPE_EXTERNAL_INTERRUPT));
	else
		inject_any(v, e);
	return INJECT_DONE;
	/* } SOLUTION E3.6 */
}

void vmx_request_window(struct vcpu *v)
{
	vmx_of(v)->special |= SPECIAL_WINDOW;
}

/* IDT_VECTORING_INFO has the format of what was injected; what belongs to the event is in fields of its own.
 * A page fault has left its address in CR2. */
static void interrupted(struct vcpu *v, u32 info)
{
	/* SOLUTION E3.6 { stub: (void)info; return; */
	struct event e = vmx_event_decode(info);

	if (e.has_error)
		e.error = (u32)vmcs_read(VMCS_IDT_VECTORING_ERROR_CODE);
	if (e.kind == EVENT_SOFTWARE)
		e.insn_len = (u8)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
	if (e.kind == EVENT_EXCEPTION && e.vector == VEC_PF) {
		vcpu_need(v, VCPU_CRS);
		e.payload = v->cr2; /* as its first delivery left it */
	}
	event_interrupted(v, &e);
	/* } SOLUTION E3.6 */
}

void vmx_vectoring(struct vcpu *v)
{
	u32 info = (u32)vmcs_read(VMCS_IDT_VECTORING_INFO);

	if (info & INFO_VALID)
		interrupted(v, info);
}
