/* test_onnx_random_bodies.c: random operators in bodies of Loop, Scan, If and SequenceMap, and in functions: each run of a body
 * has numbers of its own, the same in every call.  Statistics as in test_onnx_random.c: all is fixed, bounds are those of once
 * in 10^6.
 */
#include <criterion/criterion.h>

#include <math.h>

#include "onnx_run.h"
#include "onnx_writer.h"

enum { RUNS = 40, N = 256, OUTER = 8, INNER = 5 };
static const char *const kinds[] = {"scan", "loop", "Scan", "nested", "if", "function", "sequence", "mapped"};
enum { SCAN, LOOP, ONNX_SCAN, NESTED, IF, FUNCTION, SEQUENCE, MAPPED, N_KINDS };

static Buf draw_node(Ctx *cx, const char *output, bool seeded)
{
	Buf n = node(cx, "RandomUniform", "", output);
	put_attr_ints(cx, &n, "shape", 1, (const int64_t[]){N});
	if (seeded) put_attr_float(cx, &n, "seed", 7);
	return n;
}

/* A body of Loop, that goes on, with those nodes, which compute y. */
static Buf loop_of(Ctx *cx, const char *limit, const char *output, int n, const Buf *nodes, const char *y)
{
	Buf body = message(cx), loop = node(cx, "Loop", arena_printf(cx->arena, "%s - -", limit), output);
	const char *go = arena_printf(cx->arena, "go_%s", output), *on = arena_printf(cx->arena, "on_%s", output);
	put_input(cx, &body, arena_printf(cx->arena, "i_%s", output), INT64, "");
	put_input(cx, &body, go, BOOLEAN, "");
	put_message(&body, 1, node(cx, "Identity", go, on));
	for (int i = 0; i < n; i++) put_message(&body, 1, nodes[i]);
	put_output(cx, &body, on);
	put_output(cx, &body, y);
	put_attr_message(cx, &loop, "body", true, body);
	return loop;
}

static void put_limit(Ctx *cx, Buf *g, const char *name, int64_t limit)
{
	put_message(g, 5, tensor(cx, name, INT64, 0, NULL, &limit, sizeof limit));
}

static void put_rows(Ctx *cx, Buf *g, const char *name, int64_t rows)
{
	float *zeros = arena_alloc(cx->arena, (size_t)rows * sizeof *zeros);
	put_message(g, 5, tensor(cx, name, FLOAT, 2, (int64_t[]){rows, 1}, zeros, (size_t)rows * sizeof *zeros));
}

static Buf branch(Ctx *cx, const char *output, bool draws, bool seeded)
{
	Buf b = message(cx);
	Buf zeros = node(cx, "Expand", "zero size", output);
	put_message(&b, 1, draws ? draw_node(cx, output, seeded) : zeros);
	put_output(cx, &b, output);
	return b;
}

/* A sequence of rows, which the body of a loop makes longer. */
static Buf sequence_loop(Ctx *cx, bool seeded)
{
	Buf body = message(cx), loop = node(cx, "Loop", "n - s0", "s");
	put_input(cx, &body, "i", INT64, "");
	put_input(cx, &body, "go", BOOLEAN, "");
	put_input(cx, &body, "was", FLOAT, "");
	put_message(&body, 1, node(cx, "Identity", "go", "on"));
	put_message(&body, 1, draw_node(cx, "y", seeded));
	put_message(&body, 1, node(cx, "SequenceInsert", "was y zero_index", "is")); /* in front: no loop of the IR */
	put_output(cx, &body, "on");
	put_output(cx, &body, "is");
	put_attr_message(cx, &loop, "body", true, body);
	return loop;
}

static void put_function(Ctx *cx, Buf *m, bool seeded)
{
	Buf f = message(cx);
	put_str(&f, 1, "Draw");
	put_str(&f, 10, "local");
	put_words(&f, 5, "drawn");
	put_message(&f, 7, draw_node(cx, "drawn", seeded));
	put_message(&f, 9, opset(cx, "", 17));
	put_message(m, 25, f);
}

