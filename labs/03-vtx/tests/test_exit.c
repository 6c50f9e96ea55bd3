// SPDX-License-Identifier: MIT
/* Exit reasons and what goes with them to struct vmexit. The layouts are those of SDM vol. 3C, 27.2.1 "Basic
 * VM-Exit Information", tables 27-1, 27-3 to 27-5 and 27-8. */
#include <string.h>

#include "../controls.h"
#include "../reasons.h"
#include "fake_vmx.h"
#include "lib/tests/unit.h"
#include "x86/exception.h"

#define LENGTH    3
#define VALID     0x80000000
#define HAS_ERROR 0x00000800
#define UNBLOCKED 0x00001000 /* "NMI unblocking due to IRET" */
#define HARDWARE  (3 << 8)
#define INT1      (5 << 8)

static struct vcpu *v;

/* What was in the structure is of an earlier exit: here, ones. */
static struct vmexit exit_by(u32 reason, u64 qualification)
{
	struct vmexit exit;

	memset(&exit, 0xff, sizeof(exit));
	vmcs_write(VMCS_EXIT_REASON, reason);
	vmcs_write(VMCS_EXIT_QUALIFICATION, qualification);
	vmcs_write(VMCS_EXIT_INSTRUCTION_LENGTH, LENGTH);
	vmx_exited(v, &exit);
	return exit;
}

static void always_read(void)
{
	v = fake_vcpu();
	vmcs_write(VMCS_GUEST_RIP, 0x1000);
	vmcs_write(VMCS_GUEST_RSP, 0x2000);
	vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED1 | RFLAGS_IF);
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_MOV_SS | BLOCKING_BY_NMI);
	exit_by(REASON_CPUID, 0);
	CU_ASSERT_EQUAL(v->rip, 0x1000);
	CU_ASSERT_EQUAL(v->gpr[GPR_RSP], 0x2000);
	CU_ASSERT_EQUAL(v->rflags, RFLAGS_RESERVED1 | RFLAGS_IF);
	CU_ASSERT(v->interrupt_shadow && v->nmi_blocked);
	CU_ASSERT_EQUAL(v->valid, VCPU_SHADOW);
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY_STATE, 0);
	exit_by(REASON_CPUID, 0);
	CU_ASSERT_FALSE(v->interrupt_shadow || v->nmi_blocked);
}

/* What a CPUID exit costs under another hypervisor: these reads and no more. */
static void reads_of_an_exit(void)
{
	struct vmexit exit;

	v = fake_vcpu();
	vmcs_write(VMCS_EXIT_REASON, REASON_CPUID);
	fake_vmcs_reads = fake_vmcs_writes = 0;
	vmx_exited(v, &exit);
	CU_ASSERT_EQUAL(fake_vmcs_reads, 6);
	CU_ASSERT_EQUAL(fake_vmcs_writes, 0);
}

