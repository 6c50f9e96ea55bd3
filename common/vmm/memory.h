/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: gpa to hva, access by gpa and by gva with all the checks of the guest's own paging, and write
 * traces. Every write that the monitor or an emulated device does for a guest goes through here, so that
 * traces see it.
 */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include "lib/types.h"

struct vcpu;
struct vm;

/* The hva of `size` bytes at gpa, or NULL when they are not all RAM. Only for reading, or for writing to
 * pages of the monitor's own. */
void *gpa_to_hva(struct vm *vm, gpa_t gpa, u64 size);

/* All bytes or nothing: false when a part is not RAM. */
bool gpa_read(struct vm *vm, gpa_t gpa, void *dst, u64 size) MUST_USE;
bool gpa_write(struct vm *vm, gpa_t gpa, const void *src, u64 size) MUST_USE;

/* ---- the guest's own page tables ---- */

#define ACCESS_READ  0x0
#define ACCESS_WRITE 0x1
#define ACCESS_FETCH 0x2
#define ACCESS_USER                                                                                          \
	0x4 /* at CPL 3; without it a supervisor access, also an implicit one (descriptor tables, TSS) */

struct guest_walk {
	gpa_t gpa;      /* of the byte asked for */
	u64 page_bytes; /* 4 KiB, 2 MiB, 1 GiB */
	u32 error;      /* a fault: PF_* */
	bool user;      /* U/S and R/W, all levels combined; NX if any level has it */
	bool writable;
	bool nx;
	bool global;
	bool dirty;       /* D of the leaf, after the walk */
	bool unsupported; /* failed, and not by a fault: the guest uses a paging mode that is left out
			     (32-bit, PAE, 5-level) */
};

/*
 * Walks the guest's tables as the hardware would, for an access with ACCESS_* rights, under the vcpu's CR0,
 * CR3, CR4, EFER. Sets accessed and dirty bits as the access would. False: the access faults with w->error
 * (or w->unsupported). An unpaged guest maps 1:1.
 */
bool guest_walk(struct vcpu *v, gva_t gva, unsigned access, struct guest_walk *w) MUST_USE;

/*
 * Copies between the guest's linear address space and a buffer; may cross pages. On a fault nothing is
 * written, f is the #PF (or #GP, #SS for an address that is not canonical) to raise, and the result is false.
 * Memory that is no RAM reads as ones; a write is lost.
 */
struct event;
#define GVA_MAX_BYTES KIB(32) /* of one call */
bool gva_read(struct vcpu *v, gva_t gva, void *dst, u64 size, unsigned access, struct event *f) MUST_USE;
bool gva_write(struct vcpu *v, gva_t gva, const void *src, u64 size, unsigned access,
	       struct event *f) MUST_USE;

/* ---- write traces ---- */

/*
 * A traced guest frame reports the first write to it, by any alias, from the CPU or an emulated device:
 * `written` is called once, just before the write, and the trace is off. Who wants to hear of the next write
 * sets it again, at the earliest after the write (in practice: when the frame's content is read again).
 */
struct trace_client {
	void (*written)(struct vm *vm, gpa_t frame, void *context);
	void *context;
	struct trace_client *next;
};

void vm_trace_register(struct vm *vm, struct trace_client *c);
void vm_trace_set(struct vm *vm, gpa_t gpa);
bool vm_traced(struct vm *vm, gpa_t gpa);
/* A write to the frame is about to happen. Memory engines call it; gpa_write() and gva_write() do it
 * themselves. */
void vm_trace_hit(struct vm *vm, gpa_t gpa);

#endif
