// SPDX-License-Identifier: MIT
/*
 * Rules about values, each from both sides, on the CPU: when an inlined sequence leaves by its slow way, what
 * addresses become, where jumps lead. RIP may be any number here, since the bytes stand elsewhere: also one
 * of a kernel's.
 */
#include <string.h>
#include <sys/mman.h>

#include "blocks.h"
#include "lib/tests/unit.h"

/* ---- slow ways ---- */

/* Runs what is at the beginning of the block. Does it leave by its slow way, with nothing changed? */
static bool leaves_slowly(const char *hex, const struct guest *before)
{
	struct guest g = *before, expected = *before;
	struct bt_block *b;
	struct bt_exit *e;
	u8 memory[GUEST_MEMORY];
	char difference[80];
	u32 at;

	blocks_begin(BT_FAST);
	b = blocks_translate(LOW_RIP, hex);
	runner_save_memory(PLACE_LOW, memory);
	at = blocks_run(b, &g);
	e = monitor_exit(at);
	if (!e || e->kind != BT_EXIT_CALLOUT)
		return false;
	CU_ASSERT_EQUAL(e->rip, LOW_RIP);
	CU_ASSERT_FALSE(blocks_point(at)->boundary || blocks_point(at)->committed);
	expected.cpu.rip = LOW_RIP;
	CU_ASSERT_TRUE(monitor_recover(&g, at));
	CU_ASSERT_TRUE(reference_same(&expected, &g, difference, sizeof(difference)));
	CU_ASSERT_TRUE(runner_same_memory(PLACE_LOW, memory));
	return true;
}

static void test_popf_images(void)
{
	static const u64 slow = RFLAGS_TF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | BIT(15);

	for (unsigned n = 0; n < 64; n++) {
		struct guest g = blocks_guest();

		/* Bits that POPF at CPL 0 does not look at, and all others, alone and beside IF */
		*(u64 *)STACK = BIT(n);
		CU_ASSERT_EQUAL(leaves_slowly("9d 90", &g), (BIT(n) & slow) != 0);
		*(u64 *)STACK = BIT(n) | RFLAGS_IF | RFLAGS_OF;
		CU_ASSERT_EQUAL(leaves_slowly("9d 90", &g), (BIT(n) & slow) != 0);
	}
}

static void put_frame(u64 rip, u64 cs, u64 rflags, u64 rsp, u64 ss)
{
	memcpy((void *)STACK, (const u64[]){rip, cs, rflags, rsp, ss}, 5 * sizeof(u64));
}

static bool slow_iret(u64 rip, u64 cs, u64 rflags, u64 ss)
{
	struct guest g = blocks_guest();

	put_frame(rip, cs, rflags, STACK, ss);
	return leaves_slowly("48cf", &g);
}

static void test_iret_frames(void)
{
	static const u64 slow = RFLAGS_TF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP;
	const u64 cs = reference_state.sel[SEG_CS], ss = reference_state.sel[SEG_SS];

	CU_ASSERT_FALSE(slow_iret(KERNEL_RIP, cs, 0, ss));
	for (unsigned n = 0; n < 32; n++)
		if (BIT(n) != RFLAGS_AC) /* this process would have to align its own accesses */
			CU_ASSERT_EQUAL(slow_iret(KERNEL_RIP, cs, BIT(n), ss), (BIT(n) & slow) != 0);
	for (unsigned n = 0; n < 64; n++) {
		CU_ASSERT_TRUE(slow_iret(KERNEL_RIP, cs ^ BIT(n), 0, ss));
		CU_ASSERT_TRUE(slow_iret(KERNEL_RIP, cs, 0, ss ^ BIT(n)));
	}
}

/* "If the return instruction pointer is not canonical": #GP(0) at IRET */
static void test_iret_canonical(void)
{
	const u64 cs = reference_state.sel[SEG_CS], ss = reference_state.sel[SEG_SS];

	CU_ASSERT_FALSE(slow_iret(0x00007fffffffffff, cs, 0, ss));
	CU_ASSERT_TRUE(slow_iret(0x0000800000000000, cs, 0, ss));
	CU_ASSERT_TRUE(slow_iret(0xffff7fffffffffff, cs, 0, ss));
	CU_ASSERT_FALSE(slow_iret(0xffff800000000000, cs, 0, ss));
	CU_ASSERT_TRUE(slow_iret(0x8000000000000000, cs, 0, ss));
}

static void test_iret_slow_field(void)
{
	struct guest g = blocks_guest();
	struct bt_block *b;

	for (unsigned n = 0; n < 2; n++) {
		blocks_begin(BT_FAST);
		b = blocks_translate(LOW_RIP, "48cf");
		put_frame(KERNEL_RIP, reference_state.sel[SEG_CS], 0, STACK, reference_state.sel[SEG_SS]);
		g.cpu.gpr[GPR_RSP] = STACK;
		g.cpu.rip = runner_cache.window + b->code;
		reference_fill(&g);
		runner_cache.state->iret_slow = n;
		runner_run(&g.cpu);
		CU_ASSERT_EQUAL(monitor_exit((u32)(g.cpu.rip - runner_cache.window)) != NULL, n);
	}
}

