// SPDX-License-Identifier: MIT
/*
 * What stands in a student's workspace in place of a solution calls one of these. The guest that came to need
 * it ends; others that do not go on. Before there is a guest the sentence says why there can be none. In unit
 * tests the fixture's own take their place, and fail the test.
 */
#include "lib/print.h"
#include "lib/string.h"
#include "vmm/vcpu.h"

#define SENTENCE       "exercise %s is yours to write (%s: %s)"
#define SENTENCE_BYTES 160
#define SENTENCES      32 /* of different functions */

void exercise_missing(struct vcpu *v, const char *exercise, const char *file, const char *function)
{
	vcpu_end(v, SENTENCE, exercise, file, function);
}

const char *exercise_sentence(const char *exercise, const char *file, const char *function)
{
	static char kept[SENTENCES][SENTENCE_BYTES];
	char sentence[SENTENCE_BYTES];
	unsigned i = 0;

	ksnprintf(sentence, sizeof(sentence), SENTENCE, exercise, file, function);
	while (i < SENTENCES - 1 && kept[i][0] && strcmp(kept[i], sentence))
		i++;
	memcpy(kept[i], sentence, sizeof(sentence));
	return kept[i];
}
