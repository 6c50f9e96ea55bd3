// SPDX-License-Identifier: MIT
/*
 * The sensitive instructions that do not trap in ring 3, one rule of the manual after the other: SDM vol. 2,
 * the page of each. At levels 1 and 2 what is privileged is #GP(0), or follows IOPL.
 */
#include "labs/01-binary-translation/bt/silent.h"
#include "labs/01-binary-translation/tests/ring3_fixture.h"
#include "vmm/intercept.h"

#define LEN          2 /* of every instruction here */
#define DONE         0 /* a vector of none */
#define FLAGS_ALWAYS RFLAGS_RESERVED1
#define OPERAND      .memory = true, .segment = SEG_DS, .disp = OPERAND_GPA

static u32 cpuid_ecx, cpuid_edx;

void guest_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	(void)v;
	(void)leaf;
	(void)subleaf;
	*r = (struct cpuid_regs){.ecx = cpuid_ecx, .edx = cpuid_edx};
}

static void new_kernel(void)
{
	new_guest();
	vcpu.rflags = FLAGS_ALWAYS;
	vcpu.interrupt_shadow = true;
}

static struct vmexit run(struct insn i)
{
	struct vmexit exit = {.reason = VMEXIT_SHUTDOWN};

	i.length = LEN;
	bt_emulate(&vcpu, &i, &exit);
	return exit;
}

/* It ended as an instruction does: RIP behind it, the shadow over. */
static bool completed(struct insn i)
{
	return run(i).reason == VMEXIT_NONE && !raised_count && vcpu.rip == RIP + LEN &&
	       !vcpu.interrupt_shadow;
}

/* It raised that and has changed neither RIP nor RSP. */
static bool faulted(struct insn i, u8 vector, u32 error)
{
	u64 rsp = vcpu.gpr[GPR_RSP];

	return run(i).reason == VMEXIT_NONE && raised_count == 1 && raised.kind == EVENT_EXCEPTION &&
	       raised.vector == vector && raised.error == error && vcpu.rip == RIP &&
	       vcpu.gpr[GPR_RSP] == rsp;
}

static void set_compatibility_mode(void)
{
	vcpu.seg[SEG_CS] = desc_unpack(SEL_CODE32, *ram_u64(GDT_GPA + SEL_CODE32), 0);
}

/* ---- PUSHF and POPF ---- */

static void test_pushf(void)
{
	static const struct insn pushfq = {.op = OP_PUSHF, .op_size = 8},
				 pushfw = {.op = OP_PUSHF, .op_size = 2},
				 pushfd = {.op = OP_PUSHF, .op_size = 4};
	u64 flags = RFLAGS_CF | RFLAGS_IF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC | RFLAGS_VIF | RFLAGS_VIP |
		    RFLAGS_ID | FLAGS_ALWAYS;

	new_kernel();
	vcpu.rflags = flags | RFLAGS_RF; /* pushed as 0, and over when the instruction is */
	*ram_u64(STACK_GPA) = ~0ULL;
	CU_ASSERT(completed(pushfq));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA), flags);
	CU_ASSERT_EQUAL(vcpu.rflags, flags);

	new_kernel();
	vcpu.rflags = flags;
	*ram_u64(STACK_GPA) = 0;
	CU_ASSERT(completed(pushfw));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + 6);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA), (flags & 0xffff) << 48);

	new_kernel();
	set_compatibility_mode();
	vcpu.gpr[GPR_RSP] = 0x100000000 | (STACK_GPA + 8);
	*ram_u64(STACK_GPA) = 0;
	CU_ASSERT(completed(pushfd));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + 4);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA), (u64)FLAGS_ALWAYS << 32);
}

/* "When CPL is greater than 0 but less than or equal to IOPL, all flags can be modified except IOPL", "when
 * it is greater than IOPL, IF and IOPL are unaffected". */
