// SPDX-License-Identifier: MIT
/*
 * user/: the ways from ring 3 into the kernel and back: INT, SYSCALL, SYSRET, IRET, call gates; the stack,
 * the selectors and the flags that each of them leaves. In 64-bit and in compatibility mode.
 *
 * Source: SDM vol. 3A, 6.12.1 "Exception- or Interrupt-Handler Procedures", 6.14 "Exception and Interrupt
 * Handling in 64-bit Mode", 5.8.8 "Fast System Calls in 64-Bit Mode"; vol. 2B, "SYSCALL", "SYSRET".
 */
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

/* Flags that any program may have, and that do nothing to the code of these tests. */
#define PLAIN_FLAGS  (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_ID)

#define OPCODE_INT   0xcd
#define INT_SIZE     2
#define SYSCALL_SIZE 2

CODE(int_twice, "int $0x81\n int $0x80");
_Static_assert(VEC_TEST == 0x81, "the code above");

static struct frame seen;
static u64 seen_stack; /* where the CPU began to push */

static bool capture(struct frame *f)
{
	seen = *f;
	seen_stack = (u64)(f + 1);
	return true;
}

static struct user random_user(const u8 *code, size_t size)
{
	struct user u = {.code = code, .size = size};

	for (unsigned i = 0; i < ARRAY_SIZE(u.gpr); i++)
		u.gpr[i] = test_random();
	u.gpr[GPR_RSP] = 0;
	u.rflags = (test_random() & PLAIN_FLAGS) | RFLAGS_IF;
	return u;
}

static void check_registers(const struct frame *f, const struct user *u)
{
	for (unsigned i = 0; i < ARRAY_SIZE(u->gpr); i++)
		if (i != GPR_RSP)
			CHECK_EQ(f->gpr[i], u->gpr[i]);
}

/* INT from ring 3: stack of RSP0, all of the interrupted program in the frame; after IRETQ it goes on as if
 * nothing had been. */
static void int_gate(void)
{
	struct user u = random_user(int_twice, CODE_SIZE(int_twice));

	handler_set(VEC_TEST, capture);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(seen_stack - tss.rsp[0], 0);
	CHECK_EQ(seen.rip, USER_CODE + INT_SIZE);
	CHECK_EQ(seen.cs, SEL_USER_CODE);
	CHECK_EQ(seen.rflags, u.rflags | RFLAGS_RESERVED1);
	CHECK_EQ(seen.rsp, USER_STACK);
	CHECK_EQ(seen.ss, SEL_USER_DATA);
	check_registers(&seen, &u);
	CHECK_EQ(u.frame.rip, USER_CODE + 2 * INT_SIZE);
	CHECK_EQ(u.frame.rflags, u.rflags | RFLAGS_RESERVED1);
	check_registers(&u.frame, &u);
}

/* RSP0 is read at each delivery, and aligned down to 16 bytes. */
static void rsp0(void)
{
	struct user u = USER(int_twice);
	u64 top = (u64)page_alloc() + PAGE_SIZE;

	page_alloc();
	handler_set(VEC_TEST, capture);
	for (unsigned below = 0; below < 64; below += 24) {
		tss.rsp[0] = top - below;
		CHECK_EQ(user_run(&u), VEC_USER_EXIT);
		CHECK_EQ(top - seen_stack, ALIGN_UP(below, 16));
	}
}

static void int_ist(void)
{
	struct user u = USER(int_twice);

	handler_set(VEC_TEST, capture);
	idt_set_ist(VEC_TEST, IST_TEST);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(seen_stack - stack_top(IST_TEST), 0);
	CHECK_EQ(seen.rsp, USER_STACK);
	idt_set_ist(VEC_TEST, 0);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(seen_stack - stack_top(0), 0);
}

/* "#GP if the DPL of the gate is less than the CPL" for INT n; the error code names the gate. RIP is the
 * INT's. */
static void gate_dpl(void)
{
	u8 code[INT_SIZE] = {OPCODE_INT};
	struct user u = {.code = code, .size = sizeof(code)};
	u8 vectors[10] = {VEC_DE, VEC_NMI, VEC_GP, VEC_PF, VEC_PIC, 0xff};

	for (unsigned i = 6; i < ARRAY_SIZE(vectors); i++)
		vectors[i] = (u8)(VEC_TEST + 1 + test_random() % (0xff - VEC_TEST));
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		code[1] = vectors[i];
		user_run(&u);
		CHECK_FAULT(&u.frame, VEC_GP, vectors[i] * 8 + SEL_ERROR_IDT);
		CHECK_EQ(u.frame.rip, USER_CODE);
	}
}

