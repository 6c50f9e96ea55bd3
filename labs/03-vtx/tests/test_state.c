// SPDX-License-Identifier: MIT
/* The guest's state into the VMCS. The rules are quoted from SDM vol. 3C, 24.4 "Guest-State Area", 24.6.6
 * "Guest/Host Masks and Read Shadows for CR0 and CR4", 26.3.1 "Checks on the Guest State Area". */
#include <stdlib.h>
#include <string.h>

#include "../controls.h"
#include "devices/lapic.h"
#include "fake_vmx.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"
#include "vmm/fpu.h"
#include "x86/paging.h"
#include "x86/regs.h"

#define VMXE       0x2000 /* CR4: fixed in VMX operation */
#define ROOT       0x00456000
#define IA32E      (1 << 9) /* VM-entry control */
#define NMI_WINDOW (1 << 22)
#define INT_WINDOW (1 << 2)

struct vmx_features vmx_features;
u64 fpu_xcr0;
static struct lapic lapic;
static _Alignas(PAGE_SIZE) u64 pml4[PT_ENTRIES], pdpt[PT_ENTRIES];
static hpa_t root;

void vmx_make_current(struct vcpu *v)
{
	(void)v;
}

void *pages_alloc(u64 pages, u64 align)
{
	return memset(aligned_alloc(align, pages * align), 0, pages * align);
}

static hpa_t root_of(struct vcpu *v, enum root_role role)
{
	(void)v;
	CU_ASSERT_EQUAL(role, ROLE_SINGLE);
	return root;
}

static const struct mem_engine mem = {.root = root_of};

/* In long mode as a kernel is. */
static struct vcpu *guest(void)
{
	struct vcpu *v = fake_vcpu();

	vmx_features = (struct vmx_features){
		.cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG,
		.cr0_fixed1 = 0xffffffff,
		.cr4_fixed0 = VMXE,
		.cr4_fixed1 = ~0ULL,
	};
	root = ROOT;
	lapic.pending = -1;
	v->lapic = &lapic;
	v->mem = &mem;
	v->cr0 = CR0_PE | CR0_PG;
	v->cr4 = CR4_PAE;
	v->efer = EFER_LME | EFER_LMA;
	return v;
}

/* ---- segments ---- */

static void segments(void)
{
	struct vcpu *v = guest();

	for (unsigned seg = 0; seg < SEG_COUNT; seg++)
		v->seg[seg] = (struct segment){.selector = (u16)(8 * seg + 8),
					       .attr = 0xa090 + seg,
					       .limit = 0x1000 + seg,
					       .base = 0xffff800000000000 + 0x1000 * seg};
	v->changed = VCPU_SEGS | VCPU_CS_SS;
	CU_ASSERT(vmx_prepare(v));
	CU_ASSERT_EQUAL(v->changed, 0);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_ES_SELECTOR), 8);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CS_SELECTOR), 16);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_TR_SELECTOR), 64);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_SS_ACCESS_RIGHTS), 0xa092);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_LDTR_ACCESS_RIGHTS), 0xa096);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_DS_LIMIT), 0x1003);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_FS_BASE), 0xffff800000004000);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_GS_BASE), 0xffff800000005000);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_TR_BASE), 0xffff800000007000);
}

/* ---- control registers ---- */

static void written(struct vcpu *v)
{
	vmx_write_control(v);
}

/* What is fixed in VMX operation is on in truth, and the guest sees what it has written. */
static void fixed_bits(void)
{
	struct vcpu *v = guest();

	written(v);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR0), CR0_PE | CR0_NE | CR0_PG | CR0_WP);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_CR0_READ_SHADOW), CR0_PE | CR0_PG);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR4), CR4_PAE | VMXE);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_CR4_READ_SHADOW), CR4_PAE);
	vmx_features.cr4_fixed1 = ~(u64)CR4_PGE;
	v->cr4 |= CR4_PGE;
	written(v);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR4), CR4_PAE | VMXE);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_CR4_READ_SHADOW), CR4_PAE | CR4_PGE);
}

/* Caching is not the guest's to turn off; and TS is its own, with no shadow. */
static void bits_of_cr0(void)
{
	struct vcpu *v = guest();

	v->cr0 |= CR0_CD | CR0_NW | CR0_TS;
	written(v);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR0) & (CR0_CD | CR0_NW | CR0_TS), CR0_TS);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_CR0_READ_SHADOW) & (CR0_CD | CR0_NW | CR0_TS), CR0_CD | CR0_NW);
}

/* "If the 'IA-32e mode guest' VM-entry control is 1, ... EFER.LMA must be 1"; and with paging LME equals LMA.
 */
static void long_mode(void)
{
	struct vcpu *v = guest();

	vmx_features.controls[CONTROLS_ENTRY] = 0x8004;
	v->efer |= EFER_SCE;
	written(v);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_EFER), EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_ENTRY_CONTROLS), 0x8004 | IA32E);
	v->efer = EFER_LME; /* not active: paging is off */
	v->cr0 = CR0_PE;
	written(v);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_EFER), EFER_NXE);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_ENTRY_CONTROLS), 0x8004);
}

static void root_of_memory_engine(void)
{
	struct vcpu *v = guest();

	written(v);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR3), ROOT);
	CU_ASSERT_FALSE(vmx_of(v)->special & SPECIAL_UNPAGED);
}

/* SDM vol. 3A, 4.4.1 "PDPTE Registers": four entries with P and an address; bits 1, 2 and 5 to 8 must be 0.
 */
