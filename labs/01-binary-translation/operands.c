// SPDX-License-Identifier: MIT
/*
 * What an emulated instruction reads and writes in the guest's memory: its operand, and the stack. An access
 * through SS faults with #SS where every other one faults with #GP. Source: SDM vol. 3A, 6.15 "Interrupt 12 -
 * Stack Fault Exception (#SS)"; vol. 1, 6.2 "Stacks".
 *
 * Left out: the limits of segments, and a stack of 16 bits, in compatibility mode.
 */
#include "lib/string.h"
#include "ring3.h"
#include "vmm/emulate.h"
#include "x86/exception.h"

#define STACK_WORDS_MAX 5 /* of IRET */

static bool raise(struct vcpu *v, struct event *f, bool through_ss)
{
	if (through_ss && f->vector == VEC_GP)
		f->vector = VEC_SS;
	event_raise(v, f);
	return false;
}

static unsigned user_access(struct vcpu *v)
{
	return vcpu_cpl(v) == 3 ? ACCESS_USER : 0;
}

bool operand_load(struct vcpu *v, const struct insn *i, void *dst, u64 size)
{
	struct event f;

	return gva_read(v, emulate_operand_gva(v, i), dst, size, ACCESS_READ | user_access(v), &f) ||
	       raise(v, &f, i->segment == SEG_SS);
}

bool operand_store(struct vcpu *v, const struct insn *i, const void *src, u64 size)
{
	struct event f;

	return gva_write(v, emulate_operand_gva(v, i), src, size, ACCESS_WRITE | user_access(v), &f) ||
	       raise(v, &f, i->segment == SEG_SS);
}

bool operand_read16(struct vcpu *v, const struct insn *i, u16 *value)
{
	if (i->memory)
		return operand_load(v, i, value, sizeof(*value));
	*value = (u16)v->gpr[i->rm];
	return true;
}

bool operand_read_far(struct vcpu *v, const struct insn *i, u16 *selector, u64 *offset)
{
	u8 image[sizeof(u64) + sizeof(u16)];

	if (!operand_load(v, i, image, i->op_size + sizeof(u16)))
		return false;
	*offset = 0;
	memcpy(offset, image, i->op_size);
	memcpy(selector, image + i->op_size, sizeof(u16));
	return true;
}

/* ---- the stack ---- */

/* RSP, so many bytes higher; outside 64-bit mode it has 32 bits. */
static u64 stack_pointer(struct vcpu *v, u64 bytes)
{
	u64 rsp = v->gpr[GPR_RSP] + bytes;

	return vcpu_is_64bit(v) ? rsp : (u32)rsp;
}

static gva_t stack_gva(struct vcpu *v, u64 rsp)
{
	return vcpu_is_64bit(v) ? rsp : (u32)(rsp + v->seg[SEG_SS].base);
}

bool stack_read(struct vcpu *v, u64 skip, u64 *values, unsigned count, unsigned size)
{
	u8 image[STACK_WORDS_MAX * sizeof(u64)];
	void *to = size == sizeof(u64) ? (void *)values : image;
	gva_t gva = stack_gva(v, stack_pointer(v, skip));
	struct event f;

	if (vcpu_cpl(v) == 3 ? !gva_read(v, gva, to, count * size, ACCESS_READ | ACCESS_USER, &f)
			     : !ring3_read(v, gva, to, count * size, &f))
		return raise(v, &f, true);
	for (unsigned i = 0; to == image && i < count; i++) {
		values[i] = 0;
		memcpy(&values[i], image + i * size, size);
	}
	return true;
}

void stack_release(struct vcpu *v, u64 bytes)
{
	v->gpr[GPR_RSP] = stack_pointer(v, bytes);
}

bool stack_push(struct vcpu *v, const u64 *values, unsigned count, unsigned size)
{
	u64 rsp = stack_pointer(v, -(u64)count * size);
	u8 image[STACK_WORDS_MAX * sizeof(u64)];
	struct event f;

	for (unsigned i = 0; i < count; i++)
		memcpy(image + i * size, &values[i], size);
	if (!gva_write(v, stack_gva(v, rsp), image, count * size, ACCESS_WRITE | user_access(v), &f))
		return raise(v, &f, true);
	v->gpr[GPR_RSP] = rsp;
	return true;
}
