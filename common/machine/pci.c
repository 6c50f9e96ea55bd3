// SPDX-License-Identifier: MIT
/*
 * PCI configuration space by mechanism #1.
 *
 * Source: PCI Local Bus Specification 3.0, 3.2.2.3.2, 6.1 "Configuration Space Organization", 6.2.5 "Base
 * Addresses", 6.7 "Capabilities List". Left out: the extended space of PCI Express (MMCONFIG).
 */
#include "machine/pci.h"
#include "x86/asm.h"

#define CONFIG_ADDRESS   0xcf8
#define CONFIG_ENABLE    0x80000000
#define CONFIG_REGISTER  0xfc
#define CONFIG_DATA      0xcfc

#define BUSES            256
#define DEVICES          32
#define FUNCTIONS        8

#define DEVICE_BARS      6
#define BRIDGE_BARS      2
#define BAR_IO_FLAGS     0x3u
#define BAR_MEMORY_FLAGS 0xfu
#define BAR_IO_UPPER     0xffff0000u

#define CAPABILITY_FIRST 0x40 /* none lies in the header */
#define CAPABILITY_MASK  0xfc
#define CAPABILITIES_MAX 48 /* of 4 bytes at least: a longer list is a loop */

/* Selects the doubleword and returns the port of the byte in it. */
static u16 config_port(u16 bdf, unsigned offset)
{
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | (u32)bdf << 8 | (offset & CONFIG_REGISTER));
	return (u16)(CONFIG_DATA + (offset & 3));
}

u8 pci_read8(u16 bdf, unsigned offset)
{
	return in8(config_port(bdf, offset));
}

u16 pci_read16(u16 bdf, unsigned offset)
{
	return in16(config_port(bdf, offset));
}

u32 pci_read32(u16 bdf, unsigned offset)
{
	return in32(config_port(bdf, offset));
}

void pci_write8(u16 bdf, unsigned offset, u8 value)
{
	out8(config_port(bdf, offset), value);
}

void pci_write16(u16 bdf, unsigned offset, u16 value)
{
	out16(config_port(bdf, offset), value);
}

void pci_write32(u16 bdf, unsigned offset, u32 value)
{
	out32(config_port(bdf, offset), value);
}

static bool exists(u16 bdf)
{
	return pci_read16(bdf, PCI_VENDOR) != PCI_VENDOR_NONE;
}

/* Function 0 must exist, and the others only if it says so. False: the caller has seen enough. */
static bool scan_device(unsigned bus, unsigned device, bool (*found)(u16 bdf, void *ctx), void *ctx)
{
	u16 bdf = PCI_BDF(bus, device, 0);
	unsigned functions = 1;

	if (!exists(bdf))
		return true;
	if (pci_read8(bdf, PCI_HEADER_TYPE) & PCI_HEADER_MULTI_FUNCTION)
		functions = FUNCTIONS;
	for (unsigned f = 0; f < functions; f++) {
		if ((f == 0 || exists(PCI_BDF(bus, device, f))) && !found(PCI_BDF(bus, device, f), ctx))
			return false;
	}
	return true;
}

void pci_scan(bool (*found)(u16 bdf, void *ctx), void *ctx)
{
	for (unsigned bus = 0; bus < BUSES; bus++) {
		for (unsigned device = 0; device < DEVICES; device++) {
			if (!scan_device(bus, device, found, ctx))
				return;
		}
	}
}

static unsigned bar_count(u16 bdf)
{
	switch (pci_read8(bdf, PCI_HEADER_TYPE) & PCI_HEADER_LAYOUT) {
	case PCI_HEADER_LAYOUT_DEVICE:
		return DEVICE_BARS;
	case PCI_HEADER_LAYOUT_BRIDGE:
		return BRIDGE_BARS;
	default:
		return 0;
	}
}

/* What the register reads after ones were written to it: zeros below the size. */
static u32 probe(u16 bdf, unsigned offset)
{
	u32 old = pci_read32(bdf, offset), mask;

	pci_write32(bdf, offset, ~0U);
	mask = pci_read32(bdf, offset);
	pci_write32(bdf, offset, old);
	return mask;
}

bool pci_bar(u16 bdf, unsigned n, struct pci_bar *bar)
{
	u16 command = pci_read16(bdf, PCI_COMMAND);
	unsigned count = bar_count(bdf);
	u32 value;
	u64 mask;

	if (n >= count)
		return false;
	value = pci_read32(bdf, PCI_BAR(n));
	*bar = (struct pci_bar){.io = value & PCI_BAR_IO};
	if (!bar->io) {
		bar->is_64bit = (value & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;
		bar->prefetchable = value & PCI_BAR_PREFETCHABLE;
	}
	if (bar->is_64bit && n + 1 >= count)
		return false;

	pci_write16(bdf, PCI_COMMAND, command & (u16) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	mask = probe(bdf, PCI_BAR(n)) & ~(bar->io ? BAR_IO_FLAGS : BAR_MEMORY_FLAGS);
	bar->base = value & ~(bar->io ? BAR_IO_FLAGS : BAR_MEMORY_FLAGS);
	if (bar->is_64bit) {
		mask |= (u64)probe(bdf, PCI_BAR(n + 1)) << 32;
		bar->base |= (u64)pci_read32(bdf, PCI_BAR(n + 1)) << 32;
	} else if (mask) {
		/* A port BAR may leave its upper half at zero: ports have 16 bits. */
		mask |= ~0ULL << 32 | (bar->io ? BAR_IO_UPPER : 0);
	}
	pci_write16(bdf, PCI_COMMAND, command);
	bar->size = ~mask + 1;
	return mask != 0;
}

unsigned pci_capability(u16 bdf, u8 id)
{
	unsigned at;

	if (!(pci_read16(bdf, PCI_STATUS) & PCI_STATUS_CAPABILITIES))
		return 0;
	at = pci_read8(bdf, PCI_CAPABILITIES) & CAPABILITY_MASK;
	for (unsigned i = 0; i < CAPABILITIES_MAX && at >= CAPABILITY_FIRST; i++) {
		if (pci_read8(bdf, at) == id)
			return at;
		at = pci_read8(bdf, at + 1) & CAPABILITY_MASK;
	}
	return 0;
}
