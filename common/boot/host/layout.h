/* SPDX-License-Identifier: MIT */
/* Where the pieces of a boot disk go, on the disk and in memory. */
#ifndef BOOT_HOST_LAYOUT_H
#define BOOT_HOST_LAYOUT_H

#include "boot/disk.h"
#include "lib/types.h"

struct disk_file {
	const u8 *data;
	u64 size;
};

struct disk_module {
	struct disk_file file;
	const char *string;
};

struct disk_layout {
	struct disk_info *info;                  /* DISK_INFO_BYTES, from malloc */
	struct disk_file piece[DISK_PIECES_MAX]; /* what the piece of the same index holds */
	u64 sectors;                             /* of the whole disk */
};

/* NULL, or a sentence that says why the kernel cannot be booted with these modules. */
const char *disk_lay_out(struct disk_layout *l, const struct disk_file *kernel, const char *cmdline,
			 const struct disk_module *modules, unsigned module_count) MUST_USE;

#endif
