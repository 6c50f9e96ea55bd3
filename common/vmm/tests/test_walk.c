// SPDX-License-Identifier: MIT
/*
 * The walk of the guest's tables against the rules of SDM vol. 3A, 4.5 to 4.8: each rule as a row of a table,
 * from both of its sides.
 */
#include "guest_fixture.h"

#define GVA   0x0000123456789abc /* a different index at each level */
#define FRAME 0x00400000         /* where it is mapped; aligned for a 2 MiB page too */
#define NX    PTE_NX

static const struct cpu_engine engine = {.name = "test", .root_kind = ROOT_PAIR};

enum { WP = 1, NXE = 2, BOTH = 3, NONE = 0 };
#define OK  (-1)
#define RD  ACCESS_READ
#define WR  ACCESS_WRITE
#define FE  ACCESS_FETCH
#define URD (ACCESS_USER | ACCESS_READ)
#define UWR (ACCESS_USER | ACCESS_WRITE)
#define UFE (ACCESS_USER | ACCESS_FETCH)
#define P_  PF_PRESENT
#define W_  PF_WRITE
#define U_  PF_USER
#define R_  PF_RSVD
#define I_  PF_FETCH

/* One row: bits of the four entries on the way, changed from "all rights", an access, and what has to come of
 * it. */
