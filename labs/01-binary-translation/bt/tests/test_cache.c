// SPDX-License-Identifier: MIT
/*
 * The translation cache: that nobody can come to a block that is void. Blocks are made up here, of one exit
 * each; the translator's part of patching is a note of where each exit leads. A long random test with a fixed
 * seed compares with a model that remembers only why a block may not be entered.
 */
#include "lib/tests/unit.h"
#include "labs/01-binary-translation/bt/bt.h"
#include "lib/string.h"
#include "x86/paging.h"

#define WINDOW      0xffff807fc0000000
#define BLOCKS      2048
#define BLOCK_BYTES 64 /* in the cache: checked entry, code, exit */
#define CODE_AT     16
#define EXIT_AT     32
#define FRAME_A     0x5000
#define FRAME_B     0x9000
#define RIP         0xffffffff80101000

static struct bt_block blocks[BLOCKS];
static struct bt_point points[BLOCKS];
static struct bt_exit exits[BLOCKS];
static u8 code[BLOCKS * BLOCK_BYTES + BLOCK_BYTES];
static u64 table[BT_TABLE_COUNT];
static struct bt_cache c;
static const struct bt_block *leads_to[BLOCKS];

void bt_patch(struct bt_cache *cache, struct bt_exit *e, const struct bt_block *to)
{
	leads_to[e - cache->exit] = to;
}

void bt_translate_stubs(struct bt_cache *cache)
{
	cache->used = BLOCK_BYTES;
}

static void start(void)
{
	c = (struct bt_cache){.code = code,
			      .table = table,
			      .window = WINDOW,
			      .block = blocks,
			      .point = points,
			      .exit = exits,
			      .max_blocks = BLOCKS,
			      .max_points = BLOCKS,
			      .max_exits = BLOCKS};
	memset(leads_to, 0, sizeof(leads_to));
	bt_start(&c);
}

static struct bt_block *make(u64 rip, u16 bytes, u64 frame, u64 second_frame)
{
	struct bt_block *b = &c.block[c.blocks];
	struct bt_exit *e = &c.exit[c.exits];

	*b = (struct bt_block){.rip = rip,
			       .checked = c.used,
			       .code = c.used + CODE_AT,
			       .end = c.used + BLOCK_BYTES,
			       .first_point = c.points,
			       .points = 1,
			       .first_exit = c.exits,
			       .exits = 1,
			       .guest_bytes = bytes,
			       .guest_insns = 1,
			       .frame = {frame, second_frame}};
	c.point[c.points] = (struct bt_point){.at = c.used + CODE_AT, .boundary = 1};
	*e = (struct bt_exit){.kind = BT_EXIT_CHAIN, .at = c.used + EXIT_AT, .block = c.blocks};
	memcpy(&c.code[e->at + BT_EXIT_BYTES - sizeof(u32)], &c.exits, sizeof(u32));
	c.used += BLOCK_BYTES;
	c.blocks++;
	c.points++;
	c.exits++;
	bt_add_block(&c, b);
	return b;
}

static struct bt_block *make_in(u64 rip, u64 frame)
{
	return make(rip, 4, frame, BT_NO_FRAME);
}

static struct bt_exit *exit_of(const struct bt_block *b)
{
	return &c.exit[b->first_exit];
}

static struct bt_block *find(u64 rip, u64 frame, u64 second_frame)
{
	const u64 frames[2] = {frame, second_frame};

	return bt_find_block(&c, rip, frames);
}

static bool in_table(const struct bt_block *b)
{
	return c.table[b->rip % BT_TABLE_COUNT] == c.window + b->checked;
}

/* ---- finding ---- */

static void test_found_by_rip_and_frame(void)
{
	struct bt_block *a, *b;

	start();
	CU_ASSERT_PTR_NULL(bt_find_mapped(&c, RIP));
	a = make_in(RIP, FRAME_A);
	CU_ASSERT_PTR_EQUAL(bt_find_mapped(&c, RIP), a);
	CU_ASSERT_PTR_EQUAL(find(RIP, FRAME_A, BT_NO_FRAME), a);
	CU_ASSERT_PTR_NULL(find(RIP, FRAME_B, BT_NO_FRAME));
	CU_ASSERT_PTR_NULL(find(RIP + 1, FRAME_A, BT_NO_FRAME));

	/* The same address in another address space has a block of its own, and each is found again. */
	bt_unmap_all(&c);
	b = make_in(RIP, FRAME_B);
	CU_ASSERT_PTR_EQUAL(bt_find_mapped(&c, RIP), b);
	bt_unmap_all(&c);
	CU_ASSERT_PTR_EQUAL(find(RIP, FRAME_A, BT_NO_FRAME), a);
	CU_ASSERT_PTR_EQUAL(bt_find_mapped(&c, RIP), a);
}

