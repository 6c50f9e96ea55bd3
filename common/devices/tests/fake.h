/* SPDX-License-Identifier: MIT */
/*
 * The machine under the devices, for tests on the host: a clock that the test moves, memory that can run out,
 * and a note of all that devices tell the rest of the monitor.
 */
#ifndef DEVICES_TESTS_FAKE_H
#define DEVICES_TESTS_FAKE_H

#include <setjmp.h>

#include "lib/types.h"
#include "vmm/vm.h"

#define FAKE_HZ        1000000000ULL /* a tick is a nanosecond */
#define FAKE_US        1000ULL
#define FAKE_MS        1000000ULL

#define FAKE_NO_STATUS (-1)

extern u64 fake_ticks;      /* the machine's TSC */
extern int fake_allocs;     /* machine_alloc() succeeds so many times; negative: always */
extern char fake_console[]; /* what the guest sent */
extern unsigned fake_console_used;
extern int fake_status; /* of vm_power_off(), or FAKE_NO_STATUS */
extern unsigned fake_nmis[VM_MAX_VCPUS];

/* A VM with all devices and `vcpus` vcpus, all else as at the start. The one before is freed. */
struct vm *fake_vm(unsigned vcpus);
/* Without devices: the buses alone. */
struct vm *fake_bare_vm(void);

/* Lets time pass, and runs the timers of the VM whenever one is due. Returns how often that was. */
unsigned fake_run(struct vm *vm, u64 ticks);
/* Lets time pass while the VM is not scheduled; its timers run late, once. */
void fake_sleep(struct vm *vm, u64 ticks);

/* Byte ports */
void out8p(struct vm *vm, u16 port, u8 value);
u8 in8p(struct vm *vm, u16 port);

/* Runs `statement`, and tells whether it panicked. */
extern jmp_buf fake_panic_jump;
extern bool fake_panic_expected;
#define FAKE_PANICS(statement)                                                                               \
	({                                                                                                   \
		volatile bool panicked_ = true;                                                              \
		fake_panic_expected = true;                                                                  \
		if (setjmp(fake_panic_jump) == 0) {                                                          \
			statement;                                                                           \
			panicked_ = false;                                                                   \
		}                                                                                            \
		fake_panic_expected = false;                                                                 \
		panicked_;                                                                                   \
	})

#endif
