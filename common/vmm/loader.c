// SPDX-License-Identifier: MIT
/*
 * Puts a guest into its memory and its first vcpu at the entry.
 *
 * The image is an ELF executable with a Multiboot header, placed by the physical addresses of its segments,
 * or a flat file whose Multiboot header says where it goes. It comes from outside, so everything that it says
 * is checked: no byte is placed outside the guest's RAM, over the legacy hole, over another segment or over
 * what the loader itself leaves at the top of RAM:
 *
 *   START_RESERVED below the end:  start information | counters | Multiboot information, GDT | command line |
 * page tables
 *
 * Source: Multiboot Specification 0.6.96, 3.1 "OS image format", 3.2 "Machine state", 3.3 "Boot information
 * format"; abi/start_info.h for the 64-bit entry. Left out: video modes, guest modules other than the start
 * information, relocation. An ELF file is placed as ELF even where its header has addresses too: those
 * describe the flat file made of it.
 */
#include "boot/multiboot.h"
#include "devices/lapic.h"
#include "lib/string.h"
#include "vmm/elf.h"
#include "vmm/intercept.h"
#include "vmm/loader.h"
#include "x86/paging.h"

#define LOW_RAM_END      0xa0000 /* from here to 1 MiB the PC has video memory and ROMs */
#define HIGH_RAM_START   MIB(1)
#define RAM_MIN          MIB(2)
#define RAM_MAX          GIB(3) /* above it are the PCI hole, the IO-APIC, the local APIC */

#define MAX_RANGES       16
#define BOOT_MAP_TABLES  4          /* of 1 GiB each */
#define MULTIBOOT_NEEDED 0x0000ffff /* flags that the loader has to understand */
#define MODULE_NAME      "start-info"
#define LOADER_NAME      "hvlab"

#define GDT_ENTRIES      3
#define BOOT_SEL_CODE    0x08
#define BOOT_SEL_DATA    0x10
#define ATTR_FLAT        (SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_G | SEG_TYPE_ACCESSED)
#define ATTR_DATA        (ATTR_FLAT | SEG_ATTR_DB | SEG_TYPE_WRITABLE)
#define ATTR_CODE32      (ATTR_FLAT | SEG_ATTR_DB | SEG_TYPE_CODE | SEG_TYPE_READABLE)
#define ATTR_CODE64      (ATTR_FLAT | SEG_ATTR_L | SEG_TYPE_CODE | SEG_TYPE_READABLE)
#define FLAT_LIMIT       0xffffffff

/* What Multiboot's EBX points to, and what that points to. */
struct boot_info {
	struct multiboot_info info;
	struct multiboot_module module;
	struct multiboot_mmap mmap[4];
	char module_name[16];
	char loader_name[16];
	_Alignas(8) u64 gdt[GDT_ENTRIES];
};
_Static_assert(sizeof(MODULE_NAME) <= 16 && sizeof(LOADER_NAME) <= 16, "names in boot_info");

/* The end of the guest's RAM, as the guest finds it. */
struct loader_area {
	_Alignas(PAGE_SIZE) struct start_info start;
	_Alignas(PAGE_SIZE) struct start_counters counters;
	_Alignas(PAGE_SIZE) struct boot_info boot;
	_Alignas(PAGE_SIZE) char cmdline[PAGE_SIZE];
	u64 pml4[PT_ENTRIES];
	u64 pdpt[PT_ENTRIES];
	u64 pd[BOOT_MAP_TABLES][PT_ENTRIES];
};
_Static_assert(sizeof(struct loader_area) <= START_RESERVED, "the reserved end of RAM");

/* A load in progress. */
struct loading {
	struct vm *vm;
	const struct vm_config *config;
	gpa_t area; /* of struct loader_area */
	struct {
		gpa_t start, end;
	} range[MAX_RANGES]; /* where the image lies */
	unsigned ranges;
	gpa_t entry32; /* 0: no such entry */
	gpa_t entry64;
};

/* ---- placing the image ---- */

static const char *place(struct loading *l, gpa_t gpa, const u8 *from, u64 file_size, u64 mem_size)
{
	gpa_t end = gpa + mem_size;
	u8 *to;

	if (!mem_size)
		return NULL;
	if (end < gpa || end > l->area)
		return "its image does not fit into its memory";
	if (gpa < HIGH_RAM_START && end > LOW_RAM_END)
		return "its image has a part between 640 KiB and 1 MiB, where a PC has no RAM";
	for (unsigned i = 0; i < l->ranges; i++) {
		if (gpa < l->range[i].end && l->range[i].start < end)
			return "two parts of its image overlap in memory";
	}
	if (l->ranges == MAX_RANGES)
		return "its image has too many parts";
	l->range[l->ranges].start = gpa;
	l->range[l->ranges++].end = end;
	to = gpa_to_hva(l->vm, gpa, mem_size);
	memcpy(to, from, file_size);
	memset(to + file_size, 0, mem_size - file_size);
	return NULL;
}

