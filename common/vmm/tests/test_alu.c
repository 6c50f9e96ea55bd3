// SPDX-License-Identifier: MIT
/*
 * Arithmetic with flags against their definitions (SDM vol. 1, 3.4.3.1 "Status Flags"), written here as
 * formulas: all operands of one byte with both states of CF, and random ones of the other sizes.
 */
#include "lib/tests/unit.h"
#include "vmm/alu.h"
#include "x86/regs.h"

#define RANDOM_COUNT 20000
#define UNTOUCHED    (RFLAGS_RESERVED1 | RFLAGS_IF | RFLAGS_DF) /* what arithmetic leaves alone */

/* Numbers of the /r field */
enum { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, OPERATIONS };

static u64 sign_bit(unsigned size)
{
	return BIT(8 * size - 1);
}

static u64 result_flags(u64 result, unsigned size)
{
	u64 flags = result ? 0 : RFLAGS_ZF;

	if (result & sign_bit(size))
		flags |= RFLAGS_SF;
	if (!(__builtin_popcountll(result & 0xff) & 1))
		flags |= RFLAGS_PF;
	return flags;
}

/* What the operation has to give; AF of the logical ones is undefined. */
static u64 expect(unsigned op, u64 a, u64 b, unsigned size, bool carry, u64 *flags)
{
	bool with_carry = (op == ADC || op == SBB) && carry, subtract = op == SBB || op == SUB || op == CMP;
	u64 result;

	if (op == OR || op == AND || op == XOR) {
		result = op == OR ? a | b : op == AND ? a & b : a ^ b;
		*flags = result_flags(result, size);
		return result;
	}
	result = alu_truncate(subtract ? a - b - with_carry : a + b + with_carry, size);
	*flags = result_flags(result, size) | ((a ^ b ^ result) & RFLAGS_AF); /* the carry into bit 4 */
	if (subtract) {
		if (a < b || (with_carry && a == b))
			*flags |= RFLAGS_CF;
		if ((a ^ b) & (a ^ result) & sign_bit(size))
			*flags |= RFLAGS_OF;
	} else {
		if (result < a || (with_carry && result == a))
			*flags |= RFLAGS_CF;
		if ((a ^ result) & (b ^ result) & sign_bit(size))
			*flags |= RFLAGS_OF;
	}
	return result;
}

static bool agrees(unsigned op, u64 a, u64 b, unsigned size, bool carry)
{
	u64 rflags = UNTOUCHED | (carry ? RFLAGS_CF : 0), expected_flags;
	u64 expected = expect(op, a, b, size, carry, &expected_flags);
	u64 result = alu_binary(op, a, b, size, &rflags);
	u64 compared = op == OR || op == AND || op == XOR ? ~(u64)RFLAGS_AF : ~0ULL;

	if (result == expected && (rflags & compared) == ((UNTOUCHED | expected_flags) & compared))
		return true;
	printf("\n    op %u, %u bytes, 0x%llx 0x%llx, CF %d: 0x%llx flags 0x%llx, expected 0x%llx flags "
	       "0x%llx",
	       op, size, (unsigned long long)a, (unsigned long long)b, carry, (unsigned long long)result,
	       (unsigned long long)rflags, (unsigned long long)expected, (unsigned long long)expected_flags);
	return false;
}

static void test_all_bytes(void)
{
	unsigned wrong = 0;

	for (unsigned op = 0; op < OPERATIONS; op++)
		for (unsigned n = 0; n < 0x20000 && wrong < 10; n++)
			wrong += !agrees(op, n & 0xff, n >> 8 & 0xff, 1, n >> 16);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_wide(void)
{
	static const u64 edges[] = {0,      1,          0x7f,       0x80,  0xffff,  0x7fff,
				    0x8000, 0x7fffffff, 0x80000000, ~0ULL, BIT(63), BIT(63) - 1};
	u64 state = 1;
	unsigned wrong = 0;

	for (unsigned n = 0; n < RANDOM_COUNT && wrong < 10; n++) {
		unsigned size = 2u << n % 3;
		u64 a, b;

		state = state * 6364136223846793005 + 1442695040888963407; /* Knuth, MMIX */
		a = n & 8 ? edges[(state >> 40) % ARRAY_SIZE(edges)] : state >> 7;
		state = state * 6364136223846793005 + 1442695040888963407;
		b = n & 16 ? edges[(state >> 40) % ARRAY_SIZE(edges)] : state >> 3;
		wrong += !agrees(n % OPERATIONS, alu_truncate(a, size), alu_truncate(b, size), size,
				 state >> 63);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* INC and DEC leave CF as it was; of NEG it says whether there was anything to negate. */
static void test_unary(void)
{
	u64 flags = RFLAGS_CF;

	CU_ASSERT_EQUAL(alu_inc(0xff, 1, &flags), 0);
	CU_ASSERT_EQUAL(flags, RFLAGS_CF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF);
	flags = 0;
	CU_ASSERT_EQUAL(alu_inc(0x7fffffff, 4, &flags), 0x80000000);
	CU_ASSERT_EQUAL(flags, RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF);
	flags = 0;
	CU_ASSERT_EQUAL(alu_dec(0, 2, &flags), 0xffff);
	CU_ASSERT_EQUAL(flags, RFLAGS_SF | RFLAGS_AF | RFLAGS_PF);
	flags = RFLAGS_CF;
	CU_ASSERT_EQUAL(alu_neg(0, 8, &flags), 0);
	CU_ASSERT_EQUAL(flags, RFLAGS_ZF | RFLAGS_PF);
	flags = 0;
	CU_ASSERT_EQUAL(alu_neg(0x80, 1, &flags), 0x80);
	CU_ASSERT_EQUAL(flags, RFLAGS_OF | RFLAGS_SF | RFLAGS_CF);
}

static void test_extension(void)
{
	CU_ASSERT_EQUAL(alu_truncate(~0ULL, 4), 0xffffffff);
	CU_ASSERT_EQUAL(alu_truncate(~0ULL, 8), ~0ULL);
	CU_ASSERT_EQUAL(alu_sign_extend(0x80, 1), ~0x7fULL);
	CU_ASSERT_EQUAL(alu_sign_extend(0x7f, 1), 0x7f);
	CU_ASSERT_EQUAL(alu_sign_extend(BIT(63), 8), BIT(63));
}

UNIT_MAIN("alu", {"all bytes", test_all_bytes}, {"wide operands", test_wide}, {"INC, DEC, NEG", test_unary},
	  {"extension", test_extension})
