/* SPDX-License-Identifier: MIT */
/*
 * A small machine over Linux KVM, as far as a lab's hypervisor needs one: what init.c, the first process of
 * the emulated Linux, runs. CPU, memory, local APIC, IO-APIC, PICs and PIT are KVM's; COM1 and the debug-exit
 * ports are here (ports.c).
 */
#ifndef NESTED_VM_H
#define NESTED_VM_H

#include "boot/disk.h"
#include "lib/types.h"

/* ---- config.c: what to run ---- */

struct vm_module {
	const char *file, *string;
};
struct vm_config {
	u64 memory; /* bytes */
	u64 ticks;  /* of the TSC at most */
	const char *kernel, *cmdline;
	struct vm_module modules[DISK_MODULES_MAX];
	unsigned module_count;
};
/* A line each: memory MEGABYTES, ticks NUMBER, kernel FILE, cmdline TEXT, module FILE STRING. Cuts `text` up;
 * the configuration points into it. NULL, or what is wrong. */
const char *vm_config_read(struct vm_config *c, char *text) MUST_USE;

/* ---- loader.c: what a Multiboot loader does ---- */

struct vm_entry {
	u32 rip, rax, rbx;
};
/* The files are names in `directory`. NULL, or what is wrong. */
const char *vm_load(const struct vm_config *c, const char *directory, u8 *ram,
		    struct vm_entry *entry) MUST_USE;

/* ---- vcpu.c ---- */

/* Gives a new virtual CPU all that KVM can give, and the machine state of vm_load(). NULL, or what is wrong.
 */
const char *vcpu_init(int kvm, int vcpu, const struct vm_entry *entry) MUST_USE;

/* ---- ports.c ---- */

#define PORTS_LINE 256
#define PORTS_COM1 0x3f8
struct ports {
	void (*write)(const char *text, u64 size);
	u8 uart[8]; /* what was written last, for the registers that read back */
	char line[PORTS_LINE];
	u64 used;
	bool begun;   /* a part of the line went out */
	bool ended;   /* the machine asked for its end ... */
	u8 status;    /* ... with this status */
	u32 shutdown; /* letters of the word that were seen in a row */
};
void ports_init(struct ports *p, void (*write)(const char *text, u64 size));
void ports_out(struct ports *p, u16 port, const u8 *data, unsigned size);
void ports_in(struct ports *p, u16 port, u8 *data, unsigned size);
/* The last line, which may lack its end. */
void ports_finish(struct ports *p);
#define PORTS_MARK '|' /* begins each line of the machine, so that it can be told from what init.c says */

/* ---- vm.c ---- */

/* Runs the machine to its end and says on the console how it came: what init.c describes. */
void vm_run(const struct vm_config *c, const char *directory);

/* ---- console.c: COM1 of the emulated machine, without Linux ---- */

bool console_open(void);
void console_write(const char *text, u64 size);
/* A line "[nested] ...". */
void console_say(const char *format, ...) PRINTF(1, 2);
void power_off(void) NORETURN;

#endif
