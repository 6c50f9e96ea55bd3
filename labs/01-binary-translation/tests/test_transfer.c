// SPDX-License-Identifier: MIT
/*
 * Deliveries through the guest's IDT and transfers between levels, on a guest without paging: gva is gpa.
 * Each case is one rule of the manual, with what it does and how it faults. SDM vol. 2A, "INT n", "IRET",
 * "JMP"; vol. 2B, "MOV"; vol. 3A, 6.14.
 */
#include "ring3_fixture.h"

/* A 64-bit call gate in the entries of SEL_TSS_NEW. */
static void set_call_gate(u16 selector, unsigned dpl, bool present)
{
	struct gate64 g = gate_make(HANDLER, selector, SYS_TYPE_CALL_GATE, dpl, 0);

	if (!present)
		g.attr &= (u8)~SEG_ATTR_P;
	memcpy(ram_u64(GDT_GPA + SEL_TSS_NEW), &g, sizeof(g));
}

static void set_gate(unsigned vector, u16 selector, unsigned type, unsigned dpl, unsigned ist)
{
	struct gate64 g = gate_make(HANDLER, selector, type, dpl, ist);

	memcpy((u8 *)ram_u64(IDT_GPA) + vector * 16, &g, 16);
}

static const struct event gp_7 = {.kind = EVENT_EXCEPTION, .vector = VEC_GP, .has_error = true, .error = 7};
static const struct event irq = {.kind = EVENT_INTERRUPT, .vector = 33};
static const struct event int_33 = {.kind = EVENT_SOFTWARE, .vector = 33, .insn_len = 2};

/* ---- what is known of a handler from the last time ---- */

static void deliver(const struct event *e)
{
	struct event nested;

	vcpu.gpr[GPR_RSP] = STACK_GPA + 8;
	vcpu.rip = RIP;
	vcpu.rflags = RFLAGS_IF | RFLAGS_TF | RFLAGS_ZF | RFLAGS_RESERVED1;
	vcpu.interrupt_shadow = true;
	memset(ram_u64(STACK_GPA - 64), 0xee, 64);
	linear_copies = 0;
	CU_ASSERT_EQUAL_FATAL(ring3_inject(&vcpu, e, &nested), INJECT_DONE);
}

/* A guest whose handler of the event has run before. The first time its segment was not accessed yet. */
static void new_known_guest(const struct event *e, unsigned type)
{
	new_guest();
	ring3.linear = LINEAR_KERNEL;
	is_linear = true;
	set_gate(e->vector, SEL_KCODE, type, 0, 0);
	deliver(e);
	deliver(e);
}

static void fails_with(const struct event *e, unsigned vector, u32 error)
{
	struct event nested = {0};
	u64 rsp = vcpu.gpr[GPR_RSP];

	CU_ASSERT_EQUAL(ring3_inject(&vcpu, e, &nested), INJECT_FAULTED);
	CU_ASSERT_EQUAL(nested.vector, vector);
	CU_ASSERT_EQUAL(nested.error, error);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], rsp);
}

