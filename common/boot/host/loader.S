/* SPDX-License-Identifier: MIT */
/* The assembled loader (disk.S) as a part of mkdisk. DISK_LOADER: its file, from boot.mk. */
	.section .rodata
	.globl loader_start, loader_end
loader_start:
	.incbin DISK_LOADER
loader_end:

	.section .note.GNU-stack, "", @progbits
