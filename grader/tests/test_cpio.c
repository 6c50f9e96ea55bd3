// SPDX-License-Identifier: MIT
/* cpio.c, read back by the format's description: header fields of eight hexadecimal digits, names and
 * contents padded to four bytes. */
#include "lib/tests/unit.h"

#include "grader/cpio.h"

#include <string.h>
#include <sys/stat.h>

struct entry {
	const char *name, *data;
	size_t size;
	unsigned mode, major, minor;
};

static const char *at;
static char *archive;

static unsigned field(unsigned i)
{
	return (unsigned)strtoul(xprintf("%.8s", at + 6 + 8 * i), NULL, 16);
}

static struct entry next(void)
{
	struct entry e = {.mode = field(1), .size = field(6), .major = field(9), .minor = field(10)};
	size_t name_size = field(11);

	CU_ASSERT_EQUAL(memcmp(at, "070701", 6), 0);
	e.name = at + 110;
	CU_ASSERT_EQUAL(strlen(e.name) + 1, name_size);
	at = archive + ALIGN_UP((size_t)(at - archive) + 110 + name_size, 4);
	e.data = at;
	at = archive + ALIGN_UP((size_t)(at - archive) + e.size, 4);
	return e;
}

static void round_trip(void)
{
	char directory[] = "/tmp/test_cpio.XXXXXX";
	struct cpio c;
	struct entry e;
	size_t size;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	CU_ASSERT_TRUE(file_write(xprintf("%s/in", directory), "12345", 5));
	cpio_open(&c, xprintf("%s/out", directory));
	cpio_directory(&c, "dev");
	cpio_device(&c, "dev/kvm", 10, 232);
	cpio_data(&c, "odd", "abc", 3);
	cpio_file(&c, "in", xprintf("%s/in", directory));
	CU_ASSERT_PTR_NULL(cpio_close(&c));
	archive = file_read(xprintf("%s/out", directory), &size);
	directory_remove(directory);
	at = archive;
	e = next();
	CU_ASSERT_STRING_EQUAL(e.name, "dev");
	CU_ASSERT_EQUAL(e.mode, S_IFDIR | 0755);
	e = next();
	CU_ASSERT_EQUAL(e.mode, S_IFCHR | 0600);
	CU_ASSERT_EQUAL(e.major, 10);
	CU_ASSERT_EQUAL(e.minor, 232);
	e = next();
	CU_ASSERT_EQUAL(e.size, 3);
	CU_ASSERT_EQUAL(memcmp(e.data, "abc\0", 4), 0); /* padded */
	e = next();
	CU_ASSERT_EQUAL(e.mode, S_IFREG | 0755);
	CU_ASSERT_EQUAL(e.size, 5);
	CU_ASSERT_EQUAL(memcmp(e.data, "12345", 5), 0);
	e = next();
	CU_ASSERT_STRING_EQUAL(e.name, "TRAILER!!!");
	CU_ASSERT_EQUAL((size_t)(at - archive), size);
}

static void missing(void)
{
	struct cpio c;

	cpio_open(&c, "/dev/null");
	cpio_file(&c, "a", "no-such-file");
	cpio_data(&c, "b", "", 0);
	CU_ASSERT_STRING_EQUAL(cpio_close(&c), "no-such-file: No such file or directory");
	cpio_open(&c, "no-such-directory/x");
	CU_ASSERT_STRING_EQUAL(cpio_close(&c), "no-such-directory/x: No such file or directory");
}

UNIT_MAIN("grader_cpio", {"read back", round_trip}, {"files that are not there", missing})
