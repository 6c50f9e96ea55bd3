// SPDX-License-Identifier: MIT
/*
 * The MC146818 real-time clock with the PC's CMOS memory behind it.
 *
 * The time is a count of seconds that is worked out from vm_now(); the registers are made from it when they
 * are read. What happened since the last look (a period, a second, the alarm) is worked out too, in
 * rtc_settle(), so that a guest which polls register C sees the flags without any timer running. A timer of
 * the VM runs only while an enabled interrupt can come, and not while one waits for the guest to read
 * register C: a guest that ignores its clock costs nothing.
 *
 * Source: Motorola MC146818 data sheet (1984), "Programming" and "Registers"; the PC's CMOS layout.
 *
 * Left out: daylight saving, the square-wave pin, stopping the divider (DV), a day of the week that disagrees
 * with the date. The update itself takes no time: UIP announces it 244 microseconds before.
 */
#include "devices/rtc.h"

#include "devices/calendar.h"
#include "machine/machine.h"
#include "vmm/vm.h"

#define RTC_INDEX_PORT      0 /* offsets */
#define RTC_DATA_PORT       1

#define CMOS_BYTES          128
#define CMOS_INDEX          0x7f /* bit 7 masks NMI: kept, without effect */

#define RTC_SECOND          0x00
#define RTC_SECOND_ALARM    0x01
#define RTC_MINUTE          0x02
#define RTC_MINUTE_ALARM    0x03
#define RTC_HOUR            0x04
#define RTC_HOUR_ALARM      0x05
#define RTC_WEEKDAY         0x06
#define RTC_DAY             0x07
#define RTC_MONTH           0x08
#define RTC_YEAR            0x09
#define RTC_A               0x0a
#define RTC_B               0x0b
#define RTC_C               0x0c
#define RTC_D               0x0d
#define RTC_CENTURY         0x32

#define RTC_A_UIP           0x80
#define RTC_A_RATE          0x0f
#define RTC_B_SET           0x80
#define RTC_B_PIE           0x40
#define RTC_B_AIE           0x20
#define RTC_B_UIE           0x10
#define RTC_B_DM            0x04 /* binary, not BCD */
#define RTC_B_24H           0x02
#define RTC_C_IRQF          0x80
#define RTC_C_PF            0x40 /* flags stand where register B has their enables */
#define RTC_C_AF            0x20
#define RTC_C_UF            0x10
#define RTC_D_VRT           0x80
#define RTC_EVENTS          (RTC_C_PF | RTC_C_AF | RTC_C_UF)

#define RTC_A_FIRMWARE      0x26 /* 32.768 kHz, 1024 Hz */
#define RTC_B_FIRMWARE      RTC_B_24H

#define RTC_HOUR_PM         0x80 /* of a 12-hour register */
#define RTC_ALARM_ANY       0xc0 /* an alarm byte with both bits matches everything */
#define RTC_CRYSTAL_HZ      32768
#define RTC_UIP_PER_SEC     4096 /* 244 microseconds */

/* CMOS: what firmware leaves there */
#define CMOS_EQUIPMENT      0x14
#define CMOS_EQUIPMENT_FPU  0x02
#define CMOS_BASE_KB        0x15
#define CMOS_EXTENDED_KB    0x17
#define CMOS_CHECKSUM_FIRST 0x10
#define CMOS_CHECKSUM_LAST  0x2d
#define CMOS_CHECKSUM       0x2e /* high byte first */
#define CMOS_EXTENDED_KB_2  0x30
#define CMOS_ABOVE_16M      0x34 /* units of 64 KiB */
#define CMOS_ABOVE_4G       0x5b /* three bytes, units of 64 KiB */
#define CMOS_BASE_MEMORY_KB 640
#define CMOS_16BIT_MAX      0xffff
#define PCI_HOLE_START      GIB(3) /* memory that the 16-bit fields can count ends there at the latest */

struct rtc {
	struct vm *vm;
	struct vm_timer timer;
	u8 index;
	u8 cmos[CMOS_BYTES];
	u64 base_tick;    /* of vm_now(), at which the time was base_seconds */
	u64 base_seconds; /* since CALENDAR_FIRST_YEAR */
	u64 settled;      /* the tick up to which events are in register C */
	bool line;
};