static void test_popf(void)
{
	const u64 free = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF |
			 RFLAGS_OF | RFLAGS_NT;
	const u64 high = RFLAGS_AC | RFLAGS_ID, virtual = RFLAGS_VIF | RFLAGS_VIP;
	const struct {
		unsigned cpl, iopl;
		u8 size;
		u64 loaded; /* of a value of ones */
	} cases[] = {
		{0, 0, 8, free | high | RFLAGS_IF | RFLAGS_IOPL},
		{0, 0, 2, free | RFLAGS_IF | RFLAGS_IOPL},
		{1, 0, 8, free | high},
		{1, 1, 8, free | high | RFLAGS_IF},
		{2, 1, 2, free},
		{2, 2, 2, free | RFLAGS_IF},
	};

	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		struct insn popf = {.op = OP_POPF, .op_size = cases[n].size};
		u64 iopl = (u64)cases[n].iopl << RFLAGS_IOPL_SHIFT;

		for (unsigned set = 0; set < 2; set++) {
			u64 all = free | high | RFLAGS_IF | iopl, old = set ? iopl : all;

			new_kernel();
			set_level(cases[n].cpl);
			vcpu.rflags = old | virtual | FLAGS_ALWAYS;
			if (!set)
				vcpu.rflags &= ~(u64)RFLAGS_TF;
			vcpu.gpr[GPR_RSP] = STACK_GPA;
			*ram_u64(STACK_GPA) = set ? ~0ULL : 0;
			CU_ASSERT(completed(popf));
			CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + cases[n].size);
			CU_ASSERT_EQUAL(vcpu.rflags & ~(u64)RFLAGS_TF,
					((set ? old | cases[n].loaded : old & ~cases[n].loaded) | virtual |
					 FLAGS_ALWAYS) &
						~(u64)RFLAGS_TF);
			CU_ASSERT_EQUAL(vcpu.rflags & RFLAGS_TF, set ? RFLAGS_TF : 0);
		}
	}
}

/* A POPF that sets TF is not stepped yet, one that clears it still is. */
static void test_popf_single_step(void)
{
	static const struct insn popf = {.op = OP_POPF, .op_size = 8};

	new_kernel();
	*ram_u64(STACK_GPA + 8) = RFLAGS_TF;
	CU_ASSERT(completed(popf));
	CU_ASSERT(vcpu.rflags & RFLAGS_TF);
	*ram_u64(STACK_GPA + 16) = RFLAGS_RF; /* never loaded */
	run(popf);
	CU_ASSERT_EQUAL(vcpu.rflags, FLAGS_ALWAYS);
	CU_ASSERT_EQUAL(vcpu.rip, RIP + 2 * LEN);
	CU_ASSERT_EQUAL(raised_count, 1);
	CU_ASSERT_EQUAL(raised.vector, VEC_DB);
	CU_ASSERT_EQUAL(raised.payload, DR6_BS);
}

/* ---- what is stored ---- */

static void test_descriptor_tables(void)
{
	struct insn sgdt = {.op = OP_SGDT, .op_size = 8, OPERAND},
		    sidt = {.op = OP_SIDT, .op_size = 8, OPERAND};
	u8 *at;

	new_kernel();
	at = (u8 *)ram_u64(OPERAND_GPA);
	vcpu.gdtr = (struct desc_ptr){0x1234, 0xfedcba9876543210};
	CU_ASSERT(completed(sgdt));
	CU_ASSERT_EQUAL(memcmp(at, &vcpu.gdtr, sizeof(vcpu.gdtr)), 0);
	CU_ASSERT_EQUAL(at[sizeof(vcpu.gdtr)], 0);

	new_kernel(); /* "otherwise the base has 32 bits" */
	set_compatibility_mode();
	sidt.op_size = 4;
	vcpu.idtr = (struct desc_ptr){0x1234, 0xfedcba9876543210};
	CU_ASSERT(completed(sidt));
	CU_ASSERT_EQUAL(*ram_u64(OPERAND_GPA), 0x765432101234);
}

