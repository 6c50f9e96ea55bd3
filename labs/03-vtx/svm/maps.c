// SPDX-License-Identifier: MIT
/*
 * The I/O and the MSR permission map. All guests have the same devices and MSRs, so all share them: every
 * port exits, and every MSR but those that VMRUN, VMLOAD and VMSAVE switch and whose values the CPU itself
 * checks.
 *
 * Source: APM vol. 2, 15.10.1 "I/O Permissions Map", 15.11 "MSR Intercepts".
 */
#include "lib/string.h"
#include "machine/machine.h"
#include "svm.h"
#include "x86/paging.h"

#define IOPM_PAGES     3 /* a bit a port; an access at the last port may reach 3 bits beyond 64 Ki */
#define MSRPM_PAGES    2
#define INTERCEPT_ALL  0xff
#define MSRS_A_VECTOR  0x2000 /* two bits each: RDMSR, WRMSR */
#define BYTES_A_VECTOR 0x800

hpa_t svm_iopm, svm_msrpm;

/* Byte and bit of the MSR's RDMSR; the bit above is WRMSR's. An MSR without a place always exits. */
static bool msr_bit(u32 msr, unsigned *byte, unsigned *bit)
{
	static const u32 first[] = {0x00000000, 0xc0000000, 0xc0010000};

	for (unsigned i = 0; i < ARRAY_SIZE(first); i++) {
		if (msr - first[i] < MSRS_A_VECTOR) {
			*byte = i * BYTES_A_VECTOR + (msr - first[i]) / 4;
			*bit = (msr - first[i]) % 4 * 2;
			return true;
		}
	}
	return false;
}

static void msr_pass(u32 msr)
{
	u8 *map = hpa_to_hva(svm_msrpm);
	unsigned byte, bit;

	if (msr_bit(msr, &byte, &bit))
		map[byte] &= (u8) ~(3u << bit);
}

void svm_msr_intercept_write(u32 msr)
{
	u8 *map = hpa_to_hva(svm_msrpm);
	unsigned byte, bit;

	if (msr_bit(msr, &byte, &bit))
		map[byte] |= (u8)(2u << bit);
}

const char *svm_maps_init(void)
{
	static const u32 passed[] = {
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,         MSR_LSTAR,
		MSR_CSTAR,   MSR_FMASK,   MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
	};
	void *iopm = pages_alloc(IOPM_PAGES, PAGE_SIZE), *msrpm = pages_alloc(MSRPM_PAGES, PAGE_SIZE);

	if (!iopm || !msrpm)
		return "no memory for the permission maps";
	memset(iopm, INTERCEPT_ALL, IOPM_PAGES * PAGE_SIZE);
	memset(msrpm, INTERCEPT_ALL, MSRPM_PAGES * PAGE_SIZE);
	svm_iopm = hva_to_hpa(iopm);
	svm_msrpm = hva_to_hpa(msrpm);
	for (unsigned i = 0; i < ARRAY_SIZE(passed); i++)
		msr_pass(passed[i]);
	return NULL;
}
