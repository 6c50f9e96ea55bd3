/* SPDX-License-Identifier: MIT */
/* What lab 03 gives to its main and to later labs. */
#ifndef LAB03_H
#define LAB03_H

#include "vmm/engine.h"

/* Intel VT-x without nested paging: the guest in VMX non-root operation, in its own rings. Needs
 * ROOT_FAITHFUL. */
extern const struct cpu_engine vmx_engine;

#endif
