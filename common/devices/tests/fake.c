// SPDX-License-Identifier: MIT
// The machine under the devices: see fake.h.
#include "fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/devices.h"
#include "devices/lapic.h"
#include "lib/panic.h"
#include "machine/machine.h"

#define START_TICKS  5000000000ULL /* the machine ran for a while before the VM came */
#define RAM_BYTES    MIB(64)
#define CONSOLE_SIZE 256
#define BLOCKS_MAX   64

u64 fake_ticks;
int fake_allocs;
char fake_console[CONSOLE_SIZE];
unsigned fake_console_used;
int fake_status;
unsigned fake_nmis[VM_MAX_VCPUS];
jmp_buf fake_panic_jump;
bool fake_panic_expected;

static void *blocks[BLOCKS_MAX];
static unsigned block_count;

static void *block(u64 size)
{
	if (block_count == BLOCKS_MAX)
		abort();
	blocks[block_count] = calloc(1, size);
	return blocks[block_count++];
}

void *machine_alloc(u64 size)
{
	if (fake_allocs == 0)
		return NULL;
	fake_allocs--;
	return block(size);
}

u64 clock_ticks(void)
{
	return fake_ticks;
}

u64 clock_hz(void)
{
	return FAKE_HZ;
}

void vm_console_put(struct vm *vm, u8 byte)
{
	(void)vm;
	if (fake_console_used < CONSOLE_SIZE)
		fake_console[fake_console_used++] = (char)byte;
}

void vm_power_off(struct vm *vm, u8 status)
{
	(void)vm;
	fake_status = status;
}

void event_nmi(struct vcpu *v)
{
	fake_nmis[v->id]++;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	if (fake_panic_expected)
		longjmp(fake_panic_jump, 1);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

struct vm *fake_bare_vm(void)
{
	struct vm *vm;

	while (block_count > 0)
		free(blocks[--block_count]);
	fake_ticks = START_TICKS;
	fake_allocs = -1;
	fake_console_used = 0;
	fake_status = FAKE_NO_STATUS;
	memset(fake_nmis, 0, sizeof(fake_nmis));
	vm = block(sizeof(*vm));
	vm->tsc_start = START_TICKS;
	vm->tick_hz = FAKE_HZ;
	vm->ram_bytes = RAM_BYTES;
	vm->next_deadline = VM_TIMER_OFF;
	return vm;
}

struct vm *fake_vm(unsigned vcpus)
{
	struct vm *vm = fake_bare_vm();

	if (!devices_create(vm))
		abort();
	for (unsigned i = 0; i < vcpus; i++) {
		struct vcpu *v = block(sizeof(*v));

		v->vm = vm;
		v->id = i;
		v->tsc_offset = -vm->tsc_start;
		if (!lapic_create(v))
			abort();
		vm->vcpus[vm->vcpu_count++] = v;
	}
	return vm;
}

unsigned fake_run(struct vm *vm, u64 ticks)
{
	u64 end = fake_ticks + ticks;
	unsigned runs = 0;

	while (vm->next_deadline != VM_TIMER_OFF && vm->next_deadline + vm->tsc_start <= end) {
		if (vm->next_deadline + vm->tsc_start > fake_ticks)
			fake_ticks = vm->next_deadline + vm->tsc_start;
		vm_timers_run(vm);
		runs++;
	}
	fake_ticks = end;
	return runs;
}

void fake_sleep(struct vm *vm, u64 ticks)
{
	fake_ticks += ticks;
	vm_timers_run(vm);
}

void out8p(struct vm *vm, u16 port, u8 value)
{
	vm_pio_write(vm, port, 1, value);
}

u8 in8p(struct vm *vm, u16 port)
{
	return vm_pio_read(vm, port, 1);
}
