/* SPDX-License-Identifier: MIT */
/*
 * The `svm` engine's own: what the machine can do, what a vcpu has beside struct vcpu, and the interfaces
 * between the files.
 *
 * While a vcpu owns the CPU (between load and unload) GIF is 0: nothing interrupts the monitor, and what
 * arrives makes the guest exit. The state that VMRUN does not switch (FS, GS, TR, LDTR, the MSRs of SYSCALL
 * and SYSENTER, DR0 to DR3, XCR0, TSC_AUX) stays the guest's during that time, since the monitor uses none of
 * it. The task register is the guest's too, so the monitor has an IDT without IST stacks then.
 */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include "vmcb.h"
#include "vmm/vcpu.h"

struct trap_frame;
struct svm;

/* ---- discover.c: what this machine can do ---- */

/* CPUID 8000_000Ah EDX. APM vol. 3, E.4.9 "Function 8000_000Ah - SVM Features" */
#define SVM_FEATURE_NP            BIT(0)
#define SVM_FEATURE_LBRV          BIT(1)
#define SVM_FEATURE_SVML          BIT(2)
#define SVM_FEATURE_NRIPS         BIT(3)
#define SVM_FEATURE_TSC_RATE_MSR  BIT(4)
#define SVM_FEATURE_VMCB_CLEAN    BIT(5)
#define SVM_FEATURE_FLUSH_BY_ASID BIT(6)
#define SVM_FEATURE_DECODE        BIT(7)
#define SVM_FEATURE_PAUSE_FILTER  BIT(10)
#define SVM_FEATURE_VGIF          BIT(16)

struct svm_machine {
	u32 features;  /* SVM_FEATURE_* */
	u32 asids;     /* 0 to asids - 1; 0 is the host's */
	u32 clean;     /* what VMCB.clean says when nothing has changed: 0 when the CPU does not know it */
	u64 phys_mask; /* the bits that a physical address may have */
	u64 cr4;       /* the bits of CR4 that this CPU has */
	u64 cr4_host;  /* what has to stay on while a guest runs */
	u64 efer;      /* the bits of EFER that this CPU has */
	bool tsc_aux;
	bool long_mode; /* as every machine that this monitor runs on */
};
extern struct svm_machine svm_machine;

/* What CPUID and the firmware's register say of SVM. */
struct svm_cpu {
	u32 extended_max;     /* EAX of 8000_0000h: the highest leaf */
	u32 extended_ecx;     /* ECX of 8000_0001h */
	u32 svm_ebx, svm_edx; /* of 8000_000Ah: how many ASIDs, SVM_FEATURE_* */
	u64 vm_cr;            /* VM_CR */
};

/* Turns SVM on. NULL, or why it cannot be used: a sentence. */
const char *svm_machine_init(void);
/* Its steps: is there SVM, and what of it; on with it. The same. */
const char *svm_examine(const struct svm_cpu *cpu, struct svm_machine *m);
const char *svm_turn_on(void);

static inline bool svm_has(u32 feature)
{
	return svm_machine.features & feature;
}

/* ---- maps.c: the permission maps, which all vcpus share ---- */

/* NULL, or why they cannot be had. */
const char *svm_maps_init(void);
extern hpa_t svm_iopm, svm_msrpm;
/* From now on WRMSR of this one exits. */
void svm_msr_intercept_write(u32 msr);

/* ---- quirks.c: what emulators do otherwise than the manual, and what is done about it ---- */

/* A vcpu comes to own the CPU, and (GIF = 1 again) no longer does. */
void svm_quirks_own(void);
void svm_quirks_disown(void);
/* After CR2 or the intercepts were loaded. */
void svm_quirks_load(struct vcpu *v, struct svm *s);
/* Before an entry for which svm.attention was set; and after an exit, when that set svm.special. */
void svm_quirks_enter(struct vcpu *v, struct svm *s);
/* True: the exit was made by a quirk, and nothing of it is the guest's. */
bool svm_quirks_exit(struct vcpu *v, struct svm *s);
/* VMRUN has refused the VMCB: it is again what it was, as far as it is known. */
void svm_quirks_refused(struct vcpu *v);
/* The guest is at an INT n, which exits because of a quirk. */
void svm_quirks_int(struct svm *s);
/* EXITINTINFO, right or 0. */
u64 svm_quirks_interrupted(const struct svm *s);
/* #DB in the monitor. True: it is a quirk's. */
bool svm_quirks_debug(struct trap_frame *f);

