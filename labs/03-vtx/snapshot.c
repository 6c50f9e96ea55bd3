// SPDX-License-Identifier: MIT
/*
 * Copies of a VMCS for the debugger. Nobody can read a VMCS in memory: its format is the processor's own, and
 * a part of it may still be in the processor. Only VMREAD gives a field, on the processor where this VMCS is
 * current, and a debugger executes nothing there. So the hypervisor does it: all fields, by number.
 *
 * It costs 157 VMREADs. A copy is made of each VMCS before its first entry, when an entry has failed,
 * when its guest has ended, and when a debugger asks for one by setting SPECIAL_SNAPSHOT (hv-vmcs of gdb.py).
 * The exit information in it is that of the last exit.
 *
 * Source: SDM vol. 3C, 24.11 "Software Use of the VMCS and Related Structures"; vol. 3D, appendix B "Field
 * Encoding in VMCS".
 */
#include "machine/machine.h"
#include "vmx.h"

/* False: this processor does not have the field. */
static bool read_field(u32 field, u64 *value)
{
	bool failed;

	asm volatile("vmread %2, %0" : "=r"(*value), "=@ccbe"(failed) : "r"((u64)field));
	return !failed;
}

int vmx_snapshot_init(struct vmx *x)
{
	x->snapshot.fields = machine_alloc(vmcs_field_count * sizeof(*x->snapshot.fields));
	return x->snapshot.fields ? 0 : -1;
}

void vmx_snapshot(struct vcpu *v, enum snapshot_moment moment)
{
	struct vmx *x = vmx_of(v);
	struct vmcs_snapshot *s = &x->snapshot;
	u64 error;

	x->special &= (u8)~SPECIAL_SNAPSHOT;
	if (s->moment ==
	    SNAPSHOT_ENTRY_FAILED) /* nothing has changed: the end of the guest, which comes of that */
		return;
	s->moment = moment;
	s->exits = 0;
	for (unsigned i = 0; i < VMEXIT_REASONS; i++)
		s->exits += v->exits[i];
	/* First, since a VMREAD of a field that is not there writes it too. */
	read_field(VMCS_VM_INSTRUCTION_ERROR, &error);
	for (unsigned i = 0; i < vmcs_field_count; i++)
		s->fields[i].is_there = read_field(vmcs_fields[i].field, &s->fields[i].value);
	s->instruction_error = error;
}
