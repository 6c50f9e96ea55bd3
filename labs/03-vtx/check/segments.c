// SPDX-License-Identifier: MIT
/*
 * Rules of a VM entry: the guest's segment registers. The VMCS holds what a processor holds behind each
 * selector, and the entry makes sure that loading it from descriptors could have given just that.
 *
 * Source: SDM vol. 3C, 26.3.1.2 "Checks on Guest Segment Registers", 24.4.1 "Guest Register State".
 */
#include "rule.h"

static const struct check_section segments = {"26.3.1.2 \"Checks on Guest Segment Registers\"", CHECK_GUEST};

#define CODE_OR_DATA (BIT(SEG_ES) | BIT(SEG_CS) | BIT(SEG_SS) | BIT(SEG_DS) | BIT(SEG_FS) | BIT(SEG_GS))
#define DATA         (BIT(SEG_ES) | BIT(SEG_DS) | BIT(SEG_FS) | BIT(SEG_GS))
#define SYSTEM       (BIT(SEG_LDTR) | BIT(SEG_TR))
#define ALL          (CODE_OR_DATA | SYSTEM)

#define UNRESTRICTED                                                                                         \
	{                                                                                                    \
		VMCS_SECONDARY_CONTROLS, SECONDARY_UNRESTRICTED_GUEST                                        \
	}

/* ---- when ---- */

/* "Unusable" says nothing of CS, and TR has to be usable. */
static bool usable(const struct check *c)
{
	return c->segment == SEG_CS || c->segment == SEG_TR ||
	       !(check_access_rights(c, c->segment) & SEG_ATTR_UNUSABLE);
}

static bool ldtr_usable(const struct check *c)
{
	return !(check_access_rights(c, SEG_LDTR) & SEG_ATTR_UNUSABLE);
}

static bool not_virtual_8086(const struct check *c)
{
	return !check_virtual_8086(c);
}

/* LDTR and TR are as usual in virtual-8086 mode. */
static bool usable_by_descriptor(const struct check *c)
{
	return usable(c) && (c->segment >= SEG_LDTR || !check_virtual_8086(c));
}

static bool ss_usable(const struct check *c)
{
	return !check_virtual_8086(c) && !(check_access_rights(c, SEG_SS) & SEG_ATTR_UNUSABLE);
}

static unsigned type_of(const struct check *c, unsigned segment)
{
	return check_access_rights(c, segment) & SEG_ATTR_TYPE;
}

/* ---- selectors and bases ---- */

static bool ti_clear(const struct check *c)
{
	return !(check_value(c) & SEL_TI);
}

static bool rpl_as_cs(const struct check *c)
{
	return (check_value(c) & SEL_RPL) == (check_selector(c, SEG_CS) & SEL_RPL);
}

#define V86_BASE_SHIFT    4
#define V86_LIMIT         0xffff
#define V86_ACCESS_RIGHTS 0xf3

static bool v86_base(const struct check *c)
{
	return check_value(c) == (u64)check_selector(c, c->segment) << V86_BASE_SHIFT;
}

static bool v86_limit(const struct check *c)
{
	return check_value(c) == V86_LIMIT;
}

static bool v86_access_rights(const struct check *c)
{
	return check_value(c) == V86_ACCESS_RIGHTS;
}

/* ---- access rights: type and DPL ---- */

#define TYPE_DATA_RW (SEG_TYPE_WRITABLE | SEG_TYPE_ACCESSED) /* 3 */
#define TYPE_CODE    (SEG_TYPE_CODE | SEG_TYPE_ACCESSED)     /* 9, 11, 13, 15 */

static bool cs_type(const struct check *c)
{
	unsigned type = check_value(c) & SEG_ATTR_TYPE;

	if (type == TYPE_DATA_RW)
		return check_secondary(c, SECONDARY_UNRESTRICTED_GUEST);
	return (type & TYPE_CODE) == TYPE_CODE;
}

static bool ss_type(const struct check *c)
{
	return (check_value(c) & (SEG_ATTR_TYPE & ~SEG_TYPE_EXPAND_DOWN)) == TYPE_DATA_RW;
}

