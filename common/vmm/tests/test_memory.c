// SPDX-License-Identifier: MIT
/*
 * Guest memory by gpa and by gva, and write traces. The rule that most of this is about: an access does all
 * that it has to, or it faults and has done nothing.
 */
#include "guest_fixture.h"

#define GVA    0x0000200000000000
#define FRAME1 0x00300000
#define FRAME2 0x00500000 /* of the next page: not beside the first */

static gpa_t protected_frames[8];
static unsigned protected_count;

static void fake_write_protect(struct vcpu *v, gpa_t gpa)
{
	CU_ASSERT_PTR_EQUAL(v, &vcpu);
	protected_frames[protected_count++ % ARRAY_SIZE(protected_frames)] = gpa;
}

static const struct cpu_engine cpu = {.name = "test", .root_kind = ROOT_PAIR};
static const struct mem_engine mem = {.name = "test", .write_protect = fake_write_protect};

/* Two pages of the guest, one after the other for it and not in RAM. */
static void two_pages(u64 flags1, u64 flags2)
{
	guest_create(&cpu, &mem);
	protected_count = 0;
	guest_map(GVA, FRAME1, flags1, 1);
	guest_map(GVA + PAGE_SIZE, FRAME2, flags2, 1);
}

/* ---- by gpa ---- */

static void test_gpa_bounds(void)
{
	static const struct {
		gpa_t gpa;
		u64 size;
		bool ok;
	} cases[] = {
		{0, 1, true},
		{0, RAM_BYTES, true},
		{0, RAM_BYTES + 1, false},
		{RAM_BYTES - 8, 8, true},
		{RAM_BYTES - 7, 8, false},
		{RAM_BYTES, 1, false},
		{RAM_BYTES, 0, true},
		{~0ULL, 1, false},
		{~0ULL - 6, 8, false},
		{8, ~0ULL, false},
		{~0ULL, ~0ULL, false},
	};

	guest_create(&cpu, &mem);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		CU_ASSERT_PTR_EQUAL(gpa_to_hva(&vm, cases[i].gpa, cases[i].size),
				    cases[i].ok ? vm.ram + cases[i].gpa : NULL);
}

static void test_gpa_copy(void)
{
	u64 value = 0x1122334455667788, back = 0;

	guest_create(&cpu, &mem);
	CU_ASSERT(gpa_write(&vm, RAM_BYTES - 8, &value, 8));
	CU_ASSERT(gpa_read(&vm, RAM_BYTES - 8, &back, 8));
	CU_ASSERT_EQUAL(back, value);
	value = 0;
	CU_ASSERT(!gpa_write(&vm, RAM_BYTES - 4, &value, 8));
	CU_ASSERT_EQUAL(*ram_u64(RAM_BYTES - 8), 0x1122334455667788);
	CU_ASSERT(!gpa_read(&vm, RAM_BYTES - 4, &back, 8));
	CU_ASSERT_EQUAL(back, 0x1122334455667788);
}

/* ---- by gva ---- */

static void test_gva_crossing(void)
{
	u8 out[6] = {1, 2, 3, 4, 5, 6}, in[6];
	struct event f;

	two_pages(ALL_RIGHTS, ALL_RIGHTS);
	CU_ASSERT(gva_write(&vcpu, GVA + PAGE_SIZE - 2, out, 6, ACCESS_USER, &f));
	CU_ASSERT_EQUAL(memcmp(vm.ram + FRAME1 + PAGE_SIZE - 2, out, 2), 0);
	CU_ASSERT_EQUAL(memcmp(vm.ram + FRAME2, out + 2, 4), 0);
	CU_ASSERT_EQUAL(vm.ram[FRAME1 + PAGE_SIZE], 0);
	CU_ASSERT(gva_read(&vcpu, GVA + PAGE_SIZE - 2, in, 6, ACCESS_USER, &f));
	CU_ASSERT_EQUAL(memcmp(in, out, 6), 0);
	CU_ASSERT_EQUAL(*guest_entry(GVA, 1) & (PTE_A | PTE_D), PTE_A | PTE_D);
	CU_ASSERT_EQUAL(*guest_entry(GVA + PAGE_SIZE, 1) & (PTE_A | PTE_D), PTE_A | PTE_D);
}

