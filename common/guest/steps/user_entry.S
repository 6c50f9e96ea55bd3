/* SPDX-License-Identifier: MIT */
/*
 * To user mode and back for the steps of user.c.
 *
 * Registers: what a C function must keep is pushed before user mode and popped after it; the pointer to it is in step_kernel_rsp. RAX
 * goes in with the caller's value and comes out with the user's.
 */
#include "guest/layout.h"

	.text
	.globl step_iret_to, step_sysret_to, step_back, step_syscall_entry

	.macro KEEP_REGISTERS
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, step_kernel_rsp(%rip)
	.endm

/* step_iret_to(frame, rax) */
step_iret_to:
	KEEP_REGISTERS
	movq %rsi, %rax
	movq %rdi, %rsp		/* the frame is what IRET pops */
	iretq

/* step_sysret_to(rip, rflags, rsp, rax) */
step_sysret_to:
	KEEP_REGISTERS
	movq %rcx, %rax
	movq %rdi, %rcx
	movq %rsi, %r11
	movq %rdx, %rsp
	sysretq

/* From user mode: the stack is still the user's. */
step_syscall_entry:
	movq %rcx, step_syscall_rcx(%rip)
	movq %r11, step_syscall_r11(%rip)
	movq step_kernel_rsp(%rip), %rsp
	int $VEC_TEST
/* From a handler: step_return_here() has put this RIP and step_kernel_rsp into its frame. */
step_back:
	cld
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	.bss
	.balign 8
	.globl step_kernel_rsp, step_syscall_rcx, step_syscall_r11
step_kernel_rsp:
	.skip 8
step_syscall_rcx:
	.skip 8
step_syscall_r11:
	.skip 8
