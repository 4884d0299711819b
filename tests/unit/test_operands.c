/* test_operands.c: axes, shapes, pads and counts that are inputs of the model, through the interpreter, the JIT, and gcc at -O0
 * and -O2: with the shape of the result declared, and without, where the call tells it.
 *
 * x counts 0, 1, 2 ...; what is wanted was worked out by hand, or is the NumPy expression in the comment.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>

#include "frontend/onnx/import.h"
#include "onnx_writer.h"
#include "runtime/module.h"
#include "runtime/session.h"

enum { MAX_LATE = 5, MAX_RUNS = 8, MAX_VALUES = 32, N_OUT = 2 };

typedef struct {
	int64_t late[MAX_LATE][8]; /* the operands */
	bool fails;
	int rank;
	int64_t dims[4];
	double values[MAX_VALUES];
} Run;

typedef struct {
	const char *op;
	int opset;
	const char *x; /* its shape */
	int n_late;
	int counts[MAX_LATE]; /* elements of each operand; -1: not given */
	const char *attribute;
	int64_t value;
	const char *mode;
	const char *declared; /* the shape of the result; NULL: not said */
	const char *bound;    /* a size that only the user can bound ... */
	int64_t most;
	Run runs[MAX_RUNS];
} Case;

static const struct {
	Via via;
	int opt;
} ways[] = {{VIA_INTERPRET, 0}, {VIA_JIT, 2}, {VIA_GCC, 0}, {VIA_GCC, 2}};
enum { N_WAYS = sizeof ways / sizeof *ways };

static Buf write_model(Ctx *cx, const Case *c)
{
	Buf graph = message(cx), inputs;
	buf_init(&inputs, cx->arena);
	if (c->x) {
		put_input(cx, &graph, "x", FLOAT, c->x);
		buf_puts(&inputs, "x");
	}
	for (int i = 0; i < c->n_late; i++) {
		const char *name = arena_printf(cx->arena, "late%d", i);
		buf_printf(&inputs, "%s%s", inputs.size ? " " : "", c->counts[i] < 0 ? "-" : name);
		if (c->counts[i] >= 0)
			put_input(cx, &graph, name, INT64,
				c->counts[i] ? arena_printf(cx->arena, "%d", c->counts[i]) : "");
	}
	Buf n = node(cx, c->op, inputs.text, "y");
	if (c->attribute) put_attr_int(cx, &n, c->attribute, c->value);
	if (c->mode) put_attr_str(cx, &n, "mode", c->mode);
	put_message(&graph, 1, n);
	if (c->declared) put_message(&graph, 12, value_info(cx, "y", FLOAT, c->declared));
	else put_output(cx, &graph, "y");
	return model(cx, graph, c->opset);
}

static Session *open_way(Ctx *cx, const Graph *g, const Case *c, int way)
{
	CompileOptions o = {.name = arena_printf(cx->arena, "m%d", way),
		.target = "generic",
		.opt = ways[way].opt,
		.threads = 1,
		.describe = true,
		.verify_each = true,
		.check = true};
	const SizeRange bound = {c->bound, 0, c->most, 1};
	if (c->bound) o.n_dims = 1, o.dims = &bound;
	const Compiled *compiled = compile_graph(cx, g, &o);
	const SessionOptions so = {.via = ways[way].via, .opt = ways[way].opt, .werror = ways[way].via == VIA_GCC};
	return session_open(cx, g, compiled, &so);
}

static int inputs_of(Ctx *cx, const Graph *g, const Case *c, const Run *r, const Tensor **in)
{
	int n = 0;
	if (c->x) {
		int64_t dims[4];
		const Type *t = g->params[0]->type;
		for (int i = 0; i < t->rank; i++) dim_is_int(t->dims[i], &dims[i]);
		Tensor *x = tensor_new(cx->arena, F32, t->rank, dims);
		for (int64_t i = 0; i < x->count; i++) tensor_set_int(x, i, i);
		in[n++] = x;
	}
	for (int i = 0; i < c->n_late; i++) {
		if (c->counts[i] < 0) continue;
		const int64_t count = c->counts[i];
		Tensor *t = tensor_new(cx->arena, I64, count != 0, &count);
		for (int64_t k = 0; k < t->count; k++) tensor_set_int(t, k, r->late[i][k]);
		in[n++] = t;
	}
	return n;
}

