// SPDX-License-Identifier: MIT
/*
 * user/syscall_again_*, second part: as in test_user_again.c a program calls the kernel again and again; here
 * what changes between two calls are descriptors, page tables and code, and events come that wait for the
 * kernel or for the program.
 *
 * Source: SDM vol. 2B, "SYSCALL", "SYSRET"; vol. 3A, 3.4.5 "Segment Descriptors", 4.10.4 "Invalidation of
 * TLBs and Paging-Structure Caches", 6.8.1 "Masking Maskable Hardware Interrupts", 10.8.3.1 "Task and
 * Processor Priorities".
 */
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

#define INSN_SIZE   2 /* INT n, SYSCALL, RDTSC */
#define MOV_SIZE    5 /* with 32 bits of an immediate */
#define SYSRET_SIZE 3
#define ROUNDS_MAX  12

static struct frame seen[ROUNDS_MAX];
static unsigned rounds;
static void (*change)(struct frame *f);

static bool show(struct frame *f)
{
	if (rounds == ROUNDS_MAX)
		return false;
	seen[rounds] = *f;
	if (change)
		change(f);
	rounds++;
	return true;
}

static void run_at(struct user *u, gva_t entry, void (*what)(struct frame *f))
{
	u64 lstar = rdmsr(MSR_LSTAR);

	rounds = 0;
	change = what;
	handler_set(VEC_TEST, show);
	idt_set_ist(VEC_TEST, IST_TEST);
	wrmsr(MSR_LSTAR, entry);
	user_run(u);
	wrmsr(MSR_LSTAR, lstar);
}

/* Four calls that only come and go, and then the one whose INT shows the kernel's state: RBX counts. */
#define CALLS "mov $4, %ebx\n 2: syscall\n dec %ebx\n jns 2b\n"
#define ENTRY "test %ebx, %ebx\n jnz 1f\n int $0x81\n 1: sysretq"
CODE(entry_again, ENTRY);
_Static_assert(VEC_USER_EXIT == 0x80 && VEC_TEST == 0x81, "the code");

CODE(user_rounds, "1: " CALLS "nop\n dec %ebp\n jnz 1b\n int $0x80");

/* ---- descriptors ---- */

#define DATA_AT(n) (USER_DATA + (n) * sizeof(u64))
#define DATA_OF_USER                                                                                         \
	(SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_DPL | SEG_TYPE_ACCESSED | SEG_TYPE_WRITABLE | SEG_ATTR_DB)
#define LDT_SELECTOR (SEL_TEST + 16)
#define TEST_DATA    (SEL_TEST | SEL_RPL)
#define TEST_IN_LDT  (SEL_TI | SEL_RPL | 8)

/* RDI: a selector for FS, which is loaded after each call. */
CODE(user_loads_fs, "1: mov $4, %ebx\n 2: syscall\n mov %edi, %fs\n dec %ebx\n jns 2b\n"
		    "mov %fs:0, %r14\n mov %ss, %r13d\n dec %ebp\n jnz 1b\n int $0x80");

static u64 *tables[2], *ldt; /* in pages of their own */

static u64 data_segment(unsigned n)
{
	return desc_make((u32)DATA_AT(n), PAGE_SIZE, DATA_OF_USER);
}

static void load_table(u64 *table)
{
	const struct desc_ptr p = {sizeof(gdt) - 1, (u64)table};

	lgdt(&p);
}

static void change_descriptor(struct frame *f)
{
	bool in_ldt = rounds == 4 || rounds == 5;

	f->gpr[GPR_RDI] = in_ldt ? TEST_IN_LDT : TEST_DATA;
	switch (rounds) {
	case 0:
		gdt[SEL_TEST / 8] = data_segment(0);
		break;
	case 1:
	case 2: /* the tables are as they were, and have been */
		load_table(tables[rounds - 1]);
		break;
	case 3:
		tables[1][SEL_TEST / 8] = data_segment(3);
		break;
	case 4:
		lldt(LDT_SELECTOR);
		break;
	case 5:
		ldt[1] = data_segment(5);
		break;
	case 6:
		lldt(0);
		load_table(tables[0]);
		break;
	default:
		tables[0][SEL_TEST / 8] = 0;
	}
}

static void make_tables(void)
{
	ldt = page_alloc();
	ldt[1] = data_segment(4);
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		tables[i] = page_alloc();
		memcpy(tables[i], gdt, sizeof(gdt));
		tables[i][SEL_TEST / 8] = data_segment(i + 1);
		tables[i][LDT_SELECTOR / 8] =
			desc_make((u32)(u64)ldt, 2 * sizeof(u64) - 1, SEG_ATTR_P | SYS_TYPE_LDT);
		tables[i][LDT_SELECTOR / 8 + 1] = (u64)ldt >> 32;
	}
}

/* The program loads FS from what the kernel has made of the tables before SYSRET; of the last one nothing is
 * left. */
