/* SPDX-License-Identifier: MIT */
/*
 * SYSCALL from the guest's user mode into the cache, and SYSRET from the cache to the guest's user mode, as C did it last (level.h).
 *
 * The frame is where every exit has it, in the vcpu below TSS.RSP0, and is made right for IRET in its place. RAX is saved where an error code
 * would stand. What is not plain goes to the entries that everything else takes, with all registers and the stack as they were.
 *
 * An NMI, or a #DB that MOV SS delayed, may come at any instruction here; both have a stack of their own.
 */
#include "level_offsets.h"
#include "machine/registers.inc"
#include "x86/desc.h"
#include "x86/exception.h"
#include "x86/regs.h"

/* The frame, from where RAX is saved */
#define FRAME_RIP	8
#define FRAME_CS	16
#define FRAME_RFLAGS	24
#define FRAME_SS	40

/* Of RFLAGS, what user mode may not have for this way */
#define UNUSUAL		(RFLAGS_TF | RFLAGS_NT | RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP)
/* What SYSRET loads of R11 */
#define LOADED		(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_IF | RFLAGS_DF | RFLAGS_OF | RFLAGS_AC | RFLAGS_ID)

/* Goes to `slow` unless the cache is as it was and nothing else was loaded. RAX: struct ring3 */
	.macro CHECK generation, slow
	mov bt_level + LEVEL_GENERATION(%rip), %rax
	mov (%rax), %eax
	cmp bt_level + \generation(%rip), %rax
	jne \slow
	mov ring3_switch + SWITCH_RING3(%rip), %rax
	cmpb $0, RING3_UNDISTURBED(%rax)
	je \slow
	.endm

/* Loads what belongs to a level, counts, and goes there. */
	.macro GO level, user
	mov ring3_switch + \level + LEVEL_ROOT(%rip), %rax
	mov %rax, %cr3
	lgdt ring3_switch + \level + LEVEL_GDT(%rip)
	mov ring3_switch + \level + LEVEL_CS(%rip), %rax
	mov %rax, FRAME_CS(%rsp)
	mov ring3_switch + \level + LEVEL_SS(%rip), %rax
	mov %rax, FRAME_SS(%rsp)
	mov ring3_switch + SWITCH_RING3(%rip), %rax
	movb $\user, RING3_USER(%rax)
	movb $1, RING3_SWITCHED(%rax)
	incq VCPU_EXITS_NONE - VCPU_FRAME_ERROR(%rsp)
	mov ring3_switch + SWITCH_COUNTERS(%rip), %rax
	incq COUNTERS_EXITS(%rax)
	incq COUNTERS_ROOT_SWITCHES(%rax)
	pop %rax
	iretq
	.endm

	.text
	.globl bt_level_syscall, bt_level_undefined

/* RCX has RIP, R11 RFLAGS; the flags of this CPU are anything. */
bt_level_syscall:
	mov %rsp, guest_rsp(%rip)
	mov machine_tss + TSS_RSP0(%rip), %rsp
	sub $8, %rsp
	push guest_rsp(%rip)
	push %r11
	sub $8, %rsp
	push %rcx
	push %rax
	CHECK LEVEL_UP_GENERATION, slow_syscall
	testq $~RFLAGS_IF, RING3_SYSTEM_FLAGS(%rax)
	jne slow_syscall
	test $UNUSUAL, %r11d
	jne slow_syscall
	and $~(RFLAGS_IF | RFLAGS_RF), %r11d /* the guest's IF; R11 has no RF */
	or RING3_SYSTEM_FLAGS(%rax), %r11
	movq $0, RING3_SYSTEM_FLAGS(%rax)
	mov bt_level + LEVEL_KEPT_FLAGS(%rip), %rax
	and %rax, FRAME_RFLAGS(%rsp)
	mov bt_level + LEVEL_ENTRY(%rip), %rax
	mov %rax, FRAME_RIP(%rsp)
	mov bt_level + LEVEL_STATE(%rip), %rax
	movq $0, STATE_VIF(%rax)
	push %rcx
	mov bt_level + LEVEL_SEL_CS(%rip), %rcx
	mov %rcx, STATE_SEL_CS(%rax)
	mov bt_level + LEVEL_SEL_SS(%rip), %rcx
	mov %rcx, STATE_SEL_SS(%rax)
	pop %rcx
	GO SWITCH_KERNEL, 0

slow_syscall:
	pop %rax
	mov guest_rsp(%rip), %rsp
	jmp trap_syscall

/* #UD. In the cache it is a call-out, the most frequent of all exits. */
bt_level_undefined:
	push %rax
	mov FRAME_RIP(%rsp), %rax
	cmp bt_level + LEVEL_SYSRET(%rip), %rax
	jne slow_undefined
	CHECK LEVEL_DOWN_GENERATION, slow_undefined
	testl $RFLAGS_TF, FRAME_RFLAGS(%rsp) /* the monitor steps */
	jne slow_undefined
	test $UNUSUAL, %r11d
	jne slow_undefined
	mov %rcx, %rax
	shr $47, %rax /* not the lower half: not user's, or not canonical */
	jne slow_undefined
	mov %rcx, FRAME_RIP(%rsp)
	mov ring3_switch + SWITCH_RING3(%rip), %rcx
	mov %r11d, %eax
	and $RFLAGS_IF, %eax
	mov %rax, RING3_SYSTEM_FLAGS(%rcx)
	mov FRAME_RIP(%rsp), %rcx
	mov %r11d, %eax
	and $LOADED, %eax
	or $RFLAGS_IF | RFLAGS_RESERVED1, %eax /* the CPU's own IF is always set */
	mov %rax, FRAME_RFLAGS(%rsp)
	GO SWITCH_USER, 1

/* From ring 3 it is an exit, and needs nothing of what the common entry asks. */
slow_undefined:
	pop %rax
	testb $SEL_RPL, FRAME_CS - 8(%rsp)
	jz in_monitor
	push $0
	push $VEC_UD
	SAVE_REGISTERS
	cld
	jmp ring3_exit
in_monitor:
	jmp *trap_stubs + VEC_UD * 8(%rip)

	.local guest_rsp
	.comm guest_rsp, 8, 8

	.section .note.GNU-stack, "", @progbits
