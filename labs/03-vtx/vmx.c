// SPDX-License-Identifier: MIT
/*
 * The `vmx` engine: Intel VT-x, without nested paging. The guest runs in VMX non-root operation, in its own
 * rings, on the faithful root that the memory engine gives; the processor stops it where the controls of its
 * VMCS say.
 *
 * Source: SDM vol. 3C, 23.7 "Enabling and Entering VMX Operation", 24.1 "Overview" (of the VMCS's states),
 * 24.2 "Format of the VMCS Region", 24.11 "Software Use of the VMCS and Related Structures".
 *
 * Left out: real mode (needs EPT and "unrestricted guest"), VPID, task switches, SMM.
 */
#include "vmx.h"
#include "controls.h"
#include "lab.h"
#include "lib/panic.h"
#include "machine/machine.h"
#include "x86/paging.h"

/* A VMCS region or the VMXON region: 4 KiB at most, and begins with the revision. */
static u32 *region_alloc(void)
{
	u32 *region = pages_alloc(1, PAGE_SIZE);

	if (region)
		*region = vmx_features.revision;
	return region;
}

/* Into VMX operation: CR0 and CR4 first, then VMXON with a region of its own that begins with the revision.
 * NULL, or a sentence. */
static const char *enter_vmx_operation(void)
{
	/* SOLUTION E3.2 { stub: return sentence; */
	u32 *region = region_alloc();

	if (!region)
		return "there is no memory for the VMXON region";
	features_fix_control_registers();
	if (vmxon(hva_to_hpa(region)) != VMX_SUCCEED)
		return "VMXON failed: the CPU is in VMX operation already, or refuses the region";
	return NULL;
	/* } SOLUTION E3.2 */
}

static const char *vmx_machine_init(void)
{
	const char *why = features_discover();

	if (!why)
		why = vmx_bitmaps_init();
	return why ? why : enter_vmx_operation();
}

/* Whose VMCS is the current one. */
static struct vcpu *current;

/* VMPTRLD, unless the vcpu's VMCS is the current one already. A failure is a mistake of ours: panic, with
 * the name of the result. */
void vmx_make_current(struct vcpu *v)
{
	/* SOLUTION E3.2 { stub: (void)current; return; */
	enum vmx_result result;

	if (v == current)
		return;
	result = vmptrld(vmx_of(v)->vmcs);
	if (result != VMX_SUCCEED)
		panic("VMPTRLD of 0x%lx: %s", vmx_of(v)->vmcs, vmx_result_name(result));
	current = v;
	/* } SOLUTION E3.2 */
}

/*
 * A region for the VMCS, cleared, and made the current one. 0, or -1 when out of memory.
 *
 * VMCLEAR gives a region that nobody has used yet its launch state, "clear". It is executed once: there is
 * one processor, so a VMCS never has to be brought from one processor's cache to another's, and VMPTRLD of
 * another leaves what was written into it, and that it is launched.
 */
static int make_vmcs(struct vcpu *v)
{
	/* SOLUTION E3.2 { stub: (void)region_alloc; return 0; */
	u32 *region = region_alloc();
	enum vmx_result result;

	if (!region)
		return -1;
	vmx_of(v)->vmcs = hva_to_hpa(region);
	result = vmclear(vmx_of(v)->vmcs);
	if (result != VMX_SUCCEED)
		panic("VMCLEAR of 0x%lx: %s", vmx_of(v)->vmcs, vmx_result_name(result));
	vmx_make_current(v);
	return 0;
	/* } SOLUTION E3.2 */
}

static int vmx_vcpu_init(struct vcpu *v)
{
	struct vmx *x = machine_alloc(sizeof(*x));

	v->cpu_private = x;
	if (!x || vmx_snapshot_init(x) || make_vmcs(v))
		return -1;
	vmx_write_host(v);
	vmx_write_controls(v);
	return vmx_state_init(v);
}

static inline void load_always(struct vcpu *v)
{
	struct vmx *x = vmx_of(v);

	vmcs_write(VMCS_GUEST_RIP, v->rip); /* nearly every exit moves it on */
	vmcs_update(&x->in.rsp, VMCS_GUEST_RSP, v->gpr[GPR_RSP]);
	vmcs_update(&x->in.rflags, VMCS_GUEST_RFLAGS, v->rflags);
}

static COLD void prepare_and_enter(struct vcpu *v, struct vmexit *exit)
{
	struct vmx *x = vmx_of(v);

	exit->reason = VMEXIT_NONE;
	if (!vmx_prepare(v))
		return;
	load_always(v);
	if (x->special & (SPECIAL_LAUNCH | SPECIAL_SNAPSHOT))
		vmx_snapshot(v, x->special & SPECIAL_LAUNCH ? SNAPSHOT_FIRST_ENTRY : SNAPSHOT_ASKED);
	if (x->special & SPECIAL_LAUNCH) {
		x->special &= (u8)~SPECIAL_LAUNCH;
		vmx_launch(v, exit);
	} else {
		vmx_resume(v, exit);
	}
}

/* The last thing of each path is a call, so that the compiler makes jumps of them and the usual one needs no
 * stack. */
static void vmx_run(struct vcpu *v, struct vmexit *exit)
{
	if (v->changed | vmx_of(v)->special | (v->rflags & RFLAGS_TF)) {
		prepare_and_enter(v, exit);
		return;
	}
	load_always(v);
	vmx_resume(v, exit);
}

const struct cpu_engine vmx_engine = {
	.name = "vmx",
	.summary = "Intel VT-x: the guest in VMX non-root operation",
	.root_kind = ROOT_FAITHFUL,
	.starts_unpaged = true,
	.start_features = START_FEATURE_HYPERCALL | START_FEATURE_CPUID,
	.offsets_tsc = true,
	.machine_init = vmx_machine_init,
	.vcpu_init = vmx_vcpu_init,
	.load = vmx_load,
	.unload = vmx_unload,
	.fetch = vmx_fetch,
	.inject = vmx_inject,
	.request_window = vmx_request_window,
	.run = vmx_run,
};
