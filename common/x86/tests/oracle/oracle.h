/* SPDX-License-Identifier: MIT */
/*
 * The decoder against two others, Zydis (https://zydis.re) and Capstone (https://www.capstone-engine.org),
 * which the project uses here and nowhere else. One comparison serves `make check-decoder` and the fuzzer.
 */
#ifndef X86_TESTS_ORACLE_H
#define X86_TESTS_ORACLE_H

#include "x86/decode.h"
#include "x86/effects.h"

struct oracle_counts {
	u64 compared;
	u64 accepted;         /* by us and by Zydis, with nothing between them but what is listed */
	u64 refused;          /* by us and by Zydis */
	u64 listed;           /* differences that differs.txt lists */
	u64 different;        /* others */
	u64 capstone_unknown; /* accepted by us and by Zydis, refused by Capstone */
	u64 known_effects;    /* accepted, and not "all registers and flags" */
};
extern struct oracle_counts oracle_counts;

/* Ends the program with a sentence when the file cannot be used. */
void oracle_open(const char *differs_file);

/* Compares one instruction in all that is known of it, counts, and prints what differs. Returns its length,
 * or 1 when it is none. */
unsigned oracle_compare(const u8 *bytes, size_t size, enum decode_mode mode);

/* The lines of the file with the number of differences that each has excused. */
void differs_report(void);

/* ---- the parts of it ---- */

enum differs_what {
	DIFFERS_VALIDITY, /* one accepts what the other refuses, or they refuse for another reason */
	DIFFERS_LENGTH,
	DIFFERS_FIELDS,   /* name, sizes, where displacement and immediate stand */
	DIFFERS_CAPSTONE, /* Capstone gives another length than we and Zydis */
	DIFFERS_GPR_READ, /* Zydis has a register or flag that we have not; */
	DIFFERS_GPR_CHANGED,
	DIFFERS_FLAGS_READ,
	DIFFERS_FLAGS_CHANGED,
	DIFFERS_FLAGS_SET, /* or we one that Zydis has not */
	DIFFERS_COUNT
};

void differs_load(const char *path);
/* `i` may be refused: what is known of it then is its map and opcode. */
bool differs_listed(enum differs_what what, const struct insn *i, enum decode_mode mode, u8 modrm);

void names_init(void);
/* `zydis` is a ZydisDecodedInstruction. NULL: the same. */
const char *names_difference(const struct insn *i, const void *zydis);
/* And its operands, ZydisDecodedOperand; *kind is set when something differs. */
const char *effects_difference(const struct insn *i, const void *zydis, const void *operands,
			       enum differs_what *kind);

#endif
