// SPDX-License-Identifier: MIT
/*
 * The machine: made, run to its end, and taken stock of.
 *
 * KVM interrupts it ten times a second of Linux's clock for a look: has it halted for ever, or used up its
 * ticks? KVM counts what its machines do in debugfs, but forgets when a machine is gone, so the counters are
 * read while it still stands.
 *
 * Sources: Linux, Documentation/virt/kvm/api.rst, and arch/x86/kvm/x86.c for the names of the counters. Left
 * out: a second vcpu.
 */
#include "grader/nested/vm.h"

#include "x86/regs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>
#include <x86intrin.h>

#define COUNTERS     "/debug/kvm"
#define COUNTER_TEXT 32
#define LOOK_USEC    100000
/* KVM_COALESCED_MMIO_MAX, which the kernel's header gives in terms of a constant that programs do not have.
 */
#define RING_ENTRIES ((4096 - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))
#define MESSAGE_MAX  256

/* Three pages that Intel's KVM needs for itself when a CPU runs real mode, out of the way of everything. */
#define TSS_GPA      0xfffbd000
#define IDENTITY_GPA 0xfffbc000
#define HUGE_PAGE    MIB(2)

struct vm {
	const struct vm_config *config;
	int kvm, vm, vcpu;
	u8 *ram;
	struct kvm_run *run;
	struct kvm_coalesced_mmio_ring *ring; /* of bytes for COM1; NULL: this KVM has none */
	struct ports ports;
	u64 begin;                 /* on the TSC */
	char message[MESSAGE_MAX]; /* the kind of end, as init.c lists them; empty: it runs */
};

static volatile sig_atomic_t alarmed;

static void on_alarm(int signal)
{
	(void)signal;
	alarmed = true;
}

/* It ends KVM_RUN, or comes between two of them. One that is lost between the look and KVM_RUN comes again.
 */
