// SPDX-License-Identifier: MIT
/*
 * RBX and RBP point to data, RSP to the stack, R15 is a small index: no program changes them. All other
 * registers hold anything.
 *
 * What is made is what the translator has to tell apart: opcodes of all maps with every form of operand,
 * above all RIP-relative ones, with REX and VEX bits that mean nothing there; jumps in all forms. So this is
 * no test of the CPU: of each kind of plain instruction there are a few.
 */
#include <string.h>

#include "programs.h"

struct program {
	enum place place;
	enum program_kind kind;
	u32 random;
	const u8 *choices; /* taken instead of random numbers */
	size_t choices_left;
	u8 *at;
	u32 keep; /* registers that the present piece must not change */
	bool has_sse42, has_avx2, has_avx512;
	const u8 *function[3], *function_with_argument;
};

/* ---- numbers ---- */

/* One byte chooses among few, four among many; the last ones may be less. */
static u32 next_choice(struct program *p, u32 below)
{
	u32 choice = 0;
	size_t size = MIN(below <= 256 ? 1 : sizeof(choice), p->choices_left);

	memcpy(&choice, p->choices, size);
	p->choices += size;
	p->choices_left -= size;
	return choice % below;
}

static u32 any(struct program *p, u32 below)
{
	if (p->choices_left)
		return next_choice(p, below);
	p->random = p->random * 1664525 + 1013904223;
	return (u32)((u64)p->random * below >> 32);
}

static u64 any_number(struct program *p)
{
	static const u64 special[] = {0,          1,          0x7f,       0x80,       0xff,
				      0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 63, -1ULL};

	if (any(p, 3) == 0)
		return special[any(p, ARRAY_SIZE(special))];
	return (u64)any(p, ~0U) << 32 ^ any(p, ~0U) * 3ULL;
}

#define PICK(p, ...) ((const u16[]){__VA_ARGS__}[any(p, sizeof((const u16[]){__VA_ARGS__}) / sizeof(u16))])

/* A register that may be changed; often one of those that translations use. */
static u8 any_register(struct program *p)
{
	u8 r;

	do
		r = (u8)any(p, any(p, 2) ? 3 : GPR_COUNT);
	while ((p->keep | BIT(GPR_RBX) | BIT(GPR_RBP) | BIT(GPR_RSP) | BIT(15)) >> r & 1);
	return r;
}

/* ---- bytes and operands ---- */

static void put(struct program *p, u64 value, unsigned size)
{
	memcpy(p->at, &value, size);
	p->at += size;
}

#define PUT(p, ...)                                                                                          \
	do {                                                                                                 \
		const u8 bytes[] = {__VA_ARGS__};                                                            \
		for (unsigned put_n = 0; put_n < sizeof(bytes); put_n++)                                     \
			*(p)->at++ = bytes[put_n];                                                           \
	} while (0)

enum form { FORM_REGISTER, FORM_RIP, FORM_BASE, FORM_INDEX, FORM_STACK, FORM_ABSOLUTE };

struct operand {
	enum form form;
	u8 rm; /* a register, or the base */
	s8 disp;
	bool asize, gs; /* prefixes; the base of GS is 0 in this process */
	u8 ignored;     /* X and B, of FORM_RIP */
	u64 gva;        /* of FORM_RIP, FORM_ABSOLUTE */
};

static struct operand any_memory(struct program *p)
{
	bool low = p->place == PLACE_LOW;
	struct operand o = {.form = (enum form)PICK(p, FORM_RIP, FORM_RIP, FORM_RIP, FORM_BASE, FORM_INDEX,
						    FORM_STACK, low ? FORM_ABSOLUTE : FORM_BASE),
			    .rm = (u8)PICK(p, GPR_RBX, GPR_RBP),
			    .disp = (s8)(any(p, 200) - 100),
			    .gs = any(p, 8) == 0,
			    .asize = low && any(p, 6) == 0,
			    .ignored = (u8)(any(p, 2) ? any(p, 4) : 0)};

	if (o.form == FORM_STACK)
		o.disp = (s8)(16 + (o.disp & 0x3f)); /* above a return address and an argument */
	o.gva = runner_middle(p->place, AREA_DATA) + (u64)(s64)o.disp;
	return o;
}

