// SPDX-License-Identifier: MIT
/*
 * Guest memory as the monitor and the emulated devices reach it: by gpa, by gva under the rules of the
 * guest's paging, and the write traces that tell when a guest frame changes. By gva an engine may know a
 * shorter way.
 *
 * RAM is one piece from gpa 0 on, so a gpa is in RAM when it is below ram_bytes. Every write to it that is
 * not the guest's own passes vm_trace_hit(), frame by frame, before the bytes change. A copy by gva looks at
 * all of its pages before it moves a byte: an instruction that faults on its second page must not have
 * written to the first one; and it translates each page once, because what it writes may be the very tables
 * that map the next page.
 */
#include "lib/panic.h"
#include "lib/string.h"
#include "vmm/vm.h"
#include "x86/exception.h"
#include "x86/paging.h"

#define GVA_MAX_PAGES (GVA_MAX_BYTES / PAGE_SIZE + 1)
#define TRACE_BITS    64 /* frames in a word of vm->traced */
#define NO_MEMORY     0xff

/* ---- by gpa ---- */

void *gpa_to_hva(struct vm *vm, gpa_t gpa, u64 size)
{
	if (size > vm->ram_bytes || gpa > vm->ram_bytes - size)
		return NULL;
	return vm->ram + gpa;
}

bool gpa_read(struct vm *vm, gpa_t gpa, void *dst, u64 size)
{
	const void *src = gpa_to_hva(vm, gpa, size);

	if (!src)
		return false;
	memcpy(dst, src, size);
	return true;
}

bool gpa_write(struct vm *vm, gpa_t gpa, const void *src, u64 size)
{
	void *dst = gpa_to_hva(vm, gpa, size);

	if (!dst)
		return false;
	if (!size)
		return true;
	for (gpa_t frame = ALIGN_DOWN(gpa, PAGE_SIZE); frame < gpa + size; frame += PAGE_SIZE)
		vm_trace_hit(vm, frame);
	memcpy(dst, src, size);
	return true;
}

/* ---- by gva ---- */

/* A range of linear addresses, translated: what lies in each of its pages. */
struct gva_span {
	unsigned pages;
	struct {
		gpa_t gpa;
		u64 size;
	} page[GVA_MAX_PAGES];
};

static void raise(struct event *f, u8 vector, u32 error, gva_t gva)
{
	*f = (struct event){
		.kind = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = true,
		.error = error,
		.payload = gva,
	};
}

static bool gva_translate(struct vcpu *v, gva_t gva, u64 size, unsigned access, struct gva_span *s,
			  struct event *f)
{
	bool long_mode;

	ASSERT(size <= GVA_MAX_BYTES);
	vcpu_need(v, VCPU_CRS);
	long_mode = v->efer & EFER_LMA;
	s->pages = 0;
	while (size) {
		u64 portion = MIN(size, PAGE_SIZE - gva % PAGE_SIZE);
		struct guest_walk w;

		/* Outside long mode linear addresses have 32 bits, and those behind the last one begin at 0
		 * again. */
		if (!long_mode)
			gva = (u32)gva;
		if (long_mode && !gva_is_canonical(gva)) {
			raise(f, VEC_GP, 0, 0);
			return false;
		}
		if (!guest_walk(v, gva, access, &w)) {
			if (w.unsupported)
				vcpu_end(v, "the guest uses a paging mode that this monitor does not have");
			raise(f, VEC_PF, w.error, gva);
			return false;
		}
		s->page[s->pages].gpa = w.gpa;
		s->page[s->pages++].size = portion;
		gva += portion;
		size -= portion;
	}
	return true;
}

bool gva_read(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access, struct event *f)
{
	struct gva_span s;
	u8 *to = dst;

	if (v->cpu->read_linear && !(access & ACCESS_FETCH) && v->cpu->read_linear(v, gva, dst, size, access))
		return true;
	if (!gva_translate(v, gva, size, access & ~(unsigned)ACCESS_WRITE, &s, f))
		return false;
	for (unsigned i = 0; i < s.pages; i++) {
		if (!gpa_read(v->vm, s.page[i].gpa, to, s.page[i].size))
			memset(to, NO_MEMORY, s.page[i].size);
		to += s.page[i].size;
	}
	return true;
}

bool gva_write(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access, struct event *f)
{
	struct gva_span s;
	const u8 *from = src;

	if (v->cpu->write_linear && v->cpu->write_linear(v, gva, src, size, access | ACCESS_WRITE))
		return true;
	if (!gva_translate(v, gva, size, access | ACCESS_WRITE, &s, f))
		return false;
	for (unsigned i = 0; i < s.pages; i++) {
		/* No RAM: the write is lost, as on a bus where nothing answers. */
		bool stored = gpa_write(v->vm, s.page[i].gpa, from, s.page[i].size);

		(void)stored;
		from += s.page[i].size;
	}
	return true;
}

/* ---- write traces ---- */

void vm_trace_register(struct vm *vm, struct trace_client *c)
{
	c->next = vm->trace_clients;
	vm->trace_clients = c;
}

bool vm_traced(struct vm *vm, gpa_t gpa)
{
	u64 frame = gpa >> PAGE_SHIFT;

	return gpa < vm->ram_bytes && (vm->traced[frame / TRACE_BITS] >> frame % TRACE_BITS & 1);
}

void vm_trace_set(struct vm *vm, gpa_t gpa)
{
	u64 frame = gpa >> PAGE_SHIFT;

	/* What is traced already is mapped read-only already. */
	if (gpa >= vm->ram_bytes || vm_traced(vm, gpa))
		return;
	vm->traced[frame / TRACE_BITS] |= BIT(frame % TRACE_BITS);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vm->vcpus[i]->mem->write_protect(vm->vcpus[i], ALIGN_DOWN(gpa, PAGE_SIZE));
}

void vm_trace_hit(struct vm *vm, gpa_t gpa)
{
	u64 frame = gpa >> PAGE_SHIFT;

	if (!vm_traced(vm, gpa))
		return;
	/* Off before the clients are called: they may look at the frame, and even trace it again. */
	vm->traced[frame / TRACE_BITS] &= ~BIT(frame % TRACE_BITS);
	for (struct trace_client *c = vm->trace_clients; c; c = c->next)
		c->written(vm, ALIGN_DOWN(gpa, PAGE_SIZE), c->context);
}
