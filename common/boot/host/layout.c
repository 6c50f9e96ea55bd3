// SPDX-License-Identifier: MIT
/*
 * The layout of a boot disk: reads the Multiboot header of a flat kernel, gives every module its place above
 * the kernel's .bss, and builds the information that the kernel will find, but for the memory map, which only
 * the machine knows.
 *
 * Source: Multiboot Specification 0.6.96, 3.1.3 "The address fields of Multiboot header", 3.3 "Boot
 * information format". Left out: ELF kernels (make them flat), kernels below 1 MiB, a video mode.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/host/layout.h"

#define HEADER_ALIGN     4
#define MODULE_ALIGN     4096
#define LOW_MEMORY       MIB(1)
/* Kernel and modules end below this: far below where the devices of a PC begin, and within what BIOS and
 * loader can address. */
#define TOP_MAX          MIB(2048)
/* A disk of whole cylinders of the usual geometry, whose size an emulator can find out by itself. */
#define CYLINDER_SECTORS (16 * 63)

/* Header flags 0..15 are demands; of these only the two that cost nothing are met. */
#define DEMANDS_MASK     0x0000ffff
#define DEMANDS_MET      (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO)

static bool find_header(const struct disk_file *kernel, struct multiboot_header *h, u64 *at)
{
	u64 end = MIN(kernel->size, MULTIBOOT_SEARCH);

	for (*at = 0; *at + sizeof(*h) <= end; *at += HEADER_ALIGN) {
		memcpy(h, kernel->data + *at, sizeof(*h));
		if (h->magic == MULTIBOOT_HEADER_MAGIC && h->magic + h->flags + h->checksum == 0)
			return true;
	}
	return false;
}

/* The kernel: which bytes of the file, where to, how much .bss. */
static const char *place_kernel(struct disk_layout *l, const struct disk_file *kernel, u64 *top)
{
	struct multiboot_header h;
	u64 header_at, skipped, size, end;

	if (!find_header(kernel, &h, &header_at))
		return "no Multiboot header in the first 8 KiB";
	if (!(h.flags & MULTIBOOT_ADDRESSES))
		return "the Multiboot header has no address fields: not a flat kernel";
	if (h.flags & DEMANDS_MASK & ~DEMANDS_MET)
		return "the Multiboot header demands what this loader does not offer";
	if (h.load_addr > h.header_addr || h.header_addr - h.load_addr > header_at)
		return "load_addr and header_addr do not fit the place of the header in the file";
	if (h.load_addr < LOW_MEMORY)
		return "load_addr is below 1 MiB";
	skipped = header_at - (h.header_addr - h.load_addr);
	size = kernel->size - skipped;
	if (h.load_end_addr) {
		if (h.load_end_addr < h.load_addr || h.load_end_addr - h.load_addr > size)
			return "load_end_addr is beyond the end of the file";
		size = h.load_end_addr - h.load_addr;
	}
	end = h.load_addr + size;
	if (h.bss_end_addr && h.bss_end_addr < end)
		return "bss_end_addr is below the end of what is loaded";
	if (h.entry_addr < h.load_addr || h.entry_addr >= end)
		return "entry_addr is not in what is loaded";
	*top = MAX(end, h.bss_end_addr);
	l->info->entry = h.entry_addr;
	l->info->piece[0].hpa = h.load_addr;
	l->info->piece[0].zero_end = h.bss_end_addr;
	l->piece[0] = (struct disk_file){kernel->data + skipped, size};
	return NULL;
}

/* The hpa of a copy of `s` among the strings of the information, or 0. */
static u32 put_string(struct disk_info *info, u64 *used, const char *s)
{
	u64 at = offsetof(struct disk_info, strings) + *used, size = strlen(s) + 1;

	if (size > DISK_INFO_BYTES - at)
		return 0;
	memcpy((u8 *)info + at, s, size);
	*used += size;
	return (u32)(DISK_INFO_HPA + at);
}

static const char *place_modules(struct disk_layout *l, const struct disk_module *modules, unsigned count,
				 u64 *strings_used, u64 *top)
{
	for (unsigned i = 0; i < count; i++) {
		u64 start = ALIGN_UP(*top, MODULE_ALIGN), end = start + modules[i].file.size;
		struct multiboot_module *m = &l->info->module[i];

		if (end > TOP_MAX)
			return "kernel and modules are too large";
		m->start = (u32)start;
		m->end = (u32)end;
		m->string = put_string(l->info, strings_used, modules[i].string);
		if (!m->string)
			return "the command lines are too long";
		l->info->piece[i + 1].hpa = (u32)start;
		l->piece[i + 1] = modules[i].file;
		*top = end;
	}
	return NULL;
}

/* Sectors in the order of the pieces. */
static void place_on_disk(struct disk_layout *l)
{
	u64 lba = DISK_INFO_LBA + DISK_INFO_SECTORS;

	for (u32 i = 0; i < l->info->count; i++) {
		struct disk_piece *p = &l->info->piece[i];

		p->lba = (u32)lba;
		p->sectors = (u32)(ALIGN_UP(l->piece[i].size, DISK_SECTOR) / DISK_SECTOR);
		lba += p->sectors;
	}
	l->sectors = (lba + CYLINDER_SECTORS - 1) / CYLINDER_SECTORS * CYLINDER_SECTORS;
}

static const char *fill_info(struct disk_layout *l, const struct disk_file *kernel, const char *cmdline,
			     const struct disk_module *modules, unsigned module_count)
{
	struct disk_info *info = l->info;
	struct multiboot_info *mb = &info->multiboot;
	u64 strings_used = 0, top = 0;
	const char *error = place_kernel(l, kernel, &top);

	if (!error && top > TOP_MAX)
		error = "kernel and modules are too large";
	if (error)
		return error;
	mb->cmdline = put_string(info, &strings_used, cmdline);
	mb->loader_name = put_string(info, &strings_used, "mkdisk");
	if (!mb->cmdline || !mb->loader_name)
		return "the command lines are too long";
	error = place_modules(l, modules, module_count, &strings_used, &top);
	if (error)
		return error;
	info->magic = DISK_INFO_MAGIC;
	info->count = module_count + 1;
	info->top = (u32)ALIGN_UP(top, DISK_SECTOR);
	mb->flags = MULTIBOOT_INFO_MEMORY | MULTIBOOT_INFO_CMDLINE | MULTIBOOT_INFO_MODULES |
		    MULTIBOOT_INFO_MMAP | MULTIBOOT_INFO_LOADER;
	mb->mods_count = module_count;
	mb->mods_addr = DISK_INFO_HPA + offsetof(struct disk_info, module);
	mb->mmap_addr = DISK_MMAP_HPA;
	place_on_disk(l);
	return NULL;
}

const char *disk_lay_out(struct disk_layout *l, const struct disk_file *kernel, const char *cmdline,
			 const struct disk_module *modules, unsigned module_count)
{
	const char *error;

	memset(l, 0, sizeof(*l));
	if (module_count > DISK_MODULES_MAX)
		return "too many modules";
	l->info = calloc(1, DISK_INFO_BYTES);
	if (!l->info)
		return "out of memory";
	error = fill_info(l, kernel, cmdline, modules, module_count);
	if (error) {
		free(l->info);
		l->info = NULL;
	}
	return error;
}
