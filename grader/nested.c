// SPDX-License-Identifier: MIT
/*
 * KVM on a computer that has none: an emulated machine boots Linux, which loads KVM with nesting and runs the
 * hypervisor as its guest. nested/init.c is all of user space there, and says how it talks; KVM for AMD runs
 * on QEMU's TCG, that for Intel on Bochs.
 *
 * Linux takes longer to boot than most runs take. So the runs of a lab are made in one go (nested_ahead),
 * each with a new machine of KVM, and what came of them is kept until somebody asks (nested_run). When Linux
 * or the emulator dies on the way, the run that was on gets the blame, and Linux boots again for the rest. A
 * run that nobody foresaw boots a Linux of its own.
 *
 * Most hypervisors that hang are seen by nested/vm.c. But Bochs 2.7 takes no external interrupt out of a
 * guest of VMX that was entered with IF clear and leaves it so: then Linux hangs too, and silence has to
 * tell.
 */
#include "grader/nested.h"

#include "grader/cpio.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINUX_KERNEL       "linux.bin"
#define LINUX_ARCHIVE      "initramfs"
/* MiB beside the largest machine. Below 512 in all Linux makes no large pages, and KVM maps each small one by
 * an exit. */
#define LINUX_MEMORY       512
#define LINUX_INSTRUCTIONS 3000000000ULL
#define LINUX_SECONDS      120
#define LINUX_SILENCE      60 /* it says nothing before KVM is there */
/* A run's budget counts what KVM and its user space do for the hypervisor too. */
#define BUDGET_FACTOR      2
#define SECONDS_FACTOR     4
#define TCG_MHZ            1000 /* -icount shift=0: an instruction a nanosecond */
#define MAJOR_MISC         10
#define MINOR_KVM          232
#define MAJOR_CONSOLE      5
#define MINOR_CONSOLE      1
#define MACHINE_MARK       '|' /* nested/vm.h: PORTS_MARK */

/* No messages but the last words, no start-up tests, no workarounds for hardware that is not there; and the
 * frequency of the clock, which Linux would look up by the model of the CPU. */
#define LINUX_OPTIONS                                                                                        \
	"console=ttyS0 quiet loglevel=1 mitigations=off cryptomgr.notests init_on_alloc=0 tsc_early_khz=%u"
/* Bochs 2.7 gives a wrong size for XSAVEC and XSAVES, and Linux then does without XSAVE; its random numbers
 * are random. QEMU 7.2 does not intercept XSETBV, so KVM does not hear of it and restores the old XCR0:
 * better no XSAVE. It counts each round of REP STOSB, by which Linux would clear the pages of each machine: a
 * loop takes a sixth of the instructions. After a panic QEMU ends at the reset, Bochs would boot again. */
#define LINUX_INTEL " noxsaves clearcpuid=xsavec,rdrand,rdseed"
#define LINUX_AMD   " noxsave clearcpuid=erms,rep_good panic=-1"

struct outcome {
	struct machine *m;
	const char *name; /* of its directory in the initramfs */
	const char *end;  /* what init.c said; NULL: nothing yet */
	char *text;       /* what came over its serial line */
	size_t used, room;
	struct kvm_counts counts;
	/* Where init.c said nothing: the end of the machine around it. */
	bool lost;
	enum machine_end lost_end;
	const char *lost_message;
};

struct batch {
	struct outcome *at;
	size_t n;
	struct outcome *current;
	const char *trouble; /* that init.c had before the first machine */
	const char *words;   /* the last line that came from Linux itself */
	FILE *log;
	struct machine outer;
};

/* What nested_ahead() left. */
static struct batch kept;

/* ---- what comes over the outer serial line ---- */

