// SPDX-License-Identifier: MIT
/*
 * Emulated instructions, on the machine of emulate_fixture.h. A row is an instruction and what it does, as
 * text: every access in order, "r4:10" being a read of four bytes at offset 10 (hexadecimal) of the device,
 * "w4:10=1" a write, "i" and "o" ports; the faults; then the registers and flags that it changed. "+N" says
 * that it ended, N bytes on.
 */
#include "emulate_fixture.h"

struct row {
	const char *bytes, *expected;
	u64 rcx, rax; /* 0: as they are, 1111111111111111 and 0 */
	u64 rflags;
};

/* RBX and RDI point to offset 10 of the device, RSI to RAM. */
static void run_rows(const struct row *rows, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		guest_create(64);
		vcpu.gpr[GPR_RBX] = DEVICE + 0x10;
		vcpu.gpr[GPR_RDI] = DEVICE + 0x10;
		vcpu.gpr[GPR_RSI] = DATA;
		if (rows[n].rcx)
			vcpu.gpr[GPR_RCX] = rows[n].rcx;
		vcpu.gpr[GPR_RAX] = rows[n].rax;
		vcpu.rflags |= rows[n].rflags;
		for (unsigned b = 0; b < 16; b++)
			ram[DATA + b] = (u8)(b + 1);
		put_code(rows[n].bytes);
		run_mmio(rows[n].bytes, rows[n].expected);
	}
}

#define DO(what, does, ...)                                                                                  \
	{                                                                                                    \
		.bytes = what, .expected = does, __VA_ARGS__                                                 \
	}
#define RUN(rows) run_rows(rows, ARRAY_SIZE(rows))

#define CF        RFLAGS_CF
#define ZF        RFLAGS_ZF
#define DF        RFLAGS_DF

// clang-format off

/* The device holds 80 81 82 .. 9f. */
static void test_moves(void)
{
	static const struct row rows[] = {
		DO("8b 03",             "r4:10 rax=93929190 +2", .rax = ~0ULL),
		DO("48 8b 03",          "r8:10 rax=9796959493929190 +3"),
		DO("66 8b 03",          "r2:10 rax=ffffffffffff9190 +3", .rax = ~0ULL),
		DO("8a 03",             "r1:10 rax=ffffffffffffff90 +2", .rax = ~0ULL),
		DO("8a 23",             "r1:10 rax=9000 +2"),                       /* AH */
		DO("40 8a 23",          "r1:10 rsp=4444444444444490 +3"),           /* SPL */
		DO("44 8b 43 04",       "r4:14 r8=97969594 +4"),
		DO("89 0b",             "w4:10=11111111 +2"),
		DO("88 2b",             "w1:10=ab +2", .rcx = 0xabcd),              /* CH */
		DO("40 88 2b",          "w1:10=55 +3"),                             /* BPL */
		DO("48 89 0b",          "w8:10=1111111111111111 +3"),
		DO("c7 03 78 56 34 12", "w4:10=12345678 +6"),
		DO("48 c7 03 ff ff ff ff", "w8:10=ffffffffffffffff +7"),
		DO("c6 03 ff",          "w1:10=ff +3"),
		DO("a1 04 00 e0 fe 00 00 00 00", "r4:4 rax=87868584 +9"),
		DO("67 a2 08 00 e0 fe", "w1:8=42 +6", .rax = 0x42),
		DO("0f b6 03",          "r1:10 rax=90 +3", .rax = ~0ULL),
		DO("0f b7 03",          "r2:10 rax=9190 +3"),
		DO("0f be 03",          "r1:10 rax=ffffff90 +3"),
		DO("48 0f bf 03",       "r2:10 rax=ffffffffffff9190 +4"),
		DO("66 0f be 03",       "r1:10 rax=ff90 +4"),
		DO("48 63 03",          "r4:10 rax=ffffffff93929190 +3"),
		DO("87 0b",             "r4:10 w4:10=11111111 rcx=93929190 +2"),
		DO("86 0b",             "r1:10 w1:10=11 rcx=1111111111111190 +2"),
		DO("f3 c7 03 01 00 00 00", "w4:10=1 +7"),                           /* XRELEASE */
	};

	RUN(rows);
}

