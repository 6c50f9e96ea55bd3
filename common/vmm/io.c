// SPDX-License-Identifier: MIT
/*
 * The buses of a guest: finds the device behind a port or an MMIO address, carries interrupt lines to both
 * interrupt controllers, and keeps the timers of all devices of a VM.
 *
 * A port is looked up in one step, through a table of a byte a port: port I/O is the hottest exit of a guest
 * that prints. An access that no device takes in one piece (wider than the device's registers, or half beyond
 * its range) becomes single bytes, as the bus bridges of a PC break it up for 8-bit devices. Nobody there:
 * reads give ones, as an undriven bus does (SDM vol. 1, 19.3).
 *
 * Timers are a plain list: a VM has half a dozen. next_deadline caches the earliest.
 */
#include "devices/ioapic.h"
#include "devices/pic.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "vmm/vm.h"

#define ISA_LINES        16
#define ISA_LINE_CASCADE 2
#define PORT_COUNT       65536
#define BYTE_ONES        0xff

static u64 ones(unsigned size)
{
	return size >= 8 ? ~0ULL : BIT(8 * size) - 1;
}

/* ---- ports ---- */

void vm_pio_add(struct vm *vm, u16 first, unsigned count, const struct io_ops *ops, void *device)
{
	if (vm->pio_count == VM_PIO_RANGES || count == 0 || first + count > PORT_COUNT)
		panic("%s: no room for its ports at 0x%x", ops->name, first);
	for (unsigned port = first; port < first + count; port++) {
		if (vm->pio_index[port] != 0)
			panic("%s: port 0x%x belongs to %s", ops->name, port,
			      vm->pio[vm->pio_index[port] - 1].ops->name);
		vm->pio_index[port] = vm->pio_count + 1;
	}
	vm->pio[vm->pio_count++] = (struct pio_range){first, count, ops, device};
}

/* The range that takes the whole access in one piece, or NULL. */
static inline const struct pio_range *pio_find(const struct vm *vm, u16 port, unsigned size)
{
	unsigned index = vm->pio_index[port];
	const struct pio_range *r;

	if (index == 0)
		return NULL;
	r = &vm->pio[index - 1];
	if (size == 1)
		return r;
	if ((r->ops->max_size != 0 && size > r->ops->max_size) || port - r->first + size > r->count)
		return NULL;
	return r;
}

/* The rare cases stand apart, so that the usual one needs no stack. */
static NOINLINE u32 pio_read_bytes(struct vm *vm, u16 port, unsigned size)
{
	u32 value = 0;

	for (unsigned i = 0; i < size; i++) {
		const struct pio_range *r = port + i < PORT_COUNT ? pio_find(vm, port + i, 1) : NULL;
		u8 byte = r != NULL ? r->ops->read(r->device, port + i - r->first, 1) : BYTE_ONES;

		value |= (u32)byte << (8 * i);
	}
	return value;
}

static NOINLINE void pio_write_bytes(struct vm *vm, u16 port, unsigned size, u32 value)
{
	for (unsigned i = 0; i < size; i++) {
		const struct pio_range *r = port + i < PORT_COUNT ? pio_find(vm, port + i, 1) : NULL;

		if (r != NULL)
			r->ops->write(r->device, port + i - r->first, 1, (u8)(value >> (8 * i)));
	}
}

u32 vm_pio_read(struct vm *vm, u16 port, unsigned size)
{
	const struct pio_range *r = pio_find(vm, port, size);

	if (r == NULL)
		return pio_read_bytes(vm, port, size);
	return r->ops->read(r->device, port - r->first, size) & ones(size);
}

void vm_pio_write(struct vm *vm, u16 port, unsigned size, u32 value)
{
	const struct pio_range *r = pio_find(vm, port, size);

	if (r == NULL)
		pio_write_bytes(vm, port, size, value);
	else
		r->ops->write(r->device, port - r->first, size, value & ones(size));
}

/* ---- MMIO ---- */

void vm_mmio_add(struct vm *vm, gpa_t first, u64 size, const struct io_ops *ops, void *device)
{
	if (vm->mmio_count == VM_MMIO_RANGES || size == 0 || first + size < first)
		panic("%s: no room for its registers at 0x%lx", ops->name, first);
	for (unsigned i = 0; i < vm->mmio_count; i++) {
		const struct mmio_range *r = &vm->mmio[i];

		if (first < r->first + r->size && r->first < first + size)
			panic("%s: 0x%lx belongs to %s", ops->name, first, r->ops->name);
	}
	vm->mmio[vm->mmio_count++] = (struct mmio_range){first, size, ops, device};
}

