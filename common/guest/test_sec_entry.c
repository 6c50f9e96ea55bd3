// SPDX-License-Identifier: MIT
/*
 * sec/: hostile ways into the kernel and out of it. SYSCALL with flags that the kernel does not want, fast
 * calls from the wrong mode, returns to addresses that cannot be, debug exceptions that arrive where the
 * kernel is not ready, watchpoints on the monitor.
 *
 * Intel's and AMD's processors differ in several of these. Then the test allows what either manual says, and
 * nothing else.
 *
 * Source: SDM vol. 2B, "SYSCALL", "SYSENTER", "SYSRET"; vol. 3A, 6.8.3 "Masking Exceptions and Interrupts
 * When Switching Stacks"; APM vol. 3, "SYSCALL", "SYSENTER"; CVE-2012-0217 (SYSRET), CVE-2018-8897 (MOV SS),
 * XSA-204 (TF at SYSCALL).
 */
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

#define INSN_SIZE     2 /* INT n, SYSCALL, SYSENTER */
#define NON_CANONICAL 0x0000800000000000

CODE(user_syscall, "syscall\n ud2");
CODE(user_sysenter, "sysenter\n ud2");
CODE(user_sysexit, "sysexitl\n ud2");
CODE(entry_shows_state, "int $0x81\n ud2");
_Static_assert(VEC_TEST == 0x81, "the code above");

/* ---- flags at SYSCALL ---- */

/* Enters by SYSCALL with `flags`; FMASK clears them, and R11 tells them. */
static void check_masked(u64 flags)
{
	u64 lstar = rdmsr(MSR_LSTAR);
	struct user u = USER(user_syscall, .rflags = flags | RFLAGS_IF);

	idt_set_ist(VEC_TEST, IST_TEST);
	wrmsr(MSR_LSTAR, (u64)entry_shows_state);
	CHECK_EQ(user_run(&u), VEC_TEST);
	CHECK_EQ(u.frame.cs, SEL_KERNEL_CODE);
	CHECK_EQ(u.frame.rip - (u64)entry_shows_state, INSN_SIZE);
	CHECK_EQ(u.frame.rflags, RFLAGS_RESERVED1);
	CHECK_EQ(u.frame.gpr[11], flags | RFLAGS_IF | RFLAGS_RESERVED1);
	wrmsr(MSR_LSTAR, lstar);
}

static void syscall_nt(void)
{
	check_masked(RFLAGS_NT);
}

static void syscall_ac(void)
{
	check_masked(RFLAGS_AC);
}

static void syscall_df(void)
{
	check_masked(RFLAGS_DF);
}

/* TF counts as FMASK leaves it: the kernel is not stepped. */
static void syscall_tf(void)
{
	check_masked(RFLAGS_TF);
}

/* Without TF in FMASK the step ends at the kernel's first instruction, with the user's RSP. */
static void syscall_tf_unmasked(void)
{
	u64 fmask = rdmsr(MSR_FMASK);
	struct user u = USER(user_syscall, .rflags = RFLAGS_TF);

	idt_set_ist(VEC_DB, IST_TEST);
	wrmsr(MSR_FMASK, fmask & ~(u64)RFLAGS_TF);
	CHECK_EQ(user_run(&u), VEC_DB);
	CHECK_EQ(u.frame.cs, SEL_KERNEL_CODE);
	CHECK_EQ(u.frame.rip - rdmsr(MSR_LSTAR), 0);
	CHECK_EQ(u.frame.rsp, USER_STACK);
	CHECK_EQ(u.frame.rflags & RFLAGS_TF, RFLAGS_TF);
	CHECK_EQ(read_dr6() & DR6_BS, DR6_BS);
	wrmsr(MSR_FMASK, fmask);
}

/* ---- fast calls in the wrong mode ---- */

CODE(kernel_sysret, "xor %ecx, %ecx\n mov $2, %r11d\n sysretq");