/* ---- registers and time ---- */

static u8 encode(const struct rtc *r, unsigned value)
{
	return r->cmos[RTC_B] & RTC_B_DM ? value : value / 10 << 4 | value % 10;
}

static unsigned decode(const struct rtc *r, u8 value)
{
	return r->cmos[RTC_B] & RTC_B_DM ? value : (value >> 4) * 10 + (value & 0xf);
}

static u8 encode_hour(const struct rtc *r, unsigned hour)
{
	if (r->cmos[RTC_B] & RTC_B_24H)
		return encode(r, hour);
	return encode(r, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? RTC_HOUR_PM : 0);
}

static unsigned decode_hour(const struct rtc *r, u8 value)
{
	if (r->cmos[RTC_B] & RTC_B_24H)
		return decode(r, value);
	return decode(r, value & ~RTC_HOUR_PM) % 12 + (value & RTC_HOUR_PM ? 12 : 0);
}

static u64 seconds_at(const struct rtc *r, u64 tick)
{
	return r->base_seconds + (tick - r->base_tick) / vm_tick_hz(r->vm);
}

static void registers_from_time(struct rtc *r, u64 now)
{
	struct calendar c;

	if (r->cmos[RTC_B] & RTC_B_SET)
		return; /* the guest's own */
	calendar_from_seconds(seconds_at(r, now), &c);
	r->cmos[RTC_SECOND] = encode(r, c.second);
	r->cmos[RTC_MINUTE] = encode(r, c.minute);
	r->cmos[RTC_HOUR] = encode_hour(r, c.hour);
	r->cmos[RTC_WEEKDAY] = encode(r, c.weekday);
	r->cmos[RTC_DAY] = encode(r, c.day);
	r->cmos[RTC_MONTH] = encode(r, c.month);
	r->cmos[RTC_YEAR] = encode(r, c.year % 100);
	r->cmos[RTC_CENTURY] = c.year / 100 / 10 << 4 | c.year / 100 % 10; /* BCD in either mode */
}

/* The registers become the time. A guest may write anything: fields out of range count on, the year is 2000
 * at least. */
static void time_from_registers(struct rtc *r, u64 now)
{
	unsigned century = (r->cmos[RTC_CENTURY] >> 4) * 10 + (r->cmos[RTC_CENTURY] & 0xf);
	struct calendar c = {
		.year = MAX(century * 100, CALENDAR_FIRST_YEAR) + decode(r, r->cmos[RTC_YEAR]),
		.month = MAX(decode(r, r->cmos[RTC_MONTH]), 1U),
		.day = MAX(decode(r, r->cmos[RTC_DAY]), 1U),
		.hour = decode_hour(r, r->cmos[RTC_HOUR]),
		.minute = decode(r, r->cmos[RTC_MINUTE]),
		.second = decode(r, r->cmos[RTC_SECOND]),
	};

	r->base_seconds = calendar_to_seconds(&c);
	r->base_tick = now;
}

static bool is_time(unsigned index)
{
	return index == RTC_CENTURY || index == RTC_SECOND || index == RTC_MINUTE || index == RTC_HOUR ||
	       (index >= RTC_WEEKDAY && index <= RTC_YEAR);
}

/* ---- events ---- */

/* The rate of the periodic event, or 0. Rates 1 and 2 are those of 8 and 9. */
static unsigned periodic_hz(const struct rtc *r)
{
	unsigned rate = r->cmos[RTC_A] & RTC_A_RATE;

	if (rate == 0)
		return 0;
	return RTC_CRYSTAL_HZ >> (rate <= 2 ? rate + 7 : rate) << 1;
}

static u64 periods_at(const struct rtc *r, u64 tick)
{
	return muldiv64(tick, periodic_hz(r), vm_tick_hz(r->vm));
}

static bool alarm_matches(u8 alarm, unsigned wanted, unsigned value)
{
	return (alarm & RTC_ALARM_ANY) == RTC_ALARM_ANY || wanted == value;
}

/*
 * Did the alarm match a second in (from, to]? Goes from match candidate to match candidate: a wrong hour is
 * left at once, then a wrong minute, so that a day is looked through in some 24 + 60 + 60 steps; no day after
 * the first has anything new.
 */
