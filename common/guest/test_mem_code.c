// SPDX-License-Identifier: MIT
/*
 * mem/: code that changes, and accesses that lie across pages or at addresses that cannot be.
 *
 * "A write to a memory location in a code segment that is currently cached causes the associated line to be
 * invalidated": changed code runs changed after a jump, when it was written through the same linear address;
 * through another one, after a serializing instruction.
 *
 * Source: SDM vol. 3A, 11.6 "Self-Modifying Code", 8.1.3 "Handling Self- and Cross-Modifying Code"; vol.
 * 1, 3.3.7.1 "Canonical Addressing".
 */
#include "guest/access.h"
#include "lib/string.h"

#define RW                 (PTE_P | PTE_W)
#define RWU                (PTE_P | PTE_W | PTE_U)

/* The first address above the lower half, and the last below the upper. */
#define NON_CANONICAL_LOW  0x0000800000000000
#define NON_CANONICAL_HIGH 0xffff7ffffffffff8

/* "mov $IMMEDIATE, %rax; ret" */
#define MOV_RAX_SIZE       11
#define MOV_RAX_IMMEDIATE  2
static const u8 mov_rax_template[MOV_RAX_SIZE] = {0x48, 0xb8, [MOV_RAX_SIZE - 1] = OPCODE_RET};

static void put_mov_rax(void *at, u64 immediate)
{
	memcpy(at, mov_rax_template, MOV_RAX_SIZE);
	memcpy((u8 *)at + MOV_RAX_IMMEDIATE, &immediate, sizeof(immediate));
}

/* Runs the code at gva; what it left in RAX. */
static u64 run_at(gva_t gva)
{
	struct frame f = kernel_access(kernel_jump, gva);

	return f.vector == NO_FAULT ? f.gpr[GPR_RAX] : ~f.vector;
}

/* Code is written, run, changed, run: all through one address. */
static void self_modifying(void)
{
	u64 offset = test_random() % (PAGE_SIZE - MOV_RAX_SIZE), value;

	page_map(TEST_BASE, gpa_of(page_alloc()), RW);
	for (unsigned i = 0; i < 16; i++) {
		value = test_random();
		put_mov_rax((void *)(TEST_BASE + offset), value);
		CHECK_EQ(run_at(TEST_BASE + offset), value);
	}
}

/* The code changes the instruction that it is about to jump to, on its own page. RDI: its own address. */
CODE(patches_itself, "mov $0x11111111, %ecx\n"
		     "xor %edx, %edx\n"
		     "1: mov %ecx, 2f+1-patches_itself(%rdi)\n"
		     "jmp 2f\n"
		     "2: mov $0, %eax\n"
		     "lea (%rax, %rdx, 2), %rdx\n"
		     "lea 0x01020304(%rcx), %ecx\n"
		     "cmp $0x11111111 + 8 * 0x01020304, %ecx\n"
		     "jb 1b\n"
		     "mov %rdx, %rax\n"
		     "ret");

static void self_modifying_page(void)
{
	u32 word = 0x11111111;
	u64 expected = 0;

	for (unsigned i = 0; i < 8; i++, word += 0x01020304)
		expected = word + 2 * expected;
	page_map(TEST_BASE, gpa_of(page_alloc()), RW);
	memcpy((void *)TEST_BASE, patches_itself, CODE_SIZE(patches_itself));
	CHECK_EQ(run_at(TEST_BASE), expected);
	CHECK_EQ(run_at(TEST_BASE), expected);
}

/* Code is changed through another address than it runs at; INVLPG serializes. */
static void code_alias(void)
{
	gva_t code = TEST_BASE, data = TEST_BASE + pt_span(2);
	u8 *frame = page_alloc();
	u64 value;

	page_map(code, gpa_of(frame), PTE_P);
	page_map(data, gpa_of(frame), RW | PTE_NX);
	for (unsigned i = 0; i < 16; i++) {
		value = test_random();
		/* By the mapping, and by the kernel's own view of the frame. */
		put_mov_rax(i % 2 ? (void *)data : frame, value);
		invlpg((void *)data);
		CHECK_EQ(run_at(code), value);
	}
}

/* User code that changes between runs, and a frame of code that becomes another's. */
static void code_remapped(void)
{
	u8 *frames[2] = {page_alloc(), page_alloc()};
	u64 values[2] = {test_random(), test_random()};

	for (unsigned i = 0; i < 2; i++)
		put_mov_rax(frames[i], values[i]);
	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	for (unsigned i = 0; i < 8; i++) {
		*page_entry(TEST_BASE, 1) = gpa_of(frames[i % 2]) | RW;
		invlpg((void *)TEST_BASE);
		CHECK_EQ(run_at(TEST_BASE), values[i % 2]);
	}
}

