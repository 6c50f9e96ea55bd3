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

#endif
