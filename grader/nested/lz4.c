// SPDX-License-Identifier: MIT
/*
 * LZ4, unpacking. A block is a row of sequences: a token with two lengths of four bits (15: more bytes
 * follow, each added, until one is not 255), literals, and a copy of earlier output, by its distance of two
 * bytes. The last sequence ends behind its literals. A legacy frame is a magic number and blocks, each with
 * its packed size in front; distances do not leave a block.
 *
 * Why not the program lz4: it is one more package, for this one file. Source: LZ4, "LZ4 Block Format
 * Description" and "LZ4 Frame Format Description", "Legacy frame". Left out: packing, other frames.
 */
#include "grader/nested/lz4.h"

#include <string.h>

#define TOKEN_MORE   15 /* a length that goes on in the next bytes */
#define LENGTH_MORE  255
#define MATCH_MIN    4
#define OFFSET_BYTES 2
#define SIZE_BYTES   4

struct stream {
	const u8 *in, *in_end;
	u8 *out, *out_start, *out_end;
};

static bool read_length(struct stream *s, unsigned first, u64 *length)
{
	u8 more = LENGTH_MORE;

	*length = first;
	while (first == TOKEN_MORE && more == LENGTH_MORE) {
		if (s->in == s->in_end)
			return false;
		more = *s->in++;
		*length += more;
	}
	return true;
}

static bool copy_literals(struct stream *s, u64 length)
{
	if (length > (u64)(s->in_end - s->in) || length > (u64)(s->out_end - s->out))
		return false;
	memcpy(s->out, s->in, length);
	s->in += length;
	s->out += length;
	return true;
}

/* Byte by byte: a distance shorter than the length repeats what is being written. */
static bool copy_match(struct stream *s, unsigned token)
{
	u64 distance, length;

	if (s->in_end - s->in < OFFSET_BYTES)
		return false;
	distance = s->in[0] | (u64)s->in[1] << 8;
	s->in += OFFSET_BYTES;
	if (!read_length(s, token & TOKEN_MORE, &length))
		return false;
	length += MATCH_MIN;
	if (!distance || distance > (u64)(s->out - s->out_start) || length > (u64)(s->out_end - s->out))
		return false;
	for (; length; length--, s->out++)
		*s->out = s->out[-(s64)distance];
	return true;
}

static bool unpack_block(struct stream *s)
{
	while (s->in < s->in_end) {
		unsigned token = *s->in++;
		u64 literals;

		if (!read_length(s, token >> 4, &literals) || !copy_literals(s, literals))
			return false;
		if (s->in < s->in_end && !copy_match(s, token))
			return false;
	}
	return true;
}

static u32 read_u32(const u8 *p)
{
	u32 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

bool lz4_unpack(const u8 *in, u64 size, u8 *out, u64 room, u64 *used)
{
	const u8 *end = in + size;
	u8 *to = out;

	if (size < SIZE_BYTES || read_u32(in) != LZ4_LEGACY_MAGIC)
		return false;
	in += SIZE_BYTES;
	while (end - in >= SIZE_BYTES) {
		u32 block = read_u32(in);
		struct stream s = {in + SIZE_BYTES, in + SIZE_BYTES + block, to, to, out + room};

		if (block > (u64)(end - in) - SIZE_BYTES || !unpack_block(&s))
			return false;
		in = s.in;
		to = s.out;
	}
	*used = (u64)(to - out);
	return in == end;
}
