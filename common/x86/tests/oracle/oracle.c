// SPDX-License-Identifier: MIT
/*
 * One comparison of the decoder with Zydis and Capstone: is it an instruction, how long, what, where do its
 * displacement and immediate stand, what does it do to registers and flags.
 *
 * Zydis is asked about everything. Capstone 4 accepts much that no CPU does and knows no extension of the
 * last years: it is asked for the length of what all accept, and its opinion stands beside each difference.
 */
#include "x86/tests/oracle/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <Zydis/Zydis.h>
#include <capstone/capstone.h>

#define MODES       3
#define MAPS        16
#define OPCODES     256
#define REPORTS_MAX 60 /* differences printed */

struct oracle_counts oracle_counts;

static ZydisDecoder zydis[MODES];
static csh capstone[MODES];
static cs_insn *capstone_insn[MODES];

void oracle_open(const char *differs_file)
{
	static const struct {
		ZydisMachineMode mode;
		ZydisStackWidth width;
		cs_mode capstone;
	} kinds[MODES] = {
		[DECODE_16] = {ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16, CS_MODE_16},
		[DECODE_32] = {ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32, CS_MODE_32},
		[DECODE_64] = {ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64, CS_MODE_64},
	};

	for (unsigned m = 0; m < MODES; m++) {
		if (!ZYAN_SUCCESS(ZydisDecoderInit(&zydis[m], kinds[m].mode, kinds[m].width)) ||
		    cs_open(CS_ARCH_X86, kinds[m].capstone, &capstone[m]) != CS_ERR_OK ||
		    !(capstone_insn[m] = cs_malloc(capstone[m]))) {
			fprintf(stderr, "Zydis or Capstone does not start\n");
			exit(1);
		}
	}
	names_init();
	differs_load(differs_file);
}

/* 0: refused */
static unsigned capstone_length(const u8 *bytes, size_t size, enum decode_mode mode)
{
	u64 address = 0;

	return cs_disasm_iter(capstone[mode], &bytes, &size, &address, capstone_insn[mode])
		       ? capstone_insn[mode]->size
		       : 0;
}

static enum decode_result result_of(ZyanStatus status)
{
	if (ZYAN_SUCCESS(status))
		return DECODE_OK;
	if (status == ZYDIS_STATUS_NO_MORE_DATA)
		return DECODE_TRUNCATED;
	return status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ? DECODE_TOO_LONG : DECODE_INVALID;
}

/* Of differences in the same thing in the same opcode one is enough to see. */
static bool seen_before(const struct insn *i, enum differs_what kind)
{
	static bool seen[DIFFERS_COUNT][INSN_XOP + 1][MAPS][OPCODES];
	bool *s = &seen[kind][i->vex][i->map % MAPS][i->opcode];
	bool was = *s;

	*s = true;
	return was;
}

/* Leaves out what only Xeon Phi coprocessors had: vectors with MVEX, masks and more with VEX. */
static enum decode_result zydis_decode(ZydisDecodedInstruction *z, ZydisDecodedOperand *operands,
				       const u8 *bytes, size_t size, enum decode_mode mode)
{
	enum decode_result result = result_of(ZydisDecoderDecodeFull(&zydis[mode], bytes, size, z, operands));

	if (result == DECODE_OK && !strncmp(ZydisISASetGetString(z->meta.isa_set), "KNC", strlen("KNC")))
		return DECODE_INVALID;
	return result;
}

/*
 * SDM vol. 2A, 2.3.5.6: outside 64-bit mode a three-byte VEX prefix ignores the highest bit of vvvv. Zydis
 * counts it. The bytes that it gets have the bit set, as we read it.
 */
#define VEX_VVVV_HIGH 0x40

static const u8 *without_vvvv_high(const struct insn *i, enum decode_mode mode, const u8 *bytes, size_t size,
				   u8 copy[INSN_MAX_LENGTH])
{
	unsigned at = i->opcode_offset + 2U;

	if (mode == DECODE_64 || (i->vex != INSN_VEX3 && i->vex != INSN_EVEX) ||
	    at >= MIN(size, INSN_MAX_LENGTH))
		return bytes;
	memcpy(copy, bytes, MIN(size, INSN_MAX_LENGTH));
	copy[at] |= VEX_VVVV_HIGH;
	return copy;
}

static void report(const char *what, enum differs_what kind, const u8 *bytes, size_t size,
		   enum decode_mode mode)
{
	static const char *const results[] = {"accepted", "cut off", "refused", "too long"};
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	struct insn i;
	enum decode_result ours, theirs;
	unsigned third;
	static unsigned reports;

