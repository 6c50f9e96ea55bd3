// SPDX-License-Identifier: MIT
/* nested.c: what came of each machine, from what init.c says. Linux is played by machine_run() here. */
#include "lib/tests/unit.h"

#include "grader/nested.c"

#include <sys/stat.h>

#define MACHINES 3

static struct machine machines[MACHINES];
static char heard[MACHINES][256];
static char directory[] = "/tmp/test_nested.XXXXXX";

/* One boot of Linux: what it says, and how it ends. */
struct boot {
	const char *says;
	enum machine_end end;
	const char *message;
};
static const struct boot *boots;
static unsigned booted;

void machine_run(struct machine *m)
{
	const struct boot *b = &boots[booted++];

	serial_init(&m->serial, m->line, m->context);
	serial_feed(&m->serial, b->says, strlen(b->says));
	serial_finish(&m->serial);
	m->end = b->end;
	m->message = b->message;
}

const char *scratch_sub(const char *name)
{
	char *path = xprintf("%s/%s", directory, name);

	directory_remove(path);
	directory_make(path);
	return path;
}

static void take(void *context, const char *text, bool damaged)
{
	strcat(strcat(context, text), damaged ? "~" : ";");
}

/* Machines a, b and c, and all that they need. */
static void prepare(const struct boot *what)
{
	static const char *const files[] = {"init", "linux.bin", "irqbypass.ko", "kvm.ko", "kvm-amd.ko"};

	boots = what;
	booted = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		file_write(xprintf("%s/%s", directory, files[i]), "", 0);
	for (unsigned i = 0; i < MACHINES; i++) {
		heard[i][0] = 0;
		machines[i] = (struct machine){
			.platform = platform_named("nested:amd"),
			.directory = xprintf("%s/%c", directory, 'a' + i),
			.kernel = "hv.bin",
			.cmdline = "cpu=trap",
			.memory = "64",
			.instructions = 1000000,
			.nested = directory,
			.line = take,
			.context = heard[i],
		};
		directory_make(machines[i].directory);
		file_write(xprintf("%s/hv.bin", machines[i].directory), "", 0);
	}
}

static void run_all(const struct boot *what)
{
	prepare(what);
	nested_ahead(machines, MACHINES);
	for (unsigned i = 0; i < MACHINES; i++)
		nested_run(&machines[i]);
}

/* One boot for all, and each machine gets its own lines, its counters and its end. */
static void together(void)
{
	static const struct boot one[] = {{"[nested] kvm-amd is ready ticks=1\n"
					   "[nested] begin a\n|one\n|two\n"
					   "[nested] kvm ticks=5 exits=4 io_exits=3 mmio_exits=9 irq_exits=9 "
					   "insn_emulation=2 nested_run=1\n[nested] end clean\n"
					   "[nested] begin b\n|[nested] end clean\n[nested] end status 3\n"
					   "[nested] begin c\n[nested] end halted at 0x1234\n[nested] done\n",
					   MACHINE_CLEAN, NULL}};

	run_all(one);
	CU_ASSERT_EQUAL(booted, 1);
	CU_ASSERT_EQUAL(machines[0].end, MACHINE_CLEAN);
	CU_ASSERT_PTR_NULL(machines[0].message);
	CU_ASSERT_STRING_EQUAL(heard[0], "one;two;");
	CU_ASSERT_EQUAL(machines[0].counts.ticks, 5);
	CU_ASSERT_EQUAL(machines[0].counts.exits, 4);
	CU_ASSERT_EQUAL(machines[0].counts.io_exits, 3);
	CU_ASSERT_EQUAL(machines[0].counts.emulated, 2);
	CU_ASSERT_EQUAL(machines[0].counts.nested, 1);
	CU_ASSERT_STRING_EQUAL(heard[1], "[nested] end clean;");
	CU_ASSERT_EQUAL(machines[1].end, MACHINE_STATUS);
	CU_ASSERT_STRING_EQUAL(machines[1].message, "shut down with status 3");
	CU_ASSERT_EQUAL(machines[2].end, MACHINE_HALTED);
	CU_ASSERT_EQUAL(machines[2].rip, 0x1234);
}