static bool is_placed(const struct loading *l, gpa_t gpa)
{
	for (unsigned i = 0; i < l->ranges; i++) {
		if (gpa >= l->range[i].start && gpa < l->range[i].end)
			return true;
	}
	return false;
}

/* Entries are used with paging off or 1:1; a linker may nevertheless have given a virtual address of the same
 * place. */
static gpa_t entry_to_gpa(const struct elf_file *e, u64 entry)
{
	for (unsigned i = 0; i < e->segments; i++) {
		struct elf_segment s;

		if (!elf_segment(e, i, &s) && s.load && entry >= s.vaddr && entry - s.vaddr < s.mem_size)
			return s.paddr + (entry - s.vaddr);
	}
	return entry;
}

static const char *load_elf(struct loading *l)
{
	const struct vm_config *c = l->config;
	struct guest_symbols *guest = &l->vm->symbols;
	struct elf_symbols symbols;
	struct elf_file e;
	u64 entry64;
	const char *why = elf_open(&e, c->image, c->image_size);

	for (unsigned i = 0; !why && i < e.segments; i++) {
		struct elf_segment s;

		why = elf_segment(&e, i, &s);
		if (!why && s.load)
			why = place(l, s.paddr, e.data + s.offset, s.file_size, s.mem_size);
	}
	if (why)
		return why;
	l->entry32 = entry_to_gpa(&e, e.entry);
	if (elf_note(&e, START_NOTE_OWNER, START_NOTE_ENTRY64, &entry64, sizeof(entry64)))
		l->entry64 = entry_to_gpa(&e, entry64);
	if (elf_symbols(&e, &symbols))
		*guest = (struct guest_symbols){symbols.symtab, symbols.count, symbols.strings,
						symbols.strings_size};
	return NULL;
}

/* `at` is where the header lies in the file, which is also what ties file offsets to addresses. */
static const char *load_flat(struct loading *l, const struct multiboot_header *h, u64 at)
{
	const struct vm_config *c = l->config;
	u64 before = (u64)h->header_addr - h->load_addr; /* bytes loaded before the header */
	u64 file_size, mem_size;

	if (!(h->flags & MULTIBOOT_ADDRESSES))
		return "its file is neither ELF nor a flat image with addresses in its Multiboot header";
	if (h->load_addr > h->header_addr || before > at)
		return "its Multiboot header says that loading begins before the file does";
	file_size = h->load_end_addr ? (u64)h->load_end_addr - h->load_addr : c->image_size - (at - before);
	if ((h->load_end_addr && h->load_end_addr < h->load_addr) ||
	    file_size > c->image_size - (at - before))
		return "its file is cut off: the Multiboot header asks for bytes behind its end";
	mem_size = h->bss_end_addr ? (u64)h->bss_end_addr - h->load_addr : file_size;
	if (h->bss_end_addr && (h->bss_end_addr < h->load_addr || mem_size < file_size))
		return "its Multiboot header says that memory ends before the loaded part does";
	l->entry32 = h->entry_addr;
	return place(l, h->load_addr, (const u8 *)c->image + (at - before), file_size, mem_size);
}

/* The offset of the Multiboot header in the file; false when there is none. */
static bool find_header(const struct vm_config *c, struct multiboot_header *h, u64 *at)
{
	const u64 base_size = offsetof(struct multiboot_header, header_addr); /* of one without addresses */

	for (*at = 0; *at + base_size <= MIN(c->image_size, MULTIBOOT_SEARCH); *at += sizeof(u32)) {
		*h = (struct multiboot_header){0};
		memcpy(h, (const u8 *)c->image + *at, base_size);
		if (h->magic != MULTIBOOT_HEADER_MAGIC || h->magic + h->flags + h->checksum)
			continue;
		if (!(h->flags & MULTIBOOT_ADDRESSES))
			return true;
		if (*at + sizeof(*h) > MIN(c->image_size, MULTIBOOT_SEARCH))
			return false;
		memcpy(h, (const u8 *)c->image + *at, sizeof(*h));
		return true;
	}
	return false;
}

