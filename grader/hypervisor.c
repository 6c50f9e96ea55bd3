// SPDX-License-Identifier: MIT
/*
 * One run of a lab's hypervisor with its guests: images with keys into a directory of their own, the machine,
 * a console for each guest.
 *
 * A run with one guest goes on behind a test that ended the guest, with a new machine (restart.c). Its
 * console takes the lines of all boots; under one key, see grader/README.md.
 *
 * With more than one guest each console line begins with "[NAME] "; with one guest it stands alone. Lines of
 * the hypervisor itself begin with "[hv] " and are for people.
 */
#include "grader/grader.h"
#include "grader/nested.h"

#include <stdio.h>
#include <string.h>

#define HV_IMAGE "hv.bin"

/* A run on its way. */
struct session {
	const struct grader *g;
	const struct rubric *rubric;
	const struct rubric_run *spec;
	const struct platform *platform;
	struct run *run;
	struct aftermath left;
	FILE *log;
};

/* "[hv] guest NAME ended: exercise E1.2 is yours to write (...)", or "[hv] cpu=... cannot be used: exercise
 * ..." */
static void take_missing(struct run *run, const char *text)
{
	const char *sentence = strstr(text, ": exercise ");

	if (!run->missing && !strncmp(text, "[hv] ", 5) && sentence &&
	    strstr(sentence, " is yours to write "))
		run->missing = xprintf("%s", sentence + 2);
}

/* "[hv] guest NAME ended: REASON" */
static bool take_ending(struct session *s, const char *text)
{
	static const char begin[] = "[hv] guest ";
	struct aftermath *a = &s->left;

	if (strncmp(text, begin, strlen(begin)))
		return false;
	text += strlen(begin);
	for (size_t i = 0; i < a->count; i++) {
		size_t n = strlen(a->consoles[i].name);

		if (strncmp(text, a->consoles[i].name, n) || strncmp(text + n, " ended: ", 8))
			continue;
		a->ended[i] = xprintf("%s", text + n + 8);
	}
	return true;
}

static void take_line(void *context, const char *text, bool damaged)
{
	struct session *s = context;
	struct aftermath *a = &s->left;

	if (s->log)
		fprintf(s->log, "%s\n", text);
	take_missing(s->run, text);
	if (take_ending(s, text))
		return;
	if (a->count == 1) {
		console_line(&a->consoles[0], text, damaged);
		return;
	}
	for (size_t i = 0; i < a->count; i++) {
		const char *name = a->consoles[i].name;
		size_t n = strlen(name);

		if (text[0] == '[' && !strncmp(text + 1, name, n) && !strncmp(text + 1 + n, "] ", 2))
			console_line(&a->consoles[i], text + n + 3, damaged);
	}
}

static void take_tick(void *context, double seconds)
{
	(void)context;
	progress_tick(seconds);
}

/* The guest's module string: NAME [ram=SIZE] [budget=TICKS] -- COMMAND LINE */
static const char *module_string(const struct session *s, const struct rubric_guest *guest)
{
	const char *command = guest->command;
	const char *ram = guest->ram ? xprintf(" ram=%s", guest->ram) : "";
	const char *budget = guest->budget ? xprintf(" budget=%s", guest->budget) : "";

	if (s->left.chain.charges.n)
		command = restart_command(&s->left.chain, command);
	return xprintf("%s%s%s --%s%s", guest->name, ram, budget, *command ? " " : "", command);
}

/* Images and consoles of all guests. NULL, or what is wrong. */
static const char *prepare(struct session *s, struct machine *m)
{
	const struct grader *g = s->g;
	const char *error = image_copy(xprintf("%s/%s", g->images, s->rubric->image),
				       xprintf("%s/" HV_IMAGE, m->directory));
	struct aftermath *a = &s->left;

	if (s->spec->guests.n > MACHINE_MODULES)
		return xprintf("a run has at most %d guests", MACHINE_MODULES);
	for (size_t i = 0; i < s->spec->guests.n && !error; i++) {
		const struct rubric_guest *guest = &s->spec->guests.at[i];
		const char *file = xprintf("guest%zu.elf", i);
		u8 key[KEY_BYTES];

		guest_key(g, (unsigned)i, key);
		if (a->chain.boots)
			console_restart(&a->consoles[i]);
		else
			console_init(&a->consoles[i], guest->name, key);
		a->ended[i] = NULL;
		m->modules[m->module_count++] = (struct machine_module){file, module_string(s, guest)};
		error = image_patch(xprintf("%s/%s", g->build, guest->image.elf),
				    xprintf("%s/%s", m->directory, file), key, g->seed);
	}
	a->count = s->spec->guests.n;
	return error;
}

