// SPDX-License-Identifier: MIT
/*
 * ELF files, as far as a boot loader needs them: segments, one note, the function symbols. A guest's file is
 * not to be trusted, so each structure is copied out of it after a check that it lies in the file, and 32-bit
 * and 64-bit forms become one neutral form.
 *
 * Source: System V Application Binary Interface, "Object Files"; its supplements for i386 and x86-64. Left
 * out: relocation, dynamic linking, extended numbering (more than 65279 sections), symbols of 32-bit files.
 */
#include "lib/string.h"
#include "vmm/elf.h"

#define ELF_MAGIC   "\177ELF"
#define ELF_CLASS   4 /* offsets in e_ident */
#define ELF_DATA    5
#define ELF_CLASS32 1
#define ELF_CLASS64 2
#define ELF_LSB     1 /* little-endian */
#define EM_386      3
#define EM_X86_64   62
#define ET_EXEC     2
#define PT_LOAD     1
#define PT_NOTE     4
#define SHT_SYMTAB  2
#define SHT_STRTAB  3
#define SHT_NOTE    7
#define SHN_UNDEF   0
#define SHN_ABS     0xfff1 /* no place in the image */
#define LABEL_REACH 0x1000
#define STT_MASK    0xf /* of st_info */
#define STT_NOTYPE  0
#define STT_FUNC    2
#define NOTE_ALIGN  4

struct elf64_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf64_header) == 64, "ELF-64 header");

struct elf32_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u32 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf32_header) == 52, "ELF-32 header");

struct elf64_segment {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf64_segment) == 56, "ELF-64 program header");

