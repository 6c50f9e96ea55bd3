// SPDX-License-Identifier: MIT
/*
 * Creates a virtual machine: memory, one vcpu with its engines, the devices, the guest's image. What a guest
 * may have is decided here and in view; nothing registers itself.
 */
#include "devices/devices.h"
#include "devices/lapic.h"
#include "lib/print.h"
#include "lib/string.h"
#include "machine/machine.h"
#include "vmm/fpu.h"
#include "vmm/loader.h"
#include "vmm/vm.h"
#include "x86/paging.h"

#define RAM_ALIGN    MIB(2)
#define PAT_AT_RESET 0x0007040600070406

bool vm_console_shared;
static unsigned vm_count;

/* SDM vol. 3A, table 9-1: what does not depend on how the guest starts. The loader sets the rest. */
static void vcpu_reset(struct vcpu *v)
{
	v->valid = v->changed = VCPU_ALL;
	v->rflags = RFLAGS_RESERVED1;
	v->dr6 = DR6_RESERVED;
	v->dr7 = DR7_RESERVED;
	v->pat = PAT_AT_RESET;
	v->xcr0 = XCR0_X87;
	v->idtr.limit = 0xffff;
	v->gdtr.limit = 0xffff;
	v->seg[SEG_LDTR] = (struct segment){.attr = SEG_ATTR_P | SYS_TYPE_LDT, .limit = 0xffff};
	v->seg[SEG_TR] = (struct segment){.attr = SEG_ATTR_P | SYS_TYPE_TSS_BUSY, .limit = 0xffff};
	v->tsc_offset = -v->vm->tsc_start;
}

static struct vcpu *vcpu_create(struct vm *vm, const struct vm_config *c)
{
	struct vcpu *v = pages_alloc(ALIGN_UP(sizeof(*v), PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);

	if (!v)
		return NULL;
	v->vm = vm;
	v->cpu = c->cpu;
	v->mem = c->mem;
	v->id = vm->vcpu_count;
	vcpu_reset(v);
	if (fpu_vcpu_init(v) || c->cpu->vcpu_init(v) || c->mem->vcpu_init(v) || !lapic_create(v))
		return NULL;
	if (vm->ended) /* an exercise that is not written yet, while it was made */
		v->state = VCPU_ENDED;
	vm->vcpus[vm->vcpu_count++] = v;
	return v;
}

static const char *vm_build(struct vm *vm, const struct vm_config *c)
{
	ksnprintf(vm->name, sizeof(vm->name), "%s", c->name);
	vm->id = vm_count++;
	vm->tick_hz = clock_hz();
	vm->tick_budget = c->tick_budget;
	vm->tsc_start = c->cpu->offsets_tsc ? clock_ticks() : 0;
	vm->next_deadline = VM_TIMER_OFF;
	vm->ram_bytes = ALIGN_DOWN(c->ram_bytes, RAM_ALIGN);
	if (!vm->ram_bytes)
		return "it needs at least 2 MiB of memory: ram=64M";
	vm->ram = pages_alloc(vm->ram_bytes / PAGE_SIZE, RAM_ALIGN);
	vm->traced = machine_alloc(ALIGN_UP(vm->ram_bytes / PAGE_SIZE, 64) / 8);
	if (!vm->ram || !vm->traced)
		return "not enough memory on this machine for its ram=";
	vm->ram_hpa = hva_to_hpa(vm->ram);
	if (!devices_create(vm) || !vcpu_create(vm, c))
		return "not enough memory on this machine for its devices and page tables";
	return guest_load(vm, c);
}

struct vm *vm_create(const struct vm_config *c)
{
	struct vm *vm = machine_alloc(sizeof(*vm));
	const char *why = vm ? vm_build(vm, c) : "not enough memory on this machine";

	if (!why)
		return vm;
	kprintf("[hv] guest %s cannot start: %s\n", c->name, why);
	return NULL;
}

void vm_end(struct vm *vm, u8 status)
{
	vm->ended = true;
	vm->exit_status = status;
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vm->vcpus[i]->state = VCPU_ENDED;
	vm_attend(vm);
}

static void flush_line(struct vm *vm)
{
	if (!vm->line_used)
		return;
	kprintf("[%s] %.*s\n", vm->name, (int)vm->line_used, vm->line);
	vm->line_used = 0;
}

void vm_power_off(struct vm *vm, u8 status)
{
	flush_line(vm);
	kprintf("[hv] guest %s ended by itself, status %u\n", vm->name, status);
	vm_end(vm, status);
}

void vm_console_put(struct vm *vm, u8 byte)
{
	if (!vm_console_shared) {
		if (byte != '\r')
			console_putc((char)byte); /* which sends a carriage return with each line feed */
		return;
	}
	if (byte == '\n')
		flush_line(vm);
	else if (byte != '\r')
		vm->line[vm->line_used++] = (char)byte;
	if (vm->line_used == sizeof(vm->line))
		flush_line(vm);
}
