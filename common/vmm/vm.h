/* SPDX-License-Identifier: MIT */
/* A virtual machine: memory, devices, one or more vcpus, a console. Created from a Multiboot module; ends
 * alone. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "abi/start_info.h"
#include "lib/types.h"
#include "vmm/engine.h"
#include "vmm/io.h"
#include "vmm/memory.h"
#include "vmm/vcpu.h"

#define VM_MAX_VCPUS 4

struct pic;
struct pit;
struct ioapic;
struct uart;
struct pci_host;

struct pio_range {
	u16 first;
	unsigned count;
	const struct io_ops *ops;
	void *device;
};

struct mmio_range {
	gpa_t first;
	u64 size;
	const struct io_ops *ops;
	void *device;
};

/* Symbols of the guest's ELF file, for reports. They stay in the module. */
struct guest_symbols {
	const void *symtab;
	u64 count;
	const char *strings;
	u64 strings_size;
};

struct vm_config {
	const char *name;
	const void *image; /* the guest's file: ELF (32 or 64 bit) or flat, with a Multiboot header */
	u64 image_size;
	const char *cmdline; /* for the guest */
	u64 ram_bytes;
	u64 tick_budget; /* the guest is ended after it ran for so many TSC ticks; 0: no limit */
	const struct cpu_engine *cpu;
	const struct mem_engine *mem;
};

struct vm {
	char name[32];
	unsigned id;
	bool ended;
	u8 exit_status; /* what the guest wrote to the debug-exit port, or VM_STATUS_ENDED */

	u8 *ram; /* hva of gpa 0; one piece of hpa too */
	hpa_t ram_hpa;
	u64 ram_bytes;
	u64 *traced; /* a bit a frame */
	struct trace_client *trace_clients;

	struct vcpu *vcpus[VM_MAX_VCPUS];
	unsigned vcpu_count;
	struct start_counters *counters; /* in guest memory, never read back */
	struct guest_symbols symbols;

	struct pio_range pio[VM_PIO_RANGES];
	unsigned pio_count;
	u8 pio_index[65536]; /* port to 1 + number of its range; 0: nothing there */
	struct mmio_range mmio[VM_MMIO_RANGES];
	unsigned mmio_count;
	struct vm_timer *timers;
	u64 next_deadline;
	u64 tsc_start; /* the machine's TSC at vm_now() == 0 */
	u64 tick_hz;
	u64 tick_budget;

	struct pic *pic;
	struct ioapic *ioapic;
	struct uart *uart;
	struct pci_host *pci;
	struct vcpu *mmio_vcpu; /* the vcpu whose access vcpu_mmio_read/write is doing; NULL: the first */

	char line[256]; /* console output up to the end of line, when more than one guest shares the machine's
			   console */
	unsigned line_used;
};

/* NULL, with a sentence printed, when the image cannot be loaded or memory does not suffice. */
struct vm *vm_create(const struct vm_config *c);
#define VM_STATUS_ENDED 0xff /* the monitor ended it */
/* Ends all vcpus of the VM. Its memory stays (there is no second boot). */
void vm_end(struct vm *vm, u8 status);

/* vcpu_attend() for all of its vcpus. */
static inline void vm_attend(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vcpu_attend(vm->vcpus[i]);
}

/* More than one guest: each line on the machine's console begins with "[NAME] ". */
extern bool vm_console_shared;

#endif