static bool alarm_between(const struct rtc *r, u64 from, u64 to)
{
	u8 second = r->cmos[RTC_SECOND_ALARM], minute = r->cmos[RTC_MINUTE_ALARM],
	   hour = r->cmos[RTC_HOUR_ALARM];
	u64 t = from + 1, end = MIN(to, from + DAY_SECONDS);

	while (t <= end) {
		if (!alarm_matches(hour, decode_hour(r, hour), t % DAY_SECONDS / HOUR_SECONDS))
			t = (t / HOUR_SECONDS + 1) * HOUR_SECONDS;
		else if (!alarm_matches(minute, decode(r, minute), t % HOUR_SECONDS / MINUTE_SECONDS))
			t = (t / MINUTE_SECONDS + 1) * MINUTE_SECONDS;
		else if (!alarm_matches(second, decode(r, second), t % MINUTE_SECONDS))
			t++;
		else
			return true;
	}
	return false;
}

static void rtc_update_line(struct rtc *r)
{
	bool level = r->cmos[RTC_C] & r->cmos[RTC_B] & RTC_EVENTS;

	r->cmos[RTC_C] = (r->cmos[RTC_C] & RTC_EVENTS) | (level ? RTC_C_IRQF : 0);
	if (level == r->line)
		return;
	r->line = level;
	vm_irq_set(r->vm, RTC_IRQ, level);
}

/* Puts all that happened up to now into register C. */
static void rtc_settle(struct rtc *r, u64 now)
{
	u64 from = MAX(r->settled, r->base_tick);

	if (periodic_hz(r) != 0 && periods_at(r, now) != periods_at(r, r->settled))
		r->cmos[RTC_C] |= RTC_C_PF;
	if (!(r->cmos[RTC_B] & RTC_B_SET) && seconds_at(r, now) != seconds_at(r, from)) {
		r->cmos[RTC_C] |= RTC_C_UF;
		if (alarm_between(r, seconds_at(r, from), seconds_at(r, now)))
			r->cmos[RTC_C] |= RTC_C_AF;
	}
	r->settled = now;
	rtc_update_line(r);
}

/* The next moment at which an enabled interrupt can come. An alarm is looked for once a second. */
static void rtc_arm(struct rtc *r, u64 now)
{
	u8 enabled = r->cmos[RTC_B];
	u64 hz = vm_tick_hz(r->vm), deadline = VM_TIMER_OFF;

	if ((enabled & RTC_B_PIE) && periodic_hz(r) != 0)
		deadline = muldiv64_up(periods_at(r, now) + 1, hz, periodic_hz(r));
	if ((enabled & (RTC_B_AIE | RTC_B_UIE)) && !(enabled & RTC_B_SET))
		deadline = MIN(deadline, now + hz - (now - r->base_tick) % hz);
	if (r->line)
		deadline = VM_TIMER_OFF; /* nothing new until the guest reads register C */
	vm_timer_set(r->vm, &r->timer, deadline);
}

static void rtc_fire(struct vm_timer *t)
{
	struct rtc *r = container_of(t, struct rtc, timer);
	u64 now = vm_now(r->vm);

	rtc_settle(r, now);
	rtc_arm(r, now);
}

/* ---- ports ---- */

static u8 rtc_read_a(const struct rtc *r, u64 now)
{
	u64 hz = vm_tick_hz(r->vm);
	bool near = (now - r->base_tick) % hz >= hz - hz / RTC_UIP_PER_SEC;

	return r->cmos[RTC_A] | (near && !(r->cmos[RTC_B] & RTC_B_SET) ? RTC_A_UIP : 0);
}

static u64 rtc_read(void *device, u64 offset, unsigned size)
{
	struct rtc *r = device;
	unsigned index = r->index & CMOS_INDEX;
	u64 now = vm_now(r->vm);
	u8 value;

	(void)size;
	if (offset == RTC_INDEX_PORT)
		return ~0ULL; /* write-only */
	if (index == RTC_A)
		return rtc_read_a(r, now);
	if (is_time(index))
		registers_from_time(r, now);
	if (index == RTC_C)
		rtc_settle(r, now);
	value = r->cmos[index];
	if (index == RTC_C) {
		r->cmos[RTC_C] = 0;
		rtc_update_line(r);
		rtc_arm(r, now);
	}
	return value;
}