static void test_second_page_counts(void)
{
	u64 rip = RIP + PAGE_SIZE - 2;
	struct bt_block *b;

	start();
	b = make(rip, 4, FRAME_A, FRAME_B);
	CU_ASSERT_PTR_EQUAL(find(rip, FRAME_A, FRAME_B), b);
	CU_ASSERT_PTR_NULL(find(rip, FRAME_A, FRAME_A));
	bt_unmap_page(&c, RIP + PAGE_SIZE); /* the second page alone */
	CU_ASSERT_PTR_NULL(bt_find_mapped(&c, rip));
	CU_ASSERT_PTR_EQUAL(find(rip, FRAME_A, FRAME_B), b);
	bt_frame_written(&c, FRAME_B);
	CU_ASSERT_PTR_NULL(find(rip, FRAME_A, FRAME_B));
}

static void test_point_of_address(void)
{
	const struct bt_block *found = NULL;
	struct bt_block *a, *b;

	start();
	CU_ASSERT_PTR_NULL(bt_find_point(&c, BT_MISS_STUB, &found));
	a = make_in(RIP, FRAME_A);
	b = make_in(RIP + 16, FRAME_A);
	CU_ASSERT_PTR_EQUAL(bt_find_point(&c, a->code, &found), &points[0]);
	CU_ASSERT_PTR_EQUAL(found, a);
	CU_ASSERT_PTR_EQUAL(bt_find_point(&c, a->end - 1, &found), &points[0]);
	CU_ASSERT_PTR_EQUAL(bt_find_point(&c, b->code, &found), &points[1]);
	CU_ASSERT_PTR_EQUAL(found, b);
	CU_ASSERT_PTR_NULL(
		bt_find_point(&c, b->code - 1, &found)); /* its checked entry: no instruction yet */
	CU_ASSERT_PTR_NULL(bt_find_point(&c, b->end, &found));
}

static void test_exit_of_address(void)
{
	u32 wrong = 5;
	struct bt_block *a;

	start();
	a = make_in(RIP, FRAME_A);
	CU_ASSERT_PTR_EQUAL(bt_find_exit(&c, exit_of(a)->at), exit_of(a));
	CU_ASSERT_PTR_NULL(bt_find_exit(&c, exit_of(a)->at + 1));
	CU_ASSERT_PTR_NULL(bt_find_exit(&c, c.used - 1));
	memcpy(&c.code[exit_of(a)->at + BT_EXIT_BYTES - sizeof(u32)], &wrong, sizeof(wrong));
	CU_ASSERT_PTR_NULL(bt_find_exit(&c, exit_of(a)->at));
}

/* ---- what is void ---- */

static void test_written_code_is_dead(void)
{
	struct bt_block *a, *b, *other;
	u32 generation;

	start();
	a = make_in(RIP, FRAME_A);
	b = make_in(RIP + 16, FRAME_A);
	other = make_in(RIP + PAGE_SIZE, FRAME_B);
	bt_chain(&c, exit_of(other), a);
	bt_chain(&c, exit_of(a), b);
	bt_chain(&c, exit_of(b), other);
	bt_enter_table(&c, a);
	bt_enter_table(&c, other);
	generation = c.generation;
	bt_frame_written(&c, FRAME_A);
	CU_ASSERT_NOT_EQUAL(c.generation, generation);
	CU_ASSERT_PTR_NULL(bt_find_mapped(&c, RIP));
	CU_ASSERT_PTR_NULL(find(RIP, FRAME_A, BT_NO_FRAME));
	CU_ASSERT_PTR_NULL(leads_to[other->first_exit]);
	CU_ASSERT_FALSE(in_table(a));
	CU_ASSERT(in_table(other));
	CU_ASSERT_PTR_EQUAL(bt_find_mapped(&c, other->rip), other);

	/* And a new translation takes its place. */
	a = make_in(RIP, FRAME_A);
	CU_ASSERT_PTR_EQUAL(find(RIP, FRAME_A, BT_NO_FRAME), a);
	generation = c.generation;
	bt_frame_written(&c, FRAME_A + PAGE_SIZE); /* nothing of it is translated */
	CU_ASSERT_EQUAL(c.generation, generation);
}

