/* test_multiple.c: sizes that are multiples of a number: their arithmetic against numbers, their text, and what is refused. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "ir/ir.h"
#include "passes/passes.h"
#include "rnncc.h"
#include "runtime/load.h"
#include "runtime/module.h"
#include "runtime/tensor_file.h"

static const char *text(Ctx *cx, const Dim *d)
{
	Buf b;
	buf_init(&b, cx->arena);
	dim_print(&b, d);
	return b.text;
}

static const Dim *halved(Ctx *cx, const Dim *d) /* as a window of 3 with a border of 1 and a stride of 2 leaves it */
{
	const Dim *one = dim_int(cx, 1), *two = dim_int(cx, 2);
	return dim_add(cx, dim_floordiv(cx, dim_sub(cx, d, one), two), one);
}

static int64_t value(Ctx *cx, const Dim *d, int64_t T)
{
	DimEnv env;
	dimenv_init(&env, cx->arena);
	dimenv_set(&env, sym_find(cx, "T"), T);
	return dim_eval(cx, d, &env);
}

Test(multiple, halves_come_back)
{
	Ctx *cx = ctx_new();
	sym_narrow(cx, &(SizeRange){"T", 1, 100, 32});
	const Sym *s = sym_find(cx, "T");
	cr_expect(s->lo == 32 && s->hi == 96 && s->step == 32);
	const Dim *all = dim_sym(cx, "T"), *d = all;
	cr_expect_eq(dim_symbol(all), s);
	cr_expect(dim_lo(all) == 32 && dim_hi(all) == 96);
	for (int64_t by = 2; by <= 32; by *= 2) {
		d = halved(cx, d);
		cr_expect_eq(dim_mul(cx, d, dim_int(cx, by)), all, "what is %d of it is exactly that", (int)by);
		for (int64_t T = 32; T <= 96; T += 32) cr_expect_eq(value(cx, d, T), T / by);
	}
	cr_expect_eq(dim_lo(d), 1);
	d = halved(cx, d); /* one more, which no longer is */
	cr_expect_neq(dim_mul(cx, d, dim_int(cx, 64)), all);
	for (int64_t T = 32; T <= 96; T += 32) cr_expect_eq(value(cx, d, T), (T / 32 + 1) / 2);
	ctx_free(cx);
}

Test(multiple, text_says_the_size_itself)
{
	Ctx *cx = ctx_new();
	sym_narrow(cx, &(SizeRange){"T", 0, INT64_MAX, 12});
	const Dim *all = dim_sym(cx, "T"), *step = dim_int(cx, 12), *part = dim_floordiv(cx, all, step);
	const struct {
		const Dim *dim;
		const char *text;
	} texts[] = {
		{all, "T"},
		{dim_mul(cx, all, dim_int(cx, -3)), "-3*T"},
		{part, "floor((T)/(12))"},
		{dim_mul(cx, part, dim_int(cx, 8)), "2*floor((T)/(3))"},
		{dim_sub(cx, dim_mul(cx, all, all), part), "T*T-floor((T)/(12))"},
		{dim_mul(cx, all, part), "T*floor((T)/(12))"},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *end;
		cr_expect_str_eq(text(cx, texts[i].dim), texts[i].text);
		cr_expect_eq(dim_parse(cx, texts[i].text, &end), texts[i].dim, "%s", texts[i].text);
	}
	cr_expect_str_eq(sym_values(cx, sym_find(cx, "T"), ".."), "0 or more, a multiple of 12");
	ctx_free(cx);
}

