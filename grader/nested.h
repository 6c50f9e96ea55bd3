/* SPDX-License-Identifier: MIT */
/* The platform `nested`: a hypervisor as the guest of KVM, in a Linux that runs on an emulated machine. */
#ifndef GRADER_NESTED_H
#define GRADER_NESTED_H

#include "grader/emulator.h"

/* Runs all these machines, one after the other, in one Linux; nested_run() will have the results. They must
 * stay where they are. */
void nested_ahead(struct machine *machines, size_t n);
/* machine_run() for this platform. */
void nested_run(struct machine *m);

#endif
