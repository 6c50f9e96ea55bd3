// SPDX-License-Identifier: MIT
/*
 * The memory engine that is given: the shadow page table as a software TLB. It starts empty; a page fault
 * walks the guest's tables as the processor would and copies the one translation that was missing; MOV to CR3
 * empties it, INVLPG drops what it names. That is just the contract that a guest has with a real TLB (SDM
 * vol. 3A, 4.10 "Caching Translation Information"), so no guest can tell, and nothing has to watch the
 * guest's tables. It is correct, short and slow: every address space starts with a storm of faults.
 *
 * Where a bit of the guest has to change as a side effect, the shadow entry withholds the right until a fault
 * shows that it is time: not present until the accessed bit is set, read-only until the dirty bit is set,
 * read-only as long as the frame is traced.
 *
 * ROOT_PAIR (the guest's kernel runs in ring 3): the kernel root maps every page that the guest's supervisor
 * may access, and as a user page; the user root maps only the guest's own user pages. Both share the
 * monitor's slot of the top-level table, which is never touched here: a guest that maps something there
 * itself has to end.
 *
 * ROOT_FAITHFUL (hardware runs the guest in its own rings): one root with the guest's U bits. The real CR0.WP
 * stays 1. A supervisor that writes to a read-only user page under CR0.WP = 0 gets it writable and
 * supervisor-only; the next access from user mode faults and turns it round.
 *
 * Needs EFER.NXE on in the real machine. Large pages of the guest are copied in pieces of 4 KiB. Left out:
 * global pages (a CR3 write drops them too, which the manual allows), PCIDs, memory types.
 */
#include "lib/string.h"
#include "machine/machine.h"
#include "vmm/tlb.h"
#include "vmm/vm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define VTLB_POOL_PAGES 512 /* table pages a vcpu, 2 MiB; when they are used up, everything is dropped */
#define VTLB_TOP        4   /* level of the roots */
#define VTLB_ROOTS      2

/*
 * In a shadow entry that names a table (bits 9..11 are ignored by the CPU): some translation below is a piece
 * of a guest's large page, of the size that the entry covers. INVLPG of one address then has to drop all of
 * them: SDM vol. 3A, 4.10.4.1.
 */
#define VTLB_PIECES     BIT(9)

#define VTLB_TABLE      (PTE_P | PTE_W | PTE_U | PTE_A)

struct vtlb {
	u64 *root[VTLB_ROOTS]; /* pair: of the kernel, of user mode; faithful: the first alone */
	unsigned roots;
	u64 slots[VTLB_ROOTS][PT_ENTRIES / 64]; /* entries of the roots in use, a bit each */
	u64 (*pool)[PT_ENTRIES];
	unsigned used;             /* pages of the pool; a page is zeroed when it is taken */
	u8 level[VTLB_POOL_PAGES]; /* of the table in a page of the pool */
};

static bool is_pair(const struct vcpu *v)
{
	return v->cpu->root_kind == ROOT_PAIR;
}

static u64 monitor_slot(struct vcpu *v, enum root_role role)
{
	if (v->cpu->monitor_slot)
		return v->cpu->monitor_slot(v, role);
	return ((const u64 *)hpa_to_hva(machine_root()))[HV_PML4_SLOT];
}

static int vtlb_vcpu_init(struct vcpu *v)
{
	struct vtlb *t = machine_alloc(sizeof(*t));

	if (!t)
		return -1;
	t->roots = is_pair(v) ? 2 : 1;
	for (unsigned i = 0; i < t->roots; i++) {
		t->root[i] = pages_alloc(1, PAGE_SIZE);
		if (!t->root[i])
			return -1;
		if (is_pair(v))
			t->root[i][HV_PML4_SLOT] = monitor_slot(v, i ? ROLE_USER : ROLE_KERNEL);
	}
	t->pool = pages_alloc(VTLB_POOL_PAGES, PAGE_SIZE);
	if (!t->pool)
		return -1;
	v->mem_private = t;
	return 0;
}

static hpa_t vtlb_root(struct vcpu *v, enum root_role role)
{
	const struct vtlb *t = v->mem_private;

	return hva_to_hpa(t->root[role == ROLE_USER ? t->roots - 1 : 0]);
}

