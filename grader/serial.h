/* SPDX-License-Identifier: MIT */
/*
 * From the bytes of a serial line to lines of text that can be judged, shown and kept whatever the other side
 * sends.
 *
 * A line ends with LF; CR before it is dropped. NUL bytes and escape sequences are dropped, other control
 * characters and bytes above 126 become '?': such a line is `damaged`. What is longer than SERIAL_LINE is
 * cut: damaged too. After the limit nothing more is taken.
 */
#ifndef GRADER_SERIAL_H
#define GRADER_SERIAL_H

#include "grader/util.h"

#define SERIAL_LINE  1000   /* characters of a line that are kept */
#define SERIAL_LIMIT MIB(4) /* bytes of a run */
#define SERIAL_TAIL  12     /* last lines that a report shows */

enum serial_escape { ESCAPE_NONE, ESCAPE_START, ESCAPE_CSI, ESCAPE_STRING };

struct serial {
	void (*line)(void *context, const char *text, bool damaged);
	void *context;

	u64 bytes; /* all that came, with what was dropped */
	u64 dropped;
	bool flooded;

	char text[SERIAL_LINE + 1];
	size_t used;
	bool damaged;
	bool cr; /* the last byte was CR */
	enum serial_escape escape;

	char *tail[SERIAL_TAIL]; /* a ring */
	u64 lines;
};

void serial_init(struct serial *s, void (*line)(void *, const char *, bool), void *context);
/* False: the limit is reached, and the sender should be stopped. */
bool serial_feed(struct serial *s, const void *data, size_t size);
/* The last line may have no LF. */
void serial_finish(struct serial *s);
/* The last lines, oldest first. */
void serial_tail(const struct serial *s, string_list *out);

#endif
