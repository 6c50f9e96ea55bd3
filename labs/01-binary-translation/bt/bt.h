/* SPDX-License-Identifier: MIT */
/*
 * Binary translation: what the parts of the `bt` engine share.
 *
 *   window.c      the user window: the pages of the monitor's slot that code of the guest's kernel may touch
 *   cache.c       blocks, where they are, how they are chained, when they become void
 *   translate.c   guest instructions to a block: copied, rewritten or replaced
 *   copy.c        copies, and operands that count from RIP
 *   jump.c        jumps, calls and returns
 *   inline.c      what replaces an instruction without leaving the cache
 *   x87.c         the address of the last x87 instruction, which the CPU stores as it knows it
 *   emit.c        bytes of x86 code
 *   silent.c      the sensitive instructions that do not trap in ring 3, emulated
 *   fetch.c       from the guest's RIP to a block
 *   precise.c     from an address in the cache back to a precise state of the guest
 *   engine.c      the engine: its vcpus, into a block and around
 *   prepare.c     before a block: whatever is unusual
 *   exits.c       out of a block
 *   level.c, .S   SYSCALL and SYSRET without the monitor's C
 *
 * Code of virtual ring 0 never runs itself: the CPU is in ring 3 and in the cache. All 16 general registers
 * and the arithmetic flags hold what the guest has there; IF, IOPL and the rest are in struct bt_state. User
 * code of the guest's runs directly, as under `trap`.
 *
 * The precise state. Each address in the cache belongs to one guest instruction: a struct bt_point says to
 * which. Two rules make every exit precise:
 *
 *   1. A fault anywhere in the translation of an instruction finds the guest as it was before this
 *      instruction, but for registers that are saved in bt_state (`spilled`), and the flags if they are saved
 *      in AH and AL. So what can fault comes first, and what cannot be taken back comes last. Behind the
 *      first change that cannot be taken back (`committed`) nothing faults that the guest would see.
 *   2. An interrupt that finds the CPU inside a translation (the point is no `boundary`) lets it go on, step
 * by step, to the next boundary.
 *
 * Sources: Adams and Agesen, "A Comparison of Software and Hardware Techniques for x86 Virtualization"
 * (ASPLOS 2006); SDM vol. 2 for each instruction.
 */
#ifndef BT_H
#define BT_H

#include "lib/types.h"
#include "x86/decode.h"
#include "x86/paging.h"

/* ---- the user window (window.c) ---- */

/* Byte offsets in the window. Nothing in it but the state page can be written in ring 3. */
#define BT_CODE_BYTES     MIB(1)
#define BT_TABLE_OFFSET   MIB(8) /* aligned to its size: lookups depend on it */
#define BT_TABLE_COUNT    65536  /* one entry for each value of the low 16 bits of a guest RIP */
#define BT_STATE_OFFSET   MIB(10)
/*
 * The state page is there twice, side by side. The second view, `watched`, is taken away while an event waits
 * for IF or for CR8: what may open the window for it (STI, POPF, IRET, MOV to CR8) writes there, and so comes
 * to the monitor just when it has to, without a test.
 */
#define BT_WATCHED_OFFSET (BT_STATE_OFFSET + 4096)
#define BT_WINDOW_BYTES   MIB(12)

/*
 * The state page. The guest's kernel can write it as well as its translation does: nothing here is trusted,
 * every value is the guest's own state and is checked as a guest's register would be. The monitor fills it
 * before an entry and reads back what translated code may change: vif, cr8, spill.
 */
enum bt_spill { BT_SPILL_RAX, BT_SPILL_RCX, BT_SPILL_RDX, BT_SPILL_RSI, BT_SPILLS };
extern const u8 bt_spill_gpr[BT_SPILLS]; /* GPR_* (emit.c) */
#define BT_SPILL_MASK(s) (1U << (s))
#define BT_FLAGS_SAVED   0x80 /* in `spilled`: SF ZF AF PF CF are in AH, OF in bit 0 of AL (LAHF, SETO) */

