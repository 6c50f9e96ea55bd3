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

/* Faults come again and again from the same places. */
static const struct bt_point *find_point(struct bt *b, u32 at, const struct bt_block **block)
{
	struct bt_known_point *known = &b->known[at % BT_KNOWN_POINTS];

	if (known->at != at || known->flushes != b->cache.flushes) {
		known->point = bt_find_point(&b->cache, at, &known->block);
		known->at = at;
		known->flushes = b->cache.flushes;
	}
	*block = known->block;
	return known->point;
}

bool bt_in_shadow(struct vcpu *v, const struct bt_point *p, u32 at)
{
	return (p && p->shadow && p->at == at) || v->rip == bt_of(v)->shadow_rip;
}

bool bt_recover(struct vcpu *v)
{
	struct bt *b = bt_of(v);
	const struct bt_block *block;
	const struct bt_point *p;
	u32 at;

	p = bt_offset_of(v, &at) ? find_point(b, at, &block) : NULL;
	if (!p || p->committed) {
		bt_left_cache(v);
		return false;
	}
	if (p->spilled)
		bt_restore(v, p->spilled);
	v->rip = block->rip + p->guest;
	v->interrupt_shadow = bt_in_shadow(v, p, at);
	while (!p->boundary && p > &b->cache.point[block->first_point])
		p--;
	b->resume_rip = v->rip;
	b->resume_at = p->at;
	b->resume_generation = b->cache.generation;
	return true;
}
