// SPDX-License-Identifier: MIT
/*
 * The opcode maps of VEX, in the order of the maps.
 *
 * Source: SDM vol. 2D, appendix A "Opcode Map", and the pages of the instructions in volumes 2A to 2C; APM
 * vol. 4 and 6 for FMA4 (0F3A 5C..5F, 68..6F, 78..7F) and VPERMIL2.
 *
 * A row is a range of opcodes, the operation, the values of pp (N none, S 66, R F3, D F2), and what the form
 * takes: E memory or registers, MEM or REG one of them; V a register in vvvv (without it, vvvv is 1111b); L0
 * L1 L2 the vector lengths, all of them when none is named; W0 or W1, both when none is named. A second
 * number: only these values of ModRM.reg, a bit each.
 */
#include "x86/decode_vector_short.h"

/* clang-format off */

#define STRING  OP_SIMD_STRING
#define MASKMOV OP_SIMD_MASKMOV

#define TILES   FORM_TILES
#define O64     FORM_ONLY64
#define RM0     FORM_RM0
#define SIB     FORM_SIB

static const struct vector_form vex_0f[] = {
	{ 0x10, 0x11, SIMD,     N | S,     E },                         /* VMOVUPS .. VMOVUPD */
	{ 0x10, 0x11, SIMD,     R | D,     MEM },                       /* VMOVSS .. VMOVSD */
	{ 0x10, 0x11, SIMD,     R | D,     REG | V },                   /* VMOVSS .. VMOVSD */
	{ 0x12, 0x12, SIMD,     N,         E | V | L0 },                /* VMOVLPS VMOVHLPS */
	{ 0x12, 0x12, SIMD,     S,         MEM | V | L0 },              /* VMOVLPD */
	{ 0x12, 0x12, SIMD,     R | D,     E },                         /* VMOVSLDUP VMOVDDUP */
	{ 0x13, 0x13, SIMD,     N | S,     MEM | L0 },                  /* VMOVLPS VMOVLPD */
	{ 0x14, 0x15, SIMD,     N | S,     E | V },                     /* VUNPCKLPS .. VUNPCKHPD */
	{ 0x16, 0x16, SIMD,     N,         E | V | L0 },                /* VMOVHPS VMOVLHPS */
	{ 0x16, 0x16, SIMD,     S,         MEM | V | L0 },              /* VMOVHPD */
	{ 0x16, 0x16, SIMD,     R,         E },                         /* VMOVSHDUP */
	{ 0x17, 0x17, SIMD,     N | S,     MEM | L0 },                  /* VMOVHPS VMOVHPD */
	{ 0x28, 0x29, SIMD,     N | S,     E },                         /* VMOVAPS .. VMOVAPD */
	{ 0x2a, 0x2a, FROM_RM,  R | D,     E | V },                     /* VCVTSI2SS VCVTSI2SD */
	{ 0x2b, 0x2b, SIMD,     N | S,     MEM },                       /* VMOVNTPS VMOVNTPD */
	{ 0x2c, 0x2d, TO_REG,   R | D,     E },                         /* VCVTTSS2SI .. VCVTSD2SI */
	{ 0x2e, 0x2f, COMPARE,  N | S,     E },                         /* VUCOMISS .. VCOMISD */
	{ 0x41, 0x42, SIMD,     N | S,     REG | V | K | L1 },          /* KANDW .. KANDND */
	{ 0x44, 0x44, SIMD,     N | S,     REG | K | L0 },              /* KNOTW KNOTQ */
	{ 0x45, 0x47, SIMD,     N | S,     REG | V | K | L1 },          /* KORW .. KXORD */
	{ 0x4a, 0x4a, SIMD,     N | S,     REG | V | K | L1 },          /* KADDW KADDQ */
	{ 0x4b, 0x4b, SIMD,     N,         REG | V | K | L1 },          /* KUNPCKWD KUNPCKDQ */
	{ 0x4b, 0x4b, SIMD,     S,         REG | V | K | L1 | W0 },     /* KUNPCKBW */
	{ 0x50, 0x50, TO_REG,   N | S,     REG },                       /* VMOVMSKPS VMOVMSKPD */
	{ 0x51, 0x51, SIMD,     N | S,     E },                         /* VSQRTPS VSQRTPD */
	{ 0x51, 0x51, SIMD,     R | D,     E | V },                     /* VSQRTSS VSQRTSD */
	{ 0x52, 0x53, SIMD,     N,         E },                         /* VRSQRTPS .. VRCPPS */
	{ 0x52, 0x53, SIMD,     R,         E | V },                     /* VRSQRTSS .. VRCPSS */
	{ 0x54, 0x57, SIMD,     N | S,     E | V },                     /* VANDPS .. VXORPD */
	{ 0x58, 0x59, SIMD,     ANY,       E | V },                     /* VADDPS .. VMULSD */
	{ 0x5a, 0x5a, SIMD,     N | S,     E },                         /* VCVTPS2PD VCVTPD2PS */
	{ 0x5a, 0x5a, SIMD,     R | D,     E | V },                     /* VCVTSS2SD VCVTSD2SS */
	{ 0x5b, 0x5b, SIMD,     N | S | R, E },                         /* VCVTDQ2PS VCVTPS2DQ */
	{ 0x5c, 0x5f, SIMD,     ANY,       E | V },                     /* VSUBPS .. VMAXSD */
	{ 0x60, 0x6d, SIMD,     S,         E | V },                     /* VPUNPCKLBW .. VPUNPCKHQDQ */
	{ 0x6e, 0x6e, FROM_RM,  S,         E | L0 },                    /* VMOVD VMOVQ */
	{ 0x6f, 0x6f, SIMD,     S | R,     E },                         /* VMOVDQA VMOVDQU */
	{ 0x70, 0x70, SIMD,     S | R | D, E },                         /* VPSHUFD VPSHUFHW */
	{ 0x71, 0x72, SIMD,     S,         REG | V, 0x54 },             /* VPSRLW .. VPSLLD */
	{ 0x73, 0x73, SIMD,     S,         REG | V, 0xcc },             /* VPSRLQ VPSRLDQ */
	{ 0x74, 0x76, SIMD,     S,         E | V },                     /* VPCMPEQB .. VPCMPEQD */
	{ 0x77, 0x77, SIMD,     N,         E },                         /* VZEROUPPER VZEROALL */
	{ 0x7c, 0x7d, SIMD,     S | D,     E | V },                     /* VHADDPD .. VHSUBPS */
	{ 0x7e, 0x7e, TO_RM,    S,         E | L0 },                    /* VMOVD VMOVQ */
	{ 0x7e, 0x7e, SIMD,     R,         E | L0 },                    /* VMOVQ */
	{ 0x7f, 0x7f, SIMD,     S | R,     E },                         /* VMOVDQA VMOVDQU */
	{ 0x90, 0x90, SIMD,     N | S,     E | K | L0 },                /* KMOVW KMOVQ */
	{ 0x91, 0x91, SIMD,     N | S,     MEM | K | L0 },              /* KMOVW KMOVQ */
	{ 0x92, 0x92, FROM_RM,  N | S,     REG | K | L0 | W0 },         /* KMOVW KMOVB */
	{ 0x92, 0x92, FROM_RM,  D,         REG | K | L0 },              /* KMOVD KMOVQ */
	{ 0x93, 0x93, TO_REG,   N | S,     REG | L0 | W0 },             /* KMOVW KMOVB */
	{ 0x93, 0x93, TO_REG,   D,         REG | L0 },                  /* KMOVD KMOVQ */
	{ 0x98, 0x99, COMPARE,  N | S,     REG | K | L0 },              /* KORTESTW .. KTESTD */
	{ 0xae, 0xae, OP_FPU_STATE, N,         MEM | L0, 0x0c },        /* VLDMXCSR VSTMXCSR */
	{ 0xc2, 0xc2, SIMD,     ANY,       E | V },                     /* VCMPPS VCMPPD */
	{ 0xc4, 0xc4, FROM_RM,  S,         E | V | L0 },                /* VPINSRW */
	{ 0xc5, 0xc5, TO_REG,   S,         REG | L0 },                  /* VPEXTRW */
	{ 0xc6, 0xc6, SIMD,     N | S,     E | V },                     /* VSHUFPS VSHUFPD */
	{ 0xd0, 0xd0, SIMD,     S | D,     E | V },                     /* VADDSUBPD VADDSUBPS */
	{ 0xd1, 0xd5, SIMD,     S,         E | V },                     /* VPSRLW .. VPMULLW */
	{ 0xd6, 0xd6, SIMD,     S,         E | L0 },                    /* VMOVQ */
	{ 0xd7, 0xd7, TO_REG,   S,         REG },                       /* VPMOVMSKB */
	{ 0xd8, 0xe5, SIMD,     S,         E | V },                     /* VPSUBUSB .. VPMULHW */
	{ 0xe6, 0xe6, SIMD,     S | R | D, E },                         /* VCVTTPD2DQ VCVTDQ2PD */
	{ 0xe7, 0xe7, SIMD,     S,         MEM },                       /* VMOVNTDQ */
	{ 0xe8, 0xef, SIMD,     S,         E | V },                     /* VPSUBSB .. VPXOR */
	{ 0xf0, 0xf0, SIMD,     D,         MEM },                       /* VLDDQU */
	{ 0xf1, 0xf6, SIMD,     S,         E | V },                     /* VPSLLW .. VPSADBW */
	{ 0xf7, 0xf7, MASKMOV,  S,         REG | L0 },                  /* VMASKMOVDQU */
	{ 0xf8, 0xfe, SIMD,     S,         E | V },                     /* VPSUBB .. VPADDD */
};

