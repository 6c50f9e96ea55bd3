// SPDX-License-Identifier: MIT
/*
 * One run of a lab's hypervisor with its guests: images with keys into a directory of their own, the machine,
 * a console for each guest.
 *
 * With more than one guest each console line begins with "[NAME] "; with one guest it stands alone. Lines of
 * the hypervisor itself begin with "[hv] " and are for people.
 */
#include "grader/grader.h"

#include <stdio.h>
#include <string.h>

#define HV_IMAGE "hv.bin"

struct sink {
	struct console consoles[MACHINE_MODULES];
	const char *ended[MACHINE_MODULES]; /* why the hypervisor ended a guest */
	const char *missing;                /* the first exercise that was needed and is not written */
	size_t count;
	FILE *log;
};

/* "[hv] guest NAME ended: REASON" */
static bool take_ending(struct sink *s, const char *text)
{
	static const char begin[] = "[hv] guest ";

	if (strncmp(text, begin, strlen(begin)))
		return false;
	text += strlen(begin);
	for (size_t i = 0; i < s->count; i++) {
		size_t n = strlen(s->consoles[i].name);

		if (!strncmp(text, s->consoles[i].name, n) && !strncmp(text + n, " ended: ", 8))
			s->ended[i] = xprintf("%s", text + n + 8);
		if (s->ended[i] && !s->missing && strstr(s->ended[i], " is yours to write "))
			s->missing = s->ended[i];
	}
	return true;
}

static void take_line(void *context, const char *text, bool damaged)
{
	struct sink *s = context;

	if (s->log)
		fprintf(s->log, "%s\n", text);
	if (take_ending(s, text))
		return;
	if (s->count == 1) {
		console_line(&s->consoles[0], text, damaged);
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		const char *name = s->consoles[i].name;
		size_t n = strlen(name);

		if (text[0] == '[' && !strncmp(text + 1, name, n) && !strncmp(text + 1 + n, "] ", 2))
			console_line(&s->consoles[i], text + n + 3, damaged);
	}
}

static void take_tick(void *context, double seconds)
{
	(void)context;
	progress_tick(seconds);
}

/* The guest's module string: NAME [ram=SIZE] [budget=TICKS] -- COMMAND LINE */
static const char *module_string(const struct rubric_guest *guest)
{
	const char *ram = guest->ram ? xprintf(" ram=%s", guest->ram) : "";
	const char *budget = guest->budget ? xprintf(" budget=%s", guest->budget) : "";

	return xprintf("%s%s%s --%s%s", guest->name, ram, budget, *guest->command ? " " : "", guest->command);
}

/* Images and consoles of all guests. NULL, or what is wrong. */
static const char *prepare(const struct grader *g, const struct rubric *r, const struct rubric_run *spec,
			   struct machine *m, struct sink *sink)
{
	const char *error =
		image_copy(xprintf("%s/%s", g->images, r->image), xprintf("%s/" HV_IMAGE, m->directory));

	if (spec->guests.n > MACHINE_MODULES)
		return xprintf("a run has at most %d guests", MACHINE_MODULES);
	for (size_t i = 0; i < spec->guests.n && !error; i++) {
		const struct rubric_guest *guest = &spec->guests.at[i];
		const char *file = xprintf("guest%zu.elf", i);
		u8 key[KEY_BYTES];

		guest_key(g, (unsigned)i, key);
		console_init(&sink->consoles[i], guest->name, key);
		sink->count++;
		m->modules[m->module_count++] = (struct machine_module){file, module_string(guest)};
		error = image_patch(xprintf("%s/%s", g->build, r->guest),
				    xprintf("%s/%s", m->directory, file), key, g->seed);
	}
	return error;
}

void keep_benches(struct lab_result *lab, const struct platform *p, const struct console *c, const char *cpu,
		  const char *mem)
{
	for (size_t i = 0; i < c->benches.n; i++)
		*vector_add(&lab->benches) = (struct bench_result){c->benches.at[i], cpu, mem, p->name};
}

void hypervisor_run(const struct grader *g, struct lab_result *lab, const struct rubric_run *spec,
		    const struct platform *p, struct oracle *o)
{
	const struct rubric *r = lab->rubric;
	struct run *run = xcalloc(1, sizeof(*run));
	struct sink *sink = xcalloc(1, sizeof(*sink));
	struct machine m = {
		.platform = p,
		.directory = scratch_sub(spec->name),
		.kernel = HV_IMAGE,
		.cmdline = xprintf("cpu=%s mem=%s%s%s", spec->cpu, spec->mem, spec->append ? " " : "",
				   spec->append ? spec->append : ""),
		.memory = spec->memory,
		.instructions = spec->instructions,
		.seconds = spec->seconds,
		.mkdisk = xprintf("%s/tools/mkdisk", g->build),
		.bochsrc = xprintf("%s/common/boot/bochsrc.in", g->root),
		.line = take_line,
		.tick = take_tick,
		.context = sink,
	};
	const char *error, *logs = xprintf("%s/grader/logs/%s", g->images, r->id);

	*vector_add(&lab->runs) = run;
	run->name = spec->name;
	run->what = xprintf("%s: %s with %s on %s", spec->name, spec->cpu, spec->mem, platform_full_name(p));
	run->platform = p->name;
	run->cpu = spec->cpu;
	run->mem = spec->mem;
	progress_begin(run->what);
	error = prepare(g, r, spec, &m, sink);
	for (unsigned i = 0; i < sink->count && !error; i++)
		error = spec->guests.at[i].ends ? NULL : oracle_ask(o, i);
	if (error) {
		run_without_tests(run, spec, STATE_INFRA_ERROR, error);
	} else {
		directory_make(logs);
		run->log = xprintf("%s/%s-%s.log", logs, spec->name, p->name);
		sink->log = fopen(run->log, "we");
		machine_run(&m);
		if (m.rip && m.message)
			m.message = xprintf("%s; %s", m.message, where_was(g, r, m.rip));
		if (sink->log)
			fclose(sink->log);
		run->seconds = m.seconds_used;
		run->instructions = m.instructions_used;
		run->missing = sink->missing;
		serial_tail(&m.serial, &run->tail);
		judge_run(g, lab, spec, &m, sink->consoles, sink->ended, o, run);
		if (run->state == STATE_PASS && sink->count == 1)
			keep_benches(lab, p, &sink->consoles[0], spec->cpu, spec->mem);
	}
	progress_end();
	score_run(run);
}
