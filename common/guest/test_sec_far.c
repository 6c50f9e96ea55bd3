// SPDX-License-Identifier: MIT
/*
 * sec/: every selector. Far transfers (JMP, CALL, RETF, IRETQ) and loads of segment registers with all
 * indices of the GDT, all RPLs, the LDT (there is none), and the highest selectors, where a monitor might
 * keep something of its own. Only descriptors that this kernel has put into its GDT may work, and what they
 * do is computed here by the manual's rules; all else is #GP, #NP or #SS with the selector.
 *
 * Left out: call gates (user/call_gate), transfers that would end in ring 1 or 2 (their SS is refused).
 *
 * Source: SDM vol. 2A and 2B, operation of "JMP", "CALL", "RET", "IRET", "MOV" to segment registers; vol.
 * 3A, 5.5 "Privilege Levels", 5.8 "Privilege Level Checking When Transferring Program Control Between Code
 * Segments".
 */
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

#define DPL(n)    ((u32)(n) << SEG_ATTR_DPL_SHIFT)
#define SEGMENT   (SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_G)
#define CODE64(n) (SEGMENT | SEG_ATTR_L | SEG_TYPE_CODE | SEG_TYPE_READABLE | DPL(n))
#define DATA(n)   (SEGMENT | SEG_ATTR_DB | SEG_TYPE_WRITABLE | DPL(n))
#define SYSTEM    (SEG_ATTR_P | DPL(3))

/* What the GDT gets beside the kernel's own segments: from SEL_TEST on. */
static const u32 extra[] = {
	CODE64(0) | SEG_TYPE_CONFORMING,
	CODE64(3) | SEG_TYPE_CONFORMING,
	CODE64(0) & ~SEG_ATTR_P,
	CODE64(3) & ~SEG_ATTR_P,
	CODE64(0) & ~SEG_TYPE_READABLE,
	CODE64(3) & ~SEG_TYPE_READABLE,
	CODE64(1),
	CODE64(2),
	SYSTEM, /* L_AND_D: see transfers_l_and_d() */
	SYSTEM,
	DATA(0) & ~SEG_TYPE_WRITABLE,
	DATA(3) & ~SEG_TYPE_WRITABLE,
	DATA(0) & ~SEG_ATTR_P,
	DATA(3) & ~SEG_ATTR_P,
	DATA(1),
	DATA(3) | SEG_TYPE_EXPAND_DOWN,
	SYSTEM | SYS_TYPE_LDT,
	SYSTEM | SYS_TYPE_TSS_AVAIL,
	SYSTEM | SYS_TYPE_TSS_BUSY,
	SYSTEM | SYS_TYPE_INTR_GATE,
	SYSTEM | SYS_TYPE_TRAP_GATE,
	SYSTEM, /* type 0: reserved */
};

#define L_AND_D 8 /* the index of two places for code segments with L and D, which is reserved */

static const u64 *table; /* the GDT in use */
static u32 table_limit;

static void table_make(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(extra); i++)
		gdt[SEL_TEST / 8 + i] = desc_make(0, 0xffffffff, extra[i]);
	table = gdt;
	table_limit = sizeof(gdt) - 1;
}

/* ---- what the manual says ---- */

enum transfer {
	FAR_JMP,
	FAR_CALL,
	FAR_RET,
	FAR_IRET,
	LOAD_DS,
	LOAD_ES,
	LOAD_FS,
	LOAD_GS,
	LOAD_SS,
	TRANSFERS
};

/* One number for how an attempt ended: the selector that was tried, the vector, its error code or the CS that
 * it led to. */
static u64 outcome(u16 selector, u64 vector, u64 detail)
{
	return (u64)selector << 48 | vector << 32 | detail;
}

static u64 refused(u16 selector, unsigned vector, u16 culprit)
{
	return outcome(selector, vector, culprit & ~SEL_RPL);
}