static void unpaged(void)
{
	struct vcpu *v = guest();
	struct vmx *x = vmx_of(v);

	x->pae_root = pages_alloc(1, PAGE_SIZE);
	v->cr0 = CR0_PE;
	v->cr4 = 0;
	v->efer = 0;
	root = hva_to_hpa(pml4);
	pml4[0] = hva_to_hpa(pdpt) | PTE_P | PTE_W | PTE_U | PTE_A;
	pdpt[0] = 0x1000 | PTE_P | PTE_W | PTE_U | PTE_A;
	pdpt[1] = 0;
	pdpt[2] = 0x2000; /* not present */
	pdpt[3] = 0x3000 | PTE_P | PTE_W;
	written(v);
	CU_ASSERT(x->special & SPECIAL_UNPAGED);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR0), CR0_PE | CR0_NE | CR0_PG | CR0_WP);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_CR0_READ_SHADOW), CR0_PE);
	CU_ASSERT(vmcs_read(VMCS_GUEST_CR4) & CR4_PAE);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_CR4_READ_SHADOW), 0);
	CU_ASSERT(vmx_prepare(v));
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR3), hva_to_hpa(x->pae_root));
	CU_ASSERT_EQUAL(x->pae_root[0], 0x1000 | PTE_P);
	CU_ASSERT_EQUAL(x->pae_root[1], 0);
	CU_ASSERT_EQUAL(x->pae_root[2], 0);
	CU_ASSERT_EQUAL(x->pae_root[3], 0x3000 | PTE_P);
	v->cr0 |= CR0_PG;
	v->cr4 = CR4_PAE;
	root = ROOT;
	written(v);
	CU_ASSERT_FALSE(x->special & SPECIAL_UNPAGED);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_CR3), ROOT);
}

/* ---- windows and shadows ---- */

static u64 windows(struct vcpu *v)
{
	CU_ASSERT(vmx_prepare(v));
	return vmcs_read(VMCS_PRIMARY_CONTROLS);
}

/* Each of the two for what waits for it, only when somebody asked, and closed at the next entry. */
static void window_controls(void)
{
	struct vcpu *v = guest();

	vmx_features.controls[CONTROLS_PRIMARY] = 0x80;
	lapic.pending = 0x31;
	CU_ASSERT_EQUAL(windows(v), 0); /* nobody asked: not even written */
	vmx_request_window(v);
	CU_ASSERT_EQUAL(windows(v), 0x80 | INT_WINDOW);
	CU_ASSERT(vmx_of(v)->special & SPECIAL_WINDOW_OPEN);
	CU_ASSERT_EQUAL(windows(v), 0x80);
	CU_ASSERT_FALSE(vmx_of(v)->special & (SPECIAL_WINDOW | SPECIAL_WINDOW_OPEN));
	lapic.pending = -1;
	v->events.nmi_pending = true;
	vmx_request_window(v);
	CU_ASSERT_EQUAL(windows(v), 0x80 | NMI_WINDOW);
	v->events.nmi_pending = false;
	v->events.held.kind = EVENT_INTERRUPT;
	vmx_request_window(v);
	CU_ASSERT_EQUAL(windows(v), 0x80 | INT_WINDOW);
}

static u64 shadow(struct vcpu *v, u64 in_vmcs, bool shadow, bool nmi)
{
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY_STATE, in_vmcs);
	vmx_of(v)->in.interruptibility = in_vmcs;
	v->interrupt_shadow = shadow;
	v->nmi_blocked = nmi;
	v->changed = VCPU_SHADOW;
	CU_ASSERT(vmx_prepare(v));
	return vmcs_read(VMCS_GUEST_INTERRUPTIBILITY_STATE);
}

/* "Bit 0 (blocking by STI) and bit 1 (blocking by MOV SS) cannot both be 1." */
static void interruptibility(void)
{
	struct vcpu *v = guest();

	CU_ASSERT_EQUAL(shadow(v, 0, false, false), 0);
	CU_ASSERT_EQUAL(shadow(v, 0, true, false), BLOCKING_BY_STI);
	CU_ASSERT_EQUAL(shadow(v, BLOCKING_BY_MOV_SS, true, false), BLOCKING_BY_MOV_SS);
	CU_ASSERT_EQUAL(shadow(v, BLOCKING_BY_MOV_SS, false, false), 0);
	CU_ASSERT_EQUAL(shadow(v, BLOCKING_BY_STI | BLOCKING_BY_NMI, false, true), BLOCKING_BY_NMI);
	CU_ASSERT_EQUAL(shadow(v, BLOCKING_BY_NMI, true, false), BLOCKING_BY_STI);
}

/* 26.3.1.5: with TF and a blocking by STI or MOV SS, "bit 14 (BS) of the pending debug exceptions field must
 * be 1"; without a blocking it is left alone. */
static void single_step(void)
{
	static const u64 bs = 1 << 14;
	struct vcpu *v = guest();

	v->rflags |= RFLAGS_TF;
	CU_ASSERT(vmx_prepare(v));
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), 0);
	v->interrupt_shadow = true;
	vmcs_write(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 1);
	CU_ASSERT(vmx_prepare(v));
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), bs | 1);
	v->rflags &= ~(u64)RFLAGS_TF;
	vmcs_write(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
	CU_ASSERT(vmx_prepare(v));
	CU_ASSERT_EQUAL(vmcs_read(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), 0);
}

static void real_mode(void)
{
	struct vcpu *v = guest();

	v->cr0 = 0;
	CU_ASSERT_FALSE(vmx_prepare(v));
	CU_ASSERT_EQUAL(fake_ended, 1);
}

UNIT_MAIN("state", {"segments", segments}, {"fixed bits", fixed_bits}, {"bits of CR0", bits_of_cr0},
	  {"long mode", long_mode}, {"root", root_of_memory_engine}, {"without paging", unpaged},
	  {"windows", window_controls}, {"interruptibility", interruptibility}, {"single step", single_step},
	  {"real mode", real_mode})
