// SPDX-License-Identifier: MIT
/*
 * Keys, and copies of the guest image that hold them. Of two guests that run at once each has a key of its
 * own, so that a line of one console is worth nothing on the other. Key and seed decide the values that the
 * tests compare, therefore the oracle runs with each key too. All of it follows from one 64-bit seed, so that
 * SEED=N repeats a run to the last byte.
 */
#include "grader/grader.h"

#include "abi/run_key.h"
#include "lib/siphash.h"

#include <errno.h>
#include <string.h>

void guest_key(const struct grader *g, unsigned guest, u8 key[KEY_BYTES])
{
	u8 secret[KEY_BYTES] = {0};

	memcpy(secret, &g->seed, sizeof(g->seed));
	for (u8 half = 0; half < KEY_BYTES / sizeof(u64); half++) {
		u8 purpose[] = {(u8)guest, half};
		u64 word = siphash24(secret, purpose, sizeof(purpose));

		memcpy(key + half * sizeof(word), &word, sizeof(word));
	}
}

const char *image_patch(const char *from, const char *to, const u8 key[KEY_BYTES], u64 seed)
{
	static const char magic[sizeof(((struct run_key *)0)->magic)] = RUN_KEY_MAGIC;
	size_t size;
	char *data = file_read(from, &size), *at, *again;
	struct run_key run_key = {.seed = seed};

	if (!data)
		return xprintf("%s: %s", from, strerror(errno));
	at = memmem(data, size, magic, sizeof(magic));
	if (!at || (size_t)(data + size - at) < sizeof(run_key))
		return xprintf("%s: holds no place for the key of a run", from);
	again = memmem(at + 1, (size_t)(data + size - at - 1), magic, sizeof(magic));
	if (again)
		return xprintf("%s: holds more than one place for the key of a run", from);
	memcpy(run_key.magic, magic, sizeof(magic));
	memcpy(run_key.key, key, KEY_BYTES);
	memcpy(at, &run_key, sizeof(run_key));
	return file_write(to, data, size) ? NULL : xprintf("%s: %s", to, strerror(errno));
}

const char *image_copy(const char *from, const char *to)
{
	size_t size;
	char *data = file_read(from, &size);

	if (!data)
		return xprintf("%s: %s", from, strerror(errno));
	return file_write(to, data, size) ? NULL : xprintf("%s: %s", to, strerror(errno));
}