/* SLDT, STR, SMSW, MOV from a segment register: 16 bits in memory, and a register is filled up with zeros. */
static void test_stored_words(void)
{
	static const struct {
		u8 op, reg;
		u64 value;
	} cases[] = {
		{OP_SLDT, 0, SEL_LDT},           {OP_STR, 1, SEL_TSS_NEW},
		{OP_SMSW, 4, 0x8005003b},        {OP_MOV_FROM_SEG, 1, SEL_KCODE},
		{OP_MOV_FROM_SEG, 2, SEL_KDATA}, {OP_MOV_FROM_SEG, 5, SEL_UDATA},
	};

	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		for (u8 size = 2; size <= 8; size *= 2) {
			struct insn i = {.op = cases[n].op, .reg = cases[n].reg, .op_size = size};
			u64 mask = size == 2 ? 0xffff : size == 4 ? 0xffffffff : ~0ULL;

			new_kernel();
			vcpu.cr0 = 0x8005003b & ~(u64)CR0_PG;
			vcpu.seg[SEG_LDTR].selector = SEL_LDT;
			vcpu.seg[SEG_GS].selector = SEL_UDATA;
			vcpu.gpr[0] = 0x1111111111111111;
			CU_ASSERT(completed(i));
			CU_ASSERT_EQUAL(vcpu.gpr[0], (size == 2 ? 0x1111111111110000 : 0) |
							     (cases[n].value & mask & ~(u64)CR0_PG));

			new_kernel();
			vcpu.cr0 = 0x8005003b & ~(u64)CR0_PG;
			vcpu.seg[SEG_LDTR].selector = SEL_LDT;
			vcpu.seg[SEG_GS].selector = SEL_UDATA;
			*ram_u64(OPERAND_GPA) = 0x1111111111111111;
			i = (struct insn){.op = cases[n].op, .reg = cases[n].reg, .op_size = size, OPERAND};
			CU_ASSERT(completed(i));
			CU_ASSERT_EQUAL(*ram_u64(OPERAND_GPA),
					0x1111111111110000 | (cases[n].value & 0xffff));
		}
	}
}

static void test_segments_on_the_stack(void)
{
	struct insn push = {.op = OP_PUSH_SEG, .op_size = 8, .reg = SEG_FS},
		    pop = {.op = OP_POP_SEG, .op_size = 8, .reg = SEG_GS};

	new_kernel();
	vcpu.seg[SEG_FS].selector = SEL_UDATA;
	*ram_u64(STACK_GPA) = ~0ULL;
	CU_ASSERT(completed(push));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA), SEL_UDATA);
	vcpu.rip = RIP;
	*ram_u64(STACK_GPA) = 0xffffffffffff0000 | SEL_UDATA; /* the rest is dropped */
	CU_ASSERT(completed(pop));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + 8);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_GS].selector, SEL_UDATA);

	new_kernel(); /* two bytes, and a selector that names nothing: nothing has moved */
	pop.op_size = 2;
	*ram_u64(STACK_GPA + 8) = SEL_BEYOND;
	CU_ASSERT(faulted(pop, VEC_GP, SEL_BEYOND));
	CU_ASSERT_EQUAL(vcpu.seg[SEG_GS].selector, 0);
}

/* "MOV SS and POP SS inhibit interrupts and debug exceptions until after the next instruction." */
static void test_stack_segment_shadow(void)
{
	static const struct insn mov = {.op = OP_MOV_TO_SEG, .op_size = 2, .reg = SEG_SS, .rm = GPR_RAX};
	static const struct insn mov_ds = {.op = OP_MOV_TO_SEG, .op_size = 2, .reg = SEG_DS, .rm = GPR_RAX};

	new_kernel();
	vcpu.interrupt_shadow = false;
	vcpu.rflags |= RFLAGS_TF;
	vcpu.gpr[GPR_RAX] = SEL_KDATA;
	run(mov);
	CU_ASSERT_EQUAL(raised_count, 0);
	CU_ASSERT_EQUAL(vcpu.rip, RIP + LEN);
	CU_ASSERT(vcpu.interrupt_shadow);
	run(mov_ds);
	CU_ASSERT_EQUAL(raised.payload, DR6_BS);
	CU_ASSERT(!vcpu.interrupt_shadow);
}

/* ---- LAR, LSL, VERR, VERW ---- */

