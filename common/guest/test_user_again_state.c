// SPDX-License-Identifier: MIT
/*
 * user/syscall_again_*, second part: between two calls descriptors, segment registers, page tables, the code
 * itself and the place to return to change.
 *
 * Source: SDM vol. 2B, "SYSRET"; vol. 3A, 3.4.5 "Segment Descriptors", 4.10.4 "Invalidation of TLBs and
 * Paging-Structure Caches"; vol. 2A, "LGDT/LIDT".
 */
#include "guest/again.h"
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

CODE(entry_again, ENTRY);
CODE(user_rounds, "1: " CALLS "nop\n dec %ebp\n jnz 1b\n int $0x80");

/* ---- descriptors ---- */

#define DATA_AT(n) (USER_DATA + (n) * sizeof(u64))
#define DATA_OF_USER                                                                                         \
	(SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_DPL | SEG_TYPE_ACCESSED | SEG_TYPE_WRITABLE | SEG_ATTR_DB)
#define LDT_SELECTOR (SEL_TEST + 16)
#define TEST_DATA    (SEL_TEST | SEL_RPL)
#define TEST_IN_LDT  (SEL_TI | SEL_RPL | 8)

/* RDI: a selector for FS, which is loaded after each call. */
CODE(user_loads_fs, "1: mov $4, %ebx\n 2: syscall\n mov %edi, %fs\n dec %ebx\n jns 2b\n"
		    "mov %fs:0, %r14\n mov %ss, %r13d\n dec %ebp\n jnz 1b\n int $0x80");

static u64 *tables[2], *ldt; /* in pages of their own */

static u64 data_segment(unsigned n)
{
	return desc_make((u32)DATA_AT(n), PAGE_SIZE, DATA_OF_USER);
}

static void load_table(u64 *table)
{
	const struct desc_ptr p = {sizeof(gdt) - 1, (u64)table};

	lgdt(&p);
}

static void change_descriptor(struct frame *f)
{
	bool in_ldt = rounds == 4 || rounds == 5;

	f->gpr[GPR_RDI] = in_ldt ? TEST_IN_LDT : TEST_DATA;
	switch (rounds) {
	case 0:
		gdt[SEL_TEST / 8] = data_segment(0);
		break;
	case 1:
	case 2: /* the tables are as they were, and have been */
		load_table(tables[rounds - 1]);
		break;
	case 3:
		tables[1][SEL_TEST / 8] = data_segment(3);
		break;
	case 4:
		lldt(LDT_SELECTOR);
		break;
	case 5:
		ldt[1] = data_segment(5);
		break;
	case 6:
		lldt(0);
		load_table(tables[0]);
		break;
	default:
		tables[0][SEL_TEST / 8] = 0;
	}
}

static void make_tables(void)
{
	ldt = page_alloc();
	ldt[1] = data_segment(4);
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		tables[i] = page_alloc();
		memcpy(tables[i], gdt, sizeof(gdt));
		tables[i][SEL_TEST / 8] = data_segment(i + 1);
		tables[i][LDT_SELECTOR / 8] =
			desc_make((u32)(u64)ldt, 2 * sizeof(u64) - 1, SEG_ATTR_P | SYS_TYPE_LDT);
		tables[i][LDT_SELECTOR / 8 + 1] = (u64)ldt >> 32;
	}
}

/* The program loads FS from what the kernel has made of the tables before SYSRET; of the last one nothing is
 * left. */
static void descriptors(void)
{
	struct user u = USER(user_loads_fs, .gpr[GPR_RBP] = 9, .rflags = RFLAGS_IF);

	static const u8 expected[] = {0, 1, 2, 3, 4, 5, 1};

	user_map();
	make_tables();
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
		((u64 *)user_data_pages)[i] = test_random();
	run_again(&u, (u64)entry_again, change_descriptor);
	CHECK_FAULT(&u.frame, VEC_GP, SEL_TEST);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(rounds, ARRAY_SIZE(expected) + 1);
	for (unsigned i = 0; i + 1 < rounds; i++) {
		CHECK_EQ(seen[i + 1].gpr[14], ((u64 *)user_data_pages)[expected[i]]);
		CHECK_EQ(seen[i + 1].gpr[13], SEL_USER_DATA);
	}
	load_table(gdt);
	wrmsr(MSR_FS_BASE, 0);
}

