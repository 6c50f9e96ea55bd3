// SPDX-License-Identifier: MIT
/*
 * IRET, without any exception before it: the frame is made by hand. Source: SDM vol. 2A, "IRET/IRETD/IRETQ".
 */
#include "guest/steps/steps.h"

#define RFLAGS_IN_AH (RFLAGS_ARITHMETIC & ~RFLAGS_OF) /* what LAHF shows */

/* What goes into the frame, and RSP and the flags behind the IRET: by LAHF in AH and SETO in AL, since PUSHF
 * would show the real ones. */
struct iret_try {
	u64 rsp, rflags, ah_al;
};
/* RDI: struct iret_try. */
CODE(iret_next, "mov %rsp, %rcx\n"
		"pushq $0x10\n"   /* SS */
		"pushq (%rdi)\n"  /* RSP */
		"pushq 8(%rdi)\n" /* RFLAGS */
		"pushq $0x08\n"   /* CS */
		"lea 1f(%rip), %rax\n"
		"push %rax\n" /* RIP */
		"iretq\n"
		"ud2\n"
		"1: mov %rsp, (%rdi)\n"
		"mov $0, %eax\n" /* MOV leaves the flags alone */
		"lahf\n"
		"seto %al\n"
		"mov %rax, 16(%rdi)\n"
		"mov %rcx, %rsp\n"
		"ret");
_Static_assert(SEL_KERNEL_CODE == 0x08 && SEL_KERNEL_DATA == 0x10, "the selectors above");

/*
 * step/iret. IRET pops RIP, CS, RFLAGS, RSP and SS, in 64-bit mode always all five.
 *
 * The hypervisor has to read the five words and the two descriptors, which are in the loader's GDT.
 */
static void step_iret(void)
{
	for (unsigned i = 0; i < 4; i++) {
		u64 random = test_random(), rsp = random & ~RFLAGS_ARITHMETIC;
		struct iret_try t = {.rsp = rsp, .rflags = (random & RFLAGS_ARITHMETIC) | RFLAGS_RESERVED1};

		((void (*)(struct iret_try *))iret_next)(&t);
		CHECK_EQ(t.rsp, rsp);
		CHECK_EQ(t.ah_al >> 8 & RFLAGS_IN_AH, random & RFLAGS_IN_AH);
		CHECK_EQ(t.ah_al & 1, !!(random & RFLAGS_OF));
	}
}

/*
 * To compatibility mode and back. 0x40 is INC EAX there, and a prefix in 64-bit mode, so what ran it shows in
 * EAX. IRET pops three words of 32 bits there, as the level stays.
 */
CODE(iret_other_segment, "mov %edi, %eax\n"
			 "mov %rsp, %rcx\n"
			 "pushq $0x10\n"
			 "pushq %rcx\n"
			 "pushq $2\n"
			 "pushq $0x40\n" /* a code segment with D */
			 "lea 1f(%rip), %rdx\n"
			 "push %rdx\n"
			 "lea 2f(%rip), %rdx\n"
			 "iretq\n"
			 ".code32\n"
			 "1: .byte 0x40, 0x40, 0x40\n"
			 "pushl $2\n"
			 "pushl $0x08\n"
			 "pushl %edx\n"
			 "iretl\n"
			 ".code64\n"
			 "2: sub %esp, %ecx\n" /* RSP is where it was */
			 "add %ecx, %eax\n"
			 "ret");
_Static_assert(SEL_KERNEL_CODE32 == 0x40, "the selector above");

/*
 * step/iret_segment. IRET to another code segment, of a GDT of its own.
 *
 * The hypervisor has to take CS from the GDT that the guest loaded, and to run the guest in the mode that its
 * descriptor says.
 */
static void step_iret_segment(void)
{
	u32 eax = (u32)test_random();

	step_load_gdt();
	CHECK_EQ(((u32(*)(u32))iret_other_segment)(eax), eax + 3);
}

const struct test steps_iret[] = {
	{"step/iret", step_iret},
	{"step/iret_segment", step_iret_segment},
	{},
};
