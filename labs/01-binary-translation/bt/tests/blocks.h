/* SPDX-License-Identifier: MIT */
/* Blocks of given bytes, translated for any RIP and run on the CPU. */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "monitor.h"

#define LOW_RIP    0x10000000ULL /* runner_code(PLACE_LOW) */
#define KERNEL_RIP 0xffffffff80100000ULL
#define FAR_RIP    0xffff888012345678ULL
#define STACK      (runner_middle(PLACE_LOW, AREA_STACK))
#define DATA       (runner_middle(PLACE_LOW, AREA_DATA))

/* What blocks_translate() gives the translator, but for what it sets itself. */
extern struct bt_source blocks_source;

/* An empty cache, and a source without limits. */
void blocks_begin(enum bt_flavour flavour);
/* Code at LOW_RIP: two digits a byte, spaces between instructions. How many bytes. */
unsigned blocks_put_hex(const char *hex);
struct bt_block *blocks_translate(u64 rip, const char *hex);
struct bt_exit *blocks_exit(const struct bt_block *b, unsigned n);
/* The point that begins there; NULL: none does. */
const struct bt_point *blocks_point(u32 at);
/* From the block's beginning to what ends the run; its offset in the cache. */
u32 blocks_run(const struct bt_block *b, struct guest *g);
/* A state of registers, different from each other; RSP is STACK, RBX is DATA, which are
 * there from now on. */
struct guest blocks_guest(void);

#endif
