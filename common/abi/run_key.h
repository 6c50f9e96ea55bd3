/* SPDX-License-Identifier: MIT */
/*
 * The key and the seed of a graded run, and the machine lines of the console.
 *
 * The guest image holds one struct run_key, found by its magic (it occurs once in the image). The grader
 * patches key and seed into a copy of the image before each run; unpatched, both are zero.
 *
 * A machine line is one line of text on the guest's console:
 *
 *   @SEQ KIND FIELDS #CODE
 *
 * SEQ counts from 0 in decimal. CODE is 16 hexadecimal digits: SipHash-2-4 under the key of all bytes from
 * '@' to the last before " #".
 *
 *   plan  tests=N benches=M                          once, first; counts what the command line selected
 *   begin GROUP/WHAT                                 a test or bench starts
 *   pass  GROUP/WHAT DIGEST                          DIGEST: 16 hex digits over every value that the test
 * compared, the seed mixed in fail  GROUP/WHAT expected=HEX actual=HEX at=FILE:LINE what=TEXT bench
 * GROUP/WHAT n=ITERATIONS ticks=N exits=N faults=N roots=N flushes=N refs=N     totals over all iterations
 *   end   pass=N fail=N                              once, last; then the machine is shut down (debug exit)
 *
 * All other lines are for people.
 */
#ifndef ABI_RUN_KEY_H
#define ABI_RUN_KEY_H

#define RUN_KEY_MAGIC "HVLAB-RUN-KEY:1" /* 15 characters and the terminating zero */

#ifndef __ASSEMBLER__
#include "lib/types.h"

struct run_key {
	char magic[16];
	u8 key[16];
	u64 seed; /* little-endian */
};
_Static_assert(sizeof(struct run_key) == 40, "patched by the grader");
#endif

/* Debug-exit ports, on the machine and in a guest: see common/devices/debug_exit.h. */
#define DEBUG_EXIT_QEMU  0xf4   /* isa-debug-exit: QEMU ends with status (value << 1) | 1 */
#define DEBUG_EXIT_BOCHS 0x8900 /* the bytes "Shutdown" end Bochs */

#endif