/* ---- segments ---- */

CODE(user_tells_segments, "1: " CALLS "mov %ds, %r8d\n mov %es, %r9d\n mov %fs, %r12d\n mov %gs, %r13d\n"
			  "dec %ebp\n jnz 1b\n int $0x80");
CODE(user_in_segments, "1: syscall\n mov %edi, %ss\n push %rsi\n lea 2f(%rip), %rax\n push %rax\n lretq\n"
		       "2: nop\n syscall\n mov %cs, %r12d\n mov %ss, %r13d\n dec %ebp\n jnz 1b\n int $0x80");

static void load_kernel_segments(struct frame *f)
{
	u16 selector = rounds & 1 ? SEL_USER_DATA : SEL_KERNEL_DATA;

	(void)f;
	asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"((u32)selector));
}

/* SYSRET loads CS and SS, and looks at no other segment register. */
static void segments(void)
{
	struct user u = USER(user_tells_segments, .gpr[GPR_RBP] = 5, .rflags = RFLAGS_IF);

	run_again(&u, (u64)entry_again, load_kernel_segments);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	for (unsigned i = 1; i < rounds; i++) {
		u64 selector = (i - 1) & 1 ? SEL_USER_DATA : SEL_KERNEL_DATA;

		CHECK_EQ(seen[i].gpr[8], selector);
		CHECK_EQ(seen[i].gpr[9], selector);
		CHECK_EQ(seen[i].gpr[12], selector);
		CHECK_EQ(seen[i].gpr[13], selector);
	}
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, 0);
}

/* The program goes to other segments by itself: SYSRET brings it back to those of STAR. */
static void own_segments(void)
{
	struct user u = USER(user_in_segments, .rflags = RFLAGS_IF);

	gdt[SEL_TEST / 8] = gdt[SEL_USER_DATA / 8];
	gdt[SEL_TEST / 8 + 1] = gdt[SEL_USER_CODE / 8];
	u.gpr[GPR_RBP] = 5;
	u.gpr[GPR_RDI] = TEST_DATA;
	u.gpr[GPR_RSI] = TEST_DATA + 8;
	run_again(&u, (u64)entry_again, NULL);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[12], SEL_USER_CODE);
	CHECK_EQ(u.frame.gpr[13], SEL_USER_DATA);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.ss, SEL_USER_DATA);
}

/* SYSRET with an operand size of 4 takes 32 bits of RCX. The program goes to 64-bit mode again by itself. */
CODE(entry_to_compat, "bts $40, %rcx\n test %ebx, %ebx\n jnz 1f\n int $0x81\n 1: sysretl");
CODE(user_from_compat, "1: mov $4, %ebx\n 2: syscall\n .code32\n"
		       "mov %cs, %esi\n ljmp $0x2b, $0x400000 + 3f - user_from_compat\n .code64\n"
		       "3: mov %cs, %r12d\n dec %ebx\n jns 2b\n dec %ebp\n jnz 1b\n int $0x80");
_Static_assert(SEL_USER_CODE == 0x2b && USER_CODE == 0x400000, "the code above");

static void compat(void)
{
	struct user u = USER(user_from_compat, .gpr[GPR_RBP] = 3, .rflags = RFLAGS_IF);

	run_again(&u, (u64)entry_to_compat, NULL);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(rounds, 3);
	CHECK_EQ((u32)u.frame.gpr[GPR_RSI], SEL_USER_CODE32);
	CHECK_EQ((u32)u.frame.gpr[12], SEL_USER_CODE);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
}

/* ---- pages and code ---- */

#define ENTRY_GVA TEST_BASE

/* R14: a number that stands at NUMBER_AT in the code. R15: what the program finds in its data. */
CODE(entry_numbered, "mov $1, %r14d\n" ENTRY);
CODE(user_reads_data, "1: " CALLS "mov (%rdi), %r15\n dec %ebp\n jnz 1b\n int $0x80");
#define NUMBER_AT 2

static u8 *entry_page, *other_page;
static gpa_t other_root;