static struct operand reg(u8 r)
{
	return (struct operand){.form = FORM_REGISTER, .rm = r};
}

static struct operand any_operand(struct program *p)
{
	return any(p, 3) ? any_memory(p) : reg(any_register(p));
}

/* X and B of the instruction's REX */
static u8 rex_of(const struct operand *o)
{
	switch (o->form) {
	case FORM_RIP:
		return o->ignored;
	case FORM_INDEX:
		return INSN_REX_X; /* R15 */
	default:
		return o->rm >> 3;
	}
}

/* ModRM and what follows, with `behind` bytes after that. */
static void put_modrm(struct program *p, u8 r, const struct operand *o, unsigned behind)
{
	u8 field = (u8)((r & 7) << 3);

	switch (o->form) {
	case FORM_REGISTER:
		PUT(p, 0xc0 | field | (o->rm & 7));
		break;
	case FORM_RIP:
		PUT(p, field | 5);
		put(p, o->gva - ((u64)p->at + 4 + behind), 4);
		break;
	case FORM_BASE:
		PUT(p, 0x40 | field | o->rm, (u8)o->disp);
		break;
	case FORM_INDEX:
		PUT(p, 0x44 | field, 0x78 | o->rm, (u8)o->disp); /* + R15 * 2 */
		break;
	case FORM_STACK:
		PUT(p, 0x44 | field, 0x24, (u8)o->disp);
		break;
	case FORM_ABSOLUTE:
		PUT(p, field | 4, 0x25);
		put(p, o->gva, 4);
		break;
	}
}

static void put_address_prefixes(struct program *p, const struct operand *o)
{
	if (o->gs && o->form != FORM_REGISTER)
		PUT(p, 0x65);
	if (o->asize && o->form != FORM_REGISTER)
		PUT(p, 0x67);
}

/* `opcode`: up to three bytes, the first one in the highest bits that are not 0. */
static void put_opcode(struct program *p, u32 opcode)
{
	for (int shift = 16; shift >= 0; shift -= 8)
		if (opcode >> shift || !shift)
			PUT(p, (u8)(opcode >> shift));
}

/* An instruction with ModRM. `prefix`: 66, F2, F3 or 0 */
static void put_insn(struct program *p, u8 prefix, bool w, u32 opcode, u8 r, const struct operand *o, u64 imm,
		     unsigned imm_size)
{
	u8 rex = (u8)((w ? INSN_REX_W : 0) | r >> 3 << 2 | rex_of(o));

	put_address_prefixes(p, o);
	if (prefix)
		PUT(p, prefix);
	if (rex || any(p, 8) == 0)
		PUT(p, 0x40 | rex);
	put_opcode(p, opcode);
	put_modrm(p, r, o, imm_size);
	put(p, imm, imm_size);
}

/* The same in a random size of 2, 4 or 8 bytes. */
static unsigned put_sized(struct program *p, u32 opcode, u8 r, const struct operand *o, bool imm)
{
	unsigned size = PICK(p, 2, 4, 4, 8, 8);

	put_insn(p, size == 2 ? 0x66 : 0, size == 8, opcode, r, o, any_number(p), imm ? MIN(size, 4) : 0);
	return size;
}

static void put_mov_imm(struct program *p, u8 r, u32 value)
{
	PUT(p, 0x40 | r >> 3, 0xb8 | (r & 7));
	put(p, value, 4);
}

/* lea LABEL(%rip), %r; the label comes later: land() */
static u8 *put_lea_forward(struct program *p, u8 r)
{
	PUT(p, 0x48 | r >> 3 << 2, 0x8d, 0x05 | (r & 7) << 3);
	put(p, 0, 4);
	return p->at;
}

/* The displacement of `size` bytes that ends at `from` leads here. */
static void land(struct program *p, u8 *from, unsigned size)
{
	u64 distance = (u64)(p->at - from);

	memcpy(from - size, &distance, size);
}

/* ---- plain instructions ---- */

