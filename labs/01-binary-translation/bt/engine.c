// SPDX-License-Identifier: MIT
/*
 * The `bt` engine: the guest's kernel runs from the translation cache, its user mode directly as under
 * `trap`.
 *
 * Whatever ends a run in the cache, the guest is brought to a precise state: RIP is the guest's own,
 * registers that a translation had saved are back, and the guest stands between two instructions. bt.h says
 * how the translator makes that possible. From there the exit goes the way of every other engine's.
 *
 * Left out: kernel code in compatibility mode (CS.L = 0 at CPL 0 to 2) is not translated but runs directly,
 * with the faults of trap-and-emulate.
 */
#include "engine.h"
#include "level.h"
#include "devices/lapic.h"
#include "labs/01-binary-translation/lab.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "silent.h"
#include "vmm/control.h"
#include "vmm/emulate.h"
#include "vmm/hypervisor.h"
#include "vmm/trace.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* ---- a vcpu's life ---- */

/* For each byte of the cache; what is used up first voids it. */
#define BYTES_A_BLOCK   128
#define BYTES_A_POINT   12
#define BYTES_AN_EXIT   64
#define CACHE_BYTES_MIN KIB(16)

static u32 cache_bytes = BT_CODE_BYTES;
static bool counting; /* count=1: how often blocks run and exits are taken */

static const char *bt_machine_init(void)
{
	u64 bytes = hypervisor_size_option(machine_cmdline, "cache", cache_bytes);

	cache_bytes = (u32)MIN(MAX(bytes, CACHE_BYTES_MIN), BT_CODE_BYTES);
	counting = hypervisor_size_option(machine_cmdline, "count", 0);
	ring3_machine_init();
	bt_level_init();
	return NULL;
}

static void code_written(struct vm *vm, gpa_t frame, void *context)
{
	struct bt *b = context;
	u32 generation = b->cache.generation;

	(void)vm;
	bt_frame_written(&b->cache, frame);
	b->code_written |= generation != b->cache.generation;
}

static bool begin_counting(struct bt *b)
{
	struct bt_cache *c = &b->cache;

	b->counts = (struct bt_counts){
		.runs = machine_alloc(c->max_blocks * sizeof(u32)),
		.lookups = machine_alloc(c->max_blocks * sizeof(u32)),
		.taken = machine_alloc(c->max_exits * sizeof(u32)),
	};
	c->counts = &b->counts;
	return b->counts.runs && b->counts.lookups && b->counts.taken;
}

static int bt_vcpu_init(struct vcpu *v)
{
	struct bt *b = machine_alloc(sizeof(*b));
	struct bt_cache *c;

	v->cpu_private = b;
	if (!b || ring3_vcpu_init(v, &b->ring3) || !bt_window_create(&b->window))
		return -1;
	c = &b->cache;
	*c = (struct bt_cache){
		.code = b->window.code,
		.table = b->window.table,
		.state = b->window.state,
		.window = BT_WINDOW,
		.size = cache_bytes,
		.max_blocks = cache_bytes / BYTES_A_BLOCK,
		.max_points = cache_bytes / BYTES_A_POINT,
		.max_exits = cache_bytes / BYTES_AN_EXIT,
	};
	c->block = machine_alloc(c->max_blocks * sizeof(*c->block));
	c->point = machine_alloc(c->max_points * sizeof(*c->point));
	c->exit = machine_alloc(c->max_exits * sizeof(*c->exit));
	if (!c->block || !c->point || !c->exit || (counting && !begin_counting(b)))
		return -1;
	bt_start(c);
	b->trace = (struct trace_client){.written = code_written, .context = b};
	vm_trace_register(v->vm, &b->trace);
	return 0;
}

static u64 bt_monitor_slot(struct vcpu *v, enum root_role role)
{
	const u64 *top = hpa_to_hva(machine_root());

	return role == ROLE_KERNEL ? bt_of(v)->window.slot : top[HV_PML4_SLOT];
}

