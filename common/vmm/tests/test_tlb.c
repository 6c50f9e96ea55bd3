// SPDX-License-Identifier: MIT
/*
 * An engine whose guest has a tag of its own in the TLB drops the translations itself. (What the others get,
 * INVLPG and a load of CR3, only the machine can show.)
 */
#include "lib/tests/unit.h"
#include "vmm/engine.h"
#include "vmm/tlb.h"
#include "vmm/vcpu.h"

static struct vcpu *flushed;
static gva_t page;
static unsigned pages, all;

static void own_page(struct vcpu *v, gva_t gva)
{
	flushed = v;
	page = gva;
	pages++;
}

static void own_all(struct vcpu *v)
{
	flushed = v;
	all++;
}

static void test_tagged(void)
{
	static const struct cpu_engine engine = {
		.name = "tagged", .tlb_flush_page = own_page, .tlb_flush_all = own_all};
	static struct vcpu v = {.cpu = &engine};

	tlb_flush_page(&v, 0x1234000);
	CU_ASSERT_PTR_EQUAL(flushed, &v);
	CU_ASSERT_EQUAL(page, 0x1234000);
	CU_ASSERT_EQUAL(pages, 1);
	CU_ASSERT_EQUAL(all, 0);
	tlb_flush_all(&v);
	CU_ASSERT_EQUAL(pages, 1);
	CU_ASSERT_EQUAL(all, 1);
}

UNIT_MAIN("tlb", {"a guest with a tag of its own", test_tagged})
