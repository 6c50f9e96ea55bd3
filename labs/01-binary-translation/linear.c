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

#define LOW_HALF_END BIT(47)
/* The monitor's slot is the first of the upper half. */
#define HIGH_BEGIN   (HV_BASE + pt_span(4))
_Static_assert(HV_BASE == -LOW_HALF_END, "the monitor's slot");

static bool in_reach(struct vcpu *v, gva_t gva, u64 size, unsigned access)
{
	const struct ring3 *r = ring3_of(v);
	gva_t end = gva + size;

	if (!r->root || r->watching || r->user_root != !!(access & ACCESS_USER) || !(v->efer & EFER_LMA))
		return false;
	if (v->changed & VCPU_CRS && r->root != v->mem->root(v, r->user_root ? ROLE_USER : ROLE_KERNEL))
		return false;
	return end >= gva && (end <= LOW_HALF_END || gva >= HIGH_BEGIN);
}

/* The CPU has refused it. A memory engine takes the level of a fault from the guest's own. */
static bool mapped_now(struct vcpu *v, gva_t gva, unsigned access)
{
	struct mem_fault f = {.gva = gva, .error = access & ACCESS_WRITE ? PF_WRITE : 0};

	return (vcpu_cpl(v) == 3) == ring3_of(v)->user_root && v->mem->fault(v, &f) == MEM_RETRY;
}

bool ring3_read_linear(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access)
{
	const void *src = (const void *)gva;

	return in_reach(v, gva, size, access) &&
	       (read_safe(dst, src, size) || (mapped_now(v, gva, access) && read_safe(dst, src, size)));
}

/* Within a page a write is done or it faults; one into two pages would be half done. */
bool ring3_write_linear(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access)
{
	void *dst = (void *)gva;

	return gva % PAGE_SIZE + size <= PAGE_SIZE && in_reach(v, gva, size, access) &&
	       (write_safe(dst, src, size) || (mapped_now(v, gva, access) && write_safe(dst, src, size)));
}
