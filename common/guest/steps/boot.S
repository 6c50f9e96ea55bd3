/* SPDX-License-Identifier: MIT */
/*
 * The two entries of the micro-guests (abi/start_info.h), and the way from both to steps_main():
 *
 *   entry64   Long mode, on the loader's page tables and GDT. Nothing on this way can trap: a hypervisor that emulates no
 *             instruction at all comes to the step that was asked for.
 *   entry32   Multiboot: protected mode, paging off. Makes what entry64 finds: the first 4 GiB mapped to themselves, for the kernel
 *             only, and a GDT with the same selectors.
 *
 * Source: Multiboot Specification 0.6.96, 3.1; SDM vol. 3A, 9.8.5 "Initializing IA-32e Mode".
 */
#include "abi/start_info.h"
#include "boot/multiboot.h"
#include "guest/layout.h"
#include "x86/paging.h"
#include "x86/regs.h"

#define FLAGS (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_ADDRESSES)

	.section .multiboot, "a"
	.balign 4
multiboot_header:
	.long MULTIBOOT_HEADER_MAGIC
	.long FLAGS
	.long -(MULTIBOOT_HEADER_MAGIC + FLAGS)
	.long multiboot_header
	.long image_start
	.long image_load_end
	.long image_end
	.long entry32

	/* Elf64_Nhdr, owner, descriptor: the gpa of the 64-bit entry. */
	.section .note.hvlab, "a", @note
	.balign 4
	.long 2f - 1f, 4f - 3f, START_NOTE_ENTRY64
1:	.asciz START_NOTE_OWNER
2:	.balign 4
3:	.quad entry64
4:

/* EAX = MULTIBOOT_BOOT_MAGIC, EBX = gpa of the Multiboot information. Segments flat, interrupts off. */
	.section .boot32, "ax"
	.code32
	.globl entry32
entry32:
	movl %eax, %edi
	movl %ebx, %esi
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $pml4, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	xorl %edx, %edx
	movl $EFER_LME, %eax
	wrmsr
	movl $(CR0_PE | CR0_ET | CR0_PG), %eax
	movl %eax, %cr0
	lgdt gdtr
	ljmp $SEL_KERNEL_CODE, $long_mode

	.text
	.code64
long_mode:
	movl $SEL_KERNEL_DATA, %eax
	movl %eax, %ss
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	jmp start

/* RAX = START_INFO_MAGIC, RDI = gpa of the start-information page. */
entry64:
	movq %rdi, %rsi
	movl %eax, %edi
	/* Now both ways are the same: EDI = magic, RSI = gpa. */
start:
	leaq stack_end(%rip), %rsp
	xorl %ebp, %ebp		/* ends the chain of frames */
	movl %edi, %edi
	movl %esi, %esi
	call steps_main
1:	hlt
	jmp 1b

	.section .data.boot, "aw"
	.balign 16
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* SEL_KERNEL_CODE: L, DPL 0, execute and read */
	.quad 0x00cf93000000ffff	/* SEL_KERNEL_DATA: DPL 0, read and write */
gdtr:	.word gdtr - gdt - 1
	.long gdt

#define TABLE  (PTE_P | PTE_W)
#define LARGE  (PTE_P | PTE_W | PTE_PS)
#define TABLES 4		/* of 1 GiB each */

	.section .data.page_tables, "aw"
	.balign PAGE_SIZE
pml4:	.quad pdpt + TABLE
	.fill PT_ENTRIES - 1, 8, 0
pdpt:
	.set table, 0
	.rept TABLES
	.quad pd + table * PAGE_SIZE + TABLE
	.set table, table + 1
	.endr
	.fill PT_ENTRIES - TABLES, 8, 0
pd:
	.set address, 0
	.rept TABLES * PT_ENTRIES
	.quad address + LARGE
	.set address, address + 0x200000
	.endr

	.bss
	.balign 16
	.skip STACK_SIZE
stack_end:
