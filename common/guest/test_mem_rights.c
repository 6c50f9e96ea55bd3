// SPDX-License-Identifier: MIT
/*
 * mem/: rights. Who may read, write and fetch; CR0.WP, EFER.NXE, reserved bits; and the error code of each
 * refusal, exactly.
 *
 * "The access rights of a linear address are those of all paging-structure entries that control its
 * translation, combined." Left out: protection keys, SMEP, SMAP (not used with ring-3 engines).
 *
 * Source: SDM vol. 3A, 4.6 "Access Rights", 4.7 "Page-Fault Exceptions" with figure 4-12 "Page-Fault Error
 * Code".
 */
#include "guest/access.h"
#include "lib/string.h"

#define R   PTE_P
#define RW  (PTE_P | PTE_W)
#define RU  (PTE_P | PTE_U)
#define RWU (PTE_P | PTE_W | PTE_U)

CODE(increment, "lock incq (%rdi)\n ret");
CODE(user_load_ds, "mov %edi, %ds\n int $0x80");

/* A page of RET, so that a jump of the kernel to any byte of it returns. */
static void *page_code(void)
{
	u8 *p = page_alloc();

	memset(p, OPCODE_RET, PAGE_SIZE);
	return p;
}

static void write_protect(void)
{
	u64 *frame = page_random(), before = *frame;

	page_map(TEST_BASE, gpa_of(frame), RU);
	CHECK_EQ(kernel_access(kernel_read, TEST_BASE).gpr[GPR_RAX], before);
	CHECK_KERNEL_PF(kernel_write, TEST_BASE, PF_PRESENT | PF_WRITE);
	CHECK_USER_OK(user_read, TEST_BASE);
	CHECK_USER_PF(user_write, TEST_BASE, PF_PRESENT | PF_WRITE | PF_USER);
	CHECK_EQ(*frame, before);
	page_protect(TEST_BASE, RWU);
	CHECK_USER_OK(user_write, TEST_BASE);
	CHECK_EQ(*(volatile u64 *)frame, TEST_BASE);
}

/* "If CR0.WP = 0, data may be written to any linear address" (by the supervisor). */
static void wp_clear(void)
{
	u64 *frame = page_alloc(), cr0 = read_cr0();

	page_map(TEST_BASE, gpa_of(frame), RU);
	page_map(TEST_BASE + PAGE_SIZE, gpa_of(frame), R);
	CHECK_KERNEL_PF(kernel_write, TEST_BASE, PF_PRESENT | PF_WRITE);
	write_cr0(cr0 & ~(u64)CR0_WP);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE);
	CHECK_EQ(*(volatile u64 *)frame, TEST_BASE);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE + PAGE_SIZE);
	CHECK_EQ(*(volatile u64 *)frame, TEST_BASE + PAGE_SIZE);
	CHECK_EQ(*page_entry(TEST_BASE, 1), gpa_of(frame) | RU | PTE_A | PTE_D);
	write_cr0(cr0);
	CHECK_KERNEL_PF(kernel_write, TEST_BASE, PF_PRESENT | PF_WRITE);
	CHECK_KERNEL_PF(kernel_write, TEST_BASE + PAGE_SIZE, PF_PRESENT | PF_WRITE);
}

/* CR0.WP = 0 gives user mode nothing, even right after the kernel has written. */
static void wp_clear_user(void)
{
	u64 cr0 = read_cr0();

	page_map(TEST_BASE, gpa_of(page_alloc()), RU);
	write_cr0(cr0 & ~(u64)CR0_WP);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_USER_PF(user_write, TEST_BASE, PF_PRESENT | PF_WRITE | PF_USER);
		CHECK_KERNEL_OK(kernel_write, TEST_BASE);
		CHECK_EQ(user_access(user_read, TEST_BASE).gpr[GPR_RAX], TEST_BASE);
	}
	write_cr0(cr0);
}

static void supervisor_page(void)
{
	page_map(TEST_BASE, gpa_of(page_code()), RW);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE);
	CHECK_USER_PF(user_read, TEST_BASE, PF_PRESENT | PF_USER);
	CHECK_USER_PF(user_write, TEST_BASE, PF_PRESENT | PF_WRITE | PF_USER);
	CHECK_USER_PF(user_jump, TEST_BASE, PF_PRESENT | PF_FETCH | PF_USER);
	CHECK_KERNEL_OK(kernel_jump, TEST_BASE);
	page_protect(TEST_BASE, RWU);
	CHECK_USER_OK(user_read, TEST_BASE);
	page_protect(TEST_BASE, RW);
	CHECK_USER_PF(user_read, TEST_BASE, PF_PRESENT | PF_USER);
}