static void test_arithmetic(void)
{
	static const struct row rows[] = {
		DO("01 0b",          "r4:10 w4:10=a4a3a2a1 S +2"),
		DO("03 03",          "r4:10 rax=1392918f C +2", .rax = 0x7fffffff),
		DO("11 0b",          "r4:10 w4:10=a4a3a2a2 -CS +2", .rflags = CF),
		DO("19 0b",          "r4:10 w4:10=8281807e -CPAS +2", .rflags = CF),
		DO("83 0b 0f",       "r4:10 w4:10=9392919f PS +3"),
		DO("80 23 f0",       "r1:10 w1:10=90 PS +3"),
		DO("83 23 f0",       "r4:10 w4:10=93929190 PS +3"),
		DO("31 0b",          "r4:10 w4:10=82838081 PS +2"),
		DO("29 0b",          "r4:10 w4:10=8281807f AS +2"),
		DO("39 0b",          "r4:10 AS +2"),
		DO("3b 0b",          "r4:10 CP +2"),
		DO("80 3b 90",       "r1:10 PZ +3"),
		DO("85 0b",          "r4:10 PZ +2", .rcx = 0x00000008),
		DO("f6 03 80",       "r1:10 S +3"),
		DO("f7 03 00 00 00 80", "r4:10 PS +6"),
		DO("f7 13",          "r4:10 w4:10=6c6d6e6f +2"),
		DO("f7 1b",          "r4:10 w4:10=6c6d6e70 C +2"),
		DO("ff 03",          "r4:10 w4:10=93929191 CS +2", .rflags = CF),
		DO("fe 0b",          "r1:10 w1:10=8f AS +2"),
		DO("0f c1 0b",       "r4:10 w4:10=a4a3a2a1 rcx=93929190 S +3"),
		DO("f0 01 0b",       "r4:10 w4:10=a4a3a2a1 S +3"),
		DO("0f b1 0b",       "r4:10 w4:10=11111111 PZ +3", .rax = 0x93929190),
		DO("0f b1 0b",       "r4:10 w4:10=93929190 rax=93929190 C +3", .rax = 0),
		DO("0f b0 0b",       "r1:10 w1:10=90 rax=ff90 C +3", .rax = 0xff0f),
	};

	RUN(rows);
}

/* SDM vol. 2A, BT: with a register, the bit string reaches as far as the register says, also below the operand */
static void test_bits(void)
{
	static const struct row rows[] = {
		DO("0f ba 23 04",    "r4:10 C +4"),
		DO("0f ba 23 24",    "r4:10 C +4"),                                 /* modulo 32 */
		DO("0f ba 23 00",    "r4:10 -C +4", .rflags = CF),
		DO("0f ba 2b 00",    "r4:10 w4:10=93929191 +4"),
		DO("0f ba 33 04",    "r4:10 w4:10=93929180 C +4"),
		DO("0f ba 3b 01",    "r4:10 w4:10=93929192 +4"),
		DO("0f a3 0b",       "r4:14 C +3", .rcx = 36),
		DO("0f a3 0b",       "r4:c C +3", .rcx = (u32)-1),                  /* bit 31 of the word below */
		DO("66 0f ab 0b",    "r2:e w2:e=8f9e +4", .rcx = (u16)-12),
		DO("48 0f bb 0b",    "r8:18 w8:18=1f9e9d9c9b9a9998 C +4", .rcx = 127),
		DO("0f b3 0b",       "r4:10 w4:10=93929180 C +3", .rcx = 4),
	};

	RUN(rows);
}

