/* test_module.c: C text to functions, by every way that there is, against the same computed by this file. */
#include "runtime/module.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The ways to test: what rnncc was built with, and which compilers there are. */
static size_t find_ways(ModuleOptions ways[3])
{
	size_t n = 0;
	if (module_jit_available()) ways[n++] = (ModuleOptions){.kind = MODULE_JIT};
	ways[n++] = (ModuleOptions){.kind = MODULE_CC};
	if (!access("/usr/bin/clang-14", X_OK)) ways[n++] = (ModuleOptions){.kind = MODULE_CC, .cc = "clang-14"};
	return n;
}

static const char *way_name(const ModuleOptions *way)
{
	return way->kind == MODULE_JIT ? "JIT" : way->cc ? way->cc : "cc";
}

static Module *load(const char *text, const ModuleOptions *options)
{
	char *error;
	Module *module = module_load(&(ModuleFile){"model.c", text}, 1, options, &error);
	cr_assert(module, "%s: %s", way_name(options), error);
	cr_assert_null(error);
	return module;
}

/* The error of a load that must fail. The caller frees it. */
static char *load_error(const char *text, const ModuleOptions *options)
{
	char *error;
	Module *module = module_load(&(ModuleFile){"model.c", text}, 1, options, &error);
	cr_assert_null(module, "%s: wrongly loaded", way_name(options));
	cr_assert(error);
	return error;
}

static void cr_expect_text(const char *text, const char *wanted, const ModuleOptions *way)
{
	cr_expect(strstr(text, wanted), "%s: no `%s` in: %s", way_name(way), wanted, text);
}

/* Object and function pointers are the same on every machine that has dlsym. */
#define FUNCTION(type, module, name) ((type)(uintptr_t)need_symbol(module, name))

static void *need_symbol(const Module *module, const char *name)
{
	void *symbol = module_symbol(module, name);
	cr_assert(symbol, "no symbol %s", name);
	return symbol;
}

/* ---- one recurrent step, from several files, the same to the last bit ---- */

#define STEP                                                                                    \
	for (int i = 0; i < 16; i++) {                                                          \
		float sum = bias[i];                                                            \
		for (int k = 0; k < 16; k++) sum += state[k] * weights[k * 16 + i];             \
		out[i] = sqrtf(sum * sum + 0.25f) + fmaf(sum, 3.0f, -x[i]) + tanhf(sum * 0.5f); \
	}
#define QUOTE_(...) #__VA_ARGS__
#define QUOTE(...) QUOTE_(__VA_ARGS__)

static float weights[256];
static const float bias[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void expected_step(const float *state, const float *x, float *out) { STEP }

static void fill(float *values, int n, float scale)
{
	for (int i = 0; i < n; i++) values[i] = scale * (float)((i * 37 + 11) % 64 - 31);
}

Test(module, step_is_the_same_by_every_way)
{
	const ModuleFile files[] = {
		{"model.h",
			"#include <stddef.h>\n#include <stdint.h>\n"
			"extern const float weights[256], bias[16];\n"
			"int model_step(const float *state, const float *x, float *out);\n"},
		{"model.c",
			"#include \"model.h\"\n#include <math.h>\n"
			"int model_step(const float *state, const float *x, float *out) { " QUOTE(
				STEP) " return 7; }\n"},
		{"bias.c",
			"#include \"model.h\"\n"
			"const float bias[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};\n"},
	};
	float state[16], x[16], expected[16];
	fill(weights, 256, 0.013f);
	fill(state, 16, 0.11f);
	fill(x, 16, 0.7f);
	expected_step(state, x, expected);

	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		const int levels[] = {MODULE_OPT_NONE, MODULE_OPT_DEFAULT};
		for (size_t l = 0; l < 2; l++) {
			ModuleOptions options = ways[i];
			options.opt = levels[l];
			options.werror = true;
			options.march = l ? "native" : NULL;
			options.symbols = &(ModuleSymbol){"weights", weights};
			options.n_symbols = 1;
			char *error;
			Module *m = module_load(files, 3, &options, &error);
			cr_assert(m, "%s: %s", way_name(&options), error);
			float out[16];
			int (*step)(const float *, const float *, float *) =
				FUNCTION(int (*)(const float *, const float *, float *), m, "model_step");
			cr_expect_eq(step(state, x, out), 7);
			cr_expect_arr_eq(out, expected, sizeof out, "%s -O%zu", way_name(&options), 2 * l);
			cr_expect_float_eq(((const float *)need_symbol(m, "bias"))[15], 16.0f, 0);
			cr_expect_null(module_symbol(m, "model_run"), "a symbol that nobody defines");
			cr_expect_null(module_symbol(m, "malloc"), "a symbol of somebody else's");
			module_free(m);
		}
	}
	module_free(NULL);
}

