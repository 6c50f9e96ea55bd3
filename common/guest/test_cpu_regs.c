// SPDX-License-Identifier: MIT
/*
 * cpu/: control registers, model-specific registers, debug registers: what is written reads back, what is not
 * allowed raises #GP and changes nothing, and the register does what it is for. All of these instructions
 * trap in ring 3.
 *
 * Source: SDM vol. 2B "MOV - Move to/from Control Registers", "MOV - Move to/from Debug Registers", "WRMSR";
 * vol. 3A, 2.5; vol. 3B, 17.2 "Debug Registers". Left out: turning paging or long mode off, which no test
 * would survive.
 */
#include "guest/groups.h"

#define CODE_MOV_TO(name, reg) CODE(name, "mov %rdi, %" reg "; ret")
CODE_MOV_TO(set_cr0, "cr0");
CODE_MOV_TO(set_cr3, "cr3");
CODE_MOV_TO(set_cr4, "cr4");
CODE_MOV_TO(set_cr8, "cr8");
CODE_MOV_TO(set_dr6, "dr6");
CODE_MOV_TO(set_dr7, "dr7");
CODE(read_cr1, ".byte 0x0f, 0x20, 0xc8; ret"); /* mov %cr1, %rax */
CODE(read_cr5, ".byte 0x0f, 0x20, 0xe8; ret"); /* mov %cr5, %rax */
CODE(read_dr4, "mov %db4, %rax; ret");
CODE(write_dr5, "mov %rdi, %db5; ret");

/* The code raises #GP(0), with RIP at its first instruction. */
#define CHECK_GP(code, rdi) check_gp(code, rdi, __LINE__)
static void check_gp(const u8 *code, u64 rdi, int line)
{
	struct frame f;

	catch_asm(&f, code, rdi);
	check_equal(f.vector, VEC_GP, __FILE__, line, "vector");
	check_equal(f.error, 0, __FILE__, line, "error code");
	check_equal(f.rip - (u64)code, 0, __FILE__, line, "RIP");
}

static u64 random_canonical(void)
{
	return (u64)((s64)(test_random() << 16) >> 16);
}

/* ---- control registers ---- */

static void cr0_readback(void)
{
	u64 cr0 = read_cr0(), bits = CR0_MP | CR0_EM | CR0_TS | CR0_AM | CR0_WP;

	for (unsigned i = 0; i < 8; i++) {
		u64 value = (cr0 & ~bits) | (test_random() & bits);

		write_cr0(value);
		CHECK_EQ(read_cr0(), value);
	}
	write_cr0(cr0);
}

static void cr0_high_bits(void)
{
	u64 cr0 = read_cr0();

	CHECK_GP(set_cr0, cr0 | BIT(32 + test_random() % 32));
	CHECK_EQ(read_cr0(), cr0);
}

/* "Attempting to set CR0.NW with CR0.CD clear": #GP. The other way round is a legal way to run without
 * caches. */
static void cr0_nw_without_cd(void)
{
	u64 cr0 = read_cr0();

	CHECK_GP(set_cr0, cr0 | CR0_NW);
	CHECK_EQ(read_cr0(), cr0);
	write_cr0(cr0 | CR0_CD);
	CHECK_EQ(read_cr0(), cr0 | CR0_CD);
	write_cr0(cr0);
}

static void cr0_pg_without_pe(void)
{
	u64 cr0 = read_cr0();

	CHECK_GP(set_cr0, cr0 & ~(u64)CR0_PE);
	CHECK_EQ(read_cr0(), cr0);
}

static void clts(void)
{
	u64 cr0 = read_cr0();

	write_cr0(cr0 | CR0_TS);
	asm volatile("clts" : : : "memory");
	CHECK_EQ(read_cr0(), cr0);
}