CODE(int3, "int3\n int $0x80");

static void int3_dpl(void)
{
	struct user u = USER(int3);

	CHECK_EQ(user_run(&u), VEC_BP);
	CHECK_EQ(u.frame.rip, USER_CODE + 1);
	idt_set_dpl(VEC_BP, 0);
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_GP, VEC_BP * 8 + SEL_ERROR_IDT);
	CHECK_EQ(u.frame.rip, USER_CODE);
}

/* ---- SYSCALL and SYSRET ---- */

CODE(user_syscall, "syscall\n ud2");
/* In the place of the harness's entry: INT shows the state right after SYSCALL, on a stack of its own. */
CODE(entry_shows_state, "int $0x81\n ud2");

static void enter_by_int(void)
{
	idt_set_ist(VEC_TEST, IST_TEST);
	wrmsr(MSR_LSTAR, (u64)entry_shows_state);
}

static void leave_by_harness(u64 lstar, u64 fmask)
{
	wrmsr(MSR_LSTAR, lstar);
	wrmsr(MSR_FMASK, fmask);
}

/* RCX and R11 hold RIP and RFLAGS; FMASK clears what it has; RSP stays the user's. */
static void check_syscall(u64 flags)
{
	u64 lstar = rdmsr(MSR_LSTAR), fmask = rdmsr(MSR_FMASK);

	enter_by_int();
	for (unsigned i = 0; i < 6; i++) {
		struct user u = random_user(user_syscall, CODE_SIZE(user_syscall));
		u64 mask = (test_random() & flags) | RFLAGS_IF;

		u.rflags = (test_random() & flags) | RFLAGS_IF;
		wrmsr(MSR_FMASK, mask);
		CHECK_EQ(user_run(&u), VEC_TEST);
		CHECK_EQ(u.frame.rip - (u64)entry_shows_state, INT_SIZE);
		CHECK_EQ(u.frame.cs, SEL_KERNEL_CODE);
		CHECK_EQ(u.frame.ss, SEL_KERNEL_DATA);
		CHECK_EQ(u.frame.rsp, USER_STACK);
		CHECK_EQ(u.frame.rflags, (u.rflags & ~mask) | RFLAGS_RESERVED1);
		CHECK_EQ(u.frame.gpr[GPR_RCX], USER_CODE + SYSCALL_SIZE);
		CHECK_EQ(u.frame.gpr[11], u.rflags | RFLAGS_RESERVED1);
		u.gpr[GPR_RCX] = u.frame.gpr[GPR_RCX];
		u.gpr[11] = u.frame.gpr[11];
		check_registers(&u.frame, &u);
	}
	leave_by_harness(lstar, fmask);
}

static void syscall_state(void)
{
	check_syscall(RFLAGS_ID | RFLAGS_AC | RFLAGS_IOPL);
}

static void syscall_flags(void)
{
	check_syscall(PLAIN_FLAGS | RFLAGS_DF);
}

#define STAR_SYSCALL_SHIFT 32
#define STAR_SYSRET_SHIFT  48

/* The selectors come from STAR: CS = STAR[47:32], SS = that + 8. */
static void syscall_star(void)
{
	u64 lstar = rdmsr(MSR_LSTAR), fmask = rdmsr(MSR_FMASK), star = rdmsr(MSR_STAR);
	struct user u = USER(user_syscall);

	gdt[SEL_TEST / 8] = gdt[SEL_KERNEL_CODE / 8];
	gdt[SEL_TEST / 8 + 1] = gdt[SEL_KERNEL_DATA / 8];
	enter_by_int();
	wrmsr(MSR_STAR, (u64)SEL_TEST << STAR_SYSCALL_SHIFT);
	CHECK_EQ(user_run(&u), VEC_TEST);
	CHECK_EQ(u.frame.cs, SEL_TEST);
	CHECK_EQ(u.frame.ss, SEL_TEST + 8);
	wrmsr(MSR_STAR, star);
	leave_by_harness(lstar, fmask);
}

#define CALLS 32
CODE(sums_by_syscall, "xor %ebx, %ebx\n"
		      "mov $32, %ebp\n"
		      "1: mov %rbx, %rdi\n"
		      "syscall\n"
		      "mov %rax, %rbx\n"
		      "dec %ebp\n"
		      "jnz 1b\n"
		      "int $0x80");

static u64 call_key;

static bool syscall_mix(struct frame *f)
{
	handler_count[VEC_SYSCALL]++;
	f->gpr[GPR_RAX] = f->gpr[GPR_RDI] * 5 + call_key;
	return true;
}