/* ---- errors ---- */

Test(module, a_compile_error_names_file_and_line)
{
	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		char *error = load_error("int f(void)\n{\n\treturn undeclared;\n}\n", &ways[i]);
		cr_expect_text(error, "\nmodel.c:3:", &ways[i]);
		cr_expect_text(error, "undeclared", &ways[i]);
		free(error);

		ways[i].werror = true;
		error = load_error("int f(long x);\nint f(long x) { return x; }\n", &ways[i]);
		cr_expect_text(error, "\nmodel.c:2:", &ways[i]);
		free(error);

		ways[i].werror = false;
		ways[i].march = "no-such-cpu";
		error = load_error("int f;\n", &ways[i]);
		cr_expect_text(error, "no-such-cpu", &ways[i]);
		free(error);
	}
}

Test(module, portable_code_has_no_extensions)
{
	static const char text[] = "int f(void);\nint f(void) { return ({ 1; }); }\n";
	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		ways[i].werror = true;
		module_free(load(text, &ways[i]));
		ways[i].portable = true;
		char *error = load_error(text, &ways[i]);
		cr_expect_text(error, "\nmodel.c:2:", &ways[i]);
		free(error);
		module_free(load("int f(void);\nint f(void) { return __STDC_VERSION__ == 199901L; }\n", &ways[i]));
	}
}

Test(module, files_stay_in_their_directory)
{
	const char *const bad[] = {"../model.c", "", "a/b.c", "..", "model.h"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char *error;
		cr_expect_null(module_load(&(ModuleFile){bad[i], ""}, 1, &(ModuleOptions){.kind = MODULE_CC}, &error));
		cr_expect(error, "%s", bad[i]);
		free(error);
	}
	char *error;
	const ModuleFile twins[] = {{"a.c", "int f;"}, {"a.c", "int g;"}};
	cr_expect_null(module_load(twins, 2, &(ModuleOptions){.kind = MODULE_CC}, &error));
	cr_expect(strstr(error, "`a.c`"));
	free(error);
}

Test(module, jit_refuses_what_generated_code_may_not_use)
{
	ModuleOptions options = {.kind = MODULE_JIT};
	const char *text = "int system(const char *);\nint f(void) { return system(\"false\"); }\n";
	char *error = load_error(text, &options);
	cr_expect(strstr(error, module_jit_available() ? "`system`" : "the JIT (Clang and LLVM) is not there"), "%s",
		error);
	free(error);
}

Test(module, errors_of_the_assembler_come_back_too)
{
	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		char *error = load_error("void f(void);\nvoid f(void) { __asm__(\"no_such_insn\"); }\n", &ways[i]);
		cr_expect_text(error, "no_such_insn", &ways[i]);
		free(error);
	}
}

static void *load_and_call(void *result)
{
	char *error;
	ModuleFile file = {"model.c", "int f(void);\nint f(void) { return 5; }\n"};
	Module *m = module_load(&file, 1, &(ModuleOptions){.kind = module_default_kind()}, &error);
	if (m) *(int *)result = FUNCTION(int (*)(void), m, "f")();
	module_free(m);
	free(error);
	return NULL;
}