static const struct row {
	const char *rule;
	u8 modes; /* CR0.WP, EFER.NXE */
	u8 level; /* whose entry is changed; the page is mapped at `leaf` */
	u8 leaf;
	u64 set, clear;
	unsigned access;
	int error;
} rows[] = {
	// clang-format off
	{ "all rights: read",                       BOTH, 1, 1, 0,     0,     RD,  OK },
	{ "all rights: write",                      BOTH, 1, 1, 0,     0,     WR,  OK },
	{ "all rights: fetch",                      BOTH, 1, 1, 0,     0,     FE,  OK },
	{ "all rights: user read",                  BOTH, 1, 1, 0,     0,     URD, OK },
	{ "all rights: user write",                 BOTH, 1, 1, 0,     0,     UWR, OK },
	{ "all rights: user fetch",                 BOTH, 1, 1, 0,     0,     UFE, OK },
	{ "not present, PTE",                       BOTH, 1, 1, 0,     PTE_P, RD,  0 },
	{ "not present, PDE",                       BOTH, 2, 1, 0,     PTE_P, WR,  W_ },
	{ "not present, PDPTE",                     BOTH, 3, 1, 0,     PTE_P, URD, U_ },
	{ "not present, PML4E",                     BOTH, 4, 1, 0,     PTE_P, UWR, U_ | W_ },
	{ "not present, fetch",                     BOTH, 1, 1, 0,     PTE_P, FE,  I_ },
	{ "not present, fetch without NXE",         WP,   1, 1, 0,     PTE_P, FE,  0 },
	{ "not present: reserved bits do not count", BOTH, 2, 2, 0x2000, PTE_P, RD, 0 },
	{ "supervisor page, user read",             BOTH, 1, 1, 0,     PTE_U, URD, P_ | U_ },
	{ "supervisor page, user write",            BOTH, 1, 1, 0,     PTE_U, UWR, P_ | U_ | W_ },
	{ "supervisor page, user fetch",            BOTH, 1, 1, 0,     PTE_U, UFE, P_ | U_ | I_ },
	{ "supervisor page, supervisor read",       BOTH, 1, 1, 0,     PTE_U, RD,  OK },
	{ "supervisor page, supervisor write",      BOTH, 1, 1, 0,     PTE_U, WR,  OK },
	{ "U clear in the PML4E alone",             BOTH, 4, 1, 0,     PTE_U, URD, P_ | U_ },
	{ "U clear in the PDE alone",               BOTH, 2, 1, 0,     PTE_U, URD, P_ | U_ },
	{ "read-only, read",                        BOTH, 1, 1, 0,     PTE_W, RD,  OK },
	{ "read-only, user read",                   BOTH, 1, 1, 0,     PTE_W, URD, OK },
	{ "read-only, user write",                  BOTH, 1, 1, 0,     PTE_W, UWR, P_ | U_ | W_ },
	{ "read-only, supervisor write, WP",        BOTH, 1, 1, 0,     PTE_W, WR,  P_ | W_ },
	{ "read-only, supervisor write, no WP",     NXE,  1, 1, 0,     PTE_W, WR,  OK },
	{ "read-only, user write, no WP",           NXE,  1, 1, 0,     PTE_W, UWR, P_ | U_ | W_ },
	{ "W clear in the PDPTE alone, WP",         BOTH, 3, 1, 0,     PTE_W, WR,  P_ | W_ },
	{ "W clear in the PDPTE alone, no WP",      NXE,  3, 1, 0,     PTE_W, WR,  OK },
	{ "NX, fetch",                              BOTH, 1, 1, NX,    0,     FE,  P_ | I_ },
	{ "NX, user fetch",                         BOTH, 1, 1, NX,    0,     UFE, P_ | U_ | I_ },
	{ "NX, read",                               BOTH, 1, 1, NX,    0,     RD,  OK },
	{ "NX, user write",                         BOTH, 1, 1, NX,    0,     UWR, OK },
	{ "NX in the PML4E alone, fetch",           BOTH, 4, 1, NX,    0,     FE,  P_ | I_ },
	{ "NX in the PDE alone, fetch",             BOTH, 2, 1, NX,    0,     FE,  P_ | I_ },
	{ "NX is reserved without NXE, read",       WP,   1, 1, NX,    0,     RD,  P_ | R_ },
	{ "NX is reserved without NXE, user fetch", WP,   3, 1, NX,    0,     UFE, P_ | R_ | U_ },
	{ "PS in a PML4E",                          BOTH, 4, 1, PTE_PS, 0,    WR,  P_ | R_ | W_ },
	{ "bit 7 of a PTE is PAT",                  BOTH, 1, 1, PTE_PS, 0,    RD,  OK },
	{ "ignored bits 9, 10, 11, 52, 62",         BOTH, 1, 1, 0x4010000000000e00, 0, WR, OK },
	{ "2 MiB page",                             BOTH, 2, 2, 0,     0,     UWR, OK },
	{ "2 MiB page, PAT",                        BOTH, 2, 2, 0x1000, 0,    UWR, OK },
	{ "2 MiB page, bit 13",                     BOTH, 2, 2, 0x2000, 0,    RD,  P_ | R_ },
	{ "2 MiB page, bit 20",                     BOTH, 2, 2, 0x100000, 0,  UFE, P_ | R_ | U_ | I_ },
	{ "2 MiB page, read-only",                  BOTH, 2, 2, 0,     PTE_W, WR,  P_ | W_ },
	{ "2 MiB page, NX",                         BOTH, 2, 2, NX,    0,     FE,  P_ | I_ },
	{ "2 MiB page, supervisor",                 BOTH, 2, 2, 0,     PTE_U, URD, P_ | U_ },
	{ "1 GiB page",                             BOTH, 3, 3, 0,     0,     UWR, OK },
	{ "1 GiB page, PAT",                        BOTH, 3, 3, 0x1000, 0,    RD,  OK },
	{ "1 GiB page, bit 13",                     BOTH, 3, 3, 0x2000, 0,    RD,  P_ | R_ },
	{ "1 GiB page, bit 29",                     BOTH, 3, 3, 0x20000000, 0, WR, P_ | R_ | W_ },
	// clang-format on
};

static void set_modes(unsigned modes)
{
	vcpu.cr0 = CR0_PE | CR0_PG | (modes & WP ? CR0_WP : 0);
	vcpu.efer = EFER_LME | EFER_LMA | (modes & NXE ? EFER_NXE : 0);
}

static gpa_t page_at(unsigned leaf)
{
	return leaf == 3 ? 0 : FRAME;
}

static void check_row(const struct row *r, struct guest_walk *w)
{
	bool ok, right;

	guest_create(&engine, NULL);
	set_modes(r->modes);
	guest_map(GVA, page_at(r->leaf), ALL_RIGHTS, r->leaf);
	*guest_entry(GVA, r->level) |= r->set;
	*guest_entry(GVA, r->level) &= ~r->clear;
	ok = guest_walk(&vcpu, GVA, r->access, w);
	right = r->error == OK ? ok : !ok && w->error == (u32)r->error;
	CU_ASSERT(right);
	if (!right)
		printf("\n    %s: %s, error %#x\n", r->rule, ok ? "allowed" : "refused", w->error);
}

