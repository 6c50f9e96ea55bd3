/* SPDX-License-Identifier: MIT */
/* What the tests' guest and hypervisors share: a serial line, the end of the machine, and machine lines under
 * any key. */
#ifndef GRADER_TESTS_FAKE_H
#define GRADER_TESTS_FAKE_H

#include "abi/run_key.h"
#include "boot/multiboot.h"
#include "lib/siphash.h"
#include "lib/types.h"

#define GUEST_BASE 0x400000
#define TESTS      3
extern const char *const test_names[TESTS];

void fake_main(u32 magic, const struct multiboot_info *info);

static inline void out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline u8 in8(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void out32(u16 port, u32 value)
{
	asm volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

void serial_start(void);
void serial_byte(u8 c);
void serial_text(const char *s);
/* Until all that was sent is out: what comes then takes nothing of it away. */
void serial_drain(void);
/* What stands before each machine line: "[NAME] " where there are several guests. */
extern const char *console_prefix;
/* Sends a machine line with its code. */
void machine_line(const struct run_key *key, const char *text);
/* The lines of the protocol, numbered from the plan on. */
void line_plan(const struct run_key *key, unsigned tests);
void line_begin(const struct run_key *key, unsigned test);
void line_pass(const struct run_key *key, unsigned test, u64 digest);
void line_end(const struct run_key *key, unsigned passed);
/* The whole protocol of a guest whose tests pass with these digests; `end`: with the end record. */
void machine_lines(const struct run_key *key, u64 (*digest)(const struct run_key *key, unsigned test),
		   bool end);
/* What the guest's tests give. */
u64 right_digest(const struct run_key *key, unsigned test);
void machine_end(u8 status) __attribute__((noreturn));

#endif