/* Of several images nobody knows which one ran. */
static const char *guest_symbols(const struct rubric_run *spec)
{
	for (size_t i = 1; i < spec->guests.n; i++)
		if (!guest_image_same(&spec->guests.at[i].image, &spec->guests.at[0].image))
			return NULL;
	return spec->guests.at[0].image.elf;
}

void keep_benches(struct lab_result *lab, const struct platform *p, const struct console *c, const char *cpu,
		  const char *mem)
{
	for (size_t i = 0; i < c->benches.n; i++)
		*vector_add(&lab->benches) =
			(struct bench_result){c->benches.at[i], cpu, mem, p->name, p->model};
}

static struct machine describe(struct session *s)
{
	const struct rubric_run *spec = s->spec;

	return (struct machine){
		.platform = s->platform,
		.directory = scratch_sub(spec->name),
		.kernel = HV_IMAGE,
		.cmdline = xprintf("cpu=%s mem=%s%s%s", spec->cpu, spec->mem, spec->append ? " " : "",
				   spec->append ? spec->append : ""),
		.memory = spec->memory,
		.instructions = spec->instructions,
		.seconds = spec->seconds,
		.mkdisk = xprintf("%s/tools/mkdisk", s->g->build),
		.bochsrc = xprintf("%s/common/boot/bochsrc.in", s->g->root),
		.nested = xprintf("%s/nested", s->g->build),
		.nested_log = xprintf("%s/grader/logs/%s/linux-nested%s.log", s->g->images, s->rubric->id,
				      s->platform->model ? s->platform->model : ""),
		.line = take_line,
		.tick = take_tick,
		.context = s,
	};
}

/* A new machine with new images, from power on to its end. NULL, or what is wrong. */
static const char *boot(struct session *s)
{
	const struct rubric_run *spec = s->spec;
	struct machine m = describe(s);
	const char *error = prepare(s, &m);

	if (error)
		return error;
	machine_run(&m);
	if (m.rip && m.message)
		m.message = xprintf("%s; %s", m.message,
				    where_was(s->g, s->rubric->symbols, guest_symbols(spec), m.rip));
	s->left.end = m.end;
	s->left.message = m.message;
	s->run->seconds += m.seconds_used;
	s->run->instructions += m.instructions_used;
	s->run->kvm.ticks += m.counts.ticks;
	s->run->kvm.exits += m.counts.exits;
	s->run->kvm.io_exits += m.counts.io_exits;
	s->run->kvm.emulated += m.counts.emulated;
	s->run->kvm.nested += m.counts.nested;
	if (!s->left.chain.boots) /* the first thing that went wrong is the one to look at */
		serial_tail(&m.serial, &s->run->tail);
	return NULL;
}

/* After a boot: is the guest to be started again? Of several guests none is. */
static bool goes_on(struct session *s, double seconds)
{
	struct aftermath *a = &s->left;
	const struct console *c = &a->consoles[0];
	enum state state = machine_state(a->end);
	const char *reason = a->ended[0] ? a->ended[0] : a->message;

	if (a->count != 1 || s->spec->guests.at[0].ends || lab_is_bench(s->spec))
		return false;
	if (state == STATE_PASS && !a->ended[0] && c->ended) {
		a->chain.broken = console_incomplete(c) != NULL;
		return false;
	}
	if (state == STATE_PASS)
		state = STATE_CRASH;
	if (!restart_wanted(&a->chain, c, state, reason ? reason : console_incomplete(c), seconds))
		return false;
	if (s->log)
		fprintf(s->log, "---- started again: %s\n",
			restart_command(&a->chain, s->spec->guests.at[0].command));
	return true;
}

