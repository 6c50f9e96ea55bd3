// SPDX-License-Identifier: MIT
/*
 * Exceptions, interrupts and system calls: handlers of the test first, then the innermost catch(), else a
 * report and the end.
 *
 * A recovery is a stack pointer: entry.S's catch_call() left all that it needs below it. Recovering is done
 * by changing the frame, so that the IRET of the trap path goes there; it also ends the blocking of NMIs.
 */
#include "guest/harness.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/symbols.h"

struct recovery {
	struct recovery *previous;
	u64 rsp;
	struct frame *frame;
	bool report; /* print what came: nobody expects it */
};

static struct recovery *innermost;
static handler_fn handlers[VEC_COUNT];
volatile u64 handler_count[VEC_COUNT];
struct frame trap_state_frame;
bool trap_draining;

void handler_set(unsigned vector, handler_fn handler)
{
	handlers[vector] = handler;
}

bool handler_count_irq(struct frame *f)
{
	handler_count[f->vector]++;
	if (f->vector >= VEC_PIC && f->vector < VEC_PIC + 16)
		pic_eoi((unsigned)f->vector - VEC_PIC);
	else
		lapic_eoi();
	return true;
}

void trap_reset(void)
{
	memset(handlers, 0, sizeof(handlers));
	memset((void *)handler_count, 0, sizeof(handler_count));
	innermost = NULL;
}

static const char *vector_name(u64 vector)
{
	if (vector >= VEC_SYSCALL)
		return "SYSCALL";
	return exception_name((unsigned)vector);
}

/* Frames are looked for on the stack that RSP lies on. */
static void print_backtrace(const struct frame *f)
{
	const struct {
		const u8 *low, *high;
	} stacks[] = {{stack_main, stack_main_end}, {stack_trap, stack_trap_end}, {stack_ist, stack_ist_end}};

	for (unsigned i = 0; i < ARRAY_SIZE(stacks); i++)
		if (f->rsp >= (u64)stacks[i].low && f->rsp < (u64)stacks[i].high)
			backtrace_print(f->gpr[GPR_RBP], (u64)stacks[i].low, (u64)stacks[i].high);
}

static void print_frame(const struct frame *f)
{
	static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"};
	u64 offset = 0;
	const char *symbol = symbol_find(f->rip, &offset);

	kprintf("\n%s (vector 0x%lx) error 0x%lx cr2 %016lx\n", vector_name(f->vector), f->vector, f->error,
		f->cr2);
	kprintf("rip %016lx cs %04lx rflags %08lx rsp %016lx ss %04lx\n", f->rip, f->cs, f->rflags, f->rsp,
		f->ss);
	for (unsigned i = 0; i < 16; i++) {
		if (i < ARRAY_SIZE(names))
			kprintf("%s ", names[i]);
		else
			kprintf("r%-2u ", i);
		kprintf("%016lx%c", i == GPR_RSP ? f->rsp : f->gpr[i], i % 4 == 3 ? '\n' : ' ');
	}
	kprintf("  %016lx  %s+0x%lx\n", f->rip, symbol ? symbol : "?", offset);
	print_backtrace(f);
}

static void recover(struct frame *f)
{
	struct recovery *r = innermost;

	innermost = r->previous;
	if (r->report)
		print_frame(f);
	*r->frame = *f;
	f->rip = (u64)catch_recovered;
	f->cs = SEL_KERNEL_CODE;
	f->rflags = RFLAGS_RESERVED1;
	f->rsp = r->rsp;
	f->ss = SEL_KERNEL_DATA;
}

/* From entry.S, interrupts off. */
void trap_dispatch(struct frame *f)
{
	if (f->vector == VEC_PF)
		f->cr2 = read_cr2();
	if (f->vector == VEC_STATE) {
		trap_state_frame = *f;
		return;
	}
	if (trap_draining && f->vector >= VEC_EXCEPTIONS) {
		handler_count_irq(f);
		handler_count[f->vector] = 0;
		return;
	}
	if (handlers[f->vector] && handlers[f->vector](f))
		return;
	if (f->vector == VEC_SPURIOUS || pic_is_spurious(f->vector))
		return;
	if (innermost) {
		recover(f);
		return;
	}
	print_frame(f);
	kprintf("unexpected in the harness itself: the end\n");
	guest_end(1);
}

bool catch_reported(struct frame *f, const void *code, u64 rdi, u64 *rax, bool report)
{
	struct recovery r = {.previous = innermost, .frame = f, .report = report};
	bool caught;

	memset(f, 0, sizeof(*f));
	f->vector = NO_FAULT;
	innermost = &r;
	caught = catch_call(&r.rsp, code, rdi, rax);
	innermost = r.previous;
	return caught;
}

bool catch (struct frame *f, void (*code)(void *), void *arg)
{
	u64 ignored;

	return catch_reported(f, (const void *)code, (u64)arg, &ignored, false);
}

bool catch_asm(struct frame *f, const u8 *code, u64 rdi)
{
	u64 rax = 0;
	bool caught = catch_reported(f, code, rdi, &rax, false);

	if (!caught)
		f->gpr[GPR_RAX] = rax;
	return caught;
}