static const struct mmio_range *mmio_find(const struct vm *vm, gpa_t gpa)
{
	for (unsigned i = 0; i < vm->mmio_count; i++)
		if (gpa - vm->mmio[i].first < vm->mmio[i].size)
			return &vm->mmio[i];
	return NULL;
}

static bool mmio_takes(const struct mmio_range *r, gpa_t gpa, unsigned size)
{
	return r != NULL && (r->ops->max_size == 0 || size <= r->ops->max_size) &&
	       gpa - r->first + size <= r->size;
}

bool vm_is_mmio(struct vm *vm, gpa_t gpa)
{
	return mmio_find(vm, gpa) != NULL;
}

u64 vm_mmio_read(struct vm *vm, gpa_t gpa, unsigned size)
{
	const struct mmio_range *r = mmio_find(vm, gpa);
	u64 value = 0;

	if (mmio_takes(r, gpa, size))
		return r->ops->read(r->device, gpa - r->first, size) & ones(size);
	if (size == 1)
		return BYTE_ONES;
	for (unsigned i = 0; i < size; i++)
		value |= vm_mmio_read(vm, gpa + i, 1) << (8 * i);
	return value;
}

void vm_mmio_write(struct vm *vm, gpa_t gpa, unsigned size, u64 value)
{
	const struct mmio_range *r = mmio_find(vm, gpa);

	if (mmio_takes(r, gpa, size)) {
		r->ops->write(r->device, gpa - r->first, size, value & ones(size));
		return;
	}
	for (unsigned i = 0; size > 1 && i < size; i++)
		vm_mmio_write(vm, gpa + i, 1, value >> (8 * i) & BYTE_ONES);
}

u64 vcpu_mmio_read(struct vcpu *v, gpa_t gpa, unsigned size)
{
	u64 value;

	v->vm->mmio_vcpu = v;
	value = vm_mmio_read(v->vm, gpa, size);
	v->vm->mmio_vcpu = NULL;
	return value;
}

void vcpu_mmio_write(struct vcpu *v, gpa_t gpa, unsigned size, u64 value)
{
	v->vm->mmio_vcpu = v;
	vm_mmio_write(v->vm, gpa, size, value);
	v->vm->mmio_vcpu = NULL;
}

/* ---- interrupt lines ---- */

void vm_irq_set(struct vm *vm, unsigned line, bool level)
{
	ASSERT(line < ISA_LINES && line != ISA_LINE_CASCADE);
	pic_set_line(vm, line, level);
	ioapic_set_pin(vm, line == 0 ? IOAPIC_PIN_PIT : line, level);
}

/* ---- virtual time ---- */

u64 vm_now(struct vm *vm)
{
	return clock_ticks() - vm->tsc_start;
}

u64 vm_tick_hz(struct vm *vm)
{
	return vm->tick_hz;
}

static void timers_find_next(struct vm *vm)
{
	u64 next = VM_TIMER_OFF;

	for (const struct vm_timer *t = vm->timers; t != NULL; t = t->next)
		next = MIN(next, t->deadline);
	vm->next_deadline = next;
}

void vm_timer_add(struct vm *vm, struct vm_timer *t, void (*fire)(struct vm_timer *t))
{
	t->deadline = VM_TIMER_OFF;
	t->fire = fire;
	t->next = vm->timers;
	vm->timers = t;
	timers_find_next(vm);
}

void vm_timer_set(struct vm *vm, struct vm_timer *t, u64 deadline)
{
	bool was_next = t->deadline == vm->next_deadline;

	t->deadline = deadline;
	if (deadline <= vm->next_deadline) {
		vm->next_deadline = deadline;
		vm_attend(vm);
	} else if (was_next) {
		timers_find_next(vm);
		vm_attend(vm);
	}
}

void vm_timer_cancel(struct vm *vm, struct vm_timer *t)
{
	vm_timer_set(vm, t, VM_TIMER_OFF);
}

/*
 * Each timer fires at most once a call, so a timer that sets itself to a time in the past cannot keep the
 * loop going. next_deadline is found on the way. It may come out too early, when `fire` sets the timer of
 * another device; that costs a call, which puts it right.
 */
u64 vm_timers_run(struct vm *vm)
{
	u64 now = vm_now(vm);

	if (now < vm->next_deadline)
		return vm->next_deadline;
	vm->next_deadline = VM_TIMER_OFF;
	for (struct vm_timer *t = vm->timers; t != NULL; t = t->next) {
		if (t->deadline <= now) {
			t->deadline = VM_TIMER_OFF;
			t->fire(t);
		}
		if (t->deadline < vm->next_deadline)
			vm->next_deadline = t->deadline;
	}
	return vm->next_deadline;
}
