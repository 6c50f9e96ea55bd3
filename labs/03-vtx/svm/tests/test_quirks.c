// SPDX-License-Identifier: MIT
/*
 * What the engine does about QEMU's TCG: a code segment with both L and D, which TCG loads and then refuses
 * to enter (APM vol. 2, 15.5.1), is entered without D; and a CPU that keeps a copy of the VMCB is told of
 * what was changed (APM vol. 2, 15.15.3 "VMCB Clean Field"). TCG keeps none, KVM between TCG and the engine
 * does.
 */
#include <string.h>

#include "labs/03-vtx/svm/quirks.c"
#include "lib/tests/unit.h"

#define CODE_64 (VMCB_SEG_P | VMCB_SEG_L)

/* What the file needs elsewhere; nothing of it comes up here. */
const u8 svm_behind_vmrun[1];

bool emulate_decode(struct vcpu *vcpu, struct insn *i)
{
	(void)vcpu;
	(void)i;
	return false;
}

gva_t emulate_operand_gva(struct vcpu *vcpu, const struct insn *i)
{
	(void)vcpu;
	(void)i;
	return 0;
}

bool gva_read(struct vcpu *vcpu, gva_t gva, void *dst, u64 size, unsigned access, struct event *f)
{
	(void)vcpu;
	(void)gva;
	(void)dst;
	(void)size;
	(void)access;
	(void)f;
	return false;
}

void event_exception_error(struct vcpu *vcpu, u8 vector, u32 error)
{
	(void)vcpu;
	(void)vector;
	(void)error;
}

void event_raise(struct vcpu *vcpu, const struct event *e)
{
	(void)vcpu;
	(void)e;
}

void vcpu_fetch(struct vcpu *vcpu, u32 groups)
{
	(void)vcpu;
	(void)groups;
}

void vcpu_skip_unusual(struct vcpu *vcpu, unsigned length)
{
	(void)vcpu;
	(void)length;
}

bool wrmsr_safe(u32 msr, u64 value)
{
	(void)msr;
	(void)value;
	return false;
}

void svm_events_exit(struct vcpu *vcpu)
{
	(void)vcpu;
}

void svm_msr_intercept_write(u32 msr)
{
	(void)msr;
}

/* ---- the tests ---- */

static struct vmcb b;
static struct svm s;
static struct vcpu v;

static void make(u16 cs)
{
	memset(&b, 0, sizeof(b));
	b.save.cs.attr = cs;
	b.control.clean = VMCB_CLEAN_ALL;
	s = (struct svm){.vmcb = &b};
	v = (struct vcpu){.cpu_private = &s};
	svm_on_tcg = known = true;
}

static void l_and_d(void)
{
	make(CODE_64 | VMCB_SEG_DB);
	svm_quirks_enter(&v, &s);
	CU_ASSERT_EQUAL(b.save.cs.attr, CODE_64);
	CU_ASSERT_EQUAL(b.control.clean, VMCB_CLEAN_ALL & ~VMCB_CLEAN_SEG);
	CU_ASSERT_TRUE(s.special);
}

static void l_or_d(void)
{
	static const u16 right[] = {CODE_64, VMCB_SEG_P | VMCB_SEG_DB};

	for (unsigned i = 0; i < ARRAY_SIZE(right); i++) {
		make(right[i]);
		svm_quirks_enter(&v, &s);
		CU_ASSERT_EQUAL(b.save.cs.attr, right[i]);
		CU_ASSERT_EQUAL(b.control.clean, VMCB_CLEAN_ALL);
		CU_ASSERT_FALSE(s.special);
	}
}

static void refused(void)
{
	make(CODE_64 | VMCB_SEG_DB);
	CU_ASSERT_TRUE(svm_tcg_refused(&s));
	CU_ASSERT_EQUAL(b.save.cs.attr, CODE_64);
	CU_ASSERT_FALSE(b.control.clean & VMCB_CLEAN_SEG);
	CU_ASSERT_FALSE(svm_tcg_refused(&s)); /* something else is wrong with it */
}

/* Elsewhere it is a mistake of the engine's. */
static void other_cpus(void)
{
	make(CODE_64 | VMCB_SEG_DB);
	svm_on_tcg = false;
	svm_quirks_enter(&v, &s);
	CU_ASSERT_FALSE(svm_tcg_refused(&s));
	CU_ASSERT_EQUAL(b.save.cs.attr, CODE_64 | VMCB_SEG_DB);
	CU_ASSERT_EQUAL(b.control.clean, VMCB_CLEAN_ALL);
}

static void cr8_exits(void)
{
	make(CODE_64);
	b.control.v_intr = VMCB_V_IRQ;
	svm_quirks_enter(&v, &s);
	CU_ASSERT_TRUE(b.control.intercept_cr & VMCB_INTERCEPT_WRITE(8));
	CU_ASSERT_EQUAL(b.control.clean, VMCB_CLEAN_ALL & ~VMCB_CLEAN_I);
}

UNIT_MAIN("svm_quirks", {"L and D", l_and_d}, {"L or D", l_or_d}, {"refused", refused},
	  {"other CPUs", other_cpus}, {"CR8 with an interrupt", cr8_exits})
