// SPDX-License-Identifier: MIT
/*
 * Starts an emulator, feeds its serial line to a sink, and says how the machine came to its end. QEMU (with
 * TCG or KVM) is started here, Bochs in bochs.c.
 *
 * QEMU's command line makes a TCG run repeatable to the last byte: the virtual clock counts instructions and
 * skips what is slept, real time and randomness are shut out. With isa-debug-exit a machine that writes
 * status N ends QEMU with (N << 1) | 1; with -no-reboot a reset or a triple fault ends it with 0. Source:
 * QEMU 7.2 manual, "Invocation", and docs/devel/tcg-icount.rst.
 */
#include "grader/emulator.h"

#include "grader/nested.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define QEMU_LOG        "qemu.log"
#define QEMU_EXIT_CLEAN 1 /* status 0 */
#define QEMU_EXIT_RESET 0
#define DEAD_LOOKS      2
#define IDLE_LIMIT      3.0    /* seconds */
#define QEMU_MEMORY     GIB(8) /* address space: the guest's RAM, its dirty maps, the translation cache */
#define QEMU_FILE       MIB(64)

/* QEMU's list of modules is split at commas; a doubled one stands for itself. */
static char *double_commas(const char *s)
{
	char *out = xcalloc(2 * strlen(s) + 1, 1), *p = out;

	for (; *s; s++) {
		if (*s == ',')
			*p++ = ',';
		*p++ = *s;
	}
	return out;
}

static void qemu_arguments(const struct machine *m, string_list *argv)
{
	static const char common[] =
		"-nodefaults -no-user-config -display none -no-reboot -monitor none -serial stdio "
		"-device isa-debug-exit,iobase=0xf4,iosize=4 -d cpu_reset -D " QEMU_LOG
		" -qmp unix:" QEMU_SOCKET ",server=on,wait=off";
	static const char tcg[] =
		"-accel tcg -icount shift=0,sleep=off -rtc base=2024-01-01T00:00:00,clock=vm -seed 1 "
		"-cpu max,-rdrand,-rdseed,hypervisor=off";
	static const char kvm[] = "-accel kvm -cpu host";
	const char *modules = "";

	strings_add(argv, "qemu-system-x86_64");
	strings_add_words(argv, m->platform->id == PLATFORM_KVM ? kvm : tcg);
	strings_add_words(argv, common);
	strings_add(argv, "-m");
	strings_add(argv, m->memory);
	strings_add(argv, "-kernel");
	strings_add(argv, m->kernel);
	strings_add(argv, "-append");
	strings_add(argv, m->cmdline);
	for (unsigned i = 0; i < m->module_count; i++)
		modules = xprintf("%s%s%s %s", modules, i ? "," : "", double_commas(m->modules[i].file),
				  double_commas(m->modules[i].string));
	if (*modules) {
		strings_add(argv, "-initrd");
		strings_add(argv, modules);
	}
}

static bool take_output(void *context, const void *data, size_t size)
{
	struct machine *m = context;

	return serial_feed(&m->serial, data, size);
}

static void take_tick(void *context, double seconds)
{
	struct machine *m = context;

	if (m->tick)
		m->tick(m->context, seconds);
}

/* A machine that halts with interrupts off stays halted. Seen twice: not between two instructions of
 * something else. */
static bool look(void *context, int pid, double silent, bool last)
{
	struct machine *m = context;
	bool dead = false;

	if (m->silence && silent >= (double)m->silence) {
		m->silent = true;
		return true;
	}
	if (m->platform->id == PLATFORM_BOCHS)
		return silent >= IDLE_LIMIT && bochs_halted(m);
	if (last) {
		qmp_look(pid, &m->rip, &dead);
		return false;
	}
	if (m->platform->id == PLATFORM_KVM)
		return idle_seconds(&m->idle, pid) >= IDLE_LIMIT;
	if (!qmp_look(pid, &m->rip, &dead))
		return false;
	m->dead_seen = dead ? m->dead_seen + 1 : 0;
	return m->dead_seen >= DEAD_LOOKS;
}

