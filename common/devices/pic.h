/* SPDX-License-Identifier: MIT */
/* The guest's two 8259A interrupt controllers, cascaded as in a PC: the slave on the master's input 2. */
#ifndef DEVICES_PIC_H
#define DEVICES_PIC_H

#include "lib/types.h"

struct vm;

#define PIC_MASTER_PORT 0x20
#define PIC_SLAVE_PORT  0xa0
#define PIC_PORTS       2
#define PIC_ELCR_PORT   0x4d0

bool pic_create(struct vm *vm) MUST_USE;

/*
 * As firmware leaves them: vectors 0x08 and 0x70, all lines masked but the cascade, no edge remembered.
 * devices_create() does this last.
 */
void pic_init_firmware(struct vm *vm);

/* Level of input 0..15; use vm_irq_set() of vmm/io.h, which tells the IO-APIC too. */
void pic_set_line(struct vm *vm, unsigned line, bool level);

/* The level of the master's INT output. */
bool pic_pending(struct vm *vm);
/* The vector that pic_ack() would give now. Changes nothing. */
u8 pic_peek(struct vm *vm);
/* The processor's interrupt-acknowledge cycle. Without a request: the vector of the lowest input (spurious
 * IRQ 7 or 15). */
u8 pic_ack(struct vm *vm);

#endif
