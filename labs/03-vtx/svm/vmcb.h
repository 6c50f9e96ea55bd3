/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine control block: the page that VMRUN reads and #VMEXIT writes.
 * Source: APM vol. 2, appendix B "Layout of VMCB"; 15.5.1 "Basic Operation"; appendix C "SVM Intercept Exit
 * Codes".
 */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

/* Byte offsets for assembly. */
#define VMCB_OFFSET_RAX 0x5f8

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* ---- intercepts, offset 000h: a bit each, in words of 32 ---- */

/* 000h: reads of CR0 to CR15 in the low half, writes in the high half; 004h: the same for DR0 to DR15 */
#define VMCB_INTERCEPT_READ(n)     BIT(n)
#define VMCB_INTERCEPT_WRITE(n)    BIT(16 + (n))

/* 008h: exceptions, by vector */

/* 00Ch */
#define VMCB_INTERCEPT_INTR        BIT(0)
#define VMCB_INTERCEPT_NMI         BIT(1)
#define VMCB_INTERCEPT_SMI         BIT(2)
#define VMCB_INTERCEPT_INIT        BIT(3)
#define VMCB_INTERCEPT_VINTR       BIT(4)
#define VMCB_INTERCEPT_CR0_SEL     BIT(5) /* writes of CR0 that change more than TS and MP */
#define VMCB_INTERCEPT_IDTR_READ   BIT(6)
#define VMCB_INTERCEPT_GDTR_READ   BIT(7)
#define VMCB_INTERCEPT_LDTR_READ   BIT(8)
#define VMCB_INTERCEPT_TR_READ     BIT(9)
#define VMCB_INTERCEPT_IDTR_WRITE  BIT(10)
#define VMCB_INTERCEPT_GDTR_WRITE  BIT(11)
#define VMCB_INTERCEPT_LDTR_WRITE  BIT(12)
#define VMCB_INTERCEPT_TR_WRITE    BIT(13)
#define VMCB_INTERCEPT_RDTSC       BIT(14)
#define VMCB_INTERCEPT_RDPMC       BIT(15)
#define VMCB_INTERCEPT_PUSHF       BIT(16)
#define VMCB_INTERCEPT_POPF        BIT(17)
#define VMCB_INTERCEPT_CPUID       BIT(18)
#define VMCB_INTERCEPT_RSM         BIT(19)
#define VMCB_INTERCEPT_IRET        BIT(20)
#define VMCB_INTERCEPT_INTN        BIT(21)
#define VMCB_INTERCEPT_INVD        BIT(22)
#define VMCB_INTERCEPT_PAUSE       BIT(23)
#define VMCB_INTERCEPT_HLT         BIT(24)
#define VMCB_INTERCEPT_INVLPG      BIT(25)
#define VMCB_INTERCEPT_INVLPGA     BIT(26)
#define VMCB_INTERCEPT_IOIO        BIT(27) /* ports, by the I/O permission map */
#define VMCB_INTERCEPT_MSR         BIT(28) /* MSRs, by the MSR permission map */
#define VMCB_INTERCEPT_TASK_SWITCH BIT(29)
#define VMCB_INTERCEPT_FERR        BIT(30)
#define VMCB_INTERCEPT_SHUTDOWN    BIT(31)

/* 010h */
#define VMCB_INTERCEPT_VMRUN       BIT(0) /* has to be set */
#define VMCB_INTERCEPT_VMMCALL     BIT(1)
#define VMCB_INTERCEPT_VMLOAD      BIT(2)
#define VMCB_INTERCEPT_VMSAVE      BIT(3)
#define VMCB_INTERCEPT_STGI        BIT(4)
#define VMCB_INTERCEPT_CLGI        BIT(5)
#define VMCB_INTERCEPT_SKINIT      BIT(6)
#define VMCB_INTERCEPT_RDTSCP      BIT(7)
#define VMCB_INTERCEPT_ICEBP       BIT(8)
#define VMCB_INTERCEPT_WBINVD      BIT(9)
#define VMCB_INTERCEPT_MONITOR     BIT(10)
#define VMCB_INTERCEPT_MWAIT       BIT(11)
#define VMCB_INTERCEPT_MWAIT_ARMED BIT(12)
#define VMCB_INTERCEPT_XSETBV      BIT(13)
#define VMCB_INTERCEPT_RDPRU       BIT(14)
#define VMCB_INTERCEPT_EFER_TRAP   BIT(15) /* after a write of EFER */

