/* SPDX-License-Identifier: MIT */
/*
 * Segment descriptors, gates and the 64-bit TSS.
 * Source: SDM vol. 3A, 3.4.5 "Segment Descriptors", 6.14.1 "64-Bit Mode IDT", 8.7 "Task Management in 64-bit
 * Mode".
 */
#ifndef X86_DESC_H
#define X86_DESC_H

/* A selector: index, table, requested privilege level. */
#define SEL_RPL              0x0003
#define SEL_TI               0x0004
#define SEL_INDEX            0xfff8

/*
 * Attributes of a segment in the form of VMX access rights: bits 0..7 are byte 5 of the descriptor (type, S,
 * DPL, P), bits 12..15 the high half of byte 6 (AVL, L, D/B, G), bit 16 "unusable". SDM vol. 3C, 24.4.1
 * "Guest Register State".
 */
#define SEG_ATTR_TYPE        0x0000f
#define SEG_ATTR_S           0x00010
#define SEG_ATTR_DPL         0x00060
#define SEG_ATTR_DPL_SHIFT   5
#define SEG_ATTR_P           0x00080
#define SEG_ATTR_AVL         0x01000
#define SEG_ATTR_L           0x02000
#define SEG_ATTR_DB          0x04000
#define SEG_ATTR_G           0x08000
#define SEG_ATTR_UNUSABLE    0x10000

/* Types with S = 1 */
#define SEG_TYPE_ACCESSED    0x1
#define SEG_TYPE_WRITABLE    0x2 /* data */
#define SEG_TYPE_READABLE    0x2 /* code */
#define SEG_TYPE_EXPAND_DOWN 0x4 /* data */
#define SEG_TYPE_CONFORMING  0x4 /* code */
#define SEG_TYPE_CODE        0x8

/* Types with S = 0, in IA-32e mode */
#define SYS_TYPE_LDT         0x2
#define SYS_TYPE_TSS_AVAIL   0x9
#define SYS_TYPE_TSS_BUSY    0xb
#define SYS_TYPE_CALL_GATE   0xc
#define SYS_TYPE_INTR_GATE   0xe
#define SYS_TYPE_TRAP_GATE   0xf

/* Byte offsets in struct tss64, for assembly. */
#define TSS_RSP0             4
#define TSS_IST1             36

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* What LGDT, LIDT, SGDT and SIDT read and write in 64-bit mode. */
struct desc_ptr {
	u16 limit;
	u64 base;
} __attribute__((packed));
_Static_assert(sizeof(struct desc_ptr) == 10, "pseudo-descriptor");

/* A segment register: the selector and the hidden part. limit is in bytes, already scaled by G. */
struct segment {
	u16 selector;
	u32 attr; /* SEG_ATTR_* */
	u32 limit;
	u64 base;
};

struct gate64 {
	u16 offset_low;  /* 0 */
	u16 selector;    /* 2 */
	u8 ist;          /* 4: bits 0..2 */
	u8 attr;         /* 5: type, DPL, P as in a descriptor */
	u16 offset_mid;  /* 6 */
	u32 offset_high; /* 8 */
	u32 reserved;    /* 12 */
};
_Static_assert(sizeof(struct gate64) == 16, "64-bit gate");

struct tss64 {
	u32 reserved0;
	u64 rsp[3];    /* 4 */
	u64 reserved1; /* 28 */
	u64 ist[7];    /* 36: IST1 is ist[0] */
	u64 reserved2; /* 92 */
	u16 reserved3; /* 100 */
	u16 iopb;      /* 102: offset of the I/O permission bitmap */
} __attribute__((packed));
_Static_assert(sizeof(struct tss64) == 104, "64-bit TSS");
_Static_assert(offsetof(struct tss64, rsp) == TSS_RSP0 && offsetof(struct tss64, ist) == TSS_IST1,
	       "TSS offsets");

/* The 8-byte form of a code or data segment, or the low half of a system descriptor. attr: SEG_ATTR_*. */
static inline u64 desc_make(u32 base, u32 limit, u32 attr)
{
	if (attr & SEG_ATTR_G)
		limit >>= 12;
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
	       (u64)(limit >> 16 & 0xf) << 48 | (u64)(attr >> 12 & 0xf) << 52 | (u64)(base >> 24) << 56;
}

/* Takes a descriptor apart. `high` is the second half of a system descriptor in IA-32e mode, otherwise 0. */
static inline struct segment desc_unpack(u16 selector, u64 low, u64 high)
{
	struct segment s = {
		.selector = selector,
		.attr = (u32)(low >> 40 & 0xff) | (u32)(low >> 52 & 0xf) << 12,
		.limit = (u32)(low & 0xffff) | (u32)(low >> 48 & 0xf) << 16,
		.base = (low >> 16 & 0xffffff) | (low >> 56 & 0xff) << 24 | high << 32,
	};

	if (s.attr & SEG_ATTR_G)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

static inline unsigned seg_dpl(u32 attr)
{
	return (attr & SEG_ATTR_DPL) >> SEG_ATTR_DPL_SHIFT;
}

static inline u64 gate_offset(const struct gate64 *g)
{
	return g->offset_low | (u64)g->offset_mid << 16 | (u64)g->offset_high << 32;
}

/* dpl 0..3, ist 0..7 (0: none), type SYS_TYPE_* */
static inline struct gate64 gate_make(u64 offset, u16 selector, unsigned type, unsigned dpl, unsigned ist)
{
	return (struct gate64){
		.offset_low = (u16)offset,
		.selector = selector,
		.ist = (u8)ist,
		.attr = (u8)(SEG_ATTR_P | dpl << SEG_ATTR_DPL_SHIFT | type),
		.offset_mid = (u16)(offset >> 16),
		.offset_high = (u32)(offset >> 32),
	};
}
#endif

#endif
