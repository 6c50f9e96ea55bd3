// SPDX-License-Identifier: MIT
/* machine/ranges.c: against a map with one flag a byte, and by single cases. */
#include <string.h>

#include "machine/ranges.c"

#include "lib/tests/unit.h"

#define BYTES 256

static bool flag[BYTES];

/* The same set in both forms, sorted, apart and not empty. */
static bool agrees(const struct range_set *s)
{
	bool seen[BYTES] = {false};

	for (unsigned i = 0; i < s->count; i++) {
		if (s->range[i].start >= s->range[i].end || s->range[i].end > BYTES)
			return false;
		if (i && s->range[i].start <= s->range[i - 1].end)
			return false;
		memset(seen + s->range[i].start, true, s->range[i].end - s->range[i].start);
	}
	return !memcmp(seen, flag, sizeof(flag));
}

static u32 random_below(u32 n)
{
	static u32 state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

static void test_against_flags(void)
{
	struct range_set s = {0};
	unsigned wrong = 0;

	memset(flag, 0, sizeof(flag));
	for (unsigned i = 0; i < 20000; i++) {
		u32 start = random_below(BYTES), end = start + random_below(BYTES - start + 1);
		bool add = random_below(2);

		wrong += !(add ? range_add(&s, start, end) : range_remove(&s, start, end));
		memset(flag + start, add, end - start);
		wrong += !agrees(&s);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_neighbours_join(void)
{
	struct range_set s = {0};

	CU_ASSERT(range_add(&s, 0x1000, 0x2000));
	CU_ASSERT(range_add(&s, 0x3000, 0x4000));
	CU_ASSERT_EQUAL(s.count, 2);
	CU_ASSERT(range_add(&s, 0x2000, 0x3000));
	CU_ASSERT_EQUAL_FATAL(s.count, 1);
	CU_ASSERT_EQUAL(s.range[0].start, 0x1000);
	CU_ASSERT_EQUAL(s.range[0].end, 0x4000);
	CU_ASSERT(range_add(&s, 0x5000, 0x5000));
	CU_ASSERT_EQUAL(s.count, 1);
}

static void test_take_aligns(void)
{
	struct range_set s = {0};
	u64 start = 0;

	CU_ASSERT(range_add(&s, 0x1000, 0x3000));
	CU_ASSERT(range_add(&s, 0x7000, 0x20000));
	CU_ASSERT_FALSE(range_take(&s, 0x20000, 0x1000, &start));
	CU_ASSERT(range_take(&s, 0x4000, 0x8000, &start));
	CU_ASSERT_EQUAL(start, 0x8000);
	CU_ASSERT(range_take(&s, 0x1000, 0x1000, &start));
	CU_ASSERT_EQUAL(start, 0x1000);
	/* What alignment skipped is still there. */
	CU_ASSERT(range_remove(&s, 0x1000, 0x3000));
	CU_ASSERT(range_take(&s, 0x1000, 0x1000, &start));
	CU_ASSERT_EQUAL(start, 0x7000);
}

static void test_take_all(void)
{
	struct range_set s = {0};
	u64 start;
	unsigned taken = 0;

	CU_ASSERT(range_add(&s, 0x1000, 0x11000));
	while (taken < 100 && range_take(&s, 0x1000, 0x1000, &start))
		taken++;
	CU_ASSERT_EQUAL(taken, 16);
	CU_ASSERT_EQUAL(s.count, 0);
}

static void test_end_of_address_space(void)
{
	struct range_set s = {0};
	u64 start;

	CU_ASSERT(range_add(&s, ~0xfffULL - 0x1000, ~0xfffULL));
	CU_ASSERT_FALSE(range_take(&s, 0x1000, 1ULL << 63, &start));
	CU_ASSERT_FALSE(range_take(&s, ~0ULL, 0x1000, &start));
	CU_ASSERT_EQUAL(s.count, 1);
}

static void test_full_set(void)
{
	struct range_set s = {0};

	for (u64 i = 0; i < RANGES_MAX; i++)
		CU_ASSERT(range_add(&s, 0x10 * i, 0x10 * i + 4));
	CU_ASSERT_FALSE(range_add(&s, 0x10 * RANGES_MAX, 0x10 * RANGES_MAX + 4));
	CU_ASSERT_FALSE(range_remove(&s, 1, 2));
	CU_ASSERT_EQUAL(s.range[0].end, 4);
	CU_ASSERT(range_add(&s, 4, 0x10));
	CU_ASSERT_EQUAL(s.count, RANGES_MAX - 1);
}

UNIT_MAIN("machine-ranges", {"against_flags", test_against_flags}, {"neighbours_join", test_neighbours_join},
	  {"take_aligns", test_take_aligns}, {"take_all", test_take_all},
	  {"end_of_address_space", test_end_of_address_space}, {"full_set", test_full_set})
