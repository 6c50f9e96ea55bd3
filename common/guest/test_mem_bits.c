// SPDX-License-Identifier: MIT
/*
 * mem/: accessed and dirty bits, and large pages.
 *
 * "Whenever the processor uses a paging-structure entry as part of linear-address translation, it sets the
 * accessed flag in that entry. Whenever there is a write to a linear address, the processor sets the dirty
 * flag in the entry that identifies the final physical address." Bits are looked at only after an access that
 * must have set them, or after an INVLPG when they must not have been set.
 *
 * Source: SDM vol. 3A, 4.8 "Accessed and Dirty Flags", 4.5.4 "Linear-Address Translation with 4-Level Paging
 * and 5-Level Paging".
 */
#include "guest/access.h"
#include "lib/string.h"

#define RW  (PTE_P | PTE_W)
#define RWU (PTE_P | PTE_W | PTE_U)
#define AD  (PTE_A | PTE_D)

static bool has_gbpages(void)
{
	return feature_present(START_FEATURE_GBPAGES);
}

/* Bits of the entry of that level for TEST_BASE. */
static u64 bits_of(unsigned level)
{
	return *(volatile u64 *)page_entry(TEST_BASE, level) & AD;
}

/* Takes A and D out of all entries for TEST_BASE. */
static void bits_clear(unsigned leaf)
{
	for (unsigned level = leaf; level <= 4; level++)
		*page_entry(TEST_BASE, level) &= ~(u64)AD;
	invlpg((void *)TEST_BASE);
}

/* A read sets A at each level, and D at none. */
static void accessed(void)
{
	page_map(TEST_BASE, gpa_of(page_alloc()), RW);
	for (unsigned i = 0; i < 2; i++) {
		bits_clear(1);
		CHECK_KERNEL_OK(kernel_read, TEST_BASE);
		for (unsigned level = 1; level <= 4; level++)
			CHECK_EQ(bits_of(level), PTE_A);
	}
}

/* Each level's bit is set again by itself. */
static void accessed_each_level(void)
{
	page_map(TEST_BASE, gpa_of(page_alloc()), RW);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE);
	for (unsigned level = 1; level <= 4; level++) {
		*page_entry(TEST_BASE, level) &= ~(u64)PTE_A;
		invlpg((void *)TEST_BASE);
		CHECK_EQ(bits_of(level), 0);
		CHECK_KERNEL_OK(kernel_read, TEST_BASE);
		CHECK_EQ(bits_of(level), PTE_A);
	}
}

static void accessed_by_fetch(void)
{
	u8 *frame = page_alloc();

	frame[0] = OPCODE_RET;
	page_map(TEST_BASE, gpa_of(frame), RW);
	CHECK_EQ(bits_of(1), 0);
	CHECK_KERNEL_OK(kernel_jump, TEST_BASE);
	CHECK_EQ(bits_of(1), PTE_A);
}

static void accessed_by_user(void)
{
	page_map(TEST_BASE, gpa_of(page_alloc()), RWU);
	CHECK_USER_OK(user_read, TEST_BASE);
	for (unsigned level = 1; level <= 4; level++)
		CHECK_EQ(bits_of(level), PTE_A);
	CHECK_USER_OK(user_write, TEST_BASE);
	CHECK_EQ(bits_of(1), AD);
}

/* A write sets D in the entry that maps the page, and not above. */
static void dirty(void)
{
	page_map(TEST_BASE, gpa_of(page_alloc()), RW);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE);
	CHECK_EQ(bits_of(1), AD);
	for (unsigned level = 2; level <= 4; level++)
		CHECK_EQ(bits_of(level), PTE_A);
}

/* D comes with the first write, however many reads went before; and again after it was taken away. */
static void dirty_after_read(void)
{
	page_map(TEST_BASE, gpa_of(page_alloc()), RW);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned reads = 0; reads < 4; reads++)
			CHECK_KERNEL_OK(kernel_read, TEST_BASE);
		CHECK_EQ(bits_of(1), PTE_A);
		CHECK_KERNEL_OK(kernel_write, TEST_BASE);
		CHECK_EQ(bits_of(1), AD);
		bits_clear(1);
	}
}

