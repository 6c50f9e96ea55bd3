// SPDX-License-Identifier: MIT
/*
 * The serial line of a machine under test, made safe. Nothing that a broken or hostile hypervisor sends may
 * reach the student's terminal as an escape code, end a C string early, or fill memory; and a line that had
 * to be repaired must be told from one that came whole, because only a whole one can carry a valid code
 * (protocol.h).
 *
 * Escape sequences: ECMA-48, 5.3 "Elements of control functions" (ESC Fe, CSI parameters final) and 8.3 for
 * the control strings (DCS, OSC, PM, APC, SOS), which end with ST or, as terminals take it, with BEL. Left
 * out: 8-bit C1 controls; those bytes become '?'.
 */
#include "grader/serial.h"

#include <stdlib.h>
#include <string.h>

#define CH_NUL 0x00
#define CH_BEL 0x07
#define CH_ESC 0x1b
#define CH_DEL 0x7f

void serial_init(struct serial *s, void (*line)(void *, const char *, bool), void *context)
{
	memset(s, 0, sizeof(*s));
	s->line = line;
	s->context = context;
}

static void end_line(struct serial *s)
{
	char **slot = &s->tail[s->lines % SERIAL_TAIL];

	s->text[s->used] = 0;
	free(*slot); /* a flood of short lines must not fill memory */
	*slot = xstrdup(s->text);
	s->lines++;
	if (s->line)
		s->line(s->context, s->text, s->damaged);
	s->used = 0;
	s->damaged = false;
}

static void drop(struct serial *s)
{
	s->dropped++;
	s->damaged = true;
}

static void keep(struct serial *s, char c)
{
	if (s->used == SERIAL_LINE)
		drop(s);
	else
		s->text[s->used++] = c;
}

/* One byte of an escape sequence. */
static void escape_byte(struct serial *s, u8 c)
{
	drop(s);
	switch (s->escape) {
	case ESCAPE_START:
		if (c == '[')
			s->escape = ESCAPE_CSI;
		else if (strchr("PX]^_", c) && c)
			s->escape = ESCAPE_STRING;
		else if (c < 0x20 || c > 0x2f) /* intermediate bytes come before the final one */
			s->escape = ESCAPE_NONE;
		break;
	case ESCAPE_CSI:
		if (c < 0x20 || c > 0x3f)
			s->escape = ESCAPE_NONE;
		break;
	case ESCAPE_STRING:
		if (c == CH_BEL)
			s->escape = ESCAPE_NONE;
		else if (c == CH_ESC)
			s->escape = ESCAPE_START; /* of ST, most likely */
		break;
	case ESCAPE_NONE:
		break;
	}
}

static void byte(struct serial *s, u8 c)
{
	bool after_cr = s->cr;

	s->cr = false;
	if (c == '\n') { /* ends even an escape sequence: a lost one must not swallow the rest of the run */
		s->escape = ESCAPE_NONE;
		end_line(s);
		return;
	}
	if (after_cr) /* a CR inside a line would overwrite it on a terminal */
		drop(s);
	if (s->escape != ESCAPE_NONE) {
		escape_byte(s, c);
	} else if (c == '\r') {
		s->cr = true;
	} else if (c == CH_ESC) {
		drop(s);
		s->escape = ESCAPE_START;
	} else if (c == CH_NUL) {
		drop(s);
	} else if (c == '\t') {
		keep(s, ' ');
	} else if (c < ' ' || c >= CH_DEL) {
		s->damaged = true;
		keep(s, '?');
	} else {
		keep(s, (char)c);
	}
}

bool serial_feed(struct serial *s, const void *data, size_t size)
{
	const u8 *p = data;

	while (size--) {
		if (s->bytes == SERIAL_LIMIT) {
			s->flooded = true;
			return false;
		}
		s->bytes++;
		byte(s, *p++);
	}
	return true;
}

void serial_finish(struct serial *s)
{
	if (!s->used)
		return;
	s->damaged = true; /* cut off before its end */
	end_line(s);
}

void serial_tail(const struct serial *s, string_list *out)
{
	u64 first = s->lines > SERIAL_TAIL ? s->lines - SERIAL_TAIL : 0;

	for (u64 i = first; i < s->lines; i++)
		strings_add(out, s->tail[i % SERIAL_TAIL]);
}
