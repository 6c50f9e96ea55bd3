// SPDX-License-Identifier: MIT
/*
 * Groups of state between the vcpu, which has the guest's view, and the VMCB and the CPU, which have what the
 * hardware needs.
 *
 * The views differ in CR0, CR4 and EFER. Paging is always on, since the memory engine's tables have to be in
 * force: 4-level paging under a guest with paging, PAE paging under one without, whose 32-bit code then runs
 * in the mode that it believes to be in. CR0.WP and EFER.NXE are on because the memory engine's entries are
 * made for that. As long as the views are the same, reading CR0 or CR4 does not exit.
 *
 * Source: APM vol. 2, 15.5.1 "Basic Operation", 15.8.1 "MOV CRx/DRx Intercepts", 15.5.2 "VMSAVE and VMLOAD
 * Instructions", 5.2.3 "PAE Paging"; appendix B "Layout of VMCB".
 */
#include "machine/machine.h"
#include "svm.h"
#include "vmm/fpu.h"
#include "vmm/vm.h"
#include "x86/asm.h"
#include "x86/paging.h"

#define CR0_FORCED     (CR0_PG | CR0_WP | CR0_NE | CR0_ET)
#define CR0_NOT_PASSED (CR0_CD | CR0_NW) /* the caches are the machine's */

/* A guest writes CR2 so rarely that an exit is cheaper than to fetch CR2 at every other one. */
#define INTERCEPT_CR                                                                                         \
	(VMCB_INTERCEPT_READ(3) | VMCB_INTERCEPT_WRITE(0) | VMCB_INTERCEPT_WRITE(2) |                        \
	 VMCB_INTERCEPT_WRITE(3) | VMCB_INTERCEPT_WRITE(4))

/* An entry of a PAE page-directory-pointer table has no rights: APM vol. 2, 5.2.3 */
#define PDPTE_PASSED     (PTE_ADDR | PTE_P)
#define PDPT_PAE_ENTRIES 4

/* ---- segments ---- */

static struct segment unpack(const struct vmcb_segment *s)
{
	u32 attr = (s->attr & VMCB_SEG_ATTR_LOW) | (u32)(s->attr & VMCB_SEG_ATTR_HIGH)
							   << VMCB_SEG_ATTR_HIGH_SHIFT;

	if (!(s->attr & VMCB_SEG_P))
		attr |= SEG_ATTR_UNUSABLE;
	return (struct segment){.selector = s->selector, .attr = attr, .limit = s->limit, .base = s->base};
}

/* As the VMCB has it: the attributes without the four bits between, and P alone says whether it is usable. */
static void pack(struct vcpu *v, unsigned seg, struct vmcb_segment *to)
{
	/* SOLUTION E3.4 { stub: (void)seg; (void)to; return; */
	const struct segment *s = &v->seg[seg];
	u32 attr = (s->attr & VMCB_SEG_ATTR_LOW) | (s->attr >> VMCB_SEG_ATTR_HIGH_SHIFT & VMCB_SEG_ATTR_HIGH);

	if (s->attr & SEG_ATTR_UNUSABLE)
		attr &= ~(u32)VMCB_SEG_P;
	to->selector = s->selector;
	to->attr = (u16)attr;
	to->limit = s->limit;
	to->base = s->base;
	/* } SOLUTION E3.4 */
}

/* ---- from the CPU to the vcpu ---- */

/* The CPL is a field of its own; the DPL of a null SS says nothing. */
static void fetch_cs_ss(struct vcpu *v, const struct vmcb_save *b)
{
	v->seg[SEG_CS] = unpack(&b->cs);
	v->seg[SEG_SS] = unpack(&b->ss);
	v->seg[SEG_SS].attr = (v->seg[SEG_SS].attr & ~(u32)SEG_ATTR_DPL) | (u32)b->cpl << SEG_ATTR_DPL_SHIFT;
}

static void fetch_segments(struct vcpu *v, const struct vmcb_save *b)
{
	v->seg[SEG_ES] = unpack(&b->es);
	v->seg[SEG_DS] = unpack(&b->ds);
	v->seg[SEG_FS] = unpack(&b->fs);
	v->seg[SEG_GS] = unpack(&b->gs);
	v->seg[SEG_LDTR] = unpack(&b->ldtr);
	v->seg[SEG_TR] = unpack(&b->tr);
}

