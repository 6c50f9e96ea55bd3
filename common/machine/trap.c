// SPDX-License-Identifier: MIT
/*
 * Traps of the machine that no engine takes: timer interrupts while the hypervisor waits, accesses that are
 * allowed to fault, and the faults of the hypervisor itself, which end it with a dump.
 *
 * Source: SDM vol. 3A, chapter 6 "Interrupt and Exception Handling".
 */
#include "lib/panic.h"
#include "lib/print.h"
#include "machine/internal.h"
#include "machine/trap.h"
#include "x86/exception.h"

/* What a masked 8259 still sends when a request goes away too early: its input 7. They have been moved here
 * by apic.c. */
#define VEC_SPURIOUS_MASTER 0x27
#define VEC_SPURIOUS_SLAVE  0x2f

void (*trap_from_ring3)(struct trap_frame *f);
bool (*trap_debug_in_ring0)(struct trap_frame *f);

void machine_interrupt(unsigned vector)
{
	if (vector == HV_VEC_TIMER) { /* the one that comes all the time */
		clock_interrupt();
		return;
	}
	switch (vector) {
	case HV_VEC_SELF:
		apic_eoi();
		return;
	case HV_VEC_SPURIOUS: /* not in service, so there is nothing to acknowledge */
	case VEC_SPURIOUS_MASTER:
	case VEC_SPURIOUS_SLAVE:
		return;
	default:
		panic("interrupt by vector 0x%x, which nobody uses", vector);
	}
}

static bool fixed_up(struct trap_frame *f)
{
	const u32 may = BIT(VEC_GP) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_PF);

	if (f->vector >= VEC_EXCEPTIONS || !(may >> f->vector & 1))
		return false;
	for (const struct trap_fixup *fix = trap_fixups; fix < trap_fixups_end; fix++) {
		if (fix->rip == f->rip) {
			f->rip = fix->resume;
			return true;
		}
	}
	return false;
}

void trap_in_ring0(struct trap_frame *f)
{
	bool from_user = f->cs & SEL_RPL;

	if (!from_user) {
		if (f->vector >= VEC_EXCEPTIONS) {
			machine_interrupt((unsigned)f->vector);
			return;
		}
		if (f->vector == VEC_NMI && watchdog_nmi())
			return;
		if (f->vector == VEC_DB && trap_debug_in_ring0 && trap_debug_in_ring0(f))
			return;
		if (fixed_up(f))
			return;
	}
	if (!panic_begin()) {
		kprintf("[hv] %s during a panic, at rip %016lx\n", exception_name((unsigned)f->vector),
			f->rip);
		machine_power_off(MACHINE_STATUS_PANIC);
	}
	kprintf("[hv] panic: %s in %s\n", exception_name((unsigned)f->vector),
		from_user ? "ring 3, and no engine takes it" : "the hypervisor");
	trap_dump(f);
	machine_power_off(MACHINE_STATUS_PANIC);
}
