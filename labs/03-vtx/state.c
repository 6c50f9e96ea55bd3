// SPDX-License-Identifier: MIT
/*
 * The guest's state between struct vcpu, the VMCS and the CPU (vmx.h says what is where): fetched in groups
 * when somebody asks, loaded when somebody has changed it. A field that holds a value already is not written
 * again: under another hypervisor each VMREAD and VMWRITE may be an exit of its own.
 *
 * Source: SDM vol. 3C, 24.4 "Guest-State Area", 24.6.6 "Guest/Host Masks and Read Shadows for CR0 and CR4",
 * 26.3.1 "Checks on the Guest State Area", 26.3.2 "Loading Guest State".
 */
#include "controls.h"
#include "devices/lapic.h"
#include "machine/machine.h"
#include "vmm/fpu.h"
#include "vmx.h"
#include "x86/asm.h"
#include "x86/paging.h"

/* GUEST_PENDING_DEBUG_EXCEPTIONS: table 24-4 */
#define PENDING_BS    BIT(14)

#define PAE_PDPTES    4

/* The groups that live in the CPU's own registers. */
#define GROUPS_IN_CPU (VCPU_CRS | VCPU_MSRS | VCPU_DRS)

/* ---- fetch ---- */

static void fetch_segment(struct vcpu *v, unsigned seg)
{
	v->seg[seg] = (struct segment){
		.selector = (u16)vmcs_read(vmcs_segment(VMCS_GUEST_ES_SELECTOR, seg)),
		.attr = (u32)vmcs_read(vmcs_segment(VMCS_GUEST_ES_ACCESS_RIGHTS, seg)),
		.limit = (u32)vmcs_read(vmcs_segment(VMCS_GUEST_ES_LIMIT, seg)),
		.base = vmcs_read(vmcs_segment(VMCS_GUEST_ES_BASE, seg)),
	};
}

static void fetch_segments(struct vcpu *v)
{
	for (unsigned seg = 0; seg < SEG_COUNT; seg++)
		if (seg != SEG_CS && seg != SEG_SS)
			fetch_segment(v, seg);
}

static void fetch_tables(struct vcpu *v)
{
	v->gdtr.base = vmcs_read(VMCS_GUEST_GDTR_BASE);
	v->gdtr.limit = (u16)vmcs_read(VMCS_GUEST_GDTR_LIMIT);
	v->idtr.base = vmcs_read(VMCS_GUEST_IDTR_BASE);
	v->idtr.limit = (u16)vmcs_read(VMCS_GUEST_IDTR_LIMIT);
}

static void fetch_control(struct vcpu *v)
{
	struct vmx *x = vmx_of(v);

	x->in.cr0 = vmcs_read(VMCS_GUEST_CR0);
	v->cr0 = (v->cr0 & ~(u64)VMX_CR0_GUEST) | (x->in.cr0 & VMX_CR0_GUEST);
	v->cr2 = read_cr2();
}

static void fetch_msrs(struct vcpu *v)
{
	v->star = rdmsr(MSR_STAR);
	v->lstar = rdmsr(MSR_LSTAR);
	v->cstar = rdmsr(MSR_CSTAR);
	v->fmask = rdmsr(MSR_FMASK);
	v->kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	v->sysenter_cs = vmcs_read(VMCS_GUEST_SYSENTER_CS);
	v->sysenter_esp = vmcs_read(VMCS_GUEST_SYSENTER_ESP);
	v->sysenter_eip = vmcs_read(VMCS_GUEST_SYSENTER_EIP);
}

static void fetch_debug(struct vcpu *v)
{
	v->dr[0] = read_dr0();
	v->dr[1] = read_dr1();
	v->dr[2] = read_dr2();
	v->dr[3] = read_dr3();
	v->dr6 = read_dr6();
	v->dr7 = vmcs_read(VMCS_GUEST_DR7);
}

void vmx_fetch(struct vcpu *v, u32 groups)
{
	vmx_make_current(v);
	if (groups & VCPU_SEGS)
		fetch_segments(v);
	if (groups & VCPU_TABLES)
		fetch_tables(v);
	if (groups & VCPU_CRS)
		fetch_control(v);
	if (groups & VCPU_MSRS)
		fetch_msrs(v);
	if (groups & VCPU_DRS)
		fetch_debug(v);
	if (groups & VCPU_CS_SS) {
		fetch_segment(v, SEG_CS);
		fetch_segment(v, SEG_SS);
	}
}

