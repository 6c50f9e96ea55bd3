/* SPDX-License-Identifier: MIT */
/*
 * The boot disk: what host/mkdisk.c writes and disk.S reads. Sectors of 512 bytes, in this order:
 *
 *   0 ..                 disk.S, DISK_BOOT_SECTORS of it
 *   DISK_INFO_LBA ..     struct disk_info, DISK_INFO_SECTORS of it
 *   behind it            the kernel and the modules, each from a sector boundary, padded with zeros
 */
#ifndef BOOT_DISK_H
#define BOOT_DISK_H

#define DISK_SECTOR              512
#define DISK_BOOT_SECTORS        4
#define DISK_INFO_LBA            DISK_BOOT_SECTORS
#define DISK_INFO_SECTORS        64
#define DISK_INFO_BYTES          (DISK_INFO_SECTORS * DISK_SECTOR)
#define DISK_MODULES_MAX         16
#define DISK_PIECES_MAX          (DISK_MODULES_MAX + 1)

/* Low memory while booting. The real-mode stack ends at DISK_BOOT_HPA; the memory map and the information
 * stay for the kernel. */
#define DISK_BOOT_HPA            0x07c00
#define DISK_MMAP_HPA            0x0a000
#define DISK_MMAP_BYTES          0x02000
#define DISK_INFO_HPA            0x10000
#define DISK_BUFFER_HPA          0x20000
/* Sectors of one read: the most that a BIOS takes, and that fits into 64 KiB. */
#define DISK_READ_MAX            127

#define DISK_INFO_MAGIC          0x4b534944 /* "DISK" */

/* Byte offsets for disk.S; asserted below. */
#define DISK_INFO_AT_MAGIC       0
#define DISK_INFO_AT_ENTRY       4
#define DISK_INFO_AT_TOP         8
#define DISK_INFO_AT_COUNT       12
#define DISK_INFO_AT_MULTIBOOT   16
#define DISK_INFO_AT_PIECES      88
#define DISK_PIECE_BYTES         16
#define DISK_PIECE_AT_LBA        0
#define DISK_PIECE_AT_SECTORS    4
#define DISK_PIECE_AT_HPA        8
#define DISK_PIECE_AT_ZERO_END   12
#define MULTIBOOT_AT_MEM_LOWER   4
#define MULTIBOOT_AT_MEM_UPPER   8
#define MULTIBOOT_AT_MMAP_LENGTH 44

#ifndef __ASSEMBLER__
#include "boot/multiboot.h"
#include "lib/types.h"

/* One piece of memory: sectors from the disk, then zeros up to zero_end (0: none). */
struct disk_piece {
	u32 lba, sectors;
	u32 hpa, zero_end;
};
_Static_assert(sizeof(struct disk_piece) == DISK_PIECE_BYTES &&
		       offsetof(struct disk_piece, lba) == DISK_PIECE_AT_LBA &&
		       offsetof(struct disk_piece, sectors) == DISK_PIECE_AT_SECTORS &&
		       offsetof(struct disk_piece, hpa) == DISK_PIECE_AT_HPA &&
		       offsetof(struct disk_piece, zero_end) == DISK_PIECE_AT_ZERO_END,
	       "read by disk.S");

/* Loaded at DISK_INFO_HPA, to which all hpas in it refer. Only the memory fields of `multiboot` are left for
 * disk.S. */
struct disk_info {
	u32 magic;
	u32 entry;
	u32 top;   /* one past the highest byte that is used */
	u32 count; /* of pieces, in the order in which to load them */
	struct multiboot_info multiboot;
	struct disk_piece piece[DISK_PIECES_MAX];
	struct multiboot_module module[DISK_MODULES_MAX];
	char strings[];
};
_Static_assert(offsetof(struct disk_info, magic) == DISK_INFO_AT_MAGIC &&
		       offsetof(struct disk_info, entry) == DISK_INFO_AT_ENTRY &&
		       offsetof(struct disk_info, top) == DISK_INFO_AT_TOP &&
		       offsetof(struct disk_info, count) == DISK_INFO_AT_COUNT &&
		       offsetof(struct disk_info, multiboot) == DISK_INFO_AT_MULTIBOOT &&
		       offsetof(struct disk_info, piece) == DISK_INFO_AT_PIECES,
	       "read by disk.S");
_Static_assert(offsetof(struct multiboot_info, mem_lower) == MULTIBOOT_AT_MEM_LOWER &&
		       offsetof(struct multiboot_info, mem_upper) == MULTIBOOT_AT_MEM_UPPER &&
		       offsetof(struct multiboot_info, mmap_length) == MULTIBOOT_AT_MMAP_LENGTH,
	       "written by disk.S");
#endif

#endif
