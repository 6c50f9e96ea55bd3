/* SPDX-License-Identifier: MIT */
/*
 * Programs of the guest, made up at random: every one ends, with UD2, and touches only its own memory. The
 * same seed gives the same program.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "reference.h"

enum program_kind {
	PROGRAM_STRAIGHT,  /* plain instructions, one after the other */
	PROGRAM_DIRECT,    /* jumps to where the code says, too */
	PROGRAM_PLAIN,     /* what ring 3 does as ring 0 would: calls and indirect jumps, too */
	PROGRAM_SENSITIVE, /* the other instructions as well */
};

/* Writes a program and its memory; `first` becomes the state to begin with. */
void program_make(enum place p, enum program_kind kind, u32 seed, struct guest *first);
/* The same, but that what comes behind its functions is chosen by these bytes, as long as there are any. */
void program_make_chosen(enum place p, enum program_kind kind, u32 seed, const u8 *choices, size_t count,
			 struct guest *first);

#endif
