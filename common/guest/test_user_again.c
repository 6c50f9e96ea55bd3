// SPDX-License-Identifier: MIT
/*
 * user/syscall_again_*: SYSCALL and SYSRET where the same pair has been done several times before and then
 * one thing is another: an MSR, a flag, a descriptor, a page table, the code itself. A monitor, or a
 * processor, that keeps something of the last time shows it here.
 *
 * Source: SDM vol. 2B, "SYSCALL", "SYSRET"; vol. 3A, 4.10 "Caching Translation Information".
 */
#include "guest/again.h"
#include "guest/access.h"
#include "guest/groups.h"

#define STAR_SYSCALL 32
#define STAR_SYSRET  48

/* R12 and R13 tell what SYSRET has loaded. */
CODE(user_rounds, "1: " CALLS "mov %cs, %r12d\n mov %ss, %r13d\n dec %ebp\n jnz 1b\n int $0x80");
CODE(entry_again, ENTRY);
CODE(entry_other, "mov $2, %r14d\n" ENTRY);
/* With an IF that is not the next call's */
CODE(entry_always, "int $0x81\n sti\n nop\n sysretq");

/* ---- flags ---- */

#define ALL_FLAGS (RFLAGS_IF | RFLAGS_AC | RFLAGS_ID | RFLAGS_NT | RFLAGS_IOPL | RFLAGS_DF | RFLAGS_CF)

CODE(user_calls, "1: syscall\n dec %ebp\n jnz 1b\n int $0x80");

static const u64 *next_flags;

static void load_flags(struct frame *f)
{
	f->gpr[GPR_R11] = next_flags[rounds] | RFLAGS_RESERVED1;
}

/* Each call returns with the flags that the next one is made with: no register of the machine is written
 * between them. */
static void check_flags(const u64 *flags, unsigned count, u64 mask)
{
	struct user u = USER(user_calls, .rflags = RFLAGS_IF);
	u64 fmask = rdmsr(MSR_FMASK), before = RFLAGS_IF;

	next_flags = flags;
	u.gpr[GPR_RBP] = count;
	wrmsr(MSR_FMASK, mask);
	run_again(&u, (gva_t)entry_always, load_flags);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(u.frame.rflags & ALL_FLAGS, flags[count - 1]);
	CHECK_EQ(rounds, count);
	for (unsigned i = 0; i < rounds; i++) {
		CHECK_EQ(seen[i].rflags & ALL_FLAGS, before & ~mask);
		CHECK_EQ(seen[i].gpr[GPR_R11] & ALL_FLAGS, before);
		CHECK_EQ(seen[i].cs, SEL_KERNEL_CODE);
		CHECK_EQ(seen[i].ss, SEL_KERNEL_DATA);
		before = flags[i];
	}
	wrmsr(MSR_FMASK, fmask);
}

static void flags_change(void)
{
	static const u64 flags[] = {RFLAGS_IF,
				    RFLAGS_IF,
				    RFLAGS_IF | RFLAGS_AC,
				    0,
				    RFLAGS_ID,
				    RFLAGS_IF | RFLAGS_NT,
				    RFLAGS_IF | RFLAGS_IOPL,
				    0,
				    RFLAGS_IF | RFLAGS_AC | RFLAGS_ID,
				    RFLAGS_IOPL | RFLAGS_NT,
				    RFLAGS_IF};
	static const u64 masks[] = {RFLAGS_IF, RFLAGS_TF, RFLAGS_IF | RFLAGS_AC | RFLAGS_IOPL | RFLAGS_NT,
				    RFLAGS_IF | RFLAGS_ID | RFLAGS_NT};

	for (unsigned i = 0; i < ARRAY_SIZE(masks); i++)
		check_flags(flags, ARRAY_SIZE(flags), masks[i]);
}

static void flags_df(void)
{
	static const u64 flags[] = {RFLAGS_IF, RFLAGS_IF | RFLAGS_DF, RFLAGS_IF, RFLAGS_IF | RFLAGS_CF,
				    RFLAGS_IF | RFLAGS_DF | RFLAGS_CF};

	check_flags(flags, ARRAY_SIZE(flags), RFLAGS_IF);
	check_flags(flags, ARRAY_SIZE(flags), RFLAGS_IF | RFLAGS_DF | RFLAGS_CF);
}

