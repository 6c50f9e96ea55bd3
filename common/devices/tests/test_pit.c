// SPDX-License-Identifier: MIT
// The PIT against the 8254 data sheet.
#include "fake.h"
#include "lib/tests/unit.h"

#include "devices/pic.h"
#include "devices/pit.h"

#define CH0     PIT_PORT
#define CH2     (PIT_PORT + 2)
#define CONTROL (PIT_PORT + 3)

#define GATE2   0x01
#define OUT2    0x20

/* Time, in clocks of the PIT: just past the n-th from now. */
static u64 clocks(u64 n)
{
	return n * FAKE_HZ / PIT_HZ + 1;
}

static struct vm *start(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, PIC_MASTER_PORT, 0x11);
	out8p(vm, PIC_MASTER_PORT + 1, 0x20);
	out8p(vm, PIC_MASTER_PORT + 1, 0x04);
	out8p(vm, PIC_MASTER_PORT + 1, 0x03); /* automatic EOI */
	return vm;
}

/* How many ticks of IRQ 0 the guest gets in `ticks`. */
static unsigned interrupts(struct vm *vm, u64 ticks)
{
	u64 end = fake_ticks + ticks;
	unsigned count = 0;

	for (;;) {
		u64 next =
			vm->next_deadline == VM_TIMER_OFF ? VM_TIMER_OFF : vm->next_deadline + vm->tsc_start;

		fake_run(vm, MIN(next, end) - fake_ticks);
		while (pic_pending(vm)) {
			CU_ASSERT_EQUAL(pic_ack(vm), 0x20);
			count++;
		}
		if (next >= end)
			return count;
	}
}

static void program(struct vm *vm, unsigned channel, unsigned mode, u16 count)
{
	out8p(vm, CONTROL, channel << 6 | 0x30 | mode << 1);
	out8p(vm, PIT_PORT + channel, count);
	out8p(vm, PIT_PORT + channel, count >> 8);
}

static u16 read_count(struct vm *vm, unsigned channel)
{
	u16 low = in8p(vm, PIT_PORT + channel);

	return low | in8p(vm, PIT_PORT + channel) << 8;
}

static u16 latch_count(struct vm *vm, unsigned channel)
{
	out8p(vm, CONTROL, channel << 6);
	return read_count(vm, channel);
}

static void test_rate(void)
{
	struct vm *vm = start();

	CU_ASSERT_EQUAL(interrupts(vm, FAKE_HZ), 0); /* not programmed */
	program(vm, 0, 2, 11932);                    /* 100 Hz */
	CU_ASSERT_EQUAL(interrupts(vm, FAKE_HZ + FAKE_MS), 100);
	program(vm, 0, 2, 0); /* 65536: 18.2 Hz */
	CU_ASSERT_EQUAL(interrupts(vm, 10 * FAKE_HZ), 182);
}

static void test_rate_count(void)
{
	struct vm *vm = start();

	program(vm, 2, 2, 1000);
	out8p(vm, PIT_SPEAKER_PORT, GATE2);
	fake_run(vm, clocks(1));
	CU_ASSERT_EQUAL(read_count(vm, 2), 1000);
	fake_run(vm, clocks(999));
	CU_ASSERT_EQUAL(read_count(vm, 2), 1); /* never 0 */
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	fake_run(vm, clocks(1));
	CU_ASSERT_EQUAL(read_count(vm, 2), 1000);
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2);
}

static void test_terminal_count(void)
{
	struct vm *vm = start();

	program(vm, 0, 0, 1000);
	CU_ASSERT_EQUAL(interrupts(vm, clocks(999)), 0);
	CU_ASSERT_EQUAL(interrupts(vm, clocks(3)), 1); /* N + 1 clocks after the write */
	CU_ASSERT_EQUAL(interrupts(vm, FAKE_HZ), 0);   /* once */
	program(vm, 0, 0, 10);
	CU_ASSERT_EQUAL(interrupts(vm, clocks(13)), 1);
	CU_ASSERT_EQUAL(latch_count(vm, 0), 0xfffe); /* counts on through 0 */
	/* The first byte of a new count stops it. */
	out8p(vm, CH0, 100);
	CU_ASSERT_EQUAL(interrupts(vm, FAKE_MS), 0);
	out8p(vm, CH0, 0);
	CU_ASSERT_EQUAL(interrupts(vm, FAKE_MS), 1);
}

