// SPDX-License-Identifier: MIT
/*
 * From the guest's RIP to a block: reads the guest's code as the CPU would fetch it, through the guest's page
 * tables and with their faults, and has it translated. A page that is not reached by the instructions of the
 * block is not touched: no fault, no accessed bit. Pages that were translated are traced, so that the block
 * dies when they are written.
 */
#include "engine.h"
#include "lib/print.h"
#include "lib/string.h"
#include "machine/machine.h"
#include "vmm/vm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define DR7_ON(dr7, i) ((dr7) >> (2 * (i)) & 3)      /* Ln, Gn */
#define DR7_RW(dr7, i) ((dr7) >> (16 + 4 * (i)) & 3) /* R/Wn: 0 is an instruction breakpoint */

struct code {
	u64 frame[2];
	u32 size;
	u8 bytes[BT_BLOCK_BYTES];
};

static bool is_for_code(const struct vcpu *v, unsigned i)
{
	return DR7_ON(v->dr7, i) && !DR7_RW(v->dr7, i);
}

bool bt_has_breakpoints(const struct vcpu *v)
{
	for (unsigned i = 0; v->dr7 & DR7_ENABLED && i < ARRAY_SIZE(v->dr); i++)
		if (is_for_code(v, i))
			return true;
	return false;
}

bool bt_is_breakpoint(const struct vcpu *v, u64 rip, u64 *dr6)
{
	*dr6 = 0;
	for (unsigned i = 0; v->dr7 & DR7_ENABLED && i < ARRAY_SIZE(v->dr); i++)
		if (is_for_code(v, i) && v->dr[i] == rip)
			*dr6 |= DR6_B0 << i;
	return *dr6;
}

/* Adds `size` bytes at gva, all of one page. */
static bool fetch(struct vcpu *v, struct code *code, gva_t gva, u32 size, u64 *frame)
{
	struct guest_walk w;
	const u8 *page;

	if (!gva_is_canonical(gva)) {
		event_exception_error(v, VEC_GP, 0);
		return false;
	}
	if (!guest_walk(v, gva, ACCESS_FETCH, &w)) {
		if (w.unsupported)
			vcpu_end(v, "the guest uses a paging mode that this monitor does not have");
		else
			event_page_fault(v, gva, w.error);
		return false;
	}
	*frame = ALIGN_DOWN(w.gpa, PAGE_SIZE);
	page = gpa_to_hva(v->vm, *frame, PAGE_SIZE);
	if (!page) {
		vcpu_end(v, "it runs code at gpa %#lx, where no memory is", w.gpa);
		return false;
	}
	memcpy(code->bytes + code->size, page + gva % PAGE_SIZE, size);
	code->size += size;
	return true;
}

static bool first_is_cut(const struct code *code)
{
	struct insn i;

	return code->size < INSN_MAX_LENGTH &&
	       insn_decode(&i, code->bytes, code->size, DECODE_64) == DECODE_TRUNCATED;
}

/* An exercise that is not written: the guest ends, or is told to be slow. */
static bool is_missing(struct vcpu *v, struct bt_cache *c)
{
	if (c->missing)
		vcpu_end(v, "%s", c->missing);
	if (c->slow && !bt_of(v)->told_slow)
		kprintf("[hv] guest %s runs slowly: %s\n", v->vm->name, c->slow);
	bt_of(v)->told_slow |= c->slow != NULL;
	return c->missing;
}

static struct bt_block *translate(struct vcpu *v, const struct code *code)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct bt_source source = {.rip = v->rip, .bytes = code->bytes, .size = code->size, .more = true};
	u64 start = clock_ticks();
	struct bt_block *b;

	for (unsigned i = 0; i < ARRAY_SIZE(v->dr); i++)
		if (is_for_code(v, i))
			source.stop[source.stops++] = v->dr[i];
	b = bt_translate(c, &source);
	if (!b) {
		bt_flush(c);
		b = bt_translate(c, &source);
	}
	c->ticks += clock_ticks() - start;
	memcpy(b->frame, code->frame, sizeof(b->frame));
	bt_add_block(c, b);
	return is_missing(v, c) ? NULL : b;
}

static void trace_frames(struct vcpu *v, const struct code *code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(code->frame); i++)
		if (code->frame[i] != BT_NO_FRAME)
			vm_trace_set(v->vm, code->frame[i]);
}

/* What the CPU would fetch at RIP. */
static bool fetch_code(struct vcpu *v, struct code *code)
{
	u32 in_page = PAGE_SIZE - v->rip % PAGE_SIZE;

	*code = (struct code){.frame = {BT_NO_FRAME, BT_NO_FRAME}};
	if (!fetch(v, code, v->rip, MIN(in_page, BT_BLOCK_BYTES), &code->frame[0]))
		return false;
	return !first_is_cut(code) ||
	       fetch(v, code, v->rip + code->size, INSN_MAX_LENGTH - code->size, &code->frame[1]);
}

struct bt_block *bt_fetch(struct vcpu *v)
{
	struct bt_cache *c = &bt_of(v)->cache;
	struct bt_block *b = bt_find_mapped(c, v->rip);
	struct code code;

	if (b)
		return b;
	if (!fetch_code(v, &code))
		return NULL;
	b = bt_find_block(c, v->rip, code.frame);
	if (b)
		return b;
	trace_frames(v, &code);
	return translate(v, &code);
}

struct bt_block *bt_fetch_one(struct vcpu *v, const struct insn *i)
{
	struct code code;

	if (!fetch_code(v, &code))
		return NULL;
	code.size = i->length;
	return translate(v, &code);
}

/* The ticks are instructions where the machine's clock counts them (QEMU with -icount), else cycles. */
void bt_report(struct vcpu *v)
{
	const struct bt_cache *c = &bt_of(v)->cache;

	kprintf("[hv] guest %s: translated %lu instructions of %lu bytes to %lu bytes, in %lu ticks; cache "
		"emptied %u times\n",
		v->vm->name, c->translated_insns, c->translated_bytes, c->code_bytes, c->ticks, c->flushes);
}
