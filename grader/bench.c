// SPDX-License-Identifier: MIT
/*
 * `make bench`: what an operation costs under each engine, beside the bare machine. The figures are those of
 * the labs' runs that are called `bench` (lab.c, hypervisor.c); here the labs are laid side by side, and
 * become a matrix on the terminal, a JSON file and the data of a plot (bench.gnuplot). All figures of a table
 * are from one platform: instructions of an emulator and cycles of a CPU must not stand in one column.
 */
#include "grader/bench.h"

#include "grader/grader.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH_SCHEMA   1
#define BENCH_DIGITS   12
#define BENCH_NAME     "bench/" /* what the name of each begins with */
#define NAME_WIDTH     16
#define ENGINE_WIDTH   14
#define NO_RATIO       (-1.0)
#define NATIVE_ENGINES 1 /* the first of the engines is the bare machine */

static double per_operation(const struct bench_result *b, enum bench_column column)
{
	return (double)b->bench.total[column] / (double)b->bench.iterations;
}

static const char *engine_name(const struct bench_result *b)
{
	return !strcmp(b->cpu, NATIVE_ENGINE) ? b->cpu : xprintf("%s/%s", b->cpu, b->mem);
}

static const char *operation(const struct bench_result *b)
{
	return b->bench.name +
	       (strncmp(b->bench.name, BENCH_NAME, strlen(BENCH_NAME)) ? 0 : strlen(BENCH_NAME));
}

static void add_once(string_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->at[i], name))
			return;
	strings_add(list, name);
}

static const struct bench_result *find(const struct bench_table *t, const char *operation_name,
				       const char *engine)
{
	for (size_t i = 0; i < t->all.benches.n; i++) {
		const struct bench_result *b = &t->all.benches.at[i];

		if (!strcmp(operation(b), operation_name) && !strcmp(engine_name(b), engine))
			return b;
	}
	return NULL;
}

static void add(struct bench_table *t, const struct lab_result *lab, bool native)
{
	for (size_t i = 0; i < lab->benches.n; i++) {
		const struct bench_result *b = &lab->benches.at[i];

		/* The bare machine is measured for each lab, and is the same; the models of Bochs count
		 * alike. */
		if (strcmp(b->platform, t->platform->name) || !strcmp(b->cpu, NATIVE_ENGINE) != native ||
		    find(t, operation(b), engine_name(b)))
			continue;
		*vector_add(&t->all.benches) = *b;
		add_once(&t->engines, engine_name(b));
		add_once(&t->operations, operation(b));
	}
}

void bench_add(struct bench_table *t, const struct lab_result *lab)
{
	add_once(&t->engines, NATIVE_ENGINE);
	add(t, lab, true);
	add(t, lab, false);
}

/* How many times the bare machine's ticks `value` is; NO_RATIO: that is not known. */
static double times_native(const struct bench_table *t, const struct bench_result *b, double value)
{
	const struct bench_result *native = find(t, operation(b), NATIVE_ENGINE);

	if (!native || !native->bench.total[BENCH_TICKS] || value < 0)
		return NO_RATIO;
	return value / per_operation(native, BENCH_TICKS);
}

/* The platform, with the model where all figures are from one. */
static const char *measured_on(const struct bench_table *t)
{
	const char *model = NULL;

	for (size_t i = 0; i < t->all.benches.n; i++) {
		const char *other = t->all.benches.at[i].model;

		if (model && other && strcmp(model, other))
			return t->platform->name;
		model = other ? other : model;
	}
	return model ? xprintf("%s:%s", t->platform->name, model) : t->platform->name;
}

/* ---- on the terminal ---- */

