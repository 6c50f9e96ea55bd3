// SPDX-License-Identifier: MIT
/*
 * The vtlb memory engine to its contract: what a guest sees through the shadow is what its own tables say,
 * after it has flushed as it would have to on a real CPU. A model of the CPU runs on the shadow tables; an
 * oracle with the rules of SDM vol. 3A, 4.6 and 4.7 says what has to come of each access; a random test with
 * a fixed seed compares the two.
 */
#include "shadow_cpu.h"

#define GVA       0x0000200000000000
#define FRAME     0x00300000
#define MONITOR   0x5a5a5007 /* the monitor's entry of its slot */
#define SLOT_GVA  HV_BASE
#define MAX_TRIES 4 /* of one access: not present, then accessed, then dirty */

static const struct cpu_engine pair = {.name = "pair", .root_kind = ROOT_PAIR};
static const struct cpu_engine faithful = {.name = "faithful", .root_kind = ROOT_FAITHFUL};
static const struct cpu_engine *const engines[] = {&pair, &faithful};

static void *fresh_vtlb[ARRAY_SIZE(
	engines)]; /* one vtlb an engine for all cases: they are large and never given back */

static void create(const struct cpu_engine *cpu)
{
	void **known = &fresh_vtlb[cpu == &faithful];

	guest_create(cpu, &vtlb_engine);
	machine_top[HV_PML4_SLOT] = MONITOR;
	if (!*known) {
		CU_ASSERT_EQUAL(vtlb_engine.vcpu_init(&vcpu), 0);
		*known = vcpu.mem_private;
	}
	vcpu.mem_private = *known;
	vtlb_engine.cr3_written(&vcpu);
	counters = (struct start_counters){0};
	flushed_pages = flushed_all = 0;
	loaded_root = 0;
}

static hpa_t current_root(void)
{
	enum root_role role = vcpu.cpu == &faithful  ? ROLE_SINGLE
			      : vcpu_cpl(&vcpu) == 3 ? ROLE_USER
						     : ROLE_KERNEL;

	return vtlb_engine.root(&vcpu, role);
}

struct outcome {
	enum mem_result result; /* MEM_RETRY: the access was done */
	hpa_t hpa;
	u32 error;
	gpa_t gpa;
	const char *why;
	unsigned faults; /* hidden ones on the way */
};

/* The guest accesses gva at its CPL, `access` without ACCESS_USER: everything that the hardware and the
 * monitor do for it. */
static struct outcome guest_access(gva_t gva, unsigned access)
{
	bool hardware_user = vcpu.cpu == &pair || vcpu_cpl(&vcpu) == 3;
	struct outcome o = {.result = MEM_RETRY};
	struct mem_fault f;
	u32 error;

	for (o.faults = 0; o.faults <= MAX_TRIES; o.faults++) {
		if (cpu_access(current_root(), gva, access & ACCESS_WRITE, access & ACCESS_FETCH,
			       hardware_user, &o.hpa, &error))
			return o;
		f = (struct mem_fault){.gva = gva, .error = error};
		o.result = vtlb_engine.fault(&vcpu, &f);
		if (o.result != MEM_RETRY) {
			o.error = f.error;
			o.gpa = f.gpa;
			o.why = f.why;
			return o;
		}
	}
	CU_FAIL("faults for ever");
	return o;
}

static bool reaches(gva_t gva, unsigned access, gpa_t gpa)
{
	struct outcome o = guest_access(gva, access);

	return o.result == MEM_RETRY && o.hpa == vm.ram_hpa + gpa;
}

static bool faults_with(gva_t gva, unsigned access, u32 error)
{
	struct outcome o = guest_access(gva, access);

	return o.result == MEM_GUEST_FAULT && o.error == error;
}

/* ---- single rules ---- */