struct elf32_segment {
	u32 type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
_Static_assert(sizeof(struct elf32_segment) == 32, "ELF-32 program header");

struct elf64_section {
	u32 name, type;
	u64 flags, addr, offset, size;
	u32 link, info;
	u64 addralign, entsize;
};
_Static_assert(sizeof(struct elf64_section) == 64, "ELF-64 section header");

struct elf64_symbol {
	u32 name;
	u8 info, other;
	u16 shndx;
	u64 value, size;
};
_Static_assert(sizeof(struct elf64_symbol) == 24, "ELF-64 symbol");

struct elf_note_header {
	u32 name_size, description_size, type;
};

/* The bytes [offset, offset + size) of the file, or NULL. */
static const u8 *file_at(const struct elf_file *e, u64 offset, u64 size)
{
	return size <= e->size && offset <= e->size - size ? e->data + offset : NULL;
}

static bool file_copy(const struct elf_file *e, u64 offset, void *to, u64 size)
{
	const u8 *from = file_at(e, offset, size);

	if (from)
		memcpy(to, from, size);
	return from;
}

bool elf_is(const void *data, u64 size)
{
	return size >= strlen(ELF_MAGIC) && !memcmp(data, ELF_MAGIC, strlen(ELF_MAGIC));
}

/* The header in its 64-bit form. */
static bool read_header(const struct elf_file *e, struct elf64_header *h)
{
	struct elf32_header narrow;

	if (e->is64)
		return file_copy(e, 0, h, sizeof(*h));
	if (!file_copy(e, 0, &narrow, sizeof(narrow)))
		return false;
	*h = (struct elf64_header){
		.type = narrow.type,
		.machine = narrow.machine,
		.entry = narrow.entry,
		.phoff = narrow.phoff,
		.shoff = narrow.shoff,
		.phentsize = narrow.phentsize,
		.phnum = narrow.phnum,
		.shentsize = narrow.shentsize,
		.shnum = narrow.shnum,
	};
	return true;
}

const char *elf_open(struct elf_file *e, const void *data, u64 size)
{
	struct elf64_header h;
	u64 segment_size;

	*e = (struct elf_file){.data = data, .size = size};
	if (!elf_is(data, size) || size <= ELF_DATA)
		return "its file is no ELF file";
	e->is64 = e->data[ELF_CLASS] == ELF_CLASS64;
	if ((!e->is64 && e->data[ELF_CLASS] != ELF_CLASS32) || e->data[ELF_DATA] != ELF_LSB)
		return "its ELF file is neither of the 32-bit nor of the 64-bit little-endian class";
	if (!read_header(e, &h))
		return "its ELF file is cut off in the header";
	if (h.type != ET_EXEC)
		return "its ELF file is not an executable with fixed addresses";
	if (h.machine != EM_X86_64 && (e->is64 || h.machine != EM_386))
		return "its ELF file is not for x86";
	segment_size = e->is64 ? sizeof(struct elf64_segment) : sizeof(struct elf32_segment);
	if (!h.phnum || h.phentsize != segment_size)
		return "its ELF file has no program headers, or of a size that is not the format's";
	if (!file_at(e, h.phoff, h.phnum * segment_size))
		return "its ELF file is cut off: the program headers lie behind its end";
	e->entry = h.entry;
	e->segments_at = h.phoff;
	e->segments = h.phnum;
	/* Sections serve reports only: a table that is not in order counts as none. */
	if (e->is64 && h.shentsize == sizeof(struct elf64_section) &&
	    file_at(e, h.shoff, h.shnum * sizeof(struct elf64_section))) {
		e->sections_at = h.shoff;
		e->sections = h.shnum;
	}
	return NULL;
}

static bool read_segment(const struct elf_file *e, unsigned index, struct elf64_segment *s)
{
	struct elf32_segment narrow;

	if (e->is64)
		return file_copy(e, e->segments_at + index * sizeof(*s), s, sizeof(*s));
	if (!file_copy(e, e->segments_at + index * sizeof(narrow), &narrow, sizeof(narrow)))
		return false;
	*s = (struct elf64_segment){
		.type = narrow.type,
		.offset = narrow.offset,
		.vaddr = narrow.vaddr,
		.paddr = narrow.paddr,
		.filesz = narrow.filesz,
		.memsz = narrow.memsz,
		.align = narrow.align,
	};
	return true;
}

const char *elf_segment(const struct elf_file *e, unsigned index, struct elf_segment *out)
{
	struct elf64_segment s;

	if (index >= e->segments || !read_segment(e, index, &s))
		return "its ELF file is cut off in the program headers";
	*out = (struct elf_segment){
		.load = s.type == PT_LOAD,
		.note = s.type == PT_NOTE,
		.offset = s.offset,
		.file_size = s.filesz,
		.vaddr = s.vaddr,
		.paddr = s.paddr,
		.mem_size = s.memsz,
	};
	if (!out->load && !out->note)
		return NULL;
	if (!file_at(e, s.offset, s.filesz))
		return "its ELF file is cut off: a segment lies behind its end";
	if (out->load && s.filesz > s.memsz)
		return "its ELF file has a segment that is larger in the file than in memory";
	if (out->load && s.align > 1 && ((s.align & (s.align - 1)) || ((s.vaddr - s.offset) & (s.align - 1))))
		return "its ELF file has a segment that is not aligned as it says";
	return NULL;
}

/* ---- notes ---- */

/* Looks through the notes in [offset, offset + size), which lie in the file. */
static bool find_note(const struct elf_file *e, u64 offset, u64 size, const char *owner, u32 type,
		      void *description, u64 description_size)
{
	u64 end = offset + size;
	u64 owner_size = strlen(owner) + 1;

	while (end - offset >= sizeof(struct elf_note_header)) {
		struct elf_note_header n;
		u64 name_at = offset + sizeof(n), description_at, next;

		memcpy(&n, e->data + offset, sizeof(n));
		description_at = name_at + ALIGN_UP(n.name_size, NOTE_ALIGN);
		next = description_at + ALIGN_UP(n.description_size, NOTE_ALIGN);
		if (description_at + n.description_size > end)
			return false;
		if (n.type == type && n.name_size == owner_size &&
		    !memcmp(e->data + name_at, owner, owner_size) && n.description_size == description_size) {
			memcpy(description, e->data + description_at, description_size);
			return true;
		}
		if (next > end)
			return false;
		offset = next;
	}
	return false;
}

static bool read_section(const struct elf_file *e, unsigned index, struct elf64_section *s)
{
	return index < e->sections && file_copy(e, e->sections_at + index * sizeof(*s), s, sizeof(*s));
}

/* Linker scripts with segments of their own may leave out PT_NOTE, so the note sections count too. */
bool elf_note(const struct elf_file *e, const char *owner, u32 type, void *description, u64 size)
{
	for (unsigned i = 0; i < e->segments; i++) {
		struct elf_segment s;

		if (!elf_segment(e, i, &s) && s.note &&
		    find_note(e, s.offset, s.file_size, owner, type, description, size))
			return true;
	}
	for (unsigned i = 0; i < e->sections; i++) {
		struct elf64_section s;

		if (read_section(e, i, &s) && s.type == SHT_NOTE && file_at(e, s.offset, s.size) &&
		    find_note(e, s.offset, s.size, owner, type, description, size))
			return true;
	}
	return false;
}

/* ---- symbols ---- */

bool elf_symbols(const struct elf_file *e, struct elf_symbols *out)
{
	for (unsigned i = 0; i < e->sections; i++) {
		struct elf64_section table, strings;
		const u8 *symbols, *text;

		if (!read_section(e, i, &table) || table.type != SHT_SYMTAB ||
		    table.entsize != sizeof(struct elf64_symbol))
			continue;
		if (!read_section(e, table.link, &strings) || strings.type != SHT_STRTAB || !strings.size)
			continue;
		symbols = file_at(e, table.offset, table.size);
		text = file_at(e, strings.offset, strings.size);
		if (!symbols || !text || text[strings.size - 1])
			continue;
		*out = (struct elf_symbols){symbols, table.size / table.entsize, (const char *)text,
					    strings.size};
		return true;
	}
	return false;
}

/* Labels of assembly have neither a type nor a size: they reach as far as the next symbol, within reason. */
const char *elf_symbol_find(const struct elf_symbols *s, u64 address, u64 *offset)
{
	const u8 *at = s->symtab;
	struct elf64_symbol best = {0};

	for (u64 i = 0; i < s->count; i++, at += sizeof(best)) {
		struct elf64_symbol symbol;
		unsigned type;

		memcpy(&symbol, at, sizeof(symbol));
		type = symbol.info & STT_MASK;
		if (symbol.shndx == SHN_UNDEF || symbol.shndx == SHN_ABS ||
		    (type != STT_FUNC && type != STT_NOTYPE))
			continue;
		if (symbol.value > address || symbol.name >= s->strings_size || !s->strings[symbol.name])
			continue;
		/* Of two at the same address the one with a size says more. */
		if (!best.name || symbol.value > best.value || (symbol.value == best.value && !best.size))
			best = symbol;
	}
	if (!best.name || address - best.value >= (best.size ? best.size : LABEL_REACH))
		return NULL;
	*offset = address - best.value;
	return s->strings + best.name;
}