void bench_print(const struct bench_table *t)
{
	report_benches(&t->all);
	printf("\n%s%-*s", colour(COLOUR_DIM), NAME_WIDTH, "native = 1");
	for (size_t e = 0; e < t->engines.n; e++)
		printf(" %*s", ENGINE_WIDTH, t->engines.at[e]);
	printf("%s\n", colour(COLOUR_NONE));
	for (size_t o = 0; o < t->operations.n; o++) {
		printf("%-*s", NAME_WIDTH, t->operations.at[o]);
		for (size_t e = 0; e < t->engines.n; e++) {
			const struct bench_result *b = find(t, t->operations.at[o], t->engines.at[e]);
			double ratio = b ? times_native(t, b, per_operation(b, BENCH_TICKS)) : NO_RATIO;

			if (ratio < 0)
				printf(" %*s", ENGINE_WIDTH, "-");
			else
				printf(" %*.1f", ENGINE_WIDTH, ratio);
		}
		printf("\n");
	}
	printf("%s on %s, of one operation\n", t->platform->unit, measured_on(t));
}

/* ---- files ---- */

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		abort(); /* out of memory */
}

static json_t *known(double value)
{
	return value < 0 ? json_null() : json_real(value);
}

static json_t *engine_json(const struct bench_table *t, const struct bench_result *b)
{
	json_t *o = json_object();

	set(o, "cpu", json_string(b->cpu));
	set(o, "mem", json_string(b->mem));
	set(o, "native", known(times_native(t, b, per_operation(b, BENCH_TICKS))));
	for (unsigned k = 0; k < BENCH_COLUMNS; k++)
		set(o, k == BENCH_TICKS ? t->platform->unit : bench_columns[k],
		    json_real(per_operation(b, (enum bench_column)k)));
	set(o, "modelled_cycles", known(cost_model(b)));
	return o;
}

static json_t *table_json(const struct bench_table *t)
{
	json_t *top = json_object(), *operations = json_array();

	set(top, "schema", json_integer(BENCH_SCHEMA));
	set(top, "platform", json_string(measured_on(t)));
	set(top, "unit", json_string(t->platform->unit));
	for (size_t i = 0; i < t->operations.n; i++) {
		json_t *o = json_object(), *engines = json_array();

		set(o, "name", json_string(t->operations.at[i]));
		for (size_t e = 0; e < t->engines.n; e++) {
			const struct bench_result *b = find(t, t->operations.at[i], t->engines.at[e]);

			if (b)
				json_array_append_new(engines, engine_json(t, b));
		}
		set(o, "engines", engines);
		json_array_append_new(operations, o);
	}
	set(top, "operations", operations);
	return top;
}

bool bench_write(const struct bench_table *t, const char *path)
{
	json_t *top = table_json(t);
	char *data = json_dumps(top, JSON_INDENT(1) | JSON_REAL_PRECISION(BENCH_DIGITS));
	const char *text = data ? xprintf("%s\n", data) : "";

	json_decref(top);
	free(data);
	return file_write(path, text, strlen(text));
}

bool bench_write_plot(const struct bench_table *t, const char *path)
{
	const char *text = "", *names = "";

	for (size_t e = NATIVE_ENGINES; e < t->engines.n; e++) {
		text = xprintf("%s%s", text, e > NATIVE_ENGINES ? "\n\n" : "");
		names = xprintf("%s%s%s", names, *names ? " " : "", t->engines.at[e]);
		for (size_t o = 0; o < t->operations.n; o++) {
			const struct bench_result *b = find(t, t->operations.at[o], t->engines.at[e]);
			double ratio = b ? times_native(t, b, per_operation(b, BENCH_TICKS)) : NO_RATIO;
			double model = b ? times_native(t, b, cost_model(b)) : NO_RATIO;

			text = xprintf("%s\"%s\" %s %s\n", text, t->operations.at[o],
				       ratio < 0 ? "?" : xprintf("%.4f", ratio),
				       model < 0 ? "?" : xprintf("%.4f", model));
		}
	}
	text = xprintf("what = \"%s on %s\"\n"
		       "engines = \"%s\"\n"
		       "# a block for each engine: operation, how many times native, the same by the model\n"
		       "$bench << END\n%sEND\n",
		       t->platform->unit, measured_on(t), names, text);
	return file_write(path, text, strlen(text));
}
