/* test_onnx_indices.c: ONNX wants indices from -n to n - 1: a call with others is refused, as a model is where they are constants;
 * what the compiler sees to be inside is not looked at.
 *
 * Each case through the interpreter, the JIT, and gcc with two threads.  What is wanted was worked out by hand.
 */
#include <criterion/criterion.h>

#include <stdio.h>

#include "onnx_run.h"
#include "runtime/module.h"
#include "runtime/session.h"

enum { MAX_IDS = 6, MAX_VALUES = 8, MAX_RUNS = 6 };

typedef struct {
	int64_t ids[MAX_IDS];
	bool refused;
	double values[MAX_VALUES];
} Call;

typedef struct {
	const char *op, *inputs;
	const char *shape; /* of x, which counts 0, 1, 2 .. */
	const char *ids;
	const char *updates; /* their shape; they count 10, 11 ..; NULL: no such input */
	int n_values, n_calls;
	Call calls[MAX_RUNS];
} Case;

static const Case cases[] = {
	{"Gather", "x ids", "4", "3", NULL, 3, 5,
		{{{0, 3, -4}, false, {0, 3, 0}}, {{0, 4, 1}, true, {0}}, {{-5, 0, 0}, true, {0}},
			{{INT64_MIN, 0, 0}, true, {0}}, {{1, -1, 2}, false, {1, 3, 2}}}},
	{"GatherElements", "x ids", "2 3", "2 2", NULL, 4, 3,
		{{{0, -1, 1, 0}, false, {0, 4, 3, 1}}, {{0, 2, 0, 0}, true, {0}}, {{0, 0, -3, 0}, true, {0}}}},
	{"GatherND", "x ids", "2 3", "2 2", NULL, 2, 4,
		{{{0, 2, -1, -3}, false, {2, 3}}, {{2, 0, 0, 0}, true, {0}}, {{1, 3, 0, 0}, true, {0}},
			{{0, 0, 1, -4}, true, {0}}}},
	{"ScatterElements", "x ids updates", "4", "2", "2", 4, 3,
		{{{1, -1}, false, {0, 10, 2, 11}}, {{4, 0}, true, {0}}, {{0, -5}, true, {0}}}},
	{"ScatterND", "x ids updates", "2 2", "1 2", "1", 4, 3,
		{{{1, -2}, false, {0, 1, 10, 3}}, {{2, 0}, true, {0}}, {{0, 2}, true, {0}}}},
};

static const struct {
	Via via;
	int opt, threads;
} ways[] = {{VIA_INTERPRET, 0, 1}, {VIA_JIT, 2, 1}, {VIA_GCC, 2, 2}};

static const Tensor *counting(Ctx *cx, const Type *t, int64_t from)
{
	int64_t dims[4];
	for (int d = 0; d < t->rank; d++) cr_assert(dim_is_int(t->dims[d], &dims[d]));
	Tensor *x = tensor_new(cx->arena, t->elem, t->rank, dims);
	for (int64_t i = 0; i < x->count; i++) tensor_set_int(x, i, from + i);
	return x;
}

static const Tensor *ids_of(Ctx *cx, const Type *t, const Call *call)
{
	Tensor *ids = (Tensor *)(uintptr_t)counting(cx, t, 0);
	for (int64_t i = 0; i < ids->count; i++) tensor_set_int(ids, i, call->ids[i]);
	return ids;
}

/* NULL: that way is not there. */
static Session *open_way(Ctx *cx, const Graph *g, size_t way)
{
	if (ways[way].via == VIA_JIT && !module_jit_available()) return NULL;
	const CompileOptions o = {.name = arena_printf(cx->arena, "m%zu", way),
		.target = "generic",
		.opt = ways[way].opt,
		.threads = ways[way].threads,
		.describe = true,
		.verify_each = true,
		.check = true};
	const SessionOptions so = {
		.via = ways[way].via, .opt = 1, .openmp = ways[way].threads > 1, .werror = ways[way].via == VIA_GCC};
	return session_open(cx, g, compile_graph(cx, g, &o), &so);
}

static Buf graph_of(Ctx *cx, const Case *c)
{
	Buf graph = message(cx);
	put_input(cx, &graph, "x", FLOAT, c->shape);
	put_input(cx, &graph, "ids", INT64, c->ids);
	if (c->updates) put_input(cx, &graph, "updates", FLOAT, c->updates);
	put_message(&graph, 1, node(cx, c->op, c->inputs, "y"));
	put_output(cx, &graph, "y");
	return graph;
}

/* Every element of the output is as it was where a call is refused. */
static void expect_call(Ctx *cx, Session *s, const Case *c, const Call *call, size_t way)
{
	const Graph *g = session_graph(s);
	const Tensor *in[] = {counting(cx, g->params[0]->type, 0), ids_of(cx, g->params[1]->type, call),
		c->updates ? counting(cx, g->params[2]->type, 10) : NULL};
	SessionCall *volatile made = NULL;
	volatile bool refused = true;
	TRY (cx) {
		made = session_prepare(s, in);
		refused = session_call(made, NULL) != 0;
		const Tensor *y = made->results[0];
		const uint32_t *bits = refused ? y->data : NULL;
		for (int i = 0; i < c->n_values && refused; i++)
			cr_expect_eq(bits[i], UINT32_MAX, "%s, way %zu: [%d] was written", c->op, way, i);
		for (int i = 0; i < c->n_values && !refused; i++)
			cr_expect_eq(tensor_get(y, i), call->values[i], "%s, way %zu: [%d] is %g, not %g", c->op, way,
				i, tensor_get(y, i), call->values[i]);
	} else {
		cr_expect(strstr(cx->error, "are inside"), "%s, way %zu: %s", c->op, way, cx->error);
	}
	session_call_free(made);
	cr_expect_eq(refused, call->refused, "%s, way %zu, index %lld: %s", c->op, way, (long long)call->ids[0],
		refused ? "refused" : "accepted");
}

