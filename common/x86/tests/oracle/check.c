// SPDX-License-Identifier: MIT
/*
 * The decoder against Zydis and Capstone, over real code and over bytes of all kinds:
 *
 *   check [-q] DIFFERS ELF...
 *
 * DIFFERS is the list of what may differ. Of each ELF file every section of code is walked from its first
 * byte to its last, as 64-bit code. Then come every opcode with every ModRM byte behind chosen prefixes,
 * bytes at random, and random prefixes before an opcode of each map. -q: a part of all this, for a few
 * seconds. The last line counts the parts that passed.
 */
#include "x86/tests/oracle/oracle.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MODES           3
#define RANDOM_SEED     0x243f6a8885a308d3 /* digits of pi */
#define RANDOM_ALL      10000000
#define RANDOM_QUICK    300000
#define QUICK_CODE      MIB(1) /* of each file */
#define CODE_LEAST      1000   /* instructions: fewer mean that the file holds no code */
#define PROGRESS_STRIDE 1000000

static bool quick;
static unsigned passed, failed;

/* ---- parts, with a line each ---- */

static struct oracle_counts before;
static struct timespec began;

static void part_begin(const char *name)
{
	before = oracle_counts;
	clock_gettime(CLOCK_MONOTONIC, &began);
	printf("%s\n", name);
	fflush(stdout);
}

#define SINCE(field) ((unsigned long)(oracle_counts.field - before.field))

/* `least` instructions must have been accepted: otherwise the part has tested nothing. */
static void part_end(u64 least)
{
	struct timespec now;
	bool good = !SINCE(different) && SINCE(accepted) >= least;

	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("  %-6s %lu compared: %lu accepted (effects of %lu known, %lu unknown to Capstone), %lu "
	       "refused,"
	       " %lu listed, %lu different; %.1f s\n",
	       good ? "ok" : "FAILED", SINCE(compared), SINCE(accepted), SINCE(known_effects),
	       SINCE(capstone_unknown), SINCE(refused), SINCE(listed), SINCE(different),
	       (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9);
	fflush(stdout);
	passed += good;
	failed += !good;
}

static void progress(u64 done)
{
	if (!quick && done && done % PROGRESS_STRIDE == 0) {
		printf("  ... %lu\n", (unsigned long)done);
		fflush(stdout);
	}
}

/* ---- real code ---- */

static void walk(const u8 *code, u64 size)
{
	for (u64 at = 0, n = 0; at < size; n++) {
		progress(n);
		at += oracle_compare(code + at, size - at, DECODE_64);
	}
}

static bool walk_sections(const u8 *file, u64 size)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)file;
	const Elf64_Shdr *shdr = (const Elf64_Shdr *)(file + ehdr->e_shoff);

	if (size < sizeof(*ehdr) || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) ||
	    ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_shoff > size ||
	    ehdr->e_shnum * sizeof(*shdr) > size - ehdr->e_shoff)
		return false;
	for (unsigned n = 0; n < ehdr->e_shnum; n++) {
		u64 bytes = quick ? MIN(shdr[n].sh_size, QUICK_CODE) : shdr[n].sh_size;

		if (!(shdr[n].sh_flags & SHF_EXECINSTR) || shdr[n].sh_type != SHT_PROGBITS)
			continue;
		if (shdr[n].sh_offset > size || shdr[n].sh_size > size - shdr[n].sh_offset)
			return false;
		walk(file + shdr[n].sh_offset, bytes);
	}
	return true;
}

