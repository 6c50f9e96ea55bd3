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
	u64 rsp, rflags;
	u64 cr0, cr0_shadow, cr3, cr4, cr4_shadow, efer, tsc_offset;
	u64 primary_controls, entry_controls, interruptibility;
};

/* A copy of all fields, for the debugger: snapshot.c */
enum snapshot_moment {
	SNAPSHOT_NEVER,
	SNAPSHOT_FIRST_ENTRY,
	SNAPSHOT_ASKED,
	SNAPSHOT_ENTRY_FAILED,
	SNAPSHOT_ENDED
};
struct vmcs_value {
	u64 value;
	bool is_there; /* the processor has this field */
};
struct vmcs_snapshot {
	enum snapshot_moment moment;
	u64 exits;                 /* how many the vcpu had made */
	struct vmcs_value *fields; /* in the order of vmcs_fields */
	u64 instruction_error;     /* VM_INSTRUCTION_ERROR, before fields were read that are not there */
};

struct vmx {
	hpa_t vmcs;
	u8 special; /* SPECIAL_* */
	struct vmcs_copy in;
	u64 *pae_root; /* for a guest without paging: state.c */
	u64 xcr0;      /* what the CPU has; 0: not known */
	struct vmcs_snapshot snapshot;
};

/* What most entries need not think of: struct vmx, special. */
#define SPECIAL_UNPAGED     0x1  /* the guest has CR0.PG = 0 */
#define SPECIAL_WINDOW      0x2  /* event_deliver() wants to hear when an event can be taken */
#define SPECIAL_WINDOW_OPEN 0x4  /* the VMCS has a window control set */
#define SPECIAL_LAUNCH      0x8  /* the VMCS has the launch state "clear" */
#define SPECIAL_SNAPSHOT    0x10 /* a debugger wants a copy of the VMCS */

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

/* GUEST_INTERRUPTIBILITY_STATE: SDM vol. 3C, table 24-3 */
#define BLOCKING_BY_STI    0x1
#define BLOCKING_BY_MOV_SS 0x2
#define BLOCKING_BY_NMI    0x8
#define BLOCKING_SHADOW    (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)

/* It was read, as after each exit: mostly it is what it was at the entry. */
static inline void vmx_shadow_read(struct vcpu *v, struct vmx *x, u64 interruptibility)
{
	if (x->in.interruptibility == interruptibility)
		return;
	x->in.interruptibility = interruptibility;
	v->interrupt_shadow = interruptibility & BLOCKING_SHADOW;
	v->nmi_blocked = interruptibility & BLOCKING_BY_NMI;
}

/* ---- entry.S ---- */

/* Enter the guest of the current VMCS with the general registers of v->gpr, for the first time and later.
 * When it exits they are there again, and vmx_exited(v, exit) is called; or vmx_refused(v, exit, result) when
 * there was no entry. */
void vmx_launch(struct vcpu *v, struct vmexit *exit);
void vmx_resume(struct vcpu *v, struct vmexit *exit);
extern const u8 vmx_exit[]; /* HOST_RIP */
/* After an exit by NMI NMIs are blocked; IRET ends that. */
void vmx_unblock_nmi(void);

/* ---- vmx.c: the VMCS that is current ---- */

void vmx_make_current(struct vcpu *v);

/* ---- host.c ---- */

/* Writes the host-state area, and the bitmaps and controls that stay as they are. */
void vmx_write_host(struct vcpu *v);
struct host_registers {
	u64 cr0, cr3, cr4, efer;
	u64 gdtr_base, idtr_base, tr_base;
};
void vmx_write_host_state(struct vcpu *v, const struct host_registers *h);
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
/* The fields of CR0, CR3, CR4 and EFER, of what the vcpu says, and the entry control that goes with them. */
void vmx_write_control(struct vcpu *v);
/* Before an entry, when something was changed or `special` is not 0 or RFLAGS.TF is set: what was changed
 * goes to where the guest finds it. False: it cannot be entered, and was ended. */
bool vmx_prepare(struct vcpu *v) MUST_USE;

/* ---- snapshot.c ---- */

/* 0, or -1 when out of memory. */
int vmx_snapshot_init(struct vmx *x) MUST_USE;
/* Copies the current VMCS, which is that of v. */
void vmx_snapshot(struct vcpu *v, enum snapshot_moment moment);

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

/* By entry.S: fetches what is always fetched and explains the exit; what this engine alone meets is answered
 * there. Or the entry was refused. */
void vmx_exited(struct vcpu *v, struct vmexit *exit);
void vmx_refused(struct vcpu *v, struct vmexit *exit, enum vmx_result result);
/* The name of EXIT_REASON's basic reason. */
const char *vmx_reason_name(u32 reason);

#endif
