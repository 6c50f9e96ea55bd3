// SPDX-License-Identifier: MIT
/*
 * Saves and restores the FPU state of a vcpu, with XSAVE where the machine has it and FXSAVE where not. MXCSR
 * and the x87 control word start as after INIT (SDM vol. 3A, table 9-1 "IA-32 and Intel 64 Processor States
 * Following Power-up, Reset, or INIT").
 */
#include "lib/string.h"
#include "machine/machine.h"
#include "vmm/fpu.h"
#include "x86/asm.h"

#define CPUID_1_ECX_XSAVE BIT(26)
#define CPUID_XSAVE_LEAF  0xd
#define FXSAVE_BYTES      512
#define FCW_AT_INIT       0x037f
#define MXCSR_AT_INIT     0x1f80
#define FXSAVE_FCW        0
#define FXSAVE_MXCSR      24

u64 fpu_xcr0;
static u32 area_bytes = FXSAVE_BYTES;

static void xsetbv(u32 index, u64 value)
{
	asm volatile("xsetbv" : : "c"(index), "a"((u32)value), "d"((u32)(value >> 32)));
}

void fpu_init(void)
{
	write_cr0((read_cr0() & ~(u64)(CR0_TS | CR0_EM)) | CR0_MP | CR0_NE);
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE))
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	fpu_xcr0 = cpuid(CPUID_XSAVE_LEAF, 0).eax & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
	xsetbv(0, fpu_xcr0);
	area_bytes = cpuid(CPUID_XSAVE_LEAF, 0).ebx; /* for what XCR0 enables now */
}

int fpu_vcpu_init(struct vcpu *v)
{
	u8 *area = pages_alloc(ALIGN_UP(area_bytes, 4096) / 4096, 4096);

	if (!area)
		return -1;
	*(u16 *)(area + FXSAVE_FCW) = FCW_AT_INIT;
	*(u32 *)(area + FXSAVE_MXCSR) = MXCSR_AT_INIT;
	v->fpu = area;
	return 0;
}

/* The guest's CR0.TS, CR0.EM and XCR0 would stop the monitor's own instructions. */
static void open_fpu(void)
{
	write_cr0((read_cr0() & ~(u64)(CR0_TS | CR0_EM)) | CR0_MP);
	write_cr4(read_cr4() | CR4_OSFXSR | (fpu_xcr0 ? CR4_OSXSAVE : 0));
	if (fpu_xcr0)
		xsetbv(0, fpu_xcr0);
}

void fpu_save(struct vcpu *v)
{
	open_fpu();
	if (fpu_xcr0)
		asm volatile("xsave64 (%0)" : : "r"(v->fpu), "a"(~0U), "d"(~0U) : "memory");
	else
		asm volatile("fxsave64 (%0)" : : "r"(v->fpu) : "memory");
}

void fpu_restore(struct vcpu *v)
{
	open_fpu();
	if (fpu_xcr0)
		asm volatile("xrstor64 (%0)" : : "r"(v->fpu), "a"(~0U), "d"(~0U) : "memory");
	else
		asm volatile("fxrstor64 (%0)" : : "r"(v->fpu) : "memory");
}
