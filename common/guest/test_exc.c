// SPDX-License-Identifier: MIT
/*
 * exc/: each exception by its vector, error code, CR2 and RIP. A fault's RIP is its instruction, a trap's the
 * next one.
 *
 * Source: SDM vol. 3A, 6.5 "Exception Classifications", 6.13 "Error Code", 6.15 "Exception and Interrupt
 * Reference". Debug exceptions, NMI, stacks and double faults are in test_exc_flow.c, page faults in depth in
 * the group mem.
 */
#include "guest/groups.h"
#include "lib/string.h"

/* The code ends with this exception at `offset` from its start. */
#define CHECK_EXCEPTION(code, rdi, vector, error, offset)                                                    \
	check_exception(code, rdi, vector, error, offset, __LINE__)
static void check_exception(const u8 *code, u64 rdi, u64 vector, u64 error, u64 offset, int line)
{
	struct frame f;

	catch_asm(&f, code, rdi);
	check_equal(f.vector, vector, __FILE__, line, "vector");
	check_equal(f.error, error, __FILE__, line, "error code");
	check_equal(f.rip - (u64)code, offset, __FILE__, line, "RIP");
}

#define CHECK_RETURNS(code, rdi) CHECK_EQ(outcome(code, rdi), NO_FAULT)
static u64 outcome(const u8 *code, u64 rdi)
{
	struct frame f;

	catch_asm(&f, code, rdi);
	return f.vector;
}

/* The same in ring 3. */
#define CHECK_USER_EXCEPTION(u, vector, error, offset)                                                       \
	check_user_exception(u, vector, error, offset, __LINE__)
static void check_user_exception(struct user *u, u64 vector, u64 error, u64 offset, int line)
{
	check_equal(user_run(u), vector, __FILE__, line, "vector");
	check_equal(u->frame.error, error, __FILE__, line, "error code");
	check_equal(u->frame.rip - USER_CODE, offset, __FILE__, line, "RIP");
}

/* ---- #DE ---- */

CODE(divide, "xor %edx, %edx; mov %edi, %eax; xor %ecx, %ecx; div %ecx; ret");
#define DIVIDE_AT 6
CODE(divide_overflow, "mov $-1, %rdx; mov $0, %eax; idiv %rdi; ret");
#define DIVIDE_OVERFLOW_AT 12

static void de(void)
{
	u64 before = test_random();
	struct frame f;

	CHECK_EXCEPTION(divide, before, VEC_DE, 0, DIVIDE_AT);
	catch_asm(&f, divide, before);
	CHECK_EQ(f.gpr[GPR_RAX], (u32)before); /* a fault changes nothing */
	CHECK_EQ(f.gpr[GPR_RDX], 0);
}

/* -2^64 / 1 does not fit. */
static void de_overflow(void)
{
	CHECK_EXCEPTION(divide_overflow, 1, VEC_DE, 0, DIVIDE_OVERFLOW_AT);
}

/* ---- #BP, INT n, #OF, #BR ---- */

CODE(int3_code, "int3; ret");
CODE(int_3_code, ".byte 0xcd, 3; ret");

static void bp(void)
{
	CHECK_EXCEPTION(int3_code, 0, VEC_BP, 0, 1);
	CHECK_EXCEPTION(int_3_code, 0, VEC_BP, 0, 2);
}

/* INT n is a trap: RIP is the next instruction, the stack as it was. */
CODE(int_without_error, "mov %rsp, %rax; int $0x81; ret");

static struct frame seen;

static bool note_frame(struct frame *f)
{
	seen = *f;
	return true;
}

static void int_n(void)
{
	u64 value = test_random();
	struct frame f;

	handler_set(VEC_TEST, note_frame);
	catch_asm(&f, int_without_error, value);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(seen.vector, VEC_TEST);
	CHECK_EQ(seen.gpr[GPR_RDI], value);
	CHECK_EQ(seen.rsp - f.gpr[GPR_RAX], 0);
	CHECK_EQ(seen.rip - (u64)int_without_error, 5);
}

/* INTO and BOUND are of 32-bit code alone. */
CODE32(into_set, "mov $0x7fffffff, %eax; inc %eax; into; int $0x80");
CODE32(into_clear, "xor %eax, %eax; into; int $0x80");
CODE(into_64, ".byte 0xce; ret");
#define INTO_NEXT 7

static void of(void)
{
	struct user set = USER(into_set, .compat = true), clear = USER(into_clear, .compat = true);

	CHECK_USER_EXCEPTION(&set, VEC_OF, 0, INTO_NEXT);
	CHECK_EQ(user_run(&clear), VEC_USER_EXIT);
	CHECK_EXCEPTION(into_64, 0, VEC_UD, 0, 0);
}