/* A fault on either page: nothing written, the fault names the first byte of its page that was wanted. */
static void test_gva_faults(void)
{
	static const struct {
		u64 flags1, flags2;
		unsigned access;
		gva_t fault;
		u32 error;
	} cases[] = {
		{ALL_RIGHTS, 0, 0, GVA + PAGE_SIZE, PF_WRITE},
		{ALL_RIGHTS, PTE_P | PTE_U, 0, GVA + PAGE_SIZE, PF_WRITE | PF_PRESENT},
		{ALL_RIGHTS, PTE_P | PTE_W, ACCESS_USER, GVA + PAGE_SIZE, PF_WRITE | PF_PRESENT | PF_USER},
		{0, ALL_RIGHTS, 0, GVA + PAGE_SIZE - 3, PF_WRITE},
		{0, 0, ACCESS_USER, GVA + PAGE_SIZE - 3, PF_WRITE | PF_USER},
	};
	u64 value = ~0ULL;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event f = {0};

		two_pages(cases[i].flags1, cases[i].flags2);
		CU_ASSERT(!gva_write(&vcpu, GVA + PAGE_SIZE - 3, &value, 8, cases[i].access, &f));
		CU_ASSERT_EQUAL(f.kind, EVENT_EXCEPTION);
		CU_ASSERT_EQUAL(f.vector, VEC_PF);
		CU_ASSERT(f.has_error);
		CU_ASSERT_EQUAL(f.error, cases[i].error);
		CU_ASSERT_EQUAL(f.payload, cases[i].fault);
		CU_ASSERT_EQUAL(*ram_u64(FRAME1 + PAGE_SIZE - 8), 0);
		CU_ASSERT_EQUAL(*ram_u64(FRAME2), 0);
	}
}

static void test_gva_read_rights(void)
{
	u8 byte = 0;
	struct event f;

	two_pages(PTE_P | PTE_NX, PTE_P | PTE_U);
	CU_ASSERT(gva_read(&vcpu, GVA, &byte, 1, ACCESS_READ, &f));
	CU_ASSERT(!gva_read(&vcpu, GVA, &byte, 1, ACCESS_FETCH, &f));
	CU_ASSERT_EQUAL(f.error, PF_PRESENT | PF_FETCH);
	CU_ASSERT(!gva_read(&vcpu, GVA, &byte, 1, ACCESS_USER, &f));
	CU_ASSERT_EQUAL(f.error, PF_PRESENT | PF_USER);
	CU_ASSERT(gva_read(&vcpu, GVA + PAGE_SIZE, &byte, 1, ACCESS_USER | ACCESS_FETCH, &f));
	CU_ASSERT_EQUAL(*guest_entry(GVA, 1) & PTE_D, 0);
}

static void test_gva_canonical(void)
{
	static const gva_t bad[] = {0x0000800000000000, 0xffff7fffffffffff, 0x00007fffffffffff,
				    0x8000000000000000};
	u16 value = 0x5555;

	two_pages(ALL_RIGHTS, ALL_RIGHTS);
	guest_map(0x00007ffffffff000, FRAME1, ALL_RIGHTS, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct event f = {0};

		/* The third begins at the last canonical byte and ends behind it. */
		CU_ASSERT(!gva_write(&vcpu, bad[i], &value, 2, ACCESS_READ, &f));
		CU_ASSERT_EQUAL(f.kind, EVENT_EXCEPTION);
		CU_ASSERT_EQUAL(f.vector, VEC_GP);
		CU_ASSERT(f.has_error);
		CU_ASSERT_EQUAL(f.error, 0);
	}
	CU_ASSERT_EQUAL(vm.ram[FRAME1 + PAGE_SIZE - 1], 0);
	CU_ASSERT(gva_write(&vcpu, 0x00007ffffffffffe, &value, 2, ACCESS_READ, &(struct event){0}));
	CU_ASSERT_EQUAL(vm.ram[FRAME1 + PAGE_SIZE - 1], 0x55);
}

