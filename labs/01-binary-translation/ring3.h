/* SPDX-License-Identifier: MIT */
/*
 * What every engine of this lab shares: the guest's kernel runs in ring 3, and so does its user mode.
 *
 * "Virtual ring 0" and "virtual ring 3" are what the guest believes; the CPU is in ring 3 in both. They
 * differ in the page table that is loaded (engine.h, ROOT_PAIR) and in the GDT:
 *
 *   virtual ring 0   machine_gdt: none of the guest's selectors name anything, so each load of a segment
 * register but a null one, each far transfer and each IRET faults and is emulated. virtual ring 3   a copy of
 * the guest's GDT and LDT with every system descriptor made not-present: user code runs as on the bare
 *                    machine, but cannot get through a gate to ring 0.
 *
 * Levels 1 and 2 are run as virtual ring 0 is, since paging takes them for the kernel; the emulation checks
 * their level.
 *
 * In both tables the monitor's own selectors stand at the end (machine.h).
 */
#ifndef RING3_H
#define RING3_H

#include "vmm/vm.h"
#include "machine/machine.h"
#include "x86/asm.h"
#include "x86/paging.h"

/* Ring-3 segments of the monitor's own, which stand for CS and SS of virtual ring 0. */
#define RING3_SEL_LDT    0xffb0 /* 16 bytes */
#define RING3_SEL_CODE   (HV_SEL_ENGINE | 3)
#define RING3_SEL_DATA   ((HV_SEL_ENGINE + 8) | 3)
#define RING3_SEL_FIRST  RING3_SEL_LDT /* the guest's selectors end here */

/* The guest's linear addresses: below the first, from the second on. Between them is what is not canonical,
 * and the monitor's slot. */
#define RING3_LOW_END    BIT(47)
#define RING3_HIGH_BEGIN (HV_BASE + BIT(39))
_Static_assert(HV_BASE == -RING3_LOW_END, "the monitor's slot is the first of the upper half");

/* Features whose instructions ring 3 could use without a trap, or that tell supervisor from user pages: no
 * guest here gets them. */
#define RING3_CR4_HIDDEN                                                                                     \
	(CR4_PCIDE | CR4_LA57 | CR4_PKE | CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_FSGSBASE | CR4_VME |          \
	 CR4_PVI | CR4_MCE)

/* Vectors whose handlers are known at a time: those of the exceptions, or as many of the interrupts. */
#define RING3_KNOWN 32

/* Accesses that are done at the guest's own addresses (linear.c). */
enum ring3_linear { LINEAR_NONE, LINEAR_KERNEL, LINEAR_USER };

struct ring3 {
	bool user;         /* in virtual ring 3 */
	bool tables_stale; /* the copies of GDT and LDT have to be made again before virtual ring 3 runs */
	bool tables_check; /* the guest's paging changed: are the GDT and LDT still where they were? */
	bool stepping;     /* TF is the monitor's: a window was asked for */
	bool window;       /* request_window was called */
	bool step;         /* the next ring3_run() is of one instruction */
	bool undisturbed;  /* nothing but the level has been loaded since ring3_switch was filled */
	bool switched;     /* since the entry the level has changed by ring3_switch */
	u64 late_dr6;      /* watchpoints that MOV SS delayed into the monitor: #DB once the guest runs on */
	u64 system_flags;  /* RFLAGS bits that the CPU does not hold for the guest: IF, IOPL (and TF while
			      stepping) */
	hpa_t root;        /* what CR3 holds; 0 while another vcpu has the CPU, or none */
	hpa_t roots[2];    /* of virtual ring 0 and 3, as of the last entry */
	bool watching;     /* the CPU has breakpoints of the guest's */
	u8 linear;         /* enum ring3_linear: who may be reached at linear addresses */
	bool may_reach;    /* and may it be anybody? */
	u64 *gdt, *ldt;    /* copies for virtual ring 3, 64 KiB each */
	gpa_t gdt_gpa, ldt_gpa; /* where the guest's tables were when they were copied */
	u16 real_cs, real_ss;   /* what the last entry loaded */
	struct ring3_control {
		bool valid;
		u64 cr0, cr4, xcr0, efer; /* the guest's part of what the CPU has */
	} control;
	/* In the tables of virtual ring 0 and 3: the guest's CS and SS when they were looked at last, and
	 * what the CPU loads for them. */
	struct ring3_cs_ss {
		bool valid;
		u16 ss, real_cs, real_ss;
		struct segment cs;
	} placed[2];
	/* The segment of the last handler of an event, checked for an event at level `from`. */
	struct ring3_handler {
		u64 desc; /* 0: none */
		u16 selector;
		u8 from, cpl;
		struct segment cs;
	} handler;
	/*
	 * What an event of level 0 came to that a handler of level 0 took, on the same stack: by vector, and
	 * only for the bytes of gate and descriptor that are here.
	 */
	struct ring3_known {
		u64 gate[2], desc; /* not present: none */
		gva_t gdt;         /* the base of the GDT, where the descriptor is in reach */
		u32 desc_last;     /* offset of its last byte */
		s32 rflags;        /* what is kept of RFLAGS, sign-extended */
		u64 rip;           /* of the handler */
		struct segment cs;
	} known[RING3_KNOWN];
	bool inner_segments;     /* DS, ES, FS or GS may be one that is not for level 3 */
	u16 real_sel[SEG_COUNT]; /* DS ES FS GS: what ring3_load_segments() loaded */
	const u64 *gdt_loaded;
	struct trace_client trace;
};

