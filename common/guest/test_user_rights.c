// SPDX-License-Identifier: MIT
/*
 * user/: what ring 3 may do and what it may not: privileged instructions, ports by IOPL and by the I/O
 * permission bitmap, flags, segment registers, pages.
 *
 * Source: SDM vol. 3A, 5.9 "Privileged Instructions"; vol. 1, 19.5 "Protected-Mode I/O"; vol. 2B,
 * "POPF/POPFD/POPFQ".
 */
#include "guest/access.h"
#include "guest/groups.h"
#include "lib/string.h"

#define INSN_BYTES 4

struct privileged {
	u8 size;
	u8 bytes[INSN_BYTES];
	bool only64; /* does not exist, or is another instruction, in 32-bit code */
};

/* RDI: the address of user data; DX: a port; RAX: 0. */
// clang-format off
static const struct privileged privileged[] = {
	{1, {0xf4}},                           /* hlt */
	{1, {0xfa}},                           /* cli */
	{1, {0xfb}},                           /* sti */
	{2, {0xe4, 0x80}},                     /* in $0x80, %al */
	{2, {0xe5, 0x80}},                     /* in $0x80, %eax */
	{1, {0xec}},                           /* in %dx, %al */
	{2, {0xe6, 0x80}},                     /* out %al, $0x80 */
	{2, {0x66, 0xef}},                     /* out %ax, %dx */
	{1, {0x6c}},                           /* insb */
	{1, {0x6f}},                           /* outsl */
	{3, {0x0f, 0x01, 0x17}},               /* lgdt (%rdi) */
	{3, {0x0f, 0x01, 0x1f}},               /* lidt (%rdi) */
	{3, {0x0f, 0x00, 0xd0}},               /* lldt %ax */
	{3, {0x0f, 0x00, 0xd8}},               /* ltr %ax */
	{3, {0x0f, 0x01, 0xf0}},               /* lmsw %ax */
	{2, {0x0f, 0x06}},                     /* clts */
	{3, {0x0f, 0x01, 0x3f}},               /* invlpg (%rdi) */
	{2, {0x0f, 0x08}},                     /* invd */
	{2, {0x0f, 0x09}},                     /* wbinvd */
	{2, {0x0f, 0x30}},                     /* wrmsr */
	{2, {0x0f, 0x32}},                     /* rdmsr */
	{2, {0x0f, 0x33}},                     /* rdpmc, with CR4.PCE = 0 */
	{3, {0x0f, 0x20, 0xc0}},               /* mov %cr0, %rax */
	{3, {0x0f, 0x20, 0xd0}},               /* mov %cr2, %rax */
	{3, {0x0f, 0x20, 0xd8}},               /* mov %cr3, %rax */
	{3, {0x0f, 0x20, 0xe0}},               /* mov %cr4, %rax */
	{3, {0x0f, 0x22, 0xc0}},               /* mov %rax, %cr0 */
	{3, {0x0f, 0x22, 0xd8}},               /* mov %rax, %cr3 */
	{3, {0x0f, 0x22, 0xe0}},               /* mov %rax, %cr4 */
	{4, {0x44, 0x0f, 0x20, 0xc0}, true},   /* mov %cr8, %rax */
	{4, {0x44, 0x0f, 0x22, 0xc0}, true},   /* mov %rax, %cr8 */
	{3, {0x0f, 0x21, 0xc0}},               /* mov %dr0, %rax */
	{3, {0x0f, 0x23, 0xf8}},               /* mov %rax, %dr7 */
	{3, {0x0f, 0x01, 0xf8}, true},         /* swapgs */
	{3, {0x48, 0x0f, 0x07}, true},         /* sysretq */
	{2, {0x0f, 0x07}, true},               /* sysretl; #UD in 32-bit code on one vendor's processors */
};
// clang-format on

