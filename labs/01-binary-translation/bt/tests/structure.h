/* SPDX-License-Identifier: MIT */
/*
 * What every translation must be, whatever the guest's bytes were: code that ring 3 may run, with points and
 * exits in order. It is not run but looked through, instruction by instruction.
 */
#ifndef STRUCTURE_H
#define STRUCTURE_H

#include "labs/01-binary-translation/bt/bt.h"

/* What is wrong with the block that was translated last, into runner_cache; NULL: nothing. */
const char *structure_problem(const struct bt_block *b, const struct bt_source *s);

#endif