static void test_square(void)
{
	struct vm *vm = start();
	u16 count;

	program(vm, 0, 3, 1193); /* 1000 Hz */
	CU_ASSERT_EQUAL(interrupts(vm, FAKE_HZ), 1000);
	out8p(vm, PIT_SPEAKER_PORT, GATE2);
	program(vm, 2, 3, 1001);
	fake_run(vm, clocks(1));
	CU_ASSERT_EQUAL(read_count(vm, 2), 1000); /* an odd count begins even, and goes by two */
	fake_run(vm, clocks(10));
	CU_ASSERT_EQUAL(read_count(vm, 2), 980);
	fake_run(vm, clocks(489));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2); /* 501 clocks high */
	fake_run(vm, clocks(2));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0); /* 500 low */
	count = read_count(vm, 2);
	CU_ASSERT(count >= 996 && count <= 1000); /* the second half counts down again */
	fake_run(vm, clocks(498));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	fake_run(vm, clocks(2));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2);
}

static void test_strobe(void)
{
	struct vm *vm = start();

	program(vm, 0, 4, 100);
	CU_ASSERT_EQUAL(interrupts(vm, clocks(100)), 0);
	CU_ASSERT_EQUAL(interrupts(vm, clocks(4)), 1);
	CU_ASSERT_EQUAL(interrupts(vm, FAKE_HZ), 0);
}

static void test_hardware_triggered(void)
{
	struct vm *vm = start();

	program(vm, 2, 1, 100); /* one-shot */
	fake_run(vm, clocks(500));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2); /* waits for the gate */
	out8p(vm, PIT_SPEAKER_PORT, GATE2);
	fake_run(vm, clocks(50));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	out8p(vm, PIT_SPEAKER_PORT, 0); /* a falling gate changes nothing, a rising one begins again */
	out8p(vm, PIT_SPEAKER_PORT, GATE2);
	fake_run(vm, clocks(98));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	fake_run(vm, clocks(4));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2);
	program(vm, 2, 5, 100); /* strobe */
	out8p(vm, PIT_SPEAKER_PORT, 0);
	out8p(vm, PIT_SPEAKER_PORT, GATE2);
	fake_run(vm, clocks(100));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2);
	fake_run(vm, clocks(1));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	fake_run(vm, clocks(1));
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2);
	/* Channel 0 has no gate to trigger it. */
	program(vm, 0, 1, 100);
	CU_ASSERT_EQUAL(interrupts(vm, FAKE_HZ), 0);
}

/* How operating systems measure the TSC: mode 0 on channel 2, then watch OUT2. */
static void test_gate_of_mode_0(void)
{
	struct vm *vm = start();

	out8p(vm, PIT_SPEAKER_PORT, 0);
	program(vm, 2, 0, 11931);
	fake_run(vm, FAKE_HZ); /* the gate is low: it does not count */
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	CU_ASSERT_EQUAL(read_count(vm, 2), 11931);
	out8p(vm, PIT_SPEAKER_PORT, GATE2);
	fake_run(vm, 5 * FAKE_MS);
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	out8p(vm, PIT_SPEAKER_PORT, 0); /* stops in the middle */
	fake_run(vm, FAKE_HZ);
	out8p(vm, PIT_SPEAKER_PORT, GATE2);
	fake_run(vm, 4990 * FAKE_US);
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, 0);
	fake_run(vm, 20 * FAKE_US);
	CU_ASSERT_EQUAL(in8p(vm, PIT_SPEAKER_PORT) & OUT2, OUT2);
}

static void test_latch(void)
{
	struct vm *vm = start();
	u16 latched;

	program(vm, 0, 2, 10000);
	fake_run(vm, clocks(1001));
	out8p(vm, CONTROL, 0x00);
	fake_run(vm, clocks(500));
	out8p(vm, CONTROL, 0x00); /* the first latch holds */
	latched = read_count(vm, 0);
	CU_ASSERT(latched >= 8998 && latched <= 9000);
	CU_ASSERT(read_count(vm, 0) < 8600); /* the live count again */
}

