/* SPDX-License-Identifier: MIT */
/*
 * The vmx engine: what it keeps for a vcpu, and the interfaces between its files.
 *
 * Where the guest's state is while it runs, and between its exits:
 *
 *   struct vcpu      general registers, RIP, RFLAGS; CR3, CR4, CR8, EFER, XCR0, PAT, TSC_AUX and CR0 but TS:
 *                    whatever the guest cannot change without an exit
 *   the VMCS         segments, GDTR, IDTR, CR0.TS, DR7, SYSENTER_*, interruptibility
 *   the CPU itself   CR2, DR0 to DR3, DR6, STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, FPU state: VMX neither
 *                    loads nor saves them, and this hypervisor has no use for them of its own
 *
 * The second and third go to struct vcpu when somebody asks (vcpu_need), and back when somebody has changed
 * them (vcpu_changed). The third are also moved when another vcpu gets the CPU.
 */
#ifndef VTX_VMX_H
#define VTX_VMX_H

#include "vmcs.h"
#include "vmm/vm.h"

/* ---- what is kept for a vcpu ---- */

/* What fields of the VMCS hold, so that one that has it already need not be written. Those of the first group
 * are read at each exit. */
struct vmcs_copy {
	u64 rip, rsp, rflags;
	u64 cr0, cr0_shadow, cr3, cr4, cr4_shadow, efer, tsc_offset;
	u64 primary_controls, entry_controls, interruptibility;
};

struct vmx {
	hpa_t vmcs;
	bool launched;
	bool window; /* event_deliver() wants to hear when an event can be taken */
	struct vmcs_copy in;
	u64 *pae_root; /* for a guest without paging: state.c */
	u64 xcr0;      /* what the CPU has; 0: not known */
	u32 reason;    /* EXIT_REASON of the last exit */
};

/* Writes a field unless it has the value already. */
static inline void vmcs_update(u64 *copy, enum vmcs_field field, u64 value)
{
	if (*copy == value)
		return;
	*copy = value;
	vmcs_write(field, value);
}

static inline struct vmx *vmx_of(const struct vcpu *v)
{
	return v->cpu_private;
}

/* ---- entry.S ---- */

/* Enters the guest of the current VMCS with these registers (of a struct vcpu: HOST_RSP points behind them),
 * and comes back when it exits; what it had in the registers is then there. Or the entry failed. */
enum vmx_result vmx_enter(u64 gpr[GPR_COUNT], bool launched) MUST_USE;
extern const u8 vmx_exit[]; /* HOST_RIP */
/* After an exit by NMI NMIs are blocked; IRET ends that. */
void vmx_unblock_nmi(void);

/* ---- vmx.c: the VMCS that is current ---- */

void vmx_make_current(struct vcpu *v);

/* ---- host.c ---- */

/* Writes the host-state area, and the bitmaps and controls that stay as they are. */
void vmx_write_host(struct vcpu *v);
void vmx_write_controls(struct vcpu *v);
/* NULL, or a sentence. */
const char *vmx_bitmaps_init(void);

/* CR0 bits that the guest changes without an exit. */
#define VMX_CR0_GUEST CR0_TS

/* ---- state.c ---- */

/* Once for each VMCS: the guest fields that nothing later writes, and all that struct vmcs_copy holds. 0, or
 * -1 when out of memory. */
int vmx_state_init(struct vcpu *v) MUST_USE;
/* What the engine offers as fetch, load and unload. */
void vmx_fetch(struct vcpu *v, u32 groups);
void vmx_load(struct vcpu *v);
void vmx_unload(struct vcpu *v);
/* Before an entry: what was changed goes to where the guest finds it. After an exit: what is always read. */
void vmx_state_enter(struct vcpu *v);
void vmx_state_exit(struct vcpu *v);

/* ---- inject.c ---- */

/* Interruption information, the format of three fields of the VMCS. The decoder leaves error, insn_len and
 * payload to its caller. */
u32 vmx_event_encode(const struct event *e);
struct event vmx_event_decode(u32 info);

enum inject_result vmx_inject(struct vcpu *v, const struct event *e, struct event *nested);
void vmx_request_window(struct vcpu *v);
/* The exit came while an event was being delivered: hands that back to event.c. */
void vmx_vectoring(struct vcpu *v);

/* ---- exit.c ---- */

/* Explains the exit that has just come; what this engine alone meets is answered here. */
void vmx_exit_decode(struct vcpu *v, struct vmexit *exit);
/* The name of EXIT_REASON's basic reason. */
const char *vmx_reason_name(u32 reason);
/* The entry failed. */
void vmx_entry_failed(struct vcpu *v, struct vmexit *exit, enum vmx_result result);

#endif
