/* SPDX-License-Identifier: MIT */
/* Integer operations with their flags exactly as the CPU sets them: the CPU itself does the operation. */
#ifndef VMM_ALU_H
#define VMM_ALU_H

#include "lib/types.h"

/* Values are in the low `size` bytes (1, 2, 4, 8); what is above counts for nothing, and is 0 in results. */
u64 alu_truncate(u64 value, unsigned size);
u64 alu_sign_extend(u64 value, unsigned size);

/*
 * ADD .. CMP by the number that the /r field of opcodes 80..83 gives (enum insn_op has the same order). Reads
 * CF from *rflags for ADC and SBB, replaces CF PF AF ZF SF OF. Returns the result, for CMP too.
 */
#define ALU_ADD 0
#define ALU_AND 4
#define ALU_SUB 5
u64 alu_binary(unsigned number, u64 dst, u64 src, unsigned size, u64 *rflags);

/* INC, DEC (CF stays) and NEG. */
u64 alu_inc(u64 dst, unsigned size, u64 *rflags);
u64 alu_dec(u64 dst, unsigned size, u64 *rflags);
u64 alu_neg(u64 dst, unsigned size, u64 *rflags);

#endif
