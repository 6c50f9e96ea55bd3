// SPDX-License-Identifier: MIT
/*
 * The CPU's TLB, as memory engines see it: two operations in a file of their own, because unit tests on the
 * host put others in their place. Source: SDM vol. 3A, 4.10.4.1 "Operations that Invalidate TLBs and
 * Paging-Structure Caches".
 */
#include "vmm/tlb.h"
#include "vmm/engine.h"
#include "vmm/vcpu.h"
#include "x86/asm.h"

void tlb_flush_page(struct vcpu *v, gva_t gva)
{
	if (v->cpu->tlb_flush_page)
		v->cpu->tlb_flush_page(v, gva);
	else
		invlpg((const volatile void *)gva);
}

void tlb_flush_all(struct vcpu *v)
{
	if (v->cpu->tlb_flush_all)
		v->cpu->tlb_flush_all(v);
	else
		write_cr3(read_cr3());
}
