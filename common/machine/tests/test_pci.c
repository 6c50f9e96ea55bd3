// SPDX-License-Identifier: MIT
/*
 * machine/pci.c over a configuration space of three devices. The port instructions are replaced here: the
 * guard of x86/asm.h is taken first.
 */
#include <string.h>

#include "lib/tests/unit.h"
#include "lib/types.h"

#define X86_ASM_H

#define CONFIG_BYTES 256
#define BARS         6

struct device {
	u16 bdf;
	u32 config[CONFIG_BYTES / 4];
	u32 writable[BARS]; /* bits of the BARs that can be set */
};

static struct device devices[4];
static u32 address;
static unsigned sized_while_decoding;

static struct device *selected(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		if ((address & 0x80000000) && devices[i].config[0] && devices[i].bdf == (u16)(address >> 8))
			return &devices[i];
	}
	return NULL;
}

static u32 in32(u16 port)
{
	const struct device *d = selected();

	CU_ASSERT_EQUAL(port & ~3, 0xcfc);
	return d ? d->config[(address & 0xff) / 4] : ~0U;
}

static u16 in16(u16 port)
{
	return (u16)(in32(port) >> (port & 3) * 8);
}

static u8 in8(u16 port)
{
	return (u8)(in32(port) >> (port & 3) * 8);
}

static void out32(u16 port, u32 v)
{
	struct device *d;
	unsigned bar;

	if (port == 0xcf8) {
		address = v;
		return;
	}
	d = selected();
	if (!d)
		return;
	bar = (address & 0xff) / 4 - 4;
	if (bar < BARS) {
		sized_while_decoding += d->config[1] & 3;
		d->config[bar + 4] = (d->config[bar + 4] & ~d->writable[bar]) | (v & d->writable[bar]);
	} else {
		d->config[(address & 0xff) / 4] = v;
	}
}

static void out16(u16 port, u16 v)
{
	u32 shift = (port & 3) * 8, old = in32(port & (u16)~3);

	out32(port & (u16)~3, (old & ~(0xffffU << shift)) | (u32)v << shift);
}

static void out8(u16 port, u8 v)
{
	u32 shift = (port & 3) * 8, old = in32(port & (u16)~3);

	out32(port & (u16)~3, (old & ~(0xffU << shift)) | (u32)v << shift);
}

#include "machine/pci.c"

static void build(void)
{
	memset(devices, 0, sizeof(devices));
	sized_while_decoding = 0;

	devices[0].bdf = PCI_BDF(0, 0, 0);
	devices[0].config[0] = 0x12378086;

	/* Functions 0 and 2 of a device; 1 is missing. */
	devices[1].bdf = PCI_BDF(0, 5, 0);
	devices[1].config[0] = 0x11111af4;
	devices[1].config[1] = 0x00100007; /* capabilities; I/O, memory, bus master */
	devices[1].config[3] = 0x00800000; /* multi-function */
	devices[1].config[4] = 0xfebf0000; /* 4 KiB of memory */
	devices[1].writable[0] = 0xfffff000;
	devices[1].config[5] = 0x0000c001; /* 32 ports, upper half fixed to 0 */
	devices[1].writable[1] = 0x0000ffe0;
	devices[1].config[6] = 0x0000000c; /* 8 GiB, prefetchable, at 256 GiB */
	devices[1].writable[2] = 0;
	devices[1].config[7] = 0x00000040;
	devices[1].writable[3] = 0xfffffffe;
	devices[1].config[13] = 0x40;
	devices[1].config[16] = 0x00005005; /* MSI, next 0x50 */
	devices[1].config[20] = 0x00000011; /* MSI-X, last */
	devices[2].bdf = PCI_BDF(0, 5, 2);
	devices[2].config[0] = 0x22221af4;
	devices[2].config[1] = 0x00100000;
	devices[2].config[9] =
		0x00000004; /* BAR 5 claims to be 64-bit: there is no register for its upper half */
	devices[2].writable[5] = 0xfffff000;
	devices[2].config[13] = 0x40;
	devices[2].config[16] = 0x00004005; /* names itself as the next */

	devices[3].bdf = PCI_BDF(255, 31, 0);
	devices[3].config[0] = 0x33331af4;
	devices[3].config[3] = 0x00010000; /* bridge */
}

static u16 seen[8];
static unsigned seen_count;