static void test_fill(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
		create(engines[i]);
		guest_map(GVA, FRAME, ALL_RIGHTS, 1);
		CU_ASSERT(reaches(GVA + 0x123, ACCESS_READ, FRAME + 0x123));
		CU_ASSERT_EQUAL(counters.hidden_faults, 1);
		CU_ASSERT_EQUAL(*guest_entry(GVA, 1) & (PTE_A | PTE_D), PTE_A);
		CU_ASSERT(reaches(GVA, ACCESS_FETCH, FRAME));
		CU_ASSERT_EQUAL(counters.hidden_faults, 1);
		CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
		CU_ASSERT_EQUAL(counters.hidden_faults, 2);
		CU_ASSERT_EQUAL(*guest_entry(GVA, 1) & (PTE_A | PTE_D), PTE_A | PTE_D);
		CU_ASSERT(reaches(GVA + 8, ACCESS_WRITE, FRAME + 8));
		CU_ASSERT_EQUAL(counters.hidden_faults, 2);
		CU_ASSERT(faults_with(GVA + PAGE_SIZE, ACCESS_WRITE, PF_WRITE));
		CU_ASSERT_EQUAL(counters.hidden_faults, 2);
	}
}

/* D set by the guest itself: writable at once. */
static void test_dirty_already(void)
{
	create(&pair);
	guest_map(GVA, FRAME, ALL_RIGHTS | PTE_D, 1);
	CU_ASSERT(reaches(GVA, ACCESS_READ, FRAME));
	CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
	CU_ASSERT_EQUAL(counters.hidden_faults, 1);
}

/* The roots of a pair: every page of the kernel's is a user page for the hardware, the user's has the guest's
 * user pages alone. */
static void test_pair(void)
{
	struct tlb_entry e;

	create(&pair);
	guest_map(GVA, FRAME, PTE_P | PTE_W, 1);
	guest_map(GVA + PAGE_SIZE, FRAME + PAGE_SIZE, ALL_RIGHTS, 1);
	CU_ASSERT_NOT_EQUAL(vtlb_engine.root(&vcpu, ROLE_KERNEL), vtlb_engine.root(&vcpu, ROLE_USER));
	CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
	CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME + PAGE_SIZE));
	CU_ASSERT(shadow_lookup(vtlb_engine.root(&vcpu, ROLE_KERNEL), GVA, &e));
	CU_ASSERT(e.user && e.write);
	CU_ASSERT(!shadow_lookup(vtlb_engine.root(&vcpu, ROLE_USER), GVA, &e));
	set_cpl(3);
	CU_ASSERT(faults_with(GVA, ACCESS_READ, PF_PRESENT | PF_USER));
	CU_ASSERT(!shadow_lookup(vtlb_engine.root(&vcpu, ROLE_USER), GVA, &e));
	CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME + PAGE_SIZE));
	/* Rings 1 and 2 are supervisor too. */
	set_cpl(1);
	CU_ASSERT(reaches(GVA, ACCESS_READ, FRAME));
}

/* In ring 3 the hardware always says "user": the error code for the guest comes from the virtual CPL. */
static void test_error_of_the_true_access(void)
{
	create(&pair);
	guest_map(GVA, FRAME, PTE_P | PTE_U, 1);
	CU_ASSERT(faults_with(GVA, ACCESS_WRITE, PF_PRESENT | PF_WRITE));
	CU_ASSERT(faults_with(GVA + PAGE_SIZE, ACCESS_FETCH, PF_FETCH));
	set_cpl(3);
	CU_ASSERT(faults_with(GVA, ACCESS_WRITE, PF_PRESENT | PF_WRITE | PF_USER));
	CU_ASSERT(faults_with(GVA + PAGE_SIZE, ACCESS_READ, PF_USER));
	/* Hardware in the guest's own rings is right, also where user mode's descriptor tables are read. */
	create(&faithful);
	guest_map(GVA, FRAME, PTE_P, 1);
	set_cpl(3);
	CU_ASSERT_EQUAL(vtlb_engine.fault(&vcpu, &(struct mem_fault){.gva = GVA, .error = 0}), MEM_RETRY);
	CU_ASSERT(faults_with(GVA, ACCESS_READ, PF_PRESENT | PF_USER));
}

