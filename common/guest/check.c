// SPDX-License-Identifier: MIT
/*
 * The checks of the running test: the digest over all values that were compared, the first mismatch, the
 * random data.
 *
 * The digest starts from the test's name and the seed and folds each actual value with SipHash under the
 * run's key. So nobody who did not execute the test (with its random data) can print it.
 */
#include "abi/run_key.h"
#include "guest/harness.h"
#include "lib/print.h"
#include "lib/siphash.h"
#include "lib/string.h"

#define NAME_MAX    48
#define MESSAGE_MAX 320
#define WHAT_MAX    160

/* The grader patches key and seed in its copy of the image: volatile, so that no value of today is compiled
 * in. */
extern struct run_key run_key;
struct run_key run_key __attribute__((section(".data.run_key"), used)) = {.magic = RUN_KEY_MAGIC};

static u64 digest, random_state;
static bool failed;
static char message[MESSAGE_MAX];

const struct run_key *run_key_current(void)
{
	return &run_key;
}

static u64 hash2(u64 a, u64 b)
{
	u64 words[2] = {a, b};

	return siphash24(run_key.key, words, sizeof(words));
}

void check_begin(const char *name)
{
	char text[NAME_MAX] = {0};

	ksnprintf(text, sizeof(text), "%s", name);
	digest = hash2(siphash24(run_key.key, text, sizeof(text)), run_key.seed);
	random_state = hash2(digest, run_key.seed);
	failed = false;
	message[0] = 0;
}

bool check_failed(void)
{
	return failed;
}

u64 check_digest(void)
{
	return digest;
}

const char *check_message(void)
{
	return message;
}

void check_fail(u64 expected, u64 actual, const char *file, int line, const char *fmt, ...)
{
	char what[WHAT_MAX];
	va_list ap;

	if (failed)
		return;
	failed = true;
	va_start(ap, fmt);
	kvsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	ksnprintf(message, sizeof(message), "expected=%lx actual=%lx at=%s:%d what=%s", expected, actual,
		  file, line, what);
}

bool check_equal(u64 actual, u64 expected, const char *file, int line, const char *what)
{
	digest = hash2(digest, actual);
	if (actual == expected)
		return true;
	check_fail(expected, actual, file, line, "%s", what);
	return false;
}

bool check_memory(const void *actual, const void *expected, size_t size, const char *file, int line,
		  const char *what)
{
	const u8 *a = actual, *e = expected;

	digest = hash2(digest, siphash24(run_key.key, actual, size));
	for (size_t i = 0; i < size; i++) {
		if (a[i] == e[i])
			continue;
		check_fail(e[i], a[i], file, line, "%s, byte %zu", what, i);
		return false;
	}
	return true;
}

u64 test_random(void)
{
	random_state = hash2(random_state, 0);
	return random_state;
}