/* From the last byte of the address space to the first one. */
static void test_gva_wraps(void)
{
	u16 value = 0x1234;
	struct event f;

	guest_create(&cpu, &mem);
	guest_map(0xfffffffffffff000, FRAME1, ALL_RIGHTS, 1);
	guest_map(0, FRAME2, ALL_RIGHTS, 1);
	CU_ASSERT(gva_write(&vcpu, ~0ULL, &value, 2, ACCESS_READ, &f));
	CU_ASSERT_EQUAL(vm.ram[FRAME1 + PAGE_SIZE - 1], 0x34);
	CU_ASSERT_EQUAL(vm.ram[FRAME2], 0x12);

	vcpu.cr0 = CR0_PE;
	vcpu.efer = 0;
	CU_ASSERT(gva_write(&vcpu, 0xffffffff, &value, 2, ACCESS_READ, &f));
	CU_ASSERT_EQUAL(vm.ram[0], 0x12);
}

static void test_gva_no_memory(void)
{
	u64 value = 0;
	struct event f;

	two_pages(ALL_RIGHTS, ALL_RIGHTS);
	guest_map(GVA + PAGE_SIZE, 0xfee00000, ALL_RIGHTS, 1);
	CU_ASSERT(gva_write(&vcpu, GVA + PAGE_SIZE - 4, &(u64){0x1111111122222222}, 8, ACCESS_READ, &f));
	CU_ASSERT(gva_read(&vcpu, GVA + PAGE_SIZE - 4, &value, 8, ACCESS_READ, &f));
	CU_ASSERT_EQUAL(value, 0xffffffff22222222);
}

/* What is written may be the entry that maps the second page: it was translated before. */
static void test_gva_write_over_own_tables(void)
{
	u8 zeroes[16] = {0};
	gpa_t entry;
	struct event f;

	guest_create(&cpu, &mem);
	entry = (gpa_t)((u8 *)guest_entry(GVA, 1) - vm.ram);
	/* The first page is the page table itself: its last eight bytes are the entry of the page that
	 * follows. */
	guest_map(GVA + 510 * PAGE_SIZE, entry, ALL_RIGHTS, 1);
	guest_map(GVA + 511 * PAGE_SIZE, FRAME2, ALL_RIGHTS, 1);
	*ram_u64(FRAME2) = ~0ULL;
	CU_ASSERT(gva_write(&vcpu, GVA + 511 * PAGE_SIZE - 8, zeroes, 16, ACCESS_READ, &f));
	CU_ASSERT_EQUAL(*guest_entry(GVA + 511 * PAGE_SIZE, 1), 0);
	CU_ASSERT_EQUAL(*ram_u64(FRAME2), 0);
}

static void test_gva_longest(void)
{
	static u8 out[GVA_MAX_BYTES], in[GVA_MAX_BYTES];
	struct event f;

	guest_create(&cpu, &mem);
	for (unsigned i = 0; i <= GVA_MAX_BYTES / PAGE_SIZE; i++)
		guest_map(GVA + i * PAGE_SIZE, MIB(4) + (i * 7 % 16) * PAGE_SIZE, ALL_RIGHTS, 1);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 31 + i / 256);
	CU_ASSERT(gva_write(&vcpu, GVA + 1, out, sizeof(out), ACCESS_READ, &f));
	CU_ASSERT(gva_read(&vcpu, GVA + 1, in, sizeof(in), ACCESS_READ, &f));
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
}

static void test_gva_unsupported_ends(void)
{
	u8 byte;
	struct event f;

	two_pages(ALL_RIGHTS, ALL_RIGHTS);
	vcpu.efer = 0;
	CU_ASSERT(!gva_read(&vcpu, 0, &byte, 1, ACCESS_READ, &f));
	CU_ASSERT_EQUAL(ended, 1);
}

/* ---- traces ---- */

struct record {
	struct trace_client client;
	unsigned calls;
	gpa_t last;
	u8 byte_then; /* the frame's first byte at the call */
	bool traced_then;
};

