// SPDX-License-Identifier: MIT
/*
 * SipHash-2-4, as its paper describes it: four words of state, two rounds for each word of the message, four
 * to finish. Used for the codes of the console's machine lines (abi/run_key.h). Not a secret from the guest
 * that computes it; see docs/architecture.md.
 */
#include "lib/siphash.h"

struct state {
	u64 v0, v1, v2, v3;
};

static u64 rotate_left(u64 x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void rounds(struct state *s, unsigned n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate_left(s->v1, 13) ^ s->v0;
		s->v3 = rotate_left(s->v3, 16) ^ s->v2;
		s->v0 = rotate_left(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v1 = rotate_left(s->v1, 17) ^ s->v2;
		s->v3 = rotate_left(s->v3, 21) ^ s->v0;
		s->v2 = rotate_left(s->v2, 32);
	}
}

/* Up to 8 bytes, the first one lowest. */
static u64 load_le(const u8 *p, size_t n)
{
	u64 w = 0;

	while (n--)
		w = w << 8 | p[n];
	return w;
}

static void absorb(struct state *s, u64 word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

u64 siphash24(const u8 key[16], const void *message, size_t length)
{
	u64 k0 = load_le(key, 8), k1 = load_le(key + 8, 8);
	struct state s = {
		.v0 = k0 ^ 0x736f6d6570736575,
		.v1 = k1 ^ 0x646f72616e646f6d,
		.v2 = k0 ^ 0x6c7967656e657261,
		.v3 = k1 ^ 0x7465646279746573,
	};
	const u8 *p = message;
	size_t left = length;

	for (; left >= 8; p += 8, left -= 8)
		absorb(&s, load_le(p, 8));
	absorb(&s, load_le(p, left) | (u64)length << 56);
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
