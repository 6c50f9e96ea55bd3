// SPDX-License-Identifier: MIT
/*
 * The end by a broken invariant: the reason, the state of the CPU and the way here are printed, and the
 * machine stops with a status that is not 0. A panic during a panic prints its own reason and stops at once.
 */
#include "lib/panic.h"
#include "lib/print.h"
#include "machine/internal.h"
#include "machine/trap.h"
#include "x86/asm.h"

static bool panicking;

bool panic_begin(void)
{
	bool again = panicking;

	cli();
	panicking = true;
	console_fresh_line();
	return !again;
}

void panic(const char *fmt, ...)
{
	bool first = panic_begin();
	va_list ap;

	va_start(ap, fmt);
	kprintf(first ? "[hv] panic: " : "[hv] panic during a panic: ");
	kvprintf(fmt, ap);
	kprintf("\n");
	va_end(ap);
	if (first) {
		trap_dump_control();
		trap_backtrace((u64)__builtin_frame_address(0));
	}
	machine_power_off(MACHINE_STATUS_PANIC);
}
