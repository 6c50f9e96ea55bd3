// SPDX-License-Identifier: MIT
/*
 * The 8254 programmable interval timer. Nothing ticks: a channel keeps the moment at which its count was
 * loaded, in periods of its 1.193182 MHz clock, and works out count and output when somebody asks. Channel 0
 * sets a timer of the VM for the next rising edge of its output, which is IRQ 0; periods that went by while
 * the VM did not run give one edge (vmm/io.h, VM_TIMER_MAX_HZ).
 *
 * Source: Intel 8254 data sheet (order number 231164-005), "Programming the 8254", "Mode Definitions"; Intel
 * 82371SB (PIIX3) data sheet, 2.5.4 "NMI Status and Control Register" for port 0x61.
 *
 * Left out: until a channel is programmed it stands still (its state is undefined then); the falling half of
 * mode 3 at IRQ 0, so that a masked tick stays pending for the whole period; a new count in mode 3 at the end
 * of a half period (it is taken at the end of the whole); channel 1's refresh requests but for the bit that
 * software watches.
 */
#include "devices/pit.h"

#include "lib/panic.h"
#include "machine/machine.h"
#include "vmm/vm.h"

#define PIT_CHANNELS           3
#define PIT_CONTROL            3 /* port offset */

/* The control word */
#define PIT_SELECT_SHIFT       6
#define PIT_SELECT_READ        3 /* the read-back command */
#define PIT_ACCESS_SHIFT       4
#define PIT_ACCESS_MASK        3
#define PIT_ACCESS_LATCH       0
#define PIT_ACCESS_LOW         1
#define PIT_ACCESS_HIGH        2
#define PIT_ACCESS_BOTH        3
#define PIT_MODE_SHIFT         1
#define PIT_MODE_MASK          7
#define PIT_MODE_X             3 /* modes 6 and 7 are 2 and 3 */
#define PIT_BCD                0x01
#define PIT_CONTROL_STORE      0x3f /* what the status byte repeats */

/* Read-back; the bits of count and status are active low */
#define PIT_READ_NO_COUNT      0x20
#define PIT_READ_NO_STATUS     0x10
#define PIT_READ_CHANNEL_SHIFT 1

#define PIT_STATUS_OUT         0x80
#define PIT_STATUS_NULL        0x40 /* the last count written is not loaded yet */

#define PIT_MODE_TERMINAL      0 /* interrupt on terminal count */
#define PIT_MODE_ONE_SHOT      1
#define PIT_MODE_RATE          2
#define PIT_MODE_SQUARE        3
#define PIT_MODE_STROBE        4
#define PIT_MODE_HW_STROBE     5

#define PIT_RANGE_BINARY       0x10000
#define PIT_RANGE_BCD          10000

/* Port 0x61 */
#define SPEAKER_GATE2          0x01
#define SPEAKER_STORED         0x0f /* speaker data and NMI enables too: kept, without effect */
#define SPEAKER_REFRESH        0x10 /* toggles with each refresh request of channel 1 */
#define SPEAKER_OUT2           0x20
#define REFRESH_CLOCKS         18 /* 15 microseconds */
#define SPEAKER_GATED_CHANNEL  2

struct pit_channel {
	u8 control; /* access, mode, BCD as in the control word; 0 until it is programmed */
	u8 mode;
	u8 low_byte;              /* the first of two bytes that are written */
	bool wrote_low, read_low; /* the next byte is the high one */
	bool gate;
	bool loaded;  /* the counting element holds a count and, where a gate triggers, was triggered */
	bool waiting; /* a control word or count was written that the counting element has not taken (NULL
			 COUNT) */
	u32 count;    /* in the counting element: 1 .. the range */
	u32 written_count; /* 0: none since the control word */
	u64 start;         /* clock at which it was loaded */
	u64 elapsed;       /* clocks counted before `start`, while the gate was low: modes 0 and 4 */
	u64 reload_at;     /* modes 2 and 3: clock at which written_count replaces count; 0: no new one */
	bool count_latched, status_latched;
	u16 latched_count;
	u8 latched_status;
};

struct pit {
	struct vm *vm;
	struct pit_channel channel[PIT_CHANNELS];
	struct vm_timer timer; /* the next rising edge of channel 0 */
	u64 last_edge;         /* in ticks of vm_now() */
	u8 speaker;
};

/* ---- the clock ---- */

static u64 pit_clock(struct pit *p)
{
	return muldiv64(vm_now(p->vm), PIT_HZ, vm_tick_hz(p->vm));
}