static bool accessed(const struct check *c)
{
	return check_value(c) & SEG_TYPE_ACCESSED;
}

static bool code_readable(const struct check *c)
{
	return !(check_value(c) & SEG_TYPE_CODE) || check_value(c) & SEG_TYPE_READABLE;
}

static bool s_set(const struct check *c)
{
	return check_value(c) & SEG_ATTR_S;
}

static bool s_clear(const struct check *c)
{
	return !(check_value(c) & SEG_ATTR_S);
}

static bool cs_is_data(const struct check *c)
{
	return not_virtual_8086(c) && type_of(c, SEG_CS) == TYPE_DATA_RW;
}

static bool cs_non_conforming(const struct check *c)
{
	return not_virtual_8086(c) && (type_of(c, SEG_CS) & (TYPE_CODE | SEG_TYPE_CONFORMING)) == TYPE_CODE;
}

static bool cs_conforming(const struct check *c)
{
	unsigned both = TYPE_CODE | SEG_TYPE_CONFORMING;

	return not_virtual_8086(c) && (type_of(c, SEG_CS) & both) == both;
}

static bool dpl_0(const struct check *c)
{
	return !seg_dpl((u32)check_value(c));
}

static bool dpl_as_ss(const struct check *c)
{
	return seg_dpl((u32)check_value(c)) == seg_dpl(check_access_rights(c, SEG_SS));
}

static bool dpl_up_to_ss(const struct check *c)
{
	return seg_dpl((u32)check_value(c)) <= seg_dpl(check_access_rights(c, SEG_SS));
}

static bool dpl_as_rpl(const struct check *c)
{
	return seg_dpl((u32)check_value(c)) == (check_selector(c, SEG_SS) & SEL_RPL);
}

static bool cs_data_or_real(const struct check *c)
{
	return cs_is_data(c) || (not_virtual_8086(c) && !(check_read(c, VMCS_GUEST_CR0) & CR0_PE));
}

static bool usable_not_conforming(const struct check *c)
{
	return usable_by_descriptor(c) && type_of(c, c->segment) <= 11;
}

static bool dpl_from_rpl(const struct check *c)
{
	return seg_dpl((u32)check_value(c)) >= (check_selector(c, c->segment) & SEL_RPL);
}

/* ---- access rights: the other bits ---- */

#define ATTR_RESERVED 0xfffe0f00 /* bits 31:17 and 11:8 */

static bool present(const struct check *c)
{
	return check_value(c) & SEG_ATTR_P;
}

static bool attr_reserved(const struct check *c)
{
	return !(check_value(c) & ATTR_RESERVED);
}

static bool ia32e_not_v86(const struct check *c)
{
	return check_ia32e_guest(c) && not_virtual_8086(c);
}

static bool not_l_and_db(const struct check *c)
{
	return (check_value(c) & (SEG_ATTR_L | SEG_ATTR_DB)) != (SEG_ATTR_L | SEG_ATTR_DB);
}

#define LIMIT_LOW  0x00000fff /* all 1 when the limit counts pages */
#define LIMIT_HIGH 0xfff00000 /* more than 20 bits can count in bytes */

static bool bytes_when_low(const struct check *c)
{
	u64 limit = check_read(c, check_field(c->rule, 1, c->segment));

	return (limit & LIMIT_LOW) == LIMIT_LOW || !(check_value(c) & SEG_ATTR_G);
}

static bool pages_when_high(const struct check *c)
{
	u64 limit = check_read(c, check_field(c->rule, 1, c->segment));

	return !(limit & LIMIT_HIGH) || check_value(c) & SEG_ATTR_G;
}

static bool tr_usable(const struct check *c)
{
	return !(check_value(c) & SEG_ATTR_UNUSABLE);
}

#define SYS_TYPE_TSS16_BUSY 0x3

static bool tr_type(const struct check *c)
{
	unsigned type = check_value(c) & SEG_ATTR_TYPE;

	return type == SYS_TYPE_TSS_BUSY || (type == SYS_TYPE_TSS16_BUSY && !check_ia32e_guest(c));
}

