// SPDX-License-Identifier: MIT
/*
 * The names of VMCS fields and of the errors of VMX instructions, and those instructions that take the
 * address of a VMCS.
 *
 * Source: SDM vol. 3C, 30.2 "Conventions", 30.3 "VMX Instructions", 30.4 "VM Instruction Error Numbers".
 */
#include "vmcs.h"
#include "lib/panic.h"

#define FIELD_INFO(name, encoding) {encoding, #name},
const struct vmcs_field_info vmcs_fields[] = {VMCS_FIELDS(FIELD_INFO)};
#undef FIELD_INFO
const unsigned vmcs_field_count = ARRAY_SIZE(vmcs_fields);

const char *vmcs_field_name(u32 field)
{
	for (unsigned i = 0; i < vmcs_field_count; i++)
		if (vmcs_fields[i].field == field)
			return vmcs_fields[i].name;
	return NULL;
}

static const char *const vmx_error_names[] = {
	[1] = "VMCALL executed in VMX root operation",
	[2] = "VMCLEAR with invalid physical address",
	[3] = "VMCLEAR with VMXON pointer",
	[4] = "VMLAUNCH with non-clear VMCS",
	[5] = "VMRESUME with non-launched VMCS",
	[6] = "VMRESUME after VMXOFF",
	[7] = "VM entry with invalid control field(s)",
	[8] = "VM entry with invalid host-state field(s)",
	[9] = "VMPTRLD with invalid physical address",
	[10] = "VMPTRLD with VMXON pointer",
	[11] = "VMPTRLD with incorrect VMCS revision identifier",
	[12] = "VMREAD/VMWRITE from/to unsupported VMCS component",
	[13] = "VMWRITE to read-only VMCS component",
	[15] = "VMXON executed in VMX root operation",
	[16] = "VM entry with invalid executive-VMCS pointer",
	[17] = "VM entry with non-launched executive VMCS",
	[18] = "VM entry with executive-VMCS pointer not VMXON pointer",
	[19] = "VMCALL with non-clear VMCS",
	[20] = "VMCALL with invalid VM-exit control fields",
	[22] = "VMCALL with incorrect MSEG revision identifier",
	[23] = "VMXOFF under dual-monitor treatment of SMIs and SMM",
	[24] = "VMCALL with invalid SMM-monitor features",
	[25] = "VM entry with invalid VM-execution control fields in executive VMCS",
	[26] = "VM entry with events blocked by MOV SS",
	[28] = "Invalid operand to INVEPT/INVVPID",
};

const char *vmx_error_name(u64 number)
{
	return number < ARRAY_SIZE(vmx_error_names) && vmx_error_names[number] ? vmx_error_names[number]
									       : "unknown error";
}

const char *vmx_result_name(enum vmx_result result)
{
	switch (result) {
	case VMX_SUCCEED:
		return "VMsucceed";
	case VMX_FAIL_INVALID:
		return "VMfailInvalid: there is no current VMCS";
	default:
		return vmx_error_name(vmcs_read(VMCS_VM_INSTRUCTION_ERROR));
	}
}

/* CF: VMfailInvalid; ZF: VMfailValid. */
static enum vmx_result result_of(bool cf, bool zf)
{
	return cf ? VMX_FAIL_INVALID : zf ? VMX_FAIL_VALID : VMX_SUCCEED;
}

enum vmx_result vmxon(hpa_t region)
{
	bool cf, zf;

	asm volatile("vmxon %2" : "=@ccc"(cf), "=@ccz"(zf) : "m"(region) : "memory");
	return result_of(cf, zf);
}

enum vmx_result vmclear(hpa_t vmcs)
{
	bool cf, zf;

	asm volatile("vmclear %2" : "=@ccc"(cf), "=@ccz"(zf) : "m"(vmcs) : "memory");
	return result_of(cf, zf);
}

enum vmx_result vmptrld(hpa_t vmcs)
{
	bool cf, zf;

	asm volatile("vmptrld %2" : "=@ccc"(cf), "=@ccz"(zf) : "m"(vmcs) : "memory");
	return result_of(cf, zf);
}

#if !__STDC_HOSTED__
/* Reading the error's number may fail in the same way. */
static u64 error_number(void)
{
	u64 number = 0;

	asm volatile("vmread %1, %0" : "+r"(number) : "r"((u64)VMCS_VM_INSTRUCTION_ERROR) : "cc");
	return number;
}

/* By entry.S, after a VMREAD or VMWRITE. */
void vmcs_access_failed(u32 field) NORETURN;
void vmcs_access_failed(u32 field)
{
	const char *name = vmcs_field_name(field);
	u64 number = error_number();

	panic("VMREAD or VMWRITE of field 0x%x (%s) failed: %s (%lu; 0: there is no current VMCS)", field,
	      name ? name : "which the manual does not have", vmx_error_name(number), number);
}
#endif
