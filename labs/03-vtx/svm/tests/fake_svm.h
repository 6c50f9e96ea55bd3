/* SPDX-License-Identifier: MIT */
/* A vcpu of the engine's with its VMCB, and what stands around the engine. */
#ifndef SVM_TESTS_FAKE_SVM_H
#define SVM_TESTS_FAKE_SVM_H

#include "../svm.h"
#include "devices/lapic.h"
#include "fake_cpu.h"

/* All groups of state valid, nothing changed; the VMCB is 0, and the machine can do what `features` says. */
struct vcpu *fake_vcpu(u32 features);

extern struct lapic fake_lapic;
/* The root that the memory engine gives, and the monitor's own; how often the guest was ended. */
extern hpa_t fake_root, fake_machine_root;
extern unsigned fake_ended;
/* Vectors that machine_interrupt() got, the last; -1: none. How often the machine sent itself one. */
extern int fake_interrupt;
extern unsigned fake_interrupts_self;
/* The events that were handed to common/vmm/event.c, the last of each. */
extern struct event fake_raised, fake_interrupted;

#endif