/* Two addresses run one frame; both see the change. */
static void code_at_two_addresses(void)
{
	gva_t gva[2] = {TEST_BASE, TEST_BASE + pt_span(3)};
	u8 *frame = page_alloc();
	u64 value;

	for (unsigned i = 0; i < 2; i++)
		page_map(gva[i], gpa_of(frame), RW);
	for (unsigned i = 0; i < 4; i++) {
		value = test_random();
		put_mov_rax((void *)gva[i % 2], value);
		invlpg((void *)gva[i % 2]);
		CHECK_EQ(run_at(gva[0]), value);
		CHECK_EQ(run_at(gva[1]), value);
	}
}

/* The first byte of an instruction lies on one page, the rest on another that is not there: CR2 is that page,
 * RIP the instruction. */
static void fetch_across_pages(void)
{
	gva_t second = TEST_BASE + PAGE_SIZE;
	u8 *frames[2] = {page_alloc(), page_alloc()}, code[MOV_RAX_SIZE];
	u64 value = test_random();
	struct frame f;

	put_mov_rax(code, value);
	page_map(TEST_BASE, gpa_of(frames[0]), RWU);
	for (unsigned split = 1; split < MOV_RAX_SIZE - 1; split++) {
		memcpy(frames[0] + PAGE_SIZE - split, code, split);
		memcpy(frames[1], code + split, MOV_RAX_SIZE - split);
		page_map(second, 0, 0);
		invlpg((void *)second);
		f = kernel_access(kernel_jump, second - split);
		CHECK_FAULT(&f, VEC_PF, PF_FETCH);
		CHECK_EQ(f.cr2, second);
		CHECK_EQ(f.rip, second - split);
		f = user_access(user_jump, second - split);
		CHECK_FAULT(&f, VEC_PF, PF_FETCH | PF_USER);
		CHECK_EQ(f.cr2, second);
		page_map(second, gpa_of(frames[1]), RW);
		invlpg((void *)second);
		CHECK_EQ(run_at(second - split), value);
	}
}

/* The second page is there, but may not be executed. */
static void fetch_across_nx(void)
{
	gva_t second = TEST_BASE + PAGE_SIZE;
	u8 *frames[2] = {page_alloc(), page_alloc()};
	struct frame f;

	page_map(TEST_BASE, gpa_of(frames[0]), RW);
	page_map(second, gpa_of(frames[1]), RW | PTE_NX);
	memcpy(frames[0] + PAGE_SIZE - MOV_RAX_IMMEDIATE, mov_rax_template, MOV_RAX_IMMEDIATE);
	f = kernel_access(kernel_jump, second - MOV_RAX_IMMEDIATE);
	CHECK_FAULT(&f, VEC_PF, PF_PRESENT | PF_FETCH);
	CHECK_EQ(f.cr2, second);
}

/* A word on two pages: the fault names the first byte that cannot be reached, and nothing was written. */
static void data_across_pages(void)
{
	gva_t second = TEST_BASE + PAGE_SIZE;
	u64 *frames[2] = {page_random(), page_random()}, before[2];
	struct frame f;

	before[0] = frames[0][PT_ENTRIES - 1];
	before[1] = frames[1][0];
	for (unsigned split = 1; split < sizeof(u64); split++) {
		page_map(TEST_BASE, gpa_of(frames[0]), RW);
		page_map(second, 0, 0);
		invlpg((void *)second);
		f = kernel_access(kernel_read, second - split);
		CHECK_FAULT(&f, VEC_PF, 0);
		CHECK_EQ(f.cr2, second);
		f = kernel_access(kernel_write, second - split);
		CHECK_FAULT(&f, VEC_PF, PF_WRITE);
		CHECK_EQ(f.cr2, second);
		page_map(second, gpa_of(frames[1]), PTE_P);
		invlpg((void *)second);
		f = kernel_access(kernel_write, second - split);
		CHECK_FAULT(&f, VEC_PF, PF_PRESENT | PF_WRITE);
		CHECK_EQ(f.cr2, second);
		CHECK_EQ(frames[0][PT_ENTRIES - 1], before[0]);
		CHECK_EQ(frames[1][0], before[1]);
		f = kernel_access(kernel_read, second - split);
		CHECK_EQ(f.gpr[GPR_RAX], before[1] << 8 * split | before[0] >> (64 - 8 * split));
	}
}