static void arithmetic(struct program *p)
{
	struct operand o = any_operand(p);
	u8 r = any_register(p), op = (u8)(any(p, 8) << 3);

	switch (any(p, 5)) {
	case 0:
		put_sized(p, op | 1, r, &o, false);
		break;
	case 1:
		put_sized(p, op | 3, r, &o, false);
		break;
	case 2:
		put_sized(p, 0x81, op >> 3, &o, true);
		break;
	case 3:
		put_insn(p, any(p, 2) ? 0x66 : 0, any(p, 2), 0x83, op >> 3, &o, any_number(p), 1);
		break;
	case 4:
		o = any_memory(p);
		put_insn(p, 0, false, 0x80, op >> 3, &o, any_number(p), 1);
	}
}

static void one_operand(struct program *p)
{
	struct operand o = any_operand(p);

	switch (any(p, 4)) {
	case 0: /* NOT NEG, MUL IMUL with RAX and RDX */
		put_sized(p, 0xf7, (u8)(2 + any(p, p->keep ? 2 : 4)), &o, false);
		break;
	case 1: /* INC DEC */
		put_sized(p, 0xff, (u8)any(p, 2), &o, false);
		break;
	case 2: /* rotates and shifts by CL, by 1 and by a number */
		put_sized(p, (u32)PICK(p, 0xd1, 0xd3), (u8)any(p, 8), &o, false);
		break;
	case 3:
		put_insn(p, 0, any(p, 2), 0xc1, (u8)any(p, 8), &o, any(p, 64), 1);
	}
}

/* DIV, of what cannot overflow */
static void division(struct program *p)
{
	struct operand o = any_memory(p);

	put_insn(p, 0, false, 0xc7, 0, &o, any_number(p) | 0x10001, 4);
	PUT(p, 0x31, 0xd2); /* xor %edx, %edx */
	put_insn(p, 0, false, 0xf7, 6, &o, 0, 0);
}

static void two_operands(struct program *p)
{
	struct operand o = any_operand(p);

	put_sized(p,
		  (u32)PICK(p, 0x89, 0x8b, 0x85, 0x87, 0x63, 0x0faf, 0x0fbc, 0x0fbd, 0x0fb6, 0x0fb7, 0x0fbe,
			    0x0fbf, 0x0f40 + (u16)any(p, 16), 0x0fa5, 0x0fad),
		  any_register(p), &o, false);
}

/* XADD, CMPXCHG, BTS, with LOCK now and then; CMPXCHG16B */
static void atomic(struct program *p)
{
	struct operand o = any_memory(p);
	u32 opcode = (u32)PICK(p, 0x0fc1, 0x0fb1, 0x0fab);

	if (any(p, 3) == 0 && o.form == FORM_RIP && !p->keep) {
		o.gva &= ~15ULL;
		PUT(p, 0x48, 0x89, 0xd8); /* mov %rbx, %rax */
		PUT(p, 0x49, 0x89, 0xdb); /* mov %rbx, %r11 */
		put_insn(p, 0, true, 0x0fc7, 1, &o, 0, 0);
		PUT(p, 0x4c, 0x89, 0xdb); /* mov %r11, %rbx */
		return;
	}
	if (o.form == FORM_REGISTER || opcode == 0x0fab)
		o = reg(any_register(p));
	else if (any(p, 2))
		PUT(p, 0xf0);
	put_sized(p, opcode, any_register(p), &o, false);
}

static void immediate(struct program *p)
{
	struct operand o = any_operand(p);

	switch (any(p, 4)) {
	case 0:
		put_sized(p, 0xc7, 0, &o, true);
		break;
	case 1:
		put_sized(p, 0x69, any_register(p), &o, true);
		break;
	case 2:
		put_insn(p, 0, any(p, 2), (u32)PICK(p, 0x0fa4, 0x0fac), any_register(p), &o, any(p, 64), 1);
		break;
	case 3:
		put_insn(p, 0, any(p, 2), 0x6b, any_register(p), &o, any_number(p), 1);
	}
}

static void address(struct program *p)
{
	struct operand o = any_memory(p);

	put_sized(p, 0x8d, any_register(p), &o, false);
}

static void condition(struct program *p)
{
	struct operand o = any_memory(p);

	put_insn(p, 0, false, 0x0f90 + any(p, 16), 0, &o, 0, 0);
}

