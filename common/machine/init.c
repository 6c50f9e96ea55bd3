// SPDX-License-Identifier: MIT
/*
 * The order in which the machine is set up. Each step may use those before it: the console first, so that all
 * others can complain; then the tables, so that a fault in a later step shows itself as a dump and not as a
 * reset.
 */
#include "machine/internal.h"

void machine_init(u32 magic, hpa_t info)
{
	console_init();
	tables_init();
	boot_info_init(magic, info);
	memory_init();
	apic_init();
	clock_init();
}
