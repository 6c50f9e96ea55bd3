/* SPDX-License-Identifier: MIT */
/*
 * What a decoded instruction does to the general registers and the flags, and whether a monitor may let it
 * run as it is: what a binary translator asks. Apart from the decoder, since who emulates an instruction need
 * not pay for it.
 *
 * All sets err on the safe side. Of an instruction that the table does not know, all registers and flags are
 * read, all may change, and none is sure to.
 */
#ifndef X86_EFFECTS_H
#define X86_EFFECTS_H

#include "x86/decode.h"
#include "x86/regs.h"

enum insn_class {
	INSN_PLAIN,     /* does the same in every ring and at every address; at another address a RIP-relative
			   operand needs another displacement */
	INSN_BRANCH,    /* near: changes RIP, and CALL and RET the stack. JMP JCC LOOP CALL RET, XBEGIN */
	INSN_TRANSFER,  /* far, or by an exception: control leaves through a descriptor. INT, IRET, SYSCALL,
			   far JMP CALL RET, UD */
	INSN_SENSITIVE, /* in ring 3 it shows or changes what is the monitor's, and need not trap. POPF, SGDT,
			   MOV from CS, CPUID, RDTSC */
	INSN_PRIVILEGED, /* traps in ring 3: #GP or #UD; of CLI, STI, IN and OUT unless IOPL or the I/O bitmap
			    allow it */
};

/* The flags that sets of flags are about; no other one is ever in them. */
#define INSN_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_DF | RFLAGS_OF)

struct insn_effects {
	u16 gpr_read;      /* BIT(GPR_*): may be read, also for an address, also in part */
	u16 gpr_changed;   /* BIT(GPR_*): may be written, also in part. What is not here stays as it is */
	u16 flags_read;    /* RFLAGS_*: may be read */
	u16 flags_changed; /* RFLAGS_*: may become something else, or undefined */
	u16 flags_set;     /* RFLAGS_*: get a defined value, whatever they were before: a part of
			      flags_changed. A flag that is here and not in flags_read is dead before it */
	u8 class;          /* enum insn_class */
	bool known;        /* false: the sets are all or nothing, as above */
};

/* `i` is what insn_decode() has filled with DECODE_OK. */
void insn_effects(struct insn_effects *e, const struct insn *i);

/* The class alone: quicker. */
enum insn_class insn_class(const struct insn *i);

#endif
