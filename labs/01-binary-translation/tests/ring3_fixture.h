/* SPDX-License-Identifier: MIT */
/*
 * A guest of the ring-3 engines, made by hand, without paging: gva is gpa. It has a GDT with a segment of
 * each kind that matters, a TSS, an IDT without gates, and a stack. What the emulation raises is kept, and a
 * memory operand is where its displacement says. Included by one test program each, as guest_fixture.h is.
 */
#ifndef RING3_FIXTURE_H
#define RING3_FIXTURE_H

#include "labs/01-binary-translation/ring3.h"
#include "vmm/emulate.h"
#include "vmm/tests/guest_fixture.h"

#define IDT_GPA       0x1000
#define GDT_GPA       0x2000
#define TSS_GPA       0x3000
#define OPERAND_GPA   0x6000
#define STACK_GPA     0x9000
#define RSP0          0x7000
#define IST1          0x8000
#define HANDLER       0x123456789abcULL
#define RIP           0x5555
#define GDT_LAST      13
#define TSS_BYTES     104
#define TSS_IOPB      102
#define NOT_CANONICAL 0x900000000000ULL

#define SEL_KCODE     0x08
#define SEL_KDATA     0x10
#define SEL_UCODE     0x1b /* RPL 3 */
#define SEL_UDATA     0x23
#define SEL_CONF      0x28 /* conforming, DPL 0 */
#define SEL_RO        0x30 /* data, read-only, DPL 0 */
#define SEL_AWAY      0x38 /* code, not present */
#define SEL_CODE32    0x40
#define SEL_AWAY_DATA 0x48
#define SEL_TSS_NEW   0x50 /* two entries */
#define SEL_LDT       0x60 /* two entries */
#define SEL_BEYOND    0x70

#define KCODE         (SEG_ATTR_S | SEG_ATTR_P | SEG_TYPE_CODE | SEG_TYPE_READABLE | SEG_ATTR_L)
#define KDATA         (SEG_ATTR_S | SEG_ATTR_P | SEG_TYPE_WRITABLE)
#define DPL3          SEG_ATTR_DPL

static struct ring3 ring3;
static struct event raised;
static unsigned raised_count, reflected;
static const struct insn *instruction; /* that stands at RIP */

/* ---- fakes ---- */

void ring3_set_user(struct vcpu *v, bool user)
{
	ring3_of(v)->user = user;
}

void ring3_make_tables(struct vcpu *v)
{
	ring3_of(v)->tables_stale = false;
}

void ring3_reflect(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	exit->reason = VMEXIT_NONE;
	reflected++;
}

bool emulate_decode(struct vcpu *v, struct insn *i)
{
	(void)v;
	*i = *instruction;
	return true;
}

void event_raise(struct vcpu *v, const struct event *e)
{
	(void)v;
	raised = *e;
	raised_count++;
}

void event_exception(struct vcpu *v, u8 vector)
{
	event_raise(v, &(struct event){.kind = EVENT_EXCEPTION, .vector = vector});
}

void event_exception_error(struct vcpu *v, u8 vector, u32 error)
{
	event_raise(v, &(struct event){
			       .kind = EVENT_EXCEPTION, .vector = vector, .has_error = true, .error = error});
}

void event_debug(struct vcpu *v, u64 dr6_bits)
{
	event_raise(v, &(struct event){.kind = EVENT_EXCEPTION, .vector = VEC_DB, .payload = dr6_bits});
}

/* As the real ones do, in 64-bit mode: the end of an instruction ends the shadow. */
void vcpu_advance(struct vcpu *v, unsigned length)
{
	v->rip += length;
	v->interrupt_shadow = false;
	v->rflags &= ~(u64)RFLAGS_RF;
}

void vcpu_skip_unusual(struct vcpu *v, unsigned length)
{
	vcpu_advance(v, length);
	if (v->rflags & RFLAGS_TF)
		event_debug(v, DR6_BS);
}

gva_t emulate_operand_gva(struct vcpu *v, const struct insn *i)
{
	(void)v;
	return (gva_t)i->disp;
}

/* The guest's memory lies at its own addresses where a test says so, and there are so many copies. */
static bool is_linear;
static unsigned linear_copies;

static inline void linear_copy(void *dst, const void *src, u64 size)
{
	linear_copies++;
	memcpy(dst, src, size);
}