static void bt_tlb_flush_page(struct vcpu *v, gva_t gva)
{
	invlpg((const volatile void *)gva);
	bt_unmap_page(&bt_of(v)->cache, gva);
}

static void bt_tlb_flush_all(struct vcpu *v)
{
	write_cr3(read_cr3());
	bt_unmap_all(&bt_of(v)->cache);
}

/* ---- into the cache ---- */

static void fill_state(struct vcpu *v, struct bt_state *s)
{
	s->cr0 = v->cr0;
	s->cr3 = v->cr3;
	s->cr4 = v->cr4;
	for (unsigned seg = 0; seg < SEG_COUNT; seg++)
		s->sel[seg] = v->seg[seg].selector;
}

/* What translated code may have changed, as the exit found the guest's kernel. */
static inline void store_state(struct vcpu *v, const struct bt_state *s)
{
	v->rflags = (v->rflags & ~(u64)RFLAGS_IF) | (s->vif & RFLAGS_IF);
	if (s->cr8 != v->cr8 && !cr8_write(v, s->cr8))
		bt_end(v, "it wrote to the monitor's part of its address space");
}

/* The same where the level may have changed on the way (level.h). In user mode IF is as ring3_run() says. */
static COLD void store_either_state(struct vcpu *v, const struct bt_state *s)
{
	u64 rflags = v->rflags;

	store_state(v, s);
	if (ring3_of(v)->user)
		v->rflags = rflags;
}

/* From an offset of the cache until the CPU comes back. Afterwards v->rip is an address of the cache, or of
 * the guest's user code. */
static void enter_at(struct vcpu *v, u32 at, bool watch)
{
	struct bt *b = bt_of(v);
	struct bt_state *s = b->window.state;

	b->shadow_rip = v->interrupt_shadow ? v->rip : BT_NOWHERE;
	v->interrupt_shadow = false;
	if (v->changed) {
		s->cr2 = v->cr2;
		if (v->changed != VCPU_CR2)
			fill_state(v, s);
		v->changed &= ~(u32)VCPU_CR2;
	}
	s->vif = v->rflags & RFLAGS_IF;
	s->iret_slow = v->nmi_blocked;
	s->cr8 = v->cr8;
	watch |= lapic_requested(v);
	if (watch != b->window.watching) {
		ring3_disturb(&b->ring3);
		bt_window_watch(&b->window, watch);
	}
	v->rip = b->cache.window + at;
	if (b->syscalled) {
		b->syscalled = false;
		ring3_load_state(v);
		bt_level_keep_up(v, v->rip);
	}
	ring3_run(v);
	store_either_state(v, s);
}

/*
 * The same, where the last run was in the cache too, nothing is to be loaded and nobody waits for anything
 * (is_quiet()): what the frame in the vcpu says of CS and SS is right, and the flags differ in IF alone.
 */
static inline void enter_again(struct vcpu *v, struct bt *b, u32 at)
{
	struct bt_state *s = b->window.state;

	if (v->changed) {
		s->cr2 = v->cr2;
		v->changed = 0;
	}
	b->shadow_rip = BT_NOWHERE;
	s->vif = v->rflags & RFLAGS_IF;
	s->cr8 = v->cr8;
	v->rip = b->cache.window + at;
	v->rflags |= RFLAGS_IF;
	v->frame_rsp = v->gpr[GPR_RSP];
	ring3_enter(v);
	if (b->ring3.switched) {
		ring3_store(v);
		store_either_state(v, s);
	} else {
		v->gpr[GPR_RSP] = v->frame_rsp;
		store_state(v, s);
	}
}

/* Translations of one flavour are wrong under the other. What asks for care is rare. */
static void set_flavour(struct vcpu *v, struct bt_cache *c)
{
	bool careful = vcpu_cpl(v) || v->rflags & (RFLAGS_IOPL | RFLAGS_NT) || bt_has_breakpoints(v);
	enum bt_flavour flavour = careful ? BT_CAREFUL : BT_FAST;

	if (flavour == c->flavour)
		return;
	c->flavour = flavour;
	bt_flush(c);
}

