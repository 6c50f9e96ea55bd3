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

const char *const test_names[TESTS] = {"cpu/one", "cpu/two", "mem/three"};

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
	serial_text(line);
}

u64 right_digest(const struct run_key *key, unsigned test)
{
	u64 words[] = {key->seed, test};

	return siphash24(key->key, words, sizeof(words));
}

static void numbered_line(const struct run_key *key, unsigned seq, const char *kind, unsigned test,
			  bool with_digest, u64 digest)
{
	char text[LINE], *p = text;

	*p++ = '@';
	*p++ = (char)('0' + seq);
	*p++ = ' ';
	p = put_text(p, kind);
	p = put_text(p, test_names[test]);
	if (with_digest) {
		*p++ = ' ';
		p = put_hex(p, digest);
	}
	*p = 0;
	machine_line(key, text);
}

void machine_lines(const struct run_key *key, u64 (*digest)(const struct run_key *key, unsigned test),
		   bool end)
{
	unsigned seq = 1;

	machine_line(key, "@0 plan tests=3 benches=0");
	for (unsigned i = 0; i < TESTS; i++) {
		numbered_line(key, seq++, "begin ", i, false, 0);
		numbered_line(key, seq++, "pass ", i, true, digest(key, i));
	}
	if (end)
		machine_line(key, "@7 end pass=3 fail=0");
}

void machine_end(u8 status)
{
	static const char shutdown[] = "Shutdown";

	while (!(in8(COM1 + UART_LSR) & LSR_TEMT))
		;
	out32(DEBUG_EXIT_QEMU, status);
	for (const char *p = shutdown; *p; p++)
		out8(DEBUG_EXIT_BOCHS, (u8)*p);
	for (;;)
		asm volatile("cli; hlt");
}
