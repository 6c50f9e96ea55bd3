/* SPDX-License-Identifier: MIT */
/* Source: Multiboot Specification version 0.6.96, 3.1 "OS image format" and 3.3 "Boot information format". */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#define MULTIBOOT_HEADER_MAGIC  0x1badb002
#define MULTIBOOT_BOOT_MAGIC    0x2badb002
#define MULTIBOOT_SEARCH        8192 /* the header lies in the first so many bytes, 4-byte aligned */

/* Header flags */
#define MULTIBOOT_PAGE_ALIGN    0x00000001 /* modules on page boundaries */
#define MULTIBOOT_MEMORY_INFO   0x00000002
#define MULTIBOOT_ADDRESSES     0x00010000 /* the address fields are valid: load a flat image */

/* Boot information flags */
#define MULTIBOOT_INFO_MEMORY   0x001
#define MULTIBOOT_INFO_CMDLINE  0x004
#define MULTIBOOT_INFO_MODULES  0x008
#define MULTIBOOT_INFO_MMAP     0x040
#define MULTIBOOT_INFO_LOADER   0x200

#define MULTIBOOT_MMAP_RAM      1
#define MULTIBOOT_MMAP_RESERVED 2

#ifndef __ASSEMBLER__
#include "lib/types.h"

struct multiboot_header {
	u32 magic, flags, checksum;
	u32 header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct multiboot_info {
	u32 flags;        /* 0 */
	u32 mem_lower;    /* 4: KiB below 1 MiB */
	u32 mem_upper;    /* 8: KiB from 1 MiB */
	u32 boot_device;  /* 12 */
	u32 cmdline;      /* 16 */
	u32 mods_count;   /* 20 */
	u32 mods_addr;    /* 24 */
	u32 syms[4];      /* 28 */
	u32 mmap_length;  /* 44: bytes */
	u32 mmap_addr;    /* 48 */
	u32 drives[2];    /* 52 */
	u32 config_table; /* 60 */
	u32 loader_name;  /* 64 */
	u32 apm_table;    /* 68 */
};
_Static_assert(sizeof(struct multiboot_info) == 72, "Multiboot information");

struct multiboot_module {
	u32 start, end; /* end is one past the last byte */
	u32 string;
	u32 reserved;
};

struct multiboot_mmap {
	u32 size; /* of the rest of the entry */
	u64 base, length;
	u32 type;
} __attribute__((packed));
_Static_assert(sizeof(struct multiboot_mmap) == 24, "memory map entry");
#endif

#endif