/*
 * What assembly needs to go from one level to the other without the monitor's C (bt/level.S); filled when C
 * has gone that way and everything is loaded. It changes CR3, GDTR, ring3.user, ring3.system_flags and the
 * frame in the vcpu, and sets ring3.switched; the rest is made up for at the next exit (ring3_run()). Of the
 * vcpu that has the CPU.
 */
struct ring3_switch {
	struct ring3 *ring3;
	struct start_counters *counters;
	struct ring3_level {
		u64 root;             /* for CR3 */
		u64 real_cs, real_ss; /* for IRET */
		struct desc_ptr gdt;
		struct segment cs, ss; /* the guest's */
	} level[2];                    /* of virtual ring 0 and 3 */
};
extern struct ring3_switch ring3_switch;

/* Neither in the monitor's slot nor outside the guest's linear addresses, no byte of it. */
static inline bool ring3_in_reach(gva_t gva, u64 size)
{
	gva_t end = gva + size;

	return end >= gva && (end <= RING3_LOW_END || gva >= RING3_HIGH_BEGIN);
}

/* A write into two pages may be done by half. */
static inline bool ring3_in_two_pages(gva_t gva, u64 size)
{
	return gva % PAGE_SIZE + size > PAGE_SIZE;
}

static inline struct ring3 *ring3_of(const struct vcpu *v)
{
	return v->cpu_private;
}

/* RFLAGS bits that the vcpu keeps while the CPU has others, beside IF. */
#define RING3_RFLAGS_VIRTUAL (RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP)

/* ---- ring3.c: the engine's part of a vcpu's life; see engine.h ---- */
const char *ring3_machine_init(void);
/* `r`: zeroed memory, which becomes cpu_private. */
int ring3_vcpu_init(struct vcpu *v, struct ring3 *r) MUST_USE;
void ring3_load(struct vcpu *v);
void ring3_unload(struct vcpu *v);
void ring3_fetch(struct vcpu *v, u32 groups);
void ring3_request_window(struct vcpu *v);
/* Loads what has changed in the vcpu. ring3_run() begins with ring3_load_state(). */
void ring3_load_changed(struct vcpu *v);
static inline void ring3_load_state(struct vcpu *v)
{
	if (v->changed & ~(u32)VCPU_CR2) /* CR2 is in the vcpu alone */
		ring3_load_changed(v);
}
/* Runs the guest in ring 3 until the next interrupt or exception; its vector and error code stand in the
 * vcpu's frame. */
void ring3_run(struct vcpu *v);
/* What the CPU has for the level that the vcpu is in goes into ring3_switch. */
void ring3_keep_level(struct vcpu *v);
/* Its second half: what the vcpu has to hear of the exit. */
void ring3_store(struct vcpu *v);
/* ring3_switch is not to be used any more. */
static inline void ring3_disturb(struct ring3 *r)
{
	r->undisturbed = false;
}
/* The exception that ended ring3_run() goes to the guest as the hardware reported it. */
void ring3_reflect(struct vcpu *v, struct vmexit *exit);
/* What the CPU's DR6 has to tell; it is cleared. */
u64 ring3_take_dr6(void);
/* Raises what is in late_dr6. True: it did. */
bool ring3_raise_late_debug(struct vcpu *v);
static inline bool ring3_late_debug(struct vcpu *v)
{
	return ring3_of(v)->late_dr6 && ring3_raise_late_debug(v);
}
/* The same segment: selector, attributes, limit and base. */
static inline bool ring3_same_segment(const struct segment *a, const struct segment *b)
{
	return a->selector == b->selector && a->attr == b->attr && a->limit == b->limit && a->base == b->base;
}
/* Goes to virtual ring 0 or 3. The caller has set CS and SS. */
void ring3_set_user(struct vcpu *v, bool user);