static void known_handler(void)
{
	u64 *frame;

	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	deliver(&gp_7);
	CU_ASSERT_EQUAL(linear_copies, 2 + 1 + 6); /* gate, descriptor, frame */
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA - 48);
	frame = ram_u64(STACK_GPA - 48);
	CU_ASSERT_EQUAL(frame[0], 7);
	CU_ASSERT_EQUAL(frame[1], RIP);
	CU_ASSERT_EQUAL(frame[2], SEL_KCODE);
	CU_ASSERT_EQUAL(frame[3], RFLAGS_IF | RFLAGS_TF | RFLAGS_ZF | RFLAGS_RESERVED1 | RFLAGS_RF);
	CU_ASSERT_EQUAL(frame[4], STACK_GPA + 8);
	CU_ASSERT_EQUAL(frame[5], SEL_KDATA);
	CU_ASSERT_EQUAL(vcpu.rip, HANDLER);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_ZF | RFLAGS_RESERVED1);
	CU_ASSERT_FALSE(vcpu.interrupt_shadow);

	new_known_guest(&int_33, SYS_TYPE_TRAP_GATE);
	vcpu.seg[SEG_CS].limit++; /* the guest's is another one than the handler's */
	deliver(&int_33);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA - 40);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA - 48), 0xeeeeeeeeeeeeeeee); /* no error code */
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA - 40), RIP + 2);
	CU_ASSERT(vcpu.rflags & RFLAGS_IF);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_CS].limit, ring3.handler.cs.limit);

	new_known_guest(&(struct event){.kind = EVENT_NMI, .vector = VEC_NMI}, SYS_TYPE_INTR_GATE);
	CU_ASSERT(vcpu.nmi_blocked);
	vcpu.nmi_blocked = false;
	deliver(&(struct event){.kind = EVENT_NMI, .vector = VEC_NMI});
	CU_ASSERT(vcpu.nmi_blocked);
}

/* What the guest has changed since then holds. */
static void known_handler_changes(void)
{
	u64 *gate = ram_u64(IDT_GPA + VEC_GP * 16), *desc = ram_u64(GDT_GPA + SEL_KCODE);

	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	*gate ^= 0x10;
	deliver(&gp_7);
	CU_ASSERT_EQUAL(vcpu.rip, HANDLER ^ 0x10);
	gate[1] |= BIT(31); /* the upper half of the offset */
	fails_with(&gp_7, VEC_GP, SEL_ERROR_EXT);

	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	*gate &= ~BIT(47); /* P */
	fails_with(&gp_7, VEC_NP, VEC_GP << 3 | SEL_ERROR_IDT | SEL_ERROR_EXT);

	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	*desc &= ~BIT(40);
	deliver(&gp_7);
	CU_ASSERT(*desc >> 40 & 1); /* accessed */
	*desc &= ~BIT(47);          /* P */
	fails_with(&gp_7, VEC_NP, SEL_KCODE | SEL_ERROR_EXT);

	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	vcpu.gdtr.limit = SEL_KCODE + 6;
	fails_with(&gp_7, VEC_GP, SEL_KCODE | SEL_ERROR_EXT);
	vcpu.gdtr.limit++;
	deliver(&gp_7);
	vcpu.gdtr.base += 8; /* data there */
	fails_with(&gp_7, VEC_GP, SEL_KCODE | SEL_ERROR_EXT);

	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	vcpu.idtr.limit = VEC_GP * 16 + 14;
	fails_with(&gp_7, VEC_GP, VEC_GP << 3 | SEL_ERROR_IDT | SEL_ERROR_EXT);

	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	vcpu.gpr[GPR_RSP] = NOT_CANONICAL;
	fails_with(&gp_7, VEC_SS, SEL_ERROR_EXT);
}

/* The gate is known from level 0, where its DPL says nothing. */
static void known_handler_from_user(void)
{
	new_known_guest(&int_33, SYS_TYPE_INTR_GATE);
	set_level(3);
	ring3.linear = LINEAR_USER;
	fails_with(&int_33, VEC_GP, 33 << 3 | SEL_ERROR_IDT);
	deliver(&irq);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], RSP0 - 40);
	CU_ASSERT_EQUAL(vcpu_cpl(&vcpu), 0);
	set_level(2);
	ring3.linear = LINEAR_KERNEL;
	deliver(&irq);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], RSP0 - 40);
}

/* Where the CPU refuses an access, and where the guest's paging has just changed, all of it is walked. */
static void known_handler_out_of_reach(void)
{
	new_known_guest(&gp_7, SYS_TYPE_INTR_GATE);
	is_linear = false;
	deliver(&gp_7);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA - 48);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA - 48), 7);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA - 40), RIP);
	is_linear = true;
	vcpu_changed(&vcpu, VCPU_CRS);
	deliver(&gp_7);
	CU_ASSERT_EQUAL(linear_copies, 0);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA - 8), SEL_KDATA);
}