/* Linux dies in b: a keeps its result, b gets the blame, c has another boot. */
static void dies(void)
{
	static const struct boot two[] = {
		{"[nested] begin a\n|x\n[nested] end clean\n[nested] begin b\n|half\nKernel panic - not "
		 "syncing\n",
		 MACHINE_TIMEOUT, "used up its budget"},
		{"[nested] begin c\n[nested] end crash the machine came to a triple fault\n[nested] done\n",
		 MACHINE_CLEAN, NULL},
	};

	run_all(two);
	CU_ASSERT_EQUAL(booted, 2);
	CU_ASSERT_EQUAL(machines[0].end, MACHINE_CLEAN);
	CU_ASSERT_EQUAL(machines[1].end, MACHINE_TIMEOUT);
	CU_ASSERT_STRING_EQUAL(
		machines[1].message,
		"the Linux around it: used up its budget; its last words: Kernel panic - not syncing");
	CU_ASSERT_STRING_EQUAL(heard[1], "half;");
	CU_ASSERT_EQUAL(machines[2].end, MACHINE_CRASH);
	CU_ASSERT_STRING_EQUAL(machines[2].message, "the machine came to a triple fault");
}

/* Without KVM no machine is to blame, and Linux is not booted again and again. */
static void no_kvm(void)
{
	static const struct boot loads_not[] = {
		{"[nested] trouble kvm-amd does not load: Operation not supported\n", MACHINE_CLEAN, NULL}};
	static const struct boot hangs[] = {{"", MACHINE_TIMEOUT, "still ran after 120 seconds"}};

	run_all(loads_not);
	CU_ASSERT_EQUAL(booted, 1);
	for (unsigned i = 0; i < MACHINES; i++) {
		CU_ASSERT_EQUAL(machines[i].end, MACHINE_TROUBLE);
		CU_ASSERT_STRING_EQUAL(machines[i].message, "kvm-amd does not load: Operation not supported");
	}
	run_all(hangs);
	CU_ASSERT_EQUAL(booted, 1);
	CU_ASSERT_EQUAL(machines[2].end, MACHINE_TROUBLE);
	CU_ASSERT_STRING_EQUAL(machines[2].message,
			       "Linux did not get as far as KVM: still ran after 120 seconds");
}

/* What was kept serves once, and only the very machine. */
static void alone(void)
{
	static const struct boot three[] = {
		{"[nested] begin a\n|1\n[nested] end clean\n[nested] begin b\n[nested] end clean\n"
		 "[nested] begin c\n[nested] end clean\n",
		 MACHINE_CLEAN, NULL},
		{"[nested] begin a\n|2\n[nested] end clean\n", MACHINE_CLEAN, NULL},
		{"[nested] begin b\n|3\n[nested] end timeout at 0x10\n", MACHINE_CLEAN, NULL},
	};

	struct machine other;

	prepare(three);
	nested_ahead(machines, MACHINES);
	nested_run(&machines[0]);
	nested_run(&machines[0]);
	CU_ASSERT_STRING_EQUAL(heard[0], "1;2;");
	other = machines[1];
	other.cmdline = "cpu=other";
	nested_run(&other);
	CU_ASSERT_STRING_EQUAL(heard[1], "3;");
	CU_ASSERT_EQUAL(other.end, MACHINE_TIMEOUT);
	CU_ASSERT_EQUAL(other.rip, 0x10);
	CU_ASSERT_EQUAL(booted, 3);
}

/* A line that the outer serial line got damaged stays damaged. */
static void damage(void)
{
	static const struct boot one[] = {
		{"[nested] begin a\n|good\n|ba\001d\n[nested] end clean\n[nested] begin b\n"
		 "[nested] end clean\n[nested] begin c\n[nested] end clean\n",
		 MACHINE_CLEAN, NULL}};

	run_all(one);
	CU_ASSERT_STRING_EQUAL(heard[0], "good;ba?d~");
}

/* The archive holds what config.c reads. */
static void describes(void)
{
	prepare(NULL);
	machines[0].modules[0] = (struct machine_module){"guest0.elf", "guest -- only=cpu/"};
	machines[0].module_count = 1;
	CU_ASSERT_STRING_EQUAL(description(&machines[0]),
			       "memory 64\nticks 2000000\nkernel hv.bin\ncmdline cpu=trap\n"
			       "module guest0.elf guest -- only=cpu/\n");
}

static void not_built(void)
{
	static const struct boot none[] = {{"", MACHINE_CLEAN, NULL}};

	prepare(none);
	machines[0].nested = "/no/such/place";
	nested_ahead(NULL, 0);
	nested_run(&machines[0]);
	CU_ASSERT_EQUAL(booted, 0);
	CU_ASSERT_EQUAL(machines[0].end, MACHINE_TROUBLE);
	CU_ASSERT_STRING_EQUAL(machines[0].message, "/no/such/place is not built: make nested");
	directory_remove(directory);
}

static void begins(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
}

UNIT_MAIN("grader_nested", {"a place to work in", begins}, {"all in one boot", together},
	  {"Linux dies", dies}, {"no KVM", no_kvm}, {"alone", alone}, {"damage", damage},
	  {"the description", describes}, {"not built", not_built})
