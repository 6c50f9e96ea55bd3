// SPDX-License-Identifier: MIT
/*
 * Loads of segment registers in virtual ring 0 and by emulated transfers: the checks of the manual, on the
 * guest's own tables. Source: SDM vol. 2B "MOV - Move", vol. 2A "LLDT", "LTR", "LDS/LES/LFS/LGS/LSS"; vol.
 * 3A, 5.5 to 5.8.
 */
#include "ring3.h"
#include "x86/exception.h"

#define DESC_ACCESSED BIT(40)
#define DESC_BUSY     BIT(41)
#define DESC_S        BIT(44)

static COLD bool read_high(struct vcpu *v, struct descriptor *d, struct event *f)
{
	return ring3_read(v, d->gva + 8, &d->high, 8, f);
}

/* The descriptor that a selector names. #GP(selector) beyond the table's limit; ext is SEL_ERROR_EXT or 0. */
bool descriptor_read(struct vcpu *v, u16 selector, u32 ext, struct descriptor *d, struct event *f)
{
	gva_t table = v->gdtr.base;
	u32 limit = v->gdtr.limit, offset = selector & SEL_INDEX;

	if (selector & SEL_TI) {
		table = v->seg[SEG_LDTR].base;
		limit = v->seg[SEG_LDTR].selector & SEL_INDEX ? v->seg[SEG_LDTR].limit : 0;
	}
	if (offset + 7 > limit)
		return fault_error(f, VEC_GP, (selector & ~SEL_RPL) | ext);
	d->gva = table + offset;
	d->high = 0;
	if (!ring3_read(v, d->gva, &d->low, 8, f))
		return false;
	return d->low & DESC_S || offset + 15 > limit || read_high(v, d, f);
}

bool descriptor_set_accessed(struct vcpu *v, struct descriptor *d, struct event *f)
{
	if (d->low & DESC_ACCESSED)
		return true;
	d->low |= DESC_ACCESSED;
	return gva_write(v, d->gva, &d->low, 8, ACCESS_WRITE, f);
}

bool stack_segment_check(struct vcpu *v, u16 selector, unsigned cpl, struct segment *out, struct event *f)
{
	u32 error = selector & ~SEL_RPL;
	struct descriptor d;

	if (!(selector & ~SEL_RPL)) {
		/* Null is allowed in 64-bit mode at CPL 0 to 2, with RPL = CPL. */
		if (cpl == 3 || (selector & SEL_RPL) != cpl || !vcpu_is_64bit(v))
			return fault_error(f, VEC_GP, 0);
		*out = (struct segment){.selector = selector,
					.attr = SEG_ATTR_UNUSABLE | cpl << SEG_ATTR_DPL_SHIFT};
		return true;
	}
	if (!descriptor_read(v, selector, 0, &d, f))
		return false;
	*out = desc_unpack(selector, d.low, 0);
	if ((selector & SEL_RPL) != cpl || seg_dpl(out->attr) != cpl ||
	    (out->attr & (SEG_ATTR_S | SEG_TYPE_CODE | SEG_TYPE_WRITABLE)) !=
		    (SEG_ATTR_S | SEG_TYPE_WRITABLE))
		return fault_error(f, VEC_GP, error);
	if (!(out->attr & SEG_ATTR_P))
		return fault_error(f, VEC_SS, error);
	return descriptor_set_accessed(v, &d, f);
}

static bool data_segment_check(struct vcpu *v, u16 selector, struct segment *out, struct event *f)
{
	u32 error = selector & ~SEL_RPL, conforming = SEG_TYPE_CODE | SEG_TYPE_CONFORMING;
	struct descriptor d;
	unsigned dpl;

	if (!descriptor_read(v, selector, 0, &d, f))
		return false;
	*out = desc_unpack(selector, d.low, 0);
	dpl = seg_dpl(out->attr);
	if (!(out->attr & SEG_ATTR_S) || (out->attr & (SEG_TYPE_CODE | SEG_TYPE_READABLE)) == SEG_TYPE_CODE)
		return fault_error(f, VEC_GP, error);
	if ((out->attr & conforming) != conforming && ((selector & SEL_RPL) > dpl || vcpu_cpl(v) > dpl))
		return fault_error(f, VEC_GP, error);
	if (!(out->attr & SEG_ATTR_P))
		return fault_error(f, VEC_NP, error);
	return descriptor_set_accessed(v, &d, f);
}