/* ---- linear.c: the guest's memory at its own addresses; see engine.h ---- */
/* A control register or the CPU's breakpoints changed. */
void ring3_find_roots(struct vcpu *v);
/* Loads the table of the guest's level, where it is another. */
static inline void ring3_load_root(struct vcpu *v)
{
	struct ring3 *r = ring3_of(v);

	r->linear = !r->may_reach ? LINEAR_NONE : r->user ? LINEAR_USER : LINEAR_KERNEL;
	if (r->root == r->roots[r->user])
		return;
	r->root = r->roots[r->user];
	write_cr3(r->root);
	v->vm->counters->root_switches++;
}
bool ring3_read_linear(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access);
bool ring3_write_linear(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access);

/* Does the kernel's memory lie at its own addresses, and is nothing going to change that? */
static inline bool ring3_reaches_kernel(const struct vcpu *v)
{
	return ring3_of(v)->linear == LINEAR_KERNEL && !(v->changed & VCPU_CRS);
}

/* gva_read() of an access with the kernel's rights, which the CPU's own to descriptors, gates and the TSS
 * have at every level. Mostly it is nothing but a copy. */
static inline bool ring3_read(struct vcpu *v, gva_t gva, void *dst, u64 size, struct event *f)
{
	return (ring3_reaches_kernel(v) && ring3_in_reach(gva, size) &&
		read_safe(dst, (const void *)gva, size)) ||
	       gva_read(v, gva, dst, size, ACCESS_READ, f);
}

/* The same for a gate, without a call. */
static inline bool ring3_read_gate(struct vcpu *v, gva_t gva, struct gate64 *gate, struct event *f)
{
	struct gate64 g;
	u64 *words = (u64 *)gate;

	if (ring3_reaches_kernel(v) && ring3_in_reach(gva, sizeof(*gate)) &&
	    read_safe64(&words[0], (const void *)gva) && read_safe64(&words[1], (const void *)(gva + 8)))
		return true;
	if (!gva_read(v, gva, &g, sizeof(g), ACCESS_READ, f))
		return false;
	*gate = g;
	return true;
}

/* May a write be done there, if the CPU lets it? Within a page it is done or it faults. */
static inline bool ring3_writes_kernel(const struct vcpu *v, gva_t gva, u64 size)
{
	return ring3_reaches_kernel(v) && ring3_in_reach(gva, size) && !ring3_in_two_pages(gva, size);
}

/* The same for gva_write(): the frame of an event. */
static inline bool ring3_write(struct vcpu *v, gva_t gva, const void *src, u64 size, struct event *f)
{
	return (ring3_writes_kernel(v, gva, size) && write_safe((void *)gva, src, size)) ||
	       gva_write(v, gva, src, size, ACCESS_WRITE, f);
}

/* ---- trap.c: what `trap` does before and after a run, for guests that run directly under `bt` ---- */
/* False: there was something else to be done. */
bool trap_prepare(struct vcpu *v, struct vmexit *exit) MUST_USE;
void trap_left_guest(struct vcpu *v, struct vmexit *exit);

/* ring3_entry.S */
void ring3_enter(struct vcpu *v);
void ring3_exit(struct trap_frame *f);

/* ---- tables.c: the guest's descriptor tables ---- */
/* Makes the copies for virtual ring 3 again, where they are stale. */
void ring3_make_tables(struct vcpu *v);
static inline void ring3_sync_tables(struct vcpu *v)
{
	if (ring3_of(v)->tables_stale || ring3_of(v)->tables_check)
		ring3_make_tables(v);
}
/* The descriptor in the copies; a null one when the selector names none. */
u64 ring3_copy_of(struct vcpu *v, u16 selector);
/* Loads DS, ES, FS, GS and the bases of the latter two from vcpu->seg. */
void ring3_load_segments(struct vcpu *v);

/* ---- segments.c: loads of segment registers by the rules of the manual. False: f is the fault ---- */
struct descriptor {
	u64 low, high; /* high: system descriptors only */
	gva_t gva;
};
bool descriptor_read(struct vcpu *v, u16 selector, u32 ext, struct descriptor *d, struct event *f) MUST_USE;
bool segment_load(struct vcpu *v, unsigned seg, u16 selector, struct event *f) MUST_USE;
bool ldtr_load(struct vcpu *v, u16 selector, struct event *f) MUST_USE;
bool tr_load(struct vcpu *v, u16 selector, struct event *f) MUST_USE;
/* SS for privilege level `cpl`, of a return to it or a far transfer within it. */
bool stack_segment_check(struct vcpu *v, u16 selector, unsigned cpl, struct segment *out,
			 struct event *f) MUST_USE;
