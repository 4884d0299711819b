/* The functions that generated C is written in: printed as the compiler prints them, compiled by gcc and clang at every
 * width that this processor has, and compared with independent truth by tests/vocab_ulp.c (error in ulp; vector and
 * scalar bits) and tests/vocab_values.c (integers, casts, memory, masks).
 *
 * RNNCC_VOCAB_STRIDE=1 looks at all 2^32 floats instead of every 16411-th; it takes hours.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/vocab.h"

static const struct {
	const char *name, *reference;
	const char *least; /* results below it may be 0 */
} functions[] = {
	{"exp", "exp", "0"},
	{"log", "log", "0"},
	{"sin", "sin", "0"},
	{"cos", "cos", "0"},
	{"tan", "tan", "0"},
	{"asin", "asin", "0"},
	{"acos", "acos", "0"},
	{"atan", "atan", "0"},
	{"sinh", "sinh", "0"},
	{"cosh", "cosh", "0"},
	{"tanh", "tanh", "0"},
	{"asinh", "asinh", "0"},
	{"acosh", "acosh", "0"},
	{"atanh", "atanh", "0"},
	{"sigmoid", "ref_sigmoid", "1.3e-38"},
	{"softplus", "ref_softplus", "1.3e-38"},
	{"erf", "erf", "0"},
	{"sqrt", "sqrt", "0"},
	{"floor", "floor", "0"},
	{"ceil", "ceil", "0"},
	{"trunc", "trunc", "0"},
	{"round", "rint", "0"},
	{"abs", "fabs", "0"},
	{"neg", "ref_neg", "0"},
	{"sign", "ref_sign", "0"},
};
static const struct {
	const char *name;
	char cls; /* see ir/prim.def */
} primitives[] = {
#define EW(name, arity, ew_class, ...) {#name, ew_class},
#define ST(name)
#include "ir/prim.def"
#undef EW
#undef ST
};
static const char *const vector_helpers[] = {"set", "load", "loadu", "store", "storeu", "gather", "scatter", "gather2",
	"scatter2", "loadn", "storen", "gathern", "scattern", "load_mask", "store_mask", "load_bf16", "load_f16",
	"load_i8", "loadn_i8", "gather_i8", "gathern_i8", "store_bf16", "store_f16", "round_f16", "round_bf16", "fma",
	"hsum", "hmax", "hmin", "fetch", "fetch_next", "transpose"};

/* Everything there is. */
static Vocab *whole(Ctx *cx, int vl, bool fma)
{
	Vocab *v = vocab_new(cx, vl, fma);
	for (int e = 0; e < N_ELEMS; e++)
		for (int vector = 0; vector < 2; vector++)
			for (size_t i = 0; i < sizeof(primitives) / sizeof(*primitives); i++)
				if (vocab_has(v, primitives[i].name, (Elem)e, vector))
					vocab_fn(v, primitives[i].name, (Elem)e, vector);
	for (size_t i = 0; vl > 1 && i < sizeof(vector_helpers) / sizeof(*vector_helpers); i++)
		vocab_fn(v, vector_helpers[i], F32, true);
	static const char *const scalar_helpers[] = {"fma", "round_f16", "round_bf16"};
	for (size_t i = 0; i < sizeof(scalar_helpers) / sizeof(*scalar_helpers); i++)
		vocab_fn(v, scalar_helpers[i], F32, false);
	vocab_fn(v, "fma", F64, false);
	for (int from = 0; from < N_ELEMS; from++)
		for (int to = 0; to < N_ELEMS; to++)
			if (from != to) {
				vocab_cast(v, (Elem)from, (Elem)to, false);
				if (elem_info[from].bits == elem_info[to].bits) vocab_bitcast(v, (Elem)from, (Elem)to);
			}
	if (vl > 1) vocab_cast(v, F32, BOOL, true), vocab_cast(v, BOOL, F32, true);
	return v;
}

/* ---------------------------------------------------------------------------------------------------- the compilers */

typedef struct {
	int vl;
	bool fma;
	const char *flags, *feature;
} Target;

static bool have(const char *feature)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (!strcmp(feature, "x86-64-v4"))
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
	if (!strcmp(feature, "x86-64-v3")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	return !strcmp(feature, "x86-64") || !*feature;
#else
	return !*feature;
#endif
}

