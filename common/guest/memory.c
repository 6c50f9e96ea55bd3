// SPDX-License-Identifier: MIT
/*
 * Pages and page tables for tests. There is no freeing: after each test all pages are free again, and the
 * standard tables hold nothing but the kernel's slot, so a test cannot leave a mapping behind. Source: SDM
 * vol. 3A, 4.5 "4-Level Paging and 5-Level Paging", 4.10.4 "Invalidation of TLBs and Paging-Structure
 * Caches".
 */
#include "guest/harness.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "lib/string.h"

#define POOL_PAGES  384
#define AREA_SIZE   MIB(2)
#define AREAS       2
#define TABLE_FLAGS (PTE_P | PTE_W | PTE_U)
#define TOP_LEVEL   4

/* One more than there are, so that they can be aligned here: an aligned section would make a hole in the ELF
 * file. */
static u8 areas[(AREAS + 1) * AREA_SIZE];
static u8 pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static unsigned pool_used;

gpa_t gpa_of(const void *p)
{
	return (u64)p - KERNEL_BASE;
}

void *gpa_to_ptr(gpa_t gpa)
{
	return (void *)(KERNEL_BASE + gpa);
}

gpa_t root_standard(void)
{
	return gpa_of(boot_pml4);
}

void *page_alloc(void)
{
	if (pool_used == POOL_PAGES)
		panic("page_alloc: a test uses more than %u pages", POOL_PAGES);
	return memset(pool[pool_used++], 0, PAGE_SIZE);
}

void *page_alloc_2m(unsigned which)
{
	if (which >= AREAS)
		panic("page_alloc_2m: there are %u areas", AREAS);
	return memset((void *)(ALIGN_UP((u64)areas, AREA_SIZE) + which * AREA_SIZE), 0, AREA_SIZE);
}

gpa_t root_new(void)
{
	u64 *root = page_alloc();

	root[KERNEL_SLOT] = boot_pml4[KERNEL_SLOT];
	return gpa_of(root);
}

u64 *page_entry(gva_t gva, unsigned level)
{
	u64 *table = gpa_to_ptr(read_cr3() & PTE_ADDR);

	for (unsigned l = TOP_LEVEL; l > level; l--) {
		u64 entry = table[pt_index(gva, l)];

		if (!(entry & PTE_P) || (l < TOP_LEVEL && (entry & PTE_PS)))
			return NULL;
		table = gpa_to_ptr(entry & PTE_ADDR);
	}
	return &table[pt_index(gva, level)];
}

void page_map_level(gva_t gva, gpa_t gpa, u64 flags, unsigned level)
{
	u64 *entry;

	for (unsigned l = TOP_LEVEL; l > level; l--) {
		entry = page_entry(gva, l);
		if (!(*entry & PTE_P))
			*entry = gpa_of(page_alloc()) | TABLE_FLAGS;
	}
	entry = page_entry(gva, level);
	if (!entry)
		panic("page_map: %016lx is mapped by a larger page", gva);
	*entry = gpa | flags | (level > 1 ? PTE_PS : 0);
}

void page_map(gva_t gva, gpa_t gpa, u64 flags)
{
	page_map_level(gva, gpa, flags, 1);
}

/* The lowest entry for gva. */
static u64 *leaf_entry(gva_t gva)
{
	for (unsigned level = 1; level <= TOP_LEVEL; level++) {
		u64 *entry = page_entry(gva, level);

		if (entry)
			return entry;
	}
	panic("no page table for %016lx", gva);
}

void page_unmap(gva_t gva)
{
	*leaf_entry(gva) = 0;
	invlpg((void *)gva);
}

void page_protect(gva_t gva, u64 flags)
{
	u64 *entry = leaf_entry(gva);

	*entry = (*entry & (PTE_ADDR | PTE_PS)) | flags;
	invlpg((void *)gva);
}

void memory_restore(void)
{
	_Static_assert(KERNEL_SLOT == PT_ENTRIES - 1, "the last entry, which must never be missing, stays");
	memset(boot_pml4, 0, KERNEL_SLOT * sizeof(boot_pml4[0]));
	pool_used = 0;
	write_cr3(root_standard());
	/* A change of CR4.PGE drops global translations too. */
	write_cr4(read_cr4() ^ CR4_PGE);
	write_cr4(read_cr4() ^ CR4_PGE);
}

void memory_init(void)
{
	memory_restore();
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kprintf("\npanic: ");
	kvprintf(fmt, ap);
	kprintf("\n");
	va_end(ap);
	guest_end(1);
}
