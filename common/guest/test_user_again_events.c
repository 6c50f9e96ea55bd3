// SPDX-License-Identifier: MIT
/*
 * user/syscall_again_*, third part: breakpoints and what CR0 and CR4 forbid to the program, turned on between
 * two calls; and interrupts that wait for the kernel or for the program.
 *
 * Source: SDM vol. 2B, "SYSCALL", "SYSRET"; vol. 3A, 6.8.1 "Masking Maskable Hardware Interrupts", 10.8.3.1
 * "Task and Processor Priorities"; vol. 3B, 17.3.1.1 "Instruction-Breakpoint Exception Condition".
 */
#include "guest/again.h"
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

CODE(entry_again, ENTRY);
CODE(user_rounds, "1: " CALLS "nop\n dec %ebp\n jnz 1b\n int $0x80");

/* ---- control and debug registers ---- */

#define DR7_L0      0x1
#define DR7_RW_READ 0x30000 /* breakpoint condition of DR0: data reads and writes */

CODE(user_reads_tsc, "1: " CALLS "mov (%rdi), %r15\n dec %ebp\n jnz 1b\n rdtsc\n int $0x80");

static u64 cr4_set, dr0_set, dr7_set;

static void set_registers(struct frame *f)
{
	(void)f;
	if (rounds != 1)
		return;
	write_cr4(read_cr4() | cr4_set);
	write_dr0(dr0_set);
	write_dr7(DR7_RESERVED | dr7_set);
}

static void run_with_registers(struct user *u, u64 cr4, u64 dr0, u64 dr7)
{
	u64 old = read_cr4();

	user_map();
	*u = USER(user_reads_tsc, .gpr = {[GPR_RBP] = 4, [GPR_RDI] = USER_DATA}, .rflags = RFLAGS_IF);
	cr4_set = cr4;
	dr0_set = dr0;
	dr7_set = dr7;
	idt_set_ist(VEC_DB, IST_NMI);
	handler_count[VEC_DB] = 0;
	run_again(u, (u64)entry_again, set_registers);
	write_cr4(old);
	write_dr7(DR7_RESERVED);
	write_dr6(DR6_RESERVED);
	CHECK_EQ(rounds, 4);
}

/* CR4.TSD is for the program, which runs into it only after more calls. */
static void tsd(void)
{
	struct user u;

	run_with_registers(&u, CR4_TSD, 0, 0);
	CHECK_FAULT(&u.frame, VEC_GP, 0);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.rip, USER_CODE + CODE_SIZE(user_reads_tsc) - 2 * INSN_SIZE);
}

static u64 last_hit;

static bool hit(struct frame *f)
{
	handler_count[VEC_DB]++;
	last_hit = f->rip;
	f->rflags |= RFLAGS_RF;
	write_dr6(DR6_RESERVED);
	return true;
}

/* A breakpoint hits at each call, in the program, in the kernel, and at the instructions that go from one to
 * the other. Two rounds of five calls are left when the first one's INT has set it. */
static void breakpoints(void)
{
	const struct {
		gva_t gva;
		u64 flags;
		unsigned hits;
		gva_t rip;
	} points[] = {
		{(gva_t)entry_again, 0, 10, (gva_t)entry_again},
		{(gva_t)entry_again_end - SYSRET_SIZE, 0, 11, (gva_t)entry_again_end - SYSRET_SIZE},
		{USER_CODE + MOV_SIZE, 0, 10, USER_CODE + MOV_SIZE},
		{USER_CODE + MOV_SIZE + INSN_SIZE, 0, 11, USER_CODE + MOV_SIZE + INSN_SIZE},
		{USER_DATA, DR7_RW_READ, 3, 0},
	};

	handler_set(VEC_DB, hit);
	for (unsigned i = 0; i < ARRAY_SIZE(points); i++) {
		struct user u;

		run_with_registers(&u, 0, points[i].gva, DR7_L0 | points[i].flags);
		CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
		CHECK_EQ(handler_count[VEC_DB], points[i].hits);
		if (points[i].rip)
			CHECK_EQ(last_hit - points[i].rip, 0);
	}
}