static void keep_text(struct outcome *o, const char *text, bool damaged)
{
	size_t size = strlen(text);

	if (o->used + size + 2 > o->room) {
		o->room = 2 * (o->room + size + 2);
		o->text = realloc(o->text, o->room);
		if (!o->text)
			abort();
	}
	memcpy(o->text + o->used, text, size);
	o->used += size;
	if (damaged) /* serial.c takes a line with a zero in it for damaged, and drops the zero */
		o->text[o->used++] = 0;
	o->text[o->used++] = '\n';
}

static u64 count_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static bool take_word(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n) || ((*text)[n] && (*text)[n] != ' '))
		return false;
	*text += n + ((*text)[n] == ' ');
	return true;
}

static void take_message(struct batch *b, const char *text)
{
	struct outcome *o = b->current;

	if (take_word(&text, "begin")) {
		for (size_t i = 0; i < b->n; i++)
			if (!strcmp(b->at[i].name, text))
				b->current = &b->at[i];
	} else if (take_word(&text, "trouble")) {
		b->trouble = xstrdup(text);
	} else if (o && take_word(&text, "kvm")) {
		o->counts.ticks = count_after(text, "ticks=");
		o->counts.exits = count_after(text, " exits=");
		o->counts.io_exits = count_after(text, " io_exits=");
		o->counts.emulated = count_after(text, " insn_emulation=");
		o->counts.nested = count_after(text, " nested_run=");
	} else if (o && take_word(&text, "end")) {
		o->end = xstrdup(text);
		b->current = NULL;
	}
}

static void take_line(void *context, const char *text, bool damaged)
{
	struct batch *b = context;

	if (b->log)
		fprintf(b->log, "%s\n", text);
	if (text[0] == MACHINE_MARK && b->current)
		keep_text(b->current, text + 1, damaged);
	else if (take_word(&text, "[nested]"))
		take_message(b, text);
	else if (*text)
		b->words = xstrdup(text);
}

static void take_tick(void *context, double seconds)
{
	struct batch *b = context;
	const struct machine *m = b->at[0].m;

	if (m->tick)
		m->tick(m->context, seconds);
}

/* ---- one boot of Linux ---- */

static bool is_intel(const struct platform *p)
{
	return !strcmp(p->model, NESTED_INTEL);
}

/* nested/config.c reads it. */
static const char *description(const struct machine *m)
{
	const char *text = xprintf("memory %s\nticks %" PRIu64 "\nkernel %s\ncmdline %s\n", m->memory,
				   BUDGET_FACTOR * m->instructions, m->kernel, m->cmdline);

	for (unsigned i = 0; i < m->module_count; i++)
		text = xprintf("%smodule %s %s\n", text, m->modules[i].file, m->modules[i].string);
	return text;
}

static void add_machine(struct cpio *c, const struct outcome *o)
{
	const struct machine *m = o->m;
	const char *directory = xprintf("runs/%s", o->name), *text = description(m);

	cpio_directory(c, directory);
	cpio_data(c, xprintf("%s/machine", directory), text, strlen(text));
	cpio_file(c, xprintf("%s/%s", directory, m->kernel), xprintf("%s/%s", m->directory, m->kernel));
	for (unsigned i = 0; i < m->module_count; i++)
		cpio_file(c, xprintf("%s/%s", directory, m->modules[i].file),
			  xprintf("%s/%s", m->directory, m->modules[i].file));
}

/* Linux's first file system: KVM's modules, init, and all machines that have come to no end yet. */
static const char *make_archive(const struct batch *b, const char *path)
{
	const struct machine *m = b->at[0].m;
	const char *modules[] = {"irqbypass", "kvm", is_intel(m->platform) ? "kvm-intel" : "kvm-amd"};
	const char *order = "";
	struct cpio c;

	cpio_open(&c, path);
	cpio_directory(&c, "dev");
	cpio_device(&c, "dev/console", MAJOR_CONSOLE, MINOR_CONSOLE);
	cpio_device(&c, "dev/kvm", MAJOR_MISC, MINOR_KVM);
	cpio_directory(&c, "debug");
	cpio_file(&c, "init", xprintf("%s/init", m->nested));
	cpio_directory(&c, "kvm");
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		cpio_file(&c, xprintf("kvm/%s.ko", modules[i]), xprintf("%s/%s.ko", m->nested, modules[i]));
	cpio_directory(&c, "runs");
	for (size_t i = 0; i < b->n; i++) {
		if (b->at[i].end || b->at[i].lost)
			continue;
		add_machine(&c, &b->at[i]);
		order = xprintf("%s%s\n", order, b->at[i].name);
	}
	cpio_data(&c, "runs/order", order, strlen(order));
	return cpio_close(&c);
}

