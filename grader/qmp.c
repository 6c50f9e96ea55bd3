// SPDX-License-Identifier: MIT
/*
 * Looks into a running QEMU through its monitor socket: where is the processor, and is it halted with
 * interrupts off? Under -icount such a machine is not idle for Linux (QEMU runs through the ticks of a timer
 * that nobody hears), so only QEMU itself can tell. Asked only when a run has been silent for a while or is
 * ended by its guard; a run that goes well is never looked at.
 *
 * Source: QEMU 7.2, docs/interop/qmp-spec.txt; the text is that of the monitor command "info registers".
 */
#include "grader/emulator.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS    500
#define ANSWER_BYTES KIB(16)
#define RFLAGS_IF    0x200

static const char request[] = "{\"execute\":\"qmp_capabilities\"}\n"
			      "{\"execute\":\"human-monitor-command\","
			      "\"arguments\":{\"command-line\":\"info registers\"}}\n";

/* The socket's own path may be longer than an address of a socket may be; that of the process is short. */
static int open_socket(int pid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/%d/cwd/" QEMU_SOCKET, pid);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The number behind "NAME=", in hexadecimal. */
static bool hex_after(const char *text, const char *name, u64 *value)
{
	const char *at = strstr(text, name);

	if (!at)
		return false;
	*value = strtoull(at + strlen(name), NULL, 16);
	return true;
}

bool qmp_look(int pid, u64 *rip, bool *dead)
{
	static char answer[ANSWER_BYTES];
	int fd = open_socket(pid);
	size_t used = 0;
	double until = clock_seconds() + ANSWER_MS / 1000.0;
	u64 flags, halted;

	if (fd < 0)
		return false;
	answer[0] = 0;
	if (write(fd, request, strlen(request)) == (ssize_t)strlen(request)) {
		while (!strstr(answer, "HLT=") && used < sizeof(answer) - 1 && clock_seconds() < until) {
			struct pollfd f = {.fd = fd, .events = POLLIN};
			ssize_t n;

			poll(&f, 1, ANSWER_MS);
			n = read(fd, answer + used, sizeof(answer) - 1 - used);
			if (n == 0)
				break;
			used += n > 0 ? (size_t)n : 0;
			answer[used] = 0;
		}
	}
	close(fd);
	if (!hex_after(answer, "IP=", rip) || !hex_after(answer, "FL=", &flags) ||
	    !hex_after(answer, "HLT=", &halted))
		return false;
	*dead = halted && !(flags & RFLAGS_IF);
	return true;
}
