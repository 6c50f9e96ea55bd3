/* SPDX-License-Identifier: MIT */
/*
 * The two entries of the guest test kernel (abi/start_info.h), and the way from both to guest_main():
 *
 *   entry32   Multiboot: protected mode, paging off. Makes long mode.
 *   entry64   long mode, identity mapping of the loader.
 *
 * Both load the page tables below, which map the kernel's window and, until guest_main() drops it, the first GiB to itself.
 * Source: Multiboot Specification 0.6.96, 3.1; SDM vol. 3A, 9.8.5 "Initializing IA-32e Mode".
 * Like all boot code and harness, it uses no sensitive instruction that does not trap in ring 3 (check_sensitive.awk).
 */
#include "abi/start_info.h"
#include "boot/multiboot.h"
#include "guest/layout.h"
#include "x86/paging.h"
#include "x86/regs.h"

#define GPA(symbol) (symbol - KERNEL_BASE)
#define FLAGS       (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_ADDRESSES)

	.section .multiboot, "a"
	.balign 4
	.globl multiboot_header
multiboot_header:
	.long MULTIBOOT_HEADER_MAGIC
	.long FLAGS
	.long -(MULTIBOOT_HEADER_MAGIC + FLAGS)
	.long multiboot_header_gpa
	.long image_start_gpa
	.long image_load_end_gpa
	.long image_end_gpa
	.long entry32_gpa

	/* Elf64_Nhdr, owner, descriptor: the gpa of the 64-bit entry. */
	.section .note.hvlab, "a", @note
	.balign 4
	.long 2f - 1f, 4f - 3f, START_NOTE_ENTRY64
1:	.asciz START_NOTE_OWNER
2:	.balign 4
3:	.quad GPA(entry64)
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
	movl $GPA(boot_pml4), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	xorl %edx, %edx
	movl $EFER_LME, %eax
	wrmsr
	movl $(CR0_PE | CR0_ET | CR0_PG), %eax
	movl %eax, %cr0
	lgdt GPA(boot_gdtr32)
	ljmp $SEL_KERNEL_CODE, $GPA(long_mode)

/* RAX = START_INFO_MAGIC, RDI = gpa of the start-information page. */
	.text
	.code64
	.globl entry64
entry64:
	movq %rdi, %rsi
	movl %eax, %edi
	movl $GPA(boot_pml4), %eax
	movq %rax, %cr3
	/* Now both ways are the same: at the physical address, EDI = magic, RSI = gpa. */
long_mode:
	movabsq $high, %rax
	jmp *%rax
high:
	lgdt boot_gdtr(%rip)
	movl $SEL_KERNEL_DATA, %eax
	movl %eax, %ss
	movl $SEL_USER_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	leaq stack_main_end(%rip), %rsp
	pushq $SEL_KERNEL_CODE
	leaq 1f(%rip), %rax
	pushq %rax
	lretq
1:	xorl %ebp, %ebp		/* ends the chain of frames */
	movl %edi, %edi
	movl %esi, %esi
	call guest_main
2:	hlt
	jmp 2b

	.section .data.boot, "aw"
	.balign 16
boot_gdtr32:
	.word GDT_ENTRIES * 8 - 1
	.long GPA(gdt)
	.balign 16
boot_gdtr:
	.word GDT_ENTRIES * 8 - 1
	.quad gdt

/* The kernel's window. Only boot_pml4[0] is changed later: dropped. */
#define TABLE (PTE_P | PTE_W)
#define LARGE (PTE_P | PTE_W | PTE_PS)

	.section .data.page_tables, "aw"
	.balign PAGE_SIZE
	.globl boot_pml4, boot_pdpt, boot_pd_ram, boot_pd_devices
boot_pml4:
	.quad GPA(boot_pdpt_identity) + TABLE
	.fill PT_ENTRIES - 2, 8, 0
	.quad GPA(boot_pdpt) + TABLE
boot_pdpt_identity:
	.quad GPA(boot_pd_ram) + TABLE
	.fill PT_ENTRIES - 1, 8, 0
boot_pdpt:
	.fill PT_ENTRIES - 2, 8, 0
	.quad GPA(boot_pd_ram) + TABLE
	.quad GPA(boot_pd_devices) + TABLE
boot_pd_ram:
	.set address, 0
	.rept PT_ENTRIES
	.quad address + LARGE
	.set address, address + 0x200000
	.endr
boot_pd_devices:
	.set address, 0xc0000000
	.rept PT_ENTRIES
	.quad address + LARGE + PTE_PCD + PTE_PWT
	.set address, address + 0x200000
	.endr
