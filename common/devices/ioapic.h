/* SPDX-License-Identifier: MIT */
/* The guest's IO-APIC: 24 inputs, at the PC's address. */
#ifndef DEVICES_IOAPIC_H
#define DEVICES_IOAPIC_H

#include "lib/types.h"

struct vm;

#define IOAPIC_GPA        0xfec00000
#define IOAPIC_SIZE       0x1000
#define IOAPIC_ID         4 /* behind the local APICs' 0 .. 3 */

#define IOAPIC_PINS       24
#define IOAPIC_PIN_EXTINT 0 /* the master PIC's INT output */
#define IOAPIC_PIN_PIT    2 /* ISA line 0; the other lines arrive at the pin of their number */

bool ioapic_create(struct vm *vm) MUST_USE;

/* Level of an input. High is asserted, whatever polarity the guest programs: boards are wired to match. */
void ioapic_set_pin(struct vm *vm, unsigned pin, bool level);

/* A local APIC ends a level-triggered interrupt. */
void ioapic_eoi(struct vm *vm, u8 vector);

#endif
