// SPDX-License-Identifier: MIT
/*
 * The clock is the TSC; the alarm is the timer of the local APIC, in TSC-deadline mode where the CPU has it,
 * else one-shot. Both frequencies are measured once against channel 2 of the PIT, whose 1193182 Hz every PC
 * has.
 *
 * Sources: SDM vol. 3A, 10.5.4 "APIC Timer", 17.17 "Time-Stamp Counter"; Intel 8254 data sheet, "Mode 0:
 * Interrupt on Terminal Count". Left out: a TSC that is not invariant.
 */
#include "lib/panic.h"
#include "machine/internal.h"
#include "x86/asm.h"
#include "x86/regs.h"

#define PIT_HZ                     1193182
#define PIT_CHANNEL2               0x42
#define PIT_COMMAND                0x43
#define PIT_COMMAND_CH2_LOHI_MODE0 0xb0
#define PORT_B                     0x61
#define PORT_B_GATE2               0x01
#define PORT_B_SPEAKER             0x02
#define PORT_B_OUT2                0x20

/* A millisecond: far more than the reads of port B around it take, and short on an emulator that counts
 * instructions. */
#define CALIBRATE_TICKS            1193
/* Reads of port B before the PIT counts as dead; each takes at least some 10 ns, mostly a microsecond. */
#define CALIBRATE_POLLS_MAX        10000000

#define CPUID_FEATURES             1
#define CPUID_ECX_TSC_DEADLINE     BIT(24)

#define APIC_PER_TSC_SHIFT         32
#define ONE_SHOT_MAX               0xffffffffU

static u64 tsc_hz;
static bool has_deadline;
static u64 apic_per_tsc; /* ticks of the APIC timer for one of the TSC, in units of 2^-APIC_PER_TSC_SHIFT */
static u64 one_shot_max; /* ticks of the TSC for which the one-shot timer can be set */
static u64 armed = CLOCK_NEVER;

u64 clock_hz(void)
{
	return tsc_hz;
}

/* Runs channel 2 for CALIBRATE_TICKS; what the TSC and the APIC timer counted meanwhile. */
static void calibrate(u64 *tsc, u32 *apic)
{
	u8 port_b = in8(PORT_B) & ~(PORT_B_GATE2 | PORT_B_SPEAKER);
	u64 tsc_start;
	u32 polls = 0;

	out8(PORT_B, port_b | PORT_B_GATE2);
	out8(PIT_COMMAND, PIT_COMMAND_CH2_LOHI_MODE0);
	out8(PIT_CHANNEL2, CALIBRATE_TICKS & 0xff);
	apic_write(APIC_TIMER_INITIAL, ~0U);
	out8(PIT_CHANNEL2, CALIBRATE_TICKS >> 8); /* counting starts */
	tsc_start = rdtsc();
	while (!(in8(PORT_B) & PORT_B_OUT2)) {
		if (++polls == CALIBRATE_POLLS_MAX)
			panic("clock: OUT of PIT channel 2 (port 0x61, bit 5) does not come");
	}
	*tsc = rdtsc() - tsc_start;
	*apic = ~0U - apic_read(APIC_TIMER_CURRENT);
	apic_write(APIC_TIMER_INITIAL, 0);
	out8(PORT_B, port_b);
}

void clock_init(void)
{
	u64 tsc;
	u32 apic;

	has_deadline = cpuid(CPUID_FEATURES, 0).ecx & CPUID_ECX_TSC_DEADLINE;
	apic_write(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | HV_VEC_TIMER);
	calibrate(&tsc, &apic);
	if (!tsc || !apic)
		panic("clock: TSC counted %lu and the local APIC timer %u in a millisecond", tsc, apic);
	tsc_hz = tsc * PIT_HZ / CALIBRATE_TICKS;
	apic_per_tsc = ((u64)apic << APIC_PER_TSC_SHIFT) / tsc;
	one_shot_max = ((u64)(ONE_SHOT_MAX - 1) << APIC_PER_TSC_SHIFT) / apic_per_tsc;

	apic_write(APIC_LVT_TIMER, HV_VEC_TIMER | (has_deadline ? APIC_LVT_TIMER_DEADLINE : 0));
	/* The write to the APIC goes to memory and is not ordered with the WRMSR of the first deadline
	 * (SDM, 10.5.4.1). */
	asm volatile("mfence" : : : "memory");
}

/* Where the ticks are no number from 0 to one_shot_max. */
static COLD u32 odd_count(u64 deadline, u64 now)
{
	if (deadline == CLOCK_NEVER)
		return 0;
	return deadline < now ? 1 : ONE_SHOT_MAX;
}

/* The count of the one-shot timer: rounded up, and 32 bits wide. */
static u32 one_shot_count(u64 deadline)
{
	u64 now = rdtsc(), ticks = deadline - now;

	if (ticks > one_shot_max)
		return odd_count(deadline, now);
	return (u32)(ticks * apic_per_tsc >> APIC_PER_TSC_SHIFT) + 1;
}

void clock_arm(u64 deadline)
{
	armed = deadline;
	if (has_deadline) {
		/* 0 would disarm. A deadline that has passed interrupts at once. */
		wrmsr(MSR_TSC_DEADLINE, deadline == CLOCK_NEVER ? 0 : MAX(deadline, 1));
		return;
	}
	apic_write(APIC_TIMER_INITIAL, one_shot_count(deadline));
}

void clock_interrupt(void)
{
	apic_eoi();
	if (rdtsc() < armed && armed != CLOCK_NEVER)
		clock_arm(armed); /* further away than the one-shot counter reaches */
}

void machine_wait(void)
{
	sti_hlt();
	cli();
}
