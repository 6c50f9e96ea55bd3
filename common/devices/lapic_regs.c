// SPDX-License-Identifier: MIT
/*
 * The register page of the local APICs, one address for all vcpus: the vcpu that makes the access sees its
 * own.
 *
 * Source: SDM vol. 3A, 10.4.1 "The Local APIC Block Diagram", table 10-1 "Local APIC Register Address
 * Map"; 10.5.3 "Error Handling" for accesses to addresses that hold no register. Registers are 32 bits at
 * multiples of 16; what other accesses do is undefined: here a read gets the bytes that are there, a write
 * that is no whole register is lost.
 */
#include "devices/lapic_private.h"
#include "vmm/vm.h"

#define LAPIC_ID                0x020
#define LAPIC_VERSION           0x030
#define LAPIC_TPR               0x080
#define LAPIC_PPR               0x0a0
#define LAPIC_EOI               0x0b0
#define LAPIC_LDR               0x0d0
#define LAPIC_DFR               0x0e0
#define LAPIC_SVR               0x0f0
#define LAPIC_ISR               0x100
#define LAPIC_TMR               0x180
#define LAPIC_IRR               0x200
#define LAPIC_ESR               0x280
#define LAPIC_ICR_LOW           0x300
#define LAPIC_ICR_HIGH          0x310
#define LAPIC_LVT               0x320 /* .. 0x370: in the order of enum lapic_lvt_index */
#define LAPIC_TIMER_INITIAL     0x380
#define LAPIC_TIMER_CURRENT     0x390
#define LAPIC_TIMER_DIVIDE      0x3e0

#define LAPIC_REGISTER_STEP     16
#define LAPIC_ID_SHIFT          24

#define LAPIC_VERSION_VALUE     0x14 /* integrated APIC, no suppression of EOI broadcasts */
#define LAPIC_VERSION_LVT_SHIFT 16

/* Writable bits */
#define LAPIC_LDR_MASK          0xff000000
#define LAPIC_DFR_MODEL         0xf0000000
#define LAPIC_SVR_MASK          (LAPIC_SVR_VECTOR | LAPIC_SVR_ENABLE)
#define LAPIC_ICR_LOW_MASK      0xccfff /* all but the delivery status */
#define LAPIC_ICR_HIGH_MASK     0xff000000

static const u32 lvt_writable[LAPIC_LVT_COUNT] = {
	[LAPIC_LVT_TIMER] = LAPIC_LVT_VECTOR | LAPIC_LVT_MASKED | LAPIC_LVT_TIMER_MODE,
	[LAPIC_LVT_THERMAL] = LAPIC_LVT_VECTOR | LAPIC_LVT_MODE | LAPIC_LVT_MASKED,
	[LAPIC_LVT_PERF] = LAPIC_LVT_VECTOR | LAPIC_LVT_MODE | LAPIC_LVT_MASKED,
	[LAPIC_LVT_LINT0] =
		LAPIC_LVT_VECTOR | LAPIC_LVT_MODE | LAPIC_LVT_POLARITY | LAPIC_LVT_LEVEL | LAPIC_LVT_MASKED,
	[LAPIC_LVT_LINT1] =
		LAPIC_LVT_VECTOR | LAPIC_LVT_MODE | LAPIC_LVT_POLARITY | LAPIC_LVT_LEVEL | LAPIC_LVT_MASKED,
	[LAPIC_LVT_ERROR] = LAPIC_LVT_VECTOR | LAPIC_LVT_MASKED,
};

/* Is `reg` one of `count` registers from `first` on? Then *index is which. */
static bool in_block(unsigned reg, unsigned first, unsigned count, unsigned *index)
{
	*index = (reg - first) / LAPIC_REGISTER_STEP;
	return reg >= first && *index < count;
}

static u32 read_reg(struct lapic *a, unsigned reg)
{
	unsigned i;

	switch (reg) {
	case LAPIC_ID:
		return a->vcpu->id << LAPIC_ID_SHIFT;
	case LAPIC_VERSION:
		return LAPIC_VERSION_VALUE | (LAPIC_LVT_COUNT - 1) << LAPIC_VERSION_LVT_SHIFT;
	case LAPIC_TPR:
		return a->tpr;
	case LAPIC_PPR:
		return lapic_ppr(a);
	case LAPIC_EOI:
		return 0; /* write-only */
	case LAPIC_LDR:
		return a->ldr;
	case LAPIC_DFR:
		return a->dfr;
	case LAPIC_SVR:
		return a->svr;
	case LAPIC_ESR:
		return a->esr;
	case LAPIC_ICR_LOW:
		return a->icr_low;
	case LAPIC_ICR_HIGH:
		return a->icr_high;
	case LAPIC_TIMER_INITIAL:
		return a->initial_count;
	case LAPIC_TIMER_CURRENT:
		return lapic_timer_count(a);
	case LAPIC_TIMER_DIVIDE:
		return a->divide;
	}
	if (in_block(reg, LAPIC_ISR, LAPIC_VECTOR_WORDS, &i))
		return a->isr.words[i];
	if (in_block(reg, LAPIC_TMR, LAPIC_VECTOR_WORDS, &i))
		return a->tmr[i];
	if (in_block(reg, LAPIC_IRR, LAPIC_VECTOR_WORDS, &i))
		return a->irr.words[i];
	if (in_block(reg, LAPIC_LVT, LAPIC_LVT_COUNT, &i))
		return a->lvt[i];
	lapic_error(a, LAPIC_ESR_REGISTER);
	return 0;
}

