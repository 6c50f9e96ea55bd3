// SPDX-License-Identifier: MIT
/*
 * The arithmetic of emulated instructions. Each operation is done by the same instruction on registers of
 * ours, and its flags are taken from the CPU, so that no rule of flags has to be written down again. Source:
 * SDM vol. 1, 3.4.3.1 "Status Flags".
 *
 * LAHF and SETO get the flags without the stack: in a hosted program pushing would write to the red zone.
 */
#include "vmm/alu.h"
#include "x86/regs.h"

#define LAHF_FLAGS                                                                                           \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF) /* AH has them at the places of RFLAGS   \
								     */
#define STATUS_FLAGS (LAHF_FLAGS | RFLAGS_OF)

u64 alu_truncate(u64 value, unsigned size)
{
	return size < 8 ? value & (BIT(8 * size) - 1) : value;
}

u64 alu_sign_extend(u64 value, unsigned size)
{
	unsigned unused = 64 - 8 * size;

	return (u64)((s64)(value << unused) >> unused);
}

/* What LAHF and SETO AL left in AX. */
static void take_flags(u64 *rflags, u16 ax)
{
	u64 flags = (ax >> 8 & LAHF_FLAGS) | (ax & 0xff ? RFLAGS_OF : 0);

	*rflags = (*rflags & ~(u64)STATUS_FLAGS) | flags;
}

/* One operation of one size, with the guest's CF going in. RFLAGS_CF is bit 0. */
#define ALU_INSN(insn, operand_size)                                                                         \
	asm("btl $0, %k[carry]\n\t" insn " %" operand_size "[src], %" operand_size "[dst]\n\t"               \
	    "lahf\n\tseto %%al"                                                                              \
	    : [dst] "+r"(dst), "=&a"(ax)                                                                     \
	    : [src] "r"(src), [carry] "r"(*rflags)                                                           \
	    : "cc")

#define ALU_FUNCTION(name)                                                                                   \
	static u64 alu_##name(u64 dst, u64 src, unsigned size, u64 *rflags)                                  \
	{                                                                                                    \
		u16 ax;                                                                                      \
                                                                                                             \
		switch (size) {                                                                              \
		case 1:                                                                                      \
			ALU_INSN(#name "b", "b");                                                            \
			break;                                                                               \
		case 2:                                                                                      \
			ALU_INSN(#name "w", "w");                                                            \
			break;                                                                               \
		case 4:                                                                                      \
			ALU_INSN(#name "l", "k");                                                            \
			break;                                                                               \
		default:                                                                                     \
			ALU_INSN(#name "q", "q");                                                            \
			break;                                                                               \
		}                                                                                            \
		take_flags(rflags, ax);                                                                      \
		return alu_truncate(dst, size);                                                              \
	}

ALU_FUNCTION(add)
ALU_FUNCTION(or)
ALU_FUNCTION(adc)
ALU_FUNCTION(sbb)
ALU_FUNCTION(and)
ALU_FUNCTION(sub)
ALU_FUNCTION(xor)

u64 alu_binary(unsigned number, u64 dst, u64 src, unsigned size, u64 *rflags)
{
	static u64 (*const functions[])(u64, u64, unsigned, u64 *) = {
		alu_add, alu_or, alu_adc, alu_sbb, alu_and, alu_sub, alu_xor, alu_sub /* CMP */,
	};

	return functions[number](dst, src, size, rflags);
}

static u64 keep_carry(u64 (*f)(u64, u64, unsigned, u64 *), u64 dst, unsigned size, u64 *rflags)
{
	u64 carry = *rflags & RFLAGS_CF;
	u64 result = f(dst, 1, size, rflags);

	*rflags = (*rflags & ~(u64)RFLAGS_CF) | carry;
	return result;
}

u64 alu_inc(u64 dst, unsigned size, u64 *rflags)
{
	return keep_carry(alu_add, dst, size, rflags);
}

u64 alu_dec(u64 dst, unsigned size, u64 *rflags)
{
	return keep_carry(alu_sub, dst, size, rflags);
}

/* NEG is defined as the subtraction from 0, its flags too. */
u64 alu_neg(u64 dst, unsigned size, u64 *rflags)
{
	return alu_sub(0, dst, size, rflags);
}