/* ---- exits ---- */

enum next { LEAVE, GO_ON };

/* The block that the guest wants to go on to. NULL: it cannot, or nobody may go there without the monitor. */
static struct bt_block *destination(struct vcpu *v)
{
	u64 dr6;

	/* A chain may stand at the very place where the guest went on: not there again. */
	bt_of(v)->resume_rip = BT_NOWHERE;
	if (!gva_is_canonical(v->rip) || bt_is_breakpoint(v, v->rip, &dr6))
		return NULL; /* seen before the next entry */
	return bt_fetch(v);
}

/* The destination of an indirect jump was not in the table. */
static enum next missed(struct vcpu *v)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct bt_block *to;

	bt_recover_exit(v, NULL);
	to = destination(v);
	if (to)
		bt_enter_table(c, to);
	if (to && c->counts)
		c->counts->lookups[to - c->block]++;
	return to ? GO_ON : LEAVE;
}

static enum next end_of_block(struct vcpu *v, struct bt_exit *e)
{
	struct bt_cache *c = &bt_of(v)->cache;
	u32 generation = c->generation;
	struct bt_block *to;

	bt_recover_exit(v, e);
	v->interrupt_shadow = v->rip == bt_of(v)->shadow_rip; /* its instruction is in the next block */
	to = destination(v);
	if (to && generation == c->generation && !e->chained)
		bt_chain(c, e, to);
	return to ? GO_ON : LEAVE;
}

static inline void call_out(struct vcpu *v, struct bt *b, const struct bt_exit *e, struct vmexit *exit)
{
	bt_recover_exit(v, e);
	v->rflags &= ~(u64)RFLAGS_RF; /* of a #UD that the guest has not raised */
	b->resume_rip = e->resume ? e->rip + e->insn.length : BT_NOWHERE;
	b->resume_at = e->resume;
	b->resume_generation = b->cache.generation;
	bt_emulate(v, &e->insn, exit);
	if (b->ring3.user && e->insn.op == OP_SYSRET)
		b->sysret = b->cache.window + e->at;
}

static enum next stored(struct vcpu *v, const struct bt_exit *e)
{
	struct bt *b = bt_of(v);

	bt_recover_exit(v, e);
	b->resume_rip = e->rip;
	b->resume_at = e->resume;
	b->resume_generation = b->cache.generation;
	bt_mend_x87(v, e);
	return GO_ON;
}

static void invalid(struct vcpu *v, const struct bt_exit *e)
{
	bt_recover_exit(v, e);
	if (e->result == DECODE_TOO_LONG)
		event_exception_error(v, VEC_GP, 0);
	else
		event_exception(v, VEC_UD);
}

/* UD2, but no call-out. */
static COLD enum next undefined(struct vcpu *v, struct vmexit *exit)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct bt_exit *e;
	u32 at;

	if (!bt_offset_of(v, &at)) {
		bt_left_cache(v);
		return LEAVE;
	}
	e = bt_find_exit(c, at);
	if (e || at == BT_MISS_STUB)
		v->rflags &= ~(u64)RFLAGS_RF;
	if (at == BT_MISS_STUB)
		return missed(v);
	if (e && e->kind == BT_EXIT_CHAIN)
		return end_of_block(v, e);
	if (e && e->kind == BT_EXIT_STORED)
		return stored(v, e);
	if (e)
		invalid(v, e);
	else if (bt_recover(v)) /* an instruction that this CPU does not have */
		ring3_reflect(v, exit);
	return LEAVE;
}

/* Something opened the window for a waiting event: the instruction is emulated, and the event comes when it
 * can.
 */
static void opened_window(struct vcpu *v, struct vmexit *exit)
{
	struct insn i;

	if (bt_recover(v) && emulate_decode(v, &i))
		bt_emulate(v, &i, exit);
}

