// SPDX-License-Identifier: MIT
/*
 * irq/: interrupts from the 8259 and the 8254, the local APIC and the IO-APIC: pending, masked, delivered, in
 * which order, in whose time, and what wakes HLT.
 *
 * Nothing here depends on how fast the machine is: waits are bounded, and where only "some" interrupts can be
 * asked for, only that they came is folded. Source: SDM vol. 3A, 6.8 "Enabling and Disabling
 * Interrupts", 10.5 "Handling Local Interrupts", 10.8 "Handling Interrupts"; Intel 8259A and 82C54 data
 * sheets; 82093AA data sheet.
 */
#include "guest/groups.h"
#include "lib/string.h"

/* Vectors of different priority classes (bits 7..4). */
#define VEC_LOW     0x51
#define VEC_MIDDLE  0x91
#define VEC_MIDDLE2 0x95
#define VEC_HIGH    0xd1

#define IRQ_PIT     0
#define IRQ_COM1    4
#define PIN_PIT     2
#define PIT_SHORT   600   /* 0.5 ms */
#define WAIT_LONG   20000 /* microseconds: the bound for what has to come */
#define WAIT_SHORT  1500  /* for what must not come */

/* ---- a log of the vectors in the order in which they were taken ---- */

static u8 log[32];
static volatile unsigned logged;
static struct frame seen;

static void log_vector(const struct frame *f)
{
	if (logged < sizeof(log))
		log[logged] = (u8)f->vector;
	logged++;
	seen = *f;
}

static bool log_irq(struct frame *f)
{
	log_vector(f);
	return handler_count_irq(f);
}

static void log_handle(unsigned vector)
{
	logged = 0;
	handler_set(vector, log_irq);
}

/* Interrupts on for a moment, long enough for all that is pending. */
static void open_window(void)
{
	asm volatile("sti; nop; nop; nop; nop; cli" : : : "memory");
}

/* Interrupts on until n were logged. */
static void wait_logged(unsigned n)
{
	sti();
	WAIT_FOR(logged >= n, WAIT_LONG);
	cli();
}

/* ---- local APIC: pending, delivered, priorities ---- */

static void self_ipi(void)
{
	log_handle(VEC_MIDDLE);
	for (unsigned i = 1; i <= 50; i++) {
		lapic_send_self(VEC_MIDDLE);
		wait_logged(i);
		CHECK_EQ(logged, i);
	}
}

static void pending_while_if_clear(void)
{
	log_handle(VEC_MIDDLE);
	lapic_send_self(VEC_MIDDLE);
	WAIT_FOR(logged, WAIT_SHORT);
	CHECK_EQ(logged, 0);
	CHECK_EQ(lapic_vector_bit(LAPIC_IRR, VEC_MIDDLE), 1);
	open_window();
	CHECK_EQ(logged, 1);
	CHECK_EQ(lapic_vector_bit(LAPIC_IRR, VEC_MIDDLE), 0);
}

/* The same vector sent twice while it is pending is delivered once. */
static void pending_once(void)
{
	log_handle(VEC_MIDDLE);
	lapic_send_self(VEC_MIDDLE);
	lapic_send_self(VEC_MIDDLE);
	open_window();
	open_window();
	CHECK_EQ(logged, 1);
}

static void lapic_priority(void)
{
	static const u8 order[] = {VEC_HIGH, VEC_MIDDLE2, VEC_MIDDLE, VEC_LOW};

	for (unsigned i = 0; i < sizeof(order); i++)
		log_handle(order[i]);
	lapic_send_self(VEC_MIDDLE);
	lapic_send_self(VEC_LOW);
	lapic_send_self(VEC_HIGH);
	lapic_send_self(VEC_MIDDLE2);
	wait_logged(sizeof(order));
	CHECK_EQ(logged, sizeof(order));
	CHECK_MEM(log, order, sizeof(order));
}

/* CR8 = n blocks the classes up to n. */
static void tpr_blocks(void)
{
	log_handle(VEC_MIDDLE);
	write_cr8(VEC_MIDDLE >> 4);
	lapic_send_self(VEC_MIDDLE);
	open_window();
	CHECK_EQ(logged, 0);
	write_cr8((VEC_MIDDLE >> 4) - 1);
	open_window();
	CHECK_EQ(logged, 1);
	write_cr8(0);
}

/* With interrupts on, the write of CR8 itself lets the pending one in; also where the monitor has seen all of
 * this code before. */
