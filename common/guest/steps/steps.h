/* SPDX-License-Identifier: MIT */
/*
 * The micro-guests. A step is a function of a few lines that needs little of a hypervisor, and tells whether
 * that little works. Each runs as a guest of its own (only=step/NAME on the command line), at 1 MiB, on the
 * page tables and the GDT of the loader; what else it needs it makes. CHECK_EQ(), CODE() and test_random()
 * are those of test.h, with the same rules for what may be compared.
 *
 * No step and nothing before it uses an instruction that is sensitive and does not trap in ring 3
 * (check_sensitive.awk). An exception that a step does not expect ends the guest: there is no IDT, or no gate
 * in it.
 */
#ifndef GUEST_STEPS_H
#define GUEST_STEPS_H

#include "guest/test.h"

/* The arrays of the files; each ends with an entry without a name. */
extern const struct test steps_basic[], steps_iret[], steps_events[], steps_user[];

/* HLT with interrupts off, before anything else. Not one of the arrays: nothing comes after it. (basic.c) */
void step_hlt(void) NORETURN;

/* All lines of both interrupt controllers: what the firmware left running stays out. (tables.c) */
void step_mask_irqs(void);

/* ---- exceptions and interrupts ---- */

/* What the CPU pushes, in the order of memory. SDM vol. 3A, 6.14.2 "64-Bit Mode Stack Frame". */
struct iret_frame {
	u64 rip, cs, rflags, rsp, ss;
};

/* A function that gets this frame, may change it, and ends with IRET. The compiler saves the registers. */
#define HANDLER __attribute__((interrupt)) static
#ifdef __clang__
/* It warns because a handler's callees may use vector registers; here nothing does (-mgeneral-regs-only). */
#pragma clang diagnostic ignored "-Winterrupt-service-routine"
#endif

/* A gate to a handler, in an IDT that has none but these, and LIDT. type: SYS_TYPE_*. (tables.c) */
void step_set_gate(unsigned vector, const void *handler, unsigned type, unsigned dpl);

/* ---- segments ---- */

#define SEL_KERNEL_CODE32 SEL_TEST /* compatibility mode, DPL 0 */

/* LGDT with a table that has the selectors of layout.h and the one above. CS, SS and the others stay.
 * (tables.c) */
void step_load_gdt(void);
/* The same, and LTR with a TSS that has this RSP0. (tables.c) */
void step_load_tss(u64 rsp0);

/* ---- memory ---- */

#define STEP_GVA 0x0000008000000000 /* PML4 slot 1: the loader maps nothing there */

/* Two pages, and page tables for each: the first 512 GiB are as CR3 has them, and STEP_GVA is mapped by
 * `entry`, an entry of a page table (0: not mapped). Gives the value for CR3. (tables.c) */
extern u64 step_page[2][PT_ENTRIES];
u64 step_tables(unsigned which, u64 entry);
/* Changes this entry later. */
void step_map(unsigned which, u64 entry);

/* ---- user mode (user_entry.S) ---- */

/* Goes to user mode by IRET through this frame, or by SYSRET, with RAX; gives the RAX with which it came
 * back: by a handler that called step_return_here(), or by the entry of SYSCALL below. */
u64 step_iret_to(const struct iret_frame *f, u64 rax);
u64 step_sysret_to(u64 rip, u64 rflags, u64 rsp, u64 rax);
extern const u8 step_back[];
extern u64 step_kernel_rsp;

static inline void step_return_here(volatile struct iret_frame *f)
{
	f->rip = (u64)step_back;
	f->cs = SEL_KERNEL_CODE;
	f->rflags = RFLAGS_RESERVED1;
	f->rsp = step_kernel_rsp;
	f->ss = SEL_KERNEL_DATA;
}

/* For LSTAR: keeps RCX and R11, does INT VEC_TEST on the kernel's stack, and returns. */
extern const u8 step_syscall_entry[];
extern u64 step_syscall_rcx, step_syscall_r11;

#endif