static bool ldtr_type(const struct check *c)
{
	return (check_value(c) & SEG_ATTR_TYPE) == SYS_TYPE_LDT;
}

/* ---- the rules ---- */

const struct check_rule check_rules_segments[] = {
	{
		.id = "guest/tr-ti",
		.section = &segments,
		.fields = {VMCS_GUEST_TR_SELECTOR},
		.holds = ti_clear,
		.rule = "TR: the TI flag (bit 2) is 0",
		.mistake = "the field was never written",
	},
	{
		.id = "guest/ldtr-ti",
		.section = &segments,
		.when = ldtr_usable,
		.fields = {VMCS_GUEST_LDTR_SELECTOR, VMCS_GUEST_LDTR_ACCESS_RIGHTS},
		.holds = ti_clear,
		.rule = "LDTR, if usable: the TI flag (bit 2) is 0",
		.mistake = "no LDT is access rights 10000H (unusable), not 0",
	},
	{
		.id = "guest/ss-rpl",
		.section = &segments,
		.off = UNRESTRICTED,
		.when = not_virtual_8086,
		.fields = {VMCS_GUEST_SS_SELECTOR, VMCS_GUEST_CS_SELECTOR},
		.holds = rpl_as_cs,
		.rule = "SS: the RPL equals the RPL of CS, also when SS is unusable",
		.mistake = "a null SS in 64-bit mode of ring 3: its RPL has to be 3",
	},
	{
		.id = "guest/v86-base",
		.section = &segments,
		.when = check_virtual_8086,
		.fields = {VMCS_GUEST_ES_BASE, VMCS_GUEST_ES_SELECTOR, VMCS_GUEST_RFLAGS},
		.segments = CODE_OR_DATA,
		.holds = v86_base,
		.rule = "in virtual-8086 mode the base is the selector shifted left by 4 bits",
		.mistake = "RFLAGS.VM changed without reloading the segments",
	},
	{
		.id = "guest/v86-limit",
		.section = &segments,
		.when = check_virtual_8086,
		.fields = {VMCS_GUEST_ES_LIMIT, VMCS_GUEST_RFLAGS},
		.segments = CODE_OR_DATA,
		.holds = v86_limit,
		.rule = "in virtual-8086 mode the limit is 0000FFFFH",
		.mistake = "a flat (\"unreal\") segment of real mode taken over",
	},
	{
		.id = "guest/v86-access-rights",
		.section = &segments,
		.when = check_virtual_8086,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS, VMCS_GUEST_RFLAGS},
		.segments = CODE_OR_DATA,
		.holds = v86_access_rights,
		.rule = "in virtual-8086 mode the access rights are 000000F3H, of CS too",
		.mistake = "the access rights of real mode (93H, 9BH): in virtual-8086 mode the DPL is 3",
	},
	{
		.id = "guest/base-canonical",
		.section = &segments,
		.fields = {VMCS_GUEST_ES_BASE},
		.segments = BIT(SEG_FS) | BIT(SEG_GS) | BIT(SEG_TR),
		.holds = check_canonical_field,
		.rule = "FS, GS, TR: the base is canonical",
		.mistake = "WRMSR of FS_BASE or GS_BASE taken over without its #GP",
	},
	{
		.id = "guest/ldtr-base",
		.section = &segments,
		.when = ldtr_usable,
		.fields = {VMCS_GUEST_LDTR_BASE, VMCS_GUEST_LDTR_ACCESS_RIGHTS},
		.holds = check_canonical_field,
		.rule = "LDTR, if usable: the base is canonical",
		.mistake = "the upper half of a 16-byte descriptor forgotten or misplaced",
	},
	{
		.id = "guest/base-high",
		.section = &segments,
		.when = usable,
		.fields = {VMCS_GUEST_ES_BASE},
		.segments = BIT(SEG_CS) | BIT(SEG_SS) | BIT(SEG_DS) | BIT(SEG_ES),
		.holds = check_high_half_zero,
		.rule = "CS, and SS, DS, ES if usable: bits 63:32 of the base are 0",
		.mistake = "a base computed with a sign: descriptors give 32 bits",
	},
	{
		.id = "guest/cs-type",
		.section = &segments,
		.when = not_virtual_8086,
		.fields = {VMCS_GUEST_CS_ACCESS_RIGHTS, VMCS_SECONDARY_CONTROLS},
		.holds = cs_type,
		.rule = "CS: the type is 9, 11, 13 or 15 (accessed code), or 3 for an unrestricted guest",
		.mistake = "type 10 from a descriptor: a loaded segment is always marked accessed",
	},
	{
		.id = "guest/ss-type",
		.section = &segments,
		.when = ss_usable,
		.fields = {VMCS_GUEST_SS_ACCESS_RIGHTS},
		.holds = ss_type,
		.rule = "SS, if usable: the type is 3 or 7 (accessed writable data)",
		.mistake = "type 2 from a descriptor: a loaded segment is always marked accessed",
	},
	{
		.id = "guest/data-accessed",
		.section = &segments,
		.when = usable_by_descriptor,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS},
		.segments = DATA,
		.holds = accessed,
		.rule = "DS, ES, FS, GS, if usable: bit 0 of the type (accessed) is 1",
		.mistake = "access rights 0 for a register that is not used: unusable is 10000H",
	},
	{
		.id = "guest/code-readable",
		.section = &segments,
		.when = usable_by_descriptor,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS},
		.segments = DATA,
		.holds = code_readable,
		.rule = "DS, ES, FS, GS, if usable: a code segment is readable (bit 3 of the type needs bit "
			"1)",
		.mistake = "a MOV to a segment register emulated without its #GP",
	},
	{
		.id = "guest/s-set",
		.section = &segments,
		.when = usable_by_descriptor,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS},
		.segments = CODE_OR_DATA,
		.holds = s_set,
		.rule = "CS, and SS, DS, ES, FS, GS if usable: S (bit 4) is 1",
		.mistake = "access rights 0 for a register that is not used: unusable is 10000H",
	},
	{
		.id = "guest/cs-dpl-data",
		.section = &segments,
		.when = cs_is_data,
		.fields = {VMCS_GUEST_CS_ACCESS_RIGHTS},
		.holds = dpl_0,
		.rule = "CS of type 3: the DPL is 0",
		.mistake = "CS of virtual-8086 mode (F3H) kept when the guest left it",
	},
	{
		.id = "guest/cs-dpl-code",
		.section = &segments,
		.when = cs_non_conforming,
		.fields = {VMCS_GUEST_CS_ACCESS_RIGHTS, VMCS_GUEST_SS_ACCESS_RIGHTS},
		.holds = dpl_as_ss,
		.rule = "CS of type 9 or 11: the DPL equals the DPL of SS, also when SS is unusable",
		.mistake = "a null SS written as 10000H alone: the CPL is the DPL of SS, and belongs there",
	},
	{
		.id = "guest/cs-dpl-conforming",
		.section = &segments,
		.when = cs_conforming,
		.fields = {VMCS_GUEST_CS_ACCESS_RIGHTS, VMCS_GUEST_SS_ACCESS_RIGHTS},
		.holds = dpl_up_to_ss,
		.rule = "CS of type 13 or 15: the DPL is not above the DPL of SS",
		.mistake = "a far transfer to a conforming segment emulated with the wrong CPL",
	},
	{
		.id = "guest/ss-dpl-rpl",
		.section = &segments,
		.off = UNRESTRICTED,
		.when = not_virtual_8086,
		.fields = {VMCS_GUEST_SS_ACCESS_RIGHTS, VMCS_GUEST_SS_SELECTOR},
		.holds = dpl_as_rpl,
		.rule = "SS: the DPL equals the RPL of its selector, also when SS is unusable",
		.mistake = "selector and access rights written in different places for a change of rings",
	},
	{
		.id = "guest/ss-dpl-0",
		.section = &segments,
		.when = cs_data_or_real,
		.fields = {VMCS_GUEST_SS_ACCESS_RIGHTS, VMCS_GUEST_CS_ACCESS_RIGHTS, VMCS_GUEST_CR0},
		.holds = dpl_0,
		.rule = "SS: the DPL is 0 when CS is of type 3 or CR0.PE is 0",
		.mistake = "SS of virtual-8086 mode (F3H) kept when the guest left it",
	},
	{
		.id = "guest/data-dpl",
		.section = &segments,
		.off = UNRESTRICTED,
		.when = usable_not_conforming,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS, VMCS_GUEST_ES_SELECTOR},
		.segments = DATA,
		.holds = dpl_from_rpl,
		.rule = "DS, ES, FS, GS, if usable and of type 0 to 11: the DPL is not below the RPL of the "
			"selector",
		.mistake = "a user selector (RPL 3) with the access rights of a kernel segment",
	},
	{
		.id = "guest/present",
		.section = &segments,
		.when = usable_by_descriptor,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS},
		.segments = ALL,
		.holds = present,
		.rule = "CS and TR, and the others if usable: P (bit 7) is 1",
		.mistake = "access rights 0 for a register that is not used: unusable is 10000H",
	},
	{
		.id = "guest/access-rights-reserved",
		.section = &segments,
		.when = usable_by_descriptor,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS},
		.segments = ALL,
		.holds = attr_reserved,
		.rule = "CS and TR, and the others if usable: bits 31:17 and 11:8 of the access rights are 0",
		.mistake = "bytes 5 and 6 of the descriptor taken as they are: bits 19:16 of the limit are "
			   "between them",
	},
	{
		.id = "guest/cs-db",
		.section = &segments,
		.when = ia32e_not_v86,
		.fields = {VMCS_GUEST_CS_ACCESS_RIGHTS, VMCS_ENTRY_CONTROLS},
		.holds = not_l_and_db,
		.rule = "CS in IA-32e mode: with L (bit 13), D/B (bit 14) is 0",
		.mistake = "L added to the access rights of a 32-bit segment",
	},
	{
		.id = "guest/granularity-bytes",
		.section = &segments,
		.when = usable_by_descriptor,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS, VMCS_GUEST_ES_LIMIT},
		.segments = ALL,
		.holds = bytes_when_low,
		.rule = "if any of bits 11:0 of the limit is 0, G (bit 15) is 0",
		.mistake =
			"the limit as the descriptor has it (FFFFFH): the VMCS wants it in bytes (FFFFFFFFH)",
	},
	{
		.id = "guest/granularity-pages",
		.section = &segments,
		.when = usable_by_descriptor,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS, VMCS_GUEST_ES_LIMIT},
		.segments = ALL,
		.holds = pages_when_high,
		.rule = "if any of bits 31:20 of the limit is 1, G (bit 15) is 1",
		.mistake = "a limit of 4 GiB with access rights of a 16-bit segment",
	},
	{
		.id = "guest/tr-type",
		.section = &segments,
		.fields = {VMCS_GUEST_TR_ACCESS_RIGHTS, VMCS_ENTRY_CONTROLS},
		.holds = tr_type,
		.rule = "TR: the type is 11 (busy TSS), or 3 (busy 16-bit TSS) outside IA-32e mode",
		.mistake = "type 9 (available) from the descriptor: LTR makes it busy",
	},
	{
		.id = "guest/tr-usable",
		.section = &segments,
		.fields = {VMCS_GUEST_TR_ACCESS_RIGHTS},
		.holds = tr_usable,
		.rule = "TR: it is usable (bit 16 is 0)",
		.mistake =
			"a guest that has not loaded TR yet: write what a reset leaves (access rights 8BH)",
	},
	{
		.id = "guest/ldtr-type",
		.section = &segments,
		.when = ldtr_usable,
		.fields = {VMCS_GUEST_LDTR_ACCESS_RIGHTS},
		.holds = ldtr_type,
		.rule = "LDTR, if usable: the type is 2 (LDT)",
		.mistake = "no LDT is access rights 10000H (unusable), not 0",
	},
	{
		.id = "guest/s-clear",
		.section = &segments,
		.when = usable,
		.fields = {VMCS_GUEST_ES_ACCESS_RIGHTS},
		.segments = SYSTEM,
		.holds = s_clear,
		.rule = "TR, and LDTR if usable: S (bit 4) is 0",
		.mistake = "access rights of a data segment",
	},
	{0},
};
