/* SPDX-License-Identifier: MIT */
/*
 * One entry with the current VMCS, for try.c, which looks at nothing but whether there was one.
 *
 * Registers: in DIL = launched; out EAX = 0 after an exit, 1 for VMfailInvalid (CF), 2 for VMfailValid (ZF). The guest gets the registers
 * as they are, and may change all of them: callee-saved ones are on the stack, whose address is in memory.
 *
 * Source: SDM vol. 3C, 27.5.3 "Loading Host RIP, RSP, and RFLAGS", 30.2 "Conventions".
 */
#include "machine/registers.inc"

	.bss
	.balign 8
saved_rsp:
	.quad 0

	.text
	.globl check_try_enter, check_try_exit, check_try_guest
check_try_enter:
	SAVE_CALLEE_SAVED
	mov %rsp, saved_rsp(%rip)
	test %dil, %dil
	jnz 1f
	vmlaunch
	jmp 2f
1:	vmresume
2:	mov $1, %eax
	jc 3f
	mov $2, %eax
3:	RESTORE_CALLEE_SAVED
	ret

	.balign 16
check_try_exit:
	mov saved_rsp(%rip), %rsp
	xor %eax, %eax
	jmp 3b

	.balign 16
check_try_guest:
	vmcall
	jmp check_try_guest

	.section .note.GNU-stack, "", @progbits
