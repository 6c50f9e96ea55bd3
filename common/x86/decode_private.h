/* SPDX-License-Identifier: MIT */
/* What the parts of the decoder share. Private to them. */
#ifndef X86_DECODE_PRIVATE_H
#define X86_DECODE_PRIVATE_H

#include "x86/decode.h"

#define REX_FIRST 0x40 /* 40..4F in 64-bit mode */

struct decoder {
	struct insn *i;
	const u8 *bytes;
	size_t limit; /* bytes that there are, at most INSN_MAX_LENGTH */
	enum decode_mode mode;
	enum decode_result result; /* after a function has returned false */
	u32 attr;                  /* of the opcode: decode_tables.h */
};

bool decode_fail(struct decoder *d, enum decode_result result);
/* Notes that there is no byte `ahead` of the next one. */
void decode_short(struct decoder *d, unsigned ahead);

/* Is there a byte `ahead` of the next one? */
static inline bool decode_peek(struct decoder *d, unsigned ahead, u8 *byte)
{
	size_t at = d->i->length + ahead;

	if (at >= d->limit) {
		decode_short(d, ahead);
		return false;
	}
	*byte = d->bytes[at];
	return true;
}

/* The next byte, which becomes a part of the instruction. */
static inline bool decode_next(struct decoder *d, u8 *byte)
{
	if (!decode_peek(d, 0, byte))
		return false;
	d->i->length++;
	return true;
}

/* ModRM, SIB and displacement; the sizes of address and operand; immediates. Call them in this order. */
bool decode_modrm(struct decoder *d);
void decode_operand_size(struct decoder *d);
bool decode_immediate(struct decoder *d);

#endif
