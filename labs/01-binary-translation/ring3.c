// SPDX-License-Identifier: MIT
/*
 * The guest in ring 3: what is loaded into the real CPU for it, and what is read back.
 *
 * The vcpu holds the guest's view. The CPU holds, while the guest runs: the general registers; RFLAGS but IF
 * and IOPL; CS and SS of the monitor's in virtual ring 0, the guest's own in virtual ring 3; DS to GS and
 * their bases; the bits of CR0 and CR4 that concern FPU, debugging and the TSC; DR0 to DR3 and DR7; XCR0.
 * Everything else exists in the vcpu alone.
 */
#include "lib/panic.h"
#include "lib/string.h"
#include "ring3.h"
#include "vmm/fpu.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* The bits of the guest's control registers that the CPU gets. */
#define CR0_PASSED     (CR0_MP | CR0_EM | CR0_TS)
#define CR4_PASSED     (CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE)
#define RFLAGS_VIRTUAL (RFLAGS_IF | RING3_RFLAGS_VIRTUAL)

#define STAND_IN_DATA                                                                                        \
	(SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_DPL | SEG_TYPE_ACCESSED | SEG_TYPE_WRITABLE | SEG_ATTR_DB |      \
	 SEG_ATTR_G)
#define TABLE_PAGES (HV_GDT_ENTRIES * sizeof(u64) / PAGE_SIZE)

static void table_written(struct vm *vm, gpa_t frame, void *context)
{
	struct ring3 *r = context;

	(void)vm;
	if (frame >> PAGE_SHIFT == r->gdt_gpa >> PAGE_SHIFT ||
	    frame >> PAGE_SHIFT == r->ldt_gpa >> PAGE_SHIFT) {
		r->tables_stale = true;
		ring3_disturb(r);
	}
}

/* SYSCALL, when the guest turns it on, comes to the monitor with interrupts off and no flag of the guest's.
 */
const char *ring3_machine_init(void)
{
	wrmsr(MSR_STAR, (u64)HV_SEL_CODE << 32);
	wrmsr(MSR_LSTAR, (u64)trap_syscall);
	wrmsr(MSR_CSTAR, (u64)trap_syscall32);
	wrmsr(MSR_FMASK, (u32)~RFLAGS_RESERVED1);
	return NULL;
}

int ring3_vcpu_init(struct vcpu *v, struct ring3 *r)
{
	r->gdt = pages_alloc(TABLE_PAGES, PAGE_SIZE);
	r->ldt = pages_alloc(TABLE_PAGES, PAGE_SIZE);
	if (!r->gdt || !r->ldt)
		return -1;
	memcpy(&r->gdt[HV_SEL_CODE / 8], &machine_gdt[HV_SEL_CODE / 8],
	       (HV_GDT_ENTRIES - HV_SEL_CODE / 8) * sizeof(u64));
	r->tables_stale = r->inner_segments = true;
	r->trace = (struct trace_client){.written = table_written, .context = r};
	vm_trace_register(v->vm, &r->trace);
	v->cpu_private = r;
	return 0;
}

static void load_gdt(struct ring3 *r, u64 *gdt)
{
	if (r->gdt_loaded == gdt)
		return;
	lgdt(&(struct desc_ptr){.limit = HV_GDT_ENTRIES * sizeof(u64) - 1, .base = (u64)gdt});
	r->gdt_loaded = gdt;
}

/* The LDT of virtual ring 3; virtual ring 0 has none (ring3.h). */
static void load_ldt(struct vcpu *v, bool user)
{
	struct ring3 *r = ring3_of(v);
	u64 base = (u64)r->ldt;

	if (!user || !(v->seg[SEG_LDTR].selector & SEL_INDEX)) {
		lldt(0);
		return;
	}
	r->gdt[RING3_SEL_LDT / 8] = desc_make((u32)base, v->seg[SEG_LDTR].limit, SEG_ATTR_P | SYS_TYPE_LDT);
	r->gdt[RING3_SEL_LDT / 8 + 1] = base >> 32;
	lldt(RING3_SEL_LDT);
}

/*
 * MOV SS delays a watchpoint to the end of the next instruction. If that enters the kernel, #DB comes at the
 * first instruction there: in the monitor. It belongs to the guest, at the place to which its instruction
 * leads. SDM vol. 3A, 6.8.3 "Masking Exceptions and Interrupts When Switching Stacks".
 */
