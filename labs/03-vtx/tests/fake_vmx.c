// SPDX-License-Identifier: MIT
/* The VMCS is an array by encoding. */
#include "fake_vmx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "machine/machine.h"

#define ENCODINGS 0x8000

static u64 fields[ENCODINGS];
unsigned fake_vmcs_reads, fake_vmcs_writes;
int fake_interrupt = -1;

void fake_vmcs_clear(void)
{
	memset(fields, 0, sizeof(fields));
	fake_vmcs_reads = fake_vmcs_writes = 0;
	fake_interrupt = -1;
}

u64 vmcs_read(u32 field)
{
	if (!vmcs_field_name(field))
		panic("VMREAD of field 0x%x, which does not exist", field);
	fake_vmcs_reads++;
	return fields[field];
}

void vmcs_write(u32 field, u64 value)
{
	if (!vmcs_field_name(field))
		panic("VMWRITE of field 0x%x, which does not exist", field);
	fake_vmcs_writes++;
	fields[field] = value;
}

void machine_interrupt(unsigned vector)
{
	fake_interrupt = (int)vector;
}

void vmx_unblock_nmi(void) {}

void console_putc(char c)
{
	putchar(c);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	abort();
}
