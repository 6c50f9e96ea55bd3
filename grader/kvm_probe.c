// SPDX-License-Identifier: MIT
/*
 * Is the /dev/kvm of this computer worth running on? It must exist, be ours to open, be able to make a VM,
 * and be fast: some hosts offer a KVM without hardware behind it, which interprets each kernel instruction in
 * up to a microsecond. So the probe runs a loop of real-mode code and looks at the clock. Nested
 * virtualization is looked up where Linux shows it; without it the vmx and svm labs cannot run.
 *
 * Source: Linux, Documentation/virt/kvm/api.rst. Left out: which CPU features KVM offers; the hypervisors
 * look themselves.
 */
#include "grader/platform.h"

#include "grader/host.h"

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
#define PROBE_SECONDS 0.005 /* the loop takes well below a millisecond on hardware, some 25 interpreted */
#define PROBE_TRIES   3     /* the best of them counts: the host may be busy */
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

/* Seconds of the fastest run of the loop; negative: it does not run. */
static double probe_time(int cpu, const struct kvm_run *run)
{
	double best = -1, began, seconds;

	for (unsigned i = 0; i < PROBE_TRIES; i++) {
		if (!probe_registers(cpu))
			return -1;
		began = clock_seconds();
		if (ioctl(cpu, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_HLT)
			return -1;
		seconds = clock_seconds() - began;
		if (best < 0 || seconds < best)
			best = seconds;
	}
	return best;
}

static enum kvm_state probe_run(int kvm, int vm, u8 *ram, struct kvm_result *r)
{
	struct kvm_userspace_memory_region region = {.memory_size = PROBE_RAM,
						     .userspace_addr = (uintptr_t)ram};
	int cpu, size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run;
	double seconds = -1;

	memcpy(ram + PROBE_ENTRY, probe_code, sizeof(probe_code));
	r->why = "/dev/kvm cannot run a virtual CPU";
	cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (cpu < 0 || size <= 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return KVM_BROKEN;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run != MAP_FAILED) {
		seconds = probe_time(cpu, run);
		munmap(run, (size_t)size);
	}
	close(cpu);
	if (seconds < 0)
		return KVM_BROKEN;
	r->seconds = seconds;
	r->why = NULL;
	if (seconds < PROBE_SECONDS)
		return KVM_GOOD;
	r->why = "/dev/kvm is there, but interprets instructions instead of running them";
	return KVM_SLOW;
}

/* Opens it, runs the loop, and says what came of it. */
static enum kvm_state probe(int kvm, struct kvm_result *r)
{
	enum kvm_state state;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	u8 *ram;

	if (vm < 0) {
		r->why = xprintf("/dev/kvm cannot make a virtual machine: %s", strerror(errno));
		return KVM_BROKEN;
	}
	ram = mmap(NULL, PROBE_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED) {
		r->why = "no memory for a probe of /dev/kvm";
		state = KVM_BROKEN;
	} else {
		state = probe_run(kvm, vm, ram, r);
		munmap(ram, PROBE_RAM);
	}
	close(vm);
	return state;
}

static void look(struct kvm_result *r)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct host host;

	if (kvm < 0) {
		r->state = errno == ENOENT ? KVM_MISSING : KVM_CLOSED;
		r->why = errno == ENOENT ? "there is no /dev/kvm" : xprintf("/dev/kvm: %s", strerror(errno));
		return;
	}
	r->state = probe(kvm, r);
	close(kvm);
	host_read("", &host);
	if (r->state == KVM_GOOD && host.nesting != NESTING_ON) {
		r->state = KVM_FLAT;
		r->why = "KVM is there without nested virtualization (kvm_intel or kvm_amd, parameter "
			 "nested)";
	}
}

const struct kvm_result *kvm_probe(void)
{
	static struct kvm_result result;
	static bool looked;

	if (!looked)
		look(&result);
	looked = true;
	return &result;
}
