// SPDX-License-Identifier: MIT
/* The little labs of the end-to-end tests. Budget and guard are short, so that a run that hangs is over soon.
 */
#include "e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void file_must_write(const char *path, const char *text)
{
	char *directory = xstrdup(path);

	*strrchr(directory, '/') = 0;
	if (directory_make(directory) && file_write(path, text, strlen(text)))
		return;
	perror(path);
	exit(EXIT_FAILURE);
}

void runs_lab_write(const struct e2e *e, const char *lab, const char *image, const char *runs)
{
	file_must_write(xprintf("%s/labs/%s-test/rubric.yaml", e->tree, lab),
			xprintf("id: \"%s\"\n"
				"name: A lab of the tests\n"
				"max: 100\n"
				"official: tcg\n"
				"image: grader/e2e/%s.bin\n"
				"guest: grader/e2e/guest.bin\n"
				"guest_native: grader/e2e/guest.bin\n"
				"build: [{directory: labs/%s-test}]\n"
				"%s",
				lab, image, lab, runs));
}

void lab_write(const struct e2e *e, const char *lab, const char *image, const char *more)
{
	guarded_lab_write(e, lab, image, LAB_GUARD, more);
}

void guarded_lab_write(const struct e2e *e, const char *lab, const char *image, unsigned seconds,
		       const char *more)
{
	runs_lab_write(e, lab, image,
		       xprintf("runs:\n"
			       "  - name: main\n"
			       "    cpu: fake\n"
			       "    mem: none\n"
			       "    platforms: [tcg, bochs]\n"
			       "    instructions: 200000000\n"
			       "    seconds: %u\n"
			       "    guests:\n"
			       "      - name: guest\n"
			       "        groups:\n"
			       "          - {tests: cpu/*, points: 60}\n"
			       "          - {tests: mem/*, points: 40}\n"
			       "%s",
			       seconds, more ? more : ""));
}

void unit_lab_write(const struct e2e *e, const char *lab, const char *programs)
{
	file_must_write(xprintf("%s/labs/%s-test/rubric.yaml", e->tree, lab),
			xprintf("id: \"%s\"\n"
				"name: Unit tests\n"
				"max: 100\n"
				"official: tcg\n"
				"image: none\n"
				"guest: none\n"
				"guest_native: none\n"
				"build: []\n"
				"runs: []\n"
				"units: [{programs: %s, points: 100, seconds: 2}]\n",
				lab, programs));
}
