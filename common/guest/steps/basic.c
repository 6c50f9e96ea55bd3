// SPDX-License-Identifier: MIT
/*
 * The first sensitive instructions: HLT, port I/O, CLI and STI, control registers. No step here needs a
 * descriptor table of its own, and none an exception. Left out: INS and OUTS, 16 bits, and values that the
 * CPU refuses. The guest test kernel has them.
 */
#include "guest/harness.h"
#include "guest/steps/steps.h"

#define COM1         0x3f8
#define COM1_SCRATCH (COM1 + 7) /* a register that does nothing */
#define PCI_ADDRESS  0xcf8      /* a register of 32 bits */
#define PCI_VALID    0x80fffffc /* its bits that are not reserved */

/*
 * step/hlt. HLT with interrupts off: nothing can ever wake this CPU. SDM vol. 2A, "HLT".
 *
 * The guest's very first privileged instruction. The hypervisor has to see it, and to end the guest with a
 * report. There is no console yet, so nothing is printed.
 */
void step_hlt(void)
{
	for (;;)
		asm volatile("hlt");
}

/*
 * step/out. OUT sends AL to the port in DX. SDM vol. 2B, "OUT".
 *
 * The hypervisor has to hand the byte to the serial port and to go on behind the instruction. No register
 * changes, and no flag. The text fits into the port's FIFO.
 */
static void step_out(void)
{
	static const char text[] = "Hello, world.\n";

	console_drain();
	for (const char *s = text; *s; s++) {
		u64 before = (test_random() & ~0xffULL) | (u8)*s, rax = before, rdx = COM1;
		bool carry;

		asm volatile("stc; outb %%al, %%dx" : "+a"(rax), "+d"(rdx), "=@ccc"(carry));
		CHECK_EQ(rax, before);
		CHECK_EQ(rdx, COM1);
		CHECK_EQ(carry, true);
	}
}

/*
 * step/in. IN reads a port. SDM vol. 2A, "IN".
 *
 * A byte replaces AL and leaves the rest of RAX; 32 bits clear the upper half, as every write of EAX does.
 * The port stands in DX, or in the instruction itself: 0x21 is the mask of the interrupt controller.
 */
static void step_in(void)
{
	u64 rax, before = test_random(), value = test_random();

	out8(COM1_SCRATCH, (u8)value);
	rax = before;
	asm volatile("inb %%dx, %%al" : "+a"(rax) : "d"(COM1_SCRATCH));
	CHECK_EQ(rax, (before & ~0xffULL) | (u8)value);

	rax = value >> 8;
	asm volatile("outb %%al, $0x21; xor %%eax, %%eax; inb $0x21, %%al" : "+a"(rax));
	CHECK_EQ(rax, (u8)(value >> 8));
	step_mask_irqs();

	out32(PCI_ADDRESS, (u32)value & PCI_VALID);
	rax = before;
	asm volatile("inl %%dx, %%eax" : "+a"(rax) : "d"(PCI_ADDRESS));
	CHECK_EQ(rax, value & PCI_VALID);
}

/*
 * step/cli_sti. CLI and STI clear and set IF. SDM vol. 2A, "CLI"; vol. 2B, "STI".
 *
 * The hypervisor has to go on behind them, and to keep every register and every other flag. IF itself shows
 * only when an interrupt is there, or in a frame: step/int and step/interrupt.
 */
static void step_cli_sti(void)
{
	u64 before = test_random(), n = before;

	step_mask_irqs();
	/* Each ADC adds two if the instruction before it left the carry alone. */
	asm volatile("stc; cli; adc $1, %0\n"
		     "stc; sti; adc $1, %0\n"
		     "stc; sti; adc $1, %0\n"
		     "stc; cli; adc $1, %0\n"
		     : "+r"(n)
		     :
		     : "cc", "memory");
	CHECK_EQ(n, before + 8);
}

/*
 * step/cr. MOV to and from control registers, CLTS and LMSW. SDM vol. 2B, "MOV - Move to/from Control
 * Registers"; vol. 2A, "CLTS", "LMSW".
 *
 * CR0 and CR4 hold what the loader set, CR2 whatever was written last. A prefix (REX.R, REX.B) makes eight
 * more registers: the decoder's work. CR0.TS and MP change nothing here, as there is no FPU code.
 */
static void step_cr(void)
{
	u64 value = test_random(), r9;

	CHECK_EQ(read_cr0(), CR0_PE | CR0_ET | CR0_PG);
	CHECK_EQ(read_cr4(), CR4_PAE);
	write_cr2(value);
	CHECK_EQ(read_cr2(), value);
	asm volatile("lea 1(%1), %%r9; mov %%r9, %%cr2; xor %%r9d, %%r9d; mov %%cr2, %%r9; mov %%r9, %0"
		     : "=r"(r9)
		     : "r"(value)
		     : "r9");
	CHECK_EQ(r9, value + 1);

	write_cr0(read_cr0() | CR0_TS | CR0_MP);
	CHECK_EQ(read_cr0() & (CR0_TS | CR0_MP), CR0_TS | CR0_MP);
	asm volatile("clts");
	CHECK_EQ(read_cr0() & (CR0_TS | CR0_MP), CR0_MP);
	asm volatile("lmsw %w0" : : "r"(CR0_PE | CR0_TS));
	CHECK_EQ(read_cr0() & (CR0_TS | CR0_MP), CR0_TS);
	asm volatile("clts");
	CHECK_EQ(read_cr0(), CR0_PE | CR0_ET | CR0_PG);
}

/*
 * step/cr3. Page tables of its own: after MOV to CR3 the same address means another page. SDM vol. 3A,
 * 4.10.4.1 "Operations that Invalidate TLBs and Paging-Structure Caches".
 *
 * The hypervisor has to walk the tables that CR3 names now, and to forget what it knew of the old ones.
 */
static void step_cr3(void)
{
	volatile u64 *word = (volatile u64 *)STEP_GVA;
	u64 old = read_cr3(), value[2] = {test_random(), test_random()}, root[2];

	for (unsigned i = 0; i < 2; i++) {
		step_page[i][0] = value[i];
		root[i] = step_tables(i, (u64)step_page[i] | PTE_P | PTE_W);
	}
	for (unsigned i = 0; i < 4; i++) {
		write_cr3(root[i % 2]);
		CHECK_EQ(read_cr3() - root[i % 2], 0);
		CHECK_EQ(*word, value[i % 2]);
	}
	*word = value[0]; /* page 1 through its second address */
	write_cr3(old);
	CHECK_EQ(*(volatile u64 *)&step_page[1][0], value[0]);
}

const struct test steps_basic[] = {
	{"step/out", step_out}, {"step/in", step_in},   {"step/cli_sti", step_cli_sti},
	{"step/cr", step_cr},   {"step/cr3", step_cr3}, {},
};
