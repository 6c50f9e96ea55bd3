// SPDX-License-Identifier: MIT
/* EXITCODE and what goes with it to struct vmexit: APM vol. 2, 15.7.1 "State Saved on Exit", 15.8.1 "MOV
 * CRx/DRx Intercepts", 15.10.2 "IN and OUT Behavior", 15.11 "MSR Intercepts", appendix C. */
#include <string.h>

#include "fake_svm.h"
#include "lib/tests/unit.h"
#include "vmm/emulate.h"
#include "x86/exception.h"

#define RIP    0x1000
#define LENGTH 3
#define ALL    (SVM_FEATURE_NRIPS | SVM_FEATURE_DECODE)

static struct vcpu *v;
static struct insn at_rip; /* what the decoder finds */
static unsigned decoded;
static u8 bytes_at_rip[INSN_MAX_LENGTH];
static unsigned nrip_length; /* what nRIP says */

bool emulate_decode(struct vcpu *of, struct insn *i)
{
	(void)of;
	decoded++;
	*i = at_rip;
	return true;
}

bool emulate_fetch(struct vcpu *of, u8 *bytes, unsigned count)
{
	(void)of;
	memcpy(bytes, bytes_at_rip, count);
	return true;
}

static void guest(u32 features)
{
	memset(bytes_at_rip, 0, sizeof(bytes_at_rip));
	nrip_length = LENGTH;
	v = fake_vcpu(features);
	v->rip = RIP;
	decoded = 0;
}

/* What was in the structure is of an earlier exit: here, ones. */
static struct vmexit exit_by(u64 code, u64 info1, u64 info2)
{
	struct vmcb_control *c = &svm_of(v)->vmcb->control;
	struct vmexit exit;

	memset(&exit, 0xff, sizeof(exit));
	c->exitcode = code;
	c->exitinfo1 = info1;
	c->exitinfo2 = info2;
	c->nrip = svm_has(SVM_FEATURE_NRIPS) ? RIP + nrip_length : 0;
	svm_exit(v, &exit, c);
	return exit;
}

static void plain_instructions(void)
{
	static const struct {
		u16 code;
		u8 neutral;
	} cases[] = {
		{SVM_EXIT_CPUID, VMEXIT_CPUID},     {SVM_EXIT_HLT, VMEXIT_HLT},
		{SVM_EXIT_PAUSE, VMEXIT_PAUSE},     {SVM_EXIT_WBINVD, VMEXIT_CACHE},
		{SVM_EXIT_RDPMC, VMEXIT_RDPMC},     {SVM_EXIT_XSETBV, VMEXIT_XSETBV},
		{SVM_EXIT_VMRUN, VMEXIT_UNDEFINED}, {SVM_EXIT_VMMCALL, VMEXIT_HYPERCALL},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vmexit exit;

		guest(ALL);
		exit = exit_by(cases[i].code, 0, 0);
		CU_ASSERT_EQUAL(exit.reason, cases[i].neutral);
		CU_ASSERT_EQUAL(exit.insn_len, LENGTH);
		guest(0);
		CU_ASSERT_EQUAL(exit_by(cases[i].code, 0, 0).insn_len, 0);
	}
}

static void control_registers(void)
{
	struct vmexit exit;

	guest(ALL);
	exit = exit_by(SVM_EXIT_CR0_WRITE + 3, VMCB_MOV_CR_VALID | 9, 0); /* MOV CR3, R9 */
	CU_ASSERT_EQUAL(exit.reason, VMEXIT_CR);
	CU_ASSERT(exit.cr.number == 3 && exit.cr.op == CR_WRITE && exit.cr.gpr == 9);
	CU_ASSERT_EQUAL(exit.insn_len, LENGTH);
	exit = exit_by(SVM_EXIT_CR0_READ + 8, VMCB_MOV_CR_VALID | GPR_RCX, 0); /* MOV RCX, CR8 */
	CU_ASSERT(exit.cr.number == 8 && exit.cr.op == CR_READ && exit.cr.gpr == GPR_RCX);
	CU_ASSERT_EQUAL(decoded, 0);
}

