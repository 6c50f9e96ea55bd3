/* SPDX-License-Identifier: MIT */
/*
 * A Linux that starts as a flat Multiboot kernel: one page of ours (linux.S) right below 16 MiB, and behind
 * it Linux as it lies in memory. mklinux writes it; QEMU's -kernel and our boot disk load it.
 *
 * Linux is entered by its PVH entry, in 32-bit protected mode without paging, EBX pointing to the start
 * information below. So nothing is unpacked at run time, which matters where each instruction is interpreted.
 *
 * Source: Xen, "x86/HVM direct boot ABI" (PVH), and public/arch-x86/hvm/start_info.h.
 */
#ifndef NESTED_LINUX_H
#define NESTED_LINUX_H

#define LINUX_HPA         0x1000000 /* where a kernel of Debian is linked to */
#define LINUX_HEAD_BYTES  0x1000
#define LINUX_HEAD_HPA    (LINUX_HPA - LINUX_HEAD_BYTES)

/* The head begins with a Multiboot header, of which mklinux fills in bss_end_addr, and then the address of
 * the PVH entry. */
#define LINUX_AT_BSS_END  24
#define LINUX_AT_ENTRY    32

#define PVH_NOTE_OWNER    "Xen"
#define PVH_NOTE_TYPE     18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define PVH_MAGIC         0x336ec578
#define PVH_VERSION       1

#define PVH_INFO_BYTES    56
#define PVH_AT_MAGIC      0
#define PVH_AT_VERSION    4
#define PVH_AT_MODULES    12 /* how many */
#define PVH_AT_MODLIST    16 /* 64 bits, as all that follow but the last two */
#define PVH_AT_CMDLINE    24
#define PVH_AT_RSDP       32 /* 0: Linux looks for it */
#define PVH_AT_MEMMAP     40
#define PVH_AT_MEMMAP_LEN 48 /* entries */

#define PVH_MODULE_BYTES  32
#define PVH_MODULE_HPA    0
#define PVH_MODULE_SIZE   8

#define PVH_MEMMAP_BYTES  24 /* base, length, type, reserved */
#define PVH_MEMMAP_MAX    64
#define PVH_MEMMAP_TYPE   16 /* the numbers of E820, as in the Multiboot map */

#endif
