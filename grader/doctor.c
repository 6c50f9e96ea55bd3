// SPDX-License-Identifier: MIT
/*
 * `make doctor`: what this computer has, which platforms follow from it, which of them each lab will run on
 * and why, and what to do about each problem (advice.c). It asks the same functions as a run that is graded,
 * so it cannot tell another story.
 */
#include "grader/doctor.h"

#include "grader/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_SECONDS 10
#define VERSION_BYTES   KIB(4)
#define MILLISECONDS    1000.0

/* ---- versions of the emulators ---- */

struct words {
	char text[VERSION_BYTES];
	size_t n;
};

static bool take_words(void *context, const void *data, size_t size)
{
	struct words *w = context;

	if (size > sizeof(w->text) - 1 - w->n)
		size = sizeof(w->text) - 1 - w->n;
	memcpy(w->text + w->n, data, size);
	w->n += size;
	return true;
}

/* The version that a program gives when it is called with `option`; NULL: it gives none. */
static const char *ask_version(const char *program, const char *option)
{
	struct words words = {.n = 0};
	string_list argv = {0};
	struct process p = {
		.output_fd = 1,
		.stderr_file = "/dev/null",
		.wall = VERSION_SECONDS,
		.output = take_words,
		.context = &words,
	};

	if (!program)
		return NULL;
	strings_add(&argv, program);
	strings_add(&argv, option);
	p.argv = strings_argv(&argv);
	process_run(&p);
	return version_find(words.text);
}

/* ---- what was found ---- */

static void print_line(const char *name, const char *text)
{
	printf("  %-12s %s\n", name, text);
}

static const char *program_text(const char *path, const char *version)
{
	return path ? xprintf("%s (%s)", version ? version : "of unknown version", path) : "not found";
}

static const char *cpu_text(const struct host *h)
{
	return xprintf("%s, %s; vmx %s, svm %s%s", *h->vendor ? h->vendor : "unknown vendor",
		       *h->model ? h->model : "unknown model", h->vmx ? "yes" : "no", h->svm ? "yes" : "no",
		       h->guest ? "; itself a virtual machine" : "");
}

static const char *system_text(const struct checkup *c)
{
	const char *wsl = c->host.wsl ? xprintf(", WSL %u", c->host.wsl) : "";
	const char *container =
		c->host.container ? xprintf(", in a container (%s)", c->host.container) : ", in no container";

	return xprintf("Linux %s%s%s%s", c->host.release, wsl, container,
		       c->host.wsl && host_on_windows_drive(c->tree) ? ", tree on a Windows drive" : "");
}

static const char *kvm_text(const struct kvm_result *k)
{
	const char *speed = k->seconds > 0 ? xprintf("opened; %d rounds of a loop took %.2f ms: %s",
						     KVM_PROBE_ROUNDS, k->seconds * MILLISECONDS,
						     k->state == KVM_SLOW ? "interpreted" : "run by hardware")
					   : NULL;

	return speed ? speed : k->why;
}

static const char *nesting_text(const struct host *h)
{
	switch (h->nesting) {
	case NESTING_UNKNOWN:
		break;
	case NESTING_OFF:
		return xprintf("off (%s)", h->module);
	case NESTING_ON:
		return xprintf("on (%s)", h->module);
	}
	return "unknown: neither kvm_intel nor kvm_amd is loaded";
}

static void print_computer(const struct checkup *c)
{
	puts("This computer");
	print_line("CPU", cpu_text(&c->host));
	print_line("system", system_text(c));
	print_line("/dev/kvm", kvm_text(c->kvm));
	print_line("nesting", nesting_text(&c->host));
	print_line("QEMU", program_text(c->qemu, c->qemu_version));
	print_line("Bochs", program_text(c->bochs, c->bochs_version));
}

static void print_platforms(void)
{
	puts("\nPlatforms");
	for (unsigned i = 0; i < PLATFORM_COUNT; i++) {
		const struct platform *p = platform_get((enum platform_id)i);

		print_line(p->name, p->why ? p->why : "available");
	}
}

/* ---- labs ---- */

const char *doctor_choice(const string_list *names)
{
	const struct platform *chosen = platform_choose(names);
	const char *order = "", *missed = "";
	bool reached = false; /* what comes after the chosen one does not matter */

	for (size_t i = 0; i < names->n; i++) {
		const struct platform *p = platform_named(names->at[i]);

		order = xprintf("%s%s%s", order, i ? ", " : "", names->at[i]);
		reached |= p && chosen && !strcmp(platform_full_name(p), platform_full_name(chosen));
		if (p && p->why && (chosen->why || !reached))
			missed = xprintf("%s%s%s: %s", missed, *missed ? "; " : "", names->at[i], p->why);
	}
	if (!chosen || chosen->why)
		return xprintf("nowhere here (%s)", *missed ? missed : "no platform is named");
	if (*missed)
		return xprintf("%s (the lab prefers %s; %s)", platform_full_name(chosen), order, missed);
	return xprintf("%s (the lab prefers %s)", platform_full_name(chosen), order);
}

/* One line for all runs that are decided alike. */
static void print_lab(const struct rubric *lab)
{
	string_list choices = {0}, runs = {0};

	for (size_t i = 0; i < lab->runs.n; i++) {
		const char *choice = doctor_choice(&lab->runs.at[i].platforms), *run = lab->runs.at[i].name;
		size_t k = 0;

		while (k < choices.n && strcmp(choices.at[k], choice))
			k++;
		if (k < choices.n) {
			runs.at[k] = xprintf("%s, %s", runs.at[k], run);
		} else {
			strings_add(&choices, choice);
			strings_add(&runs, run);
		}
	}
	for (size_t k = 0; k < choices.n; k++) {
		print_line(
			xprintf("lab %s%s%s", lab->id, lab->track ? " " : "", lab->track ? lab->track : ""),
			choices.at[k]);
		if (choices.n > 1)
			print_line("", xprintf("  runs: %s", runs.at[k]));
	}
	print_line("", xprintf("  official platform, the one that counts: %s%s", lab->official,
			       lab->official_by_course ? " (course.yaml)" : ""));
}

void doctor_report(const char *tree, const struct rubric *const labs[], size_t count)
{
	struct checkup c = {
		.kvm = kvm_probe(),
		.qemu = program_find("qemu-system-x86_64"),
		.bochs = program_find("bochs"),
		.tree = tree,
	};
	string_list advice = {0};

	host_read("", &c.host);
	c.qemu_version = ask_version(c.qemu, "--version");
	c.bochs_version = ask_version(c.bochs, "--help");
	print_computer(&c);
	print_platforms();
	puts("\nWhere the labs run here");
	for (size_t i = 0; i < count; i++)
		print_lab(labs[i]);
	puts("\nWhat to do");
	doctor_advise(&c, &advice);
	for (size_t i = 0; i < advice.n; i++)
		printf("  - %s\n", advice.at[i]);
	if (!advice.n)
		puts("  nothing: all is as it should be");
}
