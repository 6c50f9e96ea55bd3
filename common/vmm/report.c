// SPDX-License-Identifier: MIT
/*
 * The end of one guest: a report on the monitor's console, with what a person needs to find the cause. The
 * other guests go on.
 */
#include "lib/print.h"
#include "vmm/loader.h"
#include "vmm/vm.h"

#define BACKTRACE_FRAMES 16

static void print_place(struct vcpu *v, const char *what, gva_t gva)
{
	u64 offset;
	const char *name = guest_symbol(v->vm, gva, &offset);

	if (name)
		kprintf("[hv]   %s %016lx  %s+0x%lx\n", what, gva, name, offset);
	else
		kprintf("[hv]   %s %016lx\n", what, gva);
}

static void print_registers(struct vcpu *v)
{
	static const char *const gpr_names[GPR_COUNT] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
							 "rsi", "rdi", "r8",  "r9",  "r10", "r11",
							 "r12", "r13", "r14", "r15"};
	static const char *const seg_names[SEG_COUNT] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

	for (unsigned i = 0; i < GPR_COUNT; i++)
		kprintf("%s%3s %016lx%s", i % 4 ? "  " : "[hv]   ", gpr_names[i], v->gpr[i],
			i % 4 == 3 ? "\n" : "");
	kprintf("[hv]   rflags %08lx  cpl %u  ", v->rflags, vcpu_cpl(v));
	for (unsigned i = 0; i < SEG_COUNT; i++)
		kprintf("%s %04x%s", seg_names[i], v->seg[i].selector, i == SEG_COUNT - 1 ? "\n" : "  ");
	kprintf("[hv]   cr0 %08lx  cr2 %016lx  cr3 %08lx  cr4 %08lx  cr8 %lx  efer %04lx\n", v->cr0, v->cr2,
		v->cr3, v->cr4, v->cr8, v->efer);
}

static void print_backtrace(struct vcpu *v)
{
	gva_t frame = v->gpr[GPR_RBP];

	for (unsigned i = 0; i < BACKTRACE_FRAMES; i++) {
		u64 words[2]; /* the caller's RBP, the return address */
		struct event ignored;

		if (!gva_read(v, frame, words, sizeof(words), ACCESS_READ, &ignored))
			return;
		print_place(v, "from", words[1]);
		if (words[0] <= frame)
			return;
		frame = words[0];
	}
}

static void print_exits(struct vcpu *v)
{
	kprintf("[hv]   exits:");
	for (unsigned i = 0; i < VMEXIT_REASONS; i++)
		if (v->exits[i])
			kprintf(" %s %lu", vmexit_name(i), v->exits[i]);
	kprintf("\n");
}

void vcpu_end(struct vcpu *v, const char *fmt, ...)
{
	va_list ap;

	if (v->vm->ended)
		return;
	kprintf("[hv] guest %s ended: ", v->vm->name);
	va_start(ap, fmt);
	kvprintf(fmt, ap);
	va_end(ap);
	kprintf("\n");
	vcpu_need(v, VCPU_ALL);
	print_place(v, "rip ", v->rip);
	print_registers(v);
	if (vcpu_cpl(v) == 0)
		print_backtrace(v);
	print_exits(v);
	vm_end(v->vm, VM_STATUS_ENDED);
}
