/* SPDX-License-Identifier: MIT */
/*
 * The small machine of test_emulate.c, made of fakes: 16 pages of RAM from 0, a device of 32 bytes of
 * registers at DEVICE, and ports that give one number after the other. Linear addresses are physical, but for
 * the page APART; pages can be made absent, read-only or the supervisor's. Every access and every event is
 * noted in `text`. Included by one test program.
 */
#ifndef VMM_TESTS_EMULATE_FIXTURE_H
#define VMM_TESTS_EMULATE_FIXTURE_H

#include <stdarg.h>
#include <string.h>

#include "lib/print.h"
#include "lib/tests/unit.h"
#include "vmm/emulate.h"
#include "vmm/vm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define RAM_PAGES    16
#define RAM_BYTES    (RAM_PAGES * PAGE_SIZE)
#define DEVICE       0xfee00000
#define DEVICE_BYTES 32
#define CODE         0x1000
#define DATA         0x2000
#define APART        0x5000 /* this page is the device's: two neighbours that are none in physical memory */
#define END_PORT     0xf4
#define ALL_FLAGS    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define TEXT_SIZE    4096

static struct vm vm;
static struct vcpu vcpu;
static const struct cpu_engine engine = {.name = "test"};
static u8 ram[RAM_BYTES], device[DEVICE_BYTES];
static bool absent[RAM_PAGES + 1], readonly[RAM_PAGES + 1],
	supervisor[RAM_PAGES + 1]; /* the last one: the device's page */
static u64 next_in;                /* what the next IN gives */
static char text[TEXT_SIZE];

static void append(const char *fmt, ...) PRINTF(1, 2);
static void append(const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + used, sizeof(text) - used, fmt, ap);
	va_end(ap);
}

/* ---- fakes ---- */

void console_putc(char c)
{
	putchar(c);
}

bool vm_is_mmio(struct vm *m, gpa_t gpa)
{
	(void)m;
	return gpa >= DEVICE && gpa < DEVICE + PAGE_SIZE;
}

u64 vcpu_mmio_read(struct vcpu *v, gpa_t gpa, unsigned size)
{
	u64 value = ~0ULL;

	(void)v;
	append(" r%u:%x", size, (unsigned)(gpa - DEVICE));
	if (gpa >= DEVICE && gpa + size <= DEVICE + DEVICE_BYTES)
		memcpy(&value, device + gpa - DEVICE, size);
	return size < 8 ? value & (BIT(8 * size) - 1) : value;
}

void vcpu_mmio_write(struct vcpu *v, gpa_t gpa, unsigned size, u64 value)
{
	(void)v;
	append(" w%u:%x=%llx", size, (unsigned)(gpa - DEVICE), (unsigned long long)value);
}

u32 vm_pio_read(struct vm *m, u16 port, unsigned size)
{
	u64 value = next_in;

	(void)m;
	append(" i%u:%x", size, port);
	next_in += 0x0101010101010101;
	return (u32)(size < 4 ? value & (BIT(8 * size) - 1) : value);
}

void vm_pio_write(struct vm *m, u16 port, unsigned size, u32 value)
{
	(void)m;
	append(" o%u:%x=%x", size, port, size < 4 ? value & ((1U << 8 * size) - 1) : value);
	if (port == END_PORT)
		vcpu.state = VCPU_ENDED;
}

bool gpa_read(struct vm *m, gpa_t gpa, void *dst, u64 size)
{
	(void)m;
	if (gpa + size > RAM_BYTES)
		return false;
	memcpy(dst, ram + gpa, size);
	return true;
}

bool gpa_write(struct vm *m, gpa_t gpa, const void *src, u64 size)
{
	(void)m;
	if (gpa + size > RAM_BYTES)
		return false;
	memcpy(ram + gpa, src, size);
	return true;
}

bool guest_walk(struct vcpu *v, gva_t gva, unsigned access, struct guest_walk *w)
{
	u64 page = gva < RAM_BYTES ? gva / PAGE_SIZE : RAM_PAGES;

	(void)v;
	*w = (struct guest_walk){.gpa = gva / PAGE_SIZE == APART / PAGE_SIZE ? DEVICE + gva % PAGE_SIZE
									     : gva};
	w->error = (access & ACCESS_WRITE ? PF_WRITE : 0) | (access & ACCESS_USER ? PF_USER : 0) |
		   (access & ACCESS_FETCH ? PF_FETCH : 0);
	if (absent[page])
		return false;
	w->error |= PF_PRESENT;
	return !(readonly[page] && access & ACCESS_WRITE) && !(supervisor[page] && access & ACCESS_USER);
}

bool gva_read(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access, struct event *f)
{
	for (u64 n = 0; n < size; n++) {
		struct guest_walk w;

		if (!guest_walk(v, gva + n, access, &w)) {
			*f = (struct event){.kind = EVENT_EXCEPTION,
					    .vector = VEC_PF,
					    .has_error = true,
					    .error = w.error,
					    .payload = gva + n};
			return false;
		}
		if (!gpa_read(&vm, w.gpa, (u8 *)dst + n, 1))
			((u8 *)dst)[n] = 0xff;
	}
	return true;
}

