/* SPDX-License-Identifier: MIT */
/* What the files of the harness need of each other. Tests use test.h alone. */
#ifndef GUEST_HARNESS_H
#define GUEST_HARNESS_H

#include "guest/test.h"

/* boot.S, entry.S, guest.ld */
extern u64 boot_pml4[PT_ENTRIES], boot_pdpt[PT_ENTRIES], boot_pd_ram[PT_ENTRIES], boot_pd_devices[PT_ENTRIES];
extern u8 stack_main[], stack_main_end[], stack_trap[], stack_trap_end[], stack_ist[], stack_ist_end[];
extern const u8 trap_stubs[], syscall_entry[], syscall_entry32[], catch_recovered[];
extern const u8 image_start[], image_text_end[], image_end[];
bool catch_call(u64 *rsp, const void *code, u64 rdi, u64 *rax);
void user_enter_iret(struct frame *f) NORETURN;
void user_enter_sysret64(struct frame *f) NORETURN;
void user_enter_sysret32(struct frame *f) NORETURN;
void state_reload_segments(void);
void trap_dispatch(struct frame *f);

/* main.c */
void guest_main(u32 magic, gpa_t info);
void guest_end(u8 status) NORETURN;

/* crash.c: comes to a bad end in the way of that name; returns when it did not. */
void crash(const char *name);

/* hostile.c: two of them, with what stands behind their names. */
void crash_scribble(const char *arguments);
void crash_leap(const char *arguments);

/* console.c */
void console_init(void);
void console_drain(void);
/* "@SEQ TEXT #CODE" under the run's key. */
void machine_line(const char *fmt, ...) PRINTF(1, 2);

/* check.c */
extern const struct run_key *run_key_current(void);
void check_begin(const char *name);
bool check_failed(void);
u64 check_digest(void);
/* Fails the test, if nothing failed before, for a reason that is no check of its own. */
void check_fail(u64 expected, u64 actual, const char *file, int line, const char *fmt, ...) PRINTF(5, 6);
/* The fields of the fail line behind the test's name. */
const char *check_message(void);

/* options.c */
void options_parse(const char *cmdline);
bool option_selects_test(const char *name);
bool option_selects_bench(const char *name);

/* tables.c */
void tables_init(void);
void tables_restore(void);
void tables_restore_idt(void);

/* trap.c */
bool catch_reported(struct frame *f, const void *code, u64 rdi, u64 *rax, bool report);
void trap_reset(void);
extern struct frame trap_state_frame; /* of the last INT VEC_STATE */
extern bool trap_draining;            /* interrupts are acknowledged and forgotten */

/* state.c */
void state_init(void);    /* makes the standard state, once, and notes it */
void state_check(void);   /* fails the current test for each difference */
void state_restore(void); /* makes the standard state again */

/* memory.c */
void memory_init(void);
void memory_restore(void);

/* user.c */
void user_restore(void);

/* time.c */
void time_init(void);

/* pic.c, apic.c */
void pic_restore(void);
bool pic_is_spurious(u64 vector);
void apic_restore(void);
void apic_drain(void);

#endif