static void test_strings(void)
{
	static const struct row rows[] = {
		DO("ab",             "w4:10=fee00042 rdi=fee00014 +1", .rax = 0xfee00042),
		DO("aa",             "w1:10=42 rdi=fee0000f +1", .rax = 0x42, .rflags = DF),
		DO("a5",             "w4:10=4030201 rsi=2004 rdi=fee00014 +1"),
		DO("f3 a4",          "w1:10=1 w1:11=2 w1:12=3 rcx=0 rsi=2003 rdi=fee00013 +2", .rcx = 3),
		DO("f2 a4",          "w1:10=1 w1:11=2 rcx=0 rsi=2002 rdi=fee00012 +2", .rcx = 2),
		DO("67 f3 a4",       "w1:10=1 rcx=0 rsi=2001 rdi=fee00011 +3", .rcx = 0x100000001),
		DO("f3 48 ab",       "w8:10=7 w8:18=7 rcx=0 rdi=fee00020 +3", .rcx = 2, .rax = 7),
		DO("ae",             "r1:10 rdi=fee00011 PZ +1", .rax = 0x90),
		DO("f2 ae",          "r1:10 r1:11 r1:12 rcx=5 rdi=fee00013 PZ +2", .rcx = 8, .rax = 0x92),
		DO("f3 ae",          "r1:10 r1:11 rcx=6 rdi=fee00012 CPAS +2", .rcx = 8, .rax = 0x90),
		DO("f2 ae",          "r1:10 r1:11 rcx=0 rdi=fee00012 CPA +2", .rcx = 2, .rax = 0x0),
		DO("a6",             "r1:10 rsi=2001 rdi=fee00011 CP +1"),
	};

	RUN(rows);
}

/* What is not emulated ends the guest, with the bytes in the sentence; what is no instruction is #UD. */
static void test_refusals(void)
{
	static const struct row rows[] = {
		DO("0f 6f 03",       "ended: 0f 6f 03 (SIMD)"),
		DO("ff 33",          "ended: ff 33 (push)"),
		DO("d1 23",          "ended: d1 23 (shl)"),
		DO("0f 01 13",       "ended: 0f 01 13 (lgdt)"),
		DO("89 c8",          "ended: 89 c8 (mov)"),
		DO("06",             "#UD(0)"),
		DO("66 66 66 66 66 66 66 66 66 66 66 66 66 66 89 0b", "#GP(0)"),
	};

	RUN(rows);
}

// clang-format on

/* A repetition stops after its portion, with everything as if an interrupt had come there. */
static void test_portions(void)
{
	guest_create(64);
	vcpu.gpr[GPR_RDI] = DEVICE + 0x100;
	vcpu.gpr[GPR_RCX] = 300;
	put_code("f3 aa");
	text[0] = '\0';
	emulate_mmio(&vcpu, DEVICE, DEVICE);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], 44);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RDI], DEVICE + 0x200);
	CU_ASSERT_EQUAL(vcpu.rip, CODE);
	emulate_mmio(&vcpu, DEVICE, DEVICE);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], 0);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RDI], DEVICE + 0x22c);
	CU_ASSERT_EQUAL(vcpu.rip, CODE + 2);

	/* RCX = 0: no access at all. */
	vcpu.rip = CODE;
	run_mmio("rcx = 0", "+2");

	/* Single step: a trap after each iteration. */
	guest_create(64);
	vcpu.gpr[GPR_RDI] = DEVICE;
	vcpu.gpr[GPR_RCX] = 2;
	vcpu.gpr[GPR_RAX] = 5;
	vcpu.rflags |= RFLAGS_TF;
	put_code("f3 aa");
	run_mmio("first step", "w1:0=5 #DB(4000) rcx=1 rdi=fee00001");
	run_mmio("second step", "w1:1=5 #DB(4000) rcx=0 rdi=fee00002 +2");
}

