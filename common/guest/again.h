/* SPDX-License-Identifier: MIT */
/*
 * What the files of user/syscall_again_* share: a program that calls the kernel again and again, and a kernel
 * that mostly goes straight back.
 *
 * The program makes PAIRS calls of which the kernel only returns; RBX counts. At 0 the kernel shows its state
 * by an INT, whose handler may change what the next round has to find.
 */
#ifndef GUEST_AGAIN_H
#define GUEST_AGAIN_H

#include "guest/test.h"

#define PAIRS       4
#define ROUNDS_MAX  12
#define INSN_SIZE   2 /* INT n, SYSCALL, RDTSC */
#define MOV_SIZE    5 /* with 32 bits of an immediate */
#define SYSRET_SIZE 3

/* The rest of a round, and `dec %ebp; jnz 1b` with the number of rounds in RBP, are the program's own. */
#define CALLS       "mov $4, %ebx\n 2: syscall\n dec %ebx\n jns 2b\n"
#define ENTRY       "test %ebx, %ebx\n jnz 1f\n int $0x81\n 1: sysretq"
_Static_assert(PAIRS == 4 && VEC_USER_EXIT == 0x80 && VEC_TEST == 0x81, "the code above, and of the tests");

static struct frame seen[ROUNDS_MAX]; /* at the INT of each round */
static unsigned rounds;               /* so many of them */
static void (*change)(struct frame *f);

static inline bool show(struct frame *f)
{
	if (rounds == ROUNDS_MAX)
		return false;
	seen[rounds] = *f;
	if (change)
		change(f);
	rounds++;
	return true;
}

/* The program runs until it ends, or something else ends it; how is in u->frame. LSTAR and STAR are as before
 * then. */
static inline void run_again(struct user *u, gva_t entry, void (*what)(struct frame *f))
{
	u64 lstar = rdmsr(MSR_LSTAR), star = rdmsr(MSR_STAR);

	rounds = 0;
	change = what;
	handler_set(VEC_TEST, show);
	idt_set_ist(VEC_TEST, IST_TEST);
	wrmsr(MSR_LSTAR, entry);
	user_run(u);
	wrmsr(MSR_LSTAR, lstar);
	wrmsr(MSR_STAR, star);
}

#endif