/* EBX = the index; the bounds lie at the start of the user's data. */
CODE32(bound_code, "bound %ebx, 0x600000; int $0x80");
_Static_assert(USER_DATA == 0x600000, "bound_code");

static void br(void)
{
	struct user u = USER(bound_code, .compat = true);
	s32 bounds[2] = {-5, (s32)(test_random() % 100)};

	user_map();
	memcpy(user_data_pages, bounds, sizeof(bounds));
	for (s32 index = -7; index < -3; index++) {
		u.gpr[GPR_RBX] = (u32)index;
		CHECK_EQ(user_run(&u), index < bounds[0] ? VEC_BR : VEC_USER_EXIT);
	}
	u.gpr[GPR_RBX] = (u32)bounds[1];
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	u.gpr[GPR_RBX] = (u32)bounds[1] + 1;
	CHECK_USER_EXCEPTION(&u, VEC_BR, 0, 0);
}

/* ---- #UD ---- */

CODE(ud2_code, "nop; ud2; ret");
CODE(lock_nop, ".byte 0xf0, 0x90; ret");
CODE(mov_to_cs, ".byte 0x8e, 0xcf; ret"); /* mov %edi, %cs */
CODE(push_cs, ".byte 0x0e; ret");

static void ud(void)
{
	CHECK_EXCEPTION(ud2_code, 0, VEC_UD, 0, 1);
	CHECK_EXCEPTION(lock_nop, 0, VEC_UD, 0, 0);
	CHECK_EXCEPTION(mov_to_cs, SEL_KERNEL_CODE, VEC_UD, 0, 0);
	CHECK_EXCEPTION(push_cs, 0, VEC_UD, 0, 0);
}

/* ---- #NM, #MF, #XM ---- */

CODE(x87_code, "fnop; ret");
CODE(wait_code, "fwait; ret");
CODE(sse_code, "movaps %xmm0, %xmm0; ret");

static void set_cr0_bits(u64 set, u64 clear)
{
	write_cr0((read_cr0() & ~clear) | set);
}

static void nm(void)
{
	u64 cr0 = read_cr0();

	set_cr0_bits(CR0_TS, 0);
	CHECK_EXCEPTION(x87_code, 0, VEC_NM, 0, 0);
	CHECK_EXCEPTION(sse_code, 0, VEC_NM, 0, 0);
	CHECK_EXCEPTION(wait_code, 0, VEC_NM, 0, 0); /* MP is set */
	set_cr0_bits(0, CR0_MP);
	CHECK_RETURNS(wait_code, 0);
	write_cr0(cr0);
}

static void nm_emulation(void)
{
	u64 cr0 = read_cr0();

	set_cr0_bits(CR0_EM, 0);
	CHECK_EXCEPTION(x87_code, 0, VEC_NM, 0, 0);
	CHECK_EXCEPTION(sse_code, 0, VEC_UD, 0, 0);
	write_cr0(cr0);
}

static bool clear_ts(struct frame *f)
{
	(void)f;
	asm volatile("clts" : : : "memory");
	return true;
}

/* What a kernel that saves x87 state lazily does. */
CODE(x87_lazy, "fninit; fildll (%rdi); fildll (%rdi); fmulp; fistpll 8(%rdi); ret");

static void nm_lazy(void)
{
	u64 v[2] = {(u32)test_random() >> 4};
	struct frame f;

	handler_set(VEC_NM, clear_ts);
	set_cr0_bits(CR0_TS, 0);
	catch_asm(&f, x87_lazy, (u64)v);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(v[1], v[0] * v[0]);
	CHECK_EQ(read_cr0() & CR0_TS, 0);
}

/* The control word at RDI unmasks "zero divide"; 1 / 0 is reported by the next waiting x87 instruction. */
CODE(x87_zero_divide, "fninit; fldcw (%rdi); fld1; fldz; fdivrp; nop; fwait; ret");
#define X87_FAULT_AT 11

static void mf(void)
{
	u16 fcw = 0x037b;

	CHECK_EXCEPTION(x87_zero_divide, (u64)&fcw, VEC_MF, 0, X87_FAULT_AT);
	asm volatile("fnclex; fninit");
}

/* MXCSR at RDI, divisor zero. */
CODE(sse_zero_divide,
     "ldmxcsr (%rdi); mov $1, %eax; cvtsi2ss %eax, %xmm0; xorps %xmm1, %xmm1; divss %xmm1, %xmm0; ret");
