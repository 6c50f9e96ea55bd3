/* SPDX-License-Identifier: MIT */
/*
 * A guest made by hand, and the machine under the monitor as far as guest memory needs it. Included by one
 * test program each, so that these fakes stay out of the tests that link the real functions.
 *
 * The test's memory plays the machine's: the hpa of something is its address less HV_BASE, which hpa_to_hva()
 * undoes.
 */
#ifndef VMM_TESTS_GUEST_FIXTURE_H
#define VMM_TESTS_GUEST_FIXTURE_H

#include <stdarg.h>
#include <string.h>

#include "lib/panic.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"
#include "vmm/tlb.h"
#include "vmm/vm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define RAM_BYTES  MIB(16)
#define RAM_FRAMES (RAM_BYTES / PAGE_SIZE)
#define TABLES_GPA MIB(1) /* the guest's page tables: the top one first, then one after another */
#define ALL_RIGHTS (PTE_P | PTE_W | PTE_U)

static struct vm vm;
static struct vcpu vcpu;
static struct start_counters counters;
static u64 traced[RAM_FRAMES / 64];
static gpa_t next_table;
static unsigned ended; /* calls of vcpu_end() */

/* ---- fakes ---- */

static unsigned allocations_left; /* until the machine has no memory any more */

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

void *pages_alloc(u64 count, u64 align)
{
	void *p;

	if (!allocations_left)
		return NULL;
	allocations_left--;
	p = aligned_alloc(align, count * PAGE_SIZE);
	return p ? memset(p, 0, count * PAGE_SIZE) : NULL;
}

void *machine_alloc(u64 size)
{
	if (!allocations_left)
		return NULL;
	allocations_left--;
	return calloc(1, size);
}

void vcpu_fetch(struct vcpu *v, u32 groups)
{
	v->valid |= groups;
}

void vcpu_end(struct vcpu *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
	ended++;
}

/* Ends the test, and no other. */
void exercise_missing(struct vcpu *v, const char *exercise, const char *file, const char *function)
{
	static char text[256];

	(void)v;
	snprintf(text, sizeof(text), "exercise %s is yours to write (%s: %s)", exercise, file, function);
	CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_TRUE);
}

/* ---- the guest ---- */

static inline void set_cpl(unsigned cpl)
{
	vcpu.seg[SEG_SS].attr = SEG_ATTR_P | SEG_ATTR_S | cpl << SEG_ATTR_DPL_SHIFT;
}

/* A guest in long mode with an empty top-level table, CPL 0, CR0.WP and EFER.NXE on. */
static inline void guest_create(const struct cpu_engine *cpu, const struct mem_engine *mem)
{
	u8 *ram = vm.ram;

	if (!ram)
		ram = aligned_alloc(MIB(2), RAM_BYTES);
	memset(ram, 0, RAM_BYTES);
	memset(traced, 0, sizeof(traced));
	counters = (struct start_counters){0};
	memset(&vm, 0, sizeof(vm));
	vm.ram = ram;
	vm.ram_hpa = hva_to_hpa(ram);
	vm.ram_bytes = RAM_BYTES;
	vm.traced = traced;
	vm.counters = &counters;
	vm.vcpus[0] = &vcpu;
	vm.vcpu_count = 1;
	vcpu = (struct vcpu){
		.vm = &vm,
		.cpu = cpu,
		.mem = mem,
		.valid = VCPU_ALL,
		.cr0 = CR0_PE | CR0_PG | CR0_WP,
		.cr3 = TABLES_GPA,
		.cr4 = CR4_PAE,
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
	};
	set_cpl(0);
	next_table = TABLES_GPA + PAGE_SIZE;
	ended = 0;
	allocations_left = 1000;
}

static inline u64 *ram_u64(gpa_t gpa)
{
	return (u64 *)(vm.ram + gpa);
}

/* The guest's entry for gva at a level; missing tables above it are made, with all rights. */
static inline u64 *guest_entry(gva_t gva, unsigned level)
{
	u64 *entry = ram_u64((vcpu.cr3 & PTE_ADDR) + 8 * pt_index(gva, 4));

	for (unsigned l = 4; l > level; l--) {
		if (!*entry) {
			*entry = next_table | ALL_RIGHTS;
			next_table += PAGE_SIZE;
		}
		entry = ram_u64((*entry & PTE_ADDR) + 8 * pt_index(gva, l - 1));
	}
	return entry;
}

static inline void guest_map(gva_t gva, gpa_t gpa, u64 flags, unsigned level)
{
	*guest_entry(gva, level) = gpa | flags | (level > 1 ? PTE_PS : 0);
}

#endif
