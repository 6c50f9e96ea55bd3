// SPDX-License-Identifier: MIT
/*
 * The model of the sensitive instructions, and the way from one state to the next. Source: SDM vol. 2, the
 * page of each instruction. What the model does not have, programs must not contain: they get SIGSYS.
 */
#include <stdio.h>
#include <string.h>

#include "reference.h"

#define CPUID_ANSWER  0x11111111 /* times 1 to 4 */
#define IRET_WORDS    5
#define RFLAGS_POPPED (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_DF | RFLAGS_OF)

const struct bt_state reference_state = {
	.cr0 = 0x80050033,
	.cr2 = 0xffff8000dead0000,
	.cr3 = 0x123456000,
	.cr4 = 0x6f0,
	.sel = {0x28, 0x10, 0x18, 0x30, 0x3b, 0x43, 0x58, 0x48},
};

void reference_fill(const struct guest *g)
{
	struct bt_state *s = runner_cache.state;

	*s = reference_state;
	s->vif = g->vif;
	s->cr8 = g->cr8;
}

void reference_decode(const struct guest *g, struct insn *i)
{
	u64 rip = g->cpu.rip, end = ALIGN_DOWN(rip, GUEST_CODE_SIZE) + GUEST_CODE_SIZE;

	insn_decode(i, (const u8 *)rip, end - rip, DECODE_64);
}

/* ---- memory: by the CPU, so that a page without rights is found as the guest's own access would ---- */

extern const u8 model_load[], model_store[];
asm(".text\nmodel_load: mov (%rcx), %rax\n\tud2\nmodel_store: mov %rax, (%rcx)\n\tud2");

static bool access_word(const u8 *code, u64 gva, u64 *value, struct stop *stop)
{
	struct cpu cpu = {.rip = (u64)code};

	cpu.gpr[GPR_RCX] = gva;
	cpu.gpr[GPR_RAX] = *value;
	*stop = runner_run(&cpu);
	if (stop->signal != SIGILL)
		return false;
	*value = cpu.gpr[GPR_RAX];
	*stop = (struct stop){0};
	return true;
}

static bool push(struct guest *g, u64 value, struct stop *stop)
{
	if (!access_word(model_store, g->cpu.gpr[GPR_RSP] - sizeof(u64), &value, stop))
		return false;
	g->cpu.gpr[GPR_RSP] -= sizeof(u64);
	return true;
}

static bool read_stack(const struct guest *g, unsigned word, u64 *value, struct stop *stop)
{
	*value = 0;
	return access_word(model_load, g->cpu.gpr[GPR_RSP] + word * sizeof(u64), value, stop);
}

/* ---- the model ---- */

static void write_register(struct guest *g, const struct insn *i, u64 value, unsigned size)
{
	u64 *reg = &g->cpu.gpr[i->rm];

	*reg = size == 2 ? (*reg & ~0xffffULL) | (u16)value : size == 4 ? (u32)value : value;
}

static void load_flags(struct guest *g, u64 image)
{
	g->cpu.rflags = image & RFLAGS_POPPED;
	g->vif = image & RFLAGS_IF;
}

static void model_iret(struct guest *g, struct stop *stop)
{
	u64 frame[IRET_WORDS];

	for (unsigned n = 0; n < IRET_WORDS; n++)
		if (!read_stack(g, n, &frame[n], stop))
			return;
	g->cpu.rip = frame[0];
	load_flags(g, frame[2]);
	g->cpu.gpr[GPR_RSP] = frame[3];
}

static u64 model_control(const struct guest *g, unsigned number)
{
	const u64 value[] = {
		[0] = reference_state.cr0,
		[2] = reference_state.cr2,
		[3] = reference_state.cr3,
		[4] = reference_state.cr4,
		[8] = g->cr8,
	};

	return value[number];
}

static void model_cpuid(struct guest *g)
{
	g->cpu.gpr[GPR_RAX] = CPUID_ANSWER;
	g->cpu.gpr[GPR_RBX] = 2 * CPUID_ANSWER;
	g->cpu.gpr[GPR_RCX] = 3 * CPUID_ANSWER;
	g->cpu.gpr[GPR_RDX] = 4 * CPUID_ANSWER;
}

