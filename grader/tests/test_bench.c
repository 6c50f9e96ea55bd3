// SPDX-License-Identifier: MIT
/* Labs laid side by side, one platform a table, figures of one operation: bench.c */
// LIBS: -ljansson -lyaml -lxml2
#include "lib/tests/unit.h"

#include "grader/bench.h"
#include "grader/grader.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define ITERATIONS 10

static void put(struct lab_result *lab, const char *name, const char *cpu, const char *platform, u64 ticks)
{
	struct bench_result *b = vector_add(&lab->benches);

	b->bench.name = name;
	b->bench.iterations = ITERATIONS;
	b->bench.total[BENCH_TICKS] = ticks * ITERATIONS;
	b->bench.total[BENCH_EXITS] = ITERATIONS;
	b->cpu = cpu;
	b->mem = strcmp(cpu, NATIVE_ENGINE) ? "vtlb" : NATIVE_ENGINE;
	b->platform = platform;
}

/* Two labs; the bare machine is in both, and the second has figures of another platform too. */
static struct bench_table two_labs(void)
{
	struct bench_table t = {.platform = platform_named("tcg")};
	struct lab_result one = {0}, two = {0};

	put(&one, "bench/in", "trap", "tcg", 30);
	put(&one, "bench/in", NATIVE_ENGINE, "tcg", 3);
	put(&one, "bench/odd", "trap", "tcg", 7); /* without a figure of the bare machine */
	put(&two, "bench/in", NATIVE_ENGINE, "tcg", 3);
	put(&two, "bench/in", "svm", "tcg", 12);
	put(&two, "bench/in", "vmx", "bochs", 12);
	bench_add(&t, &one);
	bench_add(&t, &two);
	return t;
}

static void merged(void)
{
	struct bench_table t = two_labs();

	CU_ASSERT_EQUAL_FATAL(t.engines.n, 3);
	CU_ASSERT_STRING_EQUAL(t.engines.at[0], NATIVE_ENGINE);
	CU_ASSERT_STRING_EQUAL(t.engines.at[1], "trap/vtlb");
	CU_ASSERT_STRING_EQUAL(t.engines.at[2], "svm/vtlb");
	CU_ASSERT_EQUAL_FATAL(t.operations.n, 2);
	CU_ASSERT_STRING_EQUAL(t.operations.at[0], "in");
	CU_ASSERT_EQUAL_FATAL(t.all.benches.n, 4);
	CU_ASSERT_STRING_EQUAL(t.all.benches.at[0].cpu, NATIVE_ENGINE);
}

/* A lab whose engines need two models of one platform. */
static void models(void)
{
	struct bench_table t = {.platform = platform_named("bochs")};
	struct lab_result lab = {0};
	char *path = xprintf("test_bench.%d", (int)getpid());
	json_t *top;

	for (unsigned i = 0; i < 2; i++) {
		put(&lab, "bench/in", i ? "svm" : "vmx", "bochs", 12);
		lab.benches.at[i].model = i ? BOCHS_AMD : BOCHS_INTEL;
		bench_add(&t, &lab);
		CU_ASSERT_TRUE(bench_write(&t, path));
		top = json_load_file(path, 0, NULL);
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(top, "platform")),
				       i ? "bochs" : "bochs:" BOCHS_INTEL);
		json_decref(top);
	}
	unlink(path);
}

static double number(const json_t *engine, const char *key)
{
	return json_number_value(json_object_get(engine, key));
}

static void json(void)
{
	struct bench_table t = two_labs();
	char *path = xprintf("test_bench.%d", (int)getpid());
	json_t *top, *list, *engines, *trap;

	CU_ASSERT_TRUE(bench_write(&t, path));
	top = json_load_file(path, 0, NULL);
	unlink(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(top);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(top, "platform")), "tcg");
	list = json_object_get(top, "operations");
	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 2);
	engines = json_object_get(json_array_get(list, 0), "engines");
	CU_ASSERT_EQUAL_FATAL(json_array_size(engines), 3);
	CU_ASSERT_EQUAL(number(json_array_get(engines, 0), "native"), 1);
	trap = json_array_get(engines, 1);
	CU_ASSERT_EQUAL(number(trap, "native"), 10);
	CU_ASSERT_EQUAL(number(trap, "instructions"), 30);
	CU_ASSERT_EQUAL(number(trap, "exits"), 1);
	CU_ASSERT_TRUE(number(trap, "modelled_cycles") > 30);
	CU_ASSERT_EQUAL(number(json_array_get(engines, 2), "native"), 4);
	engines = json_object_get(json_array_get(list, 1), "engines");
	CU_ASSERT_TRUE(json_is_null(json_object_get(json_array_get(engines, 0), "native")));
	json_decref(top);
}

static void plot(void)
{
	struct bench_table t = two_labs();
	char *path = xprintf("test_bench.%d", (int)getpid()), *text;

	CU_ASSERT_TRUE(bench_write_plot(&t, path));
	text = file_read(path, NULL);
	unlink(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "what = \"instructions on tcg\"\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "engines = \"trap/vtlb svm/vtlb\"\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"in\" 10.0000 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"odd\" ? ?\n"));
}

static void which_runs(void)
{
	struct rubric_run run = {.name = "bench"};

	CU_ASSERT_TRUE(lab_is_bench(&run));
	run.name = "bench-svm";
	CU_ASSERT_TRUE(lab_is_bench(&run));
	run.name = "benches";
	CU_ASSERT_FALSE(lab_is_bench(&run));
	run.name = "cpu";
	CU_ASSERT_FALSE(lab_is_bench(&run));
}

UNIT_MAIN("grader_bench", {"labs side by side", merged}, {"models", models}, {"JSON", json},
	  {"data of the plot", plot}, {"which runs", which_runs})
