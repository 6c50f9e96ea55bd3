/* SPDX-License-Identifier: MIT */
/* Between the files of the local APIC alone: lapic.c, lapic_regs.c, lapic_timer.c. */
#ifndef DEVICES_LAPIC_PRIVATE_H
#define DEVICES_LAPIC_PRIVATE_H

#include "devices/lapic.h"

/* Entries of the local vector table, in the order of their registers */
enum lapic_lvt_index {
	LAPIC_LVT_TIMER,
	LAPIC_LVT_THERMAL,
	LAPIC_LVT_PERF,
	LAPIC_LVT_LINT0,
	LAPIC_LVT_LINT1,
	LAPIC_LVT_ERROR,
	LAPIC_LVT_COUNT
};
_Static_assert(LAPIC_LVT_COUNT == ARRAY_SIZE(((struct lapic *)0)->lvt), "lapic.h has the number");

#define LAPIC_LVT_VECTOR         0x000ff
#define LAPIC_LVT_MODE_SHIFT     8
#define LAPIC_LVT_MODE           0x00700
#define LAPIC_LVT_POLARITY       0x02000
#define LAPIC_LVT_LEVEL          0x08000
#define LAPIC_LVT_MASKED         0x10000
/* The timer's mode */
#define LAPIC_LVT_TIMER_MODE     0x60000
#define LAPIC_LVT_TIMER_PERIODIC 0x20000
#define LAPIC_LVT_TIMER_DEADLINE 0x40000

#define LAPIC_SVR_VECTOR         0x0ff
#define LAPIC_SVR_ENABLE         0x100

#define LAPIC_ESR_SEND_VECTOR    0x20
#define LAPIC_ESR_RECEIVE_VECTOR 0x40
#define LAPIC_ESR_REGISTER       0x80

/* The interrupt command register; vector and delivery mode as in the LVT */
#define LAPIC_ICR_LOGICAL        0x00800
#define LAPIC_ICR_ASSERT         0x04000
#define LAPIC_ICR_LEVEL          0x08000
#define LAPIC_ICR_SHORTHAND      0xc0000
#define LAPIC_ICR_TO_DEST        0x00000
#define LAPIC_ICR_TO_SELF        0x40000
#define LAPIC_ICR_TO_ALL         0x80000
#define LAPIC_ICR_TO_OTHERS      0xc0000
#define LAPIC_ICR_DEST_SHIFT     24 /* in the high half */

#define LAPIC_TPR_MASK           0xff
#define LAPIC_PRIORITY_CLASS     0xf0 /* of a vector, TPR, PPR */
#define LAPIC_CR8_SHIFT          4
#define LAPIC_VECTOR_FIRST       16 /* lower ones are illegal */
#define LAPIC_VECTOR_WORDS       8  /* of IRR, ISR, TMR */

static inline unsigned lapic_lvt_mode(u32 lvt)
{
	return (lvt & LAPIC_LVT_MODE) >> LAPIC_LVT_MODE_SHIFT;
}

/* lapic.c */
bool lapic_enabled(const struct lapic *a); /* by hardware and by software */
u32 lapic_ppr(const struct lapic *a);
void lapic_update(struct lapic *a);
void lapic_eoi(struct lapic *a);
void lapic_write_tpr(struct lapic *a, u32 value);
void lapic_error(struct lapic *a, u32 error);
bool lapic_accept(struct lapic *a, u8 vector, bool level);
void lapic_local(struct lapic *a, enum lapic_lvt_index source);
void lapic_send_ipi(struct lapic *a);
void lapic_reset(struct lapic *a);

/* lapic_regs.c */
void lapic_regs_create(struct vm *vm);

/* lapic_timer.c */
void lapic_timer_create(struct lapic *a);
void lapic_timer_reset(struct lapic *a);
/* Brings the timer up to now. Before any change of what it depends on; lapic_timer_arm() after it. */
void lapic_timer_settle(struct lapic *a);
void lapic_timer_arm(struct lapic *a);
u32 lapic_timer_count(struct lapic *a);
void lapic_timer_set_count(struct lapic *a, u32 count);
void lapic_timer_set_divide(struct lapic *a, u32 value);
void lapic_timer_set_lvt(struct lapic *a, u32 lvt);

#endif
