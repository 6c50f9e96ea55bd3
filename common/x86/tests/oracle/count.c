// SPDX-License-Identifier: MIT
/*
 * Decodes the code of an ELF file from its first byte to its last, and prints how many instructions that
 * were: to count by valgrind what a decode costs (`make -C common/x86/tests/oracle count`).
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "x86/decode.h"

static u8 *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	long size;
	u8 *data;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < (long)sizeof(Elf64_Ehdr)) {
		fprintf(stderr, "%s: %s\n", path, f ? "is no ELF file" : strerror(errno));
		exit(1);
	}
	rewind(f);
	data = malloc((size_t)size);
	if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	fclose(f);
	return data;
}

int main(int argc, char **argv)
{
	const Elf64_Ehdr *ehdr;
	const Elf64_Shdr *shdr;
	unsigned long count = 0;
	u8 *file;

	if (argc != 2) {
		fprintf(stderr, "usage: count ELF\n");
		return 1;
	}
	file = read_file(argv[1]);
	ehdr = (const Elf64_Ehdr *)file;
	shdr = (const Elf64_Shdr *)(file + ehdr->e_shoff);
	for (unsigned n = 0; n < ehdr->e_shnum; n++) {
		const u8 *code = file + shdr[n].sh_offset;

		if (!(shdr[n].sh_flags & SHF_EXECINSTR))
			continue;
		for (u64 at = 0; at < shdr[n].sh_size; count++) {
			struct insn i;

			at += insn_decode(&i, code + at, shdr[n].sh_size - at, DECODE_64) == DECODE_OK
				      ? i.length
				      : 1;
		}
	}
	printf("%lu\n", count);
	return 0;
}
