// SPDX-License-Identifier: MIT
// Configuration mechanism #1 against the PCI specification.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/debug_exit.h"
#include "devices/pci_host.h"

static u32 config_read(struct vm *vm, u32 address, unsigned size)
{
	vm_pio_write(vm, PCI_CONFIG_ADDRESS, 4, address & ~3U);
	return vm_pio_read(vm, PCI_CONFIG_DATA + (address & 3), size);
}

static void test_host_bridge(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_EQUAL(config_read(vm, 0x80000000, 4), 0x12378086);
	CU_ASSERT_EQUAL(config_read(vm, 0x80000002, 2), 0x1237);
	CU_ASSERT_EQUAL(config_read(vm, 0x8000000b, 1), 0x06); /* base class: bridge */
	CU_ASSERT_EQUAL(config_read(vm, 0x8000000e, 1), 0x00); /* one function */
	for (u32 reg = 0x10; reg < 0x100; reg += 4)
		CU_ASSERT_EQUAL(config_read(vm, 0x80000000 | reg, 4), 0); /* no BARs, nothing else */
	vm_pio_write(vm, PCI_CONFIG_ADDRESS, 4, 0x80000000);
	vm_pio_write(vm, PCI_CONFIG_DATA, 4, 0);
	CU_ASSERT_EQUAL(config_read(vm, 0x80000000, 4), 0x12378086);
}

static void test_empty(void)
{
	struct vm *vm = fake_vm(1);

	for (u32 devfn = 1; devfn < PCI_FUNCTIONS; devfn++)
		CU_ASSERT_EQUAL(config_read(vm, 0x80000000 | devfn << 8, 4), 0xffffffff);
	CU_ASSERT_EQUAL(config_read(vm, 0x80010000, 4), 0xffffffff); /* another bus */
	CU_ASSERT_EQUAL(config_read(vm, 0x80ff0000, 2), 0xffff);
	CU_ASSERT_EQUAL(config_read(vm, 0x00000000, 4), 0xffffffff); /* not enabled */
}

static void test_address(void)
{
	struct vm *vm = fake_vm(1);

	vm_pio_write(vm, PCI_CONFIG_ADDRESS, 4, 0xffffffff);
	CU_ASSERT_EQUAL(vm_pio_read(vm, PCI_CONFIG_ADDRESS, 4), 0x80fffffc);
	/* Only a doubleword is an access to the register. */
	vm_pio_write(vm, PCI_CONFIG_ADDRESS, 1, 0);
	vm_pio_write(vm, PCI_CONFIG_ADDRESS, 2, 0);
	CU_ASSERT_EQUAL(vm_pio_read(vm, PCI_CONFIG_ADDRESS, 4), 0x80fffffc);
	CU_ASSERT_EQUAL(vm_pio_read(vm, PCI_CONFIG_ADDRESS, 1), 0xff);
}

static void test_reset_control(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, 0xcf9, 0x02);
	CU_ASSERT_EQUAL(in8p(vm, 0xcf9), 0x02);
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	out8p(vm, 0xcf9, 0x06);
	CU_ASSERT_EQUAL(fake_status, GUEST_RESET_STATUS);
}

static u32 last_write;

static u32 function_read(void *function, u8 offset, unsigned size)
{
	return *(u32 *)function + offset * 0x100 + size;
}

static void function_write(void *function, u8 offset, unsigned size, u32 value)
{
	(void)function;
	last_write = value << 16 | offset << 8 | size;
}

static const struct pci_function_ops function_ops = {"function", function_read, function_write};

static void test_add(void)
{
	struct vm *vm = fake_vm(1);
	u32 base = 0xa0000;

	pci_add(vm, 0xff, &function_ops, &base);
	CU_ASSERT_EQUAL(config_read(vm, 0x8000ff00 | 0xfc, 4), 0xafc04);
	CU_ASSERT_EQUAL(config_read(vm, 0x8000ff00 | 0x3e, 2), 0x3e02);
	vm_pio_write(vm, PCI_CONFIG_DATA + 1, 1, 0x1277);
	CU_ASSERT_EQUAL(last_write, 0x00773d01);
	CU_ASSERT_TRUE(FAKE_PANICS(pci_add(vm, 0xff, &function_ops, &base)));
	CU_ASSERT_TRUE(FAKE_PANICS(pci_add(vm, 0, &function_ops, &base)));
	/* Across the end of the data port: the rest meets nothing. */
	CU_ASSERT_EQUAL(vm_pio_read(vm, PCI_CONFIG_DATA + 3, 2) >> 8, 0xff);
}

UNIT_MAIN("pci host", {"host bridge", test_host_bridge}, {"empty places", test_empty},
	  {"address", test_address}, {"reset control", test_reset_control}, {"further functions", test_add})
