// SPDX-License-Identifier: MIT
/*
 * The CPU's TLB, as memory engines see it: two operations in a file of their own, because unit tests on the
 * host put others in their place. Source: SDM vol. 3A, 4.10.4.1 "Operations that Invalidate TLBs and
 * Paging-Structure Caches".
 */
#include "vmm/tlb.h"
#include "x86/asm.h"

void tlb_flush_page(gva_t gva)
{
	invlpg((const volatile void *)gva);
}

void tlb_flush_all(void)
{
	write_cr3(read_cr3());
}