static void expect_case(const Case *c)
{
	Ctx *cx = ctx_new();
	const Graph *g = import_model(cx, model(cx, graph_of(cx, c), 18), NULL, NULL);
	cr_assert(g, "%s: %s", c->op, cx->error);
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		Session *s = open_way(cx, g, way);
		for (int i = 0; s && i < c->n_calls; i++) expect_call(cx, s, c, &c->calls[i], way);
	}
	ctx_free(cx);
}

Test(onnx_indices, of_inputs)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_case(&cases[i]);
}

/* Behind a sum, with which no call begins: outputs need not be untouched. */
Test(onnx_indices, that_are_computed)
{
	Ctx *cx = ctx_new();
	Buf graph = message(cx);
	put_input(cx, &graph, "x", FLOAT, "4");
	put_input(cx, &graph, "ids", INT64, "3");
	put_message(&graph, 1, node(cx, "ReduceSum", "ids", "sum"));
	put_message(&graph, 1, node(cx, "Gather", "x sum", "y"));
	put_output(cx, &graph, "y");
	const Graph *g = import_model(cx, model(cx, graph, 18), NULL, NULL);
	cr_assert(g, "%s", cx->error);
	static const int64_t sums[][3] = {{1, 1, 1}, {2, 1, 1}, {-2, -1, -1}, {-2, -2, -1}};
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		Session *s = open_way(cx, g, way);
		for (int i = 0; s && i < 4; i++) {
			const Call call = {.ids = {sums[i][0], sums[i][1], sums[i][2]}};
			const Tensor *in[] = {
				counting(cx, g->params[0]->type, 0), ids_of(cx, g->params[1]->type, &call)};
			volatile double seen = -1;
			TRY (cx) {
				const Tensor *y;
				session_run(s, cx->arena, in, NULL, &y, NULL);
				seen = tensor_get(y, 0);
			}
			static const double wanted[] = {3, -1, 0, -1};
			cr_expect_eq(seen, wanted[i], "way %zu, sum %d: %g", way, i, seen);
		}
	}
	ctx_free(cx);
}

/* The generated C says nothing of values where no index can be outside. */
static bool looks(Ctx *cx, Buf graph)
{
	const Graph *g = import_model(cx, model(cx, graph, 13), NULL, NULL);
	cr_assert(g, "%s", cx->error);
	const CompileOptions o = {.name = "m", .target = "generic", .opt = 2, .threads = 1};
	const Compiled *c = compile_graph(cx, g, &o);
	for (int i = 0; i < c->n_files; i++)
		if (strstr(arena_strn(cx->arena, c->files[i].data, c->files[i].size), "EVALUE")) return true;
	return false;
}

Test(onnx_indices, that_are_always_inside)
{
	Ctx *cx = ctx_new();
	Buf best = message(cx), given = message(cx), fewer = message(cx);
	put_input(cx, &best, "table", FLOAT, "5 2");
	put_message(&best, 1, node(cx, "ArgMax", "table", "at")); /* [1, 2], of 5 */
	put_message(&best, 1, node(cx, "Gather", "table at", "y"));
	put_output(cx, &best, "y");
	cr_expect_not(looks(cx, best), "a place along the axis is inside");

	put_input(cx, &given, "x", FLOAT, "5 2");
	put_input(cx, &given, "ids", INT64, "3");
	put_message(&given, 1, node(cx, "Gather", "x ids", "y"));
	put_output(cx, &given, "y");
	cr_expect(looks(cx, given), "an input may be outside");

	put_input(cx, &fewer, "table", FLOAT, "5 2");
	put_input(cx, &fewer, "x", FLOAT, "4 2");
	put_message(&fewer, 1, node(cx, "ArgMax", "table", "at"));
	put_message(&fewer, 1, node(cx, "Gather", "x at", "y"));
	put_output(cx, &fewer, "y");
	cr_expect(looks(cx, fewer), "place 4 is not in the other table");
	ctx_free(cx);
}

Test(onnx_indices, that_are_constants)
{
	static const int64_t ids[] = {0, 4, -1}, few[] = {3, -4};
	Ctx *cx = ctx_new();
	for (int wrong = 0; wrong < 2; wrong++) {
		Buf graph = message(cx);
		put_input(cx, &graph, "x", FLOAT, "4");
		put_message(&graph, 5,
			wrong ? tensor(cx, "ids", INT64, 1, (const int64_t[]){3}, ids, sizeof ids)
			      : tensor(cx, "ids", INT64, 1, (const int64_t[]){2}, few, sizeof few));
		put_message(&graph, 1, node(cx, "Gather", "x ids", "y"));
		put_output(cx, &graph, "y");
		if (wrong) expect_error(cx, model(cx, graph, 13), NULL, "input indices: 4 is outside of 4 elements");
		else cr_expect(import_model(cx, model(cx, graph, 13), NULL, NULL), "%s", cx->error);
	}
	ctx_free(cx);
}
