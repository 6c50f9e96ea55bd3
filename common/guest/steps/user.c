// SPDX-License-Identifier: MIT
/*
 * User mode: one page of code, no stack. Three ways to cross the border, a step for each: IRET and INT,
 * SYSCALL, SYSRET. Source: SDM vol. 3A, 5.8.7.1 "SYSCALL and SYSRET in 64-Bit Mode"; 6.14.4 "Stack Switching
 * in IA-32e Mode".
 */
#include "guest/steps/steps.h"
#include "lib/string.h"

#define RSP_ANY          0x7ffffffffff8 /* no stack is there, and none is used */
#define STAR_SYSCALL(cs) ((u64)(cs) << 32)
#define STAR_SYSRET(cs)  ((u64)(cs) << 48)

CODE(user_int, "lea 5(%rax), %rax; int $0x80; 1: jmp 1b");
CODE(user_syscall, "lea 7(%rax), %rax; syscall; 1: jmp 1b");
_Static_assert(VEC_USER_EXIT == 0x80, "the user code above");
#define LEA_LENGTH     4
#define INT_LENGTH     2
#define SYSCALL_LENGTH 2

static _Alignas(16) u8 kernel_stack[STACK_SIZE];
static struct iret_frame seen;
static volatile u64 frame_end;

HANDLER void leave_user(volatile struct iret_frame *f)
{
	seen = *f;
	frame_end = (u64)(f + 1);
	step_return_here(f);
}

HANDLER void look(volatile struct iret_frame *f)
{
	seen = *f;
}

/* User code at STEP_GVA, a GDT and a TSS, and INT 0x80 for the way back. Gives the old CR3. */
static u64 prepare(const u8 *code, size_t size)
{
	u64 old = read_cr3();

	seen = (struct iret_frame){0};
	step_mask_irqs();
	memcpy(step_page[0], code, size);
	write_cr3(step_tables(0, (u64)step_page[0] | PTE_P | PTE_U));
	step_load_tss((u64)kernel_stack + sizeof(kernel_stack));
	step_set_gate(VEC_USER_EXIT, leave_user, SYS_TYPE_INTR_GATE, 3);
	return old;
}

static void enable_syscall(void)
{
	wrmsr(MSR_STAR, STAR_SYSCALL(SEL_KERNEL_CODE) | STAR_SYSRET(SEL_USER_CODE32));
	wrmsr(MSR_LSTAR, (u64)step_syscall_entry);
	wrmsr(MSR_FMASK, RFLAGS_IF);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
}

/*
 * step/user. IRET to ring 3, and INT 0x80 back.
 *
 * The hypervisor has to run user code, on a page that has the U bit. The INT goes to the stack that TSS.RSP0
 * names; CS in its frame says that the code ran in ring 3.
 */
static void step_user(void)
{
	u64 old = prepare(user_int, CODE_SIZE(user_int)), value = test_random();
	struct iret_frame f = {STEP_GVA, SEL_USER_CODE, (value & RFLAGS_ARITHMETIC) | RFLAGS_RESERVED1,
			       value & RSP_ANY, SEL_USER_DATA};

	CHECK_EQ(step_iret_to(&f, value), value + 5);
	write_cr3(old);
	CHECK_EQ(seen.rip, STEP_GVA + LEA_LENGTH + INT_LENGTH);
	CHECK_EQ(seen.cs, SEL_USER_CODE);
	CHECK_EQ(seen.rflags & (RFLAGS_ARITHMETIC | RFLAGS_IF), value & RFLAGS_ARITHMETIC);
	CHECK_EQ(seen.rsp, f.rsp);
	CHECK_EQ(seen.ss, SEL_USER_DATA);
	CHECK_EQ(frame_end - (u64)kernel_stack, sizeof(kernel_stack));
}

/*
 * step/syscall. SYSCALL goes to LSTAR: RIP to RCX, RFLAGS to R11, the flags of FMASK cleared, CS and SS from
 * STAR. No stack is switched. SDM vol. 2B, "SYSCALL".
 *
 * The kernel's CS, SS and IF show in the frame of an INT. User mode is entered with IF set and with IF clear:
 * R11 has the guest's flag.
 */
static void step_syscall(void)
{
	u64 old = prepare(user_syscall, CODE_SIZE(user_syscall)), value = test_random();

	enable_syscall();
	step_set_gate(VEC_TEST, look, SYS_TYPE_INTR_GATE, 0);
	for (u64 flag = 0; flag <= RFLAGS_IF; flag += RFLAGS_IF) {
		struct iret_frame f = {STEP_GVA, SEL_USER_CODE, flag | RFLAGS_RESERVED1, value & RSP_ANY,
				       SEL_USER_DATA};

		CHECK_EQ(step_iret_to(&f, value), value + 7);
		CHECK_EQ(step_syscall_rcx, STEP_GVA + LEA_LENGTH + SYSCALL_LENGTH);
		CHECK_EQ(step_syscall_r11 & RFLAGS_IF, flag);
		CHECK_EQ(seen.cs, SEL_KERNEL_CODE);
		CHECK_EQ(seen.ss, SEL_KERNEL_DATA);
		CHECK_EQ(seen.rflags & RFLAGS_IF, 0);
	}
	write_cr3(old);
}

/*
 * step/sysret. SYSRET goes to ring 3: RIP from RCX, RFLAGS from R11, CS and SS from STAR. SDM vol. 2B,
 * "SYSRET".
 */
static void step_sysret(void)
{
	u64 old = prepare(user_int, CODE_SIZE(user_int)), value = test_random(), rsp = value & RSP_ANY;

	enable_syscall();
	CHECK_EQ(step_sysret_to(STEP_GVA, (value & RFLAGS_ARITHMETIC) | RFLAGS_IF, rsp, value), value + 5);
	write_cr3(old);
	CHECK_EQ(seen.rip, STEP_GVA + LEA_LENGTH + INT_LENGTH);
	CHECK_EQ(seen.cs, SEL_USER_CODE);
	CHECK_EQ(seen.rflags & (RFLAGS_ARITHMETIC | RFLAGS_IF), (value & RFLAGS_ARITHMETIC) | RFLAGS_IF);
	CHECK_EQ(seen.rsp, rsp);
	CHECK_EQ(seen.ss, SEL_USER_DATA);
}

const struct test steps_user[] = {
	{"step/user", step_user},
	{"step/syscall", step_syscall},
	{"step/sysret", step_sysret},
	{},
};