/* One frame, a user page and a supervisor page: the rights belong to the address. */
static void alias_rights(void)
{
	u64 *frame = page_random();
	gva_t gva[4];
	static const u64 flags[4] = {R, RW, RU, RWU};

	for (unsigned i = 0; i < 4; i++) {
		gva[i] = TEST_BASE + i * PAGE_SIZE;
		page_map(gva[i], gpa_of(frame), flags[i]);
	}
	CHECK_USER_PF(user_read, gva[0], PF_PRESENT | PF_USER);
	CHECK_USER_PF(user_write, gva[1], PF_PRESENT | PF_WRITE | PF_USER);
	CHECK_KERNEL_OK(kernel_write, gva[1]);
	CHECK_USER_PF(user_write, gva[2], PF_PRESENT | PF_WRITE | PF_USER);
	CHECK_EQ(user_access(user_read, gva[2]).gpr[GPR_RAX], gva[1]);
	CHECK_USER_OK(user_write, gva[3]);
	CHECK_EQ(kernel_access(kernel_read, gva[0]).gpr[GPR_RAX], gva[3]);
}

/* A right that an entry of any level takes away is gone. */
static void levels_combine(void)
{
	u64 *entry, saved;

	page_map(TEST_BASE, gpa_of(page_code()), RWU);
	for (unsigned level = 1; level <= 4; level++) {
		entry = page_entry(TEST_BASE, level);
		saved = *entry;
		*entry = saved & ~(u64)PTE_W;
		invlpg((void *)TEST_BASE);
		CHECK_KERNEL_OK(kernel_read, TEST_BASE);
		CHECK_KERNEL_PF(kernel_write, TEST_BASE, PF_PRESENT | PF_WRITE);
		*entry = saved & ~(u64)PTE_U;
		invlpg((void *)TEST_BASE);
		CHECK_KERNEL_OK(kernel_jump, TEST_BASE);
		CHECK_USER_PF(user_read, TEST_BASE, PF_PRESENT | PF_USER);
		*entry = saved | PTE_NX;
		invlpg((void *)TEST_BASE);
		CHECK_USER_OK(user_read, TEST_BASE);
		CHECK_KERNEL_PF(kernel_jump, TEST_BASE, PF_PRESENT | PF_FETCH);
		*entry = saved;
		invlpg((void *)TEST_BASE);
		CHECK_KERNEL_OK(kernel_jump, TEST_BASE);
	}
}

static void nx(void)
{
	struct frame f;

	page_map(TEST_BASE, gpa_of(page_code()), RWU | PTE_NX);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE);
	CHECK_USER_OK(user_read, TEST_BASE);
	CHECK_KERNEL_PF(kernel_jump, TEST_BASE, PF_PRESENT | PF_FETCH);
	CHECK_USER_PF(user_jump, TEST_BASE, PF_PRESENT | PF_FETCH | PF_USER);
	f = kernel_access(kernel_jump, TEST_BASE);
	CHECK_EQ(f.rip, TEST_BASE);
	page_protect(TEST_BASE, RWU);
	CHECK_KERNEL_OK(kernel_jump, TEST_BASE);
	page_protect(TEST_BASE, RWU | PTE_NX);
	CHECK_KERNEL_PF(kernel_jump, TEST_BASE, PF_PRESENT | PF_FETCH);
}

/* A fetch from a page that is not present reports I/D too, as long as EFER.NXE is set. */
static void fetch_not_present(void)
{
	gva_t gva = TEST_BASE + test_random() % PAGE_SIZE;
	struct frame f = kernel_access(kernel_jump, gva);

	CHECK_KERNEL_PF(kernel_jump, gva, PF_FETCH);
	CHECK_EQ(f.rip, gva);
	CHECK_USER_PF(user_jump, gva, PF_FETCH | PF_USER);
}

