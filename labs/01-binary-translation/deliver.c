// SPDX-License-Identifier: MIT
/*
 * Delivery through the guest's IDT, as the CPU does it in 64-bit mode. The steps and their faults are those
 * of SDM vol. 2A, "INT n", "IA-32e-MODE" in the operation section, and vol. 3A, 6.14 "Exception and Interrupt
 * Handling in 64-bit Mode".
 */
#include "ring3.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define FRAME_ALIGN 16
#define IST_MASK    7

struct delivery {
	const struct event *e;
	struct event *fault;
	u32 ext; /* SEL_ERROR_EXT for what the guest did not ask for */
	struct gate64 gate;
	const struct segment *cs;
	unsigned from; /* level of the guest */
	unsigned cpl;  /* of the handler */
	u64 rsp;       /* of the handler */
};

/*
 * Exercise E1.3. Reads the gate of the event's vector from the guest's IDT into d->gate, and checks it by SDM
 * vol. 2A, "INT n". False: *d->fault says which exception the delivery itself has raised.
 *
 * #GP: the gate ends beyond the limit of the IDT; it is neither an interrupt nor a trap gate; INT n, INT3 or
 * INTO (EVENT_SOFTWARE) at a level that its DPL does not allow. #NP: it is not present. The error code names
 * the vector, in the IDT, with d->ext. Reading the gate may fault by itself.
 */
static bool read_gate(struct vcpu *v, struct delivery *d)
{
	/* SOLUTION E1.3 { stub: return fault_error(d->fault, VEC_GP, 0); */
	u32 offset = d->e->vector * sizeof(struct gate64);
	u32 error = d->e->vector << 3 | SEL_ERROR_IDT | d->ext;
	unsigned type;

	if (offset + sizeof(struct gate64) - 1 > v->idtr.limit)
		return fault_error(d->fault, VEC_GP, error);
	if (!ring3_read(v, v->idtr.base + offset, &d->gate, sizeof(d->gate), d->fault))
		return false;
	type = d->gate.attr & (SEG_ATTR_TYPE | SEG_ATTR_S);
	if (type != SYS_TYPE_INTR_GATE && type != SYS_TYPE_TRAP_GATE)
		return fault_error(d->fault, VEC_GP, error);
	if (d->e->kind == EVENT_SOFTWARE && seg_dpl(d->gate.attr) < d->from)
		return fault_error(d->fault, VEC_GP, error);
	if (!(d->gate.attr & SEG_ATTR_P))
		return fault_error(d->fault, VEC_NP, error);
	return true;
	/* } SOLUTION E1.3 */
}

/* The handler's segment, and its level. */
static COLD bool check_code_segment(struct vcpu *v, struct delivery *d, u64 desc, struct ring3_handler *h)
{
	u32 error = (d->gate.selector & ~SEL_RPL) | d->ext;
	struct segment cs = desc_unpack(d->gate.selector, desc, 0);

	if ((cs.attr & (SEG_ATTR_S | SEG_TYPE_CODE)) != (SEG_ATTR_S | SEG_TYPE_CODE) ||
	    seg_dpl(cs.attr) > vcpu_cpl(v) || (cs.attr & (SEG_ATTR_L | SEG_ATTR_DB)) != SEG_ATTR_L)
		return fault_error(d->fault, VEC_GP, error);
	if (!(cs.attr & SEG_ATTR_P))
		return fault_error(d->fault, VEC_NP, error);
	*h = (struct ring3_handler){.desc = desc, .selector = d->gate.selector, .from = (u8)vcpu_cpl(v)};
	h->cpl = (u8)(cs.attr & SEG_TYPE_CONFORMING ? h->from : seg_dpl(cs.attr));
	h->cs = cs;
	h->cs.selector = (cs.selector & ~SEL_RPL) | h->cpl;
	return true;
}

static bool read_code_segment(struct vcpu *v, struct delivery *d)
{
	struct ring3_handler *h = &ring3_of(v)->handler;
	struct descriptor desc;

	if (!(d->gate.selector & ~SEL_RPL))
		return fault_error(d->fault, VEC_GP, d->ext);
	if (!descriptor_read(v, d->gate.selector, d->ext, &desc, d->fault))
		return false;
	if ((desc.low != h->desc || d->gate.selector != h->selector || d->from != h->from) &&
	    !check_code_segment(v, d, desc.low, h))
		return false;
	d->cs = &h->cs;
	d->cpl = h->cpl;
	return descriptor_set_accessed(v, &desc, d->fault);
}