static void try_privileged(bool compat)
{
	for (unsigned i = 0; i < ARRAY_SIZE(privileged); i++) {
		const struct privileged *p = &privileged[i];
		struct user u = {.code = p->bytes, .size = p->size, .compat = compat, .rflags = RFLAGS_IF};

		if (compat && p->only64)
			continue;
		u.gpr[GPR_RDI] = USER_DATA;
		u.gpr[GPR_RSI] = USER_DATA;
		u.gpr[GPR_RDX] = 0x80;
		u.gpr[GPR_RCX] = MSR_EFER;
		user_run(&u);
		CHECK_FAULT(&u.frame, VEC_GP, 0);
		CHECK_EQ(u.frame.rip, USER_CODE);
		CHECK_EQ(u.frame.cs, compat ? SEL_USER_CODE32 : SEL_USER_CODE);
	}
}

static void privileged_64(void)
{
	try_privileged(false);
}

static void privileged_compat(void)
{
	try_privileged(true);
}

/* ---- ports ---- */

CODE(user_in8, "mov %edi, %edx\n in %dx, %al\n int $0x80");
CODE(user_in16, "mov %edi, %edx\n in %dx, %ax\n int $0x80");
CODE(user_in32, "mov %edi, %edx\n in %dx, %eax\n int $0x80");
CODE(user_out8, "mov %edi, %edx\n mov $0xff, %al\n out %al, %dx\n int $0x80");

#define FREE_PORTS 0x2400 /* nothing is there on any machine of ours */

static void port_allow(unsigned port)
{
	tss_io_bitmap[port / 8] &= (u8) ~(1 << port % 8);
}

#define CHECK_IN_FAULT(code, port)                                                                           \
	do {                                                                                                 \
		struct frame f_ = user_access(code, port);                                                   \
		CHECK_FAULT(&f_, VEC_GP, 0);                                                                 \
	} while (0)
#define CHECK_IN(code, port, value)                                                                          \
	do {                                                                                                 \
		struct frame f_ = user_access(code, port);                                                   \
		CHECK_EQ(f_.vector, VEC_USER_EXIT);                                                          \
		CHECK_EQ(f_.gpr[GPR_RAX], value);                                                            \
	} while (0)

/* "If the bit for every port of the access is clear, the access is allowed." Each byte of a wider access has
 * a port of its own. */
static void io_bitmap(void)
{
	unsigned port = FREE_PORTS + test_random() % 64 * sizeof(u32);

	CHECK_IN_FAULT(user_in8, port); /* outside the limit */
	port_allow(port);
	CHECK_IN_FAULT(user_in8, port);
	tss.iopb = (u16)((u64)tss_io_bitmap - (u64)&tss);
	CHECK_IN(user_in8, port, 0xff);
	CHECK_EQ(user_access(user_out8, port).vector, VEC_USER_EXIT);
	CHECK_IN_FAULT(user_in8, port + 1);
	CHECK_IN_FAULT(user_in8, port - 1);
	CHECK_IN_FAULT(user_in16, port);
	CHECK_IN_FAULT(user_in16, port - 1);
	port_allow(port + 1);
	CHECK_IN(user_in16, port, 0xffff);
	CHECK_IN_FAULT(user_in32, port);
	port_allow(port + 2);
	CHECK_IN_FAULT(user_in32, port);
	port_allow(port + 3);
	CHECK_IN(user_in32, port, 0xffffffff);
	tss_io_bitmap[port / 8] = 0xff;
	CHECK_IN_FAULT(user_in8, port);
}

/* "If CPL is less than or equal to IOPL" all ports are allowed, and CLI and STI too. */
static void iopl_in(void)
{
	struct user u = USER(user_in8, .rflags = RFLAGS_IOPL, .gpr = {[GPR_RDI] = FREE_PORTS});

	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[GPR_RAX], 0xff);
	CHECK_EQ(u.frame.rflags & RFLAGS_IOPL, RFLAGS_IOPL);
	u.rflags = 2 << RFLAGS_IOPL_SHIFT;
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_GP, 0);
}

CODE(user_cli_sti, "cli\n int $0x81\n sti\n nop\n int $0x80");

static u64 seen_flags;

static bool capture_flags(struct frame *f)
{
	seen_flags = f->rflags;
	return true;
}

