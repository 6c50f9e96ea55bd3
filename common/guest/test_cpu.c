// SPDX-License-Identifier: MIT
/*
 * cpu/: the instructions that show the state of the machine and do not trap in ring 3. These are what Popek
 * and Goldberg's theorem is about: a monitor that only traps has to fail here, one that translates or has
 * hardware help has to pass.
 *
 * Source: Robin and Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine
 * Monitor", USENIX Security 2000, section 3.2, for the list; SDM vol. 2 for each instruction.
 */
#include "guest/groups.h"
#include "lib/string.h"

#define VALUE(code, rdi) value_of(code, rdi, __LINE__)

/* Runs code that is expected to return; what it returned. */
static u64 value_of(const u8 *code, u64 rdi, int line)
{
	struct frame f;

	catch_asm(&f, code, rdi);
	check_equal(f.vector, NO_FAULT, __FILE__, line, "vector");
	return f.gpr[GPR_RAX];
}

/* ---- CPUID ---- */

#define CPUID_1_ECX_OSXSAVE    27
#define CPUID_1_ECX_HYPERVISOR 31
#define CPUID_LEAF_HYPERVISOR  0x40000000

static bool has_xsave(void)
{
	return feature_present(START_FEATURE_XSAVE);
}

static u32 cpuid_osxsave(void)
{
	return cpuid(1, 0).ecx >> CPUID_1_ECX_OSXSAVE & 1;
}

/* CPUID.1:ECX.OSXSAVE is a copy of CR4.OSXSAVE: of the virtual CPU's. SDM vol. 3A, 2.5. */
static void cpuid_osxsave_follows_cr4(void)
{
	u64 cr4 = read_cr4();

	CHECK_EQ(cpuid_osxsave(), 0);
	write_cr4(cr4 | CR4_OSXSAVE);
	CHECK_EQ(cpuid_osxsave(), 1);
	write_cr4(cr4);
	CHECK_EQ(cpuid_osxsave(), 0);
}

/* A hypervisor of ours says so; the bare machine says nothing. */
static void cpuid_hypervisor_leaf(void)
{
	bool announced = cpuid(1, 0).ecx >> CPUID_1_ECX_HYPERVISOR & 1;
	struct cpuid_regs r = cpuid(CPUID_LEAF_HYPERVISOR, 0);
	char signature[13] = {0};

	memcpy(signature, &r.ebx, 4);
	memcpy(signature + 4, &r.ecx, 4);
	memcpy(signature + 8, &r.edx, 4);
	CHECK(announced == (start_info != NULL));
	CHECK(!announced || !memcmp(signature, START_CPUID_SIGNATURE, 12));
}

/* "CPUID ... clears the upper 32 bits of RAX, RBX, RCX, RDX". */
CODE(cpuid_high_halves, "mov %rdi, %rax; mov %rdi, %rbx; mov %rdi, %rcx; mov %rdi, %rdx\n"
			"xor %eax, %eax; not %rax; shl $32, %rax\n" /* leaf 0, all ones above */
			"mov %rax, %rsi; cpuid\n"
			"or %rbx, %rax; or %rcx, %rax; or %rdx, %rax; shr $32, %rax; ret");

static void cpuid_clears_high_halves(void)
{
	CHECK_EQ(VALUE(cpuid_high_halves, test_random()), 0);
}

/* ---- PUSHF and POPF ---- */

CODE(pushf_after_cli, "cli; pushfq; pop %rax; ret");
CODE(pushf_after_sti, "sti; pushfq; pop %rax; cli; ret");
CODE(popf_if_0, "sti; pushfq; pop %rax; and $~0x200, %rax; push %rax; popfq; pushfq; pop %rax; cli; ret");
CODE(popf_if_1, "cli; pushfq; pop %rax; or $0x200, %rax; push %rax; popfq; pushfq; pop %rax; cli; ret");
/* RDI to the flags, and back to RAX; then IF off and the rest clear. */
CODE(popf_pushf, "push %rdi; popfq; pushfq; pop %rax; push $2; popfq; ret");
CODE(popf_pushf_16, "push %rdi; popfw; pushfw; movzwl (%rsp), %eax; add $8, %rsp; push $2; popfq; ret");