static bool debug_in_monitor(struct trap_frame *f)
{
	struct vcpu *v =
		container_of((u64 *)machine_tss.rsp[0] - 1, struct vcpu, frame_ss); /* who has the CPU */
	u64 hits = read_dr6() & (DR6_B0 | DR6_B0 << 1 | DR6_B0 << 2 | DR6_B0 << 3);
	bool at_entry = f->rip == rdmsr(MSR_LSTAR) || f->rip == rdmsr(MSR_CSTAR);

	if (!hits && !at_entry)
		return false;
	/* A single step over SYSCALL ends here on some CPUs although SYSCALL clears TF; the emulation does
	 * the guest's own. */
	ring3_of(v)->late_dr6 |= hits;
	write_dr6(DR6_RESERVED);
	return true;
}

u64 ring3_take_dr6(void)
{
	u64 dr6 = (read_dr6() ^ DR6_RESERVED) & ~(u64)DR6_RESERVED;

	write_dr6(DR6_RESERVED);
	return dr6;
}

bool ring3_raise_late_debug(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	event_debug(v, r->late_dr6);
	r->late_dr6 = 0;
	return true;
}

void ring3_load(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	trap_debug_in_ring0 = debug_in_monitor;
	machine_tss.rsp[0] = (u64)(&v->frame_ss + 1);
	trap_from_ring3 = ring3_exit;
	r->root = 0;
	r->gdt_loaded = NULL;
	r->control.valid = false;
	r->placed[false].valid = false; /* all vcpus share this table */
	v->changed = VCPU_ALL;
}

void ring3_unload(struct vcpu *v)
{
	vcpu_need(v, VCPU_SEGS);
	trap_from_ring3 = NULL;
	trap_debug_in_ring0 = NULL;
	ring3_disturb(ring3_of(v));
	ring3_of(v)->root = 0;
	ring3_of(v)->linear = LINEAR_NONE;
	write_dr7(DR7_RESERVED);
	lldt(0);
	machine_load_gdt();
	write_cr3(machine_root());
}

void ring3_request_window(struct vcpu *v)
{
	ring3_of(v)->window = true;
}

/* ---- before the entry ---- */

static void load_control(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);
	struct ring3_control c = {
		.valid = true,
		.cr0 = v->cr0 & CR0_PASSED,
		.cr4 = v->cr4 & CR4_PASSED,
		.xcr0 = v->xcr0,
		.efer = v->efer & EFER_SCE,
	};

	if (r->user) /* alignment checks and CR4.TSD concern CPL 3 alone */
		c.cr0 |= v->cr0 & CR0_AM;
	if (v->tsc_offset || (r->user && v->cr4 & CR4_TSD))
		c.cr4 |= CR4_TSD;
	if (r->control.valid && c.cr0 == r->control.cr0 && c.cr4 == r->control.cr4 &&
	    c.xcr0 == r->control.xcr0 && c.efer == r->control.efer)
		return;
	r->control = c;
	c.cr0 |= read_cr0() & ~(u64)(CR0_PASSED | CR0_AM);
	c.cr4 |= read_cr4() & ~(u64)(CR4_PASSED | CR4_TSD);
	if (fpu_xcr0) { /* before CR4.OSXSAVE may go */
		write_cr4(c.cr4 | CR4_OSXSAVE);
		asm volatile("xsetbv" : : "c"(0), "a"((u32)v->xcr0), "d"((u32)(v->xcr0 >> 32)));
	}
	write_cr0(c.cr0);
	write_cr4(c.cr4);
	wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & ~(u64)EFER_SCE) | c.efer);
}

/* Watchpoints of the guest's, but none that could fire in the monitor. SDM vol. 3B, 17.2.4 "Debug Control
 * Register (DR7)". */
static void load_debug(struct vcpu *v)
{
	u64 dr7 = v->dr7 & ~(u64)DR7_GD;

	write_dr7(DR7_RESERVED);
	ring3_of(v)->watching = dr7 & DR7_ENABLED;
	if (!(dr7 & DR7_ENABLED))
		return;
	for (unsigned i = 0; i < 4; i++)
		if (pt_index(v->dr[i], 4) == HV_PML4_SLOT || !gva_is_canonical(v->dr[i]))
			dr7 &= ~(3ULL << (i * 2));
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	write_dr7(dr7);
}

static bool usable_code(u64 desc, bool is_64bit)
{
	struct segment s = desc_unpack(0, desc, 0);

	return (s.attr & (SEG_ATTR_S | SEG_TYPE_CODE | SEG_ATTR_P)) ==
		       (SEG_ATTR_S | SEG_TYPE_CODE | SEG_ATTR_P) &&
	       (seg_dpl(s.attr) == 3 || s.attr & SEG_TYPE_CONFORMING) &&
	       !(s.attr & SEG_ATTR_L) == !is_64bit && !(s.attr & SEG_ATTR_L && s.attr & SEG_ATTR_DB);
}

