/* SPDX-License-Identifier: MIT */
/*
 * What a memory engine calls after it took away or narrowed a mapping in tables that the CPU may be using. A
 * mapping that was not present before needs no call: the CPU keeps no translations of entries that are not
 * present (SDM vol. 3A, 4.10.2.3).
 *
 * They reach what is cached under the CR3 that is loaded now. Other tables need nothing, since loading CR3
 * drops what was cached under it. An engine whose guest has a tag of its own in the TLB (VPID, ASID) does it
 * in its own way: cpu_engine.tlb_flush_page, tlb_flush_all.
 */
#ifndef VMM_TLB_H
#define VMM_TLB_H

#include "lib/types.h"

struct vcpu;

void tlb_flush_page(struct vcpu *v, gva_t gva);
void tlb_flush_all(struct vcpu *v); /* but for global pages, which are the monitor's own */

#endif