/* The last line that the emulator itself wrote, for a message. */
static const char *emulator_words(const struct machine *m)
{
	char *text = file_read(xprintf("%s/%s", m->directory, MACHINE_STDERR), NULL), *line;

	if (!text || !*text)
		return "without a word";
	while (*text && text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = 0;
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

static void qemu_exited(struct machine *m, int status)
{
	char *log = file_read(xprintf("%s/%s", m->directory, QEMU_LOG), NULL);

	m->end = MACHINE_CRASH;
	if (!WIFEXITED(status)) {
		m->message = xprintf("QEMU was ended by signal %d, %s", WTERMSIG(status), emulator_words(m));
	} else if (WEXITSTATUS(status) == QEMU_EXIT_RESET && log && strstr(log, "Triple fault")) {
		m->message = "the machine came to a triple fault";
	} else if (WEXITSTATUS(status) == QEMU_EXIT_RESET) {
		m->message = "the machine was reset";
	} else if (WEXITSTATUS(status) == QEMU_EXIT_CLEAN && !m->serial.bytes && *emulator_words(m) == 'q') {
		m->message = xprintf("the image does not start: %s", emulator_words(m));
	} else if (WEXITSTATUS(status) == QEMU_EXIT_CLEAN) {
		m->end = MACHINE_CLEAN;
	} else {
		m->end = MACHINE_STATUS;
		m->message = xprintf("shut down with status %d", WEXITSTATUS(status) >> 1);
	}
}

static void bochs_exited(struct machine *m, int status)
{
	const char *message = NULL;

	if (bochs_read_log(m, &message)) {
		m->end = MACHINE_CLEAN;
	} else if (WIFEXITED(status) &&
		   !WEXITSTATUS(status)) { /* `quit` of the debugger, behind the budget */
		m->end = MACHINE_TIMEOUT;
		m->message = xprintf("used up its budget of %llu million instructions",
				     (unsigned long long)(m->instructions / 1000000));
	} else {
		m->end = MACHINE_CRASH;
		m->message = message ? message : xprintf("Bochs ended, %s", emulator_words(m));
	}
}

static void judge(struct machine *m, const struct process *p)
{
	const char *unused;

	switch (p->end) {
	case PROCESS_EXITED:
		if (m->platform->id == PLATFORM_BOCHS)
			bochs_exited(m, p->status);
		else
			qemu_exited(m, p->status);
		return;
	case PROCESS_NOT_STARTED:
		m->end = MACHINE_TROUBLE;
		m->message = p->message;
		return;
	case PROCESS_STOPPED:
		m->end = MACHINE_FLOOD;
		m->message =
			xprintf("sent more than %u MiB over the serial line", (unsigned)(SERIAL_LIMIT >> 20));
		return;
	case PROCESS_TIMEOUT:
		m->end = MACHINE_TIMEOUT;
		m->message = xprintf("still ran after %llu seconds", (unsigned long long)m->seconds);
		break;
	case PROCESS_IDLE:
		if (m->silent) {
			m->end = MACHINE_TIMEOUT;
			m->message = xprintf("said nothing for %llu seconds", (unsigned long long)m->silence);
			return;
		}
		m->end = MACHINE_HALTED;
		m->message = "the machine halted, and nothing could wake it";
		return;
	case PROCESS_INTERRUPTED:
		m->end = MACHINE_INTERRUPTED;
		m->message = "interrupted";
		return;
	}
	if (m->platform->id == PLATFORM_BOCHS)
		bochs_read_log(m, &unused);
}

static void emulator_run(struct machine *m)
{
	string_list argv = {0};
	bool bochs = m->platform->id == PLATFORM_BOCHS;
	struct process p = {
		.directory = m->directory,
		.output_fd = bochs ? BOCHS_SERIAL_FD : 1,
		.stderr_file = MACHINE_STDERR,
		.wall = (double)m->seconds,
		.stdout_file = BOCHS_SCREEN,
		.look = look,
		.memory = QEMU_MEMORY,
		.file = bochs ? 0 : QEMU_FILE,
		.output = take_output,
		.tick = take_tick,
		.context = m,
	};

	m->message = NULL;
	m->instructions_used = 0;
	m->rip = 0;
	m->dead_seen = 0;
	m->silent = false;
	m->idle = (struct idle){0};
	serial_init(&m->serial, m->line, m->context);
	if (bochs)
		m->message = bochs_prepare(m, &argv);
	else
		qemu_arguments(m, &argv);
	if (m->message) {
		m->end = process_interrupted() ? MACHINE_INTERRUPTED : MACHINE_TROUBLE;
		return;
	}
	p.argv = strings_argv(&argv);
	process_run(&p);
	serial_finish(&m->serial);
	m->seconds_used = p.seconds;
	judge(m, &p);
}

void machine_run(struct machine *m)
{
	if (m->platform->id == PLATFORM_NESTED)
		nested_run(m);
	else
		emulator_run(m);
}
