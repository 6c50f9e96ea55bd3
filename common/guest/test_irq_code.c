// SPDX-License-Identifier: MIT
/*
 * irq/: the code that is interrupted, in the kernel and in user mode: it goes on as if nothing had happened,
 * and an interrupt can end its waiting. Each test has the local APIC timer run beside some
 * code whose result shows a lost register, flag or iteration. Source: SDM vol. 3A, 6.14 "Exception and
 * Interrupt Handling in 64-bit Mode"; vol. 2B, "REP".
 */
#include "guest/groups.h"
#include "lib/string.h"

#define VEC_TIMER 0x91

static struct frame seen;

static u32 apic_ticks_us(unsigned microseconds)
{
	return (u32)(apic_timer_hz() / 1000 * microseconds / 1000) | 1;
}

/*
 * Each interrupt sets the timer for the next one. A periodic timer could be faster than its handler, under a
 * monitor that emulates each access to the local APIC: the code would never go on.
 */
#define INTERVAL_US 500
static bool count_and_go_on(struct frame *f)
{
	bool taken = handler_count_irq(f);

	lapic_timer_start(VEC_TIMER, apic_ticks_us(INTERVAL_US), false);
	return taken;
}

static void interrupt_again_and_again(void)
{
	handler_set(VEC_TIMER, count_and_go_on);
	lapic_timer_start(VEC_TIMER, apic_ticks_us(INTERVAL_US), false);
}

/* Adds up i * i for i from RDI down to 1, in a way that shows a lost or changed register. */
#define COMPUTE                                                                                              \
	"xor %eax, %eax; mov %rdi, %rcx; mov $3, %r8d; mov $5, %r15d\n"                                      \
	"1: mov %rcx, %rdx; imul %rcx, %rdx; imul %r8, %rdx; imul %r15, %rdx; add %rdx, %rax\n"              \
	"dec %rcx; jnz 1b\n"
CODE(compute, COMPUTE "ret");
CODE(user_compute, COMPUTE "int $0x80");

static u64 computed(u64 n)
{
	return 15 * (n * (n + 1) * (2 * n + 1) / 6);
}

static void kernel_interrupted(void)
{
	u64 n = 20000 + test_random() % 1000;
	struct frame f;

	interrupt_again_and_again();
	for (unsigned i = 0; i < 100 && handler_count[VEC_TIMER] < 3; i++) {
		sti();
		catch_asm(&f, compute, n);
		cli();
	}
	lapic_timer_start(VEC_TIMER, 0, false);
	CHECK_EQ(f.gpr[GPR_RAX], computed(n));
	CHECK(handler_count[VEC_TIMER] >= 3);
}

static void user_interrupted(void)
{
	u64 n = 20000 + test_random() % 1000;
	struct user u = USER(user_compute, .gpr[GPR_RDI] = n, .rflags = RFLAGS_IF);

	interrupt_again_and_again();
	for (unsigned i = 0; i < 100 && handler_count[VEC_TIMER] < 3; i++)
		if (user_run(&u) != VEC_USER_EXIT)
			break;
	lapic_timer_start(VEC_TIMER, 0, false);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[GPR_RAX], computed(n));
	CHECK(handler_count[VEC_TIMER] >= 3);
}

/* User code that only an interrupt's handler can end: the handler writes what it waits for. */
CODE(user_wait, "1: pause; mov (%rdi), %rax; test %rax, %rax; jz 1b; int $0x80");

static u64 wake_value;

static bool wake_user(struct frame *f)
{
	seen = *f;
	memcpy(user_data_pages, &wake_value, sizeof(wake_value));
	return handler_count_irq(f);
}

static void user_woken(void)
{
	struct user u = USER(user_wait, .gpr[GPR_RDI] = USER_DATA, .rflags = RFLAGS_IF);

	wake_value = test_random() | 1;
	handler_set(VEC_TIMER, wake_user);
	lapic_timer_start(VEC_TIMER, apic_ticks_us(500), false);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[GPR_RAX], wake_value);
	CHECK_EQ(handler_count[VEC_TIMER], 1);
	CHECK_EQ(seen.cs, SEL_USER_CODE);
	CHECK_EQ(seen.ss, SEL_USER_DATA);
	CHECK_EQ(seen.rflags & RFLAGS_IF, RFLAGS_IF);
}

/* In user mode with IF = 0, which only the kernel can give, nothing comes. */
static void user_if_clear(void)
{
	struct user u = USER(user_compute, .gpr[GPR_RDI] = 100);

	handler_set(VEC_TIMER, handler_count_irq);
	lapic_send_self(VEC_TIMER);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(handler_count[VEC_TIMER], 0);
	u.rflags = RFLAGS_IF;
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(handler_count[VEC_TIMER], 1);
	CHECK_EQ(u.frame.gpr[GPR_RAX], computed(100));
}

/* A repeated string instruction is interrupted between iterations and goes on. */
CODE(copy_loop, "mov %rdi, %rsi; lea 0x100000(%rdi), %rdi; mov $0x20000, %ecx; sti; rep movsb; cli; ret");
#define COPY_DISTANCE 0x100000
#define COPY_SIZE     0x20000

static void rep_interrupted(void)
{
	u8 *area = page_alloc_2m(0);
	struct frame f;

	for (unsigned i = 0; i < COPY_SIZE; i += sizeof(u64))
		*(u64 *)(area + i) =
			i % 512 ? *(u64 *)(area + i - 8) * 0x9e3779b97f4a7c15 + i : test_random();
	interrupt_again_and_again();
	for (unsigned i = 0; i < 50 && handler_count[VEC_TIMER] < 3; i++)
		catch_asm(&f, copy_loop, (u64)area);
	lapic_timer_start(VEC_TIMER, 0, false);
	CHECK(handler_count[VEC_TIMER] >= 3);
	CHECK_MEM(area + COPY_DISTANCE, area, COPY_SIZE);
}

const struct test irq_code_tests[] = {
	{"irq/kernel_interrupted", kernel_interrupted},
	{"irq/user_interrupted", user_interrupted},
	{"irq/user_woken", user_woken},
	{"irq/user_if_clear", user_if_clear},
	{"irq/rep_interrupted", rep_interrupted},
	{},
};