/* The first tick at which pit_clock() has reached `clock`. */
static u64 clock_to_tick(struct pit *p, u64 clock)
{
	return muldiv64_up(clock, vm_tick_hz(p->vm), PIT_HZ);
}

/* ---- counting ---- */

static u32 channel_range(const struct pit_channel *c)
{
	return c->control & PIT_BCD ? PIT_RANGE_BCD : PIT_RANGE_BINARY;
}

static bool is_periodic(const struct pit_channel *c)
{
	return c->mode == PIT_MODE_RATE || c->mode == PIT_MODE_SQUARE;
}

static bool is_triggered(const struct pit_channel *c)
{
	return c->mode == PIT_MODE_ONE_SHOT || c->mode == PIT_MODE_HW_STROBE;
}

/* Clocks counted since the load. A low gate stops the modes that it does not trigger. */
static u64 channel_elapsed(const struct pit_channel *c, u64 clock)
{
	if (!c->gate && !is_triggered(c))
		return c->elapsed;
	return clock < c->start ? c->elapsed : c->elapsed + clock - c->start;
}

static void channel_load(struct pit_channel *c, u64 start)
{
	c->count = c->written_count;
	c->start = start;
	c->elapsed = 0;
	c->reload_at = 0;
	c->loaded = true;
	c->waiting = false;
}

/* Takes over the count that waits for the end of the current period. */
static void channel_settle(struct pit_channel *c, u64 clock)
{
	if (c->reload_at != 0 && clock >= c->reload_at)
		channel_load(c, c->reload_at);
}

/* Mode 3 counts by two, twice a period; an odd count starts at the even number below, and its first half is
 * one clock longer. */
static u32 square_count(const struct pit_channel *c, u64 phase)
{
	u32 first = (c->count + 1) / 2;
	u32 step = phase < first ? phase : phase - first;

	return (c->count & ~1U) - 2 * step;
}

static u32 channel_count(const struct pit_channel *c, u64 clock)
{
	u32 range = channel_range(c);
	u64 elapsed = channel_elapsed(c, clock);

	if (!c->loaded)
		return 0;
	if (c->mode == PIT_MODE_RATE)
		return c->count - elapsed % c->count;
	if (c->mode == PIT_MODE_SQUARE)
		return square_count(c, elapsed % c->count);
	return (c->count + range - elapsed % range) % range; /* counts on through 0 */
}

static bool channel_out(const struct pit_channel *c, u64 clock)
{
	u64 elapsed = channel_elapsed(c, clock);

	if (!c->loaded)
		return c->mode != PIT_MODE_TERMINAL;
	switch (c->mode) {
	case PIT_MODE_TERMINAL:
	case PIT_MODE_ONE_SHOT:
		return elapsed >= c->count;
	case PIT_MODE_RATE:
		return !c->gate || elapsed % c->count != c->count - 1;
	case PIT_MODE_SQUARE:
		return !c->gate || elapsed % c->count < (c->count + 1) / 2;
	default:
		return elapsed != c->count; /* the strobe is one clock long */
	}
}

/* The clock of the next rising edge of the output, or VM_TIMER_OFF; for channel 0, whose gate is always high.
 */
static u64 channel_next_edge(const struct pit_channel *c, u64 clock)
{
	u64 edge;

	if (!c->loaded)
		return VM_TIMER_OFF;
	if (c->reload_at != 0)
		return c->reload_at;
	if (is_periodic(c))
		return clock < c->start ? c->start + c->count
					: c->start + ((clock - c->start) / c->count + 1) * c->count;
	edge = c->start + c->count + (c->mode == PIT_MODE_STROBE ? 1 : 0);
	return edge > clock ? edge : VM_TIMER_OFF;
}

/* ---- IRQ 0 ---- */

static void pit_arm(struct pit *p)
{
	struct pit_channel *c = &p->channel[0];
	u64 edge = channel_next_edge(c, pit_clock(p));
	u64 deadline = VM_TIMER_OFF;

	if (edge != VM_TIMER_OFF)
		deadline = clock_to_tick(p, edge);
	if (edge != VM_TIMER_OFF && is_periodic(c) && p->last_edge != 0)
		deadline = MAX(deadline, p->last_edge + vm_tick_hz(p->vm) / VM_TIMER_MAX_HZ);
	vm_timer_set(p->vm, &p->timer, deadline);
}