/* ---- load ---- */

/* The four fields of a segment register; those of ES are the first of their kind (vmcs_segment()). */
static void load_segment(struct vcpu *v, unsigned seg)
{
	/* SOLUTION E3.4 { stub: (void)seg; return; */
	const struct segment *s = &v->seg[seg];

	vmcs_write(vmcs_segment(VMCS_GUEST_ES_SELECTOR, seg), s->selector);
	vmcs_write(vmcs_segment(VMCS_GUEST_ES_ACCESS_RIGHTS, seg), s->attr);
	vmcs_write(vmcs_segment(VMCS_GUEST_ES_LIMIT, seg), s->limit);
	vmcs_write(vmcs_segment(VMCS_GUEST_ES_BASE, seg), s->base);
	/* } SOLUTION E3.4 */
}

static void load_segments(struct vcpu *v)
{
	for (unsigned seg = 0; seg < SEG_COUNT; seg++)
		if (seg != SEG_CS && seg != SEG_SS)
			load_segment(v, seg);
}

static void load_tables(const struct vcpu *v)
{
	vmcs_write(VMCS_GUEST_GDTR_BASE, v->gdtr.base);
	vmcs_write(VMCS_GUEST_GDTR_LIMIT, v->gdtr.limit);
	vmcs_write(VMCS_GUEST_IDTR_BASE, v->idtr.base);
	vmcs_write(VMCS_GUEST_IDTR_LIMIT, v->idtr.limit);
}

/* XCR0 has no field: the CPU has the guest's while it runs, and the monitor's own use is in fpu.c alone. */
static void load_xcr0(struct vcpu *v)
{
	struct vmx *x = vmx_of(v);

	if (!fpu_xcr0 || x->xcr0 == v->xcr0)
		return;
	asm volatile("xsetbv" : : "c"(0), "a"((u32)v->xcr0), "d"((u32)(v->xcr0 >> 32)));
	x->xcr0 = v->xcr0;
}

/*
 * CR0: the guest's bits, with those that VMX fixes (PE, NE and PG among them) and WP, which the memory engine
 * wants; never NW and CD. What the guest believes of them is in the read shadow. CR4: PAE for a guest without
 * paging, too. EFER: NXE for the memory engine; LME and LMA together, as paging is always on in truth, and
 * the entry control "IA-32e mode guest" with them. CR3: the memory engine's root; a guest without paging has
 * SPECIAL_UNPAGED instead, and load_unpaged_root() finds the value.
 */
void vmx_write_control(struct vcpu *v)
{
	/* SOLUTION E3.4 { stub: return; */
	struct vmx *x = vmx_of(v);
	u64 cr0 = (v->cr0 | CR0_WP | vmx_features.cr0_fixed0) & vmx_features.cr0_fixed1;
	u64 cr4 = (v->cr4 | CR4_PAE | vmx_features.cr4_fixed0) & vmx_features.cr4_fixed1;
	bool long_mode = v->efer & EFER_LMA;
	u64 entry = vmx_features.controls[CONTROLS_ENTRY];

	vmcs_update(&x->in.cr0, VMCS_GUEST_CR0, cr0 & ~(u64)(CR0_NW | CR0_CD));
	vmcs_update(&x->in.cr0_shadow, VMCS_CR0_READ_SHADOW, v->cr0 & ~(u64)VMX_CR0_GUEST);
	vmcs_update(&x->in.cr4, VMCS_GUEST_CR4, cr4);
	vmcs_update(&x->in.cr4_shadow, VMCS_CR4_READ_SHADOW, v->cr4);
	vmcs_update(&x->in.efer, VMCS_GUEST_EFER,
		    (v->efer & EFER_SCE) | EFER_NXE | (long_mode ? EFER_LME | EFER_LMA : 0));
	vmcs_update(&x->in.entry_controls, VMCS_ENTRY_CONTROLS,
		    long_mode ? entry | ENTRY_IA32E_GUEST : entry);
	x->special &= (u8)~SPECIAL_UNPAGED;
	if (v->cr0 & CR0_PG)
		vmcs_update(&x->in.cr3, VMCS_GUEST_CR3, v->mem->root(v, ROLE_SINGLE));
	else
		x->special |= SPECIAL_UNPAGED;
	/* } SOLUTION E3.4 */
}

static void load_control(struct vcpu *v)
{
	vmx_write_control(v);
	write_cr2(v->cr2);
	load_xcr0(v);
}

