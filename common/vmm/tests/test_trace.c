// SPDX-License-Identifier: MIT
/* The ring of exits: off by default, the last N in their order, an engine that keeps no trace: trace.c */
#include "lib/tests/unit.h"

#include "lib/print.h"
#include "machine/machine.h"
#include "vmm/loader.h"
#include "vmm/trace.h"
#include "vmm/vm.h"

#include <stdlib.h>
#include <string.h>

static char console[4096];
static size_t used;
static u64 now;

void console_putc(char c)
{
	if (used + 1 < sizeof(console))
		console[used++] = c;
}

u64 clock_ticks(void)
{
	return ++now;
}

void *machine_alloc(u64 size)
{
	return size < MIB(1) ? calloc(1, size) : NULL;
}

const char *guest_symbol(const struct vm *vm, gva_t gva, u64 *offset)
{
	(void)vm;
	*offset = 0;
	return gva == 0x1000 ? "guest_main" : NULL;
}

static struct vm vm = {.name = "one"};
static struct vcpu vcpu = {.vm = &vm};

static void step(gva_t rip, const char *what, enum vmexit_reason reason)
{
	trace_enter(&vcpu);
	vcpu.rip = rip;
	if (what)
		trace_left(&vcpu, what);
	vcpu.rip += 2; /* answering moves it */
	trace_exit(&vcpu, reason);
}

/* What trace_print() says after `exits` steps with room for `count`. */
static const char *printed(u64 count, unsigned exits)
{
	memset(console, 0, sizeof(console));
	used = 0;
	now = 0;
	trace_init(count);
	for (unsigned i = 0; i < exits; i++)
		step(0x1000 + i, "#GP", VMEXIT_IO);
	trace_print();
	return console;
}

static void off(void)
{
	CU_ASSERT_STRING_EQUAL(printed(0, 3), "");
	CU_ASSERT_EQUAL(now, 0); /* not even the clock is read */
}

static void order(void)
{
	const char *text = printed(2, 1);

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "the last 1 of 1 exits"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "[hv] trace|one|I/O|#GP|1|2|3|0000000000001000|guest_main\n"));
	text = printed(2, 5);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "the last 2 of 5 exits"));
	CU_ASSERT_PTR_NULL(strstr(text, "|7|8|9|"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "|10|11|12|0000000000001003|-\n"));
	CU_ASSERT_TRUE(strstr(text, "|10|11|12|") < strstr(text, "|13|14|15|"));
}

static void silent_engine(void)
{
	printed(2, 0);
	step(0x1000, NULL, VMEXIT_CPUID);
	trace_print();
	CU_ASSERT_PTR_NOT_NULL(strstr(console, "|one|CPUID|-|1|2|2|0000000000001002|-\n"));
}

/* An engine that runs the guest's code from elsewhere says where the guest is. */
static void other_place(void)
{
	printed(2, 0);
	trace_enter(&vcpu);
	vcpu.rip = 0x9999;
	trace_left(&vcpu, "#UD");
	trace_place(0x1000);
	trace_exit(&vcpu, VMEXIT_IO);
	trace_print();
	CU_ASSERT_PTR_NOT_NULL(strstr(console, "|0000000000001000|guest_main\n"));
}

static void no_memory(void)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(printed(GIB(1), 2), "no memory"));
	CU_ASSERT_PTR_NULL(strstr(console, "trace|"));
}

UNIT_MAIN("vmm_trace", {"off", off}, {"order", order}, {"an engine without a trace", silent_engine},
	  {"a guest at another place", other_place}, {"no memory", no_memory})
