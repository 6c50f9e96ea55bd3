/* SPDX-License-Identifier: MIT */
/*
 * The user window: the part of the monitor's slot of the address space that ring 3 can reach, in the root of
 * the guest's kernel alone. Translated code runs from it.
 *
 *   gva                 pages    ring 3 may
 *   +0                  cache    read, execute
 *   +BT_TABLE_OFFSET    table    read
 *   +BT_STATE_OFFSET    state    read, write
 *   +BT_WATCHED_OFFSET  state    read, write, or nothing while somebody watches
 *
 * The monitor writes all of it, by the addresses that its own map of memory has for these pages.
 */
#ifndef BT_WINDOW_H
#define BT_WINDOW_H

#include "bt.h"
#include "machine/machine.h"

/* The last GiB of the slot: beyond any memory of the machine (memory.c maps HV_BASE + hpa). */
#define BT_WINDOW (HV_BASE + GIB(511))

struct bt_window {
	u8 *code;
	u64 *table;
	struct bt_state *state;
	u64 slot; /* entry HV_PML4_SLOT of the root of the guest's kernel */
	bool watching;
	u64 *watched; /* the page-table entry of that view */
};

/* False: out of memory. */
bool bt_window_create(struct bt_window *w) MUST_USE;
/* Whether a write to the watched view comes to the monitor. Of the address space that is loaded. */
void bt_window_watch(struct bt_window *w, bool watch);

#endif
