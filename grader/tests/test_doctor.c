// SPDX-License-Identifier: MIT
/* What /proc and /sys say, read below made-up roots, and the advice that follows: host.c, advice.c */
#include "lib/tests/unit.h"

#include "grader/doctor.h"

#include <string.h>
#include <unistd.h>

static const char *root;

static void put(const char *file, const char *text)
{
	char *path = xprintf("%s%s", root, file);

	*strrchr(path, '/') = 0;
	CU_ASSERT_TRUE(directory_make(path));
	CU_ASSERT_TRUE(file_write(xprintf("%s%s", root, file), text, strlen(text)));
}

/* An empty computer, then what `files` (path, text, ..., NULL) say. */
static struct host host_of(const char *const files[])
{
	struct host h;

	root = xprintf("test_doctor.%d", (int)getpid());
	directory_remove(root);
	CU_ASSERT_TRUE(directory_make(root));
	for (size_t i = 0; files[i]; i += 2)
		put(files[i], files[i + 1]);
	host_read(root, &h);
	directory_remove(root);
	return h;
}
#define HOST(...) host_of((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

#define INTEL                                                                                                \
	"processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 167\nmodel name\t: Intel(R) Xeon(R)\n"        \
	"flags\t\t: fpu vme vmx smx\nvmx flags\t: vnmi\n\nprocessor\t: 1\nvendor_id\t: Other\n"
#define AMD "vendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t\t: fpu svm_lock avmx svm hypervisor\n"

static void cpu(void)
{
	struct host h = HOST("/proc/cpuinfo", INTEL);

	CU_ASSERT_STRING_EQUAL(h.vendor, "GenuineIntel");
	CU_ASSERT_STRING_EQUAL(h.model, "Intel(R) Xeon(R)");
	CU_ASSERT_TRUE(h.vmx);
	CU_ASSERT_FALSE(h.svm || h.guest);
	CU_ASSERT_STRING_EQUAL(h.module, "kvm_intel");
	h = HOST("/proc/cpuinfo", AMD);
	CU_ASSERT_STRING_EQUAL(h.vendor, "AuthenticAMD");
	CU_ASSERT_FALSE(h.vmx); /* avmx is another word */
	CU_ASSERT_TRUE(h.svm && h.guest);
	CU_ASSERT_STRING_EQUAL(h.module, "kvm_amd");
	h = HOST("/proc/cpuinfo", "vendor_id\t: X\nflags\t\t: fpu svm_lock\n");
	CU_ASSERT_FALSE(h.svm || h.vmx);
	h = HOST();
	CU_ASSERT_STRING_EQUAL(h.vendor, "");
	CU_ASSERT_STRING_EQUAL(h.release, "");
	CU_ASSERT_FALSE(h.svm || h.vmx || h.guest || h.wsl);
}

static void nesting(void)
{
	struct host h = HOST("/sys/module/kvm_intel/parameters/nested", "Y\n");

	CU_ASSERT_EQUAL(h.nesting, NESTING_ON);
	h = HOST("/sys/module/kvm_amd/parameters/nested", "1\n");
	CU_ASSERT_EQUAL(h.nesting, NESTING_ON);
	CU_ASSERT_STRING_EQUAL(h.module, "kvm_amd");
	h = HOST("/sys/module/kvm_amd/parameters/nested", "0\n");
	CU_ASSERT_EQUAL(h.nesting, NESTING_OFF);
	h = HOST("/sys/module/kvm_intel/parameters/nested", "N\n");
	CU_ASSERT_EQUAL(h.nesting, NESTING_OFF);
	h = HOST();
	CU_ASSERT_EQUAL(h.nesting, NESTING_UNKNOWN);
}

static void around(void)
{
	struct host h = HOST("/proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n");

	CU_ASSERT_EQUAL(h.wsl, 2);
	CU_ASSERT_STRING_EQUAL(h.release, "5.15.90.1-microsoft-standard-WSL2");
	CU_ASSERT_PTR_NULL(h.container);
	h = HOST("/proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n", "/.dockerenv", "");
	CU_ASSERT_EQUAL(h.wsl, 1);
	CU_ASSERT_STRING_EQUAL(h.container, "docker");
	h = HOST("/proc/sys/kernel/osrelease", "6.1.0-13-amd64\n", "/run/.containerenv", "");
	CU_ASSERT_EQUAL(h.wsl, 0);
	CU_ASSERT_STRING_EQUAL(h.container, "podman");
	h = HOST("/run/systemd/container", "systemd-nspawn\n");
	CU_ASSERT_STRING_EQUAL(h.container, "systemd-nspawn");
	h = HOST("/proc/1/cgroup", "2:cpu:/kubepods/besteffort/pod1\n");
	CU_ASSERT_STRING_EQUAL(h.container, "kubernetes");
	h = HOST("/proc/1/cgroup", "0::/init.scope\n");
	CU_ASSERT_PTR_NULL(h.container);
	CU_ASSERT_TRUE(host_on_windows_drive("/mnt/c/Users/me/labs"));
	CU_ASSERT_TRUE(host_on_windows_drive("/mnt/d"));
	CU_ASSERT_FALSE(host_on_windows_drive("/mnt/disk/labs"));
	CU_ASSERT_FALSE(host_on_windows_drive("/mnt"));
	CU_ASSERT_FALSE(host_on_windows_drive("/home/mnt/c/x"));
}

