// SPDX-License-Identifier: MIT
/* Into VMX operation, and a VMCS for each vcpu. The rules are quoted from SDM vol. 3C, 24.2 "Format of the
 * VMCS Region", 24.11.3 "Initializing a VMCS", 31.5 "Preparation and Launching a Virtual Machine". */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "../controls.h"
#include "../lab.h"
#include "fake_vmx.h"
#include "lib/panic.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"
#include "x86/paging.h"

#define REVISION 0x0000002b
#define CALLS    16

/* The VMX instructions and what else of the machine is called, in their order. */
enum what { FIX, VMXON, VMCLEAR, VMPTRLD, HOST, CONTROLS, STATE };
static struct call {
	enum what what;
	hpa_t region;
	u32 revision; /* in the region at that time */
} calls[CALLS];
static unsigned count;
static enum vmx_result result;
static jmp_buf after_panic;
static unsigned panics;

static void called(enum what what, hpa_t region)
{
	u32 revision = 0;

	if (region)
		memcpy(&revision, hpa_to_hva(region), sizeof(revision));
	if (count < CALLS)
		calls[count++] = (struct call){what, region, revision};
}

enum vmx_result vmxon(hpa_t region)
{
	called(VMXON, region);
	return result;
}

enum vmx_result vmclear(hpa_t region)
{
	called(VMCLEAR, region);
	return result;
}

enum vmx_result vmptrld(hpa_t region)
{
	called(VMPTRLD, region);
	return result;
}

void features_fix_control_registers(void)
{
	called(FIX, 0);
}

void vmx_write_host(struct vcpu *v)
{
	(void)v;
	called(HOST, 0);
}

void vmx_write_controls(struct vcpu *v)
{
	(void)v;
	called(CONTROLS, 0);
}

int vmx_state_init(struct vcpu *v)
{
	(void)v;
	called(STATE, 0);
	return 0;
}

/* ---- what is not under test ---- */

struct vmx_features vmx_features;

const char *features_discover(void)
{
	vmx_features.revision = REVISION;
	return NULL;
}

const char *vmx_bitmaps_init(void)
{
	return NULL;
}

void *pages_alloc(u64 pages, u64 align)
{
	void *p = aligned_alloc(align, pages * align);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return memset(p, 0, pages * align);
}

void *machine_alloc(u64 size)
{
	return calloc(1, size);
}

void panic(const char *fmt, ...)
{
	(void)fmt;
	panics++;
	longjmp(after_panic, 1);
}

bool vmx_prepare(struct vcpu *v)
{
	(void)v;
	return false;
}

static void nothing(struct vcpu *v, struct vmexit *exit)
{
	(void)v;
	(void)exit;
}

void vmx_launch(struct vcpu *v, struct vmexit *exit)
{
	nothing(v, exit);
}

void vmx_resume(struct vcpu *v, struct vmexit *exit)
{
	nothing(v, exit);
}

void vmx_load(struct vcpu *v)
{
	(void)v;
}

void vmx_unload(struct vcpu *v)
{
	(void)v;
}

void vmx_fetch(struct vcpu *v, u32 groups)
{
	(void)v;
	(void)groups;
}

/* ---- tests ---- */

static const char *init_with(enum vmx_result with)
{
	fake_vmcs_clear();
	count = 0;
	result = with;
	return vmx_engine.machine_init();
}

/* "Before executing VMXON, software should write the VMCS revision identifier to the VMXON region"; "CR4.VMXE
 * must be set". */
static void vmx_operation(void)
{
	CU_ASSERT_PTR_NULL_FATAL(init_with(VMX_SUCCEED));
	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT_EQUAL(calls[0].what, FIX);
	CU_ASSERT_EQUAL(calls[1].what, VMXON);
	CU_ASSERT_EQUAL(calls[1].revision, REVISION);
	CU_ASSERT_EQUAL(calls[1].region % PAGE_SIZE, 0);
}

static void vmxon_refused(void)
{
	static const enum vmx_result refusals[] = {VMX_FAIL_INVALID, VMX_FAIL_VALID};

	for (unsigned i = 0; i < ARRAY_SIZE(refusals); i++) {
		const char *why = init_with(refusals[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(why);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "VMXON"));
	}
}

static void make(struct vcpu *v)
{
	features_discover();
	count = panics = 0;
	memset(v, 0, sizeof(*v));
	if (setjmp(after_panic) == 0)
		CU_ASSERT_EQUAL(vmx_engine.vcpu_init(v), 0);
}

/* "Software should ... execute VMCLEAR on the VMCS region ... prior to ... VMPTRLD"; no field can be written
 * before there is a current VMCS. */
static void a_vmcs(void)
{
	static struct vcpu v;
	static const enum what order[] = {VMCLEAR, VMPTRLD, HOST, CONTROLS, STATE};

	result = VMX_SUCCEED;
	make(&v);
	CU_ASSERT_EQUAL_FATAL(count, ARRAY_SIZE(order));
	for (unsigned i = 0; i < count; i++)
		CU_ASSERT_EQUAL(calls[i].what, order[i]);
	CU_ASSERT_EQUAL(calls[0].region, vmx_of(&v)->vmcs);
	CU_ASSERT_EQUAL(calls[1].region, vmx_of(&v)->vmcs);
	CU_ASSERT_EQUAL(calls[1].revision, REVISION);
	CU_ASSERT_EQUAL(calls[1].region % PAGE_SIZE, 0);
}

/* Each vcpu has its own, and VMPTRLD is executed when another one becomes current, and only then. */
static void two_vcpus(void)
{
	static struct vcpu a, b;

	result = VMX_SUCCEED;
	make(&a);
	make(&b);
	CU_ASSERT_NOT_EQUAL_FATAL(vmx_of(&a)->vmcs, vmx_of(&b)->vmcs);
	count = 0;
	vmx_make_current(&b);
	CU_ASSERT_EQUAL_FATAL(count, 0);
	vmx_make_current(&a);
	vmx_make_current(&a);
	vmx_make_current(&b);
	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT(calls[0].what == VMPTRLD && calls[0].region == vmx_of(&a)->vmcs);
	CU_ASSERT(calls[1].what == VMPTRLD && calls[1].region == vmx_of(&b)->vmcs);
}

/* 30.2 "Conventions": an instruction that fails leaves the current VMCS as it was. That is never ignored. */
static void refused(void)
{
	static struct vcpu v;

	result = VMX_FAIL_VALID;
	make(&v);
	CU_ASSERT_EQUAL(panics, 1);
	CU_ASSERT_EQUAL(calls[0].what, VMCLEAR);
	CU_ASSERT_EQUAL(count, 1);
}

UNIT_MAIN("vmcs", {"VMX operation", vmx_operation}, {"VMXON refused", vmxon_refused}, {"a VMCS", a_vmcs},
	  {"two vcpus", two_vcpus}, {"VMCLEAR refused", refused})