static void number(u8 *page, u32 n)
{
	memcpy(page + NUMBER_AT, &n, sizeof(n));
}

static void change_code(struct frame *f)
{
	(void)f;
	switch (rounds) {
	case 0: /* through an alias */
		number(entry_page, 2);
		break;
	case 1:
		page_map(ENTRY_GVA, gpa_of(other_page), PTE_P | PTE_W);
		invlpg((void *)ENTRY_GVA);
		break;
	case 2:
		number((u8 *)ENTRY_GVA, 4);
		break;
	case 3: /* another process, which has the first entry, and other data */
		write_cr3(other_root);
		break;
	default:
		write_cr3(root_standard());
		break;
	}
}

/* Another PML4, with the program's pages but for its data. */
static void make_other_root(u64 value)
{
	u8 *data = page_alloc();

	other_root = root_new();
	*(u64 *)data = value;
	write_cr3(other_root);
	for (u64 at = 0; at < USER_PAGES * PAGE_SIZE; at += PAGE_SIZE)
		page_map(USER_CODE + at, gpa_of(user_code_pages + at), PTE_P | PTE_U);
	page_map(USER_DATA, gpa_of(data), PTE_P | PTE_U | PTE_W | PTE_NX);
	page_map(ENTRY_GVA, gpa_of(entry_page), PTE_P | PTE_W);
	write_cr3(root_standard());
}

static void code(void)
{
	static const u32 numbers[] = {1, 2, 3, 4, 2, 4};
	struct user u = USER(user_reads_data, .gpr = {[GPR_RBP] = ARRAY_SIZE(numbers), [GPR_RDI] = USER_DATA},
			     .rflags = RFLAGS_IF);
	u64 key = test_random(), other = test_random();

	user_map();
	entry_page = page_alloc();
	other_page = page_alloc();
	memcpy(entry_page, entry_numbered, CODE_SIZE(entry_numbered));
	memcpy(other_page, entry_numbered, CODE_SIZE(entry_numbered));
	number(other_page, 3);
	*(u64 *)user_data_pages = key;
	make_other_root(other);
	page_map(ENTRY_GVA, gpa_of(entry_page), PTE_P | PTE_W);
	run_again(&u, ENTRY_GVA, change_code);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(rounds, ARRAY_SIZE(numbers));
	for (unsigned i = 0; i < rounds; i++) {
		CHECK_EQ(seen[i].gpr[14], numbers[i]);
		if (i)
			CHECK_EQ(seen[i].gpr[15], i == 4 ? other : key);
	}
}

/* ---- where SYSRET goes ---- */

#define NON_CANONICAL 0x0000800000000000

static u64 target;

static void return_to_target(struct frame *f)
{
	if (rounds == 1)
		f->gpr[GPR_RCX] = target;
}

/* To a page of the kernel: a fetch that ring 3 may not do. To what is no address: #GP(0), on Intel's at the
 * SYSRET, on AMD's at the target. */
static void targets(void)
{
	struct user u = USER(user_rounds, .gpr[GPR_RBP] = 3, .rflags = RFLAGS_IF);

	target = (u64)entry_again;
	run_again(&u, (u64)entry_again, return_to_target);
	CHECK_FAULT(&u.frame, VEC_PF, PF_PRESENT | PF_USER | PF_FETCH);
	CHECK_EQ(u.frame.cr2 - target, 0);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.rflags & RFLAGS_IF, RFLAGS_IF);
	target = NON_CANONICAL;
	idt_set_ist(VEC_GP, IST_NMI);
	run_again(&u, (u64)entry_again, return_to_target);
	CHECK_FAULT(&u.frame, VEC_GP, 0);
	CHECK((u.frame.cs == SEL_KERNEL_CODE && u.frame.rip == (u64)entry_again_end - SYSRET_SIZE) ||
	      (u.frame.cs == SEL_USER_CODE && u.frame.rip == target));
}

const struct test user_again_state_tests[] = {
	{"user/syscall_again_descriptors", descriptors},
	{"user/syscall_again_segments", segments},
	{"user/syscall_again_own_segments", own_segments},
	{"user/syscall_again_compat", compat},
	{"user/syscall_again_code", code},
	{"user/syscall_again_targets", targets},
	{},
};
