// SPDX-License-Identifier: MIT
/* Any bytes at all as the guest's code: the translation has the structure that every one must have. */
#include "lib/tests/unit.h"
#include "runner.h"
#include "structure.h"

#define BLOCKS 40000

static u32 random_state;

static u32 any(u32 below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (u32)((u64)random_state * below >> 32);
}

/* First bytes of what is treated in a way of its own, so that it comes more often than by chance. */
static const u8 likely[] = {0x0f, 0x0f, 0x48, 0x66, 0x67, 0xf3, 0x9c, 0x9d, 0xfa, 0xfb, 0x8c, 0xff,
			    0xe8, 0xe9, 0xeb, 0x75, 0xe2, 0xc3, 0xcf, 0xc4, 0xc5, 0x62, 0x44, 0x20,
			    0x22, 0x00, 0x01, 0x05, 0x0d, 0x15, 0x25, 0x8b, 0x83, 0x90, 0x50, 0x58};

static void make_source(struct bt_source *s, u8 *bytes)
{
	static const u64 rips[] = {0xffffffff80100000, 0xffff888012345678, 0x400000, 0x7ffffff0};

	*s = (struct bt_source){
		.rip = rips[any(ARRAY_SIZE(rips))], .bytes = bytes, .size = 1 + any(600), .more = any(2)};
	for (u32 n = 0; n < s->size; n++)
		bytes[n] = (u8)(any(2) ? likely[any(sizeof(likely))] : any(256));
	for (s->stops = any(3); s->stops && any(2); s->stops--)
		;
	for (u32 n = 0; n < s->stops; n++)
		s->stop[n] = s->rip + any(40);
}

static void test_random(void)
{
	struct bt_source s;
	u8 bytes[600];

	runner_init();
	for (u32 n = 0; n < BLOCKS; n++) {
		const char *problem;

		random_state = n * 2654435761U;
		runner_cache.blocks = runner_cache.points = runner_cache.exits = 0;
		runner_cache.flavour = any(2) ? BT_FAST : BT_CAREFUL;
		bt_translate_stubs(&runner_cache);
		make_source(&s, bytes);
		problem = structure_problem(bt_translate(&runner_cache, &s), &s);
		if (!problem)
			problem = runner_cache.missing;
		if (problem)
			fprintf(stderr, "block %u: %s\n", n, problem);
		CU_ASSERT_PTR_NULL_FATAL(problem);
	}
}

/* A cache of any size: the block is there where it fits, and otherwise not. */
static void test_room(void)
{
	static const u8 bytes[] = {0x9c, 0x9d, 0x74, 0x00, 0xe8, 0x00, 0x00, 0x00, 0x00};
	struct bt_source s = {.rip = 0xffff888012345678, .bytes = bytes, .size = sizeof(bytes)};
	u32 used, size;

	runner_init();
	size = runner_cache.size;
	runner_flush(BT_FAST);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bt_translate(&runner_cache, &s));
	used = runner_cache.used;
	for (runner_cache.size = 8; runner_cache.size <= used; runner_cache.size++) {
		runner_flush(BT_FAST);
		CU_ASSERT_EQUAL(bt_translate(&runner_cache, &s) != NULL, runner_cache.size == used);
	}
	runner_cache.size = size;
}

UNIT_MAIN("random", {"any bytes", test_random}, {"no room", test_room})
