// SPDX-License-Identifier: MIT
/* From bytes to lines, whatever the bytes are: serial.c. */
#include "lib/tests/unit.h"

#include "grader/serial.h"

#include <string.h>

static char last[SERIAL_LINE + 1];
static bool last_damaged;
static unsigned count;

static void take(void *context, const char *text, bool damaged)
{
	(void)context;
	strcpy(last, text);
	last_damaged = damaged;
	count++;
}

/* Feeds a text (with its NULs) byte by byte, and expects one line. */
static void expect(const char *bytes, size_t size, const char *line, bool damaged)
{
	struct serial s;

	count = 0;
	serial_init(&s, take, NULL);
	for (size_t i = 0; i < size; i++)
		CU_ASSERT_TRUE(serial_feed(&s, bytes + i, 1));
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_STRING_EQUAL(last, line);
	CU_ASSERT_EQUAL(last_damaged, damaged);
}

#define EXPECT(bytes, line, damaged) expect(bytes, sizeof(bytes) - 1, line, damaged)

static void plain(void)
{
	EXPECT("hello\n", "hello", false);
	EXPECT("hello\r\n", "hello", false);
	EXPECT("\n", "", false);
	EXPECT("a\tb\n", "a b", false);
}

static void control(void)
{
	EXPECT("a\0b\n", "ab", true);
	EXPECT("a\bb\n", "a?b", true);
	EXPECT("a\x7f\x80\xff\n", "a???", true);
	EXPECT("over\rwritten\n", "overwritten", true);
	EXPECT("twice\r\r\n", "twice", true);
}

static void escapes(void)
{
	EXPECT("\033[31mred\033[0m\n", "red", true);
	EXPECT("\033[2J\033[1;1Hx\n", "x", true);
	EXPECT("\033]0;title\007x\n", "x", true);
	EXPECT("\033]0;title\033\\x\n", "x", true);
	EXPECT("\033cx\n", "x", true);
	EXPECT("\033(Bx\n", "x", true);
	/* One that never ends takes its own line and no more. */
	EXPECT("ab\033[12\n", "ab", true);
	EXPECT("ab\033]0;\n", "ab", true);
}

static void long_line(void)
{
	static char bytes[3 * SERIAL_LINE];
	struct serial s;

	memset(bytes, 'x', sizeof(bytes));
	bytes[sizeof(bytes) - 1] = '\n';
	count = 0;
	serial_init(&s, take, NULL);
	serial_feed(&s, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(strlen(last), SERIAL_LINE);
	CU_ASSERT_TRUE(last_damaged);
	serial_feed(&s, "next\n", 5);
	CU_ASSERT_STRING_EQUAL(last, "next");
	CU_ASSERT_FALSE(last_damaged);
}

static void unfinished(void)
{
	struct serial s;

	count = 0;
	serial_init(&s, take, NULL);
	serial_feed(&s, "cut", 3);
	CU_ASSERT_EQUAL(count, 0);
	serial_finish(&s);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_STRING_EQUAL(last, "cut");
	CU_ASSERT_TRUE(last_damaged);
}

static void flood(void)
{
	static char chunk[KIB(64)];
	struct serial s;
	u64 fed = 0;

	memset(chunk, '\n', sizeof(chunk));
	serial_init(&s, NULL, NULL);
	while (serial_feed(&s, chunk, sizeof(chunk)))
		fed += sizeof(chunk);
	CU_ASSERT_EQUAL(fed, SERIAL_LIMIT);
	CU_ASSERT_EQUAL(s.bytes, SERIAL_LIMIT);
	CU_ASSERT_TRUE(s.flooded);
}

static void tail(void)
{
	struct serial s;
	string_list lines = {0};

	serial_init(&s, NULL, NULL);
	serial_feed(&s, "first\n", 6);
	serial_tail(&s, &lines);
	CU_ASSERT_EQUAL(lines.n, 1);
	for (unsigned i = 0; i < 2 * SERIAL_TAIL; i++) {
		char *line = xprintf("line %u\n", i);

		serial_feed(&s, line, strlen(line));
	}
	lines.n = 0;
	serial_tail(&s, &lines);
	CU_ASSERT_EQUAL(lines.n, SERIAL_TAIL);
	CU_ASSERT_STRING_EQUAL(lines.at[0], xprintf("line %u", SERIAL_TAIL));
	CU_ASSERT_STRING_EQUAL(lines.at[lines.n - 1], xprintf("line %u", 2 * SERIAL_TAIL - 1));
}

UNIT_MAIN("grader_serial", {"plain lines", plain}, {"control characters", control},
	  {"escape sequences", escapes}, {"a long line", long_line}, {"a line without an end", unfinished},
	  {"a flood", flood}, {"the last lines", tail})