static void run(const char *command)
{
	int status = system(command);
	cr_assert(status == 0, "exit status %d of: %s", status, command);
}

static void write_text(const char *folder, const char *name, const char *head, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	cr_assert(file, "cannot write %s", path);
	fprintf(file, "%s%s", head, text);
	cr_assert(fclose(file) == 0);
}

static void check_target(const char *cc, Target target)
{
	char command[2048], folder[] = "/tmp/rnncc-vocab-XXXXXX";
	snprintf(command, sizeof(command), "command -v %s >/dev/null", cc);
	if (system(command) != 0) cr_skip_test("no %s", cc);
	if (!have(target.feature)) cr_skip_test("this processor is no %s", target.feature);
	cr_assert(mkdtemp(folder));

	Ctx *cx = ctx_new();
	Buf vocab, table;
	buf_init(&vocab, cx->arena);
	buf_init(&table, cx->arena);
	TRY (cx) {
		Vocab *v = whole(cx, target.vl, target.fma);
		vocab_print(v, &vocab);
		for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
			double bound = vocab_ulp(v, functions[i].name);
			buf_printf(&table, "X(%s, %s, %g, %s)\n", functions[i].name, functions[i].reference,
				bound < 0 ? 0 : bound, functions[i].least);
		}
	} else {
		cr_assert(false, "%s", cx->error);
	}
	const char *head = "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n\n";
	write_text(folder, "vocab.h", "#pragma once\n", arena_printf(cx->arena, "%s%s", head, vocab.text));
	write_text(folder, "vocab.c", head, vocab.text);
	write_text(folder, "functions.h", "", table.text);

	/* Everything is printed, so some is not used: that alone is not an error here. */
	snprintf(command, sizeof(command),
		"%s -c %s/vocab.c -o %s/vocab.o -O1 %s %s -Wall -Wextra -Wconversion -Wshadow -Werror -Wno-unused-function "
		"-ffp-contract=off -fno-math-errno",
		cc, folder, folder, target.vl == 1 ? "-std=c99 -Wpedantic" : "-std=gnu99", target.flags);
	run(command);
	const char *stride = getenv("RNNCC_VOCAB_STRIDE");
	const char *programs[][2] = {{"vocab_ulp", stride ? stride : "16411"}, {"vocab_values", ""}};
	for (size_t i = 0; i < 2; i++) {
		snprintf(command, sizeof(command),
			"cd %s && %s -std=gnu11 -O3 %s %s -ffp-contract=off -fno-math-errno -w -I. %s/tests/%s.c -o %s -lm && "
			"./%s %s",
			folder, cc, target.flags, target.vl > 1 ? "-DVECTOR" : "", RNNCC_SOURCE_DIR, programs[i][0],
			programs[i][0], programs[i][0], programs[i][1]);
		run(command);
	}
	snprintf(command, sizeof(command), "rm -r %s", folder);
	run(command);
	ctx_free(cx);
}

static const Target x86_64_v4 = {16, true, "-march=x86-64-v4 -mprefer-vector-width=512", "x86-64-v4"};
static const Target x86_64_v3 = {8, true, "-march=x86-64-v3", "x86-64-v3"};
static const Target narrow = {4, false, "", ""};
static const Target scalar = {1, false, "", ""};

Test(vocab, gcc_16_lanes) { check_target("gcc", x86_64_v4); }
Test(vocab, gcc_8_lanes) { check_target("gcc", x86_64_v3); }
Test(vocab, gcc_4_lanes) { check_target("gcc", narrow); }
Test(vocab, gcc_scalar) { check_target("gcc", scalar); }
Test(vocab, clang_16_lanes) { check_target("clang-14", x86_64_v4); }
Test(vocab, clang_8_lanes) { check_target("clang-14", x86_64_v3); }
Test(vocab, clang_4_lanes) { check_target("clang-14", narrow); }
Test(vocab, clang_scalar) { check_target("clang-14", scalar); }

/* -------------------------------------------------------------------------------------------------------- the API */

static Ctx *cx;
static void open_ctx(void) { cx = ctx_new(); }
static void close_ctx(void) { ctx_free(cx); }
TestSuite(vocab_api, .init = open_ctx, .fini = close_ctx);

