// SPDX-License-Identifier: MIT
/*
 * The ports of the small machine that KVM does not serve: COM1, as far as a polled console needs it, and the
 * two ports by which a machine asks for its end. All others read as ones, and what is written to them is
 * lost, as on a bus without a device.
 *
 * What comes over COM1 is passed on by lines, each with PORTS_MARK in front. A line that is longer than the
 * buffer goes out in parts.
 *
 * Source: National Semiconductor, "PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs", 8
 * "Registers". Left out: the receiver, interrupts, the time that a byte takes.
 */
#include "grader/nested/vm.h"

#include "abi/run_key.h"

#include <string.h>

#define UART_PORTS    8
#define UART_DATA     0
#define UART_IIR      2
#define UART_LCR      3
#define UART_LCR_DLAB 0x80
#define UART_LSR      5
#define UART_LSR_IDLE 0x60 /* THRE and TEMT: all is sent */
#define UART_MSR      6
#define UART_IIR_NONE 0x01 /* no interrupt pending */

static const char shutdown_word[] = "Shutdown";

void ports_init(struct ports *p, void (*write)(const char *text, u64 size))
{
	*p = (struct ports){.write = write};
}

static void flush(struct ports *p)
{
	const char mark = PORTS_MARK;

	if (!p->begun)
		p->write(&mark, 1);
	p->write(p->line, p->used);
	p->begun = true;
	p->used = 0;
}

static void send(struct ports *p, u8 byte)
{
	p->line[p->used++] = (char)byte;
	if (byte == '\n' || p->used == sizeof(p->line))
		flush(p);
	if (byte == '\n')
		p->begun = false;
}

void ports_finish(struct ports *p)
{
	if (!p->used && !p->begun)
		return;
	send(p, 0); /* marks it as damaged: the grader takes no line that was cut off */
	send(p, '\n');
}

static void uart_out(struct ports *p, unsigned reg, u8 value)
{
	if (reg == UART_DATA && !(p->uart[UART_LCR] & UART_LCR_DLAB))
		send(p, value);
	else
		p->uart[reg] = value;
}

static u8 uart_in(const struct ports *p, unsigned reg)
{
	switch (reg) {
	case UART_IIR:
		return UART_IIR_NONE;
	case UART_LSR:
		return UART_LSR_IDLE;
	case UART_MSR:
		return 0;
	case UART_DATA:
		return p->uart[UART_LCR] & UART_LCR_DLAB ? p->uart[UART_DATA] : 0;
	default:
		return p->uart[reg];
	}
}

static void bochs_exit(struct ports *p, u8 letter)
{
	p->shutdown =
		letter == (u8)shutdown_word[p->shutdown] ? p->shutdown + 1 : letter == (u8)shutdown_word[0];
	p->ended |= p->shutdown == strlen(shutdown_word);
}

void ports_out(struct ports *p, u16 port, const u8 *data, unsigned size)
{
	if (p->ended)
		return;
	if (port == DEBUG_EXIT_QEMU) {
		p->ended = true;
		p->status = data[0];
	} else if (port == DEBUG_EXIT_BOCHS && size == 1) {
		bochs_exit(p, data[0]);
	} else if (port >= PORTS_COM1 && port < PORTS_COM1 + UART_PORTS && size == 1) {
		uart_out(p, port - PORTS_COM1, data[0]);
	}
}

void ports_in(struct ports *p, u16 port, u8 *data, unsigned size)
{
	memset(data, 0xff, size);
	if (port >= PORTS_COM1 && port < PORTS_COM1 + UART_PORTS && size == 1)
		data[0] = uart_in(p, port - PORTS_COM1);
}