static void describe_outer(struct batch *b)
{
	const struct machine *m = b->at[0].m;
	bool intel = is_intel(m->platform);
	unsigned long memory = 0;

	b->outer = (struct machine){
		.platform = platform_beneath(m->platform),
		.directory = scratch_sub("linux"),
		.kernel = LINUX_KERNEL,
		.cmdline = xprintf(LINUX_OPTIONS "%s", intel ? BOCHS_LINUX_MHZ * 1000 : TCG_MHZ * 1000,
				   intel ? LINUX_INTEL : LINUX_AMD),
		.modules = {{LINUX_ARCHIVE, LINUX_ARCHIVE}},
		.module_count = 1,
		.instructions = LINUX_INSTRUCTIONS,
		.seconds = LINUX_SECONDS,
		.silence = LINUX_SILENCE,
		.mkdisk = m->mkdisk,
		.bochsrc = m->bochsrc,
		.linux_kernel = true,
		.line = take_line,
		.tick = take_tick,
		.context = b,
	};
	for (size_t i = 0; i < b->n; i++) {
		b->outer.silence = MAX(b->outer.silence, SECONDS_FACTOR * b->at[i].m->seconds);
		memory = MAX(memory, strtoul(b->at[i].m->memory, NULL, 10));
		b->outer.instructions += BUDGET_FACTOR * b->at[i].m->instructions;
		b->outer.seconds += SECONDS_FACTOR * b->at[i].m->seconds;
	}
	b->outer.memory = xprintf("%lu", memory + LINUX_MEMORY);
}

/* Until all machines have come to their end, or Linux to its own. NULL, or what is wrong here. */
static const char *boot(struct batch *b)
{
	const struct machine *m = b->at[0].m;
	const char *kernel = xprintf("%s/" LINUX_KERNEL, m->nested), *error;

	describe_outer(b);
	if (!file_exists(kernel) || !file_exists(xprintf("%s/init", m->nested)))
		return xprintf("%s is not built: make nested", m->nested);
	if (symlink(kernel, xprintf("%s/" LINUX_KERNEL, b->outer.directory)))
		return xprintf("%s: %s", b->outer.directory, strerror(errno));
	error = make_archive(b, xprintf("%s/" LINUX_ARCHIVE, b->outer.directory));
	if (error)
		return error;
	b->current = NULL;
	b->trouble = b->words = NULL;
	machine_run(&b->outer);
	return b->trouble;
}

/* Linux ended without a word on this machine. */
static void lose(struct outcome *o, enum machine_end end, const char *message)
{
	o->lost = true;
	o->lost_end = end;
	o->lost_message = message;
}

static struct outcome *first_open(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!b->at[i].end && !b->at[i].lost)
			return &b->at[i];
	return NULL;
}

static void run_batch(struct batch *b)
{
	while (first_open(b)) {
		const char *error = boot(b);
		const struct machine *outer = &b->outer;
		const char *words = b->words ? xprintf("; its last words: %s", b->words) : "";

		if (b->current && outer->end != MACHINE_INTERRUPTED) {
			lose(b->current, outer->end == MACHINE_CLEAN ? MACHINE_TROUBLE : outer->end,
			     xprintf("the Linux around it: %s%s", outer->message ? outer->message : "ended",
				     words));
			continue;
		}
		if (!first_open(b))
			return;
		if (!error)
			error = xprintf("Linux did not get as far as KVM: %s%s",
					outer->message ? outer->message : "it ended without a word", words);
		for (struct outcome *o; (o = first_open(b));)
			lose(o, outer->end == MACHINE_INTERRUPTED ? MACHINE_INTERRUPTED : MACHINE_TROUBLE,
			     error);
	}
}