static void test_write_protect_bit(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
		create(engines[i]);
		guest_map(GVA, FRAME, PTE_P | PTE_U, 1);
		guest_map(GVA + PAGE_SIZE, FRAME, PTE_P, 1);
		CU_ASSERT(faults_with(GVA, ACCESS_WRITE, PF_PRESENT | PF_WRITE));
		vcpu.cr0 &= ~(u64)CR0_WP;
		vtlb_engine.mode_changed(&vcpu);
		CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
		CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME));
		CU_ASSERT(*guest_entry(GVA, 1) & PTE_D);
		/* It does not leak to user mode, and user mode does not take it away. */
		set_cpl(3);
		CU_ASSERT(reaches(GVA, ACCESS_READ, FRAME));
		CU_ASSERT(faults_with(GVA, ACCESS_WRITE, PF_PRESENT | PF_WRITE | PF_USER));
		CU_ASSERT(faults_with(GVA + PAGE_SIZE, ACCESS_READ, PF_PRESENT | PF_USER));
		set_cpl(0);
		CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
		vcpu.cr0 |= CR0_WP;
		vtlb_engine.mode_changed(&vcpu);
		CU_ASSERT(faults_with(GVA, ACCESS_WRITE, PF_PRESENT | PF_WRITE));
		CU_ASSERT(faults_with(GVA + PAGE_SIZE, ACCESS_WRITE, PF_PRESENT | PF_WRITE));
	}
}

static void test_no_execute(void)
{
	create(&pair);
	guest_map(GVA, FRAME, ALL_RIGHTS | PTE_NX, 1);
	CU_ASSERT(reaches(GVA, ACCESS_READ, FRAME));
	CU_ASSERT(faults_with(GVA, ACCESS_FETCH, PF_PRESENT | PF_FETCH));
	vcpu.efer &= ~(u64)EFER_NXE;
	vtlb_engine.mode_changed(&vcpu);
	CU_ASSERT(faults_with(GVA, ACCESS_READ, PF_PRESENT | PF_RSVD));
	*guest_entry(GVA, 1) &= ~PTE_NX;
	CU_ASSERT(reaches(GVA, ACCESS_FETCH, FRAME));
}

static void test_invlpg(void)
{
	for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
		create(&pair);
		set_cpl(cpl);
		guest_map(GVA, FRAME, ALL_RIGHTS, 1);
		guest_map(GVA + PAGE_SIZE, FRAME, ALL_RIGHTS, 1);
		CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
		CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME));
		guest_map(GVA, MIB(5), ALL_RIGHTS, 1);
		vtlb_engine.invlpg(&vcpu, GVA + 77);
		counters.hidden_faults = 0;
		CU_ASSERT(reaches(GVA, ACCESS_READ, MIB(5)));
		CU_ASSERT_EQUAL(counters.hidden_faults, 1);
		CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME));
		CU_ASSERT_EQUAL(counters.hidden_faults, 1);
		CU_ASSERT_EQUAL(counters.tlb_flushes, 0);
		/* Nothing there, not canonical, the monitor's slot: no effect. */
		vtlb_engine.invlpg(&vcpu, 0);
		vtlb_engine.invlpg(&vcpu, 0x0000800000000000);
		vtlb_engine.invlpg(&vcpu, SLOT_GVA);
	}
}

static void test_cr3(void)
{
	create(&pair);
	guest_map(GVA, FRAME, ALL_RIGHTS | PTE_G, 1);
	CU_ASSERT(reaches(GVA, ACCESS_READ, FRAME));
	set_cpl(3);
	CU_ASSERT(reaches(GVA, ACCESS_READ, FRAME));
	*guest_entry(GVA, 1) = 0;
	vtlb_engine.cr3_written(&vcpu);
	CU_ASSERT_EQUAL(counters.tlb_flushes, 1);
	CU_ASSERT(faults_with(GVA, ACCESS_READ, PF_USER));
	set_cpl(0);
	CU_ASSERT(faults_with(GVA, ACCESS_READ, 0));
}