static bool is_null(u16 selector)
{
	return (selector & ~SEL_RPL) == 0;
}

/* The attributes of a descriptor that can be reached; 0: none, or of the wrong kind for any use here. */
static u32 attributes(u16 selector)
{
	u32 attr;

	if ((selector & SEL_TI) || (u32)(selector | 7) > table_limit)
		return 0;
	attr = desc_unpack(selector, table[selector / 8], 0).attr;
	return attr & SEG_ATTR_S ? attr : 0;
}

static u64 expect_transfer(enum transfer t, u16 selector, unsigned cpl)
{
	unsigned rpl = selector & SEL_RPL, dpl, new_cpl;
	bool returns = t == FAR_RET || t == FAR_IRET, conforming, allowed;
	u32 attr = attributes(selector);

	if (is_null(selector))
		return refused(selector, VEC_GP, 0);
	if (!(attr & SEG_TYPE_CODE) || ((attr & SEG_ATTR_L) && (attr & SEG_ATTR_DB)))
		return refused(selector, VEC_GP, selector);
	dpl = seg_dpl(attr);
	conforming = attr & SEG_TYPE_CONFORMING;
	if (returns)
		allowed = rpl >= cpl && (conforming ? dpl <= rpl : dpl == rpl);
	else
		allowed = conforming ? dpl <= cpl : rpl <= cpl && dpl == cpl;
	if (!allowed)
		return refused(selector, VEC_GP, selector);
	if (!(attr & SEG_ATTR_P))
		return refused(selector, VEC_NP, selector);
	new_cpl = returns ? rpl : cpl;
	/* The stack segment that the test offers is of ring 0 or 3. */
	if (new_cpl == 1 || new_cpl == 2)
		return refused(selector, VEC_GP, SEL_USER_DATA);
	return outcome(selector, VEC_TEST, (u64)((selector & ~SEL_RPL) | new_cpl));
}

static u64 expect_load(enum transfer t, u16 selector, unsigned cpl)
{
	unsigned rpl = selector & SEL_RPL;
	u32 attr = attributes(selector);
	bool code = attr & SEG_TYPE_CODE, allowed;

	if (is_null(selector) && t == LOAD_SS)
		return cpl < 3 && rpl == cpl ? outcome(selector, VEC_TEST, 0) : refused(selector, VEC_GP, 0);
	if (is_null(selector))
		return outcome(selector, VEC_TEST, 0);
	if (t == LOAD_SS)
		allowed = attr && !code && (attr & SEG_TYPE_WRITABLE) && rpl == cpl && seg_dpl(attr) == cpl;
	else if (code)
		allowed = (attr & SEG_TYPE_READABLE) &&
			  ((attr & SEG_TYPE_CONFORMING) || (seg_dpl(attr) >= rpl && seg_dpl(attr) >= cpl));
	else
		allowed = attr && seg_dpl(attr) >= rpl && seg_dpl(attr) >= cpl;
	if (!allowed)
		return refused(selector, VEC_GP, selector);
	if (!(attr & SEG_ATTR_P))
		return refused(selector, t == LOAD_SS ? VEC_SS : VEC_NP, selector);
	return outcome(selector, VEC_TEST, 0);
}

/* ---- attempts ---- */

/* RDI points to it. JMP and CALL take a far pointer with a 32-bit offset, the only form that both vendors
 * have. */
struct request {
	u32 offset;   /* 0 */
	u16 selector; /* 4 */
	u16 reserved;
	u64 rip; /* 8 */
	u64 cs;  /* 16 */
	u64 rsp; /* 24 */
	u64 ss;  /* 32 */
};