bool read_safe(void *dst, const void *src, u64 size)
{
	if (is_linear)
		linear_copy(dst, ram_u64((gpa_t)src), size);
	return is_linear;
}

bool write_safe(void *dst, const void *src, u64 size)
{
	if (is_linear)
		linear_copy(ram_u64((gpa_t)dst), src, size);
	return is_linear;
}

u64 clock_ticks(void)
{
	return 0;
}

/* ---- the guest ---- */

/* At level 1 and 2 it is the kernel's code and stack, whose level is told by SS. */
static inline void set_level(unsigned cpl)
{
	vcpu.seg[SEG_CS] = desc_unpack(cpl == 3 ? SEL_UCODE : SEL_KCODE,
				       *ram_u64(GDT_GPA + (cpl == 3 ? SEL_UCODE & ~7 : SEL_KCODE)), 0);
	vcpu.seg[SEG_SS] = desc_unpack(cpl == 3 ? SEL_UDATA : SEL_KDATA,
				       *ram_u64(GDT_GPA + (cpl == 3 ? SEL_UDATA & ~7 : SEL_KDATA)), 0);
	vcpu.seg[SEG_SS].attr = (vcpu.seg[SEG_SS].attr & ~(u32)SEG_ATTR_DPL) | cpl << SEG_ATTR_DPL_SHIFT;
	ring3.user = cpl == 3;
}

static inline void new_guest(void)
{
	static const struct cpu_engine cpu = {.name = "test"};
	static const struct mem_engine mem = {.name = "test"};
	u64 gdt[GDT_LAST + 1] = {
		[SEL_KCODE / 8] = desc_make(0, 0, KCODE),
		[SEL_KDATA / 8] = desc_make(0, 0, KDATA),
		[SEL_UCODE / 8] = desc_make(0, 0, KCODE | DPL3),
		[SEL_UDATA / 8] = desc_make(0, 0, KDATA | DPL3),
		[SEL_CONF / 8] = desc_make(0, 0, KCODE | SEG_TYPE_CONFORMING),
		[SEL_RO / 8] = desc_make(0, 0, SEG_ATTR_S | SEG_ATTR_P),
		[SEL_AWAY / 8] = desc_make(0, 0, KCODE & ~SEG_ATTR_P),
		[SEL_CODE32 / 8] = desc_make(0, 0xffffffff, (KCODE & ~SEG_ATTR_L) | SEG_ATTR_DB | SEG_ATTR_G),
		[SEL_AWAY_DATA / 8] = desc_make(0, 0, KDATA & ~SEG_ATTR_P),
		[SEL_TSS_NEW / 8] = desc_make(TSS_GPA, TSS_BYTES - 1, SEG_ATTR_P | SYS_TYPE_TSS_AVAIL),
		[SEL_LDT / 8] = desc_make(0, 0x17, SEG_ATTR_P | SYS_TYPE_LDT),
	};

	guest_create(&cpu, &mem);
	is_linear = false;
	vcpu.cr0 = CR0_PE; /* no paging */
	vcpu.cpu_private = &ring3;
	vcpu.gdtr = (struct desc_ptr){sizeof(gdt) - 1, GDT_GPA};
	vcpu.idtr = (struct desc_ptr){64 * 16 - 1, IDT_GPA};
	vcpu.seg[SEG_TR] = (struct segment){.selector = SEL_TSS_NEW, .base = TSS_GPA, .limit = TSS_BYTES - 1};
	vcpu.gpr[GPR_RSP] = STACK_GPA + 8;
	vcpu.rip = RIP;
	vcpu.rflags = RFLAGS_IF | RFLAGS_TF | RFLAGS_ZF | RFLAGS_RESERVED1;
	memcpy(ram_u64(GDT_GPA), gdt, sizeof(gdt));
	memcpy((u8 *)ram_u64(TSS_GPA) + TSS_RSP0, &(u64){RSP0}, 8);
	memcpy((u8 *)ram_u64(TSS_GPA) + TSS_IST1, &(u64){IST1}, 8);
	memcpy((u8 *)ram_u64(TSS_GPA) + TSS_IOPB, &(u16){TSS_BYTES}, 2); /* no bitmap */
	ring3 = (struct ring3){.inner_segments = true};
	raised_count = reflected = 0;
	set_level(0);
}

#endif