static void fetch_msrs(struct vcpu *v, const struct vmcb_save *b)
{
	v->star = b->star;
	v->lstar = b->lstar;
	v->cstar = b->cstar;
	v->fmask = b->sfmask;
	v->kernel_gs_base = b->kernel_gs_base;
	v->sysenter_cs = b->sysenter_cs;
	v->sysenter_esp = b->sysenter_esp;
	v->sysenter_eip = b->sysenter_eip;
}

static void fetch_debug(struct vcpu *v, const struct svm *s)
{
	v->dr6 = s->vmcb->save.dr6;
	v->dr7 = s->vmcb->save.dr7;
	if (!s->in_cpu)
		return;
	v->dr[0] = read_dr0();
	v->dr[1] = read_dr1();
	v->dr[2] = read_dr2();
	v->dr[3] = read_dr3();
}

static void fetch_tables(struct vcpu *v, const struct vmcb_save *b)
{
	v->gdtr = (struct desc_ptr){.limit = (u16)b->gdtr.limit, .base = b->gdtr.base};
	v->idtr = (struct desc_ptr){.limit = (u16)b->idtr.limit, .base = b->idtr.base};
}

/* The rest is always valid: CR0, CR3, CR4, XCR0, EFER, PAT and TSC_AUX change by exits alone. */
void svm_fetch(struct vcpu *v, u32 groups)
{
	struct svm *s = svm_of(v);
	const struct vmcb_save *b = &s->vmcb->save;

	if (groups & VCPU_CS_SS)
		fetch_cs_ss(v, b);
	if (groups & (VCPU_SEGS | VCPU_MSRS))
		svm_guest_out(s);
	if (groups & VCPU_SEGS)
		fetch_segments(v, b);
	if (groups & VCPU_MSRS)
		fetch_msrs(v, b);
	if (groups & VCPU_TABLES)
		fetch_tables(v, b);
	if (groups & VCPU_DRS)
		fetch_debug(v, s);
}

/* ---- from the vcpu to the CPU ---- */

/* Whoever changes the root changes VCPU_CRS. */
static void load_root(struct vcpu *v, struct svm *s)
{
	hpa_t root = s->unpaged ? hva_to_hpa(s->pdpt) : v->mem->root(v, ROLE_SINGLE);

	if (root == s->vmcb->save.cr3)
		return;
	s->vmcb->save.cr3 = root;
	v->vm->counters->root_switches++;
}

/*
 * CR0 without CR0_NOT_PASSED and with CR0_FORCED; CR4 with PAE and what the machine needs; EFER with NXE and
 * SVME, of the guest's only SCE, LME and LMA as its paging is; CR2. Where the guest believes in another value
 * of CR0 or CR4, reading it exits too. svm.unpaged follows the guest's paging, and is looked at before each
 * entry.
 */
void svm_write_control(struct vcpu *v)
{
	/* SOLUTION E3.4 { stub: return; */
	struct svm *s = svm_of(v);
	struct vmcb *b = s->vmcb;
	bool paged = v->cr0 & CR0_PG;

	b->save.cr0 = (v->cr0 & ~(u64)CR0_NOT_PASSED) | CR0_FORCED;
	b->save.cr4 = v->cr4 | CR4_PAE | svm_machine.cr4_host;
	b->save.efer = (v->efer & EFER_SCE) | EFER_NXE | EFER_SVME | (paged ? EFER_LME | EFER_LMA : 0);
	b->save.cr2 = v->cr2;
	b->control.intercept_cr = (u32)(INTERCEPT_CR | (b->save.cr0 != v->cr0 ? VMCB_INTERCEPT_READ(0) : 0) |
					(b->save.cr4 != v->cr4 ? VMCB_INTERCEPT_READ(4) : 0));
	s->unpaged = !paged;
	/* } SOLUTION E3.4 */
}

static void load_control(struct vcpu *v, struct svm *s)
{
	svm_write_control(v);
	svm_quirks_load(v, s);
	s->attention |= s->unpaged;
	load_root(v, s);
	svm_dirty(s, VMCB_CLEAN_CRX | VMCB_CLEAN_CR2 | VMCB_CLEAN_I);
	if (fpu_xcr0)
		asm volatile("xsetbv" : : "c"(0), "a"((u32)v->xcr0), "d"((u32)(v->xcr0 >> 32)));
}

