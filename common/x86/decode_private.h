/* SPDX-License-Identifier: MIT */
/* What the two halves of the decoder share. Private to decode.c and decode_operands.c. */
#ifndef X86_DECODE_PRIVATE_H
#define X86_DECODE_PRIVATE_H

#include "x86/decode.h"

struct decoder {
	struct insn *i;
	const u8 *bytes;
	size_t available;
	enum decode_mode mode;
	enum decode_result result; /* after a function has returned false */
	u32 attr;                  /* of the opcode: decode_tables.h */
};

bool decode_fail(struct decoder *d, enum decode_result result);
/* Is there a byte `ahead` of the next one? */
bool decode_peek(struct decoder *d, unsigned ahead, u8 *byte);
/* The next byte, which becomes a part of the instruction. */
bool decode_next(struct decoder *d, u8 *byte);

/* ModRM, SIB and displacement; the sizes of address and operand; immediates. Call them in this order. */
bool decode_modrm(struct decoder *d);
void decode_operand_size(struct decoder *d);
bool decode_immediate(struct decoder *d);

#endif