static bool choose_stack(struct vcpu *v, struct delivery *d)
{
	unsigned ist = d->gate.ist & IST_MASK;

	d->rsp = v->gpr[GPR_RSP];
	if (ist) {
		if (!tss_read_stack(v, TSS_IST1 + (ist - 1) * 8, d->ext, &d->rsp, d->fault))
			return false;
	} else if (d->cpl != d->from) {
		if (!tss_read_stack(v, TSS_RSP0 + d->cpl * 8, d->ext, &d->rsp, d->fault))
			return false;
	}
	d->rsp &= ~(u64)(FRAME_ALIGN - 1);
	if (!gva_is_canonical(d->rsp - 1))
		return fault_error(d->fault, VEC_SS, d->ext);
	return true;
}

static bool is_fault(const struct event *e)
{
	return e->kind == EVENT_EXCEPTION && e->vector != VEC_DB && e->vector != VEC_BP &&
	       e->vector != VEC_OF && e->vector != VEC_DF;
}

/*
 * Exercise E1.3. Pushes the frame on the handler's stack, and leaves d->rsp at its lowest word: SS, RSP,
 * RFLAGS, CS, RIP and, if the event has one, the error code. SDM vol. 3A, 6.14.2 "64-Bit Mode Stack Frame".
 * False: *d->fault says which exception that has raised.
 *
 * RIP is behind the instruction for EVENT_SOFTWARE, and at it otherwise. RF in the image of RFLAGS is set for
 * a fault, clear for EVENT_SOFTWARE, and else as it is: vol. 3B, 17.3.1.1 "Instruction-Breakpoint Exception
 * Condition". A handler of level 3 writes with user rights. An address that is not canonical is #SS here.
 */
static bool push_frame(struct vcpu *v, struct delivery *d)
{
	/* SOLUTION E1.3 { stub: (void)is_fault; return fault_error(d->fault, VEC_SS, 0); */
	u64 rip = d->e->kind == EVENT_SOFTWARE ? v->rip + d->e->insn_len : v->rip;
	u64 rf = is_fault(d->e) ? RFLAGS_RF : d->e->kind == EVENT_SOFTWARE ? 0 : v->rflags & RFLAGS_RF;
	u64 rflags = (v->rflags & ~(u64)RFLAGS_RF) | rf;
	u64 words[6] = {
		d->e->error, rip, v->seg[SEG_CS].selector, rflags, v->gpr[GPR_RSP], v->seg[SEG_SS].selector};
	unsigned first = d->e->has_error ? 0 : 1, bytes = (6 - first) * 8;

	d->rsp -= bytes;
	if (d->cpl == 3 ? !gva_write(v, d->rsp, &words[first], bytes, ACCESS_WRITE | ACCESS_USER, d->fault)
			: !ring3_write(v, d->rsp, &words[first], bytes, d->fault)) {
		if (d->fault->vector == VEC_GP) /* an address on the stack that is not canonical */
			d->fault->vector = VEC_SS;
		return false;
	}
	return true;
	/* } SOLUTION E1.3 */
}

enum inject_result ring3_inject(struct vcpu *v, const struct event *e, struct event *nested)
{
	struct delivery d;

	d.e = e;
	d.fault = nested;
	d.from = vcpu_cpl(v);
	d.ext = e->kind == EVENT_SOFTWARE ? 0 : SEL_ERROR_EXT;
	if (!read_gate(v, &d) || !read_code_segment(v, &d) || !choose_stack(v, &d))
		return INJECT_FAULTED;
	if (!gva_is_canonical(gate_offset(&d.gate))) {
		fault_error(nested, VEC_GP, d.ext);
		return INJECT_FAULTED;
	}
	if (!push_frame(v, &d))
		return INJECT_FAULTED;
	v->rip = gate_offset(&d.gate);
	v->gpr[GPR_RSP] = d.rsp;
	v->seg[SEG_CS] = *d.cs;
	if (d.cpl != d.from)
		v->seg[SEG_SS] = (struct segment){.selector = (u16)d.cpl,
						  .attr = SEG_ATTR_UNUSABLE | d.cpl << SEG_ATTR_DPL_SHIFT};
	v->rflags &= ~(u64)(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM);
	if ((d.gate.attr & SEG_ATTR_TYPE) == SYS_TYPE_INTR_GATE)
		v->rflags &= ~(u64)RFLAGS_IF;
	v->interrupt_shadow = false;
	if (e->kind == EVENT_NMI)
		v->nmi_blocked = true;
	ring3_set_user(v, d.cpl == 3);
	return INJECT_DONE;
}
