// SPDX-License-Identifier: MIT
/*
 * The end of the machine. An emulator is told to stop, each in its way; on a machine that has neither port
 * the writes go nowhere and the processor halts. Left out: ACPI S5, which needs an AML interpreter.
 */
#include "abi/run_key.h"
#include "machine/internal.h"
#include "x86/asm.h"

void machine_power_off(u8 status)
{
	cli();
	console_flush();
	out8(DEBUG_EXIT_QEMU, status);
	for (const char *p = "Shutdown"; *p; p++)
		out8(DEBUG_EXIT_BOCHS, (u8)*p);
	for (;;)
		asm volatile("cli; hlt");
}
