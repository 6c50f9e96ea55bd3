// SPDX-License-Identifier: MIT
/*
 * The address of the last x87 instruction. The CPU notes it and stores it with the x87 state; of code in the
 * cache it is an address of the cache, which the guest must not see. So the copy of an instruction that
 * stores it is followed by a call of the monitor, which puts the guest's address into the image
 * (bt_mend_x87(), precise.c). The copy itself is as good as the original: what can fault comes first and
 * faults as it should. What loads x87 state needs no care, since what the guest has is an address of its own.
 *
 * Only x87 instructions leave their address, and it is that of their first byte. So nothing else is taken for
 * one. An address from before the cache was emptied becomes 0, unless another x87 instruction stands at this
 * very place now.
 *
 * Sources: SDM vol. 1, 8.1.8 "x87 FPU Instruction and Data (Operand) Pointers", 8.1.10 "Saving the x87 FPU's
 * State with FSTENV/FNSTENV and FSAVE/FNSAVE", 10.5.1 "FXSAVE Area", 13.4.1 "Legacy Region of an XSAVE Area".
 *
 * Left out: FOP, which holds ModRM as it is in the copy. A store of 4 bytes of the address says no more than
 * that, so what agrees in them with an address of the cache is taken for one; of 2 bytes, what agrees with an
 * x87 instruction in the cache. User code runs itself, and sees in its own stores what the kernel has left.
 */
#include "bt.h"

#define OPCODE_FNSTENV  0xd9 /* /6 */
#define OPCODE_FNSAVE   0xdd /* /6 */
#define OPCODE_GROUP_15 0xae /* 0F AE: FXSAVE /0, XSAVE /4, XRSTOR /5, XSAVEOPT /6; XSAVEC is 0F C7 /4 */
#define REG_FXSAVE      0
#define REG_XRSTOR      5
#define REG_X87_STORE   6

/* SDM vol. 1, figures 8-9 and 8-11: protected mode, 32 and 16 bits; table 10-2: with REX.W and without. */
static const struct bt_x87_image environment_32 = {.rip = 12, .rip_bytes = 4, .cs = 16},
				 environment_16 = {.rip = 6, .rip_bytes = 2, .cs = 8},
				 fxsave_64 = {.rip = 8, .rip_bytes = 8},
				 fxsave_32 = {.rip = 8, .rip_bytes = 4, .cs = 12};

bool bt_x87_image(const struct insn *i, struct bt_x87_image *image)
{
	unsigned reg = i->modrm >> 3 & 7;

	switch (i->op) {
	case OP_X87:
		*image = i->op_size == 2 ? environment_16 : environment_32;
		return i->memory && reg == REG_X87_STORE &&
		       (i->opcode == OPCODE_FNSTENV || i->opcode == OPCODE_FNSAVE);
	case OP_FPU_STATE:
		*image = i->rex & INSN_REX_W ? fxsave_64 : fxsave_32;
		return !i->vex && i->memory && reg == REG_FXSAVE;
	case OP_XSAVE:
		*image = i->rex & INSN_REX_W ? fxsave_64 : fxsave_32;
		return !(i->opcode == OPCODE_GROUP_15 && reg == REG_XRSTOR);
	default:
		return false;
	}
}

/* The x87 instruction whose translation begins there, as the guest's RIP; 0: none. */
static u64 guest_rip(const struct bt_cache *c, u64 at)
{
	const struct bt_block *block;
	const struct bt_point *p = at < c->used ? bt_find_point(c, (u32)at, &block) : NULL;
	struct insn i;

	if (!p || p->at != at || insn_decode(&i, c->code + at, c->used - at, DECODE_64) != DECODE_OK)
		return 0;
	return i.op == OP_X87 ? block->rip + p->guest : 0;
}

bool bt_x87_rip(const struct bt_cache *c, u64 *stored, unsigned bytes)
{
	u64 mask = bytes < sizeof(*stored) ? BIT(8 * bytes) - 1 : ~0ULL;
	u64 at = (*stored - c->window) & mask, rip = guest_rip(c, at);

	if (bytes == sizeof(u16)) { /* any of the addresses that end like this */
		while (!rip && at < c->used)
			rip = guest_rip(c, at += mask + 1);
		at = rip ? 0 : c->size;
	}
	if (at >= c->size)
		return false;
	*stored = rip & mask;
	return true;
}
