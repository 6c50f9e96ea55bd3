/* SPDX-License-Identifier: MIT */
/* For *_offsets.c alone: a line in the compiler's assembly output that the make rules turn into "#define NAME
 * value". */
#ifndef LIB_OFFSETS_H
#define LIB_OFFSETS_H

#define OFFSET(name, value) asm volatile(".ascii \"->" #name " %0\"" : : "i"(value))

#endif