static Buf model_of(Ctx *cx, int kind, bool seeded)
{
	Buf g = message(cx), m = message(cx), draw = draw_node(cx, "y", seeded);
	if (kind == SCAN || kind == FUNCTION || kind == IF || kind == SEQUENCE) put_limit(cx, &g, "n", RUNS);
	if (kind == LOOP) put_input(cx, &g, "n", INT64, "");
	if (kind == SCAN || kind == LOOP) {
		put_message(&g, 1, loop_of(cx, "n", "ys", 1, &draw, "y"));
	} else if (kind == ONNX_SCAN) {
		Buf body = message(cx), scan = node(cx, "Scan", "xs", "ys");
		put_rows(cx, &g, "xs", RUNS);
		put_input(cx, &body, "x", FLOAT, "1");
		put_message(&body, 1, draw);
		put_message(&body, 1, node(cx, "Add", "x y", "z"));
		put_output(cx, &body, "z");
		put_attr_int(cx, &scan, "num_scan_inputs", 1);
		put_attr_message(cx, &scan, "body", true, body);
		put_message(&g, 1, scan);
	} else if (kind == NESTED) {
		put_limit(cx, &g, "outer", OUTER);
		put_limit(cx, &g, "inner", INNER);
		const Buf inner = loop_of(cx, "inner", "rows", 1, &draw, "y");
		put_message(&g, 1, loop_of(cx, "outer", "ys", 1, &inner, "rows"));
	} else if (kind == IF) {
		Buf choice = node(cx, "If", "which", "y");
		put_attr_message(cx, &choice, "then_branch", true, branch(cx, "a", true, seeded));
		put_attr_message(cx, &choice, "else_branch", true, branch(cx, "b", false, seeded));
		put_message(&g, 5, tensor(cx, "zero", FLOAT, 0, NULL, &(float){0}, sizeof(float)));
		put_message(&g, 5, tensor(cx, "size", INT64, 1, (int64_t[]){1}, &(int64_t){N}, sizeof(int64_t)));
		put_input(cx, &g, "which", BOOLEAN, "");
		put_message(&g, 1, loop_of(cx, "n", "ys", 1, &choice, "y"));
	} else if (kind == FUNCTION) {
		Buf call = node(cx, "Draw", "", "y");
		put_str(&call, 7, "local");
		put_message(&g, 1, loop_of(cx, "n", "ys", 1, &call, "y"));
		put_function(cx, &m, seeded);
	} else if (kind == SEQUENCE) {
		put_limit(cx, &g, "zero_index", 0);
		put_message(&g, 1, node(cx, "SequenceEmpty", "", "s0"));
		put_message(&g, 1, sequence_loop(cx, seeded));
	} else {
		Buf body = message(cx), split = node(cx, "SplitToSequence", "xs", "s1"),
		    map = node(cx, "SequenceMap", "s1", "s");
		put_rows(cx, &g, "xs", RUNS);
		put_input(cx, &body, "x", FLOAT, "1 1");
		put_message(&body, 1, draw);
		put_output(cx, &body, "y");
		put_attr_message(cx, &map, "body", true, body);
		put_message(&g, 1, split);
		put_message(&g, 1, map);
	}
	if (kind == SEQUENCE || kind == MAPPED) {
		Buf join = node(cx, "ConcatFromSequence", "s", "ys");
		put_attr_int(cx, &join, "axis", 0);
		put_message(&g, 1, join);
	}
	put_output(cx, &g, "ys");
	put_int(&m, 1, 8);
	put_message(&m, 7, g);
	put_message(&m, 8, opset(cx, "", 17));
	put_message(&m, 8, opset(cx, "local", 1));
	return m;
}

