// SPDX-License-Identifier: MIT
/*
 * Ways for a guest to come to a bad end, for `crash=NAME` on the command line: instead of the tests the
 * kernel does this one thing. The monitor has to end this guest with a report, and go on with the others. The
 * last two take arguments, `crash=NAME:ARGUMENTS` (hostile.c).
 */
#include "guest/harness.h"
#include "lib/print.h"
#include "lib/string.h"

#define MONITOR_SLOT 256
#define MONITOR_GVA  0xffff800000000000
#define WILD_ADDRESS 0x00007fff12345678
#define BEYOND_RAM   0x0000000fffff0000

static void no_idt(void)
{
	static const struct desc_ptr none;

	lidt(&none);
}

static void triple_fault(void)
{
	no_idt();
	asm volatile("ud2");
}

/* Jumps to where nothing is mapped, with nobody to take the page fault. */
static void wild_jump(void)
{
	no_idt();
	asm volatile("jmp *%0" : : "r"(WILD_ADDRESS));
}

/* The double fault's stack is as bad as the one that overflowed. */
static void stack_overflow(void)
{
	for (unsigned vector = 0; vector < VEC_EXCEPTIONS; vector++)
		idt_set_ist(vector, 0);
	asm volatile("mov %0, %%rsp; push %%rax" : : "r"(WILD_ADDRESS));
}

static void endless_loop(void)
{
	for (;;)
		asm volatile("");
}

static bool spin(struct frame *f)
{
	(void)f;
	endless_loop();
	return true;
}

/* Not even a handler of NMIs, whom no further NMI interrupts, may keep the CPU. */
static void nmi_loop(void)
{
	handler_set(VEC_NMI, spin);
	lapic_send_nmi();
	endless_loop();
}

static void halt(void)
{
	cli();
	asm volatile("hlt");
}

/* Maps a page of its own where the monitor lives, and touches it. */
static void monitor_slot(void)
{
	u64 offset = (u64)&boot_pml4 & (pt_span(4) - 1);

	boot_pml4[MONITOR_SLOT] = boot_pml4[PT_ENTRIES - 1];
	write_cr3(read_cr3());
	(void)*(volatile u64 *)(MONITOR_GVA + offset);
}

/* Page tables where there is no memory. */
static void tables_beyond_ram(void)
{
	no_idt();
	write_cr3(BEYOND_RAM);
	asm volatile("nop");
}

/* An instruction on a device's registers that no driver would use. */
static void odd_mmio(void)
{
	asm volatile("clts; fninit; fldl (%0)" : : "r"(DEVICE_BASE + APIC_BASE_DEFAULT) : "memory");
}

void crash(const char *name)
{
	static const struct {
		const char *name;
		void (*run)(void);
		void (*run_with)(const char *arguments);
	} crashes[] = {
		{"triple_fault", triple_fault},
		{"wild_jump", wild_jump},
		{"stack_overflow", stack_overflow},
		{"endless_loop", endless_loop},
		{"nmi_loop", nmi_loop},
		{"halt", halt},
		{"monitor_slot", monitor_slot},
		{"tables_beyond_ram", tables_beyond_ram},
		{"odd_mmio", odd_mmio},
		{"scribble", .run_with = crash_scribble},
		{"leap", .run_with = crash_leap},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(crashes); i++) {
		size_t length = strlen(crashes[i].name);

		if (strncmp(name, crashes[i].name, length) || (name[length] && !strchr(" :", name[length])))
			continue;
		kprintf("crash: %s\n", crashes[i].name);
		console_drain();
		if (crashes[i].run)
			crashes[i].run();
		else
			crashes[i].run_with(name + length);
		kprintf("crash: %s did no harm\n", crashes[i].name);
		return;
	}
	kprintf("crash=%s is unknown. Known:", name);
	for (unsigned i = 0; i < ARRAY_SIZE(crashes); i++)
		kprintf(" %s", crashes[i].name);
	kprintf("\n");
}