/* 014h */
#define VMCB_INTERCEPT_INVLPGB     BIT(0)
#define VMCB_INTERCEPT_INVLPGB_ILL BIT(1)
#define VMCB_INTERCEPT_INVPCID     BIT(2)
#define VMCB_INTERCEPT_MCOMMIT     BIT(3)
#define VMCB_INTERCEPT_TLBSYNC     BIT(4)

/* ---- other fields of the control area ---- */

/* 05Ch TLB_CONTROL */
#define VMCB_TLB_NOTHING           0
#define VMCB_TLB_FLUSH_ALL         1 /* every ASID's translations */
#define VMCB_TLB_FLUSH_ASID        3 /* this guest's; needs FlushByAsid */
#define VMCB_TLB_FLUSH_NONGLOBAL   7 /* this guest's but for global pages; needs FlushByAsid */

/* 060h: the virtual interrupt controller */
#define VMCB_V_TPR                 0x000000ff
#define VMCB_V_TPR_CR8             0x0000000f /* what MOV CR8 reads and writes; the rest SBZ */
#define VMCB_V_IRQ                 BIT(8)     /* a virtual interrupt is pending */
#define VMCB_V_GIF                 BIT(9)
#define VMCB_V_INTR_PRIO           0x000f0000
#define VMCB_V_INTR_PRIO_SHIFT     16
#define VMCB_V_IGN_TPR             BIT(20) /* V_TPR does not hold the virtual interrupt back */
#define VMCB_V_INTR_MASKING        BIT(24) /* RFLAGS.IF and CR8 of the guest mask virtual interrupts alone */
#define VMCB_V_GIF_ENABLE          BIT(25)

/* 068h */
#define VMCB_INTERRUPT_SHADOW      BIT(0)

/* 088h EXITINTINFO, 0A8h EVENTINJ */
#define VMCB_EVENT_VECTOR          0xffULL
#define VMCB_EVENT_TYPE            0x700ULL
#define VMCB_EVENT_TYPE_INTR       0x000ULL
#define VMCB_EVENT_TYPE_NMI        0x200ULL
#define VMCB_EVENT_TYPE_EXCEPTION  0x300ULL
#define VMCB_EVENT_TYPE_SOFTWARE   0x400ULL /* INT n */
#define VMCB_EVENT_EV              BIT(11)  /* pushes an error code: bits 63:32 */
#define VMCB_EVENT_V               BIT(31)
#define VMCB_EVENT_ERROR_SHIFT     32

/* 090h */
#define VMCB_NP_ENABLE             BIT(0)

/* 0C0h: what has not changed since the last #VMEXIT. APM vol. 2, 15.15.3 "VMCB Clean Field" */
#define VMCB_CLEAN_I               BIT(0) /* intercepts, TSC_OFFSET, pause filter */
#define VMCB_CLEAN_IOPM            BIT(1) /* IOPM_BASE_PA, MSRPM_BASE_PA */
#define VMCB_CLEAN_ASID            BIT(2)
#define VMCB_CLEAN_TPR             BIT(3) /* 060h: V_TPR, V_IRQ, V_INTR_PRIO, V_IGN_TPR, V_INTR_MASKING */
#define VMCB_CLEAN_NP              BIT(4)
#define VMCB_CLEAN_CRX             BIT(5) /* CR0, CR3, CR4, EFER */
#define VMCB_CLEAN_DRX             BIT(6) /* DR6, DR7 */
#define VMCB_CLEAN_DT              BIT(7) /* GDT, IDT */
#define VMCB_CLEAN_SEG             BIT(8) /* CS, DS, SS, ES, CPL */
#define VMCB_CLEAN_CR2             BIT(9)
#define VMCB_CLEAN_LBR             BIT(10)
#define VMCB_CLEAN_ALL             0x7ff