CODE(lower_cr8, "sti; nop; xor %eax, %eax; mov %rax, %cr8; nop; nop; nop; cli; ret");

static void tpr_opens(void)
{
	struct frame f;

	log_handle(VEC_HIGH);
	for (unsigned i = 0; i < 4; i++) {
		write_cr8(15);
		lapic_send_self(VEC_HIGH);
		open_window();
		CHECK_EQ(logged, i);
		catch_asm(&f, lower_cr8, 0);
		CHECK_EQ(logged, i + 1);
		CHECK_EQ(read_cr8(), 0);
	}
}

static unsigned before_eoi, after_eoi;
static bool in_service;

/* Sends a higher and a lower one while it is in service itself, with interrupts on. */
static bool send_both(struct frame *f)
{
	log_vector(f);
	in_service = lapic_vector_bit(LAPIC_ISR, VEC_MIDDLE);
	lapic_send_self(VEC_LOW);
	lapic_send_self(VEC_HIGH);
	lapic_send_self(VEC_MIDDLE2); /* of the same class: waits too */
	open_window();
	WAIT_FOR(false, 20);
	before_eoi = logged;
	lapic_eoi();
	open_window();
	after_eoi = logged;
	return true;
}

static void end_of_interrupt(void)
{
	static const u8 order[] = {VEC_MIDDLE, VEC_HIGH, VEC_MIDDLE2, VEC_LOW};

	log_handle(VEC_LOW);
	log_handle(VEC_MIDDLE2);
	log_handle(VEC_HIGH);
	handler_set(VEC_MIDDLE, send_both);
	lapic_send_self(VEC_MIDDLE);
	wait_logged(sizeof(order));
	CHECK_EQ(in_service, true);
	CHECK_EQ(before_eoi, 2);
	CHECK_EQ(after_eoi, 4);
	CHECK_MEM(log, order, sizeof(order));
	CHECK_EQ(lapic_vector_bit(LAPIC_ISR, VEC_MIDDLE), 0);
}

/* ---- the shadows of STI and MOV SS ---- */

CODE(sti_shadow_code, "sti; nop; nop; cli; ret");
CODE(sti_cli_code, "sti; cli; nop; nop; ret");

/* "The processor ... recognizes maskable interrupts after the next instruction": the one behind STI still
 * runs. */
static void sti_shadow(void)
{
	struct frame f;

	log_handle(VEC_MIDDLE);
	lapic_send_self(VEC_MIDDLE);
	catch_asm(&f, sti_shadow_code, 0);
	CHECK_EQ(logged, 1);
	CHECK_EQ(seen.rip - (u64)sti_shadow_code, 2);
	CHECK_EQ(seen.rflags & RFLAGS_IF, RFLAGS_IF);
}

static void sti_cli(void)
{
	struct frame f;

	log_handle(VEC_MIDDLE);
	lapic_send_self(VEC_MIDDLE);
	for (unsigned i = 0; i < 10; i++)
		catch_asm(&f, sti_cli_code, 0);
	CHECK_EQ(logged, 0);
	open_window();
	CHECK_EQ(logged, 1);
}

/* RDI = rounds. An interrupt never comes between the MOV SS and the NOP, whenever it arrives. */
CODE(mov_ss_loop, "mov $0x10, %eax; sti; nop\n"
		  "1: .rept 32; mov %eax, %ss; nop; .endr; dec %rdi; jnz 1b; cli; ret");
_Static_assert(SEL_KERNEL_DATA == 0x10, "mov_ss_loop");
#define MOV_SS_LOOP_START 7
#define MOV_SS_PAIR       3
#define MOV_SS_PAIRS      32

static unsigned in_shadow, in_pairs;

/* Set anew by each interrupt: a periodic timer could be faster than a handler under a monitor. */
static u32 shadow_period;

static bool note_shadow(struct frame *f)
{
	u64 offset = f->rip - (u64)mov_ss_loop - MOV_SS_LOOP_START;
	bool taken = log_irq(f);

	if (offset < MOV_SS_PAIR * MOV_SS_PAIRS) {
		in_pairs++;
		in_shadow += offset % MOV_SS_PAIR != 0;
	}
	lapic_timer_start(VEC_HIGH, shadow_period, false);
	return taken;
}

