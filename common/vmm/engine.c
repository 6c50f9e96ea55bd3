// SPDX-License-Identifier: MIT
/* Which pairs of engines are legal, and the names of the exits. */
#include "lib/types.h"
#include "vmm/engine.h"
#include "vmm/vcpu.h"

const char *engine_check(const struct cpu_engine *cpu, const struct mem_engine *mem)
{
	if (mem->roots & cpu->root_kind)
		return NULL;
	switch (cpu->root_kind) {
	case ROOT_PAIR:
		return "this CPU engine runs the guest's kernel in ring 3 and needs a pair of page tables, "
		       "kernel and user";
	case ROOT_FAITHFUL:
		return "this CPU engine needs one page table with the guest's own rights";
	default:
		return "this CPU engine needs a second-level table (nested paging)";
	}
}

static const char *const names[] = {
	[VMEXIT_NONE] = "none",
	[VMEXIT_INTERRUPT] = "interrupt",
	[VMEXIT_WINDOW] = "window",
	[VMEXIT_CPUID] = "CPUID",
	[VMEXIT_HLT] = "HLT",
	[VMEXIT_PAUSE] = "PAUSE",
	[VMEXIT_RDTSC] = "RDTSC",
	[VMEXIT_RDPMC] = "RDPMC",
	[VMEXIT_CACHE] = "INVD/WBINVD",
	[VMEXIT_MSR] = "MSR",
	[VMEXIT_IO] = "I/O",
	[VMEXIT_CR] = "CR",
	[VMEXIT_DR] = "DR",
	[VMEXIT_INVLPG] = "INVLPG",
	[VMEXIT_XSETBV] = "XSETBV",
	[VMEXIT_HYPERCALL] = "hypercall",
	[VMEXIT_EXCEPTION] = "exception",
	[VMEXIT_PAGE_FAULT] = "page fault",
	[VMEXIT_NESTED_FAULT] = "nested fault",
	[VMEXIT_UNDEFINED] = "undefined instruction",
	[VMEXIT_TASK_SWITCH] = "task switch",
	[VMEXIT_SHUTDOWN] = "shutdown",
	[VMEXIT_INIT] = "INIT",
	[VMEXIT_ENTRY_FAILED] = "entry failed",
};
_Static_assert(ARRAY_SIZE(names) == VMEXIT_REASONS, "every reason has a name");

const char *vmexit_name(enum vmexit_reason reason)
{
	return reason < VMEXIT_REASONS ? names[reason] : "unknown";
}
