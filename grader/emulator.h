/* SPDX-License-Identifier: MIT */
/* One run of a virtual machine, from power on to its end, on one of the platforms. */
#ifndef GRADER_EMULATOR_H
#define GRADER_EMULATOR_H

#include "grader/platform.h"
#include "grader/process.h"
#include "grader/serial.h"

#define MACHINE_MODULES 12

struct machine_module {
	const char *file;   /* a name in the directory of the run */
	const char *string; /* what the hypervisor finds behind the file name */
};

/* What KVM counted while it ran a machine: nested/vm.c. */
struct kvm_counts {
	u64 ticks;    /* of the TSC; an instruction each */
	u64 exits;    /* from the hypervisor */
	u64 io_exits; /* of these, by port I/O */
	u64 emulated; /* instructions that KVM emulated */
	u64 nested;   /* entries into the hypervisor's own guest */
};

struct machine {
	/* in */
	const struct platform *platform;
	const char *directory; /* holds the images; the emulator runs in it, so that no path gets into the
				  machine */
	const char *kernel;    /* flat Multiboot image, a name in the directory */
	const char *cmdline;
	struct machine_module modules[MACHINE_MODULES];
	unsigned module_count;
	const char *memory; /* megabytes */
	u64 instructions;   /* budget, where the platform counts */
	u64 seconds;        /* guard */
	u64 silence; /* seconds without output after which nothing more will come; 0: there is no such limit
		      */
	const char *mkdisk; /* the tool that makes a disk image for Bochs, and the template of its
			       configuration */
	const char *bochsrc;
	bool linux_kernel;  /* what runs is Linux: Bochs has to be another machine (bochs.c) */
	const char *nested; /* platform nested: the directory of `make nested`, and a file for all that comes
			       from Linux */
	const char *nested_log; /* NULL: none */
	void (*line)(void *context, const char *text, bool damaged);
	void (*tick)(void *context, double seconds); /* NULL: none */
	void *context;

	/* out */
	enum machine_end {
		MACHINE_CLEAN,   /* shut down with status 0 */
		MACHINE_STATUS,  /* shut down with another status */
		MACHINE_CRASH,   /* reset, triple fault, or the emulator refused or died */
		MACHINE_FLOOD,   /* more output than any run needs */
		MACHINE_TIMEOUT, /* budget or guard */
		MACHINE_HALTED,  /* nothing runs and nothing can wake it */
		MACHINE_TROUBLE, /* the grader's: no emulator, no disk space */
		MACHINE_INTERRUPTED,
	} end;
	const char *message; /* a sentence about the end; NULL: clean */
	double seconds_used;
	u64 instructions_used; /* 0: not counted */
	u64 rip;               /* where the processor was when a guard ended it; 0: not known */
	struct serial serial;
	struct kvm_counts counts; /* platform nested */

	/* its own */
	struct idle idle;
	unsigned dead_seen;
	bool silent; /* for too long */
};

void machine_run(struct machine *m);

/* bochs.c: makes disk image and configuration in the directory of the run; NULL, or what went wrong. */
const char *bochs_prepare(const struct machine *m, string_list *argv);
/* After the end: reads Bochs's log. True: the guest asked for the shutdown. */
bool bochs_read_log(struct machine *m, const char **message);

/* bochs.c: did the machine halt with interrupts off? */
bool bochs_halted(const struct machine *m);
/* qmp.c: asks a running QEMU. `dead`: halted with interrupts off. False: no answer. */
bool qmp_look(int pid, u64 *rip, bool *dead);
#define QEMU_SOCKET     "qmp.sock"

#define BOCHS_IMAGE     "machine.img"
#define BOCHS_CONFIG    "bochsrc"
#define BOCHS_BUDGET    "budget.rc"
#define BOCHS_LOG       "bochs.log"
#define BOCHS_SCREEN    "bochs.txt" /* what its debugger says, between escape codes */
#define BOCHS_SERIAL_FD 3
/* Million instructions a second of its clock. For Linux more: KVM takes thousands for an interrupt, and a
 * hypervisor under it would do nothing else. But from 430 on KVM takes Bochs's VMX-preemption timer for too
 * short, and only that one ends a guest with interrupts off (docs/nested.md). */
#define BOCHS_MHZ       60u
#define BOCHS_LINUX_MHZ 400u
#define MACHINE_STDERR  "emulator.txt"

#endif
