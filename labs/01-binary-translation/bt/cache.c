// SPDX-License-Identifier: MIT
/*
 * The translation cache: which blocks there are, how to find them, how they lead to each other without the
 * monitor, and when they become void.
 *
 * Three things can void a block, and each has its own answer:
 *
 *   its code is written      the block is dead: nobody finds it, and nobody is chained to it any more
 *   its page may have moved  the block is not `mapped`: it is asked for again by rip and frame, since another
 *                            page may be at its address, and perhaps it will be back (the guest's processes)
 *   the cache is full        everything goes
 *
 * The second is what a TLB does, so the engine hears of it where a TLB would (engine.h: tlb_flush_page).
 * Chains between blocks of one page stay: who came into the page has seen where it is.
 */
#include "bt.h"
#include "lib/string.h"
#include "vmm/vcpu.h" /* exercise_sentence(), in a workspace */
#include "x86/paging.h"

static u32 number(const struct bt_cache *c, const struct bt_block *b)
{
	return (u32)(b - c->block);
}

static u64 page_of(u64 gva)
{
	return gva & ~(u64)(PAGE_SIZE - 1);
}

static bool crosses(const struct bt_block *b)
{
	return page_of(b->rip) != page_of(b->rip + b->guest_bytes - 1);
}

static u64 *table_of(struct bt_cache *c, u64 rip)
{
	return &c->table[rip % BT_TABLE_COUNT];
}

/* ---- finding ---- */

