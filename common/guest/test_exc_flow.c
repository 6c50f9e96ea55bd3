// SPDX-License-Identifier: MIT
/*
 * exc/: how exceptions are delivered: stacks, gates, exceptions during delivery and inside handlers, single
 * step and breakpoints, NMI and its blocking.
 *
 * Source: SDM vol. 3A, 6.7 "Nonmaskable Interrupt (NMI)", 6.8 "Enabling and Disabling Interrupts", 6.14
 * "Exception and Interrupt Handling in 64-bit Mode", 6.15 "Interrupt 8 - Double Fault Exception"; vol.
 * 3B, 17.3 "Debug Exceptions".
 */
#include "guest/groups.h"

static struct frame seen;
static struct frame *seen_at;
static unsigned entries;

static bool note_frame(struct frame *f)
{
	seen = *f;
	seen_at = f;
	entries++;
	return true;
}

/* ---- stacks ---- */

CODE(int_at_odd_stack,
     "mov %rsp, %rax; sub %rdi, %rsp; mov %rsp, %rsi; int $0x81; add %rdi, %rsp; mov %rsi, %rax; ret");

/* "The processor aligns the new stack to 16 bytes", and pushes SS:RSP always. SDM vol. 3A, 6.14.2. */
static void stack_alignment(void)
{
	struct frame f;

	handler_set(VEC_TEST, note_frame);
	for (unsigned i = 0; i < 16; i++) {
		catch_asm(&f, int_at_odd_stack, 16 + i);
		CHECK_EQ(seen.rsp - f.gpr[GPR_RAX], 0);
		CHECK_EQ((u64)(seen_at + 1) % 16, 0);
		CHECK_EQ((u64)(seen_at + 1) - (seen.rsp & ~15ULL), 0);
		CHECK_EQ(seen.ss, SEL_KERNEL_DATA);
	}
}

CODE(int_test, "int $0x81; ret");
CODE(user_int_test, "int $0x81; int $0x80");
_Static_assert(VEC_TEST == 0x81 && VEC_USER_EXIT == 0x80, "the code above");

static void ist_in_kernel(void)
{
	struct frame f;

	handler_set(VEC_TEST, note_frame);
	idt_set_ist(VEC_TEST, IST_TEST);
	catch_asm(&f, int_test, 0);
	CHECK_EQ((u64)(seen_at + 1) - stack_top(IST_TEST), 0);
	idt_set_ist(VEC_TEST, 0);
	catch_asm(&f, int_test, 0);
	CHECK_EQ((u64)(seen_at + 1) - (seen.rsp & ~15ULL), 0);
}

/* From ring 3: RSP0 without an IST, the IST stack with one. */
static void stack_from_user(void)
{
	struct user u = USER(user_int_test);

	handler_set(VEC_TEST, note_frame);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ((u64)(seen_at + 1) - stack_top(0), 0);
	CHECK_EQ(seen.rsp, USER_STACK);
	CHECK_EQ(seen.ss, SEL_USER_DATA);
	CHECK_EQ(seen.cs, SEL_USER_CODE);
	idt_set_ist(VEC_TEST, IST_TEST);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ((u64)(seen_at + 1) - stack_top(IST_TEST), 0);
	CHECK_EQ(seen.rsp, USER_STACK);
}

/* A change of RSP0 counts from the next entry on; it need not be reloaded. */
static void stack_rsp0_changed(void)
{
	struct user u = USER(user_int_test);
	u8 *page = page_alloc();

	handler_set(VEC_TEST, note_frame);
	tss.rsp[0] = (u64)page + PAGE_SIZE - 64;
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ((u64)(seen_at + 1) - (u64)page, PAGE_SIZE - 64);
}

/* ---- gates ---- */

CODE(int_with_if, "sti; int $0x81; cli; ret");

static u64 flags_in_handler;

