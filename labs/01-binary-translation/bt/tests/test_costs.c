// SPDX-License-Identifier: MIT
/*
 * What a translation costs, in instructions that the CPU executes for one round of a loop once all is chained
 * and all destinations are in the table. The figures are exact: a sequence that becomes longer is seen here.
 */
#include <string.h>

#include "lib/tests/unit.h"
#include "monitor.h"

#define ROUNDS 10

static const struct {
	const char *name, *hex;
	unsigned own;        /* instructions of a round, natively */
	unsigned translated; /* and in the cache */
} loops[] = {
	{"sub, jae", "83e901 73fb", 2, 2},
	{"add, mov memory, lea, xchg, sub, jne", "4801d8 48891c24 8d0480 4891 4891 83e901 75ed", 7, 7},
	{"jmp, sub, jae", "eb00 83e901 73f9", 3, 3},
	{"loop backwards", "90 e2fd", 2, 3},
	{"sti, cli, sub, jae", "fb fa 83e901 73f9", 4, 4},
	{"pushfq, popfq with IF, sub, jae", "9c 9d 83e901 73f9", 4, 20},
	{"cli, pushfq, popfq, sub, jae", "fa 9c 9d 83e901 73f8", 5, 20},
	{"mov %rax, %cr8, sub, jae", "440f22c0 83e901 73f7", 3, 14},
	{"mov %cr3, %rax, sub, jae", "0f20d8 83e901 73f8", 3, 3},
	{"mov %ss, %eax, sub, jae", "8cd0 83e901 73f9", 3, 3},
	/* call 1f; sub, jae; jmp 2f; 1: ret; 2: */
	{"call, ret, sub, jae", "e807000000 83e901 73f6 eb01 c3", 4, 14},
	/* mov $1f, %ebx; 0: call *%rbx; sub, jae 0b; jmp 2f; 1: ret; 2: */
	{"call *, ret, mov, sub, jae", "bb0e000010 ffd3 83e901 73f4 eb01 c3", 5, 24},
	/* mov $1f, %ebx; jmp *%rbx; 1: sub, jae */
	{"jmp *, mov, sub, jae", "bb07000010 ffe3 83e901 73f4", 4, 13},
	/* 0: lea 1f(%rip), %rbx; mov %rsp, %rdx; push $0x18; push %rdx; push $0x202; push $0x10; push %rbx;
	   iretq; 1: sub, jae 0b */
	{"iretq with 7 more, sub, jae", "488d1d10000000 4889e2 6a18 52 6802020000 6a10 53 48cf 83e901 73e4",
	 10, 46},
};

/* A loop of so many rounds, then UD2; RCX counts them. */
static struct guest make_loop(const char *hex, unsigned rounds)
{
	u8 *at = (u8 *)runner_code(PLACE_LOW);
	struct guest g = {.cpu.rip = (u64)at, .vif = RFLAGS_IF, .cr8 = 1};
	unsigned byte;

	for (; *hex; hex += *hex == ' ' ? 1 : 2)
		if (*hex != ' ' && sscanf(hex, "%2x", &byte) == 1)
			*at++ = (u8)byte;
	memcpy(at, (const u8[]){0x0f, 0x0b}, 2);
	g.cpu.gpr[GPR_RCX] = rounds;
	g.cpu.gpr[GPR_RSP] = runner_middle(PLACE_LOW, AREA_STACK);
	g.cpu.gpr[GPR_RBX] = runner_middle(PLACE_LOW, AREA_DATA);
	return g;
}

static unsigned count_own(const char *hex, unsigned rounds)
{
	struct guest g = make_loop(hex, rounds);
	unsigned count = 0;

	while (!reference_step(&g).signal)
		count++;
	return count;
}

/* The second time: the first one chains it all. */
static unsigned count_translated(const char *hex, unsigned rounds)
{
	struct guest g = make_loop(hex, rounds);
	unsigned exits, count = 0;

	runner_flush(BT_FAST);
	monitor_random = 0;
	monitor_error[0] = '\0';
	CU_ASSERT_TRUE(monitor_run(&g, &exits));
	CU_ASSERT_STRING_EQUAL(monitor_error, "");
	g = make_loop(hex, rounds);
	reference_fill(&g);
	g.cpu.rip = runner_cache.window + monitor_block(g.cpu.rip)->code;
	do {
		bool pushf = runner_cache.code[g.cpu.rip - runner_cache.window] == 0x9c;

		g.cpu.rflags |= RFLAGS_TF;
		if (runner_run(&g.cpu).signal != SIGTRAP)
			break;
		if (pushf)
			*(u64 *)g.cpu.gpr[GPR_RSP] &= ~(u64)RFLAGS_TF;
	} while (++count < 100000);
	return count;
}

static void test_loops(void)
{
	runner_init();
	for (unsigned n = 0; n < ARRAY_SIZE(loops); n++) {
		const char *hex = loops[n].hex;
		unsigned own = count_own(hex, 2 * ROUNDS) - count_own(hex, ROUNDS);
		unsigned translated = count_translated(hex, 2 * ROUNDS) - count_translated(hex, ROUNDS);

		if (own != loops[n].own * ROUNDS || translated != loops[n].translated * ROUNDS)
			fprintf(stderr, "%s: %u by itself, %u translated, for %u rounds\n", loops[n].name,
				own, translated, ROUNDS);
		CU_ASSERT_EQUAL(own, loops[n].own * ROUNDS);
		CU_ASSERT_EQUAL(translated, loops[n].translated * ROUNDS);
	}
}

UNIT_MAIN("costs", {"loops", test_loops})