#define SSE_FAULT_AT 15

static void xm(void)
{
	u32 unmasked = 0x1d80, masked = 0x1f80;
	u64 cr4 = read_cr4();

	CHECK_RETURNS(sse_zero_divide, (u64)&masked);
	CHECK_EXCEPTION(sse_zero_divide, (u64)&unmasked, VEC_XM, 0, SSE_FAULT_AT);
	write_cr4(cr4 & ~(u64)CR4_OSXMMEXCPT);
	CHECK_EXCEPTION(sse_zero_divide, (u64)&unmasked, VEC_UD, 0, SSE_FAULT_AT);
	write_cr4(cr4);
}

/* Without CR4.OSFXSR SSE instructions are undefined. */
static void ud_osfxsr(void)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 & ~(u64)CR4_OSFXSR);
	CHECK_EXCEPTION(sse_code, 0, VEC_UD, 0, 0);
	write_cr4(cr4);
	CHECK_RETURNS(sse_code, 0);
}

/* ---- #NP, #SS, #TS, #GP with selectors ---- */

CODE(load_ds, "mov %edi, %ds; mov $0x23, %eax; mov %eax, %ds; ret");
CODE(load_ss, "mov %edi, %ss; mov $0x10, %eax; mov %eax, %ss; ret");
CODE(far_return, "push %rdi; lea 1f(%rip), %rax; push %rax; lretq; 1: ret");
#define FAR_RETURN_AT 9
/* IRETQ to CS = RDI, same stack; SS = RSI of the caller's choice does not matter here. */
CODE(interrupt_return, "mov %rsp, %rcx; push $0x10; push %rcx; push $2; push %rdi; lea 1f(%rip), %rax; push "
		       "%rax; iretq; 1: ret");
#define IRET_AT 17
_Static_assert(SEL_USER_DATA == 0x23 && SEL_KERNEL_DATA == 0x10, "the code above");

#define ATTR_FLAT   (SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_G | SEG_TYPE_ACCESSED)
#define ATTR_DATA   (ATTR_FLAT | SEG_ATTR_DB | SEG_TYPE_WRITABLE)
#define ATTR_CODE64 (ATTR_FLAT | SEG_ATTR_L | SEG_TYPE_CODE | SEG_TYPE_READABLE)
#define FLAT_LIMIT  0xffffffff

static void test_segment(u32 attr)
{
	gdt[SEL_TEST / 8] = desc_make(0, FLAT_LIMIT, attr);
}

static void np(void)
{
	test_segment(ATTR_DATA & ~SEG_ATTR_P);
	CHECK_EXCEPTION(load_ds, SEL_TEST, VEC_NP, SEL_TEST, 0);
	test_segment(ATTR_CODE64 & ~SEG_ATTR_P);
	CHECK_EXCEPTION(far_return, SEL_TEST, VEC_NP, SEL_TEST, FAR_RETURN_AT);
	CHECK_EXCEPTION(interrupt_return, SEL_TEST, VEC_NP, SEL_TEST, IRET_AT);
}

CODE(int_test, "int $0x81; ret");

static void np_gate(void)
{
	idt[VEC_TEST].attr &= (u8)~SEG_ATTR_P;
	CHECK_EXCEPTION(int_test, 0, VEC_NP, VEC_TEST * 8 + SEL_ERROR_IDT, 0);
}

static void ss_selector(void)
{
	test_segment(ATTR_DATA & ~SEG_ATTR_P);
	CHECK_EXCEPTION(load_ss, SEL_TEST, VEC_SS, SEL_TEST, 0);
}

/* A reference through RSP or RBP to a non-canonical address is #SS, any other #GP. */
CODE(read_by_rbp, "mov %rdi, %rbp; mov (%rbp), %rax; ret");
CODE(read_by_rdi, "mov (%rdi), %rax; ret");

static void ss_canonical(void)
{
	u64 address = BIT(47) | (test_random() & 0x7ffffffffff0);

	CHECK_EXCEPTION(read_by_rbp, address, VEC_SS, 0, 3);
	CHECK_EXCEPTION(read_by_rdi, address, VEC_GP, 0, 0);
}

/* An IST entry beyond the limit of the TSS. */
static void ts(void)
{
	u32 limit = TSS_IST1 + 8 * (IST_TEST - 1) - 1;

	gdt[SEL_TEST / 8] = desc_make((u32)(u64)&tss, limit, SEG_ATTR_P | SYS_TYPE_TSS_AVAIL);
	gdt[SEL_TEST / 8 + 1] = (u64)&tss >> 32;
	ltr(SEL_TEST);
	idt_set_ist(VEC_TEST, IST_TEST);
	CHECK_EXCEPTION(int_test, 0, VEC_TS, SEL_TEST, 0);
}

