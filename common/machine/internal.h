/* SPDX-License-Identifier: MIT */
/* Between the files of common/machine/ only: the steps of machine_init, and what they show one another. */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "boot/multiboot.h"
#include "lib/types.h"
#include "machine/machine.h"

/* ---- in the order of machine_init ---- */

void console_init(void);
void tables_init(void);                     /* GDT, TSS, IDT: from here on a fault prints itself */
void boot_info_init(u32 magic, hpa_t info); /* copies what the loader left */
void memory_init(void);                     /* page allocator, then the final page tables */
void apic_init(void);
void clock_init(void);

/* A new line, unless the last character was one. */
void console_fresh_line(void);

/* ---- boot information ---- */

#define MACHINE_MODULES_MAX 16
#define BOOT_RANGES_MAX     64

struct boot_range {
	hpa_t start, end;
	u32 type; /* MULTIBOOT_MMAP_* */
};
extern struct boot_range boot_ranges[BOOT_RANGES_MAX];
extern unsigned boot_range_count;

/* ---- the image (boot/hv.ld) ---- */

#define IMAGE_LOAD_HPA MIB(1)
extern const char image_text[], image_text_end[], image_rodata_end[], image_end[];
extern u8 boot_stack_guard[], boot_stack[], boot_stack_top[];

/* One stack of an IST entry; the guard page in front of it is not mapped. */
struct ist_stack {
	u8 guard[4096];
	u8 stack[IST_STACK_SIZE];
};
extern struct ist_stack ist_stacks[IST_COUNT];

/* ---- local APIC (apic.c) ---- */

#define APIC_ID                    0x020
#define APIC_VERSION               0x030
#define APIC_VERSION_MAX_LVT_SHIFT 16
#define APIC_VERSION_MAX_LVT_MASK  0xff
#define APIC_TPR                   0x080
#define APIC_EOI                   0x0b0
#define APIC_SVR                   0x0f0
#define APIC_SVR_ENABLE            0x100
#define APIC_ESR                   0x280
#define APIC_LVT_CMCI              0x2f0
#define APIC_ICR_LOW               0x300
#define APIC_ICR_SELF              0x44000 /* to itself, asserted, fixed delivery */
#define APIC_LVT_TIMER             0x320
#define APIC_LVT_TIMER_DEADLINE    0x40000
#define APIC_LVT_THERMAL           0x330
#define APIC_LVT_PERF              0x340
#define APIC_LVT_LINT0             0x350
#define APIC_LVT_LINT1             0x360
#define APIC_LVT_NMI               0x00400
#define APIC_LVT_MASKED            0x10000
#define APIC_LVT_ERROR             0x370
#define APIC_TIMER_INITIAL         0x380
#define APIC_TIMER_CURRENT         0x390
#define APIC_TIMER_DIVIDE          0x3e0
#define APIC_TIMER_DIVIDE_BY_1     0xb

extern volatile u8 *apic_registers;

static inline u32 apic_read(unsigned reg)
{
	return *(volatile u32 *)(apic_registers + reg);
}

static inline void apic_write(unsigned reg, u32 value)
{
	*(volatile u32 *)(apic_registers + reg) = value;
}

static inline void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

/* ---- clock.c ---- */

/* Serves the timer's interrupt, and acknowledges it. */
void clock_interrupt(void);

/* ---- watchdog.c ---- */

/* An NMI has come. True: it is the watchdog's. */
bool watchdog_nmi(void);

/* The status with which a panic powers off. */
#define MACHINE_STATUS_PANIC 0x7f

#endif