static void rtc_write_b(struct rtc *r, u8 value, u64 now)
{
	u8 old = r->cmos[RTC_B];

	registers_from_time(r, now); /* with SET they stay as they are now */
	if (value & RTC_B_SET)
		value &= ~RTC_B_UIE; /* as the data sheet says of SET */
	if ((old & RTC_B_SET) && !(value & RTC_B_SET)) {
		r->cmos[RTC_B] =
			value; /* the new format counts: software sets SET and the format, then the time */
		time_from_registers(r, now);
	}
	r->cmos[RTC_B] = value;
	rtc_update_line(r);
}

static void rtc_write_time(struct rtc *r, unsigned index, u8 value, u64 now)
{
	registers_from_time(r, now);
	r->cmos[index] = value;
	if (!(r->cmos[RTC_B] & RTC_B_SET))
		time_from_registers(r, now);
}

static void rtc_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct rtc *r = device;
	unsigned index = r->index & CMOS_INDEX;
	u64 now = vm_now(r->vm);

	(void)size;
	if (offset == RTC_INDEX_PORT) {
		r->index = value;
		return;
	}
	rtc_settle(r, now); /* by the old settings */
	if (is_time(index))
		rtc_write_time(r, index, value, now);
	else if (index == RTC_A)
		r->cmos[RTC_A] = value & ~RTC_A_UIP;
	else if (index == RTC_B)
		rtc_write_b(r, value, now);
	else if (index != RTC_C && index != RTC_D)
		r->cmos[index] = value;
	rtc_arm(r, now);
}

static const struct io_ops rtc_ops = {"rtc", 1, rtc_read, rtc_write};

/* ---- creation ---- */

static void cmos_put16(struct rtc *r, unsigned index, u64 value)
{
	u64 limited = MIN(value, CMOS_16BIT_MAX);

	r->cmos[index] = limited;
	r->cmos[index + 1] = limited >> 8;
}

static void cmos_init(struct rtc *r, u64 ram_bytes)
{
	u64 low = MIN(ram_bytes, PCI_HOLE_START);
	u64 high = ram_bytes > GIB(4) ? (ram_bytes - GIB(4)) / KIB(64) : 0;
	u16 sum = 0;

	r->cmos[RTC_A] = RTC_A_FIRMWARE;
	r->cmos[RTC_B] = RTC_B_FIRMWARE;
	r->cmos[RTC_D] = RTC_D_VRT;
	r->cmos[CMOS_EQUIPMENT] = CMOS_EQUIPMENT_FPU;
	cmos_put16(r, CMOS_BASE_KB, CMOS_BASE_MEMORY_KB);
	cmos_put16(r, CMOS_EXTENDED_KB, low > MIB(1) ? (low - MIB(1)) / KIB(1) : 0);
	cmos_put16(r, CMOS_EXTENDED_KB_2, low > MIB(1) ? (low - MIB(1)) / KIB(1) : 0);
	cmos_put16(r, CMOS_ABOVE_16M, low > MIB(16) ? (low - MIB(16)) / KIB(64) : 0);
	for (unsigned i = 0; i < 3; i++)
		r->cmos[CMOS_ABOVE_4G + i] = high >> (8 * i);
	for (unsigned i = CMOS_CHECKSUM_FIRST; i <= CMOS_CHECKSUM_LAST; i++)
		sum += r->cmos[i];
	r->cmos[CMOS_CHECKSUM] = sum >> 8;
	r->cmos[CMOS_CHECKSUM + 1] = (u8)sum;
}

bool rtc_create(struct vm *vm)
{
	struct rtc *r = machine_alloc(sizeof(*r));
	const struct calendar start = {.year = 2024, .month = 1, .day = 1};

	if (r == NULL)
		return false;
	r->vm = vm;
	r->base_tick = r->settled = vm_now(vm);
	r->base_seconds = calendar_to_seconds(&start);
	cmos_init(r, vm->ram_bytes);
	vm_timer_add(vm, &r->timer, rtc_fire);
	vm_pio_add(vm, RTC_PORT, RTC_PORTS, &rtc_ops, r);
	return true;
}
