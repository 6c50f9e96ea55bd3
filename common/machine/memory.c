// SPDX-License-Identifier: MIT
/*
 * Memory of the machine: the page allocator over what the memory map calls RAM, and the final page tables of
 * the hypervisor.
 *
 * The tables map all RAM and everything else below 4 GiB at HV_BASE, in 2 MiB pages where possible: RAM
 * write-back, the rest uncached since it may be registers of a device. The image is mapped as its parts ask
 * for, code read-only and executable, constants read-only, all else writable and not executable; the guard
 * pages below the stacks are not mapped. No page is global: the engines of ring-3 guests give the reserved
 * slot different contents in different roots.
 *
 * Sources: SDM vol. 3A, 4.5 "4-Level Paging and 5-Level Paging", 4.9.2 "Paging and Memory Typing When the PAT
 * is Supported". Left out: giving memory back (there is no second boot), the first MiB (firmware's).
 */
#include "lib/panic.h"
#include "lib/string.h"
#include "machine/internal.h"
#include "machine/ranges.h"
#include "x86/asm.h"
#include "x86/paging.h"
#include "x86/regs.h"

#define LARGE_PAGE    MIB(2)
#define LOW_MEMORY    MIB(1)
#define DEVICE_LIMIT  GIB(4)
#define HV_SLOT_BYTES GIB(512)

/* Accessed and dirty are set at once: the hypervisor does not use them and the hardware need not write them.
 */
#define MAP_READ      (PTE_P | PTE_A | PTE_NX)
#define MAP_CODE      (PTE_P | PTE_A)
#define MAP_WRITE     (PTE_P | PTE_A | PTE_D | PTE_W | PTE_NX)
#define MAP_UNCACHED  (MAP_WRITE | PTE_PCD | PTE_PWT)
#define MAP_NOTHING   0
#define MAP_TABLE     (PTE_P | PTE_A | PTE_W)

#define ALLOC_ALIGN   16
#define ALLOC_CHUNK   KIB(16)

static struct range_set free_memory;
static u64 *root;

/* ---- the page allocator ---- */

static void zero_pages(void *start, u64 bytes)
{
	u64 words = bytes / sizeof(u64);

	asm volatile("rep stosq" : "+D"(start), "+c"(words) : "a"(0) : "memory");
}

void *pages_alloc(u64 count, u64 align)
{
	u64 hpa;

	if (!count || count > HV_SLOT_BYTES / PAGE_SIZE)
		return NULL;
	if (!range_take(&free_memory, count * PAGE_SIZE, MAX(align, PAGE_SIZE), &hpa))
		return NULL;
	zero_pages(hpa_to_hva(hpa), count * PAGE_SIZE);
	return hpa_to_hva(hpa);
}

void *machine_alloc(u64 size)
{
	static u8 *chunk;
	static u64 left;
	u8 *p;

	if (size > HV_SLOT_BYTES)
		return NULL;
	size = ALIGN_UP(size, ALLOC_ALIGN);
	if (size >= ALLOC_CHUNK / 2)
		return pages_alloc(ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);
	if (size > left) {
		chunk = pages_alloc(ALLOC_CHUNK / PAGE_SIZE, PAGE_SIZE);
		left = chunk ? ALLOC_CHUNK : 0;
		if (!chunk)
			return NULL;
	}
	p = chunk;
	chunk += size;
	left -= size;
	return p;
}

static void reserve(hpa_t start, hpa_t end)
{
	if (!range_remove(&free_memory, ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE)))
		panic("the memory map has too many pieces");
}

static void find_free_memory(void)
{
	for (unsigned i = 0; i < boot_range_count; i++) {
		const struct boot_range *r = &boot_ranges[i];
		hpa_t start = ALIGN_UP(r->start, PAGE_SIZE),
		      end = ALIGN_DOWN(MIN(r->end, HV_SLOT_BYTES), PAGE_SIZE);

		if (r->type == MULTIBOOT_MMAP_RAM && !range_add(&free_memory, start, end))
			panic("the memory map has too many pieces");
	}
	/* Firmware's maps may overlap: what one entry reserves is reserved. */
	for (unsigned i = 0; i < boot_range_count; i++) {
		if (boot_ranges[i].type != MULTIBOOT_MMAP_RAM)
			reserve(boot_ranges[i].start, boot_ranges[i].end);
	}
	reserve(0, LOW_MEMORY);
	reserve(IMAGE_LOAD_HPA, hva_to_hpa(image_end));
	for (unsigned i = 0; i < machine_module_count; i++) {
		hpa_t start = hva_to_hpa(machine_modules[i].data);

		reserve(start, start + machine_modules[i].size);
	}
}

