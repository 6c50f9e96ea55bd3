// SPDX-License-Identifier: MIT
/*
 * Puts a flat Multiboot kernel and its modules into the memory of a machine, as our boot disk does: the
 * layout is that of boot/host/layout.c, and what is left to boot/disk.S there is done here: the copying, and
 * the memory map.
 *
 * Source: Multiboot Specification 0.6.96, 3.2 "Machine state", 3.3 "Boot information format".
 */
#include "grader/nested/vm.h"

#include "boot/host/layout.h"
#include "boot/multiboot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOW_RAM_END 0x9f000 /* what stands above it belongs to firmware */
#define HIGH_RAM    MIB(1)
#define PATH_MAX_   512

static char message[PATH_MAX_ + 64];

static const char *read_file(const char *directory, const char *name, struct disk_file *file)
{
	char path[PATH_MAX_];
	FILE *f = NULL;
	long size = -1;
	u8 *data = NULL;

	if ((u64)snprintf(path, sizeof(path), "%s/%s", directory, name) < sizeof(path))
		f = fopen(path, "rb");
	if (f && !fseek(f, 0, SEEK_END))
		size = ftell(f);
	if (size >= 0)
		data = malloc((size_t)size + 1);
	if (!data || fseek(f, 0, SEEK_SET) || fread(data, 1, (size_t)size, f) != (size_t)size) {
		snprintf(message, sizeof(message), "%s cannot be read: %s", path, strerror(errno));
		return message;
	}
	fclose(f);
	*file = (struct disk_file){data, (u64)size};
	return NULL;
}

static void add_range(u8 *ram, struct multiboot_info *info, u64 start, u64 end, u32 type)
{
	struct multiboot_mmap entry = {sizeof(entry) - sizeof(entry.size), start, end - start, type};

	memcpy(ram + DISK_MMAP_HPA + info->mmap_length, &entry, sizeof(entry));
	info->mmap_length += sizeof(entry);
}

static void add_memory_map(u8 *ram, u64 memory, struct multiboot_info *info)
{
	info->mem_lower = LOW_RAM_END / KIB(1);
	info->mem_upper = (u32)((memory - HIGH_RAM) / KIB(1));
	info->mmap_length = 0;
	add_range(ram, info, 0, LOW_RAM_END, MULTIBOOT_MMAP_RAM);
	add_range(ram, info, LOW_RAM_END, HIGH_RAM, MULTIBOOT_MMAP_RESERVED);
	add_range(ram, info, HIGH_RAM, memory, MULTIBOOT_MMAP_RAM);
}

/* RAM is zero as it comes, so what is zero in an image needs no work. */
static const char *copy(const struct disk_layout *l, u8 *ram, u64 memory)
{
	if (l->info->top > memory)
		return "the machine has not enough memory for kernel and modules";
	for (u32 i = 0; i < l->info->count; i++)
		memcpy(ram + l->info->piece[i].hpa, l->piece[i].data, l->piece[i].size);
	add_memory_map(ram, memory, &l->info->multiboot);
	memcpy(ram + DISK_INFO_HPA, l->info, DISK_INFO_BYTES);
	return NULL;
}

const char *vm_load(const struct vm_config *c, const char *directory, u8 *ram, struct vm_entry *entry)
{
	struct disk_module modules[DISK_MODULES_MAX];
	struct disk_layout layout;
	struct disk_file kernel;
	char cmdline[DISK_INFO_BYTES];
	const char *error = read_file(directory, c->kernel, &kernel);

	for (unsigned i = 0; i < c->module_count && !error; i++) {
		error = read_file(directory, c->modules[i].file, &modules[i].file);
		modules[i].string = c->modules[i].string;
	}
	/* The kernel's command line begins with its name. */
	if (!error &&
	    (u64)snprintf(cmdline, sizeof(cmdline), "%s %s", c->kernel, c->cmdline) >= sizeof(cmdline))
		error = "the command line is too long";
	if (!error)
		error = disk_lay_out(&layout, &kernel, cmdline, modules, c->module_count);
	if (!error)
		error = copy(&layout, ram, c->memory);
	if (!error)
		*entry = (struct vm_entry){layout.info->entry, MULTIBOOT_BOOT_MAGIC,
					   DISK_INFO_HPA + DISK_INFO_AT_MULTIBOOT};
	return error;
}