static bool note(u16 bdf, void *ctx)
{
	const unsigned *limit = ctx;

	seen[seen_count++] = bdf;
	return seen_count < *limit;
}

static void test_scan(void)
{
	unsigned limit = ARRAY_SIZE(seen);

	build();
	seen_count = 0;
	pci_scan(note, &limit);
	CU_ASSERT_EQUAL_FATAL(seen_count, 4);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(seen[i], devices[i].bdf);
	seen_count = 0;
	limit = 2;
	pci_scan(note, &limit);
	CU_ASSERT_EQUAL(seen_count, 2);
}

/* Functions beside function 0 only count when the header type says so. */
static void test_single_function(void)
{
	unsigned limit = ARRAY_SIZE(seen);

	build();
	devices[1].config[3] = 0;
	seen_count = 0;
	pci_scan(note, &limit);
	CU_ASSERT_EQUAL(seen_count, 3);
}

static void test_bars(void)
{
	u16 bdf = PCI_BDF(0, 5, 0);
	struct device before;
	struct pci_bar bar;

	build();
	before = devices[1];
	CU_ASSERT_FATAL(pci_bar(bdf, 0, &bar));
	CU_ASSERT_EQUAL(bar.base, 0xfebf0000);
	CU_ASSERT_EQUAL(bar.size, 0x1000);
	CU_ASSERT_FALSE(bar.io || bar.is_64bit || bar.prefetchable);
	CU_ASSERT_FATAL(pci_bar(bdf, 1, &bar));
	CU_ASSERT_EQUAL(bar.base, 0xc000);
	CU_ASSERT_EQUAL(bar.size, 32);
	CU_ASSERT(bar.io);
	CU_ASSERT_FATAL(pci_bar(bdf, 2, &bar));
	CU_ASSERT_EQUAL(bar.base, GIB(256));
	CU_ASSERT_EQUAL(bar.size, GIB(8));
	CU_ASSERT(bar.is_64bit && bar.prefetchable && !bar.io);
	CU_ASSERT_FALSE(pci_bar(bdf, 4, &bar));
	CU_ASSERT_FALSE(pci_bar(bdf, 6, &bar));
	/* Everything as before, and nothing was moved while the device answered to it. */
	CU_ASSERT_EQUAL(memcmp(&before, &devices[1], sizeof(before)), 0);
	CU_ASSERT_EQUAL(sized_while_decoding, 0);
}

static void test_bar_limits(void)
{
	struct pci_bar bar;

	build();
	CU_ASSERT_FALSE(pci_bar(PCI_BDF(0, 5, 2), 5, &bar));
	CU_ASSERT_FALSE(pci_bar(PCI_BDF(255, 31, 0), 2, &bar)); /* a bridge has two */
	CU_ASSERT_FALSE(pci_bar(PCI_BDF(1, 0, 0), 0, &bar));    /* nothing there */
}

static void test_capabilities(void)
{
	build();
	CU_ASSERT_EQUAL(pci_capability(PCI_BDF(0, 5, 0), 0x05), 0x40);
	CU_ASSERT_EQUAL(pci_capability(PCI_BDF(0, 5, 0), 0x11), 0x50);
	CU_ASSERT_EQUAL(pci_capability(PCI_BDF(0, 5, 0), 0x10), 0);
	CU_ASSERT_EQUAL(pci_capability(PCI_BDF(0, 5, 2), 0x11), 0);
	CU_ASSERT_EQUAL(pci_capability(PCI_BDF(0, 0, 0), 0x05), 0);
}

static void test_widths(void)
{
	u16 bdf = PCI_BDF(0, 5, 0);

	build();
	CU_ASSERT_EQUAL(pci_read16(bdf, PCI_DEVICE_ID), 0x1111);
	CU_ASSERT_EQUAL(pci_read8(bdf, 1), 0x1a);
	pci_write8(bdf, PCI_INTERRUPT + 1, 0xab);
	CU_ASSERT_EQUAL(pci_read32(bdf, PCI_INTERRUPT), 0xab00);
	pci_write16(bdf, PCI_INTERRUPT + 2, 0xcdef);
	CU_ASSERT_EQUAL(pci_read32(bdf, PCI_INTERRUPT), 0xcdefab00);
}

UNIT_MAIN("machine-pci", {"scan", test_scan}, {"single_function", test_single_function}, {"bars", test_bars},
	  {"bar_limits", test_bar_limits}, {"capabilities", test_capabilities}, {"widths", test_widths})
