// SPDX-License-Identifier: MIT
/*
 * The guest loader: images made here with the host's own <elf.h>, so that both sides were not written by the
 * same hand. One good image of each kind is loaded and looked at; then each field is broken in turn and has
 * to be refused by its sentence.
 */
#include <elf.h>

#include "guest_fixture.h"
#include "boot/multiboot.h"
#include "devices/lapic.h"
#include "vmm/intercept.h"
#include "vmm/loader.h"

#define IMAGE_SIZE  0x4000
#define HEADER_AT   0x800 /* of the Multiboot header in the file */
#define NOTE_AT     0x300
#define SYMBOLS_AT  0x400
#define STRINGS_AT  0x500
#define TEXT_AT     0x1000
#define TEXT_SIZE   0x800
#define DATA_AT     0x2000
#define DATA_SIZE   0x100
#define DATA_MEM    0x3000
#define TEXT_GPA    0x00100000
#define DATA_GPA    0x00200000
#define KERNEL_BASE 0xffffffff80000000
#define ENTRY32     (TEXT_GPA + 0x10)
#define ENTRY64     (TEXT_GPA + 0x20)
#define TICK_HZ     1234567890
#define APIC_HZ     987654321
#define SEGMENTS    3
#define SECTIONS    4
#define FEATURES    (START_FEATURE_CPUID | START_FEATURE_GBPAGES)

static const struct cpu_engine paged = {.name = "paged", .root_kind = ROOT_PAIR, .start_features = FEATURES};
static const struct cpu_engine unpaged = {
	.name = "unpaged", .root_kind = ROOT_FAITHFUL, .starts_unpaged = true};
static const struct mem_engine memory = {.name = "a-name-that-is-longer-than-its-field"};

static _Alignas(8) u8 image[IMAGE_SIZE];
static struct vm_config config;

u64 vm_tick_hz(struct vm *m)
{
	CU_ASSERT_PTR_EQUAL(m, &vm);
	return TICK_HZ;
}

u64 lapic_timer_hz(struct vm *m)
{
	CU_ASSERT_PTR_EQUAL(m, &vm);
	return APIC_HZ;
}

u64 guest_features(const struct cpu_engine *cpu)
{
	return cpu->start_features;
}

/* ---- images ---- */

struct image64 {
	Elf64_Ehdr header;
	Elf64_Phdr segment[SEGMENTS]; /* text, data, note */
	Elf64_Shdr section[SECTIONS]; /* null, symbols, strings, note */
};
#define IMAGE64 ((struct image64 *)image)
_Static_assert(sizeof(struct image64) <= NOTE_AT, "the tables have to end before the note");

struct note {
	Elf64_Nhdr header;
	char owner[8];
	u64 entry;
} __attribute__((packed));
#define NOTE ((struct note *)(image + NOTE_AT))

static struct multiboot_header *multiboot(void)
{
	return (struct multiboot_header *)(image + HEADER_AT);
}

static void set_multiboot(u32 flags)
{
	*multiboot() = (struct multiboot_header){
		.magic = MULTIBOOT_HEADER_MAGIC,
		.flags = flags,
		.checksum = 0U - MULTIBOOT_HEADER_MAGIC - flags,
	};
}

static void clean_image(const struct cpu_engine *cpu)
{
	guest_create(cpu, &memory);
	vm.counters = NULL;
	memset(vm.ram, 0xee, RAM_BYTES);
	vcpu.changed = 0;
	memset(vcpu.gpr, 0xee, sizeof(vcpu.gpr));
	memset(image, 0, sizeof(image));
	for (unsigned i = 0; i < TEXT_SIZE; i++)
		image[TEXT_AT + i] = (u8)(i * 7 + 1);
	for (unsigned i = 0; i < DATA_SIZE; i++)
		image[DATA_AT + i] = (u8)(i * 5 + 2);
	config = (struct vm_config){
		.name = "guest",
		.image = image,
		.image_size = IMAGE_SIZE,
		.cmdline = "seed=7 tests=all",
		.ram_bytes = RAM_BYTES,
		.cpu = cpu,
		.mem = &memory,
	};
}

static void make_note(void)
{
	*NOTE = (struct note){
		.header = {.n_namesz = sizeof(START_NOTE_OWNER), .n_descsz = 8, .n_type = START_NOTE_ENTRY64},
		.owner = START_NOTE_OWNER,
		.entry = ENTRY64,
	};
}

