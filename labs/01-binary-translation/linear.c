// SPDX-License-Identifier: MIT
/*
 * The guest's memory at its own addresses: the monitor runs on the guest's root, where what the guest touched
 * of late is mapped, with the rights that its own tables give. So an access of its kernel can be done there,
 * without a walk; where the CPU refuses it, the memory engine is asked as after a fault of the guest's, and
 * where that does not help the caller walks: it finds the fault, or the device.
 *
 * Not while the guest's breakpoints are in the CPU: they would match accesses of the monitor's. Of an access
 * that the CPU makes by itself (to a descriptor, a frame that it pushes) the manual does not say that it
 * matches, and a walk matches nothing. SDM vol. 3B, 17.2.5 "Breakpoint Field Recognition".
 */
#include "ring3.h"
#include "x86/exception.h"
#include "x86/paging.h"

void ring3_find_roots(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	r->roots[false] = v->mem->root(v, ROLE_KERNEL);
	r->roots[true] = v->mem->root(v, ROLE_USER);
	r->may_reach = !r->watching && v->efer & EFER_LMA;
}

/* A control register has changed since the last entry. Is the loaded table still the one for this access? */
static COLD bool in_reach_now(struct vcpu *v, enum ring3_linear who)
{
	return ring3_of(v)->linear == who && v->efer & EFER_LMA &&
	       ring3_of(v)->root == v->mem->root(v, who == LINEAR_USER ? ROLE_USER : ROLE_KERNEL);
}

static inline bool in_reach(struct vcpu *v, gva_t gva, u64 size, unsigned access)
{
	enum ring3_linear who = access & ACCESS_USER ? LINEAR_USER : LINEAR_KERNEL;

	if (ring3_of(v)->linear != who || (v->changed & VCPU_CRS && !in_reach_now(v, who)))
		return false;
	return ring3_in_reach(gva, size);
}

/*
 * The CPU has refused the access. A memory engine takes the level of a fault from the guest's own, so it is
 * asked only where the two agree.
 */
static bool mapped_now(struct vcpu *v, gva_t gva, unsigned access)
{
	struct mem_fault f = {.gva = gva, .error = access & ACCESS_WRITE ? PF_WRITE : 0};

	return (vcpu_cpl(v) == 3) == (ring3_of(v)->linear == LINEAR_USER) &&
	       v->mem->fault(v, &f) == MEM_RETRY;
}

static COLD bool read_again(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access)
{
	return mapped_now(v, gva, access) && read_safe(dst, (const void *)gva, size);
}

static COLD bool write_again(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access)
{
	return mapped_now(v, gva, access) && write_safe((void *)gva, src, size);
}

bool ring3_read_linear(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access)
{
	return in_reach(v, gva, size, access) &&
	       (read_safe(dst, (const void *)gva, size) || read_again(v, gva, dst, size, access));
}

/* Within a page a write is done or it faults; one into two pages would be half done. */
bool ring3_write_linear(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access)
{
	return !ring3_in_two_pages(gva, size) && in_reach(v, gva, size, access) &&
	       (write_safe((void *)gva, src, size) || write_again(v, gva, src, size, access));
}
