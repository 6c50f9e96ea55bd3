/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to C: the Multiboot header, 32-bit entry, long mode, the jump to the high half.
 *
 * A loader enters at boot_entry in 32-bit protected mode, paging off, flat segments, EAX = MULTIBOOT_BOOT_MAGIC, EBX = hpa of the
 * information. The image lies at 1 MiB and up, linked at HV_BASE + 1 MiB; only the section .boot has its physical address. The page
 * tables built here map the first 4 GiB twice, to themselves (for the few instructions around the switch) and at HV_BASE, all writable
 * and executable. machine/memory.c replaces them by the final ones, which have no identity mapping.
 *
 * Sources: Multiboot Specification 0.6.96, 3.1 "OS image format", 3.2 "Machine state"; SDM vol. 3A, 9.8.5 "Initializing IA-32e Mode".
 */
#include "boot/multiboot.h"
#include "machine/layout.h"
#include "x86/regs.h"

#define HEADER_FLAGS (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_ADDRESSES)

#define CPUID_EXT_MAX      0x80000000
#define CPUID_EXT_FEATURES 0x80000001
#define CPUID_EDX_NX       (1 << 20)
#define CPUID_EDX_LM       (1 << 29)

#define BOOT_PTE_TABLE 0x003 /* P, W */
#define BOOT_PTE_2M    0x083 /* P, W, PS */
#define BOOT_PD_COUNT  4     /* GiB that the boot tables map */

/* Selectors of the table below; machine/tables.c has the final one. */
#define BOOT_SEL_CODE 0x08
#define BOOT_SEL_DATA 0x10

#define COM1_THR 0x3f8
#define COM1_LSR 0x3fd
#define LSR_THRE 0x20

	.section .boot, "ax"
	.code32
	.balign 4
boot_header:
	.long MULTIBOOT_HEADER_MAGIC
	.long HEADER_FLAGS
	.long -(MULTIBOOT_HEADER_MAGIC + HEADER_FLAGS)
	.long boot_header
	.long image_load_hpa
	.long image_load_end_hpa
	.long image_end_hpa
	.long boot_entry

	.globl boot_entry
boot_entry:
	cld
	mov %eax, %ebp /* the magic; EBX keeps the information */
	mov $boot_stack_low_hpa, %esp

	/* .bss, whatever the loader did: the tables below and the stacks lie in it. */
	mov $image_bss_hpa, %edi
	mov $image_end_hpa, %ecx
	sub %edi, %ecx
	shr $2, %ecx
	xor %eax, %eax
	rep stosl

	push %ebx
	mov $CPUID_EXT_MAX, %eax
	cpuid
	cmp $CPUID_EXT_FEATURES, %eax
	jb boot_refuse
	mov $CPUID_EXT_FEATURES, %eax
	cpuid
	and $(CPUID_EDX_LM | CPUID_EDX_NX), %edx
	cmp $(CPUID_EDX_LM | CPUID_EDX_NX), %edx
	jne boot_refuse
	pop %ebx

	/* PML4: slots 0 and HV_PML4_SLOT to one PDPT; its first entries to BOOT_PD_COUNT page directories in a row. */
	mov $(boot_pdpt_hpa + BOOT_PTE_TABLE), %eax
	mov %eax, boot_pml4_hpa
	mov %eax, boot_pml4_hpa + 8 * HV_PML4_SLOT
	mov $(boot_pd_hpa + BOOT_PTE_TABLE), %eax
	xor %ecx, %ecx
1:	mov %eax, boot_pdpt_hpa(, %ecx, 8)
	add $0x1000, %eax
	inc %ecx
	cmp $BOOT_PD_COUNT, %ecx
	jb 1b

	mov $BOOT_PTE_2M, %eax
	xor %ecx, %ecx
2:	mov %eax, boot_pd_hpa(, %ecx, 8)
	add $0x200000, %eax
	inc %ecx
	cmp $(512 * BOOT_PD_COUNT), %ecx
	jb 2b

	/* The manual's order: PAE, CR3, EFER.LME, then paging, which activates IA-32e mode. */
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $boot_pml4_hpa, %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $(EFER_LME | EFER_NXE), %eax
	wrmsr
	mov $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	mov %eax, %cr0
	lgdt boot_gdt_pointer
	ljmp $BOOT_SEL_CODE, $boot_long_mode

/* No 64-bit mode or no NX: say so on COM1 as the firmware left it, and stop. */
boot_refuse:
	mov $boot_refusal, %esi
1:	mov $COM1_LSR, %dx
	mov $0x10000, %ecx
2:	in (%dx), %al
	test $LSR_THRE, %al
	loopz 2b
	lodsb
	test %al, %al
	jz 3f
	mov $COM1_THR, %dx
	out %al, (%dx)
	jmp 1b
3:	cli
	hlt
	jmp 3b
boot_refusal:
	.asciz "[hv] this processor has no 64-bit mode with NX\r\n"

	.code64
boot_long_mode:
	mov $BOOT_SEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	movabs $start64, %rax
	jmp *%rax

	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* BOOT_SEL_CODE: 64-bit code, DPL 0 */
	.quad 0x00cf93000000ffff /* BOOT_SEL_DATA: data, DPL 0 */
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long boot_gdt

	.text
start64:
	lea boot_stack_top(%rip), %rsp
	mov %ebp, %edi
	mov %ebx, %esi
	xor %ebp, %ebp /* ends the chain of frame pointers */
	push %rbp      /* two words: no return address, and the stack stays 16-byte aligned */
	push %rbp
	call machine_init
	call main
	mov %eax, %edi
	call machine_power_off
	ud2

	.bss
	.balign 4096
	.globl boot_pml4, boot_pdpt, boot_pd
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4096 * BOOT_PD_COUNT

	/* The stack of the hypervisor. memory.c takes the mapping of the guard page away. */
	.globl boot_stack_guard, boot_stack, boot_stack_top
boot_stack_guard:
	.skip 4096
boot_stack:
	.skip BOOT_STACK_SIZE
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