/* The kernel returns by IRET at 0 of RBX; in the last round the program has set NT. */
CODE(entry_returns, "test %ebx, %ebx\n jz 1f\n sysretq\n"
		    "1: mov %rsp, %r8\n push $0x23\n push %r8\n push %r11\n push $0x2b\n push %rcx\n iretq");
CODE(user_sets_nt, "1: mov $4, %ebx\n cmp $1, %ebp\n jne 2f\n pushfq\n orl $0x4000, (%rsp)\n popfq\n"
		   "2: syscall\n dec %ebx\n jns 2b\n dec %ebp\n jnz 1b\n int $0x80");
_Static_assert(SEL_USER_DATA == 0x23 && SEL_USER_CODE == 0x2b && RFLAGS_NT == 0x4000, "the code above");

/* Where FMASK leaves NT to the kernel, its IRETQ is #GP(0): there is no task to return to. */
static void flags_nt(void)
{
	struct user u = USER(user_sets_nt, .gpr[GPR_RBP] = 3, .rflags = RFLAGS_IF);
	u64 fmask = rdmsr(MSR_FMASK);

	wrmsr(MSR_FMASK, fmask & ~(u64)RFLAGS_NT);
	idt_set_ist(VEC_GP, IST_NMI);
	run_again(&u, (gva_t)entry_returns, NULL);
	CHECK_FAULT(&u.frame, VEC_GP, 0);
	CHECK_EQ(u.frame.rip - (u64)entry_returns_end, -INSN_SIZE);
	CHECK_EQ(u.frame.cs, SEL_KERNEL_CODE);
	CHECK_EQ(u.frame.gpr[GPR_RBP], 1);
	CHECK_EQ(u.frame.rflags & (RFLAGS_NT | RFLAGS_IF), RFLAGS_NT);
	wrmsr(MSR_FMASK, fmask);
}

/* ---- what the kernel sees of itself ---- */

CODE(entry_looks, "mov %cs, %r8d\n mov %ss, %r9d\n pushfq\n pop %r10\n sysretq");
CODE(user_looks, "1: syscall\n mov %r8d, %esi\n mov %r9d, %edi\n mov %r10, %r15\n"
		 "int $0x81\n" /* an interrupt's SS is null */
		 "dec %ebp\n jnz 1b\n int $0x80");

static u16 ss_of_handler;

static void read_own_ss(struct frame *f)
{
	(void)f;
	asm volatile("mov %%ss, %0" : "=r"(ss_of_handler));
}

static void selectors(void)
{
	struct user u = USER(user_looks, .gpr[GPR_RBP] = PAIRS, .rflags = RFLAGS_IF | RFLAGS_ID);

	run_again(&u, (gva_t)entry_looks, read_own_ss);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(rounds, PAIRS);
	for (unsigned i = 0; i < rounds; i++) {
		CHECK_EQ(seen[i].gpr[GPR_RSI], SEL_KERNEL_CODE);
		CHECK_EQ(seen[i].gpr[GPR_RDI], SEL_KERNEL_DATA);
		CHECK_EQ(seen[i].gpr[15] & ALL_FLAGS, RFLAGS_ID);
	}
	CHECK_EQ(ss_of_handler, 0);
}

/* ---- MSRs ---- */

static const struct msr_change {
	u32 msr;
	u64 value;
	u16 cs, ss;           /* of the kernel then */
	u16 user_cs, user_ss; /* after SYSRET */
} msr_changes[] = {
	{MSR_STAR, (u64)SEL_USER_CODE32 << STAR_SYSRET | (u64)SEL_TEST << STAR_SYSCALL, SEL_TEST,
	 SEL_TEST + 8, SEL_USER_CODE, SEL_USER_DATA},
	{MSR_STAR, (u64)(SEL_TEST + 8) << STAR_SYSRET | (u64)SEL_TEST << STAR_SYSCALL, SEL_TEST, SEL_TEST + 8,
	 (SEL_TEST + 24) | SEL_RPL, (SEL_TEST + 16) | SEL_RPL},
	{MSR_STAR, (u64)SEL_USER_CODE32 << STAR_SYSRET | (u64)SEL_KERNEL_CODE << STAR_SYSCALL,
	 SEL_KERNEL_CODE, SEL_KERNEL_DATA, SEL_USER_CODE, SEL_USER_DATA},
	{MSR_LSTAR, 0, SEL_KERNEL_CODE, SEL_KERNEL_DATA, SEL_USER_CODE, SEL_USER_DATA},
	{MSR_KERNEL_GS_BASE, 0, SEL_KERNEL_CODE, SEL_KERNEL_DATA, SEL_USER_CODE, SEL_USER_DATA},
};

