// SPDX-License-Identifier: MIT
/* nested/lz4.c: blocks that were made by hand after the format's description, and damaged ones. */
#include "lib/tests/unit.h"

#include "grader/nested/lz4.h"

#include <string.h>

#define FRAME 0x02, 0x21, 0x4c, 0x18 /* the magic number */

static u8 out[1024];

static bool unpack(const u8 *in, u64 size, u64 room, const char *text)
{
	u64 used = 0;

	memset(out, 0, sizeof(out));
	if (!lz4_unpack(in, size, out, room, &used))
		return false;
	CU_ASSERT_EQUAL(used, strlen(text));
	CU_ASSERT_STRING_EQUAL((const char *)out, text);
	return true;
}

/* "A block is composed of sequences ... the last sequence stops right after literals." */
static void literals(void)
{
	static const u8 in[] = {FRAME, 4, 0, 0, 0, 0x30, 'a', 'b', 'c'};
	static const u8 two[] = {FRAME, 3, 0, 0, 0, 0x20, 'a', 'b', 2, 0, 0, 0, 0x10, 'c'};

	CU_ASSERT_TRUE(unpack(in, sizeof(in), sizeof(out), "abc"));
	CU_ASSERT_TRUE(unpack(two, sizeof(two), sizeof(out), "abc"));
	CU_ASSERT_TRUE(unpack(in, 4, sizeof(out), ""));
}

/* A match has 4 bytes at least and may overlap itself: distance 1 repeats one byte, 3 a word of three. */
static void matches(void)
{
	static const u8 run[] = {FRAME, 6, 0, 0, 0, 0x13, 'x', 1, 0, 0x10, '!'};
	static const u8 word[] = {FRAME, 8, 0, 0, 0, 0x32, 'a', 'b', 'c', 3, 0, 0x10, '!'};

	CU_ASSERT_TRUE(unpack(run, sizeof(run), sizeof(out), "xxxxxxxx!"));
	CU_ASSERT_TRUE(unpack(word, sizeof(word), sizeof(out), "abcabcabc!"));
}

/* "A value of 15 means that more bytes follow ... each byte value is added, up to one that is less than 255."
 */
static void long_lengths(void)
{
	static const u8 match[] = {FRAME, 8, 0, 0, 0, 0x1f, 'x', 1, 0, 255, 10, 0x10, '!'};
	u8 in[300] = {FRAME, 0, 0, 0, 0, 0xf0, 255, 5};
	char text[300] = "";
	u32 size = 3 + 275;

	memcpy(in + 4, &size, sizeof(size));
	for (unsigned i = 0; i < 275; i++)
		in[11 + i] = (u8)(text[i] = (char)('a' + i % 26));
	CU_ASSERT_TRUE(unpack(in, 11 + 275, sizeof(out), text));

	memset(text, 'x', 1 + 4 + 15 + 255 + 10);
	strcpy(text + 1 + 4 + 15 + 255 + 10, "!");
	CU_ASSERT_TRUE(unpack(match, sizeof(match), sizeof(out), text));
}

/* Nothing is read beyond the input, nothing is written beyond the room. */
static void damaged(void)
{
	static const u8 good[] = {FRAME, 6, 0, 0, 0, 0x13, 'x', 1, 0, 0x10, '!'};
	static const u8 far[] = {FRAME, 6, 0, 0, 0, 0x13, 'x', 2, 0, 0x10, '!'};
	static const u8 zero[] = {FRAME, 6, 0, 0, 0, 0x13, 'x', 0, 0, 0x10, '!'};
	static const u8 magic[] = {1, 0x21, 0x4c, 0x18, 2, 0, 0, 0, 0x10, 'c'};
	u64 used;

	CU_ASSERT_TRUE(lz4_unpack(good, sizeof(good), out, 9, &used));
	CU_ASSERT_FALSE(lz4_unpack(good, sizeof(good), out, 8, &used));
	CU_ASSERT_FALSE(lz4_unpack(good, sizeof(good), out, 7, &used));
	for (u64 size = 5; size < sizeof(good); size++)
		CU_ASSERT_FALSE(lz4_unpack(good, size, out, sizeof(out), &used));
	CU_ASSERT_FALSE(lz4_unpack(far, sizeof(far), out, sizeof(out), &used));
	CU_ASSERT_FALSE(lz4_unpack(zero, sizeof(zero), out, sizeof(out), &used));
	CU_ASSERT_FALSE(lz4_unpack(magic, sizeof(magic), out, sizeof(out), &used));
}

UNIT_MAIN("grader_lz4", {"literals", literals}, {"matches", matches}, {"long lengths", long_lengths},
	  {"damaged", damaged})