static void check_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *file;

	if (fd < 0 || fstat(fd, &st) != 0 ||
	    (file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
	part_begin(path);
	if (!walk_sections(file, (u64)st.st_size)) {
		fprintf(stderr, "%s: is no ELF file of 64 bits\n", path);
		exit(1);
	}
	part_end(CODE_LEAST);
	munmap(file, (size_t)st.st_size);
}

/* ---- every form ---- */

struct lead {
	u8 size, bytes[4];
};

/* Every opcode and ModRM byte behind the bytes of `a` and `b`. */
static void compare_opcodes(const struct lead *a, const struct lead *b, enum decode_mode mode)
{
	u8 bytes[INSN_MAX_LENGTH];
	unsigned used = a->size + b->size;

	for (unsigned n = 0; n < sizeof(bytes); n++)
		bytes[n] = (u8)(0x11 * n);
	memcpy(bytes, a->bytes, a->size);
	memcpy(bytes + a->size, b->bytes, b->size);
	for (unsigned n = 0; n < 0x10000; n++) {
		bytes[used] = (u8)(n >> 8);
		bytes[used + 1] = (u8)n;
		oracle_compare(bytes, sizeof(bytes), mode);
	}
}

// clang-format off
static const struct lead prefix_leads[] = {
	{0, {0}}, {1, {0x66}}, {1, {0xf3}}, {1, {0xf2}}, {2, {0x66, 0xf3}}, {2, {0xf3, 0x66}}, {2, {0xf3, 0xf2}},
	{2, {0xf2, 0xf3}}, {1, {0xf0}}, {1, {0x67}}, {1, {0x48}}, {1, {0x45}}, {2, {0x66, 0x4f}}, {2, {0x4f, 0x66}},
	{2, {0x48, 0xf3}},
};
static const struct lead map_leads[] = {{0, {0}}, {1, {0x0f}}, {2, {0x0f, 0x38}}, {2, {0x0f, 0x3a}}};
static const struct lead vector_leads[] = {
	{2, {0xc5, 0xf8}}, {2, {0xc5, 0xf9}}, {2, {0xc5, 0xfa}}, {2, {0xc5, 0xff}}, {2, {0xc5, 0xe9}},
	{3, {0xc4, 0xe1, 0xf9}}, {3, {0xc4, 0xe2, 0x79}}, {3, {0xc4, 0xe2, 0xf8}}, {3, {0xc4, 0xe2, 0x7d}},
	{3, {0xc4, 0xe3, 0x79}}, {3, {0xc4, 0xe3, 0xf9}}, {3, {0xc4, 0xe3, 0x7d}}, {3, {0xc4, 0xc2, 0x69}},
	{4, {0x62, 0xf1, 0x7c, 0x48}}, {4, {0x62, 0xf1, 0xfd, 0x48}}, {4, {0x62, 0xf2, 0x7d, 0x48}},
	{4, {0x62, 0xf2, 0xfe, 0x28}}, {4, {0x62, 0xf3, 0x7d, 0x48}}, {4, {0x62, 0xf5, 0x7c, 0x48}},
	/* with register numbers above 7 and 15 */
	{3, {0xc4, 0x41, 0xf9}}, {3, {0xc4, 0x62, 0x7b}}, {3, {0xc4, 0x43, 0xf9}}, {3, {0xc4, 0x42, 0x7d}},
	{4, {0x62, 0x61, 0x7c, 0x48}}, {4, {0x62, 0xe2, 0x7d, 0x48}}, {4, {0x62, 0x73, 0xfd, 0x28}},
	{4, {0x62, 0x01, 0x6d, 0x40}}, {4, {0x62, 0x92, 0x7e, 0x08}}, {4, {0x62, 0x65, 0x7e, 0x08}}, {4, {0x62, 0xa1, 0xfe, 0x08}},
	{4, {0x62, 0xb1, 0x7d, 0x08}}, {4, {0x62, 0x91, 0x6e, 0x08}},
	{4, {0x62, 0xf6, 0x7d, 0x48}}, {3, {0x8f, 0xe8, 0x78}}, {3, {0x8f, 0xe9, 0x78}}, {3, {0x8f, 0xea, 0x78}},
};
// clang-format on

/* Quick: every third lead, another third in each mode. */
static bool chosen(unsigned lead, unsigned mode)
{
	return !quick || lead % MODES == mode;
}

static void check_forms(void)
{
	static const struct lead none;

	part_begin("every opcode and ModRM behind prefixes");
	for (unsigned mode = 0; mode < MODES; mode++)
		for (unsigned p = 0; p < ARRAY_SIZE(prefix_leads); p++)
			for (unsigned m = 0; m < ARRAY_SIZE(map_leads) && chosen(p, mode); m++)
				compare_opcodes(&prefix_leads[p], &map_leads[m], mode);
	part_end(RANDOM_QUICK);

	part_begin("every opcode and ModRM behind VEX, EVEX, XOP");
	for (unsigned mode = 0; mode < MODES; mode++)
		for (unsigned n = 0; n < ARRAY_SIZE(vector_leads); n++)
			if (chosen(n, mode))
				compare_opcodes(&none, &vector_leads[n], mode);
	part_end(RANDOM_QUICK / 10);
}

/* ---- random bytes ---- */

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" */
static u64 random_next(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* Half of them in 64-bit mode. */
static enum decode_mode random_mode(u64 choice)
{
	return choice & 1 ? DECODE_64 : choice & 2 ? DECODE_32 : DECODE_16;
}

static void check_random(u64 count)
{
	u64 state = RANDOM_SEED;

	part_begin("random bytes");
	for (u64 n = 0; n < count; n++) {
		u64 words[3];
		u64 choice = random_next(&state);

		progress(n);
		for (unsigned w = 0; w < ARRAY_SIZE(words); w++)
			words[w] = random_next(&state);
		/* Some of them are cut off somewhere. */
		oracle_compare((const u8 *)words,
			       choice >> 8 & 3 ? sizeof(words) : (choice >> 16) % sizeof(words),
			       random_mode(choice));
	}
	part_end(count / 4);
}

/* Prefixes of all kinds, a map, and a random tail: order and repetition of prefixes, and the limit of 15
 * bytes. */
static void check_random_prefixes(u64 count)
{
	static const u8 prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
				      0xf0, 0xf2, 0xf3, 0x40, 0x48, 0x4f, 0x45, 0x66};
	static const struct lead maps[] = {{0, {0}},    {1, {0x0f}}, {2, {0x0f, 0x38}}, {2, {0x0f, 0x3a}},
					   {1, {0xc5}}, {1, {0xc4}}, {1, {0x62}},       {1, {0x0f}}};
	u64 state = ~RANDOM_SEED;

	part_begin("random prefixes and maps");
	for (u64 n = 0; n < count; n++) {
		u64 words[3] = {random_next(&state), random_next(&state), random_next(&state)};
		u64 choice = random_next(&state);
		const struct lead *map = &maps[choice >> 8 & 7];
		u8 *bytes = (u8 *)words;
		unsigned used;

		progress(n);
		/* Seldom many */
		used = (choice >> 16 & 0xf) ? choice >> 20 & 3 : choice >> 20 & 0xf;
		for (unsigned p = 0; p < used; p++)
			bytes[p] = prefixes[bytes[p] % sizeof(prefixes)];
		memcpy(bytes + used, map->bytes, map->size);
		oracle_compare(bytes, sizeof(words), random_mode(choice));
	}
	part_end(count / 10);
}

int main(int argc, char **argv)
{
	int next = 1;

	if (argc > next && !strcmp(argv[next], "-q")) {
		quick = true;
		next++;
	}
	if (argc <= next) {
		fprintf(stderr, "usage: check [-q] DIFFERS ELF...\n");
		return 1;
	}
	oracle_open(argv[next++]);
	for (; next < argc; next++)
		check_file(argv[next]);
	check_forms();
	check_random((quick ? RANDOM_QUICK : RANDOM_ALL) / 2);
	check_random_prefixes((quick ? RANDOM_QUICK : RANDOM_ALL) / 2);
	printf("differences by the lines of the list:\n");
	differs_report();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
