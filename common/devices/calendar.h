/* SPDX-License-Identifier: MIT */
/* Dates of the Gregorian calendar, from the year 2000 on. */
#ifndef DEVICES_CALENDAR_H
#define DEVICES_CALENDAR_H

#include "lib/types.h"

#define CALENDAR_FIRST_YEAR 2000
#define DAY_SECONDS         86400
#define HOUR_SECONDS        3600
#define MINUTE_SECONDS      60

struct calendar {
	unsigned year, month, day; /* month and day from 1 */
	unsigned hour, minute, second;
	unsigned weekday; /* 1 Sunday .. 7 Saturday */
};

/* Seconds since the start of CALENDAR_FIRST_YEAR. Fields out of range count on (the 31st of April is the 1st
 * of May). */
u64 calendar_to_seconds(const struct calendar *c);
void calendar_from_seconds(u64 seconds, struct calendar *c);

#endif
