// SPDX-License-Identifier: MIT
/*
 * The walk of the guest's own page tables, with the exact rules of the processor for who may do what, and the
 * exact error code of the page fault when it may not. Everything that has to know what a gva means to the
 * guest asks here: the software TLB, instruction emulation, the delivery of events.
 *
 * Source: SDM vol. 3A, 4.6 "Access Rights", 4.7 "Page-Fault Exceptions", 4.8 "Accessed and Dirty Flags".
 * Where the manual leaves it open whether a faulting access sets accessed bits, this walk sets none.
 *
 * Left out: 32-bit and PAE paging, 5-level paging (reported as unsupported), SMEP, SMAP and protection keys
 * (not offered to guests). 1 GiB pages are always there: who fills tables from this walk needs no such page
 * of the hardware.
 */
#include "vmm/vm.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* A table that is not in RAM reads as all ones, like any address that nothing answers to. */
static u64 guest_entry_read(void *context, u64 gpa)
{
	const u64 *entry = gpa_to_hva(context, gpa, sizeof(*entry));

	return entry ? *entry : ~0ULL;
}

/* A write by the monitor for the guest: traces hear of it first. */
static void guest_entry_set_bits(void *context, u64 gpa, u64 bits)
{
	u64 *entry = gpa_to_hva(context, gpa, sizeof(*entry));

	if (!entry)
		return;
	vm_trace_hit(context, gpa);
	*entry |= bits;
}

/* SDM vol. 3A, 4.6.1 "Determination of Access Rights" */
static bool access_allowed(const struct vcpu *v, unsigned rights, unsigned access)
{
	bool user = access & ACCESS_USER;

	if (user && !(rights & PAGING_U))
		return false;
	if ((access & ACCESS_FETCH) && !(rights & PAGING_X))
		return false;
	if ((access & ACCESS_WRITE) && !(rights & PAGING_W))
		return !user && !(v->cr0 & CR0_WP);
	return true;
}

/* The bits of the error code that tell of the access and not of the tables. SDM vol. 3A, figure 4-12 */
static u32 access_error(const struct vcpu *v, unsigned access)
{
	u32 error = 0;

	if (access & ACCESS_WRITE)
		error |= PF_WRITE;
	if (access & ACCESS_USER)
		error |= PF_USER;
	if ((access & ACCESS_FETCH) && (v->efer & EFER_NXE))
		error |= PF_FETCH;
	return error;
}

static bool walk_unpaged(gva_t gva, struct guest_walk *w)
{
	*w = (struct guest_walk){
		.gpa = (u32)gva,
		.page_bytes = PAGE_SIZE,
		.user = true,
		.writable = true,
		.dirty = true,
	};
	return true;
}

bool guest_walk(struct vcpu *v, gva_t gva, unsigned access, struct guest_walk *w)
{
	const struct paging_format *format = &paging_x86_64;
	struct paging_space space = {
		.read = guest_entry_read,
		.set_bits = guest_entry_set_bits,
		.context = v->vm,
	};
	struct paging_walk walk;
	bool found;

	vcpu_need(v, VCPU_CRS);
	if (!(v->cr0 & CR0_PG))
		return walk_unpaged(gva, w);
	*w = (struct guest_walk){.error = access_error(v, access)};
	if (!(v->efer & EFER_LMA) || (v->cr4 & CR4_LA57)) {
		w->unsupported = true;
		return false;
	}

	space.root = v->cr3 & PTE_ADDR;
	space.reserved = paging_beyond_phys(paging_phys_bits()) | (v->efer & EFER_NXE ? 0 : PTE_NX);
	found = paging_walk(format, &space, gva, &walk);
	if (v->vm->counters)
		v->vm->counters->walk_refs += walk.refs;
	if (!found) {
		if (walk.fault == PAGING_RESERVED)
			w->error |= PF_PRESENT | PF_RSVD;
		return false;
	}
	if (!access_allowed(v, walk.rights, access)) {
		w->error |= PF_PRESENT;
		return false;
	}

	paging_mark(format, &space, &walk, access & ACCESS_WRITE);
	*w = (struct guest_walk){
		.gpa = walk.address,
		.page_bytes = walk.page_bytes,
		.user = walk.rights & PAGING_U,
		.writable = walk.rights & PAGING_W,
		.nx = !(walk.rights & PAGING_X),
		.global = (walk.entry[walk.level] & PTE_G) && (v->cr4 & CR4_PGE),
		.dirty = walk.entry[walk.level] & PTE_D,
	};
	return true;
}