/* INT VEC_STATE shows the handler's own RFLAGS without PUSHF. */
static bool note_own_flags(struct frame *f)
{
	struct frame own;

	(void)f;
	handler_set(VEC_TEST + 2, note_frame);
	asm volatile("int %0" : : "i"(VEC_TEST + 2) : "memory");
	own = seen;
	flags_in_handler = own.rflags;
	return true;
}

static void gate_types(void)
{
	struct frame f;

	handler_set(VEC_TEST, note_own_flags);
	catch_asm(&f, int_with_if, 0);
	CHECK_EQ(flags_in_handler & RFLAGS_IF, 0);
	idt[VEC_TEST].attr = SEG_ATTR_P | SYS_TYPE_TRAP_GATE;
	catch_asm(&f, int_with_if, 0);
	CHECK_EQ(flags_in_handler & RFLAGS_IF, RFLAGS_IF);
}

/* Delivery clears TF, NT and RF; the frame keeps TF and NT. */
CODE(int_with_nt, "push $0x4002; popfq; int $0x81; push $2; popfq; ret");

static void gate_clears_nt(void)
{
	struct frame f;

	handler_set(VEC_TEST, note_own_flags);
	catch_asm(&f, int_with_nt, 0);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(flags_in_handler & (RFLAGS_NT | RFLAGS_TF | RFLAGS_RF), 0);
}

/* ---- exceptions in handlers, and during delivery ---- */

CODE(ud2_code, "ud2; ret");
CODE(read_by_rdi, "mov (%rdi), %rax; ret");

static bool skip_ud2(struct frame *f)
{
	struct frame inner;

	catch_asm(&inner, read_by_rdi, TEST_BASE);
	seen = inner;
	f->rip += 2;
	return true;
}

static void fault_in_handler(void)
{
	struct frame f;

	handler_set(VEC_UD, skip_ud2);
	catch_asm(&f, ud2_code, 0);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(seen.vector, VEC_PF);
	CHECK_EQ(seen.cr2, TEST_BASE);
}

static u64 nest_bottom;

static bool nest(struct frame *f)
{
	entries++;
	if (f->gpr[GPR_RDI] > 1) {
		struct frame inner;

		catch_asm(&inner, ud2_code, f->gpr[GPR_RDI] - 1);
		f->gpr[GPR_RAX] = inner.gpr[GPR_RAX] + f->gpr[GPR_RDI];
	} else {
		f->gpr[GPR_RAX] = nest_bottom;
	}
	f->rip += 2;
	return true;
}

/* Exceptions ten deep, each in the handler of the one before. */
static void nested(void)
{
	struct frame f;

	entries = 0;
	nest_bottom = test_random();
	handler_set(VEC_UD, nest);
	catch_asm(&f, ud2_code, 10);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(entries, 10);
	CHECK_EQ(f.gpr[GPR_RAX], 54 + nest_bottom);
}

/* #UD is benign: what fails in its delivery is reported alone, with EXT, for it was no INT n. SDM vol.
 * 3A, 6.13 and table 6-5. */
static void benign_then_np(void)
{
	struct frame f;

	idt[VEC_UD].attr &= (u8)~SEG_ATTR_P;
	catch_asm(&f, ud2_code, 0);
	CHECK_EQ(f.vector, VEC_NP);
	CHECK_EQ(f.error, VEC_UD * 8 + SEL_ERROR_IDT + SEL_ERROR_EXT);
	CHECK_EQ(f.rip - (u64)ud2_code, 0);
}

/* Two contributory exceptions: #GP, and #NP in its delivery. */
static void df_contributory(void)
{
	struct frame f;

	idt[VEC_GP].attr &= (u8)~SEG_ATTR_P;
	catch_asm(&f, read_by_rdi, BIT(47));
	CHECK_EQ(f.vector, VEC_DF);
	CHECK_EQ(f.error, 0);
}

/* A page fault, and #NP in its delivery. */
static void df_page_fault(void)
{
	struct frame f;

	idt[VEC_PF].attr &= (u8)~SEG_ATTR_P;
	catch_asm(&f, read_by_rdi, TEST_BASE);
	CHECK_EQ(f.vector, VEC_DF);
	CHECK_EQ(f.error, 0);
}

