// SPDX-License-Identifier: MIT
/*
 * lib/string.c against the C library's functions, over every small offset, length and overlap. The functions
 * are compiled here a second time under names of their own: linked as they are, they would replace the C
 * library's in this very program.
 */
#include <string.h>

#define memcpy  lib_memcpy
#define memmove lib_memmove
#define memset  lib_memset
#define memcmp  lib_memcmp
#define strlen  lib_strlen
#define strcmp  lib_strcmp
#define strncmp lib_strncmp
#define strchr  lib_strchr
#define strstr  lib_strstr
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strstr

#include "lib/tests/unit.h"

#define ROOM 24

static void fill(u8 *a, u8 *b)
{
	for (unsigned i = 0; i < ROOM; i++)
		a[i] = b[i] = (u8)(i * 7 + 1);
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* Every copy inside a small buffer, so also every way to overlap. */
static void test_move(void)
{
	u8 ours[ROOM], theirs[ROOM];
	unsigned wrong = 0;

	for (unsigned to = 0; to < ROOM; to++)
		for (unsigned from = 0; from < ROOM; from++)
			for (unsigned n = 0; to + n <= ROOM && from + n <= ROOM; n++) {
				fill(ours, theirs);
				wrong += lib_memmove(ours + to, ours + from, n) != ours + to;
				memmove(theirs + to, theirs + from, n);
				wrong += memcmp(ours, theirs, ROOM) != 0;
			}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_copy_and_set(void)
{
	u8 ours[ROOM], theirs[ROOM], source[ROOM], unused[ROOM];
	unsigned wrong = 0;

	fill(source, unused);
	for (unsigned to = 0; to < ROOM; to++)
		for (unsigned n = 0; to + n <= ROOM; n++) {
			memset(ours, 0, ROOM);
			memset(theirs, 0, ROOM);
			wrong += lib_memcpy(ours + to, source, n) != ours + to;
			memcpy(theirs + to, source, n);
			wrong += memcmp(ours, theirs, ROOM) != 0;
			wrong += lib_memset(ours + to, 0x1a5, n) != ours + to; /* only the low byte counts */
			memset(theirs + to, 0x1a5, n);
			wrong += memcmp(ours, theirs, ROOM) != 0;
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

static const char *const samples[] = {"",    "a",   "b",    "ab",   "aab",   "abab",   "aaab",
				      "abc", "abd", "\x80", "\xff", "a\xff", "aXbYab", "ba"};

static void test_compare(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		for (size_t j = 0; j < ARRAY_SIZE(samples); j++) {
			const char *a = samples[i], *b = samples[j];
			size_t both = MIN(strlen(a), strlen(b)) + 1;

			CU_ASSERT_EQUAL(sign(lib_strcmp(a, b)), sign(strcmp(a, b)));
			for (size_t n = 0; n <= both; n++) {
				CU_ASSERT_EQUAL(sign(lib_memcmp(a, b, n)), sign(memcmp(a, b, n)));
				CU_ASSERT_EQUAL(sign(lib_strncmp(a, b, n)), sign(strncmp(a, b, n)));
			}
		}
}

/* memcmp goes on behind a zero byte, strncmp does not. */
static void test_compare_behind_zero(void)
{
	CU_ASSERT_EQUAL(lib_strncmp("a\0b", "a\0c", 3), 0);
	CU_ASSERT(lib_memcmp("a\0b", "a\0c", 3) < 0);
	CU_ASSERT(lib_memcmp("a\0c", "a\0b", 3) > 0);
}

static void test_search(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const char *s = samples[i];

		CU_ASSERT_EQUAL(lib_strlen(s), strlen(s));
		for (int c = 0; c < 256; c++)
			CU_ASSERT_PTR_EQUAL(lib_strchr(s, c), strchr(s, c));
		for (size_t j = 0; j < ARRAY_SIZE(samples); j++)
			CU_ASSERT_PTR_EQUAL(lib_strstr(s, samples[j]), strstr(s, samples[j]));
	}
}

UNIT_MAIN("string", {"move", test_move}, {"copy and set", test_copy_and_set}, {"compare", test_compare},
	  {"compare behind a zero", test_compare_behind_zero}, {"search", test_search})