/* LMSW writes PE, MP, EM, TS; PE it can set but not clear. */
static void lmsw(void)
{
	u64 cr0 = read_cr0();

	asm volatile("lmsw %0" : : "r"((u16)(CR0_TS | CR0_EM)) : "memory");
	CHECK_EQ(read_cr0(), (cr0 & ~(u64)CR0_MP) | CR0_EM | CR0_TS);
	asm volatile("lmsw %0" : : "r"((u16)(CR0_PE | CR0_MP)) : "memory");
	CHECK_EQ(read_cr0(), cr0);
}

static void cr2_readback(void)
{
	u64 value = test_random();

	write_cr2(value);
	CHECK_EQ(read_cr2(), value);
}

static void cr3_readback(void)
{
	u64 standard = read_cr3();
	gpa_t other = root_new();

	CHECK_EQ(standard - root_standard(), 0);
	write_cr3(other);
	CHECK_EQ(read_cr3() - other, 0);
	write_cr3(standard | PTE_PCD);
	CHECK_EQ(read_cr3() - standard, PTE_PCD);
	write_cr3(standard | PTE_PWT);
	CHECK_EQ(read_cr3() - standard, PTE_PWT);
	write_cr3(standard);
	CHECK_EQ(read_cr3() - standard, 0);
}

/* Bits from the physical-address width on are reserved; no CPU has more than 52. */
static void cr3_reserved(void)
{
	u64 standard = read_cr3();

	CHECK_GP(set_cr3, standard | BIT(52 + test_random() % 11));
	CHECK_EQ(read_cr3() - standard, 0);
}

static void cr4_readback(void)
{
	u64 cr4 = read_cr4(),
	    bits = CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	for (unsigned i = 0; i < 8; i++) {
		u64 value = (cr4 & ~bits) | (test_random() & bits);

		write_cr4(value);
		CHECK_EQ(read_cr4(), value);
	}
	write_cr4(cr4);
}

static void cr4_reserved(void)
{
	u64 cr4 = read_cr4();

	CHECK_GP(set_cr4, cr4 | BIT(31));
	CHECK_GP(set_cr4, cr4 | BIT(32 + test_random() % 32));
	CHECK_EQ(read_cr4(), cr4);
}

/* Long mode needs PAE. */
static void cr4_pae_stays(void)
{
	u64 cr4 = read_cr4();

	CHECK_GP(set_cr4, cr4 & ~(u64)CR4_PAE);
	CHECK_EQ(read_cr4(), cr4);
}

/* CR8 is bits 7..4 of the local APIC's task-priority register. SDM vol. 3A, 10.8.6. */
static void cr8_is_tpr(void)
{
	for (u64 priority = 0; priority < 16; priority++) {
		write_cr8(priority);
		CHECK_EQ(read_cr8(), priority);
		CHECK_EQ(lapic_read(LAPIC_TPR), priority << 4);
	}
	lapic_write(LAPIC_TPR, 0x35);
	CHECK_EQ(read_cr8(), 3);
	lapic_write(LAPIC_TPR, 0);
}

static void cr8_reserved(void)
{
	CHECK_GP(set_cr8, 16);
	CHECK_GP(set_cr8, BIT(4 + test_random() % 60));
	CHECK_EQ(read_cr8(), 0);
}

static void cr_undefined(void)
{
	struct frame f;

	catch_asm(&f, read_cr1, 0);
	CHECK_EQ(f.vector, VEC_UD);
	catch_asm(&f, read_cr5, 0);
	CHECK_EQ(f.vector, VEC_UD);
}

/* ---- model-specific registers ---- */

CODE(read_msr, "mov %edi, %ecx; rdmsr; ret");
/* RDI points to the number and the value. */
CODE(write_msr, "mov (%rdi), %ecx; mov 8(%rdi), %eax; mov 12(%rdi), %edx; wrmsr; ret");
CODE(do_syscall, "syscall; ret");
CODE(rdmsr_halves, "mov %edi, %ecx; mov $-1, %rax; mov $-1, %rdx; rdmsr\n"
		   "shr $32, %rax; shr $32, %rdx; or %rdx, %rax; ret");