/* "If EFER.NXE = 0, bit 63 of an entry is reserved", and the I/D flag of the error code is not used. */
static void nxe_clear(void)
{
	u64 efer = rdmsr(MSR_EFER);

	page_map(TEST_BASE, gpa_of(page_code()), RWU | PTE_NX);
	page_map(TEST_BASE + PAGE_SIZE, gpa_of(page_code()), RWU);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE);
	wrmsr(MSR_EFER, efer & ~(u64)EFER_NXE);
	write_cr3(read_cr3());
	CHECK_KERNEL_PF(kernel_read, TEST_BASE, PF_PRESENT | PF_RSVD);
	CHECK_KERNEL_PF(kernel_write, TEST_BASE, PF_PRESENT | PF_WRITE | PF_RSVD);
	CHECK_KERNEL_PF(kernel_jump, TEST_BASE, PF_PRESENT | PF_RSVD);
	CHECK_KERNEL_OK(kernel_jump, TEST_BASE + PAGE_SIZE);
	CHECK_KERNEL_PF(kernel_jump, TEST_BASE + 2 * PAGE_SIZE, 0);
	wrmsr(MSR_EFER, efer);
	write_cr3(read_cr3());
	CHECK_KERNEL_OK(kernel_read, TEST_BASE);
	CHECK_KERNEL_PF(kernel_jump, TEST_BASE, PF_PRESENT | PF_FETCH);
}

/* Reserved on every processor: PS in a PML4E, address bits 13..20 of a PDE that maps 2 MiB. */
static void reserved_bits(void)
{
	u8 *large = page_alloc_2m(0);
	u64 *entry;

	page_map(TEST_BASE, gpa_of(page_alloc()), RWU);
	entry = page_entry(TEST_BASE, 4);
	*entry |= PTE_PS;
	invlpg((void *)TEST_BASE);
	CHECK_KERNEL_PF(kernel_read, TEST_BASE, PF_PRESENT | PF_RSVD);
	CHECK_KERNEL_PF(kernel_write, TEST_BASE, PF_PRESENT | PF_WRITE | PF_RSVD);
	CHECK_KERNEL_PF(kernel_jump, TEST_BASE, PF_PRESENT | PF_FETCH | PF_RSVD);
	*entry &= ~(u64)PTE_PS;
	invlpg((void *)TEST_BASE);
	CHECK_KERNEL_OK(kernel_read, TEST_BASE);

	for (unsigned bit = 13; bit <= 20; bit++) {
		page_map_level(TEST_BASE + pt_span(2), gpa_of(large), RWU | BIT(bit), 2);
		invlpg((void *)(TEST_BASE + pt_span(2)));
		CHECK_KERNEL_PF(kernel_read, TEST_BASE + pt_span(2), PF_PRESENT | PF_RSVD);
		CHECK_USER_PF(user_read, TEST_BASE + pt_span(2), PF_PRESENT | PF_USER | PF_RSVD);
	}
}

/* Reading and writing in one instruction: what fails is the write, and nothing has changed. */
static void read_modify_write(void)
{
	u64 *frame = page_random(), before = *frame;

	page_map(TEST_BASE, gpa_of(frame), R);
	CHECK_KERNEL_PF(increment, TEST_BASE, PF_PRESENT | PF_WRITE);
	CHECK_EQ(*frame, before);
	page_protect(TEST_BASE, RW);
	CHECK_KERNEL_OK(increment, TEST_BASE);
	CHECK_EQ(*(volatile u64 *)frame, before + 1);
}

/* What the processor reads for itself, such as a descriptor, it reads with supervisor rights, also for a
 * program at CPL 3. */
static void implicit_access(void)
{
	struct desc_ptr gdtr = {.limit = sizeof(gdt) - 1, .base = TEST_BASE};
	u64 *entries = page_alloc();

	memcpy(entries, gdt, sizeof(gdt));
	page_map(TEST_BASE, gpa_of(entries), RW);
	lgdt(&gdtr);
	CHECK_EQ(user_access(user_load_ds, SEL_USER_DATA).vector, VEC_USER_EXIT);
	CHECK_USER_PF(user_read, TEST_BASE, PF_PRESENT | PF_USER);
	gdtr.base = (u64)gdt;
	lgdt(&gdtr);
}

const struct test mem_rights_tests[] = {
	{"mem/write_protect", write_protect},
	{"mem/wp_clear", wp_clear},
	{"mem/wp_clear_user", wp_clear_user},
	{"mem/supervisor_page", supervisor_page},
	{"mem/alias_rights", alias_rights},
	{"mem/levels_combine", levels_combine},
	{"mem/nx", nx},
	{"mem/fetch_not_present", fetch_not_present},
	{"mem/nxe_clear", nxe_clear},
	{"mem/reserved_bits", reserved_bits},
	{"mem/read_modify_write", read_modify_write},
	{"mem/implicit_access", implicit_access},
	{},
};