/* ---- dropping translations ---- */

static void vtlb_empty(struct vcpu *v)
{
	struct vtlb *t = v->mem_private;

	for (unsigned i = 0; i < t->roots; i++) {
		for (unsigned word = 0; word < ARRAY_SIZE(t->slots[i]); word++) {
			for (; t->slots[i][word]; t->slots[i][word] &= t->slots[i][word] - 1)
				t->root[i][word * 64 + (unsigned)__builtin_ctzll(t->slots[i][word])] = 0;
		}
	}
	t->used = 0;
	tlb_flush_all(v);
	if (v->vm->counters)
		v->vm->counters->tlb_flushes++;
}

static u64 *table_of(u64 entry)
{
	return hpa_to_hva(entry & PTE_ADDR);
}

/*
 * Drops the translation of gva in one root; with a mark on the way down, all that the marked entry covers.
 * Tables that become empty stay where they are, and those cut off are found again when everything is dropped.
 */
static void drop_page(struct vcpu *v, unsigned root, gva_t gva)
{
	struct vtlb *t = v->mem_private;
	u64 *entry = &t->root[root][pt_index(gva, VTLB_TOP)];

	for (unsigned level = VTLB_TOP; level > 1; level--) {
		if (!(*entry & PTE_P))
			return;
		if (*entry & VTLB_PIECES) {
			*entry = 0;
			tlb_flush_all(v);
			return;
		}
		entry = &table_of(*entry)[pt_index(gva, level - 1)];
	}
	*entry = 0;
}

static void vtlb_invlpg(struct vcpu *v, gva_t gva)
{
	struct vtlb *t = v->mem_private;

	/* Without effect for an address that is not canonical; and nothing of the guest is in the monitor's
	 * slot. */
	if (!gva_is_canonical(gva) || (is_pair(v) && pt_index(gva, VTLB_TOP) == HV_PML4_SLOT))
		return;
	for (unsigned i = 0; i < t->roots; i++)
		drop_page(v, i, gva);
	tlb_flush_page(v, gva);
}

/* Looks at every translation: rare (a page becomes traced), and there are as many as there were faults since
 * the last flush. */
static void vtlb_write_protect(struct vcpu *v, gpa_t gpa)
{
	struct vtlb *t = v->mem_private;
	hpa_t frame = v->vm->ram_hpa + ALIGN_DOWN(gpa, PAGE_SIZE);
	bool found = false;

	for (unsigned page = 0; page < t->used; page++) {
		if (t->level[page] != 1)
			continue;
		for (unsigned i = 0; i < PT_ENTRIES; i++) {
			u64 *entry = &t->pool[page][i];

			if ((*entry & (PTE_ADDR | PTE_P | PTE_W)) == (frame | PTE_P | PTE_W)) {
				*entry &= ~(u64)(PTE_W | PTE_D);
				found = true;
			}
		}
	}
	if (found)
		tlb_flush_all(v);
}

/* ---- filling ---- */

/*
 * The shadow's page-table entry for gva, its tables made where they are missing. NULL when the pool is used
 * up. Above a piece of a large page the entry that covers just that page is marked.
 */
static u64 *make_entry(struct vtlb *t, unsigned root, gva_t gva, u64 guest_page_bytes)
{
	u64 *entry = &t->root[root][pt_index(gva, VTLB_TOP)];

	for (unsigned level = VTLB_TOP; level > 1; level--) {
		if (!(*entry & PTE_P)) {
			if (t->used == VTLB_POOL_PAGES)
				return NULL;
			memset(t->pool[t->used], 0, PAGE_SIZE);
			t->level[t->used] = (u8)(level - 1);
			*entry = hva_to_hpa(t->pool[t->used++]) | VTLB_TABLE;
		}
		if (level == VTLB_TOP)
			t->slots[root][pt_index(gva, VTLB_TOP) / 64] |= BIT(pt_index(gva, VTLB_TOP) % 64);
		else if (guest_page_bytes == pt_span(level))
			*entry |= VTLB_PIECES;
		entry = &table_of(*entry)[pt_index(gva, level - 1)];
	}
	return entry;
}

/* The rights of a translation in the shadow: what the guest's tables give, less what the next fault has to
 * tell. */