static bool wrmsr_faults(u32 msr, u64 value)
{
	u64 args[2] = {msr, value};
	struct frame f;

	catch_asm(&f, write_msr, (u64)args);
	return f.vector == VEC_GP && !f.error;
}

static void efer_readback(void)
{
	u64 efer = rdmsr(MSR_EFER);

	CHECK_EQ(efer & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	wrmsr(MSR_EFER, efer ^ EFER_SCE);
	CHECK_EQ(rdmsr(MSR_EFER), efer ^ EFER_SCE);
	wrmsr(MSR_EFER, efer);
	CHECK_EQ(rdmsr(MSR_EFER), efer);
}

/* SYSCALL without EFER.SCE is an invalid opcode. */
static void efer_sce(void)
{
	u64 efer = rdmsr(MSR_EFER);
	struct frame f;

	wrmsr(MSR_EFER, efer & ~(u64)EFER_SCE);
	catch_asm(&f, do_syscall, 0);
	wrmsr(MSR_EFER, efer);
	CHECK_EQ(f.vector, VEC_UD);
	CHECK_EQ(f.rip - (u64)do_syscall, 0);
}

/* A reserved bit, and LME while paging is on. SDM vol. 3A, 4.1.2. */
static void efer_illegal(void)
{
	u64 efer = rdmsr(MSR_EFER);

	CHECK_EQ(wrmsr_faults(MSR_EFER, efer | BIT(2 + test_random() % 6)), true);
	CHECK_EQ(wrmsr_faults(MSR_EFER, efer & ~(u64)EFER_LME), true);
	CHECK_EQ(rdmsr(MSR_EFER), efer);
}

/* Reads back random values, and leaves the register as it was. */
static void check_msr_readback(u32 msr, bool canonical, int line)
{
	u64 before = rdmsr(msr);

	for (unsigned i = 0; i < 4; i++) {
		u64 value = canonical ? random_canonical() : test_random();

		wrmsr(msr, value);
		check_equal(rdmsr(msr), value, __FILE__, line, "MSR");
	}
	wrmsr(msr, before);
}

static void star_readback(void)
{
	check_msr_readback(MSR_STAR, false, __LINE__);
}

static void lstar_readback(void)
{
	check_msr_readback(MSR_LSTAR, true, __LINE__);
}

static void fmask_readback(void)
{
	u64 before = rdmsr(MSR_FMASK);
	u32 value = (u32)test_random();

	wrmsr(MSR_FMASK, value);
	CHECK_EQ(rdmsr(MSR_FMASK), value);
	wrmsr(MSR_FMASK, before);
}

static void sysenter_readback(void)
{
	check_msr_readback(MSR_SYSENTER_ESP, true, __LINE__);
	check_msr_readback(MSR_SYSENTER_EIP, true, __LINE__);
	wrmsr(MSR_SYSENTER_CS, SEL_KERNEL_CODE);
	CHECK_EQ(rdmsr(MSR_SYSENTER_CS), SEL_KERNEL_CODE);
	wrmsr(MSR_SYSENTER_CS, 0);
}

static void lstar_canonical(void)
{
	u64 lstar = rdmsr(MSR_LSTAR);

	CHECK_EQ(wrmsr_faults(MSR_LSTAR, random_canonical() ^ BIT(47 + test_random() % 16)), true);
	CHECK_EQ(rdmsr(MSR_LSTAR) - lstar, 0);
}

static void gs_base_canonical(void)
{
	static const u32 msrs[] = {MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE};

	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
		CHECK_EQ(wrmsr_faults(msrs[i], random_canonical() ^ BIT(47 + test_random() % 16)), true);
		CHECK_EQ(rdmsr(msrs[i]), 0);
	}
}

