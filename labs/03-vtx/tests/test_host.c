// SPDX-License-Identifier: MIT
/* The host-state area: SDM vol. 3C, 24.5 "Host-State Area", and what 26.2.2 and 26.2.3 demand of it. */
#include <stdlib.h>
#include <string.h>

#include "../controls.h"
#include "fake_vmx.h"
#include "lib/tests/unit.h"
#include "machine/machine.h"
#include "x86/desc.h"
#include "x86/regs.h"

const u8 vmx_exit[1] = {0};
u64 machine_gdt[HV_GDT_ENTRIES];
struct tss64 machine_tss;
struct vmx_features vmx_features;

hpa_t machine_root(void)
{
	return 0;
}

u64 clock_hz(void)
{
	return 0;
}

void *pages_alloc(u64 pages, u64 align)
{
	return aligned_alloc(align, pages * align);
}

static const struct host_registers registers = {
	.cr0 = 0x80010033,
	.cr3 = 0x123000,
	.cr4 = 0x2660,
	.efer = 0xd00,
	.gdtr_base = 0xffff800000111000,
	.idtr_base = 0xffff800000222000,
	.tr_base = 0xffff800000333000,
};

static struct vcpu *written(void)
{
	struct vcpu *v = fake_vcpu();

	/* What stood there is of an earlier use. */
	for (unsigned i = 0; i < vmcs_field_count; i++)
		if (!strncmp(vmcs_fields[i].name, "HOST_", 5))
			vmcs_write(vmcs_fields[i].field, 0x5a5a);
	vmx_write_host_state(v, &registers);
	return v;
}

static void control_registers(void)
{
	written();
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_CR0), registers.cr0);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_CR3), registers.cr3);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_CR4), registers.cr4);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_EFER), registers.efer);
}

static void tables(void)
{
	written();
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_GDTR_BASE), registers.gdtr_base);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_IDTR_BASE), registers.idtr_base);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_TR_BASE), registers.tr_base);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_FS_BASE), 0);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_GS_BASE), 0);
}

/* "In the selector field for each of CS, SS, DS, ES, FS, GS and TR, the RPL (bits 1:0) and the TI flag (bit
 * 2) must be 0. The selector fields for CS and TR cannot be 0000H." */
static void selectors(void)
{
	static const u16 fields[] = {VMCS_HOST_CS_SELECTOR, VMCS_HOST_SS_SELECTOR, VMCS_HOST_DS_SELECTOR,
				     VMCS_HOST_ES_SELECTOR, VMCS_HOST_FS_SELECTOR, VMCS_HOST_GS_SELECTOR,
				     VMCS_HOST_TR_SELECTOR};

	written();
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		CU_ASSERT_EQUAL(vmcs_read(fields[i]) & 7, 0);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_CS_SELECTOR), HV_SEL_CODE);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_SS_SELECTOR), HV_SEL_DATA);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_TR_SELECTOR), HV_SEL_TSS);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_FS_SELECTOR), 0);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_GS_SELECTOR), 0);
}

/* What is pushed at the exit lands in the vcpu: RAX to R15, the last of them first. */
static void where_it_goes_on(void)
{
	struct vcpu *v = written();

	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_RIP), (u64)vmx_exit);
	CU_ASSERT_EQUAL(vmcs_read(VMCS_HOST_RSP), (u64)v->gpr + sizeof(v->gpr));
}

/* No field of the area keeps what it had, but those that no control of ours has the CPU load. */
static void complete(void)
{
	static const u16 unused[] = {VMCS_HOST_PAT, VMCS_HOST_PERF_GLOBAL_CTRL};

	written();
	for (unsigned i = 0; i < vmcs_field_count; i++) {
		bool must = !strncmp(vmcs_fields[i].name, "HOST_", 5);

		for (unsigned k = 0; k < ARRAY_SIZE(unused); k++)
			must &= vmcs_fields[i].field != unused[k];
		CU_ASSERT(!must || vmcs_read(vmcs_fields[i].field) != 0x5a5a);
	}
}

UNIT_MAIN("host", {"control registers", control_registers}, {"tables", tables}, {"selectors", selectors},
	  {"where an exit goes on", where_it_goes_on}, {"every field", complete})
