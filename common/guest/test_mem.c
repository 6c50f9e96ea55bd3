// SPDX-License-Identifier: MIT
/*
 * mem/: translation. What an address means: each level's index, present bits, changes of the tables and what
 * makes them visible (INVLPG, MOV to CR3, a change of CR4.PGE), tables reached through aliases, tables shared
 * by several addresses.
 *
 * A test never needs a stale translation, and never looks at an address after a change that has not been made
 * visible.
 *
 * Source: SDM vol. 3A, 4.5 "4-Level Paging and 5-Level Paging", 4.7 "Page-Fault Exceptions", 4.10 "Caching
 * Translation Information".
 */
#include "guest/access.h"
#include "lib/string.h"

#define RW  (PTE_P | PTE_W)
#define RWU (PTE_P | PTE_W | PTE_U)

/* A mapping reads what the frame holds, and writes reach the frame. */
static void map(void)
{
	u64 *frame = page_random();
	unsigned offset = test_random() % PAGE_SIZE / sizeof(u64);
	u64 value = test_random();

	page_map(TEST_BASE, gpa_of(frame), RW);
	CHECK_MEM((void *)TEST_BASE, frame, PAGE_SIZE);
	word_at(TEST_BASE)[offset] = value;
	CHECK_EQ(((volatile u64 *)frame)[offset], value);
}

/* Addresses that differ in the index of one level alone lead to different frames. */
static void four_levels(void)
{
	u64 *frames[5], seen;
	gva_t gva[5] = {TEST_BASE};

	for (unsigned level = 1; level <= 4; level++)
		gva[level] = TEST_BASE + pt_span(level) * (1 + test_random() % 16);
	for (unsigned i = 0; i < 5; i++) {
		frames[i] = page_random();
		page_map(gva[i], gpa_of(frames[i]), RW);
	}
	for (unsigned i = 0; i < 5; i++) {
		seen = *word_at(gva[i]);
		CHECK_EQ(seen, frames[i][0]);
	}
}

static void unmap(void)
{
	gva_t gva = TEST_BASE + test_random() % (PAGE_SIZE - sizeof(u64));
	struct frame f;

	page_map(TEST_BASE, gpa_of(page_alloc()), RW);
	CHECK_KERNEL_OK(kernel_read, gva);
	page_unmap(TEST_BASE);
	CHECK_KERNEL_PF(kernel_read, gva, 0);
	CHECK_KERNEL_PF(kernel_write, gva, PF_WRITE);
	CHECK_KERNEL_PF(kernel_jump, gva, PF_FETCH);
	f = kernel_access(kernel_read, gva);
	CHECK_EQ(f.rip - (u64)kernel_read, 0);
	CHECK_EQ(f.cs, SEL_KERNEL_CODE);
}

/* Any level's entry that is not present makes the page not present; every other bit of it is ignored. */
static void unmap_each_level(void)
{
	u64 *frame = page_random(), *entry, saved;

	page_map(TEST_BASE, gpa_of(frame), RW);
	for (unsigned level = 1; level <= 4; level++) {
		entry = page_entry(TEST_BASE, level);
		saved = *entry;
		*entry = ~(u64)PTE_P;
		invlpg((void *)TEST_BASE);
		CHECK_KERNEL_PF(kernel_read, TEST_BASE, 0);
		*entry = saved;
		invlpg((void *)TEST_BASE);
		CHECK_EQ(*word_at(TEST_BASE), *frame);
	}
}

static void remap_invlpg(void)
{
	u64 *frames[4];

	for (unsigned i = 0; i < 4; i++)
		frames[i] = page_random();
	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	for (unsigned i = 0; i < 16; i++) {
		u64 *frame = frames[test_random() % 4];

		*page_entry(TEST_BASE, 1) = gpa_of(frame) | RW;
		invlpg((void *)(TEST_BASE + 0x123)); /* any address of the page */
		CHECK_EQ(*word_at(TEST_BASE), *frame);
	}
}