/* A write that faults makes nothing dirty. */
static void dirty_not_by_fault(void)
{
	page_map(TEST_BASE, gpa_of(page_alloc()), PTE_P | PTE_U);
	CHECK_KERNEL_PF(kernel_write, TEST_BASE, PF_PRESENT | PF_WRITE);
	CHECK_USER_PF(user_write, TEST_BASE, PF_PRESENT | PF_WRITE | PF_USER);
	invlpg((void *)TEST_BASE);
	CHECK_EQ(bits_of(1) & PTE_D, 0);
}

/* Two entries for one frame have two D bits. */
static void dirty_by_alias(void)
{
	gva_t alias = TEST_BASE + PAGE_SIZE;
	u64 *frame = page_alloc();

	page_map(TEST_BASE, gpa_of(frame), RW);
	page_map(alias, gpa_of(frame), RW);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE);
	CHECK_KERNEL_OK(kernel_write, alias);
	CHECK_EQ(bits_of(1), PTE_A);
	CHECK_EQ(*page_entry(alias, 1) & AD, AD);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE);
	CHECK_EQ(bits_of(1), AD);
	CHECK_EQ(*(volatile u64 *)frame, TEST_BASE);
}

/* The processor changes A and D alone: all ignored bits stay as software left them. */
static void ignored_bits(void)
{
	u64 ignored = BIT(9) | BIT(10) | 0x07f0000000000000,
	    *entry; /* 52..58: those that are ignored without protection keys */

	page_map(TEST_BASE, gpa_of(page_alloc()), RW | ignored);
	entry = page_entry(TEST_BASE, 1);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE);
	CHECK_EQ(*(volatile u64 *)entry & (ignored | AD), ignored | AD);
	for (unsigned level = 2; level <= 4; level++)
		*page_entry(TEST_BASE, level) |= ignored;
	invlpg((void *)TEST_BASE);
	CHECK_EQ(kernel_access(kernel_read, TEST_BASE).gpr[GPR_RAX], TEST_BASE);
}

/* ---- large pages ---- */

static void large_2m(void)
{
	u8 *area = page_alloc_2m(0);
	u64 span = pt_span(2);

	page_map_level(TEST_BASE, gpa_of(area), RWU, 2);
	CHECK_EQ(*page_entry(TEST_BASE, 2) & (PTE_PS | AD), PTE_PS);
	CHECK(page_entry(TEST_BASE, 1) == NULL);
	for (unsigned i = 0; i < 16; i++) {
		u64 offset = test_random() % (span / sizeof(u64)) * sizeof(u64), value = test_random();

		*word_at(TEST_BASE + offset) = value;
		CHECK_EQ(*(volatile u64 *)(area + offset), value);
		CHECK_EQ(user_access(user_read, TEST_BASE + offset).gpr[GPR_RAX], value);
	}
	CHECK_KERNEL_OK(kernel_write, TEST_BASE + span - sizeof(u64));
	CHECK_EQ(*(volatile u64 *)(area + span - sizeof(u64)), TEST_BASE + span - sizeof(u64));
	CHECK_KERNEL_PF(kernel_read, TEST_BASE + span, 0);
}

static void large_2m_bits(void)
{
	page_map_level(TEST_BASE, gpa_of(page_alloc_2m(0)), RW, 2);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE + 3 * PAGE_SIZE);
	CHECK_EQ(bits_of(2), PTE_A);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE + 5 * PAGE_SIZE);
	CHECK_EQ(bits_of(2), AD);
	bits_clear(2);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE + 5 * PAGE_SIZE);
	CHECK_EQ(bits_of(2), PTE_A);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE + 3 * PAGE_SIZE);
	CHECK_EQ(bits_of(2), AD);
}

/* Rights of a large page, and INVLPG of any address in it drops all of it. */
static void large_2m_rights(void)
{
	gva_t gva = TEST_BASE + test_random() % 256 * PAGE_SIZE, other = gva + 256 * PAGE_SIZE;

	page_map_level(TEST_BASE, gpa_of(page_alloc_2m(0)), RWU | PTE_NX, 2);
	CHECK_KERNEL_OK(kernel_write, gva);
	CHECK_KERNEL_OK(kernel_write, other);
	CHECK_KERNEL_PF(kernel_jump, gva, PF_PRESENT | PF_FETCH);
	*page_entry(TEST_BASE, 2) &= ~(u64)(PTE_W | PTE_U);
	invlpg((void *)gva);
	CHECK_KERNEL_PF(kernel_write, gva, PF_PRESENT | PF_WRITE);
	CHECK_KERNEL_PF(kernel_write, other, PF_PRESENT | PF_WRITE);
	CHECK_USER_PF(user_read, other, PF_PRESENT | PF_USER);
	page_unmap(TEST_BASE);
	CHECK_KERNEL_PF(kernel_read, other, 0);
}