CODE(far_jmp, "ljmp *(%rdi)");
CODE(far_call, "mov 24(%rdi), %rsp\n lcall *(%rdi)");
CODE(far_ret, "pushq 32(%rdi)\n pushq 24(%rdi)\n pushq 16(%rdi)\n pushq 8(%rdi)\n lretq");
CODE(far_iret, "pushq 32(%rdi)\n pushq 24(%rdi)\n pushq $2\n pushq 16(%rdi)\n pushq 8(%rdi)\n iretq");
CODE(load_ds, "movw 4(%rdi), %ds\n int $0x81");
CODE(load_es, "movw 4(%rdi), %es\n int $0x81");
CODE(load_fs, "movw 4(%rdi), %fs\n int $0x81");
CODE(load_gs, "movw 4(%rdi), %gs\n int $0x81");
CODE(load_ss, "movw 4(%rdi), %ss\n int $0x81");
CODE(landing, "int $0x81");
_Static_assert(VEC_TEST == 0x81, "the code above");

static const struct {
	const char *name;
	const u8 *code, *end;
} transfers[TRANSFERS] = {
	[FAR_JMP] = {"JMP", far_jmp, far_jmp_end},    [FAR_CALL] = {"CALL", far_call, far_call_end},
	[FAR_RET] = {"RET", far_ret, far_ret_end},    [FAR_IRET] = {"IRET", far_iret, far_iret_end},
	[LOAD_DS] = {"MOV DS", load_ds, load_ds_end}, [LOAD_ES] = {"MOV ES", load_es, load_es_end},
	[LOAD_FS] = {"MOV FS", load_fs, load_fs_end}, [LOAD_GS] = {"MOV GS", load_gs, load_gs_end},
	[LOAD_SS] = {"MOV SS", load_ss, load_ss_end},
};

#define LANDING_OFFSET                                                                                       \
	PAGE_SIZE /* in the user's code pages, which both rings can execute, in 64-bit and 32-bit code */

static void attempt(enum transfer t, u16 selector, unsigned cpl)
{
	bool to_ring0 = t < LOAD_DS && cpl == 0 && ((t != FAR_RET && t != FAR_IRET) || !(selector & SEL_RPL));
	struct request *request = (struct request *)user_data_pages;
	struct user u = {.code = transfers[t].code, .size = (size_t)(transfers[t].end - transfers[t].code)};
	struct frame f;
	u64 actual, expected;

	*request = (struct request){
		.offset = USER_CODE + LANDING_OFFSET,
		.selector = selector,
		.rip = USER_CODE + LANDING_OFFSET,
		.cs = selector,
		.rsp = USER_STACK, /* low: QEMU 7.2 cuts RSP to 32 bits in such a CALL */
		.ss = to_ring0 ? SEL_KERNEL_DATA : SEL_USER_DATA,
	};
	if (cpl) {
		u.gpr[GPR_RDI] = USER_DATA;
		user_run(&u);
		f = u.frame;
	} else {
		catch_asm(&f, transfers[t].code, (u64)request);
	}
	actual = outcome(selector, f.vector, f.vector == VEC_TEST ? (t < LOAD_DS ? f.cs : 0) : f.error);
	expected = t < LOAD_DS ? expect_transfer(t, selector, cpl) : expect_load(t, selector, cpl);
	check_equal(actual, expected, __FILE__, __LINE__, transfers[t].name);
}

#define HIGH_SELECTORS 0xff00

/* All of the GDT with all RPLs, some of an LDT, all of the highest. */
static void attempt_all(enum transfer first, enum transfer last, unsigned cpl)
{
	table_make();
	user_map();
	memcpy(user_code_pages + LANDING_OFFSET, landing, CODE_SIZE(landing));
	for (enum transfer t = first; t <= last; t++) {
		for (unsigned selector = 0; selector < (GDT_ENTRIES + 2) * 8; selector++)
			if (!(selector & SEL_TI) && !(t == LOAD_SS && is_null((u16)selector)))
				attempt(t, (u16)selector, cpl);
		for (unsigned i = 0; i < 8; i++)
			attempt(t, (u16)(test_random() | SEL_TI), cpl);
		for (unsigned selector = HIGH_SELECTORS; selector < 0x10000; selector += 8) {
			attempt(t, (u16)selector, cpl);
			attempt(t, (u16)(selector | SEL_RPL), cpl);
		}
	}
}