static void test_looked_up_segments(void)
{
	static const struct {
		u16 selector;
		u8 cpl;
		bool lar, lsl, verr, verw;
		u32 rights, limit;
	} cases[] = {
		{SEL_KCODE, 0, true, true, true, false, 0x00209a00, 0},
		{SEL_KCODE, 1, false, false, false, false, 0, 0},
		{SEL_KCODE | 3, 0, false, false, false, false, 0, 0},
		{SEL_CONF | 3, 2, true, true, true, false, 0x00209e00, 0}, /* conforming: any level sees it */
		{SEL_KDATA, 0, true, true, true, true, 0x00009200, 0},
		{SEL_UDATA, 2, true, true, true, true, 0x0000f200, 0},
		{SEL_RO, 0, true, true, true, false, 0x00009000, 0},
		{SEL_AWAY, 0, true, true, true, false, 0x00201a00, 0}, /* not present is no matter */
		{SEL_CODE32, 0, true, true, true, false, 0x00c09a00, 0xffffffff},
		{SEL_TSS_NEW, 0, true, true, false, false, 0x00008900, 103},
		{SEL_LDT, 0, true, true, false, false, 0x00008200, 0x17},
		{0, 0, false, false, false, false, 0, 0},
		{3, 0, false, false, false, false, 0, 0},
		{SEL_BEYOND, 0, false, false, false, false, 0, 0},
		{SEL_KDATA | SEL_TI, 0, false, false, false, false, 0, 0}, /* there is no LDT */
	};

	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		const struct {
			u8 op;
			bool found;
			u64 value;
		} ops[] = {
			{OP_LAR, cases[n].lar, cases[n].rights},
			{OP_LSL, cases[n].lsl, cases[n].limit},
			{OP_VERR, cases[n].verr, 0},
			{OP_VERW, cases[n].verw, 0},
		};

		for (unsigned o = 0; o < ARRAY_SIZE(ops); o++) {
			struct insn i = {.op = ops[o].op, .op_size = 8, .reg = GPR_RBX, .rm = GPR_RCX};
			bool writes = ops[o].found && o < 2;

			new_kernel();
			set_level(cases[n].cpl);
			vcpu.rflags = FLAGS_ALWAYS | RFLAGS_CF | (ops[o].found ? 0 : RFLAGS_ZF);
			vcpu.gpr[GPR_RBX] = ~0ULL;
			vcpu.gpr[GPR_RCX] = 0xabcd0000 | cases[n].selector;
			CU_ASSERT(completed(i));
			CU_ASSERT_EQUAL(vcpu.rflags,
					FLAGS_ALWAYS | RFLAGS_CF | (ops[o].found ? RFLAGS_ZF : 0));
			CU_ASSERT_EQUAL(vcpu.gpr[GPR_RBX], writes ? ops[o].value : ~0ULL);
		}
	}
}

static void test_looked_up_details(void)
{
	struct insn lar = {.op = OP_LAR, .op_size = 4, .reg = GPR_RBX, OPERAND};
	struct gate64 gate = gate_make(HANDLER, SEL_KCODE, SYS_TYPE_CALL_GATE, 0, 0);

	new_kernel(); /* a call gate has rights and no limit; the operand in memory has 16 bits */
	memcpy(ram_u64(GDT_GPA + SEL_LDT), &gate, sizeof(gate));
	*ram_u64(OPERAND_GPA) = 0xffff0000 | SEL_LDT;
	CU_ASSERT(completed(lar));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RBX], 0x708c00); /* 7: of the offset, where a segment has AVL, L, D */
	lar.op = OP_LSL;
	vcpu.rip = RIP;
	CU_ASSERT(completed(lar));
	CU_ASSERT_FALSE(vcpu.rflags & RFLAGS_ZF);

	new_kernel(); /* a register of 16 bits keeps its upper part */
	*ram_u64(OPERAND_GPA) = SEL_CODE32;
	vcpu.gpr[GPR_RBX] = 0x5555555555555555;
	lar = (struct insn){.op = OP_LAR, .op_size = 2, .reg = GPR_RBX, OPERAND};
	CU_ASSERT(completed(lar));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RBX], 0x5555555555559a00);

	new_kernel(); /* a fault of the table's memory is one */
	vcpu.cr0 |= CR0_PG;
	lar = (struct insn){.op = OP_VERR, .op_size = 2, .rm = GPR_RCX};
	vcpu.gpr[GPR_RCX] = SEL_KDATA;
	CU_ASSERT(faulted(lar, VEC_PF, 0));
	CU_ASSERT_EQUAL(raised.payload, GDT_GPA + SEL_KDATA);
}

/* ---- faults of operands ---- */

