// SPDX-License-Identifier: MIT
/*
 * The course of a run of micro-guests: the lines are those of abi/run_key.h, as the guest test kernel's.
 *
 * Before the step that was asked for there is nothing but the console's IN and OUT, and for step/hlt not even
 * that. Nothing is restored between two steps: under a hypervisor each is a guest of its own, and on the bare
 * machine they are written to follow each other.
 */
#include "abi/run_key.h"
#include "boot/multiboot.h"
#include "guest/harness.h"
#include "guest/steps/steps.h"
#include "lib/print.h"
#include "lib/string.h"

#define START_MODULE "start-info"
#define STEPS_MAX    32

void steps_main(u32 magic, gpa_t info);

const struct start_info *start_info;

static const struct test *const all_steps[] = {steps_basic, steps_iret, steps_events, steps_user};

/* Finds the start-information page and the command line, whichever way we were started. A gpa is a pointer
 * here. */
static const char *find_start(u32 magic, gpa_t info)
{
	const struct multiboot_info *mb = (const void *)info;
	const struct multiboot_module *module;

	if (magic == START_INFO_MAGIC)
		start_info = (const void *)info;
	else if (magic != MULTIBOOT_BOOT_MAGIC)
		return "";
	if (!start_info && (mb->flags & MULTIBOOT_INFO_MODULES) && mb->mods_count) {
		module = (const void *)(u64)mb->mods_addr;
		if (!strcmp((const char *)(u64)module->string, START_MODULE))
			start_info = (const void *)(u64)module->start;
	}
	if (start_info)
		return start_info->cmdline ? (const char *)start_info->cmdline : "";
	return mb->flags & MULTIBOOT_INFO_CMDLINE ? (const char *)(u64)mb->cmdline : "";
}

/* Is `word` one of the words of the command line? options.c would do, but it may print. */
static bool has_word(const char *cmdline, const char *word)
{
	size_t length = strlen(word);

	for (const char *s = cmdline; s; s = strchr(s, ' ')) {
		s += *s == ' ';
		if (!strncmp(s, word, length) && (!s[length] || s[length] == ' '))
			return true;
	}
	return false;
}

static unsigned plan(const struct test **planned)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(all_steps); i++)
		for (const struct test *t = all_steps[i]; t->name && n < STEPS_MAX; t++)
			if (option_selects_test(t->name))
				planned[n++] = t;
	return n;
}

static void print_names(void)
{
	kprintf("no step has this name. There are: step/hlt");
	for (unsigned i = 0; i < ARRAY_SIZE(all_steps); i++)
		for (const struct test *t = all_steps[i]; t->name; t++)
			kprintf(" %s", t->name);
	kprintf("\n");
}

static bool run(const struct test *t)
{
	machine_line("begin %s", t->name);
	check_begin(t->name);
	t->run();
	if (check_failed())
		machine_line("fail %s %s", t->name, check_message());
	else
		machine_line("pass %s %016lx", t->name, check_digest());
	return !check_failed();
}

static void NORETURN shut_down(void)
{
	static const char shutdown[] = "Shutdown";

	console_drain();
	out8(DEBUG_EXIT_QEMU, 0);
	for (const char *s = shutdown; *s; s++)
		out8(DEBUG_EXIT_BOCHS, (u8)*s);
	for (;;)
		asm volatile("hlt");
}

void steps_main(u32 magic, gpa_t info)
{
	const struct test *planned[STEPS_MAX];
	const char *cmdline = find_start(magic, info);
	unsigned n, passed = 0;

	if (has_word(cmdline, "only=step/hlt"))
		step_hlt();
	console_init();
	if (start_info)
		kprintf("micro-guest on %.16s with %.16s\n", start_info->cpu_engine, start_info->mem_engine);
	else
		kprintf("micro-guests on the bare machine\n");
	options_parse(cmdline);
	n = plan(planned);
	if (!n)
		print_names();
	machine_line("plan tests=%u benches=0", n);
	for (unsigned i = 0; i < n; i++)
		passed += run(planned[i]);
	machine_line("end pass=%u fail=%u", passed, n - passed);
	shut_down();
}
