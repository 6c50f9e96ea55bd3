// SPDX-License-Identifier: MIT
/*
 * The page tables of the user window. The monitor's slot of the guest-kernel root gets a level-3 table of its
 * own: the entries of the monitor's own table, and one more for the window. That the entry above it is open
 * to ring 3 opens nothing else: the right of a user needs every level (SDM vol. 3A, 4.6.1 "Determination of
 * Access Rights"), and the monitor's own entries do not give it.
 */
#include "window.h"
#include "lib/string.h"
#include "x86/asm.h"
#include "x86/paging.h"

#define MAP_TABLE   (PTE_P | PTE_W | PTE_U | PTE_A)
#define MAP_CODE    (PTE_P | PTE_U | PTE_A)
#define MAP_LOOKUP  (PTE_P | PTE_U | PTE_A | PTE_NX)
#define MAP_STATE   (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_NX)
#define TABLE_BYTES (BT_TABLE_COUNT * sizeof(u64))

_Static_assert(BT_CODE_BYTES <= MIB(2) && BT_TABLE_OFFSET % TABLE_BYTES == 0, "of bt.h");

static u64 *table_below(u64 *entry)
{
	u64 *table = pages_alloc(1, PAGE_SIZE);

	if (table)
		*entry = hva_to_hpa(table) | MAP_TABLE;
	return table;
}

static bool map_window(struct bt_window *w, u64 *pdpt)
{
	u64 *pd = table_below(&pdpt[pt_index(BT_WINDOW, 3)]), *code, *lookup, *state;

	if (!pd)
		return false;
	code = table_below(&pd[pt_index(BT_WINDOW, 2)]);
	lookup = table_below(&pd[pt_index(BT_WINDOW + BT_TABLE_OFFSET, 2)]);
	state = table_below(&pd[pt_index(BT_WINDOW + BT_STATE_OFFSET, 2)]);
	if (!code || !lookup || !state)
		return false;
	for (u64 at = 0; at < BT_CODE_BYTES; at += PAGE_SIZE)
		code[pt_index(BT_WINDOW + at, 1)] = (hva_to_hpa(w->code) + at) | MAP_CODE;
	for (u64 at = 0; at < TABLE_BYTES; at += PAGE_SIZE)
		lookup[pt_index(BT_WINDOW + BT_TABLE_OFFSET + at, 1)] =
			(hva_to_hpa(w->table) + at) | MAP_LOOKUP;
	w->watched = &state[pt_index(BT_WINDOW + BT_WATCHED_OFFSET, 1)];
	state[pt_index(BT_WINDOW + BT_STATE_OFFSET, 1)] = *w->watched = hva_to_hpa(w->state) | MAP_STATE;
	return true;
}

bool bt_window_create(struct bt_window *w)
{
	const u64 *top = hpa_to_hva(machine_root());
	u64 *pdpt = pages_alloc(1, PAGE_SIZE);

	w->code = pages_alloc(BT_CODE_BYTES / PAGE_SIZE, PAGE_SIZE);
	w->table = pages_alloc(TABLE_BYTES / PAGE_SIZE, PAGE_SIZE);
	w->state = pages_alloc(1, PAGE_SIZE);
	if (!pdpt || !w->code || !w->table || !w->state)
		return false;
	memcpy(pdpt, hpa_to_hva(top[HV_PML4_SLOT] & PTE_ADDR), PAGE_SIZE);
	w->slot = hva_to_hpa(pdpt) | MAP_TABLE;
	return map_window(w, pdpt);
}

void bt_window_watch(struct bt_window *w, bool watch)
{
	w->watching = watch;
	if (watch) {
		*w->watched &= ~(u64)PTE_P;
		invlpg((const volatile void *)(BT_WINDOW + BT_WATCHED_OFFSET));
	} else {
		*w->watched |= PTE_P;
	}
}