/* The kernel answers, and the program goes on. */
static void syscall_answers(void)
{
	struct user u = USER(sums_by_syscall);
	u64 expected = 0;

	call_key = test_random();
	for (unsigned i = 0; i < CALLS; i++)
		expected = expected * 5 + call_key;
	handler_set(VEC_SYSCALL, syscall_mix);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[GPR_RBX], expected);
	CHECK_EQ(handler_count[VEC_SYSCALL], CALLS);
}

CODE(exits, "int $0x80");

/* CS = STAR[63:48] + 16, SS = STAR[63:48] + 8, both with RPL 3, whatever STAR says of it; RFLAGS from R11, IF
 * and IOPL included. */
static void sysret(void)
{
	struct user u = random_user(exits, CODE_SIZE(exits));

	u.sysret = true;
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.ss, SEL_USER_DATA);
	CHECK_EQ(u.frame.rip, USER_CODE + INT_SIZE);
	CHECK_EQ(u.frame.rsp, USER_STACK);
	CHECK_EQ(u.frame.rflags, u.rflags | RFLAGS_RESERVED1);
	u.rflags = RFLAGS_IOPL | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC;
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.rflags, u.rflags | RFLAGS_RESERVED1);
}

static void sysret_star(void)
{
	u64 star = rdmsr(MSR_STAR);
	struct user u = USER(exits, .sysret = true);

	gdt[SEL_TEST / 8 + 1] = gdt[SEL_USER_DATA / 8];
	gdt[SEL_TEST / 8 + 2] = gdt[SEL_USER_CODE / 8];
	wrmsr(MSR_STAR,
	      (u64)(SEL_TEST | SEL_RPL) << STAR_SYSRET_SHIFT | (u64)SEL_KERNEL_CODE << STAR_SYSCALL_SHIFT);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.cs, (SEL_TEST + 16) | SEL_RPL);
	CHECK_EQ(u.frame.ss, (SEL_TEST + 8) | SEL_RPL);
	wrmsr(MSR_STAR, star);
}

static void sysret_compat(void)
{
	struct user u = USER(exits, .sysret = true, .compat = true, .rflags = RFLAGS_CF);

	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE32);
	CHECK_EQ(u.frame.ss, SEL_USER_DATA);
	CHECK_EQ(u.frame.rflags, RFLAGS_CF | RFLAGS_RESERVED1);
}

/* ---- compatibility mode ---- */

/* 0x40 is INC here and a prefix in 64-bit code; addresses wrap at 4 GiB; a PUSH is of 4 bytes. RDI: address
 * of a word of data. */
CODE32(compat_code, "inc %eax\n"
		    "mov $-4, %esi\n"
		    "mov 4(%esi, %edi), %ebx\n"
		    "mov %esp, %ecx\n"
		    "push %eax\n"
		    "sub %esp, %ecx\n"
		    "pop %edx\n"
		    "mov %edx, 8(%edi)\n"
		    "int $0x80");

static void compat(void)
{
	struct user u = USER(compat_code, .compat = true, .gpr = {[GPR_RDI] = USER_DATA});
	u32 value = (u32)test_random(), number = (u32)test_random();

	user_map();
	*(u32 *)user_data_pages = value;
	u.gpr[GPR_RAX] = number;
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ((u32)u.frame.gpr[GPR_RAX], (u32)(number + 1));
	CHECK_EQ((u32)u.frame.gpr[GPR_RBX], value);
	CHECK_EQ((u32)u.frame.gpr[GPR_RCX], sizeof(u32));
	CHECK_EQ(*(volatile u32 *)(user_data_pages + 8), (u32)(number + 1));
}

/* INT from compatibility mode: 64-bit frame with the 32-bit program, and back into 32-bit code. */
static void compat_int(void)
{
	struct user u = USER(int_twice, .compat = true, .rflags = RFLAGS_CF | RFLAGS_IF);

	handler_set(VEC_TEST, capture);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(seen_stack - tss.rsp[0], 0);
	CHECK_EQ(seen.rip, USER_CODE + INT_SIZE);
	CHECK_EQ(seen.cs, SEL_USER_CODE32);
	CHECK_EQ(seen.rflags, RFLAGS_CF | RFLAGS_IF | RFLAGS_RESERVED1);
	CHECK_EQ(seen.rsp, USER_STACK);
	CHECK_EQ(seen.ss, SEL_USER_DATA);
	CHECK_EQ(u.frame.rip, USER_CODE + 2 * INT_SIZE);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE32);
}

/* Far jumps and a far return of the program change between the two modes. RDI: a 64-bit number to increment
 * as one. */
