// SPDX-License-Identifier: MIT
/*
 * The opcode maps of EVEX, in the order of the maps.
 *
 * Source: SDM vol. 2D, appendix A "Opcode Map", and the pages of the instructions in volumes 2A to 2C; of
 * maps 5 and 6 the Intel AVX512-FP16 Architecture Specification.
 *
 * A row is a range of opcodes, the operation, the values of pp (N none, S 66, R F3, D F2), and what the form
 * takes: E memory or registers, MEM or REG one of them; V a register in vvvv (without it, vvvv is 1111b); L0
 * L1 L2 the vector lengths, all of them when none is named; W0 or W1, both when none is named. B broadcasts
 * from memory; ER rounds, or suppresses exceptions, with registers; MASK can be masked, MZ with zeros too,
 * KREQ must be. A second number: only these values of ModRM.reg, a bit each.
 */
#include "x86/decode_vector_short.h"

/* clang-format off */

#define L2      FORM_L2
#define L12     (FORM_L1 | FORM_L2)
#define B       FORM_BROADCAST
#define ER      FORM_ROUNDING
#define MASK    FORM_MASK
#define MZ      (FORM_MASK | FORM_ZEROING)
#define KREQ    (FORM_MASK | FORM_MASK_NEEDED)

static const struct vector_form evex_0f[] = {
	{ 0x10, 0x10, SIMD,     N,         E | W0 | MZ },               /* VMOVUPS */
	{ 0x10, 0x10, SIMD,     S,         E | W1 | MZ },               /* VMOVUPD */
	{ 0x10, 0x10, SIMD,     R,         MEM | W0 | MZ },             /* VMOVSS */
	{ 0x10, 0x10, SIMD,     R,         REG | V | W0 | MZ },         /* VMOVSS */
	{ 0x10, 0x10, SIMD,     D,         MEM | W1 | MZ },             /* VMOVSD */
	{ 0x10, 0x10, SIMD,     D,         REG | V | W1 | MZ },         /* VMOVSD */
	{ 0x11, 0x11, SIMD,     N,         REG | W0 | MZ },             /* VMOVUPS */
	{ 0x11, 0x11, SIMD,     N | R,     MEM | W0 | MASK },           /* VMOVUPS VMOVSS */
	{ 0x11, 0x11, SIMD,     S,         REG | W1 | MZ },             /* VMOVUPD */
	{ 0x11, 0x11, SIMD,     S | D,     MEM | W1 | MASK },           /* VMOVUPD VMOVSD */
	{ 0x11, 0x11, SIMD,     R,         REG | V | W0 | MZ },         /* VMOVSS */
	{ 0x11, 0x11, SIMD,     D,         REG | V | W1 | MZ },         /* VMOVSD */
	{ 0x12, 0x12, SIMD,     N,         E | V | L0 | W0 },           /* VMOVLPS VMOVHLPS */
	{ 0x12, 0x12, SIMD,     S,         MEM | V | L0 | W1 },         /* VMOVLPD */
	{ 0x12, 0x12, SIMD,     R,         E | W0 | MZ },               /* VMOVSLDUP */
	{ 0x12, 0x12, SIMD,     D,         E | W1 | MZ },               /* VMOVDDUP */
	{ 0x13, 0x13, SIMD,     N,         MEM | L0 | W0 },             /* VMOVLPS */
	{ 0x13, 0x13, SIMD,     S,         MEM | L0 | W1 },             /* VMOVLPD */
	{ 0x14, 0x15, SIMD,     N,         E | V | W0 | B | MZ },       /* VUNPCKLPS .. VUNPCKHPS */
	{ 0x14, 0x15, SIMD,     S,         E | V | W1 | B | MZ },       /* VUNPCKLPD .. VUNPCKHPD */
	{ 0x16, 0x16, SIMD,     N,         E | V | L0 | W0 },           /* VMOVHPS VMOVLHPS */
	{ 0x16, 0x16, SIMD,     S,         MEM | V | L0 | W1 },         /* VMOVHPD */
	{ 0x16, 0x16, SIMD,     R,         E | W0 | MZ },               /* VMOVSHDUP */
	{ 0x17, 0x17, SIMD,     N,         MEM | L0 | W0 },             /* VMOVHPS */
	{ 0x17, 0x17, SIMD,     S,         MEM | L0 | W1 },             /* VMOVHPD */
	{ 0x28, 0x28, SIMD,     N,         E | W0 | MZ },               /* VMOVAPS */
	{ 0x28, 0x28, SIMD,     S,         E | W1 | MZ },               /* VMOVAPD */
	{ 0x29, 0x29, SIMD,     N,         MEM | W0 | MASK },           /* VMOVAPS */
	{ 0x29, 0x29, SIMD,     N,         REG | W0 | MZ },             /* VMOVAPS */
	{ 0x29, 0x29, SIMD,     S,         MEM | W1 | MASK },           /* VMOVAPD */
	{ 0x29, 0x29, SIMD,     S,         REG | W1 | MZ },             /* VMOVAPD */
	{ 0x2a, 0x2a, FROM_RM,  R | D,     E | V | ER },                /* VCVTSI2SS VCVTSI2SD */
	{ 0x2b, 0x2b, SIMD,     N,         MEM | W0 },                  /* VMOVNTPS */
	{ 0x2b, 0x2b, SIMD,     S,         MEM | W1 },                  /* VMOVNTPD */
	{ 0x2c, 0x2d, TO_REG,   R | D,     E | ER },                    /* VCVTTSS2SI .. VCVTSD2SI */
	{ 0x2e, 0x2f, COMPARE,  N,         E | W0 | ER },               /* VUCOMISS .. VCOMISS */
	{ 0x2e, 0x2f, COMPARE,  S,         E | W1 | ER },               /* VUCOMISD .. VCOMISD */
	{ 0x51, 0x51, SIMD,     N,         E | W0 | B | ER | MZ },      /* VSQRTPS */
	{ 0x51, 0x51, SIMD,     S,         E | W1 | B | ER | MZ },      /* VSQRTPD */
	{ 0x51, 0x51, SIMD,     R,         E | V | W0 | ER | MZ },      /* VSQRTSS */
	{ 0x51, 0x51, SIMD,     D,         E | V | W1 | ER | MZ },      /* VSQRTSD */
	{ 0x54, 0x57, SIMD,     N,         E | V | W0 | B | MZ },       /* VANDPS .. VXORPS */
	{ 0x54, 0x57, SIMD,     S,         E | V | W1 | B | MZ },       /* VANDPD .. VXORPD */
	{ 0x58, 0x59, SIMD,     N,         E | V | W0 | B | ER | MZ },  /* VADDPS .. VMULPS */
	{ 0x58, 0x59, SIMD,     S,         E | V | W1 | B | ER | MZ },  /* VADDPD .. VMULPD */
	{ 0x58, 0x59, SIMD,     R,         E | V | W0 | ER | MZ },      /* VADDSS .. VMULSS */
	{ 0x58, 0x59, SIMD,     D,         E | V | W1 | ER | MZ },      /* VADDSD .. VMULSD */
	{ 0x5a, 0x5a, SIMD,     N,         E | W0 | B | ER | MZ },      /* VCVTPS2PD */
	{ 0x5a, 0x5a, SIMD,     S,         E | W1 | B | ER | MZ },      /* VCVTPD2PS */
	{ 0x5a, 0x5a, SIMD,     R,         E | V | W0 | ER | MZ },      /* VCVTSS2SD */
	{ 0x5a, 0x5a, SIMD,     D,         E | V | W1 | ER | MZ },      /* VCVTSD2SS */
	{ 0x5b, 0x5b, SIMD,     N,         E | B | ER | MZ },           /* VCVTDQ2PS VCVTQQ2PS */
	{ 0x5b, 0x5b, SIMD,     S | R,     E | W0 | B | ER | MZ },      /* VCVTPS2DQ VCVTTPS2DQ */
	{ 0x5c, 0x5f, SIMD,     N,         E | V | W0 | B | ER | MZ },  /* VSUBPS .. VMAXPS */
	{ 0x5c, 0x5f, SIMD,     S,         E | V | W1 | B | ER | MZ },  /* VSUBPD .. VMAXPD */
	{ 0x5c, 0x5f, SIMD,     R,         E | V | W0 | ER | MZ },      /* VSUBSS .. VMAXSS */
	{ 0x5c, 0x5f, SIMD,     D,         E | V | W1 | ER | MZ },      /* VSUBSD .. VMAXSD */
	{ 0x60, 0x61, SIMD,     S,         E | V | MZ },                /* VPUNPCKLBW .. VPUNPCKLWD */
	{ 0x62, 0x62, SIMD,     S,         E | V | W0 | B | MZ },       /* VPUNPCKLDQ */
	{ 0x63, 0x63, SIMD,     S,         E | V | MZ },                /* VPACKSSWB */
	{ 0x64, 0x65, SIMD,     S,         E | K | V | MASK },          /* VPCMPGTB .. VPCMPGTW */
	{ 0x66, 0x66, SIMD,     S,         E | K | V | W0 | B | MASK }, /* VPCMPGTD */
	{ 0x67, 0x69, SIMD,     S,         E | V | MZ },                /* VPACKUSWB .. VPUNPCKHWD */
	{ 0x6a, 0x6b, SIMD,     S,         E | V | W0 | B | MZ },       /* VPUNPCKHDQ .. VPACKSSDW */
	{ 0x6c, 0x6d, SIMD,     S,         E | V | W1 | B | MZ },       /* VPUNPCKLQDQ .. VPUNPCKHQDQ */
	{ 0x6e, 0x6e, FROM_RM,  S,         E | L0 },                    /* VMOVD VMOVQ */
	{ 0x6f, 0x6f, SIMD,     S | R | D, E | MZ },                    /* VMOVDQA32 VMOVDQA64 */
	{ 0x70, 0x70, SIMD,     S,         E | W0 | B | MZ },           /* VPSHUFD */
	{ 0x70, 0x70, SIMD,     R | D,     E | MZ },                    /* VPSHUFHW VPSHUFLW */
	{ 0x71, 0x71, SIMD,     S,         E | V | MZ, 0x54 },          /* VPSRLW VPSRAW */
	{ 0x72, 0x72, SIMD,     S,         E | V | W0 | B | MZ, 0x57 }, /* VPRORD VPROLD */
	{ 0x72, 0x72, SIMD,     S,         E | V | W1 | B | MZ, 0x13 }, /* VPRORQ VPROLQ */
	{ 0x73, 0x73, SIMD,     S,         E | V, 0x88 },               /* VPSRLDQ VPSLLDQ */
	{ 0x73, 0x73, SIMD,     S,         E | V | W1 | B | MZ, 0x44 }, /* VPSRLQ VPSLLQ */
	{ 0x74, 0x75, SIMD,     S,         E | K | V | MASK },          /* VPCMPEQB .. VPCMPEQW */
	{ 0x76, 0x76, SIMD,     S,         E | K | V | W0 | B | MASK }, /* VPCMPEQD */
	{ 0x78, 0x79, SIMD,     N | S,     E | B | ER | MZ },           /* VCVTTPS2UDQ .. VCVTPD2UQQ */
	{ 0x78, 0x79, TO_REG,   R | D,     E | ER },                    /* VCVTTSS2USI .. VCVTSD2USI */
	{ 0x7a, 0x7a, SIMD,     S | R | D, E | B | ER | MZ },           /* VCVTTPS2QQ VCVTTPD2QQ */
	{ 0x7b, 0x7b, SIMD,     S,         E | B | ER | MZ },           /* VCVTPS2QQ VCVTPD2QQ */
	{ 0x7b, 0x7b, FROM_RM,  R | D,     E | V | ER },                /* VCVTUSI2SS VCVTUSI2SD */
	{ 0x7e, 0x7e, TO_RM,    S,         E | L0 },                    /* VMOVD VMOVQ */
	{ 0x7e, 0x7e, SIMD,     R,         E | L0 | W1 },               /* VMOVQ */
	{ 0x7f, 0x7f, SIMD,     S | R | D, MEM | MASK },                /* VMOVDQA32 VMOVDQA64 */
	{ 0x7f, 0x7f, SIMD,     S | R | D, REG | MZ },                  /* VMOVDQA32 VMOVDQA64 */
	{ 0xc2, 0xc2, SIMD,     N,         E | K | V | W0 | B | ER | MASK }, /* VCMPPS */
	{ 0xc2, 0xc2, SIMD,     S,         E | K | V | W1 | B | ER | MASK }, /* VCMPPD */
	{ 0xc2, 0xc2, SIMD,     R,         E | K | V | W0 | ER | MASK }, /* VCMPSS */
	{ 0xc2, 0xc2, SIMD,     D,         E | K | V | W1 | ER | MASK }, /* VCMPSD */
	{ 0xc4, 0xc4, FROM_RM,  S,         E | V | L0 },                /* VPINSRW */
	{ 0xc5, 0xc5, TO_REG,   S,         REG | L0 },                  /* VPEXTRW */
	{ 0xc6, 0xc6, SIMD,     N,         E | V | W0 | B | MZ },       /* VSHUFPS */
	{ 0xc6, 0xc6, SIMD,     S,         E | V | W1 | B | MZ },       /* VSHUFPD */
	{ 0xd1, 0xd1, SIMD,     S,         E | V | MZ },                /* VPSRLW */
	{ 0xd2, 0xd2, SIMD,     S,         E | V | W0 | MZ },           /* VPSRLD */
	{ 0xd3, 0xd3, SIMD,     S,         E | V | W1 | MZ },           /* VPSRLQ */
	{ 0xd4, 0xd4, SIMD,     S,         E | V | W1 | B | MZ },       /* VPADDQ */
	{ 0xd5, 0xd5, SIMD,     S,         E | V | MZ },                /* VPMULLW */
	{ 0xd6, 0xd6, SIMD,     S,         E | L0 | W1 },               /* VMOVQ */
	{ 0xd8, 0xda, SIMD,     S,         E | V | MZ },                /* VPSUBUSB .. VPMINUB */
	{ 0xdb, 0xdb, SIMD,     S,         E | V | B | MZ },            /* VPANDD VPANDQ */
	{ 0xdc, 0xde, SIMD,     S,         E | V | MZ },                /* VPADDUSB .. VPMAXUB */
	{ 0xdf, 0xdf, SIMD,     S,         E | V | B | MZ },            /* VPANDND VPANDNQ */
	{ 0xe0, 0xe5, SIMD,     S,         E | V | MZ },                /* VPAVGB .. VPMULHW */
	{ 0xe6, 0xe6, SIMD,     S | D,     E | W1 | B | ER | MZ },      /* VCVTTPD2DQ VCVTPD2DQ */
	{ 0xe6, 0xe6, SIMD,     R,         E | B | ER | MZ },           /* VCVTDQ2PD VCVTQQ2PD */
	{ 0xe7, 0xe7, SIMD,     S,         MEM | W0 },                  /* VMOVNTDQ */
	{ 0xe8, 0xea, SIMD,     S,         E | V | MZ },                /* VPSUBSB .. VPMINSW */
	{ 0xeb, 0xeb, SIMD,     S,         E | V | B | MZ },            /* VPORD VPORQ */
	{ 0xec, 0xee, SIMD,     S,         E | V | MZ },                /* VPADDSB .. VPMAXSW */
	{ 0xef, 0xef, SIMD,     S,         E | V | B | MZ },            /* VPXORD VPXORQ */
	{ 0xf1, 0xf1, SIMD,     S,         E | V | MZ },                /* VPSLLW */
	{ 0xf2, 0xf2, SIMD,     S,         E | V | W0 | MZ },           /* VPSLLD */
	{ 0xf3, 0xf3, SIMD,     S,         E | V | W1 | MZ },           /* VPSLLQ */
	{ 0xf4, 0xf4, SIMD,     S,         E | V | W1 | B | MZ },       /* VPMULUDQ */
	{ 0xf5, 0xf5, SIMD,     S,         E | V | MZ },                /* VPMADDWD */
	{ 0xf6, 0xf6, SIMD,     S,         E | V },                     /* VPSADBW */
	{ 0xf8, 0xf9, SIMD,     S,         E | V | MZ },                /* VPSUBB .. VPSUBW */
	{ 0xfa, 0xfa, SIMD,     S,         E | V | W0 | B | MZ },       /* VPSUBD */
	{ 0xfb, 0xfb, SIMD,     S,         E | V | W1 | B | MZ },       /* VPSUBQ */
	{ 0xfc, 0xfd, SIMD,     S,         E | V | MZ },                /* VPADDB .. VPADDW */
	{ 0xfe, 0xfe, SIMD,     S,         E | V | W0 | B | MZ },       /* VPADDD */
};

