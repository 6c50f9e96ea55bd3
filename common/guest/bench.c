// SPDX-License-Identifier: MIT
/*
 * bench/: what an operation costs. The nanobenchmarks of Adams and Agesen ("A Comparison of Software and
 * Hardware Techniques for x86 Virtualization", ASPLOS 2006, section 6.3) and nine more of the same kind.
 * Each does one thing n times, in a loop as short as can be; the set-up does it a few times before, so that
 * translations and mappings are there. The harness reads the clock and the counters.
 *
 * Handlers of exceptions are a few instructions in assembly, so that what is measured is the delivery and not
 * this kernel.
 */
#include "guest/groups.h"
#include "guest/test.h"
#include "lib/string.h"

#define CHECKED 16 /* rounds of a loop whose result is checked */

/* ---- into the kernel and back ---- */

CODE(syscall_loop, "1: syscall\n dec %rbx\n jnz 1b\n int $0x80");
CODE(syscall_return, "sysretq");

static u64 lstar;

static void user_loop_run(const u8 *code, size_t size, u64 n)
{
	struct user u = {.code = code, .size = size, .gpr[GPR_RBX] = n};

	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
}

static void syscall_run(u64 n)
{
	user_loop_run(syscall_loop, CODE_SIZE(syscall_loop), n);
}

static void syscall_setup(void)
{
	lstar = rdmsr(MSR_LSTAR);
	wrmsr(MSR_LSTAR, (u64)syscall_return);
}

static void syscall_teardown(void)
{
	wrmsr(MSR_LSTAR, lstar);
}

/* The handlers go on behind the instruction, which is of two bytes. */
CODE(pgfault_handler, "add $8, %rsp\n addq $2, (%rsp)\n iretq");
CODE(divzero_handler, "addq $2, (%rsp)\n iretq");

static void pgfault_run(u64 n)
{
	asm volatile("1: mov (%1), %%eax\n"
		     "dec %0\n"
		     "jnz 1b"
		     : "+r"(n)
		     : "D"(TEST_BASE)
		     : "rax", "cc", "memory");
}

static void pgfault_setup(void)
{
	idt[VEC_PF] = gate_make((u64)pgfault_handler, SEL_KERNEL_CODE, SYS_TYPE_INTR_GATE, 0, 0);
}

static void divzero_run(u64 n)
{
	asm volatile("1: div %%ecx\n"
		     "dec %0\n"
		     "jnz 1b"
		     : "+r"(n)
		     : "c"(0)
		     : "rax", "rdx", "cc");
}

static void divzero_setup(void)
{
	idt[VEC_DE] = gate_make((u64)divzero_handler, SEL_KERNEL_CODE, SYS_TYPE_INTR_GATE, 0, 0);
}

/* ---- privileged instructions ---- */

#define PORT_PIC_MASK     0x21
#define PIC_ALL_MASKED    0xff
#define PORT_UART_SCRATCH 0x3ff

static void in_run(u64 n)
{
	while (n--)
		in8(PORT_PIC_MASK);
}

/* To the same register, what it has: all lines masked. */
static void out_run(u64 n)
{
	while (n--)
		out8(PORT_PIC_MASK, PIC_ALL_MASKED);
}

/* To a register without an effect: where an operating system runs the guest, a device that is a program of
 * its. */
static void out_uart_run(u64 n)
{
	while (n--)
		out8(PORT_UART_SCRATCH, 0);
}

static void cr8wr_run(u64 n)
{
	while (n--)
		write_cr8(0);
}

static void cpuid_run(u64 n)
{
	while (n--)
		cpuid(0, 0);
}

static void cli_sti_run(u64 n)
{
	while (n--) {
		sti();
		cli();
	}
}

static void popf_run(u64 n)
{
	while (n--)
		asm volatile("pushfq\n popfq" : : : "cc", "memory");
}

static bool has_hypercall(void)
{
	return feature_present(START_FEATURE_HYPERCALL);
}

/* AMD's instruction under the engine that stands on AMD's hardware, Intel's under all others. Function 0:
 * nothing. */
static bool hypercall_is_vmmcall(void)
{
	return start_info && !strcmp(start_info->cpu_engine, "svm");
}

static void hypercall_run(u64 n)
{
	bool vmmcall = hypercall_is_vmmcall();
	u64 rax;

	while (n--) {
		rax = 0;
		if (vmmcall)
			asm volatile("vmmcall" : "+a"(rax) : : "memory");
		else
			asm volatile("vmcall" : "+a"(rax) : : "memory");
	}
}

/* ---- interrupts ---- */

/*
 * From where the timer of the local APIC interrupts the kernel to the first instruction of the handler. The
 * kernel reads the clock until that happens (ESI has what it read last) and the handler reads it once
 * more. Setting the timer, waiting and EOI are not in the time, but in the counters. Too long by half a round
 * of the loop: two instructions.
 */
CODE(interrupt_loop, "xor %ecx, %ecx\n rdtsc\n mov %eax, %esi\n sti\n"
		     "1: rdtsc\n mov %eax, %esi\n test %ecx, %ecx\n jz 1b\n"
		     "cli\n mov %edi, %eax\n ret");
CODE(interrupt_handler, "rdtsc\n sub %esi, %eax\n mov %eax, %edi\n inc %ecx\n iretq");

#define VEC_TIMER  0x91
#define TIMER_RATE 10000 /* a second: as soon as that, and late enough for the kernel to be in its loop */
#define PERIODS    64    /* that many, so as not to fall in step with a timer of the monitor's */

static u64 interrupt_total;

