// SPDX-License-Identifier: MIT
/*
 * The guest's machine: a small PC. Every device is made here, in view; where nothing is, reads give ones.
 * Port 0x80, where firmware shows its progress and old kernels wait, is such a place.
 */
#include "devices/devices.h"

#include "devices/debug_exit.h"
#include "devices/ioapic.h"
#include "devices/pci_host.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/rtc.h"
#include "devices/uart.h"

/* The interrupt controllers first: the others have lines to them. */
bool devices_create(struct vm *vm)
{
	if (!ioapic_create(vm) || !pic_create(vm))
		return false;
	if (!pit_create(vm) || !rtc_create(vm) || !uart_create(vm))
		return false;
	if (!pci_host_create(vm) || !debug_exit_create(vm))
		return false;
	pic_init_firmware(vm); /* last: forgets the edges that the lines made when their devices came up */
	return true;
}