static const char *printed(Vocab *v)
{
	Buf out;
	buf_init(&out, cx->arena);
	vocab_print(v, &out);
	return out.text ? out.text : "";
}

Test(vocab_api, names)
{
	Vocab *v = vocab_new(cx, 8, true);
	cr_assert_str_eq(vocab_fn(v, "exp", F32, true), "v_exp");
	cr_assert_str_eq(vocab_fn(v, "exp", F32, false), "s_exp");
	cr_assert_str_eq(vocab_fn(v, "exp", F64, false), "d_exp");
	cr_assert_str_eq(vocab_fn(v, "div", I32, false), "i32_div");
	cr_assert_str_eq(vocab_fn(v, "shr", U8, false), "u8_shr");
	cr_assert_str_eq(vocab_fn(v, "and", BOOL, true), "m_and");
	cr_assert_str_eq(vocab_fn(v, "and", BOOL, false), "bool_and");
	cr_assert_str_eq(vocab_cast(v, F32, I8, false), "f32_to_i8");
	cr_assert_str_eq(vocab_cast(v, BF16, F32, false), "bf16_to_f32");
	cr_assert_str_eq(vocab_infix("add", F32, true), "+");
	cr_assert_str_eq(vocab_infix("div", F64, false), "/");
	cr_assert_null(vocab_infix("div", I32, false)); /* division by 0 */
	cr_assert_null(vocab_infix("add", I32, false)); /* overflow */
	cr_assert_null(vocab_infix("add", U8, false));  /* promotion */
	cr_assert_null(vocab_infix("exp", F32, false));
}

Test(vocab_api, prints_what_is_used_once_and_after_what_it_needs)
{
	Vocab *v = vocab_new(cx, 8, true);
	cr_assert_str_eq(printed(v), "");
	vocab_fn(v, "neg", F32, false);
	cr_assert_null(strstr(printed(v), "vector_size"));
	vocab_fn(v, "tanh", F32, true);
	vocab_fn(v, "sigmoid", F32, true);
	const char *text = printed(v), *tanh_at = strstr(text, "vf v_tanh("), *fma_at = strstr(text, "vf v_fma(");
	cr_assert(tanh_at && fma_at && fma_at < tanh_at && strstr(text, "vector_size") < fma_at);
	cr_assert_null(strstr(fma_at + 1, "vf v_fma("));
	cr_assert_null(strstr(text, "log"));
	cr_assert_null(strchr(text, '$'));
	cr_assert(strstr(text, "Max error"));
}

Test(vocab_api, scalar_code_has_no_extensions)
{
	const char *text = printed(whole(cx, 1, false));
	cr_assert_null(strstr(text, "__"));
	cr_assert_null(strstr(text, "fmaf("));
}

Test(vocab_api, every_primitive_of_every_type)
{
	Vocab *v = vocab_new(cx, 4, false);
	for (size_t i = 0; i < sizeof(primitives) / sizeof(*primitives); i++)
		for (int e = 0; e < N_ELEMS && !strchr("tb", primitives[i].cls); e++) { /* casts */
			char takes = primitives[i].cls, is = elem_info[e].cls;
			bool wanted = takes == 'a'             ? is != 'b'
				: takes == 'f' || takes == 'p' ? is == 'f'
				: takes == 'i'                 ? is == 'i' || is == 'u'
				: takes == 'l'                 ? is != 'f'
							       : true;
			if (!wanted || (elem_is_storage((Elem)e) && takes != 's')) continue;
			bool half = elem_is_narrow((Elem)e); /* computed on as f32 */
			cr_assert_eq(vocab_has(v, primitives[i].name, (Elem)e, false), !half, "%s of %s",
				primitives[i].name, elem_info[e].name);
			if (e == F32)
				cr_assert(vocab_has(v, primitives[i].name, F32, true), "%s of vectors",
					primitives[i].name);
		}
}

Test(vocab_api, unknown_ones_fail_by_name)
{
	volatile bool failed = false;
	TRY (cx) {
		vocab_fn(vocab_new(cx, 1, false), "exp", F32, true);
	} else {
		failed = true;
	}
	cr_assert(failed && strstr(cx->error, "'exp'"), "%s", cx->error);
}
