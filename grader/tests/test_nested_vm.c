// SPDX-License-Identifier: MIT
/* What the small machine over KVM does without KVM: nested/config.c reads its description, nested/ports.c is
 * its ports. */
#include "lib/tests/unit.h"

#include "grader/nested/vm.h"

#include <string.h>

/* ---- the description ---- */

static const char *read(struct vm_config *c, const char *text)
{
	static char copy[2048];

	strcpy(copy, text);
	return vm_config_read(c, copy);
}

static void right(void)
{
	struct vm_config c;

	CU_ASSERT_PTR_NULL(read(&c, "memory 256\nticks 4000000000\nkernel hv.bin\ncmdline cpu=trap mem=vtlb\n"
				    "module guest0.elf guest ram=64M -- only=cpu/\nmodule guest1.elf\n"));
	CU_ASSERT_EQUAL(c.memory, MIB(256));
	CU_ASSERT_EQUAL(c.ticks, 4000000000ULL);
	CU_ASSERT_STRING_EQUAL(c.kernel, "hv.bin");
	CU_ASSERT_STRING_EQUAL(c.cmdline, "cpu=trap mem=vtlb");
	CU_ASSERT_EQUAL(c.module_count, 2);
	CU_ASSERT_STRING_EQUAL(c.modules[0].file, "guest0.elf");
	CU_ASSERT_STRING_EQUAL(c.modules[0].string, "guest ram=64M -- only=cpu/");
	CU_ASSERT_STRING_EQUAL(c.modules[1].string, "");
	CU_ASSERT_PTR_NULL(read(&c, "memory 2048\nticks 1\nkernel k"));
	CU_ASSERT_STRING_EQUAL(c.cmdline, "");
}

static void wrong(void)
{
	char many[1024] = "memory 1\nticks 1\nkernel k\n";
	struct vm_config c;

	CU_ASSERT_STRING_EQUAL(read(&c, "ticks 1\nkernel k\n"), "memory, ticks or kernel is missing");
	CU_ASSERT_STRING_EQUAL(read(&c, "memory 1\nkernel k\n"), "memory, ticks or kernel is missing");
	CU_ASSERT_STRING_EQUAL(read(&c, "memory 1\nticks 1\n"), "memory, ticks or kernel is missing");
	CU_ASSERT_PTR_NOT_NULL(strstr(read(&c, "memory 2049\n"), "memory:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(read(&c, "memory -1\n"), "memory:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(read(&c, "memory 1M\n"), "memory:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(read(&c, "ticks many\n"), "ticks:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(read(&c, "disk 1\n"), "unknown word"));
	for (unsigned i = 0; i < DISK_MODULES_MAX; i++)
		strcat(many, "module a b\n");
	CU_ASSERT_PTR_NULL(read(&c, many));
	strcat(many, "module a b\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(read(&c, many), "too many"));
}

/* ---- the ports ---- */

#define DATA     PORTS_COM1
#define LCR      (PORTS_COM1 + 3)
#define LCR_DLAB 0x80
#define LSR      (PORTS_COM1 + 5)

static struct ports ports;
static char written[4096];
static u64 written_size;

static void take(const char *text, u64 size)
{
	memcpy(written + written_size, text, size);
	written_size += size;
	written[written_size] = 0;
}

static void reset(void)
{
	ports_init(&ports, take);
	written_size = 0;
	written[0] = 0;
}

static void out(u16 port, u8 value)
{
	ports_out(&ports, port, &value, 1);
}

static void say(const char *text)
{
	while (*text)
		out(DATA, (u8)*text++);
}

static u8 in(u16 port)
{
	u8 value = 0;

	ports_in(&ports, port, &value, 1);
	return value;
}

/* By lines, each with the mark; nothing goes out before a line is complete. */
static void lines(void)
{
	reset();
	say("one");
	CU_ASSERT_EQUAL(written_size, 0);
	say("\ntwo\n\n");
	CU_ASSERT_STRING_EQUAL(written, "|one\n|two\n|\n");
	ports_finish(&ports);
	CU_ASSERT_STRING_EQUAL(written, "|one\n|two\n|\n");
}

/* "[nested] end clean" said by the machine must not look like init's word. */
static void marks(void)
{
	reset();
	say("[nested] end clean\n|x\n");
	CU_ASSERT_STRING_EQUAL(written, "|[nested] end clean\n||x\n");
}

/* A long line goes out in parts, with one mark. */
static void long_line(void)
{
	reset();
	for (unsigned i = 0; i < 2 * PORTS_LINE; i++)
		out(DATA, 'x');
	say("\ny\n");
	CU_ASSERT_EQUAL(written_size, 1 + 2 * PORTS_LINE + 1 + 3);
	CU_ASSERT_EQUAL(written[0], '|');
	CU_ASSERT_PTR_NULL(memchr(written + 1, '|', 2 * PORTS_LINE));
	CU_ASSERT_STRING_EQUAL(written + written_size - 4, "\n|y\n");
}

/* What was cut off carries a zero, by which serial.c knows it as damaged. */
static void cut_off(void)
{
	reset();
	say("half");
	ports_finish(&ports);
	CU_ASSERT_EQUAL(written_size, 7);
	CU_ASSERT_EQUAL(memcmp(written, "|half\0\n", 7), 0);
}

/* PC16550D: with LCR.DLAB the first two ports are the divisor. */
static void divisor(void)
{
	reset();
	out(LCR, LCR_DLAB);
	out(DATA, '1');
	CU_ASSERT_EQUAL(in(DATA), '1');
	out(LCR, 3);
	CU_ASSERT_EQUAL(in(LCR), 3);
	say("a\n");
	CU_ASSERT_STRING_EQUAL(written, "|a\n");
	CU_ASSERT_EQUAL(in(LSR), 0x60); /* sent, and nothing received */
}

static void ends(void)
{
	reset();
	out(0xf4, 3);
	CU_ASSERT_TRUE(ports.ended);
	CU_ASSERT_EQUAL(ports.status, 3);
	say("late\n");
	CU_ASSERT_EQUAL(written_size, 0);

	reset();
	for (const char *p = "SShutdow"; *p; p++)
		out(0x8900, (u8)*p);
	CU_ASSERT_FALSE(ports.ended);
	out(0x8900, 'n');
	CU_ASSERT_TRUE(ports.ended);
	CU_ASSERT_EQUAL(ports.status, 0);

	reset();
	for (const char *p = "Shut down"; *p; p++)
		out(0x8900, (u8)*p);
	CU_ASSERT_FALSE(ports.ended);
}

/* A bus without a device. */
static void nobody(void)
{
	u8 wide[4] = {0};

	reset();
	out(0x70, 1);
	CU_ASSERT_EQUAL(in(0x71), 0xff);
	ports_in(&ports, 0xcfc, wide, sizeof(wide));
	CU_ASSERT_EQUAL(memcmp(wide, "\xff\xff\xff\xff", 4), 0);
}

UNIT_MAIN("grader_nested_vm", {"a right description", right}, {"wrong descriptions", wrong}, {"lines", lines},
	  {"marks", marks}, {"a long line", long_line}, {"a line that is cut off", cut_off},
	  {"divisor latch", divisor}, {"both ways to end", ends}, {"ports without a device", nobody})