/* "#SS(0) if a memory address referencing the SS segment is in a non-canonical form", others #GP(0). */
static void test_operand_faults(void)
{
	static const u8 ops[] = {OP_SGDT,
				 OP_SIDT,
				 OP_SLDT,
				 OP_STR,
				 OP_SMSW,
				 OP_MOV_FROM_SEG,
				 OP_LAR,
				 OP_LSL,
				 OP_VERR,
				 OP_VERW,
				 OP_LGDT,
				 OP_LIDT,
				 OP_LLDT,
				 OP_LTR,
				 OP_LMSW,
				 OP_MOV_TO_SEG,
				 OP_LOAD_FAR_POINTER,
				 OP_JMP_FAR,
				 OP_CALL_FAR};

	for (unsigned n = 0; n < ARRAY_SIZE(ops); n++) {
		struct insn i = {.op = ops[n], .op_size = 8, .memory = true, .disp = (s64)NOT_CANONICAL};

		new_kernel();
		i.segment = SEG_DS;
		CU_ASSERT(faulted(i, VEC_GP, 0));
		new_kernel();
		i.segment = SEG_SS;
		CU_ASSERT(faulted(i, VEC_SS, 0));
	}
}

static void test_stack_faults(void)
{
	static const u8 ops[] = {OP_PUSHF, OP_POPF, OP_PUSH_SEG, OP_POP_SEG, OP_IRET, OP_RET_FAR};

	for (unsigned n = 0; n < ARRAY_SIZE(ops); n++) {
		struct insn i = {.op = ops[n], .op_size = 8, .reg = SEG_FS};

		new_kernel();
		vcpu.gpr[GPR_RSP] = NOT_CANONICAL;
		CU_ASSERT(faulted(i, VEC_SS, 0));
		new_kernel();
		vcpu.cr0 |= CR0_PG; /* and nothing is mapped */
		CU_ASSERT(faulted(i, VEC_PF, ops[n] == OP_PUSHF || ops[n] == OP_PUSH_SEG ? PF_WRITE : 0));
	}
}

/* ---- the rest ---- */

static void test_software_events(void)
{
	static const struct insn int_33 = {.op = OP_INT, .has_imm = true, .imm = 33}, int3 = {.op = OP_INT3},
				 into = {.op = OP_INTO}, int1 = {.op = OP_INT1};
	static const struct {
		const struct insn *i;
		u8 vector;
	} cases[] = {{&int_33, 33}, {&int3, VEC_BP}, {&into, VEC_OF}};

	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		new_kernel();
		vcpu.rflags |= RFLAGS_OF;
		run(*cases[n].i);
		CU_ASSERT_EQUAL(raised_count, 1);
		CU_ASSERT_EQUAL(raised.kind, EVENT_SOFTWARE);
		CU_ASSERT_EQUAL(raised.vector, cases[n].vector);
		CU_ASSERT_EQUAL(raised.insn_len, LEN);
		CU_ASSERT_EQUAL(vcpu.rip, RIP);
	}
	new_kernel(); /* no overflow */
	CU_ASSERT(completed(into));
	new_kernel(); /* a trap, and not one of software: the DPL of the gate is no matter */
	vcpu.rflags |= RFLAGS_TF;
	run(int1);
	CU_ASSERT_EQUAL(raised_count, 1);
	CU_ASSERT_EQUAL(raised.kind, EVENT_EXCEPTION);
	CU_ASSERT_EQUAL(raised.vector, VEC_DB);
	CU_ASSERT_EQUAL(raised.payload, 0);
	CU_ASSERT_EQUAL(vcpu.rip, RIP + LEN);
}

static void test_syscall(void)
{
	static const struct insn syscall = {.op = OP_SYSCALL}, sysret = {.op = OP_SYSRET, .op_size = 8};

	new_kernel();
	CU_ASSERT(faulted(syscall, VEC_UD, 0)); /* EFER.SCE is clear */
	new_kernel();
	set_level(1);
	CU_ASSERT(faulted(sysret, VEC_UD, 0));
	new_kernel();
	vcpu.efer |= EFER_SCE;
	vcpu.star = (u64)SEL_KCODE << 32;
	vcpu.lstar = 0x7654;
	CU_ASSERT_EQUAL(run(syscall).reason, VMEXIT_NONE);
	CU_ASSERT_EQUAL(raised_count, 0);
	CU_ASSERT_EQUAL(vcpu.rip, 0x7654);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], RIP + LEN);
	set_level(1);
	vcpu.rip = RIP;
	CU_ASSERT(faulted(sysret, VEC_GP, 0));
}

