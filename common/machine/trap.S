/* SPDX-License-Identifier: MIT */
/*
 * Entry of every interrupt and exception: 256 stubs that push the vector (and a zero where the CPU pushes no error code), then one
 * common path that completes struct trap_frame, and the accesses that are allowed to fault.
 *
 * From ring 3 the path is as short as it can be, since a ring-3 engine takes it for each exit of its guest: save the registers, call
 * trap_from_ring3. Contract with it: RDI = the frame, at the top of the stack of TSS.RSP0, 16-byte aligned stack, DF clear, interrupts
 * off; DS, ES, FS and GS still hold what the guest loaded. If it returns, the frame is taken up again by IRET.
 *
 * Vectors with a stack of their own (IST) need one step more: a frame from ring 3 is moved to the stack of RSP0, so that the engine sees
 * all traps alike and the IST stack is free again; a frame from ring 0 stays, since the RSP that it interrupted may be no stack of
 * ours (SYSCALL leaves the user's) or a full one.
 *
 * Sources: SDM vol. 3A, 6.14.2 "64-Bit Mode Stack Frame", 6.14.5 "Interrupt Stack Table", 6.13 "Error Code".
 */
#include "machine/registers.inc"
#include "machine/layout.h"
#include "machine_offsets.h"
#include "x86/desc.h"
#include "x86/exception.h"
#include "x86/regs.h"

#define FRAME_WORDS (TRAP_FRAME_SIZE / 8)

	.text

	.balign 64
trap_common:
	cld
	SAVE_REGISTERS
	mov %rsp, %rdi
	testb $SEL_RPL, TRAP_FRAME_CS(%rsp)
	jz trap_kernel
trap_user:
	mov trap_from_ring3(%rip), %rax
	test %rax, %rax
	jz trap_kernel
	sub $8, %rsp /* the frame has an odd number of words */
	call *%rax
	jmp trap_return

trap_kernel:
	sub $8, %rsp
	call trap_in_ring0
trap_return:
	add $8, %rsp
	RESTORE_REGISTERS
	add $16, %rsp /* vector, error code */
	iretq

	.balign 16
trap_common_ist:
	cld
	SAVE_REGISTERS
	mov %rsp, %rdi
	testb $SEL_RPL, TRAP_FRAME_CS(%rsp)
	jz trap_kernel
	mov %rsp, %rsi
	mov machine_tss + TSS_RSP0(%rip), %rdi
	and $-16, %rdi
	sub $TRAP_FRAME_SIZE, %rdi
	mov %rdi, %rsp
	mov $FRAME_WORDS, %ecx
	rep movsq
	mov %rsp, %rdi
	jmp trap_user

	.set vector, 0
	.rept 256
	.balign 16
1:
	.if vector >= VEC_EXCEPTIONS || !((VEC_HAS_ERROR_MASK >> (vector % VEC_EXCEPTIONS)) & 1)
	push $0
	.endif
	push $vector
	.if vector == VEC_NMI || vector == VEC_DF || vector == VEC_MC || vector == VEC_DB
	jmp trap_common_ist
	.else
	jmp trap_common
	.endif
	.section .rodata
	.if vector == 0
	.balign 8
	.globl trap_stubs
trap_stubs:
	.endif
	.quad 1b
	.text
	.set vector, vector + 1
	.endr

/*
 * SYSCALL from ring 3 (LSTAR and CSTAR, where an engine has set them to these): makes the frame that an exception would have, with
 * TRAP_VEC_SYSCALL or TRAP_VEC_SYSCALL32 for a vector. RCX and R11 have RIP and RFLAGS; what CS and SS were is lost, so the frame only says
 * "ring 3". Until RSP is loaded a #DB or NMI may come, and has a stack of its own (SDM vol. 3A, 6.8.3).
 */
	.macro SYSCALL_ENTRY name, vector
	.globl \name
\name:
	mov %rsp, syscall_rsp(%rip)
	mov machine_tss + TSS_RSP0(%rip), %rsp
	push $SEL_RPL
	push syscall_rsp(%rip)
	push %r11
	push $SEL_RPL
	push %rcx
	push $0
	push $\vector
	jmp trap_common
	.endm
	SYSCALL_ENTRY trap_syscall, TRAP_VEC_SYSCALL
	SYSCALL_ENTRY trap_syscall32, TRAP_VEC_SYSCALL32
	.local syscall_rsp
	.comm syscall_rsp, 8, 8

