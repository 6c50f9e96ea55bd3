/* SPDX-License-Identifier: MIT */
/*
 * Where things are in the guest kernel's world: addresses, selectors, vectors, stacks. Usable from assembly
 * and from the linker script.
 *
 *   0x0000000000400000  user code, data and stack pages of user_run(), below 4 GiB for compatibility mode;
 * only while a test has some TEST_BASE           PML4 slot 32, free for tests 0xffff800000000000  PML4 slot
 * 256, the monitor's under a ring-3 engine: never touched KERNEL_BASE         the first GiB of physical
 * memory: the image, all pages that page_alloc() gives, page tables 0xffffffffc0000000  physical 0xc0000000
 * to 4 GiB, uncached: local APIC, IO-APIC
 */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#define KERNEL_BASE     0xffffffff80000000
#define KERNEL_LOAD     0x100000
#define DEVICE_BASE     0xffffffff00000000 /* + physical address, for 0xc0000000 to 0xffffffff */
#define MONITOR_SLOT    256
#define KERNEL_SLOT     511

#define USER_CODE       0x00400000
#define USER_DATA       0x00600000
#define USER_STACK      0x00800000 /* its top; grows down */
#define USER_PAGES      4          /* pages of each of the three */
#define TEST_BASE       0x0000100000000000

/* The GDT. The order of the user segments is what SYSRET wants (SDM vol. 2B, "SYSRET"). */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_CODE32 0x1b
#define SEL_USER_DATA   0x23
#define SEL_USER_CODE   0x2b
#define SEL_TSS         0x30 /* 16 bytes */
#define SEL_TEST        0x40 /* from here on the entries are free for tests */
#define GDT_ENTRIES     64

#define VEC_PIC         0x20  /* IRQ 0 to 15 of the two 8259 */
#define VEC_USER_EXIT   0x80  /* INT 0x80, a gate with DPL 3: back to user_run() */
#define VEC_TEST        0x81  /* a gate with DPL 3, free for tests */
#define VEC_STATE       0x82  /* the harness looks at its own CS, SS and RFLAGS in this frame */
#define VEC_SPURIOUS    0xff  /* of the local APIC */
#define VEC_SYSCALL     0x100 /* no vector: SYSCALL through LSTAR */
#define VEC_SYSCALL32   0x101 /* no vector: SYSCALL through CSTAR, from compatibility mode (AMD) */
#define VEC_COUNT       0x102

#define IST_NMI         1
#define IST_DF          2
#define IST_TEST        3 /* free for tests */
#define STACK_SIZE      0x4000
#define TRAP_STUB_SIZE  16

#endif
