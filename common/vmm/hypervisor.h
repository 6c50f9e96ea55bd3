/* SPDX-License-Identifier: MIT */
/* From the machine to running guests: what the main of every lab calls. */
#ifndef VMM_HYPERVISOR_H
#define VMM_HYPERVISOR_H

#include "vmm/engine.h"

/*
 * Starts a guest for each Multiboot module and runs them to their end. The hypervisor's command line chooses
 * the engines:
 *
 *   cpu=NAME mem=NAME      when not given the first CPU engine that works on this machine, and the first
 *                          memory engine
 *
 * and the string of a module is its guest's name, options for its machine, and after "--" the guest's own
 * command line:
 *
 *   NAME [ram=64M] [budget=TICKS] [-- COMMAND LINE]
 *
 * (A boot loader may put the module's path in front; the name is then its last part.) Both lists end with
 * NULL. Returns the status for the machine's end: 0 when every guest ended by itself with status 0.
 */
int hypervisor_run(const struct cpu_engine *const cpu[], const struct mem_engine *const mem[]);

/* Bytes that KEY= says among the words of `text`, with K, M or G behind the number; `otherwise` when it is
 * not there, or no size (then with a sentence). An engine may have an option of its own on machine_cmdline.
 */
u64 hypervisor_size_option(const char *text, const char *key, u64 otherwise);

#endif
