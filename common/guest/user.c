// SPDX-License-Identifier: MIT
/*
 * Ring 3 for tests: pages, the way in, and the way back through catch().
 * The frame for the way in is built on the stack that the CPU will use on the way back, where nothing else
 * lives.
 */
#include "guest/harness.h"
#include "lib/panic.h"
#include "lib/string.h"

u8 *user_code_pages, *user_data_pages, *user_stack_pages;

/* Pages of the pool follow each other, so USER_PAGES of them are one piece for the kernel. */
static u8 *map_pages(gva_t gva, u64 flags)
{
	u8 *first = NULL;

	for (unsigned i = 0; i < USER_PAGES; i++) {
		u8 *page = page_alloc();

		if (!first)
			first = page;
	}
	for (unsigned i = 0; i < USER_PAGES; i++)
		page_map(gva + i * PAGE_SIZE, gpa_of(first) + i * PAGE_SIZE, flags);
	return first;
}

void user_map(void)
{
	if (user_code_pages)
		return;
	user_code_pages = map_pages(USER_CODE, PTE_P | PTE_U);
	user_data_pages = map_pages(USER_DATA, PTE_P | PTE_U | PTE_W | PTE_NX);
	user_stack_pages = map_pages(USER_STACK - USER_PAGES * PAGE_SIZE, PTE_P | PTE_U | PTE_W | PTE_NX);
}

void user_restore(void)
{
	user_code_pages = user_data_pages = user_stack_pages = NULL;
}

static void enter(void *arg)
{
	const struct user *u = arg;
	struct frame *f = (struct frame *)stack_top(0) - 1;

	memset(f, 0, sizeof(*f));
	memcpy(f->gpr, u->gpr, sizeof(f->gpr));
	f->rip = USER_CODE;
	f->cs = u->compat ? SEL_USER_CODE32 : SEL_USER_CODE;
	f->rflags = u->rflags | RFLAGS_RESERVED1;
	f->rsp = u->gpr[GPR_RSP] ? u->gpr[GPR_RSP] : USER_STACK;
	f->ss = SEL_USER_DATA;
	if (!u->sysret)
		user_enter_iret(f);
	if (u->compat)
		user_enter_sysret32(f);
	user_enter_sysret64(f);
}

u64 user_run(struct user *u)
{
	if (u->size > USER_PAGES * PAGE_SIZE)
		panic("user_run: %zu bytes of code", u->size);
	user_map();
	memcpy(user_code_pages, u->code, u->size);
	catch (&u->frame, enter, u);
	return u->frame.vector;
}
