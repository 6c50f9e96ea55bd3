// SPDX-License-Identifier: MIT
/* machine/acpi.c over a synthetic memory of one MiB and a little: tables that are right, and each way to be
 * wrong. */
#include <string.h>

#include "machine/acpi.c"

#include "lib/tests/unit.h"

#define MEMORY_BYTES 0x110000
#define EBDA_HPA     0x9fc00
#define RSDP_HPA     0xe0010
#define RSDT_HPA     0x100000
#define XSDT_HPA     0x100104 /* not 8-byte aligned entries */
#define MADT_HPA     0x100200
#define DMAR_HPA     0x100300

static u8 memory[MEMORY_BYTES];

static void fix_checksum(u8 *sum, const void *start, u64 size)
{
	const u8 *byte = start;
	u8 total = 0;

	*sum = 0;
	while (size--)
		total += *byte++;
	*sum = (u8)-total;
}

static struct acpi_header *put_table(u64 hpa, const char *signature, const void *body, u32 bytes)
{
	struct acpi_header *h = (void *)(memory + hpa);

	memset(h, 0, sizeof(*h));
	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = (u32)sizeof(*h) + bytes;
	memcpy(h + 1, body, bytes);
	fix_checksum(&h->checksum, h, h->length);
	return h;
}

static struct rsdp *put_rsdp(u64 hpa, u8 revision)
{
	struct rsdp *r = (void *)(memory + hpa);

	memset(r, 0, sizeof(*r));
	memcpy(r->signature, RSDP_SIGNATURE, sizeof(r->signature));
	r->revision = revision;
	r->rsdt_hpa = RSDT_HPA;
	r->length = sizeof(*r);
	r->xsdt_hpa = revision >= RSDP_REVISION_XSDT ? XSDT_HPA : 0;
	fix_checksum(&r->checksum, r, RSDP_V1_BYTES);
	fix_checksum(&r->extended_checksum, r, sizeof(*r));
	return r;
}

/* The RSDT names the MADT alone, the XSDT both tables: it can be seen which one was used. */
static void build(u8 revision)
{
	static const u8 madt[] = {
		0x00, 0x00, 0xe0, 0xfe, 1,    0,    0,    0,                 /* local APIC address, flags */
		0,    8,    1,    7,    1,    0,    0,    0,                 /* local APIC, id 7, enabled */
		1,    12,   2,    0,    0x00, 0x00, 0xc0, 0xfe, 24, 0, 0, 0, /* IO-APIC at fec00000, GSI 24 */
		42,   3,    0,                                               /* of no known type */
		2,    10,   0,    0,    2,    0,    0,    0,    5,  0,       /* ISA 0 is GSI 2 */
	};
	const u32 rsdt[] = {MADT_HPA};
	const u64 xsdt[] = {MADT_HPA, DMAR_HPA};

	memset(memory, 0, sizeof(memory));
	memory[EBDA_SEGMENT_HPA] = EBDA_HPA >> 4 & 0xff;
	memory[EBDA_SEGMENT_HPA + 1] = EBDA_HPA >> 12;
	put_rsdp(RSDP_HPA, revision);
	put_table(RSDT_HPA, "RSDT", rsdt, sizeof(rsdt));
	put_table(XSDT_HPA, "XSDT", xsdt, sizeof(xsdt));
	put_table(MADT_HPA, "APIC", madt, sizeof(madt));
	put_table(DMAR_HPA, "DMAR", "0123456789ab", 12);
}

static bool init(void)
{
	return acpi_init(memory, sizeof(memory));
}

static void test_rsdt(void)
{
	build(0);
	CU_ASSERT(init());
	CU_ASSERT_PTR_EQUAL(acpi_find("APIC"), memory + MADT_HPA);
	CU_ASSERT_PTR_NULL(acpi_find("DMAR"));
	CU_ASSERT_PTR_NULL(acpi_find("HPET"));
}

static void test_xsdt(void)
{
	build(2);
	CU_ASSERT(init());
	CU_ASSERT_PTR_EQUAL(acpi_find("APIC"), memory + MADT_HPA);
	CU_ASSERT_PTR_EQUAL(acpi_find("DMAR"), memory + DMAR_HPA);
}

static void test_ebda_comes_first(void)
{
	struct rsdp *r;

	build(2);
	r = put_rsdp(EBDA_HPA + 0x20, 0);
	CU_ASSERT(init());
	CU_ASSERT_PTR_NULL(acpi_find("DMAR"));
	r->checksum ^= 1; /* a wrong one is passed over */
	CU_ASSERT(init());
	CU_ASSERT_PTR_NOT_NULL(acpi_find("DMAR"));
}

static void test_no_rsdp(void)
{
	build(2);
	memory[RSDP_HPA] = 'X';
	CU_ASSERT_FALSE(init());
	CU_ASSERT_PTR_NULL(acpi_find("APIC"));
	build(2);
	CU_ASSERT(init());
	((struct rsdp *)(memory + RSDP_HPA))->rsdt_hpa++; /* breaks the checksum of the first 20 bytes */
	CU_ASSERT_FALSE(init());
	CU_ASSERT_PTR_NULL(acpi_find("APIC"));
}