/* A stack that is not there: #UD cannot be pushed, nor can the #PF of that; #DF has a stack of its own. */
CODE(ud2_without_stack, "mov %rdi, %rsp; ud2");

static void df_stack(void)
{
	struct frame f;

	catch_asm(&f, ud2_without_stack, TEST_BASE + PAGE_SIZE);
	CHECK_EQ(f.vector, VEC_DF);
	CHECK_EQ(f.error, 0);
	CHECK_EQ(f.rsp, TEST_BASE + PAGE_SIZE);
	CHECK_EQ(read_cr2() & ~(u64)(PAGE_SIZE - 1), TEST_BASE);
}

/* A fault after contributory ones is serial when the first has been delivered. */
static bool gp_then_pf(struct frame *f)
{
	struct frame inner;

	catch_asm(&inner, read_by_rdi, TEST_BASE);
	seen = inner;
	f->gpr[GPR_RDI] = (u64)&entries & ~7ULL;
	return true;
}

static void serial_faults(void)
{
	struct frame f;

	handler_set(VEC_GP, gp_then_pf);
	catch_asm(&f, read_by_rdi, BIT(47));
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(seen.vector, VEC_PF);
}

/* ---- single step ---- */

#define MAX_STEPS 32
static u64 steps[MAX_STEPS];
static unsigned step_count;
static u64 step_dr6;

static bool note_step(struct frame *f)
{
	if (step_count < MAX_STEPS)
		steps[step_count] = f->rip;
	step_count++;
	step_dr6 = read_dr6();
	write_dr6(DR6_RESERVED);
	return true;
}

/* TF from the POPF on: a #DB after each instruction that follows it; the last is the POPF that clears TF (it
 * is still stepped). */
CODE(step_code, "push $0x102; popfq; nop; inc %eax; xor %eax, %eax; cpuid; push $2; popfq; ret");
static const u8 step_ends[] = {7, 9, 11, 13, 15, 16};

static void single_step(void)
{
	struct frame f;

	step_count = 0;
	handler_set(VEC_DB, note_step);
	catch_asm(&f, step_code, 0);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(step_count, ARRAY_SIZE(step_ends));
	for (unsigned i = 0; i < ARRAY_SIZE(step_ends); i++)
		CHECK_EQ(steps[i] - (u64)step_code, step_ends[i]);
	CHECK_EQ(step_dr6, DR6_RESERVED | DR6_BS);
}

/* The interrupt's handler is not stepped, and stepping goes on behind INT. */
CODE(step_int, "push $0x102; popfq; nop; int $0x81; nop; push $2; popfq; ret");
static const u8 step_int_ends[] = {7, 10, 12, 13};

static void single_step_int(void)
{
	struct frame f;

	step_count = 0;
	handler_set(VEC_DB, note_step);
	handler_set(VEC_TEST, note_frame);
	catch_asm(&f, step_int, 0);
	CHECK_EQ(seen.rflags & RFLAGS_TF, RFLAGS_TF);
	CHECK_EQ(step_count, ARRAY_SIZE(step_int_ends));
	for (unsigned i = 0; i < ARRAY_SIZE(step_int_ends); i++)
		CHECK_EQ(steps[i] - (u64)step_int, step_int_ends[i]);
}

/* A repeated string instruction is stepped once for each iteration. */
CODE(step_rep, "mov %rdi, %rsi; mov $5, %ecx; push $0x102; popfq; rep movsb; push $2; popfq; ret");
#define STEP_REP_AT 14

static void single_step_rep(void)
{
	struct frame f;

	step_count = 0;
	handler_set(VEC_DB, note_step);
	catch_asm(&f, step_rep, (u64)page_alloc());
	CHECK_EQ(step_count, 4 + 1 + 2);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(steps[i] - (u64)step_rep, STEP_REP_AT);
	CHECK_EQ(steps[4] - (u64)step_rep, STEP_REP_AT + 2);
}