static void page_fault(struct vcpu *v, struct vmexit *exit)
{
	gva_t gva = read_cr2();

	if (gva - BT_WINDOW - BT_WATCHED_OFFSET < PAGE_SIZE && v->frame_error & PF_WRITE) {
		opened_window(v, exit);
		return;
	}
	if (!bt_recover(v))
		return;
	exit->reason = VMEXIT_PAGE_FAULT;
	exit->fault.gva = gva;
	exit->fault.error = (u32)v->frame_error;
}

static bool is_interrupt(const struct vcpu *v)
{
	return v->frame_vector == VEC_NMI ||
	       (v->frame_vector >= VEC_EXCEPTIONS && v->frame_vector < TRAP_VEC_SYSCALL);
}

static void serve_interrupt(const struct vcpu *v)
{
	if (v->frame_vector != VEC_NMI) /* the machine's own; nobody here uses it */
		machine_interrupt((unsigned)v->frame_vector);
}

/*
 * The CPU was stopped anywhere: by an interrupt, a watchpoint, a single step. It goes on step by step to the
 * next boundary. False: an exit of another kind came on the way, which is the one to deal with now; or the
 * guest has ended. What watchpoints report on the way is kept.
 */
static NOINLINE bool to_boundary(struct vcpu *v)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct ring3 *r = ring3_of(v);
	const struct bt_block *block;
	u32 at;

	while (is_interrupt(v) || v->frame_vector == VEC_DB) {
		const struct bt_point *p;
		const struct bt_exit *e;

		if (is_interrupt(v))
			serve_interrupt(v);
		else
			r->late_dr6 |= ring3_take_dr6() & ~(u64)DR6_BS;
		if (!bt_offset_of(v, &at))
			return bt_recover(v);
		e = bt_find_exit(c, at);
		p = bt_find_point(c, at, &block);
		if (at == BT_MISS_STUB || e) {
			bt_recover_exit(v, e);
			v->interrupt_shadow = bt_in_shadow(v, p, at);
			if (e && e->kind == BT_EXIT_STORED)
				bt_mend_x87(v, e);
			return true;
		}
		if (!p || (p->boundary && p->at == at))
			return bt_recover(v);
		r->step = true;
		enter_at(v, at, false);
	}
	return false;
}

/* What made the guest stop, for the trace. */
static const char *exit_name(const struct vcpu *v)
{
	if (v->frame_vector == VEC_UD)
		return "call-out";
	return v->frame_vector < VEC_EXCEPTIONS ? exception_name((unsigned)v->frame_vector) : "interrupt";
}

/*
 * #GP. Of what is copied one instruction may be the monitor's all the same: RDTSC, where the guest has a
 * clock of its own and so CR4.TSD is set.
 */
static void protection_fault(struct vcpu *v, struct vmexit *exit)
{
	struct insn i;

	ring3_reflect(v, exit);
	if (v->frame_error || !emulate_decode(v, &i) || i.op != OP_RDTSC)
		return;
	bt_emulate(v, &i, exit);
}

static enum next left_by_exception(struct vcpu *v, struct vmexit *exit)
{
	switch (v->frame_vector) {
	case VEC_UD:
		return undefined(v, exit);
	case VEC_PF:
		page_fault(v, exit);
		return LEAVE;
	case VEC_DF:
	case VEC_MC:
		panic("%s while a guest ran", exception_name((unsigned)v->frame_vector));
	case TRAP_VEC_SYSCALL:
	case TRAP_VEC_SYSCALL32:
		bt_left_cache(v);
		return LEAVE;
	default:
		if (!bt_recover(v))
			return LEAVE;
		if (v->frame_vector == VEC_GP)
			protection_fault(v, exit);
		else
			ring3_reflect(v, exit);
		return LEAVE;
	}
}

static COLD enum next left_otherwise(struct vcpu *v, struct vmexit *exit)
{
	bool interrupt = is_interrupt(v);

	if (!interrupt && v->frame_vector != VEC_DB)
		return left_by_exception(v, exit);
	if (to_boundary(v)) {
		exit->reason = interrupt ? VMEXIT_INTERRUPT : VMEXIT_NONE;
		return LEAVE;
	}
	/* What came on the way, unless it ended the guest. */
	return v->state == VCPU_ENDED ? LEAVE : left_by_exception(v, exit);
}