/* The RSDP of revision 2 falls back to the RSDT when its longer checksum, or the XSDT, is wrong. */
static void test_fall_back(void)
{
	build(2);
	((struct rsdp *)(memory + RSDP_HPA))->extended_checksum ^= 1;
	CU_ASSERT(init());
	CU_ASSERT_PTR_NULL(acpi_find("DMAR"));
	build(2);
	memory[XSDT_HPA + 20] ^= 1;
	CU_ASSERT(init());
	CU_ASSERT_PTR_NULL(acpi_find("DMAR"));
	CU_ASSERT_PTR_NOT_NULL(acpi_find("APIC"));
}

static void test_bad_tables(void)
{
	struct acpi_header *madt = (void *)(memory + MADT_HPA);

	build(2);
	memory[MADT_HPA + 40] ^= 1;
	CU_ASSERT(init());
	CU_ASSERT_PTR_NULL(acpi_find("APIC"));

	/* Too short for its header, with a right checksum over what it says to be. */
	build(2);
	madt->length = sizeof(*madt) - 1;
	fix_checksum(&madt->checksum, madt, madt->length);
	CU_ASSERT(init());
	CU_ASSERT_PTR_NULL(acpi_find("APIC"));

	/* Beyond the end of memory: nothing there may be read. */
	build(2);
	madt->length = MEMORY_BYTES - MADT_HPA + 1;
	CU_ASSERT(init());
	CU_ASSERT_PTR_NULL(acpi_find("APIC"));
	madt->length = 0xffffffff;
	CU_ASSERT_PTR_NULL(acpi_find("APIC"));
}

static void test_addresses_out_of_memory(void)
{
	const u64 xsdt[] = {MEMORY_BYTES - 35, ~0ULL, 0x8000000000000000, DMAR_HPA};

	build(2);
	put_table(XSDT_HPA, "XSDT", xsdt, sizeof(xsdt));
	CU_ASSERT(init());
	CU_ASSERT_PTR_EQUAL(acpi_find("DMAR"), memory + DMAR_HPA);
	CU_ASSERT_FALSE(acpi_init(memory, EBDA_SEGMENT_HPA));
	CU_ASSERT_FALSE(acpi_init(memory, RSDP_HPA + 19));
}

static void test_madt(void)
{
	const struct acpi_madt *madt;
	const struct acpi_madt_entry *e;

	build(0);
	CU_ASSERT(init());
	madt = (const void *)acpi_find("APIC");
	CU_ASSERT_PTR_NOT_NULL_FATAL(madt);
	CU_ASSERT_EQUAL(madt->lapic_hpa, 0xfee00000);
	CU_ASSERT_EQUAL(madt->flags, ACPI_MADT_PCAT_COMPAT);
	e = acpi_madt_next(madt, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->type, ACPI_MADT_LAPIC);
	CU_ASSERT_EQUAL(e->lapic.apic_id, 7);
	CU_ASSERT_EQUAL(e->lapic.flags, ACPI_LAPIC_ENABLED);
	e = acpi_madt_next(madt, e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->type, ACPI_MADT_IOAPIC);
	CU_ASSERT_EQUAL(e->ioapic.hpa, 0xfec00000);
	CU_ASSERT_EQUAL(e->ioapic.gsi_base, 24);
	e = acpi_madt_next(madt, e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->type, 42);
	e = acpi_madt_next(madt, e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->type, ACPI_MADT_OVERRIDE);
	CU_ASSERT_EQUAL(e->override.gsi, 2);
	CU_ASSERT_EQUAL(e->override.flags, 5);
	CU_ASSERT_PTR_NULL(acpi_madt_next(madt, e));
}

/* An entry of length 0 would loop for ever; one that is cut off by the end would be read beyond it. */
static void test_madt_malformed(void)
{
	static const u8 lengths[] = {0, 1, 7, 200};
	u8 *first = memory + MADT_HPA + sizeof(struct acpi_madt);

	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		build(0);
		first[1] = lengths[i];
		CU_ASSERT_PTR_NULL(acpi_madt_next((const void *)(memory + MADT_HPA), NULL));
	}
	build(0);
	((struct acpi_header *)(memory + MADT_HPA))->length = sizeof(struct acpi_madt) + 7;
	CU_ASSERT_PTR_NULL(acpi_madt_next((const void *)(memory + MADT_HPA), NULL));
	((struct acpi_header *)(memory + MADT_HPA))->length = sizeof(struct acpi_header);
	CU_ASSERT_PTR_NULL(acpi_madt_next((const void *)(memory + MADT_HPA), NULL));
}

UNIT_MAIN("machine-acpi", {"rsdt", test_rsdt}, {"xsdt", test_xsdt},
	  {"ebda_comes_first", test_ebda_comes_first}, {"no_rsdp", test_no_rsdp},
	  {"fall_back", test_fall_back}, {"bad_tables", test_bad_tables},
	  {"addresses_out_of_memory", test_addresses_out_of_memory}, {"madt", test_madt},
	  {"madt_malformed", test_madt_malformed})
