// SPDX-License-Identifier: MIT
/*
 * Local APIC: accepts interrupts (messages, local sources, the PICs' wire), orders them by priority, offers
 * one to the vcpu. Its registers are in lapic_regs.c, its timer in lapic_timer.c.
 *
 * Source: SDM vol. 3A, chapter 10 "Advanced Programmable Interrupt Controller (APIC)": 10.4.7 "Local APIC
 * State", 10.5 "Handling Local Interrupts", 10.6 "Issuing Interprocessor Interrupts", 10.8 "Handling
 * Interrupts".
 *
 * Each change of state ends in lapic_update(), which works out once what lapic_pending() then gives at every
 * entry of the guest.
 *
 * Software-disabled (SVR bit 8 = 0) the LVT is masked as the manual says, LINT0 too: then PIC interrupts do
 * not reach the vcpu. With the APIC disabled in IA32_APIC_BASE the pin is the processor's INTR and they do.
 * What waits in IRR stays there until the APIC is enabled.
 *
 * Left out: x2APIC mode, other places for the registers, SMIs, CMCI, focus processors, remote read,
 * level-triggered LINT pins in fixed mode (an edge is seen), arbitration IDs (of several candidates for
 * lowest priority the first takes it).
 */
#include "devices/lapic_private.h"

#include "devices/ioapic.h"
#include "devices/pic.h"
#include "lib/string.h"
#include "machine/machine.h"
#include "vmm/vm.h"

#define LAPIC_FIRMWARE_LINT0 (APIC_MODE_EXTINT << LAPIC_LVT_MODE_SHIFT | LAPIC_LVT_LEVEL)
#define LAPIC_FIRMWARE_LINT1 (APIC_MODE_NMI << LAPIC_LVT_MODE_SHIFT | LAPIC_LVT_LEVEL)

#define LAPIC_DEST_ALL       0xff
#define LAPIC_DFR_FLAT       0xf0000000
#define LAPIC_LOGICAL_SHIFT  24 /* the logical ID in LDR */

/* ---- 256-bit registers ---- */

#define WORD_BITS            32

static void vector_set(struct lapic_vectors *s, unsigned vector)
{
	s->words[vector / WORD_BITS] |= 1U << vector % WORD_BITS;
	s->used |= 1U << vector / WORD_BITS;
}

static void vector_clear(struct lapic_vectors *s, unsigned vector)
{
	u32 *word = &s->words[vector / WORD_BITS];

	*word &= ~(1U << vector % WORD_BITS);
	if (*word == 0)
		s->used &= ~(1U << vector / WORD_BITS);
}

static unsigned highest_bit(u32 word)
{
	return WORD_BITS - 1 - __builtin_clz(word);
}

/* -1: none is set */
static int vector_highest(const struct lapic_vectors *s)
{
	unsigned word;

	if (s->used == 0)
		return -1;
	word = highest_bit(s->used);
	return word * WORD_BITS + highest_bit(s->words[word]);
}

/* TMR */
static void level_set(struct lapic *a, unsigned vector, bool level)
{
	u32 mask = 1U << vector % WORD_BITS, *word = &a->tmr[vector / WORD_BITS];

	*word = level ? *word | mask : *word & ~mask;
}

static bool level_test(const struct lapic *a, unsigned vector)
{
	return a->tmr[vector / WORD_BITS] >> vector % WORD_BITS & 1;
}

/* ---- what is offered to the vcpu ---- */

bool lapic_enabled(const struct lapic *a)
{
	return (a->base & APIC_BASE_ENABLE) && (a->svr & LAPIC_SVR_ENABLE);
}

/* SDM vol. 3A, 10.8.3.1 "Task and Processor Priorities" */
u32 lapic_ppr(const struct lapic *a)
{
	u32 served = a->highest_isr < 0 ? 0 : a->highest_isr & LAPIC_PRIORITY_CLASS;

	return (a->tpr & LAPIC_PRIORITY_CLASS) >= served ? a->tpr : served;
}

/* The vector of IRR that may be taken now, or -1. */
static int lapic_own_vector(const struct lapic *a)
{
	if (a->highest_irr < 0 || !lapic_enabled(a))
		return -1;
	if ((a->highest_irr & LAPIC_PRIORITY_CLASS) <= (lapic_ppr(a) & LAPIC_PRIORITY_CLASS))
		return -1;
	return a->highest_irr;
}

