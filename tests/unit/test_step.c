/* test_step.c: the step graph, run once for each element of a sequence, gives what the sequence graph gives at once; and so
 * does the graph of several steps, run for one chunk after another.
 *
 * Outputs that have steps are compared step by step, those of the last step at the end.  Sums are taken in the same order
 * by both, so the results are equal to the last bit.
 */
#include "passes/passes.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MAX_VALUES = 8 };

static const Tensor *random_tensor(Arena *arena, const Tensor *shape_of, uint64_t *seed)
{
	Tensor *t = tensor_new(arena, shape_of->elem, shape_of->rank, shape_of->dims);
	for (int64_t i = 0; i < t->count; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		tensor_set(t, i, (double)(*seed >> 40) / (1 << 23) - 1);
	}
	return t;
}

/* Elements of an axis, n from `step` on. */
static const Tensor *take(Arena *arena, const Tensor *x, int axis, int64_t step, int64_t n)
{
	int64_t dims[8], outer = 1, inner = elem_info[x->elem].size;
	memcpy(dims, x->dims, sizeof *dims * (size_t)x->rank);
	dims[axis] = n;
	for (int i = 0; i < axis; i++) outer *= x->dims[i];
	for (int i = axis + 1; i < x->rank; i++) inner *= x->dims[i];
	Tensor *y = tensor_new(arena, x->elem, x->rank, dims);
	for (int64_t o = 0; o < outer; o++)
		memcpy((char *)y->data + o * n * inner, (const char *)x->data + (o * x->dims[axis] + step) * inner,
			(size_t)(n * inner));
	return y;
}

static void assert_equal(const Tensor *a, const Tensor *b, const char *what, int64_t step)
{
	cr_assert(a->count == b->count && memcmp(a->data, b->data, tensor_size_bytes(a)) == 0, "%s differs at step %d",
		what, (int)step);
}

/* The axis on which two types differ, or -1. */
static int differing_axis(const Type *a, const Type *b)
{
	for (int i = 0; i < a->rank; i++)
		if (a->dims[i] != b->dims[i]) return i;
	return -1;
}

static void eval(Ctx *cx, const Graph *g, const Tensor **inputs, const Tensor **results)
{
	Eval e = {.cx = cx, .arena = cx->arena};
	eval_graph(&e, g, inputs, results);
}

static const Tensor *tensor_for(Ctx *cx, const Type *t, int64_t T)
{
	DimEnv env;
	int64_t dims[8];
	dimenv_init(&env, cx->arena);
	dim_sym(cx, "T");
	dimenv_set(&env, sym_find(cx, "T"), T);
	for (int i = 0; i < t->rank; i++) dims[i] = dim_eval(cx, t->dims[i], &env);
	return tensor_new(cx->arena, t->elem, t->rank, dims);
}

/* The sequence in bits of `chunk` steps by `part`, the graph of one step or of several. */
static void check_parts(Ctx *cx, const Graph *g, const Step *step, const Graph *part, int64_t T, int64_t chunk,
	const Tensor **inputs, const Tensor **results)
{
	const int n_states = step->n_states, n_inputs = part->n_params - n_states, n_outputs = g->n_results;
	const Tensor *now[MAX_VALUES], *out[MAX_VALUES];
	for (int s = 0; s < n_states; s++) {
		now[n_inputs + s] =
			step->initial[s] ? step->initial[s] : tensor_for(cx, part->params[n_inputs + s]->type, T);
		cr_assert_str_eq(step->names[s], part->param_names[n_inputs + s]);
	}
	for (int64_t t = 0; t < T; t += chunk) {
		const int64_t n = chunk < T - t ? chunk : T - t;
		for (int i = 0; i < n_inputs; i++) {
			int axis = differing_axis(g->params[i]->type, step->graph->params[i]->type);
			now[i] = axis < 0 ? inputs[i] : take(cx->arena, inputs[i], axis, t, n);
		}
		eval(cx, part, now, out);
		for (int i = 0; i < n_outputs; i++) {
			int axis = differing_axis(g->results[i]->type, step->graph->results[i]->type);
			if (axis >= 0)
				assert_equal(take(cx->arena, results[i], axis, t, n), out[i], g->result_names[i], t);
			else if (t + n == T) assert_equal(results[i], out[i], g->result_names[i], t);
		}
		for (int s = 0; s < n_states; s++) now[n_inputs + s] = out[n_outputs + s];
	}
}

