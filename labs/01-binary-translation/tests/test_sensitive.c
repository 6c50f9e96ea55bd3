// SPDX-License-Identifier: MIT
/*
 * What an instruction that faulted in virtual ring 0 becomes: the interrupt flag of the vcpu, or an exit with
 * all that common code needs to answer it. The decoder has tests of its own; here the decoded instruction is
 * given. SDM vol. 2, "CLI", "STI", "IN", "INS", "OUT", "OUTS", "MOV - Move to/from Control Registers",
 * "CLTS", "LMSW".
 */
#include "ring3_fixture.h"

#define PORT 0x3f8

static void new_instructions(void)
{
	new_guest();
	vcpu.frame_vector = VEC_GP;
	vcpu.rflags = RFLAGS_RESERVED1;
}

static struct vmexit emulate(const struct insn *i)
{
	struct vmexit exit = {.reason = VMEXIT_SHUTDOWN};

	instruction = i;
	sensitive_emulate(&vcpu, &exit);
	return exit;
}

/* "STI: If IF was clear, interrupts are delivered after the end of the following instruction." */
static void test_interrupt_flag(void)
{
	static const struct insn cli = {.op = OP_CLI, .length = 1}, sti = {.op = OP_STI, .length = 1};

	new_instructions();
	CU_ASSERT_EQUAL(emulate(&sti).reason, VMEXIT_NONE);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_IF | RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu.rip, RIP + 1);
	CU_ASSERT(vcpu.interrupt_shadow);
	emulate(&sti); /* IF is on: no shadow, and that of the first STI is over */
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_IF | RFLAGS_RESERVED1);
	CU_ASSERT(!vcpu.interrupt_shadow);
	emulate(&cli);
	CU_ASSERT_EQUAL(vcpu.rflags, RFLAGS_RESERVED1);
	CU_ASSERT_EQUAL(vcpu.rip, RIP + 3);
	CU_ASSERT(!vcpu.interrupt_shadow);
	emulate(&sti);
	emulate(&cli); /* it is the next instruction, and ends the shadow */
	CU_ASSERT(!vcpu.interrupt_shadow);
	CU_ASSERT_EQUAL(raised_count + reflected, 0);
}

static void test_port_from_byte_or_dx(void)
{
	static const struct insn in_byte = {
		.op = OP_IN, .length = 2, .op_size = 1, .has_imm = true, .imm = (s8)0xf4};
	static const struct insn out_dx = {.op = OP_OUT, .length = 1, .op_size = 4, .rep = true};
	struct vmexit exit;

	new_instructions();
	vcpu.gpr[GPR_RDX] = 0xabcd0000 | PORT;
	exit = emulate(&in_byte);
	CU_ASSERT_EQUAL(exit.reason, VMEXIT_IO);
	CU_ASSERT_EQUAL(exit.insn_len, 2);
	CU_ASSERT_EQUAL(exit.io.port, 0xf4);
	CU_ASSERT_EQUAL(exit.io.size, 1);
	CU_ASSERT(!exit.io.write && !exit.io.string && !exit.io.rep);
	exit = emulate(&out_dx);
	CU_ASSERT_EQUAL(exit.io.port, PORT);
	CU_ASSERT_EQUAL(exit.io.size, 4);
	CU_ASSERT(exit.io.write && !exit.io.string);
	CU_ASSERT(!exit.io.rep);        /* a prefix that means nothing here */
	CU_ASSERT_EQUAL(vcpu.rip, RIP); /* common code ends the instruction */
}

static void test_string_port(void)
{
	static const struct insn ins = {
		.op = OP_INS, .length = 3, .op_size = 2, .addr_size = 4, .segment = SEG_FS, .repne = true};
	static const struct insn outs = {
		.op = OP_OUTS, .length = 2, .op_size = 1, .addr_size = 8, .segment = SEG_GS};
	struct vmexit exit;

	new_instructions();
	vcpu.gpr[GPR_RDX] = PORT;
	exit = emulate(&ins);
	CU_ASSERT(!exit.io.write && exit.io.string && exit.io.rep);
	CU_ASSERT_EQUAL(exit.io.addr_size, 4);
	CU_ASSERT_EQUAL(exit.io.segment, SEG_ES);
	exit = emulate(&outs);
	CU_ASSERT(exit.io.write && exit.io.string && !exit.io.rep);
	CU_ASSERT_EQUAL(exit.io.addr_size, 8);
	CU_ASSERT_EQUAL(exit.io.segment, SEG_GS);
}

static void test_control_registers(void)
{
	static const struct insn write = {.op = OP_MOV_TO_CR, .length = 4, .reg = 8, .rm = GPR_R11};
	static const struct insn read = {.op = OP_MOV_FROM_CR, .length = 3, .reg = 3, .rm = GPR_RAX};
	static const struct insn clts = {.op = OP_CLTS, .length = 2, .reg = 5};
	struct vmexit exit;

	new_instructions();
	exit = emulate(&write);
	CU_ASSERT_EQUAL(exit.reason, VMEXIT_CR);
	CU_ASSERT_EQUAL(exit.insn_len, 4);
	CU_ASSERT_EQUAL(exit.cr.op, CR_WRITE);
	CU_ASSERT_EQUAL(exit.cr.number, 8);
	CU_ASSERT_EQUAL(exit.cr.gpr, GPR_R11);
	exit = emulate(&read);
	CU_ASSERT_EQUAL(exit.cr.op, CR_READ);
	CU_ASSERT_EQUAL(exit.cr.number, 3);
	CU_ASSERT_EQUAL(exit.cr.gpr, GPR_RAX);
	exit = emulate(&clts);
	CU_ASSERT_EQUAL(exit.cr.op, CR_CLTS);
	CU_ASSERT_EQUAL(exit.cr.number, 0);
	CU_ASSERT_EQUAL(vcpu.rip, RIP);
}

static void test_lmsw(void)
{
	static const struct insn from_register = {.op = OP_LMSW, .length = 3, .reg = 6, .rm = GPR_RBX};
	struct insn from_memory = {.op = OP_LMSW, .length = 4, .reg = 6, .memory = true, .disp = OPERAND_GPA};
	struct vmexit exit;

	new_instructions();
	vcpu.gpr[GPR_RBX] = 0x1234000b;
	exit = emulate(&from_register);
	CU_ASSERT_EQUAL(exit.cr.op, CR_LMSW);
	CU_ASSERT_EQUAL(exit.cr.number, 0);
	CU_ASSERT_EQUAL(exit.cr.source, 0x000b);
	*ram_u64(OPERAND_GPA) = 0x5555000d;
	exit = emulate(&from_memory);
	CU_ASSERT_EQUAL(exit.cr.source, 0x000d);
	CU_ASSERT_EQUAL(raised_count, 0);
	from_memory.disp =
		(s64)0x8000000000000000; /* not canonical: the operand faults, and nothing else comes */
	exit = emulate(&from_memory);
	CU_ASSERT_EQUAL(exit.reason, VMEXIT_NONE);
	CU_ASSERT_EQUAL(raised_count, 1);
}

UNIT_MAIN("sensitive", {"CLI and STI", test_interrupt_flag},
	  {"port from a byte or DX", test_port_from_byte_or_dx}, {"INS and OUTS", test_string_port},
	  {"control registers", test_control_registers}, {"LMSW", test_lmsw})
