// SPDX-License-Identifier: MIT
/*
 * Control and debug registers by the rules of the manual: SDM vol. 3A, 2.5 "Control Registers", 2.6 "Extended
 * Control Registers"; vol. 2B "MOV - Move to/from Control Registers", "MOV - Move to/from Debug Registers";
 * vol. 3B, 17.2 "Debug Registers".
 *
 * Left out: paging without IA-32e mode (32-bit and PAE paging). A guest that turns it on is ended with a
 * sentence.
 */
#include "devices/lapic.h"
#include "vmm/control.h"
#include "vmm/fpu.h"
#include "vmm/intercept.h"
#include "vmm/vm.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define CR0_DEFINED                                                                                          \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR0_PAGING         (CR0_PG | CR0_WP) /* what the memory engine hears of */
#define CR4_PAGING         (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP | CR4_PCIDE | CR4_LA57 | CR4_PKE)
#define CR8_MAX            15

#define LEAF_FEATURES      1
#define LEAF_FEATURES7     7
#define LEAF_ADDRESS_SIZES 0x80000008

bool cr0_write(struct vcpu *v, u64 value)
{
	u64 old = v->cr0;

	vcpu_need(v, VCPU_CRS);
	old = v->cr0;
	if (value >> 32)
		return false;
	value = (value & CR0_DEFINED) | CR0_ET; /* other low bits are ignored and read as 0 */
	if ((value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
		return false;
	if (!(old & CR0_PG) && value & CR0_PG) {
		if (v->efer & EFER_LME && !(v->cr4 & CR4_PAE))
			return false;
		if (!(v->efer & EFER_LME)) {
			vcpu_end(v,
				 "it turns on paging outside IA-32e mode, which this hypervisor leaves out");
			return true;
		}
		v->efer |= EFER_LMA;
	}
	if (old & CR0_PG && !(value & CR0_PG)) {
		if (vcpu_is_64bit(v))
			return false;
		v->efer &= ~(u64)EFER_LMA;
	}
	v->cr0 = value;
	vcpu_changed(v, VCPU_CRS);
	if ((old ^ value) & CR0_PAGING)
		v->mem->mode_changed(v);
	return true;
}

static u64 physical_address_mask(void)
{
	static u64 mask;

	if (!mask)
		mask = BIT(cpuid(LEAF_ADDRESS_SIZES, 0).eax & 0xff) - 1;
	return mask;
}

bool cr3_write(struct vcpu *v, u64 value)
{
	vcpu_need(v, VCPU_CRS);
	if (value & ~physical_address_mask())
		return false;
	v->cr3 = value;
	vcpu_changed(v, VCPU_CRS);
	v->mem->cr3_written(v);
	return true;
}

/* Every bit of CR4 that goes with a CPUID bit which the guest sees. */
u64 cr4_allowed(struct vcpu *v)
{
	static const struct {
		u64 cr4;
		u8 leaf;  /* 1 or 7 */
		char reg; /* of cpuid_regs: 'b' 'c' 'd' */
		u8 bit;
	} needs[] = {
		{CR4_VME | CR4_PVI, 1, 'd', 1}, {CR4_TSD, 1, 'd', 4},         {CR4_DE, 1, 'd', 2},
		{CR4_PSE, 1, 'd', 3},           {CR4_PAE, 1, 'd', 6},         {CR4_PGE, 1, 'd', 13},
		{CR4_OSFXSR, 1, 'd', 24},       {CR4_OSXMMEXCPT, 1, 'd', 25}, {CR4_PCIDE, 1, 'c', 17},
		{CR4_OSXSAVE, 1, 'c', 26},      {CR4_FSGSBASE, 7, 'b', 0},    {CR4_SMEP, 7, 'b', 7},
		{CR4_SMAP, 7, 'b', 20},
	};
	u64 allowed = CR4_MCE | CR4_PCE;
	struct cpuid_regs leaf1, leaf7;

	guest_cpuid(v, LEAF_FEATURES, 0, &leaf1);
	guest_cpuid(v, LEAF_FEATURES7, 0, &leaf7);
	for (unsigned i = 0; i < ARRAY_SIZE(needs); i++) {
		const struct cpuid_regs *r = needs[i].leaf == LEAF_FEATURES ? &leaf1 : &leaf7;
		u32 word = needs[i].reg == 'b' ? r->ebx : needs[i].reg == 'c' ? r->ecx : r->edx;

		if (word >> needs[i].bit & 1)
			allowed |= needs[i].cr4;
	}
	return allowed & ~(v->cpu->cr4_hidden | v->mem->cr4_hidden);
}

bool cr4_write(struct vcpu *v, u64 value)
{
	u64 old;

	vcpu_need(v, VCPU_CRS);
	old = v->cr4;
	if (value & ~cr4_allowed(v))
		return false;
	if (v->efer & EFER_LMA && !(value & CR4_PAE))
		return false;
	v->cr4 = value;
	vcpu_changed(v, VCPU_CRS);
	if ((old ^ value) & CR4_PAGING)
		v->mem->mode_changed(v);
	return true;
}

bool cr8_write(struct vcpu *v, u64 value)
{
	if (value > CR8_MAX)
		return false;
	v->cr8 = value;
	lapic_set_cr8(v->lapic, value);
	return true;
}

bool xcr0_write(struct vcpu *v, u64 value)
{
	vcpu_need(v, VCPU_CRS);
	if (value & ~fpu_xcr0 || !(value & XCR0_X87) || (value & XCR0_AVX && !(value & XCR0_SSE)))
		return false;
	v->xcr0 = value;
	vcpu_changed(v, VCPU_CRS);
	return true;
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE; with DR7.GD set any access is trapped. */
static bool dr_access(struct vcpu *v, unsigned *number)
{
	vcpu_need(v, VCPU_DRS | VCPU_CRS);
	if (*number == 4 || *number == 5) {
		if (v->cr4 & CR4_DE) {
			event_exception(v, VEC_UD);
			return false;
		}
		*number += 2;
	}
	if (v->dr7 & DR7_GD) {
		v->dr7 &= ~(u64)DR7_GD;
		vcpu_changed(v, VCPU_DRS);
		event_debug(v, DR6_BD);
		return false;
	}
	return true;
}

bool dr_read(struct vcpu *v, unsigned number, u64 *value)
{
	if (!dr_access(v, &number))
		return false;
	*value = number == 6 ? v->dr6 : number == 7 ? v->dr7 : v->dr[number];
	return true;
}

bool dr_write(struct vcpu *v, unsigned number, u64 value)
{
	if (!dr_access(v, &number))
		return false;
	if (number >= 6 && value >> 32) {
		event_exception_error(v, VEC_GP, 0);
		return false;
	}
	if (number == 6)
		v->dr6 = (value & (0xf | DR6_BD | DR6_BS | DR6_BT)) | DR6_RESERVED;
	else if (number == 7)
		v->dr7 = (value & 0xffff2bff) | DR7_RESERVED;
	else
		v->dr[number] = value;
	vcpu_changed(v, VCPU_DRS);
	return true;
}
