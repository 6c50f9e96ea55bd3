/* SPDX-License-Identifier: MIT */
/* SipHash-2-4: a keyed hash of a short message (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012). */
#ifndef LIB_SIPHASH_H
#define LIB_SIPHASH_H

#include "lib/types.h"

u64 siphash24(const u8 key[16], const void *message, size_t length);

#endif
