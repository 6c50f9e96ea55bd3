// SPDX-License-Identifier: MIT
/*
 * Hypervisors that are none: each does one thing that a student's broken (or dishonest) work may do. One
 * image a FAKE. `honest` starts the guest as a boot loader would, and is the proof that the others are
 * refused for what they do.
 */
#include "fake.h"

#define FAKE_HONEST       1 /* runs the guest */
#define FAKE_LIAR         2 /* prints what a guest with another key printed once */
#define FAKE_GUESSER      3 /* finds the run's key in the guest's image, and invents the values */
#define FAKE_HANG         4 /* loops after the last test */
#define FAKE_HALT         5 /* halts after the last test, interrupts off */
#define FAKE_FLOOD        6
#define FAKE_TRIPLE_FAULT 7
#define FAKE_REBOOT       8  /* through the keyboard controller */
#define FAKE_GARBAGE      9  /* NULs, escape codes and 8-bit bytes between the lines, then a clean end */
#define FAKE_NO_SHUTDOWN  10 /* prints the end record and goes on */
#define FAKE_STATUS       11 /* ends with a status that is not 0 */
#define FAKE_REPEATER     12 /* runs the guest's lines twice */
#define FAKE_SILENT       13 /* ends at once */

#define KBD_COMMAND       0x64
#define KBD_RESET         0xfe
#define BAD_STATUS        3

static const struct multiboot_module *guest_module(const struct multiboot_info *info)
{
	return (const struct multiboot_module *)info->mods_addr;
}

/* The key, where the guest's image has it. */
static const struct run_key *find_key(const struct multiboot_info *info)
{
	static const char magic[] = RUN_KEY_MAGIC;

	for (const char *p = (const char *)guest_module(info)->start;
	     p < (const char *)guest_module(info)->end; p++) {
		unsigned n = 0;

		while (n < sizeof(magic) && p[n] == magic[n])
			n++;
		if (n == sizeof(magic))
			return (const struct run_key *)p;
	}
	return NULL;
}

static void run_guest(const struct multiboot_info *info)
{
	const u8 *from = (const u8 *)guest_module(info)->start, *end = (const u8 *)guest_module(info)->end;
	volatile u8 *to = (volatile u8 *)GUEST_BASE;

	while (from < end)
		*to++ = *from++;
	asm volatile("jmp *%0" ::"r"(GUEST_BASE), "a"(MULTIBOOT_BOOT_MAGIC), "b"(info) : "memory");
}

static u64 invented_digest(const struct run_key *key, unsigned test)
{
	return key->seed + test;
}

static void garbage(void)
{
	static const u8 bytes[] = {0,   0,   27,  '[', '2', 'J', 27, ']',  '0', ';', 'x', 7,   0xff, 0x9b,
				   '3', '1', 'm', 8,   8,   127, 0,  '\r', 'o', 'v', 'e', 'r', '\n'};

	for (unsigned i = 0; i < sizeof(bytes); i++)
		serial_byte(bytes[i]);
}

static void triple_fault(void)
{
	static const struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) no_idt;

	asm volatile("lidt %0; int3" ::"m"(no_idt));
}

static void forever(void)
{
	for (;;)
		;
}

/* FAKE comes from the compiler's command line: each image has one way. */
void fake_main(u32 magic, const struct multiboot_info *info)
{
	static const struct run_key other = {.seed = 1};

	(void)magic;
	serial_start();
	serial_text("[hv] a hypervisor that is none\n");
	switch (FAKE) {
	case FAKE_HONEST:
		run_guest(info);
		break;
	case FAKE_LIAR:
		machine_lines(&other, right_digest, true);
		serial_text("cpu/one PASS\ncpu/two PASS\nmem/three PASS\n");
		break;
	case FAKE_GUESSER:
		machine_lines(find_key(info), invented_digest, true);
		break;
	case FAKE_HANG:
		machine_lines(find_key(info), right_digest, false);
		forever();
		break;
	case FAKE_HALT:
		machine_lines(find_key(info), right_digest, false);
		for (;;)
			asm volatile("cli; hlt");
		break;
	case FAKE_FLOOD:
		for (;;)
			serial_text(
				"flood flood flood flood flood flood flood flood flood flood flood flood\n");
		break;
	case FAKE_TRIPLE_FAULT:
		machine_lines(find_key(info), right_digest, false);
		triple_fault();
		break;
	case FAKE_REBOOT:
		out8(KBD_COMMAND, KBD_RESET);
		forever();
		break;
	case FAKE_GARBAGE:
		garbage();
		machine_lines(find_key(info), right_digest, true);
		garbage();
		break;
	case FAKE_NO_SHUTDOWN:
		machine_lines(find_key(info), right_digest, true);
		forever();
		break;
	case FAKE_STATUS:
		machine_lines(find_key(info), right_digest, true);
		machine_end(BAD_STATUS);
		break;
	case FAKE_REPEATER:
		machine_lines(find_key(info), right_digest, false);
		machine_lines(find_key(info), right_digest, true);
		break;
	case FAKE_SILENT:
		break;
	}
	machine_end(0);
}