static void stack(struct program *p)
{
	struct operand o = any_memory(p);
	u8 r = any_register(p);

	switch (any(p, 3)) {
	case 0:
		PUT(p, 0x68);
		put(p, any_number(p), 4);
		break;
	case 1:
		put_insn(p, 0, false, 0xff, 6, &o, 0, 0);
		break;
	case 2:
		PUT(p, 0x40 | r >> 3, 0x50 | (r & 7));
	}
	o = any_memory(p);
	if (any(p, 2))
		put_insn(p, 0, false, 0x8f, 0, &o, 0, 0);
	else
		PUT(p, 0x40 | r >> 3, 0x58 | (r & 7));
}

static void flags(struct program *p)
{
	PUT(p, (u8)PICK(p, 0xf5, 0xf8, 0xf9, 0xfc, 0x9e)); /* CMC CLC STC CLD SAHF */
}

static void nothing(struct program *p)
{
	struct operand o = any_memory(p);

	switch (any(p, 4)) {
	case 0:
		PUT(p, 0xf3, 0x0f, 0x1e, 0xfa); /* ENDBR64 */
		break;
	case 1:
		PUT(p, 0xf3, 0x90); /* PAUSE */
		break;
	case 2: /* so many prefixes that there is no room for a SIB byte */
		o.form = FORM_RIP;
		o.gs = o.asize = false;
		PUT(p, 0x2e, 0x3e, 0x26, 0x65);
		put_insn(p, 0, true, 0x81, (u8)any(p, 8), &o, any_number(p), 4);
		break;
	case 3:
		put_sized(p, 0x0f1f, 0, &o, false);
	}
}

/* SSE, and AVX of two and of four payload bytes, where there is such a CPU */
static void vector(struct program *p)
{
	struct operand o = any_memory(p);
	u8 x = (u8)any(p, 4);

	switch (any(p, 4)) {
	case 0: /* MOVUPS load and store, MOVQ */
		put_insn(p, 0, false, (u32)PICK(p, 0x0f10, 0x0f11), x, &o, 0, 0);
		break;
	case 1: /* MOVDQU; CVTSI2SD; ADDSD */
		put_insn(p, (u8)PICK(p, 0xf3, 0xf2), false, (u32)PICK(p, 0x0f58, 0x0f2a), x, &o, 0, 0);
		break;
	case 2: /* PINSRW */
		put_insn(p, 0x66, false, 0x0fc4, x, &o, any(p, 8), 1);
		break;
	case 3: /* PCMPESTRI: unaligned operand; writes RCX */
		if (p->keep || !p->has_sse42)
			return;
		o.form = FORM_RIP;
		put_insn(p, 0x66, false, 0x0f3a61, x, &o, any(p, 128), 1);
	}
}

/* VEX of three bytes (C4): 0F 38 F2 ANDN, F6 MULX, F7 SHLX; of two (C5): VPADDD; EVEX: VPADDD */
static void vex(struct program *p)
{
	struct operand o = any_memory(p);
	u8 rxb = (u8)(~rex_of(&o) << 5 & 0x60), r = any_register(p), v = any_register(p), x = (u8)any(p, 4);
	u8 pp = (u8)PICK(p, 0, 3); /* ANDN or MULX by prefix */

	if (!p->has_avx2)
		return;
	put_address_prefixes(p, &o);
	switch (any(p, p->has_avx512 ? 3 : 2)) {
	case 0:
		PUT(p, 0xc4, (u8)((r & 8 ? 0 : 0x80) | rxb | 2), (u8)(0x80 | (~v & 0xf) << 3 | pp),
		    pp ? 0xf6 : 0xf2);
		put_modrm(p, r, &o, 0);
		break;
	case 1:
		if (rex_of(&o) & INSN_REX_X)
			o.form = FORM_BASE;
		PUT(p, 0xc5, (u8)(0x80 | (~any(p, 4) & 0xf) << 3 | 1), 0xfe);
		put_modrm(p, x, &o, 0);
		break;
	case 2:
		o.disp &= 7; /* counts in units of 16 bytes */
		PUT(p, 0x62, (u8)(0x90 | rxb | 1), (u8)(0x05 | (~any(p, 4) & 0xf) << 3), 0x08, 0xfe);
		put_modrm(p, x, &o, 0);
	}
}