struct bt_state {
	u64 spill[BT_SPILLS]; /* the guest's registers while a translation uses them */
	u64 vif;              /* RFLAGS_IF or 0: the guest's IF */
	u64 cr0, cr2, cr3, cr4, cr8;
	u64 sel[8];    /* SEG_*: the guest's selectors, ES CS SS DS FS GS LDTR TR */
	u64 iret_slow; /* not 0: IRET has more to do than to load registers (NT, NMIs blocked, ...) */
};

/* ---- blocks ---- */

/* How code is translated. Another flavour voids the cache. */
enum bt_flavour {
	BT_FAST,    /* CPL 0, IOPL 0, NT clear, no instruction breakpoints: sensitive instructions inlined */
	BT_CAREFUL, /* every sensitive instruction is a call-out */
};

struct bt_point {
	u32 at;                /* offset in the cache; holds up to the next point's */
	u16 guest;             /* of its instruction, from the block's rip; behind the last one: its length */
	u8 spilled;            /* BT_SPILL_MASK(), BT_FLAGS_SAVED */
	u8 boundary : 1,       /* the guest is exactly between two instructions here */
		committed : 1, /* part of the instruction has happened: no way back, on to the next boundary
				*/
		shadow : 1;    /* boundary behind STI: no interrupt before the next instruction's end */
};

enum bt_exit_kind {
	BT_EXIT_CALLOUT, /* the instruction `insn` at `rip` is the monitor's to emulate */
	BT_EXIT_CHAIN,   /* go on at `rip`; once its block is there, `jump` leads to it without an exit */
	BT_EXIT_INVALID, /* no instruction at `rip`: `result` says why */
	BT_EXIT_STORED,  /* behind the copy of `insn`, which has stored x87 state; `rip` is the next one */
};

/*
 * A place where a block calls the monitor: UD2 and, behind it, the number of this exit (32 bits). Call-outs
 * that stand in the way of the code are followed by the next instruction; those of the slow ways out of an
 * inlined sequence, and the unchained ends, stand at the end of the block.
 */
struct bt_exit {
	u64 rip;
	u32 at;   /* offset in the cache of the UD2 */
	u32 jump; /* CHAIN: offset of the rel32 to patch (of a JMP or Jcc); unchained, the jump leads to `at`
		   */
	u32 resume;  /* CALLOUT: where the block goes on when the guest's RIP is behind the instruction; 0:
			nowhere. STORED: where it goes on */
	u32 block;   /* number of the block that it is in */
	u32 chained; /* number of the block that it is chained to, + 1; 0: none */
	u32 next;    /* of those chained to the same block: number + 1 */
	u8 kind;     /* enum bt_exit_kind */
	u8 spilled;  /* as in bt_point: the slow way out of an inlined sequence */
	u8 result;   /* INVALID: enum decode_result */
	struct insn insn; /* CALLOUT, STORED */
};

#define BT_BLOCK_INSNS 64  /* at most so many guest instructions in a block */
#define BT_BLOCK_BYTES 512 /* and so many bytes of them */

struct bt_block {
	u64 rip;
	u32 code;    /* offset in the cache of its first instruction */
	u32 checked; /* of the entry for indirect jumps, see "Indirect jumps" below */
	u32 end;     /* behind its last byte */
	u32 first_point, points;
	u32 first_exit, exits;
	u16 guest_bytes, guest_insns;
	/* cache.c */
	u64 frame[2];    /* gpa of the page or pages that it was translated from; BT_NO_FRAME */
	u32 incoming;    /* first exit that is chained here: number + 1 */
	u32 hash_next;   /* of those with the same hash of rip: number + 1 */
	u32 mapped_next; /* of those that are mapped: number + 1 */
	bool dead;       /* its code was written to */
	bool mapped;     /* rip still leads to frame[]: nothing was flushed since that was seen */
};