/* What is kept of each exit for the pictures of `make trace`: with the guest's RIP, and counted. */
static COLD void note_exit(const struct vcpu *v, const struct bt_cache *c)
{
	const struct bt_exit *e = v->frame_vector == VEC_UD ? bt_find_exit(c, v->rip - c->window) : NULL;
	const struct bt_block *block;
	const struct bt_point *p;
	u32 at;

	trace_left(v, exit_name(v));
	p = bt_offset_of(v, &at) ? bt_find_point(c, at, &block) : NULL;
	if (e)
		trace_place(e->rip);
	else if (p)
		trace_place(block->rip + p->guest);
	if (e && c->counts)
		c->counts->taken[e - c->exit]++;
}

/* Nearly always it is a call-out. */
static inline enum next left(struct vcpu *v, struct vmexit *exit)
{
	struct bt *b = bt_of(v);
	const struct bt_exit *e = NULL;

	if (trace_is_on())
		note_exit(v, &b->cache);
	if (v->frame_vector == VEC_UD)
		e = bt_find_exit(&b->cache, v->rip - b->cache.window);
	if (!e || e->kind != BT_EXIT_CALLOUT)
		return left_otherwise(v, exit);
	call_out(v, b, e, exit);
	return LEAVE;
}

/*
 * One instruction: for TF of the guest's, because an event waits for its end, or because it writes to its own
 * page: there the block of it must be gone before it is written, and the trace be off.
 */
static enum next single_step(struct vcpu *v, struct vmexit *exit)
{
	struct bt *bt = bt_of(v);
	bool alone = bt->code_written;
	struct bt_block *b;
	struct insn i;
	bool done;

	bt->code_written = false;
	if (!emulate_decode(v, &i))
		return LEAVE;
	if (!bt_is_harmless(&i)) {
		bt_emulate(v, &i, exit);
		return LEAVE;
	}
	b = alone ? bt_fetch_one(v, &i) : bt_fetch(v);
	if (!b)
		return LEAVE;
	bt->ring3.step = true;
	enter_at(v, b->code, false);
	done = v->frame_vector == VEC_DB && to_boundary(v);
	if (alone)
		bt_kill_block(&bt->cache, b);
	if (!done && v->state != VCPU_ENDED)
		left(v, exit);
	return done ? GO_ON : LEAVE;
}

/* After a step that the guest asked for (TF) or the monitor. */
static void stepped(struct vcpu *v, struct vmexit *exit, bool window)
{
	struct ring3 *r = ring3_of(v);

	v->interrupt_shadow = false;
	v->rflags &= ~(u64)RFLAGS_RF;
	if (v->rflags & RFLAGS_TF) {
		event_debug(v, DR6_BS | r->late_dr6);
		r->late_dr6 = 0;
	} else if (window) {
		exit->reason = VMEXIT_WINDOW;
	}
}

static inline bool can_resume(const struct vcpu *v, const struct bt *b)
{
	return v->rip == b->resume_rip && b->resume_generation == b->cache.generation;
}

/* An instruction breakpoint of the guest's at RIP. RF lets one instruction pass. */
static inline bool breakpoint(struct vcpu *v)
{
	u64 dr6;

	if (bt_of(v)->cache.flavour == BT_CAREFUL && !(v->rflags & RFLAGS_RF) &&
	    bt_is_breakpoint(v, v->rip, &dr6)) {
		event_debug(v, dr6);
		return true;
	}
	v->rflags &= ~(u64)RFLAGS_RF;
	return false;
}

/* The guest's user code came to an exit. */
static COLD void left_user(struct vcpu *v, struct vmexit *exit)
{
	struct bt *b = bt_of(v);

	b->translated = false;
	b->resume_rip = BT_NOWHERE;
	b->syscalled = v->frame_vector == TRAP_VEC_SYSCALL;
	trap_left_guest(v, exit);
}

