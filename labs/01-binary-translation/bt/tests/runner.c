// SPDX-License-Identifier: MIT
/*
 * How a register state gets into the CPU and out again: by signals. runner_run() executes a UD2; the handler
 * keeps what it was interrupted in and returns to the guest instead; the next signal, whatever it is, does
 * the reverse.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "runner.h"

#define WINDOW     0x200000000000
#define SHADOW     0x210000000000 /* the same pages, writable */
#define LOW_BASE   0x10000000
#define HIGH_BASE  0x300000000000
#define AREA_FIRST 0x100000
#define AREA_STEP  0x100000

#define MAX_BLOCKS 8192
#define MAX_POINTS 262144
#define MAX_EXITS  65536

struct bt_cache runner_cache;

/* ---- memory ---- */

u64 runner_code(enum place p)
{
	return p == PLACE_LOW ? LOW_BASE : HIGH_BASE;
}

u64 runner_middle(enum place p, enum area a)
{
	return runner_code(p) + AREA_FIRST + a * AREA_STEP + GUEST_PAGE;
}

static void *must_map(u64 at, u64 size, int rights, int flags, int fd, u64 offset)
{
	void *p = mmap((void *)at, size, rights, flags | MAP_FIXED_NOREPLACE, fd, (off_t)offset);

	if (p != (void *)at) {
		perror("mmap");
		exit(EXIT_FAILURE);
	}
	return p;
}

