// SPDX-License-Identifier: MIT
/*
 * How fast the TSC and the local APIC timer tick: told by the hypervisor, on the bare machine measured once
 * against the PIT. Neither is ever part of a result: they bound waits.
 */
#include "guest/harness.h"

#define MEASURE_PIT_TICKS 2386 /* 2 ms */
#define MEASURE_READS     1000000
#define US_A_SECOND       1000000

static u64 tsc_ticks, apic_ticks; /* a second */

static void measure(void)
{
	u64 tsc;
	u32 apic, passed = 0;
	u16 start;

	lapic_timer_start(VEC_SPURIOUS, UINT32_MAX, false);
	lapic_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | VEC_SPURIOUS);
	pit_start(0, UINT16_MAX);
	start = pit_read();
	tsc = rdtsc();
	apic = lapic_read(LAPIC_TIMER_CURRENT);
	for (unsigned i = 0; i < MEASURE_READS && passed < MEASURE_PIT_TICKS; i++)
		passed = (u16)(start - pit_read());
	tsc = rdtsc() - tsc;
	apic -= lapic_read(LAPIC_TIMER_CURRENT);
	passed = passed ? passed : 1;
	tsc_ticks = tsc * PIT_HZ / passed;
	apic_ticks = (u64)apic * PIT_HZ / passed;
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	pic_restore();
}

void time_init(void)
{
	if (start_info) {
		tsc_ticks = start_info->tsc_hz;
		apic_ticks = start_info->apic_hz;
	}
	if (!tsc_ticks || !apic_ticks)
		measure();
}

u64 tsc_hz(void)
{
	return tsc_ticks;
}

u64 apic_timer_hz(void)
{
	return apic_ticks;
}

u64 deadline_us(u64 microseconds)
{
	return rdtsc() + microseconds * (tsc_ticks / 1000) / (US_A_SECOND / 1000);
}
