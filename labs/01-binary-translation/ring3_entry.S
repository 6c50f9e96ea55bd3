/* SPDX-License-Identifier: MIT */
/*
 * Into ring 3 and back.
 *
 * ring3_enter(struct vcpu *v) pops the guest's registers out of the vcpu and ends with IRETQ. The next interrupt or exception pushes its
 * frame where TSS.RSP0 points: behind the registers in the same vcpu. machine/trap.S pushes the rest and calls ring3_exit(frame), which
 * goes back to the stack of ring3_enter's caller.
 *
 * Registers: in RDI = v; all callee-saved registers are kept on the monitor's stack.
 */
#include "machine/registers.inc"
#include "ring3_offsets.h"

	.bss
	.balign 8
monitor_rsp:
	.quad 0

	.text
	.globl ring3_enter, ring3_exit
ring3_enter:
	SAVE_CALLEE_SAVED
	mov %rsp, monitor_rsp(%rip)
	lea VCPU_GPR(%rdi), %rsp
	RESTORE_REGISTERS
	add $16, %rsp		/* vector, error code */
	iretq

ring3_exit:
	mov monitor_rsp(%rip), %rsp
	RESTORE_CALLEE_SAVED
	ret