static const struct vector_form evex_0f38[] = {
	{ 0x00, 0x00, SIMD,     S,         E | V | MZ },                /* VPSHUFB */
	{ 0x04, 0x04, SIMD,     S,         E | V | MZ },                /* VPMADDUBSW */
	{ 0x0b, 0x0b, SIMD,     S,         E | V | MZ },                /* VPMULHRSW */
	{ 0x0c, 0x0c, SIMD,     S,         E | V | W0 | B | MZ },       /* VPERMILPS */
	{ 0x0d, 0x0d, SIMD,     S,         E | V | W1 | B | MZ },       /* VPERMILPD */
	{ 0x10, 0x12, SIMD,     S,         E | V | W1 | MZ },           /* VPSRLVW .. VPSLLVW */
	{ 0x10, 0x12, SIMD,     R,         MEM | W0 | MASK },           /* VPMOVUSWB .. VPMOVUSQB */
	{ 0x10, 0x12, SIMD,     R,         REG | W0 | MZ },             /* VPMOVUSWB .. VPMOVUSQB */
	{ 0x13, 0x13, SIMD,     S,         E | W0 | ER | MZ },          /* VCVTPH2PS */
	{ 0x13, 0x13, SIMD,     R,         MEM | W0 | MASK },           /* VPMOVUSDW */
	{ 0x13, 0x13, SIMD,     R,         REG | W0 | MZ },             /* VPMOVUSDW */
	{ 0x14, 0x15, SIMD,     S,         E | V | B | MZ },            /* VPRORVD .. VPROLVQ */
	{ 0x14, 0x15, SIMD,     R,         MEM | W0 | MASK },           /* VPMOVUSQW .. VPMOVUSQD */
	{ 0x14, 0x15, SIMD,     R,         REG | W0 | MZ },             /* VPMOVUSQW .. VPMOVUSQD */
	{ 0x16, 0x16, SIMD,     S,         E | V | L12 | B | MZ },      /* VPERMPS VPERMPD */
	{ 0x18, 0x18, SIMD,     S,         E | W0 | MZ },               /* VBROADCASTSS */
	{ 0x19, 0x19, SIMD,     S,         E | L12 | MZ },              /* VBROADCASTF32X2 VBROADCASTSD */
	{ 0x1a, 0x1a, SIMD,     S,         MEM | L12 | MZ },            /* VBROADCASTF32X4 VBROADCASTF64X2 */
	{ 0x1b, 0x1b, SIMD,     S,         MEM | L2 | MZ },             /* VBROADCASTF32X8 VBROADCASTF64X4 */
	{ 0x1c, 0x1d, SIMD,     S,         E | MZ },                    /* VPABSB .. VPABSW */
	{ 0x1e, 0x1e, SIMD,     S,         E | W0 | B | MZ },           /* VPABSD */
	{ 0x1f, 0x1f, SIMD,     S,         E | W1 | B | MZ },           /* VPABSQ */
	{ 0x20, 0x24, SIMD,     S,         E | MZ },                    /* VPMOVSXBW .. VPMOVSXWQ */
	{ 0x20, 0x24, SIMD,     R,         MEM | W0 | MASK },           /* VPMOVSWB .. VPMOVSQW */
	{ 0x20, 0x24, SIMD,     R,         REG | W0 | MZ },             /* VPMOVSWB .. VPMOVSQW */
	{ 0x25, 0x25, SIMD,     S,         E | W0 | MZ },               /* VPMOVSXDQ */
	{ 0x25, 0x25, SIMD,     R,         MEM | W0 | MASK },           /* VPMOVSQD */
	{ 0x25, 0x25, SIMD,     R,         REG | W0 | MZ },             /* VPMOVSQD */
	{ 0x26, 0x26, SIMD,     S | R,     E | K | V | MASK },          /* VPTESTMB VPTESTMW */
	{ 0x27, 0x27, SIMD,     S | R,     E | K | V | B | MASK },      /* VPTESTMD VPTESTMQ */
	{ 0x28, 0x28, SIMD,     S,         E | V | W1 | B | MZ },       /* VPMULDQ */
	{ 0x28, 0x28, SIMD,     R,         REG },                       /* VPMOVM2B VPMOVM2W */
	{ 0x29, 0x29, SIMD,     S,         E | K | V | W1 | B | MASK }, /* VPCMPEQQ */
	{ 0x29, 0x29, SIMD,     R,         REG | K },                   /* VPMOVB2M VPMOVW2M */
	{ 0x2a, 0x2a, SIMD,     S,         MEM | W0 },                  /* VMOVNTDQA */
	{ 0x2a, 0x2a, SIMD,     R,         REG | W1 },                  /* VPBROADCASTMB2Q */
	{ 0x2b, 0x2b, SIMD,     S,         E | V | W0 | B | MZ },       /* VPACKUSDW */
	{ 0x2c, 0x2c, SIMD,     S,         E | V | B | ER | MZ },       /* VSCALEFPS VSCALEFPD */
	{ 0x2d, 0x2d, SIMD,     S,         E | V | ER | MZ },           /* VSCALEFSS VSCALEFSD */
	{ 0x30, 0x34, SIMD,     S,         E | MZ },                    /* VPMOVZXBW .. VPMOVZXWQ */
	{ 0x30, 0x34, SIMD,     R,         MEM | W0 | MASK },           /* VPMOVWB .. VPMOVQW */
	{ 0x30, 0x34, SIMD,     R,         REG | W0 | MZ },             /* VPMOVWB .. VPMOVQW */
	{ 0x35, 0x35, SIMD,     S,         E | W0 | MZ },               /* VPMOVZXDQ */
	{ 0x35, 0x35, SIMD,     R,         MEM | W0 | MASK },           /* VPMOVQD */
	{ 0x35, 0x35, SIMD,     R,         REG | W0 | MZ },             /* VPMOVQD */
	{ 0x36, 0x36, SIMD,     S,         E | V | L12 | B | MZ },      /* VPERMD VPERMQ */
	{ 0x37, 0x37, SIMD,     S,         E | K | V | W1 | B | MASK }, /* VPCMPGTQ */
	{ 0x38, 0x38, SIMD,     S,         E | V | MZ },                /* VPMINSB */
	{ 0x38, 0x38, SIMD,     R,         REG },                       /* VPMOVM2D VPMOVM2Q */
	{ 0x39, 0x39, SIMD,     S,         E | V | B | MZ },            /* VPMINSD VPMINSQ */
	{ 0x39, 0x39, SIMD,     R,         REG | K },                   /* VPMOVD2M VPMOVQ2M */
	{ 0x3a, 0x3a, SIMD,     S,         E | V | MZ },                /* VPMINUW */
	{ 0x3a, 0x3a, SIMD,     R,         REG | W0 },                  /* VPBROADCASTMW2D */
	{ 0x3b, 0x3b, SIMD,     S,         E | V | B | MZ },            /* VPMINUD VPMINUQ */
	{ 0x3c, 0x3c, SIMD,     S,         E | V | MZ },                /* VPMAXSB */
	{ 0x3d, 0x3d, SIMD,     S,         E | V | B | MZ },            /* VPMAXSD VPMAXSQ */
	{ 0x3e, 0x3e, SIMD,     S,         E | V | MZ },                /* VPMAXUW */
	{ 0x3f, 0x40, SIMD,     S,         E | V | B | MZ },            /* VPMAXUD .. VPMULLQ */
	{ 0x42, 0x42, SIMD,     S,         E | B | ER | MZ },           /* VGETEXPPS VGETEXPPD */
	{ 0x43, 0x43, SIMD,     S,         E | V | ER | MZ },           /* VGETEXPSS VGETEXPSD */
	{ 0x44, 0x44, SIMD,     S,         E | B | MZ },                /* VPLZCNTD VPLZCNTQ */
	{ 0x45, 0x47, SIMD,     S,         E | V | B | MZ },            /* VPSRLVD .. VPSLLVQ */
	{ 0x4c, 0x4c, SIMD,     S,         E | B | MZ },                /* VRCP14PS VRCP14PD */
	{ 0x4d, 0x4d, SIMD,     S,         E | V | MZ },                /* VRCP14SS VRCP14SD */
	{ 0x4e, 0x4e, SIMD,     S,         E | B | MZ },                /* VRSQRT14PS VRSQRT14PD */
	{ 0x4f, 0x4f, SIMD,     S,         E | V | MZ },                /* VRSQRT14SS VRSQRT14SD */
	{ 0x50, 0x51, SIMD,     S,         E | V | W0 | B | MZ },       /* VPDPBUSD .. VPDPBUSDS */
	{ 0x52, 0x52, SIMD,     S | R,     E | V | W0 | B | MZ },       /* VPDPWSSD VDPBF16PS */
	{ 0x52, 0x52, SIMD,     D,         MEM | V | L2 | W0 | MZ },    /* VP4DPWSSD */
	{ 0x53, 0x53, SIMD,     S,         E | V | W0 | B | MZ },       /* VPDPWSSDS */
	{ 0x53, 0x53, SIMD,     D,         MEM | V | L2 | W0 | MZ },    /* VP4DPWSSDS */
	{ 0x54, 0x54, SIMD,     S,         E | MZ },                    /* VPOPCNTB VPOPCNTW */
	{ 0x55, 0x55, SIMD,     S,         E | B | MZ },                /* VPOPCNTD VPOPCNTQ */
	{ 0x58, 0x58, SIMD,     S,         E | W0 | MZ },               /* VPBROADCASTD */
	{ 0x59, 0x59, SIMD,     S,         E | MZ },                    /* VBROADCASTI32X2 VPBROADCASTQ */
	{ 0x5a, 0x5a, SIMD,     S,         MEM | L12 | MZ },            /* VBROADCASTI32X4 VBROADCASTI64X2 */
	{ 0x5b, 0x5b, SIMD,     S,         MEM | L2 | MZ },             /* VBROADCASTI32X8 VBROADCASTI64X4 */
	{ 0x62, 0x62, SIMD,     S,         E | MZ },                    /* VPEXPANDB VPEXPANDW */
	{ 0x63, 0x63, SIMD,     S,         MEM | MASK },                /* VPCOMPRESSB VPCOMPRESSW */
	{ 0x63, 0x63, SIMD,     S,         REG | MZ },                  /* VPCOMPRESSB VPCOMPRESSW */
	{ 0x64, 0x65, SIMD,     S,         E | V | B | MZ },            /* VPBLENDMD .. VBLENDMPD */
	{ 0x66, 0x66, SIMD,     S,         E | V | MZ },                /* VPBLENDMB VPBLENDMW */
	{ 0x68, 0x68, SIMD,     D,         E | K | V | B },             /* VP2INTERSECTD VP2INTERSECTQ */
	{ 0x70, 0x70, SIMD,     S,         E | V | W1 | MZ },           /* VPSHLDVW */
	{ 0x71, 0x71, SIMD,     S,         E | V | B | MZ },            /* VPSHLDVD VPSHLDVQ */
	{ 0x72, 0x72, SIMD,     S,         E | V | W1 | MZ },           /* VPSHRDVW */
	{ 0x72, 0x72, SIMD,     R,         E | W0 | B | MZ },           /* VCVTNEPS2BF16 */
	{ 0x72, 0x72, SIMD,     D,         E | V | W0 | B | MZ },       /* VCVTNE2PS2BF16 */
	{ 0x73, 0x73, SIMD,     S,         E | V | B | MZ },            /* VPSHRDVD VPSHRDVQ */
	{ 0x75, 0x75, SIMD,     S,         E | V | MZ },                /* VPERMI2B VPERMI2W */
	{ 0x76, 0x77, SIMD,     S,         E | V | B | MZ },            /* VPERMI2D .. VPERMI2PD */
	{ 0x78, 0x79, SIMD,     S,         E | W0 | MZ },               /* VPBROADCASTB .. VPBROADCASTW */
	{ 0x7a, 0x7b, FROM_RM,  S,         REG | W0 | MZ },             /* VPBROADCASTB .. VPBROADCASTW */
	{ 0x7c, 0x7c, FROM_RM,  S,         REG | MZ },                  /* VPBROADCASTD VPBROADCASTQ */
	{ 0x7d, 0x7d, SIMD,     S,         E | V | MZ },                /* VPERMT2B VPERMT2W */
	{ 0x7e, 0x7f, SIMD,     S,         E | V | B | MZ },            /* VPERMT2D .. VPERMT2PD */
	{ 0x83, 0x83, SIMD,     S,         E | V | W1 | B | MZ },       /* VPMULTISHIFTQB */
	{ 0x88, 0x89, SIMD,     S,         E | MZ },                    /* VEXPANDPS .. VPEXPANDQ */
	{ 0x8a, 0x8b, SIMD,     S,         MEM | MASK },                /* VCOMPRESSPS .. VPCOMPRESSQ */
	{ 0x8a, 0x8b, SIMD,     S,         REG | MZ },                  /* VCOMPRESSPS .. VPCOMPRESSQ */
	{ 0x8d, 0x8d, SIMD,     S,         E | V | MZ },                /* VPERMB VPERMW */
	{ 0x8f, 0x8f, SIMD,     S,         E | K | V | W0 | MASK },     /* VPSHUFBITQMB */
	{ 0x90, 0x93, SIMD,     S,         MEM | KREQ | VSIB | DIST },  /* VPGATHERDD .. VGATHERQPD */
	{ 0x96, 0x98, SIMD,     S,         E | V | B | ER | MZ },       /* VFMADDSUB132PS .. VFMADD132PD */
	{ 0x99, 0x99, SIMD,     S,         E | V | ER | MZ },           /* VFMADD132SS VFMADD132SD */
	{ 0x9a, 0x9a, SIMD,     S,         E | V | B | ER | MZ },       /* VFMSUB132PS VFMSUB132PD */
	{ 0x9a, 0x9a, SIMD,     D,         MEM | V | L2 | W0 | MZ },    /* V4FMADDPS */
	{ 0x9b, 0x9b, SIMD,     S,         E | V | ER | MZ },           /* VFMSUB132SS VFMSUB132SD */
	{ 0x9b, 0x9b, SIMD,     D,         MEM | V | W0 | MZ },         /* V4FMADDSS */
	{ 0x9c, 0x9c, SIMD,     S,         E | V | B | ER | MZ },       /* VFNMADD132PS VFNMADD132PD */
	{ 0x9d, 0x9d, SIMD,     S,         E | V | ER | MZ },           /* VFNMADD132SS VFNMADD132SD */
	{ 0x9e, 0x9e, SIMD,     S,         E | V | B | ER | MZ },       /* VFNMSUB132PS VFNMSUB132PD */
	{ 0x9f, 0x9f, SIMD,     S,         E | V | ER | MZ },           /* VFNMSUB132SS VFNMSUB132SD */
	{ 0xa0, 0xa3, SIMD,     S,         MEM | KREQ | VSIB },         /* VPSCATTERDD .. VSCATTERQPD */
	{ 0xa6, 0xa8, SIMD,     S,         E | V | B | ER | MZ },       /* VFMADDSUB213PS .. VFMADD213PD */
	{ 0xa9, 0xa9, SIMD,     S,         E | V | ER | MZ },           /* VFMADD213SS VFMADD213SD */
	{ 0xaa, 0xaa, SIMD,     S,         E | V | B | ER | MZ },       /* VFMSUB213PS VFMSUB213PD */
	{ 0xaa, 0xaa, SIMD,     D,         MEM | V | L2 | W0 | MZ },    /* V4FNMADDPS */
	{ 0xab, 0xab, SIMD,     S,         E | V | ER | MZ },           /* VFMSUB213SS VFMSUB213SD */
	{ 0xab, 0xab, SIMD,     D,         MEM | V | W0 | MZ },         /* V4FNMADDSS */
	{ 0xac, 0xac, SIMD,     S,         E | V | B | ER | MZ },       /* VFNMADD213PS VFNMADD213PD */
	{ 0xad, 0xad, SIMD,     S,         E | V | ER | MZ },           /* VFNMADD213SS VFNMADD213SD */
	{ 0xae, 0xae, SIMD,     S,         E | V | B | ER | MZ },       /* VFNMSUB213PS VFNMSUB213PD */
	{ 0xaf, 0xaf, SIMD,     S,         E | V | ER | MZ },           /* VFNMSUB213SS VFNMSUB213SD */
	{ 0xb4, 0xb5, SIMD,     S,         E | V | W1 | B | MZ },       /* VPMADD52LUQ .. VPMADD52HUQ */
	{ 0xb6, 0xb8, SIMD,     S,         E | V | B | ER | MZ },       /* VFMADDSUB231PS .. VFMADD231PD */
	{ 0xb9, 0xb9, SIMD,     S,         E | V | ER | MZ },           /* VFMADD231SS VFMADD231SD */
	{ 0xba, 0xba, SIMD,     S,         E | V | B | ER | MZ },       /* VFMSUB231PS VFMSUB231PD */
	{ 0xbb, 0xbb, SIMD,     S,         E | V | ER | MZ },           /* VFMSUB231SS VFMSUB231SD */
	{ 0xbc, 0xbc, SIMD,     S,         E | V | B | ER | MZ },       /* VFNMADD231PS VFNMADD231PD */
	{ 0xbd, 0xbd, SIMD,     S,         E | V | ER | MZ },           /* VFNMADD231SS VFNMADD231SD */
	{ 0xbe, 0xbe, SIMD,     S,         E | V | B | ER | MZ },       /* VFNMSUB231PS VFNMSUB231PD */
	{ 0xbf, 0xbf, SIMD,     S,         E | V | ER | MZ },           /* VFNMSUB231SS VFNMSUB231SD */
	{ 0xc4, 0xc4, SIMD,     S,         E | B | MZ },                /* VPCONFLICTD VPCONFLICTQ */
	{ 0xc6, 0xc7, SIMD,     S,         MEM | L2 | KREQ | VSIB, 0x66 }, /* VGATHERPF0DPS .. VSCATTERPF1QPD */
	{ 0xc8, 0xc8, SIMD,     S,         E | L2 | B | ER | MZ },      /* VEXP2PS VEXP2PD */
	{ 0xca, 0xca, SIMD,     S,         E | L2 | B | ER | MZ },      /* VRCP28PS VRCP28PD */
	{ 0xcb, 0xcb, SIMD,     S,         E | V | ER | MZ },           /* VRCP28SS VRCP28SD */
	{ 0xcc, 0xcc, SIMD,     S,         E | L2 | B | ER | MZ },      /* VRSQRT28PS VRSQRT28PD */
	{ 0xcd, 0xcd, SIMD,     S,         E | V | ER | MZ },           /* VRSQRT28SS VRSQRT28SD */
	{ 0xcf, 0xcf, SIMD,     S,         E | V | W0 | MZ },           /* VGF2P8MULB */
	{ 0xdc, 0xdf, SIMD,     S,         E | V },                     /* VAESENC .. VAESDECLAST */
};

