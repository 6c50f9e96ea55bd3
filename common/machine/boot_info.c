// SPDX-License-Identifier: MIT
/*
 * What the boot loader left, copied to places of our own before anything is allocated, since the loader may
 * have put its tables and strings anywhere in free memory. Modules stay where they are; the page allocator
 * avoids them.
 *
 * Source: Multiboot Specification 0.6.96, 3.3 "Boot information format".
 */
#include "lib/panic.h"
#include "lib/string.h"
#include "machine/internal.h"

#define STRINGS_SIZE KIB(16)

const char *machine_cmdline = "";
struct machine_module machine_modules[MACHINE_MODULES_MAX];
unsigned machine_module_count;
struct boot_range boot_ranges[BOOT_RANGES_MAX];
unsigned boot_range_count;

static char strings[STRINGS_SIZE];
static u64 strings_used;

static const char *copy_string(u32 hpa)
{
	const char *from = hpa_to_hva(hpa);
	char *to = strings + strings_used;
	u64 size = strlen(from) + 1;

	if (size > STRINGS_SIZE - strings_used)
		panic("boot loader: more than %u bytes of command lines", (unsigned)STRINGS_SIZE);
	memcpy(to, from, size);
	strings_used += size;
	return to;
}

static void copy_modules(const struct multiboot_info *info)
{
	const struct multiboot_module *module = hpa_to_hva(info->mods_addr);

	if (info->mods_count > MACHINE_MODULES_MAX)
		panic("boot loader: %u modules, at most %u are possible", info->mods_count,
		      MACHINE_MODULES_MAX);
	for (u32 i = 0; i < info->mods_count; i++) {
		if (module[i].end < module[i].start)
			panic("boot loader: module %u ends before it starts", i);
		machine_modules[i] = (struct machine_module){
			.data = hpa_to_hva(module[i].start),
			.size = module[i].end - module[i].start,
			.string = module[i].string ? copy_string(module[i].string) : "",
		};
	}
	machine_module_count = info->mods_count;
}

static void copy_memory_map(const struct multiboot_info *info)
{
	hpa_t at = info->mmap_addr, end = at + info->mmap_length;

	while (at + sizeof(struct multiboot_mmap) <= end) {
		const struct multiboot_mmap *entry = hpa_to_hva(at);

		if (boot_range_count == BOOT_RANGES_MAX)
			panic("boot loader: more than %u entries in the memory map", BOOT_RANGES_MAX);
		if (entry->length && entry->base + entry->length > entry->base) {
			boot_ranges[boot_range_count++] = (struct boot_range){
				.start = entry->base,
				.end = entry->base + entry->length,
				.type = entry->type,
			};
		}
		at += sizeof(entry->size) + entry->size;
	}
}

void boot_info_init(u32 magic, hpa_t info_hpa)
{
	const struct multiboot_info *info = hpa_to_hva(info_hpa);

	if (magic != MULTIBOOT_BOOT_MAGIC)
		panic("not started by a Multiboot loader: EAX is 0x%x", magic);
	if (!(info->flags & MULTIBOOT_INFO_MMAP))
		panic("the boot loader gave no memory map");
	copy_memory_map(info);
	if (info->flags & MULTIBOOT_INFO_CMDLINE)
		machine_cmdline = copy_string(info->cmdline);
	if (info->flags & MULTIBOOT_INFO_MODULES)
		copy_modules(info);
}
