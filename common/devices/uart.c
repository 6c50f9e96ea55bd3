// SPDX-License-Identifier: MIT
/*
 * The 16550A of the guest. It is infinitely fast: a byte that the guest writes has left before the OUT ends,
 * so the transmitter is always empty (LSR.THRE, LSR.TEMT), and the divisor is stored and has no effect.
 *
 * Source: National Semiconductor PC16550D, "Universal Asynchronous Receiver/Transmitter with FIFOs" (June
 * 1995), 8.0 "Registers"; the PC's wiring: the interrupt reaches the bus only while MCR.OUT2 is set.
 *
 * Left out: parity, framing and break (there is no line that could be noisy), DMA mode, and the four
 * character times before the receiver's time-out interrupt: bytes below the FIFO's trigger level report a
 * time-out at once.
 */
#include "devices/uart.h"

#include "machine/machine.h"
#include "vmm/vm.h"

/* Registers, by offset; the first two depend on LCR.DLAB */
#define UART_DATA              0 /* RBR when read, THR when written; DLL with DLAB */
#define UART_IER               1 /* DLM with DLAB */
#define UART_IIR               2 /* when read */
#define UART_FCR               2 /* when written */
#define UART_LCR               3
#define UART_MCR               4
#define UART_LSR               5
#define UART_MSR               6
#define UART_SCR               7

#define UART_IER_RX            0x01 /* received data available */
#define UART_IER_THRE          0x02 /* transmitter holding register empty */
#define UART_IER_LINE          0x04 /* receiver line status */
#define UART_IER_MSR           0x08 /* modem status */
#define UART_IER_MASK          0x0f

#define UART_IIR_NONE          0x01
#define UART_IIR_MSR           0x00
#define UART_IIR_THRE          0x02
#define UART_IIR_RX            0x04
#define UART_IIR_LINE          0x06
#define UART_IIR_TIMEOUT       0x0c
#define UART_IIR_FIFO          0xc0 /* FIFOs enabled */

#define UART_FCR_ENABLE        0x01
#define UART_FCR_RESET_RX      0x02
#define UART_FCR_TRIGGER_SHIFT 6

#define UART_LCR_DLAB          0x80

#define UART_MCR_DTR           0x01
#define UART_MCR_RTS           0x02
#define UART_MCR_OUT1          0x04
#define UART_MCR_OUT2          0x08
#define UART_MCR_LOOP          0x10
#define UART_MCR_MASK          0x1f

#define UART_LSR_DR            0x01
#define UART_LSR_OE            0x02
#define UART_LSR_THRE          0x20
#define UART_LSR_TEMT          0x40

#define UART_MSR_DELTAS        0x0f /* DCTS DDSR TERI DDCD */
#define UART_MSR_TERI          0x04
#define UART_MSR_CTS           0x10
#define UART_MSR_DSR           0x20
#define UART_MSR_RI            0x40
#define UART_MSR_DCD           0x80
#define UART_MSR_SHIFT         4 /* from a delta to its signal */

#define UART_FIFO              16

struct uart {
	struct vm *vm;
	u8 ier, fcr, lcr, mcr, msr, scr, dll, dlm;
	bool overrun;
	bool thre_pending; /* the transmitter became empty and IIR has not said so yet */
	u8 fifo[UART_FIFO];
	unsigned head, count;
	bool line; /* at the interrupt controllers */
};

static unsigned uart_capacity(const struct uart *u)
{
	return u->fcr & UART_FCR_ENABLE ? UART_FIFO : 1;
}

static unsigned uart_trigger(const struct uart *u)
{
	static const u8 level[] = {1, 4, 8, 14};

	return u->fcr & UART_FCR_ENABLE ? level[u->fcr >> UART_FCR_TRIGGER_SHIFT] : 1;
}

/* The most urgent cause, as IIR reports it (PC16550D, table IV "Interrupt Control Functions"). */
static u8 uart_cause(const struct uart *u)
{
	if ((u->ier & UART_IER_LINE) && u->overrun)
		return UART_IIR_LINE;
	if ((u->ier & UART_IER_RX) && u->count >= uart_trigger(u))
		return UART_IIR_RX;
	if ((u->ier & UART_IER_RX) && u->count > 0)
		return UART_IIR_TIMEOUT;
	if ((u->ier & UART_IER_THRE) && u->thre_pending)
		return UART_IIR_THRE;
	if ((u->ier & UART_IER_MSR) && (u->msr & UART_MSR_DELTAS))
		return UART_IIR_MSR;
	return UART_IIR_NONE;
}

static void uart_update(struct uart *u)
{
	bool level = uart_cause(u) != UART_IIR_NONE && (u->mcr & UART_MCR_OUT2) && !(u->mcr & UART_MCR_LOOP);

	if (level == u->line)
		return;
	u->line = level;
	vm_irq_set(u->vm, UART_IRQ, level);
}

static void uart_push(struct uart *u, u8 byte)
{
	if (u->count == uart_capacity(u)) {
		u->overrun = true; /* a full FIFO keeps its bytes; the one that arrives is lost */
		return;
	}
	u->fifo[(u->head + u->count++) % UART_FIFO] = byte;
}

