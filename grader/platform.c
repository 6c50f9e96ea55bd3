// SPDX-License-Identifier: MIT
/*
 * Looks what this computer can run a hypervisor on: QEMU's TCG, Bochs, real KVM, or KVM in one of
 * the two emulators (nested.c). "Cannot run here" is
 * never "failed": a platform that is missing is missing with a sentence that says what to install or to
 * switch on.
 */
#include "grader/platform.h"

#include <string.h>

#define BOCHS_BIOS "/usr/share/bochs/BIOS-bochs-latest"

static struct platform platforms[PLATFORM_COUNT] = {
	[PLATFORM_TCG] = {PLATFORM_TCG, "tcg", NULL, "instructions", NULL},
	[PLATFORM_BOCHS] = {PLATFORM_BOCHS, "bochs", BOCHS_INTEL, "instructions", NULL},
	[PLATFORM_KVM] = {PLATFORM_KVM, "kvm", NULL, "cycles", NULL},
	[PLATFORM_NESTED] = {PLATFORM_NESTED, "nested", NESTED_AMD, "instructions", NULL},
};

static const char *probe(enum platform_id id)
{
	const char *qemu = program_find("qemu-system-x86_64");

	switch (id) {
	case PLATFORM_TCG:
	case PLATFORM_NESTED: /* with its first model */
		return qemu ? NULL : "qemu-system-x86_64 is not installed (package qemu-system-x86)";
	case PLATFORM_BOCHS:
		if (!program_find("bochs"))
			return "bochs is not installed (packages bochs, bochs-term)";
		return file_exists(BOCHS_BIOS) ? NULL : BOCHS_BIOS " is missing (package bochsbios)";
	case PLATFORM_KVM:
		if (!qemu)
			return "qemu-system-x86_64 is not installed (package qemu-system-x86)";
		return kvm_probe()->why;
	case PLATFORM_COUNT:
		break;
	}
	return "there is no such platform";
}

const struct platform *platform_get(enum platform_id id)
{
	static bool probed[PLATFORM_COUNT];

	if (!probed[id]) {
		platforms[id].why = probe(id);
		probed[id] = true;
	}
	return &platforms[id];
}

bool platform_has_model(const char *name, const char *platform)
{
	size_t n = strlen(platform);

	return !strncmp(name, platform, n) && name[n] == ':' && name[n + 1];
}

const char *platform_among(const string_list *names, const char *wanted)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], wanted))
			return names->at[i];
	for (size_t i = 0; i < names->n; i++) {
		if (platform_has_model(names->at[i], wanted))
			return names->at[i];
		if (platform_has_model(wanted, names->at[i]))
			return wanted;
	}
	return NULL;
}

bool platform_is_name(const char *name)
{
	for (unsigned i = 0; i < PLATFORM_COUNT; i++) {
		const struct platform *p = &platforms[i];

		if (!strcmp(name, p->name) || (p->model && platform_has_model(name, p->name)))
			return true;
	}
	return false;
}

const struct platform *platform_beneath(const struct platform *p)
{
	if (p->id != PLATFORM_NESTED)
		return p;
	return platform_get(strcmp(p->model, NESTED_INTEL) ? PLATFORM_TCG : PLATFORM_BOCHS);
}

/* Said of nested platforms alone: on the others the hypervisor finds out for itself. */
const struct platform *platform_with(const struct platform *p, const char *hardware)
{
	struct platform *without;
	const char *has;

	if (!p || p->why || p->id != PLATFORM_NESTED || !hardware)
		return p;
	has = strcmp(p->model, NESTED_INTEL) ? "svm" : "vmx";
	if (!strcmp(has, hardware))
		return p;
	without = xcalloc(1, sizeof(*without));
	*without = *p;
	without->why =
		xprintf("KVM on %s has %s, and this run needs %s", platform_full_name(p), has, hardware);
	return without;
}

/* NULL: there is no such model. */
static const struct platform *nested_model(struct platform *p)
{
	if (strcmp(p->model, NESTED_AMD) && strcmp(p->model, NESTED_INTEL))
		return NULL;
	p->why = platform_beneath(p)->why;
	return p;
}

const struct platform *platform_named(const char *name)
{
	size_t n = strcspn(name, ":");

	for (unsigned i = 0; i < PLATFORM_COUNT; i++) {
		const struct platform *p = &platforms[i];
		struct platform *copy;

		if (strncmp(p->name, name, n) || p->name[n] || (name[n] && !p->model))
			continue;
		p = platform_get((enum platform_id)i);
		if (!name[n])
			return p;
		copy = xcalloc(1, sizeof(*copy));
		*copy = *p;
		copy->model = xstrdup(name + n + 1);
		return p->id == PLATFORM_NESTED ? nested_model(copy) : copy;
	}
	return NULL;
}

const struct platform *platform_choose(const string_list *names)
{
	const struct platform *first = NULL;

	for (size_t i = 0; i < names->n; i++) {
		const struct platform *p = platform_named(names->at[i]);

		if (p && !p->why)
			return p;
		if (!first)
			first = p;
	}
	return first;
}

bool platform_same(const char *a, const char *b)
{
	const struct platform *p = platform_named(a), *q = platform_named(b);

	return p && q && !strcmp(platform_full_name(p), platform_full_name(q));
}

const char *platform_full_name(const struct platform *p)
{
	return p->model ? xprintf("%s:%s", p->name, p->model) : p->name;
}
