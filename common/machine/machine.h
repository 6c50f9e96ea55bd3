/* SPDX-License-Identifier: MIT */
/*
 * The machine under the hypervisor (L0): one processor, console, clock, one-shot timer, memory, the way to
 * end. Everything that a monitor needs of it and no more; ACPI and PCI have headers of their own.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "boot/multiboot.h"
#include "lib/types.h"
#include "machine/layout.h"
#include "x86/asm.h"
#include "x86/desc.h"

/* All physical memory is mapped at HV_BASE, the image too: PML4 slot HV_PML4_SLOT, reserved in every guest.
 */
#define HV_BASE 0xffff800000000000ULL

static inline void *hpa_to_hva(hpa_t hpa)
{
	return (void *)(HV_BASE + hpa);
}

static inline hpa_t hva_to_hpa(const void *hva)
{
	return (hpa_t)hva - HV_BASE;
}

/* Everything below, in order; `magic` and `info` are what the boot loader left in EAX and EBX. */
void machine_init(u32 magic, hpa_t info);

#if !__STDC_HOSTED__
/* The lab supplies it; the machine is powered off with its value. */
int main(void);
#endif

/* ---- boot information (copied, with hvas) ---- */

struct machine_module {
	const void *data;
	u64 size;
	const char *string;
};
/* As the loader gave it: QEMU's and our own put the file name of the image in front. Never NULL. */
extern const char *machine_cmdline;
extern struct machine_module machine_modules[];
extern unsigned machine_module_count;

/* ---- memory (memory.c) ---- */

/* `count` zeroed pages in one piece of hpa, aligned to `align` bytes (a power of two, 4096 at least); NULL
 * when there are none. */
void *pages_alloc(u64 count, u64 align);
/* `size` zeroed bytes, 16-byte aligned; never given back. NULL when there is no memory. */
void *machine_alloc(u64 size);
/* The hypervisor's own page tables: the top-level table, whose entry HV_PML4_SLOT every guest root shares. */
hpa_t machine_root(void);
/*
 * Registers of a device, mapped uncached. What lies below 4 GiB and is no RAM always is. Only while
 * machine_root() is in CR3. NULL: out of reach.
 */
void *machine_map_device(hpa_t hpa, u64 size);

/* ---- console (console.c): COM1, 115200 8N1, polled ---- */

int console_getc(void);   /* -1: nothing there */
void console_flush(void); /* until the last bit has left */

/* ---- clock and timer (clock.c): the TSC, calibrated against the PIT; the local APIC timer, one-shot ---- */

#if __STDC_HOSTED__
u64 clock_ticks(void); /* unit tests bring their own */
#else
static inline u64 clock_ticks(void) /* TSC */
{
	return rdtsc();
}
#endif
u64 clock_hz(void);
/* Interrupts at TSC `deadline`, replacing an earlier one; CLOCK_NEVER: not at all. */
void clock_arm(u64 deadline);
#define CLOCK_NEVER (~0ULL)
/* Interrupts on, halt, interrupts off: returns after one interrupt was served. */
void machine_wait(void);

/* ---- watchdog (watchdog.c): an NMI, by channel 0 of the PIT and the IO-APIC ---- */

/* False: the machine has no IO-APIC that ACPI tells of. */
bool watchdog_init(void) MUST_USE;
/* One NMI `ticks` of the TSC from now, at most 54 ms; trap.c takes it. */
void watchdog_arm(u64 ticks);
/* Only where NMIs are taken, so that one that has been sent comes now or not at all. */
void watchdog_disarm(void);

/* ---- interrupts and exceptions (trap.S, trap.c) ---- */

#define HV_VEC_SELF     0xeb
#define HV_VEC_TIMER    0xec
#define HV_VEC_SPURIOUS 0xff

/* What trap.S pushes, in the order of memory. gpr[] is in GPR_* order; gpr[GPR_RSP] is not used (rsp below
 * is). */
struct trap_frame {
	u64 gpr[16];
	u64 vector;
	u64 error;
	u64 rip, cs, rflags, rsp, ss;
};

/* Serves an external interrupt of the machine (timer, self, spurious) and acknowledges it. For engines: guest
 * exits by interrupt. */
void machine_interrupt(unsigned vector);