static void string(struct program *p)
{
	u32 opcode = (u32)PICK(p, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf);
	bool w = any(p, 2);

	if (p->keep)
		return;
	PUT(p, 0x48, 0x8d, 0x73, (u8)any(p, 256)); /* lea ..(%rbx), %rsi */
	PUT(p, 0x48, 0x8d, 0x7d, (u8)any(p, 256)); /* lea ..(%rbp), %rdi */
	put_mov_imm(p, GPR_RCX, any(p, 5));
	if (any(p, 3) == 0)
		PUT(p, 0xfd); /* std */
	if (any(p, 4))
		PUT(p, (u8)PICK(p, 0xf2, 0xf3));
	if (w)
		PUT(p, 0x48);
	PUT(p, (u8)opcode, 0xfc); /* cld */
}

static void plain(struct program *p)
{
	static void (*const piece[])(struct program *) = {arithmetic, one_operand, two_operands, atomic,
							  immediate,  address,     condition,    stack,
							  flags,      nothing,     vector,       vex};

	piece[any(p, ARRAY_SIZE(piece))](p);
}

/* ---- jumps ---- */

/* Jcc over something, short or long */
static void jump_if(struct program *p)
{
	bool is_long = any(p, 2);
	u8 cond = (u8)any(p, 16), *from;

	if (is_long) {
		PUT(p, 0x0f, 0x80 | cond, 0, 0, 0, 0);
	} else {
		PUT(p, 0x70 | cond, 0);
	}
	from = p->at;
	plain(p);
	land(p, from, is_long ? 4 : 1);
}

/* JMP over bytes that are no instruction */
static void jump(struct program *p)
{
	bool is_long = any(p, 2);
	u8 *from;

	if (is_long) {
		PUT(p, 0xe9, 0, 0, 0, 0);
	} else {
		PUT(p, 0xeb, 0);
	}
	from = p->at;
	PUT(p, 0x06, 0x0f, 0xff);
	land(p, from, is_long ? 4 : 1);
}

/* Prefix 67 makes it ECX: then there is something in the upper half of RCX. */
static void put_count(struct program *p, u32 count, bool asize)
{
	put_mov_imm(p, GPR_RCX, count);
	if (asize)
		PUT(p, 0x48, 0x0f, 0xba, 0xe9, 0x28); /* bts $40, %rcx */
}

/* LOOP, LOOPE, LOOPNE back; JRCXZ over something. */
static void loop(struct program *p)
{
	bool asize = any(p, 3) == 0;
	u8 *start, *from;

	put_count(p, 1 + any(p, 4), asize);
	start = p->at;
	p->keep = BIT(GPR_RCX) | BIT(GPR_RAX) | BIT(GPR_RDX);
	plain(p);
	plain(p);
	if (asize)
		PUT(p, 0x67);
	PUT(p, (u8)(0xe0 + any(p, 3)), (u8)(start - (p->at + 2)));
	asize = any(p, 3) == 0;
	put_count(p, any(p, 2), asize);
	if (asize)
		PUT(p, 0x67);
	PUT(p, 0xe3, 0);
	from = p->at;
	plain(p);
	land(p, from, 1);
	p->keep = 0;
}

static void put_call(struct program *p, const u8 *function)
{
	struct operand o = any_memory(p);
	u8 r = any_register(p), *from;

	switch (any(p, 3)) {
	case 0:
		PUT(p, 0xe8);
		put(p, (u64)(function - (p->at + 4)), 4);
		return;
	case 1:
		o = reg(r);
	}
	from = put_lea_forward(p, r);
	put(p, 0, 0);
	memcpy(from - 4, &(u32){(u32)(function - from)}, 4);
	if (o.form != FORM_REGISTER)
		put_insn(p, 0, true, 0x89, r, &o, 0, 0);
	put_insn(p, 0, false, 0xff, 2, &o, 0, 0);
}