static void mov_ss_shadow(void)
{
	u64 deadline;
	struct frame f;

	logged = in_shadow = in_pairs = 0;
	shadow_period = (u32)(apic_timer_hz() / 10000) | 1;
	handler_set(VEC_HIGH, note_shadow);
	lapic_timer_start(VEC_HIGH, shadow_period, false);
	for (deadline = deadline_us(200 * 1000); in_pairs < 16 && rdtsc() < deadline;)
		catch_asm(&f, mov_ss_loop, 100);
	lapic_timer_start(VEC_HIGH, 0, false);
	CHECK(in_pairs >= 16);
	CHECK_EQ(in_shadow, 0);
}

/* ---- 8259 and 8254 ---- */

static void pit_one_shot(void)
{
	log_handle(VEC_PIC + IRQ_PIT);
	pic_unmask(IRQ_PIT);
	pit_start(0, PIT_SHORT);
	wait_logged(1);
	CHECK_EQ(logged, 1);
	sti();
	WAIT_FOR(logged > 1, WAIT_SHORT);
	cli();
	CHECK_EQ(logged, 1);
}

static void pit_ticks(void)
{
	log_handle(VEC_PIC + IRQ_PIT);
	pic_unmask(IRQ_PIT);
	pit_start(2, PIT_SHORT);
	wait_logged(5);
	CHECK(logged >= 5);
	CHECK_EQ(log[4], VEC_PIC + IRQ_PIT);
}

static void pit_counts(void)
{
	u16 first, second;

	pit_start(2, 0xf000);
	first = pit_read();
	WAIT_FOR(false, 200);
	second = pit_read();
	CHECK(second < first && first <= 0xf000);
}

/* A masked request waits in the IRR and comes when the mask goes. */
static void pic_masked(void)
{
	log_handle(VEC_PIC + IRQ_PIT);
	pit_start(0, PIT_SHORT);
	sti();
	WAIT_FOR(pic_request_register() & BIT(IRQ_PIT), WAIT_LONG);
	cli();
	CHECK_EQ(logged, 0);
	CHECK_EQ(pic_request_register() & BIT(IRQ_PIT), BIT(IRQ_PIT));
	pic_unmask(IRQ_PIT);
	wait_logged(1);
	CHECK_EQ(logged, 1);
}

/* Unmasked, but IF is 0. */
static void pic_pending_while_if_clear(void)
{
	log_handle(VEC_PIC + IRQ_PIT);
	pic_unmask(IRQ_PIT);
	pit_start(0, PIT_SHORT);
	WAIT_FOR(pic_request_register() & BIT(IRQ_PIT), WAIT_LONG);
	CHECK_EQ(logged, 0);
	open_window();
	CHECK_EQ(logged, 1);
}

static bool log_without_eoi(struct frame *f)
{
	log_vector(f);
	return true;
}

/* Without an EOI there is no second one; it comes right after. */
static void pic_end_of_interrupt(void)
{
	logged = 0;
	handler_set(VEC_PIC + IRQ_PIT, log_without_eoi);
	pic_unmask(IRQ_PIT);
	pit_start(2, PIT_SHORT);
	wait_logged(1);
	CHECK_EQ(pic_service_register() & BIT(IRQ_PIT), BIT(IRQ_PIT));
	sti();
	WAIT_FOR(logged > 1, WAIT_SHORT);
	cli();
	CHECK_EQ(logged, 1);
	WAIT_FOR(pic_request_register() & BIT(IRQ_PIT), WAIT_LONG);
	pic_eoi(IRQ_PIT);
	CHECK_EQ(pic_service_register(), 0);
	wait_logged(2);
	CHECK(logged >= 2);
}

#define PIC1_DATA   0x21 /* the mask, after initialisation */

/* The UART's "transmitter empty" is a second line that software can raise: IRQ 4. */
#define COM1        0x3f8
#define UART_IER    1
#define UART_IIR    2
#define UART_MCR    4
#define UART_LSR    5
#define IER_THRE    0x02
#define MCR_OUT2    0x08 /* connects the interrupt line on a PC */
#define MCR_DTR_RTS 0x03
#define LSR_TEMT    0x40

static void uart_interrupt_on(void)
{
	WAIT_FOR(in8(COM1 + UART_LSR) & LSR_TEMT, WAIT_LONG);
	out8(COM1 + UART_MCR, MCR_OUT2 | MCR_DTR_RTS);
	out8(COM1 + UART_IER, IER_THRE);
}

static void uart_interrupt_off(void)
{
	out8(COM1 + UART_IER, 0);
	in8(COM1 + UART_IIR);
	out8(COM1 + UART_MCR, MCR_DTR_RTS);
}

static bool log_uart(struct frame *f)
{
	uart_interrupt_off();
	return log_irq(f);
}