/* An instruction that faults has not touched the device. */
static void test_faults(void)
{
	guest_create(64);
	vcpu.gpr[GPR_RSI] = DEVICE;
	vcpu.gpr[GPR_RDI] = DATA + PAGE_SIZE - 2;
	vcpu.gpr[GPR_RCX] = 4;
	absent[3] = true;
	put_code("f3 a4");
	run_mmio("rep movsb into an absent page", "r1:0 r1:1 #PF(2)@3000 rcx=2 rsi=fee00002 rdi=3000");
	absent[3] = false;
	readonly[3] = true;
	run_mmio("into a read-only page", "#PF(3)@3000");
	readonly[3] = false;
	run_mmio("repaired", "r1:2 r1:3 rcx=0 rsi=fee00004 rdi=3002 +2");
	CU_ASSERT_EQUAL(memcmp(ram + DATA + PAGE_SIZE - 2, "\x80\x81\x82\x83", 4), 0);

	guest_create(64);
	readonly[RAM_PAGES] = true;
	vcpu.gpr[GPR_RBX] = DEVICE;
	put_code("ff 03");
	run_mmio("inc of a read-only register", "#PF(3)@fee00000");
	put_code("8b 03");
	run_mmio("but it can be read", "r4:0 rax=83828180 +2");

	guest_create(64);
	supervisor[RAM_PAGES] = true;
	vcpu.gpr[GPR_RBX] = DEVICE;
	vcpu.seg[SEG_SS].attr |= SEG_ATTR_DPL;
	put_code("89 0b");
	run_mmio("user mode", "#PF(7)@fee00000");

	guest_create(64);
	vcpu.gpr[GPR_RBX] = BIT(47) - 2;
	vcpu.gpr[GPR_RBP] = BIT(47);
	put_code("8b 03");
	run_mmio("not canonical", "#GP(0)");
	put_code("8b 45 00");
	run_mmio("not canonical, stack", "#SS(0)");
}

/* An operand in two pages: RAM and the device behind it. */
static void test_page_crossing(void)
{
	guest_create(64);
	vcpu.gpr[GPR_RBX] = DEVICE - 2;
	put_code("8b 03");
	run_mmio("from the hole into the device", "r1:fffffffe r1:ffffffff r1:0 r1:1 rax=8180ffff +2");
	vcpu.rip = CODE;
	put_code("89 0b");
	run_mmio("write", "w1:fffffffe=11 w1:ffffffff=11 w1:0=11 w1:1=11 +2");
}

/* RAM and behind it, for the guest, the device. */
static void test_two_kinds(void)
{
	guest_create(64);
	vcpu.gpr[GPR_RBX] = APART - 2;
	memcpy(ram + APART - 2, "\x11\x22\x33\x44", 4);
	put_code("8b 03");
	run_mmio("read", "r1:0 r1:1 rax=81802211 +2");
	vcpu.rip = CODE;
	put_code("c7 03 78 56 34 12");
	run_mmio("write", "w1:0=34 w1:1=12 +6");
	CU_ASSERT_EQUAL(memcmp(ram + APART - 2, "\x78\x56\x33\x44", 4), 0);
}

/* The page behind is fetched only when the instruction reaches into it. */
static void test_fetch(void)
{
	struct insn i;

	guest_create(64);
	absent[2] = true;
	vcpu.gpr[GPR_RBX] = DEVICE;
	vcpu.rip = 0x1ffe;
	put_code("89 0b");
	run_mmio("ends with the page", "w4:0=11111111 +2");
	vcpu.rip = 0x1fff;
	put_code("89 0b");
	run_mmio("reaches into the next", "#PF(10)@2000");
	absent[2] = false;
	run_mmio("which is there now", "w4:0=11111111 +2");
	vcpu.rip = 0x1ffd;
	put_code("0f a2");
	text[0] = '\0';
	CU_ASSERT_TRUE(emulate_decode(&vcpu, &i));
	CU_ASSERT_EQUAL(i.op, OP_CPUID);
	CU_ASSERT_EQUAL(i.length, 2);

	/* In user mode it is a user's fetch. */
	supervisor[1] = true;
	vcpu.seg[SEG_SS].attr |= SEG_ATTR_DPL;
	CU_ASSERT_FALSE(emulate_decode(&vcpu, &i));
	compare_text("user fetch", "#PF(15)@1ffd");
}

/* SDM vol. 3A, 3.4.4: FS and GS have bases in 64-bit mode; outside it all segments have, and addresses end at
 * 4 GiB. */