/* The CPL is a field of its own: the DPL of SS, which the CPU does not look at. */
static void load_cs_ss(struct vcpu *v, struct svm *s)
{
	struct vmcb_save *b = &s->vmcb->save;

	pack(v, SEG_CS, &b->cs);
	pack(v, SEG_SS, &b->ss);
	b->cpl = (u8)seg_dpl(v->seg[SEG_SS].attr);
	svm_dirty(s, VMCB_CLEAN_SEG);
}

/* FS, GS, LDTR and TR go to the CPU by VMLOAD, with the MSRs. */
static void load_segments(struct vcpu *v, struct svm *s)
{
	struct vmcb_save *b = &s->vmcb->save;

	pack(v, SEG_ES, &b->es);
	pack(v, SEG_DS, &b->ds);
	pack(v, SEG_FS, &b->fs);
	pack(v, SEG_GS, &b->gs);
	pack(v, SEG_LDTR, &b->ldtr);
	pack(v, SEG_TR, &b->tr);
	svm_dirty(s, VMCB_CLEAN_SEG);
}

static void load_msrs(struct vcpu *v, struct svm *s)
{
	struct vmcb *b = s->vmcb;

	b->save.star = v->star;
	b->save.lstar = v->lstar;
	b->save.cstar = v->cstar;
	b->save.sfmask = v->fmask;
	b->save.kernel_gs_base = v->kernel_gs_base;
	b->save.sysenter_cs = v->sysenter_cs;
	b->save.sysenter_esp = v->sysenter_esp;
	b->save.sysenter_eip = v->sysenter_eip;
	b->control.tsc_offset = v->tsc_offset;
	svm_dirty(s, VMCB_CLEAN_I);
	if (svm_machine.tsc_aux)
		wrmsr(MSR_TSC_AUX, v->tsc_aux);
}

static void load_debug(struct vcpu *v, struct svm *s)
{
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	s->vmcb->save.dr6 = v->dr6;
	s->vmcb->save.dr7 = v->dr7;
	svm_dirty(s, VMCB_CLEAN_DRX);
}

static void load_tables(struct vcpu *v, struct svm *s)
{
	struct vmcb_save *b = &s->vmcb->save;

	b->gdtr = (struct vmcb_segment){.limit = v->gdtr.limit, .base = v->gdtr.base};
	b->idtr = (struct vmcb_segment){.limit = v->idtr.limit, .base = v->idtr.base};
	svm_dirty(s, VMCB_CLEAN_DT);
}

/* INTERRUPT_SHADOW as the vcpu has it. */
static void write_shadow(struct vcpu *v)
{
	/* SOLUTION E3.7 { stub: return; */
	svm_of(v)->vmcb->control.interrupt_shadow = v->interrupt_shadow ? VMCB_INTERRUPT_SHADOW : 0;
	/* } SOLUTION E3.7 */
}

void svm_load_changed(struct vcpu *v)
{
	struct svm *s = svm_of(v);

	if (v->changed & (VCPU_CRS | VCPU_CR2))
		load_control(v, s);
	if (v->changed & VCPU_CS_SS)
		load_cs_ss(v, s);
	if (v->changed & (VCPU_SEGS | VCPU_MSRS)) {
		svm_guest_out(s); /* VMLOAD loads all of it, also what was not changed here */
		if (v->changed & VCPU_SEGS)
			load_segments(v, s);
		if (v->changed & VCPU_MSRS)
			load_msrs(v, s);
		svm_guest_in(s);
	}
	if (v->changed & VCPU_DRS)
		load_debug(v, s);
	if (v->changed & VCPU_TABLES)
		load_tables(v, s);
	if (v->changed & VCPU_SHADOW && (v->interrupt_shadow || s->vmcb->control.interrupt_shadow))
		write_shadow(v);
	v->changed = 0;
}

/*
 * The table of the first 512 GiB in the memory engine's is of use to PAE paging too, as far as 4 GiB and
 * without the rights, which are reserved there.
 */
void svm_load_pdpt(struct vcpu *v)
{
	/* SOLUTION E3.4 { stub: return; */
	struct svm *s = svm_of(v);
	u64 top = *(const u64 *)hpa_to_hva(v->mem->root(v, ROLE_SINGLE));
	const u64 *table = top & PTE_P ? hpa_to_hva(top & PTE_ADDR) : NULL;

	for (unsigned i = 0; i < PDPT_PAE_ENTRIES; i++)
		s->pdpt[i] = table && table[i] & PTE_P ? table[i] & PDPTE_PASSED : 0;
	/* } SOLUTION E3.4 */
}
