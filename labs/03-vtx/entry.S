/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and back.
 *
 * vmx_enter(u64 gpr[16], bool launched) loads the guest's general registers from the array, in GPR_* order, and executes VMRESUME, or
 * VMLAUNCH for a VMCS that was not launched yet. RSP, RIP and RFLAGS are in the VMCS.
 *
 * The next exit loads HOST_RIP = vmx_exit and HOST_RSP = the end of the same array: what is pushed there lands in the array, without a
 * copy and without a register to hold an address. Then the stack is vmx_enter's again, and it returns VMX_SUCCEED. It returns
 * VMX_FAIL_INVALID or VMX_FAIL_VALID when there was no entry.
 *
 * Registers: in RDI = gpr, SIL = launched; out EAX = enum vmx_result. Callee-saved registers are kept on the stack of the caller; an
 * exit clears RFLAGS but for bit 1, so DF is clear and interrupts are off.
 *
 * Sources: SDM vol. 3C, 26.1 "Basic VM-Entry Checks", 27.5.3 "Loading Host RIP, RSP, and RFLAGS".
 */
#include "machine/registers.inc"
#include "vmx_offsets.h"
#include "x86/regs.h"

	.bss
	.balign 8
monitor_rsp:
	.quad 0

	.text
	.globl vmx_enter, vmx_exit
vmx_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, monitor_rsp(%rip)
	mov %rdi, %rsp
	test %sil, %sil
	jz 1f
	RESTORE_REGISTERS
	vmresume
	jmp vmx_failed
1:	RESTORE_REGISTERS
	vmlaunch
vmx_failed:
	mov monitor_rsp(%rip), %rsp
	mov $RESULT_FAIL_INVALID, %eax
	jc vmx_return
	mov $RESULT_FAIL_VALID, %eax
	jmp vmx_return

	.balign 16
vmx_exit:
	SAVE_REGISTERS
	mov monitor_rsp(%rip), %rsp
	xor %eax, %eax
vmx_return:
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

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
