// SPDX-License-Identifier: MIT
/*
 * What the bare machine offers, by CPUID. The one file beside the tests that uses an instruction which does
 * not trap in ring 3: it is only called where there is no start-information page, and so no hypervisor of
 * ours. Source: SDM vol. 2A, "CPUID".
 */
#include "guest/test.h"

#define CPUID_FEATURES       1
#define CPUID_1_ECX_XSAVE    BIT(26)
#define CPUID_EXT_MAX        0x80000000
#define CPUID_EXT_FEATURES   0x80000001
#define CPUID_E1_EDX_PAGE1GB BIT(26)

u64 probe_features(void)
{
	u64 features = START_FEATURE_CPUID;

	if (cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE)
		features |= START_FEATURE_XSAVE;
	if (cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_EXT_FEATURES &&
	    (cpuid(CPUID_EXT_FEATURES, 0).edx & CPUID_E1_EDX_PAGE1GB))
		features |= START_FEATURE_GBPAGES;
	return features;
}
