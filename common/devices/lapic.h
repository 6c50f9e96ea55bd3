/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of a vcpu, in xAPIC mode. All interrupts reach the vcpu through it, those of the PICs too.
 *
 * At start it is as the firmware of a PC leaves it to a boot loader (virtual wire mode, MultiProcessor
 * Specification 1.4, 3.6.2.2): on the first vcpu enabled in IA32_APIC_BASE and SVR, LINT0 = ExtINT and LINT1
 * = NMI, both unmasked; on the others as after INIT, and the vcpu waits for SIPI.
 */
#ifndef DEVICES_LAPIC_H
#define DEVICES_LAPIC_H

#include "lib/types.h"
#include "vmm/io.h"
#include "vmm/vcpu.h"

#define LAPIC_GPA  0xfee00000
#define LAPIC_SIZE 0x1000

/* Delivery modes: ICR, LVT, redirection entries, MSI */
enum apic_mode {
	APIC_MODE_FIXED,
	APIC_MODE_LOWEST,
	APIC_MODE_SMI,
	APIC_MODE_RESERVED,
	APIC_MODE_NMI,
	APIC_MODE_INIT,
	APIC_MODE_SIPI,
	APIC_MODE_EXTINT,
};

struct apic_message {
	u8 dest;
	bool logical; /* dest is a set of logical IDs, not an APIC ID */
	u8 mode;      /* enum apic_mode */
	u8 vector;
	bool level; /* level-triggered: its EOI goes to the IO-APIC */
};

/* A bit a vector: IRR, ISR. */
struct lapic_vectors {
	u32 words[8];
	u8 used; /* a bit a word: it is not 0 */
};

struct lapic {
	int pending; /* cached: what lapic_pending() gives */
	int own;     /* the same without the PICs */
	struct vcpu *vcpu;
	u64 base; /* IA32_APIC_BASE */

	u32 tpr, ldr, dfr, svr, esr, icr_low, icr_high;
	u32 lvt[6]; /* LAPIC_LVT_*, in lapic.c */
	struct lapic_vectors irr, isr;
	u32 tmr[8];
	int highest_irr, highest_isr; /* -1: none */
	u32 errors;                   /* seen since the last write to ESR */

	bool pic_line; /* INT of the master PIC, at LINT0 */
	bool extint;   /* an ExtINT message from the IO-APIC waits for its acknowledge */
	bool init_pending, sipi_pending, wait_for_sipi;
	u8 sipi_vector;

	/* Timer, in ticks of vm_now(); the APIC's clock is the TSC */
	struct vm_timer timer;
	u32 initial_count;
	u32 divide;         /* the divide configuration register */
	u64 next;           /* when the count reaches 0; VM_TIMER_OFF: stopped */
	u64 last_interrupt; /* 0: none yet */
	u64 tsc_deadline;
};

/* Also puts the registers on the VM's bus, with the first vcpu. */
bool lapic_create(struct vcpu *v) MUST_USE;

/* The vector that the vcpu should take now, or -1. */
static inline int lapic_pending(const struct vcpu *v)
{
	return v->lapic->pending;
}

/* Is an interrupt requested at all, be its priority too low for CR8 as it is? */
static inline bool lapic_requested(const struct vcpu *v)
{
	return v->lapic->highest_irr >= 0;
}

/* The processor takes it: the acknowledge cycle. Only when lapic_pending() gives a vector. */
u8 lapic_ack(struct vcpu *v);

/* CR8 is TPR[7:4]; vcpu->cr8 is kept equal to it. */
u64 lapic_cr8(const struct lapic *a);
void lapic_set_cr8(struct lapic *a, u64 cr8);

/* IA32_APIC_BASE. False: #GP. The registers cannot be moved and x2APIC is not offered. */
u64 lapic_base(const struct lapic *a);
bool lapic_set_base(struct lapic *a, u64 value) MUST_USE;

/* IA32_TSC_DEADLINE, in ticks of the guest's TSC. */
u64 lapic_tsc_deadline(struct lapic *a);
void lapic_set_tsc_deadline(struct lapic *a, u64 deadline);

/* Rate of the timer with divide value 1. */
u64 lapic_timer_hz(struct vm *vm);

/* Sends a message to all local APICs that it names. False when none takes it. */
bool lapic_send(struct vm *vm, const struct apic_message *m);
/* The INT output of the master PIC, or the vector behind it, changed. */
void lapic_pic_changed(struct vm *vm);
/* An edge at LINT1, the NMI line of the machine. */
void lapic_lint1(struct lapic *a);

/* INIT and SIPI that arrived and that nobody has taken: for the code that runs further vcpus. The SIPI's
 * vector, or -1. */
bool lapic_take_init(struct lapic *a);
int lapic_take_sipi(struct lapic *a);

#endif
