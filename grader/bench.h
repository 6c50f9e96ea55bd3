/* SPDX-License-Identifier: MIT */
/* What an operation costs under each engine: the table of `make bench`. */
#ifndef GRADER_BENCH_H
#define GRADER_BENCH_H

#include "grader/result.h"

struct bench_table {
	const struct platform *platform; /* where all its figures come from: set before bench_add() */
	string_list operations, engines; /* "syscall"; "native" first, then "trap/vtlb" */
	struct lab_result all;           /* only its benches */
};

/* Takes over the benches that a lab has on the table's platform. */
void bench_add(struct bench_table *t, const struct lab_result *lab);
void bench_print(const struct bench_table *t);
/* As JSON; false with errno. */
bool bench_write(const struct bench_table *t, const char *path);
/* As data for bench.gnuplot; false with errno. */
bool bench_write_plot(const struct bench_table *t, const char *path);

#endif