/* EXITINFO1 of IOIO. APM vol. 2, 15.10.2 "IN and OUT Behavior" */
#define VMCB_IOIO_IN               BIT(0)
#define VMCB_IOIO_STR              BIT(2)
#define VMCB_IOIO_REP              BIT(3)
#define VMCB_IOIO_SIZE_SHIFT       4 /* SZ8, SZ16, SZ32: a bit each */
#define VMCB_IOIO_SIZE_MASK        7
#define VMCB_IOIO_ADDR_SHIFT       7 /* A16, A32, A64: a bit each */
#define VMCB_IOIO_ADDR_MASK        7
#define VMCB_IOIO_SEG_SHIFT        10 /* with decode assists alone */
#define VMCB_IOIO_SEG_MASK         7
#define VMCB_IOIO_PORT_SHIFT       16

/* EXITINFO1 of MOV CRx with decode assists. APM vol. 2, 15.8.1 "MOV CRx/DRx Intercepts" */
#define VMCB_MOV_CR_VALID          BIT(63)
#define VMCB_MOV_CR_GPR            0xf

/* The attributes of a segment: bits 55:52 and 47:40 of the descriptor, side by side. */
#define VMCB_SEG_ATTR_LOW          0x0ff /* type, S, DPL, P */
#define VMCB_SEG_ATTR_HIGH         0xf00 /* AVL, L, D/B, G */
#define VMCB_SEG_ATTR_HIGH_SHIFT   4     /* from here to SEG_ATTR_* */
#define VMCB_SEG_P                 0x080
#define VMCB_SEG_L                 0x200
#define VMCB_SEG_DB                0x400

struct vmcb_segment {
	u16 selector; /* 0 */
	u16 attr;     /* 2: VMCB_SEG_* */
	u32 limit;    /* 4: in bytes */
	u64 base;     /* 8 */
};
_Static_assert(sizeof(struct vmcb_segment) == 16, "segment register in the VMCB");

struct vmcb_control {
	u32 intercept_cr;           /* 000 */
	u32 intercept_dr;           /* 004 */
	u32 intercept_exceptions;   /* 008 */
	u32 intercept_misc1;        /* 00c */
	u32 intercept_misc2;        /* 010 */
	u32 intercept_misc3;        /* 014 */
	u8 reserved018[0x24];       /* 018 */
	u16 pause_filter_threshold; /* 03c */
	u16 pause_filter_count;     /* 03e */
	u64 iopm_base_pa;           /* 040 */
	u64 msrpm_base_pa;          /* 048 */
	u64 tsc_offset;             /* 050 */
	u32 guest_asid;             /* 058 */
	u8 tlb_control;             /* 05c */
	u8 reserved05d[3];          /* 05d */
	u32 v_intr;                 /* 060: VMCB_V_* */
	u8 v_intr_vector;           /* 064 */
	u8 reserved065[3];          /* 065 */
	u64 interrupt_shadow;       /* 068 */
	u64 exitcode;               /* 070 */
	u64 exitinfo1;              /* 078 */
	u64 exitinfo2;              /* 080 */
	u64 exitintinfo;            /* 088 */
	u64 np_enable;              /* 090 */
	u64 avic_apic_bar;          /* 098 */
	u64 ghcb_pa;                /* 0a0 */
	u64 eventinj;               /* 0a8 */
	u64 n_cr3;                  /* 0b0 */
	u64 lbr_virtualization;     /* 0b8 */
	u32 clean;                  /* 0c0 */
	u32 reserved0c4;            /* 0c4 */
	u64 nrip;                   /* 0c8 */
	u8 fetched_count;           /* 0d0: decode assists, of #PF */
	u8 fetched[15];             /* 0d1 */
	u64 avic_backing_page;      /* 0e0 */
	u64 reserved0e8;            /* 0e8 */
	u64 avic_logical_table;     /* 0f0 */
	u64 avic_physical_table;    /* 0f8 */
	u8 reserved100[0x300];      /* 100 */
};
_Static_assert(offsetof(struct vmcb_control, pause_filter_threshold) == 0x03c, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, guest_asid) == 0x058, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, interrupt_shadow) == 0x068, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, np_enable) == 0x090, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, eventinj) == 0x0a8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, nrip) == 0x0c8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, avic_physical_table) == 0x0f8, "APM vol. 2, table B-1");
_Static_assert(sizeof(struct vmcb_control) == 0x400, "the control area of the VMCB");

