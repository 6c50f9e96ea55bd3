/* SPDX-License-Identifier: MIT */
/*
 * What an emulated device is made of: port and MMIO ranges, interrupt lines, timers. Devices are created one
 * by one, in view, by vm_create() (vmm/vm.c).
 */
#ifndef VMM_IO_H
#define VMM_IO_H

#include "lib/types.h"

struct vcpu;
struct vm;

/* ---- ports and MMIO ---- */

/*
 * One access. size is 1, 2 or 4 bytes (MMIO also 8); `offset` counts from the start of the range. A read
 * returns the value in the low bytes. The core splits nothing: a device that has 8-bit registers says so in
 * max_size and wider accesses reach it byte by byte.
 */
struct io_ops {
	const char *name;
	unsigned max_size; /* widest access that the device takes in one piece; 0 means any */
	u64 (*read)(void *device, u64 offset, unsigned size);
	void (*write)(void *device, u64 offset, unsigned size, u64 value);
};

#define VM_PIO_RANGES  32
#define VM_MMIO_RANGES 8

/* Panics when ranges overlap or no slot is left: the set of devices is the hypervisor's own choice. */
void vm_pio_add(struct vm *vm, u16 first, unsigned count, const struct io_ops *ops, void *device);
void vm_mmio_add(struct vm *vm, gpa_t first, u64 size, const struct io_ops *ops, void *device);

/* Where nothing answers, reads give all ones and writes are lost. Of a value that is written the lowest
 * `size` bytes count. */
u32 vm_pio_read(struct vm *vm, u16 port, unsigned size);
void vm_pio_write(struct vm *vm, u16 port, unsigned size, u32 value);
bool vm_is_mmio(struct vm *vm, gpa_t gpa);
u64 vm_mmio_read(struct vm *vm, gpa_t gpa, unsigned size);
void vm_mmio_write(struct vm *vm, gpa_t gpa, unsigned size, u64 value);
/* The same for an instruction of `v`: each vcpu has its own local APIC at the same address. Without them, the
 * first vcpu's answers. */
u64 vcpu_mmio_read(struct vcpu *v, gpa_t gpa, unsigned size);
void vcpu_mmio_write(struct vcpu *v, gpa_t gpa, unsigned size, u64 value);

/* ---- interrupt lines ---- */

/* Sets the level of an ISA line, 0..15 (line 2 is the cascade), at the PICs and at the IO-APIC (line 0
 * arrives at its pin 2). */
void vm_irq_set(struct vm *vm, unsigned line, bool level);

/* ---- virtual time ---- */

/* Ticks of the guest's TSC. It starts at 0 with the VM, runs on while the VM is not scheduled, and all its
 * devices derive from it. */
u64 vm_now(struct vm *vm);
u64 vm_tick_hz(struct vm *vm);

/* a * b / c without overflow in the product; c != 0 and the quotient fits. */
static inline u64 muldiv64(u64 a, u64 b, u64 c)
{
	u64 low, high, quotient;

	asm("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "rm"(b) : "cc");
	asm("divq %4" : "=a"(quotient), "=d"(high) : "a"(low), "d"(high), "rm"(c) : "cc");
	return quotient;
}

/* The same, rounded up: the first tick at which muldiv64(tick, c, b) has reached a. */
static inline u64 muldiv64_up(u64 a, u64 b, u64 c)
{
	u64 low, high, rest;

	asm("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "rm"(b) : "cc");
	asm("divq %4" : "=a"(low), "=d"(rest) : "a"(low), "d"(high), "rm"(c) : "cc");
	return low + (rest != 0);
}

/* A one-shot timer of a device. `fire` runs when vm_now() has reached the deadline, before the guest runs on;
 * it may set it again. */
struct vm_timer {
	u64 deadline; /* VM_TIMER_OFF: not set */
	void (*fire)(struct vm_timer *t);
	struct vm_timer *next; /* all timers of the VM */
};
#define VM_TIMER_OFF (~0ULL)

void vm_timer_add(struct vm *vm, struct vm_timer *t, void (*fire)(struct vm_timer *t));
void vm_timer_set(struct vm *vm, struct vm_timer *t, u64 deadline);
void vm_timer_cancel(struct vm *vm, struct vm_timer *t);
/*
 * Periodic devices coalesce: after a VM was not scheduled, or when a guest asks for more than
 * VM_TIMER_MAX_HZ, it gets one interrupt for all periods that went by, and the next on the original grid.
 * Counters that the guest reads stay exact.
 */
#define VM_TIMER_MAX_HZ 50000
/* Runs what is due; gives the next deadline (VM_TIMER_OFF: none). */
u64 vm_timers_run(struct vm *vm);

/* ---- console ---- */

/* A byte from the guest's UART; and to it, -1 when there is none. */
void vm_console_put(struct vm *vm, u8 byte);

/* The guest asks for the end: `status` is the byte that it wrote to the debug-exit port. */
void vm_power_off(struct vm *vm, u8 status);

#endif
