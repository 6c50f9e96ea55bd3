// SPDX-License-Identifier: MIT
/*
 * Operands of emulated instructions. A memory operand is first opened, with every check that the CPU makes
 * before an access, and only then read or written: a device register must not be read by an instruction that
 * faults on its other operand.
 *
 * Source: SDM vol. 1, 3.4.1.1 "General-Purpose Registers in 64-Bit Mode"; vol. 3A, 3.4.4 "Segment Loading
 * Instructions in IA-32e Mode", 5.3 "Limit Checking".
 *
 * Left out: alignment checks (#AC), which the CPU makes before the access leaves it.
 */
#include "vmm/alu.h"
#include "vmm/emulate_access.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* ---- registers ---- */

#define HIGH_BYTE_FIRST 4 /* AH CH DH BH are encoded as 4..7 */
#define HIGH_BYTE_LAST  7

static bool is_high_byte(unsigned number, unsigned size, bool rex)
{
	return size == 1 && !rex && number >= HIGH_BYTE_FIRST && number <= HIGH_BYTE_LAST;
}

u64 register_read(const struct vcpu *v, unsigned number, unsigned size, bool rex)
{
	if (is_high_byte(number, size, rex))
		return v->gpr[number - HIGH_BYTE_FIRST] >> 8 & 0xff;
	return alu_truncate(v->gpr[number], size);
}

void register_write(struct vcpu *v, unsigned number, unsigned size, bool rex, u64 value)
{
	u64 *gpr = &v->gpr[number];

	value = alu_truncate(value, size);
	if (is_high_byte(number, size, rex)) {
		gpr -= HIGH_BYTE_FIRST;
		*gpr = (*gpr & ~0xff00ULL) | value << 8;
	} else if (size >= 4) {
		*gpr = value;
	} else {
		*gpr = (*gpr & ~(BIT(8 * size) - 1)) | value;
	}
}

/* ---- segments ---- */

static const struct segment *segment_get(struct vcpu *v, unsigned segment)
{
	vcpu_need(v, segment == SEG_CS || segment == SEG_SS ? VCPU_CS_SS : VCPU_SEGS);
	return &v->seg[segment];
}

gva_t segment_gva(struct vcpu *v, unsigned segment, u64 offset)
{
	if (!vcpu_is_64bit(v))
		return (u32)(segment_get(v, segment)->base + offset);
	if (segment == SEG_FS || segment == SEG_GS)
		return segment_get(v, segment)->base + offset;
	return offset;
}

/* Outside 64-bit mode: may the segment be accessed there? */
static bool segment_allows(const struct segment *s, u64 offset, unsigned size, unsigned access)
{
	bool code = s->attr & SEG_TYPE_CODE;
	u64 last = offset + size - 1;

	if ((s->attr & SEG_ATTR_UNUSABLE) || !(s->attr & SEG_ATTR_P))
		return false;
	if ((access & ACCESS_WRITE) ? code || !(s->attr & SEG_TYPE_WRITABLE)
				    : code && !(s->attr & SEG_TYPE_READABLE))
		return false;
	if (!code && (s->attr & SEG_TYPE_EXPAND_DOWN))
		return offset > s->limit && last <= (s->attr & SEG_ATTR_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

static bool segment_check(struct vcpu *v, unsigned segment, u64 offset, unsigned size, unsigned access)
{
	gva_t gva;

	if (vcpu_is_64bit(v)) {
		gva = segment_gva(v, segment, offset);
		if (gva_is_canonical(gva) && gva_is_canonical(gva + size - 1))
			return true;
	} else if (segment_allows(segment_get(v, segment), offset, size, access)) {
		return true;
	}
	event_exception_error(v, segment == SEG_SS ? VEC_SS : VEC_GP, 0);
	return false;
}

/* ---- memory ---- */

static bool translate(struct vcpu *v, gva_t gva, unsigned access, gpa_t *gpa)
{
	struct guest_walk w;

	if (vcpu_cpl(v) == 3)
		access |= ACCESS_USER;
	if (guest_walk(v, gva, access, &w)) {
		*gpa = w.gpa;
		return true;
	}
	if (w.unsupported)
		vcpu_end(v, "the guest uses a paging mode that this monitor does not have");
	else
		event_page_fault(v, gva, w.error);
	return false;
}

bool place_open(struct vcpu *v, struct place *p, unsigned segment, u64 offset, unsigned size, unsigned access)
{
	gva_t gva, second;

	if (!segment_check(v, segment, offset, size, access))
		return false;
	gva = segment_gva(v, segment, offset);
	p->size = (u8)size;
	p->first = (u8)MIN(size, PAGE_SIZE - gva % PAGE_SIZE);
	if (!translate(v, gva, access, &p->gpa[0]))
		return false;
	if (p->first == size)
		return true;
	second = vcpu_is_64bit(v) ? gva + p->first : (u32)(gva + p->first);
	return translate(v, second, access, &p->gpa[1]);
}

static u64 piece_read(struct vcpu *v, gpa_t gpa, unsigned size)
{
	u64 value = 0;

	if (!vm_is_mmio(v->vm, gpa) && gpa_read(v->vm, gpa, &value, size))
		return value;
	return vcpu_mmio_read(v, gpa, size); /* all ones where nothing answers */
}

static void piece_write(struct vcpu *v, gpa_t gpa, unsigned size, u64 value)
{
	if (!vm_is_mmio(v->vm, gpa) && gpa_write(v->vm, gpa, &value, size))
		return;
	vcpu_mmio_write(v, gpa, size, value);
}

/* Where byte `n` of an operand in two pages lies. */
static gpa_t byte_gpa(const struct place *p, unsigned n)
{
	return n < p->first ? p->gpa[0] + n : p->gpa[1] + (n - p->first);
}

u64 place_read(struct vcpu *v, const struct place *p)
{
	u64 value = 0;

	if (p->first == p->size)
		return piece_read(v, p->gpa[0], p->size);
	for (unsigned n = 0; n < p->size; n++)
		value |= piece_read(v, byte_gpa(p, n), 1) << 8 * n;
	return value;
}

void place_write(struct vcpu *v, const struct place *p, u64 value)
{
	value = alu_truncate(value, p->size);
	if (p->first == p->size) {
		piece_write(v, p->gpa[0], p->size, value);
		return;
	}
	for (unsigned n = 0; n < p->size; n++)
		piece_write(v, byte_gpa(p, n), 1, value >> 8 * n & 0xff);
}
