/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space by mechanism #1 (ports 0xcf8, 0xcfc): reading, writing, finding functions, sizing
 * BARs.
 *
 * Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 "Software Generation of Configuration Transactions",
 * chapter 6.
 */
#ifndef MACHINE_PCI_H
#define MACHINE_PCI_H

#include "lib/types.h"

/* A function: bus, device, function as the hardware packs them; also a requester id. */
#define PCI_BDF(bus, device, function) ((u16)((bus) << 8 | (device) << 3 | (function)))
#define PCI_BUS(bdf)                   ((bdf) >> 8)
#define PCI_DEVICE(bdf)                ((bdf) >> 3 & 0x1f)
#define PCI_FUNCTION(bdf)              ((bdf)&0x7)

/* Configuration header */
#define PCI_VENDOR                     0x00
#define PCI_VENDOR_NONE                0xffff
#define PCI_DEVICE_ID                  0x02
#define PCI_COMMAND                    0x04
#define PCI_COMMAND_IO                 0x0001
#define PCI_COMMAND_MEMORY             0x0002
#define PCI_COMMAND_MASTER             0x0004
#define PCI_COMMAND_INTX_OFF           0x0400
#define PCI_STATUS                     0x06
#define PCI_STATUS_CAPABILITIES        0x0010
#define PCI_REVISION                   0x08
#define PCI_CLASS                      0x0a /* subclass in the low byte, class in the high one */
#define PCI_HEADER_TYPE                0x0e
#define PCI_HEADER_LAYOUT              0x7f
#define PCI_HEADER_LAYOUT_DEVICE       0
#define PCI_HEADER_LAYOUT_BRIDGE       1
#define PCI_HEADER_MULTI_FUNCTION      0x80
#define PCI_BAR(n)                     (0x10 + 4 * (n))
#define PCI_BAR_IO                     0x1
#define PCI_BAR_TYPE                   0x6
#define PCI_BAR_TYPE_64                0x4
#define PCI_BAR_PREFETCHABLE           0x8
#define PCI_CAPABILITIES               0x34
#define PCI_INTERRUPT                  0x3c

u8 pci_read8(u16 bdf, unsigned offset);
u16 pci_read16(u16 bdf, unsigned offset);
u32 pci_read32(u16 bdf, unsigned offset);
void pci_write8(u16 bdf, unsigned offset, u8 value);
void pci_write16(u16 bdf, unsigned offset, u16 value);
void pci_write32(u16 bdf, unsigned offset, u32 value);

/* Calls `found` for every function, in the order of the numbers, until it returns false. */
void pci_scan(bool (*found)(u16 bdf, void *ctx), void *ctx);

struct pci_bar {
	u64 base; /* hpa, or port */
	u64 size;
	bool io;
	bool is_64bit; /* takes the next register too */
	bool prefetchable;
};

/*
 * BAR n of a function. Decoding is off while it is sized, so that the device must not be in use. False: there
 * is no such BAR, or it is the upper half of a 64-bit one whose number was not given (which cannot be seen
 * from here).
 */
bool pci_bar(u16 bdf, unsigned n, struct pci_bar *bar) MUST_USE;

/* The offset of the first capability with this id; 0: none. */
unsigned pci_capability(u16 bdf, u8 id);

#endif
