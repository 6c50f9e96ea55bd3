// SPDX-License-Identifier: MIT
/*
 * Exceptions and interrupts through an IDT. LIDT is given, and the handlers return by IRET. Source: SDM vol.
 * 3A, chapter 6 "Interrupt and Exception Handling"; 10.6.1 "Interrupt Command Register (ICR)".
 */
#include "guest/steps/steps.h"
#include "lib/string.h"

#define VEC_LOOK   0x82
#define VEC_IPI    0x91
#define UD2_LENGTH 2

/* The frames that the handlers of a step got, in their order. */
static struct iret_frame seen[3];
static volatile unsigned times;
static volatile u64 frame_end, error_code, fault_gva;

static void reset(void)
{
	memset(seen, 0, sizeof(seen));
	times = 0;
}

static void keep(const volatile struct iret_frame *f)
{
	if (times < ARRAY_SIZE(seen))
		seen[times] = *f;
	times++;
}

HANDLER void skip_ud2(volatile struct iret_frame *f)
{
	keep(f);
	frame_end = (u64)(f + 1);
	f->rip += UD2_LENGTH;
}

/*
 * step/fault. UD2 raises #UD. The frame tells where and in which state; the handler moves RIP on and returns.
 *
 * The hypervisor has to read the gate, and to push SS, RSP, RFLAGS, CS and RIP, below RSP rounded down to 16
 * bytes. RIP is that of the instruction: SDM vol. 3A, 6.5 "Exception Classifications".
 */
static void step_fault(void)
{
	u64 rsp, rip, value = test_random(), rax = value;

	reset();
	step_set_gate(VEC_UD, skip_ud2, SYS_TYPE_INTR_GATE, 0);
	asm volatile("mov %%rsp, %%rbx; and $-16, %%rsp; sub $8, %%rsp; mov %%rsp, %0; lea 1f(%%rip), %1\n"
		     "stc\n"
		     "1: ud2\n"
		     "mov %%rbx, %%rsp"
		     : "=&r"(rsp), "=&r"(rip), "+a"(rax)
		     :
		     : "rbx", "cc", "memory");
	CHECK_EQ(times, 1);
	CHECK_EQ(seen[0].rip - rip, 0);
	CHECK_EQ(seen[0].cs, SEL_KERNEL_CODE);
	CHECK_EQ(seen[0].rflags & (RFLAGS_CF | RFLAGS_IF), RFLAGS_CF);
	CHECK_EQ(seen[0].rsp - rsp, 0);
	CHECK_EQ(seen[0].ss, SEL_KERNEL_DATA);
	CHECK_EQ(rsp - frame_end, 8);
	CHECK_EQ(rax, value);
}

HANDLER void map_page(volatile struct iret_frame *f, u64 error)
{
	keep(f);
	error_code = error;
	fault_gva = read_cr2();
	step_map(0, (u64)step_page[0] | PTE_P | PTE_W);
}

/*
 * step/page_fault. A write where nothing is mapped. The handler maps a page and returns; the instruction runs
 * once more, and now it works.
 *
 * The hypervisor has to tell the guest's page fault from its own, and to push the error code below RIP. CR2
 * is the address. SDM vol. 3A, 6.15, "Interrupt 14"; 4.7 "Page-Fault Exceptions".
 */
static void step_page_fault(void)
{
	u64 old = read_cr3(), rip, value = test_random(), at = value % PT_ENTRIES;

	reset();
	step_set_gate(VEC_PF, map_page, SYS_TYPE_INTR_GATE, 0);
	write_cr3(step_tables(0, 0));
	asm volatile("lea 1f(%%rip), %0\n"
		     "1: mov %2, (%1)"
		     : "=&r"(rip)
		     : "r"((u64 *)STEP_GVA + at), "r"(value)
		     : "memory");
	write_cr3(old);
	CHECK_EQ(times, 1);
	CHECK_EQ(fault_gva, STEP_GVA + at * sizeof(u64));
	CHECK_EQ(error_code, PF_WRITE);
	CHECK_EQ(seen[0].rip - rip, 0);
	CHECK_EQ(*(volatile u64 *)&step_page[0][at], value);
}