/* MOV to CR3 drops what is not global, also when the value is the same. */
static void remap_cr3(void)
{
	u64 *frames[2] = {page_random(), page_random()};

	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	page_map(TEST_BASE + PAGE_SIZE, gpa_of(frames[1]), RW);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	CHECK_EQ(*word_at(TEST_BASE + PAGE_SIZE), *frames[1]);
	*page_entry(TEST_BASE, 1) = gpa_of(frames[1]) | RW;
	*page_entry(TEST_BASE + PAGE_SIZE, 1) = gpa_of(frames[0]) | RW;
	write_cr3(read_cr3());
	CHECK_EQ(*word_at(TEST_BASE), *frames[1]);
	CHECK_EQ(*word_at(TEST_BASE + PAGE_SIZE), *frames[0]);
}

/* Two address spaces, one address, two frames. */
static void cr3_switch(void)
{
	u64 *frames[2] = {page_random(), page_random()};
	gpa_t roots[2] = {root_new(), root_new()};

	for (unsigned i = 0; i < 2; i++) {
		write_cr3(roots[i]);
		page_map(TEST_BASE, gpa_of(frames[i]), RW);
	}
	for (unsigned i = 0; i < 8; i++) {
		unsigned which = test_random() % 2;

		write_cr3(roots[which]);
		CHECK_EQ(read_cr3(), roots[which]);
		CHECK_EQ(*word_at(TEST_BASE), *frames[which]);
		frames[which][0] = test_random();
	}
	write_cr3(root_standard());
	CHECK_KERNEL_PF(kernel_read, TEST_BASE, 0);
}

/* The same through user mode, where a stale translation of the other space would be a leak. */
static void cr3_switch_user(void)
{
	u64 *frames[2] = {page_random(), page_random()};
	gpa_t roots[2] = {root_new(), root_new()};

	for (unsigned i = 0; i < 2; i++) {
		write_cr3(roots[i]);
		page_map(TEST_BASE, gpa_of(frames[i]), RWU);
	}
	user_map();
	*(u64 *)gpa_to_ptr(roots[0]) =
		*(u64 *)gpa_to_ptr(roots[1]); /* slot 0: the pages of user_run() in both */
	for (unsigned i = 0; i < 6; i++) {
		write_cr3(roots[i % 2]);
		CHECK_EQ(user_access(user_read, TEST_BASE).gpr[GPR_RAX], *frames[i % 2]);
	}
	write_cr3(root_standard());
}

/*
 * "When INVLPG executes, translations for the page are dropped, also global ones"; a change of CR4.PGE drops
 * all. A global page that is the same in two spaces stays right across MOV to CR3.
 */
static void global_pages(void)
{
	u64 *frames[2] = {page_random(), page_random()};
	gpa_t other = root_new();
	u64 cr4 = read_cr4();

	write_cr4(cr4 | CR4_PGE);
	page_map(TEST_BASE, gpa_of(frames[0]), RW | PTE_G);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	write_cr3(other);
	page_map(TEST_BASE, gpa_of(frames[0]), RW | PTE_G);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	write_cr3(root_standard());

	*page_entry(TEST_BASE, 1) = gpa_of(frames[1]) | RW | PTE_G;
	invlpg((void *)TEST_BASE);
	CHECK_EQ(*word_at(TEST_BASE), *frames[1]);

	*page_entry(TEST_BASE, 1) = gpa_of(frames[0]) | RW | PTE_G;
	write_cr4((cr4 | CR4_PGE) & ~(u64)CR4_PGE);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	page_unmap(TEST_BASE);
	write_cr4(cr4);
}

/* The page table is itself mapped, and edited there. */
static void table_alias(void)
{
	gva_t alias = TEST_BASE + pt_span(3);
	u64 *frames[2] = {page_random(), page_random()};
	volatile u64 *entry;

	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	page_map(alias, gpa_of(page_entry(TEST_BASE, 1)) & PTE_ADDR, RW);
	entry = word_at(alias) + pt_index(TEST_BASE, 1);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	for (unsigned i = 1; i <= 6; i++) {
		*entry = gpa_of(frames[i % 2]) | RW;
		invlpg((void *)TEST_BASE);
		CHECK_EQ(*word_at(TEST_BASE), *frames[i % 2]);
	}
	*entry = 0;
	invlpg((void *)TEST_BASE);
	CHECK_KERNEL_PF(kernel_read, TEST_BASE, 0);
}

