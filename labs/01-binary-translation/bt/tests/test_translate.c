// SPDX-License-Identifier: MIT
/*
 * Generated programs: their translation does what they do. Each program runs in low memory, where 32 bits say
 * any address of it, and in high memory.
 *
 *   run      from beginning to end at full speed, through chains and lookups: the same final state
 *   points   one native instruction after the other: at each address in the cache the guest is where the
 *            point says, and can be taken back to there unless the point says otherwise
 *   faults   each instruction of a program with less rights to a page: faults as by itself, at its beginning
 */
#include <string.h>
#include <sys/mman.h>

#include "lib/tests/unit.h"
#include "monitor.h"
#include "programs.h"

#define RUN_PROGRAMS   1000
#define POINT_PROGRAMS 150
#define FAULT_PROGRAMS 60

static struct trace trace;

/* A trace of program number `seed`; false: that is no program, which must not be. */
static bool make_trace(enum program_kind kind, u32 seed)
{
	struct guest first;

	trace.place = seed % PLACES;
	program_make(trace.place, kind, seed, &first);
	monitor_random = seed * 2 + 1;
	monitor_error[0] = '\0';
	runner_flush(BT_FAST);
	return reference_trace(&trace, &first);
}

static bool check(bool ok, u32 seed)
{
	if (!ok)
		fprintf(stderr, "program %u: %s\n", seed, monitor_error);
	CU_ASSERT_TRUE(ok);
	return ok;
}

static bool run_program(enum program_kind kind, u32 seed)
{
	if (!make_trace(kind, seed)) {
		snprintf(monitor_error, sizeof(monitor_error), "it has no end");
		return false;
	}
	return monitor_run_trace(&trace);
}

static void run_programs(enum program_kind kind)
{
	runner_init();
	for (u32 seed = 0; seed < RUN_PROGRAMS; seed++)
		if (!check(run_program(kind, seed), seed))
			return;
}

/* `kind`, and of every four programs one without what makes it this kind. */
static enum program_kind mixed(enum program_kind kind, u32 seed)
{
	return seed % 4 || kind == PROGRAM_STRAIGHT ? kind : kind - 1;
}

static void follow_programs(enum program_kind kind)
{
	runner_init();
	for (u32 seed = 0; seed < POINT_PROGRAMS; seed++)
		if (!check(make_trace(mixed(kind, seed), seed) && monitor_follow(&trace), seed))
			return;
}

static void fault_programs(enum program_kind kind)
{
	runner_init();
	for (u32 seed = 0; seed < FAULT_PROGRAMS; seed++) {
		bool ok = make_trace(mixed(kind, seed), seed);

		for (unsigned k = 0; ok && k < trace.count - 1; k++) {
			unsigned way = (k * 7 + seed) % 8;

			runner_flush(BT_FAST);
			ok = monitor_fault(&trace, k, way & 1 ? AREA_STACK : AREA_DATA, way >> 1 & 1,
					   way & 4 ? PROT_READ : PROT_NONE);
		}
		if (!check(ok, seed))
			return;
	}
}

/* Plain instructions alone; then with direct jumps; then with calls and all other jumps. */
static void test_run_straight(void)
{
	run_programs(PROGRAM_STRAIGHT);
}

static void test_state_straight(void)
{
	follow_programs(PROGRAM_STRAIGHT);
	fault_programs(PROGRAM_STRAIGHT);
}

static void test_run_direct(void)
{
	run_programs(PROGRAM_DIRECT);
}

static void test_state_direct(void)
{
	follow_programs(PROGRAM_DIRECT);
	fault_programs(PROGRAM_DIRECT);
}

static void test_run_plain(void)
{
	run_programs(PROGRAM_PLAIN);
}

static void test_run_sensitive(void)
{
	run_programs(PROGRAM_SENSITIVE);
}

static void test_points(void)
{
	follow_programs(PROGRAM_SENSITIVE);
}

/* Somebody waits for IF or CR8: what opens the window for him comes to the monitor, with nothing changed. */
static void test_points_watched(void)
{
	bool ok = true;

	runner_init();
	runner_watch(true);
	for (u32 seed = 0; ok && seed < POINT_PROGRAMS; seed++)
		ok = check(make_trace(PROGRAM_SENSITIVE, seed) && monitor_follow(&trace), seed);
	runner_watch(false);
}

static void test_faults(void)
{
	fault_programs(PROGRAM_SENSITIVE);
}

UNIT_MAIN("translate", {"straight programs", test_run_straight},
	  {"state of straight programs", test_state_straight}, {"direct jumps", test_run_direct},
	  {"state at direct jumps", test_state_direct}, {"plain programs", test_run_plain},
	  {"sensitive programs", test_run_sensitive}, {"points", test_points},
	  {"points while an event waits", test_points_watched}, {"faults", test_faults})