static const struct vector_form vex_0f38[] = {
	{ 0x00, 0x0b, SIMD,     S,         E | V },                     /* VPSHUFB .. VPMULHRSW */
	{ 0x0c, 0x0d, SIMD,     S,         E | V | W0 },                /* VPERMILPS .. VPERMILPD */
	{ 0x0e, 0x0f, COMPARE,  S,         E | W0 },                    /* VTESTPS .. VTESTPD */
	{ 0x13, 0x13, SIMD,     S,         E | W0 },                    /* VCVTPH2PS */
	{ 0x16, 0x16, SIMD,     S,         E | V | L1 | W0 },           /* VPERMPS */
	{ 0x17, 0x17, COMPARE,  S,         E },                         /* VPTEST */
	{ 0x18, 0x18, SIMD,     S,         E | W0 },                    /* VBROADCASTSS */
	{ 0x19, 0x19, SIMD,     S,         E | L1 | W0 },               /* VBROADCASTSD */
	{ 0x1a, 0x1a, SIMD,     S,         MEM | L1 | W0 },             /* VBROADCASTF128 */
	{ 0x1c, 0x1e, SIMD,     S,         E },                         /* VPABSB .. VPABSD */
	{ 0x20, 0x25, SIMD,     S,         E },                         /* VPMOVSXBW .. VPMOVSXDQ */
	{ 0x28, 0x29, SIMD,     S,         E | V },                     /* VPMULDQ .. VPCMPEQQ */
	{ 0x2a, 0x2a, SIMD,     S,         MEM },                       /* VMOVNTDQA */
	{ 0x2b, 0x2b, SIMD,     S,         E | V },                     /* VPACKUSDW */
	{ 0x2c, 0x2f, SIMD,     S,         MEM | V | W0 },              /* VMASKMOVPS .. VMASKMOVPD */
	{ 0x30, 0x35, SIMD,     S,         E },                         /* VPMOVZXBW .. VPMOVZXDQ */
	{ 0x36, 0x36, SIMD,     S,         E | V | L1 | W0 },           /* VPERMD */
	{ 0x37, 0x40, SIMD,     S,         E | V },                     /* VPCMPGTQ .. VPMULLD */
	{ 0x41, 0x41, SIMD,     S,         E | L0 },                    /* VPHMINPOSUW */
	{ 0x45, 0x45, SIMD,     S,         E | V },                     /* VPSRLVD VPSRLVQ */
	{ 0x46, 0x46, SIMD,     S,         E | V | W0 },                /* VPSRAVD */
	{ 0x47, 0x47, SIMD,     S,         E | V },                     /* VPSLLVD VPSLLVQ */
	{ 0x49, 0x49, SIMD,     N,         MEM | L0 | W0 | O64, 0x01 }, /* LDTILECFG */
	{ 0x49, 0x49, SIMD,     N,         REG | L0 | W0 | O64 | RM0, 0x01 }, /* TILERELEASE */
	{ 0x49, 0x49, SIMD,     S,         MEM | L0 | W0 | O64, 0x01 }, /* STTILECFG */
	{ 0x49, 0x49, SIMD,     D,         REG | K | L0 | W0 | O64 | RM0 }, /* TILEZERO */
	{ 0x4b, 0x4b, SIMD,     S | R | D, MEM | K | L0 | W0 | O64 | SIB }, /* TILELOADDT1 TILESTORED TILELOADD */
	{ 0x50, 0x53, SIMD,     S,         E | V | W0 },                /* VPDPBUSD .. VPDPWSSDS */
	{ 0x58, 0x59, SIMD,     S,         E | W0 },                    /* VPBROADCASTD .. VPBROADCASTQ */
	{ 0x5a, 0x5a, SIMD,     S,         MEM | L1 | W0 },             /* VBROADCASTI128 */
	{ 0x5c, 0x5c, SIMD,     R,         REG | V | L0 | W0 | TILES | O64 | DIST }, /* TDPBF16PS */
	{ 0x5e, 0x5e, SIMD,     ANY,       REG | V | L0 | W0 | TILES | O64 | DIST }, /* TDPBUUD TDPBUSD */
	{ 0x78, 0x79, SIMD,     S,         E | W0 },                    /* VPBROADCASTB .. VPBROADCASTW */
	{ 0x8c, 0x8c, SIMD,     S,         MEM | V },                   /* VPMASKMOVD VPMASKMOVQ */
	{ 0x8e, 0x8e, SIMD,     S,         MEM | V },                   /* VPMASKMOVD VPMASKMOVQ */
	{ 0x90, 0x93, SIMD,     S,         MEM | V | VSIB | DIST },     /* VPGATHERDD .. VGATHERQPD */
	{ 0x96, 0x9f, SIMD,     S,         E | V },                     /* VFMADDSUB132PS .. VFNMSUB132SD */
	{ 0xa6, 0xaf, SIMD,     S,         E | V },                     /* VFMADDSUB213PS .. VFNMSUB213SD */
	{ 0xb6, 0xbf, SIMD,     S,         E | V },                     /* VFMADDSUB231PS .. VFNMSUB231SD */
	{ 0xcf, 0xcf, SIMD,     S,         E | V | W0 },                /* VGF2P8MULB */
	{ 0xdb, 0xdb, SIMD,     S,         E | L0 },                    /* VAESIMC */
	{ 0xdc, 0xdf, SIMD,     S,         E | V },                     /* VAESENC .. VAESDECLAST */
	{ 0xf2, 0xf2, OP_ANDN,  N,         E | V | L0 },                /* ANDN */
	{ 0xf3, 0xf3, OP_BLS,   N,         E | V | L0, 0x0e },          /* BLSR BLSMSK */
	{ 0xf5, 0xf5, OP_BZHI,  N,         E | V | L0 },                /* BZHI */
	{ 0xf5, 0xf5, OP_PDEP,  R | D,     E | V | L0 },                /* PEXT PDEP */
	{ 0xf6, 0xf6, OP_MULX,  D,         E | V | L0 },                /* MULX */
	{ 0xf7, 0xf7, OP_BEXTR, N,         E | V | L0 },                /* BEXTR */
	{ 0xf7, 0xf7, OP_SHIFTX, S | R | D, E | V | L0 },               /* SHLX SARX */
};

