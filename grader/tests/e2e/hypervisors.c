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
#define FAKE_ENDS_SECOND  14 /* ends the guest in its second test, with a report */
#define FAKE_DIES_IN_EACH 15 /* a triple fault in each test */
#define FAKE_DIES_BETWEEN 16 /* reboots behind the first test */
#define FAKE_DIES_PLANNED 17 /* reboots behind the plan */
#define FAKE_REPLAYER     18 /* as 14, and when started again it runs the lines of all tests */
#define FAKE_ENDS_ONE     19 /* of two guests: the second is ended in its second test */
#define FAKE_DIES_IN_ONE  20 /* of two guests: a triple fault in a test of the second */

#define KBD_COMMAND       0x64
#define KBD_RESET         0xfe
#define BAD_STATUS        3

static const struct multiboot_module *guest_module(const struct multiboot_info *info)
{
	return (const struct multiboot_module *)info->mods_addr;
}

/* The key, where the image of a guest has it. */
static const struct run_key *find_key_of(const struct multiboot_module *guest)
{
	static const char magic[] = RUN_KEY_MAGIC;

	for (const char *p = (const char *)guest->start; p < (const char *)guest->end; p++) {
		unsigned n = 0;

		while (n < sizeof(magic) && p[n] == magic[n])
			n++;
		if (n == sizeof(magic))
			return (const struct run_key *)p;
	}
	return NULL;
}

static const struct run_key *find_key(const struct multiboot_info *info)
{
	return find_key_of(guest_module(info));
}

static bool begins_with(const char *s, const char *with)
{
	while (*with && *s == *with)
		s++, with++;
	return !*with;
}

/* The first test to run: the guest's command line may name the one behind which it goes on. */
static unsigned first_test(const struct multiboot_info *info)
{
	static const char option[] = "from=";

	for (const char *s = (const char *)guest_module(info)->string; *s; s++)
		for (unsigned i = 0; i < TESTS; i++)
			if (begins_with(s, option) && begins_with(s + sizeof(option) - 1, test_names[i]))
				return i + 1;
	return 0;
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

	serial_drain();
	asm volatile("lidt %0; int3" ::"m"(no_idt));
}

static void forever(void)
{
	for (;;)
		;
}

static void reboot(void)
{
	serial_drain();
	out8(KBD_COMMAND, KBD_RESET);
	forever();
}

/* The guest's tests from `first` on, until something happens in, or behind, one of them. */
static void run_tests(const struct run_key *key, unsigned first, unsigned stop, bool behind,
		      void (*happens)(void))
{
	line_plan(key, TESTS - first);
	for (unsigned i = first; i < TESTS; i++) {
		line_begin(key, i);
		if (i == stop && !behind)
			happens();
		line_pass(key, i, right_digest(key, i));
		if (i == stop && behind)
			happens();
	}
	line_end(key, TESTS - first);
}

static void end_guest(void)
{
	serial_text("[hv] guest guest ended: for the test\n");
	machine_end(BAD_STATUS);
}

static void end_second_guest(void)
{
	serial_text("[hv] guest b ended: for the test\n");
	machine_end(BAD_STATUS);
}

static void two_guests(const struct multiboot_info *info, void (*happens)(void))
{
	console_prefix = "[a] ";
	machine_lines(find_key_of(guest_module(info)), right_digest, true);
	console_prefix = "[b] ";
	run_tests(find_key_of(guest_module(info) + 1), 0, 1, false, happens);
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
		reboot();
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
	case FAKE_ENDS_SECOND:
		run_tests(find_key(info), first_test(info), 1, false, end_guest);
		break;
	case FAKE_DIES_IN_EACH:
		run_tests(find_key(info), first_test(info), first_test(info), false, triple_fault);
		break;
	case FAKE_DIES_BETWEEN:
		run_tests(find_key(info), first_test(info), 0, true, reboot);
		break;
	case FAKE_DIES_PLANNED:
		line_plan(find_key(info), TESTS);
		reboot();
		break;
	case FAKE_REPLAYER:
		run_tests(find_key(info), 0, first_test(info) ? TESTS : 1, false, end_guest);
		break;
	case FAKE_ENDS_ONE:
		two_guests(info, end_second_guest);
		break;
	case FAKE_DIES_IN_ONE:
		two_guests(info, triple_fault);
		break;
	}
	machine_end(0);
}
