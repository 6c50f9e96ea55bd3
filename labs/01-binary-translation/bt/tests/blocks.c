// SPDX-License-Identifier: MIT
/* The translator's source is the code at LOW_RIP, whatever RIP it is given. */
#include <stdio.h>
#include <string.h>

#include "blocks.h"

struct bt_source blocks_source;

void blocks_begin(enum bt_flavour flavour)
{
	runner_init();
	runner_flush(flavour);
	memset((void *)LOW_RIP, 0, GUEST_CODE_SIZE);
	blocks_source = (struct bt_source){.bytes = (const u8 *)LOW_RIP, .rip = LOW_RIP};
}

unsigned blocks_put_hex(const char *hex)
{
	u8 *at = (u8 *)LOW_RIP;
	unsigned byte;

	for (; *hex; hex += *hex == ' ' ? 1 : 2)
		if (sscanf(hex, "%2x", &byte) == 1 && *hex != ' ')
			*at++ = (u8)byte;
	blocks_source.size = (u32)((u64)at - LOW_RIP);
	return blocks_source.size;
}

struct bt_block *blocks_translate(u64 rip, const char *hex)
{
	blocks_put_hex(hex);
	blocks_source.rip = rip;
	return bt_translate(&runner_cache, &blocks_source);
}

struct bt_exit *blocks_exit(const struct bt_block *b, unsigned n)
{
	return &runner_cache.exit[b->first_exit + n];
}

const struct bt_point *blocks_point(u32 at)
{
	const struct bt_block *b;
	const struct bt_point *p = monitor_point(at, &b);

	return p->at == at ? p : NULL;
}

u32 blocks_run(const struct bt_block *b, struct guest *g)
{
	reference_fill(g);
	g->cpu.rip = runner_cache.window + b->code;
	runner_run(&g->cpu);
	g->vif = runner_cache.state->vif;
	g->cr8 = runner_cache.state->cr8;
	return (u32)(g->cpu.rip - runner_cache.window);
}

struct guest blocks_guest(void)
{
	struct guest g = {.cpu.rflags = RFLAGS_CF | RFLAGS_OF | RFLAGS_AF, .vif = RFLAGS_IF, .cr8 = 3};

	runner_init();
	for (unsigned r = 0; r < GPR_COUNT; r++)
		g.cpu.gpr[r] = 0x0101010101010101 * (r + 1);
	g.cpu.gpr[GPR_RSP] = STACK;
	g.cpu.gpr[GPR_RBX] = DATA;
	return g;
}