CODE(user_misaligned, "1: " CALLS "dec %ebp\n jnz 1b\n mov 1(%rdi), %r15\n int $0x80");
CODE(entry_misaligned, "mov -15(%rsp), %r8\n" ENTRY);

/* CR0.AM: #AC is for the program alone, whatever AC is in the kernel. */
static void alignment(void)
{
	u64 fmask = rdmsr(MSR_FMASK), cr0 = read_cr0();

	write_cr0(cr0 | CR0_AM);
	wrmsr(MSR_FMASK, RFLAGS_IF);
	for (unsigned ac = 0; ac < 2; ac++) {
		struct user u = USER(user_misaligned, .gpr = {[GPR_RBP] = 2, [GPR_RDI] = USER_DATA});

		u.rflags = RFLAGS_IF | (ac ? RFLAGS_AC : 0);
		run_again(&u, (u64)entry_misaligned, NULL);
		CHECK_EQ(u.frame.vector, ac ? VEC_AC : VEC_USER_EXIT);
		CHECK_EQ(u.frame.cs, SEL_USER_CODE);
		CHECK_EQ(rounds, 2);
	}
	write_cr0(cr0);
	wrmsr(MSR_FMASK, fmask);
}

/* ---- interrupts ---- */

#define VEC_SENT 0xa1
#define APIC_GVA (TEST_BASE + PAGE_SIZE)

static struct frame came;

static bool note_interrupt(struct frame *f)
{
	came = *f;
	lapic_eoi();
	handler_count[VEC_SENT]++;
	return true;
}

static void watch_interrupts(void)
{
	handler_set(VEC_SENT, note_interrupt);
	idt_set_ist(VEC_SENT, IST_NMI);
	handler_count[VEC_SENT] = 0;
	memset(&came, 0, sizeof(came));
	page_map(APIC_GVA, APIC_BASE_DEFAULT, PTE_P | PTE_W | PTE_U | PTE_PCD);
}

static void send_in_second_round(struct frame *f)
{
	(void)f;
	if (rounds == 1)
		lapic_send_self(VEC_SENT);
}

/* What waits while the kernel has interrupts off comes when SYSRET lets it in: before the program does
 * anything. */
static void interrupt_at_sysret(void)
{
	struct user u = USER(user_rounds, .gpr[GPR_RBP] = 4, .rflags = RFLAGS_IF);

	watch_interrupts();
	run_again(&u, (u64)entry_again, send_in_second_round);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(handler_count[VEC_SENT], 1);
	CHECK_EQ(came.cs, SEL_USER_CODE);
	CHECK_EQ(came.rip, seen[1].gpr[GPR_RCX]);
	CHECK_EQ(came.gpr[GPR_RBX], 0);
	CHECK_EQ(came.gpr[GPR_RBP], 3);
}

/*
 * The program itself sends the interrupt to its CPU: RDI is the interrupt command register, RAX what to write
 * there. It waits for IF or for CR8, which the kernel then opens. RBX: at 0 the kernel does so.
 */
#define SEND "mov %eax, (%rdi)\n 3: mov (%rdi), %edx\n test $0x1000, %edx\n jnz 3b\n"
_Static_assert(LAPIC_ICR_PENDING == 0x1000, "the code above");
CODE(user_sends, "1: mov $4, %ebx\n 2: dec %ebx\n jnz 4f\n test %ebp, %ebp\n jnz 4f\n" SEND "4: syscall\n"
		 "test %ebx, %ebx\n jnz 2b\n dec %ebp\n jns 1b\n int $0x80");
/* Both have been executed before, with nothing that waits. */
CODE(entry_opens, "test %ebx, %ebx\n jnz 1f\n sti\n nop\n nop\n cli\n nop\n 1: sysretq");
CODE(entry_lowers, "test %ebx, %ebx\n jnz 1f\n sti\n nop\n mov %r8, %cr8\n nop\n nop\n cli\n"
		   "mov %r9, %cr8\n nop\n 1: sysretq");
#define OPENED_AT  6  /* behind the first NOP after STI */
#define LOWERED_AT 10 /* behind MOV to CR8 */