/* INVLPG of any address of a large page drops all of its pieces (SDM vol. 3A, 4.10.4.1). */
static void test_large_pages(void)
{
	for (unsigned level = 2; level <= 3; level++) {
		gva_t gva = 0x0000400000000000;

		create(&pair);
		guest_map(gva, 0, ALL_RIGHTS, level);
		CU_ASSERT(reaches(gva + 0x3000, ACCESS_WRITE, 0x3000));
		CU_ASSERT(*guest_entry(gva, level) & PTE_D);
		CU_ASSERT(reaches(gva + 0x1ff123, ACCESS_READ, 0x1ff123));
		CU_ASSERT(reaches(gva + 0x1ff123, ACCESS_WRITE, 0x1ff123));
		CU_ASSERT_EQUAL(counters.hidden_faults, 2);
		*guest_entry(gva, level) = (level == 2 ? MIB(2) : 0) | PTE_P | PTE_U | PTE_PS;
		vtlb_engine.invlpg(&vcpu, gva + 0x8000);
		CU_ASSERT(faults_with(gva + 0x3000, ACCESS_WRITE, PF_PRESENT | PF_WRITE));
		CU_ASSERT(reaches(gva + 0x1ff123, ACCESS_READ, (level == 2 ? MIB(2) : 0) + 0x1ff123));
	}
	/* The end of a 1 GiB page lies behind the end of RAM. */
	CU_ASSERT_EQUAL(guest_access(0x0000400000000000 + RAM_BYTES, ACCESS_READ).result, MEM_MMIO);
}

static void test_mmio(void)
{
	struct outcome o;

	create(&pair);
	guest_map(GVA, 0xfee00000, ALL_RIGHTS, 1);
	o = guest_access(GVA + 0x20, ACCESS_WRITE);
	CU_ASSERT_EQUAL(o.result, MEM_MMIO);
	CU_ASSERT_EQUAL(o.gpa, 0xfee00020);
	CU_ASSERT_EQUAL(counters.hidden_faults, 0);
	/* The guest's own rights come first. */
	guest_map(GVA, 0xfee00000, PTE_P, 1);
	CU_ASSERT(faults_with(GVA, ACCESS_WRITE, PF_PRESENT | PF_WRITE));
	guest_map(GVA, RAM_BYTES - PAGE_SIZE, ALL_RIGHTS, 1);
	CU_ASSERT(reaches(GVA, ACCESS_WRITE, RAM_BYTES - PAGE_SIZE));
	guest_map(GVA, RAM_BYTES, ALL_RIGHTS, 1);
	vtlb_engine.invlpg(&vcpu, GVA);
	CU_ASSERT_EQUAL(guest_access(GVA, ACCESS_READ).result, MEM_MMIO);
}

/* The slot of the monitor, with both roots of a pair; a faithful root has none. */
static void test_monitor_slot(void)
{
	struct mem_fault f = {.gva = SLOT_GVA, .error = PF_PRESENT | PF_USER};

	create(&pair);
	for (enum root_role role = ROLE_KERNEL; role <= ROLE_USER; role++) {
		const u64 *root = hpa_to_hva(vtlb_engine.root(&vcpu, role));

		CU_ASSERT_EQUAL(root[HV_PML4_SLOT], MONITOR);
		vtlb_engine.cr3_written(&vcpu);
		CU_ASSERT_EQUAL(root[HV_PML4_SLOT], MONITOR);
	}
	CU_ASSERT_EQUAL(vtlb_engine.fault(&vcpu, &f), MEM_GUEST_FAULT);
	CU_ASSERT_EQUAL(f.error, 0);
	f.error = PF_PRESENT | PF_USER;
	guest_map(SLOT_GVA, FRAME, ALL_RIGHTS, 1);
	CU_ASSERT_EQUAL(vtlb_engine.fault(&vcpu, &f), MEM_OUT);
	CU_ASSERT_PTR_NOT_NULL(f.why);
	create(&faithful);
	guest_map(SLOT_GVA, FRAME, ALL_RIGHTS, 1);
	CU_ASSERT(reaches(SLOT_GVA, ACCESS_WRITE, FRAME));
	CU_ASSERT(faults_with(SLOT_GVA + PAGE_SIZE, ACCESS_READ, 0));
}