/* MOV to SS holds off #DB for one instruction. SDM vol. 3A, 6.8.3. */
CODE(step_mov_ss, "mov $0x10, %eax; push $0x102; popfq; mov %eax, %ss; nop; nop; push $2; popfq; ret");
static const u8 step_mov_ss_ends[] = {14, 15, 17, 18};

static void single_step_mov_ss(void)
{
	struct frame f;

	step_count = 0;
	handler_set(VEC_DB, note_step);
	catch_asm(&f, step_mov_ss, 0);
	CHECK_EQ(step_count, ARRAY_SIZE(step_mov_ss_ends));
	for (unsigned i = 0; i < ARRAY_SIZE(step_mov_ss_ends); i++)
		CHECK_EQ(steps[i] - (u64)step_mov_ss, step_mov_ss_ends[i]);
}

CODE(user_three, "nop; inc %eax; int $0x80");

static void single_step_user(void)
{
	struct user u = USER(user_three, .rflags = RFLAGS_TF);

	step_count = 0;
	handler_set(VEC_DB, note_step);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(step_count, 2);
	CHECK_EQ(steps[0], USER_CODE + 1);
	CHECK_EQ(steps[1], USER_CODE + 3);
	CHECK_EQ(u.frame.rflags & RFLAGS_TF, RFLAGS_TF);
}

/* ---- breakpoints ---- */

#define DR7_G0     0x2
#define DR7_G1     0x8
#define DR7_RW0_W  0x00010000 /* data writes */
#define DR7_RW0_RW 0x00030000
#define DR7_LEN0_4 0x000c0000
#define DR7_RW1_W  0x00100000
#define DR6_B1     0x2

CODE(three_nops, "nop; nop; nop; ret");

/* An instruction breakpoint is a fault; RF in the frame lets the instruction run. */
static bool note_and_resume(struct frame *f)
{
	note_step(f);
	f->rflags |= RFLAGS_RF;
	return true;
}

static void breakpoint_execute(void)
{
	struct frame f;

	step_count = 0;
	handler_set(VEC_DB, note_and_resume);
	write_dr0((u64)three_nops + 1);
	write_dr7(DR7_RESERVED | DR7_G0);
	catch_asm(&f, three_nops, 0);
	write_dr7(DR7_RESERVED);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(step_count, 1);
	CHECK_EQ(steps[0] - (u64)three_nops, 1);
	CHECK_EQ(step_dr6, DR6_RESERVED | DR6_B0);
}

CODE(write_and_read, "mov %rsi, (%rdi); nop; mov (%rdi), %rax; nop; ret");

/* A watchpoint is a trap: RIP is behind the access. */
static void watchpoint_write(void)
{
	u64 *data = page_alloc();
	struct frame f;

	step_count = 0;
	handler_set(VEC_DB, note_step);
	write_dr0((u64)data + 2);
	write_dr7(DR7_RESERVED | DR7_G0 | DR7_RW0_W);
	catch_asm(&f, write_and_read, (u64)data);
	write_dr7(DR7_RESERVED);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(step_count, 1);
	CHECK_EQ(steps[0] - (u64)write_and_read, 3);
	CHECK_EQ(step_dr6 & 0xf, DR6_B0);
}

static void watchpoint_access(void)
{
	u64 *data = page_alloc();
	struct frame f;

	step_count = 0;
	handler_set(VEC_DB, note_step);
	write_dr0((u64)data + 4);
	write_dr1((u64)data + 16); /* not touched */
	write_dr7(DR7_RESERVED | DR7_G0 | DR7_RW0_RW | DR7_LEN0_4 | DR7_G1 | DR7_RW1_W);
	catch_asm(&f, write_and_read, (u64)data);
	write_dr7(DR7_RESERVED);
	CHECK_EQ(step_count, 2);
	CHECK_EQ(steps[0] - (u64)write_and_read, 3);
	CHECK_EQ(steps[1] - (u64)write_and_read, 7);
	CHECK_EQ(step_dr6 & (DR6_B0 | DR6_B1), DR6_B0);
}