static void make_symbols(void)
{
	static const char strings[] = "\0start\0inner\0label\0undefined";
	Elf64_Sym *s = (Elf64_Sym *)(image + SYMBOLS_AT);

	memcpy(image + STRINGS_AT, strings, sizeof(strings));
	s[1] = (Elf64_Sym){
		.st_name = 1, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x1000, .st_size = 0x100};
	s[2] = (Elf64_Sym){
		.st_name = 7, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x2000, .st_size = 0x10};
	s[3] = (Elf64_Sym){.st_name = 13, .st_info = STT_NOTYPE, .st_shndx = 1, .st_value = 0x3000};
	s[4] = (Elf64_Sym){
		.st_name = 19, .st_info = STT_FUNC, .st_shndx = 0, .st_value = 0x1800, .st_size = 0x100};
	s[5] = (Elf64_Sym){.st_name = 0x7fffffff, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x2800};
}

static void make_elf64(const struct cpu_engine *cpu)
{
	clean_image(cpu);
	set_multiboot(MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO);
	IMAGE64->header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_entry = ENTRY32,
		.e_phoff = offsetof(struct image64, segment),
		.e_shoff = offsetof(struct image64, section),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = SEGMENTS,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = SECTIONS,
	};
	IMAGE64->segment[0] = (Elf64_Phdr){.p_type = PT_LOAD,
					   .p_offset = TEXT_AT,
					   .p_vaddr = KERNEL_BASE + TEXT_GPA,
					   .p_paddr = TEXT_GPA,
					   .p_filesz = TEXT_SIZE,
					   .p_memsz = TEXT_SIZE,
					   .p_align = 0x1000};
	IMAGE64->segment[1] = (Elf64_Phdr){.p_type = PT_LOAD,
					   .p_offset = DATA_AT,
					   .p_vaddr = KERNEL_BASE + DATA_GPA,
					   .p_paddr = DATA_GPA,
					   .p_filesz = DATA_SIZE,
					   .p_memsz = DATA_MEM,
					   .p_align = 0x1000};
	IMAGE64->segment[2] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTE_AT, .p_filesz = sizeof(struct note), .p_align = 4};
	IMAGE64->section[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
					   .sh_offset = SYMBOLS_AT,
					   .sh_size = 6 * sizeof(Elf64_Sym),
					   .sh_link = 2,
					   .sh_entsize = sizeof(Elf64_Sym)};
	IMAGE64->section[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = STRINGS_AT, .sh_size = 29};
	make_note();
	make_symbols();
}

struct image32 {
	Elf32_Ehdr header;
	Elf32_Phdr segment[2];
};
#define IMAGE32 ((struct image32 *)image)

static void make_elf32(const struct cpu_engine *cpu)
{
	clean_image(cpu);
	set_multiboot(MULTIBOOT_MEMORY_INFO);
	IMAGE32->header = (Elf32_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_entry = ENTRY32,
		.e_phoff = offsetof(struct image32, segment),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 2,
	};
	IMAGE32->segment[0] = (Elf32_Phdr){.p_type = PT_LOAD,
					   .p_offset = TEXT_AT,
					   .p_vaddr = TEXT_GPA,
					   .p_paddr = TEXT_GPA,
					   .p_filesz = TEXT_SIZE,
					   .p_memsz = TEXT_SIZE};
	IMAGE32->segment[1] = (Elf32_Phdr){.p_type = PT_LOAD,
					   .p_offset = DATA_AT,
					   .p_vaddr = DATA_GPA,
					   .p_paddr = DATA_GPA,
					   .p_filesz = DATA_SIZE,
					   .p_memsz = DATA_MEM};
}

/* From 0x400 bytes behind the start of the file on. */
#define FLAT_LOAD 0x00400000 /* where the start of the file would come to */
static void make_flat(const struct cpu_engine *cpu)
{
	clean_image(cpu);
	set_multiboot(MULTIBOOT_ADDRESSES);
	multiboot()->header_addr = FLAT_LOAD + HEADER_AT;
	multiboot()->load_addr = FLAT_LOAD + 0x400;
	multiboot()->load_end_addr = FLAT_LOAD + TEXT_AT + TEXT_SIZE;
	multiboot()->bss_end_addr = FLAT_LOAD + IMAGE_SIZE;
	multiboot()->entry_addr = FLAT_LOAD + TEXT_AT;
}

