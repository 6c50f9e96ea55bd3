// SPDX-License-Identifier: MIT
/*
 * SipHash-2-4 against the vectors of its authors: appendix A of "SipHash: a fast short-input PRF" for 15
 * bytes, and the reference implementation's table (vectors.h there) for the lengths around one and two words
 * and for its longest. All have the key 00 01 .. 0f and the message 00 01 .. of that length.
 */
#include "lib/tests/unit.h"
#include "lib/siphash.h"

#define LONGEST 63

static void fill(u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)i;
}

static void test_vectors(void)
{
	static const struct {
		size_t length;
		u64 hash;
	} vectors[] = {
		{0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
		{3, 0x85676696d7fb7e2d},  {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},
		{6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},
		{9, 0x9e0082df0ba9e4b0},  {10, 0x7a5dbbc594ddb9f3}, {11, 0xf4b32f46226bada7},
		{12, 0x751e8fbc860ee5fb}, {13, 0x14ea5627c0843d90}, {14, 0xf723ca908e7af2ee},
		{15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572},
	};
	u8 key[16], message[LONGEST];

	fill(key, sizeof(key));
	fill(message, sizeof(message));
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		CU_ASSERT_EQUAL(siphash24(key, message, vectors[i].length), vectors[i].hash);
}

/* The message needs no alignment, and nothing behind its end counts. */
static void test_alignment(void)
{
	u8 key[16], message[16], moved[40];
	u64 hash;

	fill(key, sizeof(key));
	fill(message, sizeof(message));
	hash = siphash24(key, message, 13);
	for (size_t offset = 0; offset < 8; offset++) {
		for (size_t i = 0; i < sizeof(moved); i++)
			moved[i] = 0xee;
		for (size_t i = 0; i < 13; i++)
			moved[offset + i] = message[i];
		CU_ASSERT_EQUAL(siphash24(key, moved + offset, 13), hash);
	}
}

/* Every bit of the key and of the message reaches the result. */
static void test_bits(void)
{
	u8 key[16], message[16];
	u64 hash;

	fill(key, sizeof(key));
	fill(message, sizeof(message));
	hash = siphash24(key, message, sizeof(message));
	for (unsigned bit = 0; bit < 128; bit++) {
		key[bit / 8] ^= (u8)BIT(bit % 8);
		CU_ASSERT_NOT_EQUAL(siphash24(key, message, sizeof(message)), hash);
		key[bit / 8] ^= (u8)BIT(bit % 8);
		message[bit / 8] ^= (u8)BIT(bit % 8);
		CU_ASSERT_NOT_EQUAL(siphash24(key, message, sizeof(message)), hash);
		message[bit / 8] ^= (u8)BIT(bit % 8);
	}
}

UNIT_MAIN("siphash", {"vectors", test_vectors}, {"alignment", test_alignment}, {"bits", test_bits})