static void test_unpaged(void)
{
	create(&faithful);
	vcpu.cr0 = CR0_PE;
	vcpu.efer = 0;
	vtlb_engine.mode_changed(&vcpu);
	CU_ASSERT(reaches(0x00123456, ACCESS_WRITE, 0x00123456));
	CU_ASSERT(reaches(0x00123456, ACCESS_FETCH, 0x00123456));
	vcpu.cr0 |= CR0_PG; /* 32-bit paging */
	vtlb_engine.mode_changed(&vcpu);
	CU_ASSERT_EQUAL(guest_access(0x00123456, ACCESS_READ).result, MEM_OUT);
}

/* More translations than the pool has tables: everything is dropped in between, and nothing is wrong. */
static void test_pool(void)
{
	create(&pair);
	for (unsigned i = 0; i < 2 * PT_ENTRIES; i++)
		guest_map(GVA + i * GIB(1), 0, ALL_RIGHTS, 3);
	for (unsigned i = 0; i < 2 * PT_ENTRIES; i++)
		CU_ASSERT(reaches(GVA + i * GIB(1) + i * 8, ACCESS_WRITE, i * 8));
	CU_ASSERT(counters.tlb_flushes >= 3);
	CU_ASSERT_EQUAL(counters.hidden_faults, 2 * PT_ENTRIES);
	CU_ASSERT_EQUAL(((const u64 *)hpa_to_hva(vtlb_engine.root(&vcpu, ROLE_KERNEL)))[HV_PML4_SLOT],
			MONITOR);
}

static void test_no_memory(void)
{
	for (unsigned left = 0; left < 4; left++) {
		guest_create(&pair, &vtlb_engine);
		allocations_left = left;
		CU_ASSERT_EQUAL(vtlb_engine.vcpu_init(&vcpu), -1);
	}
}

/* ---- traces ---- */

static unsigned written_calls;
static gpa_t written_frame;

static void on_written(struct vm *m, gpa_t frame, void *context)
{
	(void)m;
	(void)context;
	written_calls++;
	written_frame = frame;
}

static struct trace_client client = {.written = on_written};

static void test_traces(void)
{
	create(&pair);
	vm_trace_register(&vm, &client);
	written_calls = 0;
	guest_map(GVA, FRAME, ALL_RIGHTS, 1);
	guest_map(GVA + PAGE_SIZE, FRAME, ALL_RIGHTS, 1);
	guest_map(GVA + MIB(2), ALIGN_DOWN(FRAME, MIB(2)), ALL_RIGHTS, 2);
	/* Writable in the shadow by two names and in both roots: all become read-only. */
	CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
	CU_ASSERT(reaches(GVA + MIB(2) + FRAME % MIB(2), ACCESS_WRITE, FRAME));
	set_cpl(3);
	CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME));
	vm_trace_set(&vm, FRAME);
	CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_READ, FRAME));
	CU_ASSERT_EQUAL(written_calls, 0);
	CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME));
	CU_ASSERT_EQUAL(written_calls, 1);
	CU_ASSERT_EQUAL(written_frame, FRAME);
	CU_ASSERT(reaches(GVA + PAGE_SIZE, ACCESS_WRITE, FRAME));
	set_cpl(0);
	CU_ASSERT(reaches(GVA, ACCESS_WRITE, FRAME));
	CU_ASSERT_EQUAL(written_calls, 1);
	vm_trace_set(&vm, FRAME);
	CU_ASSERT(reaches(GVA + MIB(2) + FRAME % MIB(2), ACCESS_WRITE, FRAME));
	CU_ASSERT_EQUAL(written_calls, 2);
	/* A neighbour in the same large page is not concerned. */
	vm_trace_set(&vm, FRAME);
	CU_ASSERT(reaches(GVA + MIB(2) + (FRAME + PAGE_SIZE) % MIB(2), ACCESS_WRITE, FRAME + PAGE_SIZE));
	CU_ASSERT_EQUAL(written_calls, 2);
	/* A write that the guest may not make is none. */
	*guest_entry(GVA, 1) &= ~(u64)PTE_W;
	vtlb_engine.invlpg(&vcpu, GVA);
	CU_ASSERT(faults_with(GVA, ACCESS_WRITE, PF_PRESENT | PF_WRITE));
	CU_ASSERT_EQUAL(written_calls, 2);
	CU_ASSERT(vm_traced(&vm, FRAME));
}