static bool loads(void)
{
	const char *why = guest_load(&vm, &config);

	if (why)
		printf("\n    refused: %s\n", why);
	return !why;
}

/* Refused, by a sentence that has the words in it. */
static bool refused(const char *words)
{
	const char *why = guest_load(&vm, &config);

	if (!why || !strstr(why, words))
		printf("\n    expected \"%s\", got \"%s\"\n", words, why ? why : "no refusal");
	return why && strstr(why, words);
}

static bool all_bytes(gpa_t from, u64 count, u8 value)
{
	for (u64 i = 0; i < count; i++) {
		if (vm.ram[from + i] != value)
			return false;
	}
	return true;
}

static void check_placed(void)
{
	CU_ASSERT_EQUAL(memcmp(vm.ram + TEXT_GPA, image + TEXT_AT, TEXT_SIZE), 0);
	CU_ASSERT_EQUAL(memcmp(vm.ram + DATA_GPA, image + DATA_AT, DATA_SIZE), 0);
	CU_ASSERT(all_bytes(DATA_GPA + DATA_SIZE, DATA_MEM - DATA_SIZE, 0));
	CU_ASSERT(all_bytes(TEXT_GPA - 16, 16, 0xee));
	CU_ASSERT(all_bytes(DATA_GPA + DATA_MEM, 16, 0xee));
}

/* ---- what a good image gives ---- */

/* The descriptor that the selector names in the guest's GDT is what the hidden part says. */
static void check_segment(unsigned number, u16 selector, u32 attr)
{
	const struct segment *s = &vcpu.seg[number];
	struct segment loaded = desc_unpack(selector, *ram_u64(vcpu.gdtr.base + (selector & SEL_INDEX)), 0);

	CU_ASSERT_EQUAL(s->selector, selector);
	CU_ASSERT_EQUAL(s->attr, attr);
	CU_ASSERT_EQUAL(s->base, 0);
	CU_ASSERT_EQUAL(s->limit, 0xffffffff);
	CU_ASSERT_EQUAL(loaded.attr, attr);
	CU_ASSERT_EQUAL(loaded.limit, 0xffffffff);
	CU_ASSERT_EQUAL(loaded.base, 0);
	CU_ASSERT(vcpu.gdtr.limit >= (selector | 7));
}

static void check_start_info(gpa_t gpa, const struct cpu_engine *cpu)
{
	const struct start_info *s = gpa_to_hva(&vm, gpa, sizeof(*s));

	CU_ASSERT_EQUAL(gpa % PAGE_SIZE, 0);
	CU_ASSERT(gpa >= RAM_BYTES - START_RESERVED);
	CU_ASSERT_EQUAL(s->magic, START_INFO_MAGIC);
	CU_ASSERT_EQUAL(s->version, START_INFO_VERSION);
	CU_ASSERT_EQUAL(s->features, cpu->start_features);
	CU_ASSERT_EQUAL(s->ram_bytes, RAM_BYTES);
	CU_ASSERT_EQUAL(s->tsc_hz, TICK_HZ);
	CU_ASSERT_EQUAL(s->apic_hz, APIC_HZ);
	CU_ASSERT_STRING_EQUAL(s->cpu_engine, cpu->name);
	CU_ASSERT_STRING_EQUAL(s->mem_engine, "a-name-that-is-");
	CU_ASSERT_STRING_EQUAL((char *)vm.ram + s->cmdline, config.cmdline);
	CU_ASSERT_PTR_EQUAL(vm.counters, vm.ram + s->counters);
	CU_ASSERT_EQUAL(vm.counters->exits | vm.counters->walk_refs | vm.counters->hidden_faults, 0);
	CU_ASSERT(s->counters >= RAM_BYTES - START_RESERVED);
}

