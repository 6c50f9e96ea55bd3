/* SPDX-License-Identifier: MIT */
/* Shares the CPU between all vcpus of all VMs: round robin, a slice each, driven by the machine's timer. */
#ifndef VMM_SCHED_H
#define VMM_SCHED_H

#include "vmm/vm.h"

#define SCHED_SLICE_MS 5

void sched_add(struct vcpu *v);
/* Runs until every VM has ended. */
void sched_run(void);

#endif