static void check(Ctx *cx, const char *text, int64_t T, int n_states)
{
	const Graph *g = pass_run(cx, "canon", graph_parse(cx, text, "test"));
	const Step step = pass_step(cx, g);
	cr_assert(step.graph, "no step: %s", step.reason);
	graph_verify(cx, step.graph);
	graph_verify(cx, step.chunk);
	cr_assert_eq(step.n_states, n_states);
	const int n_inputs = step.graph->n_params - n_states;
	const Tensor *inputs[MAX_VALUES], *results[MAX_VALUES];
	uint64_t seed = 1;
	for (int i = 0; i < g->n_params; i++) { /* an input that is left out is a state: zeros */
		const Tensor *x = tensor_for(cx, g->params[i]->type, T);
		inputs[i] = i < n_inputs ? random_tensor(cx->arena, x, &seed) : x;
	}
	eval(cx, g, inputs, results);
	check_parts(cx, g, &step, step.graph, T, 1, inputs, results);
	check_parts(cx, g, &step, step.chunk, T, 1, inputs, results);
	check_parts(cx, g, &step, step.chunk, T, 3, inputs, results);
	check_parts(cx, g, &step, step.chunk, T, T, inputs, results);
}

typedef struct {
	Ctx *cx;
	const char *text;
	int n_states;
} Model;

static const char *try_check(Model m, int64_t T)
{
	m.cx->error = NULL;
	TRY (m.cx) { check(m.cx, m.text, T, m.n_states); }
	return m.cx->error;
}

static void check_lengths(const char *text, int n_states)
{
	static const int64_t lengths[] = {1, 2, 7};
	for (int i = 0; i < 3; i++) {
		Model m = {ctx_new(), text, n_states};
		const char *error = try_check(m, lengths[i]);
		cr_assert(!error, "%s", error);
		ctx_free(m.cx);
	}
}

#define CELL                                                                                                   \
	"body={ graph @gru(%W: f32[2, 4], %h: f32[3, 2], %x: f32[3, 2]) -> (%h: f32[3, 2], %y: f32[3, 2]) {\n" \
	"  %a = contract %x %W spec=\"bk,kn->bn\"\n"                                                           \
	"  %zs = slice %a start=[0, 0] size=[3, 2] step=[1, 1]\n"                                              \
	"  %ns = slice %a start=[0, 2] size=[3, 2] step=[1, 1]\n"                                              \
	"  %z = sigmoid %zs\n  %n0 = add %ns %h\n  %n = tanh %n0\n  %d = sub %n %h\n  %zd = mul %z %d\n"       \
	"  %h2 = add %h %zd\n  %y = mul %h2 %z\n  return %h2 %y } }\n"

/* A state that begins elsewhere than at zero; outputs of all steps, of the last one, and the final state. */
Test(step, one_layer)
{
	check_lengths(
		"graph @m(%x: f32[T, 3, 2]) -> (%y: f32[T, 3, 2], %h: f32[3, 2], %last: f32[3, 2]) {\n"
		"  %h0 = const f32[3, 2] {0.5, 1, 0.5, 2, 0.5, 3}\n"
		"  %s = scan %h0 %x counts=[0, 1] length=[T] reverse=[0] body={\n"
		"    graph @c(%h: f32[3, 2], %x: f32[3, 2]) -> (%h: f32[3, 2], %y: f32[3, 2]) {\n"
		"      %a = add %h %x\n      %t = tanh %a\n      return %t %a } }\n"
		"  %h = get %s index=[0]\n  %y = get %s index=[1]\n"
		"  %l = slice %y start=[T-1, 0, 0] size=[1, 3, 2] step=[1, 1, 1]\n  %last = reshape %l shape=[3, 2]\n"
		"  return %y %h %last }",
		1);
}

