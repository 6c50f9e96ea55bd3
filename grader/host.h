/* SPDX-License-Identifier: MIT */
/* What the computer says of itself in /proc and /sys: for the choice of a platform, and for `make doctor`. */
#ifndef GRADER_HOST_H
#define GRADER_HOST_H

#include "grader/util.h"

enum nesting {
	NESTING_UNKNOWN, /* neither kvm_intel nor kvm_amd is loaded */
	NESTING_OFF,
	NESTING_ON,
};

struct host {
	const char *vendor, *model; /* of the CPU: "GenuineIntel"; "": not told */
	bool vmx, svm;              /* flags of the CPU */
	bool guest;                 /* itself a virtual machine: the flag `hypervisor` */
	enum nesting nesting;
	const char *module;    /* kvm_intel or kvm_amd: the one that is loaded, or else that this CPU needs */
	const char *release;   /* of the kernel; "": not told */
	unsigned wsl;          /* 1 or 2: Windows' subsystem for Linux; 0: none of them */
	const char *container; /* "docker", ...; NULL: none that can be seen */
};

/* Reads below `root`; "" is the computer itself. */
void host_read(const char *root, struct host *h);
/* Is this path on a Windows drive, as WSL mounts them (/mnt/c)? */
bool host_on_windows_drive(const char *path);

/* The version in a program's first words ("QEMU emulator version 7.2.22 (...)"): "7.2.22"; NULL: none. */
const char *version_find(const char *text);
bool version_at_least(const char *version, unsigned major, unsigned minor);

#endif
