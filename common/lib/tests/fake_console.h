/* SPDX-License-Identifier: MIT */
/* A console that keeps what is written to it, for tests. */
#ifndef LIB_TESTS_FAKE_CONSOLE_H
#define LIB_TESTS_FAKE_CONSOLE_H

void fake_console_clear(void);
/* What was written since, as far as there was room. */
const char *fake_console_text(void);

#endif