static void plain_instructions(void)
{
	static const struct {
		u8 exit, neutral, length;
	} cases[] = {
		{REASON_CPUID, VMEXIT_CPUID, LENGTH},   {REASON_HLT, VMEXIT_HLT, LENGTH},
		{REASON_PAUSE, VMEXIT_PAUSE, LENGTH},   {REASON_INVD, VMEXIT_CACHE, LENGTH},
		{REASON_WBINVD, VMEXIT_CACHE, LENGTH},  {REASON_RDPMC, VMEXIT_RDPMC, LENGTH},
		{REASON_XSETBV, VMEXIT_XSETBV, LENGTH}, {REASON_INTERRUPT_WINDOW, VMEXIT_WINDOW, 0},
		{REASON_NMI_WINDOW, VMEXIT_WINDOW, 0},  {REASON_TRIPLE_FAULT, VMEXIT_SHUTDOWN, 0},
		{REASON_VMXON, VMEXIT_UNDEFINED, 0},    {REASON_INVEPT, VMEXIT_UNDEFINED, 0},
		{REASON_MONITOR, VMEXIT_UNDEFINED, 0},  {REASON_PREEMPTION_TIMER, VMEXIT_INTERRUPT, 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vmexit exit;

		v = fake_vcpu();
		exit = exit_by(cases[i].exit, 0);
		CU_ASSERT_EQUAL(exit.reason, cases[i].neutral);
		if (cases[i].length)
			CU_ASSERT_EQUAL(exit.insn_len, cases[i].length);
	}
}

static void control_registers(void)
{
	struct vmexit exit;

	v = fake_vcpu();
	exit = exit_by(REASON_CR_ACCESS, 9 << 8 | 3); /* MOV CR3, R9 */
	CU_ASSERT_EQUAL(exit.reason, VMEXIT_CR);
	CU_ASSERT(exit.cr.number == 3 && exit.cr.op == CR_WRITE && exit.cr.gpr == 9);
	exit = exit_by(REASON_CR_ACCESS, 1 << 8 | 1 << 4 | 8); /* MOV RCX, CR8 */
	CU_ASSERT(exit.cr.number == 8 && exit.cr.op == CR_READ && exit.cr.gpr == GPR_RCX);
	exit = exit_by(REASON_CR_ACCESS, 2 << 4);
	CU_ASSERT(exit.cr.number == 0 && exit.cr.op == CR_CLTS);
	exit = exit_by(REASON_CR_ACCESS, 0xabcd0000 | 3 << 4);
	CU_ASSERT(exit.cr.op == CR_LMSW && exit.cr.source == 0xabcd);
	CU_ASSERT_EQUAL(exit.insn_len, LENGTH);
}

static void debug_registers(void)
{
	struct vmexit exit;

	v = fake_vcpu();
	exit = exit_by(REASON_MOV_DR, 2 << 8 | 7);
	CU_ASSERT(exit.reason == VMEXIT_DR && exit.dr.number == 7 && exit.dr.write && exit.dr.gpr == GPR_RDX);
	exit = exit_by(REASON_MOV_DR, 1 << 4 | 6);
	CU_ASSERT(exit.dr.number == 6 && !exit.dr.write && exit.dr.gpr == GPR_RAX);
}

static void port_io(void)
{
	struct vmexit exit;

	v = fake_vcpu();
	exit = exit_by(REASON_IO_INSTRUCTION, 0x3f80000); /* OUT DX, AL */
	CU_ASSERT(exit.reason == VMEXIT_IO && exit.io.port == 0x3f8 && exit.io.size == 1 && exit.io.write);
	CU_ASSERT(!exit.io.string && !exit.io.rep && exit.insn_len == LENGTH);
	exit = exit_by(REASON_IO_INSTRUCTION, 0x0cfc0000 | 1 << 6 | 1 << 3 | 3); /* IN EAX, imm */
	CU_ASSERT(exit.io.port == 0xcfc && exit.io.size == 4 && !exit.io.write);
}

/* REP OUTSW with a prefix for FS, addresses of 4 bytes. Without the information the decoder has to look. */
static void string_io(void)
{
	const u64 qualification = 0x3f80000 | 1 << 5 | 1 << 4 | 1;
	struct vmexit exit;

	v = fake_vcpu();
	vmcs_write(VMCS_EXIT_INSTRUCTION_INFO, 4 << 15 | 1 << 7);
	vmx_features.io_information = true;
	exit = exit_by(REASON_IO_INSTRUCTION, qualification);
	CU_ASSERT(exit.io.string && exit.io.rep && exit.io.size == 2);
	CU_ASSERT(exit.io.addr_size == 4 && exit.io.segment == SEG_FS && exit.insn_len == LENGTH);
	vmx_features.io_information = false;
	exit = exit_by(REASON_IO_INSTRUCTION, qualification);
	CU_ASSERT(exit.io.string && exit.insn_len == 0);
}

static void msrs(void)
{
	struct vmexit exit;

	v = fake_vcpu();
	v->gpr[GPR_RCX] = 0xffffffffc0000080;
	exit = exit_by(REASON_RDMSR, 0);
	CU_ASSERT(exit.reason == VMEXIT_MSR && exit.msr.index == MSR_EFER && !exit.msr.write);
	exit = exit_by(REASON_WRMSR, 0);
	CU_ASSERT(exit.msr.write && exit.insn_len == LENGTH);
}

static void others(void)
{
	struct vmexit exit;

	v = fake_vcpu();
	exit = exit_by(REASON_RDTSC, 0);
	CU_ASSERT(exit.reason == VMEXIT_RDTSC && !exit.tsc.aux);
	exit = exit_by(REASON_RDTSCP, 0);
	CU_ASSERT(exit.reason == VMEXIT_RDTSC && exit.tsc.aux);
	exit = exit_by(REASON_INVLPG, 0x7000);
	CU_ASSERT(exit.reason == VMEXIT_INVLPG && exit.invlpg.gva == 0x7000);
	vmcs_write(VMCS_GUEST_SS_ACCESS_RIGHTS, SEG_ATTR_P | SEG_ATTR_S | 3 << SEG_ATTR_DPL_SHIFT);
	exit = exit_by(REASON_VMCALL, 0);
	CU_ASSERT(exit.reason == VMEXIT_HYPERCALL && exit.hypercall.cpl == 3);
}

static struct vmexit exception(u32 info, u32 error, u64 qualification)
{
	v = fake_vcpu();
	vmcs_write(VMCS_EXIT_INTERRUPTION_INFO, info);
	vmcs_write(VMCS_EXIT_INTERRUPTION_ERROR_CODE, error);
	return exit_by(REASON_EXCEPTION_OR_NMI, qualification);
}

static void exceptions(void)
{
	struct vmexit exit = exception(VALID | HAS_ERROR | HARDWARE | VEC_PF, PF_WRITE, 0x5000);

	CU_ASSERT(exit.reason == VMEXIT_PAGE_FAULT && exit.fault.gva == 0x5000 &&
		  exit.fault.error == PF_WRITE);
	exit = exception(VALID | HARDWARE | VEC_DB, 0, DR6_BS | 1);
	CU_ASSERT(exit.reason == VMEXIT_EXCEPTION && exit.exception.vector == VEC_DB);
	CU_ASSERT(exit.exception.dr6 == (DR6_BS | 1) && !exit.exception.has_error);
	exit = exception(VALID | HAS_ERROR | HARDWARE | VEC_AC, 0, 0);
	CU_ASSERT(exit.exception.vector == VEC_AC && exit.exception.has_error && !exit.exception.dr6);
	exit = exception(VALID | INT1 | VEC_DB, 0, 0);
	CU_ASSERT_EQUAL(exit.reason, VMEXIT_NONE);
	CU_ASSERT(fake_raised.kind == EVENT_SOFTWARE && fake_raised.vector == VEC_DB &&
		  fake_raised.insn_len == LENGTH);
}

/* NMIs that IRET has unblocked before it faulted are blocked again, unless the exit was in the middle of a
 * delivery: SDM vol. 3C, 31.7.1.2. */
static void nmi_unblocked_by_iret(void)
{
	exception(VALID | HAS_ERROR | UNBLOCKED | HARDWARE | VEC_PF, 0, 0);
	CU_ASSERT(v->nmi_blocked && v->changed & VCPU_SHADOW);
	exception(VALID | HAS_ERROR | HARDWARE | VEC_PF, 0, 0);
	CU_ASSERT_FALSE(v->nmi_blocked);
	v = fake_vcpu();
	vmcs_write(VMCS_IDT_VECTORING_INFO, VALID | 0x31);
	vmcs_write(VMCS_EXIT_INTERRUPTION_INFO, VALID | HAS_ERROR | UNBLOCKED | HARDWARE | VEC_PF);
	exit_by(REASON_EXCEPTION_OR_NMI, 0);
	CU_ASSERT_FALSE(v->nmi_blocked);
	CU_ASSERT_EQUAL(fake_interrupted.vector, 0x31);
}

static void of_the_machine(void)
{
	struct vmexit exit = exception(VALID | 2 << 8 | VEC_NMI, 0, 0);

	CU_ASSERT(exit.reason == VMEXIT_INTERRUPT && fake_unblocked == 1);
	v = fake_vcpu();
	vmcs_write(VMCS_EXIT_INTERRUPTION_INFO, VALID | 0xec);
	exit = exit_by(REASON_EXTERNAL_INTERRUPT, 0);
	CU_ASSERT(exit.reason == VMEXIT_INTERRUPT && fake_interrupt == 0xec);
}

static void not_asked_for(void)
{
	static const u32 reasons[] = {REASON_EPT_VIOLATION, 35, REASON_NOTIFY + 1};

	for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
		v = fake_vcpu();
		CU_ASSERT_EQUAL(exit_by(reasons[i], 0).reason, VMEXIT_NONE);
		CU_ASSERT_EQUAL(fake_ended, 1);
	}
}