static const Tensor *drawn(Ctx *cx, int kind, bool seeded)
{
	const Tensor *input = NULL;
	if (kind == LOOP || kind == IF) {
		Tensor *t = tensor_new(cx->arena, kind == IF ? BOOL : I64, 0, NULL);
		tensor_set_int(t, 0, kind == IF ? 1 : RUNS);
		input = t;
	}
	const Graph *g = import_model(cx, model_of(cx, kind, seeded), NULL, NULL);
	cr_assert(g, "%s: %s", kinds[kind], cx->error);
	const Tensor *y = run_model(cx, g, &input)[0];
	cr_assert_eq(y->count, RUNS * N, "%s: %d", kinds[kind], (int)y->count);
	return y;
}

/* The distance of Kolmogorov and Smirnov times sqrt(n); and the correlation of one element in a run and in the next ones. */
static void check_uniform(const char *what, const Tensor *y)
{
	enum { BINS = 1 << 10 };
	int count[BINS] = {0}, sum = 0;
	double worst = 0;
	for (int i = 0; i < RUNS * N; i++) count[(int)(tensor_get(y, i) * BINS)]++;
	for (int b = 0; b < BINS; b++) {
		sum += count[b];
		worst = fmax(worst, fabs((double)sum / (RUNS * N) - (double)(b + 1) / BINS));
	}
	cr_expect_lt(worst * sqrt(RUNS * N), 2.7, "%s: %g", what, worst * sqrt(RUNS * N));
	for (int lag = 1; lag < RUNS; lag++) {
		double product = 0;
		const int n = (RUNS - lag) * N;
		for (int i = 0; i < n; i++) product += (tensor_get(y, i) - 0.5) * (tensor_get(y, i + lag * N) - 0.5);
		cr_expect_lt(
			fabs(product) * 12 / sqrt(n), 5, "%s: runs %d apart: %g", what, lag, product * 12 / sqrt(n));
	}
}

Test(onnx_random_bodies, each_run_draws_anew)
{
	Ctx *cx = ctx_new();
	for (int kind = 0; kind < N_KINDS; kind++)
		for (int seeded = 0; seeded < 2; seeded++) check_uniform(kinds[kind], drawn(cx, kind, seeded));
	ctx_free(cx);
}

static bool equal(const Tensor *a, const Tensor *b) { return memcmp(a->data, b->data, tensor_size_bytes(a)) == 0; }

/* The same again in the next import; and what a loop draws does not depend on who knows its length. */
Test(onnx_random_bodies, reproducible)
{
	Ctx *cx = ctx_new(), *other = ctx_new();
	for (int kind = 0; kind < N_KINDS; kind++)
		for (int seeded = 0; seeded < 2; seeded++)
			cr_expect(equal(drawn(cx, kind, seeded), drawn(other, kind, seeded)), "%s", kinds[kind]);
	cr_expect(equal(drawn(cx, SCAN, false), drawn(cx, LOOP, false)));
	cr_expect(equal(drawn(cx, SCAN, true), drawn(cx, FUNCTION, true))); /* a seed is the same key everywhere */
	cr_expect(!equal(drawn(cx, SCAN, true), drawn(cx, SCAN, false)));
	ctx_free(cx);
	ctx_free(other);
}

/* Two loops whose nodes have the same names. */
Test(onnx_random_bodies, every_loop_has_its_own)
{
	Ctx *cx = ctx_new();
	Buf g = message(cx), draw = draw_node(cx, "y", false);
	put_limit(cx, &g, "n", 3);
	put_message(&g, 1, loop_of(cx, "n", "a", 1, &draw, "y"));
	put_message(&g, 1, loop_of(cx, "n", "b", 1, &draw, "y"));
	put_output(cx, &g, "a");
	put_output(cx, &g, "b");
	const Tensor **ys = run_model(cx, import_model(cx, model(cx, g, 17), NULL, NULL), NULL);
	int same = 0;
	for (int i = 0; i < 3 * N; i++) same += tensor_get(ys[0], i) == tensor_get(ys[1], i);
	cr_expect_lt(same, 5);
	ctx_free(cx);
}
