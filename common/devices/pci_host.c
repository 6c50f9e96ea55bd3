// SPDX-License-Identifier: MIT
/*
 * PCI configuration mechanism #1 and the host bridge: an Intel 440FX as far as its identity goes, with
 * nothing to configure.
 *
 * Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 "Software Generation of Configuration Transactions", 6.1
 * "Configuration Space Organization"; Intel 82441FX data sheet, 3.2 "PCI Configuration Registers"; Intel
 * 82371SB (PIIX3) data sheet, 2.5.5 "Reset Control Register" at port 0xcf9.
 *
 * Only a doubleword written to the address port is the address (3.2.2.3.2); bytes and words there go through
 * to the ports of ordinary devices: 0xcf9 alone is one.
 */
#include "devices/pci_host.h"

#include "devices/debug_exit.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "vmm/vm.h"

#define PCI_ADDRESS_ENABLE      BIT(31)
#define PCI_ADDRESS_WRITABLE    0x80fffffc
#define PCI_ADDRESS_BUS_SHIFT   16
#define PCI_ADDRESS_BUS_MASK    0xff
#define PCI_ADDRESS_DEVFN_SHIFT 8
#define PCI_ADDRESS_REGISTER    0xfc

#define RESET_CONTROL_OFFSET    1 /* port 0xcf9 */
#define RESET_CONTROL_RESET     0x04
#define RESET_CONTROL_STORED    0x02

#define HOST_BRIDGE_DEVFN       0

struct pci_slot {
	const struct pci_function_ops *ops; /* NULL: empty */
	void *function;
};

struct pci_host {
	struct vm *vm;
	u32 address;
	u8 reset_control;
	struct pci_slot slot[PCI_FUNCTIONS];
};

/* ---- the host bridge ---- */

static const u32 host_bridge_config[] = {
	0x12378086, /* 00 device ID, vendor ID: 82441FX */
	0x02000006, /* 04 status: medium DEVSEL; command: memory space, bus master */
	0x06000002, /* 08 class: host bridge; revision */
	0x00000000, /* 0c BIST, header type 0, latency timer, cache line size */
};

static u32 host_bridge_read(void *function, u8 offset, unsigned size)
{
	unsigned index = offset / sizeof(u32);

	(void)function;
	(void)size;
	if (index >= ARRAY_SIZE(host_bridge_config))
		return 0;
	return host_bridge_config[index] >> (8 * (offset % sizeof(u32)));
}

static void host_bridge_write(void *function, u8 offset, unsigned size, u32 value)
{
	(void)function;
	(void)offset;
	(void)size;
	(void)value;
}

static const struct pci_function_ops host_bridge_ops = {"host bridge", host_bridge_read, host_bridge_write};

/* ---- configuration mechanism #1 ---- */

/* The function that the address register names, or NULL. */
static const struct pci_slot *selected(const struct pci_host *h)
{
	const struct pci_slot *slot = &h->slot[h->address >> PCI_ADDRESS_DEVFN_SHIFT & (PCI_FUNCTIONS - 1)];

	if (!(h->address & PCI_ADDRESS_ENABLE) ||
	    (h->address >> PCI_ADDRESS_BUS_SHIFT & PCI_ADDRESS_BUS_MASK) != 0 || slot->ops == NULL)
		return NULL;
	return slot;
}

static u64 data_read(void *device, u64 offset, unsigned size)
{
	const struct pci_host *h = device;
	const struct pci_slot *slot = selected(h);

	if (slot == NULL)
		return ~0ULL;
	return slot->ops->read(slot->function, (h->address & PCI_ADDRESS_REGISTER) + offset, size);
}

static void data_write(void *device, u64 offset, unsigned size, u64 value)
{
	const struct pci_host *h = device;
	const struct pci_slot *slot = selected(h);

	if (slot != NULL)
		slot->ops->write(slot->function, (h->address & PCI_ADDRESS_REGISTER) + offset, size, value);
}

static u64 address_read(void *device, u64 offset, unsigned size)
{
	const struct pci_host *h = device;

	if (size == sizeof(u32))
		return h->address;
	return offset == RESET_CONTROL_OFFSET && size == 1 ? h->reset_control : ~0ULL;
}

static void address_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct pci_host *h = device;

	if (size == sizeof(u32)) {
		h->address = value & PCI_ADDRESS_WRITABLE;
	} else if (offset == RESET_CONTROL_OFFSET && size == 1) {
		if (value & RESET_CONTROL_RESET)
			vm_power_off(h->vm, GUEST_RESET_STATUS);
		h->reset_control = value & RESET_CONTROL_STORED;
	}
}

static const struct io_ops address_ops = {"pci address", 0, address_read, address_write};
static const struct io_ops data_ops = {"pci data", 0, data_read, data_write};

void pci_add(struct vm *vm, u8 devfn, const struct pci_function_ops *ops, void *function)
{
	struct pci_slot *slot = &vm->pci->slot[devfn];

	if (slot->ops != NULL)
		panic("%s: PCI function 0x%x belongs to %s", ops->name, devfn, slot->ops->name);
	*slot = (struct pci_slot){ops, function};
}

bool pci_host_create(struct vm *vm)
{
	struct pci_host *h = machine_alloc(sizeof(*h));

	if (h == NULL)
		return false;
	h->vm = vm;
	vm->pci = h;
	pci_add(vm, HOST_BRIDGE_DEVFN, &host_bridge_ops, h);
	vm_pio_add(vm, PCI_CONFIG_ADDRESS, PCI_CONFIG_PORTS, &address_ops, h);
	vm_pio_add(vm, PCI_CONFIG_DATA, PCI_CONFIG_PORTS, &data_ops, h);
	return true;
}