static void map_guest(enum place p)
{
	must_map(runner_code(p), GUEST_CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (enum area a = 0; a < AREAS; a++)
		must_map(runner_middle(p, a) - GUEST_PAGE, 2 * GUEST_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void runner_protect(enum place p, enum area a, unsigned page, int rights)
{
	mprotect((void *)(runner_middle(p, a) + (page ? 0 : -(u64)GUEST_PAGE)), GUEST_PAGE, rights);
}

static void *window_of(enum place p, enum area a)
{
	return (void *)(runner_middle(p, a) - GUEST_WINDOW);
}

void runner_save_memory(enum place p, u8 memory[GUEST_MEMORY])
{
	for (enum area a = 0; a < AREAS; a++)
		memcpy(memory + a * 2 * GUEST_WINDOW, window_of(p, a), 2 * GUEST_WINDOW);
}

void runner_load_memory(enum place p, const u8 memory[GUEST_MEMORY])
{
	for (enum area a = 0; a < AREAS; a++)
		memcpy(window_of(p, a), memory + a * 2 * GUEST_WINDOW, 2 * GUEST_WINDOW);
}

bool runner_same_memory(enum place p, const u8 memory[GUEST_MEMORY])
{
	for (enum area a = 0; a < AREAS; a++)
		if (memcmp(window_of(p, a), memory + a * 2 * GUEST_WINDOW, 2 * GUEST_WINDOW) != 0)
			return false;
	return true;
}

static void map_window(void)
{
	int fd = memfd_create("window", 0);

	if (fd < 0 || ftruncate(fd, BT_WINDOW_BYTES) < 0) {
		perror("memfd_create");
		exit(EXIT_FAILURE);
	}
	must_map(SHADOW, BT_WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must_map(WINDOW, BT_CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	must_map(WINDOW + BT_TABLE_OFFSET, BT_TABLE_COUNT * sizeof(u64), PROT_READ, MAP_SHARED, fd,
		 BT_TABLE_OFFSET);
	for (u64 at = BT_STATE_OFFSET; at <= BT_WATCHED_OFFSET; at += BT_WATCHED_OFFSET - BT_STATE_OFFSET)
		must_map(WINDOW + at, GUEST_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, BT_STATE_OFFSET);
}

bool runner_is_watched;

void runner_watch(bool watch)
{
	runner_is_watched = watch;
	mprotect((void *)(WINDOW + BT_WATCHED_OFFSET), GUEST_PAGE,
		 watch ? PROT_NONE : PROT_READ | PROT_WRITE);
}

/* ---- registers, by signals ---- */

static const int greg[GPR_COUNT] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
				    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

extern const u8 runner_gate[];
static greg_t host[__NGREG];
static struct cpu *volatile inside;
static struct stop stopped;

#define UD2_BYTES   2
#define FAULT_WRITE 2 /* in the error code of a page fault */
#define RFLAGS_GUEST                                                                                         \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | RFLAGS_OF)

static void to_guest(greg_t *g, struct cpu *cpu)
{
	memcpy(host, g, sizeof(host));
	inside = cpu;
	for (unsigned r = 0; r < GPR_COUNT; r++)
		g[greg[r]] = (greg_t)cpu->gpr[r];
	g[REG_RIP] = (greg_t)cpu->rip;
	g[REG_EFL] = (g[REG_EFL] & ~(greg_t)RFLAGS_GUEST) | (greg_t)(cpu->rflags & RFLAGS_GUEST);
}

static void from_guest(greg_t *g, struct cpu *cpu)
{
	for (unsigned r = 0; r < GPR_COUNT; r++)
		cpu->gpr[r] = (u64)g[greg[r]];
	cpu->rip = (u64)g[REG_RIP];
	cpu->rflags = (u64)g[REG_EFL] & RFLAGS_GUEST & ~(u64)RFLAGS_TF;
	inside = NULL;
	/* All but the registers of the host: the segments' selectors, for one, stay. */
	for (unsigned r = REG_R8; r <= REG_EFL; r++)
		g[r] = host[r];
	g[REG_RIP] += UD2_BYTES;
}

static struct cpu *entering;
static struct sigaction before[NSIG];

static void handler(int number, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (inside) {
		stopped = (struct stop){.signal = number,
					.gva = (u64)info->si_addr,
					.write = number == SIGSEGV && g[REG_ERR] & FAULT_WRITE};
		from_guest(g, inside);
	} else if (g[REG_RIP] == (greg_t)(u64)runner_gate) {
		to_guest(g, entering);
	} else {
		/* The test's own: comes again, to whom it went before. */
		sigaction(number, &before[number], NULL);
	}
}

/* XMM0 to XMM3 are loaded and stored here. The handler keeps all that a C function must keep. */
void runner_enter(u8 xmm[4][16]);
asm(".text\n"
    "runner_enter:\n"
    "	movdqu (%rdi), %xmm0\n"
    "	movdqu 16(%rdi), %xmm1\n"
    "	movdqu 32(%rdi), %xmm2\n"
    "	movdqu 48(%rdi), %xmm3\n"
    "runner_gate:\n"
    "	ud2\n"
    "	movdqu %xmm0, (%rdi)\n"
    "	movdqu %xmm1, 16(%rdi)\n"
    "	movdqu %xmm2, 32(%rdi)\n"
    "	movdqu %xmm3, 48(%rdi)\n"
    "	ret");

struct stop runner_run(struct cpu *cpu)
{
	entering = cpu;
	runner_enter(cpu->xmm);
	return stopped;
}

/* A translation that never ends is ended after a while; a fuzzer does so itself, but it must not on the
 * guest's stack. */
static void limit_time(void)
{
	struct sigaction alarmed;
	struct itimerval timer;

	getitimer(ITIMER_REAL, &timer);
	if (!timer.it_value.tv_sec) {
		alarm(300);
		return;
	}
	sigaction(SIGALRM, NULL, &alarmed);
	alarmed.sa_flags |= SA_ONSTACK;
	sigaction(SIGALRM, &alarmed, NULL);
}

static void catch_signals(void)
{
	static const int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP};
	static u8 stack[KIB(256)];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	sigaltstack(&alternate, NULL);
	for (unsigned n = 0; n < ARRAY_SIZE(signals); n++)
		sigaction(signals[n], &action, &before[signals[n]]);
	limit_time();
}

void runner_flush(enum bt_flavour flavour)
{
	runner_cache.blocks = runner_cache.points = runner_cache.exits = 0;
	runner_cache.flavour = flavour;
	bt_translate_stubs(&runner_cache);
	for (unsigned n = 0; n < BT_TABLE_COUNT; n++)
		runner_cache.table[n] = runner_cache.window + BT_MISS_STUB;
}

void runner_init(void)
{
	static struct bt_block block[MAX_BLOCKS];
	static struct bt_point point[MAX_POINTS];
	static struct bt_exit exits[MAX_EXITS];

	if (runner_cache.window)
		return;
	map_window();
	for (enum place p = 0; p < PLACES; p++)
		map_guest(p);
	catch_signals();
	runner_cache = (struct bt_cache){.code = (u8 *)SHADOW,
					 .table = (u64 *)(SHADOW + BT_TABLE_OFFSET),
					 .state = (struct bt_state *)(SHADOW + BT_STATE_OFFSET),
					 .window = WINDOW,
					 .size = BT_CODE_BYTES,
					 .block = block,
					 .point = point,
					 .exit = exits,
					 .max_blocks = MAX_BLOCKS,
					 .max_points = MAX_POINTS,
					 .max_exits = MAX_EXITS};
	runner_flush(BT_FAST);
}
