// SPDX-License-Identifier: MIT
/*
 * RDMSR and WRMSR as a guest sees them. An MSR that is not listed does not exist: #GP(0). Source: SDM vol. 4;
 * vol. 3A, 5.8.8.
 */
#include "devices/lapic.h"
#include "machine/machine.h"
#include "vmm/control.h"
#include "vmm/fpu.h"
#include "vmm/vm.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define EFER_WRITABLE (EFER_SCE | EFER_LME | EFER_NXE)
#define PAT_ENTRIES   8

bool msr_read(struct vcpu *v, u32 index, u64 *value)
{
	switch (index) {
	case MSR_TSC:
		*value = clock_ticks() + v->tsc_offset;
		return true;
	case MSR_APIC_BASE:
		*value = lapic_base(v->lapic);
		return true;
	case MSR_TSC_DEADLINE:
		*value = lapic_tsc_deadline(v->lapic);
		return true;
	case MSR_FS_BASE:
		vcpu_need(v, VCPU_SEGS);
		*value = v->seg[SEG_FS].base;
		return true;
	case MSR_GS_BASE:
		vcpu_need(v, VCPU_SEGS);
		*value = v->seg[SEG_GS].base;
		return true;
	case MSR_EFER:
		vcpu_need(v, VCPU_CRS);
		*value = v->efer;
		return true;
	case MSR_BIOS_SIGN_ID: /* no microcode */
	case MSR_MTRRCAP:      /* no MTRRs, no machine check */
	case MSR_MCG_CAP:
	case MSR_MCG_STATUS:
	case MSR_MISC_ENABLE:
		*value = 0;
		return true;
	}
	u64 *place = msr_place(v, index);

	if (!place)
		return false;
	*value = *place;
	return true;
}

/* MSRs that only hold a value in the vcpu; NULL when it is none of them. Makes the value valid. */
u64 *msr_place(struct vcpu *v, u32 index)
{
	vcpu_need(v, VCPU_MSRS);
	switch (index) {
	case MSR_STAR:
		return &v->star;
	case MSR_LSTAR:
		return &v->lstar;
	case MSR_CSTAR:
		return &v->cstar;
	case MSR_FMASK:
		return &v->fmask;
	case MSR_KERNEL_GS_BASE:
		return &v->kernel_gs_base;
	case MSR_PAT:
		return &v->pat;
	case MSR_TSC_AUX:
		return &v->tsc_aux;
	case MSR_SYSENTER_CS:
		return &v->sysenter_cs;
	case MSR_SYSENTER_ESP:
		return &v->sysenter_esp;
	case MSR_SYSENTER_EIP:
		return &v->sysenter_eip;
	default:
		return NULL;
	}
}

static bool efer_write(struct vcpu *v, u64 value)
{
	u64 changed = v->efer ^ value;

	if (value & ~(u64)(EFER_WRITABLE | EFER_LMA))
		return false;
	if (changed & EFER_LME && v->cr0 & CR0_PG) /* SDM vol. 3A, 4.1.2 "Paging-Mode Enabling" */
		return false;
	v->efer = (value & EFER_WRITABLE) | (v->efer & EFER_LMA);
	if (changed & EFER_NXE)
		v->mem->mode_changed(v);
	return true;
}

static bool pat_valid(u64 value)
{
	for (unsigned i = 0; i < PAT_ENTRIES; i++) {
		u8 type = (u8)(value >> (i * 8));

		if (type > 7 || type == 2 ||
		    type == 3) /* SDM vol. 3A, table 11-10 "Memory Types That Can Be Encoded With PAT" */
			return false;
	}
	return true;
}

static bool msr_value_allowed(u32 index, u64 value)
{
	switch (index) {
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_KERNEL_GS_BASE:
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_SYSENTER_ESP:
	case MSR_SYSENTER_EIP:
		return gva_is_canonical(value);
	case MSR_PAT:
		return pat_valid(value);
	case MSR_FMASK:
	case MSR_TSC_AUX:
		return value <= 0xffffffff;
	default:
		return true;
	}
}

bool msr_write(struct vcpu *v, u32 index, u64 value)
{
	u64 *place;

	if (!msr_value_allowed(index, value))
		return false;
	switch (index) {
	case MSR_TSC:
		vcpu_need(v, VCPU_MSRS);
		v->tsc_offset = value - clock_ticks();
		vcpu_changed(v, VCPU_MSRS);
		return true;
	case MSR_APIC_BASE:
		return lapic_set_base(v->lapic, value);
	case MSR_TSC_DEADLINE:
		lapic_set_tsc_deadline(v->lapic, value);
		return true;
	case MSR_FS_BASE:
	case MSR_GS_BASE:
		vcpu_need(v, VCPU_SEGS);
		v->seg[index == MSR_FS_BASE ? SEG_FS : SEG_GS].base = value;
		vcpu_changed(v, VCPU_SEGS);
		return true;
	case MSR_EFER:
		vcpu_need(v, VCPU_CRS);
		if (!efer_write(v, value))
			return false;
		vcpu_changed(v, VCPU_CRS);
		return true;
	case MSR_BIOS_SIGN_ID:
	case MSR_MCG_STATUS:
	case MSR_MISC_ENABLE:
		return true;
	}
	place = msr_place(v, index);
	if (!place)
		return false;
	*place = value;
	vcpu_changed(v, VCPU_MSRS);
	return true;
}