CODE32(changes_mode, "ljmp $0x2b, $0x400000 + 1f - changes_mode\n"
		     ".code64\n"
		     "1: inc %rax\n"
		     "mov %rax, 0x600000\n"
		     "pushq $0x1b\n"
		     "pushq $0x400000 + 2f - changes_mode\n"
		     "lretq\n"
		     ".code32\n"
		     "2: inc %eax\n"
		     "mov %eax, 0x600008\n"
		     "int $0x80");
_Static_assert(SEL_USER_CODE == 0x2b && SEL_USER_CODE32 == 0x1b && USER_CODE == 0x400000 &&
		       USER_DATA == 0x600000,
	       "");

static void compat_far_jump(void)
{
	struct user u = USER(changes_mode, .compat = true, .gpr = {[GPR_RAX] = 0x1234567});

	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(*(volatile u64 *)user_data_pages, 0x1234567 + 1);
	CHECK_EQ(*(volatile u32 *)(user_data_pages + 8), 0x1234567 + 2);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE32);
}

/* ---- within ring 3, and by a call gate ---- */

CODE(user_iret, "mov %ss, %ecx\n"
		"mov %rsp, %rdx\n"
		"push %rcx\n push %rdx\n push %rdi\n push %rsi\n"
		"lea 1f(%rip), %rax\n push %rax\n"
		"iretq\n"
		"1: int $0x80");

/* A program may return to itself, with flags that it may have; not to the kernel's segment: "#GP(selector) if
 * the RPL is less than CPL" */
static void iret_in_user(void)
{
	struct user u = USER(user_iret, .rflags = RFLAGS_IF);

	u.gpr[GPR_RDI] = RFLAGS_CF | RFLAGS_ZF | RFLAGS_IOPL; /* without IF */
	u.gpr[GPR_RSI] = SEL_USER_CODE;
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.rflags, RFLAGS_CF | RFLAGS_ZF | RFLAGS_IF | RFLAGS_RESERVED1);
	u.gpr[GPR_RSI] = SEL_KERNEL_CODE;
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_GP, SEL_KERNEL_CODE);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
}

#define CALL_GATE (SEL_TEST | SEL_RPL)
CODE(calls_gate, "push %rdi\n push $0\n lcall *4(%rsp)\n ud2");

/* A 64-bit call gate: RSP0, a null SS, and the caller's SS, RSP, CS, RIP on the stack. Without DPL 3 it is
 * #GP(selector). */
static void call_gate(void)
{
	struct user u = USER(calls_gate, .gpr = {[GPR_RDI] = CALL_GATE});
	struct gate64 gate = gate_make((u64)entry_shows_state, SEL_KERNEL_CODE, SYS_TYPE_CALL_GATE, 3, 0);
	const u64 *stack;

	memcpy(&gdt[SEL_TEST / 8], &gate, sizeof(gate));
	idt_set_ist(VEC_TEST, IST_TEST);
	CHECK_EQ(user_run(&u), VEC_TEST);
	CHECK_EQ(u.frame.cs, SEL_KERNEL_CODE);
	CHECK_EQ(u.frame.ss, 0);
	CHECK_EQ(u.frame.rsp - tss.rsp[0], -4 * sizeof(u64));
	stack = (const u64 *)tss.rsp[0] - 4;
	CHECK_EQ(stack[0], USER_CODE + CODE_SIZE(calls_gate) - 2);
	CHECK_EQ(stack[1], SEL_USER_CODE);
	CHECK_EQ(stack[2], USER_STACK - 2 * sizeof(u64));
	CHECK_EQ(stack[3], SEL_USER_DATA);

	gate = gate_make((u64)entry_shows_state, SEL_KERNEL_CODE, SYS_TYPE_CALL_GATE, 0, 0);
	memcpy(&gdt[SEL_TEST / 8], &gate, sizeof(gate));
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_GP, SEL_TEST);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
}

const struct test user_tests[] = {
	{"user/int", int_gate},
	{"user/rsp0", rsp0},
	{"user/int_ist", int_ist},
	{"user/gate_dpl", gate_dpl},
	{"user/int3_dpl", int3_dpl},
	{"user/syscall", syscall_state},
	{"user/syscall_flags", syscall_flags},
	{"user/syscall_star", syscall_star},
	{"user/syscall_answers", syscall_answers},
	{"user/sysret", sysret},
	{"user/sysret_star", sysret_star},
	{"user/sysret_compat", sysret_compat},
	{"user/compat", compat},
	{"user/compat_int", compat_int},
	{"user/compat_far_jump", compat_far_jump},
	{"user/iret", iret_in_user},
	{"user/call_gate", call_gate},
	{},
};