/* User code, or kernel code that is not translated. By SYSCALL it may have come into the cache. */
static COLD void run_directly(struct vcpu *v, struct vmexit *exit, u64 sysret)
{
	struct bt *b = bt_of(v);
	bool user = b->ring3.user;

	if (!trap_prepare(v, exit))
		return;
	if (sysret) {
		ring3_load_state(v);
		bt_level_keep_down(v, sysret);
	}
	ring3_run(v);
	if (user)
		store_either_state(v, b->window.state);
	b->translated = user && !b->ring3.user;
	if (b->translated)
		left(v, exit);
	else
		left_user(v, exit);
}

/*
 * Finds where the guest's kernel goes on, in all that makes it unusual. False: there is something to be done
 * first, or it has been done.
 */
static COLD bool prepare(struct vcpu *v, struct vmexit *exit, bool waits, u32 *at)
{
	struct bt *b = bt_of(v);
	bool syscalled = b->syscalled;
	u64 sysret = b->sysret;
	bool window = waits && (v->rflags & RFLAGS_IF || v->interrupt_shadow);
	const struct bt_block *block;

	b->syscalled = false;
	b->sysret = 0;
	if (b->ring3.user || !vcpu_is_64bit(v)) {
		run_directly(v, exit, sysret);
		return false;
	}
	b->translated = true;
	b->ring3.window = false;
	if (ring3_late_debug(v))
		return false;
	if (!gva_is_canonical(v->rip)) {
		event_exception_error(v, VEC_GP, 0);
		return false;
	}
	set_flavour(v, &b->cache);
	if (v->rflags & RFLAGS_TF || window || b->code_written) {
		if (!breakpoint(v) && single_step(v, exit) == GO_ON)
			stepped(v, exit, window);
		return false;
	}
	*at = b->resume_at;
	if (can_resume(v, b))
		return true;
	if (breakpoint(v))
		return false;
	block = bt_fetch(v);
	if (block)
		*at = block->code;
	b->syscalled = syscalled && v->rip == v->lstar;
	if (block && b->cache.counts)
		b->cache.counts->runs[block - b->cache.block]++;
	return block;
}

/* Nothing has happened but that RIP is perhaps another. */
static inline bool is_quiet(const struct vcpu *v, const struct bt *b)
{
	return b->translated && !(v->changed & ~(u32)VCPU_CR2) &&
	       !(v->rflags & (RFLAGS_TF | RFLAGS_NT | RING3_RFLAGS_VIRTUAL)) &&
	       !(b->code_written | b->window.watching | v->interrupt_shadow | v->nmi_blocked) &&
	       !(b->ring3.late_dr6 | (u64)(b->cache.flavour ^ BT_FAST));
}

/* Mostly the guest's kernel goes on behind the instruction that called, or somewhere where it has been. */
static inline bool find_entry(const struct vcpu *v, struct bt *b, u32 *at)
{
	const struct bt_block *block;

	*at = b->resume_at;
	if (can_resume(v, b))
		return true;
	if (b->cache.counts)
		return false; /* prepare() counts */
	block = bt_find_mapped(&b->cache, v->rip);
	if (block)
		*at = block->code;
	return block;
}

/* The call-out that the guest has come to, if it is IN or OUT and nobody has anything else to do for the
 * guest. */
static inline const struct bt_exit *port_exit(const struct vcpu *v, const struct bt_cache *c)
{
	const struct bt_exit *e;

	if (v->attention || v->frame_vector != VEC_UD)
		return NULL;
	e = bt_find_exit(c, v->rip - c->window);
	return e && (e->insn.op == OP_IN || e->insn.op == OP_OUT) && e->kind == BT_EXIT_CALLOUT ? e : NULL;
}

enum port { NOT_A_PORT, SERVED, ENTER_AGAIN };

/*
 * IN and OUT, the most frequent of all exits, are answered on the spot, by the function that the scheduler
 * would call. Where the CPU goes on in the cache, `at`, nothing is to be prepared then.
 */