static void test_rules(void)
{
	struct guest_walk w;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		u64 span = pt_span(r->leaf);

		check_row(r, &w);
		CU_ASSERT_EQUAL(w.unsupported, false);
		if (r->error == OK) {
			CU_ASSERT_EQUAL(w.gpa, page_at(r->leaf) + GVA % span);
			CU_ASSERT_EQUAL(w.page_bytes, span);
			CU_ASSERT_EQUAL(w.user, !(r->clear & PTE_U));
			CU_ASSERT_EQUAL(w.writable, !(r->clear & PTE_W));
			CU_ASSERT_EQUAL(w.nx, (r->set & NX) != 0);
			CU_ASSERT_EQUAL(w.dirty, (r->access & WR) != 0);
		}
	}
}

/* SDM vol. 3A, 4.8: accessed in every entry used, dirty in the one that maps the page and only for a write;
 * none for a fault. */
static void test_marks(void)
{
	struct guest_walk w;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		check_row(r, &w);
		for (unsigned level = 4; level >= r->leaf; level--) {
			u64 expected = r->error != OK
					       ? 0
					       : PTE_A | (level == r->leaf && (r->access & WR) ? PTE_D : 0);

			u64 marks = *guest_entry(GVA, level) & (PTE_A | PTE_D);

			CU_ASSERT_EQUAL(marks, expected);
			if (marks != expected)
				printf("\n    %s: level %u\n", r->rule, level);
			if (r->error != OK && level == r->level)
				break; /* what the changed entry names is no table any more */
		}
	}
}

static void test_dirty_stays(void)
{
	struct guest_walk w;

	guest_create(&engine, NULL);
	guest_map(GVA, FRAME, ALL_RIGHTS | PTE_D, 1);
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT(w.dirty);
	CU_ASSERT_EQUAL(*guest_entry(GVA, 1), FRAME | ALL_RIGHTS | PTE_A | PTE_D);
}

/* Bits from MAXPHYADDR to 51 are reserved; the highest bit below is an address. */
static void test_physical_width(void)
{
	unsigned width = paging_phys_bits();
	struct guest_walk w;

	CU_ASSERT_EQUAL(paging_beyond_phys(52), 0);
	CU_ASSERT_EQUAL(paging_beyond_phys(51), BIT(51));
	CU_ASSERT_EQUAL(paging_beyond_phys(40), 0x000fff0000000000);
	for (unsigned bit = width; bit < 52; bit++) {
		guest_create(&engine, NULL);
		guest_map(GVA, FRAME, ALL_RIGHTS | BIT(bit), 1);
		CU_ASSERT(!guest_walk(&vcpu, GVA, ACCESS_READ, &w));
		CU_ASSERT_EQUAL(w.error, PF_PRESENT | PF_RSVD);
		guest_map(GVA, FRAME, ALL_RIGHTS, 1);
		*guest_entry(GVA, 2) |= BIT(bit);
		CU_ASSERT(!guest_walk(&vcpu, GVA, ACCESS_READ | ACCESS_USER, &w));
		CU_ASSERT_EQUAL(w.error, PF_PRESENT | PF_RSVD | PF_USER);
	}
	guest_create(&engine, NULL);
	guest_map(GVA, FRAME, ALL_RIGHTS | BIT(width - 1), 1);
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT_EQUAL(w.gpa, (FRAME | BIT(width - 1)) + GVA % PAGE_SIZE);
}

