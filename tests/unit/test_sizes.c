/* test_sizes.c: sizes that the model's own values decide, from ONNX through the interpreter, the JIT, and gcc at -O0 and -O2,
 * against numbers worked out by hand: as shapes of outputs, in later shapes, alone, and zero.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>

#include "frontend/onnx/import.h"
#include "onnx_writer.h"
#include "runtime/module.h"
#include "runtime/session.h"

/* ---- one small model ---- */

typedef struct {
	Ctx *cx;
	Buf graph;
	const Graph *g;
	Session *sessions[4];
	int n_sessions;
} Model;

static const struct {
	Via via;
	int opt;
} ways[] = {{VIA_INTERPRET, 0}, {VIA_JIT, 2}, {VIA_GCC, 0}, {VIA_GCC, 2}};
enum { N_WAYS = sizeof ways / sizeof *ways };

/* Nodes: op, inputs, outputs, and one attribute of an integer (NULL: none). */
typedef struct {
	const char *op, *inputs, *outputs, *attribute;
	int64_t value;
} Operation;

static Model start(const char *shape)
{
	Ctx *cx = ctx_new();
	Model m = {.cx = cx, .graph = message(cx)};
	put_input(cx, &m.graph, "x", FLOAT, shape);
	return m;
}

static void add_ints(Model *m, const char *name, int count, const int64_t *values)
{
	put_message(&m->graph, 5,
		tensor(m->cx, name, INT64, 1, (const int64_t[]){count}, values, sizeof *values * (size_t)count));
}

static void add_steps(Model *m, int n, const Operation *steps)
{
	for (int i = 0; i < n; i++) {
		Buf at = node(m->cx, steps[i].op, steps[i].inputs, steps[i].outputs);
		if (steps[i].attribute) put_attr_int(m->cx, &at, steps[i].attribute, steps[i].value);
		put_message(&m->graph, 1, at);
	}
}
#define STEPS(m, ...) \
	add_steps(m, sizeof(Operation[]){__VA_ARGS__} / sizeof(Operation), (const Operation[]){__VA_ARGS__})

/* Imports with the dim T of at most 8, and opens all ways. */
static void open_all(Model *m, const char *outputs)
{
	Ctx *volatile cx = m->cx;
	volatile bool done = false;
	char name[8] = "";
	for (int i = 0; outputs[i]; i++) {
		name[0] = outputs[i];
		put_output(cx, &m->graph, name);
	}
	Buf file = model(cx, m->graph, 13);
	TRY (cx) {
		sym_bound(cx, "T", 0, 8);
		m->g = onnx_import(cx, onnx_read_memory(cx, file.text, file.size, NULL), NULL);
		graph_verify(cx, m->g);
		for (int i = 0; i < N_WAYS; i++) {
			if (ways[i].via == VIA_JIT && !module_jit_available()) continue;
			const CompileOptions o = {.name = arena_printf(cx->arena, "m%d", i),
				.target = "generic",
				.opt = ways[i].opt,
				.threads = 1,
				.describe = true,
				.verify_each = true,
				.check = true};
			const Compiled *c = compile_graph(cx, m->g, &o);
			const SessionOptions so = {
				.via = ways[i].via, .opt = ways[i].opt, .werror = ways[i].via == VIA_GCC};
			m->sessions[m->n_sessions++] = session_open(cx, m->g, c, &so);
		}
		done = true;
	}
	cr_assert(done, "%s", cx->error);
}

typedef struct {
	int rank;
	int64_t dims[3];
	double values[16];
} Wanted;

static void expect_result(const Tensor *y, const Wanted *want, int way, int output)
{
	cr_assert_eq(y->rank, want->rank, "way %d, output %d: rank %d, not %d", way, output, y->rank, want->rank);
	for (int d = 0; d < y->rank; d++)
		cr_assert_eq(
			y->dims[d], want->dims[d], "way %d, output %d: dim %d is %d", way, output, d, (int)y->dims[d]);
	for (int64_t i = 0; i < y->count; i++)
		cr_expect(tensor_get(y, i) == want->values[i], "way %d, output %d: [%d] is %g, not %g", way, output,
			(int)i, tensor_get(y, i), want->values[i]);
}

static void expect(Model *m, int count, const double *x, int n_wanted, const Wanted *wanted)
{
	Ctx *volatile cx = m->cx;
	Tensor *t = tensor_new(cx->arena, F32, 1, (const int64_t[]){count});
	for (int i = 0; i < count; i++) tensor_set(t, i, x[i]);
	const Tensor *in = t, *out[8];
	for (volatile int w = 0; w < m->n_sessions; w++) {
		volatile bool done = false;
		TRY (cx) {
			session_run(m->sessions[w], cx->arena, &in, NULL, out, NULL);
			done = true;
		}
		cr_assert(done, "way %d: %s", w, cx->error);
		for (int i = 0; i < n_wanted; i++) expect_result(out[i], &wanted[i], w, i);
	}
}
#define X(...) \
	sizeof(double[]){__VA_ARGS__} / sizeof(double), (const double[]) { __VA_ARGS__ }