static void test_xcr(void)
{
	static const struct insn get = {.op = OP_XGETBV}, set = {.op = OP_XSETBV};

	new_kernel();
	CU_ASSERT(faulted(get, VEC_UD, 0));
	new_kernel();
	set_level(1);
	CU_ASSERT(faulted(set, VEC_UD, 0)); /* before the level is looked at */
	new_kernel();
	vcpu.cr4 |= CR4_OSXSAVE;
	vcpu.xcr0 = 0x1200000007;
	CU_ASSERT(completed(get));
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RAX], 7);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RDX], 0x12);
	CU_ASSERT_EQUAL(run(set).reason, VMEXIT_XSETBV);
	vcpu.rip = RIP;
	vcpu.gpr[GPR_RCX] = 1;
	CU_ASSERT(faulted(get, VEC_GP, 0));
}

static void test_time(void)
{
	static const struct insn rdtsc = {.op = OP_RDTSC}, rdtscp = {.op = OP_RDTSCP};
	struct vmexit exit;

	for (unsigned cpl = 0; cpl < 3; cpl++) {
		new_kernel();
		set_level(cpl);
		cpuid_edx = (u32)BIT(27);
		exit = run(rdtscp);
		CU_ASSERT_EQUAL(exit.reason, VMEXIT_RDTSC);
		CU_ASSERT(exit.tsc.aux);
		vcpu.cr4 |= CR4_TSD; /* RDTSC only at level 0 */
		if (cpl) {
			CU_ASSERT(faulted(rdtsc, VEC_GP, 0));
		} else {
			exit = run(rdtsc);
			CU_ASSERT_EQUAL(exit.reason, VMEXIT_RDTSC);
			CU_ASSERT(!exit.tsc.aux);
		}
		new_kernel();
		cpuid_edx = 0;
		CU_ASSERT(faulted(rdtscp, VEC_UD, 0));
	}
}

/* "Reads the value of the IA32_TSC_AUX MSR into the destination register"; at any level. */
static void test_processor_id(void)
{
	static const struct insn rdpid = {.op = OP_RDPID, .rm = 9};

	for (unsigned cpl = 0; cpl < 3; cpl++) {
		new_kernel();
		set_level(cpl);
		vcpu.tsc_aux = 0x123456789;
		vcpu.gpr[9] = ~0ULL;
		cpuid_ecx = (u32)BIT(22);
		CU_ASSERT(completed(rdpid));
		CU_ASSERT_EQUAL(vcpu.gpr[9], 0x23456789);
		new_kernel();
		cpuid_ecx = 0;
		CU_ASSERT(faulted(rdpid, VEC_UD, 0));
	}
}

/* User code faults as under `trap`. The real CR4.TSD is set too when the guest's TSC is not the machine's,
 * and then RDTSC traps although the guest allows it. */
static void test_time_of_user_code(void)
{
	static const struct insn rdtsc = {.op = OP_RDTSC, .length = LEN};
	struct vmexit exit;

	new_kernel();
	set_level(3);
	vcpu.frame_vector = VEC_GP;
	instruction = &rdtsc;
	sensitive_emulate(&vcpu, &exit);
	CU_ASSERT_EQUAL(exit.reason, VMEXIT_RDTSC);
	CU_ASSERT_EQUAL(reflected, 0);
	vcpu.cr4 |= CR4_TSD;
	sensitive_emulate(&vcpu, &exit);
	CU_ASSERT_EQUAL(reflected, 1);
}

/* What an engine leaves to common code at level 0, and refuses at level 1. */
static void test_privileged(void)
{
	static const struct {
		u8 op;
		enum vmexit_reason reason;
	} cases[] = {
		{OP_HLT, VMEXIT_HLT},        {OP_RDPMC, VMEXIT_RDPMC},    {OP_RDMSR, VMEXIT_MSR},
		{OP_WRMSR, VMEXIT_MSR},      {OP_MOV_FROM_CR, VMEXIT_CR}, {OP_MOV_TO_CR, VMEXIT_CR},
		{OP_MOV_FROM_DR, VMEXIT_DR}, {OP_MOV_TO_DR, VMEXIT_DR},   {OP_CLTS, VMEXIT_CR},
		{OP_LMSW, VMEXIT_CR},        {OP_INVLPG, VMEXIT_INVLPG},  {OP_INVD, VMEXIT_CACHE},
		{OP_WBINVD, VMEXIT_CACHE},   {OP_IN, VMEXIT_IO},          {OP_OUT, VMEXIT_IO},
		{OP_INS, VMEXIT_IO},         {OP_OUTS, VMEXIT_IO},        {OP_CLI, VMEXIT_NONE},
		{OP_STI, VMEXIT_NONE},
	};
	struct insn cpuid = {.op = OP_CPUID};

	for (unsigned n = 0; n < ARRAY_SIZE(cases); n++) {
		struct insn i = {.op = cases[n].op, .op_size = 4};
		struct vmexit exit;

		new_kernel();
		exit = run(i);
		CU_ASSERT_EQUAL(exit.reason, cases[n].reason);
		CU_ASSERT_EQUAL(raised_count, 0);
		if (exit.reason != VMEXIT_NONE)
			CU_ASSERT_EQUAL(exit.insn_len, LEN);
		new_kernel();
		set_level(1);
		CU_ASSERT(faulted(i, VEC_GP, 0));
	}
	for (unsigned cpl = 0; cpl < 3; cpl++) {
		struct vmexit exit;

		new_kernel();
		set_level(cpl);
		exit = run(cpuid);
		CU_ASSERT_EQUAL(exit.reason, VMEXIT_CPUID);
		CU_ASSERT_EQUAL(exit.insn_len, LEN);
	}
}

