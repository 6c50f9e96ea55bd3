// SPDX-License-Identifier: MIT
/*
 * The `trap` engine: trap-and-emulate as Goldberg and Popek describe it (Communications of the ACM 17(7),
 * 1974). All of the guest runs in ring 3, unchanged; an instruction that faults there is emulated, and one
 * that does not runs as it is.
 *
 * The x86 has instructions that are sensitive (they read or change what the monitor virtualizes) and do not
 * fault in ring 3. With those this engine is wrong, and it cannot be right: the list is in rubric.yaml, with
 * the reason for each, and is the reason for binary translation.
 */
#include "labs/01-binary-translation/lab.h"
#include "lib/panic.h"
#include "ring3.h"
#include "vmm/trace.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/paging.h"

/* #DB: the end of a step that the monitor asked for, or the guest's own. */
static void debug_exception(struct vcpu *v, struct vmexit *exit)
{
	u64 dr6 = ring3_take_dr6();

	if (ring3_of(v)->stepping) {
		v->interrupt_shadow = false;
		dr6 &= ~(u64)DR6_BS;
		if (!dr6) {
			exit->reason = VMEXIT_WINDOW;
			return;
		}
	}
	ring3_reflect(v, exit);
	exit->exception.dr6 = dr6;
}

static void exception(struct vcpu *v, struct vmexit *exit)
{
	switch (v->frame_vector) {
	case VEC_PF:
		exit->reason = VMEXIT_PAGE_FAULT;
		exit->fault.gva = read_cr2();
		exit->fault.error = (u32)v->frame_error;
		break;
	case VEC_GP:
	case VEC_NP:
	case VEC_SS:
		sensitive_emulate(v, exit);
		break;
	case VEC_DB:
		debug_exception(v, exit);
		break;
	case VEC_NMI: /* the machine's own; nobody here uses it */
		exit->reason = VMEXIT_INTERRUPT;
		break;
	case VEC_DF:
	case VEC_MC:
		panic("%s while a guest ran", exception_name((unsigned)v->frame_vector));
	default:
		ring3_reflect(v, exit);
	}
}

/* What made the guest stop, for the trace. */
static const char *trap_name(const struct vcpu *v)
{
	if (v->frame_vector < VEC_EXCEPTIONS)
		return exception_name((unsigned)v->frame_vector);
	return v->frame_vector >= TRAP_VEC_SYSCALL ? "SYSCALL" : "interrupt";
}

static inline bool prepare(struct vcpu *v, struct vmexit *exit)
{
	exit->reason = VMEXIT_NONE;
	if (!gva_is_canonical(v->rip)) { /* IRET to it would fault in the monitor */
		event_exception_error(v, VEC_GP, 0);
		return false;
	}
	if (ring3_late_debug(v))
		return false;
	/* A single step to the end of the next instruction opens a window that no trapping instruction would:
	 * after the shadow of STI. */
	ring3_of(v)->step = ring3_of(v)->window && v->rflags & RFLAGS_IF;
	ring3_of(v)->window = false;
	return true;
}

static inline void left_guest(struct vcpu *v, struct vmexit *exit)
{
	if (trace_is_on())
		trace_left(v, trap_name(v));
	if (v->frame_vector < VEC_EXCEPTIONS) {
		exception(v, exit);
		return;
	}
	if (v->frame_vector >= TRAP_VEC_SYSCALL) {
		transfer_syscall(v, v->frame_vector == TRAP_VEC_SYSCALL);
		exit->reason = VMEXIT_NONE;
		return;
	}
	machine_interrupt((unsigned)v->frame_vector);
	exit->reason = VMEXIT_INTERRUPT;
}

static void trap_run(struct vcpu *v, struct vmexit *exit)
{
	if (!prepare(v, exit))
		return;
	ring3_run(v);
	left_guest(v, exit);
}

bool trap_prepare(struct vcpu *v, struct vmexit *exit)
{
	return prepare(v, exit);
}

void trap_left_guest(struct vcpu *v, struct vmexit *exit)
{
	left_guest(v, exit);
}

static int trap_vcpu_init(struct vcpu *v)
{
	struct ring3 *r = machine_alloc(sizeof(*r));

	return r ? ring3_vcpu_init(v, r) : -1;
}

const struct cpu_engine trap_engine = {
	.name = "trap",
	.summary = "trap-and-emulate: the guest's kernel in ring 3",
	.root_kind = ROOT_PAIR,
	.cr4_hidden = RING3_CR4_HIDDEN,
	.machine_init = ring3_machine_init,
	.vcpu_init = trap_vcpu_init,
	.load = ring3_load,
	.unload = ring3_unload,
	.fetch = ring3_fetch,
	.inject = ring3_inject,
	.request_window = ring3_request_window,
	.read_linear = ring3_read_linear,
	.write_linear = ring3_write_linear,
	.run = trap_run,
};
