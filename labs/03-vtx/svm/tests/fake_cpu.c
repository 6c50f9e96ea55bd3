// SPDX-License-Identifier: MIT
/*
 * #GP arrives as SIGSEGV, #UD as SIGILL: of CLGI and its kin it depends on the host which of the two. What is
 * no instruction of the engine's is a crash of the test, and stays one.
 */
#include "fake_cpu.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include <CUnit/CUnit.h>

#include "machine/machine.h"
#include "x86/decode.h"
#include "x86/desc.h"
#include "x86/regs.h"

#define MSRS          8

/* ModRM of 0F 01 */
#define MODRM_VMLOAD  0xda
#define MODRM_VMSAVE  0xdb
#define MODRM_STGI    0xdc
#define MODRM_CLGI    0xdd
#define MODRM_INVLPGA 0xdf

struct fake_call fake_calls[FAKE_CALLS];
unsigned fake_call_count;
u64 fake_cr[16], fake_dr[8];
u32 fake_msr_refused, fake_msr_ignored;
int fake_vector;

static struct {
	u32 msr;
	u64 value;
} msrs[MSRS];

/* In the order of GPR_* */
static const int registers[GPR_COUNT] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
					 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
					 REG_R12, REG_R13, REG_R14, REG_R15};

static u64 *msr_place(u32 msr)
{
	for (unsigned i = 0; i < MSRS; i++) {
		if (msrs[i].msr && msrs[i].msr != msr)
			continue;
		msrs[i].msr = msr;
		return &msrs[i].value;
	}
	CU_FAIL_FATAL("more MSRs than there is room for");
	return NULL;
}

u64 fake_msr(u32 msr)
{
	return *msr_place(msr);
}

void fake_msr_set(u32 msr, u64 value)
{
	*msr_place(msr) = value;
}

bool rdmsr_safe(u32 msr, u64 *value)
{
	*value = fake_msr(msr);
	return true;
}

bool wrmsr_safe(u32 msr, u64 value)
{
	if (msr == fake_msr_refused)
		return false;
	if (msr != fake_msr_ignored)
		fake_msr_set(msr, value);
	return true;
}

static void called(enum fake_op op, u64 operand)
{
	if (fake_call_count < FAKE_CALLS)
		fake_calls[fake_call_count] = (struct fake_call){op, operand};
	fake_call_count++;
}

static u64 *gpr(ucontext_t *c, unsigned n)
{
	return (u64 *)&c->uc_mcontext.gregs[registers[n]];
}

static u64 operand_gva(ucontext_t *c, const struct insn *i)
{
	u64 gva = (u64)i->disp;

	if (i->rip_relative)
		return gva + (u64)c->uc_mcontext.gregs[REG_RIP] + i->length;
	if (i->base != INSN_NO_REG)
		gva += *gpr(c, i->base);
	if (i->index != INSN_NO_REG)
		gva += *gpr(c, i->index) * i->scale;
	return gva;
}

static bool svm_instruction(ucontext_t *c, u8 modrm)
{
	u64 rax = *gpr(c, GPR_RAX);

	switch (modrm) {
	case MODRM_VMLOAD:
		called(FAKE_VMLOAD, rax);
		return true;
	case MODRM_VMSAVE:
		called(FAKE_VMSAVE, rax);
		return true;
	case MODRM_STGI:
		called(FAKE_STGI, 0);
		if (fake_vector >= 0) /* svm_vectors in svm_entry.S */
			*gpr(c, GPR_RDI) = (u64)fake_vector;
		return true;
	case MODRM_CLGI:
		called(FAKE_CLGI, 0);
		return true;
	case MODRM_INVLPGA:
		called(FAKE_INVLPGA, rax);
		return true;
	default:
		return false;
	}
}

static bool execute(ucontext_t *c, const struct insn *i)
{
	struct desc_ptr table;

	switch (i->op) {
	case OP_CLI:
		called(FAKE_CLI, 0);
		return true;
	case OP_STI:
		called(FAKE_STI, 0);
		return true;
	case OP_LIDT:
		memcpy(&table, (const void *)operand_gva(c, i), sizeof(table));
		called(FAKE_LIDT, table.base);
		return true;
	case OP_SVM_OTHER:
		return svm_instruction(c, i->modrm);
	case OP_MOV_TO_CR:
		fake_cr[i->reg] = *gpr(c, i->rm);
		return true;
	case OP_MOV_FROM_CR:
		*gpr(c, i->rm) = fake_cr[i->reg];
		return true;
	case OP_MOV_TO_DR:
		fake_dr[i->reg] = *gpr(c, i->rm);
		return true;
	case OP_MOV_FROM_DR:
		*gpr(c, i->rm) = fake_dr[i->reg];
		return true;
	case OP_RDMSR:
		*gpr(c, GPR_RAX) = (u32)fake_msr((u32)*gpr(c, GPR_RCX));
		*gpr(c, GPR_RDX) = fake_msr((u32)*gpr(c, GPR_RCX)) >> 32;
		return true;
	case OP_WRMSR:
		fake_msr_set((u32)*gpr(c, GPR_RCX), *gpr(c, GPR_RDX) << 32 | (u32)*gpr(c, GPR_RAX));
		return true;
	default:
		return false;
	}
}

static void fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	struct insn i;

	(void)info;
	if (insn_decode(&i, (const u8 *)c->uc_mcontext.gregs[REG_RIP], INSN_MAX_LENGTH, DECODE_64) ==
		    DECODE_OK &&
	    execute(c, &i))
		c->uc_mcontext.gregs[REG_RIP] += i.length;
	else
		signal(number, SIG_DFL); /* and once more */
}

void fake_cpu_start(void)
{
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};

	CU_ASSERT_EQUAL_FATAL(sigaction(SIGSEGV, &action, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(sigaction(SIGILL, &action, NULL), 0);
	memset(fake_calls, 0, sizeof(fake_calls));
	memset(fake_cr, 0, sizeof(fake_cr));
	memset(fake_dr, 0, sizeof(fake_dr));
	memset(msrs, 0, sizeof(msrs));
	fake_call_count = 0;
	fake_msr_refused = fake_msr_ignored = 0;
	fake_vector = -1;
}
