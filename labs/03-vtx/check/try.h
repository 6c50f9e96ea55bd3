/* SPDX-License-Identifier: MIT */
/* The checker against the processor: the option vmx-check=1. */
#ifndef VTX_CHECK_TRY_H
#define VTX_CHECK_TRY_H

#include "lib/types.h"

/* Does the command line of the hypervisor ask for it? */
bool check_try_wanted(void);
/* Tries every case on a VMCS, prints what checker and processor say, and returns the machine's exit status.
 */
int check_try(void);

/* try_entry.S: VMRESUME, or VMLAUNCH of a VMCS that was not launched yet. 0 after an exit (to check_try_exit,
 * which is HOST_RIP), otherwise enum vmx_result. */
unsigned check_try_enter(bool launched);
extern const u8 check_try_exit[];
/* What the guest executes: VMCALL. */
extern const u8 check_try_guest[];

#endif
