// SPDX-License-Identifier: MIT
/*
 * cpu/: what must survive exits (general, x87 and SSE registers), and port I/O with its widths, string forms
 * and faults.
 *
 * The scratch register of the UART (PC16550D data sheet, "Scratchpad Register") holds a byte without meaning;
 * it is the port to write to and read from. Port 0x80 takes diagnostic codes and is only written.
 */
#include "guest/groups.h"
#include "lib/string.h"

#define UART_SCRATCH 0x3ff
#define POST_PORT    0x80
#define PORT_NOBODY  0x5a50 /* no device of a PC decodes it */

static bool go_on(struct frame *f)
{
	(void)f;
	return true;
}

/* ---- registers across exits ---- */

/* Each round: CPUID, OUT, INT, a read of CR0, a read of an MSR. ROUND keeps RSI and RDI, and destroys RAX,
 * RBX, RCX, RDX. */
#define ROUND                                                                                                \
	"xor %eax, %eax; xor %ecx, %ecx; cpuid; out %al, $0x80; int $0x81; mov %cr0, %rax; mov "             \
	"$0xc0000081, %ecx; rdmsr\n"
_Static_assert(VEC_TEST == 0x81 && POST_PORT == 0x80 && MSR_STAR == 0xc0000081, "ROUND");
#define ROUNDS 20

/* RDI: 8 values for RBP, R8 to R14 in, and out. */
CODE(keep_gprs,
     "push %rdi; mov (%rdi), %rbp; mov 8(%rdi), %r8; mov 16(%rdi), %r9; mov 24(%rdi), %r10\n"
     "mov 32(%rdi), %r11; mov 40(%rdi), %r12; mov 48(%rdi), %r13; mov 56(%rdi), %r14; mov $20, %r15d\n"
     "1: " ROUND "dec %r15d; jnz 1b\n"
     "pop %rdi; mov %rbp, (%rdi); mov %r8, 8(%rdi); mov %r9, 16(%rdi); mov %r10, 24(%rdi)\n"
     "mov %r11, 32(%rdi); mov %r12, 40(%rdi); mov %r13, 48(%rdi); mov %r14, 56(%rdi); ret");

static void gprs_across_exits(void)
{
	u64 before[8], after[8];
	struct frame f;

	for (unsigned i = 0; i < ARRAY_SIZE(before); i++)
		before[i] = after[i] = test_random();
	handler_set(VEC_TEST, go_on);
	catch_asm(&f, keep_gprs, (u64)after);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_MEM(after, before, sizeof(before));
}

/* RDI: an FXSAVE image in; RSI = RDI + 512: out. */
CODE(keep_fpu, "mov %rdi, %rsi; fxrstor64 (%rdi); mov $20, %r15d\n"
	       "1: " ROUND "dec %r15d; jnz 1b\n"
	       "fxsave64 512(%rsi); ret");

/* Offsets in the FXSAVE image, SDM vol. 1, table 10-2. */
#define FX_FCW       0
#define FX_FTW       4
#define FX_MXCSR     24
#define FX_ST        32
#define FX_ST_BYTES  10
#define FX_XMM       160
#define FX_XMM_BYTES 256
#define FX_SIZE      512
#define FCW_MASKED   0x037f
#define MXCSR_MASKED 0x1f80
#define MXCSR_RC     0x6000