#define WANT(...) \
	sizeof(Wanted[]){__VA_ARGS__} / sizeof(Wanted), (const Wanted[]) { __VA_ARGS__ }

/* ---- tests ---- */

Test(sizes, nonzero_and_what_it_gathers)
{
	Model m = start("T");
	STEPS(&m, {"NonZero", "x", "n", NULL, 0}, {"Gather", "x n", "g", NULL, 0}, {"Add", "g g", "d", NULL, 0},
		{"ReduceSum", "g", "s", "keepdims", 0});
	open_all(&m, "nds");
	expect(&m, X(0, 7, 0, 0, -2), WANT({2, {1, 2}, {1, 4}}, {2, {1, 2}, {14, -4}}, {0, {0}, {5}}));
	expect(&m, X(0, 0, 0), WANT({2, {1, 0}, {0}}, {2, {1, 0}, {0}}, {0, {0}, {0}}));
	expect(&m, X(1, 1, 1, 1, 1, 1, 1, 3),
		WANT({2, {1, 8}, {0, 1, 2, 3, 4, 5, 6, 7}}, {2, {1, 8}, {2, 2, 2, 2, 2, 2, 2, 6}}, {0, {0}, {10}}));
	ctx_free(m.cx);
}

/* Nothing but the size is used: the loop that computes it must stay. */
Test(sizes, only_the_size)
{
	Model m = start("T");
	add_ints(&m, "last", 1, (const int64_t[]){1});
	STEPS(&m, {"NonZero", "x", "n", NULL, 0}, {"Shape", "n", "s", NULL, 0}, {"ConstantOfShape", "s", "z", NULL, 0},
		{"Gather", "s last", "c", NULL, 0}, {"Add", "c c", "d", NULL, 0});
	open_all(&m, "szd");
	expect(&m, X(0, 7, 0, 0, -2), WANT({1, {2}, {1, 2}}, {2, {1, 2}, {0, 0}}, {1, {1}, {4}}));
	expect(&m, X(0), WANT({1, {2}, {1, 0}}, {2, {1, 0}, {0}}, {1, {1}, {0}}));
	ctx_free(m.cx);
}

/* Range(0, count), Expand to [2, count], and a slice that depends on it. */
Test(sizes, in_later_shapes)
{
	Model m = start("T");
	add_ints(&m, "one", 1, (const int64_t[]){1});
	add_ints(&m, "two", 1, (const int64_t[]){2});
	add_ints(&m, "zero", 1, (const int64_t[]){0});
	STEPS(&m, {"NonZero", "x", "n", NULL, 0}, {"Shape", "n", "s", NULL, 0}, {"Gather", "s one", "c", NULL, 0},
		{"Squeeze", "c", "count", NULL, 0}, {"Squeeze", "one", "step", NULL, 0},
		{"Squeeze", "zero", "from", NULL, 0}, {"Range", "from count step", "r", NULL, 0},
		{"Concat", "two c", "shape", "axis", 0}, {"Expand", "r shape", "e", NULL, 0},
		{"Slice", "x zero c", "h", NULL, 0});
	open_all(&m, "reh");
	expect(&m, X(4, 0, 6, 0, 5), WANT({1, {3}, {0, 1, 2}}, {2, {2, 3}, {0, 1, 2, 0, 1, 2}}, {1, {3}, {4, 0, 6}}));
	expect(&m, X(0, 0), WANT({1, {0}, {0}}, {2, {2, 0}, {0}}, {1, {0}, {0}}));
	ctx_free(m.cx);
}

Test(sizes, compress)
{
	Model m = start("T");
	add_ints(&m, "three", 1, (const int64_t[]){3});
	STEPS(&m, {"Cast", "three", "three_f", "to", FLOAT}, {"Greater", "x three_f", "mask", NULL, 0},
		{"Compress", "x mask", "c", "axis", 0}, {"Neg", "c", "n", NULL, 0},
		{"Concat", "n x c", "a", "axis", 0});
	open_all(&m, "ca");
	expect(&m, X(5, 1, 4), WANT({1, {2}, {5, 4}}, {1, {7}, {-5, -4, 5, 1, 4, 5, 4}}));
	expect(&m, X(1, 2), WANT({1, {0}, {0}}, {1, {2}, {1, 2}}));
	ctx_free(m.cx);
}

