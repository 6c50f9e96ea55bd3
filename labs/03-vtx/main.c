// SPDX-License-Identifier: MIT
/* The hypervisor of lab 03: its engines, then everything else is common (common/vmm/hypervisor.c). */
#include "check/try.h"
#include "labs/03-vtx/lab.h"
#include "labs/03-vtx/svm/lab.h"
#include "vmm/hypervisor.h"

int main(void)
{
	static const struct cpu_engine *const cpu[] = {&vmx_engine, &svm_engine, NULL};
	static const struct mem_engine *const mem[] = {&vtlb_engine, NULL};

	if (check_try_wanted())
		return check_try();
	return hypervisor_run(cpu, mem);
}
