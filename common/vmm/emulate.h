/* SPDX-License-Identifier: MIT */
/* Instructions that the monitor runs itself: those that reach MMIO, string I/O, and the length of one that
 * exited without it. */
#ifndef VMM_EMULATE_H
#define VMM_EMULATE_H

#include "vmm/io.h"
#include "vmm/vcpu.h"
#include "x86/decode.h"

/* Reads and decodes the instruction at RIP. False: a fault was raised in the guest (or it is no instruction:
 * #UD). */
bool emulate_decode(struct vcpu *v, struct insn *i) MUST_USE;

/* The first `count` bytes at RIP: as many as the instruction that stands there has, or fewer. False: a fault
 * was raised in the guest. */
bool emulate_fetch(struct vcpu *v, u8 *bytes, unsigned count) MUST_USE;

/* The linear address of the memory operand. */
gva_t emulate_operand_gva(struct vcpu *v, const struct insn *i);

/* Runs the instruction at RIP whose memory operand at `gva` is the MMIO register at `gpa`. Ends the guest
 * when it cannot. */
void emulate_mmio(struct vcpu *v, gva_t gva, gpa_t gpa);

/* The transfer of IN or OUT alone: AL, AX or EAX and the port. RIP stays. */
static inline void emulate_port(struct vcpu *v, const struct vmexit *exit)
{
	unsigned size = exit->io.size;
	u64 *rax = &v->gpr[GPR_RAX];
	u32 value;

	if (exit->io.write) {
		vm_pio_write(v->vm, exit->io.port, size, (u32)*rax);
		return;
	}
	value = vm_pio_read(v->vm, exit->io.port, size);
	if (size == sizeof(u8))
		*rax = (*rax & ~(u64)0xff) | value;
	else if (size == sizeof(u16))
		*rax = (*rax & ~(u64)0xffff) | value;
	else
		*rax = value;
}

/* IN, OUT, INS, OUTS; repeated forms do one bounded portion an exit. */
void emulate_io(struct vcpu *v, const struct vmexit *exit);

#endif