/* EFER.SCE = 0: #UD, in ring 3 and for SYSRET in ring 0. */
static void syscall_disabled(void)
{
	struct user u = USER(user_syscall);
	u64 efer = rdmsr(MSR_EFER);
	struct frame f;

	wrmsr(MSR_EFER, efer & ~(u64)EFER_SCE);
	CHECK_EQ(user_run(&u), VEC_UD);
	CHECK_EQ(u.frame.rip, USER_CODE);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	catch_asm(&f, kernel_sysret, 0);
	CHECK_EQ(f.vector, VEC_UD);
	CHECK_EQ(f.cs, SEL_KERNEL_CODE);
	wrmsr(MSR_EFER, efer);
}

static bool is_user_fault(const struct frame *f, u64 vector, u64 cs)
{
	return f->vector == vector && f->error == 0 && f->cs == cs && f->rip == USER_CODE;
}

/* From compatibility mode: #UD (Intel), or in by CSTAR (AMD). */
static void syscall_compat(void)
{
	struct user u = USER(user_syscall, .compat = true);
	const struct frame *f = &u.frame;

	user_run(&u);
	CHECK(is_user_fault(f, VEC_UD, SEL_USER_CODE32) ||
	      (f->vector == VEC_SYSCALL32 && f->rip == USER_CODE + INSN_SIZE && f->rsp == USER_STACK));
	u = USER(user_syscall);
	CHECK_EQ(user_run(&u), VEC_SYSCALL);
}

static void set_sysenter(u64 cs, u64 esp, u64 eip)
{
	wrmsr(MSR_SYSENTER_CS, cs);
	wrmsr(MSR_SYSENTER_ESP, esp);
	wrmsr(MSR_SYSENTER_EIP, eip);
}

/* Intel: in, with CS, RSP, RIP of the MSRs. AMD: #UD in long mode. With a null selector in the MSR: #GP(0) or
 * #UD. */
static void check_sysenter(bool compat)
{
	struct user u = USER(user_sysenter, .compat = compat, .rflags = RFLAGS_IF);
	u64 cs = compat ? SEL_USER_CODE32 : SEL_USER_CODE;
	const struct frame *f = &u.frame;

	set_sysenter(SEL_KERNEL_CODE, stack_top(IST_TEST), (u64)entry_shows_state);
	idt_set_ist(VEC_TEST, IST_NMI);
	user_run(&u);
	CHECK(is_user_fault(f, VEC_UD, cs) ||
	      (f->vector == VEC_TEST && f->cs == SEL_KERNEL_CODE && f->ss == SEL_KERNEL_DATA &&
	       f->rsp == stack_top(IST_TEST) && f->rip == (u64)entry_shows_state + INSN_SIZE &&
	       !(f->rflags & RFLAGS_IF)));
	set_sysenter(0, 0, 0);
	user_run(&u);
	CHECK(is_user_fault(f, VEC_UD, cs) || is_user_fault(f, VEC_GP, cs));
}

static void sysenter_64(void)
{
	check_sysenter(false);
}

static void sysenter_compat(void)
{
	check_sysenter(true);
}

/* SYSEXIT is for the kernel: #GP(0) (Intel), #UD (AMD). */
static void sysexit(void)
{
	struct user u = USER(user_sysexit);

	for (unsigned compat = 0; compat < 2; compat++) {
		u64 cs = compat ? SEL_USER_CODE32 : SEL_USER_CODE;

		u.compat = compat;
		user_run(&u);
		CHECK(is_user_fault(&u.frame, VEC_UD, cs) || is_user_fault(&u.frame, VEC_GP, cs));
	}
}

/* ---- returns ---- */

CODE(sysret_to, "mov %rdi, %rcx\n mov $2, %r11d\n sysretq");

/* To an RCX that is not canonical: #GP(0) in ring 0 at the SYSRET (Intel), or in ring 3 at the target (AMD).
 * The kernel goes on. */