static u64 shadow_rights(struct vcpu *v, const struct guest_walk *w, unsigned access)
{
	bool user = access & ACCESS_USER;
	bool write_protect = v->cr0 & CR0_WP;
	bool may_write, user_page;
	u64 rights = PTE_P | PTE_A;

	if (is_pair(v)) {
		may_write = w->writable || (!user && !write_protect);
		user_page = true;
	} else {
		/* A user page that only the supervisor may write is either writable or a user page, as the
		 * last access wants it. */
		bool override = w->user && !w->writable && !write_protect && !user && (access & ACCESS_WRITE);

		may_write = w->writable || override || (!w->user && !write_protect);
		user_page = w->user && !override;
	}
	if (may_write && w->dirty && !vm_traced(v->vm, w->gpa))
		rights |= PTE_W | PTE_D;
	if (user_page)
		rights |= PTE_U;
	if (w->nx)
		rights |= PTE_NX;
	return rights;
}

static void vtlb_fill(struct vcpu *v, gva_t gva, const struct guest_walk *w, unsigned access)
{
	struct vtlb *t = v->mem_private;
	unsigned root = access & ACCESS_USER ? t->roots - 1 : 0;
	u64 *entry = make_entry(t, root, gva, w->page_bytes);
	bool replaced;

	if (!entry) {
		vtlb_empty(v);
		entry = make_entry(t, root, gva,
				   w->page_bytes); /* an empty pool has the three pages that it takes */
	}
	replaced = *entry & PTE_P;
	*entry = (v->vm->ram_hpa + ALIGN_DOWN(w->gpa, PAGE_SIZE)) | shadow_rights(v, w, access);
	if (replaced)
		tlb_flush_page(v, gva);
}

/*
 * What the guest meant to do. In ring 3 every access is the hardware's user access: the virtual CPL knows
 * better. Hardware that runs the guest's rings is right, also about the implicit supervisor accesses of user
 * mode.
 */
static unsigned intended_access(struct vcpu *v, u32 error)
{
	bool user = is_pair(v) ? vcpu_cpl(v) == 3 : error & PF_USER;

	return (error & PF_WRITE ? ACCESS_WRITE : 0) | (error & PF_FETCH ? ACCESS_FETCH : 0) |
	       (user ? ACCESS_USER : 0);
}

static enum mem_result vtlb_fault(struct vcpu *v, struct mem_fault *f)
{
	unsigned access = intended_access(v, f->error);
	struct guest_walk w;

	if (!guest_walk(v, f->gva, access, &w)) {
		f->error = w.error;
		f->why = "it uses a paging mode that the vtlb memory engine does not have";
		return w.unsupported ? MEM_OUT : MEM_GUEST_FAULT;
	}
	if (is_pair(v) && pt_index(f->gva, VTLB_TOP) == HV_PML4_SLOT) {
		f->why = "it maps something into the monitor's slot of the address space and uses it";
		return MEM_OUT;
	}
	if (!gpa_to_hva(v->vm, ALIGN_DOWN(w.gpa, PAGE_SIZE), PAGE_SIZE)) {
		f->gpa = w.gpa;
		return MEM_MMIO;
	}
	/* Before the entry is made: who hears of the write may drop or protect translations. */
	if (access & ACCESS_WRITE)
		vm_trace_hit(v->vm, w.gpa);
	vtlb_fill(v, f->gva, &w, access);
	if (v->vm->counters)
		v->vm->counters->hidden_faults++;
	return MEM_RETRY;
}

const struct mem_engine vtlb_engine = {
	.name = "vtlb",
	.summary = "shadow page table as a software TLB",
	.roots = ROOT_PAIR | ROOT_FAITHFUL,
	.cr4_hidden = CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_LA57 | CR4_PCIDE,
	.wants = MEM_WANTS_PF | MEM_WANTS_CR3 | MEM_WANTS_INVLPG,
	.vcpu_init = vtlb_vcpu_init,
	.root = vtlb_root,
	.fault = vtlb_fault,
	.cr3_written = vtlb_empty,
	.mode_changed = vtlb_empty,
	.invlpg = vtlb_invlpg,
	.write_protect = vtlb_write_protect,
};
