// SPDX-License-Identifier: MIT
/*
 * Descriptor tables and page tables for the steps that need their own: all of it is given, by LGDT, LIDT, LTR
 * and MOV to CR3. Source: SDM vol. 3A, 3.4.5 "Segment Descriptors", 4.5 "4-Level Paging and 5-Level Paging",
 * 6.14.1 "64-Bit Mode IDT", 8.7 "Task Management in 64-bit Mode"; Intel 8259A data sheet, "OCW1".
 */
#include "guest/steps/steps.h"

#define INDEX(selector) ((selector) / 8)
#define TABLE           (PTE_P | PTE_W | PTE_U)

#define PIC1_MASK       0x21
#define PIC2_MASK       0xa1
#define PIC_ALL         0xff

void step_mask_irqs(void)
{
	out8(PIC1_MASK, PIC_ALL);
	out8(PIC2_MASK, PIC_ALL);
}

/* ---- descriptor tables ---- */

static _Alignas(16) u64 step_gdt[GDT_ENTRIES] = {
	[INDEX(SEL_KERNEL_CODE)] = 0x00af9b000000ffff,   /* L, DPL 0, execute and read */
	[INDEX(SEL_KERNEL_DATA)] = 0x00cf93000000ffff,   /* DPL 0, read and write */
	[INDEX(SEL_USER_CODE32)] = 0x00cffb000000ffff,   /* D, DPL 3, execute and read */
	[INDEX(SEL_USER_DATA)] = 0x00cff3000000ffff,     /* DPL 3, read and write */
	[INDEX(SEL_USER_CODE)] = 0x00affb000000ffff,     /* L, DPL 3, execute and read */
	[INDEX(SEL_KERNEL_CODE32)] = 0x00cf9b000000ffff, /* D, DPL 0, execute and read */
};
static _Alignas(16) struct gate64 step_idt[256];
static _Alignas(16) struct tss64 step_tss;

void step_load_gdt(void)
{
	lgdt(&(const struct desc_ptr){sizeof(step_gdt) - 1, (u64)step_gdt});
}

void step_load_tss(u64 rsp0)
{
	step_tss.rsp[0] = rsp0;
	step_tss.iopb = sizeof(step_tss); /* at its end: there is no bitmap */
	step_gdt[INDEX(SEL_TSS)] =
		desc_make((u32)(u64)&step_tss, sizeof(step_tss) - 1, SEG_ATTR_P | SYS_TYPE_TSS_AVAIL);
	step_gdt[INDEX(SEL_TSS) + 1] = (u64)&step_tss >> 32;
	step_load_gdt();
	ltr(SEL_TSS);
}

void step_set_gate(unsigned vector, const void *handler, unsigned type, unsigned dpl)
{
	step_idt[vector] = gate_make((u64)handler, SEL_KERNEL_CODE, type, dpl, 0);
	lidt(&(const struct desc_ptr){sizeof(step_idt) - 1, (u64)step_idt});
}

/* ---- page tables ---- */

_Alignas(PAGE_SIZE) u64 step_page[2][PT_ENTRIES];
static _Alignas(PAGE_SIZE) u64 pml4[2][PT_ENTRIES], pdpt[2][PT_ENTRIES], pd[2][PT_ENTRIES], pt[2][PT_ENTRIES];

u64 step_tables(unsigned which, u64 entry)
{
	pml4[which][0] = *(const u64 *)(read_cr3() & PTE_ADDR);
	pml4[which][pt_index(STEP_GVA, 4)] = (u64)pdpt[which] | TABLE;
	pdpt[which][pt_index(STEP_GVA, 3)] = (u64)pd[which] | TABLE;
	pd[which][pt_index(STEP_GVA, 2)] = (u64)pt[which] | TABLE;
	step_map(which, entry);
	return (u64)pml4[which];
}

void step_map(unsigned which, u64 entry)
{
	*(volatile u64 *)&pt[which][pt_index(STEP_GVA, 1)] = entry;
}
