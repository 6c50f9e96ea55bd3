/* SPDX-License-Identifier: MIT */
/* Between trap.S, trap.c, dump.c and panic.c. */
#ifndef MACHINE_TRAP_H
#define MACHINE_TRAP_H

#include "machine/machine.h"

/* From trap.S: a trap in ring 0, or one from ring 3 that nobody asked for. */
void trap_in_ring0(struct trap_frame *f);

/* Section .fixups (boot/hv.ld) of trap.S and machine.h: instructions that may fault, and where to go on. */
struct trap_fixup {
	u64 rip, resume;
};
extern const struct trap_fixup trap_fixups[], trap_fixups_end[];

/* dump.c */
void trap_dump_control(void);
void trap_backtrace(u64 frame_pointer);

/* panic.c: interrupts off, the console at the start of a line. False: this is not the first panic. */
bool panic_begin(void) MUST_USE;

#endif
