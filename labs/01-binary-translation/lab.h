/* SPDX-License-Identifier: MIT */
/* What lab 01 gives to its main and to later labs. */
#ifndef LAB01_H
#define LAB01_H

#include "vmm/engine.h"

/* Trap-and-emulate: right but for the sensitive instructions that do not trap. Needs ROOT_PAIR. */
extern const struct cpu_engine trap_engine;
/* Binary translation: right for the kernel, all of it. Needs ROOT_PAIR. */
extern const struct cpu_engine bt_engine;

#endif
