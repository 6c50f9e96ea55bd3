// SPDX-License-Identifier: MIT
/*
 * From where the CPU left the cache back to a precise state of the guest, by the points of the block: its RIP
 * is the guest's, and registers that the translation had saved are back. The two rules in bt.h make it
 * possible. Where there is no way back the guest itself has jumped to a place that no translation leads to,
 * and it ends.
 */
#include "engine.h"
#include "vmm/emulate.h"
#include "vmm/vm.h"

static u64 flags_of_lahf(u64 rax)
{
	u64 saved = RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF | RFLAGS_CF;

	return (rax >> 8 & saved) | (rax & 1 ? RFLAGS_OF : 0);
}

void bt_restore(struct vcpu *v, unsigned spilled)
{
	const struct bt_state *s = bt_of(v)->window.state;

	if (spilled & BT_FLAGS_SAVED)
		v->rflags = (v->rflags & ~(u64)RFLAGS_ARITHMETIC) | flags_of_lahf(v->gpr[GPR_RAX]);
	for (unsigned i = 0; i < BT_SPILLS; i++)
		if (spilled & BT_SPILL_MASK(i))
			v->gpr[bt_spill_gpr[i]] = s->spill[i];
}

/* ---- x87 ---- */

static bool has_x87(const struct vcpu *v, const struct insn *i)
{
	return i->op != OP_XSAVE || v->gpr[GPR_RAX] & XCR0_X87; /* the mask of what is stored */
}

/* The guest's own CS; CPUs of late store 0 in its place. */
static bool mend_selector(struct vcpu *v, gva_t gva, struct event *f)
{
	u16 selector;

	if (!gva_read(v, gva, &selector, sizeof(selector), ACCESS_READ, f))
		return false;
	vcpu_need(v, VCPU_CS_SS);
	return !selector || gva_write(v, gva, &v->seg[SEG_CS].selector, sizeof(selector), ACCESS_WRITE, f);
}

static bool mend(struct vcpu *v, gva_t gva, const struct bt_x87_image *image, struct event *f)
{
	u64 rip = 0;

	if (!gva_read(v, gva + image->rip, &rip, image->rip_bytes, ACCESS_READ, f))
		return false;
	if (!bt_x87_rip(&bt_of(v)->cache, &rip, image->rip_bytes))
		return true;
	return gva_write(v, gva + image->rip, &rip, image->rip_bytes, ACCESS_WRITE, f) &&
	       (!image->cs || mend_selector(v, gva + image->cs, f));
}

void bt_mend_x87(struct vcpu *v, const struct bt_exit *e)
{
	struct bt_x87_image image;
	struct event f;
	gva_t gva;

	if (!bt_x87_image(&e->insn, &image) || !has_x87(v, &e->insn))
		return;
	v->rip = e->rip - e->insn.length; /* an operand may count from RIP */
	gva = emulate_operand_gva(v, &e->insn);
	v->rip = e->rip;
	/* It has just been written. Where that has changed the guest's own page tables it may be gone. */
	(void)!mend(v, gva, &image, &f);
}

/* ---- the way back ---- */

/* The report shows the guest's own RIP, wherever in the cache the CPU was, even if it cannot go on there. */
void bt_end(struct vcpu *v, const char *why)
{
	const struct bt_cache *c = &bt_of(v)->cache;
	const struct bt_block *block;
	const struct bt_point *p;
	const struct bt_exit *e;
	u32 at;

	if (bt_offset_of(v, &at)) {
		e = bt_find_exit(c, at);
		p = bt_find_point(c, at, &block);
		if (e || at == BT_MISS_STUB) {
			bt_recover_exit(v, e);
		} else if (p) {
			bt_restore(v, p->spilled);
			v->rip = block->rip + p->guest;
		}
	}
	vcpu_end(v, "%s", why);
}

void bt_left_cache(struct vcpu *v)
{
	bt_end(v, "its kernel jumped into the monitor's part of its address space");
}

bool bt_in_shadow(struct vcpu *v, const struct bt_point *p, u32 at)
{
	return (p && p->shadow && p->at == at) || v->rip == bt_of(v)->shadow_rip;
}

static void look_up(const struct bt_cache *c, u32 at, struct bt_known_point *known)
{
	const struct bt_block *block;
	const struct bt_point *p = bt_find_point(c, at, &block);

	*known = (struct bt_known_point){.at = at, .flushes = c->flushes};
	if (!p || p->committed)
		return;
	known->precise = true;
	known->rip = block->rip + p->guest;
	known->spilled = p->spilled;
	known->shadow = p->shadow && p->at == at;
	known->usual = !known->spilled && !known->shadow;
	while (!p->boundary && p > &c->point[block->first_point])
		p--;
	known->resume_at = p->at;
}

/* Faults come again and again from the same places. */
static inline bool is_known(const struct bt *b, u32 at, const struct bt_known_point *known)
{
	return known->at == at && known->flushes == b->cache.flushes;
}

static inline void go_back(struct vcpu *v, struct bt *b, const struct bt_known_point *known, bool shadow)
{
	v->rip = known->rip;
	v->interrupt_shadow = shadow || known->rip == b->shadow_rip;
	bt_resume(b, known->rip, known->resume_at);
}

/* From a place for the first time, or with something to restore; or there is no way. */
static COLD bool recover_unusual(struct vcpu *v)
{
	struct bt *b = bt_of(v);
	struct bt_known_point *known;
	u32 at;

	if (bt_offset_of(v, &at)) {
		known = &b->known[at % BT_KNOWN_POINTS];
		if (!is_known(b, at, known))
			look_up(&b->cache, at, known);
		if (known->precise) {
			if (known->spilled)
				bt_restore(v, known->spilled);
			go_back(v, b, known, known->shadow);
			return true;
		}
	}
	bt_left_cache(v);
	return false;
}

bool bt_recover(struct vcpu *v)
{
	struct bt *b = bt_of(v);
	const struct bt_known_point *known;
	u32 at;

	if (!bt_offset_of(v, &at))
		return recover_unusual(v);
	known = &b->known[at % BT_KNOWN_POINTS];
	if (!is_known(b, at, known) || !known->usual)
		return recover_unusual(v);
	go_back(v, b, known, false);
	return true;
}