static void expect_run(Ctx *cx, const Case *c, const Run *r, int way, Session *s, const Tensor *const *in)
{
	const Tensor *y = NULL;
	volatile bool done = false;
	const int number = (int)(r - c->runs);
	TRY (cx) {
		session_run(s, cx->arena, in, NULL, &y, NULL);
		done = true;
	}
	cr_assert_eq(done, !r->fails, "%s, run %d, way %d: %s", c->op, number, way, done ? "accepted" : cx->error);
	if (r->fails) return;
	cr_assert_eq(y->rank, r->rank, "%s, run %d, way %d: rank %d", c->op, number, way, y->rank);
	for (int i = 0; i < r->rank; i++)
		cr_assert_eq(y->dims[i], r->dims[i], "%s, run %d, way %d: dim %d is %d, not %d", c->op, number, way, i,
			(int)y->dims[i], (int)r->dims[i]);
	for (int64_t i = 0; i < y->count; i++)
		cr_expect(fabs(tensor_get(y, i) - r->values[i]) < 1e-5, "%s, run %d, way %d: [%d] is %g, not %g", c->op,
			number, way, (int)i, tensor_get(y, i), r->values[i]);
}

static void expect(const Case *c)
{
	Ctx *volatile cx = ctx_new();
	const Graph *volatile g = NULL;
	volatile int way = 0;
	Session *volatile sessions[N_WAYS] = {0};
	Buf file = write_model(cx, c);
	TRY (cx) {
		g = onnx_import(cx, onnx_read_memory(cx, file.text, file.size, NULL), NULL);
		graph_verify(cx, g);
		for (; way < N_WAYS; way++)
			if (ways[way].via != VIA_JIT || module_jit_available()) sessions[way] = open_way(cx, g, c, way);
	}
	cr_assert(way == N_WAYS, "%s: way %d: %s", c->op, way, cx->error);
	for (int r = 0; r < MAX_RUNS && (r == 0 || c->runs[r].fails || c->runs[r].rank); r++) {
		const Tensor *in[MAX_LATE + 1];
		inputs_of(cx, g, c, &c->runs[r], in);
		for (int w = 0; w < N_WAYS; w++)
			if (sessions[w]) expect_run(cx, c, &c->runs[r], w, sessions[w], in);
	}
	ctx_free(cx);
}

/* ---- shapes ---- */

Test(operands, reshape)
{
	Case c = {"Reshape", 14, "2 3", 1, {2}, .declared = "3 2",
		.runs = {{{{3, 2}}, .rank = 2, .dims = {3, 2}, .values = {0, 1, 2, 3, 4, 5}},
			{{{-1, 2}}, .rank = 2, .dims = {3, 2}, .values = {0, 1, 2, 3, 4, 5}}, {{{2, 3}}, .fails = true},
			{{{-1, -1}}, .fails = true}, {{{3, 0}}, .fails = true}}};
	expect(&c);
	Case any = {"Reshape", 14, "2 3", 1, {2}, /* any shape, of two sizes that nothing bounds */
		.runs = {{{{3, 2}}, .rank = 2, .dims = {3, 2}, .values = {0, 1, 2, 3, 4, 5}},
			{{{-1, 6}}, .rank = 2, .dims = {1, 6}, .values = {0, 1, 2, 3, 4, 5}},
			{{{-1, -1}}, .fails = true}, {{{5, 1}}, .fails = true},
			{{{INT64_C(1) << 32, INT64_C(1) << 32}}, .fails = true}, /* 0, if it overflowed */
			{{{9, 0x5555555555555556}}, .fails = true}}};            /* 6, if it overflowed */
	expect(&any);
	/* a bound from the user */
	Case d = {"Reshape", 14, "2 3", 1, {1}, .bound = "y_dim0", .most = 10,
		.runs = {{{{6}}, .rank = 1, .dims = {6}, .values = {0, 1, 2, 3, 4, 5}},
			{{{-1}}, .rank = 1, .dims = {6}, .values = {0, 1, 2, 3, 4, 5}}, {{{5}}, .fails = true},
			{{{11}}, .fails = true}, {{{-2}}, .fails = true}, {{{INT64_MIN}}, .fails = true}}};
	expect(&d);
	Case zero = {"Reshape", 14, "2 3", 1, {2}, .declared = "2 3", /* 0 copies a dim */
		.runs = {{{{0, -1}}, .rank = 2, .dims = {2, 3}, .values = {0, 1, 2, 3, 4, 5}},
			{{{-1, 0}}, .rank = 2, .dims = {2, 3}, .values = {0, 1, 2, 3, 4, 5}}}};
	expect(&zero);
}