static void start_alarm(void)
{
	const struct itimerval often = {{0, LOOK_USEC}, {0, LOOK_USEC}};
	const struct sigaction action = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* RAM in large pages where Linux has some, since each page that KVM maps costs an exit. */
static u8 *make_ram(u64 size)
{
	u8 *at = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	at = (u8 *)ALIGN_UP((uintptr_t)at, HUGE_PAGE);
	madvise(at, size, MADV_HUGEPAGE);
	return at;
}

static const char *make_machine(struct vm *v)
{
	const struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY}; /* port 0x61 too */
	struct kvm_userspace_memory_region region = {.memory_size = v->config->memory};
	u64 identity = IDENTITY_GPA;

	v->ram = make_ram(v->config->memory);
	if (!v->ram)
		return "no memory for the machine";
	region.userspace_addr = (uintptr_t)v->ram;
	v->vm = ioctl(v->kvm, KVM_CREATE_VM, 0);
	if (v->vm < 0)
		return "KVM makes no machine";
	if (ioctl(v->vm, KVM_SET_TSS_ADDR, TSS_GPA) || ioctl(v->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(v->vm, KVM_CREATE_IRQCHIP, 0) || ioctl(v->vm, KVM_CREATE_PIT2, &pit))
		return "KVM makes no interrupt controllers or no timer";
	if (ioctl(v->vm, KVM_SET_USER_MEMORY_REGION, &region))
		return "KVM refuses the machine's memory";
	return NULL;
}

/* Bytes for COM1 wait in a ring for the next exit that needs this program anyway. Going without costs time
 * alone. */
static void make_ring(struct vm *v)
{
	struct kvm_coalesced_mmio_zone zone = {.addr = PORTS_COM1, .size = 1, .pio = 1};
	int page = ioctl(v->kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

	if (page > 0 && ioctl(v->kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_PIO) > 0 &&
	    !ioctl(v->vm, KVM_REGISTER_COALESCED_MMIO, &zone))
		v->ring = (void *)((u8 *)v->run + page * sysconf(_SC_PAGESIZE));
}

static const char *make_vcpu(struct vm *v, const struct vm_entry *entry)
{
	int size = ioctl(v->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	v->vcpu = ioctl(v->vm, KVM_CREATE_VCPU, 0);
	if (v->vcpu < 0 || size <= 0)
		return "KVM makes no virtual CPU";
	v->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, v->vcpu, 0);
	if (v->run == MAP_FAILED)
		return "KVM does not show its virtual CPU";
	make_ring(v);
	return vcpu_init(v->kvm, v->vcpu, entry);
}

static void PRINTF(2, 3) ended(struct vm *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->message, sizeof(v->message), format, ap);
	va_end(ap);
}

static u64 rip_of(const struct vm *v)
{
	struct kvm_regs regs = {0};

	ioctl(v->vcpu, KVM_GET_REGS, &regs);
	return regs.rip;
}

/* Will it ever go on, and may it? */
static void look(struct vm *v)
{
	struct kvm_mp_state state = {0};
	struct kvm_regs regs = {.rflags = RFLAGS_IF};

	alarmed = false;
	ioctl(v->vcpu, KVM_GET_MP_STATE, &state);
	ioctl(v->vcpu, KVM_GET_REGS, &regs);
	if (state.mp_state == KVM_MP_STATE_HALTED && !(regs.rflags & RFLAGS_IF))
		ended(v, "halted at 0x%llx", regs.rip);
	else if (__rdtsc() - v->begin > v->config->ticks)
		ended(v, "timeout at 0x%llx", regs.rip);
}

static void serve_io(struct vm *v)
{
	u8 *data = (u8 *)v->run + v->run->io.data_offset;

	for (u32 i = 0; i < v->run->io.count; i++, data += v->run->io.size) {
		if (v->run->io.direction == KVM_EXIT_IO_OUT)
			ports_out(&v->ports, v->run->io.port, data, v->run->io.size);
		else
			ports_in(&v->ports, v->run->io.port, data, v->run->io.size);
	}
	if (!v->ports.ended)
		return;
	if (v->ports.status)
		ended(v, "status %u", v->ports.status);
	else
		ended(v, "clean");
}

/* What KVM could not emulate, with the bytes of the instruction where it has them. */
static void report_internal(struct vm *v)
{
	char bytes[3 * sizeof(v->run->emulation_failure.insn_bytes) + 1] = "";

	if (v->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION &&
	    v->run->emulation_failure.ndata >= 3 &&
	    v->run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) {
		for (u8 i = 0; i < v->run->emulation_failure.insn_size; i++)
			sprintf(bytes + 3 * i, " %02x", v->run->emulation_failure.insn_bytes[i]);
	}
	ended(v, "crash KVM gave up at 0x%lx, internal error %u%s%s", rip_of(v), v->run->internal.suberror,
	      *bytes ? ", instruction" : "", bytes);
}

static void serve_ring(struct vm *v)
{
	while (v->ring && v->ring->first != v->ring->last) {
		const struct kvm_coalesced_mmio *entry = &v->ring->coalesced_mmio[v->ring->first];

		ports_out(&v->ports, (u16)entry->phys_addr, entry->data, entry->len);
		__atomic_store_n(&v->ring->first, (v->ring->first + 1) % RING_ENTRIES, __ATOMIC_RELEASE);
	}
}

static void serve_exit(struct vm *v)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		serve_io(v);
		return;
	case KVM_EXIT_MMIO: /* nothing is there */
		memset(v->run->mmio.data, 0xff, sizeof(v->run->mmio.data));
		return;
	case KVM_EXIT_INTR: /* the alarm */
		return;
	case KVM_EXIT_SHUTDOWN:
		ended(v, "crash the machine came to a triple fault");
		return;
	case KVM_EXIT_FAIL_ENTRY:
		ended(v, "crash KVM could not enter the machine, hardware's reason 0x%llx",
		      v->run->fail_entry.hardware_entry_failure_reason);
		return;
	case KVM_EXIT_INTERNAL_ERROR:
		report_internal(v);
		return;
	default:
		ended(v, "crash KVM stopped the machine at 0x%lx for the reason %u", rip_of(v),
		      v->run->exit_reason);
		return;
	}
}

static void run(struct vm *v)
{
	while (!*v->message) {
		int error = ioctl(v->vcpu, KVM_RUN, 0) ? errno : 0;

		serve_ring(v); /* what came before */
		if (!error)
			serve_exit(v);
		else if (error != EINTR && error != EAGAIN)
			ended(v, "crash KVM does not run the machine: %s", strerror(error));
		if (alarmed && !*v->message)
			look(v);
	}
}

static u64 counter(const char *name)
{
	char path[sizeof(COUNTERS) + COUNTER_TEXT], text[COUNTER_TEXT] = "";
	FILE *f;

	snprintf(path, sizeof(path), COUNTERS "/%s", name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return strtoull(text, NULL, 10);
}

static void say_counters(u64 ticks)
{
	console_say("kvm ticks=%lu exits=%lu io_exits=%lu mmio_exits=%lu irq_exits=%lu insn_emulation=%lu "
		    "nested_run=%lu",
		    ticks, counter("exits"), counter("io_exits"), counter("mmio_exits"), counter("irq_exits"),
		    counter("insn_emulation"), counter("nested_run"));
}

void vm_run(const struct vm_config *c, const char *directory)
{
	static struct vm v;
	struct vm_entry entry;
	const char *error;

	v.config = c;
	ports_init(&v.ports, console_write);
	v.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	error = v.kvm < 0 ? "/dev/kvm cannot be opened" : make_machine(&v);
	if (!error)
		error = vm_load(c, directory, v.ram, &entry);
	if (!error)
		error = make_vcpu(&v, &entry);
	if (error) {
		console_say("end trouble %s", error);
		return;
	}
	start_alarm();
	v.begin = __rdtsc();
	run(&v);
	ports_finish(&v.ports);
	say_counters(__rdtsc() - v.begin);
	console_say("end %s", v.message);
}