static void call(struct program *p)
{
	if (any(p, 4) == 0) {
		PUT(p, 0x6a, 0x55); /* push $0x55 */
		put_call(p, p->function_with_argument);
	} else {
		put_call(p, p->function[any(p, ARRAY_SIZE(p->function))]);
	}
}

static void jump_indirect(struct program *p)
{
	struct operand o = any_memory(p);
	u8 r = any_register(p), *from = put_lea_forward(p, r);

	switch (any(p, 3)) {
	case 0:
		o = reg(r);
		put_insn(p, 0, false, 0xff, 4, &o, 0, 0);
		break;
	case 1:
		put_insn(p, 0, true, 0x89, r, &o, 0, 0);
		put_insn(p, 0, false, 0xff, 4, &o, 0, 0);
		break;
	case 2:
		PUT(p, 0x40 | r >> 3, 0x50 | (r & 7)); /* push %r */
		if (any(p, 2))
			PUT(p, 0xf3);
		PUT(p, 0xc3);
	}
	PUT(p, 0x06, 0x06);
	land(p, from, 4);
}

/* ---- sensitive instructions ---- */

static u32 any_image(struct program *p)
{
	u32 image = any(p, ~0U) & (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_IF);

	if (any(p, 3) == 0)
		image |= RFLAGS_OF;
	if (any(p, 8) == 0)
		image |= RFLAGS_DF;
	return image | RFLAGS_RESERVED1;
}

static void put_push_imm(struct program *p, u32 value)
{
	PUT(p, 0x68);
	put(p, value, 4);
}

static void interrupt_flag(struct program *p)
{
	PUT(p, (u8)PICK(p, 0xfa, 0xfb));
}

static void flags_image(struct program *p)
{
	u8 r = any_register(p);

	switch (any(p, 3)) {
	case 0:
		PUT(p, 0x9c, 0x9d);
		break;
	case 1:
		PUT(p, 0x9c, 0x40 | r >> 3, 0x58 | (r & 7));
		break;
	case 2:
		put_push_imm(p, any_image(p));
		PUT(p, 0x9d);
		plain(p);
		PUT(p, 0xfc);
	}
}

static void read_system(struct program *p)
{
	struct operand o = reg(any_register(p));
	u8 r = o.rm;

	switch (any(p, 5)) {
	case 0:
		put_sized(p, 0x8c, (u8)any(p, 6), &o, false);
		break;
	case 1:
		put_sized(p, 0x0f00, (u8)any(p, 2), &o, false);
		break;
	case 2:
		put_sized(p, 0x0f01, 4, &o, false);
		break;
	case 3: {
		u8 number = (u8)PICK(p, 0, 2, 3, 4, 8);

		PUT(p, 0x40 | number >> 3 << 2 | r >> 3, 0x0f, 0x20, 0xc0 | (number & 7) << 3 | (r & 7));
		break;
	}
	case 4:
		PUT(p, 0x0f, (u8)PICK(p, 0xa0, 0xa8), 0x40 | r >> 3, 0x58 | (r & 7));
	}
}

static void write_cr8(struct program *p)
{
	u8 r = any_register(p);

	put_mov_imm(p, r, any(p, 16));
	PUT(p, 0x44 | r >> 3, 0x0f, 0x22, 0xc0 | (r & 7));
}

static void iret(struct program *p)
{
	u8 *from;

	PUT(p, 0x49, 0x89, 0xe3); /* mov %rsp, %r11 */
	if (any(p, 4) == 0)
		PUT(p, 0x48, 0x8d, 0x64, 0x24, 0xf5); /* lea -11(%rsp), %rsp: no alignment */
	put_push_imm(p, (u32)reference_state.sel[SEG_SS]);
	PUT(p, 0x41, 0x53); /* push %r11 */
	put_push_imm(p, any_image(p) | (any(p, 3) ? 0 : RFLAGS_RF));
	put_push_imm(p, (u32)reference_state.sel[SEG_CS]);
	from = put_lea_forward(p, GPR_R11);
	PUT(p, 0x41, 0x53, 0x48, 0xcf); /* push %r11; iretq */
	PUT(p, 0x06, 0x06);
	land(p, from, 4);
	PUT(p, 0xfc);
}