Test(operands, expand)
{
	Case c = {"Expand", 13, "3 1", 1, {2}, .bound = "late0_1", .most = 4,
		.runs = {{{{3, 2}}, .rank = 2, .dims = {3, 2}, .values = {0, 0, 1, 1, 2, 2}},
			{{{1, 1}}, .rank = 2, .dims = {3, 1}, .values = {0, 1, 2}},
			{{{3, 0}}, .rank = 2, .dims = {3, 0}}, {{{2, 1}}, .fails = true}, {{{3, 5}}, .fails = true},
			{{{3, -1}}, .fails = true}}};
	expect(&c);
	Case more = {"Expand", 13, "2", 1, {2}, .declared = "3 2",
		.runs = {{{{3, 1}}, .rank = 2, .dims = {3, 2}, .values = {0, 1, 0, 1, 0, 1}},
			{{{3, 2}}, .rank = 2, .dims = {3, 2}, .values = {0, 1, 0, 1, 0, 1}}, {{{2, 2}}, .fails = true},
			{{{3, 3}}, .fails = true}}};
	expect(&more);
}

Test(operands, constant_of_shape)
{
	Case c = {"ConstantOfShape", 9, NULL, 1, {2}, .declared = "2 3",
		.runs = {{{{2, 3}}, .rank = 2, .dims = {2, 3}}, {{{3, 2}}, .fails = true}}};
	expect(&c);
}

Test(operands, tile)
{
	Case c = {"Tile", 13, "1 2", 1, {2}, .declared = "2 4",
		.runs = {{{{2, 2}}, .rank = 2, .dims = {2, 4}, .values = {0, 1, 0, 1, 0, 1, 0, 1}},
			{{{1, 2}}, .fails = true}, {{{2, 3}}, .fails = true}, {{{-2, -2}}, .fails = true}}};
	expect(&c);
}

Test(operands, split)
{
	Case c = {"Split", 13, "5", 1, {1},
		.runs = {{{{5}}, .rank = 1, .dims = {5}, .values = {0, 1, 2, 3, 4}}, {{{4}}, .fails = true},
			{{{6}}, .fails = true}}};
	expect(&c);
}

/* ---- axes ---- */

Test(operands, unsqueeze)
{
	Case c = {"Unsqueeze", 13, "2 3", 1, {2},
		.runs = {{{{0, 3}}, .rank = 4, .dims = {1, 2, 3, 1}, .values = {0, 1, 2, 3, 4, 5}},
			{{{-1, 1}}, .rank = 4, .dims = {2, 1, 3, 1}, .values = {0, 1, 2, 3, 4, 5}},
			{{{2, 1}}, .rank = 4, .dims = {2, 1, 1, 3}, .values = {0, 1, 2, 3, 4, 5}},
			{{{0, 4}}, .fails = true}, {{{0, 0}}, .fails = true}, {{{0, -5}}, .fails = true}}};
	expect(&c);
}

Test(operands, squeeze)
{
	Case c = {"Squeeze", 13, "1 2 1", 1, {1},
		.runs = {{{{0}}, .rank = 2, .dims = {2, 1}, .values = {0, 1}},
			{{{-1}}, .rank = 2, .dims = {1, 2}, .values = {0, 1}}, {{{1}}, .fails = true},
			{{{3}}, .fails = true}}};
	expect(&c);
}

Test(operands, reduce)
{
	Case c = {"ReduceSum", 13, "2 3", 1, {1},
		.runs = {{{{0}}, .rank = 2, .dims = {1, 3}, .values = {3, 5, 7}},
			{{{1}}, .rank = 2, .dims = {2, 1}, .values = {3, 12}},
			{{{-1}}, .rank = 2, .dims = {2, 1}, .values = {3, 12}}, {{{2}}, .fails = true}}};
	expect(&c);
	Case empty = {"ReduceProd", 18, "2 0", 1, {1},
		.runs = {{{{1}}, .rank = 2, .dims = {2, 1}, .values = {1, 1}}, {{{0}}, .rank = 2, .dims = {1, 0}},
			{{{-1}}, .rank = 2, .dims = {2, 1}, .values = {1, 1}}, {{{2}}, .fails = true}}};
	expect(&empty);
	Case gone = {"ReduceMean", 18, "2 3", 1, {1}, .attribute = "keepdims",
		.runs = {{{{0}}, .rank = 1, .dims = {3}, .values = {1.5, 2.5, 3.5}},
			{{{1}}, .rank = 1, .dims = {2}, .values = {1, 4}}}};
	expect(&gone);
	Case both = {"ReduceLogSumExp", 18, "2 2", 1, {2}, .declared = "1 1",
		.runs = {{{{0, 1}}, .rank = 2, .dims = {1, 1},
				 .values = {3.4401896985611953}}, /* 3 + log(1 + e^-1 + e^-2 + e^-3) */
			{{{1, 1}}, .fails = true}}};
	expect(&both);
}

