/* SPDX-License-Identifier: MIT */
/* The image's own symbol table, put in by the second link (mk/compile.mk), for backtraces. */
#ifndef LIB_SYMBOLS_H
#define LIB_SYMBOLS_H

#include "lib/types.h"

/* The function that holds `address`, and the distance from its start; NULL when none does. */
const char *symbol_find(u64 address, u64 *offset);

/* Prints the return addresses on a chain of frame pointers, as long as each frame lies in [lowest, highest).
 */
void backtrace_print(u64 frame_pointer, u64 lowest, u64 highest);

#endif
