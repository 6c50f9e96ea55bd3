// SPDX-License-Identifier: MIT
/*
 * From where the CPU left the cache back to a precise state of the guest, by the points of the block: its RIP
 * is the guest's, and registers that the translation had saved are back. The two rules in bt.h make it
 * possible. Where there is no way back the guest itself has jumped to a place that no translation leads to,
 * and it ends.
 */
#include "engine.h"
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

void bt_left_cache(struct vcpu *v)
{
	vcpu_end(v, "its kernel jumped into the monitor's part of its address space");
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
	v->rip = b->resume_rip = known->rip;
	v->interrupt_shadow = shadow || known->rip == b->shadow_rip;
	b->resume_at = known->resume_at;
	b->resume_generation = b->cache.generation;
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
