/* SPDX-License-Identifier: MIT */
/* A VMCS in plain memory for the unit tests, and what of the machine the engine's files ask for. */
#ifndef VTX_TESTS_FAKE_VMX_H
#define VTX_TESTS_FAKE_VMX_H

#include "../vmcs.h"

/* All fields 0, no accesses counted. */
void fake_vmcs_clear(void);
/* How often the code under test has read and written fields since then. */
extern unsigned fake_vmcs_reads, fake_vmcs_writes;
/* The last vector that machine_interrupt() was called with; -1: none. */
extern int fake_interrupt;

#endif