/* The page-size bit alone decides what the entry is: a large page becomes a table of small ones, and the
 * other way round. */
static void page_size_bit(void)
{
	u8 *area = page_alloc_2m(0);
	u64 *table = page_alloc(), *entry;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		table[i] = gpa_of(area + (PT_ENTRIES - 1 - i) * PAGE_SIZE) | RW; /* backwards */
		*(u64 *)(area + i * PAGE_SIZE) = test_random();
	}
	page_map_level(TEST_BASE, gpa_of(area), RW, 2);
	entry = page_entry(TEST_BASE, 2);
	for (unsigned round = 0; round < 4; round++) {
		unsigned page = test_random() % PT_ENTRIES, frame = round % 2 ? PT_ENTRIES - 1 - page : page;

		*entry = round % 2 ? gpa_of(table) | RW : gpa_of(area) | RW | PTE_PS;
		invlpg((void *)(TEST_BASE + page * PAGE_SIZE));
		CHECK_EQ(*word_at(TEST_BASE + page * PAGE_SIZE), *(u64 *)(area + frame * PAGE_SIZE));
	}
}

/* In the entry of a 4 KiB page the same bit is PAT, and changes no address. */
static void pat_bit(void)
{
	u64 *frame = page_random();

	page_map(TEST_BASE, gpa_of(frame), RW | PTE_PS);
	CHECK_EQ(*word_at(TEST_BASE), *frame);
}

/* One entry that maps all RAM of this kernel. */
static void large_1g(void)
{
	u8 *area = page_alloc_2m(0);

	page_map_level(TEST_BASE, 0, RW, 3);
	for (unsigned i = 0; i < 16; i++) {
		u64 offset = test_random() % (pt_span(2) / sizeof(u64)) * sizeof(u64), value = test_random();

		*word_at(TEST_BASE + gpa_of(area) + offset) = value;
		CHECK_EQ(*(volatile u64 *)(area + offset), value);
	}
	CHECK_EQ(bits_of(3), AD);
	bits_clear(3);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE + gpa_of(area));
	CHECK_EQ(bits_of(3), PTE_A);
	CHECK_KERNEL_PF(kernel_read, TEST_BASE + pt_span(3), 0);
}

static void large_1g_rights(void)
{
	gva_t gva = TEST_BASE + gpa_of(page_alloc_2m(0));

	page_map_level(TEST_BASE, 0, PTE_P | PTE_NX, 3);
	CHECK_KERNEL_PF(kernel_write, gva, PF_PRESENT | PF_WRITE);
	CHECK_KERNEL_PF(kernel_jump, gva, PF_PRESENT | PF_FETCH);
	CHECK_USER_PF(user_read, gva, PF_PRESENT | PF_USER);
	for (unsigned bit = 13; bit <= 29; bit++) {
		*page_entry(TEST_BASE, 3) = BIT(bit) | RW | PTE_PS;
		invlpg((void *)gva);
		CHECK_KERNEL_PF(kernel_read, gva, PF_PRESENT | PF_RSVD);
	}
}

const struct test mem_bits_tests[] = {
	{"mem/accessed", accessed},
	{"mem/accessed_each_level", accessed_each_level},
	{"mem/accessed_by_fetch", accessed_by_fetch},
	{"mem/accessed_by_user", accessed_by_user},
	{"mem/dirty", dirty},
	{"mem/dirty_after_read", dirty_after_read},
	{"mem/dirty_not_by_fault", dirty_not_by_fault},
	{"mem/dirty_by_alias", dirty_by_alias},
	{"mem/ignored_bits", ignored_bits},
	{"mem/large_2m", large_2m},
	{"mem/large_2m_bits", large_2m_bits},
	{"mem/large_2m_rights", large_2m_rights},
	{"mem/page_size_bit", page_size_bit},
	{"mem/pat_bit", pat_bit},
	{"mem/large_1g", large_1g, has_gbpages},
	{"mem/large_1g_rights", large_1g_rights, has_gbpages},
	{},
};