/*
 * The words of a frame are read in the order in which they are popped, and whole: the first that is not there
 * faults, before anything has changed. So many bytes of it are on the last page that is there.
 */
static void check_across_pages(const char *hex, unsigned words, unsigned before)
{
	u64 rsp = STACK - before, word = rsp + ALIGN_DOWN(before, sizeof(u64));
	struct guest g = blocks_guest(), expected;
	struct stop stop;
	char difference[80];

	blocks_begin(BT_FAST);
	memcpy((void *)rsp, (const u64[]){words > 1 ? KERNEL_RIP : RFLAGS_IF, 0x10, 0x202, STACK, 0x18},
	       5 * sizeof(u64));
	g.cpu.gpr[GPR_RSP] = rsp;
	expected = g;
	expected.cpu.rip = LOW_RIP;
	reference_fill(&g);
	g.cpu.rip = runner_cache.window + blocks_translate(LOW_RIP, hex)->code;
	runner_protect(PLACE_LOW, AREA_STACK, 1, PROT_NONE);
	stop = runner_run(&g.cpu);
	runner_protect(PLACE_LOW, AREA_STACK, 1, PROT_READ | PROT_WRITE);
	if (before == words * sizeof(u64)) { /* all of it is there */
		CU_ASSERT_EQUAL(stop.signal, SIGILL);
		return;
	}
	CU_ASSERT_EQUAL(stop.signal, SIGSEGV);
	CU_ASSERT_EQUAL(stop.gva, MAX(word, STACK));
	CU_ASSERT_TRUE(monitor_recover(&g, (u32)(g.cpu.rip - runner_cache.window)));
	CU_ASSERT_TRUE(reference_same(&expected, &g, difference, sizeof(difference)));
}

static void test_across_pages(void)
{
	for (unsigned before = 1; before <= 5 * sizeof(u64); before++)
		check_across_pages("48cf", 5, before);
	for (unsigned before = 1; before <= sizeof(u64); before++)
		check_across_pages("9d f4", 1, before);
}

static void test_cr8_values(void)
{
	static const u64 values[] = {0, 15, 16, 255, 1ULL << 32, -1ULL};

	for (unsigned n = 0; n < ARRAY_SIZE(values); n++) {
		struct guest g = blocks_guest();

		g.cpu.gpr[GPR_RAX] = g.cpu.gpr[GPR_RCX] = g.cpu.gpr[13] = values[n];
		CU_ASSERT_EQUAL(leaves_slowly("440f22c0 90", &g), values[n] > 15); /* RAX */
		CU_ASSERT_EQUAL(leaves_slowly("440f22c1 90", &g), values[n] > 15); /* RCX */
		CU_ASSERT_EQUAL(leaves_slowly("450f22c5 90", &g), values[n] > 15); /* R13 */
	}
}

/* ID stays what POPF made it. (A signal would lose it, so programs.c has none of it.) */
static void test_popf_id(void)
{
	for (u64 id = 0; id <= RFLAGS_ID; id += RFLAGS_ID) {
		struct guest g = blocks_guest();

		blocks_begin(BT_FAST);
		*(u64 *)STACK = id | RFLAGS_IF;
		blocks_run(blocks_translate(LOW_RIP, "9d 9c 58"), &g);
		CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RAX] & (RFLAGS_ID | RFLAGS_IF), id | RFLAGS_IF);
	}
}

/* ---- addresses ---- */

static const u64 places[] = {
	LOW_RIP,        KERNEL_RIP, FAR_RIP, 0x7ffffff0, 0x80000000, 0xffffffff80000000, 0xffffffff7fffffff,
	0x7fff00001234, 0};

static void test_return_addresses(void)
{
	static const char *const calls[] = {"e810000000", "ffd3", "ff13"}; /* rel32, *%rbx, *(%rbx) */

	for (unsigned n = 0; n < ARRAY_SIZE(places) * ARRAY_SIZE(calls); n++) {
		u64 rip = places[n / ARRAY_SIZE(calls)];
		const char *hex = calls[n % ARRAY_SIZE(calls)];
		struct guest g = blocks_guest();
		struct bt_block *b;
		u32 at;

		blocks_begin(BT_FAST);
		*(u64 *)DATA = 0x1234567;
		b = blocks_translate(rip, hex);
		at = blocks_run(b, &g);
		CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RSP], STACK - 8);
		CU_ASSERT_EQUAL(*(u64 *)(STACK - 8), rip + strlen(hex) / 2);
		CU_ASSERT_EQUAL(g.cpu.rflags, blocks_guest().cpu.rflags);
		if (n % ARRAY_SIZE(calls) == 0) {
			CU_ASSERT_EQUAL(monitor_exit(at)->rip, rip + 0x15);
		} else {
			CU_ASSERT_EQUAL(at, BT_MISS_STUB);
			CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RCX], n % ARRAY_SIZE(calls) == 1 ? DATA : 0x1234567);
		}
	}
}