static u8 *fpu_image(void)
{
	u8 *image = page_alloc();
	const u16 fcw = FCW_MASKED;
	const u32 mxcsr = MXCSR_MASKED | (test_random() & MXCSR_RC);

	memcpy(image + FX_FCW, &fcw, sizeof(fcw));
	image[FX_FTW] = 0xff; /* abridged: all registers hold something */
	memcpy(image + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	for (unsigned i = 0; i < FX_XMM_BYTES; i++)
		image[FX_XMM + i] = (u8)test_random();
	for (unsigned st = 0; st < 8; st++) {
		u64 mantissa = test_random() | BIT(63); /* normal numbers */
		u16 exponent = 0x3fff;

		memcpy(image + FX_ST + st * 16, &mantissa, sizeof(mantissa));
		memcpy(image + FX_ST + st * 16 + 8, &exponent, sizeof(exponent));
	}
	return image;
}

static void sse_across_exits(void)
{
	u8 *image = fpu_image();
	struct frame f;

	handler_set(VEC_TEST, go_on);
	catch_asm(&f, keep_fpu, (u64)image);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_MEM(image + FX_SIZE + FX_XMM, image + FX_XMM, FX_XMM_BYTES);
	CHECK_MEM(image + FX_SIZE + FX_MXCSR, image + FX_MXCSR, sizeof(u32));
}

static void x87_across_exits(void)
{
	u8 *image = fpu_image();
	struct frame f;

	handler_set(VEC_TEST, go_on);
	catch_asm(&f, keep_fpu, (u64)image);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_MEM(image + FX_SIZE + FX_FCW, image + FX_FCW, sizeof(u16));
	for (unsigned st = 0; st < 8; st++)
		CHECK_MEM(image + FX_SIZE + FX_ST + st * 16, image + FX_ST + st * 16, FX_ST_BYTES);
}

/* A computation that is interrupted by exits: integers, so that it is exact. RDI + 0, 8: operands; 16: the
 * sum of 20 products. */
CODE(compute_x87, "mov %rdi, %rsi; fninit; fldz; mov $20, %r15d\n"
		  "1: fildll (%rsi); " ROUND "fildll 8(%rsi); fmulp; " ROUND "faddp; dec %r15d; jnz 1b\n"
		  "fistpll 16(%rsi); ret");

static void x87_computes_across_exits(void)
{
	u64 v[3] = {(u32)test_random() >> 8, (u32)test_random() >> 8, 0};
	struct frame f;

	handler_set(VEC_TEST, go_on);
	catch_asm(&f, compute_x87, (u64)v);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(v[2], v[0] * v[1] * ROUNDS);
}

/* ---- port I/O ---- */

static void in_out(void)
{
	for (unsigned i = 0; i < 16; i++) {
		u8 value = (u8)test_random();

		out8(UART_SCRATCH, value);
		CHECK_EQ(in8(UART_SCRATCH), value);
	}
}

CODE(in_byte, "mov $-1, %rax; xor %al, %al; mov %edi, %edx; in %dx, %al; ret");
CODE(in_word, "mov $-1, %rax; mov %edi, %edx; in %dx, %ax; ret");
CODE(in_long, "mov $-1, %rax; mov %edi, %edx; in %dx, %eax; ret");

/* IN leaves the rest of RAX alone, except that a 32-bit result clears the upper half. SDM vol. 1, 3.4.1.1. */
static void in_register_width(void)
{
	u8 value = (u8)test_random();
	struct frame f;

	out8(UART_SCRATCH, value);
	catch_asm(&f, in_byte, UART_SCRATCH);
	CHECK_EQ(f.gpr[GPR_RAX], (~0ULL << 8) | value);
	catch_asm(&f, in_word, PORT_NOBODY);
	CHECK_EQ(f.gpr[GPR_RAX], ~0ULL);
	catch_asm(&f, in_long, PORT_NOBODY);
	CHECK_EQ(f.gpr[GPR_RAX], 0xffffffff);
}

/* A bus on which nobody answers reads all ones. */
static void in_nobody(void)
{
	out8(PORT_NOBODY, 0);
	CHECK_EQ(in8(PORT_NOBODY), 0xff);
	CHECK_EQ(in16(PORT_NOBODY), 0xffff);
	CHECK_EQ(in32(PORT_NOBODY), 0xffffffff);
}

struct string_io {
	void *p;
	u64 count;
	void *end; /* after it */
	u64 left;
};

#define STRING_CODE(name, reg, direction, op)                                                                \
	CODE(name, "mov %rdi, %r8; mov (%r8), %" reg "; mov 8(%r8), %rcx; mov $0x3ff, %edx; " direction      \
		   "; " op "; cld; mov %" reg ", 16(%r8); mov %rcx, 24(%r8); ret")
_Static_assert(UART_SCRATCH == 0x3ff, "STRING_CODE");
STRING_CODE(outs_up, "rsi", "cld", "rep outsb");
STRING_CODE(outs_down, "rsi", "std", "rep outsb");
STRING_CODE(outs_one, "rsi", "cld", "outsb");
STRING_CODE(ins_up, "rdi", "cld", "rep insb");
STRING_CODE(ins_down, "rdi", "std", "rep insb");
STRING_CODE(ins_one, "rdi", "cld", "insb");

/* The code takes or gives `count` bytes at p; the last one that OUTS wrote is in the scratch register. */
static struct string_io string_io(const u8 *code, void *p, u64 count)
{
	struct string_io s = {.p = p, .count = count, .left = ~0ULL};
	struct frame f;

	catch_asm(&f, code, (u64)&s);
	check_equal(f.vector, NO_FAULT, __FILE__, __LINE__, "vector");
	return s;
}

static void outs(void)
{
	u8 data[16];
	struct string_io s;

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (u8)test_random();
	s = string_io(outs_up, data, 10);
	CHECK_EQ(in8(UART_SCRATCH), data[9]);
	CHECK_EQ((u8 *)s.end - data, 10);
	CHECK_EQ(s.left, 0);
	s = string_io(outs_down, data + 12, 5);
	CHECK_EQ(in8(UART_SCRATCH), data[8]);
	CHECK_EQ((u8 *)s.end - data, 7);
	CHECK_EQ(s.left, 0);
	s = string_io(outs_one, data + 3, 7);
	CHECK_EQ(in8(UART_SCRATCH), data[3]);
	CHECK_EQ((u8 *)s.end - data, 4);
	CHECK_EQ(s.left, 7);
}

static void ins(void)
{
	u8 data[32], expected[32], value = (u8)test_random();
	struct string_io s;

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = expected[i] = (u8)test_random();
	out8(UART_SCRATCH, value);
	s = string_io(ins_up, data + 2, 9);
	memset(expected + 2, value, 9);
	CHECK_EQ((u8 *)s.end - data, 11);
	CHECK_EQ(s.left, 0);
	s = string_io(ins_down, data + 20, 4);
	memset(expected + 17, value, 4);
	CHECK_EQ((u8 *)s.end - data, 16);
	string_io(ins_one, data + 30, 3);
	expected[30] = value;
	CHECK_MEM(data, expected, sizeof(data));
}

static void rep_ins_count_zero(void)
{
	u8 data = (u8)test_random(), before = data;
	struct string_io s;

	out8(UART_SCRATCH, (u8)~data);
	s = string_io(ins_up, &data, 0);
	CHECK_EQ((u8 *)s.end - &data, 0);
	CHECK_EQ(data, before);
	s = string_io(outs_up, (void *)TEST_BASE, 0); /* not mapped, and not touched */
	CHECK_EQ((u64)s.end, TEST_BASE);
}

/* A page fault in the middle: RDI, RSI and RCX say how far it came, RIP is the instruction's; it goes on when
 * the page is there. */
CODE(ins_fault, "mov $24, %ecx; mov $0x3ff, %edx; rep insb; ret");
CODE(outs_fault, "mov %rdi, %rsi; mov $24, %ecx; mov $0x3ff, %edx; rep outsb; ret");
#define STRING_FAULT_COUNT 24
#define BEFORE_END         10

static gpa_t second_page;

static bool map_second_page(struct frame *f)
{
	CHECK_EQ(f->cr2, TEST_BASE + PAGE_SIZE);
	CHECK_EQ(f->gpr[GPR_RCX], STRING_FAULT_COUNT - BEFORE_END);
	page_map(TEST_BASE + PAGE_SIZE, second_page, PTE_P | PTE_W | PTE_NX);
	return true;
}

static void rep_ins_fault(void)
{
	u8 *first = page_alloc(), *second = page_alloc(), expected[STRING_FAULT_COUNT],
	   value = (u8)test_random();
	struct frame f;

	page_map(TEST_BASE, gpa_of(first), PTE_P | PTE_W | PTE_NX);
	out8(UART_SCRATCH, value);
	catch_asm(&f, ins_fault, TEST_BASE + PAGE_SIZE - BEFORE_END);
	CHECK_EQ(f.vector, VEC_PF);
	CHECK_EQ(f.error, PF_WRITE);
	CHECK_EQ(f.gpr[GPR_RDI], TEST_BASE + PAGE_SIZE);
	second_page = gpa_of(second);
	handler_set(VEC_PF, map_second_page);
	catch_asm(&f, ins_fault, TEST_BASE + PAGE_SIZE - BEFORE_END);
	CHECK_EQ(f.vector, NO_FAULT);
	memset(expected, value, sizeof(expected));
	CHECK_MEM(first + PAGE_SIZE - BEFORE_END, expected, BEFORE_END);
	CHECK_MEM(second, expected, STRING_FAULT_COUNT - BEFORE_END);
	CHECK_EQ(second[STRING_FAULT_COUNT - BEFORE_END], 0);
}

static void rep_outs_fault(void)
{
	u8 *first = page_alloc(), *second = page_alloc();
	struct frame f;

	for (unsigned i = 0; i < PAGE_SIZE; i++)
		first[i] = second[i] = (u8)i;
	first[PAGE_SIZE - 1] = (u8)test_random();
	second[STRING_FAULT_COUNT - BEFORE_END - 1] = (u8)test_random();
	page_map(TEST_BASE, gpa_of(first), PTE_P | PTE_NX);
	catch_asm(&f, outs_fault, TEST_BASE + PAGE_SIZE - BEFORE_END);
	CHECK_EQ(f.vector, VEC_PF);
	CHECK_EQ(f.error, 0);
	CHECK_EQ(in8(UART_SCRATCH), first[PAGE_SIZE - 1]);
	second_page = gpa_of(second);
	handler_set(VEC_PF, map_second_page);
	catch_asm(&f, outs_fault, TEST_BASE + PAGE_SIZE - BEFORE_END);
	CHECK_EQ(in8(UART_SCRATCH), second[STRING_FAULT_COUNT - BEFORE_END - 1]);
}

/* OUTS reads DS:RSI, and a prefix may name FS instead. */
CODE(outs_fs, "mov %rdi, %rsi; mov $0x3ff, %edx; fs outsb; ret");

static void outs_segment_prefix(void)
{
	u8 *page = page_alloc();
	u64 offset = test_random() % PAGE_SIZE;
	struct frame f;

	page[offset] = (u8)(test_random() | 1);
	wrmsr(MSR_FS_BASE, (u64)page);
	catch_asm(&f, outs_fs, offset);
	wrmsr(MSR_FS_BASE, 0);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(in8(UART_SCRATCH), page[offset]);
}

/* ---- caches ---- */

static void wbinvd(void)
{
	u64 *page = page_alloc(), value = test_random();

	*(volatile u64 *)page = value;
	asm volatile("wbinvd" : : : "memory");
	CHECK_EQ(*(volatile u64 *)page, value);
}

/* INVLPG of an address that is not mapped, or not canonical, does nothing. SDM vol. 2A, "INVLPG". */
CODE(invalidate, "invlpg (%rdi); ret");

static void invlpg_anything(void)
{
	struct frame f;

	catch_asm(&f, invalidate, TEST_BASE);
	CHECK_EQ(f.vector, NO_FAULT);
	catch_asm(&f, invalidate, BIT(47) | (test_random() & 0xffffffff));
	CHECK_EQ(f.vector, NO_FAULT);
}

const struct test cpu_state_tests[] = {
	{"cpu/gprs_across_exits", gprs_across_exits},
	{"cpu/sse_across_exits", sse_across_exits},
	{"cpu/x87_across_exits", x87_across_exits},
	{"cpu/x87_computes_across_exits", x87_computes_across_exits},
	{"cpu/in_out", in_out},
	{"cpu/in_register_width", in_register_width},
	{"cpu/in_nobody", in_nobody},
	{"cpu/outs", outs},
	{"cpu/ins", ins},
	{"cpu/rep_ins_count_zero", rep_ins_count_zero},
	{"cpu/rep_ins_fault", rep_ins_fault},
	{"cpu/rep_outs_fault", rep_outs_fault},
	{"cpu/outs_segment_prefix", outs_segment_prefix},
	{"cpu/wbinvd", wbinvd},
	{"cpu/invlpg_anything", invlpg_anything},
	{},
};