/* LMSW, CLTS and SMSW leave bit 63 clear; without the assists every instruction does. */
static void control_registers_decoded(void)
{
	static const u32 features[] = {ALL, 0, SVM_FEATURE_NRIPS, SVM_FEATURE_DECODE};
	struct vmexit exit;

	at_rip = (struct insn){.op = OP_CLTS, .length = 2};
	guest(ALL);
	exit = exit_by(SVM_EXIT_CR0_WRITE, 0, 0);
	CU_ASSERT(exit.reason == VMEXIT_CR && exit.cr.op == CR_CLTS && exit.cr.number == 0);
	CU_ASSERT_EQUAL(exit.insn_len, 2);
	at_rip = (struct insn){.op = OP_LMSW, .length = 4, .rm = GPR_RBX};
	v->gpr[GPR_RBX] = 0xffff1234;
	exit = exit_by(SVM_EXIT_CR0_WRITE, 0, 0);
	CU_ASSERT(exit.cr.op == CR_LMSW && exit.cr.source == 0x1234 && exit.insn_len == 4);
	CU_ASSERT_EQUAL(decoded, 2);
	for (unsigned i = 1; i < ARRAY_SIZE(features); i++) {
		at_rip = (struct insn){.op = OP_MOV_TO_CR, .length = 5, .rm = 9};
		guest(features[i]);
		exit = exit_by(SVM_EXIT_CR0_WRITE + 4, 0, 0);
		CU_ASSERT(exit.cr.number == 4 && exit.cr.op == CR_WRITE && exit.cr.gpr == 9);
		CU_ASSERT(exit.insn_len == 5 && decoded == 1);
	}
}

/* Without the assists, but with nRIP: opcode 0F 20 or 0F 22 and ModRM, or the same behind a REX prefix. APM
 * vol. 3, "MOV CRn". Anything else is the decoder's. */
static void mov_cr_by_its_bytes(void)
{
	static const struct {
		u8 bytes[4];
		u8 length, op, gpr;
		bool decoder;
	} cases[] = {
		{{0x0f, 0x22, 0xd8}, 3, CR_WRITE, GPR_RAX, false},      /* MOV CR3, RAX */
		{{0x0f, 0x20, 0xdf}, 3, CR_READ, GPR_RDI, false},       /* MOV RDI, CR3 */
		{{0x41, 0x0f, 0x22, 0xd9}, 4, CR_WRITE, 9, false},      /* MOV CR3, R9 */
		{{0x48, 0x0f, 0x20, 0xdb}, 4, CR_READ, GPR_RBX, false}, /* with REX.W */
		{{0x66, 0x0f, 0x22, 0xd8}, 4, CR_WRITE, GPR_RSI, true}, /* with a prefix that does nothing */
		{{0x0f, 0x01, 0xf0}, 3, CR_WRITE, GPR_RSI, true},       /* LMSW AX */
		{{0x0f, 0x06, 0x22, 0xd8}, 2, CR_WRITE, GPR_RSI, true}, /* CLTS */
	};

	at_rip = (struct insn){.op = OP_MOV_TO_CR, .length = 5, .rm = GPR_RSI};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vmexit exit;

		guest(SVM_FEATURE_NRIPS);
		memcpy(bytes_at_rip, cases[i].bytes, sizeof(cases[i].bytes));
		nrip_length = cases[i].length;
		exit = exit_by(cases[i].op == CR_WRITE ? SVM_EXIT_CR0_WRITE + 3 : SVM_EXIT_CR0_READ + 3, 0,
			       0);
		CU_ASSERT_EQUAL(exit.reason, VMEXIT_CR);
		CU_ASSERT(exit.cr.number == 3 && exit.cr.op == cases[i].op && exit.cr.gpr == cases[i].gpr);
		CU_ASSERT_EQUAL(decoded, cases[i].decoder);
		CU_ASSERT_EQUAL(exit.insn_len, cases[i].decoder ? 5 : cases[i].length);
	}
}

/* EXITINFO2 has the next RIP on every CPU, with and without nRIP. */
static void port_io(void)
{
	static const u32 features[] = {ALL, 0};

	for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
		struct vmexit exit;

		guest(features[i]);
		exit = exit_by(SVM_EXIT_IOIO, 0x3f80000 | 1 << 4, RIP + 1); /* OUT DX, AL */
		CU_ASSERT(exit.reason == VMEXIT_IO && exit.io.port == 0x3f8 && exit.io.size == 1);
		CU_ASSERT(exit.io.write && !exit.io.string && !exit.io.rep && exit.insn_len == 1);
		exit = exit_by(SVM_EXIT_IOIO, 0x0cfc0000 | 1 << 6 | 1, RIP + 2); /* IN EAX, imm */
		CU_ASSERT(exit.io.port == 0xcfc && exit.io.size == 4 && !exit.io.write && exit.insn_len == 2);
		exit = exit_by(SVM_EXIT_IOIO, 0xffff0000 | 1 << 5, RIP + 2); /* OUT DX, AX */
		CU_ASSERT(exit.io.port == 0xffff && exit.io.size == 2 && exit.io.write);
	}
}

