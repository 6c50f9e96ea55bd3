// SPDX-License-Identifier: MIT
/* What Bochs's log says of a machine: bochs.c */
// LIBS: -ljansson -lyaml -lxml2
#include "lib/tests/unit.h"

#include "grader/emulator.h"
#include "grader/util.h"

#include <string.h>
#include <unistd.h>

static bool halted(const char *log, bool linux_kernel)
{
	struct machine m = {.directory = xprintf("test_bochs.%d", (int)getpid()),
			    .linux_kernel = linux_kernel};
	const char *path = xprintf("%s/" BOCHS_LOG, m.directory);
	bool answer;

	CU_ASSERT_TRUE_FATAL(directory_make(m.directory));
	CU_ASSERT_TRUE(file_write(path, log, strlen(log)));
	answer = bochs_halted(&m);
	unlink(path);
	rmdir(m.directory);
	return answer;
}

/* It says so of a guest that is about to exit, too. Where Linux runs, that may have been a guest of KVM,
 * whose end says nothing of Linux. */
static void halts(void)
{
	static const char halt[] = "00009[CPU0  ] WARNING: HLT instruction with IF=0!\n";

	CU_ASSERT_TRUE(halted(halt, false));
	CU_ASSERT_FALSE(halted("00009[CPU0  ] reset\n", false));
	CU_ASSERT_FALSE(halted(halt, true));
}

UNIT_MAIN("grader_bochs", {"a machine that halted", halts})