static const char *load_image(struct loading *l)
{
	const struct vm_config *c = l->config;
	struct multiboot_header h;
	gpa_t entry;
	u64 at;
	const char *why;

	if (!find_header(c, &h, &at))
		return "its file has no Multiboot header in the first 8 KiB";
	if (h.flags & MULTIBOOT_NEEDED & ~(MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO))
		return "its Multiboot header asks for something that this loader does not have";
	why = elf_is(c->image, c->image_size) ? load_elf(l) : load_flat(l, &h, at);
	if (why)
		return why;
	entry = c->cpu->starts_unpaged ? l->entry32 : l->entry64;
	if (!entry && !c->cpu->starts_unpaged)
		return "it has no 64-bit entry, and the CPU engine cannot start at the 32-bit one";
	if (!is_placed(l, entry))
		return "its entry point lies outside of its image";
	return NULL;
}

/* ---- what the loader leaves for the guest ---- */

#define AREA_GPA(l, member) ((l)->area + offsetof(struct loader_area, member))

static void make_start_info(const struct loading *l, struct start_info *s)
{
	const struct vm_config *c = l->config;

	*s = (struct start_info){
		.magic = START_INFO_MAGIC,
		.version = START_INFO_VERSION,
		.features = guest_features(c->cpu),
		.ram_bytes = l->vm->ram_bytes,
		.cmdline = AREA_GPA(l, cmdline),
		.counters = AREA_GPA(l, counters),
		.tsc_hz = vm_tick_hz(l->vm),
		.apic_hz = lapic_timer_hz(l->vm),
	};
	memcpy(s->cpu_engine, c->cpu->name, MIN(strlen(c->cpu->name), sizeof(s->cpu_engine) - 1));
	memcpy(s->mem_engine, c->mem->name, MIN(strlen(c->mem->name), sizeof(s->mem_engine) - 1));
}

static void make_boot_info(const struct loading *l, struct boot_info *b)
{
	const struct {
		u64 base, end;
		u32 type;
	} map[ARRAY_SIZE(b->mmap)] = {
		{0, LOW_RAM_END, MULTIBOOT_MMAP_RAM},
		{LOW_RAM_END, HIGH_RAM_START, MULTIBOOT_MMAP_RESERVED},
		{HIGH_RAM_START, l->area, MULTIBOOT_MMAP_RAM},
		{l->area, l->vm->ram_bytes, MULTIBOOT_MMAP_RESERVED},
	};

	b->info = (struct multiboot_info){
		.flags = MULTIBOOT_INFO_MEMORY | MULTIBOOT_INFO_CMDLINE | MULTIBOOT_INFO_MODULES |
			 MULTIBOOT_INFO_MMAP | MULTIBOOT_INFO_LOADER,
		.mem_lower = LOW_RAM_END / KIB(1),
		.mem_upper = (u32)((l->area - HIGH_RAM_START) / KIB(1)),
		.cmdline = (u32)AREA_GPA(l, cmdline),
		.mods_count = 1,
		.mods_addr = (u32)AREA_GPA(l, boot.module),
		.mmap_length = sizeof(b->mmap),
		.mmap_addr = (u32)AREA_GPA(l, boot.mmap),
		.loader_name = (u32)AREA_GPA(l, boot.loader_name),
	};
	for (unsigned i = 0; i < ARRAY_SIZE(map); i++) {
		b->mmap[i] = (struct multiboot_mmap){
			.size = sizeof(b->mmap[i]) - sizeof(b->mmap[i].size),
			.base = map[i].base,
			.length = map[i].end - map[i].base,
			.type = map[i].type,
		};
	}
	b->module = (struct multiboot_module){
		.start = (u32)AREA_GPA(l, start),
		.end = (u32)AREA_GPA(l, start) + PAGE_SIZE,
		.string = (u32)AREA_GPA(l, boot.module_name),
	};
	memcpy(b->module_name, MODULE_NAME, sizeof(MODULE_NAME));
	memcpy(b->loader_name, LOADER_NAME, sizeof(LOADER_NAME));
	b->gdt[BOOT_SEL_CODE / sizeof(u64)] =
		desc_make(0, FLAT_LIMIT, l->config->cpu->starts_unpaged ? ATTR_CODE32 : ATTR_CODE64);
	b->gdt[BOOT_SEL_DATA / sizeof(u64)] = desc_make(0, FLAT_LIMIT, ATTR_DATA);
}