static void change_msr(struct frame *f)
{
	(void)f;
	if (rounds >= ARRAY_SIZE(msr_changes))
		return;
	if (msr_changes[rounds].msr == MSR_LSTAR)
		wrmsr(MSR_LSTAR, (u64)entry_other);
	else
		wrmsr(msr_changes[rounds].msr, msr_changes[rounds].value);
}

static void msrs(void)
{
	struct user u = USER(user_rounds, .gpr[GPR_RBP] = ARRAY_SIZE(msr_changes) + 1, .rflags = RFLAGS_IF);

	gdt[SEL_TEST / 8] = gdt[SEL_KERNEL_CODE / 8];
	gdt[SEL_TEST / 8 + 1] = gdt[SEL_KERNEL_DATA / 8];
	gdt[SEL_TEST / 8 + 2] = gdt[SEL_USER_DATA / 8];
	gdt[SEL_TEST / 8 + 3] = gdt[SEL_USER_CODE / 8];
	run_again(&u, (gva_t)entry_again, change_msr);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(rounds, ARRAY_SIZE(msr_changes) + 1);
	for (unsigned i = 0; i + 1 < rounds; i++) {
		const struct msr_change *c = &msr_changes[i];
		const struct frame *f = &seen[i + 1];

		CHECK_EQ(f->cs, c->cs);
		CHECK_EQ(f->ss, c->ss);
		CHECK_EQ(f->gpr[12], c->user_cs);
		CHECK_EQ(f->gpr[13], c->user_ss);
		CHECK_EQ(f->gpr[14], i >= 3 ? 2 : 0);
		CHECK_EQ(f->gpr[GPR_RCX], seen[0].gpr[GPR_RCX]);
		CHECK_EQ(f->rsp, USER_STACK);
	}
}

static void return_without_sce(struct frame *f)
{
	if (rounds == 1)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(u64)EFER_SCE);
	if (rounds == 1 && f->gpr[GPR_RDI]) { /* by IRET */
		f->rip = f->gpr[GPR_RCX];
		f->cs = SEL_USER_CODE;
		f->ss = SEL_USER_DATA;
		f->rflags = f->gpr[GPR_R11];
	}
}

/* EFER.SCE = 0: SYSRET is #UD, and so is SYSCALL. */
static void sce(void)
{
	u64 efer = rdmsr(MSR_EFER);

	for (unsigned by_iret = 0; by_iret < 2; by_iret++) {
		struct user u =
			USER(user_rounds, .gpr = {[GPR_RBP] = 3, [GPR_RDI] = by_iret}, .rflags = RFLAGS_IF);

		idt_set_ist(VEC_UD, IST_NMI);
		run_again(&u, (gva_t)entry_again, return_without_sce);
		CHECK_EQ(u.frame.vector, VEC_UD);
		CHECK_EQ(u.frame.cs, by_iret ? SEL_USER_CODE : SEL_KERNEL_CODE);
		CHECK_EQ(u.frame.rip,
			 by_iret ? u.frame.gpr[GPR_RCX] - INSN_SIZE : (u64)entry_again_end - SYSRET_SIZE);
		wrmsr(MSR_EFER, efer);
	}
}

const struct test user_again_tests[] = {
	{"user/syscall_again_flags", flags_change},
	{"user/syscall_again_df", flags_df},
	{"user/syscall_again_nt", flags_nt},
	{"user/syscall_again_selectors", selectors},
	{"user/syscall_again_msrs", msrs},
	{"user/syscall_again_sce", sce},
	{},
};