/*
 * Makes an interrupt of the machine pending, by vector HV_VEC_SELF: a guest exits for it as soon as it could
 * take an interrupt of the machine.
 */
void machine_interrupt_self(void);

/* Prints the registers of a frame, control registers and a backtrace. */
void trap_dump(const struct trap_frame *f);

/*
 * An engine that runs the guest in ring 3 sets this: trap.S hands it every interrupt and exception that comes
 * from ring 3. Entered with the frame on the stack of TSS.RSP0, interrupts off. NULL: a trap from ring 3
 * panics.
 */
extern void (*trap_from_ring3)(struct trap_frame *f);
/*
 * #DB in ring 0 (a watchpoint that MOV SS delayed past the kernel entry, SDM vol. 3A 6.8.3): an engine may
 * take it. True: it was its.
 */
extern bool (*trap_debug_in_ring0)(struct trap_frame *f);

/* Entries of SYSCALL, for an engine that sets LSTAR and CSTAR to them: trap_from_ring3 gets TRAP_VEC_SYSCALL
 * or TRAP_VEC_SYSCALL32. */
extern const u8 trap_syscall[], trap_syscall32[];

/* Entry stubs, one a vector, for engines that bring an IDT of their own, or an entry. */
extern const u64 trap_stubs[256];

/* An entry of the engine's own for an exception without a stack of its own. It goes on to the stub when the
 * exception is not its. */
void machine_set_entry(unsigned vector, const void *entry);

/*
 * The monitor's own selectors stand at the end of a GDT of full size (64 KiB), so that an engine can use a
 * GDT with the guest's descriptors at the start and the same selectors of the monitor in place: gates, CS and
 * TR stay valid across LGDT. (tables.c)
 */
#define HV_GDT_ENTRIES 8192
#define HV_SEL_CODE    0xffc0 /* 64-bit code, DPL 0 */
#define HV_SEL_DATA    0xffc8
#define HV_SEL_TSS     0xffd0 /* 16 bytes */
#define HV_SEL_ENGINE  0xffe0 /* from here on free for the engine */
extern struct tss64 machine_tss;
extern u64 machine_gdt[HV_GDT_ENTRIES];
void machine_load_gdt(void); /* LGDT of machine_gdt and a null LDTR again, after an engine used its own */

/*
 * Runs `access` where it may raise #GP or #PF. (The section .fixups lists such places.) False: it faulted.
 */
bool rdmsr_safe(u32 msr, u64 *value) MUST_USE;
bool wrmsr_safe(u32 msr, u64 value) MUST_USE;
/* From and to any address of the address space that is loaded, the guest's part too. What faults in one page
 * has written nothing to it. */
bool read_safe(void *dst, const void *src, u64 size) MUST_USE;
bool write_safe(void *dst, const void *src, u64 size) MUST_USE;
/* The same for one word, in place. */
#if __STDC_HOSTED__ /* unit tests: their own */
static inline MUST_USE bool read_safe64(u64 *dst, const void *src)
{
	return read_safe(dst, src, sizeof(*dst));
}
static inline MUST_USE bool write_safe64(void *dst, u64 value)
{
	return write_safe(dst, &value, sizeof(value));
}
#else
#define MAY_FAULT(insn)                                                                                      \
	"1:	" insn                                                                                       \
	"\n	.pushsection .fixups, \"a\", @progbits\n	.quad 1b, %l[failed]\n	.popsection"
static inline MUST_USE bool read_safe64(u64 *dst, const void *src)
{
	u64 value;

	asm goto(MAY_FAULT("mov %1, %0") : "=r"(value) : "m"(*(const u64 *)src) : : failed);
	*dst = value;
	return true;
failed:
	return false;
}
static inline MUST_USE bool write_safe64(void *dst, u64 value)
{
	asm goto(MAY_FAULT("movq %1, %0") : : "m"(*(u64 *)dst), "er"(value) : "memory" : failed);
	return true;
failed:
	return false;
}
#endif
/* A selector into DS, ES, FS, GS (SEG_*); a fault leaves it null. */
bool load_segment_safe(unsigned seg, u16 selector) MUST_USE;

/* ---- the end ---- */

/* Flushes the console and ends the machine: isa-debug-exit, Bochs's shutdown port, otherwise halts for ever.
 */
void machine_power_off(u8 status) NORETURN;

#endif
