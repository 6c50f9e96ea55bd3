/* SPDX-License-Identifier: MIT */
/*
 * The harness of the guest test kernel: everything that a test may use.
 *
 * A test is a function of a few lines in a file test_GROUP*.c, listed in that file's array, which tests.c
 * lists:
 *
 *     static void ud2(void)                          // "Raises an invalid opcode exception." SDM vol. 2B,
 * "UD"
 *     {
 *             struct frame f;
 *
 *             CHECK(catch_asm(&f, ud2_code, 0));
 *             CHECK_EQ(f.vector, VEC_UD);
 *             CHECK_EQ(f.rip - (u64)ud2_code, 0);    // a fault: RIP is the instruction's own
 *     }
 *     const struct test exc_tests[] = { { "exc/ud2", ud2 }, {} };
 *
 * Rules. The order and values of the checks are the same on every machine and under every hypervisor for the
 * same key: no times, CPUID values, addresses that may differ. Nothing may depend on a *stale* translation.
 * Interrupts are off, CPL is 0 and the state is standard (state.c) when a test begins; it must be so again
 * when it ends, and the harness fails the test where it is not. What the harness undoes by itself is said
 * below. PML4 slot 256, PCID, LA57, SMEP, SMAP, UMIP, FSGSBASE and IOPL are not used.
 *
 * Only test files (test_*.c, bench_*.c, probe.c) and hostile.c may hold sensitive instructions that do not
 * trap in ring 3.
 */
#ifndef GUEST_TEST_H
#define GUEST_TEST_H

#include "abi/start_info.h"
#include "guest/layout.h"
#include "lib/types.h"
#include "x86/asm.h"
#include "x86/desc.h"
#include "x86/exception.h"
#include "x86/paging.h"
#include "x86/regs.h"

/* ---- tests and benches ---- */

/* A field that a table leaves out is NULL on purpose. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct test {
	const char *name; /* "group/what" */
	void (*run)(void);
	bool (*available)(void); /* NULL: always; false: the machine has no such thing, and the test is not in
				    the plan */
};

/* run() does `n` operations; setup and teardown are not measured and may be NULL. The state must be standard
 * again after teardown. */
struct bench {
	const char *name;
	u64 n;
	void (*run)(u64 n);
	void (*setup)(void);
	void (*teardown)(void);
	bool (*available)(void);
	u64 (*ticks)(void); /* the time that run() took of the TSC itself; NULL: from its start to its end */
};

/* Both end with an entry without a name. tests.c lists the arrays, groups.h declares them: a new group is one
 * line in each. */
extern const struct test *const all_tests[];
extern const struct bench *const all_benches[];

/* Compares two integers and folds the actual one into the digest. The first mismatch of a test is reported;
 * the test goes on. */
#define CHECK_EQ(actual, expected)        check_equal((u64)(actual), (u64)(expected), __FILE__, __LINE__, #actual)
/* For values that differ between machines: only the truth is folded. */
#define CHECK(cond)                       check_equal((cond) ? 1 : 0, 1, __FILE__, __LINE__, #cond)
/* Compares memory byte for byte, folds all of it. */
#define CHECK_MEM(actual, expected, size) check_memory(actual, expected, size, __FILE__, __LINE__, #actual)
/* True when it held, so that a test can leave where going on makes no sense: if (!CHECK(...)) return; */
bool check_equal(u64 actual, u64 expected, const char *file, int line, const char *what);
bool check_memory(const void *actual, const void *expected, size_t size, const char *file, int line,
		  const char *what);

/* Pseudo-random data of this test, from the run's key and seed and the test's name: the same on every machine
 * in the same run. */
u64 test_random(void);

/* ---- the machine ---- */

/* The start-information page; NULL on the bare machine. */
extern const struct start_info *start_info;
/* START_FEATURE_*: from the start-information page, on the bare machine from CPUID (probe.c). HYPERCALL:
 * never on the bare machine. */
bool feature_present(u64 feature);
/* START_FEATURE_* of the bare machine, by CPUID. (probe.c) */
u64 probe_features(void);
/* An option of the command line such as "bench=1": the text behind '=', up to a blank; NULL when it is not
 * there. */
const char *option_find(const char *name);

/* ---- code in assembly ---- */