static void versions(void)
{
	CU_ASSERT_STRING_EQUAL(version_find("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\n"),
			       "7.2.22");
	CU_ASSERT_STRING_EQUAL(version_find("=====\n   Bochs x86 Emulator 2.7\n  2021\n"), "2.7");
	CU_ASSERT_PTR_NULL(version_find("no version 7 here"));
	CU_ASSERT_PTR_NULL(version_find(""));
	CU_ASSERT_TRUE(version_at_least("7.2.22", 7, 2));
	CU_ASSERT_TRUE(version_at_least("10.0", 7, 2));
	CU_ASSERT_FALSE(version_at_least("7.1.9", 7, 2));
	CU_ASSERT_FALSE(version_at_least("6.9", 7, 2));
}

/* Does exactly one line of the advice speak of it? */
static bool says(const struct checkup *c, const char *what)
{
	string_list advice = {0};
	unsigned n = 0;

	doctor_advise(c, &advice);
	for (size_t i = 0; i < advice.n; i++)
		n += strstr(advice.at[i], what) != NULL;
	return n == 1;
}

static void emulators(void)
{
	static const struct kvm_result good = {.state = KVM_GOOD};
	struct checkup c = {.kvm = &good, .tree = "/home/me/labs"};

	c.host.vendor = c.host.release = "";
	CU_ASSERT_TRUE(says(&c, "QEMU is missing"));
	CU_ASSERT_TRUE(says(&c, "Bochs is missing"));
	c.qemu = "/usr/bin/qemu-system-x86_64";
	c.qemu_version = "7.2.0";
	CU_ASSERT_FALSE(says(&c, "QEMU"));
	c.qemu_version = "6.2.0";
	CU_ASSERT_TRUE(says(&c, "QEMU 6.2.0 is older"));
	c.host.wsl = 2;
	CU_ASSERT_FALSE(says(&c, "Windows drive"));
	c.tree = "/mnt/c/labs";
	CU_ASSERT_TRUE(says(&c, "Windows drive"));
	c.host.wsl = 0; /* elsewhere, /mnt/c is a directory like any other */
	CU_ASSERT_FALSE(says(&c, "Windows drive"));
	c.host.wsl = 1;
	CU_ASSERT_TRUE(says(&c, "--set-version"));
}

static void kvm(void)
{
	struct kvm_result k = {.state = KVM_MISSING, .why = "because"};
	struct checkup c = {.kvm = &k, .tree = "/home/me/labs"};

	c.host.module = "kvm_amd";
	CU_ASSERT_TRUE(says(&c, "firmware"));
	c.host.guest = true;
	CU_ASSERT_TRUE(says(&c, "around this virtual machine"));
	c.host.svm = true;
	CU_ASSERT_TRUE(says(&c, "sudo modprobe kvm_amd"));
	c.host.wsl = 2;
	CU_ASSERT_TRUE(says(&c, "nestedVirtualization=true"));
	c.host.container = "docker";
	CU_ASSERT_TRUE(says(&c, "--device /dev/kvm"));
	c.host = (struct host){.module = "kvm_intel"};
	k.state = KVM_CLOSED;
	CU_ASSERT_TRUE(says(&c, "usermod -aG kvm"));
	k.state = KVM_BROKEN;
	CU_ASSERT_TRUE(says(&c, "because"));
	k.state = KVM_SLOW;
	CU_ASSERT_TRUE(says(&c, "interprets"));
	k.state = KVM_FLAT;
	CU_ASSERT_TRUE(says(&c, "options kvm_intel nested=1"));
	k.state = KVM_GOOD;
	CU_ASSERT_FALSE(says(&c, "kvm"));
}

static void choice(void)
{
	string_list none = {0}, odd = {0};

	CU_ASSERT_PTR_NOT_NULL(strstr(doctor_choice(&none), "nowhere"));
	strings_add(&odd, "kvn");
	CU_ASSERT_PTR_NOT_NULL(strstr(doctor_choice(&odd), "nowhere"));
}

UNIT_MAIN("grader_doctor", {"CPU", cpu}, {"nesting", nesting}, {"WSL and containers", around},
	  {"versions", versions}, {"advice on emulators", emulators}, {"advice on KVM", kvm},
	  {"choice", choice})