static void test_elf64_long_mode(void)
{
	struct guest_walk w;

	make_elf64(&paged);
	CU_ASSERT(loads());
	check_placed();
	CU_ASSERT_EQUAL(vcpu.rip, ENTRY64);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RAX], START_INFO_MAGIC);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RBX] | vcpu.gpr[GPR_RSP] | vcpu.gpr[15], 0);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu.cr0, CR0_PE | CR0_ET | CR0_PG);
	CU_ASSERT_EQUAL(vcpu.cr4, CR4_PAE);
	CU_ASSERT_EQUAL(vcpu.efer, EFER_LME | EFER_LMA);
	CU_ASSERT_EQUAL(vcpu.changed, VCPU_ALL);
	CU_ASSERT_EQUAL(vcpu.valid, VCPU_ALL);
	check_segment(SEG_CS, 0x08, 0xa09b);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		if (i != SEG_CS)
			check_segment(i, 0x10, 0xc093);
	}
	check_start_info(vcpu.gpr[GPR_RDI], &paged);
	CU_ASSERT_EQUAL(vcpu.idtr.limit, 0);

	/* The first 4 GiB to themselves, for the supervisor, for all accesses. */
	for (u64 gva = 0x123; gva < GIB(4); gva += MIB(2) + 0x1011) {
		CU_ASSERT(guest_walk(&vcpu, gva, ACCESS_WRITE, &w) && w.gpa == gva && !w.user && w.writable);
		CU_ASSERT(guest_walk(&vcpu, gva, ACCESS_FETCH, &w));
	}
	CU_ASSERT(!guest_walk(&vcpu, GIB(4), ACCESS_READ, &w));
	CU_ASSERT(!guest_walk(&vcpu, ENTRY64, ACCESS_USER | ACCESS_FETCH, &w));
}

/* Multiboot Specification 0.6.96, 3.2 and 3.3 */
static void check_multiboot_info(void)
{
	const struct multiboot_info *info = gpa_to_hva(&vm, vcpu.gpr[GPR_RBX], sizeof(*info));
	const struct multiboot_module *module;
	u64 next = 0, ram = 0;

	CU_ASSERT_EQUAL(info->flags & 0x24d, 0x24d);
	CU_ASSERT_EQUAL(info->mem_lower, 640);
	CU_ASSERT_EQUAL(info->mem_upper, (RAM_BYTES - START_RESERVED - MIB(1)) / 1024);
	CU_ASSERT_STRING_EQUAL((char *)vm.ram + info->cmdline, "seed=7 tests=all");
	CU_ASSERT_EQUAL(info->mods_count, 1);
	module = gpa_to_hva(&vm, info->mods_addr, sizeof(*module));
	CU_ASSERT_STRING_EQUAL((char *)vm.ram + module->string, "start-info");
	CU_ASSERT_EQUAL(module->end - module->start, PAGE_SIZE);
	check_start_info(module->start, &unpaged);
	for (u32 at = 0; at < info->mmap_length;) {
		const struct multiboot_mmap *m = gpa_to_hva(&vm, info->mmap_addr + at, sizeof(*m));

		CU_ASSERT_EQUAL(m->base, next);
		next += m->length;
		ram += m->type == MULTIBOOT_MMAP_RAM ? m->length : 0;
		if (m->base == 0xa0000 || m->base == RAM_BYTES - START_RESERVED)
			CU_ASSERT_EQUAL(m->type, MULTIBOOT_MMAP_RESERVED);
		at += m->size + 4;
	}
	CU_ASSERT_EQUAL(next, RAM_BYTES);
	CU_ASSERT_EQUAL(ram, RAM_BYTES - START_RESERVED - KIB(384));
}

static void check_multiboot_state(gpa_t entry)
{
	CU_ASSERT_EQUAL(vcpu.rip, entry);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RAX], 0x2badb002);
	CU_ASSERT_EQUAL(vcpu.cr0, CR0_PE | CR0_ET);
	CU_ASSERT_EQUAL(vcpu.cr3 | vcpu.cr4 | vcpu.efer, 0);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_RESERVED1);
	check_segment(SEG_CS, 0x08, 0xc09b);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		if (i != SEG_CS)
			check_segment(i, 0x10, 0xc093);
	}
	check_multiboot_info();
}

static void test_elf64_multiboot(void)
{
	make_elf64(&unpaged);
	CU_ASSERT(loads());
	check_placed();
	check_multiboot_state(ENTRY32);
}

static void test_elf32(void)
{
	make_elf32(&unpaged);
	CU_ASSERT(loads());
	check_placed();
	check_multiboot_state(ENTRY32);
	make_elf32(&paged);
	CU_ASSERT(refused("no 64-bit entry"));
}

