/* SPDX-License-Identifier: MIT */
/* The guest's serial port: a 16550A at the PC's COM1. */
#ifndef DEVICES_UART_H
#define DEVICES_UART_H

#include "lib/types.h"

struct vm;

#define UART_PORT     0x3f8
#define UART_PORTS    8
#define UART_IRQ      4
#define UART_CLOCK_HZ 115200 /* baud at divisor 1 */

bool uart_create(struct vm *vm) MUST_USE;

/* A byte arrives from outside. False: the receiver is full (or in loopback, deaf), keep it for later. */
bool uart_receive(struct vm *vm, u8 byte);

/* Could a byte from outside interrupt the guest? */
bool uart_wants_input(const struct vm *vm);

#endif
