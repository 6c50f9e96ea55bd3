/* SPDX-License-Identifier: MIT */
/*
 * Paging formats as data. One description (levels, what each bit is called in this format) serves the guest's
 * tables, the host's, EPT, NPT and VT-d second-level tables, so that the walk is written once.
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

/* ---- formats and the walk (paging.c) ---- */

/* What an entry allows; along a walk, what all of its entries allow together. */
#define PAGING_R          0x1
#define PAGING_W          0x2
#define PAGING_X          0x4
#define PAGING_U          0x8
#define PAGING_ALL        0xf

#define PAGING_MAX_LEVELS 5

/*
 * One format. A mask that is 0 means that the format has no such bit: rights are then given by every entry,
 * marks never made.
 *
 * What fits without a change: NPT (it is paging_x86_64 itself, walked with U = 1), VT-d second-level tables
 * (present = read | write, no execute, 3 or 4 levels, `page` is bit 7), EPT (present = read | write |
 * execute, memory type bits reserved in entries that name a table). EPT's forbidden combinations (write
 * without read) would be one more mask here.
 */
struct paging_format {
	const char *name;
	unsigned levels;                /* of the table that the root names */
	u64 present;                    /* an entry is present when any of these bits is set */
	u64 read, write, execute, user; /* each gives the right of that name */
	u64 no_execute;                 /* takes PAGING_X away */
	u64 accessed, dirty;            /* dirty: in the entry that maps the page */
	u64 page;                       /* the entry maps a page (at level 1 every entry does) */
	unsigned page_levels;           /* bit n: `page` has this meaning at level n */
	u64 address;                    /* of the next table, or of a 4 KiB page */
	/* By level: what must be 0 in a present entry that names a table, and in one that maps a page. */
	u64 table_reserved[PAGING_MAX_LEVELS + 1];
	u64 page_reserved[PAGING_MAX_LEVELS + 1];
};

/* 4-level paging of IA-32e mode; also what the hypervisor itself runs on. */
extern const struct paging_format paging_x86_64;

/* One set of tables, and how to reach them. The addresses are physical in the sense of the tables: gpa or
 * hpa. */
struct paging_space {
	u64 root;     /* address of the top table */
	u64 reserved; /* further bits that must be 0: beyond MAXPHYADDR, NX without EFER.NXE */
	u64 (*read)(void *context, u64 where); /* an entry; all ones where there is no memory */
	void (*set_bits)(void *context, u64 where, u64 bits); /* for paging_mark() only */
	void *context;
};

enum paging_fault { PAGING_OK, PAGING_NOT_PRESENT, PAGING_RESERVED };

struct paging_walk {
	enum paging_fault fault;
	unsigned level;                   /* of the last entry read: it maps the page, or it ended the walk */
	unsigned rights;                  /* PAGING_*: all entries read, combined */
	unsigned refs;                    /* entries read */
	u64 address;                      /* PAGING_OK: what the address translates to, offset included */
	u64 page_bytes;                   /* PAGING_OK */
	u64 entry[PAGING_MAX_LEVELS + 1]; /* by level: the entries read ... */
	u64 where[PAGING_MAX_LEVELS + 1]; /* ... and their addresses */
};

/* Translates `address`. Only presence and reserved bits are judged: what the rights mean for an access is the
 * caller's rule. */
bool paging_walk(const struct paging_format *f, const struct paging_space *s, u64 address,
		 struct paging_walk *w);

/* Sets the accessed bits along a successful walk, and the dirty bit for a write, where they are not set;
 * keeps w->entry up to date. */
void paging_mark(const struct paging_format *f, const struct paging_space *s, struct paging_walk *w,
		 bool write);

/* MAXPHYADDR of this CPU (CPUID leaf 0x80000008; 36 where there is no such leaf), and the bits of an entry
 * beyond it. */
unsigned paging_phys_bits(void);
u64 paging_beyond_phys(unsigned phys_bits);

#endif
#endif
