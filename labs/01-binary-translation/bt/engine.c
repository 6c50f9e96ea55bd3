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
#include "machine/machine.h"
#include "vmm/control.h"
#include "vmm/emulate.h"
#include "vmm/hypervisor.h"
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

/* In user mode IF is as ring3_run() says. */
void bt_store_state(struct vcpu *v)
{
	u64 rflags = v->rflags;

	store_state(v, bt_of(v)->window.state);
	if (ring3_of(v)->user)
		v->rflags = rflags;
}

static void set_watch(struct bt *b, bool watch)
{
	if (watch == b->window.watching)
		return;
	ring3_disturb(&b->ring3);
	bt_window_watch(&b->window, watch);
}

/* Afterwards v->rip is an address of the cache, or of the guest's user code. */
void bt_enter_at(struct vcpu *v, u32 at, bool watch)
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
	set_watch(b, watch || lapic_requested(v));
	v->rip = b->cache.window + at;
	if (b->syscalled) {
		b->syscalled = false;
		ring3_load_state(v);
		bt_level_keep_up(v, v->rip);
	}
	ring3_run(v);
	bt_store_state(v);
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
		bt_store_state(v);
	} else {
		v->gpr[GPR_RSP] = v->frame_rsp;
		store_state(v, s);
	}
}

/* ---- the loop ---- */

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
	if (bt_can_resume(v, b))
		return true;
	if (b->cache.counts)
		return false; /* bt_prepare() counts */
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
	v->rflags &= ~(u64)RFLAGS_RF; /* of a #UD that the guest has not raised */
	exit_io(exit, v, &e->insn);
	if (exit->reason != VMEXIT_IO)
		return SERVED;
	exit->reason = VMEXIT_NONE;
	emulate_port(v, exit);
	*at = e->resume;
	if (v->attention || !e->resume || b->cache.generation != generation) {
		vcpu_skip(v, e->insn.length);
		return SERVED;
	}
	v->exits[VMEXIT_IO]++;
	v->vm->counters->exits++;
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
static NOINLINE enum bt_next deliver(struct vcpu *v, struct vmexit *exit)
{
	struct event e = {.kind = EVENT_EXCEPTION,
			  .vector = (u8)v->frame_vector,
			  .has_error = exception_has_error((unsigned)v->frame_vector),
			  .error = (u32)v->frame_error};

	if (!bt_recover(v) || !event_deliver_exception(v, &e))
		return BT_LEAVE;
	exit->reason = VMEXIT_EXCEPTION;
	return BT_GO_ON;
}

static inline enum bt_next run_once(struct vcpu *v, struct vmexit *exit)
{
	struct bt *b = bt_of(v);
	bool waits = b->ring3.window;
	u32 at;

	exit->reason = VMEXIT_NONE;
	if (waits || !is_quiet(v, b) || !find_entry(v, b, &at)) {
		if (!bt_prepare(v, exit, waits, &at))
			return BT_LEAVE;
		bt_enter_at(v, at, waits);
	} else {
		enum port port;

		do {
			enter_again(v, b, at);
			port = serve_port(v, b, exit, &at);
		} while (port == ENTER_AGAIN);
		if (port == SERVED)
			return BT_LEAVE;
	}
	if (b->ring3.user) {
		bt_left_user(v, exit);
		return BT_LEAVE;
	}
	if (!v->attention && is_plain_exception(v)) {
		if (deliver(v, exit) == BT_LEAVE)
			return BT_LEAVE;
	} else if (bt_left(v, exit) == BT_LEAVE) {
		return BT_LEAVE;
	}
	b->ring3.window = waits;
	return BT_GO_ON;
}

/* As long as nobody else has anything to do for the guest there is no need to leave. */
static void bt_run(struct vcpu *v, struct vmexit *exit)
{
	if (lapic_requested(v)) /* perhaps it waits for CR8: is_quiet() does not ask */
		set_watch(bt_of(v), true);
	while (run_once(v, exit) == BT_GO_ON || (exit->reason == VMEXIT_NONE && !v->attention)) {
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
