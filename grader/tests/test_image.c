// SPDX-License-Identifier: MIT
/* Keys, and the place for them in a guest image: image.c */
#include "lib/tests/unit.h"

#include "grader/grader.h"

#include "abi/run_key.h"

#include <string.h>
#include <unistd.h>

#define FROM "test_image.from"
#define TO   "test_image.to"
#define SIZE 4096

static void keys(void)
{
	struct grader g = {.seed = 1}, h = {.seed = 2};
	u8 a[KEY_BYTES], b[KEY_BYTES], again[KEY_BYTES];

	guest_key(&g, 0, a);
	guest_key(&g, 0, again);
	CU_ASSERT_EQUAL(memcmp(a, again, sizeof(a)), 0);
	guest_key(&g, 1, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	guest_key(&h, 0, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a, a + 8, 8), 0);
}

static const char *patch(const char *image, size_t size)
{
	static const u8 key[KEY_BYTES] = {0xaa, 1, 2, 3};

	unlink(TO);
	CU_ASSERT_TRUE(file_write(FROM, image, size));
	return image_patch(FROM, TO, key, 0x1122334455667788);
}

static void places(void)
{
	static char image[SIZE];
	struct run_key *k = (struct run_key *)(image + 1000);
	size_t size;
	char *patched;

	memset(image, 'x', sizeof(image));
	CU_ASSERT_PTR_NOT_NULL(patch(image, sizeof(image)));
	CU_ASSERT_FALSE(file_exists(TO));
	memcpy(k->magic, RUN_KEY_MAGIC, sizeof(k->magic));
	CU_ASSERT_PTR_NULL(patch(image, sizeof(image)));
	patched = file_read(TO, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(patched);
	CU_ASSERT_EQUAL(size, sizeof(image));
	CU_ASSERT_EQUAL(((struct run_key *)(patched + 1000))->seed, 0x1122334455667788);
	CU_ASSERT_EQUAL(((struct run_key *)(patched + 1000))->key[0], 0xaa);
	CU_ASSERT_EQUAL(memcmp(patched, image, 1016), 0);
	CU_ASSERT_EQUAL(memcmp(patched + 1040, image + 1040, sizeof(image) - 1040), 0);
	/* Twice is once too often, and the end of the file too near. */
	memcpy(image + 2000, RUN_KEY_MAGIC, sizeof(k->magic));
	CU_ASSERT_PTR_NOT_NULL(patch(image, sizeof(image)));
	CU_ASSERT_PTR_NOT_NULL(patch(image, 1000 + sizeof(*k) - 1));
	CU_ASSERT_PTR_NULL(patch(image, 1000 + sizeof(*k)));
	unlink(FROM);
	unlink(TO);
}

UNIT_MAIN("grader_image", {"keys", keys}, {"the place for the key", places})
