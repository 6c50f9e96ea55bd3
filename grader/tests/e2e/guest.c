// SPDX-License-Identifier: MIT
/* The tests' guest: three tests that pass, on the bare machine and wherever else this code really runs. */
#include "fake.h"

static const volatile struct run_key run_key = {.magic = RUN_KEY_MAGIC};

void fake_main(u32 magic, const struct multiboot_info *info)
{
	struct run_key key = run_key;

	(void)magic, (void)info;
	serial_start();
	serial_text("a guest of three tests\n");
	machine_lines(&key, right_digest, true);
	machine_end(0);
}