/*
 * Indirect jumps (RET, JMP and CALL through a register or memory). The translation saves RCX and RDX in
 * bt_state, gets the destination into RCX and jumps to table[low 16 bits of it]; RDX is anything. An entry of
 * the table leads to the `checked` entry of a block, or to the miss stub. The checked entry compares RCX with
 * the block's rip without touching flags (LEA, JRCXZ), loads RCX and RDX again and falls into the block; when
 * it was another address it jumps to the miss stub with that address in RCX again.
 *
 * The miss stub stands at offset 0 of the cache: UD2 alone. The monitor knows it by its address.
 */
#define BT_MISS_STUB   0
#define BT_EXIT_BYTES  6 /* UD2 and the number */

#define BT_NO_FRAME    (~0ULL)
#define BT_HASH_COUNT  4096
#define BT_PAGE_FILTER 4096

struct bt_cache {
	u8 *code;               /* hva of the cache, writable */
	u64 *table;             /* hva: addresses in the window */
	struct bt_state *state; /* hva */
	u64 window;             /* gva of the window, where the guest runs it */
	u32 used, size;         /* bytes of the cache: in use, in all */
	enum bt_flavour flavour;
	struct bt_block *block;
	struct bt_point *point;
	struct bt_exit *exit;
	u32 blocks, points, exits;             /* in use */
	u32 max_blocks, max_points, max_exits; /* there is room for */
	u32 generation;                        /* another number each time a block or a mapping was voided */
	u32 hash[BT_HASH_COUNT];               /* of rip: number of the first block + 1 */
	u32 mapped;                            /* the first mapped block: number + 1 */
	u64 pages[BT_PAGE_FILTER / 64];        /* a bit for each hash of a page that mapped blocks are in */
	/* cost of translation: of the guest's code, of the cache; ticks of the clock in bt_translate() */
	u64 translated_insns, translated_bytes, code_bytes, ticks;
	u32 flushes;
	/*
	 * How often, for the picture of the cache; NULL: nobody counts. Who counts has the monitor hear of
	 * everything: a chain is noted but not patched, and the lookup table stays empty.
	 */
	struct bt_counts *counts;
	/* In a student's workspace: the first sentence that names an exercise which had to be written for the
	 * code to go on, and one that names an exercise without which it is only slow. */
	const char *missing, *slow;
};

/* Since the cache was empty. Each is as long as there is room for what it counts. */
struct bt_counts {
	u32 *runs;    /* of a block: entries at its begin */
	u32 *lookups; /* of a block: those of them that an indirect jump led to */
	u32 *taken;   /* of an exit */
};

/* What stands in a workspace in place of a solution calls one of these: there is no vcpu here to be ended. */
static inline void bt_missing(struct bt_cache *c, const char *sentence)
{
	c->missing = c->missing ? c->missing : sentence;
}
static inline bool bt_slow(struct bt_cache *c, const char *sentence)
{
	c->slow = c->slow ? c->slow : sentence;
	return false;
}

/* ---- the translator (translate.c): no machine, no vcpu; runs on the host too ---- */

struct bt_source {
	u64 rip;
	const u8 *bytes; /* of the guest, from rip on */
	u32 size;        /* at most BT_BLOCK_BYTES are looked at */
	bool more;       /* the bytes end because the next page cannot be read, or at BT_BLOCK_BYTES: an
			    instruction that goes on there ends the block before itself */
	u64 stop[4];     /* guest addresses at which no instruction but the first is translated */
	unsigned stops;
};

/*
 * Translates a block at the end of the cache, with its points and exits, and returns it; nothing of it is
 * chained and nobody can find it yet. NULL: no room. The first instruction is always there, be it an exit of
 * kind INVALID.
 */
