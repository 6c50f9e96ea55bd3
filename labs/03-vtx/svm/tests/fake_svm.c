// SPDX-License-Identifier: MIT
#include "fake_svm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "abi/start_info.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "machine/machine.h"
#include "vmm/fpu.h"
#include "vmm/trace.h"
#include "vmm/vm.h"
#include "x86/paging.h"

struct lapic fake_lapic;
hpa_t fake_root, fake_machine_root;
unsigned fake_ended, fake_interrupts_self;
int fake_interrupt;
struct event fake_raised, fake_interrupted;

static hpa_t root_of(struct vcpu *v, enum root_role role)
{
	(void)v;
	CU_ASSERT_EQUAL(role, ROLE_SINGLE);
	return fake_root;
}

struct vcpu *fake_vcpu(u32 features)
{
	static _Alignas(PAGE_SIZE) struct vmcb vmcb;
	static _Alignas(PAGE_SIZE) u64 pdpt[4];
	static const struct mem_engine mem = {.root = root_of};
	static struct start_counters counters;
	static struct vm vm = {.counters = &counters};
	static struct vcpu v;
	static struct svm s;

	fake_cpu_start();
	memset(&vmcb, 0, sizeof(vmcb));
	memset(pdpt, 0, sizeof(pdpt));
	fake_lapic = (struct lapic){.highest_irr = -1, .highest_isr = -1, .pending = -1};
	fake_ended = fake_interrupts_self = 0;
	fake_interrupt = -1;
	fake_raised = fake_interrupted = (struct event){.kind = EVENT_NONE};
	svm_machine = (struct svm_machine){.features = features, .asids = 16};
	s = (struct svm){.vmcb = &vmcb, .vmcb_hpa = hva_to_hpa(&vmcb), .pdpt = pdpt, .hidden_kept = true};
	v = (struct vcpu){.cpu_private = &s,
			  .lapic = &fake_lapic,
			  .mem = &mem,
			  .vm = &vm,
			  .valid = VCPU_ALL,
			  .rflags = RFLAGS_RESERVED1};
	return &v;
}

/* ---- what stands around the engine ---- */

bool trace_on;
u64 fpu_xcr0;
bool (*trap_debug_in_ring0)(struct trap_frame *f);
const u8 svm_behind_vmrun[1] = {0};
const u8 svm_vectors[1] = {0};

void svm_enter(struct vcpu *v, struct vmexit *exit, hpa_t vmcb)
{
	(void)v;
	(void)exit;
	(void)vmcb;
}

void trace_left(const struct vcpu *v, const char *what)
{
	(void)v;
	(void)what;
}

void event_raise(struct vcpu *v, const struct event *e)
{
	(void)v;
	fake_raised = *e;
}

void event_debug(struct vcpu *v, u64 dr6_bits)
{
	(void)v;
	fake_raised = (struct event){.kind = EVENT_EXCEPTION, .vector = 1, .payload = dr6_bits};
}

void event_interrupted(struct vcpu *v, const struct event *e)
{
	v->events.pending = fake_interrupted = *e;
}

void vcpu_fetch(struct vcpu *v, u32 groups)
{
	v->valid |= groups;
}

void vcpu_advance(struct vcpu *v, unsigned length)
{
	v->rip += length;
}

void vcpu_end(struct vcpu *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
	fake_ended++;
}

/* A stub in a student's workspace: the test fails. The other kind gives its sentence. */
void exercise_missing(struct vcpu *v, const char *exercise, const char *file, const char *function)
{
	(void)v;
	CU_assertImplementation(CU_FALSE, __LINE__, exercise_sentence(exercise, file, function), __FILE__, "",
				CU_TRUE);
}

const char *exercise_sentence(const char *exercise, const char *file, const char *function)
{
	static char text[256];

	snprintf(text, sizeof(text), "exercise %s is yours to write (%s: %s)", exercise, file, function);
	return text;
}

void machine_interrupt(unsigned vector)
{
	fake_interrupt = (int)vector;
}

void machine_interrupt_self(void)
{
	fake_interrupts_self++;
}

hpa_t machine_root(void)
{
	return fake_machine_root;
}

u64 clock_ticks(void)
{
	return 0;
}

u64 clock_hz(void)
{
	return 0;
}

bool watchdog_init(void)
{
	return false;
}

void watchdog_arm(u64 ticks)
{
	(void)ticks;
}

void watchdog_disarm(void) {}

void *pages_alloc(u64 pages, u64 align)
{
	void *p = aligned_alloc(align, pages * align);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return memset(p, 0, pages * align);
}

void *machine_alloc(u64 size)
{
	return calloc(1, size);
}

void console_putc(char c)
{
	putchar(c);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	abort();
}