static void pushf_shows_if(void)
{
	CHECK_EQ(VALUE(pushf_after_cli, 0) & RFLAGS_IF, 0);
	CHECK_EQ(VALUE(pushf_after_sti, 0) & RFLAGS_IF, RFLAGS_IF);
}

static void popf_clears_if(void)
{
	CHECK_EQ(VALUE(popf_if_0, 0) & RFLAGS_IF, 0);
}

static void popf_sets_if(void)
{
	CHECK_EQ(VALUE(popf_if_1, 0) & RFLAGS_IF, RFLAGS_IF);
}

/* With an interrupt pending: it comes when POPF sets IF, and not before. */
static void popf_opens_interrupts(void)
{
	handler_set(VEC_TEST, handler_count_irq);
	lapic_send_self(VEC_TEST);
	CHECK_EQ(VALUE(popf_pushf, RFLAGS_RESERVED1) & RFLAGS_IF, 0);
	CHECK_EQ(handler_count[VEC_TEST], 0);
	VALUE(popf_if_1, 0);
	CHECK_EQ(handler_count[VEC_TEST], 1);
}

/* And it stays away when POPF cleared IF. */
static void popf_closes_interrupts(void)
{
	handler_set(VEC_TEST, handler_count_irq);
	asm volatile("sti; nop; pushq $2; popfq" : : : "memory", "cc");
	lapic_send_self(VEC_TEST);
	WAIT_FOR(handler_count[VEC_TEST], 20);
	CHECK_EQ(handler_count[VEC_TEST], 0);
	CHECK_EQ(lapic_vector_bit(LAPIC_IRR, VEC_TEST), 1);
	sti();
	WAIT_FOR(handler_count[VEC_TEST], 1000);
	cli();
	CHECK_EQ(handler_count[VEC_TEST], 1);
}

/* In ring 0 POPF writes IOPL; in ring 3 it leaves it alone. */
static void popf_writes_iopl(void)
{
	for (u64 iopl = 0; iopl < 4; iopl++) {
		u64 flags = RFLAGS_RESERVED1 | iopl << RFLAGS_IOPL_SHIFT;

		CHECK_EQ(VALUE(popf_pushf, flags) & RFLAGS_IOPL, flags & RFLAGS_IOPL);
	}
}

#define ARITHMETIC_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_DF | RFLAGS_OF)

static void popf_pushf_arithmetic(void)
{
	for (unsigned i = 0; i < 16; i++) {
		u64 flags = (test_random() & (ARITHMETIC_FLAGS | RFLAGS_NT | RFLAGS_AC | RFLAGS_ID)) |
			    RFLAGS_RESERVED1;

		CHECK_EQ(VALUE(popf_pushf, flags), flags);
	}
}

static void popf_pushf_word(void)
{
	u64 flags = (test_random() & (ARITHMETIC_FLAGS | RFLAGS_NT)) | RFLAGS_RESERVED1;

	CHECK_EQ(VALUE(popf_pushf_16, flags), flags);
}

/* ---- tables and the task register ---- */

CODE(store_gdtr, "sgdt (%rdi); ret");
CODE(store_idtr, "sidt (%rdi); ret");
CODE(store_ldtr, "xor %eax, %eax; sldt %ax; ret");
CODE(store_tr, "xor %eax, %eax; str %ax; ret");
CODE(store_msw, "xor %eax, %eax; smsw %ax; ret");

static void check_table(const u8 *store, const void *base, u16 limit, int line)
{
	struct desc_ptr p = {0};

	value_of(store, (u64)&p, line);
	check_equal(p.limit, limit, __FILE__, line, "limit");
	check_equal(p.base - (u64)base, 0, __FILE__, line, "base");
}

static void sgdt(void)
{
	u64 *other = memcpy(page_alloc(), gdt, sizeof(gdt));
	const struct desc_ptr p = {(u16)(test_random() % 64 + sizeof(gdt)), (u64)other};

	check_table(store_gdtr, gdt, sizeof(gdt) - 1, __LINE__);
	lgdt(&p);
	check_table(store_gdtr, other, p.limit, __LINE__);
}

static void sidt(void)
{
	void *other = memcpy(page_alloc(), idt, sizeof(idt));
	const struct desc_ptr p = {PAGE_SIZE - 1 - (u16)(test_random() % 64), (u64)other};

	check_table(store_idtr, idt, sizeof(idt) - 1, __LINE__);
	lidt(&p);
	check_table(store_idtr, other, p.limit, __LINE__);
}

