// SPDX-License-Identifier: MIT
/*
 * Reads what Linux tells of the computer: the CPU's vendor and its flags for virtualization, whether KVM
 * nests, and what stands around this system (WSL, a container). Files that are missing leave their field
 * empty: none of this is needed to run a lab on an emulator.
 *
 * Sources: proc_cpuinfo(5); Linux, Documentation/virt/kvm/x86/running-nested-guests.rst (`nested`);
 * systemd, "Container Interface" (/run/systemd/container). Docker leaves /.dockerenv, Podman
 * /run/.containerenv. WSL's kernels have "microsoft" in their release, those of WSL 2 also "WSL2".
 */
#include "grader/host.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *read_below(const char *root, const char *file)
{
	char *text = file_read(xprintf("%s%s", root, file), NULL);

	if (text)
		text[strcspn(text, "\n")] = 0;
	return text ? text : "";
}

/* ---- CPU ---- */

/* The value of "KEY<tabs>: VALUE" in a text of such lines; "": there is none. */
static const char *line_value(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *p = line + n;

		if (strncmp(line, key, n))
			continue;
		p += strspn(p, "\t ");
		if (*p++ != ':')
			continue;
		p += strspn(p, " ");
		return xstrndup(p, strcspn(p, "\n"));
	}
	return "";
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; *(p += strspn(p, " ")); p += strcspn(p, " "))
		if (strcspn(p, " ") == n && !strncmp(p, word, n))
			return true;
	return false;
}

static void read_cpu(const char *root, struct host *h)
{
	const char *text = file_read(xprintf("%s/proc/cpuinfo", root), NULL), *flags;

	text = text ? text : "";
	flags = line_value(text, "flags");
	h->vendor = line_value(text, "vendor_id");
	h->model = line_value(text, "model name");
	h->vmx = has_word(flags, "vmx");
	h->svm = has_word(flags, "svm");
	h->guest = has_word(flags, "hypervisor");
}

static void read_nesting(const char *root, struct host *h)
{
	static const char *const modules[] = {"kvm_intel", "kvm_amd"};

	h->nesting = NESTING_UNKNOWN;
	h->module = h->svm ? "kvm_amd" : "kvm_intel";
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		const char *value = read_below(root, xprintf("/sys/module/%s/parameters/nested", modules[i]));

		if (!*value)
			continue;
		h->module = modules[i];
		h->nesting = *value == 'Y' || *value == '1' ? NESTING_ON : NESTING_OFF;
		return;
	}
}

/* ---- what is around it ---- */

static const char *find_container(const char *root)
{
	static const struct {
		const char *text, *name;
	} groups[] = {{"docker", "docker"},
		      {"libpod", "podman"},
		      {"kubepods", "kubernetes"},
		      {"containerd", "containerd"},
		      {"lxc", "lxc"}};
	const char *name, *text;

	if (file_exists(xprintf("%s/.dockerenv", root)))
		return "docker";
	if (file_exists(xprintf("%s/run/.containerenv", root)))
		return "podman";
	name = read_below(root, "/run/systemd/container");
	if (*name)
		return name;
	text = file_read(xprintf("%s/proc/1/cgroup", root), NULL);
	for (size_t i = 0; text && i < ARRAY_SIZE(groups); i++)
		if (strstr(text, groups[i].text))
			return groups[i].name;
	return NULL;
}

void host_read(const char *root, struct host *h)
{
	memset(h, 0, sizeof(*h));
	read_cpu(root, h);
	read_nesting(root, h);
	h->release = read_below(root, "/proc/sys/kernel/osrelease");
	if (strcasestr(h->release, "microsoft"))
		h->wsl = strstr(h->release, "WSL2") ? 2 : 1;
	h->container = find_container(root);
}

bool host_on_windows_drive(const char *path)
{
	static const char mount[] = "/mnt/";
	const char *drive = path + strlen(mount);

	return !strncmp(path, mount, strlen(mount)) && isalpha((unsigned char)drive[0]) &&
	       (drive[1] == '/' || !drive[1]);
}

/* ---- versions ---- */

const char *version_find(const char *text)
{
	for (const char *p = text; *p; p++) {
		size_t n = strspn(p, "0123456789.");

		if (p > text && p[-1] != ' ' && p[-1] != '\n')
			continue;
		if (isdigit((unsigned char)*p) && memchr(p, '.', n))
			return xstrndup(p, n);
	}
	return NULL;
}

bool version_at_least(const char *version, unsigned major, unsigned minor)
{
	unsigned a = 0, b = 0;

	sscanf(version, "%u.%u", &a, &b);
	return a > major || (a == major && b >= minor);
}
