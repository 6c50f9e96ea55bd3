// SPDX-License-Identifier: MIT
/*
 * The VM-entry checker against the processor. Every case of cases_*.c is applied to a VMCS that the engine
 *has set up, from both sides; the checker says what is broken, the processor is asked to enter, and a line
 *shows both verdicts:
 *
 *	check guest/rflags-bit-1 1 break ours=guest cpu=guest
 *
 * Verdicts are "enters", "controls" and "host" (VMfailValid, error 7 and 8), "guest" and "msrs" (exit reason
 *33 and 34); the number counts the cases of a rule. tests/check_entry.sh judges these lines. An emulator that
 * agrees is no proof of a rule, and one that does not is no proof against it: the manual decides.
 */
#include "try.h"
#include "cases.h"
#include "labs/03-vtx/controls.h"
#include "labs/03-vtx/lab.h"
#include "labs/03-vtx/reasons.h"
#include "labs/03-vtx/vmx.h"
#include "lib/print.h"
#include "lib/string.h"
#include "machine/machine.h"
#include "x86/paging.h"

#define OPTION      "vmx-check=1"
#define MOST_FIELDS 256
#define TEXT_BYTES  32

bool check_try_wanted(void)
{
	return strstr(machine_cmdline, OPTION);
}

/* ---- the VMCS ---- */

static struct vcpu vcpu; /* the engine sets up a VMCS for it; it never runs */
static bool launched;
static struct check_cpu cpu;
static struct check_target target;
static struct check_vmcs current;

/* A field that the processor does not have: the case needs a control that it does not have either. */
static void write_field(void *context, u32 field, u64 value)
{
	(void)context;
	asm volatile("vmwrite %0, %1" : : "r"(value), "r"((u64)field) : "cc", "memory");
}

/* Encodings, bits 11:10: vol. 3D, appendix B */
#define FIELD_TYPE      0xc00
#define FIELD_READ_ONLY 0x400

static u64 saved[MOST_FIELDS]; /* in the order of vmcs_fields */

static void save_fields(void)
{
	for (unsigned i = 0; i < vmcs_field_count; i++)
		saved[i] = current.read(NULL, vmcs_fields[i].field);
}

static void restore_fields(void)
{
	for (unsigned i = 0; i < vmcs_field_count; i++)
		if ((vmcs_fields[i].field & FIELD_TYPE) != FIELD_READ_ONLY)
			write_field(NULL, vmcs_fields[i].field, saved[i]);
}

static const char *set_up(void)
{
	const char *why = vmx_engine.machine_init();
	void *pages[CHECK_PAGES];

	if (why)
		return why;
	if (vmcs_field_count > MOST_FIELDS || vmx_engine.vcpu_init(&vcpu))
		return "there is no memory for a VMCS";
	check_cpu_read(&cpu, vmx_of(&vcpu)->vmcs);
	current = check_current(&cpu);
	target = (struct check_target){.read = current.read, .write = write_field};
	for (unsigned i = 0; i < CHECK_PAGES; i++) {
		pages[i] = pages_alloc(1, PAGE_SIZE);
		if (!pages[i])
			return "there is no memory for the pages that a VMCS points to";
		target.pages[i] = hva_to_hpa(pages[i]);
	}
	target.pages[CHECK_PAGE_CURRENT] = cpu.vmcs;
	target.pages[CHECK_PAGE_TOP] = BIT(cpu.phys_bits) - PAGE_SIZE;
	check_cases_pages(pages, vmx_features.revision);
	vmcs_write(VMCS_HOST_RIP, (u64)check_try_exit);
	vmcs_write(VMCS_ENTRY_CONTROLS, vmx_features.controls[CONTROLS_ENTRY]);
	vmcs_write(VMCS_PRIMARY_CONTROLS, vmx_features.controls[CONTROLS_PRIMARY]);
	check_cases_guest(&target, (u64)check_try_guest);
	save_fields();
	return NULL;
}

/* ---- the processor's verdict ---- */

static const char *exit_verdict(void)
{
	static char text[TEXT_BYTES];
	u32 reason = (u32)vmcs_read(VMCS_EXIT_REASON);

	if (!(reason & REASON_ENTRY_FAILURE)) {
		launched = true;
		if (reason == REASON_EXTERNAL_INTERRUPT)
			machine_interrupt((u8)vmcs_read(VMCS_EXIT_INTERRUPTION_INFO));
		return check_class_name(CHECK_NOTHING);
	}
	if (check_class_of_reason(reason) != CHECK_NOTHING)
		return check_class_name(check_class_of_reason(reason));
	ksnprintf(text, sizeof(text), "reason-%u", reason & REASON_BASIC);
	return text;
}

static const char *try_entry(void)
{
	static char text[TEXT_BYTES];
	u64 error;

	switch (check_try_enter(launched)) {
	case VMX_SUCCEED:
		return exit_verdict();
	case VMX_FAIL_INVALID:
		return "VMfailInvalid";
	default:
		error = vmcs_read(VMCS_VM_INSTRUCTION_ERROR);
		break;
	}
	if (check_class_of_error(error) != CHECK_NOTHING)
		return check_class_name(check_class_of_error(error));
	ksnprintf(text, sizeof(text), "error-%lu", error);
	return text;
}
_Static_assert(VMX_FAIL_INVALID == 1 && VMX_FAIL_VALID == 2, "try_entry.S");

/* ---- a case ---- */

struct finding {
	const struct check_case *k;
	bool breaks;
	bool own;          /* the rule is broken */
	const char *other; /* another one is, of which the case does not speak */
};

static bool is_named(const struct check_case *k, const char *id)
{
	if (!strcmp(k->rule, id))
		return true;
	for (unsigned i = 0; i < CHECK_ALSO && k->also[i]; i++)
		if (!strcmp(k->also[i], id))
			return true;
	return false;
}

static void find(void *context, const struct check_vmcs *vmcs, const struct check_rule *rule,
		 unsigned segment)
{
	struct finding *f = context;

	(void)vmcs;
	(void)segment;
	f->own |= !strcmp(f->k->rule, rule->id);
	if (!f->other && !(f->breaks && is_named(f->k, rule->id)))
		f->other = rule->id;
}

static void try_side(const struct check_case *k, unsigned nth, bool breaks)
{
	const char *side = breaks ? "break" : "keep", *why = breaks ? k->not_breaks : k->not_keeps;
	struct finding f = {.k = k, .breaks = breaks};
	enum check_class ours;

	restore_fields();
	check_cases_apply(&target, k, breaks);
	ours = check_entry(&current, find, &f);
	if (f.other) /* it has not got the control, or it has another host. Bochs may panic on such things. */
		kprintf("check %s %u %s skipped: here it breaks %s\n", k->rule, nth, side, f.other);
	else if (why)
		kprintf("check %s %u %s skipped: %s\n", k->rule, nth, side, why);
	else {
		kprintf("check %s %u %s ours=%s cpu=", k->rule, nth, breaks && !f.own ? "allowed" : side,
			check_class_name(ours));
		kprintf("%s\n", try_entry());
	}
}

int check_try(void)
{
	const char *why = set_up(), *last = "";
	const struct check_case *k;
	unsigned nth = 0;

	if (why) {
		kprintf("[hv] " OPTION ": %s\n", why);
		return 1;
	}
	for (unsigned i = 0; (k = check_case(i)); i++, last = k->rule) {
		nth = strcmp(last, k->rule) ? 1 : nth + 1;
		try_side(k, nth, false);
		try_side(k, nth, true);
	}
	kprintf("check end\n");
	return 0;
}