#define LDT_DESC(base, limit) desc_make((u32)(u64)(base), limit, SEG_ATTR_P | SYS_TYPE_LDT)

static void set_ldt_descriptor(const void *base, u32 limit)
{
	gdt[SEL_TEST / 8] = LDT_DESC(base, limit);
	gdt[SEL_TEST / 8 + 1] = (u64)base >> 32;
}

static void sldt(void)
{
	CHECK_EQ(VALUE(store_ldtr, 0), 0);
	set_ldt_descriptor(page_alloc(), PAGE_SIZE - 1);
	lldt(SEL_TEST);
	CHECK_EQ(VALUE(store_ldtr, 0), SEL_TEST);
	lldt(0);
	CHECK_EQ(VALUE(store_ldtr, 0), 0);
}

static void str(void)
{
	CHECK_EQ(VALUE(store_tr, 0), SEL_TSS);
	gdt[SEL_TEST / 8] = desc_make((u32)(u64)&tss, sizeof(tss) - 1, SEG_ATTR_P | SYS_TYPE_TSS_AVAIL);
	gdt[SEL_TEST / 8 + 1] = (u64)&tss >> 32;
	ltr(SEL_TEST);
	CHECK_EQ(VALUE(store_tr, 0), SEL_TEST);
}

static void smsw(void)
{
	u64 cr0 = read_cr0();

	CHECK_EQ(VALUE(store_msw, 0), cr0 & 0xffff);
	write_cr0(cr0 | CR0_TS);
	CHECK_EQ(VALUE(store_msw, 0) & CR0_TS, CR0_TS);
	write_cr0(cr0 & ~(u64)CR0_MP);
	CHECK_EQ(VALUE(store_msw, 0) & (CR0_TS | CR0_MP), 0);
	write_cr0(cr0 & ~(u64)CR0_NE);
	CHECK_EQ(VALUE(store_msw, 0) & CR0_NE, 0);
	write_cr0(cr0);
}

/* ---- segment registers ---- */

CODE(read_cs, "xor %eax, %eax; mov %cs, %eax; ret");
CODE(read_ss, "xor %eax, %eax; mov %ss, %eax; ret");
CODE(reload_ds, "mov %ds, %ecx; mov %edi, %ds; mov %ds, %eax; mov %ecx, %ds; ret");
CODE(reload_es, "mov %es, %ecx; mov %edi, %es; mov %es, %eax; mov %ecx, %es; ret");
CODE(push_fs, "mov %edi, %fs; push %fs; pop %rax; xor %ecx, %ecx; mov %ecx, %fs; ret");
/* Far return to CS = RDI, whose CS is returned; and back to the kernel's. */
CODE(far_return_cs, "push %rdi; lea 1f(%rip), %rax; push %rax; lretq\n"
		    "1: mov %cs, %edx; push $0x08; lea 2f(%rip), %rax; push %rax; lretq\n"
		    "2: mov %edx, %eax; ret");
/* Far call through a pointer; the called code returns the CS that was pushed. In the form with 32-bit
 * offsets, which both vendors have, so code and stack are below 4 GiB. */
CODE(far_call_cs, "mov %rsp, %r8; mov $0x800000, %esp; sub $16, %rsp; lea 1f(%rip), %rax\n"
		  "mov %eax, (%rsp); mov %edi, 4(%rsp); lcall *(%rsp); jmp 2f\n"
		  "1: mov 4(%rsp), %eax; lretl\n"
		  "2: mov %r8, %rsp; ret");
_Static_assert(SEL_KERNEL_CODE == 0x08 && USER_STACK == 0x800000, "the code above");

#define ATTR_FLAT    (SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_G | SEG_TYPE_ACCESSED)
#define ATTR_CODE64  (ATTR_FLAT | SEG_ATTR_L | SEG_TYPE_CODE | SEG_TYPE_READABLE)
#define FLAT_LIMIT   0xffffffff
#define SEL_CONFORM  (SEL_TEST + 8)
#define SEL_DPL3CODE (SEL_TEST + 16)

static void mov_from_cs(void)
{
	CHECK_EQ(VALUE(read_cs, 0), SEL_KERNEL_CODE);
}