static void sysret_non_canonical(void)
{
	static const gva_t targets[] = {NON_CANONICAL, 0x8000000000000000, 0xffff7fffffffffff};

	for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) {
		struct frame f;

		catch_asm(&f, sysret_to, targets[i]);
		CHECK_FAULT(&f, VEC_GP, 0);
		CHECK((f.cs == SEL_KERNEL_CODE && f.rip > (u64)sysret_to && f.rip < (u64)sysret_to_end) ||
		      (f.cs == SEL_USER_CODE && f.rip == targets[i]));
	}
}

CODE(iret_to, "mov %rsp, %rax\n"
	      "pushq $0x10\n"
	      "push %rax\n"
	      "pushq $2\n"
	      "pushq $0x08\n"
	      "push %rdi\n"
	      "iretq");
_Static_assert(SEL_KERNEL_CODE == 0x08 && SEL_KERNEL_DATA == 0x10, "the code above");

static void iret_non_canonical(void)
{
	struct frame f;

	catch_asm(&f, iret_to, NON_CANONICAL);
	CHECK_FAULT(&f, VEC_GP, 0);
	CHECK_EQ(f.cs, SEL_KERNEL_CODE);
	CHECK(f.rip == (u64)iret_to_end - INSN_SIZE || f.rip == NON_CANONICAL);
}

CODE(iret_with_nt, "pushfq\n orl $0x4000, (%rsp)\n popfq\n lea 1f(%rip), %rdi\n jmp iret_to\n 1: ret");
_Static_assert(RFLAGS_NT == 0x4000, "the code above");

/* There are no tasks to return to in IA-32e mode: IRETQ with NT = 1 is #GP(0). */
static void iret_nt(void)
{
	struct frame f;

	catch_asm(&f, iret_with_nt, 0);
	CHECK_FAULT(&f, VEC_GP, 0);
	CHECK_EQ(f.rip - (u64)iret_to_end, -INSN_SIZE);
	CHECK_EQ(f.rflags & RFLAGS_NT, RFLAGS_NT);
}

/* ---- debug exceptions that arrive late ---- */

#define DR7_L0           0x1
#define DR7_RW           0x3 /* breakpoint condition: data reads and writes */
#define DR7_LEN2         0x1
#define DR7_LEN8         0x2
#define DR7_RW_SHIFT(n)  (16 + 4 * (n))
#define DR7_LEN_SHIFT(n) (18 + 4 * (n))

static struct frame debug_frame;
static u64 debug_dr6;

static bool debug_seen(struct frame *f)
{
	debug_frame = *f;
	debug_dr6 = read_dr6();
	write_dr6(DR6_RESERVED);
	handler_count[VEC_DB]++;
	return true;
}

CODE(mov_ss_int, "mov (%rdi), %ss\n int $0x80");
CODE(mov_ss_syscall, "mov (%rdi), %ss\n syscall");

/*
 * A watchpoint that MOV SS hits is held back until the next instruction is done. When that one enters the
 * kernel, #DB arrives in ring 0 before the first instruction of the handler, on the stack that its gate
 * names. Whatever comes, the entry then goes on as always.
 */
static void run_mov_ss(struct user *u, u64 vector)
{
	user_map();
	*(u16 *)user_data_pages = SEL_USER_DATA;
	u->gpr[GPR_RDI] = USER_DATA;
	handler_set(VEC_DB, debug_seen);
	idt_set_ist(VEC_DB, IST_TEST);
	write_dr0(USER_DATA);
	write_dr7(DR7_RESERVED | DR7_L0 | DR7_RW << DR7_RW_SHIFT(0) | DR7_LEN2 << DR7_LEN_SHIFT(0));
	user_run(u);
	write_dr7(DR7_RESERVED);
	CHECK_EQ(u->frame.vector, vector);
	CHECK_EQ(u->frame.cs, SEL_USER_CODE);
	CHECK_EQ(u->frame.rsp, USER_STACK);
	CHECK(handler_count[VEC_DB] <= 1);
}

