// SPDX-License-Identifier: MIT
/* When SYSCALL and SYSRET may be repeated without C, and what for: see level.h. */
#include "level.h"
#include "machine/machine.h"
#include "vmm/trace.h"
#include "vmm/vm.h"
#include "x86/asm.h"
#include "x86/exception.h"

#define NEVER (~0ULL) /* no generation of the cache, which has 32 bits */

static const u32 no_cache;
struct bt_level bt_level = {.generation = &no_cache, .up_generation = NEVER, .down_generation = NEVER};

void bt_level_init(void)
{
	wrmsr(MSR_LSTAR, (u64)bt_level_syscall);
	machine_set_entry(VEC_UD, bt_level_undefined);
}

/* Is a change of the level nothing but what level.S does? */
static bool is_plain(const struct vcpu *v, const struct bt *b)
{
	const struct ring3 *r = &b->ring3;

	return !trace_is_on() && !b->cache.counts && b->cache.flavour == BT_FAST && !b->code_written &&
	       !b->window.watching && !r->watching && !r->tables_stale && !r->late_dr6 &&
	       !(v->cr0 & CR0_AM) && !(v->cr4 & CR4_TSD) && v->efer & EFER_SCE &&
	       !(v->seg[SEG_LDTR].selector & SEL_INDEX) && !v->nmi_blocked;
}

/* The other direction was found out for what is not loaded any more. */
static void begin(struct bt *b)
{
	if (!b->ring3.undisturbed || ring3_switch.ring3 != &b->ring3)
		bt_level.up_generation = bt_level.down_generation = NEVER;
	b->ring3.undisturbed = true;
	bt_level.state = b->window.state;
	bt_level.generation = &b->cache.generation;
}

void bt_level_keep_up(struct vcpu *v, u64 entry)
{
	struct bt *b = bt_of(v);

	if (!is_plain(v, b) || !(v->fmask & RFLAGS_IF))
		return;
	begin(b);
	ring3_keep_level(v);
	bt_level.entry = entry;
	bt_level.kept_flags =
		~(v->fmask | RFLAGS_RF) | RFLAGS_IF | RFLAGS_RESERVED1; /* the CPU's own IF is always set */
	bt_level.sel_cs = v->seg[SEG_CS].selector;
	bt_level.sel_ss = v->seg[SEG_SS].selector;
	bt_level.up_generation = b->cache.generation;
}

void bt_level_keep_down(struct vcpu *v, u64 sysret)
{
	struct bt *b = bt_of(v);

	if (!is_plain(v, b) || b->ring3.real_cs != v->seg[SEG_CS].selector ||
	    b->ring3.real_ss != v->seg[SEG_SS].selector || !vcpu_is_64bit(v))
		return;
	begin(b);
	ring3_keep_level(v);
	bt_level.sysret = sysret;
	bt_level.down_generation = b->cache.generation;
}
