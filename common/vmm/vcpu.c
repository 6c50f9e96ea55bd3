// SPDX-License-Identifier: MIT
/* What every engine's vcpu shares: groups of state on demand, the end of an instruction. */
#include "vmm/vm.h"

void vcpu_fetch(struct vcpu *v, u32 groups)
{
	v->cpu->fetch(v, groups);
	v->valid |= groups;
}

void vcpu_advance(struct vcpu *v, unsigned length)
{
	v->rip += length;
	if (!vcpu_is_64bit(v))
		v->rip = (u32)v->rip;
	vcpu_need(v, VCPU_SHADOW);
	if (v->interrupt_shadow) {
		v->interrupt_shadow = false;
		vcpu_changed(v, VCPU_SHADOW);
	}
	v->rflags &= ~(u64)RFLAGS_RF;
}

void vcpu_skip_unusual(struct vcpu *v, unsigned length)
{
	vcpu_advance(v, length);
	if (v->rflags & RFLAGS_TF)
		event_debug(v, DR6_BS);
}
