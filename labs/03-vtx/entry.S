/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and back.
 *
 * vmx_resume(struct vcpu *v, struct vmexit *exit) loads the guest's general registers from v->gpr and executes VMRESUME; vmx_launch is the
 * same with VMLAUNCH, for the first time. RSP, RIP and RFLAGS are in the VMCS.
 *
 * The next exit loads HOST_RIP = vmx_exit and HOST_RSP = the end of v->gpr: what is pushed there lands in v->gpr, without a copy and
 * without a register to hold an address, and RSP says whose registers they were. Then the stack is vmx_resume's again, and the way goes on
 * in vmx_exited(v, exit), which returns to vmx_resume's caller. When there is no entry it goes on in vmx_refused(v, exit, result).
 *
 * Registers: in RDI = v, RSI = exit; nothing out. Callee-saved registers are kept on the caller's stack, and exit with
 * them. An exit leaves RFLAGS = 2, so DF is clear and interrupts are off; VMLAUNCH and VMRESUME that fail set CF or ZF.
 *
 * Sources: SDM vol. 3C, 26.1 "Basic VM-Entry Checks", 27.5.3 "Loading Host RIP, RSP, and RFLAGS", 30.2 "Conventions".
 */
#include "machine/registers.inc"
#include "vmx_offsets.h"

	.bss
	.balign 8
monitor_rsp:
	.quad 0

	.macro GUEST_REGISTERS
	SAVE_CALLEE_SAVED
	push %rsi
	mov %rsp, monitor_rsp(%rip)
	lea VCPU_GPR(%rdi), %rsp
	RESTORE_REGISTERS
	.endm

	.macro MONITOR_REGISTERS
	mov monitor_rsp(%rip), %rsp
	pop %rsi
	RESTORE_CALLEE_SAVED
	.endm

	.text
	.globl vmx_launch, vmx_resume, vmx_exit
vmx_launch:
	GUEST_REGISTERS
	vmlaunch
	jmp refused

	.balign 16
vmx_resume:
	GUEST_REGISTERS
	vmresume
refused:
	lea -VCPU_GPR_END(%rsp), %rdi
	mov $RESULT_FAIL_INVALID, %edx
	jc 1f
	mov $RESULT_FAIL_VALID, %edx
1:	MONITOR_REGISTERS
	jmp vmx_refused

	.balign 16
vmx_exit:
	SAVE_REGISTERS
	lea -VCPU_GPR(%rsp), %rdi
	MONITOR_REGISTERS
	jmp vmx_exited

/* VMREAD or VMWRITE has failed (vmcs.h); RDX = the field. Not a call: the stack is as it was there. */
	.globl vmcs_failed
vmcs_failed:
	mov %edx, %edi
	and $-16, %rsp
	call vmcs_access_failed

/* void vmx_unblock_nmi(void): IRET to its own caller, with a frame made here. */
	.globl vmx_unblock_nmi
vmx_unblock_nmi:
	mov %rsp, %rax
	mov %ss, %ecx
	push %rcx
	push %rax
	pushfq
	mov %cs, %ecx
	push %rcx
	lea 1f(%rip), %rcx
	push %rcx
	iretq
1:	ret

	.section .note.GNU-stack, "", @progbits
