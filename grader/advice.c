// SPDX-License-Identifier: MIT
/*
 * What to do about what `make doctor` found: a line for each problem, and none for what is only different. No
 * computer needs KVM for these labs, so what is said of it is said last, and says so where nothing helps.
 *
 * The oldest versions of the emulators are those that the labs are tested with (Debian 12).
 */
#include "grader/doctor.h"

#define QEMU_MAJOR  7
#define QEMU_MINOR  2
#define BOCHS_MAJOR 2
#define BOCHS_MINOR 7

static void advise_emulators(const struct checkup *c, string_list *advice)
{
	const char *why;

	if (!c->qemu)
		strings_add(advice, "QEMU is missing: make setup (or: sudo apt-get install qemu-system-x86)");
	else if (c->qemu_version && !version_at_least(c->qemu_version, QEMU_MAJOR, QEMU_MINOR))
		strings_add(advice, xprintf("QEMU %s is older than %d.%d, with which the labs are tested: "
					    "update it",
					    c->qemu_version, QEMU_MAJOR, QEMU_MINOR));
	if (!c->bochs)
		strings_add(advice, "Bochs is missing: make setup (or: sudo apt-get install bochs bochs-term "
				    "bochsbios vgabios)");
	else if (c->bochs_version && !version_at_least(c->bochs_version, BOCHS_MAJOR, BOCHS_MINOR))
		strings_add(advice, xprintf("Bochs %s is older than %d.%d, with which the labs are tested: "
					    "update it",
					    c->bochs_version, BOCHS_MAJOR, BOCHS_MINOR));
	why = c->bochs ? platform_get(PLATFORM_BOCHS)->why : NULL;
	if (why)
		strings_add(advice, xprintf("%s: make setup", why));
}

static void advise_place(const struct checkup *c, string_list *advice)
{
	if (c->host.wsl == 1)
		strings_add(advice, "WSL 1 is no Linux kernel: in PowerShell, wsl --set-version "
				    "<distribution> 2");
	if (c->host.wsl && host_on_windows_drive(c->tree))
		strings_add(advice, "the tree is on a Windows drive, which is slow and loses file modes: "
				    "clone it again below your Linux home directory");
}

/* Without /dev/kvm: who could give it? */
static const char *missing(const struct checkup *c)
{
	if (c->host.container)
		return "no /dev/kvm in this container: if its host has one, start the container with "
		       "--device /dev/kvm";
	if (c->host.wsl == 2)
		return "no /dev/kvm: write nestedVirtualization=true below [wsl2] in .wslconfig of your "
		       "Windows home directory, then: wsl --shutdown";
	if (c->host.vmx || c->host.svm)
		return xprintf("no /dev/kvm, though the CPU could: sudo modprobe %s", c->host.module);
	if (c->host.guest)
		return "no /dev/kvm: the machine around this virtual machine lends no VT-x or AMD-V; switch "
		       "nested virtualization on there, or stay with tcg and bochs";
	return "no /dev/kvm: switch VT-x or SVM on in the firmware's setup, if the CPU has it, or stay with "
	       "tcg and bochs";
}

static const char *closed(const struct checkup *c)
{
	if (c->host.container)
		return xprintf("%s: start the container with --device /dev/kvm, as a user who may open it",
			       c->kvm->why);
	return xprintf("%s: sudo usermod -aG kvm \"$USER\", then log in again", c->kvm->why);
}

static void advise_kvm(const struct checkup *c, string_list *advice)
{
	const char *module = c->host.module;

	switch (c->kvm->state) {
	case KVM_GOOD:
		return;
	case KVM_MISSING:
		strings_add(advice, missing(c));
		return;
	case KVM_CLOSED:
		strings_add(advice, closed(c));
		return;
	case KVM_BROKEN:
		strings_add(advice, xprintf("%s: look at the kernel's log (sudo dmesg), or stay with tcg and "
					    "bochs",
					    c->kvm->why));
		return;
	case KVM_SLOW:
		strings_add(advice, "/dev/kvm interprets instructions and is slower than any emulator: "
				    "nothing to do here, the labs leave it alone");
		return;
	case KVM_FLAT:
		strings_add(advice, xprintf("KVM does not nest: echo options %s nested=1 | sudo tee "
					    "/etc/modprobe.d/kvm-nested.conf; sudo modprobe -r %s; "
					    "sudo modprobe %s",
					    module, module, module));
		return;
	}
}

void doctor_advise(const struct checkup *c, string_list *advice)
{
	advise_emulators(c, advice);
	advise_place(c, advice);
	advise_kvm(c, advice);
}
