// SPDX-License-Identifier: MIT
/*
 * ACPI tables. Firmware is an other side too: every address and length is checked against the memory before
 * it is followed, every checksum is computed, and a table that fails is as good as absent.
 *
 * Source: ACPI Specification 6.3, 5.2.5 "Root System Description Pointer", 5.2.7 "RSDT", 5.2.8 "XSDT", 5.2.12
 * "MADT". Left out: the RSDP of UEFI, which is not in low memory.
 */
#include "lib/string.h"
#include "machine/acpi.h"

#define RSDP_SIGNATURE     "RSD PTR "
#define RSDP_ALIGN         16
#define RSDP_V1_BYTES      20
#define RSDP_REVISION_XSDT 2
#define EBDA_SEGMENT_HPA   0x40e
#define EBDA_SEARCH_BYTES  1024
#define BIOS_SEARCH_START  0xe0000
#define BIOS_SEARCH_END    0x100000

struct rsdp {
	char signature[8];    /* 0 */
	u8 checksum;          /* 8: of the first 20 bytes */
	char oem_id[6];       /* 9 */
	u8 revision;          /* 15 */
	u32 rsdt_hpa;         /* 16 */
	u32 length;           /* 20: from here on revision 2 */
	u64 xsdt_hpa;         /* 24 */
	u8 extended_checksum; /* 32: of all */
	u8 reserved[3];       /* 33 */
} __attribute__((packed));
_Static_assert(sizeof(struct rsdp) == 36, "ACPI 5.2.5.3");

static const u8 *memory_start;
static u64 memory_size;
static const struct acpi_header *root_table;
static unsigned root_entry_bytes; /* 4: RSDT, 8: XSDT */

static bool in_memory(u64 hpa, u64 size)
{
	return hpa <= memory_size && size <= memory_size - hpa;
}

static bool sum_is_zero(const void *p, u64 size)
{
	const u8 *byte = p;
	u8 sum = 0;

	while (size--)
		sum += *byte++;
	return sum == 0;
}

/* The table at hpa, or NULL when it is not one. */
static const struct acpi_header *table_at(u64 hpa)
{
	const struct acpi_header *table = (const void *)(memory_start + hpa);

	if (!in_memory(hpa, sizeof(*table)) || table->length < sizeof(*table) ||
	    !in_memory(hpa, table->length))
		return NULL;
	return sum_is_zero(table, table->length) ? table : NULL;
}

static const struct rsdp *rsdp_search(u64 start, u64 end)
{
	for (u64 at = start; at + RSDP_V1_BYTES <= end && in_memory(at, RSDP_V1_BYTES); at += RSDP_ALIGN) {
		const struct rsdp *rsdp = (const void *)(memory_start + at);

		if (memcmp(rsdp->signature, RSDP_SIGNATURE, sizeof(rsdp->signature)))
			continue;
		if (sum_is_zero(rsdp, RSDP_V1_BYTES))
			return rsdp;
	}
	return NULL;
}

/* In the first KiB of the extended BIOS data area, then in the BIOS. */
static const struct rsdp *rsdp_find(void)
{
	const struct rsdp *rsdp;
	u16 segment;

	if (!in_memory(EBDA_SEGMENT_HPA, sizeof(segment)))
		return NULL;
	memcpy(&segment, memory_start + EBDA_SEGMENT_HPA, sizeof(segment));
	rsdp = rsdp_search((u64)segment << 4, ((u64)segment << 4) + EBDA_SEARCH_BYTES);
	return rsdp ? rsdp : rsdp_search(BIOS_SEARCH_START, BIOS_SEARCH_END);
}

static bool use_root(u64 hpa, const char *signature, unsigned entry_bytes)
{
	const struct acpi_header *table = hpa ? table_at(hpa) : NULL;

	if (!table || memcmp(table->signature, signature, sizeof(table->signature)))
		return false;
	root_table = table;
	root_entry_bytes = entry_bytes;
	return true;
}

bool acpi_init(const void *memory, u64 size)
{
	const struct rsdp *rsdp;

	memory_start = memory;
	memory_size = size;
	root_table = NULL;
	rsdp = rsdp_find();
	if (!rsdp)
		return false;
	if (rsdp->revision >= RSDP_REVISION_XSDT &&
	    in_memory((u64)((const u8 *)rsdp - memory_start), sizeof(*rsdp)) &&
	    rsdp->length >= sizeof(*rsdp) &&
	    in_memory((u64)((const u8 *)rsdp - memory_start), rsdp->length) &&
	    sum_is_zero(rsdp, rsdp->length) && use_root(rsdp->xsdt_hpa, "XSDT", sizeof(u64)))
		return true;
	return use_root(rsdp->rsdt_hpa, "RSDT", sizeof(u32));
}

const struct acpi_header *acpi_find(const char *signature)
{
	const u8 *entry = (const u8 *)(root_table + 1);
	u64 count = root_table ? (root_table->length - sizeof(*root_table)) / root_entry_bytes : 0;

	for (u64 i = 0; i < count; i++, entry += root_entry_bytes) {
		const struct acpi_header *table;
		u64 hpa = 0;

		memcpy(&hpa, entry, root_entry_bytes); /* XSDT entries are not aligned */
		table = table_at(hpa);
		if (table && !memcmp(table->signature, signature, sizeof(table->signature)))
			return table;
	}
	return NULL;
}

static u8 madt_bytes_needed(u8 type)
{
	switch (type) {
	case ACPI_MADT_LAPIC:
		return 8;
	case ACPI_MADT_IOAPIC:
		return 12;
	case ACPI_MADT_OVERRIDE:
		return 10;
	default:
		return offsetof(struct acpi_madt_entry, lapic);
	}
}

const struct acpi_madt_entry *acpi_madt_next(const struct acpi_madt *madt,
					     const struct acpi_madt_entry *previous)
{
	const u8 *start = (const u8 *)(madt + 1), *end = (const u8 *)madt + madt->header.length;
	const u8 *at = previous ? (const u8 *)previous + previous->length : start;
	const struct acpi_madt_entry *entry = (const void *)at;

	if (at > end || (u64)(end - at) < madt_bytes_needed(0xff))
		return NULL;
	if (entry->length < madt_bytes_needed(entry->type) || entry->length > end - at)
		return NULL;
	return entry;
}
