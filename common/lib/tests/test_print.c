// SPDX-License-Identifier: MIT
/*
 * The formatter of lib/print.c against the C library's: the same format and arguments must give the same text
 * and the same count, except where print.h promises less or something else, which is checked literally. The
 * formats are what the images use: texts, integers of every length in bases 10 and 16, padding on both sides.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "lib/tests/unit.h"
#include "lib/print.h"
#include "fake_console.h"

#define ROOM 128

static void expect(const char *fmt, const char *theirs, int their_count, const char *ours, int our_count)
{
	if (strcmp(theirs, ours) || their_count != our_count)
		fprintf(stderr, "format \"%s\": expected \"%s\" (%d), got \"%s\" (%d)\n", fmt, theirs,
			their_count, ours, our_count);
	CU_ASSERT_STRING_EQUAL(ours, theirs);
	CU_ASSERT_EQUAL(our_count, their_count);
}

#define SAME(...)                                                                                            \
	do {                                                                                                 \
		char theirs[ROOM], ours[ROOM];                                                               \
		int their_count = snprintf(theirs, ROOM, __VA_ARGS__);                                       \
		int our_count = ksnprintf(ours, ROOM, __VA_ARGS__);                                          \
                                                                                                             \
		expect(#__VA_ARGS__, theirs, their_count, ours, our_count);                                  \
	} while (0)

#define GIVES(text, ...)                                                                                     \
	do {                                                                                                 \
		char ours[ROOM];                                                                             \
		int our_count = ksnprintf(ours, ROOM, __VA_ARGS__);                                          \
                                                                                                             \
		expect(#__VA_ARGS__, text, (int)strlen(text), ours, our_count);                              \
	} while (0)

static void test_plain(void)
{
	SAME("no conversion at all\n");
	SAME("100%%");
	SAME("%c%c%c", 'a', '%', '\n');
	SAME("[%3c][%-3c]", 'x', 'y');
}

static void test_decimal(void)
{
	static const int values[] = {0, 1, -1, 9, 10, -10, 12345, INT_MAX, INT_MIN};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		SAME("%d %i %u", values[i], values[i], (unsigned)values[i]);
		SAME("[%7d][%-7d][%07d]", values[i], values[i], values[i]);
		SAME("[%1d][%12d][%012d]", values[i], values[i], values[i]);
		SAME("[%*d][%-*d]", 14, values[i], 14, values[i]);
		SAME("[%*d]", -14, values[i]);
	}
}

static void test_hexadecimal(void)
{
	static const unsigned values[] = {0, 1, 9, 10, 15, 16, 0xdeadbeef, 0x80000000, UINT_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		SAME("%x %X", values[i], values[i]);
		SAME("[%9x][%-9x][%09x][%02x]", values[i], values[i], values[i], values[i]);
		if (values[i]) /* the C library drops the prefix of a zero */
			SAME("[%#x][%#12x][%-#12x][%#012x]", values[i], values[i], values[i], values[i]);
	}
	GIVES("0x0", "%#x", 0U);
	GIVES("0x0000", "%#06x", 0U);
}

static void test_lengths(void)
{
	static const long long values[] = {0,       1,       -1,       127,       128,      -128,
					   255,     256,     32767,    32768,     65535,    65536,
					   INT_MAX, INT_MIN, UINT_MAX, LLONG_MAX, LLONG_MIN};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		long long v = values[i];

		SAME("%hhd %hhu %hhx", (signed char)v, (unsigned char)v, (unsigned char)v);
		SAME("%hd %hu %hx", (short)v, (unsigned short)v, (unsigned short)v);
		SAME("%ld %lu %lx %lX", (long)v, (unsigned long)v, (unsigned long)v, (unsigned long)v);
		SAME("%lld %llu %llx", v, (unsigned long long)v, (unsigned long long)v);
		SAME("%zu %zx", (size_t)v, (size_t)v);
		SAME("[%24ld][%-24ld][%024ld]", (long)v, (long)v, (long)v);
		SAME("%016lx", (unsigned long)v);
	}
}

static void test_pointers(void)
{
	SAME("%p", (void *)0x1000);
	SAME("%p", (void *)UINTPTR_MAX);
	SAME("[%20p][%-20p]", (void *)0xffff800000000000, (void *)0xffff800000000000);
	GIVES("0x0", "%p", (void *)NULL);
}

static void test_texts(void)
{
	static const char unterminated[] = {'a', 'b', 'c'};
	const char *volatile none = NULL; /* hidden from the compiler, which would warn */

	SAME("%s", "");
	SAME("<%s>", "text");
	SAME("[%8s][%-8s][%2s]", "text", "text", "text");
	SAME("[%.2s][%.0s][%.9s]", "text", "text", "text");
	SAME("[%8.2s][%-8.2s]", "text", "text");
	SAME("[%.*s][%*.*s]", 3, "text", 6, 1, "text");
	SAME("%.3s", unterminated);
	GIVES("(null)", "%s", none);
}

static void test_truncation(void)
{
	for (size_t size = 0; size < 10; size++) {
		char theirs[16], ours[16];
		const char *volatile fmt =
			"%s%d"; /* hidden from the compiler, which would warn of the truncation */
		int their_count, our_count;

		memset(theirs, '#', sizeof(theirs));
		memset(ours, '#', sizeof(ours));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		their_count = snprintf(theirs, size, fmt, "abc", -123);
		our_count = ksnprintf(ours, size, fmt, "abc", -123);
#pragma GCC diagnostic pop
		CU_ASSERT_EQUAL(our_count, their_count);
		CU_ASSERT_EQUAL(memcmp(ours, theirs, sizeof(ours)), 0);
	}
}

static void test_console(void)
{
	fake_console_clear();
	CU_ASSERT_EQUAL(kprintf("%s %d\n", "line", 1), 7);
	CU_ASSERT_STRING_EQUAL(fake_console_text(), "line 1\n");
}

UNIT_MAIN("print", {"plain", test_plain}, {"decimal", test_decimal}, {"hexadecimal", test_hexadecimal},
	  {"lengths", test_lengths}, {"pointers", test_pointers}, {"texts", test_texts},
	  {"truncation", test_truncation}, {"console", test_console})
