// SPDX-License-Identifier: MIT
/* The hypervisor of lab 01: its engines, then everything else is common (common/vmm/boot.c). */
#include "labs/01-binary-translation/lab.h"
#include "vmm/hypervisor.h"

int main(void)
{
	static const struct cpu_engine *const cpu[] = {&trap_engine, &bt_engine, NULL};
	static const struct mem_engine *const mem[] = {&vtlb_engine, NULL};

	return hypervisor_run(cpu, mem);
}
