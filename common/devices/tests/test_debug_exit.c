// SPDX-License-Identifier: MIT
// How a guest ends, and what does not end it.
#include "fake.h"
#include "lib/tests/unit.h"

#include "abi/run_key.h"
#include "devices/debug_exit.h"

static void put_string(struct vm *vm, const char *s)
{
	for (; *s; s++)
		out8p(vm, DEBUG_EXIT_BOCHS, *s);
}

static void test_qemu(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, DEBUG_EXIT_QEMU + 1, 7); /* not the first byte */
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	out8p(vm, DEBUG_EXIT_QEMU, 7);
	CU_ASSERT_EQUAL(fake_status, 7);
	vm_pio_write(vm, DEBUG_EXIT_QEMU, 4, 0x12345621);
	CU_ASSERT_EQUAL(fake_status, 0x21);
}

static void test_bochs(void)
{
	struct vm *vm = fake_vm(1);

	put_string(vm, "Shutdow");
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	put_string(vm, "Shut down");
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	put_string(vm, "SShutdown");
	CU_ASSERT_EQUAL(fake_status, 0);
}

static void test_resets(void)
{
	struct vm *vm = fake_vm(1);

	out8p(vm, 0x92, 0x02);
	CU_ASSERT_EQUAL(in8p(vm, 0x92), 0x02);
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	out8p(vm, 0x92, 0x03);
	CU_ASSERT_EQUAL(fake_status, GUEST_RESET_STATUS);

	vm = fake_vm(1);
	CU_ASSERT_EQUAL(in8p(vm, 0x64) & 0x03, 0); /* may be written, has no data */
	out8p(vm, 0x64, 0xff);                     /* pulses nothing */
	out8p(vm, 0x60, 0xfe);                     /* data, not a command */
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	out8p(vm, 0x64, 0xfe);
	CU_ASSERT_EQUAL(fake_status, GUEST_RESET_STATUS);

	vm = fake_vm(1);
	out8p(vm, 0x64, 0xd1);
	out8p(vm, 0x60, 0x03); /* A20 on, no reset */
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	out8p(vm, 0x60, 0x02); /* no longer for the output port */
	CU_ASSERT_EQUAL(fake_status, FAKE_NO_STATUS);
	out8p(vm, 0x64, 0xd1);
	out8p(vm, 0x60, 0x02);
	CU_ASSERT_EQUAL(fake_status, GUEST_RESET_STATUS);
}

UNIT_MAIN("debug exit", {"QEMU's port", test_qemu}, {"Bochs's word", test_bochs}, {"resets", test_resets})