/* Two sizes: of the different values, and of those that are not zero. */
Test(sizes, unique_then_nonzero)
{
	Model m = start("T");
	STEPS(&m, {"Unique", "x", "u f i c", NULL, 0}, {"NonZero", "u", "n", NULL, 0});
	open_all(&m, "uficn");
	expect(&m, X(3, 0, 3, 1),
		WANT({1, {3}, {0, 1, 3}}, {1, {3}, {1, 3, 0}}, {1, {4}, {2, 0, 2, 1}}, {1, {3}, {1, 1, 2}},
			{2, {1, 2}, {1, 2}}));
	expect(&m, X(0), WANT({1, {1}, {0}}, {1, {1}, {0}}, {1, {1}, {0}}, {1, {1}, {1}}, {2, {1, 0}, {0}}));
	ctx_free(m.cx);
}

/* What nothing bounds is bounded by the caller of the generated function, who is told when that is too little; or at compile time. */
Test(sizes, without_a_bound)
{
	static const char text[] =
		"dim N = 0.. computed\n"
		"graph @f(%n: i64[]) -> (%y: i64[N]) { %go = const bool[] {1} %l = loop %n %go counts=[0, 0] length=[N] body={"
		"graph @step(%i: i64[]) -> (%go: bool[], %i: i64[]) { %go = eq %i %i return %go %i } }"
		"%y = get %l index=[1] return %y }";
	Ctx *volatile cx = ctx_new();
	const Graph *volatile g = graph_parse(cx, text, "t.ir");
	CompileOptions o = {.target = "generic", .threads = 1, .describe = true};
	const Compiled *c = compile_graph(cx, g, &o);
	cr_assert(c->n_dims == 1 && strcmp(c->dims[0]->name, "N_max") == 0);
	Session *s = session_open(cx, g, c, &(SessionOptions){.via = VIA_GCC, .werror = true});
	Tensor *n = tensor_new(cx->arena, I64, 0, NULL);
	const Tensor *in = n, *y;
	const int64_t counts[] = {0, 2, 1000};
	for (int i = 0; i < 3; i++) {
		tensor_set_int(n, 0, counts[i]);
		session_run(s, cx->arena, &in, NULL, &y, NULL);
		cr_assert(y->rank == 1 && y->dims[0] == counts[i]);
		for (int64_t k = 0; k < y->count; k++) cr_expect_eq(tensor_get_int(y, k), k);
	}
	SessionCall *more = session_prepare(s, &in);
	int tries = 0;
	for (int code = RNNCC_EMORE; code == RNNCC_EMORE && (!tries || session_more(more)); tries++)
		code = session_call(more, NULL);
	cr_expect(tries > 1 && more->results[0]->dims[0] == 1000);
	session_call_free(more);

	o.n_dims = 1, o.dims = &(SizeRange){"N", 0, 3, 1};
	s = session_open(cx, g, compile_graph(cx, g, &o), &(SessionOptions){.via = VIA_GCC});
	tensor_set_int(n, 0, 2);
	session_run(s, cx->arena, &in, NULL, &y, NULL);
	cr_expect(y->rank == 1 && y->dims[0] == 2 && tensor_get(y, 1) == 1);
	tensor_set_int(n, 0, 4); /* does not fit */
	SessionCall *call = session_prepare(s, &in);
	cr_expect_lt(session_call(call, NULL), 0);
	session_call_free(call);
	ctx_free(cx);
}

/* From an axis without elements nothing can be taken: an error in every way, never a read. */
Test(sizes, nothing_to_take_from)
{
	static const struct {
		const char *op, *inputs;
	} takers[] = {{"Gather", "x zero"}, {"GatherND", "x zero"}, {"ArgMax", "x"}};
	for (volatile int k = 0; k < 3; k++) {
		Model m = start("T");
		Ctx *volatile cx = m.cx;
		add_ints(&m, "zero", 1, (const int64_t[]){0});
		STEPS(&m, {takers[k].op, takers[k].inputs, "y", NULL, 0});
		open_all(&m, "y");
		const Wanted first = {k == 1 ? 0 : 1, {1}, {k == 2 ? 1 : 5}};
		expect(&m, X(5, 7, 6), 1, &first);
		const Tensor *none = tensor_new(cx->arena, F32, 1, (const int64_t[]){0}), *out;
		for (volatile int w = 0; w < m.n_sessions; w++) {
			volatile bool done = false;
			TRY (cx) {
				session_run(m.sessions[w], cx->arena, &none, NULL, &out, NULL);
				done = true;
			}
			cr_expect_not(done, "%s, way %d", takers[k].op, w);
		}
		ctx_free(m.cx);
	}
}