Test(module, threads_may_load_at_the_same_time)
{
	pthread_t threads[4];
	int results[4] = {0};
	for (int i = 0; i < 4; i++) cr_assert_eq(pthread_create(&threads[i], NULL, load_and_call, &results[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(results[i], 5);
	}
}

Test(module, a_missing_compiler_or_symbol_is_named)
{
	ModuleOptions options = {.kind = MODULE_CC, .cc = "no-such-compiler -x"};
	char *error = load_error("int f;\n", &options);
	cr_expect_text(error, "`no-such-compiler`: No such file", &options);
	free(error);

	setenv("RNNCC_CC", "not-this-one", true);
	options.cc = NULL;
	error = load_error("int f;\n", &options);
	cr_expect_text(error, "`not-this-one`", &options);
	free(error);

	setenv("RNNCC_CC", "  env  cc ", true); /* words, extra spaces */
	module_free(load("int f;\n", &options));

	error = load_error("int g(void);\nint f(void);\nint f(void) { return g(); }\n", &options);
	cr_expect_text(error, "undefined reference to `g'", &options);
	free(error);
	unsetenv("RNNCC_CC");
}

Test(module, how_the_compiler_ended_is_told)
{
	char directory[] = "/tmp/rnncc-test-XXXXXX";
	cr_assert(mkdtemp(directory));
	char killed[64];
	snprintf(killed, sizeof killed, "%s/killed", directory);
	FILE *script = fopen(killed, "w");
	cr_assert(script);
	fputs("#!/bin/sh\necho some words\nkill -SEGV $$\n", script);
	fclose(script);
	chmod(killed, 0700);

	ModuleOptions options = {.kind = MODULE_CC, .cc = killed};
	char *error = load_error("int f;\n", &options);
	cr_expect_text(error, "killed by signal 11 (Segmentation fault)\nsome words", &options);
	free(error);
	options.cc = "false";
	error = load_error("int f;\n", &options);
	cr_expect_text(error, "exit status 1", &options);
	free(error);
	options.cc = "true"; /* succeeds, and makes nothing */
	error = load_error("int f;\n", &options);
	cr_expect_text(error, "cannot load", &options);
	free(error);
	unlink(killed);
	rmdir(directory);
}

Test(module, nothing_is_left_behind)
{
	char directory[] = "/tmp/rnncc-test-XXXXXX";
	cr_assert(mkdtemp(directory));
	setenv("TMPDIR", directory, true);
	ModuleOptions options = {.kind = MODULE_CC};
	Module *m = load("int f(void);\nint f(void) { return 5; }\n", &options);
	free(load_error("int f(void) {\n", &options));
	options.cc = "no-such-compiler";
	free(load_error("int f;\n", &options));
	cr_expect_eq(rmdir(directory), 0, "%s is not empty", directory);

	cr_expect_eq(FUNCTION(int (*)(void), m, "f")(), 5, "the code needs no file");
	module_free(m);
	free(load_error("int f;\n", &options)); /* no directory to write to */
}

/* ---- flags ---- */

/* In a process of its own, which does not exit but _exits: the tracer of LeakSanitizer crashes in any program that has
 * opened libomp with dlopen and has had threads of it. Returns the number of failures. */
static int in_child(int (*work)(const ModuleOptions *), const ModuleOptions *options)
{
	pid_t child = fork();
	if (!child) _exit(work(options));
	int status = 0;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "%s: signal %d", way_name(options), WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int run_openmp(const ModuleOptions *options)
{
	const char *text = "#include <omp.h>\n"
			   "int squares(long n, long *out) {\n"
			   "  int threads = 0;\n"
			   "#pragma omp parallel num_threads(2)\n"
			   "  {\n"
			   "#pragma omp single\n"
			   "    threads = omp_get_num_threads();\n"
			   "#pragma omp for\n"
			   "    for (long i = 0; i < n; i++) out[i] = i * i;\n"
			   "  }\n"
			   "  return threads;\n"
			   "}\n";
	int failures = 0;
	for (int again = 0; again < 2; again++) {
		char *error;
		Module *m = module_load(&(ModuleFile){"model.c", text}, 1, options, &error);
		if (!m) {
			fprintf(stderr, "%s: %s\n", way_name(options), error);
			return 1;
		}
		long out[1000];
		failures += FUNCTION(int (*)(long, long *), m, "squares")(1000, out) != 2;
		for (long k = 0; k < 1000; k++) failures += out[k] != k * k;
		module_free(m); /* the threads stay, and must not miss their code */
	}
	return failures > 100 ? 100 : failures;
}

Test(module, openmp_runs_two_threads)
{
	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		ways[i].openmp = true;
		cr_expect_eq(in_child(run_openmp, &ways[i]), 0, "%s", way_name(&ways[i]));
	}
}

Test(module, vectors_for_a_named_processor)
{
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) cr_skip_test("needs x86-64-v3");
	const char *text =
		"typedef float v8 __attribute__((vector_size(32)));\n"
		"typedef float u8 __attribute__((vector_size(32), aligned(4), may_alias));\n"
		"#if !defined __AVX2__ || !defined __FMA__ || defined __AVX512F__\n#error \"wrong -march\"\n#endif\n"
		"void axpy(float a, const float *x, float *y, int n) {\n"
		"  v8 va = {a, a, a, a, a, a, a, a};\n"
		"  for (int i = 0; i + 8 <= n; i += 8)\n"
		"    *(u8 *)(y + i) = va * *(const u8 *)(x + i) + *(u8 *)(y + i);\n"
		"}\n";
	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		ways[i].march = "x86-64-v3";
		Module *m = load(text, &ways[i]);
		float x[65], y[65];
		fill(x, 65, 0.5f);
		fill(y, 65, 0.25f);
		FUNCTION(void (*)(float, const float *, float *, int), m, "axpy")(3.0f, x + 1, y + 1, 64);
		for (int k = 1; k < 65; k++) cr_expect_float_eq(y[k], 3.5f * x[k], 0, "%s [%d]", way_name(&ways[i]), k);
		module_free(m);
	}
}

