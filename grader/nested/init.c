// SPDX-License-Identifier: MIT
/*
 * The first process of the emulated Linux, and the only one: loads KVM, runs each machine that the grader put
 * into the initramfs, and switches the emulated machine off.
 *
 *   /kvm/NAME.ko         KVM's modules
 *   /runs/order          the names of the machines, a line each
 *   /runs/NAME/machine   the description of one (config.c), with the files that it names beside it
 *
 * What it says on the console:
 *
 *   [nested] kvm-amd is ready ticks=N       the TSC
 *   [nested] begin NAME
 *   |TEXT                                   a line of the machine's COM1
 *   [nested] kvm COUNTER=N ...              KVM's counters of this machine, when it came to an end
 *   [nested] end clean | status N | crash WHY | halted at 0xN | timeout at 0xN | trouble WHY
 *   [nested] done
 *
 * `trouble` is ours, not the machine's. A machine runs in a process of its own, so that the others do not
 * depend on it.
 */
#include "grader/nested/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define TEXT_MAX          KIB(16)
#define PATH_SIZE         256
#define KLOG_READ         3 /* klogctl(2): all that is in the kernel's log */
#define LAST_WORDS        600
/* Bochs 2.7 keeps virtual-NMI blocking from one VMCS to the next, where SDM vol. 3C, 26.7.1 "Interruptibility
 * State" has the entry decide. So KVM has to do without for the machines; their own guests may have it. */
#define KVM_INTEL_OPTIONS "vnmi=0"

static char *read_text(const char *path)
{
	char *text = calloc(1, TEXT_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 || !text ? -1 : read(fd, text, TEXT_MAX - 1);

	close(fd);
	return n < 0 ? NULL : text;
}

/* KVM says in the kernel's log why it does not like a CPU. */
static void say_last_words(void)
{
	static char log[KIB(256)];
	int n = klogctl(KLOG_READ, log, sizeof(log) - 1), at = n > LAST_WORDS ? n - LAST_WORDS : 0;

	for (char *line = strtok(log + at, "\n"); n > 0 && line; line = strtok(NULL, "\n"))
		console_say("linux: %s", line);
}

/* False: there is no such file. */
static bool load_module(const char *name, const char *options)
{
	char path[PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), "/kvm/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (syscall(SYS_finit_module, fd, options, 0)) {
		int error = errno;

		say_last_words();
		console_say("trouble %s does not load: %s", name, strerror(error));
		power_off();
	}
	close(fd);
	return true;
}

static void load_kvm(void)
{
	const char *vendor = "kvm-amd";

	load_module("irqbypass", "");
	load_module("kvm", "");
	if (!load_module(vendor, "")) {
		vendor = "kvm-intel";
		load_module(vendor, KVM_INTEL_OPTIONS);
	}
	console_say("%s is ready ticks=%llu", vendor, __rdtsc());
}

static void run_machine(const char *name)
{
	char directory[PATH_SIZE], path[2 * PATH_SIZE];
	struct vm_config config;
	const char *error;
	char *text;

	snprintf(directory, sizeof(directory), "/runs/%s", name);
	snprintf(path, sizeof(path), "%s/machine", directory);
	text = read_text(path);
	error = text ? vm_config_read(&config, text) : strerror(errno);
	if (error)
		console_say("end trouble %s: %s", path, error);
	else
		vm_run(&config, directory);
}

static void run_alone(const char *name)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		run_machine(name);
		_exit(EXIT_SUCCESS);
	}
	if (pid < 0) {
		console_say("end trouble fork: %s", strerror(errno));
	} else if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status)) {
		console_write("\n", 1); /* it may have ended in the middle of a line */
		console_say("end trouble the process over KVM was ended by signal %d", WTERMSIG(status));
	}
}

int main(void)
{
	char *order, *next;

	if (!console_open())
		return EXIT_FAILURE;
	load_kvm();
	mount("debugfs", "/debug", "debugfs", 0, NULL);
	order = read_text("/runs/order");
	for (char *name = order; name && *name; name = next) {
		next = name + strcspn(name, "\n");
		if (*next)
			*next++ = 0;
		console_say("begin %s", name);
		run_alone(name);
	}
	console_say("done");
	power_off();
}