/* Both pending and unmasked at once: line 0 comes before line 4. */
static void pic_priority(void)
{
	static const u8 order[] = {VEC_PIC + IRQ_PIT, VEC_PIC + IRQ_COM1};
	const u16 both = BIT(IRQ_PIT) | BIT(IRQ_COM1);

	log_handle(VEC_PIC + IRQ_PIT);
	handler_set(VEC_PIC + IRQ_COM1, log_uart);
	uart_interrupt_on();
	pit_start(0, PIT_SHORT);
	WAIT_FOR((pic_request_register() & both) == both, WAIT_LONG);
	CHECK_EQ(pic_request_register() & both, both);
	out8(PIC1_DATA, (u8)~both);
	wait_logged(2);
	uart_interrupt_off();
	CHECK_EQ(logged, 2);
	CHECK_MEM(log, order, sizeof(order));
}

/* Line 0 interrupts the service of line 4, not the other way round. */
static bool uart_then_pit(struct frame *f)
{
	log_vector(f);
	uart_interrupt_off();
	pit_start(0, PIT_SHORT);
	wait_logged(2);
	before_eoi = logged;
	pic_eoi(IRQ_COM1);
	return true;
}

static void pic_nesting(void)
{
	static const u8 order[] = {VEC_PIC + IRQ_COM1, VEC_PIC + IRQ_PIT};

	log_handle(VEC_PIC + IRQ_PIT);
	handler_set(VEC_PIC + IRQ_COM1, uart_then_pit);
	pic_unmask(IRQ_COM1);
	pic_unmask(IRQ_PIT);
	uart_interrupt_on();
	wait_logged(2);
	uart_interrupt_off();
	CHECK_EQ(before_eoi, 2);
	CHECK_MEM(log, order, sizeof(order));
	CHECK_EQ(pic_service_register(), 0);
}

/* ICW2 says which vectors the lines have. */
#define PIC1_COMMAND 0x20
#define ICW1         0x11
#define ICW3_SLAVE   0x04
#define ICW4         0x01
#define OCW2_EOI     0x20
#define OTHER_BASE   0x68

static bool log_other_base(struct frame *f)
{
	log_vector(f);
	out8(PIC1_COMMAND, OCW2_EOI);
	return true;
}

static void pic_vector_base(void)
{
	logged = 0;
	handler_set(OTHER_BASE + IRQ_PIT, log_other_base);
	out8(PIC1_COMMAND, ICW1);
	out8(PIC1_DATA, OTHER_BASE);
	out8(PIC1_DATA, ICW3_SLAVE);
	out8(PIC1_DATA, ICW4);
	pic_unmask(IRQ_PIT);
	pit_start(0, PIT_SHORT);
	wait_logged(1);
	CHECK_EQ(logged, 1);
	CHECK_EQ(log[0], OTHER_BASE + IRQ_PIT);
}

/* ---- local APIC timer ---- */

static u32 apic_ticks_us(unsigned microseconds)
{
	return (u32)(apic_timer_hz() / 1000 * microseconds / 1000) | 1;
}

static void apic_timer_one_shot(void)
{
	log_handle(VEC_MIDDLE);
	lapic_timer_start(VEC_MIDDLE, apic_ticks_us(500), false);
	wait_logged(1);
	CHECK_EQ(logged, 1);
	CHECK_EQ(lapic_read(LAPIC_TIMER_CURRENT), 0);
	sti();
	WAIT_FOR(logged > 1, WAIT_SHORT);
	cli();
	CHECK_EQ(logged, 1);
}

static void apic_timer_periodic(void)
{
	log_handle(VEC_MIDDLE);
	lapic_timer_start(VEC_MIDDLE, apic_ticks_us(300), true);
	wait_logged(5);
	lapic_timer_start(VEC_MIDDLE, 0, false);
	CHECK(logged >= 5);
	CHECK_EQ(lapic_read(LAPIC_TIMER_CURRENT), 0);
}

static void apic_timer_masked(void)
{
	log_handle(VEC_MIDDLE);
	lapic_timer_start(VEC_MIDDLE, apic_ticks_us(300), false);
	lapic_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | VEC_MIDDLE);
	sti();
	WAIT_FOR(!lapic_read(LAPIC_TIMER_CURRENT), WAIT_LONG);
	WAIT_FOR(logged, 20);
	cli();
	CHECK_EQ(lapic_read(LAPIC_TIMER_CURRENT), 0);
	CHECK_EQ(logged, 0);
	CHECK_EQ(lapic_vector_bit(LAPIC_IRR, VEC_MIDDLE), 0);
}