static void check_waiting(const u8 *entry, u64 flags, u64 cr8, unsigned at)
{
	struct user u = USER(user_sends, .rflags = flags);

	watch_interrupts();
	write_cr8(cr8);
	u.gpr[GPR_RBP] = 3;
	u.gpr[GPR_RAX] = LAPIC_ICR_SELF | LAPIC_ICR_ASSERT | VEC_SENT;
	u.gpr[GPR_RDI] = APIC_GVA + LAPIC_ICR_LOW;
	u.gpr[9] = cr8;
	run_again(&u, (u64)entry, NULL);
	CHECK_EQ(read_cr8(), cr8);
	write_cr8(0);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(handler_count[VEC_SENT], 1);
	CHECK_EQ(came.cs, SEL_KERNEL_CODE);
	CHECK_EQ(came.rip - (u64)entry, at);
}

static void interrupt_waits_for_if(void)
{
	check_waiting(entry_opens, 0, 0, OPENED_AT);
}

static void interrupt_waits_for_cr8(void)
{
	check_waiting(entry_lowers, RFLAGS_IF, 15, LOWERED_AT);
	check_waiting(entry_lowers, 0, VEC_SENT >> 4, LOWERED_AT);
}

/* RDI: the task priority register, which is CR8. The kernel and the program write it in turn. */
CODE(user_sets_priority, "1: mov $3, %ebx\n 2: dec %ebx\n lea (%rbx,%rbp,4), %eax\n shl $4, %eax\n"
			 "mov %eax, (%rdi)\n syscall\n mov (%rdi), %r9d\n cmp %r9d, %r10d\n jne 3f\n"
			 "test %ebx, %ebx\n jnz 2b\n dec %ebp\n jns 1b\n int $0x80\n"
			 "3: int $0x80");
CODE(entry_tells_priority, "mov %cr8, %r8\n shl $4, %r8d\n cmp %r8d, %eax\n jne 1f\n"
			   "mov %ebx, %r10d\n mov %r10, %cr8\n shl $4, %r10d\n"
			   "test %ebx, %ebx\n jz 2f\n sysretq\n 1: int $0x80\n 2: int $0x81\n sysretq");

static void priority(void)
{
	struct user u = USER(user_sets_priority, .gpr = {[GPR_RBP] = 2, [GPR_RDI] = APIC_GVA + LAPIC_TPR},
			     .rflags = RFLAGS_IF);

	watch_interrupts();
	idt_set_ist(VEC_USER_EXIT, IST_NMI);
	run_again(&u, (u64)entry_tells_priority, NULL);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.gpr[GPR_RBP], 0xffffffff);
	CHECK_EQ(rounds, 3);
	CHECK_EQ(read_cr8(), 0);
	write_cr8(0);
}

/* ---- for longer than a monitor lets one guest run ---- */

#define LONG_US 25000

static u64 deadline, kernel_calls;

/* The kernel counts in its memory, the program in R14 and in its own memory. */
static void go_on_until_late(struct frame *f)
{
	rounds = 0;
	kernel_calls++;
	if (rdtsc() < deadline)
		f->gpr[GPR_RBP] = 2;
}

CODE(user_counts, "1: " CALLS "inc %r14\n incq (%rdi)\n dec %ebp\n jnz 1b\n int $0x80");

static void calls_for_long(void)
{
	struct user u = USER(user_counts, .gpr = {[GPR_RBP] = 2, [GPR_RDI] = USER_DATA}, .rflags = RFLAGS_IF);
	u64 calls;

	kernel_calls = 0;
	deadline = deadline_us(LONG_US);
	run_again(&u, (gva_t)entry_again, go_on_until_late);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	calls = u.frame.gpr[14];
	CHECK(calls >= 2);
	CHECK(kernel_calls == calls);
	CHECK(*(u64 *)user_data_pages == calls);
}

const struct test user_again_event_tests[] = {
	{"user/syscall_again_tsd", tsd},
	{"user/syscall_again_breakpoints", breakpoints},
	{"user/syscall_again_ac", alignment},
	{"user/syscall_again_long", calls_for_long},
	{},
};

const struct test irq_again_tests[] = {
	{"irq/syscall_again", interrupt_at_sysret},
	{"irq/syscall_again_waits_for_if", interrupt_waits_for_if},
	{"irq/syscall_again_waits_for_cr8", interrupt_waits_for_cr8},
	{"irq/syscall_again_priority", priority},
	{},
};