static const struct vector_form evex_0f3a[] = {
	{ 0x00, 0x01, SIMD,     S,         E | L12 | W1 | B | MZ },     /* VPERMQ .. VPERMPD */
	{ 0x03, 0x03, SIMD,     S,         E | V | B | MZ },            /* VALIGND VALIGNQ */
	{ 0x04, 0x04, SIMD,     S,         E | W0 | B | MZ },           /* VPERMILPS */
	{ 0x05, 0x05, SIMD,     S,         E | W1 | B | MZ },           /* VPERMILPD */
	{ 0x08, 0x08, SIMD,     N | S,     E | W0 | B | ER | MZ },      /* VRNDSCALEPH VRNDSCALEPS */
	{ 0x09, 0x09, SIMD,     S,         E | W1 | B | ER | MZ },      /* VRNDSCALEPD */
	{ 0x0a, 0x0a, SIMD,     N | S,     E | V | W0 | ER | MZ },      /* VRNDSCALESH VRNDSCALESS */
	{ 0x0b, 0x0b, SIMD,     S,         E | V | W1 | ER | MZ },      /* VRNDSCALESD */
	{ 0x0f, 0x0f, SIMD,     S,         E | V | MZ },                /* VPALIGNR */
	{ 0x14, 0x17, TO_RM,    S,         E | L0 },                    /* VPEXTRB .. VEXTRACTPS */
	{ 0x18, 0x18, SIMD,     S,         E | V | L12 | MZ },          /* VINSERTF32X4 VINSERTF64X2 */
	{ 0x19, 0x19, SIMD,     S,         MEM | L12 | MASK },          /* VEXTRACTF32X4 VEXTRACTF64X2 */
	{ 0x19, 0x19, SIMD,     S,         REG | L12 | MZ },            /* VEXTRACTF32X4 VEXTRACTF64X2 */
	{ 0x1a, 0x1a, SIMD,     S,         E | V | L2 | MZ },           /* VINSERTF32X8 VINSERTF64X4 */
	{ 0x1b, 0x1b, SIMD,     S,         MEM | L2 | MASK },           /* VEXTRACTF32X8 VEXTRACTF64X4 */
	{ 0x1b, 0x1b, SIMD,     S,         REG | L2 | MZ },             /* VEXTRACTF32X8 VEXTRACTF64X4 */
	{ 0x1d, 0x1d, SIMD,     S,         MEM | W0 | MASK },           /* VCVTPS2PH */
	{ 0x1d, 0x1d, SIMD,     S,         REG | W0 | ER | MZ },        /* VCVTPS2PH */
	{ 0x1e, 0x1f, SIMD,     S,         E | K | V | B | MASK },      /* VPCMPUD .. VPCMPQ */
	{ 0x20, 0x20, FROM_RM,  S,         E | V | L0 },                /* VPINSRB */
	{ 0x21, 0x21, SIMD,     S,         E | V | L0 | W0 },           /* VINSERTPS */
	{ 0x22, 0x22, FROM_RM,  S,         E | V | L0 },                /* VPINSRD VPINSRQ */
	{ 0x23, 0x23, SIMD,     S,         E | V | L12 | B | MZ },      /* VSHUFF32X4 VSHUFF64X2 */
	{ 0x25, 0x25, SIMD,     S,         E | V | B | MZ },            /* VPTERNLOGD VPTERNLOGQ */
	{ 0x26, 0x26, SIMD,     N,         E | W0 | B | ER | MZ },      /* VGETMANTPH */
	{ 0x26, 0x26, SIMD,     S,         E | B | ER | MZ },           /* VGETMANTPS VGETMANTPD */
	{ 0x27, 0x27, SIMD,     N,         E | V | W0 | ER | MZ },      /* VGETMANTSH */
	{ 0x27, 0x27, SIMD,     S,         E | V | ER | MZ },           /* VGETMANTSS VGETMANTSD */
	{ 0x38, 0x38, SIMD,     S,         E | V | L12 | MZ },          /* VINSERTI32X4 VINSERTI64X2 */
	{ 0x39, 0x39, SIMD,     S,         MEM | L12 | MASK },          /* VEXTRACTI32X4 VEXTRACTI64X2 */
	{ 0x39, 0x39, SIMD,     S,         REG | L12 | MZ },            /* VEXTRACTI32X4 VEXTRACTI64X2 */
	{ 0x3a, 0x3a, SIMD,     S,         E | V | L2 | MZ },           /* VINSERTI32X8 VINSERTI64X4 */
	{ 0x3b, 0x3b, SIMD,     S,         MEM | L2 | MASK },           /* VEXTRACTI32X8 VEXTRACTI64X4 */
	{ 0x3b, 0x3b, SIMD,     S,         REG | L2 | MZ },             /* VEXTRACTI32X8 VEXTRACTI64X4 */
	{ 0x3e, 0x3f, SIMD,     S,         E | K | V | MASK },          /* VPCMPUB .. VPCMPW */
	{ 0x42, 0x42, SIMD,     S,         E | V | W0 | MZ },           /* VDBPSADBW */
	{ 0x43, 0x43, SIMD,     S,         E | V | L12 | B | MZ },      /* VSHUFI32X4 VSHUFI64X2 */
	{ 0x44, 0x44, SIMD,     S,         E | V },                     /* VPCLMULQDQ */
	{ 0x50, 0x50, SIMD,     S,         E | V | B | ER | MZ },       /* VRANGEPS VRANGEPD */
	{ 0x51, 0x51, SIMD,     S,         E | V | ER | MZ },           /* VRANGESS VRANGESD */
	{ 0x54, 0x54, SIMD,     S,         E | V | B | ER | MZ },       /* VFIXUPIMMPS VFIXUPIMMPD */
	{ 0x55, 0x55, SIMD,     S,         E | V | ER | MZ },           /* VFIXUPIMMSS VFIXUPIMMSD */
	{ 0x56, 0x56, SIMD,     N,         E | W0 | B | ER | MZ },      /* VREDUCEPH */
	{ 0x56, 0x56, SIMD,     S,         E | B | ER | MZ },           /* VREDUCEPS VREDUCEPD */
	{ 0x57, 0x57, SIMD,     N,         E | V | W0 | ER | MZ },      /* VREDUCESH */
	{ 0x57, 0x57, SIMD,     S,         E | V | ER | MZ },           /* VREDUCESS VREDUCESD */
	{ 0x66, 0x66, SIMD,     N,         E | K | W0 | B | MASK },     /* VFPCLASSPH */
	{ 0x66, 0x66, SIMD,     S,         E | K | B | MASK },          /* VFPCLASSPS VFPCLASSPD */
	{ 0x67, 0x67, SIMD,     N,         E | K | W0 | MASK },         /* VFPCLASSSH */
	{ 0x67, 0x67, SIMD,     S,         E | K | MASK },              /* VFPCLASSSS VFPCLASSSD */
	{ 0x70, 0x70, SIMD,     S,         E | V | W1 | MZ },           /* VPSHLDW */
	{ 0x71, 0x71, SIMD,     S,         E | V | B | MZ },            /* VPSHLDD VPSHLDQ */
	{ 0x72, 0x72, SIMD,     S,         E | V | W1 | MZ },           /* VPSHRDW */
	{ 0x73, 0x73, SIMD,     S,         E | V | B | MZ },            /* VPSHRDD VPSHRDQ */
	{ 0xc2, 0xc2, SIMD,     N,         E | K | V | W0 | B | ER | MASK }, /* VCMPPH */
	{ 0xc2, 0xc2, SIMD,     R,         E | K | V | W0 | ER | MASK }, /* VCMPSH */
	{ 0xce, 0xcf, SIMD,     S,         E | V | W1 | B | MZ },       /* VGF2P8AFFINEQB .. VGF2P8AFFINEINVQB */
};

