// SPDX-License-Identifier: MIT
/*
 * sec/: what is not the guest's. Ports, model-specific registers, the monitor's part of the
 * address space, every vector, wild jumps and stacks, memory that is not there. On the bare machine the same
 * rules hold, so the same values are expected.
 *
 * Source: SDM vol. 2B, "RDMSR", "WRMSR"; vol. 3A, 6.12.1.2 "Protection of Exception-
 * and Interrupt-Handler Procedures", table 6-5 "Conditions for Generating a Double Fault".
 */
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

#define FREE_PORTS 0x2400 /* nothing is there on any machine of ours */

/* Where nothing answers, reads give ones and writes are lost. */
static void ports(void)
{
	for (unsigned i = 0; i < 16; i++) {
		u16 port = (u16)(FREE_PORTS + test_random() % 128 * sizeof(u32));

		CHECK_EQ(in8(port), 0xff);
		CHECK_EQ(in16(port), 0xffff);
		CHECK_EQ(in32(port), 0xffffffff);
		out8(port, (u8)test_random());
		out16(port, (u16)test_random());
		out32(port, (u32)test_random());
		CHECK_EQ(in32(port), 0xffffffff);
	}
}

struct msr_access {
	u32 index;
	u64 value;
};

CODE(kernel_rdmsr, "mov (%rdi), %ecx\n rdmsr\n ret");
CODE(kernel_wrmsr, "mov (%rdi), %ecx\n mov 8(%rdi), %eax\n mov 12(%rdi), %edx\n wrmsr\n ret");
#define RDMSR_OFFSET 2 /* of the instruction in the code above */
#define WRMSR_OFFSET 8

static void check_wrmsr_refused(u32 index, u64 value)
{
	struct msr_access a = {index, value};
	struct frame f;

	catch_asm(&f, kernel_wrmsr, (u64)&a);
	CHECK_FAULT(&f, VEC_GP, 0);
	CHECK_EQ(f.rip - (u64)kernel_wrmsr, WRMSR_OFFSET);
	CHECK_EQ(f.gpr[GPR_RCX], index);
}

/* "#GP(0) if the value in ECX specifies a reserved or unimplemented MSR address" */
static void msr_unknown(void)
{
	static const u32 unknown[] = {0x00002fff, 0x12345678, 0x7fffffff, 0xc0003fff, 0xffffffff};

	for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
		struct msr_access a = {unknown[i], 0};
		struct frame f;

		catch_asm(&f, kernel_rdmsr, (u64)&a);
		CHECK_FAULT(&f, VEC_GP, 0);
		CHECK_EQ(f.rip - (u64)kernel_rdmsr, RDMSR_OFFSET);
		check_wrmsr_refused(unknown[i], 0);
	}
}

/* "#GP(0) if the MSR address must hold a canonical address and does not", and for reserved bits and types.
 * The value stays. */
static void msr_values(void)
{
	static const u32 addresses[] = {MSR_LSTAR, MSR_CSTAR, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE};

	for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
		u64 before = rdmsr(addresses[i]);

		check_wrmsr_refused(addresses[i], 0x0000800000000000 | test_random() % MIB(1));
		CHECK(rdmsr(addresses[i]) == before);
	}
	check_wrmsr_refused(MSR_EFER, rdmsr(MSR_EFER) | BIT(63));
	check_wrmsr_refused(MSR_EFER, rdmsr(MSR_EFER) & ~(u64)EFER_LME); /* "#GP(0) when CR0.PG = 1" */
	check_wrmsr_refused(MSR_PAT, 0x0007040600070402);                /* memory type 2 is reserved */
}

/* ---- the monitor's addresses ---- */

#define MONITOR_BASE ((gva_t)0xffff800000000000)

static gva_t monitor_address(unsigned i)
{
	static const u64 offsets[] = {0, KERNEL_LOAD, MIB(16), GIB(1), 0x7ffffffff8};

	return MONITOR_BASE + (i < ARRAY_SIZE(offsets) ? offsets[i] : test_random() % MIB(256) / 8 * 8);
}

