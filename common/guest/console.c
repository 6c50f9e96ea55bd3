// SPDX-License-Identifier: MIT
/*
 * The console: COM1, 115200 baud, 8 bits, no parity, polled, a line at a time; and the machine lines of
 * abi/run_key.h.
 *
 * A line is collected first and then sent in pieces of the transmit FIFO's size, so that under a hypervisor
 * it costs one status read for 16 bytes. Every poll is bounded: on a machine without the port the guest goes
 * on silently. Source: PC16550D data sheet, 8.0 "Registers".
 */
#include "abi/run_key.h"
#include "guest/harness.h"
#include "lib/print.h"
#include "lib/siphash.h"

#define COM1           0x3f8
#define UART_THR       0
#define UART_DLL       0 /* with LCR.DLAB */
#define UART_DLM       1 /* with LCR.DLAB */
#define UART_IER       1
#define UART_FCR       2
#define UART_LCR       3
#define UART_MCR       4
#define UART_LSR       5
#define UART_LCR_8N1   0x03
#define UART_LCR_DLAB  0x80
#define UART_FCR_ON    0x07 /* FIFO enabled, both cleared */
#define UART_MCR_READY 0x03 /* DTR, RTS */
#define UART_LSR_THRE  0x20
#define UART_LSR_TEMT  0x40
#define UART_FIFO      16
#define UART_POLLS     1000000
#define DIVISOR_115200 1

#define LINE_SIZE      512

static char line[LINE_SIZE];
static unsigned line_used;
static unsigned machine_lines;

static void uart_wait(u8 bits)
{
	for (unsigned i = 0; i < UART_POLLS && (in8(COM1 + UART_LSR) & bits) != bits; i++)
		cpu_pause();
}

void console_init(void)
{
	out8(COM1 + UART_IER, 0);
	out8(COM1 + UART_LCR, UART_LCR_DLAB);
	out8(COM1 + UART_DLL, DIVISOR_115200);
	out8(COM1 + UART_DLM, 0);
	out8(COM1 + UART_LCR, UART_LCR_8N1);
	out8(COM1 + UART_FCR, UART_FCR_ON);
	out8(COM1 + UART_MCR, UART_MCR_READY);
}

static void line_send(void)
{
	for (unsigned i = 0; i < line_used; i++) {
		if (i % UART_FIFO == 0)
			uart_wait(UART_LSR_THRE);
		out8(COM1 + UART_THR, (u8)line[i]);
	}
	line_used = 0;
}

void console_putc(char c)
{
	line[line_used++] = c;
	if (c == '\n' || line_used == LINE_SIZE)
		line_send();
}

void console_drain(void)
{
	line_send();
	uart_wait(UART_LSR_THRE | UART_LSR_TEMT);
}

void machine_line(const char *fmt, ...)
{
	char text[LINE_SIZE - 32];
	va_list ap;
	unsigned length = (unsigned)ksnprintf(text, sizeof(text), "@%u ", machine_lines++);

	va_start(ap, fmt);
	length += (unsigned)kvsnprintf(text + length, sizeof(text) - length, fmt, ap);
	va_end(ap);
	length = MIN(length, (unsigned)sizeof(text) - 1);
	if (line_used)
		console_putc('\n');
	kprintf("%s #%016lx\n", text, siphash24(run_key_current()->key, text, length));
}
