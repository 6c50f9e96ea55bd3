/* SPDX-License-Identifier: MIT */
/*
 * The start of the tests' little Multiboot images: a header for a flat image, a stack, and C. FAKE_NO_HEADER leaves the header out.
 * Source: Multiboot Specification 0.6.96, 3.1.
 */
#define __ASSEMBLER__ 1
#include "boot/multiboot.h"

#define HEADER_FLAGS (MULTIBOOT_MEMORY_INFO | MULTIBOOT_ADDRESSES)

	.section .head, "ax"
	.globl _start
_start:
	mov $stack_top, %esp
	cld
	push %ebx
	push %eax
	call fake_main
1:	jmp 1b

#ifndef FAKE_NO_HEADER
	.balign 4
header:
	.long MULTIBOOT_HEADER_MAGIC, HEADER_FLAGS, -(MULTIBOOT_HEADER_MAGIC + HEADER_FLAGS)
	.long header, _start, image_end, bss_end, _start
#endif

	.bss
	.balign 16
	.skip 16384
stack_top:

	.section .note.GNU-stack, "", @progbits