/* SDM vol. 1, 19.5.2: a bit of the map that is 0 allows its port; a port of two bytes needs two. */
static void test_outside_level_0(void)
{
	enum { MAP = TSS_BYTES, PORT = 0x3f8 };
	static const struct insn in8 = {.op = OP_IN, .op_size = 1}, in16 = {.op = OP_IN, .op_size = 2},
				 cli = {.op = OP_CLI};

	new_kernel();
	set_level(2);
	vcpu.gpr[GPR_RDX] = PORT;
	vcpu.seg[SEG_TR].limit = MAP + PORT / 8 + 1;
	vm.ram[TSS_GPA + MAP + PORT / 8] = 0xfe;
	CU_ASSERT_EQUAL(run(in8).reason, VMEXIT_IO);
	CU_ASSERT(faulted(in16, VEC_GP, 0));
	raised_count = 0;
	vcpu.rflags |= 1 << RFLAGS_IOPL_SHIFT;
	CU_ASSERT(faulted(cli, VEC_GP, 0));
	CU_ASSERT_EQUAL(run(in16).reason, VMEXIT_NONE);
	raised_count = 0;
	vcpu.rflags |= RFLAGS_IF | RFLAGS_IOPL;
	CU_ASSERT_EQUAL(run(in16).reason, VMEXIT_IO);
	CU_ASSERT(completed(cli));
	CU_ASSERT_FALSE(vcpu.rflags & RFLAGS_IF);
}

/* What this virtual CPU has not, at any level. */
static void test_undefined(void)
{
	static const u8 ops[] = {OP_UD,        OP_MONITOR, OP_MWAIT, OP_VMCALL,  OP_VMMCALL, OP_VMX_OTHER,
				 OP_SVM_OTHER, OP_SYSTEM,  OP_RDPRU, OP_INVPCID, OP_OTHER};

	for (unsigned n = 0; n < ARRAY_SIZE(ops); n++) {
		for (unsigned cpl = 0; cpl < 3; cpl++) {
			new_kernel();
			set_level(cpl);
			CU_ASSERT(faulted((struct insn){.op = ops[n]}, VEC_UD, 0));
			CU_ASSERT(!raised.has_error);
		}
	}
}

UNIT_MAIN("silent", {"PUSHF", test_pushf}, {"POPF", test_popf},
	  {"POPF and the single step", test_popf_single_step}, {"SGDT and SIDT", test_descriptor_tables},
	  {"SLDT, STR, SMSW, MOV from a segment", test_stored_words},
	  {"PUSH and POP of a segment", test_segments_on_the_stack},
	  {"MOV SS and its shadow", test_stack_segment_shadow},
	  {"LAR, LSL, VERR, VERW", test_looked_up_segments}, {"details of LAR", test_looked_up_details},
	  {"faults of operands", test_operand_faults}, {"faults of the stack", test_stack_faults},
	  {"INT n, INT3, INTO, INT1", test_software_events}, {"SYSCALL and SYSRET", test_syscall},
	  {"XGETBV and XSETBV", test_xcr}, {"RDTSC and RDTSCP", test_time}, {"RDPID", test_processor_id},
	  {"RDTSC of user code", test_time_of_user_code}, {"privileged instructions", test_privileged},
	  {"IOPL and the bitmap", test_outside_level_0}, {"instructions that are none", test_undefined})
