// SPDX-License-Identifier: MIT
/*
 * cpu/: the time-stamp counter after it was written, as every instruction reads it, in both modes. SDM vol.
 * 3B, 17.17 "Time-Stamp Counter": WRMSR to IA32_TIME_STAMP_COUNTER sets it, "CR4.TSD restricts RDTSC" and
 * RDTSCP to ring 0; vol. 2B, "RDTSCP": ECX is IA32_TSC_AUX.
 *
 * Each reading is compared with the one before and with a bound that is far off, so no speed matters.
 */
#include "guest/test.h"

#define FAR         BIT(40) /* more ticks than a run has, 10 minutes at 1.8 GHz */
#define EDX_RDTSCP  BIT(27) /* of CPUID leaf 80000001 */
#define LEAF_RDTSCP 0x80000001
#define BIG         (1000 * FAR)
#define SMALL       0x1000

CODE(tsc_user, "rdtsc; int $0x80");
CODE(tscp_user, "rdtscp; int $0x80");

static u64 last; /* reading */

/* Time goes on from the last reading. */
static bool is_next(u64 tsc)
{
	bool next = tsc >= last && tsc - last < FAR;

	last = tsc;
	return next;
}

static u64 rdtscp(u32 *aux)
{
	u32 low, high;

	asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(*aux));
	return low | (u64)high << 32;
}

static u64 tsc_of(const struct user *u)
{
	return (u32)u->frame.gpr[GPR_RAX] | u->frame.gpr[GPR_RDX] << 32;
}

/* Sets the TSC for the time that f() runs; afterwards it is as if it had never been set. */
static void with_tsc(u64 value, void (*f)(void))
{
	u64 before = rdtsc();

	last = value;
	wrmsr(MSR_TSC, value);
	f();
	wrmsr(MSR_TSC, before + (rdtsc() - value));
}

static void read_by_rdtsc(void)
{
	struct user u = USER(tsc_user);

	CHECK(is_next(rdtsc()));
	CHECK(is_next(rdmsr(MSR_TSC)));
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK(is_next(tsc_of(&u)));
	CHECK_EQ(u.frame.gpr[GPR_RDX] >> 32, 0);
	CHECK_EQ(u.frame.gpr[GPR_RAX] >> 32, 0);
	CHECK(is_next(rdtsc()));
}

static void tsc_written(void)
{
	with_tsc(BIG, read_by_rdtsc);
	with_tsc(SMALL, read_by_rdtsc);
}

/* RDTSC, and RDTSCP where it is: of user code a fault, of the kernel the time. */
static void read_under_tsd(void)
{
	struct user u = USER(tsc_user);
	u64 cr4 = read_cr4();

	write_cr4(cr4 | CR4_TSD);
	CHECK(is_next(rdtsc()));
	CHECK_EQ(user_run(&u), VEC_GP);
	CHECK_EQ(u.frame.error, 0);
	CHECK_EQ(u.frame.rip, USER_CODE);
	CHECK(is_next(rdtsc()));
	write_cr4(cr4);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK(is_next(tsc_of(&u)));
}

static void tsc_written_tsd(void)
{
	with_tsc(BIG, read_under_tsd);
}

static bool has_rdtscp(void)
{
	return cpuid(LEAF_RDTSCP, 0).edx & EDX_RDTSCP;
}

static u32 aux_written;

static void read_by_rdtscp(void)
{
	struct user u = USER(tscp_user);
	u64 cr4 = read_cr4();
	u32 aux;

	CHECK(is_next(rdtscp(&aux)));
	CHECK_EQ(aux, aux_written);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK(is_next(tsc_of(&u)));
	CHECK_EQ(u.frame.gpr[GPR_RCX], aux_written);
	write_cr4(cr4 | CR4_TSD);
	CHECK_EQ(user_run(&u), VEC_GP);
	CHECK_EQ(u.frame.rip, USER_CODE);
	CHECK(is_next(rdtscp(&aux)));
	CHECK_EQ(aux, aux_written);
	write_cr4(cr4);
}

static void tsc_written_rdtscp(void)
{
	u64 aux = rdmsr(MSR_TSC_AUX);

	aux_written = (u32)test_random();
	wrmsr(MSR_TSC_AUX, aux_written);
	with_tsc(BIG, read_by_rdtscp);
	with_tsc(SMALL, read_by_rdtscp);
	wrmsr(MSR_TSC_AUX, aux);
}

const struct test cpu_tsc_tests[] = {
	{"cpu/tsc_written", tsc_written},
	{"cpu/tsc_written_tsd", tsc_written_tsd},
	{"cpu/tsc_written_rdtscp", tsc_written_rdtscp, has_rdtscp},
	{},
};