CODE(read_fs, "mov %fs:8(%rdi), %rax; ret");
CODE(read_gs, "mov %gs:8(%rdi), %rax; ret");

static u64 read_through(const u8 *code, u64 offset)
{
	struct frame f;

	catch_asm(&f, code, offset);
	return f.vector == NO_FAULT ? f.gpr[GPR_RAX] : ~f.vector;
}

static void fs_base(void)
{
	u64 *page = page_alloc(), offset = test_random() % 256 * 8;

	page[offset / 8 + 1] = test_random();
	wrmsr(MSR_FS_BASE, (u64)page);
	CHECK_EQ(rdmsr(MSR_FS_BASE) - (u64)page, 0);
	CHECK_EQ(read_through(read_fs, offset), page[offset / 8 + 1]);
	wrmsr(MSR_FS_BASE, 0);
}

static void gs_base(void)
{
	u64 *page = page_alloc(), offset = test_random() % 256 * 8;

	page[offset / 8 + 1] = test_random();
	wrmsr(MSR_GS_BASE, (u64)page);
	CHECK_EQ(rdmsr(MSR_GS_BASE) - (u64)page, 0);
	CHECK_EQ(read_through(read_gs, offset), page[offset / 8 + 1]);
	wrmsr(MSR_GS_BASE, 0);
}

CODE(load_fs, "mov %edi, %fs; ret");

/* A selector loads the base of its descriptor, 32 bits of it. SDM vol. 3A, 3.4.4. */
static void fs_base_from_descriptor(void)
{
	u32 base = (u32)test_random();
	struct frame f;

	gdt[SEL_TEST / 8] = desc_make(base, PAGE_SIZE - 1, SEG_ATTR_P | SEG_ATTR_S | SEG_TYPE_WRITABLE);
	wrmsr(MSR_FS_BASE, random_canonical());
	catch_asm(&f, load_fs, SEL_TEST);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(rdmsr(MSR_FS_BASE), base);
	catch_asm(&f, load_fs, 0);
	wrmsr(MSR_FS_BASE, 0);
}

