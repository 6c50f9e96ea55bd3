/* SPDX-License-Identifier: MIT */
/*
 * Paging formats as data. One description (levels, what each bit is called in this format) serves the guest's tables, the host's, EPT,
 * NPT and VT-d second-level tables, so that the walk is written once.
 *
 * Source: SDM vol. 3A, 4.5 "4-Level Paging and 5-Level Paging" and 4.7 "Page-Fault Exceptions".
 */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#define PAGE_SHIFT 12
#define PAGE_SIZE  0x1000
#define PTE_P      0x001
#define PTE_W      0x002
#define PTE_U      0x004
#define PTE_PWT    0x008
#define PTE_PCD    0x010
#define PTE_A      0x020
#define PTE_D      0x040
#define PTE_PS     0x080 /* in a PDPTE or PDE: maps a page */
#define PTE_G      0x100
#define PTE_NX     0x8000000000000000
#define PTE_ADDR   0x000ffffffffff000
#define PT_ENTRIES 512

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* Canonical: bits 63..47 are all alike (4-level paging). */
static inline bool gva_is_canonical(gva_t gva)
{
	return (u64)((s64)(gva << 16) >> 16) == gva;
}

/* Index into the table of a level: 4 = PML4 ... 1 = page table. */
static inline unsigned pt_index(u64 address, unsigned level)
{
	return (unsigned)(address >> (PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

/* Bytes that one entry of a level covers: 4 KiB at level 1, 2 MiB at 2, 1 GiB at 3. */
static inline u64 pt_span(unsigned level)
{
	return (u64)PAGE_SIZE << (9 * (level - 1));
}

#endif
#endif
