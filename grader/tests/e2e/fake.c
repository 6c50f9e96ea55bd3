// SPDX-License-Identifier: MIT
/* What the tests' guest and hypervisors share: see fake.h. Source for the UART: PC16550D data sheet, 8.0
 * "Registers". */
#include "fake.h"

#define COM1      0x3f8
#define UART_LCR  3
#define UART_LSR  5
#define LCR_8N1   0x03
#define LSR_THRE  0x20
#define LSR_TEMT  0x40
#define LINE      200
#define HEX_WIDTH 16

#ifdef FAKE_STEPS
const char *const test_names[TESTS] = {"step/one", "step/two", "step/three"};
#else
const char *const test_names[TESTS] = {"cpu/one", "cpu/two", "mem/three"};
#endif

const char *console_prefix = "";
static unsigned sequence;

void serial_start(void)
{
	out8(COM1 + UART_LCR, LCR_8N1);
}

void serial_byte(u8 c)
{
	while (!(in8(COM1 + UART_LSR) & LSR_THRE))
		;
	out8(COM1, c);
}

void serial_text(const char *s)
{
	while (*s)
		serial_byte((u8)*s++);
}

static char *put_text(char *p, const char *s)
{
	while (*s)
		*p++ = *s++;
	return p;
}

static char *put_hex(char *p, u64 value)
{
	for (int shift = 4 * HEX_WIDTH - 4; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[value >> shift & 0xf];
	return p;
}

void machine_line(const struct run_key *key, const char *text)
{
	char line[LINE], *p = put_text(line, text);
	u64 code = siphash24(key->key, line, (size_t)(p - line));

	p = put_text(p, " #");
	p = put_hex(p, code);
	*p++ = '\n';
	*p = 0;
	serial_text(console_prefix);
	serial_text(line);
}

u64 right_digest(const struct run_key *key, unsigned test)
{
	u64 words[] = {key->seed, test};

	return siphash24(key->key, words, sizeof(words));
}

/* "@SEQ KIND NAME": where the text ends in `text`. */
static char *numbered(char *text, const char *kind, const char *name)
{
	char *p = text;

	*p++ = '@';
	*p++ = (char)('0' + sequence++);
	*p++ = ' ';
	p = put_text(p, kind);
	p = put_text(p, name);
	*p = 0;
	return p;
}

void line_plan(const struct run_key *key, unsigned tests)
{
	char text[LINE], *p;

	sequence = 0;
	p = numbered(text, "plan ", "tests=");
	*p++ = (char)('0' + tests);
	*put_text(p, " benches=0") = 0;
	machine_line(key, text);
}

void line_begin(const struct run_key *key, unsigned test)
{
	char text[LINE];

	numbered(text, "begin ", test_names[test]);
	machine_line(key, text);
}

void line_pass(const struct run_key *key, unsigned test, u64 digest)
{
	char text[LINE], *p = numbered(text, "pass ", test_names[test]);

	*p++ = ' ';
	*put_hex(p, digest) = 0;
	machine_line(key, text);
}

void line_end(const struct run_key *key, unsigned passed)
{
	char text[LINE], *p = numbered(text, "end ", "pass=");

	*p++ = (char)('0' + passed);
	*put_text(p, " fail=0") = 0;
	machine_line(key, text);
}

void machine_lines(const struct run_key *key, u64 (*digest)(const struct run_key *key, unsigned test),
		   bool end)
{
	line_plan(key, TESTS);
	for (unsigned i = 0; i < TESTS; i++) {
		line_begin(key, i);
		line_pass(key, i, digest(key, i));
	}
	if (end)
		line_end(key, TESTS);
}

void serial_drain(void)
{
	while (!(in8(COM1 + UART_LSR) & LSR_TEMT))
		;
}

void machine_end(u8 status)
{
	static const char shutdown[] = "Shutdown";

	serial_drain();
	out32(DEBUG_EXIT_QEMU, status);
	for (const char *p = shutdown; *p; p++)
		out8(DEBUG_EXIT_BOCHS, (u8)*p);
	for (;;)
		asm volatile("cli; hlt");
}
