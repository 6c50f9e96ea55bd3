// SPDX-License-Identifier: MIT
/*
 * The standard state: what every test finds and has to leave. state_check() reads what can be read with
 * instructions that trap in ring 3 and fails the test where it differs; CS, SS and RFLAGS come from the frame
 * of an INT, because PUSHF and MOV from segment registers do not trap. state_restore() then makes all of it
 * as it was, whether it differed or not.
 */
#include "guest/harness.h"

#define STANDARD_CR0   (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define STANDARD_CR4   (CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT)
#define STANDARD_EFER  (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define STANDARD_STAR  ((u64)SEL_USER_CODE32 << 48 | (u64)SEL_KERNEL_CODE << 32)
#define STANDARD_FMASK (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC)
/* Flags that a test can leave wrong; the arithmetic flags are nobody's. */
#define CHECKED_RFLAGS (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC)
#define MXCSR_DEFAULT  0x1f80

struct saved_msr {
	u32 msr;
	u64 value;
	const char *name;
};

/* Those without a value here keep what the machine started with: state_init() reads it. */
static struct saved_msr msrs[] = {
	{MSR_EFER, STANDARD_EFER, "EFER"},
	{MSR_STAR, STANDARD_STAR, "STAR"},
	{MSR_LSTAR, 0, "LSTAR"},
	{MSR_CSTAR, 0, "CSTAR"},
	{MSR_FMASK, STANDARD_FMASK, "FMASK"},
	{MSR_FS_BASE, 0, "FS base"},
	{MSR_GS_BASE, 0, "GS base"},
	{MSR_KERNEL_GS_BASE, 0, "KERNEL_GS_BASE"},
	{MSR_SYSENTER_CS, 0, "SYSENTER_CS"},
	{MSR_SYSENTER_ESP, 0, "SYSENTER_ESP"},
	{MSR_SYSENTER_EIP, 0, "SYSENTER_EIP"},
	{MSR_PAT, 0, "PAT"},
};

static void expect(u64 actual, u64 expected, const char *what)
{
	if (actual != expected)
		check_fail(expected, actual, __FILE__, __LINE__, "state not restored: %s", what);
}

void state_check(void)
{
	tables_restore_idt(); /* the test may have changed it; the INT needs it */
	asm volatile("int %0" : : "i"(VEC_STATE) : "memory");
	expect(trap_state_frame.rflags & CHECKED_RFLAGS, 0, "RFLAGS");
	expect(trap_state_frame.cs, SEL_KERNEL_CODE, "CS");
	expect(trap_state_frame.ss, SEL_KERNEL_DATA, "SS");
	expect(read_cr0(), STANDARD_CR0, "CR0");
	expect(read_cr3(), root_standard(), "CR3");
	expect(read_cr4(), STANDARD_CR4, "CR4");
	expect(read_cr8(), 0, "CR8");
	expect(read_dr7(), DR7_RESERVED, "DR7");
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
		expect(rdmsr(msrs[i].msr), msrs[i].value, msrs[i].name);
}

void state_restore(void)
{
	static const u32 mxcsr = MXCSR_DEFAULT;

	write_dr7(DR7_RESERVED);
	write_dr6(DR6_RESERVED);
	write_cr0(STANDARD_CR0);
	write_cr4(STANDARD_CR4);
	write_cr8(0);
	tables_restore();
	trap_reset();
	/* After the segments: loading a null selector clears the base on one vendor's CPUs and not on the
	 * other's. */
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
		wrmsr(msrs[i].msr, msrs[i].value);
	write_dr0(0);
	write_dr1(0);
	write_dr2(0);
	write_dr3(0);
	asm volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
	user_restore();
	memory_restore();
	pic_restore();
	apic_restore();
}

void state_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
		if (msrs[i].msr == MSR_LSTAR)
			msrs[i].value = (u64)syscall_entry;
		else if (msrs[i].msr == MSR_CSTAR)
			msrs[i].value = (u64)syscall_entry32;
		else if (msrs[i].msr == MSR_PAT)
			msrs[i].value = rdmsr(MSR_PAT);
	}
	state_restore();
}
