// SPDX-License-Identifier: MIT
/*
 * The part of a VMCS that is written once: the host state that each exit loads, the controls, the bitmaps.
 *
 * Source: SDM vol. 3C, 24.5 "Host-State Area", 24.6 "VM-Execution Control Fields", 27.5 "Loading Host State".
 * An exit sets the limits of GDTR and IDTR to 0xffff; the monitor's GDT has this size (machine.h), and the
 * IDT has an entry for each vector that there is.
 */
#include "controls.h"
#include "lib/string.h"
#include "machine/machine.h"
#include "vmm/sched.h"
#include "vmx.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* ---- bitmaps: a set bit exits ---- */

#define BITMAP_ALL_ONES   0xff
/* The quarters of the MSR bitmap: 24.6.9 "MSR-Bitmap Address" */
#define MSR_BITMAP_WRITES 0x800
#define MSR_BITMAP_HIGH   0x400 /* of the MSRs from 0xc0000000 on */
#define MSR_LOW_COUNT     0x2000

/* One set serves all vcpus. */
static u8 *io_bitmaps; /* A: ports 0 to 0x7fff, B: the others */
static u8 *msr_bitmap;

/*
 * What the guest may read and write directly: the CPU or the VMCS holds the guest's value all the time, and
 * the CPU makes the same checks as for anybody.
 */
static const u32 direct_msrs[] = {
	MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,   MSR_STAR,    MSR_LSTAR,
	MSR_CSTAR,       MSR_FMASK,        MSR_KERNEL_GS_BASE, MSR_FS_BASE, MSR_GS_BASE,
};

static void msr_bitmap_open(u32 msr)
{
	u8 *reads = msr_bitmap + (msr < MSR_LOW_COUNT ? 0 : MSR_BITMAP_HIGH);
	u32 bit = msr % MSR_LOW_COUNT;

	reads[bit / 8] &= (u8) ~(1U << bit % 8);
	reads[MSR_BITMAP_WRITES + bit / 8] &= (u8) ~(1U << bit % 8);
}

const char *vmx_bitmaps_init(void)
{
	io_bitmaps = pages_alloc(2, PAGE_SIZE);
	msr_bitmap = pages_alloc(1, PAGE_SIZE);
	if (!io_bitmaps || !msr_bitmap)
		return "there is no memory for the I/O and MSR bitmaps";
	memset(io_bitmaps, BITMAP_ALL_ONES, 2 * PAGE_SIZE);
	memset(msr_bitmap, BITMAP_ALL_ONES, PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(direct_msrs); i++)
		msr_bitmap_open(direct_msrs[i]);
	return NULL;
}

/* ---- controls ---- */

/*
 * Exceptions that exit: #PF for the memory engine. #DB and #AC because their delivery can raise them again,
 * without end, and the CPU looks for interrupts only in between (a watchpoint on the handler's stack; a
 * misaligned one in ring 3). #MC because the machine is the monitor's.
 */
#define EXCEPTIONS (BIT(VEC_PF) | BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC))

/* The bits of CR0 and CR4 that the guest may not change, and sees in the shadow. */
#define CR0_OWNED  (~(u64)VMX_CR0_GUEST)
#define CR4_OWNED  (~0ULL)

/* What the preemption timer begins to count down from at each entry: nobody runs longer without an exit. */
static u64 longest_turn(void)
{
	return clock_hz() / 1000 * SCHED_SLICE_MS >> vmx_features.timer_shift;
}

