/* SPDX-License-Identifier: MIT */
/*
 * What a memory engine calls after it took away or narrowed a mapping in tables that the CPU may be using. A
 * mapping that was not present before needs no call: the CPU keeps no translations of entries that are not
 * present (SDM vol. 3A, 4.10.2.3).
 *
 * They reach what is cached under the CR3 that is loaded now. Other tables need nothing, since loading CR3
 * drops what was cached under it. An engine whose guest has a tag of its own in the TLB (VPID, ASID) has to
 * flush that tag before it runs the guest again.
 */
#ifndef VMM_TLB_H
#define VMM_TLB_H

#include "lib/types.h"

void tlb_flush_page(gva_t gva);
void tlb_flush_all(void); /* but for global pages, which are the monitor's own */

#endif