static void descriptors(void)
{
	struct user u = USER(user_loads_fs, .gpr[GPR_RBP] = 9, .rflags = RFLAGS_IF);

	static const u8 expected[] = {0, 1, 2, 3, 4, 5, 1};

	user_map();
	make_tables();
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
		((u64 *)user_data_pages)[i] = test_random();
	run_at(&u, (u64)entry_again, change_descriptor);
	CHECK_FAULT(&u.frame, VEC_GP, SEL_TEST);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(rounds, ARRAY_SIZE(expected) + 1);
	for (unsigned i = 0; i + 1 < rounds; i++) {
		CHECK_EQ(seen[i + 1].gpr[14], ((u64 *)user_data_pages)[expected[i]]);
		CHECK_EQ(seen[i + 1].gpr[13], SEL_USER_DATA);
	}
	load_table(gdt);
	wrmsr(MSR_FS_BASE, 0);
}

/* ---- segments ---- */

CODE(user_tells_segments, "1: " CALLS "mov %ds, %r8d\n mov %es, %r9d\n mov %fs, %r12d\n mov %gs, %r13d\n"
			  "dec %ebp\n jnz 1b\n int $0x80");
CODE(user_in_segments, "1: syscall\n mov %edi, %ss\n push %rsi\n lea 2f(%rip), %rax\n push %rax\n lretq\n"
		       "2: nop\n syscall\n mov %cs, %r12d\n mov %ss, %r13d\n dec %ebp\n jnz 1b\n int $0x80");

static void load_kernel_segments(struct frame *f)
{
	u16 selector = rounds & 1 ? SEL_USER_DATA : SEL_KERNEL_DATA;

	(void)f;
	asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"((u32)selector));
}

/* SYSRET loads CS and SS, and looks at no other segment register. */
static void segments(void)
{
	struct user u = USER(user_tells_segments, .gpr[GPR_RBP] = 5, .rflags = RFLAGS_IF);

	run_at(&u, (u64)entry_again, load_kernel_segments);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	for (unsigned i = 1; i < rounds; i++) {
		u64 selector = (i - 1) & 1 ? SEL_USER_DATA : SEL_KERNEL_DATA;

		CHECK_EQ(seen[i].gpr[8], selector);
		CHECK_EQ(seen[i].gpr[9], selector);
		CHECK_EQ(seen[i].gpr[12], selector);
		CHECK_EQ(seen[i].gpr[13], selector);
	}
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, 0);
}

/* The program goes to other segments by itself: SYSRET brings it back to those of STAR. */
static void own_segments(void)
{
	struct user u = USER(user_in_segments, .rflags = RFLAGS_IF);

	gdt[SEL_TEST / 8] = gdt[SEL_USER_DATA / 8];
	gdt[SEL_TEST / 8 + 1] = gdt[SEL_USER_CODE / 8];
	u.gpr[GPR_RBP] = 5;
	u.gpr[GPR_RDI] = TEST_DATA;
	u.gpr[GPR_RSI] = TEST_DATA + 8;
	run_at(&u, (u64)entry_again, NULL);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[12], SEL_USER_CODE);
	CHECK_EQ(u.frame.gpr[13], SEL_USER_DATA);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.ss, SEL_USER_DATA);
}

/* SYSRET with an operand size of 4 takes 32 bits of RCX. The program goes to 64-bit mode again by itself. */
CODE(entry_to_compat, "bts $40, %rcx\n test %ebx, %ebx\n jnz 1f\n int $0x81\n 1: sysretl");
CODE(user_from_compat, "1: mov $4, %ebx\n 2: syscall\n .code32\n"
		       "mov %cs, %esi\n ljmp $0x2b, $0x400000 + 3f - user_from_compat\n .code64\n"
		       "3: mov %cs, %r12d\n dec %ebx\n jns 2b\n dec %ebp\n jnz 1b\n int $0x80");
_Static_assert(SEL_USER_CODE == 0x2b && USER_CODE == 0x400000, "the code above");

static void compat(void)
{
	struct user u = USER(user_from_compat, .gpr[GPR_RBP] = 3, .rflags = RFLAGS_IF);

	run_at(&u, (u64)entry_to_compat, NULL);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(rounds, 3);
	CHECK_EQ((u32)u.frame.gpr[GPR_RSI], SEL_USER_CODE32);
	CHECK_EQ((u32)u.frame.gpr[12], SEL_USER_CODE);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
}

/* ---- pages and code ---- */

#define ENTRY_GVA TEST_BASE

/* R14: a number that stands at NUMBER_AT in the code. R15: what the program finds in its data. */
CODE(entry_numbered, "mov $1, %r14d\n" ENTRY);
CODE(user_reads_data, "1: " CALLS "mov (%rdi), %r15\n dec %ebp\n jnz 1b\n int $0x80");
#define NUMBER_AT 2

static u8 *entry_page, *other_page;
static gpa_t other_root;

static void number(u8 *page, u32 n)
{
	memcpy(page + NUMBER_AT, &n, sizeof(n));
}

