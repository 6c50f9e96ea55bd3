// SPDX-License-Identifier: MIT
/*
 * When the monitor may reach the guest's memory at its own addresses, and what it does when the CPU refuses.
 */
#include "labs/01-binary-translation/ring3.h"
#include "vmm/tests/guest_fixture.h"

#define GVA         0x0000200000000000
#define LAST_LOW    0x00007ffffffffff8
#define SLOT        HV_BASE
#define BEHIND_SLOT 0xffff808000000000
#define LAST        0xfffffffffffffff8
#define KERNEL_ROOT 0x5000
#define USER_ROOT   0x6000

static struct ring3 ring3;
static hpa_t kernel_root;
static unsigned copies, refused, faults; /* calls; the first copies that fault; calls of the memory engine */
static enum mem_result fault_result;
static struct mem_fault last_fault;

static bool copy(void)
{
	copies++;
	return copies > refused;
}

bool read_safe(void *dst, const void *src, u64 size)
{
	(void)dst;
	(void)src;
	(void)size;
	return copy();
}

bool write_safe(void *dst, const void *src, u64 size)
{
	(void)dst;
	(void)src;
	(void)size;
	return copy();
}

static hpa_t fake_root(struct vcpu *v, enum root_role role)
{
	(void)v;
	return role == ROLE_USER ? USER_ROOT : kernel_root;
}

static enum mem_result fake_fault(struct vcpu *v, struct mem_fault *f)
{
	(void)v;
	faults++;
	last_fault = *f;
	return fault_result;
}

/* As before each entry. The root is loaded already: there is no CR3 to write to here. */
static void enter(void)
{
	ring3_find_roots(&vcpu);
	CU_ASSERT_EQUAL_FATAL(ring3.root, ring3.roots[ring3.user]);
	ring3_load_root(&vcpu);
	vcpu.changed = 0;
}

static void new_guest(void)
{
	static const struct cpu_engine cpu = {.name = "test"};
	static const struct mem_engine mem = {.name = "test", .root = fake_root, .fault = fake_fault};

	guest_create(&cpu, &mem);
	vcpu.cpu_private = &ring3;
	kernel_root = KERNEL_ROOT;
	ring3 = (struct ring3){.root = KERNEL_ROOT};
	enter();
	copies = refused = faults = 0;
	fault_result = MEM_RETRY;
}

static bool reads(gva_t gva, u64 size, unsigned access)
{
	u8 buffer[64];

	copies = faults = 0;
	return ring3_read_linear(&vcpu, gva, buffer, size, access);
}

static bool writes(gva_t gva, u64 size, unsigned access)
{
	u8 buffer[64] = {0};

	copies = faults = 0;
	return ring3_write_linear(&vcpu, gva, buffer, size, access | ACCESS_WRITE);
}

/* Not a byte of the monitor's slot, none that is not canonical, and not around the end of the address space.
 */