static void pit_fire(struct vm_timer *t)
{
	struct pit *p = container_of(t, struct pit, timer);

	channel_settle(&p->channel[0], pit_clock(p));
	vm_irq_set(p->vm, PIT_IRQ, false);
	vm_irq_set(p->vm, PIT_IRQ, true);
	p->last_edge = vm_now(p->vm);
	pit_arm(p);
}

/* An edge that is due belongs to the count that made it: deliver it before the channel changes. */
static void pit_catch_up(struct pit *p)
{
	if (p->timer.deadline <= vm_now(p->vm))
		pit_fire(&p->timer);
}

/* ---- programming ---- */

static u32 from_bcd(u32 bcd)
{
	return (bcd >> 12) * 1000 + (bcd >> 8 & 0xf) * 100 + (bcd >> 4 & 0xf) * 10 + (bcd & 0xf);
}

static u16 to_bcd(u32 n)
{
	return n / 1000 % 10 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10;
}

/* A whole count was written. The counting element takes it with the next clock, at the end of the period, or
 * with a trigger. */
static void channel_write_count(struct pit_channel *c, u16 value, u64 clock)
{
	u32 count = c->control & PIT_BCD ? from_bcd(value) % PIT_RANGE_BCD : value;

	channel_settle(c, clock);
	c->written_count = count != 0 ? count : channel_range(c);
	c->waiting = true;
	if (is_triggered(c))
		return;
	if (is_periodic(c) && c->loaded && c->gate)
		c->reload_at = clock + c->count - channel_elapsed(c, clock) % c->count;
	else
		channel_load(c, clock + 1);
}

static void pit_write_channel(struct pit *p, struct pit_channel *c, u8 value)
{
	u64 clock = pit_clock(p);

	switch (c->control >> PIT_ACCESS_SHIFT) {
	case PIT_ACCESS_LOW:
		channel_write_count(c, value, clock);
		break;
	case PIT_ACCESS_HIGH:
		channel_write_count(c, value << 8, clock);
		break;
	case PIT_ACCESS_BOTH:
		if (c->wrote_low) {
			channel_write_count(c, value << 8 | c->low_byte, clock);
		} else {
			c->low_byte = value;
			if (c->mode == PIT_MODE_TERMINAL)
				c->loaded = false; /* the first byte stops the count and lowers the output */
		}
		c->wrote_low = !c->wrote_low;
		break;
	}
}

static void channel_write_control(struct pit_channel *c, u8 value)
{
	unsigned mode = value >> PIT_MODE_SHIFT & PIT_MODE_MASK;

	c->control = value & PIT_CONTROL_STORE;
	c->mode = mode > PIT_MODE_HW_STROBE ? mode & PIT_MODE_X : mode;
	c->wrote_low = c->read_low = false;
	c->count_latched = c->status_latched = false;
	c->loaded = false;
	c->waiting = true;
	c->written_count = 0;
	c->reload_at = 0;
	c->elapsed = 0;
}

/* The gate of channel 2. */
static void channel_set_gate(struct pit_channel *c, bool gate, u64 clock)
{
	bool rises = gate && !c->gate;

	channel_settle(c, clock);
	if (gate == c->gate)
		return;
	if (!is_triggered(c))
		c->elapsed = channel_elapsed(c, clock);
	c->gate = gate;
	if (!rises || c->written_count == 0)
		return;
	if (is_triggered(c) || is_periodic(c))
		channel_load(c, clock + 1);
	else
		c->start = clock;
}

/* ---- reading ---- */

static u16 channel_read_count(const struct pit_channel *c, u64 clock)
{
	u32 count = channel_count(c, clock);

	return c->control & PIT_BCD ? to_bcd(count) : count;
}

/* A latch holds until it is read; latching again before has no effect. */
static void channel_latch_count(struct pit_channel *c, u64 clock)
{
	if (c->count_latched)
		return;
	c->latched_count = channel_read_count(c, clock);
	c->count_latched = true;
}

static void channel_latch_status(struct pit_channel *c, u64 clock)
{
	if (c->status_latched)
		return;
	c->latched_status = c->control | (channel_out(c, clock) ? PIT_STATUS_OUT : 0) |
			    (c->waiting || clock < c->start ? PIT_STATUS_NULL : 0);
	c->status_latched = true;
}