/* ---- deliveries ---- */

static void test_frame_same_level(void)
{
	struct event nested;
	u64 *frame;

	new_guest();
	set_gate(VEC_GP, SEL_KCODE, SYS_TYPE_INTR_GATE, 0, 0);
	CU_ASSERT_EQUAL_FATAL(ring3_inject(&vcpu, &gp_7, &nested), INJECT_DONE);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA - 48); /* aligned to 16, then six words */
	frame = ram_u64(vcpu.gpr[GPR_RSP]);
	CU_ASSERT_EQUAL(frame[0], 7);
	CU_ASSERT_EQUAL(frame[1], 0x5555);
	CU_ASSERT_EQUAL(frame[2], SEL_KCODE);
	CU_ASSERT_EQUAL(frame[3], RFLAGS_IF | RFLAGS_TF | RFLAGS_ZF | RFLAGS_RESERVED1 |
					  RFLAGS_RF); /* a fault sets RF */
	CU_ASSERT_EQUAL(frame[4], STACK_GPA + 8);
	CU_ASSERT_EQUAL(frame[5], SEL_KDATA);
	CU_ASSERT_EQUAL(vcpu.rip, HANDLER);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_ZF | RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_SS].selector, SEL_KDATA);
	known_handler();
	known_handler_out_of_reach();
}

static void test_trap_gate_keeps_interrupts_on(void)
{
	struct event nested;

	new_guest();
	set_gate(33, SEL_KCODE, SYS_TYPE_TRAP_GATE, 0, 0);
	CU_ASSERT_EQUAL(ring3_inject(&vcpu, &irq, &nested), INJECT_DONE);
	CU_ASSERT(vcpu.rflags & RFLAGS_IF);
	CU_ASSERT_FALSE(ram_u64(vcpu.gpr[GPR_RSP])[2] & RFLAGS_RF);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA - 40);
}

static void test_from_user_switches_stack(void)
{
	struct event nested;

	new_guest();
	set_level(3);
	set_gate(33, SEL_KCODE, SYS_TYPE_INTR_GATE, 3, 0);
	CU_ASSERT_EQUAL(ring3_inject(&vcpu, &int_33, &nested), INJECT_DONE);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], RSP0 - 40);
	CU_ASSERT_EQUAL(ram_u64(RSP0 - 40)[0], 0x5557); /* behind the INT */
	CU_ASSERT_EQUAL(ram_u64(RSP0 - 40)[1], SEL_UCODE);
	CU_ASSERT_EQUAL(ram_u64(RSP0 - 40)[4], SEL_UDATA);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_SS].selector, 0); /* null with the new RPL */
	CU_ASSERT_EQUAL(vcpu_cpl(&vcpu), 0);
	CU_ASSERT_FALSE(ring3.user);
	known_handler_from_user();
}

static void test_ist(void)
{
	struct event nested;

	new_guest();
	set_gate(33, SEL_KCODE, SYS_TYPE_INTR_GATE, 0, 1);
	CU_ASSERT_EQUAL(ring3_inject(&vcpu, &irq, &nested), INJECT_DONE);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], IST1 - 40);
}