static void test_unmapped_page(void)
{
	struct bt_block *a, *b, *far;
	u32 generation;

	start();
	a = make_in(RIP, FRAME_A);
	b = make_in(RIP + 16, FRAME_A);
	far = make_in(RIP + PAGE_SIZE, FRAME_B);
	bt_chain(&c, exit_of(a), b);
	bt_chain(&c, exit_of(far), a);
	bt_enter_table(&c, a);
	generation = c.generation;
	bt_unmap_page(&c, RIP + 7 * PAGE_SIZE); /* no code there */
	CU_ASSERT_EQUAL(c.generation, generation);
	CU_ASSERT(in_table(a));

	bt_unmap_page(&c, RIP + 123);
	CU_ASSERT_NOT_EQUAL(c.generation, generation);
	CU_ASSERT_FALSE(in_table(a));
	CU_ASSERT_PTR_NULL(bt_find_mapped(&c, RIP));
	CU_ASSERT_PTR_NULL(leads_to[far->first_exit]);
	CU_ASSERT_PTR_EQUAL(leads_to[a->first_exit], b); /* within the page */
	CU_ASSERT_PTR_EQUAL(bt_find_mapped(&c, far->rip), far);
}

static void test_unmapped_all(void)
{
	struct bt_block *a, *b, *far;

	start();
	a = make_in(RIP, FRAME_A);
	b = make_in(RIP + 16, FRAME_A);
	far = make_in(RIP + PAGE_SIZE, FRAME_B);
	bt_chain(&c, exit_of(a), b);
	bt_chain(&c, exit_of(b), far);
	bt_enter_table(&c, far);
	bt_unmap_all(&c);
	CU_ASSERT_PTR_NULL(bt_find_mapped(&c, a->rip));
	CU_ASSERT_PTR_NULL(bt_find_mapped(&c, far->rip));
	CU_ASSERT_FALSE(in_table(far));
	CU_ASSERT_PTR_EQUAL(leads_to[a->first_exit], b);
	CU_ASSERT_PTR_NULL(leads_to[b->first_exit]);
}

static void test_table_conflict(void)
{
	struct bt_block *a, *b;

	start();
	a = make_in(RIP, FRAME_A);
	b = make_in(RIP + BT_TABLE_COUNT, FRAME_B); /* the same entry */
	bt_enter_table(&c, a);
	bt_enter_table(&c, b);
	CU_ASSERT(in_table(b));
	bt_unmap_page(&c, a->rip); /* does not take what is not its own */
	CU_ASSERT(in_table(b));
	bt_unmap_page(&c, b->rip);
	CU_ASSERT_EQUAL(c.table[b->rip % BT_TABLE_COUNT], c.window + BT_MISS_STUB);
}

/* ---- counting ---- */

/* Who counts hears of every jump: what leads where is noted, but nothing goes there by itself. */
static void test_counting(void)
{
	static u32 runs[BLOCKS], lookups[BLOCKS], taken[BLOCKS];
	struct bt_counts counts = {.runs = runs, .lookups = lookups, .taken = taken};
	struct bt_block *a, *b;

	start();
	c.counts = &counts;
	a = make_in(RIP, FRAME_A);
	b = make_in(RIP + 16, FRAME_A);
	bt_chain(&c, exit_of(a), b);
	bt_enter_table(&c, b);
	CU_ASSERT_EQUAL(exit_of(a)->chained, b - blocks + 1);
	CU_ASSERT_PTR_NULL(leads_to[a->first_exit]);
	CU_ASSERT_FALSE(in_table(b));
	runs[1] = lookups[1] = taken[0] = 7;
	bt_flush(&c); /* other blocks will have these numbers */
	CU_ASSERT(!runs[1] && !lookups[1] && !taken[0]);
}

/* ---- at random ---- */

#define PAGES  4
#define FRAMES 3
#define ROUNDS 200000

static u64 random_state = 1;

static u32 random_below(u32 n)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (u32)(random_state >> 33) % n;
}

/* Where the page is: the model's page table. */
static u64 frame_of[PAGES];
static bool dead[BLOCKS];