/* This kernel has mapped nothing in PML4 slot 256: not present, whoever asks. */
static void monitor_slot_kernel(void)
{
	for (unsigned i = 0; i < 16; i++) {
		gva_t gva = monitor_address(i);

		CHECK_KERNEL_PF(kernel_read, gva, 0);
		CHECK_KERNEL_PF(kernel_write, gva, PF_WRITE);
		CHECK_KERNEL_PF(kernel_jump, gva, PF_FETCH);
	}
}

static void monitor_slot_user(void)
{
	for (unsigned i = 0; i < 16; i++) {
		gva_t gva = monitor_address(i);

		CHECK_USER_PF(user_read, gva, PF_USER);
		CHECK_USER_PF(user_write, gva, PF_USER | PF_WRITE);
		CHECK_USER_PF(user_jump, gva, PF_USER | PF_FETCH);
	}
}

/* ---- every vector ---- */

#define OPCODE_INT 0xcd
#define INT_SIZE   2

static struct gate64 gates_standard[ARRAY_SIZE(idt)];

/* Every gate leads to the stub of VEC_TEST, which expects no error code, and ring 3 may use it. */
static void all_gates(void)
{
	memcpy(gates_standard, idt, sizeof(idt));
	for (unsigned v = 0; v < ARRAY_SIZE(idt); v++)
		idt[v] = idt[VEC_TEST];
}

static void standard_gates(void)
{
	memcpy(idt, gates_standard, sizeof(idt));
}

/* INT n reaches gate n whatever exception or interrupt has that number, without an error code. RIP is behind
 * it. */
static void int_kernel(void)
{
	u8 *code = page_alloc();
	struct frame f;

	all_gates();
	for (unsigned v = 0; v < ARRAY_SIZE(idt); v++) {
		code[0] = OPCODE_INT;
		code[1] = (u8)v;
		f = kernel_access(kernel_jump, (gva_t)code);
		CHECK_FAULT(&f, VEC_TEST, 0);
		CHECK_EQ(f.rip - (u64)code, INT_SIZE);
		CHECK_EQ(f.cs, SEL_KERNEL_CODE);
	}
	standard_gates();
}

static void int_user(void)
{
	u8 code[INT_SIZE] = {OPCODE_INT};
	struct user u = {.code = code, .size = sizeof(code)};

	all_gates();
	for (unsigned v = 0; v < ARRAY_SIZE(idt); v++) {
		code[1] = (u8)v;
		user_run(&u);
		CHECK_FAULT(&u.frame, VEC_TEST, 0);
		CHECK_EQ(u.frame.rip, USER_CODE + INT_SIZE);
		CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	}
	standard_gates();
}

/* The standard gates: four are open to ring 3, all others are #GP(vector * 8 + 2) at the INT. */
static void int_user_denied(void)
{
	u8 code[INT_SIZE] = {OPCODE_INT};
	struct user u = {.code = code, .size = sizeof(code)};

	for (unsigned v = 0; v < ARRAY_SIZE(idt); v++) {
		bool open = v == VEC_BP || v == VEC_OF || v == VEC_USER_EXIT || v == VEC_TEST;

		code[1] = (u8)v;
		user_run(&u);
		if (open) {
			CHECK_FAULT(&u.frame, v, 0);
		} else {
			CHECK_FAULT(&u.frame, VEC_GP, v * 8 + SEL_ERROR_IDT);
			CHECK_EQ(u.frame.rip, USER_CODE);
		}
	}
}

/* "#NP(vector * 8 + 2) if the gate is not present" (with EXT clear for INT n) */
static void int_not_present(void)
{
	u8 code[INT_SIZE] = {OPCODE_INT, VEC_TEST};
	struct user u = {.code = code, .size = sizeof(code)};

	idt[VEC_TEST].attr &= (u8)~SEG_ATTR_P;
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_NP, VEC_TEST * 8 + SEL_ERROR_IDT);
	CHECK_EQ(u.frame.rip, USER_CODE);
}

/* ---- wild ---- */

/* A canonical address in a part of the address space where this kernel has nothing. */
static gva_t wild_address(void)
{
	u64 slot = test_random() % 2 ? 64 + test_random() % 128 : 300 + test_random() % 128;
	u64 offset = test_random() % pt_span(4) / sizeof(u64) * sizeof(u64);

	return (u64)((s64)(slot << 55) >> 16) + offset;
}