/* Does the request of the PICs get through? ExtINT knows no priority (10.8.3.1: it bypasses IRR and ISR). */
static bool lapic_passes_pic(const struct lapic *a)
{
	u32 lint0 = a->lvt[LAPIC_LVT_LINT0];

	if (!a->pic_line)
		return false;
	if (!(a->base & APIC_BASE_ENABLE))
		return a->vcpu->id == 0;
	if (a->extint)
		return true;
	return !(lint0 & LAPIC_LVT_MASKED) && lapic_lvt_mode(lint0) == APIC_MODE_EXTINT;
}

/* Nothing of the APIC's own is pending, and the PICs have a request. */
static COLD void lapic_update_pic(struct lapic *a)
{
	if (!lapic_passes_pic(a))
		return;
	a->pending = pic_peek(a->vcpu->vm);
	if (a->pending >= 0)
		vcpu_attend(a->vcpu);
}

void lapic_update(struct lapic *a)
{
	a->pending = a->own = lapic_own_vector(a);
	if (a->own >= 0)
		vcpu_attend(a->vcpu);
	else if (a->pic_line)
		lapic_update_pic(a);
}

static COLD u8 lapic_ack_pic(struct lapic *a)
{
	if (!lapic_passes_pic(a))
		return a->svr; /* the request has gone: the spurious vector, its low byte */
	a->extint = false;
	return pic_ack(a->vcpu->vm); /* which updates this APIC */
}

u8 lapic_ack(struct vcpu *v)
{
	struct lapic *a = v->lapic;
	int vector = a->own;

	if (vector < 0)
		return lapic_ack_pic(a);
	vector_clear(&a->irr, vector);
	vector_set(&a->isr, vector);
	a->highest_irr = vector_highest(&a->irr);
	a->highest_isr = vector; /* it had a higher priority than all others in service */
	lapic_update(a);
	return vector;
}

void lapic_eoi(struct lapic *a)
{
	int vector = a->highest_isr;

	if (vector < 0)
		return;
	vector_clear(&a->isr, vector);
	a->highest_isr = vector_highest(&a->isr);
	lapic_update(a);
	if (level_test(a, vector))
		ioapic_eoi(a->vcpu->vm, vector);
}

static void lapic_set_tpr(struct lapic *a, u32 tpr)
{
	a->tpr = tpr;
	a->vcpu->cr8 = tpr >> LAPIC_CR8_SHIFT;
	lapic_update(a);
}

void lapic_write_tpr(struct lapic *a, u32 value)
{
	lapic_set_tpr(a, value & LAPIC_TPR_MASK);
}

u64 lapic_cr8(const struct lapic *a)
{
	return a->tpr >> LAPIC_CR8_SHIFT;
}

void lapic_set_cr8(struct lapic *a, u64 cr8)
{
	lapic_set_tpr(a, cr8 << LAPIC_CR8_SHIFT & LAPIC_TPR_MASK);
}

/* ---- what arrives ---- */

/* The error interrupt comes with the first error; a write to ESR arms it again (10.5.3). */
void lapic_error(struct lapic *a, u32 error)
{
	bool armed = a->errors == 0;

	a->errors |= error;
	if (armed)
		lapic_local(a, LAPIC_LVT_ERROR);
}

bool lapic_accept(struct lapic *a, u8 vector, bool level)
{
	if (!lapic_enabled(a))
		return false;
	if (vector < LAPIC_VECTOR_FIRST) {
		lapic_error(a, LAPIC_ESR_RECEIVE_VECTOR);
		return true;
	}
	vector_set(&a->irr, vector);
	level_set(a, vector, level);
	a->highest_irr = MAX(a->highest_irr, vector);
	lapic_update(a);
	return true;
}

static void lapic_init_received(struct lapic *a)
{
	lapic_reset(a);
	a->init_pending = true;
	a->sipi_pending = false;
	a->wait_for_sipi = true;
	vcpu_attend(a->vcpu);
}