/* One boot after the other. NULL, or what is wrong. */
static const char *boots(struct session *s)
{
	const char *logs = lab_logs(s->g, s->rubric), *error;
	/* Two vendors may be at it at the same time. */
	const char *vendor = s->platform->id == PLATFORM_NESTED ? s->platform->model : "";
	struct aftermath *a = &s->left;
	enum machine_end end;
	const char *message;
	double before;

	directory_make(logs);
	s->run->log = xprintf("%s/%s-%s%s.log", logs, s->spec->name, s->platform->name, vendor);
	s->log = fopen(s->run->log, "we");
	a->platform = s->platform;
	a->chain.restarts = s->spec->restarts;
	a->chain.seconds = (double)s->spec->seconds;
	do {
		before = s->run->seconds;
		end = a->end;
		message = a->message;
		error = boot(s);
	} while (!error && goes_on(s, s->run->seconds - before));
	if (a->chain.twice) { /* the one with the tests is the one to tell of */
		a->end = end;
		a->message = message;
	}
	if (s->log)
		fclose(s->log);
	return error;
}

/* Under KVM an engine for VT-x or AMD-V must be seen to use it, also in a run that came to a bad end and has
 * tests that stand. */
static void check_entries(struct run *run, const struct rubric_run *spec, const struct platform *p)
{
	const char *message;

	if (p->id != PLATFORM_NESTED || !spec->hardware || run->kvm.nested)
		return;
	message = xprintf("KVM counted no entry into a guest of this hypervisor: the engine did not use %s",
			  spec->hardware);
	for (size_t i = 0; i < run->tests.n; i++) {
		if (!state_is_success(run->tests.at[i].state))
			continue;
		run->tests.at[i].state = STATE_FAIL;
		run->tests.at[i].message = message;
	}
	if (run->state == STATE_PASS) {
		run->state = STATE_FAIL;
		run->message = message;
	}
}

void hypervisor_run(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
		    const struct platform *p, struct oracle *o)
{
	struct session *s = xcalloc(1, sizeof(*s));
	struct run *run = xcalloc(1, sizeof(*run));
	const char *error = NULL;

	*s = (struct session){.g = g, .rubric = lab->rubric, .spec = spec, .platform = p, .run = run};
	*vector_add(&lab->runs) = run;
	run->name = spec->name;
	run->part = spec->part;
	run->what = xprintf("%s: %s with %s on %s", spec->name, spec->cpu, spec->mem, platform_full_name(p));
	run->platform = p->name;
	run->model = p->model;
	run->cpu = spec->cpu;
	run->mem = spec->mem;
	progress_begin(run->what);
	for (unsigned i = 0; i < spec->guests.n && !error; i++)
		if (!spec->guests.at[i].ends)
			error = oracle_ask(o, oracle_guest(o, &spec->guests.at[i].image, i));
	if (!error)
		error = boots(s);
	if (error) {
		run_without_tests(run, spec, o, STATE_INFRA_ERROR, error);
	} else {
		judge_run(g, lab, spec, &s->left, o, run);
		check_entries(run, spec, p);
		if (run->state == STATE_PASS && s->left.count == 1)
			keep_benches(lab, p, &s->left.consoles[0], spec->cpu, spec->mem);
	}
	progress_end();
	score_run(run);
}

void hypervisor_ahead(const struct oracle *o, const struct rubric_run *specs, size_t n,
		      const struct platform *p)
{
	const struct grader *g = o->g;
	const struct rubric *r = o->rubric;
	struct machine *machines = xcalloc(n + 1, sizeof(*machines));
	struct native *native = xcalloc(1, sizeof(*native));
	size_t ready = 0;

	directory_make(xprintf("%s/grader/logs/%s", g->images, r->id));
	for (size_t i = 0; i < n; i++) {
		struct session *s = xcalloc(1, sizeof(*s));

		*s = (struct session){.g = g, .rubric = r, .spec = &specs[i], .platform = p};
		machines[ready] = describe(s);
		/* What is wrong comes up again when the run itself is made. */
		ready += !prepare(s, &machines[ready]);
	}
	if (g->bench && !native_prepare(g, &r->guest, o->exceptions, p, 0, ONLY_BENCHES, native))
		machines[ready++] = native->machine;
	progress_begin(xprintf("%zu runs as guests of KVM on %s", ready, platform_full_name(p)));
	nested_ahead(machines, ready);
	progress_end();
}
