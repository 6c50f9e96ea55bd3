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
#define DESC_LAST   7 /* offset of a descriptor's last byte */

struct delivery {
	const struct event *e;
	struct event *fault;
	u32 ext; /* SEL_ERROR_EXT for what the guest did not ask for */
	union {
		struct gate64 gate;
		u64 gate_bytes[2];
	};
	const struct segment *cs;
	u64 desc;      /* its descriptor as it stands now, accessed */
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
static inline bool read_gate(struct vcpu *v, struct delivery *d)
{
	/* SOLUTION E1.3 { stub: return fault_error(d->fault, VEC_GP, 0); */
	u32 offset = d->e->vector * sizeof(struct gate64);
	u32 error = d->e->vector << 3 | SEL_ERROR_IDT | d->ext;
	unsigned type;

	if (offset + sizeof(struct gate64) - 1 > v->idtr.limit)
		return fault_error(d->fault, VEC_GP, error);
	if (!ring3_read_gate(v, v->idtr.base + offset, &d->gate, d->fault))
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
	if (!descriptor_set_accessed(v, &desc, d->fault))
		return false;
	d->desc = desc.low;
	return true;
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

#define FRAME_WORDS 6 /* with an error code, the first */

/* An array that is made in its caller and not in push_frame(), where the words can stay in registers. */
static COLD bool put_frame_walking(struct vcpu *v, u64 rsp, const u64 words[FRAME_WORDS], u64 bytes,
				   struct event *f)
{
	return gva_write(v, rsp, &words[FRAME_WORDS] - bytes / 8, bytes, ACCESS_WRITE, f);
}

/* ring3_write() of the frame that ends with words[FRAME_WORDS - 1], to the handler's stack at `rsp`. */
static INLINE_ALWAYS bool put_frame(struct vcpu *v, u64 rsp, const u64 words[FRAME_WORDS], u64 bytes,
				    struct event *f)
{
	u64 *frame = (u64 *)(rsp + bytes) - FRAME_WORDS;

	if (ring3_writes_kernel(v, (gva_t)frame, FRAME_WORDS * sizeof(u64)) &&
	    write_safe64(&frame[5], words[5]) && write_safe64(&frame[4], words[4]) &&
	    write_safe64(&frame[3], words[3]) && write_safe64(&frame[2], words[2]) &&
	    write_safe64(&frame[1], words[1]) &&
	    (bytes != FRAME_WORDS * sizeof(u64) || write_safe64(&frame[0], words[0])))
		return true;
	return put_frame_walking(
		v, rsp, (const u64[]){words[0], words[1], words[2], words[3], words[4], words[5]}, bytes, f);
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
static INLINE_ALWAYS bool push_frame(struct vcpu *v, struct delivery *d)
{
	/* SOLUTION E1.3 { stub: (void)is_fault; (void)put_frame; return fault_error(d->fault, VEC_SS, 0); */
	u64 words[FRAME_WORDS] = {d->e->error, v->rip,          v->seg[SEG_CS].selector,
				  v->rflags,   v->gpr[GPR_RSP], v->seg[SEG_SS].selector};
	u64 bytes = (d->e->has_error ? FRAME_WORDS : FRAME_WORDS - 1) * sizeof(u64);

	if (d->e->kind == EVENT_SOFTWARE) {
		words[1] += d->e->insn_len;
		words[3] &= ~(u64)RFLAGS_RF;
	} else if (is_fault(d->e)) {
		words[3] |= RFLAGS_RF;
	}
	d->rsp -= bytes;
	if (d->cpl == 3 ? !gva_write(v, d->rsp, &words[FRAME_WORDS] - bytes / 8, bytes,
				     ACCESS_WRITE | ACCESS_USER, d->fault)
			: !put_frame(v, d->rsp, words, bytes, d->fault)) {
		if (d->fault->vector == VEC_GP) /* an address on the stack that is not canonical */
			d->fault->vector = VEC_SS;
		return false;
	}
	return true;
	/* } SOLUTION E1.3 */
}

/* The RFLAGS that a gate of this type leaves. */
static s32 rflags_kept(const struct gate64 *g)
{
	s32 cleared = RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM;

	if ((g->attr & SEG_ATTR_TYPE) == SYS_TYPE_INTR_GATE)
		cleared |= RFLAGS_IF;
	return ~cleared;
}

/*
 * After a delivery that stayed on its stack in level 0: what the next one through the same gate need not find
 * out again. The bytes decide alone, since an event of level 0 may use a gate of any DPL.
 */
static void remember(struct vcpu *v, const struct delivery *d, struct ring3_known *k)
{
	u32 offset = d->gate.selector & SEL_INDEX;

	if (d->from || d->cpl || d->gate.ist & IST_MASK || d->gate.selector & SEL_TI ||
	    d->desc != ring3_of(v)->handler.desc /* it was not accessed yet */ ||
	    !ring3_in_reach(v->gdtr.base + offset, sizeof(u64)))
		return;
	*k = (struct ring3_known){
		.gate = {d->gate_bytes[0], d->gate_bytes[1]},
		.desc = d->desc,
		.gdt = v->gdtr.base,
		.desc_last = offset + DESC_LAST,
		.rflags = rflags_kept(&d->gate),
		.rip = gate_offset(&d->gate),
		.cs = *d->cs,
	};
}

/* Are gate and descriptor what they were? */
static inline bool is_known(struct vcpu *v, const struct delivery *d, const struct ring3_known *k)
{
	u64 desc;

	return !d->from && d->gate_bytes[0] == k->gate[0] && d->gate_bytes[1] == k->gate[1] &&
	       v->gdtr.base == k->gdt && v->gdtr.limit >= k->desc_last && ring3_reaches_kernel(v) &&
	       read_safe64(&desc, (const void *)(k->gdt + k->desc_last - DESC_LAST)) && desc == k->desc &&
	       gva_is_canonical(d->rsp - 1);
}

static inline void enter_handler(struct vcpu *v, const struct delivery *d, u64 rip, s32 rflags)
{
	v->rip = rip;
	v->gpr[GPR_RSP] = d->rsp;
	v->rflags &= (u64)rflags;
	v->interrupt_shadow = false;
	if (d->e->kind == EVENT_NMI)
		v->nmi_blocked = true;
}

/* The gate has been read; the whole rest of the delivery. */
static NOINLINE enum inject_result through_gate(struct vcpu *v, struct delivery d, struct ring3_known *k)
{
	if (!read_code_segment(v, &d) || !choose_stack(v, &d))
		return INJECT_FAULTED;
	if (!gva_is_canonical(gate_offset(&d.gate))) {
		fault_error(d.fault, VEC_GP, d.ext);
		return INJECT_FAULTED;
	}
	if (!push_frame(v, &d))
		return INJECT_FAULTED;
	enter_handler(v, &d, gate_offset(&d.gate), rflags_kept(&d.gate));
	v->seg[SEG_CS] = *d.cs;
	if (d.cpl != d.from)
		v->seg[SEG_SS] = (struct segment){.selector = (u16)d.cpl,
						  .attr = SEG_ATTR_UNUSABLE | d.cpl << SEG_ATTR_DPL_SHIFT};
	ring3_set_user(v, d.cpl == 3);
	remember(v, &d, k);
	return INJECT_DONE;
}

enum inject_result ring3_inject(struct vcpu *v, const struct event *e, struct event *nested)
{
	struct ring3_known *k = &ring3_of(v)->known[e->vector % RING3_KNOWN];
	struct delivery d;

	d.e = e;
	d.fault = nested;
	d.from = seg_dpl(v->seg[SEG_SS].attr); /* always in the vcpu: ring3_fetch() */
	d.ext = e->kind == EVENT_SOFTWARE ? 0 : SEL_ERROR_EXT;
	if (!read_gate(v, &d))
		return INJECT_FAULTED;
	d.rsp = v->gpr[GPR_RSP] & ~(u64)(FRAME_ALIGN - 1);
	if (!is_known(v, &d, k))
		return through_gate(v, d, k);
	d.cpl = 0;
	if (!push_frame(v, &d))
		return INJECT_FAULTED;
	enter_handler(v, &d, k->rip, k->rflags);
	if (!ring3_same_segment(&v->seg[SEG_CS], &k->cs)) {
		v->seg[SEG_CS] = k->cs;
		ring3_set_user(v, false);
	}
	return INJECT_DONE;
}
