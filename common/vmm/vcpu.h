/* SPDX-License-Identifier: MIT */
/*
 * A virtual CPU: the guest's view of the registers, and what connects it to its engines.
 *
 * gpr, rip and rflags are right after every exit, whatever the engine. The other groups are fetched from the
 * hardware when somebody asks: call vcpu_need() before reading one, vcpu_changed() after writing one. Engines
 * that keep all state here set `valid` to VCPU_ALL and lose nothing. The values are the guest's: rflags.IF is
 * the virtual IF, cr0 what the guest would read.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include "lib/types.h"
#include "x86/desc.h"
#include "x86/regs.h"
#include "vmm/event.h"
#include "vmm/vmexit.h"

struct vm;
struct cpu_engine;
struct mem_engine;
struct lapic;

/* Groups of state */
#define VCPU_SEGS   0x01 /* seg[] but CS and SS */
#define VCPU_TABLES 0x02 /* gdtr, idtr */
#define VCPU_CRS    0x04 /* cr0, cr2, cr3, cr4, xcr0, efer */
#define VCPU_MSRS   0x08 /* star .. sysenter_eip, tsc_offset; the bases of FS and GS belong to VCPU_SEGS */
#define VCPU_DRS    0x10 /* dr[], dr6, dr7 */
#define VCPU_SHADOW 0x20 /* interrupt_shadow, nmi_blocked */
#define VCPU_CS_SS  0x40 /* seg[SEG_CS], seg[SEG_SS]: CPL and mode */
#define VCPU_CR2    0x80 /* cr2 alone; in `changed` only, what is valid goes with VCPU_CRS */
#define VCPU_ALL    0xff

enum vcpu_run_state {
	VCPU_RUNNABLE,
	VCPU_HALTED, /* HLT: waits for an event */
	VCPU_ENDED,
};

/*
 * The registers stand in the order in which machine/trap.S pushes a frame (struct trap_frame): engines that
 * run the guest in ring 3 let TSS.RSP0 point behind `frame_ss`, so that an exit stores them here without a
 * copy. Other engines use gpr, rip and rflags alone.
 */
struct vcpu {
	_Alignas(16) u64 entry_stack[33]; /* what the entry pushes below the frame */
	u64 gpr[GPR_COUNT];               /* the guest's RSP too */
	u64 frame_vector, frame_error;
	u64 rip;
	u64 frame_cs;
	u64 rflags;
	u64 frame_rsp, frame_ss;

	u32 valid;   /* VCPU_*: groups that are as the guest left them */
	u32 changed; /* VCPU_*: groups that the engine has to load before the next entry */

	struct segment seg[SEG_COUNT];
	struct desc_ptr gdtr, idtr;
	u64 cr0, cr2, cr3, cr4, cr8, xcr0;
	u64 efer, star, lstar, cstar, fmask, kernel_gs_base, pat, tsc_aux;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 tsc_offset; /* what the guest's TSC is ahead of the machine's */
	u64 dr[4], dr6, dr7;
	bool interrupt_shadow; /* one more instruction before an interrupt: after STI or MOV SS */
	bool nmi_blocked;

	struct event_state events;
	enum vcpu_run_state state;
	bool attention; /* vcpu_attend() was called */

	unsigned id; /* in its VM, from 0 */
	struct vm *vm;
	struct lapic *lapic; /* devices/lapic.h */
	const struct cpu_engine *cpu;
	const struct mem_engine *mem;
	void *cpu_private; /* the engines' own, page-aligned allocations of their vcpu_init */
	void *mem_private;
	void *fpu; /* x87, SSE and AVX state while another vcpu runs (vmm/fpu.h) */

	u64 exits[VMEXIT_REASONS];
	u64 ran_ticks; /* of the TSC, in guest mode and on its behalf */
};

/*
 * Something may have to be done before this vcpu runs on: an event waits, its state is no longer
 * VCPU_RUNNABLE, a timer of its VM was set. Who causes that calls this; sched.c finds out what it was.
 */
static inline void vcpu_attend(struct vcpu *v)
{
	v->attention = true;
}

/* Has the engine fetch groups that are not valid. */
void vcpu_fetch(struct vcpu *v, u32 groups);
/* Makes the groups valid. */
static inline void vcpu_need(struct vcpu *v, u32 groups)
{
	if (groups & ~v->valid)
		vcpu_fetch(v, groups & ~v->valid);
}
/* Says that the groups (which are valid) were changed here. */
static inline void vcpu_changed(struct vcpu *v, u32 groups)
{
	v->changed |= groups;
}

_Static_assert(offsetof(struct vcpu, entry_stack) == 0 && (offsetof(struct vcpu, frame_ss) + 8) % 16 == 0,
	       "the CPU aligns RSP0 to 16 bytes");

/* Current privilege level, the DPL of SS; and whether the guest runs 64-bit code (EFER.LMA and CS.L). Need
 * VCPU_CS_SS. */
static inline unsigned vcpu_cpl(struct vcpu *v)
{
	vcpu_need(v, VCPU_CS_SS);
	return seg_dpl(v->seg[SEG_SS].attr);
}

static inline bool vcpu_is_64bit(struct vcpu *v)
{
	vcpu_need(v, VCPU_CS_SS | VCPU_CRS);
	return v->efer & EFER_LMA && v->seg[SEG_CS].attr & SEG_ATTR_L;
}

/*
 * Ends the instruction that exited: RIP moves on by `length` (in 32 bits outside 64-bit code), the interrupt
 * shadow and RF end, and a single step that was pending (RFLAGS.TF) becomes #DB. SDM vol. 3B, 17.3.1.4
 * "Single-Step Exception Condition".
 */
static inline void vcpu_skip(struct vcpu *v, unsigned length);
/* The same without the single step, for MOV SS and POP SS, which delay it. */
void vcpu_advance(struct vcpu *v, unsigned length);

/* Nearly every exit ends so, and mostly there is nothing to be done but to move RIP, in code of 32 bits too
 * as long as nothing is carried into the upper half. */
void vcpu_skip_unusual(struct vcpu *v, unsigned length);
static inline void vcpu_skip(struct vcpu *v, unsigned length)
{
	u64 rip = v->rip + length;

	if (!(v->valid & VCPU_SHADOW) || v->interrupt_shadow || v->rflags & (RFLAGS_TF | RFLAGS_RF) ||
	    (rip ^ v->rip) >> 32)
		vcpu_skip_unusual(v, length);
	else
		v->rip = rip;
}

/* Ends the guest of this vcpu with a report: the sentence, the registers, a backtrace by the guest's symbols,
 * the counts of exits. */
void vcpu_end(struct vcpu *v, const char *fmt, ...) PRINTF(2, 3);

/* exercise.c: a function that is an exercise and not written yet has been called. Ends the guest with a
 * sentence that names it, and returns. */
void exercise_missing(struct vcpu *v, const char *exercise, const char *file, const char *function);
/* The same where there is no vcpu yet: the sentence, for a function that gives one when it fails. */
const char *exercise_sentence(const char *exercise, const char *file, const char *function);

#endif