/* Each fault of a delivery: vector and error code, with EXT for what the guest did not ask for. */
static void test_delivery_faults(void)
{
	static const struct {
		u16 selector;
		unsigned type, dpl;
		bool present, software;
		unsigned cpl;
		u8 vector;
		u32 error;
	} cases[] = {
		{SEL_KCODE, SYS_TYPE_CALL_GATE, 0, true, false, 0, VEC_GP,
		 33 << 3 | SEL_ERROR_IDT | SEL_ERROR_EXT},
		{SEL_KCODE, SYS_TYPE_INTR_GATE, 0, true, true, 3, VEC_GP, 33 << 3 | SEL_ERROR_IDT},
		{SEL_KCODE, SYS_TYPE_INTR_GATE, 0, false, false, 0, VEC_NP,
		 33 << 3 | SEL_ERROR_IDT | SEL_ERROR_EXT},
		{SEL_KCODE, SYS_TYPE_INTR_GATE, 0, false, true, 0, VEC_NP, 33 << 3 | SEL_ERROR_IDT},
		{0, SYS_TYPE_INTR_GATE, 0, true, false, 0, VEC_GP, SEL_ERROR_EXT},
		{SEL_KDATA, SYS_TYPE_INTR_GATE, 0, true, false, 0, VEC_GP, SEL_KDATA | SEL_ERROR_EXT},
		{SEL_CODE32, SYS_TYPE_INTR_GATE, 0, true, true, 0, VEC_GP, SEL_CODE32},
		{SEL_UCODE, SYS_TYPE_INTR_GATE, 0, true, true, 0, VEC_GP,
		 SEL_UCODE & ~3}, /* to an outer level */
		{SEL_AWAY, SYS_TYPE_INTR_GATE, 0, true, true, 0, VEC_NP, SEL_AWAY},
		{SEL_BEYOND, SYS_TYPE_INTR_GATE, 0, true, true, 0, VEC_GP, SEL_BEYOND},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event nested;

		new_guest();
		set_level(cases[i].cpl);
		set_gate(33, cases[i].selector, cases[i].type, cases[i].dpl, 0);
		if (!cases[i].present)
			((u8 *)ram_u64(IDT_GPA))[33 * 16 + 5] &= (u8)~SEG_ATTR_P;
		CU_ASSERT_EQUAL(ring3_inject(&vcpu, cases[i].software ? &int_33 : &irq, &nested),
				INJECT_FAULTED);
		CU_ASSERT_EQUAL(nested.vector, cases[i].vector);
		CU_ASSERT_EQUAL(nested.error, cases[i].error);
		CU_ASSERT_EQUAL(vcpu.rip, 0x5555); /* nothing has changed */
		CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + 8);
	}
	known_handler_changes();
}

static void test_idt_limit(void)
{
	struct event nested;

	new_guest();
	set_gate(33, SEL_KCODE, SYS_TYPE_INTR_GATE, 0, 0);
	vcpu.idtr.limit = 33 * 16 + 14;
	CU_ASSERT_EQUAL(ring3_inject(&vcpu, &int_33, &nested), INJECT_FAULTED);
	CU_ASSERT_EQUAL(nested.error, 33 << 3 | SEL_ERROR_IDT);
	vcpu.idtr.limit++;
	CU_ASSERT_EQUAL(ring3_inject(&vcpu, &int_33, &nested), INJECT_DONE);
}

static void test_stack_not_canonical(void)
{
	struct event nested;

	new_guest();
	set_gate(33, SEL_KCODE, SYS_TYPE_INTR_GATE, 0, 0);
	vcpu.gpr[GPR_RSP] = NOT_CANONICAL;
	CU_ASSERT_EQUAL(ring3_inject(&vcpu, &irq, &nested), INJECT_FAULTED);
	CU_ASSERT_EQUAL(nested.vector, VEC_SS);
}

/* ---- IRET ---- */

static const struct insn iretq = {.op = OP_IRET, .op_size = 8, .length = 2};

static void push_iret(u64 rip, u64 cs, u64 rflags, u64 rsp, u64 ss)
{
	u64 words[5] = {rip, cs, rflags, rsp, ss};

	vcpu.gpr[GPR_RSP] = STACK_GPA;
	memcpy(ram_u64(STACK_GPA), words, sizeof(words));
}