/* The processor's own updates of A and D go by physical address: a read-only mapping of the table does not
 * stop them. */
static void table_read_only(void)
{
	gva_t alias = TEST_BASE + pt_span(2);
	u64 *frame = page_random();
	gva_t entry;

	page_map(TEST_BASE, gpa_of(frame), RW);
	page_map(alias, gpa_of(page_entry(TEST_BASE, 1)) & PTE_ADDR, PTE_P);
	entry = alias + pt_index(TEST_BASE, 1) * sizeof(u64);
	CHECK_EQ(*word_at(entry) & (PTE_A | PTE_D), 0);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE);
	CHECK_EQ(*word_at(entry) & (PTE_A | PTE_D), PTE_A | PTE_D);
	CHECK_KERNEL_PF(kernel_write, entry, PF_PRESENT | PF_WRITE);
	CHECK_EQ(*word_at(entry) & ~(u64)(PTE_A | PTE_D), gpa_of(frame) | RW);
}

/* One page table below two entries of the level above: one edit changes both addresses. */
static void table_shared(void)
{
	gva_t second = TEST_BASE + pt_span(2);
	u64 *frames[2] = {page_random(), page_random()};

	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	*page_entry(second, 2) = *page_entry(TEST_BASE, 2);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	CHECK_EQ(*word_at(second), *frames[0]);
	*page_entry(second, 1) = gpa_of(frames[1]) | RW;
	invlpg((void *)TEST_BASE);
	invlpg((void *)second);
	CHECK_EQ(*word_at(TEST_BASE), *frames[1]);
	CHECK_EQ(*word_at(second), *frames[1]);
}

/* A PML4 entry that leads back to the PML4: the last level of a walk reads a table as if it were a page. */
static void table_recursive(void)
{
	unsigned slot = pt_index(TEST_BASE, 4) + 1;
	gva_t window = (u64)slot << 39, entry;
	u64 *frames[2] = {page_random(), page_random()};
	u64 *pml4 = gpa_to_ptr(read_cr3() & PTE_ADDR);

	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	pml4[slot] = (read_cr3() & PTE_ADDR) | RW;
	invlpg((void *)window);
	entry = window + (TEST_BASE >> PAGE_SHIFT) * sizeof(u64);
	CHECK_EQ(*word_at(entry) & ~(u64)(PTE_A | PTE_D), gpa_of(frames[0]) | RW);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	*word_at(entry) = gpa_of(frames[1]) | RW;
	invlpg((void *)TEST_BASE);
	CHECK_EQ(*word_at(TEST_BASE), *frames[1]);
	pml4[slot] = 0;
	write_cr3(read_cr3());
	CHECK_KERNEL_PF(kernel_read, entry, 0);
}

/* A whole table is replaced: the entry two levels above the page points to another one. */
static void table_replaced(void)
{
	u64 *frames[2] = {page_random(), page_random()}, *table = page_alloc();

	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	CHECK_EQ(*word_at(TEST_BASE), *frames[0]);
	table[pt_index(TEST_BASE, 1)] = gpa_of(frames[1]) | RW;
	*page_entry(TEST_BASE, 2) = gpa_of(table) | RWU;
	invlpg((void *)TEST_BASE);
	CHECK_EQ(*word_at(TEST_BASE), *frames[1]);
	/* The page that was a table is data now, and the other way round. */
	memcpy(frames[0], table, PAGE_SIZE);
	*page_entry(TEST_BASE, 2) = gpa_of(frames[0]) | RWU;
	invlpg((void *)TEST_BASE);
	CHECK_EQ(*word_at(TEST_BASE), *frames[1]);
}

static u64 *demand_frame;

static bool demand_handler(struct frame *f)
{
	page_map(f->cr2 & ~(u64)(PAGE_SIZE - 1), gpa_of(demand_frame), RW);
	return true;
}