static void on_written(struct vm *m, gpa_t frame, void *context)
{
	struct record *r = context;

	r->calls++;
	r->last = frame;
	r->byte_then = m->ram[frame];
	r->traced_then = vm_traced(m, frame);
}

static void register_record(struct record *r)
{
	r->client = (struct trace_client){.written = on_written, .context = r};
	vm_trace_register(&vm, &r->client);
}

static void test_trace_once(void)
{
	struct record a = {0}, b = {0};
	u8 byte = 7;
	struct event f;

	two_pages(ALL_RIGHTS, ALL_RIGHTS);
	register_record(&a);
	register_record(&b);
	vm_trace_set(&vm, FRAME1 + 0x123);
	CU_ASSERT_EQUAL(protected_count, 1);
	CU_ASSERT_EQUAL(protected_frames[0], FRAME1);
	vm_trace_set(&vm, FRAME1);
	CU_ASSERT_EQUAL(protected_count, 1);
	CU_ASSERT(vm_traced(&vm, FRAME1 + PAGE_SIZE - 1));
	CU_ASSERT(!vm_traced(&vm, FRAME1 + PAGE_SIZE));
	CU_ASSERT(!vm_traced(&vm, FRAME1 - 1));

	CU_ASSERT(gva_read(&vcpu, GVA, &byte, 1, ACCESS_READ, &f));
	CU_ASSERT(gpa_write(&vm, FRAME2, &byte, 1));
	CU_ASSERT_EQUAL(a.calls, 0);
	byte = 7;
	CU_ASSERT(gva_write(&vcpu, GVA, &byte, 1, ACCESS_READ, &f));
	CU_ASSERT_EQUAL(a.calls, 1);
	CU_ASSERT_EQUAL(b.calls, 1);
	CU_ASSERT_EQUAL(a.last, FRAME1);
	CU_ASSERT_EQUAL(a.byte_then, 0);
	CU_ASSERT(!a.traced_then);
	CU_ASSERT_EQUAL(vm.ram[FRAME1], 7);
	CU_ASSERT(gpa_write(&vm, FRAME1, &byte, 1));
	CU_ASSERT_EQUAL(a.calls, 1);
	vm_trace_set(&vm, FRAME1);
	CU_ASSERT_EQUAL(protected_count, 2);
	CU_ASSERT(gpa_write(&vm, FRAME1 + PAGE_SIZE - 1, &byte, 1));
	CU_ASSERT_EQUAL(a.calls, 2);
}

static void test_trace_spans(void)
{
	static u8 data[3 * PAGE_SIZE];
	struct record r = {0};

	two_pages(ALL_RIGHTS, ALL_RIGHTS);
	register_record(&r);
	for (unsigned i = 0; i < 4; i++)
		vm_trace_set(&vm, FRAME1 + i * PAGE_SIZE);
	CU_ASSERT(gpa_write(&vm, FRAME1 + PAGE_SIZE, data, 0));
	CU_ASSERT_EQUAL(r.calls, 0);
	CU_ASSERT(gpa_write(&vm, FRAME1 + PAGE_SIZE - 1, data, PAGE_SIZE + 2));
	CU_ASSERT_EQUAL(r.calls, 3);
	CU_ASSERT(vm_traced(&vm, FRAME1 + 3 * PAGE_SIZE));
	CU_ASSERT(!gpa_write(&vm, RAM_BYTES - 1, data, 2));
	CU_ASSERT_EQUAL(r.calls, 3);
}

/* A write that faults is no write. */
static void test_trace_not_on_fault(void)
{
	struct record r = {0};
	u64 value = 1;
	struct event f;

	two_pages(ALL_RIGHTS, 0);
	register_record(&r);
	vm_trace_set(&vm, FRAME1);
	CU_ASSERT(!gva_write(&vcpu, GVA + PAGE_SIZE - 4, &value, 8, ACCESS_READ, &f));
	CU_ASSERT_EQUAL(r.calls, 0);
	CU_ASSERT(vm_traced(&vm, FRAME1));
}