static void test_iret_to_user(void)
{
	new_guest();
	vcpu.nmi_blocked = true;
	vcpu.seg[SEG_DS] = desc_unpack(SEL_KDATA, *ram_u64(GDT_GPA + SEL_KDATA), 0);
	vcpu.seg[SEG_ES] = desc_unpack(SEL_UDATA, *ram_u64(GDT_GPA + (SEL_UDATA & ~7)), 0);
	push_iret(0x4000, SEL_UCODE, RFLAGS_IF | RFLAGS_IOPL | RFLAGS_VM, 0x4800, SEL_UDATA);
	transfer_iret(&vcpu, &iretq);
	CU_ASSERT_EQUAL(raised_count, 0);
	CU_ASSERT_EQUAL(vcpu.rip, 0x4000);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], 0x4800);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_IF | RFLAGS_IOPL | RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu_cpl(&vcpu), 3);
	CU_ASSERT(ring3.user);
	CU_ASSERT_FALSE(vcpu.nmi_blocked);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_DS].selector, 0);         /* an inner segment is taken away */
	CU_ASSERT_EQUAL(vcpu.seg[SEG_ES].selector, SEL_UDATA); /* the user's own stays */
}

static void test_iret_same_level(void)
{
	new_guest();
	push_iret(0x4000, SEL_KCODE, RFLAGS_IF, 0x4808,
		  0); /* a null SS is allowed to 64-bit code of level 0 */
	transfer_iret(&vcpu, &iretq);
	CU_ASSERT_EQUAL(raised_count, 0);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], 0x4808);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_SS].selector, 0);
	CU_ASSERT_EQUAL(vcpu_cpl(&vcpu), 0);
}

static void test_iret_faults(void)
{
	static const struct {
		u64 rip, cs, ss;
		u8 vector;
		u32 error;
	} cases[] = {
		{0x4000, 0, SEL_UDATA, VEC_GP, 0},
		{0x4000, SEL_BEYOND, SEL_KDATA, VEC_GP, SEL_BEYOND},
		{0x4000, SEL_KDATA, SEL_KDATA, VEC_GP, SEL_KDATA},
		{0x4000, SEL_KCODE | 3, SEL_UDATA, VEC_GP, SEL_KCODE},
		{0x4000, SEL_UCODE & ~3, SEL_UDATA, VEC_GP, SEL_UCODE & ~3},
		{0x4000, SEL_AWAY, SEL_KDATA, VEC_NP, SEL_AWAY},
		{0x800000000000, SEL_KCODE, SEL_KDATA, VEC_GP, 0},
		{0x4000, SEL_UCODE, 0, VEC_GP, 0},
		{0x4000, SEL_UCODE, SEL_KDATA, VEC_GP, SEL_KDATA},
		{0x4000, SEL_KCODE, SEL_RO, VEC_GP, SEL_RO},
		{0x4000, SEL_KCODE, SEL_AWAY_DATA, VEC_SS, SEL_AWAY_DATA},
		{0x4000, SEL_CODE32, 0, VEC_GP, 0}, /* a null SS only for 64-bit code */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		new_guest();
		push_iret(cases[i].rip, cases[i].cs, 0, 0x4800, cases[i].ss);
		transfer_iret(&vcpu, &iretq);
		CU_ASSERT_EQUAL(raised_count, 1);
		CU_ASSERT_EQUAL(raised.vector, cases[i].vector);
		CU_ASSERT_EQUAL(raised.error, cases[i].error);
		CU_ASSERT_EQUAL(vcpu.rip, 0x5555);
	}
}

static void test_iret_nested_task(void)
{
	new_guest();
	vcpu.rflags |= RFLAGS_NT;
	push_iret(0x4000, SEL_KCODE, 0, 0x4800, SEL_KDATA);
	transfer_iret(&vcpu, &iretq);
	CU_ASSERT_EQUAL(raised.vector, VEC_GP);
}