Test(multiple, ranges)
{
	SizeRange r = {"T", 5, 70, 32};
	cr_expect(range_round(&r) && r.lo == 32 && r.hi == 64);
	cr_expect(!range_round(&(SizeRange){"T", 33, 63, 32}));
	cr_expect(!range_round(&(SizeRange){"T", 0, 9, 0}));
	cr_expect(!range_round(&(SizeRange){"T", INT64_MAX - 1, INT64_MAX, 32}));
	Ctx *volatile cx = ctx_new();
	sym_narrow(cx, &(SizeRange){"T", 10, 100, 4});
	sym_narrow(cx, &(SizeRange){"T", 0, 90, 6}); /* and a multiple of 12, then */
	const Sym *s = sym_find(cx, "T");
	cr_expect(s->lo == 12 && s->hi == 84 && s->step == 12);
	cr_expect(sym_takes(s, 24) && !sym_takes(s, 25) && !sym_takes(s, 0) && !sym_takes(s, 96));
	cr_expect(sym_near(s, 1) == 12 && sym_near(s, 25) == 36 && sym_near(s, 1000) == 84);
	volatile bool refused = true;
	TRY (cx) {
		sym_narrow(cx, &(SizeRange){"T", 85, 95, 1});
		refused = false;
	}
	cr_expect(refused && strstr(cx->error, "the size T cannot be 85..95: it is 12..84, a multiple of 12"));
	ctx_free(cx);
}

Test(multiple, found_for_a_message)
{
	Ctx *cx = ctx_new();
	const Dim *d = dim_sym(cx, "H"), *quarter = halved(cx, halved(cx, d)), *four = dim_int(cx, 4);
	Buf hint;
	buf_init(&hint, cx->arena);
	dim_hint(cx, &hint, dim_mul(cx, quarter, four), d);
	cr_expect(hint.text && strstr(hint.text, " --dim \"H=/4\""), "the least one, not 8 or 2");
	buf_init(&hint, cx->arena);
	dim_hint(cx, &hint, dim_mul(cx, quarter, dim_int(cx, 5)), d);
	cr_expect_eq(hint.size, 0, "no multiple makes 5/4 of it equal to it");
	ctx_free(cx);
}

/* The graph of a text: one symbol, which two inputs have. */
static const char graph[] = "dim T = 4..40 / 4\n"
			    "graph @g(%x: f32[T], %y: f32[floor((T)/(2))]) -> (%z: f32[floor((T)/(4))]) {\n"
			    "  %1 = slice %x start=[0] size=[floor((T)/(4))] step=[4]\n"
			    "  %2 = slice %y start=[0] size=[floor((T)/(4))] step=[2]\n"
			    "  %3 = add %1 %2\n"
			    "  return %3\n"
			    "}\n";

typedef int CallFn(
	int step, const int64_t *dims, const void *const *in, void *const *out, void *state, void *workspace);

/* The generated function itself, without what checks its inputs before. */
Test(multiple, generated_code_refuses)
{
	Ctx *cx = ctx_new();
	const CompileOptions o = {.name = "m", .target = "generic", .opt = 2, .threads = 1, .describe = true};
	const Compiled *c = compile_graph(cx, graph_parse(cx, graph, "g"), &o);
	cr_expect(strstr(c->files[1].data, "float[T]\n") && strstr(c->files[1].data, "float[(T / 2)]\n"));
	cr_expect(strstr(c->files[1].data, "dim  T: 4 to 40, a multiple of 4\n"));
	const ModuleFile files[] = {{"m.c", c->files[0].data}, {"m.h", c->files[1].data}};
	char *error;
	Module *m = module_load(files, 2, &(ModuleOptions){.kind = MODULE_CC, .werror = true}, &error);
	cr_assert(m, "%s", error);
	CallFn *call = (CallFn *)(uintptr_t)module_symbol(m, "m_call");
	float x[48], y[24], z[12];
	for (int i = 0; i < 48; i++) x[i] = (float)i, y[i / 2] = (float)(100 * (i / 2));
	for (int64_t T = 0; T <= 48; T++) {
		const int wanted = T >= 4 && T <= 40 && T % 4 == 0 ? 0 : -1;
		cr_expect_eq(call(0, &T, (const void *[]){x, y}, (void *[]){z}, NULL, NULL), wanted, "T = %d", (int)T);
		for (int i = 0; i < (int)T / 4 && !wanted; i++) cr_expect_eq(z[i], (float)(4 * i + 200 * i));
	}
	module_free(m);
	ctx_free(cx);
}

/* ---- a model that needs it, by the library ---- */

