// SPDX-License-Identifier: MIT
/*
 * mkdisk: writes a raw disk image that boots a flat Multiboot kernel with its modules.
 *
 *   mkdisk OUT.img KERNEL.bin "kernel arguments" [MODULE "module string"]...
 *
 * The kernel's command line is its file name, without directories, and the arguments: as other Multiboot
 * loaders do it. The layout is decided in layout.c; here are the files. An image is written under another
 * name and renamed when complete.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/host/layout.h"

/* loader.S */
extern const u8 loader_start[], loader_end[];

static void NORETURN PRINTF(1, 2) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "mkdisk: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

static struct disk_file read_file(const char *path)
{
	struct disk_file file = {0};
	FILE *f = fopen(path, "rb");
	long size;
	u8 *data;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0)
		die("%s: %s", path, strerror(errno));
	rewind(f);
	data = malloc((size_t)size + 1);
	if (!data)
		die("%s: out of memory", path);
	if (fread(data, 1, (size_t)size, f) != (size_t)size)
		die("%s: cannot be read", path);
	fclose(f);
	file.data = data;
	file.size = (u64)size;
	return file;
}

static void write_at(FILE *f, const char *path, u64 lba, const void *data, u64 size)
{
	if (fseek(f, (long)(lba * DISK_SECTOR), SEEK_SET) || fwrite(data, 1, size, f) != size)
		die("%s: %s", path, strerror(errno));
}

static void write_image(const char *path, const struct disk_layout *layout)
{
	static const u8 last;
	char name[4096];
	FILE *f;

	if ((size_t)snprintf(name, sizeof(name), "%s.part", path) >= sizeof(name))
		die("%s: the name is too long", path);
	f = fopen(name, "wb");
	if (!f)
		die("%s: %s", name, strerror(errno));
	write_at(f, name, 0, loader_start, (u64)(loader_end - loader_start));
	write_at(f, name, DISK_INFO_LBA, layout->info, DISK_INFO_BYTES);
	for (u32 i = 0; i < layout->info->count; i++)
		write_at(f, name, layout->info->piece[i].lba, layout->piece[i].data, layout->piece[i].size);
	if (fseek(f, (long)(layout->sectors * DISK_SECTOR) - 1, SEEK_SET) || fwrite(&last, 1, 1, f) != 1)
		die("%s: %s", name, strerror(errno));
	if (fclose(f) || rename(name, path))
		die("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	struct disk_module modules[DISK_MODULES_MAX];
	struct disk_layout layout;
	struct disk_file kernel;
	char cmdline[DISK_INFO_BYTES];
	const char *slash, *error;
	unsigned count = argc > 4 ? (unsigned)(argc - 4) / 2 : 0;

	if (argc < 4 || argc % 2)
		die("usage: mkdisk OUT.img KERNEL.bin \"arguments\" [MODULE \"module string\"]...");
	if (count > DISK_MODULES_MAX)
		die("at most %d modules", DISK_MODULES_MAX);
	kernel = read_file(argv[2]);
	for (unsigned i = 0; i < count; i++) {
		modules[i].file = read_file(argv[4 + 2 * i]);
		modules[i].string = argv[5 + 2 * i];
	}
	slash = strrchr(argv[2], '/');
	if ((size_t)snprintf(cmdline, sizeof(cmdline), "%s %s", slash ? slash + 1 : argv[2], argv[3]) >=
	    sizeof(cmdline))
		die("the command line is too long");
	error = disk_lay_out(&layout, &kernel, cmdline, modules, count);
	if (error)
		die("%s: %s", argv[2], error);
	write_image(argv[1], &layout);
	return 0;
}
