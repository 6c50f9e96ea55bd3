// SPDX-License-Identifier: MIT
// LIBS: -lZydis -lcapstone
// LENGTH: 24
// WITH: common/x86/tests/oracle/oracle.c common/x86/tests/oracle/differs.c
// WITH: common/x86/tests/oracle/names.c common/x86/tests/oracle/effects.c
/*
 * Fuzzes the decoder: the first byte of an input is the mode, the rest are the bytes of an instruction. What
 * Zydis says otherwise, unless differs.txt lists it, is a crash; so is a decoder that reads behind the end,
 * or to which an instruction is another one when fewer or more bytes follow.
 */
#include "x86/tests/oracle/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	oracle_open(FUZZ_TOP "/common/x86/tests/oracle/differs.txt");
	return 0;
}

static void fail(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
	abort();
}

/* With a byte less the instruction is cut off; with exactly its bytes it is the same. */
static void check_length(const u8 *bytes, size_t size, enum decode_mode mode)
{
	struct insn i, exact, shorter;
	u8 *copy;

	if (insn_decode(&i, bytes, size, mode) != DECODE_OK)
		return;
	if (!i.length || i.length > INSN_MAX_LENGTH || i.length > size)
		fail("a length that cannot be");
	/* A buffer of its own size, so that a read behind it is seen. */
	copy = malloc(i.length);
	memcpy(copy, bytes, i.length);
	if (insn_decode(&exact, copy, i.length, mode) != DECODE_OK || memcmp(&exact, &i, sizeof(i)) != 0)
		fail("another instruction without the bytes behind it");
	if (insn_decode(&shorter, copy, i.length - 1U, mode) != DECODE_TRUNCATED)
		fail("not cut off when the last byte is missing");
	free(copy);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u64 before = oracle_counts.different;
	enum decode_mode mode;

	if (size < 2)
		return 0;
	mode = data[0] % 4 == 0 ? DECODE_16 : data[0] % 4 == 1 ? DECODE_32 : DECODE_64;
	check_length(data + 1, size - 1, mode);
	oracle_compare(data + 1, size - 1, mode);
	if (oracle_counts.different != before)
		fail("differs from Zydis");
	return 0;
}
