/* SPDX-License-Identifier: MIT */
/*
 * The page in front of Linux: see linux.h. A Multiboot loader enters with EAX = MULTIBOOT_BOOT_MAGIC, EBX = hpa of the information, flat
 * segments, paging and interrupts off. The memory map, the command line and the first module (the initramfs) are rewritten in the form
 * of the PVH start information, and Linux is entered in the same machine state, which is what PVH demands too.
 *
 * Sources: Multiboot Specification 0.6.96, 3.2 "Machine state", 3.3 "Boot information format"; those of linux.h.
 * Left out: more than one module, a check of EAX (nobody else enters here).
 */
#include "boot/multiboot.h"
#include "grader/nested/linux.h"

#define HEADER_FLAGS (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_ADDRESSES)

/* Offsets in the Multiboot information, in a module and in an entry of the map. */
#define INFO_CMDLINE     16
#define INFO_MODS_COUNT  20
#define INFO_MODS_ADDR   24
#define INFO_MMAP_LENGTH 44
#define INFO_MMAP_ADDR   48
#define MODULE_START     0
#define MODULE_END       4
#define MMAP_SIZE_FIELD  4 /* the size in front does not count itself */
#define MMAP_WORDS       5 /* base, length, type */

	.text
	.code32
	.globl linux_head
linux_head:
	.long MULTIBOOT_HEADER_MAGIC
	.long HEADER_FLAGS
	.long -(MULTIBOOT_HEADER_MAGIC + HEADER_FLAGS)
	.long linux_head
	.long linux_head
	.long 0 /* loaded to the end of the file */
	.org LINUX_AT_BSS_END
	.long 0
	.long start
	.org LINUX_AT_ENTRY
linux_entry:
	.long 0

start:
	cld
	mov %ebx, %ebp
	mov INFO_CMDLINE(%ebp), %eax
	mov %eax, info + PVH_AT_CMDLINE
	cmpl $0, INFO_MODS_COUNT(%ebp)
	je 1f
	mov INFO_MODS_ADDR(%ebp), %esi
	mov MODULE_START(%esi), %eax
	mov MODULE_END(%esi), %ecx
	sub %eax, %ecx
	mov %eax, module + PVH_MODULE_HPA
	mov %ecx, module + PVH_MODULE_SIZE
	movl $1, info + PVH_AT_MODULES

	/* EDX: where the Multiboot map goes on, EBX: where it ends. Both maps begin an entry with the same words. */
1:	mov INFO_MMAP_ADDR(%ebp), %edx
	mov INFO_MMAP_LENGTH(%ebp), %ebx
	add %edx, %ebx
	mov $memmap, %edi
next_entry:
	cmp %ebx, %edx
	jae 2f
	cmp $(memmap + PVH_MEMMAP_BYTES * PVH_MEMMAP_MAX), %edi
	jae 2f
	lea MMAP_SIZE_FIELD(%edx), %esi
	mov $MMAP_WORDS, %ecx
	rep movsl
	add $(PVH_MEMMAP_BYTES - 4 * MMAP_WORDS), %edi
	incl info + PVH_AT_MEMMAP_LEN
	add (%edx), %edx
	add $MMAP_SIZE_FIELD, %edx
	jmp next_entry

2:	mov $info, %ebx
	jmp *linux_entry

	.balign 8
info:
	.long PVH_MAGIC
	.long PVH_VERSION
	.org info + PVH_AT_MODLIST
	.long module, 0
	.org info + PVH_AT_MEMMAP
	.long memmap, 0
	.org info + PVH_INFO_BYTES
module:
	.org module + PVH_MODULE_BYTES
memmap:
	.org memmap + PVH_MEMMAP_BYTES * PVH_MEMMAP_MAX

	.org linux_head + LINUX_HEAD_BYTES

	.section .note.GNU-stack, "", @progbits
