// SPDX-License-Identifier: MIT
/*
 * How a guest ends: the debug ports of QEMU and Bochs, so that the same guest ends on the bare emulators too,
 * and the two old ways to reset a PC, which end it as well: bit 0 of port 0x92 and the keyboard controller's
 * output port. (The third, port 0xcf9, is with the PCI host bridge that it lies in.)
 *
 * There is no keyboard: the controller says that it has no data and takes commands, and obeys those that move
 * its output port.
 *
 * Source: abi/run_key.h; Intel 82371SB (PIIX3) data sheet, 2.5.4 "Port 92 Register"; Intel 8042 as programmed
 * in the IBM PC/AT Technical Reference (1984), "Keyboard Controller".
 */
#include "devices/debug_exit.h"

#include "abi/run_key.h"
#include "machine/machine.h"
#include "vmm/vm.h"

#define DEBUG_EXIT_QEMU_PORTS 4
#define BOCHS_WORD            "Shutdown"
#define BOCHS_STATUS          0 /* the word carries none */

#define PORT_92               0x92
#define PORT_92_FAST_RESET    0x01
#define PORT_92_A20           0x02

#define KBC_DATA_PORT         0x60
#define KBC_COMMAND_PORT      0x64 /* reads the status */
#define KBC_STATUS_IDLE       0x14 /* self-test passed, not locked; both buffers empty */
#define KBC_WRITE_OUTPUT      0xd1 /* the next data byte goes to the output port */
#define KBC_PULSE             0xf0 /* .. 0xff: pulls down the output lines whose bit is 0 */
#define KBC_OUTPUT_RESET      0x01 /* active low */

struct debug_exit {
	struct vm *vm;
	unsigned bochs_matched; /* characters of BOCHS_WORD */
	u8 port_92;
	bool kbc_output_next;
};

static u64 no_read(void *device, u64 offset, unsigned size)
{
	(void)device;
	(void)offset;
	(void)size;
	return ~0ULL;
}

static void qemu_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct debug_exit *d = device;

	(void)size;
	if (offset == 0)
		vm_power_off(d->vm, value);
}

static void bochs_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct debug_exit *d = device;

	(void)offset;
	(void)size;
	if (value == (u8)BOCHS_WORD[d->bochs_matched])
		d->bochs_matched++;
	else
		d->bochs_matched = value == (u8)BOCHS_WORD[0];
	if (d->bochs_matched < sizeof(BOCHS_WORD) - 1)
		return;
	d->bochs_matched = 0;
	vm_power_off(d->vm, BOCHS_STATUS);
}

static u64 port_92_read(void *device, u64 offset, unsigned size)
{
	const struct debug_exit *d = device;

	(void)offset;
	(void)size;
	return d->port_92;
}

static void port_92_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct debug_exit *d = device;

	(void)offset;
	(void)size;
	if ((value & PORT_92_FAST_RESET) && !(d->port_92 & PORT_92_FAST_RESET))
		vm_power_off(d->vm, GUEST_RESET_STATUS);
	d->port_92 = value & (PORT_92_FAST_RESET | PORT_92_A20); /* A20 is always open */
}

static u64 kbc_status_read(void *device, u64 offset, unsigned size)
{
	(void)device;
	(void)offset;
	(void)size;
	return KBC_STATUS_IDLE;
}

static void kbc_command_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct debug_exit *d = device;

	(void)offset;
	(void)size;
	d->kbc_output_next = value == KBC_WRITE_OUTPUT;
	if (value >= KBC_PULSE && !(value & KBC_OUTPUT_RESET))
		vm_power_off(d->vm, GUEST_RESET_STATUS);
}

static void kbc_data_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct debug_exit *d = device;

	(void)offset;
	(void)size;
	if (d->kbc_output_next && !(value & KBC_OUTPUT_RESET))
		vm_power_off(d->vm, GUEST_RESET_STATUS);
	d->kbc_output_next = false;
}

static const struct io_ops qemu_ops = {"debug exit", 0, no_read, qemu_write};
static const struct io_ops bochs_ops = {"bochs exit", 1, no_read, bochs_write};
static const struct io_ops port_92_ops = {"port 92", 1, port_92_read, port_92_write};
static const struct io_ops kbc_command_ops = {"keyboard command", 1, kbc_status_read, kbc_command_write};
static const struct io_ops kbc_data_ops = {"keyboard data", 1, no_read, kbc_data_write};

bool debug_exit_create(struct vm *vm)
{
	struct debug_exit *d = machine_alloc(sizeof(*d));

	if (d == NULL)
		return false;
	d->vm = vm;
	d->port_92 = PORT_92_A20;
	vm_pio_add(vm, DEBUG_EXIT_QEMU, DEBUG_EXIT_QEMU_PORTS, &qemu_ops, d);
	vm_pio_add(vm, DEBUG_EXIT_BOCHS, 1, &bochs_ops, d);
	vm_pio_add(vm, PORT_92, 1, &port_92_ops, d);
	vm_pio_add(vm, KBC_COMMAND_PORT, 1, &kbc_command_ops, d);
	vm_pio_add(vm, KBC_DATA_PORT, 1, &kbc_data_ops, d);
	return true;
}