static void mov_from_ss(void)
{
	CHECK_EQ(VALUE(read_ss, 0), SEL_KERNEL_DATA);
}

static void mov_from_ds_es(void)
{
	CHECK_EQ(VALUE(reload_ds, SEL_KERNEL_DATA), SEL_KERNEL_DATA);
	CHECK_EQ(VALUE(reload_es, SEL_KERNEL_DATA), SEL_KERNEL_DATA);
	CHECK_EQ(VALUE(reload_ds, SEL_USER_DATA), SEL_USER_DATA);
}

static void push_from_fs(void)
{
	CHECK_EQ(VALUE(push_fs, SEL_KERNEL_DATA) & 0xffff, SEL_KERNEL_DATA);
	wrmsr(MSR_FS_BASE, 0);
}

/* CPL is the RPL of CS: 0 after a far return to another segment of ring 0, also to a conforming one. */
static void cpl_after_far_return(void)
{
	gdt[SEL_TEST / 8] = desc_make(0, FLAT_LIMIT, ATTR_CODE64);
	gdt[SEL_CONFORM / 8] = desc_make(0, FLAT_LIMIT, ATTR_CODE64 | SEG_TYPE_CONFORMING);
	CHECK_EQ(VALUE(far_return_cs, SEL_TEST), SEL_TEST);
	CHECK_EQ(VALUE(far_return_cs, SEL_CONFORM), SEL_CONFORM);
}

static void far_call_pushes_cs(void)
{
	u8 *page = memcpy(page_alloc(), far_call_cs, CODE_SIZE(far_call_cs));

	page_map(USER_CODE, gpa_of(page), PTE_P);
	page_map(USER_STACK - PAGE_SIZE, gpa_of(page_alloc()), PTE_P | PTE_W | PTE_NX);
	gdt[SEL_TEST / 8] = desc_make(0, FLAT_LIMIT, ATTR_CODE64);
	CHECK_EQ(VALUE((u8 *)USER_CODE, SEL_TEST), SEL_KERNEL_CODE);
}

static struct frame seen;

static bool note_frame(struct frame *f)
{
	seen = *f;
	return true;
}

/* INT pushes the CS, SS and RFLAGS of the interrupted code, as they are to it. */
static void int_pushes_state(void)
{
	handler_set(VEC_TEST, note_frame);
	asm volatile("stc; int %0" : : "i"(VEC_TEST) : "memory", "cc");
	CHECK_EQ(seen.cs, SEL_KERNEL_CODE);
	CHECK_EQ(seen.ss, SEL_KERNEL_DATA);
	CHECK_EQ(seen.rflags & (RFLAGS_CF | RFLAGS_IF | RFLAGS_IOPL), RFLAGS_CF);
	asm volatile("clc; sti; int %0; cli" : : "i"(VEC_TEST) : "memory", "cc");
	CHECK_EQ(seen.rflags & (RFLAGS_CF | RFLAGS_IF | RFLAGS_IOPL), RFLAGS_IF);
}

/* ---- LAR, LSL, VERR, VERW: RAX = result, all ones when ZF is 0 ---- */

CODE(lar_code, "lar %edi, %eax; jz 1f; mov $-1, %rax; 1: ret");
CODE(lsl_code, "lsl %edi, %eax; jz 1f; mov $-1, %rax; 1: ret");
CODE(verr_code, "xor %eax, %eax; verr %di; setz %al; ret");
CODE(verw_code, "xor %eax, %eax; verw %di; setz %al; ret");

#define NOT_ACCESSIBLE (~0ULL)
#define LAR_MASK       0x00f0ff00 /* what is defined of the second word of a descriptor */

static void lar(void)
{
	CHECK_EQ(VALUE(lar_code, SEL_KERNEL_CODE) & LAR_MASK, gdt[SEL_KERNEL_CODE / 8] >> 32 & LAR_MASK);
	CHECK_EQ(VALUE(lar_code, SEL_KERNEL_DATA) & LAR_MASK, gdt[SEL_KERNEL_DATA / 8] >> 32 & LAR_MASK);
	CHECK_EQ(VALUE(lar_code, SEL_USER_CODE) & LAR_MASK, gdt[SEL_USER_CODE / 8] >> 32 & LAR_MASK);
	CHECK_EQ(VALUE(lar_code, SEL_TSS) & LAR_MASK, (SEG_ATTR_P | SYS_TYPE_TSS_BUSY) << 8);
	CHECK_EQ(VALUE(lar_code, 0), NOT_ACCESSIBLE);
	CHECK_EQ(VALUE(lar_code, SEL_TEST), NOT_ACCESSIBLE);
	CHECK_EQ(VALUE(lar_code, SEL_KERNEL_DATA | 3), NOT_ACCESSIBLE); /* RPL 3, DPL 0 */
}