/* Defines `name` and `name_end` around code that a test calls with catch_asm(), or copies for user_run().
 * Position-independent. */
#define CODE(name, ...)                                                                                      \
	asm(".pushsection .text.code, \"ax\"\n" #name ":\n" __VA_ARGS__ "\n" #name "_end:\n.popsection");    \
	extern const u8 name[] __attribute__((unused)), name##_end[] __attribute__((unused))
/* The same for compatibility mode. */
#define CODE32(name, ...) CODE(name, ".code32\n" __VA_ARGS__ "\n.code64")
#define CODE_SIZE(name)   ((size_t)(name##_end - name))

/* ---- exceptions and interrupts ---- */

/* What entry.S pushes, in the order of memory. */
struct frame {
	u64 cr2;     /* of a #PF, otherwise 0 */
	u64 gpr[16]; /* in GPR_* order; [GPR_RSP] is not used */
	u64 vector;  /* or VEC_SYSCALL, VEC_SYSCALL32 */
	u64 error;   /* 0 where the exception has none */
	u64 rip, cs, rflags, rsp, ss;
};
#define NO_FAULT (~0ULL)

/*
 * Calls code(arg). True: an exception or an interrupt that no handler took ended it, and *f says which;
 * interrupts are off then. False: it returned; f->vector is NO_FAULT and f->gpr[GPR_RAX] what it returned
 * (asm). Calls may nest. The code may destroy all registers but RSP, and the flags.
 */
bool catch (struct frame *f, void (*code)(void *), void *arg);
bool catch_asm(struct frame *f, const u8 *code, u64 rdi);

/* Gets the frame of `vector`, and may change it. True: go on as it says. False: as if there were no handler.
 * NULL: none. Undone. */
typedef bool (*handler_fn)(struct frame *f);
void handler_set(unsigned vector, handler_fn handler);
/* A handler that counts in handler_count[vector] and acknowledges the PIC (vectors of the PIC) or local APIC
 * (vectors above). */
bool handler_count_irq(struct frame *f);
extern volatile u64 handler_count[VEC_COUNT]; /* zeroed before each test */

/* The tables that the CPU uses. Changes are undone. Entries of the GDT from SEL_TEST on are the test's. */
extern u64 gdt[GDT_ENTRIES];
extern struct gate64 idt[256];
extern struct tss64 tss;
extern u8 tss_io_bitmap[8192 + 1]; /* all ones, behind the TSS: tss.iopb is its offset, within the limit */
void idt_set_ist(unsigned vector, unsigned ist);
void idt_set_dpl(unsigned vector, unsigned dpl);
u64 stack_top(unsigned ist); /* of the stack of IST_*, and of RSP0 for 0 */

/* ---- user mode ---- */

struct user {
	const u8 *code; /* copied to USER_CODE */
	size_t size;
	bool compat;        /* 32-bit code */
	bool sysret;        /* entered by SYSRET; otherwise by IRETQ */
	u64 rflags;         /* RFLAGS_* beside the reserved bit */
	u64 gpr[16];        /* at entry; RSP 0: the top of the user stack */
	struct frame frame; /* how it came back: exit by INT 0x80 (VEC_USER_EXIT), SYSCALL (VEC_SYSCALL), or
			       any exception */
};
#define USER(name, ...)                                                                                      \
	(struct user)                                                                                        \
	{                                                                                                    \
		.code = name, .size = CODE_SIZE(name), ##__VA_ARGS__                                         \
	}

/*
 * Runs the code in ring 3 until it comes back by something that no handler took; returns frame.vector. The
 * pages of code (read, execute), data (read, write) and stack (read, write) are mapped by the first call in a
 * test, and undone.
 */
u64 user_run(struct user *u);
/* Maps the user pages already now. */
void user_map(void);
/* The kernel's view of the user pages. */
extern u8 *user_code_pages, *user_data_pages, *user_stack_pages;

/* ---- memory ---- */

/* A zeroed page, kernel address. Given back after the test. */
void *page_alloc(void);
/* 2 MiB of zeroed memory, aligned; two of them (which: 0, 1). Zeroed when a test asks. */
void *page_alloc_2m(unsigned which);
gpa_t gpa_of(const void *p);
void *gpa_to_ptr(gpa_t gpa);

/*
 * Mappings in the tables that CR3 points to. Tables in between are made as needed, with P W U. Everything
 * below PML4 slot 511 in the standard tables is dropped after the test. `flags`: PTE_*, PTE_P included.
 * level: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB.
 */
void page_map(gva_t gva, gpa_t gpa, u64 flags);
void page_map_level(gva_t gva, gpa_t gpa, u64 flags, unsigned level);
/* The entry of that level that maps gva (4 = PML4); NULL when a table above it is missing. Changing it needs
 * an INVLPG. */
u64 *page_entry(gva_t gva, unsigned level);
void page_unmap(gva_t gva);              /* not present, and INVLPG */
void page_protect(gva_t gva, u64 flags); /* other flags on the same frame, and INVLPG */
/* New tables that share the kernel's slot alone; their PML4. */
gpa_t root_new(void);
gpa_t root_standard(void);

/* ---- interrupt hardware ---- */

/* 8259 PICs: vectors VEC_PIC + irq; all lines masked at the start of a test (undone). */
void pic_unmask(unsigned irq);
void pic_mask(unsigned irq);
void pic_eoi(unsigned irq);
u16 pic_request_register(void); /* IRR of both */
u16 pic_service_register(void); /* ISR of both */

/* 8254 PIT, channel 0, IRQ 0 (IO-APIC pin 2). 1193182 Hz. mode: 0 one-shot, 2 rate, 3 square wave. Undone. */
#define PIT_HZ 1193182
void pit_start(unsigned mode, u16 count);
u16 pit_read(void);

/* Local APIC: enabled, LINT0 ExtINT, LINT1 NMI, all else masked (undone). Registers by their offset: SDM vol.
 * 3A, table 10-1. */
#define LAPIC_ID             0x020
#define LAPIC_VERSION        0x030
#define LAPIC_TPR            0x080
#define LAPIC_PPR            0x0a0
#define LAPIC_EOI            0x0b0
#define LAPIC_SVR            0x0f0
#define LAPIC_ISR            0x100
#define LAPIC_TMR            0x180
#define LAPIC_IRR            0x200
#define LAPIC_ESR            0x280
#define LAPIC_ICR_LOW        0x300
#define LAPIC_ICR_HIGH       0x310
#define LAPIC_LVT_TIMER      0x320
#define LAPIC_LVT_LINT0      0x350
#define LAPIC_LVT_LINT1      0x360
#define LAPIC_LVT_ERROR      0x370
#define LAPIC_TIMER_INITIAL  0x380
#define LAPIC_TIMER_CURRENT  0x390
#define LAPIC_TIMER_DIVIDE   0x3e0

#define LAPIC_SVR_ENABLE     0x100
#define LAPIC_LVT_MASKED     0x10000
#define LAPIC_LVT_NMI        0x400
#define LAPIC_LVT_EXTINT     0x700
#define LAPIC_TIMER_PERIODIC 0x20000
#define LAPIC_DIVIDE_1       0xb
#define LAPIC_ICR_PENDING    0x1000
#define LAPIC_ICR_ASSERT     0x4000
#define LAPIC_ICR_SELF       0x40000
u32 lapic_read(unsigned reg);
void lapic_write(unsigned reg, u32 value);
bool lapic_vector_bit(unsigned reg, unsigned vector); /* of the ISR, TMR or IRR */
void lapic_eoi(void);
void lapic_send_self(unsigned vector);
void lapic_send_nmi(void);
void lapic_timer_start(unsigned vector, u32 ticks, bool periodic); /* divide by 1 */

/* IO-APIC at 0xfec00000: fixed, edge, active high, to this CPU; all pins masked at the start of a test
 * (undone). */
void ioapic_route(unsigned pin, unsigned vector);
void ioapic_mask(unsigned pin);

/* ---- time ---- */

u64 tsc_hz(void); /* from start_info, or measured once against the PIT */
u64 apic_timer_hz(void);
u64 deadline_us(u64 microseconds); /* the TSC so many microseconds from now */

/* Spins until `cond`, for at most so long; true: cond came. */
#define WAIT_FOR(cond, microseconds)                                                                         \
	({                                                                                                   \
		u64 wait_deadline_ = deadline_us(microseconds);                                              \
		while (!(cond) && rdtsc() < wait_deadline_)                                                  \
			cpu_pause();                                                                         \
		(bool)(cond);                                                                                \
	})

#endif
