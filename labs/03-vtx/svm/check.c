// SPDX-License-Identifier: MIT
/*
 * The VM-entry checker: goes through the rules of check_rules.c and prints those that the VMCB breaks.
 *
 * Left out: what cannot be seen in the VMCB (the memory behind CR3, the state of encrypted guests).
 */
#include "check.h"
#include "lib/print.h"
#include "lib/string.h"

#define REPORT_MAX 8

unsigned svm_check(const struct vmcb *b, const struct svm_machine *m, const struct svm_rule *broken[],
		   unsigned max)
{
	unsigned count = 0;

	for (unsigned i = 0; i < svm_rule_count; i++) {
		if (svm_rules[i].holds(b, m))
			continue;
		if (count < max)
			broken[count] = &svm_rules[i];
		count++;
	}
	return count;
}

u64 svm_rule_value(const struct svm_rule *r, const struct vmcb *b)
{
	u64 value = 0;

	memcpy(&value, (const u8 *)b + r->offset, r->size); /* little-endian */
	return value;
}

void svm_check_report(const struct vmcb *b, const struct svm_machine *m)
{
	const struct svm_rule *broken[REPORT_MAX];
	unsigned count = svm_check(b, m, broken, REPORT_MAX);

	if (!count)
		kprintf("[hv] VMRUN refused the VMCB, and it breaks no rule of the %u that are checked\n",
			svm_rule_count);
	for (unsigned i = 0; i < count && i < REPORT_MAX; i++) {
		const struct svm_rule *r = broken[i];

		kprintf("[hv] VMCB %03xh %s = 0x%lx breaks %s: %s\n", r->offset, r->field,
			svm_rule_value(r, b), r->id, r->text);
		kprintf("[hv]   APM vol. 2, %s%s\n", r->section,
			r->refused ? "" : " (reserved: the CPU need not refuse it)");
		kprintf("[hv]   usual mistake: %s\n", r->mistake);
	}
}