/* "#GP(0) if the memory address is in a non-canonical form" */
static void non_canonical_data(void)
{
	static const gva_t addresses[] = {NON_CANONICAL_LOW, NON_CANONICAL_HIGH, 0x0123456789abcdef,
					  0x8000000000000000};

	for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct frame f = kernel_access(kernel_read, addresses[i]);

		CHECK_FAULT(&f, VEC_GP, 0);
		CHECK_EQ(f.rip - (u64)kernel_read, 0);
		f = kernel_access(kernel_write, addresses[i]);
		CHECK_FAULT(&f, VEC_GP, 0);
		f = user_access(user_read, addresses[i]);
		CHECK_FAULT(&f, VEC_GP, 0);
	}
}

CODE(read_by_rbp, "mov %rdi, %rbp\n mov (%rbp), %rax\n ret");
CODE(push_there, "mov %rdi, %rsp\n push %rax\n int $0x80");

/* "#SS(0) if a memory address referencing the SS segment is in a non-canonical form": RBP and RSP as base do.
 */
static void non_canonical_stack(void)
{
	struct frame f = kernel_access(read_by_rbp, NON_CANONICAL_LOW);

	CHECK_FAULT(&f, VEC_SS, 0);
	f = user_access(push_there, NON_CANONICAL_LOW + sizeof(u64));
	CHECK_FAULT(&f, VEC_SS, 0);
	CHECK_EQ(f.rsp, NON_CANONICAL_LOW + sizeof(u64));
}

/* A near jump there is #GP(0). Whether RIP is the jump's or the target differs between processors. */
static void non_canonical_jump(void)
{
	struct frame f = kernel_access(kernel_jump, NON_CANONICAL_LOW);

	CHECK_FAULT(&f, VEC_GP, 0);
	CHECK(f.rip == (u64)kernel_jump || f.rip == NON_CANONICAL_LOW);
	f = user_access(user_jump, NON_CANONICAL_HIGH);
	CHECK_FAULT(&f, VEC_GP, 0);
	CHECK(f.rip == USER_CODE || f.rip == NON_CANONICAL_HIGH);
	CHECK_EQ(f.cs, SEL_USER_CODE);
}

/* The last word of the lower half can be used, and a word that begins there and ends beyond cannot. */
static void canonical_edge(void)
{
	gva_t edge = NON_CANONICAL_LOW - PAGE_SIZE;
	u64 *frame = page_random();
	struct frame f;

	page_map(edge, gpa_of(frame), RW);
	CHECK_EQ(kernel_access(kernel_read, edge + PAGE_SIZE - sizeof(u64)).gpr[GPR_RAX],
		 frame[PT_ENTRIES - 1]);
	f = kernel_access(kernel_read, edge + PAGE_SIZE - sizeof(u32));
	CHECK_FAULT(&f, VEC_GP, 0);
}

CODE(stack_wraps, "mov %rsp, %rcx\n"
		  "mov %rdi, %rsp\n"
		  "push %rdi\n"
		  "pop %rax\n"
		  "mov %rcx, %rsp\n"
		  "ret");

/* A PUSH to the last bytes of a page whose upper neighbour is not there. */
static void stack_at_page_end(void)
{
	u64 *frame = page_alloc();

	page_map(TEST_BASE, gpa_of(frame), RW);
	CHECK_EQ(kernel_access(stack_wraps, TEST_BASE + PAGE_SIZE).gpr[GPR_RAX], TEST_BASE + PAGE_SIZE);
	CHECK_EQ(*(volatile u64 *)&frame[PT_ENTRIES - 1], TEST_BASE + PAGE_SIZE);
}

const struct test mem_code_tests[] = {
	{"mem/self_modifying", self_modifying},
	{"mem/self_modifying_page", self_modifying_page},
	{"mem/code_alias", code_alias},
	{"mem/code_remapped", code_remapped},
	{"mem/code_at_two_addresses", code_at_two_addresses},
	{"mem/fetch_across_pages", fetch_across_pages},
	{"mem/fetch_across_nx", fetch_across_nx},
	{"mem/data_across_pages", data_across_pages},
	{"mem/non_canonical_data", non_canonical_data},
	{"mem/non_canonical_stack", non_canonical_stack},
	{"mem/non_canonical_jump", non_canonical_jump},
	{"mem/canonical_edge", canonical_edge},
	{"mem/stack_at_page_end", stack_at_page_end},
	{},
};
