// SPDX-License-Identifier: MIT
/*
 * The guest's descriptor tables as virtual ring 3 uses them: copies, in which no system descriptor is
 * present, so that a gate faults and is emulated. The guest's table stays the truth: a write to it (trace) or
 * a change of its mapping makes the copy stale, and the copy is made anew before virtual ring 3 runs again.
 *
 * What differs from the bare machine: the CPU sets the accessed bit of a segment that user code loads in the
 * copy, not in the guest's table. Source: SDM vol. 3A, 3.4.5 "Segment Descriptors", 3.5 "System Descriptor
 * Types".
 */
#include "lib/string.h"
#include "ring3.h"
#include "x86/asm.h"
#include "x86/paging.h"

#define DESC_P BIT(47)
#define DESC_S BIT(44)

static bool same_place(struct vcpu *v, gva_t table, gpa_t known)
{
	struct guest_walk w;

	return guest_walk(v, table, ACCESS_READ, &w) && w.gpa == known;
}

/*
 * Copies the guest's table of so many bytes, and returns the gpa of its first byte, ~0 when that is not
 * mapped. Behind RING3_SEL_FIRST stand the monitor's own selectors.
 *
 * Exercise E1.4: the bytes themselves. The table may cross pages, which lie anywhere in the guest's memory.
 * Walk each one as the CPU would to read it (guest_walk()), and set a write trace on it (vm_trace_set()).
 * What is not mapped stays null: the copy has been cleared.
 */
static gpa_t copy_table(struct vcpu *v, u64 *copy, gva_t table, u64 bytes)
{
	gpa_t first = ~0ULL;

	memset(copy, 0, RING3_SEL_FIRST);
	bytes = MIN(bytes, RING3_SEL_FIRST) & ~7ULL;
	/* SOLUTION E1.4 { stub: (void)table; */
	for (u64 done = 0, part; done < bytes; done += part) {
		struct guest_walk w;
		struct event ignored;

		part = MIN(bytes - done, PAGE_SIZE - ((table + done) & (PAGE_SIZE - 1)));
		if (!guest_walk(v, table + done, ACCESS_READ, &w))
			continue;
		if (!done)
			first = w.gpa;
		if (!gva_read(v, table + done, (u8 *)copy + done, part, ACCESS_READ, &ignored))
			memset((u8 *)copy + done, 0, part);
		vm_trace_set(v->vm, w.gpa);
	}
	/* } SOLUTION E1.4 */
	for (u64 i = 0; i < bytes / 8; i++)
		if (!(copy[i] & DESC_S))
			copy[i] &= ~DESC_P;
	copy[0] = 0;
	return first;
}

COLD void ring3_make_tables(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);
	const struct segment *ldt = &v->seg[SEG_LDTR];
	bool has_ldt = ldt->selector & SEL_INDEX;

	if (r->tables_check && !r->tables_stale)
		r->tables_stale = !same_place(v, v->gdtr.base, r->gdt_gpa) ||
				  (has_ldt && !same_place(v, ldt->base, r->ldt_gpa));
	r->tables_check = false;
	if (!r->tables_stale)
		return;
	vcpu_need(v, VCPU_SEGS); /* user code may have loaded a descriptor of the old copies */
	r->tables_stale = false;
	r->gdt_gpa = copy_table(v, r->gdt, v->gdtr.base, (u64)v->gdtr.limit + 1);
	r->ldt_gpa = has_ldt ? copy_table(v, r->ldt, ldt->base, (u64)ldt->limit + 1) : ~0ULL;
	r->placed[true].valid = false;
	vcpu_changed(v, VCPU_CS_SS);
}

u64 ring3_copy_of(struct vcpu *v, u16 selector)
{
	struct ring3 *r = ring3_of(v);

	if (selector & SEL_TI)
		return v->seg[SEG_LDTR].selector & SEL_INDEX ? r->ldt[selector / 8] : 0;
	return r->gdt[selector / 8];
}

/*
 * One register. In virtual ring 0 the GDT names none of the guest's segments, so the descriptor is put there
 * for the time of the load: the CPU keeps base, limit and rights, and ring 3 reads the selector that it
 * expects.
 */
static void load_segment(struct vcpu *v, unsigned seg)
{
	struct ring3 *r = ring3_of(v);
	const struct segment *s = &v->seg[seg];
	u64 *gdt = (u64 *)r->gdt_loaded, *place = &gdt[s->selector / 8], old = *place;
	u16 selector = s->selector;

	if (!(selector & SEL_INDEX) || s->attr & SEG_ATTR_UNUSABLE) {
		r->real_sel[seg] = load_segment_safe(seg, selector & SEL_RPL) ? selector & SEL_RPL : 0;
		return;
	}
	if (selector & SEL_TI) {
		r->real_sel[seg] = load_segment_safe(seg, selector) ? selector : 0;
		return;
	}
	if (selector < RING3_SEL_FIRST)
		*place = desc_make((u32)s->base, s->limit, s->attr | SEG_ATTR_DPL | SEG_TYPE_ACCESSED);
	r->real_sel[seg] = load_segment_safe(seg, selector) ? selector : 0;
	if (selector < RING3_SEL_FIRST)
		*place = old;
}

void ring3_load_segments(struct vcpu *v)
{
	vcpu_need(v, VCPU_SEGS);
	load_segment(v, SEG_ES);
	load_segment(v, SEG_DS);
	load_segment(v, SEG_FS);
	load_segment(v, SEG_GS);
	wrmsr(MSR_FS_BASE, v->seg[SEG_FS].base);
	wrmsr(MSR_GS_BASE, v->seg[SEG_GS].base);
}
