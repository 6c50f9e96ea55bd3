/* SPDX-License-Identifier: MIT */
/* What this computer can run a hypervisor on, as the grader and `make doctor` see it. */
#ifndef GRADER_PLATFORM_H
#define GRADER_PLATFORM_H

#include "grader/util.h"

enum platform_id { PLATFORM_TCG, PLATFORM_BOCHS, PLATFORM_KVM, PLATFORM_NESTED, PLATFORM_COUNT };

#define BOCHS_INTEL  "corei7_skylake_x"
#define BOCHS_OLDER  "corei7_haswell_4770"
#define BOCHS_AMD    "ryzen"
/* KVM in an emulated machine (nested.h). */
#define NESTED_AMD   "amd"
#define NESTED_INTEL "intel"

struct platform {
	enum platform_id id;
	const char *name;  /* "tcg", "bochs", "kvm", "nested" */
	const char *model; /* Bochs: its CPU model; nested: the vendor; otherwise NULL */
	const char *unit;  /* what a tick is there */
	const char *why;   /* it is not available: a sentence; NULL: it is */
};

/* Looks once; later calls give the same. */
const struct platform *platform_get(enum platform_id id);
/* "tcg", "kvm", "bochs", "bochs:MODEL", "nested:amd" or "nested:intel"; NULL: no such platform. Not NULL even
 * where it is not available. */
const struct platform *platform_named(const char *name);
/* The first available one of the names; when there is none, the first one at all (its `why` says what is
 * missing). */
const struct platform *platform_choose(const string_list *names);
/* Without looking whether it is there: is it a platform's name; is it `platform` with a model? */
bool platform_is_name(const char *name);
bool platform_has_model(const char *name, const char *platform);
/* What a list allows of a platform that is wanted: itself; the first of its models, where none is wanted; and
 * any model, where the list names none. NULL: nothing. */
const char *platform_among(const string_list *names, const char *wanted);
/* Are two names the same machine? "bochs" is the model that it stands for. */
bool platform_same(const char *a, const char *b);
/* The platform whose emulator executes the instructions: that under a nested one, else itself. */
const struct platform *platform_beneath(const struct platform *p);
/* The platform, with a sentence in `why` when it lacks what a run's `hardware` names. */
const struct platform *platform_with(const struct platform *p, const char *hardware);
/* "tcg", "bochs:ryzen": what platform_named() takes. */
const char *platform_full_name(const struct platform *p);

/* ---- kvm_probe.c ---- */

enum kvm_state {
	KVM_GOOD,
	KVM_MISSING, /* no /dev/kvm */
	KVM_CLOSED,  /* there, and cannot be opened */
	KVM_BROKEN,  /* opened, and makes no machine that runs */
	KVM_SLOW,    /* runs, by interpreting each instruction */
	KVM_FLAT,    /* runs, and cannot nest */
};
#define KVM_PROBE_ROUNDS 65536
struct kvm_result {
	enum kvm_state state;
	const char *why; /* it is of no use here: a sentence; NULL: it is of use */
	double seconds;  /* that the probe's rounds took; 0: it did not run */
};
/* Looks once; later calls give the same. */
const struct kvm_result *kvm_probe(void);

#endif
