// SPDX-License-Identifier: MIT
/*
 * SYSCALL, SYSRET, SYSENTER and SYSEXIT: to the kernel and back without a descriptor. A real SYSCALL arrives
 * at the monitor when the guest has turned it on (EFER.SCE), and is #UD otherwise; the others fault in
 * ring 3. Source: the operation sections of SDM vol. 2B; APM vol. 3 where AMD differs.
 */
#include "ring3.h"
#include "x86/asm.h"
#include "x86/decode.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define STAR_SYSCALL_SHIFT 32
#define STAR_SYSRET_SHIFT  48
#define SYSENTER_SS        8
#define SYSEXIT_CS32       16
#define SYSEXIT_SS32       24
#define SYSEXIT_CS64       32
#define SYSEXIT_SS64       40

static bool machine_is_amd(void)
{
	static int amd = -1;

	if (amd < 0)
		amd = cpuid(0, 0).ecx == 0x444d4163; /* "cAMD" */
	return amd;
}

bool syscall_exists(struct vcpu *v)
{
	return v->efer & EFER_SCE && (machine_is_amd() || vcpu_is_64bit(v));
}

bool sysenter_exists(void)
{
	return !machine_is_amd();
}

/*
 * Exercise E1.4. SYSCALL, by its operation section in SDM vol. 2B. RIP is behind the instruction already.
 * Compatibility mode enters at CSTAR (AMD alone has that), 64-bit mode at LSTAR. The selectors come from STAR
 * 47:32, the segments from segment_flat(); ring3_set_user() goes to virtual ring 0. With TF set, and left by
 * FMASK, the single step (event_debug(), DR6_BS) ends at the kernel's first instruction.
 */
void transfer_syscall(struct vcpu *v, bool from_64bit)
{
	/* SOLUTION E1.4 { stub: (void)from_64bit; */
	u16 selector = (u16)(v->star >> STAR_SYSCALL_SHIFT) & ~SEL_RPL;

	v->gpr[GPR_RCX] = v->rip;
	v->gpr[GPR_R11] = v->rflags & ~(u64)RFLAGS_RF;
	v->rip = from_64bit ? v->lstar : v->cstar;
	v->rflags = (v->rflags & ~(v->fmask | RFLAGS_RF)) | RFLAGS_RESERVED1;
	v->interrupt_shadow = false;
	v->seg[SEG_CS] = segment_flat(selector, true, true, 0);
	v->seg[SEG_SS] = segment_flat(selector + 8, false, false, 0);
	ring3_set_user(v, false);
	if (v->rflags & RFLAGS_TF)
		event_debug(v, DR6_BS);
	/* } SOLUTION E1.4 */
}

/*
 * Exercise E1.4. SYSRET, by its operation section in SDM vol. 2B: #UD with EFER.SCE clear. Operand size 8
 * returns to 64-bit mode, 4 to compatibility mode with 32 bits of RCX. On Intel a return to 64-bit mode with
 * an RCX that is not canonical is #GP(0) before anything changes, on AMD a fault at the destination. The
 * selectors come from STAR 63:48; RF of R11 is not loaded. DS to GS stay what they are: unlike IRET, SYSRET
 * does not look at them.
 */
void transfer_sysret(struct vcpu *v, const struct insn *i)
{
	/* SOLUTION E1.4 { stub: (void)i; (void)machine_is_amd; */
	u16 selector = (u16)(v->star >> STAR_SYSRET_SHIFT);
	bool to_64bit = i->op_size == 8;

	if (!(v->efer & EFER_SCE)) {
		event_exception(v, VEC_UD);
		return;
	}
	if (to_64bit && !machine_is_amd() && !gva_is_canonical(v->gpr[GPR_RCX])) {
		event_exception_error(v, VEC_GP,
				      0); /* Intel: before anything changes; AMD: at the destination */
		return;
	}
	v->rip = to_64bit ? v->gpr[GPR_RCX] : (u32)v->gpr[GPR_RCX];
	v->rflags = (v->gpr[GPR_R11] & (RING3_RFLAGS_LOADABLE & ~(u64)RFLAGS_RF)) | RFLAGS_RESERVED1;
	v->seg[SEG_CS] = segment_flat((u16)(selector + (to_64bit ? 16 : 0)) | 3, true, to_64bit, 3);
	v->seg[SEG_SS] = segment_flat((u16)(selector + 8) | 3, false, false, 3);
	v->interrupt_shadow = false;
	ring3_set_user(v, true);
	/* } SOLUTION E1.4 */
}

void transfer_sysenter(struct vcpu *v)
{
	u16 selector = (u16)v->sysenter_cs & ~SEL_RPL;

	if (!selector) {
		event_exception_error(v, VEC_GP, 0);
		return;
	}
	v->rip = v->sysenter_eip;
	v->gpr[GPR_RSP] = v->sysenter_esp;
	v->rflags &= ~(u64)(RFLAGS_IF | RFLAGS_VM | RFLAGS_RF);
	v->seg[SEG_CS] = segment_flat(selector, true, true, 0);
	v->seg[SEG_SS] = segment_flat(selector + SYSENTER_SS, false, false, 0);
	ring3_set_user(v, false);
}

void transfer_sysexit(struct vcpu *v, const struct insn *i)
{
	u16 selector = (u16)v->sysenter_cs & ~SEL_RPL;
	bool to_64bit = i->op_size == 8;

	if (!selector ||
	    (to_64bit && (!gva_is_canonical(v->gpr[GPR_RCX]) || !gva_is_canonical(v->gpr[GPR_RDX])))) {
		event_exception_error(v, VEC_GP, 0);
		return;
	}
	v->rip = to_64bit ? v->gpr[GPR_RDX] : (u32)v->gpr[GPR_RDX];
	v->gpr[GPR_RSP] = to_64bit ? v->gpr[GPR_RCX] : (u32)v->gpr[GPR_RCX];
	v->seg[SEG_CS] = segment_flat((u16)(selector + (to_64bit ? SYSEXIT_CS64 : SYSEXIT_CS32)) | 3, true,
				      to_64bit, 3);
	v->seg[SEG_SS] =
		segment_flat((u16)(selector + (to_64bit ? SYSEXIT_SS64 : SYSEXIT_SS32)) | 3, false, false, 3);
	ring3_set_user(v, true);
}