/* One message to this APIC. */
static bool lapic_receive(struct lapic *a, const struct apic_message *m)
{
	switch (m->mode) {
	case APIC_MODE_FIXED:
	case APIC_MODE_LOWEST:
		return lapic_accept(a, m->vector, m->level);
	case APIC_MODE_NMI:
		event_nmi(a->vcpu);
		return true;
	case APIC_MODE_INIT:
		lapic_init_received(a);
		return true;
	case APIC_MODE_SIPI:
		if (!a->wait_for_sipi)
			return true; /* obeyed once, after INIT */
		a->wait_for_sipi = false;
		a->sipi_pending = true;
		a->sipi_vector = m->vector;
		return true;
	case APIC_MODE_EXTINT:
		a->extint = true;
		lapic_update(a);
		return true;
	default:
		return false;
	}
}

/* A local source: the entry of the LVT says what becomes of it. */
void lapic_local(struct lapic *a, enum lapic_lvt_index source)
{
	u32 lvt = a->lvt[source];
	bool pin = source == LAPIC_LVT_LINT0 || source == LAPIC_LVT_LINT1;

	if (lvt & LAPIC_LVT_MASKED)
		return;
	/* Timer and error have no delivery mode, and ExtINT at LINT0 is no event but a wire:
	 * lapic_passes_pic(). */
	if (!pin || lapic_lvt_mode(lvt) == APIC_MODE_FIXED)
		lapic_accept(a, lvt & LAPIC_LVT_VECTOR, false);
	else if (lapic_lvt_mode(lvt) == APIC_MODE_NMI)
		event_nmi(a->vcpu);
	else if (lapic_lvt_mode(lvt) == APIC_MODE_INIT)
		lapic_init_received(a);
}

void lapic_pic_changed(struct vm *vm)
{
	bool level = pic_pending(vm);

	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct lapic *a = vm->vcpus[i]->lapic;
		bool rises = level && !a->pic_line;

		a->pic_line = level;
		if (!level)
			a->extint = false;
		if (rises && (a->base & APIC_BASE_ENABLE))
			lapic_local(a, LAPIC_LVT_LINT0);
		lapic_update(a);
	}
}

void lapic_lint1(struct lapic *a)
{
	if (a->base & APIC_BASE_ENABLE)
		lapic_local(a, LAPIC_LVT_LINT1);
	else
		event_nmi(a->vcpu); /* the pin is the processor's NMI */
}

/* ---- destinations ---- */

/* SDM vol. 3A, 10.6.2 "Determining IPI Destination" */
static bool lapic_is_destination(const struct lapic *a, const struct apic_message *m)
{
	u8 id = a->ldr >> LAPIC_LOGICAL_SHIFT;

	if (!(a->base & APIC_BASE_ENABLE))
		return false;
	if (m->dest == LAPIC_DEST_ALL)
		return true;
	if (!m->logical)
		return m->dest == a->vcpu->id;
	if ((a->dfr & LAPIC_DFR_FLAT) == LAPIC_DFR_FLAT)
		return m->dest & id;
	return m->dest >> 4 == id >> 4 && (m->dest & id & 0xf); /* cluster model: cluster, set of members */
}

static bool lapic_send_lowest(struct vm *vm, const struct apic_message *m)
{
	struct lapic *best = NULL;

	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct lapic *a = vm->vcpus[i]->lapic;

		if (lapic_is_destination(a, m) && lapic_enabled(a) &&
		    (best == NULL || lapic_ppr(a) < lapic_ppr(best)))
			best = a;
	}
	return best != NULL && lapic_receive(best, m);
}

bool lapic_send(struct vm *vm, const struct apic_message *m)
{
	bool taken = false;

	if (m->mode == APIC_MODE_LOWEST)
		return lapic_send_lowest(vm, m);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (lapic_is_destination(vm->vcpus[i]->lapic, m))
			taken |= lapic_receive(vm->vcpus[i]->lapic, m);
	return taken;
}

static void lapic_send_others(struct lapic *from, const struct apic_message *m)
{
	struct vm *vm = from->vcpu->vm;

	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct lapic *a = vm->vcpus[i]->lapic;

		if (a != from && (a->base & APIC_BASE_ENABLE))
			lapic_receive(a, m);
	}
}