/* ---- random ---- */

#define SEED       0x1234567
#define OPERATIONS 40000
#define DATA_GPA   MIB(4) /* frames that the random guest maps: RAM, and the first 2 MiB behind it */

static u64 random_state;

/* xorshift64*, Vigna 2016 */
static unsigned pick(unsigned count)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 0x2545f4914f6cdd1dULL) >> 40) % count;
}

/* 2 top entries, 2 below, 3 below, 8 pages. The third 2 MiB of each is always a large page. */
#define LARGE 2
static gva_t random_gva(unsigned *pd)
{
	*pd = pick(3);
	return (pick(2) ? 0xffff900000000000 : 0) + pick(2) * GIB(1) + *pd * MIB(2) +
	       pick(8) * (u64)PAGE_SIZE;
}

static u64 random_flags(void)
{
	u64 flags = PTE_P;

	flags |= pick(4) ? PTE_W : 0;
	flags |= pick(3) ? PTE_U : 0;
	flags |= pick(4) ? 0 : PTE_NX;
	flags |= pick(8) ? 0 : PTE_G;
	flags |= pick(8) ? 0 : PTE_D;
	return pick(10) ? flags : flags & ~(u64)PTE_P;
}

static gpa_t random_frame(unsigned level)
{
	if (!pick(16))
		return RAM_BYTES;
	return DATA_GPA + (level == 2 ? pick(4) * MIB(2) : pick(32) * (u64)PAGE_SIZE);
}

/* The guest edits its tables and flushes as little as the manual lets it. */
static void random_edit(void)
{
	unsigned pd;
	gva_t gva = random_gva(&pd);

	if (!pick(8)) {
		/* Rights of a directory entry or above concern many pages. */
		u64 *entry = guest_entry(gva, 2 + pick(3));

		if (!(*entry & PTE_PS)) {
			*entry = (*entry & PTE_ADDR) | PTE_P | (pick(4) ? PTE_W : 0) | (pick(4) ? PTE_U : 0) |
				 (pick(6) ? 0 : PTE_NX);
			vtlb_engine.cr3_written(&vcpu);
		}
		return;
	}
	guest_map(gva, random_frame(pd == LARGE ? 2 : 1) | (pd == LARGE && !pick(20) ? BIT(13) : 0),
		  random_flags(), pd == LARGE ? 2 : 1);
	vtlb_engine.invlpg(&vcpu, pd == LARGE ? ALIGN_DOWN(gva, MIB(2)) + pick(512) * (u64)PAGE_SIZE : gva);
}

/* What the manual says of an access: by the guest's tables, written down once more. */
static enum mem_result oracle(gva_t gva, unsigned access, gpa_t *gpa, u32 *error)
{
	bool user = vcpu_cpl(&vcpu) == 3, writable = true, user_page = true, nx = false;
	u64 table = vcpu.cr3, entry = 0;
	int shift;

	*error = (access & ACCESS_WRITE ? PF_WRITE : 0) | (user ? PF_USER : 0) |
		 (access & ACCESS_FETCH && vcpu.efer & EFER_NXE ? PF_FETCH : 0);
	for (shift = 39; shift >= 12; shift -= 9) {
		entry = *ram_u64((table & PTE_ADDR) + (gva >> shift & 511) * 8);
		if (!(entry & PTE_P))
			return MEM_GUEST_FAULT;
		if ((entry & PTE_NX && !(vcpu.efer & EFER_NXE)) ||
		    (shift == 21 && entry & PTE_PS && entry & 0x1fe000)) {
			*error |= PF_PRESENT | PF_RSVD;
			return MEM_GUEST_FAULT;
		}
		writable = writable && entry & PTE_W;
		user_page = user_page && entry & PTE_U;
		nx = nx || entry & PTE_NX;
		table = entry;
		if (shift == 21 && entry & PTE_PS)
			break;
	}
	if (shift < 12)
		shift = 12;
	*gpa = (entry & PTE_ADDR & ~(BIT(shift) - 1)) | (gva & (BIT(shift) - 1));
	if ((user && !user_page) || (access & ACCESS_FETCH && nx) ||
	    (access & ACCESS_WRITE && !writable && (user || vcpu.cr0 & CR0_WP))) {
		*error |= PF_PRESENT;
		return MEM_GUEST_FAULT;
	}
	return *gpa < RAM_BYTES ? MEM_RETRY : MEM_MMIO;
}