static void test_trace_outside_ram(void)
{
	two_pages(ALL_RIGHTS, ALL_RIGHTS);
	vm_trace_set(&vm, RAM_BYTES);
	vm_trace_set(&vm, ~0ULL);
	CU_ASSERT_EQUAL(protected_count, 0);
	CU_ASSERT(!vm_traced(&vm, RAM_BYTES));
	vm_trace_hit(&vm, RAM_BYTES + PAGE_SIZE);
	vm_trace_set(&vm, RAM_BYTES - 1);
	CU_ASSERT(vm_traced(&vm, RAM_BYTES - PAGE_SIZE));
}

/* ---- the engine's shorter way ---- */

static struct {
	bool works;
	unsigned calls, access;
	gva_t gva;
	u64 size;
} linear;

static bool linear_asked(gva_t gva, u64 size, unsigned access)
{
	linear.calls++;
	linear.gva = gva;
	linear.size = size;
	linear.access = access;
	return linear.works;
}

static bool fake_read_linear(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access)
{
	(void)v;
	memset(dst, 0x5a, size);
	return linear_asked(gva, size, access);
}

static bool fake_write_linear(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access)
{
	(void)v;
	(void)src;
	return linear_asked(gva, size, access);
}

/* What the engine can do is not walked; what it cannot tell is, and is right whatever it left in the buffer.
 */
static void test_linear(void)
{
	static const struct cpu_engine quick = {.name = "test",
						.root_kind = ROOT_PAIR,
						.read_linear = fake_read_linear,
						.write_linear = fake_write_linear};
	u64 value = 0;
	struct event f;

	two_pages(PTE_P | PTE_W | PTE_U, 0);
	vcpu.cpu = &quick;
	*ram_u64(FRAME1) = 0x1122334455667788;
	for (unsigned works = 0; works < 2; works++) {
		linear.works = works;
		linear.calls = 0;
		CU_ASSERT(gva_read(&vcpu, GVA, &value, 8, ACCESS_READ | ACCESS_USER, &f));
		CU_ASSERT_EQUAL(value, works ? 0x5a5a5a5a5a5a5a5a : 0x1122334455667788);
		CU_ASSERT_EQUAL(linear.calls, 1);
		CU_ASSERT_EQUAL(linear.gva, GVA);
		CU_ASSERT_EQUAL(linear.size, 8);
		CU_ASSERT_EQUAL(linear.access, ACCESS_READ | ACCESS_USER);
		CU_ASSERT(gva_read(&vcpu, GVA, &value, 8, ACCESS_FETCH, &f)); /* of that it knows nothing */
		CU_ASSERT_EQUAL(value, 0x1122334455667788);
		CU_ASSERT_EQUAL(linear.calls, 1);
	}
	linear.works = true;
	value = 7;
	CU_ASSERT(gva_write(&vcpu, GVA, &value, 8, 0, &f));
	CU_ASSERT_EQUAL(linear.access, ACCESS_WRITE);
	CU_ASSERT_EQUAL(*ram_u64(FRAME1), 0x1122334455667788);
	linear.works = false;
	CU_ASSERT(gva_write(&vcpu, GVA, &value, 8, 0, &f));
	CU_ASSERT_EQUAL(*ram_u64(FRAME1), 7);
}

UNIT_MAIN("memory", {"gpa bounds", test_gpa_bounds}, {"gpa copies", test_gpa_copy},
	  {"gva across pages", test_gva_crossing}, {"gva faults", test_gva_faults},
	  {"gva reads and rights", test_gva_read_rights}, {"canonical addresses", test_gva_canonical},
	  {"around the end of the address space", test_gva_wraps}, {"no memory", test_gva_no_memory},
	  {"write over own tables", test_gva_write_over_own_tables}, {"longest copy", test_gva_longest},
	  {"unsupported paging ends the guest", test_gva_unsupported_ends},
	  {"trace reports once", test_trace_once}, {"traces of many frames", test_trace_spans},
	  {"no trace on a fault", test_trace_not_on_fault}, {"traces outside RAM", test_trace_outside_ram},
	  {"an engine's own way to linear addresses", test_linear})
