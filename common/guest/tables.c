// SPDX-License-Identifier: MIT
/*
 * GDT, IDT and TSS of the guest kernel. Tests may change them; tables_restore() makes them as they were and
 * loads them again. They are never read back with SGDT, SIDT or STR: those do not trap in ring 3. Source: SDM
 * vol. 3A, 3.4.5 "Segment Descriptors", 6.14.1 "64-Bit Mode IDT", 8.7 "Task Management in 64-bit Mode".
 */
#include "guest/harness.h"
#include "lib/string.h"

#define INDEX(selector) ((selector) / 8)

/* The I/O permission bitmap lies behind the TSS in one segment (SDM vol. 1, 19.5.2); at the start it is out
 * of the segment: no ports. */
#define TSS_LIMIT       ((u32)(sizeof(struct tss64) + sizeof(tss_io_bitmap) - 1))
#define IOPB_OUTSIDE    0xffff
#define TSS_ATTR        (SEG_ATTR_P | SYS_TYPE_TSS_AVAIL)

/* Constants, because boot.S loads this table before any C code has run: flat segments, accessed, granularity
 * 4 KiB. */
_Alignas(16) u64 gdt[GDT_ENTRIES] = {
	[INDEX(SEL_KERNEL_CODE)] = 0x00af9b000000ffff, /* L, DPL 0, execute and read */
	[INDEX(SEL_KERNEL_DATA)] = 0x00cf93000000ffff, /* DPL 0, read and write */
	[INDEX(SEL_USER_CODE32)] = 0x00cffb000000ffff, /* D, DPL 3, execute and read */
	[INDEX(SEL_USER_DATA)] = 0x00cff3000000ffff,   /* DPL 3, read and write */
	[INDEX(SEL_USER_CODE)] = 0x00affb000000ffff,   /* L, DPL 3, execute and read */
};
_Alignas(16) struct gate64 idt[256];
static u64 gdt_standard[GDT_ENTRIES];

u64 stack_top(unsigned ist)
{
	return ist ? (u64)stack_ist + (u64)ist * STACK_SIZE : (u64)stack_trap_end;
}

void idt_set_ist(unsigned vector, unsigned ist)
{
	idt[vector].ist = (u8)ist;
}

void idt_set_dpl(unsigned vector, unsigned dpl)
{
	idt[vector].attr = (u8)((idt[vector].attr & ~SEG_ATTR_DPL) | dpl << SEG_ATTR_DPL_SHIFT);
}

static void idt_make(void)
{
	static const u8 user_vectors[] = {VEC_BP, VEC_OF, VEC_USER_EXIT, VEC_TEST};

	for (unsigned v = 0; v < ARRAY_SIZE(idt); v++)
		idt[v] = gate_make((u64)trap_stubs + (u64)v * TRAP_STUB_SIZE, SEL_KERNEL_CODE,
				   SYS_TYPE_INTR_GATE, 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(user_vectors); i++)
		idt_set_dpl(user_vectors[i], 3);
	idt_set_ist(VEC_NMI, IST_NMI);
	idt_set_ist(VEC_DF, IST_DF);
}

static void tss_make(void)
{
	memset(&tss, 0, sizeof(tss));
	memset(tss_io_bitmap, 0xff, sizeof(tss_io_bitmap));
	tss.rsp[0] = stack_top(0);
	for (unsigned ist = 1; ist <= IST_TEST; ist++)
		tss.ist[ist - 1] = stack_top(ist);
	tss.iopb = IOPB_OUTSIDE;
}

void tables_init(void)
{
	gdt[INDEX(SEL_TSS)] = desc_make((u32)(u64)&tss, TSS_LIMIT, TSS_ATTR);
	gdt[INDEX(SEL_TSS) + 1] = (u64)&tss >> 32;
	memcpy(gdt_standard, gdt, sizeof(gdt));
	tables_restore();
}

void tables_restore_idt(void)
{
	const struct desc_ptr idtr = {sizeof(idt) - 1, (u64)idt};

	idt_make();
	lidt(&idtr);
}

void tables_restore(void)
{
	const struct desc_ptr gdtr = {sizeof(gdt) - 1, (u64)gdt};

	memcpy(gdt, gdt_standard, sizeof(gdt));
	tss_make();
	lgdt(&gdtr);
	tables_restore_idt();
	lldt(0);
	ltr(SEL_TSS); /* the descriptor is "available" again */
	state_reload_segments();
}