static const struct vector_form evex_map5[] = {
	{ 0x10, 0x10, SIMD,     R,         MEM | W0 | MZ },             /* VMOVSH */
	{ 0x10, 0x10, SIMD,     R,         REG | V | W0 | MZ },         /* VMOVSH */
	{ 0x11, 0x11, SIMD,     R,         MEM | W0 | MASK },           /* VMOVSH */
	{ 0x11, 0x11, SIMD,     R,         REG | V | W0 | MZ },         /* VMOVSH */
	{ 0x1d, 0x1d, SIMD,     N,         E | V | W0 | ER | MZ },      /* VCVTSS2SH */
	{ 0x1d, 0x1d, SIMD,     S,         E | W0 | B | ER | MZ },      /* VCVTPS2PHX */
	{ 0x2a, 0x2a, FROM_RM,  R,         E | V | ER },                /* VCVTSI2SH */
	{ 0x2c, 0x2d, TO_REG,   R,         E | ER },                    /* VCVTTSH2SI .. VCVTSH2SI */
	{ 0x2e, 0x2f, COMPARE,  N,         E | W0 | ER },               /* VUCOMISH .. VCOMISH */
	{ 0x51, 0x51, SIMD,     N,         E | W0 | B | ER | MZ },      /* VSQRTPH */
	{ 0x51, 0x51, SIMD,     R,         E | V | W0 | ER | MZ },      /* VSQRTSH */
	{ 0x58, 0x59, SIMD,     N,         E | V | W0 | B | ER | MZ },  /* VADDPH .. VMULPH */
	{ 0x58, 0x59, SIMD,     R,         E | V | W0 | ER | MZ },      /* VADDSH .. VMULSH */
	{ 0x5a, 0x5a, SIMD,     N,         E | W0 | B | ER | MZ },      /* VCVTPH2PD */
	{ 0x5a, 0x5a, SIMD,     S,         E | W1 | B | ER | MZ },      /* VCVTPD2PH */
	{ 0x5a, 0x5a, SIMD,     R,         E | V | W0 | ER | MZ },      /* VCVTSH2SD */
	{ 0x5a, 0x5a, SIMD,     D,         E | V | W1 | ER | MZ },      /* VCVTSD2SH */
	{ 0x5b, 0x5b, SIMD,     N,         E | B | ER | MZ },           /* VCVTDQ2PH VCVTQQ2PH */
	{ 0x5b, 0x5b, SIMD,     S | R,     E | W0 | B | ER | MZ },      /* VCVTPH2DQ VCVTTPH2DQ */
	{ 0x5c, 0x5f, SIMD,     N,         E | V | W0 | B | ER | MZ },  /* VSUBPH .. VMAXPH */
	{ 0x5c, 0x5f, SIMD,     R,         E | V | W0 | ER | MZ },      /* VSUBSH .. VMAXSH */
	{ 0x6e, 0x6e, FROM_RM,  S,         E | L0 },                    /* VMOVW */
	{ 0x78, 0x79, SIMD,     N | S,     E | W0 | B | ER | MZ },      /* VCVTTPH2UDQ .. VCVTPH2UQQ */
	{ 0x78, 0x79, TO_REG,   R,         E | ER },                    /* VCVTTSH2USI .. VCVTSH2USI */
	{ 0x7a, 0x7a, SIMD,     S,         E | W0 | B | ER | MZ },      /* VCVTTPH2QQ */
	{ 0x7a, 0x7a, SIMD,     D,         E | B | ER | MZ },           /* VCVTUDQ2PH VCVTUQQ2PH */
	{ 0x7b, 0x7b, SIMD,     S,         E | W0 | B | ER | MZ },      /* VCVTPH2QQ */
	{ 0x7b, 0x7b, FROM_RM,  R,         E | V | ER },                /* VCVTUSI2SH */
	{ 0x7c, 0x7c, SIMD,     N | S,     E | W0 | B | ER | MZ },      /* VCVTTPH2UW VCVTTPH2W */
	{ 0x7d, 0x7d, SIMD,     ANY,       E | W0 | B | ER | MZ },      /* VCVTPH2UW VCVTPH2W */
	{ 0x7e, 0x7e, TO_RM,    S,         E | L0 },                    /* VMOVW */
};