static bool usable_stack(u64 desc)
{
	struct segment s = desc_unpack(0, desc, 0);

	return (s.attr & (SEG_ATTR_S | SEG_TYPE_CODE | SEG_TYPE_WRITABLE | SEG_ATTR_P)) ==
		       (SEG_ATTR_S | SEG_TYPE_WRITABLE | SEG_ATTR_P) &&
	       seg_dpl(s.attr) == 3;
}

/*
 * CS and SS. In virtual ring 0, and in virtual ring 3 when the guest took away a descriptor that it had
 * loaded, segments of the monitor's own stand for the guest's. IRET reads them, so they have to be in the
 * GDT: code that cannot be read as data, and data.
 */
static COLD void place_cs_ss(struct vcpu *v, struct ring3_cs_ss *p)
{
	struct ring3 *r = ring3_of(v);
	const struct segment *cs = &v->seg[SEG_CS], *ss = &v->seg[SEG_SS];
	u64 *gdt = r->user ? r->gdt : machine_gdt;
	u32 attr = cs->attr | SEG_ATTR_DPL | SEG_ATTR_P | SEG_ATTR_S | SEG_TYPE_ACCESSED;

	ring3_disturb(r);
	*p = (struct ring3_cs_ss){.valid = true,
				  .cs = *cs,
				  .ss = ss->selector,
				  .real_cs = cs->selector,
				  .real_ss = ss->selector};
	gdt[RING3_SEL_CODE / 8] = gdt[RING3_SEL_DATA / 8] = 0;
	if (!r->user || (cs->selector & SEL_RPL) != 3 ||
	    !usable_code(ring3_copy_of(v, cs->selector), cs->attr & SEG_ATTR_L)) {
		p->real_cs = RING3_SEL_CODE;
		if (attr & SEG_ATTR_L)
			attr &= ~(u32)SEG_TYPE_READABLE;
		gdt[RING3_SEL_CODE / 8] = desc_make((u32)cs->base, cs->limit, attr);
	}
	if (!r->user || (ss->selector & SEL_RPL) != 3 || !usable_stack(ring3_copy_of(v, ss->selector))) {
		p->real_ss = RING3_SEL_DATA;
		gdt[RING3_SEL_DATA / 8] = desc_make(0, 0xffffffff, STAND_IN_DATA);
	}
}

static inline bool same_cs(const struct ring3_cs_ss *p, const struct segment *cs)
{
	return p->valid && ring3_same_segment(&p->cs, cs);
}

/* Mostly they are what they were when this level ran last. In virtual ring 0 any SS has the same stand-in. */
static void load_cs_ss(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);
	struct ring3_cs_ss *p = &r->placed[r->user];
	const struct segment *cs = &v->seg[SEG_CS];

	if (!same_cs(p, cs) || (r->user && p->ss != v->seg[SEG_SS].selector))
		place_cs_ss(v, p);
	r->real_cs = p->real_cs;
	r->real_ss = p->real_ss;
}

/* What a change of anything but CS and SS asks for. */
static COLD void load_state(struct vcpu *v)
{
	ring3_disturb(ring3_of(v));
	if (v->changed & VCPU_CRS)
		ring3_of(v)->tables_check = true;
	if (v->changed & (VCPU_CRS | VCPU_MSRS))
		load_control(v);
	if (v->changed & VCPU_DRS)
		load_debug(v);
	if (v->changed & (VCPU_CRS | VCPU_DRS))
		ring3_find_roots(v);
}

void ring3_load_changed(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	if (v->changed & ~(u32)(VCPU_CS_SS | VCPU_CR2))
		load_state(v);
	if (r->user)
		ring3_sync_tables(v);
	load_gdt(r, r->user ? r->gdt : machine_gdt);
	if (v->changed & VCPU_SEGS) {
		load_ldt(v, r->user);
		ring3_load_segments(v);
	}
	load_cs_ss(v);
	ring3_load_root(v);
	v->changed = 0;
}

/* ---- from level to level without C ---- */

struct ring3_switch ring3_switch;

void ring3_keep_level(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	ring3_switch.ring3 = r;
	ring3_switch.counters = v->vm->counters;
	ring3_switch.level[r->user] = (struct ring3_level){
		.root = r->root,
		.real_cs = r->real_cs,
		.real_ss = r->real_ss,
		.gdt = {.limit = HV_GDT_ENTRIES * sizeof(u64) - 1, .base = (u64)r->gdt_loaded},
		.cs = v->seg[SEG_CS],
		.ss = v->seg[SEG_SS],
	};
}

static COLD void make_up(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);
	const struct ring3_level *l = &ring3_switch.level[r->user];

	r->switched = r->stepping = false;
	r->root = l->root;
	r->gdt_loaded = (const u64 *)l->gdt.base;
	r->real_cs = (u16)l->real_cs;
	r->real_ss = (u16)l->real_ss;
	v->seg[SEG_CS] = l->cs;
	v->seg[SEG_SS] = l->ss;
	ring3_load_root(v);
}