static void load_msrs(struct vcpu *v)
{
	wrmsr(MSR_STAR, v->star);
	wrmsr(MSR_LSTAR, v->lstar);
	wrmsr(MSR_CSTAR, v->cstar);
	wrmsr(MSR_FMASK, v->fmask);
	wrmsr(MSR_KERNEL_GS_BASE, v->kernel_gs_base);
	if (vmx_features.controls[CONTROLS_SECONDARY] & SECONDARY_RDTSCP)
		wrmsr(MSR_TSC_AUX, v->tsc_aux);
	vmcs_write(VMCS_GUEST_SYSENTER_CS, v->sysenter_cs);
	vmcs_write(VMCS_GUEST_SYSENTER_ESP, v->sysenter_esp);
	vmcs_write(VMCS_GUEST_SYSENTER_EIP, v->sysenter_eip);
	vmcs_update(&vmx_of(v)->in.tsc_offset, VMCS_TSC_OFFSET, v->tsc_offset);
}

/* DR7 is loaded by the entry and is harmless after the exit (27.5.1), so the others can stay in the CPU. */
static void load_debug(const struct vcpu *v)
{
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	write_dr6(v->dr6);
	vmcs_write(VMCS_GUEST_DR7, v->dr7);
}

/* The interruptibility state: a shadow that has gone is cleared, one that is there already keeps its kind
 * (STI or MOV SS), and one that common code has begun is that of STI. Blocking by NMI is the vcpu's. */
static void write_shadow(struct vcpu *v)
{
	/* SOLUTION E3.7 { stub: return; */
	struct vmx *x = vmx_of(v);
	u64 state = x->in.interruptibility & ~(u64)BLOCKING_BY_NMI;

	if (!v->interrupt_shadow)
		state &= ~(u64)BLOCKING_SHADOW;
	else if (!(state & BLOCKING_SHADOW))
		state |= BLOCKING_BY_STI;
	vmcs_update(&x->in.interruptibility, VMCS_GUEST_INTERRUPTIBILITY_STATE,
		    v->nmi_blocked ? state | BLOCKING_BY_NMI : state);
	/* } SOLUTION E3.7 */
}

static void load_shadow(struct vcpu *v)
{
	if (v->interrupt_shadow || v->nmi_blocked || vmx_of(v)->in.interruptibility)
		write_shadow(v);
}

static void load_changed(struct vcpu *v)
{
	u32 groups = v->changed;

	v->changed = 0;
	if (groups & VCPU_SEGS)
		load_segments(v);
	if (groups & VCPU_TABLES)
		load_tables(v);
	if (groups & (VCPU_CRS | VCPU_CR2))
		load_control(v);
	if (groups & VCPU_MSRS)
		load_msrs(v);
	if (groups & VCPU_DRS)
		load_debug(v);
	if (groups & VCPU_SHADOW)
		load_shadow(v);
	if (groups & VCPU_CS_SS) {
		load_segment(v, SEG_CS);
		load_segment(v, SEG_SS);
	}
}

/* ---- around an entry ---- */

/*
 * A guest without paging runs on the memory engine's identity mapping, in protected mode with PAE paging: the
 * tables of PAE paging are those of 4-level paging from the third level down, but for the four entries that
 * CR3 names, which have no rights (SDM vol. 3A, 4.4.1 "PDPTE Registers"). They are made here, at each entry,
 * since any exit may have filled one.
 */
static void load_unpaged_root(struct vcpu *v)
{
	/* SOLUTION E3.4 { stub: return; */
	struct vmx *x = vmx_of(v);
	const u64 *pml4 = hpa_to_hva(v->mem->root(v, ROLE_SINGLE));
	const u64 *pdpt = pml4[0] & PTE_P ? hpa_to_hva(pml4[0] & PTE_ADDR) : NULL;

	for (unsigned i = 0; i < PAE_PDPTES; i++)
		x->pae_root[i] = pdpt && pdpt[i] & PTE_P ? (pdpt[i] & PTE_ADDR) | PTE_P : 0;
	vmcs_update(&x->in.cr3, VMCS_GUEST_CR3, hva_to_hpa(x->pae_root));
	/* } SOLUTION E3.4 */
}

/*
 * Under RFLAGS.TF an instruction in the shadow of STI or MOV SS has a single step pending, and an entry
 * without that is refused (26.3.1.5, "Pending debug exceptions").
 */