/* At level 3 IOPL stays, and IF unless IOPL is 3. */
static void test_iret_user_flags(void)
{
	for (unsigned iopl = 0; iopl < 4; iopl += 3) {
		new_guest();
		set_level(3);
		vcpu.rflags = RFLAGS_IF | RFLAGS_RESERVED1 | iopl << RFLAGS_IOPL_SHIFT;
		push_iret(0x4000, SEL_UCODE, RFLAGS_CF, 0x4800, SEL_UDATA);
		transfer_iret(&vcpu, &iretq);
		CU_ASSERT_EQUAL(vcpu.rflags,
				(iopl == 3 ? RFLAGS_IOPL : RFLAGS_IF) | RFLAGS_CF | RFLAGS_RESERVED1);
	}
}

/* ---- far branches and segment loads ---- */

static void test_far_jump(void)
{
	static const struct {
		u16 selector;
		u8 vector; /* 0: it works */
		u32 error;
	} cases[] = {
		{SEL_KCODE, 0, 0},
		{SEL_KCODE | 3, VEC_GP, SEL_KCODE},
		{SEL_CONF, 0, 0},
		{SEL_UCODE, VEC_GP, SEL_UCODE & ~3},
		{SEL_KDATA, VEC_GP, SEL_KDATA},
		{0, VEC_GP, 0},
		{SEL_AWAY, VEC_NP, SEL_AWAY},
		{SEL_BEYOND, VEC_GP, SEL_BEYOND},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct insn jmp = {
			.op = OP_JMP_FAR, .op_size = 4, .memory = true, .disp = 0x6000, .length = 7};
		u32 target = 0x4000;

		new_guest();
		memcpy(ram_u64(0x6000), &target, 4);
		memcpy((u8 *)ram_u64(0x6000) + 4, &cases[i].selector, 2);
		transfer_far(&vcpu, &jmp);
		CU_ASSERT_EQUAL(raised_count, cases[i].vector ? 1 : 0);
		if (cases[i].vector) {
			CU_ASSERT_EQUAL(raised.vector, cases[i].vector);
			CU_ASSERT_EQUAL(raised.error, cases[i].error);
		} else {
			CU_ASSERT_EQUAL(vcpu.rip, 0x4000);
			CU_ASSERT_EQUAL(vcpu.seg[SEG_CS].selector, cases[i].selector);
		}
	}
}

static void test_far_call_and_return(void)
{
	struct insn call = {.op = OP_CALL_FAR, .op_size = 8, .memory = true, .disp = 0x6000, .length = 3};
	struct insn ret = {.op = OP_RET_FAR, .op_size = 8, .length = 2};

	new_guest();
	*ram_u64(0x6000) = 0x4000;
	*ram_u64(0x6008) = SEL_KCODE;
	transfer_far(&vcpu, &call);
	CU_ASSERT_EQUAL(vcpu.rip, 0x4000);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + 8 - 16);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA - 8), 0x5558);
	CU_ASSERT_EQUAL(*ram_u64(STACK_GPA), SEL_KCODE);
	transfer_far(&vcpu, &ret);
	CU_ASSERT_EQUAL(raised_count, 0);
	CU_ASSERT_EQUAL(vcpu.rip, 0x5558);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + 8);
}

static void far_call_to(u16 selector)
{
	struct insn call = {.op = OP_CALL_FAR, .op_size = 4, .memory = true, .disp = 0x6000, .length = 7};

	*ram_u64(0x6000) = (u64)selector << 32;
	transfer_far(&vcpu, &call);
}

