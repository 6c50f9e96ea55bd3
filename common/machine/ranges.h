/* SPDX-License-Identifier: MIT */
/* A set of address ranges, sorted, apart and without overlap: the free physical memory. Knows nothing of the
 * machine. */
#ifndef MACHINE_RANGES_H
#define MACHINE_RANGES_H

#include "lib/types.h"

#define RANGES_MAX 128

struct range {
	u64 start, end; /* end is one past the last byte */
};

struct range_set {
	unsigned count;
	struct range range[RANGES_MAX];
};

/* Adds or removes [start, end). False: the set is full; it is then as before. */
bool range_add(struct range_set *s, u64 start, u64 end) MUST_USE;
bool range_remove(struct range_set *s, u64 start, u64 end) MUST_USE;

/* Removes the lowest piece of `size` bytes (not 0) that starts on a multiple of `align` (a power of two).
 * False: there is none. */
bool range_take(struct range_set *s, u64 size, u64 align, u64 *start) MUST_USE;

#endif