static void change_code(struct frame *f)
{
	(void)f;
	switch (rounds) {
	case 0: /* through an alias */
		number(entry_page, 2);
		break;
	case 1:
		page_map(ENTRY_GVA, gpa_of(other_page), PTE_P | PTE_W);
		invlpg((void *)ENTRY_GVA);
		break;
	case 2:
		number((u8 *)ENTRY_GVA, 4);
		break;
	case 3: /* another process, which has the first entry, and other data */
		write_cr3(other_root);
		break;
	default:
		write_cr3(root_standard());
		break;
	}
}

/* Another PML4, with the program's pages but for its data. */
static void make_other_root(u64 value)
{
	u8 *data = page_alloc();

	other_root = root_new();
	*(u64 *)data = value;
	write_cr3(other_root);
	for (u64 at = 0; at < USER_PAGES * PAGE_SIZE; at += PAGE_SIZE)
		page_map(USER_CODE + at, gpa_of(user_code_pages + at), PTE_P | PTE_U);
	page_map(USER_DATA, gpa_of(data), PTE_P | PTE_U | PTE_W | PTE_NX);
	page_map(ENTRY_GVA, gpa_of(entry_page), PTE_P | PTE_W);
	write_cr3(root_standard());
}

static void code(void)
{
	static const u32 numbers[] = {1, 2, 3, 4, 2, 4};
	struct user u = USER(user_reads_data, .gpr = {[GPR_RBP] = ARRAY_SIZE(numbers), [GPR_RDI] = USER_DATA},
			     .rflags = RFLAGS_IF);
	u64 key = test_random(), other = test_random();

	user_map();
	entry_page = page_alloc();
	other_page = page_alloc();
	memcpy(entry_page, entry_numbered, CODE_SIZE(entry_numbered));
	memcpy(other_page, entry_numbered, CODE_SIZE(entry_numbered));
	number(other_page, 3);
	*(u64 *)user_data_pages = key;
	make_other_root(other);
	page_map(ENTRY_GVA, gpa_of(entry_page), PTE_P | PTE_W);
	run_at(&u, ENTRY_GVA, change_code);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(rounds, ARRAY_SIZE(numbers));
	for (unsigned i = 0; i < rounds; i++) {
		CHECK_EQ(seen[i].gpr[14], numbers[i]);
		if (i)
			CHECK_EQ(seen[i].gpr[15], i == 4 ? other : key);
	}
}

/* ---- where SYSRET goes ---- */

#define NON_CANONICAL 0x0000800000000000

static u64 target;

static void return_to_target(struct frame *f)
{
	if (rounds == 1)
		f->gpr[GPR_RCX] = target;
}

/* To a page of the kernel: a fetch that ring 3 may not do. To what is no address: #GP(0), on Intel's at the
 * SYSRET, on AMD's at the target. */
static void targets(void)
{
	struct user u = USER(user_rounds, .gpr[GPR_RBP] = 3, .rflags = RFLAGS_IF);

	target = (u64)entry_again;
	run_at(&u, (u64)entry_again, return_to_target);
	CHECK_FAULT(&u.frame, VEC_PF, PF_PRESENT | PF_USER | PF_FETCH);
	CHECK_EQ(u.frame.cr2 - target, 0);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.rflags & RFLAGS_IF, RFLAGS_IF);
	target = NON_CANONICAL;
	idt_set_ist(VEC_GP, IST_NMI);
	run_at(&u, (u64)entry_again, return_to_target);
	CHECK_FAULT(&u.frame, VEC_GP, 0);
	CHECK((u.frame.cs == SEL_KERNEL_CODE && u.frame.rip == (u64)entry_again_end - SYSRET_SIZE) ||
	      (u.frame.cs == SEL_USER_CODE && u.frame.rip == target));
}

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
	run_at(u, (u64)entry_again, set_registers);
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
		run_at(&u, (u64)entry_misaligned, NULL);
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
	run_at(&u, (u64)entry_again, send_in_second_round);
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
	run_at(&u, (u64)entry, NULL);
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
	run_at(&u, (u64)entry_tells_priority, NULL);
	CHECK_EQ(u.frame.vector, VEC_USER_EXIT);
	CHECK_EQ(u.frame.cs, SEL_USER_CODE);
	CHECK_EQ(u.frame.gpr[GPR_RBP], 0xffffffff);
	CHECK_EQ(rounds, 3);
	CHECK_EQ(read_cr8(), 0);
	write_cr8(0);
}

const struct test user_again_state_tests[] = {
	{"user/syscall_again_descriptors", descriptors},
	{"user/syscall_again_segments", segments},
	{"user/syscall_again_own_segments", own_segments},
	{"user/syscall_again_compat", compat},
	{"user/syscall_again_code", code},
	{"user/syscall_again_targets", targets},
	{"user/syscall_again_tsd", tsd},
	{"user/syscall_again_breakpoints", breakpoints},
	{"user/syscall_again_ac", alignment},
	{"user/syscall_again_interrupt", interrupt_at_sysret},
	{"user/syscall_again_waits_for_if", interrupt_waits_for_if},
	{"user/syscall_again_waits_for_cr8", interrupt_waits_for_cr8},
	{"user/syscall_again_priority", priority},
	{},
};