/* ---- parts ---- */

Test(operands, slice)
{
	Case c = {"Slice", 13, "6", 4, {1, 1, -1, 1},
		.runs = {{{{1}, {5}, {0}, {2}}, .rank = 1, .dims = {2}, .values = {1, 3}},
			{{{-1}, {INT64_MIN}, {0}, {-2}}, .rank = 1, .dims = {3}, .values = {5, 3, 1}}, /* x[-1::-2] */
			{{{0}, {INT64_MAX}, {0}, {1}}, .rank = 1, .dims = {6}, .values = {0, 1, 2, 3, 4, 5}},
			{{{4}, {2}, {0}, {1}}, .rank = 1, .dims = {0}}, {{{0}, {6}, {0}, {0}}, .fails = true},
			{{{INT64_MAX}, {-7}, {0}, {-1}}, .rank = 1, .dims = {6}, .values = {5, 4, 3, 2, 1, 0}}}};
	expect(&c);
	Case axes = {"Slice", 13, "2 3", 3, {1, 1, 1},
		.runs = {{{{1}, {2}, {1}}, .rank = 2, .dims = {2, 1}, .values = {1, 4}},
			{{{-1}, {9}, {-2}}, .rank = 2, .dims = {1, 3}, .values = {3, 4, 5}},
			{{{0}, {1}, {2}}, .fails = true}}};
	expect(&axes);
	Case plain = {"Slice", 13, "2 3", 2, {2, 2}, .declared = "1 2",
		.runs = {{{{1, 1}, {2, 3}}, .rank = 2, .dims = {1, 2}, .values = {4, 5}},
			{{{0, -3}, {-1, -1}}, .rank = 2, .dims = {1, 2}, .values = {0, 1}},
			{{{0, 0}, {2, 2}}, .fails = true}}};
	expect(&plain);
}

Test(operands, pad)
{
	Case c = {"Pad", 13, "3", 1, {2}, .declared = "5",
		.runs = {{{{1, 1}}, .rank = 1, .dims = {5}, .values = {0, 0, 1, 2, 0}},
			{{{-1, 3}}, .rank = 1, .dims = {5}, .values = {1, 2, 0, 0, 0}}, {{{1, 2}}, .fails = true},
			{{{INT64_MAX, INT64_MAX}}, .fails = true}}};
	expect(&c);
	c.mode = "reflect";
	c.runs[0] = (Run){{{1, 1}}, .rank = 1, .dims = {5}, .values = {1, 0, 1, 2, 1}};
	c.runs[1] = (Run){{{0, 2}}, .rank = 1, .dims = {5}, .values = {0, 1, 2, 1, 0}};
	expect(&c);
	c.mode = "edge";
	c.runs[0] = (Run){{{1, 1}}, .rank = 1, .dims = {5}, .values = {0, 0, 1, 2, 2}};
	c.runs[1] = (Run){{{-1, 3}}, .rank = 1, .dims = {5}, .values = {1, 2, 2, 2, 2}};
	expect(&c);
}

Test(operands, top_k)
{
	Case c = {"TopK", 11, "4", 1, {1},
		.runs = {{{{2}}, .rank = 1, .dims = {2}, .values = {3, 2}}, {{{0}}, .rank = 1, .dims = {0}},
			{{{4}}, .rank = 1, .dims = {4}, .values = {3, 2, 1, 0}}, {{{5}}, .fails = true},
			{{{-1}}, .fails = true}}};
	expect(&c);
}