/* The first 4 GiB mapped to themselves, for the kernel only. */
static void make_page_tables(const struct loading *l, struct loader_area *a)
{
	a->pml4[0] = AREA_GPA(l, pdpt) | PTE_P | PTE_W;
	for (unsigned i = 0; i < BOOT_MAP_TABLES; i++) {
		a->pdpt[i] = (AREA_GPA(l, pd) + i * sizeof(a->pd[i])) | PTE_P | PTE_W;
		for (unsigned j = 0; j < PT_ENTRIES; j++)
			a->pd[i][j] = (i * pt_span(3) + j * pt_span(2)) | PTE_P | PTE_W | PTE_PS;
	}
}

static const char *make_area(const struct loading *l)
{
	const char *cmdline = l->config->cmdline ? l->config->cmdline : "";
	struct loader_area *a = gpa_to_hva(l->vm, l->area, sizeof(*a));

	if (strlen(cmdline) >= sizeof(a->cmdline))
		return "its command line is longer than a page";
	memset(a, 0, sizeof(*a));
	memcpy(a->cmdline, cmdline, strlen(cmdline));
	make_start_info(l, &a->start);
	make_boot_info(l, &a->boot);
	make_page_tables(l, a);
	l->vm->counters = &a->counters;
	return NULL;
}

/* ---- the state at the entry ---- */

static void set_segments(struct vcpu *v, u32 code_attr)
{
	const struct segment data = {.selector = BOOT_SEL_DATA, .attr = ATTR_DATA, .limit = FLAT_LIMIT};

	for (unsigned i = SEG_ES; i <= SEG_GS; i++)
		v->seg[i] = data;
	v->seg[SEG_CS] = (struct segment){.selector = BOOT_SEL_CODE, .attr = code_attr, .limit = FLAT_LIMIT};
	v->seg[SEG_LDTR] = (struct segment){.attr = SEG_ATTR_UNUSABLE};
	/* VT-x wants a busy TSS there, even if nobody uses it: SDM vol. 3C, 26.3.1.2. */
	v->seg[SEG_TR] = (struct segment){
		.attr = SEG_ATTR_P | SYS_TYPE_TSS_BUSY,
		.limit = sizeof(struct tss64) - 1,
	};
}

static void set_entry(const struct loading *l, struct vcpu *v)
{
	bool unpaged = l->config->cpu->starts_unpaged;

	vcpu_need(v, VCPU_ALL);
	memset(v->gpr, 0, sizeof(v->gpr));
	v->rflags = RFLAGS_RESERVED1;
	v->cr0 = CR0_PE | CR0_ET;
	v->cr2 = v->cr3 = v->cr4 = v->cr8 = v->efer = 0;
	v->gdtr.base = AREA_GPA(l, boot.gdt);
	v->gdtr.limit = GDT_ENTRIES * sizeof(u64) - 1;
	v->idtr.base = 0;
	v->idtr.limit = 0;
	v->interrupt_shadow = v->nmi_blocked = false;
	set_segments(v, unpaged ? ATTR_CODE32 : ATTR_CODE64);
	if (unpaged) {
		v->rip = l->entry32;
		v->gpr[GPR_RAX] = MULTIBOOT_BOOT_MAGIC;
		v->gpr[GPR_RBX] = AREA_GPA(l, boot.info);
	} else {
		v->rip = l->entry64;
		v->gpr[GPR_RAX] = START_INFO_MAGIC;
		v->gpr[GPR_RDI] = AREA_GPA(l, start);
		v->cr0 |= CR0_PG;
		v->cr3 = AREA_GPA(l, pml4);
		v->cr4 = CR4_PAE;
		v->efer = EFER_LME | EFER_LMA;
	}
	vcpu_changed(v, VCPU_ALL);
}

const char *guest_load(struct vm *vm, const struct vm_config *c)
{
	struct loading l = {.vm = vm, .config = c};
	const char *why;

	if (vm->ram_bytes < RAM_MIN || vm->ram_bytes > RAM_MAX || vm->ram_bytes % PAGE_SIZE)
		return "its memory has to be whole pages, 2 MiB at least and 3 GiB at most";
	l.area = vm->ram_bytes - START_RESERVED;
	why = load_image(&l);
	if (!why)
		why = make_area(&l);
	if (!why)
		set_entry(&l, vm->vcpus[0]);
	return why;
}

const char *guest_symbol(const struct vm *vm, gva_t gva, u64 *offset)
{
	const struct elf_symbols s = {
		.symtab = vm->symbols.symtab,
		.count = vm->symbols.count,
		.strings = vm->symbols.strings,
		.strings_size = vm->symbols.strings_size,
	};

	return elf_symbol_find(&s, gva, offset);
}