/* Another RIP with the same low 16 bits finds the same entry of the table, and must not find the block. */
static void test_checked_entry(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(places); n++) {
		for (int other = -1; other <= 1; other++) {
			u64 rip = places[n] + (u64)(s64)other * 0x10000;
			struct guest g = blocks_guest();
			struct bt_block *ret, *b;
			u32 at;

			blocks_begin(BT_FAST);
			b = blocks_translate(places[n], "f4");
			runner_cache.table[places[n] & 0xffff] = runner_cache.window + b->checked;
			ret = blocks_translate(LOW_RIP, "c3");
			*(u64 *)STACK = rip;
			at = blocks_run(ret, &g);
			CU_ASSERT_EQUAL(at, other ? BT_MISS_STUB : blocks_exit(b, 0)->at);
			if (other) {
				CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RCX], rip);
			} else {
				CU_ASSERT_EQUAL(memcmp(g.cpu.gpr, blocks_guest().cpu.gpr, 4 * sizeof(u64)),
						0);
			}
			CU_ASSERT_EQUAL(g.cpu.rflags, blocks_guest().cpu.rflags);
		}
	}
}

/* lea 0x10(%rip), in three sizes, and with 32-bit addresses */
static void test_lea(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(places); n++) {
		u64 rip = places[n];
		struct guest g = blocks_guest();

		blocks_begin(BT_FAST);
		blocks_run(blocks_translate(rip,
					    "4c8d0510000000 8d0510000000 668d0d10000000 67488d1510000000 f4"),
			   &g);
		CU_ASSERT_EQUAL(g.cpu.gpr[8], rip + 7 + 0x10);
		CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RAX], (u32)(rip + 13 + 0x10));
		CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RCX],
				(0x0202020202020202 & ~0xffffULL) | (u16)(rip + 20 + 0x10));
		CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RDX], (u32)(rip + 28 + 0x10));
	}
}

/* Of a kernel's data the address is 32 bits, sign-extended; else a register holds it. By the decoder's word.
 */
static void test_operand_addresses(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(places); n++) {
		u64 target = places[n] + 7 + 0x10;
		bool fits = (u64)(s64)(s32)target == target;
		struct bt_block *b;
		struct insn i;

		blocks_begin(BT_FAST);
		b = blocks_translate(places[n], "4803051000 0000 f4"); /* add 0x10(%rip), %rax */
		insn_decode(&i, runner_cache.code + b->code, INSN_MAX_LENGTH, DECODE_64);
		if (fits) {
			CU_ASSERT_EQUAL(i.op, OP_ADD);
			CU_ASSERT_EQUAL(i.base, INSN_NO_REG);
			CU_ASSERT_EQUAL(i.index, INSN_NO_REG);
			CU_ASSERT_FALSE(i.rip_relative);
			CU_ASSERT_EQUAL((u64)i.disp, target);
			CU_ASSERT_EQUAL(i.length, 8);
		} else {
			CU_ASSERT_EQUAL(i.op, OP_MOV); /* a register is saved */
			CU_ASSERT_TRUE(i.rip_relative);
		}
	}
}

/* With prefix 67 the upper half of a base register does not count. */
static void test_address_size(void)
{
	struct guest g = blocks_guest();

	blocks_begin(BT_FAST);
	*(u64 *)DATA = KERNEL_RIP;
	g.cpu.gpr[GPR_RBX] |= 1ULL << 40;
	CU_ASSERT_EQUAL(blocks_run(blocks_translate(LOW_RIP, "67ff23"), &g), BT_MISS_STUB);
	CU_ASSERT_EQUAL(g.cpu.gpr[GPR_RCX], KERNEL_RIP);
}

/* ---- chains ---- */

static void test_patch(void)
{
	struct guest g = blocks_guest();
	struct bt_block *from, *to;
	struct bt_exit *e;

	blocks_begin(BT_FAST);
	to = blocks_translate(KERNEL_RIP, "f4");
	from = blocks_translate(LOW_RIP, "7210 90"); /* jc, and CF is set */
	e = blocks_exit(from, 0);
	CU_ASSERT_EQUAL(blocks_run(from, &g), e->at);
	bt_patch(&runner_cache, e, to);
	CU_ASSERT_EQUAL(blocks_run(from, &g), blocks_exit(to, 0)->at);
	bt_patch(&runner_cache, e, NULL);
	CU_ASSERT_EQUAL(blocks_run(from, &g), e->at);
	g.cpu.rflags = 0;
	CU_ASSERT_EQUAL(blocks_run(from, &g), blocks_exit(from, 1)->at);
	CU_ASSERT_EQUAL(blocks_exit(from, 1)->rip, LOW_RIP + 3);
}

UNIT_MAIN("values", {"images of POPF", test_popf_images}, {"frames of IRET", test_iret_frames},
	  {"canonical RIP of IRET", test_iret_canonical}, {"frames across pages", test_across_pages},
	  {"iret_slow", test_iret_slow_field}, {"values of CR8", test_cr8_values}, {"ID", test_popf_id},
	  {"return addresses", test_return_addresses}, {"checked entry", test_checked_entry},
	  {"LEA", test_lea}, {"addresses of operands", test_operand_addresses},
	  {"address size", test_address_size}, {"patching", test_patch})
