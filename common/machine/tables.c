// SPDX-License-Identifier: MIT
/*
 * GDT, TSS and IDT of the machine.
 *
 * The GDT has its full size, and the monitor's descriptors stand at its end (machine.h says why). The IDT
 * sends every vector to its stub in trap.S through an interrupt gate of DPL 0. Four exceptions can come when
 * the stack is not to be trusted, and have stacks of their own: NMI and #MC at any instruction, #DB right
 * after SYSCALL (a MOV SS under a watchpoint before it), #DF by its nature.
 *
 * Sources: SDM vol. 3A, 3.5.2 "Segment Descriptor Tables in IA-32e Mode", 6.14 "Exception and Interrupt
 * Handling in 64-bit Mode", 7.7 "Task Management in 64-bit Mode".
 */
#include "machine/internal.h"
#include "x86/asm.h"
#include "x86/exception.h"

#define IDT_ENTRIES 256

_Alignas(4096) u64 machine_gdt[HV_GDT_ENTRIES];
static _Alignas(4096) struct gate64 machine_idt[IDT_ENTRIES];
_Alignas(64) struct tss64 machine_tss;
_Alignas(4096) struct ist_stack ist_stacks[IST_COUNT];

static void gdt_set(u16 selector, u64 descriptor)
{
	machine_gdt[selector / sizeof(u64)] = descriptor;
}

static void gdt_init(void)
{
	const u32 code = SEG_ATTR_P | SEG_ATTR_S | SEG_TYPE_CODE | SEG_TYPE_READABLE | SEG_TYPE_ACCESSED;
	const u32 data = SEG_ATTR_P | SEG_ATTR_S | SEG_TYPE_WRITABLE | SEG_TYPE_ACCESSED;
	u64 tss = (u64)&machine_tss;

	gdt_set(HV_SEL_CODE, desc_make(0, ~0U, code | SEG_ATTR_G | SEG_ATTR_L));
	gdt_set(HV_SEL_DATA, desc_make(0, ~0U, data | SEG_ATTR_G | SEG_ATTR_DB));
	gdt_set(HV_SEL_TSS, desc_make((u32)tss, sizeof(machine_tss) - 1, SEG_ATTR_P | SYS_TYPE_TSS_AVAIL));
	gdt_set(HV_SEL_TSS + sizeof(u64), tss >> 32);
}

static unsigned ist_of(unsigned vector)
{
	switch (vector) {
	case VEC_NMI:
		return IST_NMI;
	case VEC_DF:
		return IST_DF;
	case VEC_MC:
		return IST_MC;
	case VEC_DB:
		return IST_DB;
	default:
		return 0;
	}
}

void machine_load_gdt(void)
{
	const struct desc_ptr gdtr = {.limit = sizeof(machine_gdt) - 1, .base = (u64)machine_gdt};

	lgdt(&gdtr);
	lldt(0);
}

/* CS by a far return; the data segments have no meaning in ring 0 but have to name something that exists. */
static void load_segments(void)
{
	asm volatile("pushq %0\n\t"
		     "leaq 1f(%%rip), %%rax\n\t"
		     "pushq %%rax\n\t"
		     "lretq\n"
		     "1:\tmov %1, %%ss\n\t"
		     "mov %1, %%ds\n\t"
		     "mov %1, %%es\n\t"
		     "mov %2, %%fs\n\t"
		     "mov %2, %%gs"
		     :
		     : "r"((u64)HV_SEL_CODE), "r"(HV_SEL_DATA), "r"(0)
		     : "rax", "memory");
}

void machine_set_entry(unsigned vector, const void *entry)
{
	machine_idt[vector] = gate_make((u64)entry, HV_SEL_CODE, SYS_TYPE_INTR_GATE, 0, 0);
}

void tables_init(void)
{
	const struct desc_ptr idtr = {.limit = sizeof(machine_idt) - 1, .base = (u64)machine_idt};

	gdt_init();
	machine_load_gdt();
	load_segments();

	machine_tss.rsp[0] = (u64)boot_stack_top;
	for (unsigned i = 0; i < IST_COUNT; i++)
		machine_tss.ist[i] = (u64)(ist_stacks[i].stack + IST_STACK_SIZE);
	machine_tss.iopb = sizeof(machine_tss); /* beyond the limit: no port is open to ring 3 */
	ltr(HV_SEL_TSS);

	for (unsigned vector = 0; vector < IDT_ENTRIES; vector++)
		machine_idt[vector] =
			gate_make(trap_stubs[vector], HV_SEL_CODE, SYS_TYPE_INTR_GATE, 0, ist_of(vector));
	lidt(&idtr);
}
