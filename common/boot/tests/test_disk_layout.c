// SPDX-License-Identifier: MIT
/* boot/host/layout.c: where kernel and modules of a boot disk go, and which kernels are refused. */
#include <stdlib.h>
#include <string.h>

#include "boot/host/layout.c"

#include "lib/tests/unit.h"

#define KERNEL_BYTES 5000
#define HEADER_AT    16
#define LOAD_HPA     0x100000
#define BSS_END      0x103010
#define ENTRY_HPA    0x100040

static u8 image[KERNEL_BYTES];
static struct multiboot_header header;

/* A kernel with the header as it stands in `header`; its checksum is made right. */
static struct disk_file kernel(void)
{
	for (unsigned i = 0; i < KERNEL_BYTES; i++)
		image[i] = (u8)(i * 31 + 7);
	header.checksum = -(header.magic + header.flags);
	memcpy(image + HEADER_AT, &header, sizeof(header));
	return (struct disk_file){image, KERNEL_BYTES};
}

static void good_header(void)
{
	header = (struct multiboot_header){
		.magic = MULTIBOOT_HEADER_MAGIC,
		.flags = MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_ADDRESSES,
		.header_addr = LOAD_HPA + HEADER_AT,
		.load_addr = LOAD_HPA,
		.load_end_addr = LOAD_HPA + KERNEL_BYTES,
		.bss_end_addr = BSS_END,
		.entry_addr = ENTRY_HPA,
	};
}

static const char *string_at(const struct disk_layout *l, u32 hpa)
{
	CU_ASSERT_FATAL(hpa >= DISK_INFO_HPA && hpa < DISK_INFO_HPA + DISK_INFO_BYTES);
	return (const char *)l->info + (hpa - DISK_INFO_HPA);
}

static void test_kernel(void)
{
	struct disk_layout l;
	struct disk_file k;

	good_header();
	k = kernel();
	CU_ASSERT_PTR_NULL_FATAL(disk_lay_out(&l, &k, "hv.bin a=1", NULL, 0));
	CU_ASSERT_EQUAL(l.info->magic, DISK_INFO_MAGIC);
	CU_ASSERT_EQUAL(l.info->entry, ENTRY_HPA);
	CU_ASSERT_EQUAL(l.info->count, 1);
	CU_ASSERT_EQUAL(l.info->piece[0].lba, DISK_INFO_LBA + DISK_INFO_SECTORS);
	CU_ASSERT_EQUAL(l.info->piece[0].sectors, 10);
	CU_ASSERT_EQUAL(l.info->piece[0].hpa, LOAD_HPA);
	CU_ASSERT_EQUAL(l.info->piece[0].zero_end, BSS_END);
	CU_ASSERT_PTR_EQUAL(l.piece[0].data, image);
	CU_ASSERT_EQUAL(l.piece[0].size, KERNEL_BYTES);
	CU_ASSERT(l.info->top >= BSS_END && l.info->top < BSS_END + DISK_SECTOR);
	CU_ASSERT_EQUAL(l.sectors % CYLINDER_SECTORS, 0);
	CU_ASSERT_STRING_EQUAL(string_at(&l, l.info->multiboot.cmdline), "hv.bin a=1");
	CU_ASSERT(l.info->multiboot.flags & MULTIBOOT_INFO_CMDLINE);
	CU_ASSERT_EQUAL(l.info->multiboot.mods_count, 0);
	free(l.info);
}

/* Bytes in front of what is loaded, and a load that ends before the file does. */
static void test_part_of_file(void)
{
	struct disk_layout l;
	struct disk_file k;

	good_header();
	header.load_addr = header.header_addr;
	header.load_end_addr = header.load_addr + 1000;
	k = kernel();
	CU_ASSERT_PTR_NULL_FATAL(disk_lay_out(&l, &k, "", NULL, 0));
	CU_ASSERT_PTR_EQUAL(l.piece[0].data, image + HEADER_AT);
	CU_ASSERT_EQUAL(l.piece[0].size, 1000);
	free(l.info);
}

/* Zeros in these fields: the whole file, and no .bss. */
static void test_default_ends(void)
{
	struct disk_layout l;
	struct disk_file k;

	good_header();
	header.load_end_addr = 0;
	header.bss_end_addr = 0;
	k = kernel();
	CU_ASSERT_PTR_NULL_FATAL(disk_lay_out(&l, &k, "", NULL, 0));
	CU_ASSERT_EQUAL(l.piece[0].size, KERNEL_BYTES);
	CU_ASSERT_EQUAL(l.info->piece[0].zero_end, 0);
	free(l.info);
}

