// SPDX-License-Identifier: MIT
/* The controls and the host state are those that the engine writes on Bochs's corei7_skylake_x. */
#include "fake_vmcs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/03-vtx/controls.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "x86/paging.h"
#include "x86/regs.h"

#define ENCODINGS   0x8000
#define REVISION    0x2b
#define MEMORY_BASE 0x200000
#define PHYS_BITS   46
#define CURRENT     0x1ff000
#define HV_BASE     0xffff800000000000
#define CODE_RIP    (HV_BASE + 0x100000)

static u64 fields[ENCODINGS];
static u64 memory[CHECK_PAGES][PAGE_SIZE / sizeof(u64)];
struct check_cpu fake_cpu;

/* ---- the processor ---- */

#define MAY(must, may)          ((u64)(may) << 32 | (must))
#define BIT_OF(name, bit, text) | 1U << (bit)

#define DEFAULT1_PIN            0x00000016
#define DEFAULT1_PRIMARY        0x04006172
#define DEFAULT1_EXIT           0x00036dfb
#define DEFAULT1_ENTRY          0x000011fb

static const struct check_cpu everything = {
	.basic = REVISION | BIT(55),
	.misc = 4 << 16 | BIT(6) | BIT(7) | BIT(8),
	.pin = MAY(DEFAULT1_PIN, DEFAULT1_PIN PIN_CONTROL_LIST(BIT_OF)),
	.primary = MAY(DEFAULT1_PRIMARY, DEFAULT1_PRIMARY PRIMARY_CONTROL_LIST(BIT_OF)),
	.secondary = MAY(0, 0 SECONDARY_CONTROL_LIST(BIT_OF)),
	.exit = MAY(DEFAULT1_EXIT, DEFAULT1_EXIT EXIT_CONTROL_LIST(BIT_OF)),
	.entry = MAY(DEFAULT1_ENTRY, DEFAULT1_ENTRY ENTRY_CONTROL_LIST(BIT_OF)),
	.cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG,
	.cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = CR4_VMXE,
	.cr4_fixed1 = 0x00ffffff,
	.ept_vpid_cap = BIT(6) | BIT(8) | BIT(14),
	.vmfunc = 1,
	.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
	.perf_global_ctrl = 0x70000000f,
	.phys_bits = PHYS_BITS,
	.linear_bits = 48,
	.long_mode = true,
	.vmcs = CURRENT,
};

/* ---- the VMCS ---- */

struct value {
	u32 field;
	u64 value;
};