static void test_addresses(void)
{
	static const struct {
		gva_t gva;
		u64 size;
		bool ok;
	} cases[] = {
		{0, 8, true},
		{GVA, 48, true},
		{LAST_LOW, 8, true},
		{LAST_LOW + 1, 8, false},
		{LAST_LOW + 8, 1, false},
		{SLOT - 1, 1, false},
		{SLOT - 1, 2, false},
		{SLOT, 1, false},
		{SLOT + GIB(4), 8, false},
		{BEHIND_SLOT - 1, 1, false},
		{BEHIND_SLOT - 1, 2, false},
		{BEHIND_SLOT, 8, true},
		{LAST - 1, 8, true},
		{LAST, 16, false},
		{~0ULL, 2, false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		new_guest();
		CU_ASSERT_EQUAL(reads(cases[i].gva, cases[i].size, ACCESS_READ), cases[i].ok);
		CU_ASSERT_EQUAL(copies, cases[i].ok ? 1 : 0);
		CU_ASSERT_EQUAL(faults, 0);
	}
}

/* Only on the root that gives the rights of the access, and never while another vcpu has the CPU. */
static void test_roots(void)
{
	new_guest();
	CU_ASSERT(reads(GVA, 8, ACCESS_READ));
	CU_ASSERT_FALSE(reads(GVA, 8, ACCESS_USER));
	kernel_root = KERNEL_ROOT + PAGE_SIZE; /* the guest has another address space now, not loaded yet */
	vcpu.changed = VCPU_CRS;
	CU_ASSERT_FALSE(reads(GVA, 8, ACCESS_READ));
	kernel_root = KERNEL_ROOT;
	CU_ASSERT(reads(GVA, 8, ACCESS_READ));
	vcpu.changed = 0;
	ring3.root = USER_ROOT;
	ring3.user = true;
	enter();
	set_cpl(3);
	CU_ASSERT_FALSE(reads(GVA, 8, ACCESS_READ));
	CU_ASSERT(reads(GVA, 8, ACCESS_USER));
	CU_ASSERT(writes(GVA, 8, ACCESS_USER));
	ring3.root = 0;
	ring3.linear = LINEAR_NONE;
	CU_ASSERT_FALSE(reads(GVA, 8, ACCESS_USER));
}

static void test_state(void)
{
	new_guest();
	ring3.watching = true;
	enter();
	CU_ASSERT_FALSE(reads(GVA, 8, ACCESS_READ));
	CU_ASSERT_FALSE(writes(GVA, 8, 0));
	ring3.watching = false;
	enter();
	CU_ASSERT(reads(GVA, 8, ACCESS_READ)); /* nothing stands against it any more */
	vcpu.efer &= ~(u64)EFER_LMA;           /* linear addresses of 32 bits */
	vcpu.changed = VCPU_CRS;
	CU_ASSERT_FALSE(reads(GVA, 8, ACCESS_READ));
	enter();
	CU_ASSERT_FALSE(reads(GVA, 8, ACCESS_READ));
	CU_ASSERT_EQUAL(copies, 0);
}

/* A write into two pages could be done by half. */
static void test_two_pages(void)
{
	new_guest();
	CU_ASSERT(writes(GVA + PAGE_SIZE - 8, 8, 0));
	CU_ASSERT_FALSE(writes(GVA + PAGE_SIZE - 7, 8, 0));
	CU_ASSERT_EQUAL(copies, 0);
	CU_ASSERT(reads(GVA + PAGE_SIZE - 7, 8, 0));
}

/* What the memory engine mends is tried once more; everything else is the walk's to find out. */
static void test_refused(void)
{
	new_guest();
	refused = 1;
	CU_ASSERT(reads(GVA, 8, 0));
	CU_ASSERT_EQUAL(copies, 2);
	CU_ASSERT_EQUAL(faults, 1);
	CU_ASSERT_EQUAL(last_fault.gva, GVA);
	CU_ASSERT_EQUAL(last_fault.error, 0);
	CU_ASSERT(writes(GVA, 8, 0));
	CU_ASSERT_EQUAL(last_fault.error, PF_WRITE);
	refused = 2;
	CU_ASSERT_FALSE(writes(GVA, 8, 0));
	CU_ASSERT_EQUAL(copies, 2);
	refused = 1;
	fault_result = MEM_MMIO;
	CU_ASSERT_FALSE(reads(GVA, 8, 0));
	CU_ASSERT_EQUAL(copies, 1);
	fault_result = MEM_RETRY;
	set_cpl(3); /* an access that the CPU makes for user code has the kernel's rights, not its own */
	CU_ASSERT_FALSE(reads(GVA, 8, 0));
	CU_ASSERT_EQUAL(faults, 0);
}

UNIT_MAIN("linear", {"addresses", test_addresses}, {"roots", test_roots}, {"state", test_state},
	  {"two pages", test_two_pages}, {"what the CPU refuses", test_refused})