/* The handler maps the page, and the instruction that faulted runs again. */
static void demand(void)
{
	gva_t gva = TEST_BASE + PAGE_SIZE - sizeof(u32);

	demand_frame = page_random();
	handler_set(VEC_PF, demand_handler);
	/* Eight bytes on two pages: two faults, one result. */
	CHECK_EQ(*word_at(gva),
		 (u64)(u32)demand_frame[0] << 32 | demand_frame[PAGE_SIZE / sizeof(u64) - 1] >> 32);
	CHECK(page_entry(gva, 1) != NULL && page_entry(gva + sizeof(u64), 1) != NULL);
}

static unsigned moves;

/* The frame moves while it is written: its content, then the mapping, then back to the write. */
static bool move_handler(struct frame *f)
{
	u64 *entry = page_entry(f->cr2, 1), *frame = page_alloc();

	memcpy(frame, gpa_to_ptr(*entry & PTE_ADDR), PAGE_SIZE);
	*entry = gpa_of(frame) | RW;
	invlpg((void *)f->cr2);
	moves++;
	return true;
}

/* Copy-on-write: the mapping changes while it is in use. */
static void change_in_use(void)
{
	u64 expected = 0, *first = page_alloc();

	moves = 0;
	handler_set(VEC_PF, move_handler);
	page_map(TEST_BASE, gpa_of(first), PTE_P);
	for (unsigned i = 0; i < 24; i++) {
		u64 value = test_random();

		if (i % 8 == 0)
			page_protect(TEST_BASE, PTE_P);
		*word_at(TEST_BASE) += value;
		expected += value;
	}
	CHECK_EQ(*word_at(TEST_BASE), expected);
	CHECK_EQ(moves, 3);
	CHECK_EQ(*first, 0);
}

#define MANY_PAGES  1024
#define MANY_FRAMES 16

/* More pages than a TLB holds, in many tables. */
static void many_pages(void)
{
	u64 *frames[MANY_FRAMES], sum = 0, expected = 0;
	u8 which[MANY_PAGES];

	for (unsigned i = 0; i < MANY_FRAMES; i++)
		frames[i] = page_random();
	for (unsigned i = 0; i < MANY_PAGES; i++) {
		which[i] = test_random() % MANY_FRAMES;
		page_map(TEST_BASE + i * 17 * PAGE_SIZE, gpa_of(frames[which[i]]), RW);
	}
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < MANY_PAGES; i++) {
			sum += word_at(TEST_BASE + i * 17 * PAGE_SIZE)[i % 512] * (i + 1);
			expected += frames[which[i]][i % 512] * (i + 1);
		}
	CHECK_EQ(sum, expected);
}

/* One frame at many addresses: a write through one is seen through all. */
static void many_aliases(void)
{
	u64 *frame = page_random();

	for (unsigned i = 0; i < 16; i++)
		page_map(TEST_BASE + i * pt_span(2), gpa_of(frame), RW);
	for (unsigned i = 0; i < 16; i++) {
		*word_at(TEST_BASE + i * pt_span(2)) = test_random();
		CHECK_EQ(*word_at(TEST_BASE + (i * 7 + 3) % 16 * pt_span(2)), *(volatile u64 *)frame);
	}
}

const struct test mem_tests[] = {
	{"mem/map", map},
	{"mem/four_levels", four_levels},
	{"mem/unmap", unmap},
	{"mem/unmap_each_level", unmap_each_level},
	{"mem/remap_invlpg", remap_invlpg},
	{"mem/remap_cr3", remap_cr3},
	{"mem/cr3_switch", cr3_switch},
	{"mem/cr3_switch_user", cr3_switch_user},
	{"mem/global_pages", global_pages},
	{"mem/table_alias", table_alias},
	{"mem/table_read_only", table_read_only},
	{"mem/table_shared", table_shared},
	{"mem/table_recursive", table_recursive},
	{"mem/table_replaced", table_replaced},
	{"mem/demand", demand},
	{"mem/change_in_use", change_in_use},
	{"mem/many_pages", many_pages},
	{"mem/many_aliases", many_aliases},
	{},
};