/*
 * Accesses that may fault. The section .fixups lists the address of the instruction and where to go on when it faults; machine.h has
 * two more of them. Those here are C functions that return true in AL when the access worked.
 */

/* bool rdmsr_safe(u32 msr, u64 *value) */
	.globl rdmsr_safe
rdmsr_safe:
	mov %edi, %ecx
rdmsr_access:
	rdmsr
	mov %eax, (%rsi)
	mov %edx, 4(%rsi)
	mov $1, %eax
	ret

/* bool wrmsr_safe(u32 msr, u64 value) */
	.globl wrmsr_safe
wrmsr_safe:
	mov %edi, %ecx
	mov %rsi, %rax
	mov %rsi, %rdx
	shr $32, %rdx
wrmsr_access:
	wrmsr
	mov $1, %eax
	ret

access_failed:
	xor %eax, %eax
	ret

/* bool load_segment_safe(unsigned seg, u16 selector) */
	.globl load_segment_safe
load_segment_safe:
	mov $1, %eax
	cmp $SEG_ES, %edi
	je load_es
	cmp $SEG_DS, %edi
	je load_ds
	cmp $SEG_FS, %edi
	je load_fs
	cmp $SEG_GS, %edi
	je load_gs
	ud2
load_es:
	mov %esi, %es
	ret
load_ds:
	mov %esi, %ds
	ret
load_fs:
	mov %esi, %fs
	ret
load_gs:
	mov %esi, %gs
	ret
load_es_failed:
	xor %eax, %eax
	mov %eax, %es
	ret
load_ds_failed:
	xor %eax, %eax
	mov %eax, %ds
	ret
load_fs_failed:
	xor %eax, %eax
	mov %eax, %fs
	ret
load_gs_failed:
	xor %eax, %eax
	mov %eax, %gs
	ret

/*
 * bool read_safe(void *dst, const void *src, u64 size), bool write_safe(the same): copies of few bytes by moves, the last of which may
 * overlap the one before. What may fault is the source of the first, the destination of the second.
 */
	.macro SAFE_COPY name
	.globl \name
\name:
	lea -8(%rdx), %rcx
	cmp $8, %rdx
	jb 3f
	xor %r8d, %r8d
	jmp 2f
1:
\name\()_load_8:
	mov (%rsi,%r8), %rax
\name\()_store_8:
	mov %rax, (%rdi,%r8)
	add $8, %r8
2:	cmp %rcx, %r8
	jb 1b
\name\()_load_last_8:
	mov (%rsi,%rcx), %rax
\name\()_store_last_8:
	mov %rax, (%rdi,%rcx)
	mov $1, %eax
	ret
3:	cmp $4, %edx
	jb 4f
\name\()_load_4:
	mov (%rsi), %eax
\name\()_load_last_4:
	mov -4(%rsi,%rdx), %ecx
\name\()_store_4:
	mov %eax, (%rdi)
\name\()_store_last_4:
	mov %ecx, -4(%rdi,%rdx)
	mov $1, %eax
	ret
4:	cmp $2, %edx
	jb 5f
\name\()_load_2:
	movzwl (%rsi), %eax
\name\()_load_last_1:
	movzbl -1(%rsi,%rdx), %ecx
\name\()_store_2:
	mov %ax, (%rdi)
\name\()_store_last_1:
	mov %cl, -1(%rdi,%rdx)
	mov $1, %eax
	ret
5:	test %edx, %edx
	jz 6f
\name\()_load_1:
	movzbl (%rsi), %eax
\name\()_store_1:
	mov %al, (%rdi)
6:	mov $1, %eax
	ret
	.endm
	SAFE_COPY read_safe
	SAFE_COPY write_safe

	.section .fixups, "a", @progbits
	.quad rdmsr_access, access_failed
	.quad wrmsr_access, access_failed
	.quad load_es, load_es_failed
	.quad load_ds, load_ds_failed
	.quad load_fs, load_fs_failed
	.quad load_gs, load_gs_failed
	.irp access, load_8, load_last_8, load_4, load_last_4, load_2, load_last_1, load_1
	.quad read_safe_\access, access_failed
	.endr
	.irp access, store_8, store_last_8, store_4, store_last_4, store_2, store_last_1, store_1
	.quad write_safe_\access, access_failed
	.endr

	.section .note.GNU-stack, "", @progbits
