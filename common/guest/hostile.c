// SPDX-License-Identifier: MIT
/*
 * A guest that means harm: `crash=scribble:ADDRESS,PAGES` and `crash=leap:ADDRESS,PAGES`. Its kernel writes
 * at random into so many pages from that linear address on, puts its stack and its watchpoints there, or
 * jumps there, and between this does what kernels do. What faults it catches, as far as it can.
 *
 * It knows nothing of who runs it. A monitor that has something of its own in the guest's address space names
 * the place on the command line, and has to live through it; the guest itself may fare as it likes. At its
 * end, if it comes that far, it halts for ever. A third number, `,N`, makes another course of the same kind;
 * so does the run's key.
 *
 * Left out: harm through devices, and through the guest's own page tables (crash.c: monitor_slot).
 */
#include "guest/harness.h"
#include "lib/print.h"
#include "lib/string.h"

#define ROUNDS     400
#define VEC_SELF   0x91 /* of the local APIC, sent to itself */
#define STRING_MAX 64

struct place {
	gva_t gva;
	u64 bytes;
};

static gva_t somewhere(const struct place *p)
{
	u64 offset = test_random() % p->bytes;

	return p->gva + (test_random() & 1 ? offset : offset & ~7ULL);
}

/* ---- harm ---- */

static void store(gva_t gva)
{
	u64 value = test_random();

	switch (test_random() % 6) {
	case 0:
		*(volatile u8 *)gva = (u8)value;
		break;
	case 1:
		*(volatile u16 *)gva = (u16)value;
		break;
	case 2:
		*(volatile u32 *)gva = (u32)value;
		break;
	case 3:
		*(volatile u64 *)gva = value % 32; /* small numbers mean more */
		break;
	case 4:
		asm volatile("lock xadd %0, (%1)" : "+r"(value) : "r"(gva) : "memory");
		break;
	default:
		*(volatile u64 *)gva = value;
	}
}

static void store_string(gva_t gva)
{
	u64 count = test_random() % STRING_MAX;

	asm volatile("rep stosb" : "+D"(gva), "+c"(count) : "a"(test_random()) : "memory");
}

/* The stack is there for a while; RBX is where it was. */
CODE(on_stack, "mov %rsp, %rbx\n mov %rdi, %rsp\n push $2\n popfq\n pushfq\n call 1f\n1: pop %rax\n"
	       "int $0x81\n cli\n sti\n mov %rbx, %rsp\n ret");
CODE(leap_there, "jmp *%rdi");
CODE(return_there, "push %rdi\n ret");
_Static_assert(VEC_TEST == 0x81, "the INT above");

static void put_stack(gva_t gva)
{
	struct frame f;

	catch_asm(&f, on_stack, gva);
}

static void leap(gva_t gva)
{
	struct frame f;

	catch_asm(&f, test_random() & 1 ? leap_there : return_there, gva);
}

static void watch(gva_t gva)
{
	u64 enable = DR7_RESERVED | (test_random() & DR7_ENABLED), kinds = test_random() & 0xffff;

	write_dr0(gva);
	write_dr1(gva + 8);
	write_dr7(enable | kinds << 16);
}

/* ---- ordinary work ---- */

static void divide(void *zero)
{
	asm volatile("div %%rcx" : : "c"(zero), "a"(1), "d"(0) : "cc");
}

static void set_flags(void)
{
	u64 flags = test_random() & (RFLAGS_IF | RFLAGS_DF | RFLAGS_CF | RFLAGS_OF);

	asm volatile("push %0; popfq; pushfq; pop %0; cld" : "+r"(flags) : : "cc", "memory");
}

static void set_level(void)
{
	write_cr8(test_random() % 16);
	sti();
	write_cr8(0);
	cli();
}

static void send_self(void)
{
	lapic_send_self(VEC_SELF);
	set_flags();
	sti();
	cpu_pause();
	cli();
}

static void change_tables(void)
{
	write_cr3(read_cr3());
	asm volatile("int $0x81" : : : "memory");
}

static void work(void)
{
	static void (*const volatile kinds[])(void) = {set_flags, set_level, send_self, change_tables};
	struct frame f;

	kinds[test_random() % ARRAY_SIZE(kinds)]();
	catch (&f, divide, NULL);
}

/* ---- the course ---- */

static void harm(const struct place *p, bool leaps)
{
	static void (*const volatile kinds[])(gva_t) = {store, store, store, store_string, put_stack, watch};

	if (leaps)
		leap(somewhere(p));
	else
		kinds[test_random() % ARRAY_SIZE(kinds)](somewhere(p));
}

static void scribble_round(void *place)
{
	harm(place, false);
	work();
}

static void leap_round(void *place)
{
	harm(place, true);
	work();
}

/* A number in decimal, or in hexadecimal behind 0x; *s goes behind it. */
static u64 number(const char **s)
{
	u64 value = 0, base = 10;

	if ((*s)[0] == '0' && (*s)[1] == 'x') {
		base = 16;
		*s += 2;
	}
	for (;; (*s)++) {
		char c = **s;
		u64 digit = c >= '0' && c <= '9'   ? (u64)(c - '0')
			    : c >= 'a' && c <= 'f' ? (u64)(c - 'a' + 10)
						   : base;

		if (digit >= base)
			return value;
		value = value * base + digit;
	}
}

static void course(const char *arguments, void (*one_round)(void *))
{
	struct place p;
	struct frame f;

	check_begin(arguments); /* the random numbers' seed */
	p.gva = *arguments == ':' ? (arguments++, number(&arguments)) : 0;
	p.bytes = *arguments == ',' ? (arguments++, number(&arguments)) : 0;
	if (!p.bytes) {
		kprintf("crash=scribble and crash=leap need :ADDRESS,PAGES, such as "
			":0xffff800000000000,16\n");
		return;
	}
	handler_set(VEC_TEST, handler_count_irq);
	handler_set(VEC_SELF, handler_count_irq);
	for (unsigned i = 0; i < ROUNDS; i++) {
		catch (&f, one_round, &p);
		write_dr7(DR7_RESERVED);
		cli();
		asm volatile("cld");
	}
	kprintf("crash: %u rounds are over\n", ROUNDS);
	console_drain();
	for (;;)
		asm volatile("cli; hlt");
}

void crash_scribble(const char *arguments)
{
	course(arguments, scribble_round);
}

void crash_leap(const char *arguments)
{
	course(arguments, leap_round);
}
