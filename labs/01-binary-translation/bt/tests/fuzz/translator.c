// SPDX-License-Identifier: MIT
// LENGTH: 520
// WITH: labs/01-binary-translation/bt/tests/structure.c labs/01-binary-translation/bt/tests/monitor.c
// WITH: labs/01-binary-translation/bt/tests/reference.c labs/01-binary-translation/bt/tests/runner.c
/*
 * Fuzzes the translator: any bytes as the guest's code. The first bytes of an input say how it is translated
 * (struct header), the others are the code. The translation is not run. It must
 *
 *   - have the structure that every one must have (structure.h),
 *   - come out the same from the bytes alone that the block says it was made of: a write to any other must
 * not matter,
 *   - come out the same in a cache that it just fits into, and not at all in one that is smaller by one byte,
 *     point or exit; address sanitizer sees what is written behind such a cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/01-binary-translation/bt/tests/runner.h"
#include "labs/01-binary-translation/bt/tests/structure.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct header {
	u8 how;     /* HOW_* */
	u8 rip;     /* number in rips[] */
	u8 stop[2]; /* behind rip; 0: none */
	u8 smaller; /* by bytes, a point or an exit */
};

#define HOW_CAREFUL 1
#define HOW_MORE    2
#define MIN_BYTES   32 /* every block has as many */

static const u64 rips[] = {0xffffffff80100000, 0xffff888012345678, 0x400000,          0x7ffffff0, 0,
			   0x7fffffffff80,     0xffff800000000000, 0xffffffffffffff80};

static void fail(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
	abort();
}

/* A buffer of its own size, so that a read behind it is seen. */
static u8 *copy_of(const void *bytes, size_t size)
{
	u8 *copy = malloc(size);

	memcpy(copy, bytes, size);
	return copy;
}

static void start(struct bt_cache *c, enum bt_flavour flavour)
{
	c->blocks = c->points = c->exits = 0;
	c->flavour = flavour;
	bt_translate_stubs(c);
}

static bool is_same_exit(const struct bt_exit *a, const struct bt_exit *b)
{
	return a->rip == b->rip && a->at == b->at && a->jump == b->jump && a->resume == b->resume &&
	       a->kind == b->kind && a->spilled == b->spilled && a->result == b->result &&
	       ((a->kind != BT_EXIT_CALLOUT && a->kind != BT_EXIT_STORED) ||
		memcmp(&a->insn, &b->insn, sizeof(a->insn)) == 0);
}

/* The same code, points and exits as that of runner_cache? */
static bool is_same(const struct bt_cache *c)
{
	const struct bt_cache *r = &runner_cache;

	if (c->used != r->used || c->points != r->points || c->exits != r->exits ||
	    memcmp(c->block, r->block, sizeof(*c->block)) != 0 || memcmp(c->code, r->code, c->used) != 0 ||
	    memcmp(c->point, r->point, c->points * sizeof(*c->point)) != 0)
		return false;
	for (u32 n = 0; n < c->exits; n++)
		if (!is_same_exit(&c->exit[n], &r->exit[n]))
			return false;
	return true;
}

/* Translates into a cache of that size and no more; zeroed, since whole structures are compared. */
static void check_room(const struct bt_source *s, u32 size, u32 points, u32 exits)
{
	const struct bt_cache *r = &runner_cache;
	bool fits = size == r->used && points == r->points && exits == r->exits;
	struct bt_cache c = {.code = calloc(size, 1),
			     .size = size,
			     .window = r->window,
			     .block = calloc(1, sizeof(*c.block)),
			     .max_blocks = 1,
			     .point = calloc(points, sizeof(*c.point)),
			     .max_points = points,
			     .exit = calloc(exits, sizeof(*c.exit)),
			     .max_exits = exits};

	start(&c, r->flavour);
	if (bt_translate(&c, s) ? !fits || !is_same(&c) : fits)
		fail(fits ? "another translation where it just fits" : "a translation where it does not fit");
	free(c.code);
	free(c.block);
	free(c.point);
	free(c.exit);
}

static void check_limits(const struct bt_source *s, u8 smaller)
{
	const struct bt_cache *r = &runner_cache;
	struct bt_source own = *s;
	u8 *bytes = copy_of(s->bytes, r->block->guest_bytes);

	own.bytes = bytes;
	own.size = r->block->guest_bytes;
	check_room(&own, r->used, r->points, r->exits);
	if (smaller % 3 == 0)
		check_room(&own, r->used - 1 - smaller / 3 % MIN_BYTES, r->points, r->exits);
	else if (smaller % 3 == 1)
		check_room(&own, r->used, r->points - 1, r->exits);
	else if (r->exits)
		check_room(&own, r->used, r->points, r->exits - 1);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct bt_source s = {0};
	const char *problem;
	struct header h;
	u8 *bytes;

	if (size <= sizeof(h))
		return 0;
	/* Not before: the fuzzer has its signal handlers now. */
	runner_init();
	memcpy(&h, data, sizeof(h));
	s.rip = rips[h.rip % ARRAY_SIZE(rips)];
	s.size = (u32)(size - sizeof(h));
	s.bytes = bytes = copy_of(data + sizeof(h), s.size);
	s.more = h.how & HOW_MORE;
	for (unsigned n = 0; n < ARRAY_SIZE(h.stop); n++)
		if (h.stop[n])
			s.stop[s.stops++] = s.rip + h.stop[n];
	start(&runner_cache, h.how & HOW_CAREFUL ? BT_CAREFUL : BT_FAST);
	problem = structure_problem(bt_translate(&runner_cache, &s), &s);
	if (problem)
		fail(problem);
	check_limits(&s, h.smaller);
	free(bytes);
	return 0;
}
