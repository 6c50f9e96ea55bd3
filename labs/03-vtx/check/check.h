/* SPDX-License-Identifier: MIT */
/*
 * The VM-entry checker: why does the processor refuse this VMCS?
 *
 * VMLAUNCH and VMRESUME check some two hundred rules, and say of a broken one only to which of four classes
 * it belongs. The same rules are here as a table (*.c). Each is tried on a VMCS, and one that does not
 * hold is reported with the fields that it judges and their values, where the manual has it, and the mistake
 * that is usually behind it.
 *
 * The VMCS is read through a function, and the processor's abilities are plain data: the checker runs on the
 * current VMCS of this processor (cpu.c), and in a unit test on an array.
 *
 * Source: SDM vol. 3C, 26.2 "Checks on VMX Controls and Host-State Area", 26.3.1 "Checks on the Guest State
 * Area", 26.4 "Loading MSRs".
 *
 * Left out: 26.1 "Basic VM-Entry Checks", which have error numbers of their own; CET, PKRS, user interrupts,
 * tertiary controls and the bits of IA32_RTIT_CTL, whose fields this tree has no use for; entries in SMM.
 */
#ifndef VTX_CHECK_H
#define VTX_CHECK_H

#include "labs/03-vtx/vmcs.h"

/* ---- what is checked ---- */

/* What a processor can do, as far as the rules depend on it. */
struct check_cpu {
	u64 basic, misc; /* IA32_VMX_BASIC, IA32_VMX_MISC */
	/* Controls. Low half: bits that must be 1; high half: bits that may be 1. */
	u64 pin, primary, secondary, exit, entry;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1; /* must be 1; may be 1 */
	u64 ept_vpid_cap, vmfunc;                           /* IA32_VMX_EPT_VPID_CAP, IA32_VMX_VMFUNC */
	u64 efer, perf_global_ctrl;                         /* the bits that these MSRs have */
	unsigned phys_bits, linear_bits;                    /* CPUID 80000008H */
	bool long_mode;                                     /* IA32_EFER.LMA at the entry */
	bool tracing;                                       /* IA32_RTIT_CTL.TraceEn at the entry */
	bool sgx, rtm;
	hpa_t vmcs; /* the address of the VMCS itself */
};

struct check_vmcs {
	u64 (*read)(void *context, u32 field);
	/* 8 bytes of physical memory, aligned; false: there is none. */
	bool (*memory)(void *context, hpa_t hpa, u64 *value);
	void *context;
	const struct check_cpu *cpu;
};

/* ---- the rules ---- */

/* Whom the processor blames: VMfailValid with error 7 or 8, a VM exit with reason 33 or 34. */
enum check_class { CHECK_NOTHING, CHECK_CONTROLS, CHECK_HOST, CHECK_GUEST, CHECK_MSRS, CHECK_CLASSES };

struct check_section {
	const char *text; /* number and title in the SDM, vol. 3C */
	enum check_class class;
};

struct check; /* check_rule.h */

struct check_bits {
	u32 field, bits;
};

#define CHECK_FIELDS 6

struct check_rule {
	const char *id;
	const struct check_section *section;
	/* It counts only where these bits of control fields are all 1, and those all 0, ... */
	struct check_bits on, off;
	/* ... and where this is true, if there is one. */
	bool (*when)(const struct check *c);
	/* What it looks at: the first is judged by `holds`, the others are told in the report. */
	u16 fields[CHECK_FIELDS];
	/* BIT(SEG_*): one rule for several registers; the fields are written as those of ES. */
	u32 segments;
	bool (*holds)(const struct check *c);
	const char *rule;    /* what must be, in one sentence */
	const char *mistake; /* what is usually wrong when it is not so */
};

/* All rules, in the manual's order. NULL behind the last one. */
const struct check_rule *check_rule(unsigned index);

/* ---- the checker ---- */

typedef void (*check_found)(void *context, const struct check_vmcs *vmcs, const struct check_rule *rule,
			    unsigned segment);

/* Tries every rule, and calls `found` for each that is broken (for a rule of several registers: for each of
 * them). Returns the class of the first: what the processor should say. */
enum check_class check_entry(const struct check_vmcs *vmcs, check_found found, void *context);

/* The same with a report on the console. */
enum check_class check_report(const struct check_vmcs *vmcs);

const char *check_class_name(enum check_class class);
/* Whom the processor blames, by VM_INSTRUCTION_ERROR and by EXIT_REASON. CHECK_NOTHING: it is none of these
 * rules. */
enum check_class check_class_of_error(u64 error);
enum check_class check_class_of_reason(u32 reason);

/* ---- on this processor (cpu.c) ---- */

/* The capability MSRs, CPUID and EFER of this processor. `vmcs` is the current one. */
void check_cpu_read(struct check_cpu *cpu, hpa_t vmcs);
/* The current VMCS, by VMREAD. */
struct check_vmcs check_current(const struct check_cpu *cpu);
/* The report, when an entry with the current VMCS has failed, and whom the processor blames. */
void check_explain(hpa_t vmcs, enum check_class said);

#endif
