/* SPDX-License-Identifier: MIT */
/* `make doctor`: what was found on this computer, and what to do about it. */
#ifndef GRADER_DOCTOR_H
#define GRADER_DOCTOR_H

#include "grader/host.h"
#include "grader/platform.h"
#include "grader/rubric.h"

struct checkup {
	struct host host;
	const struct kvm_result *kvm;
	const char *qemu, *bochs;                 /* the programs; NULL: not found */
	const char *qemu_version, *bochs_version; /* NULL: not told */
	const char *tree;                         /* top of the tree, an absolute path */
};

/* advice.c: a line for each problem. Empty: there is none. */
void doctor_advise(const struct checkup *c, string_list *advice);

/* doctor.c: for people. `labs` are the rubrics of the labs that are here. */
void doctor_report(const char *tree, const struct rubric *const labs[], size_t count);
/* Which platform a run with these preferences gets here, and why: "bochs, since tcg: ... is not installed".
 */
const char *doctor_choice(const string_list *platforms);

#endif
