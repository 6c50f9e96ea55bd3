/* SPDX-License-Identifier: MIT */
/* The guest's MC146818 clock and CMOS memory. It starts at 2024-01-01 00:00:00 with the VM. */
#ifndef DEVICES_RTC_H
#define DEVICES_RTC_H

#include "lib/types.h"

struct vm;

#define RTC_PORT  0x70
#define RTC_PORTS 2
#define RTC_IRQ   8

bool rtc_create(struct vm *vm) MUST_USE;

#endif