bool segment_load(struct vcpu *v, unsigned seg, u16 selector, struct event *f)
{
	struct segment s = {.selector = selector, .attr = SEG_ATTR_UNUSABLE};

	vcpu_need(v, VCPU_SEGS | VCPU_CS_SS);
	if (seg == SEG_SS) {
		if (!stack_segment_check(v, selector, vcpu_cpl(v), &s, f))
			return false;
		vcpu_changed(v, VCPU_CS_SS);
	} else {
		/* A null selector leaves the base of FS and GS on AMD and clears it on Intel; a guest may
		 * rely on neither. */
		if (selector & ~SEL_RPL && !data_segment_check(v, selector, &s, f))
			return false;
		ring3_of(v)->inner_segments = true;
		vcpu_changed(v, VCPU_SEGS);
	}
	v->seg[seg] = s;
	return true;
}

/* LDTR and TR exist in the vcpu alone; the tables of virtual ring 3 follow. */
bool ldtr_load(struct vcpu *v, u16 selector, struct event *f)
{
	u32 error = selector & ~SEL_RPL;
	struct segment s = {.selector = selector, .attr = SEG_ATTR_UNUSABLE};
	struct descriptor d;

	if (selector & ~SEL_RPL) {
		if (selector & SEL_TI)
			return fault_error(f, VEC_GP, error);
		if (!descriptor_read(v, selector, 0, &d, f))
			return false;
		s = desc_unpack(selector, d.low, d.high);
		if ((s.attr & (SEG_ATTR_S | SEG_ATTR_TYPE)) != SYS_TYPE_LDT)
			return fault_error(f, VEC_GP, error);
		if (!(s.attr & SEG_ATTR_P))
			return fault_error(f, VEC_NP, error);
	}
	vcpu_need(v, VCPU_SEGS);
	v->seg[SEG_LDTR] = s;
	vcpu_changed(v, VCPU_SEGS);
	ring3_of(v)->tables_stale = true;
	return true;
}

bool tr_load(struct vcpu *v, u16 selector, struct event *f)
{
	u32 error = selector & ~SEL_RPL;
	struct descriptor d;
	struct segment s;

	if (!(selector & ~SEL_RPL))
		return fault_error(f, VEC_GP, 0);
	if (selector & SEL_TI)
		return fault_error(f, VEC_GP, error);
	if (!descriptor_read(v, selector, 0, &d, f))
		return false;
	s = desc_unpack(selector, d.low, d.high);
	if ((s.attr & (SEG_ATTR_S | SEG_ATTR_TYPE)) != SYS_TYPE_TSS_AVAIL)
		return fault_error(f, VEC_GP, error);
	if (!(s.attr & SEG_ATTR_P))
		return fault_error(f, VEC_NP, error);
	d.low |= DESC_BUSY;
	if (!gva_write(v, d.gva, &d.low, 8, ACCESS_WRITE, f))
		return false;
	s.attr |= SYS_TYPE_TSS_BUSY;
	vcpu_need(v, VCPU_SEGS);
	v->seg[SEG_TR] = s;
	vcpu_changed(v, VCPU_SEGS);
	return true;
}

/* After a return to an outer level, segments that it may not use become null. What was loaded without the
 * monitor is null, or for level 3. */
static COLD void drop_inner(struct vcpu *v, unsigned cpl)
{
	static const u8 segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

	ring3_of(v)->inner_segments = cpl != 3;
	vcpu_need(v, VCPU_SEGS);
	for (unsigned i = 0; i < ARRAY_SIZE(segs); i++) {
		struct segment *s = &v->seg[segs[i]];
		u32 conforming = SEG_TYPE_CODE | SEG_TYPE_CONFORMING;

		if (s->attr & SEG_ATTR_UNUSABLE || (s->attr & conforming) == conforming ||
		    seg_dpl(s->attr) >= cpl)
			continue;
		*s = (struct segment){.attr = SEG_ATTR_UNUSABLE, .base = segs[i] >= SEG_FS ? s->base : 0};
		vcpu_changed(v, VCPU_SEGS);
	}
}

void segments_drop_inner(struct vcpu *v, unsigned cpl)
{
	if (ring3_of(v)->inner_segments)
		drop_inner(v, cpl);
}

/* A stack pointer out of the TSS. */
bool tss_read_stack(struct vcpu *v, u32 offset, u32 ext, u64 *rsp, struct event *f)
{
	const struct segment *tr = &v->seg[SEG_TR];

	if (offset + 7 > tr->limit)
		return fault_error(f, VEC_TS, (tr->selector & ~SEL_RPL) | ext);
	return ring3_read(v, tr->base + offset, rsp, 8, f);
}