/* REP OUTSW with a prefix for FS, addresses of 4 bytes. */
static void string_io(void)
{
	const u64 info = 0x3f80000 | SEG_FS << 10 | 1 << 8 | 1 << 5 | 1 << 3 | 1 << 2;
	struct vmexit exit;

	guest(ALL);
	exit = exit_by(SVM_EXIT_IOIO, info, RIP + 4);
	CU_ASSERT(exit.io.string && exit.io.rep && exit.io.size == 2 && exit.io.write);
	CU_ASSERT(exit.io.addr_size == 4 && exit.io.segment == SEG_FS && exit.insn_len == 4);
	CU_ASSERT_EQUAL(decoded, 0);
	at_rip = (struct insn){.op = OP_OUTS, .length = 4, .addr_size = 4, .segment = SEG_FS};
	guest(0);
	exit = exit_by(SVM_EXIT_IOIO, info, RIP + 4);
	CU_ASSERT(exit.io.string && exit.io.rep && exit.io.addr_size == 4 && exit.io.segment == SEG_FS);
	CU_ASSERT_EQUAL(decoded, 1);
}

static void msrs(void)
{
	struct vmexit exit;

	guest(ALL);
	v->gpr[GPR_RCX] = 0xffffffffc0000080;
	exit = exit_by(SVM_EXIT_MSR, 0, 0);
	CU_ASSERT(exit.reason == VMEXIT_MSR && exit.msr.index == MSR_EFER && !exit.msr.write);
	exit = exit_by(SVM_EXIT_MSR, 1, 0);
	CU_ASSERT(exit.msr.write && exit.insn_len == LENGTH);
	guest(0);
	CU_ASSERT_EQUAL(exit_by(SVM_EXIT_MSR, 1, 0).insn_len, 0);
}

static void exceptions(void)
{
	struct vmexit exit;

	guest(ALL);
	exit = exit_by(SVM_EXIT_EXCP0 + VEC_PF, PF_WRITE, 0x5000);
	CU_ASSERT(exit.reason == VMEXIT_PAGE_FAULT && exit.fault.gva == 0x5000 &&
		  exit.fault.error == PF_WRITE);
	exit = exit_by(SVM_EXIT_EXCP0 + VEC_AC, 0, 0);
	CU_ASSERT(exit.reason == VMEXIT_EXCEPTION && exit.exception.vector == VEC_AC);
	CU_ASSERT(exit.exception.has_error && exit.exception.dr6 == 0);
}

/* INT1 is a #DB behind the instruction, in which DR6 shows nothing but a single step that was due too. */
static void int1(void)
{
	static const u32 features[] = {ALL, 0};

	for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
		unsigned length = features[i] ? LENGTH : 1;

		at_rip = (struct insn){.op = OP_INT1, .length = 1};
		guest(features[i]);
		CU_ASSERT_EQUAL(exit_by(SVM_EXIT_ICEBP, 0, 0).reason, VMEXIT_NONE);
		CU_ASSERT_EQUAL(v->rip, RIP + length);
		CU_ASSERT(fake_raised.vector == VEC_DB && fake_raised.payload == 0);
		guest(features[i]);
		v->rflags |= RFLAGS_TF;
		exit_by(SVM_EXIT_ICEBP, 0, 0);
		CU_ASSERT_EQUAL(v->rip, RIP + length);
		CU_ASSERT(fake_raised.vector == VEC_DB && fake_raised.payload == DR6_BS);
	}
}

static void not_asked_for(void)
{
	static const u64 codes[] = {SVM_EXIT_PUSHF, SVM_EXIT_NPF, SVM_EXIT_COUNT};

	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		guest(ALL);
		CU_ASSERT_EQUAL(exit_by(codes[i], 0, 0).reason, VMEXIT_NONE);
		CU_ASSERT_EQUAL(fake_ended, 1);
	}
}

/* What VMRUN has refused is explained by the VMCB that it was given: where it has put the monitor's state
 * there (which its root tells), the guest's is written again. Otherwise nothing is. */
static void refused(void)
{
	static const u64 codes[] = {SVM_EXIT_INVALID, SVM_TCG_EXIT_INVALID};

	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		struct vmcb_save *b;
		struct vmexit exit;

		guest(ALL);
		b = &svm_of(v)->vmcb->save;
		v->seg[SEG_DS].selector = 0x18;
		b->ds.selector = 0xffc8;
		b->cr3 = 0x5000;
		fake_machine_root = 0x6000;
		exit = exit_by(codes[i], 0, 0);
		CU_ASSERT(exit.reason == VMEXIT_ENTRY_FAILED && exit.failed.code == SVM_EXIT_INVALID);
		CU_ASSERT_EQUAL(b->ds.selector, 0xffc8);
		fake_machine_root = 0x5000;
		exit_by(codes[i], 0, 0);
		CU_ASSERT_EQUAL(b->ds.selector, 0x18);
	}
}

UNIT_MAIN("exit", {"plain instructions", plain_instructions}, {"control registers", control_registers},
	  {"control registers, decoded", control_registers_decoded},
	  {"MOV CR by its bytes", mov_cr_by_its_bytes}, {"port I/O", port_io}, {"string I/O", string_io},
	  {"MSRs", msrs}, {"exceptions", exceptions}, {"INT1", int1},
	  {"exits that were not asked for", not_asked_for}, {"a VMCB that is refused", refused})
