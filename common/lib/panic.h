/* SPDX-License-Identifier: MIT */
/* A broken invariant of this image: print, dump, stop the machine. Never for a guest's mistake. */
#ifndef LIB_PANIC_H
#define LIB_PANIC_H

#include "lib/types.h"

void panic(const char *fmt, ...) PRINTF(1, 2) NORETURN;

/* Stays in every build. */
#define ASSERT(cond)                                                                                         \
	do {                                                                                                 \
		if (!(cond))                                                                                 \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond);                     \
	} while (0)

#endif
