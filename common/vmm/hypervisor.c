// SPDX-License-Identifier: MIT
/* From the machine to running guests: options, engines, guests, the scheduler, the verdict. */
#include "lib/print.h"
#include "lib/string.h"
#include "machine/machine.h"
#include "vmm/fpu.h"
#include "vmm/hypervisor.h"
#include "vmm/sched.h"
#include "vmm/trace.h"

#define DEFAULT_RAM     MIB(64)
#define MAX_GUESTS      16
#define MAX_ENGINES     8
#define STATUS_NO_GUEST 2
#define STATUS_FAILED   1
#define TEXT_BYTES      64

/* The value of KEY= among the words of `text`, up to the word "--"; false when it is not there. */
static bool option(const char *text, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	while (*text) {
		while (*text == ' ')
			text++;
		if (!strncmp(text, "-- ", 3) || !strcmp(text, "--"))
			return false;
		if (!strncmp(text, key, length) && text[length] == '=') {
			size_t n = 0;

			for (text += length + 1; *text && *text != ' '; text++)
				if (n + 1 < size)
					value[n++] = *text;
			value[n] = 0;
			return true;
		}
		while (*text && *text != ' ')
			text++;
	}
	return false;
}

/* A number with K, M or G behind it; 0 when it is none. */
static u64 parse_size(const char *text)
{
	u64 n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (u64)(*text++ - '0');
	switch (*text) {
	case 'G':
		return GIB(n);
	case 'M':
		return MIB(n);
	case 'K':
		return KIB(n);
	default:
		return *text ? 0 : n;
	}
}

u64 hypervisor_size_option(const char *text, const char *key, u64 otherwise)
{
	char value[TEXT_BYTES];
	u64 n;

	if (!option(text, key, value, sizeof(value)))
		return otherwise;
	n = parse_size(value);
	if (!n)
		kprintf("[hv] %s=%s is no size (such as 64M): taking %lu\n", key, value, otherwise);
	return n ? n : otherwise;
}

/* Which of the names KEY= on the command line asks for, the first without it; -1, with a sentence, for
 * another name. */
static int choose(const char *key, const char *const names[], unsigned count)
{
	char name[TEXT_BYTES];

	if (!option(machine_cmdline, key, name, sizeof(name)))
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	kprintf("[hv] %s=%s: this hypervisor has no such engine. It has:", key, name);
	for (unsigned i = 0; i < count; i++)
		kprintf(" %s", names[i]);
	kprintf("\n");
	return -1;
}

static const struct cpu_engine *choose_cpu(const struct cpu_engine *const list[])
{
	const char *names[MAX_ENGINES];
	unsigned count = 0;
	int chosen;

	for (; count < MAX_ENGINES && list[count]; count++)
		names[count] = list[count]->name;
	chosen = choose("cpu", names, count);
	return chosen < 0 ? NULL : list[chosen];
}

static const struct mem_engine *choose_mem(const struct mem_engine *const list[])
{
	const char *names[MAX_ENGINES];
	unsigned count = 0;
	int chosen;

	for (; count < MAX_ENGINES && list[count]; count++)
		names[count] = list[count]->name;
	chosen = choose("mem", names, count);
	return chosen < 0 ? NULL : list[chosen];
}

/* The module's first word without directories and ".elf". */
static void guest_name(const char *string, char *name, size_t size)
{
	size_t n = 0;

	for (; *string && *string != ' '; string++) {
		if (*string == '/')
			n = 0;
		else if (n + 1 < size)
			name[n++] = *string;
	}
	name[n] = 0;
	if (n > 4 && !strcmp(name + n - 4, ".elf"))
		name[n - 4] = 0;
}

/* QEMU puts the file's name before the string that was given; the guest's name is then the second word, if
 * there is one. */
static const char *skip_file_name(const char *string)
{
	const char *space = strchr(string, ' ');

	if (!space || space - string < 4 || strncmp(space - 4, ".elf", 4))
		return string;
	for (const char *p = space + 1; *p && *p != ' '; p++)
		if (*p == '=' || *p == '-') /* an option, or the "--" */
			return string;
	return space[1] ? space + 1 : string;
}

static struct vm *start_guest(const struct machine_module *m, const struct cpu_engine *cpu,
			      const struct mem_engine *mem)
{
	const char *string = skip_file_name(m->string), *split = strstr(string, "--");
	char name[TEXT_BYTES];
	struct vm_config c = {
		.name = name,
		.image = m->data,
		.image_size = m->size,
		.cmdline = split ? split + 2 : "",
		.ram_bytes = hypervisor_size_option(string, "ram", DEFAULT_RAM),
		.tick_budget = hypervisor_size_option(string, "budget", 0),
		.cpu = cpu,
		.mem = mem,
	};
	struct vm *vm;

	while (*c.cmdline == ' ')
		c.cmdline++;
	guest_name(string, name, sizeof(name));
	vm = vm_create(&c);
	if (vm)
		sched_add(vm->vcpus[0]);
	return vm;
}

static const char *prepare(const struct cpu_engine *cpu, const struct mem_engine *mem)
{
	const char *why = engine_check(cpu, mem);

	fpu_init();
	if (!why && cpu->machine_init)
		why = cpu->machine_init();
	if (!why && mem->machine_init)
		why = mem->machine_init();
	return why;
}

static void report(const struct cpu_engine *cpu, const struct vm *vm)
{
	for (unsigned i = 0; cpu->report && i < vm->vcpu_count; i++)
		cpu->report(vm->vcpus[i]);
}

int hypervisor_run(const struct cpu_engine *const cpus[], const struct mem_engine *const mems[])
{
	const struct cpu_engine *cpu = choose_cpu(cpus);
	const struct mem_engine *mem = choose_mem(mems);
	struct vm *vms[MAX_GUESTS];
	unsigned count = MIN(machine_module_count, MAX_GUESTS);
	char name[TEXT_BYTES];
	bool asked = option(machine_cmdline, "cpu", name, sizeof(name));
	const char *why;
	int status = 0;

	if (!cpu || !mem)
		return STATUS_FAILED;
	why = prepare(cpu, mem);
	for (unsigned i = 0; why; i++) {
		kprintf("[hv] cpu=%s mem=%s cannot be used: %s\n", cpu->name, mem->name, why);
		if (asked || !cpus[i + 1])
			return STATUS_FAILED;
		cpu = cpus[i + 1];
		why = prepare(cpu, mem);
	}
	kprintf("[hv] cpu=%s (%s), mem=%s (%s), TSC %lu Hz\n", cpu->name, cpu->summary, mem->name,
		mem->summary, clock_hz());
	if (!count)
		kprintf("[hv] no guest: give one as a Multiboot module, with QEMU -initrd \"guest.elf "
			"NAME\"\n");
	vm_console_shared = count > 1;
	for (unsigned i = 0; i < count; i++) {
		vms[i] = start_guest(&machine_modules[i], cpu, mem);
		if (!vms[i])
			status = STATUS_FAILED;
	}
	trace_init(hypervisor_size_option(machine_cmdline, "trace", 0));
	sched_run();
	trace_print();
	for (unsigned i = 0; trace_is_on() && i < count; i++)
		if (vms[i])
			report(cpu, vms[i]);
	for (unsigned i = 0; i < count; i++)
		if (vms[i] && vms[i]->exit_status)
			status = STATUS_FAILED;
	return count ? status : STATUS_NO_GUEST;
}