/* A table where nothing answers reads as ones: present, with every reserved bit set. */
static void test_table_outside_ram(void)
{
	struct guest_walk w;

	guest_create(&engine, NULL);
	*guest_entry(GVA, 4) = RAM_BYTES | ALL_RIGHTS;
	vcpu.efer &= ~(u64)EFER_NXE;
	CU_ASSERT(!guest_walk(&vcpu, GVA, ACCESS_WRITE, &w));
	CU_ASSERT_EQUAL(w.error, PF_PRESENT | PF_RSVD | PF_WRITE);
	CU_ASSERT_EQUAL(counters.walk_refs, 2);

	vcpu.cr3 = RAM_BYTES + MIB(64);
	CU_ASSERT(!guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT_EQUAL(w.error, PF_PRESENT | PF_RSVD);
}

static void test_counts(void)
{
	struct guest_walk w;

	guest_create(&engine, NULL);
	guest_map(GVA, FRAME, ALL_RIGHTS, 1);
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT_EQUAL(counters.walk_refs, 4);
	guest_map(GVA + GIB(1), FRAME, ALL_RIGHTS, 2);
	CU_ASSERT(guest_walk(&vcpu, GVA + GIB(1), ACCESS_READ, &w));
	CU_ASSERT_EQUAL(counters.walk_refs, 4 + 3);
	CU_ASSERT(!guest_walk(&vcpu, GVA ^ BIT(46), ACCESS_READ, &w));
	CU_ASSERT_EQUAL(counters.walk_refs, 4 + 3 + 1);
	vm.counters = NULL;
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT_EQUAL(counters.walk_refs, 4 + 3 + 1);
}

/* G counts only with CR4.PGE; the low bits of CR3 are no address. */
static void test_global_and_cr3(void)
{
	struct guest_walk w;

	guest_create(&engine, NULL);
	guest_map(GVA, FRAME, ALL_RIGHTS | PTE_G, 1);
	vcpu.cr3 |= PTE_PWT | PTE_PCD;
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT(!w.global);
	vcpu.cr4 |= CR4_PGE;
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT(w.global);
}

static void test_unpaged(void)
{
	struct guest_walk w;

	guest_create(&engine, NULL);
	vcpu.cr0 = CR0_PE;
	vcpu.efer = 0;
	CU_ASSERT(guest_walk(&vcpu, 0x00654321, ACCESS_WRITE | ACCESS_USER, &w));
	CU_ASSERT_EQUAL(w.gpa, 0x00654321);
	CU_ASSERT(w.user && w.writable && w.dirty && !w.nx && !w.global);
	CU_ASSERT_EQUAL(counters.walk_refs, 0);
}

static void test_unsupported(void)
{
	struct guest_walk w;

	guest_create(&engine, NULL);
	guest_map(GVA, FRAME, ALL_RIGHTS, 1);
	vcpu.efer = EFER_NXE; /* PAE paging */
	CU_ASSERT(!guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT(w.unsupported);
	vcpu.efer = EFER_LME | EFER_LMA;
	vcpu.cr4 |= CR4_LA57;
	CU_ASSERT(!guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT(w.unsupported);
}

/* The marks are writes to guest memory, which a trace of the table has to hear of, once and before they are
 * made. */
static gpa_t written_frame;
static u64 written_entry;
static unsigned written_calls;

static void on_written(struct vm *m, gpa_t frame, void *context)
{
	CU_ASSERT_PTR_EQUAL(m, &vm);
	written_frame = frame;
	written_entry = *(u64 *)context;
	written_calls++;
}

static void test_marks_hit_traces(void)
{
	u64 *entry;
	struct trace_client client = {.written = on_written};
	struct guest_walk w;

	guest_create(&engine, NULL);
	guest_map(GVA, FRAME, ALL_RIGHTS, 1);
	entry = guest_entry(GVA, 1);
	client.context = entry;
	vm_trace_register(&vm, &client);
	vm.vcpu_count = 0; /* no memory engine to tell */
	vm_trace_set(&vm, (gpa_t)((u8 *)entry - vm.ram));
	written_calls = 0;
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_READ, &w));
	CU_ASSERT_EQUAL(written_calls, 1);
	CU_ASSERT_EQUAL(written_frame, ALIGN_DOWN((gpa_t)((u8 *)entry - vm.ram), PAGE_SIZE));
	CU_ASSERT_EQUAL(written_entry & PTE_A, 0);
	CU_ASSERT(!vm_traced(&vm, written_frame));
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_WRITE, &w));
	CU_ASSERT_EQUAL(written_calls, 1);

	/* Nothing to mark, nothing written. */
	vm_trace_set(&vm, written_frame);
	CU_ASSERT(guest_walk(&vcpu, GVA, ACCESS_WRITE, &w));
	CU_ASSERT_EQUAL(written_calls, 1);
	CU_ASSERT(vm_traced(&vm, written_frame));
}

UNIT_MAIN("walk", {"rules", test_rules}, {"accessed and dirty", test_marks},
	  {"dirty stays", test_dirty_stays}, {"physical width", test_physical_width},
	  {"table outside RAM", test_table_outside_ram}, {"counted references", test_counts},
	  {"global pages, CR3", test_global_and_cr3}, {"unpaged", test_unpaged},
	  {"paging modes left out", test_unsupported}, {"marks hit traces", test_marks_hit_traces})