static const struct vector_form evex_map6[] = {
	{ 0x13, 0x13, SIMD,     N,         E | V | W0 | ER | MZ },      /* VCVTSH2SS */
	{ 0x13, 0x13, SIMD,     S,         E | W0 | B | ER | MZ },      /* VCVTPH2PSX */
	{ 0x2c, 0x2c, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VSCALEFPH */
	{ 0x2d, 0x2d, SIMD,     S,         E | V | W0 | ER | MZ },      /* VSCALEFSH */
	{ 0x42, 0x42, SIMD,     S,         E | W0 | B | ER | MZ },      /* VGETEXPPH */
	{ 0x43, 0x43, SIMD,     S,         E | V | W0 | ER | MZ },      /* VGETEXPSH */
	{ 0x4c, 0x4c, SIMD,     S,         E | W0 | B | MZ },           /* VRCPPH */
	{ 0x4d, 0x4d, SIMD,     S,         E | V | W0 | MZ },           /* VRCPSH */
	{ 0x4e, 0x4e, SIMD,     S,         E | W0 | B | MZ },           /* VRSQRTPH */
	{ 0x4f, 0x4f, SIMD,     S,         E | V | W0 | MZ },           /* VRSQRTSH */
	{ 0x56, 0x56, SIMD,     R | D,     E | V | W0 | B | ER | MZ | DIST }, /* VFMADDCPH VFCMADDCPH */
	{ 0x57, 0x57, SIMD,     R | D,     E | V | W0 | ER | MZ | DIST }, /* VFMADDCSH VFCMADDCSH */
	{ 0x96, 0x98, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFMADDSUB132PH .. VFMADD132PH */
	{ 0x99, 0x99, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFMADD132SH */
	{ 0x9a, 0x9a, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFMSUB132PH */
	{ 0x9b, 0x9b, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFMSUB132SH */
	{ 0x9c, 0x9c, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFNMADD132PH */
	{ 0x9d, 0x9d, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFNMADD132SH */
	{ 0x9e, 0x9e, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFNMSUB132PH */
	{ 0x9f, 0x9f, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFNMSUB132SH */
	{ 0xa6, 0xa8, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFMADDSUB213PH .. VFMADD213PH */
	{ 0xa9, 0xa9, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFMADD213SH */
	{ 0xaa, 0xaa, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFMSUB213PH */
	{ 0xab, 0xab, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFMSUB213SH */
	{ 0xac, 0xac, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFNMADD213PH */
	{ 0xad, 0xad, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFNMADD213SH */
	{ 0xae, 0xae, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFNMSUB213PH */
	{ 0xaf, 0xaf, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFNMSUB213SH */
	{ 0xb6, 0xb8, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFMADDSUB231PH .. VFMADD231PH */
	{ 0xb9, 0xb9, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFMADD231SH */
	{ 0xba, 0xba, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFMSUB231PH */
	{ 0xbb, 0xbb, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFMSUB231SH */
	{ 0xbc, 0xbc, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFNMADD231PH */
	{ 0xbd, 0xbd, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFNMADD231SH */
	{ 0xbe, 0xbe, SIMD,     S,         E | V | W0 | B | ER | MZ },  /* VFNMSUB231PH */
	{ 0xbf, 0xbf, SIMD,     S,         E | V | W0 | ER | MZ },      /* VFNMSUB231SH */
	{ 0xd6, 0xd6, SIMD,     R | D,     E | V | W0 | B | ER | MZ | DIST }, /* VFMULCPH VFCMULCPH */
	{ 0xd7, 0xd7, SIMD,     R | D,     E | V | W0 | ER | MZ | DIST }, /* VFMULCSH VFCMULCSH */
};

#define MAP(rows) { rows, ARRAY_SIZE(rows) }

const struct vector_map evex_maps[VECTOR_MAPS] = {
	[MAP_0F] = MAP(evex_0f),
	[MAP_0F38] = MAP(evex_0f38),
	[MAP_0F3A] = MAP(evex_0f3a),
	[MAP_EVEX_5] = MAP(evex_map5),
	[MAP_EVEX_6] = MAP(evex_map6),
};