/* SDM vol. 3A, 5.8.3.1: from an outer level the stack is the TSS's, with SS, RSP, CS, RIP of the caller. */
static void test_call_gate(void)
{
	new_guest();
	set_level(3);
	set_call_gate(SEL_KCODE, 3, true);
	far_call_to(SEL_TSS_NEW | 3);
	CU_ASSERT_EQUAL(raised_count, 0);
	CU_ASSERT_EQUAL(vcpu.rip, HANDLER);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], RSP0 - 32);
	CU_ASSERT_EQUAL(ram_u64(RSP0 - 32)[0], 0x555c);
	CU_ASSERT_EQUAL(ram_u64(RSP0 - 32)[1], SEL_UCODE);
	CU_ASSERT_EQUAL(ram_u64(RSP0 - 32)[2], STACK_GPA + 8);
	CU_ASSERT_EQUAL(ram_u64(RSP0 - 32)[3], SEL_UDATA);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_SS].selector, 0);
	CU_ASSERT_EQUAL(vcpu_cpl(&vcpu), 0);

	new_guest(); /* the same level: the stack stays */
	set_call_gate(SEL_KCODE, 0, true);
	far_call_to(SEL_TSS_NEW);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RSP], STACK_GPA + 8 - 16);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_SS].selector, SEL_KDATA);
}

static void test_call_gate_faults(void)
{
	static const struct {
		u16 target;
		unsigned dpl;
		bool present;
		u8 vector;
		u32 error;
	} cases[] = {
		{SEL_KCODE, 0, true, VEC_GP, SEL_TSS_NEW},
		{SEL_KCODE, 3, false, VEC_NP, SEL_TSS_NEW},
		{0, 3, true, VEC_GP, 0},
		{SEL_KDATA, 3, true, VEC_GP, SEL_KDATA},
		{SEL_CODE32, 3, true, VEC_GP, SEL_CODE32},
		{SEL_AWAY, 3, true, VEC_NP, SEL_AWAY},
		{SEL_BEYOND, 3, true, VEC_GP, SEL_BEYOND},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		new_guest();
		set_level(3);
		set_call_gate(cases[i].target, cases[i].dpl, cases[i].present);
		far_call_to(SEL_TSS_NEW | 3);
		CU_ASSERT_EQUAL(raised_count, 1);
		CU_ASSERT_EQUAL(raised.vector, cases[i].vector);
		CU_ASSERT_EQUAL(raised.error, cases[i].error);
		CU_ASSERT_EQUAL(vcpu.rip, 0x5555);
	}
}

