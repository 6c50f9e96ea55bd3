/* SPDX-License-Identifier: MIT */
/*
 * Formatted output: %c %s %d %i %u %x %X %p %%, with the flags - 0 #, a width, a precision for %s, * for
 * both, and the lengths hh h l ll z. There is no floating point: the images run with the guest's FPU state in
 * the registers.
 */
#ifndef LIB_PRINT_H
#define LIB_PRINT_H

#include <stdarg.h>

#include "lib/types.h"

/* Sends each character of the result to `put`; returns the number of characters. */
int format_to(void (*put)(char c, void *ctx), void *ctx, const char *fmt, va_list ap);

/* As snprintf: always terminates buf when size > 0, returns the length that the whole text has. */
int ksnprintf(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap) PRINTF(3, 0);

/* To the console of the image: the program supplies console_putc (hypervisor: machine/console.c). */
void console_putc(char c);
int kprintf(const char *fmt, ...) PRINTF(1, 2);
int kvprintf(const char *fmt, va_list ap) PRINTF(1, 0);

#endif