/* A write to the low half of ICR. Combinations that SDM vol. 3A, table 10-3 calls invalid send nothing. */
void lapic_send_ipi(struct lapic *a)
{
	struct apic_message m = {
		.dest = a->icr_high >> LAPIC_ICR_DEST_SHIFT,
		.logical = a->icr_low & LAPIC_ICR_LOGICAL,
		.mode = lapic_lvt_mode(a->icr_low),
		.vector = a->icr_low & LAPIC_LVT_VECTOR,
	};
	u32 shorthand = a->icr_low & LAPIC_ICR_SHORTHAND;
	bool fixed = m.mode == APIC_MODE_FIXED || m.mode == APIC_MODE_LOWEST;

	if (m.mode == APIC_MODE_INIT && (a->icr_low & LAPIC_ICR_LEVEL) && !(a->icr_low & LAPIC_ICR_ASSERT))
		return; /* INIT level de-assert: for processors with arbitration IDs alone */
	if (m.mode == APIC_MODE_EXTINT || (fixed && !lapic_enabled(a)))
		return;
	if (fixed && m.vector < LAPIC_VECTOR_FIRST) {
		lapic_error(a, LAPIC_ESR_SEND_VECTOR);
		return;
	}
	if (shorthand == LAPIC_ICR_TO_DEST) {
		lapic_send(a->vcpu->vm, &m);
		return;
	}
	if (shorthand != LAPIC_ICR_TO_OTHERS && m.mode != APIC_MODE_FIXED)
		return;
	if (shorthand != LAPIC_ICR_TO_OTHERS)
		lapic_receive(a, &m);
	if (shorthand != LAPIC_ICR_TO_SELF)
		lapic_send_others(a, &m);
}

bool lapic_take_init(struct lapic *a)
{
	bool pending = a->init_pending;

	a->init_pending = false;
	return pending;
}

int lapic_take_sipi(struct lapic *a)
{
	if (!a->sipi_pending)
		return -1;
	a->sipi_pending = false;
	return a->sipi_vector;
}

/* ---- reset and IA32_APIC_BASE ---- */

/* SDM vol. 3A, 10.4.7.1 "Local APIC State After Power-Up or Reset" */
void lapic_reset(struct lapic *a)
{
	a->ldr = a->esr = a->icr_low = a->icr_high = a->errors = 0;
	a->dfr = ~0U;
	a->svr = LAPIC_SVR_VECTOR;
	a->irr = a->isr = (struct lapic_vectors){0};
	memset(a->tmr, 0, sizeof(a->tmr));
	a->highest_irr = a->highest_isr = -1;
	a->extint = false;
	for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
		a->lvt[i] = LAPIC_LVT_MASKED;
	lapic_timer_reset(a);
	lapic_set_tpr(a, 0);
}

u64 lapic_base(const struct lapic *a)
{
	return a->base;
}

bool lapic_set_base(struct lapic *a, u64 value)
{
	u64 fixed = APIC_BASE_DEFAULT | (a->base & APIC_BASE_BSP);

	if ((value & ~(u64)(APIC_BASE_ENABLE | APIC_BASE_BSP)) != APIC_BASE_DEFAULT)
		return false;
	if ((a->base & APIC_BASE_ENABLE) && !(value & APIC_BASE_ENABLE))
		lapic_reset(a); /* 10.4.3: a disabled APIC may lose its state */
	a->base = fixed | (value & APIC_BASE_ENABLE);
	lapic_update(a);
	return true;
}

bool lapic_create(struct vcpu *v)
{
	struct lapic *a = machine_alloc(sizeof(*a));

	if (a == NULL)
		return false;
	a->vcpu = v;
	v->lapic = a;
	a->base = APIC_BASE_DEFAULT | APIC_BASE_ENABLE | (v->id == 0 ? APIC_BASE_BSP : 0);
	lapic_timer_create(a);
	lapic_reset(a);
	a->wait_for_sipi = v->id != 0;
	if (v->id == 0) {
		a->svr |= LAPIC_SVR_ENABLE;
		a->lvt[LAPIC_LVT_LINT0] = LAPIC_FIRMWARE_LINT0;
		a->lvt[LAPIC_LVT_LINT1] = LAPIC_FIRMWARE_LINT1;
		lapic_regs_create(v->vm);
	}
	return true;
}