static void test_segments(void)
{
	static const struct {
		unsigned bits;
		const char *bytes;
		unsigned segment;
		u64 base, rbx;
		gva_t gva;
	} rows[] = {
		{64, "8b 03", SEG_DS, 0x1000, 0xfee00000, 0xfee00000},
		{64, "65 8b 03", SEG_GS, 0xffff800000001000, 0x10, 0xffff800000001010},
		{64, "67 8b 03", SEG_DS, 0, 0x1fee00010, 0xfee00010},
		{64, "67 64 8b 43 f0", SEG_FS, 0x100000000, 0x8, 0x1fffffff8},
		{64, "8b 05 fa ff ff ff", SEG_DS, 0, 0, CODE},
		{64, "67 8b 05 00 00 00 80", SEG_DS, 0, 0, 0x80001007},
		{64, "8b 44 8b 04", SEG_DS, 0, 0x1000, 0x1000 + 0x4444444444444444 + 4},
		{32, "8b 03", SEG_DS, 0x1000, 0xfee00000, 0xfee01000},
		{32, "8b 03", SEG_DS, 0xfffff000, 0x2000, 0x1000},
		{32, "67 8b 07", SEG_DS, 0x10000, 0x12345, 0x12345},
		{16, "8b 07", SEG_DS, 0xfee00000, 0x8010, 0xfee08010},
	};

	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
		struct insn i;

		guest_create(rows[n].bits);
		vcpu.seg[rows[n].segment].base = rows[n].base;
		vcpu.gpr[GPR_RBX] = rows[n].rbx;
		put_code(rows[n].bytes);
		CU_ASSERT_TRUE(emulate_decode(&vcpu, &i));
		if (emulate_operand_gva(&vcpu, &i) != rows[n].gva)
			printf("\n    %s: 0x%llx", rows[n].bytes,
			       (unsigned long long)emulate_operand_gva(&vcpu, &i));
		CU_ASSERT_EQUAL(emulate_operand_gva(&vcpu, &i), rows[n].gva);
	}

	guest_create(32);
	vcpu.gpr[GPR_RBX] = DEVICE + 0x10;
	put_code("8b 03");
	run_mmio("32-bit code", "r4:10 rax=93929190 +2");
	vcpu.rip = CODE;
	vcpu.seg[SEG_DS].limit = DEVICE + 0x12;
	run_mmio("beyond the limit", "#GP(0)");
	vcpu.seg[SEG_DS].limit = DEVICE + 0x13;
	run_mmio("just within", "r4:10 +2");
	vcpu.rip = CODE;
	vcpu.seg[SEG_DS].attr &= ~(u32)SEG_TYPE_WRITABLE;
	put_code("89 03");
	run_mmio("a segment that cannot be written", "#GP(0)");
	vcpu.seg[SEG_DS].attr |= SEG_ATTR_UNUSABLE;
	put_code("8b 03");
	run_mmio("a null segment", "#GP(0)");
}

/* ---- ports ---- */

static void run_io(const char *what, const char *bytes, struct vmexit exit, const char *expected)
{
	struct vcpu before = vcpu;

	put_code(bytes);
	exit.reason = VMEXIT_IO;
	text[0] = '\0';
	emulate_io(&vcpu, &exit);
	append_changes(&before);
	compare_text(what, expected);
}

static void test_in_out(void)
{
	static const struct {
		const char *bytes;
		u8 length, size;
		bool write;
		const char *expected;
	} rows[] = {
		{"e4 60", 2, 1, false, "i1:60 rax=ffffffffffffff11 +2"},
		{"66 e5 60", 3, 2, false, "i2:60 rax=ffffffffffff2211 +3"},
		{"e5 60", 2, 4, false, "i4:60 rax=44332211 +2"},
		{"e5 60", 0, 4, false, "i4:60 rax=44332211 +2"}, /* the length from the decoder */
		{"e6 60", 2, 1, true, "o1:60=ff +2"},
		{"66 e7 60", 0, 2, true, "o2:60=ffff +3"},
		{"e7 60", 2, 4, true, "o4:60=ffffffff +2"},
	};

	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
		guest_create(64);
		vcpu.gpr[GPR_RAX] = ~0ULL;
		run_io(rows[n].bytes, rows[n].bytes,
		       (struct vmexit){.insn_len = rows[n].length,
				       .io = {.port = 0x60, .size = rows[n].size, .write = rows[n].write}},
		       rows[n].expected);
	}
}

