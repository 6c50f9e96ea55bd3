/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and back: svm_enter, called by svm_enter_guest() in svm.c.
 *
 * In: RDI = v, RSI = hpa of the VMCB, GIF = 0. Out: RDI = v. Keeps RBP and RSP and no other register; the compiler is told so.
 *
 * VMRUN takes the VMCB in RAX; it loads the guest's RAX, RSP, RIP and RFLAGS from there and keeps the monitor's in the page of
 * VM_HSAVE_PA. #VMEXIT does the reverse, so that behind VMRUN RAX and RSP are the monitor's and all other general registers the
 * guest's. They go to v->gpr[], whose entries of RAX and RSP are left to the caller.
 *
 * APM vol. 2, 15.5.1 "Basic Operation", 15.6 "#VMEXIT".
 */
#include "svm_offsets.h"
#include "x86/regs.h"

#define GPR(n) (VCPU_GPR + 8 * (n))

	.text
	.globl svm_enter
svm_enter:
	push %rbp
	push %rdi
	mov %rsi, %rax
	mov GPR(GPR_RCX)(%rdi), %rcx
	mov GPR(GPR_RDX)(%rdi), %rdx
	mov GPR(GPR_RBX)(%rdi), %rbx
	mov GPR(GPR_RBP)(%rdi), %rbp
	mov GPR(GPR_RSI)(%rdi), %rsi
	mov GPR(8)(%rdi), %r8
	mov GPR(9)(%rdi), %r9
	mov GPR(10)(%rdi), %r10
	mov GPR(11)(%rdi), %r11
	mov GPR(12)(%rdi), %r12
	mov GPR(13)(%rdi), %r13
	mov GPR(14)(%rdi), %r14
	mov GPR(15)(%rdi), %r15
	mov GPR(GPR_RDI)(%rdi), %rdi

	vmrun %rax
	.globl svm_behind_vmrun
svm_behind_vmrun:
	mov %rdi, %rax
	pop %rdi
	mov %rax, GPR(GPR_RDI)(%rdi)
	mov %rcx, GPR(GPR_RCX)(%rdi)
	mov %rdx, GPR(GPR_RDX)(%rdi)
	mov %rbx, GPR(GPR_RBX)(%rdi)
	mov %rbp, GPR(GPR_RBP)(%rdi)
	mov %rsi, GPR(GPR_RSI)(%rdi)
	mov %r8, GPR(8)(%rdi)
	mov %r9, GPR(9)(%rdi)
	mov %r10, GPR(10)(%rdi)
	mov %r11, GPR(11)(%rdi)
	mov %r12, GPR(12)(%rdi)
	mov %r13, GPR(13)(%rdi)
	mov %r14, GPR(14)(%rdi)
	mov %r15, GPR(15)(%rdi)
	pop %rbp
	ret

	.section .note.GNU-stack, "", @progbits