/* FS, GS, TR, LDTR, KernelGsBase, STAR to SFMASK and SYSENTER_* are for VMLOAD and VMSAVE alone. */
struct vmcb_save {
	struct vmcb_segment es;   /* 000 */
	struct vmcb_segment cs;   /* 010 */
	struct vmcb_segment ss;   /* 020 */
	struct vmcb_segment ds;   /* 030 */
	struct vmcb_segment fs;   /* 040 */
	struct vmcb_segment gs;   /* 050 */
	struct vmcb_segment gdtr; /* 060: limit and base */
	struct vmcb_segment ldtr; /* 070 */
	struct vmcb_segment idtr; /* 080: limit and base */
	struct vmcb_segment tr;   /* 090 */
	u8 reserved0a0[0x2b];     /* 0a0 */
	u8 cpl;                   /* 0cb */
	u32 reserved0cc;          /* 0cc */
	u64 efer;                 /* 0d0 */
	u8 reserved0d8[0x70];     /* 0d8 */
	u64 cr4;                  /* 148 */
	u64 cr3;                  /* 150 */
	u64 cr0;                  /* 158 */
	u64 dr7;                  /* 160 */
	u64 dr6;                  /* 168 */
	u64 rflags;               /* 170 */
	u64 rip;                  /* 178 */
	u8 reserved180[0x58];     /* 180 */
	u64 rsp;                  /* 1d8 */
	u8 reserved1e0[0x18];     /* 1e0: shadow stacks */
	u64 rax;                  /* 1f8 */
	u64 star;                 /* 200 */
	u64 lstar;                /* 208 */
	u64 cstar;                /* 210 */
	u64 sfmask;               /* 218 */
	u64 kernel_gs_base;       /* 220 */
	u64 sysenter_cs;          /* 228 */
	u64 sysenter_esp;         /* 230 */
	u64 sysenter_eip;         /* 238 */
	u64 cr2;                  /* 240 */
	u8 reserved248[0x20];     /* 248 */
	u64 g_pat;                /* 268: with nested paging alone */
	u64 dbgctl;               /* 270 */
	u64 br_from;              /* 278 */
	u64 br_to;                /* 280 */
	u64 lastexcpfrom;         /* 288 */
	u64 lastexcpto;           /* 290 */
	u8 reserved298[0x968];    /* 298 */
};
_Static_assert(offsetof(struct vmcb_save, cpl) == 0x0cb, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, cr4) == 0x148, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, rsp) == 0x1d8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, rax) == 0x1f8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, cr2) == 0x240, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, g_pat) == 0x268, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, lastexcpto) == 0x290, "APM vol. 2, table B-2");

struct vmcb {
	struct vmcb_control control; /* 000 */
	struct vmcb_save save;       /* 400 */
};
_Static_assert(sizeof(struct vmcb) == 0x1000, "a VMCB is a page");
_Static_assert(offsetof(struct vmcb, save.rax) == VMCB_OFFSET_RAX, "for assembly");

/* ---- EXITCODE, 070h ---- */