static u8 pit_read_channel(struct pit *p, struct pit_channel *c)
{
	unsigned access = c->control >> PIT_ACCESS_SHIFT;
	u64 clock = pit_clock(p);
	u16 count;
	bool high, last;

	if (c->status_latched) {
		c->status_latched = false;
		return c->latched_status;
	}
	channel_settle(c, clock);
	count = c->count_latched ? c->latched_count : channel_read_count(c, clock);
	high = access == PIT_ACCESS_HIGH || (access == PIT_ACCESS_BOTH && c->read_low);
	last = access != PIT_ACCESS_BOTH || c->read_low;
	c->read_low = !last;
	if (last)
		c->count_latched = false;
	return high ? count >> 8 : count;
}

static void pit_read_back(struct pit *p, u8 value)
{
	for (unsigned i = 0; i < PIT_CHANNELS; i++) {
		struct pit_channel *c = &p->channel[i];

		if (!(value >> PIT_READ_CHANNEL_SHIFT & BIT(i)))
			continue;
		channel_settle(c, pit_clock(p));
		if (!(value & PIT_READ_NO_COUNT))
			channel_latch_count(c, pit_clock(p));
		if (!(value & PIT_READ_NO_STATUS))
			channel_latch_status(c, pit_clock(p));
	}
}

static void pit_write_control(struct pit *p, u8 value)
{
	struct pit_channel *c;

	if (value >> PIT_SELECT_SHIFT == PIT_SELECT_READ) {
		pit_read_back(p, value);
		return;
	}
	c = &p->channel[value >> PIT_SELECT_SHIFT];
	channel_settle(c, pit_clock(p));
	if ((value >> PIT_ACCESS_SHIFT & PIT_ACCESS_MASK) == PIT_ACCESS_LATCH)
		channel_latch_count(c, pit_clock(p));
	else
		channel_write_control(c, value);
}

/* ---- ports ---- */

static u64 pit_read(void *device, u64 offset, unsigned size)
{
	struct pit *p = device;

	(void)size;
	return offset == PIT_CONTROL ? 0xff : pit_read_channel(p, &p->channel[offset]);
}

static void pit_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct pit *p = device;
	struct pit_channel *c = &p->channel[0];

	(void)size;
	pit_catch_up(p);
	if (offset == PIT_CONTROL)
		pit_write_control(p, value);
	else
		pit_write_channel(p, &p->channel[offset], value);
	/* A stopped channel's output is fixed by its mode; mode 0 falls with a new count. */
	if (c->control != 0 && (!c->loaded || c->mode == PIT_MODE_TERMINAL))
		vm_irq_set(p->vm, PIT_IRQ, channel_out(c, pit_clock(p)));
	pit_arm(p);
}

static u64 speaker_read(void *device, u64 offset, unsigned size)
{
	struct pit *p = device;
	struct pit_channel *c = &p->channel[SPEAKER_GATED_CHANNEL];
	u64 clock = pit_clock(p);

	(void)offset;
	(void)size;
	channel_settle(c, clock);
	return p->speaker | (channel_out(c, clock) ? SPEAKER_OUT2 : 0) |
	       (clock / REFRESH_CLOCKS % 2 ? SPEAKER_REFRESH : 0);
}

static void speaker_write(void *device, u64 offset, unsigned size, u64 value)
{
	struct pit *p = device;

	(void)offset;
	(void)size;
	p->speaker = value & SPEAKER_STORED;
	channel_set_gate(&p->channel[SPEAKER_GATED_CHANNEL], value & SPEAKER_GATE2, pit_clock(p));
}

static const struct io_ops pit_ops = {"pit", 1, pit_read, pit_write};
static const struct io_ops speaker_ops = {"speaker", 1, speaker_read, speaker_write};

bool pit_create(struct vm *vm)
{
	struct pit *p = machine_alloc(sizeof(*p));

	if (p == NULL)
		return false;
	ASSERT(vm_tick_hz(vm) >= PIT_HZ);
	p->vm = vm;
	for (unsigned i = 0; i < PIT_CHANNELS; i++) {
		p->channel[i].gate = i != SPEAKER_GATED_CHANNEL;
		p->channel[i].mode = PIT_MODE_RATE; /* output high, as firmware leaves it */
	}
	vm_timer_add(vm, &p->timer, pit_fire);
	vm_pio_add(vm, PIT_PORT, PIT_PORTS, &pit_ops, p);
	vm_pio_add(vm, PIT_SPEAKER_PORT, 1, &speaker_ops, p);
	vm_irq_set(vm, PIT_IRQ, true);
	return true;
}