/* ---- the page tables ---- */

static u64 *table_alloc(void)
{
	u64 *table = pages_alloc(1, PAGE_SIZE);

	if (!table)
		panic("no memory for the page tables of the hypervisor");
	return table;
}

/* The table that `*entry` names; made if there is none, or from a large page of level 2, in which case its
 * mapping is kept. */
static u64 *table_below(u64 *entry)
{
	u64 *table;

	if ((*entry & PTE_P) && !(*entry & PTE_PS))
		return hpa_to_hva(*entry & PTE_ADDR);
	table = table_alloc();
	if (*entry & PTE_P) {
		u64 page = *entry & ~(u64)PTE_PS;

		for (unsigned i = 0; i < PT_ENTRIES; i++)
			table[i] = page + i * PAGE_SIZE;
	}
	*entry = hva_to_hpa(table) | MAP_TABLE;
	return table;
}

/* Maps [start, end) at HV_BASE; both are multiples of the page size. What was mapped there is replaced. */
static void map(hpa_t start, hpa_t end, u64 flags)
{
	while (start < end) {
		u64 gva = HV_BASE + start;
		u64 *pdpt = table_below(&root[pt_index(gva, 4)]);
		u64 *pd = table_below(&pdpt[pt_index(gva, 3)]);
		u64 *pde = &pd[pt_index(gva, 2)];

		if (start % LARGE_PAGE == 0 && end - start >= LARGE_PAGE &&
		    !((*pde & PTE_P) && !(*pde & PTE_PS))) {
			*pde = flags ? start | flags | PTE_PS : 0;
			start += LARGE_PAGE;
		} else {
			table_below(pde)[pt_index(gva, 1)] = flags ? start | flags : 0;
			start += PAGE_SIZE;
		}
	}
}

static void map_image(void)
{
	map(IMAGE_LOAD_HPA, hva_to_hpa(image_text), MAP_READ);
	map(hva_to_hpa(image_text), hva_to_hpa(image_text_end), MAP_CODE);
	map(hva_to_hpa(image_text_end), hva_to_hpa(image_rodata_end), MAP_READ);

	map(hva_to_hpa(boot_stack_guard), hva_to_hpa(boot_stack), MAP_NOTHING);
	for (unsigned i = 0; i < IST_COUNT; i++)
		map(hva_to_hpa(ist_stacks[i].guard), hva_to_hpa(ist_stacks[i].stack), MAP_NOTHING);
}

void memory_init(void)
{
	find_free_memory();
	root = table_alloc();
	map(0, DEVICE_LIMIT, MAP_UNCACHED);
	/* Whole pages of RAM only: a page that RAM shares with something else may hold registers. */
	for (unsigned i = 0; i < boot_range_count; i++) {
		const struct boot_range *r = &boot_ranges[i];

		if (r->type == MULTIBOOT_MMAP_RAM)
			map(ALIGN_UP(r->start, PAGE_SIZE), ALIGN_DOWN(MIN(r->end, HV_SLOT_BYTES), PAGE_SIZE),
			    MAP_WRITE);
	}
	map_image();
	write_cr3(hva_to_hpa(root));
}

hpa_t machine_root(void)
{
	return hva_to_hpa(root);
}

void *machine_map_device(hpa_t hpa, u64 size)
{
	hpa_t start = ALIGN_DOWN(MAX(hpa, DEVICE_LIMIT), PAGE_SIZE);
	hpa_t end = ALIGN_UP(hpa + size, PAGE_SIZE);

	if (hpa + size < hpa || end > HV_SLOT_BYTES)
		return NULL;
	map(start, end, MAP_UNCACHED);
	write_cr3(read_cr3());
	return hpa_to_hva(hpa);
}