void vmx_write_controls(struct vcpu *v)
{
	(void)v;
	vmcs_write(VMCS_PIN_BASED_CONTROLS, vmx_features.controls[CONTROLS_PIN]);
	if (vmx_features.controls[CONTROLS_PRIMARY] & PRIMARY_ACTIVATE_SECONDARY)
		vmcs_write(VMCS_SECONDARY_CONTROLS, vmx_features.controls[CONTROLS_SECONDARY]);
	vmcs_write(VMCS_EXIT_CONTROLS, vmx_features.controls[CONTROLS_EXIT]);

	if (vmx_features.controls[CONTROLS_PIN] & PIN_PREEMPTION_TIMER)
		vmcs_write(VMCS_VMX_PREEMPTION_TIMER_VALUE, longest_turn());

	vmcs_write(VMCS_EXCEPTION_BITMAP, EXCEPTIONS);
	vmcs_write(VMCS_PAGE_FAULT_ERROR_MASK, 0); /* with the bit in EXCEPTIONS: every #PF */
	vmcs_write(VMCS_PAGE_FAULT_ERROR_MATCH, 0);
	vmcs_write(VMCS_IO_BITMAP_A, hva_to_hpa(io_bitmaps));
	vmcs_write(VMCS_IO_BITMAP_B, hva_to_hpa(io_bitmaps) + PAGE_SIZE);
	vmcs_write(VMCS_MSR_BITMAP, hva_to_hpa(msr_bitmap));
	vmcs_write(VMCS_CR0_GUEST_HOST_MASK, CR0_OWNED);
	vmcs_write(VMCS_CR4_GUEST_HOST_MASK, CR4_OWNED);

	/* No CR3 may be loaded without an exit, and no MSR is moved by way of a list. */
	vmcs_write(VMCS_CR3_TARGET_COUNT, 0);
	vmcs_write(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, 0);
}

/* ---- host state ---- */

static u64 idt_base(void)
{
	struct desc_ptr idtr;

	asm volatile("sidt %0" : "=m"(idtr));
	return idtr.base;
}

/* The registers of the monitor that an exit has to bring back: all that is in the host-state area but RSP and
 * RIP. */
static struct host_registers read_host_registers(void)
{
	return (struct host_registers){
		.cr0 = read_cr0(),
		.cr3 = machine_root(),
		.cr4 = read_cr4(),
		.efer = rdmsr(MSR_EFER),
		.gdtr_base = (u64)machine_gdt,
		.idtr_base = idt_base(),
		.tr_base = (u64)&machine_tss,
	};
}

/*
 * Code in HV_SEL_CODE, SS, DS and ES in HV_SEL_DATA, FS and GS null with base 0, TR in HV_SEL_TSS; the
 * monitor uses no SYSENTER, so those are 0. RIP is vmx_exit; RSP is the end of v->gpr, and entry.S says why.
 */
void vmx_write_host_state(struct vcpu *v, const struct host_registers *h)
{
	/* SOLUTION E3.3 { stub: (void)h; return; */
	vmcs_write(VMCS_HOST_CS_SELECTOR, HV_SEL_CODE);
	vmcs_write(VMCS_HOST_SS_SELECTOR, HV_SEL_DATA);
	vmcs_write(VMCS_HOST_DS_SELECTOR, HV_SEL_DATA);
	vmcs_write(VMCS_HOST_ES_SELECTOR, HV_SEL_DATA);
	vmcs_write(VMCS_HOST_FS_SELECTOR, 0);
	vmcs_write(VMCS_HOST_GS_SELECTOR, 0);
	vmcs_write(VMCS_HOST_TR_SELECTOR, HV_SEL_TSS);
	vmcs_write(VMCS_HOST_FS_BASE, 0);
	vmcs_write(VMCS_HOST_GS_BASE, 0);
	vmcs_write(VMCS_HOST_TR_BASE, h->tr_base);
	vmcs_write(VMCS_HOST_GDTR_BASE, h->gdtr_base);
	vmcs_write(VMCS_HOST_IDTR_BASE, h->idtr_base);
	vmcs_write(VMCS_HOST_CR0, h->cr0);
	vmcs_write(VMCS_HOST_CR3, h->cr3);
	vmcs_write(VMCS_HOST_CR4, h->cr4);
	vmcs_write(VMCS_HOST_EFER, h->efer);
	vmcs_write(VMCS_HOST_SYSENTER_CS, 0);
	vmcs_write(VMCS_HOST_SYSENTER_ESP, 0);
	vmcs_write(VMCS_HOST_SYSENTER_EIP, 0);
	vmcs_write(VMCS_HOST_RSP, (u64)&v->gpr[GPR_COUNT]);
	vmcs_write(VMCS_HOST_RIP, (u64)vmx_exit);
	/* } SOLUTION E3.3 */
}

void vmx_write_host(struct vcpu *v)
{
	struct host_registers h = read_host_registers();

	vmx_write_host_state(v, &h);
}
