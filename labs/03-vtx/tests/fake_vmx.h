/* SPDX-License-Identifier: MIT */
/* A VMCS in plain memory for the unit tests, and what of the machine the engine's files ask for. */
#ifndef VTX_TESTS_FAKE_VMX_H
#define VTX_TESTS_FAKE_VMX_H

#include "../check/check.h"
#include "../vmx.h"

/* All fields 0, nothing counted and nothing recorded. */
void fake_vmcs_clear(void);
/* How often the code under test has read and written fields since then. */
extern unsigned fake_vmcs_reads, fake_vmcs_writes;
/* The last vector that machine_interrupt() was called with; -1: none. */
extern int fake_interrupt;
/* How often an NMI was unblocked, and a guest ended. */
extern unsigned fake_unblocked, fake_ended;
/* The last thing that the VM-entry checker was asked to explain. */
extern enum check_class fake_explained;
/* The events that were handed to common/vmm/event.c, the last of each: raised, and found interrupted. */
extern struct event fake_raised, fake_interrupted;

/* A vcpu of the engine's, all groups of state valid, nothing changed; VMCS and records as after
 * fake_vmcs_clear(). */
struct vcpu *fake_vcpu(void);

#endif