static void interrupt_run(u64 n)
{
	u32 shortest = (u32)(apic_timer_hz() / TIMER_RATE);
	struct frame f;

	interrupt_total = 0;
	while (n--) {
		lapic_write(LAPIC_TIMER_INITIAL, shortest + shortest / PERIODS * (u32)(n % PERIODS));
		catch_asm(&f, interrupt_loop, 0);
		interrupt_total += f.gpr[GPR_RAX];
		lapic_eoi();
	}
}

static void interrupt_setup(void)
{
	idt[VEC_TIMER] = gate_make((u64)interrupt_handler, SEL_KERNEL_CODE, SYS_TYPE_INTR_GATE, 0, 0);
	lapic_timer_start(VEC_TIMER, 0, false);
}

static u64 interrupt_ticks(void)
{
	return interrupt_total;
}

/* ---- memory management ---- */

#define PTE_IGNORED 0x200 /* bit 9: a change of it asks for no INVLPG */

static volatile u64 *pte;

/* Changes an entry that is in use: a mere store, unless somebody watches the table. */
static void ptemod_run(u64 n)
{
	while (n--)
		*pte ^= PTE_IGNORED;
}

static void ptemod_setup(void)
{
	page_map(TEST_BASE, gpa_of(page_alloc()), PTE_P | PTE_W);
	*(volatile u64 *)TEST_BASE = 1;
	pte = page_entry(TEST_BASE, 1);
}

#define SPACES      2
#define SPACE_PAGES 8

static gpa_t spaces[SPACES];

/* From one address space to the other, and to each page of a small working set. */
static void ctxswitch_run(u64 n)
{
	while (n--) {
		write_cr3(spaces[n % SPACES]);
		for (unsigned page = 0; page < SPACE_PAGES; page++)
			*(volatile u64 *)(TEST_BASE + page * PAGE_SIZE) += n;
	}
}

static void ctxswitch_setup(void)
{
	for (unsigned i = 0; i < SPACES; i++) {
		spaces[i] = root_new();
		write_cr3(spaces[i]);
		for (unsigned page = 0; page < SPACE_PAGES; page++)
			page_map(TEST_BASE + page * PAGE_SIZE, gpa_of(page_alloc()), PTE_P | PTE_W);
	}
}

static void ctxswitch_teardown(void)
{
	write_cr3(root_standard());
}

/* ---- computing ---- */

CODE(callret_loop, "1: call 2f\n dec %rdi\n jnz 1b\n ret\n 2: ret");

static void callret_run(u64 n)
{
	struct frame f;

	catch_asm(&f, callret_loop, n);
}

/* Marsaglia's xorshift: ten instructions that need nothing but the CPU. Counts down RBX. */
#define XORSHIFT                                                                                             \
	"mov $1, %eax\n"                                                                                     \
	"1: mov %rax, %rdx\n shl $13, %rdx\n xor %rdx, %rax\n"                                               \
	"mov %rax, %rdx\n shr $7, %rdx\n xor %rdx, %rax\n"                                                   \
	"mov %rax, %rdx\n shl $17, %rdx\n xor %rdx, %rax\n"                                                  \
	"dec %rbx\n"                                                                                         \
	"jnz 1b\n"

CODE(kernel_loop, "mov %rdi, %rbx\n" XORSHIFT "ret");
CODE(user_loop, XORSHIFT "int $0x80");

static u64 xorshift(u64 n)
{
	u64 x = 1;

	while (n--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

static void kernel_loop_run(u64 n)
{
	struct frame f;

	catch_asm(&f, kernel_loop, n);
}

/* That the loop computes is checked here, outside of what is measured. */
static void kernel_loop_setup(void)
{
	struct frame f;

	catch_asm(&f, kernel_loop, CHECKED);
	CHECK_EQ(f.gpr[GPR_RAX], xorshift(CHECKED));
}

static void user_loop_bench(u64 n)
{
	user_loop_run(user_loop, CODE_SIZE(user_loop), n);
}

static void user_loop_setup(void)
{
	struct user u = USER(user_loop, .gpr = {[GPR_RBX] = CHECKED});

	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[GPR_RAX], xorshift(CHECKED));
}

#define FEW  1000    /* of what may cost an exit */
#define MANY 100000  /* of what is a few instructions */
#define LOOP 1000000 /* rounds of eleven instructions: so many that the way there and back does not count */

const struct bench benches[] = {
	{"bench/syscall", FEW, syscall_run, syscall_setup, syscall_teardown},
	{"bench/in", FEW, in_run},
	{"bench/out", FEW, out_run},
	{"bench/cr8wr", FEW, cr8wr_run},
	{"bench/callret", MANY, callret_run},
	{"bench/pgfault", FEW, pgfault_run, pgfault_setup},
	{"bench/divzero", FEW, divzero_run, divzero_setup},
	{"bench/ptemod", FEW, ptemod_run, ptemod_setup},
	{"bench/cpuid", FEW, cpuid_run},
	{"bench/hypercall", FEW, hypercall_run, .available = has_hypercall},
	{"bench/cli_sti", FEW, cli_sti_run},
	{"bench/popf", FEW, popf_run},
	{"bench/interrupt", FEW, interrupt_run, interrupt_setup, .ticks = interrupt_ticks},
	{"bench/ctxswitch", FEW, ctxswitch_run, ctxswitch_setup, ctxswitch_teardown},
	{"bench/kernel_loop", LOOP, kernel_loop_run, kernel_loop_setup},
	{"bench/user_loop", LOOP, user_loop_bench, user_loop_setup},
	{"bench/out_uart", FEW, out_uart_run},
	{},
};