static u8 uart_pop(struct uart *u)
{
	u8 byte;

	if (u->count == 0)
		return 0;
	byte = u->fifo[u->head];
	u->head = (u->head + 1) % UART_FIFO;
	u->count--;
	return byte;
}

bool uart_receive(struct vm *vm, u8 byte)
{
	struct uart *u = vm->uart;

	if (u->count == uart_capacity(u) || (u->mcr & UART_MCR_LOOP))
		return false;
	uart_push(u, byte);
	uart_update(u);
	return true;
}

bool uart_wants_input(const struct vm *vm)
{
	const struct uart *u = vm->uart;

	return (u->ier & UART_IER_RX) && (u->mcr & UART_MCR_OUT2) && !(u->mcr & UART_MCR_LOOP);
}

/* The modem lines: the other end is always ready, or in loopback what MCR drives (DTR to DSR, RTS to CTS,
 * OUT1 to RI, OUT2 to DCD). */
static void uart_modem_lines(struct uart *u)
{
	u8 lines = UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
	u8 changed;

	if (u->mcr & UART_MCR_LOOP)
		lines = (u->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			(u->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
			(u->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
			(u->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
	changed = (lines ^ u->msr) >> UART_MSR_SHIFT;
	if (lines & UART_MSR_RI)
		changed &= ~UART_MSR_TERI; /* the trailing edge alone */
	u->msr = lines | (u->msr & UART_MSR_DELTAS) | changed;
}

static void uart_write_fcr(struct uart *u, u8 value)
{
	if (((value ^ u->fcr) & UART_FCR_ENABLE) || (value & UART_FCR_RESET_RX))
		u->count = 0;
	/* Without the enable bit the other bits are not programmed (PC16550D, 8.5). */
	u->fcr = value & UART_FCR_ENABLE ? value : 0;
}

static void uart_write_data(struct uart *u, u8 value)
{
	if (u->mcr & UART_MCR_LOOP)
		uart_push(u, value);
	else
		vm_console_put(u->vm, value);
	u->thre_pending = true;
	if (u->ier)
		uart_update(u);
}

static void uart_write_ier(struct uart *u, u8 value)
{
	/* Enabling the interrupt while the transmitter is empty raises it. */
	if ((value & UART_IER_THRE) && !(u->ier & UART_IER_THRE))
		u->thre_pending = true;
	u->ier = value & UART_IER_MASK;
}

static void uart_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct uart *u = device;
	bool dlab = u->lcr & UART_LCR_DLAB;

	(void)size;
	switch (offset) {
	case UART_DATA:
		if (!dlab) {
			uart_write_data(u, value);
			return;
		}
		u->dll = value;
		break;
	case UART_IER:
		if (dlab)
			u->dlm = value;
		else
			uart_write_ier(u, value);
		break;
	case UART_FCR:
		uart_write_fcr(u, value);
		break;
	case UART_LCR:
		u->lcr = value;
		break;
	case UART_MCR:
		u->mcr = value & UART_MCR_MASK;
		uart_modem_lines(u);
		break;
	case UART_SCR:
		u->scr = value;
		break;
	}
	uart_update(u);
}

/* Reading IIR takes back the transmitter's interrupt, if that is what it reports. */
static u8 uart_read_iir(struct uart *u)
{
	u8 cause = uart_cause(u);

	if (cause == UART_IIR_THRE)
		u->thre_pending = false;
	return cause | (u->fcr & UART_FCR_ENABLE ? UART_IIR_FIFO : 0);
}

static u8 uart_read_lsr(struct uart *u)
{
	u8 lsr = UART_LSR_THRE | UART_LSR_TEMT | (u->count > 0 ? UART_LSR_DR : 0) |
		 (u->overrun ? UART_LSR_OE : 0);

	u->overrun = false;
	return lsr;
}

static u8 uart_read_msr(struct uart *u)
{
	u8 msr = u->msr;

	u->msr &= ~UART_MSR_DELTAS;
	return msr;
}

static u64 uart_read(void *device, u64 offset, unsigned size)
{
	struct uart *u = device;
	bool dlab = u->lcr & UART_LCR_DLAB;
	u8 value = 0;

	(void)size;
	switch (offset) {
	case UART_DATA:
		value = dlab ? u->dll : uart_pop(u);
		break;
	case UART_IER:
		value = dlab ? u->dlm : u->ier;
		break;
	case UART_IIR:
		value = uart_read_iir(u);
		break;
	case UART_LCR:
		value = u->lcr;
		break;
	case UART_MCR:
		value = u->mcr;
		break;
	case UART_LSR:
		value = uart_read_lsr(u);
		break;
	case UART_MSR:
		value = uart_read_msr(u);
		break;
	case UART_SCR:
		value = u->scr;
		break;
	}
	uart_update(u);
	return value;
}

static const struct io_ops uart_ops = {"uart", 1, uart_read, uart_write};

bool uart_create(struct vm *vm)
{
	struct uart *u = machine_alloc(sizeof(*u));

	if (u == NULL)
		return false;
	u->vm = vm;
	u->msr = UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
	u->dll = 1;
	vm->uart = u;
	vm_pio_add(vm, UART_PORT, UART_PORTS, &uart_ops, u);
	return true;
}
