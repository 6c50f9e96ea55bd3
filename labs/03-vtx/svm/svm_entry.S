/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and back, and the interrupts of the machine.
 *
 * svm_enter(struct vcpu *v, struct vmexit *exit, hpa_t vmcb) loads the guest's general registers from v->gpr and executes VMRUN; RAX, RSP,
 * RIP and RFLAGS are in the VMCB. After the exit they are in v->gpr again, and the way goes on in svm_exited(v, exit), which returns to
 * svm_enter's caller.
 *
 * Registers: in RDI = v, RSI = exit, RDX = hpa of the VMCB; nothing out. Callee-saved registers are kept on the caller's stack, and v and exit
 * with them. GIF = 0 before and after.
 *
 * VMRUN takes the VMCB in RAX and keeps the monitor's RAX, RSP, RIP and RFLAGS in the page of VM_HSAVE_PA. #VMEXIT does the reverse, so
 * that behind VMRUN RAX and RSP are the monitor's and all other general registers the guest's. The entries of RAX and RSP in v->gpr are
 * left to svm_exited.
 *
 * APM vol. 2, 15.5.1 "Basic Operation", 15.6 "#VMEXIT", 15.17 "Global Interrupt Flag, STGI and CLGI Instructions".
 */
#include "machine/registers.inc"
#include "svm_offsets.h"
#include "x86/exception.h"
#include "x86/regs.h"

#define GPR(n) (VCPU_GPR + 8 * (n))

	.text
	.globl svm_enter
svm_enter:
	SAVE_CALLEE_SAVED
	push %rsi
	push %rdi
	mov %rdx, %rax
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
	pop %rsi
	RESTORE_CALLEE_SAVED
	jmp svm_exited

/*
 * What the IDT has for the interrupts while a guest owns the CPU: where STGI in svm_take_interrupt() lets one in, it comes back with its
 * vector in EDI and with GIF = 0, so that there is one at a time.
 */
	.balign SVM_VECTOR_BYTES
	.globl svm_vectors
svm_vectors:
	.set vector, VEC_EXCEPTIONS
	.rept SVM_IDT_GATES - VEC_EXCEPTIONS
	.balign SVM_VECTOR_BYTES
	mov $vector, %edi
	clgi
	iretq
	.set vector, vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
