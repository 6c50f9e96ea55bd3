// SPDX-License-Identifier: MIT
/* The guest's state into the VMCB: APM vol. 2, 15.5.1 "Basic Operation" (with "Segment State in the VMCB"),
 * 15.8.1 "MOV CRx/DRx Intercepts", 5.2.3 "PAE Paging". */
#include "fake_svm.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"
#include "x86/paging.h"

#define ROOT 0x00456000

static struct vcpu *v;
static struct vmcb *b;

/* In long mode as a kernel is. */
static void guest(void)
{
	v = fake_vcpu(0);
	b = svm_of(v)->vmcb;
	fake_root = ROOT;
	v->cr0 = CR0_PE | CR0_PG;
	v->cr4 = CR4_PAE;
	v->efer = EFER_LME | EFER_LMA;
}

/* ---- segments ---- */

/* The attributes are bits 55:52 and 47:40 of the descriptor, side by side. */
static void segments(void)
{
	guest();
	v->seg[SEG_CS] = (struct segment){.selector = 8, .attr = 0xa09b, .limit = 0xffffffff};
	v->seg[SEG_DS] = (struct segment){.selector = 16, .attr = 0xc093, .limit = 0x1fff, .base = 0x7000};
	v->seg[SEG_TR] =
		(struct segment){.selector = 40, .attr = 0x008b, .limit = 103, .base = 0xffff800000007000};
	v->changed = VCPU_SEGS | VCPU_CS_SS;
	svm_load_changed(v);
	CU_ASSERT_EQUAL(v->changed, 0);
	CU_ASSERT(b->save.cs.selector == 8 && b->save.cs.attr == 0xa9b && b->save.cs.limit == 0xffffffff);
	CU_ASSERT(b->save.ds.selector == 16 && b->save.ds.attr == 0xc93 && b->save.ds.base == 0x7000);
	CU_ASSERT(b->save.tr.attr == 0x08b && b->save.tr.limit == 103);
	CU_ASSERT_EQUAL(b->save.tr.base, 0xffff800000007000);
}

/* There is no bit for it: a segment that is not present is not usable. */
static void unusable(void)
{
	guest();
	v->seg[SEG_ES] = (struct segment){.attr = SEG_ATTR_UNUSABLE | 0xc093};
	v->seg[SEG_FS] = (struct segment){.attr = 0xc093};
	v->changed = VCPU_SEGS;
	svm_load_changed(v);
	CU_ASSERT_FALSE(b->save.es.attr & VMCB_SEG_P);
	CU_ASSERT(b->save.fs.attr & VMCB_SEG_P);
}

/* VMRUN takes it from a field of its own. */
static void cpl(void)
{
	for (unsigned level = 0; level < 4; level++) {
		guest();
		v->seg[SEG_SS].attr = 0xc093 | level << SEG_ATTR_DPL_SHIFT;
		v->changed = VCPU_CS_SS;
		svm_load_changed(v);
		CU_ASSERT_EQUAL(b->save.cpl, level);
	}
}

/* ---- control registers ---- */

/* Paging is on, with write protection, and an entry needs EFER.SVME. */
static void forced(void)
{
	guest();
	svm_write_control(v);
	CU_ASSERT_EQUAL(b->save.cr0, CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_ET);
	CU_ASSERT_EQUAL(b->save.cr4, CR4_PAE);
	CU_ASSERT_EQUAL(b->save.efer, EFER_SVME | EFER_NXE | EFER_LME | EFER_LMA);
	svm_machine.cr4_host = CR4_MCE;
	v->cr4 |= CR4_PGE;
	v->efer |= EFER_SCE;
	v->cr2 = 0x1234;
	svm_write_control(v);
	CU_ASSERT_EQUAL(b->save.cr4, CR4_PAE | CR4_PGE | CR4_MCE);
	CU_ASSERT_EQUAL(b->save.efer, EFER_SVME | EFER_NXE | EFER_LME | EFER_LMA | EFER_SCE);
	CU_ASSERT_EQUAL(b->save.cr2, 0x1234);
}

/* Caching is not the guest's to turn off; TS is its own. */
static void bits_of_cr0(void)
{
	guest();
	v->cr0 |= CR0_CD | CR0_NW | CR0_TS;
	svm_write_control(v);
	CU_ASSERT_EQUAL(b->save.cr0 & (CR0_CD | CR0_NW | CR0_TS), CR0_TS);
}