static void test_flat(void)
{
	make_flat(&unpaged);
	CU_ASSERT(loads());
	CU_ASSERT_EQUAL(memcmp(vm.ram + FLAT_LOAD + 0x400, image + 0x400, TEXT_AT - 0x400 + TEXT_SIZE), 0);
	CU_ASSERT(all_bytes(FLAT_LOAD + TEXT_AT + TEXT_SIZE, IMAGE_SIZE - TEXT_AT - TEXT_SIZE, 0));
	CU_ASSERT(all_bytes(FLAT_LOAD + IMAGE_SIZE, 16, 0xee));
	CU_ASSERT(all_bytes(FLAT_LOAD, 0x400, 0xee));
	check_multiboot_state(FLAT_LOAD + TEXT_AT);
	/* No ends given: up to the end of the file. */
	make_flat(&unpaged);
	multiboot()->load_end_addr = multiboot()->bss_end_addr = 0;
	CU_ASSERT(loads());
	CU_ASSERT_EQUAL(memcmp(vm.ram + FLAT_LOAD + 0x400, image + 0x400, IMAGE_SIZE - 0x400), 0);
	CU_ASSERT(all_bytes(FLAT_LOAD + IMAGE_SIZE, 16, 0xee));
	make_flat(&paged);
	CU_ASSERT(refused("no 64-bit entry"));
}

/* Entries as addresses of the kernel's high mapping; a note that only a section tells of, behind another
 * note. */
static void test_entries(void)
{
	make_elf64(&paged);
	NOTE->entry = KERNEL_BASE + ENTRY64;
	CU_ASSERT(loads());
	CU_ASSERT_EQUAL(vcpu.rip, ENTRY64);
	make_elf64(&unpaged);
	IMAGE64->header.e_entry = KERNEL_BASE + ENTRY32;
	CU_ASSERT(loads());
	CU_ASSERT_EQUAL(vcpu.rip, ENTRY32);

	make_elf64(&paged);
	memmove(image + NOTE_AT + sizeof(struct note), NOTE, sizeof(struct note));
	NOTE->header.n_type = 99;
	IMAGE64->segment[2].p_type = PT_NULL;
	IMAGE64->section[3] =
		(Elf64_Shdr){.sh_type = SHT_NOTE, .sh_offset = NOTE_AT, .sh_size = 2 * sizeof(struct note)};
	CU_ASSERT(loads());
	CU_ASSERT_EQUAL(vcpu.rip, ENTRY64);
	IMAGE64->section[3].sh_size--;
	CU_ASSERT(refused("no 64-bit entry"));
}

static void test_symbols(void)
{
	u64 offset = 0;

	make_elf64(&paged);
	CU_ASSERT(loads());
	CU_ASSERT_STRING_EQUAL(guest_symbol(&vm, 0x1000, &offset), "start");
	CU_ASSERT_EQUAL(offset, 0);
	CU_ASSERT_STRING_EQUAL(guest_symbol(&vm, 0x10ff, &offset), "start");
	CU_ASSERT_EQUAL(offset, 0xff);
	CU_ASSERT_PTR_NULL(guest_symbol(&vm, 0x1100, &offset));
	CU_ASSERT_PTR_NULL(guest_symbol(&vm, 0xfff, &offset));
	CU_ASSERT_PTR_NULL(guest_symbol(&vm, 0x1810, &offset));
	CU_ASSERT_STRING_EQUAL(guest_symbol(&vm, 0x2005, &offset), "inner");
	CU_ASSERT_STRING_EQUAL(guest_symbol(&vm, 0x3456, &offset), "label");
	CU_ASSERT_EQUAL(offset, 0x456);

	/* Tables that are not in order count as none; the guest loads all the same. */
	for (unsigned i = 0; i < 5; i++) {
		make_elf64(&paged);
		switch (i) {
		case 0:
			IMAGE64->section[1].sh_size = IMAGE_SIZE;
			break;
		case 1:
			IMAGE64->section[1].sh_link = SECTIONS;
			break;
		case 2:
			IMAGE64->section[2].sh_size = 28; /* no zero at its end */
			break;
		case 3:
			IMAGE64->header.e_shoff = ~0ULL - 10;
			break;
		case 4:
			IMAGE64->section[1].sh_entsize = 0;
			break;
		}
		CU_ASSERT(loads());
		CU_ASSERT_PTR_NULL(guest_symbol(&vm, 0x1000, &offset));
	}
}

/* ---- refusals ---- */