HANDLER void look(volatile struct iret_frame *f)
{
	keep(f);
}

HANDLER void interrupted(volatile struct iret_frame *f)
{
	keep(f);
	asm volatile("int %0" : : "i"(VEC_LOOK) : "memory");
}

/*
 * step/int. INT n through an interrupt gate, which clears IF, and through a trap gate, which does not. SDM
 * vol. 2A, "INT n"; vol. 3A, 6.12.1.3 "Flag Usage By Exception- or Interrupt-Handler Procedure".
 *
 * The hypervisor has to push the RIP behind the instruction. RFLAGS show in frames alone: a second INT looks
 * at them in the handler, and again behind its IRET.
 */
static void step_int(void)
{
	static const unsigned types[] = {SYS_TYPE_INTR_GATE, SYS_TYPE_TRAP_GATE};

	step_mask_irqs();
	step_set_gate(VEC_LOOK, look, SYS_TYPE_INTR_GATE, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		u64 rip, value = test_random(), rax = value;

		reset();
		step_set_gate(VEC_TEST, interrupted, types[i], 0);
		asm volatile("lea 1f(%%rip), %0; sti; int %2; 1: int %3; cli"
			     : "=&r"(rip), "+a"(rax)
			     : "i"(VEC_TEST), "i"(VEC_LOOK)
			     : "memory");
		CHECK_EQ(times, 3);
		CHECK_EQ(seen[0].rip - rip, 0);
		CHECK_EQ(seen[0].rflags & RFLAGS_IF, RFLAGS_IF);
		CHECK_EQ(seen[1].rflags & RFLAGS_IF, types[i] == SYS_TYPE_TRAP_GATE ? RFLAGS_IF : 0);
		CHECK_EQ(seen[2].rflags & RFLAGS_IF, RFLAGS_IF);
		CHECK_EQ(seen[2].rsp - seen[0].rsp, 0);
		CHECK_EQ(rax, value);
	}
}

static volatile u32 *lapic(unsigned reg)
{
	return (volatile u32 *)(u64)(APIC_BASE_DEFAULT + reg);
}

HANDLER void interrupt(volatile struct iret_frame *f)
{
	keep(f);
	*lapic(LAPIC_EOI) = 0;
}

/*
 * step/interrupt. The local APIC sends an interrupt to itself. It has to wait while IF is clear, as CLI left
 * it, then for STI and one instruction more: SDM vol. 2B, "STI".
 *
 * The hypervisor has to keep it, and to deliver it at the first instruction that may be interrupted. The
 * frame says which one that was.
 */
static void step_interrupt(void)
{
	u64 rip, value = test_random(), rax = value;

	reset();
	step_mask_irqs();
	step_set_gate(VEC_IPI, interrupt, SYS_TYPE_INTR_GATE, 0);
	asm volatile("sti; nop; cli" : : : "memory");
	*lapic(LAPIC_SVR) = LAPIC_SVR_ENABLE | VEC_SPURIOUS;
	*lapic(LAPIC_ICR_LOW) = LAPIC_ICR_SELF | LAPIC_ICR_ASSERT | VEC_IPI;
	CHECK_EQ(times, 0);
	asm volatile("lea 1f(%%rip), %0; sti; inc %1; 1: inc %1; cli"
		     : "=&r"(rip), "+a"(rax)
		     :
		     : "cc", "memory");
	CHECK_EQ(times, 1);
	CHECK_EQ(seen[0].rip - rip, 0);
	CHECK_EQ(seen[0].rflags & RFLAGS_IF, RFLAGS_IF);
	CHECK_EQ(rax, value + 2);
}

const struct test steps_events[] = {
	{"step/fault", step_fault},
	{"step/page_fault", step_page_fault},
	{"step/int", step_int},
	{"step/interrupt", step_interrupt},
	{},
};