static void test_segment_loads(void)
{
	static const struct {
		unsigned seg;
		u16 selector;
		unsigned cpl;
		u8 vector; /* 0: it works */
		u32 error;
	} cases[] = {
		{SEG_DS, SEL_KDATA, 0, 0, 0},
		{SEG_DS, 0, 0, 0, 0},
		{SEG_DS, 3, 3, 0, 0},
		{SEG_DS, SEL_RO, 0, 0, 0},
		{SEG_DS, SEL_CONF | 3, 3, 0, 0}, /* conforming code that can be read, from every level */
		{SEG_DS, SEL_KDATA | 3, 0, VEC_GP, SEL_KDATA},
		{SEG_DS, SEL_KDATA, 3, VEC_GP, SEL_KDATA},
		{SEG_DS, SEL_AWAY_DATA, 0, VEC_NP, SEL_AWAY_DATA},
		{SEG_DS, SEL_TSS_NEW, 0, VEC_GP, SEL_TSS_NEW},
		{SEG_DS, SEL_BEYOND, 0, VEC_GP, SEL_BEYOND},
		{SEG_DS, SEL_KDATA | SEL_TI, 0, VEC_GP, SEL_KDATA | SEL_TI}, /* no LDT */
		{SEG_SS, SEL_KDATA, 0, 0, 0},
		{SEG_SS, 0, 0, 0, 0},
		{SEG_SS, SEL_UDATA, 0, VEC_GP, SEL_UDATA & ~3},
		{SEG_SS, SEL_RO, 0, VEC_GP, SEL_RO},
		{SEG_SS, SEL_AWAY_DATA, 0, VEC_SS, SEL_AWAY_DATA},
		{SEG_SS, 0, 3, VEC_GP, 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event f;
		bool loaded;

		new_guest();
		set_level(cases[i].cpl);
		loaded = segment_load(&vcpu, cases[i].seg, cases[i].selector, &f);
		CU_ASSERT_EQUAL(loaded, !cases[i].vector);
		if (loaded) {
			CU_ASSERT_EQUAL(vcpu.seg[cases[i].seg].selector, cases[i].selector);
		} else {
			CU_ASSERT_EQUAL(f.vector, cases[i].vector);
			CU_ASSERT_EQUAL(f.error, cases[i].error);
		}
	}
}

static void test_task_register(void)
{
	struct event f;

	new_guest();
	CU_ASSERT(tr_load(&vcpu, SEL_TSS_NEW, &f));
	CU_ASSERT_EQUAL(vcpu.seg[SEG_TR].base, TSS_GPA);
	CU_ASSERT_FALSE(tr_load(&vcpu, SEL_TSS_NEW, &f)); /* busy now */
	CU_ASSERT_EQUAL(f.error, SEL_TSS_NEW);
	CU_ASSERT_FALSE(tr_load(&vcpu, 0, &f));
	CU_ASSERT_EQUAL(f.error, 0);
}

/* ---- SYSCALL and SYSRET ---- */

static void test_syscall_and_sysret(void)
{
	struct insn sysretq = {.op = OP_SYSRET, .op_size = 8, .length = 3};

	new_guest();
	set_level(3);
	vcpu.efer |= EFER_SCE;
	vcpu.star = (u64)0x13 << 48 | (u64)SEL_KCODE << 32;
	vcpu.lstar = 0x7654;
	vcpu.fmask = RFLAGS_IF | RFLAGS_TF;
	transfer_syscall(&vcpu, true);
	CU_ASSERT_EQUAL(vcpu.rip, 0x7654);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], 0x5555);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_R11], RFLAGS_IF | RFLAGS_TF | RFLAGS_ZF | RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_ZF | RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_CS].selector, SEL_KCODE);
	CU_ASSERT_EQUAL(vcpu_cpl(&vcpu), 0);
	transfer_sysret(&vcpu, &sysretq);
	CU_ASSERT_EQUAL(vcpu.rip, 0x5555);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_CS].selector, 0x23);
	CU_ASSERT_EQUAL(vcpu.seg[SEG_SS].selector, 0x1b);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_IF | RFLAGS_TF | RFLAGS_ZF | RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu_cpl(&vcpu), 3);
	CU_ASSERT_EQUAL(raised_count, 0);
	vcpu.fmask = RFLAGS_IF; /* TF stays: the single step ends at the kernel's first instruction */
	transfer_syscall(&vcpu, true);
	CU_ASSERT_EQUAL(raised.vector, VEC_DB);
	vcpu.efer &= ~(u64)EFER_SCE;
	transfer_sysret(&vcpu, &sysretq);
	CU_ASSERT_EQUAL(raised.vector, VEC_UD);
}

UNIT_MAIN("transfer", {"frame on the same level", test_frame_same_level},
	  {"a trap gate keeps interrupts on", test_trap_gate_keeps_interrupts_on},
	  {"from user mode the stack is RSP0", test_from_user_switches_stack}, {"IST", test_ist},
	  {"faults of a delivery", test_delivery_faults}, {"limit of the IDT", test_idt_limit},
	  {"stack not canonical", test_stack_not_canonical}, {"IRET to user mode", test_iret_to_user},
	  {"IRET within the level", test_iret_same_level}, {"faults of IRET", test_iret_faults},
	  {"IRET with NT", test_iret_nested_task}, {"flags of IRET in user mode", test_iret_user_flags},
	  {"far jump", test_far_jump}, {"far call and return", test_far_call_and_return},
	  {"call gate", test_call_gate}, {"faults of a call gate", test_call_gate_faults},
	  {"segment loads", test_segment_loads}, {"task register", test_task_register},
	  {"SYSCALL and SYSRET", test_syscall_and_sysret})
