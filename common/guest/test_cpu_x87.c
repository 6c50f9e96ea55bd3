// SPDX-License-Identifier: MIT
/*
 * cpu/: the address of the last x87 instruction, as each form stores it. SDM vol. 1, 8.1.8 "x87 FPU
 * Instruction and Data (Operand) Pointers": it is that of the instruction, and control instructions (those
 * that store it) leave it alone. An unmasked exception is pending all the time: AMD's CPUs store the address
 * by FXSAVE and XSAVE only then (APM vol. 2, 11.4.4.3 "Error Pointers").
 *
 * QEMU 7.2 stores 0 by FXSAVE and XSAVE, and not even FNSTENV is sure under a monitor on it: the address is
 * lost when that saves the state of one guest to run another. So 0 passes there, and there is more than one
 * try.
 */
#include "guest/test.h"
#include "lib/string.h"

#define TRIES        8
#define DIVIDE_AT    8 /* in both: FNINIT, FLDCW, FLD1, FLDZ are of two bytes each */

/* The memory of both, from RDI on. Offsets of the address: SDM vol. 1, table 10-2, figures 8-9 and 8-11. */
#define FCW          0x000
#define FXSAVE64     0x200
#define FXSAVE       0x400
#define FNSTENV      0x600
#define FNSTENV_16   0x640
#define FNSAVE       0x680
#define XSAVE64      0x800
#define XSAVE        0xc00
#define LEGACY_RIP   8
#define ENV_RIP      12
#define ENV_16_RIP   6

#define FCW_UNMASKED 0x037b /* zero divide */

CODE(x87_store, "fninit; fldcw (%rdi); fld1; fldz; fdivrp\n"
		"fxsave64 0x200(%rdi); fxsave 0x400(%rdi); fnstenv 0x600(%rdi); data16 fnstenv 0x640(%rdi)\n"
		"fnstenv x87_environment(%rip); fnsave 0x680(%rdi); ret");
extern u8 x87_environment[28];
u8 x87_environment[28];

static u64 field(const u8 *image, unsigned offset, unsigned size)
{
	u64 value = 0;

	memcpy(&value, image + offset, size);
	return value;
}

static u8 *new_memory(void)
{
	u8 *memory = page_alloc();
	u16 fcw = FCW_UNMASKED;

	memcpy(memory + FCW, &fcw, sizeof(fcw));
	return memory;
}

/* Is that the address of the division, as far as it is stored? */
static bool names(u64 stored, unsigned size, const u8 *code)
{
	u64 rip = (u64)code + DIVIDE_AT;

	return size == sizeof(u64) ? stored == rip : stored == (rip & (BIT(8 * size) - 1));
}

static bool names_or_none(u64 stored, unsigned size, const u8 *code)
{
	return !stored || names(stored, size, code);
}

static bool environments_are_right(const u8 *memory)
{
	return names(field(memory, FNSTENV + ENV_RIP, 4), 4, x87_store) &&
	       names(field(memory, FNSTENV_16 + ENV_16_RIP, 2), 2, x87_store) &&
	       names(field(x87_environment, ENV_RIP, 4), 4, x87_store) &&
	       names(field(memory, FNSAVE + ENV_RIP, 4), 4, x87_store);
}

static void x87_pointer(void)
{
	u8 *memory = new_memory();
	bool right = false;
	struct frame f;

	for (unsigned n = 0; n < TRIES && !right; n++) {
		catch_asm(&f, x87_store, (u64)memory);
		right = environments_are_right(memory);
	}
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK(right);
	CHECK(names_or_none(field(memory, FXSAVE64 + LEGACY_RIP, 8), 8, x87_store));
	CHECK(names_or_none(field(memory, FXSAVE + LEGACY_RIP, 4), 4, x87_store));
	asm volatile("fninit");
}

static bool has_xsave(void)
{
	return feature_present(START_FEATURE_XSAVE);
}

CODE(x87_xsave, "fninit; fldcw (%rdi); fld1; fldz; fdivrp\n"
		"xor %ecx, %ecx; xor %edx, %edx; mov $1, %eax; xsetbv\n"
		"xsave64 0x800(%rdi); xsave 0xc00(%rdi); fnstenv 0x600(%rdi); ret");

static void xsave_pointer(void)
{
	u8 *memory = new_memory();
	u64 cr4 = read_cr4();
	bool right = false;
	struct frame f;

	write_cr4(cr4 | CR4_OSXSAVE);
	for (unsigned n = 0; n < TRIES && !right; n++) {
		catch_asm(&f, x87_xsave, (u64)memory);
		right = names(field(memory, FNSTENV + ENV_RIP, 4), 4, x87_xsave);
	}
	write_cr4(cr4);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK(right);
	CHECK(names_or_none(field(memory, XSAVE64 + LEGACY_RIP, 8), 8, x87_xsave));
	CHECK(names_or_none(field(memory, XSAVE + LEGACY_RIP, 4), 4, x87_xsave));
	asm volatile("fninit");
}

const struct test cpu_x87_tests[] = {
	{"cpu/x87_pointer", x87_pointer},
	{"cpu/xsave_pointer", xsave_pointer, has_xsave},
	{},
};