static void iopl_cli(void)
{
	struct user u = USER(user_cli_sti, .rflags = RFLAGS_IOPL | RFLAGS_IF);

	handler_set(VEC_TEST, capture_flags);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(seen_flags & RFLAGS_IF, 0);
	CHECK_EQ(u.frame.rflags & RFLAGS_IF, RFLAGS_IF);
	u.rflags = RFLAGS_IF;
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_GP, 0);
	CHECK_EQ(u.frame.rip, USER_CODE);
}

/* ---- flags ---- */

#define FREE_FLAGS                                                                                           \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_DF | RFLAGS_OF | RFLAGS_NT |     \
	 RFLAGS_AC | RFLAGS_ID)

CODE(user_popf, "push %rdi\n popfq\n int $0x80");
CODE(user_pushf, "pushfq\n pop %rax\n int $0x80");

/* POPF with CPL > IOPL: IF stays. With CPL > 0: IOPL stays. No fault. */
static void popf(void)
{
	for (unsigned i = 0; i < 8; i++) {
		struct user u = USER(user_popf, .rflags = i % 2 ? RFLAGS_IF : 0);
		u64 wanted = test_random() & (FREE_FLAGS | RFLAGS_IF | RFLAGS_IOPL);

		u.gpr[GPR_RDI] = wanted;
		CHECK_EQ(user_run(&u), VEC_USER_EXIT);
		CHECK_EQ(u.frame.rflags, (wanted & FREE_FLAGS) | u.rflags | RFLAGS_RESERVED1);
	}
}

/* With IOPL 3 POPF changes IF, and still not IOPL. */
static void popf_iopl(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct user u = USER(user_popf, .rflags = RFLAGS_IOPL | (i % 2 ? RFLAGS_IF : 0));

		u.gpr[GPR_RDI] = i / 2 ? RFLAGS_IF : 0;
		CHECK_EQ(user_run(&u), VEC_USER_EXIT);
		CHECK_EQ(u.frame.rflags, u.gpr[GPR_RDI] | RFLAGS_IOPL | RFLAGS_RESERVED1);
	}
}

/* A program sees the flags that it has. */
static void pushf(void)
{
	static const u64 flags[] = {0, RFLAGS_IF, RFLAGS_IOPL, RFLAGS_IOPL | RFLAGS_IF | RFLAGS_CF};

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		struct user u = USER(user_pushf, .rflags = flags[i]);

		CHECK_EQ(user_run(&u), VEC_USER_EXIT);
		CHECK_EQ(u.frame.gpr[GPR_RAX], flags[i] | RFLAGS_RESERVED1);
	}
}

/* ---- segments ---- */

CODE(user_reads_selectors, "mov %cs, %eax\n"
			   "mov %ss, %ebx\n"
			   "mov %edi, %ds\n mov %ds, %ecx\n"
			   "mov %esi, %es\n mov %es, %edx\n"
			   "int $0x80");

static void selectors(void)
{
	struct user u = USER(user_reads_selectors, .gpr = {[GPR_RDI] = SEL_USER_DATA, [GPR_RSI] = SEL_RPL});

	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[GPR_RAX], SEL_USER_CODE);
	CHECK_EQ(u.frame.gpr[GPR_RBX], SEL_USER_DATA);
	CHECK_EQ(u.frame.gpr[GPR_RCX], SEL_USER_DATA);
	CHECK_EQ(u.frame.gpr[GPR_RDX], SEL_RPL); /* a null selector keeps its RPL */
	/* DPL 0: "#GP(selector) if the RPL and the CPL are not both less than or equal to the DPL" */
	u.gpr[GPR_RDI] = SEL_KERNEL_DATA | SEL_RPL;
	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_GP, SEL_KERNEL_DATA);
}

CODE(user_reads_bases, "mov %fs:0, %rax\n"
		       "mov %gs:8, %rbx\n"
		       "mov %rdi, %gs:16\n"
		       "mov $0x23, %ecx\n"
		       "mov %ecx, %fs\n"
		       "mov %fs:0x600008, %rdx\n"
		       "int $0x80");
_Static_assert(SEL_USER_DATA == 0x23 && USER_DATA == 0x600000, "the code above");

/* The bases that the kernel sets are the program's; loading a selector takes the base of its descriptor, 0.
 */