static void apic_timer_counts(void)
{
	u32 start = apic_ticks_us(10000), now;

	lapic_timer_start(VEC_MIDDLE, start, false);
	lapic_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | VEC_MIDDLE);
	WAIT_FOR(false, 500);
	now = lapic_read(LAPIC_TIMER_CURRENT);
	CHECK(now < start);
	CHECK_EQ(lapic_read(LAPIC_TIMER_INITIAL) == start, true);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	CHECK_EQ(lapic_read(LAPIC_TIMER_CURRENT), 0); /* "a write of 0 ... stops the timer" */
}

/* ---- IO-APIC ---- */

static void ioapic_pit(void)
{
	log_handle(VEC_HIGH);
	ioapic_route(PIN_PIT, VEC_HIGH);
	pit_start(2, PIT_SHORT);
	wait_logged(3);
	ioapic_mask(PIN_PIT);
	CHECK(logged >= 3);
	CHECK_EQ(log[2], VEC_HIGH);
}

static void ioapic_masked(void)
{
	log_handle(VEC_HIGH);
	ioapic_route(PIN_PIT, VEC_HIGH);
	ioapic_mask(PIN_PIT);
	pit_start(2, PIT_SHORT);
	sti();
	WAIT_FOR(logged, WAIT_SHORT);
	cli();
	CHECK_EQ(logged, 0);
}

/* ---- HLT ---- */

CODE(sti_hlt_code, "sti; hlt; nop; cli; ret");
#define AFTER_HLT 2

static void hlt_woken(void)
{
	struct frame f;

	log_handle(VEC_MIDDLE);
	lapic_timer_start(VEC_MIDDLE, apic_ticks_us(500), false);
	catch_asm(&f, sti_hlt_code, 0);
	CHECK_EQ(f.vector, NO_FAULT);
	CHECK_EQ(logged, 1);
	CHECK_EQ(seen.rip - (u64)sti_hlt_code, AFTER_HLT);
}

/* What is already pending comes in HLT, not before it: no wake-up is lost. */
static void hlt_pending(void)
{
	struct frame f;

	log_handle(VEC_MIDDLE);
	lapic_send_self(VEC_MIDDLE);
	catch_asm(&f, sti_hlt_code, 0);
	CHECK_EQ(logged, 1);
	CHECK_EQ(seen.rip - (u64)sti_hlt_code, AFTER_HLT);
}

static void hlt_pit(void)
{
	log_handle(VEC_PIC + IRQ_PIT);
	pic_unmask(IRQ_PIT);
	pit_start(2, PIT_SHORT);
	for (unsigned i = 0; i < 4; i++)
		sti_hlt();
	cli();
	CHECK(logged >= 4);
}

const struct test irq_tests[] = {
	{"irq/self_ipi", self_ipi},
	{"irq/pending_while_if_clear", pending_while_if_clear},
	{"irq/pending_once", pending_once},
	{"irq/lapic_priority", lapic_priority},
	{"irq/tpr_blocks", tpr_blocks},
	{"irq/tpr_opens", tpr_opens},
	{"irq/end_of_interrupt", end_of_interrupt},
	{"irq/sti_shadow", sti_shadow},
	{"irq/sti_cli", sti_cli},
	{"irq/mov_ss_shadow", mov_ss_shadow},
	{"irq/pit_one_shot", pit_one_shot},
	{"irq/pit_ticks", pit_ticks},
	{"irq/pit_counts", pit_counts},
	{"irq/pic_masked", pic_masked},
	{"irq/pic_pending_while_if_clear", pic_pending_while_if_clear},
	{"irq/pic_end_of_interrupt", pic_end_of_interrupt},
	{"irq/pic_priority", pic_priority},
	{"irq/pic_nesting", pic_nesting},
	{"irq/pic_vector_base", pic_vector_base},
	{"irq/apic_timer_one_shot", apic_timer_one_shot},
	{"irq/apic_timer_periodic", apic_timer_periodic},
	{"irq/apic_timer_masked", apic_timer_masked},
	{"irq/apic_timer_counts", apic_timer_counts},
	{"irq/ioapic_pit", ioapic_pit},
	{"irq/ioapic_masked", ioapic_masked},
	{"irq/hlt_woken", hlt_woken},
	{"irq/hlt_pending", hlt_pending},
	{"irq/hlt_pit", hlt_pit},
	{},
};