static void gp_selector(void)
{
	CHECK_EXCEPTION(load_ds, GDT_ENTRIES * 8, VEC_GP, GDT_ENTRIES * 8, 0); /* beyond the limit */
	CHECK_EXCEPTION(load_ds, SEL_TEST, VEC_GP, SEL_TEST, 0);               /* type 0 */
	CHECK_EXCEPTION(load_ds, SEL_TSS, VEC_GP, SEL_TSS, 0);
	CHECK_EXCEPTION(load_ds, SEL_KERNEL_DATA | 3, VEC_GP, SEL_KERNEL_DATA, 0);
	CHECK_EXCEPTION(load_ds, SEL_TEST | SEL_TI, VEC_GP, SEL_TEST | SEL_TI, 0); /* no LDT */
	test_segment(ATTR_CODE64 & ~SEG_TYPE_READABLE);
	CHECK_EXCEPTION(load_ds, SEL_TEST, VEC_GP, SEL_TEST, 0);
}

static void gp_stack_selector(void)
{
	CHECK_EXCEPTION(load_ss, SEL_KERNEL_CODE, VEC_GP, SEL_KERNEL_CODE, 0);
	CHECK_EXCEPTION(load_ss, SEL_USER_DATA, VEC_GP, SEL_USER_DATA & SEL_INDEX, 0); /* RPL and DPL 3 */
	test_segment(ATTR_DATA & ~SEG_TYPE_WRITABLE);
	CHECK_EXCEPTION(load_ss, SEL_TEST, VEC_GP, SEL_TEST, 0);
}

static void gp_far_return(void)
{
	CHECK_EXCEPTION(far_return, 0, VEC_GP, 0, FAR_RETURN_AT);
	CHECK_EXCEPTION(far_return, SEL_KERNEL_DATA, VEC_GP, SEL_KERNEL_DATA, FAR_RETURN_AT);
	test_segment(ATTR_CODE64 | 3 << SEG_ATTR_DPL_SHIFT); /* RPL 0 */
	CHECK_EXCEPTION(far_return, SEL_TEST, VEC_GP, SEL_TEST, FAR_RETURN_AT);
}

/* L and D together are reserved. SDM vol. 3A, 5.2.1 "Code-Segment Descriptor in 64-bit Mode". */
static void gp_code_l_and_d(void)
{
	test_segment(ATTR_CODE64 | SEG_ATTR_DB);
	CHECK_EXCEPTION(far_return, SEL_TEST, VEC_GP, SEL_TEST, FAR_RETURN_AT);
}

static void gp_interrupt_return(void)
{
	CHECK_EXCEPTION(interrupt_return, 0, VEC_GP, 0, IRET_AT);
	CHECK_EXCEPTION(interrupt_return, SEL_KERNEL_DATA, VEC_GP, SEL_KERNEL_DATA, IRET_AT);
	CHECK_EXCEPTION(interrupt_return, GDT_ENTRIES * 8, VEC_GP, GDT_ENTRIES * 8, IRET_AT);
}

/* There are no nested tasks in long mode. */
CODE(interrupt_return_nt, "push $0x4002; popfq; iretq");

static void gp_iret_nested_task(void)
{
	CHECK_EXCEPTION(interrupt_return_nt, 0, VEC_GP, 0, 6);
}

static void gp_idt(void)
{
	const struct desc_ptr short_idt = {VEC_TEST * sizeof(idt[0]) + sizeof(idt[0]) - 2, (u64)idt};
	const struct desc_ptr whole_idt = {sizeof(idt) - 1, (u64)idt};

	idt[VEC_TEST].attr = SEG_ATTR_P | SYS_TYPE_CALL_GATE | 3 << SEG_ATTR_DPL_SHIFT;
	CHECK_EXCEPTION(int_test, 0, VEC_GP, VEC_TEST * 8 + SEL_ERROR_IDT, 0);
	idt[VEC_TEST].attr = SEG_ATTR_P | SYS_TYPE_INTR_GATE;
	idt[VEC_TEST].selector = SEL_KERNEL_DATA;
	CHECK_EXCEPTION(int_test, 0, VEC_GP, SEL_KERNEL_DATA, 0);
	lidt(&short_idt);
	CHECK_EXCEPTION(int_test, 0, VEC_GP, VEC_TEST * 8 + SEL_ERROR_IDT, 0);
	lidt(&whole_idt);
}