static void lsl(void)
{
	u32 limit = test_random() & 0xfffff;

	gdt[SEL_TEST / 8] = desc_make(0, limit, SEG_ATTR_P | SEG_ATTR_S | SEG_TYPE_WRITABLE);
	CHECK_EQ(VALUE(lsl_code, SEL_TEST), limit);
	CHECK_EQ(VALUE(lsl_code, SEL_KERNEL_CODE), FLAT_LIMIT);
	CHECK_EQ(VALUE(lsl_code, SEL_TSS), sizeof(tss) + sizeof(tss_io_bitmap) - 1);
	CHECK_EQ(VALUE(lsl_code, 0), NOT_ACCESSIBLE);
	CHECK_EQ(VALUE(lsl_code, GDT_ENTRIES * 8), NOT_ACCESSIBLE); /* beyond the limit of the GDT */
}

static void verr(void)
{
	gdt[SEL_TEST / 8] = desc_make(0, FLAT_LIMIT, ATTR_CODE64 & ~SEG_TYPE_READABLE);
	CHECK_EQ(VALUE(verr_code, SEL_KERNEL_DATA), 1);
	CHECK_EQ(VALUE(verr_code, SEL_KERNEL_CODE), 1);
	CHECK_EQ(VALUE(verr_code, SEL_TEST), 0); /* execute only */
	CHECK_EQ(VALUE(verr_code, SEL_TSS), 0);
	CHECK_EQ(VALUE(verr_code, 0), 0);
}

static void verw(void)
{
	gdt[SEL_TEST / 8] = desc_make(0, FLAT_LIMIT, ATTR_FLAT); /* read only */
	CHECK_EQ(VALUE(verw_code, SEL_KERNEL_DATA), 1);
	CHECK_EQ(VALUE(verw_code, SEL_KERNEL_CODE), 0);
	CHECK_EQ(VALUE(verw_code, SEL_TEST), 0);
	CHECK_EQ(VALUE(verw_code, SEL_KERNEL_DATA | 3), 0);
}

const struct test cpu_tests[] = {
	{"cpu/cpuid_osxsave_follows_cr4", cpuid_osxsave_follows_cr4, has_xsave},
	{"cpu/cpuid_hypervisor_leaf", cpuid_hypervisor_leaf},
	{"cpu/cpuid_clears_high_halves", cpuid_clears_high_halves},
	{"cpu/pushf_shows_if", pushf_shows_if},
	{"cpu/popf_clears_if", popf_clears_if},
	{"cpu/popf_sets_if", popf_sets_if},
	{"cpu/popf_opens_interrupts", popf_opens_interrupts},
	{"cpu/popf_closes_interrupts", popf_closes_interrupts},
	{"cpu/popf_writes_iopl", popf_writes_iopl},
	{"cpu/popf_pushf_arithmetic", popf_pushf_arithmetic},
	{"cpu/popf_pushf_word", popf_pushf_word},
	{"cpu/sgdt", sgdt},
	{"cpu/sidt", sidt},
	{"cpu/sldt", sldt},
	{"cpu/str", str},
	{"cpu/smsw", smsw},
	{"cpu/mov_from_cs", mov_from_cs},
	{"cpu/mov_from_ss", mov_from_ss},
	{"cpu/mov_from_ds_es", mov_from_ds_es},
	{"cpu/push_from_fs", push_from_fs},
	{"cpu/cpl_after_far_return", cpl_after_far_return},
	{"cpu/far_call_pushes_cs", far_call_pushes_cs},
	{"cpu/int_pushes_state", int_pushes_state},
	{"cpu/lar", lar},
	{"cpu/lsl", lsl},
	{"cpu/verr", verr},
	{"cpu/verw", verw},
	{},
};
