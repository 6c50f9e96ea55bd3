/* SPDX-License-Identifier: MIT */
/*
 * Ways into and out of the kernel: a stub a vector, SYSCALL, the recovery point of catch(), the entry to user mode.
 *
 * Registers: trap_common saves all into struct frame (test.h) and calls trap_dispatch(frame); trap_return loads them again and IRETs.
 * Source: SDM vol. 3A, 6.14.2 "64-Bit Mode Stack Frame"; vol. 2B, "SYSCALL".
 */
#include "guest/layout.h"
#include "x86/exception.h"
#include "x86/regs.h"

	.text
	.globl trap_stubs
	.balign 16
trap_stubs:
	.set vector, 0
	.rept VEC_EXCEPTIONS
	.balign TRAP_STUB_SIZE
	.if !(VEC_HAS_ERROR_MASK >> vector & 1)
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr
	.rept 256 - VEC_EXCEPTIONS
	.balign TRAP_STUB_SIZE
	pushq $0
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

trap_common:
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r11
	pushq %r10
	pushq %r9
	pushq %r8
	pushq %rdi
	pushq %rsi
	pushq %rbp
	pushq $0		/* the place of RSP */
	pushq %rbx
	pushq %rdx
	pushq %rcx
	pushq %rax
	pushq $0		/* CR2 */
	cld
	movq %rsp, %rdi
	call trap_dispatch
trap_return:
	addq $8, %rsp
	popq %rax
	popq %rcx
	popq %rdx
	popq %rbx
	addq $8, %rsp
	popq %rbp
	popq %rsi
	popq %rdi
	popq %r8
	popq %r9
	popq %r10
	popq %r11
	popq %r12
	popq %r13
	popq %r14
	popq %r15
	addq $16, %rsp		/* vector, error */
	iretq

/* SYSCALL: RCX = RIP, R11 = RFLAGS of the user; interrupts are off (FMASK). There is one CPU, so the user's RSP has a fixed place. */
	.globl syscall_entry, syscall_entry32
syscall_entry:
	movq %rsp, syscall_rsp(%rip)
	leaq stack_trap_end(%rip), %rsp
	pushq $SEL_USER_DATA
	pushq syscall_rsp(%rip)
	pushq %r11
	pushq $SEL_USER_CODE
	pushq %rcx
	pushq $0
	pushq $VEC_SYSCALL
	jmp trap_common
syscall_entry32:
	movq %rsp, syscall_rsp(%rip)
	leaq stack_trap_end(%rip), %rsp
	pushq $SEL_USER_DATA
	pushq syscall_rsp(%rip)
	pushq %r11
	pushq $SEL_USER_CODE32
	pushq %rcx
	pushq $0
	pushq $VEC_SYSCALL32
	jmp trap_common

/*
 * bool catch_call(u64 *rsp, const void *code, u64 rdi, u64 *rax): see catch(). trap_recover() resumes at catch_recovered with *rsp.
 */
	.globl catch_call, catch_recovered
catch_call:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rcx
	movq %rsp, (%rdi)
	movq %rdx, %rdi
	call *%rsi
	popq %rcx
	movq %rax, (%rcx)
	xorl %eax, %eax
	jmp 1f
catch_recovered:
	popq %rcx
	movl $1, %eax
1:	cld
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

/* user_enter(frame): loads all registers of the frame and enters user mode, by IRETQ or by SYSRET. Does not return. */
	.globl user_enter_iret, user_enter_sysret64, user_enter_sysret32
user_enter_iret:
	movq %rdi, %rsp
	jmp trap_return

	.macro LOAD_FOR_SYSRET
	movq %rdi, %rsp
	addq $8, %rsp
	popq %rax
	addq $8, %rsp		/* RCX: SYSRET takes RIP from it */
	popq %rdx
	popq %rbx
	addq $8, %rsp
	popq %rbp
	popq %rsi
	popq %rdi
	popq %r8
	popq %r9
	popq %r10
	addq $8, %rsp		/* R11: RFLAGS */
	popq %r12
	popq %r13
	popq %r14
	popq %r15
	addq $16, %rsp
	movq (%rsp), %rcx
	movq 16(%rsp), %r11
	movq 24(%rsp), %rsp
	.endm
user_enter_sysret64:
	LOAD_FOR_SYSRET
	sysretq
user_enter_sysret32:
	LOAD_FOR_SYSRET
	sysretl

/* state_reload_segments(): the standard CS, SS, DS, ES, FS, GS, and flags. */
	.globl state_reload_segments
state_reload_segments:
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl $SEL_USER_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl $SEL_KERNEL_DATA, %eax
	movl %eax, %ss
	movq %rsp, %rcx
	pushq %rax
	pushq %rcx
	pushq $RFLAGS_RESERVED1
	pushq $SEL_KERNEL_CODE
	leaq 1f(%rip), %rax
	pushq %rax
	iretq
1:	ret

	.bss
	.balign 16
syscall_rsp:
	.skip 8
	.balign 16
	.globl stack_main, stack_main_end, stack_trap, stack_trap_end, stack_ist, stack_ist_end
stack_main:
	.skip STACK_SIZE
stack_main_end:
stack_trap:
	.skip STACK_SIZE
stack_trap_end:
stack_ist:
	.skip STACK_SIZE * IST_TEST
stack_ist_end:
	.balign 16
	.globl tss, tss_io_bitmap
tss:	.skip 104
tss_io_bitmap:
	.skip 8192 + 1
