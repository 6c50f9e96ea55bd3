// SPDX-License-Identifier: MIT
/* console_putc, which lib/print.c expects from the program, into a buffer. */
#include <stddef.h>

#include "fake_console.h"
#include "lib/print.h"

static char text[4096];
static size_t used;

void fake_console_clear(void)
{
	used = 0;
	text[0] = 0;
}

const char *fake_console_text(void)
{
	return text;
}

void console_putc(char c)
{
	if (used + 1 < sizeof(text)) {
		text[used++] = c;
		text[used] = 0;
	}
}
