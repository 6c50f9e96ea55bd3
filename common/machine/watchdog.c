// SPDX-License-Identifier: MIT
/*
 * A watchdog: one NMI of the machine, so many ticks from now. It gets through where an interrupt of the timer
 * is held back.
 *
 * Channel 0 of the PIT counts down once. Its output is an input of the IO-APIC (which one, the MADT says),
 * and the entry of that input turns it into an NMI of this processor. Stopping the channel takes the NMI back
 * unless it has been sent.
 *
 * Source: Intel 8254 data sheet, "Mode 0: Interrupt on Terminal Count"; Intel 82093AA (IO-APIC) data sheet,
 * 3.2.4 "IOREDTBL[23:0] - I/O Redirection Table Registers"; ACPI Specification 6.3, 5.2.12.3 "I/O APIC
 * Structure", 5.2.12.5 "Interrupt Source Override Structure". Left out: more than the 54 ms that the channel
 * counts at most; NMIs of anybody else, which end the hypervisor as ever.
 */
#include "machine/acpi.h"
#include "machine/internal.h"
#include "x86/asm.h"

#define PIT_HZ                     1193182
#define PIT_CHANNEL0               0x40
#define PIT_COMMAND                0x43
#define PIT_COMMAND_CH0_LOHI_MODE0 0x30
#define PIT_COUNT_MAX              0xffff
#define PIT_ISA_IRQ                0

#define IOAPIC_SIZE                0x1000
#define IOAPIC_REGSEL              0x00
#define IOAPIC_WIN                 0x10
#define IOAPIC_REG_VERSION         0x01
#define IOAPIC_VERSION_PINS_SHIFT  16 /* the highest entry */
#define IOAPIC_VERSION_PINS        0xff
#define IOAPIC_REG_REDTBL          0x10
#define IOAPIC_RTE_NMI             0x400 /* edge, physical destination, not masked */
#define IOAPIC_RTE_DEST            0xff000000

static bool armed;

static u32 gsi_of_pit(const struct acpi_madt *madt)
{
	const struct acpi_madt_entry *e = NULL;

	while ((e = acpi_madt_next(madt, e)))
		if (e->type == ACPI_MADT_OVERRIDE && e->override.source == PIT_ISA_IRQ)
			return e->override.gsi;
	return PIT_ISA_IRQ;
}

static u32 ioapic_read(volatile u8 *ioapic, u32 reg)
{
	*(volatile u32 *)(ioapic + IOAPIC_REGSEL) = reg;
	return *(volatile u32 *)(ioapic + IOAPIC_WIN);
}

static void ioapic_write(volatile u8 *ioapic, u32 reg, u32 value)
{
	*(volatile u32 *)(ioapic + IOAPIC_REGSEL) = reg;
	*(volatile u32 *)(ioapic + IOAPIC_WIN) = value;
}

/* Turns an input into an NMI. False: this IO-APIC has no such input. */
static bool route(const struct acpi_madt_entry *e, u32 gsi)
{
	volatile u8 *ioapic = machine_map_device(e->ioapic.hpa, IOAPIC_SIZE);
	u32 pin = gsi - e->ioapic.gsi_base, entry = IOAPIC_REG_REDTBL + 2 * pin;

	if (gsi < e->ioapic.gsi_base || !ioapic ||
	    pin > (ioapic_read(ioapic, IOAPIC_REG_VERSION) >> IOAPIC_VERSION_PINS_SHIFT &
		   IOAPIC_VERSION_PINS))
		return false;
	ioapic_write(ioapic, entry + 1, apic_read(APIC_ID) & IOAPIC_RTE_DEST);
	ioapic_write(ioapic, entry, IOAPIC_RTE_NMI);
	return true;
}

bool watchdog_init(void)
{
	const struct acpi_madt *madt = (const struct acpi_madt *)acpi_find("APIC");
	const struct acpi_madt_entry *e = NULL;

	out8(PIT_COMMAND, PIT_COMMAND_CH0_LOHI_MODE0);
	while (madt && (e = acpi_madt_next(madt, e)))
		if (e->type == ACPI_MADT_IOAPIC && route(e, gsi_of_pit(madt)))
			return true;
	return false;
}

void watchdog_arm(u64 ticks)
{
	u64 count = ticks * PIT_HZ / clock_hz() + 1;

	count = MIN(count, PIT_COUNT_MAX);
	armed = true;
	out8(PIT_COMMAND, PIT_COMMAND_CH0_LOHI_MODE0);
	out8(PIT_CHANNEL0, (u8)count);
	out8(PIT_CHANNEL0, (u8)(count >> 8));
}

/* What was sent a moment ago arrives before the channel has answered. */
void watchdog_disarm(void)
{
	out8(PIT_COMMAND, PIT_COMMAND_CH0_LOHI_MODE0);
	(void)in8(PIT_CHANNEL0);
	armed = false;
}

bool watchdog_nmi(void)
{
	bool expected = armed;

	armed = false;
	return expected;
}
