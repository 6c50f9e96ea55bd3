/* SPDX-License-Identifier: MIT */
/* Where the hypervisor lies and how large its stacks are. Usable from assembly; machine.h includes it. */
#ifndef MACHINE_LAYOUT_H
#define MACHINE_LAYOUT_H

/* All physical memory is mapped at HV_BASE, the image too: PML4 slot 256, the monitor's reserved slot in
 * every guest's tables. */
#define HV_PML4_SLOT       256

#define BOOT_STACK_SIZE    0x10000
#define IST_STACK_SIZE     0x2000

/* Interrupt stack table: which of the machine's exceptions have a stack of their own. */
#define IST_NMI            1
#define IST_DF             2
#define IST_MC             3
#define IST_DB             4
#define IST_COUNT          4

/* Vectors of struct trap_frame for SYSCALL from 64-bit and from compatibility mode */
#define TRAP_VEC_SYSCALL   256
#define TRAP_VEC_SYSCALL32 257

#endif