/* ---- what came of a machine ---- */

/* "halted at 0x100026" */
static u64 place(const char *text)
{
	const char *at = strstr(text, "at 0x");

	return at ? strtoull(at + strlen("at "), NULL, 16) : 0;
}

static void read_end(struct machine *m, const struct outcome *o)
{
	const char *text = o->end;

	if (o->lost) {
		m->end = o->lost_end;
		m->message = o->lost_message;
	} else if (take_word(&text, "clean")) {
		m->end = MACHINE_CLEAN;
	} else if (take_word(&text, "status")) {
		m->end = MACHINE_STATUS;
		m->message = xprintf("shut down with status %s", text);
	} else if (take_word(&text, "crash")) {
		m->end = MACHINE_CRASH;
		m->message = text;
	} else if (take_word(&text, "halted")) {
		m->end = MACHINE_HALTED;
		m->message = "the machine halted, and nothing could wake it";
		m->rip = place(o->end);
	} else if (take_word(&text, "timeout")) {
		m->end = MACHINE_TIMEOUT;
		m->message = xprintf("used up its budget of %" PRIu64
				     " million instructions, those of KVM included",
				     BUDGET_FACTOR * m->instructions / 1000000);
		m->rip = place(o->end);
	} else {
		m->end = MACHINE_TROUBLE;
		m->message = o->end;
	}
}

static void give(struct machine *m, const struct outcome *o)
{
	m->message = NULL;
	m->rip = 0;
	m->counts = o->counts;
	m->instructions_used = o->counts.ticks;
	m->seconds_used = 0;
	serial_init(&m->serial, m->line, m->context);
	serial_feed(&m->serial, o->text, o->used);
	serial_finish(&m->serial);
	read_end(m, o);
}

static bool same(const struct machine *a, const struct machine *b)
{
	if (strcmp(platform_full_name(a->platform), platform_full_name(b->platform)) ||
	    strcmp(a->directory, b->directory) || strcmp(a->cmdline, b->cmdline) ||
	    a->module_count != b->module_count)
		return false;
	for (unsigned i = 0; i < a->module_count; i++)
		if (strcmp(a->modules[i].string, b->modules[i].string))
			return false;
	return true;
}

static struct batch begin(struct machine *machines, size_t n)
{
	struct batch b = {.at = xcalloc(n, sizeof(*b.at)), .n = n};

	for (size_t i = 0; i < n; i++) {
		const char *slash = strrchr(machines[i].directory, '/');

		b.at[i].m = &machines[i];
		b.at[i].name = slash ? slash + 1 : machines[i].directory;
	}
	return b;
}

static void run_logged(struct batch *b, const char *mode)
{
	const struct machine *m = b->at[0].m;

	b->log = m->nested_log ? fopen(m->nested_log, mode) : NULL;
	run_batch(b);
	if (b->log)
		fclose(b->log);
	b->log = NULL;
}

void nested_ahead(struct machine *machines, size_t n)
{
	kept = begin(machines, n);
	if (n)
		run_logged(&kept, "we");
}

void nested_run(struct machine *m)
{
	struct batch b;

	for (size_t i = 0; i < kept.n; i++) {
		struct outcome *o = &kept.at[i];

		if (!o->m || !same(o->m, m))
			continue;
		o->m = NULL; /* once: the same run again is a new run */
		give(m, o);
		return;
	}
	b = begin(m, 1);
	run_logged(&b, "ae");
	give(m, &b.at[0]);
	m->seconds_used = b.outer.seconds_used;
}
