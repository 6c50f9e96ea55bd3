/* SPDX-License-Identifier: MIT */
/*
 * For assembly: the general registers onto the stack and back, in the order of struct trap_frame and of struct vcpu. RSP is not among
 * them; its place holds nothing of use.
 */
#ifndef MACHINE_FRAME_H
#define MACHINE_FRAME_H

#ifdef __ASSEMBLER__
	.macro SAVE_REGISTERS
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	push %rdi
	push %rsi
	push %rbp
	push %rsp
	push %rbx
	push %rdx
	push %rcx
	push %rax
	.endm

	.macro RESTORE_REGISTERS
	pop %rax
	pop %rcx
	pop %rdx
	pop %rbx
	add $8, %rsp
	pop %rbp
	pop %rsi
	pop %rdi
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	.endm
#endif

#endif
