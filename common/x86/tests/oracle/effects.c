// SPDX-License-Identifier: MIT
/*
 * The sets of effects.h against those of Zydis: ours may hold more of what is read and what may change, never
 * less; and of the flags that are sure to be set, never more.
 */
#include "x86/tests/oracle/oracle.h"

#include <stdio.h>

#include <Zydis/Zydis.h>

/* Zydis numbers the flags by their bits in EFLAGS, as we do. */
_Static_assert(ZYDIS_CPUFLAG_CF == RFLAGS_CF && ZYDIS_CPUFLAG_DF == RFLAGS_DF &&
		       ZYDIS_CPUFLAG_OF == RFLAGS_OF,
	       "flags of Zydis");

static u16 register_set(ZydisMachineMode mode, ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(mode, reg);

	switch (ZydisRegisterGetClass(whole)) {
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		return BIT(ZydisRegisterGetId(whole));
	default:
		return 0;
	}
}

static void add_operand(struct insn_effects *e, ZydisMachineMode mode, const ZydisDecodedOperand *o)
{
	switch (o->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (o->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
			e->gpr_read |= register_set(mode, o->reg.value);
		if (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			e->gpr_changed |= register_set(mode, o->reg.value);
		return;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		e->gpr_read |= register_set(mode, o->mem.base) | register_set(mode, o->mem.index);
		return;
	default:
		return;
	}
}

const char *effects_difference(const struct insn *i, const void *zydis, const void *operands,
			       enum differs_what *kind)
{
	const ZydisDecodedInstruction *z = zydis;
	const ZydisDecodedOperand *o = operands;
	struct insn_effects ours, theirs = {0};

	insn_effects(&ours, i);
	oracle_counts.known_effects += ours.known;
	for (unsigned n = 0; n < z->operand_count; n++)
		add_operand(&theirs, z->machine_mode, &o[n]);
	if (z->cpu_flags) {
		u32 defined = z->cpu_flags->modified | z->cpu_flags->set_0 | z->cpu_flags->set_1;

		theirs.flags_read = z->cpu_flags->tested & INSN_FLAGS;
		theirs.flags_changed = (defined | z->cpu_flags->undefined) & INSN_FLAGS;
		theirs.flags_set = defined & ~z->cpu_flags->undefined & INSN_FLAGS;
	}
	const struct {
		enum differs_what kind;
		const char *what;
		u16 bits;
	} differences[] = {
		{DIFFERS_GPR_READ, "registers read", theirs.gpr_read & ~ours.gpr_read},
		{DIFFERS_GPR_CHANGED, "registers changed", theirs.gpr_changed & ~ours.gpr_changed},
		{DIFFERS_FLAGS_READ, "flags read", theirs.flags_read & ~ours.flags_read},
		{DIFFERS_FLAGS_CHANGED, "flags changed", theirs.flags_changed & ~ours.flags_changed},
		{DIFFERS_FLAGS_SET, "flags set", ours.flags_set & ~theirs.flags_set},
	};
	for (unsigned n = 0; n < ARRAY_SIZE(differences); n++)
		if (differences[n].bits) {
			static char text[64];

			*kind = differences[n].kind;
			snprintf(text, sizeof(text), "%s (%04x)", differences[n].what, differences[n].bits);
			return text;
		}
	return NULL;
}
