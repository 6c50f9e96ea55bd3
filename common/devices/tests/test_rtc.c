// SPDX-License-Identifier: MIT
// The clock against the MC146818 data sheet, and the calendar against the host's.
#include "fake.h"
#include "lib/tests/unit.h"

#include <time.h>

#include "devices/calendar.h"
#include "devices/pic.h"
#include "devices/rtc.h"

#define Y2000 946684800 /* in the host's seconds */

static u8 get(struct vm *vm, u8 index)
{
	out8p(vm, RTC_PORT, index);
	return in8p(vm, RTC_PORT + 1);
}

static void put(struct vm *vm, u8 index, u8 value)
{
	out8p(vm, RTC_PORT, index);
	out8p(vm, RTC_PORT + 1, value);
}

static bool irq(struct vm *vm)
{
	return in8p(vm, PIC_SLAVE_PORT) & 1;
}

static void test_calendar(void)
{
	for (u64 seconds = 0; seconds < 500ULL * 366 * DAY_SECONDS; seconds += 40 * DAY_SECONDS + 12345) {
		time_t host = (time_t)seconds + Y2000;
		struct calendar c;
		struct tm tm;

		gmtime_r(&host, &tm);
		calendar_from_seconds(seconds, &c);
		if (c.year != tm.tm_year + 1900U || c.month != tm.tm_mon + 1U ||
		    c.day != (unsigned)tm.tm_mday || c.hour != (unsigned)tm.tm_hour ||
		    c.minute != (unsigned)tm.tm_min || c.second != (unsigned)tm.tm_sec ||
		    c.weekday != tm.tm_wday + 1U || calendar_to_seconds(&c) != seconds) {
			CU_FAIL("a date differs from the host's");
			return;
		}
	}
	CU_PASS("500 years");
}

static void test_leap_days(void)
{
	static const struct {
		unsigned year, month, day, next_month, next_day;
	} days[] = {
		{2000, 2, 28, 2, 29}, {2000, 2, 29, 3, 1}, {2023, 2, 28, 3, 1},
		{2024, 2, 28, 2, 29}, {2100, 2, 28, 3, 1}, {2024, 12, 31, 1, 1},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(days); i++) {
		struct calendar c = {.year = days[i].year, .month = days[i].month, .day = days[i].day};

		calendar_from_seconds(calendar_to_seconds(&c) + DAY_SECONDS, &c);
		CU_ASSERT_EQUAL(c.month, days[i].next_month);
		CU_ASSERT_EQUAL(c.day, days[i].next_day);
	}
}

static void test_start(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_EQUAL(get(vm, 9), 0x24);
	CU_ASSERT_EQUAL(get(vm, 0x32), 0x20);
	CU_ASSERT_EQUAL(get(vm, 8), 0x01);
	CU_ASSERT_EQUAL(get(vm, 7), 0x01);
	CU_ASSERT_EQUAL(get(vm, 6), 2); /* a Monday */
	CU_ASSERT_EQUAL(get(vm, 4), 0x00);
	CU_ASSERT_EQUAL(get(vm, 0x0d), 0x80);
	put(vm, 0x0d, 0); /* read-only */
	CU_ASSERT_EQUAL(get(vm, 0x0d), 0x80);
	fake_run(vm, (13 * 3600 + 45 * 60 + 59) * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 4), 0x13);
	CU_ASSERT_EQUAL(get(vm, 2), 0x45);
	CU_ASSERT_EQUAL(get(vm, 0), 0x59);
	fake_run(vm, 366 * 86400 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 9), 0x25);
	CU_ASSERT_EQUAL(get(vm, 0x80 | 4), 0x13); /* bit 7 of the index masks NMI and selects nothing */
}

