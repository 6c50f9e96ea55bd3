/* SPDX-License-Identifier: MIT */
/* What the AMD track of lab 03 gives to the lab's main and to later labs. */
#ifndef LAB03_SVM_H
#define LAB03_SVM_H

#include "vmm/engine.h"

/* AMD-V without nested paging. Needs ROOT_FAITHFUL. */
extern const struct cpu_engine svm_engine;

#endif