static void test_read_back(void)
{
	struct vm *vm = start();

	program(vm, 0, 2, 10000);
	out8p(vm, CONTROL, 0xe2);             /* status of channel 0 */
	CU_ASSERT_EQUAL(in8p(vm, CH0), 0xf4); /* OUT, NULL COUNT: not loaded before the next clock */
	fake_run(vm, clocks(2));
	out8p(vm, CONTROL, 0xc2); /* status and count: status is read first */
	fake_run(vm, clocks(100));
	CU_ASSERT_EQUAL(in8p(vm, CH0), 0xb4);
	CU_ASSERT(read_count(vm, 0) >= 9998);
	out8p(vm, CH0, 0x10);
	out8p(vm, CH0, 0x00);
	out8p(vm, CONTROL, 0xe2);
	CU_ASSERT_EQUAL(in8p(vm, CH0), 0xf4); /* the new count waits for the end of the period */
	fake_run(vm, clocks(10000));
	out8p(vm, CONTROL, 0xe2);
	CU_ASSERT_EQUAL(in8p(vm, CH0) & 0x7f, 0x34);
	CU_ASSERT(read_count(vm, 0) <= 16);
	CU_ASSERT_EQUAL(in8p(vm, CONTROL), 0xff); /* write-only */
}

static void test_access(void)
{
	struct vm *vm = start();

	out8p(vm, CONTROL, 0x14); /* low byte alone */
	out8p(vm, CH0, 200);
	fake_run(vm, clocks(1));
	CU_ASSERT(in8p(vm, CH0) >= 199);
	CU_ASSERT(in8p(vm, CH0) >= 199);
	out8p(vm, CONTROL, 0x24); /* high byte alone */
	out8p(vm, CH0, 0x02);
	fake_run(vm, clocks(2));
	CU_ASSERT_EQUAL(in8p(vm, CH0), 0x01); /* of 511 */
	CU_ASSERT_EQUAL(interrupts(vm, clocks(1024)), 2);
}

static void test_bcd(void)
{
	struct vm *vm = start();

	out8p(vm, CONTROL, 0x35);
	out8p(vm, CH0, 0x00);
	out8p(vm, CH0, 0x10); /* 1000 */
	CU_ASSERT_EQUAL(interrupts(vm, clocks(10005)), 10);
	CU_ASSERT_EQUAL(latch_count(vm, 0) & 0xf000, 0); /* below 1000 */
	out8p(vm, CONTROL, 0x31);
	out8p(vm, CH0, 0x00);
	out8p(vm, CH0, 0x00); /* 10000 */
	CU_ASSERT_EQUAL(interrupts(vm, clocks(9998)), 0);
	CU_ASSERT_EQUAL(interrupts(vm, clocks(10)), 1);
	CU_ASSERT_EQUAL(latch_count(vm, 0) & 0xff00, 0x9900); /* goes on at 9999 */
}

static void test_catch_up(void)
{
	struct vm *vm = start();
	unsigned count = 0;

	program(vm, 0, 2, 1193);
	fake_sleep(vm, FAKE_HZ); /* a thousand periods */
	for (; pic_pending(vm); count++)
		pic_ack(vm);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT(vm->next_deadline > vm_now(vm));
	CU_ASSERT_EQUAL(interrupts(vm, 10 * FAKE_MS), 10); /* and on, on the same grid */
	program(vm, 0, 2, 2);                              /* a guest that asks for 600 kHz gets fewer */
	CU_ASSERT(interrupts(vm, FAKE_HZ / 10) <= VM_TIMER_MAX_HZ / 10 + 1);
}

static void test_port_61(void)
{
	struct vm *vm = start();
	u8 first;

	out8p(vm, PIT_SPEAKER_PORT, 0xff);
	first = in8p(vm, PIT_SPEAKER_PORT);
	CU_ASSERT_EQUAL(first & 0xcf, 0x0f);
	fake_run(vm, 15500); /* the refresh bit toggles */
	CU_ASSERT_EQUAL((in8p(vm, PIT_SPEAKER_PORT) ^ first) & 0x10, 0x10);
}

UNIT_MAIN("pit", {"rate generator", test_rate}, {"count of a rate generator", test_rate_count},
	  {"terminal count", test_terminal_count}, {"square wave", test_square},
	  {"software strobe", test_strobe}, {"hardware triggered", test_hardware_triggered},
	  {"gate of mode 0", test_gate_of_mode_0}, {"latch", test_latch}, {"read-back", test_read_back},
	  {"access", test_access}, {"BCD", test_bcd}, {"catching up", test_catch_up},
	  {"port 0x61", test_port_61})