static const struct vector_form vex_0f3a[] = {
	{ 0x00, 0x01, SIMD,     S,         E | L1 | W1 },               /* VPERMQ .. VPERMPD */
	{ 0x02, 0x02, SIMD,     S,         E | V | W0 },                /* VPBLENDD */
	{ 0x04, 0x05, SIMD,     S,         E | W0 },                    /* VPERMILPS .. VPERMILPD */
	{ 0x06, 0x06, SIMD,     S,         E | V | L1 | W0 },           /* VPERM2F128 */
	{ 0x08, 0x09, SIMD,     S,         E },                         /* VROUNDPS .. VROUNDPD */
	{ 0x0a, 0x0f, SIMD,     S,         E | V },                     /* VROUNDSS .. VPALIGNR */
	{ 0x14, 0x17, TO_RM,    S,         E | L0 },                    /* VPEXTRB .. VEXTRACTPS */
	{ 0x18, 0x18, SIMD,     S,         E | V | L1 | W0 },           /* VINSERTF128 */
	{ 0x19, 0x19, SIMD,     S,         E | L1 | W0 },               /* VEXTRACTF128 */
	{ 0x1d, 0x1d, SIMD,     S,         E | W0 },                    /* VCVTPS2PH */
	{ 0x20, 0x20, FROM_RM,  S,         E | V | L0 },                /* VPINSRB */
	{ 0x21, 0x21, SIMD,     S,         E | V | L0 },                /* VINSERTPS */
	{ 0x22, 0x22, FROM_RM,  S,         E | V | L0 },                /* VPINSRD VPINSRQ */
	{ 0x30, 0x33, SIMD,     S,         REG | K | L0 },              /* KSHIFTRB .. KSHIFTLQ */
	{ 0x38, 0x38, SIMD,     S,         E | V | L1 | W0 },           /* VINSERTI128 */
	{ 0x39, 0x39, SIMD,     S,         E | L1 | W0 },               /* VEXTRACTI128 */
	{ 0x40, 0x40, SIMD,     S,         E | V },                     /* VDPPS */
	{ 0x41, 0x41, SIMD,     S,         E | V | L0 },                /* VDPPD */
	{ 0x42, 0x42, SIMD,     S,         E | V },                     /* VMPSADBW */
	{ 0x44, 0x44, SIMD,     S,         E | V },                     /* VPCLMULQDQ */
	{ 0x46, 0x46, SIMD,     S,         E | V | L1 | W0 },           /* VPERM2I128 */
	{ 0x48, 0x49, SIMD,     S,         E | V },                     /* VPERMIL2PS .. VPERMIL2PD */
	{ 0x4a, 0x4c, SIMD,     S,         E | V | W0 },                /* VBLENDVPS .. VPBLENDVB */
	{ 0x5c, 0x5f, SIMD,     S,         E | V },                     /* VFMADDSUBPS .. VFMSUBADDPD */
	{ 0x60, 0x63, STRING,   S,         E | L0 },                    /* VPCMPESTRM .. VPCMPISTRI */
	{ 0x68, 0x6f, SIMD,     S,         E | V },                     /* VFMADDPS .. VFMSUBSD */
	{ 0x78, 0x7f, SIMD,     S,         E | V },                     /* VFNMADDPS .. VFNMSUBSD */
	{ 0xce, 0xcf, SIMD,     S,         E | V | W1 },                /* VGF2P8AFFINEQB .. VGF2P8AFFINEINVQB */
	{ 0xdf, 0xdf, SIMD,     S,         E | L0 },                    /* VAESKEYGENASSIST */
	{ 0xf0, 0xf0, OP_RORX,  D,         E | L0 },                    /* RORX */
};

#define MAP(rows) { rows, ARRAY_SIZE(rows) }

const struct vector_map vex_maps[VECTOR_MAPS] = {
	[MAP_0F] = MAP(vex_0f),
	[MAP_0F38] = MAP(vex_0f38),
	[MAP_0F3A] = MAP(vex_0f3a),
};