/* INT1 is a trap without a cause in DR6. SDM vol. 2A, "INT n/INTO/INT3/INT1". */
CODE(int1_code, ".byte 0xf1; ret");

static void int1(void)
{
	struct frame f;

	catch_asm(&f, int1_code, 0);
	CHECK_EQ(f.vector, VEC_DB);
	CHECK_EQ(f.rip - (u64)int1_code, 1);
	CHECK_EQ(read_dr6(), DR6_RESERVED);
}

/* ---- NMI ---- */

static volatile unsigned nmis, nmis_before_iret;

static bool count_nmi(struct frame *f)
{
	(void)f;
	nmis++;
	return true;
}

static void nmi(void)
{
	nmis = 0;
	handler_set(VEC_NMI, count_nmi);
	lapic_send_nmi();
	WAIT_FOR(nmis, 1000);
	CHECK_EQ(nmis, 1); /* although IF is 0 */
	lapic_send_nmi();
	WAIT_FOR(nmis > 1, 1000);
	CHECK_EQ(nmis, 2);
}

/* A second NMI inside the handler waits for the handler's IRET. */
static bool send_second_nmi(struct frame *f)
{
	(void)f;
	if (++nmis == 1) {
		lapic_send_nmi();
		WAIT_FOR(nmis > 1, 20);
		nmis_before_iret = nmis;
	}
	return true;
}

static void nmi_blocked_until_iret(void)
{
	nmis = 0;
	handler_set(VEC_NMI, send_second_nmi);
	lapic_send_nmi();
	WAIT_FOR(nmis > 1, 1000);
	CHECK_EQ(nmis_before_iret, 1);
	CHECK_EQ(nmis, 2);
}

CODE(user_spin, "1: pause; jmp 1b");

static bool end_user_spin(struct frame *f)
{
	nmis++;
	seen = *f;
	return false; /* to user_run() */
}

static bool send_nmi_to_user(struct frame *f)
{
	handler_count[f->vector]++;
	lapic_send_nmi();
	lapic_eoi();
	return true;
}

static void nmi_in_user(void)
{
	struct user u = USER(user_spin, .rflags = RFLAGS_IF);

	nmis = 0;
	handler_set(VEC_NMI, end_user_spin);
	handler_set(VEC_TEST, send_nmi_to_user);
	lapic_send_self(VEC_TEST);
	CHECK_EQ(user_run(&u), VEC_NMI);
	CHECK_EQ(handler_count[VEC_TEST], 1);
	CHECK_EQ(nmis, 1);
}

const struct test exc_flow_tests[] = {
	{"exc/stack_alignment", stack_alignment},
	{"exc/ist_in_kernel", ist_in_kernel},
	{"exc/stack_from_user", stack_from_user},
	{"exc/stack_rsp0_changed", stack_rsp0_changed},
	{"exc/gate_types", gate_types},
	{"exc/gate_clears_nt", gate_clears_nt},
	{"exc/fault_in_handler", fault_in_handler},
	{"exc/nested", nested},
	{"exc/benign_then_np", benign_then_np},
	{"exc/df_contributory", df_contributory},
	{"exc/df_page_fault", df_page_fault},
	{"exc/df_stack", df_stack},
	{"exc/serial_faults", serial_faults},
	{"exc/single_step", single_step},
	{"exc/single_step_int", single_step_int},
	{"exc/single_step_rep", single_step_rep},
	{"exc/single_step_mov_ss", single_step_mov_ss},
	{"exc/single_step_user", single_step_user},
	{"exc/breakpoint_execute", breakpoint_execute},
	{"exc/watchpoint_write", watchpoint_write},
	{"exc/watchpoint_access", watchpoint_access},
	{"exc/int1", int1},
	{"exc/nmi", nmi},
	{"exc/nmi_blocked_until_iret", nmi_blocked_until_iret},
	{"exc/nmi_in_user", nmi_in_user},
	{},
};
