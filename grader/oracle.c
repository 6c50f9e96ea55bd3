// SPDX-License-Identifier: MIT
/*
 * What is right: each guest of a run on the bare machine. Each test's digest covers every value that it
 * compared, with the seed of the run mixed in; a hypervisor that is right gives the guest the same values,
 * and one that only prints the lines cannot know them.
 *
 * The bare machine is QEMU's TCG. Where TCG itself differs from the manuals (platform exceptions), Bochs is
 * asked instead.
 */
#include "grader/grader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GUEST_IMAGE   "guest.bin"
#define NATIVE_BUDGET 6000000000ULL
#define NATIVE_GUARD  60
#define NATIVE_MEMORY "256"
#define GUEST_CMDLINE 400 /* the guest keeps 511 characters; longer lists run everything */
#define WITH_BENCHES  "bench=1"

static void take_line(void *context, const char *text, bool damaged)
{
	struct native *n = context;
	size_t size = strlen(text) + 1;

	console_line(&n->console, text, damaged);
	if (!n->keep)
		return;
	if (n->text_used + size > n->text_room) {
		n->text_room = 2 * (n->text_room + size);
		n->text = realloc(n->text, n->text_room);
		if (!n->text)
			abort();
	}
	memcpy(n->text + n->text_used, text, size - 1);
	n->text[n->text_used + size - 1] = '\n';
	n->text_used += size;
}

static void take_tick(void *context, double seconds)
{
	(void)context;
	progress_tick(seconds);
}

const char *native_prepare(const struct grader *g, const struct guest_image *image,
			   const struct platform_exceptions *e, const struct platform *p, unsigned guest,
			   const char *command, struct native *n)
{
	const char *directory = scratch_sub(xprintf("native-%s-%u", p->name, guest));
	u8 key[KEY_BYTES];

	n->platform = p;
	guest_key(g, guest, key);
	console_init(&n->console, "native", key);
	n->machine = (struct machine){
		.platform = p,
		.directory = directory,
		.kernel = GUEST_IMAGE,
		.cmdline = xprintf("%s%s", command, exceptions_skip(e, p->name, p->model)),
		.memory = NATIVE_MEMORY,
		.instructions = NATIVE_BUDGET,
		.seconds = NATIVE_GUARD,
		.mkdisk = xprintf("%s/tools/mkdisk", g->build),
		.bochsrc = xprintf("%s/common/boot/bochsrc.in", g->root),
		.nested = xprintf("%s/nested", g->build),
		.line = take_line,
		.tick = take_tick,
		.context = n,
	};
	return image_patch(xprintf("%s/%s", g->build, image->native), xprintf("%s/" GUEST_IMAGE, directory),
			   key, g->seed);
}

void native_run(const struct grader *g, const struct guest_image *image, const struct platform_exceptions *e,
		const struct platform *p, unsigned guest, const char *command, struct native *n)
{
	const char *incomplete;

	n->error = native_prepare(g, image, e, p, guest, command, n);
	if (n->error)
		return;
	machine_run(&n->machine);
	incomplete = console_incomplete(&n->console);
	if (n->machine.message && n->machine.rip)
		n->machine.message =
			xprintf("%s; %s", n->machine.message, where_was(g, NULL, image->elf, n->machine.rip));
	if (n->machine.message)
		n->error = xprintf("%s%s%s", n->machine.message, incomplete ? "; " : "",
				   incomplete ? incomplete : "");
	else if (incomplete || n->console.complaint)
		n->error = incomplete ? incomplete : n->console.complaint;
}

/* The guest's command line for the tests that TCG gets wrong, as far as they are wanted. */
static const char *exception_command(const struct grader *g, const struct platform_exceptions *e)
{
	const char *command = NULL;

	for (size_t i = 0; i < e->list.n; i++)
		if (exceptions_find(e, "tcg", NULL, e->list.at[i].test) &&
		    (g->exercise || select_test(g, e->list.at[i].test)))
			command = xprintf("%s%s%s", command ? command : "only=", command ? "," : "",
					  e->list.at[i].test);
	if (command && strlen(command) > GUEST_CMDLINE)
		return "";
	return command;
}

struct oracle_guest *oracle_guest(struct oracle *o, const struct guest_image *image, unsigned number)
{
	struct oracle_guest *guest;

	for (size_t i = 0; i < o->guests.n; i++) {
		guest = o->guests.at[i];
		if (guest->number == number && guest_image_same(&guest->image, image))
			return guest;
	}
	guest = xcalloc(1, sizeof(*guest));
	*guest = (struct oracle_guest){.image = *image, .number = number};
	*vector_add(&o->guests) = guest;
	return guest;
}

/* The benches are wanted once, of the guest kernel; they bring all its tests along. */
static const char *command(const struct oracle *o, const struct oracle_guest *guest)
{
	const char *only;

	if (!guest->number && guest_image_same(&guest->image, &o->rubric->guest) && !select_some(o->g))
		return WITH_BENCHES;
	only = select_native(o->g, o->rubric, &guest->image, guest->number);
	return only ? only : "";
}

static struct native *run(const struct oracle *o, const struct oracle_guest *guest, const struct platform *p,
			  const char *command)
{
	struct native *n = xcalloc(1, sizeof(*n));

	if (p->why)
		n->error = p->why;
	else
		native_run(o->g, &guest->image, o->exceptions, p, guest->number, command, n);
	return n;
}

const char *oracle_ask(const struct oracle *o, struct oracle_guest *guest)
{
	const struct platform *tcg = platform_get(PLATFORM_TCG);

	if (tcg->why)
		return xprintf("the guest cannot run natively: %s", tcg->why);
	if (!guest->tcg)
		guest->tcg = run(o, guest, tcg, command(o, guest));
	if (!guest->tcg->error)
		return NULL;
	return xprintf("%s does not run on the bare machine: %s",
		       guest_image_same(&guest->image, &o->rubric->guest) ? "the guest kernel"
									  : guest->image.native,
		       guest->tcg->error);
}

void oracle_tests(const struct oracle *o, const struct oracle_guest *guest, string_list *names)
{
	const struct console *c = &guest->tcg->console;

	for (size_t i = 0; i < c->records.n; i++)
		strings_add(names, c->records.at[i].name);
	for (size_t i = 0; i < o->exceptions->list.n; i++) {
		const struct platform_exception *x = &o->exceptions->list.at[i];

		if (x->skip && exceptions_find(o->exceptions, "tcg", NULL, x->test) == x)
			strings_add(names, x->test);
	}
}

static const struct record *ask_bochs(const struct oracle *o, struct oracle_guest *guest, const char *test)
{
	if (o->g->exercise)
		return NULL; /* that has to be fast */
	if (!guest->bochs)
		guest->bochs =
			run(o, guest, platform_get(PLATFORM_BOCHS), exception_command(o->g, o->exceptions));
	return guest->bochs->error ? NULL : console_find(&guest->bochs->console, test);
}

enum verdict oracle_digest(const struct oracle *o, struct oracle_guest *guest, const char *test, u64 *digest)
{
	const struct record *r = console_find(&guest->tcg->console, test);

	if (exceptions_find(o->exceptions, "tcg", NULL, test)) {
		r = ask_bochs(o, guest, test);
		if (!r)
			return VERDICT_MISSING;
	}
	if (!r || r->state != RECORD_PASS)
		return VERDICT_FAILS;
	*digest = r->digest;
	return VERDICT_KNOWN;
}