#define CASES RNNCC_SOURCE_DIR "/tests/cases/"
#define MODEL CASES "halved_and_doubled/model.onnx"

static const Tensor *file(Ctx *cx, const char *name, int set, const char *kind, int i)
{
	const char *path = arena_printf(cx->arena, CASES "%s/test_data_set_%d/%s_%d.pb", name, set, kind, i);
	return value_file_read(cx, path, ONNX_IS_TENSOR).tensors[0];
}

static rnncc_tensor given(const Tensor *t) { return (rnncc_tensor){RNNCC_F32, t->rank, t->dims, t->data}; }

static void expect_near(const rnncc_tensor *seen, const Tensor *wanted)
{
	cr_assert_eq(seen->rank, wanted->rank);
	for (int d = 0; d < wanted->rank; d++) cr_assert_eq(seen->dims[d], wanted->dims[d]);
	for (int64_t i = 0; i < wanted->count; i++)
		cr_expect_float_eq(((const float *)seen->data)[i], tensor_get(wanted, i), 1e-5);
}

/* A model of one input runs all data sets of its case. */
static void expect_case(rnncc_model *m, const char *name, int n_sets, int n_outputs)
{
	Ctx *cx = ctx_new();
	char *error;
	rnncc_tensor out[2];
	for (int set = 0; set < n_sets; set++) {
		const rnncc_tensor x = given(file(cx, name, set, "input", 0));
		cr_assert_eq(rnncc_run(m, &x, 1, NULL, out, (size_t)n_outputs, &error), 0, "%s", error);
		for (int i = 0; i < n_outputs; i++) expect_near(&out[i], file(cx, name, set, "output", i));
		rnncc_tensors_free(out, (size_t)n_outputs);
	}
	ctx_free(cx);
}

/* Sizes that are computed from an open one come out equal by themselves. */
Test(multiple, lengths_padded_to_a_multiple)
{
	char *error;
	rnncc_model *m = rnncc_load(CASES "whole_blocks/model.onnx", NULL, &error);
	cr_assert(m, "%s", error);
	expect_case(m, "whole_blocks", 4, 1);
	rnncc_free(m);
}

Test(multiple, one_model_for_all_sizes)
{
	static const char *const vias[] = {"interpret", "jit", "gcc"};
	const rnncc_range ranges[] = {{"H", 0, INT64_MAX, 4}, {"W", 1, 19, 4}};
	char *error;
	cr_expect_null(rnncc_load(MODEL, NULL, &error));
	cr_expect(strstr(error, " --dim \"H=/4\""), "%s", error);
	free(error);
	for (size_t v = 0; v < sizeof vias / sizeof *vias; v++) {
		if (!strcmp(vias[v], "jit") && !module_jit_available()) continue;
		const rnncc_options o = {.via = vias[v], .ranges = ranges, .n_ranges = 2};
		rnncc_model *m = rnncc_load(MODEL, &o, &error);
		cr_assert(m, "%s", error);
		cr_expect_str_eq(rnncc_input(m, 0).dim_text[2], "H");
		const rnncc_range w = rnncc_size(m, 2);
		cr_expect(!strcmp(w.name, "W") && w.lo == 4 && w.hi == 16 && w.step == 4);
		expect_case(m, "halved_and_doubled", 3, 2);
		rnncc_tensor out[2];
		static float zeros[2 * 6 * 20];
		const rnncc_tensor odd = {RNNCC_F32, 4, (const int64_t[]){1, 2, 6, 8}, zeros};
		cr_expect_eq(rnncc_run(m, &odd, 1, NULL, out, 2, &error), -1);
		cr_expect(strstr(error, "H = 6 is not within its bounds, 0 or more, a multiple of 4"), "%s", error);
		free(error);
		const rnncc_tensor wide = {RNNCC_F32, 4, (const int64_t[]){1, 2, 4, 20}, zeros};
		cr_expect_eq(rnncc_run(m, &wide, 1, NULL, out, 2, &error), -1);
		cr_expect(strstr(error, "W = 20 is not within its bounds, 4..16, a multiple of 4"), "%s", error);
		free(error);
		rnncc_free(m);
	}
}