void event_raise(struct vcpu *v, const struct event *e)
{
	(void)v;
	append(" %s(%x)", exception_name(e->vector), e->error);
	if (e->vector == VEC_PF)
		append("@%llx", (unsigned long long)e->payload);
}

void event_exception(struct vcpu *v, u8 vector)
{
	event_raise(v, &(struct event){.vector = vector});
}

void event_exception_error(struct vcpu *v, u8 vector, u32 error)
{
	event_raise(v, &(struct event){.vector = vector, .error = error});
}

void event_page_fault(struct vcpu *v, gva_t gva, u32 error)
{
	event_raise(v, &(struct event){.vector = VEC_PF, .error = error, .payload = gva});
}

void event_debug(struct vcpu *v, u64 dr6)
{
	(void)v;
	append(" #DB(%llx)", (unsigned long long)dr6);
}

void vcpu_end(struct vcpu *v, const char *fmt, ...)
{
	char sentence[256];
	const char *bytes;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	bytes = strchr(sentence, ':');
	append(" ended%s", bytes ? bytes : "");
	v->state = VCPU_ENDED;
}

/* ---- a guest and its instruction ---- */

/* A flat 64-bit guest, or 32-bit code in compatibility mode. */
static inline void guest_create(unsigned bits)
{
	u32 code = SEG_ATTR_P | SEG_ATTR_S | SEG_TYPE_CODE | SEG_TYPE_READABLE;

	memset(&vcpu, 0, sizeof(vcpu));
	memset(absent, 0, sizeof(absent));
	memset(readonly, 0, sizeof(readonly));
	memset(supervisor, 0, sizeof(supervisor));
	memset(ram, 0, sizeof(ram));
	for (unsigned n = 0; n < DEVICE_BYTES; n++)
		device[n] = (u8)(0x80 + n);
	next_in = 0x44332211;
	vcpu.vm = &vm;
	vcpu.cpu = &engine;
	vcpu.valid = VCPU_ALL;
	vcpu.efer = EFER_LME | EFER_LMA;
	for (unsigned s = 0; s < SEG_LDTR; s++)
		vcpu.seg[s] =
			(struct segment){.attr = SEG_ATTR_P | SEG_ATTR_S | SEG_TYPE_WRITABLE | SEG_ATTR_DB,
					 .limit = 0xffffffff};
	vcpu.seg[SEG_CS].attr = code | (bits == 64 ? SEG_ATTR_L : bits == 32 ? SEG_ATTR_DB : 0);
	for (unsigned r = 0; r < GPR_COUNT; r++)
		vcpu.gpr[r] = 0x1111111111111111ULL * r;
	vcpu.rip = CODE;
	vcpu.rflags = RFLAGS_RESERVED1;
}

static inline void put_code(const char *hex)
{
	unsigned byte, n = 0;
	int used;

	while (sscanf(hex, "%2x%n", &byte, &used) == 1) {
		ram[(vcpu.rip + n++) % RAM_BYTES] = (u8)byte;
		hex += used;
	}
}

static void append_changes(const struct vcpu *before)
{
	static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
	static const struct {
		u64 flag;
		char name;
	} flags[] = {{RFLAGS_CF, 'C'}, {RFLAGS_PF, 'P'}, {RFLAGS_AF, 'A'},
		     {RFLAGS_ZF, 'Z'}, {RFLAGS_SF, 'S'}, {RFLAGS_OF, 'O'}};

	for (unsigned r = 0; r < GPR_COUNT; r++)
		if (vcpu.gpr[r] != before->gpr[r])
			append(" %s=%llx", names[r], (unsigned long long)vcpu.gpr[r]);
	if ((vcpu.rflags ^ before->rflags) & ALL_FLAGS) {
		append(" ");
		for (unsigned f = 0; f < ARRAY_SIZE(flags); f++)
			if (vcpu.rflags & flags[f].flag)
				append("%c", flags[f].name);
			else if (before->rflags & flags[f].flag)
				append("-%c", flags[f].name);
	}
	if (vcpu.rip != before->rip)
		append(" +%lld", (long long)(vcpu.rip - before->rip));
}

static void compare_text(const char *what, const char *expected)
{
	const char *got = text[0] == ' ' ? text + 1 : text;

	if (strcmp(got, expected))
		printf("\n    %s: expected \"%s\", got \"%s\"", what, expected, got);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

static inline void run_mmio(const char *what, const char *expected)
{
	struct vcpu before = vcpu;

	text[0] = '\0';
	emulate_mmio(&vcpu, DEVICE, DEVICE);
	append_changes(&before);
	compare_text(what, expected);
}

#endif