static void test_bad_multiboot(void)
{
	make_elf64(&paged);
	multiboot()->checksum++;
	CU_ASSERT(refused("no Multiboot header"));
	make_elf64(&paged);
	memset(multiboot(), 0, sizeof(struct multiboot_header));
	CU_ASSERT(refused("no Multiboot header"));
	make_elf64(&paged);
	set_multiboot(0x4); /* a video mode */
	CU_ASSERT(refused("does not have"));
	make_elf64(&paged);
	set_multiboot(0x20000); /* optional: a loader may ignore it */
	CU_ASSERT(loads());
	/* The last place where it may lie, and the next. */
	make_elf64(&paged);
	memcpy(image + MULTIBOOT_SEARCH - 12, multiboot(), 12);
	memset(multiboot(), 0, 12);
	CU_ASSERT(loads());
	make_elf64(&paged);
	memcpy(image + MULTIBOOT_SEARCH, multiboot(), 12);
	memset(multiboot(), 0, 12);
	CU_ASSERT(refused("no Multiboot header"));
	for (u64 size = 0; size < 12; size++) {
		make_elf64(&paged);
		config.image_size = size;
		CU_ASSERT(refused("no Multiboot header"));
	}
}

static void test_bad_flat(void)
{
	make_flat(&unpaged);
	set_multiboot(0);
	CU_ASSERT(refused("neither ELF nor a flat image"));
	make_flat(&unpaged);
	multiboot()->load_addr = multiboot()->header_addr + 4;
	CU_ASSERT(refused("begins before the file"));
	make_flat(&unpaged);
	multiboot()->load_addr -= 0x401;
	CU_ASSERT(refused("begins before the file"));
	make_flat(&unpaged);
	multiboot()->load_end_addr = FLAT_LOAD + IMAGE_SIZE + 1;
	CU_ASSERT(refused("cut off"));
	make_flat(&unpaged);
	multiboot()->load_end_addr = multiboot()->load_addr - 1;
	CU_ASSERT(refused("cut off"));
	make_flat(&unpaged);
	multiboot()->bss_end_addr = multiboot()->load_end_addr - 1;
	CU_ASSERT(refused("memory ends before"));
	make_flat(&unpaged);
	multiboot()->bss_end_addr = RAM_BYTES;
	CU_ASSERT(refused("does not fit"));
	make_flat(&unpaged);
	multiboot()->entry_addr = multiboot()->bss_end_addr;
	CU_ASSERT(refused("entry point"));
	make_flat(&unpaged);
	config.image_size = 0x800 + 12; /* ends in the header, before the addresses */
	CU_ASSERT(refused("no Multiboot header"));
}

#define REFUSED_WITH(change, words)                                                                          \
	do {                                                                                                 \
		make_elf64(&paged);                                                                          \
		change;                                                                                      \
		CU_ASSERT(refused(words));                                                                   \
	} while (0)

static void test_bad_elf_header(void)
{
	Elf64_Ehdr *h = &IMAGE64->header;

	REFUSED_WITH(h->e_ident[EI_MAG1] = 'F', "neither ELF nor a flat image");
	REFUSED_WITH(h->e_ident[EI_CLASS] = 3, "class");
	REFUSED_WITH(h->e_ident[EI_DATA] = ELFDATA2MSB, "class");
	REFUSED_WITH(h->e_type = ET_DYN, "fixed addresses");
	REFUSED_WITH(h->e_machine = EM_AARCH64, "not for x86");
	REFUSED_WITH(h->e_machine = EM_386, "not for x86");
	REFUSED_WITH(h->e_phnum = 0, "program headers");
	REFUSED_WITH(h->e_phentsize = 32, "program headers");
	REFUSED_WITH(h->e_phoff = IMAGE_SIZE - 10, "behind its end");
	REFUSED_WITH(h->e_phoff = ~0ULL - 10, "behind its end");
	REFUSED_WITH(h->e_phnum = 0xffff, "behind its end");
	REFUSED_WITH(h->e_entry = 0; NOTE->entry = TEXT_GPA + TEXT_SIZE, "entry point");
	REFUSED_WITH(NOTE->entry = 0, "no 64-bit entry");
	REFUSED_WITH(NOTE->header.n_type = 2, "no 64-bit entry");
	REFUSED_WITH(NOTE->owner[0] = 'X', "no 64-bit entry");
	REFUSED_WITH(NOTE->header.n_descsz = 4, "no 64-bit entry");
	REFUSED_WITH(NOTE->header.n_namesz = 0xffffffff, "no 64-bit entry");
	REFUSED_WITH(NOTE->header.n_descsz = 0xffffffff, "no 64-bit entry");
	REFUSED_WITH(IMAGE64->segment[2].p_filesz = 11, "no 64-bit entry");
}

