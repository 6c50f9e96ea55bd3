// SPDX-License-Identifier: MIT
/*
 * The walk over paging structures, written once for every format that paging.h describes.
 *
 * The walk reads entries from the top table down until one maps a page, is not present, or has a reserved bit
 * set. It knows nothing of CPL, CR0.WP or EPT violations: it reports the rights that all entries give
 * together, and whoever asked decides. Marks (accessed, dirty) are a second step, because a processor makes
 * them only for an access that is carried out.
 *
 * Source: SDM vol. 3A, 4.5 "4-Level Paging and 5-Level Paging", tables 4-14 to 4-20 for the bits of each
 * entry; 4.8 "Accessed and Dirty Flags". Left out: 32-bit and PAE paging (4-byte entries and a top table of
 * four entries), protection keys.
 */
#include "x86/paging.h"
#include "x86/asm.h"

#define CPUID_EXT_MAX   0x80000000
#define CPUID_ADDRESSES 0x80000008 /* EAX bits 7..0: physical address bits */
#define PHYS_BITS_OLD   36         /* of a CPU without that leaf, SDM vol. 3A, 4.1.4 */
#define PHYS_BITS_MAX   52

/* Bits of a large page's frame below its size; bit 12 is PAT. */
#define RESERVED_2M     0x00000000001fe000
#define RESERVED_1G     0x000000003fffe000

const struct paging_format paging_x86_64 = {
	.name = "4-level",
	.levels = 4,
	.present = PTE_P,
	.write = PTE_W,
	.user = PTE_U,
	.no_execute = PTE_NX,
	.accessed = PTE_A,
	.dirty = PTE_D,
	.page = PTE_PS,
	.page_levels = BIT(2) | BIT(3),
	.address = PTE_ADDR,
	.table_reserved = {[4] = PTE_PS},
	.page_reserved = {[2] = RESERVED_2M, [3] = RESERVED_1G},
};

static bool entry_is_page(const struct paging_format *f, unsigned level, u64 entry)
{
	return level == 1 || ((f->page_levels >> level & 1) && (entry & f->page));
}

static unsigned entry_rights(const struct paging_format *f, u64 entry)
{
	unsigned rights = 0;

	if (!f->read || (entry & f->read))
		rights |= PAGING_R;
	if (!f->write || (entry & f->write))
		rights |= PAGING_W;
	if ((!f->execute || (entry & f->execute)) && !(entry & f->no_execute))
		rights |= PAGING_X;
	if (!f->user || (entry & f->user))
		rights |= PAGING_U;
	return rights;
}

bool paging_walk(const struct paging_format *f, const struct paging_space *s, u64 address,
		 struct paging_walk *w)
{
	u64 table = s->root;

	*w = (struct paging_walk){.rights = PAGING_ALL};
	for (unsigned level = f->levels;; level--) {
		u64 where = table + pt_index(address, level) * sizeof(u64);
		u64 entry = s->read(s->context, where);
		bool page = entry_is_page(f, level, entry);
		u64 reserved = s->reserved | (page ? f->page_reserved : f->table_reserved)[level];

		w->level = level;
		w->refs++;
		w->where[level] = where;
		w->entry[level] = entry;
		if (!(entry & f->present)) {
			w->fault = PAGING_NOT_PRESENT;
			return false;
		}
		if (entry & reserved) {
			w->fault = PAGING_RESERVED;
			return false;
		}
		w->rights &= entry_rights(f, entry);
		if (page) {
			u64 offset_mask = pt_span(level) - 1;

			w->page_bytes = pt_span(level);
			w->address = (entry & f->address & ~offset_mask) | (address & offset_mask);
			return true;
		}
		table = entry & f->address;
	}
}

void paging_mark(const struct paging_format *f, const struct paging_space *s, struct paging_walk *w,
		 bool write)
{
	for (unsigned level = f->levels; level >= w->level; level--) {
		u64 marks = f->accessed | (write && level == w->level ? f->dirty : 0);
		u64 missing = marks & ~w->entry[level];

		if (!missing)
			continue;
		s->set_bits(s->context, w->where[level], missing);
		w->entry[level] |= missing;
	}
}

unsigned paging_phys_bits(void)
{
	static unsigned bits;

	if (!bits)
		bits = cpuid(CPUID_EXT_MAX, 0).eax < CPUID_ADDRESSES ? PHYS_BITS_OLD
								     : cpuid(CPUID_ADDRESSES, 0).eax & 0xff;
	return bits;
}

u64 paging_beyond_phys(unsigned phys_bits)
{
	return (BIT(PHYS_BITS_MAX) - 1) & ~(BIT(phys_bits) - 1);
}