/* RSPn or ISTn, at that byte offset of the TSS. */
bool tss_read_stack(struct vcpu *v, u32 offset, u32 ext, u64 *rsp, struct event *f) MUST_USE;
/* After a return to the outer level `cpl`: DS to GS that it may not use become null. */
void segments_drop_inner(struct vcpu *v, unsigned cpl);
bool descriptor_set_accessed(struct vcpu *v, struct descriptor *d, struct event *f) MUST_USE;
/* A flat segment as SYSCALL and SYSRET make it, without a descriptor. */
static inline struct segment segment_flat(u16 selector, bool code, bool is_64bit, unsigned dpl)
{
	u32 attr = SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_G | SEG_TYPE_ACCESSED | SEG_TYPE_WRITABLE |
		   dpl << SEG_ATTR_DPL_SHIFT;

	if (code)
		attr |= SEG_TYPE_CODE | (is_64bit ? SEG_ATTR_L : SEG_ATTR_DB);
	else
		attr |= SEG_ATTR_DB;
	return (struct segment){.selector = selector, .attr = attr, .limit = 0xffffffff};
}

static inline bool fault_error(struct event *f, u8 vector, u32 error)
{
	*f = (struct event){.kind = EVENT_EXCEPTION, .vector = vector, .has_error = true, .error = error};
	return false;
}

/* RFLAGS bits that IRET and SYSRET may set at CPL 0; VM stays 0 in IA-32e mode. */
#define RING3_RFLAGS_LOADABLE                                                                                \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_IF | RFLAGS_DF |     \
	 RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_VIF | RFLAGS_VIP | RFLAGS_ID)

/* ---- operands.c: memory operands and the stack of an emulated instruction. False: the fault was raised ----
 */
struct insn;
bool operand_load(struct vcpu *v, const struct insn *i, void *dst, u64 size) MUST_USE;
bool operand_store(struct vcpu *v, const struct insn *i, const void *src, u64 size) MUST_USE;
bool operand_read16(struct vcpu *v, const struct insn *i, u16 *value) MUST_USE; /* or a register */
/* A far pointer in memory: an offset of the operand's size, then a selector. */
bool operand_read_far(struct vcpu *v, const struct insn *i, u16 *selector, u64 *offset) MUST_USE;
/* `count` values of `size` bytes from the stack, the first one so many bytes above RSP; RSP stays. */
bool stack_read(struct vcpu *v, u64 skip, u64 *values, unsigned count, unsigned size) MUST_USE;
/* So many bytes of the stack have been used. */
void stack_release(struct vcpu *v, u64 bytes);
/* Pushes them at once; values[0] comes to the lowest address. */
bool stack_push(struct vcpu *v, const u64 *values, unsigned count, unsigned size) MUST_USE;

/* ---- transfer.c, syscall.c: control transfers. They set RIP and raise their faults themselves. ---- */
void transfer_iret(struct vcpu *v, const struct insn *i);
void transfer_far(struct vcpu *v, const struct insn *i); /* JMP, CALL, RET */
/* After the instruction: RIP is behind it. */
void transfer_syscall(struct vcpu *v, bool from_64bit);
void transfer_sysret(struct vcpu *v, const struct insn *i);
void transfer_sysenter(struct vcpu *v);
void transfer_sysexit(struct vcpu *v, const struct insn *i);
/* Otherwise SYSCALL and SYSRET, SYSENTER and SYSEXIT, are #UD. The latter pair AMD has in legacy mode alone.
 */
bool syscall_exists(struct vcpu *v);
bool sysenter_exists(void);

/* ---- deliver.c: exceptions and interrupts through the guest's IDT; see engine.h, inject ---- */
enum inject_result ring3_inject(struct vcpu *v, const struct event *e, struct event *nested);

/* ---- sensitive.c ---- */
/*
 * Executes an instruction that faults in ring 3, at the level where the guest believes to be. What every
 * engine shares is left to the caller of run, as `exit`, otherwise this stays untouched. False: it is none of
 * them, or the level may not execute it.
 */
/* The privileged instructions that every engine meets, at level 0. False: not one of them. */
bool privileged_common(struct vcpu *v, const struct insn *i, struct vmexit *exit) MUST_USE;
bool sensitive_execute(struct vcpu *v, const struct insn *i, struct vmexit *exit) MUST_USE;
/* IN, OUT, INS, OUTS as VMEXIT_IO. */
void exit_io(struct vmexit *exit, struct vcpu *v, const struct insn *i);
/*
 * The instruction at RIP raised #GP, #NP or #SS in ring 3. Emulates it when the guest may execute it
 * where it believes to be; otherwise the fault is the guest's own. What every engine shares is left to the
 * caller of run, as `exit`.
 */
void sensitive_emulate(struct vcpu *v, struct vmexit *exit);

#endif