static void failed_entries(void)
{
	struct vmexit exit;

	v = fake_vcpu();
	exit = exit_by(REASON_ENTRY_FAILURE | REASON_ENTRY_INVALID_GUEST_STATE, 4);
	CU_ASSERT(exit.reason == VMEXIT_ENTRY_FAILED && exit.failed.info == 4);
	CU_ASSERT_STRING_EQUAL(exit.failed.text, "VM-entry failure due to invalid guest state");
	CU_ASSERT_EQUAL(fake_explained, CHECK_GUEST);
	vmcs_write(VMCS_VM_INSTRUCTION_ERROR, 7);
	vmx_refused(v, &exit, VMX_FAIL_VALID);
	CU_ASSERT_EQUAL(exit.failed.code, 7);
	CU_ASSERT_STRING_EQUAL(exit.failed.text, "VM entry with invalid control field(s)");
	CU_ASSERT_EQUAL(fake_explained, CHECK_CONTROLS);

	v = fake_vcpu();
	vmx_refused(v, &exit, VMX_FAIL_INVALID);
	CU_ASSERT_EQUAL(exit.failed.code, 0);
	CU_ASSERT_EQUAL(fake_explained, CHECK_NOTHING);
	exit = exit_by(REASON_ENTRY_FAILURE | REASON_ENTRY_MACHINE_CHECK, 0);
	CU_ASSERT_EQUAL(fake_explained, CHECK_NOTHING);
}

