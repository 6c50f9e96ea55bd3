/* SPDX-License-Identifier: MIT */
/* The assembled page in front of Linux (linux.S) as a part of mklinux. LINUX_PAGE: its file, from the Makefile. */
	.section .rodata
	.globl linux_page_start, linux_page_end
linux_page_start:
	.incbin LINUX_PAGE
linux_page_end:

	.section .note.GNU-stack, "", @progbits