static const struct bt_block *block_at(const struct bt_cache *c, u32 at)
{
	u32 low = 0, high = c->blocks;

	while (low < high) { /* blocks stand in the order in which they were made */
		u32 middle = (low + high) / 2;

		if (at < c->block[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	/* The checked entry stands before the code. */
	return low < c->blocks && at >= MIN(c->block[low].code, c->block[low].checked) ? &c->block[low]
										       : NULL;
}

const struct bt_point *bt_find_point(const struct bt_cache *c, u32 at, const struct bt_block **block)
{
	const struct bt_block *b = block_at(c, at);
	const struct bt_point *found = NULL;

	if (!b)
		return NULL;
	*block = b;
	for (u32 i = 0; i < b->points && c->point[b->first_point + i].at <= at; i++)
		found = &c->point[b->first_point + i];
	return found;
}

static void set_mapped(struct bt_cache *c, struct bt_block *b)
{
	for (unsigned i = 0; i <= crosses(b); i++) {
		u64 bit = (b->rip / PAGE_SIZE + i) % BT_PAGE_FILTER;

		c->pages[bit / 64] |= BIT(bit % 64);
	}
	if (b->mapped)
		return;
	b->mapped = true;
	b->mapped_next = c->mapped;
	c->mapped = number(c, b) + 1;
}

struct bt_block *bt_find_block(struct bt_cache *c, u64 rip, const u64 frame[2])
{
	struct bt_block *b = bt_block_of(c, c->hash[bt_hash(rip)]);

	while (b && (b->dead || b->rip != rip || b->frame[0] != frame[0] ||
		     (b->frame[1] != BT_NO_FRAME && b->frame[1] != frame[1])))
		b = bt_block_of(c, b->hash_next);
	if (b)
		set_mapped(c, b);
	return b;
}

void bt_add_block(struct bt_cache *c, struct bt_block *b)
{
	u32 *first = &c->hash[bt_hash(b->rip)];

	b->hash_next = *first;
	*first = number(c, b) + 1;
	b->incoming = 0;
	b->dead = b->mapped = false;
	set_mapped(c, b);
}

/* ---- from block to block without the monitor ---- */

void bt_chain(struct bt_cache *c, struct bt_exit *e, struct bt_block *to)
{
	/* SOLUTION E1.6 { stub: (void)e; (void)to; bt_missing(c, sentence); */
	e->chained = number(c, to) + 1;
	e->next = to->incoming;
	to->incoming = (u32)(e - c->exit) + 1;
	if (bt_goes_alone(c))
		bt_patch(c, e, to);
	/* } SOLUTION E1.6 */
}

void bt_enter_table(struct bt_cache *c, const struct bt_block *b)
{
	if (bt_goes_alone(c))
		*table_of(c, b->rip) = c->window + b->checked;
}

static void leave_table(struct bt_cache *c, const struct bt_block *b)
{
	u64 *entry = table_of(c, b->rip);

	if (*entry == c->window + b->checked)
		*entry = c->window + BT_MISS_STUB;
}

static bool same_page(const struct bt_block *a, const struct bt_block *b)
{
	return page_of(a->rip) == page_of(b->rip) && !crosses(a) && !crosses(b);
}

/* Nobody jumps to the block any more, but, unless `all`, those that share its page. */
static void unchain(struct bt_cache *c, struct bt_block *b, bool all)
{
	/* SOLUTION E1.6 { stub: (void)same_page; (void)b; (void)all; bt_missing(c, sentence); */
	u32 *link = &b->incoming;

	while (*link) {
		struct bt_exit *e = &c->exit[*link - 1];

		if (!all && same_page(b, &c->block[e->block])) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		e->chained = 0;
		bt_patch(c, e, NULL);
	}
	/* } SOLUTION E1.6 */
}

/* ---- void blocks ---- */

void bt_kill_block(struct bt_cache *c, struct bt_block *b)
{
	b->dead = true; /* it stays in the list of mapped blocks until that is emptied */
	b->mapped = false;
	leave_table(c, b);
	unchain(c, b, true);
	c->generation++;
}

void bt_frame_written(struct bt_cache *c, u64 frame)
{
	for (u32 i = 0; i < c->blocks; i++) {
		struct bt_block *b = &c->block[i];

		if (!b->dead && (b->frame[0] == frame || b->frame[1] == frame))
			bt_kill_block(c, b);
	}
}

void bt_unmap_page(struct bt_cache *c, u64 gva)
{
	u64 bit = gva / PAGE_SIZE % BT_PAGE_FILTER, page = page_of(gva);
	u32 *link = &c->mapped;

	if (!(c->pages[bit / 64] >> bit % 64 & 1))
		return;
	while (*link) {
		struct bt_block *b = &c->block[*link - 1];

		if (!b->dead && page_of(b->rip) != page && page_of(b->rip + b->guest_bytes - 1) != page) {
			link = &b->mapped_next;
			continue;
		}
		*link = b->mapped_next;
		b->mapped = false;
		leave_table(c, b);
		unchain(c, b, false);
		c->generation++;
	}
}

void bt_unmap_all(struct bt_cache *c)
{
	while (c->mapped) {
		struct bt_block *b = &c->block[c->mapped - 1];

		c->mapped = b->mapped_next;
		b->mapped = false;
		leave_table(c, b);
		unchain(c, b, false);
	}
	memset(c->pages, 0, sizeof(c->pages));
	c->generation++;
}

void bt_start(struct bt_cache *c)
{
	for (u32 i = 0; i < BT_TABLE_COUNT; i++)
		c->table[i] = c->window + BT_MISS_STUB;
	bt_translate_stubs(c);
}

static void clear_counts(struct bt_cache *c)
{
	memset(c->counts->runs, 0, c->blocks * sizeof(u32));
	memset(c->counts->lookups, 0, c->blocks * sizeof(u32));
	memset(c->counts->taken, 0, c->exits * sizeof(u32));
}

void bt_flush(struct bt_cache *c)
{
	if (c->counts)
		clear_counts(c);
	for (u32 i = 0; i < c->blocks; i++)
		leave_table(c, &c->block[i]);
	memset(c->hash, 0, sizeof(c->hash));
	memset(c->pages, 0, sizeof(c->pages));
	c->mapped = c->blocks = c->points = c->exits = c->used = 0;
	c->generation++;
	c->flushes++;
	bt_translate_stubs(c);
}