static void fs_gs_base(void)
{
	u64 fs = test_random() % 64 * 8, gs = test_random() % 64 * 8 + PAGE_SIZE, key = test_random();
	struct user u = USER(user_reads_bases, .gpr = {[GPR_RDI] = key});

	user_map();
	fill_random(user_data_pages);
	fill_random(user_data_pages + PAGE_SIZE);
	wrmsr(MSR_FS_BASE, USER_DATA + fs);
	wrmsr(MSR_GS_BASE, USER_DATA + gs);
	CHECK_EQ(user_run(&u), VEC_USER_EXIT);
	CHECK_EQ(u.frame.gpr[GPR_RAX], *(u64 *)(user_data_pages + fs));
	CHECK_EQ(u.frame.gpr[GPR_RBX], *(u64 *)(user_data_pages + gs + 8));
	CHECK_EQ(*(u64 *)(user_data_pages + gs + 16), key);
	CHECK_EQ(u.frame.gpr[GPR_RDX], *(u64 *)(user_data_pages + 8));
	CHECK_EQ(rdmsr(MSR_FS_BASE), 0);
	CHECK_EQ(rdmsr(MSR_GS_BASE), USER_DATA + gs);
	wrmsr(MSR_GS_BASE, 0);
}

/* ---- pages and hlt ---- */

/* All that the kernel has is present and not the program's. */
static void kernel_pages(void)
{
	const gva_t places[] = {(gva_t)gdt,
				(gva_t)idt,
				(gva_t)&tss,
				(gva_t)kernel_read,
				stack_top(0) - sizeof(u64),
				KERNEL_BASE + root_standard(),
				DEVICE_BASE + APIC_BASE_DEFAULT};

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		CHECK_USER_PF(user_read, places[i], PF_PRESENT | PF_USER);
		CHECK_USER_PF(user_write, places[i], PF_PRESENT | PF_WRITE | PF_USER);
		CHECK_USER_PF(user_jump, places[i], PF_PRESENT | PF_FETCH | PF_USER);
	}
}

static void page_fault(void)
{
	gva_t gva = TEST_BASE + test_random() % PT_ENTRIES * PAGE_SIZE + test_random() % 256;
	struct frame f;

	CHECK_USER_PF(user_read, gva, PF_USER);
	CHECK_USER_PF(user_write, gva, PF_USER | PF_WRITE);
	CHECK_USER_PF(user_jump, gva, PF_USER | PF_FETCH);
	CHECK_USER_PF(user_write, USER_CODE, PF_PRESENT | PF_USER | PF_WRITE);
	CHECK_USER_PF(user_jump, USER_DATA, PF_PRESENT | PF_USER | PF_FETCH);
	f = user_access(user_read, gva);
	CHECK_EQ(f.rip, USER_CODE);
	CHECK_EQ(f.cs, SEL_USER_CODE);
	CHECK_EQ(f.ss, SEL_USER_DATA);
	CHECK_EQ(f.rsp, USER_STACK);
	CHECK_EQ(f.gpr[GPR_RDI], gva);
}

CODE(user_hlt, "hlt\n int $0x80");

/* Not even with IOPL 3. */
static void hlt(void)
{
	struct user u = USER(user_hlt, .rflags = RFLAGS_IOPL | RFLAGS_IF);

	user_run(&u);
	CHECK_FAULT(&u.frame, VEC_GP, 0);
	CHECK_EQ(u.frame.rip, USER_CODE);
}

const struct test user_rights_tests[] = {
	{"user/privileged", privileged_64},
	{"user/privileged_compat", privileged_compat},
	{"user/io_bitmap", io_bitmap},
	{"user/iopl_in", iopl_in},
	{"user/iopl_cli", iopl_cli},
	{"user/popf", popf},
	{"user/popf_iopl", popf_iopl},
	{"user/pushf", pushf},
	{"user/selectors", selectors},
	{"user/fs_gs_base", fs_gs_base},
	{"user/kernel_pages", kernel_pages},
	{"user/page_fault", page_fault},
	{"user/hlt", hlt},
	{},
};
