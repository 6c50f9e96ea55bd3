// SPDX-License-Identifier: MIT
/*
 * The local APIC (xAPIC, memory-mapped) and the IO-APIC.
 * Source: SDM vol. 3A, 10.4 "Local APIC", 10.6.1 "Interrupt Command Register (ICR)"; Intel 82093AA data
 * sheet, 3.2 "IOAPIC Registers".
 */
#include "guest/harness.h"

#define LAPIC_GPA         0xfee00000
#define LAPIC_REG_STEP    0x10
#define LAPIC_ICR_NMI     0x400
#define LAPIC_ICR_POLLS   100000
#define LAPIC_VECTORS     256

#define IOAPIC_GPA        0xfec00000
#define IOAPIC_REGSEL     0x00
#define IOAPIC_WINDOW     0x10
#define IOAPIC_REDIRECT   0x10 /* two registers a pin */
#define IOAPIC_PINS       24
#define IOAPIC_MASKED     0x10000
#define IOAPIC_DEST_SHIFT 24

u32 lapic_read(unsigned reg)
{
	return *(volatile u32 *)(DEVICE_BASE + LAPIC_GPA + reg);
}

void lapic_write(unsigned reg, u32 value)
{
	*(volatile u32 *)(DEVICE_BASE + LAPIC_GPA + reg) = value;
}

bool lapic_vector_bit(unsigned reg, unsigned vector)
{
	return lapic_read(reg + vector / 32 * LAPIC_REG_STEP) >> vector % 32 & 1;
}

void lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

static void icr_wait(void)
{
	for (unsigned i = 0; i < LAPIC_ICR_POLLS && (lapic_read(LAPIC_ICR_LOW) & LAPIC_ICR_PENDING); i++)
		cpu_pause();
}

void lapic_send_self(unsigned vector)
{
	icr_wait();
	lapic_write(LAPIC_ICR_LOW, LAPIC_ICR_SELF | LAPIC_ICR_ASSERT | vector);
}

/* The shorthand "self" is for fixed interrupts only (SDM vol. 3A, table 10-3), so the NMI is addressed. */
void lapic_send_nmi(void)
{
	icr_wait();
	lapic_write(LAPIC_ICR_HIGH, lapic_read(LAPIC_ID));
	lapic_write(LAPIC_ICR_LOW, LAPIC_ICR_ASSERT | LAPIC_ICR_NMI);
}

void lapic_timer_start(unsigned vector, u32 ticks, bool periodic)
{
	lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_1);
	lapic_write(LAPIC_LVT_TIMER, vector | (periodic ? LAPIC_TIMER_PERIODIC : 0));
	lapic_write(LAPIC_TIMER_INITIAL, ticks);
}

static void ioapic_write(unsigned reg, u32 value)
{
	*(volatile u32 *)(DEVICE_BASE + IOAPIC_GPA + IOAPIC_REGSEL) = reg;
	*(volatile u32 *)(DEVICE_BASE + IOAPIC_GPA + IOAPIC_WINDOW) = value;
}

void ioapic_route(unsigned pin, unsigned vector)
{
	ioapic_write(IOAPIC_REDIRECT + 2 * pin + 1,
		     lapic_read(LAPIC_ID) >> IOAPIC_DEST_SHIFT << IOAPIC_DEST_SHIFT);
	ioapic_write(IOAPIC_REDIRECT + 2 * pin, vector);
}

void ioapic_mask(unsigned pin)
{
	ioapic_write(IOAPIC_REDIRECT + 2 * pin, IOAPIC_MASKED);
}

/* What is in service is ended, what is pending is taken and forgotten. */
void apic_drain(void)
{
	trap_draining = true;
	for (unsigned v = VEC_EXCEPTIONS; v < LAPIC_VECTORS; v++) {
		if (v % 32 == 0 && !lapic_read(LAPIC_ISR + v / 32 * LAPIC_REG_STEP))
			v += 31;
		else if (lapic_vector_bit(LAPIC_ISR, v))
			lapic_eoi();
	}
	asm volatile("sti; nop; nop; cli" : : : "memory");
	trap_draining = false;
}

void apic_restore(void)
{
	lapic_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | VEC_SPURIOUS);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_SVR, LAPIC_SVR_ENABLE | VEC_SPURIOUS);
	lapic_write(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED | VEC_SPURIOUS);
	lapic_write(LAPIC_LVT_LINT0, LAPIC_LVT_EXTINT);
	lapic_write(LAPIC_LVT_LINT1, LAPIC_LVT_NMI);
	lapic_write(LAPIC_TPR, 0);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic_mask(pin);
	apic_drain();
}
