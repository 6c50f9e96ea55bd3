/* SPDX-License-Identifier: MIT */
/* What this computer can run a hypervisor on, as the grader and `make doctor` see it. */
#ifndef GRADER_PLATFORM_H
#define GRADER_PLATFORM_H

#include "grader/util.h"

enum platform_id { PLATFORM_TCG, PLATFORM_BOCHS, PLATFORM_KVM, PLATFORM_COUNT };

#define BOCHS_INTEL "corei7_skylake_x"
#define BOCHS_OLDER "corei7_haswell_4770"
#define BOCHS_AMD   "ryzen"

struct platform {
	enum platform_id id;
	const char *name;  /* "tcg", "bochs", "kvm" */
	const char *model; /* Bochs: its CPU model; otherwise NULL */
	const char *unit;  /* what a tick is there */
	const char *why;   /* it is not available: a sentence; NULL: it is */
};

/* Looks once; later calls give the same. */
const struct platform *platform_get(enum platform_id id);
/* "tcg", "kvm", "bochs" or "bochs:MODEL"; NULL: no such platform. Not NULL even where it is not available. */
const struct platform *platform_named(const char *name);
/* The first available one of the names; when there is none, the first one at all (its `why` says what is
 * missing). */
const struct platform *platform_choose(const string_list *names);
/* "tcg", "bochs:ryzen": what platform_named() takes. */
const char *platform_full_name(const struct platform *p);
/* For people: all platforms, a line each. */
void platform_report(void);

/* kvm_probe.c: NULL, or why /dev/kvm is of no use here (a sentence). */
const char *kvm_probe(void);

#endif