static void wild_jump(void)
{
	for (unsigned i = 0; i < 8; i++) {
		gva_t gva = wild_address();
		struct frame f = kernel_access(kernel_jump, gva);

		check_page_fault(f, gva, PF_FETCH, __FILE__, __LINE__);
		CHECK_EQ(f.rip, gva);
		CHECK_USER_PF(user_jump, gva, PF_USER | PF_FETCH);
	}
}

CODE(wild_push, "mov %rdi, %rsp\n push %rax\n int $0x80");

/* The page fault of a PUSH cannot be delivered on that stack: a double fault, on the stack of IST. In ring 3
 * it is a plain page fault. */
static void wild_stack(void)
{
	for (unsigned i = 0; i < 8; i++) {
		gva_t gva = wild_address();
		struct frame f = kernel_access(wild_push, gva);

		CHECK_FAULT(&f, VEC_DF, 0);
		CHECK_EQ(f.cs, SEL_KERNEL_CODE);
		CHECK_EQ(f.rsp, gva);
		f = user_access(wild_push, gva);
		check_page_fault(f, gva - sizeof(u64), PF_USER | PF_WRITE, __FILE__, __LINE__);
	}
}

CODE(user_int, "int $0x81\n int $0x80");

/* The kernel's stack for ring 3 is not there: the page fault of the delivery meets the same stack, and
 * becomes a double fault. */
static void wild_rsp0(void)
{
	struct user u = USER(user_int);

	tss.rsp[0] = wild_address();
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_DF, 0);
	tss.rsp[0] = stack_top(0);
	CHECK_EQ(user_run(&u), VEC_TEST);
}

/* ---- memory that is not there ---- */

#define NO_RAM 0x3f00000000 /* 252 GiB, which any processor can address */

static bool survived(struct frame f)
{
	return f.vector == NO_FAULT || f.vector == VEC_PF || f.vector == VEC_MC || f.vector == VEC_GP;
}

/* A page where there is no RAM: what is read is the machine's business; that the kernel goes on is ours. */
static void no_ram_page(void)
{
	page_map(TEST_BASE, NO_RAM, PTE_P | PTE_W | PTE_U);
	CHECK(survived(kernel_access(kernel_read, TEST_BASE)));
	CHECK(survived(kernel_access(kernel_write, TEST_BASE)));
	page_map(TEST_BASE, gpa_of(page_random()), PTE_P | PTE_W);
	invlpg((void *)TEST_BASE);
	CHECK_KERNEL_OK(kernel_write, TEST_BASE);
	CHECK_EQ(*word_at(TEST_BASE), TEST_BASE);
}

/* A page table there. */
static void no_ram_table(void)
{
	page_map(TEST_BASE, gpa_of(page_random()), PTE_P | PTE_W);
	*page_entry(TEST_BASE + pt_span(3), 3) = NO_RAM | PTE_P | PTE_W | PTE_U;
	invlpg((void *)(TEST_BASE + pt_span(3)));
	CHECK(survived(kernel_access(kernel_read, TEST_BASE + pt_span(3))));
	CHECK(survived(kernel_access(kernel_write, TEST_BASE + pt_span(3))));
	CHECK_KERNEL_OK(kernel_write, TEST_BASE);
}

const struct test sec_tests[] = {
	{"sec/ports", ports},
	{"sec/msr_unknown", msr_unknown},
	{"sec/msr_values", msr_values},
	{"sec/monitor_slot_kernel", monitor_slot_kernel},
	{"sec/monitor_slot_user", monitor_slot_user},
	{"sec/int_kernel", int_kernel},
	{"sec/int_user", int_user},
	{"sec/int_user_denied", int_user_denied},
	{"sec/int_not_present", int_not_present},
	{"sec/wild_jump", wild_jump},
	{"sec/wild_stack", wild_stack},
	{"sec/wild_rsp0", wild_rsp0},
	{"sec/no_ram_page", no_ram_page},
	{"sec/no_ram_table", no_ram_table},
	{},
};
