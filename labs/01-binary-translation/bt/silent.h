/* SPDX-License-Identifier: MIT */
/*
 * Sensitive instructions of the guest's kernel, emulated without a fault that announced them. Under `bt` the
 * translator knows where they stand and calls out.
 */
#ifndef BT_SILENT_H
#define BT_SILENT_H

struct vcpu;
struct insn;
struct vmexit;

/*
 * The guest in virtual ring 0, 1 or 2 executes this instruction, which stands at v->rip and is one of those
 * that bt_is_harmless() denies. VMEXIT_NONE: it is done, RIP is where it leads, or an event was raised.
 * Anything else is for common code, as after a run of any engine.
 */
void bt_emulate(struct vcpu *v, const struct insn *i, struct vmexit *exit);

#endif
