// SPDX-License-Identifier: MIT
/*
 * Interrupt controllers: the two 8259s are moved away from the exception vectors and masked, for good; the
 * local APIC is switched on in its memory-mapped form with everything masked but NMI.
 *
 * Sources: Intel 8259A data sheet, "Programming the 8259A"; SDM vol. 3A, 10.4 "Local APIC", 10.5.1 "Local
 * Vector Table", 10.9 "Spurious Interrupt", 10.12.5 "x2APIC State Transitions".
 */
#include "lib/panic.h"
#include "machine/internal.h"
#include "x86/asm.h"
#include "x86/paging.h"
#include "x86/regs.h"

#define PIC_MASTER         0x20 /* command; data is one higher */
#define PIC_SLAVE          0xa0
#define PIC_DATA           1
#define PIC_ICW1_INIT_ICW4 0x11
#define PIC_ICW4_8086      0x01
#define PIC_CASCADE_INPUT  2
#define PIC_MASTER_VECTOR  0x20
#define PIC_SLAVE_VECTOR   0x28
#define PIC_MASK_ALL       0xff

#define APIC_BASE_ADDR     0x000ffffffffff000UL

volatile u8 *apic_registers;

void machine_interrupt_self(void)
{
	apic_write(APIC_ICR_LOW, APIC_ICR_SELF | HV_VEC_SELF);
}

static void pic_disable(void)
{
	out8(PIC_MASTER, PIC_ICW1_INIT_ICW4);
	out8(PIC_SLAVE, PIC_ICW1_INIT_ICW4);
	out8(PIC_MASTER + PIC_DATA, PIC_MASTER_VECTOR);
	out8(PIC_SLAVE + PIC_DATA, PIC_SLAVE_VECTOR);
	out8(PIC_MASTER + PIC_DATA, 1 << PIC_CASCADE_INPUT);
	out8(PIC_SLAVE + PIC_DATA, PIC_CASCADE_INPUT);
	out8(PIC_MASTER + PIC_DATA, PIC_ICW4_8086);
	out8(PIC_SLAVE + PIC_DATA, PIC_ICW4_8086);
	out8(PIC_MASTER + PIC_DATA, PIC_MASK_ALL);
	out8(PIC_SLAVE + PIC_DATA, PIC_MASK_ALL);
}

/* In x2APIC mode the registers are not in memory; the way back to them leads through "disabled". */
static void apic_enable(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	if (base & APIC_BASE_EXTD)
		wrmsr(MSR_APIC_BASE, base & ~(u64)(APIC_BASE_EXTD | APIC_BASE_ENABLE));
	wrmsr(MSR_APIC_BASE, (base & ~(u64)APIC_BASE_EXTD) | APIC_BASE_ENABLE);
	apic_registers = machine_map_device(base & APIC_BASE_ADDR, PAGE_SIZE);
	if (!apic_registers)
		panic("the local APIC is at 0x%lx, out of reach", base & APIC_BASE_ADDR);
}

static void mask_lvt(void)
{
	/* In the order in which implementations came to have them: entry i exists when the maximum in
	 * APIC_VERSION is i at least. */
	static const u16 lvt[] = {APIC_LVT_TIMER, APIC_LVT_LINT0,   APIC_LVT_LINT1, APIC_LVT_ERROR,
				  APIC_LVT_PERF,  APIC_LVT_THERMAL, APIC_LVT_CMCI};
	u32 max = apic_read(APIC_VERSION) >> APIC_VERSION_MAX_LVT_SHIFT & APIC_VERSION_MAX_LVT_MASK;

	for (unsigned i = 0; i < ARRAY_SIZE(lvt) && i <= max; i++)
		apic_write(lvt[i], APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT1, APIC_LVT_NMI);
}

void apic_init(void)
{
	pic_disable();
	apic_enable();
	mask_lvt();
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | HV_VEC_SPURIOUS);
}
