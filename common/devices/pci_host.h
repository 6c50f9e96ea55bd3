/* SPDX-License-Identifier: MIT */
/* The guest's PCI bus: configuration mechanism #1, bus 0, a host bridge as function 0:0.0, and a place for
 * further functions. */
#ifndef DEVICES_PCI_HOST_H
#define DEVICES_PCI_HOST_H

#include "lib/types.h"

struct vm;

#define PCI_CONFIG_ADDRESS 0xcf8
#define PCI_CONFIG_DATA    0xcfc
#define PCI_CONFIG_PORTS   4
#define PCI_FUNCTIONS      256 /* of a bus: device << 3 | function */

/*
 * One access to the configuration space of a function: 1, 2 or 4 bytes within one aligned doubleword. A read
 * returns the value in the low bytes.
 */
struct pci_function_ops {
	const char *name;
	u32 (*read)(void *function, u8 offset, unsigned size);
	void (*write)(void *function, u8 offset, unsigned size, u32 value);
};

bool pci_host_create(struct vm *vm) MUST_USE;

/* Panics when the place is taken: the set of devices is the hypervisor's own choice. */
void pci_add(struct vm *vm, u8 devfn, const struct pci_function_ops *ops, void *function);

#endif
