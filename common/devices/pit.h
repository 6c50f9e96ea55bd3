/* SPDX-License-Identifier: MIT */
/* The guest's 8254 timer, and port 0x61 that gates its channel 2. */
#ifndef DEVICES_PIT_H
#define DEVICES_PIT_H

#include "lib/types.h"

struct vm;

#define PIT_PORT         0x40
#define PIT_PORTS        4
#define PIT_SPEAKER_PORT 0x61
#define PIT_IRQ          0
#define PIT_HZ           1193182

bool pit_create(struct vm *vm) MUST_USE;

#endif
