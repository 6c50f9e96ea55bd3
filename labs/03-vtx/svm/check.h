/* SPDX-License-Identifier: MIT */
/*
 * The VM-entry checker: when VMRUN gives VMEXIT_INVALID and no reason, this says which rule of the manual the
 * VMCB breaks. The rules are data and know nothing of the machine but what struct svm_machine says, so that
 * they are tested on the host.
 */
#ifndef SVM_CHECK_H
#define SVM_CHECK_H

#include "svm.h"

struct svm_rule {
	const char *id;
	const char *field; /* as in the manual */
	u16 offset;        /* of it in the VMCB */
	u8 size;           /* bytes */
	bool refused; /* VMRUN refuses. Otherwise the manual calls it reserved, and the CPU may do anything */
	const char *section;
	const char *text;    /* what holds */
	const char *mistake; /* that usually is behind it */
	bool (*holds)(const struct vmcb *b, const struct svm_machine *m);
};

/* check_rules.c */
extern const struct svm_rule svm_rules[];
extern const unsigned svm_rule_count;

/* The rules that the VMCB breaks, `max` at most, and how many there are. */
unsigned svm_check(const struct vmcb *b, const struct svm_machine *m, const struct svm_rule *broken[],
		   unsigned max);
/* The value of the rule's field. */
u64 svm_rule_value(const struct svm_rule *r, const struct vmcb *b);
/* Prints field, value, rule, section and mistake of each rule that the VMCB breaks. */
void svm_check_report(const struct vmcb *b, const struct svm_machine *m);

#endif