static void keep_single_step(struct vcpu *v)
{
	(void)v;
	/* SOLUTION E3.8 { stub: return; */
	u64 pending = vmcs_read(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS);

	if (!(pending & PENDING_BS))
		vmcs_write(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, pending | PENDING_BS);
	/* } SOLUTION E3.8 */
}

static bool step_in_shadow(struct vcpu *v)
{
	if (!(v->rflags & RFLAGS_TF))
		return false;
	vcpu_need(v, VCPU_SHADOW);
	return v->interrupt_shadow;
}

/*
 * The window controls, of those that the engine has anyway: none unless event_deliver() has asked
 * (SPECIAL_WINDOW); then the NMI window for an NMI that is pending, and the interrupt window for an interrupt
 * that is held back or that the local APIC has. What was asked for is served then; SPECIAL_WINDOW_OPEN says
 * whether a window is open.
 */
static void load_windows(struct vcpu *v)
{
	/* SOLUTION E3.7 { stub: return; */
	struct vmx *x = vmx_of(v);
	u64 windows = 0;

	if (x->special & SPECIAL_WINDOW && v->events.nmi_pending)
		windows |= PRIMARY_NMI_WINDOW;
	if (x->special & SPECIAL_WINDOW && (v->events.held.kind || lapic_pending(v) >= 0))
		windows |= PRIMARY_INTERRUPT_WINDOW;
	vmcs_update(&x->in.primary_controls, VMCS_PRIMARY_CONTROLS,
		    vmx_features.controls[CONTROLS_PRIMARY] | windows);
	x->special &= (u8) ~(SPECIAL_WINDOW | SPECIAL_WINDOW_OPEN);
	if (windows)
		x->special |= SPECIAL_WINDOW_OPEN;
	/* } SOLUTION E3.7 */
}

bool vmx_prepare(struct vcpu *v)
{
	struct vmx *x = vmx_of(v);

	/* Real mode would need paging off in truth, and then a gpa would be an hpa. */
	if (!(v->cr0 & CR0_PE)) {
		vcpu_end(v, "it leaves protected mode, and VT-x without EPT has no real mode");
		return false;
	}
	if (step_in_shadow(v))
		keep_single_step(v);
	if (v->changed)
		load_changed(v);
	if (x->special & SPECIAL_UNPAGED)
		load_unpaged_root(v);
	if (x->special & (SPECIAL_WINDOW | SPECIAL_WINDOW_OPEN))
		load_windows(v);
	return true;
}

/* ---- the turn of a vcpu ---- */

void vmx_load(struct vcpu *v)
{
	vmx_make_current(v);
	vmx_of(v)->xcr0 = 0;
	vcpu_changed(v, GROUPS_IN_CPU);
}

void vmx_unload(struct vcpu *v)
{
	vcpu_need(v, GROUPS_IN_CPU);
	if (v->state == VCPU_ENDED)
		vmx_snapshot(v, SNAPSHOT_ENDED);
}

int vmx_state_init(struct vcpu *v)
{
	static const u16 copied[] = {
		VMCS_GUEST_RSP,        VMCS_GUEST_RFLAGS,   VMCS_GUEST_CR0,
		VMCS_CR0_READ_SHADOW,  VMCS_GUEST_CR3,      VMCS_GUEST_CR4,
		VMCS_CR4_READ_SHADOW,  VMCS_GUEST_EFER,     VMCS_TSC_OFFSET,
		VMCS_PRIMARY_CONTROLS, VMCS_ENTRY_CONTROLS, VMCS_GUEST_INTERRUPTIBILITY_STATE,
	};
	struct vmx *x = vmx_of(v);

	x->pae_root = pages_alloc(1, PAGE_SIZE);
	if (!x->pae_root || hva_to_hpa(x->pae_root) >> 32) /* CR3 has 32 bits there */
		return -1;
	for (unsigned i = 0; i < ARRAY_SIZE(copied); i++)
		vmcs_write(copied[i], 0);
	vmcs_update(&x->in.primary_controls, VMCS_PRIMARY_CONTROLS, vmx_features.controls[CONTROLS_PRIMARY]);
	x->special = SPECIAL_LAUNCH;
	vmcs_write(VMCS_VMCS_LINK_POINTER, ~0ULL);
	vmcs_write(VMCS_GUEST_DEBUGCTL, 0);
	vmcs_write(VMCS_GUEST_ACTIVITY_STATE, 0); /* active: HLT exits */
	vmcs_write(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
	return 0;
}