	oracle_counts.different++;
	ours = insn_decode(&i, bytes, size, mode);
	if (seen_before(&i, kind) || reports >= REPORTS_MAX)
		return;
	reports++;
	theirs = zydis_decode(&z, operands, bytes, size, mode);
	third = capstone_length(bytes, size, mode);
	printf("  differs in %s, %u bits:", what, 16u << mode);
	for (size_t n = 0; n < MIN(size, INSN_MAX_LENGTH); n++)
		printf(" %02x", bytes[n]);
	printf("\n    ours: %s, length %u, %s, map %u, opcode %02x, prefix bytes %u\n", results[ours],
	       i.length, insn_op_name(i.op), i.map, i.opcode, i.opcode_offset);
	printf("    Zydis: %s, length %u, %s; Capstone: length %u\n", results[theirs],
	       theirs == DECODE_OK ? z.length : 0,
	       theirs == DECODE_OK ? ZydisMnemonicGetString(z.mnemonic) : "-", third);
}

/* What differs in the fields of an instruction that both accept with the same length; NULL: nothing. */
static const char *fields_difference(const struct insn *i, const ZydisDecodedInstruction *z)
{
	const char *name = i->vex ? NULL : names_difference(i, z);

	if (name)
		return name;
	if (i->memory && 8 * i->addr_size != z->address_width)
		return "address size";
	if (8 * i->disp_size != z->raw.disp.size || i->disp_offset != z->raw.disp.offset)
		return "place of the displacement";
	if (i->disp_size && i->has_modrm && i->disp != z->raw.disp.value)
		return "displacement";
	if (i->imm_offset != z->raw.imm[0].offset ||
	    8 * i->imm_size != z->raw.imm[0].size + z->raw.imm[1].size)
		return "place of the immediate";
	if (i->has_modrm && i->memory && i->rip_relative != !!(z->attributes & ZYDIS_ATTRIB_IS_RELATIVE))
		return "RIP-relative";
	if (i->rip_relative && z->raw.modrm.offset + 1 != i->disp_offset)
		return "place of ModRM";
	return NULL;
}

struct comparison {
	const u8 *bytes;
	size_t size;
	enum decode_mode mode;
	struct insn i;
	u8 modrm;
};

/* Counts a difference, or, when `what` is none, nothing. True: none, or a listed one. */
static bool settle(const struct comparison *c, enum differs_what kind, const char *what)
{
	if (!what)
		return true;
	if (differs_listed(kind, &c->i, c->mode, c->modrm)) {
		oracle_counts.listed++;
		return true;
	}
	report(what, kind, c->bytes, c->size, c->mode);
	return false;
}

/* Too long, and nothing that exists: which of the two is noticed first says nothing. So with what is cut off.
 */
static bool same_refusal(const struct insn *i, enum decode_result ours, enum decode_result theirs)
{
	if (i->vex && ours != DECODE_OK && theirs != DECODE_OK)
		return true;
	return ours == theirs || (ours == DECODE_TOO_LONG && theirs == DECODE_INVALID) ||
	       (ours == DECODE_INVALID && theirs == DECODE_TOO_LONG);
}

static void compare_accepted(const struct comparison *c, const ZydisDecodedInstruction *z,
			     const ZydisDecodedOperand *operands)
{
	unsigned third = capstone_length(c->bytes, c->size, c->mode);

	const char *effects;
	enum differs_what kind = DIFFERS_COUNT;

	oracle_counts.capstone_unknown += !third;
	effects = c->i.length == z->length ? effects_difference(&c->i, z, operands, &kind) : NULL;
	if (settle(c, DIFFERS_LENGTH, c->i.length != z->length ? "length" : NULL) &&
	    settle(c, DIFFERS_FIELDS, fields_difference(&c->i, z)) && settle(c, kind, effects) &&
	    settle(c, DIFFERS_CAPSTONE, third && third != c->i.length ? "length by Capstone" : NULL))
		oracle_counts.accepted++;
}

unsigned oracle_compare(const u8 *bytes, size_t size, enum decode_mode mode)
{
	struct comparison c = {bytes, size, mode};
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	enum decode_result ours = insn_decode(&c.i, bytes, size, mode);
	u8 copy[INSN_MAX_LENGTH];
	enum decode_result theirs =
		zydis_decode(&z, operands, without_vvvv_high(&c.i, mode, bytes, size, copy), size, mode);

	oracle_counts.compared++;
	/* A refused instruction has no ModRM yet; it would be what follows the opcode. */
	c.modrm = c.i.has_modrm ? c.i.modrm : c.i.length < size ? bytes[c.i.length] : 0;
	if (ours == DECODE_OK && theirs == DECODE_OK)
		compare_accepted(&c, &z, operands);
	else if (settle(&c, DIFFERS_VALIDITY, same_refusal(&c.i, ours, theirs) ? NULL : "validity"))
		oracle_counts.refused += ours != DECODE_OK;
	return ours == DECODE_OK ? c.i.length : theirs == DECODE_OK ? z.length : 1;
}