static void write_lvt(struct lapic *a, unsigned index, u32 value)
{
	value &= lvt_writable[index];
	if (!(a->svr & LAPIC_SVR_ENABLE))
		value |= LAPIC_LVT_MASKED; /* 10.4.7.2: cannot be unmasked while software-disabled */
	if (index == LAPIC_LVT_TIMER)
		lapic_timer_set_lvt(a, value);
	else
		a->lvt[index] = value;
	lapic_update(a); /* LINT0 may let the PICs through now */
}

static void write_svr(struct lapic *a, u32 value)
{
	a->svr = value & LAPIC_SVR_MASK;
	for (unsigned i = 0; i < LAPIC_LVT_COUNT && !(a->svr & LAPIC_SVR_ENABLE); i++)
		write_lvt(a, i, a->lvt[i]);
	lapic_update(a);
}

static bool is_read_only(unsigned reg)
{
	return reg == LAPIC_ID || reg == LAPIC_VERSION || reg == LAPIC_PPR || reg == LAPIC_TIMER_CURRENT ||
	       (reg >= LAPIC_ISR && reg < LAPIC_ESR);
}

static void write_reg(struct lapic *a, unsigned reg, u32 value)
{
	unsigned i;

	switch (reg) {
	case LAPIC_TPR:
		lapic_write_tpr(a, value);
		return;
	case LAPIC_EOI:
		lapic_eoi(a);
		return;
	case LAPIC_LDR:
		a->ldr = value & LAPIC_LDR_MASK;
		return;
	case LAPIC_DFR:
		a->dfr = value | ~LAPIC_DFR_MODEL;
		return;
	case LAPIC_SVR:
		write_svr(a, value);
		return;
	case LAPIC_ESR:
		a->esr = a->errors;
		a->errors = 0;
		return;
	case LAPIC_ICR_LOW:
		a->icr_low = value & LAPIC_ICR_LOW_MASK;
		lapic_send_ipi(a);
		return;
	case LAPIC_ICR_HIGH:
		a->icr_high = value & LAPIC_ICR_HIGH_MASK;
		return;
	case LAPIC_TIMER_INITIAL:
		lapic_timer_set_count(a, value);
		return;
	case LAPIC_TIMER_DIVIDE:
		lapic_timer_set_divide(a, value);
		return;
	}
	if (in_block(reg, LAPIC_LVT, LAPIC_LVT_COUNT, &i))
		write_lvt(a, i, value);
	else if (!is_read_only(reg))
		lapic_error(a, LAPIC_ESR_REGISTER);
}

/* The APIC of the vcpu that makes the access; NULL when it is disabled: then nothing answers. */
static struct lapic *accessed(struct vm *vm)
{
	struct vcpu *v = vm->mmio_vcpu != NULL ? vm->mmio_vcpu : vm->vcpus[0];

	return v != NULL && (v->lapic->base & APIC_BASE_ENABLE) ? v->lapic : NULL;
}

static u64 lapic_read(void *device, u64 offset, unsigned size)
{
	struct lapic *a = accessed(device);
	unsigned byte = offset % LAPIC_REGISTER_STEP;

	(void)size;
	if (a == NULL)
		return ~0ULL;
	if (byte >= sizeof(u32))
		return 0;
	return read_reg(a, offset - byte) >> (8 * byte);
}

static void lapic_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct lapic *a = accessed(device);

	if (a != NULL && offset % LAPIC_REGISTER_STEP == 0 && size >= sizeof(u32))
		write_reg(a, offset, value);
}

static const struct io_ops lapic_ops = {"lapic", 0, lapic_read, lapic_write};

void lapic_regs_create(struct vm *vm)
{
	vm_mmio_add(vm, LAPIC_GPA, LAPIC_SIZE, &lapic_ops, vm);
}
