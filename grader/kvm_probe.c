// SPDX-License-Identifier: MIT
/*
 * Is the /dev/kvm of this computer worth running on? It must exist, be ours to open, be able to make a VM,
 * and be fast: some hosts offer a KVM without hardware behind it, which interprets each kernel instruction in
 * about a microsecond. So the probe runs a loop of real-mode code and looks at the clock. Nested
 * virtualization is looked up where Linux shows it; without it the vmx and svm labs cannot run.
 *
 * Source: Linux, Documentation/virt/kvm/api.rst. Left out: which CPU features KVM offers; the hypervisors
 * look themselves.
 */
#include "grader/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROBE_RAM     0x10000
#define PROBE_ENTRY   0x1000
#define PROBE_SECONDS 0.02 /* 65536 rounds take well below a millisecond on hardware, 130 interpreted */
#define RFLAGS_FIXED  0x2

/* xor cx, cx; 1: dec cx; jnz 1b; hlt */
static const u8 probe_code[] = {0x31, 0xc9, 0x49, 0x75, 0xfd, 0xf4};

static bool probe_registers(int cpu)
{
	struct kvm_regs regs = {.rip = PROBE_ENTRY, .rflags = RFLAGS_FIXED};
	struct kvm_sregs sregs;

	if (ioctl(cpu, KVM_GET_SREGS, &sregs))
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return !ioctl(cpu, KVM_SET_SREGS, &sregs) && !ioctl(cpu, KVM_SET_REGS, &regs);
}

static const char *probe_run(int kvm, int vm, u8 *ram)
{
	struct kvm_userspace_memory_region region = {.memory_size = PROBE_RAM,
						     .userspace_addr = (uintptr_t)ram};
	const char *why = "/dev/kvm cannot run a virtual CPU";
	int cpu, size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run;
	double began;

	memcpy(ram + PROBE_ENTRY, probe_code, sizeof(probe_code));
	cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (cpu < 0 || size <= 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return why;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run != MAP_FAILED && probe_registers(cpu)) {
		began = clock_seconds();
		if (!ioctl(cpu, KVM_RUN, 0) && run->exit_reason == KVM_EXIT_HLT)
			why = clock_seconds() - began < PROBE_SECONDS
				      ? NULL
				      : "/dev/kvm is there, but interprets instructions instead of running "
					"them";
	}
	if (run != MAP_FAILED)
		munmap(run, (size_t)size);
	close(cpu);
	return why;
}

static bool nested(void)
{
	static const char *const files[] = {
		"/sys/module/kvm_intel/parameters/nested",
		"/sys/module/kvm_amd/parameters/nested",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		char *text = file_read(files[i], NULL);

		if (text && (*text == 'Y' || *text == '1'))
			return true;
	}
	return false;
}

const char *kvm_probe(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;
	const char *why;
	u8 *ram;

	if (kvm < 0)
		return errno == ENOENT ? "there is no /dev/kvm" : xprintf("/dev/kvm: %s", strerror(errno));
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0) {
		why = xprintf("/dev/kvm cannot make a virtual machine: %s", strerror(errno));
		close(kvm);
		return why;
	}
	ram = mmap(NULL, PROBE_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	why = ram == MAP_FAILED ? "no memory for a probe of /dev/kvm" : probe_run(kvm, vm, ram);
	if (ram != MAP_FAILED)
		munmap(ram, PROBE_RAM);
	close(vm);
	close(kvm);
	if (!why && !nested())
		why = "KVM is there without nested virtualization (kvm_intel or kvm_amd, parameter nested)";
	return why;
}
