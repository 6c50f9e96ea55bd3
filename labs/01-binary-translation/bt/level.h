/* SPDX-License-Identifier: MIT */
/*
 * SYSCALL and SYSRET without the monitor's C: what C has done once for a pair of them, with everything that
 * is loaded on the way, assembly repeats (level.S) for as long as nothing else is loaded and the cache is
 * what it was.
 *
 * It is asked for twice: how the guest's kernel is entered by SYSCALL ("up"), and how it goes back by SYSRET
 * ("down"). What it may not repeat stays with C: a FMASK that leaves IF; single steps; an event that waits;
 * an LDT; what CR0.AM, CR4.TSD, breakpoints or a trace ask for.
 *
 * Source: SDM vol. 2B, "SYSCALL - Fast System Call", "SYSRET - Return From Fast System Call".
 */
#ifndef BT_LEVEL_H
#define BT_LEVEL_H

#include "engine.h"

struct bt_level {
	struct bt_state *state;
	const u32 *generation;              /* of the cache: what it is now, */
	u64 up_generation, down_generation; /* and what it was when the following was found out */
	u64 entry;                          /* address in the cache of the block at LSTAR */
	u64 kept_flags;                     /* of RFLAGS, by FMASK */
	u64 sel_cs, sel_ss;                 /* of the guest's kernel */
	u64 sysret;                         /* address in the cache of the call-out of SYSRET */
};
extern struct bt_level bt_level;

/* Entries of the IDT and of LSTAR. */
extern const u8 bt_level_syscall[], bt_level_undefined[];

void bt_level_init(void);
/* C has emulated SYSCALL, everything for the guest's kernel is loaded, and it is entered at `entry`. */
void bt_level_keep_up(struct vcpu *v, u64 entry);
/* C has emulated the SYSRET whose call-out is at `sysret`, and everything for the guest's user mode is
 * loaded. */
void bt_level_keep_down(struct vcpu *v, u64 sysret);

#endif
