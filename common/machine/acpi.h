/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables, as far as they are plain data: finding and checking them, and the entries of the MADT. No AML.
 *
 * Source: ACPI Specification 6.3, 5.2 "ACPI System Description Tables".
 */
#ifndef MACHINE_ACPI_H
#define MACHINE_ACPI_H

#include "lib/types.h"

struct acpi_header {
	char signature[4];    /* 0 */
	u32 length;           /* 4: of the whole table */
	u8 revision;          /* 8 */
	u8 checksum;          /* 9: makes the sum of all bytes 0 */
	char oem_id[6];       /* 10 */
	char oem_table_id[8]; /* 16 */
	u32 oem_revision;     /* 24 */
	u32 creator_id;       /* 28 */
	u32 creator_revision; /* 32 */
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

/*
 * Looks for the root of the tables in memory that is mapped at `memory` from hpa 0 on and `size` bytes long;
 * nothing beyond it is read. False: there is none, or its checksum is wrong.
 */
bool acpi_init(const void *memory, u64 size);

/* The first table with this signature (four characters) that lies in the memory and has the right checksum;
 * NULL: none. */
const struct acpi_header *acpi_find(const char *signature);

/* ---- MADT, signature "APIC" (5.2.12) ---- */

#define ACPI_MADT_PCAT_COMPAT 1 /* flags: there are two 8259 too */

struct acpi_madt {
	struct acpi_header header; /* 0 */
	u32 lapic_hpa;             /* 36 */
	u32 flags;                 /* 40 */
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_madt) == 44, "ACPI 5.2.12");

enum acpi_madt_type {
	ACPI_MADT_LAPIC = 0,
	ACPI_MADT_IOAPIC = 1,
	ACPI_MADT_OVERRIDE = 2,
};

#define ACPI_LAPIC_ENABLED 1

struct acpi_madt_entry {
	u8 type;   /* 0 */
	u8 length; /* 1: of the whole entry */
	union {
		struct {
			u8 uid;     /* 2 */
			u8 apic_id; /* 3 */
			u32 flags;  /* 4 */
		} __attribute__((packed)) lapic;
		struct {
			u8 id;        /* 2 */
			u8 reserved;  /* 3 */
			u32 hpa;      /* 4 */
			u32 gsi_base; /* 8 */
		} __attribute__((packed)) ioapic;
		struct {
			u8 bus;    /* 2 */
			u8 source; /* 3: ISA interrupt */
			u32 gsi;   /* 4 */
			u16 flags; /* 8 */
		} __attribute__((packed)) override;
	};
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_madt_entry) == 12, "ACPI 5.2.12.2 to 5.2.12.5");

/*
 * The entry behind `previous` (NULL: the first one); NULL at the end, and at an entry that is shorter than
 * its type needs or reaches beyond the table.
 */
const struct acpi_madt_entry *acpi_madt_next(const struct acpi_madt *madt,
					     const struct acpi_madt_entry *previous);

#endif