static void test_bad_segments(void)
{
	Elf64_Phdr *s = IMAGE64->segment;

	REFUSED_WITH(s[1].p_offset = IMAGE_SIZE - DATA_SIZE + 0x1000, "cut off");
	REFUSED_WITH(s[1].p_filesz = IMAGE_SIZE, "cut off");
	REFUSED_WITH(s[1].p_offset = ~0ULL << 12, "cut off");
	REFUSED_WITH(s[2].p_offset = IMAGE_SIZE, "cut off");
	REFUSED_WITH(s[1].p_memsz = DATA_SIZE - 1, "larger in the file");
	REFUSED_WITH(s[1].p_align = 0x1001, "not aligned");
	REFUSED_WITH(s[1].p_vaddr++, "not aligned");
	REFUSED_WITH(s[1].p_paddr = RAM_BYTES, "does not fit");
	REFUSED_WITH(s[1].p_paddr = RAM_BYTES - START_RESERVED - DATA_MEM + 1, "does not fit");
	REFUSED_WITH(s[1].p_paddr = ~0ULL - 0x100, "does not fit");
	REFUSED_WITH(s[1].p_memsz = ~0ULL, "does not fit");
	REFUSED_WITH(s[1].p_paddr = 0x9f000, "640 KiB");
	REFUSED_WITH(s[1].p_paddr = 0xfffff, "640 KiB");
	REFUSED_WITH(s[1].p_paddr = TEXT_GPA + TEXT_SIZE - 1, "overlap");
	REFUSED_WITH(s[0].p_paddr = DATA_GPA; s[1].p_paddr = DATA_GPA - DATA_MEM + 1, "overlap");
	/* The other side of each border. */
	make_elf64(&paged);
	s[1].p_paddr = RAM_BYTES - START_RESERVED - DATA_MEM;
	CU_ASSERT(loads());
	make_elf64(&paged);
	s[1].p_paddr = 0xa0000 - DATA_MEM;
	CU_ASSERT(loads());
	make_elf64(&paged);
	s[1].p_paddr = TEXT_GPA + TEXT_SIZE;
	CU_ASSERT(loads());
	CU_ASSERT_EQUAL(memcmp(vm.ram + TEXT_GPA, image + TEXT_AT, TEXT_SIZE), 0);
}

/* A file that was cut off anywhere is loaded right or refused, and never read behind its end (valgrind and
 * the sanitizers look). */
static void test_cut_off_anywhere(void)
{
	for (u64 size = 0; size < DATA_AT + DATA_SIZE; size += 61) {
		u8 *copy = malloc(size ? size : 1);

		make_elf64(&paged);
		memcpy(copy, image, size);
		config.image = copy;
		config.image_size = size;
		CU_ASSERT_PTR_NOT_NULL(guest_load(&vm, &config));
		free(copy);
	}
}

static void test_bad_config(void)
{
	static char long_line[PAGE_SIZE + 1];
	static const u64 sizes[] = {0, MIB(1), MIB(2) - PAGE_SIZE, RAM_BYTES - 1, GIB(3) + PAGE_SIZE, ~0ULL};

	memset(long_line, 'x', PAGE_SIZE);
	make_elf64(&paged);
	config.cmdline = long_line;
	CU_ASSERT(refused("command line"));
	make_elf64(&paged);
	config.cmdline = long_line + 1;
	CU_ASSERT(loads());
	make_elf64(&unpaged);
	config.cmdline = NULL;
	CU_ASSERT(loads());
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_elf64(&paged);
		vm.ram_bytes = sizes[i];
		CU_ASSERT(refused("whole pages"));
	}
}

UNIT_MAIN("loader", {"ELF-64, 64-bit entry", test_elf64_long_mode},
	  {"ELF-64, Multiboot entry", test_elf64_multiboot}, {"ELF-32", test_elf32}, {"flat", test_flat},
	  {"entries", test_entries}, {"symbols", test_symbols}, {"bad Multiboot header", test_bad_multiboot},
	  {"bad flat image", test_bad_flat}, {"bad ELF header", test_bad_elf_header},
	  {"bad segments", test_bad_segments}, {"cut off anywhere", test_cut_off_anywhere},
	  {"bad configuration", test_bad_config})