/* Two layers, batch first, a layer on [3*T, 2] on top; the initial states are zeros and an input that is left out. */
/* A length that is a number: a chunk has a size of its own. */
Test(step, of_fixed_length)
{
	static const char text[] =
		"graph @m(%x: f32[3, 7, 2]) -> (%y: f32[3, 7, 2], %last: f32[3, 2]) {\n"
		"  %xt = permute %x perm=[1, 0, 2]\n  %h0 = const f32[] {0}\n  %h1 = expand %h0 shape=[3, 2]\n"
		"  %s = scan %h1 %xt counts=[0, 1] length=[7] reverse=[0] body={\n"
		"    graph @c(%h: f32[3, 2], %x: f32[3, 2]) -> (%h: f32[3, 2], %y: f32[3, 2]) {\n"
		"      %a = add %h %x\n      %t = tanh %a\n      return %t %a } }\n"
		"  %ys = get %s index=[1]\n  %y = permute %ys perm=[1, 0, 2]\n"
		"  %l = slice %ys start=[6, 0, 0] size=[1, 3, 2] step=[1, 1, 1]\n  %last = reshape %l shape=[3, 2]\n"
		"  return %y %last }";
	Model m = {ctx_new(), text, 1};
	const char *error = try_check(m, 7);
	cr_assert(!error, "%s", error);
	ctx_free(m.cx);
}

Test(step, two_layers)
{
	check_lengths(
		"graph @m(%x: f32[3, T, 2], %W: f32[2, 4], %h0: f32[1, 3, 2]) -> (%y: f32[3, T, 3], %hn: f32[3, 2]) {\n"
		"  %zero = const f32[] {0}\n  %g0 = expand %zero shape=[3, 2]\n  %k0 = reshape %h0 shape=[3, 2]\n"
		"  %xt = permute %x perm=[1, 0, 2]\n"
		"  %s = scan %W %k0 %xt counts=[1, 1] length=[T] reverse=[0] " CELL "  %u = get %s index=[1]\n"
		"  %s2 = scan %W %g0 %u counts=[1, 1] length=[T] reverse=[0] " CELL
		"  %v = get %s2 index=[1]\n  %hn = get %s2 index=[0]\n"
		"  %p = permute %v perm=[1, 0, 2]\n  %f = reshape %p shape=[3*T, 2]\n"
		"  %w = const f32[2, 3] {1, -2, 3, 0.5, 5, -6}\n  %l = contract %f %w spec=\"ak,kn->an\"\n"
		"  %y = reshape %l shape=[3, T, 3]\n  return %y %hn }",
		2);
}

/* A residual, a mask that joins later, and statistics of each step by itself. */
Test(step, beside_the_scan)
{
	check_lengths("graph @m(%x: f32[T, 3, 2], %m: f32[T, 3], %W: f32[2, 4]) -> (%y: f32[T, 3, 2], %n: f32[T]) {\n"
		      "  %zero = const f32[] {0}\n  %g0 = expand %zero shape=[3, 2]\n"
		      "  %s = scan %W %g0 %x counts=[1, 1] length=[T] reverse=[0] " CELL
		      "  %u = get %s index=[1]\n  %r = add %u %x\n"
		      "  %m1 = reshape %m shape=[T, 3, 1]\n  %m2 = expand %m1 shape=[T, 3, 2]\n  %y = mul %r %m2\n"
		      "  %n = reduce %y kind=\"max\" axes=[1, 2]\n  return %y %n }",
		1);
}