static bool right_outcome(gva_t gva, unsigned access)
{
	gpa_t gpa = 0;
	u32 error;
	enum mem_result expected = oracle(gva, access, &gpa, &error);
	bool trace_ends = expected == MEM_RETRY && access & ACCESS_WRITE && vm_traced(&vm, gpa);
	unsigned calls = written_calls;
	struct outcome o = guest_access(gva, access);
	u64 leaf;

	if (o.result != expected || written_calls - calls != trace_ends)
		return false;
	if (expected == MEM_GUEST_FAULT)
		return o.error == error;
	leaf = *guest_entry(gva, 2);
	if (!(leaf & PTE_PS))
		leaf = *guest_entry(gva, 1);
	if (!(leaf & PTE_A) || (access & ACCESS_WRITE && !(leaf & PTE_D)))
		return false;
	return expected == MEM_MMIO ? o.gpa == gpa : o.hpa == vm.ram_hpa + gpa;
}

static void random_operation(unsigned *done, unsigned *wrong)
{
	static const unsigned kinds[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH};
	unsigned pd;
	gva_t gva = random_gva(&pd);

	switch (pick(24)) {
	case 0 ... 3:
		random_edit();
		break;
	case 4:
		set_cpl(pick(2) * 3);
		break;
	case 5:
		vm_trace_set(&vm, DATA_GPA + pick(32) * (u64)PAGE_SIZE);
		break;
	case 6:
		if (pick(4))
			break;
		vcpu.cr0 ^= CR0_WP;
		vtlb_engine.mode_changed(&vcpu);
		break;
	case 7:
		if (pick(8))
			break;
		vcpu.efer ^= EFER_NXE;
		vtlb_engine.mode_changed(&vcpu);
		break;
	default:
		*done += 1;
		*wrong +=
			!right_outcome(pd == LARGE ? gva + pick(500) * (u64)PAGE_SIZE : gva, kinds[pick(3)]);
	}
}

static void random_run(const struct cpu_engine *cpu)
{
	unsigned done = 0, wrong = 0;

	create(cpu);
	vm_trace_register(&vm, &client);
	random_state = SEED;
	for (unsigned i = 0; i < OPERATIONS; i++)
		random_operation(&done, &wrong);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(done > OPERATIONS / 2);
	/* It went through all of it: hidden faults, flushes, traces. */
	CU_ASSERT(counters.hidden_faults > 1000 && counters.tlb_flushes > 100 && written_calls > 100);
}

static void test_random_pair(void)
{
	random_run(&pair);
}

static void test_random_faithful(void)
{
	random_run(&faithful);
}

UNIT_MAIN("vtlb", {"fill on a fault", test_fill}, {"dirty already", test_dirty_already},
	  {"pair of roots", test_pair}, {"error of the true access", test_error_of_the_true_access},
	  {"CR0.WP", test_write_protect_bit}, {"NX", test_no_execute}, {"INVLPG", test_invlpg},
	  {"CR3", test_cr3}, {"large pages", test_large_pages}, {"MMIO", test_mmio},
	  {"monitor's slot", test_monitor_slot}, {"unpaged", test_unpaged}, {"pool used up", test_pool},
	  {"no memory", test_no_memory}, {"traces", test_traces}, {"random: pair", test_random_pair},
	  {"random: faithful", test_random_faithful})
