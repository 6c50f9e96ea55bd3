/* SPDX-License-Identifier: MIT */
/*
 * What emulated instructions read and write: registers of any size, and memory operands that may be RAM or
 * MMIO. For emulate.c and emulate_string.c, and for engines that emulate more.
 */
#ifndef VMM_EMULATE_ACCESS_H
#define VMM_EMULATE_ACCESS_H

#include "vmm/vm.h"
#include "x86/decode.h"

/* A register as an operand of `size` bytes. Without REX, byte registers 4..7 are AH CH DH BH. A write of 4
 * bytes clears the rest. */
u64 register_read(const struct vcpu *v, unsigned number, unsigned size, bool rex);
void register_write(struct vcpu *v, unsigned number, unsigned size, bool rex, u64 value);

/* The linear address of an offset in a segment, as an access of the vcpu's present mode. */
gva_t segment_gva(struct vcpu *v, unsigned segment, u64 offset);

/* A memory operand whose checks are done: from here on nothing can fault. It lies in one page or in two. */
struct place {
	u8 size;
	u8 first; /* bytes in the first page */
	gpa_t gpa[2];
};

/*
 * Checks the segment, the address and the paging for an access by the instruction (ACCESS_READ, or
 * ACCESS_WRITE, which reading and writing back is too). False: a fault was raised.
 */
bool place_open(struct vcpu *v, struct place *p, unsigned segment, u64 offset, unsigned size,
		unsigned access) MUST_USE;
u64 place_read(struct vcpu *v, const struct place *p);
void place_write(struct vcpu *v, const struct place *p, u64 value);

/* The MMIO forms of MOVS STOS LODS CMPS SCAS. (emulate_string.c) */
void emulate_string(struct vcpu *v, const struct insn *i);

#endif