static u64 page_frame(u64 rip)
{
	return frame_of[(rip - RIP) / PAGE_SIZE];
}

static bool crosses(const struct bt_block *b)
{
	return b->frame[1] != BT_NO_FRAME;
}

/* By the model: may the CPU come to this block by its address? */
static bool is_right(const struct bt_block *b)
{
	return !dead[b - blocks] && b->frame[0] == page_frame(b->rip) &&
	       (!crosses(b) || b->frame[1] == page_frame(b->rip + b->guest_bytes - 1));
}

static bool shares_page(const struct bt_block *a, const struct bt_block *b)
{
	return a->rip / PAGE_SIZE == b->rip / PAGE_SIZE && !crosses(a) && !crosses(b) &&
	       a->frame[0] == b->frame[0];
}

static unsigned wrong;

static void check_all(void)
{
	for (u32 i = 0; i < c.exits; i++) {
		const struct bt_exit *e = &c.exit[i];
		const struct bt_block *to = e->chained ? &c.block[e->chained - 1] : NULL;

		wrong += leads_to[i] != to;
		if (to && !dead[e->block])
			wrong += dead[to - blocks] || !(is_right(to) || shares_page(&c.block[e->block], to));
	}
	for (u32 i = 0; i < c.blocks; i++) {
		wrong += in_table(&blocks[i]) && !is_right(&blocks[i]);
		wrong += blocks[i].mapped && !is_right(&blocks[i]);
	}
}

static struct bt_block *some_block(void)
{
	u64 rip = RIP + random_below((PAGES - 1) * PAGE_SIZE / 64) * 64;
	u16 bytes = 4;
	u64 second = BT_NO_FRAME;
	struct bt_block *b;

	if (!random_below(4)) {
		rip = (rip | (PAGE_SIZE - 1)) - 1;
		second = page_frame(rip + bytes - 1);
	}
	b = bt_find_mapped(&c, rip);
	if (!b)
		b = find(rip, page_frame(rip), second);
	if (!b) {
		if (c.blocks == BLOCKS) {
			bt_flush(&c);
			memset(dead, 0, sizeof(dead));
			memset(leads_to, 0, sizeof(leads_to));
		}
		b = make(rip, bytes, page_frame(rip), second);
	}
	wrong += !is_right(b);
	return b;
}

static void kill_frame(u64 frame)
{
	for (u32 i = 0; i < c.blocks; i++)
		if (blocks[i].frame[0] == frame || blocks[i].frame[1] == frame)
			dead[i] = true;
	bt_frame_written(&c, frame);
}

static void one_round(void)
{
	u32 page = random_below(PAGES);
	struct bt_block *from = some_block(), *to;

	switch (random_below(64)) {
	case 0:
		kill_frame((1 + random_below(FRAMES)) * PAGE_SIZE);
		break;
	case 1:
		frame_of[page] = (1 + random_below(FRAMES)) * PAGE_SIZE;
		bt_unmap_page(&c, RIP + page * PAGE_SIZE + random_below(PAGE_SIZE));
		break;
	case 2:
		for (page = 0; page < PAGES; page++)
			frame_of[page] = (1 + random_below(FRAMES)) * PAGE_SIZE;
		bt_unmap_all(&c);
		break;
	default:
		to = some_block();
		if (from >= &blocks[c.blocks])
			return; /* the cache was flushed in between */
		if (!exit_of(from)->chained)
			bt_chain(&c, exit_of(from), to);
		bt_enter_table(&c, to);
	}
}

static void test_random(void)
{
	start();
	for (u32 i = 0; i < PAGES; i++)
		frame_of[i] = PAGE_SIZE;
	for (u32 i = 0; i < ROUNDS; i++) {
		one_round();
		if (i % 64 == 0)
			check_all();
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(c.flushes > 1);
}

UNIT_MAIN("cache", {"found by RIP and frame", test_found_by_rip_and_frame},
	  {"the second page counts", test_second_page_counts}, {"point of an address", test_point_of_address},
	  {"exit of an address", test_exit_of_address}, {"written code is dead", test_written_code_is_dead},
	  {"a page that is unmapped", test_unmapped_page}, {"all that is unmapped", test_unmapped_all},
	  {"two blocks for one entry of the table", test_table_conflict}, {"counting", test_counting},
	  {"random", test_random})