static void test_formats(void)
{
	struct vm *vm = fake_vm(1);

	fake_run(vm, (13 * 3600 + 45 * 60 + 59) * FAKE_HZ);
	put(vm, 0x0b, 0x06); /* binary, 24 hours */
	CU_ASSERT_EQUAL(get(vm, 4), 13);
	CU_ASSERT_EQUAL(get(vm, 0), 59);
	put(vm, 0x0b, 0x04); /* binary, 12 hours */
	CU_ASSERT_EQUAL(get(vm, 4), 0x81);
	put(vm, 0x0b, 0x00);
	CU_ASSERT_EQUAL(get(vm, 4), 0x81);
	fake_run(vm, 10 * 3600 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 4), 0x91); /* 11 PM */
	fake_run(vm, 3600 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 4), 0x12); /* 12 AM is midnight */
	fake_run(vm, 12 * 3600 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 4), 0x92);
}

static void test_set(void)
{
	struct vm *vm = fake_vm(1);
	static const u8 wanted[][2] = {{0, 0x58}, {2, 0x59}, {4, 0x23}, {7, 0x28}, {8, 0x02}, {9, 0x28}};

	put(vm, 0x0b, 0x82);
	for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++)
		put(vm, wanted[i][0], wanted[i][1]);
	fake_run(vm, 10 * FAKE_HZ);
	for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++)
		CU_ASSERT_EQUAL(get(vm, wanted[i][0]), wanted[i][1]); /* SET: nothing moves */
	put(vm, 0x0b, 0x02);
	fake_run(vm, 3 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 0), 0x01);
	CU_ASSERT_EQUAL(get(vm, 4), 0x00);
	CU_ASSERT_EQUAL(get(vm, 7), 0x29); /* 2028 is a leap year */
	CU_ASSERT_EQUAL(get(vm, 8), 0x02);
	put(vm, 8, 0x03); /* without SET it counts at once */
	CU_ASSERT_EQUAL(get(vm, 8), 0x03);
	CU_ASSERT_EQUAL(get(vm, 7), 0x29);
	/* Nonsense counts on. */
	for (u8 i = 0; i < 10; i++)
		put(vm, i, 0xff);
	put(vm, 0x32, 0xff);
	CU_ASSERT(get(vm, 0) <= 0x59);
	put(vm, 0x32, 0x00);
	CU_ASSERT_EQUAL(get(vm, 0x32) & 0xf0, 0x20);
}

static void test_update_in_progress(void)
{
	struct vm *vm = fake_vm(1);

	CU_ASSERT_EQUAL(get(vm, 0x0a), 0x26);
	fake_run(vm, FAKE_HZ - 300 * FAKE_US);
	CU_ASSERT_EQUAL(get(vm, 0x0a), 0x26);
	fake_run(vm, 100 * FAKE_US);
	CU_ASSERT_EQUAL(get(vm, 0x0a), 0xa6);
	CU_ASSERT_EQUAL(get(vm, 0), 0x00);
	fake_run(vm, 200 * FAKE_US);
	CU_ASSERT_EQUAL(get(vm, 0x0a), 0x26);
	CU_ASSERT_EQUAL(get(vm, 0), 0x01);
	put(vm, 0x0b, 0x82);
	fake_run(vm, FAKE_HZ - 200 * FAKE_US);
	CU_ASSERT_EQUAL(get(vm, 0x0a), 0x26); /* SET: there are no updates */
	put(vm, 0x0a, 0xa0);
	CU_ASSERT_EQUAL(get(vm, 0x0a), 0x20); /* read-only */
}

static void test_periodic(void)
{
	struct vm *vm = fake_vm(1);
	unsigned count = 0;

	get(vm, 0x0c);
	fake_run(vm, 2 * FAKE_MS);
	CU_ASSERT_EQUAL(get(vm, 0x0c), 0x40); /* the flag without an interrupt */
	CU_ASSERT_EQUAL(get(vm, 0x0c), 0);
	CU_ASSERT_EQUAL(vm->next_deadline, VM_TIMER_OFF);
	put(vm, 0x0b, 0x42);
	fake_run(vm, FAKE_MS);
	CU_ASSERT_TRUE(irq(vm));
	CU_ASSERT_EQUAL(vm->next_deadline, VM_TIMER_OFF); /* no more until register C is read */
	CU_ASSERT_EQUAL(get(vm, 0x0c) & 0xc0, 0xc0);
	CU_ASSERT_FALSE(irq(vm));
	for (unsigned i = 0; i < 10000; i++) {
		fake_run(vm, FAKE_MS / 10);
		count += irq(vm);
		get(vm, 0x0c);
	}
	CU_ASSERT_EQUAL(count, 1024); /* a second */
	put(vm, 0x0a, 0x20);          /* rate 0: none */
	get(vm, 0x0c);
	fake_run(vm, FAKE_HZ / 2);
	CU_ASSERT_EQUAL(get(vm, 0x0c) & 0x40, 0);
}

