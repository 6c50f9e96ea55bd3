// SPDX-License-Identifier: MIT
/*
 * The order in which the machine is set up. Each step may use those before it: the console first, so that all
 * others can complain; then the tables, so that a fault in a later step shows itself as a dump and not as a
 * reset.
 */
#include "machine/acpi.h"
#include "machine/internal.h"

#define MAPPED_ALWAYS GIB(4) /* memory.c */

void machine_init(u32 magic, hpa_t info)
{
	console_init();
	tables_init();
	boot_info_init(magic, info);
	memory_init();
	acpi_init(hpa_to_hva(0), MAPPED_ALWAYS); /* without ACPI acpi_find() finds nothing */
	apic_init();
	clock_init();
}
