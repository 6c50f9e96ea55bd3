/* SPDX-License-Identifier: MIT */
/*
 * This process as the machine: guest code and its translation run on the CPU that the test runs on, each from
 * a state of all registers to the first signal. A window stands at an address as in the hypervisor, with the
 * same rights: code executable and not writable, the state page there twice.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <signal.h>

#include "labs/01-binary-translation/bt/bt.h"
#include "x86/regs.h"

struct cpu {
	u64 gpr[GPR_COUNT];
	u64 rip, rflags;
	u8 xmm[4][16];
};

/* What ended a run. */
struct stop {
	int signal;
	u64 gva; /* SIGSEGV: of the access */
	bool write;
};

/* ---- memory of the guest ---- */

/* Twice: where 32 bits say an address, and where they do not. */
enum place { PLACE_LOW, PLACE_HIGH, PLACES };

#define GUEST_CODE_SIZE 0x10000
#define GUEST_PAGE      4096
/* Data and stack have two pages each. Programs use what is next to the border between them. */
#define GUEST_WINDOW    512 /* bytes on each side */
enum area { AREA_DATA, AREA_STACK, AREAS };

u64 runner_code(enum place p);
/* The border between the two pages of an area. */
u64 runner_middle(enum place p, enum area a);
/* Rights of one page: PROT_* */
void runner_protect(enum place p, enum area a, unsigned page, int rights);
/* Both windows of both areas */
#define GUEST_MEMORY (AREAS * 2 * GUEST_WINDOW)
void runner_save_memory(enum place p, u8 memory[GUEST_MEMORY]);
void runner_load_memory(enum place p, const u8 memory[GUEST_MEMORY]);
bool runner_same_memory(enum place p, const u8 memory[GUEST_MEMORY]);

/* ---- the machine ---- */

/* With a window, and a cache that is empty but for the stubs. Once. */
void runner_init(void);
extern struct bt_cache runner_cache;
/* Empties the cache. */
void runner_flush(enum bt_flavour flavour);
/* Takes the watched view away, or gives it back. */
void runner_watch(bool watch);
extern bool runner_is_watched;
/* Runs from cpu->rip on. With RFLAGS.TF that is one instruction, and SIGTRAP. */
struct stop runner_run(struct cpu *cpu);

#endif