/* RIP is behind the instruction already. */
static struct stop model(struct guest *g, const struct insn *i)
{
	struct stop stop = {0};
	u64 image;

	switch (i->op) {
	case OP_CLI:
		g->vif = 0;
		break;
	case OP_STI:
		g->vif = RFLAGS_IF;
		break;
	case OP_PUSHF:
		push(g, g->cpu.rflags | RFLAGS_RESERVED1 | g->vif, &stop);
		break;
	case OP_POPF:
		if (read_stack(g, 0, &image, &stop)) {
			load_flags(g, image);
			g->cpu.gpr[GPR_RSP] += sizeof(u64);
		}
		break;
	case OP_IRET:
		model_iret(g, &stop);
		break;
	case OP_MOV_FROM_CR:
		g->cpu.gpr[i->rm] = model_control(g, i->reg);
		break;
	case OP_MOV_TO_CR:
		g->cr8 = g->cpu.gpr[i->rm];
		break;
	case OP_MOV_FROM_SEG:
		write_register(g, i, reference_state.sel[i->reg], i->op_size);
		break;
	case OP_SLDT:
		write_register(g, i, reference_state.sel[SEG_LDTR], i->op_size);
		break;
	case OP_STR:
		write_register(g, i, reference_state.sel[SEG_TR], i->op_size);
		break;
	case OP_SMSW:
		write_register(g, i, reference_state.cr0, i->op_size);
		break;
	case OP_PUSH_SEG:
		push(g, reference_state.sel[i->reg], &stop);
		break;
	case OP_CPUID:
		model_cpuid(g);
		break;
	case OP_UD:
		stop.signal = SIGILL;
		break;
	default:
		stop.signal = SIGSYS;
	}
	return stop;
}

struct stop reference_step(struct guest *g)
{
	struct guest before = *g;
	struct stop stop;
	struct insn i;

	reference_decode(g, &i);
	if (bt_is_harmless(&i)) {
		g->cpu.rflags |= RFLAGS_TF;
		stop = runner_run(&g->cpu);
		if (stop.signal == SIGTRAP)
			stop = (struct stop){0};
		return stop;
	}
	g->cpu.rip += i.length;
	stop = model(g, &i);
	if (stop.signal)
		*g = before;
	return stop;
}

/* ---- traces ---- */

bool reference_trace(struct trace *t, const struct guest *first)
{
	struct guest g = *first;

	for (t->count = 0; t->count < TRACE_MAX;) {
		struct state *s = &t->state[t->count++];
		int signal_number;

		s->guest = g;
		runner_save_memory(t->place, s->memory);
		signal_number = reference_step(&g).signal;
		if (signal_number)
			return signal_number == SIGILL && g.cpu.rip == s->guest.cpu.rip;
	}
	return false;
}

bool reference_same(const struct guest *expected, const struct guest *actual, char *difference, size_t size)
{
	const struct guest *a = expected, *b = actual;

#define COMPARE(name, x, y)                                                                                  \
	if ((x) != (y)) {                                                                                    \
		snprintf(difference, size, "%s %llx, not %llx", name, (unsigned long long)(y),               \
			 (unsigned long long)(x));                                                           \
		return false;                                                                                \
	}
	COMPARE("RIP", a->cpu.rip, b->cpu.rip);
	for (unsigned r = 0; r < GPR_COUNT; r++) {
		char name[8];

		snprintf(name, sizeof(name), "reg %u", r);
		COMPARE(name, a->cpu.gpr[r], b->cpu.gpr[r]);
	}
	COMPARE("RFLAGS", a->cpu.rflags, b->cpu.rflags);
	COMPARE("XMM differing", memcmp(a->cpu.xmm, b->cpu.xmm, sizeof(a->cpu.xmm)), 0);
	COMPARE("IF", a->vif, b->vif);
	COMPARE("CR8", a->cr8, b->cr8);
#undef COMPARE
	return true;
}