// clang-format off
enum svm_exitcode {
	SVM_EXIT_CR0_READ           = 0x000, /* to 00Fh: CR15 */
	SVM_EXIT_CR0_WRITE          = 0x010, /* to 01Fh */
	SVM_EXIT_DR0_READ           = 0x020, /* to 02Fh: DR15 */
	SVM_EXIT_DR0_WRITE          = 0x030, /* to 03Fh */
	SVM_EXIT_EXCP0              = 0x040, /* to 05Fh: by vector */
	SVM_EXIT_INTR               = 0x060,
	SVM_EXIT_NMI                = 0x061,
	SVM_EXIT_SMI                = 0x062,
	SVM_EXIT_INIT               = 0x063,
	SVM_EXIT_VINTR              = 0x064,
	SVM_EXIT_CR0_SEL_WRITE      = 0x065,
	SVM_EXIT_IDTR_READ          = 0x066,
	SVM_EXIT_GDTR_READ          = 0x067,
	SVM_EXIT_LDTR_READ          = 0x068,
	SVM_EXIT_TR_READ            = 0x069,
	SVM_EXIT_IDTR_WRITE         = 0x06a,
	SVM_EXIT_GDTR_WRITE         = 0x06b,
	SVM_EXIT_LDTR_WRITE         = 0x06c,
	SVM_EXIT_TR_WRITE           = 0x06d,
	SVM_EXIT_RDTSC              = 0x06e,
	SVM_EXIT_RDPMC              = 0x06f,
	SVM_EXIT_PUSHF              = 0x070,
	SVM_EXIT_POPF               = 0x071,
	SVM_EXIT_CPUID              = 0x072,
	SVM_EXIT_RSM                = 0x073,
	SVM_EXIT_IRET               = 0x074,
	SVM_EXIT_SWINT              = 0x075,
	SVM_EXIT_INVD               = 0x076,
	SVM_EXIT_PAUSE              = 0x077,
	SVM_EXIT_HLT                = 0x078,
	SVM_EXIT_INVLPG             = 0x079,
	SVM_EXIT_INVLPGA            = 0x07a,
	SVM_EXIT_IOIO               = 0x07b,
	SVM_EXIT_MSR                = 0x07c,
	SVM_EXIT_TASK_SWITCH        = 0x07d,
	SVM_EXIT_FERR_FREEZE        = 0x07e,
	SVM_EXIT_SHUTDOWN           = 0x07f,
	SVM_EXIT_VMRUN              = 0x080,
	SVM_EXIT_VMMCALL            = 0x081,
	SVM_EXIT_VMLOAD             = 0x082,
	SVM_EXIT_VMSAVE             = 0x083,
	SVM_EXIT_STGI               = 0x084,
	SVM_EXIT_CLGI               = 0x085,
	SVM_EXIT_SKINIT             = 0x086,
	SVM_EXIT_RDTSCP             = 0x087,
	SVM_EXIT_ICEBP              = 0x088,
	SVM_EXIT_WBINVD             = 0x089,
	SVM_EXIT_MONITOR            = 0x08a,
	SVM_EXIT_MWAIT              = 0x08b,
	SVM_EXIT_MWAIT_CONDITIONAL  = 0x08c,
	SVM_EXIT_XSETBV             = 0x08d,
	SVM_EXIT_RDPRU              = 0x08e,
	SVM_EXIT_EFER_WRITE_TRAP    = 0x08f,
	SVM_EXIT_CR0_WRITE_TRAP     = 0x090, /* to 09Fh: CR15 */
	SVM_EXIT_INVLPGB            = 0x0a0,
	SVM_EXIT_INVLPGB_ILLEGAL    = 0x0a1,
	SVM_EXIT_INVPCID            = 0x0a2,
	SVM_EXIT_MCOMMIT            = 0x0a3,
	SVM_EXIT_TLBSYNC            = 0x0a4,
	SVM_EXIT_COUNT,                      /* of those in the table of names */
	SVM_EXIT_NPF                = 0x400,
	SVM_EXIT_AVIC_INCOMPLETE_IPI = 0x401,
	SVM_EXIT_AVIC_NOACCEL       = 0x402,
	SVM_EXIT_VMGEXIT            = 0x403,
};
// clang-format on

#define SVM_EXIT_INVALID (~0ULL) /* VMEXIT_INVALID: VMRUN refused the state */
#endif

#endif
