// SPDX-License-Identifier: MIT
/*
 * Dates to seconds and back, for the clock of a guest. Years are counted from 1 March, so that the leap day
 * is the last of a year and the lengths of the months before a date follow from (153 m + 2) / 5: five months
 * have 153 days, again and again.
 */
#include "devices/calendar.h"

#define MARCH            3
#define MONTHS           12
#define WEEKDAYS         7
#define DAYS_YEAR        365
#define DAYS_4_YEARS     1461
#define DAYS_CENTURY     36524
#define DAYS_4_CENTURIES 146097
#define DAYS_5_MONTHS    153
/* From 1 March of the year 0 to 1 January 2000 */
#define EPOCH_DAYS       730425
/* 1 January 2000 was a Saturday, the last day of the week as the RTC counts it */
#define EPOCH_WEEKDAY    6

u64 calendar_to_seconds(const struct calendar *c)
{
	u64 months = (u64)c->year * MONTHS + c->month - 1; /* since January of the year 0 */
	u64 year = (months - (MARCH - 1)) / MONTHS;
	u64 month = (months - (MARCH - 1)) % MONTHS; /* 0: March */
	u64 days = year * DAYS_YEAR + year / 4 - year / 100 + year / 400 + (DAYS_5_MONTHS * month + 2) / 5 +
		   c->day - 1;

	return (days - EPOCH_DAYS) * DAY_SECONDS + (u64)c->hour * HOUR_SECONDS +
	       (u64)c->minute * MINUTE_SECONDS + c->second;
}

void calendar_from_seconds(u64 seconds, struct calendar *c)
{
	u64 days = seconds / DAY_SECONDS + EPOCH_DAYS;
	u64 eras = days / DAYS_4_CENTURIES, day_of_era = days % DAYS_4_CENTURIES;
	u64 year = (day_of_era - day_of_era / (DAYS_4_YEARS - 1) + day_of_era / DAYS_CENTURY -
		    day_of_era / (DAYS_4_CENTURIES - 1)) /
		   DAYS_YEAR;
	u64 day_of_year = day_of_era - (year * DAYS_YEAR + year / 4 - year / 100);
	u64 month = (5 * day_of_year + 2) / DAYS_5_MONTHS; /* 0: March */

	c->day = day_of_year - (DAYS_5_MONTHS * month + 2) / 5 + 1;
	c->month = (month + MARCH - 1) % MONTHS + 1;
	c->year = eras * 400 + year + (c->month < MARCH ? 1 : 0);
	c->hour = seconds % DAY_SECONDS / HOUR_SECONDS;
	c->minute = seconds % HOUR_SECONDS / MINUTE_SECONDS;
	c->second = seconds % MINUTE_SECONDS;
	c->weekday = (seconds / DAY_SECONDS + EPOCH_WEEKDAY) % WEEKDAYS + 1;
}