static const struct value engine[] = {
	{VMCS_PIN_BASED_CONTROLS, DEFAULT1_PIN | PIN_EXTERNAL_INTERRUPT_EXITING | PIN_NMI_EXITING |
					  PIN_VIRTUAL_NMIS | PIN_PREEMPTION_TIMER},
	{VMCS_PRIMARY_CONTROLS, DEFAULT1_PRIMARY | PRIMARY_TSC_OFFSETTING | PRIMARY_HLT_EXITING |
					PRIMARY_INVLPG_EXITING | PRIMARY_MWAIT_EXITING |
					PRIMARY_RDPMC_EXITING | PRIMARY_CR3_LOAD_EXITING |
					PRIMARY_CR3_STORE_EXITING | PRIMARY_CR8_LOAD_EXITING |
					PRIMARY_CR8_STORE_EXITING | PRIMARY_IO_BITMAPS | PRIMARY_MSR_BITMAPS |
					PRIMARY_MONITOR_EXITING | PRIMARY_ACTIVATE_SECONDARY},
	{VMCS_SECONDARY_CONTROLS, SECONDARY_RDTSCP | SECONDARY_WBINVD_EXITING},
	{VMCS_EXIT_CONTROLS,
	 DEFAULT1_EXIT | EXIT_SAVE_DEBUG | EXIT_HOST_64BIT | EXIT_ACKNOWLEDGE_INTERRUPT | EXIT_LOAD_EFER},
	{VMCS_ENTRY_CONTROLS, DEFAULT1_ENTRY | ENTRY_LOAD_DEBUG | ENTRY_LOAD_EFER},
	{VMCS_IO_BITMAP_A, 0x300000},
	{VMCS_IO_BITMAP_B, 0x301000},
	{VMCS_MSR_BITMAP, 0x302000},
	{VMCS_HOST_CR0, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG},
	{VMCS_HOST_CR3, 0x303000},
	{VMCS_HOST_CR4, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_VMXE | CR4_OSXSAVE},
	{VMCS_HOST_EFER, EFER_LME | EFER_LMA | EFER_NXE},
	{VMCS_HOST_CS_SELECTOR, 0xffc0},
	{VMCS_HOST_SS_SELECTOR, 0xffc8},
	{VMCS_HOST_DS_SELECTOR, 0xffc8},
	{VMCS_HOST_ES_SELECTOR, 0xffc8},
	{VMCS_HOST_TR_SELECTOR, 0xffd0},
	{VMCS_HOST_TR_BASE, HV_BASE + 0x110000},
	{VMCS_HOST_GDTR_BASE, HV_BASE + 0x120000},
	{VMCS_HOST_IDTR_BASE, HV_BASE + 0x130000},
	{VMCS_HOST_RSP, HV_BASE + 0x304100},
	{VMCS_HOST_RIP, HV_BASE + 0x100040},
	{VMCS_CR0_GUEST_HOST_MASK, ~(u64)CR0_TS},
	{VMCS_CR4_GUEST_HOST_MASK, ~0ULL},
};

static u64 read_field(void *context, u32 field)
{
	(void)context;
	if (!vmcs_field_name(field))
		panic("the checker reads field 0x%x, which does not exist", field);
	return fields[field];
}

static void write_field(void *context, u32 field, u64 value)
{
	(void)context;
	if (!vmcs_field_name(field))
		panic("a case writes field 0x%x, which does not exist", field);
	fields[field] = value;
}

void fake_write(u32 field, u64 value)
{
	write_field(NULL, field, value);
}

/* vmcs.c asks for it. */
u64 vmcs_read(u32 field)
{
	return read_field(NULL, field);
}

/* ---- memory: the pages of the cases, one behind the other ---- */

static bool read_memory(void *context, hpa_t hpa, u64 *value)
{
	u64 offset = hpa - MEMORY_BASE;

	(void)context;
	if (hpa == CURRENT) {
		*value = REVISION;
		return true;
	}
	if (hpa < MEMORY_BASE || offset >= sizeof(memory))
		return false;
	*value = memory[offset / PAGE_SIZE][offset % PAGE_SIZE / sizeof(u64)];
	return true;
}

/* ---- both ---- */

const struct check_vmcs fake_vmcs = {read_field, read_memory, NULL, &fake_cpu};

#define PAGE_AT(page) [CHECK_PAGE_##page] = MEMORY_BASE + CHECK_PAGE_##page * PAGE_SIZE

const struct check_target fake_target = {
	.read = read_field,
	.write = write_field,
	.pages = {PAGE_AT(ZEROS), PAGE_AT(ONES), PAGE_AT(MSRS), PAGE_AT(VMCS), PAGE_AT(SHADOW),
		  [CHECK_PAGE_CURRENT] = CURRENT, [CHECK_PAGE_TOP] = (1ULL << PHYS_BITS) - PAGE_SIZE},
};

void fake_reset(void)
{
	void *pages[CHECK_PAGES];

	for (unsigned i = 0; i < CHECK_PAGES; i++)
		pages[i] = memory[i];
	fake_cpu = everything;
	memset(fields, 0, sizeof(fields));
	check_cases_pages(pages, REVISION);
	for (unsigned i = 0; i < ARRAY_SIZE(engine); i++)
		fields[engine[i].field] = engine[i].value;
	check_cases_guest(&fake_target, CODE_RIP);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	abort();
}