static void cpuid(struct program *p)
{
	PUT(p, 0x49, 0x89, 0xdb, 0x0f, 0xa2, 0x4c, 0x89, 0xdb); /* RBX is kept in R11 */
}

static void sensitive(struct program *p)
{
	static void (*const piece[])(struct program *) = {
		interrupt_flag, flags_image, flags_image, read_system, write_cr8, iret, cpuid};

	piece[any(p, ARRAY_SIZE(piece))](p);
}

/* ---- programs ---- */

#define PIECES        24
#define CHOSEN_PIECES 64 /* at most: TRACE_MAX has room for their instructions */

static void piece(struct program *p)
{
	static void (*const jumps[])(struct program *) = {jump_if, jump_if, jump, loop, call, jump_indirect};
	static const unsigned kinds[] = {[PROGRAM_DIRECT] = 4, [PROGRAM_PLAIN] = 6, [PROGRAM_SENSITIVE] = 6};

	switch (any(p, p->kind == PROGRAM_SENSITIVE ? 5 : p->kind == PROGRAM_STRAIGHT ? 2 : 3)) {
	case 0:
	case 1:
		if (any(p, 12) == 0)
			division(p);
		else if (any(p, 10) == 0)
			string(p);
		else
			plain(p);
		break;
	case 2:
		jumps[any(p, kinds[p->kind])](p);
		break;
	default:
		sensitive(p);
	}
}

static const u8 *make_function(struct program *p, bool argument)
{
	const u8 *start = p->at;

	plain(p);
	plain(p);
	if (argument)
		PUT(p, 0xc2, 8, 0);
	else
		PUT(p, 0xc3);
	return start;
}

static void make_state(struct program *p, struct guest *g)
{
	u8 memory[GUEST_MEMORY];

	for (unsigned n = 0; n < sizeof(memory); n++)
		memory[n] = (u8)any(p, 256);
	runner_load_memory(p->place, memory);
	memset(g, 0, sizeof(*g));
	for (unsigned r = 0; r < GPR_COUNT; r++)
		g->cpu.gpr[r] = any_number(p);
	g->cpu.gpr[GPR_RBX] = runner_middle(p->place, AREA_DATA) + any(p, 16);
	g->cpu.gpr[GPR_RBP] = runner_middle(p->place, AREA_DATA) - any(p, 16);
	g->cpu.gpr[GPR_RSP] = runner_middle(p->place, AREA_STACK) + 8 * any(p, 6) + (any(p, 8) ? 0 : 5);
	g->cpu.gpr[15] = any(p, 8);
	g->cpu.rflags = any_image(p) & ~(u32)(RFLAGS_RESERVED1 | RFLAGS_IF | RFLAGS_DF);
	g->vif = any(p, 2) ? RFLAGS_IF : 0;
	g->cr8 = any(p, 16);
}

static void begin(struct program *p, enum place place, enum program_kind kind, u32 seed, struct guest *first)
{
	*p = (struct program){.place = place,
			      .kind = kind,
			      .random = seed * 2654435761U + 1,
			      .at = (u8 *)runner_code(place),
			      .has_sse42 = __builtin_cpu_supports("sse4.2"),
			      .has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"),
			      .has_avx512 = __builtin_cpu_supports("avx512vl")};

	for (unsigned n = 0; n < ARRAY_SIZE(p->function); n++)
		p->function[n] = make_function(p, false);
	p->function_with_argument = make_function(p, true);
	make_state(p, first);
	first->cpu.rip = (u64)p->at;
}

void program_make(enum place place, enum program_kind kind, u32 seed, struct guest *first)
{
	struct program p;

	begin(&p, place, kind, seed, first);
	for (unsigned n = 0; n < PIECES; n++)
		piece(&p);
	PUT(&p, 0x0f, 0x0b);
}

void program_make_chosen(enum place place, enum program_kind kind, u32 seed, const u8 *choices, size_t count,
			 struct guest *first)
{
	struct program p;

	begin(&p, place, kind, seed, first);
	p.choices = choices;
	p.choices_left = count;
	for (unsigned n = 0; n < CHOSEN_PIECES && p.choices_left; n++)
		piece(&p);
	PUT(&p, 0x0f, 0x0b);
}