Test(module, undefined_behaviour_traps_when_asked_to)
{
	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		ways[i].sanitize = true;
		Module *m = load("int next(int x) { return x + 1; }\n", &ways[i]);
		int (*next)(int) = FUNCTION(int (*)(int), m, "next");
		cr_expect_eq(next(41), 42);
		pid_t child = fork();
		if (!child) {
			signal(SIGILL, SIG_DFL);
			next(INT32_MAX);
			_exit(0);
		}
		int status = 0;
		waitpid(child, &status, 0);
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL, "%s: %d", way_name(&ways[i]), status);
		module_free(m);
	}
}

Test(module, include_dir_is_searched)
{
	char directory[] = "/tmp/rnncc-test-XXXXXX", header[64];
	cr_assert(mkdtemp(directory));
	snprintf(header, sizeof header, "%s/answer.h", directory);
	FILE *stream = fopen(header, "w");
	cr_assert(stream);
	fputs("enum { ANSWER = 42 };\n", stream);
	fclose(stream);
	ModuleOptions ways[3];
	for (size_t i = 0, n = find_ways(ways); i < n; i++) {
		ways[i].include_dir = directory;
		Module *m = load("#include \"answer.h\"\nconst int answer = ANSWER;\n", &ways[i]);
		cr_expect_eq(*(const int *)need_symbol(m, "answer"), 42);
		module_free(m);
	}
	unlink(header);
	rmdir(directory);
}
