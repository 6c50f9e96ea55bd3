/* SPDX-License-Identifier: MIT */
/*
 * Single accesses that a test expects to succeed or to fault, from the kernel and from user mode. Each writes
 * what is least work to check: a write stores the address at the address. For test files of the groups mem,
 * user and sec.
 */
#ifndef GUEST_ACCESS_H
#define GUEST_ACCESS_H

#include "guest/test.h"

CODE(kernel_read, "mov (%rdi), %rax\n ret");
CODE(kernel_write, "mov %rdi, (%rdi)\n ret");
CODE(kernel_jump, "jmp *%rdi"); /* to code that returns */
CODE(user_read, "mov (%rdi), %rax\n int $0x80");
CODE(user_write, "mov %rdi, (%rdi)\n int $0x80");
CODE(user_jump, "jmp *%rdi"); /* to code that does INT 0x80 */
_Static_assert(VEC_USER_EXIT == 0x80, "the user code above");

#define OPCODE_RET 0xc3

/* Runs one of the three in the kernel; f->vector says how it ended. */
static inline struct frame kernel_access(const u8 *code, gva_t gva)
{
	struct frame f;

	catch_asm(&f, code, gva);
	return f;
}

/* Runs code in user mode with RDI = gva. */
static inline struct frame user_access_sized(const u8 *code, size_t size, gva_t gva)
{
	struct user u = {.code = code, .size = size, .gpr[GPR_RDI] = gva};

	user_run(&u);
	return u.frame;
}
#define user_access(code, gva) user_access_sized(code, CODE_SIZE(code), gva)

static inline void check_fault(const struct frame *f, u64 vector, u64 error, const char *file, int line)
{
	check_equal(f->vector, vector, file, line, "vector");
	check_equal(f->error, error, file, line, "error code");
}

static inline void check_page_fault(struct frame f, gva_t gva, u64 error, const char *file, int line)
{
	check_fault(&f, VEC_PF, error, file, line);
	check_equal(f.cr2, gva, file, line, "CR2");
}

/* The frame is of this exception with this error code. */
#define CHECK_FAULT(f, vector, error) check_fault(f, vector, error, __FILE__, __LINE__)
/* The access with kernel or user code to gva ends with a page fault, CR2 and exactly these PF_* bits. */
#define CHECK_KERNEL_PF(code, gva, error)                                                                    \
	check_page_fault(kernel_access(code, gva), gva, error, __FILE__, __LINE__)
#define CHECK_USER_PF(code, gva, error)                                                                      \
	check_page_fault(user_access(code, gva), gva, error, __FILE__, __LINE__)
/* The access works. */
#define CHECK_KERNEL_OK(code, gva) CHECK_EQ(kernel_access(code, gva).vector, NO_FAULT)
#define CHECK_USER_OK(code, gva)   CHECK_EQ(user_access(code, gva).vector, VEC_USER_EXIT)

/* A word of memory that the compiler must not think about. */
static inline volatile u64 *word_at(gva_t gva)
{
	return (volatile u64 *)gva;
}

/* Fills a page with test_random(). */
static inline void fill_random(void *page)
{
	for (unsigned i = 0; i < PAGE_SIZE / sizeof(u64); i++)
		((u64 *)page)[i] = test_random();
}

/* A kernel page with random content. */
static inline u64 *page_random(void)
{
	u64 *p = page_alloc();

	fill_random(p);
	return p;
}

#endif
