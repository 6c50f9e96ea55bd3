/* SPDX-License-Identifier: MIT */
/* The ports with which a guest ends itself. */
#ifndef DEVICES_DEBUG_EXIT_H
#define DEVICES_DEBUG_EXIT_H

#include "lib/types.h"

struct vm;

/* Exit status of a guest that asked for a reset of its machine (there is no second boot). */
#define GUEST_RESET_STATUS 0xfe

bool debug_exit_create(struct vm *vm) MUST_USE;

#endif