struct bt_block *bt_translate(struct bt_cache *c, const struct bt_source *source);
/* Writes the stubs of an empty cache. */
void bt_translate_stubs(struct bt_cache *c);
/* Patches the rel32 of an exit: to a block, or back (NULL). */
void bt_patch(struct bt_cache *c, struct bt_exit *e, const struct bt_block *to);
/* Is it an instruction that the translator may copy, rewrite or chain? False: the monitor has to emulate it
 * at any rate, or may inline it. */
bool bt_is_harmless(const struct insn *i);

/* ---- x87 state (x87.c): no machine either ---- */

/* What an instruction stores of the last x87 instruction: its address, and the selector of its code. */
struct bt_x87_image {
	u8 rip, rip_bytes; /* offset in the memory operand; low bytes of the address: 2, 4 or 8 */
	u8 cs;             /* offset of the selector; 0: none is stored */
};

/* False: the instruction stores none. */
bool bt_x87_image(const struct insn *i, struct bt_x87_image *image);
/* The stored low bytes of an address: do they name code in the cache? Then that of the guest's instruction
 * takes their place, or 0. */
bool bt_x87_rip(const struct bt_cache *c, u64 *stored, unsigned bytes);

/* ---- the cache (cache.c) ---- */

/* The point that an address in the cache belongs to, with its block. NULL: none. */
const struct bt_point *bt_find_point(const struct bt_cache *c, u32 at, const struct bt_block **block);
/* The exit whose UD2 is at that offset of the cache, wherever that is; NULL: none. */
static inline struct bt_exit *bt_find_exit(const struct bt_cache *c, u64 at)
{
	const struct __attribute__((packed)) {
		u8 ud2[BT_EXIT_BYTES - sizeof(u32)];
		u32 number;
	} *code = (const void *)(c->code + at);

	if (at > c->used - BT_EXIT_BYTES || code->number >= c->exits || c->exit[code->number].at != at)
		return NULL;
	return &c->exit[code->number];
}

static inline struct bt_block *bt_block_of(const struct bt_cache *c, u32 number_plus_one)
{
	return number_plus_one ? &c->block[number_plus_one - 1] : NULL;
}
static inline unsigned bt_hash(u64 rip)
{
	return (rip ^ rip >> PAGE_SHIFT) % BT_HASH_COUNT;
}
/* The block for rip that is known to be mapped; NULL: none. */
static inline struct bt_block *bt_find_mapped(const struct bt_cache *c, u64 rip)
{
	struct bt_block *b = bt_block_of(c, c->hash[bt_hash(rip)]);

	while (b && !(b->mapped && b->rip == rip))
		b = bt_block_of(c, b->hash_next);
	return b;
}
/* The live block for rip that was translated from these frames (the second counts where it has one); NULL:
 * none. It becomes mapped. */
struct bt_block *bt_find_block(struct bt_cache *c, u64 rip, const u64 frame[2]);
/* After bt_translate(), with frame[] set: the block can be found, and is mapped. */
void bt_add_block(struct bt_cache *c, struct bt_block *b);
/* Chains an exit to a mapped block. */
void bt_chain(struct bt_cache *c, struct bt_exit *e, struct bt_block *to);
/* Puts a mapped block into the lookup table. */
void bt_enter_table(struct bt_cache *c, const struct bt_block *b);
/* Nobody finds the block any more, and nobody is chained to it. */
void bt_kill_block(struct bt_cache *c, struct bt_block *b);
/* A frame was written: its blocks are dead. */
void bt_frame_written(struct bt_cache *c, u64 frame);
/* A translation of linear addresses was dropped: of one page, or of all. Its blocks are no longer mapped. */
void bt_unmap_page(struct bt_cache *c, u64 gva);
void bt_unmap_all(struct bt_cache *c);
/* False: they are for the monitor to count (bt_counts). */
static inline bool bt_goes_alone(const struct bt_cache *c)
{
	return !c->counts;
}
/* Makes an empty cache of a zeroed one that has its memory. */
void bt_start(struct bt_cache *c);
/* Everything goes. */
void bt_flush(struct bt_cache *c);

#endif