static u64 entry_flags(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);
	u64 flags = (v->rflags & ~(u64)RFLAGS_VIRTUAL) | RFLAGS_IF | RFLAGS_RESERVED1;

	r->system_flags = v->rflags & RFLAGS_VIRTUAL;
	r->stepping = r->step && !(v->rflags & RFLAGS_TF);
	r->step = false;
	return r->stepping ? flags | RFLAGS_TF : flags;
}

/* ---- after the exit ---- */

static struct segment segment_of_copy(struct vcpu *v, u16 selector)
{
	return desc_unpack(selector, ring3_copy_of(v, selector), 0);
}

/* User code changes CS and SS without a trap, among segments that it may use. */
static COLD void store_cs_ss(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	if ((u16)v->frame_cs != r->real_cs) {
		v->seg[SEG_CS] = segment_of_copy(v, (u16)v->frame_cs);
		r->real_cs = (u16)v->frame_cs;
	}
	if ((u16)v->frame_ss != r->real_ss) {
		v->seg[SEG_SS] = segment_of_copy(v, (u16)v->frame_ss);
		r->real_ss = (u16)v->frame_ss;
	}
}

static u16 read_selector(unsigned seg)
{
	u16 s = 0;

	switch (seg) {
	case SEG_ES:
		asm volatile("mov %%es, %0" : "=r"(s));
		break;
	case SEG_DS:
		asm volatile("mov %%ds, %0" : "=r"(s));
		break;
	case SEG_FS:
		asm volatile("mov %%fs, %0" : "=r"(s));
		break;
	case SEG_GS:
		asm volatile("mov %%gs, %0" : "=r"(s));
		break;
	}
	return s;
}

/* DS to GS are in the CPU; the rest of the state is always in the vcpu. */
void ring3_fetch(struct vcpu *v, u32 groups)
{
	static const u8 segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
	struct ring3 *r = ring3_of(v);

	if (!(groups & VCPU_SEGS))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(segs); i++) {
		unsigned seg = segs[i];
		u16 selector = read_selector(seg);

		if (selector == r->real_sel[seg])
			continue;
		r->real_sel[seg] = selector;
		v->seg[seg] = selector & ~SEL_RPL
				      ? segment_of_copy(v, selector)
				      : (struct segment){.selector = selector, .attr = SEG_ATTR_UNUSABLE};
	}
	v->seg[SEG_FS].base = rdmsr(MSR_FS_BASE);
	v->seg[SEG_GS].base = rdmsr(MSR_GS_BASE);
}

static inline void store(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);
	u64 kept = RFLAGS_VIRTUAL | (r->stepping ? RFLAGS_TF : 0);

	if (r->switched)
		make_up(v);
	v->gpr[GPR_RSP] = v->frame_rsp;
	v->rflags = (v->rflags & ~kept) | r->system_flags;
	v->valid = VCPU_ALL & ~VCPU_SEGS;
	if (((u16)v->frame_cs != r->real_cs || (u16)v->frame_ss != r->real_ss) && r->user &&
	    v->frame_vector < TRAP_VEC_SYSCALL)
		store_cs_ss(v);
}

void ring3_run(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	ring3_load_state(v);
	v->rflags = entry_flags(v);
	v->frame_rsp = v->gpr[GPR_RSP];
	v->frame_cs = r->real_cs;
	v->frame_ss = r->real_ss;
	ring3_enter(v);
	store(v);
}

void ring3_store(struct vcpu *v)
{
	store(v);
}

void ring3_set_user(struct vcpu *v, bool user)
{
	struct ring3 *r = ring3_of(v);

	if (!r->user && !user && same_cs(&r->placed[false], &v->seg[SEG_CS]))
		return;
	vcpu_changed(v, VCPU_CS_SS);
	if (r->user == user)
		return;
	r->user = user;
	/* CR0.AM and CR4.TSD act in virtual ring 3 alone; segments that name the LDT are loaded there alone.
	 */
	if (v->cr0 & CR0_AM || v->cr4 & CR4_TSD)
		vcpu_changed(v, VCPU_MSRS);
	if (v->seg[SEG_LDTR].selector & SEL_INDEX) {
		vcpu_need(v, VCPU_SEGS);
		vcpu_changed(v, VCPU_SEGS);
	}
}

void ring3_reflect(struct vcpu *v, struct vmexit *exit)
{
	exit->reason = VMEXIT_EXCEPTION;
	exit->exception.vector = (u8)v->frame_vector;
	exit->exception.has_error = exception_has_error((unsigned)v->frame_vector);
	exit->exception.error = (u32)v->frame_error;
}
