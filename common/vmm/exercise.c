// SPDX-License-Identifier: MIT
/*
 * What stands in a student's workspace in place of a solution calls one of these. The guest that came to need
 * it ends; others that do not go on. Before there is a guest the sentence says why there can be none. In unit
 * tests the fixture's own take their place, and fail the test.
 */
#include "lib/print.h"
#include "vmm/vcpu.h"

#define SENTENCE       "exercise %s is yours to write (%s: %s)"
#define SENTENCE_BYTES 160

void exercise_missing(struct vcpu *v, const char *exercise, const char *file, const char *function)
{
	vcpu_end(v, SENTENCE, exercise, file, function);
}

const char *exercise_sentence(const char *exercise, const char *file, const char *function)
{
	static char sentence[SENTENCE_BYTES];

	ksnprintf(sentence, sizeof(sentence), SENTENCE, exercise, file, function);
	return sentence;
}