static void transfers_kernel(void)
{
	attempt_all(FAR_JMP, FAR_IRET, 0);
}

static void transfers_user(void)
{
	attempt_all(FAR_JMP, FAR_IRET, 3);
}

static void loads_kernel(void)
{
	attempt_all(LOAD_DS, LOAD_SS, 0);
}

static void loads_user(void)
{
	attempt_all(LOAD_DS, LOAD_SS, 3);
}

/* A null SS: in ring 0 with RPL 0 only. */
static void load_null_ss(void)
{
	table_make();
	user_map();
	for (u16 rpl = 0; rpl <= SEL_RPL; rpl++) {
		attempt(LOAD_SS, rpl, 0);
		attempt(LOAD_SS, rpl, 3);
	}
}

/* "#GP(selector) if the L and D bits are both set" in a code segment. */
static void transfers_l_and_d(void)
{
	u16 selector = SEL_TEST + L_AND_D * 8;

	table_make();
	user_map();
	memcpy(user_code_pages + LANDING_OFFSET, landing, CODE_SIZE(landing));
	gdt[selector / 8] = desc_make(0, 0xffffffff, CODE64(0) | SEG_ATTR_DB);
	gdt[selector / 8 + 1] = desc_make(0, 0xffffffff, CODE64(3) | SEG_ATTR_DB);
	for (enum transfer t = FAR_JMP; t <= FAR_IRET; t++) {
		attempt(t, selector, 0);
		attempt(t, (selector + 8) | SEL_RPL, 3);
	}
}

#define LARGEST_LIMIT 0xffff
#define FAR_SELECTOR  0x7ff8

/* A GDT as large as can be, empty behind the kernel's own descriptors but for one: that one works, no other
 * does. */
static void lgdt_largest(void)
{
	u64 *large = page_alloc_2m(0);
	struct desc_ptr gdtr = {LARGEST_LIMIT, (u64)large};

	user_map();
	memcpy(user_code_pages + LANDING_OFFSET, landing, CODE_SIZE(landing));
	memcpy(large, gdt, sizeof(gdt));
	large[FAR_SELECTOR / 8] = gdt[SEL_USER_DATA / 8];
	table = large;
	table_limit = LARGEST_LIMIT;
	lgdt(&gdtr);
	for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
		attempt(LOAD_DS, FAR_SELECTOR | SEL_RPL, cpl);
		attempt(FAR_JMP, FAR_SELECTOR | SEL_RPL, cpl);
		for (unsigned selector = HIGH_SELECTORS; selector < 0x10000; selector += 8) {
			attempt(LOAD_DS, (u16)(selector | SEL_RPL), cpl);
			attempt(FAR_JMP, (u16)(selector | cpl), cpl);
			attempt(FAR_IRET, (u16)(selector | SEL_RPL), cpl);
		}
		for (unsigned i = 0; i < 32; i++) {
			u16 selector = (u16)(sizeof(gdt) + test_random() % (FAR_SELECTOR - sizeof(gdt)));

			attempt(LOAD_ES, selector, cpl);
			attempt(FAR_CALL, selector, cpl);
		}
	}
	gdtr = (struct desc_ptr){sizeof(gdt) - 1, (u64)gdt};
	lgdt(&gdtr);
}

const struct test sec_far_tests[] = {
	{"sec/transfers_kernel", transfers_kernel}, {"sec/transfers_user", transfers_user},
	{"sec/loads_kernel", loads_kernel},         {"sec/loads_user", loads_user},
	{"sec/load_null_ss", load_null_ss},         {"sec/transfers_l_and_d", transfers_l_and_d},
	{"sec/lgdt_largest", lgdt_largest},         {},
};