/* More than 15 bytes are no instruction. */
CODE(too_long, ".fill 15, 1, 0x66; nop; ret");
CODE(just_fits, ".fill 14, 1, 0x66; nop; ret");

static void gp_too_long(void)
{
	CHECK_EXCEPTION(too_long, 0, VEC_GP, 0, 0);
	CHECK_RETURNS(just_fits, 0);
}

/* ---- #PF ---- */

CODE(write_code, "mov %rdi, (%rdi); ret");
CODE(jump_code, "jmp *%rdi");

static void pf(void)
{
	u64 address = TEST_BASE + test_random() % PAGE_SIZE;
	struct frame f;

	CHECK_EXCEPTION(read_by_rdi, address, VEC_PF, 0, 0);
	CHECK_EXCEPTION(write_code, address, VEC_PF, PF_WRITE, 0);
	catch_asm(&f, jump_code, address);
	CHECK_EQ(f.vector, VEC_PF);
	CHECK_EQ(f.error, PF_FETCH);
	CHECK_EQ(f.cr2, address);
	CHECK_EQ(f.rip, address);
}

/* An access across two pages faults with the first byte of the one that is missing. */
static void pf_across_pages(void)
{
	u64 bytes = test_random() % 7 + 1, address = TEST_BASE + PAGE_SIZE - bytes;
	u8 *page = page_alloc();
	struct frame f;

	page_map(TEST_BASE, gpa_of(page), PTE_P | PTE_W | PTE_NX);
	catch_asm(&f, write_code, address);
	CHECK_EQ(f.vector, VEC_PF);
	CHECK_EQ(f.cr2, TEST_BASE + PAGE_SIZE);
	CHECK_EQ(page[PAGE_SIZE - 1], 0); /* nothing of it was written */
}

/* ---- #AC ---- */

CODE(user_unaligned, "mov 1(%rdi), %eax; int $0x80");

static void ac(void)
{
	struct user u = USER(user_unaligned, .gpr[GPR_RDI] = USER_DATA, .rflags = RFLAGS_AC);
	u64 cr0 = read_cr0();

	CHECK_EQ(user_run(&u), VEC_USER_EXIT); /* CR0.AM is clear */
	write_cr0(cr0 | CR0_AM);
	CHECK_USER_EXCEPTION(&u, VEC_AC, 0, 0);
	u.rflags = 0;
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	write_cr0(cr0);
}

/* In ring 0 nothing is checked. */
CODE(kernel_unaligned, "push $0x40002; popfq; mov 1(%rdi), %rax; push $2; popfq; ret");

static void ac_not_in_ring_0(void)
{
	u8 *data = page_alloc();
	u64 cr0 = read_cr0(), value = test_random();
	struct frame f;

	memcpy(data + 1, &value, sizeof(value));
	write_cr0(cr0 | CR0_AM);
	catch_asm(&f, kernel_unaligned, (u64)data);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(f.gpr[GPR_RAX], value);
	write_cr0(cr0);
}

const struct test exc_tests[] = {
	{"exc/de", de},
	{"exc/de_overflow", de_overflow},
	{"exc/bp", bp},
	{"exc/int_n", int_n},
	{"exc/of", of},
	{"exc/br", br},
	{"exc/ud", ud},
	{"exc/ud_osfxsr", ud_osfxsr},
	{"exc/nm", nm},
	{"exc/nm_emulation", nm_emulation},
	{"exc/nm_lazy", nm_lazy},
	{"exc/mf", mf},
	{"exc/xm", xm},
	{"exc/np", np},
	{"exc/np_gate", np_gate},
	{"exc/ss_selector", ss_selector},
	{"exc/ss_canonical", ss_canonical},
	{"exc/ts", ts},
	{"exc/gp_selector", gp_selector},
	{"exc/gp_stack_selector", gp_stack_selector},
	{"exc/gp_far_return", gp_far_return},
	{"exc/gp_code_l_and_d", gp_code_l_and_d},
	{"exc/gp_interrupt_return", gp_interrupt_return},
	{"exc/gp_iret_nested_task", gp_iret_nested_task},
	{"exc/gp_idt", gp_idt},
	{"exc/gp_too_long", gp_too_long},
	{"exc/pf", pf},
	{"exc/pf_across_pages", pf_across_pages},
	{"exc/ac", ac},
	{"exc/ac_not_in_ring_0", ac_not_in_ring_0},
	{},
};