void svm_quirks_find(void);
/* Intercepts that the quirks need, for VMCB 00Ch. */
u32 svm_tcg_intercepts(void);
#define SVM_TCG_EXIT_INVALID 0xffffffffULL
/* VMEXIT_INVALID. True: that was a quirk's, and the next entry is not refused. */
bool svm_tcg_refused(struct svm *s);
/* The next entry executes one instruction and exits. */
bool svm_quirks_step(const struct vcpu *v);
/* LGDT or LIDT, which exit because of a quirk. */
void svm_tcg_load_table(struct vcpu *v);

/* An instruction that is executed alone: quirks.c. */
struct svm_step {
	bool on, guest_tf, loads_tf;
	gva_t rip;
	u64 dr6;
};

/* ---- the vcpu ---- */

struct svm {
	struct vmcb *vmcb;
	hpa_t vmcb_hpa;
	u64 *pdpt; /* of the unpaged guest: the four entries that PAE paging starts with */
	bool unpaged;
	bool in_cpu;      /* between load and unload */
	bool hidden_kept; /* what VMSAVE stores is as the guest left it */
	bool attention;   /* svm_events_enter() and the quirks have something to do */
	bool window;      /* asked for: an exit when an interrupt can be taken */
	bool unblocking;  /* the guest is about to execute the IRET that ends the blocking of NMIs */
	bool special;     /* something is to be undone, or looked at, after the exit */
	/* for quirks.c */
	u32 exceptions; /* what is intercepted otherwise */
	struct svm_step step;
	bool int_next, int_alone; /* INT n: seen, in an entry of its own */
};

static inline struct svm *svm_of(const struct vcpu *v)
{
	return v->cpu_private;
}

/* A part of the VMCB that the CPU may have cached has been written: for the next entry it is not clean. */
static inline void svm_dirty(struct svm *s, u32 clean_bits)
{
	s->vmcb->control.clean &= ~clean_bits;
	s->special = true;
}

/* ---- svm.c ---- */
void svm_vmcb_init(struct vcpu *v);
void svm_guest_in(struct svm *s);  /* VMLOAD of the guest's */
void svm_guest_out(struct svm *s); /* VMSAVE of it, unless that has been done since it ran */
void svm_take_interrupt(struct vcpu *v, struct vmexit *exit); /* an exit by INTR or NMI */

/* ---- state.c: groups of state between vcpu and VMCB ---- */
void svm_fetch(struct vcpu *v, u32 groups);
void svm_load_changed(struct vcpu *v);
void svm_write_control(struct vcpu *v);
void svm_load_pdpt(struct vcpu *v); /* before each entry of an unpaged guest */

/* ---- inject.c: events ---- */
enum inject_result svm_inject(struct vcpu *v, const struct event *e, struct event *nested);
void svm_request_window(struct vcpu *v);
/* Before the entry: V_IRQ, the intercepts of VINTR, CR8 and IRET. After the exit: EXITINTINFO, V_TPR. */
void svm_events_enter(struct vcpu *v);
void svm_events_exit(struct vcpu *v);
void svm_iret(struct vcpu *v);

/* ---- exit.c: EXITCODE to struct vmexit ---- */
void svm_exit(struct vcpu *v, struct vmexit *exit, const struct vmcb_control *c);
const char *svm_exit_name(u64 code);

/* ---- svm_entry.S, and what it goes on with ---- */
void svm_enter(struct vcpu *v, struct vmexit *exit, hpa_t vmcb);
void svm_exited(struct vcpu *v, struct vmexit *exit);
extern const u8 svm_behind_vmrun[];
#define SVM_IDT_GATES    256
#define SVM_VECTOR_BYTES 16
extern const u8 svm_vectors[]; /* the interrupts' entries, from vector VEC_EXCEPTIONS on */

#endif