Test(operands, range)
{
	Case any = {"Range", 11, NULL, 3, {0, 0, 0},
		.runs = {/* no bound: as large as it gets */
			{{{7}, {10}, {2}}, .rank = 1, .dims = {2}, .values = {7, 9}},
			{{{0}, {20}, {1}}, .rank = 1, .dims = {20},
				.values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}},
			{{{0}, {0}, {1}}, .rank = 1, .dims = {0}}}};
	expect(&any);
	Case c = {"Range", 11, NULL, 3, {0, 0, 0}, .bound = "y_dim0", .most = 4,
		.runs = {{{{1}, {8}, {3}}, .rank = 1, .dims = {3}, .values = {1, 4, 7}},
			{{{3}, {0}, {-1}}, .rank = 1, .dims = {3}, .values = {3, 2, 1}},
			{{{0}, {0}, {1}}, .rank = 1, .dims = {0}}, {{{0}, {5}, {1}}, .fails = true}}};
	expect(&c);
}

/* Two blocks of 2 that overlap: columns [[0, 1], [2, 3]] are 0, 1 + 2, 3. */
Test(operands, col2im)
{
	Case c = {"Col2Im", 18, "1 2 2", 2, {1, 1}, .declared = "1 1 3",
		.runs = {{{{3}, {2}}, .rank = 3, .dims = {1, 1, 3}, .values = {0, 3, 3}}, {{{4}, {2}}, .fails = true},
			{{{3}, {1}}, .fails = true}, {{{3}, {3}}, .fails = true}, {{{3}, {0}}, .fails = true}}};
	expect(&c);
}

Test(operands, resize)
{
	Case c = {"Resize", 13, "1 3", 3, {-1, -1, 2}, .mode = "nearest", .declared = "1 6",
		.runs = {{{{0}, {0}, {1, 6}}, .rank = 2, .dims = {1, 6}, .values = {0, 0, 1, 1, 2, 2}},
			{{{0}, {0}, {2, 6}}, .fails = true}}};
	expect(&c);
	expect(&c);
	/* the numbers below are those of ONNX's reference implementation */
	Case shrinks = {"Resize", 18, "1 4", 3, {-1, -1, 2}, .attribute = "antialias", .value = 1, .mode = "linear",
		.declared = "1 ?", .bound = "late2_1", .most = 4,
		.runs = {{{{0}, {0}, {1, 2}}, .rank = 2, .dims = {1, 2}, .values = {0.625, 2.375}},
			{{{0}, {0}, {1, 3}}, .rank = 2, .dims = {1, 3}, .values = {0.27272728, 1.5, 2.7272727}},
			{{{0}, {0}, {1, 1}}, .rank = 2, .dims = {1, 1}, .values = {1.5}},
			{{{0}, {0}, {1, 0}}, .rank = 2, .dims = {1, 0}}, {{{0}, {0}, {1, 5}}, .fails = true}}};
	expect(&shrinks);
}

/* A grid of 1 by 2: x is -1/2 and 1/2, y is 0.  theta counts: the points are (0x + 1y + 2, 3x + 4y + 5). */
Test(operands, affine_grid)
{
	Case c = {"AffineGrid", 20, "1 2 3", 1, {4}, .declared = "1 1 2 2",
		.runs = {{{{1, 7, 1, 2}}, .rank = 4, .dims = {1, 1, 2, 2}, .values = {2, 3.5, 2, 6.5}},
			{{{2, 7, 1, 2}}, .fails = true}, {{{1, 7, 2, 1}}, .fails = true}}};
	expect(&c);
}

/* [[0, 1], [2, 3]]: the sums and differences of its columns, or of its rows, and 0 for imaginary parts. */
Test(operands, dft)
{
	Case c = {"DFT", 20, "2 2 1", 2, {-1, 0},
		.runs = {{{{0}, {0}}, .rank = 3, .dims = {2, 2, 2}, .values = {2, 0, 4, 0, -2, 0, -2, 0}},
			{{{0}, {1}}, .rank = 3, .dims = {2, 2, 2}, .values = {1, 0, -1, 0, 5, 0, -1, 0}},
			{{{0}, {-2}}, .rank = 3, .dims = {2, 2, 2}, .values = {1, 0, -1, 0, 5, 0, -1, 0}},
			{{{0}, {2}}, .fails = true}, {{{0}, {-4}}, .fails = true}}};
	expect(&c);
	Case one_sided = {"DFT", 20, "2 3 1", 2, {-1, 0}, .attribute = "onesided", .value = 1,
		.runs = {{{{0}, {0}}, .rank = 3, .dims = {2, 3, 2}, .values = {3, 0, 5, 0, 7, 0, -3, 0, -3, 0, -3, 0}},
			{{{0}, {1}}, .rank = 3, .dims = {2, 2, 2},
				.values = {3, 0, -1.5, 0.8660254, 12, 0, -1.5, 0.8660254}}}};
	expect(&one_sided);
}