/* INT: the manuals say what comes, but no emulator does it. What must not happen is that anything breaks. */
static void mov_ss_before_int(void)
{
	struct user u = USER(mov_ss_int);

	run_mov_ss(&u, VEC_USER_EXIT);
	CHECK(!handler_count[VEC_DB] || (debug_dr6 & DR6_B0));
	CHECK(!handler_count[VEC_DB] || debug_frame.cs == SEL_USER_CODE ||
	      debug_frame.rip == gate_offset(&idt[VEC_USER_EXIT]));
}

static void mov_ss_before_syscall(void)
{
	struct user u = USER(mov_ss_syscall);

	run_mov_ss(&u, VEC_SYSCALL);
	CHECK_EQ(handler_count[VEC_DB], 1);
	CHECK_EQ(debug_dr6 & DR6_B0, DR6_B0);
	CHECK_EQ(debug_frame.cs, SEL_KERNEL_CODE);
	CHECK_EQ(debug_frame.rip - rdmsr(MSR_LSTAR), 0);
}

#define MONITOR_BASE ((gva_t)0xffff800000000000)

/* Watchpoints on the monitor's addresses: what the monitor does for this guest must not be told to it, and
 * must not stop the CPU. */
static void watch_monitor(void)
{
	struct user u = USER(user_syscall);
	u64 dr7 = DR7_RESERVED, address[4];

	for (unsigned i = 0; i < 4; i++) {
		address[i] = MONITOR_BASE + (i ? test_random() % MIB(4) / 8 * 8 : 0);
		dr7 |= 2ULL * DR7_L0 << 2 * i; /* G0, G1, ... */
		dr7 |= (u64)DR7_RW << DR7_RW_SHIFT(i) | (u64)DR7_LEN8 << DR7_LEN_SHIFT(i);
	}
	handler_set(VEC_DB, debug_seen);
	write_dr0(address[0]);
	write_dr1(address[1]);
	write_dr2(address[2]);
	write_dr3(address[3]);
	write_dr7(dr7);
	for (unsigned i = 0; i < 8; i++) {
		cpuid(0, 0);
		in8(0x80);
		write_cr3(read_cr3());
		CHECK_EQ(user_run(&u), VEC_SYSCALL);
		CHECK_KERNEL_PF(kernel_read, TEST_BASE + i * PAGE_SIZE, 0);
		CHECK_KERNEL_PF(kernel_read, address[i % 4], 0);
	}
	CHECK_EQ(read_dr0(), address[0]);
	CHECK_EQ(read_dr3(), address[3]);
	CHECK_EQ(read_dr7(), dr7);
	write_dr7(DR7_RESERVED);
	CHECK_EQ(handler_count[VEC_DB], 0);
}

const struct test sec_entry_tests[] = {
	{"sec/syscall_tf", syscall_tf},
	{"sec/syscall_tf_unmasked", syscall_tf_unmasked},
	{"sec/syscall_nt", syscall_nt},
	{"sec/syscall_ac", syscall_ac},
	{"sec/syscall_df", syscall_df},
	{"sec/syscall_disabled", syscall_disabled},
	{"sec/syscall_compat", syscall_compat},
	{"sec/sysenter", sysenter_64},
	{"sec/sysenter_compat", sysenter_compat},
	{"sec/sysexit", sysexit},
	{"sec/sysret_non_canonical", sysret_non_canonical},
	{"sec/iret_non_canonical", iret_non_canonical},
	{"sec/iret_nt", iret_nt},
	{"sec/mov_ss_int", mov_ss_before_int},
	{"sec/mov_ss_syscall", mov_ss_before_syscall},
	{"sec/watch_monitor", watch_monitor},
	{},
};