static void test_modules(void)
{
	static const u8 data[5000];
	const struct disk_module modules[] = {
		{{data, 4097}, "guest.elf seed=1"}, {{data, 0}, ""}, {{data, 512}, "last"}};
	struct disk_layout l;
	struct disk_file k;
	u64 free_from = BSS_END;

	good_header();
	k = kernel();
	CU_ASSERT_PTR_NULL_FATAL(disk_lay_out(&l, &k, "", modules, ARRAY_SIZE(modules)));
	CU_ASSERT_EQUAL(l.info->multiboot.mods_count, 3);
	CU_ASSERT_EQUAL(l.info->multiboot.mods_addr, DISK_INFO_HPA + offsetof(struct disk_info, module));
	for (unsigned i = 0; i < ARRAY_SIZE(modules); i++) {
		const struct multiboot_module *m = &l.info->module[i];
		const struct disk_piece *p = &l.info->piece[i + 1];

		CU_ASSERT_EQUAL(m->start % 4096, 0);
		CU_ASSERT(m->start >= free_from);
		CU_ASSERT_EQUAL(m->end - m->start, modules[i].file.size);
		CU_ASSERT_STRING_EQUAL(string_at(&l, m->string), modules[i].string);
		CU_ASSERT_EQUAL(p->hpa, m->start);
		CU_ASSERT_EQUAL(p->zero_end, 0);
		CU_ASSERT_EQUAL(p->lba, p[-1].lba + p[-1].sectors);
		CU_ASSERT_EQUAL(l.piece[i + 1].size, modules[i].file.size);
		free_from = m->end;
	}
	CU_ASSERT_EQUAL(l.info->piece[1].sectors, 9);
	CU_ASSERT_EQUAL(l.info->piece[2].sectors, 0);
	CU_ASSERT(l.sectors >= l.info->piece[3].lba + l.info->piece[3].sectors);
	CU_ASSERT(l.info->top >= free_from);
	free(l.info);
}

static bool refused(void)
{
	struct disk_file k = kernel();
	struct disk_layout l;
	const char *error = disk_lay_out(&l, &k, "", NULL, 0);

	if (!error)
		free(l.info);
	good_header();
	return error != NULL;
}

static void test_refused_headers(void)
{
	good_header();
	CU_ASSERT_FALSE(refused());
	header.magic++;
	CU_ASSERT(refused());
	header.flags &= ~(u32)MULTIBOOT_ADDRESSES;
	CU_ASSERT(refused());
	header.flags |= 4; /* a video mode */
	CU_ASSERT(refused());
	header.load_addr = header.header_addr + 4;
	CU_ASSERT(refused());
	header.load_addr -= 4096; /* more in front of the header than there is */
	CU_ASSERT(refused());
	header.load_end_addr++;
	CU_ASSERT(refused());
	header.load_end_addr = LOAD_HPA - 1;
	CU_ASSERT(refused());
	header.bss_end_addr = LOAD_HPA + KERNEL_BYTES - 1;
	CU_ASSERT(refused());
	header.entry_addr = LOAD_HPA - 1;
	CU_ASSERT(refused());
	header.entry_addr = LOAD_HPA + KERNEL_BYTES;
	CU_ASSERT(refused());
	header.bss_end_addr = 0xfffff000;
	CU_ASSERT(refused());
	header = (struct multiboot_header){.magic = header.magic,
					   .flags = header.flags,
					   .header_addr = 0x8000 + HEADER_AT,
					   .load_addr = 0x8000,
					   .entry_addr = 0x8040};
	CU_ASSERT(refused());
}

static void test_wrong_checksum(void)
{
	struct disk_layout l;
	struct disk_file k;

	good_header();
	k = kernel();
	image[HEADER_AT + offsetof(struct multiboot_header, checksum)]++;
	CU_ASSERT_PTR_NOT_NULL(disk_lay_out(&l, &k, "", NULL, 0));
	CU_ASSERT_PTR_NULL(l.info);
}

static void test_small_files(void)
{
	struct disk_layout l;
	struct disk_file k;

	good_header();
	k = kernel();
	for (k.size = 0; k.size < HEADER_AT + sizeof(header); k.size++)
		CU_ASSERT_PTR_NOT_NULL(disk_lay_out(&l, &k, "", NULL, 0));
}

static void test_refused_strings_and_modules(void)
{
	static struct disk_module many[DISK_MODULES_MAX + 1];
	static char longest[DISK_INFO_BYTES + 1];
	struct disk_layout l;
	struct disk_file k;

	good_header();
	k = kernel();
	memset(longest, 'x', DISK_INFO_BYTES);
	CU_ASSERT_PTR_NOT_NULL(disk_lay_out(&l, &k, longest, NULL, 0));
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct disk_module){{image, 1}, "m"};
	CU_ASSERT_PTR_NOT_NULL(disk_lay_out(&l, &k, "", many, ARRAY_SIZE(many)));
	CU_ASSERT_PTR_NULL_FATAL(disk_lay_out(&l, &k, "", many, DISK_MODULES_MAX));
	free(l.info);
	many[3].string = longest;
	CU_ASSERT_PTR_NOT_NULL(disk_lay_out(&l, &k, "", many, DISK_MODULES_MAX));
	many[3] = (struct disk_module){{image, GIB(4)}, "m"};
	CU_ASSERT_PTR_NOT_NULL(disk_lay_out(&l, &k, "", many, DISK_MODULES_MAX));
}

UNIT_MAIN("boot-disk-layout", {"kernel", test_kernel}, {"part_of_file", test_part_of_file},
	  {"default_ends", test_default_ends}, {"modules", test_modules},
	  {"refused_headers", test_refused_headers}, {"wrong_checksum", test_wrong_checksum},
	  {"small_files", test_small_files},
	  {"refused_strings_and_modules", test_refused_strings_and_modules})