static void test_update_interrupt(void)
{
	struct vm *vm = fake_vm(1);

	put(vm, 0x0a, 0x20);
	put(vm, 0x0b, 0x12);
	fake_run(vm, FAKE_HZ - 1);
	CU_ASSERT_FALSE(irq(vm));
	fake_run(vm, 1);
	CU_ASSERT_TRUE(irq(vm));
	CU_ASSERT_EQUAL(get(vm, 0x0c), 0x90);
	put(vm, 0x0b, 0x92); /* SET clears UIE */
	CU_ASSERT_EQUAL(get(vm, 0x0b), 0x82);
	fake_run(vm, 2 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 0x0c), 0);
}

static void test_alarm(void)
{
	struct vm *vm = fake_vm(1);

	put(vm, 0x0a, 0x20);
	put(vm, 1, 0x05);
	put(vm, 3, 0xff); /* any minute */
	put(vm, 5, 0xc0); /* any hour */
	put(vm, 0x0b, 0x22);
	fake_run(vm, 5 * FAKE_HZ - 1);
	CU_ASSERT_FALSE(irq(vm));
	fake_run(vm, 1);
	CU_ASSERT_TRUE(irq(vm));
	CU_ASSERT_EQUAL(get(vm, 0x0c), 0xb0);
	fake_run(vm, 59 * FAKE_HZ);
	CU_ASSERT_FALSE(irq(vm));
	fake_run(vm, FAKE_HZ);
	CU_ASSERT_TRUE(irq(vm));
	/* Not scheduled for hours: the alarm of 02:30:10 is found all the same. */
	put(vm, 1, 0x10);
	put(vm, 3, 0x30);
	put(vm, 5, 0x02);
	get(vm, 0x0c);
	fake_sleep(vm, 2 * 3600 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 0x0c) & 0x20, 0);
	fake_sleep(vm, 3600 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 0x0c) & 0x20, 0x20);
	put(vm, 5, 0x77); /* there is no such hour */
	get(vm, 0x0c);
	fake_sleep(vm, 10ULL * 86400 * FAKE_HZ);
	CU_ASSERT_EQUAL(get(vm, 0x0c) & 0x20, 0);
}

static void test_cmos(void)
{
	struct vm *vm = fake_vm(1);
	u16 sum = 0;

	CU_ASSERT_EQUAL(get(vm, 0x15) | get(vm, 0x16) << 8, 640);
	CU_ASSERT_EQUAL(get(vm, 0x17) | get(vm, 0x18) << 8, 63 * 1024);
	CU_ASSERT_EQUAL(get(vm, 0x30) | get(vm, 0x31) << 8, 63 * 1024);
	CU_ASSERT_EQUAL(get(vm, 0x34) | get(vm, 0x35) << 8, 48 * 16);
	for (u8 i = 0x10; i <= 0x2d; i++)
		sum += get(vm, i);
	CU_ASSERT_EQUAL(get(vm, 0x2e) << 8 | get(vm, 0x2f), sum);
	put(vm, 0x0f, 0x5a);
	CU_ASSERT_EQUAL(get(vm, 0x0f), 0x5a);
	CU_ASSERT_EQUAL(in8p(vm, RTC_PORT), 0xff); /* write-only */
}

UNIT_MAIN("rtc", {"calendar", test_calendar}, {"leap days", test_leap_days}, {"start", test_start},
	  {"formats", test_formats}, {"set", test_set}, {"update in progress", test_update_in_progress},
	  {"periodic", test_periodic}, {"update interrupt", test_update_interrupt}, {"alarm", test_alarm},
	  {"cmos", test_cmos})
