// SPDX-License-Identifier: MIT
/*
 * Backtraces: addresses to function names by the table that the second link put into the image
 * (mk/symbols.awk), and the walk along the chain of frame pointers, which the compiler is told to keep.
 */
#include "lib/print.h"
#include "lib/symbols.h"

struct symbol {
	u64 address;
	u64 name; /* offset from image_symbols */
};

/* Weak: the first link has no table yet. */
extern const struct symbol image_symbols[] __attribute__((weak, visibility("hidden")));
extern const struct symbol image_symbols_end[] __attribute__((weak, visibility("hidden")));
extern const char image_text_end[] __attribute__((visibility("hidden")));

const char *symbol_find(u64 address, u64 *offset)
{
	const struct symbol *found = NULL;

	for (const struct symbol *s = image_symbols; s < image_symbols_end && s->address <= address; s++)
		found = s;
	if (!found || address >= (u64)image_text_end)
		return NULL;
	*offset = address - found->address;
	return (const char *)image_symbols + found->name;
}

static void print_address(u64 address)
{
	u64 offset;
	const char *name = symbol_find(address, &offset);

	if (name)
		kprintf("  %016lx  %s+0x%lx\n", address, name, offset);
	else
		kprintf("  %016lx\n", address);
}

void backtrace_print(u64 frame_pointer, u64 lowest, u64 highest)
{
	for (unsigned depth = 0; depth < 32; depth++) {
		const u64 *frame = (const u64 *)frame_pointer;

		if (frame_pointer < lowest || frame_pointer + 16 > highest || frame_pointer % 8)
			return;
		print_address(frame[1]);
		if (frame[0] <= frame_pointer)
			return;
		frame_pointer = frame[0];
	}
}
