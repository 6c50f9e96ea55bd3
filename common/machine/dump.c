// SPDX-License-Identifier: MIT
/*
 * The state of the CPU for people: registers of a trap frame, the error code in words, control registers,
 * backtrace.
 *
 * Sources: SDM vol. 3A, 4.7 "Page-Fault Exceptions", 6.13 "Error Code".
 */
#include "lib/print.h"
#include "lib/symbols.h"
#include "machine/internal.h"
#include "machine/trap.h"
#include "x86/asm.h"
#include "x86/exception.h"
#include "x86/regs.h"

/* How far a backtrace goes on a stack that is none of the machine's own: an engine's. */
#define FOREIGN_STACK_BYTES KIB(8)

static bool on_guard_page(u64 hva)
{
	if (hva >= (u64)boot_stack_guard && hva < (u64)boot_stack)
		return true;
	for (unsigned i = 0; i < IST_COUNT; i++) {
		if (hva >= (u64)ist_stacks[i].guard && hva < (u64)ist_stacks[i].stack)
			return true;
	}
	return false;
}

/* One past the highest byte of the stack that `hva` lies on. */
static u64 stack_end(u64 hva)
{
	if (hva >= (u64)boot_stack && hva < (u64)boot_stack_top)
		return (u64)boot_stack_top;
	for (unsigned i = 0; i < IST_COUNT; i++) {
		if (hva >= (u64)ist_stacks[i].stack && hva < (u64)ist_stacks[i].stack + IST_STACK_SIZE)
			return (u64)ist_stacks[i].stack + IST_STACK_SIZE;
	}
	return hva + FOREIGN_STACK_BYTES;
}

void trap_backtrace(u64 frame_pointer)
{
	/* Only what certainly is memory of the hypervisor: this runs when nothing is certain any more. */
	if (frame_pointer < HV_BASE || on_guard_page(frame_pointer))
		return;
	kprintf("[hv] backtrace:\n");
	backtrace_print(frame_pointer, frame_pointer, stack_end(frame_pointer));
}

void trap_dump_control(void)
{
	kprintf("[hv] cr0 %016lx  cr2 %016lx  cr3 %016lx  cr4 %016lx\n", read_cr0(), read_cr2(), read_cr3(),
		read_cr4());
}

static void dump_page_fault(u64 error)
{
	kprintf(": %s on %s at %016lx, %s%s", error & PF_USER ? "user" : "supervisor",
		error & PF_FETCH   ? "fetch"
		: error & PF_WRITE ? "write"
				   : "read",
		read_cr2(), error & PF_PRESENT ? "not allowed" : "not present",
		error & PF_RSVD ? ", reserved bit set in an entry" : "");
	if (on_guard_page(read_cr2()))
		kprintf(", a guard page: stack overflow");
}

static void dump_selector_error(u64 error)
{
	const char *table = error & SEL_ERROR_IDT ? "IDT" : error & SEL_ERROR_TI ? "LDT" : "GDT";

	if (!error)
		return;
	if (error & SEL_ERROR_IDT)
		kprintf(": vector 0x%lx of the IDT", error >> 3 & 0xff);
	else
		kprintf(": selector 0x%lx of the %s", error & SEL_INDEX, table);
	if (error & SEL_ERROR_EXT)
		kprintf(", while an event was delivered");
}

static void dump_event(const struct trap_frame *f)
{
	kprintf("[hv] %s (vector %lu)", exception_name((unsigned)f->vector), f->vector);
	if (exception_has_error((unsigned)f->vector)) {
		kprintf(", error code 0x%lx", f->error);
		if (f->vector == VEC_PF)
			dump_page_fault(f->error);
		else
			dump_selector_error(f->error);
	} else if (f->vector == VEC_DB) {
		kprintf(", dr6 %lx", read_dr6());
	}
	if (f->vector == VEC_DF && on_guard_page(f->rsp - 1))
		kprintf(": the stack is full");
	kprintf("\n");
}

static void dump_rip(const struct trap_frame *f)
{
	u64 offset;
	const char *name = f->cs & SEL_RPL ? NULL : symbol_find(f->rip, &offset);

	kprintf("[hv] rip %04lx:%016lx", f->cs, f->rip);
	if (name)
		kprintf(" = %s+0x%lx", name, offset);
	kprintf("\n[hv] rsp %04lx:%016lx  rflags %08lx\n", f->ss, f->rsp, f->rflags);
}

void trap_dump(const struct trap_frame *f)
{
	static const char *const names[GPR_COUNT] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
						     "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};

	dump_event(f);
	dump_rip(f);
	for (unsigned i = 0; i < GPR_COUNT; i++) {
		kprintf("%s%s %016lx%s", i % 4 ? "  " : "[hv] ", names[i], i == GPR_RSP ? f->rsp : f->gpr[i],
			i % 4 == 3 ? "\n" : "");
	}
	trap_dump_control();
	if (!(f->cs & SEL_RPL))
		trap_backtrace(f->gpr[GPR_RBP]);
}
