// SPDX-License-Identifier: MIT
/*
 * lib/symbols.c with a table like the one that mk/symbols.awk writes: three functions that follow each other,
 * of which the first address is the first one's. The end of the text is somewhere in the data, which stands
 * behind all code.
 */
#include <string.h>

#include "lib/tests/unit.h"
#include "lib/symbols.h"
#include "fake_console.h"

extern const char first[], second[], third[];

asm("	.text\n"
    "first:	.skip 16, 0xcc\n"
    "second:	.skip 32, 0xcc\n"
    "third:	.skip 8, 0xcc\n"
    "	.data\n"
    "	.globl image_symbols, image_symbols_end, image_text_end\n"
    "	.balign 8\n"
    "image_symbols:\n"
    "	.quad first, 9f - image_symbols\n"
    "	.quad second, 9f - image_symbols + 6\n"
    "	.quad third, 9f - image_symbols + 13\n"
    "image_symbols_end:\n"
    "9:	.asciz \"first\"\n"
    "	.asciz \"second\"\n"
    "	.asciz \"third\"\n"
    "image_text_end:\n"
    "	.byte 0\n"
    "	.text\n");

extern const char text_end[] asm("image_text_end") __attribute__((visibility("hidden")));

static void expect(const char *address, const char *name, u64 distance)
{
	u64 offset = 0;
	const char *found = symbol_find((u64)address, &offset);

	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT_STRING_EQUAL(found, name);
	CU_ASSERT_EQUAL(offset, distance);
}

static void test_find(void)
{
	expect(first, "first", 0);
	expect(first + 15, "first", 15);
	expect(second, "second", 0);
	expect(second + 31, "second", 31);
	expect(third, "third", 0);
	expect(third + 7, "third", 7);
}

static void test_outside(void)
{
	u64 offset;

	CU_ASSERT_PTR_NULL(symbol_find(0, &offset));
	CU_ASSERT_PTR_NULL(symbol_find((u64)first - 1, &offset));
	CU_ASSERT_PTR_NULL(symbol_find((u64)text_end, &offset));
	CU_ASSERT_PTR_NULL(symbol_find(~0ULL, &offset));
	expect(text_end - 1, "third", (u64)text_end - 1 - (u64)third);
}

/* Frames as the compiler makes them: the caller's frame pointer, then the return address. */
struct frame {
	const struct frame *caller;
	const char *return_address;
};

static unsigned lines(const char *s)
{
	unsigned n = 0;

	while (*s)
		n += *s++ == '\n';
	return n;
}

static void backtrace(const struct frame *frames, unsigned count, const void *start)
{
	fake_console_clear();
	backtrace_print((u64)start, (u64)frames, (u64)(frames + count));
}

static void test_backtrace(void)
{
	static struct frame frames[3];
	const char *text;

	frames[0] = (struct frame){&frames[1], second + 4};
	frames[1] = (struct frame){&frames[2], first + 1};
	frames[2] = (struct frame){NULL, (const char *)0x123};
	backtrace(frames, 3, frames);
	text = fake_console_text();
	CU_ASSERT_EQUAL(lines(text), 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "second+0x4\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "first+0x1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0000000000000123\n"));
	CU_ASSERT(strstr(text, "second") < strstr(text, "first"));
}

/* A broken chain ends the walk; it must not read outside the stack or go round for ever. */
static void test_broken_chain(void)
{
	static struct frame frames[2];

	frames[0] = (struct frame){&frames[0], first};
	backtrace(frames, 2, frames);
	CU_ASSERT_EQUAL(lines(fake_console_text()), 1);
	frames[0].caller = frames + 2;
	backtrace(frames, 2, frames);
	CU_ASSERT_EQUAL(lines(fake_console_text()), 1);
	frames[0].caller = (const struct frame *)((const char *)&frames[1] + 1);
	backtrace(frames, 2, frames);
	CU_ASSERT_EQUAL(lines(fake_console_text()), 1);
	backtrace(frames, 2, frames - 1);
	CU_ASSERT_EQUAL(lines(fake_console_text()), 0);
	backtrace(frames, 2, (const char *)(frames + 2) - 8);
	CU_ASSERT_EQUAL(lines(fake_console_text()), 0);
}

UNIT_MAIN("symbols", {"find", test_find}, {"outside", test_outside}, {"backtrace", test_backtrace},
	  {"broken chain", test_broken_chain})