static void swapgs(void)
{
	u64 a = random_canonical(), b = random_canonical();

	wrmsr(MSR_GS_BASE, a);
	wrmsr(MSR_KERNEL_GS_BASE, b);
	asm volatile("swapgs" : : : "memory");
	CHECK_EQ(rdmsr(MSR_GS_BASE), b);
	CHECK_EQ(rdmsr(MSR_KERNEL_GS_BASE), a);
	asm volatile("swapgs" : : : "memory");
	CHECK_EQ(rdmsr(MSR_GS_BASE), a);
	CHECK_EQ(rdmsr(MSR_KERNEL_GS_BASE), b);
	wrmsr(MSR_GS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}

/* Types 2, 3 and 8 and above are reserved in each of the eight fields. SDM vol. 3A, 11.12.2. */
static void pat(void)
{
	u64 before = rdmsr(MSR_PAT), value = 0;
	unsigned field = test_random() % 8 * 8;
	static const u8 types[] = {0, 1, 4, 5, 6, 7};

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | types[test_random() % ARRAY_SIZE(types)];
	/* Entries 0 and 3, which the kernel's own mappings use, stay. */
	value = (value & ~0xff0000ffULL) | (before & 0xff0000ff);
	wrmsr(MSR_PAT, value);
	CHECK_EQ((rdmsr(MSR_PAT) ^ before) & ~0xff0000ffULL, (value ^ before) & ~0xff0000ffULL);
	wrmsr(MSR_PAT, before);
	CHECK_EQ(wrmsr_faults(MSR_PAT, (before & ~(0xffULL << field)) | 2ULL << field), true);
	CHECK_EQ(rdmsr(MSR_PAT) == before, true);
}

#define MSR_NOBODY_HAS 0x7fff0000

static void msr_unknown(void)
{
	struct frame f;

	catch_asm(&f, read_msr, MSR_NOBODY_HAS);
	CHECK_EQ(f.vector, VEC_GP);
	CHECK_EQ(f.error, 0);
	CHECK_EQ(wrmsr_faults(MSR_NOBODY_HAS, test_random()), true);
}

/* RDMSR clears the upper halves of RAX and RDX. */
static void rdmsr_clears_high_halves(void)
{
	struct frame f;

	catch_asm(&f, rdmsr_halves, MSR_STAR);
	CHECK_EQ(f.gpr[GPR_RAX], 0);
}

/* ---- time-stamp counter ---- */

static void rdtsc_order(void)
{
	u64 last = rdtsc();
	bool ordered = true;

	for (unsigned i = 0; i < 1000; i++) {
		u64 now = rdtsc();

		ordered = ordered && now >= last;
		last = now;
	}
	CHECK(ordered);
}

CODE(user_rdtsc, "rdtsc; int $0x80");

/* CR4.TSD keeps RDTSC from ring 3, not from ring 0. */
static void rdtsc_tsd(void)
{
	struct user u = USER(user_rdtsc);
	u64 cr4 = read_cr4();

	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	write_cr4(cr4 | CR4_TSD);
	CHECK_EQ(user_run(&u), VEC_GP);
	CHECK(rdtsc() != 0);
	write_cr4(cr4);
	CHECK_EQ(u.frame.error, 0);
	CHECK_EQ(u.frame.rip, USER_CODE);
}

/* ---- debug registers ---- */

static void dr_readback(void)
{
	u64 value[4];

	for (unsigned i = 0; i < 4; i++)
		value[i] = test_random();
	write_dr0(value[0]);
	write_dr1(value[1]);
	write_dr2(value[2]);
	write_dr3(value[3]);
	CHECK_EQ(read_dr0(), value[0]);
	CHECK_EQ(read_dr1(), value[1]);
	CHECK_EQ(read_dr2(), value[2]);
	CHECK_EQ(read_dr3(), value[3]);
}

#define DR6_STATUS (DR6_B0 * 0xf | DR6_BD | DR6_BS)
#define DR7_FREE   0xffff03ff /* enables, conditions and lengths; not GD */

static void dr6_fixed_bits(void)
{
	write_dr6(0);
	CHECK_EQ(read_dr6(), DR6_RESERVED);
	write_dr6(DR6_STATUS);
	CHECK_EQ(read_dr6(), DR6_RESERVED | DR6_STATUS);
}

/* The breakpoints are at 0, which nobody touches. */
static void dr7_readback(void)
{
	for (unsigned i = 0; i < 4; i++) {
		u64 value = (test_random() & DR7_FREE & ~0x22220000ULL) | DR7_RESERVED;

		write_dr7(value & ~(u64)DR7_RESERVED);
		CHECK_EQ(read_dr7(), value);
	}
	write_dr7(0);
	CHECK_EQ(read_dr7(), DR7_RESERVED);
}

static void dr_high_bits(void)
{
	CHECK_GP(set_dr6, BIT(32 + test_random() % 32));
	CHECK_GP(set_dr7, DR7_RESERVED | BIT(32 + test_random() % 32));
	CHECK_EQ(read_dr7(), DR7_RESERVED);
}

/* DR4 and DR5 are other names of DR6 and DR7, with CR4.DE they are undefined. SDM vol. 3B, 17.2.2. */
static void dr4_dr5(void)
{
	u64 cr4 = read_cr4();
	struct frame f;

	write_dr6(DR6_BS);
	catch_asm(&f, read_dr4, 0);
	CHECK_EQ(f.gpr[GPR_RAX], DR6_RESERVED | DR6_BS);
	write_cr4(cr4 | CR4_DE);
	catch_asm(&f, read_dr4, 0);
	CHECK_EQ(f.vector, VEC_UD);
	catch_asm(&f, write_dr5, 0);
	CHECK_EQ(f.vector, VEC_UD);
	write_cr4(cr4);
}

/* DR7.GD: #DB before any access to a debug register, BD in DR6, and GD is clear for the handler. SDM vol.
 * 3B, 17.2.4. */
static void dr7_general_detect(void)
{
	struct frame f;

	write_dr7(DR7_RESERVED | DR7_GD);
	catch_asm(&f, set_dr6, 0);
	CHECK_EQ(f.vector, VEC_DB);
	CHECK_EQ(f.rip - (u64)set_dr6, 0);
	CHECK_EQ(read_dr7() & DR7_GD, 0);
	CHECK_EQ(read_dr6() & DR6_STATUS, DR6_BD);
	write_dr7(DR7_RESERVED);
}

/* ---- XCR0 ---- */

static bool has_xsave(void)
{
	return feature_present(START_FEATURE_XSAVE);
}

CODE(set_xcr0, "mov %edi, %eax; xor %edx, %edx; xor %ecx, %ecx; xsetbv; ret");
CODE(get_xcr0, "xor %ecx, %ecx; xgetbv; ret");

static void xcr0(void)
{
	u64 cr4 = read_cr4();
	struct frame f;

	catch_asm(&f, get_xcr0, 0);
	CHECK_EQ(f.vector, VEC_UD); /* without CR4.OSXSAVE */
	write_cr4(cr4 | CR4_OSXSAVE);
	catch_asm(&f, set_xcr0, XCR0_X87);
	CHECK_EQ(read_through(get_xcr0, 0), XCR0_X87);
	catch_asm(&f, set_xcr0, XCR0_X87 | XCR0_SSE);
	CHECK_EQ(read_through(get_xcr0, 0), XCR0_X87 | XCR0_SSE);
	catch_asm(&f, set_xcr0, XCR0_SSE);
	CHECK_EQ(f.vector, VEC_GP); /* the x87 bit is always 1 */
	catch_asm(&f, set_xcr0, XCR0_X87 | XCR0_AVX);
	CHECK_EQ(f.vector, VEC_GP); /* AVX needs SSE */
	catch_asm(&f, set_xcr0, XCR0_X87);
	write_cr4(cr4);
}

/* ---- LLDT and LTR ---- */

CODE(load_ldt, "lldt %di; ret");
CODE(load_tr, "ltr %di; ret");

static void set_system_descriptor(unsigned type, u32 attr)
{
	gdt[SEL_TEST / 8] = desc_make((u32)(u64)&tss, sizeof(tss) - 1, type | attr);
	gdt[SEL_TEST / 8 + 1] = (u64)&tss >> 32;
}

static void check_load(const u8 *code, u64 selector, u64 vector, u64 error, int line)
{
	struct frame f;

	catch_asm(&f, code, selector);
	check_equal(f.vector, vector, __FILE__, line, "vector");
	check_equal(f.error, error, __FILE__, line, "error code");
}

static void lldt_checks(void)
{
	set_system_descriptor(SYS_TYPE_LDT, SEG_ATTR_P);
	check_load(load_ldt, SEL_TEST, NO_FAULT, 0, __LINE__);
	set_system_descriptor(SYS_TYPE_LDT, 0);
	check_load(load_ldt, SEL_TEST, VEC_NP, SEL_TEST, __LINE__);
	check_load(load_ldt, SEL_KERNEL_DATA, VEC_GP, SEL_KERNEL_DATA, __LINE__);
	check_load(load_ldt, SEL_TEST | SEL_TI, VEC_GP, SEL_TEST | SEL_TI, __LINE__);
	check_load(load_ldt, GDT_ENTRIES * 8, VEC_GP, GDT_ENTRIES * 8, __LINE__);
	check_load(load_ldt, 0, NO_FAULT, 0, __LINE__);
}

/* LTR marks the descriptor busy, and takes no busy one. */
static void ltr_checks(void)
{
	check_load(load_tr, SEL_TSS, VEC_GP, SEL_TSS, __LINE__);
	check_load(load_tr, 0, VEC_GP, 0, __LINE__);
	check_load(load_tr, SEL_KERNEL_DATA, VEC_GP, SEL_KERNEL_DATA, __LINE__);
	set_system_descriptor(SYS_TYPE_TSS_AVAIL, 0);
	check_load(load_tr, SEL_TEST, VEC_NP, SEL_TEST, __LINE__);
	set_system_descriptor(SYS_TYPE_TSS_AVAIL, SEG_ATTR_P);
	check_load(load_tr, SEL_TEST, NO_FAULT, 0, __LINE__);
	CHECK_EQ(gdt[SEL_TEST / 8] >> 40 & 0xff, SEG_ATTR_P | SYS_TYPE_TSS_BUSY);
}

CODE(load_gdt, "lgdt (%rdi); ret");
CODE(load_idt, "lidt (%rdi); ret");

static void lgdt_canonical(void)
{
	const struct desc_ptr p = {sizeof(gdt) - 1, (u64)gdt ^ BIT(47 + test_random() % 16)};

	CHECK_GP(load_gdt, (u64)&p);
	CHECK_GP(load_idt, (u64)&p);
}

const struct test cpu_register_tests[] = {
	{"cpu/cr0_readback", cr0_readback},
	{"cpu/cr0_high_bits", cr0_high_bits},
	{"cpu/cr0_nw_without_cd", cr0_nw_without_cd},
	{"cpu/cr0_pg_without_pe", cr0_pg_without_pe},
	{"cpu/clts", clts},
	{"cpu/lmsw", lmsw},
	{"cpu/cr2_readback", cr2_readback},
	{"cpu/cr3_readback", cr3_readback},
	{"cpu/cr3_reserved", cr3_reserved},
	{"cpu/cr4_readback", cr4_readback},
	{"cpu/cr4_reserved", cr4_reserved},
	{"cpu/cr4_pae_stays", cr4_pae_stays},
	{"cpu/cr8_is_tpr", cr8_is_tpr},
	{"cpu/cr8_reserved", cr8_reserved},
	{"cpu/cr_undefined", cr_undefined},
	{"cpu/efer_readback", efer_readback},
	{"cpu/efer_sce", efer_sce},
	{"cpu/efer_illegal", efer_illegal},
	{"cpu/star_readback", star_readback},
	{"cpu/lstar_readback", lstar_readback},
	{"cpu/lstar_canonical", lstar_canonical},
	{"cpu/fmask_readback", fmask_readback},
	{"cpu/sysenter_readback", sysenter_readback},
	{"cpu/fs_base", fs_base},
	{"cpu/fs_base_from_descriptor", fs_base_from_descriptor},
	{"cpu/gs_base", gs_base},
	{"cpu/gs_base_canonical", gs_base_canonical},
	{"cpu/swapgs", swapgs},
	{"cpu/pat", pat},
	{"cpu/msr_unknown", msr_unknown},
	{"cpu/rdmsr_clears_high_halves", rdmsr_clears_high_halves},
	{"cpu/rdtsc_order", rdtsc_order},
	{"cpu/rdtsc_tsd", rdtsc_tsd},
	{"cpu/dr_readback", dr_readback},
	{"cpu/dr6_fixed_bits", dr6_fixed_bits},
	{"cpu/dr7_readback", dr7_readback},
	{"cpu/dr_high_bits", dr_high_bits},
	{"cpu/dr4_dr5", dr4_dr5},
	{"cpu/dr7_general_detect", dr7_general_detect},
	{"cpu/xcr0", xcr0, has_xsave},
	{"cpu/lldt_checks", lldt_checks},
	{"cpu/ltr_checks", ltr_checks},
	{"cpu/lgdt_canonical", lgdt_canonical},
	{},
};
