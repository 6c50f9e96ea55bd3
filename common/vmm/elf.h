/* SPDX-License-Identifier: MIT */
/*
 * Reads ELF files of x86 (32 and 64 bit) that nobody vouches for: every offset and size is checked against
 * the file before it is used, nothing in the file needs to be aligned. Source: System V Application Binary
 * Interface, "Object Files".
 */
#ifndef VMM_ELF_H
#define VMM_ELF_H

#include "lib/types.h"

struct elf_file {
	const u8 *data;
	u64 size;
	bool is64;
	u64 entry;
	u64 segments_at, sections_at; /* offsets of the tables, which lie in the file whole */
	unsigned segments, sections;  /* entries */
};

struct elf_segment {
	bool load, note; /* the type, as far as it matters here */
	u64 offset;      /* the bytes in the file ... */
	u64 file_size;
	u64 vaddr;
	gpa_t paddr; /* ... go here, zeroes follow up to mem_size */
	u64 mem_size;
};

struct elf_symbols {
	const void *symtab;
	u64 count;
	const char *strings; /* ends with a zero */
	u64 strings_size;
};

bool elf_is(const void *data, u64 size);

/* NULL, or a sentence that says what is wrong with the file. */
const char *elf_open(struct elf_file *e, const void *data, u64 size);
const char *elf_segment(const struct elf_file *e, unsigned index, struct elf_segment *s);

/* Copies the description of a note, if it is there and has exactly `size` bytes. */
bool elf_note(const struct elf_file *e, const char *owner, u32 type, void *description, u64 size);

/* The symbol table of a 64-bit file. False: it has none that is in order. */
bool elf_symbols(const struct elf_file *e, struct elf_symbols *s);
/* The function that holds `address`: its name and the distance from its start; NULL when none does. */
const char *elf_symbol_find(const struct elf_symbols *s, u64 address, u64 *offset);

#endif