static void names(void)
{
	CU_ASSERT_STRING_EQUAL(vmx_reason_name(REASON_EPT_VIOLATION), "EPT violation");
	CU_ASSERT_STRING_EQUAL(vmx_reason_name(35), "unknown exit reason");
	CU_ASSERT_STRING_EQUAL(vmx_reason_name(0xffff), "unknown exit reason");
	CU_ASSERT_STRING_EQUAL(vmcs_field_name(VMCS_GUEST_RIP), "GUEST_RIP");
	CU_ASSERT_PTR_NULL(vmcs_field_name(0x6828));
	for (unsigned i = 1; i < vmcs_field_count; i++)
		CU_ASSERT(vmcs_fields[i - 1].field < vmcs_fields[i].field);
	CU_ASSERT_STRING_EQUAL(vmx_error_name(14), "unknown error");
}

UNIT_MAIN("exit", {"what is always read", always_read}, {"VMREADs of an exit", reads_of_an_exit},
	  {"plain instructions", plain_instructions}, {"control registers", control_registers},
	  {"debug registers", debug_registers}, {"port I/O", port_io}, {"string I/O", string_io},
	  {"MSRs", msrs}, {"RDTSC, INVLPG, VMCALL", others}, {"exceptions", exceptions},
	  {"NMI unblocked by IRET", nmi_unblocked_by_iret}, {"interrupts of the machine", of_the_machine},
	  {"exits that were not asked for", not_asked_for}, {"failed entries", failed_entries},
	  {"names", names})
