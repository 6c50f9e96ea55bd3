// SPDX-License-Identifier: MIT
/* Offsets in C structures for trap.S (mk/compile.mk makes machine_offsets.h of it). */
#include "machine/machine.h"
#include "lib/offsets.h"

void machine_offsets(void);

void machine_offsets(void)
{
	OFFSET(TRAP_FRAME_CS, offsetof(struct trap_frame, cs));
	OFFSET(TRAP_FRAME_SIZE, sizeof(struct trap_frame));
}
