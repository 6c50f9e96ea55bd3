/* SPDX-License-Identifier: MIT */
/* Unpacks the form of LZ4 in which Linux kernels are packed: the "legacy frame". */
#ifndef NESTED_LZ4_H
#define NESTED_LZ4_H

#include "lib/types.h"

#define LZ4_LEGACY_MAGIC 0x184c2102

/* Appends the content to `out`, which has `room` bytes; how many it took in *used. False: the data is
 * damaged, or `room` too little. */
bool lz4_unpack(const u8 *in, u64 size, u8 *out, u64 room, u64 *used);

#endif
