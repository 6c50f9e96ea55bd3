/* SPDX-License-Identifier: MIT */
/* All devices of a VM. The local APICs come with the vcpus: lapic_create() in devices/lapic.h. */
#ifndef DEVICES_DEVICES_H
#define DEVICES_DEVICES_H

#include "lib/types.h"

struct vm;

/* False: out of memory. */
bool devices_create(struct vm *vm) MUST_USE;

#endif