static bool reads_exit(unsigned n)
{
	svm_write_control(v);
	return b->control.intercept_cr & VMCB_INTERCEPT_READ(n);
}

/* There is no read shadow: where the two truths differ, a read exits, and otherwise it need not. */
static void reads(void)
{
	guest();
	CU_ASSERT(reads_exit(0));
	CU_ASSERT_FALSE(reads_exit(4));
	CU_ASSERT(reads_exit(3));
	CU_ASSERT(b->control.intercept_cr & VMCB_INTERCEPT_WRITE(0));
	CU_ASSERT(b->control.intercept_cr & VMCB_INTERCEPT_WRITE(3));
	CU_ASSERT(b->control.intercept_cr & VMCB_INTERCEPT_WRITE(4));
	v->cr0 |= CR0_WP | CR0_NE | CR0_ET;
	CU_ASSERT_FALSE(reads_exit(0));
	svm_machine.cr4_host = CR4_MCE;
	CU_ASSERT(reads_exit(4));
	v->cr4 |= CR4_MCE;
	CU_ASSERT_FALSE(reads_exit(4));
}

/* "EFER.LME and CR0.PG are both set and CR4.PAE is zero" is refused; the mode follows the guest's paging. */
static void modes(void)
{
	guest();
	v->efer = EFER_LME; /* not active: paging is off */
	v->cr0 = CR0_PE;
	v->cr4 = 0;
	svm_write_control(v);
	CU_ASSERT_EQUAL(b->save.efer, EFER_SVME | EFER_NXE);
	CU_ASSERT(b->save.cr0 & CR0_PG && b->save.cr4 & CR4_PAE);
	CU_ASSERT(b->control.intercept_cr & VMCB_INTERCEPT_READ(4));
	CU_ASSERT(svm_of(v)->unpaged);
	v->efer = EFER_LME | EFER_LMA;
	v->cr0 |= CR0_PG;
	v->cr4 = CR4_PAE;
	svm_write_control(v);
	CU_ASSERT_EQUAL(b->save.efer, EFER_SVME | EFER_NXE | EFER_LME | EFER_LMA);
	CU_ASSERT_FALSE(svm_of(v)->unpaged);
}

/* APM vol. 2, 5.2.3: four entries with P and an address; bits 1, 2 and 5 to 8 must be 0. */
static void unpaged(void)
{
	static _Alignas(PAGE_SIZE) u64 pml4[PT_ENTRIES], pdpt[PT_ENTRIES];
	u64 *made;

	guest();
	made = svm_of(v)->pdpt;
	fake_root = hva_to_hpa(pml4);
	for (unsigned i = 0; i < 4; i++)
		made[i] = ~0ULL;
	svm_load_pdpt(v);
	CU_ASSERT(!made[0] && !made[1] && !made[2] && !made[3]);
	pml4[0] = hva_to_hpa(pdpt) | PTE_P | PTE_W | PTE_U | PTE_A;
	pdpt[0] = 0x1000 | PTE_P | PTE_W | PTE_U | PTE_A;
	pdpt[2] = 0x2000; /* not present */
	pdpt[3] = 0x3000 | PTE_P | PTE_W;
	svm_load_pdpt(v);
	CU_ASSERT(made[0] == (0x1000 | PTE_P) && made[1] == 0);
	CU_ASSERT(made[2] == 0 && made[3] == (0x3000 | PTE_P));
}

/* ---- the interrupt shadow ---- */

static bool shadow(bool in_vmcb, bool wanted)
{
	b->control.interrupt_shadow = in_vmcb ? VMCB_INTERRUPT_SHADOW : 0;
	v->interrupt_shadow = wanted;
	v->changed = VCPU_SHADOW;
	svm_load_changed(v);
	return b->control.interrupt_shadow & VMCB_INTERRUPT_SHADOW;
}

/* One that common code has ended is over, and one that it has begun begins. */
static void interrupt_shadow(void)
{
	guest();
	CU_ASSERT_FALSE(shadow(false, false));
	CU_ASSERT(shadow(false, true));
	CU_ASSERT(shadow(true, true));
	CU_ASSERT_FALSE(shadow(true, false));
}

UNIT_MAIN("state", {"segments", segments}, {"unusable segments", unusable}, {"the CPL", cpl},
	  {"forced bits", forced}, {"bits of CR0", bits_of_cr0}, {"reads that exit", reads},
	  {"long mode", modes}, {"without paging", unpaged}, {"interrupt shadow", interrupt_shadow})
