/* SPDX-License-Identifier: MIT */
/*
 * A CPU that runs a guest on shadow tables, as far as memory is concerned: it walks the tables that the
 * memory engine made, by the plain rules of the manual and with code of its own, and keeps what it found in a
 * TLB until it is told otherwise. A memory engine that forgets to flush is found out because this TLB never
 * forgets.
 */
#ifndef VMM_TESTS_SHADOW_CPU_H
#define VMM_TESTS_SHADOW_CPU_H

#include "guest_fixture.h"

#define TLB_ENTRIES 4096

struct tlb_entry {
	bool valid;
	gva_t page;
	hpa_t frame;
	bool write, user, nx;
};

static struct tlb_entry tlb[TLB_ENTRIES];
static hpa_t loaded_root;
static unsigned flushed_pages, flushed_all;
static u64 machine_top[PT_ENTRIES] __attribute__((aligned(4096))); /* the monitor's own top table */

hpa_t machine_root(void)
{
	return hva_to_hpa(machine_top);
}

static inline struct tlb_entry *tlb_slot(gva_t gva)
{
	return &tlb[(gva / PAGE_SIZE * 0x9e3779b97f4a7c15ULL) >> 52];
}

void tlb_flush_page(struct vcpu *v, gva_t gva)
{
	(void)v;
	flushed_pages++;
	if (tlb_slot(gva)->page == ALIGN_DOWN(gva, PAGE_SIZE))
		tlb_slot(gva)->valid = false;
}

void tlb_flush_all(struct vcpu *v)
{
	(void)v;
	flushed_all++;
	memset(tlb, 0, sizeof(tlb));
}

/* The shadow's translation of gva, straight from its tables. */
static inline bool shadow_lookup(hpa_t root, gva_t gva, struct tlb_entry *e)
{
	hpa_t table = root;
	u64 entry = 0;

	*e = (struct tlb_entry){
		.valid = true, .page = ALIGN_DOWN(gva, PAGE_SIZE), .write = true, .user = true};
	for (int shift = 39; shift >= 12; shift -= 9) {
		entry = ((const u64 *)hpa_to_hva(table))[gva >> shift & 511];
		if (!(entry & 1))
			return false;
		e->write = e->write && (entry & 2);
		e->user = e->user && (entry & 4);
		e->nx = e->nx || entry >> 63;
		table = entry & 0x000ffffffffff000;
	}
	e->frame = table;
	return true;
}

/*
 * One access of the hardware under `root`; CR0.WP and EFER.NXE are on. True: *hpa is the byte. False: #PF
 * with *error.
 */
static inline bool cpu_access(hpa_t root, gva_t gva, bool write, bool fetch, bool user, hpa_t *hpa,
			      u32 *error)
{
	struct tlb_entry *cached = tlb_slot(gva), found;
	bool present = true;

	if (root != loaded_root)
		memset(tlb, 0, sizeof(tlb));
	loaded_root = root;
	if (!cached->valid || cached->page != ALIGN_DOWN(gva, PAGE_SIZE)) {
		present = shadow_lookup(root, gva, &found);
		if (present)
			*cached = found;
	}
	if (present && (!write || cached->write) && (!user || cached->user) && (!fetch || !cached->nx)) {
		*hpa = cached->frame + gva % PAGE_SIZE;
		return true;
	}
	*error = (present ? PF_PRESENT : 0) | (write ? PF_WRITE : 0) | (user ? PF_USER : 0) |
		 (fetch ? PF_FETCH : 0);
	return false;
}

#endif