static inline enum port serve_port(struct vcpu *v, struct bt *b, struct vmexit *exit, u32 *at)
{
	u32 generation = b->cache.generation;
	const struct bt_exit *e = port_exit(v, &b->cache);

	if (!e)
		return NOT_A_PORT;
	v->rip = e->rip;
	v->rflags &= ~(u64)RFLAGS_RF; /* as in call_out() */
	exit_io(exit, v, &e->insn);
	if (exit->reason != VMEXIT_IO)
		return SERVED;
	exit->reason = VMEXIT_NONE;
	emulate_port(v, exit);
	v->exits[VMEXIT_IO]++;
	v->vm->counters->exits++;
	*at = e->resume;
	if (v->attention || !e->resume || b->cache.generation != generation) {
		vcpu_skip(v, e->insn.length);
		return SERVED;
	}
	return ENTER_AGAIN;
}

/* Exceptions that can only be the guest's own. */
#define PLAIN_EXCEPTIONS                                                                                     \
	(BIT(VEC_DE) | BIT(VEC_BR) | BIT(VEC_NM) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_MF) | BIT(VEC_AC) |   \
	 BIT(VEC_XM))

static inline bool is_plain_exception(const struct vcpu *v)
{
	return v->frame_vector < VEC_EXCEPTIONS && BIT(v->frame_vector) & PLAIN_EXCEPTIONS;
}

/* It is delivered on the spot too. */
static NOINLINE enum next deliver(struct vcpu *v, struct vmexit *exit)
{
	struct event e = {.kind = EVENT_EXCEPTION,
			  .vector = (u8)v->frame_vector,
			  .has_error = exception_has_error((unsigned)v->frame_vector),
			  .error = (u32)v->frame_error};

	if (!bt_recover(v) || !event_deliver_exception(v, &e))
		return LEAVE;
	exit->reason = VMEXIT_EXCEPTION;
	return GO_ON;
}

static inline enum next run_once(struct vcpu *v, struct vmexit *exit)
{
	struct bt *b = bt_of(v);
	bool waits = b->ring3.window;
	u32 at;

	exit->reason = VMEXIT_NONE;
	if (waits || !is_quiet(v, b) || !find_entry(v, b, &at)) {
		if (!prepare(v, exit, waits, &at))
			return LEAVE;
		enter_at(v, at, waits);
	} else {
		enum port port;

		do {
			enter_again(v, b, at);
			port = serve_port(v, b, exit, &at);
		} while (port == ENTER_AGAIN);
		if (port == SERVED)
			return LEAVE;
	}
	if (b->ring3.user) {
		left_user(v, exit);
		return LEAVE;
	}
	if (!v->attention && is_plain_exception(v)) {
		if (deliver(v, exit) == LEAVE)
			return LEAVE;
	} else if (left(v, exit) == LEAVE) {
		return LEAVE;
	}
	b->ring3.window = waits;
	return GO_ON;
}

/* As long as nobody else has anything to do for the guest there is no need to leave. */
static void bt_run(struct vcpu *v, struct vmexit *exit)
{
	while (run_once(v, exit) == GO_ON || (exit->reason == VMEXIT_NONE && !v->attention)) {
		v->exits[exit->reason]++;
		v->vm->counters->exits++;
	}
}

const struct cpu_engine bt_engine = {
	.name = "bt",
	.summary = "binary translation: the guest's kernel in ring 3, rewritten",
	.root_kind = ROOT_PAIR,
	.cr4_hidden = RING3_CR4_HIDDEN,
	.machine_init = bt_machine_init,
	.vcpu_init = bt_vcpu_init,
	.load = ring3_load,
	.unload = ring3_unload,
	.fetch = ring3_fetch,
	.inject = ring3_inject,
	.request_window = ring3_request_window,
	.read_linear = ring3_read_linear,
	.write_linear = ring3_write_linear,
	.tlb_flush_page = bt_tlb_flush_page,
	.tlb_flush_all = bt_tlb_flush_all,
	.monitor_slot = bt_monitor_slot,
	.run = bt_run,
	.report = bt_report,
};
