// SPDX-License-Identifier: MIT
/*
 * mklinux: makes a flat Multiboot kernel of a packed Linux.
 *
 *   mklinux OUT.bin VMLINUZ
 *   mklinux -e OUT.elf VMLINUZ      no more than unpacked: the ELF file with its sections
 *
 * VMLINUZ is a bzImage whose payload is an ELF file packed by LZ4, as Debian's kernels are. Its segments are
 * laid out by their physical addresses behind the page of linux.S, without the zeros at the end. Packing is
 * slow to undo for an emulated machine and quick here.
 *
 * Source: Linux, Documentation/x86/boot.rst ("payload_offset" and "payload_length"); those of linux.h. Left
 * out: other ways of packing.
 */
#include "grader/nested/linux.h"

#include "boot/multiboot.h"
#include "grader/nested/lz4.h"
#include "lib/types.h"
#include "vmm/elf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* boot.rst: where these fields are in the file. */
#define SETUP_SECTORS  0x1f1 /* 0 means 4 */
#define SETUP_DEFAULT  4
#define SETUP_MAGIC_AT 0x202
#define SETUP_MAGIC    "HdrS"
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define SETUP_END      0x250
#define SECTOR         512
#define SIZE_BYTES     4 /* of the unpacked size, at the end of the payload */

#define UNPACKED_MAX   MIB(256)

/* head.S */
extern const u8 linux_page_start[], linux_page_end[];

static const char *input;

static void NORETURN PRINTF(1, 2) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "mklinux: %s: ", input);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

static void *allocate(u64 size)
{
	void *p = calloc(1, size);

	if (!p)
		die("out of memory");
	return p;
}

static u8 *read_file(u64 *size)
{
	FILE *f = fopen(input, "rb");
	long end;
	u8 *data;

	if (!f || fseek(f, 0, SEEK_END) || (end = ftell(f)) < 0)
		die("%s", strerror(errno));
	rewind(f);
	data = allocate((u64)end + 1);
	if (fread(data, 1, (size_t)end, f) != (size_t)end)
		die("cannot be read");
	fclose(f);
	*size = (u64)end;
	return data;
}

static u32 read_u32(const u8 *p)
{
	u32 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* The kernel's ELF file. */
static u8 *unpack(const u8 *file, u64 size, u64 *elf_size)
{
	u64 at, length;
	u32 unpacked;
	u8 *elf;

	if (size < SETUP_END || memcmp(file + SETUP_MAGIC_AT, SETUP_MAGIC, strlen(SETUP_MAGIC)))
		die("is no Linux kernel (bzImage)");
	at = ((file[SETUP_SECTORS] ? file[SETUP_SECTORS] : SETUP_DEFAULT) + 1U) * SECTOR +
	     read_u32(file + PAYLOAD_OFFSET);
	length = read_u32(file + PAYLOAD_LENGTH);
	if (length < 2 * SIZE_BYTES || at > size || length > size - at)
		die("the packed kernel lies behind the end of the file");
	if (read_u32(file + at) != LZ4_LEGACY_MAGIC)
		die("the kernel is not packed by LZ4");
	unpacked = read_u32(file + at + length - SIZE_BYTES);
	if (unpacked > UNPACKED_MAX)
		die("would unpack to %u bytes", unpacked);
	elf = allocate(unpacked);
	if (!lz4_unpack(file + at, length - SIZE_BYTES, elf, unpacked, elf_size) || *elf_size != unpacked)
		die("the packed kernel is damaged");
	return elf;
}

/* Copies the segments to where they belong from LINUX_HPA on; the end of the last one in *bss_end. */
static u8 *lay_out(const struct elf_file *elf, u64 *size, u64 *bss_end)
{
	u8 *memory = allocate(UNPACKED_MAX);

	*size = *bss_end = 0;
	for (unsigned i = 0; i < elf->segments; i++) {
		struct elf_segment s;
		const char *error = elf_segment(elf, i, &s);
		u64 at = s.paddr - LINUX_HPA;

		if (error)
			die("in the packed kernel: %s", error);
		if (!s.load)
			continue;
		if (s.paddr < LINUX_HPA || at > UNPACKED_MAX || s.mem_size > UNPACKED_MAX - at)
			die("a segment of the kernel is at 0x%lx", s.paddr);
		memcpy(memory + at, elf->data + s.offset, s.file_size);
		*size = MAX(*size, at + s.file_size);
		*bss_end = MAX(*bss_end, at + s.mem_size);
	}
	while (*size && !memory[*size - 1])
		--*size;
	return memory;
}

static void write_elf(const char *path, const u8 *elf, u64 size)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(elf, 1, size, f) != size || fclose(f)) {
		input = path;
		die("%s", strerror(errno));
	}
}

static void write_image(const char *path, const u8 *memory, u64 size, u32 bss_end, u32 entry)
{
	u8 head[LINUX_HEAD_BYTES];
	FILE *f = fopen(path, "wb");

	if (linux_page_end - linux_page_start != LINUX_HEAD_BYTES)
		die("the page in front of it has not one page");
	memcpy(head, linux_page_start, sizeof(head));
	memcpy(head + LINUX_AT_BSS_END, &bss_end, sizeof(bss_end));
	memcpy(head + LINUX_AT_ENTRY, &entry, sizeof(entry));
	if (!f || fwrite(head, 1, sizeof(head), f) != sizeof(head) || fwrite(memory, 1, size, f) != size ||
	    fclose(f)) {
		input = path;
		die("%s", strerror(errno));
	}
}

int main(int argc, char **argv)
{
	struct elf_file elf;
	u64 file_size, elf_size, size, bss_end;
	const char *error;
	u8 *file, *memory;
	u64 entry = 0;

	if (argc != 3 && (argc != 4 || strcmp(argv[1], "-e"))) {
		fprintf(stderr, "usage: mklinux OUT.bin VMLINUZ\n       mklinux -e OUT.elf VMLINUZ\n");
		return 1;
	}
	input = argv[argc - 1];
	file = read_file(&file_size);
	file = unpack(file, file_size, &elf_size);
	if (argc == 4) {
		write_elf(argv[2], file, elf_size);
		return 0;
	}
	error = elf_open(&elf, file, elf_size);
	if (error)
		die("in the packed kernel: %s", error);
	if (!elf_note(&elf, PVH_NOTE_OWNER, PVH_NOTE_TYPE, &entry, sizeof(entry)))
		die("the kernel has no PVH entry (CONFIG_PVH)");
	memory = lay_out(&elf, &size, &bss_end);
	write_image(argv[1], memory, size, (u32)(LINUX_HPA + bss_end), (u32)entry);
	return 0;
}