static void test_string_io(void)
{
	struct vmexit ins = {.insn_len = 2,
			     .io = {.port = 0x1f0,
				    .size = 2,
				    .string = true,
				    .rep = true,
				    .addr_size = 8,
				    .segment = SEG_ES}};
	struct vmexit outs = {.insn_len = 2,
			      .io = {.port = 0x3f8,
				     .size = 1,
				     .write = true,
				     .string = true,
				     .rep = true,
				     .addr_size = 8,
				     .segment = SEG_DS}};

	guest_create(64);
	vcpu.gpr[GPR_RDI] = DATA;
	vcpu.gpr[GPR_RCX] = 2;
	run_io("rep insw", "f3 6d", ins, "i2:1f0 i2:1f0 rcx=0 rdi=2004 +2");
	CU_ASSERT_EQUAL(memcmp(ram + DATA, "\x11\x22\x12\x23", 4), 0);

	/* A fault comes before the port is read. */
	guest_create(64);
	absent[3] = true;
	vcpu.gpr[GPR_RDI] = DATA + PAGE_SIZE - 2;
	vcpu.gpr[GPR_RCX] = 2;
	run_io("rep insw into an absent page", "f3 6d", ins, "i2:1f0 #PF(2)@3000 rcx=1 rdi=3000");

	guest_create(64);
	memcpy(ram + DATA, "abc", 3);
	vcpu.gpr[GPR_RSI] = DATA;
	vcpu.gpr[GPR_RCX] = 3;
	run_io("rep outsb", "f3 6e", outs, "o1:3f8=61 o1:3f8=62 o1:3f8=63 rcx=0 rsi=2003 +2");

	guest_create(64);
	vcpu.gpr[GPR_RSI] = DATA;
	vcpu.gpr[GPR_RCX] = 300;
	text[0] = '\0';
	emulate_io(&vcpu, &outs);
	CU_ASSERT_EQUAL(vcpu.gpr[GPR_RCX], 44);
	CU_ASSERT_EQUAL(vcpu.rip, CODE);

	/* The port ended the guest: no access after it. */
	guest_create(64);
	vcpu.gpr[GPR_RSI] = DATA;
	vcpu.gpr[GPR_RCX] = 3;
	outs.io.port = END_PORT;
	run_io("rep outsb to the port that ends", "f3 6e", outs, "o1:f4=0 rsi=2001");
	outs.io.port = 0x3f8;

	/* Backwards, once, 32-bit addresses; segment and length from the instruction. */
	guest_create(64);
	outs.insn_len = 0;
	outs.io.rep = false;
	outs.io.segment = SEG_ES;
	vcpu.seg[SEG_GS].base = 0x1000;
	vcpu.gpr[GPR_RSI] = 0xffffffff00001000;
	vcpu.rflags |= RFLAGS_DF;
	ram[DATA] = 'x';
	run_io("outsb from GS", "67 65 6e", outs, "o1:3f8=78 rsi=fff +3");

	/* MMIO as the target of INS */
	guest_create(64);
	ins.io.rep = false;
	vcpu.gpr[GPR_RDI] = DEVICE;
	run_io("insw to a device", "66 6d", ins, "i2:1f0 w2:0=2211 rdi=fee00002 +2");
}

UNIT_MAIN("emulate", {"moves", test_moves}, {"arithmetic", test_arithmetic}, {"bits", test_bits},
	  {"strings", test_strings}, {"refusals", test_refusals}, {"portions", test_portions},
	  {"faults", test_faults}, {"page crossing", test_page_crossing}, {"RAM and device", test_two_kinds},
	  {"fetch", test_fetch}, {"segments", test_segments}, {"IN and OUT", test_in_out},
	  {"INS and OUTS", test_string_io})
