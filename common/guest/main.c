// SPDX-License-Identifier: MIT
/*
 * The course of a run: start, plan, each selected test and bench, end. The lines are those of abi/run_key.h.
 *
 * A test runs inside a recovery point. Whatever it does, an exception that it did not expect fails that test
 * alone, its state is restored, and the next one goes on.
 */
#include "abi/run_key.h"
#include "boot/multiboot.h"
#include "guest/harness.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/symbols.h"

#define START_MODULE "start-info"

const struct start_info *start_info;
static u64 features;
static unsigned passed, failures;

bool feature_present(u64 feature)
{
	return (features & feature) == feature;
}

void guest_end(u8 status)
{
	static const char shutdown[] = "Shutdown";

	console_drain();
	out8(DEBUG_EXIT_QEMU, status);
	for (const char *s = shutdown; *s; s++)
		out8(DEBUG_EXIT_BOCHS, (u8)*s);
	for (;;)
		asm volatile("cli; hlt");
}

/* Finds the start-information page and the command line, whichever way we were started. */
static const char *find_start(u32 magic, gpa_t info)
{
	const struct multiboot_info *mb = gpa_to_ptr(info);
	const struct multiboot_module *module;

	if (magic == START_INFO_MAGIC)
		start_info = gpa_to_ptr(info);
	else if (magic != MULTIBOOT_BOOT_MAGIC)
		return NULL;
	if (!start_info && (mb->flags & MULTIBOOT_INFO_MODULES) && mb->mods_count) {
		module = gpa_to_ptr(mb->mods_addr);
		if (!strcmp(gpa_to_ptr(module->string), START_MODULE))
			start_info = gpa_to_ptr(module->start);
	}
	if (start_info)
		return start_info->cmdline ? gpa_to_ptr(start_info->cmdline) : NULL;
	return mb->flags & MULTIBOOT_INFO_CMDLINE ? gpa_to_ptr(mb->cmdline) : NULL;
}

static void call_test(void *arg)
{
	const struct test *t = arg;

	t->run();
}

static void call_check(void *arg)
{
	(void)arg;
	state_check();
}

/* Runs code(arg); what it does not catch itself fails the test. */
static void guarded(void (*code)(void *), const void *arg)
{
	struct frame f;
	u64 ignored, offset = 0;
	const char *symbol;

	if (!catch_reported(&f, (const void *)code, (u64)arg, &ignored, true))
		return;
	symbol = symbol_find(f.rip, &offset);
	check_fail(NO_FAULT, f.vector, __FILE__, __LINE__, "unexpected %s error=%lx cr2=%lx at %s+0x%lx",
		   f.vector < 256 ? exception_name((unsigned)f.vector) : "SYSCALL", f.error, f.cr2,
		   symbol ? symbol : "?", offset);
}

static void run_test(const struct test *t)
{
	machine_line("begin %s", t->name);
	check_begin(t->name);
	guarded(call_test, t);
	guarded(call_check, NULL);
	state_restore();
	if (check_failed()) {
		failures++;
		machine_line("fail %s %s", t->name, check_message());
	} else {
		passed++;
		machine_line("pass %s %016lx", t->name, check_digest());
	}
}

/* ---- benches ---- */

#define BENCH_WARM_UP 16

static struct start_counters counters_now(void)
{
	static const struct start_counters none;

	if (start_info && start_info->counters)
		return *(const volatile struct start_counters *)gpa_to_ptr(start_info->counters);
	return none;
}

struct bench_result {
	const struct bench *bench;
	struct start_counters before, after;
	u64 ticks;
};

/* The first round warms up what the second measures, the measurement too: translations of every kind. */
static void call_bench(void *arg)
{
	struct bench_result *r = arg;
	u64 rounds[] = {BENCH_WARM_UP, r->bench->n}, start;

	if (r->bench->setup)
		r->bench->setup();
	for (unsigned i = 0; i < ARRAY_SIZE(rounds); i++) {
		r->before = counters_now();
		start = rdtsc();
		r->bench->run(rounds[i]);
		r->ticks = r->bench->ticks ? r->bench->ticks() : rdtsc() - start;
		r->after = counters_now();
	}
	if (r->bench->teardown)
		r->bench->teardown();
}

static void run_bench(const struct bench *b)
{
	struct bench_result r = {.bench = b};

	machine_line("begin %s", b->name);
	check_begin(b->name);
	guarded(call_bench, &r);
	guarded(call_check, NULL);
	state_restore();
	if (check_failed()) {
		failures++;
		machine_line("fail %s %s", b->name, check_message());
		return;
	}
	machine_line("bench %s n=%lu ticks=%lu exits=%lu faults=%lu roots=%lu flushes=%lu refs=%lu", b->name,
		     b->n, r.ticks, r.after.exits - r.before.exits,
		     r.after.hidden_faults - r.before.hidden_faults,
		     r.after.root_switches - r.before.root_switches,
		     r.after.tlb_flushes - r.before.tlb_flushes, r.after.walk_refs - r.before.walk_refs);
}

/* ---- the plan ---- */

#define PLAN_MAX 512
static const struct test *plan_tests[PLAN_MAX];
static const struct bench *plan_benches[PLAN_MAX];
static unsigned plan_test_count, plan_bench_count;

static bool is_there(const char *name, bool (*available)(void))
{
	if (!available || available())
		return true;
	kprintf("not here: %s\n", name);
	return false;
}

static void plan(void)
{
	for (unsigned g = 0; all_tests[g]; g++)
		for (const struct test *t = all_tests[g]; t->name; t++)
			if (option_selects_test(t->name) && is_there(t->name, t->available) &&
			    plan_test_count < PLAN_MAX)
				plan_tests[plan_test_count++] = t;
	for (unsigned g = 0; all_benches[g]; g++)
		for (const struct bench *b = all_benches[g]; b->name; b++)
			if (option_selects_bench(b->name) && is_there(b->name, b->available) &&
			    plan_bench_count < PLAN_MAX)
				plan_benches[plan_bench_count++] = b;
}

void guest_main(u32 magic, gpa_t info)
{
	const char *cmdline;

	console_init();
	cmdline = find_start(magic, info);
	tables_init();
	state_init();
	features = start_info ? start_info->features : probe_features();
	time_init();
	if (start_info)
		kprintf("guest test kernel on %.16s with %.16s\n", start_info->cpu_engine,
			start_info->mem_engine);
	else
		kprintf("guest test kernel on the bare machine\n");
	options_parse(cmdline);
	if (option_find("crash"))
		crash(option_find("crash"));
	plan();
	machine_line("plan tests=%u benches=%u", plan_test_count, plan_bench_count);
	for (unsigned i = 0; i < plan_test_count; i++)
		run_test(plan_tests[i]);
	for (unsigned i = 0; i < plan_bench_count; i++)
		run_bench(plan_benches[i]);
	machine_line("end pass=%u fail=%u", passed, failures);
	guest_end(0);
}
